"""Run a batch of requests on Arm's TOSA reference model: ``python -I tosa_worker.py REQUESTS ANSWERS``.

The interpreter is that of an environment which holds ``tosa-tools``; it pins an older numpy than npusim,
hence a process of its own, and this file imports nothing of npusim. ``tests/oracles/tosa.py`` starts it and
writes the requests; ``-I`` keeps the files beside this one from shadowing tosa-tools' own packages.

REQUESTS is a pickled list of dicts (see the ``_build_*`` functions for the keys); ANSWERS becomes a pickled
list of ``(status, output or None, message)`` in the same order. Pickle, because both ends are this
repository's own and thousands of small arrays travel much faster than in an npz archive.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import sys
import tempfile
from typing import Any

import numpy as np
import tosa_reference_model as model  # type: ignore[import-not-found]
import tosa_serializer as ts  # type: ignore[import-not-found]

Request = dict[str, Any]
Answer = tuple[str, "np.ndarray[Any, Any] | None", str]

_TYPES: dict[np.dtype[Any], Any] = {
    np.dtype(np.int8): ts.DType.INT8,
    np.dtype(np.int16): ts.DType.INT16,
    np.dtype(np.int32): ts.DType.INT32,
    np.dtype(np.int64): ts.DType.INT48,  # numpy has no 48-bit integer
}
_INT8_AS_UINT8 = {"multiplier": np.array([1 << 30]), "shift": np.array([30]), "in_zero": -128, "out_zero": 0}


class Graph:
    """A chain of operators; every operator's output is an intermediate, the last one is the answer."""

    def __init__(self) -> None:
        self._serializer = ts.TosaSerializer()
        self._inputs: list[np.ndarray[Any, Any]] = []

    def value(self, array: np.ndarray[Any, Any]) -> str:
        """Give the name of a new tensor that holds `array`."""
        kind = _TYPES[array.dtype]
        if kind == ts.DType.INT48:  # the bindings take 48-bit values as constants only
            return str(self._serializer.addConst(list(array.shape), kind, array).name)
        name = f"input-{len(self._inputs)}"
        self._serializer.addInputTensor(ts.TosaSerializerTensor(name, list(array.shape), kind))
        self._inputs.append(np.ascontiguousarray(array))
        return name

    def constant(self, values: Any, kind: Any) -> str:
        """Give the name of a new 1-D constant."""
        dtype = next(dtype for dtype, known in _TYPES.items() if known == kind)
        wide = np.atleast_1d(np.asarray(values, np.int64))
        array = wide.astype(dtype)
        if (array != wide).any():
            raise ValueError(f"{values} does not fit {dtype}")
        return str(self._serializer.addConst([array.size], kind, array).name)

    def apply(self, op: Any, operands: list[str], shape: list[int], kind: Any, attribute: Any) -> Any:
        """Append one operator and give its output tensor."""
        output = self._serializer.addIntermediate(shape, kind)
        self._serializer.addOperator(op, operands, [output.name], attribute)
        return output

    def run(self, answer: Any) -> tuple[list[np.ndarray[Any, Any]], Any]:
        """Run the graph up to the tensor `answer`."""
        self._serializer.addOutputTensor(answer)
        outputs, status = model.run(self._serializer.serialize(), self._inputs)
        return outputs, status


def _extent(size: int, kernel: int, before: int, after: int, stride: int, dilation: int) -> int:
    return (size + before + after - (kernel - 1) * dilation - 1) // stride + 1


def _spatial(request: Request, kernel: tuple[int, int]) -> list[int]:
    top, bottom, left, right = request["pad"]
    height, width = request["x"].shape[1:3]
    (stride_y, stride_x), (dilation_y, dilation_x) = request["stride"], request["dilation"]
    return [
        _extent(height, kernel[0], top, bottom, stride_y, dilation_y),
        _extent(width, kernel[1], left, right, stride_x, dilation_x),
    ]


def _rescale(graph: Graph, name: str, shape: list[int], kind: Any, scale: Request) -> Any:
    """Append RESCALE; TOSA has no int32 to uint8, so that becomes int32 to int8 to uint8, exactly."""
    if scale["out"] == "UINT8":
        signed = _rescale(
            graph, name, shape, kind, {**scale, "out": "INT8", "out_zero": scale["out_zero"] - 128}
        )
        return _append_rescale(graph, signed.name, shape, ts.DType.INT8, ts.DType.INT8, _INT8_AS_UINT8)
    return _append_rescale(graph, name, shape, kind, getattr(ts.DType, scale["out"]), scale)


