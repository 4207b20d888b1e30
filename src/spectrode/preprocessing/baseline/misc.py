"""Backgrounds by models of the noise: Bayesian and locally symmetric weights, mixtures, sparse signals."""

from __future__ import annotations

from typing import Annotated, Literal

from ...pipeline.parameters import Between
from ._common import Degree, HalfWindow, Knots, Lam, Order, Positive, Rounds, Share, Tolerance
from ._methods import delegated

__all__ = ["beads", "brpls", "lsrpls", "mixture_model", "pspline_brpls", "pspline_derpsalsa"]

OptionalHalfWindow = HalfWindow | None
OptionalPositive = Positive | None
Frequency = Annotated[float, Between(1e-6, 0.4999)]

brpls = delegated(
    "brpls",
    "Subtract a background by penalised least squares with Bayesian weights.",
    "Wang2022",
    lam=(Lam, 1e5),
    diff_order=(Order, 2),
    max_iter=(Rounds, 50),
    tol=(Tolerance, 1e-3),
    max_iter_2=(Rounds, 50),
    tol_2=(Tolerance, 1e-3),
)

lsrpls = delegated(
    "lsrpls",
    "Subtract a background by locally symmetric reweighted penalised least squares.",
    "Heng2018",
    lam=(Lam, 1e5),
    diff_order=(Order, 2),
    max_iter=(Rounds, 50),
    tol=(Tolerance, 1e-3),
)

pspline_brpls = delegated(
    "pspline_brpls",
    "Subtract a background by the penalised-spline version of brpls.",
    ("Wang2022", "Eilers2010"),
    lam=(Lam, 1e3),
    num_knots=(Knots, 100),
    spline_degree=(Degree, 3),
    diff_order=(Order, 2),
    max_iter=(Rounds, 50),
    tol=(Tolerance, 1e-3),
    max_iter_2=(Rounds, 50),
    tol_2=(Tolerance, 1e-3),
)

pspline_derpsalsa = delegated(
    "pspline_derpsalsa",
    "Subtract a background by the penalised-spline version of derpsalsa.",
    ("Korepanov2020", "Eilers2010"),
    lam=(Lam, 1e2),
    p=(Share, 0.01),
    k=(OptionalPositive, None),
    num_knots=(Knots, 100),
    spline_degree=(Degree, 3),
    diff_order=(Order, 2),
    max_iter=(Rounds, 50),
    tol=(Tolerance, 1e-3),
    smooth_half_window=(OptionalHalfWindow, None),
)

mixture_model = delegated(
    "mixture_model",
    "Subtract a penalised spline whose residual is a mixture of noise and bands.",
    "deRooi2012",
    lam=(Lam, 1e5),
    p=(Share, 1e-2),
    num_knots=(Knots, 100),
    spline_degree=(Degree, 3),
    diff_order=(Order, 3),
    max_iter=(Rounds, 50),
    tol=(Tolerance, 1e-3),
    symmetric=(bool, False),
)

beads = delegated(
    "beads",
    "Subtract a background by splitting the spectrum into low frequencies and a sparse signal.",
    ("Ning2014", "NavarroHuerta2017"),
    freq_cutoff=(Frequency, 0.005),
    lam_0=(Positive, 1.0),
    lam_1=(Positive, 1.0),
    lam_2=(Positive, 1.0),
    asymmetry=(Positive, 6.0),
    filter_type=(Annotated[int, Between(1, 5)], 1),
    cost_function=(Literal[2, 1], 2),
    max_iter=(Rounds, 50),
    tol=(Tolerance, 1e-2),
    eps_0=(Positive, 1e-6),
    eps_1=(Positive, 1e-6),
    fit_parabola=(bool, True),
    smooth_half_window=(OptionalHalfWindow, None),
)
