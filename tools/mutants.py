"""The kill tables: solved vectors against broken RTL, beside as many random ones.

Every fault of the catalogue, over sixteen datapaths (each meets the faults that another datapath can still
say more about); changes that Yosys makes in netlists of single units, survivors decided by SAT; and for both,
how many are killed if one class of coverage bins is not asked for.

python tools/mutants.py [--simulator verilator|icarus] [--folder DIR] [--part catalogue|netlist]
    [--fault NAME ...] [--seed N] [--share F]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from npusim.coverage.bins import BinClass
from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import change_datapath, datapath_from
from npusim.datapath.operations import PipelineRole
from npusim.spec.stages import Divide, FloatStage, Significant
from npusim.vectors.bench.equivalence import Verdict
from npusim.vectors.bench.faults import Fault, read_faults
from npusim.vectors.bench.kill import Kills, catalogue_kills, netlist_kills, verdicts
from npusim.vectors.bench.mutants import Fate, best
from npusim.vectors.bench.simulators import Simulator
from npusim.vectors.bench.unit import Unit, UnitKind

RULES = (
    *("floor", "half_down", "half_toward_zero", "half_away", "half_even", "half_odd", "toward_zero"),
    *("ceil", "away"),
)
SOLVED, RANDOM = "solved", "random"
Fates = dict[str, list[Fate]]
"""By mutant, what became of it in every unit."""


class Tally:
    """What all units made of all mutants: by solved vectors, by random ones, without each class."""

    def __init__(self) -> None:
        self.solved: Fates = {}
        self.random: Fates = {}
        self.without: dict[BinClass, Fates] = {about: {} for about in BinClass}

    def add(self, kills: Kills, prefix: str = "") -> None:
        """One more unit; `prefix` tells its mutants from another's of the same name."""
        _add(self.solved, kills.by_solved(), prefix)
        _add(self.random, kills.by_random(), prefix)
        for about, found in self.without.items():
            _add(found, kills.by_solved(without=about), prefix)

    def settled(self, name: str) -> bool:
        """Whether another unit can change nothing: killed by random vectors, and without any one class."""
        kinds = (self.random, *self.without.values())
        return all(best([Fate.NOT_ACTIVATED, *kind.get(name, [])]) is Fate.KILLED for kind in kinds)

    def left(self, found: Fates) -> list[str]:
        """The mutants that some vectors leave."""
        return [name for name, each in found.items() if best(each) is not Fate.KILLED]


def _add(found: Fates, fates: Mapping[str, Fate], prefix: str) -> None:
    for name, fate in fates.items():
        found.setdefault(prefix + name, []).append(fate)


def datapaths() -> dict[str, Datapath]:
    """What the catalogue's table is made with: the default, each rounding rule, and other MACs."""
    wes = load_datapath("wes_npu")
    found = {name: load_datapath(name) for name in ("wes_npu", *(f"wes_npu_{rule}" for rule in RULES))}
    found |= {name: load_datapath(name) for name in ("wes_npu_acc24_wrap", "wes_npu_subtract")}
    changes = {"mac.bias": {"bits": 32, "place": "late"}, "mac.tree": {"bits": 17, "overflow": "saturate"}}
    found |= {name: load_datapath(name) for name in ("tflite", "onnxruntime")}
    found["wes_npu_late"] = change_datapath(wes, changes, "wes_npu_late")
    found["wes_npu_digits"] = digits()
    return found


def digits() -> Datapath:
    """wes_npu whose rescale keeps some digits and shifts: few enough that an 8-bit result shows them all."""
    plain = load_datapath("wes_npu").model_dump(mode="json", exclude_none=True)
    kept, *behind = {"stage": "significant", "digits": "digits"}, *plain["pipelines"]["mac"]["result"][1:]
    plain["pipelines"] = {"mac": {"result": [kept, *behind]}}
    plain["fields"] = {**plain["fields"], "digits": {"bits": 3}}
    return datapath_from(plain, changes={"name": "wes_npu_digits"})


