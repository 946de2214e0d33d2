"""Inputs and float answers of a sweep, where its points are computed: each read or made once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from npusim import reference
from npusim.errors import InputError
from npusim.files.data import open_data
from npusim.files.digest import file_digest
from npusim.files.hdf5_file import ArrayReader, write_arrays
from npusim.network import Network, load_network
from npusim.sweep.inputs import Bundle, Rows
from npusim.sweep.tasks import PointTask

Array = npt.NDArray[Any]

BATCH = 16
"""Images held in memory at once; the same everywhere, so that sums are."""

_KEPT_BYTES = 256 << 20
"""Float results larger than this are made again for each point."""


@dataclass(frozen=True)
class Batch:
    """Some images: raw, their labels, and the float network's first output."""

    start: int
    raw: Array
    labels: npt.NDArray[np.int64] | None
    answers: Array


class Workbench:
    """What points need besides their own datapath and recipe.

    Parameters
    ----------
    scratch
        A folder for float answers, shared by processes that stand side by side.
    root
        Where inputs lie in folders named by their digest; None: where the sweep was started.
    """

    def __init__(self, scratch: Path, root: Path | None = None) -> None:
        self._scratch, self._root = scratch, root
        self._places: dict[str, Path] = {}
        self._networks: dict[str, Network] = {}
        self._answers: dict[str, Array] = {}
        self._tensors: dict[str, dict[str, Array]] = {}

    def network(self, bundle: Bundle) -> Network:
        """A network, read once."""
        if bundle.digest not in self._networks:
            self._networks[bundle.digest] = load_network(self._place(bundle))
        return self._networks[bundle.digest]

    def calibration(self, task: PointTask) -> Array | None:
        """The calibration inputs; None without."""
        if task.calibration is None:
            return None
        with open_data(self._place(task.calibration.bundle)) as file:
            return file.read(task.calibration.start, task.calibration.stop)

    def batches(self, task: PointTask) -> Iterator[Batch]:
        """A task's images in order, with what the float network answers."""
        network, done = self.network(task.network), 0
        kept = self._kept_answers(task)
        for raw, labels in self._raw(task):
            if kept is None:
                answers = reference.run(network, raw)[network.outputs[0]]
            else:
                answers = kept[done : done + len(raw)]
            yield Batch(done, raw, labels, answers)
            done += len(raw)

    def tensors(self, task: PointTask) -> dict[str, Array]:
        """Every tensor of the float network on the first images of a task."""
        key = f"{task.float_key} {task.step_images}"
        if key in self._tensors:
            return self._tensors[key]
        network = self.network(task.network)
        left, parts = min(task.step_images, task.images), []
        for raw, _ in self._raw(task):
            part: dict[str, Array] = {}
            reference.run(network, raw[:left], observe=part.__setitem__)
            parts.append(part)
            left -= len(raw)
            if left <= 0:
                break
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        if sum(values.nbytes for values in joined.values()) <= _KEPT_BYTES:
            self._tensors = {key: joined}
        return joined

    def _kept_answers(self, task: PointTask) -> Array | None:
        """The float network's first output for all images; None if that is too much to keep."""
        network, key = self.network(task.network), task.float_key
        if key in self._answers:
            return self._answers[key]
        if 4 * task.images * prod(network.shapes[network.outputs[0]]) > _KEPT_BYTES:
            return None
        path = self._scratch / f"{key}.h5"
        self._scratch.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():
                name = network.outputs[0]
                made = [reference.run(network, raw)[name] for raw, _ in self._raw(task)]
                write_arrays(path, {"answers": np.concatenate(made)})
            with ArrayReader(path) as reader:
                self._answers[key] = reader.read("answers")
        return self._answers[key]

    def _raw(self, task: PointTask) -> Iterator[tuple[Array, npt.NDArray[np.int64] | None]]:
        left = task.images
        for rows in task.data:
            stop = min(rows.stop, rows.start + left)
            left -= stop - rows.start
            yield from self._rows(rows, stop)
            if left <= 0:
                return

    def _rows(self, rows: Rows, stop: int) -> Iterator[tuple[Array, npt.NDArray[np.int64] | None]]:
        with open_data(self._place(rows.bundle)) as file:
            for start in range(rows.start, stop, BATCH):
                end = min(start + BATCH, stop)
                yield file.read(start, end), None if file.labels is None else file.labels[start:end]

    def _place(self, bundle: Bundle) -> Path:
        """The file to open, after its bytes were found to be the right ones."""
        if bundle.digest not in self._places:
            folder = bundle.folder if self._root is None else self._root / bundle.digest
            for name, digest in zip(bundle.names, bundle.digests, strict=True):
                if file_digest(folder / name) != digest:
                    raise InputError("has changed since the sweep began", file=folder / name)
            self._places[bundle.digest] = folder / bundle.names[0]
        return self._places[bundle.digest]
