"""The fitted surrogate: its loss is measured on held-out levels, must be accepted, and survives the file."""

import json
import sys

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, ms, mV, prefs, second, volt

from memneuro import Constant, OneM1T1R, PulseTrain
from memneuro.export import LIFSurrogate, export_nir, fit_lif, read_nir
from memneuro.export.lif_loss import Levels, Protocol, differences, statistics, surrogate_traits
from memneuro.export.lif_surrogate import _search, lif_rates

nir = pytest.importorskip("nir")

LEVELS = np.linspace(0.8, 0.96, 5)
REGULAR = LIFSurrogate(0.02, 1.5, v_reset=-0.5)


def pulses(levels=LEVELS):
    return PulseTrain(levels * volt, width=1 * ms, period=2 * ms)


@pytest.fixture(scope="module")
def surrogate():
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    fitted = fit_lif(OneM1T1R("hopping"), pulses(), duration=60 * ms, settle=20 * ms, trials=2)
    prefs.codegen.target = before
    return fitted


def spikes_of(surrogate, drive, duration=200 * ms):
    group = surrogate.group(LEVELS.size, drive=drive)
    spikes = SpikeMonitor(group)
    Network(group, spikes).run(duration)
    return np.asarray(spikes.i), np.asarray(spikes.t / second)


def test_rate_of_the_surrogate_is_that_of_the_closed_form():
    """Constant drive: 1/f = tau ln((r u - v_reset)/(r u - v_threshold)), in Brian2 and in the fit."""
    levels = np.linspace(0.6, 1.4, 5)  # the lowest is below the threshold, 1/r
    index, times = spikes_of(REGULAR, Constant(levels * volt), 400 * ms)
    protocol = Protocol(levels, 0.4, 0.4, 0.4, 0.0, 5e-5)
    fast, first = lif_rates(REGULAR.tau_s, REGULAR.r, REGULAR.v_reset, levels, protocol)
    assert np.sum(index == 0) == 0 == fast[0] and np.isinf(first[0])
    for k in range(1, 5):
        u = REGULAR.r * levels[k]
        wanted = 1 / (REGULAR.tau_s * np.log((u - REGULAR.v_reset) / (u - 1)))
        assert fast[k] == pytest.approx(wanted, rel=1e-9)
        assert times[index == k][0] == pytest.approx(first[k], abs=6e-5)
        assert 1 / np.diff(times[index == k]).mean() == pytest.approx(wanted, rel=5e-5 * wanted)


def test_rate_under_pulses_is_that_of_brian2():
    protocol = Protocol(LEVELS, 1e-3, 2e-3, 0.2, 0.05, 5e-5)
    neuron = LIFSurrogate(0.008, 4.0, v_reset=-1.0)
    index, times = spikes_of(neuron, pulses())
    found = statistics([[times[index == k]] for k in range(LEVELS.size)], protocol)
    assert (found.rate_hz > 50).all()
    rate, first = lif_rates(0.008, 4.0, -1.0, LEVELS, protocol)
    np.testing.assert_allclose(rate, found.rate_hz, rtol=0.05)
    np.testing.assert_allclose(first, found.first_s, atol=6e-5)


def test_differences_count_silence():
    assert differences([2, 0, 0, 1, 1e9], [1, 0, 1, 0, 1]) == pytest.approx([np.log(2), 0, 3, 3, 3])


@pytest.mark.slow
def test_the_report_is_of_levels_that_were_not_fitted(surrogate):
    report = surrogate.report
    held = [row for row in report["levels"] if row["held_out"]]
    assert [row["level_V"] for row in held] == pytest.approx(LEVELS[1::2])
    rates = differences([row["lif_rate_hz"] for row in held], [row["memristor_rate_hz"] for row in held])
    assert report["rate_error"] == pytest.approx(rates.mean())
    cv = [abs(row["lif_cv"] - row["memristor_cv"]) for row in held]
    assert report["cv_error"] == pytest.approx(np.mean(cv)) and report["cv_error"] > 0.01
    first = [differences(row["memristor_first_spike_ms"], row["lif_first_spike_ms"]) for row in held]
    assert report["first_spike_error"] == pytest.approx(np.mean(first))
    errors = [rates.mean(), np.mean(cv), np.mean(first), report["coincidence_error"]]
    assert report["loss"] == pytest.approx(np.mean([error for error in errors if error is not None]))
    assert set(report["loss_by_seed"]) == {"1", "2", "3"} and report["seeds"] == [1, 2, 3]
    assert report["neuron"]["device"] == OneM1T1R("hopping").device.name
    assert "stochasticity" in report["traits_lacking"] and "threshold firing" not in report["traits_lacking"]
    json.dumps(report, allow_nan=False)


def test_the_fit_finds_a_surrogate_again():
    """Rates and first spikes of a known neuron give its parameters back."""
    levels = np.linspace(0.7, 1.5, 7)
    protocol = Protocol(levels, 1.0, 1.0, 1.0, 0.0, 5e-5)
    rate, first = lif_rates(0.02, 1.5, -0.5, levels, protocol)
    found = _search(Levels(rate, np.zeros(7), first), protocol)
    assert (found["tau_s"], found["r"], found["v_reset"]) == pytest.approx((0.02, 1.5, -0.5), rel=0.05)


