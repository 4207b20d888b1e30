"""Backgrounds of sixteen smoothnesses at once, and their average by the V-curve.

The sixteen lanes of a vector are sixteen smoothnesses of the same spectrum, so that no spectrum sees another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .vectors import exp, load, splat, store, where

__all__ = ["CUTOFFS", "average_rows"]

CUTOFFS = 16
_SETTLED = 1e-3  # mean change of the weights at which nothing visible happens any more
_LEAST_WEIGHT = 1e-8
_CONDITION = 1e-14  # least weight over lam, below which the factors lose all their digits
_TINY = 1e-300


@njit(cache=True, nogil=True, error_model="numpy")
def _fit(y: Any, precision: Any, lams: Any, weights: Any, d: Any, e: Any, f: Any, fit: Any) -> None:
    """Solve (W + lam D'D) fit = W y for 16 lam; leaves the factors L (1, e, f) and 1/d behind."""
    m = y.shape[0]
    lam = load(lams, 0)
    e1, f1, f2 = splat(0.0), splat(0.0), splat(0.0)
    d1, d2 = splat(0.0), splat(0.0)
    r1, r2 = splat(0.0), splat(0.0)
    for i in range(m):
        inner = min(i, m - 1 - i)
        diagonal = 1.0 if inner == 0 else 5.0 if inner == 1 else 6.0
        beside = -2.0 if i == 0 or i == m - 2 else -4.0
        w = load(weights, i) * precision[i]
        pivot = w + diagonal * lam - e1 * e1 * d1 - f2 * f2 * d2
        inverse = 1.0 / pivot
        right = w * y[i] - e1 * r1 - f2 * r2
        across = splat(0.0)
        if i < m - 1:
            across = (beside * lam - d1 * e1 * f1) * inverse
        further = splat(0.0)
        if i < m - 2:
            further = lam * inverse
        store(d, i, inverse)
        store(e, i, across)
        store(f, i, further)
        store(fit, i, right)
        f2 = f1
        e1, f1 = across, further
        d2, d1 = d1, pivot
        r2, r1 = r1, right
    x1, x2 = splat(0.0), splat(0.0)
    for k in range(m):
        i = m - 1 - k
        x = load(fit, i) * load(d, i) - load(e, i) * x1 - load(f, i) * x2
        store(fit, i, x)
        x2, x1 = x1, x


@njit(cache=True, nogil=True, error_model="numpy")
def _diagonal(d: Any, e: Any, f: Any, out: Any) -> None:
    """Write the diagonal of the inverse from the factors (Takahashi's recursion)."""
    m = out.shape[0]
    s11, s22, s12 = splat(0.0), splat(0.0), splat(0.0)
    for k in range(m):
        i = m - 1 - k
        across, further = load(e, i), load(f, i)
        first = splat(0.0) - across * s11 - further * s12
        second = splat(0.0) - across * s12 - further * s22
        own = load(d, i) - across * first - further * second
        store(out, i, own)
        s22, s12, s11 = s11, first, own


@njit(cache=True, nogil=True, error_model="numpy")
def _reweight(y: Any, precision: Any, least: Any, far: float, weights: Any, fit: Any, work: Any) -> None:
    """Weights = probability of being background: 1 below the fit, falling over a band's threshold above it.

    ``far`` is the density of bands relative to that of the noise at its centre. The sum of the changes is left in row
    0 of ``work``.
    """
    m = y.shape[0]
    change = splat(0.0)
    floor = load(least, 0)
    for i in range(m):
        residual = y[i] - load(fit, i)
        noise = exp(residual * residual * (-0.5 * precision[i]))
        new = where(residual > 0.0, noise * (1.0 + far) / (noise + far), splat(1.0))
        new = where(new > floor, new, floor)
        old = load(weights, i)
        change = change + where(new > old, new - old, old - new)
        store(weights, i, new)
    store(work, 0, change)


@njit(cache=True, nogil=True, error_model="numpy")
def _v_curve(y: Any, precision: Any, weights: Any, fit: Any, work: Any, share: Any, power: float) -> None:
    """Write each smoothness's share: a power of the steps of the V-curve on its two sides."""
    m = y.shape[0]
    misfit, rough = splat(0.0), splat(0.0)
    z1, z2 = load(fit, 0), load(fit, 0)
    for i in range(m):
        z = load(fit, i)
        residual = y[i] - z
        misfit = misfit + load(weights, i) * residual * residual * precision[i]
        if i > 1:
            bend = z - 2.0 * z1 + z2
            rough = rough + bend * bend
        z2, z1 = z1, z
    store(work, 0, misfit)
    store(work, 1, rough)
    steps = np.empty(CUTOFFS + 1)
    for k in range(CUTOFFS - 1):
        down = np.log(max(work[0, k + 1], _TINY)) - np.log(max(work[0, k], _TINY))
        across = np.log(max(work[1, k + 1], _TINY)) - np.log(max(work[1, k], _TINY))
        steps[k + 1] = np.hypot(down, across)
    steps[0], steps[CUTOFFS] = steps[1], steps[CUTOFFS - 1]
    least = np.inf
    for k in range(CUTOFFS):
        share[k] = 0.5 * (steps[k] + steps[k + 1]) + 1e-12
        least = min(least, share[k])
    total = 0.0
    for k in range(CUTOFFS):
        share[k] = (least / share[k]) ** power
        total += share[k]
    for k in range(CUTOFFS):
        share[k] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def average_rows(
    intensity: Any, precision: Any, lams: Any, far: float, power: float, loose: float, rounds: int,
    background: Any, factor: Any, spread: Any, shares: Any,
) -> None:  # fmt: skip
    """Fit all rows with all smoothnesses and write the averages.

    Parameters
    ----------
    intensity, precision
        (n, m) spectra and 1/variance of their noise, each row divided by its mean.
    lams
        (1, 16) smoothnesses, increasing.
    far
        Density of bands over that of the noise at its centre: exp(-t²/2) puts the threshold at t standard deviations.
    power
        How sharply the V-curve selects; larger comes closer to taking the single best.
    loose
        The same for the spread: what is plausible reaches further than what is best.
    rounds
        Most rounds of reweighting.
    background, factor, spread, shares
        (n, m) the average, its variance for noise of variance 1, and the variance between smoothnesses; (n, 16) the
        share of each smoothness.
    """
    n, m = intensity.shape
    weights = np.empty((m, CUTOFFS))
    d, e, f = np.empty((m, CUTOFFS)), np.empty((m, CUTOFFS)), np.empty((m, CUTOFFS))
    fit, work, least = np.empty((m, CUTOFFS)), np.empty((2, CUTOFFS)), np.empty((1, CUTOFFS))
    y, own = np.empty(m), np.empty(m)
    for k in range(CUTOFFS):
        least[0, k] = max(_LEAST_WEIGHT, _CONDITION * lams[0, k])
    for row in range(n):
        scale = 0.0
        for i in range(m):
            scale += precision[row, i] / m
        for i in range(m):
            y[i] = intensity[row, i]
            own[i] = precision[row, i] / scale
        weights[:] = 1.0
        for _ in range(rounds):
            _fit(y, own, lams, weights, d, e, f, fit)
            for i in range(m):
                own[i] *= scale
            _reweight(y, own, least, far, weights, fit, work)
            for i in range(m):
                own[i] /= scale
            if work[0].max() < _SETTLED * m:
                break
        _fit(y, own, lams, weights, d, e, f, fit)
        _v_curve(y, own, weights, fit, work, shares[row], power)
        _averages(d, e, f, fit, shares[row], loose / power, weights, background[row], factor[row], spread[row])
        factor[row] /= scale


@njit(cache=True, nogil=True, error_model="numpy")
def _averages(
    d: Any, e: Any, f: Any, fit: Any, share: Any, exponent: float, work: Any, background: Any, factor: Any, spread: Any
) -> None:
    _diagonal(d, e, f, work)
    plausible = share**exponent
    plausible /= plausible.sum()
    for i in range(background.shape[0]):
        mean, own = 0.0, 0.0
        for k in range(CUTOFFS):
            mean += share[k] * fit[i, k]
            own += share[k] * work[i, k]
        between = 0.0
        for k in range(CUTOFFS):
            between += plausible[k] * (fit[i, k] - mean) ** 2
        background[i], factor[i], spread[i] = mean, own, between
