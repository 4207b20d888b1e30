"""Explain the peaks of a component spectrum by as few library entries as possible, and say so when none does.

For each entry the bands are gathered into *slots*: one vibrational mode with the positions it takes in other states
(free and lithium-coordinated, crystalline and surface). A slot agrees when a peak lies within tolerance of any of its
positions, so that the states are alternatives and are never all demanded at once.

What agreement is worth is judged against decoys, the same bands shifted by 15–60 cm-1 (the idea of decoy libraries:
Lam, Deutsch and Aebersold, J. Proteome Res. 9 (2010) 605): the share of shifts at which a band would have met a peak is
its probability of meeting one by accident, in the crowding of this very spectrum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InvalidDataset, LibraryError
from ..library.collection import BUNDLED, Library
from ..library.entry import EVIDENCE_ORDER, Band, Entry
from .peaks import Peak, detection_limit, find_peaks, noise_level
from .settings import AssignmentSettings

__all__ = ["UNASSIGNED", "Assignment", "BandMatch", "Status", "assign_components", "assign_peaks"]

Status = Literal["assigned", "candidate", "ambiguous", "unassigned"]
UNASSIGNED = "unassigned"

# Shifts of the decoys: outside any tolerance in use, inside the same spectral neighbourhood.
_DECOY_SHIFTS = np.concatenate([np.arange(-60.0, -14.5, 0.5), np.arange(15.0, 60.5, 0.5)])
_DECOY_CLOSENESS = 0.8  # mean closeness of a match that is uniform within its tolerance
_ALTERNATIVE_CM1 = 35.0  # the farthest that another state may move a mode and still be the same slot
_TYPICAL_FWHM_CM1 = 12.0
_VISIBLE = 2.0  # a band counts as missing only if it should stand this far above the detection limit
_FAINT = 4.0  # library intensities are good to a factor of about four
_OWN_SCALE_CM1 = 2000.0  # above, organic entries scale their intensities apart
_SHARED = 0.8  # of the area explained by one entry, for another to count as an alternative
_MOST_CANDIDATES = 3
_CANDIDATE_SCORE = 0.2
_CANDIDATE_CHANCE = 0.1
_CANDIDATE_HEIGHT = 0.1  # of the highest peak: what a lesser one may be is not worth a guess
_LEADING = 0.5  # of the highest peak left over, for a single band to name a species
_STRANGER = 0.15  # of the highest peak: a peak this high that nothing explains betrays a species outside the library
_STRANGER_CHANCE = 1e-3  # so much less accident is then accepted, because the stranger may own the shared bands too


@dataclass(frozen=True)
class BandMatch:
    """One peak explained by one reference band."""

    observed_cm1: float
    reference_cm1: float
    uncertainty_cm1: float
    """Combined standard uncertainty of the comparison: band, axis and fit."""
    assignment: str


@dataclass(frozen=True)
class Assignment:
    """One statement about one component spectrum."""

    component: int
    """0-based."""
    compound_id: str | None
    compound: str
    """Name of the species, or "unassigned"."""
    score: float
    """0–1, larger is better: agreement beyond what accident gives. Not a probability."""
    q_value: float | None
    """None: not calibrated yet."""
    evidence: str
    """Weakest standing among the bands matched, and how many of their positions were seen and how many are recalled."""
    kind: str
    """What the reference is: band_list, measured, digitised or computed; with its folder if it is not a bundled one."""
    matched: tuple[BandMatch, ...]
    missing_cm1: tuple[float, ...]
    """Reference bands in range that should stand above the noise and do not."""
    unexplained_cm1: tuple[float, ...]
    """Peaks of the component that none of its assigned species explains."""
    status: Status
    alternatives: tuple[str, ...] = ()
    """Ids of entries that explain the same peaks about as well."""
    note: str = ""
    onset_potential_v: float | None = None


@dataclass(frozen=True)
class _Slot:
    bands: tuple[Band, ...]
    expected: bool
    """Whether its absence counts against the entry."""
    strength: float
    weight: float


@dataclass(frozen=True, eq=False)
class _Reference:
    """An entry as the matcher sees it: bands as arrays, gathered into slots."""

    entry: Entry
    slots: tuple[_Slot, ...]
    position: NDArray[np.float64]
    uncertainty: NDArray[np.float64]
    fwhm: NDArray[np.float64]
    slot: NDArray[np.intp]
    only_band: bool
    """The species has one Raman mode in all, in range or not."""


@dataclass(eq=False)
class _Fit:
    """One entry compared with one peak list."""

    reference: _Reference
    score: float = 0.0
    p_value: float = 1.0
    explained: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    new: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    new_slots: int = 0
    pairs: tuple[tuple[int, int], ...] = ()
    """(peak, band) of every match."""
    missing: tuple[float, ...] = ()
    strongest_matched: bool = False
    close: bool = False

    @property
    def merit(self) -> float:
        """What the greedy choice maximises: significance times agreement."""
        return -float(np.log10(max(self.p_value, 1e-30))) * self.score


@dataclass(frozen=True, eq=False)
class _Spectrum:
    """The peak list as arrays, with what decides about visibility."""

    peaks: tuple[Peak, ...]
    low: float
    high: float
    step: float
    noise: float
    settings: AssignmentSettings
    position: NDArray[np.float64]
    uncertainty: NDArray[np.float64]
    height: NDArray[np.float64]
    fwhm: NDArray[np.float64]
    area: NDArray[np.float64]
    broad: NDArray[np.bool_]


# ---- public ---------------------------------------------------------------------------------------------------------


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
    x, y = np.asarray(shift, dtype=np.float64), np.atleast_2d(np.asarray(spectra, dtype=np.float64))
    if x.ndim != 1 or y.ndim != 2 or y.shape[1] != x.size:
        raise InvalidDataset(f"assignment: spectra of shape {y.shape} do not fit an axis of {x.size} channels")
    if x.size < 2 or not np.all(np.diff(x) > 0):
        raise InvalidDataset("assignment: the axis must have at least two channels and be strictly increasing")
    levels: list[float | None] = [None] * len(y)
    if noise is not None:
        given = np.asarray(noise, dtype=np.float64)
        if given.shape != (len(y),):
            raise InvalidDataset(f"assignment: noise of shape {given.shape} was given for {len(y)} spectra")
        levels = [float(v) for v in given]
    rows: list[Assignment] = []
    for component, (spectrum, level) in enumerate(zip(y, levels, strict=True)):
        level = noise_level(np.nan_to_num(spectrum)) if level is None else level
        peaks = find_peaks(
            x,
            spectrum,
            noise=level,
            min_snr=settings.min_snr,
            min_relative_height=settings.min_relative_height,
            broad_cm1=settings.broad_cm1,
        )
        step = float(x[-1] - x[0]) / (x.size - 1)
        rows += assign_peaks(
            peaks,
            (float(x[0]), float(x[-1])),
            library,
            settings=settings,
            noise=level,
            step_cm1=step,
            component=component,
        )
    return rows


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
    chosen = library.filter("raman", settings.groups, settings.ids)
    if not len(chosen):
        raise LibraryError("assignment: no entry of the library that was chosen has a Raman band to compare with")
    spectrum = _spectrum(peaks, range_cm1, settings, noise, step_cm1)
    references = [r for r in (_reference(entry, spectrum) for entry in chosen) if r.slots]
    accepted = _explain(spectrum, references)
    taken = _taken(spectrum, accepted)
    candidates = _candidates(spectrum, references, accepted, taken)
    named = taken | _taken(spectrum, candidates)
    unexplained = tuple(round(p.position_cm1, 1) for p, t in zip(spectrum.peaks, named, strict=True) if not t)
    rows = [
        _row(component, spectrum, fit, status, alternatives, unexplained, library)
        for fit, status, alternatives in [*accepted, *candidates]
    ]
    rows.sort(key=lambda row: (row.status == "candidate", -row.score))
    return rows or [_unassigned(component, spectrum, unexplained, _open_questions(spectrum, references))]


# ---- what is compared -----------------------------------------------------------------------------------------------


def _spectrum(
    peaks: Sequence[Peak], range_cm1: tuple[float, float], settings: AssignmentSettings, noise: float, step: float
) -> _Spectrum:
    return _Spectrum(
        peaks=tuple(peaks),
        low=range_cm1[0],
        high=range_cm1[1],
        step=step,
        noise=noise,
        settings=settings,
        position=np.array([p.position_cm1 for p in peaks]),
        uncertainty=np.array([p.uncertainty_cm1 for p in peaks]),
        height=np.array([p.height for p in peaks]),
        fwhm=np.array([p.fwhm_cm1 for p in peaks]),
        area=np.array([p.area for p in peaks]),
        broad=np.array([p.broad for p in peaks], dtype=bool),
    )


def _phase(band: Band) -> str:
    return {"liquid": "fluid", "solution": "fluid", "crystalline": "solid"}.get(band.state, band.state)


def _reference(entry: Entry, spectrum: _Spectrum) -> _Reference:
    """Gather an entry's bands in range into slots.

    The main state is the phase with the most intensity, uncoordinated. Its unconditional bands are expected; a band of
    another state joins the nearest expected one or, far from all, becomes a slot that can only count in favour.
    """
    bands = entry.bands("raman")
    plain = [b for b in bands if b.coordination in ("na", "free")] or list(bands)
    phases = {_phase(b) for b in plain}
    main_phase = max(sorted(phases), key=lambda ph: sum(b.rel_intensity for b in plain if _phase(b) == ph))
    main = [b for b in plain if _phase(b) == main_phase]
    main = [b for b in main if b.condition is None] or main
    main = [b for b in main if b.evidence in ("established", "reported")] or main
    groups: list[list[Band]] = []
    for band in main:
        if groups and band.position_cm1 - groups[-1][0].position_cm1 <= (
            band.uncertainty_cm1 + groups[-1][0].uncertainty_cm1
        ):
            groups[-1].append(band)  # two readings of one mode
        else:
            groups.append([band])
    expected = [True] * len(groups)
    for band in bands:
        if any(band is b for b in main):
            continue
        distances = [abs(band.position_cm1 - g[0].position_cm1) for g in groups]
        nearest = int(np.argmin(distances))
        reach = _ALTERNATIVE_CM1 if band.condition is None else 3 * band.uncertainty_cm1
        if distances[nearest] <= reach:
            groups[nearest].append(band)
        else:
            groups.append([band])
            expected.append(False)
    slots: list[_Slot] = []
    position, uncertainty, fwhm, index = [], [], [], []
    for group, wanted in zip(groups, expected, strict=True):
        inside = [b for b in group if spectrum.low + 2.0 <= b.position_cm1 <= spectrum.high - 2.0]
        if not inside:
            continue
        strength = max(b.rel_intensity for b in inside)
        for band in inside:
            position.append(band.position_cm1)
            uncertainty.append(band.uncertainty_cm1)
            fwhm.append(np.nan if band.fwhm_cm1 is None else band.fwhm_cm1)
            index.append(len(slots))
        # The square root, because library intensities are estimates and one strong band must not decide alone.
        slots.append(_Slot(tuple(inside), wanted, strength, float(np.sqrt(strength))))
    return _Reference(
        entry,
        tuple(slots),
        np.array(position, dtype=np.float64),
        np.array(uncertainty, dtype=np.float64),
        np.array(fwhm, dtype=np.float64),
        np.array(index, dtype=np.intp),
        only_band=sum(expected) == 1 and len(groups) == 1,
    )


def _tolerance(reference: _Reference, spectrum: _Spectrum) -> NDArray[np.float64]:
    """Return (bands, peaks) half-widths of agreement in cm-1."""
    s = spectrum.settings
    variance = reference.uncertainty[:, None] ** 2 + s.axis_uncertainty_cm1**2 + spectrum.uncertainty[None, :] ** 2
    out: NDArray[np.float64] = s.coverage * np.sqrt(variance)
    return out


def _width_fits(reference: _Reference, spectrum: _Spectrum) -> NDArray[np.bool_]:
    """Return (bands, peaks): whether a peak can be that band by its width; instruments broaden, they never narrow."""
    known = np.isfinite(reference.fwhm)[:, None]
    width = np.where(known, np.nan_to_num(reference.fwhm, nan=_TYPICAL_FWHM_CM1)[:, None], _TYPICAL_FWHM_CM1)
    observed = spectrum.fwhm[None, :]
    widest = np.where(known, np.maximum(3.0 * width, width + 25.0), spectrum.settings.broad_cm1)
    narrowest = np.where(known, width / 2.0, 0.0)
    fits = (observed <= widest) & (observed >= narrowest)
    broad_band = known & (width >= 0.6 * spectrum.settings.broad_cm1)
    out: NDArray[np.bool_] = fits & (~spectrum.broad[None, :] | broad_band)
    return out


# ---- one entry ------------------------------------------------------------------------------------------------------


def _compare(reference: _Reference, spectrum: _Spectrum, taken: NDArray[np.bool_]) -> _Fit:
    """Compare one entry with the peak list; ``taken`` peaks are explained already and prove nothing new."""
    fit = _Fit(reference, explained=np.zeros(taken.size, bool), new=np.zeros(taken.size, bool))
    if not taken.size:
        return fit
    tolerance = _tolerance(reference, spectrum)
    fitting = _width_fits(reference, spectrum)
    offset = spectrum.position[None, :] - reference.position[:, None]
    distance = np.where((np.abs(offset) <= tolerance) & fitting, np.abs(offset) / tolerance, np.inf)
    band_of_peak = np.argmin(distance, axis=0)
    matched = np.isfinite(distance.min(axis=0))
    if not matched.any():
        return fit
    pairs = [(int(p), int(band_of_peak[p])) for p in np.flatnonzero(matched)]
    best: dict[int, tuple[int, int]] = {}
    for peak, band in pairs:
        slot = int(reference.slot[band])
        if slot not in best or distance[band, peak] < distance[best[slot][1], best[slot][0]]:
            best[slot] = (peak, band)
    scale = _scales(reference, spectrum, best)
    bright = {n for n, (p, _) in best.items() if _too_bright(reference.slots[n], spectrum.height[p], scale)}
    # A band cannot explain a peak far above what the species' other bands allow; another species lies on top of it.
    pairs = [(p, b) for p, b in pairs if int(reference.slot[b]) not in bright]
    best = {n: pair for n, pair in best.items() if n not in bright}
    matched = np.zeros(taken.size, bool)
    matched[[p for p, _ in pairs]] = True
    closeness = _closeness(reference, spectrum, best)
    visible = _visible(reference, spectrum, scale)
    hidden = _hidden(reference, spectrum, scale, best)
    hidden[list(bright)] = True
    agreed, wanted = 0.0, 0.0
    for number, slot_ in enumerate(reference.slots):
        if number in best:
            peak = best[number][0]
            a = scale[_region(slot_)]
            faint = min(1.0, _FAINT * spectrum.height[peak] / (a * slot_.strength)) if a is not None else 1.0
            agreed += slot_.weight * closeness[number] * faint
            wanted += slot_.weight
        elif slot_.expected and visible[number] and not hidden[number]:
            wanted += slot_.weight
    recall = agreed / wanted
    chances = _accident(reference, spectrum, tolerance, fitting, np.ones_like(taken))
    counted = [n for n in range(len(reference.slots)) if n in best or (visible[n] and not hidden[n])]
    weights = np.array([reference.slots[n].weight for n in counted])
    by_accident = float(np.sum(weights * chances[counted]) / np.sum(weights)) * _DECOY_CLOSENESS
    fit.explained = matched
    fit.new = matched & ~taken
    share = float(spectrum.area[matched].sum() / spectrum.area.sum())
    fit.score = max(0.0, (recall - by_accident) / (1.0 - by_accident)) * (0.7 + 0.3 * share)
    fit.pairs = tuple(pairs)
    fit.missing = tuple(
        s.bands[0].position_cm1
        for n, s in enumerate(reference.slots)
        if s.expected and n not in best and visible[n] and not hidden[n]
    )
    strongest = max((n for n in counted), key=lambda n: reference.slots[n].strength)
    fit.strongest_matched = strongest in best
    new_slots = {int(reference.slot[b]) for p, b in pairs if not taken[p]}
    fit.new_slots = len(new_slots)
    free = _accident(reference, spectrum, tolerance, fitting, ~taken) if taken.any() else chances
    judged = [n for n in range(len(reference.slots)) if n in new_slots or (n not in best and not hidden[n])]
    judged = [n for n in judged if visible[n] or n in new_slots]
    fit.p_value = _tail(
        np.array([reference.slots[n].weight for n in judged]),
        free[judged],
        sum(reference.slots[n].weight for n in new_slots),
    )
    fit.close = all(c >= 0.85 for c in closeness.values())
    return fit


def _closeness(reference: _Reference, spectrum: _Spectrum, best: dict[int, tuple[int, int]]) -> dict[int, float]:
    """Return how near each slot's peak lies; a shift common to the entry, within the axis uncertainty, is allowed."""
    axis = spectrum.settings.axis_uncertainty_cm1
    numbers = list(best)
    peak = np.array([best[n][0] for n in numbers])
    band = np.array([best[n][1] for n in numbers])
    offset = spectrum.position[peak] - reference.position[band]
    variance = reference.uncertainty[band] ** 2 + spectrum.uncertainty[peak] ** 2
    prior = 1.0 / max(axis, 1e-6) ** 2
    common = float(np.clip(np.sum(offset / variance) / (np.sum(1 / variance) + prior), -axis, axis))
    z2 = (offset - common) ** 2 / (variance + (0.25 * axis) ** 2)
    return {n: float(c) for n, c in zip(numbers, np.exp(-z2 / 8.0), strict=True)}


