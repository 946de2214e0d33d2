"""Coverage of pooling: windows that are cut at every edge and corner, every sum, every place of a maximum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.columns import Columns, PixelClass, columns_of
from npusim.analysis.units import pipeline_name
from npusim.coverage.bins import Bin
from npusim.coverage.report import Status
from npusim.coverage.stage_bins import pipeline_bins
from npusim.coverage.unit import PipelineUnit, PipelineVector, Registers
from npusim.geometry import image_shape
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.spec.loop_nest import Window
from npusim.spec.mac import BiasPlace
from npusim.step_coverage.certificates import Argument, StepCertificate
from npusim.step_coverage.mac_bins import SIDES
from npusim.step_coverage.mac_unit import StepUnit
from npusim.step_coverage.report import StepCover, StepOutcome, StepReport, Where
from npusim.step_coverage.shows import shows
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Step
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.pool_windows import window_counts


@dataclass(frozen=True, eq=False)
class Pool:
    """A pooling step's windows."""

    step: AveragePoolStep | MaxPoolStep
    columns: Columns
    codes: Interval
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def reads(self, inside: PixelClass) -> list[tuple[int, int]]:
        """The rows and columns that a window reads, in raster order."""
        window = self.columns.window
        taps = (divmod(int(tap), window.kernel[1]) for tap in np.flatnonzero(inside.inside))
        return [window.at(*inside.pixel, *tap) for tap in taps]

    def sides(self, inside: PixelClass) -> set[tuple[int, int]]:
        """Beyond which edges and corners a window reaches."""
        window, size = self.columns.window, self.columns.size
        found = set()
        for tap in range(self.columns.taps):
            at = window.at(*inside.pixel, *divmod(tap, window.kernel[1]))
            found.add((_side(at[0], size[0]), _side(at[1], size[1])))
        return found - {(0, 0)}


def pool_of(program: Program, step: AveragePoolStep | MaxPoolStep) -> Pool:
    """A pooling step's windows."""
    (x,), y = program.input_types(step), program.tensors[step.output]
    columns = columns_of(step, x, y, program.datapath)
    if columns is None:
        assert isinstance(step, MaxPoolStep)
        size = image_shape(x.shape)
        columns = Columns(
            weights=np.ones((size[2], *step.kernel, 1), np.int8),
            weight_zero=0,
            bias=np.zeros(size[2], np.int64),
            bias_place=BiasPlace.PRELOAD,
            taken_off=0,
            pad_code=x.codes.interval.low,
            groups=size[2],
            depthwise=True,
            lanes=1,
            size=size,
            out=(y.shape[0], y.shape[1]),
            window=Window(step.kernel, step.stride, (1, 1), (step.padding[0][0], step.padding[1][0])),
        )
    return Pool(step, columns, x.codes.interval, x.dtype, x.shape)


def _side(at: int, size: int) -> int:
    return -1 if at < 0 else int(at >= size)


class PoolCover:
    """Solves for the bins of a pooling step; everything is decided."""

    def __init__(self, program: Program, step: AveragePoolStep | MaxPoolStep) -> None:
        self._program, self._step = program, step
        self._pool = pool_of(program, step)
        self._images: list[npt.NDArray[Any]] = []

    def run(self) -> StepCover:
        """Every bin: hit or unreachable."""
        sums = self._sums() if isinstance(self._step, AveragePoolStep) else self._maxima()
        outcomes = (*sums, *self._borders())
        shape = (len(self._images), *self._pool.shape)
        images = np.stack(self._images).reshape(shape) if self._images else np.zeros(shape, self._pool.dtype)
        report = StepReport(self._step.name, self._step.kind, len(self._images), outcomes)
        return StepCover(report, {self._step.inputs[0]: images})

    def _image(self, inside: PixelClass, codes: list[int], others: int) -> Where:
        """An image whose window of a class reads some codes, in every channel."""
        image = np.full(self._pool.columns.size, others, self._pool.dtype)
        for (row, column), code in zip(self._pool.reads(inside), codes, strict=True):
            image[row, column, :] = code
        self._images.append(image)
        return Where(len(self._images) - 1, inside.pixel, 0)

    def _sums(self) -> list[StepOutcome]:
        bins: dict[str, list[tuple[StepUnit, PixelClass, Bin]]] = {}
        for unit, inside in average_units(self._program, self._pool):
            for one in pipeline_bins(unit):
                bins.setdefault(one.name, []).append((unit, inside, one))
        return [self._sum(name, its) for name, its in bins.items()]

    def _sum(self, name: str, bins: list[tuple[StepUnit, PixelClass, Bin]]) -> StepOutcome:
        for unit, inside, wanted in bins:
            values = every_value(unit)
            mask = shows(unit, wanted, values)
            if mask is not None and mask.any():
                total = int(values[mask.argmax()])
                assert unit.held is not None
                assert wanted.hit(unit, unit.observe(PipelineVector(total, unit.held)))
                return StepOutcome(name, Status.HIT, self._of_sum(inside, total))
        certificate = StepCertificate(Argument.CODES, cases=sum(len(every_value(u)) for u, _, _ in bins))
        if not check_sums(bins, certificate):
            return StepOutcome(name, Status.UNKNOWN)
        return StepOutcome(name, Status.UNREACHABLE, certificate=certificate)

    def _of_sum(self, inside: PixelClass, total: int) -> Where:
        """Codes as even as they can be with such a sum."""
        assert isinstance(self._step, AveragePoolStep)
        zero, count = self._step.x_zero, len(self._pool.reads(inside))
        even, more = divmod(total + count * zero, count)
        return self._image(inside, [even + (place < more) for place in range(count)], zero)

    def _maxima(self) -> list[StepOutcome]:
        """The greatest code at each place of a whole window, and the least code everywhere."""
        pool, codes = self._pool, self._pool.codes
        whole = max(pool.columns.classes, key=lambda one: int(one.inside.sum()))
        count, found = len(pool.reads(whole)), []
        for place, name in enumerate(f"W6.maximum_at.{place}" for place in range(count)):
            for what, code, other in (
                ("least", codes.low + 1, codes.low),
                ("greatest", codes.high, codes.high - 1),
            ):
                window = [code if index == place else other for index in range(count)]
                where = self._image(whole, window, other)
                found.append(StepOutcome(f"{name}.{what}", Status.HIT, where))
        where = self._image(whole, [codes.low] * count, codes.high)
        found.append(StepOutcome("W6.maximum_is_the_least_code", Status.HIT, where))
        return found

    def _borders(self) -> list[StepOutcome]:
        """Windows that reach beyond each edge and corner: of the least codes, that padding must not beat."""
        found = []
        for name, side in SIDES.items():
            cut = next((one for one in self._pool.columns.classes if side in self._pool.sides(one)), None)
            if cut is not None:
                lowest = [self._pool.codes.low] * len(self._pool.reads(cut))
                where = self._image(cut, lowest, self._pool.codes.low)
                found.append(StepOutcome(f"W6.window.{name}", Status.HIT, where))
                continue
            certificate = StepCertificate(Argument.PLACES, cases=len(self._pool.columns.classes))
            assert check_border(self._pool, side, certificate)
            found.append(StepOutcome(f"W6.window.{name}", Status.UNREACHABLE, certificate=certificate))
        return found


