"""Functions of one tensor, code by code: rescales and tables."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from npusim.datapath.operations import PipelineRole
from npusim.importers.tflite import functions
from npusim.importers.tflite.builder import CODES, Builder
from npusim.importers.tflite.graph import Operator, Tensor
from npusim.importers.tflite.hard_swish import hard_swish
from npusim.importers.tflite.registry import Converter
from npusim.importers.tflite.scales import code_of, ratio, scale_fields, single_ratio
from npusim.steps.concat import ConcatStep
from npusim.steps.pipelines import require_pipeline
from npusim.steps.recode import RecodeStep
from npusim.steps.table import TableStep

MakeFunction = Callable[[Operator, Tensor, Tensor, Builder], Callable[[int], int]]


def rescaled(builder: Builder, value: str, x: Tensor, y: Tensor, real: float, low: int, high: int) -> str:
    """Codes of another scale, by the datapath's rescale; a table where the type changes."""
    stages = require_pipeline(builder.datapath, "concat", PipelineRole.OPERAND)
    if x.kind == y.kind:
        zeros = {"x_zero": x.zero_point, "y_zero": y.zero_point, "low": low, "high": high}
        fields = {**zeros, **scale_fields([real], stages, builder.datapath)}
        return builder.add(ConcatStep, y.name, (value,), operand_fields=(fields,))
    rescale = functions.rescaler(real, builder.datapath)

    def of(code: int) -> int:
        return min(max(rescale(code - x.zero_point) + y.zero_point, low), high)

    return recoded(builder, value, x, y, of)


def recoded(builder: Builder, value: str, x: Tensor, y: Tensor, of: Callable[[int], int]) -> str:
    """Codes through a table of all of them."""
    limits = functions.interval_of(*CODES[y.kind])
    entries = functions.table(of, functions.interval_of(*CODES[x.kind]), limits)
    bits, signed = CODES[y.kind]
    own = builder.datapath.activation.register
    if x.kind == y.kind and bits == 8 and builder.tensors[value].codes.register == own:
        return builder.add(TableStep, y.name, (value,), fields={"table": entries})
    return builder.add(RecodeStep, y.name, (value,), bits=bits, signed=signed, table=entries[np.newaxis])


def _requantize(operator: Operator, builder: Builder) -> None:
    x, y, value = builder.tensor(operator, 0), builder.output(operator), builder.value(operator, 0)
    if y.kind not in CODES or x.kind not in CODES:
        raise operator.error("not between types of codes", found=f"{x.kind} to {y.kind}")
    limits = functions.interval_of(*CODES[y.kind])
    made = rescaled(builder, value, x, y, ratio(x.scale, y.scale), limits.low, limits.high)
    builder.finish(operator, made)


def _clipped(lower: float, upper: float | None) -> Converter:
    """The ReLU family: a rescale with other bounds."""

    def convert(operator: Operator, builder: Builder) -> None:
        x, y, value = builder.tensor(operator, 0), builder.output(operator), builder.value(operator, 0)
        limits = functions.interval_of(*CODES[y.kind])
        low = max(limits.low, code_of(lower, y))
        high = limits.high if upper is None else min(limits.high, code_of(upper, y))
        made = rescaled(builder, value, x, y, single_ratio(x.scale, by=y.scale), low, high)
        builder.finish(operator, made)

    return convert


def _tabulated(make: MakeFunction, widest: int = 8) -> Converter:
    """Any function of a code of up to so many bits."""

    def convert(operator: Operator, builder: Builder) -> None:
        x, y, value = builder.tensor(operator, 0), builder.output(operator), builder.value(operator, 0)
        if x.kind != y.kind or CODES[y.kind][0] > widest:
            found = f"{x.kind} to {y.kind}"
            raise operator.error(f"supported on codes of one type, up to {widest} bits", found=found)
        builder.finish(operator, recoded(builder, value, x, y, make(operator, x, y, builder)))

    return convert


def _real(function: functions.RealFunction) -> Converter:
    return _tabulated(lambda operator, x, y, builder: functions.real_function(function, x, y))


def _leaky_relu(operator: Operator, x: Tensor, y: Tensor, builder: Builder) -> Callable[[int], int]:
    return functions.leaky_relu(x, y, operator.real("Alpha"), builder.datapath)


def _prelu(operator: Operator, builder: Builder) -> None:
    """One slope per channel, or one for all: a table per slope."""
    x, slope, y = builder.tensor(operator, 0), builder.tensor(operator, 1), builder.output(operator)
    value, codes = builder.value(operator, 0), builder.constant(operator, 1)
    channels = builder.shape(value)[-1]
    if CODES.get(y.kind, (0,))[0] != 8:
        raise operator.error("supported on 8-bit codes", found=y.kind)
    if codes.size not in {1, channels} or x.kind != y.kind:
        raise operator.error("one slope per channel is supported", found=slope.shape, allowed=f"{channels}")
    bits, signed = CODES[y.kind]
    limits = functions.interval_of(bits, signed)
    tables = {
        code: functions.table(functions.prelu(x, slope, y, code, builder.datapath), limits, limits)
        for code in sorted(set(codes.reshape(-1).tolist()))
    }
    entries = np.stack([tables[int(code)] for code in codes.reshape(-1)])
    made = builder.add(RecodeStep, y.name, (value,), bits=bits, signed=signed, table=entries)
    builder.finish(operator, made)


CONVERTERS: dict[str, Converter] = {
    "EXP": _real(functions.exponential),
    "HARD_SWISH": _tabulated(lambda operator, x, y, builder: hard_swish(x, y)),
    "LEAKY_RELU": _tabulated(_leaky_relu, widest=16),
    "LOGISTIC": _real(functions.logistic),
    "PRELU": _prelu,
    "QUANTIZE": _requantize,
    "RELU": _clipped(0.0, None),
    "RELU6": _clipped(0.0, 6.0),
    "RELU_0_TO_1": _clipped(0.0, 1.0),
    "RELU_N1_TO_1": _clipped(-1.0, 1.0),
    "TANH": _real(functions.tanh),
}
