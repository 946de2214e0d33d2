"""What one vector file holds: how wide its words are and in which order they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from math import prod

import numpy as np

from npusim.errors import InputError
from npusim.spec.interval import Interval
from npusim.spec.width import Width
from npusim.vectors.words import Words, word_type

BLOCK_VALUES = 1 << 18
"""About how many codes are converted at a time."""


class Role(StrEnum):
    """What a vector file is for."""

    ACTIVATIONS = "activations"
    """Stimulus: what enters the lanes, beat by beat."""
    WEIGHTS = "weights"
    """Stimulus: what the lanes multiply with, beat by beat."""
    BIAS = "bias"
    FIELD = "field"
    """A register of the datapath."""
    ARRAY = "array"
    """Another array of the step, such as a table or the multipliers of pooling windows."""
    INPUT = "input"
    """A whole input tensor."""
    EXPECTED_ACCUMULATORS = "expected_accumulators"
    EXPECTED_OUTPUTS = "expected_outputs"
    EXPECTED_EVENTS = "expected_events"
    """What else happened, a flag or a count for each case of a unit."""


Axes = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Stream:
    """One file's words.

    Attributes
    ----------
    name
        The file's name without its ending.
    bits, signed
        Those of one code.
    axes
        (name, size) of what the words run over, slowest first.
    lanes
        Codes in a word; None: one, and no lane axis.
    tensor
        The tensor of the program whose codes these are.
    missing_lanes
        What fills the lanes that a partial block leaves empty.
    owner
        The folder it stands in, for formats that name arrays.
    """

    name: str
    role: Role
    bits: int
    signed: bool
    axes: Axes
    lanes: int | None = None
    tensor: str | None = None
    missing_lanes: str | None = None
    owner: str = ""

    @property
    def words(self) -> int:
        """How many words the file holds."""
        return prod(size for _, size in self.axes)

    @property
    def codes_per_word(self) -> int:
        """Codes in a word."""
        return 1 if self.lanes is None else self.lanes

    def per_image(self, images: int) -> Stream:
        """The stream of a batch from that of one image."""
        return replace(self, axes=(("image", images), *self.axes))

    def place(self, word: int) -> str:
        """Where a word stands, for people.

        Examples
        --------
        >>> Stream("x", Role.INPUT, 8, True, (("image", 2), ("channel", 3))).place(4)
        'image 1, channel 1'
        """
        parts = []
        for name, size in reversed(self.axes):
            word, index = divmod(word, size)
            parts.append(f"{name} {index}")
        return ", ".join(reversed(parts))

    def blocks(self, codes: Words) -> Iterator[tuple[Stream, Words]]:
        """Integers of any shape, in C order, as blocks of words.

        Raises
        ------
        InputError
            If a code does not fit into its bits.
        """
        lanes = self.codes_per_word
        flat = codes.reshape(-1, lanes)
        size = max(1, BLOCK_VALUES // lanes)
        for start in range(0, len(flat), size):
            block = flat[start : start + size].astype(word_type(self.bits, self.signed))
            self._check(block)
            yield self, block

    def _check(self, block: Words) -> None:
        limits = Interval.of(Width(self.bits, self.signed))
        low, high = int(np.min(block)), int(np.max(block))
        if low not in limits or high not in limits:
            raise InputError(
                f"a code does not fit into the {self.bits} bits of {self.name}",
                found=low if low not in limits else high,
                allowed=str(limits),
            )
