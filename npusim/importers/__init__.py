"""Models of other tools, brought in."""

from __future__ import annotations

from npusim.importers.onnx.importer import import_network

__all__ = ["import_network"]
