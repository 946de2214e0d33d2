"""A2: widths are derived when the datapath loads; what does not fit is refused, never computed wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from npusim.datapath.operations import PIPELINES, RESIZE_WEIGHT, WORD, Domain, PipelineRole, Source
from npusim.spec.elementwise import Combination
from npusim.spec.expansion import ExpansionForm
from npusim.spec.interval import Interval
from npusim.spec.mac import BiasPlace
from npusim.spec.scale import shift_limits
from npusim.spec.stages import (
    BaseStage,
    Clamp,
    Divide,
    FloatStage,
    Saturate,
    ShiftLeft,
    ShiftRight,
    Significant,
    Table,
    Wrap,
    field_name,
)
from npusim.spec.stages.base import range_of
from npusim.spec.width import Width

if TYPE_CHECKING:
    from npusim.datapath.model import Datapath

WORD_BITS = 64
"""The widest value kernels carry."""

MAX_SHIFT = 255
MAX_WEIGHT_BITS = 16
"""Of a bilinear resize."""

MAX_TABLE_BITS = 16
"""Of a table's index, and of its fraction."""


@dataclass(frozen=True)
class StageWidth:
    """One stage of a datapath with what it can produce.

    Attributes
    ----------
    place
        Such as ``pipelines.mac.result[1]``.
    entering, exact, reached
        All its inputs, results before the register and results after it, for the whole range of its
        fields.
    """

    place: str
    stage: BaseStage
    entering: Interval
    exact: Interval
    reached: Interval


def derive_widths(datapath: Datapath) -> Iterator[StageWidth]:
    """The derived width of every stage of every pipeline, in order."""
    for operation in datapath.pipelines:
        for role in PIPELINES[operation].sources:
            yield from derive_pipeline(datapath, operation, role)


def derive_pipeline(datapath: Datapath, operation: str, role: PipelineRole) -> Iterator[StageWidth]:
    """The derived widths of one pipeline; none if it is not declared."""
    pipeline = datapath.pipelines[operation]
    value = _entering(datapath, operation, PIPELINES[operation].sources[role])
    ranges = datapath.ranges()
    for index, stage in enumerate(pipeline.stages(role) or ()):
        place = f"pipelines.{operation}.{role}[{index}]"
        _check_sizes(stage, place)
        _check_operands(datapath, stage, place)
        _check_stage(stage, place, value, ranges)
        width = StageWidth(place, stage, value, stage.exact_reach(value, ranges), stage.reach(value, ranges))
        yield width
        value = width.reached


def _operands(datapath: Datapath, operation: str) -> Interval:
    """What an operation's operands are before any stage, and its results after the last."""
    words = PIPELINES[operation].domain is Domain.WORDS
    return Interval.of(WORD) if words else datapath.activation.interval


def _entering(datapath: Datapath, operation: str, source: Source) -> Interval:
    if source is Source.ACCUMULATOR:
        return Interval.of(datapath.mac.accumulator.register)
    if source is Source.CODE:
        return _operands(datapath, operation)
    if source is Source.BLEND:
        whole = 1 << 2 * datapath.fields[RESIZE_WEIGHT].bits
        return datapath.activation.interval * Interval(whole, whole)
    if source is Source.DISTANCE:
        codes = datapath.activation.interval
        return Interval(0, codes.high - codes.low)
    aligned = PipelineRole.OPERAND in PIPELINES[operation].sources
    operands = list(derive_pipeline(datapath, operation, PipelineRole.OPERAND)) if aligned else []
    each = operands[-1].reached if operands else _operands(datapath, operation)
    if source is Source.ORDERS:
        return each * Interval(1, _orders(datapath))
    return each if source is Source.OPERAND else Combination(source.value).reach(each, each)


def _orders(datapath: Datapath) -> int:
    expansion = datapath.mac.expansion
    return 1 if expansion is None else expansion.orders


