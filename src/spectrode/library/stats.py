"""Coverage and quality of a library in numbers that are counted, never claimed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .collection import Library
from .entry import Entry

__all__ = ["GroupStats", "LibraryStats", "stats", "stats_table"]


@dataclass(frozen=True)
class GroupStats:
    """Counts of a group, or of the whole library. Withdrawn entries are not counted."""

    name: str
    compounds: int
    raman_bands: int
    ir_bands: int
    seen_bands: int
    """Bands whose position was read in a source above the tier ``unrefereed``."""
    measured_intensities: int
    """Bands whose relative intensity is a measurement."""
    discriminating_bands: int
    weak_bands: int
    """Bands whose assignment is tentative or contested."""
    group_frequencies: int
    """Bands taken from tables of functional groups."""
    sources: int
    """Different sources cited."""
    measured_entries: int
    """Entries that hold a measured curve."""
    raman_invisible: int
    """Entries without a Raman band of their own, by symmetry or because none is known."""
    open_questions: int

    @property
    def bands(self) -> int:
        """Bands of both techniques."""
        return self.raman_bands + self.ir_bands

    @property
    def share_seen(self) -> float:
        """Share of the bands that were read, 0 to 1."""
        return self.seen_bands / self.bands if self.bands else 0.0

    @property
    def share_measured(self) -> float:
        """Share of the relative intensities that are measurements, 0 to 1."""
        return self.measured_intensities / self.bands if self.bands else 0.0


@dataclass(frozen=True)
class LibraryStats:
    """Counts of every group, ordered by name, and of the whole."""

    groups: tuple[GroupStats, ...]
    total: GroupStats


def stats(library: Library) -> LibraryStats:
    """Count a library.

    Parameters
    ----------
    library : Library
        Bundled, a user's own, or both together.
    """
    entries = [e for e in library if e.withdrawn is None]
    groups = sorted({e.group for e in entries})
    return LibraryStats(
        tuple(_count(name, [e for e in entries if e.group == name]) for name in groups), _count("all", entries)
    )


def stats_table(found: LibraryStats) -> str:
    """Return the counts as a table in Markdown."""
    head = (
        "| group | compounds | bands Raman / IR | positions seen | intensities measured | group frequencies "
        "| tentative or contested | no Raman band | measured curves | sources |"
    )
    lines = [head, "|" + "---|" * (head.count("|") - 1)]
    for g in (*found.groups, found.total):
        name = f"`{g.name}`" if g is not found.total else "**all**"
        lines.append(
            f"| {name} | {g.compounds} | {g.raman_bands} / {g.ir_bands} | {g.seen_bands} ({g.share_seen:.0%}) "
            f"| {g.measured_intensities} ({g.share_measured:.0%}) | {g.group_frequencies} | {g.weak_bands} "
            f"| {g.raman_invisible} | {g.measured_entries} | {g.sources} |"
        )
    return "\n".join(lines) + "\n"


def _count(name: str, entries: Iterable[Entry]) -> GroupStats:
    entries = list(entries)
    bands = [b for e in entries for b in e.band]
    return GroupStats(
        name=name,
        compounds=len(entries),
        raman_bands=sum(b.technique == "raman" for b in bands),
        ir_bands=sum(b.technique == "ir" for b in bands),
        seen_bands=sum(b.provenance == "seen" for b in bands),
        measured_intensities=sum(b.rel_intensity_basis == "measured" for b in bands),
        discriminating_bands=sum(b.discriminating for b in bands),
        weak_bands=sum(b.evidence in ("tentative", "contested") for b in bands),
        group_frequencies=sum(b.basis == "group_frequency" for b in bands),
        sources=len({s.id for e in entries for s in e.source}),
        measured_entries=sum(e.kind == "measured" for e in entries),
        raman_invisible=sum(not e.visible_in("raman") for e in entries),
        open_questions=sum(e.open_question is not None for e in entries),
    )
