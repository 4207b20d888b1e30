"""Which measured line is which: lamp lines found again on an axis whose offset and stretch are only roughly known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import SpectrodeError
from .peaks import Peak
from .standards import LampLines

__all__ = ["Match", "match_lines"]

Floats = NDArray[np.float64]
_RIVAL = 0.85  # a second solution this near to the best makes the match ambiguous
_FEWEST = 6
_BLEND_DOUBT = 0.45  # a lamp's relative intensities are known to a factor of three: what a blend's centre is worth
_NEIGHBOUR_DOUBT = 0.15  # of the width: how far a line that can just be separated pulls its neighbour


@dataclass(frozen=True)
class Match:
    """Peaks and the lines they are."""

    peaks: tuple[Peak, ...]
    line_nm: Floats
    """(matches,) vacuum; of a blend the weighted mean."""
    line_sigma_nm: Floats
    """(matches,) doubt about the centre of a blend; zero for single lines."""
    rival: float
    """Score of the best other solution over that of this one; ``_RIVAL`` or more is refused."""


def match_lines(
    peaks: list[Peak],
    lamp: LampLines,
    *,
    max_offset_nm: float = 1.5,
    max_stretch: float = 0.01,
) -> Match:
    """Match peaks with lamp lines.

    Every offset and stretch (about the middle of the peaks) within the limits is tried; a peak counts the more the
    clearer it is and the nearer it falls to a line. From the best, a polynomial is refined and the tolerance shrunk.

    Parameters
    ----------
    peaks
        On a nominal wavelength axis in nm.
    lamp
        Lines that may be there.
    max_offset_nm
        Farthest that the nominal axis may be off; larger searches farther and risks ambiguity.
    max_stretch
        Largest relative error of the dispersion.

    Raises
    ------
    SpectrodeError
        If there are too few lines, or another offset or stretch explains the peaks nearly as well.
    """
    where = np.array([p.position for p in peaks])
    if where.size < _FEWEST:
        raise SpectrodeError(
            f"the {lamp.name} spectrum shows {where.size} lines, but at least {_FEWEST} are needed for an axis; "
            "expose longer, or check that it is the lamp"
        )
    fwhm = float(np.median([p.fwhm for p in peaks]))
    lines, doubt, strength = _resolved(lamp, fwhm, where.min() - 3 * max_offset_nm, where.max() + 3 * max_offset_nm)
    if lines.size < _FEWEST:
        raise SpectrodeError(
            f"only {lines.size} {lamp.name} lines are tabulated between {where.min():.1f} and {where.max():.1f} nm, "
            f"but at least {_FEWEST} are needed"
        )
    clear = np.log1p(np.array([p.snr for p in peaks]) / 10)
    tolerance = 0.5 * fwhm
    offset, stretch, rival = _search(where, clear, lines, tolerance, max_offset_nm, max_stretch)
    if rival >= _RIVAL:
        raise SpectrodeError(
            f"the {lamp.name} lines are ambiguous: another offset or stretch explains them {rival:.0%} as well as the "
            f"best one; narrow the limits (offset {max_offset_nm:g} nm, stretch {max_stretch:g}) or expose longer"
        )
    index, line = _refined(where, lines, strength, offset, stretch, tolerance)
    if index.size < _FEWEST or clear[index].sum() < 0.5 * clear.sum():
        raise SpectrodeError(
            f"only {index.size} of {where.size} peaks fall on {lamp.name} lines (at least {_FEWEST}, and half of all, "
            f"are needed); check that it is the lamp and that the axis is right to {max_offset_nm:g} nm"
        )
    return Match(tuple(peaks[i] for i in index), lines[line], doubt[line], rival)


def _resolved(lamp: LampLines, fwhm: float, low: float, high: float) -> tuple[Floats, Floats, Floats]:
    """Merge lines that the spectrometer cannot separate; return wavelengths, doubts and intensities."""
    nm, strength = np.array(lamp.vacuum_nm), np.array(lamp.relative_intensity)
    inside = (nm >= low) & (nm <= high)
    nm, strength = nm[inside], strength[inside]
    if nm.size == 0:
        return nm, nm, strength
    groups = np.split(np.arange(nm.size), np.flatnonzero(np.diff(nm) > 0.8 * fwhm) + 1)
    centre, doubt, total = [], [], []
    for group in groups:
        weight = strength[group] / strength[group].sum()
        mean = float(weight @ nm[group])
        centre.append(mean)
        doubt.append(_BLEND_DOUBT * float(np.sqrt(weight @ (nm[group] - mean) ** 2)))
        total.append(float(strength[group].sum()))
    places, strengths = np.array(centre), np.array(total)
    near = np.clip((2 - np.abs(places[:, None] - places) / fwhm) / 1.2, 0, 1)
    np.fill_diagonal(near, 0.0)
    pull = _NEIGHBOUR_DOUBT * fwhm * near * np.minimum(1.0, strengths / strengths[:, None])
    return places, np.sqrt(np.array(doubt) ** 2 + np.sum(pull**2, axis=1)), strengths


def _search(
    where: Floats, clear: Floats, lines: Floats, tolerance: float, max_offset: float, max_stretch: float
) -> tuple[float, float, float]:
    middle, reach = float(np.mean([where.min(), where.max()])), max(float(np.ptp(where)) / 2, tolerance)
    offsets = np.linspace(-max_offset, max_offset, 2 * int(np.ceil(2 * max_offset / tolerance)) + 1)
    count = 2 * int(np.ceil(2 * max_stretch * reach / tolerance)) + 1
    stretches = np.linspace(-max_stretch, max_stretch, count)
    o, s = (g.ravel() for g in np.meshgrid(offsets, stretches, indexing="ij"))
    placed = where + o[:, None] + s[:, None] * (where - middle)
    right = np.clip(np.searchsorted(lines, placed), 1, lines.size - 1)
    distance = np.minimum(np.abs(placed - lines[right - 1]), np.abs(lines[right] - placed))
    score = np.clip(1 - (distance / tolerance) ** 2, 0, None) @ clear
    best = int(np.argmax(score))
    # Another solution is one that puts the middle or an end elsewhere by more than lines are wide.
    apart = np.abs(o - o[best]) + reach * np.abs(s - s[best]) > 4 * tolerance
    rival = float(score[apart].max() / score[best]) if apart.any() and score[best] > 0 else 0.0
    return float(o[best]), float(s[best]), 1.0 if score[best] <= 0 else rival


def _refined(
    where: Floats, lines: Floats, strength: Floats, offset: float, stretch: float, tolerance: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Let a polynomial of growing degree settle on the pairs, each peak and each line used once."""
    middle, reach = float(np.mean([where.min(), where.max()])), float(np.ptp(where)) / 2
    t = (where - middle) / reach
    placed = where + offset + stretch * (where - middle)
    for degree, factor in ((1, 1.2), (2, 1.0), (3, 0.8), (3, 0.6)):
        index, line = _pairs(placed, lines, strength, factor * tolerance)
        if index.size < degree + 3:
            break
        weights = np.ones(index.size)
        gap = lines[line] - where[index]
        for _ in range(10):
            fit = np.polynomial.Chebyshev.fit(t[index], gap, degree, domain=[-1, 1], w=np.sqrt(weights))
            left = gap - fit(t[index])
            spread = max(1.4826 * float(np.median(np.abs(left))), 1e-3 * tolerance)
            weights = 1 / (1 + (left / (2 * spread)) ** 2)
        placed = where + fit(t)
    return _pairs(placed, lines, strength, 0.5 * tolerance)


def _pairs(
    placed: Floats, lines: Floats, strength: Floats, tolerance: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pair peaks and lines that are nearest to each other; of near lines the strong one wins over a faint one."""
    gap = np.abs(placed[:, None] - lines[None, :])
    faint = strength < 0.02 * np.max(np.where(gap < 4 * tolerance, strength[None, :], 0.0), axis=1, keepdims=True)
    gap = np.where(faint, np.inf, gap)
    line = np.argmin(gap, axis=1)
    peak = np.arange(placed.size)
    mutual = (np.argmin(gap, axis=0)[line] == peak) & (gap[peak, line] <= tolerance)
    return np.flatnonzero(mutual), line[mutual]
