"""New weights from residuals, for lanes of spectra: the rules of the methods of reweighted penalised splines.

The functions replace ``weight`` and write the relative change ``|new - old| / |old|`` of each lane. ``use`` is 0 where
a channel is masked, else 1; residuals are 0 there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .lanes import LANES
from .vectors import absolute, exp, load, splat, square_root, store, where

__all__ = [
    "AIRPLS",
    "ARPLS",
    "ASLS",
    "ASPLS",
    "DRPLS",
    "IARPLS",
    "IASLS",
    "IRSQR",
    "LSRPLS",
    "PSALSA",
    "TINY",
    "reweigh",
]

ASLS, IASLS, AIRPLS, ARPLS, DRPLS, IARPLS, ASPLS, PSALSA, IRSQR, LSRPLS = range(10)
TINY = 2.0**-52
"""What stands for a spread or a norm of zero, as in pybaselines."""

Floats = NDArray[np.float64]

_jit: Any = njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
_LOG_MAX = float(np.log(np.finfo(np.float64).max))
_LARGEST_EXPONENT = _LOG_MAX - float(np.spacing(_LOG_MAX))


@_jit
def _negative_spread(r: Floats, below: Floats, total: Floats) -> Any:
    """Return mean and standard deviation (divisor: number less 1) of the negative residuals of each lane."""
    number = load(below, 0)
    mean = load(total, 0) / number
    squares = splat(0.0)
    for i in range(r.shape[0]):
        value = load(r, i)
        distance = value - mean
        squares = where(value < 0.0, squares + distance * distance, squares)
    spread = square_root(squares / (number - 1.0))
    return mean, where(spread > 0.0, spread, TINY)


@_jit
def _relative(moved: Any, size: Any) -> Any:
    norm = square_root(size)
    return square_root(moved) / where(norm > TINY, norm, TINY)


@_jit
def _two_levels(r: Floats, use: Floats, weight: Floats, p: float) -> Any:
    moved, size = splat(0.0), splat(0.0)
    for i in range(r.shape[0]):
        old = load(weight, i)
        new = where(load(r, i) > 0.0, p, 1 - p) * load(use, i)
        moved = moved + (new - old) * (new - old)
        size = size + old * old
        store(weight, i, new)
    return _relative(moved, size)


@_jit
def _exponential_below(r: Floats, weight: Floats, rounds: Floats, total: Floats) -> None:
    """airPLS: ``exp(round r / sum of negative r)`` for negative residuals, else 0."""
    number = load(rounds, 0)
    rate = where(number < 50.0, number, 50.0) / load(total, 0)
    for i in range(r.shape[0]):
        value = load(r, i)
        inner = rate * value
        inner = where(inner > 0.0, inner, 0.0)
        inner = where(inner < _LARGEST_EXPONENT, inner, _LARGEST_EXPONENT)
        store(weight, i, where(value < 0.0, exp(inner), 0.0))


@_jit
def _logistic(r: Floats, use: Floats, weight: Floats, slope: Any, centre: Any) -> Any:
    moved, size = splat(0.0), splat(0.0)
    for i in range(r.shape[0]):
        old = load(weight, i)
        new = load(use, i) / (exp(slope * (load(r, i) - centre)) + 1.0)
        moved = moved + (new - old) * (new - old)
        size = size + old * old
        store(weight, i, new)
    return _relative(moved, size)


@_jit
def _algebraic(r: Floats, use: Floats, weight: Floats, slope: Any, centre: Any, root: bool) -> Any:
    """``0.5 (1 - t / (1 + |t|))``, or ``0.5 (1 - t / sqrt(1 + t^2))``, of ``t = slope (r - centre)``."""
    moved, size = splat(0.0), splat(0.0)
    for i in range(r.shape[0]):
        old = load(weight, i)
        t = slope * (load(r, i) - centre)
        bottom = square_root(t * t + 1.0) if root else absolute(t) + 1.0
        new = (0.5 - 0.5 * (t / bottom)) * load(use, i)
        moved = moved + (new - old) * (new - old)
        size = size + old * old
        store(weight, i, new)
    return _relative(moved, size)


@_jit
def _decaying_above(r: Floats, use: Floats, weight: Floats, p: float, height: Any) -> Any:
    moved, size = splat(0.0), splat(0.0)
    for i in range(r.shape[0]):
        old, value = load(weight, i), load(r, i)
        new = where(value > 0.0, p * exp((0.0 - value) / height), 1 - p) * load(use, i)
        moved = moved + (new - old) * (new - old)
        size = size + old * old
        store(weight, i, new)
    return _relative(moved, size)


@_jit
def _quantile(r: Floats, use: Floats, weight: Floats, quantile: float, highest: Floats) -> None:
    soft = load(highest, 0) * 1e-6
    soft = soft * soft
    soft = where(soft > TINY, soft, TINY)
    for i in range(r.shape[0]):
        value = load(r, i)
        share = where(value > 0.0, quantile, 1 - quantile)
        store(weight, i, share / square_root(value * value + soft) * load(use, i))


@_jit
def _largest(r: Floats, top: Floats) -> None:
    found = splat(0.0)
    for i in range(r.shape[0]):
        size = absolute(load(r, i))
        found = where(size > found, size, found)
    store(top, 0, found)


@_jit
def _growth(rounds: Floats, ten: bool, out: Floats) -> None:
    """Write e (or ten) to the power of the number of the round, of at most 100."""
    for lane in range(LANES):
        out[0, lane] = 10.0 ** min(rounds[0, lane], 100.0) if ten else np.exp(min(rounds[0, lane], 100.0))


@_jit
def reweigh(
    method: int,
    constant: float,
    own: Floats,
    rounds: Floats,
    r: Floats,
    use: Floats,
    below: Floats,
    total: Floats,
    highest: Floats,
    weight: Floats,
    top: Floats,
    change: Floats,
) -> None:
    """Replace the weights by those of the next round.

    Parameters
    ----------
    method
        One of the constants of this module.
    constant
        The method's own parameter (``p``, ``quantile``, ``asymmetric_coef``), the same for all spectra.
    own
        (1, LANES) a number of each spectrum (``k`` of psalsa).
    rounds
        (1, LANES) number of this round, from 1.
    below, total, highest
        Statistics of :func:`~spectrode.kernels.spline_solve.residual`.
    top
        (1, LANES) output for aspls: the largest absolute residual.
    change
        (1, LANES) output: relative change of the weights. Not for airpls and irsqr, which compare other things.
    """
    if method == AIRPLS:
        _exponential_below(r, weight, rounds, total)
    elif method == IRSQR:
        _quantile(r, use, weight, constant, highest)
    elif method in (ASLS, IASLS):
        store(change, 0, _two_levels(r, use, weight, constant))
    elif method == PSALSA:
        store(change, 0, _decaying_above(r, use, weight, constant, load(own, 0)))
    else:
        mean, spread = _negative_spread(r, below, total)
        if method == ARPLS:
            store(change, 0, _logistic(r, use, weight, 2.0 / spread, 2.0 * spread - mean))
        elif method == ASPLS:
            store(change, 0, _logistic(r, use, weight, constant / spread, spread))
            _largest(r, top)
        else:
            _growth(rounds, method == LSRPLS, change)
            centre = 2.0 * spread if method == IARPLS else 2.0 * spread - mean
            store(change, 0, _algebraic(r, use, weight, load(change, 0) / spread, centre, method == IARPLS))
