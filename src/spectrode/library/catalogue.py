"""A static HTML catalogue of the library: no scripts, no server, works from a disk."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._atomic import atomic_folder
from .._version import __version__
from .collection import Library
from .drawing import svg_text
from .entry import Band, Entry, Technique
from .stats import stats

__all__ = ["Collision", "collisions", "write_catalogue"]


@dataclass(frozen=True)
class Collision:
    """A band of another species that cannot be told from one of this species by position."""

    band: Band
    other: Entry
    other_band: Band

    @property
    def distance_cm1(self) -> float:
        """Distance of the two positions."""
        return abs(self.band.position_cm1 - self.other_band.position_cm1)


def collisions(
    entry: Entry, library: Library, *, resolution_cm1: float = 4.0, technique: Technique = "raman", least: float = 0.2
) -> list[Collision]:
    """Return the bands of other species within resolution of this species' stronger bands.

    Parameters
    ----------
    resolution_cm1
        Positions closer than this, or than the two uncertainties together, count as the same; larger finds more.
    least
        Bands weaker than this relative intensity are left out on both sides; larger finds fewer.
    """
    found = []
    own = [b for b in entry.bands(technique) if b.rel_intensity >= least]
    for other in library:
        if other.id == entry.id or other.withdrawn is not None or not other.visible_in(technique):
            continue
        for theirs in other.bands(technique):
            if theirs.rel_intensity < least:
                continue
            for band in own:
                reach = max(resolution_cm1, (band.uncertainty_cm1**2 + theirs.uncertainty_cm1**2) ** 0.5)
                if abs(band.position_cm1 - theirs.position_cm1) <= reach:
                    found.append(Collision(band, other, theirs))
    return sorted(found, key=lambda c: (c.band.position_cm1, c.distance_cm1))


def write_catalogue(library: Library, folder: str | Path) -> Path:
    """Write ``index.html``, ``bands.html`` (by position) and a page a species; all of them or none.

    Returns
    -------
    Path
        The index page.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    entries = sorted(library, key=lambda e: (e.group, e.name.casefold()))
    common: dict[str, Any] = {"version": __version__, "total": stats(library).total}
    with atomic_folder(folder) as place:
        pages = {
            "index.html": environment.get_template("index.html").render(
                groups=[(g, [e for e in entries if e.group == g]) for g in library.groups], **common
            ),
            "bands.html": environment.get_template("bands.html").render(
                raman=_by_position(library, "raman"), ir=_by_position(library, "ir"), **common
            ),
        }
        for entry in entries:
            pages[f"{entry.id}.html"] = environment.get_template("species.html").render(
                entry=entry, origin=library.origin[entry.id], **_page(entry, library), **common
            )
        for name, text in pages.items():
            (place / name).write_text(text, encoding="utf-8")
    return Path(folder) / "index.html"


def _by_position(library: Library, technique: Technique) -> list[tuple[Band, Entry]]:
    pairs = [(b, e) for e in library if e.withdrawn is None for b in e.bands(technique)]
    return sorted(pairs, key=lambda pair: pair[0].position_cm1)


def _page(entry: Entry, library: Library) -> dict[str, Any]:
    techniques: list[Technique] = ["raman", "ir"]
    shown = []
    for technique in techniques:
        if entry.bands(technique):
            picture = base64.b64encode(svg_text(entry, technique=technique).encode()).decode()
            near = [] if not entry.visible_in(technique) else collisions(entry, library, technique=technique)
            shown.append((technique, f"data:image/svg+xml;base64,{picture}", entry.bands(technique), near))
    return {"shown": shown, "sources": {s.id: s for s in entry.source}}
