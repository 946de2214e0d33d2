"""mac steps: activations and weights beat by beat as they reach the lanes (A6), accumulators, outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from npusim.spec.convolution import ZeroPoint
from npusim.spec.loop_nest import conv2d_beats, depthwise_beats
from npusim.steps.base import Array
from npusim.steps.mac_array import MacArrayStep, MacOperation
from npusim.vectors.beat_order import BeatOrder
from npusim.vectors.layouts.base import Block, Layout, StepContext
from npusim.vectors.layouts.registers import register
from npusim.vectors.pixels import sample_pixels
from npusim.vectors.stream import BLOCK_VALUES, Axes, Role, Stream

Indices = npt.NDArray[np.int64]

_LOOP_NESTS = {
    MacOperation.CONV2D: "kernel row, kernel column, block of input channels; lanes: input channels",
    MacOperation.DEPTHWISE_CONV2D: "block of kernel positions; lanes: kernel positions in raster order",
    MacOperation.DENSE: "block of inputs; lanes: inputs",
}


class MacLayout(Layout):
    """``activations``, ``weights``, ``bias``, ``field_<name>``, expected accumulators and outputs."""

    taps = frozenset({"accumulator"})

    def __init__(self, context: StepContext) -> None:
        step = context.step
        assert isinstance(step, MacArrayStep)
        self._step, self._datapath = step, context.datapath
        mac = context.datapath.mac
        self._x_shape = step.image(context.inputs[0].shape)
        self._pixel_shape = step.image(context.output.shape)[:2]
        sampling = context.sampling
        self.pixels = None if sampling is None else sample_pixels(*self._pixel_shape, step.name, sampling)
        self._chosen = np.array(self.pixels or range(prod(self._pixel_shape)), np.int64)
        self._places = self._kernel_places(mac.lanes)
        depthwise = step.operation is MacOperation.DEPTHWISE_CONV2D
        columns = step.outputs if depthwise else step.groups
        subtracts = mac.zero_point is ZeroPoint.SUBTRACT
        self._beats = BeatOrder(
            loop_nest=_LOOP_NESTS[step.operation],
            beats=self._places.shape[1],
            lanes=mac.lanes,
            columns=columns,
            outputs_per_column=step.outputs // columns,
            zero_point=mac.zero_point,
            pad_code=step.x_zero,
            missing_activation=step.x_zero if subtracts else 0,
        )
        self.beats = self._beats
        self._streams(context)

    def _streams(self, context: StepContext) -> None:
        step, datapath, beats = self._step, context.datapath, self._beats
        pixels: Axes = (("pixel", len(self._chosen)),)
        channels: Axes = (("channel", step.outputs),)
        per_beat: Axes = (("beat", beats.beats),)
        x, register_ = context.inputs[0], datapath.weight.register
        self._activations = Stream(
            "activations",
            Role.ACTIVATIONS,
            x.bits,
            x.signed,
            (*pixels, ("column", beats.columns), *per_beat),
            lanes=beats.lanes,
            tensor=step.inputs[0],
            missing_lanes=f"the code {beats.missing_activation}, which the MAC takes as zero",
        )
        self._weights = Stream(
            "weights",
            Role.WEIGHTS,
            register_.bits,
            register_.signed,
            (*channels, *per_beat),
            lanes=beats.lanes,
            missing_lanes="weight_zero of the channel" if "weight_zero" in step.fields else "the code 0",
        )
        bias_bits = max(datapath.mac.accumulator.bits, datapath.mac.bias.bits)
        self._bias = Stream("bias", Role.BIAS, bias_bits, True, channels)
        self._fields = [
            register(f"field_{name}", name, value, datapath, step.outputs)
            for name, value in step.fields.items()
        ]
        self._accumulators = Stream(
            "expected_accumulators",
            Role.EXPECTED_ACCUMULATORS,
            datapath.mac.accumulator.bits,
            True,
            (*pixels, *channels),
        )
        self.constant_streams = (self._weights, self._bias, *(stream for stream, _ in self._fields))
        further = tuple(self._further(context, (*pixels, *channels)))
        self.image_streams = (self._activations, self._accumulators, *further)

    def _further(self, context: StepContext, axes: Axes) -> Iterator[Stream]:
        """What is shown of every image besides activations and accumulators; `axes`: pixels, channels."""
        y = context.output
        self._outputs = Stream(
            "expected_outputs", Role.EXPECTED_OUTPUTS, y.bits, y.signed, axes, tensor=self._step.output
        )
        yield self._outputs

    def _kernel_places(self, lanes: int) -> Indices:
        """(kernel row, kernel column, channel of the group) of each beat and lane; -1: missing."""
        step = self._step
        channels = step.weights.shape[-1]
        if step.operation is MacOperation.DEPTHWISE_CONV2D:
            beats = list(depthwise_beats(step.kernel, lanes))
        else:
            beats = list(conv2d_beats(step.kernel, channels, lanes))
        places = np.full((3, len(beats), lanes), -1, np.int64)
        for index, beat in enumerate(beats):
            places[:, index, : len(beat)] = np.array(beat, np.int64).T
        return places

    def constants(self) -> Iterator[Block]:
        yield from self._weight_blocks()
        yield from self._bias.blocks(self._step.bias)
        for stream, values in self._fields:
            yield from stream.blocks(values)

    def _weight_blocks(self) -> Iterator[Block]:
        step, (ky, kx, channel) = self._step, self._places
        weights = step.all_weights.reshape(step.outputs, *step.kernel, -1)
        missing = np.broadcast_to(np.asarray(step.weight_zero, np.int64), (step.outputs,))
        size = max(1, BLOCK_VALUES // channel.size)
        for start in range(0, step.outputs, size):
            rows = slice(start, start + size)
            codes = weights[rows][:, ky, kx, channel]
            yield from self._weights.blocks(np.where(channel < 0, missing[rows, None, None], codes))

    def image(self, inputs: Sequence[Array], output: Array, taps: dict[str, Array]) -> Iterator[Block]:
        yield from self._activation_blocks(inputs[0].reshape(self._x_shape))
        yield from self._accumulators.blocks(self.shown(taps["accumulator"]))
        yield from self._further_blocks(inputs, output)

    def _further_blocks(self, inputs: Sequence[Array], output: Array) -> Iterator[Block]:
        yield from self._outputs.blocks(self.shown(output))

    def shown(self, tensor: Array) -> Array:
        """The chosen pixels of a tensor of the output's shape: (pixels, channels)."""
        return tensor.reshape(-1, self._step.outputs)[self._chosen]

    def _activation_blocks(self, x: Array) -> Iterator[Block]:
        """Windows as flat indices into the padded input; the entry behind its end fills missing lanes."""
        step, beats = self._step, self._beats
        padded = np.pad(x, (*step.padding, (0, 0)), constant_values=step.x_zero)
        flat = np.append(padded.ravel(), np.asarray(beats.missing_activation, x.dtype))
        row, column = padded.shape[1] * padded.shape[2], padded.shape[2]
        ky, kx, channel = self._places
        in_window = ky * step.dilation[0] * row + kx * step.dilation[1] * column + channel
        reads = self._column_channels()[:, None, None] + in_window
        y, x_ = np.divmod(self._chosen, self._pixel_shape[1])
        corners = y * step.stride[0] * row + x_ * step.stride[1] * column
        size = max(1, BLOCK_VALUES // reads.size)
        for start in range(0, len(corners), size):
            indices = corners[start : start + size, None, None, None] + reads
            yield from self._activations.blocks(flat[np.where(channel < 0, flat.size - 1, indices)])

    def _column_channels(self) -> Indices:
        """The first input channel that each column reads."""
        step, beats = self._step, self._beats
        columns: Indices = np.arange(beats.columns, dtype=np.int64)
        if step.operation is MacOperation.DEPTHWISE_CONV2D:
            columns //= step.outputs // self._x_shape[2]
            return columns
        return columns * int(step.weights.shape[-1])
