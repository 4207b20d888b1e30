"""Backgrounds by reweighted Whittaker smoothing, sixteen spectra side by side.

Spectra need different numbers of rounds. A lane whose spectrum has settled gives its result away and takes the next
spectrum of the queue at once, so that all lanes work until the queue is empty. Lanes never mix: the result of a
spectrum is the same, bit for bit, whatever stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .banded import penalty_bands, solve_group
from .banded_general import full_bands, solve_general
from .lanes import LANES
from .threads import n_threads, over_rows
from .vectors import absolute, load, splat, store, where
from .whittaker_weights import (
    GROWTH,
    HEIGHT,
    ITERATION,
    MOVED,
    NORM,
    STATE_ROWS,
    STOPPED,
    decaying_weights,
    exponential_weights,
    logistic_weights,
    step_weights,
    two_level_weights,
)

__all__ = ["METHODS", "Settings", "background_rows"]

Floats = NDArray[np.float64]
METHODS = ("asls", "iasls", "airpls", "arpls", "drpls", "iarpls", "aspls", "psalsa")
_ASLS, _IASLS, _AIRPLS, _ARPLS, _DRPLS, _IARPLS, _ASPLS, _PSALSA = range(len(METHODS))


@dataclass(frozen=True)
class Settings:
    """What a method needs beside the data; names and meaning as in the steps ``baseline.*``."""

    lam: float
    diff_order: int = 2
    max_iter: int = 50
    tol: float = 1e-3
    p: float = 0.5
    """Weight above the background (asls, iasls, psalsa)."""
    k: float | None = None
    """Height of bands (psalsa); a tenth of each spectrum's standard deviation if not given."""
    eta: float = 0.5
    """Share of the penalty that is lifted at bands (drpls)."""
    asymmetric_coef: float = 0.5
    """Steepness (aspls)."""
    lam_1: float = 0.0
    """Penalty on the slope of the residual (iasls)."""


@njit(cache=True, nogil=True, error_model="numpy")
def _height_of_bands(values: Any, row: Any, keep: Any, stride: Any, lane: Any) -> Any:
    """Return a tenth of the standard deviation of one spectrum over the channels in use."""
    n, count, total, squares = values.shape[1], 0.0, 0.0, 0.0
    for i in range(n):
        count += keep[i * stride, lane]
        total += keep[i * stride, lane] * values[row, i]
    mean = total / count
    for i in range(n):
        squares += keep[i * stride, lane] * (values[row, i] - mean) ** 2
    return np.sqrt(squares / count) / 10


@njit(cache=True, nogil=True, error_model="numpy")
def _take(
    values: Any, row: Any, lane: Any, mask: Any, start: Any, extra_rows: Any, k: Any,
    y: Any, w: Any, keep: Any, alpha: Any, extra: Any, state: Any,
) -> None:  # fmt: skip
    """Put one spectrum in a lane."""
    n = values.shape[1]
    norm, stride = 0.0, min(mask.shape[0], 1)
    for i in range(n):
        used = 1.0
        if stride > 0 and mask[row, i]:
            used = 0.0
        keep[i * stride, lane] = used
        y[i, lane] = values[row, i]
        w[i, lane] = used if start.shape[0] == 0 else used * start[row, i]
        norm += used * abs(values[row, i])
    for i in range(alpha.shape[0]):
        alpha[i, lane] = 1.0
    if extra_rows.shape[0] > 0:
        for i in range(n):
            extra[i, lane] = extra_rows[row, i]
    state[ITERATION, lane] = 0.0
    state[NORM, lane] = norm
    state[HEIGHT, lane] = k if k > 0.0 else _height_of_bands(values, row, keep, stride, lane)


