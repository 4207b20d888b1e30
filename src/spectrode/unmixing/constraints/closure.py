"""Amounts that sum to a constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ...errors import StepError
from .base import Array, Bound, Constraint, Context, Names, Side

__all__ = ["Closed", "Closure"]


@dataclass(frozen=True)
class Closure(Constraint):
    """The concentrations of some components sum to a constant (mass balance), exactly or at most.

    The spectra then carry the intensity, so that they are not scaled to unit norm. A fit begins without the sums, to
    find that scale.

    Parameters
    ----------
    total
        The sum; or one for each block, in the order of block numbers.
    components
        Names or places; none: all.
    mode
        ``equal``: the sum is the total. ``at_most``: it does not exceed it.

    References
    ----------
    Fully constrained least squares: D. C. Heinz, C.-I Chang, IEEE Trans. Geosci. Remote Sens. 39 (2001) 529.
    """

    total: float | tuple[float, ...] = 1.0
    components: Names = ()
    mode: Literal["equal", "at_most"] = "equal"

    kind: ClassVar[str] = "closure"
    sides: ClassVar[tuple[Side, ...]] = ("concentrations",)

    def check(self) -> None:
        """Check the settings."""
        super().check()
        values = self.total if isinstance(self.total, tuple) else (self.total,)
        bad = [v for v in values if isinstance(v, bool) or not isinstance(v, (int, float)) or not 0 < v < np.inf]
        if bad or not values:
            raise StepError(f"closure: total needs a number above 0, or one for each block, but is {self.total!r}")
        if self.mode not in ("equal", "at_most"):
            raise StepError(f"closure: mode may be equal or at_most, but {self.mode!r} was given")

    def prepare(self, context: Context) -> Closed:
        """Bind the constraint to data; see :meth:`.base.Constraint.prepare`."""
        numbers, which = np.unique(context.block_of, return_inverse=True)
        values = self.total if isinstance(self.total, tuple) else (self.total,) * numbers.size
        if len(values) != numbers.size:
            raise StepError(f"closure: {len(values)} totals were given, but there are {numbers.size} blocks")
        return Closed(
            context.places(self.kind, self.components),
            np.array(values, dtype=np.float64)[which.reshape(-1)],
            self.mode == "equal",
        )

    def describe(self) -> str:
        """Return the constraint in words."""
        values = self.total if isinstance(self.total, tuple) else (self.total,)
        word = "sum to" if self.mode == "equal" else "sum to at most"
        return f"concentrations of {self.whom()} {word} {', '.join(f'{v:g}' for v in values)}"


class Closed(Bound):
    """Closure bound to data: ``totals`` (n,), ``equal`` or at most."""

    def __init__(self, components: tuple[int, ...], totals: Array, equal: bool) -> None:
        self.components = components
        self.totals = totals
        self.equal = equal

    def apply(self, profiles: Array) -> Array:
        """Return the nearest profiles that meet the constraint."""
        found = np.array(profiles, dtype=np.float64)
        rows = found[list(self.components)]
        projected = onto_simplex(rows.T, self.totals).T
        if not self.equal:
            inside = np.maximum(rows, 0.0)
            projected = np.where(inside.sum(axis=0) <= self.totals, inside, projected)
        found[list(self.components)] = projected
        return found


def onto_simplex(points: Array, totals: Array) -> Array:
    """Return the nearest (n, g) points that are non-negative with row sums ``totals`` (Held, Wolfe, Crowder 1974)."""
    ordered = -np.sort(-points, axis=1)
    excess = np.cumsum(ordered, axis=1) - totals[:, None]
    counts = np.arange(1, points.shape[1] + 1)
    last = (ordered - excess / counts > 0).sum(axis=1) - 1
    rows = np.arange(len(points))
    level = excess[rows, last] / counts[last]
    return np.asarray(np.maximum(points - level[:, None], 0.0))
