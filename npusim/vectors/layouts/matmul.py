"""matmul steps: rows and columns beat by beat as they reach the lanes (A6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from npusim.spec.convolution import ZeroPoint
from npusim.steps.base import Array, TensorType
from npusim.steps.fields import FieldValues, Keeps
from npusim.steps.matmul import MatmulStep
from npusim.vectors.beat_order import BeatOrder
from npusim.vectors.layouts.base import Block, Layout, StepContext
from npusim.vectors.layouts.registers import register
from npusim.vectors.layouts.shown import Shown
from npusim.vectors.stream import Role, Stream
from npusim.vectors.words import Words


class MatmulLayout(Layout):
    """``activations``, ``weights``, ``operand_fields_<i>_<name>``, ``field_<name>``, accumulators, outputs.

    A pixel is a row of the first matrix, a channel a column of the second. Weights are the second
    matrix's columns, matrix by matrix.
    """

    taps = frozenset({"accumulator"})

    def __init__(self, context: StepContext) -> None:
        step, datapath = context.step, context.datapath
        assert isinstance(step, MatmulStep)
        self._shown = Shown(context)
        self.pixels = self._shown.pixels
        a, b = context.inputs
        self._inner, self._matrices = a.shape[-1], prod(a.shape[:-2])
        self._lanes = datapath.mac.lanes
        beats = -(-self._inner // self._lanes)
        self._missing = [int(np.max(fields.get("x_zero", 0))) for fields in step.operand_fields]
        self.beats = BeatOrder(
            loop_nest="block of the inner axis; lanes: the inner axis",
            beats=beats,
            lanes=self._lanes,
            columns=1,
            outputs_per_column=self._shown.channels,
            zero_point=ZeroPoint.SUBTRACT,
            pad_code=self._missing[0],
            missing_activation=self._missing[0],
        )
        per_beat = (("beat", beats),)
        self._activations = self._operand("activations", Role.ACTIVATIONS, a, self._shown.places, per_beat, 0)
        columns = (("matrix", self._matrices), ("column", self._shown.channels))
        self._weights = self._operand("weights", Role.WEIGHTS, b, columns, per_beat, 1)
        self._registers = [
            each
            for index, fields in enumerate(step.operand_fields)
            for each in _named(f"operand_fields_{index}_", fields, context)
        ]
        self._registers += _named("field_", step.fields, context)
        self.constant_streams = tuple(stream for stream, _ in self._registers)
        axes, y, bits = self._shown.axes, context.output, datapath.mac.accumulator.bits
        self._accumulators = Stream("expected_accumulators", Role.EXPECTED_ACCUMULATORS, bits, True, axes)
        self._output = Stream(
            "expected_outputs", Role.EXPECTED_OUTPUTS, y.bits, y.signed, axes, tensor=step.output
        )
        self._codes = step.keeps is Keeps.CODES
        self._tensors = step.inputs
        outputs = (self._output,) if self._codes else ()
        self.image_streams = (self._activations, self._weights, self._accumulators, *outputs)

    def _operand(
        self,
        name: str,
        role: Role,
        kind: TensorType,
        axes: tuple[tuple[str, int], ...],
        per_beat: tuple[tuple[str, int], ...],
        side: int,
    ) -> Stream:
        missing = f"the code {self._missing[side]}, which the operand pipeline takes as zero"
        return Stream(
            name, role, kind.bits, kind.signed, (*axes, *per_beat), lanes=self._lanes, missing_lanes=missing
        )

    def constants(self) -> Iterator[Block]:
        for stream, values in self._registers:
            yield from stream.blocks(values)

    def image(self, inputs: Sequence[Array], output: Array, taps: dict[str, Array]) -> Iterator[Block]:
        a, b = inputs
        rows = a.reshape(-1, self._inner)[self._shown.chosen]
        yield from self._activations.blocks(self._filled(rows, 0))
        columns = b.reshape(self._matrices, self._inner, -1).transpose(0, 2, 1)
        yield from self._weights.blocks(self._filled(columns, 1))
        yield from self._accumulators.blocks(self._shown.part(taps["accumulator"]))
        if self._codes:
            yield from self._output.blocks(self._shown.part(output))

    def _filled(self, codes: Array, side: int) -> Array:
        """With the last block's missing lanes."""
        short = -self._inner % self._lanes
        widths = [(0, 0)] * (codes.ndim - 1) + [(0, short)]
        return np.pad(codes, widths, constant_values=self._missing[side])


def _named(prefix: str, fields: FieldValues, context: StepContext) -> list[tuple[Stream, Words]]:
    return [register(f"{prefix}{name}", name, value, context.datapath, 1) for name, value in fields.items()]
