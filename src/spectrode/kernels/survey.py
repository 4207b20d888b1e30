"""Compiled medians of many values in groups by another: what the survey of a dataset's noise would else sort for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .whitaker_hayes import median_of

__all__ = ["medians_by_level"]


@njit(cache=True, nogil=True)
def medians_by_level(keys: Any, values: Any, ordered: Any, starts: Any) -> Any:
    """Return the medians of values in groups by the rank of their key, as a stable sort by key would make them.

    Parameters
    ----------
    keys, values
        (n,) each.
    ordered
        (n,) the keys, sorted.
    starts
        (groups,) rank of each group's first key, increasing; the first is 0.

    Returns
    -------
    ndarray
        (groups,) the median of each group's values.
    """
    groups = starts.size
    bounds = ordered[starts]
    # Equal keys on both sides of a bound: so many of them, in order of appearance, belong before it.
    before = starts - np.searchsorted(ordered, bounds)
    place = starts.copy()
    out = np.empty_like(values)
    for i in range(keys.size):
        key = keys[i]
        low = -1
        for k in range(groups):  # all of them: no branch to be guessed wrongly
            low += bounds[k] <= key
        group = low
        while low > 0 and bounds[low] == key:
            if before[low] > 0:
                before[low] -= 1
                group = low - 1
            low -= 1
        out[place[group]] = values[i]
        place[group] += 1
    medians = np.empty(groups)
    spare, sample = np.empty(keys.size), np.empty(64)
    for k in range(groups):
        end = starts[k + 1] if k + 1 < groups else keys.size
        medians[k] = median_of(out[starts[k] : end], spare, sample)
    return medians
