"""modpoly and imodpoly as steps: the numbers of pybaselines, masks, and the truth of a simulated background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pybaselines
import pytest
from numpy.typing import NDArray

from spectrode.preprocessing import baseline

SHIFT = np.cumsum(np.random.default_rng(1500).uniform(1, 3, 260)) + 300
CASES: list[dict[str, Any]] = [
    {},
    {"poly_order": 5, "tol": 1e-5, "max_iter": 80},
    {"poly_order": 3, "use_original": True},
    {"poly_order": 4, "mask_initial_peaks": True},
    {"poly_order": 1, "mask_initial_peaks": False, "use_original": True},
]


def spectra(n: int = 60) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return narrow bands and noise on a sum of exponentials, and that sum."""
    rng = np.random.default_rng(1501)
    x = (SHIFT - SHIFT[0]) / np.ptp(SHIFT)
    truth = rng.uniform(100, 900, (n, 1)) * np.exp(-x) + rng.uniform(0, 300, (n, 1)) * np.exp(x)
    y = truth + rng.normal(0, 2, truth.shape)
    for _ in range(4):
        y += rng.uniform(50, 900, (n, 1)) * np.exp(-(((x - rng.uniform(0.1, 0.9, (n, 1))) / 0.008) ** 2))
    return y, truth


@pytest.mark.parametrize("options", CASES)
@pytest.mark.parametrize("method", ["modpoly", "imodpoly"])
def test_numbers_are_those_of_pybaselines(method: str, options: dict[str, Any]) -> None:
    y, _ = spectra()
    out = getattr(baseline, method)(y, SHIFT, **options)
    fitter = pybaselines.Baseline(SHIFT)
    theirs = np.stack([getattr(fitter, method)(row, **options)[0] for row in y])
    np.testing.assert_allclose(out.products["background"], theirs, rtol=1e-8)
    single = y.astype(np.float32)
    found = getattr(baseline, method)(single, SHIFT, **options).products["background"]
    theirs = np.stack([getattr(fitter, method)(row.astype(np.float64), **options)[0] for row in single])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, theirs, rtol=2e-7)


@pytest.mark.parametrize("method", ["modpoly", "imodpoly"])
def test_numbers_are_those_of_pybaselines_on_measured_spectra(method: str, shared_data: Callable[[str], Path]) -> None:
    stored = np.load(shared_data("despike/chondro.npz"))
    counts, shift = stored["spc"][:60].astype(float), stored["wavenumber"]
    out = getattr(baseline, method)(counts, shift, poly_order=5)
    theirs = [getattr(pybaselines.Baseline(shift), method)(row, poly_order=5)[0] for row in counts]
    np.testing.assert_allclose(out.products["background"], theirs, rtol=1e-8)


@pytest.mark.parametrize("method", ["modpoly", "imodpoly"])
def test_masked_channels_are_left_out_of_the_fit(method: str) -> None:
    y, truth = spectra(6)
    y[:, 60:80] += 4000
    mask = np.zeros(y.shape, dtype=bool)
    mask[:, 60:80] = True
    found = getattr(baseline, method)(y, SHIFT, poly_order=3, mask=mask).products["background"]
    good = ~mask[0]
    theirs = [getattr(pybaselines.Baseline(SHIFT[good]), method)(row[good], poly_order=3)[0] for row in y]
    np.testing.assert_allclose(found[:, good], theirs, rtol=1e-8)
    assert np.abs(found - truth)[:, 60:80].max() < 0.1 * truth.max()


def test_a_true_background_is_found() -> None:
    y, truth = spectra()
    found = baseline.imodpoly(y, SHIFT, poly_order=4).products["background"]
    assert np.median(np.abs(found - truth)) < 3  # the noise is 2; a background of this kind is no polynomial


def test_what_does_not_settle_is_counted() -> None:
    y, _ = spectra(3)
    out = baseline.modpoly(y, SHIFT, tol=1e-12, max_iter=3)
    assert out.notes == ("baseline.modpoly did not settle within its rounds for 3 of 3 spectra",)
