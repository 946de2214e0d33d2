"""Memory stays that of one layer of one image, however many layers and images a set has."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from npusim.program import Program
from npusim.steps.mac import MacOperation
from npusim.vectors import VectorFormat, write_vectors
from tests.vectors.programs import WES, int8, mac

SHAPE = (48, 48, 16)


def chain(layers: int) -> Program:
    """Convolutions behind each other, each with the same amount of vectors."""
    names = [f"t{index}" for index in range(layers + 1)]
    steps = tuple(
        mac(f"conv{index}", names[index], names[index + 1], MacOperation.CONV2D, (16, 3, 3, 16))
        for index in range(layers)
    )
    tensors = {name: int8(*SHAPE) for name in names}
    return Program(
        name="chain", inputs=("t0",), outputs=(names[-1],), tensors=tensors, steps=steps, datapath=WES
    )


def peak(layers: int, images: int, folder: Path, kind: VectorFormat) -> int:
    """Bytes at most while a set is written."""
    program = chain(layers)
    batch = np.random.default_rng(0).integers(-128, 128, (images, *SHAPE)).astype(np.int8)
    tracemalloc.start()
    try:
        write_vectors(program, batch, folder, images=images, format=kind)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [VectorFormat.BIN, VectorFormat.NPZ])
def test_more_layers_and_images_take_no_more_memory(kind: VectorFormat, tmp_path: Path) -> None:
    """More layers take their weights' room, far less than their vectors'; more images take none."""
    peak(1, 1, tmp_path / "warm", kind)
    few, many, images = (peak(*size, tmp_path / f"{size}", kind) for size in ((2, 1), (6, 1), (2, 3)))
    written = sum(path.stat().st_size for path in (tmp_path / "(6, 1)").rglob("*") if path.is_file())
    assert many - few < written / 3
    assert images - few < written / 20
