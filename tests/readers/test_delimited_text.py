"""Generic tables of numbers: delimiters, layouts, faulty lines, refusals; synthetic and measured."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import spectrode
from spectrode.errors import SpectrodeError, UnreadableFile
from spectrode.readers import delimited_text
from spectrode.readers.registry import read, reader_for

AXIS = np.array([100.5, 250.25, 400.75, 600.5])
COUNTS = np.array([[1.5, 2.5, 3.5, 4.5], [10, 20, 30, 40], [7, 0, -7, 1e6]])


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def line(values, delimiter: str, decimal: str = ".") -> str:
    return delimiter.join(repr(float(v)).replace(".", decimal) for v in values)


def as_columns(axis, counts, delimiter: str, decimal: str = ".", head: str = "") -> str:
    rows = [line((a, *c), delimiter, decimal) for a, c in zip(axis, np.asarray(counts).T, strict=True)]
    return head + "\n".join(rows) + "\n"


def as_rows(axis, counts, leading, delimiter: str, head: str | None = None) -> str:
    corner = delimiter * leading.shape[1] if head is None else head + delimiter
    rows = [line((*p, *c), delimiter) for p, c in zip(leading, counts, strict=True)]
    return corner + line(axis, delimiter) + "\n" + "\n".join(rows) + "\n"


# -- delimiters, decimals, encodings ----------------------------------------------------------------------------------

SEPARATORS = [("\t", "."), (";", "."), (",", "."), (" ", "."), ("   ", "."), ("|", "."), (", ", ".")]
COMMAS = [("\t", ","), (";", ","), (" ", ","), ("  ", ",")]


@pytest.mark.parametrize(("delimiter", "decimal"), SEPARATORS + COMMAS)
@pytest.mark.parametrize("counts", [COUNTS[:1], COUNTS])
def test_separators_are_found(tmp_path, delimiter, decimal, counts):
    data = read(write(tmp_path / "a.txt", as_columns(AXIS, counts, delimiter, decimal)))
    assert data.metadata.sources[0].reader == "delimited-text"
    np.testing.assert_array_equal(data.shift, AXIS)
    np.testing.assert_array_equal(data.intensity, counts)


@pytest.mark.parametrize(("name", "delimiter"), [("tab", "\t"), ("semicolon", ";"), ("comma", ","), ("space", " ")])
def test_separators_can_be_given(tmp_path, name, delimiter):
    path = write(tmp_path / "a.txt", as_columns(AXIS, COUNTS, delimiter))
    np.testing.assert_array_equal(read(path, delimiter=name, decimal=".").intensity, COUNTS)


def test_options_are_declared_for_every_interface():
    options = delimited_text.READER.options
    assert list(options) == [
        "delimiter",
        "decimal",
        "orientation",
        "axis_column",
        "columns",
        "axis_unit",
        "laser_nm",
    ]
    assert options["orientation"].choices == ("auto", "columns", "rows")
    assert options["laser_nm"].unit == "nm"
    assert all(o.help for o in options.values())


def test_wrong_options_are_said(tmp_path):
    path = write(tmp_path / "a.txt", as_columns(AXIS, COUNTS, "\t"))
    with pytest.raises(SpectrodeError, match="orientation needs one of auto, columns, rows"):
        read(path, orientation="diagonal")
    with pytest.raises(SpectrodeError, match="laser_nm needs float between 100 and 20000 nm"):
        read(path, laser_nm=3.0)
    for options, said in (
        ({"decimal": ";"}, "possible are '.' and ','"),
        ({"delimiter": "::"}, "give one character"),
        ({"columns": "x_um"}, "write name=place"),
        ({"axis_column": "9"}, "has no column '9'; it has columns 0 to 3"),
        ({"axis_column": "0", "orientation": "rows"}, "no meaning for orientation='rows'"),
        ({"columns": "x_um=0", "orientation": "columns"}, "x_um=0 has no meaning"),
        ({"columns": "time_s=label"}, "finds none|one spectrum a row"),
    ):
        with pytest.raises(UnreadableFile, match=said):
            read(path, **options)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(tmp_path, encoding):
    text = "# Probe: 20 °C, 5 µm\n" + as_columns(AXIS, COUNTS[:1], "\t")
    data = read(write(tmp_path / "a.txt", text, encoding))
    assert data.metadata.vendor["preamble"] == ["# Probe: 20 °C, 5 µm"]
    np.testing.assert_array_equal(data.intensity, COUNTS[:1])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path, end):
    data = read(write(tmp_path / "a.txt", as_columns(AXIS, COUNTS, ",").replace("\n", end)))
    np.testing.assert_array_equal(data.intensity, COUNTS)


def test_gzip(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(as_columns(AXIS, COUNTS, ",").encode()))
    np.testing.assert_array_equal(read(path).intensity, COUNTS)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(UnreadableFile, match="truncated gzip"):
        read(path)


# -- columns ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ("Raman shift (cm-1),Intensity\n", "raman_shift"),
        ("#Wave\t\t#Intensity\n", "raman_shift"),
        ("Wavelength,Counts\n", "wavelength"),
        ("wave [nm],cts\n", "wavelength"),
        ("% wavelength_air_nm,rel_intensity\n", "wavelength"),
        ("Wave,Intensity\nnm,a.u.\n", "wavelength"),
        ("x,y\n", "raman_shift"),
        ("", "raman_shift"),
    ],
)
def test_heading_gives_the_kind_of_axis(tmp_path, head, kind):
    data = read(write(tmp_path / "a.csv", as_columns(AXIS, COUNTS[:1], ",", head=head)))
    assert data.axis_kind == kind
    np.testing.assert_array_equal(data.intensity, COUNTS[:1])


def test_axis_unit_and_laser_by_option(tmp_path):
    path = write(tmp_path / "a.csv", as_columns(AXIS, COUNTS[:1], ","))
    data = read(path, axis_unit="nm", laser_nm=532)
    assert data.axis_kind == "wavelength"
    assert data.metadata.laser.wavelength_nm == 532
    assert dict(data.metadata.sources[0].options) == {"axis_unit": "nm", "laser_nm": 532}
    assert any("does not state the unit" in w for w in read(path).metadata.warnings)


def test_falling_axis_is_turned(tmp_path):
    data = read(write(tmp_path / "a.csv", as_columns(AXIS[::-1], COUNTS[:, ::-1], ",")))
    np.testing.assert_array_equal(data.shift, AXIS)
    np.testing.assert_array_equal(data.intensity, COUNTS)


def test_axis_anywhere_by_heading_or_option(tmp_path):
    rows = "".join(f"{k},{c},{a}\n" for k, (a, c) in enumerate(zip(AXIS, COUNTS[0], strict=True)))
    headed = write(tmp_path / "a.csv", "Pixel,Counts,Raman shift\n" + rows)
    np.testing.assert_array_equal(read(headed).shift, AXIS)
    np.testing.assert_array_equal(read(headed).intensity, COUNTS[:1])
    bare = write(tmp_path / "b.csv", rows)
    with pytest.raises(UnreadableFile, match=r"no clear spectral axis.*axis_column"):
        read(bare)
    data = read(bare, axis_column="2", columns="intensity=1")
    np.testing.assert_array_equal(data.intensity, COUNTS[:1])
    assert read(headed, axis_column="Raman shift", columns="intensity=Counts").n_spectra == 1


def test_spectra_headed_by_numbers_become_labels_not_times(tmp_path):
    path = write(tmp_path / "a.csv", as_columns(AXIS, COUNTS, ",", head=",0,0.5,1\n"))
    data = read(path)
    assert data.columns["label"].tolist() == [0, 0.5, 1]
    assert "time_s" not in data.columns
    assert any("columns='time_s=label'" in w for w in data.metadata.warnings)
    timed = read(path, columns="time_h=label")
    assert timed.columns["time_s"].tolist() == [0, 1800, 3600]
    assert timed.scan_shape == (("time", 3),)


def test_spectra_headed_by_times_with_units(tmp_path):
    data = read(write(tmp_path / "a.csv", as_columns(AXIS, COUNTS, ",", head="Raman shift,0 min,1.5 min,3 min\n")))
    assert data.columns["time_s"].tolist() == [0, 90, 180]


def test_spectra_headed_by_names_keep_them(tmp_path):
    data = read(write(tmp_path / "a.csv", as_columns(AXIS, COUNTS, ",", head="shift,OCV,3.0 V,charged\n")))
    assert data.metadata.vendor["spectra"] == ["OCV", "3.0 V", "charged"]


# -- rows -------------------------------------------------------------------------------------------------------------

GRID = np.array([[0.0, 5], [1, 5], [0, 6]])


def test_rows_with_positions_by_heading(tmp_path):
    path = write(tmp_path / "a.csv", as_rows(AXIS, COUNTS, GRID, ",", head="x (µm),y (µm)"))
    data = read(path)
    np.testing.assert_array_equal(data.shift, AXIS)
    np.testing.assert_array_equal(data.intensity, COUNTS)
    assert data.columns["x_um"].tolist() == [0, 1, 0]
    assert data.scan_shape == (("y", 2), ("x", 2))
    assert data.scan_index.tolist() == [0, 1, 2]


def test_rows_with_positions_by_option(tmp_path):
    path = write(tmp_path / "a.csv", as_rows(AXIS, COUNTS, GRID, ";"))
    unnamed = read(path)
    assert set(unnamed.columns) == {"leading_0", "leading_1"}
    assert any("is not understood" in w for w in unnamed.metadata.warnings)
    data = read(path, columns="y_mm=0,x_um=1")
    assert data.columns["y_um"].tolist() == [0, 1000, 0]
    assert data.columns["x_um"].tolist() == [5, 5, 6]
    zeros = write(tmp_path / "b.csv", as_rows(AXIS, COUNTS, GRID, ",", head="0,0"))
    assert read(zeros, columns="x_um=0,y_um=1", orientation="rows").scan_shape == (("y", 2), ("x", 2))


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("min", 60), ("h", 3600), ("ms", 1e-3)])
def test_rows_with_time(tmp_path, unit, factor):
    times = np.array([[0.0], [1.5], [3.5]])
    data = read(write(tmp_path / "a.csv", as_rows(AXIS, COUNTS, times, ",", head=f"Time ({unit})")))
    np.testing.assert_allclose(data.columns["time_s"], times[:, 0] * factor)
    assert data.scan_shape == (("time", 3),)
    np.testing.assert_array_equal(data.shift, AXIS)


def test_time_without_unit_is_not_called_seconds(tmp_path):
    data = read(write(tmp_path / "a.csv", as_rows(AXIS, COUNTS, np.array([[0.0], [1], [2]]), ",", head="time")))
    assert data.columns["time"].tolist() == [0, 1, 2]
    assert "time_s" not in data.columns
    assert any("states no unit of time" in w for w in data.metadata.warnings)


def test_rows_without_leading_cells(tmp_path):
    text = line(AXIS, ",") + "\n" + "\n".join(line(c, ",") for c in COUNTS) + "\n"
    data = read(write(tmp_path / "a.csv", text))
    np.testing.assert_array_equal(data.intensity, COUNTS)


def test_axis_row_one_cell_short(tmp_path):
    text = line(AXIS, " ") + "\n" + "\n".join(line((k, *c), " ") for k, c in enumerate(COUNTS)) + "\n"
    data = read(write(tmp_path / "a.txt", text))
    np.testing.assert_array_equal(data.shift, AXIS)
    np.testing.assert_array_equal(data.intensity, COUNTS)
    assert data.columns["leading_0"].tolist() == [0, 1, 2]


def test_one_line_a_point(tmp_path):
    rows = [f"{x}\t{y}\t{a}\t{c}" for (x, y), s in zip(GRID, COUNTS, strict=True) for a, c in zip(AXIS, s, strict=True)]
    path = write(tmp_path / "a.txt", "#X\t\t#Y\t\t#Wave\t\t#Intensity\n" + "\n".join(rows) + "\n")
    data = read(path)
    np.testing.assert_array_equal(data.intensity, COUNTS)
    assert data.scan_shape == (("y", 2), ("x", 2))
    write(path, "#X\t\t#Y\t\t#Wave\t\t#Intensity\n" + "\n".join(rows[:-1]) + "\n")
    with pytest.raises(UnreadableFile, match="not whole spectra of 4 channels"):
        read(path)


# -- never a clock for a shift ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "axis", [np.arange(6) * 30.0, np.arange(1.0, 301), np.arange(0.0, 301), np.linspace(2.8, 4.2, 9)]
)
def test_a_clock_or_count_is_not_taken_for_an_axis(tmp_path, axis):
    path = write(tmp_path / "a.csv", as_columns(axis, np.ones((1, axis.size)), ","))
    with pytest.raises(UnreadableFile, match=r"no clear spectral axis.*give axis_column \(such as axis_column='0'\)"):
        read(path)
    np.testing.assert_array_equal(read(path, axis_column="0").shift, axis)


def test_a_heading_can_vouch_for_an_axis_from_zero(tmp_path):
    path = write(tmp_path / "a.csv", as_columns(np.arange(6) * 30.0, np.ones((1, 6)), ",", head="Raman shift,I\n"))
    assert read(path).shift[0] == 0


@pytest.mark.parametrize("head", ["time (s),intensity\n", "Time,Intensity\n", "x (µm),intensity\n", "index,counts\n"])
def test_a_heading_that_is_no_axis_is_refused(tmp_path, head):
    path = write(tmp_path / "a.csv", as_columns(AXIS, COUNTS[:1], ",", head=head))
    with pytest.raises(UnreadableFile, match="is no spectral axis; name the axis with axis_column"):
        read(path)


def test_two_possible_axes_are_refused_and_orientation_decides(tmp_path):
    wide = np.linspace(200, 900, 5)
    table = np.random.default_rng(0).uniform(0, 9, (4, 5))
    path = write(tmp_path / "a.csv", as_rows(wide, table, AXIS[:, None], ","))
    with pytest.raises(UnreadableFile, match="give orientation='columns' or orientation='rows'"):
        read(path)
    by_rows, by_columns = read(path, orientation="rows"), read(path, orientation="columns")
    np.testing.assert_array_equal(by_rows.shift, wide)
    np.testing.assert_array_equal(by_rows.intensity, table)
    np.testing.assert_array_equal(by_columns.shift, AXIS)
    np.testing.assert_array_equal(by_columns.intensity, table.T)


def test_a_loop_of_potentials_is_no_axis(tmp_path):
    path = write(tmp_path / "a.csv", "100,1\n200,2\n150,3\n")
    with pytest.raises(UnreadableFile, match="no clear spectral axis"):
        read(path)
    with pytest.raises(UnreadableFile, match="neither rising nor falling throughout"):
        read(path, axis_column="0")


def test_a_potential_without_reference_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", as_rows(AXIS, COUNTS, np.array([[0.1], [0.2], [0.3]]), ","))
    with pytest.raises(SpectrodeError, match="reference_electrode"):
        read(path, columns="potential_v=0")


# -- faulty lines -----------------------------------------------------------------------------------------------------

LONG = "".join(f"{100 + k}.5\t{k}\n" for k in range(1, 401))


def test_stray_words_are_left_out_and_counted(tmp_path):
    lines = LONG.split("\n")
    lines[12], lines[27] = "aaaaaaaa", ""
    data = read(write(tmp_path / "a.txt", "\n".join([*lines, "tttt", ""])))
    assert data.n_channels == 398
    notes = " ".join(data.metadata.warnings)
    assert "1 lines inside the table are not numbers and were left out: line 13" in notes
    assert "1 lines after the table" in notes
    assert data.metadata.vendor["footer"] == ["tttt"]


@pytest.mark.parametrize(
    ("at", "fault", "said"),
    [
        (12, "113.5", "line 13 has 1 values where line 1 has 2"),
        (12, "113.5\t1\t2", "line 13 has 3 values where line 1 has 2"),
        (12, "113.5\t1o", "line 13 holds '1o' in column 1, which is not a number"),
        (399, "500.", "line 400 has 1 values"),
        (12, "113.5\t1 2", "line 13 holds '1 2'"),
    ],
)
def test_faulty_numbers_are_refused_with_their_line(tmp_path, at, fault, said):
    lines = LONG.split("\n")
    lines[at] = fault
    with pytest.raises(UnreadableFile, match=said):
        read(write(tmp_path / "a.txt", "\n".join(lines)))


def test_too_many_stray_lines_are_refused(tmp_path):
    lines = LONG.split("\n")
    lines[10:20] = ["word"] * 10
    with pytest.raises(
        UnreadableFile, match="10 lines among 390 lines of numbers that are none, the first of them line 11"
    ):
        read(write(tmp_path / "a.txt", "\n".join(lines)))


def test_comments_and_blank_lines_are_no_fault(tmp_path):
    data = read(write(tmp_path / "a.txt", "100.5 1\n\n# half way\n200.5 2\n% note\n300.5 3\n"))
    assert data.n_channels == 3
    assert not any("left out" in w for w in data.metadata.warnings)


@pytest.mark.parametrize("word", ["nan", "NaN", "", "NA", "#N/A", "--"])
def test_missing_counts_are_nan_and_flagged(tmp_path, word):
    data = read(write(tmp_path / "a.csv", f"100.5,1\n200.5,{word}\n300.5,3\n"))
    np.testing.assert_array_equal(data.intensity, [[1, np.nan, 3]])
    assert data.columns["flags"].tolist() == [32]


def test_lines_without_an_axis_value_are_left_out(tmp_path):
    data = read(write(tmp_path / "a.csv", "Raman Shift;I;\n;1;\n100,5;2;\n200,5;3;\n;4;\n"))
    np.testing.assert_array_equal(data.intensity, [[2, 3]])
    assert any("2 lines have no value of the axis" in w for w in data.metadata.warnings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 bytes"),
        ("\n\n\n", "no line of numbers|not one of the known formats"),
        ("only words here\n", "no line of numbers|not one of the known formats"),
        ("1\n2\n3\n", "one column of numbers"),
    ],
)
def test_nothing_to_read(tmp_path, text, said):
    with pytest.raises(UnreadableFile, match=said):
        read(write(tmp_path / "a.txt", text))
    if text:
        with pytest.raises(UnreadableFile, match=r"no line of numbers|one column of numbers"):
            read(tmp_path / "a.txt", reader="delimited-text")


def test_binary_is_refused_even_if_asked_for(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"100 1\n200 \x00\n")
    with pytest.raises(UnreadableFile, match="NUL bytes"):
        read(path, reader="delimited-text")


def test_one_channel_and_one_spectrum(tmp_path):
    assert read(write(tmp_path / "a.txt", "520.7\t1000\n")).intensity.tolist() == [[1000]]
    text = as_rows(AXIS, COUNTS[:1], np.array([[3.0]]), ",", head="x (um)")
    assert read(write(tmp_path / "b.csv", text)).columns["x_um"].tolist() == [3]


def test_sniffer_declines_other_programs(tmp_path):
    for head in (
        b"EC-Lab ASCII FILE\r\nNb header lines : 3\r\n1.0\t2.0\r\n",
        b"##TITLE=water\r\n##XYDATA=(X++(Y..Y))\r\n100 1 2 3\r\n",
        b"<?xml version='1.0'?>\n1 2\n",
        b'{"a": 1}\n1 2\n',
        b"EXPLAIN\r\nTAG\tCV\r\n0\t1\t2\r\n",
        b'\xef\xbb\xbf"Z60W Data File: Version 1.1"\r\n0,2\r\n',
        b"time/s\tEwe/V\t<I>/mA\n0\t3.1\t0.1\n",
        b"Potential/V, Current/A\n-0.5, 1e-6\n",
        b"Freq/Hz, Z'/ohm, Z\"/ohm\n9.9e4, 98.9, -2.7\n",
        b"100\t1\x00\n",
        b"#Acq. time (s)=\t2\n#Accumulations=\t2\n100\t1\n",
        b"X-Axis\tMap_F(0/0)\n 1.0E+02\t 2.0E+00\n",
        b"words only\n",
        b"",
    ):
        assert not delimited_text.sniff(tmp_path / "x.txt", head), head
    assert delimited_text.sniff(tmp_path / "x.txt", b"100.5\t1\n101.5\t2\n")


# -- laws -------------------------------------------------------------------------------------------------------------

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False, width=32)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    counts=st.tuples(st.integers(1, 4), st.integers(3, 12)).flatmap(
        lambda shape: arrays(np.float64, shape, elements=NUMBERS)
    ),
    start=st.floats(60, 500),
    steps=st.lists(st.floats(10, 50), min_size=12, max_size=12),
    falling=st.booleans(),
    separator=st.sampled_from(SEPARATORS + COMMAS),
    rows=st.booleans(),
)
def test_written_tables_are_read_back(tmp_path, counts, start, steps, falling, separator, rows):
    axis = start + np.cumsum(steps)[: counts.shape[1]]
    delimiter, decimal = separator
    order = slice(None, None, -1) if falling else slice(None)
    table = np.vstack([axis, counts])[:, order]
    lines = [line(r, delimiter, decimal) for r in (table if rows else table.T)]
    path = write(tmp_path / "a.txt", "\n".join(lines) + "\n")
    data = read(path, orientation="rows") if rows else read(path, axis_column="0")
    np.testing.assert_array_equal(data.shift, axis)
    np.testing.assert_array_equal(data.intensity, counts)


# -- measured files ---------------------------------------------------------------------------------------------------


def top(data: spectrode.OperandoDataset, low: float, high: float) -> float:
    """Return the position of the first spectrum's highest point, refined by a parabola through three."""
    inside = np.flatnonzero((data.shift > low) & (data.shift < high))
    i = inside[np.argmax(data.intensity[0][inside])]
    near = slice(i - 1, i + 2)
    a, b, _ = np.polyfit(data.shift[near] - data.shift[i], data.intensity[0][near], 2)
    return float(data.shift[i] - b / (2 * a))