def average_units(program: Program, pool: Pool) -> Iterator[tuple[StepUnit, PixelClass]]:
    """The rescale of windows of every class, with the registers that go with its size."""
    step = pool.step
    assert isinstance(step, AveragePoolStep)
    size = pool.columns.size
    counts = window_counts(size[:2], step.kernel, step.stride, step.padding, step.count_padding)
    operation = pipeline_name(program.datapath, step.kind)
    names = PipelineUnit(program.datapath, operation).names
    seen = set()
    for inside in pool.columns.classes:
        index = int(np.searchsorted(step.counts, counts[inside.pixel]))
        reads = len(pool.reads(inside))
        fields = step.fields_of(index)
        held: Registers = {name: int(np.asarray(fields[name]).reshape(-1)[0]) for name in names}
        if (index, reads) in seen:
            continue
        seen.add((index, reads))
        entering = Interval(reads * (pool.codes.low - step.x_zero), reads * (pool.codes.high - step.x_zero))
        yield StepUnit(program.datapath, operation, held=held, accumulators=entering, channels=(0,)), inside


def every_value(unit: StepUnit) -> npt.NDArray[np.int64]:
    """All sums of a window: codes follow each other, so sums do."""
    return np.arange(unit.entering.low, unit.entering.high + 1, dtype=np.int64)


def check_sums(bins: list[tuple[StepUnit, PixelClass, Bin]], certificate: StepCertificate) -> bool:
    """Whether no sum of any window hits a bin: the spec looks at some, the kernels at all."""
    if certificate.argument is not Argument.CODES:
        return False
    if certificate.cases != sum(unit.entering.high - unit.entering.low + 1 for unit, _, _ in bins):
        return False
    for unit, _, wanted in bins:
        values = every_value(unit)
        mask = shows(unit, wanted, values)
        assert unit.held is not None
        if mask is None or mask.any():
            return False
        some = values[:: max(1, len(values) // 256)].tolist()
        if any(wanted.hit(unit, unit.observe(PipelineVector(value, unit.held))) for value in some):
            return False
    return True


def check_border(pool: Pool, side: tuple[int, int], certificate: StepCertificate) -> bool:
    """Whether no window reaches beyond an edge or corner: by the padding and the last window alone."""
    if certificate.argument is not Argument.PLACES or certificate.cases != len(pool.columns.classes):
        return False
    window, size, out = pool.columns.window, pool.columns.size, pool.columns.out
    for axis, beyond in enumerate(side):
        last = (out[axis] - 1) * window.stride[axis] - window.pad_before[axis] + window.kernel[axis] - 1
        if (beyond < 0 and not window.pad_before[axis]) or (beyond > 0 and last < size[axis]):
            return True
    return False


def cover_pool(program: Program, step: Step) -> StepCover | None:
    """The coverage of a pooling step; None for others."""
    if isinstance(step, (AveragePoolStep, MaxPoolStep)):
        return PoolCover(program, step).run()
    return None
