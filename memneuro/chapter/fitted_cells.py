"""The memristor neuron and the reference neurons, fitted to recorded cells and tested on held-out noise."""

from __future__ import annotations

import numpy as np
import pandas as pd

from memneuro.biology.fit.compare import cell, default_models, shipped_comparison, shipped_fits
from memneuro.biology.fit.evaluate import TRIALS, evaluate, held_out_spikes
from memneuro.biology.fit.memristor import ABLATIONS, DEVICE
from memneuro.biology.fit.model import fit_model
from memneuro.biology.fit.search import fits_from_table
from memneuro.chapter.chapter import Chapter, Tables, no_verdict, step_text
from memneuro.figure import fitted_cells as figure

CELL = "raphe/DRN159"
#: Of the noise of the fits simulated anew.
SEED = 12345
#: Simulated anew for the raster; the first alone where there is little time.
SHOWN = ("memristor", "adapting_memristor")
MEASURES = ("gamma", "gamma_normalised", "gamma_normalised_8ms", "rate_error", "cv_error")


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """All tests of the fits that come with the package, and the spikes of some of them simulated anew.

    Raises
    ------
    RecordingUnavailable
        When the recordings are not on this machine and cannot be downloaded.
    """
    data = cell(CELL)
    held = shipped_fits()
    spikes = [_train_table("cell", data.test.trains)]
    again = []
    for name in SHOWN[:1] if fast else SHOWN:
        own = held[(held["cell"] == CELL) & (held["model"] == name)]
        best = fits_from_table(own[own["loss"] == own["loss"].min()], fit_model(name))
        again.append(evaluate(best, [data], seed=SEED, backend="runtime"))
        (trains,) = held_out_spikes(best, [data], seed=SEED, backend="runtime")
        spikes.append(_train_table(fit_model(name).title, trains[:TRIALS]))
    tests = shipped_comparison()
    return {
        "tests": tests,
        "spikes": pd.concat(spikes, ignore_index=True),
        "again": pd.concat(again, ignore_index=True),
        "by_cell": by_cell(tests),
    }


def _train_table(neuron: str, trains: tuple[np.ndarray, ...] | list[np.ndarray]) -> pd.DataFrame:
    return pd.concat(
        [pd.DataFrame({"neuron": neuron, "repeat": k, "time_s": train}) for k, train in enumerate(trains)],
        ignore_index=True,
    )


def by_cell(tests: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over the fits: one row a model and cell."""
    grouped = tests.groupby(["model", "cell"], sort=False)[list(MEASURES)]
    return grouped.mean().join(grouped.std(), rsuffix="_sd").reset_index()


def compare(tables: Tables) -> pd.DataFrame:
    """Mean over the cells with repeats: one row a model, best first within references and memristors."""
    found = tables["by_cell"].dropna(subset=["gamma_normalised"])
    means = found.groupby("model", sort=False).mean(numeric_only=True)
    rows = []
    for name in [*default_models(), *ABLATIONS.values()]:
        if name not in means.index:
            continue
        row = means.loc[name]
        own = found[found["model"] == name].set_index("cell")["gamma_normalised"]
        lif = found[found["model"] == "stochastic_lif"].set_index("cell")["gamma_normalised"]
        adex = found[found["model"] == "adex"].set_index("cell")["gamma_normalised"]
        rows.append(
            {
                "model": fit_model(name).title,
                "gamma": row["gamma"],
                "normalised": row["gamma_normalised"],
                "spread over fits": row["gamma_normalised_sd"],
                "normalised, 8 ms": row["gamma_normalised_8ms"],
                "as good as stochastic LIF": f"{int((own >= lif.reindex(own.index)).sum())} of {len(own)} cells",
                "over AdEx": own.mean() / adex.reindex(own.index).mean(),
                "rate error": row["rate_error"],
                "CV error": row["cv_error"],
            }
        )
    return pd.DataFrame(rows)


CHAPTER = Chapter(
    number=15,
    name="fitted_cells",
    title="Fitted to recorded neurons",
    paragraphs=(
        "Each model was fitted to the spikes of a cell under 60 s of noise (six neurons of the dorsal raphe, "
        "github.com/apayeur/GIF-K), with the same search (CMA-ES, the same number of candidates, three seeds), and "
        "tested on another noise that the cell had got ten times. Of the memristor neuron only the input (gain, "
        "offset, time constant), the time scale, the control resistor and the position of mu and V0 within the "
        "device-to-device spread were free.",
        "The coincidence factor counts spikes within 4 ms, less those expected by chance; divided by what the cell "
        "reaches with itself it is 1 for a model as good as a repeat of the experiment.",
        "The adapting variant has one more capacitor and one more resistor below the control resistor: each spike "
        "raises the foot of the discharge, so that the next one comes later.",
    ),
    caption=(
        "a, normalised coincidence factor on the held-out noise, one mark a cell, mean and standard deviation over "
        "three fits; bar: mean over cells; shaded: what is published for generalised integrate-and-fire models of "
        "other cells. b, spikes of the cell (DRN159) and of the best fit in part of that noise."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    judge=no_verdict,
    notes=(
        "The fits come with the package (fits.csv with seeds and ranges); `memneuro compare RECORDING --refit` repeats "
        "them. DRN163 has no repeats: its last 20 s of training noise were held out instead, without normalisation.",
        "HH: Hodgkin-Huxley. The fast-spiking set had 21 generations, the neuron without refractory period 20, not 60.",
        "Without stochasticity, plasticity or refractory period: the memristor neuron fitted anew with that trait "
        "taken away.",
    ),
    cards=(DEVICE,),
    seeds=(SEED,),
    step=lambda: ", ".join(f"{step_text(fit_model(name).test_step)} for {fit_model(name).title}" for name in SHOWN),
)
