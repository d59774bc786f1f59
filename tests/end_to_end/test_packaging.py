"""What is installed: metadata, the console script, the data files, and what an import costs."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from importlib.metadata import distribution, entry_points

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import memneuro


@pytest.fixture(scope="module")
def configuration(repository):
    parser = ConfigParser()
    assert parser.read(repository / "setup.cfg", encoding="utf-8")
    return parser


def test_the_installed_version_is_the_one_in_setup_cfg(configuration):
    assert memneuro.__version__ == configuration["metadata"]["version"] == distribution("memneuro").version


def test_supported_python_versions(configuration):
    supported = SpecifierSet(configuration["options"]["python_requires"])
    assert [minor for minor in range(8, 20) if supported.contains(f"3.{minor}.0")] == [11, 12, 13]
    assert supported.contains(".".join(map(str, sys.version_info[:3])))


def test_every_core_requirement_is_met_here():
    """The resolver left nothing out, and each installed version is inside its bounds."""
    required = [Requirement(text) for text in distribution("memneuro").requires or []]
    core = [item for item in required if item.marker is None or item.marker.evaluate({"extra": ""})]
    assert {"brian2", "numpy", "pandas", "matplotlib", "scipy", "tqdm"} <= {item.name.lower() for item in core}
    for item in core:
        assert item.specifier.contains(distribution(item.name).version, prereleases=True), str(item)


def test_numpy_is_bounded_where_brian2_cannot_use_a_newer_one():
    """Brian2 2.9, the newest for Python 3.11, fails to import with NumPy 2.4."""
    numpy = [Requirement(text) for text in distribution("memneuro").requires or [] if text.startswith("numpy")]
    for python, allowed in (("3.11", False), ("3.12", True), ("3.13", True)):
        (bound,) = [item for item in numpy if item.marker and item.marker.evaluate({"python_version": python})]
        assert bound.specifier.contains("2.4.0") is allowed


def test_optional_packages_are_extras():
    extras = set(distribution("memneuro").metadata.get_all("Provides-Extra") or [])
    assert {"test", "dev", "cuda", "nwb", "docs"} <= extras


def test_pyproject_holds_the_build_system_only(repository):
    assert list(tomllib.loads((repository / "pyproject.toml").read_text())) == ["build-system"]


def test_the_console_script_runs():
    (script,) = entry_points(group="console_scripts", name="memneuro")
    assert script.value == "memneuro.cli:main"
    program = shutil.which("memneuro", path=str(sys.prefix) + "/bin")
    assert program is not None
    done = subprocess.run([program, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"memneuro {memneuro.__version__}\n")


@pytest.mark.slow
def test_a_wheel_holds_every_module_and_table(tmp_path, repository):
    """A wheel built from the sources holds the tables: an editable install alone would find them anyway."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "LICENSE", "README.md"):
        if (repository / name).exists():
            shutil.copy(repository / name, source)
    shutil.copytree(repository / "memneuro", source / "memneuro", ignore=shutil.ignore_patterns("__pycache__"))
    needed = [
        path
        for kind in ("*.py", "*.csv", "*.toml", "*.h", "*.cpp", "*.mplstyle", "*.html", "*.css", "*.js")
        for path in (source / "memneuro").rglob(kind)
    ]
    assert {"zhao2025_targets.csv", "devices_measured.csv", "compact_model_checks.csv"} <= {p.name for p in needed}
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, source]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("memneuro-*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {path.relative_to(source).as_posix() for path in needed} <= packed


def test_help_does_not_wait_for_brian2():
    """`memneuro --help` answers at once: the command that needs the heavy packages imports them."""
    heavy = "{'brian2', 'pandas', 'matplotlib', 'scipy'}"
    code = f"import sys, memneuro.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_licence_is_bsd():
    metadata = distribution("memneuro").metadata
    assert (metadata.get("License-Expression") or metadata.get("License")) == "BSD-3-Clause"
