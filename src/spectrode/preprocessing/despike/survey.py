"""What the spike steps want to know of the whole dataset: its noise and the width of its lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FALLBACK_WIDTH", "UNDECIDABLE_BELOW", "line_width_of", "noise_of", "spike_survey", "trusted_width"]

Floats = NDArray[Any]

FALLBACK_WIDTH = 1.8  # channels: most spectrographs spread a line over two
UNDECIDABLE_BELOW = 1.6  # channels
_WIDEST = 2.6  # channels that two lines may claim the instrument's lines to be wide
_WIDEST_UNCONFIRMED = 2.2  # channels that one may: where all bands are wider, the line shape may still be as narrow
_ALIKE = 1.12  # widest over narrowest of two lines that have the instrument's width
_APART = 4  # channels between them
_NARROWEST = 1.1  # channels: what is narrower in all spectra is a hot channel, not a line
_STRONG = 25  # noise standard deviations that a line must be high to tell its width
_ROWS = 256  # spectra that the estimates look at: more change nothing
_BINS = 24
_NORMAL = 1.4826
_SPREAD = 6  # standard deviations
_REACH = 6  # channels
_BUDGET = 0.0075  # of the spectra that may be touched wrongly where only recurrence decides
_LEAST_LIMIT = 5.0  # standard deviations
_FEWEST = 20  # spectra that can tell what is usual


def spike_survey(
    sample: Floats, shift: NDArray[np.float64], runs: NDArray[np.int64], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the noise (``noise``) and line width (``line_width``, 0 if no lines tell it) of a dataset.

    ``confirmed`` says whether a second line is as narrow, as where the instrument and not the sample sets the width.

    Parameters
    ----------
    sample
        (spectra, channels).
    runs
        (spectra,) which of them follow one another in the file.
    """
    values, there = _alive(sample, runs)
    noise = noise_of(values, there)
    width, confirmed = line_width_of(values, there, noise)
    found: dict[str, Any] = {"noise": noise, "line_width": width, "confirmed": confirmed}
    granted = parameters.get("line_width") or trusted_width(found)
    if granted < UNDECIDABLE_BELOW:
        found["recurrence"] = recurrence_of(np.asarray(sample, dtype=np.float64), runs, noise)
    return found