def _region(slot: _Slot) -> int:
    return int(slot.bands[0].position_cm1 >= _OWN_SCALE_CM1)


def _scales(
    reference: _Reference, spectrum: _Spectrum, best: dict[int, tuple[int, int]]
) -> tuple[float | None, float | None]:
    """Return observed height per unit of library intensity, below and above 2000 cm-1: a weighted median."""
    scales: list[float | None] = []
    for region in (0, 1):
        inside = [n for n in best if _region(reference.slots[n]) == region]
        if not inside:
            scales.append(None)
            continue
        ratio = np.array([spectrum.height[best[n][0]] / reference.slots[n].strength for n in inside])
        weight = np.array([reference.slots[n].weight for n in inside])
        order = np.argsort(ratio)
        middle = np.searchsorted(np.cumsum(weight[order]), 0.5 * weight.sum())
        scales.append(float(ratio[order][middle]))
    return scales[0], scales[1]


def _too_bright(slot: _Slot, height: float, scale: tuple[float | None, float | None]) -> bool:
    a = scale[_region(slot)]
    return a is not None and height > _FAINT * a * slot.strength


def _visible(reference: _Reference, spectrum: _Spectrum, scale: tuple[float | None, float | None]) -> NDArray[np.bool_]:
    """Return for each slot whether it should stand clearly above the detection limit."""
    s = spectrum.settings
    width = np.array(
        [next((b.fwhm_cm1 for b in x.bands if b.fwhm_cm1 is not None), _TYPICAL_FWHM_CM1) for x in reference.slots]
    )
    limit = detection_limit(spectrum.noise, width, spectrum.step, s.min_snr)
    limit = np.maximum(limit, s.min_relative_height * float(spectrum.height.max()))
    level = np.array([(scale[_region(x)] or 0.0) * x.strength for x in reference.slots])
    out: NDArray[np.bool_] = level >= _VISIBLE * limit
    return out


