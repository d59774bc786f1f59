"""Regimes of one particle beside a capacitor: what the eigenvalues say is what the simulation does."""

import numpy as np
import pandas as pd
import pytest
from brian2 import Hz, Network, SpikeMonitor, farad, kohm, ms, nsecond, ohm, prefs, second, us, volt

from memneuro.circuit.parallel_capacitor import ParallelCapacitor
from memneuro.experiment.linear_stability import (
    fixed_points,
    jacobian,
    numbers,
    predicted_regimes,
    resistance,
    right_hand_side,
)
from memneuro.experiment.oscillation import agreement, compared_map, is_bursting, regime_map, traces

DRIVES = np.linspace(1, 4, 8) * volt
SERIES = np.logspace(8, 9.5, 8) * ohm
#: Across the well, the middle, the far electrode and both walls: V (volt), x, T (kelvin).
STATES = np.array(
    [
        [0.3, 1.2, 0.7, 1.9, -0.4, 0.9],
        [-0.83, -0.62, -0.1, 0.47, -1.04, 1.03],
        [300.0, 340.0, 410.0, 302.0, 299.0, 700.0],
    ]
)


def particle():
    return ParallelCapacitor("ag_particles_1", "parallel_particles")


@pytest.fixture(scope="module")
def quiet():
    """The map of 8 by 8 cells, without noise."""
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    table = compared_map(particle(), DRIVES, SERIES, dt=20 * us, duration=150 * ms, discard=50 * ms)
    prefs.codegen.target = before
    return table


def test_right_hand_side_is_that_of_brian2():
    prefs.codegen.target = "numpy"
    n, step = STATES.shape[1], 1e-9
    group = particle().group(
        n, drive=2.2 * volt, r_series=4e8 * ohm, dt=step * second, noise=False, method="euler", check_step=False
    )
    names = ("v_node", "x_1", "temperature_device")
    for name, values in zip(names, STATES, strict=True):
        getattr(group, name + "_")[:] = values
    Network(group).run(step * second, namespace={})
    moved = (np.array([getattr(group, name + "_")[:] for name in names]) - STATES) / step
    here = right_hand_side(numbers(particle()), STATES, 2.2, 4e8)
    np.testing.assert_allclose(moved, here, rtol=1e-5, atol=1e-3)
    assert (np.abs(here) > 1).all(), "every derivative is checked away from zero"


def test_resistance_is_that_of_brian2():
    group = particle().group(STATES.shape[1], drive=1 * volt, noise=False)
    group.x_1 = STATES[1]
    np.testing.assert_allclose(resistance(numbers(particle()), STATES[1]), np.asarray(group.r_device), rtol=1e-9)


def test_jacobian_is_the_derivative_of_the_right_hand_side():
    p = numbers(particle())
    for state in STATES.T:
        steps = np.diag([1e-5, 1e-5, 1e-2])
        finite = [
            (right_hand_side(p, state + h, 2.2, 4e8) - right_hand_side(p, state - h, 2.2, 4e8)) / (2 * h.sum())
            for h in steps
        ]
        exact = jacobian(p, state, 4e8)
        np.testing.assert_allclose(exact, np.transpose(finite), rtol=1e-5, atol=1e-6 * np.abs(exact).max())


@pytest.mark.parametrize(("drive", "series"), [(1.0, 1e9), (2.0, 2e8), (2.5, 1e9), (3.5, 4e8)])
def test_fixed_points_do_not_move_and_alternate(drive, series):
    p = numbers(particle())
    found = fixed_points(particle(), drive * volt, series * ohm)
    assert len(found) % 2 == 1, "the force is outward at one wall and inward at the other"
    for row in found.itertuples():
        state = (row.v_V, row.x, row.temperature_K)
        rate = right_hand_side(p, state, drive, series)
        fastest = np.abs(np.linalg.eigvals(jacobian(p, state, series))).max()
        assert (np.abs(rate) < 1e-9 * fastest * np.maximum(1, np.abs(state))).all()
        determinant = np.linalg.det(jacobian(p, state, series))
        assert np.sign(-determinant) == (1 if row.Index % 2 == 0 else -1), "every second one is a saddle"


