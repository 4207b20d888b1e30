"""The lower convex hull: that of scipy, and below every spectrum."""

from __future__ import annotations

import numpy as np
import pybaselines
import pytest
from test_windows import spectra

from spectrode.kernels import hull


@pytest.mark.parametrize(("channels", "segments"), [(3, 1), (5, 1), (40, 1), (40, 2), (40, 7), (300, 1), (300, 7)])
def test_hull_is_that_of_pybaselines(channels: int, segments: int) -> None:
    y = spectra(channels, 20, 1200 + channels)[np.arange(20) % 5 > 0]  # their hull fails on saturated segments
    x = np.cumsum(np.random.default_rng(1201).uniform(0.2, 1.8, channels))
    edges = np.linspace(0, channels, segments + 1, dtype=np.int64)
    fitter = pybaselines.Baseline(x)
    theirs = [fitter.rubberband(row, segments=segments)[0] for row in y]
    np.testing.assert_allclose(hull.lower_hull(y, x, edges), theirs, rtol=1e-11, atol=1e-9)


def test_masked_channels_are_skipped() -> None:
    y = spectra(100, 5, 1210)
    x = np.linspace(0, 50, 100)
    mask = np.random.default_rng(1211).random(y.shape) < 0.3
    mask[0] = True
    found = hull.lower_hull(np.where(mask, -1e6, y), x, np.array([0, 100]), mask)
    for row in range(1, 5):
        good = ~mask[row]
        theirs = pybaselines.Baseline(x[good]).rubberband(y[row, good])[0]
        np.testing.assert_allclose(found[row, good], theirs, rtol=1e-11, atol=1e-9)
        np.testing.assert_allclose(found[row], np.interp(x, x[good], theirs), rtol=1e-11, atol=1e-9)


def test_a_straight_line_is_its_own_hull() -> None:
    x = np.linspace(0, 1, 50)
    y = np.stack([3 - 2 * x, np.full(50, 7.0)])
    np.testing.assert_allclose(hull.lower_hull(y, x, np.array([0, 50])), y, rtol=1e-14)
