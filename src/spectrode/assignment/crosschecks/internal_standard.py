"""The band of a salt as an internal standard: concentrations divided by its area, and when that is not allowed.

What changes all bands alike (focus, power, the amount of electrolyte in view) cancels, as long as the salt itself is
neither consumed nor covered by another band.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import SpectrodeError
from ...library import Library
from ...library.entry import Band
from .lines import Line, fit_lines, pseudo_voigt

__all__ = ["SALTS", "StandardBand", "Standardised", "standard_band", "standardise"]

Floats = NDArray[np.float64]

SALTS: Mapping[str, float] = MappingProxyType({"pf6": 741.0, "clo4": 933.0, "tfsi": 741.0, "bf4": 764.5, "fsi": 720.0})
"""Ids of salts -> the strong band of the free anion that serves as a standard, cm-1 (positions of the library)."""

_ROOM_CM1 = 30.0
_WINGS = 1.0  # widths between two bands below which one covers the other
_COVERS = 0.15  # relative intensity from which a neighbour counts
_LEAST_SNR = 5.0
_MOST_LOSS = 0.1  # a smaller change over the experiment is tolerated, and told
_FEWEST = 6
_T = 3.3  # about 0.1 %: brightness scatters with longer tails than a normal distribution


@dataclass(frozen=True, eq=False)
class StandardBand:
    """Area of the standard's band in every spectrum."""

    entry_id: str
    position_cm1: float
    fwhm_cm1: float
    area: Floats
    """(spectra,)."""
    area_u: Floats
    """(spectra,) standard uncertainty."""
    covered_by: tuple[str, ...]
    """Bands of other entries that lie under it, such as ``tfsi 741``."""

    @property
    def snr(self) -> float:
        """Median area over its uncertainty."""
        return float(np.median(self.area / np.maximum(self.area_u, 1e-300)))


@dataclass(frozen=True, eq=False)
class Standardised:
    """Concentrations per area of the standard."""

    values: Floats | None
    """(spectra, components); NaN where the standard is too weak in one spectrum, None if it is not allowed at all."""
    values_u: Floats | None
    """(spectra, components) standard uncertainty."""
    allowed: bool
    objections: tuple[str, ...]
    """Why the standard must not be used; empty if it may."""
    words: str


def standard_band(
    shift: ArrayLike, spectra: ArrayLike, library: Library, salt: str, *, present: Sequence[str] = ()
) -> StandardBand:
    """Measure the band of a salt in every spectrum.

    Position, width and shape are fitted to the mean spectrum and held; each spectrum then gives an area by linear
    least squares with a background line of its own.

    Parameters
    ----------
    shift, spectra
        (channels,) and (spectra, channels), the background removed or at least straight around the band.
    salt
        One of `SALTS`.
    present
        Ids of other entries in the sample, to ask which of their bands cover the standard.

    Raises
    ------
    SpectrodeError
        For a salt that is not known, or a band outside the spectrum.
    """
    if salt not in SALTS:
        raise SpectrodeError(f"there is no internal standard {salt!r}; possible: {', '.join(SALTS)}")
    x, data = np.asarray(shift, dtype=np.float64), np.atleast_2d(np.asarray(spectra, dtype=np.float64))
    band = _band(library, salt)
    centre, width = band.position_cm1, band.fwhm_cm1 or 10.0
    if not (x.size and x.min() <= centre - 2 * width and x.max() >= centre + 2 * width):
        raise SpectrodeError(f"the band of {salt} at {centre:g} cm-1 does not lie within the spectrum")
    others = [(i, b) for i in present if i != salt for b in library.get(i).bands("raman")]
    window = (centre - _ROOM_CM1, centre + _ROOM_CM1)
    apart = _WINGS * width
    beside = [b for _, b in others if apart < abs(b.position_cm1 - centre) <= _ROOM_CM1 and b.rel_intensity >= _COVERS]
    lines = [Line("standard", centre, max(band.uncertainty_cm1, 2.0), width, 0.4 * width, 3.5 * width)]
    for number, b in enumerate(_thinned(beside)):
        own = b.fwhm_cm1 or 10.0
        lines.append(Line(f"other {number}", b.position_cm1, max(b.uncertainty_cm1, 2.0), own, 0.4 * own, 3.5 * own))
    mean = np.nanmean(data, axis=0)
    fit = fit_lines(x, mean, lines, window_cm1=window)
    use = (x >= window[0]) & (x <= window[1])
    shapes = [pseudo_voigt(x[use], p, w, 0.5) for p, w in zip(fit.position_cm1, fit.fwhm_cm1, strict=True)]
    along = (x[use] - centre) / _ROOM_CM1
    area, area_u = _areas(np.stack([*shapes, np.ones(along.size), along], axis=1), data[:, use])
    covering = tuple(
        f"{i} {b.position_cm1:g}"
        for i, b in others
        if abs(b.position_cm1 - centre) <= apart and b.rel_intensity >= _COVERS and b.coordination != "agg"
    )
    return StandardBand(salt, float(fit.position_cm1[0]), float(fit.fwhm_cm1[0]), area, area_u, covering)


