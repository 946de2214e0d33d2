"""What steps on the MAC array share: weights, bias, and how they walk over their input (W2, A6)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from math import prod
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.files.arrays import CodeArray, IntegerArray
from npusim.geometry import image_shape, window_output
from npusim.model import Pads, Pair, Shape, Size
from npusim.spec.interval import Interval
from npusim.steps.base import Step, TensorType
from npusim.steps.fields import FieldValue, FieldValues


class MacOperation(StrEnum):
    """How the MAC array walks over its input (A6)."""

    CONV2D = "conv2d"
    DEPTHWISE_CONV2D = "depthwise_conv2d"
    DENSE = "dense"


class MacArrayStep(Step):
    """A step that multiplies and accumulates.

    Attributes
    ----------
    weights
        Codes, (outputs, kernel rows, kernel columns, inputs per group); dense: (outputs, inputs), over
        the last axis of an input of any rank.
        A depthwise step has one input per group, its output channel o reads input o // multiplier.
    bias
        One accumulator code per output, the folded zero point included where the datapath folds it.
    fields
        Registers; `x_zero` pads, `weight_zero` is taken off weights.
    """

    operation: MacOperation
    weights: CodeArray
    bias: IntegerArray
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Pads = ((0, 0), (0, 0))
    groups: Annotated[Size, Field(description="input channels are read in this many groups")] = 1
    fields: FieldValues

    @property
    def outputs(self) -> int:
        """Output channels."""
        return int(self.bias.shape[0])

    @property
    def all_weights(self) -> npt.NDArray[np.integer]:
        """The weights of every output channel."""
        return self.weights

    @property
    def kernel(self) -> tuple[int, int]:
        """Kernel rows and columns."""
        if self.operation is MacOperation.DENSE:
            return 1, 1
        return int(self.weights.shape[1]), int(self.weights.shape[2])

    @property
    def x_zero(self) -> int:
        """The code of real zero: what padding holds."""
        return _scalar(self.fields, "x_zero")

    @property
    def weight_zero(self) -> FieldValue:
        """What the MAC takes off the weights; 0: nothing."""
        return self.fields.get("weight_zero", 0)

    def image(self, shape: Shape) -> tuple[int, int, int]:
        """A tensor's shape as (rows, columns, channels): a dense step's rows are pixels of one row."""
        if self.operation is MacOperation.DENSE:
            return 1, prod(shape[:-1]), shape[-1]
        return image_shape(shape)

    def output_shape(self, x: TensorType) -> Shape:
        """The output's shape; raises InputError if the weights do not fit the input."""
        if self.operation is MacOperation.DENSE:
            self._check_dense(x)
            return (*x.shape[:-1], self.outputs)
        rows, columns, channels = image_shape(x.shape)
        self._check_channels(channels)
        size = window_output((rows, columns), self.kernel, self.stride, self.dilation, self.padding)
        return (*size, self.outputs)

    def _check_dense(self, x: TensorType) -> None:
        if self.weights.ndim != 2 or x.shape[-1] != self.weights.shape[1]:
            raise InputError(
                "weights do not fit the input",
                key="weights",
                found=self.weights.shape,
                allowed=f"(outputs, inputs) for an input of shape {x.shape}",
            )

    def _check_channels(self, channels: int) -> None:
        groups = channels if self.operation is MacOperation.DEPTHWISE_CONV2D else self.groups
        if self.operation is MacOperation.DEPTHWISE_CONV2D and self.groups not in {1, channels}:
            raise InputError("a depthwise step has as many groups as channels", key="groups")
        fits = (
            self.weights.ndim == 4
            and channels % groups == 0
            and len(self.all_weights) % groups == 0
            and self.weights.shape[3] == channels // groups
        )
        if not fits:
            raise InputError(
                "weights do not fit the input",
                key="weights",
                found=self.weights.shape,
                allowed="(outputs, rows, columns, inputs per group) "
                f"for {channels} channels, {groups} groups",
            )

    def check_operands(self, x: TensorType, datapath: Datapath) -> None:
        """A3: weights, bias and zero points fit the datapath and the input."""
        _check_codes("weights", self.weights, datapath.weight.interval)
        _check_codes("bias", self.bias, Interval.of(datapath.mac.bias.register))
        outputs = len(self.all_weights)
        if self.bias.shape != (outputs,):
            raise InputError(
                "one bias per output is wanted", key="bias", found=self.bias.shape, allowed=f"({outputs},)"
            )
        if self.x_zero not in x.codes.interval:
            allowed = str(x.codes.interval)
            raise InputError(
                "is no code of the input", key="fields.x_zero", found=self.x_zero, allowed=allowed
            )
        if "weight_zero" in self.fields and not datapath.weight.zero_point:
            raise InputError("the datapath's weights have no zero point", key="fields.weight_zero")

    def macs(self, inputs: Sequence[TensorType], output: TensorType) -> int:
        pixels = int(np.prod(output.shape[:-1]))
        return pixels * int(self.weights.size)


def _scalar(fields: FieldValues, name: str) -> int:
    value = fields.get(name, 0)
    if not isinstance(value, int):
        raise InputError("one value for the layer is wanted", key=f"fields.{name}", found=value)
    return value


def _check_codes(key: str, codes: np.ndarray, allowed: Interval) -> None:
    if codes.size == 0:
        raise InputError("is empty", key=key)
    low, high = int(codes.min()), int(codes.max())
    if low not in allowed or high not in allowed:
        raise InputError(
            "a code does not fit the datapath",
            key=key,
            found=low if low not in allowed else high,
            allowed=str(allowed),
        )
