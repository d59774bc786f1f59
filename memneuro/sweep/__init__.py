"""Parameter sweeps on many processes or machines; see :mod:`memneuro.sweep.run`."""
