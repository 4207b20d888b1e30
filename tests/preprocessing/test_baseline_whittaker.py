"""Compiled Whittaker backgrounds: the numbers and rounds of pybaselines, masks against dense algebra, cut-offs."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pybaselines
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit

from spectrode.errors import SpectrodeError, StepError
from spectrode.kernels.banded import inverse_diagonal
from spectrode.kernels.threads import use_threads
from spectrode.kernels.whittaker import Settings, background_rows
from spectrode.preprocessing import baseline
from spectrode.preprocessing.baseline.smoothness_units import cutoff_from_lam, lam_from_cutoff

PLAIN = ["asls", "airpls", "arpls", "drpls", "iarpls", "psalsa"]
COMPILED = [*PLAIN, "iasls"]
SHIFT = np.linspace(200, 2000, 400)
TINY = np.finfo(float).eps
Spectra = NDArray[np.float64]


def simulated(n: int, seed: int, shift: NDArray[np.float64] = SHIFT) -> Spectra:
    """Return counts of Voigt-like bands of all widths on decaying and wavy backgrounds, with Poisson noise."""
    rng = np.random.default_rng(seed)
    spectra = np.empty((n, shift.size))
    for row in range(n):
        y = rng.uniform(1, 100) * np.exp(-(shift - 200) / rng.uniform(500, 3000))
        y += rng.uniform(0, 5) * (1 + np.sin(shift / rng.uniform(200, 800)))
        for _ in range(rng.integers(0, 10)):
            x = (shift - rng.uniform(200, 2000)) / rng.uniform(3, 40)
            y += rng.uniform(1, 60) * (0.5 / (1 + x**2) + 0.5 * np.exp(-(x**2)))
        spectra[row] = rng.poisson(y * rng.uniform(1, 50)) + rng.normal(0, 1, shift.size)
    return spectra


def theirs(method: str, y: Spectra, shift: NDArray[np.float64], **parameters: Any) -> tuple[Spectra, Spectra, Spectra]:
    """Return background, history of the tolerance and weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        background, details = getattr(pybaselines.Baseline(shift), method)(y, **parameters)
    return background, details["tol_history"], details["weights"]


def allowed(method: str, weights: Spectra, lam: float, order: int) -> float:
    """1e-8, or ten roundings times the condition of the last system where that is more."""
    used = weights**2 if method == "iasls" else weights
    inverse = np.empty((1, weights.size))
    inverse_diagonal(used[None], np.array([lam]), order, inverse)
    condition = 4**order * lam * inverse.max() if np.isfinite(inverse).all() else np.inf
    # The weights of iarpls are nearly steps, of which the middle depends on the background itself.
    return max(1e-8, 10 * TINY * condition) * (10 if method == "iarpls" else 1)


CASES = [
    ("asls", {}),
    ("asls", {"lam": 1e4, "p": 0.001, "tol": 1e-6}),
    ("asls", {"lam": 1e2, "p": 0.1, "diff_order": 1}),
    ("asls", {"lam": 1e6, "diff_order": 3, "max_iter": 3}),
    ("asls", {"lam": 1e2, "diff_order": 4}),
    ("airpls", {}),
    ("airpls", {"lam": 1e3, "tol": 1e-2}),
    ("airpls", {"lam": 1e2, "diff_order": 1}),
    ("airpls", {"lam": 1e5, "diff_order": 3}),
    ("arpls", {}),
    ("arpls", {"lam": 1e3, "tol": 1e-5}),
    ("arpls", {"lam": 1e2, "diff_order": 1}),
    ("arpls", {"lam": 1e6, "diff_order": 3, "max_iter": 5}),
    ("drpls", {}),
    ("drpls", {"lam": 1e4, "eta": 0.9}),
    ("drpls", {"lam": 1e4, "eta": 0.1, "diff_order": 3}),
    ("iarpls", {}),
    ("iarpls", {"lam": 1e3}),
    ("psalsa", {}),
    ("psalsa", {"lam": 1e4, "p": 0.2, "k": 30.0}),
    ("psalsa", {"lam": 1e2, "diff_order": 1}),
]


