"""Just enough of JSON Schema to try the exported schemas on documents."""

from __future__ import annotations

import re
from operator import ge, gt, le, lt
from typing import Any

Schema = dict[str, Any]

_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


_LIMITS = {"minimum": ge, "maximum": le, "exclusiveMinimum": gt, "exclusiveMaximum": lt}


def accepts(schema: Schema | bool, data: Any, root: Schema) -> bool:
    """Whether `data` satisfies the keywords that pydantic and npusim write."""
    if isinstance(schema, bool):
        return schema
    if "if" in schema:
        branch = "then" if accepts(schema["if"], data, root) else "else"
        return accepts(schema[branch], data, root)
    if "$ref" in schema and not accepts(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], data, root):
        return False
    if not _accepts_union(schema, data, root):
        return False
    if "type" in schema and not _has_type(schema["type"], data):
        return False
    if data != schema.get("const", data) or data not in schema.get("enum", [data]):
        return False
    if isinstance(data, dict):
        return _accepts_object(schema, data, root)
    if isinstance(data, list):
        return all(accepts(schema.get("items", True), item, root) for item in data)
    if isinstance(data, str):
        return re.search(schema.get("pattern", ""), data) is not None
    if isinstance(data, int | float):
        return all(holds(data, schema[key]) for key, holds in _LIMITS.items() if key in schema)
    return True


def _accepts_union(schema: Schema, data: Any, root: Schema) -> bool:
    if "anyOf" in schema and not any(accepts(one, data, root) for one in schema["anyOf"]):
        return False
    return "oneOf" not in schema or sum(accepts(one, data, root) for one in schema["oneOf"]) == 1


def _has_type(name: str, data: Any) -> bool:
    if name in {"integer", "number"}:
        kinds = (int,) if name == "integer" else (int, float)
        return isinstance(data, kinds) and not isinstance(data, bool)
    return isinstance(data, _TYPES[name])


def _accepts_object(schema: Schema, data: dict[str, Any], root: Schema) -> bool:
    return (
        all(key in data for key in schema.get("required", []))
        and all(accepts(_property(schema, key), value, root) for key, value in data.items())
        and all(accepts(schema.get("propertyNames", True), key, root) for key in data)
    )


def _property(schema: Schema, key: str) -> Any:
    """What a key's value must satisfy."""
    for pattern, value in schema.get("patternProperties", {}).items():
        if re.search(pattern, key):
            return value
    return schema.get("properties", {}).get(key, schema.get("additionalProperties", True))
