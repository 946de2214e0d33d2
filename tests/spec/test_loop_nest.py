"""A6: the beats against plain nested loops."""

from __future__ import annotations

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from npusim.spec.loop_nest import (
    TransposedWindow,
    Window,
    conv2d_beats,
    dense_beats,
    depthwise_beats,
    transposed_beats,
)

kernels = st.tuples(st.integers(1, 4), st.integers(1, 4))
lane_counts = st.integers(1, 9)


@given(kernel=kernels, channels=st.integers(1, 20), lanes=lane_counts)
def test_conv2d_walks_rows_columns_channels(kernel: tuple[int, int], channels: int, lanes: int) -> None:
    beats = list(conv2d_beats(kernel, channels, lanes))
    naive = []
    for ky in range(kernel[0]):
        for kx in range(kernel[1]):
            for channel in range(channels):
                naive.append((ky, kx, channel))
    assert [place for beat in beats for place in beat] == naive
    for _, of_tap in groupby(beats, key=lambda beat: beat[0][:2]):
        *full, last = of_tap
        assert all(len(beat) == lanes for beat in full)
        assert 1 <= len(last) <= lanes
    assert all(len({place[:2] for place in beat}) == 1 for beat in beats)


@given(kernel=kernels, lanes=lane_counts)
def test_depthwise_walks_taps_in_blocks(kernel: tuple[int, int], lanes: int) -> None:
    beats = list(depthwise_beats(kernel, lanes))
    taps = [(ky, kx, 0) for ky in range(kernel[0]) for kx in range(kernel[1])]
    assert [place for beat in beats for place in beat] == taps
    assert all(len(beat) == lanes for beat in beats[:-1])


@given(features=st.integers(1, 40), lanes=lane_counts)
def test_dense_walks_features_in_blocks(features: int, lanes: int) -> None:
    beats = list(dense_beats(features, lanes))
    assert [place for beat in beats for place in beat] == [(0, 0, ci) for ci in range(features)]
    assert len(beats) == -(-features // lanes)


def test_a_window_starts_in_the_padding_and_steps_by_stride_and_dilation() -> None:
    window = Window(kernel=(3, 3), stride=(2, 3), dilation=(4, 5), pad_before=(1, 2))
    assert window.at(0, 0, 0, 0) == (-1, -2)
    assert window.at(5, 0, 0, 0) == (9, -2)
    assert window.at(0, 5, 0, 0) == (-1, 13)
    assert window.at(0, 0, 2, 2) == (7, 8)


@given(
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 4),
    st.integers(1, 5),
    st.integers(0, 12),
)
def test_a_transposed_window_walks_over_the_zero_inserted_input(
    taps: int, stride: int, dilation: int, crop: int, length: int, place: int
) -> None:
    """Insert zeros, pad, flip the kernel, convolve; note where no inserted zero is read."""
    window = TransposedWindow((taps, 1), (stride, 1), (dilation, 1), (crop, 0))
    inserted = {i * stride: i for i in range(length)}
    found = []
    for position in range(taps):  # of the convolution
        read = place + crop - (taps - 1) * dilation + position * dilation
        if read in inserted:
            found.append((taps - 1 - position, inserted[read]))
    assert [(k, i) for k, i in window.reads(place, 0) if 0 <= i < length] == found


@given(kernel=kernels, stride=kernels, channels=st.integers(1, 9), lanes=lane_counts)
def test_the_phases_of_a_transposed_convolution_share_its_products(
    kernel: tuple[int, int], stride: tuple[int, int], channels: int, lanes: int
) -> None:
    window = TransposedWindow(kernel, stride)
    phases = [
        [place for beat in transposed_beats(window, (y, x), channels, lanes) for place in beat]
        for y in range(stride[0])
        for x in range(stride[1])
    ]
    every = [(ky, kx, c) for ky in range(kernel[0]) for kx in range(kernel[1]) for c in range(channels)]
    assert sorted(place for phase in phases for place in phase) == every
