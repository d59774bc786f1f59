"""What works on this machine, what is missing, and how to get it.

Each code generation target is tried, not guessed: Brian2 integrates a membrane equation with NumPy and
Cython, a C++ program is compiled and run with and without threads, and so is a CUDA kernel where there is a
compiler and a GPU. A probe that fails, hangs or is absent becomes a line of the report: nothing here raises.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "memneuro",
    "brian2",
    "numpy",
    "scipy",
    "pandas",
    "matplotlib",
    "cython",
    "pyabf",
    "efel",
    "brian2cuda",
)
BACKENDS = ("numpy", "cython", "cpp", "openmp", "cuda")
RECORDINGS = ("raphe", "patch_clamp", "spike_trains", "fsdd")

#: Costs behind the break-even size where they cannot be measured: the GPU spends this long launching the kernels of one
#: step, however small the network, and one CPU core this long on one step of one noisy neuron.
LAUNCH_US_PER_STEP = (10.0, 15.0)
NS_PER_NEURON_STEP = 20.0

#: Kernels that a step of a group with a spike monitor launches.
KERNELS_PER_STEP = (3, 5)

_PROBE_SECONDS = 15
_BUILD_SECONDS = 90

_BRIAN_PROBE = """
import json, sys, tempfile
from brian2 import NeuronGroup, ms, prefs, run
prefs.codegen.target = sys.argv[1]
with tempfile.TemporaryDirectory() as cache:
    prefs.codegen.runtime.cython.cache_dir = cache
    group = NeuronGroup(2, "dv/dt = -v/(10*ms) : 1", method="exact")
    group.v = 1
    run(10*ms)
    print(json.dumps({"v": float(group.v[1])}))
"""

_CPP_PROBE = """
#include <cmath>
#include <cstdio>
int main() {
    double v = 1.0;
    for (int i = 0; i < 100; ++i) v *= std::exp(-0.01);
    std::printf("%.12f\\n", v);
}
"""

#: Prints nanoseconds a neuron-step of the default noisy neuron, in C++ on one core.
_STEP_PROBE = """
import sys, tempfile
from pathlib import Path
from brian2 import us
from memneuro.bench.programs import memneuro_program
with tempfile.TemporaryDirectory() as folder:
    program = memneuro_program(Path(folder), 1000, 2000, 10*us, noise=True)
    print(min(program.run() for _ in range(3)))