def test_a_small_disturbance_grows_at_the_rate_of_the_eigenvalue():
    prefs.codegen.target = "numpy"
    drive, series, time = 2.5, 1e9, 1e-3
    point = fixed_points(particle(), drive * volt, series * ohm).iloc[0]
    state = np.array([point["v_V"], point["x"], point["temperature_K"]])
    values, vectors = np.linalg.eig(jacobian(numbers(particle()), state, series))
    leading = np.argmax(values.real)
    assert values[leading] == pytest.approx(point["growth_Hz"]) and point["growth_Hz"] > 0 and not point["stable"]
    away = 1e-6 * vectors[:, leading].real / vectors[1, leading].real
    group = particle().group(1, drive=drive * volt, r_series=series * ohm, dt=1 * us, noise=False)
    names = ("v_node_", "x_1_", "temperature_device_")
    for name, value in zip(names, state + away, strict=True):
        getattr(group, name)[:] = value
    Network(group).run(time * second, namespace={})
    moved = [float(getattr(group, name)[0]) for name in names] - state
    np.testing.assert_allclose(moved[:2], away[:2] * np.exp(point["growth_Hz"] * time), rtol=1e-3)


def test_between_wedge_and_latch_the_cycle_and_the_closed_state_are_both_stable():
    prefs.codegen.target = "numpy"
    drive, series = 2.75, 5.6234e8
    closed = fixed_points(particle(), drive * volt, series * ohm).iloc[0]
    assert closed["stable"] and not closed["open"]
    group = particle().group(2, drive=drive * volt, r_series=series * ohm, dt=20 * us, noise=False)
    group.v_node_[1], group.x_1_[1] = closed["v_V"], closed["x"] + 0.01
    spikes = SpikeMonitor(group)
    Network(group, spikes).run(50 * ms, namespace={})
    assert spikes.count[0] > 4 and spikes.count[1] == 0
    assert float(group.x_1[1]) == pytest.approx(closed["x"], abs=1e-3)


def test_temperature_does_not_act_on_voltage_or_position():
    p = numbers(particle())
    assert (jacobian(p, (1.0, -0.5, 400.0), 1e9)[:2, 2] == 0).all()
    warm = particle().with_(cooling_rate=10 * Hz)
    assert predicted_regimes(warm, DRIVES, SERIES)["predicted"].equals(
        predicted_regimes(particle(), DRIVES, SERIES)["predicted"]
    )


def test_without_a_capacitor_nothing_oscillates():
    tiny = particle().with_(c_parallel=1e-15 * farad)
    assert "oscillating" not in set(predicted_regimes(tiny, DRIVES, SERIES)["predicted"])


def test_map_agrees_with_linear_stability_within_one_cell(quiet):
    assert quiet["within_one_cell"].all()
    assert quiet["agrees"].mean() > 0.9
    counts = quiet["simulated"].value_counts()
    assert set(counts.index) == {"silent", "spiking", "latched"} and counts.min() >= 15
    spiking = quiet[quiet["simulated"] == "spiking"]
    assert (spiking["isi_cv"].dropna() < 0.01).all(), "without noise the spikes are regular"


def test_rate_rises_with_the_drive(quiet):
    for _, row in quiet[quiet["simulated"] == "spiking"].groupby("r_series_ohm"):
        assert (np.diff(row["isi_ms"].dropna()) < 0).all()


@pytest.mark.slow
def test_map_is_converged_in_the_step(quiet):
    prefs.codegen.target = "numpy"
    fine = regime_map(particle(), DRIVES, SERIES, dt=10 * us, duration=150 * ms, discard=50 * ms)
    assert quiet["simulated"].equals(fine["simulated"])
    both = quiet["isi_ms"].notna()
    np.testing.assert_allclose(quiet.loc[both, "isi_ms"], fine.loc[both, "isi_ms"], rtol=0.001)


@pytest.mark.slow
def test_noise_fires_where_the_quiet_particle_is_silent(quiet):
    prefs.codegen.target = "numpy"
    noisy = regime_map(particle(), DRIVES, SERIES, dt=20 * us, duration=150 * ms, discard=50 * ms, noise=True, seed=1)
    silent = quiet["simulated"] == "silent"
    assert (noisy.loc[silent, "spikes"] > 0).mean() > 0.5


