"""SQuant: data-free rounding by constrained absolute sums of errors (arXiv 2202.07471; algorithms.md 7.3)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


def squant(scaled: Vector, nearest: Vector, greatest: int) -> Vector:
    """Flip a few codes so that errors cancel in sums.

    Afterwards every code is less than one step from its weight, every kernel's errors sum to less
    than one step and every output channel's to at most half a step, as far as codes allow.

    Parameters
    ----------
    scaled : (outputs, rows, columns, inputs) or (outputs, inputs)
        Weights in units of a code.
    nearest
        Their nearest codes.
    greatest
        The greatest code's magnitude.

    Examples
    --------
    >>> scaled = np.array([[0.4, 0.4, 0.4, -0.3]])
    >>> squant(scaled, np.rint(scaled), 127).astype(int)
    array([[1, 0, 0, 0]])
    """
    kernels = _kernels(scaled)
    codes = _kernels(nearest).copy()
    for channel in range(len(codes)):
        errors = codes[channel] - kernels[channel]
        if codes.shape[2] > 1:
            for kernel in range(len(errors)):
                _flip(codes[channel, kernel], errors[kernel], greatest)
        _flip_one_each(codes[channel], errors, greatest)
    return _restore(codes, scaled.shape)


def _kernels(weights: Vector) -> Vector:
    """(outputs, kernels, elements): a kernel is what one output reads of one input channel."""
    if weights.ndim == 2:
        return weights[:, :, np.newaxis]
    return np.ascontiguousarray(np.moveaxis(weights, 3, 1)).reshape(len(weights), weights.shape[3], -1)


def _restore(codes: Vector, shape: tuple[int, ...]) -> Vector:
    if len(shape) == 2:
        return codes[:, :, 0]
    outputs, rows, columns, inputs = shape
    return np.moveaxis(codes.reshape(outputs, inputs, rows, columns), 1, 3)


def _flip(codes: Vector, errors: Vector, greatest: int) -> None:
    """Flip the elements with the largest errors of the sum's sign until the sum is within half a step."""
    total = float(errors.sum())
    sign, count = np.sign(total), round(abs(total))
    if count == 0:
        return
    allowed = (errors * sign > 0) & (np.abs(codes - sign) <= greatest)
    ranked = np.flatnonzero(allowed)[np.argsort(-np.abs(errors[allowed]), kind="stable")][:count]
    codes[ranked] -= sign
    errors[ranked] -= sign


def _flip_one_each(codes: Vector, errors: Vector, greatest: int) -> None:
    """The same over a channel, at most one element of each kernel."""
    total = float(errors.sum())
    sign, count = np.sign(total), round(abs(total))
    if count == 0:
        return
    # Of each kernel the element that a flip improves most; only of kernels whose own sum leans the same
    # way, else that sum would leave one step. There are enough: none leans by more than half a step.
    leaning = (errors.sum(axis=1, keepdims=True) * sign > 0) & (errors * sign > 0)
    gains = np.where(leaning & (np.abs(codes - sign) <= greatest), np.abs(errors), -1.0)
    best = gains.argmax(axis=1)
    gain = gains[np.arange(len(best)), best]
    for kernel in np.argsort(-gain, kind="stable")[:count]:
        if gain[kernel] < 0:
            break
        codes[kernel, best[kernel]] -= sign
        errors[kernel, best[kernel]] -= sign
