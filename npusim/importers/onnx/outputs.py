"""The tensors a network answers with, named as the ONNX model names them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.errors import InputError
from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.graph import OnnxNode


def named_outputs(builder: Builder, outputs: Sequence[str]) -> tuple[str, ...]:
    """Give every output's tensor the output's name.

    Outputs of rank 4 are images: NHWC, unless the model itself put its axes in the order in which
    they are stored. The axes of others are in ONNX order.
    """
    taken: dict[str, str] = {}  # stored tensor -> its new name
    for output in outputs:
        node = OnnxNode("output", output, (output,), (), {})
        x = builder.values[output]
        if isinstance(x, np.ndarray) or not isinstance(x, Tensor):
            raise InputError("the output is a constant", key=f"output {output!r}")
        order = builder.without_batch(range(x.rank), x)
        if x.rank == 4 and not x.view.order_is_stored(order):
            order = builder.channels_last(x)
        name, stored = builder.take(node, x, order)
        if name not in builder.layers or name in taken:
            name = builder.emit(node, "reshape", (name,), shape=stored)
        taken[name] = builder.output_names[output]
    _rename(builder, taken)
    return tuple(taken.values())


def _rename(builder: Builder, names: dict[str, str]) -> None:
    for name, layer in builder.layers.items():
        inputs = tuple(names.get(read, read) for read in layer.inputs)
        changes: dict[str, object] = {} if inputs == layer.inputs else {"inputs": inputs}
        output = names.get(name)
        if output is not None:
            # a layer whose node was called like the output it makes got a number behind its name
            own = name.rpartition("_")[0] == output
            changes |= {"name": output} if own else {"output": output}
        if changes:
            builder.layers[name] = layer.replace(**changes)
