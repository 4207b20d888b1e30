"""What varies over the electrode and in time: enhancement, amounts, fluorescence, flashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .raster import Raster
from .settings import SimulationSettings

__all__ = ["Flashes", "collection", "enhancement", "flashes", "fluorescence", "fluorescence_shapes", "smooth_map"]


def smooth_map(settings: SimulationSettings, rng: np.random.Generator, reach_px: float = 1.2) -> NDArray[np.float64]:
    """Return (pixels,) values of mean 0 and standard deviation 1 that vary over ``reach_px`` pixels."""
    from scipy.ndimage import gaussian_filter

    values = gaussian_filter(rng.standard_normal((settings.rows, settings.columns)), reach_px, mode="reflect").ravel()
    values = values - values.mean()
    spread = values.std()
    return np.asarray(values / spread if spread > 0 else values)


def collection(settings: SimulationSettings, scan: Raster, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return (spectra,) the light collected relative to perfect focus and nominal laser power."""
    focus = np.exp(settings.focus_spread * smooth_map(settings, rng))[scan.pixel]
    phase = rng.uniform(0, 2 * np.pi)
    drift = settings.power_drift * np.sin(2 * np.pi * scan.start_s / (0.7 * settings.duration_s) + phase)
    return np.asarray(focus * (1.0 + drift))


def enhancement(settings: SimulationSettings, scan: Raster, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return (spectra,) the near-field enhancement relative to the median pixel.

    Log-normal, with a Pareto tail of hot spots (the distribution of enhancement factors has a power-law tail, Le Ru
    and Etchegoin), times a slow flicker that is correlated over ``flicker_time_s``.
    """
    s = settings
    pixels = s.rows * s.columns
    static = np.exp(s.enhancement_spread * rng.standard_normal(pixels))
    static /= np.median(static)
    hot = rng.random(pixels) < s.hot_spot_fraction
    static *= np.where(hot, 1.0 + rng.pareto(s.hot_spot_exponent, pixels), 1.0)
    static = np.minimum(static, s.enhancement_limit)
    frame_s = scan.start_s.reshape(s.frames, pixels)
    keep = np.exp(-np.diff(frame_s, axis=0) / s.flicker_time_s)
    noise = rng.standard_normal((s.frames, pixels))
    log = np.empty_like(noise)
    log[0] = noise[0]
    for k in range(1, s.frames):
        log[k] = keep[k - 1] * log[k - 1] + np.sqrt(1.0 - keep[k - 1] ** 2) * noise[k]
    return np.asarray((static[None, :] * np.exp(s.flicker * log)).ravel())


def fluorescence_shapes(shift_cm1: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (2, channels) the lasting and the bleaching background, each with maximum 1 over 0 to 2500 cm-1."""

    def shapes(nu: NDArray[np.float64]) -> NDArray[np.float64]:
        lasting = 0.65 * np.exp(-nu / 1400.0) + 0.35 * np.exp(-(((nu - 1300.0) / 620.0) ** 2))
        bleaching = np.exp(-(((nu - 780.0) / 880.0) ** 2))
        return np.stack([lasting, bleaching])

    return np.asarray(shapes(shift_cm1) / shapes(np.linspace(0, 2500, 1001)).max(axis=1, keepdims=True))


def fluorescence(
    settings: SimulationSettings, scan: Raster, covered: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return (spectra, 2) counts of the lasting and the bleaching background.

    The bleaching part falls with the exposure that its pixel has had, averaged over each exposure; the light that
    the neighbours' exposures spill over is left out.

    Parameters
    ----------
    covered
        (spectra,) mean coverage of the interface, which raises the lasting part.
    """
    s = settings
    height = s.fluorescence_counts * np.exp(s.fluorescence_spread * smooth_map(s, rng, 1.6))[scan.pixel]
    share = np.clip(s.bleaching_share * np.exp(0.08 * smooth_map(s, rng, 1.0)), 0.0, 1.0)[scan.pixel]
    ratio = s.exposure_s / s.bleaching_exposure_s
    during = -np.expm1(-ratio) / ratio
    left = np.exp(-scan.frame * ratio) * during
    lasting = height * ((1.0 - share) + s.fluorescence_growth * covered)
    return np.stack([lasting, height * share * left], axis=1)


@dataclass(frozen=True, eq=False)
class Flashes:
    """Genuine one-spectrum flashes of a hot spot, one row a line: (lines,) spectrum, pixel position, height, event."""

    spectrum: NDArray[np.int64]
    position_px: NDArray[np.float64]
    counts: NDArray[np.float64]
    event: NDArray[np.int64]


def flashes(settings: SimulationSettings, spectra: int, rng: np.random.Generator) -> Flashes:
    """Draw flashes: one line (60 %) or two, anywhere, as wide as the optics make a narrow line."""
    spectrum = np.repeat(np.arange(spectra), rng.poisson(settings.flash_rate, spectra))
    lines = 1 + (rng.random(spectrum.size) < 0.4)
    event = np.repeat(np.arange(spectrum.size), lines)
    count = event.size
    return Flashes(
        spectrum=spectrum[event],
        position_px=rng.uniform(3, settings.channels - 4, count),
        counts=settings.flash_counts * np.exp(0.5 * rng.standard_normal(count)),
        event=event,
    )
