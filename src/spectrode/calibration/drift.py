"""Drift of the axis along a run, followed on a line that stands in every spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import SpectrodeError
from .peaks import fit_peak, noise_level
from .smoother import random_walk

__all__ = ["Drift", "follow_line", "shifted"]

Floats = NDArray[np.float64]
_LOG16 = 4 * float(np.log(2))
_WANTED_SNR = 8.0  # of a measurement; below about 5 a least-squares position is biased and its error not Gaussian
_FEWEST_GROUPS = 8  # fewer measurements tell too little of how fast the line moves
_MOST_GROUPS = 400


@dataclass(frozen=True)
class Drift:
    """Where the line stood."""

    identifiable: bool
    """False: the line is too weak, even in averages; positions are NaN then."""
    sentence: str
    """What was found, for a note."""
    position_cm1: Floats
    """(n,) smooth position of the line in each spectrum."""
    sigma_cm1: Floats
    """(n,) its standard uncertainty, relative to the true line in the same spectra."""
    group_time_s: Floats
    group_position_cm1: Floats
    group_sigma_cm1: Floats
    group_weight: Floats
    """(groups,) 1 for a regular measurement, near 0 for an outlier."""
    pooled: int
    """Spectra averaged to one measurement."""

    @property
    def range_cm1(self) -> float:
        """Largest minus smallest position."""
        return float(np.ptp(self.position_cm1)) if self.identifiable else float("nan")


def follow_line(
    intensity: ArrayLike,
    shift: ArrayLike,
    times_s: ArrayLike | None = None,
    *,
    position_cm1: float = 520.45,
    window_cm1: float = 15.0,
    max_shift_cm1: float = 5.0,
) -> Drift:
    """Follow a line through a run.

    One line shape is fitted to the mean spectrum; then every spectrum (or average of neighbours in time, where the
    line is weak) is fitted with that shape, free height, position and straight background, all at once by
    Gauss–Newton. The positions are smoothed by a random walk whose speed is estimated from the data (restricted
    likelihood, averaged over its uncertainty); outliers lose weight by Student's t with 4 degrees of freedom.

    Parameters
    ----------
    intensity
        (n, channels); NaN channels are filled along the axis. Remove cosmic rays before.
    shift
        (channels,) increasing, cm-1.
    times_s
        (n,) finite, in any order; the row number if not given.
    position_cm1
        Where the line is expected: silicon 520.45, EC 893, EMC 901, DMC 915, PF6 741.
    window_cm1
        Half width of the range fitted; larger is steadier for broad lines and takes in more neighbours.
    max_shift_cm1
        Positions farther than this from the line of the mean spectrum count as outliers.

    Raises
    ------
    SpectrodeError
        If shapes disagree or the window leaves the axis.
    """
    y, x = np.atleast_2d(np.asarray(intensity)), np.asarray(shift, dtype=np.float64)
    times = np.arange(y.shape[0], dtype=np.float64) if times_s is None else np.asarray(times_s, dtype=np.float64)
    if times.shape != y.shape[:1] or x.shape != y.shape[1:] or not np.all(np.isfinite(times)):
        raise SpectrodeError(f"{y.shape} intensities need {y.shape[0]} finite times and {y.shape[1]} channels")
    near = np.abs(x - position_cm1) <= window_cm1
    if np.count_nonzero(near) < 8 or not x[0] < position_cm1 < x[-1]:
        raise SpectrodeError(
            f"the line at {position_cm1:g} cm-1 has {np.count_nonzero(near)} channels within {window_cm1:g} cm-1, but "
            f"8 are needed; the axis runs from {x[0]:g} to {x[-1]:g}"
        )
    x, y = x[near], y[:, near]
    order = np.argsort(times, kind="stable")
    y = np.asarray(y[order], dtype=np.float64)
    lost = ~np.isfinite(y)
    alive = ~lost.all(axis=1)
    for row in np.flatnonzero(lost.any(axis=1) & alive):
        y[row, lost[row]] = np.interp(x[lost[row]], x[~lost[row]], y[row, ~lost[row]])
    y, when = y[alive], times[order][alive]
    found = _measured(y, x, when, max_shift_cm1) if len(y) >= _FEWEST_GROUPS else None
    if found is None:
        return _not_identifiable(position_cm1, times.size)
    group_time, position, sigma, pooled = found
    walk = random_walk(group_time, position, sigma, times)
    text = (
        f"the line at {position_cm1:g} cm-1 moved over {np.ptp(walk.mean):.3f} cm-1 (typical uncertainty "
        f"{np.median(walk.sigma):.3f}; {pooled} {'spectrum' if pooled == 1 else 'spectra'} a measurement)"
    )
    return Drift(True, text, walk.mean, walk.sigma, group_time, position, sigma, walk.weight, pooled)


def shifted(intensity: NDArray[Any], shift: Floats, correction_cm1: Floats) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Resample spectra so that each one's axis moves by its correction.

    Cubic Lagrange interpolation over four channels; beyond the ends the outermost channel is repeated. It averages
    noise (variance times 0.64 half-way between channels, 1 on a channel) and correlates neighbours; a cosmic ray gets
    ripples beside it, so remove those before.

    Parameters
    ----------
    intensity
        (n, channels), finite.
    shift
        (channels,) increasing.
    correction_cm1
        (n,) added to each spectrum's axis; positive moves bands to higher wavenumbers.

    Returns
    -------
    intensity : (n, channels)
    weights : (n, channels, 4)
        Interpolation weights; their squares carry a variance over.
    first : (n, channels)
        First of the four channels, as integers.
    """
    m = shift.size
    at = np.clip(shift[None, :] - correction_cm1[:, None], shift[0], shift[-1])
    first = np.clip(np.searchsorted(shift, at) - 2, 0, m - 4)
    nodes = shift[first[..., None] + np.arange(4)]
    weights = np.ones((*at.shape, 4))
    for j in range(4):
        for k in range(4):
            if k != j:
                weights[..., j] *= (at - nodes[..., k]) / (nodes[..., j] - nodes[..., k])
    rows = np.arange(at.shape[0])[:, None, None]
    values = np.einsum("nmk,nmk->nm", weights, np.asarray(intensity)[rows, first[..., None] + np.arange(4)])
    return np.asarray(values), weights, first


