"""Which species fit a few band positions, and why the next ones fit less well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import LibraryError
from .collection import Library
from .entry import Band, Entry, Technique

__all__ = ["Ranked", "rank_by_bands"]

_STRONG = 0.5
"""A band at least this strong, relative to the entry's strongest, is expected beside the ones asked for."""


@dataclass(frozen=True)
class Ranked:
    """One species with the bands that fit.

    ``score`` is between 0 and 1: the mean over the positions asked for of closeness times strength, lowered by the
    strong bands of the species that were not asked for. It orders a list and is no probability.
    """

    entry: Entry
    score: float
    matched: tuple[Band | None, ...]
    """One for each position asked for; None where no band lies within the tolerance."""
    would_also_show: tuple[Band, ...]
    """Strong bands of the species that were not asked for: look for them before believing the match."""

    @property
    def hits(self) -> int:
        """How many of the positions fit."""
        return sum(band is not None for band in self.matched)


def rank_by_bands(
    library: Library,
    positions_cm1: Sequence[float],
    *,
    tolerance_cm1: float = 5.0,
    technique: Technique = "raman",
) -> list[Ranked]:
    """Return the species with at least one band near the positions, the best first.

    Species that the technique cannot show are kept if a claimed band of theirs lies there, so that a caveat is seen
    and not silently dropped; they come last.

    Parameters
    ----------
    positions_cm1
        Observed band positions.
    tolerance_cm1
        Half-width of the window around each, to which the uncertainty of the reference band is added in quadrature;
        larger finds more.

    Raises
    ------
    LibraryError
        If no position or a tolerance that is not positive was given.
    """
    if not positions_cm1:
        raise LibraryError("at least one band position must be given to search by bands")
    if not tolerance_cm1 > 0:
        raise LibraryError(f"the tolerance must be above 0 cm-1, but {tolerance_cm1:g} was given")
    found = []
    for entry in library:
        if entry.withdrawn is None:
            ranked = _ranked(entry, positions_cm1, tolerance_cm1, technique)
            if ranked is not None:
                found.append(ranked)
    return sorted(found, key=lambda r: (not r.entry.visible_in(technique), -r.hits, -r.score, r.entry.id))


def _ranked(entry: Entry, positions: Sequence[float], tolerance: float, technique: Technique) -> Ranked | None:
    bands = entry.bands(technique)
    if not bands:
        return None
    strongest = max(b.rel_intensity for b in bands) or 1.0
    matched: list[Band | None] = []
    total = 0.0
    for position in positions:
        near = [(b, _closeness(b, position, tolerance)) for b in bands]
        near = [(b, c) for b, c in near if c > 0]
        if not near:
            matched.append(None)
            continue
        best, closeness = max(near, key=lambda pair: (pair[1] * (0.3 + pair[0].rel_intensity / strongest), pair[1]))
        matched.append(best)
        total += closeness * (0.5 + 0.5 * best.rel_intensity / strongest)
    if not any(matched):
        return None
    others = tuple(
        b
        for b in bands
        if b.rel_intensity >= _STRONG * strongest
        and not any(_closeness(b, p, tolerance) > 0 for p in positions)
        and not any(m is not None and m.assignment == b.assignment and m.state != b.state for m in matched)
    )
    score = total / len(positions) / (1 + 0.15 * len(others))
    return Ranked(entry, score, tuple(matched), others)


def _closeness(band: Band, position: float, tolerance: float) -> float:
    """Return 1 for the very position, falling to 0 at the edge of the window."""
    window = (tolerance**2 + band.uncertainty_cm1**2) ** 0.5
    return float(max(0.0, 1.0 - (abs(band.position_cm1 - position) / window) ** 2))
