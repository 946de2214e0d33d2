"""The reference RTL of a unit behind the bench's ports: the module ``npusim_dut``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from npusim.vectors.bench.port import Port
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.bench.wrappers import columns, windows, words
from npusim.vectors.bench.wrappers.parts import package_name

_BODIES: dict[UnitKind, Callable[[Unit], Iterator[str]]] = {
    UnitKind.MAC: columns.mac,
    UnitKind.MATMUL: columns.matmul,
    UnitKind.COMBINE: words.combine,
    UnitKind.PIPELINE: words.one,
    UnitKind.POOL: windows.pool,
    UnitKind.RESIZE: words.resize,
    UnitKind.RECODE: words.recode,
    UnitKind.CLAMP: words.clamp,
    UnitKind.DIGIT: words.digit,
    UnitKind.WALK: windows.walk,
}


def wrapper(unit: Unit) -> str:
    """The text of ``npusim_dut``: reference modules with the parameters of the emitted package."""
    lines = [f"// {unit.datapath.name}, {unit.name}: the reference RTL behind the bench's ports."]
    return "\n".join([*lines, *module_head(unit.ports()), "", *_BODIES[unit.kind](unit), "", "endmodule", ""])


def module_head(ports: Sequence[Port]) -> list[str]:
    """The head of ``npusim_dut``."""
    declared = [f"    {port.direction} logic [{port.bits - 1}:0] {port.name}" for port in ports]
    return ["module npusim_dut (", ",\n".join(declared), ");"]


__all__ = ["module_head", "package_name", "wrapper"]
