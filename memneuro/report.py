"""One self-contained HTML page: figures, tables and verdicts, readable offline and on paper.

The page holds its style and its images, loads nothing, and says nothing about the machine or the day it was
written on: the same results give the same bytes.
"""

from __future__ import annotations

import base64
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from memneuro import __version__
from memneuro.tables import write_text

#: Each verdict with its sign. Sign and wording carry the meaning; the colour only repeats it.
VERDICTS = {"agrees": "✓", "differs": "≠", "not measured": "–"}

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Section:
    """One characteristic in the report.

    Parameters
    ----------
    title : str
        The heading; no two sections of a report may share one.
    paragraphs : str or sequence of str
        What was done and seen, as plain text.
    figure : path-like or None
        A PNG file.
    caption : str
        Printed below the figure, and its text for those who cannot see it.
    table : DataFrame or None
        Printed as it is, with numbers to four digits and its index left out.
    verdict : {"agrees", "differs", "not measured"} or None
        How the simulation compares with the measurement.
    notes : sequence of str
        Reservations, printed small below everything else.

    Raises
    ------
    ValueError
        For an empty title or an unknown verdict.
    """

    title: str
    paragraphs: str | Sequence[str] = ()
    figure: str | os.PathLike[str] | None = None
    caption: str = ""
    table: pd.DataFrame | None = None
    verdict: str | None = None
    notes: str | Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise ValueError("a section of the report needs a title")
        if self.verdict is not None and self.verdict not in VERDICTS:
            raise ValueError(f"unknown verdict {self.verdict!r}; a verdict is {', '.join(VERDICTS)} or None")


def provenance(seed: int | str, step: str, **more: Any) -> dict[str, str]:
    """Gather what somebody needs to obtain the same numbers: versions, seed and time step.

    Parameters
    ----------
    seed : int or str
        The seed, or the seeds in words.
    step : str
        The time step with its unit, such as "10 us".
    **more : object
        Further lines; an underscore in a name becomes a space.
    """
    lines = {"memneuro": __version__, "Brian2": version("brian2"), "NumPy": version("numpy")}
    lines |= {"seed": str(seed), "time step": step}
    return lines | {name.replace("_", " "): str(value) for name, value in more.items()}


