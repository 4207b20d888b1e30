"""What a constraint is: validated settings, words, a table, and an object bound to the data that does the work."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import StepError

__all__ = ["Bound", "Constraint", "Context", "Mask", "Shape", "Side"]

Side = Literal["spectra", "concentrations"]
Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Names = tuple[str | int, ...]


@dataclass(frozen=True, eq=False)
class Context:
    """What constraints may ask about the data.

    Parameters
    ----------
    names
        (k,) names of the components.
    shift
        (m,) axis of the spectra.
    n
        Number of spectra.
    columns
        Name → (n,) numbers that go with the spectra: ``time_s``, ``potential_v``, ``pixel``.
    blocks
        (n,) which experiment (or cycle) of a stacked set a spectrum belongs to; None: one.
    known
        Name → (m,) reference spectrum on the same axis.
    """

    names: tuple[str, ...]
    shift: Array
    n: int
    columns: Mapping[str, Array] = field(default_factory=dict)
    blocks: NDArray[np.int64] | None = None
    known: Mapping[str, Array] = field(default_factory=dict)

    @property
    def k(self) -> int:
        """Number of components."""
        return len(self.names)

    def length(self, side: Side) -> int:
        """Return the number of points of a profile on this side."""
        return self.n if side == "concentrations" else len(self.shift)

    @property
    def block_of(self) -> NDArray[np.int64]:
        """(n,) block numbers, zeros for one block."""
        return np.zeros(self.n, dtype=np.int64) if self.blocks is None else np.asarray(self.blocks, dtype=np.int64)

    def places(self, owner: str, components: Names) -> tuple[int, ...]:
        """Return the components meant, all for none.

        Raises
        ------
        StepError
            If a component does not exist.
        """
        if not components:
            return tuple(range(self.k))
        found = []
        for one in components:
            if isinstance(one, str):
                if one not in self.names:
                    raise StepError(f"{owner}: there is no component {one!r}; there are: {', '.join(self.names)}")
                found.append(self.names.index(one))
            elif 0 <= one < self.k:
                found.append(int(one))
            else:
                raise StepError(f"{owner}: there is no component {one}; they are counted from 0 to {self.k - 1}")
        return tuple(found)

    def axis(self, owner: str, column: str, side: Side) -> Array:
        """Return the axis along which a constraint works: ``shift`` for spectra, a column for concentrations.

        Raises
        ------
        StepError
            If the data has no such column, or it does not fit.
        """
        if side == "spectra":
            return np.asarray(self.shift, dtype=np.float64)
        if column == "index" and column not in self.columns:
            return np.arange(self.n, dtype=np.float64)
        if column not in self.columns:
            has = ", ".join(sorted(self.columns)) or "none"
            raise StepError(f"{owner}: needs the column {column!r}, but the data has: {has}")
        values = np.asarray(self.columns[column], dtype=np.float64)
        if values.shape != (self.n,):
            raise StepError(f"{owner}: the column {column!r} needs {self.n} values, but has shape {values.shape}")
        return values

    def reference(self, owner: str, name: str) -> Array:
        """Return a known spectrum.

        Raises
        ------
        StepError
            If there is none of that name, or it does not fit the axis.
        """
        if name not in self.known:
            has = ", ".join(sorted(self.known)) or "none"
            raise StepError(f"{owner}: needs the known spectrum {name!r}, but there are: {has}")
        spectrum = np.asarray(self.known[name], dtype=np.float64)
        if spectrum.shape != np.shape(self.shift) or not np.isfinite(spectrum).all() or not spectrum.max() > 0:
            raise StepError(
                f"{owner}: the known spectrum {name!r} must be finite, somewhere above zero and have "
                f"{len(self.shift)} channels, but has shape {spectrum.shape}"
            )
        return np.asarray(spectrum / spectrum.max())


class Bound:
    """A constraint bound to data. ``components`` are the places it holds for."""

    components: tuple[int, ...] = ()

    def apply(self, profiles: Array) -> Array:
        """Return the nearest (k, length) profiles that meet the constraint, rows are components."""
        raise NotImplementedError


class Mask(Bound):
    """Places where a component may be: ``allowed`` (k, length) bool."""

    def __init__(self, components: tuple[int, ...], allowed: Bools) -> None:
        self.components = components
        self.allowed = allowed

    def apply(self, profiles: Array) -> Array:
        """Return the nearest profiles that meet the constraint."""
        return np.where(self.allowed, profiles, 0.0)


class Shape(Bound):
    """A shape of some profiles, met by :meth:`project`. ``together``: they are projected as one group."""

    together: ClassVar[bool] = False

    def project(self, targets: Array, metric: Array, floor: float) -> Array:
        """Return the nearest profiles of this shape.

        Parameters
        ----------
        targets
            (g, length) least-squares optimum without the shape, one component or the group. Finite.
        metric
            (g, g) or (length, g, g), positive definite: the squared distance at a point is dᵀ M d.
        floor
            0 where profiles may not be negative, else -inf.
        """
        raise NotImplementedError

    def apply(self, profiles: Array) -> Array:
        """Return the nearest profiles that meet the constraint."""
        found = np.array(profiles, dtype=np.float64)
        groups = [self.components] if self.together else [(j,) for j in self.components]
        for group in groups:
            found[list(group)] = self.project(found[list(group)], np.eye(len(group)), 0.0)
        return found


@dataclass(frozen=True)
class Constraint:
    """Base of all constraints: frozen settings, checked when made.

    ``kind`` names it in a table; ``sides`` lists where it can act. :meth:`prepare` binds it to data.
    """

    kind: ClassVar[str]
    sides: ClassVar[tuple[Side, ...]] = ("spectra", "concentrations")

    @property
    def side_(self) -> Side:
        """Where it acts."""
        return getattr(self, "side", self.sides[0])

    def __post_init__(self) -> None:
        for one in dataclasses.fields(self):
            value = getattr(self, one.name)
            if isinstance(value, list):  # as a table has it
                object.__setattr__(self, one.name, tuple(value))
        self.check()

    def check(self) -> None:
        """Check the settings.

        Raises
        ------
        StepError
            If one is not allowed.
        """
        if self.side_ not in self.sides:
            raise StepError(f"{self.kind}: side may be {' or '.join(self.sides)}, but {self.side_!r} was given")
        components = getattr(self, "components", ())
        if isinstance(components, str):
            raise StepError(f"{self.kind}: components needs a list of names or places, but {components!r} was given")
        if any(isinstance(c, bool) or not isinstance(c, (str, int)) for c in components):
            raise StepError(f"{self.kind}: components needs names or places from 0, but {components!r} was given")
        if len(set(components)) != len(components):
            raise StepError(f"{self.kind}: components may name each component once, but is {list(components)}")

    def number(self, name: str, low: float = -math.inf, high: float = math.inf, *, above: bool = False) -> None:
        """Check that a setting is a number in a range (``above``: strictly above ``low``)."""
        value = getattr(self, name)
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not good or not low <= value <= high or (above and value == low):
            span = f"above {low:g}" if above else f"from {low:g}"
            span += f" to {high:g}" if math.isfinite(high) else ""
            raise StepError(f"{self.kind}: {name} needs a number {span}, but {value!r} was given")

    def prepare(self, context: Context) -> Bound:
        """Return the constraint bound to the data.

        Raises
        ------
        StepError
            If the data lacks what it needs.
        """
        raise NotImplementedError

    def apply(self, profiles: Array, context: Context) -> Array:
        """Return the nearest profiles that meet the constraint: (n, k) concentrations or (k, m) spectra."""
        bound = self.prepare(context)
        values = np.asarray(profiles, dtype=np.float64)
        return bound.apply(values.T).T if self.side_ == "concentrations" else bound.apply(values)

    def describe(self) -> str:
        """Return the constraint in words."""
        raise NotImplementedError

    def whom(self) -> str:
        """Return the components in words."""
        components: Names = getattr(self, "components", ())
        if not components:
            return "every component"
        return ", ".join(c if isinstance(c, str) else f"component at place {c}" for c in components)

    def to_table(self) -> dict[str, Any]:
        """Return the constraint as a table of plain values (text, numbers, lists), for a recipe."""
        table: dict[str, Any] = {"kind": self.kind}
        for one in dataclasses.fields(self):
            value = getattr(self, one.name)
            if value is None or value == _default(one):
                continue
            table[one.name] = _plain(value)
        return table


def _default(one: dataclasses.Field[Any]) -> Any:
    if one.default_factory is not dataclasses.MISSING:
        return one.default_factory()
    return one.default


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return value
