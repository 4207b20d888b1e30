"""Symmetric banded systems ``(W + lam D'D) z = W y`` of sixteen spectra side by side.

``W`` is diagonal and ``D`` takes differences of order 1 to 6. For other modules there are two functions on rows, both
on the threads of :func:`spectrode.kernels.threads.over_rows`::

    smooth_rows(y, weights, lam_rows, diff_order, out)        # out = (W + lam D'D)^-1 W y, row by row
    inverse_diagonal(weights, lam_rows, diff_order, out)      # out = diagonal of (W + lam D'D)^-1

``y``, ``weights`` and ``out`` are (spectra, channels), ``lam_rows`` is (spectra,). The rest works on groups: arrays
(channels, 16) that belong to a kernel.
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..errors import SpectrodeError
from .lanes import LANES
from .threads import over_rows
from .vectors import bits, load, splat, store, where

__all__ = ["inverse_diagonal", "penalty_bands", "smooth_rows", "solve_group"]

Floats = NDArray[np.float64]


def penalty_bands(n_channels: int, diff_order: int) -> Floats:
    """Return ``D'D``, the sum of squares of the differences of order ``diff_order``.

    Returns
    -------
    numpy.ndarray
        (channels, diff_order + 1); element ``[i, k]`` is ``D'D[i, i - k]``, zero where ``k > i``.

    Raises
    ------
    SpectrodeError
        If there are not more channels than ``diff_order``.
    """
    if n_channels <= diff_order:
        raise SpectrodeError(
            f"differences of order {diff_order} need at least {diff_order + 1} channels, but there are {n_channels}"
        )
    row = np.array([(-1.0) ** (diff_order - k) * comb(diff_order, k) for k in range(diff_order + 1)])
    bands = np.zeros((n_channels, diff_order + 1))
    for k in range(diff_order + 1):
        for j in range(k, diff_order + 1):
            # The difference that starts at channel s holds channels s + j and s + j - k.
            bands[j : n_channels - diff_order + j, k] += row[j] * row[j - k]
    return bands


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_1(lam: Any, bands: Any, w: Any, a: Any, b: Any, z: Any, v: Any, low: Any) -> Any:
    n = z.shape[0]
    scale = load(lam, 0)
    v1, f1 = splat(0.0), splat(0.0)
    good = splat(1.0)
    for i in range(n):
        u1 = scale * bands[i, 1]
        l1 = u1 * v1
        pivot = (scale * bands[i, 0] + load(w, i)) - u1 * l1
        good = where(pivot > 0.0, good, 0.0)
        v1 = 1.0 / pivot
        f1 = load(a, i) * load(b, i) - l1 * f1
        store(low, i, l1)
        store(v, i, v1)
        store(z, i, f1)
    x1, c1 = splat(0.0), splat(0.0)
    for i in range(n - 1, -1, -1):
        x1 = load(z, i) * load(v, i) - c1 * x1
        c1 = load(low, i)
        store(z, i, x1)
    return bits(good > 0.5)


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_2(lam: Any, bands: Any, w: Any, a: Any, b: Any, z: Any, v: Any, low: Any) -> Any:
    n = z.shape[0]
    scale = load(lam, 0)
    v1, v2, f1, f2, before = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    good = splat(1.0)
    for i in range(n):
        u2 = scale * bands[i, 2]
        u1 = scale * bands[i, 1] - u2 * before
        l2, l1 = u2 * v2, u1 * v1
        pivot = (scale * bands[i, 0] + load(w, i)) - u2 * l2 - u1 * l1
        good = where(pivot > 0.0, good, 0.0)
        v2, v1 = v1, 1.0 / pivot
        f2, f1 = f1, load(a, i) * load(b, i) - l2 * f2 - l1 * f1
        before = l1
        store(low, i, l1)
        store(v, i, v1)
        store(z, i, f1)
    x1, x2, c1, c2 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for i in range(n - 1, -1, -1):
        # The second column of the factor is computed again: that is faster than to fetch it from memory.
        inverse = load(v, i)
        if i + 2 < n:
            c2 = (scale * bands[i + 2, 2]) * inverse
        x2, x1 = x1, load(z, i) * inverse - c2 * x2 - c1 * x1
        c1 = load(low, i)
        store(z, i, x1)
    return bits(good > 0.5)


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_3(lam: Any, bands: Any, w: Any, a: Any, b: Any, z: Any, v: Any, low: Any) -> Any:
    n = z.shape[0]
    scale = load(lam, 0)
    v1, v2, v3, f1, f2, f3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    # l1 and l2 of the row before, l1 of the one before that.
    a1, a2, b1 = splat(0.0), splat(0.0), splat(0.0)
    good = splat(1.0)
    for i in range(n):
        u3 = scale * bands[i, 3]
        u2 = scale * bands[i, 2] - u3 * b1
        u1 = scale * bands[i, 1] - u3 * a2 - u2 * a1
        l3, l2, l1 = u3 * v3, u2 * v2, u1 * v1
        pivot = (scale * bands[i, 0] + load(w, i)) - u3 * l3 - u2 * l2 - u1 * l1
        good = where(pivot > 0.0, good, 0.0)
        v3, v2, v1 = v2, v1, 1.0 / pivot
        f3, f2, f1 = f2, f1, load(a, i) * load(b, i) - l3 * f3 - l2 * f2 - l1 * f1
        b1, a1, a2 = a1, l1, l2
        store(low, 3 * i, l1)
        store(low, 3 * i + 1, l2)
        store(low, 3 * i + 2, l3)
        store(v, i, v1)
        store(z, i, f1)
    x1, x2, x3 = splat(0.0), splat(0.0), splat(0.0)
    c1, c2, c3, d2, d3, e3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for i in range(n - 1, -1, -1):
        x3, x2, x1 = x2, x1, load(z, i) * load(v, i) - c3 * x3 - c2 * x2 - c1 * x1
        c3, d3, e3 = d3, e3, load(low, 3 * i + 2)
        c2, d2 = d2, load(low, 3 * i + 1)
        c1 = load(low, 3 * i)
        store(z, i, x1)
    return bits(good > 0.5)


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_any(lam: Any, bands: Any, w: Any, a: Any, b: Any, z: Any, v: Any, low: Any) -> Any:
    """Any order, and the one that leaves the whole factor: 1 / D in ``v``, ``L[i, i - k]`` at ``i * order + k - 1``."""
    n, order = z.shape[0], bands.shape[1] - 1
    scale = load(lam, 0)
    u = np.empty((order + 1, LANES))
    good = splat(1.0)
    for i in range(n):
        pivot = scale * bands[i, 0] + load(w, i)
        f = load(a, i) * load(b, i)
        for k in range(min(order, i), 0, -1):
            entry = scale * bands[i, k]
            for q in range(k + 1, min(order, i) + 1):
                entry = entry - load(u, q) * load(low, (i - k) * order + (q - k - 1))
            store(u, k, entry)
            factor = entry * load(v, i - k)
            pivot = pivot - entry * factor
            f = f - factor * load(z, i - k)
            store(low, i * order + (k - 1), factor)
        good = where(pivot > 0.0, good, 0.0)
        store(v, i, 1.0 / pivot)
        store(z, i, f)
    for i in range(n - 1, -1, -1):
        x = load(z, i) * load(v, i)
        for k in range(min(order, n - 1 - i), 0, -1):
            x = x - load(low, (i + k) * order + (k - 1)) * load(z, i + k)
        store(z, i, x)
    return bits(good > 0.5)


@njit(cache=True, nogil=True, error_model="numpy")
def solve_group(lam: Any, bands: Any, w: Any, a: Any, b: Any, z: Any, v: Any, low: Any) -> Any:
    """Solve ``(W + lam P) z = a b`` for sixteen spectra by LDL' without pivoting.

    Parameters
    ----------
    lam
        (1, 16).
    bands
        (channels, order + 1) as from :func:`penalty_bands`.
    w
        (channels, 16) diagonal of ``W``.
    a, b
        (channels, 16) whose product is the right side: weights and data, mostly.
    z
        (channels, 16), receives the solutions.
    v, low
        (channels, 16) and (channels * order, 16), work space.

    Returns
    -------
    int
        One bit a lane: 1 if all pivots were positive.
    """
    order = bands.shape[1] - 1
    if order == 2:
        return _solve_2(lam, bands, w, a, b, z, v, low)
    if order == 1:
        return _solve_1(lam, bands, w, a, b, z, v, low)
    if order == 3:
        return _solve_3(lam, bands, w, a, b, z, v, low)
    return _solve_any(lam, bands, w, a, b, z, v, low)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_group(rows: Any, start: Any, stop: Any, group: Any, empty: Any) -> None:
    """Copy rows into lanes; lanes without a row hold ``empty``."""
    for lane in range(LANES):
        if start + lane < stop:
            for i in range(group.shape[0]):
                group[i, lane] = rows[start + lane, i]
        else:
            for i in range(group.shape[0]):
                group[i, lane] = empty


@njit(cache=True, nogil=True, error_model="numpy")
def _smooth(y: Any, weights: Any, lam_rows: Any, bands: Any, out: Any) -> None:
    total, n = y.shape
    order = bands.shape[1] - 1
    w, z, v, lam = np.empty((n, LANES)), np.empty((n, LANES)), np.empty((n, LANES)), np.empty((1, LANES))
    low = np.zeros((n * order, LANES))
    for start in range(0, total, LANES):
        stop = min(start + LANES, total)
        _fill_group(y, start, stop, z, 0.0)
        _fill_group(weights, start, stop, w, 1.0)
        for lane in range(LANES):
            lam[0, lane] = lam_rows[min(start + lane, total - 1)]
        good = solve_group(lam, bands, w, w, z, z, v, low)
        for row in range(start, stop):
            for i in range(n):
                out[row, i] = z[i, row - start] if (good >> (row - start)) & 1 else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _inverse_of_group(order: Any, v: Any, low: Any, band: Any, diagonal: Any) -> None:
    """Write the diagonal of the inverse from its factor, last channel first.

    ``band`` row ``i * (order + 1) + k`` becomes element ``[i, i + k]`` of the inverse (Takahashi's recursion): only
    elements inside the band are needed for those inside the band.
    """
    n, width = v.shape[0], order + 1
    for i in range(n - 1, -1, -1):
        reach = min(order, n - 1 - i)
        for j in range(reach, -1, -1):
            entry = load(v, i) if j == 0 else splat(0.0)
            for k in range(1, reach + 1):
                first, distance = i + min(j, k), abs(j - k)
                known = load(band, i * width + k) if j == 0 else load(band, first * width + distance)
                entry = entry - load(low, (i + k) * order + (k - 1)) * known
            store(band, i * width + j, entry)
        store(diagonal, i, load(band, i * width))


@njit(cache=True, nogil=True, error_model="numpy")
def _inverse(weights: Any, lam_rows: Any, bands: Any, out: Any) -> None:
    total, n = weights.shape
    order = bands.shape[1] - 1
    w, z, v, lam = np.empty((n, LANES)), np.zeros((n, LANES)), np.empty((n, LANES)), np.empty((1, LANES))
    low, band = np.zeros((n * order, LANES)), np.zeros((n * (order + 1), LANES))
    for start in range(0, total, LANES):
        stop = min(start + LANES, total)
        _fill_group(weights, start, stop, w, 1.0)
        for lane in range(LANES):
            lam[0, lane] = lam_rows[min(start + lane, total - 1)]
        good = _solve_any(lam, bands, w, w, z, z, v, low)
        _inverse_of_group(order, v, low, band, z)
        for row in range(start, stop):
            for i in range(n):
                out[row, i] = z[i, row - start] if (good >> (row - start)) & 1 else np.nan
        z[:] = 0.0


def smooth_rows(y: NDArray[Any], weights: NDArray[Any], lam_rows: NDArray[Any], diff_order: int, out: Floats) -> None:
    """Smooth every row with its own ``lam`` and given weights: ``(W + lam D'D)^-1 W y``.

    Parameters
    ----------
    y, weights
        (spectra, channels); weights not negative, more than ``diff_order`` of them above zero in each row.
    lam_rows
        (spectra,) smoothness of each row; larger is smoother.
    diff_order
        Order of the differences that are penalised, 1 to 6.
    out
        (spectra, channels) float64, receives the result; rows without a unique solution become NaN. It may be ``y``.

    Raises
    ------
    SpectrodeError
        If there are not more channels than ``diff_order``, or shapes differ.
    """
    bands = _checked(y.shape, weights, lam_rows, diff_order, out)
    lam = np.ascontiguousarray(lam_rows, dtype=np.float64)

    def part(start: int, stop: int) -> None:
        _smooth(_doubles(y[start:stop]), _doubles(weights[start:stop]), lam[start:stop], bands, out[start:stop])

    over_rows(part, y.shape[0])


def inverse_diagonal(weights: NDArray[Any], lam_rows: NDArray[Any], diff_order: int, out: Floats) -> None:
    """Write the diagonal of ``(W + lam D'D)^-1``: the variance of a smoothed row whose weights are 1 / variance.

    Parameters and errors as for :func:`smooth_rows`.

    References
    ----------
    Takahashi K., Fagan J., Chin M.-S., Formation of a sparse bus impedance matrix and its application to short circuit
    study, Proc. 8th PICA Conference, 63-69 (1973).
    """
    bands = _checked(weights.shape, weights, lam_rows, diff_order, out)
    lam = np.ascontiguousarray(lam_rows, dtype=np.float64)

    def part(start: int, stop: int) -> None:
        _inverse(_doubles(weights[start:stop]), lam[start:stop], bands, out[start:stop])

    over_rows(part, weights.shape[0])


def _doubles(rows: NDArray[Any]) -> Floats:
    """Return rows as the kernels are compiled for: float64, C-ordered, of an alignment that numba knows."""
    return np.ascontiguousarray(rows, dtype=np.float64)


def _checked(shape: tuple[int, ...], weights: Any, lam_rows: Any, diff_order: int, out: Floats) -> Floats:
    if weights.shape != shape or out.shape != shape or lam_rows.shape != shape[:1]:
        raise SpectrodeError(
            f"weights {weights.shape}, lam {lam_rows.shape} and result {out.shape} do not belong to rows of {shape}"
        )
    if out.dtype != np.float64 or not out.flags.c_contiguous:
        raise SpectrodeError(f"the result must be a C-ordered float64 array, but it is {out.dtype}")
    return penalty_bands(shape[1], diff_order)
