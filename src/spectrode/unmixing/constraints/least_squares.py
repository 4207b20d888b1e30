"""The least-squares half step: many small problems with signs, places that must be zero, and sums, solved exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from ..nnls import solve_nnls

__all__ = ["Total", "solve_rows"]

_STIFFNESS = 1e5
"""Weight of a sum against the data; what is left of it after that is made exact by scaling."""
_ROUNDS = 60
_RIDGE = 1e-13

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Total:
    """A sum of some unknowns: ``members`` (k,) bool, ``values`` (rows,), exactly or at most."""

    members: Bools
    values: Array
    equal: bool = True


def solve_rows(
    gram: Array,
    products: Array,
    *,
    allowed: Bools | None = None,
    signed: bool = False,
    totals: Sequence[Total] = (),
    start: Array | None = None,
) -> Array:
    """Return the least-squares unknowns of every row.

    Parameters
    ----------
    gram
        (k, k), or (rows, k, k) where each row has its own.
    products
        (rows, k).
    allowed
        (rows, k) False where an unknown must be zero.
    signed
        True: unknowns may be negative.
    totals
        Sums the unknowns must have.
    start
        (rows, k) earlier solution; it changes the time, not the answer.
    """
    equal = [t for t in totals if t.equal]
    found = _with_sums(gram, products, allowed, signed, equal, start)
    for most in (t for t in totals if not t.equal):
        sums = found @ most.members
        over = np.flatnonzero(sums > most.values)
        if over.size:  # a single convex limit that is crossed is active at the optimum
            rows_gram = gram if gram.ndim == 2 else gram[over]
            active = [Total(t.members, t.values[over]) for t in (*equal, most)]
            places = None if allowed is None else allowed[over]
            found[over] = _with_sums(rows_gram, products[over], places, signed, active, found[over])
    return found


def _with_sums(
    gram: Array, products: Array, allowed: Bools | None, signed: bool, totals: Sequence[Total], start: Array | None
) -> Array:
    for total in totals:
        u = total.members.astype(np.float64)
        stiff = _STIFFNESS * np.einsum("...ii->...i", gram).max(axis=-1)
        gram = gram + np.multiply.outer(stiff, np.outer(u, u))
        products = products + (stiff * total.values)[:, None] * u
    found = _solve(gram, products, allowed, signed, start)
    for total in totals:
        sums = found @ total.members
        ratio = np.divide(total.values, sums, out=np.ones_like(sums), where=sums > 0)
        found = np.where(total.members, found * ratio[:, None], found)
    return found


def _solve(gram: Array, products: Array, allowed: Bools | None, signed: bool, start: Array | None) -> Array:
    if gram.ndim == 3:
        places = np.ones(products.shape, dtype=bool) if allowed is None else allowed
        return _signed_each(gram, products, places) if signed else _nonnegative_each(gram, products, places)
    if allowed is None or allowed.all():
        return _signed(gram, products) if signed else solve_nnls(gram, products, start=start)
    found = np.zeros_like(products)
    patterns, which = np.unique(allowed, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        rows = np.flatnonzero(which.reshape(-1) == number)
        free = np.flatnonzero(pattern)
        if not free.size:
            continue
        place = np.ix_(rows, free)
        G, B = gram[np.ix_(free, free)], products[place]
        guess = None if start is None else start[place]
        found[place] = _signed(G, B) if signed else solve_nnls(G, B, start=guess)
    return found


def _signed(gram: Array, products: Array) -> Array:
    return np.asarray(products @ np.linalg.pinv(gram, rcond=1e-13, hermitian=True))


def _unit(gram: Array, products: Array, allowed: Bools) -> tuple[Array, Array, Array, Bools]:
    diagonal = np.einsum("...ii->...i", gram)
    alive = allowed & (diagonal > 0)
    scale = np.sqrt(np.where(alive, diagonal, 1.0))
    return gram / (scale[:, :, None] * scale[:, None, :]), products / scale, scale, alive


def _signed_each(gram: Array, products: Array, allowed: Bools) -> Array:
    G, B, scale, alive = _unit(gram, products, allowed)
    return _on(G, B, alive) / scale


def _on(G: Array, B: Array, passive: Bools) -> Array:
    """Solve each row on its passive unknowns, zero elsewhere."""
    eye = np.eye(G.shape[1])
    both = passive[:, :, None] & passive[:, None, :]
    matrix = np.where(both, G, 0.0) + eye * np.where(passive, _RIDGE, 1.0)[:, :, None]
    return np.where(passive, np.linalg.solve(matrix, np.where(passive, B, 0.0)[:, :, None])[:, :, 0], 0.0)


def _nonnegative_each(gram: Array, products: Array, allowed: Bools) -> Array:
    """Block principal pivoting (Kim & Park 2011) on rows that each have their own Gram matrix."""
    G, B, scale, alive = _unit(gram, products, allowed)
    n, k = B.shape
    x = np.zeros((n, k))
    passive = alive.copy()
    fewest, chances = np.full(n, k + 1), np.full(n, 3)
    rows = np.arange(n)
    tolerance = 1e-12 * np.abs(B).max(axis=1, keepdims=True)
    for _ in range(_ROUNDS):
        z = _on(G[rows], B[rows], passive[rows])
        gradient = B[rows] - np.einsum("nij,nj->ni", G[rows], z)
        wrong = (passive[rows] & (z < 0)) | (alive[rows] & ~passive[rows] & (gradient > tolerance[rows]))
        count = wrong.sum(axis=1)
        done = count == 0
        x[rows[done]] = z[done]
        rows, wrong, count = rows[~done], wrong[~done], count[~done]
        if not rows.size:
            break
        better = count < fewest[rows]
        single = ~better & (chances[rows] <= 0)
        chances[rows] = np.where(better, 3, chances[rows] - 1)
        fewest[rows] = np.minimum(fewest[rows], count)
        last = k - 1 - np.argmax(wrong[:, ::-1], axis=1)
        wrong[single] = False
        wrong[np.flatnonzero(single), last[single]] = True
        passive[rows] ^= wrong
    for row in rows:
        values, vectors = np.linalg.eigh(G[row][np.ix_(alive[row], alive[row])])
        root = np.sqrt(np.maximum(values, 1e-15))
        x[row, alive[row]] = nnls((vectors * root).T, (vectors / root).T @ B[row, alive[row]])[0]
    return x / scale
