r"""A trained network in Brian2, with the full equations of the device.

Every neuron is a :class:`~memneuro.circuit.one_m1t1r.OneM1T1R` with the ``hopping`` equations, its own slowness and its
own noise. One step of the network is one clock period P: at its start the crossbars are read and the drive

.. math::

   a_n = b + \sum_d W_d\, (c_{n-d} - \bar c)/\sigma_c + W_{rec} s_{n-1}, \qquad
   V_{in} = \mathrm{clip}\big(V_0\,(a_n + \ln\tfrac{1}{\mu w}),\ 0,\ V_{supply}\big)

is applied for the width of a pulse; s_{n-1} are the spikes of the gate in the period before. The input crossbar
is linear, so its product with the words is worked out beforehand and given as a ``TimedArray``; the recurrent crossbar
is a ``Synapses`` object. All words run side by side in one group. A neuron of slowness s has all rates of its card
divided by s, which is exact (:mod:`memneuro.circuit.time_scale`).

Energy: the integrals over each word, from its start until the network stops listening, of what the pulse source gives
a neuron, V_in I_d, and of what the supply gives its output stage, V_dd I_load. Not counted: crossbars, their drivers,
the clock, the buffers that hold a drive over a period, the read-out's sums, and the cochlea.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from brian2 import Network, Quantity, SpikeMonitor, Synapses, TimedArray, second
from torch.nn import functional

from memneuro.backend import backend as use
from memneuro.circuit.drive import Expression
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.circuit.time_scale import slowed_parameters
from memneuro.speech.experiment import STEP_S
from memneuro.speech.memristor import DEVICE, MemristorLayer
from memneuro.speech.network import SpeechNetwork
from memneuro.speech.train import Examples, predict_with_spikes

#: Clock period of a network in seconds: one step of it.
PERIOD_S = STEP_S

#: Steps between two looks at the current of the output stage, which takes an iteration and changes with the gate.
_EVERY = 25

_ENERGY = """
denergy_source/dt = v_in*i_device : joule
energy_supply : joule
"""


@dataclass(frozen=True)
class Deployed:
    """What a deployed network did.

    Parameters
    ----------
    heard, said : ndarray of int, shape (words,)
        Word with the most evidence, and the word that was spoken.
    n_bins : ndarray of int, shape (words,)
        Periods of each word with those after it in which the network listens.
    spikes : ndarray of uint8, shape (words, periods, neurons)
        Spikes of each neuron in each period; none after a word's last period.
    evidence : ndarray, shape (words, periods, classes)
        Evidence for each word from all spikes up to and with each period; the last period's is what the word is heard
        by.
    source_j, supply_j : ndarray, shape (words, neurons), or None
        Energy from the pulse source, and from the supply of the output stage.
    """

    heard: np.ndarray
    said: np.ndarray
    n_bins: np.ndarray
    spikes: np.ndarray
    evidence: np.ndarray
    source_j: np.ndarray | None
    supply_j: np.ndarray | None

    @property
    def accuracy(self) -> float:
        """Share of the words that are heard right."""
        return float(np.mean(self.heard == self.said))

    def latency_s(self) -> np.ndarray:
        """Time from a word's start after which the evidence points to the same word for good, shape (words,)."""
        best = self.evidence.argmax(2)
        found = np.empty(len(best))
        for word, (row, bins) in enumerate(zip(best, self.n_bins, strict=True)):
            other = np.flatnonzero(row[:bins] != row[bins - 1])
            found[word] = (other[-1] + 2 if other.size else 1) * PERIOD_S
        return found


def evidence(network: SpeechNetwork, spikes: np.ndarray, n_bins: np.ndarray) -> np.ndarray:
    """Evidence after each period, shape (words, periods, classes), with the whole word's length as the divisor.

    Parameters
    ----------
    network : SpeechNetwork
        Its read-out is used.
    spikes : ndarray, shape (words, periods, neurons)
        Spikes of each period.
    n_bins : ndarray of int, shape (words,)
        Periods of each word, with those in which the network listens after it.
    """
    sums = np.cumsum(spikes, axis=1, dtype=np.float32) / n_bins[:, None, None].astype(np.float32)
    with torch.no_grad():
        return network.read_out(torch.from_numpy(sums)).numpy()


