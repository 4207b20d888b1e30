"""The runner goes on where it stopped; the table counts and its intervals are exact."""

from __future__ import annotations

import json
import math

import pytest
from scipy.stats import binomtest
from typer.testing import CliRunner

from spectrode.cli_validate import validate_app
from spectrode.errors import SpectrodeError
from spectrode.validation import run as run_module
from spectrode.validation.judge import ClaimJudged, Judgement, SpeciesJudged, UnknownJudged
from spectrode.validation.run import run_experiments
from spectrode.validation.table import causes_lines, clopper_pearson, rows_of, summary_lines, summary_table


@pytest.mark.parametrize(("hits", "total"), [(0, 20), (20, 20), (7, 20), (190, 200), (1, 1)])
def test_intervals_are_those_of_scipy(hits, total):
    expected = binomtest(hits, total).proportion_ci(0.95, method="exact")
    assert clopper_pearson(hits, total) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_nothing_counted_says_nothing():
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def species(snr=20.0, *, found=True, bands=3, kind="product", stage=""):
    return SpeciesJudged("ec", kind, snr, bands, bands, found, found, 0.9, stage)


def claim(*, wrong=False, group="sei", stage=""):
    return ClaimJudged("li2o", group, 0, "assigned", None, 0.9, (), wrong, wrong, stage)


def judgements():
    missed, unknowns = (
        species(found=False, stage="rank"),
        (UnknownJudged(30.0, False, 0.9), UnknownJudged(2.0, False, 0.1)),
    )
    mixed, gas = claim(wrong=True, stage="mixed"), claim(wrong=True, group="gas", stage="pure")
    faint = species(5.0, found=False)
    return [
        Judgement(0, "known products", 3, 3, 3, (species(), faint), (claim(),), covered=95, intervals=100),
        Judgement(1, "with an unknown", 3, 2, 2, (missed,), (mixed,), unknowns),
        Judgement(2, "nothing forms", 1, 3, 3, (species(kind="electrolyte"),), (gas,)),
        Judgement(3, "nothing forms", 1, 1, 1, (), (claim(wrong=True, stage="artefact"),)),
        Judgement(4, "known products", 2, 0, 0, error="no spectrum is left"),
    ]


def test_rows_count_what_they_say():
    rows = {row.name: row for row in rows_of(judgements())}
    shares = {name: (row.hits, row.total, row.passed) for name, row in rows.items()}
    assert shares["number of components right or off by one"] == (3, 5, False)
    assert shares["number of components right"] == (2, 5, None)
    assert shares["wrong among the species claimed (no alternative listed is there either)"] == (3, 4, False)
    assert shares["species found, strongest band 10 or more above the noise"] == (2, 3, False)
    assert shares["… of those in the electrolyte"] == (1, 1, None)
    assert shares["unknown compounds left unassigned"] == (0, 1, False)
    assert shares["true concentrations inside their 95 % interval"] == (95, 100, True)
    assert shares["nothing claimed where nothing forms"] == (1, 2, False)


def test_the_table_says_what_is_not_available():
    lines = summary_lines([Judgement(7, "known products", 1, 1, 1)])
    assert any("not available" in line for line in lines)
    assert math.isnan(rows_of([])[0].share)
    assert json.dumps(summary_table(judgements()))  # plain data


def test_causes_name_the_stages():
    text = "\n".join(causes_lines(judgements()))
    assert "| rank | 1 |" in text
    assert "| mixed | 1 |" in text
    assert "| artefact | 1 |" in text
    assert "| pure | 1 |" in text
    assert "li2o (3)" in text


def test_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch):
    asked = []

    def one(seed, text, resamples):
        asked.append(seed)
        return Judgement(seed, "known products", 1, 1, 1)

    monkeypatch.setattr(run_module, "run_one", one)
    keep = tmp_path / "kept.jsonl"
    first = run_experiments([3, 1], keep=keep)
    assert [j.seed for j in first] == [3, 1]
    keep.write_text(keep.read_text(encoding="utf-8") + '{"origin": "cut o', encoding="utf-8")
    seen = []
    again = run_experiments([1, 2, 3], keep=keep, progress=lambda done, total: seen.append((done, total)))
    assert asked == [3, 1, 2]
    assert [j.seed for j in again] == [1, 2, 3]
    assert seen == [(2, 3), (3, 3)]
    run_experiments([1], recipe="time-series", keep=keep)
    assert asked == [3, 1, 2, 1]  # another recipe is another run


def test_at_least_one_worker():
    with pytest.raises(SpectrodeError, match="one worker"):
        run_experiments([1], workers=0)
    with pytest.raises(SpectrodeError, match="resamples"):
        run_experiments([1], resamples=-1)


def test_an_analysis_that_fails_is_told(monkeypatch):
    def fails(*args, **kwargs):
        raise SpectrodeError("no spectrum is left to unmix")

    monkeypatch.setattr("spectrode.analysis.analyse", fails)
    (judged,) = run_experiments([1030])
    assert judged.error == "no spectrum is left to unmix"
    assert "1 analyses failed" in summary_lines([judged])[0]


def test_one_experiment_through_the_whole_analysis():
    (judged,) = run_experiments([1031])
    assert not judged.error
    assert judged.used >= 1
    assert judged.species
    assert judged.seconds > 0


def test_command_prints_the_table_and_writes_json(tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "run_one", lambda seed, *_: Judgement(seed, "nothing forms", 1, 1, 1))
    target = tmp_path / "table.json"
    done = CliRunner().invoke(validate_app, ["unmixing", "--experiments", "2", "--causes", "--json", str(target)])
    assert done.exit_code == 0
    assert "seeds 5000–5001" in done.output
    assert "| rank error | 0 |" in done.output
    assert [e["seed"] for e in json.loads(target.read_text(encoding="utf-8"))["experiments"]] == [5000, 5001]


@pytest.mark.slow
def test_processes_give_what_one_process_gives():
    alone = run_experiments([1032, 1033])
    apart = run_experiments([1032, 1033], workers=2)

    def without_time(judged):
        return [{**j.to_dict(), "seconds": 0} for j in judged]

    assert without_time(alone) == without_time(apart)
