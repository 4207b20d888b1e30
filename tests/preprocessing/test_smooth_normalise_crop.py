"""Smoothing, normalising, cropping and resampling against closed forms and scipy."""

from __future__ import annotations

import numpy as np
import pytest

from spectrode.errors import StepError
from spectrode.preprocessing import crop, normalise, smooth

X = np.linspace(400.0, 1200.0, 401)


def gaussian(centre: float, fwhm: float, height: float = 1.0) -> np.ndarray:
    return height * np.exp(-4 * np.log(2) * ((X - centre) / fwhm) ** 2)


# -- smooth -----------------------------------------------------------------------------------------------------------


def test_savgol_keeps_polynomials_of_its_order() -> None:
    parabola = 3 + 0.1 * X - 1e-4 * X**2
    np.testing.assert_allclose(smooth.savgol(parabola, X, window_length=9, polyorder=2).intensity, parabola, rtol=1e-9)


def test_savgol_lowers_noise_by_the_known_factor() -> None:
    noise = np.random.default_rng(1).normal(0, 1, (200, 401))
    left = smooth.savgol(noise, X, window_length=7, polyorder=2).intensity[:, 10:-10].std()
    assert left == pytest.approx(np.sqrt(7 / 21), rel=0.02)  # the middle coefficient of Savitzky and Golay


@pytest.mark.parametrize("lam", [1.0, 100.0, 1e6])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_whittaker_solves_its_equation(lam: float, order: int) -> None:
    y = np.random.default_rng(2).normal(10, 1, (3, 60))
    difference = np.diff(np.eye(60), order, axis=0)
    dense = np.linalg.solve(np.eye(60) + lam * difference.T @ difference, y.T).T
    found = smooth.whittaker(y, np.arange(60.0), lam=lam, diff_order=order).intensity
    np.testing.assert_allclose(found, dense, rtol=1e-6)


def test_whittaker_without_weight_changes_nothing() -> None:
    y = np.random.default_rng(2).normal(10, 1, (3, 60))
    np.testing.assert_allclose(smooth.whittaker(y, np.arange(60.0), lam=0).intensity, y, rtol=1e-14)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"window_length": 8}, "window_length must be odd, but 8 was given"),
        ({"window_length": 5, "polyorder": 5}, "polyorder must be below window_length 5"),
        ({"window_length": 601}, "window_length is 601, but the spectra have 401 channels"),
    ],
)
def test_savgol_refuses(parameters: dict[str, int], message: str) -> None:
    with pytest.raises(StepError, match=message):
        smooth.savgol(X, X, **parameters)


# -- normalise --------------------------------------------------------------------------------------------------------


def test_exposure_and_power() -> None:
    y = np.full((3, 401), 12.0)
    out = normalise.exposure(y, X, exposure_s=[2.0, 0.0, np.nan])
    np.testing.assert_array_equal(out.intensity[0], 6.0)
    assert np.all(np.isnan(out.intensity[1:]))
    assert out.notes == ("2 of 3 spectra became NaN: their exposure is unknown or zero",)
    np.testing.assert_array_equal(out.products["scale"], [2.0, np.nan, np.nan])
    assert normalise.power(y, X, power_mw=np.array([1.0, 3.0, 4.0])).intensity[:, 0].tolist() == [12.0, 4.0, 3.0]


def test_band_area_is_that_of_the_gaussian() -> None:
    y = 50 + 0.1 * X + gaussian(800, 20, 300)
    out = normalise.band(y, X, low_cm1=740, high_cm1=860)
    area = 300 * 20 * np.sqrt(np.pi / (4 * np.log(2)))
    assert out.products["scale"] == pytest.approx(area, rel=2e-3)
    height = normalise.band(y, X, low_cm1=740, high_cm1=860, measure="height")
    assert height.products["scale"] == pytest.approx(300, rel=1e-3)


def test_band_that_is_absent_or_negative_gives_nan_and_a_note() -> None:
    noise = np.random.default_rng(3).normal(0, 1, (4, 401))
    y = 100 + noise + np.array([100.0, 0.0, -100.0, 100.0])[:, None] * gaussian(800, 20)
    out = normalise.band(y, X, low_cm1=740, high_cm1=860)
    assert np.isnan(out.intensity).all(axis=1).tolist() == [False, True, True, False]
    assert np.isnan(out.products["scale"]).tolist() == [False, True, True, False]
    assert out.notes == ("2 of 4 spectra became NaN: the band was not found in them",)


def test_absent_bands_are_rarely_taken_for_present() -> None:
    y = 100 + np.random.default_rng(4).normal(0, 1, (2000, 401))
    for measure, limit in (("area", 0.01),):
        out = normalise.band(y, X, low_cm1=740, high_cm1=860, measure=measure)
        assert np.isfinite(out.products["scale"]).mean() < limit


@pytest.mark.parametrize(
    ("limits", "message"),
    [((860, 740), "low_cm1 must be below high_cm1"), ((740, 743), "but five are needed"), ((2000, 2100), "0 channels")],
)
def test_band_refuses(limits: tuple[float, float], message: str) -> None:
    with pytest.raises(StepError, match=message):
        normalise.band(X, X, low_cm1=limits[0], high_cm1=limits[1])


