"""Polynomials by clipping: the numbers and the rounds of pybaselines."""

from __future__ import annotations

import itertools

import numpy as np
import pybaselines
import pytest
from test_windows import spectra

from spectrode.kernels import polynomial


@pytest.mark.parametrize("method", ["modpoly", "imodpoly"])
@pytest.mark.parametrize("poly_order", [0, 1, 2, 5, 9])
def test_numbers_and_rounds_are_those_of_pybaselines(method: str, poly_order: int) -> None:
    for channels in (30, 200, 511):
        y = spectra(channels, 8, 1100 + channels)
        x = np.cumsum(np.random.default_rng(1101).uniform(0.2, 1.8, channels)) - 300
        fitter = pybaselines.Baseline(x)
        for use_original, mask_initial_peaks, tol in itertools.product((False, True), (False, True), (1e-3, 1e-5)):
            options = {
                "poly_order": poly_order,
                "use_original": use_original,
                "mask_initial_peaks": mask_initial_peaks,
                "tol": tol,
                "max_iter": 60,
            }
            if method == "imodpoly":
                options["num_std"] = 0.7
            fits = getattr(polynomial, method)(y, x, **options)
            for row in range(8):
                theirs, details = getattr(fitter, method)(y[row], **options)
                if details["weights"].sum() <= poly_order + 2:
                    continue  # as many coefficients as channels: rounding errors decide when the rounds end
                np.testing.assert_allclose(fits.background[row], theirs, rtol=1e-8, atol=1e-8 * np.abs(theirs).max())
                assert fits.iterations[row] == len(details["tol_history"])
                np.testing.assert_allclose(fits.change[row], details["tol_history"][-1], rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("method", ["modpoly", "imodpoly"])
def test_masked_channels_are_left_out(method: str) -> None:
    y = spectra(200, 5, 1110)
    x = np.linspace(200, 1800, 200)
    mask = np.random.default_rng(1111).random(y.shape) < 0.15
    mask[0] = False
    options = {"poly_order": 3, "use_original": False, "mask_initial_peaks": True, "tol": 1e-4, "max_iter": 100}
    if method == "imodpoly":
        options["num_std"] = 1.0
    fits = getattr(polynomial, method)(np.where(mask, 1e5, y), x, mask, **options)
    for row in range(5):
        good = ~mask[row]
        theirs, details = getattr(pybaselines.Baseline(x[good]), method)(y[row, good], **options)
        np.testing.assert_allclose(fits.background[row, good], theirs, rtol=1e-8, atol=1e-6)
        assert fits.iterations[row] == len(details["tol_history"])
        through = np.polynomial.Polynomial.fit(x[good], theirs, 3)(x)
        np.testing.assert_allclose(fits.background[row], through, rtol=1e-6, atol=1e-4)


def test_fewer_channels_than_coefficients_follow_the_spectrum() -> None:
    y = spectra(4, 6, 1120)
    options = {"poly_order": 8, "use_original": False, "mask_initial_peaks": False, "tol": 1e-3, "max_iter": 20}
    np.testing.assert_allclose(polynomial.modpoly(y, np.arange(4.0), **options).background, y, rtol=1e-10)
    masked = np.array([[False, True, True, False]] * 6)
    fits = polynomial.modpoly(y, np.arange(4.0), masked, **options)
    np.testing.assert_allclose(fits.background[:, [0, 3]], y[:, [0, 3]], rtol=1e-8)
