"""`memneuro compare` as a user meets it: one JSON object or one clear line."""

import json
import math
from importlib import resources

import numpy as np
import pytest

from memneuro.biology.fit.compare import cell, compare, compare_text, default_models, summary
from memneuro.biology.fit.memristor import ABLATIONS

NEEDS_FITS = pytest.mark.skipif(
    not (resources.files("memneuro") / "biology" / "fit" / "fits.csv").is_file(), reason="no fits are shipped"
)
MEASURES = {"gamma", "gamma_normalised", "rate_error", "cv_error"}


def write_csv(path, sweeps, spikes=True):
    """A neuron that integrates a noise current and spikes, sampled every 0.2 ms for 0.6 s; returns the path."""
    generator = np.random.default_rng(1)
    samples, rows = 3000, ["time_s,voltage_mV,current_pA,sweep"]
    current = np.zeros(samples)
    current[100:-100] = 60 + 60 * np.convolve(generator.standard_normal(samples), np.ones(25) / 5, "same")[100:-100]
    for sweep in range(sweeps):
        v, until, since = -70.0, 0, 99
        own = current + 0.1 * generator.standard_normal(samples) * (current != 0)
        for k in range(samples):
            if k >= until:
                v += 0.2 * (-70 - v + 0.3 * own[k]) / 15
                since += 1
            if v > -50 and spikes:
                v, until, since = -60.0, k + 15, 0
            shown = -60 + 90 * (1 - (k - until + 15) / 8) if k < until - 7 else v
            rows.append(f"{k * 2e-4:.4f},{shown if spikes else -70 + 1e-3 * (k % 7):.4f},{own[k]:.4f},{sweep}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def noise_file(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("csv") / "cell.csv", 1)


def refused(run_memneuro, *arguments):
    """The one line on standard error of a command that is refused."""
    done = run_memneuro("compare", *arguments)
    assert done.returncode == 2 and done.stdout == "", done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("memneuro: error: ")]
    assert len(lines) == 1 and lines[0] == done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    return lines[0]


@pytest.mark.slow
def test_an_unknown_model_is_named_before_any_work(run_memneuro):
    line = refused(run_memneuro, "missing.csv", "--models", "lif,lyf", "--json")
    assert "unknown model 'lyf'; known models: memristor, " in line


@pytest.mark.slow
def test_files_that_are_not_there_or_hold_no_spike(run_memneuro, tmp_path):
    assert "there is no file 'missing.csv'" in refused(run_memneuro, "missing.csv")
    silent = write_csv(tmp_path / "silent.csv", 1, spikes=False)
    assert "has no spike above -5. mV; nothing can be fitted to it" in refused(run_memneuro, silent, "--json")
    text = tmp_path / "cell.txt"
    text.write_text("nothing")
    assert "accepted are .abf, .nwb, .csv, .ibw" in refused(run_memneuro, text)


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("cell.csv", "--models", ","), "holds no name"),
        (("cell.csv", "--seeds", "0"), "--seeds"),
        (("cell.csv", "--generations", "0"), "--generations"),
        ((), "RECORDING"),
    ],
    ids=["models", "seeds", "generations", "recording"],
)
def test_bad_arguments_are_named(run_memneuro, arguments, said):
    done = run_memneuro("compare", *arguments)
    assert done.returncode == 2 and done.stdout == "" and said in done.stderr.splitlines()[-1]


def test_the_same_errors_from_python(tmp_path):
    with pytest.raises(ValueError, match="unknown model 'lyf'"):
        compare("missing.csv", models=["lyf"])
    with pytest.raises(Exception, match="there is no file"):
        compare("missing.csv", models=["lif"])
    with pytest.raises(ValueError, match="raphe/DRN999"):
        compare("raphe/DRN999", models=["lif"])
    with pytest.raises(ValueError, match="no spike"):
        compare(str(write_csv(tmp_path / "silent.csv", 1, spikes=False)), models=["lif"])


