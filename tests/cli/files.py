"""A small network and its program on disk, and mistakes to make in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import npusim
from npusim.errors import InputError
from npusim.files.data import save_data
from npusim.layers.add import Add
from npusim.layers.dense import Dense
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.relu import Relu
from tests.compiler.networks import conv, images, network, some

NETWORK = network(
    [
        conv("conv", "x", 3, 4, bias=some(4)),
        Relu(name="relu", inputs=("conv",)),
        Add(name="sum", inputs=("relu", "conv")),
        GlobalAvgPool(name="mean", inputs=("sum",)),
        Dense(name="head", inputs=("mean",), weights=some(3, 4)),
    ],
    ["head"],
)
PROGRAM = npusim.compile(NETWORK, "wes_npu", "wes", images())
LABELS = npusim.simulate(PROGRAM, images()).outputs["head"].argmax(axis=1)


def write_all(folder: Path) -> None:
    """net.yaml, prog.yaml, x.h5 (images and labels)."""
    NETWORK.save(folder / "net.yaml")
    PROGRAM.save(folder / "prog.yaml")
    save_data(folder / "x.h5", {"images": images(), "labels": LABELS})


@dataclass(frozen=True)
class Mistake:
    """A mistake in a file, and what its error must say.

    Attributes
    ----------
    old, new
        Text replaced, once.
    key
        The error's.
    on
        What the line that the error names must hold.
    says
        Words of the message.
    """

    old: str
    new: str
    key: str
    on: str
    says: str

    def make(self, path: Path) -> None:
        """Make it."""
        text = path.read_text(encoding="utf-8")
        assert text.count(self.old) >= 1, self.old
        path.write_text(text.replace(self.old, self.new, 1), encoding="utf-8")

    def check(self, error: InputError, path: Path) -> None:
        """The error names file, line and key, and says what is wrong."""
        assert (error.file, error.key) == (str(path), self.key)
        assert self.says in str(error)
        assert error.line is not None
        line = path.read_text(encoding="utf-8").splitlines()[error.line - 1]
        assert self.on in line, f"line {error.line} is {line!r}"
