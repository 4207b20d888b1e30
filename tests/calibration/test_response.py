"""Intensity response: a known response is put on a known light and must come back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spectrode import read
from spectrode.calibration import (
    Calibration,
    applied,
    lamp_response,
    luminescence_standard,
    make_intensity_calibration,
    srm_response,
)
from spectrode.errors import SpectrodeError

X = np.linspace(210, 3300, 1400)
TRUE = np.exp(-(((X - 1500) / 1500) ** 2)) * (1 + 0.1 * np.sin(X / 300))


def test_the_true_response_comes_back_and_its_uncertainty_is_honest() -> None:
    standard = luminescence_standard("2241")
    errors, inside = [], []
    for seed in range(1000, 1010):
        counts = np.random.default_rng(seed).poisson(4000 * TRUE * standard(X)).astype(float)
        part = srm_response(X, counts, standard, laser_nm=785.2)
        factor, sigma = part.at(X[20:-20])
        ratio = factor * TRUE[20:-20]
        ratio /= np.median(ratio)
        errors.append(np.std(ratio))
        inside.append(np.mean(np.abs(ratio - 1) < 1.96 * sigma))
    assert np.mean(errors) < 0.02
    assert 0.85 < np.mean(inside) <= 1


def test_black_body_and_table_agree() -> None:
    wavenumber = 1e7 / 785 - X
    # Planck per wavelength, from energy to photons and to wavenumbers by hand: another route to the same numbers.
    metres = 1 / (wavenumber * 100)
    per_wavelength = metres**-5 / np.expm1(0.01438776877 / (metres * 3000.0))
    photons = per_wavelength * metres * metres**2
    body = lamp_response(X, 1e4 * TRUE * photons / photons.max(), laser_nm=785.0, temperature_k=3000.0)
    table = (1e7 / wavenumber, photons)
    listed = lamp_response(X, 1e4 * TRUE * photons / photons.max(), laser_nm=785.0, table=table)
    np.testing.assert_allclose(body.factor, listed.factor, rtol=2e-3)
    ratio = body.at(X)[0] * TRUE
    np.testing.assert_allclose(ratio / np.median(ratio), 1, atol=5e-3)


def test_intensities_and_variances_are_scaled() -> None:
    standard = luminescence_standard("2241")
    part = srm_response(X, 1e5 * TRUE * standard(X), standard, laser_nm=785.0)
    calibration = Calibration(created="2026-01-01T00:00:00+00:00", intensity=part)
    y, x, spread, _ = applied(calibration, TRUE[None], X, laser_nm=785.0, variance=np.ones((1, X.size)))
    np.testing.assert_array_equal(x, X)
    np.testing.assert_allclose(y / np.median(y), 1, atol=5e-3)
    np.testing.assert_allclose(spread[0], (y[0] / TRUE) ** 2)
    with pytest.raises(SpectrodeError, match="intensity response holds only from"):
        applied(calibration, np.ones((1, X.size)), X + 50, laser_nm=785.0)


def test_refusals() -> None:
    standard = luminescence_standard("2242a")
    with pytest.raises(SpectrodeError, match=r"certified for a laser of 532 nm.*with 785 nm"):
        srm_response(X, TRUE, standard, laser_nm=785.0)
    with pytest.raises(SpectrodeError, match="not positive anywhere"):
        srm_response(X, -TRUE, standard, laser_nm=532.0)
    with pytest.raises(SpectrodeError, match="at least 20"):
        srm_response(X + 5000, TRUE, standard, laser_nm=532.0)
    with pytest.raises(SpectrodeError, match="either the temperature"):
        lamp_response(X, TRUE, laser_nm=785.0)
    with pytest.raises(SpectrodeError, match="between 300 and 10 000 K"):
        lamp_response(X, TRUE, laser_nm=785.0, temperature_k=20.0)


def test_a_measured_standard(shared_data: Callable[[str], Path]) -> None:
    file = shared_data("calibration_round_robin/ICV_BW532/NISTSRM2242aC_BW532_100x_800msx10.txt")
    part = make_intensity_calibration(read(file), srm="2242a").intensity
    assert part.shift_cm1[0] < 160
    assert part.shift_cm1[-1] > 3900
    assert max(part.sigma) < 0.05
