"""Plot colours that follow the viewer's theme and stay apart for colour-blind eyes (Okabe and Ito's palette)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PINNED", "PlotColours", "colours_of"]

PINNED = ("#E69F00", "#009E73", "#D55E00", "#999999")
"""Pinned spectra, in turn."""


@dataclass(frozen=True)
class PlotColours:
    """Colours of one theme."""

    background: str
    text: str
    spectrum: str
    potential: str
    current: str
    component: str
    is_dark: bool


def colours_of(theme_name: str) -> PlotColours:
    """Return the plot colours for a napari theme."""
    from napari.utils.theme import get_theme

    theme = get_theme(theme_name)
    red, green, blue = theme.background.as_rgb_tuple()[:3]
    is_dark = 0.3 * red + 0.6 * green + 0.1 * blue < 128
    return PlotColours(
        background=theme.background.as_hex("long"),
        text=theme.text.as_hex("long"),
        spectrum="#56B4E9" if is_dark else "#0072B2",
        potential="#56B4E9" if is_dark else "#0072B2",
        current="#E69F00" if is_dark else "#D55E00",
        component="#CC79A7",
        is_dark=is_dark,
    )