@pytest.mark.slow
def test_vo2_neuristor_has_the_same_three_regimes():
    prefs.codegen.target = "numpy"
    neuristor = ParallelCapacitor("vo2_neuristor", "parallel_vo2_2024")
    table = regime_map(
        neuristor,
        np.linspace(2, 18, 5) * volt,
        np.linspace(5, 35, 4) * kohm,
        dt=10 * nsecond,
        duration=40 * us,
        discard=15 * us,
    )
    assert set(table["simulated"]) == {"silent", "spiking", "latched"}


def test_bursts_are_told_from_regular_and_irregular_trains():
    random = np.random.default_rng(3)
    inside = np.exp(random.normal(0, 0.1, (30, 4)))
    bursts = np.hstack([inside, 12 * np.exp(random.normal(0, 0.2, (30, 1)))]).ravel()
    assert is_bursting(bursts)
    assert not is_bursting(np.ones(50))
    assert not is_bursting(np.exp(random.normal(0, 0.3, 200)))
    poisson = [is_bursting(random.exponential(size=size)) for size in (12, 30, 100, 300) for _ in range(50)]
    assert np.mean(poisson) < 0.05
    assert not is_bursting(bursts[:9]), "too few to tell"
    assert not is_bursting([*np.ones(20), 30.0]), "one pause is no burst"
    with pytest.raises(ValueError, match="positive"):
        is_bursting([1.0, 0.0])


def grid(simulated, predicted):
    rows, columns = np.indices(np.shape(simulated))
    return pd.DataFrame(
        {
            "drive_V": columns.ravel(),
            "r_series_ohm": rows.ravel() + 1,
            "simulated": np.ravel(simulated),
            "predicted": np.ravel(predicted),
        }
    )


def test_agreement_allows_one_cell_and_not_two():
    predicted = [["silent", "silent", "oscillating", "oscillating"]] * 3
    one = [["silent", "spiking", "spiking", "bursting"]] * 3
    two = [["spiking", "spiking", "spiking", "spiking"]] * 3
    found = agreement(grid(one, predicted))
    assert found["within_one_cell"].all() and found["agrees"].sum() == 9
    found = agreement(grid(two, predicted))
    assert list(found["within_one_cell"]) == [False, True, True, True] * 3
    diagonal = agreement(grid([["latched", "silent"], ["silent", "silent"]], [["silent"] * 2, ["silent", "latched"]]))
    assert diagonal["within_one_cell"].all()
    with pytest.raises(ValueError, match="11 rows"):
        agreement(grid(one, predicted).iloc[:-1])


def test_traces_end_where_the_regime_says():
    prefs.codegen.target = "numpy"
    found = traces(particle(), [1.0, 2.0] * volt, [2e8, 2e8] * ohm, duration=30 * ms, dt=20 * us)
    for (example, part), (drive, series) in zip(found.groupby("example"), [(1.0, 2e8), (2.0, 2e8)], strict=True):
        point = fixed_points(particle(), drive * volt, series * ohm)
        resting = point[point["stable"] & ~point["far"]].iloc[0]
        assert part["v_node_V"].iloc[-1] == pytest.approx(resting["v_V"], rel=1e-3), example


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: numbers(ParallelCapacitor("area_lif")), "langevin"),
        (lambda: fixed_points(particle(), 1 * volt, -1 * ohm), "r_series"),
        (lambda: fixed_points(particle(), [1, 2] * volt, 1e9 * ohm), "drive"),
        (lambda: predicted_regimes(particle(), [np.nan] * volt, [1e9] * ohm), "drive"),
        (lambda: regime_map(particle(), 1 * volt, SERIES), "drive"),
        (lambda: regime_map(particle(), DRIVES, DRIVES), "r_series"),
        (lambda: regime_map(particle(), DRIVES, SERIES, duration=1 * ms, discard=1 * ms), "discard"),
        (lambda: regime_map(particle(), DRIVES, SERIES, duration=1 * volt), "duration"),
        (lambda: traces(particle(), [1, 2] * volt, [1e9] * ohm), "r_series"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
