"""The converters of quantized operators, by the ONNX operation that they are the quantized form of."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import npusim.importers.qdq.converters
from npusim.importers.qdq.fused import FusedConverter


@cache
def fused_converters() -> dict[str, FusedConverter]:
    """Every operation that has a quantized form."""
    package = npusim.importers.qdq.converters
    found: dict[str, FusedConverter] = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        found |= getattr(module, "CONVERTERS", {})
    return dict(sorted(found.items()))
