"""Lowering: a pipeline of spec stages and a step's fields become a table of int64 operations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.kernels.fuse import FusedRescale, fuse
from npusim.kernels.jit import readonly
from npusim.kernels.ops import FIRST_PARAMETER, PARAMETERS, Op, Words, increments
from npusim.spec.activation import ActivationBounds
from npusim.spec.stages import (
    Add,
    BaseStage,
    Clamp,
    Divide,
    Float32,
    FloatStage,
    Multiply,
    Operand,
    Saturate,
    SelectNegative,
    ShiftLeft,
    ShiftRight,
    Significant,
    Table,
    Wrap,
    field_name,
)
from npusim.spec.width import Overflow, Width

PlanFields = Mapping[str, int | npt.NDArray[np.integer]]
"""A step's register fields: one integer, one per channel, or a table's entries."""

_CHUNK = 512
"""Values that go through all stages together: their operands stay in the first-level cache."""
_VECTORS = 64
"""Values that an unrolled loop takes at once: a rest is done one by one."""

_LOW, _HIGH = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Plan:
    """A pipeline ready to run; the arrays are laid out as `interpreter.interpret` says.

    Attributes
    ----------
    columns : int64[m, channels]
        The operands.
    wide : int64[m, width]
        The same, repeated to a chunk of whole rows.
    fused
        The one-pass form of the common list; None if the pipeline is another one.
    """

    stages: tuple[BaseStage, ...]
    channels: int
    ops: Words
    stage_ops: Words
    columns: Words
    wide: Words
    reals: npt.NDArray[np.float64]
    tables: Words
    fused: FusedRescale | None


def compile_pipeline(stages: Sequence[BaseStage], fields: PlanFields, channels: int) -> Plan:
    """Lower a pipeline for one step.

    Values and every intermediate must fit int64 for the fields given: the datapath's derived widths
    prove it when it loads (A2).

    Parameters
    ----------
    stages
        The datapath's list.
    fields
        Every field the stages read; `activation` (0..3) names the bounds of clamps that belong to an
        activation function.
    channels
        The length of a row; fields are scalars or ``[channels]``.

    Raises
    ------
    InputError
        If a field is missing, has the wrong length or leaves int64, or a total shift is negative.
    """
    lowering = _Lowering(fields, channels)
    stage_ops = [0]
    for stage in stages:
        lowering.stage(stage)
        stage_ops.append(len(lowering.ops))
    columns = np.array(lowering.columns, np.int64).reshape(len(lowering.columns), channels)
    wide = np.tile(columns, (1, _rows_together(channels)))
    ops = np.array(lowering.ops, np.int64).reshape(-1, FIRST_PARAMETER + PARAMETERS)
    return Plan(
        stages=tuple(stages),
        channels=channels,
        ops=readonly(ops, np.int64),
        stage_ops=readonly(stage_ops, np.int64),
        columns=readonly(columns, np.int64),
        wide=readonly(wide, np.int64),
        reals=readonly(wide.view(np.float64), np.float64),
        tables=readonly(np.concatenate([np.zeros(1, np.int64), *lowering.tables]), np.int64),
        fused=fuse(ops, wide),
    )


def _rows_together(channels: int) -> int:
    """Rows of a chunk: so many that it ends where vectors end, if it is at most twice as long then."""
    together = lcm(channels, _VECTORS)
    if together <= 2 * _CHUNK:
        return max(1, round(_CHUNK / together)) * together // channels
    return max(1, _CHUNK // channels)


def shift_columns(total: Words) -> tuple[Words, Words, Words]:
    """A1's operands for right shifts of 0 or more: shift, guard bit, sticky mask.

    At and beyond the word's width both are those of the sign-extended value.
    """
    shift = np.minimum(total, 63)
    below = np.clip(total - 1, 0, 63)
    guard = np.where(total > 0, np.left_shift(np.int64(1), below), 0)
    mask = np.where(total > 64, -1, np.where(total > 0, guard - 1, 0))
    return shift, guard, mask


class _Lowering:
    """The growing operation table."""

    def __init__(self, fields: PlanFields, channels: int) -> None:
        self.fields = fields
        self.channels = channels
        self.ops: list[list[int]] = []
        self.columns: list[Words] = []
        self.tables: list[Words] = []

    def stage(self, stage: BaseStage) -> None:
        """Append a stage's operation, and its register's overflow rule."""
        match stage:
            case Add():
                self._op(Op.ADD, [self._value(stage.operand)])
            case Multiply():
                self._op(Op.MULTIPLY, [self._value(stage.by)])
            case ShiftLeft():
                self._op(Op.MULTIPLY, [self._power(stage)])
            case ShiftRight():
                total = sum((self._value(operand) for operand in stage.by), start=self._value(0))
                _check_shift(total, stage.by)
                self._op(Op.SHIFT_RIGHT, list(shift_columns(total)), increments(stage.rounding))
            case Clamp():
                self._op(Op.CLAMP, [self._value(stage.low), self._value(stage.high), self._activation()])
            case Saturate():
                self._saturate(Width(stage.to, stage.to_signed))
            case Wrap():
                self._wrap(Width(stage.to, stage.to_signed))
            case SelectNegative():
                factors = [self._value(stage.positive), self._value(stage.negative)]
                self._op(Op.SELECT_NEGATIVE, factors)
            case Table():
                self._table(stage)
            case Divide():
                self._op(Op.DIVIDE, [self._divisor(stage)], increments(stage.rounding))
            case FloatStage():
                op = Op.FLOAT32 if isinstance(stage, Float32) else Op.FLOAT64
                register = Width(stage.to)
                self._op(op, [self._scale(stage)], increments(stage.rounding), register.low, register.high)
            case Significant():
                self._op(Op.SIGNIFICANT, [self._digits(stage)], increments(stage.rounding))
            case _:
                raise InputError(f"no kernel for the stage {type(stage).__name__}")
        if stage.register is not None and stage.overflow is not None:
            rule_of = self._wrap if stage.overflow is Overflow.WRAP else self._saturate
            rule_of(stage.register)

    def _op(self, op: Op, columns: Sequence[Words], *parameters: int) -> None:
        padded = [*parameters, *[0] * (PARAMETERS - len(parameters))]
        self.ops.append([int(op), len(self.columns), *padded])
        self.columns.extend(columns)

    def _saturate(self, register: Width) -> None:
        low, high = max(register.low, _LOW), min(register.high, _HIGH)
        if (low, high) != (_LOW, _HIGH):
            self._op(Op.CLAMP, [self._value(low), self._value(high), self._value(0)])

    def _wrap(self, register: Width) -> None:
        if register.low <= _LOW and register.high >= _HIGH:
            return
        if register.high > _HIGH:
            raise InputError("a value wrapped to this width leaves the 64-bit word", found=str(register))
        sign = 1 << (register.bits - 1) if register.low < 0 else 0
        self._op(Op.WRAP, [], (1 << register.bits) - 1, sign)

    def _table(self, stage: Table) -> None:
        table = self._read(stage.table)
        if table.shape != (stage.entries,):
            raise InputError(
                "the table has the wrong length",
                key=stage.table,
                found=table.shape,
                allowed=f"{stage.entries} entries",
            )
        offset = 1 + sum(map(len, self.tables))
        self.tables.append(table)
        rounds = stage.rounding is not None and stage.fraction_bits > 0
        rule = increments(stage.rounding) if rounds and stage.rounding is not None else -1
        self._op(Op.TABLE, [], offset, stage.address.low, stage.fraction_bits, 1 << stage.index_bits, rule)

    def _power(self, stage: ShiftLeft) -> Words:
        """2**by as a factor; modulo 2**64, since a product that fits the word comes out right."""
        by = self._value(stage.by)
        _check_shift(by, (stage.by,))
        return np.where(by < 64, np.left_shift(np.int64(1), np.minimum(by, 63)), 0)

    def _divisor(self, stage: Divide) -> Words:
        by = self._value(stage.by)
        if np.any(by < 1):
            raise InputError("a divisor must be positive (A3)", key=str(stage.by), found=int(by.min()))
        return by

    def _digits(self, stage: Significant) -> Words:
        digits = self._value(stage.digits)
        if np.any(digits < 1):
            raise InputError(
                "one significant bit or more is wanted (A3)", key=str(stage.digits), found=int(digits.min())
            )
        return digits

    def _scale(self, stage: FloatStage) -> Words:
        scales = [stage.format.decode(int(pattern)) for pattern in self._value(stage.scale)]
        return np.array([math.ldexp(*scale) for scale in scales], np.float64).view(np.int64)

    def _activation(self) -> Words:
        bounds = self._value("activation") if "activation" in self.fields else self._value(0)
        if np.any((bounds < ActivationBounds.NONE) | (bounds > ActivationBounds.BOTH)):
            raise InputError("no such activation bounds", key="activation", found=bounds, allowed="0..3")
        return bounds

    def _value(self, operand: Operand) -> Words:
        """int64[channels]: what an operand stands for."""
        name = field_name(operand)
        value = np.asarray(operand) if name is None else self._read(name)
        if name is None and not _LOW <= int(operand) <= _HIGH:
            raise InputError("a constant leaves the 64-bit word", found=operand)
        if value.shape not in ((), (self.channels,)):
            raise InputError(
                "the field has the wrong length",
                key=name,
                found=value.shape,
                allowed=f"one integer, or one for each of {self.channels} channels",
            )
        values = np.broadcast_to(value.astype(np.int64), (self.channels,))
        if isinstance(operand, str) and operand.startswith("-"):
            if np.any(values == _LOW):
                raise InputError("the field's negative leaves the 64-bit word", key=name, found=_LOW)
            return -values
        return values

    def _read(self, name: str) -> Words:
        """A field as int64, checked."""
        if name not in self.fields:
            raise InputError(
                "the pipeline reads a field that the step does not fill",
                key=name,
                allowed=", ".join(sorted(self.fields)) or "no fields were given",
            )
        found = np.asarray(self.fields[name])
        if found.dtype.kind not in "iu" or (found.size and int(found.max()) > _HIGH):
            raise InputError("a field must hold 64-bit integers", key=name, found=self.fields[name])
        return found.astype(np.int64)


def _check_shift(total: Words, by: Sequence[Operand]) -> None:
    if total.size and total.min() < 0:
        raise InputError(
            "a negative total shift (A1)",
            key=" + ".join(str(operand) for operand in by),
            found=int(total.min()),
            allowed="0 or more; declare a shift_left for the other direction",
        )
