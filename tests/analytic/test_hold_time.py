"""The hold time of a closed channel grows with its current, as its closed form says and as it was measured."""

import numpy as np
import pytest
from brian2 import Hz, ms, us, volt

from memneuro import SourceMeter
from memneuro.experiment.hold_time import (
    BOUNDS,
    both_conditions,
    fit_one_set,
    hold_times,
    opening_gap,
    targets,
    thinning_time,
)

DEVICE = SourceMeter("area_ag_thin")
#: What fit_one_set(DEVICE) ends at, rounded.
ONE_SET = {
    "mu": 1224.0,
    "gamma1": 4.115,
    "gamma3": 10.69,
    "r_on": 38690.0,
    "theta_thin": 2.489,
    "theta_thick": 2977.0,
}
FITTED = ["contact_ms", "relaxation_ms", "resistance_ohm"]
MEASURED = targets()[["delay_ms", "relaxation_ms", "resistance_ohm"]].to_numpy()


def test_holding_grows_with_the_current_as_the_closed_form_says():
    theta = np.geomspace(50, 4000, 6) * Hz / volt
    table = hold_times(DEVICE, theta=theta, after=120 * ms, check_step=False)
    assert (np.diff(table["current_uA"]) > 0).all()
    assert (np.diff(table["hold_ms"]) > 0).all()
    gamma3 = DEVICE.device["gamma3"]
    thinning = -np.expm1(1 - table["cross_section"]) / float(gamma3) * 1e3
    assert ((table["hold_ms"] - thinning).between(0.5, 3.5)).all()
    expected = thinning_time(table["cross_section"], gamma3)
    thick = np.isfinite(expected)
    assert 2 <= thick.sum() < 6
    assert table["relaxation_ms"][thick].to_numpy() == pytest.approx(expected[thick], rel=0.002)
    assert table["relaxation_ms"].iloc[-1] < table["relaxation_ms"].max() < 50
    thin = hold_times(DEVICE, theta=1 * Hz / volt, after=10 * ms)["relaxation_ms"].iloc[0]
    assert table["relaxation_ms"].min() > 1.5 * thin


def test_a_thin_channel_relaxes_when_its_gap_has_opened():
    table = hold_times(DEVICE, theta=1e-6 * Hz / volt, after=10 * ms)
    card = DEVICE.device.parameters
    gamma1, gamma2, beta = (card[name].value for name in ("gamma1", "gamma2", "beta"))
    held = 4e-3 - table["contact_ms"].iloc[0] * 1e-3
    # Residue at the end of the pulse: that of contact is at most beta times its time.
    loss = [gamma1 + (gamma2 - gamma1) * (1 - np.exp(-beta * time)) for time in (held, 4e-3 + 4e-3)]
    bounds = [opening_gap(DEVICE) / one * 1e3 for one in loss]
    assert min(bounds) < table["relaxation_ms"].iloc[0] < max(bounds)


def test_one_parameter_set_gives_both_measured_devices():
    table = both_conditions(DEVICE, ONE_SET, after=60 * ms)
    assert table[FITTED].to_numpy() == pytest.approx(MEASURED, rel=0.12)
    half = both_conditions(DEVICE, ONE_SET, after=60 * ms, dt=table["step_us"].iloc[0] / 2 * us)
    assert half[FITTED].to_numpy() == pytest.approx(table[FITTED].to_numpy(), rel=0.01)
    # No single set can have the thick channel at half its conductance so early.
    assert table["half_ms"].iloc[1] > 1.5 * MEASURED[1, 0]


def test_noise_leaves_the_medians_and_gives_the_measured_spread():
    for at, (name, sigma) in enumerate((("thin", 0.25), ("thick", 0.23))):
        values = {key: ONE_SET[key] for key in ("mu", "gamma1", "gamma3", "r_on")}
        device = DEVICE.with_(
            mu=values["mu"] * Hz / volt,
            gamma1=values["gamma1"] * Hz,
            gamma3=values["gamma3"] * Hz,
            r_on=values["r_on"] * DEVICE.device["r_on"] / DEVICE.device.parameters["r_on"].value,
            theta=ONE_SET[f"theta_{name}"] * Hz / volt,
            sigma_loss=sigma,
        )
        after = 15 * ms if name == "thin" else 90 * ms
        table = hold_times(device, trials=200, noise=True, seed=1, dt=40 * us, after=after)
        assert np.isfinite(table["relaxation_ms"]).all()
        assert table[FITTED].median().to_numpy() == pytest.approx(MEASURED[at], rel=0.2)
        assert table["relaxation_ms"].std() / table["relaxation_ms"].mean() == pytest.approx(sigma, rel=0.35)


@pytest.mark.slow
def test_the_search_finds_the_set_and_finds_it_again():
    first, again = fit_one_set(DEVICE), fit_one_set(DEVICE)
    assert first.equals(again)
    assert (np.diff(first["error"]) <= 0).all() and first["error"].iloc[-1] < 0.005
    assert first.iloc[-1][list(BOUNDS)].to_dict() == pytest.approx(ONE_SET, rel=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hold_times(SourceMeter("hopping")), "model = 'hopping'"),
        (lambda: hold_times(DEVICE, width=0 * ms), "width"),
        (lambda: hold_times(DEVICE, theta=[1, 2] * Hz / volt, gamma1=[1, 2, 3] * Hz), "2, 3"),
        (lambda: fit_one_set(DEVICE, candidates=100), "candidates = 100"),
        (lambda: both_conditions(DEVICE, {"mu": 1.0}), "values of"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
