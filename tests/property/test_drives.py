"""Every kind of drive puts on the device what it says, per neuron where it says so."""

import numpy as np
import pytest
from brian2 import Hz, Network, NeuronGroup, StateMonitor, Synapses, TimedArray, ms, mV, nA, pF, second, us, volt

from memneuro import Constant, Current, Expression, External, OneM1T1R, PulseTrain, Sampled
from memneuro.circuit.drive import Drive, as_drive

NEURON = OneM1T1R("hopping")
STEP = 10 * us


def seen(drive, n, duration=4 * ms, **options):
    """Input voltage (volt) at the middle of each step, as the integrator sees it: (times, values of shape (n, steps)).

    A probe that integrates ``v_in`` is differentiated; recording ``v_in`` itself would read it at the edge of a step.
    """
    extra = "dprobe/dt = v_in : volt*second"
    group = NEURON.group(n, drive=drive, noise=False, dt=STEP, extra=extra, **options)
    monitor = StateMonitor(group, "probe", record=True)
    Network(group, monitor).run(duration + STEP, namespace={})
    values = np.diff(np.asarray(monitor.probe), axis=1) / float(STEP)
    return np.asarray(monitor.t / second)[:-1] + 0.5 * float(STEP), values


def test_constant_for_all_and_for_each():
    _, values = seen(0.3 * volt, 2)
    np.testing.assert_allclose(values, 0.3, rtol=1e-9)
    _, values = seen(Constant([0.1, -0.2, 0.3] * volt), 3)
    np.testing.assert_allclose(values, np.repeat([[0.1], [-0.2], [0.3]], values.shape[1], axis=1), rtol=1e-9)


def test_pulse_train_has_the_stated_edges():
    drive = PulseTrain(0.8 * volt, width=0.5 * ms, period=1 * ms, count=2, start=0.7 * ms)
    times, values = seen(drive, 1)
    inside = ((times > 0.7e-3) & (times < 1.2e-3)) | ((times > 1.7e-3) & (times < 2.2e-3))
    np.testing.assert_allclose(values[0], np.where(inside, 0.8, 0.0), atol=1e-9)
    assert inside.sum() == 100


def test_pulse_train_with_one_value_a_neuron():
    drive = PulseTrain(
        [0.5, 1.0, 0.7] * volt, [0.2, 0.5, 1.0] * ms, [1, 2, 1] * ms, count=[1, 2, 3], start=[0, 0.5, 1] * ms
    )
    times, values = seen(drive, 3)
    charge = values.sum(axis=1) * float(STEP)
    np.testing.assert_allclose(charge, [0.5 * 0.2e-3, 1.0 * 2 * 0.5e-3, 0.7 * 3 * 1e-3], rtol=1e-9)
    np.testing.assert_allclose(values[2, times < 1e-3], 0, atol=1e-12)


def test_pulses_go_on_without_a_count_and_touch_at_full_width():
    _, values = seen(PulseTrain(0.4 * volt, 1 * ms, 1 * ms), 1)
    np.testing.assert_allclose(values, 0.4, rtol=1e-9)


def test_sampled_for_all_and_for_each():
    samples = np.array([0.1, 0.5, -0.2, 0.3])
    times, values = seen(TimedArray(samples * volt, dt=1 * ms), 2)
    expected = samples[np.minimum((times / 1e-3).astype(int), 3)]
    np.testing.assert_allclose(values, np.array([expected, expected]), atol=1e-9)
    table = np.array([[0.1, 0.5], [0.2, 0.6], [0.3, 0.7], [0.4, 0.8]])
    times, values = seen(Sampled(TimedArray(table * volt, dt=1 * ms)), 2)
    np.testing.assert_allclose(values, table[np.minimum((times / 1e-3).astype(int), 3)].T, atol=1e-9)


def test_expression_with_objects_of_its_own():
    drive = Expression("v_in = v_peak*(1 + sin(2*pi*rate*t)) : volt", {"v_peak": 0.2 * volt, "rate": 250 * Hz})
    times, values = seen(drive, 1)
    np.testing.assert_allclose(values[0], 0.2 * (1 + np.sin(2 * np.pi * 250 * times)), rtol=1e-9)


