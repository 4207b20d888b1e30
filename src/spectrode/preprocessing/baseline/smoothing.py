"""Backgrounds by smoothing the spectrum until its bands are gone."""

from __future__ import annotations

from typing import Annotated, Literal

from ...pipeline.parameters import Between, Unit
from ._common import HalfWindow, Lam, Positive, Rounds, Tolerance
from ._methods import delegated

__all__ = ["ipsa", "noise_median", "peak_filling", "ria", "swima"]

Channels = Annotated[int, Between(0, 10_000), Unit("channels")]
OptionalChannels = Channels | None
OptionalHalfWindow = HalfWindow | None
OptionalLam = Lam | None
OptionalPositive = Positive | None
OptionalTolerance = Tolerance | None
Sections = Annotated[int, Between(2, 100_000)] | None
Scale = Annotated[float, Between(0.001, 10)]

noise_median = delegated(
    "noise_median",
    "Subtract the smoothed median over a moving window.",
    "Friedrichs1995",
    half_window=(OptionalHalfWindow, None),
    smooth_half_window=(OptionalHalfWindow, None),
    sigma=(OptionalPositive, None),
)

swima = delegated(
    "swima",
    "Subtract a background by moving averages over growing windows.",
    "Schulze2012",
    min_half_window=(Channels, 3),
    max_half_window=(OptionalHalfWindow, None),
    smooth_half_window=(OptionalChannels, None),
)

ipsa = delegated(
    "ipsa",
    "Subtract a background by repeated polynomial smoothing and clipping.",
    "Wang2017",
    half_window=(OptionalHalfWindow, None),
    max_iter=(Rounds, 500),
    tol=(OptionalTolerance, None),
    original_criteria=(bool, False),
)

ria = delegated(
    "ria",
    "Subtract a background smoothed until a band added beyond the ends is found again.",
    "Krishna2012",
    half_window=(OptionalHalfWindow, None),
    max_iter=(Rounds, 500),
    tol=(Tolerance, 1e-2),
    side=(Literal["both", "left", "right"], "both"),
    width_scale=(Scale, 0.1),
    height_scale=(Scale, 1.0),
    sigma_scale=(Scale, 1 / 12),
)

peak_filling = delegated(
    "peak_filling",
    "Subtract a background by suppressing means over narrowing windows.",
    "Liland2015",
    half_window=(OptionalHalfWindow, None),
    sections=(Sections, None),
    max_iter=(Rounds, 5),
    lam_smooth=(OptionalLam, None),
)
