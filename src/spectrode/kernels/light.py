"""Can light have made these counts? Few positive lines on a straight ground, fitted to a few channels.

Everything that passes the spectrograph is a sum of lines as wide as the instrument's or wider. Such a sum with many
terms can also make a pedestal with gaps and so imitate a spike; therefore every line has a price, and the fit takes up
a line only if it gains more than that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["FREE", "HALF_WINDOW", "MOST_LINES", "PRICE", "fit_light", "line_atoms"]

HALF_WINDOW = 7
WINDOW = 2 * HALF_WINDOW + 1
MOST_LINES = 7
FREE = 3  # columns whose coefficient costs nothing: constant, slope, what the neighbours show
PRICE = 6.0  # chi-squared a line must gain: its height, place and width are all chosen to fit
_SPACING = 0.25  # of a line's width between places
_LIFETIMES = (0.0, 0.12, 0.35, 0.8, 1.8)  # Lorentzian half widths of bands, in widths of the instrument's line
_SEEN = 0.15  # part of a line's square that must lie in channels that take part
_REBUILDS = 16
_LEAST = 1e-4  # part of a column's square that must not be a mixture of those taken


def line_atoms(line_width: float) -> NDArray[np.float64]:
    """Return (window, columns) lines of a full width at half maximum (channels), and wider, at all places.

    The last column is kept free for a line that the neighbours show.
    """
    from scipy.special import wofz

    x = np.arange(-HALF_WINDOW, HALF_WINDOW + 1, dtype=np.float64)
    sigma = line_width / np.sqrt(8 * np.log(2))
    parts = []
    for gamma in line_width * np.array(_LIFETIMES):
        width = 1.07 * gamma + np.sqrt(0.87 * gamma**2 + line_width**2)
        reach = HALF_WINDOW + 0.5 * width
        places = np.linspace(-reach, reach, int(np.ceil(2 * reach / (_SPACING * width))) | 1)
        shape = np.real(wofz((x[:, None] - places[None, :] + 1j * gamma) / (sigma * np.sqrt(2))))
        parts.append(shape / np.real(wofz(1j * gamma / (sigma * np.sqrt(2)))))
    return np.ascontiguousarray(np.concatenate([*parts, np.zeros((x.size, 1))], axis=1))


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _take_out(work: Any, values: Any, column: Any, shares: Any) -> float:
    """Make all columns, and the values, orthogonal to a unit column; return the values' share."""
    window, columns = work.shape
    for k in range(columns):
        shares[k] = 0.0
    for x in range(window):
        part = column[x]
        if part != 0.0:
            for k in range(columns):
                shares[k] += part * work[x, k]
    for x in range(window):
        part = column[x]
        if part != 0.0:
            for k in range(columns):
                work[x, k] -= part * shares[k]
    share = 0.0
    for x in range(window):
        share += column[x] * values[x]
    for x in range(window):
        values[x] -= share * column[x]
    return share


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _gains(work: Any, values: Any, along: Any, square: Any) -> None:
    window, columns = work.shape
    for k in range(columns):
        along[k] = 0.0
        square[k] = 0.0
    for x in range(window):
        value = values[x]
        for k in range(columns):
            along[k] += work[x, k] * value
            square[k] += work[x, k] * work[x, k]


