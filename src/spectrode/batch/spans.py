"""When a file was recorded: its first and last moment, as far as it says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Span", "map_span", "trace_span"]


@dataclass(frozen=True)
class Span:
    """A stretch of time.

    Attributes
    ----------
    begin, end
        Absolute (UTC), or the file's own clock without a zone if ``zoned`` is False; None if the file names no time.
    """

    begin: datetime | None = None
    end: datetime | None = None
    zoned: bool = True

    @property
    def absolute(self) -> bool:
        """True if it has a place on the common time axis."""
        return self.begin is not None and self.zoned

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """First and last moment.

        Raises
        ------
        ValueError
            If they are not known.
        """
        if self.begin is None or self.end is None:
            raise ValueError("the time of this span is not known")
        return self.begin, self.end

    @property
    def seconds(self) -> float:
        """Length in s; 0 if it is not known."""
        return 0.0 if self.begin is None or self.end is None else (self.end - self.begin).total_seconds()

    def shifted(self, seconds: float) -> Span:
        """Return a later (positive) or earlier copy."""
        if self.begin is None:
            return self
        step = timedelta(seconds=seconds)
        begin, end = self.bounds
        return Span(begin + step, end + step, self.zoned)

    def in_utc_offset(self, hours: int) -> Span:
        """Return the absolute span of a clock without a zone, if it shows UTC plus so many hours."""
        begin, end = self.shifted(-hours * 3600.0).bounds
        return Span(begin.replace(tzinfo=UTC), end.replace(tzinfo=UTC))

    def uncovered_by(self, other: Span) -> float:
        """Return how many seconds of this span the other does not hold. Both must tell a time on one clock."""
        (begin, end), (first, last) = self.bounds, other.bounds
        return self.seconds - max(0.0, (min(end, last) - max(begin, first)).total_seconds())

    def meets(self, other: Span) -> bool:
        """Tell whether the two have any time in common."""
        (begin, end), (first, last) = self.bounds, other.bounds
        if begin == end or first == last:  # one moment
            return begin <= last and first <= end
        return begin < last and first < end

    def words(self) -> str:
        """Say when it was."""
        if self.begin is None or self.end is None:
            return "no time stated"
        zone = "Z" if self.zoned else " (no time zone stated)"
        last = f"{self.end:%H:%M:%S}" if self.end.date() == self.begin.date() else f"{self.end:%Y-%m-%d %H:%M:%S}"
        return f"{self.begin:%Y-%m-%d %H:%M:%S} to {last}{zone}"


def map_span(paths: Sequence[Path], timezone: str | None, options: Mapping[str, Any]) -> Span:
    """Return the time from the first exposure's begin to the last one's end, over all files of an experiment."""
    from ..readers import read

    spans = []
    for path in paths:
        dataset = read(path, timezone=timezone, lazy=True, **options)
        first, last = 0.0, 0.0
        if "time_s" in dataset.columns:
            begin, end = dataset.exposure_bounds_s
            if np.isfinite(begin).any():
                first, last = float(np.nanmin(begin)), float(np.nanmax(end))
        spans.append(_span(dataset.metadata.started_at, dataset.metadata.local_start, first, last))
    return _union(spans)


def trace_span(path: Path, timezone: str | None, reference: str | None, options: Mapping[str, Any]) -> Span:
    """Return the time from the first row to the last."""
    from ..electrochemistry.readers import read_trace

    trace = read_trace(path, timezone=timezone, reference=reference, **options)
    if not len(trace):
        return Span()
    return _span(trace.started_at, trace.local_start, float(trace.time_s[0]), float(trace.time_s[-1]))


def _span(started: datetime | None, local: datetime | None, first: float, last: float) -> Span:
    zero = local if started is None else started.astimezone(UTC)
    if zero is None:
        return Span()
    return Span(zero + timedelta(seconds=first), zero + timedelta(seconds=last), started is not None)


def _union(spans: Sequence[Span]) -> Span:
    """Return the span that holds all; unknown as soon as one is, or if only some have a zone."""
    if len({s.zoned for s in spans}) > 1:
        return Span()
    begins = [s.begin for s in spans if s.begin is not None]
    ends = [s.end for s in spans if s.end is not None]
    if len(begins) < len(spans):
        return Span()
    return Span(min(begins), max(ends), spans[0].zoned)
