"""ENVI: every order of the numbers and every type gives the same cube; sizes are checked before anything is read."""

from __future__ import annotations

import contextlib
import random
from datetime import UTC, datetime

import numpy as np
import pytest

from builders import envi
from builders.envi import BANDS, CODES, LINES, SAMPLES, cube
from spectrode.errors import UnreadableFile
from spectrode.readers import read
from spectrode.readers.envi import READER

EXPECTED = cube().reshape(-1, BANDS)
AXIS = 500.5 + 2 * np.arange(BANDS)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
def test_every_layout_gives_the_same_cube(tmp_path, interleave, code, big):
    path = envi.write(tmp_path, interleave, code, big=big, offset=13)
    for given in (path, tmp_path / "made.img"):
        data = read(given)
        assert data.metadata.sources[0].reader == "envi"
        assert data.intensity.dtype == np.dtype(code)
        np.testing.assert_array_equal(data.intensity, EXPECTED)
        np.testing.assert_array_equal(data.shift, AXIS)
        assert data.axis_kind == "wavelength"
        assert data.scan_shape == (("y", LINES), ("x", SAMPLES))
        np.testing.assert_array_equal(data.as_cube(), cube())
        assert not data.metadata.warnings


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("falling", [False, True])
def test_it_can_stay_in_the_file(tmp_path, interleave, falling):
    axis = AXIS[::-1] if falling else AXIS
    path = envi.write(tmp_path, interleave, "i2", big=True, wavelength="{" + ",".join(map(str, axis)) + "}")
    expected = EXPECTED[:, ::-1] if falling else EXPECTED
    np.testing.assert_array_equal(read(path).intensity, expected)
    lazy = read(path, lazy=True)
    assert lazy.is_lazy
    np.testing.assert_array_equal(lazy.shift, AXIS)
    np.testing.assert_array_equal(lazy.computed().intensity, expected)
    for rows in (slice(3, 10), slice(4, 5), slice(0, 0), slice(1, 11, 3), [2, 9, 5], 7):
        np.testing.assert_array_equal(np.asarray(lazy.intensity[rows]), expected[rows])
    np.testing.assert_array_equal(np.asarray(lazy.intensity[2:9, 1:3]), expected[2:9, 1:3])


@pytest.mark.parametrize(
    ("unit", "extra", "kind", "factor"),
    [
        ("Nanometers", {}, "wavelength", 1),
        ("Micrometers", {}, "wavelength", 1000),
        ("Angstroms", {}, "wavelength", 0.1),
        ("Wavenumber", {}, "wavenumber", 1),
        ("Wavenumber", {"sensor_type": "Raman microscope"}, "raman_shift", 1),
        ("cm-1", {"description": "{RAMAN map}"}, "raman_shift", 1),
    ],
)
def test_kind_of_axis(tmp_path, unit, extra, kind, factor):
    data = read(envi.write(tmp_path, wavelength_units=unit, **extra))
    assert data.axis_kind == kind
    np.testing.assert_allclose(data.shift, AXIS * factor)


@pytest.mark.parametrize("unit", [None, "Unknown", "Index"])
def test_without_a_unit_the_axis_must_be_named(tmp_path, unit):
    path = envi.write(tmp_path, wavelength_units=unit)
    with pytest.raises(UnreadableFile, match="with the option axis"):
        read(path)
    assert read(path, axis="raman_shift").axis_kind == "raman_shift"


def test_spectral_library(tmp_path):
    values = np.arange(12.0).reshape(1, 4, 3).transpose(2, 1, 0)  # 3 spectra of 4 channels, one band
    path = envi.write(
        tmp_path, values=values, ending=".sli", file_type="ENVI Spectral Library", samples=4, lines=3, bands=1,
        wavelength="{1, 2, 3, 4}",
    )  # fmt: skip
    data = read(path)
    assert data.scan_shape == ()
    np.testing.assert_array_equal(data.intensity, values[:, :, 0])


