"""What was compared with a reference, and what differed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass
class Comparison:
    """What was compared so far, and by tensor how many values differed.

    Attributes
    ----------
    tensors
        How many tensors of the model were compared for each image.
    """

    images: int = 0
    tensors: int = 0
    values: int = 0
    differing: dict[str, int] = field(default_factory=dict)

    @property
    def differences(self) -> int:
        """How many values differ."""
        return sum(self.differing.values())

    def count(self, made: Array, wanted: Array, name: str) -> None:
        """Compare a tensor with the reference's."""
        different = int(np.count_nonzero(made.reshape(-1) != wanted.reshape(-1)))
        self.values += wanted.size
        if different:
            self.differing[name] = self.differing.get(name, 0) + different
