"""Colours and sizes of the figures: colour-blind safe, readable on paper."""

from __future__ import annotations

from typing import Any

# Okabe & Ito (2008), without the yellow that vanishes on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#666666")
FALLING = "#0072B2"
RISING = "#D55E00"
RESTING = "#666666"
MAP = "cividis"

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.2,
    "svg.fonttype": "path",
    "figure.dpi": 100,
    "savefig.dpi": 160,
}


def component_colour(index: int) -> str:
    """Return the colour of a component, the same in every figure."""
    return COLOURS[index % len(COLOURS)]
