"""Concentrations that follow a law: kinetics, growth, sigmoids in potential, bleaching."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...errors import StepError
from ..hard_models.fit import Estimate, estimates_from, projected_information
from ..hard_models.laws import axis_for, law_named
from ..hard_models.search import Space, minimise
from .base import Array, Constraint, Context, Names, Shape, Side
from .least_squares import solve_rows

__all__ = ["HardModel", "HardShape"]

_SEARCHES = 5
_PRECISION = 1e-9


@dataclass(frozen=True)
class HardModel(Constraint):
    """Some concentrations follow a law with a few fitted parameters; the others stay free (hard-soft modelling).

    Parameters
    ----------
    law
        Name of a law, see :data:`~spectrode.unmixing.hard_models.laws.LAWS`.
    components
        Names or places of its species, in their order; as many of the first species as follow it.
    column
        Time, charge or potential. Kinetic and growth laws count it from the start of each block.
    fixed
        Parameter → value that is not fitted.
    scale_by
        ``block`` or a column (``pixel``): the amounts are free for each of its values, the parameters are shared.
        None: one amount for each species.
    temperature_k
        Of the Nernst and Frumkin sigmoids.

    References
    ----------
    A. de Juan, M. Maeder, M. Martínez, R. Tauler, Chemometr. Intell. Lab. Syst. 54 (2000) 123.
    """

    law: str
    components: Names
    column: str = "time_s"
    fixed: Mapping[str, float] = field(default_factory=dict)
    scale_by: str | None = None
    temperature_k: float = 298.15

    kind: ClassVar[str] = "hard_model"
    sides: ClassVar[tuple[Side, ...]] = ("concentrations",)

    def check(self) -> None:
        """Check the settings."""
        super().check()
        species = law_named(self.law, self.temperature_k).species
        if not 1 <= len(self.components) <= len(species):
            raise StepError(
                f"hard_model: {self.law!r} describes {', '.join(species)}, so components needs 1 to {len(species)} "
                f"names, but {len(self.components)} were given"
            )
        known = [p.name for p in law_named(self.law).parameters]
        for name, value in self.fixed.items():
            if name not in known or isinstance(value, bool) or not isinstance(value, (int, float)):
                raise StepError(
                    f"hard_model: fixed may hold numbers for {', '.join(known) or 'nothing'}, "
                    f"but has {name!r} = {value!r}"
                )

    def prepare(self, context: Context) -> HardShape:
        """Bind the constraint to data; see :meth:`.base.Constraint.prepare`."""
        law = law_named(self.law, self.temperature_k)
        axis = axis_for(law, context.axis(self.kind, self.column, "concentrations"), context.block_of)
        labels: NDArray[Any]
        if self.scale_by is None:
            labels = np.zeros(context.n)
        elif self.scale_by == "block":
            labels = context.block_of
        else:
            labels = context.axis(self.kind, self.scale_by, "concentrations")
        _, groups = np.unique(labels, return_inverse=True)
        return HardShape(context.places(self.kind, self.components), Space.of(law, axis, self.fixed), groups)

    def describe(self) -> str:
        """Return the constraint in words."""
        fixed = "".join(f", {name} = {value:g} fixed" for name, value in self.fixed.items())
        law = law_named(self.law).words
        own = f", amounts free for each {self.scale_by}" if self.scale_by else ""
        return f"concentrations of {self.whom()} follow {law} along {self.column}{fixed}{own}"


class HardShape(Shape):
    """A law bound to data; ``z`` are the scaled parameters found last, the start of the next search."""

    together: ClassVar[bool] = True

    def __init__(self, components: tuple[int, ...], space: Space, labels: NDArray[np.intp]) -> None:
        self.components = components
        self.space = space
        self.labels = labels  # (n,) from 0: which amount a spectrum has
        self._order = np.argsort(labels, kind="stable")
        self._begins = np.searchsorted(labels[self._order], np.arange(int(labels.max()) + 1))
        self.z: Array | None = None
        self._searched = 0

    def project(self, targets: Array, metric: Array, floor: float) -> Array:
        """Return the nearest profiles of this shape; see :meth:`.base.Shape.project`."""
        points = targets.T
        factor = _factor(metric)

        def residual(z: Array) -> Array:
            left = points - self._nearest(z, points, metric)
            return np.asarray(left @ factor if factor.ndim == 2 else np.einsum("ig,igh->ih", left, factor)).ravel()

        starts = [] if self.z is None else [self.space.theta(self.z)]
        if self._searched < _SEARCHES:  # until the spectra have settled, the law may have to jump
            starts += self.space.law.starts(self.space.x)
            self._searched += 1
        self.z, _ = minimise(self.space, residual, starts, _PRECISION)
        return self._nearest(self.z, points, metric).T

    def estimates(
        self, C: Array, S: Array, variance: float, degrees: int, rows: Array, channels: Array
    ) -> tuple[Estimate, ...]:
        """Return the parameters with standard errors: spectra free, the profiles of other components as they are.

        ``rows`` (n,) and ``channels`` (m,) are roots of weights, whose product the residual was measured with.
        """
        if self.z is None:
            return ()
        if not self.z.size:
            return estimates_from(self.space, self.z, np.empty((0, 0)), degrees)
        own = list(self.components)
        profiles = self._profiles(self.z)
        # The engine may have rescaled the columns since the amounts were found.
        norms = np.maximum(self._summed(profiles**2), 1e-300)
        scale = (self._summed(C[:, own] * profiles) / norms)[self.labels]
        r = rows[:, None]
        information = projected_information(self.space, self.z, r * C, S[own] * channels, r * scale)
        return estimates_from(
            self.space, self.z, variance * np.asarray(np.linalg.pinv(information), dtype=np.float64), degrees
        )

    def _profiles(self, z: Array) -> Array:
        return self.space.law.profiles(self.space.theta(z), self.space.x)[:, : len(self.components)]

    def _nearest(self, z: Array, points: Array, metric: Array) -> Array:
        """Return the law's profiles (n, g) with the best non-negative amounts."""
        F = self._profiles(z)
        squares = F[:, :, None] * F[:, None, :] * metric
        weighted = points @ metric if metric.ndim == 2 else np.einsum("igh,ih->ig", metric, points)
        amounts = solve_rows(self._summed(squares), self._summed(F * weighted))
        return np.asarray(F * amounts[self.labels])

    def _summed(self, values: Array) -> Array:
        """Return the sums over the spectra that share an amount, (groups, …)."""
        return np.asarray(np.add.reduceat(values[self._order], self._begins, axis=0))


def _factor(metric: Array) -> Array:
    """Return F with F Fᵀ = M, for one matrix or one a point; semidefinite is allowed."""
    values, vectors = np.linalg.eigh(metric)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :])
