"""Events of a mac step counted while its one-pass form runs; where each happened first is looked up after."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from npusim.kernels.direct.conv import DirectConvolution
from npusim.kernels.direct.depthwise import DirectDepthwise
from npusim.kernels.direct.tally import NOBODY
from npusim.kernels.events import EventCounts
from npusim.kernels.ops import COLUMN, Op
from npusim.spec.activation import ActivationBounds
from npusim.spec.events import Event
from npusim.steps.base import Array
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.probe import AccumulatorRecord, Probe

_FEWEST = 8
"""Output pixels looked through first for an event that is known to have happened."""

Look = Callable[[Array, range], EventCounts]
"""The events of some output pixels of an image, by the general kernels, with the step's flat positions."""


class CountingMac:
    """A mac step in one pass, with its events.

    Parameters
    ----------
    direct
        Its one-pass form; `direct.counts` holds.
    pixels
        Output pixels of an image.
    unit
        Output pixels of a unit of `direct`.
    look
        Looks through output pixels.
    """

    def __init__(
        self,
        direct: DirectConvolution | DirectDepthwise,
        rescaler: Rescaler,
        pixels: int,
        unit: int,
        look: Look,
    ) -> None:
        self._direct, self._rescaler = direct, rescaler
        self._pixels, self._unit, self._look = pixels, unit, look
        plan = rescaler.plan
        codes = [int(op) for op in plan.ops[:, 0]]
        stage_of = [int(np.searchsorted(plan.stage_ops, index, "right")) - 1 for index in range(len(codes))]
        shift, clamp = codes.index(Op.SHIFT_RIGHT), codes.index(Op.CLAMP)
        bounds = int(plan.columns[plan.ops[clamp, COLUMN] + 2, 0])
        low = Event.ACTIVATION if bounds & ActivationBounds.LOW else Event.SATURATED_LOW
        high = Event.ACTIVATION if bounds & ActivationBounds.HIGH else Event.SATURATED_HIGH
        events = (shift, Event.ROUNDED), (shift, Event.TIE), (clamp, low), (clamp, high)
        self._events = [(stage_of[op], event) for op, event in events]

    def run(self, x: Array, out: Array, probe: Probe) -> None:
        """One image, from codes to codes : [pixels, channels]."""
        flat = x.reshape(-1).view(np.uint8)
        flat.flags.writeable = False
        scratch = np.empty(self._direct.scratch_bytes, np.uint8)
        tallies = self._direct.run_counting([flat], out.reshape(-1).view(np.uint8), scratch)
        ranges = [tally.range for tally in tallies]
        probe.see(AccumulatorRecord(min(low for low, _ in ranges), max(high for _, high in ranges)))
        found: dict[tuple[int, Event], int] = {}
        since: dict[tuple[int, Event], int] = {}
        for tally in tallies:
            for key, count, unit in zip(self._events, tally.counts, tally.since.tolist(), strict=True):
                if count:
                    found[key] = found.get(key, 0) + count
                    since[key] = min(since.get(key, NOBODY), unit * self._unit)
        firsts = self._firsts(x, since, probe, out.shape[1])
        for stage, point in enumerate(self._rescaler.points):
            own = {event.value: (found[s, event], firsts[s, event]) for s, event in found if s == stage}
            probe.count(point, own)

    def _firsts(
        self, x: Array, since: dict[tuple[int, Event], int], probe: Probe, channels: int
    ) -> dict[tuple[int, Event], int]:
        """Where each event happened first; at least that, if an earlier image had it already."""
        known = {}
        for key, pixel in since.items():
            if probe.earliest.get(key, probe.image) < probe.image:
                known[key] = pixel * channels
        for start in sorted({pixel for key, pixel in since.items() if key not in known}):
            wanted = {key for key, pixel in since.items() if key not in known and pixel <= start}
            known.update(self._search(x, start, wanted))
        for key in since:
            probe.earliest[key] = min(probe.earliest.get(key, probe.image), probe.image)
        return known

    def _search(
        self, x: Array, start: int, wanted: Iterable[tuple[int, Event]]
    ) -> dict[tuple[int, Event], int]:
        """Look through more and more pixels until all are found."""
        left, known, size = set(wanted), {}, _FEWEST
        while left:
            seen = self._look(x, range(start, min(start + size, self._pixels)))
            for key in tuple(left):
                first = seen.first_index(*key)
                if first is not None:
                    known[key] = first
                    left.remove(key)
            start, size = start + size, 2 * size
        return known
