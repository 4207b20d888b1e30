"""Spectra with cosmic rays and flashes whose places are known. Written from the physics of a detector, not from a
method of despiking: light is drawn at sub-channel resolution, blurred, binned and counted; charge is put in after.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.special import wofz

Floats = NDArray[np.float64]
_FINE = 9  # subdivisions of a channel
SCENARIOS = ("map", "small map", "series", "potential step", "focus", "single")


@dataclass(frozen=True)
class Scene:
    """Counts, and the truth about them."""

    counts: Floats
    light: Floats
    """Without noise and cosmic rays, flashes included."""
    events: list[tuple[int, NDArray[np.int64], float]]
    """Cosmic rays: spectrum, channels, signal to noise of the highest channel."""
    flashes: list[tuple[int, NDArray[np.int64]]]
    """Flashes of light: spectrum, central channels of its bands."""
    bands: NDArray[np.int64]
    scan_shape: tuple[tuple[str, int], ...] | None
    decidable: list[bool]
    """Of each cosmic ray: whether its charge is another shape than any single line's (see :func:`unlike_light`)."""

    @property
    def hit(self) -> NDArray[np.bool_]:
        """Where charge was put."""
        hit = np.zeros(self.counts.shape, dtype=bool)
        for row, channels, _ in self.events:
            hit[row, channels] = True
        return hit


def lines(channels: int, centres: Floats, heights: Floats, gamma: Floats, psf: float) -> Floats:
    """Return (lines, channels) Voigt lines of Lorentzian half width ``gamma``, blurred by the line shape."""
    x = (np.arange(channels * _FINE) + 0.5) / _FINE - 0.5
    sigma = 0.05
    z = (x[None] - centres[:, None] + 1j * gamma[:, None]) / (sigma * np.sqrt(2))
    shape = np.real(wofz(z))
    # The pixel box adds its own width, so the optics are given the rest.
    optics = np.sqrt(max((psf / 2.3548) ** 2 - 1 / 12 - sigma**2, 1e-4))
    blurred = gaussian_filter1d(shape, optics * _FINE, axis=1, truncate=6)
    binned = blurred.reshape(centres.size, channels, _FINE).mean(axis=2)
    return np.asarray(binned / binned.max(axis=1, keepdims=True) * heights[:, None])


def unlike_light(charge: Floats, noise: Floats, psf: float) -> float:
    """Return chi-squared left when one line, as wide as the line shape or wider, stands for a charge pattern.

    A cosmic ray for which this is below 25 has, within five standard deviations, the shape of a flash of light; seen in
    one spectrum only, nothing tells it from one.
    """
    x = np.arange(charge.size)
    centres = np.arange(0, charge.size - 1, 0.05)
    least = np.sum((charge / noise) ** 2)
    for width in psf * np.array([1.0, 1.1, 1.25, 1.5, 2.0, 3.0]):
        shapes = np.exp(-4 * np.log(2) * ((x - centres[:, None]) / width) ** 2) / noise
        explained = np.maximum(shapes @ (charge / noise), 0) ** 2 / np.sum(shapes**2, axis=1)
        least = min(least, np.sum((charge / noise) ** 2) - np.max(explained))
    return float(least)


def _charge(rng: np.random.Generator, width: int) -> Floats:
    """Return the shares of 1 to 4 channels: a core, and a tail of diffused charge to one side."""
    if width == 1:
        return np.ones(1)
    if width == 3 and rng.random() < 0.5:
        return np.array([rng.uniform(0.15, 0.7), 1.0, rng.uniform(0.15, 0.7)])
    shares = np.cumprod(np.concatenate([[1.0], rng.uniform(0.3, 0.95, width - 1)]))
    return shares if rng.random() < 0.5 else shares[::-1]


