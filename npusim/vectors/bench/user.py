"""A user's RTL in place of the reference: its top, its ports' names, its latency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from npusim.errors import InputError
from npusim.files.yaml_file import read_yaml, validate
from npusim.model import Model
from npusim.vectors.bench.reference import module_head
from npusim.vectors.bench.unit import Direction, Unit

Identifier = Annotated[str, Field(pattern=r"^~?[A-Za-z_][A-Za-z0-9_$]*$", max_length=200)]


class UserUnit(Model):
    """One module of the user's.

    Attributes
    ----------
    top
        The module's name.
    columns
        Output channels side by side; of MAC tiles.
    latency
        Clock edges from the one that takes the last beat (or the inputs) to the results.
    parameters
        Of the module.
    ports
        The bench's name of each port: the module's. ``~name``: inverted, such as an active-low reset. Left
        out: the same name. null: the module has no such port.
    """

    top: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_$]*$", max_length=200)]
    columns: Annotated[int, Field(ge=1, le=4096)] = 1
    latency: Annotated[int, Field(ge=0, le=1 << 16)] = 0
    parameters: Annotated[dict[Identifier, int], Field(default_factory=dict)]
    ports: Annotated[dict[str, Identifier | None], Field(default_factory=dict)]

    def has(self, port: str) -> bool:
        """Whether the module has a port of this name of the bench's."""
        return self.ports.get(port, port) is not None


class UserUnits(Model):
    """The file that says which of the user's modules stand for which operations' units."""

    format: Literal["npusim-ports-1"] = "npusim-ports-1"
    units: Annotated[dict[str, UserUnit], Field(description="by operation: mac, add, table", min_length=1)]


def read_user_units(path: Path) -> dict[str, UserUnit]:
    """Read a port map.

    Raises
    ------
    InputError
    """
    return validate(read_yaml(path), UserUnits).units


def user_wrapper(unit: Unit, user: UserUnit) -> str:
    """The text of ``npusim_dut`` around the user's module.

    Raises
    ------
    InputError
        For ports the bench does not have, and for a module without results.
    """
    known = [port.name for port in unit.ports()]
    for port in user.ports:
        if port not in known:
            raise InputError(
                "the bench has no such port", key=f"units.{unit.name}.ports", found=port,
                allowed=", ".join(known),
            )  # fmt: skip
    if not user.has("results"):
        raise InputError("the results are needed", key=f"units.{unit.name}.ports.results", found=None)
    lines = [f"// {user.top} behind the bench's ports.", *module_head(unit.ports())]
    return "\n".join([*lines, *_instance(unit, user), "", "endmodule", ""])


def _instance(unit: Unit, user: UserUnit) -> Iterator[str]:
    parameters = ", ".join(f".{name}({value})" for name, value in user.parameters.items())
    connected = []
    for port in unit.ports():
        name = user.ports.get(port.name, port.name)
        if name is None:
            continue
        signal = port.name
        if name.startswith("~"):
            name, signal = name[1:], f"~{port.name}"
            if port.direction is Direction.OUTPUT:
                signal = f"inverted_{port.name}"
                yield f"  logic [{port.bits - 1}:0] {signal};"
                yield f"  assign {port.name} = ~{signal};"
        connected.append(f"      .{name}({signal})")
    yield f"  {user.top} #({parameters}) user (" if parameters else f"  {user.top} user ("
    yield ",\n".join(connected)
    yield "  );"


def users_of(rtl: Sequence[Path], top: str | None, ports: Path | None) -> dict[str, UserUnit] | None:
    """The user's units from the command line; None: the reference RTL is meant.

    Raises
    ------
    InputError
        If files and names do not go together.
    """
    if not rtl:
        if top is not None or ports is not None:
            raise InputError(
                "names a module of yours", key="--top" if top else "--ports", allowed="with --rtl"
            )
        return None
    for path in rtl:
        if not path.is_file():
            raise InputError("no such file", file=path, key="--rtl")
    if ports is not None:
        found = read_user_units(ports)
        if top is None:
            return found
        if len(found) != 1:
            raise InputError("several units are mapped", key="--top", found=top, allowed=f"`top` in {ports}")
        return {operation: user.replace(top=top) for operation, user in found.items()}
    if top is None:
        raise InputError(
            "your module's name is missing", key="--rtl", allowed="--top NAME or --ports MAP.yaml"
        )
    return {"mac": UserUnit.model_validate({"top": top})}
