"""The data of a fit with its weights and gaps, and the normal equations of both half steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import StepError
from .noise import Scaling
from .plan import Normal

__all__ = ["Weighted"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Weighted:
    """Values (0 where missing), which are present, and weights: none, a product, or one for each point."""

    D: Array
    present: NDArray[np.bool_]
    W: Array | None
    rows: Array | None
    columns: Array | None
    total: float

    @classmethod
    def of(cls, intensity: ArrayLike, weights: ArrayLike | Scaling | None) -> Weighted:
        """Return the data with its weights checked.

        Raises
        ------
        StepError
            If the data is not (n, m), holds an infinite value, or the weights do not fit.
        """
        D = np.array(intensity, dtype=np.float64)
        if D.ndim != 2 or D.size == 0:
            raise StepError(f"als: intensity must be (spectra, channels), but has shape {D.shape}")
        if np.isinf(D).any():
            raise StepError("als: intensity may hold missing values (NaN), but not infinite ones")
        present = ~np.isnan(D)
        D[~present] = 0.0
        rows = columns = W = None
        if isinstance(weights, Scaling):
            rows = _checked_weights(weights.rows, D.shape[:1]) ** 2
            columns = _checked_weights(weights.columns, D.shape[1:]) ** 2
        elif weights is not None:
            given = np.asarray(weights, dtype=np.float64)
            used = np.where(present, given, 0.0) if given.shape == D.shape else given
            W = _checked_weights(used, D.shape)
            W = W / W.max()
        if W is None and not present.all():
            W = present.astype(np.float64)
            if rows is not None and columns is not None:
                W, rows, columns = W * np.outer(rows, columns), None, None
        w = W if W is not None else 1.0 if rows is None or columns is None else np.outer(rows, columns)
        return cls(D, present, W, rows, columns, float(np.sum(w * D * D)))

    def roots(self) -> tuple[Array, Array]:
        """Return (n,) and (m,) factors whose product is the root of the weights, or comes near where no product is."""
        n, m = self.D.shape
        if self.W is not None:
            rows, columns = self.W.mean(axis=1), self.W.mean(axis=0)
            return np.sqrt(rows), np.sqrt(columns / rows.mean())
        one = np.ones(n) if self.rows is None else self.rows
        other = np.ones(m) if self.columns is None else self.columns
        return np.sqrt(one), np.sqrt(other)

    def for_concentrations(self, S: Array) -> Normal:
        """Return the normal equations of C for these (k, m) spectra."""
        if self.W is None:
            weighted = S if self.columns is None else S * self.columns
            return Normal(weighted @ S.T, self.D @ weighted.T, self.rows)
        return Normal(_grams(self.W, S), (self.W * self.D) @ S.T)

    def for_spectra(self, C: Array) -> Normal:
        """Return the normal equations of Sᵀ for these (n, k) concentrations."""
        if self.W is None:
            weighted = C if self.rows is None else C * self.rows[:, None]
            return Normal(weighted.T @ C, self.D.T @ weighted, self.columns)
        return Normal(_grams(self.W.T, C.T), (self.W * self.D).T @ C)


def _grams(W: Array, factor: Array) -> Array:
    """Return (rows, k, k) weighted Gram matrices Σ_j w_ij f_aj f_bj of a (k, columns) factor."""
    k = len(factor)
    a, b = np.triu_indices(k)
    found = np.empty((len(W), k, k))
    found[:, a, b] = found[:, b, a] = W @ (factor[a] * factor[b]).T
    return found


def _checked_weights(weights: ArrayLike, shape: tuple[int, ...]) -> Array:
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != shape:
        raise StepError(f"als: weights need the shape {shape}, but have {values.shape}")
    if not np.isfinite(values).all() or (values < 0).any() or not values.any():
        raise StepError("als: weights must be finite, not negative and somewhere above zero, but are not")
    return values
