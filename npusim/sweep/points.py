"""Which points a sweep has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import product

from npusim.errors import InputError
from npusim.sweep.conditions import Condition
from npusim.sweep.load import SweepFile
from npusim.sweep.model import CHOICES, Scalar, Sweep

Point = Mapping[str, Scalar]
"""A value of network, datapath, recipe and every axis, in the order of the table's columns."""

MAX_POINTS = 100_000
MAX_COMBINATIONS = 1_000_000
"""How many may be held against the conditions."""


def points(file: SweepFile) -> list[Point]:
    """All points that meet the conditions, in order, each once.

    Raises
    ------
    InputError
        With file, line and key: unknown axes or values, conditions that are none, no or too many points.
    """
    ranges = _ranges(file.sweep)
    conditions = _conditions(file, list(ranges))
    found: dict[tuple[Scalar, ...], Point] = {}
    for part in _parts(file, ranges):
        for point in part:
            if all(_holds(file, condition, index, point) for index, condition in enumerate(conditions)):
                # True is 1 to a dictionary
                found.setdefault(tuple(map(repr, point.values())), point)
            if len(found) > MAX_POINTS:
                error = InputError("too many points", found=f"more than {MAX_POINTS}")
                raise file.error(error, ("axes",))
    if not found:
        raise file.error(InputError("no point meets the conditions"), ("where",))
    return list(found.values())


def _ranges(sweep: Sweep) -> dict[str, Sequence[Scalar]]:
    choices = dict(zip(CHOICES, (sweep.networks, sweep.datapaths, sweep.recipes), strict=True))
    return {**choices, **{name: axis.cells for name, axis in sweep.axes.items()}}


def _parts(file: SweepFile, ranges: Mapping[str, Sequence[Scalar]]) -> Iterator[Iterator[Point]]:
    """The grid; or for each listed point the grid of what it leaves open."""
    if file.sweep.points is None:
        yield _grid(file, ranges, ("axes",))
        return
    for index, given in enumerate(file.sweep.points):
        for name, value in given.items():
            _check_value(file, ranges, ("points", index, name), value)
        open_ranges = {name: [given[name]] if name in given else values for name, values in ranges.items()}
        yield _grid(file, open_ranges, ("points", index))


def _grid(
    file: SweepFile, ranges: Mapping[str, Sequence[Scalar]], place: tuple[str | int, ...]
) -> Iterator[Point]:
    combinations = 1
    for name, values in ranges.items():
        if not values:
            raise file.error(InputError(f"the axis {name} has no values, and no point names one"), place)
        combinations *= _length(values)
    if combinations > MAX_COMBINATIONS:
        error = InputError("too many combinations", found=combinations, allowed=f"up to {MAX_COMBINATIONS}")
        raise file.error(error, place)
    return (dict(zip(ranges, values, strict=True)) for values in product(*ranges.values()))


def _length(values: Sequence[Scalar]) -> int:
    """How many there are; Python has no length for the longest ranges."""
    if isinstance(values, range):
        return (values.stop - values.start - 1) // values.step + 1
    return len(values)


def _check_value(
    file: SweepFile, ranges: Mapping[str, Sequence[Scalar]], place: tuple[str | int, ...], value: Scalar
) -> None:
    name = str(place[-1])
    if name not in ranges:
        close = get_close_matches(name, ranges, n=1)
        allowed = f"did you mean {close[0]!r}?" if close else ", ".join(ranges)
        raise file.error(InputError("there is no such axis", found=name, allowed=allowed), place)
    fixed = name in CHOICES or file.sweep.axes[name].options is not None
    if fixed and value not in ranges[name]:
        allowed = ", ".join(map(str, ranges[name]))
        raise file.error(InputError("is none of the axis's values", found=value, allowed=allowed), place)


def _conditions(file: SweepFile, names: Sequence[str]) -> list[Condition]:
    found = []
    for index, text in enumerate(file.sweep.where):
        try:
            found.append(Condition(text, names))
        except InputError as error:
            raise file.error(error, ("where", index)) from None
    return found


def _holds(file: SweepFile, condition: Condition, index: int, point: Point) -> bool:
    try:
        return condition.holds(point)
    except InputError as error:
        raise file.error(error, ("where", index)) from None
