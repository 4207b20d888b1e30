"""The alternating engine: exact half steps, weights, missing values, constraints on simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
from mixtures import cosines, raman_mixture
from scipy.optimize import nnls

from spectrode.errors import Cancelled, StepError
from spectrode.unmixing.als import als
from spectrode.unmixing.constraints.closure import Closure
from spectrode.unmixing.constraints.curves import Monotonic, Unimodal
from spectrode.unmixing.constraints.hard import HardModel
from spectrode.unmixing.constraints.known import AtMost, EqualConcentration, EqualSpectrum
from spectrode.unmixing.constraints.least_squares import Total, solve_rows
from spectrode.unmixing.constraints.noise import Scaling, keenan_kotula, noise_weights
from spectrode.unmixing.constraints.places import Presence, Window
from spectrode.unmixing.constraints.smooth import Smooth
from spectrode.unmixing.constraints.trilinear import Trilinear
from spectrode.unmixing.unmix import unmix, unmix_constrained

X = np.linspace(0.0, 1.0, 90)


def spectra(k, seed):
    rng = np.random.default_rng(seed)
    return np.array(
        [
            sum(
                a * np.exp(-(((X - c) / w) ** 2))
                for a, c, w in zip(rng.uniform(0.2, 1, 4), rng.random(4), rng.uniform(0.01, 0.05, 4), strict=True)
            )
            for _ in range(k)
        ]
    )


def disturbed(S, seed, size=0.3):
    return S * np.exp(np.random.default_rng(seed).normal(0, size, S.shape)) + 0.02


def scaled_to(C, truth):
    """Return C with each column at the scale nearest the truth's: what an unmixing leaves open."""
    return C * (np.sum(C * truth, axis=0) / np.maximum(np.sum(C**2, axis=0), 1e-300))


# Half steps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [False, True], ids=["one Gram", "a Gram each"])
@pytest.mark.parametrize("seed", range(1000, 1004))
def test_rows_are_scipys_nnls_where_unknowns_are_allowed(own, seed):
    rng = np.random.default_rng(seed)
    n, k, m = 40, 5, 12
    A = rng.random((m, k))
    D = rng.normal(0.3, 1, (n, m))
    allowed = rng.random((n, k)) < 0.7
    W = rng.uniform(0, 2, (n, m)) * (rng.random((n, m)) < 0.8) if own else np.ones((n, m))
    gram = np.einsum("nm,mi,mj->nij", W, A, A) if own else A.T @ A
    found = solve_rows(gram, (W * D) @ A, allowed=allowed)
    for i in range(n):
        root = np.sqrt(W[i])
        expected = np.zeros(k)
        expected[allowed[i]] = nnls(root[:, None] * A[:, allowed[i]], root * D[i])[0]
        np.testing.assert_allclose(found[i], expected, atol=1e-8)


def test_rows_of_nearly_dependent_unknowns_reach_the_least_residual():
    rng = np.random.default_rng(1004)
    A = rng.random((20, 4))
    A[:, 3] = A[:, 2] * (1 + 1e-9)
    D, W = rng.normal(0.3, 1, (30, 20)), rng.uniform(0.5, 2, (30, 20))
    found = solve_rows(np.einsum("nm,mi,mj->nij", W, A, A), (W * D) @ A)
    assert (found >= 0).all()
    for i in range(30):
        _, norm = nnls(np.sqrt(W[i])[:, None] * A, np.sqrt(W[i]) * D[i])
        assert np.sqrt(W[i] @ (D[i] - A @ found[i]) ** 2) <= norm * (1 + 1e-6)


def test_sums_are_met_at_the_least_residual_and_limits_only_where_they_bind():
    rng = np.random.default_rng(1005)
    A, D = rng.random((15, 3)), rng.random((25, 15)) * 3
    members = np.array([True, True, False])
    exact = solve_rows(A.T @ A, D @ A, totals=[Total(members, np.ones(25))])
    np.testing.assert_allclose(exact[:, :2].sum(axis=1), 1.0, rtol=1e-12)
    for i in range(25):  # one unknown eliminated: scan the other
        best = np.inf
        for a in np.linspace(0, 1, 201):
            part = D[i] - A[:, :2] @ [a, 1 - a]
            c = max(A[:, 2] @ part / (A[:, 2] @ A[:, 2]), 0)
            best = min(best, np.sum((part - c * A[:, 2]) ** 2))
        assert np.sum((D[i] - A @ exact[i]) ** 2) <= best * (1 + 1e-4)
    free = solve_rows(A.T @ A, D @ A)
    most = solve_rows(A.T @ A, D @ A, totals=[Total(members, np.full(25, 1.5), equal=False)])
    within = free[:, :2].sum(axis=1) <= 1.5
    assert 0 < within.sum() < 25
    np.testing.assert_allclose(most[within], free[within])
    np.testing.assert_allclose(most[~within, :2].sum(axis=1), 1.5)