@pytest.mark.slow
def test_the_fit_follows_the_rate(surrogate):
    """Intervals of the surrogate are whole periods, here 4 or 6 ms: its rate can be off by the ratio of the two."""
    assert surrogate.report["fitted_rate_error"] < np.log(6 / 4)
    assert surrogate.report["rate_error"] < np.log(6 / 4)


@pytest.mark.slow
def test_a_loss_must_be_accepted(surrogate, tmp_path):
    path = tmp_path / "neuron.nir"
    with pytest.raises(ValueError, match=r"above max_loss = 0.01: .* it lacks .*stochasticity.*accept_loss=True"):
        export_nir(surrogate, path, max_loss=0.01)
    with pytest.raises(ValueError, match="has no loss report"):
        export_nir(REGULAR, path)
    assert list(tmp_path.iterdir()) == []
    export_nir(surrogate, path, max_loss=surrogate.report["loss"])
    with pytest.raises(FileExistsError, match="overwrite=True"):
        export_nir(surrogate, path, accept_loss=True)
    export_nir(surrogate, path, max_loss=0.01, accept_loss=True, overwrite=True)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_the_file_gives_the_same_neuron_report_and_spikes(surrogate, tmp_path):
    path = tmp_path / "neuron.nir"
    written = export_nir(surrogate, path, n=3, accept_loss=True)
    graph = nir.read(path)
    assert set(graph.nodes) == {"input", "lif", "output"} and graph.edges == written.edges
    for key in ("tau", "r", "v_leak", "v_threshold", "v_reset"):
        np.testing.assert_array_equal(getattr(graph.nodes["lif"], key), getattr(written.nodes["lif"], key))
        assert getattr(graph.nodes["lif"], key).shape == (3,)
    assert graph.metadata == written.metadata and "volt" in graph.metadata["input"]
    again = read_nir(path)
    assert again == surrogate and again.report == surrogate.report
    before, after = (spikes_of(one, pulses()) for one in (surrogate, again))
    assert before[0].size > 10
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_traits_follow_the_parameters():
    """Of a common neuron, one whose deep reset outlasts the gap, and one that 5 V do not fire."""

    def shown(**parameters):
        rows = surrogate_traits(**parameters, discharge_s=0.005, step_s=5e-5)
        return {row["trait"] for row in rows if row["shown"]}

    assert shown(tau_s=0.01, r=1.5, v_reset=-0.5) == {"leaky integration", "threshold firing"}
    assert "intrinsic plasticity" in shown(tau_s=0.02, r=1.5, v_reset=-50.0)
    assert shown(tau_s=0.02, r=0.1, v_reset=0.0) == set()  # needs 10 V


@pytest.mark.parametrize(
    ("drive", "options", "error", "said"),
    [
        (0.8 * volt, {}, TypeError, "accepted: Constant and PulseTrain"),
        (pulses(LEVELS[:3]), {}, ValueError, "at least 5 that ascend"),
        (pulses(LEVELS[::-1]), {}, ValueError, "at least 5 that ascend"),
        (pulses(), {"seeds": [1, 1, 2]}, ValueError, "at least three different"),
        (pulses(), {"settle": 1 * second}, ValueError, "settle = 1000 ms"),
        (
            pulses(LEVELS / 10),
            {"duration": 2 * ms, "trials": 1},
            ValueError,
            "fires again and again at 0 of the levels",
        ),
    ],
)
def test_bad_input_of_the_fit(drive, options, error, said):
    with pytest.raises(error, match=said):
        fit_lif(OneM1T1R("hopping"), drive, **options)


def test_files_that_are_no_single_lif(tmp_path):
    path = tmp_path / "other.nir"
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_nir(path)
    path.write_text("text")
    with pytest.raises(ValueError, match="cannot be read as a NIR file"):
        read_nir(path)
    two = np.array([1.0, 2.0])
    for node, said in (
        (nir.LI(two, two, two), "has 0 LIF nodes"),
        (nir.LIF(two, two, two, 3 * two), "2 values of tau"),
    ):
        nir.write(path, nir.NIRGraph.from_list(node))
        with pytest.raises(ValueError, match=said):
            read_nir(path)


def test_impossible_neurons():
    with pytest.raises(ValueError, match="tau_s = 0"):
        LIFSurrogate(0, 1)
    with pytest.raises(ValueError, match="v_reset = 1; accepted: below v_threshold"):
        LIFSurrogate(1, 1, v_reset=1)
    with pytest.raises(ValueError, match="n = 0"):
        REGULAR.group(0, drive=1 * mV)


def test_the_extra_is_named_when_nir_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(ImportError, match=r'nir is not installed: pip install "memneuro\[interop\]"'):
        export_nir(REGULAR, tmp_path / "a.nir", accept_loss=True)