"""

_LAUNCH_PROBE = """
#include <chrono>
#include <cstdio>
__global__ void nothing() {}
int main() {
    for (int i = 0; i < 100; i++) nothing<<<1, 32>>>();
    cudaDeviceSynchronize();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 10000; i++) nothing<<<1, 32>>>();
    if (cudaDeviceSynchronize() != cudaSuccess) return 1;
    std::printf("%.6f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() * 100);
}
"""

_OPENMP_PROBE = """
#include <cstdio>
#include <omp.h>
int main() {
    int threads = 0;
    #pragma omp parallel reduction(+:threads)
    threads += 1;
    std::printf("%d\\n", threads);
}
"""

_CUDA_PROBE = """
#include <cstdio>
__global__ void square(int *x) { x[threadIdx.x] = threadIdx.x * threadIdx.x; }
int main() {
    int *device = nullptr, host[8] = {0};
    cudaMalloc(&device, sizeof host);
    square<<<1, 8>>>(device);
    cudaError_t status = cudaMemcpy(host, device, sizeof host, cudaMemcpyDeviceToHost);
    if (status != cudaSuccess) { std::printf("%s\\n", cudaGetErrorString(status)); return 1; }
    std::printf("%d\\n", host[7]);
}
"""


def doctor() -> dict[str, Any]:
    """Look at this machine.

    Returns
    -------
    dict
        - `versions` {package: version or None}, with `python` and `system`;
        - `compilers` {name: None or {`path`, `version`}} for g++, clang++, make and nvcc;
        - `gpus` [{`name`, `memory_MiB`, `compute_capability`}];
        - `backends` {name: {`usable`, `reason`, `fix`}} for numpy, cython, cpp, openmp and cuda: whether a
          small program ran and gave the right answer, why not, and the command that gets what is missing;
        - `break_even_neurons` {`low`, `high`, `basis`, `ns_per_neuron_step`, `launch_us_per_step`}: below `low` neurons
          one CPU core is faster; the two costs it follows from are measured where they can be, else None;
        - `recordings` {`found`, `folder`, `contents`, `fix`};
        - `missing` [{`what`, `fix`}]: the gaps above in one list.
    """
    probes: dict[str, Callable[[], dict[str, Any]]] = {
        "numpy": lambda: _probe_brian("numpy"),
        "cython": lambda: _probe_brian("cython"),
        "cpp": _probe_cpp,
        "openmp": _probe_openmp,
        "cuda": _probe_cuda,
    }
    with contextlib.suppress(Exception):
        import brian2  # noqa: F401 - sets a signal handler, which only the main thread may do; probes say what fails

    with ThreadPoolExecutor(max_workers=2) as pool:
        running = {name: pool.submit(_guarded, probe) for name, probe in probes.items()}
        backends = {name: running[name].result() for name in BACKENDS}
    recordings = find_recordings()
    missing = [{"what": name, "fix": state["fix"]} for name, state in backends.items() if not state["usable"]]
    if not recordings["found"]:
        missing.append({"what": "recordings", "fix": recordings["fix"]})
    return {
        "versions": versions(),
        "compilers": {name: describe_tool(find_tool(name)) for name in ("g++", "clang++", "make", "nvcc")},
        "gpus": gpus(),
        "backends": backends,
        "break_even_neurons": break_even_neurons(
            measured_step() if backends["cpp"]["usable"] else None,
            measured_launches() if backends["cuda"]["usable"] else None,
        ),
        "recordings": recordings,
        "missing": missing,
    }


def doctor_text(result: Mapping[str, Any]) -> str:
    """Lay out what `doctor` found for reading."""
    lines = ["Versions"]
    lines += [f"  {name:<11} {found or 'not installed'}" for name, found in result["versions"].items()]
    lines += ["", "Compilers and devices"]
    for name, tool in result["compilers"].items():
        lines.append(f"  {name:<11} {tool['version'] + '  (' + tool['path'] + ')' if tool else 'not found'}")
    for gpu in result["gpus"] or [None]:
        lines.append(
            f"  {'GPU':<11} {gpu['name']}, {gpu['memory_MiB']} MiB, capability {gpu['compute_capability']}"
            if gpu
            else f"  {'GPU':<11} none found by nvidia-smi"
        )
    lines += ["", "Targets"]
    for name, state in result["backends"].items():
        lines.append(f"  {name:<11} {'works' if state['usable'] else 'no   '}  {state['reason']}")
    size = result["break_even_neurons"]
    lines += [
        "",
        "Where a GPU starts to pay off",
        f"  about {size['low']}-{size['high']} neurons: {size['basis']}",
        "",
        "Recordings",
    ]
    recordings = result["recordings"]
    if recordings["found"]:
        lines.append(f"  {recordings['folder']}: {', '.join(recordings['contents'])}")
    else:
        lines.append("  none found on this machine")
    if result["missing"]:
        lines += ["", "To get what is missing"]
        lines += [f"  {item['what']:<11} {item['fix']}" for item in result["missing"]]
    return "\n".join(lines)


def versions() -> dict[str, str | None]:
    """Give the versions of Python, the system and the packages that matter; None for one not installed."""
    found: dict[str, str | None] = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU",
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def find_tool(name: str) -> str | None:
    """Give the path of a program; nvcc is also looked for where CUDA installs it."""
    found = shutil.which(name)
    if found is None and name == "nvcc":
        homes = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"]
        folders = os.pathsep.join(os.path.join(home, "bin") for home in homes if home)
        found = shutil.which(name, path=folders)
    return found


def describe_tool(path: str | None) -> dict[str, str] | None:
    """Give a program's path and the line that states its version, or None where there is no program."""
    if path is None:
        return None
    lines = [line.strip() for line in _run([path, "--version"]).stdout.splitlines() if line.strip()]
    stated = [line for line in lines if "release" in line] if path.endswith("nvcc") else lines
    return {"path": path, "version": (stated or lines or ["version unknown"])[0]}


def gpus() -> list[dict[str, str]]:
    """List the CUDA GPUs that nvidia-smi reports; an empty list where there are none."""
    path = find_tool("nvidia-smi")
    if path is None:
        return []
    done = _run([path, "--query-gpu=name,memory.total,compute_cap", "--format=csv,noheader,nounits"])
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines()]
    names = ("name", "memory_MiB", "compute_capability")
    return [dict(zip(names, row, strict=True)) for row in rows if len(row) == 3] if done.returncode == 0 else []


