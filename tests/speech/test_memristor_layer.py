"""The neuron in discrete time against the full equations in Brian2, under the same pulses."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from brian2 import Network, SpikeMonitor, StateMonitor, TimedArray, second, us, volt  # noqa: E402

from memneuro import Expression, OneM1T1R  # noqa: E402
from memneuro.circuit.time_scale import slowed_parameters  # noqa: E402
from memneuro.speech.memristor import DEVICE, TRAITS, MemristorLayer, MemristorState  # noqa: E402
from memneuro.speech.pulse import library  # noqa: E402

NEURONS, PULSES = 200, 100

#: Periods of the pulses of 1 ms: as in the published measurements, and as in the networks.
PUBLISHED, CLOCKED = 2e-3, 10e-3

PULSED = """
period : second (constant, shared)
v_in = amplitude_now(t, i)*int(t + 0.001*dt - floor((t + 0.001*dt)/period)*period < 1*ms) : volt
"""


def drives(seed: int) -> np.ndarray:
    """Drives that differ from pulse to pulse and from neuron to neuron, from silent to firing at every chance."""
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal(-1, 1, (PULSES, NEURONS)) + rng.normal(-0.8, 1, NEURONS), -8, 3)


def full(drive: np.ndarray, noise: bool, seed: int, period: float = PUBLISHED, **own) -> tuple[np.ndarray, np.ndarray]:
    """Which neuron fired in which pulse, and the tip potentials at its start in units of V_0."""
    neuron = OneM1T1R(DEVICE)
    v_hop = float(neuron.device.values()["v_hop"])
    amplitude = v_hop * (drive + MemristorLayer(1).base)
    array = TimedArray(np.maximum(amplitude, 0) * volt, dt=period * second)
    group = neuron.group(
        NEURONS, drive=Expression(PULSED, {"amplitude_now": array}), seed=seed, noise=noise, dt=10 * us, **own
    )
    group.period = period * second
    spikes = SpikeMonitor(group)
    tips = StateMonitor(group, "v_tip" if noise else "v_gate", record=True, dt=period * second)
    Network(group, spikes, tips).run(PULSES * period * second, namespace={})
    fired = np.zeros((PULSES, NEURONS), dtype=bool)
    fired[np.floor(np.asarray(spikes.t) / period + 1e-6).astype(int), np.asarray(spikes.i)] = True
    return fired, np.asarray(tips.v_tip).T / v_hop if noise else np.zeros((PULSES, NEURONS))


def discrete(
    drive: np.ndarray,
    tip: np.ndarray,
    without: tuple[str, ...] = (),
    slower: float = 1.0,
    period: float = PUBLISHED,
) -> np.ndarray:
    """The same in discrete time with the tip potentials given."""
    layer = MemristorLayer(NEURONS, without=without, period_s=period)
    with torch.no_grad():
        layer.log_slowness.fill_(math.log(slower))
        state = layer.start(1)
        fired = np.zeros((PULSES, NEURONS), dtype=bool)
        for pulse in range(PULSES):
            state.tip = torch.tensor(tip[pulse : pulse + 1], dtype=torch.float32)
            state, spike = layer(state, torch.tensor(drive[pulse : pulse + 1], dtype=torch.float32))
            fired[pulse] = spike.numpy()[0] > 0
    return fired


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_fires_as_the_full_neuron_does(noise, seed):
    """Number of spikes within 5 %; at least 85 % in the same pulse and 95 % in it or next to it."""
    drive = drives(seed)
    expected, tip = full(drive, noise, seed)
    found = discrete(drive, tip)
    assert 0.05 < expected.mean() < 0.3
    assert found.sum() == pytest.approx(expected.sum(), rel=0.05)
    assert (found & expected).sum() >= 0.85 * expected.sum()
    near = found | np.roll(found, 1, axis=0) | np.roll(found, -1, axis=0)
    assert (near & expected).sum() >= 0.95 * expected.sum()
    assert np.corrcoef(found.sum(0), expected.sum(0))[0, 1] > 0.99


SLOW = [
    pytest.param(*case, marks=pytest.mark.slow)
    for case in ((2, PUBLISHED, 0.55), (5, PUBLISHED, 0.55), (4, CLOCKED, 0.7))
]


@pytest.mark.parametrize(("slower", "period", "same"), [(1, CLOCKED, 0.9), *SLOW])
def test_slow_neurons_and_long_periods(slower, period, same):
    """Number of spikes within 8 %; of slow neurons fewer in the same pulse: what comes late once is late ever after."""
    drive = drives(7) + math.log(slower) * 0.7
    neuron = OneM1T1R(DEVICE)
    own = slowed_parameters(neuron, np.full(NEURONS, slower))
    expected, tip = full(drive, True, 7, period, **own)
    found = discrete(drive, tip, slower=slower, period=period)
    print(found.sum() / expected.sum(), (found & expected).sum() / expected.sum())
    assert found.sum() == pytest.approx(expected.sum(), rel=0.08)
    assert (found & expected).sum() >= same * expected.sum()
    assert np.corrcoef(found.sum(0), expected.sum(0))[0, 1] > 0.95


def test_each_trait_does_something():
    drive = drives(4)
    quiet = np.zeros_like(drive)
    whole = discrete(drive, quiet)
    for trait in TRAITS:
        changed = discrete(drive, quiet, (trait,))
        assert np.array_equal(changed, whole) == (trait == "noise")  # the tips are given here
    assert discrete(drive, quiet, ("leak",)).sum() > 1.2 * whole.sum()
    assert discrete(drive, quiet, ("refractory",)).sum() > 1.2 * whole.sum()
    assert discrete(drive, quiet, ("plasticity",)).sum() < whole.sum()
    assert discrete(drive, quiet, ("soft_threshold",)).sum() < whole.sum()


def test_gradients_are_finite_over_a_long_word():
    layer = MemristorLayer(50)
    state = layer.start(20)
    drive = torch.tensor(drives(5)[:, None, :50].repeat(20, axis=1), dtype=torch.float32, requires_grad=True)
    total = torch.zeros(())
    for pulse in range(PULSES):
        state.tip = layer.next_tip(state)
        state, spike = layer(state, drive[pulse])
        total = total + spike.mean()
    total.backward()
    assert torch.isfinite(drive.grad).all()
    assert drive.grad.abs().max() < 1
    assert (drive.grad.abs() > 0).float().mean() > 0.5
    assert layer.log_slowness.grad is not None
    assert layer.log_slowness.grad.abs().max() > 0


def test_bad_input():
    with pytest.raises(ValueError, match="hopping"):
        MemristorLayer(3, OneM1T1R("compact"))
    message = "'hopping_bounded_2e4d' bounds the residue; accepted: .*'hopping_unbounded_2e4d'"
    with pytest.raises(ValueError, match=message):
        MemristorLayer(3, OneM1T1R("hopping_bounded_2e4d"))
    with pytest.raises(ValueError, match="courage"):
        MemristorLayer(3, without=("courage",))
    with pytest.raises(ValueError, match="width_s"):
        MemristorLayer(3, width_s=30e-3)


@pytest.mark.parametrize("without", [(), *((trait,) for trait in TRAITS)])
def test_compiled_code_is_the_equations(without):
    """States, spikes and every gradient of the compiled pulse, against PyTorch's on the same numbers."""
    if library() is None:
        pytest.skip("no C++ compiler")
    torch.manual_seed(1)
    layer = MemristorLayer(64, without=without, spread={"mu": 0.3, "v_hop": 0.1})
    drive = torch.randn(30, 64) * 2 - 0.5
    residue = torch.rand(30, 64) * 0.5
    filament = torch.rand(30, 64) * (1 - residue) * 0.9
    gate, tip = torch.rand(30, 64) * 6, torch.randn(30, 64) * 0.4
    weights = torch.randn(3, 30, 64)
    found = []
    for step in (layer.forward, layer.equations):
        layer.zero_grad()
        given = [one.clone().requires_grad_() for one in (filament, residue, drive)]
        state, fired = step(MemristorState(given[0], given[1], gate, tip, layer.fixed()), given[2])
        (weights * torch.stack([state.filament, state.residue, fired])).sum().backward()
        found.append([state.filament, state.residue, state.gate, fired])
        found[-1] += [*(one.grad for one in given), layer.log_slowness.grad.clone()]
    for compiled, written in zip(*found, strict=True):
        assert compiled.isfinite().all()
        scale = max(1.0, float(written.detach().abs().max()))
        assert torch.allclose(compiled, written, rtol=1e-4, atol=1e-5 * scale)
    assert 0.05 < found[0][3].mean() < 0.9


