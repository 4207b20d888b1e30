"""Bound and free solvent in spectra of true Voigt lines, which the fitted pseudo-Voigt lines only approach."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import voigt_profile

from spectrode.assignment.crosschecks import coordination, coordination_pairs
from spectrode.errors import SpectrodeError
from spectrode.library import Library, load_library

Floats = NDArray[np.float64]
SHIFT = np.arange(650.0, 1000.0, 1.1)


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


def electrolyte(
    rng: np.random.Generator, bound: float, *, blur: float = 2.0, height: float = 40.0, dmc: float = 0.0
) -> Floats:
    """Return EC (and DMC of which 0.3 are bound, and PF6) on an axis that is off by up to 1 cm-1, noise 1."""
    off = rng.uniform(-1.0, 1.0)
    y = 5 + 0.01 * (SHIFT - 800) + rng.standard_normal(SHIFT.size)
    lines = [(893.0, 1 - bound, 1.0), (904.0, bound, 1.0), (717.0, 1 - bound, 0.6), (728.5, bound, 0.6)]
    lines += [(915.5, 0.7, dmc), (932.0, 0.3, dmc), (741.0, 1.0, dmc)]
    for position, share, strength in lines:
        y += 12 * height * share * strength * voigt_profile(SHIFT - position - off, blur, 3.5)
    return y


@pytest.mark.parametrize("seeds", [range(1000, 1010), pytest.param(range(1010, 1060), marks=pytest.mark.slow)])
def test_the_fraction_lies_in_its_interval_beside_neighbours(library: Library, seeds: range) -> None:
    held: dict[str, list[bool]] = {"ec 893/904": [], "dmc 915.5/932": []}
    told: Counter[str] = Counter()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        bound = rng.uniform(0.2, 0.8)
        for c in coordination(SHIFT, electrolyte(rng, bound, dmc=0.8), library, ("ec", "dmc"), present=("pf6",)):
            told[f"{c.pair.name} {c.status}"] += 1
            if c.status == "resolved" and c.pair.name in held:
                truth = 0.3 if c.pair.entry_id == "dmc" else bound
                held[c.pair.name].append(c.fraction_interval[0] <= truth <= c.fraction_interval[1])
                assert c.fraction == pytest.approx(truth, abs=0.12)
                assert c.neighbour_correlation > 0
    for name, right in held.items():
        assert len(right) >= 0.75 * len(seeds), told
        assert np.mean(right) >= 0.8, (name, told)


def test_what_the_resolution_hides_is_not_told(library: Library) -> None:
    told: Counter[str] = Counter()
    for seed in range(1100, 1110):
        rng = np.random.default_rng(seed)
        y = electrolyte(rng, rng.uniform(0.3, 0.7), blur=10.0)
        told.update(c.status for c in coordination(SHIFT, y, library, ("ec",)))
    assert told["resolved"] <= 1
    assert told["not resolvable at this resolution"] >= 14


def test_one_state_is_not_split_and_noise_is_not_a_band(library: Library) -> None:
    single, empty = Counter[str](), Counter[str]()
    for seed in range(1120, 1130):
        rng = np.random.default_rng(seed)
        single.update(c.status for c in coordination(SHIFT, electrolyte(rng, 0.0), library, ("ec",)))
        empty.update(c.status for c in coordination(SHIFT, electrolyte(rng, 0.5, height=0.0), library, ("ec",)))
    assert single["resolved"] <= 1  # of 20
    assert single["absent"] == 0
    assert empty["absent"] >= 19


def test_amounts_need_the_relative_scattering_and_say_so(library: Library) -> None:
    y = electrolyte(np.random.default_rng(1090), 0.5)
    plain = next(c for c in coordination(SHIFT, y, library, ("ec",)) if c.pair.name == "ec 893/904")
    assert plain.of_area
    assert "not of the amount" in plain.words
    half = next(
        c
        for c in coordination(SHIFT, y, library, ("ec",), relative_scattering=0.5, relative_scattering_u=0.1)
        if c.pair.name == "ec 893/904"
    )
    assert not half.of_area
    # Half the scattering means twice the amount behind the same area.
    assert half.fraction / (1 - half.fraction) == pytest.approx(2 * plain.ratio)
    assert np.ptp(half.fraction_interval) > np.ptp(plain.fraction_interval)
    assert half.ratio == plain.ratio
    with pytest.raises(SpectrodeError, match="positive"):
        coordination(SHIFT, y, library, ("ec",), relative_scattering=0.0)


def test_pairs_come_from_the_library_with_their_sources(library: Library) -> None:
    names = {p.name: p for p in coordination_pairs(library, ("ec", "dmc", "dec", "emc", "pf6", "bf4"))}
    assert {"ec 893/904", "ec 717/728.5", "dmc 915.5/932", "dec 902/911", "pf6 741/748"} <= set(names)
    assert not any(p.entry_id == "emc" for p in names.values())  # no bound band has a source
    assert names["ec 893/904"].sources
    assert {"cip", "agg"} >= {names["bf4 764.5/772"].bound.coordination, names["bf4 764.5/781"].bound.coordination}


def test_contact_pairs_of_pf6_cannot_be_told_at_one_and_a_half_wavenumbers(library: Library) -> None:
    rng = np.random.default_rng(1091)
    y = rng.standard_normal(SHIFT.size) + 400 * voigt_profile(SHIFT - 741.8, 2.0, 3.0)
    found = {c.pair.name: c for c in coordination(SHIFT, y, library, ("pf6",))}
    assert found["pf6 741/742.5"].status == "not resolvable at this resolution"
    assert np.isnan(found["pf6 741/742.5"].fraction)
    assert coordination(SHIFT[:50], y[:50], library, ("pf6",)) == ()
