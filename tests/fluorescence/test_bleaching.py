"""Truth from decays simulated with shot noise, which the fits do not know of."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from spectrode.errors import SpectrodeError
from spectrode.fluorescence import Bleaching, fit_bleaching, fit_pooled

TIME = np.linspace(5, 305, 60)
U = TIME - TIME[0]


def counts(curve: NDArray[np.float64], n: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).poisson(np.tile(curve, (n, 1))).astype(np.float64)


def coverage(fit: Bleaching, name: str, truth: tuple[float, ...]) -> NDArray[np.float64]:
    rows = fit.model == name
    wanted = np.array(truth)
    k = wanted.size
    return np.mean((fit.tau_low[rows, :k] < wanted) & (wanted < fit.tau_high[rows, :k]), axis=0)


def test_single_decays_are_recognised_and_their_intervals_hold() -> None:
    fit = fit_bleaching(TIME, counts(400 + 600 * np.exp(-U / 60), 300, 1030))
    assert np.mean(fit.model == "single") > 0.85
    assert np.all(fit.identifiable)
    assert np.median(fit.tau[:, 0]) == pytest.approx(60, rel=0.03)
    assert np.median(fit.amplitude[:, 0]) == pytest.approx(600, rel=0.03)
    assert 0.90 <= coverage(fit, "single", (60,))[0] <= 0.99


def test_double_decays() -> None:
    fit = fit_bleaching(TIME, counts(9000 + 8000 * np.exp(-U / 12) + 8000 * np.exp(-U / 110), 200, 1031))
    assert np.mean(fit.model == "double") > 0.9
    np.testing.assert_allclose(np.nanmedian(fit.tau[fit.model == "double"], axis=0), [12, 110], rtol=0.05)
    assert np.all(coverage(fit, "double", (12, 110)) > 0.87)


def test_stretched_decays() -> None:
    fit = fit_bleaching(TIME, counts(9000 + 16000 * np.exp(-((U / 40) ** 0.55)), 200, 1032))
    rows = fit.model == "stretched"
    assert rows.mean() > 0.8
    assert np.median(fit.beta[rows]) == pytest.approx(0.55, abs=0.05)
    assert 0.87 <= np.mean(np.abs(fit.beta[rows] - 0.55) < 1.96 * fit.beta_error[rows]) <= 1
    assert np.isnan(fit.tau[rows, 1]).all()


def test_the_same_numbers_as_scipy() -> None:
    values = counts(400 + 600 * np.exp(-U / 60), 5, 1033)
    fit = fit_bleaching(TIME, values, models=("single",))
    for row in range(5):
        best, covariance = curve_fit(lambda t, a, tau, c: a * np.exp(-t / tau) + c, U, values[row], p0=(500, 50, 400))
        np.testing.assert_allclose([fit.amplitude[row, 0], fit.tau[row, 0], fit.offset[row]], best, rtol=1e-4)
        np.testing.assert_allclose(fit.amplitude_error[row, 0], np.sqrt(covariance[0, 0]), rtol=1e-3)
        spread = np.log(fit.tau_high[row, 0] / fit.tau[row, 0]) / 1.96
        np.testing.assert_allclose(spread, np.sqrt(covariance[1, 1]) / best[1], rtol=1e-3)


@pytest.mark.parametrize(
    ("curve", "reason"),
    [
        (500 + 0 * U, "no decay"),
        (50000 + 50000 * np.exp(-U / 6000), "span is too short"),
        (500 - 300 * np.exp(-U / 60), "rise"),
    ],
)
def test_what_the_data_do_not_say_is_not_said(curve: NDArray[np.float64], reason: str) -> None:
    fit = fit_bleaching(TIME, counts(curve, 200, 1034))
    assert np.mean(fit.identifiable) < 0.06
    silent = ~fit.identifiable
    assert np.mean([reason in r for r in fit.reason[silent]]) > 0.85
    assert np.isnan(fit.tau[silent]).all()
    assert np.all(fit.model[silent] == "none")


def test_too_few_points() -> None:
    assert fit_bleaching([3.0], [[2.0]]).reason[0] == "one point only"
    assert fit_bleaching([3.0, 3.0, 3.0], [[2.0, 1.0, 2.0]]).reason[0] == "all points are at one time"
    assert "fewer than four" in fit_bleaching([0.0, 1.0, 2.0], [[3.0, 2.0, 1.0]]).reason[0]
    assert fit_bleaching(TIME, np.full((1, TIME.size), np.nan)).reason[0] == "no finite point"


def test_missing_points_leave_the_others_as_they_are() -> None:
    values = counts(400 + 600 * np.exp(-U / 60), 2, 1035)
    holed = values.copy()
    holed[0, [7, 30]] = np.nan
    kept = np.delete(np.arange(TIME.size), [7, 30])
    fit = fit_bleaching(TIME, holed, models=("single",))
    np.testing.assert_allclose(
        fit.tau[0, 0], fit_bleaching(TIME[kept], values[:1, kept], models=("single",)).tau[0, 0], rtol=1e-5
    )
    np.testing.assert_allclose(fit.tau[1], fit_bleaching(TIME, values[1:], models=("single",)).tau[0], rtol=1e-8)


def test_a_known_error_and_units_of_time_go_through() -> None:
    values = counts(400 + 600 * np.exp(-U / 60), 20, 1036)
    seconds = fit_bleaching(TIME, values, np.sqrt(values), models=("single",))
    minutes = fit_bleaching(TIME / 60, values, np.sqrt(values), models=("single",))
    np.testing.assert_allclose(minutes.tau[:, 0] * 60, seconds.tau[:, 0], rtol=1e-6)


def test_pooling_is_sharper_than_a_pixel() -> None:
    values = counts(40 + 60 * np.exp(-U / 60), 100, 1037)
    pooled, pixel = fit_pooled(TIME, values), fit_bleaching(TIME, values)
    assert pooled.model[0] == "single"
    assert pooled.tau_low[0, 0] < 60 < pooled.tau_high[0, 0]
    width = np.log(pixel.tau_high[:, 0] / pixel.tau_low[:, 0])
    assert np.log(pooled.tau_high[0, 0] / pooled.tau_low[0, 0]) < 0.3 * np.nanmedian(width)


def test_unknown_models_and_shapes_are_refused() -> None:
    with pytest.raises(SpectrodeError, match="single, double and stretched"):
        fit_bleaching(TIME, np.ones((1, 60)), models=("triple",))  # type: ignore[arg-type]
    with pytest.raises(SpectrodeError, match="do not belong"):
        fit_bleaching(TIME[:5], np.ones((1, 60)))
    with pytest.raises(SpectrodeError, match="bic or aic"):
        fit_bleaching(TIME, np.ones((1, 60)), criterion="dic")  # type: ignore[arg-type]
