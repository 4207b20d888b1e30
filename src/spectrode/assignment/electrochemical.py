"""Line of evidence B: whether a component behaves, electrochemically, as the compound that its spectrum was named.

Three statements about each component, from its concentration alone: at which potentials it appears and vanishes in each
sweep, what its course follows, and whether it appears where the library's sources see the named compound appear. They
stand beside the spectral evidence and are never multiplied into it: what is alike in both would be counted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..dataset import OperandoDataset
from ..electrochemistry.reference import convert_potential, find_reference
from ..errors import SpectrodeError
from ..library import Library
from ..library.entry import Appearance
from .course import course_of, legs_of
from .drivers import Follows, what_it_follows
from .onset import SweepPoint, sweep_points

__all__ = ["ElectrochemicalEvidence", "WindowCheck", "check_window", "electrochemical_evidence"]

WindowStatus = Literal["inside", "outside", "window unknown", "potential unknown"]


@dataclass(frozen=True)
class WindowCheck:
    """One candidate compound against where a component appears."""

    entry_id: str
    status: WindowStatus
    distance_v: float
    """How far the onset lies from the window: 0 inside, NaN where unknown."""
    window: Appearance | None
    """The window that was compared (the nearest, of several); None without any."""
    onset: SweepPoint | None
    """The onset that was compared, at the dataset's own reference electrode."""
    words: str


@dataclass(frozen=True)
class ElectrochemicalEvidence:
    """What potential, charge and time say about one component."""

    name: str
    points: tuple[SweepPoint, ...]
    """Onset and offset of each sweep, in time order; empty without a potential that is swept."""
    follows: Follows
    windows: tuple[WindowCheck, ...]
    """One for each candidate compound."""
    words: tuple[str, ...]
    """Sentences for a report: appearance, what it follows, one for each candidate."""


def electrochemical_evidence(
    dataset: OperandoDataset,
    concentrations: ArrayLike,
    names: Sequence[str],
    library: Library,
    *,
    candidates: Sequence[Sequence[str]] = (),
    draws: int = 200,
    seed: int = 0,
) -> tuple[ElectrochemicalEvidence, ...]:
    """Return the electrochemical evidence on every component.

    Parameters
    ----------
    dataset
        Its columns give time, potential (versus ``metadata.cell.reference_electrode``), charge, dose, cycle and frame;
        each may be missing.
    concentrations
        (spectra, components).
    names
        (components,) as in the report.
    candidates
        (components,) ids of library entries that each component may be; none for all if empty.
    draws
        Bootstrap samples of each onset; more are smoother and slower.
    seed
        Of the bootstrap.

    Raises
    ------
    SpectrodeError
        If lengths differ, or the library does not hold a candidate.
    """
    course = course_of(dataset, concentrations)
    k = course.values.shape[1]
    ids = [tuple(c) for c in candidates] if candidates else [()] * k
    if len(names) != k or len(ids) != k:
        raise SpectrodeError(
            f"there are {k} components, but {len(names)} names and candidates for {len(ids)} were given"
        )
    legs = legs_of(course)
    reference = dataset.metadata.cell.reference_electrode
    out = []
    for j, name in enumerate(names):
        points = tuple(p for leg in legs for p in sweep_points(course, leg, j, draws=draws, seed=seed))
        follows = what_it_follows(course, j)
        windows = tuple(check_window(entry_id, library.get(entry_id).appears, points, reference) for entry_id in ids[j])
        words = (_appearance_words(name, points, reference), _follows_words(name, follows), *(w.words for w in windows))
        out.append(ElectrochemicalEvidence(name, points, follows, windows, words))
    return tuple(out)


def check_window(
    entry_id: str, appears: Sequence[Appearance], points: Sequence[SweepPoint], reference: str | None
) -> WindowCheck:
    """Compare the first identified onset with the windows in which a compound is known to appear.

    The onset counts as inside while its interval reaches into a window; otherwise the distance from its best value to
    the nearest bound is told. Only sweeps in the direction of a window are compared.

    Parameters
    ----------
    appears
        The entry's windows.
    points
        As from `sweep_points`, in time order.
    reference
        Reference electrode of the points.
    """
    if not appears:
        return _unknown(entry_id, "window unknown", f"the library knows no source for the potential of {entry_id}")
    onsets = [p for p in points if p.kind == "onset" and p.identifiable]
    if not onsets:
        why = _reasons(points) or "there is no sweep of the potential"
        return _unknown(entry_id, "potential unknown", f"where it appears is not known ({why})", appears[0])
    checks = []
    for window in appears:
        fitting = [p for p in onsets if window.direction in ("any", "oxidation" if p.direction > 0 else "reduction")]
        if fitting:
            checks.append(_compared(entry_id, window, fitting[0], reference))
    if not checks:
        told = " and ".join(dict.fromkeys(w.direction for w in appears))
        seen = "oxidation" if onsets[0].direction > 0 else "reduction"
        return _unknown(
            entry_id, "window unknown", f"it appears on {seen}, and {entry_id} has a source for {told} only", appears[0]
        )
    return min(checks, key=lambda c: (np.isnan(c.distance_v), c.distance_v))


