"""Penalised splines in lanes: the numbers of pybaselines, and dense solutions where channels are masked.

Differences are given relative to the range of the background (the largest absolute difference over max - min).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pybaselines import Baseline
from scipy.interpolate import BSpline
from scipy.special import expit

from spectrode.kernels import spline_weights as codes
from spectrode.kernels.spline_basis import spline_system
from spectrode.kernels.splines import SplineRule, fit_splines
from spectrode.kernels.threads import use_threads

Floats = NDArray[np.float64]

DEFAULTS: dict[str, tuple[int, dict[str, Any], str | None]] = {
    "pspline_asls": (codes.ASLS, {"lam": 1e3, "p": 1e-2, "max_iter": 50, "tol": 1e-3}, "p"),
    "pspline_iasls": (codes.IASLS, {"lam": 1e1, "p": 1e-2, "lam_1": 1e-4, "max_iter": 50, "tol": 1e-3}, "p"),
    "pspline_airpls": (codes.AIRPLS, {"lam": 1e3, "max_iter": 50, "tol": 1e-3}, None),
    "pspline_arpls": (codes.ARPLS, {"lam": 1e3, "max_iter": 50, "tol": 1e-3}, None),
    "pspline_drpls": (codes.DRPLS, {"lam": 1e3, "eta": 0.5, "max_iter": 50, "tol": 1e-3}, "eta"),
    "pspline_iarpls": (codes.IARPLS, {"lam": 1e3, "max_iter": 50, "tol": 1e-3}, None),
    "pspline_aspls": (codes.ASPLS, {"lam": 1e4, "asymmetric_coef": 0.5, "max_iter": 100, "tol": 1e-3},
                      "asymmetric_coef"),
    "pspline_psalsa": (codes.PSALSA, {"lam": 1e3, "p": 0.5, "max_iter": 50, "tol": 1e-3}, "p"),
    "pspline_lsrpls": (codes.LSRPLS, {"lam": 1e3, "max_iter": 50, "tol": 1e-3}, None),
    "irsqr": (codes.IRSQR, {"lam": 100.0, "quantile": 0.05, "diff_order": 3, "max_iter": 100, "tol": 1e-6},
              "quantile"),
}  # fmt: skip
METHODS = sorted(DEFAULTS)


def spectra(n: int, x: Floats, seed: int) -> Floats:
    """Return (n, channels) bands of all widths, heights and numbers on curved backgrounds, noise from 1e-4 to 0.2."""
    rng = np.random.default_rng(seed)
    x = (x - x[0]) / (x[-1] - x[0])
    out = np.empty((n, x.size))
    for row in out:
        row[:] = rng.uniform(-1, 3) + rng.uniform(-3, 3) * x
        row += rng.uniform(0, 4) * np.exp(-(((x - rng.uniform()) / rng.uniform(0.2, 1)) ** 2))
        for _ in range(rng.integers(0, 12)):
            row += rng.uniform(0.1, 5) / (1 + ((x - rng.uniform()) / rng.uniform(0.002, 0.02)) ** 2)
        row += rng.normal(0, 10 ** rng.uniform(-4, -0.7), x.size)
        row *= 10 ** rng.uniform(-2, 4)
    return out


def uneven(n: int) -> Floats:
    """Return an axis whose channels are 0.2 to 3 apart."""
    return np.cumsum(np.random.default_rng(1000).uniform(0.2, 3, n))


def ours(method: str, rows: Any, x: Floats, mask: Any = None, **changed: Any) -> tuple[Floats, Any, Floats]:
    code, defaults, constant = DEFAULTS[method]
    p = {"num_knots": 100, "spline_degree": 3, "diff_order": 2} | defaults | changed
    slope = p.get("lam_1")
    system = spline_system(x, p["num_knots"], p["spline_degree"], p["lam"], p["diff_order"], slope_lam=slope)
    rule = SplineRule(code, p[constant] if constant else 0.0, p.get("k"), slope or 0.0)
    return fit_splines(rows, system, rule, max_iter=p["max_iter"], tol=p["tol"], mask=mask)


def theirs(method: str, rows: Any, x: Floats, **changed: Any) -> tuple[Floats, Any, Floats]:
    run = getattr(Baseline(x, check_finite=False, assume_sorted=True), method)
    background, rounds, last = np.full(rows.shape, np.nan), np.zeros(len(rows), int), np.full(len(rows), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i, row in enumerate(rows):
            try:
                background[i], details = run(row.astype(float), **changed)
            except np.linalg.LinAlgError:
                continue
            rounds[i] = len(details["tol_history"])
            last[i] = details["tol_history"][-1] if rounds[i] else np.nan
    return background, rounds, last


def relative(a: Floats, b: Floats) -> Floats:
    """Return the largest difference of each row over the range of ``b``."""
    return np.abs(a - b).max(axis=1) / np.ptp(b, axis=1)


def check_equal(method: str, rows: Floats, x: Floats, least: float, **changed: Any) -> None:
    """Compare where pybaselines agrees with itself.

    Where weights jump or an iteration wanders without converging, a difference of 1e-12 in the data (what solving the
    equations in another order makes) gives pybaselines another number of rounds or another background; where a fit
    passes exactly through all that is left of the points, the signs of residuals are rounding. Nothing can be equal to
    it there. At least the share ``least`` of the spectra must be free of that, and all of those must be equal.
    """
    background, rounds, last = ours(method, rows, x, **changed)
    expected, expected_rounds, expected_last = theirs(method, rows, x, **changed)
    sound = np.abs(rows - expected).min(axis=1) > 1e-9 * np.ptp(rows, axis=1)
    for seed in (1, 2, 3):
        moved = rows * (1 + 1e-12 * np.random.default_rng(seed).normal(size=rows.shape))
        again, again_rounds, _ = theirs(method, moved, x, **changed)
        sound &= (relative(again, expected) < 3e-10) & (again_rounds == expected_rounds)
    assert np.mean(sound) >= least
    # Differences of order 4 square the conditioning of those of order 2; rounding is magnified in both.
    assert relative(background, expected)[sound].max() < (1e-7 if changed.get("diff_order", 2) > 3 else 1e-8)
    np.testing.assert_array_equal(rounds[sound], expected_rounds[sound])
    np.testing.assert_allclose(last[sound], expected_last[sound], rtol=1e-4, atol=1e-7)


LEAST = {"pspline_aspls": 0.3, "irsqr": 0.35, "pspline_iarpls": 0.7, "pspline_drpls": 0.8, "pspline_arpls": 0.8}


@pytest.mark.parametrize("method", METHODS)
def test_equal_to_pybaselines(method: str) -> None:
    x = np.linspace(200, 2000, 500)
    check_equal(method, spectra(33, x, 1001), x, LEAST.get(method, 0.9))


CHANGES: dict[str, dict[str, Any]] = {
    "uneven axis": {},
    "degree 2": {"num_knots": 20, "spline_degree": 2, "diff_order": 3},
    "degree 5": {"num_knots": 60, "spline_degree": 5, "diff_order": 2},
    "degree 1": {"num_knots": 30, "spline_degree": 1, "diff_order": 4},
    "more knots than channels": {"num_knots": 150},
    "few rounds": {"max_iter": 3, "tol": 1e-9},
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("method", METHODS)
def test_equal_with_other_parameters(method: str, change: str) -> None:
    x = uneven(120) if change in ("uneven axis", "more knots than channels") else np.linspace(100, 900, 120)
    check_equal(method, spectra(17, x, 1002), x, LEAST.get(method, 0.7) - 0.25, **CHANGES[change])


OWN = {
    "pspline_asls": {"p": 0.1, "lam": 1e5},
    "pspline_iasls": {"p": 0.05, "lam_1": 0.1},
    "pspline_drpls": {"eta": 0.9},
    "pspline_aspls": {"asymmetric_coef": 0.3, "lam": 1e5},
    "pspline_psalsa": {"p": 0.1, "k": 2.0},
    "irsqr": {"quantile": 0.3, "tol": 1e-4},
}  # fmt: skip


@pytest.mark.parametrize("method", OWN)
def test_equal_with_own_parameters(method: str) -> None:
    x = np.linspace(100, 900, 200)
    check_equal(method, spectra(17, x, 1003), x, 0.25, **OWN[method])


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_equal_over_hundreds_of_spectra(method: str) -> None:
    x = np.linspace(200, 2000, 1024)
    check_equal(method, spectra(300, x, 1004), x, LEAST.get(method, 0.9) - 0.1)


@pytest.mark.parametrize("method", METHODS)
def test_few_channels(method: str) -> None:
    # Stiff enough not to pass through every point: on which side of a point the fit lies is rounding otherwise.
    x = np.array([1.0, 2.0, 3.5, 4.0, 6.0, 7.0, 8.0])
    rows = np.random.default_rng(1005).normal(size=(20, 7)) + 5 * x
    # airpls keeps only the channels below the fit, and soon passes through the last two or three.
    more = {"max_iter": 0} if method == "pspline_airpls" else {}
    check_equal(method, rows, x, 0.5, num_knots=4, spline_degree=2, lam=1e3, **more)


@pytest.mark.parametrize("method", METHODS)
def test_float32_is_computed_in_float64(method: str) -> None:
    x = np.linspace(200, 2000, 200)
    rows = spectra(5, x, 1006).astype(np.float32)
    for a, b in zip(ours(method, rows, x), ours(method, rows.astype(float), x), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("method", METHODS)
def test_a_spectrum_does_not_feel_its_neighbours(method: str) -> None:
    x = np.linspace(200, 2000, 150)
    rows = spectra(150, x, 1007)
    rows[3] *= 1e200  # overflows in its lane
    with use_threads(2):
        together = ours(method, rows, x)
    for i in (0, 17, 40, 149):
        for a, b in zip(ours(method, rows[i : i + 1], x), together, strict=True):
            np.testing.assert_array_equal(a[0], b[i])
    backwards = ours(method, rows[::-1], x)
    np.testing.assert_array_equal(backwards[0][::-1], together[0])


def test_nothing_settles_in_no_rounds() -> None:
    x = np.linspace(200, 2000, 150)
    _, rounds, last = ours("pspline_arpls", spectra(3, x, 1008), x, max_iter=0, tol=0.0)
    np.testing.assert_array_equal(rounds, 1)
    assert np.all(last > 0)


# Masked channels, against dense matrices. ---------------------------------------------------------------------------


def dense_basis(x: Floats, num_knots: int, degree: int) -> tuple[Floats, Floats]:
    """Return (channels, functions) of the basis, and the places of the functions' middles."""
    h = (x[-1] - x[0]) / (num_knots - 1)
    knots = x[0] + h * np.arange(-degree, num_knots + degree)
    knots[-degree - 1] = x[-1]
    functions = num_knots + degree - 1
    basis = BSpline(knots, np.eye(functions), degree)(x)
    return basis, x[0] + h * (np.arange(functions) - (degree - 1) / 2)


