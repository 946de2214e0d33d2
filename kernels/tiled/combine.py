"""Elementwise add, sub and mul of 8-bit tensors of one shape, from codes to codes, in parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.kernels.direct.protocol import Bytes, Call
from npusim.kernels.emit.combine import combine_codes
from npusim.kernels.emit.registers import COUNT, VECTOR
from npusim.kernels.emit.rescale import Form
from npusim.kernels.isa import InstructionSet, selected
from npusim.kernels.jit import Int, kernel, part, readonly
from npusim.kernels.ops import Words
from npusim.kernels.plan import Plan
from npusim.kernels.tiled.constants import RescaleConstants, rescale_constants
from npusim.kernels.tiled.operand_line import operand_line, operand_values
from npusim.spec.elementwise import Combination

UNIT = 1 << 12
"""Codes of a unit."""

OPERANDS, ENDS, FORM = 0, 14, 18
"""Where they stand in the settings."""


class TiledCombination:
    """One step's combination; make it with `tiled_combination`.

    Attributes
    ----------
    units
        Stretches of codes.
    unit
        Codes of one.
    scratch_bytes
        What a call needs.
    constants
        As `combine` takes them: constants and settings.
    rescale
        Whose constants they are.
    size
        Codes of the output.
    reach
        The greatest magnitude of what the operands combine to.
    """

    def __init__(self, rescale: RescaleConstants, settings: Words, size: int, reach: int) -> None:
        self.rescale, self.constants = rescale, (rescale.rows, settings)
        self.size, self.reach = size, reach
        self.unit, self.units = UNIT, -(-size // UNIT)
        self.scratch_bytes = 3 * VECTOR

    def run(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int) -> None:
        """See `Direct.run`."""
        begin, end = first * UNIT, min(last * UNIT, self.size)
        a, b = inputs
        combine(a, b, *self.constants, begin, end, scratch, out)

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes) -> list[Call]:
        """See `Chained.calls`."""
        return [Call(combine, (*inputs, *self.constants, 0, self.size, scratch, out))]


def tiled_combination(
    combination: Combination,
    operands: tuple[Plan, Plan],
    result: Plan,
    inputs: Sequence[np.dtype[np.generic]],
    codes: np.dtype[np.generic],
    size: int,
) -> TiledCombination | None:
    """The one-pass form of a step on two tensors of one shape; None if it is not proven right.

    Every code of either operand is tried; sums are proven to fit int32, the result by its constants.

    Parameters
    ----------
    operands, result
        The step's pipelines.
    inputs, codes
        The types of both inputs' codes and of the output's.
    size
        Codes of the output.
    """
    if selected() is InstructionSet.GENERIC or any(each != inputs[0] for each in inputs):
        return None
    if inputs[0].itemsize != 1 or np.any(np.ptp(result.columns, axis=1)):
        return None
    unsigned, product = inputs[0] == np.uint8, combination is Combination.PRODUCT
    signs = (1, -1 if combination is Combination.DIFFERENCE else 1)
    settings, reaches = [int(product), 128 if unsigned else 0], []
    for plan, sign in zip(operands, signs, strict=True):
        values = operand_values(plan, unsigned)
        line = None if values is None else operand_line(plan, unsigned, values, sign)
        if values is None or line is None:
            return None
        reaches.append(int(np.abs(values).max()))
        settings += line
    reach = reaches[0] * reaches[1] if product else sum(reaches)
    if max(*reaches, reach) >= 1 << 31:
        return None
    channel = np.zeros(COUNT, np.int64)
    start = np.zeros(result.channels, np.int64)
    constants = rescale_constants(result, reach, channel, start, codes, without={Form.HALVES})
    if constants is None:
        return None
    settings += [*constants.ends, int(constants.form)]
    return TiledCombination(constants, readonly(settings, np.int64), size, reach)


@part
def _stretches(a: Int, b: Int, stretches: int, settings: Words, constants: int, out: Int) -> None:
    form, operands = settings[FORM], settings.ctypes.data + 8 * OPERANDS
    combine_codes(form, a, b, stretches, operands, constants, settings.ctypes.data + 8 * ENDS, out)


@part
def take_rest(a: Bytes, b: Bytes, begin: int, end: int, scratch: Bytes) -> None:
    """Both operands' codes behind the last whole stretch, in scratch memory; zeros behind them."""
    # Code by code: slices take numba long to compile.
    rest = (end - begin) % VECTOR
    for i in range(2 * VECTOR):
        scratch[i] = 0
    for i in range(rest):
        scratch[i] = a[end - rest + i]
        scratch[VECTOR + i] = b[end - rest + i]


@part
def bring_rest(scratch: Bytes, begin: int, end: int, out: Bytes) -> None:
    """What has been made of them in scratch memory."""
    rest = (end - begin) % VECTOR
    for i in range(rest):
        out[end - rest + i] = scratch[2 * VECTOR + i]


@kernel(signatures=1)
def combine(
    a: Bytes, b: Bytes, constants: Bytes, settings: Words, begin: int, end: int, scratch: Bytes, out: Bytes
) -> None:
    """Codes `begin` .. `end` - 1; whole stretches where they are, the rest by way of scratch memory."""
    whole, rest = (end - begin) // VECTOR, (end - begin) % VECTOR
    # Addresses are unsigned, and would be binary64 with a number added.
    x, y, z = np.int64(a.ctypes.data), np.int64(b.ctypes.data), np.int64(out.ctypes.data)
    rows = constants.ctypes.data
    if whole > 0:
        _stretches(x + begin, y + begin, whole, settings, rows, z + begin)
    if rest > 0:
        take_rest(a, b, begin, end, scratch)
        x = np.int64(scratch.ctypes.data)
        _stretches(x, x + VECTOR, min(rest, 1), settings, rows, x + 2 * VECTOR)
        bring_rest(scratch, begin, end, out)
