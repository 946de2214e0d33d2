"""REx (arXiv 2203.14645; algorithms.md 5.2): the quantization error, quantized again, order by order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from npusim.compiler.squant import squant
from npusim.quantization import QuantizedWeights, ResidualWeights

Vector = npt.NDArray[np.float64]


def residual_orders(
    weights: Vector,
    first: QuantizedWeights,
    greatest: int,
    ratios: Sequence[int | None],
    *,
    flip_last: bool = False,
) -> Iterator[ResidualWeights]:
    """The second order, the third, and so on, of all rows; ends early when nothing is left.

    With codes in ``-n..n`` and free scales, ``s_k = max|E_k| / n`` and every weight is at most
    ``(s_1 / 2) / (2 * n)**(K - 1)`` from the sum of K orders. With a ratio of ``2**t`` to the order before,
    no residual is clipped and each is at most ``s_k / 2`` away as long as ``2**(t - 1) <= n``; one bit
    more clips those beyond ``n + 1/2``: they are at most ``s_k`` away, which is the same bound.

    Parameters
    ----------
    weights
        Output channels first.
    first
        The first order.
    greatest
        n.
    ratios
        For each order how many bits its scale lies below that of the one before it; None: as suits
        the greatest error of the layer, or of each channel where the first order has a scale for each.
    flip_last
        Whether the last order's codes are rounded by SQuant.
    """
    column = (-1, *[1] * (weights.ndim - 1))
    everything = np.arange(first.outputs)
    scales = first.scales
    error = np.ldexp(weights, first.shifts.reshape(column)) - first.codes * scales.reshape(column)
    for order, ratio in enumerate(ratios, 2):
        if not np.any(error):
            return
        scales = _scales(error, scales, greatest, ratio)
        scaled = error / scales.reshape(column)
        codes = np.clip(np.rint(scaled), -greatest, greatest)
        if flip_last and order == len(ratios) + 1:
            codes = squant(scaled, codes, greatest)
        error = error - codes * scales.reshape(column)
        yield ResidualWeights(codes.astype(first.codes.dtype), scales, everything)


def digit_orders(
    weights: Vector, first: QuantizedWeights, bits: int, orders: int, *, flip_last: bool = False
) -> QuantizedWeights:
    """All orders at once, as digits of one wide code: ratios of ``2**bits``, no residual clipped.

    Codes of the residual orders use the lowest code ``-2**(bits - 1)`` too, and each order is rounded so
    that what is left lies in reach of those behind it: at most ``2**-bits`` of a code off the nearest.
    The first order's scale becomes a little finer, since the greatest weight is now the greatest
    sum of all orders. Then no weight is more than ``s_K / 2`` from the sum of K orders.

    Parameters
    ----------
    first
        Codes in ``-n..n``, n = ``2**(bits - 1) - 1``.
    """
    column = (-1, *[1] * (weights.ndim - 1))
    greatest, half = (1 << (bits - 1)) - 1, 1 << (bits - 1)
    whole = sum(greatest << (bits * order) for order in range(orders))
    finest = first.scales * (greatest / whole)
    scaled = np.ldexp(weights, first.shifts.reshape(column)) / finest.reshape(column)
    codes = np.clip(np.rint(scaled), -whole, whole)
    if flip_last:
        codes = squant(scaled, codes, whole)
    rest, residuals = codes.astype(np.int64), []
    everything = np.arange(first.outputs)
    for order in range(orders - 1):
        digits = ((rest + half) & (2 * half - 1)) - half
        rest = (rest - digits) >> bits
        scales = np.ldexp(finest, bits * order)
        residuals.append(ResidualWeights(digits.astype(first.codes.dtype), scales, everything))
    scales = np.ldexp(finest, bits * (orders - 1))
    return QuantizedWeights(
        rest.astype(first.codes.dtype), scales, first.shifts, tuple(residuals[::-1]), first.total_order
    )


def _scales(error: Vector, before: Vector, greatest: int, ratio: int | None) -> Vector:
    if ratio is not None:
        return np.ldexp(before, -ratio)
    if len(before) == 1:
        return np.array([np.abs(error).max() / greatest])
    ranges = np.abs(error).reshape(len(error), -1).max(axis=1)
    return np.where(ranges > 0, ranges / greatest, before / (2 * greatest))


def with_rows(
    residuals: Sequence[ResidualWeights], rows: Sequence[npt.NDArray[np.int64]]
) -> list[ResidualWeights]:
    """Only some rows of each order; last orders that have none, or only zeros, are left out."""
    kept = [
        ResidualWeights(residual.codes[chosen], residual.scales, chosen)
        for residual, chosen in zip(residuals, rows, strict=True)
    ]
    while kept and not np.any(kept[-1].codes):
        kept.pop()
    return kept