def summary(network: SpeechNetwork, found: Deployed, examples: Examples, seed: int = 0) -> dict[str, float | None]:
    """A deployment in a few numbers, beside the same network in discrete time.

    Parameters
    ----------
    network : SpeechNetwork
        Of kind ``memristor``.
    found : Deployed
        What :func:`deploy` gave for it.
    examples : Examples
        The same words.
    seed : int
        Of the noise in discrete time.

    Returns
    -------
    dict
        ``trained`` and ``accuracy``: share of the words heard right in discrete time and with the full equations;
        ``same``: share heard alike; ``spikes`` a word with the full equations and ``trained_spikes`` in discrete time;
        ``latency_ms``: median time from the start of a word after which its evidence points to one word for good, and
        ``length_ms``, the median time for which the network listens; ``source_pj`` and ``supply_pj``: mean energy a
        word from the pulse sources and from the supplies of the output stages, None unless they were integrated;
        ``source_pj_device_time``: what the sources would give devices as fast as their card, playing the word faster
        by the slowness of each neuron.
    """
    heard, spikes = predict_with_spikes(network, examples, seed)
    layer = network.layer
    assert isinstance(layer, MemristorLayer)
    slower = layer.slowness.detach().numpy() * PERIOD_S / layer.period_s

    def joule(value: np.ndarray | None, divisor: Any = 1.0) -> float | None:
        return None if value is None else float((value / divisor).sum(axis=1).mean() * 1e12)

    return {
        "trained": float(np.mean(heard == found.said)),
        "accuracy": found.accuracy,
        "same": float(np.mean(heard == found.heard)),
        "trained_spikes": float(spikes.mean()),
        "spikes": float(found.spikes.sum((1, 2)).mean()),
        "latency_ms": float(np.median(found.latency_s()) * 1e3),
        "length_ms": float(np.median(found.n_bins) * PERIOD_S * 1e3),
        "source_pj": joule(found.source_j),
        "source_pj_device_time": joule(found.source_j, slower),
        "supply_pj": joule(found.supply_j),
    }


def deploy(
    network: SpeechNetwork,
    examples: Examples,
    *,
    backend: str = "cpp",
    seed: int = 0,
    dt: Quantity | None = None,
    noise: bool = True,
    energy: bool = False,
    words_at_once: int = 100,
    factors: Mapping[str, Any] | None = None,
    silent: np.ndarray | None = None,
    **parameters: Any,
) -> Deployed:
    """Run words through a trained network of full memristor neurons.

    Parameters
    ----------
    network : SpeechNetwork
        Of kind ``memristor``.
    examples : Examples
    backend : str
        Of :func:`memneuro.backend.backend`: ``cpp``, ``openmp``, ``cuda``, ``cython``, ``numpy``.
    seed : int
        Of the devices' noise; each block of `words_at_once` has its own part of it.
    dt : Quantity (second), optional
        Time step, a whole fraction of the pulse and of what is left of the period; by default that of the card.
    noise : bool
    energy : bool
        Whether to integrate energies; about twice as slow.
    words_at_once : int
        Words of one run.
    factors : mapping of str to ndarray, optional
        Parameters of the card to multiply by one factor a neuron, shape (neurons,), the same in every word.
    silent : ndarray of bool, shape (neurons,), optional
        Neurons that are stuck and never fire.
    **parameters : Quantity (any unit)
        Values to replace in every neuron: ``temperature``, ``sigma_tip``.

    Returns
    -------
    Deployed

    Raises
    ------
    ValueError
        If the network is not of memristor neurons with all their traits, or an argument has the wrong shape.
    """
    settings = network.settings
    if settings.kind != "memristor" or settings.without:
        what = settings.kind if settings.kind != "memristor" else f"memristor without {', '.join(settings.without)}"
        raise ValueError(f"a network of kind {what}; accepted: memristor with all its traits")
    if isinstance(words_at_once, bool) or not isinstance(words_at_once, int) or words_at_once < 1:
        raise ValueError(f"words_at_once = {words_at_once!r}; accepted: a whole number of at least 1")
    for name, value in {**(factors or {}), **({} if silent is None else {"silent": silent})}.items():
        if np.shape(value) != (settings.neurons,):
            raise ValueError(f"{name} has the shape {np.shape(value)}; accepted: one for each of {settings.neurons}")
    order = np.argsort(examples.n_bins.numpy(), kind="stable")
    blocks = [order[first : first + words_at_once] for first in range(0, len(order), words_at_once)]
    longest = int(examples.n_bins.max()) + settings.listen
    spikes = np.zeros((len(order), longest, settings.neurons), dtype=np.uint8)
    joules = np.zeros((2, len(order), settings.neurons)) if energy else None
    for number, block in enumerate(blocks):
        offset = number * words_at_once * settings.neurons
        with use(backend), _aligned():
            found, used = _run(network, examples, block, seed, offset, dt, noise, energy, factors, silent, parameters)
        spikes[block, : found.shape[1]] = found
        if joules is not None:
            joules[:, block] = used
    n_bins = examples.n_bins.numpy() + settings.listen
    told = evidence(network, spikes, n_bins)
    last = told[np.arange(len(told)), n_bins - 1]
    return Deployed(
        heard=last.argmax(1),
        said=examples.label.numpy(),
        n_bins=n_bins,
        spikes=spikes,
        evidence=told,
        source_j=None if joules is None else joules[0],
        supply_j=None if joules is None else joules[1],
    )


@contextmanager
def _aligned() -> Iterator[None]:
    """Keep Brian2 from warning that the time grids of the drive and of the neurons are not aligned.

    They are, the step being a whole fraction of the period; but Brian2 wants the quotient to be a whole number without
    any tolerance, and 0.01/1e-05 is 999.9999999999999.
    """
    logger = logging.getLogger("brian2.input.timedarray")

    def keep(record: logging.LogRecord) -> bool:
        return "not aligned" not in record.getMessage()

    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)


