"""Measurements that a calibration did not see."""

import pytest
from brian2 import us

from memneuro.cli import main
from memneuro.experiment.held_out import folds, held_out, stored_devices
from memneuro.experiment.score import DEVICES
from memneuro.experiment.target import scored_targets

FEW = dict.fromkeys(("2e", "3b", "3cd", "4ab", "4d"), 2)


def test_stored_devices_are_those_of_every_fold():
    table = stored_devices("hopping_bounded")
    assert set(table["fold"]) == set(folds()) and set(table["device"]) == set(DEVICES)
    assert (table["value"] > 0).all()
    shared = table[table["parameter"] == "gamma1"].groupby("fold")["value"].nunique()
    assert (shared == 1).all()


def test_a_model_without_folds_is_refused_before_anything_is_simulated(capsys):
    with pytest.raises(ValueError, match="'area' was not calibrated fold by fold; accepted: hopping_bounded"):
        stored_devices("area")
    assert main(["score", "--cross-validated", "--device", "area"]) == 2
    assert "accepted: hopping_bounded" in capsys.readouterr().err


def test_a_table_that_lacks_a_fold_is_refused():
    table = stored_devices("hopping_bounded")
    with pytest.raises(ValueError, match="accepted: one model, folds"):
        held_out(table[table["fold"] != 1])


@pytest.mark.slow
def test_every_row_has_the_error_of_the_devices_that_did_not_see_it():
    found = held_out(stored_devices("hopping_bounded"), step=10 * us, seeds=1, trials=FEW)
    assert [row["figure"] for row in found["held_out_rows"]] == sorted(scored_targets()["figure"])
    assert {row["fold"] for row in found["held_out_rows"]} == set(folds())
    mean = sum(row["error"] for row in found["held_out_rows"]) / len(folds())
    assert found["held_out_mean_log_error"] == pytest.approx(mean)
