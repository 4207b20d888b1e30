"""Compiled search for spikes: a cheap look at every channel, and a fit of the line shape where something stands out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .light import HALF_WINDOW, fit_light, foot_line
from .whitaker_hayes import median_of

__all__ = ["ABSENT", "BOTH", "NOT_JUDGED", "SHARP", "TRACK", "UNDECIDABLE", "search"]

# The numbers of SpikeReason, which compiled code cannot read from the enumeration.
SHARP, ABSENT, BOTH, TRACK, UNDECIDABLE = 1, 2, 3, 4, 5
NOT_JUDGED = 1  # in ``state``: too few neighbours

_WINDOW = 2 * HALF_WINDOW + 1
_SCREEN = 4.5  # standard deviations of a curvature that is looked at
_FOOT = 3  # channels to either side from which the wider curvature is taken
_REGION = 40  # channels to either side in which the noise is checked: detectors and stitched ranges are not even
_LONGEST = 5  # channels of one spike
_PER_CHANNEL = 4.0  # chi-squared that each further channel must pay for
_MODEL_ERROR = 0.015  # of a height: line shapes are not quite Gaussian, gains not quite even
_MIN_NEIGHBOURS = 3  # a median of fewer follows the odd one out
_MEDIAN_LOSS = 1.57  # variance of a median over that of a mean
_STRONG = 2.5  # times the evidence asked for where neighbours help: sharp enough without them
_SMALL = 1e-300


@njit(cache=True, nogil=True)
def _activity(row: Any) -> float:
    """Return how much a spectrum changes over a few channels: the scale by which neighbours are compared."""
    total = 0.0
    for i in range(4, row.size):
        total += abs(row[i] - row[i - 4])
    return total / max(row.size - 4, 1)


@njit(cache=True, nogil=True)
def _median(values: Any, n: int) -> float:
    """Return the median of the first ``n`` values, which are sorted in place (n is small)."""
    for i in range(1, n):
        value = values[i]
        j = i - 1
        while j >= 0 and values[j] > value:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = value
    if n % 2:
        return float(values[n // 2])
    return float(0.5 * (values[n // 2 - 1] + values[n // 2]))


@njit(cache=True, nogil=True)
def _screen(padded: Any, channels: int, base: float, slope: float, floor: float, out: Any) -> int:
    """Mark channels whose curvature, over one, two or three channels, stands out of the noise; return how many."""
    limit = 1.5 * _SCREEN * _SCREEN
    found = 0
    for i in range(channels):
        p = i + HALF_WINDOW
        one = padded[p] - 0.5 * (padded[p - 1] + padded[p + 1])
        two = padded[p] - 0.5 * (padded[p - 2] + padded[p + 2])
        foot = 0.5 * (padded[p - _FOOT] + padded[p + _FOOT])
        three = padded[p] - foot
        variance = limit * max(base + slope * foot, floor)
        top = padded[p] >= padded[p - 1] and padded[p] > padded[p + 1]
        widest = max(one, two, three)
        hit = (widest > 0.0 and widest * widest > variance and top) or (one > 0.0 and one * one > variance)
        out[i] = hit
        found += hit
    return found


@njit(cache=True, nogil=True)
def _plateau(padded: Any, p: int, ceiling: float) -> bool:
    """True if two channels side by side near this one are both at the ceiling (saturated)."""
    for i in range(p - HALF_WINDOW, p + HALF_WINDOW):  # noqa: SIM110 (compiled)
        if padded[i] >= ceiling and padded[i + 1] >= ceiling:
            return True
    return False


@njit(cache=True, nogil=True)
def _reference(
    values: Any, near: Any, row: int, first: int, activity: Any, out: Any, spare: Any, window: Any, stack: Any
) -> int:
    """Put the median of the scaled neighbours, less their level, into ``out``; return how many there were."""
    channels = values.shape[1]
    count = 0
    for k in range(near.size):
        j = near[k]
        if j < 0:
            continue
        if activity[j] < 0.0:
            activity[j] = _activity(values[j])
        if activity[j] <= 0.0 or j == row:
            continue
        gain = activity[row] / activity[j]
        for x in range(_WINDOW):
            place = min(max(first + x, 0), channels - 1)
            window[x] = values[j, place]
            spare[x] = window[x]
        level = _median(spare, _WINDOW)
        for x in range(_WINDOW):
            stack[x, count] = gain * (window[x] - level)
        count += 1
    if count >= _MIN_NEIGHBOURS:
        for x in range(_WINDOW):
            out[x] = _median(stack[x], count)
    return count


@njit(cache=True, nogil=True)
def _curvature(values: Any, reach: int) -> float:
    """Return by how much the middle of a window stands out from the channels ``reach`` to either side."""
    c = HALF_WINDOW
    return float(values[c] - 0.5 * (values[c - reach] + values[c + reach]))


@njit(cache=True, nogil=True)
def _own_line(reference: Any, shown: bool, atoms: Any) -> None:
    """Make a column of the narrow line that the neighbours show in the middle; its gain may be another than theirs."""
    c, last = HALF_WINDOW, atoms.shape[1] - 1
    atoms[:, last] = 0.0
    if not shown:
        return
    reach = _FOOT + 1
    for x in range(c - _FOOT, c + _FOOT + 1):
        share = (x - (c - reach)) / (2.0 * reach)
        foot = (1.0 - share) * reference[c - reach] + share * reference[c + reach]
        atoms[x, last] = max(reference[x] - foot, 0.0)


@njit(cache=True, nogil=True)
def _roughness(padded: Any, first: int, last: int, noise: Any, size: Any, spare: Any, sample: Any) -> float:
    """Return the noise of the channels ``first`` to ``last`` of one spectrum over that of the dataset; at least 1."""
    for i in range(first, last):
        p = i + HALF_WINDOW
        level = (padded[p - 1] + padded[p] + padded[p + 1]) / 3.0
        bend = 2.0 * padded[p] - padded[p - 1] - padded[p + 1]
        size[i - first] = bend * bend / (6.0 * max(noise[0] + noise[1] * level, noise[2]))
    return max(1.0, float(np.sqrt(median_of(size[: last - first], spare, sample))) / 0.6745)


@njit(cache=True, nogil=True)
def _normal(bits: Any, channel: int) -> float:
    """Return a normally distributed number that follows from the bits of three counts (splitmix64, Box-Muller)."""
    state = np.uint64(channel + 1) * np.uint64(0x9E3779B97F4A7C15)
    for i in range(bits.size):
        state = state ^ bits[i]
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = state ^ (state >> np.uint64(31))
    one = (np.float64(state >> np.uint64(32)) + 0.5) / 4294967296.0
    two = (np.float64(state & np.uint64(0xFFFFFFFF)) + 0.5) / 4294967296.0
    return float(np.sqrt(-2.0 * np.log(one)) * np.cos(2.0 * np.pi * two))


@njit(cache=True, nogil=True)
def _hypotheses(
    values: Any, weights: Any, atoms: Any, gram: Any, right: Any, factor: Any, heights: Any, fitted: Any,
    tried: Any, best_fit: Any, first: int, channels: int, enough: float,
) -> tuple[float, int, int]:  # fmt: skip
    """Compare light alone with light and a spike of one to five channels around the middle one.

    Returns
    -------
    score, low, high
        Chi-squared gained, less the price of the channels, and the window's channels ``low`` to ``high`` (inclusive)
        of the best spike. Zero, or too low to be looked at further, if light will do.
    """
    c = HALF_WINDOW
    light = fit_light(values, weights, atoms, gram, right, factor, heights, fitted)
    if light < enough:
        return 0.0, c, c
    # What the counts would be without the middle: only to see to which side the spike reaches further.
    tried[:] = weights
    for x in range(c - 3, c + 4):
        tried[x] = 0.0
    fit_light(values, tried, atoms, gram, right, factor, heights, fitted)
    left_over = values - fitted
    tried[:] = weights
    low = high = c
    best, best_low, best_high = 0.0, c, c
    tried[c] = 0.0
    for length in range(1, _LONGEST + 1):
        if length > 1:
            can_left, can_right = first + low > 0, first + high < channels - 1
            if not can_left and not can_right:
                break
            if can_left and (not can_right or left_over[low - 1] > left_over[high + 1]):
                low -= 1
                tried[low] = 0.0
            else:
                high += 1
                tried[high] = 0.0
        chi2 = fit_light(values, tried, atoms, gram, right, factor, heights, fitted)
        score = light - chi2 - _PER_CHANNEL * (length - 1)
        raised = True
        for x in range(low, high + 1):
            lifted = values[x] - fitted[x]
            wanted = 3.0 if x == c else 1.5
            raised &= lifted > 0.0 and lifted * lifted * weights[x] > wanted * wanted
        if raised and score > best:
            best, best_low, best_high = score, low, high
            best_fit[:] = fitted
    return best, best_low, best_high


@njit(cache=True, nogil=True)
def search(
    values: Any, table: Any, start: int, stop: int, atoms: Any, noise: Any, ceiling: float,
    alone: float, near: float, undecidable: bool, activity: Any, cleaned: Any, reason: Any, state: Any,
) -> None:  # fmt: skip
    """Find and replace the spikes of the spectra ``start`` to ``stop``.

    Parameters
    ----------
    values
        (held, channels) counts; the first rows are those that are judged.
    table
        (spectra, k) neighbours, as rows of ``values``; -1 for none.
    atoms
        From :func:`spectrode.kernels.light.line_atoms`, for the instrument's line width; the last two columns are
        written.
    noise
        (3,): variance at level zero, variance per count, least variance.
    ceiling
        Counts of a saturated channel; infinite if unknown. Equal largest counts side by side count as saturated too.
    alone, near
        Chi-squared from which a spike is one without neighbours (infinite: such spectra are not judged), and where the
        neighbours do not show it.
    undecidable
        The line shape is too narrow to tell by it.
    activity
        (held,) scratch, to be filled with -1.
    cleaned, reason, state
        Results: (spectra, channels), (spectra, channels) uint8, (spectra,) uint8. ``cleaned`` holds the counts.
    """
    channels = values.shape[1]
    columns = atoms.shape[1]
    atoms = atoms.copy()
    gram, factor = np.empty((columns, columns)), np.empty((columns, columns))
    right, heights = np.empty(columns), np.empty(columns)
    fitted, tried, best_fit = np.empty(_WINDOW), np.empty(_WINDOW), np.empty(_WINDOW)
    weights, reference, spare, window = np.empty(_WINDOW), np.zeros(_WINDOW), np.empty(_WINDOW), np.empty(_WINDOW)
    foot, above = np.empty(_WINDOW), np.empty(_WINDOW)
    stack = np.empty((_WINDOW, max(table.shape[1], 1)))
    padded = np.empty(channels + 2 * HALF_WINDOW)
    size, ordered, sample = np.empty(channels - 2), np.empty(channels), np.empty(64)
    marks = np.empty(channels, dtype=np.uint8)
    content = np.empty(3)
    bits = content.view(np.uint64)
    for row in range(start, stop):
        padded[HALF_WINDOW : HALF_WINDOW + channels] = values[row]
        padded[:HALF_WINDOW] = padded[HALF_WINDOW]
        padded[HALF_WINDOW + channels :] = padded[HALF_WINDOW + channels - 1]
        neighbours = 0
        for k in range(table.shape[1]):
            neighbours += table[row, k] >= 0
        if neighbours < _MIN_NEIGHBOURS:
            state[row] = NOT_JUDGED
            if alone == np.inf:
                continue
        if _screen(padded, channels, noise[0], noise[1], noise[2], marks) == 0:
            continue
        if activity[row] < 0.0:
            activity[row] = _activity(values[row])
        if activity[row] <= 0.0:
            continue
        rough = 0.0  # not known yet
        highest = padded[0]
        for i in range(padded.size):
            highest = max(highest, padded[i])
        for channel in range(channels):
            if marks[channel] == 0:
                continue
            first = channel - HALF_WINDOW
            if _plateau(padded, channel + HALF_WINDOW, min(highest, ceiling)):
                continue
            here = padded[channel : channel + _WINDOW]
            count = _reference(values, table[row], row, first, activity, reference, spare, window, stack)
            known = count >= _MIN_NEIGHBOURS
            theirs = more = limit = 0.0
            if not known:
                state[row] = NOT_JUDGED
                reference[:] = 0.0
                if alone == np.inf:
                    break
            loss = 1.0 + _MEDIAN_LOSS / count if known else 1.0
            foot_line(here, foot)
            for x in range(_WINDOW):
                above[x] = here[x] - foot[x]
            for x in range(_WINDOW):
                p = channel + x
                inside = 0 <= first + x < channels
                level = padded[p]
                if 0 < p < padded.size - 1:
                    level = 0.25 * (padded[p - 1] + 2.0 * padded[p] + padded[p + 1])
                variance = loss * max(noise[0] + noise[1] * level, noise[2])
                variance += (_MODEL_ERROR * above[x]) ** 2
                weights[x] = 1.0 / max(variance, _SMALL) if inside else 0.0
            if known:
                beside = 0.5 * (here[HALF_WINDOW - _FOOT] + here[HALF_WINDOW + _FOOT])
                limit = 1.5 * loss * _SCREEN**2 * max(noise[0] + noise[1] * beside, noise[2])
                theirs = max(_curvature(reference, 1), _curvature(reference, _FOOT))
                raised = stack[HALF_WINDOW, count - 2] - reference[HALF_WINDOW] if undecidable else 0.0
                more = max(
                    _curvature(here, 1) - max(_curvature(reference, 1) + raised, 0.0),
                    _curvature(here, _FOOT) - max(_curvature(reference, _FOOT) + raised, 0.0),
                )
                if more <= 0.0 or more * more < limit:
                    continue
            foot_line(reference, spare)
            for x in range(_WINDOW):
                atoms[x, columns - 2] = reference[x] - spare[x]
            _own_line(reference, known and theirs * theirs > limit / count and theirs > 0.2 * more, atoms)
            wanted = near if known else alone
            score, low, high = _hypotheses(
                above, weights, atoms, gram, right, factor, heights, fitted, tried, best_fit, first, channels, wanted
            )
            if score <= wanted:
                continue
            if rough == 0.0:
                rough = _roughness(padded, 1, channels - 1, noise, size, ordered, sample)
            left = min(max(channel - _REGION, 1), max(channels - 1 - 2 * _REGION, 1))
            right_end = min(left + 2 * _REGION, channels - 1)
            local = _roughness(padded, left, right_end, noise, size, ordered, sample)
            score /= max(rough, local) ** 2
            if score <= wanted:
                continue
            if undecidable:
                why = UNDECIDABLE
            elif high - low >= 2:
                why = TRACK
            elif not known:
                why = SHARP
            else:
                why = BOTH if score > _STRONG * near else ABSENT
            for x in range(low, high + 1):
                place = first + x
                reason[row, place] = why
                marks[place] = 0
                if undecidable and not known:
                    continue  # nothing can be said: it stays
                for k in range(3):
                    content[k] = values[row, min(max(place + k - 1, 0), channels - 1)]
                light = best_fit[x] + foot[x]
                spread = np.sqrt(max(noise[0] + noise[1] * light, noise[2]))
                cleaned[row, place] = light + spread * _normal(bits, place)
            if not (undecidable and not known):
                for x in range(low, high + 1):
                    padded[first + x + HALF_WINDOW] = cleaned[row, first + x]
