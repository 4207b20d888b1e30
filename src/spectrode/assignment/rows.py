"""From verdicts to the rows that a report shows: evidence, kind, matched and missing bands, notes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..library.collection import BUNDLED, Library
from ..library.entry import EVIDENCE_ORDER, Band, Entry
from .answers import UNASSIGNED, Assignment, BandMatch, PeakRow
from .evidence import Observed
from .explain import Member
from .references import References
from .verdicts import Verdict, class_of, why_unnamed

__all__ = ["assignment_of", "peak_rows_of", "unassigned_row"]


def assignment_of(
    component: int,
    references: References,
    observed: Observed,
    verdict: Verdict,
    unexplained: tuple[float, ...],
    library: Library,
) -> Assignment:
    """Return the row of one verdict, without what needs calibration."""
    member = verdict.member
    entry = references.entries[member.entry]
    used = _relevant_bands(references, observed, member)
    return Assignment(
        component=component,
        compound_id=entry.id,
        compound=entry.name,
        score=float(np.clip(member.agreement, 0.0, 1.0)),
        q_value=None,
        evidence=_evidence(used),
        kind=_kind(entry, library),
        matched=tuple(
            BandMatch(
                observed_cm1=float(observed.position[p]),
                reference_cm1=references.bands[b].position_cm1,
                uncertainty_cm1=_uncertainty(references, observed, p, b),
                assignment=references.bands[b].assignment,
            )
            for p, b in member.pairs
        ),
        missing_cm1=member.missing,
        unexplained_cm1=unexplained,
        status=verdict.status,
        alternatives=tuple(references.entries[r].id for r in verdict.rivals),
        note=_note(references, entry, used, member, library),
        posterior=verdict.posterior,
        log_evidence=verdict.score,
        indistinguishable=tuple(references.entries[e].id for e in class_of(references, observed, member)),
        amount=_amount(references, member),
    )


def unassigned_row(
    component: int, references: References, observed: Observed, unexplained: tuple[float, ...]
) -> Assignment:
    """Return the one row of a component that no entry explains."""
    broad = [f"{p.position_cm1:.0f} ({p.fwhm_cm1:.0f} wide)" for p in observed.peaks if p.broad]
    note = "no peak stands above the noise" if not observed.peaks else "no library entry explains these peaks"
    if broad:
        note += f"; broad: {', '.join(broad)}"
    if questions := _open_questions(references, observed):
        note += f"; an open question lies here: {', '.join(questions)}"
    return Assignment(
        component=component,
        compound_id=None,
        compound=UNASSIGNED,
        score=0.0,
        q_value=None,
        evidence="",
        kind="",
        matched=(),
        missing_cm1=(),
        unexplained_cm1=unexplained,
        status="unassigned",
        note=note,
    )


def peak_rows_of(component: int, references: References, observed: Observed, verdicts: list[Verdict]) -> list[PeakRow]:
    """Return every peak with all who explain it, what is missing, and what nobody explains; ordered by position."""
    rows: list[PeakRow] = []
    named: set[int] = set()
    limits = observed.limit(observed.fwhm) if observed.peaks else np.zeros(0)
    for verdict in verdicts:
        entry = references.entries[verdict.member.entry]
        for p, b in verdict.member.pairs:
            named.add(p)
            rows.append(
                PeakRow(
                    component, "matched", entry.id, float(observed.position[p]), references.bands[b].position_cm1,
                    _uncertainty(references, observed, p, b), float(observed.height[p]), float(observed.fwhm[p]),
                    observed.peaks[p].snr, float(limits[p]), references.bands[b].assignment,
                )
            )  # fmt: skip
        rows += [_missing_row(component, references, observed, verdict.member, at) for at in verdict.member.missing]
    for p, peak in enumerate(observed.peaks):
        if p not in named:
            rows.append(
                PeakRow(
                    component, "unexplained", None, peak.position_cm1, None, peak.uncertainty_cm1, peak.height,
                    peak.fwhm_cm1, peak.snr, float(limits[p]), "",
                )
            )  # fmt: skip
    return sorted(rows, key=lambda r: (r.position_cm1, r.compound_id or ""))


def _missing_row(
    component: int, references: References, observed: Observed, member: Member, position: float
) -> PeakRow:
    slot = next(
        n for n in references.slots_of_entry(member.entry) if references.slots[n].bands[0].position_cm1 == position
    )
    band = references.slots[slot].bands[0]
    expected = member.seen[int(references.slot_high[slot])] * references.slots[slot].strength
    limit = float(observed.limit(np.array([band.fwhm_cm1 or 13.0]))[0])
    spread = float(np.hypot(band.uncertainty_cm1, observed.settings.axis_uncertainty_cm1))
    snr = expected / observed.noise if observed.noise > 0 else np.inf
    return PeakRow(
        component, "missing", references.entries[member.entry].id, position, position, spread, expected,
        band.fwhm_cm1, snr, limit, band.assignment,
    )  # fmt: skip


def _amount(references: References, member: Member) -> float:
    slots = references.slots_of_entry(member.entry)
    return max(member.seen[int(references.slot_high[n])] * float(references.slot_strength[n]) for n in slots)


def _uncertainty(references: References, observed: Observed, peak: int, band: int) -> float:
    axis = observed.settings.axis_uncertainty_cm1
    return float(np.sqrt(references.uncertainty[band] ** 2 + observed.uncertainty[peak] ** 2 + axis**2))


def _kind(entry: Entry, library: Library) -> str:
    origin = library.origin.get(entry.id, BUNDLED)
    return entry.kind if origin == BUNDLED else f"{entry.kind} ({Path(origin).name})"


def _relevant_bands(references: References, observed: Observed, member: Member) -> list[Band]:
    """Return the bands matched and those of the same mode that the same peak meets as well.

    A contested row at the place of an established one stays visible that way.
    """
    used: list[Band] = []
    for peak, band in member.pairs:
        same = np.flatnonzero(references.band_slot == references.band_slot[band])
        for other in [band, *same]:
            reach = observed.settings.coverage * _uncertainty(references, observed, peak, int(other))
            near = other == band or abs(observed.position[peak] - references.position[other]) <= reach
            if near and not any(references.bands[other] is b for b in used):
                used.append(references.bands[other])
    return used


def _evidence(bands: list[Band]) -> str:
    weakest = max(bands, key=lambda b: EVIDENCE_ORDER.index(b.evidence)).evidence
    seen = sum(b.provenance == "seen" for b in bands)
    return f"{weakest} ({seen} seen, {len(bands) - seen} recalled)"


def _note(references: References, entry: Entry, bands: list[Band], member: Member, library: Library) -> str:
    notes = [reason] if (reason := why_unnamed(references, member)) else []
    if entry.id in library.overridden:
        notes.append(f"this entry stands in place of another of the same id: {library.origin[entry.id]}")
    if member.new_slots < 2 and not references.only_band[member.entry]:
        notes.append("one band is not enough")
    if entry.laser_product:
        notes.append("the laser is known to make this species: check it against dose")
    notes += [f"{b.position_cm1:g} is {b.evidence}: {b.evidence_note}" for b in bands if b.evidence == "contested"]
    return "; ".join(notes)


def _open_questions(references: References, observed: Observed) -> tuple[str, ...]:
    """Return the ids of open questions that are about broad bands like those of this spectrum."""
    if not observed.broad.any():
        return ()
    near = np.abs(observed.position[None, :] - references.position[:, None]) <= references.uncertainty[:, None]
    wide = np.nan_to_num(references.fwhm)[:, None] >= observed.settings.broad_cm1
    meets = np.any(near & wide & observed.broad[None, :], axis=1)
    return tuple(
        e.id
        for n, e in enumerate(references.entries)
        if e.open_question is not None and np.any(meets[references.band_entry == n])
    )
