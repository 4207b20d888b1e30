"""Find reference bands by position, formula, group or text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .collection import Library
from .entry import Band, Entry, Technique

__all__ = ["Hit", "search"]


@dataclass(frozen=True)
class Hit:
    """One entry found, with the bands that lie in the window searched (none if no position was asked)."""

    entry: Entry
    bands: tuple[Band, ...]
    distance_cm1: float = 0.0
    """Distance of the nearest of these bands from the position asked."""


def search(
    library: Library,
    *,
    position_cm1: float | None = None,
    tolerance_cm1: float = 5.0,
    technique: Technique = "raman",
    formula: str | None = None,
    group: str | None = None,
    text: str | None = None,
) -> list[Hit]:
    """Return the entries that meet every condition given; withdrawn ones are left out.

    Parameters
    ----------
    library : Library
        Where to look.
    position_cm1 : float, optional
        A band must lie within ``tolerance_cm1`` of this position. Hits are then ordered by distance.
    tolerance_cm1 : float
        Half-width of the window in cm-1; larger finds more.
    technique : {"raman", "ir"}
        Which bands the position refers to.
    formula : str
        Formula with the same atoms in any order, charge and hydration as written (``"CLi2O3"`` finds ``Li2CO3``).
    group : str
        Name of a group, such as ``"sei"``.
    text : str
        Words that all occur in the id, name, aliases, notes or band assignments; case does not matter.

    Returns
    -------
    list of Hit
        In the order of the library unless a position was given.
    """
    hits = []
    for entry in library:
        if entry.withdrawn is not None:
            continue
        if group is not None and entry.group != group:
            continue
        if formula is not None and _atoms(entry.formula) != _atoms(formula):
            continue
        if text is not None and not _mentions(entry, text):
            continue
        if position_cm1 is None:
            hits.append(Hit(entry, ()))
            continue
        near = [b for b in entry.bands(technique) if abs(b.position_cm1 - position_cm1) <= tolerance_cm1]
        if near:
            near.sort(key=lambda b: abs(b.position_cm1 - position_cm1))
            hits.append(Hit(entry, tuple(near), abs(near[0].position_cm1 - position_cm1)))
    return sorted(hits, key=lambda hit: hit.distance_cm1)


def _atoms(formula: str) -> object:
    """Return the atom counts of a plain formula, or the text itself where it is not one (polymers, mixtures)."""
    text = formula.replace(" ", "")
    match = re.fullmatch(r"((?:[A-Z][a-z]?\d*\.?\d*)+)([+-]*)", text)
    if not match:
        return text.casefold()
    counts: dict[str, float] = {}
    for symbol, number in re.findall(r"([A-Z][a-z]?)(\d*\.?\d*)", match[1]):
        counts[symbol] = counts.get(symbol, 0.0) + (float(number) if number not in ("", ".") else 1.0)
    return counts, match[2]


def _mentions(entry: Entry, text: str) -> bool:
    parts = (entry.id, entry.name, entry.formula, *entry.aliases, entry.notes, *(b.assignment for b in entry.band))
    everything = " ".join(parts).casefold()
    return all(word in everything for word in text.casefold().split())
