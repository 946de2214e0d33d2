"""A mac step computed by the spec alone, pixel by pixel in plain integers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from npusim.datapath import Datapath
from npusim.spec.convolution import Operands, output
from npusim.spec.loop_nest import Product, Window, conv2d_beats, depthwise_beats
from npusim.spec.mac import Accumulation
from npusim.spec.pipeline import run
from npusim.spec.stages import Fields
from npusim.steps.mac import MacOperation, MacStep
from npusim.steps.mac_array import MacArrayStep


@dataclass
class SpecMac:
    """What the spec says about one image of one step.

    Attributes
    ----------
    events
        How often, by (stage point, event).
    firsts
        The flat output position of the first, alike.
    """

    accumulators: list[Accumulation] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    firsts: dict[tuple[str, str], int] = field(default_factory=dict)


def spec_mac(step: MacStep, x: npt.NDArray[np.int64], datapath: Datapath) -> SpecMac:
    """Run one image through the spec; `x` is (rows, columns, channels) or, for dense, (..., inputs)."""
    found = SpecMac()
    for index, made in enumerate(spec_sums(step, x, datapath)):
        found.accumulators.append(made)
        _rescale(step, datapath, index % step.outputs, made.value, found)
    return found


def spec_sums(
    step: MacArrayStep,
    x: npt.NDArray[np.int64],
    datapath: Datapath,
    partial: npt.NDArray[np.int64] | None = None,
    shift: int = 0,
) -> list[Accumulation]:
    """Every accumulator of a step, pixel by pixel; it goes on from `partial` where that is given."""
    image = x.reshape(step.image(x.shape))
    weights = step.all_weights.reshape(step.outputs, *step.kernel, -1)
    rows, columns, channels = image.shape
    window = Window(step.kernel, step.stride, step.dilation, (step.padding[0][0], step.padding[1][0]))
    held = None if partial is None else partial.reshape(-1, step.outputs)
    found = []
    for index, pixel in enumerate(_pixels(step, rows, columns)):
        for o in range(step.outputs):
            operands = Operands(
                activation=lambda y, x, c: int(image[y, x, c]),
                weight=lambda ky, kx, c, o=o: int(weights[o, ky, kx, c]),  # type: ignore[misc]
                rows=rows,
                columns=columns,
                first_channel=_first_channel(step, o, channels),
                x_zero=step.x_zero,
                weight_zero=_of(step.weight_zero, o),
                zero_point=datapath.mac.zero_point,
            )
            beats = _beats(step, weights.shape[3], datapath.mac.lanes)
            start = None if held is None else (int(held[index, o]), shift)
            column = datapath.mac.column
            found.append(output(operands, window, beats, pixel, int(step.bias[o]), column, start))
    return found


def _rescale(step: MacStep, datapath: Datapath, channel: int, value: int, found: SpecMac) -> None:
    fields: Fields = {name: _of(field, channel) for name, field in step.fields.items()}
    trace = run(step.stages(datapath), value, {**fields, "activation": int(step.activation.bounds)})
    for index, (stage, events) in enumerate(zip(step.stages(datapath), trace.events, strict=True)):
        for event in events:
            key = (f"{index}.{stage.stage}", event.value)
            found.events[key] += 1
            found.firsts.setdefault(key, len(found.outputs))
    found.outputs.append(trace.result)


def _pixels(step: MacArrayStep, rows: int, columns: int) -> Iterable[tuple[int, int]]:
    """Every output pixel whose window starts inside the padded input and ends there."""

    def count(size: int, axis: int) -> int:
        reach = (step.kernel[axis] - 1) * step.dilation[axis] + 1
        return (size + sum(step.padding[axis]) - reach) // step.stride[axis] + 1

    return [(y, x) for y in range(count(rows, 0)) for x in range(count(columns, 1))]


def _beats(step: MacArrayStep, per_group: int, lanes: int) -> Iterable[tuple[Product, ...]]:
    if step.operation is MacOperation.DEPTHWISE_CONV2D:
        return depthwise_beats(step.kernel, lanes)
    return conv2d_beats(step.kernel, per_group, lanes)


def _first_channel(step: MacArrayStep, o: int, channels: int) -> int:
    if step.operation is MacOperation.DEPTHWISE_CONV2D:
        return o // (step.outputs // channels)
    return o // (step.outputs // step.groups) * (channels // step.groups)


def _of(value: int | npt.NDArray[np.int64], channel: int) -> int:
    return value if isinstance(value, int) else int(value[channel])
