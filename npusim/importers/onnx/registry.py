"""The converters, by ONNX operation."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

import npusim.importers.onnx.converters
from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.graph import Array, OnnxNode

Made = Tensor | Array | list[Tensor]
Converter = Callable[[OnnxNode, Builder], Made]
"""Makes layers; returns what the node's output is, or all outputs."""


@cache
def converters() -> dict[str, Converter]:
    """Every operation the importer knows."""
    package = npusim.importers.onnx.converters
    found: dict[str, Converter] = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        found |= getattr(module, "CONVERTERS", {})
    return dict(sorted(found.items()))
