"""Elementwise add, sub and mul of 8-bit codes, from codes to codes.

An operand is a function of 256 codes, so that whoever makes its constants can look at all of them: it is a
line, or a line rounded by high halves of products. Codes are read as int8; unsigned ones are flipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from llvmlite import ir
from numba import types

from npusim.kernels.emit.build import (
    I8,
    I32,
    I64,
    Value,
    cgutils,
    every,
    load,
    number,
    piece,
    splat,
    switch,
)
from npusim.kernels.emit.order import Order, arranged
from npusim.kernels.emit.registers import COUNT, LANES, VECTOR, store_first
from npusim.kernels.emit.rescale import Constants, Ends, Form, codes, high_products, rescaled

LINE, ROUNDED = 0, 1
"""``code * factor + addend``; or ``(h + addend + [x < 0] * negative) >> shift`` with ``x = code + before``,
and h the high half of ``(x << LIFT) * factor``."""

LIFT = 22
"""So that nine bits of code and zero point fill 31."""

KIND, BEFORE, FACTOR, ADDEND, NEGATIVE, SHIFT = range(6)
OPERAND_BYTES = 8 * 6
"""An operand's constants: int64."""

PRODUCT, FLIP = 0, 1
"""Before both operands' constants: whether values are multiplied or added; what codes are xored with."""

HEAD_BYTES = 8 * 2
_CODES = ir.VectorType(I8, COUNT)
FORMS = Form.HIGH, Form.HIGH_SIGNED, Form.WIDE_SIGNED, Form.WIDE_LAST

_SIGNATURE = types.void(*[types.int64] * 8)


class _Operand:
    """An operand's constants, in every lane."""

    def __init__(self, builder: Any, address: Value) -> None:
        entries = [load(builder, address, 8 * place, I64) for place in range(6)]
        self.line = builder.icmp_signed("==", entries[KIND], number(LINE))
        self.before, self.factor, self.addend, self.negative, self.shift = (
            splat(builder, builder.trunc(entry, I32), COUNT) for entry in entries[BEFORE:]
        )

    def values(self, builder: Any, lanes: list[Value]) -> list[Value]:
        """int32 of vectors of codes."""
        slots = [cgutils.alloca_once(builder, LANES) for _ in lanes]
        with builder.if_else(self.line) as (then, otherwise):
            with then:
                for code, slot in zip(lanes, slots, strict=True):
                    builder.store(builder.add(builder.mul(code, self.factor), self.addend), slot)
            with otherwise:
                for code, slot in zip(lanes, slots, strict=True):
                    lifted = builder.shl(builder.add(code, self.before), every(LIFT, LANES))
                    high = high_products(builder, lifted, self.factor)
                    more = builder.and_(builder.ashr(lifted, every(31, LANES)), self.negative)
                    total = builder.add(builder.add(high, self.addend), more)
                    builder.store(builder.ashr(total, self.shift), slot)
        return [builder.load(slot, typ=LANES) for slot in slots]


class Combiner:
    """A step's constants, in every lane, and what they make of codes."""

    def __init__(self, builder: Any, settings: Value) -> None:
        self._builder = builder
        self._operands = [
            _Operand(builder, builder.add(settings, number(HEAD_BYTES + OPERAND_BYTES * place)))
            for place in (0, 1)
        ]
        self._product = builder.icmp_signed("!=", load(builder, settings, 8 * PRODUCT, I64), number(0))
        self._flip = splat(builder, builder.trunc(load(builder, settings, 8 * FLIP, I64), I8), COUNT)

    def combined(self, addresses: Sequence[Value]) -> list[Value]:
        """Four vectors of int32: what the codes at both addresses combine to."""
        builder, made = self._builder, []
        for address, operand in zip(addresses, self._operands, strict=True):
            read = [builder.xor(load(builder, address, COUNT * v, _CODES), self._flip) for v in range(4)]
            made.append(operand.values(builder, [builder.sext(code, LANES) for code in read]))
        slots = [cgutils.alloca_once(builder, LANES) for _ in range(4)]
        with builder.if_else(self._product) as (then, otherwise):
            with then:
                for slot, x, y in zip(slots, *made, strict=True):
                    builder.store(builder.mul(x, y), slot)
            with otherwise:
                for slot, x, y in zip(slots, *made, strict=True):
                    builder.store(builder.add(x, y), slot)
        return [builder.load(slot, typ=LANES) for slot in slots]


def _emit(form: Form, builder: Any, values: Any) -> None:
    a, b, stretches, settings, constants, ends, out = values
    bounds, result = Ends(builder, ends, form), Constants(builder, constants, form)
    combiner = Combiner(builder, settings)
    with cgutils.for_range(builder, stretches) as stretch:
        place = builder.mul(stretch.index, number(VECTOR))
        combined = combiner.combined([builder.add(address, place) for address in (a, b)])
        # The last one first: as LLVM schedules it, that takes 3 % less time.
        four = [rescaled(builder, each, result, form) for each in reversed(combined)][::-1]
        narrow = arranged(builder, codes(builder, four, bounds), Order.BY_VECTOR)
        store_first(builder, narrow, builder.add(out, place), number(VECTOR))


@piece
def combine_codes(
    typing: Any,
    form: int,
    a: int,
    b: int,
    stretches: int,
    settings: int,
    constants: int,
    ends: int,
    out: int,
) -> Any:
    """Two operands' codes to codes, in one of `FORMS`.

    Its arguments: form; addresses of both operands' codes; how many stretches of `VECTOR` codes; addresses
    of the settings (PRODUCT, FLIP, both operands), of a vector's constants with one channel in all lanes, of
    `Ends`, and of the codes.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        chosen, rest = values[:1], values[1:]
        switch(builder, chosen, (((own,), partial(_emit, own, builder, rest)) for own in FORMS))
        return context.get_dummy_value()

    return _SIGNATURE, generate
