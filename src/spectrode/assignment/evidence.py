"""How much more likely a spectrum's peaks are with an entry of the library than without it.

The peaks of whatever the library does not hold are a Poisson process: as dense as the spectrum is crowded, denser where
Raman bands are common. A species in the sample puts a peak near each of its bands instead: within the band's stated
uncertainty and one axis shift common to all, of a height that follows the listed ratios to a factor of two to three,
and of a fitting width. A band that should stand out of the noise, beside what could hide it, and does not, counts
against. The amount and the axis shift are integrated over on grids. The logarithm of the ratio is the *evidence*, in
nats (data association of peaks to modes as in multi-target tracking: Bar-Shalom and Li, Multitarget-Multisensor
Tracking, 1995).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .peaks import Peak, detection_limit
from .references import References
from .settings import AssignmentSettings

__all__ = [
    "TYPICAL_FWHM_CM1",
    "Evidence",
    "Observed",
    "Pairs",
    "axis_grid",
    "density_at",
    "evidence_of",
    "observed_of",
    "pairs_of",
]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

TYPICAL_FWHM_CM1 = 13.0
"""Width of a band whose own width is not known."""

_REACH = 3.5  # standard uncertainties beyond which a peak is not the band's
_AMOUNTS = 24
_MOST_AMOUNT = 30.0  # of the highest peak, for the strongest band: it may lie outside the range or be hidden
_SHIFTS = 9
_VISIBLE = 2.0  # a band counts as missing only if it should stand this far above the detection limit
_KERNEL_CM1 = 30.0
_LOG_WIDTH = 0.4
_LOG_WIDTH_UNKNOWN = 0.6
_LOG_WIDTH_ANY = 0.8
_HIDES = 0.7  # of its width: a peak hides what lies this near to its centre
_WING = 1.5
_WING_HEIGHT = 0.2


@dataclass(frozen=True, eq=False)
class Observed:
    """A peak list as arrays (peaks,), and what decides about visibility."""

    peaks: tuple[Peak, ...]
    low: float
    high: float
    step: float
    noise: float
    settings: AssignmentSettings
    position: Floats
    uncertainty: Floats
    height: Floats
    fwhm: Floats
    area: Floats
    broad: NDArray[np.bool_]

    def limit(self, fwhm: Floats) -> Floats:
        """Return the height at which a band of this width is found, in the units of the heights."""
        limit = detection_limit(self.noise, fwhm, self.step, self.settings.min_snr)
        highest = float(self.height.max(initial=0.0))
        return np.maximum(limit, max(self.settings.min_relative_height * highest, 1e-12 * highest, 1e-300))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Every peak that can be a band, ordered by band: what does not depend on amount and axis."""

    band: Indices
    peak: Indices
    base: Floats
    """(pairs,) log ratio of the width and of the density of other peaks, without position and height."""
    spread: Floats
    """(pairs,) standard uncertainty of the comparison without the common axis shift, cm-1."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Evidence of all entries beside what is explained already."""

    total: Floats
    """(entries,) in nats, the axis shift integrated over."""
    by_shift: Floats
    """(entries, shifts)."""
    amount: Floats
    """(entries, 2) most likely height of a band of relative intensity 1, below and above 2000 cm-1."""
    shift: Floats
    """(entries,) most likely axis shift, cm-1."""


def observed_of(
    peaks: tuple[Peak, ...], low: float, high: float, step: float, noise: float, settings: AssignmentSettings
) -> Observed:
    """Return a peak list as arrays."""
    return Observed(
        peaks,
        low,
        high,
        step,
        noise,
        settings,
        position=np.array([p.position_cm1 for p in peaks], dtype=float),
        uncertainty=np.array([p.uncertainty_cm1 for p in peaks], dtype=float),
        height=np.array([p.height for p in peaks], dtype=float),
        fwhm=np.array([p.fwhm_cm1 for p in peaks], dtype=float),
        area=np.array([p.area for p in peaks], dtype=float),
        broad=np.array([p.broad for p in peaks], dtype=bool),
    )


def axis_grid(settings: AssignmentSettings) -> tuple[Floats, Floats]:
    """Return axis shifts in cm-1 and the logarithms of their prior weights."""
    if settings.axis_uncertainty_cm1 == 0:
        return np.zeros(1), np.zeros(1)
    grid = np.linspace(-2.4, 2.4, _SHIFTS)
    weight = -0.5 * grid**2
    return settings.axis_uncertainty_cm1 * grid, weight - _logsum(weight, 0)


