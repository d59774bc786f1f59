"""Recordings for the tests, and a writer of small ABF files with a chosen fault."""

import struct
from pathlib import Path

import numpy as np
import pytest

from memneuro.biology import Recording, RecordingUnavailable
from memneuro.biology.recordings import load
from memneuro.biology.registry import find, locate


@pytest.fixture
def recorded():
    """Load a recording that is already on this machine; skip the test when it is not."""

    def get(name: str, protocol: str = "current_steps") -> Recording:
        try:
            locate(find(name, protocol)[1], download=False)
        except RecordingUnavailable as error:
            pytest.skip(str(error))
        return load(name, protocol)

    return get


@pytest.fixture
def write_abf1():
    """The writer `_write_abf1`."""
    return _write_abf1


def _write_abf1(
    path: Path, channels: list[tuple[str, np.ndarray]], rate_hz: float = 10_000.0, offset: float = 0.0
) -> Path:
    """Write an ABF 1 file of 16-bit samples with the given (unit, samples[sweep, sample]) channels.

    Only the header fields that locate, count and scale the samples are set; there is no command waveform. An
    `offset` that is not a number makes every sample so.
    """
    sweeps, points = channels[0][1].shape
    header = bytearray(4 * 512 + 4096)
    blocks = len(header) // 512
    total = sweeps * points * len(channels)
    for code, position, value in (
        ("4s", 0, b"ABF "),
        ("f", 4, 1.83),
        ("h", 8, 5),  # episodic
        ("i", 10, total),
        ("i", 16, sweeps),
        ("i", 40, blocks),
        ("h", 100, 0),  # 16-bit integers
        ("h", 120, len(channels)),
        ("f", 122, 1e6 / rate_hz / len(channels)),
        ("i", 138, points * len(channels)),
        ("f", 244, 10.0),
        ("i", 252, 2**15),
    ):
        struct.pack_into(code, header, position, value)
    raw = np.empty((sweeps, points, len(channels)), dtype="<i2")
    for k, (unit, values) in enumerate(channels):
        scale = 32_000 / max(float(np.max(np.abs(values))), 1e-9)
        struct.pack_into("h", header, 378 + 2 * k, k)
        struct.pack_into("h", header, 410 + 2 * k, k)
        struct.pack_into("10s", header, 442 + 10 * k, f"channel {k}".encode())
        struct.pack_into("8s", header, 602 + 8 * k, unit.ljust(8).encode())
        struct.pack_into("f", header, 730 + 4 * k, 1.0)
        struct.pack_into("f", header, 922 + 4 * k, scale * 10 / 2**15)
        struct.pack_into("f", header, 986 + 4 * k, offset)
        struct.pack_into("f", header, 1050 + 4 * k, 1.0)
        raw[:, :, k] = np.round(values * scale)
    path.write_bytes(bytes(header) + raw.tobytes())
    return path
