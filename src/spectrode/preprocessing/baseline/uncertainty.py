"""How well a background is known: the noise, the unknown smoothness, and the unknown tails of the bands."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["THRESHOLD", "background_probability", "background_variance", "noise_variance", "offset_of_weights"]

Floats = NDArray[np.float64]

THRESHOLD = 1.0
"""Standard deviations above the background at which a band is as likely as background."""

_PRIOR_VARIANCE = 1 / 12  # of a share that may be anything from 0 to 1
# Relative error of a tail that was extrapolated from the body of its band, found by the coverage on simulated spectra:
# bands that overlap give each other's tails away as width.
_SHAPE_ERROR = 0.8
_LEAST_NOISE = 1e-6  # of the range of the spectrum


def noise_variance(intensity: NDArray[Any], variance: NDArray[Any] | None = None) -> Floats:
    """Return the variance of the noise.

    Parameters
    ----------
    intensity
        (n, m) spectra.
    variance
        (n, m) known variance; where it is missing, not finite or not positive, the noise is estimated for the whole
        spectrum from third differences, of which bands wider than a few channels leave nothing.

    Returns
    -------
    ndarray
        (n, m), above zero wherever the spectrum is not constant.
    """
    values = np.asarray(intensity, dtype=np.float64)
    n, m = values.shape
    floor = _LEAST_NOISE * np.ptp(values, axis=1)
    sigma = np.zeros(n)
    if m > 3:
        # 0.6745: median of |x| for a standard normal; 20 = 1 + 9 + 9 + 1, the variance of a third difference.
        sigma = np.median(np.abs(np.diff(values, 3, axis=1)), axis=1) / (0.6745 * np.sqrt(20))
    least = np.maximum(floor, np.finfo(np.float64).tiny ** 0.25)[:, None] ** 2
    estimate = np.broadcast_to(np.maximum(sigma[:, None] ** 2, least), (n, m))
    if variance is None:
        return np.array(estimate)
    known = np.asarray(variance, dtype=np.float64)
    good = np.isfinite(known) & (known > 0)
    return np.where(good, np.maximum(np.where(good, known, 1.0), least), estimate)


def background_probability(residual: Floats, noise: Floats, threshold: float = THRESHOLD) -> Floats:
    """Return how likely each channel is to be background: 1 below it, one half of that at the threshold above it.

    Parameters
    ----------
    residual, noise
        (n, m) intensity less background, and variance of the noise.
    threshold
        Standard deviations above the background at which a band is as likely as background.
    """
    far = np.exp(-0.5 * threshold**2)
    density = np.exp(-0.5 * residual**2 / noise)
    return np.asarray(np.where(residual > 0, density * (1 + far) / (density + far), 1.0))


@cache
def offset_of_weights(threshold: float) -> float:
    """Return where the weights settle on noise alone, in standard deviations (below zero).

    What is above the background counts less than what is below, so noise by itself draws the fit down by a constant
    that depends on nothing but the threshold. It is found as the root of the mean of weight × residual.
    """
    from scipy.optimize import brentq

    x = np.linspace(-9, 9, 4001)
    density = np.exp(-0.5 * x * x)

    def pull(level: float) -> float:
        residual = x - level
        return float(np.sum(density * background_probability(residual, np.ones_like(x), threshold) * residual))

    return float(brentq(pull, -3, 1))


def background_variance(factor: Floats, spread: Floats, share_error: Floats, share: Floats, reach: Floats) -> Floats:
    """Return the variance of an averaged background.

    Parameters
    ----------
    factor
        (n, m) diagonal of the posterior covariance for the noise at hand (after Wahba: it covers the curve as a whole,
        its bias included, where the smoothness suits the background).
    spread
        (n, m) variance between the smoothnesses averaged.
    share_error, share
        (n,) standard deviation of the share of tails, and the share.
    reach
        (n, m) how the background changes with that share.

    Returns
    -------
    ndarray
        (n, m)
    """
    of_share = np.minimum(share_error**2, _PRIOR_VARIANCE) + (_SHAPE_ERROR * share) ** 2
    return factor + spread + of_share[:, None] * reach**2
