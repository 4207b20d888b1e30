"""Importing the core costs nothing and pulls in nothing that a cluster or a script does not need."""

import subprocess
import sys

import pytest

HEAVY = ("napari", "qtpy", "PyQt6", "PySide6", "matplotlib", "ramanspy", "pandas", "sklearn", "scipy", "numba", "h5py")


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("code", ["import spectrode", "import spectrode.cli"])
def test_import_is_light(code):
    loaded = loaded_after(code)
    assert not loaded & {*HEAVY, "numpy"}


@pytest.mark.parametrize(
    "code",
    [
        "from spectrode import OperandoDataset, read, analyse, Recipe",
        "from spectrode.pipeline.step import registered_steps; registered_steps()",
    ],
)
def test_public_names_do_not_pull_in_interfaces(code):
    assert not loaded_after(code) & {"napari", "qtpy", "PyQt6", "PySide6", "matplotlib", "ramanspy", "pandas"}


def test_core_never_imports_the_plugin():
    assert "napari_spectrode" not in loaded_after("import spectrode, spectrode.cli, spectrode.analysis")
