"""Whole numbers that a model computes of shapes: known when it is imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from npusim.importers.tflite.graph import Array, Operator, Tensor

Fold = Callable[[Operator, Sequence[Array]], Array]


def _strided(operator: Operator, given: Sequence[Array]) -> Array:
    values, begins, ends, steps = given
    parts: list[slice | int] = []
    for axis, (begin, end, step) in enumerate(
        zip(begins.tolist(), ends.tolist(), steps.tolist(), strict=True)
    ):
        if operator.integer("ShrinkAxisMask") >> axis & 1:
            parts.append(begin)
            continue
        first = None if operator.integer("BeginMask") >> axis & 1 else begin
        last = None if operator.integer("EndMask") >> axis & 1 else end
        parts.append(slice(first, last, step))
    made: Array = np.asarray(values[tuple(parts)])
    return made


_FOLDS: dict[str, Fold] = {
    "ADD": lambda operator, given: given[0] + given[1],
    "CAST": lambda operator, given: given[0],
    "CONCATENATION": lambda operator, given: np.concatenate(given, operator.integer("Axis")),
    "EXPAND_DIMS": lambda operator, given: np.expand_dims(given[0], int(given[1])),
    "GATHER": lambda operator, given: np.take(given[0], given[1], axis=operator.integer("Axis")),
    "MUL": lambda operator, given: given[0] * given[1],
    "PACK": lambda operator, given: np.stack(given, operator.integer("Axis")),
    "REDUCE_PROD": lambda operator, given: np.prod(given[0], axis=tuple(np.atleast_1d(given[1]).tolist())),
    "RESHAPE": lambda operator, given: given[0].reshape(given[1].tolist()),
    "SQUEEZE": lambda operator, given: np.squeeze(given[0]),
    "STRIDED_SLICE": _strided,
    "SUB": lambda operator, given: given[0] - given[1],
}


def folded(operator: Operator, inputs: Sequence[Tensor], made: Tensor) -> Array | None:
    """What an operator on shapes and constants makes; None if it is not such a one."""
    if made.kind not in {"INT32", "INT64"}:
        return None
    dtype = np.int32 if made.kind == "INT32" else np.int64
    if operator.op == "SHAPE" and len(inputs) == 1:
        return np.array(inputs[0].shape, dtype)
    given = [tensor.data for tensor in inputs if tensor.data is not None]
    if (
        operator.op not in _FOLDS
        or len(given) < len(inputs)
        or any(one.dtype.kind not in "iu" for one in given)
    ):
        return None
    try:
        return np.asarray(_FOLDS[operator.op](operator, given)).astype(dtype)
    except (IndexError, TypeError, ValueError) as error:
        raise operator.error(f"its constants do not fit: {error}") from None
