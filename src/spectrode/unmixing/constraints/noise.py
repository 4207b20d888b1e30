"""Weights of the points of a map: how much less a noisy point counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import StepError

__all__ = ["Scaling", "keenan_kotula", "noise_weights"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scaling:
    """Weights that are a product, w = r²·c²: ``rows`` (n,) r and ``columns`` (m,) c, positive. As fast as none."""

    rows: Array
    columns: Array


def noise_weights(
    intensity: ArrayLike, *, read_noise: float = 0.0, background: ArrayLike = 0.0, rank: int = 1
) -> Array:
    """Return (n, m) weights 1/variance for shot and read noise, variance = expected counts + read noise².

    The expected counts come from a low-rank description of the data, not from each point: a point that is low by
    chance would count too much and pull every estimate down.

    Parameters
    ----------
    intensity
        (n, m) in counts of detected photons; missing values get weight 0.
    read_noise
        Standard deviation of the read noise in counts.
    background
        Counts that were subtracted before (a number, (m,) or (n, m)): their noise is still there.
    rank
        Number of components of the description; larger follows the data more closely.

    Raises
    ------
    StepError
        If the data is not (n, m), or a setting is not allowed.
    """
    D = np.asarray(intensity, dtype=np.float64)
    _check(D, read_noise)
    if isinstance(rank, bool) or not isinstance(rank, (int, np.integer)) or rank < 1:
        raise StepError(f"noise_weights: rank needs a whole number from 1, but {rank!r} was given")
    missing = ~np.isfinite(D)
    filled = np.where(missing, 0.0, D)
    if missing.any():
        filled = np.where(missing, _outer_mean(D), D)
    U, s, Vt = np.linalg.svd(filled, full_matrices=False)
    expected = (U[:, :rank] * s[:rank]) @ Vt[:rank] + np.asarray(background, dtype=np.float64)
    floor = max(float(np.mean(np.maximum(expected, 0.0))) * 0.01, 1e-300)
    variance = np.maximum(expected, floor if read_noise == 0 else 0.0) + read_noise**2
    return np.asarray(np.where(missing, 0.0, 1.0 / variance))


def keenan_kotula(intensity: ArrayLike, *, read_noise: float = 0.0, background: ArrayLike = 0.0) -> Scaling:
    """Return the scaling of rows and columns by 1/√mean that makes Poisson noise nearly even.

    Parameters as in :func:`noise_weights`. The weights are r²c² = M/((row mean)(column mean)) with M the mean of all;
    read noise² is added to the means.

    References
    ----------
    M. R. Keenan, P. G. Kotula, Surf. Interface Anal. 36 (2004) 203.
    """
    D = np.asarray(intensity, dtype=np.float64)
    _check(D, read_noise)
    counts = np.where(np.isfinite(D), np.maximum(D + np.asarray(background, dtype=np.float64), 0.0), np.nan)
    extra = read_noise**2
    rows, columns = np.nanmean(counts, axis=1) + extra, np.nanmean(counts, axis=0) + extra
    mean = float(np.nanmean(counts)) + extra
    floor = max(0.01 * mean, 1e-300)
    return Scaling(np.sqrt(mean / np.maximum(rows, floor)), 1.0 / np.sqrt(np.maximum(columns, floor)))


def _outer_mean(D: Array) -> Array:
    mean = float(np.nanmean(D)) or 1.0
    return np.asarray(np.outer(np.nanmean(D, axis=1), np.nanmean(D, axis=0)) / mean)


def _check(D: Array, read_noise: float) -> None:
    if D.ndim != 2 or not np.isfinite(D).any():
        raise StepError(f"noise weights: need spectra (n, channels) with some finite value, but have shape {D.shape}")
    if not (math.isfinite(read_noise) and read_noise >= 0):
        raise StepError(f"noise weights: read_noise needs a number from 0, but {read_noise!r} was given")