# The fit -------------------------------------------------------------------------------------------------------------


def test_without_constraints_it_is_alternating_nnls():
    mixture = raman_mixture(n=40, channels=60, k=3, seed=1000)
    start = np.random.default_rng(1000).random((3, 60))
    S = start / np.linalg.norm(start, axis=1, keepdims=True)
    for _ in range(4):
        C = np.array([nnls(S.T, d)[0] for d in mixture.intensity])
        S = np.array([nnls(C, d)[0] for d in mixture.intensity.T]).T
        norm = np.linalg.norm(S, axis=1)
        S = S / norm[:, None]
    found = als(mixture.intensity, start, max_iterations=4, tolerance=0.0)
    np.testing.assert_allclose(found.spectra, S, atol=1e-8)
    np.testing.assert_allclose(found.concentrations, C * norm, atol=1e-5)
    residual = np.linalg.norm(mixture.intensity - found.concentrations @ found.spectra)
    assert found.history[-1] == pytest.approx(residual, rel=1e-9)
    assert found.lack_of_fit_percent == pytest.approx(100 * residual / np.linalg.norm(mixture.intensity))
    assert (found.reason, found.converged) == ("iteration_limit", False)
    assert "Not converged after 4 iterations" in found.notes[0]


SHAPES = [
    [Unimodal(column="time_s")],
    [Monotonic("falling", components=(0,)), Monotonic("rising", components=(2,))],
    [Trilinear()],
    [EqualSpectrum((0,), "known", max_shift=0.02)],
    [AtMost((1,), "known", 2.0)],
    [HardModel("consecutive", (0, 1, 2))],
    [Window((0,), 0.0, 20.0), Unimodal((1,)), Closure(1.0, components=(0, 2))],
    [Closure(1.0)],
]


@pytest.mark.parametrize("constraints", SHAPES, ids=lambda cs: "+".join(c.kind for c in cs))
@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
def test_the_residual_never_rises_once_inside_and_profiles_meet_the_constraints(constraints, weighted):
    rng = np.random.default_rng(1006)
    T = spectra(3, 1006)
    t = np.tile(np.arange(20.0), 2)
    C = np.column_stack([np.exp(-0.2 * t), 0.2 * t * np.exp(-0.2 * t), 1 - np.exp(-0.1 * t)]) + 0.05
    D = C @ T + rng.normal(0, 0.01, (40, 90))
    blocks = np.repeat([0, 1], 20)
    weights = rng.uniform(0.5, 2, D.shape) if weighted else None
    given = {"columns": {"time_s": t}, "blocks": blocks, "known": {"known": T[0]}, "shift": X}
    found = als(
        D, disturbed(T, 1006), constraints=constraints, weights=weights, max_iterations=60, tolerance=0.0, **given
    )
    rises = np.diff(found.history) / found.history[:-1]
    assert rises[1:].max() < 1e-3 if "closure" in [c.kind for c in constraints] else rises[1:].max() < 1e-6
    assert found.reason == "iteration_limit"
    assert (found.concentrations >= 0).all()
    # A reference that is moved is a spline, which swings a little below zero beside a sharp band.
    assert found.spectra.min() >= (-0.02 if constraints[0].kind == "equal_spectrum" else 0.0)
    from spectrode.unmixing.constraints.base import Context

    context = Context(found.names, X, 40, {"time_s": t}, blocks, {"known": T[0]})
    for one in constraints:
        profiles = found.concentrations if one.side_ == "concentrations" else found.spectra
        if one.kind == "at_most":
            np.testing.assert_allclose(one.apply(profiles, context), profiles, atol=1e-7)
        elif one.kind not in ("hard_model", "equal_spectrum"):
            np.testing.assert_allclose(one.apply(profiles, context), profiles, atol=1e-6 * np.abs(profiles).max())
    assert [f.constraint for f in found.forced] == [c.kind for c in constraints]
    assert all(0 <= f.displacement_percent < 200 for f in found.forced)


