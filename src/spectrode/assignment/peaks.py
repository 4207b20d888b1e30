"""Peaks of one spectrum: found by wavelet response against the noise, then fitted.

A wavelet with neither sum nor slope (Ricker) is blind to a constant and to a straight baseline, so that its response
over its own noise is a signal-to-noise ratio that pure noise does not reach and fluorescence does not raise (Du, Kibbe
and Lin, Bioinformatics 22 (2006) 2059).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Peak", "detection_limit", "find_peaks", "noise_level"]

_NARROWEST_CHANNELS = 2.5
_GROUP_MAX = 6
_LEAST_GAIN = 3.0
_LEAST_SPLIT = 6.0
_CUBIC_SHARE = 0.25
_BROADEST_CM1 = 300.0


@dataclass(frozen=True)
class Peak:
    """One fitted peak."""

    position_cm1: float
    uncertainty_cm1: float
    """Standard uncertainty of the position from the fit and the noise."""
    height: float
    fwhm_cm1: float
    snr: float
    broad: bool
    """At least as wide as the limit asked; not a sharp band."""

    @property
    def area(self) -> float:
        """Height times width: the weight of a peak when intensities are summed."""
        return self.height * self.fwhm_cm1


def noise_level(spectrum: NDArray[Any]) -> float:
    """Return the standard deviation of the noise of a spectrum.

    The robust spread of second differences over one, two and three channels, in the quieter half of the spectrum; the
    largest of the three, because noise that an instrument or an interpolation has smoothed hides from the nearest
    neighbours.
    """
    y = np.asarray(spectrum, dtype=np.float64)
    levels = [0.0]
    for lag in (1, 2, 3):
        if y.size < 2 * lag + 8:
            break
        second = np.abs(y[: -2 * lag] - 2 * y[lag:-lag] + y[2 * lag :])
        blocks = np.array_split(second, max(1, second.size // 48))
        medians = np.sort([float(np.median(b)) for b in blocks])
        quiet = medians[: max(1, (medians.size + 1) // 2)]
        levels.append(1.4826 * float(np.median(quiet)) / np.sqrt(6.0))
    # The quieter half of equal blocks reads about 5 % low on white noise; 1.05 is the measured correction.
    return 1.05 * max(levels)


def detection_limit(
    noise: float, fwhm_cm1: NDArray[np.float64], step_cm1: float, min_snr: float
) -> NDArray[np.float64]:
    """Return the height at which a band of this width reaches ``min_snr`` in the filter of :func:`find_peaks`."""
    channels = np.maximum(fwhm_cm1 / step_cm1, 1.0)
    # For a Gaussian of s channels standard deviation the best Ricker response is 0.74 sqrt(s) of its height
    # over the noise (maximum over the scale of the closed form).
    limit: NDArray[np.float64] = min_snr * noise / (0.74 * np.sqrt(channels / 2.3548))
    return limit


def find_peaks(
    shift: NDArray[Any],
    spectrum: NDArray[Any],
    *,
    noise: float | None = None,
    min_snr: float = 5.0,
    min_relative_height: float = 0.01,
    broad_cm1: float = 80.0,
) -> list[Peak]:
    """Return the peaks of one spectrum, ordered by position.

    Parameters
    ----------
    shift : (channels,) array
        Raman shift in cm-1, strictly increasing.
    spectrum : (channels,) array
        Intensities; a NaN is treated as the mean of its neighbours.
    noise : float, optional
        Standard deviation of the noise per channel; :func:`noise_level` estimates it if not given.
    min_snr : float
        Least wavelet response over its noise; larger finds fewer peaks.
    min_relative_height : float
        Least height as a fraction of the strongest peak; larger finds fewer peaks.
    broad_cm1 : float
        Peaks at least this wide are marked as broad.

    Returns
    -------
    list of Peak
        Sharp and broad ones. No peak is a proper answer.
    """
    x, y, step = _even(np.asarray(shift, dtype=np.float64), np.asarray(spectrum, dtype=np.float64))
    if x.size < 16 or not np.ptp(y) > 0:
        return []
    sd = noise_level(y) if noise is None else float(noise)
    # Rounding alone must not make peaks out of a noise-free spectrum.
    sd = max(sd, 1e-6 * float(np.ptp(y)))
    sharp_scales = _scales(_NARROWEST_CHANNELS * step, broad_cm1, step)
    found = _candidates(y, sd, sharp_scales, min_snr)
    peaks = _fitted(x, y, sd, step, found)
    residual = y - _model(x, peaks)
    broad_scales = _scales(0.6 * broad_cm1, min(_BROADEST_CM1, 0.3 * float(np.ptp(x))), step)
    hump_sd = max(sd, 0.002 * float(np.ptp(y)))
    humps = _candidates(residual, hump_sd, broad_scales, min_snr, interior=True)
    peaks += [p for p in _humps(x, residual, sd, step, humps) if not _is_leftover(p, peaks)]
    peaks = [p for p in peaks if p["snr"] >= min_snr and p["height"] > 0]
    if not peaks:
        return []
    highest = max(p["height"] for p in peaks)
    return sorted(
        (
            Peak(p["position"], p["u"], p["height"], p["fwhm"], p["snr"], p["fwhm"] >= broad_cm1)
            for p in peaks
            if p["height"] >= min_relative_height * highest
        ),
        key=lambda p: p.position_cm1,
    )


# ---- detection ------------------------------------------------------------------------------------------------------


def _even(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return the spectrum on an even axis of the same number of channels, NaN bridged."""
    good = np.isfinite(y)
    if not good.any() or x.size < 2:
        return x[:0], y[:0], 1.0
    even = np.linspace(x[0], x[-1], x.size)
    step = float(even[1] - even[0])
    if good.all() and np.allclose(even, x, atol=0.02 * step, rtol=0):
        return x, y, step
    return even, np.interp(even, x[good], y[good]), step


