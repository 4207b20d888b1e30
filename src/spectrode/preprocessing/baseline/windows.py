"""Backgrounds by moving windows: clipping and morphology."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...pipeline.step import StepOutput, step
from ._common import Floats, HalfWindow, Rounds, Tolerance, documented, subtracted

__all__ = ["imor", "mor", "rolling_ball", "snip"]


@step("baseline.snip", cite=("Ryan1988", "Morhac2008"))
@documented
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
    return subtracted(
        "snip",
        intensity,
        shift,
        max_half_window=max_half_window,
        decreasing=decreasing,
        smooth_half_window=smooth_half_window,
        filter_order=filter_order,
    )


@step("baseline.mor", cite="PerezPueyo2010")
@documented
def mor(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    half_window: HalfWindow | None = None,
) -> StepOutput:
    """Subtract a background by morphological opening."""
    return subtracted("mor", intensity, shift, half_window=half_window)


@step("baseline.imor", cite="Dai2018")
@documented
def imor(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    half_window: HalfWindow | None = None,
    tol: Tolerance = 1e-3,
    max_iter: Rounds = 200,
) -> StepOutput:
    """Subtract a background by iterative morphological opening and averaging."""
    return subtracted("imor", intensity, shift, half_window=half_window, tol=tol, max_iter=max_iter)


@step("baseline.rolling_ball", cite="Kneen1996")
@documented
def rolling_ball(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    half_window: HalfWindow | None = None,
    smooth_half_window: HalfWindow | None = None,
) -> StepOutput:
    """Subtract the background under which a ball rolls."""
    return subtracted("rolling_ball", intensity, shift, half_window=half_window, smooth_half_window=smooth_half_window)
