"""Reference neurons with the interface of the memristor neuron: a card, equations, an ordinary NeuronGroup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from brian2 import Equations, NeuronGroup, Quantity, TimedArray, amp, get_dimensions, second

import memneuro.numerics  # noqa: F401  (registers the integrator and the noise)
from memneuro.biology.reference.model import ReferenceModel, reference_model, reference_names
from memneuro.circuit.device_circuit import whole_number
from memneuro.circuit.drive import Drive, check
from memneuro.circuit.injected import Injected
from memneuro.device.card import Card, card, parse_unit
from memneuro.numerics.threefry import MAX_SEED


class ConstantCurrent(Drive):
    """A constant current ``i_in`` (amp), one for all neurons or one each.

    Parameters
    ----------
    current : Quantity (amp)
    """

    def __init__(self, current: Quantity) -> None:
        check("current", current, amp, signed=True)
        self.current = current

    def parameters(self) -> dict[str, tuple[Any, str]]:
        """The current."""
        return {"i_in": (self.current, "amp")}

    def equations(self) -> str:
        """None: the current is a parameter."""
        return ""


def as_current(value: Any) -> Drive:
    """Turn a current, a TimedArray of currents, or a Drive that defines ``i_in`` into a Drive.

    Raises
    ------
    TypeError
        For anything else.
    """
    if isinstance(value, Drive):
        return value
    if isinstance(value, TimedArray):
        return Injected(value)
    if isinstance(value, Quantity):
        return ConstantCurrent(value)
    raise TypeError(f"drive {value!r} is not understood; accepted: a current, a TimedArray of currents, or a Drive")


class ReferenceNeuron:
    """A neuron model from the literature, to compare with.

    Parameters
    ----------
    model : str or Card
        A reference card, its name, or the name of a model (``lif``, ``stochastic_lif``, ``adex``, ``gif``,
        ``hodgkin_huxley``, ...), which stands for the model's default card.

    Raises
    ------
    ValueError
        If the name is unknown or the card is of another kind.

    Examples
    --------
    >>> from brian2 import pA
    >>> from memneuro.biology import ReferenceNeuron
    >>> group = ReferenceNeuron("adex").group(10, drive=500*pA)
    """

    def __init__(self, model: str | Card) -> None:
        if isinstance(model, str):
            model = card(reference_model(model).default_card if model in reference_names() else model)
        if model.kind != "reference":
            raise ValueError(f"card {model.name!r} describes a {model.kind}; a reference card is needed here")
        self.card = model
        self.model: ReferenceModel = reference_model(model.model)
        missing = [name for name in self.model.parameters if name not in model.parameters]
        if missing:
            raise ValueError(f"card {model.name!r} lacks {', '.join(missing)} of model {model.model!r}")

    def __repr__(self) -> str:
        return f"ReferenceNeuron({self.card.name!r})"

    def with_(self, **changes: Any) -> ReferenceNeuron:
        """A neuron with some card values changed."""
        return ReferenceNeuron(self.card.with_(**changes))

    def parameters(self, noise: bool = True) -> dict[str, tuple[Any, str]]:
        """Value and unit text of every parameter that the equations use, by name."""
        return {
            name: (self.card.parameters[name].quantity, unit)
            for name, unit in self.model.parameters.items()
            if noise or name not in self.model.noise_parameters
        }

    @property
    def default_step(self) -> Quantity:
        """The step used when none is given."""
        return self.model.step

    def equations(self, drive: Any = None, *, noise: bool = True, per_neuron: Iterable[str] = ()) -> Equations:
        """The neuron as Brian2 equations; see :meth:`memneuro.circuit.one_m1t1r.OneM1T1R.equations`.

        Parameters
        ----------
        drive : Quantity (amp), TimedArray (amp), Drive or None
            The current; see :func:`as_current`. None is no current.
        noise : bool
            Whether a stochastic model fluctuates.
        per_neuron : iterable of str
            Parameters with one value for each neuron.
        """
        drive = Injected(TimedArray([0] * amp, dt=1 * second)) if drive is None else as_current(drive)
        return Equations(self._text(drive, noise, set(per_neuron)))

    def _text(self, drive: Drive, noise: bool, per_neuron: set[str]) -> str:
        lines = [self.model.equations, drive.equations()]
        for name, (_, unit) in {**self.parameters(noise), **drive.parameters()}.items():
            flag = "constant" if name in per_neuron else "shared, constant"
            lines.append(f"{name} : {unit} ({flag})")
        if noise and self.model.stochastic:
            lines += ["noise_seed : integer (shared, constant)", "noise_offset : integer (shared, constant)"]
        return "\n".join(lines)

    def group(
        self,
        n: int = 1,
        *,
        drive: Any,
        dt: Quantity | None = None,
        seed: int = 0,
        offset: int = 0,
        noise: bool = True,
        spread: Any = False,
        check_step: bool = True,
        name: str | None = None,
        **parameters: Any,
    ) -> NeuronGroup:
        """An ordinary Brian2 ``NeuronGroup`` of n such neurons.

        Parameters
        ----------
        n : int
            Number of neurons.
        drive : Quantity (amp), TimedArray (amp) or Drive
            The current; see :func:`as_current`.
        dt : Quantity (second), optional
            Time step; by default the model's.
        seed, offset : int
            Of the noise; see :meth:`memneuro.circuit.one_m1t1r.OneM1T1R.group`.
        noise : bool
            Whether a stochastic model fluctuates; without noise it fires at its threshold.
        spread : False
            Reference neurons do not differ from one another.
        check_step : bool
            Without effect here.
        name : str, optional
            Name of the group.
        **parameters : Quantity (any unit), one or shape (n,)
            Values to replace, one or n of them, with units.

        Raises
        ------
        ValueError
            For a bad number of neurons, seed, parameter name, value or shape.
        brian2.DimensionMismatchError
            For a wrong unit.
        """
        n = whole_number(n, "n", 1, 2**31 - 1)
        seed = whole_number(seed, "seed", 0, MAX_SEED)
        offset = whole_number(offset, "offset", 0, 2**31 - 1 - n)
        if spread:
            raise ValueError(f"spread = {spread!r}; accepted: False, reference neurons have no device spread")
        drive = as_current(drive)
        drive.check_size(n)
        values = {**self.parameters(noise), **drive.parameters()}
        for key, value in parameters.items():
            values[key] = (self.checked(key, value, drive), values.get(key, (None, ""))[1])
        per_neuron = {key for key, (value, _) in values.items() if np.ndim(value) > 0}
        for key in per_neuron:
            if np.shape(values[key][0]) != (n,):
                raise ValueError(f"{key} has the shape {np.shape(values[key][0])}; accepted: one value or {n} values")
        step = self.model.step if dt is None else dt
        if get_dimensions(step) != get_dimensions(second) or not 0 < float(step) < np.inf:
            raise ValueError(f"dt = {dt!r} is not a time greater than zero")
        noisy = noise and self.model.stochastic
        group = NeuronGroup(
            n,
            Equations(self._text(drive, noise, per_neuron)),
            method=self.model.method,
            threshold=self.model.noise_threshold if noisy else self.model.threshold,
            reset=self.model.reset,
            dt=step,
            namespace=drive.namespace(),
            **({} if name is None else {"name": name}),
        )
        for key, (value, unit) in values.items():
            setattr(group, key, value if unit != "1" else np.asarray(value, dtype=float))
        if noisy:
            group.noise_seed, group.noise_offset = seed, offset
        self.set_initial(group, drive, noise)
        return group

    def set_initial(self, group: NeuronGroup, drive: Any, noise: bool = True) -> None:
        """Give the states of a group of this neuron their initial values.

        Parameters
        ----------
        group : NeuronGroup
            A group of this neuron.
        drive : Quantity (amp), TimedArray (amp) or Drive
            Its input, which may have states too.
        noise : bool
            Without effect here.
        """
        for key, value in {**self.model.initial, **as_current(drive).initial()}.items():
            setattr(group, key, value)

    def device_spread(self, names: Iterable[str]) -> Mapping[str, float]:
        """Nothing: reference neurons have no device spread."""
        return {}

    def checked(self, key: str, value: Any, drive: Any = None) -> Any:
        """One value of a parameter or an array of them, with its unit, after a check of unit and range.

        Parameters
        ----------
        key : str
            A parameter of the card or of the drive.
        value : Quantity (any unit), one or shape (n,)
            The value, with the unit of the card or the drive.
        drive : Quantity (amp), TimedArray (amp), Drive or None
            The input; without one only the card's parameters are known.

        Raises
        ------
        ValueError
            If there is no parameter of that name, or a value is out of range.
        brian2.DimensionMismatchError
            If a value has the wrong unit.
        """
        extra = {} if drive is None else as_current(drive).parameters()
        if key in self.model.parameters:
            unit = parse_unit(self.card.parameters[key].unit)
            if np.ndim(value) > 1:
                raise ValueError(f"{key} has the shape {np.shape(value)}; accepted: one value, or one for each neuron")
            if np.ndim(value) == 0:
                return self.card.number(key, value) * unit
            return np.array([self.card.number(key, one) for one in value]) * unit
        if key in extra:
            check(key, value, parse_unit(extra[key][1]), signed=True)
            return value
        raise ValueError(f"unknown parameter {key!r}; accepted: {', '.join(sorted({*self.model.parameters, *extra}))}")
