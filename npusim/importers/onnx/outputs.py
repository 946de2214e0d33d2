"""The tensors a network answers with, named as the ONNX model names them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.errors import InputError
from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.graph import OnnxNode


def named_outputs(builder: Builder, outputs: Sequence[str]) -> tuple[str, ...]:
    """Give every output's tensor the output's name.

    Outputs of rank 4 stay as they are stored (NHWC); the axes of others are in ONNX order.
    """
    taken: dict[str, str] = {}  # stored tensor -> its new name
    for output in outputs:
        node = OnnxNode("output", output, (output,), (), {})
        x = builder.values[output]
        if isinstance(x, np.ndarray) or not isinstance(x, Tensor):
            raise InputError("the output is a constant", key=f"output {output!r}")
        order = builder.natural_order(x) if x.rank == 4 else builder.without_batch(range(x.rank), x)
        name, stored = builder.take(node, x, order)
        if name not in builder.layers or name in taken:
            name = builder.emit(node, "reshape", (name,), shape=stored)
        taken[name] = builder.fresh_name(output) if output != name else name
    _rename(builder, taken)
    return tuple(taken.values())


def _rename(builder: Builder, names: dict[str, str]) -> None:
    for layer_name, layer in builder.layers.items():
        inputs = tuple(names.get(name, name) for name in layer.inputs)
        output = names.get(layer_name)
        if inputs != layer.inputs or output not in {None, layer_name}:
            builder.layers[layer_name] = layer.replace(inputs=inputs, output=output)
