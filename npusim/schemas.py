"""The JSON Schemas that ship in ``configs/schemas``, one file for each kind of document."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from npusim.compiler.schema import recipe_schema
from npusim.datapath.schema import datapath_schema
from npusim.files.atomic import atomic_path
from npusim.sweep.schema import sweep_schema
from npusim.vectors.schema import unit_vectors_schema, vectors_schema

SchemaMaker = Callable[[], dict[str, Any]]

SCHEMAS: Mapping[str, SchemaMaker] = {
    "datapath.schema.json": datapath_schema,
    "recipe.schema.json": recipe_schema,
    "sweep.schema.json": sweep_schema,
    "unit_vectors.schema.json": unit_vectors_schema,
    "vectors.schema.json": vectors_schema,
}
"""File name to the function that makes the schema."""

SCHEMA_FOLDER = Path(__file__).parent / "configs" / "schemas"


def schema_text(make: SchemaMaker) -> str:
    """A schema as it stands in its file; the same models, the same text."""
    return json.dumps(make(), indent=2) + "\n"


def export_schemas(folder: Path = SCHEMA_FOLDER, schemas: Mapping[str, SchemaMaker] = SCHEMAS) -> list[Path]:
    """Write every schema; returns the files written."""
    written = []
    for name, make in schemas.items():
        with atomic_path(folder / name) as path:
            path.write_text(schema_text(make), encoding="utf-8")
        written.append(folder / name)
    return written
