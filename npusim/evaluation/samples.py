"""Where samples come from: any number of HDF5 and npz files, one after the other, read piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.files.data import DataFile, open_data

Array = npt.NDArray[Any]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Some samples as they are stored, and their labels if there are any."""

    raw: Array
    labels: Labels | None


class Samples(Protocol):
    """A set of samples that is never in memory as a whole."""

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""

    def __len__(self) -> int: ...

    def read(self, start: int, stop: int) -> Batch:
        """Samples start..stop-1."""

    def name(self, index: int) -> str | None:
        """What a person calls a sample; None if it has only its index."""


class FileSamples:
    """Data files one after the other; a context manager.

    Raises
    ------
    InputError
        Files that cannot be read, samples of different shapes or types, labels in some files only.
    """

    def __init__(self, paths: Sequence[str | PathLike[str]]) -> None:
        with ExitStack() as stack:
            self._files = [stack.enter_context(open_data(path)) for path in paths]
            self._check()
            self._stack = stack.pop_all()
        self._ends = np.cumsum([len(file) for file in self._files])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def __len__(self) -> int:
        return int(self._ends[-1])

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self._files[0].shape[1:]

    def read(self, start: int, stop: int) -> Batch:
        """Samples start..stop-1, which may lie in several files."""
        parts: list[tuple[Array, Labels | None]] = []
        for file, end in zip(self._files, self._ends, strict=True):
            begin = int(end) - len(file)
            first, last = max(start, begin) - begin, min(stop, int(end)) - begin
            if first < last:
                labels = None if file.labels is None else file.labels[first:last]
                parts.append((file.read(first, last), labels))
        known = [part for _, part in parts if part is not None]
        return Batch(np.concatenate([raw for raw, _ in parts]), np.concatenate(known) if known else None)

    def name(self, index: int) -> str | None:
        """The file and the row in it, where there are several files."""
        if len(self._files) == 1:
            return None
        place = int(np.searchsorted(self._ends, index, side="right"))
        row = index - int(self._ends[place]) + len(self._files[place])
        return f"{Path(self._files[place].path).name}[{row}]"

    def _check(self) -> None:
        first, *others = self._files
        for file in others:
            if (file.shape[1:], file.dtype) != (first.shape[1:], first.dtype):
                raise _unlike(file, first)
            if (file.labels is None) != (first.labels is None):
                raise InputError("some data files have labels and others have none", file=file.path)


def _unlike(file: DataFile, first: DataFile) -> InputError:
    return InputError(
        f"holds other samples than {first.path.name}",
        file=file.path,
        key=file.name,
        found=f"{list(file.shape[1:])} {file.dtype.name}",
        allowed=f"{list(first.shape[1:])} {first.dtype.name}",
    )


class ArraySamples:
    """Samples that are in memory already."""

    def __init__(self, raw: Array, labels: Labels | None = None) -> None:
        self._raw, self._labels = raw, labels

    def __len__(self) -> int:
        return len(self._raw)

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self._raw.shape[1:]

    def read(self, start: int, stop: int) -> Batch:
        """Samples start..stop-1."""
        return Batch(self._raw[start:stop], None if self._labels is None else self._labels[start:stop])

    def name(self, index: int) -> str | None:
        """Its index is all it has."""
        return None
