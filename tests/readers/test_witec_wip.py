"""WITec projects: built from known numbers tag by tag, damaged, and a measured project that equals its text exports."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import damaged, witec_wip
from builders.witec_wip import Project, a_map, a_series, a_single
from spectrode.dataset import OperandoDataset
from spectrode.errors import UnreadableFile
from spectrode.inspection import describe
from spectrode.readers import read, reader_for
from spectrode.readers.witec_wip import READER, _plain_text, _start

Load = Callable[..., OperandoDataset]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def from_project(made: Project | bytes, **options: Any) -> OperandoDataset:
        path = tmp_path / "made.wip"
        path.write_bytes(bytes(made))
        return read(path, **options)

    return from_project


def shifts(nm: np.ndarray, laser: float = 632.8) -> np.ndarray:
    return 1e7 / laser - 1e7 / nm


# -- maps --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inverted", [None, False, True])
def test_map_lies_column_by_column_unless_the_file_says_otherwise(load: Load, inverted: bool | None) -> None:
    data = load(a_map(inverted))
    assert data.scan_shape == (("y", 2), ("x", 3))
    assert data.intensity.dtype == np.uint16
    cube = data.as_cube()
    for y in range(2):
        for x in range(3):
            np.testing.assert_array_equal(cube[y, x], 100 * x + 10 * y + np.arange(4) + 1)
    # The file's own order is kept.
    second = 11 if not inverted else 101
    assert data.intensity[1, 0] == second


def test_positions_follow_the_affine_transformation(load: Load) -> None:
    data = load(a_map())
    x, y = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 1])
    np.testing.assert_allclose(data.columns["x_um"], 50 + 2 * (x - 1.5))
    np.testing.assert_allclose(data.columns["y_um"], 20 - 4 * (y - 1.0))
    np.testing.assert_array_equal(data.columns["z_um"], np.full(6, 3.0))


def test_rotated_map_and_other_units(load: Load) -> None:
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # x of the pixels runs along y of the stage
    made = Project()
    references = {
        "SpaceTransformationID": made.space((0, 0, 0), (1, 2, 3), (1, 3, 1), turn, unit="mm"),
        "XTransformationID": made.polynomial((640.0, 1.0)),
    }
    made.graph("Map", np.ones((4, 3), dtype="u2"), (2, 2), **references)
    data = load(made)
    x, y = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    np.testing.assert_allclose(data.columns["x_um"], 1e3 * (1 - 3 * y))
    np.testing.assert_allclose(data.columns["y_um"], 1e3 * (2 + x))
    assert [name for name, _ in data.scan_shape] == ["x", "y"]


def test_depth_scan_runs_along_z(load: Load) -> None:
    made = Project()
    onto_z = np.array([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
    references = {
        "SpaceTransformationID": made.space((0, 0, 0), (0, 0, -5), (1, 2, 1), onto_z),
        "XTransformationID": made.polynomial((640.0, 1.0)),
    }
    made.graph("Stack", np.ones((6, 3), dtype="u2"), (2, 3), **references)
    data = load(made)
    assert data.scan_shape == (("z", 3), ("x", 2))
    np.testing.assert_allclose(data.columns["z_um"], [-5, -3, -1, -5, -3, -1])


def test_line_scan_has_distances(load: Load) -> None:
    made = Project()
    references = {
        "SpaceTransformationID": made.space((0, 0, 0), (7, 8, 0), (5, 1, 1), np.diag([0.6, 1, 1])),
        "XTransformationID": made.polynomial((640.0, 1.0)),
    }
    made.graph("Line", np.ones((4, 3), dtype="f4"), (4, 1), **references)
    data = load(made)
    assert data.scan_shape == (("line", 4),)
    np.testing.assert_allclose(data.columns["distance_um"], 3.0 * np.arange(4))
    assert "time_s" not in data.columns


def test_interrupted_map_leaves_out_empty_invalid_lines(load: Load) -> None:
    made = a_map(LineValid=np.array([True, False]))
    kind, number, caption, parts = made.objects[-1]
    counts = np.frombuffer(dict(dict(parts)["TDGraph"])["GraphData"][3][1], dtype="u2").reshape(6, 4).copy()
    counts[[1, 3]] = 0  # the second line was begun: only its last point holds counts
    dict(parts)["TDGraph"][-1][1][3] = ("Data", counts.tobytes())
    made.objects[-1] = (kind, number, caption, parts)
    data = load(made)
    np.testing.assert_array_equal(data.scan_index, [0, 1, 2, 5])
    assert data.scan_shape == (("y", 2), ("x", 3))
    assert any("4 of 6 planned spectra were measured" in w for w in data.metadata.warnings)
    assert any("marked as not valid" in w for w in load(a_map(LineValid=np.array([True, False]))).metadata.warnings)


# -- axis --------------------------------------------------------------------------------------------------------------


def test_polynomial_axis_as_raman_shift(load: Load) -> None:
    k = np.arange(4)
    np.testing.assert_allclose(load(a_map()).shift, shifts(640 + k + 0.01 * k**2), rtol=1e-14)


def test_grating_axis_by_geometry(load: Load) -> None:
    """The rays drawn out: each channel at its place in the tilted focal plane, its angle to the grating, its colour."""
    gamma, delta, groove, pixel, focus, centre = 0.43, -0.0005, 1666.67, 0.026, 300.0, 2.0
    # The beam of the central wavelength leaves at beta = alpha + gamma; d (sin alpha + sin beta) = lambda.
    alpha = np.arcsin(700.0 / (2 * groove * np.cos(gamma / 2))) - gamma / 2
    assert groove * (np.sin(alpha) + np.sin(alpha + gamma)) == pytest.approx(700.0, rel=1e-12)
    normal = np.array([np.cos(delta), -np.sin(delta)])  # along the detector's row, in a frame with the central ray up
    places = np.array([0, focus]) + np.outer((np.arange(4) - centre) * pixel, normal)
    angle = np.arctan2(places[:, 0], places[:, 1])
    expected = groove * (np.sin(alpha) + np.sin(alpha + gamma + angle))
    np.testing.assert_allclose(load(a_series()).shift, shifts(expected), atol=2e-5)


def test_limited_polynomial_leaves_out_what_it_does_not_cover(load: Load) -> None:
    data = load(a_single())
    k = np.arange(1, 5)
    np.testing.assert_allclose(data.shift, 500 + 2 * k + 0.1 * k**2)
    np.testing.assert_array_equal(data.intensity, [[2, 3, 4, 5]])
    assert any("2 channels lie outside" in w for w in data.metadata.warnings)
    assert data.scan_shape == ()


@pytest.mark.parametrize(
    ("index", "kind", "words"),
    [(0, "wavelength", None), (2, "wavenumber", None), (4, "wavelength", "in eV"), (7, "raman_shift", "rel. meV")],
)
def test_units_shown(load: Load, index: int, kind: str, words: str | None) -> None:
    data = load(a_single(index))
    assert data.axis_kind == kind
    nm = 500 + 2 * np.arange(1, 5) + 0.1 * np.arange(1, 5) ** 2
    expected = {"wavelength": nm, "wavenumber": (1e7 / nm)[::-1], "raman_shift": shifts(nm)}[kind]
    np.testing.assert_allclose(data.shift, expected)
    np.testing.assert_array_equal(data.intensity[0], [5, 4, 3, 2] if kind == "wavenumber" else [2, 3, 4, 5])
    assert words is None or any(words in w for w in data.metadata.warnings)


def test_raman_shift_without_laser_stays_in_nm(load: Load) -> None:
    made = Project()
    interpretation = made.interpretation(3, laser_nm=None)
    made.graph(
        "S", np.ones((1, 3)), (1, 1), XTransformationID=made.polynomial((640, 1)), XInterpretationID=interpretation
    )
    data = load(made)
    assert data.axis_kind == "wavelength"
    assert data.metadata.laser.wavelength_nm is None
    assert any("states no excitation wavelength" in w for w in data.metadata.warnings)


def test_table_as_axis_and_uncalibrated(load: Load) -> None:
    made = Project()
    made.graph("S", np.ones((1, 3)), (1, 1), XTransformationID=made.table(np.array([5.0, 7, 10]), "rel. 1/cm"))
    data = load(made)
    assert data.axis_kind == "raman_shift"
    np.testing.assert_array_equal(data.shift, [5, 7, 10])
    made = Project()
    made.graph("S", np.ones((1, 3)), (1, 1), XTransformationID=made.polynomial((640, 1), calibrated=False))
    assert any("not calibrated" in w for w in load(made).metadata.warnings)


# -- times and settings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "factor"), [("s", 1.0), ("ms", 1e-3), ("min", 60.0)])
def test_series_has_nominal_times(load: Load, unit: str, factor: float) -> None:
    data = load(a_series(unit=unit))
    assert data.scan_shape == (("time", 5),)
    np.testing.assert_allclose(data.columns["time_s"], 1.25 * factor * np.arange(5))
    assert data.metadata.times_derived


def test_recorded_table_of_times_is_not_nominal(load: Load) -> None:
    made = Project()
    times = np.array([0.0, 1.1, 2.5])
    references = {"SpaceTransformationID": made.table(times, "s"), "XTransformationID": made.polynomial((640, 1))}
    made.graph("Time Series", np.ones((3, 2)), (3, 1), **references)
    data = load(made)
    np.testing.assert_array_equal(data.columns["time_s"], times)
    assert not data.metadata.times_derived


def test_settings_give_times_exposure_and_instrument(load: Load) -> None:
    data = load(a_map())
    # 6 s for the three points of a line and 1.5 s back: 2 s a point, 7.5 s a line.
    cube = data.as_cube(data.columns["time_s"])
    np.testing.assert_allclose(cube, [[0, 2, 4], [7.5, 9.5, 11.5]])
    assert data.metadata.times_derived
    assert data.metadata.stamp_refers_to == "start"
    np.testing.assert_array_equal(data.columns["exposure_s"], np.full(6, 6.0))
    instrument = data.metadata.instrument
    assert (instrument.model, instrument.detector, instrument.objective) == ("UHTS300", "DU401", "Zeiss 100x")
    assert instrument.grating == "T1: 600 g/mm BLZ=750nm"
    assert instrument.software == "WITec Control 1.60.3.3"
    assert instrument.accumulations == 3
    assert data.metadata.sample.name == "Si wafer"
    assert data.metadata.local_start == datetime(2015, 7, 15, 15, 3, 8)
    vendor = json.loads(json.dumps(data.metadata.vendor))
    assert vendor["information"]["Objective"]["Position X [µm]"] == "1.5"
    assert vendor["XTransformation"]["TDSpectralTransformation"]["Polynom"] == [640.0, 1.0, 0.01]


@pytest.mark.parametrize(
    ("date", "clock", "expected"),
    [
        ("Mittwoch, 15. Juli 2015", "15:03:08", datetime(2015, 7, 15, 15, 3, 8)),
        ("Donnerstag, 3. März 2016", "00:00:01", datetime(2016, 3, 3, 0, 0, 1)),
        ("Saturday, December 05, 2020", "12:30:00 AM", datetime(2020, 12, 5, 0, 30)),
        ("mardi 2 août 2022", "9:05:07", datetime(2022, 8, 2, 9, 5, 7)),
        ("martedì 9 maggio 2023", "17:00:00", datetime(2023, 5, 9, 17)),
        ("lunes, 4 de enero de 2021", "17:00:00", datetime(2021, 1, 4, 17)),
    ],
)
def test_dates_in_several_languages(date: str, clock: str, expected: datetime) -> None:
    assert _start({"General": {"Date": date, "Time": clock}}) == (expected, [])


@pytest.mark.parametrize(("date", "clock"), [("31. Februar 2020", "1:00:00"), ("gestern", "1:00"), ("1. Mai 2020", "")])
def test_impossible_dates_are_said(date: str, clock: str) -> None:
    when, notes = _start({"General": {"Date": date, "Time": clock}})
    assert when is None
    assert date in notes[0]


def test_rtf_text() -> None:
    raw = rb"{\rtf1{\fonttbl{\f0 Arial;}}\b0 Width [\f1\'b5m]:\tab 5.0\par \f0 A\\B \u937? \{x\}}"
    assert _plain_text(raw) == "Width [µm]:\t5.0\nA\\B Ω {x}"


# -- several datasets --------------------------------------------------------------------------------------------------


def test_datasets_are_listed_and_chosen_by_name(load: Load, tmp_path: Path) -> None:
    both = a_series(made=a_map())
    data = load(both)
    assert (
        data.metadata.title == "Map_000_Spec.Data 1" if data.intensity.nbytes == 48 else "Time Series_000_Spec.Data 1"
    )
    (warning,) = [w for w in data.metadata.warnings if "2 datasets" in w]
    assert "'Map_000_Spec.Data 1', 'Time Series_000_Spec.Data 1'" in warning
    assert load(both, dataset="Map_000_Spec.Data 1").scan_shape == (("y", 2), ("x", 3))
    chosen = load(both, dataset="Time Series_000_Spec.Data 1")
    assert chosen.scan_shape == (("time", 5),)
    assert not [w for w in chosen.metadata.warnings if "datasets" in w]
    with pytest.raises(UnreadableFile, match=r"no dataset 'Map'; it has 'Map_000_Spec.Data 1', 'Time Series"):
        load(both, dataset="Map")
    assert "2 datasets" in describe(tmp_path / "made.wip")


def test_same_caption_twice_is_told_apart(load: Load) -> None:
    twice = a_series(made=a_series(3))
    names = next(w for w in load(twice).metadata.warnings if "datasets" in w)
    second = names.split("'")[3]
    assert second.startswith("Time Series_000_Spec.Data 1 (ID ")
    assert load(twice, dataset=second).n_spectra == 5
    assert load(twice, dataset="Time Series_000_Spec.Data 1").n_spectra == 3


def test_project_without_spectra_says_so(load: Load) -> None:
    made = Project()
    made.text("Notes", ["nothing"])
    made.graph("Profile", np.ones((1, 3)), (1, 1), XTransformationID=made.linear(1.0, "s"))
    with pytest.raises(UnreadableFile, match="holds no spectra: of 3 data objects, 1 are graphs"):
        load(made)


# -- damage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channels": 2**30}, r"announces 3 × 2 spectra of 1073741824 channels"),
        ({"channels": 0}, "announces 3 × 2 spectra of 0 channels"),
        ({"data_type": 99}, "numbers of type 99"),
        ({"data_type": 10}, "but holds 48 bytes"),
    ],
)
def test_contradicting_sizes(load: Load, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        load(a_map(**changes))


def test_missing_tag_is_named(load: Load) -> None:
    raw = bytes(a_map()).replace(b"ViewPort3D", b"ViewPort4D")
    with pytest.raises(UnreadableFile, match="ViewPort3D"):
        load(raw)


def test_tags_nested_without_end(load: Load) -> None:
    raw, at = b"WIT_PR06", 8
    names = 60
    end = 8 + 25 * names
    for k in range(names):
        raw += struct.pack("<I", 1) + b"a" + struct.pack("<Iqq", 0, at + 25 * (k + 1), end)
    with pytest.raises(UnreadableFile, match="nested more than"):
        load(raw)


@pytest.mark.parametrize("name", witec_wip.examples())
def test_damaged_files_are_refused_or_read(tmp_path: Path, name: str) -> None:
    path, content = tmp_path / name, witec_wip.examples()[name]
    assert damaged.survives(READER, path, content)
    assert not any(damaged.survives(READER, path, cut) for cut in damaged.cuts(content))
    for changed in damaged.flips(content, 120, within=len(content)):
        damaged.survives(READER, path, changed)


def test_sniffs_content_not_name(tmp_path: Path) -> None:
    path = tmp_path / "project.txt"
    path.write_bytes(bytes(a_map()))
    assert reader_for(path) is READER
    assert not READER.sniff(path, b"WIT_")
    assert not READER.sniff(path, b"")


# -- measured ----------------------------------------------------------------------------------------------------------

SharedData = Callable[[str], Path]


def test_measured_map_equals_its_text_exports(shared_data: SharedData) -> None:
    data = read(shared_data("witec/Si-data.WIP"), dataset="Map_000_Spec.Data 1_F")
    text = read(shared_data("witec/Witec-Map_full.txt"))
    assert data.scan_shape == text.scan_shape == (("y", 5), ("x", 5))
    np.testing.assert_array_equal(data.as_cube(), text.as_cube())
    assert not np.array_equal(data.intensity, text.intensity)  # stored column by column, exported row by row
    np.testing.assert_allclose(data.shift, text.shift, rtol=1e-5)  # the text has six digits
    plain = np.loadtxt(shared_data("witec/Witec-Map-y.dat")).reshape(5, 5, 1024)
    np.testing.assert_array_equal(data.as_cube(), plain)
    assert data.intensity.dtype == np.uint16
    assert data.metadata.local_start == datetime(2015, 7, 15, 15, 3, 8)
    # Scan speed 5.175 s a line and 0.017 s back; the middle of the scan lies at 107.8 + 39.269 µm.
    assert np.ptp(data.columns["time_s"]) == pytest.approx(4 * 5.192 + 4 * 1.035)
    assert data.columns["x_um"].min() == pytest.approx(147.069 - 2.5)
    assert data.columns["y_um"].max() == pytest.approx(-0.093 + 2.5)


def test_measured_series_equals_its_text_exports(shared_data: SharedData) -> None:
    path = shared_data("witec/Si-data.WIP")
    data = read(path)
    assert any("'Map_000_Spec.Data 1_F', 'Time Series_000_Spec.Data 1'" in w for w in data.metadata.warnings)
    for variant in ("full", "label", "unit"):
        text = read(shared_data(f"witec/Witec-timeseries_{variant}.txt"))
        np.testing.assert_array_equal(data.intensity, text.intensity)
    np.testing.assert_array_equal(
        data.intensity, np.loadtxt(shared_data("witec/Witec-timeseries-y.dat")).reshape(100, 1024)
    )
    axis = np.loadtxt(shared_data("witec/Witec-timeseries-x.dat"))
    np.testing.assert_allclose(data.shift, axis, atol=6e-6)  # nine digits
    assert data.shift[0] == pytest.approx(87.7367, abs=1e-4)
    assert data.shift[-1] == pytest.approx(2821.306, abs=1e-3)
    assert data.metadata.laser.wavelength_nm == pytest.approx(632.8, abs=1e-4)
    np.testing.assert_allclose(np.diff(data.columns["time_s"]), 1.03492, rtol=1e-6)
    np.testing.assert_allclose(data.columns["exposure_s"], 1.03492)
    assert data.metadata.local_start == datetime(2015, 7, 15, 15, 5, 42)
    mean = data.intensity.mean(axis=0)
    window = (data.shift > 500) & (data.shift < 550)
    assert data.shift[window][mean[window].argmax()] == pytest.approx(525.7, abs=1.6)  # silicon, uncalibrated


def test_measured_project_damaged(shared_data: SharedData, tmp_path: Path) -> None:
    content = shared_data("witec/Si-data.WIP").read_bytes()
    path = tmp_path / "damaged.wip"
    assert not any(damaged.survives(READER, path, cut) for cut in damaged.cuts(content, 40))
    for changed in damaged.flips(content, 60, within=len(content)):
        damaged.survives(READER, path, changed)
