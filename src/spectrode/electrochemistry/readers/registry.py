"""Chooses the reader of a potentiostat file by its content; joins the files of one sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._registry import discover
from ...errors import ClockError, InvalidDataset, SpectrodeError, UnknownFormat, UnreadableFile
from ...history import file_sha256
from ...metadata import SourceFile
from ...pipeline.parameters import Parameter, checked_parameters, parameters_of
from ...readers.registry import DAMAGE, read_head
from ..trace import CurrentKind, Trace

__all__ = ["TraceReader", "join_traces", "read_trace", "read_traces", "trace_reader_for", "trace_readers"]


TRACE_GIVES = ("start with zone", "local start", "current", "charge", "cycle", "step", "reference", "several")
"""Words for what a reader can give besides time and potential: an absolute start with or without a time zone, current,
the instrument's own charge, cycle and step numbers, the reference electrode's name, several datasets in one file."""


@dataclass(frozen=True)
class TraceReader:
    """One potentiostat format; ``load(path, *, options) -> Trace``, ``sniff(path, head) -> bool``."""

    name: str
    description: str
    extensions: tuple[str, ...]
    sniff: Callable[[Path, bytes], bool]
    load: Callable[..., Trace]
    gives: tuple[str, ...] = ()
    """What files of this format can hold and the reader keeps, in the words of :data:`TRACE_GIVES`."""

    @property
    def options(self) -> dict[str, Parameter]:
        """The options that ``load`` understands."""
        return parameters_of(self.load)


@cache
def trace_readers() -> dict[str, TraceReader]:
    """Return all known readers of potentiostat files by name."""
    from spectrode.electrochemistry import readers as package

    return discover(package, "READER", "spectrode.trace_readers")


def trace_reader_for(path: str | Path, name: str | None = None) -> TraceReader:
    """Return the named reader, or the one that recognises the file's content."""
    path = Path(path)
    head = read_head(path)
    known = trace_readers()
    if name is not None:
        if name not in known:
            raise UnknownFormat(path, f"there is no potentiostat reader {name!r}; possible: {', '.join(known)}")
        return known[name]
    fitting = [r for r in known.values() if r.sniff(path, head)]
    if not fitting:
        raise UnknownFormat(path, f"its content is not one of the known potentiostat formats: {', '.join(known)}")
    fitting.sort(key=lambda r: (r.name == "delimited-trace", path.suffix.lower() not in r.extensions))
    return fitting[0]


def read_trace(
    path: str | Path,
    *,
    reader: str | None = None,
    timezone: str | None = None,
    reference: str | None = None,
    **options: Any,
) -> Trace:
    """Read a potentiostat file.

    Parameters
    ----------
    timezone
        Zone of the file's start stamp, which most programs write without one.
    reference
        Name of the reference electrode (``Li/Li+``). It overrides what the file says, with a warning if they differ.

    Raises
    ------
    UnreadableFile
        If the file is missing, empty, damaged or of no known format.
    """
    path = Path(path)
    chosen = trace_reader_for(path, reader)
    given = checked_parameters(f"reader {chosen.name}", chosen.options, options, SpectrodeError)
    try:
        trace = chosen.load(path, **given)
    except (*DAMAGE, InvalidDataset) as error:
        raise UnreadableFile(path, f"is damaged or not what {chosen.name} expects ({error})") from error
    source = SourceFile(str(path), chosen.name, file_sha256(path), path.stat().st_size, "trace", dict(options))
    trace = trace.replace(sources=(source,))
    if reference:
        if trace.reference and trace.reference != reference:
            trace = trace.warn(
                f"the file names the reference electrode {trace.reference!r}; {reference!r} was given and is used"
            )
        trace = trace.replace(reference=reference)
    return trace.in_zone(timezone) if timezone else trace


def read_traces(paths: Sequence[str | Path], **options: Any) -> Trace:
    """Read the files of one sequence and join them in time; a single file is returned as it is."""
    if not paths:
        raise SpectrodeError("at least one potentiostat file must be given, but the list is empty")
    return join_traces([read_trace(p, **options) for p in paths])


