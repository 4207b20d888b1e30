"""New weights of sixteen spectra from their residuals, one function for each family of methods.

Each function replaces ``w`` (channels, 16), and in ``state`` the rows ``MOVED`` (the measure that is compared with the
tolerance) and ``STOPPED`` (1 where fewer than two residuals are negative, which ends the iteration). Sums run over the
channels one after the other, in each lane alike.

``keep`` holds 1 where a channel is in use and 0 where it is masked. It is (channels, 16) and ``stride`` is 1, or it is
(1, 16) and ``stride`` is 0 if nothing is masked: branches inside the loops would cost several times the arithmetic.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .vectors import absolute, exp, load, splat, square_root, store, where

__all__ = ["GROWTH", "HEIGHT", "ITERATION", "MOVED", "NORM", "STATE_ROWS", "STOPPED"]
__all__ += ["decaying_weights", "exponential_weights", "logistic_weights", "step_weights", "two_level_weights"]

MOVED, STOPPED, ITERATION, GROWTH, HEIGHT, NORM = range(6)
_MEAN, _SPREAD = 6, 7
STATE_ROWS = 8
# pybaselines puts this in place of a standard deviation or norm of zero.
_TINY = float(np.finfo(float).eps)
_LOG_MAX = float(np.log(np.finfo(float).max) - np.spacing(np.log(np.finfo(float).max)))


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _residual(y: Any, z: Any, keep: Any, stride: Any, i: Any) -> Any:
    """Return data minus background; zero, which is not negative, at masked channels."""
    return where(load(keep, i * stride) > 0.5, load(y, i) - load(z, i), 0.0)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _kept(value: Any, keep: Any, stride: Any, i: Any) -> Any:
    return value * load(keep, i * stride)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _store_moved(state: Any, change: Any, before: Any) -> None:
    norm = square_root(before)
    store(state, MOVED, square_root(change) / where(norm > _TINY, norm, _TINY))


@njit(cache=True, nogil=True, error_model="numpy")
def _negative_statistics(y: Any, z: Any, keep: Any, stride: Any, state: Any) -> None:
    """Mean and standard deviation (n - 1) of the negative residuals, in two passes as NumPy does."""
    count, total = splat(0.0), splat(0.0)
    for i in range(y.shape[0]):
        r = _residual(y, z, keep, stride, i)
        below = r < 0.0
        count = count + where(below, 1.0, 0.0)
        total = total + where(below, r, 0.0)
    mean = total / count
    squares = splat(0.0)
    for i in range(y.shape[0]):
        r = _residual(y, z, keep, stride, i)
        d = r - mean
        squares = squares + where(r < 0.0, d * d, 0.0)
    spread = square_root(squares / (count - 1.0))
    store(state, STOPPED, where(count < 2.0, 1.0, splat(0.0)))
    store(state, _MEAN, mean)
    store(state, _SPREAD, where(absolute(spread) > 0.0, spread, _TINY))


@njit(cache=True, nogil=True, error_model="numpy")
def two_level_weights(y: Any, z: Any, w: Any, keep: Any, stride: Any, state: Any, p: Any) -> None:
    """AsLS and IAsLS: ``p`` above the background, ``1 - p`` below."""
    change, before = splat(0.0), splat(0.0)
    q = 1.0 - p
    for i in range(y.shape[0]):
        old = load(w, i)
        value = _kept(where(_residual(y, z, keep, stride, i) > 0.0, p, splat(q)), keep, stride, i)
        d = value - old
        change, before = change + d * d, before + old * old
        store(w, i, value)
    store(state, STOPPED, splat(0.0))
    _store_moved(state, change, before)


@njit(cache=True, nogil=True, error_model="numpy")
def decaying_weights(y: Any, z: Any, w: Any, keep: Any, stride: Any, state: Any, p: Any) -> None:
    """psalsa: ``p exp(-r / k)`` above the background, ``1 - p`` below."""
    change, before = splat(0.0), splat(0.0)
    q = 1.0 - p
    height = load(state, HEIGHT)
    for i in range(y.shape[0]):
        old, r = load(w, i), _residual(y, z, keep, stride, i)
        above = r > 0.0
        x = where(above, r, 0.0) / height
        value = _kept(where(above, p * exp(0.0 - x), q), keep, stride, i)
        d = value - old
        change, before = change + d * d, before + old * old
        store(w, i, value)
    store(state, STOPPED, splat(0.0))
    _store_moved(state, change, before)


@njit(cache=True, nogil=True, error_model="numpy")
def exponential_weights(y: Any, z: Any, w: Any, keep: Any, stride: Any, state: Any) -> None:
    """airPLS: 0 above the background, growing exponentially with the depth below it and with the round."""
    count, total = splat(0.0), splat(0.0)
    for i in range(y.shape[0]):
        r = _residual(y, z, keep, stride, i)
        below = r < 0.0
        count = count + where(below, 1.0, 0.0)
        total = total + where(below, r, 0.0)
    rounds = load(state, ITERATION) + 1.0
    slope = where(rounds > 50.0, 50.0, rounds) / total
    for i in range(y.shape[0]):
        r = _residual(y, z, keep, stride, i)
        inner = slope * r
        inner = where(inner > _LOG_MAX, _LOG_MAX, inner)
        # Masked channels have a residual of zero, so that they need no factor here.
        store(w, i, where(r < 0.0, exp(inner), 0.0))
    store(state, STOPPED, where(count < 2.0, 1.0, splat(0.0)))
    store(state, MOVED, absolute(total) / load(state, NORM))


@njit(cache=True, nogil=True, error_model="numpy")
def logistic_weights(
    y: Any, z: Any, w: Any, keep: Any, stride: Any, state: Any, steepness: Any, around_noise: Any
) -> None:
    """Logistic function of the residual.

    arPLS (``around_noise``) puts its middle at twice the standard deviation less the mean of the negative residuals,
    asPLS at the standard deviation.
    """
    _negative_statistics(y, z, keep, stride, state)
    mean, spread = load(state, _MEAN), load(state, _SPREAD)
    slope = steepness / spread
    middle = spread
    if around_noise:
        middle = 2.0 * spread - mean
    change, before = splat(0.0), splat(0.0)
    for i in range(y.shape[0]):
        old = load(w, i)
        value = 1.0 / (1.0 + exp(slope * (_residual(y, z, keep, stride, i) - middle)))
        value = _kept(value, keep, stride, i)
        d = value - old
        change, before = change + d * d, before + old * old
        store(w, i, value)
    _store_moved(state, change, before)


@njit(cache=True, nogil=True, error_model="numpy")
def step_weights(y: Any, z: Any, w: Any, keep: Any, stride: Any, state: Any, rational: Any) -> None:
    """Curves that steepen with the round: drPLS (``rational``) and IarPLS."""
    _negative_statistics(y, z, keep, stride, state)
    mean, spread = load(state, _MEAN), load(state, _SPREAD)
    slope = load(state, GROWTH) / spread
    middle = 2.0 * spread
    if rational:
        middle = 2.0 * spread - mean
    change, before = splat(0.0), splat(0.0)
    if rational:
        for i in range(y.shape[0]):
            old = load(w, i)
            inner = slope * (_residual(y, z, keep, stride, i) - middle)
            value = _kept(0.5 * (1.0 - inner / (1.0 + absolute(inner))), keep, stride, i)
            d = value - old
            change, before = change + d * d, before + old * old
            store(w, i, value)
    else:
        for i in range(y.shape[0]):
            old = load(w, i)
            inner = slope * (_residual(y, z, keep, stride, i) - middle)
            value = _kept(0.5 * (1.0 - inner / square_root(1.0 + inner * inner)), keep, stride, i)
            d = value - old
            change, before = change + d * d, before + old * old
            store(w, i, value)
    _store_moved(state, change, before)
