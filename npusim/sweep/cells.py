"""The column ``cells``: filled in if quality is weighed against it, once per distinct rescale.

Counted where the sweep was started, after the points: what is counted does not depend on who computed them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from npusim.analysis.cells import cells_digest, count_cells, yosys_version
from npusim.datapath import Datapath
from npusim.datapath.load import datapath_from
from npusim.errors import CheckFailed, InputError
from npusim.files.atomic import write_text
from npusim.sweep.load import SweepFile
from npusim.sweep.outcome import Outcome, Status
from npusim.sweep.tasks import PointTask

COLUMN = "cells"


def check_yosys(file: SweepFile) -> None:
    """Before hours of work: whether the cells that a sweep asks for can be counted.

    Raises
    ------
    InputError
        If they cannot.
    """
    if file.sweep.pareto.cost == COLUMN:
        try:
            yosys_version()
        except InputError as error:
            raise file.error(error, ("pareto", "cost")) from None


def counted(
    file: SweepFile, tasks: Sequence[PointTask], outcomes: Mapping[str, Outcome], folder: Path, jobs: int
) -> dict[str, int | None]:
    """Cells by the digest of the point, None where Yosys fails; empty unless the sweep asks for them.

    Parameters
    ----------
    folder
        The sweep's; what was counted is kept in its ``cells``.
    jobs
        Runs of Yosys side by side.
    """
    if file.sweep.pareto.cost != COLUMN:
        return {}
    datapaths, keys = dict[str, Datapath](), dict[str, str]()
    for task in tasks:
        if outcomes[task.digest].status is Status.OK:
            datapath = datapath_from(task.datapath)
            keys[task.digest] = cells_digest(datapath)
            datapaths[keys[task.digest]] = datapath
    kept = folder / COLUMN
    kept.mkdir(exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool:
        found = pool.map(lambda key: _kept_or_counted(kept / f"{key}.txt", datapaths[key]), datapaths)
        cells = dict(zip(datapaths, found, strict=True))
    return {digest: cells[key] for digest, key in keys.items()}


def _kept_or_counted(path: Path, datapath: Datapath) -> int | None:
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        pass
    try:
        cells = count_cells(datapath)
    except CheckFailed:
        return None  # a sweep outlives any one point
    write_text(path, f"{cells}\n")
    return cells
