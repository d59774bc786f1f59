"""What ``brian2cuda`` needs to know: the toolkit, the random number library, the GPU.

CUDA 13 needs C++17, which its compiler must be told twice (for the device and for the host part). The toolkit's random
number library is linked even when no random numbers are drawn; where it was left out of the installation, the
package ``nvidia-curand`` has it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memneuro.backend.unavailable import BackendUnavailable
from memneuro.doctor import find_tool, gpus

OLDEST = (12, 0)

#: Fused multiply-adds only where they are written, as on the other targets; no fast, inexact functions.
NVCC_FLAGS = ("-w", "-fmad=false", "-std=c++17")


@dataclass(frozen=True)
class Toolkit:
    """A CUDA installation.

    Parameters
    ----------
    home : Path
        Folder that holds ``bin/nvcc``.
    version : tuple of int
        Release, for example (13, 0).
    curand_include, curand_library : Path or None
        Folders of the random number library where they are not the toolkit's own.
    """

    home: Path
    version: tuple[int, int]
    curand_include: Path | None
    curand_library: Path | None


def find_toolkit() -> Toolkit:
    """Find nvcc and the random number library.

    Raises
    ------
    BackendUnavailable
        If there is no nvcc, it is older than CUDA 12, or the random number library is nowhere.
    """
    compiler = find_tool("nvcc")
    if compiler is None:
        raise BackendUnavailable(
            "nvcc not found; install the CUDA toolkit (12 or newer) and put its bin folder on PATH, or set CUDA_HOME"
        )
    stated = subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout
    match = re.search(r"release (\d+)\.(\d+)", stated)
    if match is None:
        raise BackendUnavailable(f"{compiler} --version names no release; repair or reinstall the CUDA toolkit")
    version = (int(match[1]), int(match[2]))
    if version < OLDEST:
        raise BackendUnavailable(
            f"CUDA {version[0]}.{version[1]} at {compiler} is too old; accepted: {OLDEST[0]}.{OLDEST[1]} or newer"
        )
    home = _home(compiler)
    if list(home.glob("**/include/curand.h")) or list(home.glob("targets/*/include/curand.h")):
        return Toolkit(home, version, None, None)
    include, library = _curand_package()
    return Toolkit(home, version, include, library)


def _home(compiler: str) -> Path:
    """The toolkit's folder; nvcc itself knows it where the program on PATH is only a link or a wrapper."""
    said = subprocess.run([compiler, "--dryrun", "-c", "x.cu"], capture_output=True, text=True).stderr
    match = re.search(r"^#\$ TOP=(.+)$", said, re.MULTILINE)
    return Path(match[1]).resolve() if match else Path(compiler).resolve().parent.parent


def _curand_package() -> tuple[Path, Path]:
    """Include and library folders of an installed ``nvidia-curand`` package."""
    for name in ("nvidia-curand", "nvidia-curand-cu12"):
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        header = [Path(str(file.locate())) for file in files if file.name == "curand.h"]
        library = [Path(str(file.locate())) for file in files if file.name.startswith("libcurand.so")]
        if header and library:
            return header[0].parent, library[0].parent
    raise BackendUnavailable(
        "the cuRAND header is missing from the CUDA toolkit; "
        'install its development files, or: python -m pip install "nvidia-curand"'
    )


def link_name(folder: Path, library: Path) -> Path:
    """A folder with ``libcurand.so``, the name the linker looks for; the package has only the versioned one."""
    place = folder / "curand"
    place.mkdir(exist_ok=True)
    link = place / "libcurand.so"
    if not link.exists():
        link.symlink_to(sorted(library.glob("libcurand.so*"))[0])
    return place


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
    cuda = "devices.cuda_standalone.cuda_backend."
    nvcc = list(NVCC_FLAGS)
    wanted: dict[str, Any] = {
        cuda + "cuda_path": str(toolkit.home),
        cuda + "cuda_runtime_version": float(f"{toolkit.version[0]}.{toolkit.version[1]}"),
        cuda + "detect_gpus": compute_capability is None,
        cuda + "gpu_id": None if compute_capability is None else 0,
        cuda + "compute_capability": compute_capability,
    }
    if toolkit.curand_include is not None and toolkit.curand_library is not None:
        nvcc.append(f"-I{toolkit.curand_include}")
        wanted["codegen.cpp.library_dirs"] = [str(link_name(folder, toolkit.curand_library))]
        wanted["codegen.cpp.runtime_library_dirs"] = [str(toolkit.curand_library)]
    wanted[cuda + "extra_compile_args_nvcc"] = nvcc
    return wanted


def require(compute_capability: float | None) -> Toolkit:
    """Check that CUDA code can be made here and, without an architecture to build for, run here.

    Raises
    ------
    BackendUnavailable
        If brian2cuda, the toolkit or the GPU is missing.
    """
    if importlib.util.find_spec("brian2cuda") is None:
        raise BackendUnavailable(
            'brian2cuda is not installed; with Python 3.12: python -m pip install "memneuro[cuda]"'
        )
    toolkit = find_toolkit()
    if compute_capability is None and not gpus():
        raise BackendUnavailable(
            "no CUDA GPU found by nvidia-smi; to compile without one, pass compute_capability=9.0 (say) and "
            "build_on_run=False, then build(run=False)"
        )
    return toolkit