def test_masks_positions_and_time(tmp_path):
    path = envi.write(
        tmp_path, bbl="{1, 0, 1, 1, 1}", data_ignore_value=61, pixel_size="{2.0, 3, units=Micrometers}",
        acquisition_time="2024-03-31T10:00:00Z", data_gain_values="{1,2,3,4,5}",
    )  # fmt: skip
    data = read(path)
    expected = np.zeros(EXPECTED.shape, bool)
    expected[:, 1] = True
    expected[SAMPLES, 0] = True  # line 1, sample 0, band 0 is 61
    np.testing.assert_array_equal(data.mask, expected)
    np.testing.assert_array_equal(data.columns["x_um"][:5], [0, 2, 4, 6, 0])
    np.testing.assert_array_equal(data.columns["y_um"][:5], [0, 0, 0, 0, 3])
    assert data.metadata.started_at == datetime(2024, 3, 31, 10, tzinfo=UTC)
    assert any("data gain values" in w and "as stored" in w for w in data.metadata.warnings)
    assert data.metadata.title == "made, by hand\n for tests"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"samples": 10**12}, "cut short or another file"),
        ({"bands": 10**14}, "cut short or another file"),
        ({"header_offset": 10**14}, "cut short or another file"),
        ({"lines": LINES + 1}, "cut short or another file"),
        ({"lines": 0}, "nothing"),
        ({"lines": "-3"}, "whole number for 'lines'"),
        ({"samples": None}, "whole number for 'samples'"),
        ({"data_type": 6}, "the real types"),
        ({"byte_order": 7}, "not known"),
        ({"file_compression": 1}, "compressed"),
        ({"wavelength": None}, "lists no wavelengths"),
        ({"wavelength": "{1, 2, 3}"}, "3 wavelengths for 5 channels"),
        ({"wavelength": "{1, 2, x, 4, 5}"}, "not a number"),
        ({"wavelength": "{1, 2, 3, 3, 5}"}, "neither rising nor falling"),
        ({"wavelength": "{1, 2, 3"}, "does not end"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, fields, words):
    path = envi.write(tmp_path, **fields)
    with pytest.raises(UnreadableFile, match=words):
        read(path)


def test_the_other_file_is_missing(tmp_path):
    path = envi.write(tmp_path)
    (tmp_path / "made.img").unlink()
    with pytest.raises(UnreadableFile, match="binary file is missing"):
        read(path)
    (tmp_path / "lonely.img").write_bytes(b"\0" * 100)
    assert not READER.sniff(tmp_path / "lonely.img", b"\0" * 100)
    with pytest.raises(UnreadableFile, match="none beside it"):
        read(tmp_path / "lonely.img", reader="envi")


def test_bytes_behind_the_numbers_are_named(tmp_path):
    path = envi.write(tmp_path)
    with open(tmp_path / "made.img", "ab") as stream:
        stream.write(b"1234")
    assert any("4 bytes more" in w for w in read(path).metadata.warnings)


def test_damage(tmp_path):
    path = envi.write(tmp_path)
    content, numbers = path.read_bytes(), (tmp_path / "made.img").read_bytes()
    rng = random.Random(3)
    for _ in range(400):
        mutated = bytearray(content)
        for _ in range(rng.choice((1, 1, 4))):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        path.write_bytes(mutated)
        with contextlib.suppress(UnreadableFile):
            read(path, reader="envi")
    path.write_bytes(content)
    for size in range(0, len(numbers), 17):
        (tmp_path / "made.img").write_bytes(numbers[:size])
        with pytest.raises(UnreadableFile, match="cut short"):
            read(path)


def test_no_other_measured_file_is_claimed(shared_data):
    root = shared_data("README.md").parent
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        with open(path, "rb") as stream:
            assert not READER.sniff(path, stream.read(1 << 16)), path


def test_an_unknown_interleave_is_refused(tmp_path):
    path = envi.write(tmp_path)
    path.write_text(path.read_text().replace("interleave = bsq", "interleave = xyz"))
    with pytest.raises(UnreadableFile, match="not known"):
        read(path)