def test_reaction_series(shared_data):
    path = shared_data("reaction_series/raman.csv")
    data = spectrode.read(path)
    plain = np.genfromtxt(path, delimiter=",")
    assert (data.n_spectra, data.n_channels) == (443, 1551)
    assert (data.shift[0], data.shift[-1]) == (150, 1700)
    np.testing.assert_array_equal(data.intensity, plain[1:, 1:].T[:, ::-1])
    np.testing.assert_array_equal(data.columns["label"], plain[0, 1:])
    timed = spectrode.read(path, columns="time_h=label")
    assert np.median(np.diff(timed.columns["time_s"])) == pytest.approx(60, abs=0.01)
    assert timed.columns["time_s"][-1] == pytest.approx(7.37 * 3600, abs=30)


def test_malformed_file_is_read_with_a_count(shared_data):
    data = spectrode.read(shared_data("carbon_fit/wrong-values-in-lines_pos1.txt"))
    whole = spectrode.read(shared_data("carbon_fit/testDW38C_pos1.txt"))
    assert (whole.n_channels, data.n_channels) == (1600, 1596)
    assert any("line 13, 28" in w for w in data.metadata.warnings)
    assert np.isin(data.shift, whole.shift).all()
    with pytest.raises(UnreadableFile):
        spectrode.read(shared_data("carbon_fit/empty-lines_1.txt"))
    # The carbon bands of this sample (D, G).
    assert 1325 < top(whole, 1250, 1450) < 1345
    assert 1570 < top(whole, 1500, 1650) < 1600


