"""Simulated instruments: a grating spectrometer by its geometry, not by the polynomial that is fitted to it."""

from __future__ import annotations

import numpy as np

from spectrode.calibration import Spectrum, lamp_lines, shift_standard

CHANNELS = 1024


def true_nm(laser_nm: float = 785.0, reach_cm1: float = 2600.0) -> np.ndarray:
    """Return vacuum wavelengths of the channels by the grating equation (fixed deviation, flat detector)."""
    low = 1e7 / (1e7 / laser_nm - 100.0)
    high = 1e7 / (1e7 / laser_nm - reach_cm1)
    groove_nm, incidence = 1e6 / 600.0, np.deg2rad(10.0)
    angles = [np.arcsin(v / groove_nm - np.sin(incidence)) for v in (low, high)]
    middle = sum(angles) / 2
    flat = np.linspace(np.tan(angles[0] - middle), np.tan(angles[1] - middle), CHANNELS)
    return groove_nm * (np.sin(incidence) + np.sin(middle + np.arctan(flat)))


def nominal_nm(true: np.ndarray, offset: float = 0.35, bend: float = 0.15) -> np.ndarray:
    """Return what the instrument says: off by an offset, a stretch and a gentle wave."""
    t = np.linspace(-1, 1, true.size)
    return true - offset - 0.2 * t - bend * np.sin(1.7 * t + 0.4)


def lines_on(true: np.ndarray, places: np.ndarray, heights: np.ndarray, fwhm_channels: float = 3.5) -> np.ndarray:
    """Return counts of Gaussian lines, integrated over each channel."""
    from scipy.special import erf

    channel = np.interp(places, true, np.arange(true.size), left=-1e6, right=1e6)
    sigma = fwhm_channels / 2.3548
    edges = (np.arange(true.size + 1) - 0.5)[:, None]
    steps = 0.5 * (1 + erf((edges - channel) / (sigma * np.sqrt(2))))
    return np.diff(steps, axis=0) @ heights * sigma * 2.5066


def neon(seed: int, true: np.ndarray, nominal: np.ndarray, laser_nm: float, brightness: float = 40.0) -> Spectrum:
    """Return a neon lamp whose lines are up to three times stronger or weaker than tabulated."""
    rng = np.random.default_rng(seed)
    lamp = lamp_lines("neon")
    heights = np.array(lamp.relative_intensity) * brightness * np.exp(rng.uniform(-1.1, 1.1, len(lamp.vacuum_nm)))
    expected = 100 + lines_on(true, np.array(lamp.vacuum_nm), heights)
    return Spectrum.from_nm(nominal, rng.poisson(expected) + rng.normal(0, 3, true.size), laser_nm)


def substance(
    seed: int, true: np.ndarray, nominal: np.ndarray, laser_nm: float, real_laser_nm: float, name: str
) -> Spectrum:
    """Return silicon or polystyrene: lines at their tabulated shifts from the real laser, on a sloping background."""
    rng = np.random.default_rng(seed)
    shifts = np.array(shift_standard(name).check_cm1)
    places = 1e7 / (1e7 / real_laser_nm - shifts)
    expected = np.linspace(600, 200, true.size) + lines_on(true, places, np.full(shifts.size, 4000.0), 4.5)
    return Spectrum.from_nm(nominal, rng.poisson(expected).astype(float), laser_nm)
