"""The CUDA backend: what it says where it cannot be used, what it generates, and that nvcc compiles and links it."""

import gc
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
from brian2 import (
    Network,
    NeuronGroup,
    PopulationRateMonitor,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    get_device,
    ms,
    prefs,
    us,
    volt,
)
from brian2.devices.device import all_devices

from memneuro import OneM1T1R, PulseTrain
from memneuro.backend import BackendUnavailable, backend, cuda
from memneuro.circuit.drive import Expression
from memneuro.numerics.elementary import HEADER as ELEMENTARY
from memneuro.numerics.threefry import HEADER as THREEFRY

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # brian2cuda closes none of its files

TRAIN = PulseTrain(0.8 * volt, width=1 * ms, period=2 * ms)
NUMBER = r"(?<![\w.])(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])|(?<![\w.])\d+[eE][+-]?\d+(?![\w.])"

NVCC = """\
#!/bin/sh
case "$1" in
    --version) echo "nvcc: NVIDIA (R) Cuda compiler driver"; echo "Cuda compilation tools, release {0}, V{0}.1" ;;
    --list-gpu-code) echo sm_80; echo sm_90 ;;
esac
"""
SMI = """\
#!/bin/sh
echo "Tesla T4, 15360, 7.5"
echo "NVIDIA H100 80GB HBM3, 81559, 9.0"
"""


def write_program(path, text):
    """A program that prints what another one would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def write_toolkit(folder, release="13.0", nvcc=None, curand=True):
    """A CUDA toolkit as far as the backend looks at it without compiling."""
    write_program(folder / "bin" / "nvcc", NVCC.format(release) if nvcc is None else nvcc)
    (folder / "include").mkdir(exist_ok=True)
    if curand:
        (folder / "include" / "curand.h").touch()
    return folder


def settings():
    """Everything that a backend changes."""
    return dict(prefs.items()), get_device(), dict(all_devices), dict(os.environ)


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine with no program on PATH and no CUDA variable set; a call puts a toolkit there."""
    for name in ("CUDA_PATH", "CUDA_HOME", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))

    def install(**options):
        monkeypatch.setenv("CUDA_HOME", str(write_toolkit(tmp_path / "toolkit", **options)))

    return install


def refused(*named, **options):
    """Ask for the backend; check that one error names everything in `named` and that nothing has changed."""
    before = settings()
    with pytest.raises(BackendUnavailable) as caught:
        backend("cuda", **options)
    assert settings() == before
    for pattern in named:
        assert re.search(pattern, str(caught.value)), caught.value
    return str(caught.value)


NO_GPU = {"compute_capability": 9.0, "build_on_run": False}


@pytest.mark.parametrize("variable", ["CUDA_HOME", "CUDA_PATH"])
def test_folder_without_nvcc(bare, monkeypatch, tmp_path, variable):
    monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    refused(rf"{variable} is .*nowhere, where there is no bin/nvcc", "correct it .* or unset it", **NO_GPU)


@pytest.mark.skipif(os.path.exists("/usr/local/cuda/bin/nvcc"), reason="nvcc is where it is always looked for")
def test_no_nvcc(bare):
    refused("nvcc not found", r"install the CUDA toolkit \(12.0 or newer\)", "set CUDA_HOME", **NO_GPU)


def test_toolkit_too_old(bare):
    bare(release="11.8")
    refused(r"CUDA 11\.8 \(.*/toolkit/bin/nvcc\) is too old", "install 12.0 or newer", **NO_GPU)


@pytest.mark.parametrize("printed", ["", "command not understood", "release thirteen"])
def test_nvcc_that_names_no_release(bare, printed):
    bare(nvcc=f"#!/bin/sh\necho '{printed}'\n")
    refused("nvcc --version names no CUDA release", "repair or reinstall", **NO_GPU)


def test_nvcc_that_does_not_start(bare):
    bare(nvcc="\x7fELF, but not really")
    refused(r"nvcc does not run \(.+\)", "repair or reinstall", **NO_GPU)


@pytest.mark.parametrize(("release", "package"), [("12.4", "nvidia-curand-cu12"), ("13.0", "nvidia-curand")])
def test_no_random_number_library(bare, monkeypatch, release, package):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", absent)
    bare(release=release, curand=False)
    refused("cuRAND is missing from the CUDA toolkit", f'python -m pip install "{package}"', **NO_GPU)


def test_no_gpu(bare):
    bare()
    refused("no CUDA GPU found by nvidia-smi", "compute_capability=9.0 .* build_on_run=False")


