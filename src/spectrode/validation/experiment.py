"""One simulated operando experiment: what is there, how it grows, what the instrument makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..dataset import OperandoDataset
from ..library import Library, load_library
from ..metadata import Cell, Metadata
from .compounds import Sample, carbon_humps, sample_of, unknown_compound
from .growth import course, film, hot_spots, potentials
from .instrument import Detector, axis_with_error, fluorescence, measured
from .lines import draw
from .truth import Component, Experiment, Kind, Species, Truth

__all__ = ["GUARDED_SEEDS", "make_experiment"]

GUARDED_SEEDS = range(5000, 5200)
"""Seeds of the printed table. They are never looked at while anything is developed or tuned: use 0–99 for that."""

Array = NDArray[np.float64]

_SOLVENTS = ("ec", "pc", "dmc", "dec", "emc", "fec", "vc", "dme", "diglyme", "dol")
_SALTS = ("pf6", "tfsi", "fsi", "bf4", "clo4")
_ELECTRODES = ("licoo2", "nmc811", "nmc622", "lnmo", "lifepo4", "limn2o4")
_FAMILIES = (
    frozenset({"nmc111", "nmc532", "nmc622", "nmc811"}),
    frozenset({"photo_carbon", "carbon_black", "hard_carbon", "graphite"}),
)
"""Ids that no spectrum of this range tells apart: any of them names the others rightly."""
_SODIUM = frozenset({"na2co3", "naf", "nano3", "naoh", "naoxalate"})
_GROUP_FREQUENCY_WEIGHT = 0.25


@dataclass(frozen=True)
class _Scene:
    """What the draw of one seed decided before any spectrum is drawn."""

    scenario: str
    cathodic: bool
    products: int
    unknowns: int
    carbon: bool
    frames: int = 6
    side: int = 8


@dataclass(frozen=True, eq=False)
class _Part:
    """One component before it is put on the scale of counts; ``amount`` (spectra,) has a maximum of about 1."""

    kind: Kind
    samples: tuple[tuple[Sample, float], ...]
    amount: Array
    strength: float


def make_experiment(seed: int, *, library: Library | None = None) -> Experiment:
    """Simulate one experiment; the same seed gives the same experiment as long as the library stays the same.

    Parameters
    ----------
    seed
        Decides everything: scenario, compounds, noise. See :data:`GUARDED_SEEDS`.
    library
        Where band positions and intensities come from; the bundled library if not given.
    """
    rng = np.random.default_rng([seed, 7141])
    library = load_library() if library is None else library
    scene = _scene(rng)
    low, high = float(rng.uniform(330.0, 420.0)), float(rng.uniform(1780.0, 1900.0))
    stated, true = axis_with_error(rng, low=low, high=high, channels=int(rng.integers(500, 701)))
    resolution = float(rng.uniform(3.0, 7.0))
    frame = np.repeat(np.arange(scene.frames), scene.side**2)
    volts = potentials(rng, scene.frames, cathodic=scene.cathodic)
    parts = _parts(rng, scene, library, low, high, resolution)
    light = float(np.exp(rng.uniform(np.log(150.0), np.log(15_000.0))))
    dataset, truth = _recorded(rng, scene, parts, stated, true, frame, light)
    present = truth.present
    absent = frozenset(e.id for e in library if e.id not in present)
    return Experiment(seed, _described(rng, dataset, scene, volts, frame, seed), replace(truth, absent=absent))


def _scene(rng: np.random.Generator) -> _Scene:
    drawn = rng.random()
    cathodic = bool(rng.random() < 0.65)
    if drawn < 0.15:
        return _Scene("nothing forms", cathodic, 0, 0, False)
    if drawn < 0.45:
        return _Scene(
            "with an unknown", cathodic, int(rng.integers(0, 3)), 1 + int(rng.random() < 0.2), bool(rng.random() < 0.2)
        )
    return _Scene("known products", cathodic, int(rng.integers(1, 5)), 0, bool(rng.random() < 0.25))


# ---- compounds ------------------------------------------------------------------------------------------------------


def _parts(
    rng: np.random.Generator, scene: _Scene, library: Library, low: float, high: float, resolution: float
) -> list[_Part]:
    pixels, n = scene.side**2, scene.frames * scene.side**2
    enhancement = hot_spots(rng, scene.frames, pixels)

    def sample(entry_id: str, dissolved: bool = False) -> Sample | None:
        entry = library.get(entry_id)
        return sample_of(entry, rng, low=low, high=high, resolution_cm1=resolution, dissolved=dissolved)

    parts = [_Part("electrolyte", _electrolyte(rng, sample), _bulk(rng, scene, enhancement), 1.0)]
    if not scene.cathodic and rng.random() < 0.6:
        found = sample(str(rng.choice([i for i in _ELECTRODES if i in library])))
        if found is not None:
            focus = np.exp(rng.normal(0.0, 0.05, n))
            amount = np.tile(0.3 + 0.7 * film(rng, scene.side), scene.frames) * focus
            parts.append(
                _Part("electrode", ((found, 1.0),), amount, float(np.exp(rng.uniform(np.log(0.2), np.log(3.0)))))
            )
    samples: list[tuple[Kind, Sample]] = []
    for entry_id in _product_ids(rng, scene, library):
        drawn = sample(entry_id)
        if drawn is not None:
            samples.append(("product", drawn))
    samples.extend(
        ("unknown", unknown_compound(rng, low=low, high=high, resolution_cm1=resolution)) for _ in range(scene.unknowns)
    )
    previous: tuple[Array, Array] | None = None
    for kind, drawn in samples:
        follow = previous is not None and rng.random() < 0.25  # two products of one reaction
        growth, place = (
            previous if follow and previous is not None else (course(rng, scene.frames), film(rng, scene.side))
        )
        previous = (growth, place)
        own = np.exp(rng.normal(0.0, 0.25, n))  # orientation and distance differ from molecule to molecule
        amount = np.outer(growth, place).ravel() * enhancement * own
        strength = float(np.exp(rng.uniform(np.log(0.08), np.log(2.5))))
        parts.append(_Part(kind, ((drawn, 1.0),), amount / max(float(np.quantile(amount, 0.95)), 1e-9), strength))
    if scene.carbon:
        dose = np.linspace(0.0, 1.0, scene.frames) ** rng.uniform(0.5, 2.0)
        amount = np.outer(dose, np.clip(rng.normal(0.6, 0.3, pixels), 0.05, 1.5)).ravel() * np.sqrt(enhancement)
        parts.append(
            _Part(
                "carbon",
                ((carbon_humps(rng), 1.0),),
                amount / max(float(np.quantile(amount, 0.95)), 1e-9),
                float(rng.uniform(0.2, 1.5)),
            )
        )
    return parts


def _electrolyte(
    rng: np.random.Generator, sample: Callable[[str, bool], Sample | None]
) -> tuple[tuple[Sample, float], ...]:
    """Return solvents and a salt with their shares; a blend of constant composition is one component."""
    solvents = rng.choice(_SOLVENTS, size=int(rng.integers(1, 4)), replace=False)
    chosen = [(str(i), float(s)) for i, s in zip(solvents, rng.dirichlet(np.full(len(solvents), 3.0)), strict=True)]
    chosen.append((str(rng.choice(_SALTS)), float(rng.uniform(0.15, 0.8))))
    drawn = [(sample(i, True), share) for i, share in chosen]
    return tuple((s, share) for s, share in drawn if s is not None)


def _bulk(rng: np.random.Generator, scene: _Scene, enhancement: Array) -> Array:
    """Return (spectra,) of a liquid above everything: focus drifts, a little of it lies in the hot spots."""
    pixels, n = scene.side**2, scene.frames * scene.side**2
    drift = 1.0 + 0.1 * rng.normal() * np.linspace(-1.0, 1.0, scene.frames)
    tilt = 1.0 + 0.15 * (film(rng, scene.side) - 0.5)
    near = rng.uniform(0.0, 0.15)
    amount = np.outer(drift, tilt).ravel() * np.exp(rng.normal(0.0, 0.04, n))
    assert amount.size == scene.frames * pixels
    return np.asarray((1.0 - near) * amount + near * enhancement)


def _product_ids(rng: np.random.Generator, scene: _Scene, library: Library) -> list[str]:
    groups = ("sei",) if scene.cathodic else ("cei", "sei")
    weights: dict[str, float] = {}
    for entry in library.filter("raman", groups):
        if entry.open_question is None and entry.id not in _SODIUM:
            weights[entry.id] = _GROUP_FREQUENCY_WEIGHT if entry.group_frequencies_only else 1.0
    ids, p = list(weights), np.array(list(weights.values()))
    return (
        [str(i) for i in rng.choice(ids, size=scene.products, replace=False, p=p / p.sum())] if scene.products else []
    )


# ---- record ---------------------------------------------------------------------------------------------------------


def _recorded(
    rng: np.random.Generator,
    scene: _Scene,
    parts: list[_Part],
    stated: Array,
    true: Array,
    frame: NDArray[np.int64],
    light: float,
) -> tuple[OperandoDataset, Truth]:
    detector = Detector(
        gain=float(rng.uniform(0.4, 3.0)),
        read_e=float(rng.uniform(2.0, 9.0)),
        offset=float(rng.uniform(0.0, 400.0)),
        cosmic_rays=float(rng.uniform(0.0, 0.06)),
    )
    shares = [[share * draw(true, sample.lines) for sample, share in part.samples] for part in parts]
    tops = [float(np.sum(each, axis=0).max()) for each in shares]
    bright = np.exp(rng.normal(0.0, 0.2, frame.size))
    height = light * float(np.exp(rng.uniform(np.log(0.3), np.log(12.0))))
    glow = fluorescence(rng, true, frame, bright, height=height)
    electrons = glow.copy()
    drift = _band_drift(rng, scene)
    for part, each, top in zip(parts, shares, tops, strict=True):
        shape = np.sum(each, axis=0) / top
        moved = drift if part.kind == "product" else 0.0
        for number in range(scene.frames):
            here = frame == number
            place = true - moved * number / max(scene.frames - 1, 1)
            electrons[here] += light * part.strength * np.outer(part.amount[here], np.interp(place, true, shape))
    counts, noise = measured(rng, electrons, detector)
    components = tuple(
        _component(part, each, top, true, detector.gain * light, noise)
        for part, each, top in zip(parts, shares, tops, strict=True)
    )
    dataset = OperandoDataset(intensity=counts.astype(np.float32), shift=stated)
    return dataset, Truth(components, frozenset(), detector.gain * glow, stated - true, scene.scenario)


def _band_drift(rng: np.random.Generator, scene: _Scene) -> float:
    """Return by how many cm-1 bands of surface species move over the experiment; mostly not at all."""
    return float(rng.uniform(-3.0, 3.0)) if scene.products and rng.random() < 0.2 else 0.0


def _component(part: _Part, each: list[Array], top: float, true: Array, scale: float, noise: Array) -> Component:
    spectrum = np.sum(each, axis=0) / top
    concentrations = scale * part.strength * part.amount
    rich = concentrations >= np.quantile(concentrations, 0.95)
    level = float(np.quantile(concentrations, 0.95))
    typical = np.sqrt((noise[rich] ** 2).mean(axis=0))
    species = []
    for (sample, share), curve in zip(part.samples, each, strict=True):
        lines = tuple(replace(line, height=line.height * share / top) for line in sample.lines)
        snr = tuple(level * n.height / float(np.interp(n.position_cm1, true, typical)) for n in lines)
        species.append(Species(sample.id, sample.name, part.kind, _accepted(sample.id), lines, curve / top, snr))
    return Component(part.kind, tuple(species), spectrum, concentrations)


def _accepted(entry_id: str | None) -> frozenset[str]:
    if entry_id is None:
        return frozenset()
    return next((family for family in _FAMILIES if entry_id in family), frozenset({entry_id}))


def _described(
    rng: np.random.Generator,
    dataset: OperandoDataset,
    scene: _Scene,
    volts: Array,
    frame: NDArray[np.int64],
    seed: int,
) -> OperandoDataset:
    pixels = scene.side**2
    index = np.arange(frame.size)
    pixel = index % pixels
    return dataset.replace(
        columns={
            "time_s": frame * float(rng.uniform(300.0, 900.0)) + pixel * float(rng.uniform(0.5, 3.0)),
            "frame": frame,
            "x_um": (pixel % scene.side).astype(float),
            "y_um": (pixel // scene.side).astype(float),
            "potential_v": volts[frame],
        },
        scan_shape=(("frame", scene.frames), ("y", scene.side), ("x", scene.side)),
        metadata=Metadata(title=f"validation {seed}", cell=Cell(reference_electrode="Li/Li+")),
    )
