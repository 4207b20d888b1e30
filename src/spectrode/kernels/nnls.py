"""Non-negative least squares for many right-hand sides that share one Gram matrix of unit diagonal."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["MOST_VARIABLES", "block_pivoting"]

MOST_VARIABLES = 62  # sets of positive variables are bits of an int64

_SLOTS = 512  # inverses kept at a time; neighbouring right-hand sides mostly have the same few sets


@njit(cache=True, nogil=True)
def block_pivoting(gram, products, x_tolerance, y_tolerance, passive, rounds, x, solved):
    """Exchange all infeasible variables at once, or only the last one where that stops helping (Kim & Park 2011).

    Parameters
    ----------
    gram
        (k, k) with unit diagonal, well conditioned; k at most 62.
    products
        (n, k) one row a right-hand side.
    x_tolerance, y_tolerance
        (n,) how far below zero a variable, and above zero a gradient, may be by rounding.
    passive
        (n, k) bool: first guess of which variables are positive.
    rounds
        After so many exchanges a right-hand side is given up.
    x, solved
        (n, k) and (n,) receive the solutions, and whether one was found.
    """
    n, k = products.shape
    keys = np.full(_SLOTS, -1, dtype=np.int64)
    inverses = np.zeros((_SLOTS, k, k))
    factor = np.zeros((k, k))
    places = np.zeros(k, dtype=np.int64)
    z = np.zeros(k)
    for row in range(n):
        mask = np.int64(0)
        for j in range(k):
            if passive[row, j]:
                mask |= np.int64(1) << j
        chances = 3
        fewest = k + 1
        solved[row] = False
        for _ in range(rounds):
            slot = (mask * np.int64(0x9E3779B97F4A7C1 | 1) >> 13) & (_SLOTS - 1)
            if keys[slot] != mask:
                if not _invert(gram, mask, inverses[slot], factor, places):
                    keys[slot] = -1
                    break
                keys[slot] = mask
            inverse = inverses[slot]
            for i in range(k):
                total = 0.0
                for j in range(k):
                    total += inverse[i, j] * products[row, j]
                z[i] = total
            wrong = np.int64(0)
            last = -1
            count = 0
            for i in range(k):
                bit = np.int64(1) << i
                if mask & bit:
                    bad = z[i] < -x_tolerance[row]
                else:
                    gradient = products[row, i]
                    for j in range(k):
                        gradient -= gram[i, j] * z[j]
                    bad = gradient > y_tolerance[row]
                if bad:
                    wrong |= bit
                    last = i
                    count += 1
            if count == 0:
                for i in range(k):
                    x[row, i] = max(z[i], 0.0)
                solved[row] = True
                break
            if count < fewest:
                fewest = count
                chances = 3
            elif chances > 0:
                chances -= 1
            else:
                wrong = np.int64(1) << last
            mask ^= wrong


@njit(cache=True, nogil=True)
def _invert(gram, mask, inverse, factor, places):
    """Put the inverse of the Gram matrix on the variables of ``mask`` into ``inverse``, zero elsewhere.

    Returns False if the matrix is not positive definite.
    """
    k = gram.shape[0]
    m = 0
    for i in range(k):
        if mask & (np.int64(1) << i):
            places[m] = i
            m += 1
    inverse[:, :] = 0.0
    for i in range(m):  # Cholesky factor
        for j in range(i + 1):
            total = gram[places[i], places[j]]
            for c in range(j):
                total -= factor[i, c] * factor[j, c]
            if i == j:
                if total <= 0.0:
                    return False
                factor[i, i] = np.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
    for column in range(m):
        _solve_unit_vector(factor, m, column, inverse, places)
    return True


@njit(cache=True, nogil=True)
def _solve_unit_vector(factor, m, column, inverse, places):
    """Solve L Lᵀ x = e for one unit vector and write x into a column of ``inverse``."""
    x = np.zeros(m)
    for i in range(column, m):
        total = 1.0 if i == column else 0.0
        for c in range(column, i):
            total -= factor[i, c] * x[c]
        x[i] = total / factor[i, i]
    for i in range(m - 1, -1, -1):
        total = x[i]
        for c in range(i + 1, m):
            total -= factor[c, i] * x[c]
        x[i] = total / factor[i, i]
    for i in range(m):
        inverse[places[i], places[column]] = x[i]
