"""How an ONNX tensor is read out of the tensor that stores it.

ONNX stores images as NCHW, npusim as NHWC. Instead of inserting transposes, every ONNX tensor carries
a *view* of a stored tensor: a reshape and a permutation that have not been carried out. Transpose and
Reshape only change the view; a layer is inserted when an operation needs another order than the one
that is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class View:
    """A tensor's logical axes in terms of how it is stored.

    Attributes
    ----------
    atoms
        Lengths, all above 1, that the stored tensor splits into, in stored order.
    axes
        For each logical axis the atoms it consists of, slowest first; none for an axis of length 1.

    Examples
    --------
    An image of 2 x 4 pixels with 3 channels, stored NHWC and read as NCHW, then flattened:

    >>> image = View.stored((2, 4, 3), (1, 2, 4, 3)).transposed((0, 3, 1, 2))
    >>> image.shape, image.reshaped((1, 24)).axes
    ((1, 3, 2, 4), ((), (1, 0)))
    """

    atoms: tuple[int, ...]
    axes: tuple[tuple[int, ...], ...]

    @classmethod
    def stored(cls, shape: Iterable[int], logical: Iterable[int]) -> View:
        """The view of a tensor that is read in the order in which it is stored."""
        atoms = tuple(length for length in shape if length > 1)
        plain = cls(atoms, tuple((i,) for i in range(len(atoms))))
        view = plain.reshaped(tuple(logical))
        if view is None:
            raise ValueError("a stored tensor is always read by its own shape")
        return view

    @property
    def shape(self) -> tuple[int, ...]:
        """The logical shape, batch included."""
        return tuple(prod(self.atoms[i] for i in axis) for axis in self.axes)

    @property
    def sequence(self) -> tuple[int, ...]:
        """The atoms in logical order."""
        return tuple(i for axis in self.axes for i in axis)

    def transposed(self, permutation: Sequence[int]) -> View:
        """Logical axis i becomes what axis ``permutation[i]`` was."""
        return View(self.atoms, tuple(self.axes[i] for i in permutation))

    def reshaped(self, shape: Sequence[int]) -> View | None:
        """The same elements under another logical shape; None if no view can say it."""
        pieces = _Pieces(self)
        axes = []
        for length in shape:
            taken = pieces.take(length)
            if taken is None:
                return None
            axes.append(taken)
        return pieces.view(axes) if pieces.empty else None

    def order_is_stored(self, order: Sequence[int]) -> bool:
        """Whether the logical axes, taken in this order, are the stored elements as they lie."""
        wanted = [i for axis in order for i in self.axes[axis]]
        return wanted == list(range(len(self.atoms)))

    def transposition(self, order: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """(shape to reshape the stored tensor to, permutation of it) that gives the axes in this order."""
        return _runs(self.atoms, [i for axis in order for i in self.axes[axis]])

    def stored_indices(self) -> npt.NDArray[np.int64]:
        """For every logical element, in order, the flat index at which it is stored."""
        flat = np.arange(prod(self.atoms), dtype=np.int64)
        return flat.reshape(self.atoms).transpose(self.sequence).reshape(-1)


def _runs(atoms: Sequence[int], sequence: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Atoms and their sequence with those joined that follow each other in both orders."""
    starts = [at for at, i in enumerate(sequence) if at == 0 or sequence[at - 1] + 1 != i]
    runs = [sequence[a:b] for a, b in zip(starts, [*starts[1:], len(sequence)], strict=bool(starts))]
    by_storage = sorted(range(len(runs)), key=lambda run: runs[run][0])
    lengths = tuple(prod(atoms[i] for i in runs[run]) for run in by_storage)
    return lengths, tuple(by_storage.index(run) for run in range(len(runs)))


class _Pieces:
    """Hands out the elements of a view in logical order, splitting a run where an axis ends inside it."""

    def __init__(self, view: View) -> None:
        lengths, sequence = _runs(view.atoms, view.sequence)
        # (run, part) -> length; parts count up from the slowest
        self._lengths = {(run, 0): length for run, length in enumerate(lengths)}
        self._queue = [(run, 0) for run in sequence]

    @property
    def empty(self) -> bool:
        return not self._queue

    def take(self, length: int) -> tuple[tuple[int, int], ...] | None:
        taken = []
        while length > 1:
            if not self._queue:
                return None
            piece = self._queue.pop(0)
            size = self._lengths[piece]
            if size > length:
                if size % length:
                    return None
                rest = (piece[0], piece[1] + 1)
                self._lengths[piece], self._lengths[rest] = length, size // length
                self._queue.insert(0, rest)
                size = length
            if length % size:
                return None
            length //= size
            taken.append(piece)
        return tuple(taken)

    def view(self, axes: Sequence[tuple[tuple[int, int], ...]]) -> View:
        order = sorted(self._lengths)
        number = {piece: index for index, piece in enumerate(order)}
        atoms = tuple(self._lengths[piece] for piece in order)
        return View(atoms, tuple(tuple(number[piece] for piece in axis) for axis in axes))
