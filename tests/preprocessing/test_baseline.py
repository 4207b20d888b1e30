"""Backgrounds: the same numbers as pybaselines, and the truth where it is known."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pybaselines
import pytest
from numpy.typing import NDArray

from spectrode.errors import StepError
from spectrode.pipeline.step import registered_steps
from spectrode.preprocessing import baseline

METHODS = sorted(baseline.__all__)
SHIFT = np.linspace(300, 1900, 800)


def known(n: int = 4, noise: float = 0.002) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return spectra of narrow Lorentzian bands on an exponential background, and that background."""
    rng = np.random.default_rng(1)
    background = 2 * np.exp(-(SHIFT - 300) / 900)[None] * np.linspace(0.8, 1.2, n)[:, None]
    bands = sum(0.8 / (1 + ((SHIFT - p) / 6) ** 2) for p in (450, 690, 940, 1180, 1420, 1660))
    return background + bands + rng.normal(0, noise, (n, SHIFT.size)), background


@pytest.mark.parametrize("method", METHODS)
def test_equal_to_pybaselines(method: str) -> None:
    counts, _ = known()
    out = getattr(baseline, method)(counts, SHIFT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = np.stack([getattr(pybaselines.Baseline(SHIFT), method)(row)[0] for row in counts])
    np.testing.assert_allclose(out.products["background"], theirs, rtol=1e-12)
    np.testing.assert_allclose(out.intensity, counts - theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_names_and_defaults_are_those_of_pybaselines(method: str) -> None:
    theirs = inspect.signature(getattr(pybaselines.Baseline, method)).parameters
    for name, parameter in registered_steps()[f"baseline.{method}"].parameters.items():
        assert parameter.default == theirs[name].default, name


@pytest.mark.parametrize("method", ["asls", "arpls", "airpls"])
def test_equal_on_measured_spectra(method: str, shared_data: Callable[[str], Path]) -> None:
    stored = np.load(shared_data("despike/chondro.npz"))
    counts, shift = stored["spc"][:3].astype(float), stored["wavenumber"]
    out = getattr(baseline, method)(counts, shift, lam=1e5)
    theirs = [getattr(pybaselines.Baseline(shift), method)(row, lam=1e5)[0] for row in counts]
    np.testing.assert_allclose(out.products["background"], theirs, rtol=1e-6)


@pytest.mark.parametrize("method", ["arpls", "airpls", "drpls", "iarpls", "aspls", "asls", "derpsalsa"])
def test_known_background_is_found(method: str) -> None:
    # The mean error stays below 2 % of the height of the bands (0.8); their wings are the floor.
    counts, truth = known()
    found = getattr(baseline, method)(counts, SHIFT, lam=1e5).products["background"]
    assert np.mean(np.abs(found - truth)) / 0.8 < 0.02


@pytest.mark.parametrize("method", ["modpoly", "imodpoly"])
def test_polynomial_background_is_found(method: str) -> None:
    x = (SHIFT - 1100) / 800
    truth = 5 + x - 2 * x**2 + 0.5 * x**3
    counts = truth + 0.8 * np.exp(-(((SHIFT - 900) / 8) ** 2))
    found = getattr(baseline, method)(counts, SHIFT, poly_order=3, max_iter=2000, tol=1e-7).products["background"]
    assert np.mean(np.abs(found - truth)) < 0.01


def test_rubberband_is_the_lower_convex_hull() -> None:
    truth = 3 + ((SHIFT - 1100) / 500) ** 2  # convex, so the hull touches it between the bands
    counts = truth + np.exp(-(((SHIFT - 900) / 8) ** 2))
    found = baseline.rubberband(counts, SHIFT).products["background"]
    hull_error = np.abs(found - truth)
    assert np.all(found <= counts + 1e-9)
    assert hull_error.max() < 0.02


def test_larger_lam_is_smoother() -> None:
    counts, _ = known()
    rough = [np.abs(np.diff(baseline.arpls(counts, SHIFT, lam=lam).products["background"], 2)).sum()
             for lam in (1e3, 1e5, 1e7)]  # fmt: skip
    assert rough[0] > rough[1] > rough[2]


def test_a_constant_spectrum_is_its_own_background() -> None:
    out = baseline.arpls(np.full((2, 50), 7.0), np.arange(50.0))
    assert not out.intensity.any()
    np.testing.assert_array_equal(out.products["background"], 7.0)


def test_what_does_not_settle_is_counted() -> None:
    counts, _ = known(3)
    out = baseline.arpls(counts, SHIFT, max_iter=1, tol=1e-9)
    assert out.notes == ("baseline.arpls did not settle within its rounds for 3 of 3 spectra",)
    assert baseline.arpls(counts, SHIFT).notes == ()


def test_float32_stays() -> None:
    counts, _ = known()
    out = baseline.asls(counts.astype(np.float32), SHIFT)
    assert out.intensity.dtype == out.products["background"].dtype == np.float32


def test_too_few_channels_is_one_sentence() -> None:
    with pytest.raises(StepError, match=r"baseline\.arpls cannot work on spectra of 2 channels"):
        baseline.arpls([[1.0, 2.0]], [1.0, 2.0])
