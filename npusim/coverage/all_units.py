"""Coverage of all of a datapath's units at once; vectors to grade from a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from npusim.coverage.column_cover import cover_column
from npusim.coverage.column_unit import ColumnUnit
from npusim.coverage.cover import cover, grade
from npusim.coverage.report import Report
from npusim.coverage.unit import PipelineUnit, PipelineVector
from npusim.datapath import Datapath
from npusim.datapath.operations import PIPELINES
from npusim.errors import InputError

Tell = Callable[[int, int], None]
"""Told how many units of how many are done."""

_MAX_BYTES = 256 << 20


@dataclass(frozen=True)
class Solved:
    """The vectors of each pipeline, by its name, and what became of every bin."""

    vectors: Mapping[str, Sequence[PipelineVector]]
    reports: tuple[Report, ...]

    def to_json(self) -> str:
        """The vectors, as `grade_all` reads them."""
        plain = {
            name: [{"value": vector.value, "fields": vector.fields} for vector in vectors]
            for name, vectors in self.vectors.items()
        }
        return json.dumps(plain) + "\n"


def pipeline_units(datapath: Datapath, operation: str | None = None) -> list[PipelineUnit]:
    """All pipelines that have stages, or those of one operation.

    Raises
    ------
    InputError
        If the datapath declares no such operation.
    """
    if operation is not None and operation not in datapath.pipelines:
        raise InputError(
            f"{datapath.name} declares no such pipeline",
            key="operation",
            found=operation,
            allowed=", ".join(datapath.pipelines),
        )
    return [
        PipelineUnit(datapath, name, role)
        for name, pipeline in datapath.pipelines.items()
        if operation in (None, name)
        for role in PIPELINES[name].sources
        if pipeline.stages(role)
    ]


def cover_all(datapath: Datapath, operation: str | None, beats: int, tell: Tell) -> Solved:
    """Solve for every bin of every pipeline, and of the MAC column where all or `mac` is asked for."""
    units = pipeline_units(datapath, operation)
    found = {}
    reports = []
    for index, unit in enumerate(units):
        covered = cover(unit)
        found[unit.name] = covered.vectors
        reports.append(covered.report)
        tell(index + 1, len(units) + 1)
    if operation in (None, "mac"):
        reports.append(cover_column(ColumnUnit(datapath, beats)).report)
    return Solved(found, tuple(reports))


def grade_all(datapath: Datapath, path: Path, tell: Tell) -> list[Report]:
    """What the pipeline vectors of a JSON file cover.

    Raises
    ------
    InputError
        If the file holds no such vectors.
    """
    found = _read(path)
    units = {unit.name: unit for unit in pipeline_units(datapath)}
    reports = []
    for index, (name, listed) in enumerate(found.items()):
        if name not in units:
            raise InputError("no such unit", file=path, key=name, allowed=", ".join(units))
        if not isinstance(listed, list):
            raise InputError("no list of vectors", file=path, key=name)
        vectors = [_vector(one, path, f"{name}[{place}]") for place, one in enumerate(listed)]
        reports.append(grade(units[name], vectors))
        tell(index + 1, len(found))
    return reports


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(_MAX_BYTES))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"no JSON: {error}", file=path) from None
    if not isinstance(data, dict) or not data:
        raise InputError("not a mapping from units to vectors", file=path, allowed='{"mac.result": [...]}')
    return data


def _vector(one: object, path: Path, key: str) -> PipelineVector:
    shape = '{"value": integer, "fields": {register: integer, table: [integers]}}'
    if not isinstance(one, dict) or set(one) != {"value", "fields"} or not isinstance(one["fields"], dict):
        raise InputError("no vector", file=path, key=key, allowed=shape)
    fields = {name: tuple(held) if isinstance(held, list) else held for name, held in one["fields"].items()}
    held_numbers = [held if isinstance(held, tuple) else (held,) for held in fields.values()]
    numbers = [one["value"], *chain.from_iterable(held_numbers)]
    if any(type(number) is not int for number in numbers):
        raise InputError("not all numbers are integers", file=path, key=key, allowed=shape)
    return PipelineVector(one["value"], fields)
