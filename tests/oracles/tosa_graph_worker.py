"""Write graphs and run them on Arm's TOSA reference model: ``tosa_graph_worker.py REQUESTS ANSWERS``.

REQUESTS is a pickled list of graphs as ``tests/oracles/tosa_graphs.py`` describes them; ANSWERS becomes a
pickled list of ``(flatbuffer, status, outputs)``. As for ``tosa_worker.py``: another environment, a process
of its own, nothing of npusim.
"""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

import numpy as np
import tosa_reference_model as model  # type: ignore[import-not-found]
import tosa_serializer as ts  # type: ignore[import-not-found]

Request = dict[str, Any]
Answer = tuple[bytes, str, list[np.ndarray[Any, Any]]]

_DTYPES = {"BOOL": np.bool_, "INT4": np.int8, "INT8": np.int8, "INT16": np.int16, "INT32": np.int32}


def _named(argument: Any) -> Any:
    """An attribute's argument; members of enumerations come as ``DType.INT32``."""
    if isinstance(argument, str):
        family, member = argument.split(".")
        return getattr(getattr(ts, family), member)
    return argument


def _add_operand(
    serializer: Any, operand: dict[str, Any], names: dict[str, str]
) -> np.ndarray[Any, Any] | None:
    """Add a tensor that no operator makes; its values if the graph is fed with them."""
    name, kind, values = operand["name"], operand["kind"], operand["values"]
    if operand["constant"]:
        wide = values.astype(_DTYPES.get(kind, np.int64))
        names[name] = serializer.addConst(list(values.shape), getattr(ts.DType, kind), wide).name
        return None
    serializer.addInputTensor(ts.TosaSerializerTensor(name, list(values.shape), getattr(ts.DType, kind)))
    names[name] = name
    return np.ascontiguousarray(values.astype(_DTYPES[kind]))


def answer(request: Request) -> Answer:
    """Write one graph and run it; the status is the model's, ``TOSA_ERROR`` also for a refused graph."""
    serializer = ts.TosaSerializer()
    names: dict[str, str] = {}
    fed = [_add_operand(serializer, operand, names) for operand in request["operands"]]
    made: dict[str, Any] = {}
    for operator in request["operators"]:
        attribute = ts.TosaSerializerAttribute()
        getattr(attribute, operator["attribute"])(*map(_named, operator["arguments"]))
        kind = getattr(ts.DType, operator["kind"])
        output = serializer.addIntermediate(list(operator["shape"]), kind)
        inputs = [names[name] for name in operator["inputs"]]
        serializer.addOperator(getattr(ts.Op, operator["op"]), inputs, [output.name], attribute)
        names[operator["name"]], made[operator["name"]] = output.name, output
    for name in request["outputs"]:
        serializer.addOutputTensor(made[name])
    content = bytes(serializer.serialize())
    try:
        outputs, status = model.run(content, [values for values in fed if values is not None])
    except ValueError:
        return content, "TOSA_ERROR", []
    return content, str(status.name), list(outputs) if status == model.GraphStatus.TOSA_VALID else []


def sheltered(request: Request) -> Answer:
    """Answer in a process of its own: the model crashes on some of the graphs that it refuses."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(answer(request), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        content = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(content) if content else (b"", "TOSA_UNPREDICTABLE", [])


def main(requests_path: str, answers_path: str) -> None:
    """Answer every request of one file into the other."""
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)  # the model reports every refusal
    sys.stderr = os.fdopen(os.dup(2), "w")
    os.dup2(silent, 2)
    with open(requests_path, "rb") as file:
        requests: list[Request] = pickle.load(file)
    answers = [sheltered(request) for request in requests]
    with open(answers_path, "wb") as file:
        pickle.dump(answers, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