def write_report(
    path: str | os.PathLike[str],
    sections: Sequence[Section],
    provenance: Mapping[str, Any],
    *,
    title: str = "The 1M1T1R neuron: simulation and measurement",
    introduction: str | Sequence[str] = (),
) -> Path:
    """Write the report as one HTML file and return its path.

    Parameters
    ----------
    path : path-like
        The HTML file; it is written whole or not at all.
    sections : sequence of Section
        In the order in which they appear.
    provenance : mapping
        Lines of the table at the end, see `provenance`.
    title : str
        The heading of the page.
    introduction : str or sequence of str
        Plain text below it, one paragraph each.

    Raises
    ------
    ValueError
        If there is no section, two share a title, or a figure is not a PNG image.
    FileNotFoundError
        If a figure is missing.
    """
    if not sections:
        raise ValueError("a report needs at least one section")
    titles = [section.title for section in sections]
    if twice := sorted({name for name in titles if titles.count(name) > 1}):
        raise ValueError(f"every section of a report needs its own title, got twice: {', '.join(twice)}")
    body = "\n".join(_section(section, f"section-{number}") for number, section in enumerate(sections, start=1))
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{_paragraphs(introduction)}
</header>
{_contents(sections)}
<main>
{body}
</main>
<footer id="provenance">
<h2>Provenance</h2>
{_definitions(provenance)}
</footer>
</body>
</html>
"""
    return write_text(page, path)


def _contents(sections: Sequence[Section]) -> str:
    items = [
        f'<li><a href="#section-{number}">{escape(section.title)}</a>{_badge(section.verdict)}</li>'
        for number, section in enumerate(sections, start=1)
    ]
    return '<nav aria-label="Contents">\n<h2>Contents</h2>\n<ol>\n' + "\n".join(items) + "\n</ol>\n</nav>"


def _section(section: Section, anchor: str) -> str:
    parts = [f'<section id="{anchor}">', f"<h2>{escape(section.title)}{_badge(section.verdict)}</h2>"]
    parts.append(_paragraphs(section.paragraphs))
    if section.figure is not None:
        parts.append(_figure(Path(section.figure), section.caption, section.title))
    if section.table is not None:
        parts.append(_table(section.table))
    if notes := _texts(section.notes):
        parts.append('<ul class="notes">' + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>")
    return "\n".join([part for part in parts if part] + ["</section>"])


def _badge(verdict: str | None) -> str:
    if verdict is None:
        return ""
    name = verdict.replace(" ", "-")
    return f' <span class="verdict {name}"><span aria-hidden="true">{VERDICTS[verdict]}</span> {verdict}</span>'


def _texts(texts: str | Sequence[str]) -> list[str]:
    return [texts] if isinstance(texts, str) and texts else list(texts)


def _paragraphs(texts: str | Sequence[str]) -> str:
    return "\n".join(f"<p>{escape(text)}</p>" for text in _texts(texts))


def _figure(path: Path, caption: str, title: str) -> str:
    data = path.read_bytes()
    if not data.startswith(_PNG_SIGNATURE):
        raise ValueError(f"the figure {path} is not a PNG image")
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    encoded = base64.b64encode(data).decode("ascii")
    image = f'<img alt="{escape(caption or title)}" src="data:image/png;base64,{encoded}">'
    return f"<figure>{image}{below}</figure>"


def _table(table: pd.DataFrame) -> str:
    numeric = [pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind) for kind in table.dtypes]
    classes = [' class="number"' if number else "" for number in numeric]
    head = "".join(
        f'<th scope="col"{kind}>{escape(str(name))}</th>' for name, kind in zip(table.columns, classes, strict=True)
    )
    rows = [
        "<tr>"
        + "".join(f"<td{kind}>{escape(_cell(value))}</td>" for value, kind in zip(row, classes, strict=True))
        + "</tr>"
        for row in table.itertuples(index=False, name=None)
    ]
    lines = "\n".join(rows)
    return (
        '<div class="scroll" tabindex="0">\n<table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>\n</div>"
    )


def _cell(value: Any) -> str:
    if value is None or value is pd.NA or value is pd.NaT:
        return "–"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (float, np.floating)):
        return "–" if math.isnan(value) else f"{value:.4g}"
    return str(value)


def _definitions(lines: Mapping[str, Any]) -> str:
    items = "".join(f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in lines.items())
    return f"<dl>{items}</dl>"


_STYLE = """
:root {
  --ink: #1b1f24; --faint: #57606a; --paper: #ffffff; --line: #d0d7de; --shade: #f6f8fa; --link: #0b5cad;
  --agrees: #005a8c; --differs: #a34700; --unknown: #57606a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e9ed; --faint: #a3adb8; --paper: #14181d; --line: #3a424c; --shade: #1d232a; --link: #7cbcf5;
    --agrees: #7cc4f2; --differs: #f0a868; --unknown: #a3adb8;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 52rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .6rem; }
p { margin: 0 0 .8rem; }
a { color: var(--link); }
nav { margin: 1.5rem 0; padding: 1rem 1.25rem; border: 1px solid var(--line); border-radius: .4rem; }
nav h2 { font-size: 1rem; }
nav ol { margin: 0; padding-left: 1.5rem; }
nav li { padding: .1rem 0; }
section, footer { margin-top: 2.5rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
figure { margin: 1rem 0; }
figure img {
  display: block; max-width: 100%; height: auto; margin: 0 auto; padding: .5rem; background: #ffffff;
  border: 1px solid var(--line); border-radius: .3rem;
}
figcaption { margin-top: .5rem; color: var(--faint); font-size: .875rem; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .875rem; min-width: 100%; }
th, td { padding: .3rem .7rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { border-bottom: 2px solid var(--faint); background: var(--shade); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.verdict {
  display: inline-block; margin-left: .35rem; padding: 0 .5rem; font-size: .8rem; font-weight: 600;
  line-height: 1.5; white-space: nowrap; vertical-align: middle; border: 1px solid currentColor;
  border-radius: 1rem;
}
.agrees { color: var(--agrees); }
.differs { color: var(--differs); border-style: dashed; }
.not-measured { color: var(--unknown); border-style: dotted; }
.notes { margin: .8rem 0 0; padding-left: 1.2rem; color: var(--faint); font-size: .875rem; }
dl {
  display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.5rem; margin: 0; font-size: .875rem;
}
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
@media print {
  :root {
    --ink: #000000; --faint: #444444; --paper: #ffffff; --line: #bbbbbb; --shade: #f2f2f2; --link: #000000;
    --agrees: #004c78; --differs: #8a3c00; --unknown: #444444;
  }
  body { max-width: none; padding: 0; font-size: 10pt; }
  h2, figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  .scroll { overflow: visible; }
}
"""
