"""Runs whose results go to a file: as many images at a time as fit a share of memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.crew import Progress
from npusim.files.data import DataFile, save_data
from npusim.files.hdf5_writer import row_writer
from npusim.program import Program
from npusim.simulator import Result, Simulator
from npusim.statistics import StepStatistics, merge_statistics

Array = npt.NDArray[Any]

SHARE = 1 << 28
"""Bytes of results that are held at a time."""


def record(
    simulator: Simulator,
    data: DataFile,
    output: str | PathLike[str],
    *,
    taps: Sequence[str],
    statistics: bool | str,
    threads: int | None,
    progress: Progress,
    share: int = SHARE,
) -> dict[str, StepStatistics] | None:
    """Run all images of a file; write outputs, real values and taps, whole or not at all.

    An HDF5 file is filled while the run goes on, and its bytes do not depend on `share`; an ``.npz``, which
    cannot be, is written at the end.

    Parameters
    ----------
    share
        Bytes of results that may be held at a time.

    Returns
    -------
    dict or None
        Statistics by step, if they were asked for.

    Raises
    ------
    InputError
        As :func:`npusim.simulate`, and what files refuse.
    """
    total, found = data.shape[0], []
    size = max(1, min(total, share // _bytes_of_one(simulator, taps)))

    def batches() -> Iterator[dict[str, Array]]:
        for start in range(0, total, size):
            images = data.read(start, min(start + size, total))

            def count(done: int, _: int, start: int = start) -> None:
                progress(start + done, total)

            result = simulator.run(images, taps=taps, statistics=statistics, threads=threads, progress=count)
            if result.statistics is not None:
                found.append(result.statistics)
            yield arrays_of(simulator.program, result)

    if Path(output).suffix.lower() in {".h5", ".hdf5"}:
        with row_writer(output, total) as writer:
            for arrays in batches():
                writer.append(arrays)
    else:
        parts = list(batches())
        save_data(output, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    return merge_statistics(found) if found else None


def arrays_of(program: Program, result: Result) -> dict[str, Array]:
    """What a result file holds, by name: outputs, real values if the program gives scales, taps."""
    arrays = {f"outputs/{name}": codes for name, codes in result.outputs.items()}
    if program.real.tensors:
        arrays |= {f"dequantized/{name}": values for name, values in result.dequantized.items()}
    for step, points in result.taps.items():
        arrays |= {f"taps/{step}/{point}": tensor for point, tensor in points.items()}
    return arrays


def _bytes_of_one(simulator: Simulator, taps: Sequence[str]) -> int:
    """At most so many bytes of results of one image: eight for every value."""
    program = simulator.program
    values = sum(2 * prod(program.tensors[name].shape) for name in program.output_names)
    return 8 * (values + simulator.tapped_values(taps))
