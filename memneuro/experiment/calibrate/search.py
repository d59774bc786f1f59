"""What a calibration fits, and within which limits.

In place of mu the search has the growth rate of an empty gap at the voltage of the device's figure (``DRIVES``),
mu sinh(V/v_hop) or mu V: it and the voltage scale then act nearly independently of each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from brian2 import Quantity, us

from memneuro.device.card import Card
from memneuro.experiment.score import DEVICES

#: Voltage (V) of the pulses of each device's figures.
DRIVES = {"2e4d": 0.8, "3b": 0.9, "3cd": 0.9, "4ab": 2.0}
GROWTH = "growth"


@dataclass(frozen=True)
class Search:
    """What is fitted and within which limits.

    Parameters
    ----------
    variant : str
        A variant of :data:`memneuro.experiment.score.MODELS`.
    template : str
        The card whose other values are kept.
    shared, by_device : dict of str to (float, float)
        Lowest and highest value of each fitted parameter, in the card's unit; of ``growth`` in 1/second.
    start : dict of str to float
        Where a search from scratch starts: the kinetics of the paper's Table 1 and round numbers for the others, the
        same for every device but ``v_hop``, which is a tenth of its drive.
    noise : str
        The parameter that is the size of the noise.
    step : Quantity (second)
        Time step of the search.
    """

    variant: str
    template: str
    shared: dict[str, tuple[float, float]]
    by_device: dict[str, tuple[float, float]]
    start: dict[str, float]
    noise: str
    step: Quantity

    def names(self) -> list[tuple[str, str]]:
        """Every fitted number as (device, parameter); shared ones have the device ``""``."""
        own = [(device, name) for device in DEVICES for name in self.by_device]
        return [("", name) for name in self.shared] + own

    def parameters(self) -> list[str]:
        """The card's names of the fitted parameters of a device."""
        return [*self.shared, *(name for name in self.by_device if name != GROWTH), "mu"]

    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Logarithms of the limits, in the order of :meth:`names`."""
        pairs = [self.by_device[name] if device else self.shared[name] for device, name in self.names()]
        low, high = np.log(np.array(pairs)).T
        return low, high

    def values(self, point: np.ndarray, device: str) -> dict[str, float]:
        """Parameter values of one device at a point of the unit cube.

        Parameters
        ----------
        point : ndarray, shape (names,)
            In the unit cube, in the order of :meth:`names`; clipped to it.
        device : str
            Whose values.
        """
        low, high = self.limits()
        numbers = np.exp(low + (high - low) * np.clip(point, 0, 1))
        own = {name: x for (owner, name), x in zip(self.names(), numbers, strict=True) if owner in ("", device)}
        own["mu"] = own.pop(GROWTH) / _drive_factor(DRIVES[device], own.get("v_hop"))
        return own

    def growth(self, values: Mapping[str, float], device: str) -> float:
        """Growth rate (1/second) of an empty gap at the drive of a device, from values of its card.

        Parameters
        ----------
        values : mapping of str to float
            ``mu`` and, where growth has a voltage scale, ``v_hop``.
        device : str
            Whose drive.
        """
        return values["mu"] * _drive_factor(DRIVES[device], values.get("v_hop"))

    def scratch(self) -> np.ndarray:
        """The point of the unit cube from which a search starts that knows no fit."""
        low, high = self.limits()
        numbers = [DRIVES[d] / 10 if n == "v_hop" else self.start[n] for d, n in self.names()]
        return (np.log(numbers) - low) / (high - low)

    def point(self, cards: Mapping[str, Card]) -> np.ndarray:
        """The point of the unit cube that stands for given cards, moved inside the limits."""
        low, high = self.limits()
        plain = {d: {n: p.value for n, p in cards[d].parameters.items()} for d in DEVICES}
        for device, own in plain.items():
            own[GROWTH] = self.growth(own, device)
        numbers = [plain[d or next(iter(DEVICES))][n] for d, n in self.names()]
        return np.clip((np.log(np.maximum(numbers, 1e-300)) - low) / (high - low), 0, 1)


def _drive_factor(voltage: float, v_hop: float | None) -> float:
    """What mu is multiplied with in the growth at a voltage: sinh(V/v_hop), or V where growth is linear."""
    return voltage if v_hop is None else float(np.sinh(voltage / v_hop))


#: Kinetics of the published compact model, Supplementary Table 1 of doi:10.1038/s41928-025-01488-x.
TABLE1 = {"alpha": 0.01, "gamma1": 600, "beta": 20, "gamma2": 5, "tunnel_length": 0.2}

SEARCHES = {
    "hopping_bounded": Search(
        "hopping_bounded",
        "hopping_bounded_2e4d",
        {
            "alpha": (0.0005, 0.2),
            # Up to 750/second the card's step is 10 us.
            "gamma1": (60, 750),
            "beta": (2, 200),
            "gamma2": (1, 40),
            "tunnel_length": (0.05, 0.6),
            "residue_cap": (0.4, 0.98),
            "sigma_tip": (0.005, 0.12),
            "tau_tip": (0.001, 0.5),
        },
        {"growth": (10, 1000), "v_hop": (0.04, 0.4)},
        {**TABLE1, "growth": 100, "residue_cap": 0.8, "sigma_tip": 0.03, "tau_tip": 0.03},
        "sigma_tip",
        20 * us,
    ),
    "compact_refitted": Search(
        "compact_refitted",
        "compact_table1",
        {
            "alpha": (0.003, 0.3),
            "gamma1": (20, 3000),
            "beta": (1, 300),
            "gamma2": (1, 40),
            "tunnel_length": (0.05, 1),
            "sigma": (1e-6, 0.1),
        },
        {"growth": (1, 3000)},
        {**TABLE1, "growth": 100, "sigma": 1e-3},
        "sigma",
        4 * us,
    ),
}