def units(datapath: Datapath) -> Iterator[Unit]:
    """The default datapath's units; of the others those in which they differ."""
    if datapath.name == "tflite":
        yield Unit(UnitKind.PIPELINE, "average_pool", datapath)
        return
    if datapath.name == "onnxruntime":
        yield Unit(UnitKind.PIPELINE, "mul", datapath)
        yield Unit(UnitKind.PIPELINE, "mac", datapath)
        return
    if datapath.name == "wes_npu" or datapath.mac == load_datapath("wes_npu").mac:
        yield Unit(UnitKind.PIPELINE, "mac", datapath)
    if datapath.name == "wes_npu" or datapath.mac != load_datapath("wes_npu").mac:
        yield Unit(UnitKind.MAC, "mac", datapath, columns=4)
    if datapath.name == "wes_npu":
        for operation in ("add", "sub", "mul"):
            yield Unit(UnitKind.COMBINE, operation, datapath)
        yield Unit(UnitKind.PIPELINE, "table", datapath)


def small_mac() -> Datapath:
    """wes_npu with 3 lanes of 4-bit codes and a 12-bit accumulator: products that SAT can follow."""
    plain = load_datapath("wes_npu").model_dump(mode="json", exclude_none=True)
    plain["pipelines"] = {"mac": plain["pipelines"]["mac"]}
    zeros = ("x_zero", "y_zero", "low", "high")
    changes = {"activation.bits": 4, "weight.bits": 4, "weight.low": -7, "mac.lanes": 3}
    changes |= {"mac.accumulator.bits": 12, "mac.bias.bits": 12, "scale.magnitude_bits": 5}
    changes |= {"fields.multiplier.bits": 5, **{f"fields.{name}.bits": 4 for name in zeros}}
    return datapath_from(plain, changes={**changes, "name": "wes_npu_small"})


def netlists(share: float) -> Iterator[tuple[Unit, int]]:
    """The units whose netlists are changed, and how often."""
    wes, small = load_datapath("wes_npu"), small_mac()
    for unit, count in (
        (Unit(UnitKind.PIPELINE, "mac", wes), 240),
        (Unit(UnitKind.MAC, "mac", small), 160),
        (Unit(UnitKind.COMBINE, "add", wes), 100),
        (Unit(UnitKind.PIPELINE, "table", wes), 60),
    ):
        yield unit, max(1, int(count * share))


def catalogue(simulator: Simulator, root: Path, only: list[str] | None) -> Tally:
    """The catalogue's table: a fault counts as killed if any unit's vectors kill it."""
    tally = Tally()
    for name, datapath in datapaths().items():
        for unit in units(datapath):
            folder = _folder(root, name, unit)
            wanted = [fault for fault in faults_of(unit) if only is None or fault.name in only]
            faults = [fault for fault in wanted if not tally.settled(fault.name)]
            if not faults:
                continue
            kills = catalogue_kills(unit, faults, simulator, folder)
            tally.add(kills)
            print_row(f"{name} {unit.kind} {unit.name}", kills.by_solved(), kills.by_random())
    return tally


def faults_of(unit: Unit) -> list[Fault]:
    """The faults in modules that a unit has."""
    combining, tabled = unit.kind is UnitKind.COMBINE, unit.table.field is not None
    absent = {"npusim_add.sv": not combining, "npusim_table.sv": not tabled}
    absent |= dict.fromkeys(("npusim_mac_column.sv", "npusim_mac_array.sv"), unit.kind is not UnitKind.MAC)
    stages = {type(width.stage) for role in PipelineRole for width in unit.widths(role)}
    absent |= {"npusim_divide.sv": Divide not in stages, "npusim_significant.sv": Significant not in stages}
    absent["npusim_float.sv"] = not any(issubclass(stage, FloatStage) for stage in stages)
    return [fault for fault in read_faults() if not absent.get(fault.file, False)]


