"""Real models against onnxruntime, on real inputs. NPUSIM_ZOO names the folder with `models` and `data`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from npusim.files.data import open_data
from npusim.importers import import_network
from npusim.reference import run
from tests.importers.models import need, session_outputs

ZOO = Path(os.environ.get("NPUSIM_ZOO", "none"))
NETWORKS = {
    "mobilenet_v1_0.75_224_imagenet": ("imagenet_dev_0", 127.5, 127.5),
    "mobilenet_v1_0.25_224_imagenet": ("imagenet_dev_0", 127.5, 127.5),
    "mobilenet_v2_1.0_224_imagenet_dequantized": ("imagenet_dev_0", 127.5, 127.5),
    "mobilenet_v2_0.35_224_coarse3": ("imagenet_dev_0", 127.5, 127.5),
    "resnet8_cifar10": ("cifar10_ic01_dev", 0.0, 1.0),
    "resnet20_cifar10": ("cifar10_ic01_dev", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "mobilenet_v1_0.25_96_vww": ("vww01_dev", 0.0, 255.0),
    "dscnn_kws": ("kws01_dev", 83.0, 1 / 0.5847029089927673),
    "ad01_autoencoder_toycar": ("ad01_toycar_dev", 0.0, 1.0),
    "face_detector_rfb_320x240": ("imagenet_dev_0", 127.0, 128.0),
    "deeplabv3_mnv2_dm05_pascal_dequantized": ("segmentation_sample", 128.0, 128.0),
}


def inputs_of(name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Two inputs (one where they are large), in real numbers."""
    file, mean, std = NETWORKS[name]
    with open_data(ZOO / "data" / f"{file}.h5") as data:
        raw = data.read(0, min(2, len(data))).astype(np.float64)
    if file == "ad01_toycar_dev":
        raw = raw[:, :5]
    elif name.startswith("face"):
        raw = np.tile(raw[:1], (1, 2, 2, 1))[:, : shape[0], : shape[1]]
    made = (raw - np.array(mean)) / np.array(std)
    return made.reshape(-1, *shape).astype(np.float32)


def logits_of(onnx: Any, path: Path) -> Any:
    """The model without the softmax at its end."""
    model = onnx.load(path)
    for node in model.graph.node:
        if node.op_type == "Softmax":
            node.op_type = "Identity"
            del node.attribute[:]
    return model


@pytest.mark.skipif(not ZOO.is_dir(), reason="NPUSIM_ZOO does not name a folder")
@pytest.mark.parametrize("name", NETWORKS)
def test_same_as_onnxruntime(name: str) -> None:
    path = ZOO / "models" / f"{name}.onnx"
    network = import_network(path)
    x = inputs_of(name, network.inputs[0].shape)
    proto = logits_of(need("onnx"), path)
    made = run(network, x)
    for index in range(len(x)):
        one = np.moveaxis(x[index : index + 1], -1, 1) if x.ndim == 4 else x[index : index + 1]
        for output, wanted in session_outputs(proto, {network.inputs[0].name: one}).items():
            moved = np.moveaxis(wanted, 1, -1) if wanted.ndim == 4 else wanted
            assert np.abs(made[output][index] - moved[0]).max() <= 1e-4 * np.abs(moved).max()


@pytest.mark.skipif(not ZOO.is_dir(), reason="NPUSIM_ZOO does not name a folder")
def test_every_model_of_the_zoo_is_tried() -> None:
    assert {path.stem for path in (ZOO / "models").glob("*.onnx")} == set(NETWORKS)
