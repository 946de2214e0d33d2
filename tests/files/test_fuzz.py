"""Flipped bytes in a program's HDF5 file: the same arrays, or an InputError; no crash, no hang.

The mutations run in a process of their own, since the HDF5 library is C.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from npusim.errors import InputError
from npusim.files.array_model import ArrayModel
from npusim.files.arrays import CodeArray, DigestRule, FloatArray
from npusim.files.documents import load_document, save_document


class Step(ArrayModel):
    name: str
    weights: CodeArray
    scale: FloatArray


class Program(ArrayModel):
    steps: tuple[Step, ...]


def example() -> Program:
    weights = np.arange(-60, 60, dtype=np.int8).reshape(4, 5, 6)
    return Program(steps=(Step(name="conv1", weights=weights, scale=np.linspace(0, 1, 65)),))


def attack(folder: Path, seed: int, count: int) -> dict[str, int]:
    """Load `count` damaged copies; how many were refused and how many loaded unharmed."""
    path = folder / "program.yaml"
    program = example()
    save_document(path, program)
    companion = path.with_suffix(".h5")
    content = companion.read_bytes()
    generator = np.random.default_rng(seed)
    outcomes = {"refused": 0, "unharmed": 0}
    for _ in range(count):
        mutated = bytearray(content)
        for position in generator.integers(len(content), size=generator.integers(1, 4)):
            mutated[position] ^= int(generator.integers(1, 256))
        companion.write_bytes(mutated)
        try:
            loaded = load_document(path, Program, digests=DigestRule.REQUIRED)
        except InputError as error:
            assert error.file is not None
            outcomes["refused"] += 1
        else:
            assert loaded == program
            outcomes["unharmed"] += 1
    return outcomes


@pytest.mark.parametrize("seed", [1, 2])
def test_flipped_bytes(tmp_path: Path, seed: int) -> None:
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path), str(seed), "300"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    refused, unharmed = map(int, done.stdout.split())
    assert refused + unharmed == 300
    assert refused > 100


if __name__ == "__main__":
    print(*attack(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])).values())
