"""A background in three numbers a spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import SpectrodeError

__all__ = ["BackgroundSummary", "summarise"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BackgroundSummary:
    """What backgrounds look like, (n,) each."""

    mean: Floats
    """Mean over the axis, in the unit of the intensities."""
    slope: Floats
    """Slope of the straight line of least squares, in that unit per cm-1."""
    centroid_cm1: Floats
    """Intensity-weighted mean position in cm-1; NaN where the background is not positive on the whole."""
    mean_error: Floats | None = None
    """Standard deviation of ``mean``, taking the background's error as common to all channels (an upper limit)."""


def summarise(background: ArrayLike, shift: ArrayLike, sigma: ArrayLike | None = None) -> BackgroundSummary:
    """Summarise backgrounds.

    Parameters
    ----------
    background
        (n, m) or (m,). A spectrum with a channel that is not finite gives NaN.
    shift
        (m,) strictly increasing or decreasing, cm-1. Channels count by the width of axis that they stand for.
    sigma
        (n, m) standard deviation of the background.

    Raises
    ------
    SpectrodeError
        If the shapes do not fit together or there are fewer than two channels.
    """
    values = np.atleast_2d(np.asarray(background, dtype=np.float64))
    axis = np.asarray(shift, dtype=np.float64)
    if axis.ndim != 1 or axis.size < 2 or values.shape[1:] != axis.shape:
        raise SpectrodeError(
            f"a background needs one value for each of at least 2 channels, but there are {values.shape} for "
            f"{axis.shape} channels"
        )
    width = np.abs(np.gradient(axis))
    width[[0, -1]] /= 2
    share = width / width.sum()
    mean = values @ share
    away = axis - axis @ share
    slope = values @ (share * away) / (share @ away**2)
    moment = (values * away) @ share
    with np.errstate(divide="ignore", invalid="ignore"):
        centroid = np.where(mean > 0, axis @ share + moment / mean, np.nan)
    error = None
    if sigma is not None:
        error = np.atleast_2d(np.asarray(sigma, dtype=np.float64)) @ share
    return BackgroundSummary(mean, slope, centroid, error)
