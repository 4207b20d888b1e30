"""Banded systems without symmetry, of sixteen spectra side by side: ``A = F + diag(c) G + diag(w)``.

``F`` and ``G`` are the same for all spectra; ``c`` and ``w`` belong to each. Both methods that need this (drPLS and
asPLS) scale the rows of a penalty by numbers from 0 to 1, for which elimination without pivoting is stable: asPLS is a
positive definite matrix with scaled rows, and drPLS is one plus a small part of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .lanes import LANES
from .vectors import absolute, bits, load, splat, store, where

__all__ = ["full_bands", "solve_general"]


def full_bands(bands: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return both halves of a symmetric matrix.

    Parameters
    ----------
    bands
        (channels, order + 1) lower half, as from :func:`spectrode.kernels.banded.penalty_bands`.

    Returns
    -------
    numpy.ndarray
        (channels, 2 order + 1); element ``[i, order + t]`` is that of row i and column i + t.
    """
    n, order = bands.shape[0], bands.shape[1] - 1
    full = np.zeros((n, 2 * order + 1))
    full[:, order] = bands[:, 0]
    for k in range(1, order + 1):
        full[:, order - k] = bands[:, k]
        full[: n - k, order + k] = bands[k:, k]
    return full


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_2(fixed: Any, scaled: Any, c: Any, w: Any, y: Any, z: Any, v: Any, up: Any) -> Any:
    n = z.shape[0]
    v1, v2, f1, f2 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    # Elements right of the diagonal, one and two rows above.
    a1, a2, b1, b2 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    good = splat(1.0)
    for i in range(n):
        s = load(c, i)
        m2 = (fixed[i, 0] + scaled[i, 0] * s) * v2
        m1 = (fixed[i, 1] + scaled[i, 1] * s - m2 * b1) * v1
        pivot = (fixed[i, 2] + scaled[i, 2] * s) + load(w, i) - m2 * b2 - m1 * a1
        right = fixed[i, 3] + scaled[i, 3] * s - m1 * a2
        good = where(absolute(pivot) > 0.0, good, 0.0)
        f2, f1 = f1, load(w, i) * load(y, i) - m2 * f2 - m1 * f1
        v2, v1 = v1, 1.0 / pivot
        b1, b2 = a1, a2
        a1, a2 = right, fixed[i, 4] + scaled[i, 4] * s
        store(up, 2 * i, a1)
        store(up, 2 * i + 1, a2)
        store(v, i, v1)
        store(z, i, f1)
    x1, x2 = splat(0.0), splat(0.0)
    for i in range(n - 1, -1, -1):
        x2, x1 = x1, (load(z, i) - load(up, 2 * i + 1) * x2 - load(up, 2 * i) * x1) * load(v, i)
        store(z, i, x1)
    return bits(good > 0.5)


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_any(fixed: Any, scaled: Any, c: Any, w: Any, y: Any, z: Any, v: Any, up: Any) -> Any:
    n, order = z.shape[0], (fixed.shape[1] - 1) // 2
    row = np.empty((2 * order + 1, LANES))
    good = splat(1.0)
    for i in range(n):
        s = load(c, i)
        for t in range(2 * order + 1):
            store(row, t, fixed[i, t] + scaled[i, t] * s)
        store(row, order, load(row, order) + load(w, i))
        f = load(w, i) * load(y, i)
        for k in range(min(order, i), 0, -1):
            factor = load(row, order - k) * load(v, i - k)
            for t in range(1, order + 1):
                store(row, order - k + t, load(row, order - k + t) - factor * load(up, (i - k) * order + (t - 1)))
            f = f - factor * load(z, i - k)
        pivot = load(row, order)
        good = where(absolute(pivot) > 0.0, good, 0.0)
        store(v, i, 1.0 / pivot)
        store(z, i, f)
        for t in range(1, order + 1):
            store(up, i * order + (t - 1), load(row, order + t))
    for i in range(n - 1, -1, -1):
        x = load(z, i)
        for t in range(min(order, n - 1 - i), 0, -1):
            x = x - load(up, i * order + (t - 1)) * load(z, i + t)
        store(z, i, x * load(v, i))
    return bits(good > 0.5)


@njit(cache=True, nogil=True, error_model="numpy")
def solve_general(fixed: Any, scaled: Any, c: Any, w: Any, y: Any, z: Any, v: Any, up: Any) -> Any:
    """Solve ``(F + diag(c) G + diag(w)) z = w y`` for sixteen spectra.

    Parameters
    ----------
    fixed, scaled
        (channels, 2 order + 1), ``F`` and ``G`` as from :func:`full_bands`.
    c, w, y
        (channels, 16).
    z
        (channels, 16), receives the solutions.
    v, up
        (channels, 16) and (channels * order, 16), work space.

    Returns
    -------
    int
        One bit a lane: 1 if no pivot was zero.
    """
    if fixed.shape[1] == 5:
        return _solve_2(fixed, scaled, c, w, y, z, v, up)
    return _solve_any(fixed, scaled, c, w, y, z, v, up)
