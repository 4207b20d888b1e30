from __future__ import annotations

import numpy as np
import pytest

from spectrode.errors import Cancelled, StepError
from spectrode.unmixing.ambiguity import feasible_bands

LAWTON_S = np.array([(0.1, 0.5, 1, 0.5, 0.2, 0.3), (0.3, 0.2, 0.4, 1, 0.6, 0.1)])
LAWTON_C = np.array([(1, 0.2), (0.8, 0.5), (0.5, 0.7), (0.3, 1), (0.9, 0.9)])


@pytest.fixture(scope="module")
def four_runs(als2004):
    """The references on one scale, and the same with exactly one elution profile for all runs."""
    S, C = als2004.spectra, als2004.concentrations
    columns = np.stack([np.outer(C[:, j], S[j]).ravel() for j in range(4)], axis=1)
    C = C * np.linalg.lstsq(columns, als2004.matrix.ravel(), rcond=None)[0]
    runs = np.repeat(np.arange(4), 51)
    same = np.empty_like(C)
    for j in range(4):
        u, s, v = np.linalg.svd(C[:, j].reshape(4, 51), full_matrices=False)
        same[:, j] = np.abs(s[0] * np.outer(u[:, 0], v[0])).ravel()
    return S, C, same, runs


def test_two_components_have_the_closed_bounds():
    found = feasible_bands(LAWTON_C, LAWTON_S)
    np.testing.assert_allclose(found.contribution, [0.577144, 0.559454], atol=1e-6)
    np.testing.assert_allclose(found.lowest, [0.334037, 0.356101], atol=1e-5)
    np.testing.assert_allclose(found.highest, [0.787653, 0.804214], atol=1e-5)
    assert found.settled.all()
    # The extremes sit at the corners a, b of T = [[1, -a], [-b, 1]].
    np.testing.assert_allclose(found.rotation_lowest[0], [[1, -1 / 3], [0.3, 1]], atol=1e-5)
    np.testing.assert_allclose(found.rotation_highest[0], [[1, 0.2], [-1 / 3, 1]], atol=1e-5)


def test_extremes_do_not_depend_on_how_the_profiles_are_scaled():
    scale = np.array([1e-4, 300.0])
    one, two = feasible_bands(LAWTON_C, LAWTON_S), feasible_bands(LAWTON_C / scale, scale[:, None] * LAWTON_S)
    np.testing.assert_allclose(two.lowest, one.lowest, atol=1e-6)
    np.testing.assert_allclose(two.highest, one.highest, atol=1e-6)
    np.testing.assert_allclose(two.spectra_lowest, one.spectra_lowest, atol=1e-4)
    np.testing.assert_allclose(two.concentrations_upper, one.concentrations_upper, atol=1e-4)


def test_every_extreme_fits_equally_well_and_is_not_negative():
    found = feasible_bands(LAWTON_C, LAWTON_S)
    for T in (*found.rotation_lowest, *found.rotation_highest):
        C, S = LAWTON_C @ np.linalg.inv(T), T @ LAWTON_S
        np.testing.assert_allclose(C @ S, LAWTON_C @ LAWTON_S, atol=1e-12)
        assert C.min() > -1e-5
        assert S.min() > -1e-5
    assert (found.spectra_lower <= found.spectra_lowest + 1e-12).all()
    assert (found.concentrations_upper >= found.concentrations_highest - 1e-12).all()
    np.testing.assert_allclose(found.spectra_lowest.max(axis=1), 1.0)


def test_als2004_run_is_at_least_as_ambiguous_as_known(four_runs):
    S, C, _, runs = four_runs
    found = feasible_bands(C[runs == 0], S)
    order = np.argsort(-found.contribution)
    np.testing.assert_allclose(found.contribution[order], [0.5109, 0.3192, 0.2549, 0.2269], atol=2e-3)
    assert (found.lowest[order] <= np.array([0.226, 0.062, 0.087, 0.130]) + 2e-3).all()
    assert (found.highest[order] >= np.array([0.779, 0.531, 0.477, 0.600]) - 2e-3).all()


def test_runs_of_equal_shape_make_it_unique(four_runs):
    S, C, same, runs = four_runs
    for profiles in (C, same):
        assert feasible_bands(profiles, S, blocks=runs).width.max() < 0.01
    one_only = feasible_bands(same, S, blocks=runs, trilinear=[True, False, False, False])
    assert (one_only.width[1:] > 0.05).any()


def test_runs_that_differ_by_one_factor_stay_ambiguous():
    """Two runs in fixed proportion hold no more than one: the one-shape constraint then forbids nothing."""
    profiles = np.vstack([LAWTON_C, 2.0 * LAWTON_C])
    found = feasible_bands(profiles, LAWTON_S, blocks=np.repeat([0, 1], 5))
    np.testing.assert_allclose(found.width, feasible_bands(LAWTON_C, LAWTON_S).width, atol=5e-3)


