"""The library as the matcher sees it: bands as arrays, gathered into modes, over the range that was measured.

The bands of an entry are gathered into *slots*: one vibrational mode with the positions it takes in other states (free
and lithium-coordinated, crystalline and surface). The states are alternatives and are never all demanded at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..library.entry import Band, Entry

__all__ = ["DECOY", "OWN_SCALE_CM1", "References", "Slot", "phase_of", "references_of", "slots_of"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

OWN_SCALE_CM1 = 2000.0
"""Above, organic entries scale their intensities apart."""

DECOY = "decoy:"
"""Beginning of the id of an entry that exists only to be counted when it wins."""

_ALTERNATIVE_CM1 = 35.0  # the farthest that another state may move a mode and still be the same slot
_EDGE_CM1 = 2.0
_LEAST_UNCERTAINTY_CM1 = 0.5
# How likely a band that a source lists is really there in a sample of the species, by the standing of its assignment.
_PRESENCE = {"established": 0.97, "reported": 0.9, "tentative": 0.6, "contested": 0.4}
_PRESENCE_GROUP_FREQUENCY = 0.8
_PRESENCE_OTHER_STATE = 0.3
# Natural logarithm of the factor (one standard deviation) by which an intensity ratio can be off.
_LOG_HEIGHT = {"measured": 0.45, "estimate": 0.8, "class_default": 1.0}


@dataclass(frozen=True)
class Slot:
    """One vibrational mode of an entry with the bands it may show in range."""

    bands: tuple[Band, ...]
    expected: bool
    """Whether its absence counts against the entry."""
    strength: float

    @property
    def weight(self) -> float:
        """Weight in the agreement: the square root, for library intensities are estimates."""
        return float(np.sqrt(self.strength))


@dataclass(frozen=True, eq=False)
class References:
    """All entries compared, flat: ``band_*`` (bands,), ``slot_*`` (slots,), ``entries`` (n,)."""

    entries: tuple[Entry, ...]
    slots: tuple[Slot, ...]
    only_band: NDArray[np.bool_]
    """(n,) the species has one Raman mode in all, in range or not."""
    bands: tuple[Band, ...]
    position: Floats
    uncertainty: Floats
    fwhm: Floats
    """(bands,) NaN where the library knows none."""
    relative: Floats
    log_height: Floats
    presence: Floats
    band_slot: Indices
    slot_entry: Indices
    slot_high: NDArray[np.bool_]
    """(slots,) on the intensity scale above 2000 cm-1."""
    slot_expected: NDArray[np.bool_]
    slot_strength: Floats
    low: float
    high: float

    @property
    def band_entry(self) -> Indices:
        """(bands,) number of the entry of each band."""
        return self.slot_entry[self.band_slot]

    def slots_of_entry(self, entry: int) -> Indices:
        """Return the numbers of an entry's slots."""
        return np.flatnonzero(self.slot_entry == entry)


def phase_of(band: Band) -> str:
    """Return the state of a band as far as Raman positions tell states apart."""
    return {"liquid": "fluid", "solution": "fluid", "crystalline": "solid"}.get(band.state, band.state)


def slots_of(entry: Entry) -> list[tuple[list[Band], bool]]:
    """Return an entry's modes: the bands that stand for one, and whether it is expected.

    The main state is the phase with the most intensity, uncoordinated. Its unconditional bands are expected; a band of
    another state joins the nearest expected one or, far from all, becomes a mode that can only count in favour.
    """
    bands = entry.bands("raman")
    plain = [b for b in bands if b.coordination in ("na", "free")] or list(bands)
    phases = {phase_of(b) for b in plain}
    main_phase = max(sorted(phases), key=lambda ph: sum(b.rel_intensity for b in plain if phase_of(b) == ph))
    main = [b for b in plain if phase_of(b) == main_phase]
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
    return list(zip(groups, expected, strict=True))


def references_of(entries: Iterable[Entry], low: float, high: float) -> References:
    """Return the entries that have a mode between two Raman shifts (cm-1), as arrays."""
    kept: list[Entry] = []
    only: list[bool] = []
    slots: list[Slot] = []
    owner: list[int] = []
    for entry in entries:
        modes = slots_of(entry)
        inside = [([b for b in g if low + _EDGE_CM1 <= b.position_cm1 <= high - _EDGE_CM1], e) for g, e in modes]
        found = [Slot(tuple(g), e, max(max(b.rel_intensity for b in g), 1e-3)) for g, e in inside if g]
        if not found:
            continue
        owner += [len(kept)] * len(found)
        slots += found
        kept.append(entry)
        only.append(len(modes) == 1 and modes[0][1])
    bands = [b for s in slots for b in s.bands]
    number = [n for n, s in enumerate(slots) for _ in s.bands]
    return References(
        entries=tuple(kept),
        slots=tuple(slots),
        only_band=np.array(only, dtype=bool),
        bands=tuple(bands),
        position=np.array([b.position_cm1 for b in bands], dtype=float),
        uncertainty=np.array([max(b.uncertainty_cm1, _LEAST_UNCERTAINTY_CM1) for b in bands], dtype=float),
        fwhm=np.array([np.nan if b.fwhm_cm1 is None else b.fwhm_cm1 for b in bands], dtype=float),
        relative=np.array([max(b.rel_intensity, 1e-3) for b in bands], dtype=float),
        log_height=np.array([_LOG_HEIGHT[b.rel_intensity_basis] for b in bands], dtype=float),
        presence=np.array([_presence(b, slots[n].expected) for b, n in zip(bands, number, strict=True)], dtype=float),
        band_slot=np.array(number, dtype=np.intp),
        slot_entry=np.array(owner, dtype=np.intp),
        slot_high=np.array([s.bands[0].position_cm1 >= OWN_SCALE_CM1 for s in slots], dtype=bool),
        slot_expected=np.array([s.expected for s in slots], dtype=bool),
        slot_strength=np.array([s.strength for s in slots], dtype=float),
        low=low,
        high=high,
    )


def _presence(band: Band, expected: bool) -> float:
    if not expected:
        return _PRESENCE_OTHER_STATE
    if band.basis == "group_frequency":
        return min(_PRESENCE_GROUP_FREQUENCY, _PRESENCE[band.evidence])
    return _PRESENCE[band.evidence]
