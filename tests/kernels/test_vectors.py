"""Sixteen numbers as one value: the operations, and the exponential against NumPy's."""

from __future__ import annotations

import numpy as np
from numba import njit

from spectrode.kernels.vectors import absolute, bits, exp, load, splat, square_root, store, where


@njit
def operations(a, b, out):
    x, y = load(a, 0), load(b, 0)
    store(out, 0, x + y)
    store(out, 1, 2.0 - x * y)
    store(out, 2, x / y)
    store(out, 3, where(x < y, x, 7.0))
    store(out, 4, where(x > 0.0, splat(1.5), y))
    store(out, 5, square_root(absolute(x)))
    return bits(x < y)


@njit
def exponentials(x, out):
    for i in range(x.shape[0]):
        store(out, i, exp(load(x, i)))


def test_operations_are_those_of_numpy() -> None:
    rng = np.random.default_rng(1001)
    a, b, out = rng.normal(size=(1, 16)), rng.normal(size=(1, 16)), np.empty((6, 16))
    below = operations(a, b, out)
    x, y = a[0], b[0]
    expected = [x + y, 2 - x * y, x / y, np.where(x < y, x, 7), np.where(x > 0, 1.5, y), np.sqrt(np.abs(x))]
    np.testing.assert_allclose(out, expected, rtol=1e-15, atol=1e-15)
    assert below == sum(1 << int(lane) for lane in np.flatnonzero(x < y))


def test_exponential_within_two_units_in_the_last_place() -> None:
    x = np.concatenate([np.linspace(-745, 709, 320_000), np.random.default_rng(1002).uniform(-2, 2, 80_000)])
    out = np.empty_like(x)
    exponentials(x.reshape(-1, 16), out.reshape(-1, 16))
    expected = np.exp(x)
    assert np.max(np.abs(out - expected) / np.spacing(expected)) <= 2


def test_exponential_of_special_values() -> None:
    near = [709.782712893384, 710.1, -745.13, -745.14]
    x = np.array([[0.0, -0.0, np.inf, -np.inf, np.nan, 1e300, -1e300, *near, *[1.0] * 5]])
    out = np.empty_like(x)
    exponentials(x, out)
    with np.errstate(over="ignore", under="ignore"):
        np.testing.assert_allclose(out, np.exp(x), rtol=1e-15)
