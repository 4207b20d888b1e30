"""Backgrounds by penalised least squares on the channels themselves (Whittaker smoothing)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...pipeline.step import StepOutput, step
from ._common import (
    Floats,
    Fraction,
    HalfWindow,
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

__all__ = ["airpls", "arpls", "asls", "aspls", "derpsalsa", "drpls", "iarpls", "iasls", "psalsa"]


@step("baseline.asls", cite="Eilers2005")
@documented
def asls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e6,
    p: Share = 1e-2,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by asymmetric least squares."""
    return subtracted("asls", intensity, shift, lam=lam, p=p, diff_order=diff_order, max_iter=max_iter, tol=tol)


@step("baseline.iasls", cite="He2014")
@documented
def iasls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e6,
    p: Share = 1e-2,
    lam_1: Lam = 1e-4,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    diff_order: OrderFrom2 = 2,
) -> StepOutput:
    """Subtract a background by improved asymmetric least squares."""
    return subtracted(
        "iasls", intensity, shift, lam=lam, p=p, lam_1=lam_1, max_iter=max_iter, tol=tol, diff_order=diff_order
    )


@step("baseline.airpls", cite="Zhang2010")
@documented
def airpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e6,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by adaptive iteratively reweighted penalised least squares."""
    return subtracted("airpls", intensity, shift, lam=lam, diff_order=diff_order, max_iter=max_iter, tol=tol)


@step("baseline.arpls", cite="Baek2015")
@documented
def arpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e5,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by asymmetrically reweighted penalised least squares."""
    return subtracted("arpls", intensity, shift, lam=lam, diff_order=diff_order, max_iter=max_iter, tol=tol)


@step("baseline.drpls", cite="Xu2019")
@documented
def drpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e5,
    eta: Fraction = 0.5,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    diff_order: OrderFrom2 = 2,
) -> StepOutput:
    """Subtract a background by doubly reweighted penalised least squares."""
    return subtracted("drpls", intensity, shift, lam=lam, eta=eta, max_iter=max_iter, tol=tol, diff_order=diff_order)


@step("baseline.iarpls", cite="Ye2020")
@documented
def iarpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e5,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by improved asymmetrically reweighted penalised least squares."""
    return subtracted("iarpls", intensity, shift, lam=lam, diff_order=diff_order, max_iter=max_iter, tol=tol)


@step("baseline.aspls", cite="Zhang2020")
@documented
def aspls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e5,
    diff_order: Order = 2,
    max_iter: Rounds = 100,
    tol: Tolerance = 1e-3,
    asymmetric_coef: Positive = 0.5,
) -> StepOutput:
    """Subtract a background by adaptive smoothness penalised least squares."""
    return subtracted(
        "aspls",
        intensity,
        shift,
        lam=lam,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
        asymmetric_coef=asymmetric_coef,
    )


@step("baseline.psalsa", cite="OllerMoreno2014")
@documented
def psalsa(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e5,
    p: Share = 0.5,
    k: Positive | None = None,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by the peaked signal's asymmetric least squares algorithm."""
    return subtracted("psalsa", intensity, shift, lam=lam, p=p, k=k, diff_order=diff_order, max_iter=max_iter, tol=tol)


@step("baseline.derpsalsa", cite="Korepanov2020")
@documented
def derpsalsa(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e6,
    p: Share = 0.01,
    k: Positive | None = None,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    smooth_half_window: HalfWindow | None = None,
) -> StepOutput:
    """Subtract a background by derivative peak-screening asymmetric least squares."""
    return subtracted(
        "derpsalsa",
        intensity,
        shift,
        lam=lam,
        p=p,
        k=k,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
        smooth_half_window=smooth_half_window,
    )
