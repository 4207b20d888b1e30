"""Backgrounds by reweighted penalised splines, for blocks of spectra.

The numbers are those of pybaselines 1.2 (rules of convergence and early ends included). Sixteen spectra are worked on
side by side; a lane whose spectrum is done takes the next one, so that slow spectra do not hold up the others, and no
result depends on what stands in the other lanes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from . import spline_weights as rule
from .lanes import LANES
from .spline_basis import SplineSystem, first_difference_rows
from .spline_solve import assemble, residual, solve_rows, solve_symmetric
from .threads import over_rows
from .vectors import absolute, load, splat, store, where

__all__ = ["SplineRule", "fit_splines"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_jit: Any = njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
_BLOCK = 128

_ASLS, _IASLS, _AIRPLS, _DRPLS = rule.ASLS, rule.IASLS, rule.AIRPLS, rule.DRPLS
_ASPLS, _PSALSA, _IRSQR, _TINY = rule.ASPLS, rule.PSALSA, rule.IRSQR, rule.TINY


@dataclass(frozen=True)
class SplineRule:
    """How weights follow from residuals.

    Parameters
    ----------
    method
        A constant of :mod:`spectrode.kernels.spline_weights`.
    constant
        The method's own number: ``p``, ``quantile``, ``eta`` or ``asymmetric_coef``.
    height
        ``k`` of psalsa; a tenth of the standard deviation of each spectrum if not given.
    slope_lam
        ``lam_1`` of iasls.
    """

    method: int
    constant: float = 0.0
    height: float | None = None
    slope_lam: float = 0.0


def fit_splines(
    rows: NDArray[Any],
    system: SplineSystem,
    settings: SplineRule,
    *,
    max_iter: int,
    tol: float,
    mask: Bools | None = None,
) -> tuple[Floats, Ints, Floats]:
    """Fit the background of every row.

    Parameters
    ----------
    rows
        (spectra, channels) float32 or float64.
    mask
        (spectra, channels): True = weight 0 in every round, and left out of all statistics.

    Returns
    -------
    background, iterations, last
        (spectra, channels) in float64, NaN where the equations could not be solved; (spectra,) rounds that were
        compared with the one before; (spectra,) the last relative change, NaN if there is none.
    """
    background = np.empty(rows.shape)
    iterations = np.empty(rows.shape[0], dtype=np.int64)
    last = np.empty(rows.shape[0])
    if settings.method == _DRPLS:
        fixed = first_difference_rows(system.bands.shape[0], system.bandwidth)
    else:
        fixed = np.zeros_like(system.rows)
    height = np.nan if settings.height is None else settings.height

    def block(first_row: int, stop: int) -> None:
        lanes = np.ascontiguousarray(rows[first_row:stop], dtype=np.float64)
        masked = np.empty((0, 0), dtype=bool) if mask is None else np.ascontiguousarray(mask[first_row:stop])
        numbers = (settings.constant, height, settings.slope_lam, tol)
        axis = (system.basis, system.pairs, system.first, system.bands, system.rows, fixed, system.left, system.share)
        results = (background[first_row:stop], iterations[first_row:stop], last[first_row:stop])
        _fit(settings.method, numbers, max_iter, lanes, masked, axis, system.quadratics, results)

    over_rows(block, rows.shape[0], block=_BLOCK)
    return background, iterations, last


@_jit
def _load(
    method: int, numbers: Any, row: Floats, hidden: Bools, axis: Any, quadratics: Floats, lane: int, work: Any, own: Any
) -> None:
    """Put a spectrum into a lane: data, first weights, and the numbers that stay the same in all rounds."""
    y, use, weight, _extra = work
    total = 0.0
    used = 0.0
    size = 0.0
    for i in range(row.size):
        share = 0.0 if hidden.size and hidden[i] else 1.0
        y[i, lane] = row[i]
        use[i, lane] = weight[i, lane] = share
        total += share * row[i]
        size += share * abs(row[i])
        used += share
    if method == _AIRPLS:
        own[0, lane] = size
    elif method == _PSALSA:
        own[0, lane] = numbers[1]
        if np.isnan(numbers[1]):
            squares = 0.0
            for i in range(row.size):
                squares += use[i, lane] * (row[i] - total / used) ** 2
            own[0, lane] = np.sqrt(squares / used) / 10
    elif method == _IASLS:
        _load_iasls(numbers, row, axis, quadratics, lane, work)


@_jit
def _load_iasls(numbers: Any, row: Floats, axis: Any, quadratics: Floats, lane: int, work: Any) -> None:
    """Start from a fitted quadratic polynomial, and prepare the part of the right-hand side that stays the same."""
    use, weight, extra = work[1], work[2], work[3]
    basis, first = axis[0], axis[2]
    gram = np.zeros((3, 3))
    right = np.zeros(3)
    for i in range(row.size):
        for a in range(3):
            right[a] += use[i, lane] * quadratics[i, a] * row[i]
            for b in range(3):
                gram[a, b] += use[i, lane] * quadratics[i, a] * quadratics[i, b]
    # Elimination; a direction that the channels in use do not determine gets no share of the polynomial.
    for a in range(3):
        known = gram[a, a] > 1e-12
        for b in range(3):
            if a != b and known:
                factor = gram[b, a] / gram[a, a]
                for c in range(3):
                    gram[b, c] -= factor * gram[a, c]
                right[b] -= factor * right[a]
        right[a] = right[a] if known else 0.0
        gram[a, a] = gram[a, a] if known else 1.0
    for i in range(row.size):
        start = 0.0
        for a in range(3):
            start += quadratics[i, a] * right[a] / gram[a, a]
        weight[i, lane] = use[i, lane] * (numbers[0] if row[i] > start else 1 - numbers[0])
    for k in range(extra.shape[0]):
        extra[k, lane] = 0.0
    for i in range(row.size):
        bend = 0.0
        if i > 0:
            bend += row[i] - row[i - 1]
        if i + 1 < row.size:
            bend += row[i] - row[i + 1]
        for k in range(basis.shape[1]):
            extra[first[i] + k, lane] += numbers[2] * bend * basis[i, k]


@_jit
def _row_scales(
    method: int, eta: float, rounds: Floats, weight: Floats, use: Floats, r: Floats, top: Floats, axis: Any, scale: Any
) -> None:
    """Write what the rows of the penalty are multiplied with, interpolated to the middles of the basis functions.

    drpls lifts a share of the penalty by weight; aspls multiplies it with the residual of the last round relative to
    the largest, and where a channel is masked, with 1 as on the highest band.
    """
    left, share = axis[6], axis[7]
    settled = load(rounds, 0) > 1.0
    largest = load(top, 0)
    for k in range(left.size):
        i = left[k]
        if method == _ASPLS:
            a = where(settled, where(load(use, i) > 0.0, absolute(load(r, i)) / largest, 1.0), 1.0)
            b = where(settled, where(load(use, i + 1) > 0.0, absolute(load(r, i + 1)) / largest, 1.0), 1.0)
            store(scale, k, a + (b - a) * share[k])
        else:
            a, b = load(weight, i), load(weight, i + 1)
            store(scale, k, 1.0 - eta * (a + (b - a) * share[k]))


@_jit
def _prepare(bands: Floats, rhs: Floats, penalty: Floats, extra: Floats, symmetric: bool) -> None:
    width = bands.shape[1]
    for k in range(bands.shape[0]):
        for d in range(width):
            store(bands, k * width + d, splat(penalty[k, d] if symmetric else 0.0))
        store(rhs, k, load(extra, k))


@_jit
def _store(coefficients: Floats, basis: Floats, first: Ints, lane: int, failed: bool, out: Floats) -> None:
    for i in range(out.size):
        value = 0.0
        for k in range(basis.shape[1]):
            value += basis[i, k] * coefficients[first[i] + k, lane]
        out[i] = np.nan if failed or not np.isfinite(value) else value


@_jit
def _coefficient_change(old: Floats, new: Floats, change: Floats) -> None:
    """Write ``|new - old| / |old|`` of each lane, and replace ``old``."""
    for lane in range(LANES):
        moved = 0.0
        size = 0.0
        for k in range(old.shape[0]):
            moved += (new[k, lane] - old[k, lane]) ** 2
            size += old[k, lane] ** 2
            old[k, lane] = new[k, lane]
        change[0, lane] = np.sqrt(moved) / max(np.sqrt(size), _TINY)


@_jit
def _fit(
    method: int,
    numbers: Any,
    max_iter: int,
    rows: Floats,
    masked: Bools,
    axis: Any,
    quadratics: Floats,
    results: Any,
) -> None:
    """Fit a block of spectra; see :func:`fit_splines`."""
    basis, pairs, first, penalty, penalty_rows, fixed = axis[0], axis[1], axis[2], axis[3], axis[4], axis[5]
    background, iterations, last = results
    channels, functions = rows.shape[1], penalty.shape[0]
    y, use, weight = np.zeros((channels, LANES)), np.ones((channels, LANES)), np.ones((channels, LANES))
    r = np.zeros((channels, LANES))
    bands, rhs = np.empty((functions, penalty.shape[1], LANES)), np.empty((functions, LANES))
    extra, old = np.zeros((functions, LANES)), np.zeros((functions, LANES))
    symmetric = method != _DRPLS and method != _ASPLS
    scale, upper = np.empty((functions, LANES)), np.empty((0, 0, LANES))
    if not symmetric:
        upper = np.empty((functions, penalty_rows.shape[1], LANES))
    own, top, rounds = np.ones((1, LANES)), np.ones((1, LANES)), np.ones((1, LANES))
    below, total = np.empty((1, LANES)), np.empty((1, LANES))
    highest, change = np.empty((1, LANES)), np.zeros((1, LANES))
    place = np.full(LANES, -1, dtype=np.int64)
    work = (y, use, weight, extra)
    waiting, running = 0, 0
    never_early = method in (_ASLS, _IASLS, _PSALSA, _IRSQR)
    while True:
        for lane in range(LANES):
            if place[lane] < 0 and waiting < rows.shape[0]:
                hidden = masked[waiting] if masked.size else masked.ravel()
                _load(method, numbers, rows[waiting], hidden, axis, quadratics, lane, work, own)
                old[:, lane] = 0.0
                rounds[0, lane] = 1.0
                last[waiting] = np.nan
                place[lane] = waiting
                waiting += 1
                running += 1
        if running == 0:
            return
        _prepare(bands, rhs, penalty, extra, symmetric)
        assemble(basis, pairs, first, y, weight, method == _IASLS, bands, rhs)
        if symmetric:
            failed = solve_symmetric(bands, rhs)
        else:
            _row_scales(method, numbers[0], rounds, weight, use, r, top, axis, scale)
            failed = solve_rows(bands, penalty_rows, fixed, scale, rhs, upper)
        residual(basis, first, rhs, y, use, r, below, total, highest)
        rule.reweigh(method, numbers[0], own, rounds, r, use, below, total, highest, weight, top, change)
        if method == _IRSQR:
            _coefficient_change(old, rhs, change)
        for lane in range(LANES):
            if method == _AIRPLS:
                change[0, lane] = abs(total[0, lane]) / own[0, lane]
            row = place[lane]
            if row < 0:
                continue
            broken = (failed >> lane) & 1 != 0
            early = broken or (below[0, lane] < 2 and not never_early)
            if not early:
                last[row] = change[0, lane]
            if early or change[0, lane] < numbers[3] or rounds[0, lane] > max_iter:
                iterations[row] = rounds[0, lane] - 1 if early else rounds[0, lane]
                _store(rhs, basis, first, lane, broken, background[row])
                place[lane] = -1
                running -= 1
            rounds[0, lane] += 1.0
