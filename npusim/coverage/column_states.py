"""Small columns, solved completely: every state of the accumulator, beat by beat."""

from __future__ import annotations

from itertools import product

from npusim.coverage.column_bins import ColumnBin, ColumnKind
from npusim.coverage.column_unit import ColumnUnit, ColumnVector, filled
from npusim.spec.mac import accumulate

Pair = tuple[int, int]
State = tuple[int, bool]
"""What the accumulator holds, and whether no write has overflowed yet."""

_MOST_BITS = 10
_MOST_PAIRS = 1 << 10
_MOST_LANES = 4


def small(unit: ColumnUnit) -> bool:
    """Whether every state can be looked at."""
    pairs = (unit.activation.high - unit.activation.low + 1) * (unit.weight.high - unit.weight.low + 1)
    zeros = (unit.x_zero.high - unit.x_zero.low + 1) * (unit.weight_zero.high - unit.weight_zero.low + 1)
    fits = unit.accumulator.bits <= _MOST_BITS and unit.bias.bits <= _MOST_BITS
    return fits and pairs * zeros <= _MOST_PAIRS and unit.lanes <= _MOST_LANES


def by_states(unit: ColumnUnit, wanted: ColumnBin) -> ColumnVector | None:
    """A vector for an overflow or an end of a small column; None if there is none."""
    for zeros in product(
        range(unit.x_zero.low, unit.x_zero.high + 1), range(unit.weight_zero.low, unit.weight_zero.high + 1)
    ):
        found = _search(unit, wanted, zeros)
        if found is not None:
            return found
    return None


def _search(unit: ColumnUnit, wanted: ColumnBin, zeros: Pair) -> ColumnVector | None:
    sums = _beat_sums(unit, zeros)
    biases = range(unit.bias.low, unit.bias.high + 1)
    start = {0} if unit.late else set(biases)
    layers: list[dict[State, tuple[State, int] | None]] = [{(value, True): None for value in start}]
    for write in range(wanted.place + 1):
        addends = biases if write == unit.beats else sums
        following: dict[State, tuple[State, int] | None] = {}
        for state, addend in product(layers[-1], addends):
            exact = state[0] + addend
            if write == wanted.place and _shows(unit, wanted, exact, clean=state[1]):
                return _vector(unit, zeros, sums, layers, (state, addend))
            following.setdefault(_written(unit, state, addend), (state, addend))
        layers.append(following)
    return None


def _shows(unit: ColumnUnit, wanted: ColumnBin, exact: int, *, clean: bool) -> bool:
    low, high = unit.accumulator.low, unit.accumulator.high
    if wanted.kind is ColumnKind.AT_END:
        return exact == (high if wanted.high else low)
    if wanted.kind is ColumnKind.DISTANCE:
        beyond = exact - high if wanted.high else low - exact
        return clean and wanted.values[0] <= beyond <= wanted.values[1]
    return clean and (exact > high if wanted.high else exact < low)


def _written(unit: ColumnUnit, state: State, addend: int) -> State:
    made = accumulate([[(addend, 1)]], state[0], unit.register_only)
    return made.value, state[1] and not made.overflows


def _beat_sums(unit: ColumnUnit, zeros: Pair) -> dict[int, list[Pair]]:
    """Each sum a beat can make, with codes that make it; those that do not fit the tree left out."""
    products: dict[int, Pair] = {}
    codes = product(
        range(unit.activation.low, unit.activation.high + 1), range(unit.weight.low, unit.weight.high + 1)
    )
    for x, w in codes:
        products.setdefault((x - zeros[0]) * (w - zeros[1]), (x, w))
    sums: dict[int, list[Pair]] = {0: []}
    for _ in range(unit.lanes):
        longer: dict[int, list[Pair]] = {}
        for (total, pairs), (value, pair) in product(sums.items(), products.items()):
            longer.setdefault(total + value, [*pairs, pair])
        sums = longer
    tree = unit.datapath.mac.column.tree
    return {total: pairs for total, pairs in sums.items() if tree is None or tree.holds(total)}


def _vector(
    unit: ColumnUnit,
    zeros: Pair,
    sums: dict[int, list[Pair]],
    layers: list[dict[State, tuple[State, int] | None]],
    last: tuple[State, int],
) -> ColumnVector:
    """Back from the last write to the bias."""
    addends, step = [], last
    for layer in reversed(layers):
        state, addend = step
        addends.append(addend)
        before = layer[state]
        if before is None:
            break
        step = before
    addends.reverse()
    bias = step[0][0]
    if unit.late:
        bias = addends.pop() if len(addends) > unit.beats else unit.bias.low
    return filled(unit, [sums[addend] for addend in addends], bias, zeros)
