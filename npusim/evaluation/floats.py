"""The float side: runs the reference, keeps its answers for the next program of the same network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy.typing as npt

from npusim import reference
from npusim.errors import InputError
from npusim.evaluation.measures.base import Records
from npusim.evaluation.parts import Parts, code_digest, digest_of
from npusim.files.digest import array_digest
from npusim.files.documents import document_digest
from npusim.network import Network
from npusim.reference import Observer

Array = npt.NDArray[Any]

_ELEMENTS = 1 << 24
_MOST = 64
_KEPT_BYTES = 8 << 20


class FloatSide:
    """A network that answers in float32.

    Parameters
    ----------
    answers
        The tensors that are its answers.
    inputs
        How many inputs of the network one sample makes.
    cache
        A folder for answers, each under the digest of network, inputs and code; None: nothing is kept.

    Attributes
    ----------
    samples
        How many samples are run at once: set by the sizes of tensors alone, since the last bits of a
        matrix product may depend on it.
    """

    def __init__(
        self, network: Network, answers: Sequence[str], inputs: int = 1, cache: Path | None = None
    ) -> None:
        self.network, self.answers = network, tuple(answers)
        self._parts = Parts(cache)
        self._cached = cache is not None
        self._outputs = sum(prod(network.shapes[name]) for name in answers)
        most = min(_MOST, _ELEMENTS // max(prod(shape) for shape in network.shapes.values())) // inputs
        self.samples = 1 << (max(1, most).bit_length() - 1)

    @cached_property
    def digest(self) -> str:
        """The network's."""
        return document_digest(self.network)

    def outputs(self, inputs: Array, observe: Observer | None = None) -> dict[str, Array]:
        """The answers to some inputs.

        Parameters
        ----------
        observe
            Is shown every tensor as it is made; then nothing is taken from the cache.
        """
        key = self._key(inputs)
        kept = None if key is None or observe is not None else self._parts.load(key)
        if kept is not None:
            return {name: kept[f"answer_{index}"] for index, name in enumerate(self.answers)}
        made: dict[str, Array] = {}

        def see(name: str, values: Array) -> None:
            if name in self.answers:
                made[name] = values
            if observe is not None:
                observe(name, values)

        reference.run(self.network, inputs, observe=see)
        if key is not None:
            self._keep(key, {f"answer_{i}": made[name] for i, name in enumerate(self.answers)})
        return made

    def _keep(self, key: str, answers: Records) -> None:
        """Keep answers if the cache lets us: a full disk costs another run, never a result."""
        try:
            self._parts.save(key, answers)
        except InputError:
            self._cached = False

    def _key(self, inputs: Array) -> str | None:
        """Where these inputs' answers are kept; None: nowhere, since they are large."""
        if not self._cached or 4 * self._outputs * len(inputs) > _KEPT_BYTES:
            return None
        return digest_of(code_digest(), self.digest, *self.answers, array_digest(inputs))
