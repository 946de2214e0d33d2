"""Re-checks certificates: exact integers, nothing of the solver's, no search.

An argument is followed stage by stage (`checker_ranges`); then nothing may be left that the condition allows,
or nothing that is a product of what is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import gcd, prod

from npusim.coverage.bins import At, Bin, Condition, Pin
from npusim.coverage.certificates import Case, Certificate, Product, Span
from npusim.coverage.checker_ranges import Bounds, fits, follows, held
from npusim.coverage.unit import PipelineUnit
from npusim.spec.stages import BaseStage, Multiply, ShiftRight, Significant

_WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


def check(unit: PipelineUnit, wanted: Bin, certificate: Certificate) -> bool:
    """Whether a certificate proves that no legal vector of a pipeline hits a bin."""
    return len(certificate.refutations) == len(wanted.conditions) and all(
        _covers(unit, cases) and all(_refutes(unit, condition, case) for case in cases)
        for condition, cases in zip(wanted.conditions, certificate.refutations, strict=True)
    )


def _covers(unit: PipelineUnit, cases: Sequence[Case]) -> bool:
    """One case for everything, or cases that between them name every value of one register."""
    registers = [case.register for case in cases]
    if registers == [None]:
        return True
    named = [register for register in registers if register is not None]
    if len(named) != len(registers) or len({name for name, _, _ in named}) != 1:
        return False
    allowed = unit.ranges.get(named[0][0])
    if allowed is None:
        return False
    following = allowed.low
    for _, low, high in sorted(named, key=lambda register: register[1]):
        if low > following:
            return False
        following = max(following, high + 1)
    return following > allowed.high


def _refutes(unit: PipelineUnit, condition: Condition, case: Case) -> bool:
    registers = {name: (allowed.low, allowed.high) for name, allowed in unit.ranges.items()}
    if case.register is not None:
        name, low, high = case.register
        registers[name] = (max(low, registers[name][0]), min(high, registers[name][1]))
    for pin in condition.pins:
        _pin(pin, registers)
    if any(low > high for low, high in registers.values()):
        return True
    stages = unit.stages[: condition.stage + (condition.at is At.EXACT)]
    if len(case.spans) != len(stages) + 1 or any(span.multiple < 1 for span in case.spans):
        return False
    first = case.spans[0]
    if first.multiple != 1 or first.low > unit.entering.low or first.high < unit.entering.high:
        return False
    for index, stage in enumerate(stages):
        last_exact = condition.at is At.EXACT and index == condition.stage
        if not follows(stage, case.spans[index], case.spans[index + 1], registers, exact=last_exact):
            return False
    if condition.target is None:
        return False
    if case.digits is not None:
        return _too_many_digits(stages, condition, case.digits, registers)
    wanted = _wanted(condition, case.spans[-1], registers, len(case.products))
    if wanted is None:
        return False
    return not wanted or _no_products(stages, case, condition, registers, wanted)


def _pin(pin: Pin, registers: dict[str, Bounds]) -> None:
    """Leave of each register what the others' ends leave for it."""
    for place, operand in enumerate(pin.operands):
        others = [held(o, registers) for o in (*pin.operands[:place], *pin.operands[place + 1 :])]
        low = pin.value - sum(high for _, high in others)
        high = pin.value - sum(low for low, _ in others)
        if isinstance(operand, int):
            if not low <= operand <= high:
                registers[""] = (1, 0)
            continue
        if operand.startswith("-"):
            low, high = -high, -low
        name = operand.removeprefix("-")
        registers[name] = (max(low, registers[name][0]), min(high, registers[name][1]))


