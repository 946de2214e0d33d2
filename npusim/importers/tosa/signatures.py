"""Which types an operation takes in the integer profile, with the extensions for int4 and int16."""

from __future__ import annotations

from npusim.importers.tosa.builder import CODES, Builder
from npusim.importers.tosa.graph import Operator

Types = tuple[str, ...]

_MOVED = ("BOOL", "INT8", "INT16", "INT32")


def _each(kinds: Types, pattern: str) -> set[Types]:
    """The same type wherever a pattern says ``T``."""
    return {tuple(kind if part == "T" else part for part in pattern.split()) for kind in kinds}


_CONVOLUTION: set[Types] = {
    ("INT8", "INT8", "INT32", "INT8", "INT8", "INT32"),
    ("INT8", "INT4", "INT32", "INT8", "INT4", "INT32"),
    ("INT16", "INT8", "INT48", "INT16", "INT8", "INT48"),
}
_RESCALED: set[Types] = {
    (x, multiplier, "INT8", x, y, y)
    for x in ("INT8", "INT16", "INT32", "INT48")
    for multiplier in ("INT16", "INT32")
    for y in ("INT8", "INT16", "INT32")
}

SIGNATURES: dict[str, set[Types]] = {
    "ADD": {("INT32", "INT32", "INT32")},
    "ARGMAX": {("INT8", "INT32"), ("INT16", "INT32")},
    "ARITHMETIC_RIGHT_SHIFT": _each(("INT8", "INT16", "INT32"), "T T T"),
    "AVG_POOL2D": _each(("INT8", "INT16"), "T T T T"),
    "CLAMP": _each(("INT8", "INT16"), "T T"),
    "CONV2D": _CONVOLUTION,
    "DEPTHWISE_CONV2D": _CONVOLUTION,
    "IDENTITY": _each((*_MOVED, "INT4", "INT48"), "T T"),
    "MATMUL": {("INT8", "INT8", "INT8", "INT8", "INT32"), ("INT16", "INT16", "INT16", "INT16", "INT48")},
    "MAXIMUM": {("INT32", "INT32", "INT32")},
    "MAX_POOL2D": _each(("INT8", "INT16"), "T T"),
    "MINIMUM": {("INT32", "INT32", "INT32")},
    "MUL": _each(("INT8", "INT16", "INT32"), "T T INT8 INT32"),
    "PAD": _each(_MOVED, "T SHAPE T T"),
    "RESCALE": _RESCALED,
    "RESHAPE": _each(_MOVED, "T SHAPE T"),
    "RESIZE": {
        (x, "SHAPE", "SHAPE", "SHAPE", y)
        for x, y in (("INT8", "INT8"), ("INT8", "INT32"), ("INT16", "INT16"), ("INT16", "INT48"))
    },
    "SLICE": _each(_MOVED, "T SHAPE SHAPE T"),
    "SUB": {("INT32", "INT32", "INT32")},
    "TABLE": {("INT8", "INT8", "INT8"), ("INT16", "INT16", "INT32")},
    "TILE": _each(_MOVED, "T SHAPE T"),
    "TRANSPOSE": _each(_MOVED, "T T"),
    "TRANSPOSE_CONV2D": _CONVOLUTION,
}
"""By operation the types of its operands and of its result; CONCAT has as many operands as it likes."""


def check_signature(operator: Operator, builder: Builder) -> None:
    """Hold an operator's operands and result against what the operation takes.

    Raises
    ------
    InputError
        If there are too many or too few.
    UnsupportedError
        If the specification may know the types, but the importer does not.
    """
    if len(operator.outputs) != 1:
        raise operator.error("one output is wanted", found=len(operator.outputs))
    kinds = tuple(builder.tensor(operator, place).kind for place in range(len(operator.inputs)))
    made = builder.output(operator).kind
    if operator.op == "CONCAT":
        if not kinds or {*kinds} != {made} or made not in CODES:
            raise operator.error("operands of the output's type are wanted", found=kinds, allowed=made)
        return
    known = SIGNATURES[operator.op]
    count = len(next(iter(known))) - 1
    if len(kinds) != count:
        raise operator.error("the number of operands", found=len(kinds), allowed=str(count))
    if (*kinds, made) not in known:
        raise operator.unsupported("the types of its operands and result", found=(*kinds, made))
