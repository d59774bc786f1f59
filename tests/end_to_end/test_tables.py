"""Files are whole or absent, and they hold what was written."""

import json

import numpy as np
import pandas as pd
import pytest
from brian2 import mV

from memneuro.tables import atomic_path, jsonable, write_csv, write_json, write_text


def test_a_failure_leaves_neither_a_file_nor_a_remnant(tmp_path):
    with pytest.raises(RuntimeError, match="half way"):
        with atomic_path(tmp_path / "new.csv") as temporary:
            temporary.write_text("half a ta")
            raise RuntimeError("half way")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_old_file(tmp_path):
    path = write_text("old\n", tmp_path / "kept.txt")
    with pytest.raises(RuntimeError):
        with atomic_path(path) as temporary:
            temporary.write_text("new")
            assert path.read_text() == "old\n"
            raise RuntimeError
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_that_cannot_be_written_keeps_the_old_one(tmp_path):
    path = write_csv(pd.DataFrame({"isi_ms": [1.0]}), tmp_path / "table.csv")

    class Unprintable:
        def __str__(self):
            raise RuntimeError("no text for this")

        __repr__ = __str__

    with pytest.raises(RuntimeError):
        write_csv(pd.DataFrame({"isi_ms": [1.0, Unprintable()]}), path)
    assert path.read_text() == "isi_ms\n1.0\n"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_name_keeps_the_extension(tmp_path):
    with atomic_path(tmp_path / "figure.png") as temporary:
        assert temporary.suffix == ".png" and temporary.parent == tmp_path
        temporary.write_bytes(b"x")
    assert (tmp_path / "figure.png").read_bytes() == b"x"


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        with atomic_path(tmp_path / "nothing.txt"):
            pass


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(IsADirectoryError, match="a folder of that name"):
        write_text("text", tmp_path)


def test_parent_folders_are_made(tmp_path):
    assert write_text("text", tmp_path / "a" / "b.txt").read_text() == "text"


def test_csv_keeps_every_digit(tmp_path):
    frame = pd.DataFrame({"isi_ms": [0.1 + 0.2, 1e-300, np.nan], "cell": ["a", "b,c", 'd"e']})
    path = write_csv(frame, tmp_path / "isi.csv")
    pd.testing.assert_frame_equal(pd.read_csv(path), frame, check_dtype=False)
    assert b"\r" not in path.read_bytes()


@pytest.mark.parametrize(
    ("frame", "error", "said"),
    [
        ({"a": [1]}, TypeError, "got dict"),
        (pd.DataFrame([[1, 2]], columns=["v", "v"]), ValueError, "got twice: v"),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), ValueError, "MultiIndex"),
    ],
)
def test_tables_that_are_not_tidy_are_refused(tmp_path, frame, error, said):
    with pytest.raises(error, match=said):
        write_csv(frame, tmp_path / "table.csv")
    assert list(tmp_path.iterdir()) == []


def test_json_holds_plain_values(tmp_path):
    value = {
        "rows": pd.DataFrame({"figure": ["2e"], "error": [np.nan]}),
        "counts": np.array([1, 2]),
        "mean": np.float64(0.5),
        "single": np.float32(0.5),
        "endless": np.inf,
        "n": np.int64(3),
        "used": np.bool_(True),
        4: (None, "text"),
    }
    path = write_json(value, tmp_path / "result.json")
    assert json.loads(path.read_text()) == {
        "rows": [{"figure": "2e", "error": None}],
        "counts": [1, 2],
        "mean": 0.5,
        "single": 0.5,
        "endless": None,
        "n": 3,
        "used": True,
        "4": [None, "text"],
    }


def test_json_does_not_drop_a_unit(tmp_path):
    for value in (5 * mV, np.array([1.0, 2.0]) * mV):
        with pytest.raises(TypeError, match="unit"):
            jsonable({"threshold": value})
    assert jsonable({"threshold_mV": 5 * mV / mV}) == {"threshold_mV": pytest.approx(5)}


def test_json_refuses_what_it_cannot_hold():
    with pytest.raises(TypeError, match="set"):
        jsonable({"names": {"a"}})