def pairs_of(references: References, observed: Observed) -> Pairs:
    """Return the pairs of band and peak that agree at any axis shift."""
    shifts, _ = axis_grid(observed.settings)
    spread = np.sqrt(references.uncertainty[:, None] ** 2 + observed.uncertainty[None, :] ** 2)
    offset = np.abs(observed.position[None, :] - references.position[:, None])
    near = offset <= _REACH * spread + float(np.abs(shifts).max())
    band, peak = np.nonzero(near & _width_fits(references, observed))
    base = (
        _log_width(references, observed, band, peak) - np.log(density_at(references, observed, observed.position))[peak]
    )
    return Pairs(band, peak, base, spread[band, peak])


def evidence_of(
    references: References, observed: Observed, pairs: Pairs, taken: NDArray[np.bool_], weights: Floats
) -> Evidence:
    """Return the evidence of every entry beside the peaks that are ``taken`` (explained by others already).

    Parameters
    ----------
    taken : (peaks,) bool
        Such a peak is evidence for nothing new; it may hide a band.
    weights : (shifts,)
        Logarithms of the weights of the axis shifts, normalised: the prior, or what earlier entries have made of it.
    """
    shifts, _ = axis_grid(observed.settings)
    n = len(references.entries)
    amounts = _amounts(observed)
    missing = _log_missing(references, observed, amounts)  # (slots, amounts)
    slot_total = np.broadcast_to(missing[:, None, :], (len(references.slots), shifts.size, amounts.size)).copy()
    if pairs.band.size:
        values = _pair_values(references, observed, pairs, taken, shifts, amounts)
        keep = _one_band_per_peak(references, pairs, values)
        first = np.flatnonzero(np.r_[True, np.diff(pairs.band[keep]) > 0])
        best = np.maximum.reduceat(values[keep], first, axis=0)
        slots = references.band_slot[pairs.band[keep][first]]
        start = np.flatnonzero(np.r_[True, np.diff(slots) > 0])
        # Several states of one mode add where they stand apart; a state that is not there costs nothing.
        gain = np.where(best > 0, best, 0.0)
        some = np.maximum.reduceat(best, start, axis=0)
        together = np.add.reduceat(gain, start, axis=0)
        matched = np.where(some > 0, together, some)
        rows = slots[start]
        slot_total[rows] = np.maximum(slot_total[rows], matched)
    part = 2 * references.slot_entry + references.slot_high
    per_part = np.zeros((2 * n, shifts.size, amounts.size))
    np.add.at(per_part, part, slot_total)
    by_shift = (_logsum(per_part, 2) - np.log(amounts.size)).reshape(n, 2, shifts.size).sum(axis=1)
    total = _logsum(by_shift + weights, 1)
    at = np.argmax(by_shift + weights, axis=1)
    chosen = per_part.reshape(n, 2, shifts.size, amounts.size)[np.arange(n), :, at, :]
    return Evidence(total, by_shift, amounts[np.argmax(chosen, axis=2)], shifts[at])


def _amounts(observed: Observed) -> Floats:
    highest = float(observed.height.max(initial=0.0))
    lowest = 0.5 * float(observed.limit(np.array([TYPICAL_FWHM_CM1]))[0])
    return np.geomspace(lowest, max(_MOST_AMOUNT * highest, 2 * lowest), _AMOUNTS)


def _width_fits(references: References, observed: Observed) -> NDArray[np.bool_]:
    """Return (bands, peaks): whether a peak can be that band by its width; instruments broaden, they never narrow."""
    known = np.isfinite(references.fwhm)[:, None]
    width = np.where(known, np.nan_to_num(references.fwhm, nan=TYPICAL_FWHM_CM1)[:, None], TYPICAL_FWHM_CM1)
    seen = observed.fwhm[None, :]
    widest = np.where(known, np.maximum(3.0 * width, width + 25.0), observed.settings.broad_cm1)
    narrowest = np.where(known, width / 2.5, 0.0)
    broad_band = known & (width >= 0.6 * observed.settings.broad_cm1)
    out: NDArray[np.bool_] = (seen <= widest) & (seen >= narrowest) & (~observed.broad[None, :] | broad_band)
    return out


def _log_width(references: References, observed: Observed, band: Indices, peak: Indices) -> Floats:
    """Return the log ratio of the width under the band and under any band at all."""
    seen = np.log(np.maximum(observed.fwhm[peak], 1e-3))
    known = np.isfinite(references.fwhm[band])
    centre = np.log(np.where(known, np.nan_to_num(references.fwhm[band], nan=1.0) + 2.0, TYPICAL_FWHM_CM1))
    spread = np.where(known, _LOG_WIDTH, _LOG_WIDTH_UNKNOWN)
    own = -0.5 * ((seen - centre) / spread) ** 2 - np.log(spread)
    other = -0.5 * ((seen - np.log(TYPICAL_FWHM_CM1)) / _LOG_WIDTH_ANY) ** 2 - np.log(_LOG_WIDTH_ANY)
    return np.asarray(np.clip(own - other, -3.0, 1.0))


