"""Backgrounds by penalised splines.

The numbers are those of pybaselines 1.2, computed for sixteen spectra at a time. A masked channel has weight 0 in every
round and takes no part in the statistics of the residuals; the background runs on below it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import StepError
from ...pipeline.parameters import Between, Unit
from ...pipeline.step import StepOutput, step
from ._common import (
    _HELP,
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
    "pspline_lsrpls",
    "pspline_psalsa",
    "spline_lam_from_cutoff",
]

Axis = NDArray[np.float64]
Mask = NDArray[np.bool_] | None
Cutoff = Annotated[float | None, Between(1e-6, 1e9), Unit("cm-1")]

_SPLINE_HELP = _HELP | {
    "cutoff_cm1": "Period of the ripple that goes into the background to half where all weights are 1, instead of "
    "lam; larger is smoother. It must exceed four distances of knots.",
}


def _documented(function: Callable[..., StepOutput]) -> Callable[..., StepOutput]:
    names = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    lines = [f"{name}\n    {_SPLINE_HELP[name]}" for name in names if name != "mask"]
    function.__doc__ = "\n".join([str(function.__doc__), "", "Parameters", "----------", *lines])
    return function


def spline_lam_from_cutoff(cutoff: float, shift: Axis, num_knots: int, diff_order: int) -> float:
    """Return the ``lam`` of a penalised spline that passes a ripple of period ``cutoff`` to half its amplitude.

    Splines are penalised per coefficient but fitted per channel, so
    ``lam = channels per knot distance * (cutoff / (2 pi knot distance)) ** (2 diff_order)``.

    Parameters
    ----------
    cutoff
        Period in the unit of ``shift``; larger is smoother.
    shift
        (channels,) axis, increasing. Where channels are unevenly spaced, the relation holds for their mean distance.
    num_knots, diff_order
        As in the steps.

    Raises
    ------
    StepError
        If the period is below four distances of knots, where the knots themselves limit what the spline follows.

    Notes
    -----
    Exact for small ``2 pi knot distance / cutoff``; at eight (four) knot distances, the ripple that is halved is longer
    by 7 % (23 %) for first differences, 3 % (9 %) for second and 1 % (3 %) for third.
    It holds for weights of 1: where a method weighs channels with w, the period shrinks or grows with
    ``w ** (-1 / (2 diff_order))``. drpls and aspls scale their penalty by place, so there it is a starting value.
    """
    from ...kernels.spline_basis import knot_distance

    distance = knot_distance(shift, num_knots)
    if cutoff < 4 * distance:
        raise StepError(
            f"cutoff_cm1 is {cutoff:g}, but {num_knots} knots stand {distance:.4g} cm-1 apart and follow nothing "
            f"shorter than {4 * distance:.4g} cm-1: raise cutoff_cm1 or num_knots"
        )
    per_knot = (shift.size - 1) / (num_knots - 1)
    return float(per_knot * (cutoff / (2 * np.pi * distance)) ** (2 * diff_order))


def _fitted(
    method: str,
    intensity: Floats,
    shift: Axis,
    mask: Mask,
    *,
    lam: float,
    num_knots: int,
    spline_degree: int,
    diff_order: int,
    max_iter: int,
    tol: float,
    cutoff_cm1: float | None = None,
    slope_lam: float | None = None,
    **rule: Any,
) -> StepOutput:
    """Run one method on all spectra that are not constant; ``rule`` goes to the rule of the weights."""
    functions = num_knots + spline_degree - 1
    if diff_order >= functions:
        raise StepError(
            f"baseline.{method} cannot penalise differences of order {diff_order} of the {functions} coefficients "
            f"that {num_knots} knots and degree {spline_degree} give"
        )
    background = intensity.astype(np.float64)
    change = np.zeros(intensity.shape[0])
    varied = np.ptp(intensity, axis=1) > 0
    if varied.any():
        if shift.size < diff_order:
            raise StepError(
                f"baseline.{method} with diff_order {diff_order} cannot work on spectra of {shift.size} channels"
            )
        from ...kernels import spline_weights
        from ...kernels.spline_basis import spline_system
        from ...kernels.splines import SplineRule, fit_splines

        if cutoff_cm1 is not None:
            lam = spline_lam_from_cutoff(cutoff_cm1, shift, num_knots, diff_order)
        system = spline_system(shift, num_knots, spline_degree, lam, diff_order, slope_lam=slope_lam)
        code = getattr(spline_weights, method.removeprefix("pspline_").upper())
        hidden = None if mask is None else mask[varied]
        fit, _, last = fit_splines(
            intensity[varied],
            system,
            SplineRule(code, slope_lam=slope_lam or 0.0, **rule),
            max_iter=max_iter,
            tol=tol,
            mask=hidden,
        )
        if hidden is not None:
            fit[np.count_nonzero(~hidden, axis=1) < diff_order] = np.nan
        background[varied], change[varied] = fit, last
    failed = np.isnan(background).any(axis=1)
    counts = {
        f"baseline.{method} did not settle within its rounds for {{count}} of {{total}} spectra": int(
            np.count_nonzero((change > tol) & ~failed)
        ),
        f"baseline.{method} found no background for {{count}} of {{total}} spectra, which became NaN": int(
            np.count_nonzero(failed)
        ),
    }
    products = {"background": background.astype(intensity.dtype, copy=False)}
    return StepOutput(intensity - background, shift, products, counts=counts)


@step("baseline.irsqr", cite="Han2018", context=("mask",), threaded=True)
@_documented
def irsqr(
    intensity: Floats,
    shift: Axis,
    *,
    lam: Lam = 100.0,
    quantile: Share = 0.05,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 3,
    max_iter: Rounds = 100,
    tol: Tolerance = 1e-6,
    cutoff_cm1: Cutoff = None,
    mask: Mask = None,
) -> StepOutput:
    """Subtract a background by iteratively reweighted spline quantile regression."""
    return _fitted(
        "irsqr", intensity, shift, mask, lam=lam, num_knots=num_knots, spline_degree=spline_degree,
        diff_order=diff_order, max_iter=max_iter, tol=tol, cutoff_cm1=cutoff_cm1, constant=quantile,
    )  # fmt: skip


@step("baseline.pspline_asls", cite=("Eilers2005", "Eilers1996"), context=("mask",), threaded=True)
@_documented
def pspline_asls(
    intensity: Floats,
    shift: Axis,
    *,
    lam: Lam = 1e3,
    p: Share = 1e-2,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    cutoff_cm1: Cutoff = None,
    mask: Mask = None,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of asls."""
    return _fitted(
        "pspline_asls", intensity, shift, mask, lam=lam, num_knots=num_knots, spline_degree=spline_degree,
        diff_order=diff_order, max_iter=max_iter, tol=tol, cutoff_cm1=cutoff_cm1, constant=p,
    )  # fmt: skip


