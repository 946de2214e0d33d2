"""The kill table: solved vectors against every fault of the catalogue, beside as many random vectors.

The default datapath's units meet every fault, the units of the others those that one of the two kinds of
vectors has not killed yet.

python tools/mutants.py [--simulator verilator|icarus] [--folder DIR] [--datapath NAME ...]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import change_datapath
from npusim.vectors.bench import stimulus
from npusim.vectors.bench.case import Case
from npusim.vectors.bench.faults import Fault, read_faults
from npusim.vectors.bench.mutants import Fate, best, fates
from npusim.vectors.bench.simulators import Simulator
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.bench.unit_case import write_columns, write_words

RULES = (
    *("floor", "half_down", "half_toward_zero", "half_away", "half_even", "half_odd", "toward_zero"),
    *("ceil", "away"),
)
SOLVED, RANDOM = "solved", "random"


def datapaths() -> dict[str, Datapath]:
    """What the whole table is made with: the default, each rounding rule, and other MACs."""
    wes = load_datapath("wes_npu")
    found = {name: load_datapath(name) for name in ("wes_npu", *(f"wes_npu_{rule}" for rule in RULES))}
    found |= {name: load_datapath(name) for name in ("wes_npu_acc24_wrap", "wes_npu_subtract")}
    changes = {"mac.bias": {"bits": 32, "place": "late"}, "mac.tree": {"bits": 17, "overflow": "saturate"}}
    found["tflite"] = load_datapath("tflite")
    found["wes_npu_late"] = change_datapath(wes, changes, "wes_npu_late")
    return found


def units(datapath: Datapath) -> Iterator[Unit]:
    """The default datapath's units; of the others those in which they differ."""
    if datapath.name == "tflite":
        yield Unit(UnitKind.PIPELINE, "average_pool", datapath)
        return
    if datapath.name == "wes_npu" or datapath.mac == load_datapath("wes_npu").mac:
        yield Unit(UnitKind.PIPELINE, "mac", datapath)
    if datapath.name == "wes_npu" or datapath.mac != load_datapath("wes_npu").mac:
        yield Unit(UnitKind.MAC, "mac", datapath, columns=4)
    if datapath.name == "wes_npu":
        for operation in ("add", "sub", "mul"):
            yield Unit(UnitKind.COMBINE, operation, datapath)
        yield Unit(UnitKind.PIPELINE, "table", datapath)


def cases(unit: Unit, folder: Path) -> Iterator[Case]:
    """A unit's solved vectors, and as many random ones; of tables every code."""
    if unit.kind is UnitKind.MAC:
        for beats, count in ((4, 301), (1, 101)):
            solved = stimulus.column_vectors(unit, beats, count)
            drawn = stimulus.column_vectors(unit, beats, len(solved), corners=False)
            for kind, columns in ((SOLVED, solved), (RANDOM, drawn)):
                name = f"{kind}_{beats}"
                yield write_columns(name, unit, columns, folder / name)
    elif unit.kind is UnitKind.COMBINE:
        for kind in (SOLVED, RANDOM):
            combined = stimulus.combine_vectors(unit, 2000, corners=kind == SOLVED)
            yield write_words(kind, unit, combined, folder / kind)
    elif unit.table.field is not None:
        table = list(range(-128, 128))
        random.Random(0).shuffle(table)
        every = stimulus.table_vectors(unit, table)
        yield write_words(SOLVED, unit, every, folder / SOLVED, table)
        chosen = random.Random(0).choices(every, k=len(every))
        yield write_words(RANDOM, unit, chosen, folder / RANDOM, table)
    else:
        words = stimulus.rescale_vectors(unit)
        yield write_words(SOLVED, unit, words, folder / SOLVED)
        even = stimulus.random_rescale_vectors(unit, len(words))
        yield write_words(RANDOM, unit, even, folder / RANDOM)


def run_unit(
    unit: Unit, faults: list[Fault], simulator: Simulator, folder: Path
) -> dict[str, dict[str, Fate]]:
    """Fates by kind of vectors and fault."""
    found = fates(list(cases(unit, folder)), faults, simulator, folder)
    kinds = [kind for kind in (SOLVED, RANDOM) if any(name.startswith(kind) for name in found)]
    return {
        kind: {
            fault.name: best([each[fault.name] for name, each in found.items() if name.startswith(kind)])
            for fault in faults
        }
        for kind in kinds
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulator", type=Simulator, default=Simulator.VERILATOR)
    parser.add_argument("--folder", type=Path, help="keep vectors and broken RTL here")
    parser.add_argument("--datapath", action="append", help="only these")
    arguments = parser.parse_args()
    faults = read_faults()
    totals: dict[str, dict[str, list[Fate]]] = {
        kind: {f.name: [] for f in faults} for kind in (SOLVED, RANDOM)
    }
    with tempfile.TemporaryDirectory() as temporary:
        root = arguments.folder or Path(temporary)
        for name, datapath in datapaths().items():
            if arguments.datapath and name not in arguments.datapath:
                continue
            for unit in units(datapath):
                folder = root / name / f"{unit.kind}_{unit.name}"
                folder.mkdir(parents=True, exist_ok=True)
                left = [f for f in faults if any(Fate.KILLED not in each[f.name] for each in totals.values())]
                found = run_unit(unit, left, arguments.simulator, folder.resolve())
                print_row(f"{name} {unit.kind} {unit.name}", found)
                for kind, each in found.items():
                    for fault, fate in each.items():
                        totals[kind][fault].append(fate)
    overall = {kind: {fault: best(seen) for fault, seen in each.items()} for kind, each in totals.items()}
    print_row(f"all, of {len(faults)} faults", overall)
    for kind, each in overall.items():
        left = [f"{fault} ({fate})" for fault, fate in each.items() if fate is not Fate.KILLED]
        print(f"left by {kind} vectors: {', '.join(left) or 'none'}")
    return int(any(fate is not Fate.KILLED for fate in overall[SOLVED].values()))


def print_row(name: str, found: dict[str, dict[str, Fate]]) -> None:
    """Killed of activated, and those never activated, for each kind of vectors."""
    counts = {kind: Counter(each.values()) for kind, each in found.items()}
    parts = [
        f"{kind}: {c[Fate.KILLED]} killed, {c[Fate.SURVIVED]} survived, {c[Fate.NOT_ACTIVATED]} not activated"
        for kind, c in counts.items()
    ]
    print(f"{name:45}{'; '.join(parts)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
