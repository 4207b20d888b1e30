"""Spectra of known mixtures, to calibrate and to judge the assignment.

On purpose not the package's rendering and not the matcher's own model: Voigt and Pearson VII bands through an
instrument's width, every band displaced within its stated uncertainty, heights off by a factor, one phase of each
species, an axis error, the wavy rest of a background, broad carbon of photodamage, and species that the library lacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..library.collection import Library
from ..library.entry import Band, Entry
from .references import phase_of

__all__ = ["Mixture", "mixture", "shown_bands"]

Floats = NDArray[np.float64]

_HEIGHT_SPREAD = {"measured": 0.2, "estimate": 0.5, "class_default": 0.6}
_POSITION_SHARE = 0.6  # of a band's uncertainty, which is a plausible spread and not a standard deviation
_EDGE_CM1 = 10.0


@dataclass(frozen=True, eq=False)
class Mixture:
    """One simulated component spectrum and what it holds."""

    shift: Floats
    spectrum: Floats
    noise: float
    species: dict[str, float]
    """Id -> height of its strongest band in range over the noise."""
    unknown: dict[str, float]
    """The same for species that are to be kept out of the library (an id), or that nobody knows (``imaginary-n``)."""
    carbon: bool
    """Broad carbon bands of photodamage lie below."""


def shown_bands(entry: Entry, low: float, high: float, rng: np.random.Generator | None = None) -> list[Band]:
    """Return the bands that one sample of the species shows: its main phase, sometimes coordinated to lithium."""
    usable = [b for b in entry.bands("raman") if b.evidence != "contested" or rng is None] or list(entry.bands("raman"))
    plain = [b for b in usable if b.coordination in ("na", "free") and b.condition is None] or usable
    total: dict[str, float] = {}
    for b in plain:
        total[phase_of(b)] = total.get(phase_of(b), 0.0) + b.rel_intensity
    main = max(sorted(total), key=lambda p: total[p])
    chosen = [b for b in plain if phase_of(b) == main]
    if rng is not None and rng.random() < 0.4:
        chosen += [b for b in usable if b.coordination == "li_coordinated" and b.state in ("liquid", "solution")]
    return [b for b in chosen if low + _EDGE_CM1 < b.position_cm1 < high - _EDGE_CM1]


def mixture(
    rng: np.random.Generator,
    library: Library,
    *,
    known: int = 2,
    unknown: int = 0,
    imaginary: int = 0,
    ids: Sequence[str] = (),
    axis_error_cm1: float = 3.0,
    snr: tuple[float, float] = (30.0, 1000.0),
    carbon: float = 0.3,
) -> Mixture:
    """Return one simulated mixture.

    Parameters
    ----------
    known, unknown, imaginary : int
        How many species of the library to mix, how many of it that are to be left out of the library afterwards, and
        how many that never were in it (random bands where bands are common).
    ids : sequence of str
        These species instead of random ``known`` ones.
    axis_error_cm1 : float
        The whole axis is off by up to this much.
    snr : (low, high)
        Range of the highest band over the noise; drawn evenly in the logarithm.
    carbon : float
        Share of the spectra that carry broad carbon bands of photodamage.
    """
    low, high = float(rng.choice([100.0, 150.0, 250.0])), float(rng.choice([1900.0, 2000.0, 3200.0]))
    shift = np.arange(low, high, float(rng.choice([1.0, 1.5, 2.0])))
    pool = [e for e in library.filter("raman") if shown_bands(e, low, high)]
    names = [library.get(i) for i in ids]
    wanted = unknown + (0 if ids else known)
    drawn = [e for e in (pool[i] for i in rng.permutation(len(pool))) if e.id not in ids][:wanted]
    if not ids:
        names, drawn = drawn[:known], drawn[known:]
    offset, resolution = rng.uniform(-axis_error_cm1, axis_error_cm1), rng.uniform(2.0, 7.0)
    spectrum, tops = np.zeros(shift.size), {}
    for entry in [*names, *drawn]:
        own = _draw(rng, shift, shown_bands(entry, low, high, rng), offset, resolution)
        tops[entry.id] = float(own.max())
        spectrum += own
    for n in range(imaginary):
        own = _draw(rng, shift, _imaginary_bands(rng, pool, low, high), offset, resolution)
        tops[f"imaginary-{n}"] = float(own.max())
        spectrum += own
    top = max(float(spectrum.max()), 1e-9)
    damaged = bool(rng.random() < carbon)
    spectrum = spectrum + top * _background(rng, shift, damaged)
    noise = top / float(np.exp(rng.uniform(*np.log(snr))))
    spectrum = spectrum + rng.normal(scale=noise, size=shift.size)
    known_ids = {e.id for e in names}
    found = {i: t / noise for i, t in tops.items()}
    return Mixture(
        shift,
        spectrum,
        noise,
        {i: v for i, v in found.items() if i in known_ids},
        {i: v for i, v in found.items() if i not in known_ids},
        damaged,
    )


def _draw(rng: np.random.Generator, shift: Floats, bands: Sequence[Band], offset: float, resolution: float) -> Floats:
    out = np.zeros(shift.size)
    if not bands:
        return out
    strongest = max(b.rel_intensity for b in bands) or 1.0
    pearson = rng.random() < 0.5
    for band in bands:
        reach = min(2.0, max(-2.0, rng.standard_normal()))
        position = band.position_cm1 + _POSITION_SHARE * band.uncertainty_cm1 * reach + offset
        fwhm = (band.fwhm_cm1 or float(rng.uniform(6.0, 16.0))) * float(np.exp(0.2 * rng.standard_normal()))
        height = (
            band.rel_intensity / strongest * np.exp(_HEIGHT_SPREAD[band.rel_intensity_basis] * rng.standard_normal())
        )
        profile = _pearson(shift - position, np.hypot(fwhm, resolution), rng) if pearson else None
        out += height * (_voigt(shift - position, fwhm, resolution) if profile is None else profile)
    weight = float(np.exp(rng.uniform(np.log(0.15), 0.0)))
    return np.asarray(weight * out / max(float(out.max()), 1e-9))


def _voigt(x: Floats, lorentzian: float, gaussian: float) -> Floats:
    from scipy.special import voigt_profile

    sigma = gaussian / 2.3548
    profile = voigt_profile(x, sigma, lorentzian / 2)
    return np.asarray(profile / voigt_profile(0.0, sigma, lorentzian / 2))


def _pearson(x: Floats, fwhm: float, rng: np.random.Generator) -> Floats:
    m = rng.uniform(1.2, 6.0)
    return np.asarray((1 + 4 * (2 ** (1 / m) - 1) * (x / fwhm) ** 2) ** -m)


def _imaginary_bands(rng: np.random.Generator, pool: Sequence[Entry], low: float, high: float) -> list[Band]:
    """Return bands of a species that does not exist: each from another entry, moved by 15 to 40 cm-1."""
    out: list[Band] = []
    count = int(rng.integers(2, 8))
    while len(out) < count:
        shown = shown_bands(pool[int(rng.integers(len(pool)))], low, high)
        band = shown[int(rng.integers(len(shown)))]
        moved = band.position_cm1 + rng.choice([-1, 1]) * rng.uniform(15.0, 40.0)
        if low + _EDGE_CM1 < moved < high - _EDGE_CM1:
            out.append(replace(band, position_cm1=float(moved)))
    return out


def _background(rng: np.random.Generator, shift: Floats, carbon: bool) -> Floats:
    """Return what a baseline correction leaves: slow waves of about a percent, and sometimes broad carbon bands."""
    t = (shift - shift[0]) / 1000.0
    waves = sum(
        rng.uniform(0.0, 0.01) * np.sin(2 * np.pi * (t / rng.uniform(0.8, 2.0) + rng.random())) for _ in range(2)
    )
    out = np.asarray(waves, dtype=float)
    if carbon:
        height = rng.uniform(0.02, 0.4)
        for position, fwhm, share in ((1350.0, 180.0, 0.8), (1580.0, 110.0, 1.0)):
            out = out + height * share * np.exp(-4 * np.log(2.0) * ((shift - position) / fwhm) ** 2)
    return out
