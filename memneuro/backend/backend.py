"""One switch for where a simulation runs; see :func:`backend`."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, get_device, get_logger, have_same_dimensions, prefs, set_device
from brian2.core.variables import VariableView
from brian2.devices.device import all_devices, previous_devices
from brian2.units.fundamentalunits import DIMENSIONLESS

from memneuro.backend import cuda
from memneuro.backend.flags import SINGLE, compiler_flags
from memneuro.backend.standalone import build_folder, managed
from memneuro.backend.unavailable import BackendUnavailable
from memneuro.cores import usable_cores
from memneuro.doctor import compiler_command, compiler_fix

NAMES = ("runtime", "numpy", "cython", "cpp", "openmp", "cuda")
PRECISIONS = {"double": np.float64, "single": np.float32}
MOST_THREADS = 4096

#: Start of the name of a folder for compiled Cython code.
CACHE = "memneuro_"

logger = get_logger(__name__)

#: Backends in use, the current one last.
_active: list[Backend] = []


def backend(
    name: str = "runtime",
    *,
    threads: int | None = None,
    precision: str = "double",
    directory: str | os.PathLike[str] | None = None,
    build_on_run: bool = True,
    compute_capability: float | None = None,
) -> Backend:
    """Choose where everything that is built from now on runs.

    Sets Brian2's device, its preferences, the compiler flags and the build folder, and puts all of it back when it is
    closed. Call it for the rest of a program, or use it as a context manager::

        with backend("cpp"):
            group = neuron.group(1000, drive=train)
            spikes = SpikeMonitor(group)
            Network(group, spikes).run(1*second)
        print(spikes.count)  # results stay readable

    For the same seed every compiled backend gives the same values, to the last bit, whatever the number of threads.
    ``numpy`` agrees to rounding, which firing amplifies: its spikes are the same at first, and in the long run a few in
    a thousand come a step earlier or later. With ``precision="single"`` the noise is the same to single rounding.

    Parameters
    ----------
    name : {"runtime", "numpy", "cython", "cpp", "openmp", "cuda"}
        ``runtime`` takes Cython where it can compile, else NumPy and says so.
    threads : int, optional
        Threads of ``openmp``; by default one for each core. Other backends use one.
    precision : {"double", "single"}
        Floating-point numbers of all variables.
    directory : path-like, optional
        Build folder of a standalone backend. By default a temporary one, which goes when nothing refers to its results
        any more. A folder used again is built anew only where something changed; results of the backend that used it
        before can then no longer be read. Two processes need two folders.
    build_on_run : bool
        False lets several ``run`` calls make one program, built by :meth:`Backend.build`.
    compute_capability : float, optional
        ``cuda`` only: build for this architecture, also where there is no GPU to run on.

    Returns
    -------
    Backend

    Raises
    ------
    ValueError
        If an argument is not among those accepted.
    BackendUnavailable
        If the compiler, the toolkit, the GPU or the build folder cannot be used; the message says what to do.
    """
    if name not in NAMES:
        raise ValueError(f"unknown backend {name!r}; accepted: {', '.join(NAMES)}")
    if precision not in tuple(PRECISIONS):
        raise ValueError(f"precision = {precision!r}; accepted: {', '.join(PRECISIONS)}")
    if threads is not None and name != "openmp":
        raise ValueError(f"threads = {threads!r} with backend {name!r}; only 'openmp' has threads")
    if compute_capability is not None and name != "cuda":
        raise ValueError(f"compute_capability = {compute_capability!r} with backend {name!r}; only 'cuda' has one")
    if threads is not None:
        whole = isinstance(threads, (int, np.integer)) and not isinstance(threads, bool)
        if not (whole and 1 <= threads <= MOST_THREADS):
            raise ValueError(f"threads = {threads!r}; accepted: a whole number from 1 to {MOST_THREADS}")
    if compute_capability is not None:
        number = isinstance(compute_capability, (int, float)) and not isinstance(compute_capability, bool)
        if not (number and 1 <= compute_capability < 100 and round(compute_capability, 1) == compute_capability):
            raise ValueError(f"compute_capability = {compute_capability!r}; accepted: a number such as 8.6 or 9.0")
    if directory is not None and not (isinstance(directory, (str, os.PathLike)) and os.fspath(directory)):
        raise ValueError(f"directory = {directory!r}; accepted: the path of a folder")
    return Backend(name, int(threads or usable_cores()), precision, directory, build_on_run, compute_capability)


class Backend:
    """A backend in use; made by :func:`backend`.

    Parameters
    ----------
    name : str
        As in :func:`backend`, as are the others; they have been checked there.
    threads : int
        Threads of ``openmp``.
    precision : {"double", "single"}
        Floating-point numbers of all variables.
    directory : path-like or None
        Build folder; None for a temporary one.
    build_on_run : bool
        Whether ``run`` builds and runs the program.
    compute_capability : float or None
        Architecture of ``cuda``; None for that of a GPU that is there.

    Attributes
    ----------
    name : str
        The backend in use; for ``runtime`` the one that was taken, ``cython`` or ``numpy``.
    directory : Path or None
        The build folder of a standalone backend.

    Raises
    ------
    ValueError
        If a compute capability is given and the program is to run.
    BackendUnavailable
        If the compiler, the toolkit or the build folder cannot be used.
    """

    def __init__(
        self,
        name: str,
        threads: int,
        precision: str,
        directory: str | os.PathLike[str] | None,
        build_on_run: bool,
        compute_capability: float | None,
    ) -> None:
        self.name = _runtime_target() if name == "runtime" else name
        self.precision = precision
        self.threads = threads if self.name == "openmp" else 1
        self.directory: Path | None = None
        if precision == "single":
            # After a run Brian2 compares the states with 1e50, which is beyond single precision.
            warnings.filterwarnings("ignore", "overflow encountered in cast", RuntimeWarning, r"brian2\.groups\.group")
        self._before: dict[str, Any] = {}
        self._outer: tuple[Any, bool, dict[str, Any], Any] | None = None
        self._depth = len(previous_devices)
        self._registered: tuple[str, Any] | None = None
        self._device: Any = None
        self.compile_only = compute_capability is not None
        if self.compile_only and build_on_run:
            raise ValueError("build_on_run = True with compute_capability; accepted: False, then build(run=False)")
        wanted: dict[str, Any] = {"core.default_float_dtype": PRECISIONS[precision]}
        flags = "codegen.cpp.extra_compile_args"  # takes the place of the next one where it is set
        flags += "_gcc" if prefs[flags] is None else ""
        if self.name in ("numpy", "cython"):
            wanted["codegen.target"] = self.name
            if self.name == "cython":
                _require_compiler(make=False)
                wanted[flags] = compiler_flags(prefs[flags], single=precision == "single")
                wanted["codegen.runtime.cython.cache_dir"] = _cython_folder(wanted[flags])
            self._apply(wanted)
            set_device("runtime")
        else:
            toolkit = cuda.require(compute_capability) if self.name == "cuda" else None
            _require_compiler(make=True)
            self._device = _device(self.name)
            self.directory = build_folder(directory, self._device)
            wanted[flags] = compiler_flags(
                prefs[flags], "c++17" if self.name == "cuda" else None, precision == "single"
            )
            wanted["devices.cpp_standalone.openmp_threads"] = self.threads if self.name == "openmp" else 0
            wanted["devices.cpp_standalone.extra_make_args_unix"] = ["-j", str(usable_cores())]
            if self.name == "openmp":
                self._device.run_environment_variables |= _thread_variables(self.threads)
            if toolkit is not None:
                wanted |= cuda.preferences(toolkit, self.directory, compute_capability)
                if precision == "single":
                    wanted["devices.cuda_standalone.cuda_backend.extra_compile_args_nvcc"].append(SINGLE)
            self._apply(wanted)
            key = "cuda_standalone" if self.name == "cuda" else "cpp_standalone"
            self._registered = (key, all_devices[key])
            all_devices[key] = self._device
            options = {"directory": str(self.directory), "with_output": False} if build_on_run else {}
            set_device(self._device, build_on_run=build_on_run, **options)
        _active.append(self)

    def _apply(self, wanted: Mapping[str, Any]) -> None:
        """Set preferences, after a note of them, of the device and of its clock."""
        outer = get_device()
        options = getattr(outer, "build_options", None) or {}
        self._outer = outer, getattr(outer, "build_on_run", True), dict(options), outer.defaultclock.dt
        if "codegen.runtime.cython.cache_dir" in wanted:
            _forget_cython_modules()
        for name, value in wanted.items():
            self._before[name] = prefs[name]
            prefs[name] = value

    def __repr__(self) -> str:
        place = "" if self.directory is None else f", directory={str(self.directory)!r}"
        return f"Backend({self.name!r}, threads={self.threads}, precision={self.precision!r}{place})"

    def __enter__(self) -> Backend:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def standalone(self) -> bool:
        """Whether a program is written, built and run apart from Python."""
        return self._device is not None

    def build(self, run: bool = True) -> None:
        """Build the program of all ``run`` calls so far, and run it.

        Raises
        ------
        RuntimeError
            If the backend is not standalone, builds on its own (``build_on_run``), or the compiler fails.
        """
        self._need_standalone("build")
        if self._device.build_on_run:
            raise RuntimeError("build() with build_on_run = True, where run() builds; accepted: build_on_run = False")
        if self._device.built:
            raise RuntimeError("this backend has been built; accepted: run_again(), or a new backend")
        if get_device() is not self._device:
            raise RuntimeError("build() of a backend that was closed or replaced; accepted: build() while it is in use")
        if not self._device.networks:
            raise RuntimeError("there is nothing to build; accepted: build() after one or more calls of run()")
        if run and self.compile_only:
            raise BackendUnavailable("this program is for another GPU; accepted: build(run=False)")
        self._device.build(directory=str(self.directory), run=run, with_output=False)

    def run_again(self, changes: Mapping[Any, Any] | None = None) -> None:
        """Run the built program once more, without compiling.

        Parameters
        ----------
        changes : mapping, optional
            New values by variable view, for example ``{group.r_control: 1e8*ohm, group.noise_seed: 3}``; all others
            are those of the build. Parameters of the equations and initial values can change; sizes, equations and the
            time step cannot. Initial values given as expressions follow the parameters.

        Raises
        ------
        TypeError
            If a key is not a variable.
        ValueError
            If a variable is not one of this program that can be set, or a value is not a number of its unit, its type
            and its number of elements.
        RuntimeError
            If nothing was built, or the program does not hold the values afterwards.
        """
        self._need_standalone("run_again")
        device: Any = self._device
        if not device.built:
            raise RuntimeError("run_again() before anything was built; accepted: after run() or build()")
        if self.compile_only:
            raise BackendUnavailable("this program is for another GPU; accepted: build(run=False)")
        if not device.owns_folder():
            raise RuntimeError(f"a later build replaced the program in {self.directory}; accepted: one folder for each")
        checked = {view: _as_array(device, view, value) for view, value in (changes or {}).items()}
        for view, array in checked.items():
            device.forget_partial_file(view, array)
        device.run(
            with_output=False,
            run_args={view: Quantity(array, dim=view.dim) for view, array in checked.items()},
        )
        for view, array in checked.items():
            variable = view.variable
            if variable.constant and not np.all(_equal(device.get_value(variable), array)):
                device.has_been_run = False
                raise RuntimeError(f"{_name(view)} was to be {array} and the program ran with another value")

    @property
    def seconds(self) -> dict[str, float | None]:
        """Wall-clock seconds of a standalone backend: ``build``, ``program`` (with start and files) and ``run``."""
        self._need_standalone("seconds")
        timers = self._device.timers
        return {
            "build": timers["compile"]["make"],
            "program": timers["run_binary"],
            "run": getattr(self._device, "_last_run_time", None),
        }

    def _need_standalone(self, what: str) -> None:
        if not self.standalone:
            raise RuntimeError(
                f"{what} needs a standalone backend (cpp, openmp or cuda), and this one is {self.name!r}"
            )

    def close(self) -> None:
        """Put device and preferences back as they were; results stay readable. Closing twice does nothing."""
        if self not in _active:
            return
        while _active[-1] is not self:
            _active[-1].close()
        _active.pop()
        if self._outer is not None:
            device, build_on_run, options, step = self._outer
            set_device(device, build_on_run=build_on_run, **options)
            del previous_devices[self._depth :]
            if device.defaultclock.dt != step:  # Brian2 takes it along from one device to the next
                device.defaultclock.dt = step
            self._outer = None
        if self._registered is not None:
            all_devices[self._registered[0]] = self._registered[1]
            self._registered = None
        if self.name == "cuda":
            cuda.forget_detection()
        if "codegen.runtime.cython.cache_dir" in self._before:
            _forget_cython_modules()
        for name, value in self._before.items():
            prefs[name] = value


def _as_array(device: Any, view: Any, value: Any) -> np.ndarray:
    """A value for a variable of a program: of its unit, its type and its number of elements."""
    if not isinstance(view, VariableView):
        raise TypeError(f"changes are given by variable, such as group.r_control; got {type(view).__name__} {view!r}")
    variable, name = view.variable, _name(view)
    if variable not in device.arrays or name != f"{variable.owner.name}.{variable.name}":
        raise ValueError(f"{name} is not a variable of this program; accepted: parameters and states of whole groups")
    if variable.read_only:
        raise ValueError(f"{name} is read-only; accepted: parameters and states")
    if isinstance(value, str):
        raise ValueError(f"{name} = {value!r} is an expression; accepted: one or more numbers")
    try:
        same = have_same_dimensions(value, Quantity(1.0, dim=view.dim))
    except TypeError as error:
        raise ValueError(f"{name} = {value!r}; accepted: one or more numbers") from error
    if not same:
        unit = "a number without unit" if view.dim is DIMENSIONLESS else f"a value in {view.dim}"
        raise ValueError(f"{name} = {value!r} has the wrong unit; accepted: {unit}")
    array = _cast(value, variable.dtype)
    if array is None:
        raise ValueError(f"{name} = {value!r}; accepted: numbers of type {np.dtype(variable.dtype).name}")
    known = device.has_been_run or not variable.dynamic
    size = np.size(device.get_value(variable)) if device.has_been_run else variable.size
    if variable.scalar and not np.all(np.isfinite(array)):
        raise ValueError(f"{name} = {value!r}; accepted: finite numbers")
    if array.size != 1 and (array.ndim != 1 or (known and array.size != size)):
        raise ValueError(
            f"{name} has values of the shape {array.shape}; accepted: one value{'' if size == 1 else f' or {size}'}"
        )
    # The program reads a single number as text, in which it does not know NaN and infinity.
    return array.reshape(()) if array.size == 1 and np.isfinite(array).all() else np.broadcast_to(array, size).copy()


def _cast(value: Any, dtype: Any) -> np.ndarray | None:
    """A value as an array of a type; None where it is no number or, for whole numbers, would be another one."""
    try:
        given = np.asarray(value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            array = given.astype(dtype)
        return array if np.issubdtype(dtype, np.floating) or bool(np.all(array == given)) else None
    except (TypeError, ValueError, OverflowError):
        return None


def _name(view: Any) -> str:
    return f"{view.group_name}.{view.name}"


def _equal(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return (found == wanted) | ((found != found) & (wanted != wanted))


def _device(name: str) -> Any:
    """A standalone device of its own: the values of an earlier one stay readable."""
    if name == "cuda":
        return managed(cuda.device_class())
    from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

    from memneuro.backend.cpp_code import CppCodeObject

    return managed(CPPStandaloneDevice, CppCodeObject)


def _require_compiler(make: bool) -> None:
    """Raise BackendUnavailable where there is no C++ compiler, or no make that a standalone build needs."""
    if not compiler_command():
        missing = os.environ.get("CXX") or "g++"
        raise BackendUnavailable(f"no C++ compiler found ({missing}); to get one: {compiler_fix()}")
    if make and shutil.which("make") is None:
        raise BackendUnavailable(f"make not found; to get it: {compiler_fix()}")


def _runtime_target() -> str:
    """Cython where it can compile, else NumPy with a word about it."""
    try:
        import Cython  # noqa: F401

        _require_compiler(make=False)
    except (ImportError, BackendUnavailable) as error:
        logger.warn(f"backend 'runtime' takes NumPy, which is slower than Cython: {error}", "fallback", once=True)
        return "numpy"
    return "cython"


def _cython_folder(flags: list[str]) -> str:
    """A cache for these flags: Brian2 finds modules by their source alone, whatever flags they were compiled with."""
    from brian2.codegen.runtime.cython_rt.extension_manager import get_cython_cache_dir

    mark = hashlib.sha256("\0".join([*compiler_command(), "", *flags]).encode()).hexdigest()[:12]
    base = os.path.expanduser(get_cython_cache_dir())
    if os.path.basename(base).startswith(CACHE):  # of an outer backend
        base = os.path.dirname(base)
    folder = os.path.join(base, f"{CACHE}{mark}")
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BackendUnavailable(
            f"cannot keep compiled code in {folder}: {error.strerror or error}; "
            "name a folder that can be written to in prefs.codegen.runtime.cython.cache_dir"
        ) from error
    return folder


def _forget_cython_modules() -> None:
    """Make Brian2 look modules up again: those in memory were compiled with the flags of before."""
    from brian2.codegen.runtime.cython_rt.extension_manager import cython_extension_manager

    cython_extension_manager._code_cache.clear()


def _thread_variables(threads: int) -> dict[str, str]:
    """Threads that wait for the next step spin for a moment and then sleep, so that other programs can run."""
    spin = "20000" if threads <= usable_cores() else "0"
    return {"GOMP_SPINCOUNT": spin}
