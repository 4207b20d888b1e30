from __future__ import annotations

import numpy as np
import pytest

from spectrode.errors import SpectrodeError
from spectrode.fluorescence import summarise


def test_a_straight_line_has_its_own_mean_slope_and_centroid() -> None:
    shift = np.linspace(200, 1800, 401)
    found = summarise(3 + 0.002 * (shift - 1000), shift)
    assert found.mean[0] == pytest.approx(3)
    assert found.slope[0] == pytest.approx(0.002)
    # Centroid = ∫ν b / ∫b = 1000 + slope · L² / (12 · mean) for a line about the middle of a length L.
    assert found.centroid_cm1[0] == pytest.approx(1000 + 0.002 * 1600**2 / 36, rel=1e-4)


def test_uneven_channels_count_by_their_width_and_the_direction_does_not_matter() -> None:
    shift = np.concatenate([np.linspace(200, 1000, 2000, endpoint=False), np.linspace(1000, 1800, 100)])
    background = np.exp(-0.5 * ((shift - 1100) / 90) ** 2)
    found = summarise(background, shift)
    assert found.centroid_cm1[0] == pytest.approx(1100, abs=0.1)
    turned = summarise(background[::-1], shift[::-1])
    for name in ("mean", "slope", "centroid_cm1"):
        np.testing.assert_allclose(getattr(turned, name), getattr(found, name), rtol=1e-9)


def test_no_light_has_no_centroid_and_nan_stays_nan() -> None:
    shift = np.linspace(0, 1, 5)
    found = summarise([[0.0] * 5, [-1.0] * 5, [np.nan, 1, 1, 1, 1]], shift)
    assert np.isnan(found.centroid_cm1).all()
    assert np.isnan(found.mean[2])


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SpectrodeError, match="one value for each of at least 2 channels"):
        summarise(np.ones((2, 4)), np.arange(5.0))
