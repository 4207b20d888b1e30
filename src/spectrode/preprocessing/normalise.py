"""Division of each spectrum by a number of its own, returned as the product ``scale`` (output = input / scale).

A spectrum without a usable scale (no exposure known, no internal band, no signal) is never divided by nearly nothing:
it becomes NaN as a whole, its scale is NaN, and the notes count it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import StepError
from ..pipeline.parameters import Between, Unit
from ..pipeline.step import StepOutput, step

__all__ = ["area", "band", "exposure", "power", "vector"]

Floats = NDArray[Any]
Wavenumber = Annotated[float, Between(-20_000, 20_000), Unit("cm-1")]


def _divided(intensity: Floats, shift: NDArray[np.float64], scale: Floats, usable: Floats, why: str) -> StepOutput:
    """Divide each spectrum by its scale; NaN where that is not usable."""
    good = np.asarray(usable, dtype=bool) & np.isfinite(scale) & (scale > 0)
    divisor = np.where(good, scale, np.nan)
    counts = {f"{{count}} of {{total}} spectra became NaN: {why}": int(np.count_nonzero(~good))}
    return StepOutput(intensity / divisor[:, None], shift, {"scale": divisor}, counts=counts)


@step("normalise.exposure", needs=("exposure_s",), any_axis=True)
def exposure(intensity: Floats, shift: NDArray[np.float64], *, exposure_s: Floats) -> StepOutput:
    """Divide by the exposure: counts become counts per second."""
    seconds = np.asarray(exposure_s, dtype=np.float64)
    return _divided(intensity, shift, seconds, np.ones(seconds.shape, bool), "their exposure is unknown or zero")


@step("normalise.power", needs=("power_mw",), any_axis=True)
def power(intensity: Floats, shift: NDArray[np.float64], *, power_mw: Floats) -> StepOutput:
    """Divide by the laser power at the sample: counts become counts per milliwatt.

    This holds for spontaneous Raman scattering below damage and saturation.
    """
    milliwatts = np.asarray(power_mw, dtype=np.float64)
    return _divided(intensity, shift, milliwatts, np.ones(milliwatts.shape, bool), "their power is unknown or zero")


@step("normalise.band")
def band(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    low_cm1: Wavenumber,
    high_cm1: Wavenumber,
    measure: Literal["area", "height"] = "area",
    min_snr: Annotated[float, Between(0, 1e6)] = 3.0,
) -> StepOutput:
    """Divide by an internal band (a solvent, the substrate), measured above a straight line between its limits.

    Parameters
    ----------
    low_cm1, high_cm1
        Limits of the band; wider takes in more of the wings and more noise. The line goes through the mean of the
        outermost tenth of the channels on either side, one channel at least.
    measure
        ``area`` (trapezia, counts × cm-1) or ``height`` (maximum, counts) above the line.
    min_snr
        A band below this many standard deviations of its noise counts as absent, and the spectrum becomes NaN; larger
        trusts only clearer bands.

    Raises
    ------
    StepError
        If the limits are reversed or hold fewer than five channels.
    """
    inside = _channels_between("normalise.band", shift, low_cm1, high_cm1)
    x = shift[inside]
    y = intensity[:, inside].astype(np.float64)
    wing = max(1, x.size // 10)
    left, right = y[:, :wing].mean(axis=1), y[:, -wing:].mean(axis=1)
    x_left, x_right = x[:wing].mean(), x[-wing:].mean()
    line = left[:, None] + np.outer(right - left, (x - x_left) / (x_right - x_left))
    above = y - line
    noise = _noise(intensity)
    if measure == "height":
        scale, error = np.max(above, axis=1), noise
    else:
        scale = np.asarray(np.trapezoid(above, x, axis=1))
        error = noise * (x[-1] - x[0]) * np.sqrt(1 / x.size + 1 / (2 * wing))
    return _divided(intensity, shift, scale, scale > min_snr * error, "the band was not found in them")


@step("normalise.vector", any_axis=True)
def vector(intensity: Floats, shift: NDArray[np.float64]) -> StepOutput:
    """Divide by the Euclidean norm: the sum of squares becomes one. Use after the background was subtracted."""
    norm = np.linalg.norm(intensity.astype(np.float64), axis=1)
    return _divided(intensity, shift, norm, norm > 0, "they are zero everywhere")


@step("normalise.area", any_axis=True)
def area(intensity: Floats, shift: NDArray[np.float64]) -> StepOutput:
    """Divide by the area under the spectrum (trapezia): it becomes one. Use after the background was subtracted.

    A spectrum whose area is not above three standard deviations of what its noise alone gives becomes NaN.
    """
    values = intensity.astype(np.float64)
    total = np.asarray(np.trapezoid(values, shift, axis=1))
    # The noise of a sum over evenly spaced channels; exact enough for a threshold.
    error = _noise(values) * np.ptp(shift) / np.sqrt(shift.size)
    return _divided(intensity, shift, total, total > 3 * error, "their area is not above its noise")


def _noise(values: Floats) -> Floats:
    """Return (spectra,) standard deviations of the noise from second differences (MAD; Gaussian noise assumed)."""
    if values.shape[1] < 3:
        return np.zeros(values.shape[0])
    second = np.diff(values.astype(np.float64), n=2, axis=1)
    return np.asarray(1.4826 / np.sqrt(6) * np.median(np.abs(second), axis=1))


def _channels_between(owner: str, shift: NDArray[np.float64], low: float, high: float) -> NDArray[np.bool_]:
    if not low < high:
        raise StepError(f"{owner}: low_cm1 must be below high_cm1, but {low:g} and {high:g} were given")
    inside = (shift >= low) & (shift <= high)
    if np.count_nonzero(inside) < 5:
        raise StepError(
            f"{owner}: there are {np.count_nonzero(inside)} channels between {low:g} and {high:g} cm-1, but five are "
            f"needed (the axis runs from {shift[0]:g} to {shift[-1]:g})"
        )
    return np.asarray(inside)
