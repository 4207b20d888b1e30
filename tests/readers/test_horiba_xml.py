"""LabSpec XML: one measurement exported in all units, maps and lines, made files, damaged and hostile ones."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from builders import horiba_xml
from builders.horiba_xml import LabSpec, a_map
from spectrode.dataset import OperandoDataset
from spectrode.errors import UnreadableFile
from spectrode.readers import read
from spectrode.readers.horiba_xml import READER, sniff
from spectrode.readers.registry import reader_for

Load = Callable[..., OperandoDataset]
FOLDER = "horiba_xml/jobinyvon_test_"


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def made(content: object, **options: object) -> OperandoDataset:
        path = tmp_path / "made.xml"
        path.write_bytes(bytes(content))  # type: ignore[call-overload]
        return read(path, reader="horiba-xml", **options)

    return made


def warned(data: OperandoDataset, word: str) -> bool:
    return any(word in w for w in data.metadata.warnings)


# -- made files --------------------------------------------------------------------------------------------------------


def test_spectrum(load: Load) -> None:
    data = load(LabSpec())
    assert (data.axis_kind, data.scan_shape, data.n_spectra) == ("raman_shift", (), 1)
    np.testing.assert_array_equal(data.shift, [900.125, 1000.0, 1100.25, 1200.5])
    np.testing.assert_array_equal(data.intensity, [[25.25, 30.0, 20.5, 10.0]])  # turned round with the axis
    assert data.columns["exposure_s"].tolist() == [6.0]
    assert data.columns["x_um"].tolist() == [-12.5]
    metadata = data.metadata
    assert metadata.local_start == datetime(2022, 8, 19, 9, 20, 51)
    assert metadata.started_at is None
    assert metadata.stamp_refers_to == "unknown"
    assert metadata.title == "synthetic µ"
    assert (metadata.laser.wavelength_nm, metadata.laser.power_fraction) == (632.817, 0.01)
    instrument = metadata.instrument
    assert (instrument.objective, instrument.grating, instrument.accumulations) == ("x50", "600 gr/mm", 2)
    assert warned(data, "sum or the mean of its 2 accumulations")
    assert metadata.vendor["settings"]["acquisition"]["Laser (nm)"] == {"value": "633 ", "position": 632.817}
    json.dumps(metadata.vendor, allow_nan=False)


@pytest.mark.parametrize(
    ("written", "fraction"), [("10%", 0.1), ("100%", 1.0), ("D0.6", 10**-0.6), ("OD 1", 0.1), ("No", None), ("", None)]
)
def test_filter(load: Load, written: str, fraction: float | None) -> None:
    assert load(LabSpec(settings=[("ND Filter", written, None)])).metadata.laser.power_fraction == fraction


@pytest.mark.parametrize(
    ("unit", "kind"), [("nm", "wavelength"), ("1/cm", "raman_shift"), ("1/cm abs", "wavenumber"), ("eV", "wavelength")]
)
def test_units(load: Load, unit: str, kind: str) -> None:
    axis = [1.6, 1.65, 1.7, 1.75] if unit == "eV" else [500.0, 501.0, 502.0, 503.0]
    data = load(LabSpec(axis=axis, unit=unit))
    assert data.axis_kind == kind
    expected = sorted(1240.0 / np.array(axis)) if unit == "eV" else axis
    np.testing.assert_allclose(data.shift, expected, rtol=1e-6)


def test_unknown_unit_and_negative_energy_are_refused(load: Load) -> None:
    with pytest.raises(UnreadableFile, match="axis in 'pixel'"):
        load(LabSpec(unit="pixel"))
    with pytest.raises(UnreadableFile, match="axis in 'eV'"):
        load(LabSpec(axis=[-1.0, 0.0, 1.0, 2.0], unit="eV"))


def test_map_runs_along_the_first_axis_unless_told(load: Load) -> None:
    data = load(a_map())
    assert data.scan_shape == (("y", 2), ("x", 3))
    assert data.columns["x_um"].tolist() == [-2, 0, 2, -2, 0, 2]
    assert data.columns["y_um"].tolist() == [-1, -1, -1, 1, 1, 1]
    assert warned(data, "give fast_axis=")
    np.testing.assert_array_equal(data.as_cube(data.intensity[:, -1]), [[0, 100, 200], [300, 400, 500]])
    other = load(a_map(), fast_axis="last")
    assert other.scan_shape == (("y", 2), ("x", 3))
    assert other.columns["y_um"].tolist() == [-1, 1, -1, 1, -1, 1]
    np.testing.assert_array_equal(other.as_cube(other.intensity[:, -1]), [[0, 200, 400], [100, 300, 500]])


def test_positions_of_a_falling_axis_are_laid_out_rising(load: Load) -> None:
    data = load(a_map(scanned=[("X", "mm", [2.0, 1.0, 0.0], None), ("Y", "µm", [-1.0, 1.0], None)]))
    assert data.columns["x_um"].tolist() == [2000, 1000, 0] * 2
    np.testing.assert_array_equal(data.as_cube(data.intensity[:, -1]), [[200, 100, 0], [500, 400, 300]])


def test_rotated_map_says_so(load: Load) -> None:
    scanned = [("XA", "µm", [-2.0, 0.0, 2.0], "X"), ("YA", "µm", [-1.0, 1.0], "Y")]
    data = load(a_map(scanned=scanned, angle=-0.5))
    assert data.scan_shape == (("y", 2), ("x", 3))
    assert warned(data, "rotated by -28.65°")
    assert warned(data, "the settings put the stage at x = -12.5 µm")


def test_series_in_time(load: Load) -> None:
    data = load(a_map(spectra=[[1.0, 2.0, 3.0, 4.0]] * 3, scanned=[("Time", "min", [0.0, 1.0, 3.0], None)]))
    assert data.scan_shape == (("time", 3),)
    assert data.columns["time_s"].tolist() == [0.0, 60.0, 180.0]


def test_windows_are_lit_one_after_another(load: Load) -> None:
    data = load(LabSpec(settings=[("Acq. time (s)", 3.0, None), ("Accumulations", 2, None), ("Windows", 4, None)]))
    assert (data.columns["exposure_s"][0], data.columns["irradiation_s"][0]) == (6.0, 24.0)
    assert warned(data, "4 spectral windows")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (LabSpec(spectra=[[1.0, 2.0, 3.0]]), "3 channels, its axis has 4"),
        (a_map(spectra=[[1.0, 2.0, 3.0, 4.0]] * 5), "5 spectra, its axes have 6 places"),
        (LabSpec(spectra=[[1.0] * 4, [1.0] * 3]), "between 3 and 4 channels"),
        (LabSpec(spectra=[]), "no spectrum"),
        (a_map(scanned=[("X", "µm", [0.0, 1.0, 2.0], None), ("X", "µm", [0.0, 1.0], None)]), "of one kind"),
        (LabSpec(axis=[1.0, 2.0, 2.0, 3.0]), "neither rising nor falling"),
    ],
)
def test_contradictions_are_refused(load: Load, made: LabSpec, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        load(made)


def test_wrong_numbers_are_named(load: Load) -> None:
    with pytest.raises(UnreadableFile, match="intensities that are not all numbers"):
        load(bytes(LabSpec()).replace(b"20.5", b"20x5"))
    with pytest.raises(UnreadableFile, match="not numbered 0, 1, 2"):
        load(bytes(LabSpec()).replace(b'Index="0"', b'Index="7"'))


# -- hostile and damaged files -----------------------------------------------------------------------------------------

BOMB = b"""<?xml version="1.0"?><!DOCTYPE LSX_Data [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><LSX_Data>&c;</LSX_Data>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_are_refused(load: Load, encoding: str) -> None:
    content = BOMB.decode().replace('"1.0"', f'"1.0" encoding="{encoding}"').encode(encoding)
    with pytest.raises(UnreadableFile, match="document type"):
        load(content)
    outside = b'<!DOCTYPE LSX_Data SYSTEM "file:///etc/hostname"><LSX_Data/>'
    with pytest.raises(UnreadableFile, match="document type"):
        load(outside)


def test_depth_number_and_encoding_are_bounded(load: Load) -> None:
    with pytest.raises(UnreadableFile, match="nested too deeply"):
        load(b"<LSX_Data>" + b"<LSX>" * 100_000)
    with pytest.raises(UnreadableFile, match="too many"):
        load(b"<LSX_Data>" + b"<a/>" * 100_000 + b"</LSX_Data>")
    with pytest.raises(UnreadableFile, match="encoding"):
        load(b'<?xml version="1.0" encoding="klingon"?><LSX_Data/>')


def test_many_spectra_are_not_too_many_elements(load: Load) -> None:
    n = 5000
    made = a_map(spectra=[[1.0, 2.0, 3.0, 4.0]] * n, scanned=[("X", "µm", [float(k) for k in range(n)], None)])
    assert load(made).n_spectra == n


@pytest.mark.parametrize("name", horiba_xml.examples())
def test_every_truncation_is_refused(load: Load, name: str) -> None:
    content = horiba_xml.examples()[name]
    end = len(content.rstrip())
    for stop in [*range(0, end, max(1, end // 60)), end - 1]:
        with pytest.raises(UnreadableFile):
            load(content[:stop])


def test_flipped_bytes_are_read_or_refused(load: Load) -> None:
    random_ = random.Random(7)
    for content in horiba_xml.examples().values():
        for _ in range(80):
            damaged = bytearray(content)
            for _ in range(random_.randint(1, 4)):
                damaged[random_.randrange(len(damaged))] = random_.randrange(256)
            try:
                assert load(bytes(damaged)).n_spectra >= 1
            except UnreadableFile:
                continue


def test_content_decides(tmp_path: Path) -> None:
    path = tmp_path / "made.dat"
    path.write_bytes(bytes(LabSpec()))
    assert reader_for(path).name == READER.name
    assert not sniff(path, b"<html><body>LSX_Data</body></html>")
    assert not sniff(path, b"\x00\x01")
    path.write_bytes(b"<LSX_Data></LSX_Data>")
    with pytest.raises(UnreadableFile, match="no LabSpec XML"):
        read(path)


# -- measured files ----------------------------------------------------------------------------------------------------


def test_one_measurement_in_all_units(shared_data: Callable[[str], Path]) -> None:
    shift, absolute, energy, counts = (
        read(shared_data(f"{FOLDER}spec_3s_{unit}.xml")) for unit in ("cm-1", "abs-cm-1", "eV", "counts")
    )
    laser = shift.metadata.laser.wavelength_nm
    assert laser == 632.817
    assert (shift.axis_kind, absolute.axis_kind, energy.axis_kind, counts.axis_kind) == (
        "raman_shift",
        "wavenumber",
        "wavelength",
        "wavelength",
    )
    # six digits are written, so 0.05 of 13000 cm-1, and 5e-6 of 1.6 eV
    np.testing.assert_allclose(1e7 / laser - absolute.shift[::-1], shift.shift, atol=0.06)
    np.testing.assert_allclose(1e7 / absolute.shift[::-1], counts.shift, atol=0.004)
    np.testing.assert_allclose(energy.shift, counts.shift, atol=0.004)  # fails by 0.1 nm with h c = 1239.84 eV nm
    np.testing.assert_allclose(energy.intensity, shift.intensity[:, :], rtol=1e-5)
    np.testing.assert_allclose(absolute.intensity[:, ::-1], shift.intensity, rtol=1e-5)
    assert counts.columns["exposure_s"][0] == 3.0
    np.testing.assert_allclose(shift.intensity * 3.0, counts.intensity, rtol=1e-5)
    assert any("counts per second" in w for w in shift.metadata.warnings)
    assert not any("counts per second" in w for w in counts.metadata.warnings)


def test_measured_line_and_maps(shared_data: Callable[[str], Path]) -> None:
    line = read(shared_data(FOLDER + "linescan.xml"))
    assert (line.scan_shape, line.n_channels) == ((("line", 3),), 34)
    assert line.columns["y_um"].tolist() == [0.0, 0.5, 1.0]
    assert line.intensity[:, -1].tolist() == [1614.0, 1509.0, 1546.0]
    for name, corner in (("map_x3-y2", 254.5), ("map_x2-y2_rotated", 33.5)):
        data = read(shared_data(f"{FOLDER}{name}.xml"))
        assert data.as_cube().shape == (2, 3, 34)
        assert data.as_cube()[1, 2, -1] == corner
        assert any("rotated by -30.50°" in w for w in data.metadata.warnings) == ("rotated" in name)


def test_measured_range_and_spectrum(shared_data: Callable[[str], Path]) -> None:
    glued = read(shared_data(FOLDER + "spec_range.xml"))
    assert (glued.n_channels, glued.intensity[0, 0], glued.intensity[0, -1]) == (105, 238.0, 254.265)
    assert glued.columns["irradiation_s"][0] == 8.0
    single = read(shared_data(FOLDER + "spec.xml"))
    assert (single.metadata.instrument.objective, single.metadata.laser.power_fraction) == ("x100", 0.1)
    assert single.metadata.local_start == datetime(2022, 6, 27, 16, 26, 24)
