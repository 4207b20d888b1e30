"""JCAMP-DX: tables of known numbers in each form, checks that fail, damaged files, and measured files with twins."""

from __future__ import annotations

import contextlib
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from builders import jcamp
from builders.jcamp import VALUES, block, link
from spectrode.columns import SpectrumFlag
from spectrode.errors import UnreadableFile
from spectrode.readers import read, readers
from spectrode.readers.jcamp_dx import READER

FORMS = ("affn", "pac", "sqz", "dif", "difdup")


@pytest.fixture
def write(tmp_path: Path):
    def to_file(text: str | bytes, name: str = "made.jdx") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file


# -- tables ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_numbers(write, form):
    data = read(write(block(y=VALUES, form=form, y_factor=0.5)))
    np.testing.assert_array_equal(data.intensity, 0.5 * np.array([VALUES]))
    np.testing.assert_array_equal(data.shift, 400 + 2.0 * np.arange(len(VALUES)))
    assert data.axis_kind == "raman_shift"
    assert data.metadata.warnings == ()
    assert data.metadata.sources[0].reader == "jcamp-dx"


@pytest.mark.parametrize(
    "line", ["0 1 2 3 3 2 1 0 -1 -2 -3", "0+1+2+3+3+2+1+0-1-2-3", "0 1BCCBA@abc", "0 1JJ%jjjjjj", "0 1JJ%jX"]
)
def test_the_example_of_the_standard(write, line):
    """Table 2 of McDonald & Wilks (1988): ten ordinates in each of the forms."""
    expected = [1, 2, 3, 3, 2, 1, 0, -1, -2, -3]
    data = read(write(block(y=expected, first_x=0, step=1, lines=[line])))
    np.testing.assert_array_equal(data.intensity[0], expected)
    assert data.metadata.warnings == ()


def test_a_missing_value_is_nan_and_an_exponent_is_no_squeezed_digit(write):
    data = read(write(block(y=VALUES[:4], lines=["400 1.5E-05 ? 2E+02-1.0E3"])))
    np.testing.assert_array_equal(data.intensity[0], [1.5e-5, np.nan, 200.0, -1000.0])


def test_a_squeezed_five_is_no_exponent(write):
    data = read(write(block(y=VALUES[:3], lines=["400E3e4A0"])))
    np.testing.assert_array_equal(data.intensity[0], [53, -54, 10])


def test_pairs_with_any_separator_and_a_falling_axis(write):
    text = block(
        y=VALUES[:3], lines=["30.5, 1; 20.5, 2;", " 10.25 3"], table_label="XYPOINTS=(XY..XY)", FIRSTX=30.5, LASTX=10.25
    )
    data = read(write(text))
    np.testing.assert_array_equal(data.shift, [10.25, 20.5, 30.5])
    np.testing.assert_array_equal(data.intensity[0], [3, 2, 1])


def test_factors_apply_to_pairs_but_not_to_the_axis_of_equal_steps(write):
    pairs = block(y=VALUES[:2], lines=["10,1 20,2"], table_label="XYPOINTS=(XY..XY)", XFACTOR=0.5, y_factor=10)
    data = read(write(pairs))
    np.testing.assert_array_equal(data.shift, [5, 10])
    np.testing.assert_array_equal(data.intensity[0], [10, 20])
    # 400 and 410 are written as 800 and 820 halves; FIRSTX and LASTX are not scaled.
    data = read(write(block(y=VALUES[:10], lines=["800 1 2 3 4 5", "820 6 7 8 9 10"], XFACTOR=0.5)))
    np.testing.assert_array_equal(data.shift, 400 + 2.0 * np.arange(10))
    assert not data.metadata.warnings


# -- checks ------------------------------------------------------------------------------------------------------------


def test_failed_checks_are_warnings(write):
    lines = jcamp.table(VALUES, 400, 2, "dif")
    lines[1] = lines[1].replace(jcamp.sqz(140), jcamp.sqz(141), 1)
    (warning,) = read(write(block(y=VALUES, lines=lines))).metadata.warnings
    assert "1 lines fail the check" in warning
    (warning,) = read(write(block(y=VALUES, LASTX=500))).metadata.warnings
    assert "differ from the axis between FIRSTX and LASTX" in warning
    warnings = read(write(block(y=VALUES, FIRSTY=3000, MINY=-9, MAXY=1013))).metadata.warnings
    assert warnings == ("the header states FIRSTY 3000, but the numbers give 100",)