def check(datapath: Datapath) -> None:
    """Refuse a datapath whose pipelines cannot be computed as declared.

    Raises
    ------
    ValueError
        Naming the stage, what it reaches and what it may.
    """
    _check_bias(datapath)
    _check_expansion(datapath)
    _check_scale(datapath)
    for operation, pipeline in datapath.pipelines.items():
        if operation not in PIPELINES:
            raise ValueError(f"pipelines.{operation}: unknown operation; {_hint(operation, PIPELINES)}")
        for role in PipelineRole:
            if (pipeline.stages(role) is None) != (role not in PIPELINES[operation].sources):
                needed = " and ".join(PIPELINES[operation].sources)
                raise ValueError(f"pipelines.{operation}: declare exactly these lists: {needed}")
        if Source.BLEND in PIPELINES[operation].sources.values():
            _check_weights(datapath, operation)
        _check_result(datapath, operation)
    for width in derive_widths(datapath):
        _check_width(width)


def _check_bias(datapath: Datapath) -> None:
    bias, accumulator = datapath.mac.bias, datapath.mac.accumulator
    if bias.place is BiasPlace.PRELOAD and bias.bits > accumulator.bits:
        raise ValueError(
            f"mac.bias: {bias.bits} bits are preloaded into an accumulator of {accumulator.bits}; "
            "declare as few, or place: late"
        )


def _check_expansion(datapath: Datapath) -> None:
    """A7: orders with multipliers of their own meet in a pipeline; in one accumulator they need none."""
    expansion = datapath.mac.expansion
    activation = datapath.activation
    digit_bits = None if expansion is None else expansion.input_bits
    if digit_bits is not None and (digit_bits >= activation.bits or not activation.signed):
        allowed = f"less than {activation.bits}, for signed activations"
        raise ValueError(f"mac.expansion.input_bits: found {digit_bits}; allowed: {allowed}")
    multiplies = expansion is not None and expansion.form is ExpansionForm.MULTIPLIER_PER_ORDER
    if multiplies != ("expansion" in datapath.pipelines):
        found = "multiplier_per_order without" if multiplies else "pipelines.expansion, but not"
        wanted = "pipelines.expansion" if multiplies else "mac.expansion.form: multiplier_per_order"
        raise ValueError(f"mac.expansion: {found} {wanted}; declare both or neither")


def _check_scale(datapath: Datapath) -> None:
    recipe = datapath.scale
    if not 1 <= recipe.magnitude_bits <= WORD_BITS:
        raise ValueError(f"scale.magnitude_bits: found {recipe.magnitude_bits}; allowed: 1..{WORD_BITS}")
    if not 0 <= recipe.dropped_bits < recipe.magnitude_bits:
        allowed = f"0..{recipe.magnitude_bits - 1}"
        raise ValueError(f"scale.dropped_bits: found {recipe.dropped_bits}; allowed: {allowed}")
    if not 0 <= recipe.pivot <= WORD_BITS:
        raise ValueError(f"scale.pivot: found {recipe.pivot}; allowed: 0..{WORD_BITS}")
    for name in recipe.fills or {}:
        if name not in datapath.fields:
            raise ValueError(f"scale.fills: no field named {name!r}; {_hint(name, datapath.fields)}")
    try:
        shift_limits(recipe, datapath.ranges())
    except ValueError as error:
        raise ValueError(f"scale: the fields and limits leave no shift: {error}") from None
    for name, part in recipe.parts.items():
        register, greatest = datapath.fields.get(name), recipe.greatest.get(part)
        if register is not None and greatest is not None and greatest not in register.interval:
            raise ValueError(
                f"scale.magnitude_bits: multipliers reach {greatest}, "
                f"but fields.{name} holds {register.interval}"
            )


def _check_sizes(stage: BaseStage, place: str) -> None:
    """Declared sizes in the ranges that npusim computes with; before anything is shifted by one."""
    sizes = [("bits", stage.bits, 1, WORD_BITS)]
    if isinstance(stage, (Saturate, Wrap, FloatStage)):
        sizes.append(("to", stage.to, 1, WORD_BITS))
    if isinstance(stage, Table):
        sizes.append(("index_bits", stage.index_bits, 1, MAX_TABLE_BITS))
        sizes.append(("fraction_bits", stage.fraction_bits, 0, MAX_TABLE_BITS))
    for key, size, least, greatest in sizes:
        if size is not None and not least <= size <= greatest:
            raise ValueError(f"{place}.{key}: found {size}; allowed: {least}..{greatest}")


