"""Exact non-negative least squares for many right-hand sides at once, from the normal equations."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import StepError

__all__ = ["solve_nnls"]

_EPS = float(np.finfo(np.float64).eps)
_ILL_CONDITIONED = 1e-11
"""Smallest eigenvalue of the Gram matrix with unit diagonal below which pivoting blocks of variables is not safe."""
_PIVOT_ROUNDS = 100

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


def solve_nnls(gram: ArrayLike, products: ArrayLike, *, start: ArrayLike | None = None) -> Array:
    r"""Solve :math:`\min_{x \ge 0} \|A x - b\|` for every right-hand side.

    Right-hand sides with the same set of positive variables share one small inverse, so the work is a few array
    operations whatever their number. Well-conditioned problems go by block principal pivoting; ill-conditioned and
    rank-deficient ones, and the rare cycling case, by the active-set method, which keeps the passive columns linearly
    independent. Both end at a point that meets the Karush-Kuhn-Tucker conditions; in a rank-deficient problem that
    is one of several solutions with the same residual.

    Parameters
    ----------
    gram
        (k, k) :math:`A^T A`.
    products
        (n, k) :math:`A^T b`, one row a right-hand side.
    start
        (n, k) an earlier solution; its positive entries are the first guess. It changes the time, not the answer.

    Returns
    -------
    (n, k) float64, non-negative. A variable whose column is zero gets 0.

    Raises
    ------
    StepError
        If shapes do not fit or a value is not finite.

    References
    ----------
    C. L. Lawson, R. J. Hanson, Solving Least Squares Problems, Prentice-Hall, 1974.
    R. Bro, S. de Jong, J. Chemometrics 11 (1997) 393.
    M. H. Van Benthem, M. R. Keenan, J. Chemometrics 18 (2004) 441.
    J. Kim, H. Park, SIAM J. Sci. Comput. 33 (2011) 3261.
    """
    G = np.asarray(gram, dtype=np.float64)
    B = np.asarray(products, dtype=np.float64)
    if G.ndim != 2 or G.shape[0] != G.shape[1] or B.ndim != 2 or B.shape[1] != G.shape[0]:
        raise StepError(f"solve_nnls: needs gram (k, k) and products (n, k), but their shapes are {G.shape}, {B.shape}")
    if not (np.isfinite(G).all() and np.isfinite(B).all()):
        raise StepError("solve_nnls: gram and products must be finite, but hold a missing or infinite value")
    alive = np.diag(G) > 0
    solution = np.zeros_like(B)
    if not alive.any() or not len(B):
        return solution
    scale = np.sqrt(np.diag(G)[alive])
    unit = G[np.ix_(alive, alive)] / np.outer(scale, scale)
    guess = None if start is None else np.asarray(start)[:, alive] > 0
    solution[:, alive] = _solve_unit(unit, B[:, alive] / scale, guess) / scale
    return solution


def _solve_unit(G: Array, B: Array, guess: Bools | None) -> Array:
    """Solve with a Gram matrix of unit diagonal, so that one tolerance a right-hand side serves all variables."""
    tolerance = 10 * G.shape[0] * _EPS * np.abs(B).max(axis=1, keepdims=True)
    smallest = float(np.linalg.eigvalsh(G)[0])
    if smallest < _ILL_CONDITIONED:
        return _active_set(G, B, tolerance)
    x, solved = _block_pivoting(G, B, tolerance / smallest, tolerance, guess)
    if not solved.all():
        x[~solved] = _active_set(G, B[~solved], tolerance[~solved])
    return x


def _block_pivoting(
    G: Array, B: Array, x_tolerance: Array, y_tolerance: Array, guess: Bools | None
) -> tuple[Array, Bools]:
    """Exchange all infeasible variables at once (Kim & Park 2011); also return where that ended."""
    from ..kernels.nnls import MOST_VARIABLES, block_pivoting

    n, k = B.shape
    x, solved = np.zeros((n, k)), np.zeros(n, dtype=bool)
    if k <= MOST_VARIABLES:
        passive = np.ones((n, k), dtype=bool) if guess is None else np.ascontiguousarray(guess)
        block_pivoting(
            np.ascontiguousarray(G),
            np.ascontiguousarray(B),
            np.ascontiguousarray(x_tolerance[:, 0]),
            np.ascontiguousarray(y_tolerance[:, 0]),
            passive,
            _PIVOT_ROUNDS,
            x,
            solved,
        )
    return x, solved


def _active_set(G: Array, B: Array, tolerance: Array) -> Array:
    """Admit one variable at a time (Lawson & Hanson; Bro & de Jong 1997), for all right-hand sides side by side."""
    n, k = B.shape
    x = np.zeros((n, k))
    passive = np.zeros((n, k), dtype=bool)
    refused = np.zeros((n, k), dtype=bool)
    rows = np.arange(n)
    for _ in range(30 * k):
        gradient = B[rows] - x[rows] @ G
        open_ = ~passive[rows] & ~refused[rows] & (gradient > tolerance[rows])
        more = open_.any(axis=1)
        rows, gradient = rows[more], np.where(open_, gradient, -np.inf)[more]
        if not rows.size:
            break
        new = gradient.argmax(axis=1)
        passive[rows, new] = True
        independent = _is_independent(G, passive[rows])
        z = np.zeros((len(rows), k))
        z[independent] = _passive_solution(G, B[rows[independent]], passive[rows[independent]])
        # A column that depends on those already in, or that would enter with the wrong sign, owes its gradient to
        # rounding: keep it out until the set changes.
        enters = independent & (z[np.arange(len(rows)), new] > 0)
        passive[rows[~enters], new[~enters]] = False
        refused[rows[~enters], new[~enters]] = True
        inside = rows[enters]
        refused[inside] = False
        _step_back_to_feasible(G, B, x, passive, inside, z[enters])
    return x


def _step_back_to_feasible(G: Array, B: Array, x: Array, passive: Bools, rows: NDArray[np.intp], z: Array) -> None:
    """Move ``x`` towards ``z`` as far as it stays non-negative, dropping what reaches zero, until ``z`` is feasible."""
    for _ in range(G.shape[0] + 1):
        negative = passive[rows] & (z <= 0)
        feasible = ~negative.any(axis=1)
        x[rows[feasible]] = z[feasible]
        rows, z, negative = rows[~feasible], z[~feasible], negative[~feasible]
        if not rows.size:
            return
        old = x[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            fraction = np.where(negative, old / (old - z), np.inf)
        # 0/0: a variable at zero that stays at zero blocks the step.
        fraction = np.nan_to_num(fraction, nan=0.0, posinf=np.inf)
        shortest = fraction.min(axis=1, keepdims=True)
        leaving = negative & (fraction <= shortest)
        passive[rows] &= ~leaving
        x[rows] = np.where(passive[rows], np.maximum(old + shortest * (z - old), 0.0), 0.0)
        z = _passive_solution(G, B[rows], passive[rows])


def _passive_solution(G: Array, B: Array, passive: Bools) -> Array:
    """Return the unconstrained least-squares solution on each right-hand side's own passive set, zero elsewhere."""
    patterns, which = _patterns(passive)
    inverse = np.linalg.inv(_restricted(G, patterns))
    masked = np.where(passive, B, 0.0)
    solution = masked @ inverse[0] if len(patterns) == 1 else np.matmul(inverse[which], masked[:, :, None])[:, :, 0]
    return np.where(passive, solution, 0.0)


def _is_independent(G: Array, passive: Bools) -> Bools:
    patterns, which = _patterns(passive)
    smallest = np.linalg.eigvalsh(_restricted(G, patterns))[:, 0]
    return np.asarray(smallest > 50 * G.shape[0] * _EPS)[which]


def _restricted(G: Array, patterns: Bools) -> Array:
    """Return, for each pattern, G on the passive variables and the identity on the rest, (patterns, k, k)."""
    both = patterns[:, :, None] & patterns[:, None, :]
    return np.where(both, G, np.eye(G.shape[0]))


def _patterns(passive: Bools) -> tuple[Bools, NDArray[np.intp]]:
    """Return the distinct rows, and which of them each row is."""
    k = passive.shape[1]
    if k <= 62:
        codes = passive @ (1 << np.arange(k, dtype=np.int64))
        _, first, which = np.unique(codes, return_index=True, return_inverse=True)
        return passive[first], which.reshape(-1)
    patterns, which = np.unique(passive, axis=0, return_inverse=True)
    return patterns, which.reshape(-1)
