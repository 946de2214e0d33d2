"""Single changes to a recipe, by pass and setting: ``quantize_weights.rounding``."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from npusim.compiler.recipe import Recipe
from npusim.datapath.changes import apply_changes, parse_path
from npusim.errors import InputError
from npusim.files.explain import dotted
from npusim.files.yaml_file import Document, validate


def change_recipe(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """A copy of a recipe with some settings replaced.

    Parameters
    ----------
    changes
        By ``PASS.SETTING``; ``PASS[1].SETTING`` is the second pass of that kind.

    Raises
    ------
    InputError
        If a path leads nowhere, or a pass cannot have such a setting.

    Examples
    --------
    >>> from npusim.compiler.recipe import load_recipe
    >>> changed = change_recipe(load_recipe("wes"), {"quantize_weights.rounding": "squant"})
    >>> [step.rounding.value for step in changed.passes if step.kind == "quantize_weights"]
    ['squant']
    """
    if not changes:
        return recipe
    data = recipe.model_dump(mode="json", by_alias=True, exclude_none=True)
    kinds = [step.kind for step in recipe.passes]
    moved = {_place(path, kinds): value for path, value in changes.items()}
    return validate(Document(None, apply_changes(data, moved), {}), Recipe)


def _place(path: str, kinds: list[str]) -> str:
    """The path inside the recipe's own data."""
    kind, *rest = parse_path(path)
    which, rest = (rest[0], rest[1:]) if rest and isinstance(rest[0], int) else (0, rest)
    places = [index for index, found in enumerate(kinds) if found == kind]
    if not rest or which >= len(places):
        close = get_close_matches(str(kind), kinds, n=1)
        hint = f"did you mean {close[0]!r}?" if close and close[0] != kind else None
        allowed = hint or "PASS.SETTING with a pass of the recipe: " + ", ".join(dict.fromkeys(kinds))
        raise InputError("the path leads to no pass's setting", key=path, allowed=allowed)
    return dotted(("passes", places[which], *rest))