def _check_operands(datapath: Datapath, stage: BaseStage, place: str) -> None:
    for operand in stage.operands():
        name = field_name(operand)
        if name is not None and name not in datapath.fields:
            raise ValueError(f"{place}: no field named {name!r}; {_hint(name, datapath.fields)}")
    if isinstance(stage, Table) and stage.table not in datapath.fields:
        raise ValueError(f"{place}: no field named {stage.table!r}; {_hint(stage.table, datapath.fields)}")


def _check_stage(stage: BaseStage, place: str, value: Interval, ranges: dict[str, Interval]) -> None:
    if isinstance(stage, (ShiftLeft, ShiftRight)):
        _check_shift(stage, place, ranges)
    if stage.overflow is not None and stage.bits is None:
        raise ValueError(f"{place}: an overflow rule needs a declared width: add `bits`")
    if isinstance(stage, Table) and not value.within(Interval.of(stage.address)):
        raise ValueError(f"{place}: addressed by {stage.address}, but {value} enters; saturate first")
    if isinstance(stage, Clamp) and range_of(stage.low, ranges).low > range_of(stage.high, ranges).high:
        raise ValueError(f"{place}: low {stage.low} is always above high {stage.high}")
    if isinstance(stage, Divide) and range_of(stage.by, ranges).high < 1:
        raise ValueError(f"{place}: the divisor {stage.by} is never positive")
    if isinstance(stage, Significant) and range_of(stage.digits, ranges).high < 1:
        raise ValueError(f"{place}.digits: {stage.digits} is never positive")
    if isinstance(stage, FloatStage):
        pattern = Width(stage.scale_bits, signed=False)
        if ranges.get(str(stage.scale)) != Interval.of(pattern):
            bits = f"an unsigned {pattern.bits}-bit field, the bits of a {stage.stage}"
            raise ValueError(f"{place}.scale: names {bits}")


def _check_shift(stage: ShiftLeft | ShiftRight, place: str, ranges: dict[str, Interval]) -> None:
    shifts = stage.by if isinstance(stage, ShiftRight) else (stage.by,)
    total = sum((range_of(operand, ranges) for operand in shifts), start=Interval(0, 0))
    if total.low < 0:
        other = "shift_left" if isinstance(stage, ShiftRight) else "shift_right"
        raise ValueError(f"{place}: the total shift can be negative ({total}); declare a {other} (A1)")
    if total.high > MAX_SHIFT:
        raise ValueError(f"{place}: the total shift reaches {total.high}; allowed: up to {MAX_SHIFT}")


def _check_width(width: StageWidth) -> None:
    stage = width.stage
    if stage.register is not None and stage.overflow is None:
        register = Interval.of(stage.register)
        if not width.exact.within(register):
            raise ValueError(
                f"{width.place}: {stage.register} holds {register}, but the stage reaches {width.exact} "
                f"({width.exact.bits} bits); declare more bits or an overflow rule"
            )
    if width.exact.bits > WORD_BITS:
        raise ValueError(
            f"{width.place}: reaches {width.exact.bits} bits; npusim computes up to {WORD_BITS} (A2)"
        )


def _check_weights(datapath: Datapath, operation: str) -> None:
    found = datapath.fields.get(RESIZE_WEIGHT)
    if found is None:
        raise ValueError(f"pipelines.{operation}: its weights need a field named {RESIZE_WEIGHT!r}")
    if found.signed or not 1 <= found.bits <= MAX_WEIGHT_BITS:
        raise ValueError(f"fields.{RESIZE_WEIGHT}: allowed: unsigned, 1..{MAX_WEIGHT_BITS} bits")


def _check_result(datapath: Datapath, operation: str) -> None:
    last_role = list(PIPELINES[operation].sources)[-1]
    widths = list(derive_pipeline(datapath, operation, last_role))
    allowed = _operands(datapath, operation)
    if not widths or not widths[-1].reached.within(allowed):
        reached = widths[-1].reached if widths else "the unscaled input"
        what = "words" if PIPELINES[operation].domain is Domain.WORDS else "activation codes"
        raise ValueError(
            f"pipelines.{operation}.{last_role}: must end in {what} {allowed}, "
            f"but reaches {reached}; end it with a clamp or saturate"
        )


def _hint(name: str, known: object) -> str:
    names = sorted(known)  # type: ignore[call-overload]
    close = get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(names)
