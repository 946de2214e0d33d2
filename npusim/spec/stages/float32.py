"""A.float32: datapaths that rescale in single precision. IEEE 754 binary32, in integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from npusim.spec.floats import BINARY32, FloatFormat
from npusim.spec.stages.float_stage import FloatStage


@dataclass(frozen=True, kw_only=True)
class Float32(FloatStage):
    """Rescale in binary32; `scale` names an unsigned 32-bit field."""

    format: ClassVar[FloatFormat] = BINARY32
    scale_bits: ClassVar[int] = 32

    stage: Literal["float32"] = "float32"
