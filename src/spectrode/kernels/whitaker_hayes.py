"""Compiled test of Whitaker and Hayes: modified z-scores by selection of the median, and the bound that light sets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["find", "median_of", "replace"]

_NORMAL = 1.4826
_FOOT_REACH = 4  # channels to either side in which a spike must have come down
_SPIKE_REACH = 4  # channels: measured tails of imperfect charge transfer end within this distance
_SAMPLE = 31
_MARGIN = 6  # places in the sorted sample
_FEW = 48


@njit(cache=True, nogil=True)
def _sort(values: Any, n: int) -> None:
    for i in range(1, n):
        value = values[i]
        j = i - 1
        while j >= 0 and values[j] > value:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = value


@njit(cache=True, nogil=True)
def _selected(values: Any, n: int, rank: int, spare: Any, sample: Any) -> float:
    """Return the value of a rank among the first ``n``; ``spare`` is overwritten, the order of ``values`` stays.

    A sorted sample brackets the rank; what lies inside the bracket is collected without branches, and again, until
    few are left. Twice as fast as exchanging about pivots, whose branches cannot be predicted.
    """
    source = values
    while n > _FEW:
        for i in range(_SAMPLE):
            sample[i] = source[(i * n) // _SAMPLE + (n // (2 * _SAMPLE))]
        _sort(sample, _SAMPLE)
        middle = (rank * _SAMPLE) // n
        low = sample[max(middle - _MARGIN, 0)]
        high = sample[min(middle + _MARGIN, _SAMPLE - 1)]
        below = inside = 0
        for i in range(n):
            below += source[i] < low
            inside += source[i] <= high
        inside -= below
        if rank < below:
            low, high = -np.inf, low
        elif rank >= below + inside:
            low, high = high, np.inf
        kept = under = 0
        for i in range(n):
            value = source[i]
            spare[kept] = value
            kept += (value >= low) & (value <= high)
            under += value < low
        if kept == n:  # many equal values: nothing is gained, so sort
            ordered = np.sort(source[:n])
            return float(ordered[rank])
        rank -= under
        n = kept
        source = spare
    for i in range(n):
        sample[i] = source[i]
    _sort(sample, n)
    return float(sample[rank])


@njit(cache=True, nogil=True)
def median_of(values: Any, spare: Any, sample: Any) -> float:
    """Return the median of an array, as numpy does: the mean of the two middle values if their number is even."""
    n = values.size
    upper = _selected(values, n, n // 2, spare, sample)
    if n % 2:
        return upper
    return 0.5 * (_selected(values, n, n // 2 - 1, spare, sample) + upper)


@njit(cache=True, nogil=True)
def _lowest(row: Any, first: int, last: int) -> float:
    lowest = np.inf
    for i in range(first, last + 1):
        lowest = min(lowest, row[min(max(i, 0), row.size - 1)])
    return float(lowest)


@njit(cache=True, nogil=True)
def _foot(row: Any, i: int) -> tuple[float, float]:
    return _lowest(row, i - _FOOT_REACH, i - 1), _lowest(row, i + 1, i + _FOOT_REACH)


@njit(cache=True, nogil=True)
def _sharp(row: Any, i: int, noise: float, bound: float, highest: float) -> bool:
    """True if a channel is the top of something sharper than light, and not of a saturated plateau."""
    low_left, low_right = _foot(row, i)
    deepest = min(low_left, low_right)
    top = row[i] - deepest
    if top < 0.8 * max(row[i - 1] - deepest, row[i + 1] - deepest):
        return False  # far down a flank the foot is uncertain; four fifths let in the side of a spike of two channels
    if row[i] >= highest and (row[i - 1] == row[i] or row[i + 1] == row[i]):
        return False
    if row[i] - max(low_left, low_right) < 0.5 * top:
        return False  # a spike comes down on both sides; the shoulder of a band does not
    # The straight line between the lowest levels on either side: on a broad band only its top rises above that.
    foot, slope = 0.5 * (low_left + low_right), (low_right - low_left) / (2 * _FOOT_REACH)
    left = max(row[i - 1] - (foot - slope), 0.0) + 2 * noise
    right = max(row[i + 1] - (foot + slope), 0.0) + 2 * noise
    return bool(row[i] - foot > bound * np.sqrt(left * right))


@njit(cache=True, nogil=True)
def _grow(row: Any, i: int, direction: int, z: Any, threshold: float, noise: float, flags: Any) -> None:
    """Extend a spike down a flank while the steps between channels stay steep (tails of charge transfer)."""
    for _ in range(_SPIKE_REACH):
        j = i + direction
        if j < 0 or j >= row.size or abs(z[min(i, j)]) <= threshold or row[j] >= row[i]:
            return
        low_left, low_right = _foot(row, j)
        if row[j] <= 0.5 * (low_left + low_right) + 4 * noise:
            return
        flags[j] = True
        i = j


@njit(cache=True, nogil=True)
def replace(row: Any, flags: Any, reach: int, cleaned: Any) -> None:
    """Put the mean of the unmarked channels within ``reach``; a line between the nearest if there are none."""
    for i in range(row.size):
        if not flags[i]:
            continue
        total, count = 0.0, 0
        for j in range(max(0, i - reach), min(row.size, i + reach + 1)):
            if not flags[j]:
                total += row[j]
                count += 1
        if count:
            cleaned[i] = total / count
            continue
        left, right = i, i
        while left >= 0 and flags[left]:
            left -= 1
        while right < row.size and flags[right]:
            right += 1
        if left >= 0 and right < row.size:
            cleaned[i] = row[left] + (row[right] - row[left]) * (i - left) / (right - left)
        elif left >= 0:
            cleaned[i] = row[left]
        elif right < row.size:
            cleaned[i] = row[right]


@njit(cache=True, nogil=True)
def find(
    values: Any, start: int, stop: int, threshold: float, bound: float, reach: int, flags: Any, cleaned: Any
) -> None:
    """Find and replace the spikes of single spectra.

    Parameters
    ----------
    values
        (spectra, channels).
    threshold
        Modified z-score of a first difference.
    bound
        Highest ratio of a channel to the geometric mean of its neighbours that light can reach. Zero: the published
        test, which marks the channel before each steep step.
    reach
        Channels to either side of which the mean is put in.
    flags, cleaned
        (spectra, channels) bool, False; and a copy of ``values``.
    """
    channels = values.shape[1]
    row, z = np.empty(channels), np.empty(channels - 1)
    size, spare, sample = np.empty(channels - 1), np.empty(channels), np.empty(_FEW)
    for r in range(start, stop):
        highest = -np.inf
        for i in range(channels):
            row[i] = values[r, i]
            highest = max(highest, row[i])
        for i in range(channels - 1):
            z[i] = row[i + 1] - row[i]
        middle = median_of(z, spare, sample)
        for i in range(channels - 1):
            size[i] = abs(z[i] - middle)
        spread = median_of(size, spare, sample)
        noise = _NORMAL / np.sqrt(2.0) * spread
        if spread == 0.0:
            spread = 0.6745 * 1.253314 * size.mean()
            if spread == 0.0:
                continue
        suspects = 0
        for i in range(channels - 1):
            z[i] = 0.6745 * (z[i] - middle) / spread
            suspects += abs(z[i]) > threshold
        if suspects == 0:
            continue
        found = False
        if bound == 0.0:
            for i in range(channels - 1):
                flags[r, i] = abs(z[i]) > threshold
            found = True
        else:
            for i in range(1, channels - 1):
                if (z[i - 1] > threshold or z[i] < -threshold) and _sharp(row, i, noise, bound, highest):
                    flags[r, i] = True
                    found = True
                    _grow(row, i, 1, z, threshold, noise, flags[r])
                    _grow(row, i, -1, z, threshold, noise, flags[r])
        if found:
            replace(row, flags[r], reach, cleaned[r])
