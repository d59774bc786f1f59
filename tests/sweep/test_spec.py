"""Specs of sweeps: designs and errors."""

import numpy as np
import pytest
from brian2 import Mohm, ms, second, volt

from memneuro.sweep.quantity import quantity
from memneuro.sweep.spec import build, key, read_sweep


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.8 V", 0.8 * volt),
        ("50 Mohm", 50 * Mohm),
        ("1e-3 second", 1 * ms),
        ("2/second", 2 / second),
        ("3", 3),
        (4, 4),
        ("5 mV*ms", 5e-6 * volt * second),
    ],
)
def test_quantities(text, value):
    found = quantity(text, "x")
    assert float(found) == pytest.approx(float(value)) and getattr(found, "dim", None) is getattr(value, "dim", None)


@pytest.mark.parametrize("text", ["V", "1 parsec", "", True, None, "1 V; import os", "--1 V", [1]])
def test_what_is_no_quantity(text):
    with pytest.raises(ValueError, match="x = .*accepted: a number, with a unit"):
        quantity(text, "x")


def test_random_points_lie_within_their_ranges(spec):
    found = read_sweep(spec(200))
    values = np.array(found.points)
    assert found.names == ("r_control", "pulse_amplitude") and values.shape == (200, 2)
    assert (values[:, 0] >= 50e6).all() and (values[:, 0] <= 500e6).all()
    # Log-uniform: half of the points lie below the geometric mean.
    assert abs(np.mean(values[:, 0] < np.sqrt(50e6 * 500e6)) - 0.5) < 4 * 0.5 / np.sqrt(200)
    assert read_sweep(spec(200)).points == found.points


def test_sobol_points_fill_every_cell(spec):
    found = np.array(read_sweep(spec(64, ('"random"', '"sobol"'))).points)
    place = np.column_stack([np.log(found[:, 0] / 50e6) / np.log(10), (found[:, 1] - 0.8) / 0.4])
    cells = np.floor(place * 8).astype(int)
    assert len({tuple(cell) for cell in cells}) == 64
    assert len(read_sweep(spec(5, ('"random"', '"sobol"'))).points) == 5


GRID = ('kind = "random"\npoints = 6\nseed = 3', 'kind = "grid"')
LISTS = (
    'r_control = { low = "50 Mohm", high = "500 Mohm", scale = "log" }\n'
    'pulse_amplitude = { low = "0.8 V", high = "1.2 V" }',
    'r_control = ["50 Mohm", "100 Mohm"]\npulse_amplitude = ["0.8 V", "1 V", "1.2 V"]',
)


def test_a_grid_is_every_combination(spec):
    found = read_sweep(spec(6, GRID, LISTS))
    assert found.points == tuple((r, v) for r in (50e6, 100e6) for v in (0.8, 1.0, 1.2))


def test_a_configuration_has_its_own_key(spec):
    found, other = read_sweep(spec()), read_sweep(spec(6, ("seed = 1", "seed = 2")))
    keys = {key(one.point(number)) for one in (found, other) for number in range(6)}
    assert len(keys) == 12
    neuron, drive = build(found.point(0))
    assert neuron.device.model == "hopping" and float(drive.width) == 1e-3


@pytest.mark.parametrize(
    ("replacement", "message"),
    [
        (('"0.8 V"\nwidth', '"0.8 A"\nwidth'), "amplitude must have the unit"),
        (("r_control =", "r_controll ="), "unknown parameter 'r_controll'; accepted: "),
        (('low = "50 Mohm"', 'low = "50 mV"'), "r_control must have the unit 'ohm'"),
        (('low = "50 Mohm"', 'low = "900 Mohm"'), "accepted: low below high"),
        (('low = "50 Mohm"', 'low = "-5 ohm"'), "must be greater than zero"),
        (('scale = "log"', 'scale = "cubic"'), "scale = 'cubic'; accepted: linear, log"),
        (('"random"', '"latin"'), "design.kind = 'latin'; accepted: grid, random, sobol"),
        (("points = 6", "points = 0"), "design.points = 0"),
        (("trials = 2", "trials = 0"), "run.trials = 0"),
        (("seed = 1", "seed = -1"), "run.seed = -1"),
        (('duration = "40 ms"', 'duration = "40 mV"'), "run.duration = '40 mV'; accepted: a time"),
        (('duration = "40 ms"\n', ""), "run.duration is missing"),
        (('step = "20 us"', 'step = "1 s"'), "run.step = '1 s'; accepted: at most"),
        (('"numpy"', '"abacus"'), "run.backend = 'abacus'; accepted: "),
        (("[drive]", "[driver]"), "unknown section: 'driver'; accepted: neuron, drive, run, design"),
        (('width = "1 ms"', 'wide = "1 ms"'), "unknown entry of .drive.: 'wide'"),
        (('width = "1 ms"\n', ""), "drive.width is missing"),
        (('width = "1 ms"', 'width = "5 ms"'), "is longer than period"),
        (("[drive]", '[neuron]\ndevice = "tin"\n[drive]'), "unknown card 'tin'"),
        (("[drive]", '[neuron]\nv_dd = "1 ohm"\n[drive]'), "v_dd must have the unit"),
        (("[run]", "[run"), "is not TOML"),
        (GRID, "accepted: a list of values"),
    ],
)
def test_bad_specs(spec, replacement, message):
    with pytest.raises(ValueError, match=rf"spec\.toml.*{message}"):
        read_sweep(spec(6, replacement))


def test_no_spec(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_sweep(tmp_path / "nowhere.toml")