@pytest.mark.parametrize(("method", "parameters"), CASES, ids=[f"{m}-{p}" for m, p in CASES])
def test_numbers_and_rounds_are_those_of_pybaselines(method: str, parameters: dict[str, Any]) -> None:
    counts = simulated(35, 1000)
    defaults = {"lam": 1e6 if method in ("asls", "airpls") else 1e5, "p": 0.01 if method == "asls" else 0.5}
    chosen = Settings(**{**defaults, **parameters})
    ours = counts.copy()
    iterations, last = background_rows(method, ours, chosen)
    for row, y in enumerate(counts):
        expected, history, weights = theirs(method, y, SHIFT, **parameters)
        limit = allowed(method, weights, chosen.lam, chosen.diff_order)
        assert iterations[row] == history.size
        assert last[row] == pytest.approx(history[-1], rel=max(1e-4, limit), abs=max(1e-9, limit))
        assert np.max(np.abs(ours[row] - expected)) <= limit * np.ptp(expected)


@pytest.mark.parametrize("parameters", [{}, {"lam": 1e4, "lam_1": 0.1, "p": 0.05}, {"lam": 1e4, "diff_order": 3}])
def test_iasls_is_that_of_pybaselines(parameters: dict[str, Any]) -> None:
    counts = simulated(20, 1001)
    found = baseline.iasls(counts, SHIFT, **parameters).products["background"]
    for row, y in enumerate(counts):
        expected, _, weights = theirs("iasls", y, SHIFT, **parameters)
        limit = allowed("iasls", weights, parameters.get("lam", 1e6), parameters.get("diff_order", 2))
        assert np.max(np.abs(found[row] - expected)) <= limit * np.ptp(expected)


@given(
    method=st.sampled_from(COMPILED),
    channels=st.integers(3, 60),
    rows=st.integers(1, 20),
    seed=st.integers(1000, 10**6),
    scale=st.sampled_from([1e-3, 1.0, 1e4]),
    offset=st.sampled_from([-1.0, 0.0, 10.0]),
    lam=st.sampled_from([1.0, 1e3, 1e5]),
    kind=st.sampled_from([np.float32, np.float64]),
)
@settings(max_examples=150, deadline=None)
def test_few_channels_and_all_scales(method, channels, rows, seed, scale, offset, lam, kind) -> None:
    shift = np.linspace(100, 900, channels)
    rng = np.random.default_rng(seed)
    counts = (scale * (offset + rng.normal(size=(rows, channels)) ** 2 + rng.normal(size=channels))).astype(kind)
    out = getattr(baseline, method)(counts, shift, lam=lam)
    for row, y in enumerate(counts):
        expected, _, weights = theirs(method, y.astype(float), shift, lam=lam)
        if method == "airpls" and np.count_nonzero(weights) < 6:
            continue  # a line through so few channels meets them exactly, and the sign of rounding decides what follows
        limit = max(allowed(method, weights, lam, 2), 1e-6 if kind is np.float32 else 0)
        # Hanging on few channels, a residual may be nothing but rounding, and its sign decides. Then pybaselines does
        # not agree with itself either once the last digit of the data changes.
        nudged, _, _ = theirs(method, y * (1 + TINY * rng.choice([-2, 0, 2], channels)), shift, lam=lam)
        # The background may run far out where it hangs on two channels, and rounding with it.
        scale = max(np.abs(y).max(), np.abs(expected).max())
        difference = np.max(np.abs(out.products["background"][row] - expected))
        assert difference <= limit * scale + 10 * np.max(np.abs(nudged - expected))


def test_iteration_ends_early_without_negative_residuals() -> None:
    y = np.array([[1.0, 0.0, 1.0]])  # one channel below its line
    for method in ("arpls", "airpls", "iarpls"):
        iterations, last = background_rows(method, y.copy(), Settings(lam=1e5))
        _, history, _ = theirs(method, y[0], np.arange(3.0), lam=1e5)
        assert iterations[0] == history.size == 0
        assert np.isnan(last[0])


def test_asymmetric_weights_of_aspls_follow_pybaselines_while_rounding_allows() -> None:
    counts = simulated(10, 1002)
    ours = counts.copy()
    iterations, _ = background_rows("aspls", ours, Settings(lam=1e4, max_iter=2))
    for row, y in enumerate(counts):
        expected, history, _ = theirs("aspls", y, SHIFT, lam=1e4, max_iter=2)
        assert iterations[row] == history.size
        assert np.max(np.abs(ours[row] - expected)) <= 1e-8 * np.ptp(expected)


