"""Banded systems of sixteen spectra against dense linear algebra."""

from __future__ import annotations

import numpy as np
import pytest

from spectrode.errors import SpectrodeError
from spectrode.kernels.banded import inverse_diagonal, penalty_bands, smooth_rows
from spectrode.kernels.threads import use_threads

ORDERS = [1, 2, 3, 4, 6]


def system(order: int, rows: int = 21, channels: int = 60):
    rng = np.random.default_rng(1000 + order)
    y = rng.normal(size=(rows, channels))
    weights = rng.uniform(0, 1, (rows, channels))
    weights[rng.uniform(size=weights.shape) < 0.2] = 0
    lam = 10 ** rng.uniform(-2, 3, rows)
    difference = np.diff(np.eye(channels), order, axis=0)
    matrices = np.array([np.diag(w) + s * difference.T @ difference for w, s in zip(weights, lam, strict=True)])
    return y, weights, lam, matrices


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("channels", [7, 12, 30])
def test_penalty_is_that_of_differences(order: int, channels: int) -> None:
    difference = np.diff(np.eye(channels), order, axis=0)
    dense = difference.T @ difference
    bands = penalty_bands(channels, order)
    for k in range(order + 1):
        np.testing.assert_allclose(bands[k:, k], np.diag(dense, -k), atol=1e-12)
        assert not bands[:k, k].any()


@pytest.mark.parametrize("order", ORDERS)
def test_smooth_rows_solves_the_dense_system(order: int) -> None:
    y, weights, lam, matrices = system(order)
    out = np.empty_like(y)
    smooth_rows(y, weights, lam, order, out)
    expected = np.linalg.solve(matrices, (weights * y)[:, :, None])[:, :, 0]
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-9 if order < 4 else 1e-7)


@pytest.mark.parametrize("order", ORDERS)
def test_inverse_diagonal_is_that_of_the_dense_inverse(order: int) -> None:
    _, weights, lam, matrices = system(order)
    out = np.empty_like(weights)
    inverse_diagonal(weights, lam, order, out)
    expected = np.array([np.diag(np.linalg.inv(m)) for m in matrices])
    np.testing.assert_allclose(out, expected, rtol=1e-8 if order < 4 else 1e-5)


@pytest.mark.parametrize("order", [2, 4])
def test_a_row_does_not_depend_on_its_neighbours(order: int) -> None:
    y, weights, lam, _ = system(order, rows=70)
    together, alone = np.empty_like(y), np.empty_like(y)
    with use_threads(2):
        smooth_rows(y, weights, lam, order, together)
    for k in range(0, 70, 7):
        smooth_rows(y[k : k + 1], weights[k : k + 1], lam[k : k + 1], order, alone[k : k + 1])
        np.testing.assert_array_equal(alone[k], together[k])


def test_float32_and_in_place() -> None:
    y, weights, lam, _ = system(2)
    out = np.empty_like(y)
    smooth_rows(y.astype(np.float32), weights, lam, 2, out)
    same = y.astype(np.float32).astype(float)
    smooth_rows(same, weights, lam, 2, same)
    np.testing.assert_array_equal(out, same)


def test_rows_without_a_solution_become_nan() -> None:
    weights = np.ones((3, 20))
    weights[1] = 0
    out = np.empty_like(weights)
    smooth_rows(np.ones((3, 20)), weights, np.zeros(3), 2, out)
    assert np.isnan(out[1]).all()
    np.testing.assert_allclose(out[[0, 2]], 1)


def test_errors_are_one_sentence() -> None:
    with pytest.raises(SpectrodeError, match="order 2 need at least 3 channels, but there are 2"):
        penalty_bands(2, 2)
    with pytest.raises(SpectrodeError, match="do not belong to rows"):
        smooth_rows(np.ones((2, 9)), np.ones((2, 8)), np.ones(2), 2, np.ones((2, 9)))
    with pytest.raises(SpectrodeError, match="float64"):
        smooth_rows(np.ones((2, 9)), np.ones((2, 9)), np.ones(2), 2, np.ones((2, 9), dtype=np.float32))
