"""Draws a reference: as text for a terminal, as a figure for a file."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LibraryError
from .entry import Entry, Technique
from .render import render, render_uncertainty

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_figure", "draw_text", "envelope", "save_drawing", "svg_text"]

_EVIDENCE_COLOUR = {"established": "#0072B2", "reported": "#009E73", "tentative": "#E69F00", "contested": "#D55E00"}
_BLOCKS = " ▁▂▃▄▅▆▇█"


def axis_for(entry: Entry, technique: Technique, step_cm1: float = 0.5) -> NDArray[np.float64]:
    """Return an axis that covers the bands of an entry with a margin."""
    positions = [b.position_cm1 for b in entry.bands(technique)]
    if not positions:
        raise LibraryError(f"{entry.id} has no {technique} band to draw")
    low, high = min(positions), max(positions)
    margin = max(60.0, 0.06 * (high - low))
    return np.arange(max(low - margin, 0.0), high + margin, step_cm1)


def envelope(entry: Entry, shift: NDArray[np.float64], technique: Technique) -> NDArray[np.float64]:
    """Return the drawn spectrum of an entry whose states are alternatives: the highest of them at each channel.

    Bands of a crystal and of the same species on a surface stand side by side in an entry; a sample shows one or the
    other, so their sum would be a spectrum that nobody has.
    """
    states = dict.fromkeys(b.state for b in entry.bands(technique))
    drawn = [render(entry, shift, technique=technique, states=(s,)) for s in states]
    return np.asarray(np.max(drawn, axis=0))


def draw_text(entry: Entry, *, technique: Technique = "raman", width: int = 78, height: int = 8) -> str:
    """Return a drawing in block characters with an axis below it.

    Parameters
    ----------
    width, height
        Size in characters.
    """
    shift = axis_for(entry, technique)
    drawn = envelope(entry, shift, technique)
    edges = np.linspace(0, shift.size, width + 1).astype(int)
    columns = np.array([drawn[a:b].max() if b > a else 0.0 for a, b in pairwise(edges)])
    eighths = np.round(columns / max(columns.max(), 1e-12) * height * 8).astype(int)
    rows = range(height - 1, -1, -1)
    lines = ["".join(_BLOCKS[min(max(e - 8 * row, 0), 8)] for e in eighths).rstrip() for row in rows]
    left, right = f"{shift[0]:.0f}", f"{shift[-1]:.0f} cm-1"
    lines += ["─" * width, left + right.rjust(width - len(left))]
    return "\n".join(lines)


def draw_figure(entry: Entry, *, technique: Technique = "raman") -> Figure:
    """Return a figure: the drawn spectrum, and a stick a band coloured by its standing, with its uncertainty."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(8.6, 3.2), layout="constrained")
    ax: Any = figure.subplots()
    shift = axis_for(entry, technique)
    if entry.visible_in(technique):
        drawn = envelope(entry, shift, technique)
        doubt = render_uncertainty(entry, shift, technique=technique)
        ax.fill_between(shift, np.maximum(drawn - doubt, 0), drawn + doubt, color="0.9", lw=0, zorder=0)
        ax.plot(shift, drawn, color="0.55", lw=1.0, zorder=1)
    bands = entry.bands(technique)
    for band in bands:
        colour = _EVIDENCE_COLOUR[band.evidence]
        style = "-" if band.provenance == "seen" else (0, (3, 2))
        ax.plot([band.position_cm1] * 2, [0, band.rel_intensity], color=colour, lw=1.5, ls=style, zorder=2)
        low, high = band.position_cm1 - band.uncertainty_cm1, band.position_cm1 + band.uncertainty_cm1
        ax.plot([low, high], [band.rel_intensity] * 2, color=colour, lw=1.5, zorder=2)
    _label(ax, bands)
    ax.set_xlim(shift[0], shift[-1])
    ax.set_ylim(0, 1.3 * max([b.rel_intensity for b in bands] or [1.0]))
    ax.set_xlabel("Raman shift / cm⁻¹" if technique == "raman" else "wavenumber / cm⁻¹")
    ax.set_ylabel("relative intensity")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    present = [e for e in _EVIDENCE_COLOUR if any(b.evidence == e for b in bands)]
    handles = [Line2D([], [], color=_EVIDENCE_COLOUR[e], lw=1.5, label=e) for e in present]
    if any(b.provenance == "recalled" for b in bands):
        handles.append(Line2D([], [], color="black", lw=1.5, ls=(0, (3, 2)), label="recalled, not verified"))
    ax.legend(handles=handles, frameon=False, fontsize=8, ncols=len(handles), loc="lower left", bbox_to_anchor=(0, 1.0))
    return figure


def _label(ax: Any, bands: tuple[Any, ...]) -> None:
    """Write positions over the strongest bands, leaving out those that would overlap."""
    taken: list[float] = []
    span = ax.get_xlim()[1] - ax.get_xlim()[0]
    for band in sorted(bands, key=lambda b: -b.rel_intensity)[:14]:
        if all(abs(band.position_cm1 - t) > 0.035 * span for t in taken):
            ax.annotate(
                f"{band.position_cm1:g}", (band.position_cm1, band.rel_intensity), xytext=(0, 3),
                textcoords="offset points", ha="center", fontsize=7.5,
            )  # fmt: skip
            taken.append(band.position_cm1)


def svg_text(entry: Entry, *, technique: Technique = "raman") -> str:
    """Return the drawing as SVG text, the same for the same entry."""
    import io

    import matplotlib as mpl

    stream = io.StringIO()
    with mpl.rc_context(
        {"svg.hashsalt": entry.id, "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 9}
    ):
        draw_figure(entry, technique=technique).savefig(stream, format="svg", metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]


def save_drawing(entry: Entry, path: str | Path, *, technique: Technique = "raman") -> None:
    """Write the drawing as PNG or SVG, by the file's ending; atomic."""
    from .._atomic import atomic_file

    path = Path(path)
    if path.suffix.lower() not in (".png", ".svg"):
        raise LibraryError(
            f"{path}: a drawing can be written as .png or .svg, not {path.suffix or 'without an ending'}"
        )
    with atomic_file(path) as temporary:
        if path.suffix.lower() == ".svg":
            temporary.write_text(svg_text(entry, technique=technique), encoding="utf-8")
        else:
            draw_figure(entry, technique=technique).savefig(temporary, format="png", dpi=160)
