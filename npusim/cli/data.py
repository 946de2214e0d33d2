"""Data as commands take them: files one after the other, or one folder of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

    from npusim.evaluation.samples import Samples
    from npusim.network import Network
    from npusim.preprocess import Fit, Preprocess

_MOST_WINDOWS = 4096


@contextmanager
def open_samples(
    data: Sequence[Path],
    shape: tuple[int, ...],
    preprocess: Preprocess | None,
    *,
    fit: Fit | None = None,
    labels: Path | None = None,
    threads: int | None = None,
) -> Iterator[Samples]:
    """The data, opened; `shape` and `preprocess` say what becomes of image files.

    Raises
    ------
    InputError
        Nothing to read, several folders, labels for files that have their own.
    """
    import os

    from npusim.errors import InputError
    from npusim.evaluation.folder import FolderSamples
    from npusim.evaluation.samples import FileSamples

    folders = [path for path in data if path.is_dir()]
    if not folders:
        if labels is not None:
            raise InputError("only a folder of images takes labels from a file", key="--labels")
        with FileSamples(data) as files:
            yield files
        return
    if len(data) > 1:
        raise InputError("one folder of images at a time", key="--data", found=str(folders[0]))
    count = threads or os.cpu_count() or 1
    yield FolderSamples(folders[0], shape, preprocess, fit=fit, labels=labels, threads=count)


def calibration_inputs(path: Path, network: Network, images: int) -> npt.NDArray[Any]:
    """Inputs to calibrate on: the first so many samples as the network reads them.

    Of the windows of spectrograms evenly spaced ones are taken, 4096 at most.
    """
    from npusim.evaluation.fitting import Fitting

    shape = network.inputs[0].shape
    with open_samples([path], shape, network.preprocess) as samples:
        fitting = Fitting(samples.row_shape, shape, None, network.preprocess)
        inputs = fitting(samples.read(0, min(images, len(samples))).raw)
    return inputs if fitting.inputs == 1 else inputs[:: -(-len(inputs) // _MOST_WINDOWS)]