def standardise(
    concentrations: ArrayLike,
    standard: StandardBand,
    *,
    concentrations_u: ArrayLike | None = None,
    time_s: ArrayLike | None = None,
    companion: ArrayLike | None = None,
    may_change: bool = False,
) -> Standardised:
    """Divide concentrations by the area of a standard, or say why not.

    Parameters
    ----------
    concentrations, concentrations_u
        (spectra, components) and their standard uncertainties (0 if None), taken as independent of the standard's.
    time_s
        (spectra,) to ask whether the salt is consumed; not asked if None, and the sentence says so.
    companion
        (spectra,) positive: the area of a band of the solvent, say. Brightness changes it like the salt, consumption of
        the salt does not, so that the question is asked of their quotient and finds smaller losses.
    may_change
        Accept a standard that changes over the experiment (the change is then part of every quotient).

    Raises
    ------
    SpectrodeError
        If lengths differ.
    """
    values = np.asarray(concentrations, dtype=np.float64)
    errors = np.zeros_like(values) if concentrations_u is None else np.asarray(concentrations_u, dtype=np.float64)
    n = standard.area.size
    if values.ndim != 2 or values.shape[0] != n or errors.shape != values.shape:
        raise SpectrodeError(f"concentrations must be ({n}, components), but their shape is {values.shape}")
    objections = []
    if standard.covered_by:
        objections.append(f"its band is covered by {', '.join(standard.covered_by)}")
    if not standard.snr >= _LEAST_SNR:
        objections.append(f"its band is too weak (signal to noise {standard.snr:.2g}, {_LEAST_SNR:g} is needed)")
    change = "whether the salt is consumed was not asked, for no times were given"
    if time_s is not None:
        beside = None if companion is None else np.asarray(companion, dtype=np.float64)
        lost, clear = _trend(standard, np.asarray(time_s, dtype=np.float64), beside)
        against = "" if beside is None else " beside that of the companion"
        change = f"its area{against} changes by {100 * lost:+.0f} % over the experiment"
        if clear and abs(lost) > _MOST_LOSS and not may_change:
            objections.append(
                f"{change}: the salt is consumed"
                + (", or the electrolyte in view changes, and the two cannot be told apart" if beside is None else "")
            )
    name = f"{standard.entry_id} ({standard.position_cm1:.0f} cm⁻¹)"
    if objections:
        words = f"{name} cannot serve as internal standard: {'; '.join(objections)}."
        return Standardised(None, None, False, tuple(objections), words)
    weak = standard.area < _LEAST_SNR * standard.area_u
    area = np.where(weak, np.nan, standard.area)[:, None]
    quotient = values / area
    spread = np.hypot(errors / np.abs(area), np.abs(quotient) * standard.area_u[:, None] / np.abs(area))
    words = f"Concentrations are divided by the area of {name}, signal to noise {standard.snr:.0f}; {change}."
    return Standardised(quotient, spread, True, (), words)


def _band(library: Library, salt: str) -> Band:
    bands = library.get(salt).bands("raman")
    return min(bands, key=lambda b: (abs(b.position_cm1 - SALTS[salt]), b.coordination != "free"))


def _thinned(bands: Sequence[Band]) -> list[Band]:
    """Return the strongest of bands that lie within 5 cm-1 of each other."""
    kept: list[Band] = []
    for band in sorted(bands, key=lambda b: -b.rel_intensity):
        if all(abs(band.position_cm1 - k.position_cm1) > 5.0 for k in kept):
            kept.append(band)
    return kept


def _areas(design: Floats, data: Floats) -> tuple[Floats, Floats]:
    """Return the first coefficient of every row and its standard uncertainty from that row's residual."""
    filled = np.where(np.isfinite(data), data, np.nanmean(data, axis=0))
    coefficients, *_ = np.linalg.lstsq(design, filled.T, rcond=None)
    residual = filled.T - design @ coefficients
    free = max(design.shape[0] - design.shape[1], 1)
    sigma = np.sqrt((residual**2).sum(axis=0) / free)
    return coefficients[0], sigma * np.sqrt(np.linalg.pinv(design.T @ design)[0, 0])


def _trend(standard: StandardBand, time: Floats, companion: Floats | None) -> tuple[float, bool]:
    """Return the relative change over the experiment of a straight line in the logarithm, and whether it is clear."""
    floor = np.maximum(standard.area_u, 1e-300)
    level = np.log(np.maximum(standard.area, floor))
    if companion is not None:
        level = level - np.log(np.where(companion > 0, companion, np.nan))
    good = np.isfinite(time) & np.isfinite(level)
    t, y = time[good], level[good]
    if y.size < _FEWEST or not np.ptp(t) > 0:
        return 0.0, False
    u = (t - t.mean()) / float(np.ptp(t))
    slope = float(u @ y / (u @ u))
    residual = y - y.mean() - slope * u
    error = float(np.sqrt(residual @ residual / (y.size - 2) / (u @ u)))
    return float(np.expm1(slope)), bool(abs(slope) > _T * error)
