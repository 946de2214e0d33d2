"""Graphs for the TOSA reference model: written as flatbuffers by Arm's library, run by Arm's model."""

from __future__ import annotations

import os
import pickle
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.oracles.tosa import Status, require_tosa

Array = npt.NDArray[Any]
_WORKER = Path(__file__).with_name("tosa_graph_worker.py")


class Given(Enum):
    """Where an operand's values are."""

    FED = "fed"
    STORED = "stored"


def _family(op: str) -> str:
    """The serializer's name for an operation.

    >>> _family("DEPTHWISE_CONV2D"), _family("MATMUL")
    ('DepthwiseConv2d', 'MatMul')
    """
    irregular = {"MATMUL": "MatMul", "ARGMAX": "ArgMax"}
    return irregular.get(op, op.title().replace("_", "").replace("2D", "2d"))


@dataclass
class GraphBuilder:
    """A graph in the making; every method answers with the name of a tensor."""

    operands: list[dict[str, Any]] = field(default_factory=list)
    operators: list[dict[str, Any]] = field(default_factory=list)

    def operand(self, kind: str, values: npt.ArrayLike, given: Given = Given.STORED) -> str:
        """A tensor that no operator makes."""
        name = f"operand-{len(self.operands)}"
        array = np.asarray(values, np.int64)
        self.operands.append({"name": name, "kind": kind, "values": array, "constant": given is Given.STORED})
        return name

    def apply(
        self,
        op: str,
        inputs: Sequence[str],
        kind: str,
        shape: Sequence[int],
        arguments: Sequence[Any] = (),
    ) -> str:
        """An operator, and the type and shape that the file gives its output."""
        name = f"made-{len(self.operators)}"
        self.operators.append(
            {
                "op": op,
                "attribute": f"{_family(op)}Attribute",
                "arguments": list(arguments),
                "inputs": list(inputs),
                "name": name,
                "kind": kind,
                "shape": list(shape),
            }
        )
        return name

    def request(self) -> dict[str, Any]:
        """What the worker reads; the last operator makes the output."""
        outputs = [self.operators[-1]["name"]]
        return {"operands": self.operands, "operators": self.operators, "outputs": outputs}

    def fed(self) -> list[Array]:
        """The values of the graph's inputs."""
        return [operand["values"] for operand in self.operands if not operand["constant"]]


@dataclass(frozen=True, eq=False)
class Answer:
    """A graph's flatbuffer, and what the model says of it; `output` only if it is valid."""

    content: bytes
    status: Status
    output: Array | None


def run_graphs(graphs: Sequence[GraphBuilder]) -> list[Answer]:
    """Write and run all graphs in one process; skips without the reference model."""
    python = require_tosa()
    with tempfile.TemporaryDirectory() as folder:
        requests, answers = Path(folder, "requests"), Path(folder, "answers")
        requests.write_bytes(pickle.dumps([graph.request() for graph in graphs]))
        command = [python, "-I", str(_WORKER), str(requests), str(answers)]
        # The model calls gdb for a backtrace of each refused graph; an empty PATH spares those seconds.
        environment = {**os.environ, "PATH": ""}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{_WORKER.name} ended with status {done.returncode}:\n{done.stderr}")
        found = pickle.loads(answers.read_bytes())
    return [
        Answer(content, Status(status), outputs[0] if outputs else None) for content, status, outputs in found
    ]
