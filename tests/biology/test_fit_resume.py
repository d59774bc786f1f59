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
def undisturbed():
    return search()


@pytest.fixture
def journal(tmp_path, undisturbed):
    """The journal of a search that ended one generation into the search proper."""
    path = tmp_path / "lif.npz"
    search(path, EXPLORED + 1)
    return path


def generations_of(path):
    with np.load(path) as held:
        return len(held["losses"])


def test_the_same_seed_is_the_same_fit_whatever_the_test_is(undisturbed):
    assert_same(search(data=cells(test=(0.02, 0.03, 0.07))), undisturbed)


def test_other_seeds_and_other_spikes_are_other_fits(undisturbed):
    found = search(seeds=(3, 1))
    assert not np.array_equal(found.history_points[:, 0], undisturbed.history_points[:, 0])
    np.testing.assert_array_equal(found.history_points[:, 1], undisturbed.history_points[:, 0])
    assert not np.array_equal(search(data=cells(shift=2e-3)).loss, undisturbed.loss)


def test_a_search_is_resumed(journal, undisturbed):
    assert generations_of(journal) == EXPLORED + 1
    before = journal.read_bytes()
    assert_same(search(journal), undisturbed)
    assert generations_of(journal) == GENERATIONS and journal.read_bytes() != before
    assert list(journal.parent.iterdir()) == [journal]
    # Once more on the complete journal: nothing is visited again, the same is found.
    complete = journal.read_bytes()
    assert_same(search(journal), undisturbed)
    assert journal.read_bytes() == complete


def test_a_search_is_resumed_while_it_samples_the_space(tmp_path, undisturbed):
    path = tmp_path / "lif.npz"
    search(path)
    with np.load(path) as held:
        kept = {"label": held["label"], "points": held["points"][:4], "losses": held["losses"][:4]}
    np.savez_compressed(path, **kept)
    assert_same(search(path), undisturbed)


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


def test_a_longer_journal_serves_a_shorter_search(tmp_path, undisturbed):
    path = tmp_path / "lif.npz"
    search(path)
    short = search(path, EXPLORED + 2)
    np.testing.assert_array_equal(short.history_points, undisturbed.history_points[: EXPLORED + 2])
    assert_same(short, search(generations=EXPLORED + 2))
    assert generations_of(path) == GENERATIONS


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
    with pytest.raises(ValueError, match=r"lif\.npz is the journal of another fit; name another file, or remove it"):
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
    with pytest.raises(ValueError, match=r"lif\.npz is not a journal of a fit: .*remove it to start anew"):
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


def test_a_folder_that_is_not_there_is_made(tmp_path):
    path = tmp_path / "new" / "lif.npz"
    search(path, EXPLORED)
    assert generations_of(path) == EXPLORED
