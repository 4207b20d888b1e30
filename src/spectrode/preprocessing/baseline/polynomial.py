"""Polynomial backgrounds."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ...pipeline.parameters import Between
from ...pipeline.step import StepOutput, step
from ._common import Floats, PolynomialOrder, Rounds, Tolerance, documented, subtracted

__all__ = ["imodpoly", "modpoly"]


@step("baseline.modpoly", cite="Lieber2003")
@documented
def modpoly(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    poly_order: PolynomialOrder = 2,
    tol: Tolerance = 1e-3,
    max_iter: Rounds = 250,
    use_original: bool = False,
    mask_initial_peaks: bool = False,
) -> StepOutput:
    """Subtract a polynomial background fitted by repeated clipping."""
    return subtracted(
        "modpoly",
        intensity,
        shift,
        poly_order=poly_order,
        tol=tol,
        max_iter=max_iter,
        use_original=use_original,
        mask_initial_peaks=mask_initial_peaks,
    )


@step("baseline.imodpoly", cite="Zhao2007")
@documented
def imodpoly(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    poly_order: PolynomialOrder = 2,
    tol: Tolerance = 1e-3,
    max_iter: Rounds = 250,
    use_original: bool = False,
    mask_initial_peaks: bool = True,
    num_std: Annotated[float, Between(0, 10)] = 1.0,
) -> StepOutput:
    """Subtract a polynomial background fitted by repeated clipping that allows for noise."""
    return subtracted(
        "imodpoly",
        intensity,
        shift,
        poly_order=poly_order,
        tol=tol,
        max_iter=max_iter,
        use_original=use_original,
        mask_initial_peaks=mask_initial_peaks,
        num_std=num_std,
    )