def test_known_spectra_zeros_and_their_analytic_bounds():
    """With s1 known, a = 0, and f follows from b alone, which lies between -0.3 and 1/3."""
    S, C = LAWTON_S, LAWTON_C
    total = np.linalg.norm(C @ S)

    def shares(b):
        T = np.array([[1.0, 0.0], [-b, 1.0]])
        return np.linalg.norm(C @ np.linalg.inv(T), axis=0) * np.linalg.norm(T @ S, axis=1) / total

    found = feasible_bands(C, S, known=[True, False])
    rows = found.rotation_lowest[:, 0], found.rotation_highest[:, 0]
    np.testing.assert_allclose(rows, np.broadcast_to([1.0, 0.0], (2, 2, 2)))
    # b >= -0.3 from c1 + b c2 >= 0 with the ratio c1/c2 of 0.3 at its smallest.
    grid = np.array([shares(b) for b in np.linspace(-0.3, 1 / 3, 2001)])
    np.testing.assert_allclose(found.lowest, grid.min(axis=0), atol=1e-4)
    np.testing.assert_allclose(found.highest, grid.max(axis=0), atol=1e-4)
    assert feasible_bands(C, S, known=[True, True]).width.max() == 0.0


def test_selective_channels_and_spectra_make_it_unique():
    S = np.array([[1.0, 0.6, 0.3, 0.0], [0.0, 0.4, 0.8, 1.0]])
    C = np.array([[1.0, 0.3], [0.5, 0.5], [0.2, 1.0]])
    assert feasible_bands(C, S).width.max() > 0.01
    held = feasible_bands(C, S, zero_spectra=S == 0)
    np.testing.assert_allclose(held.spectra_lowest, S / S.max(axis=1, keepdims=True), atol=1e-6)
    assert held.width.max() < 1e-6
    C = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    S = np.array([[1.0, 0.6, 0.3, 0.2], [0.2, 0.4, 0.8, 1.0]])
    # Pure spectra do not settle it by themselves: nothing says that they are pure.
    assert feasible_bands(C, S).width.max() > 0.01
    assert feasible_bands(C, S, zero_concentrations=C == 0).width.max() < 1e-6


def test_closing_all_changes_nothing_and_closing_some_does():
    rng = np.random.default_rng(1000)
    C = rng.dirichlet([3.0, 3.0], 30)
    C = np.column_stack([C, rng.uniform(0.2, 1.0, 30)])
    S = rng.uniform(0.1, 1.0, (3, 12))
    plain = feasible_bands(C, S)
    np.testing.assert_allclose(feasible_bands(C, S, closure=[True] * 3).width, plain.width, atol=1e-9)
    some = feasible_bands(C, S, closure=[True, True, False])
    assert some.width[2] < 0.9 * plain.width[2]
    # The closed components of a solution still add up to a constant, with some scales.
    rotated = C @ np.linalg.inv(some.rotation_highest[2])
    weights = np.linalg.lstsq(rotated[:, :2], np.ones(30), rcond=None)[0]
    assert np.abs(rotated[:, :2] @ weights - 1).max() < 1e-4


def test_tolerance_widens_and_negative_input_is_tolerated():
    plain = feasible_bands(LAWTON_C, LAWTON_S)
    wide = feasible_bands(LAWTON_C, LAWTON_S, tolerance_spectra=0.02, tolerance_concentrations=0.02)
    assert (wide.width > plain.width + 0.005).all()
    S = LAWTON_S - 0.12
    found = feasible_bands(LAWTON_C, S)
    assert (found.lowest <= found.contribution).all()
    assert (found.highest >= found.contribution).all()


def test_spectra_that_took_no_part_stay_missing_and_many_rows_change_nothing():
    rng = np.random.default_rng(1001)
    inside = rng.dirichlet([1.0] * 5, 3000) @ LAWTON_C
    extended = np.vstack([LAWTON_C, inside, np.full((1, 2), np.nan)])
    found = feasible_bands(extended, LAWTON_S)
    assert np.isnan(found.concentrations_lower[-1]).all()
    assert np.isfinite(found.concentrations_lower[:-1]).all()
    # Mixtures of the five bind nothing new, so the extreme rotation of each component is the same but for its weight.
    few = feasible_bands(LAWTON_C, LAWTON_S)
    limits = np.stack([few.rotation_lowest, few.rotation_highest])
    assert found.rotation_lowest.min() >= limits.min() - 1e-5
    assert found.rotation_highest.min() >= limits.min() - 1e-5
    assert found.width.min() > 0.4


def test_refuses_in_words_and_stops():
    with pytest.raises(StepError, match="linearly dependent"):
        feasible_bands(LAWTON_C, np.ones((2, 6)))
    with pytest.raises(StepError, match="known must have shape"):
        feasible_bands(LAWTON_C, LAWTON_S, known=[True])
    with pytest.raises(StepError, match="equally many spectra in each block"):
        feasible_bands(LAWTON_C, LAWTON_S, blocks=[0, 0, 1, 1, 1])
    with pytest.raises(StepError, match="need blocks"):
        feasible_bands(LAWTON_C, LAWTON_S, trilinear=[True, True])
    with pytest.raises(StepError, match="not zero"):
        feasible_bands(LAWTON_C * [1, 0], LAWTON_S)
    with pytest.raises(StepError, match="one number from 0"):
        feasible_bands(LAWTON_C, LAWTON_S, tolerance_spectra=-1.0)
    with pytest.raises(Cancelled):
        feasible_bands(LAWTON_C, LAWTON_S, should_stop=lambda: True)
    seen = []
    feasible_bands(LAWTON_C, LAWTON_S, progress=lambda *a: seen.append(a))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
