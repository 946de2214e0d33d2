"""Small reports, and one whose every text is an attack."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from npusim.analysis import prove
from npusim.datapath.load import change_datapath
from npusim.evaluate import ArraySamples
from npusim.program import Program
from npusim.report import FileFact, Report, Subject, SweepResults, make_report
from tests.cli.files import LABELS, NETWORK, PROGRAM
from tests.compiler.networks import images

ATTACK = '<script>window.attacked = true</script>"\'&<img src=x onerror="window.attacked=true">'
SWEEP = SweepResults(
    "widths",
    ("point", "network", "datapath", "recipe", "bits", "status", "top1", "weight_bytes", "digest"),
    (
        ("0", "net", "wes_npu", "wes", "16", "done", "0.25", "100", "aa"),
        ("1", "net", "wes_npu", "wes", "20", "done", "0.75", "100", "bb"),
        ("2", "net", "wes_npu", "layerwise", "16", "done", "0.25", "120", "cc"),
        ("3", "net", "wes_npu", "layerwise", "20", "failed", "", "", "dd"),
    ),
)


def narrow() -> Program:
    """The same steps where sums leave the accumulator."""
    changes = {"mac.accumulator.bits": 18, "mac.bias.bits": 18}
    return PROGRAM.replace(datapath=change_datapath(PROGRAM.datapath, changes, "narrow"))


@cache
def full() -> Report:
    """Everything a report can show."""
    return make_report(
        PROGRAM,
        network=NETWORK,
        samples=ArraySamples(images(), LABELS),
        label="wes",
        compared=[("narrow", narrow())],
        sweeps=[SWEEP],
        files=[FileFact("program", "prog.yaml", "0" * 64)],
    )


@cache
def bare() -> Report:
    """A program alone."""
    return make_report(PROGRAM)


@cache
def hostile() -> Report:
    """As `full`, with markup wherever a person's or another tool's text is shown."""
    report = full()
    program = _attacked(report.subject.program)
    assert report.network is not None
    return replace(
        report,
        subject=_subject(report.subject, program),
        network=_copied(report.network, source=ATTACK, notes=(ATTACK,)),
        compared=(replace(report.compared[0], label=ATTACK),),
        sweeps=(SweepResults(ATTACK, (*SWEEP.columns[:-1], ATTACK), SWEEP.rows),),
        files=(FileFact(ATTACK, ATTACK, ATTACK),),
        names=dict.fromkeys(range(len(images())), ATTACK),
        histograms={ATTACK if name == "conv" else name: h for name, h in report.histograms.items()},
    )


def _attacked(program: Program) -> Program:
    """Names that no file could bring past validation, for the page must not rely on that."""
    steps = tuple(_copied(step, name=ATTACK) if step.name == "conv" else step for step in program.steps)
    datapath = _copied(program.datapath, title=ATTACK, source=ATTACK)
    return _copied(program, steps=steps, notes=(ATTACK,), name=ATTACK, recipe=ATTACK, datapath=datapath)


def _subject(subject: Subject, program: Program) -> Subject:
    proof = prove(program)
    statistics = {ATTACK if name == "conv" else name: found for name, found in subject.statistics.items()}
    return replace(subject, label=ATTACK, program=program, proof=proof, statistics=statistics)


def _copied(model: Any, **changes: object) -> Any:
    """A copy with some content changed, unchecked."""
    content = {name: getattr(model, name) for name in type(model).model_fields}
    return type(model).model_construct(**{**content, **changes})


def large(rows: int) -> SweepResults:
    """A sweep of many points."""
    values = np.random.default_rng(0).uniform(size=rows)
    cells = tuple(
        (str(i), "net", "wes_npu", "wes", str(16 + i % 17), "done", f"{v:.4f}", "100", f"{i:032x}")
        for i, v in enumerate(values)
    )
    return SweepResults("many", SWEEP.columns, cells)
