"""When and where each exposure of a raster-scanned map happens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .settings import SimulationSettings

__all__ = ["Raster", "raster"]


@dataclass(frozen=True, eq=False)
class Raster:
    """(spectra,) true start (s after the start of the potentiostat), place and frame of each exposure, in order."""

    start_s: NDArray[np.float64]
    x_um: NDArray[np.float64]
    y_um: NDArray[np.float64]
    frame: NDArray[np.int64]
    pixel: NDArray[np.int64]
    """Index of the pixel in its frame, line by line."""


def raster(settings: SimulationSettings, rng: np.random.Generator) -> Raster:
    """Scan each line in the same direction, return to its start, and pause between frames.

    The stage does not take the same time for each move, so the starts are no even series: that is why a reader must
    take the stamp of each spectrum.
    """
    s = settings
    pixels = s.rows * s.columns
    count = s.frames * pixels
    gap = np.maximum(s.stage_overhead_s + s.overhead_jitter_s * rng.standard_normal(count), 0.2 * s.stage_overhead_s)
    index = np.arange(count)
    pixel, frame = index % pixels, index // pixels
    line_end = (pixel % s.columns == s.columns - 1) & (pixel != pixels - 1)
    gap[line_end] += s.line_return_s
    gap[pixel == pixels - 1] = 0.0
    in_frame = np.cumsum((s.exposure_s + gap).reshape(s.frames, pixels), axis=1)
    in_frame = np.concatenate([np.zeros((s.frames, 1)), in_frame[:, :-1]], axis=1)
    begins = s.map_delay_s + _frame_starts(in_frame[:, -1] + s.exposure_s, s)
    return Raster(
        start_s=(begins[:, None] + in_frame).ravel(),
        x_um=np.asarray((pixel % s.columns - (s.columns - 1) / 2) * s.step_um, dtype=np.float64),
        y_um=np.asarray((pixel // s.columns - (s.rows - 1) / 2) * s.step_um, dtype=np.float64),
        frame=frame,
        pixel=pixel,
    )


def _frame_starts(lengths: NDArray[np.float64], s: SimulationSettings) -> NDArray[np.float64]:
    if s.frame_pause_s is not None:
        return np.concatenate([[0.0], np.cumsum(lengths[:-1] + s.frame_pause_s)])
    # Evenly spread, the last frame ending just before the programme does.
    spare = max(s.duration_s - s.map_delay_s - 5.0, float(lengths.sum()))
    if s.frames == 1:
        return np.zeros(1)
    period = (spare - lengths[-1]) / (s.frames - 1)
    starts = period * np.arange(s.frames)
    return np.asarray(np.maximum(starts, np.concatenate([[0.0], np.cumsum(lengths[:-1])])))
