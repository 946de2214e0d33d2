"""Vectors of single units: stimulus, what must come out, which events; as a stream of text, or in files."""

from __future__ import annotations

from npusim.vectors.units.names import unit_named, unit_names
from npusim.vectors.units.stimuli import Origin, stimuli
from npusim.vectors.units.unit import Case, Level, VectorUnit

__all__ = ["Case", "Level", "Origin", "VectorUnit", "stimuli", "unit_named", "unit_names"]
