"""The primitives of ARITHMETIC.md A, one file each; every pipeline is a list of them."""

from __future__ import annotations

from npusim.spec.stages.add import Add
from npusim.spec.stages.base import BaseStage, Fields, Operand, Ranges, field_name
from npusim.spec.stages.clamp import Clamp
from npusim.spec.stages.divide import Divide
from npusim.spec.stages.float32 import Float32
from npusim.spec.stages.float64 import Float64
from npusim.spec.stages.float_stage import FloatStage
from npusim.spec.stages.multiply import Multiply
from npusim.spec.stages.saturate import Saturate
from npusim.spec.stages.select_negative import SelectNegative
from npusim.spec.stages.shift_left import ShiftLeft
from npusim.spec.stages.shift_right import ShiftRight
from npusim.spec.stages.significant import Significant
from npusim.spec.stages.table import Table
from npusim.spec.stages.wrap import Wrap

Stage = (
    Add
    | Clamp
    | Divide
    | Float32
    | Float64
    | Multiply
    | Saturate
    | SelectNegative
    | ShiftLeft
    | ShiftRight
    | Significant
    | Table
    | Wrap
)
"""Any primitive."""

__all__ = [
    "Add",
    "BaseStage",
    "Clamp",
    "Divide",
    "Fields",
    "Float32",
    "Float64",
    "FloatStage",
    "Multiply",
    "Operand",
    "Ranges",
    "Saturate",
    "SelectNegative",
    "ShiftLeft",
    "ShiftRight",
    "Significant",
    "Stage",
    "Table",
    "Wrap",
    "field_name",
]
