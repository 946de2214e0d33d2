"""Order and names of a graph of operations: shared by networks and programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from npusim.errors import InputError


@dataclass(frozen=True)
class Node:
    """One operation, as the graph sees it."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def execution_order(
    nodes: Sequence[Node], inputs: Iterable[str], outputs: Iterable[str], key: str
) -> list[int]:
    """The indices of `nodes` in an order in which every input exists before it is read.

    Nodes keep their given order wherever they can.

    Parameters
    ----------
    key
        What errors call the list of nodes, such as ``layers``.

    Raises
    ------
    InputError
        For duplicate names, names nobody makes, and cycles.
    """
    made_by = _producers(nodes, list(inputs), key)
    for index, node in enumerate(nodes):
        for name in node.inputs:
            _require(name, made_by, f"{key}[{index}].inputs")
    for name in outputs:
        _require(name, made_by, "outputs")
    return _sorted(nodes, made_by, key)


def _producers(nodes: Sequence[Node], inputs: list[str], key: str) -> dict[str, int]:
    made_by: dict[str, int] = {}
    for position, name in enumerate(inputs):
        if name in made_by:
            raise InputError(f"two inputs are named {name!r}", key=f"inputs[{position}]")
        made_by[name] = -1
    names: set[str] = set()
    for index, node in enumerate(nodes):
        if node.name in names:
            raise InputError(f"the name {node.name!r} is taken already", key=f"{key}[{index}].name")
        names.add(node.name)
        for output in node.outputs:
            if output in made_by:
                raise InputError(f"the tensor {output!r} is made twice", key=f"{key}[{index}]")
            made_by[output] = index
    return made_by


def _require(name: str, made_by: Mapping[str, int], key: str) -> None:
    if name not in made_by:
        close = get_close_matches(name, list(made_by), n=1)
        hint = f"did you mean {close[0]!r}?" if close else "the name of an input or of another's output"
        raise InputError("nothing makes this tensor", key=key, found=name, allowed=hint)


def _sorted(nodes: Sequence[Node], made_by: Mapping[str, int], key: str) -> list[int]:
    waiting = {i: {made_by[name] for name in node.inputs} - {-1} for i, node in enumerate(nodes)}
    readers: dict[int, list[int]] = {}
    for index, producers in waiting.items():
        for producer in producers:
            readers.setdefault(producer, []).append(index)
    order: list[int] = []
    ready = [i for i, producers in waiting.items() if not producers]
    while ready:
        index = min(ready)
        ready.remove(index)
        order.append(index)
        for reader in readers.get(index, []):
            waiting[reader].discard(index)
            if not waiting[reader]:
                ready.append(reader)
    if len(order) < len(nodes):
        stuck = sorted(set(range(len(nodes))) - set(order))
        names = ", ".join(nodes[i].name for i in stuck[:6])
        raise InputError("the graph has a cycle", key=f"{key}[{stuck[0]}]", found=names)
    return order
