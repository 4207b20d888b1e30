"""Decoys, q-values, what they were calibrated for, and the quality that is claimed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from simulated_components import SHIFT, component

from spectrode.assignment import AssignmentSettings, assign_components
from spectrode.assignment.calibration import load_calibration, uncalibrated_reason
from spectrode.assignment.dataset_q import dataset_q_values
from spectrode.assignment.decoys import decoys_of, q_values
from spectrode.assignment.quality import assignment_quality, competition
from spectrode.library import load_library
from spectrode.library.collection import Library
from spectrode.library.fingerprint import fingerprint

JUDGE_SEED = 31_400


@pytest.fixture(scope="module")
def library():
    return load_library()


# ---- A6.1 -----------------------------------------------------------------------------------------------------------


def test_competition_keeps_its_promise_on_known_scores():
    """A6.1: mean false discovery proportion at most 0.05; power 0.844 was computed elsewhere."""
    proportion, power = competition(JUDGE_SEED, repeats=60)
    assert 0.03 <= proportion <= 0.05
    assert power == pytest.approx(0.844, abs=0.015)


def test_q_values_by_hand():
    """Targets 5, 4, 3, 2 and a decoy at 3.5: rates 1/1, 1/2, 2/3, 2/4, and the minimum from below."""
    assert q_values([2.0, 5.0, 3.0, 4.0], [3.5]) == pytest.approx([0.5, 0.5, 0.5, 0.5])
    many = q_values(list(range(100)), [])
    assert many[50:] == pytest.approx(0.01)
    assert q_values([], [1.0]).size == 0
    assert q_values([1.0], [2.0, 3.0]) == pytest.approx([1.0])


def test_q_values_fall_with_the_score():
    rng = np.random.default_rng(JUDGE_SEED)
    score = rng.normal(1.0, 2.0, 300)
    q = q_values(score.tolist(), rng.normal(size=100).tolist())
    assert np.all(np.diff(q[np.argsort(score)]) <= 0)


# ---- decoys ---------------------------------------------------------------------------------------------------------


def test_decoys_are_moved_and_stay_in_their_neighbourhood(library):
    entries = list(library.filter("raman"))
    decoys = decoys_of(entries, JUDGE_SEED)
    assert [d.id for d in decoys] == [f"decoy:{e.id}" for e in entries]
    distances, collisions = [], 0
    for entry, decoy in zip(entries, decoys, strict=True):
        own = np.array([b.position_cm1 for b in entry.bands("raman")])
        before = [b.position_cm1 for b in entry.band if b.technique == "raman"]
        after = [b.position_cm1 for b in decoy.band if b.technique == "raman"]
        distances += [abs(a - b) for a, b in zip(after, before, strict=True)]
        collisions += sum(np.min(np.abs(own - a)) < 5.0 for a in after)
    assert min(distances) >= 15.0
    assert np.percentile(distances, 90) <= 60.0
    assert collisions <= 0.05 * len(distances)
    again = decoys_of(entries, JUDGE_SEED)
    assert [b.position_cm1 for d in again for b in d.band] == [b.position_cm1 for d in decoys for b in d.band]


# ---- what the calibration is for ------------------------------------------------------------------------------------


def test_the_calibration_is_that_of_this_library(library):
    calibration = load_calibration()
    assert calibration.library == fingerprint(library), "run python -m spectrode.assignment.calibrate again"
    assert calibration.seed >= 1000
    assert np.all(np.diff(calibration.score) > 0)
    assert np.all(np.diff(calibration.q) < 0)
    assert uncalibrated_reason(library, AssignmentSettings()) == ""


def test_another_library_is_said_to_be_uncalibrated(library):
    settings = AssignmentSettings()
    assert "this library" in uncalibrated_reason(library.without("ec"), settings)
    ec = library.get("ec")
    moved = dataclasses.replace(ec.band[1], position_cm1=ec.band[1].position_cm1 + 0.1)
    other = Library({**library.entries, "ec": dataclasses.replace(ec, band=(ec.band[0], moved, *ec.band[2:]))})
    assert "this library" in uncalibrated_reason(other, settings)
    assert "this library" in uncalibrated_reason(library, AssignmentSettings(groups=("carbon",)))
    assert "these settings" in uncalibrated_reason(library, AssignmentSettings(min_snr=8.0))
    renamed = Library({**library.entries, "ec": dataclasses.replace(ec, name="1,3-dioxolan-2-one")})
    assert uncalibrated_reason(renamed, settings) == ""


def test_an_assignment_carries_its_q_value(library):
    y = component(library.get("ec"), np.random.default_rng(JUDGE_SEED))
    (row,) = assign_components(SHIFT, y, library)
    assert row.compound_id == "ec"
    assert 0 < row.q_value <= 0.05
    assert row.posterior > 0.99
    (row,) = assign_components(SHIFT, y, library.without("dec"))
    assert row.q_value is None
    assert "not calibrated for this library" in row.note


def test_a_stricter_limit_of_q_lowers_to_candidates(library):
    y = component(library.get("ec"), np.random.default_rng(JUDGE_SEED))
    (row,) = assign_components(SHIFT, y, library, settings=AssignmentSettings(max_q=1e-4))
    assert row.status == "candidate"


def test_q_values_of_one_data_set_and_entrapment(library):
    rng = np.random.default_rng(JUDGE_SEED + 9)
    spectra = np.array([component(library.get(i), rng) for i in ("ec", "polystyrene", "calcite")])
    q = dataset_q_values(SHIFT, spectra, library, seed=1)
    assert {(0, "ec"), (1, "polystyrene"), (2, "calcite")} <= set(q)
    # Three species without a decoy before them: a third each, never less.
    assert min(q.values()) >= 1 / 3 - 1e-9 or len(q) > 3
    trapped = dataset_q_values(SHIFT, spectra, library, seed=1, entrapment=["polystyrene"])
    assert (1, "polystyrene") not in trapped
    assert trapped[0, "ec"] > q[0, "ec"]
    assert dataset_q_values(SHIFT, np.zeros((0, SHIFT.size)), library) == {}


# ---- quality --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_quality_that_is_claimed():
    quality = assignment_quality([JUDGE_SEED + 1, JUDGE_SEED + 2], spectra=60)
    assert quality.claims >= 60
    # Two standard errors of a binomial at 5 % are allowed.
    assert quality.false_claims <= 0.05 * quality.claims + 2 * np.sqrt(0.05 * 0.95 * quality.claims)
    assert quality.identifiable_found >= 0.9 * quality.identifiable
    assert quality.unknown - quality.unknown_named >= 0.9 * quality.unknown
    assert len(quality.rows()) == 4