def test_missing_values_take_no_part_exactly():
    rng = np.random.default_rng(1007)
    T, C = spectra(3, 1007), rng.gamma(0.5, 1, (50, 3))
    D = C @ T + rng.normal(0, 0.003, (50, 90))
    holes = rng.random(D.shape) < 0.25
    holes[7] = True
    start = disturbed(T, 1007)
    one = als(np.where(holes, np.nan, D), start, max_iterations=30, tolerance=0.0)
    other = als(
        np.where(holes, 1e3 * rng.random(D.shape), D), start, weights=~holes * 1.0, max_iterations=30, tolerance=0.0
    )
    np.testing.assert_allclose(one.spectra, other.spectra, atol=1e-9)
    assert np.isnan(one.concentrations[7]).all()
    assert np.isfinite(np.delete(one.concentrations, 7, axis=0)).all()
    assert cosines(one.spectra, T)[1].min() > 0.999
    assert f"{holes.sum()} missing values" in one.notes[-1]


def test_weights_that_are_a_product_are_those_weights_and_twice_the_weight_is_twice_the_spectrum():
    rng = np.random.default_rng(1008)
    T = spectra(3, 1008)
    D = rng.gamma(0.5, 1, (30, 3)) @ T + rng.normal(0, 0.01, (30, 90))
    start = disturbed(T, 1008)
    r, c = rng.uniform(0.5, 2, 30), rng.uniform(0.5, 2, 90)
    constraints = [Unimodal((0,))]
    product = als(D, start, weights=Scaling(r, c), constraints=constraints, max_iterations=15, tolerance=0.0)
    full = als(D, start, weights=np.outer(r**2, c**2), constraints=constraints, max_iterations=15, tolerance=0.0)
    np.testing.assert_allclose(product.spectra, full.spectra, atol=1e-7)
    np.testing.assert_allclose(product.weighted_lack_of_fit_percent, full.weighted_lack_of_fit_percent, rtol=1e-7)
    assert product.forced[0].displacement_percent == pytest.approx(full.forced[0].displacement_percent, rel=1e-3)
    doubled = np.ones((30, 90))
    doubled[4] = 2.0
    twice = als(np.vstack([D, D[4]]), start, max_iterations=15, tolerance=0.0)
    heavy = als(D, start, weights=doubled, max_iterations=15, tolerance=0.0)
    np.testing.assert_allclose(heavy.spectra, twice.spectra, atol=1e-7)


def angle(found, truth):
    return np.sqrt(np.mean(np.degrees(np.arccos(np.clip(cosines(found, truth)[1], -1, 1))) ** 2))


@pytest.mark.parametrize("read_noise", [0.0, 3.0])
def test_weights_reduce_the_angle_error_of_counts(read_noise):
    """A5.7: at 50 counts, with bands of very different height, the weighted error is at most 0.8 of the unweighted."""
    ratios = []
    for seed in range(1010, 1014):
        rng = np.random.default_rng(seed)
        T = spectra(3, seed) ** 2
        C = rng.gamma(0.5, 1, (150, 3))
        expected = C @ T
        expected *= 50 / expected.mean()
        D = rng.poisson(expected) + rng.normal(0, read_noise, expected.shape)
        start = disturbed(T, seed)
        errors = [
            angle(als(D, start, weights=w, max_iterations=200).spectra, T)
            for w in (
                None,
                noise_weights(D, read_noise=read_noise, rank=3),
                keenan_kotula(D, read_noise=read_noise),
            )
        ]
        ratios.append(np.array(errors[1:]) / errors[0])
    exact, scaled = np.mean(ratios, axis=0)
    assert exact <= 0.8
    assert scaled < 1.0


def test_a_window_and_presence_resolve_what_non_negativity_leaves_open():
    rng = np.random.default_rng(1015)
    T = spectra(2, 1015) + 0.3  # bands on a common pedestal: non-negativity says little
    t = np.arange(60.0)
    C = np.column_stack([np.ones(60), np.where(t > 30, (t - 30) / 30, 0)])
    D = C @ T + rng.normal(0, 1e-4, (60, 90))
    start = np.array([D[40], D[59]])
    blocks = np.repeat([0, 1], [31, 29])
    plain = als(D, start, max_iterations=200)
    window = Window(("film",), 30.5, 60.0)
    helped = als(D, start, constraints=[window], names=("salt", "film"), columns={"time_s": t}, max_iterations=200)
    present = als(D, start, constraints=[Presence((1,), (1,))], blocks=blocks, max_iterations=200)
    assert cosines(plain.spectra, T)[1].min() < 0.999
    # Where the film is absent the salt's spectrum is known; the film's still has the salt's share open (rotation).
    assert cosines(helped.spectra[:1], T[:1])[1][0] > 0.99999
    np.testing.assert_allclose(present.spectra[0], helped.spectra[0], atol=1e-3)
    assert (helped.concentrations[:31, 1] == 0).all()
    assert "film present only where time_s is 30.5 to 60" in helped.forced[0].words


