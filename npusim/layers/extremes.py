"""What minimum and maximum share: how they are lowered (W7)."""

from __future__ import annotations

from npusim.layers.broadcasting import BroadcastingLayer
from npusim.layers.concat import alignment
from npusim.layers.lowering import Lowering
from npusim.steps.extreme import ExtremeStep


def lower_extreme(layer: BroadcastingLayer, lowering: Lowering, step: type[ExtremeStep]) -> ExtremeStep:
    """The step of a layer that chooses one of two codes of the output's scale.

    A fused clip commutes with the choice: it clamps the operands.
    """
    (y,) = layer.outputs
    _, activation = lowering.output_fields(y, layer.clip)
    first, second = (alignment(lowering, x, y, layer.clip) for x in layer.inputs)
    return step(
        name=layer.name, inputs=layer.inputs, output=y, operand_fields=(first, second), activation=activation
    )
