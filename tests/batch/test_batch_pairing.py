"""Which trace belongs to which map: the truth where experiments lie apart, a question where times do not decide."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import batch_experiments as made
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrode.batch import pair, read_pairs, write_pairs
from spectrode.batch.pairing import DatedTrace, pair_spans
from spectrode.batch.plan import folder_names
from spectrode.batch.spans import Span
from spectrode.errors import SpectrodeError

ZERO = datetime(2024, 3, 30, tzinfo=UTC)


def span(first_s: float, last_s: float) -> Span:
    return Span(ZERO + timedelta(seconds=first_s), ZERO + timedelta(seconds=last_s))


def naive(one: Span) -> Span:
    begin, end = one.bounds
    return Span(begin.replace(tzinfo=None), end.replace(tzinfo=None), zoned=False)


# An experiment: the pause before it, its trace, and where its map lies within it, all in seconds.
EXPERIMENT = st.tuples(st.floats(60, 1e6), st.floats(600, 1e5), st.floats(0, 0.9), st.floats(0.01, 1.0))


@settings(max_examples=200, deadline=None)
@given(st.lists(EXPERIMENT, min_size=1, max_size=8), st.randoms())
def test_experiments_that_lie_apart_are_paired_as_they_were_made(parts, random):
    traces, maps, at = [], [], 0.0
    for k, (pause, length, lead, share) in enumerate(parts):
        at += pause
        first = at + lead * length
        maps.append((f"t{k}", span(first, first + share * (at + length - first))))
        traces.append(DatedTrace(f"t{k}", span(at, at + length)))
        at += length
    random.shuffle(traces)
    for truth, when in maps:
        match = pair_spans(when, traces)
        assert match.question is None
        assert match.traces == (truth,)


@settings(max_examples=200, deadline=None)
@given(
    st.floats(0, 1e4), st.floats(10, 1e4), st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=5)
)
def test_a_map_that_meets_several_traces_is_asked_about_with_all_of_them(first, length, ends):
    # Every trace holds some time of the map: it begins before a moment within it and ends after that moment.
    traces = [
        DatedTrace(f"t{k}", span(first + a * length - 5e3 * b - 1, first + a * length + 5e3 * (1 - b) + 1))
        for k, (a, b) in enumerate(ends)
    ]
    match = pair_spans(span(first, first + length), traces)
    assert match.traces == ()
    text, candidates, proposed = match.question
    assert f"{len(traces)} traces" in text
    assert {t for c in candidates for t in c.traces} == {t.path for t in traces}
    overlapping = any(a.span.meets(b.span) for a in traces for b in traces if a is not b)
    assert (proposed is None) == overlapping


@pytest.mark.parametrize(("hours", "word"), [(1, "ahead"), (-1, "behind")])
def test_a_clock_that_is_one_hour_wrong_is_asked_about(hours, word):
    trace = DatedTrace("run.mpt", span(100_000, 101_200))
    match = pair_spans(span(100_100, 101_000).shifted(3600.0 * hours), [trace])
    text, candidates, proposed = match.question
    assert "one hour wrong" in text
    assert word in candidates[0].words
    assert (candidates[0].traces, dict(candidates[0].changes)) == (
        ("run.mpt",),
        {"offset_s": -3600.0 * hours, "offset_from": "clock"},
    )
    assert proposed == 0


def test_an_hour_off_within_a_long_experiment_is_asked_about_too():
    trace = DatedTrace("run.mpt", span(0, 3 * 3600))
    match = pair_spans(span(3600, 4 * 3600 - 10), [trace])
    assert "one hour" in match.question[0]
    assert match.question[2] is None, "it may as well be a map that outlasted its trace"


def test_a_map_that_begins_a_little_before_its_trace_is_not_asked_about():
    assert pair_spans(span(-5, 3000), [DatedTrace("run.mpt", span(0, 3600))]).traces == ("run.mpt",)


def test_without_a_trace_at_its_time_the_reason_names_the_nearest():
    far, near = DatedTrace("far.mpt", span(0, 10)), DatedTrace("near.mpt", span(90_000, 90_010))
    match = pair_spans(span(100_000, 100_010), [far, near])
    assert match.question is None
    assert match.traces == ()
    assert "near.mpt" in match.reason
    assert "far.mpt" not in match.reason


def test_a_trace_without_a_zone_is_asked_about_with_the_zones_that_fit():
    trace = DatedTrace("run.mpt", naive(span(2 * 3600, 2 * 3600 + 1000)))
    _, candidates, proposed = pair_spans(span(100, 900), [trace]).question
    assert candidates[0].needs == ("timezone",)
    assert candidates[0].words.endswith("if its clock shows UTC+2")
    assert proposed is None


def test_a_map_without_any_time_is_asked_about():
    text, candidates, _ = pair_spans(Span(), [DatedTrace("run.mpt", span(0, 10))]).question
    assert "does not say when" in text
    assert candidates[0].needs == ("offset_s",)


# -- files ------------------------------------------------------------------------------------------------------------


def test_files_are_paired_whatever_their_order_and_names(lab):
    traces = [lab / "cv" / f"run{k}.mpt" for k in (2, 0, 1)]
    plan = pair([str(lab / "maps" / "*.h5")], traces, timezone="UTC")
    assert [(e.name, Path(e.traces[0]).name) for e in plan.experiments] == [
        ("cell0", "run0.mpt"), ("cell1", "run1.mpt"), ("cell2", "run2.mpt"),
    ]  # fmt: skip
    assert plan.questions == ()
    assert plan.notes == ()


def test_two_maps_may_share_one_long_trace(tmp_path):
    trace = made.write_trace(tmp_path / "long.mpt", made.START, 7200)
    for k in range(2):
        made.write_map(tmp_path / f"m{k}.h5", made.START + timedelta(hours=k, seconds=60), 900, seed=1100 + k)
    plan = pair([tmp_path / "m0.h5", tmp_path / "m1.h5"], [trace], timezone="UTC")
    assert [e.traces for e in plan.experiments] == [(str(trace),)] * 2


def test_a_folder_is_one_experiment_and_brings_its_own_trace(tmp_path):
    for k in range(3):
        made.write_map(tmp_path / "cellA" / f"map{k}.h5", made.START + timedelta(seconds=100 * k), 90, seed=1200 + k)
    made.write_trace(tmp_path / "cellA" / "cv.mpt", made.START, 400)
    (tmp_path / "cellA" / "notes.docx").write_bytes(b"PK\x03\x04 no spectra")
    plan = pair(tmp_path, timezone="UTC")
    [one] = plan.experiments
    assert (one.name, len(one.spectra), [Path(t).name for t in one.traces]) == ("cellA", 3, ["cv.mpt"])
    assert any("notes.docx" in note for note in plan.notes)


def test_potentiostat_files_among_the_maps_are_traces(lab):
    plan = pair([lab / "maps" / "cell1.h5", lab / "cv" / "run1.mpt"], timezone="UTC")
    assert [(e.name, len(e.traces)) for e in plan.experiments] == [("cell1", 1)]


def test_duplicates_are_used_once_and_named(lab, tmp_path):
    copy = Path(shutil.copy(lab / "maps" / "cell0.h5", tmp_path / "copy.h5"))
    plan = pair([lab / "maps" / "cell0.h5", lab / "maps" / "cell0.h5", copy], [lab / "cv" / "run0.mpt"], timezone="UTC")
    assert [e.name for e in plan.experiments] == ["cell0"]
    assert len([n for n in plan.notes if "twice" in n]) == 1
    assert len([n for n in plan.notes if "same content" in n and "copy.h5" in n]) == 1


def test_a_name_that_matches_nothing_is_one_sentence(tmp_path):
    with pytest.raises(SpectrodeError, match=r"none\*\.h5 does not exist or matches no file"):
        pair([tmp_path / "none*.h5"])


def test_a_damaged_map_is_listed_and_the_rest_is_paired(lab, tmp_path):
    bad = tmp_path / "bad.h5"
    bad.write_bytes((lab / "maps" / "cell0.h5").read_bytes()[:2000])
    plan = pair([bad, lab / "maps" / "cell1.h5"], [lab / "cv" / "run1.mpt"], timezone="UTC")
    assert [(e.name, e.runs, e.unreadable) for e in plan.experiments] == [("bad", False, True), ("cell1", True, False)]
    assert "bad.h5" in plan.experiment("bad").reason


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.text(max_size=12), min_size=2, max_size=2), min_size=1, max_size=12))
def test_folder_names_differ_even_without_case_and_are_names(wanted):
    names = folder_names(wanted)
    assert len({n.casefold() for n in names}) == len(wanted)
    assert all(n and not n.startswith(".") and "/" not in n and "\\" not in n for n in names)


# -- the table --------------------------------------------------------------------------------------------------------


def test_a_plan_comes_back_from_its_table(lab, tmp_path):
    plan = pair(lab / "maps" / "cell0.h5", lab / "cv", timezone="UTC", reference="Li/Li+", offset_s=1.5)
    again = read_pairs(write_pairs(plan, tmp_path / "pairs.csv"))
    [was], [now] = plan.experiments, again.experiments
    assert [Path(p).resolve() for p in now.spectra + now.traces] == [Path(p) for p in was.spectra + was.traces]
    assert now.replace(spectra=was.spectra, traces=was.traces) == was


def test_an_open_question_is_written_as_one_and_refused_until_answered(lab, tmp_path):
    twin = made.write_trace(tmp_path / "twin.mpt", made.START + timedelta(seconds=1), 600)
    plan = pair(lab / "maps" / "cell0.h5", [lab / "cv" / "run0.mpt", twin], timezone="UTC")
    table = write_pairs(plan, tmp_path / "pairs.csv")
    text = table.read_text(encoding="utf-8")
    assert "2 traces were recorded at its time" in text
    with pytest.raises(SpectrodeError, match="echem is still '\\?'"):
        read_pairs(table)
    table.write_text(text.replace(",?,", ",twin.mpt,"), encoding="utf-8")
    assert [Path(t).name for t in read_pairs(table).experiments[0].traces] == ["twin.mpt"]


def test_consecutive_traces_are_proposed_as_one_sequence(lab, tmp_path):
    first = made.write_trace(tmp_path / "a.mpt", made.START, 300)
    second = made.write_trace(tmp_path / "b.mpt", made.START + timedelta(seconds=301), 300)
    plan = pair(lab / "maps" / "cell0.h5", [second, first], timezone="UTC")
    assert plan.accept_proposals().experiments[0].traces == (str(first), str(second))
    assert plan.answer("cell0", 2).experiments[0].traces == (str(second),)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("maps,echem\na.h5,b.mpt\n", "unknown column 'maps'"),
        ("spectra\na.h5\n", "needs the columns spectra and echem"),
        ("spectra,echem\nmissing.h5,\n", "row 2.*does not exist"),
        ("spectra,echem,offset_s\ncell0.h5,,soon\n", "offset_s must be a number"),
        ("spectra,echem\ncell0.h5,-\ncell0.h5,-\n", "stands in two rows"),
        ("spectra,echem\n", "has no rows"),
    ],
)
def test_a_wrong_table_is_one_sentence(lab, tmp_path, text, sentence):
    shutil.copy(lab / "maps" / "cell0.h5", tmp_path)
    table = tmp_path / "pairs.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(SpectrodeError, match=sentence):
        read_pairs(table)


def test_a_table_with_semicolons_is_read(lab, tmp_path):
    shutil.copy(lab / "maps" / "cell0.h5", tmp_path)
    shutil.copy(lab / "cv" / "run0.mpt", tmp_path)
    table = tmp_path / "pairs.csv"
    table.write_text("name;spectra;echem;timezone\nmine;cell0.h5;run0.mpt;UTC\n", encoding="utf-8-sig")
    [one] = read_pairs(table).experiments
    assert (one.name, one.timezone, len(one.traces)) == ("mine", "UTC", 1)
