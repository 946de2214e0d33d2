"""Rescaling in binary64, in one pass: the spec's codes for ties and their neighbours; what is not proven."""

from __future__ import annotations

import numpy as np
import pytest

from npusim.kernels import isa
from npusim.kernels.geometry import Geometry
from npusim.kernels.isa import InstructionSet
from npusim.kernels.jit import readonly
from npusim.kernels.packed import pack
from npusim.kernels.plan import compile_pipeline
from npusim.kernels.tiled.conv import TiledConvolution, tiled_convolution
from npusim.spec.pipeline import run
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, BaseStage, Clamp
from npusim.spec.stages.float64 import Float64

pytestmark = pytest.mark.skipif(
    isa.selected() is InstructionSet.GENERIC, reason="steps in one pass need AVX2 or more"
)

GREATEST = (1 << 31) - 1
SCALES = (
    0.5,
    0.25,
    float(np.nextafter(0.5, 0)),
    float(np.nextafter(0.5, 1)),
    1.5,
    127.5,
    2.0**-20,
    0.002979507770665836,
    1 / 3,
    5e-324,
    0.0,
)


def _stages(rounding: Rounding = Rounding.HALF_AWAY, bits: int = 32, zero: int = -7) -> list[BaseStage]:
    real = Float64(scale="scale", rounding=rounding, to=bits)
    return [real, Add(operand=zero), Clamp(low=-128, high=127)]


def _step(
    scales: list[float], sums: list[int], stages: list[BaseStage], reach: int, codes: type = np.int8
) -> TiledConvolution | None:
    patterns = np.array(scales, np.float64).view(np.int64)
    plan = compile_pipeline(stages, {"scale": patterns}, len(scales))
    packed = pack(np.zeros((len(scales), 1, 1, 4), np.int8), np.int8)
    bias = np.array(sums, np.int64)
    return tiled_convolution(packed, bias, Geometry((1, 1), (1, 1)), (1, 1), plan, reach, np.dtype(codes))


def _codes(step: TiledConvolution, count: int) -> list[int]:
    out, scratch = np.empty(count, np.uint8), np.empty(step.scratch_bytes, np.uint8)
    step.run([readonly(np.zeros(4), np.uint8)], out, scratch, 0, 1)
    return [int(code) for code in out.view(np.int8)]


@pytest.mark.parametrize("scale", SCALES)
def test_the_spec_s_codes_for_ties_and_their_neighbours(scale: float) -> None:
    reach = int((GREATEST - 1) / scale) if scale > 1 else GREATEST
    random = np.random.default_rng(0)
    sums = [*range(-40, 41), reach, -reach, *(int(each) for each in random.integers(-reach, reach + 1, 50))]
    if scale > 1e-9:
        for half in range(-131, 132, 2):  # what comes nearest to a tie
            nearest = min(max(round(half / 2 / scale), -reach), reach)
            sums += [each for each in range(nearest - 1, nearest + 2) if abs(each) <= reach]
    step = _step([scale] * len(sums), sums, _stages(), reach)
    assert step is not None
    fields = {"scale": int(np.array(scale).view(np.int64))}
    assert _codes(step, len(sums)) == [run(_stages(), each, fields).values[-1] for each in sums]


def test_a_scale_for_each_channel() -> None:
    scales, sums = list(SCALES[:-2]) * 4, [*range(-18, 18)]
    step = _step(scales, sums, _stages(), 1000)
    assert step is not None
    fields = [{"scale": int(np.array(each).view(np.int64))} for each in scales]
    expected = [run(_stages(), each, own).values[-1] for each, own in zip(sums, fields, strict=True)]
    assert _codes(step, len(sums)) == expected


def test_what_is_not_proven_is_left_to_the_general_kernels() -> None:
    assert _step([0.5], [0], _stages(), GREATEST) is not None
    assert _step([1.0], [0], _stages(), GREATEST - 1) is not None
    assert _step([1.0], [0], _stages(), GREATEST) is None  # its rounding may leave 32 bits
    assert _step([1.0], [0], _stages(bits=20), (1 << 19) - 2) is not None
    assert _step([1.0], [0], _stages(bits=20), (1 << 19) - 1) is None  # the register behind it
    assert _step([0.5], [0], _stages(Rounding.HALF_EVEN), 1000) is None
    assert _step([0.5], [0], _stages(zero=1 << 15), 1000) is None
    assert _step([0.5], [0], _stages()[:1], 1000) is None
    assert _step([0.5], [0], _stages(), 1000, np.int16) is None
    assert _step([0.5], [0], _stages(), 1000, np.uint8) is None  # bounds that are no codes
