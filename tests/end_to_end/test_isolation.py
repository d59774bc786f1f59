"""Tests do not see each other's Brian2 settings: the shared fixture undoes them."""

import pytest
from brian2 import NeuronGroup, defaultclock, device, get_device, ms, prefs, run, set_device


@pytest.mark.parametrize("turn", [1, 2])
def test_a_standalone_run_leaves_no_trace(turn, tmp_path):
    """Each turn starts with default settings, although the one before changed them all."""
    assert get_device().__class__.__name__ == "RuntimeDevice"
    assert prefs.codegen.target == "auto"
    assert defaultclock.dt == 0.1 * ms
    assert device.build_on_run

    set_device("cpp_standalone", directory=str(tmp_path / "build"), build_on_run=True)
    prefs.codegen.target = "numpy"
    defaultclock.dt = 1 * ms
    group = NeuronGroup(1, "dv/dt = turns/(10*ms) : 1\nturns : 1 (constant)", method="euler")
    group.turns = turn
    run(10 * ms)
    assert group.v[0] == pytest.approx(turn, rel=1e-12)
