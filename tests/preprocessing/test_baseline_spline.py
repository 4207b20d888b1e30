"""Backgrounds by penalised splines as steps: what is given back, masks, the smoothness by period, and refusals."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pybaselines import Baseline

from spectrode.errors import StepError
from spectrode.pipeline.step import registered_steps
from spectrode.preprocessing.baseline import spline

METHODS = sorted(name for name in spline.__all__ if name != "spline_lam_from_cutoff")
SHIFT = np.linspace(300, 1900, 500)


def known(n: int = 3, seed: int = 1000) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return spectra of Lorentzian bands on an exponential background, and that background."""
    rng = np.random.default_rng(seed)
    background = 2 * np.exp(-(SHIFT - 300) / 900)[None] * np.linspace(0.8, 1.2, n)[:, None]
    bands = sum(0.8 / (1 + ((SHIFT - p) / 6) ** 2) for p in (450, 690, 940, 1180, 1420, 1660))
    return background + bands + rng.normal(0, 0.002, (n, SHIFT.size)), background


@pytest.mark.parametrize("method", METHODS)
def test_equal_to_pybaselines_with_its_defaults(method: str) -> None:
    counts, _ = known()
    # With more rounds aspls wanders on these spectra, and follows differences in the last digit.
    more = {"max_iter": 8} if method == "pspline_aspls" else {}
    out = registered_steps()[f"baseline.{method}"].call(counts, SHIFT, **more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = np.stack([getattr(Baseline(SHIFT), method)(row, **more)[0] for row in counts])
    limit = 1e-8 * np.ptp(theirs, axis=1).min()
    np.testing.assert_allclose(out.products["background"], theirs, rtol=0, atol=limit)
    np.testing.assert_allclose(out.intensity, counts - theirs, rtol=0, atol=limit)


@pytest.mark.parametrize("method", METHODS)
def test_float32_and_constant_spectra(method: str) -> None:
    counts = known()[0].astype(np.float32)
    counts[1] = 7.0
    out = getattr(spline, method)(counts, SHIFT)
    alone = getattr(spline, method)(counts[2].astype(float), SHIFT)
    assert out.intensity.dtype == out.products["background"].dtype == np.float32
    assert not out.intensity[1].any()
    np.testing.assert_array_equal(out.products["background"][1], 7)
    np.testing.assert_array_equal(out.products["background"][2], alone.products["background"].astype(np.float32))


@pytest.mark.parametrize("method", [m for m in METHODS if m != "pspline_iasls"])
def test_masked_channels_have_no_influence(method: str) -> None:
    # The mask makes the step see interpolated numbers there; other such numbers must give the same background.
    counts, _ = known()
    mask = np.zeros(counts.shape, bool)
    mask[:, 195:206] = True
    spoiled = np.where(mask, -5.0, counts)
    step = registered_steps()[f"baseline.{method}"]
    expected = step.call(counts, SHIFT, mask=mask).products["background"]
    np.testing.assert_array_equal(step.call(spoiled, SHIFT, mask=mask).products["background"], expected)
    straight = step.function(np.where(mask, 3.0, counts), SHIFT, mask=mask, **_defaults(step))
    np.testing.assert_allclose(straight.products["background"], expected, rtol=1e-10)
    unmasked = step.call(spoiled, SHIFT).products["background"]
    assert np.abs(unmasked - expected).max() > 1e-6


def _defaults(step: Any) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in step.parameters.items()}


def test_a_masked_hole_is_bridged() -> None:
    counts, truth = known()
    hidden = np.abs(SHIFT - 1050) < 60
    counts[:, hidden] -= 3  # a hole, such as a burnt filter leaves
    mask = np.broadcast_to(hidden, counts.shape)
    found = spline.pspline_arpls(counts, SHIFT, mask=mask).products["background"]
    blind = spline.pspline_arpls(counts, SHIFT).products["background"]
    assert np.abs(found - truth)[:, hidden].max() < 0.1
    assert np.abs(blind - truth)[:, hidden].max() > 1


