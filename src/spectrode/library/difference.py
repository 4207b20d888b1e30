"""What changed between two libraries, in words that a reviewer can judge."""

from __future__ import annotations

import dataclasses

from .collection import Library
from .entry import Band, Entry

__all__ = ["library_difference"]


def library_difference(old: Library, new: Library) -> list[str]:
    """Return one line a change: entries added, removed, withdrawn, and what changed inside the others."""
    lines = [f"+ {i}: {new.entries[i].name}" for i in new.entries if i not in old.entries]
    lines += [f"- {i}: removed; withdraw it instead, ids are never reused" for i in old.entries if i not in new.entries]
    for entry_id, entry in new.entries.items():
        if entry_id in old.entries:
            lines += [f"~ {entry_id}: {words}" for words in _entry_difference(old.entries[entry_id], entry)]
    return lines


def _entry_difference(old: Entry, new: Entry) -> list[str]:
    words = []
    if old.withdrawn is None and new.withdrawn is not None:
        words.append(f"withdrawn: {new.withdrawn.reason}")
    for field in dataclasses.fields(Entry):
        if field.name in ("band", "source", "withdrawn"):
            continue
        one, two = getattr(old, field.name), getattr(new, field.name)
        if one != two:
            words.append(f"{field.name} was {_short(one)}, is {_short(two)}")
    words += _band_differences(old, new)
    one_sources, two_sources = {s.id for s in old.source}, {s.id for s in new.source}
    words += [f"source {i} added" for i in sorted(two_sources - one_sources)]
    words += [f"source {i} removed" for i in sorted(one_sources - two_sources)]
    return words


def _key(band: Band) -> tuple[object, ...]:
    return band.technique, band.assignment, band.state, band.coordination, band.condition


def _band_differences(old: Entry, new: Entry) -> list[str]:
    before, after = list(old.band), list(new.band)
    for band in list(before):
        if band in after:
            before.remove(band)
            after.remove(band)
    words = []
    for band in before:
        twin = next((b for b in after if _key(b) == _key(band)), None)
        if twin is None:
            words.append(f"{_name(band)} removed")
            continue
        after.remove(twin)
        changes = [
            f"{f.name} was {_short(getattr(band, f.name))}, is {_short(getattr(twin, f.name))}"
            for f in dataclasses.fields(Band)
            if getattr(band, f.name) != getattr(twin, f.name)
        ]
        words.append(f"{_name(band)}: " + "; ".join(changes))
    return words + [f"{_name(band)} added" for band in after]


def _name(band: Band) -> str:
    return f"{band.technique} band {band.position_cm1:g} ({band.assignment})"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
