"""How often the stated band holds the true background, and the parts it is made of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from builders.backgrounds import bleaching_map, design, second_design
from spectrode.preprocessing.baseline import auto, map_aware
from spectrode.preprocessing.baseline.uncertainty import noise_variance, offset_of_weights


def test_the_noise_is_found_among_bands() -> None:
    for known in (design(1020, repeats=3), second_design(1020, channels=1024, repeats=30)):
        found = np.sqrt(noise_variance(known.intensity)[:, 0])
        ratio = found / known.noise
        assert 0.95 < np.median(ratio) < 1.05
        assert ratio.min() > 0.8
        assert ratio.max() < 1.25


def test_a_known_variance_counts_where_it_is_usable() -> None:
    y = np.random.default_rng(1021).normal(0, 0.5, (2, 300))
    known = np.full(y.shape, 4.0)
    known[0, 10], known[1, 5] = np.nan, 0
    out = noise_variance(y, known)
    assert out[0, 11] == 4.0
    for row, column in ((0, 10), (1, 5)):
        assert 0.15 < out[row, column] < 0.4


def test_the_offset_of_the_weights_by_another_quadrature() -> None:
    far = np.exp(-0.5)

    def pull(level: float) -> float:
        def integrand(x: float) -> float:
            r = x - level
            weight = 1.0 if r < 0 else np.exp(-r * r / 2) * (1 + far) / (np.exp(-r * r / 2) + far)
            return float(np.exp(-x * x / 2) * weight * r)

        return quad(integrand, -9, level)[0] + quad(integrand, level, 9)[0]

    assert offset_of_weights(1.0) == pytest.approx(brentq(pull, -2, 1), abs=1e-3)


def test_the_band_holds_the_truth_between_the_bands_of_the_design() -> None:
    known = design(1022, repeats=5)
    out = auto(known.intensity, known.shift).products
    inside = np.abs(out["background"] - known.background) < 1.96 * out["background_sigma"]
    between = known.bands < 2 * known.noise[:, None]
    assert 0.90 <= inside[between].mean() <= 0.99
    assert inside.mean() >= 0.85
    # Broad bands that merge look like background: there the band holds less often, and that is known.
    broad = known.kind[:, 0] == "broad"
    assert 0.7 <= inside[broad].mean() < inside[~broad].mean()


def test_the_band_holds_the_truth_on_another_design() -> None:
    known = second_design(1023, channels=1024, repeats=45)
    out = auto(known.intensity, known.shift).products
    inside = np.abs(out["background"] - known.background) < 1.96 * out["background_sigma"]
    between = known.bands < 2 * known.noise[:, None]
    assert 0.88 <= inside[between].mean() <= 0.995


def test_the_band_holds_the_truth_in_maps() -> None:
    known = bleaching_map(1024, frames=3, side=8, noise=0.1, particles=1)
    out = map_aware(known.intensity, known.shift, scan_shape=(("frame", 3), ("y", 8), ("x", 8))).products
    inside = np.abs(out["background"] - known.background) < 1.96 * out["background_sigma"]
    assert 0.90 <= inside.mean() <= 0.99
    np.testing.assert_allclose(
        out["variance"], noise_variance(known.intensity) + out["background_sigma"] ** 2, rtol=1e-12
    )
