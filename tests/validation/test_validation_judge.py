"""The judge: verdicts on answers written by hand, right and wrong in known ways."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from spectrode.assignment import Assignment, BandMatch
from spectrode.library import load_library
from spectrode.pipeline.recipe import Recipe
from spectrode.validation.experiment import make_experiment
from spectrode.validation.judge import Judgement, judge

judge_module = sys.modules[judge.__module__]

SEED = 1020


@pytest.fixture(scope="module")
def library():
    return load_library()


@pytest.fixture(scope="module")
def experiment(library):
    """Return an experiment with an unknown."""
    for seed in range(SEED, SEED + 60):
        found = make_experiment(seed, library=library)
        unknown = [c for c in found.truth.components if c.kind == "unknown"]
        if len(found.truth.components) >= 3 and unknown and unknown[0].snr >= 10:
            return found
    raise AssertionError("no seed gave an unknown that can be seen")


@pytest.fixture(autouse=True)
def _fast(request, monkeypatch):
    """Leave out what the assignment makes of true spectra, which takes long, where it does not matter."""
    if "stages" not in request.node.name:
        monkeypatch.setattr(judge_module, "_named_on_truth", lambda *_: True)


def row(component: int, compound: str | None, status: str = "assigned", q: float | None = None, **more) -> Assignment:
    values = {
        "component": component,
        "compound_id": compound,
        "compound": compound or "unassigned",
        "score": 0.9,
        "q_value": q,
        "evidence": "",
        "kind": "band_list",
        "matched": (),
        "missing_cm1": (),
        "unexplained_cm1": (),
        "status": status,
    }
    return Assignment(**(values | more))


def answer(experiment, rows, spectra=None):
    truth = experiment.truth
    found = np.array([c.spectrum for c in truth.components]) if spectra is None else spectra
    return SimpleNamespace(
        dataset=experiment.dataset,
        decomposition=SimpleNamespace(spectra=found, n_components=len(found)),
        rank=SimpleNamespace(suggested=len(found)),
        assignments=tuple(rows),
        recipe=Recipe.load("raman-map"),
    )


def true_rows(experiment):
    return [row(i, s.id) for i, c in enumerate(experiment.truth.components) for s in c.species if s.id is not None]


def an_absent(experiment, library):
    return next(e.id for e in library.filter("raman") if e.id in experiment.truth.absent and e.group == "sei")


def test_the_right_answer_is_all_right(experiment, library):
    verdict = judge(experiment, answer(experiment, true_rows(experiment)), library)
    assert all(s.found and s.found_in_class and not s.stage for s in verdict.species)
    assert all(s.cosine == pytest.approx(1.0, abs=1e-3) for s in verdict.species)
    assert not any(c.wrong or c.wrong_in_class for c in verdict.claims)
    assert all(u.unassigned for u in verdict.unknowns)
    assert verdict.unknowns
    assert verdict.rank_error == len(experiment.truth.components) - experiment.truth.rank()
    assert verdict.intervals == 0


def test_a_wrong_name_is_wrong_and_its_component_pure(experiment, library):
    absent = an_absent(experiment, library)
    place = next(i for i, c in enumerate(experiment.truth.components) if c.kind == "unknown")
    verdict = judge(experiment, answer(experiment, [row(place, absent)]), library)
    (claim,) = verdict.claims
    assert claim.wrong
    assert claim.wrong_in_class
    assert claim.stage == "pure"
    assert claim.group == "sei"
    assert [u.unassigned for u in verdict.unknowns].count(False) == 1
    assert not any(s.found for s in verdict.species)


def test_a_class_that_holds_the_truth_is_right_as_a_class(experiment, library):
    absent, true = an_absent(experiment, library), true_rows(experiment)[0].compound_id
    verdict = judge(experiment, answer(experiment, [row(0, absent, alternatives=(true,))]), library)
    assert verdict.claims[0].wrong
    assert not verdict.claims[0].wrong_in_class
    named = next(s for s in verdict.species if s.id == true)
    assert named.found_in_class
    assert not named.found


def test_an_ambiguous_row_is_no_claim_but_counts_as_a_class(experiment, library):
    true = true_rows(experiment)[0].compound_id
    verdict = judge(experiment, answer(experiment, [row(0, true, "ambiguous")]), library)
    assert not verdict.claims
    assert next(s for s in verdict.species if s.id == true).found_in_class


def test_q_values_decide_where_there_are_any(experiment, library):
    rows = true_rows(experiment)
    by_q = [replace(rows[0], q_value=0.01, status="candidate"), *(replace(r, q_value=0.2) for r in rows[1:])]
    verdict = judge(experiment, answer(experiment, by_q), library)
    assert verdict.by_q_value
    assert [c.id for c in verdict.claims] == [rows[0].compound_id]


def test_a_wrong_claim_elsewhere_that_rests_on_the_unknown_s_bands_counts_against_it(experiment, library):
    absent = an_absent(experiment, library)
    unknown = next(c for c in experiment.truth.components if c.kind == "unknown")
    place = unknown.species[0].lines[0].position_cm1
    on_it = BandMatch(place, place, 3.0, "")
    off_it = BandMatch(300.0, 300.0, 3.0, "")
    hit = judge(experiment, answer(experiment, [row(0, absent, matched=(on_it,))]), library)
    miss = judge(experiment, answer(experiment, [row(0, absent, matched=(off_it, off_it, on_it))]), library)
    assert not all(u.unassigned for u in hit.unknowns)
    assert all(u.unassigned for u in miss.unknowns)


def test_stages_tell_a_lost_component_from_a_lost_name(experiment, library):
    none = judge(experiment, answer(experiment, [], spectra=np.zeros((0, experiment.dataset.n_channels))), library)
    assert {s.stage for s in none.species} <= {"rank", "assignment"}
    assert none.used == 0
    assert all(s.cosine == 0.0 for s in none.species)
    mixed = np.tile(sum(c.spectrum for c in experiment.truth.components), (len(experiment.truth.components), 1))
    many = judge(experiment, answer(experiment, [], spectra=mixed), library)
    assert {s.stage for s in many.species} <= {"unmixing", "assignment"}
    assert [s.stage == "assignment" for s in none.species] == [s.stage == "assignment" for s in many.species]


def test_mixtures_and_artefacts_are_told_apart(experiment, library):
    absent = an_absent(experiment, library)
    areas = np.array([c.spectrum / c.spectrum.sum() for c in experiment.truth.components])
    ramp = np.linspace(0.0, 1.0, experiment.dataset.n_channels) ** 6
    spectra = np.array([areas.sum(axis=0) / areas.sum(axis=0).max(), ramp])
    rows = [row(0, absent), row(1, absent)]
    verdict = judge(experiment, answer(experiment, rows, spectra=spectra), library)
    assert [c.stage for c in verdict.claims] == ["mixed", "artefact"]


def test_a_judgement_survives_json(experiment, library):
    verdict = judge(experiment, answer(experiment, true_rows(experiment)), library, seconds=1.5)
    assert Judgement.from_dict(verdict.to_dict()) == verdict


def test_coverage_counts_true_concentrations_inside_the_bands(experiment, library):
    truth = experiment.truth
    C = np.stack([c.concentrations for c in truth.components], axis=1)
    seen = sum(c.snr >= 3.0 for c in truth.components)
    lower, upper = C - 1.0, C + 1.0
    upper[:100] = lower[:100]  # too narrow: these do not hold the truth
    lower[-10:] = np.nan  # took no part
    bands = SimpleNamespace(concentrations_lower=lower, concentrations_upper=upper)
    verdict = judge(experiment, answer(experiment, []), library, bands=bands)
    assert verdict.intervals == seen * (len(C) - 10)
    assert verdict.covered == seen * (len(C) - 110)