def _not_identifiable(position: float, n: int) -> Drift:
    nothing, empty = np.full(n, np.nan), np.empty(0)
    text = f"the line at {position:g} cm-1 is too weak to follow: its drift is not identifiable"
    return Drift(False, text, nothing, nothing.copy(), empty, empty, empty, empty, 0)


def _measured(y: Floats, x: Floats, when: Floats, max_shift: float) -> tuple[Floats, Floats, Floats, int] | None:
    """Pool, fit the shape of the mean, fit all groups; again with the shape of the aligned mean."""
    shape = _shape(x, y.mean(axis=0))
    if shape is None:
        return None
    pooled = _pool_size(y, x, shape)
    if pooled is None:
        return None
    edges = np.arange(0, len(y) - pooled + 1, pooled)
    counts = np.diff(np.append(edges, len(y)))
    groups = np.add.reduceat(y, edges, axis=0) / counts[:, None]
    group_time = np.add.reduceat(when, edges) / counts
    delta, sigma, good = _positions(groups, x, shape, max_shift)
    if good.sum() >= _FEWEST_GROUPS:
        moved = np.where(good, delta, 0.0)
        aligned = np.mean([np.interp(x + d, x, row) for d, row in zip(moved[good], groups[good], strict=True)], axis=0)
        better = _shape(x, aligned)
        if better is not None:
            shape = better
            delta, sigma, good = _positions(groups, x, shape, max_shift)
    if good.sum() < max(_FEWEST_GROUPS, 0.5 * len(groups)):
        return None
    return group_time[good], shape[0] + delta[good], sigma[good], pooled


