"""Backgrounds by penalised least squares on the channels themselves (Whittaker smoothing).

The numbers are those of pybaselines 1.2, computed for sixteen spectra side by side: the same rounds for every spectrum,
and a background that differs by rounding only, the largest difference being 1e-8 of the background's range or less.
It may be more where the system is ill-conditioned, as rounding is magnified in both then: large ``lam``, differences of
order 3 or more, or hardly any weight left at an end. Since 1.2 an iteration ends when fewer than two residuals are
negative; up to 1.1 it went on.

A masked channel has weight 0 in every round and no part in the statistics of the residuals; the background runs on
below it. ``cutoff_cm1`` states the smoothness as a length on the axis instead of ``lam``.

asPLS has no such definite result: its stiffness follows the residuals so closely that a change of the data in the last
digit moves the background by up to a hundredth of its range, in pybaselines too. To give its very numbers, spectra
without masked channels are computed by pybaselines. So is derpsalsa, which knows no masks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SpectrodeError, StepError
from ...pipeline.step import StepOutput, step
from ._common import (
    Cutoff,
    Floats,
    Fraction,
    HalfWindow,
    Lam,
    Mask,
    Order,
    OrderFrom2,
    Positive,
    Rounds,
    Share,
    Tolerance,
    documented,
    from_kernel,
    subtracted,
)
from .smoothness_units import lam_from_cutoff

__all__ = ["airpls", "arpls", "asls", "aspls", "derpsalsa", "drpls", "iarpls", "iasls", "psalsa"]


Axis = NDArray[np.float64]


@step("baseline.asls", cite="Eilers2005", context=("mask",), threaded=True)
@documented
def asls(
    intensity: Floats,
    shift: Axis,
    *,
    mask: Mask = None,
    lam: Lam = 1e6,
    p: Share = 1e-2,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    cutoff_cm1: Cutoff = None,
) -> StepOutput:
    """Subtract a background by asymmetric least squares."""
    lam = _lam("asls", shift, lam, cutoff_cm1, diff_order)
    return _compiled("asls", intensity, shift, mask, lam=lam, diff_order=diff_order, max_iter=max_iter, tol=tol, p=p)


@step("baseline.iasls", cite="He2014", context=("mask",), threaded=True)
@documented
def iasls(
    intensity: Floats,
    shift: Axis,
    *,
    mask: Mask = None,
    lam: Lam = 1e6,
    p: Share = 1e-2,
    lam_1: Lam = 1e-4,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    diff_order: OrderFrom2 = 2,
    cutoff_cm1: Cutoff = None,
) -> StepOutput:
    """Subtract a background by improved asymmetric least squares."""
    lam = _lam("iasls", shift, lam, cutoff_cm1, diff_order)
    parameters: dict[str, Any] = {
        "lam": lam, "diff_order": diff_order, "max_iter": max_iter, "tol": tol, "p": p, "lam_1": lam_1
    }  # fmt: skip
    start = _weights_of_parabola(intensity, shift, mask, p)
    y = np.asarray(intensity, dtype=np.float64)
    slope = np.zeros_like(y)
    slope[:, :-1] = y[:, :-1] - y[:, 1:]
    slope[:, 1:] -= y[:, :-1] - y[:, 1:]
    return _compiled("iasls", intensity, shift, mask, start=start, extra=lam_1 * slope, **parameters)


@step("baseline.airpls", cite="Zhang2010", context=("mask",), threaded=True)
@documented
def airpls(
    intensity: Floats,
    shift: Axis,
    *,
    mask: Mask = None,
    lam: Lam = 1e6,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    cutoff_cm1: Cutoff = None,
) -> StepOutput:
    """Subtract a background by adaptive iteratively reweighted penalised least squares.

    The weights of the negative residuals r are ``exp(round * |r| / sum |r|)``, as in pybaselines since 1.2; up to 1.1
    the exponent had the other sign.
    """
    lam = _lam("airpls", shift, lam, cutoff_cm1, diff_order)
    return _compiled("airpls", intensity, shift, mask, lam=lam, diff_order=diff_order, max_iter=max_iter, tol=tol)


@step("baseline.arpls", cite="Baek2015", context=("mask",), threaded=True)
@documented
def arpls(
    intensity: Floats,
    shift: Axis,
    *,
    mask: Mask = None,
    lam: Lam = 1e5,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    cutoff_cm1: Cutoff = None,
) -> StepOutput:
    """Subtract a background by asymmetrically reweighted penalised least squares."""
    lam = _lam("arpls", shift, lam, cutoff_cm1, diff_order)
    return _compiled("arpls", intensity, shift, mask, lam=lam, diff_order=diff_order, max_iter=max_iter, tol=tol)


@step("baseline.drpls", cite="Xu2019", context=("mask",), threaded=True)
@documented
def drpls(
    intensity: Floats,
    shift: Axis,
    *,
    mask: Mask = None,
    lam: Lam = 1e5,
    eta: Fraction = 0.5,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    diff_order: OrderFrom2 = 2,
    cutoff_cm1: Cutoff = None,
) -> StepOutput:
    """Subtract a background by doubly reweighted penalised least squares."""
    lam = _lam("drpls", shift, lam, cutoff_cm1, diff_order)
    return _compiled(
        "drpls", intensity, shift, mask, lam=lam, diff_order=diff_order, max_iter=max_iter, tol=tol, eta=eta
    )


@step("baseline.iarpls", cite="Ye2020", context=("mask",), threaded=True)
@documented
def iarpls(
    intensity: Floats,
    shift: Axis,
    *,
    mask: Mask = None,
    lam: Lam = 1e5,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    cutoff_cm1: Cutoff = None,
) -> StepOutput:
    """Subtract a background by improved asymmetrically reweighted penalised least squares."""
    lam = _lam("iarpls", shift, lam, cutoff_cm1, diff_order)
    return _compiled("iarpls", intensity, shift, mask, lam=lam, diff_order=diff_order, max_iter=max_iter, tol=tol)


@step("baseline.aspls", cite="Zhang2020", context=("mask",))
@documented
def aspls(
    intensity: Floats,
    shift: Axis,
    *,
    mask: Mask = None,
    lam: Lam = 1e5,
    diff_order: Order = 2,
    max_iter: Rounds = 100,
    tol: Tolerance = 1e-3,
    asymmetric_coef: Positive = 0.5,
    cutoff_cm1: Cutoff = None,
) -> StepOutput:
    """Subtract a background by adaptive smoothness penalised least squares."""
    lam = _lam("aspls", shift, lam, cutoff_cm1, diff_order)
    parameters: dict[str, Any] = {
        "lam": lam, "diff_order": diff_order, "max_iter": max_iter, "tol": tol, "asymmetric_coef": asymmetric_coef
    }  # fmt: skip
    if mask is None:
        return subtracted("aspls", intensity, shift, **parameters)
    hidden: NDArray[np.bool_] = np.any(mask, axis=1)
    parts: list[tuple[NDArray[np.bool_], StepOutput]] = []
    if not hidden.all():
        parts.append((~hidden, subtracted("aspls", intensity[~hidden], shift, **parameters)))
    if hidden.any():
        parts.append((hidden, _compiled("aspls", intensity[hidden], shift, mask[hidden], **parameters)))
    return _joined(intensity, shift, parts)


@step("baseline.psalsa", cite="OllerMoreno2014", context=("mask",), threaded=True)
@documented
def psalsa(
    intensity: Floats,
    shift: Axis,
    *,
    mask: Mask = None,
    lam: Lam = 1e5,
    p: Share = 0.5,
    k: Positive | None = None,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    cutoff_cm1: Cutoff = None,
) -> StepOutput:
    """Subtract a background by the peaked signal's asymmetric least squares algorithm."""
    lam = _lam("psalsa", shift, lam, cutoff_cm1, diff_order)
    return _compiled(
        "psalsa", intensity, shift, mask, lam=lam, diff_order=diff_order, max_iter=max_iter, tol=tol, p=p, k=k
    )


