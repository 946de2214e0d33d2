"""Every accumulator through the shipped kernels, in a process of its own, which has one instruction set.

``python -m tests.analysis.exhaustive_bundle WHAT PART PARTS`` runs every PARTS-th check from number PART
on, and says a line for each: what was checked, on how many accumulators, ``right`` or ``WRONG at N``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

import numpy as np

from npusim.analysis.bounds import Moment
from npusim.analysis.exhaustive import ExhaustiveResult, check_kernel, threshold_table
from npusim.analysis.proof import prove
from npusim.analysis.rescale import Rescale
from npusim.compiler import compile_network
from npusim.datapath import load_datapath
from npusim.demo import BUNDLED, RECIPES, bundled, load_images
from npusim.kernels.geometry import Geometry
from npusim.kernels.packed import pack
from npusim.kernels.tiled.conv import TiledConvolution, tiled_convolution
from npusim.network import load_network
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding
from npusim.spec.stages import ShiftRight
from npusim.spec.width import Width
from npusim.steps.mac import MacStep

WES = load_datapath("wes_npu")
STAGES = WES.pipelines["mac"].result or ()
INT8 = np.dtype(np.int8)
ALL = Interval.of(Width(32))
PROVEN = Interval.of(Width(24))
"""More than every accumulator of the bundled networks on any images: their proofs are asked."""
PATTERNS = [(32768, 39, 0), (65535, 40, 0), (45001, 38, 3), (32769, 24, 15), (65535, 63, 15), (51111, 0, 0)]
"""(multiplier, shift, inverse shift): normalised ends, ties, most of the range used, none of it."""
RULES = Rounding.HALF_UP, Rounding.HALF_EVEN, Rounding.AWAY
"""One for each way in which the one-pass kernels round: by a constant, by the last bit, by the sign."""


class What(StrEnum):
    """Sets of checks."""

    PATTERNS = "patterns"
    """`PATTERNS` under `RULES`, 2^32 accumulators each."""
    SHARED = "shared"
    """Every triple of the bundled networks where a layer has one multiplier, 2^32 accumulators each."""
    PER_CHANNEL = "per_channel"
    """Every triple where each channel has its own, 2^32 accumulators each."""
    PER_CHANNEL_PROVEN = "per_channel_proven"
    """The same over `PROVEN`."""
    ONE_PASS = "one_pass"
    """`SHARED` and `PATTERNS` through the kernel that convolves and rescales in one pass, which
    only AVX-512 VNNI has: every accumulator that it accepts."""


@dataclass(frozen=True)
class Check:
    """One thing to check."""

    name: str
    run: Callable[[], ExhaustiveResult]


def rescale(multiplier: int, shift: int, inverse: int, rounding: Rounding = Rounding.HALF_UP) -> Rescale:
    """wes_npu's, with one set of fields."""
    stages = tuple(replace(s, rounding=rounding) if isinstance(s, ShiftRight) else s for s in STAGES)
    fields = {"multiplier": multiplier, "shift": shift, "inverse_shift": inverse, "y_zero": -5}
    return Rescale(stages, {**fields, "low": -128, "high": 127}, 1)


def checks(what: What) -> list[Check]:
    """All checks of a set, in a fixed order."""
    match what:
        case What.PATTERNS:
            return [_general(name, one, ALL) for name, one in pattern_rescales().items()]
        case What.SHARED:
            return [_general(name, one, ALL) for name, one in demo_rescales(False).items()]
        case What.PER_CHANNEL:
            return [_general(name, one, ALL) for name, one in demo_rescales(True).items()]
        case What.PER_CHANNEL_PROVEN:
            return [_general(name, one, PROVEN) for name, one in demo_rescales(True).items()]
        case What.ONE_PASS:
            found = demo_rescales(False) | pattern_rescales()
            return [Check(name, partial(check_one_pass, one)) for name, one in found.items()]


def _general(name: str, one: Rescale, domain: Interval) -> Check:
    return Check(name, partial(check_kernel, one, 0, domain, INT8))


def pattern_rescales() -> dict[str, Rescale]:
    """`PATTERNS` under `RULES`."""
    return {f"{pattern}, {rule}": rescale(*pattern, rule) for pattern in PATTERNS for rule in RULES}


