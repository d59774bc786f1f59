"""Brian2's standalone devices with builds that are whole or not there.

A build that was interrupted leaves object files which ``make`` takes for finished ones. A file in the folder marks a
build under way; one that is still there at the next build makes that build start from nothing.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from brian2 import Quantity, prefs, set_device
from brian2.codegen import cpp_prefs
from brian2.core.network import Network
from brian2.core.variables import VariableView
from brian2.devices.device import reset_device

from memneuro.backend.flags import VECTORISE
from memneuro.backend.unavailable import BackendUnavailable
from memneuro.doctor import compiler_command

MARK = ".memneuro_building"
LOG = "build.log"

#: The device whose program and results a folder holds.
_owner: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()


def managed(base: type, code_objects: type | None = None) -> Any:
    """Make a device of Brian2's class `base` whose builds survive an interruption, with clear errors.

    Parameters
    ----------
    base : type
        Brian2's class of the device.
    code_objects : type, optional
        Class of its code objects in place of the device's own.
    """

    class Managed(base):
        main_queue: list[Any]

        #: Whether the program was compiled.
        built = False

        def code_object_class(self, codeobj_class: Any = None, *arguments: Any, **options: Any) -> Any:
            return super().code_object_class(codeobj_class or code_objects, *arguments, **options)

        def generate_main_source(self, writer: Any) -> None:
            queue = self.main_queue
            self.main_queue = with_early_arguments(self)
            try:
                super().generate_main_source(writer)
            finally:
                self.main_queue = queue

        def compile_source(self, directory: str, compiler: str, debug: bool, clean: bool) -> None:
            folder = Path(directory)
            mark = folder / MARK
            if mark.exists():
                forget_objects(folder)
            mark.touch()
            _owner[_key(directory)] = self
            with make_log(folder / LOG), same_environment():
                if not os.environ.get("CXX", "g++").strip():
                    del os.environ["CXX"]  # make would call a compiler of no name
                super().compile_source(directory, compiler, debug, clean)
            absent = [flag for flag in VECTORISE if flag not in (folder / "makefile").read_text()]
            if absent:
                raise BackendUnavailable(
                    f"{' '.join(compiler_command())} does not accept {' '.join(absent)}, without which results depend "
                    "on the target; accepted: GCC or Clang, by the variable CXX"
                )
            mark.unlink()
            self.built = True

        def run(self, *arguments: Any, **options: Any) -> None:
            self.has_been_run = False  # until the program has ended well
            with same_environment():  # Brian2 sets the program's environment variables in this process
                try:
                    super().run(*arguments, **options)
                finally:
                    Network._globally_running = False

        def get_value(self, var: Any, access_data: bool = True) -> Any:
            if self.has_been_run and self.array_cache.get(var) is None and not self.owns_folder():
                raise RuntimeError(
                    f"the values of {var.name!r} are gone: a later build in {self.project_dir} replaced them; "
                    "give each backend whose results are read later a directory of its own"
                )
            return super().get_value(var, access_data)

        def forget_partial_file(self, view: Any, values: Any) -> None:
            """Remove a file of values for the next run that was left unfinished; Brian2 would take it as it is."""
            _, place, name, array = self._prepare_variableview_run_arg(view, Quantity(values, dim=view.dim))
            file = Path(self.project_dir, place)
            if name and file.exists() and file.stat().st_size != array.nbytes:
                file.unlink()

        def owns_folder(self) -> bool:
            """Whether no later build of this process went to the same folder."""
            return _owner.get(_key(self.project_dir)) is self

        def variableview_get_subexpression_with_index_array(
            self, variableview: Any, item: Any, run_namespace: Any = None
        ) -> Any:
            if variableview.variable.device is self and not self.has_been_run:
                raise NotImplementedError(f"{variableview.name} has no values before the program has run")
            set_device("runtime")
            try:
                return VariableView.get_subexpression_with_index_array(variableview, item, run_namespace=run_namespace)
            finally:
                reset_device()

        def network_run(self, net: Any, duration: Any, *arguments: Any, **options: Any) -> None:
            queued = any(kind == "run_network" for kind, _ in self.main_queue)
            if self.built or (self.build_on_run and queued):
                raise RuntimeError(
                    "this backend has been built and run; use a new one, or, for several runs in one program, "
                    "backend(..., build_on_run=False) and its build() after the last of them"
                )
            for member in net.sorted_objects:
                for variable in getattr(member, "variables", {}).values():
                    if getattr(variable, "device", self) is not self:
                        raise RuntimeError(
                            f"{member.name!r} was made before this backend was chosen or on another one; "
                            "make all objects of a network within the backend that runs it"
                        )
            # One frame more between Brian2 and the caller, whose variables the equations may name.
            options["level"] = options.get("level", 0) + 1
            super().network_run(net, duration, *arguments, **options)

    Managed.__name__ = base.__name__
    device = Managed()
    # Brian2 identifies a device by its class where it looks for code generation targets.
    device.__class__.__qualname__ = base.__qualname__
    return device


def _key(directory: Any) -> str:
    return os.path.realpath(directory)


def with_early_arguments(device: Any) -> list[Any]:
    """The main queue of a program that takes values from the command line before it computes initial values.

    Brian2 sets them only when the network starts, so an initial value that is an expression of a changed parameter
    would still be computed with the old one. Synaptic variables have no size before their synapses are created and are
    left out until then.
    """
    waiting = [name for name in map(_full_name, device.dynamic_arrays) if name]
    queue, depth, started = [], 0, False
    for kind, content in device.main_queue:
        depth += (kind == "start_run_func") - (kind == "end_run_func")
        started = started or kind == "run_network"
        if kind == "run_code_object" and depth == 0 and not started:
            queue.append(("insert_code", _set_from_command_line(waiting)))
            if content[0].template_name.startswith("synapses_create"):
                waiting = [name for name in waiting if not name.startswith(content[0].owner.name + ".")]
        queue.append((kind, content))
    return queue


def _full_name(variable: Any) -> str | None:
    """Name of a variable on the command line; None for one that cannot be set there."""
    try:
        return None if variable.read_only else f"{variable.owner.name}.{variable.name}"
    except (AttributeError, ReferenceError):
        return None


def _set_from_command_line(waiting: list[str]) -> str:
    if not waiting:
        return "set_from_command_line(args);"
    left_out = " || ".join(f'arg.rfind("{name}=", 0) == 0' for name in sorted(waiting))
    return (
        "{ std::vector<std::string> known; "
        f"for (const auto& arg : args) if (!({left_out})) known.push_back(arg); "
        "set_from_command_line(known); }"
    )


def forget_objects(folder: Path) -> None:
    """Remove what a compiler left in a build folder, and nothing else that may be there."""
    for pattern in ("*.o", "code_objects/*.o", "brianlib/**/*.o"):
        for path in folder.glob(pattern):
            path.unlink()
    for name in ("main", "make.deps"):
        (folder / name).unlink(missing_ok=True)


@contextlib.contextmanager
def make_log(log: Path) -> Iterator[None]:
    """Send what make and the compiler say to a file, and make one error of it where they fail.

    Raises
    ------
    BackendUnavailable
        If make or the compiler fails; the message holds the first error and where all of them are.
    """
    name = "devices.cpp_standalone.extra_make_args_unix"
    before = prefs[name]
    prefs[name] = [*before, ">", LOG, "2>&1"]
    try:
        # Brian2 would print all that was ever said by any build.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    except RuntimeError as error:
        tried = cpp_prefs._compiler_flag_compatibility
        for key in [key for key, accepted in tried.items() if not accepted]:
            del tried[key]  # a compiler that fails accepts no flag; ask again when it has been mended
        raise BackendUnavailable(f"the build failed: {first_error(log)} (all of it: {log})") from error
    finally:
        prefs[name] = before


def first_error(log: Path) -> str:
    """The first line of a build's output that says what is wrong."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    lines = [" ".join(line.split()) for line in lines if line.strip()]
    compilers = [line for line in lines if "error" in line.lower() and not line.startswith("make")]
    makes = [line for line in lines if "***" in line]
    return (compilers or makes or lines[-1:] or ["make said nothing"])[0][:500]


@contextlib.contextmanager
def same_environment() -> Iterator[None]:
    """Put environment variables that the block changed back as they were."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        for name, value in before.items():
            if os.environ.get(name) != value:
                os.environ[name] = value


def build_folder(directory: Any, owner: Any) -> Path:
    """The folder to build in: `directory`, or a temporary one that goes when `owner` does.

    Parameters
    ----------
    directory : path-like or None
        The folder named; it is made where it is missing.
    owner : object
        A temporary folder is removed when this object is.

    Raises
    ------
    BackendUnavailable
        If the folder cannot be made or written to.
    """
    try:
        if directory is None:
            folder = Path(tempfile.mkdtemp(prefix="memneuro_"))
            weakref.finalize(owner, _remove, folder, os.getpid())
            return folder
        folder = Path(directory).expanduser().absolute()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BackendUnavailable(
            f"cannot build in {directory or tempfile.gettempprefix()}: {error.strerror or error}; "
            "name a folder that can be written to"
        ) from error
    return folder


def _remove(folder: Path, process: int) -> None:
    """Remove a temporary build folder, unless this is a copy of the process that made it."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
