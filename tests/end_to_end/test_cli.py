"""The command line as a user meets it: exit status, one clear line for bad input, JSON that stands alone."""

import argparse
import json
import os
import subprocess
import sys

import pytest

from memneuro import cli


def failing(error):
    """A command whose work raises `error`."""

    def run(args):
        raise error

    return run


@pytest.fixture
def command(monkeypatch):
    """Put one command named "work" on the command line; its function is the argument."""

    def install(run):
        def build():
            parser = argparse.ArgumentParser(prog="memneuro")
            parser.add_argument("--debug", action="store_true")
            parser.set_defaults(run=run)
            return parser

        monkeypatch.setattr(cli, "build_parser", build)

    return install


@pytest.mark.parametrize("name", ["reproduce", "score", "doctor"])
def test_help_names_every_command(run_memneuro, name):
    whole = run_memneuro("--help")
    assert whole.returncode == 0 and name in whole.stdout
    assert run_memneuro(name, "--help").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "COMMAND"),
        (("scor",), "'scor'"),
        (("score", "--step", "fast"), "'fast' is not a positive duration"),
        (("score", "--step", "-1us"), "argument --step"),
        (("score", "--step", "0"), "'0' is not a positive duration"),
        (("score", "--step", "10 mV"), "'10 mV' is not a positive duration"),
        (("score", "--seeds", "0"), "'0' is not an integer of at least 1"),
        (("score", "--seeds", "1.5"), "'1.5' is not an integer"),
        (("doctor", "--colour"), "--colour"),
    ],
)
def test_bad_arguments_are_named(run_memneuro, arguments, said):
    done = run_memneuro(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_an_output_that_is_a_file_is_refused_before_any_work(run_memneuro, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    done = run_memneuro("reproduce", "--out", file)
    assert done.returncode == 2
    assert done.stderr == f"memneuro: error: --out must name a folder, and {file} is a file\n"
    assert file.read_text() == "mine"


def test_an_output_below_a_file_is_refused_in_one_line(run_memneuro, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    done = run_memneuro("reproduce", "--out", file / "results")
    assert done.returncode == 2
    assert done.stderr.startswith("memneuro: error: ") and done.stderr.count("\n") == 1


def test_debug_shows_the_traceback(run_memneuro, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    for arguments in (("--debug", "reproduce", "--out", file), ("reproduce", "--debug", "--out", file)):
        done = run_memneuro(*arguments)
        assert done.returncode not in (0, 2)
        assert "Traceback" in done.stderr and "NotADirectoryError" in done.stderr


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("resistance must be positive,\n  got -1 ohm"), "resistance must be positive, got -1 ohm"),
        (
            FileNotFoundError(2, "No such file or directory", "cell.abf"),
            "No such file or directory: cell.abf",
        ),
        (FileNotFoundError("no recording cell.abf"), "no recording cell.abf"),
        (PermissionError(13, "Permission denied", "out"), "Permission denied: out"),
        (ValueError(), "ValueError"),
    ],
)
def test_bad_input_is_one_line_and_status_2(command, capsys, error, line):
    command(failing(error))
    assert cli.main([]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"memneuro: error: {line}\n")
    with pytest.raises(type(error)):
        cli.main(["--debug"])


def test_a_defect_is_not_dressed_up_as_bad_input(command):
    command(failing(ZeroDivisionError("defect")))
    with pytest.raises(ZeroDivisionError):
        cli.main([])


def test_interruption_has_its_own_status(command, capsys):
    command(failing(KeyboardInterrupt()))
    assert cli.main([]) == 130
    assert capsys.readouterr().err == "memneuro: interrupted\n"


def test_a_reader_that_leaves_is_no_error():
    """`memneuro doctor | head -0` ends quietly."""
    read, write = os.pipe()
    os.close(read)
    code = (
        "import sys\nfrom memneuro import cli\n"
        "def run(args):\n    print('x' * 100000)\n    return 0\n"
        "cli.run_doctor = run\n"
        "sys.exit(cli.main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10us", 1e-5),
        ("10 µs", 1e-5),
        ("0.01ms", 1e-5),
        ("1e-5", 1e-5),
        ("1e-5 s", 1e-5),
        ("500ns", 5e-7),
        ("2s", 2),
    ],
)
def test_durations(text, seconds):
    assert cli.duration(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize("text", ["", "us", "10 m", "nan", "inf", "-1us", "0ms", "1..5s", "1e", "10us us"])
def test_bad_durations(text):
    with pytest.raises(argparse.ArgumentTypeError, match="not a positive duration"):
        cli.duration(text)


def test_json_is_one_line_and_chatter_goes_elsewhere(capsys):
    with cli.chatter_to_stderr(True):
        print("integrating")
    cli.show({"mean_log_error": 0.1, "missing": float("nan")}, True, str)
    out, err = capsys.readouterr()
    assert err == "integrating\n"
    assert out.count("\n") == 1 and json.loads(out) == {"mean_log_error": 0.1, "missing": None}


def test_a_score_is_laid_out_as_a_table():
    rows = [
        {"figure": "2e", "condition_value": 0.8, "measured": 88.0, "simulated": 80.0, "error": 0.0953},
        {"figure": "4d", "condition_value": 50.0, "measured": 2.25, "simulated": float("nan"), "error": 3.0},
    ]
    lines = cli.score_text({"mean_log_error": 1.54766, "device": "hopping", "rows": rows}).splitlines()
    assert lines[0].split() == ["figure", "condition_value", "measured", "simulated", "error"]
    assert lines[1].split() == ["2e", "0.8", "88", "80", "0.0953"]
    assert lines[2].split() == ["4d", "50", "2.25", "-", "3"]
    assert lines[-2:] == ["mean_log_error: 1.548", "device: hopping"]
