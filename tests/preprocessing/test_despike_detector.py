"""Saturated, dead and hot channels are masked; they are no spikes."""

from __future__ import annotations

import numpy as np
import pytest

from spectrode.preprocessing import despike

X = np.arange(200.0)


def spectra(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    band = np.exp(-(((X - 100) / 6) ** 2))
    return np.asarray(np.rint(400 + 900 * band * rng.uniform(0.5, 1.5, (36, 1)) + rng.normal(0, 6, (36, 200))))


def test_clean_spectra_have_no_mask() -> None:
    out = despike.detector(spectra(1400), X)
    assert not out.products["mask"].any()
    assert out.notes == ()


def test_dead_and_hot_channels_are_masked_in_all_spectra() -> None:
    counts = spectra(1401)
    counts[:, 50] = 17
    counts[:, 150] += 300
    counts[3, 30] += 5000  # a cosmic ray
    out = despike.detector(counts, X)
    assert np.flatnonzero(out.products["mask"].all(axis=0)).tolist() == [50, 150]
    assert out.products["mask"].sum() == 72
    assert len(out.notes) == 2
    np.testing.assert_array_equal(out.intensity, counts)


def test_saturation_is_masked_by_the_converter_and_by_plateaus() -> None:
    counts = spectra(1402)
    counts[5, 96:104] = 65535
    counts[6] = np.minimum(counts[6] * 3, 2000)
    counts[7] = 400 + 40 * (counts[7] - 400)
    counts[7] = np.minimum(counts[7], 65535)
    mask = despike.detector(counts, X).products["mask"]
    assert mask[5, 96:104].all()
    np.testing.assert_array_equal(np.flatnonzero(mask[6]), np.flatnonzero(counts[6] == counts[6].max()))
    assert not mask[[k for k in range(36) if k not in (5, 6, 7)]].any()
    low = despike.detector(counts, X, ceiling=1000).products["mask"]
    np.testing.assert_array_equal(low, counts >= 1000)


@pytest.mark.parametrize("step", [despike.auto, despike.neighbours, despike.whitaker_hayes, despike.prominence])
@pytest.mark.parametrize("width", [2, 5, 12])
def test_a_saturated_plateau_is_no_spike(step: object, width: int) -> None:
    counts = spectra(1403)
    counts[9] = np.minimum(400 + 60000 * np.exp(-(((X - 100.3) / width) ** 2)), 30000) + counts[9] % 7 * 0
    spikes = step(counts, X).products["spikes"]  # type: ignore[operator]
    assert not spikes[9, 80:120].any()


@pytest.mark.parametrize("step", [despike.auto, despike.neighbours])
def test_a_hot_channel_is_not_a_cosmic_ray_of_every_spectrum(step: object) -> None:
    counts = spectra(1404)
    counts[:, 150] += 300
    spikes = step(counts, X, scan_shape=(("y", 6), ("x", 6))).products["spikes"]  # type: ignore[operator]
    assert not spikes.any()