def test_a_wrong_count_is_refused_unless_the_lines_contradict_it(write):
    with pytest.raises(UnreadableFile, match=r"declares 20 points \(NPOINTS\) but holds 17"):
        read(write(block(y=VALUES, NPOINTS=20, LASTX=438)))
    data = read(write(block(y=VALUES, NPOINTS=20)))
    assert data.n_channels == 17
    assert any("agree with the latter" in w for w in data.metadata.warnings)
    with pytest.raises(UnreadableFile, match="NPOINTS"):
        read(write(block(y=VALUES[:3], lines=["1,1 2,2"], table_label="XYPOINTS=(XY..XY)")))


def test_a_file_without_an_end_is_read_only_if_nothing_can_be_missing(write):
    data = read(write(block(y=VALUES, end=False)))
    assert any("lacks the record ##END=" in w for w in data.metadata.warnings)
    with pytest.raises(UnreadableFile, match="cut short"):
        read(write(block(y=VALUES, end=False).rstrip("\n")))
    with pytest.raises(UnreadableFile, match=r"cut short") as caught:
        read(write(block(y=VALUES, end=False, NPOINTS=18)))
    assert "made.jdx" in str(caught.value)


# -- axis --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data_type", "units", "kind", "factor"),
    [
        ("RAMAN SPECTRUM", "1/CM", "raman_shift", 1),
        ("RAMAN SPECTRUM", "CM-1", "raman_shift", 1),
        ("", "RAMAN SHIFT(1/CM)", "raman_shift", 1),
        ("INFRARED SPECTRUM", "1/CM", "wavenumber", 1),
        ("INFRARED SPECTRUM", "cm^-1", "wavenumber", 1),
        ("INFRARED SPECTRUM", "MICROMETERS", "wavelength", 1000),
        ("RAMAN SPECTRUM", "NANOMETERS", "wavelength", 1),
        ("UV/VIS SPECTRUM", "nm", "wavelength", 1),
    ],
)
def test_kind_of_axis(write, data_type, units, kind, factor):
    data = read(write(block(y=VALUES, data_type=data_type, units=units)))
    assert data.axis_kind == kind
    assert data.shift[0] == 400 * factor
    assert not data.metadata.warnings


def test_an_unclear_axis_is_a_warning_and_a_foreign_one_is_refused(write):
    (warning,) = read(write(block(y=VALUES, data_type="SPECTRUM"))).metadata.warnings
    assert "taken for a wavenumber" in warning
    for units in ("HZ", "M/Z", "SECONDS", ""):
        with pytest.raises(UnreadableFile, match="only axes in 1/cm"):
            read(write(block(y=VALUES, data_type="NMR SPECTRUM", units=units)))


# -- header ------------------------------------------------------------------------------------------------------------


def test_header_and_comments(write):
    text = block("first $$ not this", VALUES, SAMPLE_DESCRIPTION="two\nlines", OWNER="me $$ and not this")
    text = "$$ a comment\n" + text.replace("##DATA TYPE", "##data_type").replace("400 ", "400 $$ x\n400 ", 1)
    text = text.replace("400 $$ x\n", "")
    data = read(write(text))
    assert data.metadata.title == "first"
    assert data.metadata.sample.description == "two\nlines"
    assert data.metadata.vendor["OWNER"] == "me"
    assert data.axis_kind == "raman_shift"


def test_times(write):
    zoned = read(write(block(y=VALUES, LONGDATE="2024/03/31 10:11:29.2500 +0200")))
    assert zoned.metadata.started_at == datetime(2024, 3, 31, 8, 11, 29, 250000, tzinfo=UTC)
    assert zoned.columns["time_s"][0] == 0
    assert zoned.metadata.stamp_refers_to == "unknown"
    local = read(write(block(y=VALUES, LONGDATE="2024/03/31", TIME="10:11:29")))
    assert local.metadata.started_at is None
    assert local.metadata.local_start == datetime(2024, 3, 31, 10, 11, 29)
    dated = read(write(block(y=VALUES, DATE="01/05/16", TIME="10:11:29")))
    assert dated.metadata.local_start == datetime(2001, 5, 16, 10, 11, 29)
    assert any("year/month/day" in w for w in dated.metadata.warnings)
    other = read(write(block(y=VALUES, DATE="3/4/2023", TIME="10:11:29")))
    assert any("3 April 2023 or 4 March 2023" in w for w in other.metadata.warnings)
    for only_a_day in ({"DATE": "98/10/1"}, {"LONGDATE": "2024/03/31"}, {"DATE": "1964", "TIME": "10:00:00"}):
        undated = read(write(block(y=VALUES, **only_a_day)))
        assert undated.metadata.local_start is None
        assert "time_s" not in undated.columns