def _compared(entry_id: str, window: Appearance, onset: SweepPoint, reference: str | None) -> WindowCheck:
    try:
        if not reference:
            raise SpectrodeError("the dataset names no reference electrode")
        source, target = find_reference(reference), find_reference(window.reference)
        best, low, high = convert_potential([onset.potential_v, *onset.interval_v], source, target)
    except SpectrodeError as error:
        return _unknown(entry_id, "potential unknown", f"its potential cannot be compared: {error}", window)
    lower = -np.inf if window.from_v is None else window.from_v
    upper = np.inf if window.to_v is None else window.to_v
    inside = bool(high >= lower and low <= upper)
    distance = 0.0 if inside else float(max(lower - best, best - upper))
    doubt = ""
    if source.in_organic_solvent != target.in_organic_solvent:
        doubt = f"; {source.name} was converted to {target.name} by convention only"
    where = f"{best:.2f} V ({low:.2f} to {high:.2f} V) versus {target.name}"
    verdict = "inside" if inside else f"outside by {distance:.2g} V of"
    words = (
        f"It appears at {where}, {verdict} the window of {entry_id} ({_window_words(window)}; "
        f"{window.standing}, {window.evidence}: {window.source}){doubt}."
    )
    return WindowCheck(entry_id, "inside" if inside else "outside", distance, window, onset, words)


def _unknown(entry_id: str, status: WindowStatus, why: str, window: Appearance | None = None) -> WindowCheck:
    return WindowCheck(entry_id, status, np.nan, window, None, f"{entry_id}: {status}: {why}.")


def _window_words(window: Appearance) -> str:
    if window.from_v is None:
        bounds = f"at or below {window.to_v:g} V"
    elif window.to_v is None:
        bounds = f"at or above {window.from_v:g} V"
    else:
        bounds = f"{window.from_v:g} to {window.to_v:g} V"
    way = "" if window.direction == "any" else f" on {window.direction}"
    return f"{bounds} versus {window.reference}{way}"


# ---- sentences ------------------------------------------------------------------------------------------------------


def _reasons(points: Sequence[SweepPoint]) -> str:
    return "; ".join(dict.fromkeys(p.reason for p in points if p.kind == "onset" and p.reason))


def _appearance_words(name: str, points: Sequence[SweepPoint], reference: str | None) -> str:
    if not points:
        return f"{name}: no onset, because no potential is known that is swept."
    known = [p for p in points if p.identifiable]
    if not known:
        return f"{name}: no onset can be identified: {_reasons(points)}."
    parts = [
        f"{'appears' if p.kind == 'onset' else 'has vanished or settled'} at {p.potential_v:.2f} V "
        f"({p.interval_v[0]:.2f} to {p.interval_v[1]:.2f} V) on the {'rising' if p.direction > 0 else 'falling'} "
        f"sweep of cycle {p.cycle}"
        for p in known
    ]
    ways = {p.direction for p in points}
    only = "; only one direction was swept, so that a reversal cannot be judged" if len(ways) == 1 else ""
    return f"{name}: {', '.join(parts)} (95 %, versus {reference}){only}."


def _follows_words(name: str, follows: Follows) -> str:
    if follows.verdict == "constant":
        return f"{name}: constant: {follows.reason}."
    if follows.verdict == "confounded":
        left = f"; {_listed(follows.excluded)} alone predicts it worse" if follows.excluded else ""
        return f"{name}: confounded: this design cannot tell what it follows: {follows.reason}{left}."
    beside = f", beside a steady change with {_listed(follows.also)}" if follows.also else ""
    against = f"; {_listed(follows.excluded)} alone predicts it worse" if follows.excluded else ""
    subject = "time or dose only" if follows.verdict == "time or dose only" else f"the {follows.verdict}"
    return f"{name}: follows {subject} ({follows.law}){beside}{against}."


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names)
