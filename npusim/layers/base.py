"""A layer: one float operation of a network.

A layer file declares the layer's schema, its shapes, its meaning in float, and how it is lowered to
steps. Tensors are NHWC; a layer makes one tensor, named after itself, unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from npusim.model import Model, Name, Shape
from npusim.moments import Moments
from npusim.quantization import Quantization
from npusim.spec.interval import Interval

if TYPE_CHECKING:
    from npusim.layers.lowering import Lowering
    from npusim.steps.base import Step

FloatTensor = npt.NDArray[np.floating[Any]]


class Layer(Model):
    """Base of all layers.

    Attributes
    ----------
    inputs
        Tensor names.
    output
        The name of the tensor it makes, if that is not the layer's own.
    keeps_codes
        Whether the output's codes mean what the input's codes mean: copies, maxima, clips. Such a
        layer's output shares its input's scale and zero point.
    averages
        Whether the output's values are averages of the input's: a datapath that only divides sums keeps
        what codes mean.
    """

    kind: ClassVar[str]
    keeps_codes: ClassVar[bool] = False
    averages: ClassVar[bool] = False

    name: Name
    inputs: tuple[Name, ...]
    output: Name | None = None

    def meaning(self, codes: Interval) -> Quantization | None:
        """What its output's codes mean, where the layer says so whatever its range; None: its range does.

        Parameters
        ----------
        codes
            Those of the datapath's activations.
        """
        return None

    @property
    def outputs(self) -> tuple[str, ...]:
        """The tensors it makes."""
        return (self.output or self.name,)

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        """Shapes without the batch; raises InputError if the inputs do not suit."""
        raise NotImplementedError

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        """The layer's meaning, batch first, in the inputs' float type."""
        raise NotImplementedError

    def moments(self, inputs: Sequence[Moments]) -> Moments | None:
        """Its channels' means and variances from its inputs', without data; None: not known."""
        return inputs[0] if self.keeps_codes else None

    def sized_moments(self, inputs: Sequence[Moments], shapes: Sequence[Shape]) -> Moments | None:
        """As `moments`, for a layer whose values depend on how many it reads: shapes without the batch."""
        return self.moments(inputs)

    def lower(self, lowering: Lowering) -> list[Step]:
        """The steps that compute it in integers."""
        raise NotImplementedError
