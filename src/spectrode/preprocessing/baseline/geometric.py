"""Backgrounds by convex hulls and corners."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ...errors import StepError
from ...pipeline.parameters import Between
from ...pipeline.step import StepOutput, step
from ._common import Floats, HalfWindow, Lam, Order, Rounds
from ._methods import Mask, by_library, delegated, explained, finished

__all__ = ["corner_cutting", "rubberband"]


@step("baseline.rubberband", cite="pybaselines", context=("mask",))
@explained
def rubberband(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    segments: Annotated[int, Between(1, 100)] = 1,
    lam: Lam | None = None,
    diff_order: Order = 2,
    smooth_half_window: HalfWindow | None = None,
    mask: Mask = None,
) -> StepOutput:
    """Subtract the convex hull below the spectrum."""
    from ...kernels import hull, windows

    if segments * 3 > shift.size:
        raise StepError(
            f"baseline.rubberband needs at least 3 channels a segment, but {shift.size} channels were to be divided "
            f"into {segments}"
        )
    if lam is not None:
        given = {"segments": segments, "lam": lam, "diff_order": diff_order, "smooth_half_window": smooth_half_window}
        return by_library("rubberband", intensity, shift, given)
    values = intensity
    if smooth_half_window is not None:
        values = windows.smoothed(intensity, np.full(intensity.shape[0], smooth_half_window, dtype=np.int64))
    edges = np.linspace(0, shift.size, segments + 1, dtype=np.int64)
    return finished("rubberband", intensity, shift, hull.lower_hull(values, shift, edges, mask))


corner_cutting = delegated("corner_cutting", "Subtract a Bézier curve below repeatedly cut corners.", "Liu2015c",
                           max_iter=(Rounds, 100))  # fmt: skip
