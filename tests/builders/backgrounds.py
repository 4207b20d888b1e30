"""Spectra whose background is known, for judging baselines. Nothing here is shared with the methods judged.

``design`` is the factorial of three kinds of bands × four backgrounds × ten repeats that published comparisons of
baselines use. ``second_design`` differs from it in everything a method could have been fitted to: shape and number of
bands, channels, noise, and fluorescence up to a hundred times the bands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BACKGROUNDS", "BANDS", "Known", "bleaching_map", "design", "second_design"]

BANDS = ("sparse", "broad", "dense")
BACKGROUNDS = ("exp", "gauss", "cubic", "sigmoid")
_COUNT = {"sparse": (3, 8), "broad": (3, 6), "dense": (15, 28)}
_HWHM = {"sparse": (4.0, 12.0), "broad": (20.0, 60.0), "dense": (4.0, 14.0)}


@dataclass(frozen=True)
class Known:
    """Spectra (n, m), their true backgrounds and bands, and what kind each is."""

    shift: NDArray[np.float64]
    intensity: NDArray[np.float64]
    background: NDArray[np.float64]
    bands: NDArray[np.float64]
    kind: NDArray[Any]
    noise: NDArray[np.float64]


def _background(kind: str, u: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a background of height about one on the unit interval."""
    height = rng.uniform(0.5, 1.7)
    if kind == "exp":
        return height * np.exp(-u / rng.uniform(0.25, 0.8)) + rng.uniform(0, 0.3)
    if kind == "gauss":
        return height * np.exp(-0.5 * ((u - rng.uniform(0.3, 0.7)) / rng.uniform(0.2, 0.4)) ** 2)
    if kind == "cubic":
        values = np.polynomial.chebyshev.chebval(2 * u - 1, rng.normal(0, [0, 0.6, 0.4, 0.3]))
        return height * (values - values.min()) / max(np.ptp(values), 0.3)
    return height / (1 + np.exp(-(u - rng.uniform(0.3, 0.7)) / rng.uniform(0.06, 0.18)))


def _lorentz(shift: NDArray[np.float64], centre: float, hwhm: float) -> NDArray[np.float64]:
    return 1 / (1 + ((shift - centre) / hwhm) ** 2)


def _gauss(shift: NDArray[np.float64], centre: float, hwhm: float) -> NDArray[np.float64]:
    return np.exp(-np.log(2) * ((shift - centre) / hwhm) ** 2)


def design(seed: int, *, channels: int = 1000, noise: float = 0.01, repeats: int = 10) -> Known:
    """Return 12 × ``repeats`` spectra, 300–1900 cm-1, Lorentzian bands of height 0.1–1."""
    rng = np.random.default_rng(seed)
    shift = np.linspace(300, 1900, channels)
    u = np.linspace(0, 1, channels)
    bands, backgrounds, kinds = [], [], []
    for kind in BANDS:
        for background in BACKGROUNDS:
            for _ in range(repeats):
                count = rng.integers(*_COUNT[kind], endpoint=True)
                parts = [
                    rng.uniform(0.1, 1) * _lorentz(shift, rng.uniform(350, 1850), rng.uniform(*_HWHM[kind]))
                    for _ in range(count)
                ]
                bands.append(np.sum(parts, axis=0))
                backgrounds.append(_background(background, u, rng))
                kinds.append((kind, background))
    b, s = np.array(backgrounds), np.array(bands)
    sigma = np.full(len(b), noise)
    return Known(shift, b + s + noise * rng.standard_normal(b.shape), b, s, np.array(kinds), sigma)


