"""Backgrounds by convex hulls."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ...pipeline.parameters import Between
from ...pipeline.step import StepOutput, step
from ._common import Floats, HalfWindow, Lam, Order, documented, subtracted

__all__ = ["rubberband"]


@step("baseline.rubberband", cite="pybaselines")
@documented
def rubberband(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    segments: Annotated[int, Between(1, 100)] = 1,
    lam: Lam | None = None,
    diff_order: Order = 2,
    smooth_half_window: HalfWindow | None = None,
) -> StepOutput:
    """Subtract the convex hull below the spectrum."""
    return subtracted(
        "rubberband",
        intensity,
        shift,
        segments=segments,
        lam=lam,
        diff_order=diff_order,
        smooth_half_window=smooth_half_window,
    )
