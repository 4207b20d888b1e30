"""Which few entries together explain a peak list: a search over small subsets, not the best hits one by one.

Subsets grow entry by entry along the few most promising branches; after each step every member must still be needed
beside the others. The branch with the most evidence is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence, Observed, Pairs, axis_grid, evidence_of, pairs_of
from .references import DECOY, References

__all__ = ["Explanation", "Member", "eligible", "explain", "member_of", "others_of", "prior_of"]

Floats = NDArray[np.float64]

_BRANCHES = 3
_MOST_MEMBERS = 12
_EXPECTED_SPECIES = 4.0
_FAINT = 4.0  # library intensities are good to a factor of about four
_VISIBLE = 2.0
_HIDES = 0.7
_CLOSE_Z = 1.5
_LEADING = 0.5  # of the highest peak, for a single line to name a species
_SINGLE_LINE = 3.0  # added to the prior of a species with one line in all, flagged as one that little else shows
_UNMEASURED = -1.5  # added to the prior of entries that are group frequencies or an open question


@dataclass(frozen=True, eq=False)
class Member:
    """One entry as it takes part in an explanation."""

    entry: int
    evidence: float
    """Nats, beside the other members."""
    pairs: tuple[tuple[int, int], ...]
    """(peak, band) of every agreement."""
    explained: NDArray[np.bool_]
    new: NDArray[np.bool_]
    """Peaks that no other member explains."""
    new_slots: int
    missing: tuple[float, ...]
    agreement: float
    """0–1."""
    strongest_matched: bool
    shift: float
    amount: tuple[float, float]
    """Most likely height of a band of relative intensity 1, below and above 2000 cm-1, what is missing counted in."""
    seen: tuple[float, float]
    """The same from the peaks that agree alone: what a band that is missing is measured by."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """A subset of entries, in the order in which they were found."""

    members: tuple[Member, ...] = ()
    total: float = 0.0
    taken: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    weights: Floats = field(default_factory=lambda: np.zeros(1))


def prior_of(references: References, unmeasured: bool = True) -> Floats:
    """Return (entries,) log prior odds: a component holds a few of all entries.

    With ``unmeasured``, entries that no measured spectrum stands behind are held to be less likely.
    """
    real = sum(not e.id.startswith(DECOY) for e in references.entries)
    n = max(len(references.entries), 1)
    share = min(_EXPECTED_SPECIES / max(real, 1), 0.25)
    out = np.full(n, np.log(share / (1.0 - share)))
    for i, entry in enumerate(references.entries):
        if unmeasured and (entry.open_question is not None or entry.group_frequencies_only):
            out[i] += _UNMEASURED
    lone = references.only_band[references.band_entry]
    flagged = [b.discriminating and bool(one) for b, one in zip(references.bands, lone, strict=True)]
    out[np.unique(references.band_entry[flagged])] += _SINGLE_LINE
    return out


def explain(references: References, observed: Observed, least: float, pairs: Pairs | None = None) -> Explanation:
    """Return the subset of entries that explains the peaks best.

    Parameters
    ----------
    least : float
        Evidence (nats, prior included) that each member must have beside the others; larger finds fewer.
    """
    _, prior = axis_grid(observed.settings)
    start = Explanation(taken=np.zeros(len(observed.peaks), bool), weights=prior)
    if not observed.peaks or not references.entries:
        return start
    pairs = pairs_of(references, observed) if pairs is None else pairs
    beam, best = [start], start
    seen: set[frozenset[int]] = set()
    for _ in range(_MOST_MEMBERS):
        grown: list[Explanation] = []
        for state in beam:
            grown += _grow(references, observed, pairs, state, least, seen)
        if not grown:
            break
        grown.sort(key=lambda s: -s.total)
        beam = grown[:_BRANCHES]
        if beam[0].total > best.total:
            best = beam[0]
    return _pruned(references, observed, pairs, best, least)


def _grow(
    references: References,
    observed: Observed,
    pairs: Pairs,
    state: Explanation,
    least: float,
    seen: set[frozenset[int]],
) -> list[Explanation]:
    evidence = evidence_of(references, observed, pairs, state.taken, state.weights)
    gain = evidence.total + prior_of(references)
    inside = {m.entry for m in state.members}
    out: list[Explanation] = []
    for entry in np.argsort(-gain, kind="stable"):
        if gain[entry] < least or len(out) == _BRANCHES:
            break
        key = frozenset(inside | {int(entry)})
        if int(entry) in inside or key in seen:
            continue
        member = member_of(references, observed, pairs, evidence, int(entry), state.taken)
        if not eligible(references, observed, member):
            continue
        seen.add(key)
        weights = state.weights + evidence.by_shift[entry]
        out.append(
            Explanation(
                (*state.members, replace(member, evidence=float(gain[entry]))),
                state.total + float(gain[entry]),
                state.taken | member.explained,
                weights - np.logaddexp.reduce(weights),
            )
        )
    return out


def eligible(references: References, observed: Observed, member: Member) -> bool:
    """Return whether the agreement is of a kind that can name a species at all."""
    if not member.strongest_matched or member.agreement < observed.settings.min_score:
        return False
    if references.only_band[member.entry]:
        return _single_line(references, observed, member)
    return member.new_slots >= observed.settings.min_bands


def _single_line(references: References, observed: Observed, member: Member) -> bool:
    """Return whether the one Raman line of a species is clear enough to name it: flagged so, close and leading."""
    if not member.new.any():
        return False
    ((peak, band),) = member.pairs[:1]
    close = _misfit_z2(references, observed, peak, band, member.shift) <= _CLOSE_Z**2
    leading = observed.height[peak] >= _LEADING * float(observed.height.max())
    return references.bands[band].discriminating and close and bool(leading)


def _pruned(references: References, observed: Observed, pairs: Pairs, state: Explanation, least: float) -> Explanation:
    """Judge every member beside all the others, and leave out the weakest until all are needed."""
    members = list(state.members)
    while members:
        judged = [_beside(references, observed, pairs, members, i) for i in range(len(members))]
        spare = [m.evidence - least for m in judged]
        weakest = int(np.argmin(spare))
        fails = [i for i, m in enumerate(judged) if not eligible(references, observed, m)]
        if spare[weakest] >= 0 and not fails:
            members = judged
            break
        drop = weakest if spare[weakest] < 0 else fails[0]
        members = [m for i, m in enumerate(members) if i != drop]
    taken = np.zeros(len(observed.peaks), bool)
    for m in members:
        taken |= m.explained
    return Explanation(tuple(members), sum(m.evidence for m in members), taken, state.weights)


def _beside(references: References, observed: Observed, pairs: Pairs, members: list[Member], index: int) -> Member:
    taken, weights = others_of(references, observed, pairs, members, index)
    evidence = evidence_of(references, observed, pairs, taken, weights)
    member = member_of(references, observed, pairs, evidence, members[index].entry, taken)
    return replace(member, evidence=float((evidence.total + prior_of(references))[member.entry]))


def others_of(
    references: References, observed: Observed, pairs: Pairs, members: list[Member], index: int
) -> tuple[NDArray[np.bool_], Floats]:
    """Return the peaks that the other members explain, and the weights of the axis shifts by them."""
    _, weights = axis_grid(observed.settings)
    taken = np.zeros(len(observed.peaks), bool)
    own = members[index]
    for i, other in enumerate(members):
        if i != index:
            taken |= other.explained & ~_better(references, observed, own, other)
    return taken, weights


def _better(references: References, observed: Observed, own: Member, other: Member) -> NDArray[np.bool_]:
    """Return the peaks that both explain and that lie nearer to a band of the first, in standard uncertainties."""
    out = np.zeros(len(observed.peaks), bool)
    theirs = dict(other.pairs)
    for peak, band in own.pairs:
        if peak in theirs:
            out[peak] = _misfit(references, observed, peak, band, own.shift) < _misfit(
                references, observed, peak, theirs[peak], other.shift
            )
    return out


def _misfit(references: References, observed: Observed, peak: int, band: int, shift: float) -> float:
    spread = np.hypot(references.uncertainty[band], observed.uncertainty[peak])
    offset = observed.position[peak] - references.position[band] - shift
    return float(0.5 * (offset / spread) ** 2 + np.log(spread))


def member_of(
    references: References,
    observed: Observed,
    pairs: Pairs,
    evidence: Evidence,
    entry: int,
    taken: NDArray[np.bool_],
) -> Member:
    """Return how one entry agrees at its most likely amount and axis shift."""
    own = np.flatnonzero(references.band_entry[pairs.band] == entry)
    shift, amount = float(evidence.shift[entry]), evidence.amount[entry]
    band, peak = pairs.band[own], pairs.peak[own]
    z = np.abs(observed.position[peak] - references.position[band] - shift) / pairs.spread[own]
    high = references.slot_high[references.band_slot[band]].astype(int)
    ratio = observed.height[peak] / (references.relative[band] * amount[high])
    fits = (z <= observed.settings.coverage) & ((ratio <= _FAINT**1.5) | taken[peak]) & (ratio >= 1 / _FAINT**2)
    order = sorted(np.flatnonzero(fits), key=lambda i: z[i] + np.abs(np.log(ratio[i])))
    matched: dict[int, int] = {}
    used: set[int] = set()
    for i in order:
        if int(peak[i]) not in matched and int(band[i]) not in used:
            matched[int(peak[i])] = int(band[i])
            used.add(int(band[i]))
    explained = np.zeros(taken.size, bool)
    explained[list(matched)] = True
    slots = references.slots_of_entry(entry)
    hit = {int(references.band_slot[b]) for b in used}
    new = explained & ~taken
    new_hit = {int(references.band_slot[b]) for p, b in matched.items() if new[p]}
    visible, hidden = _visibility(references, observed, slots, amount)
    counted = [n for i, n in enumerate(slots) if n in hit or (visible[i] and not hidden[i])]
    missed = [
        int(n)
        for i, n in enumerate(slots)
        if references.slot_expected[n] and n not in hit and visible[i] and not hidden[i]
    ]
    closeness = {
        int(references.band_slot[b]): float(
            np.exp(-_misfit_z2(references, observed, p, b, shift) / 8.0)
            * min(
                1.0,
                _FAINT
                * observed.height[p]
                / (references.relative[b] * amount[int(references.slot_high[references.band_slot[b]])]),
            )
        )
        for p, b in matched.items()
    }
    seen = _seen_amount(references, observed, matched, amount)
    reached = sum(references.slots[n].weight * closeness[n] for n in hit)
    wanted = sum(references.slots[n].weight for n in hit) + sum(references.slots[n].weight for n in missed)
    strongest = max(counted, key=lambda n: references.slot_strength[n], default=-1)
    return Member(
        entry=entry,
        evidence=float(evidence.total[entry]),
        pairs=tuple(sorted(matched.items())),
        explained=explained,
        new=new,
        new_slots=len(new_hit),
        missing=_missing(references, observed, slots, hit, seen),
        agreement=float(reached / wanted) if wanted > 0 else 0.0,
        strongest_matched=strongest in hit,
        shift=shift,
        amount=(float(amount[0]), float(amount[1])),
        seen=(float(seen[0]), float(seen[1])),
    )


def _seen_amount(references: References, observed: Observed, matched: dict[int, int], amount: Floats) -> Floats:
    """Return the median height of the peaks per relative intensity, below and above 2000 cm-1."""
    out = amount.copy()
    for region in (0, 1):
        ratios = [
            observed.height[p] / references.relative[b]
            for p, b in matched.items()
            if int(references.slot_high[references.band_slot[b]]) == region
        ]
        if ratios:
            out[region] = float(np.median(ratios))
    return out


def _missing(
    references: References, observed: Observed, slots: NDArray[np.intp], hit: set[int], seen: Floats
) -> tuple[float, ...]:
    """Return where bands should stand out, by the peaks that are there, and do not."""
    visible, hidden = _visibility(references, observed, slots, seen)
    return tuple(
        references.slots[n].bands[0].position_cm1
        for i, n in enumerate(slots)
        if references.slot_expected[n] and int(n) not in hit and visible[i] and not hidden[i]
    )


def _misfit_z2(references: References, observed: Observed, peak: int, band: int, shift: float) -> float:
    variance = references.uncertainty[band] ** 2 + observed.uncertainty[peak] ** 2
    return float((observed.position[peak] - references.position[band] - shift) ** 2 / variance)


def _visibility(
    references: References, observed: Observed, slots: NDArray[np.intp], amount: Floats
) -> tuple[list[bool], list[bool]]:
    """Return for each mode whether it should stand out of the noise, and whether a neighbour could hide it."""
    visible, hidden = [], []
    for n in slots:
        slot = references.slots[n]
        width = next((b.fwhm_cm1 for b in slot.bands if b.fwhm_cm1 is not None), 13.0)
        level = float(amount[int(references.slot_high[n])]) * slot.strength
        visible.append(bool(level >= _VISIBLE * observed.limit(np.array([width]))[0]))
        near = np.abs(observed.position - slot.bands[0].position_cm1) <= _HIDES * observed.fwhm
        hidden.append(bool(np.any(near & (observed.height >= level))))
    return visible, hidden
