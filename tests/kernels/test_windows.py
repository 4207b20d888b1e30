"""Running extremes, means and clipping: equal to scipy and pybaselines, and to plain loops over unmasked channels."""

from __future__ import annotations

import numpy as np
import pybaselines
import pytest
from numpy.typing import NDArray
from pybaselines.utils import optimize_window, pad_edges
from scipy.ndimage import grey_opening, uniform_filter1d

from spectrode.kernels import windows
from spectrode.kernels.threads import use_threads

SIZES = (3, 4, 5, 9, 60, 200)


def spectra(channels: int, n: int, seed: int) -> NDArray[np.float64]:
    """Return bands of many widths on curved backgrounds, with no noise, some and much; some saturated."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, channels)
    y = rng.uniform(0, 500, (n, 1)) * np.exp(-x * rng.uniform(0, 3, (n, 1))) + rng.uniform(0, 300, (n, 1)) * x**2
    for _ in range(8):
        y += rng.uniform(10, 1000, (n, 1)) / (
            1 + ((x - rng.uniform(0, 1, (n, 1))) / rng.uniform(0.002, 0.03, (n, 1))) ** 2
        )
    y += rng.normal(0, 3, y.shape) * rng.integers(0, 3, (n, 1))
    y[::5] = np.minimum(y[::5], 400)
    return y


@pytest.mark.parametrize("channels", SIZES)
def test_half_windows_are_those_of_pybaselines(channels: int) -> None:
    y = spectra(channels, 25, 1000 + channels)
    assert windows.best_half_windows(y).tolist() == [optimize_window(row) for row in y]


@pytest.mark.parametrize("half_window", [1, 2, 7, 40, 300])
@pytest.mark.parametrize("channels", SIZES)
def test_opening_and_mean_are_those_of_scipy(channels: int, half_window: int) -> None:
    y = spectra(channels, 10, 1010 + channels)
    widths = np.full(10, half_window)
    np.testing.assert_array_equal(windows.opened(y, widths), [grey_opening(row, 2 * half_window + 1) for row in y])
    theirs = [
        uniform_filter1d(pad_edges(row, half_window), 2 * half_window + 1)[half_window : half_window + channels]
        for row in y
    ]
    np.testing.assert_allclose(windows.smoothed(y, widths), theirs, rtol=1e-11)


@pytest.mark.parametrize("filter_order", [2, 4, 6, 8])
@pytest.mark.parametrize("smooth", [0, 1, 4])
@pytest.mark.parametrize("decreasing", [False, True])
def test_snip_is_that_of_pybaselines(filter_order: int, smooth: int, decreasing: bool) -> None:
    for channels in SIZES:
        y = spectra(channels, 10, 1020 + channels)
        fitter = pybaselines.Baseline(np.arange(float(channels)))
        for half_window in {1, 3, 30}:
            h = min(half_window, (channels - 1) // 2)
            ours = windows.clipped(y, np.full(10, h), decreasing, smooth, filter_order)
            theirs = [
                fitter.snip(
                    row, max_half_window=h, decreasing=decreasing, smooth_half_window=smooth, filter_order=filter_order
                )[0]
                for row in y
            ]
            np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-9)


@pytest.mark.parametrize("channels", SIZES)
@pytest.mark.parametrize(("tol", "max_iter"), [(1e-3, 200), (1e-8, 30)])
def test_imor_takes_as_many_rounds_as_that_of_pybaselines(channels: int, tol: float, max_iter: int) -> None:
    y = spectra(channels, 15, 1030 + channels)
    fitter = pybaselines.Baseline(np.arange(float(channels)))
    found, rounds, last = windows.imor(y, windows.best_half_windows(y), tol, max_iter)
    for row in range(15):
        theirs, details = fitter.imor(y[row], tol=tol, max_iter=max_iter)
        np.testing.assert_array_equal(found[row], theirs)
        assert rounds[row] == len(details["tol_history"])
        np.testing.assert_allclose(last[row], details["tol_history"][-1], rtol=1e-9, atol=1e-300)


def _plain_opening(y: NDArray[np.float64], good: NDArray[np.bool_], h: int) -> NDArray[np.float64]:
    """Open with loops over the channels that are good; the others hold NaN."""
    n = y.size
    around = [[j for j in range(max(0, i - h), min(n, i + h + 1)) if good[j]] for i in range(n)]
    low = np.array([min(y[around[i]]) if good[i] else np.nan for i in range(n)])
    return np.array([max(low[around[i]]) if good[i] else np.nan for i in range(n)])


@pytest.mark.parametrize("half_window", [1, 4, 20])
def test_masked_channels_count_as_absent(half_window: int) -> None:
    y = spectra(80, 6, 1040)
    mask = np.random.default_rng(1041).random(y.shape) < 0.2
    mask[0] = False
    mask[1, :10] = mask[1, -3:] = True
    dirty = np.where(mask, -1e6, y)
    found = windows.opened(dirty, np.full(6, half_window), mask)
    for row in range(6):
        plain = _plain_opening(y[row], ~mask[row], half_window)
        np.testing.assert_array_equal(found[row, ~mask[row]], plain[~mask[row]])
    np.testing.assert_array_equal(windows.mor(dirty, np.full(6, half_window), mask)[0],
                                  windows.mor(y, np.full(6, half_window))[0])  # fmt: skip
    assert np.array_equal(
        windows.best_half_windows(dirty, mask), windows.best_half_windows(np.where(mask, 1e6, y), mask)
    )


def test_threads_and_companions_change_nothing() -> None:
    y = spectra(120, 150, 1050)
    widths = np.full(150, 9)
    with use_threads(1):
        one = windows.clipped(y, widths, False, 0, 4), windows.mor(y, widths)
    with use_threads(3):
        three = windows.clipped(y, widths, False, 0, 4), windows.mor(y, widths)
    np.testing.assert_array_equal(one, three)
    np.testing.assert_array_equal(windows.mor(y[7:8], widths[:1])[0], one[1][7])
