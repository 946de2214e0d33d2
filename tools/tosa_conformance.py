"""The TOSA conformance table: Arm's suite for the integer profile and its extensions, run on npusim.

    NPUSIM_TOSA_PYTHON=... python tools/tosa_conformance.py [--suite DIR] [--operators OP ...] [-o FILE]

Generates the suite with tosa-tools where DIR does not hold it yet, computes what is expected with Arm's
reference model, imports every graph and runs it. Prints a Markdown table; the exit code is 1 if a test
fails, or is not supported without being listed in tools/tosa_not_supported.txt.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parent.parent))

from npusim.cli.progress import Progress
from npusim.errors import InputError
from npusim.importers.tosa import NotConstantError, UnsupportedError, import_tosa
from npusim.program import Program
from npusim.simulator import simulate
from tools.tosa_suite import EXTENSIONS, TOOLS_VERSION, VERSION, SuiteTest, Tools, found_tests

Array = npt.NDArray[Any]
Row = tuple[str, str]
"""Operator and types."""

Counts = dict[Row, Counter["Outcome"]]

NOT_SUPPORTED = Path(__file__).with_name("tosa_not_supported.txt")

PREAMBLE = """# TOSA

`npusim import GRAPH.tosa -o PROGRAM.yaml` (in Python `npusim.import_model`) reads a flatbuffer of TOSA's
integer profile and makes a program of it, operator by operator, on the datapath `tosa_operators`; graphs of
16-bit activations run on `tosa_operators_int16`. The bits are those of the specification. What it calls
unpredictable (sums that leave int32) is defined by the datapath and counted; what it calls an error
(`ERROR_IF`) is refused with a message that names the operator.

- A leading size of one of an input or output is the batch: feed as many images as you like.
- Weights, biases, zero points, multipliers, shapes and tables are stored in the program. Where a graph leaves
  them to its caller, bind them: `npusim.importers.import_tosa(path, bound={{"weights": array}})`.
- Inputs that only `RESCALE` with `input_unsigned` reads are unsigned in the program.

## Conformance

Arm's conformance suite for version {version} (`tosa-tools` {tools}), integer profile with {extensions}:
every test that its generator makes. *Passed*: every value is that of Arm's reference model. *Rejected*: a
graph with an error was refused. Written by

    NPUSIM_TOSA_PYTHON=.tosa/bin/python python tools/tosa_conformance.py -o docs/tosa.md

(half an hour; `tests/oracles/tosa.py` says how to make that environment). A test that fails, or is not
supported without being listed, makes it end with exit code 1.
"""


class Outcome(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    REJECTED = "rejected"
    NOT_SUPPORTED = "not supported"
    FAILED = "failed"


def run(test: SuiteTest, tools: Tools) -> tuple[Outcome, str]:
    """One test: its outcome, and why it is no other."""
    inputs = test.inputs()
    try:
        program, values = imported(test, inputs)
    except UnsupportedError as error:
        return Outcome.NOT_SUPPORTED, str(error)
    except InputError as error:
        return (Outcome.REJECTED if test.refused else Outcome.FAILED), str(error)
    if test.refused:
        return Outcome.FAILED, "the graph should have been refused"
    expected = tools.expect(test)
    if expected is None:
        return Outcome.FAILED, "the reference model gives no result"
    made = simulate(program, values, threads=1).outputs
    for wanted, found in zip(expected, made.values(), strict=True):
        differing = int(np.count_nonzero(as_codes(wanted, found) != found.reshape(wanted.shape)))
        if differing:
            return Outcome.FAILED, f"{differing} of {wanted.size} values differ"
    return Outcome.PASSED, ""


def imported(test: SuiteTest, inputs: dict[str, Array]) -> tuple[Program, dict[str, Array]]:
    """A test's program, and what it is fed: what the program must store is bound to it."""
    bound: dict[str, Array] = {}
    while True:
        try:
            program = import_tosa(test.graph, bound=bound)
        except NotConstantError as error:
            # Weights, a bias that the graph leaves to its caller.
            name = str(error.found)
            if name not in inputs or name in bound:
                raise
            bound[name] = inputs[name]
        else:
            break
    fed = {}
    for x in program.inputs:
        kind = program.tensors[x.name]
        raw = inputs[x.name]
        fed[x.name] = as_codes(raw, np.empty(0, kind.dtype)).reshape(1, *x.shape)
    return program, fed