@step("baseline.derpsalsa", cite="Korepanov2020")
@documented
def derpsalsa(
    intensity: Floats,
    shift: Axis,
    *,
    lam: Lam = 1e6,
    p: Share = 0.01,
    k: Positive | None = None,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    smooth_half_window: HalfWindow | None = None,
    cutoff_cm1: Cutoff = None,
) -> StepOutput:
    """Subtract a background by derivative peak-screening asymmetric least squares."""
    return subtracted(
        "derpsalsa",
        intensity,
        shift,
        lam=_lam("derpsalsa", shift, lam, cutoff_cm1, diff_order),
        p=p,
        k=k,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
        smooth_half_window=smooth_half_window,
    )


def _lam(method: str, shift: Axis, lam: float, cutoff_cm1: float | None, diff_order: int) -> float:
    if cutoff_cm1 is None:
        return lam
    try:
        return lam_from_cutoff(cutoff_cm1, shift, diff_order)
    except SpectrodeError as error:
        raise StepError(f"baseline.{method}: {error}") from error


def _compiled(
    method: str,
    intensity: Floats,
    shift: Axis,
    mask: Mask,
    *,
    tol: float,
    start: NDArray[np.float64] | None = None,
    extra: NDArray[np.float64] | None = None,
    **parameters: Any,
) -> StepOutput:
    """Run one method of the kernel on all spectra that are not constant."""
    from ...kernels.whittaker import Settings, background_rows

    settings = Settings(tol=tol, **parameters)
    background = np.array(intensity, dtype=np.float64, order="C")
    rows = np.flatnonzero(np.ptp(background, axis=1) > 0)
    if mask is not None:
        # Through so few channels runs a polynomial whatever lam is, or none at all.
        few = shift.size - np.count_nonzero(mask, axis=1) <= settings.diff_order
        background[rows[few[rows]]] = np.nan
        rows = rows[~few[rows]]
    try:
        _, last = background_rows(method, background, settings, rows=rows, mask=mask, start=start, extra=extra)
    except SpectrodeError as error:
        raise StepError(
            f"baseline.{method} cannot work on spectra of {shift.size} channels with these parameters: {error}"
        ) from error
    return from_kernel(method, intensity, shift, background, last, tol)


