"""OMNIC: files made from the description of the format. No measured file was at hand, so they cannot prove it right."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from builders import damaged, thermo_omnic
from builders.thermo_omnic import DATA_POINTS, NM, RAMAN, T0, UM, Omnic, Srs, header_block
from spectrode.dataset import OperandoDataset
from spectrode.errors import UnreadableFile
from spectrode.readers import read, reader_for
from spectrode.readers.thermo_omnic import READER

Write = Callable[[object], Path]
START = datetime(2024, 3, 31, 1, 30, tzinfo=UTC)
SPECTRA = np.arange(15.0).reshape(3, 5) + 0.5


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: object) -> Path:
        path = tmp_path / "made.spa"
        path.write_bytes(bytes(content))  # type: ignore[call-overload]
        return path

    return to_file


def has(data: OperandoDataset, words: str) -> bool:
    return any(words in w for w in data.metadata.warnings)


# -- spa ---------------------------------------------------------------------------------------------------------------


def test_single_spectrum(write: Write) -> None:
    data = read(write(thermo_omnic.single()))
    np.testing.assert_array_equal(data.shift, [400, 1300, 2200, 3100, 4000])
    np.testing.assert_array_equal(data.intensity, [[1, 2, 3, 4, 5]])  # the first value belongs to the first end, 4000
    assert data.axis_kind == "wavenumber"
    assert data.metadata.started_at == START
    assert data.metadata.title == "sucrose"
    assert data.metadata.instrument.accumulations == 32
    np.testing.assert_allclose(data.columns["exposure_s"], 22.0)
    assert data.metadata.vendor["history"] == "Collect Sample"
    assert data.metadata.vendor["comments"] == "a comment"
    assert data.metadata.vendor["header"]["y_unit"] == "absorbance"
    assert not data.metadata.warnings


@pytest.mark.parametrize(
    ("unit", "kind", "factor"), [(RAMAN, "raman_shift", 1.0), (NM, "wavelength", 1.0), (UM, "wavelength", 1000.0)]
)
def test_units(write: Write, unit: int, kind: str, factor: float) -> None:
    data = read(write(Omnic().spectrum([1.0, 2.0, 3.0], 100.0, 500.0, x_unit=unit, laser=12827.97)))
    assert data.axis_kind == kind
    np.testing.assert_allclose(data.shift, np.array([100.0, 300.0, 500.0]) * factor)
    np.testing.assert_array_equal(data.intensity, [[1, 2, 3]])
    wavelength = data.metadata.laser.wavelength_nm
    assert wavelength == (pytest.approx(779.546, abs=1e-3) if unit == RAMAN else None)


@pytest.mark.parametrize(("unit", "words"), [(DATA_POINTS, "interferograms"), (99, "unknown unit 99")])
def test_what_is_no_spectrum_is_refused(write: Write, unit: int, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read(write(Omnic().spectrum([1.0, 2.0], x_unit=unit)))


@pytest.mark.parametrize("stamp", [0, 1, 2_000_000_000])
def test_library_spectra_have_no_date(write: Write, stamp: int) -> None:
    data = read(write(Omnic(stamp=stamp).spectrum([1.0, 2.0])))
    assert data.metadata.started_at is None
    assert "time_s" not in data.columns
    assert has(data, "no time of measurement")


# -- spg ---------------------------------------------------------------------------------------------------------------


def test_group(write: Write) -> None:
    data = read(write(thermo_omnic.group()))
    np.testing.assert_array_equal(data.intensity, [[3, 2, 1, 0], [13, 12, 11, 10], [23, 22, 21, 20]])
    np.testing.assert_array_equal(data.columns["time_s"], [0, 30, 61])
    assert data.metadata.started_at == START
    assert not data.metadata.times_derived
    assert data.metadata.vendor["titles"] == ["spectrum 0", "spectrum 1", "spectrum 2"]


def test_group_keeps_the_files_order(write: Write) -> None:
    made = Omnic()
    for seconds in (50, 0, 20):
        made.spectrum([1.0 + seconds, 2.0], title="s", stamp=T0 + seconds)
    made.spectrum([0.5, 2.0], title="from a library", stamp=0)
    data = read(write(made))
    np.testing.assert_array_equal(data.columns["time_s"], [50, 0, 20, np.nan])
    assert data.metadata.started_at == START
    assert data.absolute_time(3) is None


def test_group_on_different_axes_is_a_choice(write: Write) -> None:
    made = thermo_omnic.group().spectrum([7.0, 8.0], 2000.0, 1000.0, title="other", stamp=T0 + 100)
    path = write(made)
    data = read(path)
    assert data.n_spectra == 3
    assert has(data, "'4' (1 × 2)")
    other = read(path, dataset="4")
    np.testing.assert_array_equal(other.intensity, [[8, 7]])
    np.testing.assert_array_equal(other.shift, [1000, 2000])
    assert other.metadata.vendor["titles"] == ["other"]
    assert (other.metadata.started_at - START).total_seconds() == 100
    with pytest.raises(UnreadableFile, match="no dataset '2'"):
        read(path, dataset="2")


def test_group_without_titles_has_no_times(write: Write) -> None:
    data = read(write(Omnic().spectrum([1.0, 2.0]).spectrum([3.0, 4.0])))
    assert data.metadata.started_at is None
    assert has(data, "names 0 of its 2 spectra")


# -- srs ---------------------------------------------------------------------------------------------------------------


def test_series(write: Write) -> None:
    data = read(write(Srs(SPECTRA)))
    np.testing.assert_array_equal(data.shift, [400, 1300, 2200, 3100, 4000])
    np.testing.assert_array_equal(data.intensity, SPECTRA)  # stored rising, although the ends are listed falling
    np.testing.assert_allclose(data.columns["time_s"], [3.0, 33.0, 63.0], rtol=1e-6)
    assert data.metadata.times_derived
    assert data.metadata.started_at == START
    assert data.scan_shape == (("time", 3),)
    assert data.metadata.title == "series"
    assert data.metadata.vendor["titles"][1] == "Linked spectrum at 0.550 min."
    assert has(data, "no real file")


def test_uneven_series_follows_the_counters(write: Write) -> None:
    data = read(write(Srs(SPECTRA, counters=[3300, 9900])))
    np.testing.assert_allclose(data.columns["time_s"], [3.0, 33.0, 99.0], rtol=1e-6)
    assert not data.metadata.times_derived
    assert has(data, "equal steps")
    back = read(write(Srs(SPECTRA, counters=[100, 9900])))
    np.testing.assert_allclose(back.columns["time_s"], [3.0, 33.0, 63.0], rtol=1e-6)
    assert has(back, "contradict")


@pytest.mark.parametrize("copies", [(836,), (368, 828)])
def test_start_needs_its_copies(write: Write, copies: tuple[int, ...]) -> None:
    assert read(write(Srs(SPECTRA, copies=copies))).metadata.started_at == START


@pytest.mark.parametrize("copies", [(), (368,), (828,)])
def test_start_without_copies_is_unknown(write: Write, copies: tuple[int, ...]) -> None:
    data = read(write(Srs(SPECTRA, copies=copies)))
    assert data.metadata.started_at is None
    assert has(data, "start is not known")
    assert "time_s" in data.columns


def test_interferogram_series_is_refused(write: Write) -> None:
    with pytest.raises(UnreadableFile, match="interferograms"):
        read(write(Srs(SPECTRA, x_unit=DATA_POINTS)))


def test_series_without_steps(write: Write) -> None:
    data = read(write(Srs(SPECTRA, step_min=float("nan"), counters=[0, 0])))
    assert "time_s" not in data.columns
    assert data.scan_shape == ()


# -- damage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", thermo_omnic.examples())
def test_cut_files_are_refused_or_whole(tmp_path: Path, name: str) -> None:
    raw = thermo_omnic.examples()[name]
    whole = [len(cut) for cut in damaged.cuts(raw) if damaged.survives(READER, tmp_path / name, cut)]
    # A title or a comment, or the trailer of the last record, may be missing behind the spectra.
    assert not whole or min(whole) >= len(raw) - 300


@pytest.mark.parametrize("name", thermo_omnic.examples())
def test_flipped_bytes(tmp_path: Path, name: str) -> None:
    outcomes = [damaged.survives(READER, tmp_path / name, m) for m in damaged.flips(thermo_omnic.examples()[name], 300)]
    assert any(outcomes)


@pytest.mark.parametrize(
    "made",
    [
        Omnic().add(0x02, header_block(2**32 - 1, 4000.0, 400.0)).add(0x03, b"\0" * 16),
        Omnic().add(0x02, header_block(0, 4000.0, 400.0)).add(0x03, b"\0" * 16),
        Omnic().add(0x02, header_block(4, 4000.0, 400.0)).add(0x03, b"\0" * 12),
        Omnic().add(0x02, header_block(4, 4000.0, 400.0)).add(0x03, b"\0" * 12, size=16),
        Omnic().add(0x02, header_block(4, 4000.0, 400.0)),
        Omnic().add(0x03, b"\0" * 16),
        Omnic(),
        Omnic().spectrum([1.0, 2.0]).add(0x03, b"\0" * 8),
        Omnic().spectrum([1.0, 2.0], first=400.0),
        Omnic().spectrum([1.0, 2.0], first=float("inf")),
        Srs(SPECTRA, n_spectra=2**32 - 1),
        Srs(SPECTRA, n_spectra=0),
        Srs(SPECTRA, n_spectra=4),
    ],
)
def test_impossible_declarations(write: Write, made: object) -> None:
    with pytest.raises(UnreadableFile):
        read(write(made))


def test_many_spectra_at_one_place(write: Write) -> None:
    """A table whose records all lead to the same large block must not multiply the file in memory."""
    made = Omnic()
    for _ in range(500):
        made.add(0x02, header_block(10_000, 4000.0, 400.0)).add(0x03, b"")
    raw = bytearray(bytes(made) + bytes(40_000))
    for i in range(1000):
        key = raw[304 + 16 * i]
        if key == 3:
            struct.pack_into("<II", raw, 304 + 16 * i + 2, len(raw) - 40_000, 40_000)
    with pytest.raises(UnreadableFile, match="more than its"):
        read(write(bytes(raw)))


def test_vendor_tree_is_plain(write: Write) -> None:
    for made in (thermo_omnic.group(), Srs(SPECTRA)):
        json.dumps(dict(read(write(made)).metadata.vendor), allow_nan=False)


def test_sniffing_goes_by_content(tmp_path: Path) -> None:
    for name, raw in thermo_omnic.examples().items():
        path = tmp_path / (name + ".txt")
        path.write_bytes(raw)
        assert reader_for(path).name == "thermo-omnic"


def test_no_other_file_is_claimed(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("thermo").parent
    for path in (p for p in folder.rglob("*") if p.is_file()):
        with open(path, "rb") as stream:
            assert not READER.sniff(path, stream.read(4096)), path
