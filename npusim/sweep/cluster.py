"""Computes points on a Dask cluster.

Inputs travel as bytes, inside a plugin that the scheduler gives to every worker, those that join late
included: workers need no folder in common with the machine that starts the sweep, and none can read another
file under the same path. What arrives is checked by its digest.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import distributed
from distributed import Worker, WorkerPlugin, get_worker

from npusim.errors import InputError
from npusim.sweep.inputs import Bundle
from npusim.sweep.local import See
from npusim.sweep.measure import measure
from npusim.sweep.outcome import Outcome, Status, Store
from npusim.sweep.tasks import PointTask
from npusim.sweep.workbench import Workbench

_DASK: Any = distributed
"""The parts of it that say nothing about their types."""

_PATIENCE = "10s"
"""How long the scheduler may take to answer."""

_MAX_BYTES = 2 << 30
"""Of all inputs together: the scheduler holds them in memory."""


class Inputs(WorkerPlugin):
    """The inputs of a sweep's points, and the workbench made of them on each worker.

    Parameters
    ----------
    bundles
        Every input.
    name
        The plugin's.
    """

    def __init__(self, bundles: Sequence[Bundle], name: str) -> None:
        self.name = name
        self._files = {
            bundle.digest: {file: (bundle.folder / file).read_bytes() for file in bundle.names}
            for bundle in bundles
        }
        self._folder: Path | None = None
        self.bench: Workbench | None = None

    def setup(self, worker: Worker) -> None:
        """Write the inputs into the worker's own folder."""
        self._folder = Path(worker.local_directory) / f"{self.name}-{worker.id.replace('/', '_')}"
        for digest, files in self._files.items():
            for name, content in files.items():
                path = self._folder / digest / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        self._files = {}
        self.bench = Workbench(self._folder / "float", root=self._folder)

    def teardown(self, worker: Worker) -> None:
        """Remove them."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


class Cluster:
    """The workers of a scheduler.

    Parameters
    ----------
    store
        Where outcomes are kept, on this machine.
    address
        The scheduler's, such as ``tcp://host:8786``.
    """

    def __init__(self, store: Store, address: str) -> None:
        self._store, self._address = store, address

    def run(self, tasks: Sequence[PointTask], see: See) -> None:
        """Compute all tasks; what a lost worker was computing is computed by another."""
        bundles = {bundle.digest: bundle for task in tasks for bundle in task.bundles}
        _check_size(bundles.values())
        with self._client() as client:
            plugin = Inputs(list(bundles.values()), f"npusim-{tasks[0].code[:12]}-{tasks[0].digest[:12]}")
            _register(client, plugin)
            try:
                futures = {
                    client.submit(
                        _compute, task, plugin.name, key=f"{plugin.name}-{task.digest}", pure=False
                    ): task
                    for task in tasks
                }
                for future in _DASK.as_completed(list(futures), loop=client.loop):
                    outcome = _outcome(future, futures[future])
                    self._store.keep(outcome)
                    see(outcome)
            finally:
                client.unregister_worker_plugin(plugin.name)

    @contextmanager
    def _client(self) -> Iterator[Any]:
        try:
            client = _DASK.Client(self._address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(
                f"no Dask scheduler answers: {error}", key="--scheduler", found=self._address
            ) from None
        with client:
            yield client


def _register(client: Any, plugin: Inputs) -> None:
    try:
        client.register_plugin(plugin, name=plugin.name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"a worker has no npusim that can take part: {error}", key="--scheduler") from None


def _compute(task: PointTask, plugin: str) -> Outcome:
    inputs = get_worker().plugins[plugin]
    assert isinstance(inputs, Inputs)
    assert inputs.bench is not None
    return measure(task, inputs.bench)


def _outcome(future: Any, task: PointTask) -> Outcome:
    """What became of a task, on the worker or on the way."""
    if future.status == "finished":
        found: Outcome = future.result()
        return found
    error = future.exception() if future.status == "error" else None
    reason = "it was cancelled" if error is None else f"{type(error).__name__}: {error}"
    return Outcome(task.digest, Status.ERROR, reason)


def _check_size(bundles: Any) -> None:
    size = sum((bundle.folder / name).stat().st_size for bundle in bundles for name in bundle.names)
    if size > _MAX_BYTES:
        raise InputError(
            "the inputs are too large to be sent to a cluster",
            found=f"{size} bytes",
            allowed=f"up to {_MAX_BYTES}",
        )