def test_closure_gives_shares_and_spectra_at_their_scale():
    rng = np.random.default_rng(1016)
    T = spectra(3, 1016) * np.array([[200.0], [900.0], [50.0]])
    C = rng.dirichlet([0.4, 0.4, 0.4], 80)
    D = C @ T + rng.normal(0, 0.5, (80, 90))
    found = als(D, disturbed(T, 1016) * 0.01, constraints=[Closure(1.0)], max_iterations=300)
    np.testing.assert_allclose(found.concentrations.sum(axis=1), 1.0, rtol=1e-9)
    np.testing.assert_allclose(found.concentrations, C, atol=0.03)
    np.testing.assert_allclose(found.spectra.max(axis=1), T.max(axis=1), rtol=0.05)


def test_a_hard_model_finds_both_rates_beside_a_free_component():
    rng = np.random.default_rng(1017)
    T = spectra(4, 1017)
    t = np.linspace(0, 10, 60)
    k1, k2 = 1.2, 0.35
    b = k1 / (k2 - k1) * (np.exp(-k1 * t) - np.exp(-k2 * t))
    C = np.column_stack([np.exp(-k1 * t), b, 1 - np.exp(-k1 * t) - b, 0.5 + 0.4 * np.sin(3 * t)])
    D = C @ T + rng.normal(0, 0.004, (60, 90))
    model = HardModel("consecutive", (0, 1, 2))
    found = als(D, disturbed(T, 1017), constraints=[model], columns={"time_s": t}, max_iterations=60)
    (law, names, estimates), *_ = found.models
    assert (law, names) == ("consecutive", ("component 1", "component 2", "component 3"))
    for estimate, truth in zip(estimates, (k1, k2), strict=True):
        assert estimate.value == pytest.approx(truth, rel=0.02)
        assert 0 < estimate.standard_error < 0.02 * truth
    np.testing.assert_allclose(scaled_to(found.concentrations, C)[:, :3], C[:, :3], atol=0.03)


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
def test_the_stated_error_of_a_rate_is_its_spread_over_repeats(weighted):
    rng = np.random.default_rng(1027)
    T = spectra(2, 1027)
    t = np.linspace(0, 8, 40)
    C = np.column_stack([np.exp(-0.5 * t), 1 - np.exp(-0.5 * t)])
    deviation = np.outer(np.geomspace(0.03, 0.3, 40), np.geomspace(2, 0.5, 90)) if weighted else np.full((40, 90), 0.1)
    values, stated = [], []
    for _ in range(30):
        found = als(
            C @ T + rng.normal(0, 1, (40, 90)) * deviation,
            T,
            constraints=[HardModel("first_order", (0, 1))],
            columns={"time_s": t},
            weights=1 / deviation**2,
            nonnegative=("concentrations",),
            max_iterations=12,
        )
        values.append(found.models[0][2][0].value)
        stated.append(found.models[0][2][0].standard_error)
    assert np.mean(values) == pytest.approx(0.5, abs=3 * np.std(values) / np.sqrt(30))
    assert np.mean(stated) == pytest.approx(np.std(values), rel=0.35)


def test_smoothing_within_a_pixel_lowers_the_error_of_concentrations():
    rng = np.random.default_rng(1018)
    T = spectra(2, 1018)
    pixel, frame = np.repeat(np.arange(4.0), 30), np.tile(np.arange(30.0), 4)
    C = np.column_stack([1 + pixel, (frame / 30) ** 2 * (4 - pixel)])
    order = rng.permutation(120)
    D = (C @ T + rng.normal(0, 0.3, (120, 90)))[order]
    columns = {"pixel": pixel[order], "time_s": frame[order]}
    plain = als(D, T, max_iterations=20)
    smooth = als(D, T, constraints=[Smooth(30.0, series="pixel")], columns=columns, max_iterations=20)

    def error(found):
        return np.linalg.norm(scaled_to(found.concentrations, C[order]) - C[order])

    assert error(smooth) < 0.5 * error(plain)