def netlist(simulator: Simulator, root: Path, seed: int, share: float) -> tuple[Tally, dict[str, Verdict]]:
    """The netlists' table, and what SAT says of the mutants that solved vectors leave."""
    tally = Tally()
    said: dict[str, Verdict] = {}
    for unit, count in netlists(share):
        folder = _folder(root, f"netlist_{unit.datapath.name}", unit)
        kills, mutants = netlist_kills(unit, count, seed, simulator, folder)
        prefix = f"{unit.datapath.name} {unit.kind} {unit.name} "
        tally.add(kills, prefix)
        print_row(prefix, kills.by_solved(), kills.by_random())
        found = verdicts(unit, mutants, kills, folder)
        print(f"{'':45}of those left, by SAT: {_counted(found.values())}", flush=True)
        said |= {prefix + name: verdict for name, verdict in found.items()}
    return tally, said


def _folder(root: Path, name: str, unit: Unit) -> Path:
    folder = root / name / f"{unit.kind}_{unit.name}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def print_row(name: str, solved: Mapping[str, Fate], drawn: Mapping[str, Fate]) -> None:
    """Killed, survived and never activated, for both kinds of vectors."""
    print(f"{name:45}solved: {_counted(solved.values())}; random: {_counted(drawn.values())}", flush=True)


def _counted(found: Iterable[Fate | Verdict]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(Counter(found).items())) or "none"


def print_classes(tally: Tally) -> set[BinClass]:
    """How many mutants live on without each class; the classes that catch some alone."""
    left = set(tally.left(tally.solved))
    print(f"{'without the class':24}{'killed':>8}  not killed then")
    lower = set()
    for about, found in tally.without.items():
        lost = [name for name in tally.left(found) if name not in left]
        shown = ", ".join(lost[:3]) + (" ..." if len(lost) > 3 else "")
        print(f"{about:24}{len(found) - len(left) - len(lost):8}  {shown}")
        lower |= {about} if lost else set()
    return lower


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulator", type=Simulator, default=Simulator.VERILATOR)
    parser.add_argument("--folder", type=Path, help="keep vectors and broken RTL here")
    parser.add_argument("--part", choices=("catalogue", "netlist"), help="only this table")
    parser.add_argument("--fault", action="append", help="of the catalogue only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=1, help="which changes of netlists are drawn")
    parser.add_argument("--share", type=float, default=1.0, help="of the netlists' mutants")
    arguments = parser.parse_args()
    tallies: list[Tally] = []
    equivalent: set[str] = set()
    with tempfile.TemporaryDirectory() as temporary:
        root = arguments.folder or Path(temporary)
        if arguments.part != "netlist":
            tallies.append(catalogue(arguments.simulator, root, arguments.fault))
        if arguments.part != "catalogue":
            tally, said = netlist(arguments.simulator, root, arguments.seed, arguments.share)
            equivalent = {name for name, verdict in said.items() if verdict is Verdict.EQUIVALENT}
            tallies.append(tally)
    left, lower = False, set[BinClass]()
    for tally in tallies:
        left = _summary(tally, equivalent) or left
        lower |= print_classes(tally)
    whole = arguments.part is None and arguments.fault is None
    idle = [about for about in BinClass if about not in lower] if whole else []
    if whole:
        print(f"classes whose removal lowers neither rate: {', '.join(idle) or 'none'}")
    return int(left or bool(idle))


def _summary(tally: Tally, equivalent: set[str]) -> bool:
    """The whole of one table; whether a mutant is left that is not proven equivalent."""
    print()
    overall = [{name: best(each) for name, each in kind.items()} for kind in (tally.solved, tally.random)]
    print_row(f"{len(tally.solved)} mutants", *overall)
    survivors = tally.left(tally.solved)
    left = [name for name in survivors if name not in equivalent]
    proven = len(survivors) - len(left)
    print(f"proven equivalent: {proven}; left by solved vectors: {', '.join(left) or 'none'}")
    lost = [name for name in tally.left(tally.random) if name not in survivors]
    print(f"left by random vectors alone: {len(lost)}: {', '.join(lost)}")
    return bool(left)


if __name__ == "__main__":
    sys.exit(main())