def test_polymers_show_their_bands(shared_data):
    folder = shared_data("polymer_spectra")
    files = sorted(folder.glob("*.txt"))
    assert len(files) >= 125
    for path in files:
        data = spectrode.read(path)
        plain = np.loadtxt(path)
        assert data.n_spectra == 1
        np.testing.assert_array_equal(data.intensity[0], plain[:, 1])
        np.testing.assert_array_equal(data.shift, plain[:, 0])
    polystyrene = spectrode.read(folder / "Polystyrene2ClearSpheretxt.txt")
    assert top(polystyrene, 990, 1012) == pytest.approx(1001, abs=3)
    polyethylene = [spectrode.read(p) for p in files if p.name[:12] == "Polyethylene" and p.name[12].isdigit()]
    assert len(polyethylene) > 20
    for expected, low, high in ((1063.2, 1050, 1075), (1294.8, 1285, 1305)):
        assert np.median([top(d, low, high) for d in polyethylene]) == pytest.approx(expected, abs=2)


def test_thermo_with_decimal_commas(shared_data):
    data = spectrode.read(shared_data("thermo/dxr_sucrose780.CSV"))
    assert data.n_channels == 1753
    assert data.shift[0] == 102.0205
    assert data.intensity[0, 0] == 610.9380


def test_renishaw_two_columns(shared_data):
    data = spectrode.read(shared_data("renishaw_wdf/nCal_Qontor785_z005H12_100_1x3s.txt"))
    assert (data.n_channels, data.shift[0], data.intensity[0, -1]) == (1021, -154.501953, 1729.160645)


