"""A6 in a manifest: in which order the words of a mac step's lanes stand."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from npusim.model import Model
from npusim.spec.convolution import ZeroPoint


class BeatOrder(Model):
    """How activations and weights reach the MAC columns.

    Word w of the weights of an output channel meets word w of the activations of its column.
    """

    loop_nest: Annotated[str, Field(description="what beats run over, slowest first; what lanes run over")]
    beats: Annotated[int, Field(description="beats of one output")]
    lanes: Annotated[int, Field(description="codes of a beat; lane 0 stands in the least significant bits")]
    columns: Annotated[int, Field(description="sets of output channels that share their activations")]
    outputs_per_column: Annotated[
        int, Field(description="output channel o reads the activations of column o // outputs_per_column")
    ]
    zero_point: Annotated[
        ZeroPoint,
        Field(description="the files hold raw codes; `subtract`: the MAC takes x_zero off each of them"),
    ]
    pad_code: Annotated[int, Field(description="the code of padded positions")]
    tile_order: Annotated[
        str, Field(description="in which order an array of several columns makes its outputs")
    ] = "pixels; of each, tiles of neighbouring output channels; of each tile all beats"
    partial_tiles: Annotated[str, Field(description="what the columns do that a last tile leaves over")] = (
        "not enabled, not compared"
    )
    missing_activation: Annotated[
        int, Field(description="what fills missing lanes of partial blocks: the code whose operand is zero")
    ]
