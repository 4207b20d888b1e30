"""Multivariate curve resolution by alternating least squares, non-negative on both sides, with known spectra fixed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import Cancelled
from .blocks import SpectraBlocks, sum_of_squares
from .nnls import solve_nnls

__all__ = ["Factors", "Fit", "fit_concentrations", "mcr_als"]

Progress = Callable[[int, int], None]
ShouldStop = Callable[[], bool]

_ROUNDING = 1e-14
"""Share of the sum of squares below which a residual from the trace identity is rounding."""
_RISE = 1e-6

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Factors:
    """Where an iteration ended: spectra (k, channels), each with unit norm, and how it got there."""

    spectra: Array
    iterations: int
    converged: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Fit:
    """Concentrations (used spectra, k), residual sum of squares (used spectra,) and total sum of squares."""

    concentrations: Array
    residual_squares: Array
    total: float

    @property
    def lack_of_fit_percent(self) -> float:
        """100·√(Σe² / Σd²)."""
        return float(100.0 * np.sqrt(self.residual_squares.sum() / self.total)) if self.total > 0 else 0.0


def mcr_als(
    blocks: SpectraBlocks,
    spectra: Array,
    *,
    fixed: NDArray[np.bool_] | None = None,
    max_iterations: int = 500,
    tolerance: float = 1e-6,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> Factors:
    """Refine spectra S in D = C S by alternating exact non-negative least squares.

    Each iteration reads the data once: a block of spectra gives its concentrations, and these at once their share of
    CᵀD and CᵀC, from which the new spectra follow. The residual comes from the trace identity
    ‖D − CS‖² = ‖D‖² − 2 tr(C·SDᵀ) + tr(CᵀC·SSᵀ), so that no residual matrix is formed. As both half-steps are exact,
    the residual cannot rise; should rounding make it rise, the best spectra so far are returned and a note says so.

    Parameters
    ----------
    blocks
        The usable spectra.
    spectra
        (k, channels) start.
    fixed
        (k,) True for spectra that stay as they are; their scale goes into the concentrations. None: none.
    max_iterations
        Limit of iterations.
    tolerance
        Relative change of the residual norm from one iteration to the next below which the iteration has converged.
        Smaller takes longer: progress in a valley of nearly equal fits is slow.
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
    R. Tauler, Chemometr. Intell. Lab. Syst. 30 (1995) 133.
    J. Jaumot, R. Gargallo, A. de Juan, R. Tauler, Chemometr. Intell. Lab. Syst. 76 (2005) 101.
    A. de Juan, R. Tauler, Crit. Rev. Anal. Chem. 36 (2006) 163.
    """
    held = np.zeros(len(spectra), dtype=bool) if fixed is None else fixed
    S = _unit_norm(spectra)
    total = sum_of_squares(blocks)
    guess = np.ones((blocks.n, len(S)), dtype=bool)
    previous = best = np.inf
    best_S = S
    for iteration in range(1, max_iterations + 1):
        if should_stop is not None and should_stop():
            raise Cancelled(f"unmixing was cancelled after {iteration - 1} iterations")
        squares, CtC, CtD = _concentration_pass(blocks, S, guess, total)
        residual = float(np.sqrt(squares))
        if progress is not None:
            progress(iteration, max_iterations)
        if residual > best * (1 + _RISE):
            note = f"The residual rose after {iteration - 1} iterations; the best spectra until then were kept."
            return Factors(best_S, iteration, False, (note,))
        best, best_S = residual, S
        settled = iteration > 1 and abs(previous - residual) <= tolerance * previous
        if held.all() or squares <= _ROUNDING * total or settled:
            return Factors(S, iteration, True)
        previous = residual
        S = _spectra_step(S, CtC, CtD, held)
    note = f"Not converged after {max_iterations} iterations: the residual still changes by more than {tolerance:g}."
    return Factors(S, max_iterations, False, (note,))


def _concentration_pass(
    blocks: SpectraBlocks, S: Array, guess: NDArray[np.bool_], total: float
) -> tuple[float, Array, Array]:
    """Return (residual sum of squares, CᵀC, CᵀD) of the best concentrations; ``guess`` keeps which are positive."""
    SSt = S @ S.T
    CtC = np.zeros_like(SSt)
    CtD = np.zeros_like(S)
    cross = 0.0
    for rows, block in blocks:
        products = block @ S.T
        C = solve_nnls(SSt, products, start=guess[rows])
        guess[rows] = C > 0
        CtC += C.T @ C
        CtD += C.T @ block
        cross += float(np.vdot(C, products))
    squares = total - 2.0 * cross + float(np.vdot(CtC, SSt))
    return max(squares, 0.0), CtC, CtD


def _spectra_step(S: Array, CtC: Array, CtD: Array, held: NDArray[np.bool_]) -> Array:
    """Return the best non-negative spectra for these concentrations, the held ones unchanged."""
    free = ~held
    products = CtD[free] - CtC[np.ix_(free, held)] @ S[held]
    found = solve_nnls(CtC[np.ix_(free, free)], products.T, start=S[free].T).T
    # A component that dies keeps its last spectrum: its concentrations say whether it is still needed.
    dead = ~found.any(axis=1)
    found[dead] = S[free][dead]
    updated = S.copy()
    updated[free] = _unit_norm(found)
    return updated


def _unit_norm(spectra: Array) -> Array:
    norm = np.linalg.norm(spectra, axis=1, keepdims=True)
    return np.asarray(spectra / np.where(norm > 0, norm, 1.0))


def fit_concentrations(blocks: SpectraBlocks, spectra: Array) -> Fit:
    """Return exact non-negative concentrations for given spectra, with each spectrum's residual."""
    SSt = spectra @ spectra.T
    C = np.empty((blocks.n, len(spectra)))
    squares = np.empty(blocks.n)
    total = 0.0
    for rows, block in blocks:
        C[rows] = solve_nnls(SSt, block @ spectra.T)
        residual = block - C[rows] @ spectra
        squares[rows] = np.einsum("ij,ij->i", residual, residual)
        total += float(np.vdot(block, block))
    return Fit(C, squares, total)
