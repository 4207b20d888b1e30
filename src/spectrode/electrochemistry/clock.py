"""The clock that gives each spectrum its potential: spectra and trace on one time axis.

A map takes minutes while the potential moves, so that each pixel has a potential of its own. It is the mean over the
pixel's own exposure, never the value at the start of the map:

    E_i = (1 / dt) * integral of E(t) over [t_i, t_i + dt],    spread = max E - min E over the same time.

The potential runs straight between rows. The current does so too if it is instantaneous; if it is the mean over the
interval that ends at a row, it is constant in that interval. Charge is what those currents pass. At a time that
several rows share (a potential step) an exposure that begins there sees the last of them, one that ends there the
first.

Nothing is extrapolated, and nothing is interpolated across a gap: the interval between two parts of a trace, or around
rows without a value, if it is longer than `GAP_FACTOR` (3) times the longest neighbouring sampling interval.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..columns import SpectrumFlag
from ..dataset import OperandoDataset
from ..errors import ClockError
from ..history import StepRecord
from ..metadata import Cell
from .piecewise import PiecewiseLinear
from .segments import find_segments
from .trace import GAP_FACTOR, Trace, gaps_between_parts

__all__ = ["OffsetFrom", "join_in_time", "trace_zero_s"]

OffsetFrom = Literal["clock", "trace_start"]


def join_in_time(
    dataset: OperandoDataset,
    trace: Trace,
    *,
    offset_s: float | None = None,
    offset_from: OffsetFrom | None = None,
) -> OperandoDataset:
    """Give every spectrum the potential, current and charge of its own exposure.

    Parameters
    ----------
    dataset
        Spectra with ``time_s``, and ``exposure_s`` where known (a spectrum of unknown or zero exposure gets the value
        at its start).
    trace
        The potentiostat's record, with the name of its reference electrode.
    offset_s
        With ``offset_from="clock"`` a correction in s that is added to the spectrometer's clock:
        t(trace) = t(spectrum) + offset_s; 0 if not given. With ``"trace_start"`` the time from the trace's first row to
        the zero of ``time_s`` (the start of the first exposure); it must be given.
    offset_from
        ``clock`` uses the absolute starts of both; ``trace_start`` uses neither. ``clock`` if both starts are known,
        else ``trace_start``.

    Returns
    -------
    OperandoDataset
        With the columns ``potential_v``, ``potential_spread_v``, ``current_ma`` (means over the exposure),
        ``charge_mah``, ``cycle``, ``half_cycle``, ``step``, ``sweep`` (at mid-exposure; the labels of the row that ends
        the interval which contains it). Where the exposure is not wholly inside the trace, or
        touches a gap, they are NaN or -1 (``sweep``: 0), and the flag ``OUTSIDE_TRACE`` is set.
        ``metadata.cell.reference_electrode`` is that of the trace.

    Raises
    ------
    ClockError
        If the two cannot be placed on one time axis with what is known, if no spectrum lies inside the trace, or if
        the trace does not name its reference electrode.
    """
    _check(dataset, trace, offset_from)
    start, offset_s, offset_from = _placed(dataset, trace, offset_s, offset_from)
    begin, end = (bound + start for bound in dataset.exposure_bounds_s)
    covered, undated, in_gap = _coverage(trace, begin, end)
    if dataset.n_spectra and not covered.any():
        raise ClockError(_nothing_inside(dataset, trace, begin, end, start, offset_s, offset_from, in_gap))
    values = _values(trace, begin, end, covered)
    metadata = dataset.metadata
    notes = _notes(dataset, trace, values["potential_v"], covered, undated, in_gap)
    known = {(s.path, s.sha256) for s in metadata.sources}
    metadata = metadata.replace(
        cell=_cell(dataset, trace),
        sources=(*metadata.sources, *(s for s in trace.sources if (s.path, s.sha256) not in known)),
    ).warn(*trace.warnings, *notes)
    joined = dataset.replace(columns={**dataset.columns, **values}, metadata=metadata)
    joined = joined.with_flags(SpectrumFlag.OUTSIDE_TRACE, ~covered & ~undated)
    if undated.any():
        joined = joined.with_flags(SpectrumFlag.NO_TIME, undated)
    return joined.with_step(
        StepRecord(
            name="join_in_time",
            parameters={"offset_s": offset_s, "offset_from": offset_from},
            version=__version__,
            changed_spectra=int(covered.sum()),
            notes=tuple(notes),
        )
    )


def trace_zero_s(dataset: OperandoDataset, trace: Trace) -> float | None:
    """Return where the zero of the trace's ``time_s`` lies on the ``time_s`` scale of a joined dataset.

    None if the dataset was not joined with a trace.
    """
    for record in reversed(dataset.history):
        if record.name == "join_in_time" and len(trace):
            return -_placed(dataset, trace, record.parameters["offset_s"], record.parameters["offset_from"])[0]
    return None


# -- where the spectra lie on the trace's time axis -------------------------------------------------------------------


def _check(dataset: OperandoDataset, trace: Trace, offset_from: str | None) -> None:
    if "time_s" not in dataset.columns:
        raise ClockError(
            "the spectra have no times (no column time_s), so that they cannot be joined with a trace; "
            f"the dataset has {', '.join(dataset.columns) or 'no columns'}"
        )
    if offset_from not in (None, "clock", "trace_start"):
        raise ClockError(f"offset_from {offset_from!r} is not known; possible: clock, trace_start")
    if not trace.reference:
        raise ClockError(
            "the trace does not say versus which reference electrode its potential is; give reference= (--reference) "
            "with its name, for example 'Li/Li+'"
        )
    if not len(trace):
        raise ClockError("the trace has no rows, so that no spectrum can be given a potential")


def _placed(
    dataset: OperandoDataset, trace: Trace, offset_s: float | None, offset_from: OffsetFrom | None
) -> tuple[float, float, OffsetFrom]:
    """Return what to add to ``time_s`` to be on the trace's ``time_s``, with the effective offset and its origin."""
    if offset_s is not None and not np.isfinite(offset_s):
        raise ClockError(f"offset_s must be a finite number of seconds, but {offset_s!r} was given")
    spectra_start, trace_start = dataset.metadata.started_at, trace.started_at
    both = spectra_start is not None and trace_start is not None
    if offset_from is None:
        offset_from = "clock" if both or offset_s is None else "trace_start"
    if offset_from == "trace_start":
        if offset_s is None:
            raise ClockError(
                "offset_from='trace_start' needs offset_s (--offset): the seconds from the trace's first row to the "
                "start of the first spectrum"
            )
        return float(trace.time_s[0]) + offset_s + _lead(dataset), offset_s, offset_from
    if spectra_start is None or trace_start is None:
        raise ClockError(_unplaced(dataset, trace))
    offset_s = 0.0 if offset_s is None else offset_s
    # In UTC, because Python subtracts times of one named zone by the clock on the wall.
    return (
        (spectra_start.astimezone(UTC) - trace_start.astimezone(UTC)).total_seconds() + offset_s,
        offset_s,
        offset_from,
    )