# -- several blocks ----------------------------------------------------------------------------------------------------


def test_blocks_on_one_axis_are_read_together_and_named(write):
    blocks = [
        block(name, np.array(VALUES) * k, LONGDATE=f"2024/03/31 10:00:0{k} +0000") for k, name in enumerate("abc")
    ]
    path = write(link(*blocks))
    data = read(path)
    np.testing.assert_array_equal(data.intensity, np.outer(range(3), VALUES))
    np.testing.assert_array_equal(data.columns["time_s"], [0, 1, 2])
    assert any("3 datasets on one axis" in w and "'a', 'b', 'c'" in w for w in data.metadata.warnings)
    one = read(path, dataset="c")
    np.testing.assert_array_equal(one.intensity, [2 * np.array(VALUES)])
    assert one.metadata.started_at == data.metadata.started_at + timedelta(seconds=2)
    np.testing.assert_array_equal(read(path, dataset="2").intensity, [VALUES])
    with pytest.raises(UnreadableFile, match=r"no dataset 'd'; possible: 'a', 'b', 'c'"):
        read(path, dataset="d")


def test_of_blocks_on_different_axes_the_largest_is_read_and_all_are_named(write):
    peaks = block("peaks", VALUES[:2], lines=["400,1 520,2"], table_label="PEAK TABLE=(XY..XY)")
    path = write(link(block("short", VALUES[:4]), peaks, block("long", VALUES), block("mass", VALUES, units="M/Z")))
    data = read(path)
    assert data.n_channels == len(VALUES)
    text = " ".join(data.metadata.warnings)
    assert "'short', 'long', 'mass', 'peaks'" in text
    assert "'mass' was left out" in text
    assert read(path, dataset="short").n_channels == 4
    assert any("table of peaks" in w for w in read(path, dataset="peaks").metadata.warnings)


def test_equal_titles_get_numbers(write):
    path = write(link(block("same", VALUES), block("same", VALUES[:4]), block("", VALUES[:3])))
    names = " ".join(read(path).metadata.warnings)
    assert "'same (1)', 'same (2)', '3'" in names
    assert read(path, dataset="same (2)").n_channels == 4


def test_a_compound_file_that_stops_early_is_refused(write):
    whole = link(*(block(name, VALUES) for name in "abc"))
    for stop in range(0, len(whole) - len("##END=\n") - 1, 7):
        path = write(whole[:stop])
        if stop == 0:
            continue
        try:
            data = read(path)
        except UnreadableFile:
            continue
        # All that may be missing are ends of blocks.
        assert data.n_spectra == 3


@pytest.mark.parametrize("kind", ["NTUPLES", "LINK", "ASSIGNMENTS"])
def test_files_without_a_spectrum_say_what_they_hold(write, kind):
    table = "##NTUPLES= X\n##PAGE=1\n" if kind == "NTUPLES" else ""
    with pytest.raises(UnreadableFile, match=kind):
        read(write(f"##TITLE=x\n##JCAMP-DX=5\n##DATA TYPE={kind}\n{table}##END=\n"))


# -- damage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", jcamp.examples())
def test_truncated_files_are_refused_or_whole(write, name):
    content = jcamp.examples()[name]
    whole = read(write(content, name))
    for stop in range(len(content)):
        path = write(content[:stop], name)
        try:
            data = read(path)
        except UnreadableFile:
            continue
        np.testing.assert_array_equal(data.intensity, whole.intensity)


@pytest.mark.parametrize("name", jcamp.examples())
def test_flipped_bytes_never_give_another_exception(write, name):
    content = jcamp.examples()[name]
    rng = random.Random(name)
    for _ in range(300):
        mutated = bytearray(content)
        for _ in range(rng.choice((1, 1, 3, 10))):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        with contextlib.suppress(UnreadableFile):
            read(write(bytes(mutated), name), reader="jcamp-dx")


@pytest.mark.parametrize(
    "text",
    [
        block(y=VALUES, lines=["400A0Z99999999999999"]),
        block(y=VALUES, lines=["400A0Z99999999999999"], NPOINTS="1E300"),
        block(y=VALUES, NPOINTS="99999999999", LASTX=1000),
        block(y=VALUES, FIRSTX="1E999"),
        block(y=VALUES, y_factor=float("1e308")).replace("1013", "9" * 300),
    ],
)
def test_huge_declared_sizes(write, text):
    with contextlib.suppress(UnreadableFile):
        data = read(write(text))
        assert "9" * 300 in text  # too large for a number: kept as infinite, and flagged
        assert data.columns["flags"][0] & SpectrumFlag.NOT_FINITE


