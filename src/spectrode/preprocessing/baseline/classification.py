"""Backgrounds by telling band channels from background channels."""

from __future__ import annotations

from typing import Annotated

from ...pipeline.parameters import Between, Unit
from ._common import HalfWindow, Lam, Order, PolynomialOrder, Positive, Rounds, Tolerance
from ._methods import delegated

__all__ = ["dietrich", "fabc", "fastchrom", "golotvin", "std_distribution"]

Deviations = Annotated[float, Between(0, 10)]
MinLength = Annotated[int, Between(1, 1000), Unit("channels")]
Channels = Annotated[int, Between(0, 10_000), Unit("channels")]
OptionalChannels = Channels | None
OptionalHalfWindow = HalfWindow | None
OptionalPositive = Positive | None
Sections = Annotated[int, Between(1, 10_000)]


fabc = delegated(
    "fabc",
    "Subtract a background by the fully automatic wavelet and Whittaker method.",
    "Cobas2006",
    lam=(Lam, 1e6),
    scale=(OptionalHalfWindow, None),
    num_std=(Deviations, 3.0),
    diff_order=(Order, 2),
    min_length=(MinLength, 2),
)

dietrich = delegated(
    "dietrich",
    "Subtract a polynomial through the channels in which the slope of the spectrum is noise.",
    "Dietrich1991",
    smooth_half_window=(OptionalChannels, None),
    num_std=(Deviations, 3.0),
    interp_half_window=(Channels, 5),
    poly_order=(PolynomialOrder, 5),
    max_iter=(Rounds, 50),
    tol=(Tolerance, 1e-3),
    min_length=(MinLength, 2),
)

golotvin = delegated(
    "golotvin",
    "Subtract lines between the windows in which the spectrum varies no more than its noise.",
    "Golotvin2000",
    half_window=(OptionalHalfWindow, None),
    num_std=(Deviations, 2.0),
    sections=(Sections, 32),
    smooth_half_window=(OptionalChannels, None),
    interp_half_window=(Channels, 5),
    min_length=(MinLength, 2),
)

std_distribution = delegated(
    "std_distribution",
    "Subtract lines between channels told from bands by the distribution of the moving standard deviation.",
    "Wang2013",
    half_window=(OptionalHalfWindow, None),
    interp_half_window=(Channels, 5),
    fill_half_window=(Channels, 3),
    num_std=(Deviations, 1.1),
    smooth_half_window=(OptionalChannels, None),
)

fastchrom = delegated(
    "fastchrom",
    "Subtract lines between channels of low moving standard deviation, drawn down to the spectrum.",
    "Johnsen2013",
    half_window=(OptionalHalfWindow, None),
    threshold=(OptionalPositive, None),
    min_fwhm=(OptionalHalfWindow, None),
    interp_half_window=(Channels, 5),
    smooth_half_window=(OptionalChannels, None),
    max_iter=(Rounds, 100),
    min_length=(MinLength, 2),
)
