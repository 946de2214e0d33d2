"""Runs a network in float: what integers are judged by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.layers.base import FloatTensor
from npusim.network import Network
from npusim.preprocess import as_batch

Observer = Callable[[str, FloatTensor], None]
FloatType = Literal["float32", "float64"]


def real_inputs(network: Network, data: npt.ArrayLike | Mapping[str, npt.ArrayLike]) -> dict[str, Any]:
    """What the network reads: raw integers go through its preprocess block, floats are taken as they are.

    Raises
    ------
    InputError
        If names, shapes or types do not fit, or the batch is empty or holds NaN.
    """
    named = data if isinstance(data, Mapping) else {network.inputs[0].name: data}
    names = [tensor.name for tensor in network.inputs]
    if set(named) != set(names):
        raise InputError("the inputs' names do not fit", found=sorted(named), allowed=", ".join(names))
    return {
        tensor.name: _real(network, tensor.name, tensor.shape, as_batch(tensor.name, named[tensor.name]))
        for tensor in network.inputs
    }


def _real(network: Network, name: str, shape: tuple[int, ...], batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if batch.shape[1:] != shape or len(batch) == 0:
        allowed = f"(images, {', '.join(map(str, shape))}), at least one image"
        raise InputError(f"the input {name} has the wrong shape", found=batch.shape, allowed=allowed)
    if np.issubdtype(batch.dtype, np.integer):
        raw = batch if network.preprocess is None else network.preprocess.to_real(batch)
        return raw.astype(np.float64)
    if not np.issubdtype(batch.dtype, np.floating):
        raise InputError(f"the input {name} has the wrong type", found=str(batch.dtype), allowed="numbers")
    if not np.isfinite(batch).all():
        raise InputError(f"the input {name} holds NaN or infinity")
    return batch


def run(
    network: Network,
    inputs: npt.ArrayLike | Mapping[str, npt.ArrayLike],
    *,
    dtype: FloatType = "float32",
    observe: Observer | None = None,
) -> dict[str, FloatTensor]:
    """Run one batch; returns the network's outputs.

    Parameters
    ----------
    dtype
        The type everything is computed in.
    observe
        Called with the name and the values of every tensor, inputs included, as it is made.
    """
    tensors = {name: batch.astype(dtype) for name, batch in real_inputs(network, inputs).items()}
    last_use = {name: layer.name for layer in network.ordered_layers for name in layer.inputs}
    if observe is not None:
        for name, values in tensors.items():
            observe(name, values)
    count = len(next(iter(tensors.values())))
    for layer in network.ordered_layers:
        made = layer.forward([tensors[name] for name in layer.inputs])
        if not layer.inputs:  # a constant: it knows neither the batch nor the type
            made = tuple(np.repeat(values.astype(dtype), count, axis=0) for values in made)
        for name, values in zip(layer.outputs, made, strict=True):
            tensors[name] = values
            if observe is not None:
                observe(name, values)
        for name in layer.inputs:
            if last_use[name] == layer.name and name not in network.outputs:
                tensors.pop(name, None)
    return {name: tensors[name] for name in network.outputs}


def batches(data: npt.NDArray[Any], size: int) -> Iterator[npt.NDArray[Any]]:
    """A batch in pieces of a fixed size."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def run_all(
    network: Network,
    data: Iterable[npt.NDArray[Any]],
    *,
    dtype: FloatType = "float32",
    observe: Observer | None = None,
) -> dict[str, FloatTensor]:
    """Run several batches; outputs joined."""
    parts = [run(network, batch, dtype=dtype, observe=observe) for batch in data]
    return {name: np.concatenate([part[name] for part in parts]) for name in network.outputs}