def test_binary_and_foreign_files(write):
    for content in (b"##TITLE=\0\0", b"ENVI\n##TITLE=", b"1 2\n3 4\n", b"\x89HDF\r\n\x1a\n"):
        assert not READER.sniff(Path("x.jdx"), content)
    with pytest.raises(UnreadableFile):
        read(write(b"##TITLE=x\n##END=\n"))


# -- measured files ----------------------------------------------------------------------------------------------------


def test_sucrose_equals_its_twins(shared_data):
    data = read(shared_data("thermo/dxr_sucrose780.JDX"))
    text = shared_data("thermo/dxr_sucrose780.CSV").read_text().replace(",", ".")
    twin = np.array([line.split(";") for line in text.split()], dtype=float)
    np.testing.assert_allclose(data.shift, twin[:, 0], rtol=1e-6)
    # The header allows for five decimals, the twin for seven digits of each value.
    np.testing.assert_allclose(data.intensity[0], twin[:, 1], rtol=1e-6, atol=1e-5)
    assert data.axis_kind == "raman_shift"
    assert data.metadata.laser.wavelength_nm == pytest.approx(779.5466, abs=1e-3)
    assert data.metadata.local_start == datetime(2005, 12, 14, 17, 54, 26)
    assert data.metadata.instrument.accumulations == 2


@pytest.mark.parametrize(
    ("name", "channels", "kind", "first", "last"),
    [
        ("acetonitrile", 14106, "wavenumber", 574.928, 3975.077),
        ("carbon dioxide", 3573, "wavenumber", 458.879, 3797.21),
        ("ethyl acetate", 14106, "wavenumber", 574.928, 3975.077),
        ("ethylene", 3561, "wavenumber", 454.005, 3795.69),
        ("example_multiline_datasets", 1919, "wavenumber", 401.127686, 7798.848633),
        ("isopropanol_ASDF", 9541, "wavenumber", 400.1963, 5000.042),
        ("tannic_acid", 1949, "raman_shift", 100.595, 2854.713),
        ("water", 880, "wavenumber", 450.0, 3966.0),
    ],
)
def test_measured_files(shared_data, name, channels, kind, first, last):
    data = read(shared_data(f"jcamp/{name}.jdx"))
    assert (data.n_spectra, data.n_channels, data.axis_kind) == (1, channels, kind)
    assert data.shift[[0, -1]] == pytest.approx([first, last])
    stated = {k: float(v) for k, v in data.metadata.vendor.items() if k in ("MINY", "MAXY")}
    assert np.min(data.intensity) == pytest.approx(stated["MINY"], rel=0.01, abs=0.01)
    assert np.max(data.intensity) == pytest.approx(stated["MAXY"], rel=0.01)


def test_the_nist_files_whose_lines_are_one_channel_off_say_so(shared_data):
    (warning,) = read(shared_data("jcamp/acetonitrile.jdx")).metadata.warnings
    assert "0.979 channels" in warning


def test_measured_compound_file(shared_data):
    path = shared_data("jcamp/example_compound_file.jdx")
    data = read(path)
    assert (data.n_spectra, data.n_channels) == (2, 2074)
    # The axis falls in the file; header of block 1: first point (11995.21, 0.032112), maximum 0.529274.
    np.testing.assert_allclose(data.intensity[:, -1], [0.032112, 0.193929], atol=2e-6)
    np.testing.assert_allclose(data.intensity.max(axis=1), [0.529274, 1.205558], atol=2e-6)
    np.testing.assert_array_equal(read(path, dataset="2").intensity, data.intensity[1:])


@pytest.mark.parametrize(
    "name",
    ["acetonitrile", "carbon dioxide", "ethyl acetate", "ethylene", "example_multiline_datasets", "isopropanol_ASDF",
     "tannic_acid", "water"],
)  # fmt: skip
def test_the_jcamp_package_reads_the_same(shared_data, name):
    other = pytest.importorskip("jcamp", reason="the jcamp package is not installed (pip install jcamp)")
    path = shared_data(f"jcamp/{name}.jdx")
    theirs, ours = other.readfile(str(path)), read(path)
    np.testing.assert_allclose(ours.shift, theirs["x"], rtol=1e-12)
    np.testing.assert_allclose(ours.intensity[0], theirs["y"], rtol=1e-12)


def test_only_these_files_are_claimed(shared_data):
    root = shared_data("README.md").parent
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        with open(path, "rb") as stream:
            head = stream.read(1 << 16)
        assert readers()["jcamp-dx"].sniff(path, head) == (path.suffix.lower() == ".jdx"), path