@pytest.mark.parametrize(
    ("name", "channels", "laser", "exposure", "when"),
    [
        (
            "vendor_zoo/iRaman/PST02_iRPlus785_Z050_075_3200ms.txt",
            1743,
            784.82,
            3.2,
            datetime(2021, 10, 27, 15, 57, 47),
        ),
        ("vendor_zoo/BWTEK/PST10_iR532_Probe_100_3000msx7.txt", 1801, None, 21.0, datetime(2022, 1, 21, 11, 52, 1)),
    ],
)
def test_bwtek(shared_data, name, channels, laser, exposure, when):
    data = spectrode.read(shared_data(name))
    assert (data.n_spectra, data.n_channels, data.axis_kind) == (1, channels, "raman_shift")
    assert data.columns["exposure_s"][0] == pytest.approx(exposure)
    assert data.metadata.local_start == when
    if laser is not None:
        assert data.metadata.laser.wavelength_nm == laser
        assert data.metadata.laser.power_fraction == 0.75
    assert 999 < top(data, 985, 1020) < 1007  # polystyrene, 1001.4, read as 1001.3-1006.6 in the round robin
    assert any("'Dark Subtracted #1' was taken" in w for w in data.metadata.warnings)


def test_silicon_of_the_round_robin(shared_data):
    data = spectrode.read(shared_data("calibration_round_robin/TOP_Ho633/S0N_HLR633_Z010_100_15sx5.txt"))
    assert top(data, 510, 530) == pytest.approx(520.18, abs=0.5)


