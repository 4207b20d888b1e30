"""Decay curves and their batched least squares: separable grid for the start, Levenberg–Marquardt for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

__all__ = ["DECAYS", "Decay", "Fitted", "fit_decay"]

Floats = NDArray[np.float64]

_ROUNDS = 60
_SETTLED = 1e-9


@dataclass(frozen=True)
class Decay:
    """A curve that is linear in amplitudes and an offset, and not in its shape parameters.

    ``terms(t, shape)`` gives the (n, k, amplitudes) curves of (n, k) times and (n, q) shapes, ``slopes`` their
    derivatives (n, k, amplitudes, q).
    """

    name: str
    amplitudes: int
    terms: Callable[[Floats, Floats], Floats]
    slopes: Callable[[Floats, Floats], Floats]
    starts: Callable[[Floats], Floats]
    """(shapes, q) to try, of typical times from the shortest distance between points to several spans."""

    @property
    def parameters(self) -> int:
        """Amplitudes, offset and shape parameters."""
        return self.amplitudes + 1 + self.shapes

    @property
    def lowest(self) -> Floats:
        """Least shape parameters: logarithms of times, and of the stretching exponent."""
        return np.array([-12.0, -2.5] if self.name == "stretched" else [-12.0] * self.shapes)

    @property
    def highest(self) -> Floats:
        """Largest shape parameters."""
        return np.array([6.0, 1.0] if self.name == "stretched" else [6.0] * self.shapes)

    @property
    def shapes(self) -> int:
        """How many shape parameters there are."""
        return {"constant": 0, "line": 0, "single": 1, "double": 2, "stretched": 2}[self.name]


@dataclass(frozen=True)
class Fitted:
    """Linear parameters (n, a + 1), offset last; shapes (n, q); covariance (n, p, p); chi-squared (n,)."""

    linear: Floats
    shape: Floats
    covariance: Floats
    chi2: Floats


def _single_terms(t: Floats, shape: Floats) -> Floats:
    return np.asarray(np.exp(-t * np.exp(-shape[:, :1])))[..., None]


def _single_slopes(t: Floats, shape: Floats) -> Floats:
    u = t * np.exp(-shape[:, :1])
    return np.asarray(u * np.exp(-u))[..., None, None]


def _double_terms(t: Floats, shape: Floats) -> Floats:
    return np.stack([np.exp(-t * np.exp(-shape[:, k : k + 1])) for k in range(2)], axis=-1)


def _double_slopes(t: Floats, shape: Floats) -> Floats:
    out = np.zeros((*t.shape, 2, 2))
    for k in range(2):
        u = t * np.exp(-shape[:, k : k + 1])
        out[..., k, k] = u * np.exp(-u)
    return out


def _stretched(t: Floats, shape: Floats) -> tuple[Floats, Floats, Floats]:
    """Return (t/tau)^beta, log(t/tau) and beta, limited where the curve is zero to all digits anyway."""
    beta = np.exp(shape[:, 1:2])
    log_ratio = np.log(np.where(t > 0, t, 1.0)) - shape[:, :1]
    u = np.where(t > 0, np.exp(np.minimum(beta * log_ratio, 6.0)), 0.0)
    return u, log_ratio, beta


def _stretched_terms(t: Floats, shape: Floats) -> Floats:
    return np.asarray(np.exp(-_stretched(t, shape)[0]))[..., None]


def _stretched_slopes(t: Floats, shape: Floats) -> Floats:
    u, log_ratio, beta = _stretched(t, shape)
    by_tau = u * beta * np.exp(-u)
    return np.stack([by_tau, -by_tau * log_ratio], axis=-1)[:, :, None, :]


def _line_terms(t: Floats, shape: Floats) -> Floats:
    return 1 - t[..., None]


def _line_slopes(t: Floats, shape: Floats) -> Floats:
    return np.empty((*t.shape, 1, 0))


def _no_terms(t: Floats, shape: Floats) -> Floats:
    return np.empty((*t.shape, 0))


def _no_slopes(t: Floats, shape: Floats) -> Floats:
    return np.empty((*t.shape, 0, 0))


DECAYS = {
    d.name: d
    for d in (
        Decay("constant", 0, _no_terms, _no_slopes, lambda times: np.empty((1, 0))),
        Decay("line", 1, _line_terms, _line_slopes, lambda times: np.empty((1, 0))),
        Decay("single", 1, _single_terms, _single_slopes, lambda times: np.log(times)[:, None]),
        Decay(
            "double",
            2,
            _double_terms,
            _double_slopes,
            lambda times: np.array(list(combinations(np.log(times[::2]), 2))),
        ),
        Decay(
            "stretched",
            1,
            _stretched_terms,
            _stretched_slopes,
            lambda times: np.array([(a, np.log(b)) for a in np.log(times[::2]) for b in (0.35, 0.5, 0.7, 1.0)]),
        ),
    )
}


def fit_decay(decay: Decay, t: Floats, y: Floats, weight: Floats) -> Fitted:
    """Fit (n, k) values at (n, k) times ≥ 0 with (n, k) weights 1/variance (0 = missing).

    Times are best in units of the span. No row may have fewer weights above zero than there are parameters.
    """
    n = t.shape[0]
    best = np.full(n, np.inf)
    shape = np.zeros((n, decay.shapes))
    spacing = 1.0 / max(t.shape[1], 4)
    for start in decay.starts(np.geomspace(spacing / 2, 5.0, 20)):
        trial = np.broadcast_to(start, shape.shape)
        chi2 = _projected(decay, t, y, weight, trial)[1]
        better = chi2 < best
        best[better], shape[better] = chi2[better], trial[better]
    linear, chi2 = _projected(decay, t, y, weight, shape)
    if decay.shapes:
        linear, shape, chi2 = _marquardt(decay, t, y, weight, linear, shape, chi2)
    jacobian = _jacobian(decay, t, linear, shape)
    normal = np.einsum("nki,nk,nkj->nij", jacobian, weight, jacobian)
    return Fitted(linear, shape, np.linalg.pinv(normal, rcond=1e-13, hermitian=True), chi2)


def _columns(decay: Decay, t: Floats, shape: Floats) -> Floats:
    return np.concatenate([decay.terms(t, shape), np.ones((*t.shape, 1))], axis=-1)


def _projected(decay: Decay, t: Floats, y: Floats, weight: Floats, shape: Floats) -> tuple[Floats, Floats]:
    """Return the best linear parameters for a shape, and chi-squared."""
    columns = _columns(decay, t, shape)
    normal = np.einsum("nki,nk,nkj->nij", columns, weight, columns)
    right = np.einsum("nki,nk->ni", columns, weight * y)
    trace = np.einsum("nii->n", normal)[:, None, None]
    linear = np.linalg.solve(normal + 1e-12 * trace * np.eye(normal.shape[1]), right[..., None])[..., 0]
    return linear, np.sum(weight * (y - np.einsum("nki,ni->nk", columns, linear)) ** 2, axis=1)


def _jacobian(decay: Decay, t: Floats, linear: Floats, shape: Floats) -> Floats:
    by_shape = np.einsum("nkaq,na->nkq", decay.slopes(t, shape), linear[:, :-1])
    return np.concatenate([_columns(decay, t, shape), by_shape], axis=-1)


def _marquardt(
    decay: Decay, t: Floats, y: Floats, weight: Floats, linear: Floats, shape: Floats, chi2: Floats
) -> tuple[Floats, Floats, Floats]:
    """Improve all rows at once; each has its own damping, and settled rows stay as they are."""
    damping = np.full(t.shape[0], 1e-3)
    active = np.ones(t.shape[0], dtype=bool)
    linear, shape, chi2 = linear.copy(), shape.copy(), chi2.copy()
    a = linear.shape[1]
    for _ in range(_ROUNDS):
        rows = np.flatnonzero(active)
        if not rows.size:
            break
        jacobian = _jacobian(decay, t[rows], linear[rows], shape[rows])
        fit = np.einsum("nki,ni->nk", _columns(decay, t[rows], shape[rows]), linear[rows])
        weighted = jacobian * weight[rows][..., None]
        normal = np.einsum("nki,nkj->nij", weighted, jacobian)
        gradient = np.einsum("nki,nk->ni", weighted, y[rows] - fit)
        diagonal = np.einsum("nii->ni", normal)
        diagonal = diagonal + 1e-12 * diagonal.max(axis=1, keepdims=True) + 1e-300
        damped = normal + (damping[rows, None] * diagonal)[:, :, None] * np.eye(normal.shape[1])
        move = np.linalg.solve(damped, gradient[..., None])[..., 0]
        trial = np.clip(shape[rows] + np.clip(move[:, a:], -1, 1), decay.lowest, decay.highest)
        new_linear, new_chi2 = _projected(decay, t[rows], y[rows], weight[rows], trial)
        better = new_chi2 < chi2[rows]
        gain = chi2[rows] - new_chi2
        settled = better & (gain <= _SETTLED * chi2[rows])
        won = rows[better]
        linear[won], shape[won], chi2[won] = new_linear[better], trial[better], new_chi2[better]
        damping[rows] = np.where(better, damping[rows] / 4, damping[rows] * 4)
        active[rows] = ~settled & (damping[rows] < 1e8)
    return linear, shape, chi2
