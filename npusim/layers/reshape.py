"""reshape: the same values in another shape."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from npusim.arity import only
from npusim.errors import InputError
from npusim.layers.reshaping import ReshapingLayer
from npusim.model import Shape
from npusim.moments import Moments

Length = Annotated[int, Field(ge=-1, le=1 << 20)]


class Reshape(ReshapingLayer):
    """The same values in the same order in another shape.

    Attributes
    ----------
    shape
        Without the batch; one length may be -1: whatever is left.
    """

    kind: ClassVar[str] = "reshape"

    layer: Literal["reshape"] = "reshape"
    shape: Annotated[tuple[Length, ...], Field(min_length=1)]

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        found = only(inputs)
        if 0 in self.shape or self.shape.count(-1) > 1:
            raise InputError(
                "no such shape", key="shape", found=self.shape, allowed="positive lengths, at most one -1"
            )
        known = prod(length for length in self.shape if length > 0)
        left, over = divmod(prod(found), known)
        if over or (left != 1 and -1 not in self.shape):
            raise InputError(
                "the input does not fill the shape",
                key="shape",
                found=self.shape,
                allowed=f"{prod(found)} values, as in {found}",
            )
        return (tuple(left if length == -1 else length for length in self.shape),)

    def moments(self, inputs: Sequence[Moments]) -> Moments | None:
        """Channels stay channels where the last length is theirs, and are repeated in a vector."""
        (before,) = inputs
        keeps = len(self.shape) == 1 or self.shape[-1] == len(before.mean)
        return before if keeps else None
