"""Short-term plasticity: the description against its limits, the device's equations against the description."""

import numpy as np
import pandas as pd
import pytest
from brian2 import ms, us

from memneuro.network.short_term_plasticity import (
    explained,
    fit_tsodyks_markram,
    predicted,
    released,
    tsodyks_markram,
)
from memneuro.network.volatile_synapse import VolatileSynapse

TRUE = {"scale_c": 2e-9, "u_rest": 0.3, "tau_facilitation_s": 0.2, "tau_recovery_s": 0.1}


def frame(trains, values):
    rows = [
        {"train": name, "time_s": time, "charge_c": charge}
        for name, times in trains.items()
        for time, charge in zip(times, tsodyks_markram(times, **values), strict=True)
    ]
    return pd.DataFrame(rows)


def test_steady_state_of_a_depressing_synapse():
    """Without facilitation R settles at (1 - e) / (1 - (1 - U) e), e = exp(-T/tau_r)."""
    values = {**TRUE, "tau_facilitation_s": 1e-6, "u_rest": 0.6}
    left = np.exp(-0.05 / 0.1)
    last = tsodyks_markram(np.arange(60) * 0.05, **values)[-1]
    assert last == pytest.approx(2e-9 * 0.6 * (1 - left) / (1 - (1 - 0.6) * left), rel=1e-9)


def test_steady_state_of_a_facilitating_synapse():
    """Without depletion's memory u settles at U / (1 - (1 - U) e), e = exp(-T/tau_f)."""
    values = {**TRUE, "tau_recovery_s": 1e-6}
    left = np.exp(-0.05 / 0.2)
    last = tsodyks_markram(np.arange(60) * 0.05, **values)[-1]
    assert last == pytest.approx(2e-9 * 0.3 / (1 - (1 - 0.3) * left), rel=1e-9)


def test_a_fit_finds_the_synapse_that_made_the_charges():
    rng = np.random.default_rng(3)
    made = frame({"a": np.arange(8) / 10, "b": np.arange(8) / 40, "c": np.cumsum(rng.exponential(0.1, 12))}, TRUE)
    found = fit_tsodyks_markram(made)
    assert found == pytest.approx(TRUE, rel=1e-3) and explained(made, found) > 1 - 1e-6


@pytest.mark.parametrize(
    ("change", "message"),
    [({"u_rest": 1.5}, "u_rest = 1.5; accepted: from 0 to 1"), ({"tau_recovery_s": 0.0}, "tau_recovery_s = 0.0")],
)
def test_bad_description(change, message):
    with pytest.raises(ValueError, match=message):
        tsodyks_markram([0.0], **{**TRUE, **change})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"trains": {}}, "trains = {}"),
        ({"trains": {"a": [0.0, 0.004]}}, "train 'a'; accepted: at least one spike, rising"),
        ({"trains": {"a": [-1.0]}}, "train 'a'"),
        ({"trains": {"a": []}}, "train 'a'"),
        ({"width": 0.5 * ms}, "accepted: a whole number of milliseconds"),
        ({"trials": 1}, "trials = 1"),
        ({"backend": "cuda"}, "backend = 'cuda'; accepted: numpy, cython"),
    ],
)
def test_bad_trains(arguments, message):
    with pytest.raises(ValueError, match=message):
        released(VolatileSynapse(), **{"trains": {"a": [0.0]}, **arguments})


def test_a_pulse_releases_what_the_store_held_at_most():
    """Some refills during the pulse. A device that does not switch on releases next to nothing."""
    synapse = VolatileSynapse(circuit="synapse_depressing")
    one = released(synapse, {"a": [0.001]}, trials=20, seed=2, dt=20 * us, backend="numpy")
    assert 0 < one["charge_c"][0] <= float(synapse.circuit["c_store"] * synapse.circuit["v_dd"]) * 1.05
    none = released(
        synapse.with_(v_dd=1e-3 * synapse.circuit["v_dd"]), {"a": [0.001]}, trials=5, dt=20 * us, backend="numpy"
    )
    assert none["charge_c"][0] < 1e-6 * one["charge_c"][0]


@pytest.mark.slow
@pytest.mark.parametrize(("circuit", "change"), [("synapse_facilitating", 1.5), ("synapse_depressing", 0.5)])
def test_devices_release_as_the_description_says(circuit, change):
    """Fitted to regular trains; an irregular train is held out."""
    rng = np.random.default_rng(5)
    regular = {f"{rate} Hz": np.arange(10) / rate for rate in (5, 10, 20, 50)}
    irregular = {name: np.cumsum(0.008 + rng.exponential(1 / 15 - 0.008, 25)) for name in "ab"}
    synapse = VolatileSynapse(circuit=circuit)
    found = released(synapse, {**regular, **irregular}, trials=200, seed=1, dt=20 * us)
    trained, held_out = (found[found["train"].isin(part)] for part in (regular, irregular))
    fast = trained[trained["train"] == "50 Hz"]["charge_c"].to_numpy()
    assert fast[-1] / fast[0] > change if change > 1 else fast[-1] / fast[0] < change
    fitted = fit_tsodyks_markram(trained)
    miss = predicted(held_out, fitted) - held_out["charge_c"].to_numpy()
    assert explained(trained, fitted) > 0.9
    assert np.sqrt(np.mean(miss**2)) < 0.15 * held_out["charge_c"].mean()


@pytest.mark.slow
def test_step_halving():
    """Mean charges of 400 synapses at 20 and 10 us agree within four standard errors."""
    train = {"a": np.arange(6) / 50}
    coarse, fine = (
        released(VolatileSynapse(), train, trials=400, seed=s, dt=step) for s, step in ((1, 20 * us), (2, 10 * us))
    )
    error = np.hypot(coarse["error_c"], fine["error_c"])
    assert (np.abs(coarse["charge_c"] - fine["charge_c"]) < 4 * error).all()
