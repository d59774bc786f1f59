"""Make the gallery from a folder of figures: figures/gallery/figNN_name.png, small, and figures/README.md.

Needed are the images and tables of every figure, as `make figures` writes them.
"""

import argparse
import json
import sys
import textwrap
from pathlib import Path

import pandas as pd
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from memneuro.chapter import chapters
from memneuro.tables import atomic_path, write_text

HERE = Path(__file__).parent

#: Colours of a small image; fewer where it would be larger than this many bytes. Lines and bands of a few colours, with
#: smooth edges, need no more.
COLOURS, LARGEST = (128, 32, 8), 60_000

PAPER = "[Zhao et al. (2025)](https://doi.org/10.1038/s41928-025-01488-x)"

#: The published figure or number that each figure answers.
ANSWERS = {
    "firing": f"Fig. 2e of {PAPER}",
    "pulse_train": f"Fig. 2e of {PAPER}",
    "leaky_integration": f"Fig. 3b of {PAPER}",
    "threshold_firing": f"Fig. 3c and 3d of {PAPER}",
    "cascade": f"the cascade of {PAPER}, which states no numbers for it",
    "intrinsic_plasticity": f"Fig. 4a and 4b of {PAPER}",
    "refractory_period": f"Fig. 4c and 4d of {PAPER}",
    "stochasticity": f"the stochasticity of {PAPER}, which states no numbers for it",
    "iv_sweep": "no published figure; measured devices of the same kind (`memneuro/experiment/devices_measured.csv`)",
    "energy": f"the energies in the text and the supplement of {PAPER}",
    "convergence": "no published figure; the steps that all others rest on",
    "score": f"Fig. 2e, 3b to 3d, 4a, 4b and 4d of {PAPER}, all read values at once",
    "recorded_cell": "no published figure; a recorded cell ([GIF-K](https://github.com/apayeur/GIF-K), DRN162)",
    "brain_likeness": "the ranges of the literature, each with its source in the table beside the figure",
    "fitted_cells": "no published figure; recorded cells ([GIF-K](https://github.com/apayeur/GIF-K))",
    "spoken_digits": "no published figure; the "
    "[Free Spoken Digit Dataset](https://doi.org/10.5281/zenodo.1342401) as the networks hear it",
    "speech_network": f"the 91.35 % of spoken digits that the network of {PAPER} is said to recognise",
    "pattern_learning": "the learning task of [Querlioz et al. (2013)](https://doi.org/10.1109/TNANO.2013.2250995), "
    "with bars for patterns",
    "oscillation": "the circuit of [Wang et al. (2018)](https://doi.org/10.1038/s41928-018-0023-2); in b the device of "
    "[the VO2 neuristor](https://doi.org/10.1038/s41467-024-51254-4)",
    "model_table": f"all read values of {PAPER}, for every device model",
}

INTRODUCTION = """# Figures

One script a figure: it simulates, and writes the tables (CSV), where the numbers are from (JSON: versions, seeds, time
steps, cards) and the figure (PNG, one journal column wide).

```
python figures/fig03_leaky_integration.py                   # beside the script
python figures/fig03_leaky_integration.py --fast --out /tmp # fewer trials: a look, not a result
make figures                                                # all of them, into results/figures
make figures FAST=1                                         # in minutes
make gallery                                                # this page and its images, from results/figures
```

Recordings of neurons and of speech are downloaded once, or read from the folder `MEMNEURO_DATA`; figure 17 needs
`pip install "memneuro[speech]"`. A figure whose recordings or packages cannot be had says so in one line and is left
out. Figures are drawn from their tables alone, by `memneuro/figure/`. They show one seed, where they do not say
otherwise; the score in the [README](../README.md) is the mean of three, of more trials.

"""


def shrink(image, out):
    """Copy a PNG with a palette in place of full colour, at the same size in pixels and with the same texts in it."""
    with Image.open(image) as full:
        texts = PngInfo()
        for name, value in full.info.items():
            if isinstance(value, str):
                texts.add_itxt(name, value)
        for colours in COLOURS:
            small = full.convert("RGB").quantize(colours, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            with atomic_path(out) as path:
                small.save(path, optimize=True, pnginfo=texts, dpi=full.info["dpi"])
            if out.stat().st_size < LARGEST:
                return


def section(chapter, stem, folder):
    """What is seen, what it answers, measured beside simulated values, and how to draw it."""
    origin = json.loads((folder / f"{stem}.json").read_text(encoding="utf-8"))
    quick = " Drawn here with fewer trials (`--fast`)." if origin["fast"] != "no" else ""
    lines = [
        f"## {chapter.number}. {chapter.title}",
        f"![{chapter.title}](gallery/{stem}.png)",
        fill(chapter.caption + quick),
        fill(f"Answers {ANSWERS[chapter.name]}."),
        f"Draw it with `python figures/{stem}.py`.",
    ]
    comparison = folder / f"{stem}_comparison.csv"
    if comparison.exists():
        lines.append(beside(pd.read_csv(comparison)))
    return "\n\n".join(line for line in lines if line) + "\n"


def fill(text):
    """Lines of the usual length; addresses stay whole."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def beside(table):
    """Measured and simulated values as a table, where a figure has both."""
    if not {"measured", "simulated", "condition", "unit"} <= set(table):
        return ""
    rows = ["| figure | condition | measured | simulated | unit |", "| --- | --- | --- | --- | --- |"]
    for row in table.to_dict(orient="records"):
        what = str(row["condition"]).split(";")[0]
        at = f"{row['condition_value']:g} {row['condition_unit']}"
        rows.append(
            f"| {row['figure']} | {what}, {at} | {row['measured']:g} | {row['simulated']:.3g} | {row['unit']} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where `make figures` has written to")
    folder = parser.parse_args().folder
    stems = {f"fig{chapter.number:02d}_{chapter.name}": chapter for chapter in chapters()}
    if missing := [stem for stem in stems if not (folder / f"{stem}.png").exists()]:
        sys.exit(f"gallery.py: error: {folder} lacks {', '.join(missing)}; `make figures` draws them")
    for stem in stems:
        shrink(folder / f"{stem}.png", HERE / "gallery" / f"{stem}.png")
    sections = [section(chapter, stem, folder) for stem, chapter in stems.items()]
    print(write_text(INTRODUCTION + "\n".join(sections), HERE / "README.md"))
