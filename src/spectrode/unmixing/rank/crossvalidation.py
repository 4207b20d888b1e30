"""Cross-validation that holds out entries: a block of spectra times channels is predicted from all the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..blocks import SpectraBlocks

__all__ = ["held_out_error"]

_FOLDS = 3
_ROWS = 2048

Array = NDArray[np.float64]


def held_out_error(blocks: SpectraBlocks, limit: int, *, seed: int) -> Array:
    """Return (limit + 1,) mean squared error of held-out entries for 0 … ``limit`` components, relative to none.

    Bi-cross-validation: with the matrix cut into ``[[A, B], [C, D]]``, the held-out A is predicted by B D⁺ C with D⁺
    of the rank on trial, so that neither the spectra nor the channels of A shape what predicts it (leaving out whole
    spectra would let each spectrum fit itself). Three by three folds of random spectra and channels. The error falls
    short where random channels share their noise; give spectra whose neighbouring channels are independent.

    Fewer values than ``limit + 1`` are returned where the folds are too small.

    References
    ----------
    A. B. Owen, P. O. Perry, Ann. Appl. Stat. 3 (2009) 564.
    """
    rng = np.random.default_rng(seed)
    picked = np.arange(blocks.n)
    if blocks.n > _ROWS:
        picked = np.sort(rng.choice(blocks.n, _ROWS, replace=False))
    values = np.vstack([block for _, block in blocks.subset(picked)])
    n, channels = values.shape
    row, column = rng.permutation(n) % _FOLDS, rng.permutation(channels) % _FOLDS
    most = min(limit, min(n, channels) * (_FOLDS - 1) // _FOLDS - 1)
    if most < 1:
        return np.empty(0)
    squares = np.zeros(most + 1)
    for r in range(_FOLDS):
        for c in range(_FOLDS):
            squares += _fold(values, row == r, column == c, most)
    return np.asarray(squares / squares[0]) if squares[0] > 0 else squares


def _fold(values: Array, rows: NDArray[np.bool_], columns: NDArray[np.bool_], most: int) -> Array:
    """Return the sum of squares left of one held-out block after 0 … ``most`` components."""
    kept = values[np.ix_(~rows, ~columns)]
    beside, above = values[np.ix_(rows, ~columns)], values[np.ix_(~rows, columns)]
    left = values[np.ix_(rows, columns)]
    tall = kept.shape[0] > kept.shape[1]
    square, vectors = np.linalg.eigh(kept.T @ kept if tall else kept @ kept.T)
    square, vectors = square[::-1][:most], vectors[:, ::-1][:, :most]
    safe = np.where(square > 1e-14 * square[0], square, np.inf)
    if tall:  # D⁺ = V σ⁻² (D V)ᵀ
        before, after = beside @ vectors / safe, (kept @ vectors).T @ above
    else:  # D⁺ = (Dᵀ U) σ⁻² Uᵀ
        before, after = beside @ (kept.T @ vectors) / safe, vectors.T @ above
    squares = np.empty(most + 1)
    squares[0] = np.vdot(left, left)
    for place in range(most):
        left -= np.outer(before[:, place], after[place])
        squares[place + 1] = np.vdot(left, left)
    return squares