def _append_rescale(graph: Graph, name: str, shape: list[int], kind: Any, out: Any, scale: Request) -> Any:
    wide = scale.get("multiplier_bits", 32) == 32
    operands = [
        name,
        graph.constant(scale["multiplier"], ts.DType.INT32 if wide else ts.DType.INT16),
        graph.constant(scale["shift"], ts.DType.INT8),
        graph.constant(scale["in_zero"], kind),
        graph.constant(scale["out_zero"], out),
    ]
    attribute = ts.TosaSerializerAttribute()
    rounding = getattr(ts.RoundingMode, scale.get("rounding", "SINGLE_ROUND"))
    per_channel = scale["multiplier"].size > 1
    attribute.RescaleAttribute(wide, rounding, per_channel, False, scale is _INT8_AS_UINT8)
    return graph.apply(ts.Op.RESCALE, operands, shape, out, attribute)


def _build_convolution(graph: Graph, request: Request) -> Any:
    x, weights = request["x"], request["weights"]
    attribute = ts.TosaSerializerAttribute()
    kind = _TYPES[x.dtype]
    sums = ts.DType.INT48 if x.dtype == np.int16 else ts.DType.INT32
    arguments = (list(request["pad"]), list(request["stride"]), list(request["dilation"]), False, sums)
    if request["op"] == "CONV2D":
        attribute.Conv2dAttribute(*arguments)
        channels, kernel = weights.shape[0], weights.shape[1:3]
    else:
        attribute.DepthwiseConv2dAttribute(*arguments)
        channels, kernel = weights.shape[2] * weights.shape[3], weights.shape[:2]
    operands = [graph.value(x), graph.value(weights), graph.value(request["bias"])]
    operands += [graph.constant(request["x_zero"], kind), graph.constant(0, ts.DType.INT8)]
    shape = [x.shape[0], *_spatial(request, kernel), channels]
    output = graph.apply(getattr(ts.Op, request["op"]), operands, shape, sums, attribute)
    if request["rescale"] is None:
        return output
    return _rescale(graph, output.name, shape, sums, request["rescale"])


def _build_rescale(graph: Graph, request: Request) -> Any:
    x = request["x"]
    return _rescale(graph, graph.value(x), list(x.shape), _TYPES[x.dtype], request["rescale"])


def _build_pool(graph: Graph, request: Request) -> Any:
    x, kernel = request["x"], request["kernel"]
    attribute, kind, operands = ts.TosaSerializerAttribute(), _TYPES[x.dtype], [graph.value(x)]
    arguments = (list(kernel), list(request["stride"]), list(request["pad"]))
    if request["op"] == "AVG_POOL2D":
        attribute.AvgPool2dAttribute(*arguments, ts.DType.INT32)
        operands += [graph.constant(request["x_zero"], kind), graph.constant(request["y_zero"], kind)]
    else:
        attribute.MaxPool2dAttribute(*arguments, ts.NanPropagationMode.PROPAGATE)
    shape = [x.shape[0], *_spatial(request, kernel), x.shape[3]]
    return graph.apply(getattr(ts.Op, request["op"]), operands, shape, kind, attribute)


def _build_add(graph: Graph, request: Request) -> Any:
    attribute = ts.TosaSerializerAttribute()
    attribute.AddAttribute()
    operands = [graph.value(request["a"]), graph.value(request["b"])]
    return graph.apply(ts.Op.ADD, operands, list(request["a"].shape), ts.DType.INT32, attribute)


_BUILDERS = {
    "CONV2D": _build_convolution,
    "DEPTHWISE_CONV2D": _build_convolution,
    "RESCALE": _build_rescale,
    "AVG_POOL2D": _build_pool,
    "MAX_POOL2D": _build_pool,
    "ADD": _build_add,
}


class Messages:
    """What the compiled model prints about a case: it reports reasons on the C streams only."""

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._libc = ctypes.CDLL(None)
        sys.stderr = os.fdopen(os.dup(2), "w")  # Python's own tracebacks still reach the caller
        for stream in (1, 2):
            os.dup2(self._log.fileno(), stream)

    def take(self) -> str:
        """Give what was printed since the last call."""
        self._libc.fflush(None)
        self._log.seek(0)
        text = self._log.read().decode(errors="replace")
        os.ftruncate(self._log.fileno(), 0)
        self._log.seek(0)
        return text.strip()


def answer(request: Request, messages: Messages) -> Answer:
    """Build and run one request; the status is the model's, ``TOSA_ERROR`` also for a refused graph."""
    graph = Graph()
    try:
        outputs, status = graph.run(_BUILDERS[request["op"]](graph, request))
    except ValueError as error:
        return "TOSA_ERROR", None, f"{error}\n{messages.take()}"
    if status != model.GraphStatus.TOSA_VALID:
        return str(status.name), None, messages.take()
    unsigned = (request.get("rescale") or {}).get("out") == "UINT8"
    return "TOSA_VALID", outputs[0].view(np.uint8) if unsigned else outputs[0], ""


def main(requests_path: str, answers_path: str) -> None:
    """Answer every request of one file into the other."""
    with open(requests_path, "rb") as file:
        requests: list[Request] = pickle.load(file)
    messages = Messages()
    answers = [answer(request, messages) for request in requests]
    with open(answers_path, "wb") as file:
        pickle.dump(answers, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
