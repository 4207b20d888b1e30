"""Andor Solis text exports: built in several layouts, damaged, and recognised by their settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import andor_asc, damaged
from builders.andor_asc import a_text
from builders.andor_sif import numbered
from spectrode.dataset import OperandoDataset
from spectrode.errors import UnreadableFile
from spectrode.readers import read, reader_for
from spectrode.readers.andor_asc import READER, _date

Load = Callable[..., OperandoDataset]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def from_bytes(content: bytes, **options: Any) -> OperandoDataset:
        path = tmp_path / "made.asc"
        path.write_bytes(content)
        assert reader_for(path) is READER
        return read(path, **options)

    return from_bytes


@pytest.mark.parametrize("delimiter", ["\t", ",", ";", " "])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_layout_gives_the_same(load: Load, delimiter: str, before: bool, ending: str) -> None:
    data = load(a_text(3, delimiter, before, ending))
    np.testing.assert_array_equal(data.shift, 540 + np.arange(6))
    np.testing.assert_array_equal(data.intensity, numbered(3)[:, 0])
    assert data.axis_kind == "wavelength"  # the centre of the spectrograph, 541 nm, lies within it
    assert data.scan_shape == (("time", 3),)
    np.testing.assert_allclose(data.columns["time_s"], [0, 2.5, 5])
    assert data.metadata.times_derived
    np.testing.assert_allclose(data.columns["exposure_s"], 0.5)  # 5 × 0.1 s
    assert data.metadata.local_start == datetime(2017, 9, 8, 15, 3, 52)
    assert data.metadata.instrument.grating == "1200.75 g/mm, blaze 500NM"
    assert (data.metadata.instrument.model, data.metadata.instrument.detector) == ("SR193i", "DU888_BV")


def test_single_spectrum(load: Load) -> None:
    data = load(a_text(), laser_nm=532.0)
    assert data.scan_shape == ()
    np.testing.assert_array_equal(data.columns["time_s"], [0])
    assert data.metadata.laser.wavelength_nm == 532
    assert data.metadata.instrument.accumulations == 5
    assert data.metadata.vendor["settings"]["Acquisition Mode"] == "Kinetic"


def test_axis_without_a_sign_of_its_unit(load: Load) -> None:
    data = load(a_text().replace(b"541\r", b"700\r"))
    assert data.axis_kind == "raman_shift"
    assert any("does not state the unit" in w for w in data.metadata.warnings)


def test_columns_that_are_no_series(load: Load) -> None:
    data = load(a_text(3).replace(b"Kinetics Series:    3", b"Kinetics Series:    7"))
    assert data.scan_shape == ()
    assert "time_s" not in data.columns
    assert any("do not say what the 3 columns are" in w for w in data.metadata.warnings)
    tracks = (
        a_text(3)
        .replace(b"Kinetics Series:    3", b"Kinetics Series:    1")
        .replace(b"Tracks:             1", b"Tracks: 3")
    )
    assert load(tracks).scan_shape == (("track", 3),)


def test_long_exposure_names_the_ambiguity(load: Load) -> None:
    data = load(a_text().replace(b"0.1\r", b"10\r"))
    assert any("begin or the end of an exposure of 50 s" in w for w in data.metadata.warnings)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fri Sep  8 15:03:52 2017", datetime(2017, 9, 8, 15, 3, 52)),
        ("Tue Nov 28 15:52:10.25 2023", datetime(2023, 11, 28, 15, 52, 10, 250000)),
        ("Fri Feb 31 15:03:52 2017", None),
        ("yesterday", None),
    ],
)
def test_dates(text: str, expected: datetime | None) -> None:
    assert _date(text) == expected


def test_faults_are_named(load: Load) -> None:
    with pytest.raises(UnreadableFile, match="'broken' in line 3, within its table"):
        load(a_text().replace(b"\r\n542\t3", b"\r\nbroken\r\n542\t3"))
    with pytest.raises(UnreadableFile, match="no line of numbers"):
        load(andor_asc.SETTINGS.encode())
    assert any("'Fri Foo" in w for w in load(a_text().replace(b"Sep", b"Foo")).metadata.warnings)


def test_settings_at_the_end_of_a_large_file_are_seen(load: Load) -> None:
    rows = "".join(f"{500 + 0.01 * k:.2f}\t{k}\r\n" for k in range(9000)).encode()
    data = load(rows + b"\r\n" + andor_asc.SETTINGS.replace("{series}\n", "").encode())
    assert data.n_channels == 9000


def test_tables_without_settings_are_left_to_others(tmp_path: Path) -> None:
    path = tmp_path / "table.asc"
    path.write_bytes(a_text().split(b"Date and Time")[0])
    assert reader_for(path).name == "delimited-text"
    assert not READER.sniff(path, b"\0\1")


@pytest.mark.parametrize("name", andor_asc.examples())
def test_damaged_files_are_refused_or_read(tmp_path: Path, name: str) -> None:
    path, content = tmp_path / name, andor_asc.examples()[name]
    assert damaged.survives(READER, path, content)
    for changed in (*damaged.cuts(content), *damaged.flips(content, 120, within=len(content))):
        damaged.survives(READER, path, changed)
