"""What convolutions and dense share: weights, bias, fused clip, and how they are lowered."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.files.arrays import FloatArray
from npusim.layers.base import FloatTensor
from npusim.layers.expansion import Part, expanded_steps, expands
from npusim.layers.fusing import FusingLayer
from npusim.layers.lowering import Lowering
from npusim.moments import Moments
from npusim.quantization import QuantizedWeights
from npusim.spec.convolution import ZeroPoint
from npusim.steps.base import Step
from npusim.steps.fields import FieldValues
from npusim.steps.mac import MacOperation, MacStep
from npusim.steps.pipelines import require_pipeline


class MacLayer(FusingLayer):
    """A layer that runs on the MAC array.

    Attributes
    ----------
    weights
        Output channels first.
    bias
        One per output channel; None: zero.
    caps
        Upper bounds of the fused activation function per output channel, below that of `clip`: what is
        left of a ReLU6 whose channels were scaled. The datapath needs a `high` per channel.
    """

    weights: FloatArray
    bias: FloatArray | None = None
    caps: FloatArray | None = None

    def geometry(self) -> dict[str, Any]:
        """How the MAC step walks over its input."""
        return {}

    @property
    def uniform(self) -> bool:
        """Whether every output pixel reads the input through all of the kernel: no padding, no phases."""
        padding = self.geometry().get("padding", ())
        return not any(side for axis in padding for side in axis)

    @property
    def taps_share(self) -> float:
        """The share of the kernel that one output pixel reads, on the average."""
        return 1.0

    @property
    def operation(self) -> MacOperation:
        """Which operation of the MAC array it is."""
        raise NotImplementedError

    @property
    def output_channels(self) -> int:
        """How many."""
        return int(self.weights.shape[0])

    @property
    def real_bias(self) -> npt.NDArray[Any]:
        """The bias, zeros where there is none."""
        return np.zeros(self.output_channels, self.weights.dtype) if self.bias is None else self.bias

    def check_bias(self) -> None:
        """Raise InputError if the bias does not fit."""
        if self.bias is not None and self.bias.shape != (self.output_channels,):
            raise InputError(
                "one bias per output channel is wanted",
                key="bias",
                found=self.bias.shape,
                allowed=f"({self.output_channels},)",
            )

    def finish(self, sums: FloatTensor) -> FloatTensor:
        """Add the bias, apply the fused clip: in place."""
        if self.bias is not None:
            sums += self.bias.astype(sums.dtype)
        if self.clip is not None and self.clip != (None, None):
            np.clip(sums, *self.clip, out=sums)
        return sums if self.caps is None else np.minimum(sums, self.caps.astype(sums.dtype), out=sums)

    def input_channels(self, channels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """A vector over input channels as each output reads it: (outputs, inputs per group)."""
        raise NotImplementedError

    def moments(self, inputs: Sequence[Moments]) -> Moments:
        """Plain variance algebra, inputs taken as independent (algorithms.md 1.7)."""
        weights = self.weights.astype(np.float64).reshape(self.output_channels, -1, self.weights.shape[-1])
        mean = np.einsum("oti,oi->o", weights, self.input_channels(inputs[0].mean)) * self.taps_share
        variance = np.einsum("oti,oi->o", weights**2, self.input_channels(inputs[0].variance))
        variance = variance * self.taps_share
        return self.activated(Moments.normal(mean + self.real_bias, np.sqrt(variance)))

    def activated(self, made: Moments) -> Moments:
        """Moments of its sums after the fused activation function."""
        made = made if self.clip is None else made.clipped(*self.clip)
        return made if self.caps is None else made.clipped(None, self.caps)

    def step_sums(self, sums: FloatTensor) -> dict[str, FloatTensor]:
        """Its sums as its MAC steps compute them, by the names of the steps."""
        return {self.name: sums}

    def lower(self, lowering: Lowering) -> list[Step]:
        (y,) = self.outputs
        return self.mac_steps(lowering, self.name, y, lambda codes: codes, self.operation, self.geometry())

    def mac_steps(
        self,
        lowering: Lowering,
        name: str,
        output: str,
        part: Part,
        operation: MacOperation,
        geometry: dict[str, Any],
    ) -> list[Step]:
        """The steps that compute the layer, or some pixels of it with the part of the weights they read."""
        weights = lowering.weights[self.name]
        if expands(weights, lowering.datapath):
            return expanded_steps(self, lowering, name, output, part, operation, geometry)
        return [self._mac_step(lowering, name, output, part(weights.codes), operation, geometry)]

    def _mac_step(
        self,
        lowering: Lowering,
        name: str,
        output: str,
        codes: npt.NDArray[Any],
        operation: MacOperation,
        geometry: dict[str, Any],
    ) -> MacStep:
        (x,) = self.inputs
        (y,) = self.outputs
        weights = lowering.weights[self.name]
        x_quantization = lowering.quantization[x]
        worth = accumulator_worth(lowering.real_scale(x), weights)
        bias = lowering.bias_codes(self.real_bias, worth)
        if lowering.datapath.mac.zero_point is ZeroPoint.FOLDED:
            sums = codes.reshape(self.output_channels, -1).sum(axis=1, dtype=np.int64)
            bias = bias - x_quantization.zero_point * sums
        fields, activation = lowering.output_fields(y, self.clip, self.caps)
        fields |= lowering.input_fields(x) | self.scale_fields(lowering, weights, y)
        return MacStep(
            name=name,
            inputs=(x,),
            output=output,
            operation=operation,
            weights=codes,
            bias=bias,
            fields=fields,
            activation=activation,
            **geometry,
        )

    def scale_fields(self, lowering: Lowering, weights: QuantizedWeights, y: str) -> FieldValues:
        """What takes its sums to the scale of its output `y`: the fields of the rescale."""
        x_scale, y_scale = lowering.real_scale(self.inputs[0]), lowering.real_scale(y)
        stages = require_pipeline(lowering.datapath, self.operation.value, PipelineRole.RESULT)
        if len(weights.scales) > 1:
            scales = [weights.channel_scale(o) for o in range(weights.outputs)]
            return lowering.channel_scales(
                [lowering.ratio([x_scale, scale], y_scale) for scale in scales], stages
            )
        layer = lowering.ratio([x_scale, Fraction(float(weights.scales[0]))], y_scale)
        return lowering.scale_fields(layer, stages) | lowering.inverse_shifts(weights.shifts)


def accumulator_worth(x_scale: Fraction, weights: QuantizedWeights) -> list[Fraction]:
    """W3: the real value of one accumulator unit of each channel, ``S_x * S_w / 2**k``."""
    return [x_scale * weights.channel_scale(o) for o in range(weights.outputs)]