def _scales(low_cm1: float, high_cm1: float, step: float) -> NDArray[np.float64]:
    """Return peak widths (standard deviations in channels), a factor of about 1.25 apart."""
    low, high = low_cm1 / 2.3548 / step, max(high_cm1, 1.3 * low_cm1) / 2.3548 / step
    return np.geomspace(low, high, max(3, round(np.log(high / low) / np.log(1.25)) + 1))


def _response(y: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Return the response of a unit-energy Ricker wavelet matched to a Gaussian of this width; edges continue oddly."""
    from scipy.signal import fftconvolve

    a = np.sqrt(5.0) * sigma  # the scale at which a unit-energy Ricker answers a Gaussian most strongly
    half = min(int(np.ceil(5 * a)), y.size - 1)
    t = np.arange(-half, half + 1) / a
    wavelet = (1 - t**2) * np.exp(-0.5 * t**2)
    wavelet -= wavelet.mean()
    wavelet /= np.sqrt(np.sum(wavelet**2))
    left = 2 * _edge(y[: 2 * half], 0) - y[half:0:-1]
    right = 2 * _edge(y[-2 * half :][::-1], 0) - y[-2 : -half - 2 : -1]
    out: NDArray[np.float64] = fftconvolve(np.concatenate([left, y, right]), wavelet, mode="valid")
    return out


def _edge(y: NDArray[np.float64], at: int) -> float:
    """Return the smooth value at the edge, so that one noisy channel does not shift the whole continuation."""
    n = min(y.size, 7)
    slope, offset = np.polyfit(np.arange(n), y[:n], 1) if n > 2 else (0.0, float(y[0]))
    return float(offset + slope * at)


def _candidates(
    y: NDArray[np.float64], sd: float, scales: NDArray[np.float64], min_snr: float, interior: bool = False
) -> list[tuple[int, float, float]]:
    """Return (channel, width as sd in channels, snr) of the maxima over position, finer scales first.

    With ``interior`` a maximum must also be one over the scales: what still grows at the widest one is background.
    """
    from scipy import signal

    responses = np.array([_response(y, s) for s in scales]) / sd
    seen: list[tuple[int, float, float, float]] = []
    for row, sigma in zip(responses, scales, strict=True):
        # The prominence keeps noise on the flank or top of a broad band from counting as bands of its own.
        inner, _ = signal.find_peaks(row, height=min_snr, prominence=min_snr)
        margin = max(2, round(np.sqrt(5.0) * sigma))  # nearer to the edge the wavelet sees more continuation than data
        for at in inner[(inner >= margin) & (inner < y.size - margin)]:
            if any(abs(at - other) <= 1.5 * sigma and finer < sigma for other, _, _, finer in seen):
                continue
            column = responses[:, max(0, at - 1) : at + 2].max(axis=1)
            best = _first_scale_maximum(column, int(np.searchsorted(scales, sigma)))
            if interior and best in (0, scales.size - 1):
                continue
            seen.append((int(at), float(scales[best]), float(column[best]), float(sigma)))
    return sorted(item[:3] for item in seen)


def _first_scale_maximum(column: NDArray[np.float64], start: int) -> int:
    best = start
    while best + 1 < column.size and column[best + 1] > column[best]:
        best += 1
    return best


# ---- fit ------------------------------------------------------------------------------------------------------------


def _profile(x: NDArray[np.float64], position: float, height: float, fwhm: float, eta: float) -> NDArray[np.float64]:
    reduced = (x - position) / (fwhm / 2)
    out: NDArray[np.float64] = height * (eta / (1 + reduced**2) + (1 - eta) * np.exp(-np.log(2.0) * reduced**2))
    return out


def _model(x: NDArray[np.float64], peaks: list[dict[str, float]]) -> NDArray[np.float64]:
    total = np.zeros_like(x)
    for p in peaks:
        total += _profile(x, p["position"], p["height"], p["fwhm"], p["eta"])
    return total


def _fitted(
    x: NDArray[np.float64], y: NDArray[np.float64], sd: float, step: float, found: list[tuple[int, float, float]]
) -> list[dict[str, float]]:
    peaks: list[dict[str, float]] = []
    for group in _groups(found):
        peaks += _fit_group(x, y, sd, step, group)
    rest = y - _model(x, peaks)
    return [p for p in peaks if _is_band(x, rest, sd, p)]


def _is_band(x: NDArray[np.float64], rest: NDArray[np.float64], sd: float, peak: dict[str, float]) -> bool:
    """Return whether a peak says more than a smooth background does.

    Around the peak the data (without the other peaks) are explained by the peak on a straight line and, instead, by a
    cubic. Fluorescence is explained by the cubic as well; a band is not.
    """
    reach = max(2.0 * peak["fwhm"], 8 * (x[1] - x[0]))
    inside = np.abs(x - peak["position"]) <= reach
    own = _model(x[inside], [peak])
    straight, cubic = (
        _residual_energy(x[inside], rest[inside] + own, 1),
        _residual_energy(x[inside], rest[inside] + own, 3),
    )
    with_peak = _residual_energy(x[inside], rest[inside], 1)
    gain = cubic - with_peak
    return gain >= (_LEAST_GAIN * sd) ** 2 and gain >= _CUBIC_SHARE * (straight - with_peak)


def _residual_energy(x: NDArray[np.float64], y: NDArray[np.float64], degree: int) -> float:
    t = (x - x.mean()) / max(float(np.ptp(x)), 1e-300)
    basis = np.vander(t, degree + 1)
    rest = y - basis @ np.linalg.lstsq(basis, y, rcond=None)[0]
    return float(rest @ rest)


def _groups(found: list[tuple[int, float, float]]) -> list[list[tuple[int, float, float]]]:
    """Put peaks that overlap into one group, at most ``_GROUP_MAX`` at a time."""
    groups: list[list[tuple[int, float, float]]] = []
    for item in found:
        last = groups[-1] if groups else None
        if last and len(last) < _GROUP_MAX and item[0] - last[-1][0] < 4.0 * (item[1] + last[-1][1]):
            last.append(item)
        else:
            groups.append([item])
    return groups


def _fit_group(
    x: NDArray[np.float64], y: NDArray[np.float64], sd: float, step: float, group: list[tuple[int, float, float]]
) -> list[dict[str, float]]:
    """Fit a group of peaks, with two that lie close together taken for one where one does as well."""
    peaks, cost = _fit(x, y, sd, step, group)
    while (pair := _closest_pair(peaks)) is not None:
        left, right = group[pair], group[pair + 1]
        middle = (left[0] + right[0]) // 2
        sigma = 0.5 * (left[1] + right[1]) + 0.5 * (right[0] - left[0])
        fewer = [*group[:pair], (middle, sigma, max(left[2], right[2])), *group[pair + 2 :]]
        fewer_peaks, fewer_cost = _fit(x, y, sd, step, fewer)
        if fewer_cost - cost > (_LEAST_SPLIT * sd) ** 2:
            break
        group, peaks, cost = fewer, fewer_peaks, fewer_cost
    return peaks


def _closest_pair(peaks: list[dict[str, float]]) -> int | None:
    """Return the first of the two neighbours that overlap most, if any lie within half their width."""
    overlap = [(b["position"] - a["position"]) / max(a["fwhm"], b["fwhm"]) for a, b in itertools.pairwise(peaks)]
    if not overlap or min(overlap) > 0.6:
        return None
    return int(np.argmin(overlap))


def _fit(
    x: NDArray[np.float64], y: NDArray[np.float64], sd: float, step: float, group: list[tuple[int, float, float]]
) -> tuple[list[dict[str, float]], float]:
    """Fit pseudo-Voigt peaks with one shape on a straight local background; return them and the sum of squares."""
    from scipy.optimize import least_squares

    reach = [max(6, round(4.5 * sigma)) for _, sigma, _ in group]
    low = max(0, min(at - r for (at, _, _), r in zip(group, reach, strict=True)))
    high = min(x.size, max(at + r for (at, _, _), r in zip(group, reach, strict=True)) + 1)
    xs, ys = x[low:high], y[low:high]
    middle, span = float(xs.mean()), float(np.ptp(xs))
    scale = max(float(np.ptp(ys)), 1e-300)
    floor = float(np.percentile(ys, 10))
    start, lower, upper = [floor / scale, 0.0, 0.5], [-np.inf, -np.inf, 0.0], [np.inf, np.inf, 1.0]
    for at, sigma, _ in group:
        width = 2.3548 * sigma * step
        start += [x[at], max((float(y[at]) - floor) / scale, 0.02), width]
        # A position outside the measured range would be a guess about what was not measured.
        lower += [max(x[at] - max(0.6 * width, step), x[0]), 0.0, 1.2 * step]
        upper += [min(x[at] + max(0.6 * width, step), x[-1]), 4.0, 4.0 * width + 2 * step]

    def residuals(p: NDArray[np.float64]) -> NDArray[np.float64]:
        out = p[0] + p[1] * (xs - middle) / span - ys / scale
        for c, h, w in p[3:].reshape(-1, 3):
            out = out + _profile(xs, c, h, w, p[2])
        return np.asarray(out, dtype=np.float64)

    fit = least_squares(
        residuals, np.clip(start, lower, upper), bounds=(lower, upper), x_scale="jac", max_nfev=60, ftol=1e-6, xtol=1e-7
    )
    rms = float(np.sqrt(2 * fit.cost / max(xs.size - fit.x.size, 1)))
    # Model error counts as noise: a shape that does not fit must not claim a precise position.
    covariance = np.linalg.pinv(fit.jac.T @ fit.jac) * max(rms, sd / scale) ** 2
    peaks = []
    for i, (_at, _sigma, snr) in enumerate(group):
        c, h, w = fit.x[3 + 3 * i : 6 + 3 * i]
        u = float(np.sqrt(max(covariance[3 + 3 * i, 3 + 3 * i], 0.0)))
        u = min(max(u, 0.02 * step), 0.5 * float(w) + step)
        peaks.append(
            {
                "position": float(c),
                "u": u,
                "height": float(h) * scale,
                "fwhm": float(w),
                "eta": float(fit.x[2]),
                "snr": snr,
            }
        )
    return peaks, 2 * float(fit.cost) * scale**2


def _humps(
    x: NDArray[np.float64], residual: NDArray[np.float64], sd: float, step: float, found: list[tuple[int, float, float]]
) -> list[dict[str, float]]:
    return _fitted(x, residual, sd, step, found)


def _is_leftover(hump: dict[str, float], sharp: list[dict[str, float]]) -> bool:
    """Return whether a hump is only what imperfect fits of stronger sharp peaks left behind."""
    inside = [p for p in sharp if abs(p["position"] - hump["position"]) < hump["fwhm"]]
    return any(hump["height"] < 0.1 * p["height"] for p in inside)
