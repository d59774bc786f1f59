"""Where progress bars are drawn: on terminals and in notebooks, not into files and pipes."""

from __future__ import annotations

import sys


def no_bar(wanted: bool = True) -> bool:
    """Whether a bar stays hidden, for the argument `disable` of tqdm.

    Parameters
    ----------
    wanted : bool
        Whether the caller wants one at all.
    """
    return not wanted or not (sys.stderr.isatty() or "ipykernel" in sys.modules)