def test_gpus_that_are_hidden(bare, monkeypatch, tmp_path):
    bare()
    write_program(tmp_path / "programs" / "nvidia-smi", SMI)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    refused("CUDA_VISIBLE_DEVICES = '-1' hides every GPU; unset it")


def test_driver_that_does_not_tell_the_capability(bare, tmp_path):
    bare()
    write_program(tmp_path / "programs" / "nvidia-smi", "#!/bin/sh\necho 'Tesla T4, 15360, [N/A]'\n")
    refused("does not tell the GPU's compute capability", "update the NVIDIA driver")


def test_gpu_that_the_toolkit_does_not_know(bare):
    bare()
    said = refused("CUDA 13.0 .* cannot build for compute capability 7.0", compute_capability=7.0, build_on_run=False)
    assert "accepted: 8.0, 9.0" in said


@pytest.mark.skipif(importlib.util.find_spec("brian2cuda") is not None, reason="brian2cuda is installed")
def test_no_brian2cuda(bare):
    """It is named together with whatever else is missing."""
    bare()
    assert refused(**NO_GPU).startswith("brian2cuda is not installed")
    bare(release="11.8")
    refused("is too old", "and brian2cuda is not installed.*memneuro\\[cuda\\]", **NO_GPU)


@pytest.mark.parametrize("number", ["9.0", True, 3.0, float("nan"), 900])
def test_no_compute_capability(number):
    before = settings()
    with pytest.raises(ValueError, match="compute_capability = .*; accepted: a number such as"):
        backend("cuda", compute_capability=number, build_on_run=False)
    assert settings() == before


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, cuda.Target(1, 9.0)),
        ("0", cuda.Target(0, 7.5)),
        ("1,0", cuda.Target(0, 9.0)),
        ("GPU-8abe566f", cuda.Target(0, 7.5)),
    ],
)
def test_gpu_that_is_taken(bare, monkeypatch, tmp_path, visible, expected):
    write_program(tmp_path / "programs" / "nvidia-smi", SMI)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert cuda.find_target(cuda.Toolkit(tmp_path, (13, 0)), None) == expected


def test_random_number_library_of_a_package(tmp_path):
    """The linker's name for it is made anew, also where an earlier environment has gone."""
    library = tmp_path / "site packages" / "lib"
    library.mkdir(parents=True)
    (library / "libcurand.so.10").write_text("library", encoding="utf-8")
    include = tmp_path / "site packages" / "include"
    include.mkdir()
    build = tmp_path / "build"
    (build / "curand").mkdir(parents=True)
    (build / "curand" / "libcurand.so").symlink_to(tmp_path / "gone")
    toolkit = cuda.Toolkit(tmp_path, (13, 0), (), include, library)
    wanted = cuda.preferences(toolkit, build, 9.0)
    assert (build / "curand" / "libcurand.so").read_text(encoding="utf-8") == "library"
    assert (build / "curand" / "include").resolve() == include
    assert wanted["codegen.cpp.library_dirs"] == [*prefs["codegen.cpp.library_dirs"], "curand"]
    assert wanted["devices.cuda_standalone.cuda_backend.extra_compile_args_nvcc"][-1] == "-Icurand/include"


def test_double_precision_is_hidden_and_shown_again():
    functions = textwrap.indent(THREEFRY, "    ")
    text = f"double a = 0.1;\n{functions}const double epsilon = 0.000010 / 4;\nfloat b = 0.2;"
    kept = []
    hidden = cuda.hide_double(text, kept)
    assert re.findall(NUMBER, hidden) == ["0.1", "0.2"]
    assert len(kept) == 3
    assert cuda.show(hidden, kept) == text


def hopping(dt=None):
    """The neuron of the first example, with every kind of monitor."""
    group = OneM1T1R("hopping").group(100, drive=TRAIN, dt=dt, seed=1, name="hopping")
    monitors = SpikeMonitor(group), StateMonitor(group, ["v_gate", "v_out"], record=[0, 3])
    return [group, *monitors, PopulationRateMonitor(group)]


def compact():
    group = OneM1T1R("compact").group(100, drive=TRAIN, seed=2, name="compact")
    return [group, SpikeMonitor(group)]


def coupled():
    """Two groups: one drives the other through a buffer, and by synapses with delays."""
    return driven_by(OneM1T1R("hopping").group(20, drive=TRAIN, seed=3, name="first"), "hopping")


