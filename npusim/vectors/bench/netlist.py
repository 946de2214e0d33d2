"""Mutants by Yosys: a unit's netlist with many small changes in it, one of them in force at a time.

`mutate` draws the changes: a bit of a port of a cell that is stuck, inverted or follows another bit. All of
them go into one netlist, which a control word chooses from, so that a simulator builds once. The netlist
also tells when the change in force changes the bit it sits on.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from npusim.errors import CheckFailed
from npusim.vectors.bench.emit import Build
from npusim.vectors.bench.faults import ACTIVATED
from npusim.vectors.bench.reference import module_head
from npusim.vectors.bench.unit import Direction, Unit, UnitKind
from npusim.vectors.bench.yosys import run_script

CONTROL, TELLS = "npusim_mutant", "npusim_activated"
MUTATED = "npusim_mutated"
NETLIST = "netlist.il"
_SIMPLIFY = "proc; flatten; chtype -set $shift t:$shiftx; opt; wreduce; peepopt; opt; opt_clean -purge"
"""What is read beyond the end of a vector is 0: one meaning for simulators and SAT."""

_CELLS = {UnitKind.MAC: f"{MUTATED}/c:*array.*", UnitKind.COMBINE: "", UnitKind.PIPELINE: ""}
"""What is changed: of a MAC tile not the rescale, which is a unit of its own."""


@dataclass(frozen=True)
class NetlistMutant:
    """One change.

    Attributes
    ----------
    number
        What the plusarg ``+fault=`` takes, and the control word.
    mode
        Yosys's name of it: inv, const0, const1, cnot0, cnot1.
    cell, port, bit
        What it changes.
    """

    number: int
    mode: str
    cell: str
    port: str
    bit: int

    @property
    def name(self) -> str:
        """In one word."""
        return f"{self.number}_{self.mode}_{self.cell.rpartition('/')[2]}.{self.port}[{self.bit}]"


def mutate(build: Build, count: int, seed: int, folder: Path) -> tuple[list[NetlistMutant], list[Path]]:
    """The mutants of a unit, and the sources of a bench that has them all.

    Parameters
    ----------
    build
        The bench with the sound unit.
    folder
        Takes the netlist, also as Yosys reads it again, and the changed sources.

    Raises
    ------
    CheckFailed
        If Yosys cannot make a netlist, or makes none with every mutant in it.
    """
    *design, bench = build.sources
    control = f"-ctrl {CONTROL} {_bits(count)} 1"
    run_script(
        [
            f"read_verilog -sv {' '.join(map(str, design))}",
            "hierarchy -check -top npusim_dut",
            _SIMPLIFY,
            f"rename npusim_dut {MUTATED}",
            f"mutate -list {count} -seed {seed} {control} -o mutants.txt {_CELLS[build.unit.kind]}",
            "script mutants.txt",
            "opt_clean",
            "write_json mutated.json",
            f"write_ilang {NETLIST}",
        ],
        folder,
    )
    mutants = list(_read(folder / "mutants.txt"))
    document = json.loads((folder / "mutated.json").read_text(encoding="utf-8"))
    told = _tell(document["modules"][MUTATED])
    if told != {mutant.number for mutant in mutants}:
        raise CheckFailed("the netlist of Yosys does not have every mutant in it")
    (folder / "telling.json").write_text(json.dumps(document))
    run_script(["read_json telling.json", f"write_verilog -noattr {MUTATED}.v"], folder)
    (folder / "npusim_dut.sv").write_text(_wrapper(build.unit, count))
    packages = [path for path in design if path.name.endswith(("_pkg.sv", "_codes.sv"))]
    return mutants, [*packages, folder / f"{MUTATED}.v", folder / "npusim_dut.sv", bench]


def _bits(count: int) -> int:
    return count.bit_length()


def _read(path: Path) -> Iterator[NetlistMutant]:
    """The commands that `mutate` lists."""
    for line in path.read_text(encoding="utf-8").splitlines():
        words = shlex.split(line.replace("\\", "\\\\"))
        said = {words[i]: words[i + 1] for i in range(len(words) - 1) if words[i].startswith("-")}
        number = int(words[words.index("-ctrl") + 3])
        yield NetlistMutant(number, said["-mode"], said["-cell"], said["-port"], int(said["-portbit"]))


def _tell(module: dict[str, Any]) -> set[int]:
    """Give a module an output that is 1 while a mutant changes its bit; the mutants that it tells of."""
    cells: dict[str, Any] = module["cells"]
    control = module["ports"][CONTROL]["bits"]
    chosen = {
        cell["connections"]["Y"][0]: _number(cell["connections"]["B"])
        for cell in cells.values()
        if cell["type"] == "$eq" and cell["connections"]["A"] == control
    }
    muxes = {
        chosen[cell["connections"]["S"][0]]: cell["connections"]
        for cell in cells.values()
        if cell["type"] == "$mux" and cell["connections"]["S"][0] in chosen
    }
    free = 1 + max(_wires(module))
    told = []
    for number, pins in muxes.items():
        differs, tells = free, free + 1
        free += 2
        cells[f"npusim_differs_{number}"] = _gate("$xor", pins["A"], pins["B"], [differs])
        cells[f"npusim_tells_{number}"] = _gate("$and", pins["S"], [differs], [tells])
        told.append(tells)
    cells["npusim_any"] = _gate("$reduce_or", told, None, [free])
    module["ports"][TELLS] = {"direction": "output", "bits": [free]}
    module["netnames"][TELLS] = {"hide_name": 0, "bits": [free], "attributes": {}}
    return set(muxes)


def _number(bits: Sequence[str]) -> int:
    return int("".join(reversed(bits)), 2)


def _wires(module: Mapping[str, Any]) -> Iterator[int]:
    for net in module["netnames"].values():
        yield from (bit for bit in net["bits"] if isinstance(bit, int))


def _gate(kind: str, a: Sequence[Any], b: Sequence[Any] | None, y: Sequence[int]) -> dict[str, Any]:
    """A cell of Yosys's JSON, all of it unsigned."""
    pins = {"A": a, **({} if b is None else {"B": b}), "Y": y}
    sizes = {f"{pin}_WIDTH": f"{len(bits):032b}" for pin, bits in pins.items()}
    signs = {f"{pin}_SIGNED": f"{0:032b}" for pin in pins if pin != "Y"}
    directions = {pin: "output" if pin == "Y" else "input" for pin in pins}
    return {
        "hide_name": 0,
        "type": kind,
        "parameters": {**sizes, **signs},
        "attributes": {},
        "port_directions": directions,
        "connections": pins,
    }


def _wrapper(unit: Unit, count: int) -> str:
    """``npusim_dut`` around the netlist: the plusarg chooses, and the first change is told."""
    ports = unit.ports()
    connected = [f".{port.name}({port.name})" for port in ports]
    outputs = [port.name for port in ports if port.direction is Direction.OUTPUT]
    assert outputs
    lines = [
        "// The netlist with mutants behind the bench's ports.",
        *module_head(ports),
        "  int number = 0;",
        f"  logic [{_bits(count) - 1}:0] chosen;",
        "  logic activated;",
        '  initial if (!$value$plusargs("fault=%d", number)) number = 0;',
        f"  assign chosen = number[{_bits(count) - 1}:0];",
        f"  {MUTATED} netlist (",
        f"      {', '.join(connected)}, .{CONTROL}(chosen), .{TELLS}(activated)",
        "  );",
        f'  always @(posedge activated) $display("{ACTIVATED} %0d", number);',
        "endmodule",
        "",
    ]
    return "\n".join(lines)