def scene(
    kind: str,
    seed: int,
    *,
    psf: float = 2.4,
    channels: int = 400,
    rate: float = 0.15,
    flashes: float = 0.06,
    snr: tuple[float, float] = (8, 200),
) -> Scene:
    """Draw one of :data:`SCENARIOS`: 400 spectra of a map, 25 of a small one, 20 of a series, or single ones."""
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[tuple[str, int], ...] | None] = {
        "map": (("y", 20), ("x", 20)),
        "small map": (("y", 5), ("x", 5)),
        "focus": (("y", 15), ("x", 15)),
        "series": (("time", 20),),
        "potential step": (("time", 20),),
        "single": None,
    }
    scan = shapes[kind]
    n = int(np.prod([size for _, size in scan])) if scan else 60
    centres = rng.uniform(15, channels - 15, 9)
    gamma = np.concatenate([[0.15, 0.3], rng.uniform(0.8, 6, 7)])  # two as narrow as the instrument allows
    pure = lines(channels, centres, rng.uniform(150, 2500, 9), gamma, psf)
    x = np.linspace(-1, 1, channels)
    fluorescence = rng.uniform(200, 800) * np.exp(-(((x - rng.uniform(-1, 1)) / 0.9) ** 2)) + 100
    amounts = np.exp(0.15 * rng.standard_normal((n, 1))) * rng.uniform(0.85, 1.15, (n, 9))
    if kind == "focus":
        amounts *= np.exp(0.6 * rng.standard_normal((n, 1)))
    if kind == "potential step":
        amounts[n // 2 :] *= rng.choice([0.05, 0.4, 1, 3], 9)
    light = amounts @ pure + fluorescence * np.exp(0.1 * rng.standard_normal((n, 1)))
    flashed = _flash(rng, light, psf, flashes)
    gain, read = 2.0, 3.0
    counts = rng.poisson(light * gain) / gain + rng.normal(0, read, light.shape) + 300
    noise = np.sqrt(light / gain + read**2)
    taken = {row for row, _ in flashed}
    events: list[tuple[int, NDArray[np.int64], float]] = []
    decidable = []
    for row in range(n):
        if row in taken:
            continue
        for _ in range(rng.poisson(rate)):
            width = int(rng.choice([1, 2, 3, 4], p=[0.45, 0.33, 0.15, 0.07]))
            first = int(rng.integers(2, channels - 6))
            ratio = float(np.exp(rng.uniform(*np.log(snr))))
            rows = [row] if rng.random() > 0.1 or row + 1 >= n or row + 1 in taken else [row, row + 1]  # a track
            for k, hit in enumerate(rows):
                shares, start = _charge(rng, width), first + k * int(rng.integers(1, 3))
                place = start + np.arange(width)
                counts[hit, place] += shares * ratio * noise[hit, place].max()
                events.append((hit, place, ratio))
                first_seen, last_seen = max(place[0] - 8, 0), min(place[-1] + 9, channels)
                charge = np.zeros(last_seen - first_seen)
                charge[place - first_seen] = shares * ratio * noise[hit, place].max()
                decidable.append(unlike_light(charge, noise[hit, first_seen:last_seen], psf) >= 25)
    return Scene(np.rint(counts), light, events, flashed, np.rint(centres).astype(np.int64), scan, decidable)


def _flash(rng: np.random.Generator, light: Floats, psf: float, share: float) -> list[tuple[int, NDArray[np.int64]]]:
    """Add flashes of one or several bands as wide as the line shape, each in one spectrum only."""
    found = []
    n, channels = light.shape
    for row in np.flatnonzero(rng.random(n) < share):
        number = int(rng.choice([1, 1, 2, 4]))
        centres = rng.uniform(12, channels - 12, number)
        ratio = np.exp(rng.uniform(np.log(10), np.log(150)))
        heights = ratio * np.sqrt(light[row, np.rint(centres).astype(int)] / 2 + 9) * rng.uniform(0.7, 1.3, number)
        light[row] += lines(channels, centres, heights, rng.uniform(0.02, 0.3, number), psf).sum(axis=0)
        found.append((int(row), np.rint(centres).astype(np.int64)))
    return found
