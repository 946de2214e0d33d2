"""The logistic function, without overflow."""

from __future__ import annotations

import numpy as np

from npusim.layers.base import FloatTensor


def logistic(x: FloatTensor) -> FloatTensor:
    """``1 / (1 + exp(-x))``, in the type of its argument.

    Examples
    --------
    >>> logistic(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    made: FloatTensor = np.exp(-np.logaddexp(0, -x))
    return made
