"""The scripts in figures/: their options, what they leave behind, and what they do without recordings."""

import json
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
from PIL import Image

from memneuro.biology.registry import RecordingUnavailable
from memneuro.chapter import chapters
from memneuro.chapter.fitted_cells import CHAPTER as NEEDS_RECORDINGS
from memneuro.chapter.pulse_train import CHAPTER
from memneuro.chapter.script import main


@pytest.fixture
def quick():
    """A chapter that simulates nothing."""
    table = pd.DataFrame({"first_spike_ms": [80.0, 90.0, 100.0]})
    return replace(CHAPTER, simulate=lambda fast: {"trials": table.head(2) if fast else table})


def run(chapter, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(chapter, "somewhere/fig02_pulse_train.py", list(map(str, arguments)))
    return ended.value.code


def failing(chapter, error):
    def fail(fast):
        raise error

    return replace(chapter, simulate=fail)


def test_a_script_runs_from_anywhere(repository, tmp_path):
    script = repository / "figures" / "fig03_leaky_integration.py"
    done = subprocess.run([sys.executable, script, "--bogus"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (
        "fig03_leaky_integration.py: error: unrecognized arguments: --bogus; accepted: [--fast] [--out DIR]\n"
    )


def test_files_and_where_their_numbers_are_from(quick, tmp_path, capsys):
    assert run(quick, "--fast", "--out", tmp_path / "new") == 0
    names = {"fig02_pulse_train" + end for end in (".csv", "_comparison.csv", ".json", ".png")}
    assert {path.name for path in (tmp_path / "new").iterdir()} == names
    assert len(pd.read_csv(tmp_path / "new" / "fig02_pulse_train.csv")) == 2
    said = json.loads((tmp_path / "new" / "fig02_pulse_train.json").read_text(encoding="utf-8"))
    assert said["seed"] == "1" and said["card"] == "hopping_2e4d" and said["time step"] == "10 µs for hopping_2e4d"
    assert said["fast"].startswith("yes") and {"memneuro", "Brian2", "NumPy"} <= set(said)
    assert set(said["tables"].values()) == {name for name in names if name.endswith(".csv")}
    with Image.open(tmp_path / "new" / "fig02_pulse_train.png") as image:
        assert image.info["Title"] == CHAPTER.title
        assert f"Brian2: {said['Brian2']}; " in image.info["Description"]
        assert "seed: 1; time step: 10 µs for hopping_2e4d; card: hopping_2e4d; fast: yes" in image.info["Description"]
    out = capsys.readouterr().out
    assert out.startswith("fig02_pulse_train: ") and " s, " in out and out.count("\n") == 1


def test_the_same_run_writes_the_same_bytes(quick, tmp_path):
    for name in ("one", "two"):
        assert run(quick, "--out", tmp_path / name) == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    assert json.loads((tmp_path / "one" / "fig02_pulse_train.json").read_text())["fast"] == "no"


@pytest.mark.parametrize("arguments", [["--fas"], ["more"], ["--out"], ["--seed", "2"]])
def test_other_arguments_are_refused_in_one_line(quick, arguments, tmp_path, capsys):
    assert run(quick, *arguments) == 2
    message = capsys.readouterr().err
    assert message.startswith("fig02_pulse_train.py: error: ") and message.count("\n") == 1
    assert message.endswith("accepted: [--fast] [--out DIR]\n")


def test_a_file_is_no_folder_to_write_to(quick, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert run(quick, "--out", tmp_path / "file") == 2
    assert f"--out {tmp_path / 'file'} is not a folder" in capsys.readouterr().err


def test_without_recordings_a_figure_is_left_out_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MEMNEURO_DATA", str(tmp_path / "nothing"))
    assert run(NEEDS_RECORDINGS, "--fast", "--out", tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert "left out, MEMNEURO_DATA is set to" in out and "download https://" in out and out.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_without_an_optional_package_a_figure_is_left_out_in_one_line(tmp_path, capsys):
    error = ModuleNotFoundError("No module named 'torch'", name="torch")
    assert run(failing(NEEDS_RECORDINGS, error), "--out", tmp_path) == 0
    out = capsys.readouterr().out
    assert "left out, No module named 'torch'" in out and 'pip install "memneuro[speech]"' in out


@pytest.mark.parametrize(
    "chapter, error",
    [
        (CHAPTER, RecordingUnavailable("this figure needs none")),
        (NEEDS_RECORDINGS, FileNotFoundError("a file of the package")),
        (NEEDS_RECORDINGS, ModuleNotFoundError("a module of the package", name="memneuro.gone")),
    ],
)
def test_other_failures_are_not_hidden(chapter, error, tmp_path):
    with pytest.raises(type(error), match=str(error)):
        main(failing(chapter, error), "fig02_pulse_train.py", ["--out", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []


def test_every_figure_says_where_its_numbers_are_from():
    for chapter in chapters():
        for fast in (False, True):
            said = chapter.provenance(fast)
            assert all(said.values()) and "none" not in said["time step"], chapter.name
            assert said["seed"][0].isdigit() or chapter.name == "energy"


def test_the_gallery_shows_every_figure_in_small_images(repository):
    page = (repository / "figures" / "README.md").read_text(encoding="utf-8")
    images = sorted((repository / "figures" / "gallery").glob("*.png"))
    stems = [f"fig{chapter.number:02d}_{chapter.name}" for chapter in chapters()]
    assert [path.stem for path in images] == stems
    for path in images:
        assert path.stat().st_size < 60_000
        assert f"(gallery/{path.name})" in page and f"python figures/{path.stem}.py" in page
        (part,) = [one for one in page.split("\n## ") if f"(gallery/{path.name})" in one]
        with Image.open(path) as image:
            assert ("fast: yes" in image.info["Description"]) == (
                "Drawn here with fewer trials" in " ".join(part.split())
            )
    assert sum(path.stat().st_size for path in images) < 1_200_000
