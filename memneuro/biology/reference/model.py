"""What a reference neuron is: equations, threshold and reset in Brian2's terms, and the card with its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from brian2 import Quantity

from memneuro.circuit.device_circuit import METHOD


@dataclass(frozen=True)
class ReferenceModel:
    """A neuron model from the literature.

    Parameters
    ----------
    name : str
        What cards call it.
    equations : str
        Brian2 equations that read the current ``i_in``, without parameter declarations.
    parameters : mapping of str to str
        The parameters that the equations use and their units.
    threshold, reset : str
        As for ``NeuronGroup``. A refractory period is written with ``REFRACTORY``.
    initial : mapping of str to str
        Start of the states.
    default_card : str
        The card used when only the model is named.
    step : Quantity (second)
        Default step.
    method : str
        State updater.
    noise_threshold : str
        Takes the place of `threshold` with noise; empty for a deterministic model.
    noise_parameters : tuple of str
        Parameters that appear only with noise.
    """

    name: str
    equations: str
    parameters: Mapping[str, str]
    threshold: str
    reset: str
    initial: Mapping[str, str]
    default_card: str
    step: Quantity
    method: str = METHOD
    noise_threshold: str = ""
    noise_parameters: tuple[str, ...] = field(default_factory=tuple)

    @property
    def stochastic(self) -> bool:
        """Whether the model has noise of its own."""
        return bool(self.noise_threshold)


_MODELS: dict[str, ReferenceModel] = {}


def register(model: ReferenceModel) -> ReferenceModel:
    """Make a model known by its name."""
    _MODELS[model.name] = model
    return model


def reference_model(name: str) -> ReferenceModel:
    """Return a model by name.

    Raises
    ------
    ValueError
        If the name is unknown; the message lists the known ones.
    """
    if name not in _MODELS:
        raise ValueError(f"unknown reference model {name!r}; known models: {', '.join(sorted(_MODELS))}")
    return _MODELS[name]


def reference_names() -> list[str]:
    """Names of all reference models.

    Returns
    -------
    list of str
        Sorted.
    """
    return sorted(_MODELS)


def escape(distance: str) -> str:
    """Threshold condition of escape noise.

    A spike within a step with probability ``1 - exp(-hazard dt)``, ``hazard = rate_threshold exp(distance/delta_u)``,
    with `distance` the name of the potential above the threshold. More than 20 delta_u below it, where the rate is
    below
    3e-9 of `rate_threshold`, there is none: so the exponentials and the random number are needed only near a spike.
    """
    hazard = f"rate_threshold*exp_ieee(clip({distance}/delta_u, -50, 50))"
    uniform = f"threefry_uniform(noise_seed, i + noise_offset, t_in_timesteps, {ESCAPE_STREAM})"
    return f"{READY} and {distance} > -20*delta_u and {uniform} > exp_ieee(-dt*{hazard})"


#: Refractory period: `active` is the part of a step after `t_free`, by which derivatives are multiplied. Brian2's own
#: compares whole numbers of steps, which compilers do not vectorise.
REFRACTORY = """
t_free : second
active = clip((t - t_free)/dt + 1, 0, 1) : 1 (constant over dt)
"""
#: Threshold condition and reset that go with it, and its start.
READY = "t >= t_free"
BLOCK = "t_free = t + t_refractory"
FREE = {"t_free": "-1*second"}

#: Stream of the uniform numbers; those of state noise count from 0.
ESCAPE_STREAM = 64
