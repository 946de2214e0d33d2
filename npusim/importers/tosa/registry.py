"""The converters, by TOSA operation."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

import npusim.importers.tosa.converters
from npusim.importers.tosa.builder import Builder
from npusim.importers.tosa.graph import Operator

Converter = Callable[[Operator, Builder], None]
"""Adds the steps of an operator and says which tensor its output is."""


@cache
def converters() -> dict[str, Converter]:
    """Every operation the importer knows."""
    package = npusim.importers.tosa.converters
    found: dict[str, Converter] = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        found |= getattr(module, "CONVERTERS", {})
    return dict(sorted(found.items()))
