"""Backgrounds by telling band channels from background channels."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ...pipeline.parameters import Between, Unit
from ...pipeline.step import StepOutput, step
from ._common import Floats, HalfWindow, Lam, Order, documented, subtracted

__all__ = ["fabc"]


@step("baseline.fabc", cite="Cobas2006")
@documented
def fabc(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e6,
    scale: HalfWindow | None = None,
    num_std: Annotated[float, Between(0, 10)] = 3.0,
    diff_order: Order = 2,
    min_length: Annotated[int, Between(1, 1000), Unit("channels")] = 2,
) -> StepOutput:
    """Subtract a background by the fully automatic wavelet and Whittaker method."""
    return subtracted(
        "fabc", intensity, shift, lam=lam, scale=scale, num_std=num_std, diff_order=diff_order, min_length=min_length
    )