def dense_weights(method: str, r: Floats, good: Any, fit: Floats, turn: int) -> Floats:
    """Return the weights of the methods' papers, from the channels that are not masked."""
    below = r[good & (r < 0)]
    mean, spread = below.mean(), below.std(ddof=1)
    if method in ("pspline_asls", "pspline_iasls"):
        w = np.where(r > 0, 0.01, 0.99)
    elif method == "pspline_airpls":
        w = np.where(r < 0, np.exp(turn * np.minimum(r, 0) / below.sum()), 0)
    elif method == "pspline_arpls":
        w = expit(-2 * (r - (2 * spread - mean)) / spread)
    elif method == "pspline_aspls":
        w = expit(-0.5 * (r - spread) / spread)
    elif method == "pspline_iarpls":
        t = np.exp(turn) * (r - 2 * spread) / spread
        w = 0.5 * (1 - t / np.sqrt(1 + t**2))
    elif method in ("pspline_drpls", "pspline_lsrpls"):
        t = (np.exp(turn) if method == "pspline_drpls" else 10.0**turn) * (r - (2 * spread - mean)) / spread
        w = 0.5 * (1 - t / (1 + np.abs(t)))
    elif method == "irsqr":
        w = np.where(r > 0, 0.05, 0.95) / np.sqrt(r**2 + (1e-6 * np.abs(fit[good]).max()) ** 2)
    else:
        w = np.where(r > 0, 0.5 * np.exp(-np.maximum(r, 0) / (K_OF_PSALSA)), 0.5)
    return w * good


