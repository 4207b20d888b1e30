"""The automatic smoothness against known backgrounds, with seeds that were not looked at while it was made."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from builders.backgrounds import design, second_design
from spectrode.errors import StepError
from spectrode.preprocessing.baseline import auto
from spectrode.preprocessing.baseline.automatic import lam_of_cutoff


def _error(found: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    return float(np.abs(found - true).mean())


def _arpls_errors(known: object, cutoffs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (spectra, cut-offs) errors of pybaselines' arpls."""
    from pybaselines import Baseline

    fitter = Baseline(known.shift)  # type: ignore[attr-defined]
    spacing = float(np.diff(known.shift).mean())  # type: ignore[attr-defined]
    with np.errstate(over="ignore"):
        return np.array(
            [
                [_error(fitter.arpls(y, lam=float(lam_of_cutoff(c, spacing)))[0], b) for c in cutoffs]
                for y, b in zip(known.intensity, known.background, strict=True)  # type: ignore[attr-defined]
            ]
        )


@pytest.mark.filterwarnings("ignore::pybaselines.utils.ParameterWarning", "ignore::RuntimeWarning")
def test_it_beats_the_best_single_smoothness_and_comes_near_the_best_for_each() -> None:
    known = design(1000, repeats=2)
    found = auto(known.intensity, known.shift).products["background"]
    arpls = _arpls_errors(known, np.geomspace(100, 1600, 9))
    ours = _error(found, known.background)
    assert ours <= 0.040
    assert ours <= arpls.mean(axis=0).min()
    assert ours <= 1.3 * arpls.min(axis=1).mean()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pybaselines.utils.ParameterWarning", "ignore::RuntimeWarning")
def test_the_same_on_the_whole_design() -> None:
    for seed in (1001, 1002):
        known = design(seed)
        found = auto(known.intensity, known.shift).products["background"]
        arpls = _arpls_errors(known, np.geomspace(100, 1600, 9))
        ours = _error(found, known.background)
        assert ours <= 0.040
        assert ours <= arpls.mean(axis=0).min()
        assert ours <= 1.3 * arpls.min(axis=1).mean()


@pytest.mark.filterwarnings("ignore::pybaselines.utils.ParameterWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("channels", [512, 2048])
def test_other_bands_channels_noise_and_heavy_fluorescence(channels: int) -> None:
    known = second_design(1003, channels=channels, repeats=24)
    found = auto(known.intensity, known.shift).products["background"]
    arpls = _arpls_errors(known, np.geomspace(100, 3000, 8))
    assert _error(found, known.background) <= arpls.mean(axis=0).min()
    assert _error(found, known.background) <= 1.3 * arpls.min(axis=1).mean()


def test_the_cut_off_survives_resampling() -> None:
    coarse, fine = design(1004, channels=600, repeats=2), design(1004, channels=600, repeats=2)
    shift = np.linspace(300, 1900, 1800)
    # The same clean curves on three times the channels, with fresh noise of the same size.
    clean = np.array([np.interp(shift, fine.shift, y) for y in fine.background + fine.bands])
    noisy = clean + 0.01 * np.random.default_rng(1004).standard_normal(clean.shape)
    a = auto(coarse.intensity, coarse.shift)
    b = auto(noisy, shift)
    ratio = b.products["cutoff_cm1"] / a.products["cutoff_cm1"]
    assert 0.7 < np.median(ratio) < 1.4
    same = np.array([np.interp(coarse.shift, shift, row) for row in b.products["background"]])
    assert np.median(np.abs(same - a.products["background"]).mean(axis=1)) < 0.015


def test_gaussian_bands_are_found_to_have_hardly_any_lorentzian_tails() -> None:
    rng = np.random.default_rng(1005)
    shift = np.linspace(300, 1900, 800)
    away = (shift - np.array([600.0, 1000.0, 1400.0])[:, None]) / 10
    background = 1 + 0.5 * np.sin(shift / 700)
    shapes = {"gauss": np.exp(-np.log(2) * away**2).sum(axis=0), "lorentz": (1 / (1 + away**2)).sum(axis=0)}
    share = {}
    for name, bands in shapes.items():
        noisy = background + bands + 0.01 * rng.standard_normal((8, shift.size))
        share[name] = float(auto(noisy, shift).products["tail_share"].mean())
    assert share["gauss"] < 0.35
    assert 0.6 < share["lorentz"] <= 1.0


def test_noise_alone_does_not_pull_the_background_down() -> None:
    rng = np.random.default_rng(1006)
    noisy = 5 + rng.standard_normal((40, 700))
    mean = auto(noisy, np.linspace(200, 1900, 700)).products["background"].mean()
    assert abs(mean - 5) < 0.05  # the weights alone would put it 0.19 below


def test_a_scale_and_an_offset_go_through() -> None:
    known = design(1007, repeats=1)
    plain = auto(known.intensity, known.shift).products["background"]
    changed = auto(700 * known.intensity - 90, known.shift).products["background"]
    np.testing.assert_allclose(changed, 700 * plain - 90, rtol=1e-5, atol=1e-3)


def test_a_known_variance_is_used_and_comes_out_larger() -> None:
    known = design(1008, repeats=1)
    variance = np.full(known.intensity.shape, 0.02**2)
    out = auto(known.intensity, known.shift, variance=variance)
    assert np.all(out.products["variance"] >= variance)
    np.testing.assert_allclose(out.products["variance"], variance + out.products["background_sigma"] ** 2)


def test_limits_that_contradict_and_too_few_channels_are_refused() -> None:
    with pytest.raises(StepError, match="longest_cm1 must be above"):
        auto(np.ones((1, 50)), np.arange(50.0), shortest_cm1=100, longest_cm1=50)
    with pytest.raises(StepError, match="at least 8 channels"):
        auto(np.ones((1, 5)), np.arange(5.0))


def test_kernels_solve_the_equations() -> None:
    from spectrode.kernels.smoothness import CUTOFFS, _diagonal, _fit
    from spectrode.kernels.tails import _factors, _substitute

    rng = np.random.default_rng(1009)
    m = 60
    y, w = rng.normal(size=m), rng.uniform(0.01, 1, m)
    lams = np.geomspace(1, 1e6, CUTOFFS)[None]
    d, e, f, fit, diagonal = (np.empty((m, CUTOFFS)) for _ in range(5))
    _fit(y, w, lams, np.ones((m, CUTOFFS)), d, e, f, fit)
    _diagonal(d, e, f, diagonal)
    second = np.diff(np.eye(m), 2, axis=0)
    for k in range(CUTOFFS):
        matrix = np.diag(w) + lams[0, k] * second.T @ second
        np.testing.assert_allclose(fit[:, k], np.linalg.solve(matrix, w * y), rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(diagonal[:, k], np.diag(np.linalg.inv(matrix)), rtol=1e-6)
    matrix = np.diag(w) + 50.0 * second.T @ second
    bands = np.array([np.pad(np.diag(matrix, -k), (0, k)) for k in range(3)])
    one, across, further, out = np.empty(m), np.empty(m), np.zeros(m), np.empty(m)
    _factors(w, 50.0, one, across, further)
    _substitute(w, y, one, across, further, out)
    np.testing.assert_allclose(out, solveh_banded(bands, w * y, lower=True), rtol=1e-9)
