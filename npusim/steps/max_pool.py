"""The max_pool step: the greatest code of each window; padding never wins (W6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.geometry import image_shape
from npusim.model import Pads, Pair
from npusim.steps.base import Executor, Step, TensorType
from npusim.steps.pool_windows import pixels_inside

_MOST_BITS = 16


class MaxPoolStep(Step):
    """Maxima of windows: output codes mean what input codes mean."""

    kind: ClassVar[str] = "max_pool"

    step: Literal["max_pool"] = "max_pool"
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pads = ((0, 0), (0, 0))

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        x = only(inputs)
        rows, columns, channels = image_shape(x.shape)
        size = pixels_inside((rows, columns), self.kernel, self.stride, self.padding).shape
        return x.replace(shape=(size[0], size[1], channels))

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        if inputs[0].bits > _MOST_BITS:
            allowed = f"up to {_MOST_BITS} bits"
            raise InputError("too wide for a pool", key="inputs[0]", found=inputs[0].bits, allowed=allowed)

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.max_pool import MaxPoolExecutor

        return MaxPoolExecutor(self, output)
