"""A search goes on from its journal as if nothing had happened, also after it was killed."""

import inspect
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms

from memneuro.biology.fit import fit_model
from memneuro.biology.fit.data import CellData, Response
from memneuro.biology.fit.search import EXPLORED, fit

#: Three generations of the search proper after those that sample the space.
GENERATIONS = EXPLORED + 3

#: What the two functions below need in a process of their own.
HEADER = """
import numpy as np
from dataclasses import replace
from brian2 import ms
from memneuro.biology.fit import fit_model
from memneuro.biology.fit.data import CellData, Response
from memneuro.biology.fit.search import EXPLORED, fit
GENERATIONS = EXPLORED + 3
"""


def cells(name="cell", test=(0.05, 0.1), shift=0.0):
    """A cell with 80 ms of noise; nothing depends on the test."""
    current = 3e-10 + 2e-10 * np.sin(np.arange(800) * 0.05 + np.arange(800) ** 2 * 1e-4)
    training = Response(current, 1e-4, 0.0, 0.08, (np.array([0.011, 0.024, 0.033, 0.05, 0.071]) + shift,))
    return [CellData(name, training, Response(current, 1e-4, 0.0, 0.08, (np.array(test),)))]


def search(journal=None, generations=GENERATIONS, model="lif", data=None, seeds=(1, 2), population=4):
    """A search that takes a second: with a coarse step, without compiling."""
    built = replace(fit_model(model), step=0.5 * ms)
    given = {"generations": generations, "population": population, "journal": journal, "backend": "numpy"}
    return fit(built, cells() if data is None else data, seeds, progress=False, **given)


def assert_same(found, ideal):
    """To the bit."""
    assert found.jobs == ideal.jobs
    for name in ("points", "loss", "history_points", "history_losses"):
        np.testing.assert_array_equal(getattr(found, name), getattr(ideal, name), err_msg=name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A search that nothing disturbed, and its journal."""
    path = tmp_path_factory.mktemp("journal") / "lif.npz"
    return search(path), path


@pytest.fixture
def undisturbed(whole):
    return whole[0]


@pytest.fixture
def journal(tmp_path, whole):
    """The journal as it was one generation into the search proper."""
    return cut(whole[1], tmp_path / "lif.npz", EXPLORED + 1)


def cut(path, other, generations):
    """A copy of a journal with its first generations only."""
    with np.load(path) as held:
        kept = {"label": held["label"], **{name: held[name][:generations] for name in ("points", "losses")}}
    np.savez_compressed(other, **kept)
    return other


def generations_of(path):
    with np.load(path) as held:
        return len(held["losses"])


def test_the_same_seed_is_the_same_fit_whatever_the_test_is(undisturbed):
    """And with or without a journal."""
    assert_same(search(data=cells(test=(0.02, 0.03, 0.07))), undisturbed)


@pytest.mark.slow
def test_other_seeds_are_other_fits_and_a_fit_does_not_depend_on_those_beside_it(undisturbed):
    found = search(seeds=(3, 1))
    assert not np.array_equal(found.history_points[:, 0], undisturbed.history_points[:, 0])
    np.testing.assert_array_equal(found.history_points[:EXPLORED, 1], undisturbed.history_points[:EXPLORED, 0])
    np.testing.assert_array_equal(found.history_points[:, 1], undisturbed.history_points[:, 0])


def test_a_search_is_resumed(journal, undisturbed):
    assert generations_of(journal) == EXPLORED + 1
    assert_same(search(journal), undisturbed)
    assert generations_of(journal) == GENERATIONS
    assert list(journal.parent.iterdir()) == [journal]


def test_a_complete_journal_is_not_touched(whole):
    before = whole[1].read_bytes()
    assert_same(search(whole[1]), whole[0])
    assert whole[1].read_bytes() == before and generations_of(whole[1]) == GENERATIONS


@pytest.mark.slow
def test_a_search_is_resumed_while_it_samples_the_space(tmp_path, whole):
    assert_same(search(cut(whole[1], tmp_path / "lif.npz", 4)), whole[0])


def test_losses_come_from_the_journal(journal, undisturbed):
    """A journal with other losses leads to another search: it is read, and not made anew."""
    with np.load(journal) as held:
        label, visited, found = held["label"], held["points"], held["losses"].copy()
    found[3, :, 2] = -5.0
    np.savez_compressed(journal, label=label, points=visited, losses=found)
    with pytest.raises(ValueError, match="written by another version of the search; remove it to start anew"):
        search(journal)  # the last generation no longer starts from the best point
    np.savez_compressed(journal, label=label, points=visited[:EXPLORED], losses=found[:EXPLORED])
    resumed = search(journal)
    np.testing.assert_array_equal(resumed.history_losses[:EXPLORED], found[:EXPLORED])
    assert not np.array_equal(resumed.history_points[EXPLORED], undisturbed.history_points[EXPLORED])


def test_a_longer_journal_serves_a_shorter_search(whole):
    short = search(whole[1], EXPLORED + 2)
    for name in ("history_points", "history_losses"):
        np.testing.assert_array_equal(getattr(short, name), getattr(whole[0], name)[: EXPLORED + 2])
    assert generations_of(whole[1]) == GENERATIONS


@pytest.mark.parametrize(
    "given",
    [
        {"model": "stochastic_lif"},
        {"seeds": (1, 3)},
        {"seeds": (1,)},
        {"population": 5},
        {"data": cells(name="another")},
        {"data": [replace(cells()[0], training=cells()[0].training.part(0.0, 0.075))]},
    ],
    ids=["model", "seed", "seeds", "population", "cell", "part"],
)
def test_the_journal_of_another_fit_is_refused_and_kept(journal, given):
    before = journal.read_bytes()
    with pytest.raises(ValueError, match=r"lif\.npz is the journal of another search; name another file, or remove it"):
        search(journal, **given)
    assert journal.read_bytes() == before


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "other arrays"])
def test_a_damaged_journal_is_refused_and_kept(journal, damage):
    whole = journal.read_bytes()
    if damage == "other arrays":
        np.savez_compressed(journal, points=np.zeros(3))
    else:
        journal.write_bytes({"cut": whole[: len(whole) // 2], "text": b"losses\n1\n2\n", "empty": b""}[damage])
    before = journal.read_bytes()
    with pytest.raises(ValueError, match=r"lif\.npz is not a journal of a search: .*remove it to start anew"):
        search(journal)
    assert journal.read_bytes() == before


def test_a_killed_search_goes_on_to_the_same_end(tmp_path, undisturbed):
    """Killed with SIGKILL after the search proper has begun, then resumed here."""
    path = tmp_path / "lif.npz"
    script = tmp_path / "search.py"
    script.write_text(
        f"import sys\nfrom pathlib import Path\n{HEADER}\n{inspect.getsource(cells)}\n{inspect.getsource(search)}\n"
        "search(Path(sys.argv[1]), 5000)\n"
    )
    process = subprocess.Popen([sys.executable, str(script), str(path)], cwd=tmp_path, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 120
        while not (path.exists() and generations_of(path) > EXPLORED):
            assert process.poll() is None, process.stderr.read().decode()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    reached = generations_of(path)
    assert EXPLORED < reached < 5000
    assert_same(search(path), undisturbed)
