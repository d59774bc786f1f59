"""Synfire chain: strong volleys go on and sharpen, weak ones die out, and the step does not matter."""

import numpy as np
import pytest
from brian2 import ms, us, volt

from memneuro.network.synfire import SynfireChain


@pytest.fixture(scope="module")
def strong():
    return SynfireChain().run(50, 1 * ms, seed=1)


@pytest.mark.slow
def test_a_strong_volley_goes_on_and_sharpens(strong):
    assert list(strong["pool"]) == list(range(1, 9))
    assert strong["fired"].min() > 0.6 and strong["fired"].iloc[-1] > 0.8 and strong["spikes"].max() < 1.5
    assert (strong["spread_ms"].iloc[2:] < 0.6).all()
    assert (np.diff(strong["time_ms"]) > 1).all() and (np.diff(strong["time_ms"]) < 3).all()


@pytest.mark.slow
def test_weak_and_wide_volleys_die_out():
    chain = SynfireChain(pools=4)
    assert chain.run(15, 1 * ms)["fired"].iloc[-1] == 0
    assert chain.run(50, 10 * ms)["fired"].iloc[-1] < 0.1


@pytest.mark.slow
def test_step_halving():
    chain = SynfireChain(pools=4, noise=False)
    coarse, fine = (chain.run(60, 0.5 * ms, dt=step) for step in (10 * us, 5 * us))
    np.testing.assert_allclose(coarse["time_ms"], fine["time_ms"], atol=0.05)
    np.testing.assert_array_equal(coarse["spikes"], fine["spikes"])


def test_without_a_volley_nothing_fires():
    found = SynfireChain(pools=2, size=3).run(0, backend="numpy")
    assert (found["spikes"] == 0).all() and found["time_ms"].isna().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"pools": 0}, "pools = 0"), ({"size": 0}, "size = 0"), ({"delay": 1 * volt}, "delay = .*; accepted: a time")],
)
def test_bad_chains(options, message):
    with pytest.raises(ValueError, match=message):
        SynfireChain(**options)


def test_bad_volleys():
    with pytest.raises(ValueError, match="spikes = -1"):
        SynfireChain().run(-1)
    with pytest.raises(ValueError, match="spread = .*; accepted: a time"):
        SynfireChain().run(5, 2 * volt)
