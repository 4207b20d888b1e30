"""Entries that cannot be there, to count how often the assignment is fooled.

Each decoy is an entry whose modes are moved by 15 to 60 cm-1: outside any tolerance, inside the same stretch of
functional-group frequencies, preferably to where other species of the library have bands, and never onto a band of the
entry itself. Searched beside the real entries they win as often by accident as real entries that are absent
(target–decoy competition: Elias and Gygi, Nat. Methods 4 (2007) 207; decoy spectral libraries: Lam, Deutsch and
Aebersold, J. Proteome Res. 9 (2010) 605).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..library.entry import Entry
from .references import DECOY, slots_of

__all__ = ["decoy_of", "decoys_of", "is_decoy", "q_values"]

Floats = NDArray[np.float64]

_STRATA = (0.0, 350.0, 650.0, 850.0, 1000.0, 1150.0, 1350.0, 1550.0, 1700.0, 2000.0, 2750.0, 3150.0, 5000.0)
_LEAST_CM1 = 15.0
_MOST_CM1 = 60.0
_KERNEL_CM1 = 20.0


def is_decoy(entry_id: str) -> bool:
    """Return whether an id is that of a decoy."""
    return entry_id.startswith(DECOY)


def decoys_of(entries: Iterable[Entry], seed: int) -> list[Entry]:
    """Return one decoy for each entry; the same seed gives the same decoys."""
    entries = list(entries)
    positions = np.array([b.position_cm1 for e in entries for b in e.bands("raman")])
    return [decoy_of(e, positions, np.random.default_rng([seed, n])) for n, e in enumerate(entries)]


def decoy_of(entry: Entry, positions: Floats, rng: np.random.Generator) -> Entry:
    """Return one decoy; ``positions`` are all band positions of the library, which draw the moved bands."""
    own = np.array([b.position_cm1 for b in entry.bands("raman")])
    moved = {}
    for bands, _ in slots_of(entry):
        by = _move(bands[0].position_cm1, max(b.uncertainty_cm1 for b in bands), own, positions, rng)
        for band in bands:
            moved[id(band)] = replace(band, position_cm1=band.position_cm1 + by)
    return replace(
        entry, id=DECOY + entry.id, name=f"decoy of {entry.name}", band=tuple(moved.get(id(b), b) for b in entry.band)
    )


def _move(at: float, uncertainty: float, own: Floats, positions: Floats, rng: np.random.Generator) -> float:
    least = max(_LEAST_CM1, 2.0 * uncertainty)
    most = max(_MOST_CM1, least + 15.0)
    steps = np.concatenate([np.arange(-most, -least + 0.5), np.arange(least, most + 0.5)])
    target = at + steps
    stratum = int(np.searchsorted(_STRATA, at, side="right"))
    inside = np.searchsorted(_STRATA, target, side="right") == stratum
    clear = np.min(np.abs(target[:, None] - own[None, :]), axis=1) >= 0.8 * _LEAST_CM1
    weight = np.exp(-0.5 * ((target[:, None] - positions[None, :]) / _KERNEL_CM1) ** 2).sum(axis=1) + 1e-3
    for allowed in (inside & clear, clear, np.ones(steps.size, bool)):
        if allowed.any():
            chance = np.where(allowed, weight, 0.0)
            return float(rng.choice(steps, p=chance / chance.sum()))
    return least


def q_values(targets: Sequence[float], decoys: Sequence[float]) -> Floats:
    """Return the q-value of each target score: FDR(s) = (1 + decoys ≥ s) / targets ≥ s, made monotone from below.

    The one added makes the estimate honest for few scores (Levitsky et al., J. Proteome Res. 16 (2017) 393); with
    fewer than twenty targets no q-value can reach 0.05.

    Parameters
    ----------
    targets, decoys : sequence of float
        Scores of the winners; larger is better.
    """
    score, null = np.asarray(targets, dtype=float), np.sort(np.asarray(decoys, dtype=float))
    if not score.size:
        return np.zeros(0)
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    above = np.searchsorted(-ranked, -ranked, side="right")
    beaten = null.size - np.searchsorted(null, ranked, side="left")
    rate = np.minimum((1.0 + beaten) / above, 1.0)
    out = np.empty(score.size)
    out[order] = np.minimum.accumulate(rate[::-1])[::-1]
    return out
