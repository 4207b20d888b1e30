"""HORIBA LabSpec text exports: synthetic files of every variant, and measured ones."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

import spectrode
from spectrode.errors import UnreadableFile
from spectrode.readers import labspec_text
from spectrode.readers.registry import read, reader_for

HEADER = """#Acq. time (s)=\t2.5
#Accumulations=\t4
#Range=\tOff
#Instrument=\tLabRAM HR Evol
#Detector=\tSynapse BIDD
#Objective=\tx50
#Grating=\t1800 gr/mm
#ND Filter=\t25%
#Laser (nm)=\t532\x20
#Spectro (cm¹)=\t350.01
#X (µm)=\t1.5
#Y (µm)=\t-2
#Z (µm)=\t0
#Range=\tVisible
#Title=\tcell 7
#Sample=\tgraphite
#Acquired=\t27.09.2019 18:38:05
"""
AXIS = np.array([900.25, 700.5, 420.75, 100.5])  # falls, as LabSpec writes it


def axes(*names: tuple[str, str], unit: str = "1/cm") -> str:
    every = (("Intens", "Cnt"), ("Spectr", unit), *names)
    return "".join(f"#AxisType[{k}]={kind}\n#AxisUnit[{k}]={u}\n" for k, (kind, u) in enumerate(every))


def matrix(coordinates: np.ndarray, intensity: np.ndarray, axis: np.ndarray = AXIS) -> str:
    """Write what LabSpec writes: empty cells, the axis; then coordinates and counts of each spectrum."""
    head = "\t" * coordinates.shape[1] + "\t".join(f"{v:g}" for v in axis)
    rows = ["\t".join(f"{v:.8g}" for v in (*c, *i)) for c, i in zip(coordinates, intensity, strict=True)]
    return "\n".join([head, *rows]) + "\n"


def write(path: Path, text: str, encoding: str = "latin-1", end: str = "\r\n") -> Path:
    path.write_bytes(text.replace("\n", end).encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_single_spectrum_with_full_header(tmp_path, encoding, end):
    rows = "".join(f"{s}\t{c}\n" for s, c in zip(AXIS, (4, 3, 2, 1), strict=True))
    data = read(write(tmp_path / "a.txt", HEADER + rows, encoding, end))
    assert data.metadata.sources[0].reader == "labspec-text"
    np.testing.assert_array_equal(data.shift, AXIS[::-1])
    np.testing.assert_array_equal(data.intensity, [[1, 2, 3, 4]])
    assert data.axis_kind == "raman_shift"
    meta = data.metadata
    assert (meta.laser.wavelength_nm, meta.laser.power_fraction) == (532, 0.25)
    assert (meta.instrument.objective, meta.instrument.grating) == ("x50", "1800 gr/mm")
    assert (meta.instrument.model, meta.instrument.detector) == ("LabRAM HR Evol", "Synapse BIDD")
    assert meta.instrument.accumulations == 4
    assert data.columns["exposure_s"].tolist() == [10.0]
    assert (data.columns["x_um"][0], data.columns["y_um"][0], data.columns["z_um"][0]) == (1.5, -2, 0)
    assert (meta.title, meta.sample.name) == ("cell 7", "graphite")
    assert meta.local_start == datetime(2019, 9, 27, 18, 38, 5)
    assert meta.started_at is None
    assert meta.stamp_refers_to == "unknown"
    assert meta.vendor["Range"] == ["Off", "Visible"]
    assert meta.vendor["Spectro (cm¹)"] == "350.01"


def test_zone_places_the_local_start(tmp_path):
    data = read(write(tmp_path / "a.txt", HEADER + "100\t1\n200\t2\n"), timezone="Europe/Berlin")
    assert data.metadata.started_at is not None
    assert data.metadata.started_at.isoformat() == "2019-09-27T18:38:05+02:00"


@pytest.mark.parametrize(
    ("written", "when", "both"),
    [
        ("27.09.2019 10:00:00", datetime(2019, 9, 27, 10), ()),
        ("07.03.2022 14:49:59", datetime(2022, 3, 7, 14, 49, 59), ()),
        ("27/09/19 10:00:00", datetime(2019, 9, 27, 10), ()),
        ("09/27/19 10:00:00", datetime(2019, 9, 27, 10), ()),
        ("01/05/16 10:00:00", datetime(2016, 5, 1, 10), ("1 May 2016", "5 January 2016", "2016-05-01")),
        ("2019-09-27 10:00:00", datetime(2019, 9, 27, 10), ()),
    ],
)
def test_dates_and_their_two_readings(tmp_path, written, when, both):
    text = HEADER.replace("27.09.2019 18:38:05", written)
    data = read(write(tmp_path / "a.txt", text + "100\t1\n200\t2\n"))
    assert data.metadata.local_start == when
    notes = " ".join(data.metadata.warnings)
    assert ("can mean" in notes) == bool(both)
    assert all(reading in notes for reading in both)


@pytest.mark.parametrize(
    ("line", "fraction"),
    [
        ("#ND Filter=\t0.01%", 1e-4),
        ("#Filter=\tD0.6", 10**-0.6),
        ("#Filter=\tD2", 0.01),
        ("#Filter=\t[---]", None),
        ("#ND Filter=\t", None),
        ("#ND Filter=\t0%", 0.0),
    ],
)
def test_filters_become_a_power_fraction(tmp_path, line, fraction):
    text = HEADER.replace("#ND Filter=\t25%", line)
    found = read(write(tmp_path / "a.txt", text + "100\t1\n200\t2\n")).metadata.laser.power_fraction
    assert found == (None if fraction is None else pytest.approx(fraction))


@pytest.mark.parametrize(
    ("line", "nm"),
    [
        ("#Laser=\t532nm_Edge", 532),
        ("#Laser=\t632.817", 632.817),
        ("#Laser=\tHeNe-633", 633),
        ("#Laser (nm)=\t785,1", 785.1),
        ("#Laser=\tx", None),
    ],
)
def test_laser_wavelength(tmp_path, line, nm):
    text = HEADER.replace("#Laser (nm)=\t532\x20", line)
    assert read(write(tmp_path / "a.txt", text + "100\t1\n200\t2\n")).metadata.laser.wavelength_nm == nm


def test_map_is_laid_out_by_its_positions_and_keeps_file_order(tmp_path):
    x, y = (a.ravel() for a in np.meshgrid([-10.0, 0.0, 10.0], [5.0, 7.5], indexing="ij"))  # x slowest
    keep = np.array([0, 1, 2, 4, 5])  # one place was never measured
    positions = np.column_stack([x, y])[keep]
    counts = np.arange(20.0).reshape(5, 4)
    text = HEADER + axes(("X", "µm"), ("Y", "µm")) + matrix(positions, counts)
    data = read(write(tmp_path / "map.txt", text))
    assert data.scan_shape == (("y", 2), ("x", 3))
    np.testing.assert_array_equal(data.columns["x_um"], positions[:, 0])
    np.testing.assert_array_equal(data.columns["y_um"], positions[:, 1])
    np.testing.assert_array_equal(data.intensity, counts[:, ::-1])
    cube = data.as_cube(np.arange(5.0))
    np.testing.assert_array_equal(cube, [[0, 2, 3], [1, np.nan, 4]])


def test_columns_follow_the_axis_types_not_their_usual_order(tmp_path):
    positions = np.array([[1.0, 10], [1, 20], [2, 10], [2, 20]])
    text = HEADER + axes(("Y", "mm"), ("X", "µm")) + matrix(positions, np.ones((4, 4)))
    data = read(write(tmp_path / "map.txt", text))
    assert data.columns["y_um"].tolist() == [1000, 1000, 2000, 2000]
    assert data.columns["x_um"].tolist() == [10, 20, 10, 20]


def test_jitter_of_the_stage_still_makes_a_grid(tmp_path):
    rng = np.random.default_rng(3)
    y, x = (a.ravel() for a in np.mgrid[0:4, 0:6].astype(float))
    positions = np.column_stack([x, y]) + rng.uniform(-0.05, 0.05, (24, 2))
    data = read(
        write(tmp_path / "map.txt", HEADER + axes(("X", "µm"), ("Y", "µm")) + matrix(positions, np.ones((24, 4))))
    )
    assert data.scan_shape == (("y", 4), ("x", 6))
    np.testing.assert_array_equal(data.scan_index, np.arange(24))


def test_scattered_points_are_a_list(tmp_path):
    positions = np.random.default_rng(1).uniform(0, 100, (12, 2))
    data = read(
        write(tmp_path / "map.txt", HEADER + axes(("X", "µm"), ("Y", "µm")) + matrix(positions, np.ones((12, 4))))
    )
    assert data.scan_shape == ()
    assert any("no rectangular grid" in w for w in data.metadata.warnings)


def test_a_map_measured_twice_has_frames(tmp_path):
    once = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    text = HEADER + axes(("X", "µm"), ("Y", "µm")) + matrix(np.vstack([once, once]), np.ones((8, 4)))
    data = read(write(tmp_path / "map.txt", text))
    assert data.scan_shape == (("frame", 2), ("y", 2), ("x", 2))
    assert data.frame_of().tolist() == [0] * 4 + [1] * 4


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("min", 60), ("ms", 1e-3)])
def test_named_time_series(tmp_path, unit, factor):
    times = np.array([[0.0], [5.8], [11.4]])
    data = read(write(tmp_path / "t.txt", HEADER + axes(("Time", unit)) + matrix(times, np.ones((3, 4)))))
    np.testing.assert_allclose(data.columns["time_s"], times[:, 0] * factor)
    assert data.scan_shape == (("time", 3),)
    assert not any("does not name" in w for w in data.metadata.warnings)


def test_unnamed_column_is_a_time_only_if_it_looks_like_a_clock(tmp_path):
    clock = write(tmp_path / "t.txt", matrix(np.array([[0.0], [5.834], [11.426]]), np.ones((3, 4))))
    data = read(clock)
    assert data.metadata.sources[0].reader == "labspec-text"
    assert data.columns["time_s"].tolist() == [0, 5.834, 11.426]
    assert any("taken for the time in seconds" in w for w in data.metadata.warnings)
    assert data.metadata.instrument.vendor is None  # no header says so
    line = write(tmp_path / "l.txt", matrix(np.array([[-1.0], [0], [1]]), np.ones((3, 4))))
    assert read(line).columns["distance_um"].tolist() == [-1, 0, 1]
    assert read(line, coordinate="y").columns["y_um"].tolist() == [-1, 0, 1]
    assert read(line, coordinate="time").columns["time_s"].tolist() == [-1, 0, 1]


def test_numbered_spectra_get_neither_time_nor_place(tmp_path):
    text = HEADER + matrix(np.array([[1.0], [2], [3]]), np.ones((3, 4)))
    data = read(write(tmp_path / "s.txt", text))
    assert set(data.columns) == {"exposure_s"}
    assert any("only numbers the spectra" in w for w in data.metadata.warnings)


def test_unnamed_two_columns_are_x_and_y(tmp_path):
    positions = np.array([[0.0, 5], [0, 6], [1, 5], [1, 6]])
    data = read(write(tmp_path / "m.txt", matrix(positions, np.ones((4, 4)))))
    assert data.columns["x_um"].tolist() == [0, 0, 1, 1]
    assert any("does not name its 2 coordinate columns" in w for w in data.metadata.warnings)


def test_a_table_of_columns_headed_by_times_is_not_ours(tmp_path):
    times = "\t".join(["", *(f"{t:g}" for t in np.arange(0, 6) * 1.5)])
    rows = "\n".join("\t".join([f"{s}", *["1"] * 6]) for s in range(500, 510))
    path = write(tmp_path / "c.txt", times + "\n" + rows + "\n")
    assert reader_for(path).name == "delimited-text"


@pytest.mark.parametrize(("unit", "kind"), [("nm", "wavelength"), ("1/cm", "raman_shift"), ("abs. 1/cm", "wavenumber")])
def test_axis_unit(tmp_path, unit, kind):
    data = read(write(tmp_path / "a.txt", HEADER + axes(unit=unit) + "500\t1\n501\t2\n"))
    assert data.axis_kind == kind


def test_axis_in_ev_is_refused(tmp_path):
    with pytest.raises(UnreadableFile, match="axis in eV; export it"):
        read(write(tmp_path / "a.txt", HEADER + axes(unit="eV") + "1.5\t1\n1.6\t2\n"))


def test_spectro_key_gives_the_unit_without_axis_unit(tmp_path):
    text = HEADER.replace("#Spectro (cm¹)", "#Spectro (nm)")
    assert read(write(tmp_path / "a.txt", text + "500\t1\n501\t2\n")).axis_kind == "wavelength"


def test_decimal_commas(tmp_path):
    data = read(write(tmp_path / "a.txt", HEADER + "100,5\t1,25\n200,5\t2,5\n"))
    np.testing.assert_array_equal(data.shift, [100.5, 200.5])
    np.testing.assert_array_equal(data.intensity, [[1.25, 2.5]])


def test_gzip_is_read_directly_and_damage_is_said(tmp_path):
    packed = gzip.compress((HEADER + "100\t1\n200\t2\n").encode("latin-1"))
    path = tmp_path / "a.txt.gz"
    path.write_bytes(packed)
    assert read(path).n_channels == 2
    path.write_bytes(packed[:-20])
    with pytest.raises(UnreadableFile, match="truncated gzip"):
        read(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER, "no numbers after it"),
        (HEADER + "100\t1\n200\n", "line 19 has 1 values where line 18 has 2"),
        (HEADER + "100\t1\n2x0\t4\n", "line 19 holds '2x0' in column 0"),
        (HEADER + "100\t1\n200\t2\n150\t3\n", "neither rising nor falling"),
        (HEADER + "\t100\t200\t300\n", "axis but no spectrum"),
        (HEADER + "\t100\t200\t300\n\t1\t2\t3\n", "lacks a coordinate of spectrum 0"),
        (HEADER + "100\t200\t300\n1\t2\t3\n", "no layout of LabSpec"),
        (
            HEADER + axes(("X", "µm")) + "\t\t100\t200\t300\n1\t2\t3\t4\t5\n",
            "2 coordinate columns, but its header names 1",
        ),
        (HEADER + axes(("Time", "fortnight")) + "\t100\t200\t300\n1\t2\t3\t4\n", "counts time in 'fortnight'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, said):
    with pytest.raises(UnreadableFile, match=said):
        read(write(tmp_path / "a.txt", text))


def test_nan_one_spectrum_one_channel(tmp_path):
    data = read(write(tmp_path / "a.txt", HEADER + axes(("Y", "µm")) + "\t100\t200\n3.5\tNaN\t2\n"))
    assert data.n_spectra == 1
    assert np.isnan(data.intensity[0, 0])
    assert data.columns["flags"].tolist() == [32]
    assert read(write(tmp_path / "b.txt", HEADER + "100\t7\n")).intensity.tolist() == [[7]]


def test_sniffer_declines_other_text_and_binaries(tmp_path):
    for head in (
        b"EC-Lab ASCII FILE\r\nNb header lines : 60\r\n",
        b"##TITLE=water\r\n##JCAMP-DX=4.24\r\n",
        b"<?xml version='1.0'?>",
        b"#Wave\t\t#Intensity\r\n100\t1\r\n",
        b"#Acq. time (s)=\t1\x00\x00#AxisType[0]=",
        b"\x1f\x8b broken",
        b"100.5\t2\n101.5\t3\n",
        b"\t0\t1\t2\t3\t4\n100\t1\t1\t1\t1\t1\n",
        b"",
    ):
        assert not labspec_text.sniff(tmp_path / "x.txt", head), head


# -- measured files ---------------------------------------------------------------------------------------------------


def top(shift: np.ndarray, spectrum: np.ndarray, low: float, high: float) -> float:
    """Return the position of the highest point, refined by a parabola through three."""
    inside = np.flatnonzero((shift > low) & (shift < high))
    i = inside[np.argmax(spectrum[inside])]
    a, b, _ = np.polyfit(shift[i - 1 : i + 2] - shift[i], spectrum[i - 1 : i + 2], 2)
    return float(shift[i] - b / (2 * a))


def test_irregular_map(shared_data):
    path = shared_data("horiba_labspec_txt/map.txt")
    data = spectrode.read(path)
    assert (data.n_spectra, data.scan_shape) == (398, (("y", 20), ("x", 37)))
    assert int((data.columns["flags"] & 1).astype(bool).sum()) == 257
    lines = path.read_text().splitlines()
    for row in (0, 21, 200, 397):  # against a plain reading of the line
        x, y, *counts = map(float, lines[row + 1].split("\t"))
        assert (data.columns["x_um"][row], data.columns["y_um"][row]) == (x, y)
        np.testing.assert_array_equal(data.intensity[row], counts)
    cube = data.as_cube(data.columns["x_um"])
    assert np.isnan(cube).sum() == 37 * 20 - 398
    # Every column of the grid holds one x, every row one y.
    assert np.nanmax(np.nanmax(cube, axis=0) - np.nanmin(cube, axis=0)) == 0


def test_time_series_with_irregular_steps(shared_data):
    data = spectrode.read(shared_data("horiba_labspec_txt/ts.txt"))
    assert (data.n_spectra, data.n_channels) == (100, 1024)
    assert data.columns["time_s"][[0, 1, -1]].tolist() == [0, 5.834, 566.766]
    steps = np.diff(data.columns["time_s"])
    assert 5.59 <= steps.min() < 5.63
    assert 5.7 < steps.max() <= 5.9
    assert data.shift[-1] == 2135.1912
    assert data.intensity[0, -1] == 6244


def test_line_scan_shows_ws2_and_silicon(shared_data):
    data = spectrode.read(shared_data("horiba_labspec_txt/raman_linescan.txt.gz"))
    assert (data.n_spectra, data.n_channels) == (100, 1020)
    assert (round(data.shift[0]), round(data.shift[-1])) == (87, 599)
    assert data.scan_shape == (("line", 100),)
    assert data.metadata.laser.wavelength_nm == 532
    assert data.metadata.laser.power_fraction == pytest.approx(0.05)
    np.testing.assert_allclose(data.columns["exposure_s"], 4)
    mean = data.intensity.mean(axis=0)
    for expected, low, high in ((323.3, 315, 332), (351.5, 340, 365), (418.0, 405, 430), (520.2, 510, 530)):
        assert top(data.shift, mean, low, high) == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize(
    ("name", "spectra", "channels", "kind", "laser"),
    [
        ("map_nm.txt.gz", 400, 1020, "wavelength", 405),
        ("spectrum_nm.txt.gz", 1, 1877, "wavelength", 405),
        ("survey_nm.txt.gz", 4, 1873, "wavelength", 405),
        ("spectrum_wn.txt.gz", 1, 1020, "raman_shift", 532),
        ("labspec_raman_example.txt", 1, 341, "raman_shift", 532),
    ],
)
def test_measured_exports(shared_data, name, spectra, channels, kind, laser):
    data = spectrode.read(shared_data(f"horiba_labspec_txt/{name}"))
    assert (data.n_spectra, data.n_channels, data.axis_kind) == (spectra, channels, kind)
    assert data.metadata.laser.wavelength_nm == laser
    assert data.metadata.instrument.model == "LabRAM HR Evol"
    assert "Detector temperature (°C)" in data.metadata.vendor


def test_map_in_nm_is_a_full_grid(shared_data):
    data = spectrode.read(shared_data("horiba_labspec_txt/map_nm.txt.gz"))
    assert data.scan_shape == (("y", 20), ("x", 20))
    assert data.metadata.local_start == datetime(2022, 3, 7, 14, 49, 59)
    assert np.unique(data.columns["x_um"]).size == 20


def test_maps_without_header(shared_data):
    data = spectrode.read(shared_data("maps_fluorescence/Cymato_LA57434-2(94)GI01.txt"))
    assert (data.n_spectra, data.n_channels, data.scan_shape) == (1148, 672, (("y", 287), ("x", 4)))
    line = spectrode.read(shared_data("maps_fluorescence/PiC_C2_maps_10.txt"))
    assert (line.n_spectra, line.n_channels) == (22, 982)
    assert "time_s" not in line.columns