@njit(cache=True, nogil=True, error_model="numpy")
def _solve(
    method: Any, lam: Any, bands: Any, fixed: Any, scaled: Any,
    y: Any, w: Any, alpha: Any, extra: Any, squares: Any, ones: Any, z: Any, v: Any, low: Any,
) -> Any:  # fmt: skip
    """Compute the backgrounds ``z`` for the present weights; returns one bit a lane for success."""
    if method == _IASLS:
        for i in range(y.shape[0]):
            squared = load(w, i) * load(w, i)
            store(squares, i, squared)
            store(z, i, squared * load(y, i) + load(extra, i))
        return solve_group(lam, bands, squares, ones, z, z, v, low)
    if method == _ASPLS:
        return solve_general(fixed, scaled, alpha, w, y, z, v, low)
    if method == _DRPLS:
        return solve_general(fixed, scaled, w, w, y, z, v, low)
    return solve_group(lam, bands, w, w, y, z, v, low)


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(method: Any, parameter: Any, stride: Any, y: Any, z: Any, w: Any, keep: Any, state: Any) -> None:
    if method == _ASLS or method == _IASLS:  # noqa: SIM109 - plain comparisons are what numba is good at
        two_level_weights(y, z, w, keep, stride, state, parameter)
    elif method == _AIRPLS:
        exponential_weights(y, z, w, keep, stride, state)
    elif method == _ARPLS:
        logistic_weights(y, z, w, keep, stride, state, 2.0, True)
    elif method == _ASPLS:
        logistic_weights(y, z, w, keep, stride, state, parameter, False)
    elif method == _PSALSA:
        decaying_weights(y, z, w, keep, stride, state, parameter)
    else:
        for lane in range(LANES):
            state[GROWTH, lane] = np.exp(min(state[ITERATION, lane] + 1.0, 100.0))
        step_weights(y, z, w, keep, stride, state, method == _DRPLS)


@njit(cache=True, nogil=True, error_model="numpy")
def _follow_residuals(y: Any, z: Any, keep: Any, stride: Any, alpha: Any) -> None:
    """asPLS: stiffness in proportion to the residual; full where channels are masked, about which nothing is known."""
    highest = splat(0.0)
    for i in range(y.shape[0]):
        r = where(load(keep, i * stride) > 0.5, absolute(load(y, i) - load(z, i)), 0.0)
        highest = where(r > highest, r, highest)
    for i in range(y.shape[0]):
        store(alpha, i, where(load(keep, i * stride) > 0.5, absolute(load(y, i) - load(z, i)) / highest, 1.0))


@njit(cache=True, nogil=True, error_model="numpy")
def _run(
    method: Any, values: Any, rows: Any, mask: Any, start: Any, extra_rows: Any, bands: Any, fixed: Any, scaled: Any,
    lam_value: Any, parameter: Any, k: Any, max_iter: Any, tol: Any, iterations: Any, last: Any,
) -> None:  # fmt: skip
    """Replace the given rows of ``values`` by their backgrounds."""
    n = values.shape[1]
    stride = min(mask.shape[0], 1)
    y, z, w = np.zeros((n, LANES)), np.zeros((n, LANES)), np.ones((n, LANES))
    keep, v = np.ones((n if stride else 1, LANES)), np.zeros((n, LANES))
    alpha = np.ones((n if method == _ASPLS else 1, LANES))
    squares = np.ones((n if method == _IASLS else 1, LANES))
    ones = np.ones((n if method == _IASLS else 1, LANES))
    extra = np.zeros((n if extra_rows.shape[0] > 0 else 1, LANES))
    low = np.zeros((n * (bands.shape[1] - 1), LANES))
    state, lam = np.ones((STATE_ROWS, LANES)), np.full((1, LANES), lam_value)
    row_of = np.full(LANES, -1)
    waiting = 0
    while True:
        active = 0
        for lane in range(LANES):
            if row_of[lane] < 0 and waiting < rows.size:
                row_of[lane] = rows[waiting]
                waiting += 1
                _take(values, row_of[lane], lane, mask, start, extra_rows, k, y, w, keep, alpha, extra, state)
                last[row_of[lane]] = np.nan
            active += row_of[lane] >= 0
        if active == 0:
            return
        good = _solve(method, lam, bands, fixed, scaled, y, w, alpha, extra, squares, ones, z, v, low)
        _weigh(method, parameter, stride, y, z, w, keep, state)
        if method == _ASPLS:
            _follow_residuals(y, z, keep, stride, alpha)
        for lane in range(LANES):
            row = row_of[lane]
            if row < 0:
                continue
            solved = (good >> lane) & 1 == 1
            done = not solved or state[STOPPED, lane] > 0.5
            if not done:
                last[row] = state[MOVED, lane]
                state[ITERATION, lane] += 1.0
                done = last[row] < tol or state[ITERATION, lane] > max_iter
            if done:
                for i in range(n):
                    values[row, i] = z[i, lane] if solved else np.nan
                iterations[row] = int(state[ITERATION, lane])
                row_of[lane] = -1


