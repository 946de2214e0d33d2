"""Presets by name, files, `extends` and `set`, and the errors each can have."""

from __future__ import annotations

from pathlib import Path

import pytest

from npusim.datapath import load_datapath, preset_names
from npusim.datapath.changes import apply_changes, parse_path
from npusim.datapath.load import datapath_from
from npusim.errors import InputError


def written(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refusal(path: Path | str) -> str:
    with pytest.raises(InputError) as caught:
        load_datapath(path)
    return str(caught.value)


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_dumped_and_loaded_is_itself(name: str) -> None:
    preset = load_datapath(name)
    assert datapath_from(preset.model_dump(mode="json", exclude_none=True)) == preset
    assert load_datapath(preset) is preset


def test_a_file_extends_a_preset_and_a_file_beside_it(tmp_path: Path) -> None:
    written(tmp_path, "extends: wes_npu\nname: first\nset:\n  mac.lanes: 4\n", "first.yaml")
    text = "extends: first.yaml\nname: second\nset:\n  fields.shift.bits: 5\n"
    second = load_datapath(written(tmp_path, text))
    assert (second.name, second.mac.lanes, second.fields["shift"].bits) == ("second", 4, 5)
    assert load_datapath(tmp_path / "first.yaml").fields["shift"].bits == 6


def test_set_may_add_a_key_at_its_end(tmp_path: Path) -> None:
    text = "extends: wes_npu\nname: more\nset:\n  fields.slope: {bits: 16, signed: true}\n"
    assert "slope" in load_datapath(written(tmp_path, text)).fields


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: wes_npuu\n", "no such datapath; found 'wes_npuu'; allowed: did you mean 'wes_npu'?"),
        ("extends: other.yaml\n", "other.yaml: file not found"),
        ("extends: 3\n", "mine.yaml:1: `extends` names a datapath and `set` maps paths to values"),
        ("extends: wes_npu\nset: [1]\n", "mine.yaml:1: `extends` names a datapath and `set` maps"),
        (
            "extends: wes_npu\nset:\n  mac.lanes: 4\n  mac.acumulator.bits: 9\n",
            "mine.yaml:4: mac.acumulator.bits: the path leads nowhere: nothing at 'acumulator'; allowed:",
        ),
        (
            "extends: wes_npu\nset:\n  pipelines.mac.result[4].rounding: floor\n",
            "mine.yaml:3: pipelines.mac.result[4].rounding: the path leads nowhere: nothing at 4",
        ),
        ("extends: wes_npu\nset:\n  mac..lanes: 4\n", "not a path to a key; found 'mac..lanes'"),
        ("extends: wes_npu\nset:\n  mac[0]: 4\n", "mine.yaml:3: mac[0]: the path leads nowhere"),
        (
            "extends: wes_npu\n\nset:\n  mac.lanes: 0\n",
            "mine.yaml:4: mac.lanes: wrong value; found 0; allowed: greater than or equal to 1",
        ),
        ("extends: wes_npu\nlanes: 4\n", "mine.yaml:2: lanes: unknown key"),
        ("extends: mine.yaml\n", "too many datapaths extend each other"),
        ("name: x\n", "required key is missing"),
        ("- 1\n", "mine.yaml:1: wrong value"),
    ],
)
def test_errors_name_file_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(written(tmp_path, text))


def test_a_base_that_is_no_mapping(tmp_path: Path) -> None:
    written(tmp_path, "- 1\n", "list.yaml")
    assert "list.yaml:1: not a datapath" in refusal(written(tmp_path, "extends: list.yaml\n"))


def test_an_unknown_name_lists_the_presets() -> None:
    assert "wes_npu_floor" in refusal("gemini")


def test_paths_are_split_into_keys_and_indices() -> None:
    assert parse_path("a.b[2][0].c-d") == ["a", "b", 2, 0, "c-d"]
    for wrong in ("", "a.", "a[x]", "a b", "[0"):
        with pytest.raises(InputError, match="not a path"):
            parse_path(wrong)


def test_changes_leave_the_original_alone() -> None:
    original = {"a": [{"b": 1}]}
    assert apply_changes(original, {"a[0].b": 2, "a[0].c": 3}) == {"a": [{"b": 2, "c": 3}]}
    assert apply_changes(original, {"a[0]": 9}) == {"a": [9]}
    assert original == {"a": [{"b": 1}]}
