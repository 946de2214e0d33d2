"""The catalogue of faults: copies of the reference RTL in which a plusarg chooses what is broken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from npusim.errors import InputError
from npusim.files.yaml_file import read_yaml, validate
from npusim.model import Model
from npusim.vectors.bench.emit import RTL

CATALOGUE = RTL / "faults.yaml"
ACTIVATED = "ACTIVATED"
"""What a broken module prints once the fault changes an assignment's value."""


class FaultyLine(Model):
    """An assignment of the RTL, what may stand on its right side instead, and the rule that breaks."""

    line: Annotated[str, Field(pattern=r"^\w+ = .+;$")]
    rule: str
    faults: Annotated[dict[str, str], Field(min_length=1)]


class Catalogue(Model):
    """All faults, by file."""

    format: Literal["npusim-faults-1"] = "npusim-faults-1"
    files: dict[str, tuple[FaultyLine, ...]]


@dataclass(frozen=True)
class Fault:
    """One fault; `number` is what the plusarg ``+fault=`` takes."""

    number: int
    name: str
    rule: str
    file: str
    line: str
    instead: str


def read_faults(path: Path = CATALOGUE) -> list[Fault]:
    """The catalogue, numbered from 1.

    Raises
    ------
    InputError
        If it is no catalogue, or a name stands twice.
    """
    found: list[Fault] = []
    names: set[str] = set()
    for file, lines in validate(read_yaml(path), Catalogue).files.items():
        for line in lines:
            for name, instead in line.faults.items():
                if name in names:
                    raise InputError("two faults have the same name", file=path, key=file, found=name)
                names.add(name)
                found.append(Fault(len(found) + 1, name, line.rule, file, line.line, instead))
    return found


def write_faulty(sources: Sequence[Path], faults: Sequence[Fault], folder: Path) -> list[Path]:
    """Copies of the reference RTL with all faults in them; the other sources as they are.

    Raises
    ------
    InputError
        If a fault's line does not stand exactly once in its file.
    """
    copies = []
    for source in sources:
        mine = [fault for fault in faults if fault.file == source.name]
        if mine:
            copies.append(folder / source.name)
            copies[-1].write_text(faulty(source.read_text(), mine))
        else:
            copies.append(source)
    return copies


def faulty(text: str, faults: Sequence[Fault]) -> str:
    """A module's text with faults in it.

    The module gets the integer ``npusim_fault`` from the plusargs. Each assignment's right side is computed
    as it stands, and by the fault in force; the first difference is told. The target is assigned once: Icarus
    runs a block for ever that changes a variable twice and reads it.
    """
    alternatives: dict[str, list[Fault]] = {}
    for fault in faults:
        if text.count(fault.line) != 1:
            raise InputError(
                "the line does not stand exactly once", key=fault.line, found=text.count(fault.line)
            )
        alternatives.setdefault(fault.line, []).append(fault)
    # In one go: a fault's text may be what stands elsewhere.
    lines = re.compile("|".join(re.escape(line) for line in alternatives))
    text = lines.sub(lambda found: _chosen(found[0], alternatives[found[0]]), text)
    return text.replace(");\n\n", ");\n" + "\n".join(_declarations(faults)) + "\n\n", 1)


def _chosen(line: str, faults: Sequence[Fault]) -> str:
    """The assignment by the plusarg; everything stays on its line."""
    target, _, sound = line.removesuffix(";").partition(" = ")
    cases = [
        f"{fault.number}: begin broken = {fault.instead}; "
        f"if (^sound !== 1'bx && broken !== sound) npusim_hit_{fault.number} = 1'b1; end"
        for fault in faults
    ]
    return (
        f"begin : npusim_line_{faults[0].number} logic [$bits({target})-1:0] sound, broken; "
        f"sound = {sound}; "
        f"case (npusim_fault) {' '.join(cases)} default: broken = sound; endcase "
        f"{target} = broken; end"
    )


def _declarations(faults: Sequence[Fault]) -> Iterator[str]:
    yield "  int npusim_fault = 0;"
    yield '  initial if (!$value$plusargs("fault=%d", npusim_fault)) npusim_fault = 0;'
    for fault in faults:
        hit = f"npusim_hit_{fault.number}"
        yield f"  logic {hit} = 1'b0;"
        yield f'  always @(posedge {hit}) $display("{ACTIVATED} {fault.number}");'
