"""What the fields and numbers of a TOSA file mean: the schema of TOSA's serialization library."""

from __future__ import annotations

from enum import IntEnum, StrEnum

MAJOR_VERSION = 1
"""Of the specification, as files give it."""

IDENTIFIER = b"TOSA"
"""Bytes 4 to 7 of every file."""


class GraphField(IntEnum):
    """The file."""

    VERSION = 0
    REGIONS = 1


class RegionField(IntEnum):
    """A region; the first is the graph."""

    NAME = 0
    BLOCKS = 1


class BlockField(IntEnum):
    """A basic block."""

    OPERATORS = 1
    TENSORS = 2
    INPUTS = 3
    OUTPUTS = 4
    SHAPES = 5


class OperatorField(IntEnum):
    """An operator."""

    OP = 0
    ATTRIBUTE_TYPE = 1
    ATTRIBUTE = 2
    INPUTS = 3
    OUTPUTS = 4


class TensorField(IntEnum):
    """A tensor."""

    NAME = 0
    SHAPE = 1
    TYPE = 2
    DATA = 3
    VARIABLE = 4
    UNRANKED = 5
    OFFSET = 7
    SIZE = 8


class ShapeField(IntEnum):
    """A shape: whole numbers that are operands."""

    NAME = 0
    RANK = 1
    DATA = 2


KINDS = (
    "UNKNOWN", "BOOL", "INT4", "INT8", "INT16", "INT32", "INT48", "FP32", "FP16", "BF16", "SHAPE",
)  # fmt: skip
"""Types of tensors by their number; those after these are extensions of the floating-point profile."""

OPERATIONS = (
    "UNKNOWN", "ARGMAX", "AVG_POOL2D", "CONV2D", "CONV3D", "DEPTHWISE_CONV2D", "FFT2D", "MATMUL",
    "MAX_POOL2D", "RFFT2D", "TRANSPOSE_CONV2D", "CLAMP", "ERF", "SIGMOID", "TANH", "ADD",
    "ARITHMETIC_RIGHT_SHIFT", "BITWISE_AND", "BITWISE_OR", "BITWISE_XOR", "INTDIV", "LOGICAL_AND",
    "LOGICAL_LEFT_SHIFT", "LOGICAL_RIGHT_SHIFT", "LOGICAL_OR", "LOGICAL_XOR", "MAXIMUM", "MINIMUM",
    "MUL", "POW", "SUB", "TABLE", "ABS", "BITWISE_NOT", "CEIL", "CLZ", "COS", "EXP", "FLOOR", "LOG",
    "LOGICAL_NOT", "NEGATE", "RECIPROCAL", "RSQRT", "SIN", "SELECT", "EQUAL", "GREATER",
    "GREATER_EQUAL", "REDUCE_ALL", "REDUCE_ANY", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PRODUCT",
    "REDUCE_SUM", "CONCAT", "PAD", "RESHAPE", "REVERSE", "SLICE", "TILE", "TRANSPOSE", "GATHER",
    "SCATTER", "RESIZE", "CAST", "RESCALE", "CONST", "IDENTITY", "CUSTOM", "COND_IF", "WHILE_LOOP",
    "VARIABLE", "VARIABLE_WRITE", "VARIABLE_READ", "CONST_SHAPE",
)  # fmt: skip
"""Operations by their number; their attributes have the same numbers."""


class Layout(StrEnum):
    """How an attribute lies in its table: a `struct` format, or a list."""

    FLAG = "?"
    ENUMERATION = "I"
    NUMBER = "i"
    NUMBERS = "list of i"
    BYTES = "list of B"


ATTRIBUTES: dict[str, dict[str, tuple[int, Layout]]] = {
    "ARGMAX": {"axis": (0, Layout.NUMBER)},
    "ARITHMETIC_RIGHT_SHIFT": {"round": (0, Layout.FLAG)},
    "AVG_POOL2D": {
        "kernel": (0, Layout.NUMBERS),
        "stride": (1, Layout.NUMBERS),
        "pad": (2, Layout.NUMBERS),
        "acc_type": (3, Layout.ENUMERATION),
    },
    "CLAMP": {"min_val": (0, Layout.BYTES), "max_val": (1, Layout.BYTES)},
    "CONCAT": {"axis": (0, Layout.NUMBER)},
    "CONV2D": {
        "pad": (0, Layout.NUMBERS),
        "stride": (1, Layout.NUMBERS),
        "dilation": (2, Layout.NUMBERS),
        "acc_type": (4, Layout.ENUMERATION),
    },
    "DEPTHWISE_CONV2D": {
        "pad": (0, Layout.NUMBERS),
        "stride": (1, Layout.NUMBERS),
        "dilation": (2, Layout.NUMBERS),
        "acc_type": (4, Layout.ENUMERATION),
    },
    "MAX_POOL2D": {"kernel": (0, Layout.NUMBERS), "stride": (1, Layout.NUMBERS), "pad": (2, Layout.NUMBERS)},
    "RESCALE": {
        "scale32": (0, Layout.FLAG),
        "rounding_mode": (1, Layout.ENUMERATION),
        "per_channel": (2, Layout.FLAG),
        "input_unsigned": (3, Layout.FLAG),
        "output_unsigned": (4, Layout.FLAG),
    },
    "RESIZE": {"mode": (0, Layout.ENUMERATION)},
    "TRANSPOSE": {"perms": (0, Layout.NUMBERS)},
    "TRANSPOSE_CONV2D": {
        "out_pad": (0, Layout.NUMBERS),
        "stride": (1, Layout.NUMBERS),
        "acc_type": (3, Layout.ENUMERATION),
    },
}
"""By operation the attributes that are read: field and layout."""


class RoundingMode(IntEnum):
    """Of RESCALE."""

    SINGLE_ROUND = 1
    INEXACT_ROUND = 2
    DOUBLE_ROUND = 3


class ResizeMode(IntEnum):
    """Of RESIZE."""

    NEAREST = 1
    BILINEAR = 2
