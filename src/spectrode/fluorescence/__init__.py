"""Fluorescence as a result: what the removed background says about the sample, its bleaching and the potential."""

from __future__ import annotations

from .bleaching import Bleaching, fit_bleaching, fit_pooled
from .dataset import FluorescenceReport, from_background
from .potential import AgainstPotential, SweepTrend, against_potential
from .summary import BackgroundSummary, summarise

__all__ = [
    "AgainstPotential",
    "BackgroundSummary",
    "Bleaching",
    "FluorescenceReport",
    "SweepTrend",
    "against_potential",
    "fit_bleaching",
    "fit_pooled",
    "from_background",
    "summarise",
]
