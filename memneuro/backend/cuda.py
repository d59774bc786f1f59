"""What ``brian2cuda`` needs to know and to be told: the toolkit, the random number library, the GPU, the flags.

Four things in its generated programs would make a GPU differ from the other targets, and are changed here:

- its flags: fast, inexact functions, and multiplications fused with additions;
- the square ``x**2``: the device's ``pow`` is not rounded correctly, while a C++ compiler writes a product;
- in single precision it marks *every* decimal number of a file as single (``0.1f``), also those within functions that
  compute in double precision, such as the noise;
- a pathway with one delay for all synapses waits for its first spikes by ``defaultclock``, whatever the step of its
  neurons, and loses those of the first delays.

CUDA 13 needs C++17, for its own part and for the host compiler. The random number library (cuRAND) is linked and
started even though no random number is drawn from it; where it was left out of the toolkit, the package
``nvidia-curand`` has it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import numbers
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brian2 import prefs

from memneuro.backend.unavailable import BackendUnavailable
from memneuro.doctor import find_tool, gpus

#: Oldest toolkit, and smallest compute capability that brian2cuda builds for.
OLDEST = (12, 0)
SMALLEST = 5.0

#: Fused multiply-adds only where they are written, as on the other targets; no fast, inexact functions.
NVCC_FLAGS = ("-w", "-fmad=false", "-std=c++17")

#: The two lines of brian2cuda that are replaced, and what replaces them.
POWER = "#define _brian_pow(x, y) (pow((x), (y)))"
EXACT_POWER = """#define _brian_pow(x, y) (_memneuro_pow((x), (y)))
template <typename T1, typename T2>
__host__ __device__ static inline double _memneuro_pow(T1 x, T2 y) { return pow((double)x, (double)y); }
__host__ __device__ static inline float _memneuro_pow(float x, float y) { return powf(x, y); }
__host__ __device__ static inline double _memneuro_pow(double x, int y) { return y == 2 ? x * x : pow(x, (double)y); }
__host__ __device__ static inline float _memneuro_pow(float x, int y) { return y == 2 ? x * x : powf(x, (float)y); }"""
STANDARD = "-std=c++11 "

#: A program built with other flags or for other variables is not up to date; brian2cuda has no rule for that.
DEPENDENCIES = "\n\n$(OBJS): makefile $(filter-out brianlib/%,$(H_SRCS))\n"


@dataclass(frozen=True)
class Toolkit:
    """A CUDA installation.

    Parameters
    ----------
    home : Path
        Folder that holds ``bin/nvcc``.
    version : tuple of int
        Release, for example (13, 0).
    capabilities : tuple of str
        Compute capabilities it can build for, for example ``("7.5", "9.0")``; empty where it does not tell.
    curand_include, curand_library : Path or None
        Folders of the random number library where they are not the toolkit's own.
    """

    home: Path
    version: tuple[int, int]
    capabilities: tuple[str, ...] = ()
    curand_include: Path | None = None
    curand_library: Path | None = None

    @property
    def release(self) -> str:
        """The version as one word."""
        return f"{self.version[0]}.{self.version[1]}"


@dataclass(frozen=True)
class Target:
    """What to build for: the number of a GPU and its compute capability.

    Parameters
    ----------
    gpu : int
        Number of the GPU, as CUDA counts.
    capability : float
        Compute capability, such as 8.6.
    """

    gpu: int
    capability: float


def find_toolkit() -> Toolkit:
    """Find nvcc, in the folder that CUDA_HOME or CUDA_PATH names or else on PATH, and the random number library.

    Raises
    ------
    BackendUnavailable
        If there is no nvcc, it does not work or is older than CUDA 12, or the random number library is nowhere.
    """
    compiler = _find_nvcc()
    match = re.search(r"release (\d+)\.(\d+)", _say(compiler, "--version")[0])
    if match is None:
        raise BackendUnavailable(
            f"{compiler} --version names no CUDA release; repair or reinstall the CUDA toolkit, or name another with "
            "CUDA_HOME"
        )
    version = (int(match[1]), int(match[2]))
    if version < OLDEST:
        raise BackendUnavailable(
            f"CUDA {version[0]}.{version[1]} ({compiler}) is too old; install {OLDEST[0]}.{OLDEST[1]} or newer and "
            "name it with CUDA_HOME"
        )
    home = _home(compiler)
    listed = re.findall(r"^sm_(\d+)(\d)$", _say(compiler, "--list-gpu-code")[0], re.MULTILINE)
    capabilities = tuple(f"{major}.{minor}" for major, minor in listed)
    folders = (home / "include", *home.glob("targets/*/include"))
    if any((folder / "curand.h").is_file() for folder in folders):
        return Toolkit(home, version, capabilities)
    return Toolkit(home, version, capabilities, *_curand_package(version))


def _find_nvcc() -> str:
    """Path of nvcc."""
    for name in ("CUDA_HOME", "CUDA_PATH"):
        folder = os.environ.get(name)
        if folder:
            named = shutil.which("nvcc", path=os.path.join(folder, "bin"))
            if named is None:
                raise BackendUnavailable(
                    f"{name} is {folder}, where there is no bin/nvcc; correct it to the folder of a CUDA toolkit, or "
                    "unset it"
                )
            return named
    found = find_tool("nvcc")
    if found is None:
        raise BackendUnavailable(
            f"nvcc not found; install the CUDA toolkit ({OLDEST[0]}.{OLDEST[1]} or newer) and put its bin folder on "
            "PATH, or set CUDA_HOME"
        )
    return found


def _say(compiler: str, *arguments: str) -> tuple[str, str]:
    """What nvcc writes to its output and to its errors."""
    try:
        done = subprocess.run(
            [compiler, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendUnavailable(f"{compiler} does not run ({error}); repair or reinstall the CUDA toolkit") from error
    return done.stdout, done.stderr


def _home(compiler: str) -> Path:
    """The toolkit's folder; nvcc itself knows it where the program on PATH is only a link or a wrapper."""
    match = re.search(r"^#\$ TOP=(.+)$", _say(compiler, "--dryrun", "-c", "x.cu")[1], re.MULTILINE)
    return Path(match[1]).resolve() if match else Path(compiler).resolve().parent.parent


