"""Where a component may be: windows in time, potential or shift, and presence in the blocks of a stacked set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ...errors import StepError
from .base import Constraint, Context, Mask, Names, Side

__all__ = ["Presence", "Window"]


@dataclass(frozen=True)
class Window(Constraint):
    """A component is absent outside (or inside) a range: selectivity, local rank.

    Parameters
    ----------
    components
        Names or places.
    low, high
        The range, ends included, in units of the axis.
    column
        The axis for concentrations: ``time_s``, ``potential_v``, ``charge_mah``… (``index`` counts the spectra). For
        spectra it is the shift.
    mode
        ``only_inside``: absent elsewhere. ``absent_inside``: absent here.
    side
        ``concentrations`` or ``spectra``.

    References
    ----------
    R. Tauler, A. Smilde, B. Kowalski, J. Chemometrics 9 (1995) 31.
    """

    components: Names
    low: float
    high: float
    column: str = "time_s"
    mode: Literal["only_inside", "absent_inside"] = "only_inside"
    side: Side = "concentrations"

    kind: ClassVar[str] = "window"

    def check(self) -> None:
        """Check the settings."""
        super().check()
        self.number("low")
        self.number("high")
        if not self.low < self.high:
            raise StepError(f"window: low must be below high, but they are {self.low} and {self.high}")
        if self.mode not in ("only_inside", "absent_inside"):
            raise StepError(f"window: mode may be only_inside or absent_inside, but {self.mode!r} was given")

    def prepare(self, context: Context) -> Mask:
        """Bind the constraint to data; see :meth:`.base.Constraint.prepare`."""
        axis = context.axis(self.kind, self.column, self.side)
        inside = (axis >= self.low) & (axis <= self.high)
        if not inside.any():
            raise StepError(
                f"window: no point lies between {self.low:g} and {self.high:g}; "
                f"the axis runs from {np.nanmin(axis):g} to {np.nanmax(axis):g}"
            )
        if self.mode == "absent_inside" and inside.all():
            raise StepError(f"window: {self.whom()} would be absent everywhere between {self.low:g} and {self.high:g}")
        places = context.places(self.kind, self.components)
        allowed = np.ones((context.k, axis.size), dtype=bool)
        allowed[list(places)] = inside if self.mode == "only_inside" else ~inside
        return Mask(places, allowed)

    def describe(self) -> str:
        """Return the constraint in words."""
        axis = "shift" if self.side == "spectra" else self.column
        where = "only" if self.mode == "only_inside" else "not"
        return f"{self.whom()} present {where} where {axis} is {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Presence(Constraint):
    """A component is present only in some blocks of a stacked set, as the salt series holds no SEI.

    Parameters
    ----------
    components
        Names or places.
    blocks
        Block numbers where it may be.
    """

    components: Names
    blocks: tuple[int, ...]

    kind: ClassVar[str] = "presence"
    sides: ClassVar[tuple[Side, ...]] = ("concentrations",)

    def check(self) -> None:
        """Check the settings."""
        super().check()
        if not self.blocks or any(isinstance(b, bool) or not isinstance(b, int) for b in self.blocks):
            raise StepError(f"presence: blocks needs at least one block number, but {self.blocks!r} was given")

    def prepare(self, context: Context) -> Mask:
        """Bind the constraint to data; see :meth:`.base.Constraint.prepare`."""
        numbers = np.unique(context.block_of)
        missing = sorted(set(self.blocks) - set(numbers.tolist()))
        if missing:
            raise StepError(f"presence: there is no block {missing[0]}; there are: {', '.join(map(str, numbers))}")
        places = context.places(self.kind, self.components)
        allowed = np.ones((context.k, context.n), dtype=bool)
        allowed[list(places)] = np.isin(context.block_of, self.blocks)
        return Mask(places, allowed)

    def describe(self) -> str:
        """Return the constraint in words."""
        return f"{self.whom()} present only in block {', '.join(map(str, self.blocks))}"
