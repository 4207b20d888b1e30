"""The potentiostat's record: one type for all instruments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidDataset
from ..metadata import SourceFile

__all__ = ["CurrentKind", "Trace", "charge_from_current"]

CurrentKind = Literal["instantaneous", "interval_mean"]


@dataclass(frozen=True, eq=False)
class Trace:
    """Potential and current against time.

    Parameters
    ----------
    time_s
        (rows,) not decreasing, seconds after ``started_at``.
    potential_v
        (rows,) V versus ``reference``; NaN where not recorded.
    current_ma
        (rows,) mA, cathodic negative (IUPAC); None if the file has no current.
    current_kind
        ``instantaneous``: the value at the row's time (charge by the trapezoid rule).
        ``interval_mean``: the mean over the interval *ending* at the row, as EC-Lab's ``<I>/mA`` (charge by the right
        rectangle rule, which is then exact).
    charge_mah
        (rows,) mAh as the instrument wrote it; None if it did not. See :attr:`charge`.
    columns
        Further per-row numbers; whole-number names ``cycle``, ``half_cycle``, ``step``, ``part`` are understood
        (``part`` numbers the files of a joined sequence).
    reference
        Name of the reference electrode; None if the file names none.
    started_at, local_start
        Absolute start with a time zone, or the file's own stamp without one. Both None: the file has no start.

    Raises
    ------
    InvalidDataset
        If lengths differ, times decrease or are not finite.
    """

    time_s: NDArray[np.float64]
    potential_v: NDArray[np.float64]
    current_ma: NDArray[np.float64] | None = None
    current_kind: CurrentKind = "instantaneous"
    charge_mah: NDArray[np.float64] | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    reference: str | None = None
    started_at: datetime | None = None
    local_start: datetime | None = None
    technique: str | None = None
    instrument: str | None = None
    warnings: tuple[str, ...] = ()
    sources: tuple[SourceFile, ...] = ()
    vendor: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        time = np.asarray(self.time_s, dtype=np.float64)
        if time.ndim != 1 or not np.all(np.isfinite(time)):
            raise InvalidDataset("a trace needs a one-dimensional, finite time for every row")
        if np.any(np.diff(time) < 0):
            at = int(np.argmax(np.diff(time) < 0))
            raise InvalidDataset(
                f"the time of a trace must not decrease, but row {at + 1} ({time[at + 1]:g} s) is before row {at} "
                f"({time[at]:g} s)"
            )
        set_(self, "time_s", time)
        for name in ("potential_v", "current_ma", "charge_mah"):
            value = getattr(self, name)
            if value is None:
                continue
            array = np.asarray(value, dtype=np.float64)
            if array.shape != time.shape:
                raise InvalidDataset(f"{name} must have one value a row ({time.size}), but its shape is {array.shape}")
            set_(self, name, array)
        columns = {name: np.asarray(values) for name, values in self.columns.items()}
        for name, array in columns.items():
            if array.shape != time.shape:
                raise InvalidDataset(f"column {name!r} must have one value a row ({time.size}), not {array.shape}")
        set_(self, "columns", MappingProxyType(columns))
        if self.started_at is not None and self.started_at.utcoffset() is None:
            raise InvalidDataset("started_at of a trace must carry a time zone; put a naive time into local_start")

    def __len__(self) -> int:
        return int(self.time_s.size)

    def replace(self, **changes: Any) -> Trace:
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    def warn(self, *texts: str) -> Trace:
        """Return a copy with warnings added, each once."""
        return replace(self, warnings=tuple(dict.fromkeys((*self.warnings, *texts))))

    @property
    def charge(self) -> NDArray[np.float64] | None:
        """(rows,) charge in mAh since the first row: the instrument's own, else integrated; None without a current."""
        if self.charge_mah is not None:
            return self.charge_mah
        if self.current_ma is None:
            return None
        return charge_from_current(self.time_s, self.current_ma, self.current_kind)

    def in_zone(self, zone: str) -> Trace:
        """Return a copy whose naive start is understood in a named time zone; unchanged if it has one already."""
        from .._time import resolve_local

        if self.started_at is not None or self.local_start is None:
            return self
        aware, note = resolve_local(self.local_start, zone)
        changed = replace(self, started_at=aware)
        return changed.warn(note) if note else changed


def charge_from_current(
    time_s: NDArray[np.float64], current_ma: NDArray[np.float64], kind: CurrentKind
) -> NDArray[np.float64]:
    """Integrate a current to a charge in mAh, zero at the first row, by the rule that its kind calls for.

    Parameters
    ----------
    kind
        ``interval_mean``: right rectangles (exact for a mean over the interval that ends at each row);
        ``instantaneous``: trapezoids.

    Notes
    -----
    Rows without a current (NaN) add nothing.
    """
    dt = np.diff(time_s)
    current = np.where(np.isfinite(current_ma), current_ma, 0.0)
    pieces = current[1:] * dt if kind == "interval_mean" else 0.5 * (current[1:] + current[:-1]) * dt
    return np.concatenate([[0.0], np.cumsum(pieces)])[: time_s.size] / 3600.0
