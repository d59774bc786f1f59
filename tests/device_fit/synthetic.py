"""Measurements of devices whose cards are known, simulated with the package's equations, all devices in one group."""

import numpy as np
import pandas as pd
from brian2 import Network, StateMonitor, TimedArray, amp, hertz, ohm, second, us, volt

from memneuro import SourceMeter
from memneuro.circuit.drive import Expression, Sampled
from memneuro.device.card import card
from memneuro.device_fit.read import Measurement

READ_V = 0.1


def noisy(current, rng):
    """Readings with 1 % and 1 pA of noise, as a source meter has."""
    return current * (1 + 0.01 * rng.normal(size=current.shape)) + 1e-12 * rng.normal(size=current.shape)


def threshold_truths(count, rng):
    """Means and cycle spreads of the four voltages, and the resistances, of `count` devices."""
    truth = {
        "v_set_positive": rng.uniform(0.25, 0.55, count),
        "v_set_negative": -rng.uniform(0.25, 0.55, count),
        "v_hold_positive": rng.uniform(0.06, 0.12, count),
        "v_hold_negative": -rng.uniform(0.06, 0.12, count),
        "r_on": np.exp(rng.uniform(np.log(5e3), np.log(2e5), count)),
        "r_on_negative": np.exp(rng.uniform(np.log(5e3), np.log(2e5), count)),
        "r_off": np.exp(rng.uniform(np.log(1e9), np.log(3e10), count)),
    }
    spread = {name: np.abs(values) * rng.uniform(0.03, 0.1, count) for name, values in truth.items() if name[0] == "v"}
    return truth, spread


def sweeps(count, cycles, seed, template="midya_2017"):
    """Sweeps of `count` devices, each cycle with voltages of its own: measurements, true values, true cycle spreads."""
    rng = np.random.default_rng(seed)
    truth, spread = threshold_truths(count, rng)
    values = {name: np.repeat(one, cycles) for name, one in truth.items()}
    for name, sd in spread.items():
        values[name] = values[name] + np.repeat(sd, cycles) * rng.normal(size=count * cycles)
    peak, rate, step = 0.85, 100.0, 10e-6
    quarter = round(peak / rate / step)
    up = np.arange(quarter) / quarter * peak
    shape = np.concatenate([up, peak - up, -up, up - peak])
    meter = SourceMeter(card(template)).with_(i_compliance=1 * amp)
    parameters = {name: one * (volt if name[0] == "v" else ohm) for name, one in values.items()}
    drive = Sampled(TimedArray(shape * volt, dt=step * second))
    group = meter.group(count * cycles, drive=drive, dt=step * second, **parameters)
    # A staircase: the reading is taken at the end of each step of the voltage.
    monitor = StateMonitor(group, "i_device", record=True, when="end")
    Network(group, monitor).run(len(shape) * step * second, namespace={})
    current = noisy(np.asarray(monitor.i_device), rng).reshape(count, cycles, -1)
    time = np.arange(len(shape)) * step
    found = []
    for device in range(count):
        table = pd.DataFrame(
            {
                "time_s": np.concatenate([time + k * time.size * step for k in range(cycles)]),
                "voltage_V": np.tile(shape, cycles),
                "current_A": current[device].ravel(),
            }
        )
        found.append(Measurement("sweeps", table, f"device_{device}.csv"))
    return found, truth, spread


def hopping_template(template="hopping_2e4d"):
    """A hopping card with a relaxation that a pulse measurement resolves."""
    return card(template).with_(r_off=1e9 * ohm, r_on=8.7e4 * ohm, tunnel_length=0.1)


def pulses(count, repeats, seed, amplitudes=4, width=8e-3, after=2e-3):
    """Pulses at a few amplitudes on `count` devices: measurements and true values."""
    rng = np.random.default_rng(seed)
    v_hop = rng.uniform(0.05, 0.12, count)
    gamma1 = np.exp(rng.uniform(np.log(250), np.log(600), count))
    truth = {
        "mu": np.exp(rng.uniform(np.log(0.03), np.log(0.5), count)),
        "v_hop": v_hop,
        "gamma1": gamma1,
        "sigma_tip": v_hop * rng.uniform(0.2, 0.45, count),
        "r_on": np.exp(rng.uniform(np.log(5e4), np.log(1.5e5), count)),
        "r_off": np.exp(rng.uniform(np.log(7e8), np.log(3e9), count)),
    }
    growth = gamma1[:, None] * 0.6 * np.geomspace(1, 10, amplitudes)
    voltage = v_hop[:, None] * np.arcsinh(growth / truth["mu"][:, None])
    per = amplitudes * repeats
    shown = np.repeat(voltage, repeats, axis=1).ravel()
    units = {"mu": hertz, "gamma1": hertz, "v_hop": volt, "sigma_tip": volt, "r_on": ohm, "r_off": ohm}
    parameters = {name: np.repeat(one, per) * units[name] for name, one in truth.items()}
    rest = 0.5e-3
    text = (
        "v_in = v_read + (v_pulse - v_read)*int(t + 0.001*dt >= t_rest and t + 0.001*dt < t_end) : volt\nv_pulse : volt"
    )
    drive = Expression(text, {"v_read": READ_V * volt, "t_rest": rest * second, "t_end": (rest + width) * second})
    meter = SourceMeter(hopping_template()).with_(i_compliance=1 * amp)
    group = meter.group(count * per, drive=drive, dt=5 * us, seed=seed, **parameters)
    group.v_pulse = shown * volt
    monitor = StateMonitor(group, "i_device", record=True, when="start", dt=10 * us)
    Network(group, monitor).run((rest + width + after) * second, namespace={})
    time = np.asarray(monitor.t)
    on = (time > rest - 1e-9) & (time < rest + width - 1e-9)
    current = noisy(np.asarray(monitor.i_device), rng).reshape(count, per, -1)
    found = []
    for device in range(count):
        level = shown.reshape(count, per)[device]
        table = pd.DataFrame(
            {
                "pulse": np.repeat(np.arange(per), time.size),
                "time_s": np.tile(time, per),
                "voltage_V": np.where(on, level[:, None], READ_V).ravel(),
                "current_A": current[device].ravel(),
            }
        )
        found.append(Measurement("pulses", table, f"device_{device}.csv"))
    return found, truth


def coverage(fits, truth, spread=None):
    """Whether each fitted 95 % range holds the truth: one row a device and number."""
    rows = []
    for device, fit in enumerate(fits):
        for row in fit.parameters.itertuples():
            source = truth if row.kind == "value" else (spread or {})
            if row.parameter in source:
                true = source[row.parameter][device]
                rows.append(
                    {
                        "device": device,
                        "parameter": row.parameter,
                        "kind": row.kind,
                        "true": true,
                        "value": row.value,
                        "low": row.low,
                        "high": row.high,
                        "inside": row.low <= true <= row.high,
                        "miss": np.log(abs(row.value / true)),
                    }
                )
    return pd.DataFrame(rows)
