"""Runs: what is done stays done, what fails stands alone, a kill costs one experiment."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import batch_experiments as made
import numpy as np
import pytest

from spectrode.batch import Experiment, Plan, pair, run_batch
from spectrode.batch.done import hidden_folder
from spectrode.errors import Cancelled, SpectrodeError
from spectrode.results import load_result


@pytest.fixture
def plan(lab):
    return pair(str(lab / "maps" / "*.h5"), lab / "cv", timezone="UTC")


@pytest.fixture
def quick(lab):
    return lab / "quick2.toml"


def statuses(result):
    return [o.status for o in result.outcomes]


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def assert_same_numbers(one: Path, other: Path) -> None:
    """Tables to the byte; arrays to the bit."""
    for name in ("assignments.csv", "components.csv", "timeline.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    a, b = load_result(one / "result.h5"), load_result(other / "result.h5")
    assert a.dataset.content_hash() == b.dataset.content_hash()
    np.testing.assert_array_equal(a.decomposition.spectra, b.decomposition.spectra)
    np.testing.assert_array_equal(a.decomposition.concentrations, b.decomposition.concentrations)


@pytest.mark.usefixtures("light_report")
def test_what_is_done_is_not_done_again(plan, quick, tmp_path):
    first = run_batch(plan, recipe=quick, out=tmp_path / "out")
    assert statuses(first) == ["done"] * 3
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("*/result.h5")}
    assert len(stamps) == 3
    again = run_batch(plan, recipe=quick, out=tmp_path / "out")
    assert statuses(again) == ["done before"] * 3
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps
    assert [o.summary for o in again.outcomes] == [o.summary for o in first.outcomes]


@pytest.mark.usefixtures("light_report")
def test_another_recipe_runs_again_and_keeps_the_earlier_result(plan, lab, quick, tmp_path):
    one = Plan(plan.experiments[:1])
    run_batch(one, recipe=quick, out=tmp_path)
    old = (tmp_path / "cell0" / "result.h5").read_bytes()
    other = made.quick_recipe(tmp_path, components=3)
    result = run_batch(one, recipe=other, out=tmp_path)
    assert (statuses(result), result.outcomes[0].summary["components"]) == (["done"], 3)
    [kept] = (tmp_path / "earlier").iterdir()
    assert (kept / "result.h5").read_bytes() == old
    run_batch(one, recipe=quick, out=tmp_path, overwrite=True)
    assert list((tmp_path / "earlier").iterdir()) == [kept], "overwriting adds nothing to the shelf"


@pytest.mark.usefixtures("light_report")
@pytest.mark.parametrize("changed", ["map", "trace", "option"])
def test_a_changed_input_or_option_runs_again(lab, quick, tmp_path, changed):
    spectra = Path(shutil.copy(lab / "maps" / "cell0.h5", tmp_path / "m.h5"))
    trace = Path(shutil.copy(lab / "cv" / "run0.mpt", tmp_path / "t.mpt"))
    run_batch(pair(spectra, trace, timezone="UTC"), recipe=quick, out=tmp_path / "out")
    if changed == "map":
        made.write_map(spectra, made.START, 500, seed=1999)
    elif changed == "trace":
        made.write_trace(trace, made.START, 601)
    again = pair(spectra, trace, timezone="UTC", offset_s=1.0 if changed == "option" else None)
    assert statuses(run_batch(again, recipe=quick, out=tmp_path / "out")) == ["done"]
    assert statuses(run_batch(again, recipe=quick, out=tmp_path / "out")) == ["done before"]


@pytest.mark.usefixtures("light_report")
def test_moved_inputs_of_the_same_content_are_not_run_again(lab, quick, tmp_path, plan):
    one = Plan(plan.experiments[:1])
    run_batch(one, recipe=quick, out=tmp_path / "out")
    moved = shutil.copy(lab / "maps" / "cell0.h5", tmp_path / "cell0.h5")
    again = pair(moved, lab / "cv" / "run0.mpt", timezone="UTC")
    assert statuses(run_batch(again, recipe=quick, out=tmp_path / "out")) == ["done before"]


@pytest.mark.usefixtures("light_report")
def test_one_that_fails_does_not_stop_the_others(lab, quick, tmp_path):
    # Its stamps are right, but every count is missing: nothing to unmix, which only the analysis can know.
    from spectrode.readers import read
    from spectrode.writers import write

    empty = read(lab / "maps" / "cell1.h5")
    write(empty.replace(intensity=np.full(empty.intensity.shape, np.nan, np.float32)), tmp_path / "empty.h5")
    made.write_map(tmp_path / "alone.h5", made.START.replace(year=2020), 500, seed=1300)
    maps = [lab / "maps" / "cell0.h5", tmp_path / "empty.h5", tmp_path / "alone.h5", lab / "maps" / "cell2.h5"]
    events = []
    result = run_batch(
        pair(maps, lab / "cv", timezone="UTC"), recipe=quick, out=tmp_path / "out", on_event=events.append
    )
    assert statuses(result) == ["done", "failed", "left out", "done"]
    assert [o.name for o in result.failed] == ["empty", "alone"]
    assert "no spectrum is left" in result.outcomes[1].reason
    assert "nearest is run0.mpt" in result.outcomes[2].reason
    assert not (tmp_path / "out" / "empty").exists()
    assert not list((tmp_path / "out").glob(".*")), "nothing half-made is left"
    ended = [e for e in events if e.outcome is not None]
    assert [(e.name, e.ended, e.in_all) for e in ended] == [("cell0", 1, 3), ("empty", 2, 3), ("cell2", 3, 3)]
    assert ended[0].eta_s > 0
    assert ended[-1].eta_s == 0

    table = read_csv(tmp_path / "out" / "experiments.csv")
    assert [(r["experiment"], r["status"]) for r in table] == [
        ("cell0", "done"), ("empty", "failed"), ("alone", "left out"), ("cell2", "done"),
    ]  # fmt: skip
    assert float(table[0]["duration_s"]) == pytest.approx(540.0)
    assert table[0]["reference_electrode"] == "Li/Li+"
    rows = read_csv(tmp_path / "out" / "assignments.csv")
    assert {r["experiment"] for r in rows} <= {"cell0", "cell2"}
    for name in ("cell0", "cell2"):
        own = read_csv(tmp_path / "out" / name / "assignments.csv")
        assert [{k: v for k, v in r.items() if k != "experiment"} for r in rows if r["experiment"] == name] == own
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "no spectrum is left" in page
    assert 'href="cell0/report.html"' in page
    assert re.findall(r"""(?:src|href)=["'](https?:[^"']*)""", page) == [], "the page needs nothing from elsewhere"


@pytest.mark.usefixtures("light_report")
def test_without_echem_runs_what_has_no_trace(lab, quick, tmp_path):
    plan = pair(lab / "maps" / "cell0.h5")
    with pytest.raises(SpectrodeError, match=r"no experiment can be run \(cell0: no trace was given\)"):
        run_batch(plan, recipe=quick, out=tmp_path)
    result = run_batch(plan.without_echem(), recipe=quick, out=tmp_path)
    assert statuses(result) == ["done"]
    assert result.outcomes[0].summary["potential_min_v"] is None


def test_open_questions_are_refused_before_anything_runs(lab, quick, tmp_path):
    twin = made.write_trace(tmp_path / "twin.mpt", made.START, 601)
    plan = pair(lab / "maps" / "cell0.h5", [lab / "cv" / "run0.mpt", twin], timezone="UTC")
    with pytest.raises(SpectrodeError, match="which trace belongs to cell0 is not decided"):
        run_batch(plan, recipe=quick, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("light_report")
def test_stopping_keeps_what_is_finished_and_writes_the_index(plan, quick, tmp_path):
    ended = []
    with pytest.raises(Cancelled):
        run_batch(
            plan, recipe=quick, out=tmp_path, should_stop=lambda: bool(ended),
            on_event=lambda e: ended.append(e.name) if e.outcome else None,
        )  # fmt: skip
    assert [r["status"] for r in read_csv(tmp_path / "experiments.csv")] == ["done", "not run", "not run"]
    assert statuses(run_batch(plan, recipe=quick, out=tmp_path)) == ["done before", "done", "done"]


@pytest.mark.usefixtures("light_report")
def test_a_folder_of_somebody_else_is_never_deleted(plan, quick, tmp_path):
    (tmp_path / "cell0").mkdir()
    (tmp_path / "cell0" / "thesis.txt").write_text("mine", encoding="utf-8")
    run_batch(Plan(plan.experiments[:1]), recipe=quick, out=tmp_path, overwrite=True)
    [kept] = (tmp_path / "earlier").glob("*/thesis.txt")
    assert kept.read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "cell0" / "result.h5").is_file()


@pytest.mark.usefixtures("light_report")
def test_a_kill_in_the_last_moment_loses_nothing(plan, quick, tmp_path):
    """Complete, but not yet under its name: only the name is given."""
    one = Plan(plan.experiments[:1])
    run_batch(one, recipe=quick, out=tmp_path)
    before = (tmp_path / "cell0" / "result.h5").stat().st_mtime_ns
    hidden = hidden_folder(tmp_path, "cell0", "abc")
    hidden.mkdir()
    (tmp_path / "cell0").rename(hidden / "results")
    assert statuses(run_batch(one, recipe=quick, out=tmp_path)) == ["done before"]
    assert (tmp_path / "cell0" / "result.h5").stat().st_mtime_ns == before
    # The same without its last file is half a result.
    hidden.mkdir()
    (tmp_path / "cell0").rename(hidden / "results")
    (hidden / "results" / "experiment.json").unlink()
    assert statuses(run_batch(one, recipe=quick, out=tmp_path)) == ["done"]
    assert not hidden.exists()


def test_a_recipe_of_its_own_and_a_wrong_one(plan, quick, tmp_path, light_report):
    three = made.quick_recipe(tmp_path, components=3)
    mixed = Plan((plan.experiments[0], plan.experiments[1].replace(recipe=str(three))))
    result = run_batch(mixed, recipe=quick, out=tmp_path / "out")
    assert [o.summary["components"] for o in result.outcomes] == [2, 3]
    wrong = Plan((plan.experiments[0].replace(recipe="no-such"),))
    with pytest.raises(SpectrodeError, match="there is no recipe 'no-such'"):
        run_batch(wrong, recipe=quick, out=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_file_that_went_away_fails_alone(plan, quick, tmp_path, light_report):
    gone = Experiment("gone", (str(tmp_path / "gone.h5"),), no_trace=True)
    result = run_batch(Plan((gone, plan.experiments[0])), recipe=quick, out=tmp_path / "out")
    assert statuses(result) == ["failed", "done"]
    assert "gone.h5" in result.outcomes[0].reason


_KILLED = """
import sys
from spectrode.batch import pair, run_batch
lab, out = sys.argv[1:]
if __name__ == "__main__":
    plan = pair(lab + "/maps/*.h5", lab + "/cv", timezone="UTC")
    run_batch(plan, recipe=lab + "/quick2.toml", out=out, workers={workers})
"""


def _killed_half_way(lab: Path, out: Path, workers: int, tmp_path: Path) -> None:
    """Start a batch and kill it without warning when the first result is there and another is being made."""
    script = tmp_path / "batch_script.py"
    script.write_text(_KILLED.format(workers=workers), encoding="utf-8")
    process = subprocess.Popen([sys.executable, str(script), str(lab), str(out)], start_new_session=True)
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if list(out.glob("*/experiment.json")) and list(out.glob(".*.partial")):
                break
            assert process.poll() is None, "the batch ended before it could be killed"
            time.sleep(0.01)
        else:
            pytest.fail("no result came")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_killed_and_started_again_it_does_only_what_is_missing(plan, lab, quick, tmp_path, light_report):
    out = tmp_path / "out"
    _killed_half_way(lab, out, 1, tmp_path)
    finished = {p.parent.name: p.stat().st_mtime_ns for p in out.glob("*/experiment.json")}
    assert 0 < len(finished) < 3
    assert not (out / "index.html").exists()
    result = run_batch(plan, recipe=quick, out=out)
    assert {o.name for o in result.outcomes if o.status == "done before"} == set(finished)
    assert len(result.done) == 3
    assert {name: (out / name / "experiment.json").stat().st_mtime_ns for name in finished} == finished
    assert not list(out.glob(".*.partial"))


@pytest.mark.slow
def test_processes_give_the_same_numbers(plan, quick, tmp_path, light_report):
    two = Plan(plan.experiments[:2])
    here = run_batch(two, recipe=quick, out=tmp_path / "here")
    there = run_batch(two, recipe=quick, out=tmp_path / "there", workers=2)
    assert statuses(here) == statuses(there) == ["done", "done"]
    for one in two.experiments:
        assert_same_numbers(tmp_path / "here" / one.name, tmp_path / "there" / one.name)
    marks = [json.loads((tmp_path / p / "cell0" / "experiment.json").read_text()) for p in ("here", "there")]
    assert marks[0]["fingerprint"] == marks[1]["fingerprint"]


def test_processes_that_die_fail_alone_and_leave_nothing(plan, quick, tmp_path, monkeypatch):
    from spectrode.batch import processes

    monkeypatch.setattr(processes, "_work", _die)
    result = run_batch(Plan(plan.experiments[:2]), recipe=quick, out=tmp_path, workers=2)
    assert statuses(result) == ["failed", "failed"]
    assert all("signal 9" in o.reason for o in result.outcomes)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.slow
def test_a_process_that_dies_takes_no_other_with_it(plan, quick, tmp_path, monkeypatch):
    from spectrode.batch import processes

    monkeypatch.setattr(processes, "_work", _die_or_work)
    result = run_batch(Plan(plan.experiments[:2]), recipe=quick, out=tmp_path, workers=2)
    assert statuses(result) == ["failed", "done"]


def _die(task, pipe, threads):
    hidden_folder(Path(task.out), task.name, "dead").mkdir()
    os.kill(os.getpid(), signal.SIGKILL)


def _die_or_work(task, pipe, threads):
    from spectrode.batch import processes

    if task.name == "cell0":
        _die(task, pipe, threads)
    processes._work(task, pipe, threads)