def demo_rescales(per_channel: bool) -> dict[str, Rescale]:
    """One column for each different (multiplier, shift, inverse shift) of the bundled networks."""
    found: dict[str, Rescale] = {}
    for program in demo_programs(per_channel):
        for step in program.ordered_steps:
            if isinstance(step, MacStep):
                whole = Rescale(step.stages(program.datapath), step.fields, step.outputs)
                for channel in range(step.outputs):
                    one = whole.columns(np.array([channel]))
                    fields = one.channel(0)
                    triple = fields["multiplier"], fields["shift"], fields.get("inverse_shift", 0)
                    found.setdefault(str(triple), one)
    return found


def demo_programs(per_channel: bool) -> Iterator[Program]:
    """The bundled networks by every recipe, as ``npusim demo`` compiles them."""
    calibration, _ = load_images("digits_calibration.h5")
    for name in BUNDLED:
        for recipe in RECIPES:
            if (recipe == "per_channel") is per_channel:
                datapath = load_datapath("wes_npu_per_channel" if per_channel else "wes_npu")
                network = load_network(bundled(f"{name}.yaml"))
                program = compile_network(network, datapath, recipe, calibration)
                for step in prove(program).steps:
                    assert step.any_codes.hull(Moment.FINAL).within(PROVEN)
                yield program


OUTPUTS, SIDE = 256, 256
"""One convolution makes OUTPUTS * SIDE^2 accumulators in a row, each output channel SIDE^2 of them."""
FIRST = -128 - 256 * 128
"""What the first pixel adds to the bias."""


def check_one_pass(one: Rescale) -> ExhaustiveResult:
    """A 1x1 convolution whose pixels count: ``bias + x0 + 256 * x1``, with weights 1 and 127 + 127 + 2."""
    reach = _greatest_reach(one)
    domain = Interval(-reach, reach)
    table = threshold_table(one, 0, domain)
    size = OUTPUTS * SIDE * SIDE
    out = np.empty((SIDE * SIDE, OUTPUTS), np.uint8)
    for base in range(domain.low, domain.high + 1, size):
        direct = _direct(one, base - FIRST, reach)
        assert direct is not None
        direct.run([_COUNTING], out.reshape(-1), np.empty(direct.scratch_bytes, np.uint8), 0, direct.units)
        made = out.view(np.int8)
        count = min(size, domain.high + 1 - base)
        ends = table.first_wrong(base, made[:1, 0]), table.first_wrong(base + count - 1, made[:1, 0])
        if ends == (None, None) and count == size and made.min() == made.max():
            continue  # one code from end to end, and it is right at both
        wrong = table.first_wrong(base, np.ascontiguousarray(made.T).reshape(-1)[:count])
        if wrong is not None:
            return ExhaustiveResult(wrong - domain.low + 1, wrong)
    return ExhaustiveResult(domain.high - domain.low + 1, None)


def _counting() -> np.ndarray:
    low, high = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))
    return np.stack([low, high, high, high], axis=-1).astype(np.int8).reshape(-1).view(np.uint8)


_COUNTING = _counting()
_COUNTING.flags.writeable = False


def _direct(one: Rescale, base: int, reach: int) -> TiledConvolution | None:
    weights = np.tile(np.array([1, 127, 127, 2], np.int16), (OUTPUTS, 1)).reshape(OUTPUTS, 1, 1, 4)
    bias = base + SIDE * SIDE * np.arange(OUTPUTS, dtype=np.int64)
    geometry = Geometry((1, 1), (SIDE, SIDE))
    plan = Rescale(one.stages, one.columns(np.zeros(OUTPUTS, np.intp)).fields, OUTPUTS).plan
    return tiled_convolution(pack(weights, np.int8), bias, geometry, (SIDE, SIDE), plan, reach, INT8)


def _greatest_reach(one: Rescale) -> int:
    """The widest range of accumulators that the one-pass form accepts; it accepts every narrower one."""
    accepted, refused = 1, 1 << 31
    while refused - accepted > 1:
        middle = (accepted + refused) // 2
        if _direct(one, 0, middle) is None:
            refused = middle
        else:
            accepted = middle
    return accepted


def main() -> int:
    """Run a part of a set; the exit code is 1 if anything is wrong."""
    what, part, parts = What(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    bad = 0
    for check in checks(what)[part::parts]:
        found = check.run()
        verdict = "right" if found.first_wrong is None else f"WRONG at {found.first_wrong}"
        bad += found.first_wrong is not None
        print(f"{check.name}: {found.accumulators:,} accumulators: {verdict}", flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
