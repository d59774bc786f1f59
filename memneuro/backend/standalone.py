"""Brian2's standalone devices with builds that are whole or not there.

A build that was interrupted leaves object files which ``make`` takes for finished ones. A file in the folder marks a
build under way; one that is still there at the next build makes that build start from nothing.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

from memneuro.backend.unavailable import BackendUnavailable

MARK = ".memneuro_building"


def managed(base: type) -> Any:
    """Make a device of Brian2's class `base` whose builds survive an interruption, with clear errors."""

    class Managed(base):
        def compile_source(self, directory: str, compiler: str, debug: bool, clean: bool) -> None:
            mark = Path(directory, MARK)
            if mark.exists():
                for path in Path(directory).rglob("*.o"):
                    path.unlink()
                Path(directory, "main").unlink(missing_ok=True)
            mark.touch()
            super().compile_source(directory, compiler, debug, clean)
            mark.unlink()

        def run(self, *arguments: Any, **options: Any) -> None:
            before = dict(os.environ)  # Brian2 sets the program's environment variables in this process
            try:
                super().run(*arguments, **options)
            finally:
                os.environ.clear()
                os.environ.update(before)

        def network_run(self, net: Any, duration: Any, *arguments: Any, **options: Any) -> None:
            if self.build_on_run and self.has_been_run:
                raise RuntimeError(
                    "this backend has been built and run; use a new one, or, for several runs in one program, "
                    "backend(..., build_on_run=False) and its build()"
                )
            super().network_run(net, duration, *arguments, **options)

    Managed.__name__ = base.__name__
    device = Managed()
    # Brian2 identifies a device by its class where it looks for code generation targets.
    device.__class__.__qualname__ = base.__qualname__
    return device


def build_folder(directory: Any, owner: Any) -> Path:
    """The folder to build in: `directory`, or a temporary one that goes when `owner` does.

    Raises
    ------
    BackendUnavailable
        If the folder cannot be made or written to.
    """
    if directory is None:
        folder = Path(tempfile.mkdtemp(prefix="memneuro_"))
        weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
        return folder
    folder = Path(directory).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BackendUnavailable(
            f"cannot build in {folder}: {error.strerror or error}; name a folder that can be written to"
        ) from error
    return folder
