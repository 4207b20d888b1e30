"""``spectrode batch``: what it prints and how it ends."""

from __future__ import annotations

import re
from pathlib import Path

import batch_experiments as made
import pytest
import typer
from typer.testing import CliRunner

from spectrode.cli_batch import batch
from spectrode.errors import SpectrodeError


@pytest.fixture
def run(lab):
    app = typer.Typer()
    app.command()(batch)

    def run(*words):
        result = CliRunner().invoke(app, [*map(str, words), "--recipe", str(lab / "quick2.toml")])
        if isinstance(result.exception, SpectrodeError):  # what main() prints, with exit code 1
            return 1, str(result.exception)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return run


@pytest.mark.usefixtures("light_report")
def test_exit_codes_say_whether_all_some_or_none_have_a_result(lab, run, tmp_path):
    maps = [lab / "maps" / "cell0.h5", lab / "maps" / "cell1.h5"]
    common = ["--timezone", "UTC", "-o", tmp_path / "out"]
    code, text = run(*maps, "--echem", lab / "cv" / "run0.mpt", *common)
    assert (code, "1 of 2 experiments have a result" in text) == (3, True)
    assert "cell1: left out: no trace was recorded at its time" in text
    assert re.search(r"\[1/1\] cell0: done in [\d.]+ s", text), "plain lines where there is no terminal"
    code, text = run(*maps, "--echem", lab / "cv", *common)
    assert (code, "2 of 2 experiments have a result, 1 of them from before" in text) == (0, True)
    code, text = run(maps[1], *common)
    assert (code, "--without-echem" in text) == (1, True)


def test_open_questions_stop_it_and_the_table_settles_them(lab, run, tmp_path, light_report):
    twin = made.write_trace(tmp_path / "twin.mpt", made.START, 601)
    words = [lab / "maps" / "cell0.h5", "--echem", lab / "cv" / "run0.mpt", "--echem", twin, "--timezone", "UTC"]
    code, text = run(*words, "-o", tmp_path / "out", "--yes")
    assert code == 1
    assert "nothing was run, because it is not clear which trace belongs to cell0" in text
    table = tmp_path / "out" / "pairs.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",?,", ",../twin.mpt,"), encoding="utf-8")
    code, text = run("--table", table, "-o", tmp_path / "out")
    assert code == 0
    assert Path(tmp_path / "out" / "cell0" / "result.h5").is_file()


def test_files_without_a_zone_are_told_so(lab, run, tmp_path):
    code, text = run(lab / "maps" / "cell0.h5", "--echem", lab / "cv" / "run0.mpt", "-o", tmp_path)
    assert (code, "or give --timezone" in text, "do not state their time zone" in text) == (1, True, True)


def test_a_dry_run_writes_the_pairs_only(lab, run, tmp_path):
    code, text = run(lab / "maps" / "cell0.h5", "--echem", lab / "cv", "--timezone", "UTC", "-o", tmp_path, "--dry-run")
    assert (code, "run0.mpt" in text) == (0, True)
    assert [p.name for p in tmp_path.iterdir()] == ["pairs.csv"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "give maps"),
        (["x.h5", "--table", "pairs.csv"], "not both"),
        (["--table", "none.csv"], "cannot be read"),
        (["none.h5"], "does not exist"),
    ],
)
def test_wrong_usage_is_one_sentence(run, words, sentence):
    code, text = run(*words)
    assert (code, sentence in text) == (1, True)
