"""A quantity that runs straight between rows: exact means, ranges and values for many spans of time at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["RESOLUTION_S", "PiecewiseLinear"]

RESOLUTION_S = 1e-6
"""Stamps are kept to the microsecond; a span may overhang the record by that without being outside."""


class PiecewiseLinear:
    """A quantity that runs straight within each interval between rows and may jump at the rows.

    Parameters
    ----------
    time
        (rows,) not decreasing. At a time that several rows share the quantity jumps.
    left, right
        (rows - 1,) value at the start and at the end of each interval.
    gap
        (rows - 1,) True for intervals about which nothing is known; NaN values have the same effect.

    Notes
    -----
    All questions are answered from cumulative integrals and binary search: O(log rows) a span.
    """

    def __init__(
        self,
        time: NDArray[np.float64],
        left: NDArray[np.float64],
        right: NDArray[np.float64],
        gap: NDArray[np.bool_],
    ) -> None:
        self._time = time
        width = np.diff(time)
        finite = np.isfinite(left) & np.isfinite(right)
        # An interval without length holds nothing that could be unknown.
        self._gap: NDArray[np.bool_] = (gap | ~finite) & (width > 0)
        # Sums of small numbers keep more digits: the level is taken off here and added back to each answer.
        self._level = float(left[finite].mean()) if finite.any() else 0.0
        self._left = np.where(finite, left - self._level, 0.0)
        self._right = np.where(finite, right - self._level, 0.0)
        self._slope = np.where(width > 0, (self._right - self._left) / np.where(width > 0, width, 1.0), 0.0)
        area = np.where(self._gap, 0.0, 0.5 * (self._left + self._right) * width)
        self._area = np.concatenate([[0.0], np.cumsum(area)])
        self._gaps = np.concatenate([[0], np.cumsum(self._gap)])

    def inside(self, begin: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which spans lie between the first and the last row (False for NaN)."""
        return np.asarray((begin >= self._time[0] - RESOLUTION_S) & (end <= self._time[-1] + RESOLUTION_S))

    def mean(self, begin: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean over each span; the value at ``begin`` where the span has no length; NaN if unknown."""
        result = np.full(begin.size, np.nan)
        if self._time.size < 2:
            return result
        spans = self._spans(begin, end)
        a, b, ka, kb = self._bounds(begin[spans], end[spans])
        one = ka == kb
        total = self._piece(ka, a, np.where(one, b, self._time[ka + 1]))
        rest = self._area[kb] - self._area[np.minimum(ka + 1, kb)] + self._piece(kb, self._time[kb], b)
        total += np.where(one, 0.0, rest)
        result[spans] = np.where(self._known(ka, kb), total / (b - a) + self._level, np.nan)
        points = self.inside(begin, end) & ~spans
        result[points] = self.at(begin[points])
        return result

    def spread(self, begin: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return maximum minus minimum over each span; 0 where it has no length; NaN if unknown."""
        result = np.full(begin.size, np.nan)
        if self._time.size < 2:
            return result
        spans = self._spans(begin, end)
        a, b, ka, kb = self._bounds(begin[spans], end[spans])
        more = ka < kb
        corners = [
            self._left[ka] + self._slope[ka] * (a - self._time[ka]),
            self._left[kb] + self._slope[kb] * (b - self._time[kb]),
            np.where(more, self._right[ka], np.nan),
            np.where(more, self._left[kb], np.nan),
        ]
        between_high = _reduced(np.maximum, np.maximum(self._left, self._right), ka + 1, kb)
        between_low = _reduced(np.minimum, np.minimum(self._left, self._right), ka + 1, kb)
        high = np.fmax(np.fmax.reduce(corners), between_high)
        low = np.fmin(np.fmin.reduce(corners), between_low)
        result[spans] = np.where(self._known(ka, kb), high - low, np.nan)
        points = self.inside(begin, end) & ~spans
        result[points] = np.where(np.isfinite(self.at(begin[points])), 0.0, np.nan)
        return result

    def at(self, time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value at given times (the later one where it jumps); NaN outside and in gaps."""
        if self._time.size < 2:
            return np.full(time.size, np.nan)
        k, after, width = self.place(time)
        value = np.where(after >= width, self._right[k], self._left[k] + self._slope[k] * after)
        known = ~self._gap[k]
        # A time exactly at a row where a gap begins is still known from the interval that ends there.
        before = np.maximum(k - 1, 0)
        ends = ~known & (after == 0) & (k > 0) & ~self._gap[before]
        value = np.where(ends, self._right[before], value)
        return np.where(self.inside(time, time) & (known | ends), value + self._level, np.nan)

    def place(self, time: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """Return the interval that contains or begins at each time, the time since it began, and its length."""
        clamped = np.clip(np.where(np.isfinite(time), time, self._time[0]), self._time[0], self._time[-1])
        k = np.clip(np.searchsorted(self._time, clamped, "right") - 1, 0, self._time.size - 2)
        return k, clamped - self._time[k], self._time[k + 1] - self._time[k]

    def _spans(self, begin: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which spans are inside and have a length, even after an overhang is cut off."""
        length = np.minimum(end, self._time[-1]) > np.maximum(begin, self._time[0])
        return np.asarray(self.inside(begin, end) & length)

    def _bounds(
        self, begin: NDArray[np.float64], end: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
        """Return the ends of the spans and their intervals: the one after a jump at the start, before it at the end."""
        a, b = np.maximum(begin, self._time[0]), np.minimum(end, self._time[-1])
        return a, b, np.searchsorted(self._time, a, "right") - 1, np.searchsorted(self._time, b, "left") - 1

    def _known(self, first: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.bool_]:
        return np.asarray(self._gaps[last + 1] == self._gaps[first])

    def _piece(self, k: NDArray[np.intp], start: NDArray[np.float64], stop: NDArray[np.float64]) -> NDArray[np.float64]:
        """Integrate within single intervals."""
        half = 0.5 * ((start - self._time[k]) + (stop - self._time[k]))
        return np.asarray((stop - start) * (self._left[k] + self._slope[k] * half))


def _reduced(
    function: np.ufunc, values: NDArray[np.float64], first: NDArray[np.intp], stop: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the extreme of ``values[first:stop]`` for each pair; NaN for empty ranges."""
    result = np.full(first.size, np.nan)
    filled = np.flatnonzero(stop > first)
    if not filled.size:
        return result
    # In order of the first row, reduceat walks over the rows between two ranges only once.
    order = filled[np.argsort(first[filled], kind="stable")]
    pairs = np.stack([first[order], stop[order]], axis=1).ravel()
    padded = np.concatenate([values, values[-1:]])
    result[order] = function.reduceat(padded, pairs)[::2]
    return result
