"""Every device model on equal terms."""

import numpy as np
import pandas as pd
import pytest
from brian2 import us

from memneuro import OneM1T1R
from memneuro.cli import main
from memneuro.experiment import model_table as tables
from memneuro.experiment.intrinsic_plasticity import intrinsic_plasticity
from memneuro.experiment.pulses import PulseRun
from memneuro.experiment.score import score_variant
from memneuro.experiment.six_traits import TRAITS

FEW = {"2e": 4, "3b": 4, "3cd": 8, "4ab": 4, "4d": 4}


def test_a_spike_at_the_onset_of_a_pulse_belongs_to_it_whatever_its_time_rounds_to():
    times = [0.0, 22.999999999999996, 93.00000000000001]
    spikes = pd.DataFrame({"condition": 0, "trial": [0, 1, 2], "time_ms": times})
    run = PulseRun(spikes, pd.DataFrame(), pd.DataFrame(), 1, 3, 10 * us, np.zeros((1, 3), dtype=bool))
    assert np.allclose(run.first_spikes(after_ms=23.0)[0], [np.nan, 23, 93], equal_nan=True)


def test_a_switch_without_integration_gains_nothing_in_its_second_pulse():
    table = intrinsic_plasticity(OneM1T1R("vo2_neuristor"), trials=1, dt=10 * us, noise=False, check_step=False)
    assert table["fired_second"].all()
    assert np.allclose(table["gain_ms"], 0, atol=1e-9)


def test_letters_stand_for_characteristics():
    shown = pd.DataFrame({"trait": TRAITS, "shown": [True, True, False, False, True, False]})
    assert tables.letters(shown) == "LT--R-"


@pytest.mark.slow
def test_a_table_is_written_model_by_model_and_resumed(tmp_path, monkeypatch):
    out = tmp_path / "models.csv"
    first = tables.model_table(["neuristor"], seeds=1, trials=FEW, trait_trials=2, out=out)
    (row,) = first.to_dict(orient="records")
    assert row["model"] == "neuristor" and row["states"] == 3 and row["rows"] == 21
    assert row["mean_log_error"] == pytest.approx(row["mean_log_error_half_step"], abs=1e-9)
    assert row["traits"] == row["traits_half_step"]
    assert row["ns_per_step"] > 0 and row["us_per_ms"] == pytest.approx(row["ns_per_step"] / row["step_us"])
    assert row["stiffness"] > 1e3
    written = out.read_text().splitlines()[0].split(",")
    assert written == list(first.columns)

    def never(*args, **options):
        raise AssertionError("a model that is in the file was scored again")

    monkeypatch.setattr(tables, "model_row", never)
    again = tables.model_table(["neuristor"], seeds=1, out=out)
    same = [name for name in first.columns if name not in ("ns_per_step", "us_per_ms")]
    pd.testing.assert_frame_equal(again[same], first[same], check_dtype=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--all", "--device", "compact"], "--device, --step and --cross-validated are not accepted with it"),
        (["--all", "--step", "1us"], "--device, --step and --cross-validated are not accepted with it"),
        (["--all", "--cross-validated"], "--device, --step and --cross-validated are not accepted with it"),
        (["--out", "table.csv"], "is accepted with --all only"),
    ],
)
def test_options_that_do_not_go_together(words, said, capsys):
    assert main(["score", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("model", ["threshold", "neuristor"])
def test_fast_switches_score_the_same_at_a_tenth_of_their_step(model):
    scores = [score_variant(model, step=step, seeds=1, trials=FEW) for step in (10 * us, 1 * us)]
    assert scores[0]["mean_log_error"] == pytest.approx(scores[1]["mean_log_error"], abs=0.02)
