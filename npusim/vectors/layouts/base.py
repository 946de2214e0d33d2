"""What a layout is: which vector files a step has, and what stands in them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from npusim.datapath import Datapath
from npusim.steps.base import Array, Step, TensorType
from npusim.vectors.beat_order import BeatOrder
from npusim.vectors.pixels import Sampling
from npusim.vectors.stream import Axes, Role, Stream
from npusim.vectors.words import Words

Block = tuple[Stream, Words]


@dataclass(frozen=True)
class StepContext:
    """All a layout may know about a step."""

    step: Step
    inputs: tuple[TensorType, ...]
    output: TensorType
    datapath: Datapath
    sampling: Sampling | None = None


class Layout(ABC):
    """The vector files of one step.

    Attributes
    ----------
    taps
        What must be recorded while the step runs.
    constant_streams
        Files that do not depend on the stimulus.
    image_streams
        Files that do, as for one image: the axis of images is put before theirs.
    pixels
        Flat raster indices of the output pixels shown; None: all.
    beats
        The order of MAC beats; None: the step has none.
    """

    taps: frozenset[str] = frozenset()
    constant_streams: tuple[Stream, ...]
    image_streams: tuple[Stream, ...]
    pixels: tuple[int, ...] | None = None
    beats: BeatOrder | None = None

    @abstractmethod
    def constants(self) -> Iterator[Block]:
        """The words of the constant streams, each stream's in order."""

    @abstractmethod
    def image(self, inputs: Sequence[Array], output: Array, taps: dict[str, Array]) -> Iterator[Block]:
        """One image's words of the image streams, each stream's in order."""


def tensor_stream(name: str, role: Role, kind: TensorType, tensor: str) -> Stream:
    """A whole tensor: one code a word, raster order, channels fastest."""
    return Stream(name, role, kind.bits, kind.signed, tensor_axes(kind), tensor=tensor)


def tensor_axes(kind: TensorType) -> Axes:
    """A tensor's axes by name, slowest first."""
    names = {1: ("feature",), 3: ("row", "column", "channel")}
    rank = len(kind.shape)
    return tuple(zip(names.get(rank, [f"axis{i}" for i in range(rank)]), kind.shape, strict=True))
