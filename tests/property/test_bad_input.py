"""Bad input: one clear error each, before anything is built."""

import numpy as np
import pytest
from brian2 import DimensionMismatchError, Mohm, TimedArray, amp, farad, mA, ms, nA, ohm, pF, second, us, volt

from memneuro import Constant, Current, Expression, OneM1T1R, PulseTrain, Sampled, card
from memneuro.experiment.threshold_firing import threshold_firing

NEURON = OneM1T1R("hopping")


def group(n=2, drive=0.5 * volt, **options):
    return NEURON.group(n, drive=drive, **options)


VALUES = [
    # what is called, the error, what the message must say
    (lambda: group(r_control=5 * volt), DimensionMismatchError, r"r_control must have the unit 'ohm'"),
    (lambda: group(r_control=5e6), DimensionMismatchError, r"r_control must have the unit 'ohm'"),
    (lambda: NEURON.with_(v_hop=0.1), DimensionMismatchError, r"v_hop must have the unit 'volt'"),
    (lambda: group(r_control=-1 * Mohm), ValueError, r"r_control = -1e\+06 ohm must be greater than zero"),
    (lambda: NEURON.with_(r_control=-1 * Mohm), ValueError, r"r_control.*must be greater than zero"),
    (lambda: group(r_control=[1, -2] * Mohm), ValueError, r"r_control = -2e\+06 ohm must be greater than zero"),
    (lambda: group(r_control=0 * ohm), ValueError, r"r_control.*must be greater than zero"),
    (lambda: group(mu=np.nan / second), ValueError, r"mu = nan is not finite"),
    (lambda: group(sigma_tip=-0.1 * volt), ValueError, r"sigma_tip.*must not be negative"),
    (lambda: group(r_contrl=1 * Mohm), ValueError, r"unknown parameter 'r_contrl'; accepted: .*r_control"),
    (lambda: NEURON.with_(nonsense=1), ValueError, r"unknown parameter 'nonsense'; accepted: .*mu"),
    (lambda: OneM1T1R("hoping"), ValueError, r"unknown card 'hoping'; .*hopping_2e4d.*; or a model: .*hopping"),
    (lambda: OneM1T1R("mine.toml"), ValueError, r"'mine.toml' is not the name of a card; accepted: .*read_card"),
    (lambda: Expression("0.5*volt"), ValueError, r"'0.5\*volt'; accepted: equations such as 'v_in = "),
    (lambda: threshold_firing(NEURON, amplitudes=[0.9, 1.0]), DimensionMismatchError, r"amplitudes must have the unit"),
    (lambda: OneM1T1R("hopping", "discrete"), ValueError, r"unknown card 'discrete'; known cards: .*discrete_2025"),
    (lambda: OneM1T1R("discrete_2025"), ValueError, r"'discrete_2025' describes a circuit; a device card is needed"),
    (lambda: OneM1T1R("hopping", "hopping_3b"), ValueError, r"'hopping_3b' describes a device; a circuit card"),
    (lambda: card("no_such_card"), ValueError, r"unknown card 'no_such_card'"),
]
SHAPES = [
    (lambda: group(3, r_control=[1, 2] * Mohm), ValueError, r"r_control has the shape \(2,\).*3 values"),
    (lambda: group(2, drive=Constant([0.1, 0.2, 0.3] * volt)), ValueError, r"v_in has the shape \(3,\).*2 values"),
    (
        lambda: group(2, drive=PulseTrain([1, 1, 1] * volt, 1 * ms, 2 * ms)),
        ValueError,
        r"pulse_amplitude has the shape \(3,\).*2 values",
    ),
    (
        lambda: group(3, drive=TimedArray(np.zeros((5, 2)) * volt, dt=1 * ms)),
        ValueError,
        r"2.*3|3.*2",  # two columns for three neurons: Brian2 itself would read NaN or fail late
    ),
    (
        lambda: group(3, drive=Current(TimedArray(np.zeros((5, 2)) * nA, dt=1 * ms), 100 * pF)),
        ValueError,
        r"2.*3|3.*2",
    ),
    (lambda: group(0), ValueError, r"n = 0; accepted: a whole number from 1"),
    (lambda: group(-3), ValueError, r"n = -3"),
    (lambda: group(2.5), ValueError, r"n = 2.5"),
    (lambda: group(True), ValueError, r"n = True"),
]
STEPS = [
    (lambda: group(dt=1 * ms), ValueError, r"dt = 1. ms is too large.*largest safe step is [\d.]+ [mu]s"),
    (lambda: group(dt=0 * ms), ValueError, r"dt = .* must be greater than zero"),
    (lambda: group(dt=-1 * us), ValueError, r"dt = .* must be greater than zero"),
    (lambda: group(dt=1e-6), (ValueError, DimensionMismatchError), r"dt = 1e-06 is not a time"),
    (lambda: group(dt=1 * volt), (ValueError, DimensionMismatchError), r"dt = .* is not a time"),
    (lambda: group(dt=np.nan * second), ValueError, r"dt = .*nan"),
    (lambda: group(drive=Current(1 * nA, 10 * pF), dt=8 * us), ValueError, r"largest safe step is 5. us"),
    (lambda: OneM1T1R("compact").group(1, dt=50 * us), ValueError, r"largest safe step"),
]
SEEDS = [
    (lambda: group(seed=-1), ValueError, r"seed = -1; accepted: a whole number from 0 to 2147483647"),
    (lambda: group(seed=2**31), ValueError, r"seed = 2147483648"),
    (lambda: group(seed=1.5), ValueError, r"seed = 1.5"),
    (lambda: group(seed="one"), (ValueError, TypeError), r"seed"),
    (lambda: group(seed=None), (ValueError, TypeError), r"seed"),
    (lambda: group(spread={"nonsense": 0.1}), ValueError, r"spread of unknown parameter 'nonsense'"),
    (lambda: group(spread={"mu": -0.1}), ValueError, r"spread of mu = -0.1"),
    (lambda: group(spread=0.1), (ValueError, TypeError), r"spread"),
]
DRIVES = [
    (lambda: PulseTrain(1 * volt, 3 * ms, 2 * ms), ValueError, r"width = .*longer than period"),
    (lambda: PulseTrain(1 * volt, [1, 3] * ms, 2 * ms), ValueError, r"width = .*longer than period"),
    (lambda: PulseTrain(1 * volt, 0 * ms, 2 * ms), ValueError, r"width = .*greater than zero"),
    (lambda: PulseTrain(1 * volt, 1 * ms, 2 * ms, count=0), ValueError, r"count = 0"),
    (lambda: PulseTrain(1 * volt, 1 * ms, 2 * ms, count=2.5), ValueError, r"count = 2.5"),
    (lambda: PulseTrain(1 * volt, 1 * ms, 2 * ms, count=np.nan), ValueError, r"count = nan"),
    (lambda: PulseTrain(1 * volt, 1 * ms, 2 * ms, start=-1 * ms), ValueError, r"start = .*negative"),
    (lambda: PulseTrain(1 * amp, 1 * ms, 2 * ms), DimensionMismatchError, r"amplitude must have the unit of"),
    (lambda: PulseTrain(1 * volt, 1, 2), DimensionMismatchError, r"width must have the unit of"),
    (lambda: Constant(1 * amp), DimensionMismatchError, r"voltage must have the unit of"),
    (lambda: Constant(np.inf * volt), ValueError, r"voltage = .*not finite"),
    (lambda: Sampled(np.zeros(3) * volt), TypeError, r"takes a brian2.TimedArray, got Quantity"),
    (lambda: Sampled(TimedArray([1, 2] * mA, dt=1 * ms)), DimensionMismatchError, r"sampled voltage must have"),
    (lambda: Sampled(TimedArray([1, np.nan] * volt, dt=1 * ms)), ValueError, r"sampled voltage.*not finite"),
    (lambda: Current(TimedArray([1, np.nan] * nA, dt=1 * ms), 1 * pF), ValueError, r"current.*not finite"),
    (lambda: Current(1 * volt, 1 * pF), DimensionMismatchError, r"current must have the unit of"),
    (lambda: Current(1 * nA, 0 * farad), ValueError, r"capacitance = .*greater than zero"),
    (lambda: Current(1 * nA, 1 * pF, conductance=1 * ohm), DimensionMismatchError, r"conductance must have"),
    (lambda: group(drive=0.8), TypeError, r"drive 0.8 is not understood; accepted: a voltage"),
    (lambda: group(drive="0.8 V"), TypeError, r"drive '0.8 V' is not understood"),
]
CASES = [*VALUES, *SHAPES, *STEPS, *SEEDS, *DRIVES]


