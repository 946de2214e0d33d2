"""Which sums of products some weights can make of codes, and codes that make a wanted one.

All sums of few products are known exactly, as a set of bits. Of many products, all but the ones of least
weight are chosen greedily towards the wanted sum, and the rest is looked up.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cached_property
from math import gcd

from npusim.spec.interval import Interval

EXACT = 64
"""Products whose sums are all known; with no more of them, nothing is missed."""

_TRIES = 24


class Sums:
    """``sum(weight * code)`` over codes of a range.

    Parameters
    ----------
    weights
        None of them 0.
    start
        Code that those products begin with that need not be another.
    """

    def __init__(self, weights: Sequence[int], codes: Interval, start: int = 0) -> None:
        self._weights, self._codes = list(weights), codes
        self._start = min(max(start, codes.low), codes.high)
        order = sorted(range(len(self._weights)), key=lambda i: (abs(self._weights[i]), i))
        self._near = self._lattice(order)
        near = set(self._near)
        self._far = [i for i in reversed(order) if i not in near]

    @property
    def complete(self) -> bool:
        """Whether a sum that is not found cannot be made."""
        return not self._far

    @property
    def reach(self) -> Interval:
        """The least and the greatest sum."""
        ends = [sorted((w * self._codes.low, w * self._codes.high)) for w in self._weights]
        return Interval(sum(low for low, _ in ends), sum(high for _, high in ends))

    def codes(self, total: int, rng: random.Random) -> list[int] | None:
        """Codes, in the order of the weights, whose sum is `total`; None if none were found."""
        chosen = [self._start] * len(self._weights)
        for attempt in range(_TRIES if self._far else 1):
            missing = self._towards(chosen, total, rng if attempt else None)
            found = self._looked_up(missing)
            if found is not None:
                for index, code in zip(self._near, found, strict=True):
                    chosen[index] = code
                return chosen
        return None

    def has(self, total: int) -> bool:
        """Whether a sum can be made; of many products it is not known, and this is False."""
        place = total - self._base
        return self.complete and place >= 0 and bool(self._sets[-1] >> place & 1)

    def _lattice(self, order: Sequence[int]) -> list[int]:
        """The products of least weight, and those that a common divisor of theirs needs to become all's."""
        near = list(order[:EXACT])
        common = gcd(*(self._weights[i] for i in near))
        for index in order[EXACT:]:
            if self._weights[index] % common:
                near.append(index)
                common = gcd(common, self._weights[index])
        return near

    def _towards(self, chosen: list[int], total: int, rng: random.Random | None) -> int:
        """Choose the products of great weight; what the others must make."""
        middle = sum(self._weights[i] * (self._codes.low + self._codes.high) for i in self._near) // 2
        far = self._far
        for index in far:
            chosen[index] = self._start if rng is None else rng.randint(self._codes.low, self._codes.high)
        missing = total - sum(self._weights[i] * chosen[i] for i in far)
        for index in far:
            step = round((missing - middle) / self._weights[index])
            code = min(max(chosen[index] + step, self._codes.low), self._codes.high)
            missing -= self._weights[index] * (code - chosen[index])
            chosen[index] = code
        return missing

    @cached_property
    def _base(self) -> int:
        """The least sum of the products that are looked up."""
        return sum(min(self._weights[i] * c for c in (self._codes.low, self._codes.high)) for i in self._near)

    @cached_property
    def _sets(self) -> list[int]:
        """Bit s: the first so many products make s more than they must; one set more than products."""
        sets = [1]
        for index in self._near:
            made, step = sets[-1], abs(self._weights[index])
            left, part = self._codes.high - self._codes.low, 1
            while left:
                taken = min(part, left)
                made |= made << step * taken
                left, part = left - taken, 2 * part
            sets.append(made)
        return sets

    def _looked_up(self, total: int) -> list[int] | None:
        place = total - self._base
        if place < 0 or not self._sets[-1] >> place & 1:
            return None
        found = []
        for index, before in zip(reversed(self._near), reversed(self._sets[:-1]), strict=True):
            weight = self._weights[index]
            for more in range(self._codes.high - self._codes.low + 1):
                rest = place - abs(weight) * more
                if rest >= 0 and before >> rest & 1:
                    break
            place = rest
            found.append(self._codes.low + more if weight > 0 else self._codes.high - more)
        return found[::-1]
