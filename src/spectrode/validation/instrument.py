"""The validation's own spectrometer: an axis that is a little wrong, fluorescence, noise of counting and of reading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Detector", "axis_with_error", "fluorescence", "measured"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Detector:
    """Noise of a detector: ``gain`` counts per electron, ``read_e`` electrons of read noise, ``offset`` counts."""

    gain: float
    read_e: float
    offset: float
    cosmic_rays: float
    """Mean number of cosmic rays in one spectrum."""


def axis_with_error(rng: np.random.Generator, *, low: float, high: float, channels: int) -> tuple[Array, Array]:
    """Return the axis as stated and the true axis, (channels,) each, in cm-1.

    Channels are not evenly spaced (a grating is linear in wavelength, nearly); the error is an offset with a stretch
    and a bow, together at most 2 to 3 cm-1.
    """
    u = np.linspace(-1.0, 1.0, channels)
    true = 0.5 * (low + high) + 0.5 * (high - low) * (u - rng.uniform(0.02, 0.06) * (u**2 - 1.0))
    error = rng.uniform(-1.5, 1.5) + rng.uniform(-1.0, 1.0) * u + rng.uniform(-0.5, 0.5) * (2.0 * u**2 - 1.0)
    return true + error, true


def fluorescence(
    rng: np.random.Generator, x: Array, frame: NDArray[np.int64], bright: Array, *, height: float
) -> Array:
    """Return (spectra, channels) fluorescence of mean height ``height``: broad bells and a tail that bleach unequally.

    Parameters
    ----------
    bright
        (spectra,) factor of each pixel, mean about 1.
    """
    n_frames = int(frame.max()) + 1
    u = (x - x[0]) / (x[-1] - x[0])
    total = np.zeros((frame.size, x.size))
    parts = int(rng.integers(2, 5))
    for _ in range(parts):
        centre, width = rng.uniform(-0.4, 1.3), rng.uniform(0.35, 0.9)
        skew = rng.uniform(-0.3, 0.3)
        local = width * (1.0 + skew * np.tanh(3.0 * (u - centre)))
        shape = np.exp(-0.5 * ((u - centre) / local) ** 2)
        total += rng.uniform(0.3, 1.0) * _course(rng, frame, n_frames)[:, None] * shape
    tail = np.exp(-u / rng.uniform(0.2, 1.2))
    total += rng.uniform(0.1, 1.0) * _course(rng, frame, n_frames)[:, None] * tail
    total *= bright[:, None]
    return np.asarray(total * (height / total.mean()))


def _course(rng: np.random.Generator, frame: NDArray[np.int64], n_frames: int) -> Array:
    """Return (spectra,) one emitter's course: bleaching with the frames, or growing; unequal from pixel to pixel."""
    t = np.arange(n_frames) / max(n_frames - 1, 1)
    law = np.exp(-rng.uniform(0.0, 2.0) * t) if rng.random() < 0.7 else 0.4 + t ** rng.uniform(0.5, 2.0)
    return np.asarray(law[frame] * np.exp(rng.normal(0.0, 0.15, frame.size)))


def measured(rng: np.random.Generator, electrons: Array, detector: Detector) -> tuple[Array, Array]:
    """Return (spectra, channels) counts and the standard deviation of their noise, from expected electrons."""
    expected = np.clip(electrons, 0.0, None)
    seen = rng.poisson(expected).astype(np.float64) + rng.normal(0.0, detector.read_e, expected.shape)
    for row in range(len(seen)):
        for _ in range(rng.poisson(detector.cosmic_rays)):
            place, wide = int(rng.integers(seen.shape[1])), int(rng.integers(1, 4))
            height = float(min(rng.pareto(1.2) + 0.3, 60.0)) * (expected[row].max() ** 0.5 * 20.0 + 100.0)
            seen[row, place : place + wide] += height * rng.uniform(0.3, 1.0, seen[row, place : place + wide].size)
    noise = detector.gain * np.sqrt(expected + detector.read_e**2)
    return detector.gain * seen + detector.offset, noise
