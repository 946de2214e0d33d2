"""Several kernels in one call: what they do one by one; other arguments than theirs are refused."""

from __future__ import annotations

import numpy as np
import pytest

from npusim.kernels.chain import Chain
from npusim.kernels.codes import direct_copy, direct_table, flip_codes, look_up
from npusim.kernels.direct.protocol import Call
from npusim.kernels.jit import readonly

SCRATCH = np.empty(0, np.uint8)


@pytest.mark.parametrize("size", [1, 31, 64, 4096, 5000])
def test_calls_come_one_after_another(size: int) -> None:
    random = np.random.default_rng(size)
    x = readonly(random.integers(0, 256, size).astype(np.uint8), np.uint8)
    codes = random.integers(-128, 128, 256).astype(np.int8)
    table = direct_table(codes, -128, size)
    assert table is not None
    first, second = np.empty(size, np.uint8), np.empty(size, np.uint8)
    middle = readonly(first, np.uint8)
    chain = Chain([*table.calls([x], first, SCRATCH), *direct_copy(size).calls([middle], second, SCRATCH)])
    expected = codes[x.view(np.int8).astype(np.int64) + 128]
    for _ in range(2):
        second[...] = 0
        chain.run()
        np.testing.assert_array_equal(second.view(np.int8), expected)
    alone = np.empty(size, np.uint8)
    table.run([x], alone, SCRATCH, 0, table.units)
    np.testing.assert_array_equal(alone, second)


def test_unsigned_codes_become_signed_by_a_flip() -> None:
    table = direct_table(np.arange(-128, 128, dtype=np.int8), 0, 256)
    assert table is not None
    x, out = readonly(np.arange(256), np.uint8), np.empty(256, np.uint8)
    (call,) = table.calls([x], out, SCRATCH)
    assert call.kernel is flip_codes
    call.kernel(*call.arguments)
    np.testing.assert_array_equal(out.view(np.int8), np.arange(-128, 128))


def test_other_types_are_refused() -> None:
    x, out = readonly(np.arange(256), np.uint8), np.empty(256, np.uint8)
    for arguments in (
        (x, x.astype(np.int64), out),
        (x, x, out.astype(np.int8)),
        (x, x, out[::2]),
        (x, 3, out),
    ):
        with pytest.raises(TypeError, match="is wanted"):
            Chain([Call(look_up, arguments)])
