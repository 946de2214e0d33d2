"""A9: what a user feeds a program becomes codes."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.preprocess import Preprocess, as_batch
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.spec.quantize import byte_table
from npusim.spec.width import Width
from npusim.steps.base import TensorType

Array = npt.NDArray[Any]

_HINT = "; bytes become codes where the network, or the import, says a mean and std"


def byte_codes(
    preprocess: Preprocess, channels: int, scale: float, zero_point: int, codes: Width
) -> npt.NDArray[np.int64]:
    """The code of every byte of every channel of the data, (channels, 256), exactly."""
    return np.array(
        [
            byte_table(mean, std, Fraction(scale), zero_point, codes)
            for mean, std in preprocess.per_channel(channels)
        ],
        np.int64,
    )


def quantize_floats(
    values: npt.NDArray[np.floating[Any]], scale: float, zero_point: int, codes: Interval
) -> npt.NDArray[np.int64]:
    """``clamp(half_even(value / scale) + zero_point)`` in float64; NaN is an error.

    Examples
    --------
    >>> quantize_floats(np.array([0.5, 99.0]), 0.25, -128, Interval(-128, 127))
    array([-126,  127])
    """
    if np.isnan(values).any():
        where = tuple(int(i) for i in np.argwhere(np.isnan(values))[0])
        raise InputError("the input holds NaN", found=f"at {where}", allowed="numbers")
    steps = np.rint(values.astype(np.float64) / scale) + zero_point
    made: npt.NDArray[np.int64] = np.clip(steps, codes.low, codes.high).astype(np.int64)
    return made


def to_codes(program: Program, inputs: npt.ArrayLike | Mapping[str, npt.ArrayLike]) -> dict[str, Array]:
    """Codes of every input of a program.

    Integers of the input's type are codes; bytes go through the program's byte table; floats are
    real numbers as the float network reads them.

    Raises
    ------
    InputError
        If a batch is empty, missing, misshapen, of another type, or holds NaN or codes out of range.
    """
    batches = _by_name(program, inputs)
    converted = {name: _convert(program, name, batch) for name, batch in batches.items()}
    lengths = {len(batch) for batch in converted.values()}
    if len(lengths) > 1:
        raise InputError("the inputs have different numbers of images", found=sorted(lengths))
    return converted


def images(codes: Mapping[str, Array]) -> int:
    """How many images a batch has; a program of constants alone makes one."""
    return len(next(iter(codes.values()))) if codes else 1


def _by_name(program: Program, inputs: npt.ArrayLike | Mapping[str, npt.ArrayLike]) -> dict[str, Array]:
    names = program.input_names
    if not isinstance(inputs, Mapping):
        if len(names) != 1:
            count = "several" if names else "no"
            allowed = f"a mapping with {', '.join(names)}" if names else "an empty mapping"
            raise InputError(f"the program has {count} inputs", allowed=allowed)
        return {names[0]: as_batch(names[0], inputs)}
    if set(inputs) != set(names):
        raise InputError("the inputs' names do not fit", found=sorted(inputs), allowed=", ".join(names))
    return {name: as_batch(name, batch) for name, batch in inputs.items()}


def _convert(program: Program, name: str, batch: Array) -> Array:
    kind = program.tensors[name]
    if batch.shape[1:] != kind.shape or batch.ndim != len(kind.shape) + 1:
        raise InputError(
            f"the input {name} has the wrong shape", found=batch.shape, allowed=f"(images, {_sizes(kind)})"
        )
    if len(batch) == 0:
        raise InputError(f"the batch for {name} is empty", found=batch.shape, allowed="at least one image")
    table = program.real.byte_tables.get(name)
    if batch.dtype == np.uint8 and kind.dtype != np.uint8 and table is not None:
        return _look_up(program, batch, table.astype(kind.dtype))
    if np.issubdtype(batch.dtype, np.integer):
        return _check_codes(name, batch, kind)
    if np.issubdtype(batch.dtype, np.floating):
        real = program.real.tensors.get(name)
        if real is None:
            raise InputError("the program gives its input no scale: only codes can be fed", found=name)
        return quantize_floats(batch, real.scale, real.zero_point, kind.codes.interval).astype(kind.dtype)
    raise InputError(
        f"the input {name} has the wrong type", found=str(batch.dtype), allowed="integers, floats"
    )


def _look_up(program: Program, batch: Array, table: Array) -> Array:
    channels = np.arange(batch.shape[-1]) % len(table)
    codes: Array = table[channels, batch]
    preprocess = program.real.preprocess
    return codes if preprocess is None else preprocess.reorder(codes)


def _check_codes(name: str, batch: Array, kind: TensorType) -> Array:
    allowed = kind.codes.interval
    low, high = int(batch.min()), int(batch.max())
    if low not in allowed or high not in allowed:
        raise InputError(
            f"the input {name} holds codes out of range",
            found=low if low not in allowed else high,
            allowed=f"{allowed}{_HINT if batch.dtype == np.uint8 else ''}",
        )
    return batch.astype(kind.dtype, copy=False)


def _sizes(kind: TensorType) -> str:
    return ", ".join(str(size) for size in kind.shape)
