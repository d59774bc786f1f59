"""What the integrator writes: the abstract code of one step, before any target sees it."""

import re
from collections import Counter

import numpy as np
import pytest
from brian2 import Equations, Network, NeuronGroup, ms, volt
from brian2.equations.equations import EquationError
from brian2.stateupdaters.base import UnsupportedEquationsException

from memneuro import OneM1T1R, PulseTrain
from memneuro.numerics import ExponentialMidpoint

SEED = "noise_seed : integer (shared, constant)"
PULSES = PulseTrain(0.8 * volt, 1 * ms, 2 * ms)


def code(equations):
    """Assignments of one step, as (name, expression) in order."""
    text = ExponentialMidpoint()(Equations(equations) if isinstance(equations, str) else equations)
    return [tuple(part.strip() for part in line.split("=", 1)) for line in text.splitlines()]


def words(expression):
    return set(re.findall(r"[A-Za-z_]\w*", expression))


@pytest.mark.parametrize("device", ["hopping", "hopping_bounded_2e4d", "compact"])
@pytest.mark.parametrize("noise", [True, False])
def test_every_name_is_assigned_once_and_before_its_use(device, noise):
    neuron = OneM1T1R(device)
    equations = neuron.equations(PULSES, noise=noise)
    lines = code(equations)
    states = set(equations.diff_eq_names)
    assert {name for name, _ in lines} >= states
    repeated = [name for name, count in Counter(name for name, _ in lines).items() if count > 1]
    assert repeated == []
    known = set(equations.names)
    for name, expression in lines:
        for word in words(expression):
            if word.startswith("_"):
                assert word in known, f"{word} used before it is assigned"
        known.add(name)
    # Subexpressions are always replaced by their values within the step, never left for Brian2 to expand again.
    for _, expression in lines:
        assert not words(expression) & set(equations.subexpr_names)


def test_subexpressions_without_states_are_evaluated_once():
    lines = dict(code(OneM1T1R("hopping").equations(PULSES)))
    for name in ("pulse_number", "pulse_time", "v_in", "v_hop_now", "arrhenius_growth", "arrhenius_loss"):
        assert f"_{name}_start" in lines and f"_{name}_mid" not in lines, name
    for name in ("gap", "r_device", "v_device", "push", "growth"):
        assert f"_{name}_start" in lines and f"_{name}_mid" in lines, name


def test_what_no_equation_needs_is_not_evaluated():
    """The output stage is read by monitors and synapses, not by the integrator."""
    text = ExponentialMidpoint()(OneM1T1R("hopping").equations(PULSES))
    for name in ("v_out", "v_load", "i_load", "i_device", "x_filament", "drain_voltage"):
        assert name not in words(text), name


def test_explicit_time_is_read_in_the_middle_of_the_step():
    for _, expression in code(OneM1T1R("hopping").equations(PULSES)):
        for match in re.finditer(r"\bt\b", expression):
            assert expression[match.start() - 1 : match.end() + 10].startswith("(t + 0.5*dt"), expression


def test_the_old_gate_voltage_is_kept_first():
    assert code(OneM1T1R("hopping").equations(PULSES))[0] == ("v_gate_last", "v_gate")


def test_the_deterministic_neuron_draws_nothing():
    text = ExponentialMidpoint()(OneM1T1R("hopping").equations(PULSES, noise=False))
    assert "threefry_normal" not in text and "noise_seed" not in text
    noisy = ExponentialMidpoint()(OneM1T1R("hopping").equations(PULSES))
    assert noisy.count("threefry_normal(") == 1


def test_noise_terms_are_numbered_by_name():
    """Streams follow the sorted names of the noise terms, so the order of the equations does not matter."""
    first = f"dx/dt = -x/second + xi_b*second**-0.5 : 1\ndy/dt = xi_a*second**-0.5 : 1\n{SEED}"
    turned = f"dy/dt = xi_a*second**-0.5 : 1\ndx/dt = -x/second + xi_b*second**-0.5 : 1\n{SEED}"
    for equations in (first, turned):
        lines = dict(code(equations))
        assert lines["_xi_a"] == "threefry_normal(noise_seed, i, t_in_timesteps, 0)"
        assert lines["_xi_b"] == "threefry_normal(noise_seed, i, t_in_timesteps, 1)"


def test_the_decay_rate_is_found():
    lines = dict(code("dx/dt = (a - x)/tau : 1\na : 1\ntau : second"))
    assert "relaxation" in lines["_x_new"]
    assert "relaxation" not in dict(code("dx/dt = -x**3/tau : 1\ntau : second"))["_x_new"]
    assert "relaxation" not in dict(code("dx/dt = a/tau : 1\na : 1\ntau : second"))["_x_new"]
    assert "relaxation" not in dict(code("dx/dt = -abs(x)/tau : 1\ntau : second"))["_x_new"]