@dataclass(frozen=True)
class _Stretch:
    """Rows of one trace that were recorded without a break (one pass of one technique), on the common time scale."""

    trace: int
    rows: slice
    time_s: NDArray[np.float64]


def join_traces(traces: Sequence[Trace]) -> Trace:
    """Put traces on one time scale, in time order; the column ``part`` keeps where one recording ends.

    The passes of techniques in a loop, which each file collects for itself, are put back between each other.

    Parameters
    ----------
    traces
        Traces of one cell. Charge is carried on from one to the next. Columns that a trace lacks are filled with -1
        (whole numbers) or NaN.

    Raises
    ------
    ClockError
        If they have no common time scale (a start is missing), overlap in time, or name different references.
    """
    if not traces:
        raise SpectrodeError("at least one trace must be given to join, but the list is empty")
    if len(traces) == 1:
        return traces[0]
    key, zero = _common_zero(traces)
    stretches = []
    for k, trace in enumerate(traces):
        shift = (getattr(trace, key) - zero).total_seconds()
        stretches += [_Stretch(k, rows, trace.time_s[rows] + shift) for rows in _unbroken(trace)]
    stretches.sort(key=lambda s: (float(s.time_s[0]), float(s.time_s[-1]), s.trace))
    for before, after in pairwise(stretches):
        if after.time_s[0] < before.time_s[-1]:
            raise ClockError(
                f"potentiostat files overlap in time: {_name_of(traces, after.trace)} records from "
                f"{after.time_s[0]:.1f} s on, but {_name_of(traces, before.trace)} until {before.time_s[-1]:.1f} s; "
                "give files of one channel only, each once"
            )
    return _concatenated(traces, stretches, key, zero)


def _common_zero(traces: Sequence[Trace]) -> tuple[str, datetime]:
    """Return the field that holds every trace's start, and the earliest of the starts."""
    key = "started_at" if all(t.started_at is not None for t in traces) else "local_start"
    without = [i for i, t in enumerate(traces) if getattr(t, key) is None]
    if without:
        zoned = [i for i in without if traces[i].started_at is not None]
        if zoned:
            raise ClockError(
                f"{_name_of(traces, zoned[0])} gives its start with a time zone and others without; give timezone= "
                "for those that lack it"
            )
        raise ClockError(
            f"{len(without)} of {len(traces)} potentiostat files have no absolute start (first: "
            f"{_name_of(traces, without[0])}), so they cannot be put in one sequence; give them one at a time, or add "
            "the start to the files that lack it"
        )
    filled = [t for t in traces if len(t)] or list(traces)
    return key, min(getattr(t, key) for t in filled)


def _name_of(traces: Sequence[Trace], index: int) -> str:
    sources = traces[index].sources
    return sources[0].path if sources else f"trace {index + 1}"


def _unbroken(trace: Trace) -> list[slice]:
    """Return the rows of each stretch of a trace; a trace without rows has none."""
    n = len(trace)
    if not n:
        return []
    part = trace.columns.get("part")
    breaks = np.zeros(0, dtype=int) if part is None else np.flatnonzero(part[1:] != part[:-1]) + 1
    return [slice(int(a), int(b)) for a, b in pairwise([0, *breaks, n])]


