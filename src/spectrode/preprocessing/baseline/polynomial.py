"""Polynomial backgrounds."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from ...pipeline.parameters import Between
from ...pipeline.step import StepOutput, step
from ._common import Floats, Fraction, PolynomialOrder, Positive, Rounds, Share, Tolerance
from ._methods import Mask, delegated, explained, finished

__all__ = ["goldindec", "imodpoly", "loess", "modpoly", "penalized_poly", "poly", "quant_reg"]

Deviations = Annotated[float, Between(0, 10)]
OptionalPositive = Positive | None
LocalPoints = Annotated[int, Between(3, 100_000)] | None
Delta = Annotated[float, Between(0, 1e6)] | None


@step("baseline.modpoly", cite="Lieber2003", context=("mask",), threaded=True)
@explained
def modpoly(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    poly_order: PolynomialOrder = 2,
    tol: Tolerance = 1e-3,
    max_iter: Rounds = 250,
    use_original: bool = False,
    mask_initial_peaks: bool = False,
    mask: Mask = None,
) -> StepOutput:
    """Subtract a polynomial background fitted by repeated clipping."""
    from ...kernels import polynomial

    fits = polynomial.modpoly(
        intensity,
        shift,
        mask,
        poly_order=poly_order,
        use_original=use_original,
        mask_initial_peaks=mask_initial_peaks,
        tol=tol,
        max_iter=max_iter,
    )
    return finished("modpoly", intensity, shift, fits.background, fits.change > tol)


@step("baseline.imodpoly", cite="Zhao2007", context=("mask",), threaded=True)
@explained
def imodpoly(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    poly_order: PolynomialOrder = 2,
    tol: Tolerance = 1e-3,
    max_iter: Rounds = 250,
    use_original: bool = False,
    mask_initial_peaks: bool = True,
    num_std: Deviations = 1.0,
    mask: Mask = None,
) -> StepOutput:
    """Subtract a polynomial background fitted by repeated clipping that allows for noise."""
    from ...kernels import polynomial

    fits = polynomial.imodpoly(
        intensity,
        shift,
        mask,
        poly_order=poly_order,
        use_original=use_original,
        mask_initial_peaks=mask_initial_peaks,
        tol=tol,
        max_iter=max_iter,
        num_std=num_std,
    )
    return finished("imodpoly", intensity, shift, fits.background, fits.change > tol)


poly = delegated("poly", "Subtract a polynomial fitted to all channels alike.", "pybaselines",
                 poly_order=(PolynomialOrder, 2))  # fmt: skip

penalized_poly = delegated(
    "penalized_poly",
    "Subtract a polynomial fitted with a cost function that spares bands.",
    "Mazet2005",
    poly_order=(PolynomialOrder, 2),
    tol=(Tolerance, 1e-3),
    max_iter=(Rounds, 250),
    cost_function=(
        Literal[
            "asymmetric_truncated_quadratic",
            "symmetric_truncated_quadratic",
            "asymmetric_huber",
            "symmetric_huber",
            "asymmetric_indec",
            "symmetric_indec",
        ],
        "asymmetric_truncated_quadratic",
    ),
    threshold=(OptionalPositive, None),
    alpha_factor=(Share, 0.99),
)

goldindec = delegated(
    "goldindec",
    "Subtract a polynomial whose cost function is matched to the share of bands.",
    "Liu2015",
    poly_order=(PolynomialOrder, 2),
    tol=(Tolerance, 1e-3),
    max_iter=(Rounds, 250),
    cost_function=(
        Literal["asymmetric_indec", "asymmetric_truncated_quadratic", "asymmetric_huber"],
        "asymmetric_indec",
    ),
    peak_ratio=(Share, 0.5),
    alpha_factor=(Share, 0.99),
    tol_2=(Tolerance, 1e-3),
    tol_3=(Tolerance, 1e-6),
    max_iter_2=(Rounds, 100),
)

quant_reg = delegated(
    "quant_reg",
    "Subtract a polynomial below which a given share of the intensities lies.",
    "Komsta2011",
    poly_order=(PolynomialOrder, 2),
    quantile=(Share, 0.05),
    tol=(Tolerance, 1e-6),
    max_iter=(Rounds, 250),
    eps=(OptionalPositive, None),
)

loess = delegated(
    "loess",
    "Subtract a background by robust local regression.",
    ("Ruckstuhl2001", "Komsta2011"),
    fraction=(Fraction, 0.2),
    total_points=(LocalPoints, None),
    poly_order=(PolynomialOrder, 1),
    scale=(Positive, 3.0),
    tol=(Tolerance, 1e-3),
    max_iter=(Rounds, 10),
    symmetric_weights=(bool, False),
    use_threshold=(bool, False),
    num_std=(Deviations, 1),
    use_original=(bool, False),
    conserve_memory=(bool, True),
    delta=(Delta, None),
)
