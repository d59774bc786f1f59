"""Trained networks in files: checkpoints of a training, and the small files that ship with the package.

A small file holds each crossbar as 8-bit numbers with one scale, which is what the network then is: accuracies that are
reported for shipped networks are those of the rounded weights.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memneuro.speech.network import NetworkSettings, SpeechNetwork
from memneuro.speech.train import UnusableCheckpoint

#: Networks that ship with the package.
SHIPPED = Path(__file__).parent / "trained"

#: The matrices that are crossbars.
CROSSBARS = ("w_in", "w_rec", "w_out")


def load_network(path: Path) -> tuple[SpeechNetwork, dict[str, Any]]:
    """A trained network and its description, from a checkpoint or a small file.

    Raises
    ------
    UnusableCheckpoint
        If the file is not there, damaged, not a network, or one whose training was stopped.
    """
    if not path.exists():
        raise UnusableCheckpoint(f"{path} is not there; train it with `memneuro speech train`")
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            description = json.loads(str(file["description"]))
            weights = {}
            for name in file.files:
                what, _, which = name.partition("/")
                if what == "weight":
                    weights[which] = torch.from_numpy(file[name].astype(np.float32))
                elif what == "crossbar":
                    weights[which] = torch.from_numpy(file[name].astype(np.float32) * file[f"scale/{which}"])
        network = SpeechNetwork(NetworkSettings(**description["network"]))
        network.load_state_dict(weights)
        done, wanted = len(description["history"]), int(description["training"]["epochs"])
    except Exception as error:
        raise UnusableCheckpoint(f"{path} is damaged or not a trained network ({error})") from error
    if done < wanted:
        raise UnusableCheckpoint(f"{path} was stopped after {done} of {wanted} epochs; train it to the end")
    return network, description


def make_small(checkpoint: Path, path: Path, looked_at: Sequence[Path]) -> None:
    """Write the network of a checkpoint as a small file, complete or not at all.

    Parameters
    ----------
    checkpoint : Path
        What :func:`memneuro.speech.train.train` wrote.
    path : Path
        The small file.
    looked_at : sequence of Path
        Checkpoints of the runs with a left-out training speaker; their mean accuracy goes along.
    """
    network, description = load_network(checkpoint)
    curves = [[row["validation"] for row in load_network(one)[1]["history"]] for one in looked_at]
    description["validation"] = np.mean(curves, axis=0).round(5).tolist()
    arrays: dict[str, Any] = {}
    for name, value in network.state_dict().items():
        number = value.numpy()
        if name in CROSSBARS:
            scale = np.float32(max(float(np.abs(number).max()), 1e-12) / 127)
            arrays[f"crossbar/{name}"] = np.round(number / scale).astype(np.int8)
            arrays[f"scale/{name}"] = scale
        else:
            arrays[f"weight/{name}"] = number
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            np.savez_compressed(file, description=np.array(json.dumps(description)), **arrays)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
