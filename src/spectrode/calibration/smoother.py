"""A random walk through measured positions, its speed learnt from the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Walk", "random_walk"]

Floats = NDArray[np.float64]
_TAIL = 4.0  # degrees of freedom of Student's t for outliers
_GRID = 31


@dataclass(frozen=True)
class Walk:
    """A smoothed course."""

    mean: Floats
    sigma: Floats
    weight: Floats
    """(measurements,) near 0 for outliers."""


def random_walk(times: Floats, values: Floats, sigma: Floats, wanted: Floats) -> Walk:
    """Smooth values by a random walk with estimated speed.

    The speed is not fixed at its best value: the restricted likelihood over a grid of speeds weighs the results, so
    that the uncertainty contains that of the speed. A common factor on the stated uncertainties is estimated with it,
    but never below 0.7 (fewer than all errors are in the residuals of few measurements).

    Parameters
    ----------
    times
        (k,) not decreasing.
    values, sigma
        (k,) measurements and their standard uncertainties.
    wanted
        (n,) times at which the course is wanted, in any order; held constant beyond the ends, with growing sigma.
    """
    weight = np.ones(values.size)
    gap = np.maximum(np.diff(times), 1e-9 * max(float(np.ptp(times)), 1e-9))
    for _ in range(6):
        posterior = _posterior(gap, values, sigma / np.sqrt(weight))
        mean = np.tensordot(posterior.probability, posterior.means, axes=1)
        residual = (values - mean) / (sigma * np.sqrt(posterior.scale))
        new = np.minimum(1.0, (_TAIL + 1) / (_TAIL + residual**2))
        if np.max(np.abs(new - weight)) < 1e-3:
            break
        weight = new
    return _at(times, posterior, wanted, weight)


@dataclass(frozen=True)
class _Posterior:
    probability: Floats  # (grid,)
    speed: Floats  # (grid,) variance per second
    means: Floats  # (grid, k)
    variances: Floats  # (grid, k): variances
    between: Floats  # (grid, k - 1): covariance of neighbours
    scale: float


def _posterior(gap: Floats, values: Floats, sigma: Floats) -> _Posterior:
    k = values.size
    typical = float(np.median(sigma) ** 2) / float(np.median(gap))
    speeds = typical * np.logspace(-6, 4, _GRID) * min(1.0, 30.0 / k)
    precision = 1 / sigma**2
    links = 1 / (speeds[:, None] * gap)
    mean, variance, between, log_det = _solved(precision, links, values)
    misfit = (values - mean) ** 2 @ precision + np.sum(np.diff(mean, axis=1) ** 2 * links, axis=1)
    scale = np.maximum(misfit / (k - 1), 0.49)
    # Restricted likelihood of a random walk with a diffuse start, common factor concentrated out.
    logs = -0.5 * (-np.sum(np.log(links), axis=1) + log_det + (k - 1) * np.log(scale) + misfit / scale)
    chance = np.exp(logs - logs.max())
    chance /= chance.sum()
    every = scale[:, None]
    return _Posterior(chance, speeds * scale, mean, every * variance, every * between, float(chance @ scale))


def _solved(precision: Floats, links: Floats, values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Solve the chain for all speeds: mean, variances, covariances of neighbours, log determinant.

    Information is passed forwards and backwards (a Kalman smoother in information form): sums of positive terms only,
    so that nothing cancels however slow the walk.
    """
    grid, k = links.shape[0], precision.size
    ahead, back = np.empty((grid, k)), np.empty((grid, k))
    ahead_sum, back_sum = np.empty((grid, k)), np.empty((grid, k))
    ahead[:, 0], back[:, -1] = precision[0], precision[-1]
    ahead_sum[:, 0], back_sum[:, -1] = precision[0] * values[0], precision[-1] * values[-1]
    for i in range(1, k):
        passed = links[:, i - 1] / (links[:, i - 1] + ahead[:, i - 1])
        ahead[:, i] = precision[i] + passed * ahead[:, i - 1]
        ahead_sum[:, i] = precision[i] * values[i] + passed * ahead_sum[:, i - 1]
        j = k - 1 - i
        passed = links[:, j] / (links[:, j] + back[:, j + 1])
        back[:, j] = precision[j] + passed * back[:, j + 1]
        back_sum[:, j] = precision[j] * values[j] + passed * back_sum[:, j + 1]
    variance = 1 / (ahead + back - precision)
    mean = (ahead_sum + back_sum - precision * values) * variance
    pivots = ahead[:, :-1] + links
    between = links / pivots * variance[:, 1:]
    log_det = np.sum(np.log(pivots), axis=1) + np.log(ahead[:, -1])
    return mean, variance, between, log_det


def _at(times: Floats, posterior: _Posterior, wanted: Floats, weight: Floats) -> Walk:
    """Interpolate: between two measurements a random walk is a straight line plus a Brownian bridge."""
    right = np.clip(np.searchsorted(times, wanted), 1, times.size - 1)
    left = right - 1
    span = np.maximum(times[right] - times[left], 1e-300)
    part = np.clip((wanted - times[left]) / span, 0.0, 1.0)
    beyond = np.maximum(np.maximum(times[0] - wanted, wanted - times[-1]), 0.0)
    means = (1 - part) * posterior.means[:, left] + part * posterior.means[:, right]
    variances = (
        (1 - part) ** 2 * posterior.variances[:, left]
        + part**2 * posterior.variances[:, right]
        + 2 * part * (1 - part) * posterior.between[:, left]
        + posterior.speed[:, None] * (part * (1 - part) * span + beyond)
    )
    mean = posterior.probability @ means
    variance = posterior.probability @ (variances + (means - mean) ** 2)
    return Walk(np.asarray(mean), np.sqrt(variance), weight)
