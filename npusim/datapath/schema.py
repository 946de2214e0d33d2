"""The JSON Schema of datapath files, for editors."""

from __future__ import annotations

from typing import Any

from npusim.datapath.model import Datapath

Schema = dict[str, Any]

_PATH = r"^[A-Za-z_][A-Za-z0-9_+-]*(\[[0-9]+\])*(\.[A-Za-z_][A-Za-z0-9_+-]*(\[[0-9]+\])*)*$"


def datapath_schema() -> Schema:
    """A whole datapath, or one that says what differs from another: ``extends`` and ``set``."""
    full = Datapath.model_json_schema()
    definitions = {name: _tagged(definition) for name, definition in full.pop("$defs").items()}
    definitions["Datapath"] = full
    definitions["Variant"] = _variant(full)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "npusim datapath",
        "if": {"type": "object", "required": ["extends"]},
        "then": {"$ref": "#/$defs/Variant"},
        "else": {"$ref": "#/$defs/Datapath"},
        "$defs": dict(sorted(definitions.items())),
    }


def _variant(full: Schema) -> Schema:
    extends = {"type": "string", "description": "The base: a preset's name, or a path from this file."}
    changes = {
        "type": "object",
        "description": "What differs: values by path, such as pipelines.mac.result[1].rounding.",
        "propertyNames": {"pattern": _PATH},
    }
    return {
        "description": "A datapath that differs from another; other keys replace the base's.",
        "type": "object",
        "properties": {"extends": extends, "set": changes, **full["properties"]},
        "required": ["extends"],
        "additionalProperties": False,
    }


def _tagged(definition: Schema) -> Schema:
    """A stage's kind has a default in Python, but files must name it."""
    if "const" not in definition.get("properties", {}).get("stage", {}):
        return definition
    return {**definition, "required": ["stage", *definition.get("required", [])]}
