"""A5: the fast path exactly where nothing can overflow; beyond it the declared order decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import npusim
from npusim.datapath import Datapath
from npusim.datapath.load import change_datapath
from npusim.spec.mac import accumulate
from npusim.steps.probe import Path
from tests.simulator.programs import WES, dense, narrow


def run(weights: Any, bias: Any, x: Any, datapath: Datapath) -> tuple[Any, Any]:
    """Accumulators and the step's statistics."""
    result = npusim.simulate(
        dense(weights, bias, datapath), np.array(x, np.int8), taps=["dense"], statistics=True, threads=1
    )
    assert result.statistics is not None
    return result.taps["dense"]["accumulator"], result.statistics["dense"]


BITS = 16
HIGH, LOW = 2 ** (BITS - 1) - 1, -(2 ** (BITS - 1))
# Over all int8 codes a weight of -1 reaches +128 and -127, a weight of 1 reaches +127 and -128.


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize(("weight", "bias"), [(-1, HIGH - 128), (1, LOW + 128)])
def test_up_to_the_registers_end_it_is_fast(overflow: str, weight: int, bias: int) -> None:
    x = [[-128]]
    values, found = run([[weight]], [bias], x, narrow(BITS, overflow))
    assert found.path is Path.FAST_32
    assert found.reachable is not None
    assert found.reachable.high == HIGH or found.reachable.low == LOW
    assert values.item() == bias - 128 * weight
    assert found.overflows == 0


@pytest.mark.parametrize(("weight", "bias"), [(-1, HIGH - 127), (1, LOW + 127)])
def test_one_more_is_ordered_where_it_saturates_and_wrapped_where_it_wraps(weight: int, bias: int) -> None:
    exact = bias - 128 * weight
    assert exact in {HIGH + 1, LOW - 1}
    clamped, found = run([[weight]], [bias], [[-128]], narrow(BITS, "saturate"))
    assert found.path is Path.ORDERED
    assert clamped.item() == min(max(exact, LOW), HIGH)
    assert found.accumulator is not None
    assert (found.accumulator.final_overflows, found.accumulator.first_overflow) == (1, (0, 0))
    wrapped, found = run([[weight]], [bias], [[-128]], narrow(BITS, "wrap"))
    assert found.path is Path.WRAPPED
    assert wrapped.item() == (LOW if exact > 0 else HIGH)
    assert found.overflows == 1


def test_calibrated_ranges_do_not_decide() -> None:
    """The codes at hand are small; the proof is over all codes."""
    _, found = run([[127, 127, 127]], [0], [[1, 1, 1]], narrow(BITS, "saturate"))
    assert found.path is Path.ORDERED
    assert found.overflows == 0


def test_prefixes_count_in_any_order() -> None:
    """The whole sum always fits (bias and weight cancel), a prefix in some order does not."""
    _, found = run([[127, -127, 127, -127]], [0], [[0] * 4], narrow(BITS, "saturate"))
    assert found.path is Path.ORDERED


def test_a_wide_accumulator_takes_the_64_bit_word() -> None:
    wide = change_datapath(
        WES,
        {
            "mac.accumulator.bits": 40,
            "mac.bias.bits": 40,
            "pipelines.mac.result[0].bits": 57,
            "pipelines.average_pool.result[0].bits": 57,
        },
        "wide",
    )
    values, found = run([[127]], [2**38], [[127]], wide)
    assert found.path is Path.FAST_64
    assert values.item() == 2**38 + 127 * 127


def test_a_tree_that_may_overflow_is_ordered() -> None:
    datapath = change_datapath(WES, {"mac.tree": {"bits": 16, "overflow": "wrap"}}, "tree")
    _, found = run([[127, 127]], [0], [[127, 127]], datapath)
    assert found.path is Path.FAST_32  # 2 * 127 * 128 = 32512 fits the tree
    values, found = run([[127, 127, 127]], [0], [[127, 127, 127]], datapath)
    assert found.path is Path.ORDERED
    assert values.item() == 127 * 127 * 3 - 2**16


