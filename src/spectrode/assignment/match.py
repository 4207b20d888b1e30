"""Explain the peaks of a component spectrum by as few library entries as possible, and say so when none does.

How much more likely the peaks are with an entry than without it is computed in :mod:`.evidence`, the subset of entries
that together explain them is searched for in :mod:`.explain`, what is then said of each in :mod:`.verdicts`. How often
such statements are false is measured against decoys and against simulated truth in :mod:`.calibrate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InvalidDataset, LibraryError
from ..library.collection import Library
from .answers import UNASSIGNED, Assignment, BandMatch, PeakRow, Status
from .blend import MOST_BLEND_EVIDENCE, blend_of
from .calibration import load_calibration, uncalibrated_reason
from .evidence import Observed, Pairs, observed_of, pairs_of
from .explain import Explanation, explain
from .peaks import Peak, find_peaks, noise_level
from .references import References, references_of
from .rows import assignment_of, peak_rows_of, unassigned_row
from .settings import AssignmentSettings
from .verdicts import Verdict, verdicts_of

__all__ = [
    "UNASSIGNED",
    "Answer",
    "Assignment",
    "BandMatch",
    "Status",
    "answer_peaks",
    "answer_spectrum",
    "answers_of",
    "assign_components",
    "assign_peaks",
    "checked_input",
    "least_evidence",
    "peak_table",
]

Floats = NDArray[np.float64]

_UNDECIDED = 6.0  # nats above the least asked for, beyond which no blend changes the answer


@dataclass(frozen=True, eq=False)
class Answer:
    """Everything about one component: for tables, detection limits and calibration."""

    references: References
    observed: Observed
    pairs: Pairs
    explanation: Explanation
    verdicts: tuple[Verdict, ...]


def assign_components(
    shift: ArrayLike,
    spectra: ArrayLike,
    library: Library,
    *,
    settings: AssignmentSettings | None = None,
    noise: ArrayLike | None = None,
) -> list[Assignment]:
    """Assign each component spectrum against the library.

    Parameters
    ----------
    shift : (channels,) array
        Raman shift in cm-1, strictly increasing.
    spectra : (components, channels) array
        Pure-component spectra, baseline removed as far as possible; any scale.
    library : Library
        Reference entries. Entries without Raman bands are passed over.
    settings : AssignmentSettings, optional
        See there.
    noise : (components,) array, optional
        Standard deviation of the noise of each spectrum in its own units; estimated from the spectrum if not given.

    Returns
    -------
    list of Assignment
        Ordered by component, then by score. A component that no entry explains gives exactly one row, "unassigned".

    Raises
    ------
    InvalidDataset
        If the shapes do not fit each other.
    LibraryError
        If the settings name an unknown group or id, or nothing is left to compare with.
    """
    settings = AssignmentSettings() if settings is None else settings
    return assignments_of(answers_of(shift, spectra, library, settings=settings, noise=noise), library, settings)


def assignments_of(answers: Sequence[Answer], library: Library, settings: AssignmentSettings) -> list[Assignment]:
    """Return what :func:`assign_components` does, of answers that are there already."""
    rows = [row for component, answer in enumerate(answers) for row in _rows(component, answer, library)]
    return _with_q(rows, library, settings)


def peak_table(
    shift: ArrayLike,
    spectra: ArrayLike,
    library: Library,
    *,
    settings: AssignmentSettings | None = None,
    noise: ArrayLike | None = None,
) -> list[PeakRow]:
    """Return every peak of each component: matched, missing though expected above the noise, or unexplained.

    Parameters and errors are those of :func:`assign_components`.
    """
    settings = AssignmentSettings() if settings is None else settings
    return peaks_of(answers_of(shift, spectra, library, settings=settings, noise=noise))


def peaks_of(answers: Sequence[Answer]) -> list[PeakRow]:
    """Return what :func:`peak_table` does, of answers that are there already."""
    return [
        row
        for component, a in enumerate(answers)
        for row in peak_rows_of(component, a.references, a.observed, list(a.verdicts))
    ]


def answers_of(
    shift: ArrayLike,
    spectra: ArrayLike,
    library: Library,
    *,
    settings: AssignmentSettings,
    noise: ArrayLike | None = None,
) -> list[Answer]:
    """Return all that is found in each component; parameters and errors are those of :func:`assign_components`."""
    x, y, levels = checked_input(shift, spectra, noise)
    if not len(y):
        return []
    references = _references(library, settings, float(x[0]), float(x[-1]))
    return [
        answer_spectrum(x, spectrum, references, settings=settings, noise=level)
        for spectrum, level in zip(y, levels, strict=True)
    ]


def assign_peaks(
    peaks: Sequence[Peak],
    range_cm1: tuple[float, float],
    library: Library,
    *,
    settings: AssignmentSettings | None = None,
    noise: float = 0.0,
    step_cm1: float = 1.0,
    component: int = 0,
) -> list[Assignment]:
    """Assign one peak list; see :func:`assign_components`.

    Parameters
    ----------
    peaks : sequence of Peak
        The peaks of one spectrum.
    range_cm1 : (low, high)
        Range that was measured; only reference bands inside can be missed.
    library : Library
        Reference entries.
    settings : AssignmentSettings, optional
        See there.
    noise : float
        Standard deviation of the noise per channel, in the units of the heights; larger demands fewer bands.
    step_cm1 : float
        Mean distance of channels.
    component : int
        Number written into the rows.
    """
    settings = AssignmentSettings() if settings is None else settings
    references = _references(library, settings, *range_cm1)
    answer = answer_peaks(peaks, references, settings=settings, noise=noise, step_cm1=step_cm1)
    return _with_q(_rows(component, answer, library), library, settings)


def answer_spectrum(
    shift: Floats, spectrum: Floats, references: References, *, settings: AssignmentSettings, noise: float | None = None
) -> Answer:
    """Return all that is found in one spectrum (channels,)."""
    level = noise_level(np.nan_to_num(spectrum)) if noise is None else noise
    peaks = find_peaks(
        shift,
        spectrum,
        noise=level,
        min_snr=settings.min_snr,
        min_relative_height=settings.min_relative_height,
        broad_cm1=settings.broad_cm1,
    )
    step = float(shift[-1] - shift[0]) / (shift.size - 1)
    answer = answer_peaks(peaks, references, settings=settings, noise=level, step_cm1=step)
    return _with_blends(shift, spectrum, answer)


def answer_peaks(
    peaks: Sequence[Peak], references: References, *, settings: AssignmentSettings, noise: float, step_cm1: float
) -> Answer:
    """Return all that is found in one peak list."""
    observed = observed_of(tuple(peaks), references.low, references.high, step_cm1, noise, settings)
    pairs = pairs_of(references, observed)
    least = least_evidence(settings)
    explanation = explain(references, observed, least, pairs)
    verdicts = verdicts_of(references, observed, pairs, explanation, least)
    return Answer(references, observed, pairs, explanation, tuple(verdicts))


def _with_blends(shift: Floats, spectrum: Floats, answer: Answer) -> Answer:
    """Ask the spectrum itself about bands that lie under the peaks of others, where that can change the answer."""
    references, observed = answer.references, answer.observed
    least = least_evidence(observed.settings)
    members = list(answer.explanation.members)
    for i, member in enumerate(members):
        if member.evidence < least + _UNDECIDED:
            blend = blend_of(shift, spectrum, references, observed, members[:i] + members[i + 1 :], member)
            if blend.evidence:
                members[i] = replace(member, evidence=member.evidence + blend.evidence)
    entries = {m.entry for m in members}
    joined = members
    for member in (v.member for v in answer.verdicts if v.member.entry not in entries):
        if member.evidence < least - MOST_BLEND_EVIDENCE or member.agreement < observed.settings.min_score:
            continue
        blend = blend_of(shift, spectrum, references, observed, joined, member)
        slots = {int(references.band_slot[b]) for p, b in member.pairs if member.new[p]} | set(blend.slots)
        if member.evidence + blend.evidence >= least and len(slots) >= max(observed.settings.min_bands, 2):
            joined = [*joined, replace(member, evidence=member.evidence + blend.evidence, new_slots=len(slots))]
    if joined == list(answer.explanation.members):
        return answer
    taken = answer.explanation.taken.copy()
    for member in joined:
        taken |= member.explained
    explanation = replace(answer.explanation, members=tuple(joined), taken=taken)
    verdicts = verdicts_of(references, observed, answer.pairs, explanation, least)
    return replace(answer, explanation=explanation, verdicts=tuple(verdicts))


def _with_q(rows: list[Assignment], library: Library, settings: AssignmentSettings) -> list[Assignment]:
    """Return the rows with their q-values, or with the reason why there is none."""
    reason, calibration = uncalibrated_reason(library, settings), load_calibration()
    out = []
    for row in rows:
        if row.log_evidence is None:
            out.append(row)
        elif reason or calibration is None:
            out.append(replace(row, note="; ".join(filter(None, (row.note, reason)))))
        else:
            q = calibration.q_of(row.log_evidence)
            doubtful = row.status in ("assigned", "ambiguous") and (q is None or q > settings.max_q)
            out.append(replace(row, q_value=q, status="candidate" if doubtful else row.status))
    out.sort(key=lambda r: (r.component, r.status == "candidate"))
    return out


def least_evidence(settings: AssignmentSettings) -> float:
    """Return the least log odds of an assigned species."""
    return float(np.log((1.0 - settings.chance) / settings.chance))


def _rows(component: int, answer: Answer, library: Library) -> list[Assignment]:
    observed = answer.observed
    named = np.zeros(len(observed.peaks), bool)
    for verdict in answer.verdicts:
        named |= verdict.member.explained
    unexplained = tuple(round(p.position_cm1, 1) for p, t in zip(observed.peaks, named, strict=True) if not t)
    rows = [
        assignment_of(component, answer.references, observed, verdict, unexplained, library)
        for verdict in answer.verdicts
    ]
    rows.sort(key=lambda row: (row.status == "candidate", -(row.log_evidence or 0.0)))
    return rows or [unassigned_row(component, answer.references, observed, unexplained)]


def _references(library: Library, settings: AssignmentSettings, low: float, high: float) -> References:
    chosen = library.filter("raman", settings.groups, settings.ids)
    if not len(chosen):
        raise LibraryError("assignment: no entry of the library that was chosen has a Raman band to compare with")
    return references_of(chosen, low, high)


def checked_input(
    shift: ArrayLike, spectra: ArrayLike, noise: ArrayLike | None
) -> tuple[Floats, Floats, list[float | None]]:
    """Return the axis, the spectra (components, channels) and the noise of each, or say what does not fit."""
    x, y = np.asarray(shift, dtype=np.float64), np.atleast_2d(np.asarray(spectra, dtype=np.float64))
    if x.ndim != 1 or y.ndim != 2 or y.shape[1] != x.size:
        raise InvalidDataset(f"assignment: spectra of shape {y.shape} do not fit an axis of {x.size} channels")
    if x.size < 2 or not np.all(np.diff(x) > 0):
        raise InvalidDataset("assignment: the axis must have at least two channels and be strictly increasing")
    if noise is None:
        return x, y, [None] * len(y)
    given = np.asarray(noise, dtype=np.float64)
    if given.shape != (len(y),):
        raise InvalidDataset(f"assignment: noise of shape {given.shape} was given for {len(y)} spectra")
    return x, y, [float(v) for v in given]
