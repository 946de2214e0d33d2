"""The exported JSON Schema accepts what loads, refuses what does not, and is up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from npusim.datapath import preset_names
from npusim.datapath.changes import apply_changes
from npusim.datapath.schema import datapath_schema
from npusim.files.yaml_file import read_yaml
from npusim.schemas import SCHEMA_FOLDER, SCHEMAS, export_schemas, schema_text
from tests.datapath.json_schema import accepts

SCHEMA = datapath_schema()
PRESETS = SCHEMA_FOLDER.parent / "datapaths"


def data_of(name: str) -> Any:
    return read_yaml(PRESETS / f"{name}.yaml").data


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_committed_schema_is_up_to_date(name: str) -> None:
    """When it fails: ``python -c "from npusim.schemas import export_schemas; export_schemas()"``."""
    assert (SCHEMA_FOLDER / name).read_text(encoding="utf-8") == schema_text(SCHEMAS[name])


def test_export_writes_every_registered_schema(tmp_path: Path) -> None:
    written = export_schemas(tmp_path, {"a.json": lambda: {"type": "object"}, "b.json": dict})
    assert written == [tmp_path / "a.json", tmp_path / "b.json"]
    assert (tmp_path / "a.json").read_text() == '{\n  "type": "object"\n}\n'


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_valid_and_point_editors_to_the_schema(name: str) -> None:
    assert accepts(SCHEMA, data_of(name), SCHEMA)
    first = (PRESETS / f"{name}.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../schemas/datapath.schema.json"


@pytest.mark.parametrize(
    "changes",
    [
        {"mac.lanes": 0},
        {"mac.lane": 4},
        {"activation.bits": "8"},
        {"pipelines.mac.result[1].rounding": "half"},
        {"pipelines.mac.result[1].stage": "shift"},
        {"pipelines.mac.result[2]": {"operand": "y_zero"}},
        {"pipelines.mac.result[2]": {"stage": "add"}},
        {"scale.rounding": "nearest"},
        {"scale.bits": 3},
        {"nmae": "x"},
    ],
)
def test_what_does_not_load_is_invalid(changes: dict[str, Any]) -> None:
    assert not accepts(SCHEMA, apply_changes(data_of("wes_npu"), changes), SCHEMA)


@pytest.mark.parametrize(
    "changes",
    [{"extends": 3}, {"sets": {}}, {"set": []}, {"set": {"mac..lanes": 4}}, {"set": {"a[x]": 4}}],
)
def test_wrong_variants_are_invalid(changes: dict[str, Any]) -> None:
    assert not accepts(SCHEMA, {**data_of("wes_npu_floor"), **changes}, SCHEMA)
