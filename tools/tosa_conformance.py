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

from npusim.errors import InputError
from npusim.importers.tosa import NotConstantError, UnsupportedError, import_tosa
from npusim.program import Program
from npusim.simulator import simulate
from tools.tosa_suite import Test, Tools, tests

Array = npt.NDArray[Any]
Row = tuple[str, str]
"""Operator and types."""

NOT_SUPPORTED = Path(__file__).with_name("tosa_not_supported.txt")


class Outcome(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    REJECTED = "rejected"
    NOT_SUPPORTED = "not supported"
    FAILED = "failed"


def run(test: Test, tools: Tools) -> tuple[Outcome, str]:
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


def imported(test: Test, inputs: dict[str, Array]) -> tuple[Program, dict[str, Array]]:
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


def table(counts: dict[Row, Counter[Outcome]]) -> Iterator[str]:
    """The results in Markdown."""
    yield f"| operator | types | {' | '.join(Outcome)} |"
    yield "| --- | --- |" + " ---: |" * len(Outcome)
    for (operator, types), found in sorted(counts.items()):
        yield f"| {operator} | {types} | " + " | ".join(str(found[one]) for one in Outcome) + " |"
    total = sum(counts.values(), Counter[Outcome]())
    yield "| **all** | | " + " | ".join(f"**{total[one]}**" for one in Outcome) + " |"


def conformance(
    folder: Path, tools: Tools, operators: Sequence[str]
) -> tuple[dict[Row, Counter[Outcome]], list[str]]:
    """Outcomes by operator and types, and what is wrong."""
    chosen, known = list(tests(folder, operators)), listed()
    counts: dict[Row, Counter[Outcome]] = {}
    wrong = []
    for index, test in enumerate(chosen):
        outcome, reason = run(test, tools)
        row = test.operator, test.types
        counts.setdefault(row, Counter())[outcome] += 1
        if outcome is Outcome.FAILED or (outcome is Outcome.NOT_SUPPORTED and row not in known):
            wrong.append(f"{outcome}: {test.folder}: {reason}")
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
        counts, wrong = conformance(folder, tools, chosen.operators)
    lines = list(table(counts))
    print("\n".join([*lines, "", *wrong]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
