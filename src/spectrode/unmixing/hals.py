"""Non-negative matrix factorisation by hierarchical alternating least squares, one component at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import Cancelled
from .blocks import SpectraBlocks, sum_of_squares
from .mcr_als import Factors, Progress, ShouldStop
from .nnls import solve_nnls

__all__ = ["hals"]

_SWEEPS = 2
"""Rounds over the components for one reading of the data: more cost little beside it and go further."""
_ROUNDING = 1e-14

Array = NDArray[np.float64]


def hals(
    blocks: SpectraBlocks,
    spectra: Array,
    *,
    fixed: NDArray[np.bool_] | None = None,
    max_iterations: int = 500,
    tolerance: float = 1e-6,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> Factors:
    """Refine spectra by accelerated HALS, the interface of :func:`~spectrode.unmixing.nmf.nmf`.

    Each component in turn takes the best non-negative values with all others held, which needs no solver; an
    iteration is cheaper than one of :func:`~spectrode.unmixing.mcr_als.mcr_als` and goes less far, to the same optima.
    Unlike ``nmf`` it takes negative data as they are, makes no copy of them and can hold known spectra; beside the
    data it keeps the concentrations. The residual never rises.

    Parameters
    ----------
    blocks
        The usable spectra.
    spectra
        (k, channels) start; not negative, except where fixed.
    fixed
        (k,) True for spectra that stay as they are. None: none.
    max_iterations
        Limit of iterations, each of which reads the data once.
    tolerance
        Relative change of the residual norm in one iteration below which the iteration has converged.
    progress
        Called with (iterations done, limit).
    should_stop
        Asked before each iteration.

    Raises
    ------
    Cancelled
        If ``should_stop`` says so.

    References
    ----------
    A. Cichocki, A.-H. Phan, IEICE Trans. Fundam. E92-A (2009) 708.
    N. Gillis, F. Glineur, Neural Comput. 24 (2012) 1085 (several sweeps for one product with the data).
    """
    held = np.zeros(len(spectra), dtype=bool) if fixed is None else fixed
    S = np.array(spectra, dtype=np.float64)
    total = sum_of_squares(blocks)
    C: Array | None = None
    previous = np.inf
    for iteration in range(1, max_iterations + 1):
        if should_stop is not None and should_stop():
            raise Cancelled(f"unmixing was cancelled after {iteration - 1} iterations")
        S = _unit(S)
        C, CtC, CtD, squares = _concentrations(blocks, S, C, total)
        residual = float(np.sqrt(squares))
        if progress is not None:
            progress(iteration, max_iterations)
        settled = abs(previous - residual) <= tolerance * residual
        if held.all() or settled or squares <= _ROUNDING * total:
            return Factors(S, iteration, True)
        previous = residual
        grown = _improved(S.T, CtC, CtD.T, ~held).T
        C *= np.linalg.norm(grown, axis=1)
        S = grown
    note = f"Not converged after {max_iterations} iterations: the residual still changes by more than {tolerance:g}."
    return Factors(_unit(S), max_iterations, False, (note,))


def _concentrations(
    blocks: SpectraBlocks, S: Array, before: Array | None, total: float
) -> tuple[Array, Array, Array, float]:
    """Return (C, CᵀC, CᵀD, residual sum of squares) after some sweeps from where the last iteration ended."""
    gram = S @ S.T
    C = np.empty((blocks.n, len(S))) if before is None else before
    CtC, CtD, cross = np.zeros_like(gram), np.zeros_like(S), 0.0
    everything = np.ones(len(S), dtype=bool)
    for rows, block in blocks:
        products = block @ S.T
        # The first concentrations are exact: sweeps from nothing would only come near.
        C[rows] = solve_nnls(gram, products) if before is None else _improved(C[rows], gram, products, everything)
        CtC += C[rows].T @ C[rows]
        CtD += C[rows].T @ block
        cross += float(np.vdot(C[rows], products))
    return C, CtC, CtD, max(total - 2.0 * cross + float(np.vdot(CtC, gram)), 0.0)


def _improved(values: Array, gram: Array, products: Array, free: NDArray[np.bool_]) -> Array:
    """Return (r, k) values after sweeps of coordinate descent on ‖X − values·B‖², given B Bᵀ and X Bᵀ."""
    found = np.array(values)
    for _ in range(_SWEEPS):
        for j in np.flatnonzero(free):
            if gram[j, j] <= 0.0:
                continue
            step = (products[:, j] - found @ gram[:, j]) / gram[j, j]
            changed = np.maximum(found[:, j] + step, 0.0)
            # A component must not die of one bad step: it would never come back.
            if changed.any():
                found[:, j] = changed
    return found


def _unit(spectra: Array) -> Array:
    norm = np.linalg.norm(spectra, axis=1, keepdims=True)
    return np.asarray(spectra / np.where(norm > 0, norm, 1.0))
