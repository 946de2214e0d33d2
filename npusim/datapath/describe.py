"""A datapath in words: the data sheet an architect holds against the RTL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from npusim.datapath.checks import StageWidth, derive_pipeline
from npusim.datapath.mac_widths import mac_widths
from npusim.datapath.model import Datapath, Granularity
from npusim.datapath.operations import PIPELINES, RESIZE_WEIGHT, Domain, PipelineRole, Source
from npusim.datapath.stage_text import register_text, stage_text
from npusim.spec.convolution import ZeroPoint
from npusim.spec.expansion import ExpansionForm
from npusim.spec.interval import Interval
from npusim.spec.mac import BiasPlace
from npusim.spec.scale import (
    Part,
    Precision,
    ScaleOverflow,
    ScaleRecipe,
    Underflow,
    shift_limits,
)
from npusim.spec.stages import Table, field_name
from npusim.spec.width import Width

_UNDERFLOW = {
    Underflow.DENORMALIZE: "the greatest shift, with what is left of the multiplier",
    Underflow.ZERO: "multiplier zero",
    Underflow.ERROR: "the program is refused",
}

_OVERFLOW = {
    ScaleOverflow.SATURATE: "the least shift, with the greatest multiplier",
    ScaleOverflow.ZERO: "multiplier zero",
}

_SOURCES = {
    Source.ACCUMULATOR: "accumulator",
    Source.CODE: "code",
    Source.SUM: "exact sum of two operands",
    Source.DIFFERENCE: "exact difference of two operands",
    Source.PRODUCT: "exact product of two operands",
    Source.DISTANCE: "distance of a code to the greatest of its row",
    Source.OPERAND: "operand pipeline's result",
    Source.ORDERS: "exact sum of the orders",
    Source.BLEND: "exact blend of four codes",
}


def describe(datapath: Datapath) -> str:
    """The arithmetic as readable pseudo-code.

    Every width is given as ``s32`` or ``u16``: as declared, or else derived from what can enter
    (A2). ``A...`` and ``W...`` are rules of ARITHMETIC.md. The same datapath, the same text.

    Examples
    --------
    >>> from npusim.datapath.load import load_datapath
    >>> print(describe(load_datapath("wes_npu")).splitlines()[0])
    wes_npu: int8 MAC array, one 16-bit multiplier and shift per layer, a 4-bit inverse shift per channel
    """
    sections = [
        [f"{datapath.name}: {datapath.title}", *_head(datapath)],
        ["CODES", *_codes(datapath)],
        ["MAC COLUMN (loop nest A6)", *_mac(datapath)],
        ["REGISTERS A PROGRAM FILLS (beyond them: an error before anything runs, A3)", *_registers(datapath)],
        ["SCALE RECIPE", *_scale(datapath)],
        *_pipelines(datapath),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def _head(datapath: Datapath) -> list[str]:
    rows = [
        ("source", datapath.source),
        ("evidence", f"{datapath.evidence.status}: {datapath.evidence.by}"),
        ("arithmetic", f"version {datapath.arithmetic_version}"),
    ]
    return _aligned(rows)


def _codes(datapath: Datapath) -> list[str]:
    activation, weight = datapath.activation, datapath.weight
    zero_point = "one zero point, taken off at the MAC" if weight.zero_point else "zero point 0"
    return _aligned(
        [
            ("activation", str(activation.register), str(activation.interval), "one zero point per tensor"),
            ("weight", str(weight.register), str(weight.interval), zero_point),
        ]
    )


def _mac(datapath: Datapath) -> list[str]:
    mac, widths = datapath.mac, mac_widths(datapath)
    subtract = mac.zero_point is ZeroPoint.SUBTRACT
    x = "x - x_zero" if subtract else "x"
    w = "(w - weight_zero)" if datapath.weight.zero_point else "w"
    lane = f"({x}) * {w}" if subtract else f"{x} * {w}"
    tree = None if mac.tree is None else Width(mac.tree.bits)
    total = f"sum of {mac.lanes} lanes"
    if mac.tree is not None and tree is not None:
        total = register_text(total, tree, mac.tree.overflow)
    preload = mac.bias.place is BiasPlace.PRELOAD
    register, overflow = mac.accumulator.register, mac.accumulator.overflow
    lines = _aligned(
        [
            ("multiplier", f"{_width(widths.activation)} x {_width(widths.weight)}", lane),
            ("product", _width(widths.product), str(widths.product)),
            ("beat", _width(widths.beat) if tree is None else str(tree), _beat(widths.beat, tree)),
            ("accumulator", str(register), str(Interval.of(register))),
            (
                "bias",
                str(mac.bias.register),
                "preloaded" if preload else "an accumulate of its own at the end",
            ),
        ]
    )
    lines += ["", f"  accumulator = {'bias' if preload else '0'}", f"  for each beat: v = {total}"]
    lines.append(f"    accumulator = {register_text('accumulator + v', register, overflow)}")
    if not preload:
        lines.append(f"  accumulator = {register_text('accumulator + bias', register, overflow)}")
    lines += _passes(datapath)
    if subtract:
        lines.append("  padding contributes nothing")
    else:
        lines.append("  padding carries the code x_zero; the bias holds b - x_zero * sum(w)")
        phases = "each phase of its stride has a bias of its own"
        lines.append(f"  a transposed convolution skips inserted zeros: {phases}")
    return lines


def _passes(datapath: Datapath) -> list[str]:
    """A7: what happens between the passes over a layer's orders."""
    mac = datapath.mac
    if mac.expansion is None:
        return []
    orders = mac.expansion.orders
    if mac.expansion.form is ExpansionForm.MULTIPLIER_PER_ORDER:
        return [f"  up to {orders} orders have an accumulator each (A7): pipeline expansion adds them"]
    shift = f"accumulator * 2^shift, shift in 0..{mac.expansion.max_shift}"
    shifted = register_text(f"({shift})", mac.accumulator.register, mac.accumulator.overflow)
    return [f"  between up to {orders} passes (A7): accumulator = {shifted}, then the bias is added"]


