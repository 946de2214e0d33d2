"""What a pydantic model allows at a place in a document, read from its JSON schema."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema

Schema = dict[str, Any]


def allowed_keys(model: type[BaseModel], data: Any, location: tuple[str | int, ...]) -> list[str]:
    """The keys of the mapping at a location, in the model's order."""
    keys: dict[str, None] = {}
    for schema in _schemas_at(model, data, location):
        keys |= dict.fromkeys(schema.get("properties", {}))
    return list(keys)


def allowed_values(model: type[BaseModel], data: Any, location: tuple[str | int, ...]) -> list[str]:
    """The constants allowed at a location, in the model's order."""
    values: dict[str, None] = {}
    for schema in _schemas_at(model, data, location):
        constants = [schema["const"]] if "const" in schema else schema.get("enum", [])
        values |= dict.fromkeys(str(constant) for constant in constants)
    return list(values)


def _schemas_at(model: type[BaseModel], data: Any, location: tuple[str | int, ...]) -> list[Schema]:
    try:
        root = model.model_json_schema()
    except PydanticInvalidForJsonSchema:
        return []
    definitions = root.get("$defs", {})
    schemas = _choices(root, definitions, data)
    for part in location:
        data = _descend(data, part)
        children = [child for schema in schemas for child in _children(schema, part)]
        schemas = [choice for child in children for choice in _choices(child, definitions, data)]
    return schemas


def _descend(data: Any, part: str | int) -> Any:
    try:
        return data[part]
    except (KeyError, IndexError, TypeError):
        return None


def _children(schema: Schema, part: str | int) -> list[Schema]:
    if isinstance(part, int):
        prefix = schema.get("prefixItems", [])
        candidates = [prefix[part]] if part < len(prefix) else [schema.get("items")]
    else:
        candidates = [schema.get("properties", {}).get(part, schema.get("additionalProperties"))]
    return [candidate for candidate in candidates if isinstance(candidate, dict)]


def _choices(schema: Schema, definitions: Schema, data: Any) -> list[Schema]:
    """The schema with references and unions resolved, members that contradict `data` left out."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return _choices(definitions.get(name, {}), definitions, data)
    members = [member for word in ("anyOf", "oneOf", "allOf") for member in schema.get(word, [])]
    if members:
        return [choice for member in members for choice in _choices(member, definitions, data)]
    return [schema] if _agrees(schema, data) else []


def _agrees(schema: Schema, data: Any) -> bool:
    """False when a constant of the schema (the tag of a union) differs from the data."""
    if not isinstance(data, dict):
        return True
    for key, member in schema.get("properties", {}).items():
        if "const" in member and key in data and data[key] != member["const"]:
            return False
    return True
