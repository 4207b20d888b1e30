"""Backgrounds: the same numbers as pybaselines, and the truth where it is known."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pybaselines
import pytest
from numpy.typing import NDArray

from spectrode.errors import StepError
from spectrode.pipeline.step import registered_steps
from spectrode.preprocessing import baseline

METHODS = sorted(baseline.__all__)
# Here a change of the data in the last digit moves pybaselines' own result by more than 1e-8; compared in
# test_baseline_spline.py, where it is stable. loess takes seconds; compared in test_baseline_all_methods.py.
UNSTABLE = ("aspls", "pspline_aspls", "irsqr", "loess")
SHIFT = np.linspace(300, 1900, 800)


def known(n: int = 4, noise: float = 0.002) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return spectra of narrow Lorentzian bands on an exponential background, and that background."""
    rng = np.random.default_rng(1)
    background = 2 * np.exp(-(SHIFT - 300) / 900)[None] * np.linspace(0.8, 1.2, n)[:, None]
    bands = sum(0.8 / (1 + ((SHIFT - p) / 6) ** 2) for p in (450, 690, 940, 1180, 1420, 1660))
    return background + bands + rng.normal(0, noise, (n, SHIFT.size)), background


@pytest.mark.parametrize("method", [m for m in METHODS if m not in UNSTABLE])
def test_equal_to_pybaselines(method: str) -> None:
    counts, _ = known()
    out = getattr(baseline, method)(counts, SHIFT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = np.stack([getattr(pybaselines.Baseline(SHIFT), method)(row)[0] for row in counts])
    atol = (1e-6 if method == "iasls" else 1e-8) * np.ptp(theirs, axis=1).max()
    np.testing.assert_allclose(out.products["background"], theirs, rtol=0, atol=atol)
    np.testing.assert_allclose(out.intensity, counts - theirs, rtol=0, atol=atol)


def solved_in_extended_precision(counts: NDArray[np.float64], lam: float, p: float, rounds: int) -> NDArray[Any]:
    """Return the asls background after so many rounds, by elimination in the longest floats of the machine."""
    wide = np.longdouble
    n = counts.size
    bend = np.diff(np.eye(n), 2, axis=0).astype(wide)
    penalty, y, weights = wide(lam) * (bend.T @ bend), counts.astype(wide), np.ones(n, wide)
    for _ in range(rounds):
        matrix, right = np.diag(weights) + penalty, weights * y
        for i in range(n - 1):
            below = slice(i + 1, i + 3)
            factor = matrix[below, i] / matrix[i, i]
            matrix[below, i : i + 3] -= factor[:, None] * matrix[i, i : i + 3]
            right[below] -= factor * right[i]
        background = np.zeros(n, wide)
        for i in range(n - 1, -1, -1):
            ahead = slice(i + 1, i + 3)
            background[i] = (right[i] - matrix[i, ahead] @ background[ahead]) / matrix[i, i]
        weights = np.where(y > background, wide(p), 1 - wide(p))
    return background


def test_what_differs_from_pybaselines_is_rounding_that_both_have() -> None:
    # A weight of 0.01 beside 6e6 on the diagonal loses digits in double precision, whoever solves.
    counts = known()[0][0]
    theirs, details = pybaselines.Baseline(SHIFT).asls(counts)
    exact = solved_in_extended_precision(counts, 1e6, 1e-2, len(details["tol_history"]))
    ours = baseline.asls(counts, SHIFT).products["background"]
    their_error = np.abs(theirs - exact).max()
    assert their_error / np.ptp(theirs) > 1e-9
    assert np.abs(ours - exact).max() < 2 * their_error


@pytest.mark.parametrize("method", METHODS)
def test_names_and_defaults_are_those_of_pybaselines(method: str) -> None:
    theirs = inspect.signature(getattr(pybaselines.Baseline, method)).parameters
    for name, parameter in registered_steps()[f"baseline.{method}"].parameters.items():
        if name != "cutoff_cm1":  # ours: the smoothness in a unit that survives resampling
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
