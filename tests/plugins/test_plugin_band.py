"""The band area against analytic truth, and its speed."""

from __future__ import annotations

import time

import numpy as np
import pytest

from napari_spectrode.state.band import band_area, total_intensity
from spectrode.dataset import OperandoDataset
from spectrode.errors import SpectrodeError


def test_area_of_gaussians_on_sloping_backgrounds(truth):
    # float32 intensities of about 100 counts, weights of order 1 over 160 channels
    np.testing.assert_allclose(band_area(truth.dataset, 1046, 1126), truth.area, rtol=1e-4)


def test_a_straight_line_has_no_area_even_on_an_uneven_axis():
    shift = np.sort(np.random.default_rng(0).uniform(0, 100, 60))
    lines = np.array([[1.0, 0], [0, 3], [-5, 0.5]]) @ np.stack([np.ones(60), shift])
    np.testing.assert_allclose(band_area(OperandoDataset(lines, shift), 10, 90), 0, atol=1e-9)


def test_either_order_of_the_ends(truth):
    np.testing.assert_array_equal(band_area(truth.dataset, 1126, 1046), band_area(truth.dataset, 1046, 1126))


def test_integers_and_one_missing_value():
    shift = np.arange(10.0)
    counts = np.array([[0, 0, 0, 5, 10, 5, 0, 0, 0, 0]], dtype=np.uint16)
    assert band_area(OperandoDataset(counts, shift), 0, 9)[0] == pytest.approx(20)
    broken = counts.astype(float)
    broken = np.concatenate([broken, broken])
    broken[1, 4] = np.nan
    found = band_area(OperandoDataset(broken, shift), 0, 9)
    assert found[0] == pytest.approx(20)
    assert np.isnan(found[1])


def test_masked_channels_count_only_inside_the_range():
    dataset = OperandoDataset(np.ones((2, 10)), np.arange(10.0), mask=np.eye(2, 10, dtype=bool))
    assert np.isfinite(band_area(dataset, 3, 9)).all()
    assert np.isnan(band_area(dataset, 0, 9)).all()
    assert np.isnan(total_intensity(dataset.replace(mask=np.ones((2, 10), dtype=bool)))).all()


def test_a_range_without_channels_says_what_is_possible(truth):
    with pytest.raises(SpectrodeError, match=r"2000\.0–2010\.0 holds 0 channels.*1000\.0–1200\.0"):
        band_area(truth.dataset, 2000, 2010)


def test_the_callers_array_is_untouched(truth):
    before = np.array(truth.dataset.intensity)
    band_area(truth.dataset, 1046, 1126)
    np.testing.assert_array_equal(before, truth.dataset.intensity)


def test_a_long_map_series_is_quick():
    """A map series of 100 × 100 × 24 follows the mouse; the limit leaves room for a busy machine."""
    intensity = np.ones((100 * 100 * 24, 300), dtype=np.float32)
    dataset = OperandoDataset(intensity, np.linspace(1000, 1300, 300))
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        band_area(dataset, 1060, 1110)
        best = min(best, time.perf_counter() - start)
    assert best < 0.25