def break_even_neurons(ns: float | None = None, launch_us: tuple[float, float] | None = None) -> dict[str, Any]:
    """Network size at which a GPU catches up with one CPU core.

    Below it the time to launch a step's kernels exceeds the time one core needs for the whole step:
    N = launch time per step / time per neuron-step.

    Parameters
    ----------
    ns : float, optional
        Measured time of one core for one neuron and step, in nanoseconds; else `NS_PER_NEURON_STEP`.
    launch_us : tuple of two float, optional
        Measured range of the launch time of a step, in microseconds; else `LAUNCH_US_PER_STEP`.
    """
    cost, launches = ns or NS_PER_NEURON_STEP, launch_us or LAUNCH_US_PER_STEP
    low, high = (max(1, round(launch * 1e3 / cost)) for launch in launches)
    sources = ["measured" if given else "assumed" for given in (launch_us, ns)]
    basis = (
        f"{launches[0]:.3g}-{launches[1]:.3g} us of kernel launches a step ({sources[0]}) over "
        f"{cost:.3g} ns per neuron-step on one core ({sources[1]})"
    )
    return {"low": low, "high": high, "basis": basis, "ns_per_neuron_step": ns, "launch_us_per_step": launch_us}


def measured_step() -> float | None:
    """Nanoseconds that one core needs for a step of the default noisy neuron (1000 of them); None if it fails."""
    done = _run([sys.executable, "-c", _STEP_PROBE], _BUILD_SECONDS)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None


def measured_launches() -> tuple[float, float] | None:
    """Range of the time (us) to launch the kernels of one step on the GPU; None if it fails."""
    compiler = find_tool("nvcc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "launch.cu"), Path(folder, "launch")
        source.write_text(_LAUNCH_PROBE)
        if _run([compiler, "-arch=native", str(source), "-o", str(program)], _BUILD_SECONDS).returncode != 0:
            return None
        done = _run([str(program)])
    each = float(done.stdout) if done.returncode == 0 else None
    return None if each is None else (KERNELS_PER_STEP[0] * each, KERNELS_PER_STEP[1] * each)


def find_recordings() -> dict[str, Any]:
    """Say whether the recordings are here: in the folder `MEMNEURO_DATA` or in the download cache."""
    fix = (
        "set MEMNEURO_DATA to a folder that holds raphe/, or run `memneuro reproduce` once with a network "
        "connection to download it"
    )
    named = os.environ.get("MEMNEURO_DATA")
    if named:
        contents = _contents(Path(named))
        if contents:
            return {"found": True, "folder": named, "contents": contents, "fix": ""}
        return {
            "found": False,
            "folder": named,
            "contents": [],
            "fix": f"MEMNEURO_DATA is {named}, without any of {', '.join(RECORDINGS)}: correct or unset it",
        }
    try:
        import pooch

        cache = Path(pooch.os_cache("memneuro"))
    except ImportError:
        return {"found": False, "folder": None, "contents": [], "fix": fix}
    contents = _contents(cache)
    return {
        "found": bool(contents),
        "folder": str(cache),
        "contents": contents,
        "fix": "" if contents else fix,
    }


def _contents(folder: Path) -> list[str]:
    return [name for name in RECORDINGS if os.path.isdir(folder / name)]


def _probe_brian(target: str) -> dict[str, Any]:
    """Integrate dv/dt = -v/tau for one tau with Brian2 on `target`, in a process and a cache of its own."""
    done = _run([sys.executable, "-c", _BRIAN_PROBE, target])
    if done.returncode == 0:
        value = json.loads(done.stdout.splitlines()[-1])["v"]
        if abs(value - 0.36787944117) < 1e-9:
            return _works("Brian2 integrated a test equation correctly")
        return _fails(f"Brian2 returned {value:g} where exp(-1) was due", _reinstall("brian2"))
    if "ModuleNotFoundError: No module named 'brian2'" in done.stderr:
        return _fails("Brian2 is not installed", _pip("memneuro"))
    fix = compiler_fix() if target == "cython" and not compiler_command() else _reinstall("brian2")
    return _fails(_last_line(done), fix)


def _probe_cpp() -> dict[str, Any]:
    """Compile and run a C++ program; Brian2's C++ target also needs make."""
    if find_tool("make") is None:
        return _fails("make not found", compiler_fix())
    answer = _compile_and_run(_CPP_PROBE, [])
    if answer["usable"] and abs(float(answer["reason"]) - 0.367879441171) > 1e-9:
        return _fails(f"a test program printed {answer['reason']} where exp(-1) was due", compiler_fix())
    return _works(f"{shlex.join(compiler_command())} compiled and ran a test program") if answer["usable"] else answer


def _probe_openmp() -> dict[str, Any]:
    """Compile and run a C++ program with threads."""
    answer = _compile_and_run(_OPENMP_PROBE, ["-fopenmp"])
    if not answer["usable"] and compiler_command():
        answer["fix"] = "brew install libomp" if sys.platform == "darwin" else compiler_fix()
    return _works(f"a test program ran on {answer['reason']} thread(s)") if answer["usable"] else answer


def _probe_cuda() -> dict[str, Any]:
    """Check for brian2cuda, nvcc, the cuRAND header and a GPU; run a kernel where all of them are there."""
    gaps: list[tuple[str, str]] = []
    if versions()["brian2cuda"] is None:
        python = "" if sys.version_info[:2] == (3, 12) else " in an environment with Python 3.12"
        gaps.append(("brian2cuda is not installed", f"{_pip('memneuro[cuda]')}{python}"))
    devices = gpus()
    if not devices:
        gaps.append(("no CUDA GPU found by nvidia-smi", "run on a machine with an NVIDIA GPU and its driver"))
    try:
        from memneuro.backend.cuda import find_toolkit

        find_toolkit()
    except ImportError as error:
        gaps.append((f"the CUDA toolkit cannot be looked at: {error}", _pip("memneuro")))
    except RuntimeError as error:  # BackendUnavailable: what is missing; how to get it
        reason, _, fix = str(error).partition("; ")
        gaps.append((reason, fix or "repair the CUDA toolkit"))
    else:
        problem = _try_kernel(bool(devices))
        gaps += [problem] if problem else []
    if gaps:
        return _fails("; ".join(reason for reason, _ in gaps), "; ".join(fix for _, fix in gaps))
    return _works(f"a test kernel ran on {devices[0]['name']}")


def _try_kernel(with_gpu: bool) -> tuple[str, str] | None:
    """Compile a kernel, and run it where there is a GPU: what is wrong and what to do, or None."""
    compiler = find_tool("nvcc")
    assert compiler is not None
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "probe.cu"), Path(folder, "probe")
        source.write_text(_CUDA_PROBE)
        built = _run([compiler, *(["-arch=native"] if with_gpu else []), str(source), "-o", str(program)])
        if built.returncode != 0:
            return f"nvcc failed: {_last_line(built)}", "repair the CUDA toolkit"
        if with_gpu:
            done = _run([str(program)])
            if done.returncode != 0 or done.stdout.strip() != "49":
                return f"a test kernel failed: {_last_line(done)}", "match the driver to the CUDA toolkit"
    return None


