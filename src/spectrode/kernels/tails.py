"""Bands taken apart into Lorentzian lines, and how much of those lines' tails the channels between the bands show."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["lines_of_rows", "tail_shares_of_rows"]

_GAIN = 0.5  # part of a line that is taken off at a time, so that overlapping bands share what lies between them
_MOST_LINES = 150
_VISIBLE = 4.0  # standard deviations that a line must stand out


@njit(cache=True, nogil=True, error_model="numpy")
def lines_of_rows(residual: Any, sigma: Any, widths: Any, lines: Any) -> None:
    """Write the sum of Lorentzian lines that fit beneath each residual.

    At the highest point, the largest line is taken that stays below the residual within its own half width: for one
    Lorentzian band that is the band itself, because a wider line would have to be lower by more than its width gains.

    Parameters
    ----------
    residual
        (n, m) intensities less a background.
    sigma
        (n,) noise.
    widths
        (k,) half widths at half maximum in channels.
    lines
        (n, m) result.
    """
    n, m = int(residual.shape[0]), int(residual.shape[1])
    left = np.empty(m)
    for row in range(n):
        left[:] = residual[row]
        lines[row] = 0.0
        for _ in range(_MOST_LINES):
            place = int(np.argmax(left))
            if not left[place] > _VISIBLE * sigma[row]:
                break
            area, height, width = 0.0, 0.0, 1.0
            for half in widths:
                reach = int(half)
                tallest = np.inf
                for i in range(max(0, place - reach), min(m - 1, place + reach) + 1):
                    tallest = min(tallest, (left[i] + sigma[row]) * (1.0 + ((i - place) / half) ** 2))
                if tallest * half > area:
                    area, height, width = tallest * half, tallest, half
            height = _GAIN * min(height, left[place])
            if height <= 0.0:
                break
            inverse = 1.0 / (width * width)
            for i in range(m):
                away = float(i - place)
                value = height / (1.0 + away * away * inverse)
                left[i] -= value
                lines[row, i] += value


@njit(cache=True, nogil=True, error_model="numpy")
def tail_shares_of_rows(
    intensity: Any,
    background: Any,
    precision: Any,
    lam: Any,
    far: float,
    lines: Any,
    share: Any,
    error: Any,
    reach: Any,
) -> None:
    """Write how much of the lines' tails there is, by generalised least squares against the smooth background.

    The channels that count are those that the background's weights call background, where of a line its tail is seen.

    Parameters
    ----------
    intensity, background, precision
        (n, m) spectra, a first background, and 1/variance of the noise.
    lam
        (n,) smoothness of the background.
    far
        As in :func:`spectrode.kernels.smoothness.average_rows`.
    lines
        (n, m) from :func:`lines_of_rows`.
    share, error
        (n,) the factor of the lines, and its standard deviation (infinite where nothing shows it).
    reach
        (n, m) how the background changes where the factor does, with the opposite sign.
    """
    n, m = intensity.shape
    w, d, e, f = np.empty(m), np.empty(m), np.zeros(m), np.zeros(m)
    first = np.empty(m)
    for row in range(n):
        scale = precision[row].mean()
        for i in range(m):
            residual = intensity[row, i] - background[row, i]
            noise = np.exp(-0.5 * residual * residual * precision[row, i])
            weight = noise * (1.0 + far) / (noise + far) if residual > 0.0 else 1.0
            w[i] = max(weight, 1e-8, 1e-14 * lam[row]) * precision[row, i] / scale
        _factors(w, lam[row], d, e, f)
        _substitute(w, intensity[row], d, e, f, first)
        _substitute(w, lines[row], d, e, f, reach[row])
        above, below = 0.0, 0.0
        for i in range(m):
            above += lines[row, i] * w[i] * (intensity[row, i] - first[i])
            below += lines[row, i] * w[i] * (lines[row, i] - reach[row, i])
        share[row] = above / below if below > 0.0 else 0.0
        error[row] = 1.0 / np.sqrt(below * scale) if below > 0.0 else np.inf


@njit(cache=True, nogil=True, error_model="numpy")
def _factors(w: Any, lam: float, d: Any, e: Any, f: Any) -> None:
    """Factor W + lam D'D (second differences) into unit lower triangles (e, f) around the diagonal d."""
    m = w.shape[0]
    for i in range(m):
        inner = min(i, m - 1 - i)
        pivot = w[i] + (1.0 if inner == 0 else 5.0 if inner == 1 else 6.0) * lam
        across = (-2.0 if i == 0 or i == m - 2 else -4.0) * lam
        if i > 0:
            pivot -= e[i - 1] * e[i - 1] * d[i - 1]
            across -= d[i - 1] * e[i - 1] * f[i - 1]
        if i > 1:
            pivot -= f[i - 2] * f[i - 2] * d[i - 2]
        d[i] = pivot
        e[i] = across / pivot
        f[i] = lam / pivot if i < m - 2 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _substitute(w: Any, y: Any, d: Any, e: Any, f: Any, out: Any) -> None:
    m = w.shape[0]
    for i in range(m):
        right = w[i] * y[i]
        if i > 0:
            right -= e[i - 1] * out[i - 1]
        if i > 1:
            right -= f[i - 2] * out[i - 2]
        out[i] = right
    for i in range(m - 1, -1, -1):
        value = out[i] / d[i]
        if i < m - 1:
            value -= e[i] * out[i + 1]
        if i < m - 2:
            value -= f[i] * out[i + 2]
        out[i] = value
