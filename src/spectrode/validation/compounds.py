"""Compounds of the validation: how a sample of a library species, an unknown or a damage carbon looks this time.

A library entry is a list of what was published: several readings of one mode, several states. A sample has one form;
its bands lie where that form has them, off by no more than the stated uncertainty, and intensities are off by a factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..library.entry import Band, Entry
from .lines import Line, random_shape

__all__ = ["Sample", "carbon_humps", "sample_of", "unknown_compound"]

_SAME_MODE_CM1 = 35.0
_BELIEF = {"established": 1.0, "reported": 1.0, "tentative": 0.75, "contested": 0.4}
"""Chance that a band of this standing is really there."""
_WIDTHS = {
    "liquid": (8.0, 18.0),
    "solution": (8.0, 18.0),
    "melt": (12.0, 25.0),
    "gas": (3.0, 8.0),
    "crystalline": (4.0, 12.0),
    "solid": (6.0, 16.0),
    "nanocrystalline": (10.0, 30.0),
    "amorphous": (18.0, 45.0),
    "film": (12.0, 35.0),
    "glass": (18.0, 45.0),
    "surface": (10.0, 25.0),
    "lithiated": (12.0, 40.0),
    "delithiated": (12.0, 40.0),
}
"""Full widths in cm-1 drawn where an entry states none."""
_FACTOR = float(np.log(2.0))
"""Standard deviation of the logarithm of an intensity's error: a factor of two."""
_UNKNOWN_REGIONS = (
    (420.0, 700.0),
    (780.0, 960.0),
    (1000.0, 1180.0),
    (1200.0, 1380.0),
    (1400.0, 1620.0),
    (1640.0, 1780.0),
)


@dataclass(frozen=True)
class Sample:
    """The bands of one compound, strongest of height 1."""

    id: str | None
    name: str
    lines: tuple[Line, ...]


def sample_of(
    entry: Entry, rng: np.random.Generator, *, low: float, high: float, resolution_cm1: float, dissolved: bool = False
) -> Sample | None:
    """Return one sample of a library species, or None if the form drawn has no band between ``low`` and ``high``.

    A ``dissolved`` one has the bands of its liquid or solution, if the entry has any.
    """
    chosen = [b for b in _one_form(entry, rng, dissolved) if low <= b.position_cm1 <= high]
    if not chosen:
        return None
    shape, parameter = random_shape(rng)
    broadened = float(rng.uniform(0.8, 1.4))
    free = float(rng.uniform(0.25, 0.9))
    lines = []
    for band in chosen:
        low_w, high_w = _WIDTHS[band.state]
        own = band.fwhm_cm1 * broadened if band.fwhm_cm1 is not None else float(rng.uniform(low_w, high_w))
        share = {"free": free, "na": 1.0}.get(band.coordination, 1.0 - free)
        lines.append(
            Line(
                position_cm1=band.position_cm1 + float(rng.uniform(-1.0, 1.0)) * band.uncertainty_cm1,
                fwhm_cm1=float(np.hypot(own, resolution_cm1)),
                height=band.rel_intensity * share * float(np.exp(rng.normal(0.0, _FACTOR))),
                shape=shape,
                parameter=parameter,
            )
        )
    return Sample(entry.id, entry.name, _to_one(lines))


def _one_form(entry: Entry, rng: np.random.Generator, dissolved: bool) -> list[Band]:
    """Return the bands of one form: one state, all coordinations, each mode once."""
    bands = [b for b in entry.bands("raman") if rng.random() < _BELIEF[b.evidence]]
    weight: dict[str, float] = {}
    for band in bands:
        weight[_phase(band)] = weight.get(_phase(band), 0.0) + band.rel_intensity
    if not weight:
        return []
    phases, shares = list(weight), np.array(list(weight.values()))
    phase = str(rng.choice(phases, p=shares / shares.sum()))
    if dissolved and "fluid" in phases:
        phase = "fluid"
    own = sorted((b for b in bands if _phase(b) == phase), key=lambda b: (b.condition is not None, -b.rel_intensity))
    # A mode published for another form only is there in this one too; where both have it, this form's place holds.
    others = sorted((b for b in bands if _phase(b) != phase), key=lambda b: -b.rel_intensity)
    kept: list[Band] = []
    for band in own:
        if not any(_same_reading(band, k) for k in kept):
            kept.append(band)
    for band in others:
        if band.condition is None and all(abs(band.position_cm1 - k.position_cm1) > _SAME_MODE_CM1 for k in kept):
            kept.append(band)
    return kept


def _phase(band: Band) -> str:
    return "fluid" if band.state in ("liquid", "solution") else "solid" if band.state == "crystalline" else band.state


def _same_reading(a: Band, b: Band) -> bool:
    reach = max(a.uncertainty_cm1 + b.uncertainty_cm1, 3.0)
    if a.condition != b.condition and (a.condition or b.condition):
        reach = max(reach, _SAME_MODE_CM1)  # another excitation or polymorph moves the mode; it is not a second band
    return a.coordination == b.coordination and abs(a.position_cm1 - b.position_cm1) <= reach


def unknown_compound(rng: np.random.Generator, *, low: float, high: float, resolution_cm1: float) -> Sample:
    """Return a compound that nobody listed: two to seven bands in regions where molecules have them."""
    regions = [r for r in _UNKNOWN_REGIONS if r[0] >= low and r[1] <= high]
    number = int(rng.integers(2, 8))
    shape, parameter = random_shape(rng)
    places: list[float] = []
    while len(places) < number:
        first, last = regions[int(rng.integers(len(regions)))]
        place = float(rng.uniform(first, last))
        if all(abs(place - p) > 15.0 for p in places):
            places.append(place)
    lines = [
        Line(
            position_cm1=place,
            fwhm_cm1=float(np.hypot(np.exp(rng.uniform(np.log(5.0), np.log(35.0))), resolution_cm1)),
            height=float(rng.beta(1.2, 1.8)) + 0.08,
            shape=shape,
            parameter=parameter,
        )
        for place in sorted(places)
    ]
    return Sample(None, "unknown", _to_one(lines))


def carbon_humps(rng: np.random.Generator) -> Sample:
    """Return the D and G humps of carbon that the laser makes."""
    d, g = float(rng.uniform(1340.0, 1375.0)), float(rng.uniform(1565.0, 1600.0))
    lines = [
        Line(d, float(rng.uniform(90.0, 200.0)), float(rng.uniform(0.6, 1.2)), "pearson7", 3.0),
        Line(g, float(rng.uniform(55.0, 110.0)), 1.0, "asymmetric", -0.2),
    ]
    return Sample("photo_carbon", "damage carbon", _to_one(lines))


def _to_one(lines: list[Line]) -> tuple[Line, ...]:
    top = max(line.height for line in lines)
    return tuple(
        Line(n.position_cm1, n.fwhm_cm1, n.height / top, n.shape, n.parameter)
        for n in sorted(lines, key=lambda n: n.position_cm1)
    )
