"""Inputs that are folders, as Zarr stores are."""

from pathlib import Path

import numpy as np
import pytest

from spectrode.analysis import load_inputs
from spectrode.dataset import OperandoDataset
from spectrode.writers import write


def test_a_store_that_is_a_folder_can_be_an_input(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    spectra = np.random.default_rng(1).random((4, 50))
    path = tmp_path / "map.zarr"
    write(OperandoDataset(spectra, np.linspace(300, 1900, 50)), path)
    dataset, trace, inputs = load_inputs([path], None)
    np.testing.assert_array_equal(dataset.intensity, spectra)
    assert trace is None
    assert inputs.spectra == (str(path),)
    assert str(path) not in inputs.sha256
