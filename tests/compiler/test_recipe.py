"""Recipes as files: what ships loads, what is wrong names file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from npusim.compiler import load_recipe, recipe_names
from npusim.compiler.schema import recipe_schema
from npusim.errors import InputError
from npusim.files.yaml_file import read_yaml
from npusim.schemas import SCHEMA_FOLDER
from tests.datapath.json_schema import accepts

SCHEMA = recipe_schema()

GOOD = """\
format: npusim-recipe-1
name: mine
title: mine
passes:
  - {pass: fold_batch_norm}
  - pass: activation_ranges
    method: mse
  - {pass: quantize_weights, scheme: shift_scaler}
  - {pass: lower}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_load_and_carry_their_names(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.passes[0].kind == "fold_batch_norm"
    assert load_recipe(recipe) is recipe


def test_a_path_is_a_recipe(tmp_path: Path) -> None:
    assert [step.kind for step in load_recipe(write(tmp_path, GOOD)).passes] == [
        "fold_batch_norm",
        "activation_ranges",
        "quantize_weights",
        "lower",
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "says"),
    [
        ("pass: fold_batch_norm", "pass: fold_batchnorm", 5, "passes[0].pass", "fold_batch_norm"),
        ("method: mse", "methd: mse", 7, "passes[1].methd", "did you mean 'method'"),
        ("method: mse", "method: msee", 7, "passes[1].method", "min_max"),
        ("scheme: shift_scaler", "scheme: 3", 8, "passes[2].scheme", "shift_scaler"),
        (", scheme: shift_scaler", "", 8, "passes[2].scheme", "missing"),
        ("method: mse", "percentile: 101", 7, "passes[1].percentile", "100"),
        ("method: mse", "sigmas: six", 7, "passes[1].sigmas", "number"),
        ("name: mine", "nme: mine", 2, "nme", "did you mean 'name'"),
        ("name: mine", "name: my recipe", 2, "name", "my recipe"),
        ("npusim-recipe-1", "npusim-recipe-9", 1, "format", "npusim-recipe-1"),
        ("title: mine", "title: mine\nname: again", 4, "name", "duplicate"),
        ("title: mine", "title: *mine", 3, "title", "alias"),
        ("passes:", "passes: []\nothers:", 5, "others", "unknown key"),
    ],
)
def test_mistakes_name_file_line_and_key(
    tmp_path: Path, old: str, new: str, line: int, key: str, says: str
) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(InputError) as caught:
        load_recipe(path)
    assert (caught.value.file, caught.value.line, caught.value.key) == (str(path), line, key)
    assert says in str(caught.value)


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_are_valid_and_point_editors_to_the_schema(name: str) -> None:
    path = SCHEMA_FOLDER.parent / "recipes" / f"{name}.yaml"
    assert path.read_text().splitlines()[0] == "# yaml-language-server: $schema=../schemas/recipe.schema.json"
    assert accepts(SCHEMA, read_yaml(path).data, SCHEMA)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pass": "fold_batchnorm"},
        {"pass": "activation_ranges", "methd": "mse"},
        {"pass": "activation_ranges", "method": "msee"},
        {"pass": "quantize_weights", "scheme": 3},
        {"pass": "quantize_weights"},
        {"pass": "activation_ranges", "percentile": 101},
        {"method": "mse"},
    ],
)
def test_the_schema_refuses_what_does_not_load(tmp_path: Path, wrong: dict[str, object]) -> None:
    recipe = read_yaml(write(tmp_path, GOOD)).data
    assert accepts(SCHEMA, recipe, SCHEMA)
    assert not accepts(SCHEMA, {**recipe, "passes": [*recipe["passes"], wrong]}, SCHEMA)


def test_an_empty_list_of_passes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_recipe(write(tmp_path, GOOD.split("passes:", maxsplit=1)[0] + "passes: []\n"))
    assert (caught.value.line, caught.value.key) == (4, "passes")


def test_unknown_names_are_answered_with_close_ones() -> None:
    with pytest.raises(InputError, match="did you mean 'wes'"):
        load_recipe("wess")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="file not found") as caught:
        load_recipe(tmp_path / "no.yaml")
    assert caught.value.file == str(tmp_path / "no.yaml")


@pytest.mark.parametrize(
    "late", ["equalize", "absorb_bias", "open_relu6, mode: cap", "spiq", "fold_batch_norm"]
)
def test_ranges_are_set_after_the_passes_that_move_them(tmp_path: Path, late: str) -> None:
    text = GOOD.replace("  - {pass: lower}\n", f"  - {{pass: {late}}}\n  - {{pass: lower}}\n")
    path = write(tmp_path, text)
    with pytest.raises(
        InputError, match=f"{late.partition(',')[0]} changes the values that activation_ranges"
    ) as caught:
        load_recipe(path)
    assert (caught.value.file, caught.value.key) == (str(path), "passes[3]")
    assert caught.value.line == len(text.splitlines()) - 1
