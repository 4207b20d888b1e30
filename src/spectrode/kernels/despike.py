"""Compiled search for spikes: a cheap look at every channel, at the neighbours where anything is, and a fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .light import FREE, HALF_WINDOW, MOST_LINES, PRICE, fit_light
from .whitaker_hayes import median_of

__all__ = ["ABSENT", "BOTH", "NOT_JUDGED", "SHARP", "TRACK", "UNDECIDABLE", "judge", "search", "workspace"]

# The numbers of SpikeReason, which compiled code cannot read from the enumeration.
SHARP, ABSENT, BOTH, TRACK, UNDECIDABLE = 1, 2, 3, 4, 5
NOT_JUDGED = 1  # in ``state``: too few neighbours
HIT = 2  # in ``state``: channels were marked

_WINDOW = 2 * HALF_WINDOW + 1
_SCREEN = 4.0  # standard deviations by which a channel must stand out of those one, two or three to either side
_BESIDE = 2.5  # the same against the neighbours' second highest, for the sum of two curvatures
_REGION = 40  # channels to either side in which the noise is checked: detectors and stitched ranges are not even
_ELSEWHERE = 3  # channels farther than which something else is another event
_LONGEST = 5  # channels of one spike
_PER_CHANNEL = 4.0  # chi-squared that each further channel must pay for
_EXISTS = 30.0  # squared standard deviations above the light: one in fifty million channels by noise alone
_EXPLAINED = 9.0  # chi-squared of the seven middle channels, and prices of lines but one, below which light will do
_SHOWN_SO = 13.0  # the same where the neighbours' shape takes the place of all lines
_LONGER = 4.0  # more for each further channel
_RAISED = 4.0  # the same for every channel of a spike
_TAIL = 0.05  # of the highest channel that every other must have
_MODEL_ERROR = 0.015  # of a height: line shapes are not quite Gaussian, gains not quite even
_MIN_NEIGHBOURS = 3  # a median of fewer follows the odd one out
_OUTLYING = 4.0  # standard deviations from the neighbours' median: a spike of theirs
_SHAPELESS = 26.0  # chi-squared of the neighbours' mean about a straight line (13 degrees of freedom, 2.5 sd above)
_SHOWN = 0.1  # of a channel's sharpness, in the neighbours, from which their line there gets a gain of its own
_STRONG = 4.0  # times the evidence asked for where neighbours help: sharp enough without them
_LANES = 32  # channels passed over at once where nothing stands out
_SMALL = 1e-300


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _activity(row: Any) -> float:
    """Return how much a spectrum changes over a few channels: the scale by which neighbours are compared."""
    total = row.dtype.type(0)
    later, earlier = row[4:], row[: max(row.size - 4, 0)]
    for i in range(earlier.size):
        total += abs(later[i] - earlier[i])
    return float(total) / max(row.size - 4, 1)


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
def _at(row: Any, i: int) -> float:
    return float(row[np.uint64(min(max(i, 0), row.size - 1))])


@njit(cache=True, nogil=True)
def _bend(row: Any, i: int) -> float:
    """Return the sum of a channel's heights above those one and two to either side."""
    near = _at(row, i - 1) + _at(row, i + 1)
    return 2.0 * _at(row, i) - 0.5 * (near + _at(row, i - 2) + _at(row, i + 2))


