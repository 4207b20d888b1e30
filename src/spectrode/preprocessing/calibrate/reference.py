"""A constant shift of the axis, and a shift measured on a reference line.

One dataset has one axis, so a calibration moves all spectra together. A single reference line corrects the laser
wavelength, not the dispersion; check on a second substance (ASTM E1840) before trusting tenths of a wavenumber.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import StepError
from ...pipeline.parameters import Between, Unit
from ...pipeline.step import StepOutput, step

__all__ = ["LinePosition", "measure_line", "reference_line", "shift"]

Floats = NDArray[Any]
_MOST_SPECTRA = 400  # fits of single spectra; more would not sharpen a median


@step("calibrate.shift", changes_axis=True, keeps_variance=True)
def shift(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    shift_cm1: Annotated[float, Between(-500, 500), Unit("cm-1")],
) -> StepOutput:
    """Move the axis by a constant.

    Parameters
    ----------
    shift_cm1
        Added to every position; larger moves bands to higher wavenumbers.
    """
    return StepOutput(intensity, shift + shift_cm1)


@step(
    "calibrate.reference_line",
    cite="ASTM_E1840",
    context=("mask",),
    uses_neighbours=True,
    changes_axis=True,
    keeps_variance=True,
)
def reference_line(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    mask: NDArray[np.bool_] | None = None,
    position_cm1: Annotated[float, Between(-20_000, 20_000), Unit("cm-1")] = 520.45,
    window_cm1: Annotated[float, Between(1, 500), Unit("cm-1")] = 15.0,
    max_shift_cm1: Annotated[float, Between(0, 500), Unit("cm-1")] = 10.0,
    min_snr: Annotated[float, Between(1, 1e6)] = 10.0,
    measure: Literal["mean", "each"] = "mean",
) -> StepOutput:
    """Move the axis so that a known line stands at its place.

    A pseudo-Voigt line on a straight background is fitted. The default position is silicon, 520.45 cm-1 at room
    temperature; polystyrene has 1001.4 cm-1. What was measured, and its uncertainty, is told in the notes.

    Parameters
    ----------
    position_cm1
        Where the line belongs.
    window_cm1
        Half width of the range in which the line is looked for and fitted; larger finds lines that are farther off,
        and takes in more neighbours.
    max_shift_cm1
        A larger correction is refused, because another line was probably found.
    min_snr
        Height of the line over the noise below which it counts as not found; larger trusts only clearer lines.
    measure
        ``mean``: in the mean spectrum. ``each``: in every spectrum (400 evenly chosen ones at most), whose median
        counts and whose scatter shows drift.

    Raises
    ------
    StepError
        If the line is outside the axis, not found, or too far from its place.
    """
    owner = "calibrate.reference_line"
    values = intensity.astype(np.float64)
    values[~np.isfinite(values) | (np.zeros(values.shape, bool) if mask is None else mask)] = np.nan
    if not shift[0] < position_cm1 < shift[-1]:
        raise StepError(
            f"{owner}: the line at {position_cm1:g} cm-1 lies outside the axis, which runs from {shift[0]:g} to "
            f"{shift[-1]:g}"
        )
    spectra = _mean_spectrum(values)[None] if measure == "mean" else _some(values)
    lines = [line for row in spectra if (line := measure_line(row, shift, position_cm1, window_cm1)) is not None]
    found = [line for line in lines if line.snr >= min_snr]
    if not found:
        best = max((line.snr for line in lines), default=0.0)
        raise StepError(
            f"{owner}: no line was found within {window_cm1:g} cm-1 of {position_cm1:g} cm-1 (signal to noise "
            f"{best:.1f}, needed {min_snr:g})"
        )
    where = np.array([line.position_cm1 for line in found])
    measured = float(np.median(where))
    correction = position_cm1 - measured
    if abs(correction) > max_shift_cm1:
        raise StepError(
            f"{owner}: the line was found at {measured:.2f} cm-1, {abs(correction):.2f} cm-1 from {position_cm1:g}, "
            f"but at most {max_shift_cm1:g} cm-1 are allowed"
        )
    uncertainty = found[0].uncertainty_cm1
    text = "in the mean spectrum"
    if measure == "each":
        scatter = 1.4826 * float(np.median(np.abs(where - measured)))
        single = max(scatter, float(np.median([line.uncertainty_cm1 for line in found])))
        uncertainty = 1.2533 * single / float(np.sqrt(where.size))  # standard error of a median
        text = f"in {where.size} of {len(spectra)} spectra (scatter {scatter:.3f} cm-1)"
    note = (
        f"the line at {position_cm1:g} cm-1 was measured at {measured:.3f} ± {uncertainty:.3f} cm-1 {text}; the axis "
        f"was moved by {correction:+.3f} cm-1"
    )
    return StepOutput(intensity, shift + correction, notes=(note,))


@dataclass(frozen=True)
class LinePosition:
    """A measured line."""

    position_cm1: float
    uncertainty_cm1: float
    """Standard uncertainty of the fit; it knows nothing of the instrument."""
    fwhm_cm1: float
    height: float
    snr: float
    """Height over the noise of the spectrum (from second differences, so that no band counts as noise)."""
    method: Literal["fit", "three channels"]


def measure_line(
    intensity: ArrayLike, shift: ArrayLike, position_cm1: float, window_cm1: float = 15.0
) -> LinePosition | None:
    """Measure the strongest line near a position, to fractions of a channel.

    Parameters
    ----------
    intensity, shift
        (channels,) one spectrum; NaN channels are left out.
    position_cm1
        Where to look.
    window_cm1
        Half width of the range.

    Returns
    -------
    LinePosition or None
        None if fewer than five channels are there, nothing rises above the background, or what does is wider than
        ``window_cm1`` (a hump, not a line). The position comes from a
        pseudo-Voigt fit, or, where that does not converge or has too few channels, from the top three channels.
    """
    y, x = np.asarray(intensity, dtype=np.float64), np.asarray(shift, dtype=np.float64)
    noise = _noise(y[np.isfinite(y)])
    near = (np.abs(x - position_cm1) <= window_cm1) & np.isfinite(y)
    if np.count_nonzero(near) < 5:
        return None
    x, y = x[near], y[near]
    wing = max(1, x.size // 6)
    slope = (y[-wing:].mean() - y[:wing].mean()) / (x[-wing:].mean() - x[:wing].mean())
    above = y - (y[:wing].mean() + slope * (x - x[:wing].mean()))
    top = int(np.argmax(above))
    height = float(above[top])
    if height <= 0 or top in (0, x.size - 1):
        return None
    line = _fitted(x, y, above, top, noise) or _three_channels(x, above, top, noise)
    return line if line.fwhm_cm1 <= window_cm1 else None


def _noise(y: Floats) -> float:
    if y.size < 3:
        return 0.0
    return float(1.4826 / np.sqrt(6) * np.median(np.abs(np.diff(y, n=2))))


def _fitted(x: Floats, y: Floats, above: Floats, top: int, noise: float) -> LinePosition | None:
    """Fit a pseudo-Voigt line on a straight background; None if that fails."""
    from scipy.optimize import curve_fit

    if x.size < 8:
        return None
    height, spacing = float(above[top]), float(np.mean(np.diff(x)))
    width = max(float(np.count_nonzero(above > height / 2)) * spacing, spacing)
    start = [x[top], width, height, 0.5, float(np.median(y)), 0.0]
    bounds = (
        [x[0], 0.3 * spacing, 0.0, 0.0, -np.inf, -np.inf],
        [x[-1], np.ptp(x), np.inf, 1.0, np.inf, np.inf],
    )
    centre = float(x.mean())

    def model(at: Floats, place: float, fwhm: float, high: float, eta: float, level: float, tilt: float) -> Floats:
        reduced = ((at - place) / (fwhm / 2)) ** 2
        profile = eta / (1 + reduced) + (1 - eta) * np.exp(-np.log(2) * reduced)
        return np.asarray(high * profile + level + tilt * (at - centre))

    try:
        best, covariance = curve_fit(model, x, y, start, bounds=bounds, x_scale=np.maximum(np.abs(start), 1e-3))
    except (RuntimeError, ValueError):
        return None
    uncertainty = float(np.sqrt(covariance[0, 0]))
    if not np.isfinite(uncertainty) or uncertainty > best[1]:
        return None
    noise = max(noise, 1e-12 * abs(best[2]), np.finfo(float).tiny)
    return LinePosition(float(best[0]), uncertainty, float(best[1]), float(best[2]), float(best[2] / noise), "fit")


def _three_channels(x: Floats, above: Floats, top: int, noise: float) -> LinePosition:
    """Return the vertex of the parabola through the logarithms of the top three channels: exact for a Gaussian."""
    height = float(above[top])
    floor = max(noise, 1e-3 * height)
    three = np.maximum(above[top - 1 : top + 2], floor)
    at = x[top - 1 : top + 2] - x[top]
    bend, tilt, _ = np.polyfit(at, np.log(three), 2)
    spacing = float(at[2] - at[0]) / 2
    if bend >= 0:  # a plateau of equal channels
        place, fwhm = 0.0, 3 * spacing
    else:
        place, fwhm = float(-tilt / (2 * bend)), float(np.sqrt(-4 * np.log(2) / bend))
    # Noise of the outer two channels; a twentieth of a channel is the price of not knowing the shape of the line.
    spread = noise / height * spacing * float(np.hypot(height / three[0], height / three[2])) / 2
    uncertainty = float(np.hypot(spread, 0.05 * spacing))
    noise = max(noise, 1e-12 * height, np.finfo(float).tiny)
    return LinePosition(float(x[top] + place), uncertainty, fwhm, height, height / noise, "three channels")


def _mean_spectrum(values: Floats) -> Floats:
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    total = np.where(finite, values, 0.0).sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def _some(values: Floats) -> Floats:
    if values.shape[0] <= _MOST_SPECTRA:
        return values
    return np.asarray(values[np.linspace(0, values.shape[0] - 1, _MOST_SPECTRA).astype(int)])
