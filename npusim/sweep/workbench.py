"""Inputs and float answers of a sweep, where its points are computed: each read or made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.evaluation.fitting import Fitting
from npusim.files.data import open_data
from npusim.files.digest import file_digest
from npusim.network import Network, load_network
from npusim.sweep.inputs import Bundle
from npusim.sweep.tasks import PointTask

Array = npt.NDArray[Any]
Piece = tuple[int, Array, npt.NDArray[np.int64] | None]
"""The first sample's number, what the network reads, labels."""


class Workbench:
    """What points need besides their own datapath and recipe.

    Parameters
    ----------
    cache
        A folder for float answers, shared by processes that stand side by side.
    root
        Where inputs lie in folders named by their digest; None: where the sweep was started.
    """

    def __init__(self, cache: Path, root: Path | None = None) -> None:
        self.cache, self._root = cache, root
        self._places: dict[str, Path] = {}
        self._networks: dict[str, Network] = {}

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
            raw = file.read(task.calibration.start, task.calibration.stop)
        return self._fitting(task, raw.shape[1:])(raw)

    def fitting(self, task: PointTask) -> Fitting:
        """How the data become what the network reads."""
        with open_data(self._place(task.data[0].bundle)) as file:
            return self._fitting(task, file.shape[1:])

    def pieces(self, task: PointTask, size: int) -> Iterator[Piece]:
        """A task's samples in order, at most `size` at a time.

        A new piece begins behind those over which single steps are compared.
        """
        fitting, done = self.fitting(task), 0
        for rows in task.data:
            stop = min(rows.stop, rows.start + task.images - done)
            with open_data(self._place(rows.bundle)) as file:
                start = rows.start
                while start < stop:
                    left = task.step_images - done
                    end = min(start + (min(size, left) if left > 0 else size), stop)
                    labels = None if file.labels is None else file.labels[start:end]
                    yield done, fitting(file.read(start, end)), labels
                    done += end - start
                    start = end

    def _fitting(self, task: PointTask, row: tuple[int, ...]) -> Fitting:
        network = self.network(task.network)
        return Fitting(row, network.inputs[0].shape, None, network.preprocess)

    def _place(self, bundle: Bundle) -> Path:
        """The file to open, after its bytes were found to be the right ones."""
        if bundle.digest not in self._places:
            folder = bundle.folder if self._root is None else self._root / bundle.digest
            for name, digest in zip(bundle.names, bundle.digests, strict=True):
                if file_digest(folder / name) != digest:
                    raise InputError("has changed since the sweep began", file=folder / name)
            self._places[bundle.digest] = folder / bundle.names[0]
        return self._places[bundle.digest]
