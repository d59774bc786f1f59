"""Cards from a calibrated point, and their ranges from the posterior."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from memneuro.device.card import Card, card
from memneuro.experiment.calibrate.search import Search
from memneuro.experiment.score import DEVICES, MODELS


def calibrated_cards(search: Search, point: np.ndarray, source: str) -> dict[str, Card]:
    """The four cards at a point.

    The device-to-device spread of mu is the standard deviation over the fitted devices of ln(growth at the drive of
    the device's figure). The voltage scale has none: its share in that spread is not determined.

    Parameters
    ----------
    search : Search
        Parameters and limits.
    point : ndarray, shape (names,)
        In the unit cube.
    source : str
        What the cards say of where the fitted values are from.
    """
    template = card(search.template)
    growth = [search.growth(search.values(point, device), device) for device in DEVICES]
    spread = float(f"{np.std(np.log(growth), ddof=1):.3g}")
    cards = {}
    for device, figures in DEVICES.items():
        parameters = dict(template.parameters)
        for name, value in search.values(point, device).items():
            parameters[name] = replace(
                parameters[name],
                device_spread=spread if name == "mu" else 0.0,
                value=float(f"{value:.5g}"),
                source=source,
                status="fitted",
                interval=None,
            )
        about = (
            f"{template.model.capitalize()} device fitted to Fig. {', '.join(figures)}; "
            "its kinetics are shared by the four devices."
        )
        cards[device] = Card(MODELS[search.variant][device], "device", template.model, about, parameters)
    return cards


def with_ranges(cards: dict[str, Card], table: pd.DataFrame) -> dict[str, Card]:
    """The cards with the posterior's ranges: the hull of the central 95 % under all readings.

    Parameters
    ----------
    cards : dict of str to Card
        By device.
    table : DataFrame
        What :func:`memneuro.experiment.calibrate.posterior.ranges` gives.
    """
    hull = table.groupby("parameter").agg(low=("low", "min"), high=("high", "max"))
    found = {}
    for device, one in cards.items():
        parameters = dict(one.parameters)
        for name, parameter in one.parameters.items():
            key = f"{name}_{device}" if f"{name}_{device}" in hull.index else name
            if key in hull.index:
                low, high = (float(f"{hull.loc[key, end]:.4g}") for end in ("low", "high"))
                parameters[name] = replace(parameter, interval=(low, high))
        found[device] = replace(one, parameters=parameters)
    return found
