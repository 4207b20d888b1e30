"""Removal of cosmic rays. The raw counts are not lost: every step returns which channels it replaced as ``spikes``.

Two questions decide about a channel. Is it *out of line* with its surroundings (along the spectrum, or with the same
channel of neighbouring spectra)? And is it *sharper than light can be*? Light passes the spectrograph, so every real
signal, however bright and however short its flash, is a sum of positive copies of the instrument's line shape. For a
Gaussian line shape of standard deviation s channels such a sum f obeys, at every channel x and wherever the lines lie,

    f(x - 1) f(x + 1) >= f(x)^2 exp(-1 / s^2)

(divide f by a Gaussian centred at zero: what remains is a sum of exponentials of x, which is log-convex; equality
holds for a single line). Charge set free by a particle does not pass the spectrograph and breaks the bound. A band is
therefore never removed for being strong or for being seen in one spectrum only, as with the intensity flashes of SERS.

Run these steps on the detector's own channels: resampling broadens a spike to the width of a line.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StepError
from ..pipeline.parameters import Between, Unit
from ..pipeline.step import StepOutput, step

__all__ = ["auto", "modified_z_score", "neighbour_table", "neighbours", "sharper_than_light", "whitaker_hayes"]

Floats = NDArray[Any]
Flags = NDArray[np.bool_]
LineWidth = Annotated[float, Between(1.0, 50), Unit("channels")]
Threshold = Annotated[float, Between(1, 1e6), Unit("robust standard deviations")]

_NORMAL = 1.4826  # standard deviation of a normal distribution over its median absolute deviation
_FOOT_REACH = 4  # channels to either side in which a spike must have come down
_SPIKE_REACH = 4  # channels: measured tails of imperfect charge transfer end within this distance
_MIN_NEIGHBOURS = 3  # a median of fewer follows the odd one out
_MIN_FOR_CHANNEL_SCORE = 30  # spectra below which a per-channel scatter is too uncertain to be used
_ROWS = 256  # spectra worked on at a time, to bound the memory of the gathered neighbours


def modified_z_score(intensity: Floats) -> Floats:
    """Return the modified z-scores of the first differences along the spectrum (Whitaker & Hayes 2018).

    Parameters
    ----------
    intensity
        (spectra, channels) array.

    Returns
    -------
    ndarray
        (spectra, channels - 1): 0.6745 (d - median d) / MAD(d). Where more than half of the differences are equal (a
        MAD of zero), the mean absolute deviation stands in (Iglewicz & Hoaglin 1993); zeros where that is zero too.
    """
    difference = np.diff(np.asarray(intensity, dtype=np.float64), axis=1)
    if difference.shape[1] == 0:
        return difference
    deviation = difference - np.median(difference, axis=1, keepdims=True)
    spread = np.median(np.abs(deviation), axis=1, keepdims=True) / 0.6745
    spread = np.where(spread > 0, spread, 1.253314 * np.mean(np.abs(deviation), axis=1, keepdims=True))
    return np.divide(deviation, spread, out=np.zeros_like(deviation), where=spread > 0)


def sharper_than_light(left: Floats, middle: Floats, right: Floats, noise: Floats, line_width: float) -> Flags:
    """Return where a channel is higher than any sum of positive lines of the given width can reach.

    Parameters
    ----------
    left, middle, right
        Counts above the background in a channel (``middle``) and in the channels before and after it; same shapes.
    noise
        Standard deviation of the counts, broadcastable. The outer channels are credited with twice that much, so that
        noise does not make a line look sharp.
    line_width
        Full width at half maximum of the narrowest real line, in channels.

    Returns
    -------
    ndarray
        bool, the shape of ``middle``.
    """
    sigma = line_width / np.sqrt(8 * np.log(2))
    lifted = (np.maximum(left, 0) + 2 * noise) * (np.maximum(right, 0) + 2 * noise)
    return np.asarray(middle > np.exp(0.5 / sigma**2) * np.sqrt(lifted))


@step("despike.whitaker_hayes", cite="Whitaker2018", any_axis=True)
def whitaker_hayes(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    threshold: Threshold = 8.0,
    line_width: LineWidth = 1.5,
    kernel_size: Annotated[int, Between(1, 50), Unit("channels")] = 3,
) -> StepOutput:
    """Remove spikes from single spectra by the modified z-score of their first difference.

    The published test alone takes sharp bands for spikes: on a public tissue map it marks every one of 875 clean
    spectra at a threshold of 10. Here a channel must also be sharper than light can be (see the module). Spikes that
    sit on a band higher than themselves stay; where there are neighbouring spectra, ``despike.neighbours`` finds those.

    Parameters
    ----------
    threshold
        Modified z-score of a one-channel step above which it is suspect; larger finds fewer spikes.
    line_width
        Full width at half maximum of the narrowest real line; larger finds wider and smaller spikes, but must not
        exceed what the spectrometer resolves or lines are lost. The default spares lines in coarsely sampled data;
        measure a lamp line and give its width to find more.
    kernel_size
        A spike is replaced by the mean of the unmarked channels within this distance; larger takes them from farther.

    Raises
    ------
    StepError
        If a parameter is outside its limits.
    """
    spikes = _spikes_of_single_spectra(intensity, threshold, line_width)
    return StepOutput(_mean_of_unmarked(intensity, spikes, kernel_size), shift, {"spikes": spikes})


@step(
    "despike.neighbours", cite="Schulze2014", context=("scan_shape", "scan_index"), uses_neighbours=True, any_axis=True
)
def neighbours(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    scan_shape: tuple[tuple[str, int], ...] | None,
    scan_index: NDArray[np.int64] | None,
    threshold: Threshold = 8.0,
    curvature_threshold: Threshold = 5.0,
    line_width: LineWidth = 1.8,
    frames: Annotated[int, Between(1, 20), Unit("frames")] = 2,
) -> StepOutput:
    """Remove spikes that neighbouring spectra in space and time do not show.

    Each spectrum is compared with the scaled median of its neighbours: the eight around it in a map, and the frames
    before and after. A channel is replaced if it exceeds that median, if its second difference along the spectrum is
    out of line too, and if it is sharper than light can be; a band that flashes up in one spectrum fails the last test
    and stays. The replacement is the scaled median. Spectra with fewer than three neighbours are left alone. Without a
    scan shape the spectra count as a series in time.

    Parameters
    ----------
    threshold
        Excess over the neighbours, in robust standard deviations, that is suspect; larger finds fewer spikes.
    curvature_threshold
        The same for the second difference along the spectrum; larger finds fewer spikes.
    line_width
        Full width at half maximum of the narrowest real line; larger finds wider spikes, but must not exceed what the
        spectrometer resolves or lines are lost.
    frames
        How many frames before and after are looked at; larger is steadier where little changes in time.

    Raises
    ------
    StepError
        If the scan shape has fewer places than there are spectra.
    """
    table = neighbour_table(intensity.shape[0], scan_shape, scan_index, frames=frames)
    return _by_neighbours(intensity, shift, table, threshold, curvature_threshold, line_width)


@step(
    "despike.auto",
    cite=("Whitaker2018", "Schulze2014"),
    context=("scan_shape", "scan_index"),
    uses_neighbours=True,
    any_axis=True,
)
def auto(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    scan_shape: tuple[tuple[str, int], ...] | None,
    scan_index: NDArray[np.int64] | None,
    threshold: Threshold = 8.0,
    line_width: LineWidth | None = None,
) -> StepOutput:
    """Remove spikes with the help of neighbouring spectra where the scan has them, else from single spectra.

    Neighbours are used if the scan shape gives at least half of the spectra three or more of them; a list of points
    counts as single spectra, because nothing says that they lie near one another.

    Parameters
    ----------
    threshold
        Suspect excess in robust standard deviations, as in the step that is chosen; larger finds fewer spikes.
    line_width
        Full width at half maximum of the narrowest real line; larger finds wider spikes, but must not exceed what the
        spectrometer resolves or lines are lost. If not given, the default of the step that is chosen.
    """
    if scan_shape:
        table = neighbour_table(intensity.shape[0], scan_shape, scan_index, frames=2)
        if np.median((table >= 0).sum(axis=1)) >= _MIN_NEIGHBOURS:
            width = 1.8 if line_width is None else line_width
            found = _by_neighbours(intensity, shift, table, threshold, 5.0, width)
            return StepOutput(
                found.intensity, shift, found.products, ("compared with neighbouring spectra",), found.counts
            )
    spikes = _spikes_of_single_spectra(intensity, threshold, 1.5 if line_width is None else line_width)
    cleaned = _mean_of_unmarked(intensity, spikes, 3)
    return StepOutput(cleaned, shift, {"spikes": spikes}, ("each spectrum on its own (no neighbours in the scan)",))


# -- single spectra ---------------------------------------------------------------------------------------------------


def _spikes_of_single_spectra(intensity: Floats, threshold: float, line_width: float) -> Flags:
    values = np.asarray(intensity, dtype=np.float64)
    if values.shape[1] < 5:
        return np.zeros(values.shape, dtype=bool)
    steep = modified_z_score(values)
    suspect = np.zeros(values.shape, dtype=bool)
    suspect[:, 1:] |= steep > threshold  # a rise into the channel
    suspect[:, :-1] |= steep < -threshold  # a fall out of it
    # The foot of a channel is the straight line between the lowest levels on either side of it: on a broad band only
    # the top three channels of the band rise above that foot, and they are far from sharp.
    low_left, low_right = _lowest_beside(values)
    foot, slope = (low_left + low_right) / 2, (low_right - low_left) / (2 * _FOOT_REACH)
    above = values - foot
    sharp = np.zeros(values.shape, dtype=bool)
    sharp[:, 1:-1] = sharper_than_light(
        values[:, :-2] - (foot - slope)[:, 1:-1],
        above[:, 1:-1],
        values[:, 2:] - (foot + slope)[:, 1:-1],
        _noise(values),
        line_width,
    )
    # A spike comes down on both sides; the shoulder of a band and the edge of a saturated plateau do not.
    deepest = np.minimum(low_left, low_right)
    alone = values - np.maximum(low_left, low_right) >= 0.5 * (values - deepest)
    seeds = suspect & sharp & alone & _near_top(values - deepest)
    return _grown(seeds, values, np.abs(steep) > threshold, foot + 4 * _noise(values))


def _noise(values: Floats) -> Floats:
    """Return (spectra, 1) standard deviations of the noise, from first differences."""
    difference = np.diff(values, axis=1)
    deviation = np.abs(difference - np.median(difference, axis=1, keepdims=True))
    return np.asarray(_NORMAL / np.sqrt(2) * np.median(deviation, axis=1, keepdims=True))


def _near_top(above: Floats) -> Flags:
    """Return the channels that are local maxima, or nearly: a spike is found at its top and grown down its flanks.

    Far down the flank of a real line the foot is uncertain, and with it the sharpness. Four fifths let in the side of a
    spike of two channels.
    """
    tops = np.zeros(above.shape, dtype=bool)
    tops[:, 1:-1] = above[:, 1:-1] >= 0.8 * np.maximum(above[:, :-2], above[:, 2:])
    return tops


def _lowest_beside(values: Floats) -> tuple[Floats, Floats]:
    """Return the lowest count among the channels before, and among those after, each channel (edges repeat)."""
    padded = np.pad(values, ((0, 0), (_FOOT_REACH, _FOOT_REACH)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FOOT_REACH, axis=1)
    lowest = windows.min(axis=2)
    return lowest[:, : values.shape[1]], lowest[:, _FOOT_REACH + 1 :]


def _grown(seeds: Flags, values: Floats, steep: Flags, foot: Floats) -> Flags:
    """Extend each seed down its flanks while the steps between channels stay steep (tails of charge transfer).

    ``steep`` (spectra, channels - 1) says which steps are; channels not above ``foot`` are background and stay.
    """
    spikes = seeds.copy()
    raised = values > foot
    front_up, front_down = seeds, seeds
    for _ in range(_SPIKE_REACH):
        up, down = np.zeros_like(seeds), np.zeros_like(seeds)
        up[:, 1:] = front_up[:, :-1] & steep & (values[:, 1:] < values[:, :-1])
        down[:, :-1] = front_down[:, 1:] & steep & (values[:, :-1] < values[:, 1:])
        front_up, front_down = up & raised, down & raised
        if not (front_up.any() or front_down.any()):
            break
        spikes |= front_up | front_down
    return spikes


def _mean_of_unmarked(intensity: Floats, spikes: Flags, reach: int) -> Floats:
    """Replace marked channels by the mean of the unmarked ones within ``reach``; by interpolation if there are none."""
    cleaned = np.array(intensity)
    for row in np.flatnonzero(spikes.any(axis=1)):
        good = np.flatnonzero(~spikes[row])
        if good.size == 0:
            continue
        for channel in np.flatnonzero(spikes[row]):
            near = good[np.abs(good - channel) <= reach]
            cleaned[row, channel] = (
                intensity[row, near].mean() if near.size else np.interp(channel, good, intensity[row, good])
            )
    return cleaned


# -- neighbours -------------------------------------------------------------------------------------------------------


def neighbour_table(
    n_spectra: int,
    scan_shape: tuple[tuple[str, int], ...] | None,
    scan_index: NDArray[np.int64] | None,
    *,
    frames: int,
) -> NDArray[np.int64]:
    """Return which spectra are neighbours of which.

    Parameters
    ----------
    n_spectra
        Number of spectra.
    scan_shape
        Named lengths, slowest first. ``frame``, ``time``, ``repeat`` and ``spectrum`` are ordered in time; all others
        are space.
    scan_index
        (spectra,) place of each spectrum in the flattened scan; file order if None.
    frames
        Reach in time. At both ends the window is moved inwards, so that its length stays.

    Returns
    -------
    ndarray
        (spectra, neighbours) indices of spectra; -1 where there is none.
    """
    scan = tuple(scan_shape or (("time", n_spectra),))
    sizes = tuple(size for _, size in scan)
    places = int(np.prod(sizes))
    if places < n_spectra:
        raise StepError(f"despike: scan_shape {scan} has {places} places, but there are {n_spectra} spectra")
    index = np.arange(n_spectra) if scan_index is None else np.asarray(scan_index, dtype=np.int64)
    who = np.full(places, -1, dtype=np.int64)
    who[index] = np.arange(n_spectra)
    here = np.array(np.unravel_index(index, sizes), dtype=np.int64)
    in_time = [name in ("frame", "time", "repeat", "spectrum") for name, _ in scan]
    columns = []
    for there, valid in (*_around(here, sizes, in_time), *_before_and_after(here, sizes, in_time, frames)):
        flat = np.ravel_multi_index(tuple(np.where(valid, there, 0)), sizes)
        columns.append(np.where(valid, who[flat], -1))
    return np.stack(columns, axis=1) if columns else np.full((n_spectra, 1), -1, dtype=np.int64)


def _around(here: NDArray[np.int64], sizes: tuple[int, ...], in_time: list[bool]) -> Iterator[tuple[Any, Any]]:
    """Yield the positions one place away in space (diagonals too)."""
    limits = np.array(sizes)[:, None]
    reach: list[tuple[int, ...]] = [
        (0,) if time or size == 1 else (-1, 0, 1) for time, size in zip(in_time, sizes, strict=True)
    ]
    # In one dimension two places on either side, so that there is a median.
    if sum(len(r) > 1 for r in reach) == 1:
        reach = [(-2, -1, 0, 1, 2) if len(r) > 1 else r for r in reach]
    for offset in itertools.product(*reach):
        if any(offset):
            there = here + np.array(offset)[:, None]
            yield there, np.all((there >= 0) & (there < limits), axis=0)


def _before_and_after(
    here: NDArray[np.int64], sizes: tuple[int, ...], in_time: list[bool], frames: int
) -> Iterator[tuple[Any, Any]]:
    """Yield the same position in the frames before and after."""
    for axis in (k for k, time in enumerate(in_time) if time):
        first = np.clip(here[axis] - frames, 0, max(sizes[axis] - 2 * frames - 1, 0))
        for offset in range(min(2 * frames + 1, sizes[axis])):
            there = here.copy()
            there[axis] = first + offset
            yield there, there[axis] != here[axis]


def _by_neighbours(
    intensity: Floats,
    shift: NDArray[np.float64],
    table: NDArray[np.int64],
    threshold: float,
    curvature_threshold: float,
    line_width: float,
) -> StepOutput:
    values = np.asarray(intensity, dtype=np.float64)
    spikes = np.zeros(values.shape, dtype=bool)
    if values.shape[1] < 5:
        return StepOutput(intensity, shift, {"spikes": spikes})
    excess, judged = _excess_over_neighbours(values, table)
    noise = _NORMAL * np.median(np.abs(excess), axis=1, keepdims=True)
    scale = np.where(noise > 0, noise, np.mean(np.abs(excess), axis=1, keepdims=True))
    scale = np.where(scale > 0, scale, 1.0)  # then the excess is zero everywhere and nothing is marked
    curvature = np.zeros_like(excess)
    curvature[:, 1:-1] = 2 * excess[:, 1:-1] - excess[:, :-2] - excess[:, 2:]
    high = _channel_score(excess / scale, judged) > threshold
    bent = _channel_score(curvature / (np.sqrt(6) * scale), judged) > curvature_threshold
    seeds = high & bent & judged[:, None] & _near_top(excess)
    seeds[:, 1:-1] &= sharper_than_light(excess[:, :-2], excess[:, 1:-1], excess[:, 2:], noise, line_width)
    spikes = _grown(seeds, excess, np.ones_like(seeds[:, 1:]), np.broadcast_to(4 * noise, excess.shape))
    cleaned = np.where(spikes, values - excess, intensity).astype(intensity.dtype)
    counts = {"{count} of {total} spectra have too few neighbours to be judged": int(np.count_nonzero(~judged))}
    return StepOutput(cleaned, shift, {"spikes": spikes}, counts=counts)


def _channel_score(scaled: Floats, judged: Flags) -> Floats:
    """Divide by the scatter that a channel shows over all spectra, where it is larger than elsewhere (noisy bands)."""
    if np.count_nonzero(judged) < _MIN_FOR_CHANNEL_SCORE:
        return scaled
    middle = np.median(scaled[judged], axis=0)
    scatter = _NORMAL * np.median(np.abs(scaled[judged] - middle), axis=0)
    return np.asarray((scaled - middle) / np.maximum(scatter, 1.0))


def _excess_over_neighbours(values: Floats, table: NDArray[np.int64]) -> tuple[Floats, Flags]:
    """Return (spectra, channels) excess over the scaled neighbour median, and which spectra could be judged."""
    from scipy.ndimage import median_filter

    n, channels = values.shape
    alive = np.ptp(values, axis=1) > 0  # dead, masked and missing spectra are constant here
    width = min(21, channels)
    excess = np.zeros_like(values)
    judged = np.zeros(n, dtype=bool)
    for start in range(0, n, _ROWS):
        rows = slice(start, min(start + _ROWS, n))
        usable = (table[rows] >= 0) & alive[table[rows]]
        near = np.where(usable[:, :, None], values[table[rows]], np.nan)
        enough = (usable.sum(axis=1) >= _MIN_NEIGHBOURS) & alive[rows]
        if not enough.any():
            continue
        middle = np.nanmedian(near[enough], axis=1)
        mine = values[rows][enough]
        left = mine - _scaled_to(middle, mine)
        # What changes slowly along the spectrum (fluorescence, focus) is no spike.
        left -= median_filter(left, size=(1, width), mode="nearest")
        judged[rows] = enough
        excess[np.flatnonzero(enough) + start] = left
    return excess, judged


def _scaled_to(reference: Floats, target: Floats) -> Floats:
    """Fit ``target`` by gain and offset of ``reference``, row by row, leaving out what does not fit."""
    weight = np.ones_like(target)
    fitted = reference
    for _ in range(3):
        total = weight.sum(axis=1, keepdims=True)
        mean_r = (weight * reference).sum(axis=1, keepdims=True) / total
        mean_t = (weight * target).sum(axis=1, keepdims=True) / total
        centred = reference - mean_r
        power = (weight * centred**2).sum(axis=1, keepdims=True)
        gain = np.divide((weight * centred * (target - mean_t)).sum(axis=1, keepdims=True), power,
                         out=np.ones_like(power), where=power > 0)  # fmt: skip
        fitted = mean_t + gain * centred
        residual = np.abs(target - fitted)
        weight = (residual <= 4 * _NORMAL * np.median(residual, axis=1, keepdims=True)).astype(float)
    return np.asarray(fitted)
