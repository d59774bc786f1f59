"""Spikes written to disk while a network runs, in blocks, so that memory does not grow with the spikes.

A folder holds ``spikes_00000.npy``, ``spikes_00001.npy`` and so on: NumPy files of records (``i``: neuron, 32-bit;
``t``: time in seconds, 64-bit), ordered by time. Each is written under another name and then renamed, so a file is
whole or not there; ``spikes.json`` comes last and says that the run has ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Clock, Network, NetworkOperation, NeuronGroup, SpikeMonitor, get_device

from memneuro.backend import Backend
from memneuro.circuit.device_circuit import whole_number
from memneuro.tables import atomic_path, write_json

RECORD = np.dtype([("i", "<i4"), ("t", "<f8")])
END = "spikes.json"

#: Spikes of a file.
BLOCK = 1_000_000

# In C++: what follows runs after every step of the group and once after the run.
_WRITE = r"""
static auto memneuro_write = [](size_t least) {
    static long part = 0;
    std::vector<int32_t>& index = @INDEX@;
    auto& time = @TIME@;
    if (index.size() < least || index.empty()) return;
    std::string head = "{'descr': [('i', '<i4'), ('t', '<f8')], 'fortran_order': False, 'shape': ("
        + std::to_string(index.size()) + ",), }";
    head += std::string(63 - (10 + head.size()) % 64, ' ') + "\n";
    char name[32];
    snprintf(name, sizeof name, "spikes_%05ld.npy", part);
    const std::string folder = @FOLDER@;
    const std::string whole = folder + name, partial = folder + "." + name + ".part";
    std::ofstream file(partial, std::ios::binary | std::ios::trunc);
    const unsigned short length = (unsigned short)head.size();
    file.write("\x93NUMPY\x01\x00", 8);
    file.put((char)(length & 255)).put((char)(length >> 8));
    file.write(head.data(), head.size());
    std::vector<char> records(12*std::min(index.size(), (size_t)65536));
    for (size_t first = 0; first < index.size(); first += 65536) {
        const size_t count = std::min(index.size() - first, (size_t)65536);
        for (size_t n = 0; n < count; n++) {
            const double when = time[first + n];
            memcpy(&records[12*n], &index[first + n], 4);
            memcpy(&records[12*n + 4], &when, 8);
        }
        file.write(records.data(), 12*count);
    }
    file.close();
    if (!file || std::rename(partial.c_str(), whole.c_str()) != 0) {
        std::remove(partial.c_str());
        std::cerr << "cannot write " << whole << std::endl;
        std::exit(1);
    }
    index.clear();
    time.clear();
    part++;
};
@NETWORK@.add(&@CLOCK@, []() { memneuro_write(@BLOCK@); });
"""


class SpikeFiles:
    """Writes the spikes of a group to a folder while the network runs.

    Make it before ``run`` and :meth:`close` it after; the objects in ``parts`` belong to the network. The counts of
    its ``monitor`` stay complete, while the spikes themselves are only in the files.

    Parameters
    ----------
    group : NeuronGroup
    folder : path-like
        Made if need be; must hold no spikes yet.
    backend : Backend
        In use; all but ``cuda``.
    block : int
        Spikes of a file, at least.

    Raises
    ------
    ValueError
        If the backend is ``cuda``, or `block` is below 1.
    FileExistsError
        If the folder holds spikes.
    """

    def __init__(
        self, group: NeuronGroup, folder: str | os.PathLike[str], backend: Backend, block: int = BLOCK
    ) -> None:
        if backend.name == "cuda":
            raise ValueError("backend = 'cuda' cannot write spikes while it runs; accepted: the others")
        self.block = whole_number(block, "block", 1, 2**31 - 1)
        self.folder = Path(folder).absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        if any(self.folder.glob("spikes_*.npy")) or (self.folder / END).exists():
            raise FileExistsError(f"{self.folder} holds spikes of another run; accepted: an empty folder")
        self.group, self._standalone, self._written = group, backend.standalone, 0
        self.monitor = SpikeMonitor(group)
        self.parts: list[Any] = [self.monitor]
        if not self._standalone:
            self.parts.append(NetworkOperation(lambda: self._write(self.block), clock=group.clock, when="end"))

    def attach(self, network: Network) -> None:
        """Tell a standalone program to write; before ``run``."""
        if not self._standalone:
            return
        device = get_device()
        index, time = (device.get_array_name(self.monitor.variables[name], access_data=False) for name in ("i", "t"))
        words = {
            "INDEX": index,
            "TIME": time,
            "FOLDER": json.dumps(f"{self.folder}/", ensure_ascii=False),
            "NETWORK": network.name,
            "CLOCK": _clock_name(self.group.clock),
            "BLOCK": str(self.block),
        }
        text = _WRITE
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        device.headers += ["<algorithm>", "<cstdio>", "<cstdlib>", "<cstring>"]
        device.insert_code("before_network_run", text)
        device.insert_code("after_network_run", f"memneuro_write(1);\n{_zero(device, self.monitor)}")

    def _write(self, least: int) -> None:
        index, time = self.monitor.variables["i"], self.monitor.variables["t"]
        if len(index.get_value()) < max(least, 1):
            return
        records = np.empty(len(index.get_value()), dtype=RECORD)
        records["i"], records["t"] = index.get_value(), time.get_value()
        write_part(self.folder, self._written, records)
        self._written += 1
        self.monitor.resize(0)
        self.monitor.variables["N"].set_value(0)

    def close(self, **facts: Any) -> None:
        """Write what is left and, last, that the run has ended, with some facts about it."""
        if not self._standalone:
            self._write(1)
        spikes = int(np.sum(np.asarray(self.monitor.count)))
        write_json({"parts": len(_parts(self.folder)), "spikes": spikes, **facts}, self.folder / END)


def write_part(folder: Path, number: int, records: np.ndarray) -> Path:
    """Write one block of spikes and return its path.

    Parameters
    ----------
    folder : Path
        Where it goes.
    number : int
        Of the block, from 0.
    records : ndarray of ``RECORD``, shape (spikes,)
        Neurons and times (seconds).
    """
    path = folder / f"spikes_{number:05d}.npy"
    with atomic_path(path) as temporary:
        np.save(temporary, records, allow_pickle=False)
    return path


def read_blocks(folder: str | os.PathLike[str]) -> Iterator[np.ndarray]:
    """The spikes of a run that has ended, block by block.

    Yields
    ------
    ndarray of records (``i``, ``t``)

    Raises
    ------
    ValueError
        If the run has not ended, or files are missing.
    """
    folder = Path(folder)
    if not (folder / END).exists():
        raise ValueError(f"{folder} holds no finished run: {END} is not there")
    told = json.loads((folder / END).read_text(encoding="utf-8"))
    parts, found = _parts(folder), 0
    if len(parts) != told["parts"]:
        raise ValueError(f"{folder} holds {len(parts)} files of spikes; {END} tells of {told['parts']}")
    for path in parts:
        block = np.load(path, allow_pickle=False)
        found += len(block)
        yield block
    if found != told["spikes"]:
        raise ValueError(f"{folder} holds {found} spikes; {END} tells of {told['spikes']}")


def read_spikes(folder: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """Neurons and times (s) of all spikes of a run that has ended; see :func:`read_blocks`."""
    blocks = list(read_blocks(folder))
    whole = np.concatenate(blocks) if blocks else np.empty(0, dtype=RECORD)
    return whole["i"].astype(int), whole["t"].astype(float)


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("spikes_*.npy"))


def _clock_name(clock: Clock) -> str:
    """A clock's name in a standalone program, which has another clock of the name ``clock``."""
    return "_clock" if clock.name == "clock" else str(clock.name)


def _zero(device: Any, monitor: SpikeMonitor) -> str:
    """Code that sets a monitor's number of recorded spikes to that of its emptied lists."""
    return f"{device.get_array_name(monitor.variables['N'])}[0] = 0;"
