"""A chain run by several threads: every piece once, whoever comes, and whenever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from threading import Barrier

import numpy as np
import numpy.typing as npt
import pytest

from npusim.kernels.codes import direct_table
from npusim.kernels.direct.protocol import Bytes, Call
from npusim.kernels.jit import readonly
from npusim.kernels.plan import compile_pipeline
from npusim.kernels.shared_chain import SharedChain
from npusim.kernels.tiled.combine import tiled_combination
from npusim.spec.elementwise import Combination
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, Clamp, Multiply, ShiftRight

THREADS = 3


class Sums:
    """Each tensor is the sum of the two before it, clamped, its codes then replaced by table."""

    def __init__(self, size: int, length: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        codes = np.dtype(np.int8)
        shift = ShiftRight(by=(10,), rounding=Rounding.HALF_UP)
        result = compile_pipeline(
            (Multiply(by="factor"), shift, Clamp(low=-128, high=127)), {"factor": 1 << 10}, 1
        )
        operand = compile_pipeline((Add(operand="-zero"),), {"zero": 0}, 1)
        added = tiled_combination(Combination.SUM, (operand, operand), result, (codes, codes), codes, size)
        replaced = random.permutation(np.arange(-128, 128)).astype(np.int8)
        table = direct_table(replaced, -128, size)
        assert added is not None
        assert table is not None
        self.tensors: list[Bytes] = [random.integers(0, 256, size).astype(np.uint8) for _ in range(2)]
        self.expected: list[npt.NDArray[np.int64]] = [
            tensor.view(np.int8).astype(np.int64) for tensor in self.tensors
        ]
        scratches = [np.zeros(max(added.scratch_bytes, 1), np.uint8) for _ in range(THREADS)]
        self.tensors += [np.empty(size, np.uint8) for _ in range(2 * length)]
        calls: list[list[Call]] = [[] for _ in range(THREADS)]
        for step in range(length):
            first, second = (readonly(self.tensors[2 * step + i], np.uint8) for i in (0, 1))
            made, swapped = self.tensors[2 * step + 2 : 2 * step + 4]
            for thread, scratch in enumerate(scratches):
                calls[thread] += added.calls([first, second], made, scratch)
                calls[thread] += table.calls([readonly(made, np.uint8)], swapped, scratch)
            total = np.clip(self.expected[-2] + self.expected[-1], -128, 127)
            self.expected += [total, replaced[total + 128].astype(np.int64)]
        self.chain = SharedChain(calls)

    def begin(self) -> None:
        """Nothing is made yet."""
        for tensor in self.tensors[2:]:
            tensor[...] = 0
        self.chain.begin()

    def check(self) -> None:
        """Every tensor is what it should be."""
        for made, wanted in zip(self.tensors, self.expected, strict=True):
            np.testing.assert_array_equal(made.view(np.int8), wanted)


@pytest.mark.parametrize("size", [1, 4096, 5000, 100_000])
def test_one_after_the_other_the_first_does_all(size: int) -> None:
    sums = Sums(size, 3, size)
    for order in permutations(range(THREADS)):
        sums.begin()
        sums.chain.run(order[0])
        sums.check()
        for tensor in sums.tensors[2:]:
            tensor[...] = 0
        for late in order[1:]:
            sums.chain.run(late)
        assert not any(tensor.any() for tensor in sums.tensors[2:])


@pytest.mark.parametrize("size", [4097, 30_000, 200_000])
def test_all_at_once(size: int) -> None:
    """More threads than processors, as often as not: none waits for one that does not run."""
    sums, ready = Sums(size, 20, size), Barrier(THREADS)

    def run(thread: int) -> None:
        ready.wait()
        sums.chain.run(thread)

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(20):
            sums.begin()
            for done in [pool.submit(run, thread) for thread in range(THREADS)]:
                done.result()
            sums.check()
