"""The spectrometer: wavenumber axis, point-spread function, detector noise, cosmic rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .lineshapes import FWHM_TO_SIGMA, on_pixels, pseudo_voigt
from .settings import SimulationSettings
from .species import Drawn

__all__ = ["CosmicRays", "Spectrograph", "cosmic_rays", "detect", "narrow_lines"]

_LORENTZIAN = 0.6
_AXIS_FIXED_CM1 = 1000.0


@dataclass(frozen=True)
class Spectrograph:
    """A grating spectrograph: even in wavelength, therefore uneven in Raman shift."""

    settings: SimulationSettings

    def true_shift(self, pixel: ArrayLike) -> NDArray[np.float64]:
        """Return the true Raman shift (cm-1) of pixel numbers, fractions allowed."""
        s = self.settings
        laser = 1e7 / s.laser_nm
        first, last = 1e7 / (laser - s.first_cm1), 1e7 / (laser - s.last_cm1)
        wavelength = first + (last - first) * np.asarray(pixel, dtype=float) / (s.channels - 1)
        return np.asarray(laser - 1e7 / wavelength)

    def reported_shift(self, true_cm1: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the instrument's slightly wrong calibration calls a true shift."""
        s = self.settings
        return np.asarray(true_cm1 + s.axis_offset_cm1 + s.axis_stretch * (true_cm1 - _AXIS_FIXED_CM1))

    def bands(self, drawn: Drawn) -> NDArray[np.float64]:
        """Return (channels,) the spectrum of a material, its maximum 1."""

        def spectrum(shift: NDArray[np.float64]) -> NDArray[np.float64]:
            shapes = pseudo_voigt(shift, drawn.position_cm1, drawn.fwhm_cm1, _LORENTZIAN)
            return np.asarray((drawn.height[:, None] * shapes).sum(axis=0, keepdims=True))

        seen = on_pixels(spectrum, self.true_shift, self.settings.channels, self.settings.psf_fwhm_px)[0]
        return np.asarray(seen / seen.max())


def narrow_lines(position_px: NDArray[np.float64], channels: int, psf_fwhm_px: float) -> NDArray[np.float64]:
    """Return (lines, channels) lines without width of their own at pixel positions, height 1 where one is centred."""
    from scipy.special import erf

    # A Gaussian integrated over each pixel; pixel box (1/12 px²) and optics together have the width asked for.
    root = np.sqrt(2 * max((psf_fwhm_px * FWHM_TO_SIGMA) ** 2 - 1 / 12, 1e-6))
    distance = np.arange(channels)[None, :] - np.asarray(position_px, dtype=float)[:, None]
    return np.asarray((erf((distance + 0.5) / root) - erf((distance - 0.5) / root)) / (2 * erf(0.5 / root)))


@dataclass(frozen=True, eq=False)
class CosmicRays:
    """Hit channels, one row each: (hits,) spectrum, channel, counts, and the number of the event they belong to."""

    spectrum: NDArray[np.int64]
    channel: NDArray[np.int64]
    counts: NDArray[np.float64]
    event: NDArray[np.int64]


def cosmic_rays(settings: SimulationSettings, spectra: int, rng: np.random.Generator) -> CosmicRays:
    """Draw cosmic rays: Poisson in number, log-normal in height, 1 (50 %), 2 (35 %) or 3 (15 %) channels wide.

    They hit the detector directly and know nothing of the optics, so they can be narrower than any line.
    """
    per_spectrum = rng.poisson(settings.cosmic_rate, spectra)
    spectrum = np.repeat(np.arange(spectra), per_spectrum)
    events = spectrum.size
    width = rng.choice([1, 2, 3], size=events, p=[0.50, 0.35, 0.15])
    first = rng.integers(0, settings.channels, events)
    height = settings.cosmic_counts * np.exp(0.9 * rng.standard_normal(events))
    side = rng.uniform(0.15, 0.9, (events, 2))
    share = np.stack([np.where(width == 3, side[:, 0], 1.0), np.where(width == 3, 1.0, side[:, 1]), side[:, 1]], axis=1)
    place = first[:, None] + np.arange(3)[None, :]
    valid = (np.arange(3)[None, :] < width[:, None]) & (place < settings.channels)
    counts = height[:, None] * share
    row = np.broadcast_to(np.arange(events)[:, None], valid.shape)
    return CosmicRays(spectrum[row[valid]], place[valid], counts[valid], row[valid])


def detect(
    signal_counts: NDArray[np.float64],
    direct_counts: NDArray[np.float64],
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """Turn expected light into digital counts.

    Shot noise of the photoelectrons, charge deposited directly (no shot noise), read noise, gain, offset, rounding,
    and the limits of the converter.

    Parameters
    ----------
    signal_counts, direct_counts
        (spectra, channels) expected light, and charge of cosmic rays, both in counts without the offset.
    """
    gain = settings.gain_e_per_count
    electrons = rng.poisson(np.maximum(signal_counts, 0.0) * gain).astype(float)
    electrons += direct_counts * gain + settings.read_noise_e * rng.standard_normal(signal_counts.shape)
    counts = np.rint(electrons / gain + settings.offset_counts)
    return np.clip(counts, 0, settings.saturation_counts).astype(np.uint16)