def test_wavelength_by_heading(shared_data):
    data = spectrode.read(shared_data("andor_sif/cli-0.csv"))
    assert (data.axis_kind, data.n_channels) == ("wavelength", 1024)


def test_rruff(shared_data):
    folder = "vendor_zoo/rruf/Anatase__R060277__Broad_Scan____0__unoriented__Raman_Data_RAW__21346"
    data = spectrode.read(shared_data(folder + ".txt"))
    assert top(data, 130, 160) == pytest.approx(144, abs=4)  # anatase Eg


@pytest.mark.parametrize(
    "name",
    ["echem/biologic/cv.mpt", "echem/other/exampleDataCHInstruments.txt", "echem/other/exampleDataAutolab.txt"],
)
def test_potentiostat_files_are_not_spectra(shared_data, name):
    path = shared_data(name)
    with open(path, "rb") as stream:
        assert not delimited_text.sniff(path, stream.read(4096))


def test_every_text_file_is_read_or_refused_in_a_sentence(shared_data):
    root = shared_data("README.md").parent
    files = [
        p for p in sorted(root.rglob("*")) if p.suffix in (".txt", ".csv", ".CSV", ".asc", ".dpt", ".dat", ".rruf")
    ]
    for path in files:
        with open(path, "rb") as stream:
            head = stream.read(4096)
        if not delimited_text.sniff(path, head):
            continue
        if reader_for(path).name != "delimited-text":
            continue  # a table that also belongs to a format of its own
        try:
            assert spectrode.read(path).n_spectra >= 1
        except UnreadableFile as error:
            assert path.suffix == ".dat", error  # noqa: PT017  (the two-file export of WITec: one column each)