def second_design(seed: int, *, channels: int = 512, repeats: int = 40) -> Known:
    """Return ``repeats`` spectra of Gaussian and Voigt-like bands on 200–3200 cm-1, noise 0.002–0.05, on broad
    emission of 1, 10 or 100 times the bands (``kind``)."""
    rng = np.random.default_rng(seed)
    shift = np.linspace(200, 3200, channels)
    u = np.linspace(0, 1, channels)
    bands, backgrounds, kinds, sigmas = [], [], [], []
    for k in range(repeats):
        total = np.zeros(channels)
        for _ in range(rng.integers(4, 20)):
            centre = rng.choice([rng.uniform(300, 1700), rng.uniform(2800, 3050)], p=[0.8, 0.2])
            hwhm, mix = rng.uniform(8, 40), rng.choice([0.0, rng.uniform(0, 0.8)])
            shape = mix * _lorentz(shift, centre, hwhm) + (1 - mix) * _gauss(shift, centre, hwhm)
            total += rng.uniform(0.05, 1) * shape
        strength = (1.0, 10.0, 100.0)[k % 3]
        emission = sum(
            rng.uniform(0.2, 1) * np.exp(-0.5 * ((u - rng.uniform(-0.3, 1.3)) / rng.uniform(0.25, 0.6)) ** 2)
            for _ in range(3)
        )
        bands.append(total)
        backgrounds.append(strength * emission / np.max(emission))
        kinds.append(f"{strength:g}×")
        sigmas.append(10 ** rng.uniform(np.log10(0.002), np.log10(0.05)))
    b, s, sigma = np.array(backgrounds), np.array(bands), np.array(sigmas)
    noisy = b + s + sigma[:, None] * rng.standard_normal(b.shape)
    return Known(shift, noisy, b, s, np.array(kinds), sigma)


def bleaching_map(
    seed: int,
    *,
    frames: int = 4,
    side: int = 10,
    channels: int = 400,
    noise: float = 0.1,
    particles: int = 0,
) -> Known:
    """Return a map series (frame, y, x): fluorescence that varies in space and bleaches, bands that differ from pixel
    to pixel, and square particles within which background and its shape jump. ``kind`` is True on and beside an edge.
    """
    rng = np.random.default_rng(seed)
    shift = np.linspace(300, 1900, channels)
    u = np.linspace(0, 1, channels)
    y, x = np.mgrid[:side, :side] / max(side - 1, 1)
    first = 1 + 0.4 * np.sin(2.2 * x + rng.uniform(0, 6)) * np.cos(1.7 * y + rng.uniform(0, 6))
    second = 0.6 + 0.3 * np.cos(2.5 * y - 1.5 * x + rng.uniform(0, 6))
    shapes = (np.exp(-0.5 * ((u - 0.35) / 0.3) ** 2), 1 / (1 + np.exp(-(u - 0.6) / 0.12)))
    jump = np.zeros((side, side), dtype=bool)
    for _ in range(particles):
        row, column = rng.integers(1, side - 4, 2)
        jump[row : row + 3, column : column + 3] = True
    factor = np.where(jump, 4.0, 1.0)
    padded = np.pad(jump, 1, mode="edge")
    near = np.zeros_like(jump)
    for dy in range(3):
        for dx in range(3):
            near |= padded[dy : dy + side, dx : dx + side] != jump
    centres = rng.uniform(350, 1850, 8)
    widths = rng.uniform(6, 15, 8)
    lines = np.array([_lorentz(shift, c, w) for c, w in zip(centres, widths, strict=True)])
    parts = []
    for frame in range(frames):
        bleach = np.exp(-frame / (2.0 + 2.0 * x))
        mixed = (first * bleach)[..., None] * shapes[0] + (second * np.exp(-frame / 12) * factor)[..., None] * shapes[1]
        parts.append(mixed.reshape(-1, channels))
    b = np.concatenate(parts)
    amounts = rng.gamma(0.7, 0.5, (b.shape[0], lines.shape[0]))
    s = amounts @ lines
    noisy = b + s + noise * rng.standard_normal(b.shape)
    return Known(shift, noisy, b, s, np.tile(near.ravel(), frames), np.full(len(b), noise))
