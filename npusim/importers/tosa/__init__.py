"""TOSA graphs of the integer profile, read from their flatbuffers."""

from npusim.importers.tosa.graph import NotConstantError, UnsupportedError
from npusim.importers.tosa.importer import import_graph, import_tosa

__all__ = ["NotConstantError", "UnsupportedError", "import_graph", "import_tosa"]
