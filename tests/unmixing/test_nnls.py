from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from spectrode.errors import StepError
from spectrode.unmixing import nnls as module
from spectrode.unmixing.nnls import solve_nnls


def by_scipy(A, B):
    return np.array([nnls(A, b)[0] for b in B])


def residuals(A, B, X):
    return np.linalg.norm(B - X @ A.T, axis=1)


@pytest.mark.parametrize("k", [1, 2, 5, 12, 20])
@pytest.mark.parametrize("kind", ["mixed signs", "positive", "correlated"])
def test_equals_scipy(k, kind):
    rng = np.random.default_rng(k)
    A = rng.normal(size=(40, k)) if kind == "mixed signs" else rng.random((40, k))
    if kind == "correlated":
        A = 0.03 * A + rng.random((40, 1))
    B = rng.normal(size=(300, 40)) if kind != "positive" else rng.random((300, 40))
    expected = by_scipy(A, B)
    found = solve_nnls(A.T @ A, B @ A)
    assert np.count_nonzero(expected == 0) or kind == "positive"
    np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(expected).max())
    assert found.min() >= 0


def _deficient(name, rng):
    A = rng.random((30, 6))
    if name == "sum of others":
        A[:, 5] = A[:, 0] + A[:, 1]
    elif name == "twins":
        A[:, 4] = A[:, 3]
        A[:, 2] = 3 * A[:, 3]
    elif name == "more columns than rows":
        A = rng.random((4, 9))
    elif name == "nearly twins":
        A[:, 4] = A[:, 3] * (1 + 1e-7 * rng.random(30))
    return A


@pytest.mark.parametrize("name", ["sum of others", "twins", "more columns than rows", "nearly twins"])
def test_rank_deficient_reaches_the_same_residual(name):
    rng = np.random.default_rng(3)
    A = _deficient(name, rng)
    B = rng.random((200, len(A))) - 0.3
    X = solve_nnls(A.T @ A, B @ A)
    best = residuals(A, B, by_scipy(A, B))
    assert X.min() >= 0
    np.testing.assert_allclose(residuals(A, B, X), best, rtol=1e-8, atol=1e-9)


def test_degenerate_solutions_on_the_edge():
    """Exact solutions with zeros: the multiplier of a zero variable is zero too."""
    rng = np.random.default_rng(5)
    A = rng.random((30, 5))
    truth = np.maximum(rng.normal(size=(300, 5)), 0.0)
    np.testing.assert_allclose(solve_nnls(A.T @ A, truth @ A.T @ A), truth, atol=1e-12)


def test_columns_of_very_different_size():
    rng = np.random.default_rng(6)
    scale = np.array([1.0, 1e6, 1e-6, 1e3])
    A = rng.random((30, 4))
    B = rng.random((100, 30)) - 0.2
    np.testing.assert_allclose(
        solve_nnls((A * scale).T @ (A * scale), B @ (A * scale)) * scale, by_scipy(A, B), atol=1e-10
    )


def test_zero_column_zero_and_negative_right_hand_sides():
    A = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    B = np.array([[0.0, 0.0], [-1.0, -2.0], [3.0, -1.0]])
    np.testing.assert_array_equal(solve_nnls(A.T @ A, B @ A), [[0, 0, 0], [0, 0, 0], [3, 0, 0]])
    assert solve_nnls(A.T @ A, np.empty((0, 3))).shape == (0, 3)
    np.testing.assert_array_equal(solve_nnls(np.zeros((2, 2)), np.ones((3, 2))), np.zeros((3, 2)))


def test_a_start_changes_nothing():
    rng = np.random.default_rng(7)
    A, B = rng.normal(size=(40, 6)), rng.normal(size=(200, 40))
    cold = solve_nnls(A.T @ A, B @ A)
    for start in (cold, np.zeros_like(cold), rng.random(cold.shape) - 0.5):
        np.testing.assert_allclose(solve_nnls(A.T @ A, B @ A, start=start), cold, atol=1e-12)


def test_where_pivoting_gives_up_the_active_set_takes_over(monkeypatch):
    monkeypatch.setattr(module, "_PIVOT_ROUNDS", 1)
    rng = np.random.default_rng(8)
    A, B = rng.normal(size=(40, 6)), rng.normal(size=(200, 40))
    np.testing.assert_allclose(solve_nnls(A.T @ A, B @ A), by_scipy(A, B), atol=1e-10)


def test_more_variables_than_bits_of_a_word():
    rng = np.random.default_rng(9)
    A, B = rng.normal(size=(120, 70)), rng.normal(size=(20, 120))
    np.testing.assert_allclose(solve_nnls(A.T @ A, B @ A), by_scipy(A, B), atol=1e-10)


def test_refuses_in_words():
    with pytest.raises(StepError, match=r"shapes are \(2, 2\), \(4, 3\)"):
        solve_nnls(np.eye(2), np.ones((4, 3)))
    with pytest.raises(StepError, match="must be finite"):
        solve_nnls(np.eye(2), np.array([[np.nan, 1.0]]))
