"""The model zoo: which network reads which data, and how its answers are judged.

The zoo itself stays outside the project, in the folder that NPUSIM_ZOO names (models/ and data/).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.evaluation.fitting import Fitting
from npusim.evaluation.samples import Batch
from npusim.files.data import open_data
from npusim.importers import import_network
from npusim.network import Network
from npusim.preprocess import Fit, Preprocess
from npusim.task import Task, TaskKind

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ZooNetwork:
    """One model with its data.

    Attributes
    ----------
    calibration, test
        Data files with the range of rows to take; the two never share an image.
    mean, std
        Preprocessing of raw data.
    shape
        The network's input, where the data have another: spectrograms, smaller images.
    """

    name: str
    task: TaskKind
    calibration: tuple[str, int, int]
    test: tuple[tuple[str, int, int], ...]
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    label_offset: int = 0
    shape: tuple[int, ...] | None = None


_IMAGENET = tuple((f"imagenet_dev_{part}.h5", 0, 125) for part in range(4))
_CALIBRATION = ("imagenet_dev_0.h5", 0, 125)
_TEST = _IMAGENET[1:]
_SYMMETRIC = {"mean": (127.5,), "std": (127.5,)}

NETWORKS = {
    network.name: network
    for network in (
        ZooNetwork(
            "mobilenet_v1_0.75_224_imagenet", TaskKind.CLASSIFICATION, _CALIBRATION, _TEST, **_SYMMETRIC
        ),
        ZooNetwork(
            "mobilenet_v1_0.25_224_imagenet", TaskKind.CLASSIFICATION, _CALIBRATION, _TEST, **_SYMMETRIC
        ),
        ZooNetwork(
            "mobilenet_v2_1.0_224_imagenet_dequantized",
            TaskKind.CLASSIFICATION,
            _CALIBRATION,
            _TEST,
            **_SYMMETRIC,
            label_offset=1,
        ),
        ZooNetwork(
            "mobilenet_v2_0.35_224_coarse3", TaskKind.CLASSIFICATION, _CALIBRATION, _TEST, **_SYMMETRIC
        ),
        ZooNetwork(
            "resnet8_cifar10",
            TaskKind.CLASSIFICATION,
            ("cifar10_ic01_dev.h5", 0, 32),
            (("cifar10_ic01_dev.h5", 32, 102),),
            mean=(0.0,),
            std=(1.0,),
        ),
        ZooNetwork(
            "resnet20_cifar10",
            TaskKind.CLASSIFICATION,
            ("cifar10_ic01_dev.h5", 0, 32),
            (("cifar10_ic01_dev.h5", 32, 102),),
            mean=(123.675, 116.28, 103.53),
            std=(58.395, 57.12, 57.375),
        ),
        ZooNetwork(
            "dscnn_kws",
            TaskKind.CLASSIFICATION,
            ("kws01_dev.h5", 0, 64),
            (("kws01_dev.h5", 64, 502),),
            mean=(83.0,),
            std=(1 / 0.5847029089927673,),
        ),
        ZooNetwork(
            "mobilenet_v1_0.25_96_vww",
            TaskKind.CLASSIFICATION,
            ("vww01_dev.h5", 0, 64),
            (("vww01_dev.h5", 64, 500),),
            mean=(0.0,),
            std=(255.0,),
        ),
        ZooNetwork(
            "ad01_autoencoder_toycar",
            TaskKind.RECONSTRUCTION,
            ("ad01_toycar_dev.h5", 0, 4),
            (("ad01_toycar_dev.h5", 4, 62),),
            shape=(640,),
        ),
        ZooNetwork(
            "face_detector_rfb_320x240",
            TaskKind.DETECTION,
            _CALIBRATION,
            (("imagenet_dev_1.h5", 0, 32),),
            mean=(127.0,),
            std=(128.0,),
            shape=(240, 320, 3),
        ),
        ZooNetwork(
            "deeplabv3_mnv2_dm05_pascal_dequantized",
            TaskKind.SEGMENTATION,
            ("segmentation_sample.h5", 0, 1),
            (("segmentation_sample.h5", 0, 1),),
            mean=(128.0,),
            std=(128.0,),
        ),
    )
}
"""Every float network of the zoo. DeepLab has a single image: it is calibrated on crops of it."""


def folder() -> Path:
    """The zoo's folder.

    Raises
    ------
    SystemExit
        If NPUSIM_ZOO does not name one.
    """
    found = os.environ.get("NPUSIM_ZOO")
    if not found or not (Path(found) / "models").is_dir():
        raise SystemExit("set NPUSIM_ZOO to the folder that holds models/ and data/")
    return Path(found)


def load(network: ZooNetwork) -> Network:
    """Import a model; its task and how its images are fitted are written down in it."""
    path = folder() / "models" / f"{network.name}.onnx"
    found = import_network(path, mean=network.mean, std=network.std)
    task = Task(kind=network.task, label_offset=network.label_offset)
    return found.replace(task=task, preprocess=_preprocess(network))


def _preprocess(network: ZooNetwork) -> Preprocess | None:
    if network.mean is None or network.std is None:
        return None
    return Preprocess(mean=network.mean, std=network.std, fit=None if network.shape is None else Fit.PAD)


def rows(network: ZooNetwork, file: str, start: int, stop: int) -> tuple[Array, Array | None]:
    """Raw inputs as the network reads them, and labels of the samples they come from."""
    raw, labels = _samples(file, start, stop)
    if network.shape is None:
        return raw, labels
    return Fitting(raw.shape[1:], network.shape, None, _preprocess(network))(raw), labels


def _samples(file: str, start: int, stop: int) -> tuple[Array, Array | None]:
    with open_data(folder() / "data" / file) as data:
        stop = min(stop, data.shape[0])
        return data.read(start, stop), None if data.labels is None else data.labels[start:stop]


def calibration(network: ZooNetwork, count: int = 64) -> Array:
    """Unlabelled inputs, at most `count` rows of the file, none of which is in the test data."""
    file, start, stop = network.calibration
    data, _ = rows(network, file, start, min(stop, start + count))
    return data[:, ::-1, ::-1] if network.task is TaskKind.SEGMENTATION else data


class TestSamples:
    """A network's test data as they are stored: its files' rows behind each other, read piece by piece.

    Parameters
    ----------
    limit
        At most so many; None: all.
    """

    __test__ = False  # no test of pytest's

    def __init__(self, network: ZooNetwork, limit: int | None = None) -> None:
        self._parts: list[tuple[str, int, int]] = []
        left = limit
        for file, start, stop in network.test:
            with open_data(folder() / "data" / file) as data:
                last = min(stop, data.shape[0], *([] if left is None else [start + left]))
                self._row_shape = data.shape[1:]
            self._parts.append((file, start, last))
            left = None if left is None else left - (last - start)
            if left == 0:
                break

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self._row_shape

    def __len__(self) -> int:
        return sum(stop - start for _, start, stop in self._parts)

    def read(self, start: int, stop: int) -> Batch:
        """Samples start..stop-1, which may lie in several files."""
        found, begin = [], 0
        for file, first, last in self._parts:
            low, high = max(start - begin, 0), min(stop - begin, last - first)
            if low < high:
                found.append(_samples(file, first + low, first + high))
            begin += last - first
        known = [labels for _, labels in found if labels is not None]
        return Batch(np.concatenate([raw for raw, _ in found]), np.concatenate(known) if known else None)

    def name(self, index: int) -> str | None:
        """Its index is all it has."""
        return None
