"""From an explanation to statements: assigned, one of several, candidate."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..library.entry import Entry
from .answers import Status
from .evidence import TYPICAL_FWHM_CM1, Evidence, Observed, Pairs, axis_grid, evidence_of, observed_of, pairs_of
from .explain import Explanation, Member, member_of, others_of, prior_of
from .peaks import Peak
from .references import References

__all__ = ["Verdict", "class_of", "cost_of_strangers", "verdicts_of", "why_never", "why_unnamed"]

Floats = NDArray[np.float64]

_SHARED = 0.8  # of the area explained by one entry, for another to count as an alternative
_MOST_CANDIDATES = 3
_CANDIDATE_SCORE = 0.2
_CANDIDATE_EVIDENCE = 0.5  # nats, without the prior
_CANDIDATE_HEIGHT = 0.1  # of the highest peak: what a lesser one may be is not worth a guess
_STRANGER = 0.15  # of the highest peak: a peak this high that nothing explains betrays a species outside the library
_STRANGER_EVIDENCE = 3.5  # nats more are then asked for, because the stranger may own the shared bands too
_STRANGERS_EVIDENCE = 1.0  # for each further one: a whole spectrum of somebody else shares more (polyamide with PE)
_STRANGERS_MOST = 8.0


@dataclass(frozen=True, eq=False)
class Verdict:
    """One entry, what is said of it, and who else it may be."""

    member: Member
    status: Status
    rivals: tuple[int, ...]
    posterior: float
    score: float
    """The member's evidence, less what a high peak that nobody explains costs: what the q-value is read from."""


def why_unnamed(references: References, member: Member) -> str:
    """Return why an entry that agrees is not named all the same; empty if it is."""
    entry = references.entries[member.entry]
    if entry.open_question is not None:
        return f"open question: {entry.open_question}"
    if all(references.bands[b].basis == "group_frequency" for _, b in member.pairs):
        return "group frequencies only: no measured spectrum of the species stands behind these bands"
    return ""


def why_never(entry: Entry) -> str:
    """Return why an entry is never assigned, whatever the spectrum; empty if it can be."""
    if entry.open_question is not None:
        return "an open question: it is shown, never assigned"
    return "group frequencies only: no measured spectrum stands behind it" if entry.group_frequencies_only else ""


def class_of(references: References, observed: Observed, member: Member) -> tuple[int, ...]:
    """Return the entries that nothing in such a spectrum could tell from this one, itself included; or nothing.

    The spectrum that the entry alone would give at its amount, seen with this noise and range, is put to all entries:
    those that it speaks for about as well are one class.
    """
    slots = [n for n in references.slots_of_entry(member.entry) if references.slot_expected[n]]
    ideal = []
    for n in slots:
        band = references.slots[n].bands[0]
        width = band.fwhm_cm1 or TYPICAL_FWHM_CM1
        height = member.amount[int(references.slot_high[n])] * references.slots[n].strength
        limit = float(observed.limit(np.array([width]))[0])
        if height >= limit:
            broad = width >= observed.settings.broad_cm1
            ideal.append(Peak(band.position_cm1, 0.3, height, width, observed.settings.min_snr * height / limit, broad))
    if not ideal:
        return ()
    alone = observed_of(tuple(ideal), observed.low, observed.high, observed.step, observed.noise, observed.settings)
    pairs = pairs_of(references, alone)
    nothing = np.zeros(len(ideal), bool)
    evidence = evidence_of(references, alone, pairs, nothing, axis_grid(observed.settings)[1])
    own = member_of(references, alone, pairs, evidence, member.entry, nothing)
    gain = evidence.total + prior_of(references, unmeasured=False)
    own = replace(own, evidence=float(gain[member.entry]))
    others = _rivals(references, alone, pairs, evidence, own, nothing, {member.entry})
    return (member.entry, *others) if others else ()


def verdicts_of(
    references: References, observed: Observed, pairs: Pairs, explanation: Explanation, least: float
) -> list[Verdict]:
    """Return what is said of every member of an explanation, and candidates for the peaks that are left."""
    cost = cost_of_strangers(observed, explanation.taken)
    members = list(explanation.members)
    inside = {m.entry for m in members}
    found: list[Verdict] = []
    for i, member in enumerate(members):
        taken, weights = others_of(references, observed, pairs, members, i)
        evidence = evidence_of(references, observed, pairs, taken, weights)
        rivals = _rivals(references, observed, pairs, evidence, member, taken, inside)
        gain = evidence.total + prior_of(references)
        posterior = _posterior(member.evidence, [float(gain[r]) for r in rivals])
        score = member.evidence - cost
        status: Status = "ambiguous" if rivals else "assigned"
        if why_unnamed(references, member) or score < least:
            status = "candidate"
        found.append(Verdict(member, status, rivals, posterior, score))
    return found + _candidates(references, observed, pairs, explanation, found)


