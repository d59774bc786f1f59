"""The cards of measured devices give back the measurements they are named after."""

import numpy as np
import pytest
from brian2 import ms, us, volt

from memneuro import SourceMeter
from memneuro.experiment.iv_sweep import iv_summary, iv_sweep
from memneuro.experiment.pulse_response import pulse_response
from memneuro.experiment.target import measured_devices

ROWS = {
    "area_ag_symmetric": "Ag symmetric; positive polarity",
    "area_ag_symmetric_negative": "Ag symmetric; negative polarity",
    "area_ag_asymmetric": "Ag asymmetric; positive only",
}


def measured(name):
    table = measured_devices()
    return table[table["device"] == name].iloc[0]


@pytest.mark.parametrize("card", ROWS)
def test_thresholds_and_hold_voltages_are_the_measured_ones(card):
    row = measured(ROWS[card])
    found = iv_summary(iv_sweep(SourceMeter(card), v_max=0.6 * volt, cycles=2, trials=60, seed=1)).set_index("quantity")
    assert abs(found.loc["threshold", "mean_V"] - row["threshold_V_mean"]) < row["threshold_V_sd"]
    assert 0.5 < found.loc["threshold", "sd_V"] / row["threshold_V_sd"] < 2
    assert found.loc["hold", "median_V"] == pytest.approx(row["hold_V_median"], rel=0.15)
    assert (found["missing"] == 0).all()


def test_a_sweep_converges_with_the_step():
    device = SourceMeter("area_ag_symmetric")
    tables = [
        iv_sweep(device, v_max=0.6 * volt, cycles=2, trials=1, noise=False, dt=dt * us).iloc[-1] for dt in (100, 50)
    ]
    assert tables[0]["threshold_V"] == pytest.approx(tables[1]["threshold_V"], abs=0.001)
    assert tables[0]["hold_V"] == pytest.approx(tables[1]["hold_V"], abs=0.001)


def test_an_asymmetric_device_does_not_switch_backwards():
    table = iv_sweep(SourceMeter("area_ag_asymmetric"), v_max=0.2 * volt, cycles=1, trials=20, sign=-1)
    assert table["threshold_V"].isna().all()
    table = iv_sweep(SourceMeter("area_ag_symmetric"), v_max=0.6 * volt, cycles=1, trials=20, sign=-1)
    assert table["threshold_V"].notna().all()


def test_delays_and_relaxation_under_pulses_are_the_measured_ones():
    row = measured("Ag pulse 1 V 20 ms read 0.1 V")
    table = pulse_response(SourceMeter("area_ag_pulse"), trials=300, seed=1)
    assert table["delay_ms"].median() == pytest.approx(row["delay_ms_median"], rel=0.2)
    assert table["relaxation_ms"].median() == pytest.approx(row["relaxation_ms_median"], rel=0.2)
    assert table["on_resistance_ohm"].median() == pytest.approx(row["low_resistance_ohm"], rel=0.2)
    finite = table["delay_ms"][np.isfinite(table["delay_ms"])]
    assert finite.size > 280 and finite.std() / finite.mean() > 0.3
    half = pulse_response(SourceMeter("area_ag_pulse"), trials=300, seed=1, dt=2 * us)
    assert half["delay_ms"].median() == pytest.approx(table["delay_ms"].median(), rel=0.1)


def test_a_device_that_does_not_close_has_no_relaxation():
    table = pulse_response(SourceMeter("area_ag_pulse"), amplitude=0.05 * volt, width=5 * ms, after=5 * ms, trials=3)
    assert np.isinf(table["delay_ms"]).all() and table["relaxation_ms"].isna().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [({"fraction": 1.5}, "fraction = 1.5"), ({"amplitude": -1 * volt}, "amplitude"), ({"width": 0 * ms}, "width")],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        pulse_response(SourceMeter("area_ag_pulse"), trials=2, **change)


HOLD = {"area_ag_thin": "Ag 0.5 V 4 ms at 11.5 uA", "area_ag_thick": "Ag 0.5 V 4 ms at 63-114 uA"}


E_FOLD = float(np.exp(-1))


def half_volt(card, width=4 * ms, fraction=E_FOLD, **options):
    return pulse_response(
        SourceMeter(card),
        amplitude=0.5 * volt,
        width=width,
        read=0 * volt,
        after=150 * ms,
        fraction=fraction,
        **options,
    )


@pytest.mark.parametrize("card", HOLD)
def test_the_hold_time_grows_with_the_current(card):
    row = measured(HOLD[card])
    table = half_volt(card, trials=200, seed=1)
    assert table["delay_ms"].median() == pytest.approx(row["delay_ms_median"], rel=0.2)
    assert table["relaxation_ms"].median() == pytest.approx(row["relaxation_ms_median"], rel=0.2)
    assert table["on_resistance_ohm"].median() == pytest.approx(row["low_resistance_ohm"], rel=0.2)


def test_a_longer_pulse_thickens_the_channel_and_holds_longer():
    short, long, half = (
        half_volt("area_ag_thick", width=width, fraction=1e-3, trials=1, noise=False, dt=dt).iloc[0]
        for width, dt in ((1.5 * ms, None), (4 * ms, None), (4 * ms, 5 * us))
    )
    assert short["on_resistance_ohm"] > 1.2 * long["on_resistance_ohm"]
    assert short["relaxation_ms"] < 0.95 * long["relaxation_ms"]
    assert half["relaxation_ms"] == pytest.approx(long["relaxation_ms"], rel=0.03)
