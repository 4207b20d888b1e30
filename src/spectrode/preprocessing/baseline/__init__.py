"""Backgrounds (fluorescence, luminescence of glass), with the names, defaults and numbers of pybaselines.

Every step returns the intensities less the background, and the background itself as the product ``background``: it is
a signal of its own. A constant spectrum is its own background. Spectra whose iteration did not settle are counted in
the notes. ``lam`` acts on channels: half the distance between channels needs about 16 times the ``lam`` for the same
stiffness.
"""

from __future__ import annotations

from .automatic import auto as auto  # no method of pybaselines
from .classification import dietrich, fabc, fastchrom, golotvin, std_distribution
from .geometric import corner_cutting, rubberband
from .map_aware import map_aware as map_aware
from .misc import beads, brpls, lsrpls, mixture_model, pspline_brpls, pspline_derpsalsa
from .optimizers import adaptive_minmax, optimize_extended_range
from .optimizers import collab_pls as collab_pls  # these two take other parameters than those of pybaselines
from .optimizers import custom_bc as custom_bc
from .polynomial import goldindec, imodpoly, loess, modpoly, penalized_poly, poly, quant_reg
from .smoothing import ipsa, noise_median, peak_filling, ria, swima
from .spline import (
    irsqr,
    pspline_airpls,
    pspline_arpls,
    pspline_asls,
    pspline_aspls,
    pspline_drpls,
    pspline_iarpls,
    pspline_iasls,
    pspline_lsrpls,
    pspline_psalsa,
)
from .whittaker import airpls, arpls, asls, aspls, derpsalsa, drpls, iarpls, iasls, psalsa
from .windows import (
    amormol,
    imor,
    jbcd,
    mor,
    mormol,
    mpls,
    mpspline,
    mwmv,
    pspline_mpls,
    rolling_ball,
    snip,
    tophat,
)

__all__ = [
    "adaptive_minmax",
    "airpls",
    "amormol",
    "arpls",
    "asls",
    "aspls",
    "beads",
    "brpls",
    "corner_cutting",
    "derpsalsa",
    "dietrich",
    "drpls",
    "fabc",
    "fastchrom",
    "goldindec",
    "golotvin",
    "iarpls",
    "iasls",
    "imodpoly",
    "imor",
    "ipsa",
    "irsqr",
    "jbcd",
    "loess",
    "lsrpls",
    "mixture_model",
    "modpoly",
    "mor",
    "mormol",
    "mpls",
    "mpspline",
    "mwmv",
    "noise_median",
    "optimize_extended_range",
    "peak_filling",
    "penalized_poly",
    "poly",
    "psalsa",
    "pspline_airpls",
    "pspline_arpls",
    "pspline_asls",
    "pspline_aspls",
    "pspline_brpls",
    "pspline_derpsalsa",
    "pspline_drpls",
    "pspline_iarpls",
    "pspline_iasls",
    "pspline_lsrpls",
    "pspline_mpls",
    "pspline_psalsa",
    "quant_reg",
    "ria",
    "rolling_ball",
    "rubberband",
    "snip",
    "std_distribution",
    "swima",
    "tophat",
]
