"""The registers and other constant arrays of any step, as streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.datapath import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.spec.stages import Table
from npusim.spec.width import bits_for
from npusim.steps.base import Step
from npusim.vectors.stream import Role, Stream
from npusim.vectors.words import Words, word_type

_NAMED = {"name", "step", "inputs", "output"}
"""What a manifest tells of a step in places of its own."""


def register(name: str, field: str, value: Any, datapath: Datapath, channels: int) -> tuple[Stream, Words]:
    """One register field; a single value is repeated for `channels` channels.

    A table keeps its own length. A field of 0 bits, which the hardware lacks, has 1-bit words of 0.
    """
    declared = datapath.fields[field]
    bits = max(declared.bits, 1)
    values = np.atleast_1d(np.asarray(value, word_type(bits, declared.signed)))
    if field in _tables(datapath):
        return Stream(name, Role.FIELD, bits, declared.signed, (("entry", values.size),)), values
    if values.size == 1:
        values = np.repeat(values, channels)
    return Stream(name, Role.FIELD, bits, declared.signed, (("channel", values.size),)), values


def _tables(datapath: Datapath) -> set[str]:
    """The fields that are tables (A8)."""
    pipelines = [pipeline.stages(role) for pipeline in datapath.pipelines.values() for role in PipelineRole]
    return {stage.table for stages in pipelines for stage in stages or () if isinstance(stage, Table)}


def step_arrays(step: Step, datapath: Datapath) -> Iterator[tuple[Stream, Words]]:
    """Every register and array of a step, wherever it stands in it; one word for a single value."""
    for path, value in _leaves(_content(step), ()):
        name = "_".join(("field", *path[1:]) if path[0] == "fields" else path)
        if _is_field(path):
            yield register(name, path[-1], value, datapath, 1)
        elif isinstance(value, np.ndarray):
            yield _array(name, value)


def attributes(step: Step) -> dict[str, Any]:
    """What else a step says of itself, as JSON: no arrays, no registers."""
    return {
        key: _plain(value)
        for key, value in _content(step).items()
        if not (isinstance(value, np.ndarray) or _is_fields(key))
    }


def _content(step: Step) -> dict[str, Any]:
    dumped = step.model_dump(mode="python", exclude_none=True)
    return {key: value for key, value in dumped.items() if key not in _NAMED}


def _is_fields(key: str) -> bool:
    return key == "fields" or key.endswith("_fields")


def _is_field(path: tuple[str, ...]) -> bool:
    return len(path) > 1 and _is_fields(path[0])


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, str(index)))
    elif value is not None:
        yield path, value


def _array(name: str, array: npt.NDArray[Any]) -> tuple[Stream, Words]:
    """An array that is no register: in the narrowest of 8, 16, 32 and 64 bits."""
    bits = bits_for(int(array.min()), int(array.max()))
    axes = tuple((f"axis{index}", size) for index, size in enumerate(array.shape))
    return Stream(name, Role.ARRAY, next(s for s in (8, 16, 32, 64) if bits <= s), True, axes), array


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if not isinstance(item, np.ndarray)}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.value if hasattr(value, "value") else value
