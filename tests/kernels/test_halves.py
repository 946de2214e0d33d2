"""Rescaling by 16-bit halves of sums: the spec's codes at every end and for ties; what is not proven."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from npusim.kernels import isa
from npusim.kernels.emit.rescale import Form
from npusim.kernels.geometry import Geometry
from npusim.kernels.isa import InstructionSet
from npusim.kernels.jit import readonly
from npusim.kernels.packed import pack
from npusim.kernels.plan import Plan, compile_pipeline
from npusim.kernels.tiled.constants import rescale_constants
from npusim.kernels.tiled.conv import tiled_convolution
from npusim.spec.pipeline import run
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, BaseStage, Clamp, Multiply, ShiftRight

pytestmark = pytest.mark.skipif(
    isa.selected() is InstructionSet.GENERIC, reason="steps in one pass need AVX2 or more"
)

GREATEST = (1 << 31) - 1


def _stages(factor: int, shift: int, zero: int, rounding: Rounding = Rounding.HALF_UP) -> list[BaseStage]:
    rounded = ShiftRight(by=(shift,), rounding=rounding)
    return [Multiply(by=factor), rounded, Add(operand=zero), Clamp(low=-128, high=127)]


def _form(plan: Plan, reach: int) -> Form | None:
    order, start = np.zeros(16, np.int64), np.zeros(1, np.int64)
    found = rescale_constants(plan, reach, order, start, np.dtype(np.int8))
    return None if found is None else found.form


def _sums(factor: int, shift: int, zero: int) -> Iterator[int]:
    """Both halves at their ends, ties and their neighbours, the codes' ends."""
    for edge in (0, 1, 1 << 15, 1 << 16, 1 << 23, GREATEST):
        for near in range(-2, 3):
            yield from (edge + near, -edge + near)
    for code in (-129, -128, -1, 0, 1, 127, 128):
        exact = ((2 * (code - zero) - 1) << (shift - 1)) // factor
        yield from range(exact - 1, exact + 3)
    odd = factor // (factor & -factor)
    bits = shift - (factor // odd).bit_length() + 1
    if 1 <= bits <= 31:
        tie = pow(odd, -1, 1 << bits) * (1 << (bits - 1)) % (1 << bits)
        yield from (tie - 1, tie, tie + 1, tie - (1 << bits))


@pytest.mark.parametrize(("zero", "reach"), [(-128, GREATEST), (5, GREATEST), (-128, 1 << 22)])
def test_the_spec_s_codes_for_sums_at_every_end(zero: int, reach: int) -> None:
    random, point = np.random.default_rng(zero + 200), Geometry((1, 1), (1, 1))
    halves = 0
    for factor in (1, 3, 1 << 15, 40001, (1 << 16) - 1):
        for shift in (16, 17, 20, 25, 31, 40):
            stages = _stages(factor, shift, zero)
            known = [each for each in _sums(factor, shift, zero) if abs(each) <= reach]
            sums = np.array([*known, *random.integers(-reach, reach + 1, 64)])
            plan = compile_pipeline(stages, {}, sums.size)
            if _form(compile_pipeline(stages, {}, 1), reach) is not Form.HALVES:
                continue
            halves += 1
            packed = pack(np.zeros((sums.size, 1, 1, 4), np.int8), np.int8)
            step = tiled_convolution(packed, sums, point, (1, 1), plan, reach, np.dtype(np.int8))
            assert step is not None
            out, scratch = np.empty(sums.size, np.uint8), np.empty(step.scratch_bytes, np.uint8)
            step.run([readonly(np.zeros(4), np.uint8)], out, scratch, 0, 1)
            assert out.view(np.int8).tolist() == [run(stages, int(each), {}).values[-1] for each in sums]
    assert halves >= 16


def test_what_is_not_proven_takes_another_form() -> None:
    def form(*stages: BaseStage, reach: int = 1 << 20) -> Form | None:
        return _form(compile_pipeline(stages, {}, 1), reach)

    assert form(*_stages(40001, 17, 0)) is Form.HALVES
    assert form(*_stages(40001, 16, 0)) is not Form.HALVES  # half of 2**16 is no whole number of halves
    assert form(*_stages(20001, 16, 0)) is Form.HALVES  # both can be doubled
    assert form(*_stages(1 << 16, 20, 0)) is not Form.HALVES  # 17 bits
    assert form(*_stages(-40001, 20, 0)) is not Form.HALVES
    assert form(*_stages(0, 20, 0)) is not Form.HALVES
    assert form(*_stages(40001, 20, 0, Rounding.FLOOR)) is Form.HALVES
    for rule in (Rounding.HALF_AWAY, Rounding.HALF_EVEN, Rounding.TOWARD_ZERO):
        assert form(*_stages(40001, 20, 0, rule)) is not Form.HALVES
    # Behind 16 bits all must fit 32: the product, and the zero point shifted left.
    assert form(*_stages((1 << 16) - 1, 17, 0), reach=GREATEST) is Form.HALVES
    assert form(*_stages((1 << 16) - 1, 30, 1 << 15), reach=GREATEST // 2) is Form.HALVES
    assert form(*_stages((1 << 16) - 1, 30, 1 << 16), reach=(1 << 30) + (1 << 14)) is not Form.HALVES
    assert form(*_stages((1 << 16) - 1, 30, 1 << 15), reach=GREATEST) is not Form.HALVES
