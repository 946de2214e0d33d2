"""The registers of a pipeline as inputs of a unit: ports, patterns, random contents that are legal."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from npusim.coverage import PipelineUnit
from npusim.spec.floats import FloatFormat
from npusim.spec.interval import Interval
from npusim.spec.stages import Clamp, FloatStage, field_name
from npusim.vectors.stream import Role
from npusim.vectors.units.patterns import float_patterns, patterns, weighted, weighted_float
from npusim.vectors.units.ports import ACTIVATION_BOUNDS, Port, has_activation
from npusim.vectors.units.unit import Level

_ACTIVATION = "activation"
"""The name the spec's clamp knows the activation's bounds by."""

_BOUNDS = Interval(0, 3)


class Registers:
    """Those that a pipeline reads, tables left out, and which of its bounds are an activation's.

    Attributes
    ----------
    names
        In the order of the integers.
    ranges
        What each may hold.
    """

    def __init__(self, unit: PipelineUnit) -> None:
        self._fields = unit.datapath.fields
        self.names = [name for name in unit.names if name not in unit.tables]
        self.ranges = [unit.ranges[name] for name in self.names]
        if has_activation(unit.stages):
            self.names.append(_ACTIVATION)
            self.ranges.append(_BOUNDS)
        self._floats: dict[str | None, FloatFormat] = {
            field_name(stage.scale): stage.format for stage in unit.stages if isinstance(stage, FloatStage)
        }
        self._clamps = [stage for stage in unit.stages if isinstance(stage, Clamp)]

    def ports(self, prefix: str) -> list[Port]:
        """One for each; a register of 0 bits, which the hardware lacks, has 1-bit words of 0."""
        found = []
        for name in self.names:
            if name == _ACTIVATION:
                bounds = prefix.removesuffix("field_") + ACTIVATION_BOUNDS
                found.append(Port(bounds, Role.FIELD, 2, signed=False))
            else:
                field = self._fields[name]
                found.append(Port(prefix + name, Role.FIELD, max(1, field.bits), field.signed))
        return found

    def patterns(self, level: Level) -> list[list[int]]:
        """A table of patterns for each."""
        return [
            float_patterns(self._floats[name], level) if name in self._floats else patterns(values, level)
            for name, values in zip(self.names, self.ranges, strict=True)
        ]

    def drawn(self, rng: random.Random) -> list[int]:
        """Weighted random contents."""
        return [
            weighted_float(self._floats[name], rng) if name in self._floats else weighted(values, rng)
            for name, values in zip(self.names, self.ranges, strict=True)
        ]

    def legal(self, held: Sequence[int]) -> list[int]:
        """Contents with bounds that would cross exchanged (A3)."""
        fields = self.named(held)
        for stage in self._clamps:
            low, high = str(stage.low), str(stage.high)
            if fields.get(low, 0) > fields.get(high, 0) and low in fields and high in fields:
                fields[low], fields[high] = fields[high], fields[low]
        return list(fields.values())

    def named(self, held: Sequence[int]) -> dict[str, int]:
        """Contents by name, as the spec reads them."""
        return dict(zip(self.names, held, strict=True))

    def held(self, fields: Mapping[str, int | tuple[int, ...]]) -> list[int]:
        """Contents from coverage's registers; clips at bounds are saturations there."""
        return [_number(fields.get(name, 0)) for name in self.names]


def _number(held: int | tuple[int, ...]) -> int:
    assert isinstance(held, int)
    return held
