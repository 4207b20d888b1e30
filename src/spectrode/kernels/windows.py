"""Running minima, maxima and means, and the backgrounds made of them: snip, mor, imor, rolling ball.

A spectrum is worked on alone, with the channels side by side in the vector registers, so what stands beside it cannot
matter. Running extremes double their window (the minimum over 8 channels is that of two minima over 4), which takes
more comparisons than the algorithm of van Herk but no branches. Every sum is written in the order in which pybaselines
and scipy write it, without ``fastmath``: clipping compares numbers that are often equal to rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .threads import over_rows

__all__ = ["best_half_windows", "clipped", "imor", "mor", "opened", "smoothed"]

Floats = NDArray[Any]
Mask = NDArray[np.bool_] | None
Whole = NDArray[np.int64]

_EPS = float(np.finfo(np.float64).eps)


@njit(cache=True, nogil=True)
def _lower(left, right, out):  # type: ignore[no-untyped-def]
    """Write the lower of two values; a function of its own, because LLVM vectorises the loop only where it is alone."""
    for i in range(out.size):
        out[i] = left[i] if left[i] < right[i] else right[i]


@njit(cache=True, nogil=True)
def _running(source, half_window, sign, out, one, two):  # type: ignore[no-untyped-def]
    """Write the minimum (sign 1) or maximum (sign -1) over ``half_window`` channels on both sides."""
    m = source.size
    h = min(half_window, m - 1)
    n = m + 2 * h
    one[:h] = np.inf
    one[h + m : n] = np.inf
    middle = one[h : h + m]
    for i in range(m):
        middle[i] = sign * source[i]
    width = 2 * h + 1
    reach = 1
    while 2 * reach <= width:
        length = n - 2 * reach + 1
        _lower(one[:length], one[reach : reach + length], two[:length])
        one, two = two, one
        reach *= 2
    left, right = one[:m], one[width - reach : width - reach + m]
    for i in range(m):
        out[i] = sign * (left[i] if left[i] < right[i] else right[i])


@njit(cache=True, nogil=True)
def _hide(values, hidden, value):  # type: ignore[no-untyped-def]
    """Put ``value``, which no minimum or maximum takes, where channels are masked."""
    for i in range(hidden.size):
        if hidden[i]:
            values[i] = value


@njit(cache=True, nogil=True)
def _opened(source, hidden, half_window, out, work):  # type: ignore[no-untyped-def]
    """Write the morphological opening: the running maximum of the running minimum."""
    _hide(source, hidden, np.inf)
    _running(source, half_window, 1.0, work[0][: source.size], work[1], work[2])
    _hide(work[0], hidden, -np.inf)
    _running(work[0][: source.size], half_window, -1.0, out, work[1], work[2])


@njit(cache=True, nogil=True)
def _averaged(opening, hidden, half_window, out, work):  # type: ignore[no-untyped-def]
    """Write the mean of the running maximum and the running minimum of an opening."""
    m = opening.size
    _hide(opening, hidden, -np.inf)
    _running(opening, half_window, -1.0, out, work[1], work[2])
    _hide(opening, hidden, np.inf)
    _running(opening, half_window, 1.0, work[0][:m], work[1], work[2])
    lower = work[0][:m]
    for i in range(m):
        out[i] = 0.5 * (out[i] + lower[i])


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _change(old, new):  # type: ignore[no-untyped-def]
    """Return norm(new - old) / norm(old), the criterion of pybaselines."""
    above = 0.0
    below = 0.0
    for i in range(old.size):
        difference = new[i] - old[i]
        above += difference * difference
        below += old[i] * old[i]
    return np.sqrt(above) / max(np.sqrt(below), _EPS)


@njit(cache=True, nogil=True)
def _difference(old, new, hidden):  # type: ignore[no-untyped-def]
    """Return the same over the channels that are not masked."""
    _hide(old, hidden, 0.0)
    _hide(new, hidden, 0.0)
    return _change(old, new)


@njit(cache=True, nogil=True)
def _best_half_window(source, hidden, work):  # type: ignore[no-untyped-def]
    """Return the half window from which on three openings in a row are the same, as pybaselines looks for it."""
    m = source.size
    eroded, grown, opening, wider = work[3][:m], work[4][:m], work[5][:m], work[6][:m]
    eroded[:] = source
    _hide(eroded, hidden, np.inf)
    _running(eroded, 1, 1.0, grown, work[1], work[2])
    eroded, grown = grown, eroded
    half_window = 1
    best = 1
    hits = 0
    for h in range(1, max(2, (m - 1) // 2)):
        if h > 1:
            # The window of the minimum grows by a channel on both sides.
            _lower(eroded[: m - 2], eroded[2:], grown[1 : m - 1])
            grown[0], grown[m - 1] = eroded[1], eroded[m - 2]
            eroded, grown = grown, eroded
        work[0][:m] = eroded
        _hide(work[0][:m], hidden, -np.inf)
        _running(work[0][:m], h, -1.0, wider, work[1], work[2])
        if h > 1:
            half_window = h
            if _difference(opening, wider, hidden) < 1e-6:
                if hits == 0:
                    best = h - 1
                hits += 1
                if hits >= 3:
                    return best
            else:
                hits = 0
        opening, wider = wider, opening
    return half_window


@njit(cache=True, nogil=True)
def _line(values, step, padding, out):  # type: ignore[no-untyped-def]
    """Write what a straight line through ``values`` gives beyond their first (step 1) or last (step -1) channel."""
    n = values.size
    if padding == 1:
        out[0] = values[0] if step > 0 else values[n - 1]
        return
    mean = 0.0
    for i in range(n):
        mean += values[i]
    mean /= n
    centre = (n - 1) / 2
    above = 0.0
    below = 0.0
    for i in range(n):
        above += (i - centre) * (values[i] - mean)
        below += (i - centre) * (i - centre)
    slope = above / below if below > 0 else 0.0
    first = -padding if step > 0 else n
    for i in range(padding):
        out[i] = mean + slope * (first + i - centre)


@njit(cache=True, nogil=True)
def _padded(values, padding, out):  # type: ignore[no-untyped-def]
    """Write ``values`` with ``padding`` channels of a straight line on both sides."""
    m = values.size
    fitted = min(padding, m)
    _line(values[:fitted], 1, padding, out[:padding])
    out[padding : padding + m] = values
    _line(values[m - fitted :], -1, padding, out[padding + m : m + 2 * padding])


@njit(cache=True, nogil=True)
def _mean(values, half_window, out):  # type: ignore[no-untyped-def]
    """Write the running mean, with reflected edges, by adding and taking off a channel at a time, as scipy does."""
    n = values.size
    width = 2 * half_window + 1
    period = 2 * n
    total = 0.0
    for i in range(-half_window, half_window + 1):
        at = i % period
        total += values[at] if at < n else values[period - 1 - at]
    out[0] = total / width
    for i in range(1, n):
        come = i + half_window
        gone = i - half_window - 1
        if come >= n or gone < 0:
            come %= period
            gone %= period
            come = come if come < n else period - 1 - come
            gone = gone if gone < n else period - 1 - gone
        total += values[come] - values[gone]
        out[i] = total / width


@njit(cache=True, nogil=True)
def _sum_of_pair(values, i, shift, out):  # type: ignore[no-untyped-def]
    """Write the sum of the channels ``shift`` to the left and right of the channels ``i`` to ``n - i``."""
    n = values.size
    left, right = values[i - shift : n - i - shift], values[i + shift : n - i + shift]
    for c in range(n - 2 * i):
        out[c] = left[c] + right[c]


@njit(cache=True, nogil=True)
def _clip(values, i, order, limit, work):  # type: ignore[no-untyped-def]
    """Write what the channels ``i`` to ``n - i`` may at most be: the largest of the filters up to ``order``."""
    count = values.size - 2 * i
    outer, near, middle, far = work[3][:count], work[4][:count], work[5][:count], work[6][:count]
    _sum_of_pair(values, i, i, outer)
    for c in range(count):
        limit[c] = outer[c] / 2
    if order > 2:
        _sum_of_pair(values, i, i // 2, middle)
        for c in range(count):
            limit[c] = max(limit[c], (-outer[c] + 4 * middle[c]) / 6)
    if order > 4:
        _sum_of_pair(values, i, 2 * i // 3, far)
        _sum_of_pair(values, i, i // 3, near)
        for c in range(count):
            limit[c] = max(limit[c], (outer[c] - 6 * far[c] + 15 * near[c]) / 20)
    if order > 6:
        _sum_of_pair(values, i, 3 * i // 4, far)
        _sum_of_pair(values, i, i // 4, near)
        for c in range(count):
            limit[c] = max(limit[c], (-outer[c] + 8 * far[c] - 28 * middle[c] + 56 * near[c]) / 70)


@njit(cache=True, nogil=True)
def _snip_row(values, half_window, decreasing, smooth, order, work):  # type: ignore[no-untyped-def]
    """Clip a padded spectrum in place."""
    n = values.size
    for k in range(half_window):
        i = half_window - k if decreasing else k + 1
        count = n - 2 * i
        limit = work[0][:count]
        _clip(values, i, order, limit, work)
        inside = values[i : n - i]
        if smooth > 0:
            _mean(values, smooth, work[1][:n])
            mean = work[1][i : n - i]
            for c in range(count):
                inside[c] = limit[c] if inside[c] > limit[c] else mean[c]
        else:
            for c in range(count):
                inside[c] = limit[c] if inside[c] > limit[c] else inside[c]


@njit(cache=True, nogil=True)
def _half_window_rows(values, hidden, start, stop, found):  # type: ignore[no-untyped-def]
    m = values.shape[1]
    work = np.empty((7, 3 * m))
    source = np.empty(m)
    for row in range(start, stop):
        source[:] = values[row]
        found[row] = _best_half_window(source, hidden[row] if hidden.size else hidden[0, :0], work)


@njit(cache=True, nogil=True)
def _snip_rows(values, edged, windows, decreasing, smooth, order, start, stop, out):  # type: ignore[no-untyped-def]
    m = values.shape[1]
    work = np.empty((7, 3 * m))
    padded = np.empty(3 * m)
    source = np.empty(m)
    for row in range(start, stop):
        h = windows[row]
        n = m + 2 * h
        if edged.size:
            padded[:n] = edged[row, :n]
        else:
            source[:] = values[row]
            _padded(source, h, padded)
        _snip_row(padded[:n], h, decreasing, smooth, order, work)
        out[row] = padded[h : h + m]


@njit(cache=True, nogil=True)
def _mor_rows(values, hidden, windows, start, stop, out):  # type: ignore[no-untyped-def]
    m = values.shape[1]
    work = np.empty((3, 3 * m))
    source, opening, kept, average = np.empty(m), np.empty(m), np.empty(m), np.empty(m)
    for row in range(start, stop):
        gaps = hidden[row] if hidden.size else hidden[0, :0]
        source[:] = values[row]
        _opened(source, gaps, windows[row], opening, work)
        kept[:] = opening
        _averaged(opening, gaps, windows[row], average, work)
        for i in range(m):
            out[row, i] = average[i] if average[i] < kept[i] else kept[i]


@njit(cache=True, nogil=True)
def _imor_rows(values, hidden, windows, tol, rounds, start, stop, out, taken, last):  # type: ignore[no-untyped-def]
    m = values.shape[1]
    work = np.empty((3, 3 * m))
    source, now, opening, new = np.empty(m), np.empty(m), np.empty(m), np.empty(m)
    for row in range(start, stop):
        gaps = hidden[row] if hidden.size else hidden[0, :0]
        source[:] = values[row]
        now[:] = source
        for k in range(rounds + 1):
            opening[:] = now
            _opened(opening, gaps, windows[row], new, work)
            opening[:] = new
            _averaged(opening, gaps, windows[row], new, work)
            for i in range(m):
                new[i] = source[i] if source[i] < new[i] else new[i]
            last[row] = _difference(now, new, gaps)
            taken[row] = k + 1
            if last[row] < tol:
                break
            now[:] = new
        out[row] = now


@njit(cache=True, nogil=True)
def _opening_rows(values, hidden, windows, start, stop, out):  # type: ignore[no-untyped-def]
    m = values.shape[1]
    work = np.empty((3, 3 * m))
    source = np.empty(m)
    for row in range(start, stop):
        source[:] = values[row]
        _opened(source, hidden[row] if hidden.size else hidden[0, :0], windows[row], out[row], work)


@njit(cache=True, nogil=True)
def _mean_rows(values, windows, start, stop, out):  # type: ignore[no-untyped-def]
    m = values.shape[1]
    source = np.empty(m)
    for row in range(start, stop):
        h = windows[row]
        padded, mean = np.empty(m + 2 * h), np.empty(m + 2 * h)
        source[:] = values[row]
        _padded(source, h, padded)
        _mean(padded, h, mean)
        out[row] = mean[h : h + m]


def _doubles(values: Floats) -> NDArray[np.float64]:
    """Return C-ordered float64, never read-only: one type to compile for, and it is computed in that anyway."""
    return np.require(values, np.float64, ("C", "W"))


def _gaps(mask: Mask) -> NDArray[np.bool_]:
    return np.zeros((1, 0), dtype=np.bool_) if mask is None else np.require(mask, np.bool_, ("C", "W"))


def best_half_windows(values: Floats, mask: Mask = None) -> Whole:
    """Return for each spectrum the half window from which on the opening no longer changes.

    Parameters
    ----------
    values
        (spectra, channels) finite.
    mask
        (spectra, channels), True where a channel counts as absent.
    """
    values = _doubles(values)
    found = np.ones(values.shape[0], dtype=np.int64)
    gaps = _gaps(mask)
    if values.shape[1] > 2:
        over_rows(lambda start, stop: _half_window_rows(values, gaps, start, stop, found), values.shape[0])
    return found


def clipped(values: Floats, windows: Whole, decreasing: bool, smooth_half_window: int, filter_order: int) -> Floats:
    """Return the backgrounds by peak clipping with half windows up to ``windows`` (spectra,), at most (m - 1) // 2.

    With smoothing, a channel that stands above its limit by a rounding error is clipped and another smoothed. On the
    straight lines beyond the ends all channels are at their limit, so that these must be the library's to the last bit.
    """
    values = _doubles(values)
    out = np.empty(values.shape, dtype=np.float64)
    edged = np.empty((0, 0))
    if smooth_half_window > 0:
        from pybaselines.utils import pad_edges

        m = values.shape[1]
        edged = np.zeros((values.shape[0], m + 2 * int(windows.max(initial=0))))
        for row, h in enumerate(windows.tolist()):
            edged[row, : m + 2 * h] = pad_edges(values[row], h)
    over_rows(
        lambda start, stop: _snip_rows(
            values, edged, windows, decreasing, smooth_half_window, filter_order, start, stop, out
        ),
        values.shape[0],
    )
    return out


def mor(values: Floats, windows: Whole, mask: Mask = None) -> Floats:
    """Return the lower of the opening and its averaged dilation and erosion; masked channels stay to be filled."""
    values = _doubles(values)
    out = np.empty(values.shape, dtype=np.float64)
    gaps = _gaps(mask)
    over_rows(lambda start, stop: _mor_rows(values, gaps, windows, start, stop, out), values.shape[0])
    return out


def imor(
    values: Floats, windows: Whole, tol: float, max_iter: int, mask: Mask = None
) -> tuple[Floats, Whole, NDArray[np.float64]]:
    """Return the backgrounds, the rounds that each took, and the last relative change of each."""
    values = _doubles(values)
    out = np.empty(values.shape, dtype=np.float64)
    taken = np.zeros(values.shape[0], dtype=np.int64)
    last = np.zeros(values.shape[0])
    gaps = _gaps(mask)
    over_rows(
        lambda start, stop: _imor_rows(values, gaps, windows, tol, max_iter, start, stop, out, taken, last),
        values.shape[0],
    )
    return out, taken, last


def opened(values: Floats, windows: Whole, mask: Mask = None) -> Floats:
    """Return the morphological opening, which :func:`smoothed` then turns into the path of a ball."""
    values = _doubles(values)
    out = np.empty(values.shape, dtype=np.float64)
    gaps = _gaps(mask)
    over_rows(lambda start, stop: _opening_rows(values, gaps, windows, start, stop, out), values.shape[0])
    return out


def smoothed(values: Floats, windows: Whole) -> Floats:
    """Return the running means, with the edges continued by straight lines."""
    values = _doubles(values)
    out = np.empty(values.shape, dtype=np.float64)
    over_rows(lambda start, stop: _mean_rows(values, windows, start, stop, out), values.shape[0])
    return out
