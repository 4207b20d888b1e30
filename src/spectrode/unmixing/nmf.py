"""Non-negative matrix factorisation by coordinate descent (scikit-learn)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import Cancelled
from .blocks import SpectraBlocks
from .mcr_als import Factors, Progress, ShouldStop
from .nnls import solve_nnls

__all__ = ["nmf"]

_ROUND = 10
"""Iterations between two looks at the residual."""

Array = NDArray[np.float64]


def nmf(
    blocks: SpectraBlocks,
    spectra: Array,
    *,
    max_iterations: int = 500,
    tolerance: float = 1e-6,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> Factors:
    """Refine spectra by scikit-learn's coordinate descent.

    The method needs data without negative values: they are set to zero in a copy, and a note says how much that was.
    That copy, in the data's own floating type, is the memory it needs. One iteration is cheaper than one of
    :func:`~spectrode.unmixing.mcr_als.mcr_als` but goes less far.

    Parameters
    ----------
    blocks
        The usable spectra.
    spectra
        (k, channels) start, not negative.
    max_iterations, tolerance
        As for MCR-ALS; the change is looked at every ten iterations and is per iteration.
    progress
        Called with (iterations done, limit).
    should_stop
        Asked every ten iterations.

    Raises
    ------
    Cancelled
        If ``should_stop`` says so.

    References
    ----------
    D. D. Lee, H. S. Seung, Nature 401 (1999) 788.
    A. Cichocki, A.-H. Phan, IEICE Trans. Fundam. E92-A (2009) 708.
    """
    from sklearn.decomposition import non_negative_factorization

    X, note = _without_negatives(blocks)
    H = np.ascontiguousarray(spectra, dtype=X.dtype)
    W = solve_nnls(H @ H.T, X @ H.T).astype(X.dtype)
    total = float(sum(np.vdot(row_block, row_block) for row_block in np.array_split(X, 16)))
    previous = np.sqrt(_squares(X, W, H, total))
    done, converged = 0, False
    while done < max_iterations and not converged:
        if should_stop is not None and should_stop():
            raise Cancelled(f"unmixing was cancelled after {done} iterations")
        count = min(_ROUND, max_iterations - done)
        # tol=0: it stops on the residual, looked at here, and so has no reason to warn.
        W, H, _ = non_negative_factorization(
            X, W=W, H=H, n_components=len(H), init="custom", solver="cd", tol=0.0, max_iter=count
        )
        done += count
        residual = np.sqrt(_squares(X, W, H, total))
        converged = bool(abs(previous - residual) <= tolerance * count * previous)
        previous = residual
        if progress is not None:
            progress(done, max_iterations)
    notes = [note] if note else []
    if not converged:
        notes.append(f"Not converged after {done} iterations: the residual still changes by more than {tolerance:g}.")
    found = np.asarray(H, dtype=np.float64)
    # A component that died keeps its start; its concentrations will be judged with the rest.
    found = np.where(found.any(axis=1, keepdims=True), found, spectra)
    return Factors(found, done, converged, tuple(notes))


def _without_negatives(blocks: SpectraBlocks) -> tuple[NDArray[np.floating], str]:
    """Return a copy with negatives at zero, scaled to a maximum of 1, and a sentence about them."""
    kind = np.float32 if blocks.intensity.dtype == np.float32 else np.float64
    X = np.empty((blocks.n, blocks.channels), dtype=kind)
    negative, lost, kept = 0, 0.0, 0.0
    for rows, block in blocks:
        below = block < 0
        negative += int(np.count_nonzero(below))
        lost -= float(block[below].sum())
        X[rows] = np.where(below, 0.0, block)
        kept += float(X[rows].sum(dtype=np.float64))
    top = float(X.max(initial=0.0))
    if top > 0:
        X /= kind(top)
    if negative == 0:
        return X, ""
    share = 100.0 * negative / X.size
    weight = 100.0 * lost / (lost + kept)
    return X, f"NMF: {share:.2g} % of the values were negative ({weight:.2g} % of all intensity) and were set to zero."


def _squares(X: NDArray[np.floating], W: NDArray[np.floating], H: NDArray[np.floating], total: float) -> float:
    """Return ‖X − WH‖² by the trace identity."""
    w, h = W.astype(np.float64), H.astype(np.float64)
    cross = float(np.vdot(w.T @ X, h)) if X.dtype == np.float64 else float(np.vdot(W.T @ X, h))
    return max(total - 2.0 * cross + float(np.vdot(w.T @ w, h @ h.T)), 0.0)