def test_what_a_file_becomes(noise_file, tmp_path):
    """One sweep is noise whose end is held out; with a test file all of it is trained on."""
    alone = cell(str(noise_file))
    assert alone.training.end == alone.test.start and len(alone.test.trains) == 1
    assert alone.training.trains[0].size >= 2 and alone.test.trains[0].size >= 1
    repeats = write_csv(tmp_path / "test.csv", 2)
    both = cell(str(noise_file), repeats)
    assert len(both.test.trains) == 2 and both.training.trains[0].size > alone.training.trains[0].size
    with pytest.raises(ValueError, match="2 sweeps of steps; at least 4 are needed"):
        cell(str(repeats))


def test_default_models_have_every_trait():
    names = default_models()
    assert "memristor" in names and "lif" in names and not set(names) & set(ABLATIONS.values())


@NEEDS_FITS
@pytest.mark.slow
def test_a_file_is_fitted_tested_and_kept(noise_file, tmp_path):
    """In one process and without compiling; a second call resumes the search and finds the same."""
    folder = tmp_path / "out"
    given = {"models": ["lif"], "seeds": (1, 2), "generations": 10, "processes": 1, "backend": "numpy"}
    found = compare(str(noise_file), folder=folder, progress=False, **given)
    assert found["fitted"] == ["lif"] and found["recording"] == str(noise_file) and math.isnan(found["reliability"])
    assert [row["seed"] for row in found["rows"]] == [1, 2]
    assert {path.name for path in folder.iterdir()} == {"lif.npz", "comparison.csv", "fits.csv"}
    for measure in ("gamma", "rate_error", "cv_error"):
        each = [row[measure] for row in found["rows"]]
        assert found["models"]["lif"][measure] == pytest.approx(np.mean(each), nan_ok=True)
        assert found["models"]["lif"][measure + "_sd"] == pytest.approx(np.std(each, ddof=1), nan_ok=True)
    assert "LIF" in compare_text(found) and "fitted now" in compare_text(found)
    again = compare(str(noise_file), folder=folder, progress=False, **given)
    assert json.dumps(again) == json.dumps(found)


def test_every_name_of_a_result_can_be_laid_out():
    """The text names each model by its title; so the names in a result must be those of the models."""
    import pandas as pd

    from memneuro.biology.fit import fit_model

    names = [fit_model(name).name for name in default_models()]
    columns = dict.fromkeys(
        ("gamma", "gamma_normalised", "gamma_normalised_8ms", "rate_hz", "rate_error", "cv", "cv_error", "loss"), 0.5
    )
    rows = pd.DataFrame([{"model": name, "model_reliability": 0.5, "fi_error": 0.5, **columns} for name in names])
    text = compare_text({"recording": "cell", "reliability": 0.7, "fitted": ["lif"], "models": summary(rows)})
    assert all(fit_model(name).title in text for name in default_models())


@NEEDS_FITS
@pytest.mark.slow
def test_one_json_object(run_memneuro, noise_file):
    options = ("--models", "lif", "--seeds", "1", "--generations", "2", "--processes", "1", "--json")
    done = run_memneuro("compare", noise_file, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    found = json.loads(done.stdout)
    assert set(found["models"]) == {"lif"} and MEASURES <= set(found["models"]["lif"])
    assert math.isfinite(found["models"]["lif"]["gamma"]) and found["models"]["lif"]["gamma_normalised"] is None


@NEEDS_FITS
@pytest.mark.slow
def test_shipped_fits_are_tested_without_a_search(recordings_folder, run_memneuro):
    env = {"MEMNEURO_DATA": str(recordings_folder)}
    done = run_memneuro("compare", "raphe/DRN159", "--models", "lif", "--processes", "1", "--json", env=env)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["fitted"] == [] and len(found["rows"]) == 3
    assert found["reliability"] == pytest.approx(0.797, abs=1e-3)
    assert 0 < found["models"]["lif"]["gamma"] < found["reliability"]
