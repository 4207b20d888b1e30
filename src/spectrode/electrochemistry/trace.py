"""The potentiostat's record: one type for all instruments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidDataset
from ..metadata import SourceFile

__all__ = ["GAP_FACTOR", "CurrentKind", "Trace", "charge_from_current", "gaps_between_parts"]

CurrentKind = Literal["instantaneous", "interval_mean"]

GAP_FACTOR = 3.0
"""An interval between two parts is a gap if it is longer than this many neighbouring sampling intervals."""


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
        (``part`` numbers the stretches recorded without a break: the passes of a looped technique, the files of a
        joined sequence).
    reference
        Name of the reference electrode; None if the file names none.
    started_at, local_start
        Absolute start with a time zone, or the file's own stamp without one. Both None: the file has no start.

    Raises
    ------
    InvalidDataset
        If lengths differ, times decrease or are not finite, or a start has the wrong kind of time zone.
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
        if self.started_at is not None:
            offset = self.started_at.utcoffset()
            if offset is None:
                raise InvalidDataset("started_at of a trace must carry a time zone; put a naive time into local_start")
            # Python subtracts two times of one named zone by the clock on the wall, an hour wrong over the change of
            # daylight saving; with a fixed offset it is right.
            set_(self, "started_at", self.started_at.replace(tzinfo=timezone(offset), fold=0))
        if self.local_start is not None and self.local_start.tzinfo is not None:
            raise InvalidDataset("local_start of a trace must have no time zone; put an aware time into started_at")
        if self.current_kind not in ("instantaneous", "interval_mean"):
            raise InvalidDataset(
                f"current_kind {self.current_kind!r} is not known; possible: instantaneous, interval_mean"
            )

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
        """(rows,) charge in mAh: the instrument's own, else integrated from the first row; None without a current."""
        if self.charge_mah is not None:
            return self.charge_mah
        if self.current_ma is None:
            return None
        return charge_from_current(self.time_s, self.current_ma, self.current_kind, self.gaps)

    @property
    def gaps(self) -> NDArray[np.bool_]:
        """(rows - 1,) True for the intervals between rows in which nothing was recorded; see `gaps_between_parts`."""
        part = self.columns.get("part")
        if part is None:
            return np.zeros(max(len(self) - 1, 0), dtype=bool)
        return gaps_between_parts(self.time_s, part)

    def in_zone(self, zone: str) -> Trace:
        """Return a copy whose naive start is understood in a named time zone; unchanged if it has one already."""
        from .._time import resolve_local

        if self.started_at is not None or self.local_start is None:
            return self
        aware, note = resolve_local(self.local_start, zone)
        changed = replace(self, started_at=aware)
        return changed.warn(note) if note else changed

    def versus(self, reference: str) -> Trace:
        """Return a copy whose potential is versus another reference electrode; see `reference.convert_potential`."""
        from .reference import convert_potential

        return convert_potential(self, None, reference)


def gaps_between_parts(time_s: NDArray[np.float64], part: NDArray[Any]) -> NDArray[np.bool_]:
    """Find the intervals between parts that are too long to be interpolated across.

    Parameters
    ----------
    time_s
        (rows,) not decreasing.
    part
        (rows,) label of the stretch that each row belongs to; a change of label ends a stretch.

    Returns
    -------
    ndarray
        (rows - 1,) True where the rows on either side belong to different parts and lie further apart than
        `GAP_FACTOR` times the longest neighbouring sampling interval: the mean interval of either part, the last one
        before and the first one after. Consecutive techniques of a chain start within one sampling interval of each
        other and so stay connected; a pause, or a technique whose file was not given, does not.
    """
    width = np.diff(time_s)
    gap = np.zeros(width.size, dtype=bool)
    ends = np.flatnonzero(part[1:] != part[:-1])
    if not ends.size:
        return gap
    first = np.concatenate([[0], ends + 1])
    last = np.concatenate([ends, [time_s.size - 1]])
    mean = (time_s[last] - time_s[first]) / np.maximum(last - first, 1)
    # A part of one row has no sampling interval of its own: its neighbour's counts.
    final = np.where(last > first, width[np.maximum(last - 1, 0)], 0.0)
    opening = np.where(last > first, width[np.minimum(first, width.size - 1)], 0.0)
    sampling = np.maximum.reduce([mean[:-1], mean[1:], final[:-1], opening[1:]])
    gap[ends] = width[ends] > GAP_FACTOR * sampling
    return gap


def charge_from_current(
    time_s: NDArray[np.float64],
    current_ma: NDArray[np.float64],
    kind: CurrentKind,
    gaps: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Integrate a current to a charge in mAh, zero at the first row, by the rule that its kind calls for.

    Parameters
    ----------
    kind
        ``interval_mean``: right rectangles (exact for a mean over the interval that ends at each row);
        ``instantaneous``: trapezoids.
    gaps
        (rows - 1,) True for intervals that add nothing, because nothing was recorded in them.

    Notes
    -----
    Rows without a current (NaN) add nothing.
    """
    dt = np.diff(time_s)
    current = np.where(np.isfinite(current_ma), current_ma, 0.0)
    pieces = current[1:] * dt if kind == "interval_mean" else 0.5 * (current[1:] + current[:-1]) * dt
    if gaps is not None:
        pieces = np.where(gaps, 0.0, pieces)
    return np.concatenate([[0.0], np.cumsum(pieces)])[: time_s.size] / 3600.0
