"""The vectorisable exponential against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from scipy.special import expit

from spectrode.kernels.lanes import exp_lane, expit_lane


@njit
def exp_of(x, out):
    for i in range(x.size):
        out[i] = exp_lane(x[i])


@njit(fastmath=True)
def exp_of_in_careless_kernel(x, out):
    for i in range(x.size):
        out[i] = exp_lane(x[i])


@njit
def expit_of(x, out):
    for i in range(x.size):
        out[i] = expit_lane(x[i])


def grid() -> np.ndarray:
    rng = np.random.default_rng(1000)
    return np.concatenate(
        [
            np.linspace(-745, 709, 400_001),
            rng.uniform(-2, 2, 100_000),
            rng.normal(0, 1e-9, 1000),
            -np.arange(700, 745.1),
        ]
    )


@pytest.mark.parametrize("kernel", [exp_of, exp_of_in_careless_kernel])
def test_exponential_within_two_units_in_the_last_place(kernel) -> None:
    x = grid()
    out = np.empty_like(x)
    kernel(x, out)
    expected = np.exp(x)
    assert np.max(np.abs(out - expected) / np.spacing(expected)) <= 2


def test_special_values() -> None:
    x = np.array(
        [0.0, -0.0, np.inf, -np.inf, np.nan, 709.782712893384, 709.7827128933841, 1e300, -745.13, -745.14, -1e300]
    )
    out = np.empty_like(x)
    exp_of(x, out)
    with np.errstate(over="ignore", under="ignore"):
        np.testing.assert_array_equal(np.isfinite(out), np.isfinite(np.exp(x)))
        np.testing.assert_allclose(out, np.exp(x), rtol=1e-15)


def test_logistic_function() -> None:
    x = np.concatenate([np.linspace(-700, 50, 100_001), [-np.inf, np.inf, -1e300, 1e300]])
    out = np.empty_like(x)
    expit_of(x, out)
    np.testing.assert_allclose(out, expit(x), rtol=1e-15)
