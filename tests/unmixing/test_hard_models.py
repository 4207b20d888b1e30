"""Laws against independent solutions, and their fit by variable projection."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.optimize import brentq

from spectrode.errors import StepError
from spectrode.unmixing.hard_models.fit import fit_hard_model
from spectrode.unmixing.hard_models.laws import LAWS, axis_for, law_named
from spectrode.unmixing.hard_models.search import Space

T = np.linspace(0.0, 8.0, 50)


def by_exponential(matrix, start):
    return np.array([expm(np.array(matrix) * t) @ start for t in T])


def bands(k, seed, m=100):
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, m)
    return np.array(
        [
            sum(
                a * np.exp(-(((x - c) / 0.03) ** 2)) for a, c in zip(rng.uniform(0.3, 1, 4), rng.random(4), strict=True)
            )
            for _ in range(k)
        ]
    )


@pytest.mark.parametrize(("k1", "k2"), [(1.3, 0.3), (0.3, 1.3), (0.7, 0.7), (0.7, 0.7 + 1e-9), (5.0, 1e-6)])
def test_consecutive_reactions_are_the_matrix_exponential(k1, k2):
    expected = by_exponential([[-k1, 0, 0], [k1, -k2, 0], [0, k2, 0]], [1.0, 0, 0])
    np.testing.assert_allclose(law_named("consecutive").profiles(np.array([k1, k2]), T), expected, atol=1e-12)


def test_first_and_second_order_solve_their_rate_equations():
    first = by_exponential([[-0.8, 0], [0.8, 0]], [1.0, 0])
    np.testing.assert_allclose(law_named("first_order").profiles(np.array([0.8]), T), first, atol=1e-12)
    solved = solve_ivp(lambda _, y: [-0.8 * y[0] ** 2], (0, 8), [1.0], t_eval=T, rtol=1e-10, atol=1e-12).y[0]
    np.testing.assert_allclose(law_named("second_order").profiles(np.array([0.8]), T)[:, 0], solved, atol=1e-8)


@pytest.mark.parametrize(
    ("law", "rate"),
    [
        ("linear", lambda y: 1.0),
        ("parabolic", lambda y: 1 / (2 * y)),
        ("logarithmic", lambda y: np.exp(-y) / 2.0),
        ("saturating", lambda y: (1 - y) / 2.0),
        ("bleaching", lambda y: -y / 2.0),
    ],
)
def test_growth_laws_solve_their_rate_equations(law, rate):
    """Linear: constant; parabolic: dy/dt ~ 1/y; logarithmic: ~ exp(−y); saturating and bleaching: first order."""
    model = law_named(law)
    theta = np.array([2.0]) if model.parameters else np.empty(0)
    profile = model.profiles(theta, T)[:, 0]
    scale = np.ptp(T) if law == "linear" else np.sqrt(np.ptp(T)) if law == "parabolic" else 1.0
    begin = 5
    solved = solve_ivp(
        lambda _, y: [rate(y[0])], (T[begin], 8.0), [profile[begin] * scale], t_eval=T[begin:], rtol=1e-9, atol=1e-12
    ).y[0]
    np.testing.assert_allclose(profile[begin:] * scale, solved, rtol=1e-6)


@pytest.mark.parametrize("g", [-3.5, -1.0, 0.0, 5.0, 40.0])
def test_frumkin_solves_its_isotherm_and_is_nernst_without_interaction(g):
    E = np.linspace(-0.6, 0.6, 41)
    theta = law_named("frumkin").profiles(np.array([0.05, g]), E)
    f = 96485.33212 / (8.314462618 * 298.15)
    for e, (oxidised, reduced) in zip(E, theta, strict=True):
        left = brentq(lambda u, e=e: u + g * (1 / (1 + np.exp(-u)) - 0.5) - f * (e - 0.05), -200, 200, xtol=1e-13)
        assert oxidised == pytest.approx(1 / (1 + np.exp(-left)), abs=1e-8)
        assert oxidised + reduced == pytest.approx(1.0)
    if g == 0:
        np.testing.assert_allclose(theta, law_named("nernst").profiles(np.array([0.05, 1.0]), E), atol=1e-9)


def test_nernst_falls_tenfold_in_59_millivolts_at_room_temperature():
    E = np.array([0.3, 0.3 + 0.05916])
    ratio = law_named("nernst").profiles(np.array([0.3, 1.0]), E)
    np.testing.assert_allclose(ratio[:, 0] / ratio[:, 1], [1.0, 10.0], rtol=1e-4)


@pytest.mark.parametrize("seed", range(1000, 1003))
def test_both_rates_within_one_per_cent_and_the_swapped_pair_told_apart(seed):
    """A5.6: swapping the rates gives the same residual; non-negativity of the spectra tells which step is fast."""
    rng = np.random.default_rng(seed)
    S = bands(3, seed)
    k1, k2 = 1.3, 0.3
    C = by_exponential([[-k1, 0, 0], [k1, -k2, 0], [0, k2, 0]], [1.0, 0, 0])
    D = C @ S + rng.normal(0, 0.005, (50, 100))
    found = fit_hard_model(D, T + 100.0, "consecutive")
    assert found["k1"].value == pytest.approx(k1, rel=0.01)
    assert found["k2"].value == pytest.approx(k2, rel=0.01)
    ((swapped, lof),) = found.rejected
    assert swapped == pytest.approx((found["k2"].value, found["k1"].value))
    assert lof > 1.5 * found.lack_of_fit_percent
    law = law_named("consecutive")
    residuals = []
    for theta in (np.array([k1, k2]), np.array([k2, k1])):
        Q, _ = np.linalg.qr(law.profiles(theta, T))
        residuals.append(np.linalg.norm(D - Q @ (Q.T @ D)))
    assert residuals[0] == pytest.approx(residuals[1], rel=1e-10)
    assert "need negative spectra" in found.notes[0]


@pytest.mark.parametrize("seed", range(1000, 1003))
def test_a_slow_first_step_is_not_told_from_a_fast_one_by_signs(seed):
    """The swapped intermediate is s_A + (k1/k2)(s_B − s_A), a mean of true spectra, hence not negative."""
    rng = np.random.default_rng(seed)
    C = by_exponential([[-0.3, 0, 0], [0.3, -1.3, 0], [0, 1.3, 0]], [1.0, 0, 0])
    S = bands(3, seed)
    found = fit_hard_model(C @ S + rng.normal(0, 0.005, (50, 100)), T, "consecutive")
    assert sorted(e.value for e in found.estimates) == pytest.approx([0.3, 1.3], rel=0.03)
    assert "not told apart" in found.notes[0]
    swapped = law_named("consecutive").profiles(np.array([1.3, 0.3]), T)
    intermediate = S[0] + 0.3 / 1.3 * (S[1] - S[0])
    np.testing.assert_allclose(swapped @ np.array([S[0], intermediate, S[2]]), C @ S, atol=1e-10)


def test_where_signs_do_not_tell_the_pair_apart_the_result_says_so():
    """Spectra on a high pedestal stay positive either way."""
    S = bands(3, 1003) * 0.02 + 1.0
    C = by_exponential([[-1.3, 0, 0], [1.3, -0.9, 0], [0, 0.9, 0]], [1.0, 0, 0])
    found = fit_hard_model(C @ S, T, "consecutive")
    assert "not told apart" in found.notes[0]
    assert sorted(e.value for e in found.estimates) == pytest.approx([0.9, 1.3], rel=1e-3)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    S = bands(2, 1004)
    k = 0.6
    C = by_exponential([[-k, 0], [k, 0]], [1.0, 0])
    rng = np.random.default_rng(1004)
    inside, errors, stated = 0, [], []
    for _ in range(120):
        found = fit_hard_model(C @ S + rng.normal(0, 0.2, (50, 100)), T, "first_order", nonnegative=False)["k"]
        inside += found.low <= k <= found.high
        errors.append(found.value - k)
        stated.append(found.standard_error)
    assert 0.88 <= inside / 120 <= 1.0
    assert np.mean(stated) == pytest.approx(np.std(errors), rel=0.25)


def test_drift_that_noise_does_not_explain_widens_the_errors():
    rng = np.random.default_rng(1005)
    S = bands(2, 1005)
    D = by_exponential([[-0.6, 0], [0.6, 0]], [1.0, 0]) @ S
    white = fit_hard_model(D + rng.normal(0, 0.05, D.shape), T, "first_order")
    drift = fit_hard_model(D + np.cumsum(rng.normal(0, 0.02, D.shape), axis=0), T, "first_order")
    assert abs(white.autocorrelation) < 0.1
    assert drift.autocorrelation > 0.5
    assert any("widened" in note for note in drift.notes)
    assert not any("widened" in note for note in white.notes)


def test_potential_and_fixed_parameters_and_stacked_blocks():
    rng = np.random.default_rng(1006)
    E = np.linspace(0.0, 0.8, 60)
    f = 96485.33212 / (8.314462618 * 298.15)
    share = 1 / (1 + np.exp(-0.7 * f * (E - 0.42)))
    S = bands(2, 1006)
    D = np.column_stack([share, 1 - share]) @ S + rng.normal(0, 0.01, (60, 100))
    found = fit_hard_model(D, E, "nernst")
    assert found["e0"].value == pytest.approx(0.42, abs=0.002)
    assert found["electrons"].value == pytest.approx(0.7, rel=0.03)
    held = fit_hard_model(D, E, "nernst", fixed={"electrons": 0.7})
    assert held["electrons"].fixed
    assert held["e0"].value == pytest.approx(0.42, abs=0.002)
    blocks = np.repeat([0, 1], 50)
    C = by_exponential([[-0.6, 0], [0.6, 0]], [1.0, 0])
    stacked = fit_hard_model(np.vstack([C, C]) @ S, np.r_[T, T + 1000], "first_order", blocks=blocks)
    assert stacked["k"].value == pytest.approx(0.6, rel=1e-6)
    np.testing.assert_allclose(axis_for(law_named("linear"), np.r_[T, T + 1000], blocks), np.r_[T, T])


@pytest.mark.parametrize("name", LAWS)
def test_every_law_can_be_fitted_to_its_own_data(name):
    law = law_named(name)
    x = np.linspace(0, 8, 50) if law.from_start else np.linspace(-0.4, 0.6, 50)
    truth = {"first_order": [0.5], "consecutive": [1.1, 0.2], "second_order": [0.5], "nernst": [0.1, 1.0]}
    truth |= {"frumkin": [0.1, 6.0]}
    theta = np.array(truth.get(name, [2.0] * len(law.parameters)))
    S = bands(len(law.species), 1007)
    found = fit_hard_model(law.profiles(theta, x) @ S, x, law)
    np.testing.assert_allclose([e.value for e in found.estimates], theta, rtol=1e-4)
    assert found.lack_of_fit_percent < 1e-3
    np.testing.assert_allclose(found.spectra, S, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"law": "zeroth"}, "'zeroth' is not known; possible: first_order"),
        ({"x": np.ones(3)}, r"needs finite spectra \(n, channels\) and x \(n,\)"),
        ({"x": np.full(20, np.nan)}, "one finite number a spectrum"),
        ({"fixed": {"k9": 1.0}}, "no parameter 'k9'; it has: k"),
        ({"fixed": {"k": -1.0}}, "k may be"),
        ({"confidence": 1.0}, "between 0 and 1"),
        ({"intensity": np.ones((2, 5)), "x": np.arange(2.0)}, "at least 4 spectra"),
    ],
)
def test_input_that_does_not_fit_is_refused(change, words):
    given = {"intensity": np.ones((20, 5)), "x": np.arange(20.0), "law": "first_order", **change}
    with pytest.raises(StepError, match=words):
        fit_hard_model(given.pop("intensity"), given.pop("x"), given.pop("law"), **given)


def test_slopes_are_those_of_the_closed_form():
    space = Space.of(law_named("first_order"), T)
    slope = space.slopes(np.array([np.log(0.5)]))[0, :, 0]
    np.testing.assert_allclose(slope, -0.5 * T * np.exp(-0.5 * T), atol=1e-8)
