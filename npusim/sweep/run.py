"""Run a sweep: what is finished is reused, what is missing is computed, tables and plots are written."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from npusim.errors import InputError
from npusim.files.atomic import output_folder
from npusim.sweep.cells import COLUMN, check_yosys, counted
from npusim.sweep.load import SweepFile
from npusim.sweep.local import Local, See
from npusim.sweep.model import CHOICES, Quality
from npusim.sweep.outcome import Outcome, Status, Store
from npusim.sweep.pareto import front
from npusim.sweep.plan import Planned, plan
from npusim.sweep.table import Row, Table, write_timings
from npusim.sweep.tasks import PointTask

Progress = Callable[[int, int], None]


class Executor(Protocol):
    """Where points are computed."""

    def run(self, tasks: Sequence[PointTask], see: See) -> None:
        """Compute all tasks; each outcome is in the output folder before it is seen."""


@dataclass(frozen=True)
class SweepResult:
    """A finished sweep.

    Attributes
    ----------
    table
        Its rows.
    quality, cost
        The columns of the Pareto front.
    computed, reused
        How many points were computed by this run, and found finished.
    errors
        Digest and reason of points that could not be computed.
    plots
        Files drawn; None without matplotlib.
    """

    name: str
    folder: Path
    table: Table
    quality: str
    cost: str
    computed: int
    reused: int
    errors: Mapping[str, str]
    plots: tuple[Path, ...] | None

    def to_json(self) -> dict[str, Any]:
        """Plain data, as ``npusim sweep --json`` prints it; what is not finite is null."""
        return {
            "sweep": self.name,
            "folder": str(self.folder),
            "computed": self.computed,
            "reused": self.reused,
            "quality": self.quality,
            "cost": self.cost,
            "plots": None if self.plots is None else [str(path) for path in self.plots],
            "rows": [
                {name: _finite(row.get(name)) for name in self.table.columns} for row in self.table.rows
            ],
        }


def run_sweep(
    file: SweepFile,
    output: str | Path,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> SweepResult:
    """Run a sweep into a folder.

    Writes ``results.csv``, ``results.h5``, ``timings.csv`` and ``plots/``. Finished points lie in
    ``points/`` by the digest of all they depend on: running the sweep again, or another one in the same
    folder, computes only what is not there.

    Parameters
    ----------
    jobs
        Processes, each with one thread; None: one per processor. With more than one, a script that calls
        this needs the usual ``if __name__ == "__main__"``.
    scheduler
        The address of a Dask scheduler: the points are computed by its workers instead.
    progress
        Told how many points of those to compute are done.

    Raises
    ------
    InputError
        If the sweep cannot be run as it stands, the folder cannot be written, or the cluster be reached.
    """
    check_yosys(file)
    with output_folder(output) as folder:
        planned = plan(file)
        store = Store(folder)
        store.tidy()
        tasks = {item.task.digest: item.task for item in planned if item.task is not None}
        outcomes = {digest: found for digest in tasks if (found := store.find(digest)) is not None}
        missing = [task for digest, task in tasks.items() if digest not in outcomes]
        reused = len(outcomes)

        def see(outcome: Outcome) -> None:
            outcomes[outcome.digest] = outcome
            if progress is not None:
                progress(len(outcomes) - reused, len(missing))

        if missing:
            if progress is not None:
                progress(0, len(missing))
            _executor(folder, store, jobs, scheduler).run(missing, see)
        cells = counted(file, list(tasks.values()), outcomes, folder, _jobs(jobs))
        return _written(file, folder, planned, outcomes, cells, len(missing), reused)


def _jobs(jobs: int | None) -> int:
    return jobs or len(os.sched_getaffinity(0))


def _executor(folder: Path, store: Store, jobs: int | None, scheduler: str | None) -> Executor:
    if scheduler is None:
        return Local(folder, _jobs(jobs))
    try:
        from npusim.sweep.cluster import Cluster
    except ModuleNotFoundError as error:
        raise InputError(
            f"a Dask cluster needs the package {error.name}: pip install 'npusim[dask]'", key="--scheduler"
        ) from None
    return Cluster(store, scheduler)


def _written(
    file: SweepFile,
    folder: Path,
    planned: Sequence[Planned],
    outcomes: Mapping[str, Outcome],
    cells: Mapping[str, int | None],
    computed: int,
    reused: int,
) -> SweepResult:
    rows = [_row(index, item, outcomes, cells) for index, item in enumerate(planned)]
    cost = file.sweep.pareto.cost
    quality = _quality(file, rows)
    best = front(rows, quality, cost)
    table = Table(
        tuple(file.sweep.axes),
        tuple({**row, "pareto": int(on_front)} for row, on_front in zip(rows, best, strict=True)),
    )
    table.write(folder)
    # planned order: an outcome that came first this time comes later in another run
    finished = {item.task.digest: outcomes[item.task.digest] for item in planned if item.task is not None}
    write_timings(list(finished.values()), folder)
    errors = {d: found.reason for d, found in finished.items() if found.status is Status.ERROR}
    plots = _plots(file, table, quality, folder)
    return SweepResult(file.sweep.name, folder, table, quality, cost, computed, reused, errors, plots)


def _row(index: int, item: Planned, outcomes: Mapping[str, Outcome], cells: Mapping[str, int | None]) -> Row:
    point = {**item.point, **{name: _stem(str(item.point[name])) for name in CHOICES}}
    if item.task is None:
        return {"point": index, **point, "status": Status.REFUSED, "reason": item.reason}
    found = outcomes[item.task.digest]
    return {
        "point": index,
        **point,
        "status": found.status,
        "reason": found.reason,
        **found.measures,
        COLUMN: cells.get(found.digest),
        "digest": found.digest,
    }


def _stem(name: str) -> str:
    """A network, datapath or recipe without the folders that it lies in."""
    path = Path(name)
    return path.stem if path.suffix in {".yaml", ".yml"} else name


def _quality(file: SweepFile, rows: Sequence[Row]) -> str:
    """What was asked for; else top-1 where there is one."""
    wanted = file.sweep.pareto.quality
    if wanted is not None:
        return wanted.value
    labelled = any(row.get("top1") is not None for row in rows)
    return (Quality.TOP1 if labelled else Quality.OUTPUT_SQNR).value


def _plots(file: SweepFile, table: Table, quality: str, folder: Path) -> tuple[Path, ...] | None:
    try:
        from npusim.sweep.plots import draw
    except ModuleNotFoundError:
        return None
    return draw(file.sweep, table, quality, folder / "plots")


def _finite(cell: Any) -> Any:
    """JSON has no infinity."""
    return None if isinstance(cell, float) and cell in (float("inf"), float("-inf")) else cell