def _hidden(
    reference: _Reference,
    spectrum: _Spectrum,
    scale: tuple[float | None, float | None],
    best: dict[int, tuple[int, int]],
) -> NDArray[np.bool_]:
    """Return for each slot whether a stronger neighbour could hide it, so that its absence says nothing."""
    hidden = np.zeros(len(reference.slots), dtype=bool)
    for n, slot in enumerate(reference.slots):
        if n in best:
            continue
        level = (scale[_region(slot)] or 0.0) * slot.strength
        near = np.abs(spectrum.position - slot.bands[0].position_cm1) <= 0.7 * spectrum.fwhm
        hidden[n] = bool(np.any(near & (spectrum.height >= level)))
    return hidden


def _accident(
    reference: _Reference,
    spectrum: _Spectrum,
    tolerance: NDArray[np.float64],
    fitting: NDArray[np.bool_],
    usable: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return each slot's probability of meeting a usable peak by accident, from the shifted decoys of its bands.

    The mean of the share of shifts that meet a peak and the share of the whole range that peaks cover, so that a quiet
    neighbourhood does not make a single agreement look like proof.
    """
    allowed = fitting & usable[None, :]
    apart = np.abs(spectrum.position[None, None, :] - reference.position[:, None, None] - _DECOY_SHIFTS[None, :, None])
    meets = np.any((apart <= tolerance[:, None, :]) & allowed[:, None, :], axis=2)
    covered = np.minimum(1.0, np.sum(2.0 * tolerance * allowed, axis=1) / max(spectrum.high - spectrum.low, 1.0))
    chance = np.empty(len(reference.slots))
    for n in range(len(reference.slots)):
        own = reference.slot == n
        local = float(np.mean(np.any(meets[own], axis=0)))
        chance[n] = 0.5 * (local + float(covered[own].max()))
    return np.clip(chance, 0.002, 0.98)


def _tail(weights: NDArray[np.float64], chances: NDArray[np.float64], reached: float) -> float:
    """Return the probability that independent slots reach this total weight by accident (exact, weights in 1/40)."""
    units = np.maximum(1, np.rint(40 * weights)).astype(int)
    goal = int(np.rint(40 * reached)) - len(weights) // 2  # rounding may not make the goal unreachable
    probability = np.zeros(int(units.sum()) + 1)
    probability[0] = 1.0
    for unit, chance in zip(units, chances, strict=True):
        moved = np.zeros_like(probability)
        moved[unit:] = probability[:-unit] * chance
        probability = probability * (1 - chance) + moved
    return float(np.clip(probability[max(goal, 0) :].sum(), 0.0, 1.0))


# ---- all entries ----------------------------------------------------------------------------------------------------

_Accepted = list[tuple[_Fit, Status, tuple[str, ...]]]


def _explain(spectrum: _Spectrum, references: list[_Reference]) -> _Accepted:
    """Accept entries one by one, the best first, as long as one explains enough that is new."""
    accepted: _Accepted = []
    left = list(references)
    taken = np.zeros(len(spectrum.peaks), bool)
    tests = max(1, sum(_could_match(r, spectrum) for r in references))
    while left:
        fits = [_compare(r, spectrum, taken) for r in left]
        good = [f for f in fits if _is_assigned(f, spectrum, tests, taken)]
        if not good:
            break
        best = max(good, key=lambda f: (f.merit, f.score, f.reference.entry.id))
        rivals = _rivals(best, fits, spectrum)
        accepted.append((best, "ambiguous" if rivals else "assigned", rivals))
        taken = taken | best.explained
        left = [r for r in left if r is not best.reference]
    return _nameless(_doubted(spectrum, accepted, tests))


def _nameless(accepted: _Accepted) -> _Accepted:
    """Lower to candidates what agrees but cannot be named: open questions, and rows that nobody ever measured."""
    return [(f, "candidate" if _why_unnamed(f) else status, others) for f, status, others in accepted]


def _why_unnamed(fit: _Fit) -> str:
    entry = fit.reference.entry
    if entry.open_question is not None:
        return f"open question: {entry.open_question}"
    bands = [b for s in fit.reference.slots for b in s.bands]
    if all(bands[b].basis == "group_frequency" for _, b in fit.pairs):
        return "group frequencies only: no measured spectrum of the species stands behind these bands"
    return ""


def _could_match(reference: _Reference, spectrum: _Spectrum) -> bool:
    """Return whether the widths alone allow enough bands to agree; the count of such entries is the number of tests."""
    if not spectrum.peaks:
        return False
    slots = reference.slot[_width_fits(reference, spectrum).any(axis=1)]
    return reference.only_band or np.unique(slots).size >= spectrum.settings.min_bands


def _doubted(spectrum: _Spectrum, accepted: _Accepted, tests: int) -> _Accepted:
    """Lower to candidates what is not beyond doubt while high peaks stay unexplained.

    A species that the library lacks shares bands with its chemical neighbours (EMC with DEC); the bands that it does
    not share are the only warning.
    """
    left = spectrum.height[~_taken(spectrum, accepted)]
    if not left.size or left.max() < _STRANGER * spectrum.height.max():
        return accepted
    strict = _STRANGER_CHANCE * spectrum.settings.chance / tests
    return [(f, "candidate" if f.p_value > strict else status, others) for f, status, others in accepted]


def _is_assigned(fit: _Fit, spectrum: _Spectrum, entries: int, taken: NDArray[np.bool_]) -> bool:
    s = spectrum.settings
    if fit.score < s.min_score or not fit.new.any() or not fit.strongest_matched:
        return False
    if fit.reference.only_band:
        band = fit.reference.slots[0].bands[0]
        leading = float(spectrum.height[fit.new].max()) >= _LEADING * float(spectrum.height[~taken].max())
        return band.discriminating and fit.close and leading and fit.p_value <= s.chance
    return fit.new_slots >= s.min_bands and fit.p_value <= s.chance / entries


def _rivals(best: _Fit, fits: list[_Fit], spectrum: _Spectrum) -> tuple[str, ...]:
    """Return the ids of entries that explain the same new peaks about as well."""
    own = float(spectrum.area[best.new].sum())
    rivals = [
        f
        for f in fits
        if f is not best
        and f.score >= best.score - spectrum.settings.ambiguity_margin
        and f.strongest_matched
        and f.new_slots >= 0.75 * best.new_slots
        and float(spectrum.area[best.new & f.new].sum()) >= _SHARED * own
    ]
    return tuple(f.reference.entry.id for f in sorted(rivals, key=lambda f: -f.score))


def _taken(spectrum: _Spectrum, accepted: _Accepted) -> NDArray[np.bool_]:
    taken = np.zeros(len(spectrum.peaks), bool)
    for fit, _, _ in accepted:
        taken |= fit.explained
    return taken


def _candidates(
    spectrum: _Spectrum, references: list[_Reference], accepted: _Accepted, taken: NDArray[np.bool_]
) -> _Accepted:
    """Name what a peak left over may be, without claiming it: an entry whose strongest, discriminating band agrees."""
    done = {fit.reference.entry.id for fit, _, _ in accepted}
    named = {i for _, _, others in accepted for i in others}
    fits = [_compare(r, spectrum, taken) for r in references if r.entry.id not in done | named]
    fits = [f for f in fits if _is_candidate(f, spectrum, taken)]
    fits.sort(key=lambda f: (-f.merit, f.reference.entry.id))
    found: _Accepted = []
    while fits and len(found) < _MOST_CANDIDATES:
        best = fits.pop(0)
        rivals = [f for f in fits if np.any(f.new & best.new)]
        found.append((best, "candidate", tuple(f.reference.entry.id for f in rivals)))
        fits = [f for f in fits if not any(f is r for r in rivals)]
    return found


def _is_candidate(fit: _Fit, spectrum: _Spectrum, taken: NDArray[np.bool_]) -> bool:
    if not fit.strongest_matched or fit.score < _CANDIDATE_SCORE or fit.p_value > _CANDIDATE_CHANCE:
        return False
    if float(spectrum.height[fit.new].max(initial=0.0)) < _CANDIDATE_HEIGHT * float(spectrum.height.max()):
        return False
    matched = {int(fit.reference.slot[b]) for p, b in fit.pairs if not taken[p]}
    return any(b.discriminating for n in matched for b in fit.reference.slots[n].bands)


# ---- rows -----------------------------------------------------------------------------------------------------------


def _row(
    component: int,
    spectrum: _Spectrum,
    fit: _Fit,
    status: Status,
    alternatives: tuple[str, ...],
    unexplained: tuple[float, ...],
    library: Library,
) -> Assignment:
    reference = fit.reference
    bands = [b for s in reference.slots for b in s.bands]
    tolerance = _tolerance(reference, spectrum) / spectrum.settings.coverage
    matched = tuple(
        BandMatch(
            observed_cm1=float(spectrum.position[p]),
            reference_cm1=bands[b].position_cm1,
            uncertainty_cm1=float(tolerance[b, p]),
            assignment=bands[b].assignment,
        )
        for p, b in fit.pairs
    )
    used = _relevant_bands(fit, spectrum, bands)
    return Assignment(
        component=component,
        compound_id=reference.entry.id,
        compound=reference.entry.name,
        score=float(min(fit.score, 1.0)),
        q_value=None,
        evidence=_evidence(used),
        kind=_kind(reference.entry, library),
        matched=matched,
        missing_cm1=fit.missing,
        unexplained_cm1=unexplained,
        status=status,
        alternatives=alternatives,
        note=_note(reference.entry, used, fit, library),
    )


def _kind(entry: Entry, library: Library) -> str:
    origin = library.origin.get(entry.id, BUNDLED)
    return entry.kind if origin == BUNDLED else f"{entry.kind} ({Path(origin).name})"


def _relevant_bands(fit: _Fit, spectrum: _Spectrum, bands: list[Band]) -> list[Band]:
    """Return the bands matched and those of the same mode that the same peak meets as well.

    A contested row at the place of an established one stays visible that way.
    """
    tolerance = _tolerance(fit.reference, spectrum)
    used: list[Band] = []
    for peak, band in fit.pairs:
        same = np.flatnonzero(fit.reference.slot == fit.reference.slot[band])
        for other in same:
            near = abs(spectrum.position[peak] - fit.reference.position[other]) <= tolerance[other, peak]
            if near and not any(bands[other] is b for b in used):
                used.append(bands[other])
    return used


def _evidence(bands: list[Band]) -> str:
    weakest = max(bands, key=lambda b: EVIDENCE_ORDER.index(b.evidence)).evidence
    seen = sum(b.provenance == "seen" for b in bands)
    return f"{weakest} ({seen} seen, {len(bands) - seen} recalled)"


def _note(entry: Entry, bands: list[Band], fit: _Fit, library: Library) -> str:
    notes = [reason] if (reason := _why_unnamed(fit)) else []
    if entry.id in library.overridden:
        notes.append(f"this entry stands in place of another of the same id: {library.origin[entry.id]}")
    if fit.new_slots < 2 and not fit.reference.only_band:
        notes.append("one band is not enough")
    if entry.laser_product:
        notes.append("the laser is known to make this species: check it against dose")
    notes += [f"{b.position_cm1:g} is {b.evidence}: {b.evidence_note}" for b in bands if b.evidence == "contested"]
    return "; ".join(notes)


def _open_questions(spectrum: _Spectrum, references: list[_Reference]) -> tuple[str, ...]:
    """Return the ids of open questions that are about broad bands like those of this spectrum."""
    found = []
    for reference in references:
        if reference.entry.open_question is None or not spectrum.broad.any():
            continue
        near = np.abs(spectrum.position[None, :] - reference.position[:, None]) <= reference.uncertainty[:, None]
        wide = np.nan_to_num(reference.fwhm)[:, None] >= spectrum.settings.broad_cm1
        if np.any(near & wide & spectrum.broad[None, :]):
            found.append(reference.entry.id)
    return tuple(found)


def _unassigned(
    component: int, spectrum: _Spectrum, unexplained: tuple[float, ...], questions: tuple[str, ...]
) -> Assignment:
    broad = [f"{p.position_cm1:.0f} ({p.fwhm_cm1:.0f} wide)" for p in spectrum.peaks if p.broad]
    note = "no peak stands above the noise" if not spectrum.peaks else "no library entry explains these peaks"
    if broad:
        note += f"; broad: {', '.join(broad)}"
    if questions:
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
