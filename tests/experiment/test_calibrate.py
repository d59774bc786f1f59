"""The calibration: its bookkeeping, its objective on made-up spikes, and short runs from the command line."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from brian2 import us, volt

from memneuro.device.card import card, read_card
from memneuro.experiment.calibrate.__main__ import main
from memneuro.experiment.calibrate.cards import calibrated_cards, with_ranges
from memneuro.experiment.calibrate.objective import _decrease, _short, _sweep_excess, row_errors, samples
from memneuro.experiment.calibrate.posterior import named_values, posterior_table, ranges
from memneuro.experiment.calibrate.protocols import Effort, Programs, conditions
from memneuro.experiment.calibrate.search import SEARCHES
from memneuro.experiment.held_out import folds
from memneuro.experiment.score import DEVICES, MODELS, neurons, row_error, simulate_rows
from memneuro.experiment.target import scored_targets


@pytest.mark.parametrize("name", sorted(SEARCHES))
def test_point_and_values_are_inverse(name):
    search = SEARCHES[name]
    cards = {device: card(one) for device, one in MODELS[name].items()}
    point = search.point(cards)
    assert ((point > 0) & (point < 1)).all(), "a card lies on the edge of the search ranges"
    for device, one in cards.items():
        for parameter, value in search.values(point, device).items():
            assert value == pytest.approx(one.parameters[parameter].value, rel=1e-9)


@pytest.mark.parametrize("name", sorted(SEARCHES))
def test_a_search_from_scratch_starts_within_the_ranges(name):
    point = SEARCHES[name].scratch()
    assert ((point > 0) & (point < 1)).all()
    assert SEARCHES[name].values(point, "3b")["gamma1"] == pytest.approx(600)


def test_cards_carry_spread_and_ranges():
    search = SEARCHES["hopping_bounded"]
    point = search.point({device: card(name) for device, name in MODELS["hopping_bounded"].items()})
    made = calibrated_cards(search, point, "a test")
    for device, one in made.items():
        assert one.parameters["mu"].value == pytest.approx(
            card(MODELS["hopping_bounded"][device]).parameters["mu"].value, 1e-4
        )
    assert made["3b"].parameters["mu"].device_spread > 0 and made["3b"].parameters["beta"].device_spread == 0
    table = pd.DataFrame(
        {"reading": ["single", "mean"] * 2, "parameter": ["beta", "beta", "mu_3b", "mu_3b"]}
        | {"median": 3.0, "low": [1.0, 2.0, 1.0, 2.0], "high": [4.0, 5.0, 4.0, 5.0]}
    )
    ranged = with_ranges(made, table)
    assert ranged["3b"].parameters["mu"].interval == (1.0, 5.0) == ranged["4ab"].parameters["beta"].interval
    assert ranged["4ab"].parameters["mu"].interval is None


def test_every_row_is_held_out_once_and_devices_keep_two():
    number, wanted = folds(), scored_targets()
    assert len(number) == len(wanted) == 21 and set(number) == {1, 2, 3, 4, 5}
    for figures in DEVICES.values():
        own = wanted["figure"].isin(figures).to_numpy()
        assert min(np.sum(own & (number != fold)) for fold in range(1, 6)) >= 2


def trains(rates, duration):
    return [np.arange(0.5 / rate, duration, 1 / rate) if rate else np.empty(0) for rate in rates]


def made_up(kind, values, rates, duration=2.0):
    """Spikes of one noisy and one quiet trial at each value, both regular."""
    table = pd.DataFrame({"kind": kind, "value": values, "duration": duration})
    return table, {k: (trains([rate, rate], duration), np.zeros(2)) for k, rate in enumerate(rates)}


def test_a_range_that_is_long_enough_costs_nothing():
    values, goal, step = 0.6 * 1.04 ** np.arange(10), 1.36, np.log(1.04)
    table, spikes = made_up("constant", values, 50 + 20 * np.arange(10))
    assert _short(table, spikes, True, goal) == 0
    table, spikes = made_up("constant", values, [50, 70, 90, 0, 110, 130, 150, 170, 190, 210])
    assert _short(table, spikes, True, goal) == pytest.approx(np.log(goal) - 5 * step), "the longest range counts"
    table, spikes = made_up("constant", values, [50, 70, 90, 110, 60, 70, 0, 0, 0, 0])
    assert _short(table, spikes, True, goal) == pytest.approx(np.log(goal) - 3 * step), "a rate that falls ends it"
    table, spikes = made_up("constant", values, [0] * 10)
    assert _short(table, spikes, True, goal) == pytest.approx(np.log(goal))


def test_an_interval_that_falls_with_the_resistor_costs_its_fall():
    table, spikes = made_up("quiet", [30, 100, 300, 1000], [400, 200, 250, 50], 0.6)
    assert _decrease(table, spikes, quiet=True, slack=0.0) == pytest.approx(np.log(250 / 200), rel=0.02)
    table, spikes = made_up("dense", [30, 100, 300, 1000], [400, 200, 250, 50], 0.6)
    assert _decrease(table, spikes, quiet=False, slack=0.05) == pytest.approx(np.log(250 / 200) - 0.05, rel=0.02)
    table, spikes = made_up("quiet", [30, 100, 300, 1000], [400, 200, 0, 50], 0.6)
    assert _decrease(table, spikes, quiet=True, slack=0.0) == pytest.approx(1)


def test_the_spread_of_thresholds():
    rng = np.random.default_rng(1)
    for spread, excess in ((0.05, 0.0), (0.15, 0.075), (0.005, 0.03)):
        volts = 0.7 * (1 + spread * rng.standard_normal(4000))
        assert _sweep_excess([np.array([2.4 + v]) for v in volts]) == pytest.approx(excess, abs=0.006)


def test_conditions_hold_every_scored_row():
    table = conditions(Effort())
    assert set(table.loc[table["kind"] == "4d", "value"]) == {50, 100, 250, 500, 1000}
    assert table["kind"].value_counts()[["3b", "3d", "4ab"]].tolist() == [5, 3, 5]
    assert not conditions(Effort(constant=0, sweeps=0))["quiet"].any()


def test_posterior_samples_carry_the_cards_names():
    search = SEARCHES["hopping_bounded"]
    start = search.scratch()
    values = named_values(search, start)
    assert {"beta", "residue_cap", "mu_2e4d", "v_hop_4ab"} <= set(values) and "mu" not in values
    chain = np.broadcast_to(np.append(start, 0.5), (10, 4, len(start) + 1))
    table = posterior_table(search, {"single": chain, "mean": chain}, keep=5)
    assert len(table) == 10 and table["delta"].to_numpy() == pytest.approx(np.sqrt(0.01 * 0.3))
    found = ranges(table).set_index(["reading", "parameter"])
    assert found.loc[("mean", "beta"), "median"] == pytest.approx(20)


@pytest.mark.slow
def test_search_and_score_agree_without_noise():
    """The programs of the search in double precision, and the protocols of the score."""
    search = replace(SEARCHES["hopping_bounded"], step=10 * us)
    devices = neurons("hopping_bounded")
    programs = Programs(search, Effort(rows=1, firing=1, constant=0, sweeps=0), precision="double")
    point = search.point({name: one.device for name, one in devices.items()})
    place = [name for _, name in search.names()].index("sigma_tip")
    point[place] = 0  # the least noise of the range
    least = float(np.exp(search.limits()[0][place])) * volt
    quiet = {name: one.with_(sigma_tip=least) for name, one in devices.items()}
    spikes = programs.run([point], 1)[0]
    errors, _, _ = row_errors(programs.table, spikes, 0.2)
    rows = simulate_rows(quiet, step=search.step, seed=1, trials=dict.fromkeys(("2e", "3b", "3cd", "4ab", "4d"), 20))
    rows = rows.set_index(["figure", "condition_value"])
    assert samples(programs.table, spikes, 0.2)["3b", 0.4][0] > 10
    for error, row in zip(errors, scored_targets().to_dict(orient="records"), strict=True):
        if row["figure"] in ("2e", "3b", "4ab"):
            value = rows.loc[(row["figure"], row["condition_value"]), "simulated"]
            expected = row_error(row["unit"], row["condition"], row["measured"], value)
            assert error == pytest.approx(expected, abs=0.08), row


@pytest.mark.slow
def test_a_short_run_writes_readable_cards(tmp_path):
    pytest.importorskip("cma")
    arguments = ["--generations", "1", "--population", "4", "--seeds", "1", "--out", str(tmp_path)]
    assert main(arguments) == 0
    for name in MODELS["hopping_bounded"].values():
        assert read_card(tmp_path / f"{name}.toml").model == "hopping"
    assert (tmp_path / "hopping_bounded.npz").exists()


def test_bad_options_are_refused_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--generations", "0", "--out", str(tmp_path)])
    assert ended.value.code == 2 and "whole numbers of at least 1" in capsys.readouterr().err
