"""What the literature says about neurons: cell classes, statistics of firing, and the range of each trait.

Both tables name the source of every row. The ranges in :func:`trait_ranges` are computed from them, or stated here with
their source where the tables have none.
"""

from __future__ import annotations

import pandas as pd

from memneuro.tables import packaged_table

#: Rows of the cell classes that sum up others.
_SUMS = ("all spiny", "all aspiny")

#: Delay and jitter of one stage of a chain, and softness of a threshold: low, high, source.
_STATED = {
    ("cascaded connection", "delay of a stage / integration time"): (
        1.0,
        5.0,
        "1 ms (a synapse alone, not verified) to 5 ms a stage (group 40 of a synfire chain fires about 200 ms after "
        "group 1; a model, Jun & Jin 2007, doi:10.1371/journal.pone.0000723)",
    ),
    ("cascaded connection", "jitter of a stage / integration time"): (
        0.1,
        2.0,
        "synaptic latencies of cortical pairs vary by about 1-2 ms (Boudkkazi et al. 2007, "
        "doi:10.1016/j.neuron.2007.10.037); the lower limit of 0.1 ms was not verified",
    ),
}


def cell_classes() -> pd.DataFrame:
    """Medians of classes of cortical cells in slices (Allen Cell Types Database).

    Returns
    -------
    DataFrame
        One row a class: ``species``, ``cell_class``, ``n_cells``, ``resting_potential_mV``, ``input_resistance_Mohm``,
        ``membrane_time_constant_ms``, ``rheobase_pA``, ``fi_slope_Hz_per_pA``, ``adaptation_index``, ``mean_rate_Hz``,
        ``upstroke_downstroke_ratio``, ``ap_threshold_mV``, ``latency_ms``, ``source``.
    """
    return _read("cell_classes.csv")


def cell_statistics() -> pd.DataFrame:
    """Ranges of statistics of firing: ``quantity``, ``cell_or_condition``, ``low``, ``high``, ``unit``, ``source``,
    ``verified`` (yes, partly, no, secondary, computed)."""
    return _read("cell_statistics.csv")


def statistic(quantity: str, condition: str) -> tuple[float, float, str]:
    """Low, high and source of one row of :func:`cell_statistics`.

    Parameters
    ----------
    quantity : str
        Its column ``quantity``.
    condition : str
        Its column ``cell_or_condition``.

    Raises
    ------
    KeyError
        If there is no such row, or more than one.
    """
    table = cell_statistics()
    rows = table[(table["quantity"] == quantity) & (table["cell_or_condition"] == condition)]
    if len(rows) != 1:
        known = ", ".join(f"{a} ({b})" for a, b in zip(table["quantity"], table["cell_or_condition"], strict=True))
        raise KeyError(f"no single row {quantity!r} ({condition!r}); the table has {known}")
    row = rows.iloc[0]
    return float(row["low"]), float(row["high"]), f"{row['source']} (verified: {row['verified']})"


def trait_ranges() -> pd.DataFrame:
    """Range that the literature gives for the dimensionless measure of each trait.

    The integration time of a cell is its membrane time constant, tau. The rate at 1.2 x rheobase is taken from the
    slope of the f-I curve: 0.2 x rheobase x slope. Times are divided by the longest tau of the classes for the lower
    limit and by the shortest for the upper one, so that the range covers every class.

    Returns
    -------
    DataFrame
        ``trait``, ``measure``, ``low``, ``high``, ``note``.
    """
    cells = cell_classes()
    cells = cells[~cells["cell_class"].isin(_SUMS)]
    tau = cells["membrane_time_constant_ms"]
    leaky = 0.2 * cells["rheobase_pA"] * cells["fi_slope_Hz_per_pA"] * tau * 1e-3
    allen = f"{len(cells)} cell classes, Allen Cell Types Database"
    rows = [
        (
            "leaky integration",
            "integration time / mean interval",
            leaky.min(),
            leaky.max(),
            f"{allen}: from f-I slopes",
        ),
        (
            "threshold firing",
            "relative width of the threshold",
            0.007,
            0.12,
            "relative spread of axons under single pulses, frog node to cat auditory nerve (Verveen 1962; Javel 1990); "
            "recalled, not verified",
        ),
    ]
    for (trait, measure), (low, high, source) in _STATED.items():
        rows.append((trait, measure, low / tau.max(), high / tau.min(), f"{source}; over the tau of {allen}"))
    index = cells["adaptation_index"]
    rows.append(("intrinsic plasticity", "adaptation index", index.min(), index.max(), allen))
    low, high, source = statistic("absolute_refractory_period", "typical neuron")
    rows.append(
        (
            "refractory period",
            "absolute refractory period / integration time",
            low / tau.max(),
            high / tau.min(),
            f"{source}; over the tau of {allen}",
        )
    )
    for measure, quantity, condition in (
        ("interval CV at 1.2 x rheobase", "isi_cv", "slice with constant current"),
        ("interval CV under noise", "isi_cv", "cortex in vivo"),
        ("Fano factor", "fano_factor", "cortex in vivo"),
    ):
        low, high, source = statistic(quantity, condition)
        rows.append(("stochasticity", measure, low, high, f"{condition}: {source}"))
    return pd.DataFrame(rows, columns=["trait", "measure", "low", "high", "note"])


def _read(name: str) -> pd.DataFrame:
    return packaged_table("memneuro.biology", name)
