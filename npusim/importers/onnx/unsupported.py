"""What an operation that is not supported would need."""

from __future__ import annotations

from npusim.importers.onnx.registry import converters

_NEEDS = {
    "LSTM": "a recurrent layer, which npusim does not have: export one step, its state as input and output",
    "If": "a graph without branches: export the model in inference mode with fixed shapes",
    "Cast": "tensors of one float type throughout",
    "Where": "a model without data-dependent selection",
    "NonMaxSuppression": "a model without its post-processing: cut the graph before it",
    "QuantizeLinear": "a float model: this one is quantized already, and comes in as a program",
    "LayerNormalization": "statistics computed while running: a batch norm, which stores them, is supported",
    "ReduceL2": "a length alone needs a root; a vector divided by its length is supported: x / ReduceL2(x)",
    "LRN": "a model without local response normalization: it has no integer form here",
    "GridSample": "a resampling whose places are known beforehand, such as Resize",
    "Einsum": "a product that MatMul can say",
}
_LIKE = {
    "GRU": "LSTM",
    "RNN": "LSTM",
    "Loop": "If",
    "Scan": "If",
    "TopK": "NonMaxSuppression",
    "NonZero": "NonMaxSuppression",
    "DequantizeLinear": "QuantizeLinear",
    "QLinearConv": "QuantizeLinear",
    "ConvInteger": "QuantizeLinear",
    "GroupNormalization": "LayerNormalization",
    "InstanceNormalization": "LayerNormalization",
    "MeanVarianceNormalization": "LayerNormalization",
    "ReduceSumSquare": "ReduceL2",
    "ReduceL1": "ReduceL2",
    "RoiAlign": "NonMaxSuppression",
}


def what_it_needs(op: str) -> str:
    """For the `allowed` part of an error."""
    need = _NEEDS.get(_LIKE.get(op, op))
    return need or f"{op} would need a layer and a converter; known are " + ", ".join(converters())