def _beat(exact: Interval, tree: Width | None) -> str:
    return f"{exact}, exact" if tree is None else f"{Interval.of(tree)}; the exact sum is {exact}"


def _registers(datapath: Datapath) -> list[str]:
    rows: list[tuple[str, ...]] = [("name", "width", "holds", "one per", "read by")]
    for name, field in datapath.fields.items():
        width = str(Width(field.bits, field.signed)) if field.bits else "absent"
        per = "channel" if field.per is Granularity.CHANNEL else "layer"
        rows.append(
            (name, width, str(field.interval), per, ", ".join(_readers(datapath, name)) or "no stage")
        )
    return _aligned(rows)


def _readers(datapath: Datapath, name: str) -> Iterator[str]:
    if name == "x_zero" or (name == "weight_zero" and datapath.weight.zero_point):
        yield "MAC column"
    if name == RESIZE_WEIGHT and "resize" in datapath.pipelines:
        yield "resize"
    for operation, pipeline in datapath.pipelines.items():
        stages = [stage for role in PipelineRole for stage in pipeline.stages(role) or ()]
        names = {field_name(operand) for stage in stages for operand in stage.operands()}
        names |= {stage.table for stage in stages if isinstance(stage, Table)}
        if name in names:
            yield operation


def _scale(datapath: Datapath) -> list[str]:
    recipe, ranges = datapath.scale, datapath.ranges()
    low, high = 1 << (recipe.magnitude_bits - 1), (1 << recipe.magnitude_bits) - 1
    lines = [f"  real = multiplier / 2^shift, multiplier in {low}..{high}, rounded by A1.{recipe.rounding}"]
    if recipe.precision is not Precision.EXACT:
        lines.append(f"  real is computed in {recipe.precision}, product before quotient")
    limits = shift_limits(recipe, ranges)
    if any(name in ranges for name in recipe.parts):
        underflow = _UNDERFLOW[recipe.underflow]
        lines.append(f"  shift in {limits}; a scale too small for it: {underflow}")
        if recipe.overflow is not ScaleOverflow.ERROR:
            lines.append(f"  a scale too large for it: {_OVERFLOW[recipe.overflow]}")
    if recipe.fills is not None:
        lines += [f"  {name} = {_part_text(part, recipe)}" for name, part in recipe.fills.items()]
    if datapath.inverse_shift_max:
        lines.append(
            f"  weights of channel o are scaled by 2^inverse_shift[o], 0..{datapath.inverse_shift_max}, "
            "which the rescale undoes"
        )
    return lines


def _part_text(part: Part, recipe: ScaleRecipe) -> str:
    pivot, dropped = recipe.pivot, recipe.dropped_bits
    match part:
        case Part.LEFT:
            return f"max({pivot} - shift, 0)"
        case Part.RIGHT:
            return f"max(shift - {pivot}, 0)"
        case Part.FIRST:
            return f"min(shift, {pivot})"
        case Part.SHORT_MULTIPLIER:
            return f"A1.half_up(multiplier / 2^{dropped}), at most {recipe.greatest[part]}"
        case Part.SHORT_SHIFT:
            return f"shift - {dropped}"
        case Part.FLOAT32 | Part.FLOAT64:
            return f"the bits of real as {part}"
        case _:
            return part.value


def _pipelines(datapath: Datapath) -> Iterator[list[str]]:
    for operation in datapath.pipelines:
        for role, source in PIPELINES[operation].sources.items():
            users = [name for name in PIPELINES if _falls_back(datapath, name, operation)]
            also = f" (also {', '.join(users)})" if users else ""
            widths = list(derive_pipeline(datapath, operation, role))
            entering = widths[0].entering
            what = _SOURCES[source]
            if PIPELINES[operation].domain is Domain.WORDS:
                what = what.replace("code", "word").replace("operands", "words")
            rows: list[tuple[str, ...]] = [("", f"v = {what}", _width(entering), str(entering))]
            rows += [_stage_row(index, width) for index, width in enumerate(widths)]
            yield [f"PIPELINE {operation}.{role}{also}", *_aligned(rows)]
    missing = [name for name in PIPELINES if datapath.pipeline(name) is None]
    if missing:
        yield [f"WITHOUT A PIPELINE: {', '.join(missing)}"]


def _falls_back(datapath: Datapath, name: str, operation: str) -> bool:
    return name not in datapath.pipelines and PIPELINES[name].fallback == operation


def _stage_row(index: int, width: StageWidth) -> tuple[str, ...]:
    stage = width.stage
    register = str(stage.register) if stage.register is not None else _width(width.reached)
    needed = "" if stage.register is None else f"needs {_width(width.exact)}"
    text = f"v = {stage_text(stage)}"
    return (f"[{index}]", text, register, str(width.reached), needed, stage.rule or f"A.{stage.stage}")


def _width(interval: Interval) -> str:
    """The least register that holds an interval: unsigned where nothing is negative."""
    return f"u{max(interval.high.bit_length(), 1)}" if interval.low >= 0 else f"s{interval.bits}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, indented, each column as wide as its widest cell."""
    columns = max((len(row) for row in rows), default=0)
    padded = [[*row, *[""] * (columns - len(row))] for row in rows]
    sizes = [max(len(row[column]) for row in padded) for column in range(columns)]
    lines = ("  ".join(cell.ljust(size) for cell, size in zip(row, sizes, strict=True)) for row in padded)
    return [f"  {line}".rstrip() for line in lines]
