"""Malinowski's criteria, which take the noise to be independent and equal everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..blocks import Subspace

__all__ = ["indicator", "real_error", "significance_percent"]

Array = NDArray[np.float64]


def real_error(data: Subspace, rows: int, columns: int, limit: int) -> Array:
    """Malinowski's RE = √(Σ_{j>n} λ_j / (r(c−n))) for n = 1 … limit, with r the larger side and c the smaller."""
    r, c = max(rows, columns), min(rows, columns)
    return np.asarray(np.sqrt(_remainders(data, limit) / (r * (c - np.arange(1, limit + 1)))))


def indicator(data: Subspace, rows: int, columns: int, limit: int) -> Array:
    """Malinowski's IND = RE/(c−n)²; its minimum marks the rank."""
    n = np.arange(1, limit + 1)
    return np.asarray(real_error(data, rows, columns, limit) / (min(rows, columns) - n) ** 2)


def significance_percent(data: Subspace, rows: int, columns: int, limit: int) -> Array:
    """Malinowski's F-test of the reduced eigenvalue of component n against the mean of those after it."""
    from scipy.stats import f as f_distribution

    c = min(rows, columns)
    places = np.arange(1, c + 1)
    freedom = (rows - places + 1.0) * (columns - places + 1.0)
    n = np.arange(1, limit + 1)
    after = freedom[::-1].cumsum()[::-1][n]
    ratio = data.singular_values[:limit] ** 2 / freedom[n - 1] * after / _remainders(data, limit)
    return np.asarray(100.0 * f_distribution.sf(ratio, 1, c - n))


def _remainders(data: Subspace, limit: int) -> Array:
    """Return the sum of squares that 1 … limit components leave."""
    return np.maximum(data.total - np.cumsum(data.singular_values[:limit] ** 2), 0.0)
