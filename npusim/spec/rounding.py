"""A1: shift right by n with a rounding rule."""

from __future__ import annotations

from enum import StrEnum

from npusim.spec.events import NO_EVENTS, Event, Events


class Rounding(StrEnum):
    """Which neighbour a value between two integers becomes."""

    FLOOR = "floor"
    """Down: drop the bits."""
    HALF_UP = "half_up"
    """Nearest; a tie goes up (towards plus infinity)."""
    HALF_DOWN = "half_down"
    """Nearest; a tie goes down (towards minus infinity)."""
    HALF_TOWARD_ZERO = "half_toward_zero"
    """Nearest; a tie goes towards zero."""
    HALF_AWAY = "half_away"
    """Nearest; a tie goes away from zero."""
    HALF_EVEN = "half_even"
    """Nearest; a tie goes to the even neighbour."""
    HALF_ODD = "half_odd"
    """Nearest; a tie goes to the odd neighbour."""
    TOWARD_ZERO = "toward_zero"
    """Towards zero: truncate the magnitude."""
    CEIL = "ceil"
    """Up."""
    AWAY = "away"
    """Away from zero."""


def increment(rule: Rounding, *, guard: int, sticky: int, sign: int, last: int) -> int:
    """A1: 0 or 1, what `rule` adds to the floored quotient.

    `guard` is the highest bit shifted out, `sticky` the OR of those below it, `sign` is 1 for a
    negative value, `last` is the lowest bit kept.
    """
    match rule:
        case Rounding.FLOOR:
            return 0
        case Rounding.HALF_UP:
            return guard
        case Rounding.HALF_DOWN:
            return guard & sticky
        case Rounding.HALF_TOWARD_ZERO:
            return guard & (sign | sticky)
        case Rounding.HALF_AWAY:
            return guard & ((1 - sign) | sticky)
        case Rounding.HALF_EVEN:
            return guard & (last | sticky)
        case Rounding.HALF_ODD:
            return guard & ((1 - last) | sticky)
        case Rounding.TOWARD_ZERO:
            return sign & (guard | sticky)
        case Rounding.CEIL:
            return guard | sticky
        case Rounding.AWAY:
            return (1 - sign) & (guard | sticky)


def shift_right(value: int, n: int, rule: Rounding) -> tuple[int, Events]:
    """A1: `value` / 2**`n`, rounded by `rule`; `n` = 0 leaves it unchanged.

    Python's integers are sign-extended without end, so `n` beyond any width needs no rule of its own.

    Raises
    ------
    ValueError
        If `n` is negative: a left shift must be declared as a stage of its own.

    Examples
    --------
    >>> [shift_right(value, 1, Rounding.HALF_AWAY)[0] for value in (-3, -1, 1, 3)]
    [-2, -1, 1, 2]
    """
    if n < 0:
        raise ValueError(f"shift_right by {n}: a negative total shift is an error (A1)")
    if n == 0:
        return value, NO_EVENTS
    quotient = value >> n
    guard = value >> (n - 1) & 1
    sticky = int(value & ((1 << (n - 1)) - 1) != 0)
    rounded = quotient + increment(rule, guard=guard, sticky=sticky, sign=int(value < 0), last=quotient & 1)
    if not guard | sticky:
        return rounded, NO_EVENTS
    return rounded, frozenset({Event.ROUNDED, Event.TIE} if guard and not sticky else {Event.ROUNDED})


def divide(numerator: int, denominator: int, rule: Rounding) -> int:
    """`numerator` / `denominator` (positive), rounded by `rule`: A1 for any denominator.

    Examples
    --------
    >>> divide(7, 2, Rounding.HALF_EVEN), divide(-1, 3, Rounding.FLOOR)
    (4, -1)
    """
    quotient, rest = divmod(numerator, denominator)
    guard = int(2 * rest >= denominator)
    sticky = int(rest > 0 and 2 * rest != denominator)
    return quotient + increment(rule, guard=guard, sticky=sticky, sign=int(numerator < 0), last=quotient & 1)
