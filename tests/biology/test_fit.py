"""Fits: the search space, the loss, many jobs in one program, known parameters found again, and the test."""

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, TimedArray, amp, ms, second

from memneuro.backend import backend
from memneuro.biology import trains as st
from memneuro.biology.fit import fit_model, fit_model_names
from memneuro.biology.fit.data import CellData, Response
from memneuro.biology.fit.evaluate import cell_reliability, evaluate
from memneuro.biology.fit.loss import PRECISIONS, losses
from memneuro.biology.fit.memristor import ABLATIONS, DEVICE, NOMINAL_SCALE, SPREAD
from memneuro.biology.fit.program import FitProgram
from memneuro.biology.fit.search import Fits, fit, fits_from_table
from memneuro.biology.fit.space import Free, numbers, points
from memneuro.biology.reference import ReferenceNeuron
from memneuro.circuit.injected import Injected
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.circuit.time_scale import slowed_parameters
from memneuro.device.card import parse_unit

INTERVAL = 1e-4


def noise(seconds, seed, mean=55e-12, deviation=50e-12, tau=5e-3):
    """An Ornstein-Uhlenbeck current in ampere."""
    generator = np.random.default_rng(seed)
    keep = np.exp(-INTERVAL / tau)
    drawn = generator.standard_normal(round(seconds / INTERVAL))
    found = np.empty(drawn.size)
    state = 0.0
    for k, one in enumerate(drawn):
        found[k] = state = keep * state + np.sqrt(1 - keep**2) * one
    return mean + deviation * found


def simulated(name, values, current, duration, seed=0):
    """Spike times in seconds, straight from the reference neuron: one train for each of `values` (a list)."""
    parameters = {
        one.name: [value[one.name] for value in values] * parse_unit(one.unit) for one in fit_model(name).free
    }
    n = len(values)
    with backend("numpy"):
        drive = Injected(TimedArray(np.repeat(current[:, np.newaxis], n, axis=1) * amp, dt=INTERVAL * second))
        group = ReferenceNeuron(name).group(n, drive=drive, seed=seed, **parameters)
        spikes = SpikeMonitor(group)
        Network(group, spikes).run(duration * second, namespace={})
        return [np.asarray(spikes.t / second)[np.asarray(spikes.i) == k] for k in range(n)]


# Space

SPACE = (Free("a", -3, 7, "mvolt"), Free("b", 1e-10, 1e-7, "amp", log=True), Free("c", 0.2, 5, "1", log=True))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_points_and_numbers_are_inverse(seed):
    cube = np.random.default_rng(seed).random((200, 3))
    values = numbers(SPACE, cube)
    for k in range(200):
        back = points(SPACE, {name: float(value[k]) for name, value in values.items()})
        np.testing.assert_allclose(back, cube[k], rtol=0, atol=1e-12)
    for one in SPACE:
        assert np.all((values[one.name] >= one.low) & (values[one.name] <= one.high))


@pytest.mark.parametrize("name", fit_model_names())
def test_every_model_has_a_space_with_an_inverse(name):
    free = fit_model(name).free
    cube = np.random.default_rng(4).random((50, len(free)))
    values = numbers(free, cube)
    assert list(values) == [one.name for one in free] and len(set(values)) == len(free)
    back = np.array([points(free, {key: value[k] for key, value in values.items()}) for k in range(50)])
    np.testing.assert_allclose(back, cube, rtol=0, atol=1e-10)


def test_the_scale_and_the_limits_of_the_cube():
    middle = numbers(SPACE, np.full(3, 0.5))
    assert middle["a"] == pytest.approx(2) and middle["b"] == pytest.approx(np.sqrt(1e-17), rel=1e-12)
    outside = numbers(SPACE, np.array([[-0.3, -5, -1e-9], [1.2, 6, 1 + 1e-9]]))
    for one in SPACE:
        np.testing.assert_allclose(outside[one.name], [one.low, one.high], rtol=1e-12)
    assert numbers(SPACE, np.zeros((4, 5, 3)))["c"].shape == (4, 5)