@pytest.mark.parametrize("method", [*COMPILED, "aspls"])
def test_a_spectrum_does_not_depend_on_its_neighbours_or_threads(method: str) -> None:
    counts = simulated(90, 1003)
    counts[7] = 4.0
    mask = np.zeros(counts.shape, dtype=bool)
    mask[::3, 50:80] = True
    with use_threads(1):
        together = getattr(baseline, method)(counts, SHIFT, mask=mask).products["background"]
    order = np.random.default_rng(1004).permutation(90)
    with use_threads(2):
        mixed = getattr(baseline, method)(counts[order], SHIFT, mask=mask[order]).products["background"]
    np.testing.assert_array_equal(mixed, together[order])
    for row in (0, 1, 7, 89):
        alone = getattr(baseline, method)(counts[row : row + 1], SHIFT, mask=mask[row : row + 1])
        np.testing.assert_array_equal(alone.products["background"][0], together[row])
    unmasked = getattr(baseline, method)(counts[1:2], SHIFT).products["background"][0]
    np.testing.assert_array_equal(unmasked, together[1])


# -- masks against dense linear algebra ------------------------------------------------------------------------------


def _logistic(r: Spectra, used: NDArray[np.bool_], steepness: float, noisy: bool) -> Spectra:
    below = r[used & (r < 0)]
    s = below.std(ddof=1)
    return expit(-steepness / s * (r - (2 * s - below.mean() if noisy else s)))


def dense(method: str, y: Spectra, used: NDArray[np.bool_], lam: float, rounds: int) -> Spectra:
    """Backgrounds from the papers' equations with full matrices, masked channels left out of every sum."""
    n = y.size
    first, second = (np.diff(np.eye(n), k, axis=0) for k in (1, 2))
    slope, penalty = first.T @ first, lam * second.T @ second
    w, alpha = used.astype(float), np.ones(n)
    if method == "iasls":
        x = np.linspace(-1, 1, n)
        w = np.where(y > np.polyval(np.polyfit(x[used], y[used], 2), x), 0.01, 0.99) * used
    z = y
    for count in range(1, rounds + 1):
        if method == "drpls":
            z = np.linalg.solve(np.diag(w) + slope + (np.eye(n) - 0.5 * np.diag(w)) @ penalty, w * y)
        elif method == "iasls":
            z = np.linalg.solve(np.diag(w**2) + penalty + 1e-4 * slope, w**2 * y + 1e-4 * slope @ y)
        else:
            z = np.linalg.solve(np.diag(w) + alpha[:, None] * penalty, w * y)
        r = y - z
        below = r[used & (r < 0)]
        s = below.std(ddof=1)
        grown = np.exp(count) / s
        if method == "airpls":
            w = np.where(r < 0, np.exp(count * r / below.sum()), 0)
        elif method == "psalsa":
            w = np.where(r > 0, 0.5 * np.exp(-r / (y[used].std() / 10)), 0.5)
        elif method in ("asls", "iasls"):
            w = np.where(r > 0, 0.01, 0.99)
        elif method == "drpls":
            inner = grown * (r - (2 * s - below.mean()))
            w = 0.5 * (1 - inner / (1 + np.abs(inner)))
        elif method == "iarpls":
            inner = grown * (r - 2 * s)
            w = 0.5 * (1 - inner / np.hypot(1, inner))
        else:
            w = _logistic(r, used, 2 if method == "arpls" else 0.5, method == "arpls")
        w = np.where(used, w, 0)
        if method == "aspls":
            alpha = np.where(used, np.abs(r) / np.abs(r[used]).max(), 1)
    return z


