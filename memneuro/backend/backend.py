"""One switch for where a simulation runs; see :func:`backend`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import get_device, get_logger, prefs, set_device
from brian2.devices.device import all_devices, reset_device

from memneuro.backend import cuda
from memneuro.backend.flags import compiler_command, compiler_flags
from memneuro.backend.standalone import build_folder, managed
from memneuro.backend.unavailable import BackendUnavailable
from memneuro.doctor import compiler_fix

NAMES = ("runtime", "numpy", "cython", "cpp", "openmp", "cuda")
PRECISIONS = {"double": np.float64, "single": np.float32}

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

    Every backend gives the same spikes for the same seed.

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
        any more. A folder used again is built anew only where something changed.
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
    if precision not in PRECISIONS:
        raise ValueError(f"precision = {precision!r}; accepted: {', '.join(PRECISIONS)}")
    if threads is not None and name != "openmp":
        raise ValueError(f"threads = {threads!r} with backend {name!r}; only 'openmp' has threads")
    if compute_capability is not None and name != "cuda":
        raise ValueError(f"compute_capability = {compute_capability!r} with backend {name!r}; only 'cuda' has one")
    cores = os.cpu_count() or 1
    if name == "openmp" and threads is not None and not (isinstance(threads, int) and 1 <= threads <= 4096):
        raise ValueError(f"threads = {threads!r}; accepted: a whole number from 1 to 4096")
    return Backend(name, threads or cores, precision, directory, build_on_run, compute_capability)


class Backend:
    """A backend in use; made by :func:`backend`.

    Attributes
    ----------
    name : str
        The backend in use; for ``runtime`` the one that was taken, ``cython`` or ``numpy``.
    directory : Path or None
        The build folder of a standalone backend.
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
        self._before: dict[str, Any] = {}
        self._registered: tuple[str, Any] | None = None
        self._device: Any = None
        self.compile_only = compute_capability is not None
        if self.compile_only and build_on_run:
            raise ValueError("build_on_run = True with compute_capability; accepted: False, then build(run=False)")
        wanted: dict[str, Any] = {"core.default_float_dtype": PRECISIONS[precision]}
        flags = "codegen.cpp.extra_compile_args_gcc"
        if self.name in ("numpy", "cython"):
            wanted["codegen.target"] = self.name
            if self.name == "cython":
                _require_compiler(make=False)
                wanted[flags] = compiler_flags(prefs[flags])
                wanted["codegen.runtime.cython.cache_dir"] = _cython_folder()
            self._apply(wanted)
            set_device("runtime")
        else:
            toolkit = cuda.require(compute_capability) if self.name == "cuda" else None
            _require_compiler(make=True)
            base = _device_class(self.name)
            self._device = managed(base)
            self.directory = build_folder(directory, self._device)
            wanted[flags] = compiler_flags(prefs[flags], "c++17" if self.name == "cuda" else None)
            wanted["devices.cpp_standalone.openmp_threads"] = self.threads if self.name == "openmp" else 0
            wanted["devices.cpp_standalone.extra_make_args_unix"] = ["-j", str(os.cpu_count() or 1)]
            if self.name == "openmp":
                wanted["devices.cpp_standalone.run_environment_variables"] = {
                    **prefs["devices.cpp_standalone.run_environment_variables"],
                    **_thread_variables(self.threads),
                }
            if toolkit is not None:
                wanted |= cuda.preferences(toolkit, self.directory, compute_capability)
            self._apply(wanted)
            key = "cuda_standalone" if self.name == "cuda" else "cpp_standalone"
            self._registered = (key, all_devices[key])
            all_devices[key] = self._device
            options = {"directory": str(self.directory), "with_output": False} if build_on_run else {}
            set_device(self._device, build_on_run=build_on_run, **options)
        _active.append(self)

    def _apply(self, wanted: Mapping[str, Any]) -> None:
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
        if run and self.compile_only:
            raise BackendUnavailable("this program is for another GPU; accepted: build(run=False)")
        self._device.build(directory=str(self.directory), run=run, with_output=False)

    def run_again(self, changes: Mapping[Any, Any] | None = None) -> None:
        """Run the built program once more, without compiling.

        Parameters
        ----------
        changes : mapping, optional
            New values by variable view, for example ``{group.r_control: 1e8*ohm, group.noise_seed: 3}``. Parameters
            of the equations and initial values can change; sizes, equations and the time step cannot.

        Raises
        ------
        ValueError
            If a value has another number of elements than its variable.
        RuntimeError
            If nothing was built, or the program does not hold the values afterwards.
        """
        self._need_standalone("run_again")
        changes = dict(changes or {})
        checked = {view: _as_array(view, value) for view, value in changes.items()}
        self._device.run(with_output=False, run_args=checked)
        for view, value in checked.items():
            variable = view.variable
            if variable.constant and not np.allclose(self._device.get_value(variable), value, rtol=1e-6, atol=0):
                raise RuntimeError(f"{view.name} was to be {value!r} and the program ran with another value")

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
        if self._device is None or get_device() is self._device:
            reset_device()
        if self._registered is not None:
            all_devices[self._registered[0]] = self._registered[1]
        if "codegen.runtime.cython.cache_dir" in self._before:
            _forget_cython_modules()
        for name, value in self._before.items():
            prefs[name] = value


def _as_array(view: Any, value: Any) -> Any:
    """A value for a variable, of its unit and its number of elements."""
    from brian2 import Quantity, get_dimensions, have_same_dimensions
    from brian2.core.variables import VariableView

    if not isinstance(view, VariableView):
        raise TypeError(f"changes are given by variable, such as group.r_control, got {type(view).__name__}")
    if not have_same_dimensions(value, Quantity(1.0, dim=view.dim)):
        raise ValueError(f"{view.name} = {value!r} has the wrong unit; accepted: {get_dimensions(view)}")
    size = 1 if view.variable.scalar else int(view.variable.size)
    array = np.atleast_1d(np.asarray(value, dtype=view.variable.dtype))
    if array.size not in (1, size):
        raise ValueError(f"{view.name} has {array.size} values; accepted: one or {size}")
    return array[0] if array.size == 1 else array


def _device_class(name: str) -> type:
    """Brian2's class of a standalone device."""
    if name == "cuda":
        from brian2cuda.device import CUDAStandaloneDevice

        return CUDAStandaloneDevice
    from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

    return CPPStandaloneDevice


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


def _cython_folder() -> str:
    """A cache of its own: Brian2 finds modules there by their source alone, whatever flags they were compiled with."""
    from brian2.codegen.runtime.cython_rt.extension_manager import get_cython_cache_dir

    return os.path.join(get_cython_cache_dir(), "memneuro_exact")


def _forget_cython_modules() -> None:
    """Make Brian2 look modules up again: those in memory were compiled with the flags of before."""
    from brian2.codegen.runtime.cython_rt.extension_manager import cython_extension_manager

    cython_extension_manager._code_cache.clear()


def _thread_variables(threads: int) -> dict[str, str]:
    """Threads that wait for the next step spin for a moment and then sleep, so that other programs can run."""
    spin = "20000" if threads <= (os.cpu_count() or 1) else "0"
    return {"GOMP_SPINCOUNT": spin}