def _concatenated(traces: Sequence[Trace], stretches: list[_Stretch], key: str, zero: datetime) -> Trace:
    order = list(dict.fromkeys([s.trace for s in stretches])) + [k for k, t in enumerate(traces) if not len(t)]
    first = traces[order[0]]
    names = {t.reference for t in traces if len(t)} or {first.reference}
    if len(names) > 1:
        raise ClockError(
            f"the potentiostat files do not agree on the reference electrode ({', '.join(sorted(map(str, names)))}); "
            "give reference= with its name"
        )
    currents, kind, note = _currents(traces)
    warnings = dict.fromkeys(w for k in order for w in traces[k].warnings)
    if note:
        warnings[note] = None
    whole = {"cycle", "half_cycle", "step"}
    found = dict.fromkeys(c for k in order for c in traces[k].columns if c != "part")
    columns = {}
    for name in found:
        fill, dtype = (-1, np.int64) if name in whole else (np.nan, np.float64)
        missing = [np.full(len(t), fill, dtype=dtype) if name not in t.columns else None for t in traces]
        columns[name] = _in_order(
            stretches, [traces[k].columns[name] if m is None else m for k, m in enumerate(missing)]
        )
    columns["part"] = np.repeat(np.arange(len(stretches)), [s.time_s.size for s in stretches])
    return Trace(
        time_s=np.concatenate([np.zeros(0), *(s.time_s for s in stretches)]),
        potential_v=_in_order(stretches, [t.potential_v for t in traces]),
        current_ma=None if currents is None else _in_order(stretches, currents),
        current_kind=kind,
        charge_mah=_carried_charge(traces, stretches),
        columns=columns,
        reference=next(iter(names)),
        technique=" → ".join(dict.fromkeys(t for k in order if (t := traces[k].technique))) or None,
        instrument=first.instrument,
        warnings=tuple(warnings),
        sources=tuple(s for k in order for s in traces[k].sources),
        started_at=zero if key == "started_at" else None,
        local_start=zero if key == "local_start" else None,
        vendor={str(i): dict(traces[k].vendor) for i, k in enumerate(order)},
    )


def _in_order(stretches: Sequence[_Stretch], values: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype=values[0].dtype), *(values[s.trace][s.rows] for s in stretches)])


def _currents(traces: Sequence[Trace]) -> tuple[list[NDArray[np.float64]] | None, CurrentKind, str | None]:
    """Return the currents of one kind; instantaneous ones become interval means if both kinds occur.

    The mean of a linear course over the interval that ends at a row is the mean of the two rows: no charge is lost.
    """
    kinds: set[CurrentKind] = {t.current_kind for t in traces if t.current_ma is not None and len(t)}
    if not any(t.current_ma is not None for t in traces):
        return None, "instantaneous", None
    mixed = len(kinds) > 1
    currents = []
    for trace in traces:
        current = trace.current_ma
        if current is None:
            current = np.full(len(trace), np.nan)
        elif mixed and trace.current_kind == "instantaneous" and len(trace):
            means = np.concatenate([current[:1], 0.5 * (current[1:] + current[:-1])])
            starts = [rows.start for rows in _unbroken(trace)]
            means[starts] = current[starts]
            current = means
        currents.append(current)
    if mixed:
        return (
            currents,
            "interval_mean",
            "some files give the instantaneous current and some its mean over the interval; all were made means",
        )
    return currents, (kinds.pop() if kinds else "instantaneous"), None


def _carried_charge(traces: Sequence[Trace], stretches: Sequence[_Stretch]) -> NDArray[np.float64] | None:
    """Return one running charge over all stretches; those without a charge (open circuit) keep it constant."""
    charges = [t.charge for t in traces]
    if all(c is None for c in charges):
        return None
    total = 0.0
    so_far: dict[int, float] = {}
    joined = [np.zeros(0)]
    ended: float | None = None
    for s in stretches:
        charge = charges[s.trace]
        if charge is None:
            joined.append(np.full(s.time_s.size, total))
        else:
            piece = charge[s.rows]
            base = so_far.get(s.trace)
            if base is None:
                base = 0.0 if _began_before_first_row(traces[s.trace], s, ended) else float(piece[0])
            joined.append(piece - base + total)
            so_far[s.trace] = float(piece[-1])
            total = float(joined[-1][-1])
        ended = float(s.time_s[-1])
    return np.concatenate(joined)


def _began_before_first_row(trace: Trace, stretch: _Stretch, ended: float | None) -> bool:
    """Tell whether the charge in a technique's first row was passed since the technique before it ended.

    EC-Lab's first row may close an interval (``cp.issue_149.mpt``: 0.019 mC in the first row). It is believed if the
    row's current could have passed that charge since then; else the counter began somewhere else.
    """
    if ended is None or trace.charge_mah is None or trace.current_ma is None:
        return False
    first = stretch.rows.start
    possible = abs(trace.current_ma[first]) * (stretch.time_s[0] - ended) / 3600.0
    return bool(0 < abs(trace.charge_mah[first]) <= 1.5 * possible)
