"""Channels in which the detector itself is at its end: saturated, dead, or hot. They are masked, not replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ...pipeline.parameters import Between, Unit
from ...pipeline.step import StepOutput, step
from .outcome import Floats
from .single import sharper_than_light
from .survey import noise_of

__all__ = ["detector"]

_FEWEST_SPECTRA = 5  # below, a channel that looks stuck may be chance
_HOT_WIDTH = 1.1  # channels: no instrument's lines are narrower
_HOT = 5.0  # standard deviations
_PLATEAU = 3  # equal largest counts side by side
_CLEAR = 20  # noise standard deviations above the middle that a plateau must lie
_CONVERTERS = tuple(float(2**bits - 1) for bits in (8, 10, 12, 14, 15, 16, 18, 20, 24))


def _detector_survey(
    sample: Floats, shift: NDArray[np.float64], runs: NDArray[np.int64], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    values = np.asarray(sample, dtype=np.float64)
    alive = np.ptp(values, axis=1) > 0
    values, runs = values[alive], runs[alive]
    noise = noise_of(values, runs)
    dead = hot = np.zeros(shift.size, dtype=bool)
    if values.shape[0] >= _FEWEST_SPECTRA and shift.size >= 5:
        stuck = np.ptp(values, axis=0) == 0
        # If most channels are the same in all spectra, these are copies, and nothing is stuck.
        dead = stuck & (np.count_nonzero(stuck) < 0.1 * shift.size)
        hot = _hot(values, noise) & ~dead
    return {"noise": noise, "dead": dead, "hot": hot, "ceiling": _ceiling(values)}


def _hot(values: Floats, noise: Floats) -> NDArray[np.bool_]:
    """Return the channels that stand out in the middle of all spectra more sharply than any line."""
    middle = np.median(values, axis=0)
    sigma = np.sqrt(np.maximum(noise[0] + noise[1] * middle, noise[2]) * 1.57 / values.shape[0])
    hot = np.zeros(middle.size, dtype=bool)
    padded = np.pad(middle, 4, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 9)
    foot = np.maximum(windows[:, :4].min(axis=1), windows[:, 5:].min(axis=1))
    left, top, right = windows[:, 3] - foot, middle - foot, windows[:, 5] - foot
    sharp = sharper_than_light(left, top, right, sigma, _HOT_WIDTH)
    spread = np.sqrt(np.maximum(noise[0] + noise[1] * middle, noise[2]))
    hot[1:-1] = (sharp & (top > _HOT * sigma) & (top > spread))[1:-1]
    # And in nearly every spectrum: a cosmic ray is in one.
    single = np.zeros(values.shape, dtype=bool)
    single[:, 1:-1] = values[:, 1:-1] > np.maximum(values[:, :-2], values[:, 2:])
    return np.asarray(hot & (single.mean(axis=0) > 0.8))


def _ceiling(values: Floats) -> float:
    """Return the largest count if the detector's converter ends there, else infinity."""
    if values.size == 0:
        return float("inf")
    highest = float(values.max())
    at_end = values >= highest
    side_by_side = np.count_nonzero(at_end[:, 1:] & at_end[:, :-1])
    whole = highest == np.rint(highest)
    if (whole and highest in _CONVERTERS and highest > 255) or side_by_side >= _PLATEAU:
        return highest
    return float("inf")


@step("despike.detector", survey=_detector_survey, any_axis=True)
def detector(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    survey: Mapping[str, Any],
    ceiling: Annotated[float, Between(0, 1e9), Unit("counts")] | None = None,
) -> StepOutput:
    """Mask saturated channels, and channels that are dead or hot in all spectra; intensities stay.

    Saturated is what reaches the ceiling, and three or more equal largest counts side by side, far above the noise.
    Dead is a channel with the same count in all spectra, hot one that stands out of all of them more sharply than any
    line. Dead and hot channels are looked for in five or more spectra.

    Parameters
    ----------
    ceiling
        Counts of a saturated channel; larger finds fewer. If not given, the largest count if it is that of a common
        converter (65535, 4095, …) or occurs side by side.
    """
    end = float(survey["ceiling"]) if ceiling is None else ceiling
    alive = np.ptp(intensity, axis=1, keepdims=True) > 0
    saturated = (intensity >= end) & alive
    saturated |= _plateaus(intensity, np.asarray(survey["noise"])) & alive
    bad = np.asarray(survey["dead"]) | np.asarray(survey["hot"])
    mask = saturated | (bad[None, :] & alive)
    notes = []
    for name in ("dead", "hot"):
        places = np.flatnonzero(survey[name])
        if places.size:
            listed = ", ".join(f"{shift[k]:.1f}" for k in places[:8]) + (" …" if places.size > 8 else "")
            notes.append(f"{places.size} {name} channels masked, at {listed}")
    counts = {"{count} of {total} spectra hold saturated channels": int(np.count_nonzero(saturated.any(axis=1)))}
    return StepOutput(np.array(intensity), shift, {"mask": mask}, tuple(notes), counts)


def _plateaus(intensity: Floats, noise: Floats) -> NDArray[np.bool_]:
    """Return where three or more channels side by side share the largest count of their spectrum."""
    highest = intensity.max(axis=1, keepdims=True)
    middle = np.median(intensity, axis=1, keepdims=True)
    at_top = intensity == highest
    sigma = np.sqrt(np.maximum(noise[0] + noise[1] * np.maximum(middle, 0), noise[2]))
    at_top &= highest - middle > _CLEAR * sigma
    flags = np.zeros(intensity.shape, dtype=bool)
    if intensity.shape[1] < _PLATEAU or not at_top.any():
        return flags
    three = at_top[:, :-2] & at_top[:, 1:-1] & at_top[:, 2:]
    for k in range(_PLATEAU):
        flags[:, k : k + three.shape[1]] |= three
    return flags
