"""A hash of what a library says about bands, so that numbers made with it can tell when they are out of date."""

from __future__ import annotations

import hashlib

from .collection import Library
from .entry import Entry, Technique

__all__ = ["fingerprint"]


def fingerprint(library: Library, technique: Technique = "raman") -> str:
    """Return a SHA-256 (hex) over ids and bands of the entries that this technique shows.

    Names, notes and sources do not change it; a band moved, added or judged differently does.
    """
    digest = hashlib.sha256()
    for entry in sorted(library.filter(technique), key=lambda e: e.id):
        digest.update(_text(entry, technique).encode())
    return digest.hexdigest()


def _text(entry: Entry, technique: Technique) -> str:
    lines = [f"{entry.id}|{entry.open_question is not None}"]
    lines += [
        f"{b.position_cm1!r}|{b.uncertainty_cm1!r}|{b.fwhm_cm1!r}|{b.rel_intensity!r}|{b.rel_intensity_basis}|"
        f"{b.state}|{b.coordination}|{b.condition}|{b.evidence}|{b.basis}|{b.discriminating}"
        for b in entry.bands(technique)
    ]
    return "\n".join(lines) + "\n"