def test_vector_and_area() -> None:
    y = np.stack([gaussian(700, 30, 5), gaussian(700, 30, 50), np.zeros(401)])
    vector = normalise.vector(y, X)
    np.testing.assert_allclose(np.linalg.norm(vector.intensity[:2], axis=1), 1)
    np.testing.assert_allclose(vector.intensity[0], vector.intensity[1])
    area = normalise.area(y, X)
    np.testing.assert_allclose(np.trapezoid(area.intensity[:2], X, axis=1), 1)
    for out in (vector, area):
        assert np.isnan(out.intensity[2]).all()
        assert "1 of 3" in out.notes[0]


# -- crop -------------------------------------------------------------------------------------------------------------


def test_range_includes_both_limits() -> None:
    out = crop.crop_range(X, X, low_cm1=500, high_cm1=600)
    assert (out.shift[0], out.shift[-1], out.shift.size) == (500, 600, 51)
    np.testing.assert_array_equal(out.intensity, out.shift)


def test_range_is_open_where_no_limit_is_given() -> None:
    assert crop.crop_range(X, X, low_cm1=1000).shift[-1] == 1200
    assert crop.crop_range(X, X).shift.size == 401
    assert crop.crop_range(X - 400, X - 400, high_cm1=0).shift.tolist() == [0.0]  # zero is a limit, not "none"


def test_range_carries_the_variance() -> None:
    out = crop.crop_range(np.ones((2, 401)), X, variance=np.stack([X, 2 * X]), low_cm1=500, high_cm1=600)
    np.testing.assert_array_equal(out.products["variance"], [out.shift, 2 * out.shift])


@pytest.mark.parametrize(
    ("limits", "message"),
    [((600, 500), "must not exceed"), ((1300, 1400), "runs from 400 to 1200"), ((501, 501.5), "no channel")],
)
def test_range_refuses(limits: tuple[float, float], message: str) -> None:
    with pytest.raises(StepError, match=message):
        crop.crop_range(X, X, low_cm1=limits[0], high_cm1=limits[1])


@pytest.mark.parametrize("method", ["linear", "pchip"])
def test_resample_is_exact_on_straight_lines(method: str) -> None:
    uneven = np.sort(np.random.default_rng(5).uniform(400, 1200, 300))
    out = crop.resample(3 * uneven + 1, uneven, step_cm1=2.5, method=method)
    np.testing.assert_allclose(out.intensity, 3 * out.shift + 1, rtol=1e-12)
    np.testing.assert_allclose(np.diff(out.shift), 2.5)
    assert out.shift[0] >= uneven[0]
    assert out.shift[-1] <= uneven[-1]


def test_resample_onto_its_own_grid_changes_nothing() -> None:
    y = np.random.default_rng(6).normal(size=(3, 401))
    y[1, 7] = np.nan
    for method in ("linear", "pchip"):
        same = crop.resample(y, X, grid_cm1=X, method=method).intensity
        np.testing.assert_allclose(same, y, rtol=1e-12, equal_nan=True)
    np.testing.assert_array_equal(crop.resample(y, X, grid_cm1=tuple(X)).intensity, y)


def test_pchip_keeps_a_narrow_maximum_better() -> None:
    y = gaussian(700, 8)
    fine = np.arange(420.0, 1180.0, 0.5) + 0.25
    truth = np.exp(-4 * np.log(2) * ((fine - 700) / 8) ** 2)
    errors = [np.abs(crop.resample(y, X, grid_cm1=fine, method=m).intensity - truth).max() for m in ("linear", "pchip")]
    assert errors[1] < errors[0] < 0.06


def test_resample_gives_the_variance_of_the_weighted_mean() -> None:
    out = crop.resample(np.ones((1, 401)), X, variance=np.full((1, 401), 8.0), grid_cm1=[500.0, 501.0, 501.5])
    np.testing.assert_allclose(out.products["variance"], [[8.0, 4.0, 8 * (0.25**2 + 0.75**2)]])


def test_a_missing_channel_stays_missing_and_does_not_spread() -> None:
    y = np.ones((1, 401))
    y[0, 100] = np.nan  # at 600
    out = crop.resample(y, X, grid_cm1=[596.0, 598.0, 599.0, 600.0, 601.0, 602.0], method="linear")
    assert np.isnan(out.intensity[0]).tolist() == [False, False, True, True, True, False]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"start_cm1": 390.0, "step_cm1": 1.0}, "nothing is extrapolated"),
        ({"stop_cm1": 1201.0}, "nothing is extrapolated"),
        ({"grid_cm1": [500.0, 500.0]}, "increase strictly"),
        ({"grid_cm1": [500.0], "step_cm1": 1.0}, "not both"),
        ({"start_cm1": 800.0, "stop_cm1": 700.0}, "would be empty"),
    ],
)
def test_resample_refuses(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(StepError, match=message):
        crop.resample(X, X, **parameters)