def _compile_and_run(source: str, flags: list[str]) -> dict[str, Any]:
    """Compile a C++ program in a temporary folder and run it; where it works, `reason` is what it printed."""
    compiler = compiler_command()
    if not compiler:
        return _fails(f"no C++ compiler found ({os.environ.get('CXX') or 'g++'})", compiler_fix())
    with tempfile.TemporaryDirectory() as folder:
        file, program = Path(folder, "probe.cpp"), Path(folder, "probe")
        file.write_text(source)
        built = _run([*compiler, "-O2", *flags, str(file), "-o", str(program)])
        if built.returncode != 0:
            return _fails(f"{shlex.join(compiler)} failed: {_last_line(built)}", compiler_fix())
        done = _run([str(program)])
    if done.returncode != 0:
        return _fails(f"the test program failed: {_last_line(done)}", compiler_fix())
    return _works(done.stdout.strip())


def compiler_command() -> list[str]:
    """Give the compiler that Brian2's makefile calls, CXX or else g++, as a list of words; empty for none."""
    try:
        command = shlex.split(os.environ.get("CXX", "")) or ["g++"]
    except ValueError:  # a quote without its partner
        return []
    return command if shutil.which(command[0]) else []


def compiler_fix() -> str:
    """Give the command that installs a C++ compiler and make here."""
    for manager, command in (
        ("apt-get", "sudo apt-get install g++ make"),
        ("dnf", "sudo dnf install gcc-c++ make"),
        ("pacman", "sudo pacman -S gcc make"),
        ("zypper", "sudo zypper install gcc-c++ make"),
        ("xcode-select", "xcode-select --install"),
    ):
        if shutil.which(manager):
            return command
    return "conda install -c conda-forge cxx-compiler make"


def _pip(requirement: str) -> str:
    return f'python -m pip install "{requirement}"'


def _reinstall(package: str) -> str:
    return f"python -m pip install --force-reinstall {package}"


def _works(reason: str) -> dict[str, Any]:
    return {"usable": True, "reason": reason, "fix": ""}


def _fails(reason: str, fix: str) -> dict[str, Any]:
    return {"usable": False, "reason": reason, "fix": fix}


def _guarded(probe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run a probe; whatever goes wrong in it is an answer too."""
    try:
        return probe()
    except Exception as error:
        return _fails(f"the check itself failed: {type(error).__name__}: {error}", "report this with the output above")


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Give the last line a program said, which for a Python traceback is the error."""
    lines = [line.strip() for line in (done.stderr + "\n" + done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or [f"exit status {done.returncode}"])[-1][:300]


def _run(command: list[str], seconds: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program with a time limit; one that cannot start or does not end counts as failed."""
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=seconds or _PROBE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no answer within {seconds or _PROBE_SECONDS} s")
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]}: {error.strerror or error}")