def driven_by(first, model):
    """A second group, of any device, behind `first`."""
    text = "v_in = v_sum + v_synaptic : volt\nv_sum : volt\ndv_synaptic/dt = -v_synaptic/(5*ms) : volt"
    second = OneM1T1R(model).group(len(first), drive=Expression(text), seed=4, name="second")
    buffer = Synapses(first, second, "w : 1 (constant)\nv_sum_post = w*v_load_pre : volt (summed)", name="buffer")
    buffer.connect(j="i")
    buffer.w = 0.5
    effects = {"up": "v_synaptic_post += 0.2*volt", "down": "v_synaptic_post -= 0.1*volt"}
    synapses = Synapses(first, second, on_pre=effects, delay={"down": 1 * ms}, name="synapses")
    synapses.connect(p=0.5)
    synapses.up.delay = "(1 + 0.1*i)*ms"
    return [first, second, buffer, synapses, SpikeMonitor(second)]


def sampled():
    values = TimedArray([0.0, 0.8, 0.0] * volt, dt=1 * ms, name="samples")
    group = OneM1T1R("hopping").group(10, drive=values, seed=5, name="sampled")
    return [group, SpikeMonitor(group)]


def cycling():
    """Switches that draw their voltages anew when they open, and age: custom events."""
    neuron = OneM1T1R("and_ts")
    group = neuron.group(100, drive=TRAIN, dt=10 * us, seed=6, ageing={"r_on": 0.01}, name="cycling")
    return [group, SpikeMonitor(group)]


def generate(objects, folder, precision="double", compute_capability=9.0):
    """Write a program without compiling it."""
    gc.collect()  # names of objects that are gone can be given again
    options = {"precision": precision, "directory": folder, "build_on_run": False}
    with backend("cuda", compute_capability=compute_capability, **options):
        Network(*objects()).run(20 * ms)
        get_device().build(directory=str(folder), compile=False, run=False)
    return folder


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The folder of a generated program: `program(hopping, "single")`; made once. No nvcc is needed."""
    pytest.importorskip("brian2cuda")
    toolkit = write_toolkit(tmp_path_factory.mktemp("toolkit"))
    made = {}

    def of(objects, precision="double"):
        key = (objects, precision)
        if key not in made:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("CUDA_HOME", str(toolkit))
                made[key] = generate(objects, tmp_path_factory.mktemp(objects.__name__), precision)
        return made[key]

    return of


PROGRAMS = [(hopping, "double"), (hopping, "single"), (compact, "double"), (coupled, "double"), (sampled, "single")]
NAMES = {hopping: "hopping", compact: "compact", coupled: "second", sampled: "sampled"}
every_program = pytest.mark.parametrize(("objects", "precision"), PROGRAMS)


def code_objects(folder):
    """{name: text} of the program's code objects."""
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("code_objects/*.cu")}


def kernels(folder):
    """{name: text} of the kernels that run every step."""
    found = {}
    for text in code_objects(folder).values():
        for match in re.finditer(r"^__global__ void\n(\w+)\(.*?^}", text, re.MULTILINE | re.DOTALL):
            found[match[1]] = match[0]
    return found


def commands(folder):
    """The command lines that make would run."""
    done = subprocess.run(["make", "-n", "-C", str(folder)], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if "nvcc" in line]


@pytest.mark.skipif(shutil.which("make") is None, reason="make not found")
@every_program
def test_flags_on_the_command_lines(program, objects, precision):
    folder = program(objects, precision)
    lines = commands(folder)
    compiling = [line.split() for line in lines if " -dc " in line]
    assert len(compiling) == len(lines) - 1 == len(list(folder.glob("**/*.cu")))
    for words in compiling:
        for flag in ("-fmad=false", "-std=c++17", "-arch=sm_90", "-ffp-contract=off"):
            assert flag in words
        for flag in ("-std=c++11", "-use_fast_math", "-ffast-math", "--use_fast_math"):
            assert flag not in words


@every_program
def test_functions_are_those_of_every_target(program, objects, precision):
    """The same C text, its constants in double precision, as functions of the device."""
    text = code_objects(program(objects, precision))[f"{NAMES[objects]}_stateupdater_codeobject"]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for header in (ELEMENTARY, THREEFRY):
        wanted = [line.strip() for line in header.splitlines() if line.strip()]
        start = next(k for k in range(len(lines)) if lines[k : k + len(wanted)] == wanted)
        assert start >= 0
    assert "#define MEMNEURO_FN __host__ __device__ static __forceinline__" in lines