def background_rows(
    method: str,
    values: Floats,
    settings: Settings,
    *,
    rows: NDArray[np.int64] | None = None,
    mask: NDArray[np.bool_] | None = None,
    start: Floats | None = None,
    extra: Floats | None = None,
) -> tuple[NDArray[np.int64], Floats]:
    """Replace spectra by their backgrounds.

    Parameters
    ----------
    method
        One of :data:`METHODS`.
    values
        (spectra, channels) float64, C-ordered; overwritten.
    settings
        Parameters of the method.
    rows
        Spectra to work on, all if not given; the others stay as they are.
    mask
        (spectra, channels), true where a channel has weight 0 in every round and no part in the statistics.
    start
        (spectra, channels) weights of the first round, 1 if not given. ``iasls`` needs them.
    extra
        (spectra, channels) numbers that are added to the right side, for ``iasls``.

    Returns
    -------
    iterations, last
        (spectra,) rounds whose change was measured, and the last such measure, NaN if there was none. Spectra whose
        system has no unique solution become NaN.
    """
    total, n = values.shape
    code = METHODS.index(method)
    bands = penalty_bands(n, settings.diff_order)
    fixed = scaled = np.zeros((1, 1))
    lam = settings.lam
    if method == "aspls":
        scaled = full_bands(lam * bands)
        fixed = np.zeros_like(scaled)
    elif method == "drpls":
        scaled = full_bands(-settings.eta * lam * bands)
        fixed = full_bands(lam * bands + _first_differences(n, settings.diff_order))
    elif method == "iasls":
        bands = lam * bands + settings.lam_1 * _first_differences(n, settings.diff_order)
        lam = 1.0
    parameter = settings.asymmetric_coef if method == "aspls" else settings.p
    queue = np.arange(total) if rows is None else np.ascontiguousarray(rows, dtype=np.int64)
    iterations, last = np.zeros(total, dtype=np.int64), np.full(total, np.nan)
    none = np.zeros((0, 0))
    hidden = np.zeros((0, 0), dtype=np.bool_) if mask is None else np.ascontiguousarray(mask)

    def part(first: int, stop: int) -> None:
        _run(
            code, values, queue[first:stop], hidden, none if start is None else start, none if extra is None else extra,
            bands, fixed, scaled, float(lam), float(parameter), float(settings.k or 0.0), settings.max_iter,
            float(settings.tol), iterations, last,
        )  # fmt: skip

    over_rows(part, queue.size, block=_block(queue.size))
    return iterations, last


def _first_differences(n: int, diff_order: int) -> Floats:
    padded = np.zeros((n, diff_order + 1))
    padded[:, :2] = penalty_bands(n, 1)
    return padded


def _block(total: int) -> int:
    """Return the length of queues: long, because lanes idle at their ends, but two for each thread."""
    per_thread = -(-total // (2 * n_threads()))
    return max(LANES, min(512, -(-per_thread // LANES) * LANES))
