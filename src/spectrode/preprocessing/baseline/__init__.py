"""Backgrounds (fluorescence, luminescence of glass), computed by pybaselines with its names and defaults.

Every step returns the intensities less the background, and the background itself as the product ``background``: it is
a signal of its own. A constant spectrum is its own background. Spectra whose iteration did not settle are counted in
the notes. ``lam`` acts on channels: half the distance between channels needs about 16 times the ``lam`` for the same
stiffness.
"""

from __future__ import annotations

from .classification import fabc
from .geometric import rubberband
from .polynomial import imodpoly, modpoly
from .spline import (
    irsqr,
    pspline_airpls,
    pspline_arpls,
    pspline_asls,
    pspline_aspls,
    pspline_drpls,
    pspline_iarpls,
    pspline_iasls,
)
from .whittaker import airpls, arpls, asls, aspls, derpsalsa, drpls, iarpls, iasls, psalsa
from .windows import imor, mor, rolling_ball, snip

__all__ = [
    "airpls",
    "arpls",
    "asls",
    "aspls",
    "derpsalsa",
    "drpls",
    "fabc",
    "iarpls",
    "iasls",
    "imodpoly",
    "imor",
    "irsqr",
    "modpoly",
    "mor",
    "psalsa",
    "pspline_airpls",
    "pspline_arpls",
    "pspline_asls",
    "pspline_aspls",
    "pspline_drpls",
    "pspline_iarpls",
    "pspline_iasls",
    "rolling_ball",
    "rubberband",
    "snip",
]
