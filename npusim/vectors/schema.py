"""The JSON Schemas of both kinds of `manifest.json`, for readers in other languages."""

from __future__ import annotations

from typing import Any

from npusim.model import Model
from npusim.vectors.manifest import Manifest
from npusim.vectors.units.manifest import UnitManifest


def vectors_schema() -> dict[str, Any]:
    """Sets of steps and networks."""
    return _schema(Manifest, "npusim vectors of steps and networks")


def unit_vectors_schema() -> dict[str, Any]:
    """Sets of single units."""
    return _schema(UnitManifest, "npusim vectors of units")


def _schema(model: type[Model], title: str) -> dict[str, Any]:
    made = model.model_json_schema()
    definitions = made.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": title,
        "$defs": dict(sorted(definitions.items())),
    }
