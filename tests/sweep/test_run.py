"""Sweeps on real clusters of local processes."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from memneuro.cli import main
from memneuro.sweep.point import run_point
from memneuro.sweep.run import SweepUnavailable, run_sweep
from memneuro.sweep.spec import read_sweep

pytest.importorskip("pyarrow")
distributed = pytest.importorskip("dask.distributed")


def test_points_on_workers_are_those_of_this_process(spec, tmp_path):
    path = spec(4)
    result = run_sweep(path, tmp_path / "out", workers=2, progress=False)
    assert result["points"] == result["computed"] == 4
    table = pd.read_parquet(result["table"])
    sweep = read_sweep(path)
    here = pd.DataFrame([run_point(sweep.point(number)) for number in range(4)])
    assert table["spikes_mean"].sum() > 0
    pd.testing.assert_frame_equal(table[here.columns], here.astype(float), check_exact=True)
    bytes_before = result["table"].read_bytes()
    result["table"].unlink()
    again = run_sweep(path, tmp_path / "out", workers=2, progress=False)
    assert again["computed"] == 0 and again["table"].read_bytes() == bytes_before


def test_a_scheduler_by_address(spec, tmp_path, capsys):
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        status = main(
            ["sweep", str(spec(2)), "--out", str(tmp_path / "out"), "--scheduler", cluster.scheduler_address, "--json"]
        )
    found = json.loads(capsys.readouterr().out)
    assert status == 0 and found["computed"] == 2 and found["table"].endswith("sweep.parquet")


def test_an_unreachable_scheduler(spec, tmp_path, monkeypatch):
    monkeypatch.setattr("memneuro.sweep.run.TIMEOUT_S", 1.0)
    with pytest.raises(SweepUnavailable, match=r"scheduler = 'tcp://127\.0\.0\.1:9' did not answer within 1 s"):
        run_sweep(spec(2), tmp_path / "out", scheduler="tcp://127.0.0.1:9", progress=False)


def test_bad_arguments(spec, tmp_path):
    with pytest.raises(ValueError, match="workers = 0"):
        run_sweep(spec(2), tmp_path / "out", workers=0)
    with pytest.raises(ValueError, match="workers = 2 with a scheduler"):
        run_sweep(spec(2), tmp_path / "out", workers=2, scheduler="tcp://127.0.0.1:9")


CLIENT = """
import sys
from memneuro.sweep.run import run_sweep
if __name__ == "__main__":
    run_sweep(sys.argv[1], sys.argv[2], workers=4, progress=False)
"""


def _children(pid):
    """Processes below a process, from /proc."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            if parent == pid:
                found.append(int(entry))
    return found


def _workers(pid):
    """The worker processes of a client: they are children that run Python's spawn entry."""
    found = []
    for child in _children(pid):
        try:
            with open(f"/proc/{child}/cmdline", "rb") as file:
                command = file.read()
        except OSError:
            continue
        if b"spawn_main" in command:
            found.append(child)
    return found


def _wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for the workers in /proc")
def test_killed_workers_and_a_killed_client_lose_nothing(spec, tmp_path):
    """500 points: two of four workers are killed in the first half, the client half way; then it is started again."""
    path = spec(500)
    undisturbed = run_sweep(path, tmp_path / "undisturbed", workers=4, progress=False)
    out = tmp_path / "out"
    script = tmp_path / "client.py"
    script.write_text(CLIENT)
    command = [sys.executable, str(script), str(path), str(out)]

    def done():
        return len(list((out / "points").glob("[!.]*.json"))) if (out / "points").exists() else 0

    client = subprocess.Popen(command)
    try:
        _wait_for(lambda: done() > 60, 300)
        workers = _workers(client.pid)
        assert len(workers) == 4
        for worker in workers[:2]:
            os.kill(worker, signal.SIGKILL)
        _wait_for(lambda: done() > 250, 300)
        assert client.poll() is None and done() < 500
    finally:
        client.kill()
        client.wait()
    before = done()
    _wait_for(lambda: not [worker for worker in workers if os.path.exists(f"/proc/{worker}")], 60)
    again = run_sweep(path, out, workers=4, progress=False)
    assert again["computed"] == 500 - before
    assert again["table"].read_bytes() == undisturbed["table"].read_bytes()
