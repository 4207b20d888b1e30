"""The optimisation behind the feasible bands: extremes of one component's share over all allowed rotations.

With profiles C (spectra, k) and S (k, channels) every other solution of the same fit is C T⁻¹ and T S. Everything here
happens in the k × k numbers of T; the data enter through CᵀC, SSᵀ and the few rows of C and columns of S whose
constraints bind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Problem", "Side", "extreme", "unfold"]

_FEASIBLE = 1e-6
"""Violation of a constraint (relative to its row) that counts as none."""
_ROUNDS = 12
"""Rounds of adding constraints that the last solution violates."""
_ADDED = 12
"""Constraints added to each component and side in a round."""
_DIRECTIONS = 200
_LIMIT = 50.0
"""Bound of the elements of T with unit-norm spectra; reached only where no constraint binds."""
_DROP = 1e-12

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Side:
    """Rows (r, k) of one side, each with unit norm, and the slack (r, k) that noise allows each component there."""

    rows: Array
    slack: Array

    @classmethod
    def of(cls, profiles: Array, tolerance: Array) -> Side:
        """Make it from (r, k) profiles and the (k,) tolerance in their units; rows of zeros bind nothing."""
        norm = np.linalg.norm(profiles, axis=1)
        kept = norm > _DROP * norm.max(initial=0.0)
        return cls(profiles[kept] / norm[kept, None], tolerance[None, :] / norm[kept, None])

    def binding(self, seed: int) -> NDArray[np.intp]:
        """Return rows on the hull along many directions: a first guess of those that bind."""
        k = self.rows.shape[1]
        directions = np.random.default_rng(seed).normal(size=(k, _DIRECTIONS))
        directions = np.hstack([directions, np.eye(k), -np.eye(k)])
        value = self.rows @ directions
        return np.unique(np.argmin(value, axis=0)) if len(value) else np.empty(0, dtype=np.intp)


@dataclass(frozen=True, eq=False)
class Problem:
    """Which rotations are allowed, for spectra of unit norm.

    Parameters
    ----------
    gram_c, gram_s
        (k, k) CᵀC and SSᵀ.
    spectra, concentrations
        The two sides' rows; constraints apply where ``positive_s`` and ``positive_c`` (k,) are True.
    free
        (k, k) True for the elements of T that may move; the diagonal stays 1.
    equal_s
        Linear equalities (j, k·k) · T.ravel() = 0: zeros of spectra, closure.
    zero_c
        For each component, (j, k) vectors orthogonal to its column of T⁻¹: zeros of concentrations.
    folded
        For each component None, or its (k, a, b) blocks side by side: the component's must be of rank one within
        ``one_shape`` (share of its sum of squares that may lie outside).
    """

    gram_c: Array
    gram_s: Array
    spectra: Side
    concentrations: Side
    positive_s: Bools
    positive_c: Bools
    free: Bools
    equal_s: Array
    zero_c: tuple[Array, ...]
    folded: Array | None
    trilinear: Bools
    one_shape: Array

    @property
    def k(self) -> int:
        """Number of components."""
        return len(self.gram_c)

    def share(self, T: Array, component: int) -> tuple[float, Array]:
        """Return ‖c s‖ of a component relative to ‖C S‖, and its gradient (k, k)."""
        U = np.linalg.inv(T)
        t, u = T[component], U[:, component]
        gt, gu = self.gram_s @ t, self.gram_c @ u
        s, c = np.sqrt(t @ gt), np.sqrt(u @ gu)
        total = np.sqrt(np.vdot(self.gram_c, self.gram_s))
        gradient = -np.outer(U.T @ gu, u) * (s / c)
        gradient[component] += gt * (c / s)
        return float(s * c / total), gradient / total

    def worst(self, T: Array) -> float:
        """Return the largest violation of all constraints, relative to each row."""
        U = np.linalg.inv(T)
        below = [0.0]
        for side, profile, positive in (
            (self.spectra, T.T, self.positive_s),
            (self.concentrations, U, self.positive_c),
        ):
            value = side.rows @ profile + side.slack
            if positive.any() and len(value):
                below.append(float(-value[:, positive].min()))
        if len(self.equal_s):
            below.append(float(np.abs(self.equal_s @ T.ravel()).max()))
        for component, vectors in enumerate(self.zero_c):
            if len(vectors):
                below.append(float(np.abs(vectors @ U[:, component]).max()))
        below += [self.outside(U[:, c])[0] - 1.1 * self.one_shape[c] for c in np.flatnonzero(self.trilinear).tolist()]
        return float(max(below))

    def outside(self, u: NDArray[np.floating]) -> tuple[float, Array]:
        """Return the share of a component's squares outside its first singular pair over blocks, and its gradient."""
        assert self.folded is not None
        matrix = np.tensordot(u, self.folded, axes=1)
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        total = float(np.vdot(matrix, matrix))
        first = float(values[0] ** 2)
        d_first = 2.0 * values[0] * np.einsum("kab,a,b->k", self.folded, left[:, 0], right[0])
        d_total = 2.0 * np.einsum("kab,ab->k", self.folded, matrix)
        return max(1.0 - first / total, 0.0), -(d_first / total - first * d_total / total**2)


