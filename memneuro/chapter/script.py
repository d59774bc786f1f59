"""What every script in ``figures/`` does: write one chapter's tables, where they are from, and its figure."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from memneuro.chapter.chapter import Chapter
from memneuro.cli import BAD_INPUT, INTERRUPTED, one_line
from memneuro.reproduce import NEED_MORE, why_missing


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: error: {message}; accepted: [--fast] [--out DIR]\n")


def main(chapter: Chapter, script: str, arguments: Sequence[str] | None = None) -> None:
    """Run the script of a chapter and end the program: 0 done or left out, 2 bad input, 130 interrupted.

    A chapter whose recordings, or whose optional packages, cannot be had says so in one line and is left out.

    Parameters
    ----------
    chapter : Chapter
    script : str
        The path of the script: files are named like it and, without ``--out``, lie beside it.
    arguments : sequence of str, optional
        By default those of the command line.

    Raises
    ------
    SystemExit
        Always.
    """
    stem, folder = Path(script).stem, Path(script).parent
    parser = _Parser(prog=f"{stem}.py", allow_abbrev=False, description=f"Figure {chapter.number}: {chapter.title}.")
    parser.add_argument("--fast", action="store_true", help="fewer trials and seeds: a look, not a result")
    parser.add_argument("--out", type=Path, default=folder, metavar="DIR", help="where to write; default: %(default)s")
    options = parser.parse_args(arguments)
    if options.out.exists() and not options.out.is_dir():
        parser.error(f"--out {options.out} is not a folder")
    sys.exit(_run(chapter, stem, options.out, options.fast))


def _run(chapter: Chapter, stem: str, out: Path, fast: bool) -> int:
    start = time.perf_counter()
    try:
        chapter.write(out, stem, fast)
    except (FileNotFoundError, ModuleNotFoundError) as error:
        why = why_missing(error) if chapter.name in NEED_MORE else None
        if why is None:
            raise
        print(f"{stem}: left out, {one_line(ValueError(why))}", flush=True)
        return 0
    except KeyboardInterrupt:
        print(f"{stem}: interrupted", file=sys.stderr)
        return INTERRUPTED
    print(f"{stem}: {time.perf_counter() - start:.1f} s, {out / stem}.png", flush=True)
    return 0
