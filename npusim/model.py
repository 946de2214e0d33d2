"""Base of everything read from a file."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field

from npusim.files.array_model import ArrayModel

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:/+-]*$", max_length=200)]
"""Names of layers, steps and tensors. They also name arrays and files, hence the few characters."""

Size = Annotated[int, Field(ge=1, le=1 << 20)]
"""A length, a stride, a count: at least 1."""

Padding = Annotated[int, Field(ge=0, le=1 << 16)]
Pair = tuple[Size, Size]
"""(rows, columns)."""

Pads = tuple[tuple[Padding, Padding], tuple[Padding, Padding]]
"""((above, below), (left, right))."""

Shape = Annotated[tuple[Size, ...], Field(min_length=1)]
"""A tensor's shape without the batch: (rows, columns, channels) or (features,)."""


class Model(ArrayModel):
    """Immutable; unknown keys are errors; arrays are numpy arrays; equal when all content is."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, populate_by_name=True
    )

    def replace(self, **changes: Any) -> Self:
        """A copy with some content changed, checked anew."""
        content = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**content, **changes})
