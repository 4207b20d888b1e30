"""Backgrounds by penalised splines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...pipeline.step import StepOutput, step
from ._common import (
    Degree,
    Floats,
    Fraction,
    Knots,
    Lam,
    Order,
    OrderFrom2,
    Positive,
    Rounds,
    Share,
    Tolerance,
    documented,
    subtracted,
)

__all__ = [
    "irsqr",
    "pspline_airpls",
    "pspline_arpls",
    "pspline_asls",
    "pspline_aspls",
    "pspline_drpls",
    "pspline_iarpls",
    "pspline_iasls",
]


@step("baseline.irsqr", cite="Han2018")
@documented
def irsqr(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 100.0,
    quantile: Share = 0.05,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 3,
    max_iter: Rounds = 100,
    tol: Tolerance = 1e-6,
) -> StepOutput:
    """Subtract a background by iteratively reweighted spline quantile regression."""
    return subtracted(
        "irsqr",
        intensity,
        shift,
        lam=lam,
        quantile=quantile,
        num_knots=num_knots,
        spline_degree=spline_degree,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
    )


@step("baseline.pspline_asls", cite=("Eilers2005", "Eilers1996"))
@documented
def pspline_asls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e3,
    p: Share = 1e-2,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of asls."""
    return subtracted(
        "pspline_asls",
        intensity,
        shift,
        lam=lam,
        p=p,
        num_knots=num_knots,
        spline_degree=spline_degree,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
    )


@step("baseline.pspline_iasls", cite=("He2014", "Eilers1996"))
@documented
def pspline_iasls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e1,
    p: Share = 1e-2,
    lam_1: Lam = 1e-4,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    diff_order: OrderFrom2 = 2,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of iasls."""
    return subtracted(
        "pspline_iasls",
        intensity,
        shift,
        lam=lam,
        p=p,
        lam_1=lam_1,
        num_knots=num_knots,
        spline_degree=spline_degree,
        max_iter=max_iter,
        tol=tol,
        diff_order=diff_order,
    )


@step("baseline.pspline_airpls", cite=("Zhang2010", "Eilers1996"))
@documented
def pspline_airpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e3,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of airpls."""
    return subtracted(
        "pspline_airpls",
        intensity,
        shift,
        lam=lam,
        num_knots=num_knots,
        spline_degree=spline_degree,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
    )


@step("baseline.pspline_arpls", cite=("Baek2015", "Eilers1996"))
@documented
def pspline_arpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e3,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of arpls."""
    return subtracted(
        "pspline_arpls",
        intensity,
        shift,
        lam=lam,
        num_knots=num_knots,
        spline_degree=spline_degree,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
    )


@step("baseline.pspline_drpls", cite=("Xu2019", "Eilers1996"))
@documented
def pspline_drpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e3,
    eta: Fraction = 0.5,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: OrderFrom2 = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of drpls."""
    return subtracted(
        "pspline_drpls",
        intensity,
        shift,
        lam=lam,
        eta=eta,
        num_knots=num_knots,
        spline_degree=spline_degree,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
    )


@step("baseline.pspline_iarpls", cite=("Ye2020", "Eilers1996"))
@documented
def pspline_iarpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e3,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of iarpls."""
    return subtracted(
        "pspline_iarpls",
        intensity,
        shift,
        lam=lam,
        num_knots=num_knots,
        spline_degree=spline_degree,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
    )


@step("baseline.pspline_aspls", cite=("Zhang2020", "Eilers1996"))
@documented
def pspline_aspls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e4,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 100,
    tol: Tolerance = 1e-3,
    asymmetric_coef: Positive = 0.5,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of aspls."""
    return subtracted(
        "pspline_aspls",
        intensity,
        shift,
        lam=lam,
        num_knots=num_knots,
        spline_degree=spline_degree,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
        asymmetric_coef=asymmetric_coef,
    )
