"""Every accumulator through the shipped kernels, against thresholds that the spec alone found.

The slow tier, minutes: ``pytest -m slow tests/analysis/test_exhaustive.py``. The lemma that makes
thresholds enough is stated in npusim.analysis.monotone and tested in test_monotone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from npusim.analysis.exhaustive import check_kernel, spec_thresholds
from npusim.analysis.rescale import Rescale
from npusim.analysis.thresholds import unique_rows
from npusim.compiler import compile_network
from npusim.datapath import load_datapath
from npusim.demo import BUNDLED, RECIPES, bundled, load_images
from npusim.errors import InputError
from npusim.network import load_network
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Clamp, Multiply, ShiftRight, Wrap
from npusim.spec.width import Width
from npusim.steps.mac import MacStep

WES = load_datapath("wes_npu")
STAGES = WES.pipelines["mac"].result or ()
ALL = Interval.of(Width(32))
INT8 = np.dtype(np.int8)
PATTERNS = [(32768, 39, 0), (65535, 40, 0), (45001, 38, 3), (32769, 24, 15), (65535, 63, 15), (51111, 0, 0)]
"""(multiplier, shift, inverse shift): normalised ends, ties, most of the range used, none of it."""


def rescale(multiplier: int, shift: int, inverse: int, rounding: Rounding = Rounding.HALF_UP) -> Rescale:
    """wes_npu's, with one set of fields."""
    stages = tuple(replace(s, rounding=rounding) if isinstance(s, ShiftRight) else s for s in STAGES)
    fields = {"multiplier": multiplier, "shift": shift, "inverse_shift": inverse, "y_zero": -5}
    return Rescale(stages, {**fields, "low": -128, "high": 127}, 1)


@pytest.mark.parametrize("rounding", Rounding)
def test_a_16_bit_accumulator_and_every_rule(rounding: Rounding) -> None:
    found = check_kernel(rescale(45056, 23, 1, rounding), 0, Interval.of(Width(16)), INT8)
    assert (found.accumulators, found.first_wrong) == (1 << 16, None)


def test_a_wrong_kernel_is_found() -> None:
    """The plan of another rule under the thresholds of the spec."""
    wrong = rescale(45056, 23, 1, Rounding.HALF_EVEN)
    object.__setattr__(wrong, "stages", STAGES)  # what the spec and the plan read
    wrong.__dict__["plan"] = rescale(45056, 23, 1, Rounding.FLOOR).plan

    class Lying(Rescale):
        def columns(self, chosen: object) -> Rescale:
            return wrong

    found = check_kernel(Lying(STAGES, wrong.fields, 1), 0, Interval.of(Width(16)), INT8)
    right, floor = (rescale(45056, 23, 1, rule) for rule in (Rounding.HALF_UP, Rounding.FLOOR))
    assert found.first_wrong is not None
    assert right.spec(found.first_wrong, 0) != floor.spec(found.first_wrong, 0)


def test_thresholds_of_the_spec_bound_every_code() -> None:
    one = rescale(45056, 18, 0)
    found = spec_thresholds(one, 0, Interval(-1000, 1000))
    assert [one.spec(at, 0) >= code > one.spec(at - 1, 0) for code, at in found.items()] == [True] * len(
        found
    )


def test_pipelines_that_are_not_monotone_are_refused() -> None:
    stages = (Multiply(by="multiplier"), Wrap(to=8), Clamp(low=-9, high=9))
    with pytest.raises(InputError, match="nondecreasing"):
        check_kernel(Rescale(stages, {"multiplier": 3}, 1), 0, ALL, INT8)


@pytest.mark.slow
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("rounding", [Rounding.HALF_UP, Rounding.HALF_EVEN, Rounding.AWAY])
def test_every_32_bit_accumulator(pattern: tuple[int, int, int], rounding: Rounding) -> None:
    found = check_kernel(rescale(*pattern, rounding), 0, ALL, INT8)
    assert (found.accumulators, found.first_wrong) == (1 << 32, None)


@pytest.mark.slow
def test_every_32_bit_accumulator_of_the_demo_networks() -> None:
    """Every (multiplier, shift, inverse shift) that the bundled networks are compiled to.

    Per-channel multipliers are many hundred: those over 24 bits, which their sums do not exceed.
    """
    calibration, _ = load_images("digits_calibration.h5")
    wide = load_datapath("wes_npu_per_channel")
    rescales: list[tuple[Rescale, Interval]] = []
    for name in BUNDLED:
        for recipe in RECIPES:
            datapath = wide if recipe == "per_channel" else WES
            made = compile_network(load_network(bundled(f"{name}.yaml")), datapath, recipe, calibration)
            for step in made.ordered_steps:
                if isinstance(step, MacStep):
                    whole = Rescale(step.stages(datapath), step.fields, step.outputs)
                    columns = unique_rows(whole.field_matrix())[0]
                    domain = ALL if datapath is WES else Interval.of(Width(24))
                    rescales += [(whole.columns(np.array([one])), domain) for one in columns]
    for one, domain in rescales:
        assert check_kernel(one, 0, domain, INT8).first_wrong is None
