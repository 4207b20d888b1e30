"""Blends, classes that nothing tells apart, the table of peaks, and detection limits."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_components import SHIFT, component, lorentzian

from spectrode.assignment import PEAK_COLUMNS, assign_components, peak_table, peak_table_rows
from spectrode.assignment.limits import LIMIT_COLUMNS, detection_limits, limit_rows
from spectrode.library import load_library

JUDGE_SEED = 41_500
NARROW = np.arange(300.0, 1900.0, 3.0)


@pytest.fixture(scope="module")
def library():
    return load_library()


def electrolyte(rng, emc):
    """EC with and without EMC as an instrument of 10 cm-1 shows them: 893, 904 and 901 are one peak."""
    ec = {
        717: 0.5,
        728.5: 0.3,
        893: 1.0,
        904: 0.5,
        973: 0.18,
        1074: 0.13,
        1221: 0.07,
        1484: 0.18,
        1773: 0.3,
        1805: 0.13,
    }
    other = {901: 0.6, 944: 0.1, 1115: 0.1, 1456: 0.3, 1750: 0.22}
    y = sum(lorentzian(NARROW, p + 0.8, 14, h) for p, h in ec.items())
    y = y + emc * sum(lorentzian(NARROW, p + 0.8, 17, h) for p, h in other.items())
    return y + rng.normal(scale=0.003, size=NARROW.size)


def test_ec_and_emc_are_found_in_a_blend(library):
    rng = np.random.default_rng(JUDGE_SEED)
    for _ in range(3):
        rows = assign_components(NARROW, electrolyte(rng, 1.0), library)
        found = {i for r in rows if r.status in ("assigned", "ambiguous") for i in (r.compound_id, *r.alternatives)}
        assert {"ec", "emc"} <= found
        assert not {r.compound_id for r in rows if r.status == "assigned"} - {"ec", "emc"}


def test_emc_is_not_made_of_ec_alone(library):
    rng = np.random.default_rng(JUDGE_SEED + 1)
    for _ in range(3):
        rows = assign_components(NARROW, electrolyte(rng, 0.0), library)
        assert {r.compound_id for r in rows if r.status in ("assigned", "ambiguous")} == {"ec"}


def test_lithium_alkyl_carbonates_are_one_class(library):
    rng = np.random.default_rng(JUDGE_SEED + 2)
    y = component(library.get("ledc"), rng)
    rows = assign_components(SHIFT, y, library)
    (row,) = [r for r in rows if r.compound_id in ("ledc", "lemc")]
    assert row.status == "candidate"
    assert {"ledc", "lemc"} <= set(row.indistinguishable)
    assert {"ledc", "lemc"} <= {row.compound_id, *row.alternatives}
    (row,) = assign_components(SHIFT, component(library.get("ec"), rng), library)
    assert row.indistinguishable == ()


# ---- the table of peaks ---------------------------------------------------------------------------------------------


def test_the_table_of_peaks_says_matched_missing_and_unexplained(library):
    rng = np.random.default_rng(JUDGE_SEED + 3)
    bands = {717: 0.55, 893: 1.0, 973: 0.18, 1484: 0.18, 1773: 0.35, 1690: 0.6}
    y = sum(lorentzian(SHIFT, p, 9, h) for p, h in bands.items()) + rng.normal(scale=0.003, size=SHIFT.size)
    rows = [r for r in peak_table(SHIFT, y, library) if r.compound_id in ("ec", None)]
    kinds = {round(r.position_cm1): r.kind for r in rows}
    assert {p: kinds[p] for p in bands} == {p: "unexplained" if p == 1690 else "matched" for p in bands}
    missing = [r for r in rows if r.kind == "missing"]
    assert {1074.0, 1805.0} <= {r.position_cm1 for r in missing}
    assert all(r.height > r.detection_limit for r in missing)
    assert [r.position_cm1 for r in rows] == sorted(r.position_cm1 for r in rows)
    text = peak_table_rows(rows)
    assert tuple(text[0]) == PEAK_COLUMNS
    assert {t["component"] for t in text} == {"1"}


# ---- detection limits -----------------------------------------------------------------------------------------------


def test_limits_rise_with_noise_and_are_none_for_what_is_never_assigned(library):
    rng = np.random.default_rng(JUDGE_SEED + 4)
    base = component(library.get("graphite"), rng, snr=1e9)
    limits = []
    for sd in (0.005, 0.02):
        y = base + rng.normal(scale=sd, size=SHIFT.size)
        limits.append({d.compound_id: d for d in detection_limits(SHIFT, y, library)})
    for entry in ("ec", "li2co3", "polystyrene"):
        assert limits[1][entry].height > 2 * limits[0][entry].height
    assert limits[0]["ledc"].height is None
    assert "group frequencies" in limits[0]["ledc"].reason
    text = limit_rows(list(limits[0].values()))
    assert all(tuple(t) == LIMIT_COLUMNS for t in text)
    assert {t["can_be_assigned"] for t in text if t["compound_id"] in ("ec", "ledc")} == {"yes", "no"}


@pytest.mark.parametrize("entry", ["li2co3", "ec"])
def test_a_species_at_its_limit_is_found_and_far_below_it_is_not(library, entry):
    """Injected into another species' spectrum, drawn by the tests' own generator."""
    rng = np.random.default_rng(JUDGE_SEED + 5)
    base = component(library.get("graphite"), rng, snr=1e9)
    noise = 0.005
    y = base + rng.normal(scale=noise, size=SHIFT.size)
    (limit,) = [d.height for d in detection_limits(SHIFT, y, library, noise=[noise]) if d.compound_id == entry]
    found = {1.3: 0, 0.1: 0}
    for factor in found:
        for _ in range(6):
            mixed = base + factor * limit * component(library.get(entry), rng, snr=1e9)
            rows = assign_components(SHIFT, mixed + rng.normal(scale=noise, size=SHIFT.size), library)
            found[factor] += entry in {r.compound_id for r in rows if r.status in ("assigned", "ambiguous")}
    assert found[1.3] >= 5
    assert found[0.1] <= 1
