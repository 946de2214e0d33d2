"""What layers share that run on the host where the datapath has no operation for them (W8)."""

from __future__ import annotations

from npusim.axes import Axis, place
from npusim.datapath.model import Datapath
from npusim.layers.base import Layer
from npusim.model import Shape


class HostLayer(Layer):
    """A layer that scales the values along an axis by what they themselves add up to.

    A program for a datapath without the operation ends before it, where nothing but the host reads on.
    """

    axis: Axis = -1

    def computed_on(self, datapath: Datapath, shape: Shape) -> bool:
        """Whether a datapath computes it: it has the pipelines, and the axis is the last one."""
        return datapath.pipeline(self.kind) is not None and place(self.axis, shape) == len(shape) - 1
