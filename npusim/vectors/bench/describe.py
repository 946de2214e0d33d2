"""A case as data: what the cocotb bench drives and compares, in ``case.json``."""

from __future__ import annotations

import json
import os
from typing import Any

from npusim.vectors.bench.case import Case
from npusim.vectors.bench.feeds import feeds
from npusim.vectors.bench.mac import compared_outputs, constant_feeds
from npusim.vectors.bench.pool import pool_registers
from npusim.vectors.bench.text import table_file
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.bench.unit_ports import WALK_BITS, WALK_REGISTERS, shows_accumulators
from npusim.vectors.bench.user import UserUnit

_FAMILIES = {
    UnitKind.MAC: "beats",
    UnitKind.MATMUL: "beats",
    UnitKind.POOL: "windows",
    UnitKind.WALK: "walk",
}


def description(case: Case, user: UserUnit | None = None) -> str:
    """The text of ``case.json``; paths are relative to the folder it stands in."""
    unit = case.unit
    family = _FAMILIES.get(unit.kind, "words")
    shown = shows_accumulators(unit) and (user is None or user.has("accumulators"))
    table = unit.table
    content: dict[str, Any] = {
        "case": case.name,
        "unit": unit.name,
        "family": family,
        "ports": [[port.name, port.direction.value, port.bits] for port in unit.ports()],
        "columns": unit.columns,
        "latency": unit.latency if user is None else user.latency,
        "comparisons": case.comparisons,
        "sizes": dict(case.sizes),
        "files": [
            {
                "name": file.name,
                "path": os.path.relpath(case.place(file), case.case_folder),
                "word_bits": file.word_bits,
                "words": file.words,
                "checksum": file.checksum,
            }
            for file in case.files
        ],
        "constants": [list(each) for each in _constants(unit)],
        "feeds": [[f.port, f.file, f.index.value, f.signed, f.bits] for f in feeds(unit)]
        if family == "words"
        else [],
        "compared": [list(each) for each in compared_outputs(unit, accumulators=shown)],
        "table": None
        if table.field is None
        else {"file": table_file(unit), "entries": table.entries, "bits": table.bits},
        "resumes": unit.resumes,
        "masked": user is None or user.has("in_image"),
    }
    return json.dumps(content, indent=1) + "\n"


def _constants(unit: Unit) -> list[tuple[str, str, int]]:
    """(port, file, bits) of what stays while an output is made."""
    if unit.kind is UnitKind.POOL:
        return pool_registers(unit)
    if unit.kind is UnitKind.WALK:
        return [(name, f"walk_{name}", WALK_BITS) for name in WALK_REGISTERS]
    return list(constant_feeds(unit)) if unit.kind in _FAMILIES else []
