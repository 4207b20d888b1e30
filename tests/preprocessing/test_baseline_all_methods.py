"""Every one-dimensional method of pybaselines is a step with its numbers, or there is a reason why not."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pybaselines
import pytest
from numpy.typing import NDArray

from spectrode.errors import StepError
from spectrode.pipeline.step import registered_steps
from spectrode.preprocessing import baseline

SHIFT = np.cumsum(np.random.default_rng(1300).uniform(1.5, 2.5, 300)) + 200
REASONS = {
    "interp_pts": "needs points of the background, placed by hand for each spectrum",
    "cwt_br": "its fit to a histogram has fewer points than parameters for most spectra of low noise, and it ends in "
    "an error there (pybaselines 1.2.1)",
}
OUR_OWN = {"custom_bc", "collab_pls"}  # with other parameters
DELEGATED: dict[str, dict[str, Any]] = {
    "adaptive_minmax": {"poly_order": 3, "method": "imodpoly"},
    "amormol": {"half_window": 12, "max_iter": 5},
    "beads": {"freq_cutoff": 0.02, "filter_type": 2, "cost_function": 1, "smooth_half_window": 2},
    "brpls": {"lam": 1e4, "diff_order": 1, "tol_2": 1e-2},
    "corner_cutting": {"max_iter": 7},
    "dietrich": {"smooth_half_window": 0, "num_std": 2.0, "poly_order": 3},
    "fabc": {"lam": 1e4, "scale": 8, "min_length": 3},
    "fastchrom": {"half_window": 9, "threshold": 6.0, "min_fwhm": 12},
    "goldindec": {"poly_order": 3, "cost_function": "asymmetric_huber", "peak_ratio": 0.3, "max_iter_2": 10},
    "golotvin": {"half_window": 9, "sections": 10, "smooth_half_window": 0},
    "ipsa": {"half_window": 15, "tol": 1e-2, "original_criteria": True},
    "jbcd": {"half_window": 11, "beta": 3.0, "robust_opening": False},
    "loess": {"fraction": 0.3, "use_threshold": True, "num_std": 2.0, "max_iter": 4},
    "lsrpls": {"lam": 1e4, "diff_order": 1},
    "mixture_model": {"lam": 1e3, "symmetric": True, "num_knots": 40},
    "mormol": {"half_window": 12, "smooth_half_window": 3},
    "mpls": {"half_window": 12, "lam": 1e4, "p": 0.01},
    "mpspline": {"half_window": 12, "lam_smooth": 0.1},
    "mwmv": {"half_window": 12, "smooth_half_window": 4},
    "noise_median": {"half_window": 20, "sigma": 4.0},
    "optimize_extended_range": {"method": "arpls", "side": "right", "min_value": 3, "max_value": 5},
    "peak_filling": {"half_window": 9, "sections": 40, "lam_smooth": 2.0},
    "penalized_poly": {"poly_order": 4, "cost_function": "symmetric_indec", "threshold": 20.0},
    "poly": {"poly_order": 5},
    "pspline_brpls": {"lam": 1e2, "num_knots": 50},
    "pspline_derpsalsa": {"lam": 1e1, "num_knots": 50, "smooth_half_window": 3},
    "pspline_mpls": {"half_window": 12, "num_knots": 50},
    "quant_reg": {"poly_order": 4, "quantile": 0.1, "eps": 1e-3},
    "ria": {"half_window": 9, "side": "left", "width_scale": 0.2},
    "std_distribution": {"half_window": 9, "num_std": 2.0, "fill_half_window": 1},
    "swima": {"min_half_window": 5, "smooth_half_window": 0},
    "tophat": {"half_window": 12},
}


def spectra(n: int = 3) -> NDArray[np.float64]:
    """Return bands of Gaussian shape on a curved background, with noise."""
    rng = np.random.default_rng(1301)
    x = (SHIFT - SHIFT[0]) / np.ptp(SHIFT)
    y = 400 * np.exp(-2 * x) + 150 * x**2 * rng.uniform(0.5, 2, (n, 1))
    for _ in range(6):
        y += rng.uniform(50, 900, (n, 1)) * np.exp(-(((x - rng.uniform(0.05, 0.95)) / rng.uniform(0.006, 0.02)) ** 2))
    return y + rng.normal(0, 3, y.shape)


def by_library(method: str, y: NDArray[np.float64], /, **options: Any) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.stack([getattr(pybaselines.Baseline(SHIFT), method)(row, **options)[0] for row in y])


def methods() -> set[str]:
    return {
        name
        for name, member in inspect.getmembers(pybaselines.Baseline)
        if not name.startswith("_") and inspect.isfunction(member)
    }


def test_every_method_is_a_step_or_has_a_reason() -> None:
    steps = {name.removeprefix("baseline.") for name in registered_steps() if name.startswith("baseline.")}
    assert methods() - steps == set(REASONS)
    assert len(methods()) > 55
    assert set(REASONS).isdisjoint(steps)
    assert set(DELEGATED) <= steps
    assert not OUR_OWN - steps


@pytest.mark.parametrize("method", DELEGATED)
def test_equal_to_pybaselines(method: str) -> None:
    y = spectra()
    for options in ({}, DELEGATED[method]):
        if method in ("loess", "goldindec", "amormol") and not options:
            continue  # test_baseline.py has the defaults, which take long
        out = getattr(baseline, method)(y, SHIFT, **options)
        np.testing.assert_allclose(out.products["background"], by_library(method, y, **options), rtol=1e-9, atol=1e-7)
        np.testing.assert_allclose(out.intensity, y - out.products["background"], rtol=0, atol=1e-9)


def test_the_reason_for_leaving_out_cwt_br_holds() -> None:
    x = np.linspace(0, 1, 200)
    y = 300 + 200 * np.exp(-(((x - 0.5) / 0.5) ** 2)) + 2000 / (1 + ((x - 0.3) / 0.01) ** 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(TypeError, match="Improper input"):
            pybaselines.Baseline(x).cwt_br(y)


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("method", ["asls", "arpls", "aspls", "pspline_asls"])
def test_collab_pls_is_that_of_pybaselines(method: str, average: bool) -> None:
    y = np.vstack([spectra(4), np.full(300, 5.0)])
    out = baseline.collab_pls(y, SHIFT, method=method, average_dataset=average, lam=1e4)
    theirs, _ = pybaselines.Baseline(SHIFT).collab_pls(
        y[:4], method=method, average_dataset=average, method_kwargs={"lam": 1e4}
    )
    np.testing.assert_allclose(out.products["background"][:4], theirs, rtol=1e-9)
    assert not out.intensity[4].any()
    assert registered_steps()["baseline.collab_pls"].uses_neighbours


def test_custom_bc_takes_places_on_the_axis() -> None:
    y = spectra()
    out = baseline.custom_bc(y, SHIFT, regions_cm1=(SHIFT[20], SHIFT[90], SHIFT[120], 1e4), sampling=5, method="arpls")
    theirs = by_library("custom_bc", y, regions=((20, 90), (120, 300)), sampling=5, method="arpls")
    np.testing.assert_allclose(out.products["background"], theirs, rtol=1e-9)
    whole = baseline.custom_bc(y, SHIFT).products["background"]
    np.testing.assert_allclose(whole, by_library("custom_bc", y), rtol=1e-9)


@pytest.mark.parametrize(
    ("places", "message"),
    [((500.0,), "pairs of increasing places"), ((600.0, 500.0), "pairs of"), ((5000.0, 6000.0), "no channel lies")],
)
def test_custom_bc_refuses_regions_that_are_none(places: tuple[float, ...], message: str) -> None:
    with pytest.raises(StepError, match=message):
        baseline.custom_bc(spectra(), SHIFT, regions_cm1=places)


def test_the_range_of_optimize_extended_range_must_not_be_empty() -> None:
    with pytest.raises(StepError, match="max_value of at least min_value, but 2 is below 5"):
        baseline.optimize_extended_range(spectra(), SHIFT, min_value=5, max_value=2)
    out = baseline.optimize_extended_range(spectra(), SHIFT, method="modpoly", min_value=1, max_value=4)
    theirs = by_library("optimize_extended_range", spectra(), method="modpoly", min_value=1, max_value=4)
    np.testing.assert_allclose(out.products["background"], theirs, rtol=1e-8, atol=1e-6)


def test_a_generated_step_declares_what_a_written_one_does() -> None:
    spec = registered_steps()["baseline.penalized_poly"]
    assert spec.function.__module__.endswith("baseline.polynomial")
    assert baseline.penalized_poly.__name__ == "penalized_poly"
    assert [p.type_name for p in spec.parameters.values()][:3] == ["int", "float", "int"]
    assert "symmetric_huber" in spec.parameters["cost_function"].choices
    assert spec.parameters["threshold"].optional
    assert "Height above which" in str(inspect.getdoc(baseline.penalized_poly))
    with pytest.raises(StepError, match=r"poly_order needs int between 0 and 20, but 21 was given"):
        baseline.penalized_poly(spectra(), SHIFT, poly_order=21)


def test_a_spectrum_on_which_a_method_fails_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: Any, data: NDArray[np.float64], **_: Any) -> tuple[NDArray[np.float64], dict[str, Any]]:
        if data[0] < 0:
            raise np.linalg.LinAlgError("singular")
        return np.zeros_like(data), {"tol_history": np.array([0.5])}

    monkeypatch.setattr(pybaselines.Baseline, "lsrpls", failing)
    out = baseline.lsrpls([[-1.0, 2, 3], [1.0, 2, 3], [4.0, 4, 4]], [1.0, 2, 3])
    assert np.isnan(out.intensity[0]).all()
    np.testing.assert_array_equal(out.intensity[1:], [[1, 2, 3], [0, 0, 0]])
    assert out.notes == (
        "baseline.lsrpls did not settle within its rounds for 1 of 3 spectra",
        "baseline.lsrpls found no background for 1 of 3 spectra, which became NaN",
    )
