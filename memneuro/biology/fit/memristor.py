"""The memristor neuron with its search space, its adapting variant, and both with one trait taken away.

Free are the input (gain, offset, time constant), the time scale, the control resistor, and which device it is: mu and
V_0 lie within two standard deviations of the device-to-device spread on the card. All other physics stays as it is on
the card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from brian2 import Mohm, TimedArray, farad, ms, ohm, volt

from memneuro.biology.fit.model import FitModel, register
from memneuro.biology.fit.space import Free
from memneuro.circuit.adapting import AdaptingOneM1T1R
from memneuro.circuit.injected import LowPass
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.circuit.time_scale import slowed, slowed_parameters

#: The card that the shipped fits were made with.
DEVICE = "hopping_unbounded_2e4d"
SOURCE = "doi:10.1038/s41928-025-01488-x"
#: Device parameters that may lie within the spread.
SPREAD = ("mu", "v_hop")
#: Time scale of the program's nominal values, which sets the step that is checked.
NOMINAL_SCALE = 10.0

_INPUT = (
    Free("r_in", 1e9, 1e11, "ohm", log=True),
    Free("v_offset", -1.5, 1.5, "volt"),
    Free("tau_in", 1, 200, "msecond", log=True),
    Free("time_scale", 2.5, 100, "1", log=True),
    Free("r_control", 20, 2000, "Mohm", log=True),
    *(Free(f"z_{name}", -2, 2, "1") for name in SPREAD),
)
_FOOT = (
    Free("c_foot", 10, 1000, "pfarad", log=True),
    Free("tau_foot", 3, 300, "msecond", log=True),
)


def _drive(current: TimedArray, column: Any) -> LowPass:
    return LowPass(current, column, resistance=1e10 * ohm, time_constant=20 * ms, offset=0 * volt)


def _parameters(model: FitModel, values: Mapping[str, np.ndarray]) -> dict[str, Any]:
    nominal: OneM1T1R = model.neuron
    plain = slowed(nominal, 1 / NOMINAL_SCALE)
    found = dict(slowed_parameters(plain, values["time_scale"]))
    found |= {
        "r_in": values["r_in"] * ohm,
        "v_offset": values["v_offset"] * volt,
        "tau_in": values["tau_in"] * ms,
        "r_control": values["r_control"] * Mohm,
    }
    spread = nominal.device_spread(SPREAD)
    for name in SPREAD:
        start = found.get(name, nominal.device[name])
        found[name] = start * np.exp(spread[name] * values[f"z_{name}"])
    if "c_foot" in values:
        # On the card's time scale; both parts then slow down with the rest.
        c_foot = values["c_foot"] * 1e-12 * values["time_scale"]
        found["c_foot"] = c_foot * farad
        found["r_foot"] = values["tau_foot"] * 1e-3 * values["time_scale"] / c_foot * ohm
    if not model.noise:
        found.pop("tau_tip")
    return found


def _model(name: str, title: str, neuron: OneM1T1R, free: tuple[Free, ...], noise: bool = True) -> FitModel:
    return FitModel(
        name,
        title,
        slowed(neuron, NOMINAL_SCALE),
        free,
        drive=_drive,
        parameters=_parameters,
        step=0.1 * ms,
        test_step=0.025 * ms,
        stochastic=noise,
        noise=noise,
        source=SOURCE,
    )


@register("memristor")
def memristor() -> FitModel:
    """The 1M1T1R neuron."""
    return _model("memristor", "memristor", OneM1T1R(DEVICE), _INPUT)


@register("adapting_memristor")
def adapting_memristor() -> FitModel:
    """The 1M1T1R neuron with an adaptation capacitor and resistor."""
    return _model("adapting_memristor", "memristor, adapting", AdaptingOneM1T1R(DEVICE), _INPUT + _FOOT)


def _without(**changes: Any) -> Any:
    """The parameters of the model, some of them changed."""

    def parameters(model: FitModel, values: Mapping[str, np.ndarray]) -> dict[str, Any]:
        found = _parameters(model, values)
        for name, change in changes.items():
            found[name] = change(found[name])
        return found

    return parameters


@register("memristor_no_noise")
def memristor_no_noise() -> FitModel:
    """Without the noise of the device."""
    return replace(
        _model("memristor_no_noise", "memristor, no noise", OneM1T1R(DEVICE), _INPUT, noise=False),
    )


@register("memristor_no_plasticity")
def memristor_no_plasticity() -> FitModel:
    """Without residue: beta a millionth of the card's, so that nothing outlives the filament."""
    built = _model("memristor_no_plasticity", "memristor, no plasticity", OneM1T1R(DEVICE), _INPUT)
    return replace(built, parameters=_without(beta=lambda beta: 1e-6 * beta))


@register("memristor_no_refractory")
def memristor_no_refractory() -> FitModel:
    """Without refractory period: the gate discharges a hundred times as fast."""
    built = _model("memristor_no_refractory", "memristor, no refractory period", OneM1T1R(DEVICE), _INPUT)
    return replace(built, parameters=_without(r_control=lambda r: 0.01 * r))


#: The models with a trait taken away, by that trait.
ABLATIONS = {
    "stochasticity": "memristor_no_noise",
    "intrinsic plasticity": "memristor_no_plasticity",
    "refractory period": "memristor_no_refractory",
}
