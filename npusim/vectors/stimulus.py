"""Stimulus for those who have no images: seeded codes, extremes among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.program import Program

_EXTREME_SHARE = 0.25


def seeded_inputs(program: Program, images: int, seed: int) -> dict[str, npt.NDArray[Any]]:
    """Codes of every input: uniform over the whole range, a quarter of them extremes or zero points.

    The first image is all least codes, the second all greatest ones, as far as there are so many.

    Parameters
    ----------
    seed
        The same seed gives the same codes on every machine.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    made = {}
    for name in program.input_names:
        kind = program.tensors[name]
        codes = kind.codes.interval
        real = program.real.tensors.get(name)
        corners = [codes.low, codes.high, 0 if real is None else real.zero_point]
        shape = (images, *kind.shape)
        values = rng.integers(codes.low, codes.high + 1, shape)
        values = np.where(rng.random(shape) < _EXTREME_SHARE, rng.choice(corners, shape), values)
        if images > 2:
            values[0], values[1] = codes.low, codes.high
        made[name] = values.astype(kind.dtype)
    return made
