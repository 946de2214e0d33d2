"""Whatever arrays a caller brings, kernels see one canonical type each."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from npusim import kernels
from npusim.kernels.geometry import Geometry
from npusim.kernels.jit import KERNELS, readonly
from npusim.kernels.mac import accumulate_fast, accumulate_ordered
from npusim.kernels.packed import pack
from npusim.kernels.pipeline import compile_pipeline
from npusim.kernels.pool import average_sums, max_pool
from npusim.kernels.rescale import rescale
from npusim.spec.mac import Column
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Saturate, ShiftRight
from npusim.spec.width import Overflow, Width


def _flavours(array: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """The same numbers: writable and not, in other orders, strided, misaligned, byte-swapped."""
    yield array
    fixed = array.copy()
    fixed.flags.writeable = False
    yield fixed
    yield np.asfortranarray(array)
    yield np.repeat(array, 2, axis=-1)[..., ::2]
    raw = np.zeros(array.nbytes + 1, np.uint8)
    misaligned = raw[1:].view(array.dtype).reshape(array.shape)
    misaligned[...] = array
    yield misaligned
    yield array.astype(array.dtype.newbyteorder())


def test_every_flavour_of_array_runs_the_same_kernels() -> None:
    random = np.random.default_rng(0)
    x = random.integers(-128, 128, (4, 4, 6)).astype(np.int8)
    packed = pack(random.integers(-127, 128, (20, 3, 3, 6)).astype(np.int8), np.int8)
    bias, geometry = random.integers(-99, 99, 20), Geometry((3, 3), (2, 2))
    plan = compile_pipeline([ShiftRight(by=(9,), rounding=Rounding.HALF_UP), Saturate(to=8)], {}, 20)

    def everything(x: npt.NDArray[Any], bias: npt.NDArray[Any]) -> list[list[int]]:
        sums = accumulate_fast(x, packed, bias.astype(np.int64), geometry)
        ordered, _ = accumulate_ordered(
            x, packed, bias.astype(np.int64), geometry, Column(Width(20), Overflow.WRAP), 4
        )
        pooled = (average_sums(x, geometry, 1)[0], max_pool(x, geometry))
        codes = [rescale(plan, flavour, np.int8) for flavour in _flavours(sums)]
        return [array.tolist() for array in (sums, ordered, *pooled, *codes)]

    first = everything(x, bias)
    compiled = {name: kernel.compiled for name, kernel in KERNELS.items()}
    for flavour in list(_flavours(x))[:5]:  # int8 has no byte order
        assert everything(flavour, bias) == first
    assert everything(x, np.array(bias, bias.dtype.newbyteorder())) == first
    assert {name: kernel.compiled for name, kernel in KERNELS.items()} == compiled


@pytest.mark.parametrize("dtype", [np.int8, np.int64])
def test_canonical_arrays_are_views_where_possible(dtype: type) -> None:
    array = np.arange(6).astype(dtype).reshape(2, 3)
    made = readonly(array, dtype)
    assert np.shares_memory(made, array)
    assert array.flags.writeable
    for flavour in _flavours(array):
        made = readonly(flavour, dtype)
        assert (made.dtype, made.flags.writeable) == (np.dtype(dtype), False)
        assert made.flags.c_contiguous
        assert made.flags.aligned
        np.testing.assert_array_equal(made, array)


def test_all_kernels_together_stay_few() -> None:
    """The budgets themselves: every signature is a second of somebody's first run."""
    for module in walk_packages(kernels.__path__, "npusim.kernels."):
        import_module(module.name)
    budgets = {name.removeprefix("npusim.kernels."): kernel.budget for name, kernel in KERNELS.items()}
    assert budgets == {
        "argmax._greatest": 1,
        "blend.blend_rows": 2,
        "chain._run": 1,
        "coded.count_pairs": 1,
        "codes.flip_codes": 1,
        "codes.look_up": 1,
        "combine._combine": 3,
        "combine._combine_counting": 3,
        "concat.place_codes": 1,
        "depthwise._depthwise": 6,
        "dot.across_columns.multiply_columns": 1,
        "dot.along_products.multiply_rows": 2,
        "dot.avx2.multiply_pairs": 1,
        "dot.avx512_vnni.multiply_blocks": 1,
        "gather.gather": 5,
        "interpreter.flag_values": 1,
        "interpreter.interpret": 1,
        "members.count_sets": 1,
        "ordered_narrow._transpose": 2,
        "ordered_narrow.accumulate_narrow": 2,
        "ordered_wide.accumulate_wide": 1,
        "pool._maximum": 3,
        "pool.add_windows": 3,
        "rescale._rescale": 8,
        "resize._blend": 1,
        "shared_chain._run": 1,
        "softmax._add_up": 1,
        "softmax._scale": 1,
        "softmax_events.count_row": 1,
        "softmax_events.tally_row": 1,
        "tell._tell": 2,
        "tiled.combine.combine": 1,
        "tiled.combine_events.combine_counting": 1,
        "tiled.conv_count_loop.convolve_counting": 1,
        "tiled.conv_loop.convolve": 1,
        "tiled.depthwise_count_loop.convolve_channels_counting": 1,
        "tiled.depthwise_loop.convolve_channels": 1,
        "valued.count_values": 1,
    }
