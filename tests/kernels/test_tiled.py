"""Steps in one pass, tile by tile: the general kernels' codes on every instruction set, and proofs."""

from __future__ import annotations

import numpy as np
import pytest

from npusim.kernels import isa
from npusim.kernels.geometry import Geometry
from npusim.kernels.isa import InstructionSet
from npusim.kernels.packed import Nest, pack
from npusim.kernels.plan import compile_pipeline
from npusim.kernels.tiled.conv import tiled_convolution
from npusim.kernels.tiled.depthwise import tiled_depthwise
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, BaseStage, Clamp, Multiply, ShiftLeft, ShiftRight
from npusim.spec.width import Overflow
from tests.kernels.processes import run_python

TILED = [choice.value for choice in isa.available() if choice is not InstructionSet.GENERIC]

needs_tiles = pytest.mark.skipif(isa.selected() is InstructionSet.GENERIC, reason="needs AVX2 or more")


@pytest.mark.parametrize("bundle", ["tiled_bundle", "combine_bundle"])
@pytest.mark.parametrize("name", TILED)
def test_one_pass_equals_the_general_kernels_between_guard_pages(name: str, bundle: str) -> None:
    done = run_python("-m", f"tests.kernels.{bundle}", NPUSIM_ISA=name)
    assert done.stdout.endswith(" cases agree\n"), done.stderr
    assert done.returncode == 0


def _made(
    *stages: BaseStage, reach: int = 1 << 20, weight: int = 1, codes: type = np.int8, x: type = np.int8
) -> bool:
    plan = compile_pipeline(stages, {"high": np.array([90, 91])}, 2)
    point, bias, out = Geometry((1, 1), (1, 1)), np.zeros(2, np.int64), np.dtype(codes)
    dense = pack(np.full((2, 1, 1, 4), weight, np.int16), x)
    by_channel = pack(np.full((2, 1, 1, 1), weight, np.int16), x, nest=Nest.DEPTHWISE, groups=2)
    found = tiled_convolution(dense, bias, point, (1, 1), plan, reach, out)
    other = tiled_depthwise(by_channel, bias, point, (1, 1), plan, reach, out)
    assert (found is None) == (other is None)
    return found is not None


SHIFT = ShiftRight(by=(16,), rounding=Rounding.HALF_UP)
CLAMP = Clamp(low=-100, high=90)


@needs_tiles
def test_what_is_not_proven_is_left_to_the_general_kernels() -> None:
    assert _made(Multiply(by=40001), SHIFT, Add(operand=3), CLAMP)
    assert _made(SHIFT, SHIFT, CLAMP)
    assert not _made(SHIFT, SHIFT, SHIFT, CLAMP)  # not the common list
    assert not _made(SHIFT, Clamp(low=-100, high="high"))  # bounds differ between channels
    assert _made(SHIFT, CLAMP, weight=128)
    assert _made(SHIFT, CLAMP, x=np.int16)
    assert not _made(SHIFT, Clamp(low=-300, high=90))
    assert not _made(SHIFT, CLAMP, codes=np.int16)
    assert not _made(SHIFT, CLAMP, reach=1 << 31)  # sums may leave int32
    assert _made(Multiply(by=1 << 16), SHIFT, CLAMP, reach=(1 << 31) - 3)
    assert not _made(Multiply(by=1 << 16), SHIFT, CLAMP, reach=(1 << 31) - 2)  # results may leave int32
    greatest = (1 << 62) // ((1 << 31) - 1)
    wide = Multiply(by=(1 << 31) - 1), ShiftRight(by=(40,), rounding=Rounding.FLOOR), CLAMP
    assert _made(*wide, reach=greatest // 2)
    assert not _made(*wide, reach=greatest + 1)  # products may leave the word
    assert _made(ShiftRight(by=(200,), rounding=Rounding.CEIL), Add(operand=100), CLAMP)
    wide = Multiply(by=(1 << 31) - 1), ShiftRight(by=(62,), rounding=Rounding.HALF_AWAY)
    assert _made(*wide, Add(operand=-128), CLAMP, reach=1 << 30)  # the zero point is added behind the shift
    assert not _made(*wide, Add(operand=-(1 << 20)), CLAMP, reach=1 << 30)


@needs_tiles
def test_a_left_shift_that_could_wrap_is_not_left_out() -> None:
    rest = Multiply(by=1 << 30), ShiftRight(by=(31,), rounding=Rounding.HALF_UP), CLAMP
    lifted = ShiftLeft(by=3, bits=32, overflow=Overflow.WRAP), *rest
    assert _made(*lifted, reach=(1 << 28) - 1)
    assert not _made(*lifted, reach=1 << 28)


def test_the_generic_set_has_no_one_pass_form() -> None:
    script = (
        "from tests.kernels.test_tiled import _made, SHIFT, CLAMP; from npusim.kernels import isa\n"
        "print(isa.selected().value, _made(SHIFT, CLAMP))"
    )
    assert run_python("-c", script, NPUSIM_ISA="generic").stdout == "generic False\n"
