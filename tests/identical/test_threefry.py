"""Counter-based noise: the published test vectors, and the statistics of the normal variates built on them."""

import numpy as np
import pytest
from scipy import stats

from memneuro.numerics.threefry import MAX_SEED, threefry2x32, threefry_normal

normal = threefry_normal.pyfunc

# Known answers of Random123 (Salmon et al. 2011, doi:10.1145/2063384.2063405), threefry2x32 with 20 rounds.
ANSWERS = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize("counter, key, answer", ANSWERS, ids=["zeros", "ones", "pi"])
def test_known_answers(counter, key, answer):
    assert tuple(int(word) for word in threefry2x32(counter, key)) == answer


def test_arrays_of_counters_give_the_single_answers():
    index = np.arange(7)
    words = threefry2x32((index, 2**32 - 1), (11, 12))
    for k in index:
        single = threefry2x32((int(k), 2**32 - 1), (11, 12))
        assert [int(word[k]) for word in words] == [int(word) for word in single]


def test_box_muller_of_the_known_words():
    """Seed 0, index 0, stream 0, step 0 is the all-zero counter and key: 40 bits of radius, 24 of angle."""
    w = [int(word) for word in ANSWERS[0][2]]
    u = 1 - ((w[0] << 8 | w[1] >> 24) + 0.5) / 2**40
    phi = np.pi * (((w[1] & 0xFFFFFF) + 0.5) / 2**24 - 0.5)
    np.testing.assert_allclose(normal(0, 0, 0, 0), np.sqrt(-2 * np.log(u)) * np.sin(phi), rtol=1e-12)


def test_key_and_counter_of_large_numbers():
    """Steps beyond 2**32 and negative ones move into the key, beside the stream."""
    for step, stream, key in ((2**32 + 7, 3, 3 + 65536), (-1, 2, (2 - 65536) % 2**32)):
        w = [int(word) for word in threefry2x32((5, step), (9, key))]
        u = 1 - ((w[0] << 8 | w[1] >> 24) + 0.5) / 2**40
        phi = np.pi * (((w[1] & 0xFFFFFF) + 0.5) / 2**24 - 0.5)
        np.testing.assert_allclose(normal(9, 5, step, stream), np.sqrt(-2 * np.log(u)) * np.sin(phi), rtol=1e-12)


def test_every_argument_matters_over_its_whole_range():
    base = normal(1, 2, 3, 4)
    others = [
        normal(2, 2, 3, 4),
        normal(MAX_SEED, 2, 3, 4),
        normal(1, 3, 3, 4),
        normal(1, 2**31 - 1, 3, 4),
        normal(1, 2, 4, 4),
        normal(1, 2, 3 + 2**32, 4),
        normal(1, 2, -1, 4),
        normal(1, 2, -2, 4),
        normal(1, 2, 3, 5),
        normal(2, 1, 3, 4),
    ]
    values = np.array([float(base), *map(float, others)])
    assert len(np.unique(values)) == len(values)
    assert float(normal(1, 2, 3, 4)) == float(base)


def samples():
    """A million variates, of a few seeds, many indices, steps and streams."""
    index, step = np.meshgrid(np.arange(1000), np.arange(500), indexing="ij")
    return np.concatenate([normal(seed, index, step, stream).ravel() for seed, stream in ((0, 0), (7, 1))])


def test_moments_and_distribution():
    x = samples()
    n = len(x)
    assert n == 1_000_000 and np.all(np.isfinite(x))
    assert abs(x.mean()) < 4 / np.sqrt(n)
    assert abs(x.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs(stats.skew(x)) < 4 * np.sqrt(6 / n)
    assert abs(stats.kurtosis(x)) < 4 * np.sqrt(24 / n)
    assert stats.kstest(x[::5], "norm").pvalue > 1e-3
    assert 4.5 < np.max(np.abs(x)) < 6.5


def test_tails():
    x = np.abs(samples())
    for level in (2.0, 3.0, 4.0):
        expected = 2 * stats.norm.sf(level) * len(x)
        assert abs(np.sum(x > level) - expected) < 4 * np.sqrt(expected)


@pytest.mark.parametrize("axis", ["index", "step", "stream", "seed"])
@pytest.mark.parametrize("offset", [1, 2, 64, 2**16])
def test_neighbours_are_not_correlated(axis, offset):
    n = 100_000
    k = np.arange(n)
    if axis == "index":
        x, y = normal(5, k, 9, 0), normal(5, k + offset, 9, 0)
    elif axis == "step":
        x, y = normal(5, 9, k, 0), normal(5, 9, k + offset, 0)
    elif axis == "stream":
        x, y = normal(5, k, 9, 0), normal(5, k, 9, offset)
    else:
        x, y = normal(5, k, 9, 0), normal(5 + offset, k, 9, 0)
    bound = 4 / np.sqrt(n)
    assert abs(np.corrcoef(x, y)[0, 1]) < bound
    assert abs(np.corrcoef(x**2, y**2)[0, 1]) < bound


def test_initial_values_and_spread_use_steps_the_run_never_reaches():
    """Steps -1 and -2 are set apart for the initial tip potential and the device spread."""
    index = np.arange(50_000)
    start, spread, first = (normal(3, index, step, 0) for step in (-1, -2, 0))
    for x, y in ((start, spread), (start, first), (spread, first)):
        assert abs(np.corrcoef(x, y)[0, 1]) < 4 / np.sqrt(len(index))
