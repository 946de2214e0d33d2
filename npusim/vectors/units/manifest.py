"""What `manifest.json` says of a set of unit vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from npusim.coverage import Report, Status
from npusim.datapath import Datapath
from npusim.files.digest import bytes_digest
from npusim.files.yaml_file import validate
from npusim.model import Model
from npusim.spec import ARITHMETIC_VERSION
from npusim.vectors.formats import VectorFormat
from npusim.vectors.manifest import (
    LANE_ORDER,
    ByteOrder,
    Digest,
    FilePath,
    LaneOrder,
    RegisterLayout,
    VectorFile,
    read_json,
)
from npusim.vectors.units.stimuli import Origin
from npusim.vectors.units.unit import Level

FORMAT: Literal["npusim-unit-vectors-1"] = "npusim-unit-vectors-1"


class BinOutcome(Model):
    """One coverage bin: hit by a case, or why not."""

    bin: Annotated[str, Field(description="rule, unit, stage, situation")]
    status: Status
    case: Annotated[int | None, Field(description="the first case that hits it", ge=0)] = None
    certificate_sha256: Annotated[
        str | None, Field(description="of the certificate in coverage.json, as compact JSON with sorted keys")
    ] = None


class UnitText(Model):
    """The cases of a unit as one text."""

    path: FilePath
    sha256: Digest


class UnitVectors(Model):
    """The cases of one unit: columns of words in files, or one text."""

    unit: str
    folder: str
    beats: Annotated[int | None, Field(description="of a MAC column", ge=1)] = None
    cases: Annotated[int, Field(ge=1)]
    origins: Annotated[dict[Origin, int], Field(description="in order: how many cases come from where")]
    results: Annotated[int, Field(description="so many of the expected words are values", ge=1)]
    files: tuple[VectorFile, ...] = ()
    text: UnitText | None = None
    counters: Annotated[
        dict[str, int], Field(description="how often each event in all cases; sticky flags: what is not 0")
    ]
    coverage: tuple[BinOutcome, ...]


class UnitManifest(Model):
    """A set of unit vectors: word w of each file belongs to case w, arrays and beats in order within it.

    `table_choice` says which table of `field_table` holds in a case. How words are written is told in a
    step set's manifest.
    """

    format: Literal["npusim-unit-vectors-1"] = FORMAT
    npusim_version: str
    arithmetic_version: Literal[1] = ARITHMETIC_VERSION
    vector_format: VectorFormat
    lane_order: LaneOrder = LANE_ORDER
    byte_order: ByteOrder = "little"
    level: Level
    seed: int
    registers: RegisterLayout
    units: tuple[UnitVectors, ...]
    coverage_sha256: Annotated[str, Field(description="of coverage.json, which holds the certificates")]
    datapath_sha256: Annotated[str, Field(description="of the datapath as compact JSON with sorted keys")]
    datapath: Datapath

    @property
    def paths(self) -> list[str]:
        """All files the set consists of, the manifest itself left out."""
        files = [file.path for unit in self.units for file in unit.files]
        texts = [unit.text.path for unit in self.units if unit.text is not None]
        return [COVERAGE_NAME, *dict.fromkeys([*files, *texts])]

    @property
    def cases(self) -> int:
        """Cases of all units."""
        return sum(unit.cases for unit in self.units)

    def plain(self) -> dict[str, Any]:
        """The manifest as JSON-like data."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_json(self) -> str:
        """The text of ``manifest.json``."""
        return json.dumps(self.plain(), indent=1, ensure_ascii=False) + "\n"


COVERAGE_NAME = "coverage.json"


def read_unit_manifest(path: Path) -> UnitManifest:
    """Read a manifest of unit vectors.

    Raises
    ------
    InputError
        If it is missing, unreadable, or no such manifest.
    """
    return validate(read_json(path), UnitManifest)


def outcomes(reports: list[Report]) -> tuple[BinOutcome, ...]:
    """What became of every bin."""
    return tuple(
        BinOutcome(
            bin=outcome.name,
            status=outcome.status,
            case=outcome.vector,
            certificate_sha256=None
            if outcome.certificate is None
            else bytes_digest(
                json.dumps(outcome.certificate.plain(), sort_keys=True, separators=(",", ":")).encode()
            ),
        )
        for report in reports
        for outcome in report.outcomes
    )
