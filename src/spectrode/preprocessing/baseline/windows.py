"""Backgrounds by moving windows: clipping and morphology."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import StepError
from ...pipeline.parameters import Between
from ...pipeline.step import StepOutput, step
from ._common import Degree, Floats, Fraction, HalfWindow, Knots, Lam, Order, Positive, Rounds, Tolerance
from ._methods import Mask, delegated, explained, filled, finished

__all__ = [
    "amormol",
    "imor",
    "jbcd",
    "mor",
    "mormol",
    "mpls",
    "mpspline",
    "mwmv",
    "pspline_mpls",
    "rolling_ball",
    "snip",
    "tophat",
]

OptionalHalfWindow = HalfWindow | None
Factor = Annotated[float, Between(0.01, 100)]


def _half_windows(intensity: Floats, half_window: int | None, mask: Mask) -> NDArray[np.int64]:
    from ...kernels import windows

    if half_window is None:
        return windows.best_half_windows(intensity, mask)
    return np.full(intensity.shape[0], half_window, dtype=np.int64)


@step("baseline.snip", cite=("Ryan1988", "Morhac2008"), threaded=True)
@explained
def snip(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    max_half_window: HalfWindow | None = None,
    decreasing: bool = False,
    smooth_half_window: HalfWindow | None = None,
    filter_order: Literal[2, 4, 6, 8] = 2,
) -> StepOutput:
    """Subtract a background by statistics-sensitive non-linear iterative peak clipping."""
    from ...kernels import windows

    if shift.size < 3:
        raise StepError(f"baseline.snip needs spectra of at least 3 channels, but these have {shift.size}")
    # Masked channels arrive on straight lines between their neighbours, which is what clipping would make of them.
    widest = np.minimum(_half_windows(intensity, max_half_window, None), (shift.size - 1) // 2)
    background = windows.clipped(intensity, widest, decreasing, smooth_half_window or 0, filter_order)
    return finished("snip", intensity, shift, background)


@step("baseline.mor", cite="PerezPueyo2010", context=("mask",), threaded=True)
@explained
def mor(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    half_window: HalfWindow | None = None,
    mask: Mask = None,
) -> StepOutput:
    """Subtract a background by morphological opening."""
    from ...kernels import windows

    background = windows.mor(intensity, _half_windows(intensity, half_window, mask), mask)
    return finished("mor", intensity, shift, filled(background, shift, mask))


@step("baseline.imor", cite="Dai2018", context=("mask",), threaded=True)
@explained
def imor(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    half_window: HalfWindow | None = None,
    tol: Tolerance = 1e-3,
    max_iter: Rounds = 200,
    mask: Mask = None,
) -> StepOutput:
    """Subtract a background by iterative morphological opening and averaging."""
    from ...kernels import windows

    half_windows = _half_windows(intensity, half_window, mask)
    background, _, change = windows.imor(intensity, half_windows, tol, max_iter, mask)
    return finished("imor", intensity, shift, filled(background, shift, mask), change > tol)


@step("baseline.rolling_ball", cite="Kneen1996", context=("mask",), threaded=True)
@explained
def rolling_ball(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    half_window: HalfWindow | None = None,
    smooth_half_window: HalfWindow | None = None,
    mask: Mask = None,
) -> StepOutput:
    """Subtract the background under which a ball rolls."""
    from ...kernels import windows

    half_windows = _half_windows(intensity, half_window, mask)
    opening = filled(windows.opened(intensity, half_windows, mask), shift, mask)
    widths = half_windows if smooth_half_window is None else np.full_like(half_windows, smooth_half_window)
    return finished("rolling_ball", intensity, shift, windows.smoothed(opening, widths))


tophat = delegated("tophat", "Subtract the morphological opening.", "PerezPueyo2010",
                   half_window=(OptionalHalfWindow, None))  # fmt: skip

mwmv = delegated(
    "mwmv",
    "Subtract the smoothed minimum over a moving window.",
    "Yaroshchyk2014",
    half_window=(OptionalHalfWindow, None),
    smooth_half_window=(OptionalHalfWindow, None),
)

mormol = delegated(
    "mormol",
    "Subtract a background by repeated erosion and mollification.",
    "Koch2017",
    half_window=(OptionalHalfWindow, None),
    tol=(Tolerance, 1e-3),
    max_iter=(Rounds, 250),
    smooth_half_window=(OptionalHalfWindow, None),
)

amormol = delegated(
    "amormol",
    "Subtract a background by repeated averaging of opening and closing, and mollification.",
    "Chen2019",
    half_window=(OptionalHalfWindow, None),
    tol=(Tolerance, 1e-3),
    max_iter=(Rounds, 200),
)

mpls = delegated(
    "mpls",
    "Subtract a smooth background through the lowest channels between flat parts of an opening.",
    "Li2013",
    half_window=(OptionalHalfWindow, None),
    lam=(Lam, 1e6),
    p=(Fraction, 0.0),
    diff_order=(Order, 2),
)

pspline_mpls = delegated(
    "pspline_mpls",
    "Subtract a background by the penalised-spline version of mpls.",
    ("Li2013", "Eilers2010"),
    half_window=(OptionalHalfWindow, None),
    lam=(Lam, 1e3),
    p=(Fraction, 0.0),
    num_knots=(Knots, 100),
    spline_degree=(Degree, 3),
    diff_order=(Order, 2),
)

mpspline = delegated(
    "mpspline",
    "Subtract a penalised spline through the channels that an opening leaves as they are.",
    "GonzalezVidal2017",
    half_window=(OptionalHalfWindow, None),
    lam=(Lam, 1e4),
    lam_smooth=(Lam, 1e-2),
    p=(Fraction, 0.0),
    num_knots=(Knots, 100),
    spline_degree=(Degree, 3),
    diff_order=(Order, 2),
)

jbcd = delegated(
    "jbcd",
    "Subtract a background found together with a smoothed signal.",
    "Liu2015b",
    half_window=(OptionalHalfWindow, None),
    alpha=(Positive, 0.1),
    beta=(Positive, 10.0),
    gamma=(Positive, 1.0),
    beta_mult=(Factor, 1.1),
    gamma_mult=(Factor, 0.909),
    diff_order=(Order, 1),
    max_iter=(Rounds, 20),
    tol=(Tolerance, 1e-2),
    tol_2=(Tolerance, 1e-3),
    robust_opening=(bool, True),
)
