"""Smoothing along the spectrum, never across spectra. Both methods take the channels as evenly spaced."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StepError
from ..pipeline.parameters import Between, Unit
from ..pipeline.step import step

__all__ = ["savgol", "whittaker"]


@step("smooth.savgol", cite="Savitzky1964", any_axis=True)
def savgol(
    intensity: NDArray[Any],
    shift: NDArray[np.float64],
    *,
    window_length: Annotated[int, Between(3, 1001), Unit("channels")] = 7,
    polyorder: Annotated[int, Between(0, 10)] = 2,
) -> NDArray[Any]:
    """Smooth by fitting a polynomial to a moving window.

    Parameters
    ----------
    window_length
        Channels in the window, an odd number; larger is smoother and lowers narrow bands.
    polyorder
        Order of the polynomial, below ``window_length``; larger keeps bands better and smooths less.

    Raises
    ------
    StepError
        If the window is even, longer than the spectrum, or not longer than the order.
    """
    from scipy.signal import savgol_filter

    if window_length % 2 == 0:
        raise StepError(f"smooth.savgol: window_length must be odd, but {window_length} was given")
    if polyorder >= window_length:
        raise StepError(
            f"smooth.savgol: polyorder must be below window_length {window_length}, but {polyorder} was given"
        )
    if window_length > shift.size:
        raise StepError(f"smooth.savgol: window_length is {window_length}, but the spectra have {shift.size} channels")
    return np.asarray(savgol_filter(intensity, window_length, polyorder, axis=1))


@step("smooth.whittaker", cite="Eilers2003", any_axis=True)
def whittaker(
    intensity: NDArray[Any],
    shift: NDArray[np.float64],
    *,
    lam: Annotated[float, Between(0, 1e12)] = 10.0,
    diff_order: Annotated[int, Between(1, 4)] = 2,
) -> NDArray[Any]:
    """Smooth by penalised least squares: (1 + lam D'D) z = y.

    Parameters
    ----------
    lam
        Weight of the roughness; larger is smoother. Zero leaves the spectra as they are.
    diff_order
        Order of the differences D that are penalised; larger keeps the area and position of bands better.

    Raises
    ------
    StepError
        If the spectra have no more channels than ``diff_order``.
    """
    from scipy.linalg import solveh_banded

    channels = shift.size
    if channels <= diff_order:
        raise StepError(f"smooth.whittaker: diff_order {diff_order} needs more than {channels} channels")
    return np.asarray(solveh_banded(_bands(channels, lam, diff_order), intensity.T.astype(np.float64), lower=True)).T


def _bands(channels: int, lam: float, order: int) -> NDArray[np.float64]:
    """Return the lower diagonals of 1 + lam D'D."""
    from scipy.sparse import diags_array, eye_array

    difference = eye_array(channels).tocsr()
    for length in range(channels, channels - order, -1):
        difference = diags_array([-1.0, 1.0], offsets=[0, 1], shape=(length - 1, length)) @ difference
    gram = (difference.T @ difference) * lam
    bands = np.zeros((order + 1, channels))
    for k in range(order + 1):
        bands[k, : channels - k] = gram.diagonal(-k)
    bands[0] += 1
    return bands