def _curand_package(version: tuple[int, int]) -> tuple[Path, Path]:
    """Include and library folders of the installed package that belongs to a CUDA release."""
    name = "nvidia-curand" if version[0] > 12 else "nvidia-curand-cu12"
    try:
        files = importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    headers = [Path(str(file.locate())) for file in files if file.name == "curand.h"]
    libraries = [Path(str(file.locate())) for file in files if file.name.startswith("libcurand.so")]
    if headers and libraries and headers[0].is_file() and libraries[0].is_file():
        return headers[0].parent, libraries[0].parent
    raise BackendUnavailable(
        "the random number library cuRAND is missing from the CUDA toolkit; install its development files, or: "
        f'python -m pip install "{name}"'
    )


def link_curand(folder: Path, toolkit: Toolkit) -> None:
    """Put into the build folder what the compiler looks for: the headers, and the library without its version.

    The names in the build folder have no spaces, which brian2cuda's makefile could not hold.

    Parameters
    ----------
    folder : Path
        The build folder; gets a folder ``curand``.
    toolkit : Toolkit
        Where cuRAND is; nothing is done where it has none of its own.
    """
    if toolkit.curand_include is None or toolkit.curand_library is None:
        return
    place = folder / "curand"
    place.mkdir(exist_ok=True)
    library = sorted(toolkit.curand_library.glob("libcurand.so*"))[0]
    for link, target in ((place / "include", toolkit.curand_include), (place / "libcurand.so", library)):
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def find_target(toolkit: Toolkit, compute_capability: float | None) -> Target:
    """The GPU to build for: the architecture named, or the most capable GPU that programs may use here.

    Parameters
    ----------
    toolkit : Toolkit
        The toolkit that compiles.
    compute_capability : float or None
        The architecture named, such as 8.6; None for that of a GPU that is there.

    Raises
    ------
    BackendUnavailable
        If there is no GPU and no architecture named, or the toolkit cannot build for it.
    """
    target = _present_gpu() if compute_capability is None else Target(0, float(compute_capability))
    if toolkit.capabilities and f"{target.capability:.1f}" not in toolkit.capabilities:
        raise BackendUnavailable(
            f"CUDA {toolkit.release} ({toolkit.home}) cannot build for compute capability {target.capability:.1f}; "
            f"accepted: {', '.join(toolkit.capabilities)}. Install the toolkit that can (newer GPUs need a newer one, "
            "older GPUs an older one) and name it with CUDA_HOME"
        )
    return target


