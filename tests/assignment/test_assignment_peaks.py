"""Peaks against known truth."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_components import SHIFT, fluorescence, gaussian, lorentzian

from spectrode.assignment import find_peaks, noise_level


def test_noise_level_is_that_of_white_noise():
    rng = np.random.default_rng(1)
    for sd in (0.01, 3.0):
        measured = [noise_level(rng.normal(scale=sd, size=1900)) for _ in range(20)]
        assert np.mean(measured) == pytest.approx(sd, rel=0.08)


def test_noise_level_is_not_fooled_by_bands_or_slope():
    rng = np.random.default_rng(2)
    bands = sum(lorentzian(SHIFT, p, 10.0) for p in range(200, 1900, 100))
    y = bands + 5 * np.exp(-SHIFT / 700) + rng.normal(scale=0.02, size=SHIFT.size)
    assert noise_level(y) == pytest.approx(0.02, rel=0.2)


def test_smoothed_noise_is_not_taken_for_quiet():
    """Three-point averages hide two thirds of the second difference of neighbours."""
    white = np.random.default_rng(3).normal(size=4000)
    smoothed = np.convolve(white, np.ones(3) / 3, mode="valid")
    assert noise_level(smoothed) == pytest.approx(smoothed.std(), rel=0.25)


def test_positions_are_found_below_the_channel_and_their_uncertainty_is_honest():
    """Errors over their stated uncertainties scatter with a standard deviation near one (40 seeds, four bands)."""
    rng = np.random.default_rng(4)
    truth = np.array([351.27, 717.64, 893.11, 1090.48])
    clean = sum(lorentzian(SHIFT, p, w, h) for p, w, h in zip(truth, (12, 9, 9, 6), (0.3, 0.55, 1.0, 0.4), strict=True))
    pulls = []
    for _ in range(40):
        peaks = find_peaks(SHIFT, clean + rng.normal(scale=0.01, size=SHIFT.size))
        assert len(peaks) == 4
        errors = np.array([p.position_cm1 for p in peaks]) - truth
        assert np.abs(errors).max() < 0.5
        pulls.append(errors / [p.uncertainty_cm1 for p in peaks])
    assert 0.6 < np.std(pulls) < 1.4


def test_heights_and_widths_are_recovered():
    rng = np.random.default_rng(5)
    y = (
        gaussian(SHIFT, 600.3, 20.0, 0.4)
        + lorentzian(SHIFT, 1200.7, 8.0, 1.0)
        + rng.normal(scale=0.003, size=SHIFT.size)
    )
    first, second = find_peaks(SHIFT, y)
    assert (first.height, first.fwhm_cm1) == pytest.approx((0.4, 20.0), rel=0.05)
    assert (second.height, second.fwhm_cm1) == pytest.approx((1.0, 8.0), rel=0.05)


def test_the_solvation_doublets_of_ec_are_resolved():
    """717/728.5 and 893/904: free and lithium-coordinated EC."""
    truth = [717.0, 728.5, 893.0, 904.0]
    y = sum(lorentzian(SHIFT, p, 9.5, h) for p, h in zip(truth, (0.55, 0.35, 1.0, 0.6), strict=True))
    peaks = find_peaks(SHIFT, y + np.random.default_rng(6).normal(scale=0.005, size=SHIFT.size))
    assert [p.position_cm1 for p in peaks] == pytest.approx(truth, abs=0.5)


def test_wide_bands_are_marked_broad_and_stay_whole():
    """The unassigned CEI bands of the 2024 review: limits 1128–1264 and 1463–1626 cm-1."""
    rng = np.random.default_rng(7)
    y = gaussian(SHIFT, 1196, 136, 0.8) + gaussian(SHIFT, 1544.5, 163) + rng.normal(scale=0.02, size=SHIFT.size)
    peaks = find_peaks(SHIFT, y)
    assert [p.broad for p in peaks] == [True, True]
    assert [p.position_cm1 for p in peaks] == pytest.approx([1196, 1544.5], abs=4)
    assert [p.fwhm_cm1 for p in peaks] == pytest.approx([136, 163], rel=0.1)


def test_noise_alone_has_no_peak():
    rng = np.random.default_rng(8)
    assert sum(len(find_peaks(SHIFT, rng.normal(size=SHIFT.size))) for _ in range(60)) <= 2


def test_fluorescence_alone_has_no_sharp_peak():
    rng = np.random.default_rng(9)
    found = [p for _ in range(60) for p in find_peaks(SHIFT, fluorescence(rng)) if not p.broad]
    assert len(found) <= 3


@pytest.mark.parametrize(
    "spectrum",
    [np.zeros(500), np.full(500, 7.0), np.full(500, np.nan), np.arange(500.0), np.zeros(3)],
    ids=["zeros", "constant", "nan", "straight", "short"],
)
def test_nothing_to_find(spectrum):
    assert find_peaks(np.arange(float(spectrum.size)) + 100, spectrum) == []


def test_one_nan_costs_nothing_elsewhere():
    rng = np.random.default_rng(10)
    y = lorentzian(SHIFT, 500.0, 10.0) + rng.normal(scale=0.005, size=SHIFT.size)
    holed = y.copy()
    holed[1500] = np.nan
    assert [p.position_cm1 for p in find_peaks(SHIFT, holed)] == pytest.approx([500.0], abs=0.2)
    assert np.isnan(holed[1500])


def test_an_uneven_axis_keeps_positions():
    shift = 100 + 1900 * np.linspace(0, 1, 1600) ** 1.1
    y = lorentzian(shift, 717.0, 9.0) + lorentzian(shift, 1484.0, 12.0, 0.5)
    y += np.random.default_rng(11).normal(scale=0.005, size=shift.size)
    assert [p.position_cm1 for p in find_peaks(shift, y)] == pytest.approx([717.0, 1484.0], abs=0.3)


def test_scale_does_not_matter():
    y = lorentzian(SHIFT, 717.0, 9.0) + np.random.default_rng(12).normal(scale=0.01, size=SHIFT.size)
    small, large = find_peaks(SHIFT, y), find_peaks(SHIFT, 1e5 * y)
    assert len(small) == len(large) == 1
    assert large[0].position_cm1 == pytest.approx(small[0].position_cm1, abs=1e-3)
    assert large[0].height == pytest.approx(1e5 * small[0].height, rel=1e-3)
