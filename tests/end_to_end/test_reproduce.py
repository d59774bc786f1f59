"""The report: every chapter ends up in it, figures need nothing but tables, and nothing fails quietly."""

import dataclasses
import re

import pandas as pd
import pytest
from matplotlib.image import imread

from memneuro import reproduce as module
from memneuro.biology import RecordingUnavailable
from memneuro.chapter import chapters
from memneuro.chapter.chapter import beside_targets, probability, spread, verdict
from memneuro.experiment.target import target
from memneuro.figure.style import style


def chosen(*names):
    return [chapter for chapter in chapters() if chapter.name in names]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two quick chapters, written to a folder: (folder, {name: tables})."""
    folder = tmp_path_factory.mktemp("chapters")
    made = chosen("pulse_train", "threshold_firing")
    return folder, {one.name: one.write(folder, one.name, fast=True) for one in made}


def test_chapters_are_numbered_in_order_and_named_apart():
    numbers = [chapter.number for chapter in chapters()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len({chapter.name for chapter in chapters()}) == len(numbers)


def test_every_chapter_has_a_thin_script(repository):
    scripts = {path.stem: path.read_text() for path in (repository / "figures").glob("fig*.py")}
    assert set(scripts) == {f"fig{chapter.number:02d}_{chapter.name}" for chapter in chapters()}
    for stem, text in scripts.items():
        assert f"from memneuro.chapter.{stem[6:]} import CHAPTER" in text and "main(CHAPTER, __file__)" in text
        assert len(text.splitlines()) < 10


def test_the_style_is_one_file_inside_the_package(repository):
    found = [path.relative_to(repository) for path in repository.rglob("*.mplstyle") if ".venv" not in path.parts]
    assert [str(path) for path in found] == ["memneuro/figure/memneuro.mplstyle"]
    with style():
        import matplotlib

        assert matplotlib.rcParams["figure.figsize"] == [3.4, 2.4]


def test_a_figure_is_drawn_from_the_csv_files_alone(written):
    folder, made = written
    for chapter in chosen(*made):
        tables = {
            name: pd.read_csv(folder / (f"{chapter.name}.csv" if place == 0 else f"{chapter.name}_{name}.csv"))
            for place, name in enumerate(made[chapter.name])
        }
        with style():
            chapter.draw(tables).savefig(folder / "again.png")
        again, first = imread(folder / "again.png"), imread(folder / f"{chapter.name}.png")
        assert (again == first).all()
        assert again.shape[1] == 680  # one column, 3.4 inch at 200 dots per inch


def test_measured_values_stand_beside_the_simulated_ones(written):
    _, made = written
    comparison = made["threshold_firing"]["comparison"]
    fired = made["threshold_firing"]["trials"].groupby("amplitude_V")["fired"].mean()
    for row in comparison[comparison["figure"] == "3d"].itertuples():
        assert row.simulated == pytest.approx(fired[row.condition_value])
        assert row.low <= row.simulated <= row.high
        assert row.error == pytest.approx(abs(row.simulated - row.measured))
    assert list(comparison["measured"]) == [*target("3d")["measured"], *target("3c")["measured"]]


def test_a_latched_row_is_as_wrong_as_can_be():
    values = {float(r): (m, m, m) for r, m in target("4d")[["condition_value", "measured"]].to_numpy()}
    free = beside_targets("4d", values, dict.fromkeys(values, 0.5))
    stuck = beside_targets("4d", values, dict.fromkeys(values, 0.51))
    assert (free["error"] == 0).all() and (stuck["error"] == 3).all()
    assert verdict({"comparison": free}) == "agrees" and verdict({"comparison": stuck}) == "differs"
    assert verdict({}) == verdict({"comparison": free.drop(columns="error")}) == "not measured"


def test_trials_that_do_not_fire_count_as_late():
    values = pd.Series([10.0, 20.0, 30.0, None, None])
    assert spread(values)[0] == 30.0
    assert spread(values)[2] != spread(values)[2]
    p, low, high = probability(pd.Series([True] * 20))
    assert p == 1 and low < 1 and high == pytest.approx(1)


def test_the_report_shows_every_chapter_and_says_how_to_get_a_recording(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "chapters", lambda: chosen("threshold_firing", "recorded_cell"))
    monkeypatch.setenv("MEMNEURO_DATA", str(tmp_path / "nothing"))
    report = module.reproduce(tmp_path / "out", fast=True)
    page = report.read_text(encoding="utf-8")
    assert report == tmp_path / "out" / "report.html"
    assert page.count("<section") == 2 and page.count("data:image/png") == 1
    assert re.search(r"Not shown here.*github\.com/apayeur/GIF-K.*MEMNEURO_DATA", page)
    (line,) = [one for one in capsys.readouterr().err.splitlines() if "left out" in one]
    assert "Beside a recorded neuron" in line and "download" in line
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "04_threshold_firing.csv",
        "04_threshold_firing_comparison.csv",
        "04_threshold_firing.json",
        "04_threshold_firing.png",
        "report.html",
    }


@pytest.mark.parametrize("error", [ValueError("broken"), RecordingUnavailable("no file")])
def test_a_chapter_that_fails_is_not_hidden(tmp_path, monkeypatch, error):
    def fail(fast):
        raise error

    (chapter,) = chosen("pulse_train")
    monkeypatch.setattr(module, "chapters", lambda: [dataclasses.replace(chapter, simulate=fail)])
    with pytest.raises(type(error), match=str(error)):
        module.reproduce(tmp_path, fast=True)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.slow
def test_the_whole_report_from_the_command_line(run_memneuro, tmp_path):
    done = run_memneuro("reproduce", "--fast", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    for chapter in chapters():
        assert f"<h2>{chapter.title}" in page
        assert (tmp_path / "out" / f"{chapter.number:02d}_{chapter.name}.png").exists() or "Not shown here" in page
