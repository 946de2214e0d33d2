"""A recipe: the ordered list of passes and their settings, as YAML."""

from __future__ import annotations

from difflib import get_close_matches
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from npusim.compiler import passes
from npusim.compiler.base import Pass
from npusim.errors import InputError
from npusim.files.yaml_file import read_yaml, validate
from npusim.model import Model, Name
from npusim.registry import find

PASSES = find(passes, Pass, "pass_")
"""Every pass, by the name a recipe calls it."""

if TYPE_CHECKING:
    AnyPass = Pass
else:
    AnyPass = Annotated[reduce(or_, PASSES.values()), Field(discriminator="pass_")]

_RANGES = "activation_ranges"
_RECIPES = Path(__file__).parent.parent / "configs" / "recipes"


class Recipe(Model):
    """How a network is compiled.

    Attributes
    ----------
    needs
        What the datapath must have, as values by path. A datapath without it is changed so, under the
        name that `variant` gives it, and the program says so.
    """

    format: Literal["npusim-recipe-1"] = "npusim-recipe-1"
    name: Name
    title: str
    needs: dict[str, Any] = Field(default_factory=dict)
    variant: Name | None = None
    passes: Annotated[tuple[AnyPass, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Recipe:
        kinds = [each.kind for each in self.passes]
        first = kinds.index(_RANGES) if _RANGES in kinds else len(kinds)
        for index, each in enumerate(self.passes):
            if each.moves_ranges and index > first:
                raise ValueError(
                    f"passes[{index}]: {each.kind} changes the values that {_RANGES} has given ranges to; "
                    f"it must stand before passes[{first}]"
                )
        return self


def recipe_names() -> list[str]:
    """The names of the recipes that ship."""
    return sorted(path.stem for path in _RECIPES.glob("*.yaml"))


def load_recipe(source: str | Path | Recipe) -> Recipe:
    """Load a recipe: a shipped one by name, or a YAML file.

    Raises
    ------
    InputError
        If there is none, or it is not a recipe.

    Examples
    --------
    >>> [p.kind for p in load_recipe("wes").passes][-1]
    'lower'
    """
    if isinstance(source, Recipe):
        return source
    path = Path(source)
    if path.suffix not in {".yaml", ".yml"} and len(path.parts) == 1:
        path = _RECIPES / f"{source}.yaml"
        if not path.is_file():
            close = get_close_matches(str(source), recipe_names(), n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            names = ", ".join(recipe_names())
            raise InputError(
                "no such recipe",
                found=str(source),
                allowed=f"{hint}a path ending in .yaml, or one of: {names}",
            )
    return validate(read_yaml(path), Recipe)