@dataclass(eq=False)
class _Chosen:
    """The constraints in play: for each component the rows of each side."""

    spectra: list[set[int]]
    concentrations: list[set[int]]
    count: int = field(default=0)

    @classmethod
    def first(cls, problem: Problem, seed: int) -> _Chosen:
        s, c = set(problem.spectra.binding(seed).tolist()), set(problem.concentrations.binding(seed).tolist())
        chosen = cls([set() for _ in range(problem.k)], [set() for _ in range(problem.k)])
        # Only the rows where the component is small can become negative soon.
        for component in range(problem.k):
            chosen.spectra[component] |= _smallest(problem.spectra, s, component)
            chosen.concentrations[component] |= _smallest(problem.concentrations, c, component)
        return chosen

    def add(self, problem: Problem, T: Array) -> bool:
        """Add the rows most violated at T; False if there are none."""
        U = np.linalg.inv(T)
        grown = False
        for side, profile, positive, sets in (
            (problem.spectra, T.T, problem.positive_s, self.spectra),
            (problem.concentrations, U, problem.positive_c, self.concentrations),
        ):
            for component in np.flatnonzero(positive).tolist():
                value = side.rows @ profile[:, component] + side.slack[:, component]
                below = np.flatnonzero(value < -_FEASIBLE)
                new = set(below[np.argsort(value[below])[:_ADDED]].tolist()) - sets[component]
                sets[component] |= new
                grown |= bool(new)
        return grown


def _smallest(side: Side, rows: set[int], component: int) -> set[int]:
    picked = np.array(sorted(rows), dtype=np.intp)
    value = side.rows[picked, component] + side.slack[picked, component]
    return set(picked[np.argsort(value)[:_ADDED]].tolist())


def unfold(profiles: Array, blocks: NDArray[np.integer]) -> Array:
    """Return (k, a, b) profiles with their b blocks side by side, the length compressed to what matters.

    Raises
    ------
    ValueError
        If the blocks are not equally long.
    """
    labels, counts = np.unique(blocks, return_counts=True)
    if len(set(counts.tolist())) != 1:
        raise ValueError("blocks differ in length")
    parts = np.stack([profiles[blocks == label] for label in labels], axis=-1)  # (length, k, b)
    length, k, b = parts.shape
    if length > k * b:
        parts = np.linalg.qr(parts.reshape(length, k * b))[1].reshape(-1, k, b)
    return np.ascontiguousarray(parts.transpose(1, 0, 2))


def extreme(
    problem: Problem,
    component: int,
    sign: int,
    starts: list[Array],
    *,
    max_iterations: int,
    seed: int,
    stop: Callable[[], None],
) -> tuple[Array, float, bool]:
    """Return (T, share, settled) of the largest (``sign`` 1) or smallest (−1) share of a component found.

    Sequential quadratic programming with exact gradients from each start. Constraints that a solution violates are
    added and the run repeated, so that each run sees only those that matter; a solution that violates any is never
    returned.
    """
    chosen = _Chosen.first(problem, seed)
    best, best_share, settled = np.eye(problem.k), problem.share(np.eye(problem.k), component)[0], False
    # The identity often sits in a corner of the allowed set where a search ends at once; the other starts may be
    # forbidden points, from which the search comes back elsewhere.
    for start in starts:
        T, fine = start, False
        for _ in range(_ROUNDS):
            stop()
            T, fine = _solve(problem, component, sign, T, chosen, max_iterations)
            if not chosen.add(problem, T):
                break
        T = _allowed(problem, T)
        share = problem.share(T, component)[0]
        if sign * share > sign * best_share:
            best, best_share, settled = T, share, fine
        elif abs(share - best_share) < 1e-6:
            settled = settled or fine
    return best, best_share, settled


def _allowed(problem: Problem, T: Array) -> Array:
    """Pull T towards the identity, which is allowed, until it is allowed too."""
    away = T - np.eye(problem.k)
    low, high = 0.0, 1.0
    if problem.worst(T) <= 2 * _FEASIBLE:
        return T
    for _ in range(30):
        middle = 0.5 * (low + high)
        if problem.worst(np.eye(problem.k) + middle * away) <= 2 * _FEASIBLE:
            low = middle
        else:
            high = middle
    return np.asarray(np.eye(problem.k) + low * away)


