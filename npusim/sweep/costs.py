"""What a program's hardware pays for."""

from __future__ import annotations

import numpy as np

from npusim.datapath.checks import derive_pipeline
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.program import Program
from npusim.steps.mac_array import MacArrayStep


def costs(program: Program) -> dict[str, int]:
    """The cost columns.

    Returns
    -------
    accumulator_bits
        The MAC accumulator's width.
    multiplier_bits, shift_bits, inverse_shift_bits
        Widths of these fields; 0 without one.
    rescale_bits
        The widest exact value in the rescale behind the MACs, for all values its fields can hold.
    parameter_bits
        Weights, biases and rescale fields of all steps on the MAC array, in the widths the datapath declares.
    weight_bytes
        The weights alone.
    macs
        Multiply-accumulates of one image.
    """
    datapath = program.datapath
    steps = [step for step in program.steps if isinstance(step, MacArrayStep)]
    weight_bits = [step.weights.size * datapath.weight.bits for step in steps]
    return {
        "accumulator_bits": datapath.mac.accumulator.bits,
        "multiplier_bits": _field_bits(datapath, "multiplier"),
        "shift_bits": _field_bits(datapath, "shift"),
        "inverse_shift_bits": _field_bits(datapath, "inverse_shift"),
        "rescale_bits": _rescale_bits(datapath),
        "parameter_bits": sum(weight_bits) + sum(_other_bits(step, datapath) for step in steps),
        "weight_bytes": sum(-(-bits // 8) for bits in weight_bits),
        "macs": program.macs,
    }


def _field_bits(datapath: Datapath, name: str) -> int:
    return datapath.fields[name].bits if name in datapath.fields else 0


def _rescale_bits(datapath: Datapath) -> int:
    widths = (
        width.exact.bits
        for operation in ("mac", "conv2d", "depthwise_conv2d", "dense")
        if operation in datapath.pipelines
        for width in derive_pipeline(datapath, operation, PipelineRole.RESULT)
    )
    return max(widths, default=0)


def _other_bits(step: MacArrayStep, datapath: Datapath) -> int:
    """Biases and fields of one step."""
    fields = sum(np.size(value) * datapath.fields[name].bits for name, value in step.fields.items())
    return step.outputs * datapath.mac.bias.bits + int(fields)
