"""Zarr stores: folders and zip files give back what was written, and damage is found."""

from __future__ import annotations

import json
import random
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from builders import zarr_store
from builders.datasets import datasets, small, without
from spectrode import read, write
from spectrode.errors import SpectrodeError, UnreadableFile
from spectrode.readers.zarr_store import READER, load_folder
from spectrode.writers.zarr_store import save_folder

zarr = pytest.importorskip("zarr", reason="zarr is not installed (pip install 'spectrode[zarr]')")
FILE = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(datasets())
@FILE
def test_round_trip_in_one_file(tmp_path, dataset):
    path = tmp_path / "x.zarr.zip"
    assert write(dataset, path) == ()
    again = without(read(path), "flags of the reader", original=dataset)
    assert again.identical(dataset)


@given(datasets())
@FILE
def test_round_trip_in_a_folder(tmp_path, dataset):
    save_folder(dataset, tmp_path / "x.zarr")
    assert load_folder(tmp_path / "x.zarr").identical(dataset)
    lazy = load_folder(tmp_path / "x.zarr", lazy=True)
    assert lazy.is_lazy
    assert lazy.computed().identical(dataset)


def test_a_large_map_is_in_chunks_of_whole_spectra_and_may_be_lazy(tmp_path):
    da = pytest.importorskip("dask.array")
    numbers = np.arange(3000 * 1024, dtype=np.float32).reshape(3000, 1024)
    dataset = small().replace(
        intensity=da.from_array(numbers, chunks=(700, 1024)),
        shift=np.arange(1024.0),
        columns={"time_s": np.arange(3e3)},
    )
    save_folder(dataset, tmp_path / "x.zarr")
    stored = zarr.open_group(tmp_path / "x.zarr", mode="r")["intensity"]
    assert stored.chunks == (1024, 1024)
    assert stored.nchunks_initialized == 3
    again = load_folder(tmp_path / "x.zarr", lazy=True)
    np.testing.assert_array_equal(np.asarray(again.intensity[2999]), numbers[2999])
    assert again.computed().identical(dataset.computed())


def test_a_folder_of_something_else_is_not_touched(tmp_path):
    (tmp_path / "x.zarr").mkdir()
    (tmp_path / "x.zarr" / "thesis.docx").write_text("years")
    with pytest.raises(SpectrodeError, match="not written to"):
        save_folder(small(), tmp_path / "x.zarr")
    save_folder(small(), tmp_path / "y.zarr")
    save_folder(small().select([1]), tmp_path / "y.zarr")  # an older store is replaced
    assert load_folder(tmp_path / "y.zarr").n_spectra == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.zarr", "y.zarr"]


def test_a_failed_write_leaves_the_old_folder_and_no_other(tmp_path, monkeypatch):
    save_folder(small(), tmp_path / "x.zarr")

    def fail(*_):
        raise RuntimeError("disk on fire")

    monkeypatch.setattr("spectrode.writers.zarr_store._write_array", fail)
    with pytest.raises(RuntimeError):
        save_folder(small().select([0]), tmp_path / "x.zarr")
    assert load_folder(tmp_path / "x.zarr").identical(small())
    assert [p.name for p in tmp_path.iterdir()] == ["x.zarr"]


def test_a_lost_chunk_is_not_taken_for_zeros(tmp_path):
    save_folder(small(), tmp_path / "x.zarr")
    (chunk,) = (tmp_path / "x.zarr" / "intensity" / "c").rglob("0/0")
    chunk.unlink()
    with pytest.raises(UnreadableFile, match="declares 1 chunks of intensity, but holds 0"):
        load_folder(tmp_path / "x.zarr")


@pytest.mark.parametrize("shape", [[10**9, 3], [2, 10**12], [2**40, 2**40]])
def test_huge_declared_sizes(tmp_path, shape):
    save_folder(small(), tmp_path / "x.zarr")
    header = tmp_path / "x.zarr" / "intensity" / "zarr.json"
    for chunks in ([2, 3], shape):
        words = json.loads(header.read_text())
        words["shape"] = shape
        words["chunk_grid"]["configuration"]["chunk_shape"] = chunks
        header.write_text(json.dumps(words))
        with pytest.raises(UnreadableFile, match=r"declares|damaged"):
            load_folder(tmp_path / "x.zarr")


def test_a_compressed_zip_is_refused(tmp_path):
    write(small(), tmp_path / "x.zarr.zip")
    with (
        zipfile.ZipFile(tmp_path / "x.zarr.zip") as old,
        zipfile.ZipFile(tmp_path / "y.zarr.zip", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    with pytest.raises(UnreadableFile, match="must be uncompressed"):
        read(tmp_path / "y.zarr.zip", reader="zarr")


def test_damaged_files(tmp_path):
    for name, content in zarr_store.examples().items():
        rng = random.Random(name)
        path = tmp_path / name
        whole = read(path) if path.write_bytes(content) else None
        for step in range(100):
            mutated = bytearray(content if step % 5 else content[: rng.randrange(len(content))])
            for _ in range(rng.choice((1, 4)) if mutated else 0):
                mutated[rng.randrange(len(mutated))] = rng.randrange(256)
            path.write_bytes(mutated)
            try:
                again = read(path, reader="zarr")
            except UnreadableFile:
                continue
            # The checksums of the zip file leave no damaged number unnoticed.
            np.testing.assert_array_equal(again.intensity, whole.intensity)


def test_stores_and_zips_of_others(tmp_path):
    zarr.create_group(tmp_path / "other.zarr", attributes={"a": 1})
    with pytest.raises(UnreadableFile, match="not one that Spectrode wrote"):
        load_folder(tmp_path / "other.zarr")
    with pytest.raises(UnreadableFile, match="no Zarr store"):
        load_folder(tmp_path)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert not READER.sniff(tmp_path / "x.zip", (tmp_path / "x.zip").read_bytes())


def test_a_missing_package_is_a_sentence(tmp_path, monkeypatch):
    write(small(), tmp_path / "x.zarr.zip")
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(SpectrodeError, match=r"pip install 'spectrode\[zarr\]'"):
        write(small(), tmp_path / "y.zarr.zip")
    with pytest.raises(SpectrodeError, match=r"pip install 'spectrode\[zarr\]'"):
        read(tmp_path / "x.zarr.zip")
    assert [p.name for p in tmp_path.iterdir()] == ["x.zarr.zip"]