def test_limits_that_make_no_space():
    for low, high, log in ((1, 1, False), (2, 1, False), (0, 1, True), (-1, 1, True), (np.nan, 1, False)):
        with pytest.raises(ValueError, match="tau: limits .* must ascend, above zero when log"):
            Free("tau", low, high, "second", log)
    Free("tau", -1, 1, "second")


def test_values_outside_the_space():
    good = {"a": 0.0, "b": 1e-9, "c": 1.0}
    with pytest.raises(ValueError, match="a = 7.1 mvolt; accepted: -3 to 7"):
        points(SPACE, good | {"a": 7.1})
    with pytest.raises(ValueError, match="b = 9e-11 amp; accepted: 1e-10 to 1e-07"):
        points(SPACE, good | {"b": 9e-11})
    with pytest.raises(ValueError, match="a = nan"):
        points(SPACE, good | {"a": np.nan})
    with pytest.raises(ValueError, match="no value for c; needed are a, b, c"):
        points(SPACE, {"a": 0.0, "b": 1e-9})
    np.testing.assert_array_equal(points(SPACE, {"a": 7 + 1e-12, "b": 1e-10, "c": 5.0}), [1, 0, 1])


# Loss


def made_response(train, duration=10.0, start=0.0):
    return Response(np.zeros(2), INTERVAL, start, start + duration, (np.asarray(train, dtype=float),))


def random_train(rate, duration, seed):
    generator = np.random.default_rng(seed)
    return np.sort(generator.uniform(0, duration, generator.poisson(rate * duration)))


