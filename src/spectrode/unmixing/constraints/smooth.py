"""Concentrations that change slowly with time within a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_banded, solveh_banded

from ...errors import StepError
from .base import Array, Bools, Constraint, Context, Names, Shape, Side

__all__ = ["Smooth", "banded_nnls"]

_EXCHANGES = 200


@dataclass(frozen=True)
class Smooth(Constraint):
    """A penalty on the second difference of concentrations along a column, within each series (Whittaker).

    It goes into the least-squares step: the profile is the non-negative minimum of residual plus penalty.

    Parameters
    ----------
    strength
        Above 0; larger is smoother. It is relative to the weight of the data, so it means the same for a faint and a
        strong component. A wave of period p spectra is halved at about (p/2π)⁴.
    components
        Names or places; none: all.
    column
        Order of the spectra within a series: ``time_s``, ``frame``. Taken as evenly spaced.
    series
        Column that tells series apart (``pixel``), or none: each block is one series.

    References
    ----------
    P. H. C. Eilers, Anal. Chem. 75 (2003) 3631.
    """

    strength: float
    components: Names = ()
    column: str = "time_s"
    series: str | None = None

    kind: ClassVar[str] = "smooth"
    sides: ClassVar[tuple[Side, ...]] = ("concentrations",)

    def check(self) -> None:
        """Check the settings."""
        super().check()
        self.number("strength", 0.0, 1e12, above=True)

    def prepare(self, context: Context) -> Shape:
        """Bind the constraint to data; see :meth:`.base.Constraint.prepare`."""
        axis = context.axis(self.kind, self.column, "concentrations")
        labels: NDArray[Any] = context.block_of
        if self.series is not None:
            within = context.axis(self.kind, self.series, "concentrations")
            _, labels = np.unique(np.column_stack([labels, within]), axis=0, return_inverse=True)
        if not np.isfinite(axis).all():
            raise StepError(
                f"smooth: the column {self.column!r} needs a number for every spectrum, but some are missing"
            )
        order = np.lexsort((axis, labels.reshape(-1)))
        return _Smoothed(
            context.places(self.kind, self.components), order, labels.reshape(-1)[order], float(self.strength)
        )

    def describe(self) -> str:
        """Return the constraint in words."""
        within = f" within each {self.series}" if self.series else ""
        return f"concentrations of {self.whom()} smooth along {self.column}{within} (strength {self.strength:g})"


class _Smoothed(Shape):
    """A penalty, not a set: projecting twice smooths twice."""

    def __init__(self, components: tuple[int, ...], order: NDArray[np.intp], labels: Array, strength: float) -> None:
        self.components = components
        self.order = order
        self.band = strength * _penalty_band(labels)

    def project(self, targets: Array, metric: Array, floor: float) -> Array:
        """Return the nearest profiles of this shape; see :meth:`.base.Shape.project`."""
        weights = np.broadcast_to(metric[..., 0, 0], targets.shape[1:])[self.order]
        mean = float(weights.mean())
        w = np.maximum(weights / mean, 1e-10) if mean > 0 else np.ones_like(weights)
        found = np.empty_like(targets)
        found[0, self.order] = banded_nnls(self.band, w, w * targets[0, self.order], floor)
        return found


def _penalty_band(labels: Array) -> Array:
    """Return the upper band (3, n) of Δ²ᵀΔ² with no difference across two series."""
    n = labels.size
    band = np.zeros((3, n))
    if n < 3:
        return band
    one = np.where(labels[:-2] == labels[2:], 1.0, 0.0)
    band[2, :-2] += one
    band[2, 1:-1] += 4 * one
    band[2, 2:] += one
    band[1, 1:-1] -= 2 * one
    band[1, 2:] -= 2 * one
    band[0, 2:] += one
    return band


def banded_nnls(band: Array, weights: Array, right: Array, floor: float = 0.0) -> Array:
    """Return the minimum of ½ xᵀ(diag(w) + P) x − rᵀx with x ≥ 0 (``floor`` 0) or x free (-inf), P banded.

    Block principal pivoting with the exchange of single variables as the way out of a cycle (Kim & Park 2011).
    """
    n = right.size
    matrix = band.copy()
    matrix[2] += weights
    free: Bools = np.ones(n, dtype=bool)
    x = _banded_solution(matrix, right, free)
    if floor == -np.inf:
        return x
    tolerance = 1e-11 * float(np.abs(right).max(initial=0.0))
    fewest, chances = n + 1, 3
    for _ in range(_EXCHANGES):
        gradient = right - _banded_product(matrix, x)
        wrong = (free & (x < 0)) | (~free & (gradient > tolerance))
        count = int(np.count_nonzero(wrong))
        if count == 0:
            return x
        if count < fewest:
            fewest, chances = count, 3
        elif chances:
            chances -= 1
        else:
            wrong[: np.flatnonzero(wrong)[-1]] = False
        free ^= wrong
        x = _banded_solution(matrix, right, free)
    return np.maximum(x, 0.0)


def _banded_solution(matrix: Array, right: Array, free: Bools) -> Array:
    """Solve on the free variables, zero elsewhere."""
    if not free.any():
        return np.zeros_like(right)
    used = matrix.copy()
    used[0, 2:] = np.where(free[2:] & free[:-2], matrix[0, 2:], 0.0)
    used[1, 1:] = np.where(free[1:] & free[:-1], matrix[1, 1:], 0.0)
    used[2] = np.where(free, matrix[2], 1.0)
    wanted = np.where(free, right, 0.0)
    try:
        return np.asarray(solveh_banded(used, wanted, check_finite=False))
    except np.linalg.LinAlgError:
        full = np.zeros((5, right.size))
        full[0, 2:], full[1, 1:], full[2] = used[0, 2:], used[1, 1:], used[2]
        full[3, :-1], full[4, :-2] = used[1, 1:], used[0, 2:]
        return np.asarray(solve_banded((2, 2), full, wanted))


def _banded_product(matrix: Array, x: Array) -> Array:
    product: Array = matrix[2] * x
    product[1:] += matrix[1, 1:] * x[:-1]
    product[:-1] += matrix[1, 1:] * x[1:]
    product[2:] += matrix[0, 2:] * x[:-2]
    product[:-2] += matrix[0, 2:] * x[2:]
    return product
