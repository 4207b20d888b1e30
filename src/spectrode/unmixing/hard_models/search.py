"""Least squares over the parameters of a law: scaled parameters, several starts, numeric derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from ...errors import StepError
from .laws import Law

__all__ = ["Space", "minimise"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Space:
    """The free parameters of a law, those that must be positive as their logarithm.

    ``fixed`` (parameters,) holds numbers, NaN where a parameter is free.
    """

    law: Law
    x: Array
    fixed: Array

    @classmethod
    def of(cls, law: Law, x: Array, fixed: Mapping[str, float] | None = None) -> Space:
        """Return the space with some parameters fixed by name.

        Raises
        ------
        StepError
            If the law has no such parameter, or a value is outside its bounds.
        """
        values = np.full(len(law.parameters), np.nan)
        names = [p.name for p in law.parameters]
        low, high = law.bounds(x)
        for name, value in (fixed or {}).items():
            if name not in names:
                has = ", ".join(names) or "none"
                raise StepError(f"hard model {law.name!r}: has no parameter {name!r}; it has: {has}")
            place = names.index(name)
            if not low[place] <= value <= high[place]:
                raise StepError(
                    f"hard model {law.name!r}: {name} may be {low[place]:.4g} to {high[place]:.4g}, "
                    f"but {value!r} was given"
                )
            values[place] = value
        return cls(law, x, values)

    @property
    def free(self) -> NDArray[np.intp]:
        """Places of the free parameters."""
        return np.flatnonzero(np.isnan(self.fixed))

    @property
    def logarithmic(self) -> NDArray[np.bool_]:
        """(free,) True for a parameter fitted as its logarithm."""
        return np.array([self.law.parameters[i].logarithmic for i in self.free], dtype=bool)

    def inside(self, theta: Array) -> Array:
        """Return the scaled free parameters of θ, moved inside the bounds."""
        low, high = self.bounds()
        return np.clip(self._scaled(theta[self.free]), low, high)

    def theta(self, z: Array) -> Array:
        """Return all parameters from the scaled free ones."""
        theta = self.fixed.copy()
        theta[self.free] = np.where(self.logarithmic, np.exp(np.where(self.logarithmic, z, 0.0)), z)
        return theta

    def bounds(self) -> tuple[Array, Array]:
        """Return lowest and highest scaled free parameters."""
        low, high = self.law.bounds(self.x)
        return self._scaled(low[self.free]), self._scaled(high[self.free])

    def slopes(self, z: Array) -> Array:
        """Return (free, n, species) derivatives of the profiles by each scaled parameter, by central differences."""
        found = np.empty((len(z), self.x.size, len(self.law.species)))
        for i in range(len(z)):
            step = 1e-5 * (1.0 if self.logarithmic[i] else max(abs(z[i]), 0.1))
            up, down = z.copy(), z.copy()
            up[i] += step
            down[i] -= step
            found[i] = (self.law.profiles(self.theta(up), self.x) - self.law.profiles(self.theta(down), self.x)) / (
                2 * step
            )
        return found

    def _scaled(self, values: Array) -> Array:
        return np.where(self.logarithmic, np.log(np.where(self.logarithmic, values, 1.0)), values)


def minimise(
    space: Space, residual: Callable[[Array], Array], starts: Sequence[Array], precision: float = 1e-12
) -> tuple[Array, float]:
    """Return the scaled parameters of least residual over the starts (full parameter vectors), and half that sum."""
    if not space.free.size:
        z = np.empty(0)
        return z, 0.5 * float(np.sum(residual(z) ** 2))
    bounds = space.bounds()
    margin = 1e-9 * (bounds[1] - bounds[0])
    ranked = sorted(
        ((0.5 * float(np.sum(residual(z) ** 2)), tuple(z)) for z in map(space.inside, starts)), key=lambda pair: pair[0]
    )
    best: tuple[Array, float] | None = None
    for _, place in ranked[:3]:  # the rest start from worse than where these do
        z = np.clip(np.array(place), bounds[0] + margin, bounds[1] - margin)
        found = least_squares(residual, z, bounds=bounds, xtol=precision, ftol=precision, gtol=precision, max_nfev=100)
        if best is None or found.cost < best[1]:
            best = found.x, float(found.cost)
    assert best is not None
    return best
