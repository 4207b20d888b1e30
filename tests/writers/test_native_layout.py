"""How the native file lays its numbers out."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from spectrode import read, write
from spectrode.dataset import OperandoDataset
from spectrode.errors import InvalidDataset
from spectrode.writers.native_hdf5 import Reserved, chunk_shape


@pytest.mark.parametrize("n", [1, 511, 513, 600, 1025, 8191, 8192, 20_000])
@pytest.mark.parametrize("channels", [1, 127, 129, 1015, 1024])
def test_chunks_are_small_and_nearly_full(n, channels):
    rows, width = chunk_shape((n, channels))
    assert rows <= 512
    assert width <= 128
    stored = -(-n // rows) * rows * -(-channels // width) * width
    assert stored <= n * channels * 1.07 + 600


def test_intensities_are_not_compressed_and_masks_are(tmp_path):
    mask = np.zeros((700, 200), dtype=bool)
    mask[3, 4] = True
    dataset = OperandoDataset(np.random.default_rng(1).random((700, 200)), np.arange(200.0), mask=mask)
    write(dataset, tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["entry/data/intensity"].compression is None
        assert file["entry/data/mask"].id.get_storage_size() < mask.size / 20
    np.testing.assert_array_equal(read(tmp_path / "x.h5").mask, mask)


def test_files_of_the_former_layout_are_read(tmp_path):
    values = np.random.default_rng(1).random((700, 200))
    write(OperandoDataset(values, np.arange(200.0)), tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5", "a") as file:
        del file["entry/data/intensity"]
        file["entry/data"].create_dataset("intensity", data=values, chunks=(512, 128), compression="gzip", shuffle=True)
    np.testing.assert_array_equal(read(tmp_path / "x.h5").intensity, values)


def test_reserved_room_has_no_numbers():
    with pytest.raises(InvalidDataset, match="given room"):
        Reserved((2, 3), np.dtype(np.float32)).compute()
