"""Spikes on disk: all of them, in order, in whole files; anything else is refused."""

import json

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeMonitor, ms

from memneuro.backend import backend
from memneuro.network.spike_files import END, RECORD, SpikeFiles, read_blocks, read_spikes, write_part

STEP = 1 * ms


def run(folder, target, block, steps=40):
    """Neurons that fire every one, two, three ... steps; what a monitor saw and what the files hold."""
    with backend(target) as used:
        group = NeuronGroup(7, "n : integer", threshold="(t_in_timesteps + i) % (i + 1) == 0", dt=STEP, name="some")
        seen, files = SpikeMonitor(group), SpikeFiles(group, folder, used, block)
        network = Network(group, seen, *files.parts)
        files.attach(network)
        network.run(steps * STEP, namespace={})
        files.close(neurons=7)
        index, times = np.array(seen.i), np.array(seen.t)
        counts = np.array(files.monitor.count)
    return index, times, counts


def assert_all_there(folder, target, block):
    index, times, counts = run(folder, target, block)
    found, when = read_spikes(folder)
    assert np.array_equal(found, index) and np.array_equal(when, times)
    assert np.array_equal(counts, np.bincount(index, minlength=7))
    blocks = list(read_blocks(folder))
    assert all(block <= len(part) < block + 7 for part in blocks[:-1]) and len(blocks[-1]) < block + 7
    assert sorted(p.name for p in folder.iterdir()) == [END, *(f"spikes_{n:05d}.npy" for n in range(len(blocks)))]
    assert json.loads((folder / END).read_text()) == {"parts": len(blocks), "spikes": len(index), "neurons": 7}
    assert blocks[0].dtype == RECORD


@pytest.mark.parametrize("block", [1, 10, 1000])
def test_all_spikes_are_in_the_files(tmp_path, block):
    assert_all_there(tmp_path / "spikes", "numpy", block)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["cython", "cpp", "openmp"])
def test_all_spikes_are_in_the_files_of_compiled_code(tmp_path, target):
    assert_all_there(tmp_path / "spikes with 'quotes\" in Zürich", target, 10)


def test_a_folder_with_spikes_is_left_alone(tmp_path):
    write_part(tmp_path, 0, np.zeros(3, dtype=RECORD))
    before = (tmp_path / "spikes_00000.npy").read_bytes()
    with pytest.raises(FileExistsError, match="holds spikes of another run; accepted: an empty folder"):
        run(tmp_path, "numpy", 10)
    assert (tmp_path / "spikes_00000.npy").read_bytes() == before


def test_an_unfinished_run_is_not_read(tmp_path):
    write_part(tmp_path, 0, np.zeros(3, dtype=RECORD))
    with pytest.raises(ValueError, match="holds no finished run: spikes.json is not there"):
        read_spikes(tmp_path)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"parts": 2, "spikes": 3}, "holds 1 files of spikes; spikes.json tells of 2"),
        ({"parts": 1, "spikes": 4}, "holds 3 spikes; spikes.json tells of 4"),
    ],
)
def test_missing_spikes_are_noticed(tmp_path, told, message):
    write_part(tmp_path, 0, np.zeros(3, dtype=RECORD))
    (tmp_path / END).write_text(json.dumps(told))
    with pytest.raises(ValueError, match=message):
        read_spikes(tmp_path)


def test_a_block_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise OSError("disk full")

    monkeypatch.setattr(np, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        write_part(tmp_path, 0, np.zeros(3, dtype=RECORD))
    assert list(tmp_path.iterdir()) == []


def test_bad_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match="block = 0; accepted: a whole number from 1"):
        run(tmp_path, "numpy", 0)