def as_codes(values: Array, like: Array) -> Array:
    """Values as the program holds them: files have signed types for unsigned codes."""
    if values.dtype.itemsize == like.dtype.itemsize and values.dtype.kind in "iu":
        return values.view(like.dtype)
    return values.astype(like.dtype)


def listed() -> dict[Row, str]:
    """What is known not to be supported, and why."""
    found = {}
    for line in NOT_SUPPORTED.read_text().splitlines():
        if line and not line.startswith("#"):
            operator, types, reason = (part.strip() for part in line.split("|"))
            found[operator, types] = reason
    return found


def table(counts: Counts) -> Iterator[str]:
    """The results in Markdown."""
    yield f"| operator | types | {' | '.join(Outcome)} |"
    yield "| --- | --- |" + " ---: |" * len(Outcome)
    for (operator, types), found in sorted(counts.items()):
        yield f"| {operator} | {types} | " + " | ".join(str(found[one]) for one in Outcome) + " |"
    total = sum(counts.values(), Counter())
    yield "| **all** | | " + " | ".join(f"**{total[one]}**" for one in Outcome) + " |"


def page(counts: Counts) -> Iterator[str]:
    """The page of the documentation."""
    yield PREAMBLE.format(version=VERSION, extensions=", ".join(EXTENSIONS), tools=TOOLS_VERSION)
    yield from table(counts)
    yield "\n## Not supported\n\n| operator | types | why |\n| --- | --- | --- |"
    for (operator, types), reason in sorted(listed().items()):
        yield f"| {operator} | {types} | {reason} |"


def conformance(chosen: Sequence[SuiteTest], tools: Tools) -> tuple[Counts, list[str]]:
    """Outcomes by operator and types, and what is wrong."""
    known, counts, wrong = listed(), Counts(), []
    with Progress("tests") as progress:
        for index, test in enumerate(chosen):
            outcome, reason = run(test, tools)
            row = test.operator, test.types
            counts.setdefault(row, Counter())[outcome] += 1
            if outcome is Outcome.FAILED or (outcome is Outcome.NOT_SUPPORTED and row not in known):
                wrong.append(f"{outcome}: {test.folder}: {reason}")
            progress.count(index + 1, len(chosen))
    stale = [row for row in known if row in counts and not counts[row][Outcome.NOT_SUPPORTED]]
    wrong += [f"{' '.join(row)} is supported: take it off {NOT_SUPPORTED.name}" for row in stale]
    return counts, wrong


def main() -> int:
    """Generate, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", type=Path, help="where the suite is, or will be; default: thrown away")
    parser.add_argument("--operators", nargs="+", default=[], help="default: all of the integer profile")
    parser.add_argument("-o", "--output", type=Path, help="write the table into this file too")
    chosen = parser.parse_args()
    python = os.environ.get("NPUSIM_TOSA_PYTHON")
    if python is None:
        parser.error("NPUSIM_TOSA_PYTHON does not name a Python that has tosa-tools")
    tools = Tools(Path(python))
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.suite or Path(temporary)
        if not (folder / "operators").is_dir():
            tools.generate(folder, chosen.operators)
        found = list(found_tests(folder, chosen.operators))
        counts, wrong = conformance(found, tools)
    if not found:
        parser.error("the suite has no such tests")
    print("\n".join([*table(counts), "", *wrong]))
    if chosen.output is not None:
        chosen.output.write_text("\n".join(page(counts)) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
