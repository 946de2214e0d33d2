"""The JSON Schema of recipe files, for editors."""

from __future__ import annotations

from typing import Any

from npusim.compiler.recipe import PASSES, Recipe


def recipe_schema() -> dict[str, Any]:
    """A recipe as its file stands: its passes with their settings, one of each kind that there is."""
    made = Recipe.model_json_schema()
    kinds = {pass_.__name__ for pass_ in PASSES.values()}
    definitions = {
        name: _named(definition) if name in kinds else definition
        for name, definition in sorted(made.pop("$defs").items())
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "npusim recipe",
        "$defs": definitions,
    }


def _named(definition: dict[str, Any]) -> dict[str, Any]:
    """A pass's name has a default in Python, but files must say it."""
    return {**definition, "required": ["pass", *definition.get("required", [])]}
