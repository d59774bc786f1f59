r"""How far the spikes of a candidate are from those of the cell.

.. math::

   L = 1 - \tfrac12 (\Gamma_{4\,ms} + \Gamma_{16\,ms}) + \tfrac14 \left|\ln\frac{n + 1}{n_{cell} + 1}\right|

Gamma is the coincidence factor of :mod:`memneuro.biology.trains` with the training spikes, averaged over the trials of
a candidate. The wider precision and the number of spikes n lead the search where no spike coincides yet. The same for
every model. For a cell above 25 Hz the wider precision is 0.4 over its rate.
"""

from __future__ import annotations

import numpy as np

from memneuro.biology.fit.data import Response
from memneuro.biology.matching import gamma_many

#: Precisions of the coincidences, in seconds.
PRECISIONS = (4e-3, 16e-3)
RATE_WEIGHT = 0.25
#: Largest precision times the rate of the cell: Gamma is not defined from 0.5 on.
WIDEST = 0.4


def losses(response: Response, index: np.ndarray, times: np.ndarray, candidates: int, trials: int) -> np.ndarray:
    """Loss of each candidate, shape (candidates,); see the module's documentation.

    Parameters
    ----------
    response : Response
        The cell's, with one repeat.
    index, times : ndarray
        The spikes of all trains; see :meth:`memneuro.biology.fit.program.FitProgram.run`.
    candidates, trials : int
    """
    n = candidates * trials
    (reference,) = response.trains
    widest = WIDEST / response.rate
    gammas = [
        gamma_many(reference, index, times, n, response.duration, min(precision, widest)) for precision in PRECISIONS
    ]
    counts = np.bincount(index, minlength=n)
    rate = np.abs(np.log((counts + 1) / (reference.size + 1)))
    each = 1 - np.mean(gammas, axis=0) + RATE_WEIGHT * rate
    return each.reshape(candidates, trials).mean(axis=1)
