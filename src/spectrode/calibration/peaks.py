"""Lines in one spectrum, to fractions of a channel, each with an uncertainty that is told from the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Peak", "find_peaks", "fit_peak", "noise_level"]

Floats = NDArray[np.float64]
_LOG16 = 4 * float(np.log(2))


@dataclass(frozen=True)
class Peak:
    """A measured line; positions in the unit of the axis it was measured on."""

    position: float
    uncertainty: float
    """Standard, of the fit: noise, and how badly the line shape fits."""
    fwhm: float
    height: float
    snr: float


def noise_level(intensity: ArrayLike) -> float:
    """Return the standard deviation of the noise of one spectrum, from second differences (bands hardly count)."""
    y = np.asarray(intensity, dtype=np.float64)
    y = y[np.isfinite(y)]
    if y.size < 3:
        return 0.0
    return float(1.4826 / np.sqrt(6) * np.median(np.abs(np.diff(y, n=2))))


def find_peaks(
    axis: ArrayLike,
    intensity: ArrayLike,
    *,
    min_snr: float = 10.0,
    saturated: float | None = None,
    reach: float = 1.5,
) -> list[Peak]:
    """Return the lines of a lamp spectrum, by position.

    Parameters
    ----------
    axis
        (channels,) increasing; pixels, nanometres or wavenumbers.
    intensity
        (channels,) counts.
    min_snr
        Height over the noise that a line must have; larger trusts only clearer lines.
    saturated
        Count at which the detector is full; lines that reach it are left out. None: three or more neighbouring
        channels within 0.5 % of the highest count are taken as the sign of a full detector.
    reach
        Half width of the range fitted, in widths of the line; smaller follows the maximum of lopsided bands, larger
        is steadier against noise.

    Returns
    -------
    list of Peak
        Lines that fit a Gaussian–Lorentzian profile with an uncertainty below a quarter of their width. A line that
        leans on a neighbour is fitted in the range that is nearer to it than to the neighbour.
    """
    from scipy.ndimage import percentile_filter, uniform_filter1d
    from scipy.signal import find_peaks as local_maxima

    x, y = np.asarray(axis, dtype=np.float64), np.asarray(intensity, dtype=np.float64)
    good = np.isfinite(y) & np.isfinite(x)
    x, y = x[good], y[good]
    if x.size < 9:
        return []
    noise = max(noise_level(y), 1e-6 * float(np.ptp(y)), np.finfo(float).tiny)
    window = max(25, x.size // 20) | 1
    floor = uniform_filter1d(percentile_filter(y, 20, size=window, mode="nearest"), window, mode="nearest")
    above = y - floor
    # A prominence, so that a shoulder or a wiggle on the flank of a strong line does not count as a line.
    least = min_snr * noise
    tops, shape = local_maxima(above, height=least, prominence=0.5 * least, width=1.0, rel_height=0.5)
    full = _saturated(y, saturated)
    peaks: list[Peak] = []
    for k, top in enumerate(tops):
        half = max(3, round(reach * float(shape["widths"][k])))
        low = max(top - half, (tops[k - 1] + top) // 2 if k else 0, 0)
        high = min(top + half, (tops[k + 1] + top) // 2 if k + 1 < tops.size else x.size - 1, x.size - 1)
        if high - low < 4 or full[low : high + 1].any():
            continue
        peak = fit_peak(x[low : high + 1], y[low : high + 1], noise)
        if peak is not None and peak.snr >= min_snr:
            peaks.append(peak)
    return peaks


def _saturated(y: Floats, limit: float | None) -> NDArray[np.bool_]:
    if limit is not None:
        return y >= limit
    near = y >= y.max() - 0.005 * (y.max() - np.median(y))
    run = near[:-2] & near[1:-1] & near[2:]
    return near if run.any() else np.zeros(y.size, dtype=bool)


def fit_peak(x: Floats, y: Floats, noise: float) -> Peak | None:
    """Fit one pseudo-Voigt line on a straight background to all the points given.

    With fewer than nine points the mixing is fixed at a half-and-half profile, for want of degrees of freedom.

    Returns
    -------
    Peak or None
        None where the fit fails, the line leaves the range, or its uncertainty exceeds a quarter of its width.
    """
    from scipy.optimize import least_squares

    origin, scale = float(x.mean()), float(np.ptp(x)) / (x.size - 1)
    u = (x - origin) / scale
    low, high = float(np.min(y)), float(np.max(y))
    span = high - low
    if not span > 0:
        return None
    free_shape = x.size >= 9
    top = float(u[int(np.argmax(y))])
    width = max(1.5, float(np.count_nonzero(y > low + span / 2)))
    start = [top, width, 1.0, 0.0, 0.0] + ([0.4] if free_shape else [])
    lower = [u[0], 0.5, 0.0, -np.inf, -np.inf] + ([0.0] if free_shape else [])
    upper = [u[-1], 3 * float(np.ptp(u)), 100.0, np.inf, np.inf] + ([1.0] if free_shape else [])
    target = (y - low) / span

    def residual(p: Floats) -> Any:
        reduced = ((u - p[0]) / p[1]) ** 2
        mixing = p[5] if free_shape else 0.5
        profile = mixing / (1 + 4 * reduced) + (1 - mixing) * np.exp(-_LOG16 * reduced)
        return p[2] * profile + p[3] + p[4] * u - target

    fit = least_squares(residual, np.clip(start, np.array(lower) + 1e-9, np.array(upper) - 1e-9), bounds=(lower, upper))
    if not fit.success:
        return None
    freedom = max(1, x.size - len(start))
    spread = max(noise / span, float(np.sqrt(2 * fit.cost / freedom)))
    # The pseudo-inverse: a parameter at its bound must not make the matrix singular.
    covariance = np.linalg.pinv(fit.jac.T @ fit.jac) * spread**2
    sigma, fwhm = float(np.sqrt(covariance[0, 0])), float(fit.x[1])
    at_edge = fit.x[0] <= u[0] + 0.5 or fit.x[0] >= u[-1] - 0.5
    if at_edge or not np.isfinite(sigma) or sigma > 0.25 * fwhm:
        return None
    height = float(fit.x[2]) * span
    floor = max(noise, np.finfo(float).tiny)
    return Peak(origin + float(fit.x[0]) * scale, max(sigma, 1e-4) * scale, fwhm * scale, height, height / floor)
