"""xarray and netCDF: nothing is lost on the way there and back."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from builders import netcdf
from builders.datasets import datasets, small, without
from spectrode import read, write
from spectrode.errors import InvalidDataset, SpectrodeError, UnreadableFile
from spectrode.interop.xarray import from_xarray, to_xarray
from spectrode.readers import reader_for
from spectrode.readers.netcdf import READER

xarray = pytest.importorskip("xarray", reason="xarray is not installed (pip install 'spectrode[xarray]')")
FILE = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(datasets())
@settings(max_examples=60, deadline=None)
def test_there_and_back(dataset):
    assert from_xarray(to_xarray(dataset)).identical(dataset)


@given(datasets())
@FILE
def test_netcdf_round_trip(tmp_path, dataset):
    pytest.importorskip("h5netcdf")
    assert write(dataset, tmp_path / "x.nc") == ()
    again = without(read(tmp_path / "x.nc"), "flags of the reader", original=dataset)
    assert again.identical(dataset)


@given(datasets(min_spectra=1))
@FILE
def test_xarray_reads_what_was_written(tmp_path, dataset):
    pytest.importorskip("h5netcdf")
    write(dataset, tmp_path / "x.nc")
    with xarray.open_dataset(tmp_path / "x.nc", engine="h5netcdf") as data:
        assert from_xarray(data.load()).identical(dataset)


def test_what_a_user_of_xarray_sees():
    data = to_xarray(small())
    assert dict(data.sizes) == {"spectrum": 2, "shift": 3}
    assert data["shift"].attrs["units"] == "1/cm"
    np.testing.assert_array_equal(data["intensity"].sel(shift=101.5), [2.0, 5.0])
    np.testing.assert_array_equal(data["time_s"], [0.0, 2.0])


def test_a_dataset_of_ones_own():
    data = xarray.Dataset(
        {"intensity": (("shift", "spectrum"), np.arange(6.0).reshape(3, 2))},
        {"shift": ("shift", [400.0, 500.0, 600.0], {"units": "nm"}), "x_um": ("spectrum", [1.0, 2.0]),
         "label": ("spectrum", ["a", "b"])},
    )  # fmt: skip
    made = from_xarray(data)
    assert made.axis_kind == "wavelength"
    np.testing.assert_array_equal(made.intensity, [[0, 2, 4], [1, 3, 5]])
    assert set(made.columns) == {"x_um"}


def test_lazy_stays_lazy():
    da = pytest.importorskip("dask.array")
    lazy = small().replace(intensity=da.from_array(small().intensity, chunks=(1, 3)))
    assert to_xarray(lazy)["intensity"].chunks is not None
    again = from_xarray(to_xarray(lazy))
    assert again.is_lazy
    assert again.computed().identical(small())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "variable intensity"),
        (xarray.Dataset({"intensity": (("a", "shift"), np.ones((2, 2)))}, {"shift": [1.0, 2.0]}), "dimensions"),
        (xarray.Dataset({"intensity": (("spectrum", "shift"), np.ones((2, 2)))},
                        {"shift": ("shift", [1.0, 2.0], {"units": "eV"})}), "1/cm and nm are known"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(data, words):
    with pytest.raises(InvalidDataset, match=words):
        from_xarray(data)


@pytest.mark.parametrize("module", ["xarray", "h5netcdf"])
def test_a_missing_package_is_a_sentence(tmp_path, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SpectrodeError, match=r"pip install 'spectrode\[xarray\]'"):
        write(small(), tmp_path / "x.nc")
    assert not list(tmp_path.iterdir())


def test_damaged_files(tmp_path):
    for name, content in netcdf.examples().items():
        rng = random.Random(name)
        path = tmp_path / name
        for step in range(100):
            mutated = bytearray(content if step % 5 else content[: rng.randrange(len(content))])
            for _ in range(rng.choice((1, 4)) if mutated else 0):
                mutated[rng.randrange(len(mutated))] = rng.randrange(256)
            path.write_bytes(mutated)
            try:
                read(path, reader="netcdf")
            except UnreadableFile:
                continue


def test_netcdf_of_others_is_left_alone(tmp_path):
    pytest.importorskip("h5netcdf")
    path = tmp_path / "x.nc"
    xarray.Dataset({"intensity": (("spectrum", "shift"), np.ones((2, 2)))}).to_netcdf(path, engine="h5netcdf")
    assert not READER.sniff(path, path.read_bytes())
    write(small(), path)
    assert reader_for(path).name == "netcdf"
