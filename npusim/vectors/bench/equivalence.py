"""Are mutants of a netlist the same hardware? SAT decides, by Yosys.

Two copies of the netlist, one without any mutant, get the same inputs and the same state; simplified, they
share all that stands before the mutant. Equivalent: no inputs of a legal program (A3) and no state make any
output or next state differ. States that never occur count as well, so that this is never said wrongly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from npusim.spec.stages import Clamp
from npusim.vectors.bench.netlist import CONTROL, MUTATED, NETLIST
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.bench.yosys import run_script

SECONDS = 120
_EVERTED = "everted.json"


class Verdict(StrEnum):
    """What SAT says of a mutant."""

    EQUIVALENT = "equivalent"
    """No input tells it from the sound netlist."""
    DIFFERENT = "different"
    """Some input does."""
    UNDECIDED = "undecided"
    """Not within the time."""


@dataclass(frozen=True)
class _Port:
    name: str
    bits: int
    output: bool


class Miter:
    """A netlist of `mutate`, ready to be asked about its mutants.

    Parameters
    ----------
    folder
        Where `mutate` wrote the netlist.
    unit
        Whose netlist it is: what it may be fed.
    seconds
        For each question.
    """

    def __init__(self, folder: Path, unit: Unit, seconds: int = SECONDS) -> None:
        self._folder, self._seconds = folder, seconds
        self._legal = list(_legal(unit))
        script = [f"read_ilang {NETLIST}", "opt -full", "async2sync", "dffunmap", f"write_json {_EVERTED}"]
        run_script(script, folder)
        path = folder / _EVERTED
        document = json.loads(path.read_text(encoding="utf-8"))
        module = document["modules"][MUTATED]
        _evert(module)
        path.write_text(json.dumps(document))
        self._ports = [
            _Port(name, len(port["bits"]), port["direction"] == "output")
            for name, port in module["ports"].items()
        ]

    def verdict(self, number: int) -> Verdict:
        """What SAT says of one mutant."""
        (self._folder / "miter.v").write_text(self._text(number))
        script = [
            f"read_json {_EVERTED}",
            "read_verilog miter.v",
            "hierarchy -top miter",
            "proc; flatten; opt -full; wreduce; opt -full; opt -full",
            f"sat -timeout {self._seconds} -set legal 1 -prove differs 0 miter",
        ]
        said = run_script(script, self._folder, 20 * self._seconds)
        if "no model found: SUCCESS!" in said:
            return Verdict.EQUIVALENT
        return Verdict.DIFFERENT if "model found: FAIL!" in said else Verdict.UNDECIDED

    def _text(self, number: int) -> str:
        inputs = [port for port in self._ports if not port.output and port.name != CONTROL]
        outputs = [port for port in self._ports if port.output]
        (control,) = (port for port in self._ports if port.name == CONTROL)
        declared = [f"input [{port.bits - 1}:0] {port.name}" for port in inputs]
        lines = [f"module miter({', '.join([*declared, 'output differs', 'output legal'])});"]
        for side, chosen in (("sound", 0), ("broken", number)):
            lines += [f"  wire [{port.bits - 1}:0] {side}_{port.name};" for port in outputs]
            connected = [f".{port.name}({port.name})" for port in inputs]
            connected += [f".{port.name}({side}_{port.name})" for port in outputs]
            connected.append(f".{CONTROL}({control.bits}'d{chosen})")
            lines.append(f"  {MUTATED} {side} ({', '.join(connected)});")
        differ = " || ".join(f"sound_{port.name} != broken_{port.name}" for port in outputs)
        legal = " && ".join(self._legal) or "1'b1"
        lines += [f"  assign differs = {differ};", f"  assign legal = {legal};", "endmodule", ""]
        return "\n".join(lines)


def _legal(unit: Unit) -> Iterator[str]:
    """What holds of the inputs of legal programs: codes in range, bounds in order; a tile has a column."""
    datapath = unit.datapath
    if unit.kind is UnitKind.MAC:
        yield "enable[0]"
        for port, codes in (("activations", datapath.activation), ("weights", datapath.weight)):
            for place in range(unit.columns * datapath.mac.lanes if codes.low is not None else 0):
                code = f"$signed({port}[{codes.bits * place} +: {codes.bits}])"
                yield f"({code} >= {codes.low})"
    for stage in (width.stage for width in unit.widths(unit.main)):
        if isinstance(stage, Clamp) and isinstance(stage.low, str) and isinstance(stage.high, str):
            for column in range(unit.columns):
                low, high = (_field(unit, name, column) for name in (stage.low, stage.high))
                yield f"({low} <= {high})"


def _field(unit: Unit, name: str, column: int) -> str:
    (field,) = (field for field in unit.fields if field.name == name)
    read = f"field_{name}[{field.bits * column} +: {field.bits}]"
    return f"$signed({read})" if field.signed else read


def _evert(module: dict[str, Any]) -> None:
    """Registers become ports: what they hold comes in, what they would hold next goes out."""
    registers = [(name, cell) for name, cell in module["cells"].items() if cell["type"] == "$dff"]
    for index, (name, cell) in enumerate(registers):
        del module["cells"][name]
        module["ports"][f"held_{index}"] = {"direction": "input", "bits": cell["connections"]["Q"]}
        module["ports"][f"next_{index}"] = {"direction": "output", "bits": cell["connections"]["D"]}
