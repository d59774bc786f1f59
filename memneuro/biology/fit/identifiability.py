"""How well the data determine the parameters of a fit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from memneuro.biology.fit.model import fit_model


def identifiability(fits: pd.DataFrame) -> pd.DataFrame:
    """What the fits of a table leave open, one row a model, cell and parameter.

    On the scale of the search (logarithmic where the search is), with the search range as the unit:

    * ``range``: width of the range within which visited points were as good as the best but for 0.02 of the loss, mean
      over the fits;
    * ``spread``: standard deviation of the best value over the fits;
    * ``determined``: 1 minus the larger of the range and of twice the spread, at least 0. Near 1 the data fix the
      parameter; near 0 any value within the limits will do, usually because another one makes up for it.

    A range is that of points a search happened to visit, so it is too narrow rather than too wide.

    Parameters
    ----------
    fits : DataFrame
        As :meth:`memneuro.biology.fit.search.Fits.table` makes it.

    Returns
    -------
    DataFrame
        ``model``, ``cell``, ``parameter``, ``unit``, ``value`` (median over the fits), ``low`` and ``high`` (of all
        ranges), ``range``, ``spread``, ``determined``, ``at_limit`` (the value of a fit lies within 1 % of a limit).
    """
    rows = []
    for model, of_model in fits.groupby("model", sort=False):
        for one in fit_model(str(model)).free:
            scale = np.log if one.log else np.asarray
            width = float(scale(one.high) - scale(one.low))
            of_parameter = of_model[of_model["parameter"] == one.name]
            for cell, own in of_parameter.groupby("cell", sort=False):
                at = (scale(own["value"].to_numpy()) - scale(one.low)) / width
                spans = (scale(own["high"].to_numpy()) - scale(own["low"].to_numpy())) / width
                spread = float(np.std(at, ddof=1)) if len(own) > 1 else 0.0
                rows.append(
                    {
                        "model": model,
                        "cell": cell,
                        "parameter": one.name,
                        "unit": one.unit,
                        "value": float(own["value"].median()),
                        "low": float(own["low"].min()),
                        "high": float(own["high"].max()),
                        "range": float(spans.mean()),
                        "spread": spread,
                        "determined": max(0.0, 1 - max(float(spans.mean()), 2 * spread)),
                        "at_limit": bool(np.any((at < 0.01) | (at > 0.99))),
                    }
                )
    return pd.DataFrame(rows)
