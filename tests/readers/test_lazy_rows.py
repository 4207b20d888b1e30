"""Rows that stay in their file: any index gives what the array in memory gives."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spectrode.errors import UnreadableFile
from spectrode.readers import _lazy
from spectrode.readers._lazy import FileRows, FileStamp, HDF5Rows, as_dask

TRUTH = np.arange(70, dtype=">i2").reshape(10, 7)
INDICES: list[Any] = [
    (slice(None), slice(None)),
    (3, slice(None)),
    (slice(2, 9, 3), slice(1, 4)),
    (slice(None, None, -1), slice(None)),
    ([5, 0, 0], slice(None)),
    (slice(0, 0), slice(None)),
    (Ellipsis, -1),
    (np.arange(10) % 3 == 0, slice(None)),
]


@pytest.fixture
def raw(tmp_path: Path) -> FileRows:
    path = tmp_path / "rows.bin"
    path.write_bytes(b"head" + TRUTH.tobytes() + b"tail")
    return FileRows(FileStamp.of(path), 4, (10, 7), TRUTH.dtype)


@pytest.fixture
def hdf5(tmp_path: Path) -> HDF5Rows:
    path = tmp_path / "rows.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a/b", data=TRUTH, chunks=(4, 3), compression="gzip")
    return HDF5Rows(FileStamp.of(path), "a/b", (10, 7), TRUTH.dtype)


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize("flipped", [False, True])
def test_any_index(raw: FileRows, index: Any, flipped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lazy, "BLOCK_BYTES", 3 * 7 * 2)
    truth = TRUTH[:, ::-1] if flipped else TRUTH
    rows = raw.flip(flipped)
    np.testing.assert_array_equal(rows[index], truth[index])
    np.testing.assert_array_equal(rows.read(), truth)
    lazy = as_dask(rows)
    assert lazy.chunks == ((3, 3, 3, 1), (7,))
    assert lazy.dtype == np.int16
    assert lazy.dtype.isnative
    np.testing.assert_array_equal(lazy[index].compute(), truth[index])


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_any_index_of_hdf5(hdf5: HDF5Rows, index: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lazy, "BLOCK_BYTES", 5 * 7 * 2)
    lazy = as_dask(hdf5, multiple_of=4)
    assert lazy.chunks == ((4, 4, 2), (7,))
    np.testing.assert_array_equal(lazy[index].compute(), TRUTH[index])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(lazy)).compute(), TRUTH)


def test_files_that_changed_are_refused(raw: FileRows, hdf5: HDF5Rows) -> None:
    for rows in (raw, hdf5):
        path = Path(rows.file.path)
        with open(path, "ab") as stream:
            stream.write(b"x")
        with pytest.raises(UnreadableFile, match="has changed since"):
            as_dask(rows).compute()
        path.unlink()
        with pytest.raises(UnreadableFile, match="is not there any more"):
            rows[0]


def test_equal_files_have_equal_names_and_changed_ones_not(raw: FileRows) -> None:
    assert as_dask(raw).name == as_dask(raw).name
    assert as_dask(raw).name != as_dask(raw.flip(True)).name
    assert as_dask(raw).name != as_dask(raw.first(9)).name


def test_light_is_searched_block_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.zeros((9, 4), dtype="<f4")
    values[6, 3] = -1
    path = tmp_path / "rows.bin"
    path.write_bytes(values.tobytes())
    rows = FileRows(FileStamp.of(path), 0, (9, 4), values.dtype)
    for height in (1, 2, 4, 100):
        monkeypatch.setattr(_lazy, "BLOCK_BYTES", height * 16)
        assert rows.any_in(0, 9)
        assert rows.any_in(6, 7)
        assert not rows.any_in(0, 6)
        assert not rows.any_in(7, 9)
        assert not rows.any_in(3, 3)


def test_a_file_that_is_too_short(raw: FileRows) -> None:
    with pytest.raises(UnreadableFile, match="ends after 72 of 7000 numbers"):
        raw.first(1000).read()
    with pytest.raises(UnreadableFile, match="cannot be read any more"):
        raw.first(1000)[0]