def beats(x: list[int], weights: list[int], lanes: int) -> list[list[tuple[int, int]]]:
    pairs = list(zip(x, weights, strict=True))
    return [pairs[i : i + lanes] for i in range(0, len(pairs), lanes)]


ORDER_MATTERS = [
    # Up to the end and back: clamping on the way forgets what was above.
    ([127] * 6, [127, 127, 127, 127, -127, -127]),
    ([-128] * 6, [127, 127, 127, 127, -127, -127]),
    ([127] * 8, [127, 127, 127, 127, -127, -127, -127, -127]),
]


@pytest.mark.parametrize(("x", "weights"), ORDER_MATTERS)
@pytest.mark.parametrize("lanes", [1, 2])
def test_clamping_at_the_end_is_not_saturating_on_the_way(
    x: list[int], weights: list[int], lanes: int
) -> None:
    values, found = run([weights], [0], [x], narrow(BITS, "saturate", lanes))
    exact = sum(a * b for a, b in zip(x, weights, strict=True))
    assert (
        values.item()
        == accumulate(beats(x, weights, lanes), 0, narrow(BITS, "saturate", lanes).mac.column).value
    )
    assert values.item() != min(max(exact, LOW), HIGH)
    # Nothing of it shows in the final sum, which fits: only prefixes overflowed.
    assert found.accumulator is not None
    if LOW <= exact <= HIGH:
        assert found.accumulator.final_overflows == 0
    assert found.accumulator.prefix_overflows
    assert found.overflows >= 1


CODES = st.lists(st.sampled_from([-128, -127, 0, 1, 126, 127]), min_size=6, max_size=6)
WEIGHTS = st.lists(st.sampled_from([-127, -126, 0, 1, 127]), min_size=6, max_size=6)


@given(CODES, WEIGHTS, st.sampled_from(["saturate", "wrap"]), st.sampled_from([1, 2, 3, 16]))
def test_narrow_accumulators_are_the_specs(
    x: list[int], weights: list[int], overflow: str, lanes: int
) -> None:
    datapath = narrow(BITS, overflow, lanes)
    values, _ = run([weights], [7], [x], datapath)
    assert values.item() == accumulate(beats(x, weights, lanes), 7, datapath.mac.column).value


def test_the_order_of_lanes_changes_saturated_bits() -> None:
    x, weights = [127] * 6, [127, 127, 127, -127, -127, -127]
    found = {lanes: run([weights], [0], [x], narrow(BITS, "saturate", lanes))[0].item() for lanes in (1, 6)}
    assert found == {1: HIGH - 3 * 127 * 127, 6: 0}


def test_24_bits_that_wrap() -> None:
    datapath = npusim.load_datapath("wes_npu_acc24_wrap")
    weights, bias = [127] * 300, 2**23 - 1
    values, found = run([weights], [bias], [[127] * 300], datapath)
    exact = bias + 300 * 127 * 127
    assert found.path is Path.WRAPPED
    assert values.item() == (exact + 2**23) % 2**24 - 2**23
    assert found.overflows == 1
    fits, found = run([weights * 2], [0], [[100] * 600], datapath)
    assert (fits.item(), found.path) == (600 * 127 * 100, Path.WRAPPED)
    assert found.overflows == 0


def test_sums_beyond_the_machine_word_are_refused() -> None:
    stages = WES.model_dump(mode="json", exclude_none=True)["pipelines"]["mac"]["result"]
    changes = {
        "mac.accumulator.bits": 64,
        "mac.bias.bits": 64,
        "pipelines": {"mac": {"result": [{"stage": "saturate", "to": 32}, *stages]}},
    }
    datapath = change_datapath(WES, changes, "acc64")
    values, found = run([[127]], [2**62], [[127]], datapath)
    assert (values.item(), found.path) == (2**62 + 127 * 127, Path.FAST_64)
    with pytest.raises(npusim.InputError, match="beyond 64 bits") as caught:
        run([[127]], [2**63 - 1], [[127]], datapath)
    assert caught.value.key == "dense.bias"