@step("baseline.pspline_iasls", cite=("He2014", "Eilers1996"), context=("mask",), threaded=True)
@_documented
def pspline_iasls(
    intensity: Floats,
    shift: Axis,
    *,
    lam: Lam = 1e1,
    p: Share = 1e-2,
    lam_1: Lam = 1e-4,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: OrderFrom2 = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    cutoff_cm1: Cutoff = None,
    mask: Mask = None,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of iasls."""
    return _fitted(
        "pspline_iasls", intensity, shift, mask, lam=lam, num_knots=num_knots, spline_degree=spline_degree,
        diff_order=diff_order, max_iter=max_iter, tol=tol, cutoff_cm1=cutoff_cm1, constant=p, slope_lam=lam_1,
    )  # fmt: skip


@step("baseline.pspline_airpls", cite=("Zhang2010", "Eilers1996"), context=("mask",), threaded=True)
@_documented
def pspline_airpls(
    intensity: Floats,
    shift: Axis,
    *,
    lam: Lam = 1e3,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    cutoff_cm1: Cutoff = None,
    mask: Mask = None,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of airpls."""
    return _fitted(
        "pspline_airpls", intensity, shift, mask, lam=lam, num_knots=num_knots, spline_degree=spline_degree,
        diff_order=diff_order, max_iter=max_iter, tol=tol, cutoff_cm1=cutoff_cm1,
    )  # fmt: skip


@step("baseline.pspline_arpls", cite=("Baek2015", "Eilers1996"), context=("mask",), threaded=True)
@_documented
def pspline_arpls(
    intensity: Floats,
    shift: Axis,
    *,
    lam: Lam = 1e3,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    cutoff_cm1: Cutoff = None,
    mask: Mask = None,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of arpls."""
    return _fitted(
        "pspline_arpls", intensity, shift, mask, lam=lam, num_knots=num_knots, spline_degree=spline_degree,
        diff_order=diff_order, max_iter=max_iter, tol=tol, cutoff_cm1=cutoff_cm1,
    )  # fmt: skip


@step("baseline.pspline_drpls", cite=("Xu2019", "Eilers1996"), context=("mask",), threaded=True)
@_documented
def pspline_drpls(
    intensity: Floats,
    shift: Axis,
    *,
    lam: Lam = 1e3,
    eta: Fraction = 0.5,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: OrderFrom2 = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    cutoff_cm1: Cutoff = None,
    mask: Mask = None,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of drpls."""
    return _fitted(
        "pspline_drpls", intensity, shift, mask, lam=lam, num_knots=num_knots, spline_degree=spline_degree,
        diff_order=diff_order, max_iter=max_iter, tol=tol, cutoff_cm1=cutoff_cm1, constant=eta,
    )  # fmt: skip


@step("baseline.pspline_iarpls", cite=("Ye2020", "Eilers1996"), context=("mask",), threaded=True)
@_documented
def pspline_iarpls(
    intensity: Floats,
    shift: Axis,
    *,
    lam: Lam = 1e3,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    cutoff_cm1: Cutoff = None,
    mask: Mask = None,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of iarpls."""
    return _fitted(
        "pspline_iarpls", intensity, shift, mask, lam=lam, num_knots=num_knots, spline_degree=spline_degree,
        diff_order=diff_order, max_iter=max_iter, tol=tol, cutoff_cm1=cutoff_cm1,
    )  # fmt: skip


@step("baseline.pspline_aspls", cite=("Zhang2020", "Eilers1996"), context=("mask",), threaded=True)
@_documented
def pspline_aspls(
    intensity: Floats,
    shift: Axis,
    *,
    lam: Lam = 1e4,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 100,
    tol: Tolerance = 1e-3,
    asymmetric_coef: Positive = 0.5,
    cutoff_cm1: Cutoff = None,
    mask: Mask = None,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of aspls."""
    return _fitted(
        "pspline_aspls", intensity, shift, mask, lam=lam, num_knots=num_knots, spline_degree=spline_degree,
        diff_order=diff_order, max_iter=max_iter, tol=tol, cutoff_cm1=cutoff_cm1, constant=asymmetric_coef,
    )  # fmt: skip


@step("baseline.pspline_psalsa", cite=("OllerMoreno2014", "Eilers1996"), context=("mask",), threaded=True)
@_documented
def pspline_psalsa(
    intensity: Floats,
    shift: Axis,
    *,
    lam: Lam = 1e3,
    p: Share = 0.5,
    k: Positive | None = None,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    cutoff_cm1: Cutoff = None,
    mask: Mask = None,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of psalsa."""
    return _fitted(
        "pspline_psalsa", intensity, shift, mask, lam=lam, num_knots=num_knots, spline_degree=spline_degree,
        diff_order=diff_order, max_iter=max_iter, tol=tol, cutoff_cm1=cutoff_cm1, constant=p, height=k,
    )  # fmt: skip


@step("baseline.pspline_lsrpls", cite=("Heng2018", "Eilers1996"), context=("mask",), threaded=True)
@_documented
def pspline_lsrpls(
    intensity: Floats,
    shift: Axis,
    *,
    lam: Lam = 1e3,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    cutoff_cm1: Cutoff = None,
    mask: Mask = None,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of lsrpls."""
    return _fitted(
        "pspline_lsrpls", intensity, shift, mask, lam=lam, num_knots=num_knots, spline_degree=spline_degree,
        diff_order=diff_order, max_iter=max_iter, tol=tol, cutoff_cm1=cutoff_cm1,
    )  # fmt: skip