def test_a_known_spectrum_of_moved_axis_and_a_calibration_series_are_used():
    rng = np.random.default_rng(1019)
    shift = np.linspace(600, 800, 90)
    salt = np.exp(-(((shift - 741) / 6) ** 2))
    moved = np.exp(-(((shift - 743) / 6) ** 2))
    film = np.exp(-(((shift - 750) / 15) ** 2)) + 0.2
    molar = np.r_[np.linspace(0.2, 1.4, 7), np.full(30, np.nan)]
    C = np.column_stack([np.r_[np.linspace(0.2, 1.4, 7), rng.uniform(0.5, 1, 30)], np.r_[np.zeros(7), rng.random(30)]])
    C[10:14, 0] = 0.0  # places without electrolyte settle how much of the salt's band is the film's
    D = 500 * C @ np.array([moved, film]) + rng.normal(0, 2, (37, 90))
    blocks = np.repeat([0, 1], [7, 30])
    constraints = [
        EqualSpectrum(("salt",), "LiPF6", max_shift=3.0),
        EqualConcentration(("salt",), "molar"),
        Presence(("film",), (1,)),
    ]
    found = als(
        D,
        np.array([salt, film + 0.3 * moved]),
        constraints=constraints,
        names=("salt", "film"),
        columns={"molar": molar},
        known={"LiPF6": salt},
        blocks=blocks,
        shift=shift,
    )
    assert cosines(found.spectra, np.array([moved, film]))[1].min() > 0.999
    scale = found.concentrations[3, 0] / molar[3]
    np.testing.assert_allclose(found.concentrations[:, 0] / scale, C[:, 0], atol=0.03)
    assert found.forced[0].detail.startswith("moved by +2")
    assert found.forced[0].sentence().startswith("Salt has the known spectrum 'LiPF6', moved by at most 3 cm⁻¹: moved")


def test_what_a_constraint_forced_is_nothing_where_it_is_true_and_much_where_it_is_false():
    rng = np.random.default_rng(1020)
    T = spectra(2, 1020)
    t = np.arange(40.0)
    C = np.column_stack(
        [np.exp(-(((t - 15) / 6) ** 2)), np.exp(-(((t - 8) / 3) ** 2)) + np.exp(-(((t - 32) / 3) ** 2))]
    )
    D = C @ T + rng.normal(0, 1e-3, (40, 90))
    true = als(D, T, constraints=[Unimodal((0,))], max_iterations=50).forced[0]
    false = als(D, T, constraints=[Unimodal((1,))], max_iterations=50).forced[0]
    assert true.displacement_percent < 1
    assert true.residual_percent < 5
    assert false.displacement_percent > 20
    assert false.residual_percent > 50


def test_negative_bands_are_kept_where_spectra_may_be_negative():
    T = spectra(2, 1021)
    T[1] -= np.exp(-(((X - 0.5) / 0.05) ** 2))
    C = np.random.default_rng(1021).random((30, 2))
    found = als(C @ T, T + 0.1, nonnegative=("concentrations",), max_iterations=500, tolerance=1e-10)
    assert found.spectra.min() < -0.05
    assert found.lack_of_fit_percent < 0.01


def test_contradicting_constraints_end_with_the_best_state_and_a_reason(monkeypatch):
    from spectrode.unmixing.constraints import plan

    monkeypatch.setattr("spectrode.unmixing.als._PATIENCE", 3)
    original = plan.Plan.update
    calls = [0]

    def worse(self, X, normal, *, fresh=False):
        found = original(self, X, normal, fresh=fresh)
        calls[0] += 1
        return found * (1 + 0.1 * max(calls[0] - 6, 0)) if self.side == "spectra" else found

    monkeypatch.setattr(plan.Plan, "update", worse)
    D = np.random.default_rng(1022).random((20, 90))
    found = als(D, D[:2], max_iterations=100, tolerance=0.0)
    assert found.reason == "diverged"
    assert not found.converged
    assert "Diverged" in found.notes[0]
    assert found.history[-1] > found.history.min()
    best = np.linalg.norm(D - found.concentrations @ found.spectra)
    assert best == pytest.approx(found.history.min(), rel=1e-9)


def test_exact_data_end_at_once_and_a_superfluous_component_is_named():
    T = spectra(2, 1023)
    D = np.random.default_rng(1023).random((20, 2)) @ T
    found = als(D, T)
    assert (found.reason, found.iterations) == ("exact", 1)
    extra = als(
        D,
        np.vstack([T, np.eye(90)[0]]),
        constraints=[Window((2,), -1.0, 0.5, "time_s")],
        columns={"time_s": np.r_[0, np.ones(19)]},
    )
    assert extra.lack_of_fit_percent < 1e-3