@pytest.mark.slow
def test_devices_that_differ_fire_as_full_neurons_that_differ():
    """The same with mu and v_hop of their own in each neuron."""
    drive = drives(6)
    layer = MemristorLayer(NEURONS, period_s=PUBLISHED, spread={"mu": 0.3, "v_hop": 0.1}, device_seed=3)
    alike, _ = full(drive, False, 0)
    neuron = OneM1T1R(DEVICE)
    own = {
        "mu": neuron.device["mu"] * layer.mu_factor.numpy().astype(float),
        "v_hop": neuron.device["v_hop"] * layer.hop_factor.numpy().astype(float),
    }
    expected, _ = full(drive, False, 0, **own)
    with torch.no_grad():
        layer.log_slowness.zero_()
        state = layer.start(1)
        state.tip = torch.zeros_like(state.tip)
        found = np.zeros((PULSES, NEURONS), dtype=bool)
        for pulse in range(PULSES):
            state, spike = layer(state, torch.tensor(drive[pulse : pulse + 1], dtype=torch.float32))
            found[pulse] = spike.numpy()[0] > 0
    assert (alike & expected).sum() < 0.8 * expected.sum()
    assert (found & expected).sum() >= 0.85 * expected.sum()
    assert found.sum() == pytest.approx(expected.sum(), rel=0.05)