@njit(cache=True, nogil=True)
def _sharpness(row: Any, i: int) -> float:
    return _at(row, i) - 0.5 * (_at(row, i - 1) + _at(row, i + 1))


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _screen(row: Any, limits: Any, hot: Any) -> None:
    """Say in which groups of channels, the outermost three apart, one stands out of the noise.

    The last group overlaps the one before.
    """
    if hot.size == 0:
        return
    for group in range((row.size - 6) // _LANES):
        hot[group] = _one_stands_out(row, np.uint64(group * _LANES), limits)
    hot[hot.size - 1] = _one_stands_out(row, np.uint64(row.size - 6 - _LANES), limits)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _one_stands_out(row: Any, first: Any, limits: Any) -> Any:
    """Return whether one of the channels three after ``first`` and on does, by :func:`_stands_out`.

    Without branches and stores, and with indices that cannot be negative, so that the compiler works on many channels
    at once.
    """
    base, slope, floor = limits
    two, zero = row.dtype.type(2), row.dtype.type(0)
    together = np.int32(0)
    for lane in range(_LANES):
        i = first + np.uint64(lane)
        foot = row[i] + row[i + np.uint64(6)]
        farther = row[i + np.uint64(1)] + row[i + np.uint64(5)]
        beside = row[i + np.uint64(2)] + row[i + np.uint64(4)]
        rise = max(two * row[i + np.uint64(3)] - min(beside, farther, foot), zero)
        together |= np.int32(rise * rise > max(base + slope * foot, floor))
    return together


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _stands_out(row: Any, i: int, limits: Any) -> bool:
    """True if a channel stands out of the noise over one, two or three channels (all heights doubled)."""
    last = row.size - 1
    foot = row[np.uint64(max(i - 3, 0))] + row[np.uint64(min(i + 3, last))]
    farther = row[np.uint64(max(i - 2, 0))] + row[np.uint64(min(i + 2, last))]
    beside = row[np.uint64(max(i - 1, 0))] + row[np.uint64(min(i + 1, last))]
    rise = row.dtype.type(2) * row[np.uint64(i)] - min(beside, farther, foot)
    return bool(rise > 0 and rise * rise > max(limits[0] + limits[1] * foot, limits[2]))


@njit(cache=True, nogil=True)
def _plateau(row: Any, i: int, ceiling: float) -> bool:
    """True if two channels side by side near this one are both at the ceiling (saturated)."""
    for x in range(max(i - HALF_WINDOW, 0), min(i + HALF_WINDOW, row.size - 1)):
        if row[x] >= ceiling and row[x + 1] >= ceiling:
            return True
    return False


@njit(cache=True, nogil=True)
def _shown_beside(
    values: Any, near: Any, row: int, i: int, limit: float, bend: float, activity: Any
) -> bool:  # fmt: skip
    """True if at least two neighbours show what stands out here, within the noise."""
    alike = 0
    for k in range(near.size):
        j = near[k]
        if j < 0 or j == row:
            continue
        if activity[j] < 0.0:
            activity[j] = _activity(values[j])
        if activity[j] <= 0.0:
            continue
        if _bend(values[j], i) * (activity[row] / activity[j]) + limit >= bend:
            alike += 1
            if alike == 2:
                return True
    return False


@njit(cache=True, nogil=True)
def _reference(
    values: Any, near: Any, row: int, first: int, activity: Any, sigma: float, out: Any, spare: Any, stack: Any
) -> tuple[int, float]:
    """Put the mean of the scaled neighbours, less their level and their own spikes, into ``out``.

    Returns
    -------
    count, variance
        How many neighbours there were, and the variance of their mean over that of one spectrum here.
    """
    channels = values.shape[1]
    count = 0
    gains = 0.0
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
            spare[x] = values[j, min(max(first + x, 0), channels - 1)]
            stack[x, count] = spare[x]
        level = _median(spare, _WINDOW)
        for x in range(_WINDOW):
            stack[x, count] = gain * (stack[x, count] - level)
        gains += gain * gain
        count += 1
    if count < _MIN_NEIGHBOURS:
        return count, 0.0
    for x in range(_WINDOW):
        for k in range(count):
            spare[k] = stack[x, k]
        middle = _median(spare[:count], count)
        spread = 0.0
        for k in range(count):
            spare[k] = abs(stack[x, k] - middle)
        spread = max(sigma * np.sqrt(gains / count), 1.4826 * _median(spare[:count], count))
        total, used = 0.0, 0
        for k in range(count):
            if abs(stack[x, k] - middle) <= _OUTLYING * spread:
                total += stack[x, k]
                used += 1
        out[x] = total / used if used else middle
    return count, gains / count**2


@njit(cache=True, nogil=True)
def _shape(reference: Any, weights: Any, variance: float) -> float:
    """Return chi-squared of the neighbours' mean about a straight line."""
    s = sx = sxx = sy = sxy = 0.0
    for x in range(_WINDOW):
        w = weights[x]
        s += w
        sx += w * x
        sxx += w * x * x
        sy += w * reference[x]
        sxy += w * x * reference[x]
    bottom = s * sxx - sx * sx
    if bottom <= 0.0:
        return 0.0
    slope = (s * sxy - sx * sy) / bottom
    level = (sy - slope * sx) / s
    chi2 = 0.0
    for x in range(_WINDOW):
        chi2 += weights[x] * (reference[x] - level - slope * x) ** 2
    return chi2 / max(variance, _SMALL)


@njit(cache=True, nogil=True)
def _own_line(reference: Any, shown: bool, atoms: Any) -> None:
    """Make a column of the narrow line that the neighbours show in the middle; its gain may be another than theirs."""
    c, last, reach = HALF_WINDOW, atoms.shape[1] - 1, 4
    atoms[:, last] = 0.0
    if not shown:
        return
    for x in range(c - reach + 1, c + reach):
        share = (x - (c - reach)) / (2.0 * reach)
        foot = (1.0 - share) * reference[c - reach] + share * reference[c + reach]
        atoms[x, last] = max(reference[x] - foot, 0.0)


@njit(cache=True, nogil=True)
def _roughness(row: Any, first: int, last: int, noise: Any, size: Any, spare: Any, sample: Any) -> float:
    """Return the noise of the channels ``first`` to ``last`` of one spectrum over that of the dataset; at least 1."""
    for i in range(first, last):
        left, middle, right = float(row[i - 1]), float(row[i]), float(row[i + 1])
        level = (left + middle + right) / 3.0
        bend = 2.0 * middle - left - right
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
def workspace(columns: int) -> Any:
    """Return the work arrays of :func:`judge`."""
    return (
        np.empty((_WINDOW, columns)),
        np.empty((FREE + MOST_LINES, columns)),
        np.empty((4, _WINDOW + columns)),
        np.empty((6, _WINDOW)),
    )


@njit(cache=True, nogil=True)
def _middle_line(values: Any, weights: Any, atoms: Any) -> int:
    """Return the line that alone explains most of what the seven middle channels have above the channels beside."""
    c = HALF_WINDOW
    best, chosen = -1.0, 0
    for k in range(atoms.shape[1] - 1):
        along = square = 0.0
        for x in range(c - 3, c + 4):
            share = (x - c + 4) / 8.0
            foot = (1.0 - share) * values[c - 4] + share * values[c + 4]
            lift = atoms[x, k] - (1.0 - share) * atoms[c - 4, k] - share * atoms[c + 4, k]
            along += weights[x] * lift * (values[x] - foot)
            square += weights[x] * lift * lift
        if along > 0.0 and along * along > best * square and square > 1e-12:
            best, chosen = along * along / square, k
    return chosen


@njit(cache=True, nogil=True)
def judge(
    values: Any, weights: Any, atoms: Any, free: Any, first: int, channels: int, enough: float, work: Any, fit: Any,
    doubt: Any,
) -> tuple[float, int, int, float, float]:  # fmt: skip
    """Compare light alone with light and a spike of one to five channels around the middle one.

    Parameters
    ----------
    values, weights, atoms, free
        As for :func:`spectrode.kernels.light.fit_light`.
    first, channels
        Channel of the window's first count, and channels of the spectrum: a spike must lie inside.
    enough
        Cost of light below which nothing is to be gained.
    work
        From :func:`workspace`.
    fit, doubt
        (window,) receive the light beneath the best spike, and its variance.

    Returns
    -------
    score, low, high, excess, cost
        Chi-squared gained, less the price of the channels, and the window's channels ``low`` to ``high`` (inclusive)
        of the best spike; zero, or too low to be looked at further, if light will do. And chi-squared of what is
        left, over its degrees of freedom, and with the prices of lines and channels.
    """
    c = HALF_WINDOW
    columns, lines, scratch, small = work
    fitted, variance, tried, left_over = small[0], small[1], small[2], small[3]
    taken, best_taken = np.zeros(MOST_LINES, dtype=np.int64), np.zeros(MOST_LINES, dtype=np.int64)
    light, used = fit_light(values, weights, atoms, free, PRICE, taken, 0, columns, lines, scratch, fitted, variance)
    if light >= enough:
        # Taking the best line of the whole window first may lead astray; begin with the best of the middle, too.
        again_taken = np.zeros(MOST_LINES, dtype=np.int64)
        again_taken[0] = _middle_line(values, weights, atoms)
        again, number = fit_light(
            values, weights, atoms, free, PRICE, again_taken, 1, columns, lines, scratch, left_over, variance
        )
        if again < light:
            light, used = again, number
            fitted[:] = left_over
    core = 0.0
    for x in range(c - 3, c + 4):
        core += (values[x] - fitted[x]) ** 2 * weights[x]
    if light < enough or core + PRICE * (used - 1) < _EXPLAINED:
        return 0.0, c, c, 1.0, 0.0
    # What the counts would be without the middle: only to see to which side the spike reaches further.
    tried[:] = weights
    for x in range(c - 3, c + 4):
        tried[x] = 0.0
    fit_light(values, tried, atoms, free, PRICE, taken, 0, columns, lines, scratch, fitted, variance)
    left_over[:] = values - fitted
    tried[:] = weights
    low = high = c
    best, best_low, best_high, best_number, best_cost, excess = 0.0, c, c, 0, 0.0, 1.0
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
        cost, number = fit_light(values, tried, atoms, free, PRICE, taken, 0, columns, lines, scratch, fitted, variance)
        price = _PER_CHANNEL * (length - 1)
        if light - cost - price <= best:
            continue
        raised, highest, top = True, 0.0, 0.0
        for x in range(low, high + 1):
            top = max(top, values[x] - fitted[x])
        for x in range(low, high + 1):
            lifted = values[x] - fitted[x]
            significance = lifted * lifted / (1.0 / weights[x] + variance[x])
            raised &= lifted > _TAIL * top and significance > _RAISED
            highest = max(highest, significance)
        if raised and highest > _EXISTS + _LONGER * (length - 1):
            best, best_low, best_high, best_number = light - cost - price, low, high, number
            best_cost = cost + price
            left_degrees = max(_WINDOW - FREE - 2 * number - length, 1)
            excess = max(cost - PRICE * number, 0.0) / left_degrees
            best_taken[:] = taken
            fit[:] = fitted
            doubt[:] = variance
    if best > enough:
        # The lines found beside the spike may be a better beginning for light alone, too.
        taken[:] = best_taken
        again, _ = fit_light(
            values, weights, atoms, free, PRICE, taken, best_number, columns, lines, scratch, fitted, variance
        )
        best = min(best, again - best_cost)
    return best, best_low, best_high, excess, best_cost


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _plain_fit(values: Any, weights: Any, lines: Any) -> tuple[float, float]:
    """Fit a straight ground, and, if that is not enough, with the one column of ``lines`` that helps most.

    Returns
    -------
    ground, line
        Chi-squared of the seven middle channels about either.
    """
    c = HALF_WINDOW
    s = sx = sxx = sy = sxy = 0.0
    for x in range(_WINDOW):
        w, place = weights[x], float(x - c)
        s += w
        sx += w * place
        sxx += w * place * place
        sy += w * values[x]
        sxy += w * place * values[x]
    if s <= 0.0 or s * sxx - sx * sx <= 1e-9 * s * sxx:
        return np.inf, np.inf
    middle = sx / s
    sxx -= sx * middle
    level, slope = sy / s, (sxy - sy * middle) / sxx
    ground = 0.0
    for x in range(c - 3, c + 4):
        ground += weights[x] * (values[x] - level - slope * (x - c - middle)) ** 2
    if ground < _EXISTS:
        return ground, ground
    most, chosen, height, lift, tilt = 0.0, -1, 0.0, 0.0, 0.0
    for k in range(lines.shape[1]):
        one = along = square = product = 0.0
        for x in range(_WINDOW):
            part = weights[x] * lines[x, k]
            one += part
            along += part * (x - c - middle)
            square += part * lines[x, k]
            product += part * values[x]
        product -= one * level + along * slope
        rest = square - one * one / s - along * along / sxx
        if product > 0.0 and rest > 1e-9 * square and product * product > most * rest:
            most, chosen, height = product * product / rest, k, product / rest
            lift, tilt = one / s, along / sxx
    if chosen < 0:
        return ground, ground
    line = 0.0
    for x in range(c - 3, c + 4):
        place = x - c - middle
        left = values[x] - level - slope * place - height * (lines[x, chosen] - lift - tilt * place)
        line += weights[x] * left * left
    return ground, line


@njit(cache=True, nogil=True)
def _number_beside(near: Any, row: int, values: Any, activity: Any) -> int:
    """Return how many neighbours can be compared with."""
    count = 0
    for k in range(near.size):
        j = near[k]
        if j < 0 or j == row:
            continue
        if activity[j] < 0.0:
            activity[j] = _activity(values[j])
        count += activity[j] > 0.0
    return count


@njit(cache=True, nogil=True)
def _weigh(
    values: Any, near: Any, row: int, here: Any, channel: int, atoms: Any, central: Any, noise: Any, alone: float,
    beside: float, activity: Any, blind: Any, free: Any, arrays: Any, stack: Any, work: Any, quiet: Any,
) -> tuple[float, int, int, bool, float, float]:  # fmt: skip
    """Judge one channel of a spectrum.

    Returns
    -------
    score, low, high, known, lowest, cost
        As from :func:`judge`, over the noise found here (zero if below what is wanted), the spectrum's channels of the
        spike, whether there were neighbours to ask, what the fit is counted from, and the cost of the best fit.
    """
    channels = here.size
    weights, reference, above, spare, fit, doubt = arrays
    c = HALF_WINDOW
    first = channel - c
    known = _number_beside(near, row, values, activity) >= _MIN_NEIGHBOURS
    if not known and alone == np.inf:
        return 0.0, channel, channel, False, 0.0, 0.0
    lowest = np.inf
    for x in range(_WINDOW):
        above[x] = _at(here, first + x)
        lowest = min(lowest, above[x])
    for x in range(_WINDOW):
        inside = 0 <= first + x < channels and not blind[first + x]
        level = 0.25 * (_at(here, first + x - 1) + 2.0 * above[x] + _at(here, first + x + 1))
        variance = max(noise[0] + noise[1] * level, noise[2]) + (_MODEL_ERROR * (above[x] - lowest)) ** 2
        weights[x] = 1.0 / max(variance, _SMALL) if inside else 0.0
    for x in range(_WINDOW):
        above[x] -= lowest
    # Most of what stands out is a crest of noise, or one line: cheap to see, and not for the whole fit.
    ground, line = _plain_fit(above, weights, central)
    if ground < _EXISTS or line < _EXPLAINED:
        return 0.0, channel, channel, known, lowest, 0.0
    foot = 0.5 * (_at(here, channel - 3) + _at(here, channel + 3))
    sigma2 = max(noise[0] + noise[1] * foot, noise[2])
    share = 0.0
    if known:
        _, share = _reference(values, near, row, first, activity, np.sqrt(sigma2), reference, spare, stack)
    shaped = known and _shape(reference, weights, share) > _SHAPELESS
    for x in range(_WINDOW):
        free[x, 2] = reference[x] if shaped else 0.0
        if shaped:
            weights[x] /= 1.0 + share
    if shaped and _plain_fit(above, weights, free[:, 2:])[1] < _SHOWN_SO:
        return 0.0, channel, channel, known, lowest, 0.0
    bend = _bend(here, channel)
    theirs = reference[c] - 0.5 * min(reference[c - 1] + reference[c + 1], reference[c - 3] + reference[c + 3])
    clear = theirs * theirs > 1.5 * _SCREEN**2 * share * sigma2 and theirs > _SHOWN * bend
    _own_line(reference, shaped and clear, atoms)
    wanted = beside if known else alone
    score, low, high, excess, cost = judge(above, weights, atoms, free, first, channels, wanted, work, fit, doubt)
    if score > wanted and excess > 1.0:
        # Worse than the noise of the dataset: the detector is not even, unless it is bands that are rough.
        left = min(max(channel - _REGION, 1), max(channels - 1 - 2 * _REGION, 1))
        last = min(left + 2 * _REGION, channels - 1)
        score /= min(excess, _roughness(here, left, last, noise, quiet[0], quiet[1], quiet[2]) ** 2)
    return score if score > wanted else 0.0, first + low, first + high, known, lowest, cost


@njit(cache=True, nogil=True)
def search(
    values: Any, table: Any, start: int, stop: int, atoms: Any, central: Any, noise: Any, alone: float,
    near: float, undecidable: bool, recurrence: Any, activity: Any, cleaned: Any, reason: Any, state: Any,
) -> None:  # fmt: skip
    """Find and replace the spikes of the spectra ``start`` to ``stop``.

    Parameters
    ----------
    values
        (held, channels) counts; the first rows are those that are judged.
    table
        (spectra, k) neighbours, as rows of ``values``; -1 for none.
    atoms
        From :func:`spectrode.kernels.light.line_atoms`, for the instrument's line width.
    central
        (window, lines) those of them that have their top near the middle.
    noise
        (3,): variance at level zero, variance per count, least variance.
    alone, near
        Chi-squared from which a spike is one without neighbours (infinite: such spectra are not judged), and with.
    undecidable
        The line shape is too narrow to tell by it: only what the neighbours show counts.
    recurrence
        (3, channels) used if ``undecidable``: by how much height and sharpness usually differ from the neighbours',
        and (first element) how many times that a spike must exceed.
    activity
        (held,) scratch, to be filled with -1.
    cleaned, reason, state
        Results: (spectra, channels), (spectra, channels) uint8, (spectra,) uint8, zero. ``cleaned`` is filled here.
    """
    channels = values.shape[1]
    atoms = atoms.copy()
    work = workspace(atoms.shape[1])
    fit, doubt = np.zeros(_WINDOW), np.zeros(_WINDOW)
    arrays = (
        *(np.empty(_WINDOW), np.zeros(_WINDOW), np.empty(_WINDOW)),
        *(np.empty(max(_WINDOW, table.shape[1])), fit, doubt),
    )
    stack = np.empty((_WINDOW, max(table.shape[1], 1)))
    free = np.zeros((_WINDOW, FREE))
    for x in range(_WINDOW):
        free[x, 0] = 1.0
        free[x, 1] = (x - HALF_WINDOW) / HALF_WINDOW
    quiet = (np.empty(channels), np.empty(channels), np.empty(64))
    blind = np.zeros(channels, dtype=np.bool_)
    groups = (channels - 6 + _LANES - 1) // _LANES if channels >= _LANES + 6 else 0
    hot = np.zeros(groups, dtype=np.int32)
    places, scores, costs = np.empty(channels, dtype=np.int64), np.empty(channels), np.empty(channels)
    content = np.empty(3)
    bits = content.view(np.uint64)
    kind = values.dtype.type
    limit = 4.0 * 1.5 * _SCREEN**2  # of doubled heights; the foot is the sum of two counts
    limits = (kind(limit * noise[0]), kind(0.5 * limit * noise[1]), kind(limit * noise[2]))
    for row in range(start, stop):
        cleaned[row] = values[row]
        here = cleaned[row]
        neighbours = 0
        for k in range(table.shape[1]):
            neighbours += table[row, k] >= 0
        if neighbours < _MIN_NEIGHBOURS:
            state[row] |= NOT_JUDGED
            if alone == np.inf:
                continue
        _screen(here, limits, hot)
        found = _candidates(values, table[row], row, here, hot, limits, noise, activity, neighbours, places)
        if found == 0:
            continue
        if undecidable and neighbours >= _MIN_NEIGHBOURS:
            state[row] |= _replace_unlike(
                values, table[row], row, here, places[:found], recurrence, noise, activity, reason[row], arrays, stack
            )
            continue
        for k in range(found):
            scores[k] = -1.0  # not weighed
        for _ in range(found):
            best = -1
            for k in range(found):
                if scores[k] < 0.0:
                    scores[k], _, _, known, _, costs[k] = _weigh(
                        values, table[row], row, here, places[k], atoms, central, noise, alone, near, activity, blind,
                        free, arrays, stack, work, quiet,
                    )  # fmt: skip
                    if not known:
                        state[row] |= NOT_JUDGED
                # A spike's own channels explain the counts around it best; a band's beside it need many lines.
                if scores[k] > 0.0 and (best < 0 or costs[k] < costs[best]):
                    best = k
            if best < 0:
                break
            # Other spikes in the window say nothing about this one.
            for k in range(found):
                if scores[k] > 0.0 and abs(places[k] - places[best]) > _ELSEWHERE:
                    for x in range(max(places[k] - 1, 0), min(places[k] + 2, channels)):
                        blind[x] = abs(x - places[best]) > _ELSEWHERE - 1
            score, low, high, known, lowest, _ = _weigh(
                values, table[row], row, here, places[best], atoms, central, noise, alone, near, activity, blind, free,
                arrays, stack, work, quiet,
            )  # fmt: skip
            blind[:] = False
            scores[best] = 0.0
            if score == 0.0:
                continue
            if not known:
                state[row] |= NOT_JUDGED
            if undecidable:
                why = UNDECIDABLE
            elif high - low >= 2:
                why = TRACK
            elif not known:
                why = SHARP
            else:
                why = BOTH if score > _STRONG * near else ABSENT
            state[row] |= HIT
            stays = undecidable and not known  # nothing can be said
            for place in range(low, high + 1):
                reason[row, place] = why
                if stays:
                    continue
                x = place - places[best] + HALF_WINDOW
                for k in range(3):
                    content[k] = values[row, min(max(place + k - 1, 0), channels - 1)]
                light = fit[x] + lowest
                missing = max(noise[0] + noise[1] * light, noise[2]) - doubt[x]
                here[place] = light + np.sqrt(max(missing, 0.0)) * _normal(bits, place)
            for k in range(found):
                if low <= places[k] <= high:
                    scores[k] = 0.0
                elif not stays and abs(places[k] - places[best]) <= 2 * HALF_WINDOW and scores[k] != 0.0:
                    scores[k] = -1.0


@njit(cache=True, nogil=True)
def _unlike_neighbours(
    values: Any, near: Any, row: int, here: Any, channel: int, recurrence: Any, activity: Any, spare: Any, other: Any
) -> float:
    """Return by how many times the usual a channel is both higher and sharper than the neighbours show it.

    A height is that above the channels two to either side; sharpness, above those next to it, counts twice, since a
    spike of two equal channels has half of it.
    """
    count = 0
    for k in range(near.size):
        j = near[k]
        if j < 0 or j == row:
            continue
        if activity[j] < 0.0:
            activity[j] = _activity(values[j])
        if activity[j] <= 0.0:
            continue
        gain = activity[row] / activity[j]
        other[count] = gain * _sharpness(values[j], channel)
        spare[count] = gain * (_bend(values[j], channel) - _sharpness(values[j], channel))
        count += 1
    if count < _MIN_NEIGHBOURS:
        return 0.0
    sharpness = _sharpness(here, channel)
    height = _bend(here, channel) - sharpness - _median(spare[:count], count)
    sharper = 2.0 * (sharpness - _median(other[:count], count))
    return float(min(height / recurrence[0, channel], sharper / recurrence[1, channel]))


@njit(cache=True, nogil=True)
def _replace_unlike(
    values: Any, near: Any, row: int, here: Any, places: Any, recurrence: Any, noise: Any, activity: Any, reason: Any,
    arrays: Any, stack: Any,
) -> int:  # fmt: skip
    """Replace, where width tells nothing, what no neighbour shows; return the spectrum's state."""
    _, reference, _, spare, _, _ = arrays
    other = np.empty(spare.size)
    state = 0
    last = here.size - 1
    for channel in places:
        score = _unlike_neighbours(values, near, row, here, channel, recurrence, activity, spare, other)
        if score <= recurrence[2, 0]:
            continue
        first = channel - HALF_WINDOW
        sigma = np.sqrt(max(noise[0] + noise[1] * _at(here, channel - 3), noise[2]))
        _, share = _reference(values, near, row, first, activity, sigma, reference, spare, stack)
        # The neighbours' shape, put at the level of the channels beside the spike.
        total, count = 0.0, 0
        for x in range(_WINDOW):
            if abs(x - HALF_WINDOW) > 2 and 0 <= first + x <= last:
                total += here[first + x] - reference[x]
                count += 1
        level = total / max(count, 1)
        low = high = channel
        limit = max(0.5 * recurrence[2, 0] * recurrence[0, channel], 3.0 * sigma)
        while low > max(channel - 2, 0) and here[low - 1] - level - reference[low - 1 - first] > limit:
            low -= 1
        while high < min(channel + 2, last) and here[high + 1] - level - reference[high + 1 - first] > limit:
            high += 1
        state = HIT
        content = np.empty(3)
        bits = content.view(np.uint64)
        for place in range(low, high + 1):
            light = level + reference[place - first]
            variance = max(noise[0] + noise[1] * light, noise[2])
            for k in range(3):
                content[k] = values[row, min(max(place + k - 1, 0), last)]
            here[place] = light + np.sqrt(max(variance * (1.0 - share - 1.0 / max(count, 1)), 0.0)) * _normal(
                bits, place
            )
            reason[place] = UNDECIDABLE
    return state


@njit(cache=True, nogil=True)
def _candidates(
    values: Any, near: Any, row: int, here: Any, hot: Any, limits: Any, noise: Any, activity: Any, neighbours: int,
    places: Any,
) -> int:  # fmt: skip
    """Put the channels worth a fit into ``places``: sharpest of their surroundings, and not shown by neighbours."""
    channels = here.size
    found, highest = 0, np.inf
    begin = 0  # what lies before has been looked at
    for group in range(-1, hot.size + 1):
        if group < 0:
            end = min(3, channels)
        elif group == hot.size:
            end = channels
        else:
            end = 3 + min((group + 1) * _LANES, channels - 6)
            if hot[group] == 0:
                begin = end
                continue
        for channel in range(begin, end):
            if not _stands_out(here, channel, limits) or not _sharpest(here, channel):
                continue
            if activity[row] < 0.0:
                activity[row] = _activity(values[row])
            if activity[row] <= 0.0:
                return 0
            if neighbours >= _MIN_NEIGHBOURS:
                foot = 0.5 * (_at(here, channel - 3) + _at(here, channel + 3))
                allowed = _BESIDE * np.sqrt(5.0 * max(noise[0] + noise[1] * foot, noise[2]))
                if _shown_beside(values, near, row, channel, allowed, _bend(here, channel), activity):
                    continue
            if highest == np.inf:
                highest = here.max()
            if _plateau(here, channel, highest):
                continue
            places[found] = channel
            found += 1
        begin = end
    return found


@njit(cache=True, nogil=True)
def _sharpest(here: Any, channel: int) -> bool:
    """True if a channel is sharper than those beside it, by two channels to either side or by one.

    On a flank the band's own top is sharper over two channels, but not over one.
    """
    bend = _bend(here, channel)
    if bend >= _bend(here, channel - 1) and bend > _bend(here, channel + 1):
        return True
    middle = _sharpness(here, channel)
    return bool(middle > 0.0 and middle >= _sharpness(here, channel - 1) and middle > _sharpness(here, channel + 1))
