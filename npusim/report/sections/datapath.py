"""The datapath in words."""

from __future__ import annotations

from npusim.datapath.describe import describe
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.datapath.stage_text import stage_text
from npusim.html import Markup, join, tag
from npusim.report.facts import Report
from npusim.report.text import definitions, plural, section
from npusim.spec.convolution import ZeroPoint
from npusim.spec.mac import BiasPlace


def datapath(report: Report) -> Markup:
    """The essentials, and behind a fold the whole data sheet."""
    found = report.subject.program.datapath
    evidence = f"{found.evidence.status}: {found.evidence.by}"
    rows: list[tuple[str, object]] = [
        ("name", join([tag("b", found.name), f": {found.title}"])),
        ("source", join([found.source, tag("small", f" ({evidence})")])),
        ("activations", _codes(found)),
        ("weights", f"{found.weight.register}, {found.weight.interval}"),
        ("MAC", _mac(found)),
        ("bias", _bias(found)),
        ("rescale", _rescale(found)),
    ]
    sheet = tag("pre", describe(found), class_="scroll", tabindex=0, role="region", aria_label="Data sheet")
    fold = tag("details", tag("summary", "The whole data sheet"), sheet)
    return section("datapath", "Datapath", definitions(rows), fold)


def _codes(found: Datapath) -> str:
    return f"{found.activation.register}, {found.activation.interval}, one zero point per tensor"


def _mac(found: Datapath) -> str:
    mac = found.mac
    tree = "" if mac.tree is None else f", summed in {mac.tree.bits} bits"
    rule = "saturates" if mac.accumulator.overflow == "saturate" else "wraps"
    where = "taken off each activation" if mac.zero_point is ZeroPoint.SUBTRACT else "folded into the bias"
    accumulator = f"a {mac.accumulator.bits}-bit accumulator that {rule}"
    return f"{plural(mac.lanes, 'lane')}{tree}; {accumulator}; the zero point is {where}"


def _bias(found: Datapath) -> str:
    place = "preloaded" if found.mac.bias.place is BiasPlace.PRELOAD else "added at the end"
    return f"{found.mac.bias.register}, {place}"


def _rescale(found: Datapath) -> Markup:
    pipeline = found.pipeline("mac") or found.pipeline("conv2d")
    stages = () if pipeline is None else pipeline.stages(PipelineRole.RESULT) or ()
    return tag(
        "ol", *(tag("li", tag("code", f"v = {stage_text(stage)}")) for stage in stages), class_="stages"
    )