def density_at(references: References, observed: Observed, position: Floats) -> Floats:
    """Return the density of other peaks at some positions, per cm-1: half as common bands are, half even."""
    span = max(observed.high - observed.low, 1.0)
    apart = (position[:, None] - references.position[None, :]) / _KERNEL_CM1
    common = np.exp(-0.5 * apart**2).mean(axis=1) / (_KERNEL_CM1 * np.sqrt(2 * np.pi))
    return np.asarray((observed.position.size + 2) * (0.5 * common + 0.5 / span))


def _log_missing(references: References, observed: Observed, amounts: Floats) -> Floats:
    """Return (slots, amounts) the log probability that nothing is seen of a mode."""
    bands = np.array([np.flatnonzero(references.band_slot == n)[0] for n in range(len(references.slots))], np.intp)
    position = references.position[bands]
    width = np.nan_to_num(references.fwhm[bands], nan=TYPICAL_FWHM_CM1)
    visible = _VISIBLE * observed.limit(width)
    if observed.position.size:
        apart = np.abs(observed.position[None, :] - position[:, None])
        near = apart <= np.maximum(_HIDES * observed.fwhm[None, :], references.uncertainty[bands][:, None])
        wing = apart <= _WING * observed.fwhm[None, :]
        cover = np.where(near, observed.height[None, :], np.where(wing, _WING_HEIGHT * observed.height[None, :], 0.0))
        visible = np.maximum(visible, cover.max(axis=1))
    level = np.log(amounts[None, :] * references.slot_strength[:, None])
    z = (level - np.log(visible)[:, None]) / references.log_height[bands][:, None]
    presence = np.where(references.slot_expected, references.presence[bands], 0.0)
    return np.asarray(np.log1p(-presence[:, None] * _normal(z)))


def _pair_values(
    references: References,
    observed: Observed,
    pairs: Pairs,
    taken: NDArray[np.bool_],
    shifts: Floats,
    amounts: Floats,
) -> Floats:
    """Return (pairs, shifts, amounts) the log ratio of a peak being the band and being somebody else's."""
    offset = observed.position[pairs.peak] - references.position[pairs.band]
    z = (offset[:, None] - shifts[None, :]) / pairs.spread[:, None]
    position = -0.5 * z**2 - np.log(np.sqrt(2 * np.pi) * pairs.spread)[:, None]
    spread = references.log_height[pairs.band]
    ratio = np.log(observed.height[pairs.peak] / references.relative[pairs.band])[:, None] - np.log(amounts)[None, :]
    height = -0.5 * (ratio / spread[:, None]) ** 2
    # Any other peak: evenly distributed in the logarithm, from the limit to above the highest.
    lowest = observed.limit(observed.fwhm[pairs.peak])
    log_range = np.log(np.maximum(3.0 * observed.height.max() / lowest, 3.0))
    scaled = height - np.log(np.sqrt(2 * np.pi) * spread)[:, None] + np.log(log_range)[:, None]
    presence = np.log(references.presence[pairs.band])
    own = (pairs.base + presence)[:, None, None] + position[:, :, None] + scaled[:, None, :]
    # A peak that another explains may hide the band: nothing is gained, and it must be high enough to hide it.
    shared = np.where(ratio < 0, height, 0.0)[:, None, :] + np.minimum(0.0, -0.5 * z**2 + 2.0)[:, :, None]
    return np.asarray(np.where(taken[pairs.peak][:, None, None], np.minimum(shared, 0.0), own))


def _one_band_per_peak(references: References, pairs: Pairs, values: Floats) -> NDArray[np.bool_]:
    """Return which pairs stay so that no peak proves two bands of one entry."""
    best = values.max(axis=(1, 2))
    key = references.band_entry[pairs.band] * (int(pairs.peak.max()) + 1) + pairs.peak
    order = np.lexsort((-best, key))
    first = np.r_[True, np.diff(key[order]) > 0]
    keep = np.zeros(key.size, dtype=bool)
    keep[order[first]] = True
    return keep


def _normal(z: Floats) -> Floats:
    from scipy.special import ndtr

    return np.asarray(ndtr(z))


def _logsum(values: Floats, axis: int) -> Floats:
    top = values.max(axis=axis, keepdims=True)
    return np.asarray(np.squeeze(top, axis) + np.log(np.exp(values - top).sum(axis=axis)))
