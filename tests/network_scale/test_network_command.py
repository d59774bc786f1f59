"""`memneuro network`: the promised keys, and one line for what cannot be done."""

import json
import sys

import pytest

from memneuro import cli
from memneuro.network.spike_files import read_spikes

CONTRACT = {"seconds", "spikes", "peak_memory_bytes", "estimated_memory_bytes"}


@pytest.mark.parametrize("terminal", [True, False])
def test_json_has_the_promised_keys_and_the_spikes_are_on_disk(capsys, tmp_path, monkeypatch, terminal):
    """And progress is drawn on a terminal, not into a file."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    words = "network --model cuba --neurons 60 --synapses 10 --duration 100ms --backend numpy --json --spikes".split()
    assert cli.main([*words, str(tmp_path / "spikes")]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert CONTRACT < result.keys() and result["neurons"] == 60 and result["backend"] == "numpy"
    assert result["spikes"] == len(read_spikes(tmp_path / "spikes")[0]) > 0
    assert ("60 neurons:" in err and "left" in err) is terminal


def test_the_shortest_run_is_one_step(capsys):
    assert (
        cli.main("network --model cuba --neurons 5 --synapses 1 --duration 0.1ms --backend numpy --json".split()) == 0
    )
    assert json.loads(capsys.readouterr().out)["cv_isi"] is None


@pytest.mark.slow
def test_energies_are_rows_with_other_neurons_beside_them(capsys):
    words = "network --neurons 5 --synapses 2 --duration 2ms --backend numpy --energy".split()
    assert cli.main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert "neuron, a spike" in {row["item"] for row in result["energy"]}
    assert "cortical action potential" in {row["neuron"] for row in result["published_energies"]}
    assert cli.main(words) == 0
    assert "at rest, a neuron" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--neurons 0", "neurons = 0; accepted: a whole number from 1"),
        ("--neurons 100 --synapses 100", "synapses = 100 a neuron with neurons = 100; accepted: fewer"),
        ("--excitatory 1.5", "excitatory = 1.5; accepted: a share from 0 to 1"),
        ("--neurons 1e6 --synapses 1e6", "accepted: fewer synapses than neurons"),
        ("--backend gpu", "backend = 'gpu'; accepted: runtime, numpy, cython, cpp, openmp, cuda"),
        ("--model izhikevich", "model = 'izhikevich'; accepted: memristor, cuba"),
        ("--model cuba --energy", "energy of model = 'cuba'; accepted: 'memristor'"),
        ("--neurons 1.5", "'1.5' is not an integer"),
    ],
)
def test_bad_input_is_one_line(capsys, words, said):
    try:
        status = cli.main(["network", *words.split()])
    except SystemExit as error:  # of the parser itself
        status = error.code
    out, err = capsys.readouterr()
    assert status == 2 and out == "" and said in err.splitlines()[-1]
