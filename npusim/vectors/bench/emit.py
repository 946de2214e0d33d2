"""Writes benches beside the vectors they read: a folder ``bench`` that needs only the RTL and a simulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import npusim
from npusim.datapath.systemverilog import package
from npusim.files.atomic import write_text
from npusim.vectors.bench import elementwise, mac, pool, walk
from npusim.vectors.bench.case import CASE_NAME, Case
from npusim.vectors.bench.describe import description
from npusim.vectors.bench.reference import package_name, wrapper
from npusim.vectors.bench.steps import BENCH_FOLDER, cases
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.bench.user import UserUnit, user_wrapper
from npusim.vectors.manifest import Manifest

RTL = Path(npusim.__file__).parent / "rtl"
COCOTB = RTL / "npusim_cocotb.py"
_CODES = "npusim_codes.sv"


@dataclass(frozen=True)
class Build:
    """One executable: a unit, the cases it runs, and what it is made of."""

    unit: Unit
    cases: tuple[Case, ...]
    sources: tuple[Path, ...]


def rtl_files() -> list[Path]:
    """The reference RTL, its package first."""
    return sorted(RTL.glob("npusim_*.sv"), key=lambda path: (path.name != _CODES, path.name))


def emit_set(folder: Path, manifest: Manifest) -> None:
    """Write the benches of a set that was just written, for the reference RTL."""
    _remove_earlier(folder / BENCH_FOLDER)
    emit(folder, [case for case in cases(folder, manifest) if isinstance(case, Case)])


def _remove_earlier(folder: Path) -> None:
    """What an earlier set in the same folder had and this one may not have; other files stay."""
    for pattern in ("*_bench.sv", "*_dut.sv", "*_pkg.sv", "*/arguments", "*/pixels.hex", f"*/{CASE_NAME}"):
        for path in folder.glob(pattern):
            path.unlink()


def emit(
    folder: Path, found: Sequence[Case], users: Mapping[str, UserUnit] | None = None, rtl: Sequence[Path] = ()
) -> list[Build]:
    """Write benches, wrappers, the datapath's package, and each case's plusargs.

    Parameters
    ----------
    folder
        The set's; its ``bench`` is written.
    users
        A user's units by operation, from the files `rtl`; without it: the reference RTL.
    """
    builds = []
    units = dict.fromkeys(case.unit for case in found if users is None or case.unit.name in users)
    for unit in units:
        mine = tuple(case for case in found if case.unit == unit)
        user = None if users is None else users[unit.name]
        builds.append(_build(folder / BENCH_FOLDER, unit, mine, user, rtl))
    for case in found:
        _write_arguments(folder, case)
        user = None if users is None else users.get(case.unit.name)
        write_text(case.case_folder / CASE_NAME, description(case, user))
    (folder / BENCH_FOLDER).mkdir(exist_ok=True)
    write_text(folder / BENCH_FOLDER / COCOTB.name, COCOTB.read_text("utf-8"))
    return builds


def _build(
    folder: Path, unit: Unit, mine: tuple[Case, ...], user: UserUnit | None, rtl: Sequence[Path]
) -> Build:
    folder.mkdir(exist_ok=True)
    parameters = folder / f"{package_name(unit)}.sv"
    write_text(parameters, package(unit.datapath))
    dut, bench = folder / f"{unit.name}_dut.sv", folder / f"{unit.name}_bench.sv"
    write_text(dut, wrapper(unit) if user is None else user_wrapper(unit, user))
    write_text(bench, bench_text(unit, mine, user))
    codes, *modules = rtl_files()
    design = [codes, parameters, *modules] if user is None else [parameters, *rtl]
    return Build(unit, mine, (*(path.resolve() for path in design), dut.resolve(), bench.resolve()))


def bench_text(unit: Unit, mine: Sequence[Case], user: UserUnit | None = None) -> str:
    """The bench of a unit, its memories deep enough for all its cases."""
    depths: dict[str, int] = {}
    for case in mine:
        for file in case.files:
            depths[file.name] = max(depths.get(file.name, 1), file.words)
    latency = unit.latency if user is None else user.latency
    shown = user is None or user.has("accumulators")
    if unit.kind in {UnitKind.MAC, UnitKind.MATMUL}:
        return mac.bench(unit, depths, latency=latency, accumulators=shown)
    if unit.kind is UnitKind.POOL:
        masked = user is None or user.has("in_image")
        return pool.bench(unit, depths, latency=latency, accumulators=shown, masked=masked)
    if unit.kind is UnitKind.WALK:
        return walk.bench(unit, depths, latency=latency)
    return elementwise.bench(unit, depths, latency=latency)


def _write_arguments(folder: Path, case: Case) -> None:
    """The plusargs of a run in the set's folder: ``vvp bench.vvp $(cat bench/0_conv/arguments)``."""
    relative = replace(
        case,
        folder=case.folder.relative_to(folder),
        case_folder=case.case_folder.relative_to(folder),
    )
    write_text(case.case_folder / "arguments", "\n".join([*relative.arguments(), ""]))