def test_external_is_set_by_hand_and_by_summed_synapses():
    group = NEURON.group(2, noise=False, dt=STEP)
    group.v_in = [0.1, 0.2] * volt
    np.testing.assert_allclose(np.asarray(group.v_device / volt), [0.1, 0.2])

    source = NeuronGroup(3, "u = level*(1 + sin(2*pi*100*Hz*t)) : volt\nlevel : volt (constant)", dt=STEP)
    source.level = [10, 20, 40] * mV
    extra = "dprobe/dt = v_in : volt*second"
    target = NEURON.group(2, drive=External(), noise=False, dt=STEP, extra=extra)
    synapses = Synapses(source, target, "w : 1\nv_in_post = w*u_pre : volt (summed)", dt=STEP)
    synapses.connect(i=[0, 1, 2, 2], j=[0, 0, 0, 1])
    synapses.w = [1, 2, 3, -1]
    monitor = StateMonitor(target, "v_in", record=True)
    Network(source, target, synapses, monitor).run(10 * ms, namespace={})
    time = np.asarray(monitor.t / second)[1:]
    wave = 1 + np.sin(2 * np.pi * 100 * time)
    expected = np.array([0.01 * 1 + 0.02 * 2 + 0.04 * 3, -0.04])[:, None] * wave
    # A summed variable is updated at the start of a step, after the monitor has read it: one step of lag is allowed.
    found = np.asarray(monitor.v_in / volt)[:, 1:]
    assert np.max(np.abs(found - expected)) < 0.2 * 2 * np.pi * 100 * float(STEP)
    # The integral over one full period of the sine is the mean level.
    np.testing.assert_allclose(np.asarray(target.probe / (volt * second)), [0.17 * 10e-3, -0.04 * 10e-3], rtol=1e-3)


def test_output_of_one_neuron_drives_the_next():
    """v_load of a driven neuron becomes v_in of another through a summed variable."""
    first = NEURON.group(1, drive=Constant(0.6 * volt), noise=False, dt=STEP)
    first.v_gate = 0.6 * volt
    first.x_total = 1
    second_group = NEURON.group(1, noise=False, dt=STEP)
    synapses = Synapses(first, second_group, "v_in_post = v_load_pre : volt (summed)", dt=STEP)
    synapses.connect()
    Network(first, second_group, synapses).run(2 * STEP, namespace={})
    assert float(second_group.v_in[0] / volt) == pytest.approx(float(first.v_load[0] / volt), rel=1e-3)
    assert float(second_group.v_in[0] / volt) > 0.4


def test_current_from_outside():
    """Current(None) leaves i_in to be set; a capacitor charges at i/c while the device is open."""
    group = NEURON.group(2, drive=Current(None, capacitance=100 * pF), noise=False)
    group.i_in = [1, 3] * nA
    Network(group).run(1 * ms, namespace={})
    np.testing.assert_allclose(np.asarray(group.v_in / volt), [0.01, 0.03], rtol=1e-3)


def test_what_a_user_may_pass():
    assert isinstance(as_drive(None), External)
    assert isinstance(as_drive(0.5 * volt), Constant)
    assert isinstance(as_drive(TimedArray([1, 2] * volt, dt=1 * ms)), Sampled)
    train = PulseTrain(1 * volt, 1 * ms, 2 * ms)
    assert as_drive(train) is train and isinstance(train, Drive)


def test_an_expression_that_defines_no_input_is_refused():
    with pytest.raises(ValueError, match="v_in"):
        NEURON.group(1, drive=Expression("u = 1*volt : volt"), noise=False)


@pytest.mark.parametrize("period", [2e-3, 0.3e-3, 0.7e-3])
def test_input_read_on_an_edge_is_that_of_the_step_which_begins_there(period):
    """Monitors and synapses read v_in at t itself, where rounding must not decide which side of an edge it is."""
    width = period / 2
    group = NEURON.group(1, drive=PulseTrain(1 * volt, width * second, period * second), noise=False, dt=STEP)
    monitor = StateMonitor(group, "v_in", record=True)
    Network(group, monitor).run(100 * period * second, namespace={})
    steps = np.round(np.asarray(monitor.t / second) / float(STEP)).astype(int)
    expected = (steps % round(period / float(STEP)) < round(width / float(STEP))).astype(float)
    wrong = np.flatnonzero(np.asarray(monitor.v_in[0] / volt) != expected)
    assert len(wrong) == 0, f"{len(wrong)} of {len(expected)} samples, first at steps {steps[wrong[:3]]}"
