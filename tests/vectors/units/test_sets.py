"""Folders of unit vectors: every format is verified, edits are found, the manifest tells the whole story."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from npusim.coverage import Status
from npusim.datapath import load_datapath
from npusim.errors import CheckFailed, InputError
from npusim.files.atomic import LOCK_NAME
from npusim.schemas import SCHEMAS
from npusim.spec.pipeline import run
from npusim.vectors import VectorFormat, write_vectors
from npusim.vectors.units.manifest import read_unit_manifest
from npusim.vectors.units.sets import write_units
from npusim.vectors.units.verify_sets import verify_units
from tests.datapath.json_schema import accepts
from tests.vectors.programs import codes, small_network

WES = load_datapath("wes_npu")
UNITS = ["mac_column", "mul.operand", "table"]


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    for kind in VectorFormat:
        write_units(WES, folder / kind, units=UNITS, format=kind, beats=1)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != LOCK_NAME]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("kind", VectorFormat)
def test_a_set_is_verified_and_written_again_with_the_same_bytes(
    sets: Path, kind: VectorFormat, tmp_path: Path
) -> None:
    manifest = read_unit_manifest(sets / kind / "manifest.json")
    assert verify_units(sets / kind) == manifest.cases > 1000
    before = contents(copytree(sets / kind, tmp_path / "again"))
    assert set(before) == {*manifest.paths, "manifest.json"}
    write_units(WES, tmp_path / "again", units=UNITS, format=kind, beats=1)
    assert contents(tmp_path / "again") == before


@pytest.mark.parametrize("kind", ["hex", "text", "npz"])  # the readers of the others are tried word by word
def test_any_file_edited_or_cut_is_found(sets: Path, kind: str, tmp_path: Path) -> None:
    for name, content in contents(sets / kind).items():
        if name == "manifest.json":
            continue
        for changed in (content[:-2], content[: len(content) // 2] + b"~" + content[len(content) // 2 + 1 :]):
            folder = tmp_path / "set"
            if not folder.exists():
                copytree(sets / kind, folder)
            (folder / name).write_bytes(changed)
            with pytest.raises(CheckFailed):
                verify_units(folder)
            (folder / name).write_bytes(content)
        (folder / name).unlink()
        with pytest.raises(CheckFailed):
            verify_units(folder)
        (folder / name).write_bytes(content)


def test_an_edited_word_is_told_with_its_case(sets: Path, tmp_path: Path) -> None:
    folder = copytree(sets / "hex", tmp_path / "set")
    path = folder / "mul.operand" / "expected_outputs.hex"
    lines = path.read_text().split("\n")
    lines[8] = f"{int(lines[8], 16) ^ 1:0{len(lines[8])}x}"
    path.write_text("\n".join(lines))
    with pytest.raises(CheckFailed, match=r"mul\.operand: expected_outputs: case 7: found .* the spec makes"):
        verify_units(folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [('"cases": ', '"cases": 1'), ('"bits": 8', '"bits": 7'), ('"overflow": ', '"overflow": 1')],
)
def test_an_edited_manifest_is_found(sets: Path, tmp_path: Path, old: str, new: str) -> None:
    folder = copytree(sets / "hex", tmp_path / "set")
    text = (folder / "manifest.json").read_text()
    place = text.index('"units"')
    (folder / "manifest.json").write_text(text[:place] + text[place:].replace(old, new, 1))
    with pytest.raises((CheckFailed, InputError)):
        verify_units(folder)


def test_the_manifest_tells_what_is_covered(sets: Path) -> None:
    manifest = read_unit_manifest(sets / "npy" / "manifest.json")
    reports = json.loads((sets / "npy" / "coverage.json").read_text())
    certificates = {b["bin"]: b.get("certificate") for report in reports for b in report["bins"]}
    for unit in manifest.units:
        assert all(outcome.status in {Status.HIT, Status.UNREACHABLE} for outcome in unit.coverage)
        for outcome in unit.coverage:
            if outcome.status is Status.HIT:
                assert outcome.case is not None
                assert outcome.case < unit.cases
            else:
                text = json.dumps(certificates[outcome.bin], sort_keys=True, separators=(",", ":"))
                assert outcome.certificate_sha256 == sha256(text.encode()).hexdigest()
    assert manifest.registers.bits == sum(place.bits for place in manifest.registers.fields)
    places = {place.name: (place.offset, place.bits) for place in manifest.registers.fields}
    assert (places["multiplier"], places["shift"], places["inverse_shift"]) == ((0, 16), (16, 6), (22, 4))


def test_numpy_alone_reads_a_set(sets: Path) -> None:
    """The table's cases, computed again with the spec from the files."""
    held = np.load(sets / "npz" / "table.result" / "vectors.npz")
    stages = WES.pipelines["table"].result
    assert stages is not None
    tables = held["field_table"].reshape(-1, 256).tolist()
    columns = (held[name].tolist() for name in ("input_0", "table_choice", "expected_outputs"))
    for code, choice, expected in zip(*columns, strict=True):
        assert run(stages, code, {"table": tables[choice]}).result == expected


def test_both_kinds_of_manifest_satisfy_their_schemas(sets: Path, tmp_path: Path) -> None:
    schema = SCHEMAS["unit_vectors.schema.json"]()
    for kind in VectorFormat:
        data = json.loads((sets / kind / "manifest.json").read_text())
        assert accepts(schema, data, schema)
    del data["units"][0]["cases"]
    assert not accepts(schema, data, schema)
    schema = SCHEMAS["vectors.schema.json"]()
    program = small_network()
    for kind in (VectorFormat.HEX, VectorFormat.NPZ):
        made = write_vectors(program, codes(1, program), tmp_path / kind, format=kind, sample_pixels=4)
        data = json.loads((tmp_path / kind / "manifest.json").read_text())
        assert data == made.plain()
        assert accepts(schema, data, schema)
    data["steps"][0]["files"][0]["bits"] = "8"
    assert not accepts(schema, data, schema)


def test_a_folder_of_another_kind_is_refused(tmp_path: Path) -> None:
    program = small_network()
    write_vectors(program, codes(1, program), tmp_path, steps=["fc"])
    with pytest.raises(InputError, match="no unit vectors'"):
        write_units(WES, tmp_path, units=["mul.operand"])
