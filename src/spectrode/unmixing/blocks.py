"""Walk over many spectra in float64 blocks, so that no second copy of the data is ever made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StepError

__all__ = [
    "SpectraBlocks",
    "Subspace",
    "gram",
    "principal_subspace",
    "sum_of_squares",
    "usable_spectra",
]

_BLOCK_VALUES = 1 << 19
"""Values in a block: 4 MB in float64, so that a block read once serves several products from the cache."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SpectraBlocks:
    """The usable spectra of an array, and how to walk over them.

    Parameters
    ----------
    intensity
        (spectra, channels) numpy array, or a lazy array that can be sliced along spectra.
    used
        (spectra,) bool, the spectra to walk over.
    row_weight, column_weight
        (used spectra,) and (channels,) factors applied to every block, or None. The weighted matrix is
        ``diag(row_weight) D diag(column_weight)``.
    """

    intensity: Any
    used: NDArray[np.bool_]
    row_weight: Array | None = None
    column_weight: Array | None = None

    @property
    def n(self) -> int:
        """Number of usable spectra."""
        return int(np.count_nonzero(self.used))

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.intensity.shape[1])

    def __iter__(self) -> Iterator[tuple[slice, Array]]:
        """Yield (place among the usable spectra, float64 block). A block may be a view of the data: do not write."""
        done = 0
        for start, stop in _ranges(len(self.used), self.channels):
            chosen = self.used[start:stop]
            count = int(np.count_nonzero(chosen))
            if count == 0:
                continue
            block = np.asarray(self.intensity[start:stop])
            if count < stop - start:
                block = block[chosen]
            rows = slice(done, done + count)
            yield rows, self._weighted(np.asarray(block, dtype=np.float64), rows, slice(None))
            done += count

    def columns(self) -> Iterator[tuple[slice, Array]]:
        """Yield (channels, (used spectra, some channels) float64 block); for few spectra of many channels."""
        for start, stop in _ranges(self.channels, max(self.n, 1)):
            block = np.asarray(self.intensity[:, start:stop])[self.used]
            place = slice(start, stop)
            yield place, self._weighted(np.asarray(block, dtype=np.float64), slice(None), place)

    def weighted(self, row_weight: Array, column_weight: Array) -> SpectraBlocks:
        """Return the same spectra with weights."""
        return SpectraBlocks(self.intensity, self.used, row_weight, column_weight)

    def subset(self, rows: NDArray[np.intp]) -> SpectraBlocks:
        """Return some of the usable spectra, ``rows`` counting among them, in increasing order."""
        used = np.zeros_like(self.used)
        used[np.flatnonzero(self.used)[rows]] = True
        weight = None if self.row_weight is None else self.row_weight[rows]
        return SpectraBlocks(self.intensity, used, weight, self.column_weight)

    def _weighted(self, block: Array, rows: slice, columns: slice) -> Array:
        if self.row_weight is not None:
            block = block * self.row_weight[rows, None]
        if self.column_weight is not None:
            block = block * self.column_weight[columns]
        return block


@dataclass(frozen=True, eq=False)
class Subspace:
    """Truncated singular value decomposition, ``D ≈ scores @ loadings.T``.

    ``singular_values`` (m,) falling; ``scores`` (spectra, m) = U·σ; ``loadings`` (channels, m) orthonormal, m at most
    what was asked; ``total`` the sum of squares of the data.
    """

    singular_values: Array
    scores: Array
    loadings: Array
    total: float

    def truncated(self, count: int) -> Subspace:
        """Return the first ``count`` components."""
        return Subspace(self.singular_values[:count], self.scores[:, :count], self.loadings[:, :count], self.total)


def usable_spectra(
    owner: str, intensity: Any, use: NDArray[np.bool_] | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (used, empty): which spectra take part, and which are wanted but zero everywhere.

    A spectrum with a missing or infinite value, or with ``use`` False, is neither.

    Raises
    ------
    StepError
        If the array is not (spectra, channels) of real numbers, or ``use`` has another length.
    """
    if getattr(intensity, "ndim", None) != 2:
        shape = tuple(getattr(intensity, "shape", ()))
        raise StepError(f"{owner}: intensity must be (spectra, channels), but has shape {shape}")
    if intensity.dtype.kind not in "fiu":
        raise StepError(f"{owner}: intensity must be real numbers, but its type is {intensity.dtype}")
    n = int(intensity.shape[0])
    wanted = np.ones(n, dtype=bool) if use is None else np.array(use, dtype=bool)
    if wanted.shape != (n,):
        raise StepError(f"{owner}: use must have one value for each of {n} spectra, but has shape {wanted.shape}")
    empty = np.zeros(n, dtype=bool)
    for start, stop in _ranges(n, int(intensity.shape[1])):
        block = np.asarray(intensity[start:stop])
        wanted[start:stop] &= np.isfinite(block).all(axis=1)
        empty[start:stop] = wanted[start:stop] & ~block.any(axis=1)
    return wanted & ~empty, empty


def gram(blocks: SpectraBlocks) -> Array:
    """Return the Gram matrix of the smaller side in float64: DᵀD (channels) or DDᵀ (spectra)."""
    if blocks.n > blocks.channels:
        matrix = np.zeros((blocks.channels, blocks.channels))
        for _, block in blocks:
            matrix += block.T @ block
        return matrix
    matrix = np.zeros((blocks.n, blocks.n))
    for _, block in blocks.columns():
        matrix += block @ block.T
    return matrix


def principal_subspace(blocks: SpectraBlocks, count: int) -> Subspace:
    """Return the leading singular triplets through the Gram matrix of the smaller side.

    Singular values below about 1e-8 of the first are rounding; they are returned as they come.
    """
    matrix = gram(blocks)
    total = float(np.trace(matrix))
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    singular = np.sqrt(np.maximum(values, 0.0))
    if blocks.n > blocks.channels:
        scores = np.empty((blocks.n, vectors.shape[1]))
        for rows, block in blocks:
            scores[rows] = block @ vectors
        return Subspace(singular, scores, vectors, total)
    loadings = np.empty((blocks.channels, vectors.shape[1]))
    for place, block in blocks.columns():
        loadings[place] = block.T @ vectors
    loadings = _orthonormal(loadings, singular)
    return Subspace(singular, vectors * singular, loadings, total)


def _orthonormal(loadings: Array, singular: Array) -> Array:
    """Divide by the singular values; directions of no weight become zero."""
    floor = 1e-12 * singular[0] if singular.size else 0.0
    return np.where(singular > floor, loadings / np.where(singular > floor, singular, 1.0), 0.0)


def sum_of_squares(blocks: SpectraBlocks) -> float:
    """Return the sum of squares of all usable spectra."""
    return float(sum(np.vdot(block, block) for _, block in blocks))


def _ranges(count: int, other: int) -> Iterator[tuple[int, int]]:
    size = max(1, _BLOCK_VALUES // max(other, 1))
    for start in range(0, count, size):
        yield start, min(start + size, count)