def test_a_condition_on_the_variable_itself_is_not_linear():
    assert "relaxation" not in dict(code("dx/dt = -x*int(x > 0.5)/tau : 1\ntau : second"))["_x_new"]
    # A condition on something else is a coefficient like any other.
    assert "relaxation" in dict(code("dx/dt = -x*int(a > 0.5)/tau : 1\na : 1\ntau : second"))["_x_new"]


BOUNDED = """
dy/dt = (y_rest - y)/tau : 1
dx/dt = (1 - x)/tau : 1
y_ceiling = x : 1
x_ceiling = top : 1
y_rest : 1
top : 1
tau : second
"""


def test_a_ceiling_clips_the_middle_and_the_end_of_a_step():
    """In the order in which the ceilings depend on each other; limits are variables, zero included."""
    lines = code(BOUNDED)
    names = [name for name, _ in lines]
    assert dict(lines)["_zero"] == "dt - dt"
    for suffix in ("_{}_mid", "{}"):
        x, y = suffix.format("x"), suffix.format("y")
        assert names.index(x) < names.index(y)
        assert re.fullmatch(r"clip_ieee\(.*, _zero, \(top\) \+ _zero\)", dict(lines)[x])
        assert re.fullmatch(rf"clip_ieee\(.*, _zero, {x}\)", dict(lines)[y])
    assert "clip" not in ExponentialMidpoint()(Equations("dx/dt = -x/tau : 1\ntau : second"))


def test_states_stay_below_their_ceilings():
    group = NeuronGroup(3, BOUNDED, method="exponential_midpoint", dt=1 * ms)
    group.top, group.tau, group.y_rest, group.y = 0.7, 10 * ms, [0.2, 5, -5], [0, 0, 0.3]
    found, network = [], Network(group)
    for _ in range(40):
        network.run(1 * ms, namespace={})
        found.append((np.array(group.x), np.array(group.y)))
    x, y = (np.array(one) for one in zip(*found, strict=True))
    assert (y >= 0).all() and (y <= x).all() and (x <= 0.7).all()
    np.testing.assert_array_equal(x[-1], 0.7)
    np.testing.assert_allclose(y[-1], [0.2, 0.7, 0], atol=5e-3)
    group.x = np.nan
    network.run(1 * ms, namespace={})
    assert np.isnan(group.x).all()


def test_noise_needs_a_seed():
    with pytest.raises(UnsupportedEquationsException, match="noise_seed : integer"):
        code("dx/dt = -x/second + xi*second**-0.5 : 1")


def test_noise_within_a_subexpression_is_refused():
    with pytest.raises(UnsupportedEquationsException, match="move the noise of subexpression 'kick'"):
        code(f"dx/dt = -x/second + kick : 1\nkick = xi_tip*second**-0.5 : Hz\n{SEED}")
    with pytest.raises(EquationError, match="'kick' contains the symbol 'xi'"):  # Brian2 refuses this one itself
        code(f"dx/dt = -x/second + kick : 1\nkick = xi*second**-0.5 : Hz\n{SEED}")


def test_noise_that_is_not_additive_in_xi_is_refused():
    with pytest.raises(UnsupportedEquationsException, match="dx/dt must be written as amplitude\\*xi"):
        code(f"dx/dt = xi**2 : 1\n{SEED}")


def test_unknown_options_are_refused():
    with pytest.raises(KeyError, match="nonsense"):
        ExponentialMidpoint()(Equations("dx/dt = -x/second : 1"), method_options={"nonsense": 1})


def test_constant_over_dt_is_left_to_brian2():
    equations = "dx/dt = -x*k : 1\nk = 1/second + x/second : Hz (constant over dt)"
    lines = dict(code(equations))
    assert "_k_start" not in lines and "k" in words(lines["_x_new"])
    group = NeuronGroup(1, equations, method="exponential_midpoint", dt=100 * ms)
    group.x = 1
    Network(group).run(100 * ms, namespace={})
    np.testing.assert_allclose(float(group.x[0]), np.exp(-0.2), rtol=1e-14)


def test_a_random_subexpression_is_drawn_once_a_step():
    """``rand()`` in a subexpression must have one value in both stages; Brian2 requires 'constant over dt' for it."""
    equations = "dx/dt = (r - x)/second : 1\nr = rand() : 1 (constant over dt)"
    lines = dict(code(equations))
    assert "r" in words(lines["_x_mid"]) and "r" in words(lines["_x_new"])