@every_program
def test_calls_of_a_kernel_are_device_functions(program, objects, precision):
    folder = program(objects, precision)
    texts = code_objects(folder)
    own = {"if", "for", "while", "min", "max", "assert", "atomicAdd", "sizeof", "int", "float", "double"}
    checked = 0
    for name, kernel in kernels(folder).items():
        if not name.endswith(("_stateupdater_codeobject", "_statemonitor_codeobject", "_spike_thresholder_codeobject")):
            continue
        text = texts[name.removeprefix("_run_kernel_").removeprefix("_reset_")]
        body = re.sub(r"//.*|^\s*#.*", "", kernel[kernel.index("{") :], flags=re.MULTILINE)
        for called in set(re.findall(r"\b([A-Za-z_]\w*)\s*\(", body)) - own:
            qualified = rf"(MEMNEURO_FN|__host__\s+__device__)[\w\s]*?\b{called}\s*\(|#define {called}(\(| std::abs)"
            assert re.search(qualified, text), f"{called} of {name}"
            checked += 1
    assert checked >= 5


@every_program
def test_noise_is_counted_and_nothing_is_drawn(program, objects, precision):
    folder = program(objects, precision)
    every = kernels(folder)
    for name, kernel in every.items():
        assert not re.search(r"curand|_rand\w*\(|_poisson\(|_binomial", kernel), name
    updaters = [text for name, text in every.items() if name.endswith("_stateupdater_codeobject")]
    assert len(updaters) == (2 if objects is coupled else 1)
    for text in updaters:
        assert re.search(r"_threefry_normal\(noise_seed, i\b.*, t_in_timesteps, 0\)", text)
    objects_text = (folder / "objects.cu").read_text(encoding="utf-8")
    assert not re.search(r"codeobject_(rand|randn|poisson)", objects_text)  # no buffer of random numbers


@every_program
def test_squares_are_products(program, objects, precision):
    texts = code_objects(program(objects, precision))
    squared = [name for name, text in texts.items() if re.search(r"^(?!\s*#).*_brian_pow\(", text, re.MULTILINE)]
    assert bool(squared) == (objects is not compact)
    for name in squared:
        assert cuda.POWER not in texts[name]
        assert cuda.EXACT_POWER.splitlines()[0] in texts[name]


def test_pathways_count_the_steps_of_their_neurons(program):
    """The clock of the synapses has another step, and the first spikes after a delay would be lost by it."""
    texts = code_objects(program(coupled))
    for name in ("synapses_up_codeobject", "synapses_down_codeobject"):
        counted = re.findall(r"(\w+)\.timestep\[0\]", texts[name])
        assert counted == ["first_clock", "first_clock"], name


def test_a_delay_that_would_be_wrong_is_refused(program, monkeypatch, tmp_path):
    program(coupled)
    monkeypatch.setenv("CUDA_HOME", str(write_toolkit(tmp_path / "toolkit")))

    def two_steps():
        first = OneM1T1R("hopping").group(2, drive=TRAIN, dt=10 * us, name="first")
        second = OneM1T1R("hopping").group(2, dt=4 * us, extra="w : volt", name="second")
        synapses = Synapses(first, second, on_pre="w_post += 0.1*volt", delay=1 * ms, name="synapses")
        synapses.connect(j="i")
        return [first, second, synapses]

    with pytest.raises(NotImplementedError, match="synapses_pre has one delay .* give the source the smallest step"):
        generate(two_steps, tmp_path / "build")


def test_equations_may_name_local_variables(program, monkeypatch, tmp_path):
    program(hopping)
    monkeypatch.setenv("CUDA_HOME", str(write_toolkit(tmp_path / "toolkit")))
    gc.collect()
    with backend("cuda", directory=tmp_path / "build", **NO_GPU):
        constant = 5 * ms
        group = NeuronGroup(3, "dv/dt = -v/constant : 1", method="exact", name="local")
        Network(group).run(constant)
        get_device().build(directory=str(tmp_path / "build"), compile=False, run=False)
    assert "const double constant = 0.005;" in code_objects(tmp_path / "build")["local_stateupdater_codeobject"]


def test_what_is_drawn_from_cycle_to_cycle_is_drawn_by_the_same_function(program):
    kernel = "\n".join(text for name, text in kernels(program(cycling)).items() if "opening" in name)
    assert len(re.findall(r"_threefry_normal\(noise_seed, i\b.*?, .*?cycle.*?, \d\)", kernel)) == 4
    assert not re.search(r"curand|_rand\w*\(", kernel)


