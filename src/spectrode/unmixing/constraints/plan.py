"""One half step of an alternating fit: all constraints of one side, so that the residual does not rise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .base import Bound, Constraint, Context, Mask, Shape, Side
from .closure import Closed
from .least_squares import Total, solve_rows

__all__ = ["Forced", "Normal", "Plan"]

_SWEEPS, _FEW_SWEEPS = 10, 2
"""Most rounds over the components in a half step; few where each is a search of its own."""
_SETTLED = 1e-7
_ALTERNATIONS = 10

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Normal:
    """Normal equations of one half step: ``gram`` (k, k) or (L, k, k), ``products`` (L, k), ``points`` (L,) or None.

    ``points`` weigh whole rows; they do not change what a row alone would be, but how rows are averaged by a shape.
    """

    gram: Array
    products: Array
    points: Array | None = None

    def squares(self, X: Array) -> float:
        """Return the sum of squares of the residual without the (constant) squares of the data."""
        fitted = X @ self.gram if self.gram.ndim == 2 else np.einsum("nij,nj->ni", self.gram, X)
        rows = np.sum(X * (fitted - 2.0 * self.products), axis=1)
        return float(rows.sum() if self.points is None else rows @ self.points)

    def block(self, places: Sequence[int], X: Array) -> tuple[Array, Array]:
        """Return (targets (g, L), metric) of some unknowns, given the others: their optimum without any constraint."""
        own = list(places)
        others = [j for j in range(X.shape[1]) if j not in places]
        cross = self.gram[..., own, :][..., others]
        if self.gram.ndim == 2:
            right = self.products[:, own] - X[:, others] @ cross.T
        else:
            right = self.products[:, own] - np.einsum("nij,nj->ni", cross, X[:, others])
        metric = self.gram[..., own, :][..., own]
        top = np.einsum("...ii->...i", metric).max(axis=-1)
        top = np.where(top > 0, top, 1.0)
        stable = metric + 1e-12 * np.multiply.outer(top, np.eye(len(own)))
        solved = np.linalg.solve(stable, right.T if self.gram.ndim == 2 else right[:, :, None])
        targets = np.asarray(solved if self.gram.ndim == 2 else solved[:, :, 0].T, dtype=np.float64)
        if self.points is not None:
            metric = self.points[:, None, None] * np.broadcast_to(metric, (len(X), *metric.shape[-2:]))
        return targets, metric


@dataclass(frozen=True)
class Forced:
    """What one constraint forced at the end of a fit.

    Parameters
    ----------
    constraint
        Its kind.
    words
        It in words.
    displacement_percent
        How far the profiles lie from where the data alone (and all else where the fit ended) would put them: 100·norm
        of the difference over norm of the profile, in the metric of the data. The other side has adapted by then: a
        constraint that is false shows in the lack of fit too.
    residual_percent
        Share of the residual sum of squares that this difference costs.
    detail
        What it found (a shift, parameters), or nothing.
    """

    constraint: str
    words: str
    displacement_percent: float
    residual_percent: float
    detail: str = ""

    def sentence(self) -> str:
        """Return it as one sentence."""
        detail = f" ({self.detail})" if self.detail else ""
        return (
            f"{self.words[:1].upper()}{self.words[1:]}: moved the profiles by {self.displacement_percent:.3g} %, which "
            f"is {self.residual_percent:.3g} % of the residual sum of squares{detail}."
        )


@dataclass(eq=False)
class Plan:
    """The constraints of one side, bound to the data."""

    side: Side
    k: int
    length: int
    signed: bool
    allowed: Bools | None = None
    totals: list[Total] = field(default_factory=list)
    blocks: list[tuple[tuple[int, ...], list[Shape]]] = field(default_factory=list)
    bound: list[tuple[Constraint, Bound]] = field(default_factory=list)

    @classmethod
    def of(cls, side: Side, constraints: Sequence[Constraint], context: Context, signed: bool) -> Plan:
        """Bind those constraints that act on this side.

        Raises
        ------
        StepError
            If the data lacks what one needs.
        """
        plan = cls(side, context.k, context.length(side), signed)
        for constraint in constraints:
            if constraint.side_ == side:
                plan._add(constraint, constraint.prepare(context))
        return plan

    def _add(self, constraint: Constraint, bound: Bound) -> None:
        self.bound.append((constraint, bound))
        if isinstance(bound, Mask):
            self.allowed = bound.allowed.T if self.allowed is None else self.allowed & bound.allowed.T
        elif isinstance(bound, Closed):
            members = np.isin(np.arange(self.k), bound.components)
            self.totals.append(Total(members, bound.totals, bound.equal))
        elif isinstance(bound, Shape):
            groups = [bound.components] if bound.together else [(j,) for j in bound.components]
            for group in groups:
                self._add_shape(group, bound)

    def _add_shape(self, group: tuple[int, ...], shape: Shape) -> None:
        """Components that share a group are one block; a block lists its shapes in the order given."""
        touching = [b for b in self.blocks if set(b[0]) & set(group)]
        members = tuple(dict.fromkeys(j for places, _ in touching for j in places)) or group
        members = tuple(dict.fromkeys((*members, *group)))
        shapes = list(dict.fromkeys([s for _, found in touching for s in found] + [shape]))
        self.blocks = [b for b in self.blocks if not set(b[0]) & set(group)] + [(members, shapes)]

    def without_totals(self) -> Plan:
        """Return the same plan without sums."""
        return replace(self, totals=[])

    @property
    def shaped(self) -> list[int]:
        """Places of components with a shape."""
        return [j for places, _ in self.blocks for j in places]

    @property
    def floor(self) -> float:
        """Lowest value of a profile."""
        return -np.inf if self.signed else 0.0

    def update(self, X: Array, normal: Normal, *, fresh: bool = False) -> Array:
        """Return the (length, k) profiles after the half step that began at X (``fresh``: X means nothing yet)."""
        if not self.blocks or fresh:
            X = self._free(X, normal, list(range(self.k)), None if fresh else X)
        if not self.blocks:
            return X
        X = X.copy()
        shaped = self.shaped
        free = [j for j in range(self.k) if j not in shaped]
        costly = any(shape.together for _, shapes in self.blocks for shape in shapes)
        for _ in range(_FEW_SWEEPS if costly else _SWEEPS):
            before = X.copy()
            for places, shapes in self.blocks:
                X[:, places] = self._shape(X, normal, places, shapes)
            if free:
                X[:, free] = self._free(X, normal, free, X)
            alone = len(self.blocks) == 1 and not free
            if alone or np.abs(X - before).max() <= _SETTLED * max(np.abs(X).max(), 1e-300):
                break
        return self._rescaled(X, free)

    def _free(self, X: Array, normal: Normal, free: list[int], start: Array | None) -> Array:
        """Solve some unknowns exactly, the others given."""
        others = [j for j in range(self.k) if j not in free]
        cross = normal.gram[..., free, :][..., others]
        if normal.gram.ndim == 2:
            right = normal.products[:, free] - X[:, others] @ cross.T
        else:
            right = normal.products[:, free] - np.einsum("nij,nj->ni", cross, X[:, others])
        totals = []
        for total in self.totals:
            taken = X[:, others] @ total.members[others]
            members = total.members[free]
            if members.any():
                totals.append(replace(total, members=members, values=np.maximum(total.values - taken, 0.0)))
        return solve_rows(
            normal.gram[..., free, :][..., free],
            right,
            allowed=None if self.allowed is None else self.allowed[:, free],
            signed=self.signed,
            totals=totals,
            start=None if start is None else start[:, free],
        )

    def _shape(self, X: Array, normal: Normal, places: tuple[int, ...], shapes: list[Shape]) -> Array:
        targets, metric = normal.block(places, X)
        allowed = None if self.allowed is None else self.allowed[:, places].T
        dead = np.einsum("...ii->...i", metric).max(axis=-1) <= 0
        if np.all(dead):
            return X[:, places]
        if np.ndim(dead):  # points without data take what the shape gives them
            targets = np.where(dead, 0.0, targets)
        if allowed is not None and not allowed.all():
            # Where it may not be, a component has no say in its shape.
            metric = np.broadcast_to(metric, (X.shape[0], *metric.shape[-2:])) * (
                allowed.T[:, :, None] & allowed.T[:, None, :]
            )
            targets = np.where(allowed, targets, 0.0)
        found = targets
        for _ in range(_ALTERNATIONS if len(shapes) > 1 else 1):
            before = found
            for shape in shapes:
                found = self._one(found, metric, places, shape)
            if allowed is not None:
                found = np.where(allowed, found, 0.0)
            if np.abs(found - before).max() <= 1e-9 * max(np.abs(found).max(), 1e-300):
                break
        return found.T

    def _one(self, found: Array, metric: Array, places: tuple[int, ...], shape: Shape) -> Array:
        """Apply one shape to the components of a block that it is meant for."""
        found = found.copy()
        groups = [shape.components] if shape.together else [(j,) for j in places if j in shape.components]
        for group in groups:
            own = [places.index(j) for j in group]
            found[own] = shape.project(found[own], metric[..., own, :][..., own], self.floor)
        return found

    def _rescaled(self, X: Array, free: list[int]) -> Array:
        """Meet the sums that no free component can fill up, by scaling."""
        for total in self.totals:
            if total.members[free].any():
                continue
            sums = X @ total.members
            ratio = np.divide(total.values, sums, out=np.ones_like(sums), where=sums > 0)
            if not total.equal:
                ratio = np.minimum(ratio, 1.0)
            X = np.where(total.members, X * ratio[:, None], X)
        return X

    def forced(self, X: Array, normal: Normal, residual: float) -> list[Forced]:
        """Return what each constraint forced on the profiles where the fit ended."""
        return [self._forced(constraint, bound, X, normal, residual) for constraint, bound in self.bound]

    def _forced(self, constraint: Constraint, bound: Bound, X: Array, normal: Normal, residual: float) -> Forced:
        moved = norm = 0.0
        if isinstance(bound, Closed):
            groups: list[tuple[int, ...]] = [bound.components]
        else:
            whole = isinstance(bound, Shape) and bound.together
            groups = [bound.components] if whole else [(j,) for j in bound.components]
        for group in groups:
            targets, metric = normal.block(group, X)
            if not self.signed:
                targets = np.maximum(targets, 0.0)
            if isinstance(bound, Closed):
                free = Plan(self.side, self.k, self.length, self.signed, self.allowed)
                targets = free._free(X, normal, list(group), X).T
            difference = targets - X[:, list(group)].T
            if isinstance(bound, Mask):
                difference = np.where(bound.allowed[list(group)], 0.0, difference)
            moved += _squares(difference, metric)
            norm += _squares(targets, metric)
        return Forced(
            constraint.kind,
            constraint.describe(),
            100.0 * float(np.sqrt(moved / norm)) if norm > 0 else 0.0,
            100.0 * moved / residual if residual > 0 else 0.0,
            _detail(bound),
        )


def _squares(profiles: Array, metric: Array) -> float:
    if metric.ndim == 2:
        return float(np.einsum("gi,gh,hi->", profiles, metric, profiles))
    return float(np.einsum("gi,igh,hi->", profiles, metric, profiles))


def _detail(bound: Bound) -> str:
    from .known import KnownShape

    if isinstance(bound, KnownShape) and bound.limit:
        return f"moved by {bound.moved:+.3g} cm⁻¹"
    return ""