K_OF_PSALSA = 0.3
DENSE_LAM = 50.0


def dense(method: str, y: Floats, x: Floats, good: Any, rounds: int) -> Floats:
    """Return the background after ``rounds`` solutions."""
    basis, middles = dense_basis(x, 20, 3)
    n = basis.shape[1]
    d = np.diff(np.eye(n), 3 if method == "irsqr" else 2, axis=0)
    penalty = DENSE_LAM * d.T @ d
    d1 = np.diff(np.eye(n), axis=0)
    w, alpha = good.astype(float), np.ones(x.size)
    extra_matrix, extra_right = np.zeros((n, n)), np.zeros(n)
    if method == "pspline_iasls":
        start = np.polynomial.Polynomial.fit(x[good], y[good], 2)(x)
        w = np.where(y > start, 0.01, 0.99) * good
        slopes = np.diff(basis, axis=0)
        extra_matrix, extra_right = 0.1 * slopes.T @ slopes, 0.1 * slopes.T @ np.diff(y)
    fit = y
    for turn in range(1, rounds + 1):
        weight = w**2 if method == "pspline_iasls" else w
        matrix = basis.T @ (weight[:, None] * basis) + extra_matrix
        if method == "pspline_drpls":
            matrix += d1.T @ d1 + (1 - 0.5 * np.interp(middles, x, w))[:, None] * penalty
        elif method == "pspline_aspls":
            matrix += np.interp(middles, x, alpha)[:, None] * penalty
        else:
            matrix += penalty
        fit = basis @ np.linalg.solve(matrix, basis.T @ (weight * y) + extra_right)
        r = y - fit
        w = dense_weights(method, r, good, fit, turn)
        alpha = np.where(good, np.abs(r) / np.abs(r[good]).max(), 1.0)
    return fit


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_equal_to_dense_matrices(method: str, masked: bool) -> None:
    x = uneven(90)
    rng = np.random.default_rng(1009)
    rows = 2 + np.sin(x / 40) + rng.normal(0, 0.05, (5, x.size)) + 2 / (1 + ((x - x[30]) / 2) ** 2)
    mask = np.zeros(rows.shape, bool)
    if masked:
        mask[0, 28:33] = mask[1, :4] = mask[2, -3:] = mask[3, ::7] = True
    parameters = {"num_knots": 20, "lam": DENSE_LAM, "max_iter": 3, "tol": 0.0}
    if method == "pspline_iasls":
        parameters["lam_1"] = 0.1
    if method == "pspline_psalsa":
        parameters["k"] = K_OF_PSALSA
    found, rounds, _ = ours(method, rows, x, mask if masked else None, **parameters)
    for row, hidden, background, done in zip(rows, mask, found, rounds, strict=True):
        expected = dense(method, row, x, ~hidden, int(done))
        np.testing.assert_allclose(background, expected, rtol=0, atol=1e-8 * np.ptp(expected))


@pytest.mark.parametrize("method", [m for m in METHODS if m != "pspline_iasls"])
def test_what_is_masked_does_not_matter(method: str) -> None:
    x = np.linspace(0, 100, 120)
    rows = spectra(4, x, 1010)
    mask = np.zeros(rows.shape, bool)
    mask[:, 40:50] = True
    other = np.where(mask, 1e6, rows)
    np.testing.assert_array_equal(ours(method, rows, x, mask)[0], ours(method, other, x, mask)[0])


def test_a_singular_matrix_gives_nan() -> None:
    x = np.linspace(0, 100, 60)
    rows = np.ones((2, 60)) + np.arange(60) % 2
    mask = np.ones(rows.shape, bool)
    mask[0] = False
    found, _, _ = ours("pspline_asls", rows, x, mask)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()
