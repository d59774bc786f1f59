"""The search: finds the minimum of a known function, resumes as if undisturbed, refuses a foreign journal."""

import numpy as np
import pytest

from memneuro.numerics.search import evolve

pytest.importorskip("cma")
CENTRES = np.array([[0.3, 0.7, 0.5], [0.8, 0.2, 0.4]])
OPTIONS = {"generations": 40, "population": 10, "explored": 3, "label": "bowl"}


def bowl(points, generation):
    return np.sum((points - CENTRES[: len(points), np.newaxis]) ** 2, axis=-1)


def test_every_job_finds_its_own_minimum():
    found = evolve(bowl, (1, 2), 3, **OPTIONS)
    assert found.losses.shape == (40, 2, 10)
    np.testing.assert_allclose(found.favourites, CENTRES, atol=2e-3)
    finalists = found.finalists(4)
    assert finalists.shape == (2, 4, 3)
    np.testing.assert_array_equal(finalists[:, 0], found.favourites)
    lowest = found.losses[:, 0].min()
    assert bowl(finalists[:1, 1:2], 0)[0, 0] == lowest


def test_a_search_that_was_cut_off_gives_the_same(tmp_path):
    whole = evolve(bowl, (1, 2), 3, **OPTIONS)
    journal = tmp_path / "search.npz"

    def dies(points, generation):
        if generation == 17:
            raise KeyboardInterrupt
        return bowl(points, generation)

    with pytest.raises(KeyboardInterrupt):
        evolve(dies, (1, 2), 3, journal=journal, **OPTIONS)
    asked = []
    again = evolve(lambda p, g: asked.append(g) or bowl(p, g), (1, 2), 3, journal=journal, **OPTIONS)
    assert asked == list(range(17, 41))
    np.testing.assert_array_equal(again.points, whole.points)
    np.testing.assert_array_equal(again.favourites, whole.favourites)


def test_a_start_takes_the_place_of_the_exploration():
    options = {**OPTIONS, "explored": 0}
    found = evolve(bowl, (1,), 3, start=np.array([0.31, 0.69, 0.5]), sigma=0.01, **options)
    assert np.abs(found.points[0, 0] - [0.31, 0.69, 0.5]).max() < 0.05


def test_the_journal_of_another_search_is_refused(tmp_path):
    journal = tmp_path / "search.npz"
    evolve(bowl, (1, 2), 3, journal=journal, **{**OPTIONS, "generations": 2})
    with pytest.raises(ValueError, match=r"search\.npz is the journal of another search; name another file, or"):
        evolve(bowl, (1, 2), 3, journal=journal, **{**OPTIONS, "label": "other"})
    journal.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"search\.npz is not a journal of a search: .*remove it to start anew"):
        evolve(bowl, (1, 2), 3, journal=journal, **OPTIONS)