def _shape(x: Floats, mean: Floats) -> tuple[float, float, float] | None:
    """Return centre, full width and Lorentzian part of the line in the mean spectrum."""
    from scipy.optimize import least_squares

    middle = slice(x.size // 6, max(x.size - x.size // 6, x.size // 6 + 5))
    peak = fit_peak(x, mean, noise_level(mean)) or fit_peak(x[middle], mean[middle], noise_level(mean))
    if peak is None or peak.height <= 4 * noise_level(mean):
        return None
    scale = max(float(np.ptp(mean)), 1e-300)
    u = (x - x.mean()) / np.ptp(x)

    def residual(p: Floats) -> Any:
        return p[3] * _profile(x, p[0], p[1], p[2]) + p[4] + p[5] * u - (mean - mean.min()) / scale

    start = [peak.position, peak.fwhm, 0.5, peak.height / scale, 0.0, 0.0]
    bounds = ([x[0], 0.2 * peak.fwhm, 0, 0, -np.inf, -np.inf], [x[-1], float(2 * np.ptp(x)), 1, np.inf, np.inf, np.inf])
    fit = least_squares(residual, np.clip(start, np.array(bounds[0]) + 1e-9, np.array(bounds[1]) - 1e-9), bounds=bounds)
    return float(fit.x[0]), float(fit.x[1]), float(fit.x[2])


def _profile(x: Floats, centre: Any, fwhm: float, mixing: float) -> Floats:
    r = ((x - centre) / fwhm) ** 2
    return np.asarray(mixing / (1 + 4 * r) + (1 - mixing) * np.exp(-_LOG16 * r))


def _slope(x: Floats, centre: Any, fwhm: float, mixing: float) -> Floats:
    """Derivative of the profile with respect to its centre."""
    d = (x - centre) / fwhm
    r = d**2
    return np.asarray((mixing * 8 * d / (1 + 4 * r) ** 2 + (1 - mixing) * 2 * _LOG16 * d * np.exp(-_LOG16 * r)) / fwhm)


def _pool_size(y: Floats, x: Floats, shape: tuple[float, float, float]) -> int | None:
    """Return how many spectra make one measurement of signal to noise 8, with at least eight measurements left."""
    basis = np.stack([_profile(x, *shape), np.ones(x.size), x - x.mean()], axis=1)
    operator = np.linalg.pinv(basis)
    height = y @ operator[0]
    left = y - (y @ operator.T) @ basis.T
    # The height's uncertainty is that of the fit, so a line that many channels share counts in full.
    noise = float(np.sqrt(np.median((left**2).mean(axis=1)) * np.sum(operator[0] ** 2)))
    snr = float(np.median(height)) / max(noise, 1e-300)
    if snr <= 0:
        return None
    pooled = max(1, int(np.ceil((_WANTED_SNR / snr) ** 2)))
    if pooled > len(y) // _FEWEST_GROUPS:
        return None
    return max(pooled, int(np.ceil(len(y) / _MOST_GROUPS))) if len(y) > _MOST_GROUPS * pooled else pooled


def _positions(
    y: Floats, x: Floats, shape: tuple[float, float, float], max_shift: float
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Fit all rows at once; return displacement, standard uncertainty, and whether the fit is to be believed."""
    centre, fwhm, mixing = shape
    u = (x - x.mean()) / np.ptp(x)
    delta = np.zeros(len(y))
    for _ in range(8):
        basis = _basis(x, u, centre + delta, fwhm, mixing)
        best = _solved(basis, y)
        # Damped to a third of the width, where the linearisation ends.
        step = np.clip(best[:, 1] / np.where(best[:, 0] > 0, best[:, 0], np.inf), -0.3 * fwhm, 0.3 * fwhm)
        delta = np.clip(delta + step, -2 * max_shift, 2 * max_shift)
    basis = _basis(x, u, centre + delta, fwhm, mixing)
    best = _solved(basis, y)
    left = y - np.einsum("nmk,nk->nm", basis, best)
    variance = _channel_variance(left)
    operator = np.linalg.pinv(basis)
    of_step = np.einsum("nm,nm->n", operator[:, 1, :] ** 2, variance)
    of_height = np.einsum("nm,nm->n", operator[:, 0, :] ** 2, variance)
    height = np.where(best[:, 0] > 0, best[:, 0], np.nan)
    sigma = np.sqrt(of_step) / height
    floor = 1e-6 * fwhm  # a noiseless line still has rounding
    snr = height / np.sqrt(np.maximum(of_height, 1e-300))
    good = np.isfinite(sigma) & (snr > 3) & (sigma < 0.5 * fwhm) & (np.abs(delta) <= max_shift)
    return delta, np.maximum(np.where(good, sigma, 1.0), floor), good


def _basis(x: Floats, u: Floats, centre: Floats, fwhm: float, mixing: float) -> Floats:
    at = np.broadcast_to(x, (centre.size, x.size))
    line, slope = _profile(at, centre[:, None], fwhm, mixing), _slope(at, centre[:, None], fwhm, mixing)
    return np.stack([line, slope, np.ones_like(line), np.broadcast_to(u, line.shape)], axis=2)


def _solved(basis: Floats, y: Floats) -> Floats:
    normal = np.einsum("nmk,nml->nkl", basis, basis)
    # A touch of ridge keeps dead rows (a profile shifted out of the window) from being singular.
    normal += 1e-12 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(4)
    return np.asarray(np.linalg.solve(normal, np.einsum("nmk,nm->nk", basis, y)[..., None])[..., 0])


def _channel_variance(left: Floats) -> Floats:
    """Return the variance of each value: a common profile over the channels (shot noise is larger on the line) times
    the level of each row. What all rows have in common is a misfit of the shape, no noise, and moves no line."""
    n, m = left.shape
    noise = left - np.median(left, axis=0) if n >= 8 else left
    if n < 8:
        return np.broadcast_to((noise**2).sum(axis=1, keepdims=True) / max(1, m - 4), left.shape)
    freedom = m / max(1, m - 4)
    level = np.maximum((noise**2).mean(axis=1), 1e-300)
    profile = np.median(noise**2 / level[:, None], axis=0) / 0.4549  # median of chi-square with 1 degree of freedom
    # Averaged over neighbours, as a few rows give a rough profile.
    profile = np.convolve(np.pad(profile, 1, mode="edge"), np.full(3, 1 / 3), mode="valid")
    return np.asarray(level[:, None] * (profile / profile.mean())[None, :] * freedom)
