"""A program's steps prepared to run, once for as long as the program lives."""

from __future__ import annotations

import weakref
from collections import deque
from functools import cached_property

from npusim.crew import Pools
from npusim.datapath import Datapath
from npusim.program import Program
from npusim.steps.base import Executor, Step
from npusim.steps.executors.schedule import Schedule
from npusim.steps.executors.workspace import Workspace


class Prepared:
    """Weights packed, pipelines compiled, paths decided; shared by all simulators of a program.

    It does not keep the program alive.

    Attributes
    ----------
    steps
        In execution order.
    last_use
        For each step, the tensors nobody needs after it.
    spaces
        Workspaces at rest; taking and giving back is atomic.
    """

    def __init__(self, program: Program, datapath: Datapath) -> None:
        self.steps: list[tuple[Step, Executor]] = [
            (step, step.prepare(program.input_types(step), program.tensors[step.output], datapath))
            for step in program.ordered_steps
        ]
        self.last_use = _last_uses(program)
        self.pools = Pools()
        self.spaces: deque[Workspace] = deque()
        self._tensors = program.tensors
        self._names = program.input_names, program.output_names

    @cached_property
    def schedule(self) -> Schedule:
        """The steps' one-pass forms and their buffers."""
        return Schedule(self.steps, self._tensors, *self._names)


_BY_PROGRAM: dict[int, Prepared] = {}
"""By identity: programs are immutable, and comparing two takes longer than preparing one."""


def prepared(program: Program, datapath: Datapath) -> Prepared:
    """What runs a program; kept if it runs on its own datapath."""
    if datapath is not program.datapath:
        return Prepared(program, datapath)
    found = _BY_PROGRAM.get(id(program))
    if found is None:
        found = _BY_PROGRAM[id(program)] = Prepared(program, datapath)
        weakref.finalize(program, _BY_PROGRAM.pop, id(program), None)
    return found


def _last_uses(program: Program) -> list[list[str]]:
    """For each step in order, the tensors nobody needs after it."""
    last = {name: index for index, step in enumerate(program.ordered_steps) for name in step.inputs}
    keep = set(program.output_names)
    for index, step in enumerate(program.ordered_steps):
        last.setdefault(step.output, index)
    return [
        [name for name, index in last.items() if index == position and name not in keep]
        for position in range(len(program.ordered_steps))
    ]
