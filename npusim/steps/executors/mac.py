"""Runs a mac step: which path its accumulators take, then the rescale, tile by tile."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.kernels import mac as kernel
from npusim.kernels.bounds import prefix_bounds
from npusim.kernels.direct.protocol import Direct
from npusim.kernels.event_plan import event_plan
from npusim.kernels.geometry import Geometry
from npusim.kernels.packed import Nest, pack
from npusim.kernels.plan import Plan
from npusim.kernels.statistics import AccumulatorStatistics
from npusim.kernels.tiled.conv import TiledConvolution, tiled_convolution
from npusim.kernels.tiled.depthwise import TiledDepthwise, tiled_depthwise
from npusim.kernels.tiled.real_events import integer_plan
from npusim.spec.convolution import ZeroPoint
from npusim.spec.interval import Interval
from npusim.spec.mac import BiasPlace
from npusim.spec.width import Overflow, Width
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.counting import Counted, counted, counted_kinds
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.mac import MacOperation, MacStep
from npusim.steps.probe import AccumulatorRecord, Path, PathDecision, Probe, StatisticsMode

_TILE_VALUES = 1 << 15
"""Accumulators of one tile: they stay in the second-level cache with their outputs."""

_WORD = Interval.of(Width(64))


def decide_path(step: MacStep, x: TensorType, datapath: Datapath, mode: StatisticsMode) -> PathDecision:
    """A5: the fast path where no order of exact sums can leave accumulator, tree and machine word."""
    return choose_path(*reachable_sums(step, x, datapath), datapath, mode)


def choose_path(
    sums: Interval, reachable: Interval, datapath: Datapath, mode: StatisticsMode
) -> PathDecision:
    """A5, from the hulls of all partial sums of products and of all accumulator prefixes, in any order."""
    mac = datapath.mac
    register = Interval.of(mac.accumulator.register)
    tree_holds = mac.tree is None or sums.within(Interval.of(Width(mac.tree.bits)))
    if mode is StatisticsMode.PREFIX:
        return PathDecision(Path.ORDERED, reachable, "prefix overflows are to be counted")
    if tree_holds and reachable.within(register):
        path = Path.FAST_32 if reachable.bits <= 32 else Path.FAST_64
        reason = f"in any order every prefix lies in {reachable}: {reachable.bits} of {_bits(datapath)} bits"
        return PathDecision(path, reachable, reason)
    if tree_holds and mac.accumulator.overflow is Overflow.WRAP and reachable.within(_WORD):
        reason = (
            f"sums reach {reachable}, beyond {_bits(datapath)} bits, but wrapping does not mind the order"
        )
        return PathDecision(Path.WRAPPED, reachable, reason)
    where = f"{_bits(datapath)} bits" if tree_holds else "the adder tree"
    return PathDecision(Path.ORDERED, reachable, f"sums can reach {reachable}, beyond {where}: order matters")


def reachable_sums(step: MacStep, x: TensorType, datapath: Datapath) -> tuple[Interval, Interval]:
    """The hull over all channels of every partial sum of products, and of every accumulator prefix.

    Raises
    ------
    InputError
        If a bias brings sums beyond the machine word (A2).
    """
    weights = step.weights.reshape(step.outputs, *step.kernel, -1)
    codes = x.codes.interval
    zeros = taken_off(step, datapath), step.weight_zero

    def hull(bias: npt.NDArray[np.int64], place: BiasPlace) -> Interval:
        try:
            low, high = prefix_bounds(weights, bias, codes.low, codes.high, *zeros, place)
        except OverflowError as error:
            raise InputError(f"{error}: more than npusim computes (A2)", key=f"{step.name}.bias") from None
        return Interval(int(low.min()), int(high.max()))

    return hull(np.zeros_like(step.bias), BiasPlace.PRELOAD), hull(step.bias, datapath.mac.bias.place)


def taken_off(step: MacStep, datapath: Datapath) -> int:
    """What the MAC subtracts from each activation code."""
    return step.x_zero if datapath.mac.zero_point is ZeroPoint.SUBTRACT else 0


def _bits(datapath: Datapath) -> int:
    return datapath.mac.accumulator.bits


class MacExecutor(Executor):
    """A mac step, packed and planned."""

    def __init__(self, step: MacStep, x: TensorType, output: TensorType, datapath: Datapath) -> None:
        self._step, self._x, self._output, self._datapath = step, x, output, datapath
        depthwise = step.operation is MacOperation.DEPTHWISE_CONV2D
        self._x_shape, made = step.image(x.shape), step.image(output.shape)
        self._geometry = Geometry(
            kernel=step.kernel,
            out=(made[0], made[1]),
            stride=step.stride,
            dilation=step.dilation,
            pad_before=(step.padding[0][0], step.padding[1][0]),
        )
        self._packed = pack(
            step.weights.reshape(step.outputs, *step.kernel, -1).astype(datapath.weight.dtype),
            x.dtype,
            nest=Nest.DEPTHWISE if depthwise else Nest.CONV2D,
            groups=self._x_shape[2] if depthwise else step.groups,
            x_zero=taken_off(step, datapath),
            weight_zero=step.weight_zero,
            pad_code=step.x_zero,
        )
        fields = {**step.fields, "activation": int(step.activation.bounds)}
        sums = reachable_sums(step, x, datapath)
        self._decisions = {mode: choose_path(*sums, datapath, mode) for mode in StatisticsMode}
        decision = self._decisions[StatisticsMode.OFF]
        fast = decision.path in {Path.FAST_32, Path.FAST_64}
        held = decision.reachable if fast else Interval.of(datapath.mac.accumulator.register)
        self._reach = max(-held.low, held.high)
        self._stages = step.stages(datapath), fields
        self._rescaler = Rescaler(*self._stages, step.outputs, reach=self._reach)

    def decision(self, mode: StatisticsMode) -> PathDecision:
        return self._decisions[mode]

    def direct(self) -> Direct | None:
        return self._tiled

    @cached_property
    def _tiled(self) -> TiledConvolution | TiledDepthwise | None:
        decision = self._decisions[StatisticsMode.OFF]
        if decision.path is not Path.FAST_32:
            return None
        return self._made(self._rescaler.plan)

    def _made(self, plan: Plan) -> TiledConvolution | TiledDepthwise | None:
        """The one-pass form with this rescale."""
        depthwise = self._step.operation is MacOperation.DEPTHWISE_CONV2D
        make = tiled_depthwise if depthwise else tiled_convolution
        size = self._x_shape[0], self._x_shape[1]
        return make(
            self._packed, self._step.bias, self._geometry, size, plan, self._reach, self._output.dtype
        )

    def counted(self) -> Counted | None:
        if self._tiled is None:
            return None
        told = counted(self._tiled, self._rescaler, self._reach, accumulates=True)
        return self._counted_by_integers() if told is None else told

    def _counted_by_integers(self) -> Counted | None:
        """For rescales in binary64: as one that multiplies and shifts, a stage more."""
        whole = integer_plan(*self._stages, self._step.outputs, self._reach)
        plan = None if whole is None else event_plan(whole, self._reach)
        tiled = None if whole is None or plan is None else self._made(whole)
        counting = None if tiled is None or plan is None else tiled.counting(plan)
        if counting is None or plan is None:
            return None
        told = [(stage - 1, event) for stage, event in plan.kinds]
        return counted_kinds(counting, [(self._rescaler, told)], [self._rescaler], accumulates=True)

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        x = np.ascontiguousarray(inputs[0]).reshape(self._x_shape)
        channels = self._step.outputs
        out = np.empty((self._geometry.pixels, channels), self._output.dtype)
        tile = max(1, _TILE_VALUES // channels)
        stages = probe.wanted & frozenset(self._rescaler.points)
        taps: dict[str, list[Array]] = {point: [] for point in (*stages, "accumulator")}
        for start in range(0, self._geometry.pixels, tile):
            rows = range(start, min(start + tile, self._geometry.pixels))
            accumulators = self._accumulate(x, rows, probe)
            if "accumulator" in probe.wanted:
                taps["accumulator"].append(accumulators)
            for point, values in self._rescaler.stage_values(accumulators, stages):
                taps[point].append(values)
            out[start : rows.stop] = self._rescaler.codes(
                accumulators, out.dtype, probe, base_index=start * channels
            )
        for point, parts in taps.items():
            if parts:
                probe.tap(point, np.concatenate(parts).astype(np.int64).reshape(self._output.shape))
        result = out.reshape(self._output.shape)
        probe.tap("output", result)
        return result

    def _accumulate(self, x: Array, rows: range, probe: Probe) -> Array:
        path = self._decisions[probe.mode].path
        bias = self._step.bias
        if path in {Path.FAST_32, Path.FAST_64}:
            word = np.int32 if path is Path.FAST_32 else np.int64
            sums = kernel.accumulate_fast(x, self._packed, bias, self._geometry, rows, word)
            if probe.counting:
                probe.see(AccumulatorRecord(int(sums.min()), int(sums.max())))
            return sums
        mac = self._datapath.mac
        if path is Path.WRAPPED:
            values, seen = kernel.accumulate_wrapped(
                x, self._packed, bias, self._geometry, mac.accumulator.register, rows
            )
        else:
            values, seen = kernel.accumulate_ordered(
                x, self._packed, bias, self._geometry, mac.column, mac.lanes, rows
            )
        if probe.counting:
            probe.see(record(seen, probe.image))
        return values


def record(seen: AccumulatorStatistics, image: int) -> AccumulatorRecord:
    """What a kernel's statistics say of one image."""
    firsts = [first for first in (seen.first_final, seen.first_prefix) if first is not None]
    return AccumulatorRecord(
        int(seen.lowest.min()),
        int(seen.highest.max()),
        seen.final,
        seen.prefix,
        (image, min(firsts)) if firsts else None,
    )
