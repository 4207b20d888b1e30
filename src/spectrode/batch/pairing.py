"""Finds the trace of each map by the time in which both were recorded, and asks where that does not decide.

Rules, for a map whose files say when it was recorded:

- it meets one trace in time: that is its trace;
- it meets several: asked. If they follow one another without overlap, the proposal is to join them as one sequence;
- it meets none, or lies partly outside its trace, but a clock that is one hour wrong (daylight saving, a wrong zone)
  would put it wholly inside one: asked;
- it meets none, and some traces do not say when they were recorded, or not in which zone: asked;
- else it has no trace, and the reason says where the nearest lies.

Maps that do not say when they were recorded are asked about if there is any trace. Nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from ..errors import SpectrodeError
from .plan import Candidate, Experiment, Plan, Question, folder_names
from .sources import Sources, find_sources
from .spans import Span, map_span, trace_span

__all__ = ["DatedTrace", "pair", "pair_spans"]

_HOUR = 3600.0
# A map may begin a little before its trace; more than this share or time outside is worth a question.
_SHARE_OUTSIDE, _SECONDS_OUTSIDE = 0.05, 600.0
# A clock that is an hour wrong may besides be wrong by seconds.
_SLACK = 0.001


@dataclass(frozen=True)
class DatedTrace:
    """A trace and when it was recorded."""

    path: str
    span: Span


@dataclass(frozen=True)
class Match:
    """What the times say about one map: its trace, or a question, or why it has none."""

    traces: tuple[str, ...] = ()
    question: tuple[str, tuple[Candidate, ...], int | None] | None = None
    reason: str = ""


def pair(
    maps: Sequence[str | Path] | str | Path,
    traces: Sequence[str | Path] | str | Path = (),
    *,
    offset_s: float | None = None,
    offset_from: Literal["clock", "trace_start"] | None = None,
    timezone: str | None = None,
    reference: str | None = None,
    laser_nm: float | None = None,
    spectra_options: Mapping[str, Any] | None = None,
    trace_options: Mapping[str, Any] | None = None,
) -> Plan:
    """Find out which trace belongs to which map; nothing is analysed yet.

    Parameters
    ----------
    maps
        Files, globs, folders. A folder is one experiment whose files are repeated maps; a folder of folders is an
        experiment for each.
    traces
        Files, globs, folders of potentiostat files. Several maps may share one trace.
    offset_s, offset_from, timezone, reference, laser_nm, spectra_options, trace_options
        For all experiments, as in :func:`spectrode.analysis.analyse`. An ``offset_s`` counted from the clock moves
        the maps before they are compared with the traces.

    Returns
    -------
    Plan
        Experiments in the order of the maps, and a question for each pair that times alone do not decide.

    Raises
    ------
    SpectrodeError
        If a name matches nothing, or there is no map.
    """
    found = find_sources(_listed(maps), _listed(traces))
    if not found.maps:
        raise SpectrodeError("no file of spectra was found; give files, globs or folders of maps")
    dated, notes = _dated_traces(found, timezone, reference, trace_options or {})
    experiments, questions = [], []
    for name, files in zip(_names(found), found.maps, strict=True):
        one = Experiment(
            name=name, spectra=tuple(map(str, files)), offset_s=offset_s, offset_from=offset_from, timezone=timezone,
            reference=reference, laser_nm=laser_nm, spectra_options=dict(spectra_options or {}),
            trace_options=dict(trace_options or {}),
        )  # fmt: skip
        try:
            span = map_span(files, timezone, spectra_options or {})
        except SpectrodeError as error:
            # It is not run: whatever is wrong with it would only be found again.
            experiments.append(one.replace(unreadable=True, reason=str(error)))
            continue
        if offset_from == "trace_start":
            match = _without_clocks(one, dated)
        else:
            match = pair_spans(span.shifted(offset_s or 0.0), dated)
        experiments.append(one.replace(traces=match.traces, reason=match.reason))
        if match.question is not None:
            questions.append(Question(name, *match.question))
    used = {t for e in experiments for t in e.traces} | {t for q in questions for c in q.candidates for t in c.traces}
    notes += [f"{t.path} belongs to no map ({t.span.words()})" for t in dated if t.path not in used]
    return Plan(tuple(experiments), tuple(questions), (*found.notes, *notes))


def pair_spans(span: Span, traces: Sequence[DatedTrace]) -> Match:
    """Decide for one map by times alone; see the rules at the head of this module."""
    if not traces:
        return Match(reason="no trace was given")
    if not span.absolute:
        return _undated_map(span, traces)
    dated = [t for t in traces if t.span.absolute]
    met = [t for t in dated if span.meets(t.span)]
    if len(met) > 1:
        return _several(span, met)
    hours = _hour_off(span, dated)
    if met:
        outside = span.uncovered_by(met[0].span)
        if hours and (outside > _SHARE_OUTSIDE * span.seconds or outside > _SECONDS_OUTSIDE):
            as_is = Candidate(_partly(span, met[0]), (met[0].path,))
            text = f"it is partly outside {_short(met[0])}; a clock that is one hour wrong would explain it"
            return Match(question=(text, (as_is, *hours, _none()), None))
        return Match(traces=(met[0].path,))
    undated = [c for t in traces if not t.span.absolute and (c := _unplaced(span, t)) is not None]
    if hours or undated:
        why = []
        if hours:
            why.append("with a clock that is one hour wrong it would lie inside one")
        if undated:
            zones = all("timezone" in c.needs for c in undated)
            lacking = "do not state their time zone" if zones else "cannot be placed in time"
            why.append(f"files that may be its trace {lacking}")
        text = f"no trace was recorded at its time ({span.words()}), but {' and '.join(why)}"
        proposed = 0 if len(hours) == 1 and not undated else None
        return Match(question=(text, (*hours, *undated, _none()), proposed))
    return Match(reason=_nearest(span, dated))


def _several(span: Span, met: Sequence[DatedTrace]) -> Match:
    ordered = sorted(met, key=lambda t: (t.span.begin, t.path))
    singles = tuple(Candidate(_partly(span, t), (t.path,)) for t in ordered)
    if any(a.span.meets(b.span) for a, b in combinations(ordered, 2)):
        text = f"{_count(len(met), 'trace')} were recorded at its time ({span.words()})"
        return Match(question=(text, (*singles, _none()), None))
    together = Candidate(
        "all of them, one after the other, as one record: " + ", ".join(map(_short, ordered)),
        tuple(t.path for t in ordered),
    )
    text = f"{_count(len(met), 'trace')} follow one another during its time ({span.words()})"
    return Match(question=(text, (together, *singles, _none()), 0))


def _hour_off(span: Span, dated: Sequence[DatedTrace]) -> tuple[Candidate, ...]:
    """Return the traces that would hold the whole map if a clock were one hour wrong."""
    found = []
    for hours in (-1, 1):
        moved = span.shifted(hours * _HOUR)
        for t in dated:
            if moved.meets(t.span) and moved.uncovered_by(t.span) <= _SLACK * span.seconds:
                words = f"{_short(t)}, if the spectrometer's clock is one hour {'ahead' if hours < 0 else 'behind'}"
                found.append(Candidate(words, (t.path,), {"offset_s": hours * _HOUR, "offset_from": "clock"}))
    return tuple(found)


def _unplaced(span: Span, trace: DatedTrace) -> Candidate | None:
    """Return the candidate for a trace without an absolute start: None if no zone fits.

    It needs its zone, or an offset.
    """
    if trace.span.begin is None:
        return Candidate(
            f"{_short(trace)}, which does not say when it began",
            (trace.path,),
            {"offset_from": "trace_start"},
            ("offset_s",),
        )
    zones = _zones(span, lambda hours: (span, trace.span.in_utc_offset(hours)))
    if not zones:
        return None
    words = f"{_short(trace)}, {trace.span.words()}, if its clock shows {zones}"
    return Candidate(words, (trace.path,), {}, ("timezone",))


def _zones(span: Span, placed: Callable[[int], tuple[Span, Span]]) -> str:
    """Return the zones in which map and trace meet; only those that put the whole map inside, if there are any."""
    meeting = {}
    for hours in range(-12, 15):
        own, trace = placed(hours)
        if own.meets(trace):
            meeting[hours] = own.uncovered_by(trace) <= _SLACK * span.seconds
    best = [h for h, whole in meeting.items() if whole] or list(meeting)
    return " or ".join(f"UTC{h:+d}" for h in best)


def _undated_map(span: Span, traces: Sequence[DatedTrace]) -> Match:
    candidates = []
    for t in traces:
        if span.begin is None:
            candidates.append(Candidate(_short(t), (t.path,), {"offset_from": "trace_start"}, ("offset_s",)))
        elif t.span.begin is None:
            candidates += [c for c in [_unplaced(span, t)] if c is not None]
        elif not t.span.absolute:
            if span.meets(t.span):
                candidates.append(Candidate(f"{_short(t)}, by the local times of both", (t.path,), {}, ("timezone",)))
        elif zones := _zones(span, lambda hours, trace=t.span: (span.in_utc_offset(hours), trace)):  # type: ignore[misc]
            words = f"{_short(t)}, {t.span.words()}, if the spectrometer's clock shows {zones}"
            candidates.append(Candidate(words, (t.path,), {}, ("timezone",)))
    if not candidates:
        return Match(reason=f"no trace was recorded at its time ({span.words()}) in any time zone")
    said = "does not say when it was recorded" if span.begin is None else f"was recorded {span.words()}"
    return Match(question=(f"it {said}", (*candidates, _none()), 0 if len(candidates) == 1 else None))


def _without_clocks(one: Experiment, traces: Sequence[DatedTrace]) -> Match:
    """Pair where the user has said that clocks do not count: by name, or the only trace; both are proposals."""
    if not traces:
        return Match(reason="no trace was given")
    own = Path(one.spectra[0])
    alike = [k for k, t in enumerate(traces) if Path(t.path).stem.casefold() == own.stem.casefold()]
    alike = alike or [k for k, t in enumerate(traces) if Path(t.path).parent == own.parent]
    likely = alike[0] if len(alike) == 1 else 0 if len(traces) == 1 else None
    needs = ("offset_s",) if one.offset_s is None else ()
    candidates = tuple(Candidate(_short(t), (t.path,), {}, needs) for t in traces)
    return Match(
        question=("the clocks are not to be used, so that times cannot pair it", (*candidates, _none()), likely)
    )


# -- words ------------------------------------------------------------------------------------------------------------


def _none() -> Candidate:
    return Candidate("none of these")


def _short(trace: DatedTrace) -> str:
    return Path(trace.path).name


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("s" if n != 1 else "")


def _partly(span: Span, trace: DatedTrace) -> str:
    share = 1.0 - span.uncovered_by(trace.span) / span.seconds if span.seconds else 1.0
    return f"{_short(trace)}, {trace.span.words()}, which holds {100 * share:.0f} % of the map"


def _nearest(span: Span, dated: Sequence[DatedTrace]) -> str:
    def apart(t: DatedTrace) -> timedelta:
        (begin, end), (first, last) = span.bounds, t.span.bounds
        return max(first - end, begin - last)

    if not dated:
        return f"no trace was recorded at its time ({span.words()}) in any time zone"
    near = min(dated, key=apart)
    return f"no trace was recorded at its time ({span.words()}); the nearest is {_short(near)} ({near.span.words()})"


# -- files ------------------------------------------------------------------------------------------------------------


def _listed(given: Sequence[str | Path] | str | Path) -> Sequence[str | Path]:
    return [given] if isinstance(given, (str, Path)) else list(given)


def _dated_traces(
    found: Sources, timezone: str | None, reference: str | None, options: Mapping[str, Any]
) -> tuple[list[DatedTrace], list[str]]:
    dated, notes = [], []
    for path in found.traces:
        try:
            dated.append(DatedTrace(str(path), trace_span(path, timezone, reference, options)))
        except SpectrodeError as error:
            notes.append(str(error))
    return dated, notes


def _names(found: Sources) -> list[str]:
    wanted = []
    for files, folder in zip(found.maps, found.folders, strict=True):
        place = (folder or files[0]).resolve()
        short = place.name if folder is not None else place.stem
        wanted.append([short, f"{place.parent.name}-{short}"])
    return folder_names(wanted)
