"""WITec exports for MATLAB: built element by element, compared with scipy, damaged, and a measured map."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from builders import damaged, witec_mat
from builders.witec_mat import a_file, element, fields, matrix
from spectrode.dataset import OperandoDataset
from spectrode.errors import UnreadableFile
from spectrode.readers import read, reader_for
from spectrode.readers._mat5 import variables
from spectrode.readers.witec_mat import READER

Load = Callable[..., OperandoDataset]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def from_bytes(content: bytes, **options: Any) -> OperandoDataset:
        path = tmp_path / "made.mat"
        path.write_bytes(content)
        return read(path, reader="witec-mat", **options)

    return from_bytes


@pytest.mark.parametrize("packed", [False, True])
def test_image_is_laid_out_as_matlab_shows_it(load: Load, packed: bool) -> None:
    data = load(a_file(packed=packed))
    assert data.scan_shape == (("y", 3), ("x", 2))
    cube = data.as_cube()
    for row in range(3):
        for column in range(2):
            np.testing.assert_array_equal(cube[row, column], 100 * column + 10 * row + np.arange(4) + 1)
    np.testing.assert_array_equal(data.as_cube(data.columns["y_um"])[:, 0], [0, 0.5, 1])
    np.testing.assert_array_equal(data.as_cube(data.columns["x_um"])[0], [0, 2])
    assert data.intensity.dtype == np.float32
    np.testing.assert_array_equal(data.shift, [500, 501, 502.5, 504])
    assert data.axis_kind == "raman_shift"
    assert data.metadata.title == "Map A"
    assert data.metadata.instrument.vendor == "WITec"
    assert data.metadata.local_start is None  # its date is that of the export
    assert any("does not say which way its image of 3 × 2 lies" in w for w in data.metadata.warnings)
    assert json.loads(json.dumps(data.metadata.vendor))["date"] == [2023, 2, 9, 14, 32, 40.5]


def test_list_of_spectra_without_image(load: Load) -> None:
    data = load(a_file(matrix("S", fields(imagesize=np.zeros((0, 0))))))
    assert data.scan_shape == ()
    assert "x_um" not in data.columns


def test_descending_axis_and_other_units(load: Load) -> None:
    axis = [[np.zeros((0, 0)), ""], [np.array([[640.0, 639, 638, 637]]), "nm"]]
    data = load(a_file(matrix("S", fields(axisscale=axis))))
    assert data.axis_kind == "wavelength"
    np.testing.assert_array_equal(data.shift, [637, 638, 639, 640])
    np.testing.assert_array_equal(data.intensity[0], [4, 3, 2, 1])
    axis[1][1] = ""
    assert any("unit of its axis" in w for w in load(a_file(matrix("S", fields(axisscale=axis)))).metadata.warnings)
    axis[1][1] = "furlong"
    with pytest.raises(UnreadableFile, match="'furlong'"):
        load(a_file(matrix("S", fields(axisscale=axis))))


def test_several_objects_are_listed_and_chosen(load: Load) -> None:
    small = fields(data=np.ones((1, 4)), imagesize=np.array([[1.0, 1.0]]), name="one")
    content = a_file(matrix("Small", small), matrix("Large", fields()))
    data = load(content)
    assert data.n_spectra == 6
    assert any("2 datasets: 'Small', 'Large'; 'Large' was read" in w for w in data.metadata.warnings)
    assert load(content, dataset="Small").n_spectra == 1
    with pytest.raises(UnreadableFile, match="no dataset 'None'; it has 'Small', 'Large'"):
        load(content, dataset="None")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"imagesize": np.array([[3.0, 3.0]])}, "an image of 3 × 3, but holds 6 spectra"),
        ({"data": "text"}, "no table of spectra"),
        ({"data": np.ones((6, 5))}, "spectra of 5 channels, but a spectral axis of 4"),
        ({"axisscale": "nothing"}, "spectral axis of 0"),
    ],
)
def test_parts_that_do_not_fit(load: Load, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        load(a_file(matrix("S", fields(**changes))))


def test_claimed_sizes_are_compared_before_use(load: Load) -> None:
    huge = matrix("S", fields(data=np.ones((6, 4)))).replace(
        np.array([6, 4], dtype="<i4").tobytes(), np.array([2**30, 2**30], dtype="<i4").tobytes()
    )
    with pytest.raises(UnreadableFile, match="1073741824"):
        load(a_file(huge))
    cells = matrix("S", [[np.ones((1, 1))]], dims=(40, 1))
    with pytest.raises(UnreadableFile, match=r"announces 40 values|cut short"):
        load(a_file(cells))
    with pytest.raises(UnreadableFile, match=r"grows beyond 100 times"):
        load(a_file(element(14, b"\0" * 5_000_000), packed=True))
    nested = matrix("", np.ones((1, 1)))
    for _ in range(30):
        nested = element(14, witec_mat._start(1, (1, 1), "") + nested)
    with pytest.raises(UnreadableFile, match="nested more than"):
        load(a_file(nested))


def test_matlab_reader_agrees_with_scipy(tmp_path: Path) -> None:
    content = {
        "f8": np.arange(6.0).reshape(2, 3) / 7,
        "u1": np.arange(5, dtype="u1")[None],
        "i4": np.array([[-(2**31), 2**31 - 1]], dtype="i4"),
        "long_name_of_a_variable": np.ones((2, 2, 2)),
        "text": "µm and cm",
        "cells": np.array([["a", np.eye(2)]], dtype=object),
        "s": {"a": np.array([[1.0]]), "b": "x"},
    }
    for compress in (False, True):
        stream = io.BytesIO()
        savemat(stream, content, do_compression=compress)
        path = tmp_path / "scipy.mat"
        path.write_bytes(stream.getvalue())
        ours, theirs = variables(path), loadmat(path)
        for name in ("f8", "u1", "i4", "long_name_of_a_variable"):
            np.testing.assert_array_equal(ours[name], theirs[name])
            assert ours[name].dtype == theirs[name].dtype
        assert ours["text"] == theirs["text"][0]
        np.testing.assert_array_equal(ours["cells"][0, 1], np.eye(2))
        assert ours["s"].fields["b"] == "x"


def test_values_stored_in_a_smaller_type(load: Load) -> None:
    counts = fields()["data"].astype("f8")
    data = load(a_file(matrix("S", fields(data=(counts, "u1")))))
    np.testing.assert_array_equal(data.intensity, counts)
    assert data.intensity.dtype == np.float64


@pytest.mark.parametrize("name", witec_mat.examples())
def test_damaged_files_are_refused_or_read(tmp_path: Path, name: str) -> None:
    path, content = tmp_path / name, witec_mat.examples()[name]
    assert damaged.survives(READER, path, content)
    # The last cells of the object are its history, which is read like the rest: no cut goes unnoticed.
    assert not any(damaged.survives(READER, path, cut) for cut in damaged.cuts(content[:-2]))
    for changed in damaged.flips(content, 120, within=len(content)):
        damaged.survives(READER, path, changed)


def test_other_matlab_files_are_not_claimed(tmp_path: Path) -> None:
    stream = io.BytesIO()
    savemat(stream, {"data": np.ones((3, 4)), "axisscale": np.arange(4.0)})
    assert not READER.sniff(tmp_path / "a.mat", stream.getvalue())
    path = tmp_path / "map.bin"
    path.write_bytes(a_file(packed=True))
    assert reader_for(path) is READER
    assert not READER.sniff(path, b"MATLAB 5.0 MAT-file")


SharedData = Callable[[str], Path]
MAP = "witec/3D THP1 map 001 L5 (B+R) (Sub BG).mat"


def test_measured_map(shared_data: SharedData) -> None:
    path = shared_data(MAP)
    data = read(path)
    assert data.scan_shape == (("y", 40), ("x", 40))
    theirs = loadmat(path)["Struct_3DTHP1map001L5BRSubBG"][0, 0]
    np.testing.assert_array_equal(data.intensity, theirs["data"])
    np.testing.assert_array_equal(data.shift, theirs["axisscale"][1, 0].ravel())
    np.testing.assert_array_equal(
        data.as_cube(), np.reshape(theirs["data"], (40, 40, 500), order="F")
    )  # as MATLAB reshapes it
    np.testing.assert_allclose(np.unique(data.columns["x_um"]), 0.625 * np.arange(40))
    for spectrum, place in ((1350, 679.9), (1188, 621.7), (1310, 679.9)):  # cosmic rays
        at = int(np.abs(data.shift - place).argmin())
        others = data.intensity[:, at - 1 : at + 2].max(axis=1)
        assert others[spectrum] > 5 * np.median(np.abs(others))
    assert data.metadata.instrument.software == "Project FIVE (Version 5.2)"


def test_measured_tables_are_not_claimed(shared_data: SharedData) -> None:
    path = shared_data("unmixing/als2004dataset.MAT")
    assert not READER.sniff(path, path.read_bytes()[: 1 << 16])
    ours, theirs = variables(path), loadmat(path)
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name])
    with pytest.raises(UnreadableFile, match="holds no DataSet Object"):
        read(path, reader="witec-mat")