@pytest.mark.parametrize("method", [*COMPILED, "aspls"])
def test_masked_channels_have_no_weight(method: str) -> None:
    shift = SHIFT[:150]
    counts = simulated(5, 1005, shift)
    mask = np.zeros(counts.shape, dtype=bool)
    mask[:, 60:72] = True
    mask[1:, 0] = True
    mask[2, 140:] = True
    rounds = 4
    step = getattr(baseline, method)
    found = step(counts, shift, mask=mask, lam=1e3, max_iter=rounds - 1, tol=0.0).products["background"]
    for row, y in enumerate(counts):
        used = ~mask[row]
        filled = np.where(used, y, np.interp(shift, shift[used], y[used]))
        expected = dense(method, filled, used, 1e3, rounds)
        assert np.max(np.abs(found[row] - expected)) <= 1e-8 * np.ptp(expected)
    spoilt = np.where(mask, 1e9, counts)
    again = step(spoilt, shift, mask=mask, lam=1e3, max_iter=rounds - 1, tol=0.0).products["background"]
    np.testing.assert_array_equal(again, found)


def test_too_few_channels_in_use_give_no_background() -> None:
    counts = simulated(2, 1006)
    mask = np.zeros(counts.shape, dtype=bool)
    mask[1, 2:] = True
    out = baseline.arpls(counts, SHIFT, mask=mask)
    assert np.isfinite(out.products["background"][0]).all()
    assert np.isnan(out.products["background"][1]).all()
    assert out.notes == ("baseline.arpls found no background for 1 of 2 spectra, which became NaN",)


# -- smoothness as a length -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3])
def test_half_of_a_ripple_at_the_cutoff_passes(order: int) -> None:
    shift = np.arange(0, 4000, 1.0)
    ripple = np.sin(2 * np.pi * shift / 200)[None]
    passed = baseline.asls(
        ripple, shift, p=0.5, cutoff_cm1=200.0, diff_order=order, max_iter=1, lam=1e3
    ).products["background"]  # fmt: skip
    inside = slice(1000, 3000)  # ten periods from the ends
    gain = (passed[0, inside] @ ripple[0, inside]) / (ripple[0, inside] @ ripple[0, inside])
    # Weights of p = 0.5 after the first round of 1 double lam; the gain is then that of 2 lam.
    assert gain == pytest.approx(1 / 3, abs=0.01)
    first = baseline.asls(ripple, shift, p=0.5, cutoff_cm1=200.0, diff_order=order, max_iter=1, tol=1.0)
    gain = (first.products["background"][0, inside] @ ripple[0, inside]) / (ripple[0, inside] @ ripple[0, inside])
    assert gain == pytest.approx(1 / 2, abs=0.01)


def test_a_cutoff_means_the_same_after_resampling() -> None:
    coarse, fine = np.linspace(200, 2000, 600), np.linspace(200, 2000, 1199)

    def spectrum(shift: NDArray[np.float64]) -> Spectra:
        band = 2 / (1 + ((shift - 900) / 15) ** 2)
        return (3 * np.exp(-(shift - 200) / 900) + band)[None]

    backgrounds = [
        baseline.asls(spectrum(shift), shift, cutoff_cm1=600.0).products["background"][0] for shift in (coarse, fine)
    ]
    assert np.max(np.abs(backgrounds[1][::2] - backgrounds[0])) < 0.01
    with_lam = [baseline.asls(spectrum(shift), shift, lam=1e5).products["background"][0] for shift in (coarse, fine)]
    assert np.max(np.abs(with_lam[1][::2] - with_lam[0])) > 0.03


@pytest.mark.parametrize("order", [1, 2, 4])
def test_cutoff_and_lam_are_inverse(order: int) -> None:
    shift = np.array([100.0, 101, 103, 105, 107])
    assert cutoff_from_lam(lam_from_cutoff(80.0, shift, order), shift, order) == pytest.approx(80)
    assert lam_from_cutoff(4 * np.pi, shift, order) == pytest.approx(1)


def test_impossible_cutoffs_are_one_sentence() -> None:
    with pytest.raises(SpectrodeError, match="too short for channels 2 cm-1 apart"):
        lam_from_cutoff(4.0, [0.0, 2.0, 4.0])
    with pytest.raises(SpectrodeError, match="at least 2 channels"):
        lam_from_cutoff(4.0, [0.0])
    with pytest.raises(SpectrodeError, match="lam must be above 0"):
        cutoff_from_lam(0.0, [0.0, 1.0])
    with pytest.raises(StepError, match=r"baseline\.arpls: a cut-off of 1 cm-1 is too short"):
        baseline.arpls(simulated(1, 1007), SHIFT, cutoff_cm1=1.0)
