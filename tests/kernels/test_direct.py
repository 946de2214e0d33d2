"""Steps in one pass: the general kernels' codes, no byte outside the tensors, proofs that refuse."""

from __future__ import annotations

import numpy as np
import pytest

from npusim.kernels import isa
from npusim.kernels.direct.conv import direct_convolution
from npusim.kernels.geometry import Geometry
from npusim.kernels.isa import InstructionSet
from npusim.kernels.packed import pack
from npusim.kernels.plan import compile_pipeline
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, BaseStage, Clamp, Multiply, ShiftRight
from tests.kernels.processes import run_python

needs_vnni = pytest.mark.skipif(
    isa.selected() is not InstructionSet.AVX512_VNNI, reason="needs AVX-512 VNNI, which this machine lacks"
)


@needs_vnni
def test_one_pass_equals_the_general_kernels_between_guard_pages() -> None:
    done = run_python("-m", "tests.kernels.direct_bundle")
    assert done.stdout.endswith(" cases agree\n"), done.stderr
    assert done.returncode == 0


def _made(*stages: BaseStage, reach: int = 1 << 20, weight: int = 1, codes: type = np.int8) -> bool:
    weights = np.full((2, 1, 1, 4), weight, np.int16)
    packed = pack(weights, np.int8)
    plan = compile_pipeline(stages, {"high": np.array([90, 91])}, 2)
    bias = np.zeros(2, np.int64)
    found = direct_convolution(packed, bias, Geometry((1, 1), (1, 1)), (1, 1), plan, reach, np.dtype(codes))
    return found is not None


SHIFT = ShiftRight(by=(16,), rounding=Rounding.HALF_UP)
CLAMP = Clamp(low=-100, high=90)


@needs_vnni
def test_what_is_not_proven_is_left_to_the_general_kernels() -> None:
    assert _made(Multiply(by=40001), SHIFT, Add(operand=3), CLAMP)
    assert not _made(SHIFT, SHIFT, CLAMP)  # not the common list
    assert not _made(SHIFT, Clamp(low=-100, high="high"))  # bounds differ between channels
    assert not _made(SHIFT, CLAMP, weight=128)  # no int8 weight
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


@pytest.mark.parametrize("name", ["generic", "avx2"])
def test_other_sets_have_no_one_pass_form(name: str) -> None:
    script = (
        "from tests.kernels.test_direct import _made, SHIFT, CLAMP; from npusim.kernels import isa\n"
        f"print(isa.selected().value == '{name}', _made(SHIFT, CLAMP))"
    )
    if name in {choice.value for choice in isa.available()}:
        done = run_python("-c", script, NPUSIM_ISA=name)
        assert done.stdout == "True False\n", done.stderr
