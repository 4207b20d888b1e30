"""The wheel, installed alone elsewhere, finds its references, samples and napari manifest."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "uv", "build", "--wheel", "--out-dir", str(folder), str(ROOT)],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        done = subprocess.run(
            ["uv", "build", "--wheel", "--out-dir", str(folder), str(ROOT)], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    return next(folder.glob("spectrode-*.whl"))


def test_the_wheel_holds_code_data_and_manifest_and_no_tests(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "spectrode/__init__.py" in names
    assert "napari_spectrode/napari.yaml" in names
    assert any(n.startswith("spectrode/_bundled/reference_spectra/") and n.endswith("entry.toml") for n in names)
    assert "spectrode/_bundled/sample_data/sei_shiners/map.h5" in names
    assert any(n.startswith("spectrode/pipeline/recipes/") for n in names)
    assert "spectrode/report/template.html" in names
    assert not [n for n in names if n.startswith(("tests/", "src/", "napari_plugins/"))]


def test_installed_alone_it_finds_its_data(wheel, tmp_path):
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    script = (
        "import json, spectrode, napari_spectrode\n"
        "from spectrode.resources import reference_folder, sample_folder\n"
        "from spectrode.library import load_library\n"
        "from spectrode.pipeline.recipe import bundled_recipes\n"
        "print(json.dumps([spectrode.__file__, napari_spectrode.__file__, str(reference_folder()),"
        " str(sample_folder()), len(load_library().entries), len(bundled_recipes())]))"
    )
    # -P and the explicit path keep the checkout's editable install out of the way.
    code = f"import sys\nsys.path.insert(0, {str(site)!r})\n{script}"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    *places, entries, recipes = json.loads(done.stdout)
    assert all(Path(p).is_relative_to(site) for p in places)
    assert entries >= 30
    assert recipes >= 4
