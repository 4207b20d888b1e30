"""Known spectra: equal to a reference of free scale and slightly shifted axis, or nowhere above one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize_scalar

from ...errors import StepError
from .base import Array, Constraint, Context, Names, Shape, Side

__all__ = ["AtMost", "EqualConcentration", "EqualSpectrum", "KnownShape"]


@dataclass(frozen=True)
class EqualSpectrum(Constraint):
    """A component has a known spectrum: electrolyte, electrode, window, binder. Its scale is free.

    Parameters
    ----------
    components
        One name or place.
    known
        Name of the known spectrum.
    max_shift
        The axis of the reference may be off by so much (cm⁻¹), searched anew each iteration. 0: not at all. Larger
        forgives a calibration difference, and lets a neighbouring band be mistaken for a shifted one.

    Notes
    -----
    The reference is interpolated by a cubic spline and held constant beyond its ends.
    """

    components: Names
    known: str
    max_shift: float = 0.0

    kind: ClassVar[str] = "equal_spectrum"
    sides: ClassVar[tuple[Side, ...]] = ("spectra",)

    def check(self) -> None:
        """Check the settings."""
        super().check()
        self.number("max_shift", 0.0, 50.0)
        _one_component(self.kind, self.components)

    def prepare(self, context: Context) -> KnownShape:
        """Bind the constraint to data; see :meth:`.base.Constraint.prepare`."""
        return KnownShape(
            context.places(self.kind, self.components),
            np.asarray(context.shift, dtype=np.float64),
            context.reference(self.kind, self.known),
            self.max_shift,
        )

    def describe(self) -> str:
        """Return the constraint in words."""
        slack = f", moved by at most {self.max_shift:g} cm⁻¹" if self.max_shift else ""
        return f"{self.whom()} has the known spectrum {self.known!r}{slack}"


@dataclass(frozen=True)
class AtMost(Constraint):
    """A component's spectrum nowhere exceeds a known one, scaled to agree at the known one's strongest channel.

    Parameters
    ----------
    components
        One name or place.
    known
        Name of the known spectrum.
    factor
        The spectrum may be so many times the known one, from 1. Larger is looser.
    """

    components: Names
    known: str
    factor: float = 1.0

    kind: ClassVar[str] = "at_most"
    sides: ClassVar[tuple[Side, ...]] = ("spectra",)

    def check(self) -> None:
        """Check the settings."""
        super().check()
        self.number("factor", 1.0, 1e6)
        _one_component(self.kind, self.components)

    def prepare(self, context: Context) -> Shape:
        """Bind the constraint to data; see :meth:`.base.Constraint.prepare`."""
        reference = np.maximum(context.reference(self.kind, self.known), 0.0)
        return _Bounded(context.places(self.kind, self.components), reference, self.factor)

    def describe(self) -> str:
        """Return the constraint in words."""
        return f"the spectrum of {self.whom()} nowhere above {self.factor:g} times the known spectrum {self.known!r}"


@dataclass(frozen=True)
class EqualConcentration(Constraint):
    """Some concentrations of a component are known, as in a calibration series stacked with the data.

    Parameters
    ----------
    components
        One name or place.
    column
        Name of a column with the known concentrations, in any unit; missing (NaN) where they are not known. Their
        common scale is free.
    """

    components: Names
    column: str

    kind: ClassVar[str] = "equal_concentration"
    sides: ClassVar[tuple[Side, ...]] = ("concentrations",)

    def check(self) -> None:
        """Check the settings."""
        super().check()
        _one_component(self.kind, self.components)

    def prepare(self, context: Context) -> Shape:
        """Bind the constraint to data; see :meth:`.base.Constraint.prepare`."""
        values = context.axis(self.kind, self.column, "concentrations")
        given = np.isfinite(values)
        if (values[given] < 0).any() or not (values[given] > 0).any():
            raise StepError(f"equal_concentration: the column {self.column!r} needs values, none of them negative")
        return _PartlyKnown(context.places(self.kind, self.components), values, given)

    def describe(self) -> str:
        """Return the constraint in words."""
        return f"concentrations of {self.whom()} in proportion to {self.column} where it is known"


def _one_component(kind: str, components: Names) -> None:
    if len(components) != 1:
        raise StepError(f"{kind}: components needs one name or place, but {list(components)} was given")


class KnownShape(Shape):
    """Bound :class:`EqualSpectrum`; ``moved`` is the shift found last, in units of the axis."""

    def __init__(self, components: tuple[int, ...], shift: Array, reference: Array, limit: float) -> None:
        self.components = components
        self.reference = reference
        self.limit = limit
        self.moved = 0.0
        order = np.argsort(shift)
        self._axis = shift
        self._ends = float(shift.min()), float(shift.max())
        self._spline = CubicSpline(shift[order], reference[order]) if limit else None

    def at(self, moved: float) -> Array:
        """Return the reference with its bands moved up by ``moved``."""
        if self._spline is None or moved == 0.0:
            return self.reference
        return np.asarray(self._spline(np.clip(self._axis - moved, *self._ends)))

    def project(self, targets: Array, metric: Array, floor: float) -> Array:
        """Return the nearest profiles of this shape; see :meth:`.base.Shape.project`."""
        weights = np.broadcast_to(metric[..., 0, 0], targets.shape[1:])
        target = targets[0]

        def gain(moved: float) -> float:
            shape = self.at(moved)
            overlap = float(np.sum(weights * shape * target))
            return -(max(overlap, 0.0) ** 2) / float(np.sum(weights * shape * shape))

        if self.limit:
            # The gain has one summit within a band's width of the last place; a scan finds it wherever it moved.
            scan = np.linspace(-self.limit, self.limit, 9)
            centre = min([*scan, self.moved], key=gain)
            half = self.limit / 4
            low, high = max(centre - half, -self.limit), min(centre + half, self.limit)
            best = minimize_scalar(gain, bounds=(low, high), method="bounded", options={"xatol": 1e-4 * self.limit})
            self.moved = float(best.x) if best.fun <= gain(centre) else float(centre)
        shape = self.at(self.moved)
        scale = max(float(np.sum(weights * shape * target) / np.sum(weights * shape * shape)), 0.0)
        return (scale * shape)[None]


class _PartlyKnown(Shape):
    def __init__(self, components: tuple[int, ...], values: Array, given: NDArray[np.bool_]) -> None:
        self.components = components
        self.values = np.where(given, values, 0.0)
        self.given = given

    def project(self, targets: Array, metric: Array, floor: float) -> Array:
        """Return the nearest profiles of this shape; see :meth:`.base.Shape.project`."""
        weights = np.broadcast_to(metric[..., 0, 0], targets.shape[1:])
        right = float(np.sum(weights * self.values * targets[0]))
        scale = max(right / max(float(np.sum(weights * self.values**2)), 1e-300), 0.0)
        return np.where(self.given, scale * self.values, np.maximum(targets[0], floor))[None]


class _Bounded(Shape):
    def __init__(self, components: tuple[int, ...], reference: Array, factor: float) -> None:
        self.components = components
        self.limit = factor * reference
        self.anchor = int(np.argmax(reference))

    def project(self, targets: Array, metric: Array, floor: float) -> Array:
        """Return the nearest profiles of this shape; see :meth:`.base.Shape.project`."""
        weights = np.broadcast_to(metric[..., 0, 0], targets.shape[1:])
        target = np.maximum(targets[0], floor)
        others = np.arange(target.size) != self.anchor
        u, y, w = self.limit[others], target[others], weights[others]
        a0, w0 = float(targets[0, self.anchor]), float(weights[self.anchor])
        # The cost of the height a at the anchor is convex with corners at y/u: its slope decides where it ends.
        corners = np.where(u > 0, y / np.where(u > 0, u, 1.0), -np.inf)
        order = np.argsort(-corners)
        sums_uy = np.cumsum((w * u * y)[order])
        sums_uu = np.cumsum((w * u * u)[order])
        heights = (w0 * a0 + np.r_[0.0, sums_uy]) / (w0 + np.r_[0.0, sums_uu])
        edges = np.r_[corners[order], -np.inf]
        height = max(float(heights[np.argmax(heights >= edges)]), 0.0)
        found: Array = np.minimum(target, height * self.limit)
        found[self.anchor] = height
        return found[None]
