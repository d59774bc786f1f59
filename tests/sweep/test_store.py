"""Results on disk: whole or not there, in the order of the design."""

import errno
import json

import pandas as pd
import pytest

from memneuro.sweep.spec import read_sweep
from memneuro.sweep.store import Store

pytest.importorskip("pyarrow")


def result(number):
    return {"spikes_mean": float(number), "first_ms": None if number == 2 else 1.0}


def test_a_table_in_the_order_of_the_design(spec, tmp_path):
    sweep, store = read_sweep(spec(4)), Store(tmp_path / "out")
    for number in (3, 1, 0, 2):
        store.save(sweep.point(number), result(number))
    found = pd.read_parquet(store.table(sweep))
    assert found["point"].tolist() == [0, 1, 2, 3] and found["spikes_mean"].tolist() == [0, 1, 2, 3]
    assert found["r_control"].tolist() == [point[0] for point in sweep.points]
    assert found["first_ms"].isna().tolist() == [False, False, True, False]


def test_a_damaged_result_counts_as_none(spec, tmp_path):
    sweep, store = read_sweep(spec(1)), Store(tmp_path / "out")
    point = sweep.point(0)
    store.save(point, result(0))
    whole = store.path(point).read_text()
    for text in (whole[:-10], whole.replace("0.0", "9.0"), "", "[1]", "{}"):
        store.path(point).write_text(text)
        assert store.load(point) is None
    with pytest.raises(ValueError, match="point 0 has no result"):
        store.table(sweep)
    assert not (tmp_path / "out" / "sweep.parquet").exists()


def test_a_full_disk_leaves_what_was_there(spec, tmp_path, full_disk):
    sweep, store = read_sweep(spec(2)), Store(tmp_path / "out")
    store.save(sweep.point(0), result(0))
    with full_disk(), pytest.raises(OSError) as caught:
        store.save(sweep.point(1), {**result(1), "padding": "x" * 100_000})
    assert caught.value.errno in (errno.ENOSPC, errno.EFBIG)
    assert store.load(sweep.point(0)) == result(0) and store.load(sweep.point(1)) is None
    assert len(list((tmp_path / "out" / "points").iterdir())) == 1
    json.loads(store.path(sweep.point(0)).read_text())
