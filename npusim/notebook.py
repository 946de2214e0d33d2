"""What prompts and notebooks show of the main objects: one line, and a small table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from npusim.html import Markup, summary, table, tag

if TYPE_CHECKING:
    from npusim.analysis.proof import ProofReport
    from npusim.datapath.model import Datapath
    from npusim.evaluation.result import Evaluation
    from npusim.network import Network
    from npusim.program import Program
    from npusim.result import Result

_ROWS = 200
"""Longer tables are cut, and say so."""


def program_line(program: Program) -> str:
    """A program in a line."""
    by = f" by {program.recipe}" if program.recipe else ""
    return (
        f"<Program {program.name}: {len(program.steps)} steps, {program.macs:,} MACs, "
        f"compiled{by} for {program.datapath.name}>"
    )


def program_html(program: Program) -> str:
    """A program's facts and its steps."""
    facts = [
        ("datapath", f"{program.datapath.name}: {program.datapath.title}"),
        ("recipe", program.recipe or "none"),
        ("reads", ", ".join(f"{t.name} {t.shape} {t.dtype}" for t in program.inputs)),
        ("answers", ", ".join(f"{t.name} {t.shape} {t.dtype}" for t in program.outputs)),
        ("MACs", f"{program.macs:,}"),
        *(("note", note) for note in program.notes),
    ]
    rows = []
    for step in program.ordered_steps:
        output = program.tensors[step.output]
        macs = step.macs(program.input_types(step), output)
        rows.append((step.name, step.kind, ", ".join(step.inputs), output.shape, f"{macs:,}"))
    steps = _folded(f"{len(rows)} steps", ("step", "kind", "reads", "makes", "MACs"), rows)
    return summary(f"Program {program.name}", facts, steps)


def network_line(network: Network) -> str:
    """A network in a line."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in _kinds(network))
    return f"<Network {network.name}: {len(network.layers)} layers ({kinds})>"


def network_html(network: Network) -> str:
    """A network's facts and its layers."""
    facts = [
        ("source", network.source or "not said"),
        ("reads", ", ".join(f"{x.name} {x.shape}" for x in network.inputs)),
        ("answers", ", ".join(f"{name} {network.shapes[name]}" for name in network.outputs)),
        ("layers", ", ".join(f"{count} {kind}" for kind, count in _kinds(network))),
        *(("note", note) for note in network.notes),
    ]
    rows = [
        (
            layer.name,
            layer.kind,
            ", ".join(layer.inputs),
            ", ".join(str(network.shapes[x]) for x in layer.outputs),
        )
        for layer in network.ordered_layers
    ]
    layers = _folded(f"{len(rows)} layers", ("layer", "kind", "reads", "makes"), rows)
    return summary(f"Network {network.name}", facts, layers)


def _kinds(network: Network) -> list[tuple[str, int]]:
    counted = Counter(layer.kind for layer in network.layers)
    return sorted(counted.items(), key=lambda found: (-found[1], found[0]))


def datapath_line(datapath: Datapath) -> str:
    """A datapath in a line."""
    return f"<Datapath {datapath.name}: {datapath.title}>"


def datapath_html(datapath: Datapath, sheet: str) -> str:
    """A datapath's title, and its data sheet behind a fold."""
    evidence = f"{datapath.evidence.status}: {datapath.evidence.by}"
    facts = [("title", datapath.title), ("source", datapath.source), ("evidence", evidence)]
    fold = tag("details", tag("summary", "data sheet"), tag("pre", sheet))
    return summary(f"Datapath {datapath.name}", facts, fold)


def result_line(result: Result) -> str:
    """A simulation's result in a line."""
    parts = [f"{name} {codes.dtype} {codes.shape}" for name, codes in result.outputs.items()]
    if result.taps:
        parts.append(f"taps of {', '.join(result.taps)}")
    if result.statistics is not None:
        parts.append(f"statistics of {len(result.statistics)} steps")
    return f"<Result {'; '.join(parts)}>"


def result_html(result: Result) -> str:
    """A simulation's arrays, and what it counted."""
    arrays = [(name, codes) for name, codes in result.outputs.items()]
    arrays += [
        (f"{step}:{point}", values) for step, taps in result.taps.items() for point, values in taps.items()
    ]
    facts = [(name, f"{codes.dtype} {codes.shape}") for name, codes in arrays]
    if result.statistics is None:
        return summary("Result", facts)
    columns = ("step", "kind", "path", "accumulators seen", "overflows")
    rows = []
    for found in result.statistics.values():
        seen = found.accumulator
        path = "" if found.path is None else found.path.value
        reach = "" if seen is None else f"{seen.lowest:,} to {seen.highest:,}"
        rows.append((found.step, found.kind, path, reach, "" if seen is None else f"{found.overflows:,}"))
    return summary("Result", facts, _folded("statistics", columns, rows))


def proof_line(proof: ProofReport) -> str:
    """A proof in a line."""
    bits = max((step.reachable_bits for step in proof.steps), default=0)
    verdict = "can overflow" if proof.overflow_possible else "cannot overflow"
    return f"<ProofReport {proof.program} on {proof.datapath}: {verdict}, at most {bits} bits>"


def proof_html(proof: ProofReport) -> str:
    """A proof's verdict, and every step's bits."""
    weak = [step.step for step in proof.steps if step.overflow_possible]
    facts = [("overflow", "impossible" if not weak else f"possible in {', '.join(weak[:8])}")]
    columns = ("step", "operation", "bits needed", "register", "to spare")
    rows = [(s.step, s.operation, s.reachable_bits, s.register, f"{s.headroom:+d}") for s in proof.steps]
    return summary(f"Proof of {proof.program} on {proof.datapath}", facts, table(columns, rows[:_ROWS]))


def evaluation_line(found: Evaluation) -> str:
    """An evaluation in a line."""
    words = ", ".join(f"{name} {value}" for name, value in _measures(found))
    return f"<Evaluation of {found.images} images: {words}>"


def evaluation_html(found: Evaluation) -> str:
    """An evaluation's measures, and the noise of every step."""
    rows = [(s.name, f"{s.sqnr_db:.1f} dB", _decibels(s.alone_sqnr_db)) for s in found.steps]
    steps = _folded("SQNR of steps", ("step", "all before it integer", "alone"), rows) if rows else None
    return summary(f"Evaluation of {found.images} images", _measures(found), steps)


def _measures(found: Evaluation) -> list[tuple[str, str]]:
    shares = (
        ("top-1 in float", found.float_top1),
        ("top-1", found.integer_top1),
        ("same answer as float", found.agreement),
    )
    measured = [(name, f"{100 * share:.1f} %") for name, share in shares if share is not None]
    return measured + [(f"SQNR of {name}", _decibels(value)) for name, value in found.outputs.items()]


def _decibels(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} dB"


def _folded(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """A table behind a fold."""
    every = list(rows)
    cut = tag("p", f"and {len(every) - _ROWS} more") if len(every) > _ROWS else None
    return tag("details", tag("summary", title), table(columns, every[:_ROWS]), cut)
