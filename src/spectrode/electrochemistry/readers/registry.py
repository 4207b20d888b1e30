"""Chooses the reader of a potentiostat file by its content; joins the files of one sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..._registry import discover
from ...errors import ClockError, SpectrodeError, UnknownFormat, UnreadableFile
from ...history import file_sha256
from ...metadata import SourceFile
from ...pipeline.parameters import Parameter, checked_parameters, parameters_of
from ...readers.registry import DAMAGE, read_head
from ..trace import Trace

__all__ = ["TraceReader", "join_traces", "read_trace", "read_traces", "trace_reader_for", "trace_readers"]


@dataclass(frozen=True)
class TraceReader:
    """One potentiostat format; ``load(path, *, options) -> Trace``, ``sniff(path, head) -> bool``."""

    name: str
    description: str
    extensions: tuple[str, ...]
    sniff: Callable[[Path, bytes], bool]
    load: Callable[..., Trace]

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
    except DAMAGE as error:
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


def join_traces(traces: Sequence[Trace]) -> Trace:
    """Put traces on one time scale, ordered by their first row; the column ``part`` keeps their gaps.

    Raises
    ------
    ClockError
        If they have no common time scale (a start is missing), or they overlap in time.
    """
    if len(traces) == 1:
        return traces[0]
    key = "started_at" if all(t.started_at for t in traces) else "local_start"
    starts = [getattr(t, key) for t in traces]
    if any(s is None for s in starts):
        raise ClockError(
            f"{sum(s is None for s in starts)} of {len(traces)} potentiostat files have no absolute start, so they "
            "cannot be put in one sequence; give them one at a time, or add the start to the files that lack it"
        )
    filled = [t for t in traces if len(t)] or [traces[0]]
    zero = min(getattr(t, key) for t in filled)
    moved = [(t, t.time_s + (getattr(t, key) - zero).total_seconds()) for t in filled]
    moved.sort(key=lambda pair: float(pair[1][0]) if pair[1].size else 0.0)
    for (_, before), (after_trace, after) in pairwise(moved):
        if before.size and after.size and after[0] < before[-1]:
            name = after_trace.sources[0].path if after_trace.sources else "the later trace"
            raise ClockError(
                f"potentiostat files overlap in time: {name} starts {before[-1] - after[0]:.1f} s before the one "
                "before it ends; give files of one channel only"
            )
    return _concatenated([t for t, _ in moved], [time for _, time in moved], key, zero)


def _concatenated(traces: list[Trace], times: list[Any], key: str, zero: Any) -> Trace:
    first = traces[0]
    names = {t.reference for t in traces}
    if len(names) > 1:
        raise ClockError(f"the potentiostat files name different reference electrodes: {sorted(map(str, names))}")
    kinds = {t.current_kind for t in traces if t.current_ma is not None}
    charges = [t.charge for t in traces]
    lengths = [len(t) for t in traces]
    total = 0.0
    joined_charge = []
    for charge, n in zip(charges, lengths, strict=True):
        part = np.full(n, total) if charge is None else charge - (charge[0] if n else 0.0) + total
        joined_charge.append(part)
        total = float(part[-1]) if n else total
    integer = [c for c in ("cycle", "half_cycle", "step") if any(c in t.columns for t in traces)]
    columns = {c: np.concatenate([t.columns.get(c, np.full(len(t), -1)) for t in traces]) for c in integer}
    columns["part"] = np.concatenate([np.full(n, k) for k, n in enumerate(lengths)])
    has_current = any(t.current_ma is not None for t in traces)
    return first.replace(
        time_s=np.concatenate(times),
        potential_v=np.concatenate([t.potential_v for t in traces]),
        current_ma=np.concatenate(
            [t.current_ma if t.current_ma is not None else np.full(len(t), np.nan) for t in traces]
        )
        if has_current
        else None,
        current_kind=kinds.pop() if len(kinds) == 1 else "instantaneous",
        charge_mah=np.concatenate(joined_charge) if any(c is not None for c in charges) else None,
        columns=columns,
        technique=" → ".join(dict.fromkeys(t.technique for t in traces if t.technique)) or None,
        warnings=tuple(dict.fromkeys(w for t in traces for w in t.warnings)),
        sources=tuple(s for t in traces for s in t.sources),
        started_at=zero if key == "started_at" else None,
        local_start=zero if key == "local_start" else None,
        vendor={str(k): t.vendor for k, t in enumerate(traces)},
    )
