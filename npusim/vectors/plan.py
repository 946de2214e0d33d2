"""What a vector set will hold, before anything is computed: files, sizes, order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import npusim
from npusim.errors import InputError
from npusim.program import Program
from npusim.steps.base import Step
from npusim.vectors.file_entry import file_entry
from npusim.vectors.formats import VectorFormat
from npusim.vectors.layouts import Layout, StepContext, layout_of
from npusim.vectors.layouts.base import tensor_stream
from npusim.vectors.layouts.registers import attributes
from npusim.vectors.manifest import (
    Manifest,
    NetworkVectors,
    ProgramFiles,
    RegisterLayout,
    Sample,
    StepVectors,
    Tensor,
    VectorFile,
)
from npusim.vectors.pixels import Sampling
from npusim.vectors.stream import Role, Stream

NETWORK_FOLDER = "network"


@dataclass(frozen=True)
class StepPlan:
    """One step of a set."""

    index: int
    step: Step
    folder: str
    layout: Layout


@dataclass(frozen=True)
class Plan:
    """A set: which steps, how many images, in which format."""

    program: Program
    format: VectorFormat
    images: int
    sampling: Sampling | None
    steps: tuple[StepPlan, ...]
    seed: int | None = None

    def path(self, folder: str, stream: Stream) -> str:
        """A file's path in the set."""
        return f"{folder}/{stream.name}{self.format.words.suffix}"

    def network_inputs(self) -> dict[str, Stream]:
        """The streams of the program's inputs, as for one image."""
        return self._network("inputs", Role.INPUT, self.program.input_names)

    def network_outputs(self) -> dict[str, Stream]:
        """The streams of the program's outputs, as for one image."""
        return self._network("expected_outputs", Role.EXPECTED_OUTPUTS, self.program.output_names)

    def _network(self, name: str, role: Role, tensors: Sequence[str]) -> dict[str, Stream]:
        """One tensor has the plain name, several are numbered."""
        names = [name] if len(tensors) == 1 else [f"{name}_{index}" for index in range(len(tensors))]
        return {
            tensor: tensor_stream(file, role, self.program.tensors[tensor], tensor)
            for tensor, file in zip(tensors, names, strict=True)
        }

    def network_streams(self) -> list[Stream]:
        """The network's files."""
        both = (*self.network_inputs().values(), *self.network_outputs().values())
        return [stream.per_image(self.images) for stream in both]

    def step_streams(self, step: StepPlan) -> list[Stream]:
        """A step's files."""
        images = [stream.per_image(self.images) for stream in step.layout.image_streams]
        return [*step.layout.constant_streams, *images]

    def files(self) -> Iterator[tuple[str, Stream]]:
        """Every file: its path and its stream."""
        for stream in self.network_streams():
            yield self.path(NETWORK_FOLDER, stream), replace(stream, owner=NETWORK_FOLDER)
        for step in self.steps:
            for stream in self.step_streams(step):
                yield self.path(step.folder, stream), replace(stream, owner=step.folder)

    def size(self) -> int:
        """Bytes of all vector files."""
        return sum(self.format.words.size(stream) for _, stream in self.files())

    def manifest(self, program: ProgramFiles, digests: Mapping[str, str]) -> Manifest:
        """The manifest of the written set; `digests` by path."""
        return Manifest(
            npusim_version=npusim.__version__,
            vector_format=self.format,
            images=self.images,
            seed=self.seed,
            registers=RegisterLayout.of(self.program.datapath),
            sample=None
            if self.sampling is None
            else Sample(pixels=self.sampling.pixels, seed=self.sampling.seed),
            program=program,
            network=NetworkVectors(
                inputs=self._tensors(self.program.input_names),
                outputs=self._tensors(self.program.output_names),
                files=self._entries(NETWORK_FOLDER, self.network_streams(), digests),
            ),
            steps=tuple(self._step_entry(step, digests) for step in self.steps),
            datapath=self.program.datapath,
        )

    def _step_entry(self, planned: StepPlan, digests: Mapping[str, str]) -> StepVectors:
        step = planned.step
        return StepVectors(
            index=planned.index,
            name=step.name,
            kind=step.kind,
            folder=planned.folder,
            inputs=self._tensors(step.inputs),
            output=self._tensors([step.output])[0],
            attributes=attributes(step),
            beats=planned.layout.beats,
            pixels=planned.layout.pixels,
            files=self._entries(planned.folder, self.step_streams(planned), digests),
        )

    def _tensors(self, names: Sequence[str]) -> tuple[Tensor, ...]:
        kinds = [(name, self.program.tensors[name]) for name in names]
        return tuple(Tensor(name=n, shape=k.shape, bits=k.bits, signed=k.signed) for n, k in kinds)

    def _entries(
        self, folder: str, streams: Sequence[Stream], digests: Mapping[str, str]
    ) -> tuple[VectorFile, ...]:
        return tuple(
            file_entry(self.path(folder, stream), stream, self.format.words, digests) for stream in streams
        )


def plan_vectors(
    program: Program,
    steps: Sequence[str] | None,
    vector_format: VectorFormat,
    images: int,
    sampling: Sampling | None,
    seed: int | None = None,
) -> Plan:
    """Plan a set; `seed`: that of its input codes, to be told.

    Raises
    ------
    InputError
        For steps the program does not have, and sets without images.
    """
    if images < 1:
        raise InputError("a set needs images", key="images", found=images, allowed="1 or more")
    wanted = _known([step.name for step in program.ordered_steps], steps)
    digits = len(str(len(program.ordered_steps) - 1))
    planned = []
    for index, step in enumerate(program.ordered_steps):
        if step.name in wanted:
            folder = f"{index:0{digits}d}_{re.sub(r'[^A-Za-z0-9_.+-]', '_', step.name)}"
            context = StepContext(
                step,
                tuple(program.input_types(step)),
                program.tensors[step.output],
                program.datapath,
                sampling,
            )
            planned.append(StepPlan(index, step, folder, layout_of(context)))
    return Plan(program, vector_format, images, sampling, tuple(planned), seed)


def _known(names: Sequence[str], steps: Sequence[str] | None) -> set[str]:
    if steps is None:
        return set(names)
    wanted = [steps] if isinstance(steps, str) else list(steps)
    for name in wanted:
        if name not in names:
            close = get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            shown = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
            raise InputError("no step of this name", key="steps", found=name, allowed=hint + shown)
    return set(wanted)
