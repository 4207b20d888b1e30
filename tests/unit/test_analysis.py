"""The main job on the bundled sample, whose truth lies beside it."""

import csv
import dataclasses

import numpy as np
import pytest

import spectrode
from spectrode.analysis import analyse, rerun
from spectrode.comparison import compare
from spectrode.errors import Cancelled, SpectrodeError
from spectrode.report import write_results
from spectrode.results import load_result
from spectrode.simulate import read_truth, sample_paths


@pytest.fixture(scope="module")
def sample():
    return sample_paths()


@pytest.fixture(scope="module")
def result(sample):
    return analyse([sample.map], trace=[sample.trace], recipe="sei-shiners", timezone=sample.potentiostat_zone)


@pytest.fixture(scope="module")
def truth(sample):
    return read_truth(sample.truth)


@pytest.fixture(scope="module")
def folder(result, tmp_path_factory):
    place = tmp_path_factory.mktemp("results") / "out"
    write_results(result, place)
    return place


def test_every_pixel_has_its_own_potential(result, truth):
    potential = result.dataset.columns["potential_v"]
    np.testing.assert_allclose(potential, truth.potential_v, atol=2e-3)
    one_frame = potential[result.dataset.frame_of() == 5]
    assert np.unique(one_frame.round(6)).size == one_frame.size, "a raster map during a sweep is not at one potential"


def test_species_that_formed_are_found_and_correlate_with_the_truth(result, truth):
    concentrations = result.decomposition.concentrations
    for name, true in zip(truth.components, truth.concentrations.T, strict=True):
        if not truth.near_field[truth.components.index(name)]:
            continue
        best = max(np.corrcoef(true, mine)[0, 1] for mine in concentrations.T)
        assert best > 0.9, name


def test_lithium_carbonate_is_named_among_the_assignments(result):
    assert "li2co3" in {a.compound_id for a in result.assignments}


def test_nothing_that_was_not_there_is_assigned_without_reserve(result, truth):
    there = {*truth.library_ids, "ec", "emc", "pf6", "lipf6", "graphite"}
    wrong = [a.compound for a in result.assignments if a.status == "assigned" and a.compound_id not in there]
    assert wrong == []


def test_background_is_kept_and_bleaches(result):
    assert result.background.shape == result.dataset.intensity.shape
    means = [result.background[result.dataset.frame_of() == k].mean() for k in (0, 15)]
    assert means[1] < means[0]


def test_result_file_loads_back_equal(result, folder):
    again = load_result(folder / "result.h5")
    assert again.dataset.identical(result.dataset)
    assert again.recipe.dumps() == result.recipe.dumps()
    np.testing.assert_array_equal(again.background, result.background)
    for field in dataclasses.fields(result.decomposition):
        one, two = getattr(result.decomposition, field.name), getattr(again.decomposition, field.name)
        assert np.array_equal(one, two), field.name
    assert again.assignments == result.assignments
    np.testing.assert_array_equal(again.trace.potential_v, result.trace.potential_v)
    assert again.trace.local_start == result.trace.local_start
    assert again.inputs == result.inputs


def test_rerun_gives_the_same(result, folder):
    lines = compare(load_result(folder / "result.h5"), rerun(load_result(folder / "result.h5")))
    assert lines[-1] == "the result is the same", lines


def test_rerun_notices_a_changed_original(result, tmp_path, sample):
    copy = tmp_path / sample.map.name
    copy.write_bytes(sample.map.read_bytes() + b"x")
    (tmp_path / sample.trace.name).write_bytes(sample.trace.read_bytes())
    with pytest.raises(SpectrodeError, match="is not the file that was analysed"):
        rerun(result, folder=tmp_path)
    with pytest.raises(SpectrodeError, match="not in the given folder"):
        rerun(result, folder=tmp_path / "elsewhere")


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_tables(result, folder):
    assignments = read_csv(folder / "assignments.csv")
    assert list(assignments[0])[:12] == [
        "component", "compound_id", "compound", "score", "q_value", "evidence", "kind", "matched_bands_cm1",
        "missing_bands_cm1", "unexplained_bands_cm1", "onset_potential_v", "verdict",
    ]  # fmt: skip
    assert all(0 <= float(row["q_value"]) <= 1 for row in assignments if row["status"] == "assigned")
    peaks = read_csv(folder / "peaks.csv")
    assert {row["kind"] for row in peaks} <= {"matched", "missing", "unexplained"}
    timeline = read_csv(folder / "timeline.csv")
    assert len(timeline) == result.dataset.n_spectra
    assert float(timeline[700]["potential_v"]) == pytest.approx(result.dataset.columns["potential_v"][700], abs=1e-8)
    assert timeline[0]["file"] == "map.h5"
    assert timeline[0]["time_utc"].startswith("2024-06-18T08:30:04.2")
    components = read_csv(folder / "components.csv")
    assert len(components) == result.dataset.n_channels
    assert max(float(row["component_1"]) for row in components) == pytest.approx(1)


def test_report_is_self_contained(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert 'src="http' not in page
    assert 'href="' not in page
    assert page.count("data:image/svg+xml;base64,") >= 7
    for words in ("What was measured", "Assignment", "Papers to cite", "How to repeat this", "Li/Li+"):
        assert words in page


def test_cancelling_writes_nothing(result, tmp_path, sample):
    calls = []

    def stop():
        calls.append(1)
        return len(calls) > 3

    with pytest.raises(Cancelled):
        analyse([sample.map], trace=[sample.trace], recipe="sei-shiners", timezone="Europe/Berlin", should_stop=stop)
    with pytest.raises(Cancelled):
        write_results(result, tmp_path / "out", should_stop=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_without_a_trace_there_is_a_report_without_potentials(sample, tmp_path):
    result = analyse([sample.map], recipe="raman-map")
    assert "potential_v" not in result.dataset.columns
    write_results(result, tmp_path / "out")
    assert (tmp_path / "out" / "report.html").is_file()


def test_a_recipe_without_unmixing(sample, tmp_path):
    recipe = spectrode.Recipe.loads("recipe_version = 1\n[unmixing]\nmethod = 'none'\n")
    result = analyse(spectrode.read(sample.map).select(slice(0, 5)), recipe=recipe)
    assert result.decomposition is None
    write_results(result, tmp_path / "out")
    assert read_csv(tmp_path / "out" / "assignments.csv") == []


def test_known_spectra_are_resolved_or_refused(sample):
    one = spectrode.read(sample.map).select(slice(0, 80))
    text = "recipe_version = 1\n[unmixing]\ncomponents = 2\nknown = ['{}']\n"
    for word, message in (
        ("frames:0", "one frame only"),
        ("frames:x", "whole numbers"),
        ("magic:0", "not understood"),
        ("library:no-such", "no-such"),
        ("file:no-such.txt", "does not exist"),
    ):
        data = spectrode.read(sample.map) if word == "frames:x" else one
        with pytest.raises(SpectrodeError, match=message):
            analyse(data, recipe=spectrode.Recipe.loads(text.format(word)))
    held = analyse(one, recipe=spectrode.Recipe.loads(text.format("library:graphite")))
    assert held.decomposition.known[0]
