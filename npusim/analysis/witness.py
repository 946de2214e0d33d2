"""Witnesses of bounds as things one can run: one-step programs with the inputs that reach the ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.bounds import Bounds, End, Moment, Witness, witness
from npusim.analysis.matmul_witness import extreme_codes, joined, one_input
from npusim.analysis.proof import StepProof
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.files.data import save_data
from npusim.program import Program
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.matmul import MatmulStep


@dataclass(frozen=True, eq=False)
class Replay:
    """A one-step program and a batch that drives its accumulators to their ends.

    Attributes
    ----------
    witnesses
        One an image.
    images
        Input codes, (witnesses, *input shape).
    """

    program: Program
    witnesses: tuple[Witness, ...]
    images: npt.NDArray[Any]

    def save(self, folder: Path) -> Path:
        """Write ``<step>.yaml`` with its arrays, and ``<step>.inputs.h5``; returns the program's path."""
        name = self.program.name.replace("/", "_")
        path = folder / f"{name}.yaml"
        self.program.save(path)
        save_data(folder / f"{name}.inputs.h5", {"inputs": self.images})
        return path


def alone(program: Program, name: str, datapath: Datapath | None = None) -> Program:
    """One step of a program as a program of its own, with the passes that it goes on from."""
    step = next(step for step in program.steps if step.name == name)
    chain = [step]
    makers = {each.output: each for each in program.steps}
    while isinstance(chain[0], AccumulateStep) and chain[0].resumes and chain[0].inputs[1] in makers:
        chain.insert(0, makers[chain[0].inputs[1]])
    made = tuple(each.output for each in chain)
    names = tuple(dict.fromkeys(name for each in chain for name in each.inputs if name not in made))
    return Program(
        name=step.name,
        input_names=names,
        output_names=(step.output,),
        tensors={tensor: program.tensors[tensor] for tensor in (*names, *made)},
        steps=tuple(chain),
        datapath=program.datapath if datapath is None else datapath,
    )


def replay(
    program: Program,
    proof: StepProof,
    *,
    datapath: Datapath | None = None,
    moment: Moment = Moment.FINAL,
    channels: tuple[int, ...] | None = None,
    found: Bounds | None = None,
) -> Replay:
    """The inputs that reach both ends of some channels' ranges.

    Parameters
    ----------
    channels
        None: the channels at the two ends of the step's hull.
    found
        Which of the proof's bounds to reach; None: the reachable ones.
    """
    chosen = proof.reachable if found is None else found
    if proof.columns is None:
        if proof.operation != MatmulStep.kind:
            raise InputError("its range is safe, but need not be reached: no witness", found=proof.step)
        return _of_matrices(program, proof, datapath, chosen, moment)
    columns = proof.columns
    wanted = [(channel, end) for channel in channels or () for end in End] or [
        (int(chosen.low(moment).argmin()), End.LOW),
        (int(chosen.high(moment).argmax()), End.HIGH),
    ]
    made = tuple(witness(columns, chosen, channel, moment, end) for channel, end in wanted)
    single = alone(program, proof.step, datapath)
    kind = single.tensors[single.input_names[0]]
    images = np.stack([one.codes.reshape(kind.shape).astype(kind.dtype) for one in made])
    return Replay(single, made, images)


def _of_matrices(
    program: Program, proof: StepProof, datapath: Datapath | None, found: Bounds, moment: Moment
) -> Replay:
    """All accumulators of a product of two computed matrices have one range, and reach it together."""
    step = next(step for step in program.steps if step.name == proof.step)
    assert isinstance(step, MatmulStep)
    hardware = program.datapath if datapath is None else datapath
    codes = proof.inputs
    if found is proof.any_codes:
        codes = tuple(x.codes.interval for x in program.input_types(step))
    images = joined(program, step, [extreme_codes(step, codes, end, hardware) for end in End])
    single = one_input(program, step, hardware)
    made = tuple(
        Witness(
            end,
            moment,
            (0, 0),
            0,
            int(found.ends[moment, end].value[0]),
            int(found.ends[moment, end].beats[0]),
            row,
        )
        for end, row in zip(End, images, strict=True)
    )
    return Replay(single, made, images.astype(single.tensors["operands"].dtype))
