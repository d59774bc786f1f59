"""Everything the report holds, by one call: tables, figures and ``report.html``."""

from __future__ import annotations

import sys
from pathlib import Path

from brian2 import us
from tqdm.auto import tqdm

from memneuro.biology.registry import RecordingUnavailable
from memneuro.chapter import chapters
from memneuro.chapter.chapter import AGREEMENT, Chapter
from memneuro.experiment.score import neurons
from memneuro.progress import no_bar
from memneuro.report import Section, provenance, write_report
from memneuro.speech.words import SpeechUnavailable

#: The chapters that need files from outside the package, or PyTorch, and may be left out without them.
NEED_MORE = ("recorded_cell", "brain_likeness", "fitted_cells", "spoken_digits", "speech_network")

INTRODUCTION = (
    "A neuron made of one diffusive memristor, one transistor and one resistor (R. Zhao et al., Nature "
    "Electronics 8, 1211-1221, 2025, doi:10.1038/s41928-025-01488-x), simulated in Brian2 and put beside what was "
    "measured on it.",
    "A chapter agrees with the measurement when the mean error of its rows is at most "
    f"{AGREEMENT:g}, and differs otherwise. The error is |ln(simulated/measured)| for times and counts, the difference "
    "for probabilities, and the difference divided by 13 ms for the gains of a second pulse.",
)


def reproduce(out: Path, fast: bool = False) -> Path:
    """Run every chapter, and write its tables and figure and the report.

    Parameters
    ----------
    out : Path
        The folder to write to: ``NN_name.csv`` (and ``NN_name_part.csv``), ``NN_name.png`` and ``report.html``.
    fast : bool
        Fewer trials and seeds: a look, not a result.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    Exception
        Whatever a chapter raises. Only what a chapter needs from outside and cannot be had is no error: it then says
        how to get it.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    sections = []
    bar = tqdm(chapters(), unit="chapter", disable=no_bar())
    for chapter in bar:
        bar.set_description(chapter.title)
        try:
            sections.append(run_chapter(chapter, out, fast))
        except (RecordingUnavailable, SpeechUnavailable, ModuleNotFoundError) as error:
            if chapter.name not in NEED_MORE:
                raise
            tqdm.write(f"{chapter.title}: left out, {error}", file=sys.stderr)
            sections.append(missing(chapter, error))
    lines = provenance(
        seed="1 in every chapter; 1, 2, 3 in the score",
        step=", ".join(f"{steps} for {name}" for name, steps in default_steps().items()),
        trials="fewer (--fast): a look, not a result" if fast else "as stated in the tables",
    )
    return write_report(out / "report.html", sections, lines, introduction=INTRODUCTION)


def default_steps() -> dict[str, str]:
    """The time step of each device card that the chapters use, as text."""
    found = {one.device.name: one.default_step for one in neurons("hopping").values()}
    return {name: f"{float(step / us):g} µs" for name, step in found.items()}


def run_chapter(chapter: Chapter, out: Path, fast: bool) -> Section:
    """Write one chapter's tables and figure, and give its section of the report.

    Parameters
    ----------
    chapter : Chapter
        What to run.
    out : Path
        Folder of the files.
    fast : bool
        Fewer trials and seeds: a look, not a result.
    """
    stem = f"{chapter.number:02d}_{chapter.name}"
    tables = chapter.write(out, stem, fast)
    return chapter.section(tables, out / f"{stem}.png")


def missing(chapter: Chapter, error: Exception) -> Section:
    """The section of a chapter that needs what cannot be had.

    Parameters
    ----------
    chapter : Chapter
        The chapter.
    error : Exception
        Why it could not run.
    """
    return Section(chapter.title, f"Not shown here: {why_missing(error)}", verdict="not measured")


def why_missing(error: Exception) -> str | None:
    """What cannot be had and how to get it; None for an error that says nothing of the kind."""
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("memneuro"):
        return f'{error}. It comes with pip install "memneuro[speech]".'
    if isinstance(error, (RecordingUnavailable, SpeechUnavailable)):
        return str(error)
    return None
