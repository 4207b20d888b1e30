"""The lower convex hull of a spectrum, by Andrew's monotone chain, and the straight lines between its corners."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .threads import over_rows

__all__ = ["lower_hull"]

Floats = NDArray[Any]


@njit(cache=True, nogil=True)
def _corners(x, y, hidden, start, stop, corners, count):  # type: ignore[no-untyped-def]
    """Append the corners of the hull of the channels ``start`` to ``stop``; return how many there are then."""
    first = count
    for i in range(start, stop):
        if hidden.size and hidden[i]:
            continue
        while count - first >= 2:
            a, b = corners[count - 2], corners[count - 1]
            if (x[b] - x[a]) * (y[i] - y[a]) - (y[b] - y[a]) * (x[i] - x[a]) > 0:
                break
            count -= 1
        corners[count] = i
        count += 1
    return count


@njit(cache=True, nogil=True)
def _lines(x, y, corners, count, out):  # type: ignore[no-untyped-def]
    """Write straight lines between corners, level beyond the outermost."""
    out[: corners[0] + 1] = y[corners[0]]
    for k in range(count - 1):
        a, b = corners[k], corners[k + 1]
        slope = (y[b] - y[a]) / (x[b] - x[a])
        for i in range(a, b):
            out[i] = slope * (x[i] - x[a]) + y[a]
    out[corners[count - 1] :] = y[corners[count - 1]]


@njit(cache=True, nogil=True)
def _rows(values, x, mask, edges, start, stop, out):  # type: ignore[no-untyped-def]
    m = x.size
    y = np.empty(m)
    corners = np.empty(m, dtype=np.int64)
    for row in range(start, stop):
        y[:] = values[row]
        hidden = mask[row] if mask.size else mask[0, :0]
        count = 0
        for k in range(edges.size - 1):
            count = _corners(x, y, hidden, edges[k], edges[k + 1], corners, count)
        if count:
            _lines(x, y, corners, count, out[row])
        else:
            out[row] = y


def lower_hull(
    values: Floats, shift: NDArray[np.float64], edges: NDArray[np.int64], mask: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Return the lower convex hulls.

    Parameters
    ----------
    values
        (spectra, channels) finite.
    shift
        (channels,) increasing.
    edges
        (parts + 1,) first channels of the parts that have a hull each, and the number of channels at the end.
    mask
        (spectra, channels), True where a channel is skipped; the lines run over it.
    """
    # Never read-only, so that there is one type to compile for.
    values = np.require(values, np.float64, ("C", "W"))
    out = np.empty(values.shape, dtype=np.float64)
    gaps = np.zeros((1, 0), dtype=np.bool_) if mask is None else np.require(mask, np.bool_, ("C", "W"))
    over_rows(lambda start, stop: _rows(values, shift, gaps, edges, start, stop, out), values.shape[0])
    return out
