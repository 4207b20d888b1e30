"""Every shape against another implementation, and as a projection."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize, nnls
from sklearn.isotonic import isotonic_regression

from spectrode.errors import StepError
from spectrode.unmixing.constraints.base import Context
from spectrode.unmixing.constraints.closure import Closure, onto_simplex
from spectrode.unmixing.constraints.curves import Monotonic, Unimodal, nearest_curve
from spectrode.unmixing.constraints.hard import HardModel
from spectrode.unmixing.constraints.known import AtMost, EqualConcentration, EqualSpectrum
from spectrode.unmixing.constraints.places import Presence, Window
from spectrode.unmixing.constraints.smooth import _penalty_band, banded_nnls
from spectrode.unmixing.constraints.trilinear import Trilinear, rank_one

SHIFT = np.linspace(400.0, 1600.0, 121)
QUICK = settings(deadline=None, max_examples=60, derandomize=True)


def band(centre, width=15.0):
    return np.exp(-(((SHIFT - centre) / width) ** 2))


def context(n=24, k=2, blocks=None, **more):
    names = tuple("ABCDEF"[:k])
    columns = {"time_s": np.arange(n) * 2.0, **more.pop("columns", {})}
    return Context(names, SHIFT, n, columns, blocks, more.pop("known", {}))


def sklearn_isotonic(y, w, floor=None, increasing=True):
    return isotonic_regression(y, sample_weight=w, y_min=floor, increasing=increasing)


profiles = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@QUICK
@given(profiles, st.integers(1, 40), st.booleans())
def test_rising_and_falling_are_sklearns_isotonic_regression(rng, n, limited):
    y, w = rng.normal(size=n), rng.uniform(0.2, 3, n)
    floor = 0.0 if limited else -np.inf
    for form, increasing in (("rising", True), ("falling", False)):
        expected = sklearn_isotonic(y, w, 0.0 if limited else None, increasing)
        np.testing.assert_allclose(nearest_curve(y, w, form, floor), expected, atol=1e-10)


@QUICK
@given(profiles, st.integers(1, 25))
def test_unimodal_is_the_best_of_all_places_of_the_maximum(rng, n):
    y, w = rng.normal(0.5, 1, n), rng.uniform(0.2, 3, n)
    best = np.inf
    for split in range(n + 1):
        left = sklearn_isotonic(y[:split], w[:split], 0.0) if split else np.empty(0)
        right = sklearn_isotonic(y[split:], w[split:], 0.0, False) if split < n else np.empty(0)
        best = min(best, np.sum(w * (y - np.r_[left, right]) ** 2))
    found = nearest_curve(y, w, "unimodal", 0.0)
    assert np.sum(w * (y - found) ** 2) == pytest.approx(best, rel=1e-9, abs=1e-12)
    top = int(np.argmax(found))
    assert (np.diff(found[: top + 1]) >= -1e-12).all()
    assert (np.diff(found[top:]) <= 1e-12).all()


def test_unimodal_works_block_by_block_in_the_order_of_its_column():
    rng = np.random.default_rng(1000)
    blocks = np.repeat([0, 1], 12)
    time = rng.permutation(24).astype(float)
    C = rng.random((24, 2))
    found = Unimodal(("B",), column="time_s").apply(C, context(blocks=blocks, columns={"time_s": time}))
    np.testing.assert_array_equal(found[:, 0], C[:, 0])
    for b in (0, 1):
        rows = np.flatnonzero(blocks == b)
        rows = rows[np.argsort(time[rows])]
        np.testing.assert_allclose(found[rows, 1], nearest_curve(C[rows, 1], np.ones(12), "unimodal", 0.0))


def test_tolerance_of_a_curve_lets_noise_pass_and_stops_more():
    rng = np.random.default_rng(1001)
    true = np.exp(-(((np.arange(60) - 30) / 9.0) ** 2))
    noisy = np.maximum(true + rng.normal(0, 0.01, 60), 0)
    column = np.column_stack([noisy, noisy])
    strict = Unimodal(("A",)).apply(column, context(60))[:, 0]
    loose = Unimodal(("A",), tolerance=0.05).apply(column, context(60))[:, 0]
    np.testing.assert_array_equal(loose, noisy)
    assert np.abs(strict - noisy).max() > 0.005
    noisy[5] = 0.5
    assert Unimodal(("A",), tolerance=0.05).apply(np.column_stack([noisy, noisy]), context(60))[5, 0] < 0.2


@QUICK
@given(profiles, st.integers(1, 6))
def test_closure_is_the_nearest_point_of_the_simplex(rng, g):
    point, total = rng.normal(size=g), float(rng.uniform(0.5, 3))
    found = onto_simplex(point[None], np.array([total]))[0]
    expected = minimize(
        lambda x: np.sum((x - point) ** 2),
        np.full(g, total / g),
        jac=lambda x: 2 * (x - point),
        bounds=[(0, None)] * g,
        constraints=[LinearConstraint(np.ones((1, g)), total, total)],
        method="SLSQP",
        options={"ftol": 1e-14},
    ).x
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.sum() == pytest.approx(total)


def test_closure_at_most_leaves_what_is_within_and_takes_one_total_a_block():
    C = np.array([[0.2, 0.3], [2.0, 1.0], [2.0, 1.0]])
    found = Closure((1.0, 4.0), mode="at_most").apply(C, context(3, blocks=np.array([0, 0, 1])))
    np.testing.assert_allclose(found, [[0.2, 0.3], [1.0, 0.0], [2.0, 1.0]])


@QUICK
@given(profiles, st.floats(1.0, 3.0))
def test_at_most_is_the_quadratic_programme(rng, factor):
    m = 8
    reference = rng.uniform(0, 1, m)
    reference[3] = 1.2
    scaled = reference / reference.max()
    y = rng.normal(0.4, 0.6, m)
    ctx = Context(("A",), np.arange(float(m)), 3, known={"ref": reference})
    found = AtMost(("A",), "ref", factor).apply(y[None], ctx)[0]
    slope = factor * scaled
    slope[3] = 1.0
    rows = -np.eye(m)
    rows[:, 3] += slope  # slope·s₃ − s ≥ 0
    rows[3] = 0.0
    # Distance to a cone by non-negative least squares of the dual (Moreau): P(y) = y + Aᵀμ.
    A = np.vstack([rows, np.eye(m)])
    mu, _ = nnls(A.T, -y)
    np.testing.assert_allclose(found, y + A.T @ mu, atol=1e-8)


@QUICK
@given(profiles, st.integers(3, 30), st.floats(0.01, 1e4))
def test_smoothing_is_non_negative_least_squares_of_the_stacked_system(rng, n, strength):
    labels = np.repeat([0.0, 1.0], [n // 2, n - n // 2])
    y, w = rng.normal(0.3, 1, n), rng.uniform(0.3, 2, n)
    rows = [np.eye(n)[i] - 2 * np.eye(n)[i + 1] + np.eye(n)[i + 2] for i in range(n - 2) if labels[i] == labels[i + 2]]
    A = np.vstack([np.diag(np.sqrt(w)), np.sqrt(strength) * np.reshape(rows, (-1, n))])
    expected, _ = nnls(A, np.r_[np.sqrt(w) * y, np.zeros(len(rows))])
    found = banded_nnls(strength * _penalty_band(labels), w, w * y)
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_rank_one_of_non_negative_values_is_the_singular_triplet():
    values = np.random.default_rng(1002).random((4, 15))
    U, s, Vt = np.linalg.svd(values)
    np.testing.assert_allclose(rank_one(values, np.ones((4, 15)), 0.0), s[0] * np.outer(U[:, 0], Vt[0]), atol=1e-12)


@pytest.mark.parametrize("seed", range(1003, 1007))
def test_rank_one_with_weights_and_negative_values_is_a_minimum(seed):
    rng = np.random.default_rng(seed)
    values = np.outer(rng.random(3), rng.random(10)) + rng.normal(0, 0.2, (3, 10))
    weights = rng.uniform(0.1, 2, (3, 10))

    def cost(z):
        return np.sum(weights * (values - np.outer(z[:3], z[3:])) ** 2)

    found = np.sum(weights * (values - rank_one(values, weights, 0.0)) ** 2)
    searches = [minimize(cost, rng.random(13), bounds=[(0, None)] * 13, options={"maxiter": 3000}) for _ in range(6)]
    assert found <= min(s.fun for s in searches) * (1 + 1e-4)


def test_trilinear_finds_the_lag_of_each_block():
    shape = np.exp(-(((np.arange(40) - 18) / 4.0) ** 2))
    lags, heights = [0, 3, -2], [1.0, 0.5, 2.0]
    C = np.concatenate([h * np.roll(shape, lag) for h, lag in zip(heights, lags, strict=True)])[:, None]
    noisy = np.maximum(C + np.random.default_rng(1008).normal(0, 0.01, C.shape), 0)
    blocks = np.repeat([0, 1, 2], 40)
    ctx = context(120, 1, blocks)
    with_lag = Trilinear(max_lag=4).apply(noisy, ctx)
    without = Trilinear().apply(noisy, ctx)
    assert np.linalg.norm(with_lag - C) < 0.7 * np.linalg.norm(noisy - C)
    assert np.linalg.norm(without - C) > 5 * np.linalg.norm(noisy - C)


def test_a_known_spectrum_is_found_at_its_scale_and_shift():
    reference = band(740) + 0.4 * band(1100, 25) - 0.01
    moved = 3.0 * (band(741.7) + 0.4 * band(1101.7, 25) - 0.01)
    ctx = context(k=1, known={"salt": reference})
    bound = EqualSpectrum(("A",), "salt", max_shift=4.0).prepare(ctx)
    found = bound.apply(moved[None])
    assert bound.moved == pytest.approx(1.7, abs=0.05)  # half a per cent of a channel
    np.testing.assert_allclose(found[0], moved, atol=0.05)
    held = EqualSpectrum(("A",), "salt").apply(moved[None], ctx)[0]
    np.testing.assert_allclose(held / held.max(), reference / reference.max(), atol=1e-12)
    limited = EqualSpectrum(("A",), "salt", max_shift=1.0).prepare(ctx)
    limited.apply(moved[None])
    assert limited.moved == pytest.approx(1.0, abs=1e-3)


def test_known_concentrations_hold_where_they_are_known():
    given_ = np.array([0.0, 1.0, 2.0, np.nan, np.nan])
    C = np.array([[0.3], [3.1], [5.8], [7.0], [1.0]])
    found = EqualConcentration(("A",), "molar").apply(C, context(5, 1, columns={"molar": given_}))[:, 0]
    scale = (3.1 + 2 * 5.8) / 5
    np.testing.assert_allclose(found, [0, scale, 2 * scale, 7, 1])


def test_windows_and_presence_empty_the_right_places():
    C = np.ones((24, 2))
    only = Window(("A",), 10.0, 20.0).apply(C, context())
    assert only[:, 0].sum() == 6
    assert only[:, 1].all()
    out = Window(("B",), 700.0, 800.0, mode="absent_inside", side="spectra").apply(np.ones((2, 121)), context())
    assert (out[1] == 0).sum() == np.count_nonzero((SHIFT >= 700) & (SHIFT <= 800))
    there = Presence(("A",), (1,)).apply(C, context(blocks=np.repeat([0, 1], 12)))
    np.testing.assert_array_equal(there[:, 0], np.repeat([0, 1], 12))


def test_a_hard_model_takes_noise_off_a_reaction():
    time = np.linspace(0, 10, 40)
    C = np.column_stack([5 * np.exp(-0.4 * time), 2 * (1 - np.exp(-0.4 * time))])
    noisy = C + np.random.default_rng(1009).normal(0, 0.1, C.shape)
    bound = HardModel("first_order", ("A", "B")).prepare(context(40, columns={"time_s": time}))
    found = bound.apply(noisy.T).T
    assert np.linalg.norm(found - C) < 0.4 * np.linalg.norm(noisy - C)
    assert float(bound.space.theta(bound.z)[0]) == pytest.approx(0.4, rel=0.05)


BLOCKS = np.repeat([0, 1], 12)
CONVEX = [
    Monotonic("rising", column="time_s"),
    Monotonic("falling"),
    Closure(1.5),
    Closure(1.5, mode="at_most"),
    Window(("A",), 4.0, 30.0),
    Presence(("B",), (0,)),
]
OTHERS = [Unimodal(), Trilinear(), EqualConcentration(("A",), "given")]


def _feasible(constraint, rng, ctx):
    return constraint.apply(np.abs(rng.normal(size=(24, 2))), ctx)


def _ctx():
    given_ = np.where(np.arange(24) < 6, np.arange(24.0), np.nan)
    return context(blocks=BLOCKS, columns={"given": given_})


@pytest.mark.parametrize("constraint", CONVEX + OTHERS, ids=lambda c: f"{c.kind}-{getattr(c, 'mode', '')}")
@settings(deadline=None, max_examples=25, derandomize=True)
@given(profiles)
def test_applying_twice_is_applying_once(constraint, rng):
    once = constraint.apply(rng.normal(0.3, 1, size=(24, 2)), _ctx())
    assert np.isfinite(once).all()
    np.testing.assert_allclose(constraint.apply(once, _ctx()), once, atol=1e-7)


@pytest.mark.parametrize("constraint", CONVEX, ids=lambda c: f"{c.kind}-{getattr(c, 'mode', '')}")
@settings(deadline=None, max_examples=25, derandomize=True)
@given(profiles)
def test_a_convex_constraint_never_moves_away_from_a_truth_that_meets_it(constraint, rng):
    truth = _feasible(constraint, rng, _ctx())
    noisy = truth + rng.normal(0, 1, truth.shape)
    assert np.linalg.norm(constraint.apply(noisy, _ctx()) - truth) <= np.linalg.norm(noisy - truth) * (1 + 1e-9)


@pytest.mark.parametrize("constraint", OTHERS, ids=lambda c: c.kind)
@settings(deadline=None, max_examples=25, derandomize=True)
@given(profiles)
def test_a_projection_on_any_set_at_most_doubles_the_distance_to_a_truth_that_meets_it(constraint, rng):
    """Of sets that are not convex no more can be said: |P(x) − t| ≤ |P(x) − x| + |x − t| ≤ 2 |x − t|."""
    truth = _feasible(constraint, rng, _ctx())
    noisy = np.maximum(truth + rng.normal(0, 0.3, truth.shape), 0)
    assert np.linalg.norm(constraint.apply(noisy, _ctx()) - truth) <= 2 * np.linalg.norm(noisy - truth) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Unimodal(("Z",)).prepare(context()), "no component 'Z'; there are: A, B"),
        (lambda: Unimodal((7,)).prepare(context()), "counted from 0 to 1"),
        (lambda: Window(("A",), 900.0, 901.0).prepare(context()), "no point lies between"),
        (lambda: Window(("A",), 0.0, 1.0, "charge_mah").prepare(context()), "needs the column 'charge_mah'"),
        (lambda: Presence(("A",), (3,)).prepare(context()), "no block 3; there are: 0"),
        (lambda: Closure((1.0, 2.0)).prepare(context()), "2 totals were given, but there are 1 blocks"),
        (lambda: Trilinear().prepare(context()), "two or more blocks of equal length"),
        (lambda: Trilinear(max_lag=12).prepare(context(blocks=BLOCKS)), "must be below the 12 spectra"),
        (lambda: EqualSpectrum(("A",), "salt").prepare(context()), "needs the known spectrum 'salt'"),
        (lambda: AtMost(("A",), "s").prepare(context(known={"s": np.zeros(121)})), "somewhere above zero"),
        (lambda: HardModel("first_order", ("A",), fixed={"k": 1e9}).prepare(context()), "k may be"),
    ],
)
def test_what_does_not_fit_the_data_is_said(make, words):
    with pytest.raises(StepError, match=words):
        make()
