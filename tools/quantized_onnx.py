"""Float networks of the zoo, quantized by ONNX Runtime's own tools: in QDQ and QOperator form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from tools.zoo import NETWORKS, ZooNetwork, calibration, folder, rows

Array = npt.NDArray[Any]

_CALIBRATION_IMAGES = 16


@dataclass(frozen=True)
class Form:
    """How a model is written and what its codes are."""

    name: str
    layout: QuantFormat
    activations: QuantType
    weights: QuantType
    per_channel: bool


FORMS = (
    Form("QDQ, u8 s8 per channel", QuantFormat.QDQ, QuantType.QUInt8, QuantType.QInt8, True),
    Form("QDQ, s8 s8 per channel", QuantFormat.QDQ, QuantType.QInt8, QuantType.QInt8, True),
    Form("QOperator, u8 u8", QuantFormat.QOperator, QuantType.QUInt8, QuantType.QUInt8, False),
    Form("QOperator, s8 s8 per channel", QuantFormat.QOperator, QuantType.QInt8, QuantType.QInt8, True),
)
QUANTIZED = ("resnet8_cifar10", "dscnn_kws", "mobilenet_v1_0.25_96_vww", "mobilenet_v1_0.25_224_imagenet")
"""The networks of the table."""


def quantize(name: str, form: Form, to: Path) -> Path:
    """Quantize a network of the zoo into a folder; returns the model's path."""
    network = NETWORKS[name]
    plain, made = to / f"{name}.onnx", to / f"{name}_{form.layout.name}.onnx"
    quant_pre_process(folder() / "models" / f"{name}.onnx", plain, skip_symbolic_shape=True)
    (x,) = onnx.load(plain).graph.input
    images = (_as_read(network, image) for image in calibration(network)[:_CALIBRATION_IMAGES])
    quantize_static(
        plain,
        made,
        _Reader({x.name: image} for image in images),
        quant_format=form.layout,
        activation_type=form.activations,
        weight_type=form.weights,
        per_channel=form.per_channel,
    )
    return made


def real_inputs(name: str, count: int) -> Iterator[Array]:
    """Images of the zoo as a network's ONNX model reads them: float32, batch and channels first.

    Raises
    ------
    SystemExit
        If there are not enough.
    """
    network, made = NETWORKS[name], 0
    for file in dict.fromkeys(file for file, _, _ in (network.calibration, *network.test)):
        for image in rows(network, file, 0, count)[0]:
            if made == count:
                return
            made += 1
            yield _as_read(network, image)
    if made < count:
        raise SystemExit(f"{name}: {count} real inputs are wanted, there are {made}")


def _as_read(network: ZooNetwork, image: Array) -> Array:
    mean, std = (np.array(values, np.float32) for values in (network.mean or 0.0, network.std or 1.0))
    real = (image.astype(np.float32) - mean) / std
    return np.moveaxis(real, -1, 0)[np.newaxis] if real.ndim == 3 else real[np.newaxis]


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, images: Iterator[dict[str, Array]]) -> None:
        self._images = images

    def get_next(self) -> dict[str, Array] | None:
        return next(self._images, None)
