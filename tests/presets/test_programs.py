"""Presets as programs run on them: average pools by count, and the bundled network compiled for each."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import npusim
from npusim.errors import InputError
from npusim.program import Program
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import TensorType
from tests.presets.c_arithmetic import clip, quotient

NETWORKS = Path(npusim.__file__).parent / "configs" / "networks"


def run_pool(step: AveragePoolStep, preset: str, x: np.ndarray) -> np.ndarray:
    datapath = npusim.load_datapath(preset)
    kind = TensorType(shape=x.shape[1:], bits=8)
    program = Program(
        name="pool",
        input_names=("x",),
        output_names=("y",),
        tensors={"x": kind, "y": step.output_type([kind], datapath)},
        steps=(step,),
        datapath=datapath,
    )
    return npusim.simulate(program, x, threads=1).outputs["y"].astype(np.int64)


def windows(x: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
    """3x3 windows, stride 2, one pixel of padding that is not counted."""
    size = (x.shape[1] - 1) // 2 + 1
    return [
        (row, column, x[:, max(2 * row - 1, 0) : 2 * row + 2, max(2 * column - 1, 0) : 2 * column + 2])
        for row in range(size)
        for column in range(size)
    ]


X = np.random.default_rng(0).integers(-128, 128, (3, 7, 7, 5)).astype(np.int8)
GEOMETRY = {"kernel": (3, 3), "stride": (2, 2), "padding": ((1, 1), (1, 1)), "counts": np.array([4, 6, 9])}


def test_an_average_pool_that_divides() -> None:
    step = AveragePoolStep(
        name="pool", inputs=("x",), output="y", x_zero=0, fields={"low": -100, "high": 90}, **GEOMETRY
    )
    made = run_pool(step, "tflite", X)
    for row, column, window in windows(X):
        count = window.shape[1] * window.shape[2]
        for image, total in enumerate(window.astype(int).sum(axis=(1, 2)).tolist()):
            for channel, acc in enumerate(total):
                half = count // 2 if acc > 0 else -(count // 2)
                expected = clip(quotient(acc + half, count), -100, 90)
                assert made[image, row, column, channel] == expected


def test_an_average_pool_with_a_shift_per_count() -> None:
    counts = GEOMETRY["counts"].tolist()  # type: ignore[attr-defined]
    powers = [(count - 1).bit_length() for count in counts]
    step = AveragePoolStep(
        name="pool",
        inputs=("x",),
        output="y",
        x_zero=9,
        multipliers=np.array([((2**30 + 1) << k) // n for k, n in zip(powers, counts, strict=True)]),
        shifts=np.array([30 + k for k in powers]),
        fields={"y_zero": 1, "low": -128, "high": 127},
        **GEOMETRY,
    )
    made = run_pool(step, "tosa", X)
    for row, column, window in windows(X):
        mean = (window.astype(int) - 9).mean(axis=(1, 2))
        assert np.abs(np.clip(mean + 1, -128, 127) - made[:, row, column]).max() <= 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"counts": np.array([4, 9])}, "not the window sizes"),
        ({"shifts": np.array([30])}, "one per count"),
        ({"fields": {"low": -128, "high": 127, "count": 3}}, "counts stand beside counts"),
    ],
)
def test_pool_mistakes(changes: dict[str, object], message: str) -> None:
    content = {"x_zero": 0, "fields": {"low": -128, "high": 127}, **GEOMETRY, **changes}
    with pytest.raises(InputError, match=message):
        run_pool(AveragePoolStep(name="pool", inputs=("x",), output="y", **content), "tflite", X)


@pytest.mark.parametrize(
    "preset",
    [
        "tflite",
        "tflite_single_round",
        "tflite_int16",
        "cmsis_nn",
        "cmsis_nn_int16",
        "tosa",
        "tosa_double_round",
        "tosa_int16",
    ],
)
def test_the_bundled_network_runs_on_presets_with_all_its_operations(preset: str) -> None:
    with h5py.File(NETWORKS / "digits_calibration.h5") as file:
        calibration = file["images"][:48]
    with h5py.File(NETWORKS / "digits_test.h5") as file:
        images, labels = file["images"][:200], file["labels"][:200]
    network = npusim.load_network(NETWORKS / "digits.yaml")
    program = npusim.compile(
        network, npusim.load_datapath(preset), recipe="per_channel", calibration=calibration
    )
    (outputs,) = npusim.simulate(program, images).outputs.values()
    assert (outputs.reshape(len(images), -1).argmax(axis=1) == labels).mean() > 0.93
