"""Physical artificial neurons in Brian2: one diffusive memristor, one transistor, one resistor."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("memneuro")
except PackageNotFoundError:  # the source tree is on the path but was never installed
    __version__ = "0+unknown"

del PackageNotFoundError, version