def _run(
    network: SpeechNetwork,
    examples: Examples,
    block: np.ndarray,
    seed: int,
    offset: int,
    dt: Quantity | None,
    noise: bool,
    energy: bool,
    factors: Mapping[str, Any] | None,
    silent: np.ndarray | None,
    parameters: Mapping[str, Any],
) -> tuple[np.ndarray, np.ndarray | None]:
    """Spikes (words, periods, neurons) and energies (2, words, neurons) of a block of words in one program."""
    settings, layer = network.settings, network.layer
    assert isinstance(layer, MemristorLayer)
    words, neurons = len(block), settings.neurons
    listened = examples.n_bins[block].numpy() + settings.listen
    periods = int(listened.max())
    with torch.no_grad():
        counts = examples.counts[block].float()[:, :periods]
        counts = functional.pad(counts, (0, 0, 0, periods - counts.shape[1]))
        drive = network.input_drive(counts, examples.n_bins[block]).numpy().astype(float)
        w_rec = network.held(network.w_rec).numpy().astype(float)
        slower = PERIOD_S / layer.period_s * layer.slowness.numpy().astype(float)
    neuron = OneM1T1R(DEVICE)
    own: dict[str, Any] = dict(slowed_parameters(neuron, slower))
    mean = {"mu": layer.mu_factor.numpy(), "v_hop": layer.hop_factor.numpy()}
    for given in (mean, factors or {}):
        for name, factor in given.items():
            own[name] = own.get(name, neuron.parameters()[name][0]) * np.asarray(factor, dtype=float)
    own = {name: np.tile(np.asarray(value), words) * _unit(value) for name, value in own.items() if np.ndim(value)}
    step = PERIOD_S / 1000 * second if dt is None else dt
    for part in (layer.width_s, layer.period_s):
        steps = part * PERIOD_S / layer.period_s / float(step)
        if abs(steps - round(steps)) > 1e-6 or steps < 1:
            raise ValueError(f"dt = {dt!r}; accepted: a whole fraction of the pulse and of the period")
    card = layer.card
    crossbar = Expression(
        f"""
a_next : 1
amplitude : volt
ends : second (constant)
listening = int(t < ends) : 1
v_in = amplitude*int(t + 0.001*dt - floor((t + 0.001*dt)/period)*period < pulse) : volt
period = {PERIOD_S}*second : second
pulse = {PERIOD_S * layer.width_s / layer.period_s}*second : second
""",
        {"input_drive": TimedArray(drive.transpose(1, 0, 2).reshape(periods, -1), dt=PERIOD_S * second)},
    )
    group = neuron.group(
        words * neurons,
        drive=crossbar,
        dt=step,
        seed=seed,
        offset=offset,
        noise=noise,
        extra=_ENERGY if energy else "",
        **{**own, **parameters},
    )
    group.ends = np.repeat(listened * PERIOD_S, neurons) * second
    v_hop = card["v_hop"]
    group.run_regularly(
        f"""
wanted = {v_hop!r}*(input_drive(t, i) + a_next + {layer.base!r})
amplitude = clip(wanted, 0, {layer.supply * v_hop!r})*volt*int(t < ends)
a_next = 0
""",
        dt=PERIOD_S * second,
        when="start",
    )
    if energy:
        interval = _EVERY * step
        group.run_regularly(f"energy_supply += v_dd*i_load*listening*{float(interval)!r}*second", dt=interval)
    spikes = SpikeMonitor(group)
    parts: list[Any] = [group, spikes]
    if settings.recurrent:
        if silent is not None:
            w_rec = w_rec * ~np.asarray(silent)[:, None]
        crossbar_rec = Synapses(group, group, "w : 1 (constant)", on_pre="a_next_post += w", clock=group.clock)
        source, target = np.nonzero(w_rec)
        first = neurons * np.arange(words)
        crossbar_rec.connect(i=(source[:, None] + first).ravel(), j=(target[:, None] + first).ravel())
        crossbar_rec.w = np.repeat(w_rec[source, target], words)
        parts.append(crossbar_rec)
    Network(*parts).run(periods * PERIOD_S * second, namespace={})
    found = np.zeros((words, periods, neurons), dtype=np.uint8)
    number, when = np.asarray(spikes.i), np.asarray(spikes.t)
    np.add.at(found, (number // neurons, np.floor(when / PERIOD_S + 1e-6).astype(int), number % neurons), 1)
    if silent is not None:
        found[..., np.asarray(silent)] = 0
    found *= (np.arange(periods)[None] < listened[:, None])[..., None].astype(np.uint8)
    if not energy:
        return found, None
    used = [np.asarray(getattr(group, name)).reshape(words, neurons) for name in ("energy_source", "energy_supply")]
    return found, np.array(used)


def _unit(value: Any) -> Quantity:
    return Quantity(1.0, dim=value.dim) if isinstance(value, Quantity) else Quantity(1.0)
