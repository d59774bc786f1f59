"""Which recordings are known, where they come from, and how to get one onto this machine.

The package carries no recording. A file is looked for

1. in the folder named by the environment variable ``MEMNEURO_DATA``, when that is set, and nowhere else;
2. otherwise in the download cache (``pooch.os_cache("memneuro")``);
3. otherwise it is downloaded into that cache from the address below.

In each case its SHA-256 must be the one written here. The download goes to a temporary name and is renamed
when complete.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pooch
from brian2 import Mohm, Quantity, ms, pA, pF

__all__ = [
    "DATA_VARIABLE",
    "RECORDINGS",
    "RecordingEntry",
    "RecordingFile",
    "RecordingUnavailable",
    "UnknownRecording",
    "UnusableRecording",
    "default_cache",
    "find",
    "locate",
    "recording_names",
]

DATA_VARIABLE = "MEMNEURO_DATA"

# github.com resolves the abbreviated commit; whether the file is the right one, the checksum decides.
_RAPHE_ADDRESS = "https://github.com/apayeur/GIF-K/raw/36228df/data/eighth_set/"
_PATCH_CLAMP_ADDRESS = (
    "https://raw.githubusercontent.com/swharden/pyABF/3ad9cd6f2cdfe79bc1978736ab46314866ca1c4c/data/abfs/"
)


class RecordingUnavailable(FileNotFoundError):
    """The recording is not on this machine and could not be downloaded; the message says how to get it."""


class UnknownRecording(ValueError):
    """No recording, or no protocol of that recording, has this name; the message lists those that exist."""


class UnusableRecording(ValueError):
    """The file is there but cannot be used; the message says whether it is damaged or what it lacks."""


@dataclass(frozen=True)
class RecordingFile:
    """One published file.

    Attributes
    ----------
    path : str
        Where it lies under the data folder or the cache.
    address : str
        Where it is downloaded from.
    sha256 : str
        Its checksum.
    size : int
        Its size in bytes.
    """

    path: str
    address: str
    sha256: str
    size: int


@dataclass(frozen=True)
class RecordingEntry:
    """One recorded cell.

    Attributes
    ----------
    name : str
        For example ``raphe/DRN159``.
    files : Mapping[str, RecordingFile]
        One file per protocol.
    source, licence : str
        Where it was published and under which licence.
    traps : tuple of str
        What is easily got wrong about it.
    metadata : Mapping[str, Quantity (any unit) or str]
        What its authors noted about the cell.
    """

    name: str
    files: MappingProxyType[str, RecordingFile]
    source: str
    licence: str
    traps: tuple[str, ...]
    metadata: MappingProxyType[str, Quantity | str]


_RAPHE_SOURCE = "github.com/apayeur/GIF-K at commit 36228df, data/eighth_set"
_RAPHE_TRAPS = (
    "The channel names are exchanged ('Im RIGHT' is the voltage, 'Vm RIGHT' the current): choose channels by unit.",
    "The voltage is not compensated for the access resistance: it contains about R_a times the injected current.",
    "The noise drives the recorded voltage down to between -108 and -138 mV.",
    "current_steps: the step lasts 1 s and is preceded by a test pulse of -10 pA for 1 s; "
    "the current includes a holding current, not the one noted for the cell.",
    "test, training: the first and last 1/64 of a sweep are holding current without noise.",
)
# cell type, C_m pF, R_m Mohm, R_a Mohm, electrode time constant ms, holding current at -70 mV pA (Index.xlsx)
_RAPHE_CELLS = {
    "DRN158": ("non-5-HT", 28.0, 651.0, 31.4, 1.0, -50.0),
    "DRN159": ("5-HT", 43.0, 707.0, 24.3, 1.0, -11.0),
    "DRN160": ("5-HT", 79.0, 365.0, 12.3, 1.1, -9.8),
    "DRN162": ("5-HT", 57.0, 485.0, 29.3, 1.7, -17.1),
    "DRN163": ("5-HT", 61.0, 1400.0, 18.3, 1.1, 2.4),
    "DRN165": ("5-HT", 63.0, 759.0, 14.6, 1.2, -14.6),
}
# cell, protocol, path below raphe/, SHA-256, size in bytes
_RAPHE_FILES = (
    (
        "DRN158",
        "aec",
        "DRN158_GABA/DRN158_gaba_aec.abf",
        "65c6b00246e8b6c2a1362de96594d92954517008d3f586c5a6a863b845c8ded6",
        406528,
    ),
    (
        "DRN158",
        "test",
        "DRN158_GABA/DRN158_gaba_test.abf",
        "4fbaac872e004327d92e244bee2d8dae01c53eabd81f6c15db8cb1323b0902d9",
        4006400,
    ),
    (
        "DRN158",
        "training",
        "DRN158_GABA/DRN158_gaba_training.abf",
        "a4f6ab32962514e30f81c1c65681464da6a6737317b96968b0a7bcb4f6337bd5",
        2406400,
    ),
    (
        "DRN159",
        "aec",
        "DRN159_5HT/DRN159_5ht_aec.abf",
        "b972968ca58ff8f1c67d4c8fcc8aabf6f4f900ffd20c264c0616744401ec96fe",
        406528,
    ),
    (
        "DRN159",
        "test",
        "DRN159_5HT/DRN159_5ht_test.abf",
        "ff725a770e862f9540a9a879b5e4d31e9060f73eda8ac431a0452560b30259f7",
        4006400,
    ),
    (
        "DRN159",
        "training",
        "DRN159_5HT/DRN159_5ht_training.abf",
        "96d2247963410ea45f444536ff1b8588737fa61fa78be4fa61e556c79bed1271",
        2406400,
    ),
    (
        "DRN159",
        "current_steps",
        "DRN159_5HT/current_steps.abf",
        "510912a8672473a2cd6519d0546000e484a66dff6f3ae31798bcd3af5c548f54",
        2607616,
    ),
    (
        "DRN160",
        "aec",
        "DRN160_5HT/DRN160_5ht_aec.abf",
        "1c05830825520c02b05d8dddd6f0ce6367030a69c9ca6e24254510377f50c411",
        806912,
    ),
    (
        "DRN160",
        "test",
        "DRN160_5HT/DRN160_5ht_test.abf",
        "55f20bfceadf477c25e16b85403f34e8b33352e215304fdfa32269df70e03db5",
        4006400,
    ),
    (
        "DRN160",
        "training",
        "DRN160_5HT/DRN160_5ht_training.abf",
        "f1979d17e79855c38b4efe59060ae6f8c99ad87d5af0acc0ae8145f7e5ffcc34",
        2406400,
    ),
    (
        "DRN160",
        "current_steps",
        "DRN160_5HT/current_steps.abf",
        "db18767d10d2808ebf66b5258e1ff0b027ce50933470585d98df6ae1f30d319b",
        4007424,
    ),
    (
        "DRN162",
        "aec",
        "DRN162_5HT/DRN162_5ht_aec.abf",
        "22a8027265848c07bb642c94e1b7e621caf9c24bd98bf833225bf8fa28cee079",
        406528,
    ),
    (
        "DRN162",
        "test",
        "DRN162_5HT/DRN162_5ht_test.abf",
        "be376782c8cd6e4eb2ecd2647918289afafe18884f5d428b4d3714848e00ed42",
        4006400,
    ),
    (
        "DRN162",
        "training",
        "DRN162_5HT/DRN162_5ht_training.abf",
        "77ab858cdfdd737537bc53242b4d12ccbfb043849f4cd498167c384b68129032",
        2406400,
    ),
    (
        "DRN162",
        "current_steps",
        "DRN162_5HT/current_steps.abf",
        "6af9b7a92ee102968014cc7acd409398ce4f2042dc2b0310574025bb3da2a99a",
        3207168,
    ),
    (
        "DRN163",
        "aec",
        "DRN163_5HT/DRN163_5ht_aec.abf",
        "6291149456ac5e9299ba0f772496a4aa7bce4dedccf7cdeb7deada41f7d77efe",
        406528,
    ),
    (
        "DRN163",
        "training",
        "DRN163_5HT/DRN163_5ht_training.abf",
        "4741e27159457463da75a572eaffcf3cfddaf3d1af460a752c4443b6ae48b1c6",
        2406400,
    ),
    (
        "DRN163",
        "current_steps",
        "DRN163_5HT/current_steps.abf",
        "69f651f3cb7869c5e75cfae645453bd393e786ddb0c683ad07da5d413f01e49c",
        3607552,
    ),
    (
        "DRN165",
        "aec",
        "DRN165_5HT/DRN165_5ht_aec.abf",
        "cab6f029393d2d44d20cce58533ab4a6675a3c533be5f9dd021186176b6f5377",
        406528,
    ),
    (
        "DRN165",
        "test",
        "DRN165_5HT/DRN165_5ht_test.abf",
        "6652a099c6c0f062be4d774eb1c1c3fb6c4022493e4c3089fc07dad3d00ae038",
        4006400,
    ),
    (
        "DRN165",
        "training",
        "DRN165_5HT/DRN165_5ht_training.abf",
        "7fd1922d42fa894f9b66f5f6e5eb7114476264c738a5e649838d550d17ed7d13",
        2406400,
    ),
    (
        "DRN165",
        "current_steps",
        "DRN165_5HT/current_steps.abf",
        "d615571733ad79387a131d9227468d75fa34170ef1a8984b921cbd7b293fe951",
        4007424,
    ),
)

_PATCH_CLAMP_SOURCE = "github.com/swharden/pyABF at commit 3ad9cd6, data/abfs"
_PATCH_CLAMP_TRAPS = ("No current was recorded: the current is the command waveform.",)
_TWO_STEPS = "Each sweep holds the step twice, the second time after a step to hyperpolarising current."
_SPONTANEOUS = "The cell also fires without injected current."
# name, SHA-256, size in bytes, further traps
_PATCH_CLAMP_FILES = (
    (
        "171116sh_0018",
        "9042a1162d18a47fbbe83ea1c0817142d3ae21f6f6060195ff18d35358f6e8c7",
        2047488,
        (_TWO_STEPS,),
    ),
    (
        "17o05028_ic_steps",
        "bdc19f4504963602513d6bdab54a98b5d032ad0140be4583044b007852c92239",
        1927168,
        (_TWO_STEPS, _SPONTANEOUS),
    ),
    (
        "18711001",
        "a8b6b406e245d4e92d1936803c569b1e7f039899cc21bb240bc2b8385083bad4",
        1807360,
        ("Each step is preceded by a fixed pulse of -100 pA.",),
    ),
    (
        "2019_07_24_0055_fsi",
        "4666e82da3e0cc33b579fea285901a7f48b54a8c0cb8143b9c539d65172709b6",
        2047488,
        (_TWO_STEPS, _SPONTANEOUS, "Fast-spiking by its file name only."),
    ),
)


def _raphe_entry(cell: str) -> RecordingEntry:
    cell_type, c_m, r_m, r_a, tau, holding = _RAPHE_CELLS[cell]
    files = {
        protocol: RecordingFile(f"raphe/{path}", _RAPHE_ADDRESS + path, sha256, size)
        for owner, protocol, path, sha256, size in _RAPHE_FILES
        if owner == cell
    }
    missing = tuple(
        f"There is no '{protocol}' file."
        for protocol in ("current_steps", "test", "training", "aec")
        if protocol not in files
    )
    metadata = {
        "cell_type": cell_type,
        "membrane_capacitance": c_m * pF,
        "membrane_resistance": r_m * Mohm,
        "access_resistance": r_a * Mohm,
        "electrode_time_constant": tau * ms,
        "holding_current": holding * pA,
    }
    return RecordingEntry(
        f"raphe/{cell}",
        MappingProxyType(files),
        _RAPHE_SOURCE,
        "MIT",
        _RAPHE_TRAPS + missing,
        MappingProxyType(metadata),
    )


def _patch_clamp_entry(name: str, sha256: str, size: int, traps: tuple[str, ...]) -> RecordingEntry:
    file = RecordingFile(f"patch_clamp/{name}.abf", f"{_PATCH_CLAMP_ADDRESS}{name}.abf", sha256, size)
    return RecordingEntry(
        f"patch_clamp/{name}",
        MappingProxyType({"current_steps": file}),
        _PATCH_CLAMP_SOURCE,
        "MIT",
        _PATCH_CLAMP_TRAPS + traps,
        MappingProxyType({}),
    )


RECORDINGS: MappingProxyType[str, RecordingEntry] = MappingProxyType(
    {
        entry.name: entry
        for entry in [_raphe_entry(cell) for cell in _RAPHE_CELLS]
        + [_patch_clamp_entry(*row) for row in _PATCH_CLAMP_FILES]
    }
)
"""Every known recording by name."""


def recording_names() -> list[str]:
    """Names accepted by `memneuro.biology.load`, sorted.

    Returns
    -------
    list of str
        For example ``raphe/DRN159``.
    """
    return sorted(RECORDINGS)


def find(name: str, protocol: str = "current_steps") -> tuple[RecordingEntry, RecordingFile]:
    """Look up one protocol of one known recording.

    Parameters
    ----------
    name : str
        Of the recording.
    protocol : str
        Of the recording, such as ``test``.

    Returns
    -------
    (RecordingEntry, RecordingFile)
        The cell, and the file of that protocol.

    Raises
    ------
    UnknownRecording
        When the name or the protocol is not known; the message lists those that are.
    """
    if name not in RECORDINGS:
        known = ", ".join(recording_names())
        raise UnknownRecording(
            f"unknown recording '{name}'; known are {known}, or the path of a file (.abf, .nwb, .csv, .ibw)"
        )
    entry = RECORDINGS[name]
    if protocol not in entry.files:
        has = ", ".join(sorted(entry.files))
        raise UnknownRecording(f"{name} has no protocol '{protocol}'; it has {has}")
    return entry, entry.files[protocol]


def default_cache() -> Path:
    """Folder into which recordings are downloaded.

    Returns
    -------
    Path
        It need not exist.
    """
    return Path(pooch.os_cache("memneuro"))


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def locate(file: RecordingFile, *, cache: Path | None = None, download: bool = True) -> Path:
    """Return the path of a known file on this machine, downloading it if need be.

    Parameters
    ----------
    file : RecordingFile
        As found by `find`.
    cache : Path, optional
        Download folder; `default_cache` if not given. Not used while ``MEMNEURO_DATA`` is set.
    download : bool
        Whether to download a file that is not there.

    Returns
    -------
    Path
        Of a file with the published checksum.

    Raises
    ------
    RecordingUnavailable
        When the file is nowhere and cannot be downloaded.
    UnusableRecording
        When the file in the data folder, or what was downloaded, is not the published one.
    """
    folder = os.environ.get(DATA_VARIABLE)
    if folder:
        path = Path(folder) / file.path
        if not path.is_file():
            raise RecordingUnavailable(
                f"{DATA_VARIABLE} is set to '{folder}', which has no file '{file.path}': download "
                f"{file.address} to that place, or unset {DATA_VARIABLE} to have it downloaded"
            )
        if _sha256(path) != file.sha256:
            raise UnusableRecording(
                f"'{path}' is not the published file: it has {path.stat().st_size} bytes and SHA-256 "
                f"{_sha256(path)}, expected are {file.size} bytes and {file.sha256}; "
                f"download {file.address} again"
            )
        return path

    path = (default_cache() if cache is None else cache) / file.path
    if path.is_file() and _sha256(path) == file.sha256:
        return path
    how_to = f"download {file.address} to '{file.path}' under some folder and set {DATA_VARIABLE} to that folder"
    if not download:
        raise RecordingUnavailable(f"'{file.path}' is not in the download cache '{path.parent}': {how_to}")
    try:
        pooch.retrieve(
            file.address,
            known_hash=f"sha256:{file.sha256}",
            fname=path.name,
            path=path.parent,
            progressbar=True,
        )
    except OSError as error:  # no network, address gone, or the cache cannot be written
        raise RecordingUnavailable(f"'{file.path}' could not be downloaded ({error}): {how_to}") from error
    except ValueError as error:  # what arrived has another checksum; it was not kept
        raise UnusableRecording(f"what {file.address} delivers is not the published file: {error}") from error
    return path