@pytest.mark.parametrize("objects", [hopping, sampled])
def test_single_precision(program, objects):
    """No number of a kernel is double; only the time is, and the step of a TimedArray stays exact."""
    folder = program(objects, "single")
    for name, kernel in kernels(folder).items():
        assert not re.findall(NUMBER, kernel), name
        if "ratemonitor" not in name:  # whose rates are double
            declared = re.findall(r"\bdouble\b\s*\*?\s*(\w+)", kernel)
            assert all(re.fullmatch(r"t|\w+_d?t", variable) for variable in declared), (name, declared)
    if objects is sampled:
        text = code_objects(folder)["sampled_stateupdater_codeobject"]
        assert re.search(r"const double epsilon = 0\.0010+ / \d+;", text)


def test_closing_puts_everything_back(program, monkeypatch, tmp_path):
    program(hopping)  # imports brian2cuda, which brings preferences of its own
    monkeypatch.setenv("CUDA_HOME", str(write_toolkit(tmp_path / "toolkit")))
    before = settings()
    for compute_capability in (8.0, 9.0):
        folder = generate(compact, tmp_path / str(compute_capability), compute_capability=compute_capability)
        assert f"-arch=sm_{compute_capability * 10:.0f} " in (folder / "makefile").read_text(encoding="utf-8")
        assert settings() == before


@pytest.mark.skipif(shutil.which("make") is None, reason="make not found")
def test_other_flags_make_another_program(program, monkeypatch, tmp_path):
    """In a folder used again, objects for another GPU are not taken for those of this one."""
    pytest.importorskip("brian2cuda")
    monkeypatch.setenv("CUDA_HOME", str(write_toolkit(tmp_path / "toolkit")))
    folder = generate(compact, tmp_path / "build")
    for source in folder.glob("**/*.cu"):
        source.with_suffix(".o").touch()
    (folder / "main").touch()
    assert not commands(generate(compact, folder))
    assert len(commands(generate(compact, folder, compute_capability=8.0))) == len(list(folder.glob("**/*.cu"))) + 1


def together():
    """All of it in few files, which is what takes time: compact neurons behind hopping ones."""
    first, *monitors = hopping(dt=2 * us)
    return [*driven_by(first, "compact"), *monitors]


def alone():
    """The neuron and its spikes only."""
    group = OneM1T1R("hopping").group(100, drive=TRAIN, seed=1, name="hopping")
    return [group, SpikeMonitor(group)]


def intermediate_code(folder, name):
    """What nvcc makes of the device part of a code object, with the flags of the build."""
    line = next(line for line in commands(folder) if f"code_objects/{name}.cu" in line)
    target = folder / f"{name}.ptx"
    line = re.sub(r" -dc (\S+) -o \S+", rf" -ptx \1 -o {target}", line)
    subprocess.run(line, shell=True, check=True, cwd=folder, capture_output=True)
    return target.read_text(encoding="utf-8")


@pytest.mark.nvcc
@pytest.mark.slow
@pytest.mark.parametrize(("objects", "precision"), [(together, "double"), (alone, "single")])
def test_compiles_and_links(monkeypatch, tmp_path, objects, precision):
    """With no preference set by hand and no GPU; then what the compiler made of the state update."""
    pytest.importorskip("brian2cuda")
    options = {"precision": precision, "directory": tmp_path / "build", "build_on_run": False}
    with backend("cuda", compute_capability=9.0, **options) as used:
        Network(*objects()).run(20 * ms)
        with pytest.raises(BackendUnavailable, match="another GPU"):
            used.build()
        used.build(run=False)
    folder = Path(used.directory)
    assert os.access(folder / "main", os.X_OK)
    libraries = subprocess.run(["ldd", str(folder / "main")], capture_output=True, text=True).stdout
    assert "libcurand" in libraries and "not found" not in libraries

    for path in folder.glob("**/*.o"):
        path.unlink()  # make names no command for what is up to date
    code = intermediate_code(folder, "hopping_stateupdater_codeobject")
    assert not re.search(r"\bcall\b", code)  # everything in line, no pow
    assert not re.search(r"\b(mul|add|sub)(\.ftz)?\.f(32|64)", code)  # each rounded (.rn), none left to be fused
    assert not re.search(r"\.approx|\.ftz|div\.full", code)
    if precision == "single":
        single, double = (len(re.findall(rf"\b\w+\.rn\.f{bits}\b", code)) for bits in (32, 64))
        assert single > 2 * double > 0  # the noise and the time are double


@pytest.mark.nvcc
@pytest.mark.slow
def test_cycles_compile_and_link(tmp_path):
    pytest.importorskip("brian2cuda")
    with backend("cuda", compute_capability=9.0, directory=tmp_path / "build", build_on_run=False) as used:
        Network(*cycling()).run(20 * ms)
        used.build(run=False)
    assert os.access(Path(used.directory) / "main", os.X_OK)
