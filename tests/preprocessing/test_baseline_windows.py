"""snip, mor, imor, rolling ball and rubber band as steps: the numbers of pybaselines, and what masks do."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pybaselines
import pytest
from numpy.typing import NDArray

from spectrode.errors import StepError
from spectrode.preprocessing import baseline

SHIFT = np.cumsum(np.random.default_rng(1400).uniform(1, 3, 260)) + 300  # not even
CASES: list[tuple[str, dict[str, Any]]] = [
    ("snip", {}),
    ("snip", {"max_half_window": 25, "decreasing": True, "filter_order": 6}),
    ("snip", {"max_half_window": 1000, "smooth_half_window": 2}),
    ("mor", {}),
    ("mor", {"half_window": 14}),
    ("imor", {}),
    ("imor", {"half_window": 14, "tol": 1e-6, "max_iter": 12}),
    ("rolling_ball", {}),
    ("rolling_ball", {"half_window": 10, "smooth_half_window": 500}),
    ("rubberband", {}),
    ("rubberband", {"segments": 4, "smooth_half_window": 3}),
    ("rubberband", {"segments": 2, "lam": 100.0, "diff_order": 1}),
]


def spectra(n: int = 40) -> NDArray[np.float64]:
    """Return Gaussian bands of varied width on an exponential, with noise in proportion to the root of the counts."""
    rng = np.random.default_rng(1401)
    x = (SHIFT - SHIFT[0]) / np.ptp(SHIFT)
    y = rng.uniform(100, 2000, (n, 1)) * np.exp(-x * rng.uniform(0, 4, (n, 1)))
    for _ in range(7):
        y += rng.uniform(0, 900, (n, 1)) * np.exp(
            -(((x - rng.uniform(0, 1, (n, 1))) / rng.uniform(0.004, 0.03, (n, 1))) ** 2)
        )
    return y + rng.normal(0, 1, y.shape) * np.sqrt(y)


def by_library(method: str, y: NDArray[np.float64], **options: Any) -> NDArray[np.float64]:
    fitter = pybaselines.Baseline(SHIFT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.stack([getattr(fitter, method)(row, **options)[0] for row in y])


@pytest.mark.parametrize(("method", "options"), CASES)
def test_numbers_are_those_of_pybaselines(method: str, options: dict[str, Any]) -> None:
    y = spectra()
    out = getattr(baseline, method)(y, SHIFT, **options)
    np.testing.assert_allclose(out.products["background"], by_library(method, y, **options), rtol=1e-10, atol=1e-8)
    single = y.astype(np.float32)
    out = getattr(baseline, method)(single, SHIFT, **options)
    assert out.products["background"].dtype == np.float32
    theirs = by_library(method, single.astype(np.float64), **options)
    np.testing.assert_allclose(out.products["background"], theirs, rtol=2e-7, atol=1e-4)


@pytest.mark.parametrize("method", ["snip", "mor", "imor", "rolling_ball", "rubberband"])
def test_numbers_are_those_of_pybaselines_on_measured_spectra(method: str, shared_data: Callable[[str], Path]) -> None:
    stored = np.load(shared_data("despike/chondro.npz"))
    counts, shift = stored["spc"][:12].astype(float), stored["wavenumber"]
    out = getattr(baseline, method)(counts, shift)
    theirs = [getattr(pybaselines.Baseline(shift), method)(row)[0] for row in counts]
    np.testing.assert_allclose(out.products["background"], theirs, rtol=1e-10)


@pytest.mark.parametrize("method", ["snip", "mor", "imor", "rolling_ball", "rubberband"])
def test_what_is_masked_is_bridged(method: str) -> None:
    # A wide spike up and one down, both masked: the background is about that without them.
    y = spectra(6)
    dirty = y.copy()
    dirty[:, 100:103] += 5e4
    dirty[:, 180:182] -= 5e4
    mask = (dirty != y).any(axis=0)
    options = {} if method == "rubberband" else {"max_half_window" if method == "snip" else "half_window": 15}
    clean = getattr(baseline, method)(y, SHIFT, **options).products["background"]
    found = getattr(baseline, method)(dirty, SHIFT, mask=mask, **options).products["background"]
    naive = getattr(baseline, method)(dirty, SHIFT, **options).products["background"]
    assert np.abs(found - clean).max() < 150
    assert np.abs(naive - clean).max() > 1000


def test_rubberband_of_part_of_the_channels_is_that_of_these_channels() -> None:
    y = spectra(5)
    mask = np.random.default_rng(1402).random(y.shape) < 0.2
    found = baseline.rubberband(y, SHIFT, mask=mask).products["background"]
    for row in range(5):
        good = ~mask[row]
        theirs, _ = pybaselines.Baseline(SHIFT[good]).rubberband(y[row, good])
        np.testing.assert_allclose(found[row, good], theirs, rtol=1e-10)


def test_a_straight_spectrum_has_a_hull() -> None:
    # Qhull refuses points on one line; the step must not.
    y = 5 - SHIFT[None] / 300
    np.testing.assert_allclose(baseline.rubberband(y, SHIFT).products["background"], y, rtol=1e-12)


def test_imor_counts_what_did_not_settle() -> None:
    out = baseline.imor(spectra(3), SHIFT, tol=1e-12, max_iter=2)
    assert out.notes == ("baseline.imor did not settle within its rounds for 3 of 3 spectra",)


def test_too_few_channels_is_one_sentence() -> None:
    with pytest.raises(StepError, match=r"baseline\.snip needs spectra of at least 3 channels, but these have 2"):
        baseline.snip([[1.0, 2.0]], [1.0, 2.0])
    with pytest.raises(StepError, match="3 channels a segment, but 260 channels were to be divided into 90"):
        baseline.rubberband(spectra(1), SHIFT, segments=90)


@pytest.mark.parametrize("method", ["mor", "imor", "rolling_ball", "modpoly", "imodpoly"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_few_channels_give_a_background(method: str, channels: int) -> None:
    y = np.array([[3.0, 1.0, 4.0][:channels], [2.0] * channels])
    out = getattr(baseline, method)(y, np.arange(channels) + 10.0)
    assert np.isfinite(out.intensity).all()
    assert not out.intensity[1].any()
