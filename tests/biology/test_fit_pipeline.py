"""The whole of the fit on a cell whose answer is known: a model made it, and the same kind of model must find it."""

import numpy as np
import pytest

from memneuro.biology.fit import fit_model
from memneuro.biology.fit.data import CellData, Response
from memneuro.biology.fit.evaluate import evaluate
from memneuro.biology.fit.program import FitProgram
from memneuro.biology.fit.search import fit
from memneuro.biology.fit.space import points

STEP = 1e-4

#: A cell that adapts, with a soft threshold and a reliability like that of a recorded one.
CELL = {
    "tau_m": 12.0,
    "r_m": 250.0,
    "v_reset": -75.0,
    "t_refractory": 6.0,
    "delta_u": 1.2,
    "delta_t": 2.0,
    "v_upstroke": 8.0,
    "tau_fast": 20.0,
    "tau_slow": 200.0,
    "eta_fast": 40.0,
    "eta_slow": 8.0,
    "gamma_fast": 5.0,
    "gamma_slow": 3.0,
}


def noise(seconds: float, seed: int) -> np.ndarray:
    """A current in ampere: slow and fast fluctuations about 75 pA, as in the recordings of the raphe."""
    rng = np.random.default_rng(seed)
    total = np.full(round(seconds / STEP), 75e-12)
    for tau, deviation in ((0.1, 45e-12), (3e-3, 45e-12)):
        decay = np.exp(-STEP / tau)
        kicks = rng.normal(size=total.size) * deviation * np.sqrt(1 - decay**2)
        state = 0.0
        for k, kick in enumerate(kicks):
            state = decay * state + kick
            total[k] += state
    return total


def made_by(model_name: str, values: dict[str, float], seconds: float, repeats: int, seed: int) -> Response:
    """The response of a model to such a noise, recorded `repeats` times."""
    model = fit_model(model_name)
    current = noise(seconds, seed)
    empty = Response(current, STEP, 0.5, seconds, (np.array([1.0]),))
    program = FitProgram(model, [empty], 1, repeats)
    ((index, times),) = program.run(points(model.free, values)[np.newaxis, np.newaxis, :], seed)
    return Response(current, STEP, 0.5, seconds, tuple(np.sort(times[index == k]) for k in range(repeats)))


@pytest.mark.slow
def test_generalised_neuron_is_found_again() -> None:
    """In the range published for such models (normalised coincidence factor 0.6 to 0.8 and above), for every seed."""
    train = made_by("gif", CELL, 60.0, 1, seed=5)
    test = made_by("gif", CELL, 10.0, 10, seed=6)
    cell = CellData("made", train, test)
    assert 100 < train.trains[0].size < 1500
    found = evaluate(fit(fit_model("gif"), [cell], (1, 2, 3), progress=False), [cell])
    print(found[["seed", "loss", "gamma", "reliability", "gamma_normalised"]])
    assert found["reliability"].iloc[0] > 0.4
    assert (found["gamma_normalised"] > 0.7).all()
    assert found["rate_error"].abs().max() < 0.15
