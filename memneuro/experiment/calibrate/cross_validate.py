"""The same search once for each fold, without the rows of that fold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from memneuro.experiment.calibrate.optimise import calibrate
from memneuro.experiment.calibrate.search import Search
from memneuro.experiment.held_out import folds
from memneuro.experiment.score import DEVICES


def cross_validate(search: Search, *, journal: Path | None = None, **options: Any) -> pd.DataFrame:
    """Calibrate a model fold by fold.

    Parameters
    ----------
    search : Search
        Parameters and limits.
    journal : Path, optional
        File (``.npz``) to keep the searches in and to resume from.
    **options : object
        Of :func:`memneuro.experiment.calibrate.optimise.calibrate`.

    Returns
    -------
    DataFrame
        One row a fold, device and fitted number: ``device_model``, ``fold``, ``device``, ``parameter``, ``value`` (in
        the card's unit), and ``objective`` of the fold.
    """
    number = folds()
    names = np.unique(number)
    rows = number != names[:, np.newaxis]
    points, losses, _ = calibrate(search, seeds=[int(fold) for fold in names], rows=rows, journal=journal, **options)
    return pd.DataFrame(
        [
            (search.variant, int(fold), device, name, float(f"{value:.5g}"), float(loss))
            for fold, point, loss in zip(names, points, losses, strict=True)
            for device in DEVICES
            for name, value in search.values(point, device).items()
        ],
        columns=["device_model", "fold", "device", "parameter", "value", "objective"],
    )
