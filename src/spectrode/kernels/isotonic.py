"""Weighted isotonic and unimodal least squares of one profile, by pooling adjacent violators."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["isotonic", "unimodal"]


@njit(cache=True, nogil=True)
def isotonic(values, weights, floor, fitted, errors):
    """Fit the nearest profile that never falls and stays at or above ``floor``.

    Parameters
    ----------
    values, weights
        (n,) profile and positive weights.
    floor
        Lowest value allowed; -inf for none. Raising an isotonic fit to a floor is the constrained optimum.
    fitted
        (n,) receives the fit.
    errors
        (n,) receives, for each i, the weighted squared error of the fit of ``values[: i + 1]`` alone.
    """
    n = values.size
    weight = np.empty(n)
    first = np.empty(n)
    second = np.empty(n)
    start = np.empty(n + 1, dtype=np.int64)
    below = np.empty(n + 1)  # error of all pools under this one
    top = -1
    below[0] = 0.0
    for i in range(n):
        top += 1
        weight[top] = weights[i]
        first[top] = weights[i] * values[i]
        second[top] = weights[i] * values[i] * values[i]
        start[top] = i
        while top > 0 and first[top - 1] * weight[top] >= first[top] * weight[top - 1]:
            weight[top - 1] += weight[top]
            first[top - 1] += first[top]
            second[top - 1] += second[top]
            top -= 1
        level = max(first[top] / weight[top], floor)
        own = second[top] - 2.0 * level * first[top] + level * level * weight[top]
        below[top + 1] = below[top] + max(own, 0.0)
        errors[i] = below[top + 1]
    start[top + 1] = n
    for pool in range(top + 1):
        level = max(first[pool] / weight[pool], floor)
        for i in range(start[pool], start[pool + 1]):
            fitted[i] = level


@njit(cache=True, nogil=True)
def unimodal(values, weights, floor, fitted):
    """Fit the nearest profile that rises to one maximum and falls after it; return the place of the maximum.

    Every place is tried: the errors of all rising beginnings and all falling ends come from one pass each.
    """
    n = values.size
    rising = np.empty(n)
    falling = np.empty(n)
    scratch = np.empty(n)
    isotonic(values, weights, floor, scratch, rising)
    isotonic(values[::-1].copy(), weights[::-1].copy(), floor, scratch, falling)
    best = rising[n - 1]
    split = n  # the first `split` points rise
    for i in range(n):
        error = falling[n - 1 - i] + (rising[i - 1] if i > 0 else 0.0)
        if error < best:
            best = error
            split = i
    if split > 0:
        isotonic(values[:split].copy(), weights[:split].copy(), floor, fitted[:split], rising)
    if split < n:
        tail = np.empty(n - split)
        isotonic(values[split:][::-1].copy(), weights[split:][::-1].copy(), floor, tail, rising)
        fitted[split:] = tail[::-1]
    return int(np.argmax(fitted))
