"""Backgrounds that run another method: with its smoothness chosen, in part of the channels, or for all spectra at once.

``custom_bc`` and ``collab_pls`` differ from pybaselines in their parameters: regions are places on the axis rather than
channels, and ``lam`` stands for the dictionary of further arguments.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import StepError
from ...pipeline.parameters import Between, Unit
from ...pipeline.step import StepOutput, step
from ._common import Floats, Fraction, Lam, Order, PolynomialOrder, Positive
from ._methods import by_library, declared, delegated, explained, finished

__all__ = ["adaptive_minmax", "collab_pls", "custom_bc", "optimize_extended_range"]

OptionalOrder = PolynomialOrder | None
Scale = Annotated[float, Between(0.001, 10)]
Exponent = Annotated[float, Between(0, 15)]
Weighted = Literal[
    "asls",
    "iasls",
    "airpls",
    "arpls",
    "drpls",
    "iarpls",
    "aspls",
    "psalsa",
    "derpsalsa",
    "brpls",
    "lsrpls",
    "pspline_asls",
    "pspline_airpls",
    "pspline_arpls",
    "pspline_iarpls",
]
Single = Literal["asls", "arpls", "airpls", "iarpls", "psalsa", "pspline_asls", "pspline_arpls", "modpoly", "imodpoly"]
_POLYNOMIALS = ("modpoly", "imodpoly")

adaptive_minmax = delegated(
    "adaptive_minmax",
    "Subtract the higher of four polynomials: of two orders, held to the ends or not.",
    "Cao2007",
    poly_order=(OptionalOrder, None),
    method=(Literal["modpoly", "imodpoly"], "modpoly"),
    constrained_fraction=(Fraction, 0.01),
    constrained_weight=(Positive, 1e5),
    estimation_poly_order=(PolynomialOrder, 2),
)


def _extended(
    intensity: Floats, shift: NDArray[np.float64], *, method: str, min_value: float, max_value: float, step: float,
    **others: Any,
) -> StepOutput:  # fmt: skip
    if max_value < min_value:
        raise StepError(
            f"baseline.optimize_extended_range needs a max_value of at least min_value, but {max_value:g} is below "
            f"{min_value:g}"
        )
    values = {"min_value": min_value, "max_value": max_value, "step": step}
    if method in _POLYNOMIALS:
        values = {key: max(1, round(value)) if key == "step" else round(value) for key, value in values.items()}
    return by_library("optimize_extended_range", intensity, shift, {"method": method, **values, **others})


optimize_extended_range = declared(
    _extended,
    "optimize_extended_range",
    "Subtract a background whose smoothness finds a known band again, added beyond the ends.",
    ("Zhang2020b", "Krishna2012"),
    method=(Single, "asls"),
    side=(Literal["both", "left", "right"], "both"),
    width_scale=(Scale, 0.1),
    height_scale=(Scale, 1.0),
    sigma_scale=(Scale, 1 / 12),
    min_value=(Exponent, 2),
    max_value=(Exponent, 8),
    step=(Annotated[float, Between(0.01, 10)], 1),
)


@step("baseline.custom_bc", cite="Liland2011")
@explained
def custom_bc(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    method: Single = "asls",
    regions_cm1: Annotated[tuple[float, ...], Between(-1e5, 1e5), Unit("cm-1")] = (),
    sampling: Annotated[int, Between(1, 10_000), Unit("channels")] = 1,
    lam: Lam | None = None,
    diff_order: Order = 2,
) -> StepOutput:
    """Subtract a background fitted to means over several channels, in the regions given."""
    regions = _channels(shift, regions_cm1)
    given = {"method": method, "regions": regions, "sampling": sampling, "lam": lam, "diff_order": diff_order}
    return by_library("custom_bc", intensity, shift, given)


def _channels(shift: NDArray[np.float64], places: tuple[float, ...]) -> list[tuple[int, int]]:
    """Return the first channel of each region and the one after its last."""
    if len(places) % 2 or any(b <= a for a, b in pairwise(places)):
        raise StepError(
            "baseline.custom_bc: parameter regions_cm1 needs pairs of increasing places that do not overlap, but "
            f"{list(places)} was given"
        )
    if not places:
        return [(0, shift.size)]
    edges = np.searchsorted(shift, places)
    regions = [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b > a]
    if not regions:
        raise StepError(
            f"baseline.custom_bc: no channel lies within the regions {list(places)}; the axis runs from {shift[0]:g} "
            f"to {shift[-1]:g} cm-1"
        )
    return regions


@step("baseline.collab_pls", cite="Chen2018", uses_neighbours=True)
@explained
def collab_pls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    average_dataset: bool = True,
    method: Weighted = "asls",
    lam: Lam | None = None,
) -> StepOutput:
    """Subtract backgrounds fitted with the same weights for all spectra."""
    import warnings

    from pybaselines import Baseline

    background = np.array(intensity, dtype=np.float64)
    varied = np.ptp(background, axis=1) > 0
    if varied.any():
        fitter = Baseline(x_data=shift, check_finite=False, assume_sorted=True)
        options = {} if lam is None else {"lam": lam}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                background[varied], _ = fitter.collab_pls(
                    background[varied], average_dataset=average_dataset, method=method, method_kwargs=options
                )
            except (ValueError, IndexError, np.linalg.LinAlgError) as error:
                raise StepError(
                    f"baseline.collab_pls cannot work on these {shift.size} channels with {method}: {error}"
                ) from error
    return finished("collab_pls", intensity, shift, background)