def cost_of_strangers(observed: Observed, taken: NDArray[np.bool_]) -> float:
    """Return the nats that peaks of some height which nobody explains cost every name.

    A species that the library lacks shares bands with its chemical neighbours (EMC with DEC); the bands that it does
    not share are the only warning. Broad bands are no such warning: carbon of the laser is everywhere.
    """
    left = ~taken & ~observed.broad
    number = int(np.sum(observed.height[left] >= _STRANGER * observed.height.max(initial=0.0)))
    if not number:
        return 0.0
    return min(_STRANGER_EVIDENCE + _STRANGERS_EVIDENCE * (number - 1), _STRANGERS_MOST)


def _posterior(gain: float, others: list[float]) -> float:
    values = np.array([gain, 0.0, *others])
    return float(np.exp(gain - np.logaddexp.reduce(values)))


def _rivals(
    references: References,
    observed: Observed,
    pairs: Pairs,
    evidence: Evidence,
    own: Member,
    taken: NDArray[np.bool_],
    inside: set[int],
) -> tuple[int, ...]:
    """Return the entries that would explain the same new peaks about as well, the best first."""
    settings = observed.settings
    gain = evidence.total + prior_of(references, unmeasured=False)
    area = float(observed.area[own.new].sum())
    found = []
    for entry in np.flatnonzero(gain >= own.evidence - np.log(settings.ambiguity_odds)):
        if int(entry) in inside:
            continue
        other = member_of(references, observed, pairs, evidence, int(entry), taken)
        if (
            other.strongest_matched
            and other.agreement >= own.agreement - settings.ambiguity_margin
            and other.new_slots >= 0.75 * own.new_slots
            and float(observed.area[own.new & other.new].sum()) >= _SHARED * area
        ):
            found.append(int(entry))
    return tuple(sorted(found, key=lambda e: -gain[e]))


def _candidates(
    references: References, observed: Observed, pairs: Pairs, explanation: Explanation, named: list[Verdict]
) -> list[Verdict]:
    """Name what a peak left over may be, without claiming it: an entry whose strongest, discriminating band agrees."""
    if not observed.peaks or not references.entries:
        return []
    done = {v.member.entry for v in named} | {r for v in named for r in v.rivals}
    _, weights = axis_grid(observed.settings)
    evidence = evidence_of(references, observed, pairs, explanation.taken, weights)
    prior = prior_of(references)
    possible = []
    for entry in np.argsort(-evidence.total, kind="stable"):
        if int(entry) in done or evidence.total[entry] < _CANDIDATE_EVIDENCE:
            continue
        member = member_of(references, observed, pairs, evidence, int(entry), explanation.taken)
        if _is_candidate(references, observed, member):
            possible.append(replace(member, evidence=float(evidence.total[entry] + prior[entry])))
    found: list[Verdict] = []
    while possible and len(found) < _MOST_CANDIDATES:
        best = possible.pop(0)
        others = [m for m in possible if np.any(m.new & best.new)]
        posterior = _posterior(best.evidence, [m.evidence for m in others])
        found.append(Verdict(best, "candidate", tuple(m.entry for m in others), posterior, best.evidence))
        possible = [m for m in possible if not any(m is o for o in others)]
    return found


def _is_candidate(references: References, observed: Observed, member: Member) -> bool:
    if not member.strongest_matched or member.agreement < _CANDIDATE_SCORE:
        return False
    if float(observed.height[member.new].max(initial=0.0)) < _CANDIDATE_HEIGHT * float(observed.height.max()):
        return False
    slots = {int(references.band_slot[b]) for p, b in member.pairs if member.new[p]}
    if observed.broad[member.new].all() and (
        references.entries[member.entry].open_question is not None
        or member.agreement < observed.settings.min_score
        or len(slots) < observed.settings.min_bands
    ):
        return False  # a broad band alone is nobody's
    several = len(slots) >= observed.settings.min_bands
    return several or any(b.discriminating for n in slots for b in references.slots[n].bands)
