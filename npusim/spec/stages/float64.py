"""A.float64: kernels that rescale in double precision. IEEE 754 binary64, in integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from npusim.spec.floats import BINARY64, FloatFormat
from npusim.spec.stages.float_stage import FloatStage


@dataclass(frozen=True, kw_only=True)
class Float64(FloatStage):
    """Rescale in binary64; `scale` names an unsigned 63-bit field: no sign, since no scale is negative."""

    format: ClassVar[FloatFormat] = BINARY64
    scale_bits: ClassVar[int] = 63

    stage: Literal["float64"] = "float64"
