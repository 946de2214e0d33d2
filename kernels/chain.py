"""Kernels one after another in one call: what a run of steps costs besides their own work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from npusim.kernels.codes import flip_codes, look_up
from npusim.kernels.concat import place_codes
from npusim.kernels.direct.protocol import Call
from npusim.kernels.emit.call import (
    BYTES,
    CUBE,
    INPUT,
    INT,
    ROWS,
    SETTINGS,
    TABLE,
    WORDS,
    frame,
    piece_of,
)
from npusim.kernels.jit import kernel, part, readonly
from npusim.kernels.members import count_sets
from npusim.kernels.ops import Words
from npusim.kernels.tiled.combine import combine
from npusim.kernels.tiled.combine_events import combine_counting
from npusim.kernels.tiled.conv_count_loop import convolve_counting
from npusim.kernels.tiled.conv_loop import PANEL, convolve
from npusim.kernels.tiled.depthwise_count_loop import convolve_channels_counting
from npusim.kernels.tiled.depthwise_loop import convolve_channels

_TOLD = (CUBE, CUBE, TABLE, TABLE, INT, INT, SETTINGS, WORDS)
_CONVOLVE = (INPUT, INPUT, ROWS, TABLE, SETTINGS, INT, INT, BYTES, BYTES)
_CONVOLVE_COUNTING = (*_CONVOLVE, *_TOLD)
_CHANNELS = (INPUT, INPUT, ROWS, SETTINGS, INT, INT, BYTES, BYTES)
_CHANNELS_COUNTING = (*_CHANNELS, *_TOLD)
_COMBINE = (INPUT, INPUT, ROWS, SETTINGS, INT, INT, BYTES, BYTES)
_LOOK_UP = (INPUT, INPUT, BYTES)
_FLIP = (INPUT, INT, BYTES)
_COMBINE_COUNTING = (
    *(INPUT, INPUT, ROWS, SETTINGS, INT, INT, BYTES, BYTES),
    *(SETTINGS, INT, INPUT, INPUT, INT, WORDS),
)
_COUNT_SETS = (INPUT, INPUT, *[INT] * 6, WORDS)
_PLACE = (INPUT, INPUT, *[INT] * 5, BYTES)

_SIGNATURES: dict[Callable[..., None], Any] = {
    convolve: _CONVOLVE,
    convolve_channels: _CHANNELS,
    combine: _COMBINE,
    look_up: _LOOK_UP,
    flip_codes: _FLIP,
    combine_counting: _COMBINE_COUNTING,
    count_sets: _COUNT_SETS,
    place_codes: _PLACE,
    convolve_counting: _CONVOLVE_COUNTING,
    convolve_channels_counting: _CHANNELS_COUNTING,
}

_GRAINS: dict[Callable[..., None], int] = {
    convolve: PANEL,
    convolve_channels: 2,
    convolve_counting: PANEL,
    convolve_channels_counting: 2,
    combine: 1 << 12,
    combine_counting: 1 << 12,
    count_sets: 1 << 12,
    place_codes: 1 << 12,
}
"""Kernels that compute what lies between two numbers, their first plain ones, and how much at least."""

_call_convolve, _call_channels, _call_combine = map(piece_of, (_CONVOLVE, _CHANNELS, _COMBINE))
_call_look_up, _call_flip = map(piece_of, (_LOOK_UP, _FLIP))
_call_combine_counting, _call_count_sets = map(piece_of, (_COMBINE_COUNTING, _COUNT_SETS))
_call_place = piece_of(_PLACE)
_call_convolve_counting, _call_channels_counting = map(piece_of, (_CONVOLVE_COUNTING, _CHANNELS_COUNTING))


class Chain:
    """Calls in a row; it keeps their arrays.

    Attributes
    ----------
    heads : int64[calls, 3]
        The number of a call's kernel, its address, and that of the call's frame.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = tuple(calls)
        numbers = list(_SIGNATURES)
        frames = [frame(call.arguments, _SIGNATURES[call.kernel]) for call in calls]
        starts = np.cumsum([0, *map(len, frames)])[:-1]
        self._words = np.array([word for words in frames for word in words], np.int64)
        heads = [
            (numbers.index(call.kernel), _address(call.kernel), self._words.ctypes.data + 8 * int(start))
            for call, start in zip(calls, starts, strict=True)
        ]
        self.heads = readonly(heads, np.int64)

    def run(self) -> None:
        """All calls."""
        _run(self.heads)


class Range(NamedTuple):
    """What a call computes: from one number to another; where its frame has them, in words."""

    first: int
    last: int
    place: int
    grain: int


def range_of(call: Call) -> Range | None:
    """What a call computes; None if it cannot compute a part."""
    grain, signature = _GRAINS.get(call.kernel), _SIGNATURES[call.kernel]
    if grain is None:
        return None
    index = signature.index(INT)
    place = len(frame(call.arguments[:index], signature[:index]))
    first, last = call.arguments[index : index + 2]
    return Range(int(first), int(last), place, grain)


def _address(function: Any) -> int:
    """Where a kernel's compiled entry begins; it is compiled, or loaded, first."""
    signature = _SIGNATURES[function]
    function.compile(signature)
    made = function.overloads[signature]
    address: int = made.library.get_pointer_to_function(made.fndesc.llvm_func_name)
    return address


@part
def call_head(heads: Words, i: int) -> None:
    """One call of a chain."""
    number, address, words = heads[i, 0], heads[i, 1], heads[i, 2]
    if number == 0:
        _call_convolve(address, words)
    elif number == 1:
        _call_channels(address, words)
    elif number == 2:
        _call_combine(address, words)
    elif number == 3:
        _call_look_up(address, words)
    elif number == 4:
        _call_flip(address, words)
    elif number == 5:
        _call_combine_counting(address, words)
    elif number == 6:
        _call_count_sets(address, words)
    elif number == 7:
        _call_place(address, words)
    elif number == 8:
        _call_convolve_counting(address, words)
    else:
        _call_channels_counting(address, words)


@kernel(signatures=1)
def _run(heads: Words) -> None:
    for i in range(heads.shape[0]):
        call_head(heads, i)
