"""The command line: `memneuro reproduce | score | doctor | bench | compare | speech | network | sweep |
fit-device | explore | materials | range`.

A sub-command is one function `(args) -> int` that returns the exit status. It imports what it needs itself,
so that `memneuro --help` answers at once. Adding a command means adding one such function and one `_add_...`
function.

With `--json` the last line on standard output is one JSON object and nothing else is printed there. Bad input
(an error of type ValueError or OSError) gives one line on standard error and exit status 2, and so does a
backend that cannot be used here; `--debug` shows the traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from memneuro import __version__

BAD_INPUT = 2
INTERRUPTED = 130

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9, "": 1.0}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 2 bad input, 130 interrupted, 1 anything else."""
    args = build_parser().parse_args(argv)
    try:
        status = args.run(args)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader went away, as in `memneuro score | head`: give the interpreter somewhere to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except _bad_input() as error:
        if args.debug:
            raise
        print(f"memneuro: error: {one_line(error)}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        if args.debug:
            raise
        print("memneuro: interrupted", file=sys.stderr)
        return INTERRUPTED


def _bad_input() -> tuple[type[Exception], ...]:
    """Errors that are one line for the user; that of a backend only where a command has loaded what may raise it."""
    module = sys.modules.get("memneuro.backend.unavailable")
    return (ValueError, OSError) if module is None else (ValueError, OSError, module.BackendUnavailable)


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    # Accepted after the command too; without a default there, so that it does not undo the one given before.
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks")
    parser = argparse.ArgumentParser(
        prog="memneuro",
        description="Physical artificial neurons in Brian2: a diffusive memristor, a transistor, a resistor.",
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.add_argument("--version", action="version", version=f"memneuro {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_reproduce(commands, common)
    _add_score(commands, common)
    _add_doctor(commands, common)
    _add_bench(commands, common)
    _add_compare(commands, common)
    _add_speech(commands, common)
    _add_network(commands, common)
    _add_sweep(commands, common)
    _add_fit_device(commands, common)
    _add_explore(commands, common)
    _add_materials(commands, common)
    _add_range(commands, common)
    return parser


def _add_reproduce(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "reproduce",
        parents=[common],
        help="the six characteristics beside the published measurements, as tables, figures and a report",
    )
    parser.add_argument("--fast", action="store_true", help="fewer trials and seeds: a look, not a result")
    parser.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR", help="folder of the results (default: %(default)s)"
    )
    parser.set_defaults(run=run_reproduce)


def run_reproduce(args: argparse.Namespace) -> int:
    """Write every table, figure and the report below `--out`.

    Raises
    ------
    NotADirectoryError
        If `--out` is a file.
    """
    if args.out.exists() and not args.out.is_dir():
        raise NotADirectoryError(f"--out must name a folder, and {args.out} is a file")
    args.out.mkdir(parents=True, exist_ok=True)
    from memneuro.reproduce import reproduce

    report = reproduce(args.out, args.fast)
    print(f"report: {report}")
    return 0


def _add_score(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "score", parents=[common], help="each published measurement beside the simulated value"
    )
    parser.add_argument("--device", default="hopping", metavar="NAME", help="device model (default: %(default)s)")
    parser.add_argument(
        "--step", type=duration, metavar="S", help="time step such as 10us; a bare number is in seconds"
    )
    parser.add_argument(
        "--seeds",
        type=positive_integer,
        default=3,
        metavar="N",
        help="seeds to average over (default: %(default)s)",
    )
    parser.add_argument(
        "--cross-validated",
        action="store_true",
        help="also each measurement with devices that were calibrated without it",
    )
    parser.add_argument(
        "--all", action="store_true", help="every device model in one table, at its step and at half of it (an hour)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE.csv", help="with --all: table that is written model by model, and resumed"
    )
    _add_json(parser)
    parser.set_defaults(run=run_score)


def run_score(args: argparse.Namespace) -> int:
    """Print how far one device model is from the published measurements.

    Raises
    ------
    ValueError
        For options that do not go together, or an unknown device.
    """
    if args.all:
        return _run_score_all(args)
    if args.out is not None:
        raise ValueError(f"--out {args.out} is accepted with --all only")
    with chatter_to_stderr(args.json):
        from brian2 import second

        from memneuro.experiment.score import score

        step = None if args.step is None else args.step * second
        held: dict[str, Any] = {}
        if args.cross_validated:
            from memneuro.experiment.held_out import held_out, stored_devices

            # First: a model without this test is refused before anything else is simulated.
            held = held_out(stored_devices(args.device), step=step, seeds=args.seeds)
        result = score(args.device, step, args.seeds) | held
    show(result, args.json, score_text)
    return 0


def _run_score_all(args: argparse.Namespace) -> int:
    if args.step is not None or args.device != "hopping" or args.cross_validated:
        raise ValueError(
            "--all scores every model at its own step; --device, --step and --cross-validated are not accepted with it"
        )
    with chatter_to_stderr(args.json):
        from memneuro.experiment.model_table import model_table

        table = model_table(seeds=args.seeds, out=args.out, progress=True)
    result = {"models": table.to_dict(orient="records")}
    show(result, args.json, lambda found: table.to_string(index=False, float_format="{:.3g}".format))
    return 0


def score_text(result: Mapping[str, Any]) -> str:
    """Lay out a score as a table, with the single values below it."""
    import pandas as pd

    rows = pd.DataFrame(result["rows"]).to_string(index=False, na_rep="-", float_format="{:.4g}".format)
    singles = [f"{key}: {_short(value)}" for key, value in result.items() if not isinstance(value, (list, dict))]
    parts = [rows]
    if result.get("shape"):
        table = pd.DataFrame(result["shape"]).to_string(index=False, na_rep="-", float_format="{:.4g}".format)
        parts.append(f"what must hold between and beyond the measurements\n{table}")
    if result.get("held_out_rows"):
        table = pd.DataFrame(result["held_out_rows"]).to_string(index=False, float_format="{:.4g}".format)
        parts.append(f"each measurement with devices that were calibrated without it\n{table}")
    if result.get("energy"):
        table = pd.DataFrame(result["energy"]).to_string(index=False, na_rep="-", float_format="{:.4g}".format)
        parts.append(f"energy per spike (not in the score)\n{table}")
    if result.get("traits"):
        table = pd.DataFrame(result["traits"]).to_string(index=False, na_rep="-", float_format="{:.4g}".format)
        parts.append(f"the six characteristics, in the neuron's own units of drive and time\n{table}")
    beside = result.get("beside", {})
    singles += [f"{name}: mean_log_error {_short(found['mean_log_error'])}" for name, found in beside.items()]
    return "\n\n".join([*parts, "\n".join(singles)])


def _add_doctor(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "doctor", parents=[common], help="what works on this machine, what is missing and how to get it"
    )
    _add_json(parser)
    parser.set_defaults(run=run_doctor)


def run_doctor(args: argparse.Namespace) -> int:
    """Print the state of this machine; the status is 1 where not even the NumPy target works."""
    from memneuro.doctor import doctor, doctor_text

    result = doctor()
    show(result, args.json, doctor_text)
    return 0 if result["backends"]["numpy"]["usable"] else 1


#: What can be measured: the module below memneuro.bench, and whether `--neurons` is its size.
BENCHMARKS = {
    "step": "the time of one step: stock Brian2, this package, a hand-written program",
    "targets": "spikes and speed on every target",
    "network": "cost of a step, memory and build time over the number of neurons",
    "accuracy": "the step and the time an integrator needs for a spike time right to 1 %%",
}


def _add_bench(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("bench", parents=[common], help="measure speed and accuracy on this machine")
    kinds = parser.add_subparsers(metavar="WHAT", required=True)
    for kind, text in BENCHMARKS.items():
        one = kinds.add_parser(kind, parents=[common], help=text)
        if kind != "accuracy":
            one.add_argument(
                "--neurons", type=positive_integer, metavar="N", help="number of neurons (network: the largest)"
            )
        if kind == "targets":
            one.add_argument(
                "--duration", type=duration, default=1.0, metavar="T", help="model time such as 200ms (default: 1s)"
            )
        one.add_argument("--csv", type=Path, metavar="FILE", help="also write the rows to a CSV file")
        _add_json(one)
        one.set_defaults(run=run_bench, kind=kind)


def run_bench(args: argparse.Namespace) -> int:
    """Run one benchmark and print its table."""
    from importlib import import_module

    with chatter_to_stderr(args.json):
        module = import_module(f"memneuro.bench.{args.kind}")
        given = {"neurons": getattr(args, "neurons", None), "duration": getattr(args, "duration", None)}
        options = {name: value for name, value in given.items() if value is not None}
        result = getattr(module, f"bench_{args.kind}")(**options)
    if args.csv is not None:
        import pandas as pd

        from memneuro.tables import write_csv

        write_csv(pd.DataFrame(result["rows"]).assign(**result["machine"]), args.csv)
    show(result, args.json, getattr(module, f"{args.kind}_text"))
    return 0


def _add_compare(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "compare",
        parents=[common],
        help="a recorded cell beside the memristor neuron and reference neurons, tested on held-out data",
    )
    parser.add_argument("recording", metavar="RECORDING", help="a known name such as raphe/DRN159, or a file")
    parser.add_argument("--test", type=Path, metavar="FILE", help="repeats of another noise, for a RECORDING in a file")
    parser.add_argument("--models", type=names, metavar="A,B", help="some models only, by name")
    parser.add_argument("--refit", action="store_true", help="fit anew where the package holds fits of the recording")
    parser.add_argument(
        "--seeds", type=positive_integer, default=3, metavar="N", help="fits of each model (default: %(default)s)"
    )
    parser.add_argument(
        "--generations", type=positive_integer, metavar="N", help="budget of a new fit (default: that of the package)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="keep searches, fits and the table here; resumes what it finds"
    )
    parser.add_argument(
        "--processes", type=positive_integer, metavar="N", help="models at a time (default: one a core)"
    )
    _add_json(parser)
    parser.set_defaults(run=run_compare)


def run_compare(args: argparse.Namespace) -> int:
    """Print how well each model predicts the spikes of a recorded cell."""
    with chatter_to_stderr(args.json):
        from memneuro.biology.fit.compare import compare, compare_text

        options = {} if args.generations is None else {"generations": args.generations}
        result = compare(
            args.recording,
            test=args.test,
            models=args.models,
            seeds=tuple(range(1, args.seeds + 1)),
            refit=args.refit,
            folder=args.out,
            processes=args.processes,
            **options,
        )
    show(result, args.json, compare_text)
    return 0


def _add_speech(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("speech", parents=[common], help="spoken digits: encode, train, evaluate, ablate")
    kinds = parser.add_subparsers(metavar="WHAT", required=True)
    texts = {
        "encode": "words to spikes of a cochlea, kept in the cache",
        "train": "train a network for each fold",
        "evaluate": "accuracy on the words that were held out, by default with the networks of the package",
        "ablate": "train networks without each of the six traits",
    }
    for what, text in texts.items():
        one = kinds.add_parser(what, parents=[common], help=text)
        one.add_argument(
            "--dataset",
            choices=("fsdd", "shd"),
            default="fsdd",
            help="Free Spoken Digits or Spiking Heidelberg Digits (default: %(default)s)",
        )
        one.add_argument(
            "--split",
            choices=("official", "loso"),
            default="official",
            help="test on the published test words, or on each speaker in turn, fsdd only (default: %(default)s)",
        )
        one.add_argument("--data", type=Path, metavar="DIR", help="folder of the data set (default: find or download)")
        if what != "evaluate":
            one.add_argument(
                "--copies", type=int, default=6, metavar="N", help="augmented copies of a word (default: %(default)s)"
            )
        if what == "train":
            one.add_argument(
                "--kind", default="memristor", help="memristor, lif or adaptive_lif (default: %(default)s)"
            )
        if what in ("train", "ablate"):
            one.add_argument(
                "--out",
                type=Path,
                default=Path("speech"),
                metavar="DIR",
                help="folder of the networks; resumes what it finds (default: %(default)s)",
            )
            one.add_argument(
                "--seeds", type=positive_integer, default=3, metavar="N", help="networks a fold (default: %(default)s)"
            )
            one.add_argument("--folds", type=names, metavar="A,B", help="some folds only, by name")
            one.add_argument(
                "--epochs",
                type=positive_integer,
                default=16,
                metavar="N",
                help="most passes over the training words (default: %(default)s)",
            )
            one.add_argument(
                "--neurons",
                type=positive_integer,
                default=256,
                metavar="N",
                help="neurons of the network (default: %(default)s)",
            )
        if what == "ablate":
            one.add_argument("--variants", type=names, metavar="A,B", help="some of the traits only, by name")
        if what == "evaluate":
            one.add_argument("--kind", default="all", help="svm, lif, adaptive_lif or memristor (default: %(default)s)")
            one.add_argument("--out", type=Path, metavar="DIR", help="trained networks (default: those of the package)")
            one.add_argument("--seeds", type=positive_integer, metavar="N", help="networks a fold (default: all)")
            one.add_argument(
                "--deploy", action="store_true", help="also run the memristor networks in Brian2 with full equations"
            )
            one.add_argument(
                "--backend",
                choices=("cython", "cpp", "openmp", "cuda"),
                default="cpp",
                help="with --deploy: where it runs (default: %(default)s)",
            )
            one.add_argument(
                "--energy",
                action="store_true",
                help="with --deploy: also the energy of a word; twice as slow",
            )
            one.add_argument("--robust", action="store_true", help="also with other devices, temperatures and noise")
        _add_json(one)
        one.set_defaults(run=run_speech, what=what)


def run_speech(args: argparse.Namespace) -> int:
    """Encode, train, evaluate or ablate.

    Raises
    ------
    ValueError
        If PyTorch is not installed.
    """
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise ValueError('speech needs PyTorch: pip install "memneuro[speech]"') from error
    from memneuro.speech import command

    with chatter_to_stderr(args.json):
        result = getattr(command, args.what)(args)
    show(result, args.json, command.text)
    return 0


def _add_network(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "network", parents=[common], help="a large balanced network of excitatory and inhibitory neurons"
    )
    parser.add_argument(
        "--neurons", type=whole, default=10_000, metavar="N", help="number of neurons (default: %(default)s)"
    )
    parser.add_argument(
        "--synapses", type=whole, default=100, metavar="K", help="inputs a neuron (default: %(default)s)"
    )
    parser.add_argument(
        "--duration", type=duration, default=1.0, metavar="T", help="model time such as 200ms (default: 1s)"
    )
    parser.add_argument("--backend", default="cpp", metavar="B", help="as in memneuro.backend (default: %(default)s)")
    parser.add_argument("--threads", type=positive_integer, metavar="N", help="of the backend openmp")
    parser.add_argument("--model", default="memristor", metavar="NAME", help="memristor or cuba (default: %(default)s)")
    parser.add_argument(
        "--excitatory", type=float, default=0.8, metavar="SHARE", help="of neurons and of inputs (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=whole, default=0, metavar="S", help="of wiring, start and noise (default: %(default)s)"
    )
    parser.add_argument("--step", type=duration, metavar="S", help="time step such as 10us (default: the model's)")
    parser.add_argument("--spikes", type=Path, metavar="DIR", help="write all spikes to this folder, in blocks")
    parser.add_argument("--energy", action="store_true", help="also where the energy goes, beside other neurons")
    _add_json(parser)
    parser.set_defaults(run=run_network)


def run_network(args: argparse.Namespace) -> int:
    """Run a network and print what it did, how long it took and how much memory it held."""
    with chatter_to_stderr(args.json):
        from memneuro.network.command import network, network_text

        result = network(
            args.neurons,
            args.synapses,
            args.duration,
            backend=args.backend,
            threads=args.threads,
            model=args.model,
            excitatory=args.excitatory,
            seed=args.seed,
            step_s=args.step,
            spikes_to=args.spikes,
            energy=args.energy,
        )
    show(result, args.json, network_text)
    return 0


def _add_sweep(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "sweep",
        parents=[common],
        help="a parameter sweep on local processes or a Dask cluster; goes on where it stopped",
    )
    parser.add_argument("spec", type=Path, metavar="SPEC.toml", help="see memneuro.sweep.spec")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the results (default: the spec's name)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="such as tcp://10.0.0.1:8786 (default: local processes)")
    parser.add_argument("--workers", type=positive_integer, metavar="N", help="local processes (default: one a core)")
    _add_json(parser)
    parser.set_defaults(run=run_sweep)


def run_sweep(args: argparse.Namespace) -> int:
    """Run a sweep and print where its table is."""
    with chatter_to_stderr(args.json):
        from memneuro.sweep.run import run_sweep as run
        from memneuro.sweep.run import sweep_text

        out = args.spec.with_suffix("") if args.out is None else args.out
        result = run(args.spec, out, scheduler=args.scheduler, workers=args.workers)
    show(result, args.json, sweep_text)
    return 0


def _add_fit_device(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "fit-device", parents=[common], help="a card with confidence ranges from your own device measurement"
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE.csv", help="sweeps, pulses or samples, with units in the header"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="card, report and figure (default: the file's name)")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="QUANTITY=COLUMN:UNIT",
        help="what a column holds, such as voltage=V1:mV; may be repeated",
    )
    parser.add_argument(
        "--criterion",
        default="10nA",
        metavar="CURRENT",
        help='current that counts as on, such as 10nA or 1e-8 (ampere), or "half" of what a pulse ends with '
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--kind", choices=("sweeps", "pulses", "samples"), help="what the file holds, where its columns do not tell"
    )
    parser.add_argument("--model", choices=("threshold", "hopping"), help="where the data are for both")
    parser.add_argument("--template", metavar="CARD", help="card whose values are kept where the data do not tell")
    _add_json(parser)
    parser.set_defaults(run=run_fit_device)


def run_fit_device(args: argparse.Namespace) -> int:
    """Fit a card to a file and print what was found."""
    with chatter_to_stderr(args.json):
        from memneuro.device_fit.command import fit_device, fit_device_text
        from memneuro.device_fit.read import parse_criterion, parse_mapping

        result = fit_device(
            args.file,
            args.out,
            mapping=parse_mapping(args.map),
            criterion=parse_criterion(args.criterion),
            kind=args.kind,
            model=args.model,
            template=args.template,
        )
    show(result, args.json, fit_device_text)
    return 0


def _add_explore(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "explore", parents=[common], help="one HTML page on which sliders move the neuron's traces and f-I curve"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("explore.html"), metavar="FILE.html", help="the page (default: %(default)s)"
    )
    parser.add_argument("--device", default="hopping", metavar="NAME", help="device or card (default: %(default)s)")
    parser.set_defaults(run=run_explore)


def run_explore(args: argparse.Namespace) -> int:
    """Write the page and print where it is."""
    from memneuro.explore.page import write_page

    print(f"page: {write_page(args.out, args.device)}")
    return 0


def _add_materials(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "materials",
        parents=[common],
        help="every device card: simulated, measured, published, fitted or guessed; and the scaling projections",
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="device cards (default: all but ag_particles_100; four minutes on one core)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="also write the tables as CSV and Markdown")
    _add_json(parser)
    parser.set_defaults(run=run_materials)


def run_materials(args: argparse.Namespace) -> int:
    """Print the table of devices and the projections."""
    with chatter_to_stderr(args.json):
        from memneuro.experiment.materials import materials, materials_text

        result = materials(args.names or None, args.out)
    show(result, args.json, materials_text)
    return 0


def names(text: str) -> list[str]:
    """Read names separated by commas.

    Raises
    ------
    argparse.ArgumentTypeError
        If there is none.
    """
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} holds no name; accepted: names separated by commas")
    return found


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def show(result: Mapping[str, Any], as_json: bool, text: Callable[[Mapping[str, Any]], str]) -> None:
    """Print a result: with `as_json` as one JSON object on one line, else as `text` lays it out.

    Parameters
    ----------
    result : mapping of str to object
        What a command found.
    as_json : bool
        Whether to print JSON.
    text : callable
        Turns `result` into text.
    """
    if not as_json:
        print(text(result))
        return
    from memneuro.tables import jsonable

    print(json.dumps(jsonable(result), allow_nan=False))


@contextlib.contextmanager
def chatter_to_stderr(wanted: bool) -> Iterator[None]:
    """Send what the block prints to standard error, so that standard output is left for the JSON object."""
    with contextlib.redirect_stdout(sys.stderr) if wanted else contextlib.nullcontext():
        yield


def one_line(error: BaseException) -> str:
    """Put an error's message on one line, without Python's error numbers."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.strerror}: {error.filename}"
    return " ".join(str(error).split()) or type(error).__name__


def _add_range(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "range", parents=[common], help="between which drives a neuron keeps firing, how fast, and what ends it"
    )
    parser.add_argument(
        "--device", default="hopping", metavar="NAME", help="device model or card (default: %(default)s)"
    )
    parser.add_argument(
        "--circuit", default="discrete_2025", metavar="NAME", help="circuit card (default: %(default)s)"
    )
    parser.add_argument(
        "--drive",
        choices=("constant", "pulses"),
        default="constant",
        help="constant voltage, or pulses of --width every --period (default: %(default)s)",
    )
    parser.add_argument(
        "--width", type=duration, default=1e-3, metavar="T", help="length of a pulse such as 1ms, the default"
    )
    parser.add_argument(
        "--period", type=duration, default=2e-3, metavar="T", help="from one pulse to the next such as 2ms, the default"
    )
    parser.add_argument(
        "--trials",
        type=positive_integer,
        default=20,
        metavar="N",
        help="neurons at each amplitude (default: %(default)s)",
    )
    parser.add_argument("--no-noise", action="store_true", help="one neuron without noise at each amplitude")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the noise (default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="table of all amplitudes")
    _add_json(parser)
    parser.set_defaults(run=run_range)


def run_range(args: argparse.Namespace) -> int:
    """Print the operating range of one neuron."""
    with chatter_to_stderr(args.json):
        from brian2 import second, volt

        from memneuro.circuit.drive import PulseTrain
        from memneuro.circuit.one_m1t1r import OneM1T1R
        from memneuro.experiment.operating_range import operating_range, range_summary
        from memneuro.tables import with_ending, write_csv

        if args.out is not None:
            with_ending(args.out, ".csv")
        train = PulseTrain(0.5 * volt, args.width * second, args.period * second)
        neuron = OneM1T1R(args.device, args.circuit)
        table = operating_range(
            neuron,
            drive=train if args.drive == "pulses" else None,
            trials=args.trials,
            noise=not args.no_noise,
            seed=args.seed,
            progress="range",
        )
        if args.out is not None:
            write_csv(table, args.out)
        summary = range_summary(table).to_dict()
    result = {"neuron": repr(neuron), "drive": args.drive, **summary, "rows": table.to_dict(orient="records")}
    show(result, args.json, _range_text)
    return 0


def _range_text(result: Mapping[str, Any]) -> str:
    """The amplitudes at which the neuron fires, and the range in one line."""
    import pandas as pd

    table = pd.DataFrame(result["rows"])
    fired = table[(table["state"] != "silent") | table["in_range"]]
    text = fired.to_string(index=False, na_rep="-", float_format="{:.4g}".format)
    line = (
        f"{result['neuron']}, {result['drive']}: sustained from {result['rheobase']:.3g} to {result['largest']:.3g} V "
        f"(ratio {result['ratio']:.3g}), {result['rate_low_hz']:.3g} to {result['rate_high_hz']:.3g} Hz; "
        f"beyond it: {result['ended_by']}"
    )
    return f"{text}\n\n{line}"


def duration(text: str) -> float:
    """Read a positive duration such as "10us", "0.01 ms" or "1e-5" (seconds) and return it in seconds.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is no such duration.
    """
    match = re.fullmatch(r"([-+.0-9eE]+?)\s*(s|ms|us|µs|μs|ns|)", text.strip())
    try:
        value = float(match[1]) * _SECONDS[match[2]] if match else float("nan")
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive duration such as 10us, 0.01ms or 1e-5 (seconds)")
    return value


def positive_integer(text: str) -> int:
    """Read an integer of at least 1.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none.
    """
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of at least 1")
    return value


def whole(text: str) -> int:
    """Read an integer, also in the form 1e6.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none.
    """
    try:
        value = float(text)
        if value.is_integer():
            return int(value)
    except (ValueError, OverflowError):
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not an integer")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
