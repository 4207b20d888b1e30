"""Can light have made these counts? Sums of positive copies of the instrument's line shape, fitted to a few channels.

Everything that passes the spectrograph is such a sum, bands wider than the line shape included, so one fit answers
for every kind of real signal. Charge of a particle needs channels that are left out of the fit.

The counts must come less their foot (:func:`foot_line`): on a pedestal, a spike too is a sum of positive lines, namely
of a pedestal with sharp gaps beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["HALF_WINDOW", "fit_light", "foot_line", "line_atoms"]

HALF_WINDOW = 7
_SPACING = 0.5  # channels; two lines that far apart stand for one between them with an error below the tolerance
_ENOUGH = 1e-6  # first-order gain in chi-squared; close lines are so alike that the full gain may be a thousandfold


def line_atoms(line_width: float) -> NDArray[np.float64]:
    """Return (window, columns) two ramps, and lines of a full width at half maximum (channels) at all places."""
    x = np.arange(-HALF_WINDOW, HALF_WINDOW + 1, dtype=np.float64)
    places = np.arange(-HALF_WINDOW - 1, HALF_WINDOW + 1.01, _SPACING)
    lines = np.exp(-4 * np.log(2) * ((x[None, :] - places[:, None]) / line_width) ** 2)
    # The last two columns are kept free for what the neighbours show.
    ramps = 0.5 + np.outer([-0.5, 0.5], x / HALF_WINDOW)
    columns = np.concatenate([ramps, lines, np.zeros((2, x.size))])
    return np.ascontiguousarray(columns.T)


@njit(cache=True, nogil=True)
def foot_line(values: Any, out: Any) -> None:
    """Put a straight line under the counts of a window: through the lowest on either side, and nowhere above any."""
    n = values.size
    third = n // 3
    left, right = 0, n - 1
    for x in range(third):
        if values[x] < values[left]:
            left = x
        if values[n - 1 - x] < values[right]:
            right = n - 1 - x
    slope = (values[right] - values[left]) / (right - left)
    lower = 0.0
    for x in range(n):
        out[x] = values[left] + slope * (x - left)
        lower = max(lower, out[x] - values[x])
    for x in range(n):
        out[x] -= lower


@njit(cache=True, nogil=True)
def _solve(gram: Any, right: Any, chosen: Any, n: int, factor: Any, out: Any) -> bool:
    """Solve the normal equations of the chosen columns by Cholesky; False if they are not independent."""
    for i in range(n):
        for j in range(i + 1):
            total = gram[chosen[i], chosen[j]]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                if total <= 1e-10 * gram[chosen[i], chosen[i]]:
                    return False
                factor[i, i] = np.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
    for i in range(n):
        total = right[chosen[i]]
        for k in range(i):
            total -= factor[i, k] * out[k]
        out[i] = total / factor[i, i]
    for i in range(n - 1, -1, -1):
        total = out[i]
        for k in range(i + 1, n):
            total -= factor[k, i] * out[k]
        out[i] = total / factor[i, i]
    return True


@njit(cache=True, nogil=True)
def _drop_negative(chosen: Any, n: int, new: Any, heights: Any) -> int:
    """Go towards ``new`` until the first line vanishes, take out what has; return how many columns stay."""
    step = 1.0
    for i in range(n):
        old = heights[chosen[i]]
        if new[i] <= 0.0 and old - new[i] > 0.0:
            step = min(step, old / (old - new[i]))
    kept = 0
    highest = 0.0
    for i in range(n):
        highest = max(highest, heights[chosen[i]])
    for i in range(n):
        j = chosen[i]
        heights[j] += step * (new[i] - heights[j])
        if new[i] <= 0.0 and heights[j] <= 1e-9 * (highest + 1e-300):
            heights[j] = 0.0
        else:
            chosen[kept] = j
            kept += 1
    return kept


@njit(cache=True, nogil=True)
def fit_light(
    values: Any, weights: Any, atoms: Any, gram: Any, right: Any, factor: Any, heights: Any, fitted: Any
) -> float:
    """Fit a sum of positive columns by weighted least squares (Lawson and Hanson's active set).

    Parameters
    ----------
    values, weights
        (window,) counts, and one over their variance; zero leaves a channel out.
    atoms
        (window, columns), C-ordered.
    gram, right, factor, heights
        Work arrays: (columns, columns), (columns,), (columns, columns), (columns,).
    fitted
        (window,) receives the fit, also where the weight is zero.

    Returns
    -------
    float
        Chi-squared.
    """
    window, columns = atoms.shape
    right[:] = 0.0
    heights[:] = 0.0
    gram[:] = 0.0
    for x in range(window):
        if weights[x] == 0.0:
            continue
        for i in range(columns):
            weighted = weights[x] * atoms[x, i]
            right[i] += weighted * values[x]
            for j in range(columns):
                gram[i, j] += weighted * atoms[x, j]
    for i in range(columns):
        gram[i, i] *= 1.0 + 1e-9
    chosen = np.empty(columns, dtype=np.int64)
    taken = np.zeros(columns, dtype=np.bool_)
    refused = np.zeros(columns, dtype=np.bool_)
    new = np.empty(columns)
    n = 0
    for _ in range(3 * columns):
        best, gain = -1, _ENOUGH
        for j in range(columns):
            if taken[j] or refused[j] or gram[j, j] <= 1e-12:
                continue
            slope = right[j]
            for i in range(n):
                slope -= gram[j, chosen[i]] * heights[chosen[i]]
            if slope > 0.0 and slope * slope / gram[j, j] > gain:
                gain = slope * slope / gram[j, j]
                best = j
        if best < 0 or n >= window:
            break
        chosen[n] = best
        n += 1
        if not _solve(gram, right, chosen, n, factor, new):
            n -= 1
            refused[best] = True
            continue
        while True:
            lowest = 1.0
            for i in range(n):
                lowest = min(lowest, new[i])
            if lowest > 0.0:
                for i in range(n):
                    heights[chosen[i]] = new[i]
                break
            before = n
            n = _drop_negative(chosen, n, new, heights)
            if n == before or not _solve(gram, right, chosen, n, factor, new):
                break
        taken[:] = False
        for i in range(n):
            taken[chosen[i]] = True
        if taken[best]:
            refused[:] = False
        else:
            refused[best] = True
    chi2 = 0.0
    for x in range(window):
        total = 0.0
        for i in range(n):
            total += atoms[x, chosen[i]] * heights[chosen[i]]
        fitted[x] = total
        chi2 += weights[x] * (values[x] - total) ** 2
    return chi2
