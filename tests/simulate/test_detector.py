"""Noise, digitisation and cosmic rays of the simulated detector."""

from __future__ import annotations

import numpy as np
import pytest

from spectrode.simulate.instrument import cosmic_rays, detect
from spectrode.simulate.settings import SimulationSettings


@pytest.mark.parametrize("gain", [0.5, 2.0, 5.0])
def test_variance_against_mean_is_a_line_of_slope_one_over_gain(gain):
    s = SimulationSettings(gain_e_per_count=gain, read_noise_e=12.0, offset_counts=500.0)
    levels = np.array([200.0, 1000.0, 4000.0, 10_000.0, 30_000.0])
    light = np.repeat(levels[:, None], 40_000, axis=1)
    counts = detect(light, np.zeros_like(light), s, np.random.default_rng(5)).astype(float)
    slope, intercept = np.polyfit(levels, counts.var(axis=1), 1, w=1 / counts.var(axis=1))
    assert slope == pytest.approx(1 / gain, rel=0.02)
    assert intercept == pytest.approx((12.0 / gain) ** 2 + 1 / 12, rel=0.1, abs=2.0)
    np.testing.assert_allclose(counts.mean(axis=1) - 500.0, levels, rtol=2e-3)


def test_counts_are_clipped_at_saturation_and_at_zero():
    s = SimulationSettings(saturation_counts=4095, offset_counts=0.0, read_noise_e=30.0)
    light = np.array([[0.0] * 500, [1e6] * 500])
    counts = detect(light, np.zeros_like(light), s, np.random.default_rng(0))
    assert counts.dtype == np.uint16
    assert np.all(counts[1] == 4095)
    assert 0.3 < np.mean(counts[0] == 0) < 0.7


def test_a_cosmic_ray_is_added_in_counts():
    s = SimulationSettings(read_noise_e=0.0, offset_counts=100.0)
    direct = np.array([[0.0, 750.0, 0.0]])
    assert detect(np.zeros((1, 3)), direct, s, np.random.default_rng(0)).tolist() == [[100, 850, 100]]


def test_cosmic_rays_have_the_rate_and_widths_that_are_documented():
    s = SimulationSettings(cosmic_rate=0.05)
    hits = cosmic_rays(s, 200_000, np.random.default_rng(3))
    events = hits.event.max() + 1
    assert events == pytest.approx(10_000, abs=5 * 100)
    widths = np.bincount(np.bincount(hits.event), minlength=4)[1:4] / events
    assert widths == pytest.approx([0.50, 0.35, 0.15], abs=0.02)
    # The channels of one event lie side by side in one spectrum.
    same = np.diff(hits.event) == 0
    assert np.all(np.diff(hits.channel)[same] == 1)
    assert np.all(np.diff(hits.spectrum)[same] == 0)
    assert hits.channel.max() < s.channels
    peak = np.zeros(events)
    np.maximum.at(peak, hits.event, hits.counts)
    assert np.median(peak) == pytest.approx(s.cosmic_counts, rel=0.05)


def test_no_cosmic_rays_at_rate_zero():
    assert cosmic_rays(SimulationSettings(cosmic_rate=0.0), 1000, np.random.default_rng(0)).counts.size == 0
