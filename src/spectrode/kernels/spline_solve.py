"""Penalised splines for lanes of spectra: normal equations, their solution, and the residual.

All work arrays have the lanes (spectra side by side) last. The basis is shared: a channel has ``degree + 1`` values
that are not zero, of the basis functions ``first[i]`` onwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .lanes import LANES
from .vectors import absolute, bits, load, splat, store, where

__all__ = ["assemble", "residual", "solve_rows", "solve_symmetric"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_jit: Any = njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")


@_jit
def _four_sums(
    values: Floats, column: int, weight: Floats, y: Floats, squared: bool, times_y: bool, begin: int, stop: int
) -> Any:
    """Return the weighted sums of four neighbouring columns over a run of channels.

    Four at a time keep the processor busy while the sums stay in registers. Beyond the last column it is repeated.
    """
    last = values.shape[1] - 1
    c1, c2, c3 = min(column + 1, last), min(column + 2, last), min(column + 3, last)
    s0, s1, s2, s3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for i in range(begin, stop):
        w = load(weight, i)
        if squared:
            w = w * w
        if times_y:
            w = w * load(y, i)
        s0 = s0 + w * values[i, column]
        s1 = s1 + w * values[i, c1]
        s2 = s2 + w * values[i, c2]
        s3 = s3 + w * values[i, c3]
    return s0, s1, s2, s3


@_jit
def assemble(
    basis: Floats, pairs: Floats, first: Ints, y: Floats, weight: Floats, squared: bool, bands: Floats, rhs: Floats
) -> None:
    """Add the normal equations of all channels to the lower bands and the right-hand side.

    Parameters
    ----------
    basis
        (channels, degree + 1) values of the basis.
    pairs
        (channels, (degree + 1)(degree + 2)/2) their products, in the order of ``bands``: column by column.
    first
        (channels,) first basis function of a channel.
    y, weight
        (channels, LANES).
    squared
        Weigh with the squares of the weights.
    bands
        (functions, bandwidth + 1, LANES): ``bands[k, d]`` is the element in row ``k + d`` and column ``k``.
    rhs
        (functions, LANES).
    """
    order, width = basis.shape[1], bands.shape[1]
    stop = 0
    while stop < first.size:
        begin = stop
        start = first[begin]
        while stop < first.size and first[stop] == start:
            stop += 1
        k, d = 0, 0
        for q in range(0, pairs.shape[1], 4):
            sums = _four_sums(pairs, q, weight, y, squared, False, begin, stop)
            for n in range(min(4, pairs.shape[1] - q)):
                row = (start + k) * width + d
                store(bands, row, load(bands, row) + sums[n])
                d += 1
                if d == order - k:
                    k, d = k + 1, 0
        for q in range(0, order, 4):
            sums = _four_sums(basis, q, weight, y, squared, True, begin, stop)
            for n in range(min(4, order - q)):
                store(rhs, start + q + n, load(rhs, start + q + n) + sums[n])


@_jit
def solve_symmetric(bands: Floats, rhs: Floats) -> int:
    """Solve in place by LDL': the coefficients replace ``rhs``.

    Returns
    -------
    int
        Bits of the lanes whose matrix is not positive definite.
    """
    n, width = bands.shape[0], bands.shape[1]
    good = (1 << LANES) - 1
    for j in range(n):
        last = min(width, n - j)
        pivot = load(bands, j * width)
        good &= bits(pivot > 0.0)
        inverse = 1.0 / pivot
        store(bands, j * width, inverse)
        here = load(rhs, j)
        for r in range(1, last):
            factor = load(bands, j * width + r) * inverse
            row = (j + r) * width - r
            for s in range(r, last):
                store(bands, row + s, load(bands, row + s) - factor * load(bands, j * width + s))
            store(rhs, j + r, load(rhs, j + r) - factor * here)
    for j in range(n - 1, -1, -1):
        value = load(rhs, j)
        for r in range(1, min(width, n - j)):
            value = value - load(bands, j * width + r) * load(rhs, j + r)
        store(rhs, j, value * load(bands, j * width))
    return good ^ ((1 << LANES) - 1)


@_jit
def _enter_row(
    bands: Floats, penalty: Floats, fixed: Floats, scale: Floats, row: int, window: Floats, slot: int, skip: int
) -> None:
    """Write row ``row`` of the sum of the bands, ``fixed`` and the scaled penalty, less its first ``skip`` columns."""
    n, width = bands.shape[0], bands.shape[1]
    full = 2 * width - 1
    for c in range(full):
        store(window, slot * full + c, splat(0.0))
    if row >= n:
        return
    factor = load(scale, row)
    for c in range(skip, full):
        column = row + c - (width - 1)
        if 0 <= column < n:
            symmetric = load(bands, min(row, column) * width + abs(row - column))
            store(window, slot * full + c - skip, symmetric + fixed[row, c] + factor * penalty[row, c])


@_jit
def solve_rows(
    bands: Floats,
    penalty: Floats,
    fixed: Floats,
    scale: Floats,
    rhs: Floats,
    upper: Floats,
) -> int:
    """Solve with a penalty whose rows are scaled, which makes the matrix unsymmetric; ``rhs`` is replaced.

    Gaussian elimination with partial pivoting, lane by lane: only the rows in reach of a column are kept in a window,
    aligned at that column.

    Parameters
    ----------
    bands
        (functions, bandwidth + 1, LANES) lower bands of the symmetric part.
    penalty, fixed
        (functions, 2 bandwidth + 1): element ``[k, c]`` stands in column ``k + c - bandwidth``.
    scale
        (functions, LANES) what the rows of ``penalty`` are multiplied with.
    upper
        (functions, 2 bandwidth + 1, LANES) work array.

    Returns
    -------
    int
        Bits of the lanes whose matrix is singular.
    """
    n = bands.shape[0]
    reach = bands.shape[1] - 1
    full = 2 * reach + 1
    window, right = np.zeros((reach + 1, full, LANES)), np.zeros((reach + 1, LANES))
    good = (1 << LANES) - 1
    for row in range(reach):
        _enter_row(bands, penalty, fixed, scale, row, window, row, reach - row)
        store(right, row, load(rhs, row))
    for j in range(n):
        _enter_row(bands, penalty, fixed, scale, j + reach, window, reach, 0)
        store(right, reach, load(rhs, j + reach) if j + reach < n else splat(0.0))
        for r in range(1, reach + 1):
            swap = absolute(load(window, r * full)) > absolute(load(window, 0))
            for c in range(full):
                a, b = load(window, c), load(window, r * full + c)
                store(window, c, where(swap, b, a))
                store(window, r * full + c, where(swap, a, b))
            a, b = load(right, 0), load(right, r)
            store(right, 0, where(swap, b, a))
            store(right, r, where(swap, a, b))
        pivot, here = load(window, 0), load(right, 0)
        good &= bits(absolute(pivot) > 0.0)
        for c in range(full):
            store(upper, j * full + c, load(window, c))
        store(rhs, j, here)
        for r in range(1, reach + 1):
            factor = load(window, r * full) / pivot
            for c in range(1, full):
                left = load(window, r * full + c) - factor * load(upper, j * full + c)
                store(window, (r - 1) * full + c - 1, left)
            store(window, r * full - 1, splat(0.0))
            store(right, r - 1, load(right, r) - factor * here)
    for j in range(n - 1, -1, -1):
        value = load(rhs, j)
        for c in range(1, min(full, n - j)):
            value = value - load(upper, j * full + c) * load(rhs, j + c)
        store(rhs, j, value / load(upper, j * full))
    return good ^ ((1 << LANES) - 1)


@_jit
def residual(
    basis: Floats,
    first: Ints,
    coefficients: Floats,
    y: Floats,
    use: Floats,
    out: Floats,
    below: Floats,
    total: Floats,
    highest: Floats,
) -> None:
    """Write data less fit to ``out``, 0 where ``use`` is 0, and its statistics.

    Parameters
    ----------
    below, total
        (1, LANES) number and sum of the negative residuals.
    highest
        (1, LANES) largest absolute value of the fit.
    """
    number, amount, top = splat(0.0), splat(0.0), splat(0.0)
    for i in range(basis.shape[0]):
        start = first[i]
        fit = splat(0.0)
        for k in range(basis.shape[1]):
            fit = fit + load(coefficients, start + k) * basis[i, k]
        used = load(use, i)
        r = (load(y, i) - fit) * used
        store(out, i, r)
        number = where(r < 0.0, number + 1.0, number)
        amount = where(r < 0.0, amount + r, amount)
        size = absolute(fit) * used
        top = where(size > top, size, top)
    store(below, 0, number)
    store(total, 0, amount)
    store(highest, 0, top)
