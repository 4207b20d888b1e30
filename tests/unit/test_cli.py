"""The command line: what people type, what it prints, and one sentence for what is wrong."""

import csv
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from spectrode import OperandoDataset, read, write
from spectrode.simulate import sample_paths


def run(*words, cwd=None):
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "spectrode.cli", *map(str, words)], capture_output=True, text=True, cwd=cwd,
        env=environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def sample():
    return sample_paths()


def test_help_and_version():
    assert "analyse" in run("--help").stdout
    assert run("--version").stdout.startswith("spectrode 0.")


def test_demo_prints_assignments_and_the_report(tmp_path):
    done = run("demo", "-o", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    assert "Lithium carbonate" in done.stdout
    assert done.stdout.strip().splitlines()[-1] == f"report: {tmp_path / 'demo' / 'report.html'}"
    assert {p.name for p in (tmp_path / "demo").iterdir()} >= {
        "report.html", "result.h5", "assignments.csv", "components.csv", "timeline.csv", "recipe.toml"
    }  # fmt: skip
    again = run("rerun", tmp_path / "demo" / "result.h5")
    assert "the result is the same" in again.stdout, again.stdout + again.stderr


def test_info_on_spectra_and_trace(sample):
    done = run("info", sample.map, sample.trace)
    assert done.returncode == 0, done.stderr
    assert "1280 × 512 channels (16 frame × 8 y × 10 x)" in done.stdout
    assert "vs Li/Li+" in done.stdout
    assert "the file states no zone" in done.stdout


def test_info_in_a_line_a_file(sample, tmp_path):
    (tmp_path / "empty.wdf").touch()
    done = run("info", "--brief", sample.map, sample.trace, tmp_path / "empty.wdf")
    lines = done.stdout.strip().splitlines()
    assert len(lines) == 4, done.stdout
    assert "native" in lines[0]
    assert "eclab-mpt" in lines[1]
    assert lines[2].startswith("refused: ")
    assert lines[3] == "2 read, 1 refused"
    assert done.returncode == 1


def test_convert_round_trip(sample, tmp_path):
    done = run("convert", sample.map, tmp_path / "again.h5")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(read(tmp_path / "again.h5").intensity, read(sample.map).intensity)
    assert "not held by this format" in run("convert", sample.map, tmp_path / "again.csv").stdout


def test_steps_recipes_formats():
    assert "baseline.arpls" in run("steps").stdout
    one = run("steps", "baseline.arpls").stdout
    assert "larger" in one.lower()
    assert "10.1039/C4AN01061B" in one
    assert "sei-shiners" in run("recipes").stdout
    assert "recipe_version = 1" in run("recipes", "sei-shiners").stdout
    formats = run("formats").stdout
    assert all(name in formats for name in ("renishaw-wdf", "labspec", "witec", "native", "eclab"))


def assert_refused(done, *words):
    assert done.returncode == 1, done.stdout
    line = done.stderr.strip()
    assert line.startswith("spectrode: ")
    assert "Traceback" not in line
    assert len(line.splitlines()) == 1, line
    for word in words:
        assert word in line, line


def test_wrong_inputs_are_one_sentence_and_nothing_is_written(sample, tmp_path):
    out = tmp_path / "out"
    empty = tmp_path / "empty.wdf"
    empty.touch()
    assert_refused(run("analyse", empty, "-o", out), "empty")
    short = tmp_path / "short.h5"
    short.write_bytes(sample.map.read_bytes()[:5000])
    assert_refused(run("analyse", short, "-o", out), "short.h5")
    letter = tmp_path / "letter.docx"
    letter.write_bytes(b"PK\x03\x04" + bytes(range(256)))
    assert_refused(run("analyse", letter, "-o", out), "not one of the known formats")
    assert_refused(run("analyse", tmp_path / "none.wdf", "-o", out), "does not exist")
    assert_refused(run("analyse", sample.map, "--recipe", "nonsense", "-o", out), "sei-shiners")
    assert_refused(run("analyse", sample.map, "--echem", sample.trace, "-o", out), "zone")
    assert_refused(
        run("analyse", sample.map, "--echem", sample.trace, "--timezone", "Mars/Olympus", "-o", out), "Mars/Olympus"
    )
    assert not out.exists()
    assert {p.name for p in tmp_path.iterdir()} == {"empty.wdf", "short.h5", "letter.docx"}


def test_a_map_without_times_asks_for_them(sample, tmp_path):
    untimed = OperandoDataset(np.ones((6, 50)), np.linspace(400, 500, 50), scan_shape=(("y", 2), ("x", 3)))
    write(untimed, tmp_path / "untimed.h5")
    done = run("analyse", tmp_path / "untimed.h5", "--echem", sample.trace, "-o", tmp_path / "out")
    assert_refused(done, "time")
    assert not (tmp_path / "out").exists()


def test_a_trace_that_does_not_overlap(sample, tmp_path):
    text = sample.trace.read_text(encoding="latin-1")
    other = tmp_path / "other.mpt"
    other.write_text(text.replace("06/18/2024", "06/19/2024"), encoding="latin-1")
    done = run(
        "analyse", sample.map, "--echem", other, "--timezone", "Europe/Berlin", "-o", tmp_path / "out",
        "--recipe", "sei-shiners",
    )  # fmt: skip
    assert_refused(done, "2024-06-18", "2024-06-19")
    assert not (tmp_path / "out").exists()


def test_an_offset_by_hand(sample, tmp_path):
    done = run(
        "analyse", sample.map, "--echem", sample.trace, "--offset", "4.2", "--offset-from", "trace-start",
        "--recipe", "sei-shiners", "-o", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_simulate_makes_an_experiment_that_can_be_analysed(tmp_path):
    words = ("--seed", 3, "--frames", 3, "--rows", 3, "--columns", 4)
    done = run("simulate", tmp_path / "sim", *words)
    assert done.returncode == 0, done.stderr
    assert {p.name for p in (tmp_path / "sim").iterdir()} == {"map.h5", "cv.mpt", "truth.h5", "manifest.toml"}
    shutil.rmtree(tmp_path / "sim")


def test_a_recipe_file_from_the_printed_one(sample, tmp_path):
    printed = run("recipes", "raman-map").stdout
    (tmp_path / "mine.toml").write_text(printed, encoding="utf-8")
    small = read(sample.map).select(slice(0, 40))
    write(small, tmp_path / "small.h5")
    done = run("analyse", tmp_path / "small.h5", "--recipe", tmp_path / "mine.toml", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr


def test_tables_with_a_column_mapping(sample, tmp_path):
    """Spectra and trace as plain tables with headings that no program uses."""
    small = read(sample.map).select(slice(0, 30))
    with open(tmp_path / "spectra.csv", "w", encoding="utf-8") as stream:
        stream.write(";".join(["moment", *(f"{v:.2f}" for v in small.shift)]) + "\n")
        for time, row in zip(small.columns["time_s"], small.intensity, strict=True):
            stream.write(";".join([f"{time:.3f}", *map(str, row)]).replace(".", ",") + "\n")
    times = np.arange(0, 5000, 5.0)
    rows = "\n".join(f"{t},{2800 - 0.5 * t},{-0.01}" for t in times)
    (tmp_path / "trace.csv").write_text(f"tick,level,flow\n{rows}\n", encoding="utf-8")
    done = run(
        "analyse", tmp_path / "spectra.csv", "--echem", tmp_path / "trace.csv", "-O", "columns=time_s=moment",
        "-O", "orientation=rows", "--echem-option", "time=tick", "--echem-option", "potential=level",
        "--echem-option", "potential_unit=mV", "--echem-option", "current=flow", "--echem-option", "current_unit=mA",
        "--reference", "Li/Li+", "--offset", "100", "--offset-from", "trace-start", "-o", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "out" / "timeline.csv", newline="", encoding="utf-8") as stream:
        first = next(csv.DictReader(stream))
    assert float(first["potential_v"]) == pytest.approx(2.75, abs=0.01)
    again = run("rerun", tmp_path / "out" / "result.h5")
    assert "the result is the same" in again.stdout, again.stdout + again.stderr