def _wanted(
    condition: Condition, span: Span, registers: Mapping[str, Bounds], listed: int
) -> list[int] | None:
    """All values of a span that the condition allows, ascending; None if they are more than are listed."""
    target = condition.target
    assert target is not None
    taken, multiple = (0, 0), span.multiple
    if condition.minus is not None:
        taken, multiple = held(condition.minus, registers), 1
    low, high = max(span.low - taken[1], target.low), min(span.high - taken[0], target.high)
    if low > high or target.residue % gcd(multiple, target.modulus):
        return []
    step = multiple * target.modulus // gcd(multiple, target.modulus)
    # Both classes meet, once in every `step`: look for the first from the nearest member of the target on.
    start = low + (target.residue - low) % target.modulus
    inverse = pow(
        target.modulus // gcd(multiple, target.modulus), -1, multiple // gcd(multiple, target.modulus)
    )
    missing = -start // gcd(multiple, target.modulus) if start % gcd(multiple, target.modulus) == 0 else None
    assert missing is not None
    start += target.modulus * (missing * inverse % (multiple // gcd(multiple, target.modulus)))
    if start > high:
        return []
    if (high - start) // step >= max(1, listed):
        return None
    return list(range(start, high + 1, step))


def _no_products(
    stages: Sequence[BaseStage],
    case: Case,
    condition: Condition,
    registers: Mapping[str, Bounds],
    wanted: list[int],
) -> bool:
    """Whether the last stage but for shifts multiplies, loses nothing, makes no wanted value."""
    index = len(stages) - 1
    while index > 0 and isinstance(stages[index], ShiftRight):
        stage, span = stages[index], case.spans[index]
        ends = [held(operand, registers) for operand in stage.operands()]
        by, most = sum(low for low, _ in ends), sum(high for _, high in ends)
        if not fits(stage, span, registers):
            return False
        if by != most or len(wanted) << by > len(case.products) << 2:
            return False
        fields = {o.removeprefix("-"): registers[o.removeprefix("-")][0] for o in stage.operands()
                  if isinstance(o, str)}  # fmt: skip
        wanted = [
            value
            for each in wanted
            for value in range(each - 1 << by, (each + 1 << by) + 1)
            if span.low <= value <= span.high and stage.exact(value, fields)[0] == each
        ]
        index -= 1
    if [one.value for one in case.products] != wanted:
        return False
    last = stages[index] if stages else None
    if not isinstance(last, Multiply) or condition.minus is not None:
        return False
    before = case.spans[index]
    exact = condition.at is At.EXACT and index == condition.stage
    if not exact and not fits(last, before, registers):
        return False
    factor = held(last.by, registers)
    return all(_no_product(one, before, factor) for one in case.products)


def _no_product(one: Product, before: Span, factor: Bounds) -> bool:
    if not one.value or prod(one.factors) != abs(one.value) or not all(map(_prime, one.factors)):
        return False
    divisors = {1}
    for prime in one.factors:
        divisors |= {divisor * prime for divisor in divisors}
    for divisor, sign in product(divisors, (1, -1)):
        times, value = sign * divisor, sign * (one.value // divisor)
        inside = factor[0] <= times <= factor[1] and before.low <= value <= before.high
        if inside and value % before.multiple == 0:
            return False
    return True


def _too_many_digits(
    stages: Sequence[BaseStage], condition: Condition, digits: int, registers: Mapping[str, Bounds]
) -> bool:
    """Whether what has at most `digits` significant bits is never what the condition allows.

    All members of a residue class other than 0 are odd multiples of one power of two, 2^k or less, k
    being that of the residue; from 2^(digits + k) on they have more bits.
    """
    stage, target = stages[-1] if stages else None, condition.target
    if condition.at is not At.ENTERING or condition.minus is not None or target is None:
        return False
    if not isinstance(stage, Significant) or held(stage.digits, registers)[1] > digits:
        return False
    residue, limit = target.residue % target.modulus, 1 << digits
    if not residue or target.modulus & (target.modulus - 1):
        return False
    while residue % 2 == 0:
        residue, limit = residue // 2, limit * 2
    low, high = max(target.low, 1 - limit), min(target.high, limit - 1)
    return low + (target.residue - low) % target.modulus > high


def _prime(number: int) -> bool:
    """Miller and Rabin with the bases that decide every number below 2^81."""
    if number < 2 or number >= 1 << 81:
        return False
    if number in _WITNESSES or number % 2 == 0:
        return number in _WITNESSES
    twos = ((number - 1) & -(number - 1)).bit_length() - 1
    odd = number - 1 >> twos
    for witness in _WITNESSES:
        powers = [pow(witness, odd << step, number) for step in range(twos)]
        if powers[0] != 1 and number - 1 not in powers:
            return False
    return True
