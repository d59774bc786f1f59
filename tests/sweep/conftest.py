"""A small sweep in a file."""

import pytest

SPEC = """
[drive]
amplitude = "0.8 V"
width = "1 ms"
period = "2 ms"

[run]
duration = "40 ms"
trials = 2
seed = 1
step = "20 us"
backend = "numpy"

[design]
kind = "random"
points = {points}
seed = 3

[design.parameters]
r_control = {{ low = "50 Mohm", high = "500 Mohm", scale = "log" }}
pulse_amplitude = {{ low = "0.8 V", high = "1.2 V" }}
"""


@pytest.fixture
def spec(tmp_path):
    """Write a spec of so many points, with replacements, and return its path."""

    def write(points=6, *replacements):
        text = SPEC.format(points=points)
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "spec.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def full_disk():
    """Within it no file can grow beyond 4 kB: the system refuses the write, as a full disk does."""
    import resource
    import signal
    from contextlib import contextmanager

    @contextmanager
    def limited():
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)

    return limited