@pytest.mark.parametrize("diff_order", [1, 2, 3])
@pytest.mark.parametrize("num_knots", [60, 100])
@pytest.mark.parametrize("period", [300.0, 600.0])
def test_a_ripple_of_the_cutoff_is_halved(period: float, num_knots: int, diff_order: int) -> None:
    shift = np.linspace(0, 3000, 2001)
    ripple = np.sin(2 * np.pi * shift / period)
    step = registered_steps()["baseline.pspline_asls"]
    # Past the guard, for the first solution only, in which all weights are 1.
    given = {"cutoff_cm1": period, "num_knots": num_knots, "diff_order": diff_order, "max_iter": 0}
    fit = step.function(ripple[None], shift, **(_defaults(step) | given)).products["background"][0]
    inner = slice(600, 1400)
    gain = np.dot(fit[inner], ripple[inner]) / np.dot(ripple[inner], ripple[inner])
    assert gain == pytest.approx(0.5, abs=0.08)


def test_cutoff_replaces_lam_whatever_the_channels_and_knots() -> None:
    results = []
    for channels, num_knots in ((800, 60), (1600, 60), (800, 120)):
        shift = np.linspace(300, 1900, channels)
        counts = 2 * np.exp(-(shift - 300) / 900) + 0.8 / (1 + ((shift - 1000) / 6) ** 2)
        found = spline.pspline_asls(counts, shift, cutoff_cm1=600.0, num_knots=num_knots).products["background"]
        results.append(np.interp(SHIFT, shift, found))
    assert np.abs(results[1] - results[0]).max() < 0.02
    assert np.abs(results[2] - results[0]).max() < 0.02
    smoother = spline.pspline_asls(known()[0], SHIFT, cutoff_cm1=2000.0).products["background"]
    rougher = spline.pspline_asls(known()[0], SHIFT, cutoff_cm1=200.0).products["background"]
    assert np.abs(np.diff(smoother, 2)).sum() < np.abs(np.diff(rougher, 2)).sum()


def test_a_cutoff_finer_than_the_knots_is_refused() -> None:
    with pytest.raises(StepError, match=r"cutoff_cm1 is 20, but 100 knots stand 16\.16 cm-1 apart"):
        spline.pspline_arpls(known()[0], SHIFT, cutoff_cm1=20.0)


def test_what_does_not_settle_is_counted() -> None:
    out = spline.pspline_arpls(known()[0], SHIFT, max_iter=1, tol=1e-9)
    assert out.notes == ("baseline.pspline_arpls did not settle within its rounds for 3 of 3 spectra",)
    assert spline.pspline_arpls(known()[0], SHIFT).notes == ()


def test_too_few_channels_in_use_become_nan_and_are_counted() -> None:
    counts, _ = known()
    mask = np.zeros(counts.shape, bool)
    mask[1, 2:] = True
    out = spline.pspline_asls(counts, SHIFT, mask=mask, diff_order=3)
    assert np.isnan(out.products["background"][1]).all()
    assert np.isfinite(out.products["background"][[0, 2]]).all()
    assert any("found no background for 1 of 3 spectra" in note for note in out.notes)


@pytest.mark.parametrize("method", ["pspline_arpls", "pspline_drpls", "pspline_iasls"])
def test_differences_of_more_coefficients_than_there_are(method: str) -> None:
    with pytest.raises(StepError, match=r"order 6 of the 4 coefficients that 4 knots and degree 1 give"):
        getattr(spline, method)(known()[0], SHIFT, num_knots=4, spline_degree=1, diff_order=6)


def test_two_channels_are_too_few_for_third_differences() -> None:
    with pytest.raises(StepError, match=r"baseline\.irsqr with diff_order 3 cannot work on spectra of 2 channels"):
        spline.irsqr([[1.0, 2.0]], [1.0, 2.0])


def test_the_module_is_imported_without_the_compiler() -> None:
    code = "import sys, spectrode.preprocessing.baseline.spline; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