def _solve(
    problem: Problem, component: int, sign: int, start: Array, chosen: _Chosen, max_iterations: int
) -> tuple[Array, bool]:
    from scipy.optimize import minimize

    k = problem.k
    where = np.flatnonzero(problem.free.ravel())
    if not where.size:
        return start, True
    base = start.ravel().copy()

    def full(x: Array) -> Array:
        T = base.copy()
        T[where] = x
        return T.reshape(k, k)

    def objective(x: Array) -> tuple[float, Array]:
        T = full(x)
        if not np.isfinite(T).all() or abs(np.linalg.det(T)) < 1e-10:
            return 1e3, np.zeros(len(where))
        value, gradient = problem.share(T, component)
        return -sign * value, -sign * gradient.ravel()[where]

    spectra, s_slack = _linear(problem, chosen)
    pairs = [(c, np.array(sorted(rows), dtype=np.intp)) for c, rows in enumerate(chosen.concentrations)]
    pairs = [(c, rows) for c, rows in pairs if rows.size and problem.positive_c[c]]

    def inequality(x: Array) -> Array:
        T = full(x)
        U = _inverse(T)
        values = [spectra @ T.ravel() + s_slack]
        values += [problem.concentrations.rows[r] @ U[:, c] + problem.concentrations.slack[r, c] for c, r in pairs]
        values += [
            np.array([1.0 - problem.outside(U[:, c])[0] / problem.one_shape[c]])
            for c in np.flatnonzero(problem.trilinear).tolist()
        ]
        return np.concatenate(values)

    def inequality_gradient(x: Array) -> Array:
        U = _inverse(full(x))
        parts = [spectra[:, where]]
        for c, r in pairs:
            rotated = problem.concentrations.rows[r] @ U
            parts.append(-(rotated[:, :, None] * U[:, c]).reshape(len(r), k * k)[:, where])
        for c in np.flatnonzero(problem.trilinear).tolist():
            du = problem.outside(U[:, c])[1] / problem.one_shape[c]
            parts.append(np.outer(U.T @ du, U[:, c]).reshape(1, k * k)[:, where])
        return np.vstack(parts)

    constraints = [{"type": "ineq", "fun": inequality, "jac": inequality_gradient}]
    equal = _equalities(problem)
    if equal is not None:
        values, gradient = equal
        constraints.append(
            {"type": "eq", "fun": lambda x: values(full(x)), "jac": lambda x: gradient(full(x))[:, where]}
        )
    found = minimize(
        objective,
        base[where],
        jac=True,
        method="SLSQP",
        bounds=[(-_LIMIT, _LIMIT)] * len(where),
        constraints=constraints,
        options={"maxiter": max_iterations, "ftol": 1e-9},
    )
    T = full(found.x)
    if not np.isfinite(T).all() or abs(np.linalg.det(T)) < 1e-10:
        return start, False
    return T, bool(found.success)


def _inverse(T: Array) -> Array:
    if not np.isfinite(T).all() or abs(np.linalg.det(T)) < 1e-10:
        # A step too far: large violations send the line search back.
        return np.full_like(T, -1e3)
    return np.asarray(np.linalg.inv(T))


def _linear(problem: Problem, chosen: _Chosen) -> tuple[Array, Array]:
    """Return the spectra's inequalities as (j, k·k) rows on T.ravel(), and their slack (j,)."""
    k = problem.k
    matrices, slack = [np.empty((0, k * k))], [np.empty(0)]
    for component, rows in enumerate(chosen.spectra):
        picked = np.array(sorted(rows), dtype=np.intp)
        if not picked.size or not problem.positive_s[component]:
            continue
        matrix = np.zeros((len(picked), k, k))
        matrix[:, component] = problem.spectra.rows[picked]
        matrices.append(matrix.reshape(len(picked), k * k))
        slack.append(problem.spectra.slack[picked, component])
    return np.vstack(matrices), np.concatenate(slack)


def _equalities(problem: Problem) -> tuple[Callable[[Array], Array], Callable[[Array], Array]] | None:
    k = problem.k
    if not len(problem.equal_s) and not any(len(vectors) for vectors in problem.zero_c):
        return None

    def values(T: Array) -> Array:
        U = _inverse(T)
        return np.concatenate([problem.equal_s @ T.ravel(), *(v @ U[:, c] for c, v in enumerate(problem.zero_c))])

    def gradient(T: Array) -> Array:
        U = _inverse(T)
        parts = [problem.equal_s]
        for c, vectors in enumerate(problem.zero_c):
            parts.append(-((vectors @ U)[:, :, None] * U[:, c]).reshape(len(vectors), k * k))
        return np.vstack(parts)

    return values, gradient