def test_progress_and_cancelling():
    D = np.random.default_rng(1024).random((20, 90))
    seen = []
    als(D, D[:2], max_iterations=5, tolerance=0.0, progress=lambda done, limit: seen.append((done, limit)))
    assert seen == [(i, 5) for i in range(1, 6)]
    answers = iter([False, False, True])
    with pytest.raises(Cancelled, match="after 2 iterations"):
        als(D, D[:2], tolerance=0.0, should_stop=lambda: next(answers))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": np.ones((2, 7))}, "at most 10 of them"),
        ({"start": np.zeros((2, 12))}, "not zero everywhere"),
        ({"intensity": np.full((10, 12), np.inf)}, "not infinite"),
        ({"intensity": np.ones(5)}, r"must be \(spectra, channels\)"),
        ({"weights": np.ones((2, 2))}, "weights need the shape"),
        ({"weights": -np.ones((10, 12))}, "not negative"),
        ({"names": ("a", "a")}, "different names"),
        ({"shift": np.ones(3)}, "shift needs 12 finite values"),
        ({"blocks": np.ones(10)}, "10 whole numbers"),
        ({"nonnegative": ("both",)}, "may list concentrations and spectra"),
        ({"max_iterations": 0}, "whole number from 1"),
        ({"tolerance": -1.0}, "number from 0"),
        ({"constraints": [{"kind": "closure"}]}, "from_table makes one"),
        ({"columns": {"time_s": np.ones(3)}, "constraints": [Window((0,), 0.0, 2.0)]}, "needs 10 values"),
    ],
)
def test_input_that_does_not_fit_is_refused_in_one_sentence(change, words):
    rng = np.random.default_rng(1025)
    given = {"intensity": rng.random((10, 12)), "start": rng.random((2, 12)), **change}
    with pytest.raises(StepError, match=words):
        als(given.pop("intensity"), given.pop("start"), **given)


# Through unmix -------------------------------------------------------------------------------------------------------


def test_without_constraints_unmixing_is_the_plain_path():
    mixture = raman_mixture(n=150, channels=120, k=3, seed=1030)
    known = {"salt": mixture.spectra[0]}
    plain = unmix(mixture.intensity, mixture.shift, components=3, known=known, tolerance=1e-9)
    routed = unmix_constrained(mixture.intensity, mixture.shift, components=3, known=known, tolerance=1e-9)
    assert routed.decomposition.lack_of_fit_percent == pytest.approx(plain.lack_of_fit_percent, rel=1e-5)
    assert cosines(routed.decomposition.spectra, plain.spectra)[1].min() > 1 - 1e-6
    assert routed.decomposition.names == ("salt", "component 2", "component 3")
    assert routed.decomposition.known == (True, False, False)
    np.testing.assert_allclose(routed.decomposition.spectra[0], plain.spectra[0], atol=1e-12)


def test_unmixing_under_constraints_keeps_the_place_of_every_spectrum():
    mixture = raman_mixture(n=120, channels=700, k=3, seed=1031)
    D = mixture.intensity.copy()
    D[3] = np.nan
    D[5] = 0.0
    D[7, 20:40] = np.nan
    use = np.arange(120) != 11
    moved = np.interp(mixture.shift - 2.0, mixture.shift, mixture.spectra[0])
    found = unmix_constrained(
        D,
        mixture.shift,
        components=3,
        known={"salt": moved},
        constraints=[EqualSpectrum(("salt",), "salt", max_shift=4.0), Window(("component 2",), 10.0, 119.0, "frame")],
        columns={"frame": np.arange(120.0)},
        blocks=np.zeros(120, dtype=int),
        weights=keenan_kotula(np.maximum(mixture.intensity, 0.0) + 80.0),
        use=use,
    )
    result = found.decomposition
    out = np.isnan(result.concentrations).all(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(out), [3, 11])
    np.testing.assert_array_equal(result.concentrations[5], 0.0)
    assert (result.concentrations[[0, 1, 2, 4, 6, 7, 8, 9], 1] == 0).all()
    assert np.isfinite(result.residual_rms[7])
    assert found.fit.forced[0].detail.startswith("moved by -")
    assert sum("moved the profiles" in note for note in result.notes) == 2
    assert any("took no part" in note for note in result.notes)
    assert cosines(result.spectra[:1], mixture.spectra[:1])[1][0] > 0.999
