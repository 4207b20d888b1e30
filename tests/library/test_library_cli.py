"""``spectrode library`` as people type it."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from spectrode.resources import reference_folder


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "spectrode.cli", "library", *map(str, words)], capture_output=True, text=True
    )


def test_list_and_show():
    done = run("list", "--group", "sei")
    assert done.returncode == 0, done.stderr
    assert "li2co3" in done.stdout
    shown = run("show", "lithium carbonate").stdout
    assert "1090" in shown
    assert "recalled, not verified" in shown
    assert "not a measured curve" in shown


def test_search_by_bands_words_and_formula():
    first = run("search", "--band", "1090", "--band", "711", "--tolerance", "5").stdout.splitlines()[0]
    assert "li2co3" in first
    lif = run("search", "--band", "406").stdout
    assert "lif" in lif
    assert "caution: Rock salt" in lif
    assert "li2co3" in run("search", "--formula", "CLi2O3").stdout
    assert "ledc" in run("search", "ethylene", "dicarbonate").stdout
    assert run("search").returncode == 1


def test_validate_the_bundled_library_and_a_broken_copy(tmp_path):
    done = run("validate")
    assert done.returncode == 0, done.stdout
    assert done.stdout.strip().endswith("0 problems")
    copy = tmp_path / "library"
    shutil.copytree(reference_folder(), copy)
    entry = copy / "sei" / "li2co3" / "entry.toml"
    entry.write_text(entry.read_text(encoding="utf-8").replace("uncertainty_cm1 = 2.0", "uncertainty_cm1 = -2.0"))
    broken = run("validate", copy)
    assert broken.returncode == 1
    assert "the uncertainty is -2" in broken.stdout


def test_stats_diff_export_catalogue(tmp_path):
    assert "| **all** |" in run("stats").stdout
    assert run("diff", reference_folder()).stdout.strip() == "0 changes"
    done = run("export", tmp_path / "bands.csv", "--group", "sei")
    assert done.returncode == 0, done.stderr
    for name in ("li2co3", "ledc"):
        shutil.copytree(reference_folder() / "sei" / name, tmp_path / "few" / "sei" / name)
    assert run("catalogue", tmp_path / "pages", "--folder", tmp_path / "few").returncode == 0
    assert (tmp_path / "pages" / "li2co3.html").is_file()


def test_add_asks_for_what_was_not_given(tmp_path):
    shift = np.arange(300, 1800, 1.5)
    light = 500 + 800 / (1 + ((shift - 1000) / 5) ** 2) + 300 / (1 + ((shift - 620) / 6) ** 2)
    np.savetxt(tmp_path / "raw.txt", np.column_stack([shift, np.random.default_rng(1).poisson(light)]))
    words = [
        "add", tmp_path / "raw.txt", "--folder", tmp_path / "mine", "--id", "thing", "--formula", "C2H4O",
        "--smiles", "C1CO1", "--group", "sei", "--sample", "made up", "--instrument", "simulated",
        "--calibration", "Si", "--axis-uncertainty", "1", "--excitation-nm", "532", "--measured-by", "A. Tester",
        "--measured-on", "2026-01-15",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "spectrode.cli", "library", *map(str, words)],
        capture_output=True, text=True, input="Thing\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Name of the species" in done.stdout
    assert run("validate", tmp_path / "mine" / "sei" / "thing").returncode == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show", "unobtainium"), "unobtainium"),
        (("list", "--group", "nonsense"), "there is no group"),
        (("export", "x.docx"), ".csv"),
        (("show", "ec", "--technique", "nmr"), "raman or ir"),
    ],
)
def test_mistakes_are_one_sentence(words, says):
    done = run(*words)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
