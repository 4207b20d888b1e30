"""One shape of a component in all blocks, differing in height only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...errors import StepError
from .base import Array, Constraint, Context, Names, Shape, Side

__all__ = ["Trilinear"]

_ROUNDS = 50


@dataclass(frozen=True)
class Trilinear(Constraint):
    """A component's concentration has one shape in all blocks of a stacked set: a rank-1 projection.

    This removes rotational ambiguity where it is true (equal elution, equal cycles).

    Parameters
    ----------
    components
        Names or places; none: all.
    max_lag
        Each block may be moved by so many spectra before the shapes are compared. 0: not at all. Larger forgives
        jitter of retention or of trigger, and gives away part of the uniqueness.

    References
    ----------
    R. Tauler, Chemometr. Intell. Lab. Syst. 30 (1995) 133; R. Bro, J. Chemometrics 13 (1999) 275.
    """

    components: Names = ()
    max_lag: int = 0

    kind: ClassVar[str] = "trilinear"
    sides: ClassVar[tuple[Side, ...]] = ("concentrations",)

    def check(self) -> None:
        """Check the settings."""
        super().check()
        if isinstance(self.max_lag, bool) or not isinstance(self.max_lag, int) or not 0 <= self.max_lag <= 1000:
            raise StepError(f"trilinear: max_lag needs a whole number from 0 to 1000, but {self.max_lag!r} was given")

    def prepare(self, context: Context) -> Shape:
        """Bind the constraint to data; see :meth:`.base.Constraint.prepare`."""
        blocks = context.block_of
        rows = [np.flatnonzero(blocks == b) for b in np.unique(blocks)]
        lengths = {r.size for r in rows}
        if len(rows) < 2 or len(lengths) > 1:
            sizes = ", ".join(str(r.size) for r in rows)
            raise StepError(f"trilinear: needs two or more blocks of equal length, but they have {sizes} spectra")
        length = lengths.pop()
        if self.max_lag >= length:
            raise StepError(f"trilinear: max_lag {self.max_lag} must be below the {length} spectra of a block")
        return _RankOne(context.places(self.kind, self.components), np.array(rows), self.max_lag)

    def describe(self) -> str:
        """Return the constraint in words."""
        lag = f", each moved by at most {self.max_lag} spectra" if self.max_lag else ""
        return f"concentrations of {self.whom()} have one shape in all blocks{lag}"


class _RankOne(Shape):
    def __init__(self, components: tuple[int, ...], rows: NDArray[np.intp], max_lag: int) -> None:
        self.components = components
        self.rows = rows
        self.max_lag = max_lag

    def project(self, targets: Array, metric: Array, floor: float) -> Array:
        """Return the nearest profiles of this shape; see :meth:`.base.Shape.project`."""
        weights = np.broadcast_to(metric[..., 0, 0], targets.shape[1:])[self.rows]
        values = targets[0, self.rows]
        found = np.empty_like(targets)
        lags = np.zeros(len(values), dtype=np.int64)
        if self.max_lag:
            lags = self._lags(values, weights, floor)
        moved = np.array([_moved(v, -lag) for v, lag in zip(values, lags, strict=True)])
        inside = np.array([_moved(w, -lag) for w, lag in zip(weights, lags, strict=True)])
        fitted = rank_one(moved, inside, floor)
        found[0, self.rows] = [_moved(f, lag) for f, lag in zip(fitted, lags, strict=True)]
        return found

    def _lags(self, values: Array, weights: Array, floor: float) -> NDArray[np.int64]:
        """Return how far each block lies behind the common shape, with the strongest block as the first guess."""
        lags = np.zeros(len(values), dtype=np.int64)
        shape = values[np.argmax(np.sum(weights * values**2, axis=1))]
        for turn in range(4):
            # The first guess may itself be moved, so that others can seem twice as far away.
            reach = 2 * self.max_lag if turn == 0 else self.max_lag
            steps = np.arange(-reach, reach + 1)
            shifted = np.array([_moved(shape, lag) for lag in steps])
            overlap = (weights * values) @ shifted.T
            norm = np.maximum(weights @ (shifted**2).T, 1e-300)
            new = steps[np.argmax(np.maximum(overlap, 0.0) ** 2 / norm, axis=1)]
            if turn == 0:
                new = np.clip(new - (new.max() + new.min()) // 2, -self.max_lag, self.max_lag)
            moved = np.array([_moved(v, -lag) for v, lag in zip(values, new, strict=True)])
            inside = np.array([_moved(w, -lag) for w, lag in zip(weights, new, strict=True)])
            fitted = rank_one(moved, inside, floor)
            shape = fitted[np.argmax(np.sum(fitted**2, axis=1))]
            if turn and (new == lags).all():
                break
            lags = new
        return lags


def _moved(values: Array, lag: int | np.signedinteger[Any]) -> Array:
    """Return the profile moved to later places by ``lag``, zero where nothing came in."""
    if lag == 0:
        return values
    found = np.zeros_like(values)
    if abs(int(lag)) >= values.size:
        return found
    if lag > 0:
        found[lag:] = values[:-lag]
    else:
        found[:lag] = values[-lag:]
    return found


def rank_one(values: Array, weights: Array, floor: float) -> Array:
    """Return the weighted nearest (blocks, length) matrix a·bᵀ, with a and b at or above ``floor`` (0 or -inf).

    Without negative values and with equal weights this is the first singular triplet; else a and b are solved in turn
    from there, which cannot make it worse.
    """
    even = bool(np.ptp(weights) <= 1e-12 * weights.max()) if weights.size else True
    start = np.maximum(values, floor)
    U, s, Vt = np.linalg.svd(start, full_matrices=False)
    first = s[0] * np.outer(U[:, 0], Vt[0])
    if not s[0] > 0 or (even and (values >= floor).all()):
        return np.asarray(np.maximum(first, floor))
    b = np.maximum(Vt[0] * np.sign(Vt[0].sum() or 1.0), floor)
    a = np.zeros(len(values))
    last = np.inf
    for _ in range(_ROUNDS):
        a = np.maximum(_ratio((weights * values) @ b, weights @ b**2), floor)
        b = np.maximum(_ratio(a @ (weights * values), a**2 @ weights), floor)
        error = float(np.sum(weights * (values - np.outer(a, b)) ** 2))
        if not error < last * (1 - 1e-10):
            break
        last = error
    return np.asarray(np.outer(a, b))


def _ratio(top: Array, bottom: Array) -> Array:
    return np.asarray(np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), 0.0))
