"""A pipeline together with the fields it runs on: what is compared, changed and proven."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.elementwise import widen
from npusim.kernels.pipeline import run
from npusim.kernels.plan import Plan, compile_pipeline
from npusim.kernels.rescale import fits, rescale
from npusim.spec import pipeline
from npusim.spec.stages import BaseStage, Fields, Table
from npusim.steps.fields import PlainFields, needed_fields

Words = npt.NDArray[np.int64]

_NARROW = np.dtype(np.int16)


@dataclass(frozen=True, eq=False)
class Rescale:
    """Stages and fields of `channels` columns.

    Attributes
    ----------
    fields
        Integers, one for all or int64[channels]; tables.
    """

    stages: tuple[BaseStage, ...]
    fields: PlainFields
    channels: int

    @cached_property
    def plan(self) -> Plan:
        """What the kernels run."""
        return compile_pipeline(self.stages, self.fields, self.channels)

    @cached_property
    def tables(self) -> frozenset[str]:
        """The fields that are tables."""
        return frozenset(stage.table for stage in self.stages if isinstance(stage, Table))

    def run(self, values: Words) -> npt.NDArray[Any]:
        """The shipped kernels' answers for int64[rows, channels]; `values` are kept."""
        fused = self.plan.fused
        if fused is not None and values.size and fits(fused, _greatest(values), _NARROW):
            return rescale(
                self.plan, np.ascontiguousarray(values), _NARROW, bits=_greatest(values).bit_length()
            )
        return run(self.plan, widen(values))

    def spec(self, value: int, channel: int) -> int:
        """The spec's answer for one value of one channel."""
        return pipeline.run(self.stages, int(value), self.channel(channel)).result

    @cached_property
    def _plain(self) -> tuple[Fields, dict[str, list[int]]]:
        """Fields that all channels share, and those that each has its own of."""
        shared: dict[str, int | list[int]] = {}
        own: dict[str, list[int]] = {}
        for name, value in self.fields.items():
            plain = np.asarray(value).tolist()
            if isinstance(plain, list) and name not in self.tables:
                own[name] = plain
            else:
                shared[name] = plain
        return shared, own

    def channel(self, channel: int) -> Fields:
        """One channel's fields as the spec reads them."""
        shared, own = self._plain
        return {**shared, **{name: values[channel] for name, values in own.items()}}

    def columns(self, chosen: npt.NDArray[np.integer] | slice) -> Rescale:
        """The same for some of its channels."""
        count = len(np.arange(self.channels)[chosen])
        fields = {
            name: value if name in self.tables or np.ndim(value) == 0 else np.asarray(value)[chosen]
            for name, value in self.fields.items()
        }
        return Rescale(self.stages, fields, count)

    def field_matrix(self) -> Words:
        """Each channel's fields in a row, int64[channels, fields]; equal rows compute the same."""
        rows = [
            np.broadcast_to(np.asarray(self.fields[name], np.int64), (self.channels,))
            for name in needed_fields(self.stages)
            if name not in self.tables
        ]
        return np.stack([np.zeros(self.channels, np.int64), *rows], axis=1)


def _greatest(values: Words) -> int:
    """A power of two that no value exceeds in magnitude."""
    return 1 << int(max(-int(values.min()), int(values.max()), 1)).bit_length()