def source(case):
    """The call, as a test name."""
    import inspect

    lines = inspect.getsource(case[0]).strip().splitlines()
    text = next(line for line in lines if "lambda" in line)
    return text.split("lambda: ", 1)[1].split(", ValueError")[0].split(", (Value")[0].split(", Dim")[0][:60]


@pytest.mark.parametrize("call, error, message", CASES, ids=[source(case) for case in CASES])
def test_one_clear_error(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    text = str(caught.value)
    assert len(text) < 600 and "\n" not in text.strip(), text


def test_the_stated_largest_step_is_accepted_and_a_little_more_is_not():
    largest = NEURON.largest_step
    assert float(group(dt=largest).dt / us) == pytest.approx(float(largest / us))
    with pytest.raises(ValueError, match="largest safe step"):
        group(dt=1.001 * largest)


def test_the_default_step_is_within_the_largest():
    from memneuro import card_names

    for name in card_names("device"):
        neuron = OneM1T1R(name)
        assert 0 < float(neuron.default_step) <= float(neuron.largest_step), name


def test_a_refused_call_leaves_the_neuron_as_it_was():
    before = NEURON.device.values()
    with pytest.raises(ValueError):
        NEURON.with_(mu=-1 / second)
    assert NEURON.device.values() == before
    with pytest.raises(AttributeError):
        NEURON.device.name = "other"
    with pytest.raises(TypeError):
        NEURON.device.parameters["mu"] = None
