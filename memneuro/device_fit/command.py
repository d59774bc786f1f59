"""The command ``memneuro fit-device``: a card from the user's own device measurement."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memneuro.device.card import Card, card_names, read_card
from memneuro.device_fit import report
from memneuro.device_fit.extract import CRITERION
from memneuro.device_fit.fit import fit_measurement
from memneuro.device_fit.read import read_measurement


def fit_device(
    path: str | Path,
    out: str | Path | None = None,
    mapping: Mapping[str, tuple[str, str]] | None = None,
    criterion: float | str = CRITERION,
    kind: str | None = None,
    model: str | None = None,
    template: str | Path | Card | None = None,
) -> dict[str, Any]:
    """Fit a card to a file and write card, tables, figure and report.

    Parameters
    ----------
    path : path-like
        A CSV file, see :func:`memneuro.device_fit.read.read_measurement`.
    out : path-like, optional
        Folder of the results; by default beside the working directory, named like the file.
    mapping : mapping of str to (str, str), optional
        Quantity and unit by column.
    criterion : float or "half"
        Current that counts as on, in ampere.
    kind : {"sweeps", "pulses", "samples"}, optional
        What the file holds, where the columns do not tell.
    model : {"threshold", "hopping"}, optional
        Where the data are for both.
    template : str, path-like or Card, optional
        Card, or its name or file, from which is kept what the data do not determine.

    Returns
    -------
    dict
        ``card`` (name), ``model``, ``parameters`` (a list, one entry a fitted number with its 95 % range),
        ``undetermined`` (name to reason), ``goodness``, ``notes`` and ``files``.

    Raises
    ------
    ValueError
        If the file or an option is not valid, or the data are too few.
    OSError
        If the file cannot be read or the results cannot be written.
    """
    path = Path(path)
    measurement = read_measurement(path, mapping, kind)
    fit = fit_measurement(measurement, criterion, model, _template(template))
    files = report.write(fit, Path(path.stem) if out is None else Path(out), path.name)
    return {
        "card": fit.card.name,
        "model": fit.card.model,
        "parameters": fit.parameters.to_dict(orient="records"),
        "undetermined": dict(fit.undetermined),
        "goodness": fit.goodness,
        "notes": fit.notes,
        "files": files,
    }


def _template(given: str | Path | Card | None) -> str | Card | None:
    if given is None or isinstance(given, Card) or str(given) in card_names():
        return given if not isinstance(given, Path) else str(given)
    if Path(given).suffix == ".toml":
        return read_card(given)
    return str(given)


def fit_device_text(result: Mapping[str, Any]) -> str:
    """Lay out what :func:`fit_device` gave.

    Returns
    -------
    str
        Several lines.
    """
    import pandas as pd

    table = pd.DataFrame(result["parameters"])
    lines = [f"card {result['card']}, model {result['model']}; 95 % ranges", ""]
    lines += [table.to_string(index=False, float_format="{:.4g}".format), "", "not determined by these data:"]
    lines += [f"  {name}: {why}" for name, why in result["undetermined"].items()]
    lines += ["", "goodness of fit:"]
    lines += [f"  {name}: {_short(value)}" for name, value in result["goodness"].items()]
    lines += ["", *result["notes"], f"report: {result['files']['report.md']}"]
    return "\n".join(lines)


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_short(one)}" for key, one in value.items())
    return f"{value:.3g}" if isinstance(value, float) else str(value)
