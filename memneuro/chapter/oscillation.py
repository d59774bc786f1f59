"""Regimes of one particle beside a capacitor, against linear stability; the VO2 neuristor for contrast."""

from __future__ import annotations

import numpy as np
import pandas as pd
from brian2 import kelvin, kohm, ms, nsecond, ohm, us, volt

from memneuro.chapter.chapter import Chapter, Tables, no_verdict, step_text
from memneuro.circuit.parallel_capacitor import ParallelCapacitor
from memneuro.experiment.oscillation import agreement, compared_map, regime_map, traces
from memneuro.figure import oscillation as figure

CARD, VO2_CARD = "ag_particles_1", "vo2_neuristor"
STEP, VO2_STEP = 20 * us, 10 * nsecond
#: Drive (V) and series resistance (ohm) of the traces: two silent, two spiking, two latched.
EXAMPLES = ((1.5, 1e9), (2.5, 3e9), (2.5, 1e9), (3.5, 2e9), (2.0, 2e8), (3.5, 3e8))
#: Temperatures (K) of the surroundings for the maps with noise, and their seeds.
TEMPERATURES = (77, 300)
SEEDS = (1, 2, 3)


def particle() -> ParallelCapacitor:
    """One silver particle beside a capacitor."""
    return ParallelCapacitor(CARD, "parallel_particles")


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Maps without noise at a step and at half of it, with noise, traces, and the map of the VO2 neuristor."""
    n = 8 if fast else 13
    axes = np.linspace(1, 4, n) * volt, np.logspace(8, 9.5, n) * ohm
    times = {"duration": (150 if fast else 250) * ms, "discard": (50 if fast else 100) * ms}
    quiet = compared_map(particle(), *axes, dt=STEP, **times)
    quiet["simulated_half_step"] = regime_map(particle(), *axes, dt=STEP / 2, **times)["simulated"]
    noisy = [
        regime_map(
            particle().with_(temperature=temperature * kelvin), *axes, dt=STEP, noise=True, seed=seed, **times
        ).assign(temperature_K=temperature, seed=seed)
        for temperature in TEMPERATURES
        for seed in (SEEDS[:1] if fast else SEEDS)
    ]
    volts, ohms = np.array(EXAMPLES).T
    examples = traces(particle(), volts * volt, ohms * ohm, dt=STEP, duration=100 * ms, sample_step=0.1 * ms)
    vo2 = regime_map(
        ParallelCapacitor(VO2_CARD, "parallel_vo2_2024"),
        np.linspace(0, 20, 11 if fast else 21) * volt,
        np.linspace(5, 50, 10 if fast else 19) * kohm,
        dt=VO2_STEP,
        duration=60 * us,
        discard=20 * us,
    )
    return {"map": quiet, "noisy": pd.concat(noisy, ignore_index=True), "traces": examples, "vo2": vo2}


def compare(tables: Tables) -> pd.DataFrame:
    """How many cells of each map agree with linear stability, and how many are in each regime."""
    table = tables["map"]
    maps = {
        "without noise": table,
        "without noise, half the step": table.assign(simulated=table["simulated_half_step"]),
    }
    for (temperature, seed), noisy in tables["noisy"].groupby(["temperature_K", "seed"]):
        predicted = table["predicted"].to_numpy()
        maps[f"noise at {temperature:g} K, seed {seed}"] = noisy.assign(predicted=predicted)
    rows = []
    for name, one in maps.items():
        judged = agreement(one)
        counts = one["simulated"].value_counts()
        rows.append(
            {"map": name, "cells": len(one), "agree": int(judged["agrees"].sum())}
            | {"within_one_cell": int(judged["within_one_cell"].sum())}
            | {regime: int(counts.get(regime, 0)) for regime in figure.REGIMES}
        )
    return pd.DataFrame(rows)


CHAPTER = Chapter(
    number=19,
    name="oscillation",
    title="Oscillation of one particle",
    paragraphs=(
        "A device beside a capacitor, charged through a series resistor. The field drags the particle off the "
        "electrode, the resistance falls, the capacitor discharges, the particle returns: the circuit oscillates in a "
        "wedge between silence (the drive is too low) and a device that stays closed (the resistor feeds it enough).",
        "Each cell is started from rest. The lines are the boundaries that the eigenvalues at the fixed points of the "
        "noise-free equations predict; no simulation went into them.",
    ),
    caption=(
        "a, regimes of the particle without noise, and the boundaries of linear stability; points mark the traces. b, "
        "the VO2 neuristor, a thermal switch. c, d, the particle with thermal noise at 77 K and 300 K, one seed. e-j, "
        "voltage of the capacitor (blue) and current of the device (vermilion), without noise."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    judge=no_verdict,
    notes=(
        "The parameters of the particle are chosen, not published: the map says what the equations do, and no "
        "measured device is compared.",
        "No bursts occur without noise, and none can: heat acts on the particle through its noise only, and voltage "
        "and position alone are a planar system, whose attractors are fixed points and simple limit cycles.",
        "With noise the test for bursts is positive for a few of the trains at 77 K, of some thirty spikes each; in "
        "trains of hundreds of spikes from the same part of the map, with slow heat too, it was negative throughout.",
        "Near the lower boundary of the wedge the cycle and the closed state are both stable, and a start from rest "
        "finds the cycle where linear stability says latched.",
        "At 300 K the well of 0.16 eV is 6 kT deep: the particle escapes by itself, and hardly a cell is silent.",
    ),
    cards=(CARD, VO2_CARD),
    seeds=SEEDS,
    fast_seeds=SEEDS[:1],
    step=lambda: f"{step_text(STEP)} and half of it for {CARD}, {step_text(VO2_STEP)} for {VO2_CARD}",
)
