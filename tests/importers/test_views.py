from __future__ import annotations

from math import prod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from npusim.importers.onnx.views import View

LENGTHS = st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4)


def read(view: View, stored: np.ndarray) -> np.ndarray:
    """The logical tensor, by numpy."""
    return stored.reshape(-1)[view.stored_indices()].reshape(view.shape)


@st.composite
def regrouped(draw: st.DrawFn, size: int) -> tuple[int, ...]:
    """Any shape with so many elements."""
    shape = []
    while size > 1:
        length = draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0]))
        shape.append(length)
        size //= length
    return tuple(shape) or (1,)


@given(st.data())
def test_views_are_what_numpy_does(data: st.DataObject) -> None:
    shape = tuple(data.draw(LENGTHS))
    stored = np.arange(prod(shape))
    tensor, view = stored.reshape(shape), View.stored(shape, shape)
    for _ in range(4):
        if data.draw(st.booleans()):
            order = data.draw(st.permutations(range(tensor.ndim)))
            tensor, view = tensor.transpose(order), view.transposed(order)
        else:
            wanted = data.draw(regrouped(tensor.size))
            changed = view.reshaped(wanted)
            if changed is None:  # numpy could not do it without a copy either
                assert not np.shares_memory(stored, tensor.reshape(wanted))
                continue
            tensor, view = tensor.reshape(wanted), changed
        assert view.shape == tensor.shape
        assert np.array_equal(read(view, stored), tensor)


@given(st.data())
def test_a_transposition_brings_axes_into_any_order(data: st.DataObject) -> None:
    shape = tuple(data.draw(LENGTHS))
    stored = np.arange(prod(shape))
    view = View.stored(shape, shape).transposed(data.draw(st.permutations(range(len(shape)))))
    order = data.draw(st.permutations(range(len(shape))))
    split, permutation = view.transposition(order)
    made = stored.reshape(split).transpose(permutation)
    assert np.array_equal(made.reshape(-1), read(view, stored).transpose(order).reshape(-1))
    assert view.order_is_stored(order) == np.array_equal(made.reshape(-1), stored)


def test_a_reshape_that_needs_a_copy_is_refused() -> None:
    image = View.stored((2, 5, 3), (1, 2, 5, 3)).transposed((0, 3, 1, 2))
    assert image.reshaped((1, 30)) is not None
    assert View.stored((6, 5), (6, 5)).transposed((1, 0)).reshaped((6, 5)) is None