def test_loss_of_the_cell_itself_and_of_silence():
    cell = random_train(8, 10, 1)
    response = made_response(cell)
    exact, silent = losses(response, np.zeros(cell.size, dtype=int), cell, 2, 1)
    assert exact == pytest.approx(0, abs=1e-12)
    assert silent == pytest.approx(1 + 0.25 * np.log(cell.size + 1), rel=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_loss_is_its_formula(seed):
    """Four candidates with three trials each, from sparse to 25 Hz."""
    duration = 10.0
    cell = random_train(8, duration, 10 * seed)
    trains = [random_train(rate, duration, 100 * seed + k) for k, rate in enumerate(np.linspace(1, 25, 12))]
    trains[5] = np.sort(cell + 3e-3 * np.random.default_rng(seed).uniform(-1, 1, cell.size)).clip(0, duration)
    order = np.argsort(np.concatenate(trains))
    index = np.repeat(np.arange(12), [train.size for train in trains])[order]
    found = losses(made_response(cell), index, np.concatenate(trains)[order], 4, 3)
    for k in range(4):
        each = []
        for train in trains[3 * k : 3 * k + 3]:
            gammas = [
                st.coincidence_factor(cell * second, train * second, duration * second, one * second)
                for one in PRECISIONS
            ]
            each.append(1 - np.mean(gammas) + 0.25 * abs(np.log((train.size + 1) / (cell.size + 1))))
        assert found[k] == pytest.approx(np.mean(each), rel=1e-12)
    assert found.argmin() == 1


def test_loss_of_a_train_too_fast_for_a_coincidence_factor():
    """Beyond 1/(2 precision) Gamma counts as -1: at 40 Hz for 16 ms, at 200 Hz for both."""
    cell = np.array([1.0, 2.0, 3.0])
    fast = np.arange(0.5, 2000) / 200
    found = losses(made_response(cell), np.zeros(fast.size, dtype=int), fast, 1, 1)
    assert found[0] == pytest.approx(2 + 0.25 * np.log(2001 / 4), rel=1e-12)


# Models


def test_names():
    with pytest.raises(ValueError, match="unknown model 'liff'; known models: .*memristor.*lif"):
        fit_model("liff")
    assert {"memristor", "adapting_memristor", "lif", "gif"} | set(ABLATIONS.values()) < set(fit_model_names())


@pytest.mark.parametrize("name", fit_model_names())
def test_a_fit_carries_the_name_that_finds_its_model_again(name):
    assert fit_model(name).name == name


@pytest.mark.parametrize("name", fit_model_names())
def test_every_model_runs_in_all_corners_of_its_space(name):
    model = fit_model(name)
    size = len(model.free)
    cube = np.vstack([np.zeros(size), np.ones(size), np.random.default_rng(1).integers(0, 2, (3, size))])
    response = Response(noise(0.02, 1, 300e-12), INTERVAL, 0.0, 0.02, (np.array([0.01]),))
    program = FitProgram(model, [response], 5, 1, backend="numpy")
    ((index, times),) = program.run(cube[np.newaxis], seed=1)
    assert index.shape == times.shape and np.all(index < 5)
    for state in program._program.group.equations.diff_eq_names:
        assert np.all(np.isfinite(np.asarray(getattr(program._program.group, state)))), state


def memristor_values(**changes):
    values = {"r_in": 1e10, "v_offset": 0.1, "tau_in": 20, "time_scale": NOMINAL_SCALE, "r_control": 250}
    values |= {f"z_{name}": 0.0 for name in SPREAD} | changes
    return {name: np.array([value]) for name, value in values.items()}


def test_the_memristor_in_the_middle_is_the_slowed_card():
    plain = OneM1T1R(DEVICE)
    for scale in (NOMINAL_SCALE, 3.0, 90.0):
        found = fit_model("memristor").program_parameters(memristor_values(time_scale=scale))
        for name, value in {**slowed_parameters(plain, scale), "v_hop": plain.device["v_hop"]}.items():
            assert float(found[name][0]) == pytest.approx(float(value), rel=1e-12), name
    assert float(found["r_control"][0]) == pytest.approx(250e6) and float(found["tau_in"][0]) == pytest.approx(0.02)


def test_the_device_lies_within_its_spread():
    plain = OneM1T1R(DEVICE)
    spread = plain.device_spread(SPREAD)
    found = fit_model("memristor").program_parameters(memristor_values(z_mu=2.0, z_v_hop=-1.0))
    assert float(found["v_hop"][0] / plain.device["v_hop"]) == pytest.approx(np.exp(-spread["v_hop"]))
    assert float(found["mu"][0] / plain.device["mu"]) * NOMINAL_SCALE == pytest.approx(np.exp(2 * spread["mu"]))


def test_the_foot_slows_down_with_the_rest():
    values = memristor_values(c_foot=100.0, tau_foot=40.0, time_scale=25.0)
    found = fit_model("adapting_memristor").program_parameters(values)
    assert float(found["c_foot"][0]) == pytest.approx(25 * 100e-12)
    assert float((found["r_foot"] * found["c_foot"])[0]) == pytest.approx(25 * 40e-3)


def test_one_trait_at_a_time_is_taken_away():
    whole = fit_model("memristor").program_parameters(memristor_values())
    expected = {
        "memristor_no_noise": {"tau_tip": None},
        "memristor_no_plasticity": {"beta": 1e-6},
        "memristor_no_refractory": {"r_control": 0.01},
    }
    assert set(expected) == set(ABLATIONS.values())
    for name, changed in expected.items():
        model = fit_model(name)
        found = model.program_parameters(memristor_values())
        assert set(whole) - set(found) == {key for key, factor in changed.items() if factor is None}
        for key, value in found.items():
            factor = changed.get(key, 1)
            assert float(value[0]) == pytest.approx(factor * float(whole[key][0]), rel=1e-12), (name, key)
        assert model.stochastic == model.noise == (name != "memristor_no_noise")
        assert model.free == fit_model("memristor").free


# Program

CANDIDATES = {"tau_m": [20.0, 8.0], "r_m": [300.0, 250.0], "v_reset": [-60.0, -75.0], "t_refractory": [3.0, 9.0]}
VALUES = [{name: value[k] for name, value in CANDIDATES.items()} for k in (0, 1)]


def lif_points(values):
    return np.array([points(fit_model("lif").free, one) for one in values])


@pytest.fixture(scope="module")
def jobs():
    """Three stimuli, the second job on a later part of the first stimulus."""
    first, short = noise(0.4, 1), noise(0.25, 2, 80e-12)
    none = (np.array([]),)
    return [
        Response(first, INTERVAL, 0.05, 0.3, none),
        Response(first, INTERVAL, 0.3, 0.4, none),
        Response(short, INTERVAL, 0.0, 0.4, none),
    ]


@pytest.fixture(scope="module")
def program(jobs):
    return FitProgram(fit_model("lif"), jobs, 2, 1, backend="numpy")


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_every_job_gets_the_spikes_of_its_candidates_on_its_own_current(jobs, program):
    """Against the reference neuron run alone; job 1 has the candidates swapped, job 2 a current that ends early."""
    cube = lif_points(VALUES)
    found = program.run(np.array([cube, cube[::-1], cube]), seed=1)
    assert len(found) == 3
    total = 0
    for k, (response, order) in enumerate(zip(jobs, ((0, 1), (1, 0), (0, 1)), strict=True)):
        index, times = found[k]
        longer = np.concatenate([response.current, np.full(4000 - response.current.size, response.current[-1])])
        for candidate, alone in enumerate(simulated("lif", [VALUES[which] for which in order], longer, 0.4)):
            counting = alone[(alone >= response.start) & (alone <= response.end)] - response.start
            np.testing.assert_allclose(times[index == candidate], counting, rtol=0, atol=1e-9)
            total += counting.size
    assert total > 15


def test_a_job_does_not_depend_on_the_others(jobs, program):
    cube = lif_points(VALUES)
    found = program.run(np.array([cube, cube, cube]), seed=1)
    other = program.run(np.array([cube[::-1], cube, np.full((2, 4), 0.4)]), seed=2)
    assert same(found[1], other[1])
    assert not same(found[0], other[0]) and not same(found[2], other[2])
    alone = FitProgram(fit_model("lif"), jobs[1:2], 2, 1, backend="numpy").run(cube[np.newaxis], seed=1)
    assert same(found[1], alone[0])
    assert same(found[0], program.run(np.array([cube, cube, cube]), seed=1)[0])


def test_trials_differ_in_their_noise():
    response = Response(noise(0.3, 3), INTERVAL, 0.0, 0.3, (np.array([]),))
    model = fit_model("stochastic_lif")
    two = FitProgram(model, [response], 2, 3, backend="numpy")
    point = points(model.free, VALUES[0] | {"delta_u": 0.8})
    cube = np.array([[point, point]])
    ((index, times),) = two.run(cube, seed=1)
    trains = [times[index == k] for k in range(6)]
    assert len({train.tobytes() for train in trains}) == 6 and min(train.size for train in trains) > 2
    assert same((index, times), two.run(cube, seed=1)[0])
    assert not same((index, times), two.run(cube, seed=2)[0])
    # Neuron k of the program has the noise of neuron k of a group.
    alone = simulated("stochastic_lif", [VALUES[0] | {"delta_u": 0.8}] * 6, response.current, 0.3, seed=1)
    for train, other in zip(trains, alone, strict=True):
        np.testing.assert_allclose(train, other, rtol=0, atol=1e-9)


def test_one_program_needs_one_sampling_interval(jobs):
    other = Response(jobs[0].current, 5e-5, 0.0, 0.2, jobs[0].trains)
    with pytest.raises(ValueError, match="must have the same sampling interval"):
        FitProgram(fit_model("lif"), [jobs[0], other], 1, 1, backend="numpy")


# Test


def repeats(train, n, width, seed, duration):
    generator = np.random.default_rng(seed)
    return tuple(np.sort(train + width * generator.uniform(-1, 1, train.size)).clip(0, duration) for _ in range(n))


@pytest.fixture(scope="module")
def tested():
    """The fits of one known neuron to itself: a cell with repeats, one with a single train."""
    current = noise(1.0, 5)
    (train,) = simulated("lif", VALUES[:1], current, 1.0)
    train = train[train >= 0.1] - 0.1
    cells = [
        CellData(name, made_response([0.1]), Response(current, INTERVAL, 0.1, 1.0, trains))
        for name, trains in (("repeats", repeats(train, 4, 5e-3, 1, 0.9)), ("single", (train,)))
    ]
    cube = lif_points(VALUES)
    fits = Fits(
        fit_model("lif"),
        [("repeats", 1), ("single", 1), ("repeats", 2)],
        cube[[0, 0, 1]],
        np.array([0.1, 0.2, 0.3]),
    )
    return train, cells, evaluate(fits, cells, backend="numpy")


def test_columns_of_the_test(tested):
    _, _, table = tested
    assert list(table["cell"]) == ["repeats", "single", "repeats"] and list(table["seed"]) == [1, 1, 2]
    assert set(table["model"]) == {"lif"} and list(table["loss"]) == [0.1, 0.2, 0.3]
    assert set(table) >= {
        *("model", "cell", "seed", "loss", "gamma", "reliability", "gamma_normalised", "gamma_normalised_8ms"),
        *("rate_hz", "rate_cell_hz", "rate_error", "cv", "cv_cell", "cv_error", "model_reliability"),
    }


def test_a_perfect_model_of_a_single_train(tested):
    train, _, table = tested
    row = table.iloc[1]
    assert row["gamma"] == pytest.approx(1)
    assert row["rate_hz"] == row["rate_cell_hz"] == pytest.approx(train.size / 0.9)
    assert row["rate_error"] == pytest.approx(0) and row["cv_error"] == pytest.approx(0, abs=1e-9)
    assert row["cv"] == pytest.approx(st.isi_cv(train * second))
    for name in ("reliability", "gamma_normalised", "gamma_normalised_8ms", "model_reliability"):
        assert np.isnan(row[name]), name


def test_gamma_is_normalised_by_the_reliability_of_the_cell(tested):
    train, cells, table = tested
    recorded = [one * second for one in cells[0].test.trains]
    for row, column, precision in ((0, "gamma_normalised", 4 * ms), (0, "gamma_normalised_8ms", 8 * ms)):
        ideal = st.normalised_coincidence_factor(recorded, [train * second], 0.9 * second, precision)
        assert table[column][row] == pytest.approx(ideal.normalised, rel=1e-9)
    ideal = st.normalised_coincidence_factor(recorded, [train * second], 0.9 * second)
    assert table["gamma"][0] == pytest.approx(ideal.gamma)
    assert table["reliability"][0] == pytest.approx(ideal.reliability)
    assert ideal.gamma < 0.95 and table["gamma"][2] < 0.7 * ideal.gamma
    assert table["rate_error"][2] == pytest.approx(table["rate_hz"][2] / table["rate_cell_hz"][2] - 1)


def test_a_stochastic_model_is_tested_with_ten_repeats(tested):
    _, cells, _ = tested
    model = fit_model("stochastic_lif")
    cube = points(model.free, VALUES[0] | {"delta_u": 0.5})[np.newaxis]
    fits = Fits(model, [("repeats", 1)], cube, np.array([0.1]))
    table = evaluate(fits, cells, seed=7, backend="numpy")
    test = cells[0].test
    own = simulated("stochastic_lif", [VALUES[0] | {"delta_u": 0.5}] * 10, test.current, 1.0, seed=7)
    own = [train[train >= 0.1] - 0.1 for train in own]
    recorded = [one * second for one in test.trains]
    ideal = st.normalised_coincidence_factor(recorded, [one * second for one in own], 0.9 * second)
    assert table["gamma_normalised"][0] == pytest.approx(ideal.normalised, rel=1e-9)
    assert table["rate_hz"][0] == pytest.approx(np.mean([train.size for train in own]) / 0.9)
    itself = cell_reliability(Response(test.current, INTERVAL, 0.1, 1.0, tuple(own)))
    assert table["model_reliability"][0] == pytest.approx(itself, rel=1e-9) and 0 < itself < 1


# Search

KNOWN = {
    "one": {"tau_m": 15.0, "r_m": 300.0, "v_reset": -65.0, "t_refractory": 4.0},
    "other": {"tau_m": 30.0, "r_m": 330.0, "v_reset": -80.0, "t_refractory": 8.0},
}


@pytest.fixture(scope="module")
def known():
    """Two cells that are known neurons, on 2 s of noise, and on 2 s of another to test on."""
    halves = []
    for seed in (11, 12):
        current = noise(2.0, seed)
        trains = simulated("lif", list(KNOWN.values()), current, 2.0)
        halves.append([Response(current, INTERVAL, 0.0, 2.0, (train,)) for train in trains])
    return [CellData(name, *parts) for name, *parts in zip(KNOWN, *halves, strict=True)]


@pytest.fixture(scope="module")
def recovered(known):
    return fit(fit_model("lif"), known, (1, 2), generations=24, population=16, progress=False)


def test_jobs_are_cells_with_seeds(recovered):
    assert recovered.jobs == [("one", 1), ("one", 2), ("other", 1), ("other", 2)]
    assert recovered.history_points.shape == (24, 4, 16, 4) and recovered.history_losses.shape == (24, 4, 16)
    assert np.all((recovered.history_points >= 0) & (recovered.history_points <= 1))
    assert len({tuple(point) for point in recovered.points}) == 4


def test_the_search_gets_far_below_its_start(recovered):
    first = recovered.history_losses[0].min(axis=1)
    assert np.all(recovered.loss < 0.6 * first) and np.all(recovered.loss < 0.35)
    assert np.all(recovered.loss <= recovered.history_losses.min(axis=(0, 2)) + 1e-12)
    late, early = recovered.history_losses[-4:].mean(axis=(0, 2)), recovered.history_losses[:4].mean(axis=(0, 2))
    assert np.all(late < early)


def test_a_known_neuron_is_found_again(known, recovered):
    """On noise it was not trained on; the other cell, with a third of the spikes, is only led towards it."""
    table = evaluate(recovered, known, backend="numpy")
    best = table.loc[table.groupby("cell")["loss"].idxmin()].set_index("cell")
    assert best["gamma"]["one"] > 0.8 and abs(best["rate_error"]["one"]) < 0.1
    assert best["gamma"]["other"] > 0.3
    found = numbers(recovered.model.free, recovered.points[recovered.loss[:2].argmin()])
    assert found["r_m"] == pytest.approx(KNOWN["one"]["r_m"], rel=0.25)


def test_the_table_of_fits_and_back(recovered):
    table = recovered.table()
    assert len(table) == 16 and set(table["parameter"]) == set(KNOWN["one"])
    assert np.all((table["low"] <= table["value"] + 1e-9) & (table["value"] <= table["high"] + 1e-9))
    for one in recovered.model.free:
        own = table[table["parameter"] == one.name]
        assert np.all((own["low"] >= one.low * (1 - 1e-9) - 1e-9 * abs(one.low)) | (one.low < 0))
        assert set(own["unit"]) == {one.unit}
    back = fits_from_table(table, recovered.model)
    assert back.jobs == recovered.jobs
    np.testing.assert_allclose(back.points, recovered.points, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(back.loss, recovered.loss)
    with pytest.raises(ValueError, match="no fit of gif"):
        fits_from_table(table, fit_model("gif"))
    with pytest.raises(ValueError, match="no value for tau_m"):
        fits_from_table(table[table["parameter"] != "tau_m"], recovered.model)
    with pytest.raises(ValueError, match="without the history"):
        back.table()