@njit(cache=True, nogil=True)
def fit_light(
    values: Any, weights: Any, atoms: Any, free: Any, price: float, taken: Any, n_taken: int, work: Any, lines: Any,
    scratch: Any, fitted: Any, doubt: Any,
) -> tuple[float, int]:  # fmt: skip
    """Fit straight ground, the neighbours' shape and few positive lines by weighted least squares.

    Parameters
    ----------
    values, weights
        (window,) counts, and one over their variance; zero leaves a channel out.
    atoms
        (window, columns) lines.
    free
        (window, 3) constant, slope and the neighbours' shape (zeros if it is not used; never taken negatively).
    price
        Chi-squared that each line must gain. The last column of ``atoms`` costs nothing.
    taken, n_taken
        (MOST_LINES,) lines to begin with; holds those used on return.
    work, lines, scratch
        Work arrays: (window, columns), (FREE + MOST_LINES, columns), (4, window + columns).
    fitted, doubt
        (window,) receive the fit, also where the weight is zero, and the variance of the fit.

    Returns
    -------
    cost, number
        Chi-squared and the prices of the lines; number of lines in ``taken``.
    """
    window, columns = atoms.shape
    most = FREE + MOST_LINES
    rest, root = scratch[0, :window], scratch[1, :window]
    along, square = scratch[2, :columns], scratch[3, :columns]
    full = np.empty(columns)
    basis = np.empty((most, window))
    design = np.empty((most, window))
    triangle = np.zeros((most, most))
    share, solution = np.empty(most), np.empty(most)
    refused = np.zeros(columns, dtype=np.bool_)
    along[:] = 0.0
    square[:] = 0.0
    for x in range(window):
        root[x] = np.sqrt(weights[x])
        for k in range(columns):
            square[k] += atoms[x, k] ** 2
            if weights[x] > 0.0:
                along[k] += atoms[x, k] ** 2
    for k in range(columns):
        # Of what lies in the channels left out nothing can be known.
        refused[k] = along[k] <= _SEEN * square[k]
    use_shape = True
    wanted = n_taken
    n = 0
    first_line = 0
    for _ in range(_REBUILDS):
        for x in range(window):
            rest[x] = values[x] * root[x]
            for k in range(columns):
                work[x, k] = atoms[x, k] * root[x]
        _gains(work, rest, along, full)
        n = 0
        for f in range(FREE):
            if f == 2 and not use_shape:
                continue
            # Gram-Schmidt against the free columns before; they are few and well apart.
            for x in range(window):
                basis[n, x] = free[x, f] * root[x]
                design[n, x] = free[x, f]
            before = 0.0
            for x in range(window):
                before += basis[n, x] ** 2
            for i in range(n):
                part = 0.0
                for x in range(window):
                    part += basis[i, x] * basis[n, x]
                triangle[i, n] = part
                for x in range(window):
                    basis[n, x] -= part * basis[i, x]
            norm = 0.0
            for x in range(window):
                norm += basis[n, x] ** 2
            if norm <= 1e-9 * before or norm == 0.0:
                continue
            norm = np.sqrt(norm)
            for x in range(window):
                basis[n, x] /= norm
            triangle[n, n] = norm
            share[n] = _take_out(work, rest, basis[n], lines[n])
            n += 1
        first_line = n
        number = 0
        negative = False
        while number < MOST_LINES:
            chosen = -1
            if number < wanted:
                chosen = taken[number]
                norm = 0.0
                for x in range(window):
                    norm += work[x, chosen] ** 2
                if norm <= _LEAST * full[chosen]:
                    refused[chosen] = True
                    for k in range(number, wanted - 1):
                        taken[k] = taken[k + 1]
                    wanted -= 1
                    continue
            else:
                _gains(work, rest, along, square)
                best = 0.0
                for k in range(columns):
                    if along[k] <= 0.0 or refused[k] or square[k] <= _LEAST * full[k]:
                        continue
                    gain = along[k] * along[k] / square[k]
                    if k < columns - 1:
                        gain -= price
                    if gain > best:
                        best = gain
                        chosen = k
                if chosen < 0:
                    break
                norm = square[chosen]
            norm = np.sqrt(norm)
            for x in range(window):
                basis[n, x] = work[x, chosen] / norm
                design[n, x] = atoms[x, chosen]
            for i in range(n):
                triangle[i, n] = lines[i, chosen]
            triangle[n, n] = norm
            share[n] = _take_out(work, rest, basis[n], lines[n])
            taken[number] = chosen
            n += 1
            number += 1
            if number >= wanted:
                _solve(triangle, share, n, solution)
                for k in range(first_line, n):
                    negative |= solution[k] <= 0.0
                if negative:
                    break
        _solve(triangle, share, n, solution)
        wrong_shape = use_shape and first_line == FREE and solution[FREE - 1] < 0.0
        if not negative and not wrong_shape:
            break
        if wrong_shape:
            use_shape = False
        kept = 0
        for k in range(number):
            if solution[first_line + k] > 0.0:
                taken[kept] = taken[k]
                kept += 1
            else:
                refused[taken[k]] = True
        wanted = kept
    cost = 0.0
    for x in range(window):
        cost += rest[x] * rest[x]
    for k in range(number):
        if taken[k] < columns - 1:
            cost += price
    for x in range(window):
        total, variance = 0.0, 0.0
        for k in range(n):
            total += solution[k] * design[k, x]
            part = design[k, x]
            for i in range(k):
                part -= triangle[i, k] * full[i]
            full[k] = part / triangle[k, k]
            variance += full[k] * full[k]
        fitted[x] = total
        doubt[x] = variance
    return cost, number


@njit(cache=True, nogil=True)
def _solve(triangle: Any, share: Any, n: int, out: Any) -> None:
    for i in range(n - 1, -1, -1):
        total = share[i]
        for k in range(i + 1, n):
            total -= triangle[i, k] * out[k]
        out[i] = total / triangle[i, i]