def _unplaced(dataset: OperandoDataset, trace: Trace) -> str:
    reasons = []
    zone_helps = True
    for who, states, has, aware, local in (
        ("the trace", "states", "has", trace.started_at, trace.local_start),
        ("the spectra", "state", "have", dataset.metadata.started_at, dataset.metadata.local_start),
    ):
        if aware is None and local is not None:
            reasons.append(f"{who} {states} {_stamp(local)} without a time zone")
        elif aware is None:
            reasons.append(f"{who} {has} no absolute start")
            zone_helps = False
    offset = "offset_s (--offset), the seconds from the trace's first row to the start of the first spectrum"
    remedy = f"give timezone=… (--timezone), or {offset}" if zone_helps else f"give {offset}"
    return f"{' and '.join(reasons)}; {remedy}"


def _stamp(moment: datetime) -> str:
    text = moment.isoformat(sep=" ", timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def _lead(dataset: OperandoDataset) -> float:
    """Return how long before its stamp an exposure begins, for stamps that name its middle or end."""
    lead = np.asarray(dataset.columns["time_s"], dtype=np.float64) - dataset.exposure_bounds_s[0]
    known = lead[np.isfinite(lead)]
    return float(np.median(known)) if known.size else 0.0


def _coverage(
    trace: Trace, begin: NDArray[np.float64], end: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which spectra lie wholly in recorded time, which have no time, and which touch a gap."""
    undated = ~np.isfinite(begin)
    zeros = np.zeros(len(trace) - 1)
    record = PiecewiseLinear(trace.time_s, zeros, zeros, trace.gaps)
    inside = record.inside(begin, end)
    covered = np.isfinite(record.mean(begin, end)) & inside
    return covered, undated, inside & ~covered


def _nothing_inside(
    dataset: OperandoDataset,
    trace: Trace,
    begin: NDArray[np.float64],
    end: NDArray[np.float64],
    start: float,
    offset_s: float,
    offset_from: OffsetFrom,
    in_gap: NDArray[np.bool_],
) -> str:
    if not np.isfinite(begin).any():
        return "none of the spectra has a time of its own, so that they cannot be joined with a trace"
    first, last = float(np.nanmin(begin)), float(np.nanmax(end))
    trace_first, trace_last = float(trace.time_s[0]), float(trace.time_s[-1])
    if offset_from == "clock":
        assert trace.started_at is not None
        zero = trace.started_at
        spectra = _range(zero, first - offset_s, last - offset_s)
        ranges = f"the spectra run from {spectra}, the trace from {_range(zero, trace_first, trace_last)}"
        shifted = f", with a clock offset of {offset_s:g} s" if offset_s else ""
        remedy = (
            "check the dates and time zones, or give offset_s (--offset); if a clock cannot be trusted, use "
            "offset_from='trace_start' (--offset-from trace-start)"
        )
    else:
        ranges = (
            f"the spectra run from {first - trace_first:.3f} s to {last - trace_first:.3f} s after the trace's first "
            f"row, the trace to {trace_last - trace_first:.3f} s"
        )
        shifted, remedy = f", with an offset of {offset_s:g} s", "check offset_s (--offset)"
    where = "they lie in its gaps" if in_gap.any() else "no exposure lies wholly inside the trace"
    return f"{ranges}{shifted}: {where}; {remedy}"


def _range(zero: datetime, first: float, last: float) -> str:
    return " to ".join(_stamp(zero + timedelta(seconds=s)) for s in (first, last))


# -- values -----------------------------------------------------------------------------------------------------------


def _values(
    trace: Trace, begin: NDArray[np.float64], end: NDArray[np.float64], covered: NDArray[np.bool_]
) -> dict[str, NDArray[Any]]:
    middle = begin + (end - begin) / 2
    potential = _potential_record(trace)
    current = _current_record(trace)
    nothing = np.full(begin.size, np.nan)
    values: dict[str, NDArray[Any]] = {
        "potential_v": nothing if potential is None else potential.mean(begin, end),
        "potential_spread_v": nothing if potential is None else potential.spread(begin, end),
        "current_ma": nothing if current is None else current.mean(begin, end),
        "charge_mah": _charge_at(trace, middle),
    }
    values = {name: np.where(covered, column, np.nan) for name, column in values.items()}
    segments = find_segments(trace)
    row = np.clip(np.searchsorted(trace.time_s, np.where(covered, middle, trace.time_s[0]), "left"), 0, len(trace) - 1)
    for name, labels, unknown in (
        ("cycle", segments.cycle, -1),
        ("half_cycle", segments.half_cycle, -1),
        ("step", segments.step, -1),
        ("sweep", segments.sweep, 0),
    ):
        values[name] = np.where(covered, labels[row], unknown).astype(np.int64)
    return values


def _potential_record(trace: Trace) -> PiecewiseLinear | None:
    """Return the course of the potential: straight between the rows that have one."""
    good = np.flatnonzero(np.isfinite(trace.potential_v))
    if good.size < 2:
        return None
    part = trace.columns.get("part", np.zeros(len(trace)))
    # Rows left out, like a change of part, end a stretch; the gap is judged by the same rule.
    breaks = (np.diff(good) > 1) | (part[good[1:]] != part[good[:-1]])
    stretch = np.concatenate([[0], np.cumsum(breaks)])
    time, value = trace.time_s[good], trace.potential_v[good]
    return PiecewiseLinear(time, value[:-1], value[1:], gaps_between_parts(time, stretch))


def _current_record(trace: Trace) -> PiecewiseLinear | None:
    """Return the course of the current by its kind; if only a charge was recorded, the current that passes it."""
    if len(trace) < 2:
        return None
    if trace.current_ma is None:
        if trace.charge_mah is None:
            return None
        width = np.diff(trace.time_s)
        mean = 3600.0 * np.diff(trace.charge_mah) / np.where(width > 0, width, np.nan)
        left = right = np.where(width > 0, mean, 0.0)
    elif trace.current_kind == "interval_mean":
        left = right = trace.current_ma[1:]
    else:
        left, right = trace.current_ma[:-1], trace.current_ma[1:]
    return PiecewiseLinear(trace.time_s, left, right, trace.gaps)


def _charge_at(trace: Trace, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the charge at given times, by the quadrature that the kind of current calls for.

    Between rows the charge of an interval mean is straight; that of an instantaneous current is a parabola through the
    two rows, even where the instrument's own charge is used for the rows.
    """
    charge = trace.charge
    if charge is None or len(trace) < 2:
        return np.full(at.size, np.nan)
    record = PiecewiseLinear(trace.time_s, charge[:-1], charge[1:], trace.gaps)
    value = record.at(at)
    if trace.current_ma is None or trace.current_kind == "interval_mean":
        return value
    k, after, width = record.place(at)
    slope = np.where(width > 0, np.diff(trace.current_ma)[k] / np.where(width > 0, width, 1.0), 0.0)
    bend = 0.5 * slope * after * (after - width) / 3600.0
    return value + np.where(np.isfinite(bend), bend, 0.0)


# -- words ------------------------------------------------------------------------------------------------------------


def _cell(dataset: OperandoDataset, trace: Trace) -> Cell:
    return replace(dataset.metadata.cell, reference_electrode=trace.reference)


def _notes(
    dataset: OperandoDataset,
    trace: Trace,
    potential: NDArray[np.float64],
    covered: NDArray[np.bool_],
    undated: NDArray[np.bool_],
    in_gap: NDArray[np.bool_],
) -> list[str]:
    n = dataset.n_spectra
    beyond = int((~covered & ~undated & ~in_gap).sum())
    without = int((covered & ~np.isfinite(potential)).sum())
    notes = []
    if beyond:
        notes.append(f"{beyond} of {n} spectra are not wholly inside the trace; they have no potential and are flagged")
    if in_gap.any():
        notes.append(
            f"{int(in_gap.sum())} of {n} spectra fall into a gap of the trace (longer than {GAP_FACTOR:g} sampling "
            "intervals); they have no potential and are flagged"
        )
    if undated.any():
        notes.append(f"{int(undated.sum())} of {n} spectra have no time and so no potential")
    if without:
        notes.append(f"{without} of {n} spectra fall where the trace recorded no potential")
    old = dataset.metadata.cell.reference_electrode
    if old and old != trace.reference:
        notes.append(f"the spectra named the reference electrode {old!r}; the trace's, {trace.reference!r}, is used")
    return notes
