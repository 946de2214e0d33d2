"""TRANSPOSE_CONV2D: one convolution over all phases equals adding every product where it belongs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import npusim
from npusim.importers.tosa import import_tosa
from npusim.importers.tosa.schema import KINDS
from tests.importers.tosa_models import File

TWO = st.tuples(st.integers(1, 4), st.integers(1, 4))


@settings(max_examples=60, deadline=None)
@given(
    size=TWO,
    kernel=TWO,
    stride=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    data=st.data(),
    zeros=st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
)
def test_every_product_lands_where_it_belongs(
    tmp_path_factory: pytest.TempPathFactory,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    data: st.DataObject,
    zeros: tuple[int, int],
) -> None:
    pads = [data.draw(st.integers(1 - kernel[index // 2], 3)) for index in range(4)]
    made = [(size[i] - 1) * stride[i] + pads[2 * i] + pads[2 * i + 1] + kernel[i] for i in range(2)]
    if min(made) < 1:
        return
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    x, weights = random.integers(-128, 128, (2, *size, 3)), random.integers(-128, 128, (2, *kernel, 3))
    file = File(inputs=["x"], outputs=["y"])
    file.tensor("x", "INT8", x.shape)
    file.tensor("w", "INT8", weights.shape, weights)
    file.tensor("b", "INT32", (2,), [1000, -77])
    file.tensor("xz", "INT8", (1,), [zeros[0]])
    file.tensor("wz", "INT8", (1,), [zeros[1]])
    file.tensor("y", "INT32", (2, *made, 2))
    attributes = {"stride": stride, "out_pad": pads, "acc_type": KINDS.index("INT32")}
    file.apply("TRANSPOSE_CONV2D", ["x", "w", "b", "xz", "wz"], "y", **attributes)
    path: Path = tmp_path_factory.getbasetemp() / "transposed.tosa"
    path.write_bytes(file.content())
    (found,) = npusim.simulate(import_tosa(path), x[np.newaxis], threads=1).outputs.values()
    expected = np.full((2, *made, 2), [1000, -77])
    for row, column in np.ndindex(size):
        for k, m in np.ndindex(kernel):
            place = row * stride[0] + k + pads[0], column * stride[1] + m + pads[2]
            if 0 <= place[0] < made[0] and 0 <= place[1] < made[1]:
                products = (x[:, row, column] - zeros[0]) @ (weights[:, k, m] - zeros[1]).T
                expected[:, place[0], place[1]] += products
    np.testing.assert_array_equal(found[0], expected)