def _present_gpu() -> Target:
    """The GPU here; numbered as nvidia-smi does, among those that CUDA_VISIBLE_DEVICES leaves."""
    found = gpus()
    if not found:
        raise BackendUnavailable(
            "no CUDA GPU found by nvidia-smi; run on a machine with an NVIDIA GPU and its driver. To compile without "
            "one, pass compute_capability=9.0 (say) and build_on_run=False, then build(run=False)"
        )
    try:
        capabilities = [float(gpu["compute_capability"]) for gpu in found]
    except ValueError:
        raise BackendUnavailable(
            "nvidia-smi does not tell the GPU's compute capability; update the NVIDIA driver"
        ) from None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return Target(max(range(len(found)), key=lambda k: (capabilities[k], -k)), max(capabilities))
    listed = [int(word) for word in visible.split(",") if word.strip().isdigit()]
    if not visible.strip() or visible.strip() == "-1":
        raise BackendUnavailable(f"CUDA_VISIBLE_DEVICES = {visible!r} hides every GPU; unset it or name one")
    if listed and listed[0] < len(found):
        return Target(0, capabilities[listed[0]])
    return Target(0, min(capabilities))  # a name; the least capable GPU is the safe guess


def preferences(toolkit: Toolkit, folder: Path, compute_capability: float | None) -> dict[str, Any]:
    """Brian2 preferences for a build in `folder`, beside those of every C++ target.

    Parameters
    ----------
    toolkit : Toolkit
        As :func:`find_toolkit` gives it.
    folder : Path
        The build folder.
    compute_capability : float, optional
        Build for this architecture; by default for the GPU found.
    """
    target = find_target(toolkit, compute_capability)
    cuda = "devices.cuda_standalone.cuda_backend."
    environment = "devices.cpp_standalone.run_environment_variables"
    nvcc = list(NVCC_FLAGS)
    wanted: dict[str, Any] = {
        cuda + "cuda_path": str(toolkit.home),
        cuda + "cuda_runtime_version": float(toolkit.release),
        cuda + "detect_gpus": False,
        cuda + "gpu_id": target.gpu,
        cuda + "compute_capability": target.capability,
        environment: {**prefs[environment], "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},  # the numbers of nvidia-smi
    }
    if toolkit.curand_library is not None:
        link_curand(folder, toolkit)
        nvcc.append("-Icurand/include")
        libraries, runtime = "codegen.cpp.library_dirs", "codegen.cpp.runtime_library_dirs"
        wanted[libraries] = [*prefs[libraries], "curand"]
        wanted[runtime] = [*prefs[runtime], str(toolkit.curand_library)]
    wanted[cuda + "extra_compile_args_nvcc"] = nvcc
    return wanted


def require(compute_capability: float | None) -> Toolkit:
    """Check that CUDA code can be made here and, without an architecture to build for, run here.

    Raises
    ------
    ValueError
        If the architecture is not a number that can be one.
    BackendUnavailable
        If brian2cuda, the toolkit or the GPU is missing; the message names everything that is.
    """
    number = isinstance(compute_capability, numbers.Real) and not isinstance(compute_capability, bool)
    if compute_capability is not None and not (number and SMALLEST <= compute_capability < 100):
        raise ValueError(
            f"compute_capability = {compute_capability!r}; accepted: a number such as 9.0, at least {SMALLEST}"
        )
    gaps = []
    toolkit = None
    try:
        toolkit = find_toolkit()
        find_target(toolkit, compute_capability)
    except BackendUnavailable as error:
        gaps.append(str(error))
    if importlib.util.find_spec("brian2cuda") is None:
        gaps.append('brian2cuda is not installed; with Python 3.12: python -m pip install "memneuro[cuda]"')
    if toolkit is None or gaps:
        raise BackendUnavailable("; and ".join(gaps))
    return toolkit


def device_class() -> type:
    """Brian2cuda's device with its generated programs changed as this module's documentation says.

    Raises
    ------
    BackendUnavailable
        If brian2cuda cannot be imported, as with another version of Brian2 than its own.
    """
    try:
        from brian2cuda.device import CUDAStandaloneDevice
    except Exception as error:
        raise BackendUnavailable(
            f"brian2cuda cannot be imported ({type(error).__name__}: {error}); it needs its own version of Brian2: "
            'python -m pip install --force-reinstall "memneuro[cuda]"'
        ) from error
    forget_detection()

    class Device(CUDAStandaloneDevice):
        def generate_codeobj_source(self, writer: Any) -> None:
            original = {codeobj: codeobj.code.cu_file for codeobj in self.code_objects.values()}
            pathways = [pathway for synapses in self.synapses for pathway in synapses._pathways]
            check_steps(pathways, self.clocks)
            clocks = {pathway.name: pathway.clock.name for pathway in pathways}
            kept: list[str] = []
            for codeobj, text in original.items():
                if codeobj.template_name == "synapses":
                    text = own_clock(text, clocks, codeobj.owner.clock.name)
                codeobj.code.cu_file = hide_double(text, kept)
            try:
                super().generate_codeobj_source(_EditedWriter(writer, lambda text: show(_corrected(text), kept)))
            finally:
                for codeobj, text in original.items():
                    codeobj.code.cu_file = text

        def generate_makefile(self, writer: Any, *arguments: Any, **options: Any) -> None:
            super().generate_makefile(_EditedWriter(writer, _complete_makefile), *arguments, **options)

    Device.__name__, Device.__qualname__ = CUDAStandaloneDevice.__name__, CUDAStandaloneDevice.__qualname__
    return Device


def forget_detection() -> None:
    """Make brian2cuda look up toolkit and GPU anew: it keeps what it found first, whatever the preferences say."""
    from brian2cuda.utils import gputools

    gputools.reset_cuda_installation()
    gputools.reset_gpu_selection()


class _EditedWriter:
    """Brian2cuda's writer with every text changed by a function before it is written."""

    def __init__(self, writer: Any, edit: Callable[[str], str]) -> None:
        self._writer, self._edit = writer, edit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def write(self, filename: str, contents: Any) -> None:
        self._writer.write(filename, self._edit(str(contents)))


def hide_double(text: str, kept: list[str]) -> str:
    """Replace what computes in double precision by marks: this package's C functions and the step of a TimedArray.

    Parameters
    ----------
    text : str
        C text; a function of this package stands between ``#ifndef MEMNEURO_...`` and its ``#endif``.
    kept : list of str
        The parts taken out are appended here; :func:`show` puts them back.
    """
    shown: list[str] = []
    block: list[str] = []
    depth = 0
    for line in text.splitlines(keepends=True):
        word = line.strip()
        if depth or word.startswith("#ifndef MEMNEURO_"):
            block.append(line)
            depth += 1 if re.match(r"#\s*if", word) else -1 if re.match(r"#\s*endif", word) else 0
        elif word.startswith("const double epsilon ="):
            block.append(line)
        else:
            shown.append(line)
        if block and not depth:
            shown.append(f"/*memneuro<{len(kept)}>*/\n")
            kept.append("".join(block))
            block = []
    return "".join([*shown, *block])


def show(text: str, kept: list[str]) -> str:
    """Put back what :func:`hide_double` took out.

    Parameters
    ----------
    text : str
        Code with marks.
    kept : list of str
        What was taken out, by the number of its mark.
    """
    return re.sub(r"/\*memneuro<(\d+)>\*/\n", lambda mark: kept[int(mark[1])], text)


def check_steps(pathways: Iterable[Any], clocks: Iterable[Any]) -> None:
    """Refuse a delay that brian2cuda would get wrong: it counts one for all synapses in steps of the whole network.

    Parameters
    ----------
    pathways : iterable of SynapticPathway
        Those of the network.
    clocks : iterable of Clock
        Those of the network.

    Raises
    ------
    NotImplementedError
        If a source of such a pathway does not step whenever any object of the network does.
    """
    steps = [clock.dt_ for clock in clocks if hasattr(clock, "dt_")]
    for pathway in pathways:
        delay = pathway.variables["delay"]
        own = pathway.clock.dt_
        ratios = [step / own for step in steps]
        if delay.scalar and any(ratio < 0.999 or abs(ratio - round(ratio)) > 1e-6 for ratio in ratios):
            raise NotImplementedError(
                f"{pathway.name} has one delay for all synapses and a source with steps of {own:g} s in a network with "
                f"steps of {', '.join(f'{step:g}' for step in sorted(set(steps)))} s; on CUDA give the source the "
                "smallest step, of which the others are multiples, or give each synapse its delay"
            )


def own_clock(text: str, clocks: dict[str, str], owner: str) -> str:
    """Let a synaptic pathway count the steps of its source in place of those of its `owner` and of ``defaultclock``.

    Parameters
    ----------
    text : str
        The program of the pathway.
    clocks : dict of str to str
        Names of the pathways and of their clocks.
    owner : str
        Name of the clock of the ``Synapses``.
    """
    pathway = re.search(r"\bdefaultclock\.timestep\[0\] >= (\w+)_delay\)", text)
    if pathway is None or pathway[1] not in clocks:
        return text
    return re.sub(rf"\b(defaultclock|{owner})\.timestep\[0\]", f"{clocks[pathway[1]]}.timestep[0]", text)


def _corrected(text: str) -> str:
    """The square as a product; constants as single as brian2cuda has made their values."""
    text = re.sub(r"\bconst double (\w+ = [-+.\deE]+f;)", r"const float \1", text)
    return text.replace(POWER, EXACT_POWER)


def _complete_makefile(text: str) -> str:
    return text.replace(STANDARD, "").rstrip("\n") + DEPENDENCIES
