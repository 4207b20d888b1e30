"""Band shapes of the simulator: pseudo-Voigt bands seen through the point-spread function of a spectrograph.

This is on purpose not the code that renders library entries or fits bands, so that the analysis is never tested
against its own formulas.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FWHM_TO_SIGMA", "blur_pixels", "on_pixels", "pseudo_voigt"]

FWHM_TO_SIGMA = 1.0 / (2.0 * np.sqrt(2.0 * np.log(2.0)))
_SUBSAMPLES = 8
_MARGIN_PX = 16


def pseudo_voigt(
    x: NDArray[np.float64], centre: ArrayLike, fwhm: ArrayLike, lorentzian: ArrayLike = 0.5
) -> NDArray[np.float64]:
    """Return pseudo-Voigt bands of height 1.

    Parameters
    ----------
    x
        (points,) positions, cm-1.
    centre, fwhm
        Scalars or (bands,), cm-1. Larger ``fwhm`` is wider.
    lorentzian
        Share of the Lorentzian, 0 (Gaussian) to 1; larger has longer wings.

    Returns
    -------
    ndarray
        (bands, points).
    """
    c, w, eta = (np.atleast_1d(np.asarray(v, dtype=float))[:, None] for v in (centre, fwhm, lorentzian))
    u = (x[None, :] - c) / (w / 2.0)
    return np.asarray(eta / (1.0 + u**2) + (1.0 - eta) * np.exp(-np.log(2.0) * u**2))


def blur_pixels(values: NDArray[np.float64], fwhm_px: float, subsamples: int) -> NDArray[np.float64]:
    """Convolve (rows, points) with a Gaussian of ``fwhm_px`` pixels, ``subsamples`` points a pixel, unit area."""
    sigma = fwhm_px * FWHM_TO_SIGMA * subsamples
    reach = max(1, int(np.ceil(5 * sigma)))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-12)) ** 2)
    kernel /= kernel.sum()
    return np.array([np.convolve(row, kernel, mode="same") for row in values])


def on_pixels(
    spectrum: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    axis: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    channels: int,
    psf_fwhm_px: float,
) -> NDArray[np.float64]:
    """Return what the detector pixels see of spectra given as functions of the Raman shift.

    Parameters
    ----------
    spectrum
        Maps (points,) shifts in cm-1 to (rows, points) intensities.
    axis
        Maps pixel numbers (fractions allowed) to shifts; pixel ``i`` reaches from ``i - 0.5`` to ``i + 0.5``.
    psf_fwhm_px
        Full width at half maximum of a line without width of its own, pixel box included; larger is blurrier.

    Returns
    -------
    ndarray
        (rows, channels).
    """
    # The mean over the pixel adds a variance of 1/12 px², which is part of the width that is asked for.
    sigma_px = np.sqrt(max((psf_fwhm_px * FWHM_TO_SIGMA) ** 2 - 1.0 / 12.0, 1e-6))
    count = (channels + 2 * _MARGIN_PX) * _SUBSAMPLES
    pixel = (np.arange(count) + 0.5) / _SUBSAMPLES - 0.5 - _MARGIN_PX
    blurred = blur_pixels(np.atleast_2d(spectrum(axis(pixel))), sigma_px / FWHM_TO_SIGMA, _SUBSAMPLES)
    seen = blurred.reshape(blurred.shape[0], -1, _SUBSAMPLES).mean(axis=2)
    return np.asarray(seen[:, _MARGIN_PX:-_MARGIN_PX])
