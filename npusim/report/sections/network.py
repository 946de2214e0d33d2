"""The network in words, how it became integers, and which files were read."""

from __future__ import annotations

from collections import Counter

from npusim.html import Markup, join, tag
from npusim.network import Network
from npusim.preprocess import ChannelOrder, Preprocess
from npusim.program import Program, TensorDescription
from npusim.report.facts import Report
from npusim.report.text import definitions, integer, plural, section, shape


def network(report: Report) -> Markup:
    """What is computed, and where it came from."""
    program = report.subject.program
    rows: list[tuple[str, object]] = [("name", program.name)]
    if report.network is not None and report.network.source:
        rows.append(("source", report.network.source))
    rows += [
        ("reads", join(map(_tensor, program.inputs), ", ")),
        ("answers", join(map(_tensor, program.outputs), ", ")),
    ]
    if program.real.preprocess is not None:
        rows.append(("input", _preprocess(program.real.preprocess)))
    if report.network is not None:
        rows.append(("layers", _layers(report.network)))
    rows += [("steps", _steps(program)), ("compiled by", _compiled(program))]
    return section("network", "Network", definitions(rows), _notes(report), _files(report))


def _tensor(tensor: TensorDescription) -> Markup:
    parts: list[object] = [tag("b", tensor.name), f" {shape(tensor.shape)} {tensor.dtype}"]
    if tensor.scale is not None:
        parts.append(
            tag(
                "small",
                f" = {tensor.scale:.6g} \u00d7 (code \u2212 {tensor.zero_point})".replace("\u2212 -", "+ "),
            )
        )
    return join(parts)


def _preprocess(found: Preprocess) -> str:
    mean, std = (", ".join(f"{value:g}" for value in values) for values in (found.mean, found.std))
    order = "" if found.channel_order is ChannelOrder.RGB else f", channels as {found.channel_order.upper()}"
    return f"(raw \u2212 {_bracket(mean)}) / {_bracket(std)}{order}"


def _bracket(text: str) -> str:
    return f"[{text}]" if "," in text else text


def _layers(network: Network) -> str:
    counted = Counter(layer.kind for layer in network.layers)
    return f"{len(network.layers)}: {_counts(counted)}"


def _steps(program: Program) -> str:
    counted = Counter(getattr(step, "operation", step.kind) for step in program.steps)
    return f"{len(program.steps)}: {_counts(Counter({str(kind): count for kind, count in counted.items()}))}"


def _counts(counted: Counter[str]) -> str:
    return ", ".join(
        f"{count} {kind}" for kind, count in sorted(counted.items(), key=lambda x: (-x[1], x[0]))
    )


def _compiled(program: Program) -> Markup:
    recipe = program.recipe
    words = (
        join(["the recipe ", tag("b", recipe)])
        if recipe
        else Markup("no recipe (imported, or written by hand)")
    )
    edited = "; arrays were edited by hand afterwards" if program.edited else ""
    macs = f"; {integer(program.macs)} MACs an image"
    return join([words, f" for {program.datapath.name}{edited}{macs}"])


def _notes(report: Report) -> Markup | None:
    notes = [*(() if report.network is None else report.network.notes), *report.subject.program.notes]
    if not notes:
        return None
    return join(
        [
            tag("h3", f"{plural(len(notes), 'note')} of importer and compiler"),
            tag("ul", *(tag("li", n) for n in notes), class_="notes"),
        ]
    )


def _files(report: Report) -> Markup | None:
    if not report.files:
        return None
    rows = (
        tag("tr", tag("td", file.role), tag("td", tag("b", file.name)), tag("td", tag("code", file.sha256)))
        for file in report.files
    )
    head = tag("tr", *(tag("th", name, scope="col") for name in ("role", "file", "SHA-256")))
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="files")
    region = tag(
        "div", table, class_="scroll", tabindex=0, role="region", aria_label="Files and their digests"
    )
    return tag("details", tag("summary", f"{plural(len(report.files), 'file')} and their digests"), region)
