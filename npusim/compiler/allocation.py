"""One option for each layer under a budget: the multiple-choice knapsack of mixed precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Option:
    """What one choice for a layer costs, and the damage it does."""

    cost: float
    damage: float


def allocate(options: Mapping[str, Sequence[Option]], budget: float) -> dict[str, int]:
    """The index of each layer's option.

    Starts from every layer's cheapest option and buys upgrades along each layer's lower convex hull of
    damage over cost, the most damage taken away per cost first; an upgrade that does not fit is passed over,
    and with it the layer's further ones.

    Returns
    -------
    dict
        If not even the cheapest options fit, those.

    Examples
    --------
    >>> wide_or_narrow = [Option(8, 0.0), Option(4, 1.0)]
    >>> allocate({"a": wide_or_narrow, "b": [Option(8, 0.0), Option(4, 9.0)]}, 12)
    {'a': 1, 'b': 0}
    """
    hulls = {name: _hull(found) for name, found in options.items()}
    chosen = {name: hull[0] for name, hull in hulls.items()}
    spent = sum(options[name][index].cost for name, index in chosen.items())
    upgrades = [
        (_rate(options[name][a], options[name][b]), name, position)
        for name, hull in hulls.items()
        for position, (a, b) in enumerate(pairwise(hull))
    ]
    stopped: set[str] = set()
    for _, name, position in sorted(upgrades, key=lambda upgrade: (-upgrade[0], upgrade[1:])):
        a, b = hulls[name][position], hulls[name][position + 1]
        extra = options[name][b].cost - options[name][a].cost
        if name in stopped or spent + extra > budget:
            stopped.add(name)
            continue
        chosen[name] = b
        spent += extra
    return chosen


def _rate(a: Option, b: Option) -> float:
    """Damage taken away per cost by going from `a` to `b`."""
    return (a.damage - b.damage) / (b.cost - a.cost)


def _hull(options: Sequence[Option]) -> list[int]:
    """Indices of options from the cheapest on, each step taking less damage away per cost than the last."""
    hull: list[int] = []
    for index in sorted(range(len(options)), key=lambda i: (options[i].cost, options[i].damage)):
        if hull and options[index].damage >= options[hull[-1]].damage:
            continue
        while len(hull) > 1 and _rate(options[hull[-1]], options[index]) >= _rate(
            options[hull[-2]], options[hull[-1]]
        ):
            hull.pop()
        hull.append(index)
    return hull
