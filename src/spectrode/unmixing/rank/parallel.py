"""Parallel analysis: which singular values exceed those of noise that keeps its size and loses its order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..blocks import SpectraBlocks, Subspace
from .weighting import deflated, residual_of

__all__ = ["parallel_analysis"]

MARGIN = 1.02
"""The largest of a few random trials underestimates the upper limit by about this factor."""
MARGIN_BINNED = 1.1
"""The same where the noise was correlated: between bins a little of it is left."""
_NULL_ROWS = 4096
"""Spectra from which the noise threshold is found; for more it is scaled up."""
_NULL_WORK = 2e10

Array = NDArray[np.float64]


def parallel_analysis(blocks: SpectraBlocks, data: Subspace, limit: int, margin: float, seed: int) -> tuple[int, float]:
    """Return (components above the threshold, threshold).

    Sequential, from above: the n-th component passes if it exceeds what flipped noise gives, the noise being what
    n - 1 components leave. With too many taken out the noise looks small, so n falls until all n pass.
    """
    rng = np.random.default_rng(seed)
    picked = np.arange(blocks.n)
    if blocks.n > _NULL_ROWS:
        picked = np.sort(rng.choice(blocks.n, _NULL_ROWS, replace=False))
    part = blocks.subset(picked)
    free = np.sqrt(blocks.channels)
    growth = (np.sqrt(blocks.n) + free) / (np.sqrt(len(picked)) + free)

    def noise_alone(out: int) -> float:
        """Return what noise reaches, judged by what is left when ``out`` components are taken out."""
        noise = residual_of(part, data.truncated(out), picked)
        # Taking out components took this share of the noise with them.
        noise /= np.sqrt((1.0 - out / blocks.n) * (1.0 - out / blocks.channels))
        return float(margin * growth * _largest_of_flipped(noise, rng))

    count = deflated(blocks, limit)
    passed = limit
    while count > 0:
        threshold = noise_alone(count - 1)
        passed = int(np.count_nonzero(data.singular_values[:limit] > threshold))
        if passed >= count:
            break
        count = passed
    # The last component's own weight has raised the threshold; without it, but not below what was just called noise.
    threshold = noise_alone(min(passed, deflated(blocks, limit)))
    return passed, max(threshold, float(data.singular_values[passed]) if passed < len(data.singular_values) else 0.0)


def _largest_of_flipped(residual: Array, rng: np.random.Generator) -> float:
    """Return the largest first singular value over several random sign flips of the residual (changed in place)."""
    n, c = residual.shape
    trials = int(np.clip(_NULL_WORK / (2.0 * n * c * min(n, c)), 3, 10))
    largest = 0.0
    for _ in range(trials):
        residual *= rng.integers(0, 2, size=(n, c), dtype=np.int8) * np.int8(2) - np.int8(1)
        largest = max(largest, _largest_eigenvalue(residual.T @ residual if n > c else residual @ residual.T, rng))
    return float(np.sqrt(largest))


def _largest_eigenvalue(matrix: Array, rng: np.random.Generator) -> float:
    if len(matrix) < 20 or not matrix.any():
        return float(np.linalg.eigvalsh(matrix)[-1])
    from scipy.sparse.linalg import eigsh

    return float(eigsh(matrix, k=1, v0=rng.normal(size=len(matrix)), tol=1e-3, return_eigenvectors=False)[0])