def recurrence_of(values: Floats, runs: NDArray[np.int64], noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much sharp features usually differ between neighbours, and how much more a spike must.

    The limit is what 0.75 % of the spectra exceed downwards: spikes go up only, so that what goes down is noise
    and change of the sample alone.

    Parameters
    ----------
    values, runs, noise
        As in :func:`noise_of`, and its result.

    Returns
    -------
    ndarray
        (3, channels): robust standard deviation of the difference in height above the channels two to either side,
        the same of the sharpness (height above the next channels), and in all places the limit in units of these.
    """
    channels = values.shape[1]
    level = np.median(values, axis=0)
    least = np.sqrt(1.5 * np.maximum(noise[0] + noise[1] * level, noise[2]))
    usual = np.stack([least, least, np.full(channels, _LEAST_LIMIT)])
    around = np.array([-2, -1, 1, 2])
    rows = np.arange(2, values.shape[0] - 2)
    rows = rows[runs[rows - 2] == runs[rows + 2]] if rows.size else rows
    if rows.size < _FEWEST or channels < 5:
        return usual
    active = np.maximum(_activity(values), 1e-300)
    scores = []
    for part, reach in enumerate((2, 1)):
        feature = np.zeros(values.shape)
        feature[:, 2:-2] = values[:, 2:-2] - 0.5 * (
            values[:, 2 - reach : channels - 2 - reach] + values[:, 2 + reach : channels - 2 + reach]
        )
        scaled = np.stack([feature[rows + k] * (active[rows] / active[rows + k]) for k in around])
        difference = feature[rows] - np.median(scaled, axis=0)
        usual[part] = np.maximum(least, _NORMAL * np.median(np.abs(difference), axis=0))
        scores.append((1 + part) * difference / usual[part])
    downwards = np.minimum(-scores[0], -scores[1]).max(axis=1)
    # Beside a spike too the counts bend downwards, but half as much as it goes up.
    downwards[np.minimum(scores[0], scores[1]).max(axis=1) > downwards] = 0.0
    usual[2] = max(_LEAST_LIMIT, float(np.quantile(downwards, 1 - _BUDGET)))
    return usual


def _alive(sample: Floats, runs: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    """Leave out spectra that are constant (dead, missing), and all but some of very many; return them in float64."""
    rows = np.flatnonzero(np.ptp(sample, axis=1) > 0)
    if rows.size > _ROWS:
        # Groups of eight that follow one another, so that neighbours can still be compared.
        chosen = np.unique(np.linspace(0, rows.size // 8 - 1, _ROWS // 8).astype(np.int64))
        rows = rows[(chosen[:, None] * 8 + np.arange(8)).ravel()]
    return np.asarray(sample[rows], dtype=np.float64), runs[rows]


def noise_of(values: Floats, runs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Estimate the variance of the noise as a + b · counts, from second differences along the spectrum.

    Taken from each spectrum, and from what is left of the curvature when the spectrum before is subtracted: bands
    inflate the first, changes of the sample the second, so the smaller is used in each range of counts.

    Parameters
    ----------
    values
        (spectra, channels).
    runs
        (spectra,) which of them follow one another.

    Returns
    -------
    ndarray
        (3,) a, b, and the least variance that is believed.
    """
    if values.shape[0] == 0 or values.shape[1] < 5:
        return np.array([1.0, 0.0, 1.0])
    curvature = (2 * values[:, 1:-1] - values[:, :-2] - values[:, 2:]) / np.sqrt(6)
    level = (values[:, :-2] + values[:, 1:-1] + values[:, 2:]) / 3
    estimates = _by_level(level, np.abs(curvature))
    follows = np.flatnonzero(np.diff(runs) == 0)
    if follows.size >= 3:
        one, two = curvature[follows], curvature[follows + 1]
        gain = _activity(values[follows + 1]) / np.maximum(_activity(values[follows]), 1e-300)
        difference = np.abs(two - gain * one) / np.sqrt(1 + gain**2)
        paired = _by_level(level[follows + 1], difference)
        estimates = np.stack([estimates[0], np.minimum(estimates[1], np.interp(estimates[0], *paired))])
    least = 1e-14 * float(np.ptp(values)) ** 2
    return _straight_line(estimates[0], estimates[1], least)


def _activity(values: Floats) -> Floats:
    return np.asarray(np.mean(np.abs(values[:, 4:] - values[:, :-4]), axis=1, keepdims=True))


def _by_level(level: Floats, deviation: Floats) -> Floats:
    """Return (2, bins) the middle of the counts and the robust variance, in groups of equal size."""
    from ...kernels.survey import medians_by_level

    # Only the levels are sorted: several times as fast as finding their stable order, which says the same.
    ordered = np.sort(level, axis=None)
    sizes = [part.size for part in np.array_split(ordered, min(_BINS, max(1, ordered.size // 60)))]
    starts = np.cumsum([0, *sizes[:-1]])
    upper = starts + np.array(sizes) // 2
    middle = 0.5 * (ordered[starts + (np.array(sizes) - 1) // 2] + ordered[upper])
    deviations = medians_by_level(level.ravel(), deviation.ravel(), ordered, starts)
    return np.stack([middle, (_NORMAL * deviations) ** 2])


def _straight_line(level: Floats, variance: Floats, least: float) -> NDArray[np.float64]:
    """Fit variance = a + b · level, with b not negative, leaving out groups that hold more bands than noise."""
    keep = np.ones(level.size, dtype=bool)
    a, b = float(np.median(variance)), 0.0
    if np.ptp(level) < _SPREAD * np.sqrt(a):  # the counts differ by their noise only: no slope can be told
        return np.array([a, 0.0, max(least, 0.5 * float(np.min(variance)), 1e-300)])
    for _ in range(8):
        x, y = level[keep], variance[keep]
        weight = 1 / np.maximum(a + b * x, max(least, 1e-3 * float(np.median(y)))) ** 2
        mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
        spread = np.sum(weight * (x - mean_x) ** 2)
        b = max(float(np.sum(weight * (x - mean_x) * (y - mean_y)) / spread), 0.0) if spread > 0 else 0.0
        a = float(mean_y - b * mean_x)
        fits = variance <= 1.5 * np.maximum(a + b * level, least)
        if np.array_equal(fits, keep) or np.count_nonzero(fits) < max(3, level.size // 3):
            break
        keep = fits
    floor = max(least, 0.5 * float(np.min(variance)))
    return np.array([a, b, max(floor, 1e-300)])


def line_width_of(values: Floats, runs: NDArray[np.int64], noise: NDArray[np.float64]) -> tuple[float, bool]:
    """Return the full width at half maximum of the narrowest line that recurs, in channels, and if another has it too.

    Medians of three spectra that follow one another hold no cosmic rays. The parabola through the logarithm of the
    three highest channels gives the width of each strong line. Without such groups, or lines, the answer is 0.

    Parameters
    ----------
    values, runs, noise
        As in :func:`noise_of`, and its result.
    """
    starts = [k for k in range(0, values.shape[0] - 2, 3) if runs[k] == runs[k + 2]]
    if not starts or values.shape[1] < 4 * _REACH:
        return 0.0, False
    calm = np.median(np.stack([values[np.array(starts) + k] for k in range(3)]), axis=0)
    places, widths = _widths(calm, noise)
    if places.size == 0:
        return 0.0, False
    recurring = []
    for place in np.unique(places):
        same = np.abs(places - place) <= 1
        if np.count_nonzero(same) >= max(2, 0.2 * len(starts)) or len(starts) == 1:
            recurring.append((float(np.median(widths[same])), float(place)))
    if not recurring:
        return 0.0, False
    width, where = min(recurring)
    others = [w for w, place in recurring if abs(place - where) > _APART]
    return width, min(others, default=np.inf) <= _ALIKE * width


def _widths(values: Floats, noise: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """Return the channels and the widths of all strong lines."""
    width = values.shape[1] - 2 * _REACH
    shifted = [values[:, k : k + width] for k in range(2 * _REACH + 1)]
    centre = shifted[_REACH]
    foot = np.maximum(_extreme(np.minimum, shifted[:_REACH]), _extreme(np.minimum, shifted[_REACH + 1 :]))
    sigma = np.sqrt(np.maximum(noise[0] + noise[1] * centre, noise[2]))
    before, after = shifted[_REACH - 1], shifted[_REACH + 1]
    left, right, high = before - foot, after - foot, centre - foot
    top = (high > _STRONG * sigma) & (left < high) & (right <= high) & (centre == _extreme(np.maximum, shifted))
    flat = (before == centre) | (after == centre)
    row, column = np.nonzero(top & ~flat)
    least = 0.01 * high[row, column]
    bend = 2 * np.log(high[row, column])
    bend -= np.log(np.maximum(left[row, column], least)) + np.log(np.maximum(right[row, column], least))
    widths = np.sqrt(8 * np.log(2) / np.maximum(bend, 1e-6))
    good = widths >= _NARROWEST
    return (column + _REACH)[good], widths[good]


def _extreme(which: np.ufunc, shifted: list[Floats]) -> Floats:
    """Return the smallest or largest of arrays, place by place."""
    found = shifted[0].copy()
    for other in shifted[1:]:
        which(found, other, out=found)
    return found


def trusted_width(survey: Mapping[str, Any]) -> float:
    """Return the width that lines are granted: the measured one, but not more than is safe, or a usual one."""
    measured = float(survey["line_width"])
    if measured <= 0:
        return FALLBACK_WIDTH
    if survey["confirmed"]:
        return min(measured, _WIDEST)
    return min(measured, _WIDEST_UNCONFIRMED)
