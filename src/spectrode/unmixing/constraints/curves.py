"""Profiles of one maximum, and profiles that only rise or only fall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import StepError
from .base import Array, Constraint, Context, Names, Shape, Side

__all__ = ["Monotonic", "Unimodal"]


@dataclass(frozen=True)
class Unimodal(Constraint):
    """One maximum in each block: the nearest profile that rises, then falls, weighted as the data are.

    Parameters
    ----------
    components
        Names or places; none: all.
    tolerance
        How far a point may be from the nearest unimodal profile, as a fraction of its maximum. 0 is strict, which on
        noisy tails takes more than noise away; larger allows more.
    column
        The order of the spectra within a block (``index``: as they come).
    side
        ``concentrations`` or ``spectra``.

    References
    ----------
    R. Bro, N. D. Sidiropoulos, J. Chemometrics 12 (1998) 223; Q. F. Stout, Comput. Stat. Data Anal. 53 (2008) 289.
    """

    components: Names = ()
    tolerance: float = 0.0
    column: str = "index"
    side: Side = "concentrations"

    kind: ClassVar[str] = "unimodal"

    def check(self) -> None:
        """Check the settings."""
        super().check()
        self.number("tolerance", 0.0, 1.0)

    def prepare(self, context: Context) -> Shape:
        """Bind the constraint to data; see :meth:`.base.Constraint.prepare`."""
        return _Curve(context, self.kind, self.components, self.column, self.side, "unimodal", self.tolerance)

    def describe(self) -> str:
        """Return the constraint in words."""
        slack = f", within {100 * self.tolerance:g} % of the maximum" if self.tolerance else ""
        return f"{self.side} of {self.whom()} with one maximum in each block{slack}"


@dataclass(frozen=True)
class Monotonic(Constraint):
    """Only rising, or only falling, along a column, in each block: isotonic regression.

    Parameters
    ----------
    direction
        ``rising`` or ``falling``.
    components
        Names or places; none: all.
    column
        Time, charge, potential…; equal values are kept in the order they come.
    tolerance
        How far a point may be from the nearest monotonic profile, as a fraction of its maximum.
    side
        ``concentrations`` or ``spectra``.
    """

    direction: Literal["rising", "falling"]
    components: Names = ()
    column: str = "index"
    tolerance: float = 0.0
    side: Side = "concentrations"

    kind: ClassVar[str] = "monotonic"

    def check(self) -> None:
        """Check the settings."""
        super().check()
        self.number("tolerance", 0.0, 1.0)
        if self.direction not in ("rising", "falling"):
            raise StepError(f"monotonic: direction may be rising or falling, but {self.direction!r} was given")

    def prepare(self, context: Context) -> Shape:
        """Bind the constraint to data; see :meth:`.base.Constraint.prepare`."""
        return _Curve(context, self.kind, self.components, self.column, self.side, self.direction, self.tolerance)

    def describe(self) -> str:
        """Return the constraint in words."""
        axis = "shift" if self.side == "spectra" else self.column
        slack = f", within {100 * self.tolerance:g} % of the maximum" if self.tolerance else ""
        return f"{self.side} of {self.whom()} only {self.direction} with {axis} in each block{slack}"


class _Curve(Shape):
    def __init__(
        self, context: Context, kind: str, components: Names, column: str, side: Side, form: str, tolerance: float
    ) -> None:
        self.components = context.places(kind, components)
        self.form, self.tolerance = form, tolerance
        axis = context.axis(kind, column, side)
        if not np.isfinite(axis).all():
            raise StepError(f"{kind}: the column {column!r} needs a number for every spectrum, but some are missing")
        blocks = context.block_of if side == "concentrations" else np.zeros(axis.size, dtype=np.int64)
        self.orders = [_ordered(axis, np.flatnonzero(blocks == b)) for b in np.unique(blocks)]

    def project(self, targets: Array, metric: Array, floor: float) -> Array:
        """Return the nearest profiles of this shape; see :meth:`.base.Shape.project`."""
        weights = np.broadcast_to(metric[..., 0, 0], targets.shape[1:])
        found = np.empty_like(targets)
        for order in self.orders:
            found[0, order] = self._one(targets[0, order], weights[order], floor)
        return found

    def _one(self, values: Array, weights: Array, floor: float) -> Array:
        fitted = nearest_curve(values, weights, self.form, floor)
        if self.tolerance:
            slack = self.tolerance * float(np.abs(fitted).max())
            fitted = np.maximum(np.clip(values, fitted - slack, fitted + slack), floor)
        return fitted


def _ordered(axis: Array, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    return rows[np.argsort(axis[rows], kind="stable")]


def nearest_curve(values: Array, weights: Array, form: str, floor: float = -np.inf) -> Array:
    """Return the weighted least-squares fit of the form ``rising``, ``falling`` or ``unimodal``, at least ``floor``."""
    from ...kernels.isotonic import isotonic, unimodal

    top = float(weights.max()) if weights.size else 0.0
    w = np.maximum(weights / top, 1e-12) if top > 0 else np.ones_like(values)
    y = np.ascontiguousarray(values, dtype=np.float64)
    fitted = np.empty_like(y)
    if form == "unimodal":
        unimodal(y, w, floor, fitted)
        return fitted
    if form == "falling":
        y, w = y[::-1].copy(), w[::-1].copy()
    isotonic(y, np.ascontiguousarray(w), floor, fitted, np.empty_like(y))
    return fitted[::-1].copy() if form == "falling" else fitted
