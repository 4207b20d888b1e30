"""Spikes of single spectra by published statistics, held to what light can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ...pipeline.parameters import Between, Unit
from ...pipeline.step import StepOutput, step
from .event import classify_event
from .outcome import Flags, Floats, LineWidth, outcome
from .reasons import SpikeReason
from .survey import spike_survey, trusted_width

__all__ = ["modified_z_score", "prominence", "sharper_than_light", "whitaker_hayes"]

Score = Annotated[float, Between(1, 1e6), Unit("robust standard deviations")]
_AROUND = 7  # channels to either side of a peak that tell light from charge
Reach = Annotated[int, Between(1, 50), Unit("channels")]


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
    lifted = (np.maximum(left, 0) + 2 * noise) * (np.maximum(right, 0) + 2 * noise)
    return np.asarray(middle > _bound(line_width) * np.sqrt(lifted))


def _bound(line_width: float) -> float:
    return float(np.exp(4 * np.log(2) / line_width**2))


@step("despike.whitaker_hayes", cite="Whitaker2018", any_axis=True)
def whitaker_hayes(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    threshold: Score = 8.0,
    line_width: LineWidth = 1.5,
    kernel_size: Reach = 3,
    light_bound: bool = True,
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
    light_bound
        Off, the step is the published test: each step of a modified z-score beyond the threshold marks the channel
        before it. The channel to the left of a spike is then marked too, and sharp bands are lost.

    Raises
    ------
    StepError
        If a parameter is outside its limits.
    """
    from ...kernels.threads import over_rows
    from ...kernels.whitaker_hayes import find

    cleaned = np.array(intensity)
    flags = np.zeros(intensity.shape, dtype=bool)
    if intensity.shape[1] >= 5:
        bound = _bound(line_width) if light_bound else 0.0
        over_rows(
            lambda start, stop: find(intensity, start, stop, threshold, bound, kernel_size, flags, cleaned),
            intensity.shape[0],
        )
    why = SpikeReason.SHARPER_THAN_LIGHT if light_bound else SpikeReason.STATISTICS_ALONE
    return outcome(intensity, cleaned, shift, np.where(flags, np.uint8(why), np.uint8(0)))


@step("despike.prominence", cite="CocaLopez2024", survey=spike_survey, any_axis=True)
def prominence(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    survey: Mapping[str, Any],
    threshold: Score = 10.0,
    line_width: LineWidth | None = None,
    rel_height: Annotated[float, Between(0.1, 0.95)] = 0.8,
    kernel_size: Reach = 3,
) -> StepOutput:
    """Remove peaks of single spectra that are narrow and whose prominence is out of proportion to their width.

    All local maxima of a spectrum, most of them noise, tell what ratio of prominence to width is usual. A spike
    exceeds it, rises out of the noise and is narrower at half its prominence than a line can be; and no light accounts
    for it (:func:`classify_event`), without which narrow bands are lost. It is good for a quick look at strong spikes
    that stand alone: on simulated spectra it finds 60 to 80 % of the cosmic rays that ``despike.auto`` finds to 91 to
    100 %, and marks channels beside them (33 to 100 % of the marked channels hold charge), but spares all flashes.

    Parameters
    ----------
    threshold
        Modified z-score of the ratio of prominence to width above which a peak is suspect; larger finds fewer spikes.
    line_width
        Full width at half maximum of the narrowest real line; larger finds wider spikes, but must not exceed what the
        spectrometer resolves or lines are lost. If not given, as in ``despike.auto``.
    rel_height
        Part of the prominence, from the top, over which channels are replaced; larger takes more of the foot.
    kernel_size
        A spike is replaced by the mean of the unmarked channels within this distance; larger takes them from farther.
    """
    from ...kernels.whitaker_hayes import replace

    width = trusted_width(survey) if line_width is None else line_width
    cleaned = np.array(intensity)
    flags = np.zeros(intensity.shape, dtype=bool)
    for row in np.flatnonzero(np.ptp(intensity, axis=1) > 0):
        values = np.asarray(intensity[row], dtype=np.float64)
        _mark_prominent(values, threshold, width, rel_height, np.asarray(survey["noise"]), flags[row])
        if flags[row].any():
            replace(values, flags[row], kernel_size, cleaned[row])
    reason = np.where(flags, np.uint8(SpikeReason.SHARPER_THAN_LIGHT), np.uint8(0))
    return outcome(intensity, cleaned, shift, reason)


def _mark_prominent(
    values: Floats, threshold: float, line_width: float, rel_height: float, noise: Floats, flags: Flags
) -> None:
    from scipy.signal import find_peaks, peak_prominences, peak_widths

    peaks, _ = find_peaks(values, plateau_size=(None, 1))
    if peaks.size < 5:
        return
    measured = peak_prominences(values, peaks)
    heights = measured[0]
    half = peak_widths(values, peaks, 0.5, measured)[0]
    ratio = heights / half
    middle = np.median(ratio)
    spread = np.median(np.abs(ratio - middle)) / 0.6745
    sigma = np.sqrt(np.maximum(noise[0] + noise[1] * (values[peaks] - heights), noise[2]))
    narrow = (ratio - middle > threshold * spread) & (heights > 0.5 * threshold * sigma) & (half < 0.9 * line_width)
    for k in np.flatnonzero(narrow):
        first, last = max(peaks[k] - _AROUND, 0), min(peaks[k] + _AROUND + 1, values.size)
        counts = values[first:last]
        around = np.sqrt(np.maximum(noise[0] + noise[1] * counts, noise[2]))
        narrow[k] = counts.size >= 7 and classify_event(counts, around, line_width) != "flash"
    if not narrow.any():
        return
    _, _, left, right = peak_widths(values, peaks[narrow], rel_height, tuple(part[narrow] for part in measured))
    for first, last in zip(np.ceil(left).astype(int), np.floor(right).astype(int), strict=True):
        flags[first : last + 1] = True