def _weights_of_parabola(intensity: Floats, shift: Axis, mask: Mask, p: float) -> NDArray[np.float64]:
    """Return first weights: ``p`` above the parabola through the channels in use, ``1 - p`` below."""
    span = max(float(shift[-1] - shift[0]), np.finfo(float).tiny)
    powers = np.vander(2 * (shift - shift[0]) / span - 1, 3, increasing=True)
    inverse = np.linalg.pinv(powers)
    weights = np.empty(intensity.shape)
    for row, values in enumerate(np.asarray(intensity, dtype=np.float64)):
        if mask is not None and mask[row].any():
            used = ~mask[row]
            parabola = powers @ (np.linalg.pinv(powers[used]) @ values[used])
        else:
            parabola = powers @ (inverse @ values)
        weights[row] = np.where(values > parabola, p, 1 - p)
    return weights


def _joined(intensity: Floats, shift: Axis, parts: list[tuple[NDArray[np.bool_], StepOutput]]) -> StepOutput:
    """Return the outputs for different rows as one."""
    signal, background = np.empty_like(intensity, dtype=np.float64), np.empty_like(intensity)
    counts: dict[str, int] = {}
    for rows, output in parts:
        signal[rows], background[rows] = output.intensity, output.products["background"]
        for text, count in output.counts.items():
            counts[text] = counts.get(text, 0) + count
    return StepOutput(signal, shift, {"background": background}, counts=counts)
