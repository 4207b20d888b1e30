"""Princeton Instruments files, 2.x and 3.0: built from known numbers, damaged, and measured ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import damaged, princeton_spe
from builders.princeton_spe import Spe2, Spe3, numbered
from spectrode.dataset import OperandoDataset
from spectrode.errors import UnreadableFile
from spectrode.preprocessing.calibrate import to_raman_shift
from spectrode.readers import read, reader_for
from spectrode.readers.princeton_spe import READER

Load = Callable[..., OperandoDataset]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def from_content(made: Spe2 | Spe3 | bytes, **options: Any) -> OperandoDataset:
        path = tmp_path / "made.spe"
        path.write_bytes(bytes(made))
        return read(path, **options)

    return from_content


# -- LightField 3.0 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["<u2", "<u4", "<f4"])
def test_lightfield_spectrum(load: Load, dtype: str) -> None:
    data = load(Spe3([numbered()], dtype))
    np.testing.assert_array_equal(data.shift, 540 + 0.5 * np.arange(6))
    np.testing.assert_array_equal(data.intensity, [[1, 2, 3, 4, 5, 6]])
    assert data.intensity.dtype == np.dtype(dtype)
    assert data.axis_kind == "wavelength"
    assert data.metadata.laser.wavelength_nm == 532
    np.testing.assert_array_equal(data.columns["exposure_s"], [1.5])
    zone = timezone(timedelta(hours=2))
    assert data.metadata.started_at == datetime(2024, 10, 1, 11, 32, 24, 657962, tzinfo=zone)
    instrument = data.metadata.instrument
    assert (instrument.model, instrument.detector, instrument.grating) == (
        "SP-2-500i",
        "PyLoN",
        "1800 g/mm, blaze 500nm",
    )
    assert instrument.software == "LightField 6.5"
    vendor = json.loads(json.dumps(data.metadata.vendor))["SpeFormat"]
    assert vendor["DataHistories"]["DataHistory"]["Origin"]["software"] == "LightField"


def test_start_is_proven_by_when_the_file_was_made(load: Load) -> None:
    assert load(Spe3([numbered()])).metadata.stamp_refers_to == "start"  # made 184 s later, exposed for 1.5 s
    at_once = Spe3([numbered()], file_made="2024-10-01T11:32:24.7+02:00")
    assert load(at_once).metadata.stamp_refers_to == "unknown"


def test_frames_with_recorded_stamps(load: Load) -> None:
    stamps = [(250_000, 1_750_000), (2_250_000, 3_750_000), (4_350_000, 5_850_000)]
    data = load(Spe3([numbered(3)], stamps_us=stamps))
    assert data.scan_shape == (("time", 3),)
    np.testing.assert_array_equal(data.intensity, numbered(3)[:, 0])
    np.testing.assert_allclose(data.columns["time_s"], [0.25, 2.25, 4.35])
    assert data.metadata.stamp_refers_to == "start"
    assert not data.metadata.times_derived


def test_stamps_of_the_end_only(load: Load) -> None:
    made = Spe3([numbered(2)], stamps_us=[(5, 1_750_000), (6, 3_750_000)])
    raw = bytes(made).replace(b'event="ExposureStarted" type="Int64"', b'event="ExposureStarted" type="Other"')
    data = load(raw)
    np.testing.assert_allclose(data.columns["time_s"], [1.75, 3.75])
    assert data.metadata.stamp_refers_to == "end"


def test_frames_without_stamps_use_the_frame_rate(load: Load) -> None:
    data = load(Spe3([numbered(3)], frame_rate=0.5))
    np.testing.assert_allclose(data.columns["time_s"], [0, 2, 4])
    assert data.metadata.times_derived
    data = load(Spe3([numbered(3)], frame_rate=None))
    assert "time_s" not in data.columns
    assert any("no times of its 3 frames" in w for w in data.metadata.warnings)


@pytest.mark.parametrize("method", ["Average", "Sum"])
def test_combined_frames(load: Load, method: str) -> None:
    data = load(Spe3([numbered(2)], combined=(6, method)))
    np.testing.assert_array_equal(data.columns["exposure_s"], [9.0, 9.0])
    np.testing.assert_allclose(data.columns["time_s"], [0, 12])
    assert data.metadata.instrument.accumulations == 6
    assert any("average of 6 exposures" in w for w in data.metadata.warnings) == (method == "Average")


def test_regions_are_listed_and_chosen(load: Load) -> None:
    made = Spe3([numbered(2), numbered(2, 3) + 50])
    data = load(made)
    assert any("region 1, region 2; 'region 1' was read" in w for w in data.metadata.warnings)
    second = load(made, dataset="region 2")
    assert second.scan_shape == (("time", 2), ("track", 3))
    np.testing.assert_array_equal(second.as_cube(), numbered(2, 3) + 50)
    with pytest.raises(UnreadableFile, match="no dataset 'region 3'; it has region 1, region 2"):
        load(made, dataset="region 3")


def test_wavelengths_of_the_whole_sensor(load: Load) -> None:
    sensor = 500 + np.arange(20) ** 1.5
    shifted = load(Spe3([numbered()], wavelengths=sensor, columns=[(7, 1)]))
    np.testing.assert_allclose(shifted.shift, sensor[7:13])
    binned = load(Spe3([numbered()], wavelengths=sensor, columns=[(2, 3)]))
    np.testing.assert_allclose(binned.shift, sensor[[3, 6, 9, 12, 15, 18]])  # the middle of three columns
    with pytest.raises(UnreadableFile, match="20 wavelengths for a region of 6 channels from column 15"):
        load(Spe3([numbered()], wavelengths=sensor, columns=[(15, 1)]))


def test_wavelengths_with_errors_and_turned_images(load: Load) -> None:
    np.testing.assert_array_equal(load(Spe3([numbered()], errors=True)).shift, 540 + 0.5 * np.arange(6))
    turned = load(Spe3([numbered()], orientation="FlippedHorizontally"))
    assert any("'FlippedHorizontally'" in w for w in turned.metadata.warnings)


@pytest.mark.parametrize(("laser", "words"), [("400", "would lie beyond"), ("600", "would begin at"), ("x", None)])
def test_laser_line_that_contradicts_the_data(load: Load, laser: str, words: str | None) -> None:
    data = load(Spe3([numbered()], laser=laser))
    assert data.metadata.laser.wavelength_nm is None
    assert words is None or any(words in w for w in data.metadata.warnings)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"calibrated": False}, "no wavelength calibration"),
        ({"offset": 2**40}, "XML text should begin at byte 1099511627776"),
        ({"frames": 2**30}, "announces 1073741824 frames"),
        ({"frames": 0}, "count 0"),
        ({"extra": "<open>"}, "XML text is cut short or damaged"),
        ({"extra": "<!DOCTYPE x>"}, "declares entities"),
        ({"wavelengths": np.array([540.0, np.nan, 541, 542, 543, 544])}, "not numbers"),
    ],
)
def test_what_cannot_be_read_is_said(load: Load, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        load(Spe3([numbered()], **changes))


def test_unknown_type_of_number(load: Load) -> None:
    with pytest.raises(UnreadableFile, match="'MonochromeUnsigned99'"):
        load(bytes(Spe3([numbered()])).replace(b"Unsigned16", b"Unsigned99"))


# -- WinSpec 2.x -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["<u2", "<i2", "<i4", "<f4", "<u4", "<f8"])
def test_winspec_spectrum(load: Load, dtype: str) -> None:
    data = load(Spe2(numbered(), dtype, polynomial=(500.0, 0.5, 0.01)))
    k = np.arange(1, 7)
    np.testing.assert_allclose(data.shift, 500 + 0.5 * k + 0.01 * k**2)
    assert data.intensity.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(data.intensity, [[1, 2, 3, 4, 5, 6]])
    np.testing.assert_array_equal(data.columns["exposure_s"], [1.0])  # 4 × 0.25 s
    assert data.metadata.instrument.accumulations == 4
    assert data.metadata.instrument.grating == "600 g/mm"
    assert data.metadata.title == "Si on Cu"
    assert data.metadata.vendor["detector_temperature_c"] == -70


@pytest.mark.parametrize(
    ("local", "utc", "hours"),
    [("013000", "003000", 1.0), ("013000", "200000", 5.5), ("230000", "060000", -7.0), ("120000", "120000", 0.0)],
)
def test_zone_from_the_two_clocks(load: Load, local: str, utc: str, hours: float) -> None:
    started = load(Spe2(numbered(), local=local.encode(), utc=utc.encode())).metadata.started_at
    assert started is not None
    assert started.utcoffset() == timedelta(hours=hours)
    assert started.replace(tzinfo=None) == datetime(2009, 2, 12, int(local[:2]), int(local[2:4]))


@pytest.mark.parametrize("utc", [b"", b"010712"])
def test_clock_without_a_possible_zone_stays_local(load: Load, utc: bytes) -> None:
    metadata = load(Spe2(numbered(), utc=utc)).metadata
    assert metadata.started_at is None
    assert metadata.local_start == datetime(2009, 2, 12, 1, 30)


def test_winspec_without_a_date(load: Load) -> None:
    data = load(Spe2(numbered(), date=b"31Feb2009"))
    assert data.metadata.started_at is None
    assert data.metadata.local_start is None
    assert "time_s" not in data.columns


def test_winspec_frames_and_rows(load: Load) -> None:
    data = load(Spe2(numbered(3, 2)))
    assert data.scan_shape == (("time", 3), ("track", 2))
    np.testing.assert_array_equal(data.as_cube(), numbered(3, 2))
    assert any("no times of its 3 frames" in w for w in data.metadata.warnings)


@pytest.mark.parametrize(
    ("unit", "kind"), [(3, "wavelength"), (4, "wavenumber"), (5, "raman_shift"), (0, "wavelength")]
)
def test_units_of_the_polynomial(load: Load, unit: int, kind: str) -> None:
    data = load(Spe2(numbered(), unit=unit))
    assert data.axis_kind == kind
    assert any("nm was taken" in w for w in data.metadata.warnings) == (unit == 0)


@pytest.mark.parametrize(("laser", "nm"), [(1e7 / 488, 488.0), (488.0, 488.0), (0.0, None), (100.0, None)])
def test_laser_position_as_wavenumber_or_nm(load: Load, laser: float, nm: float | None) -> None:
    data = load(Spe2(numbered(), laser=laser))
    assert data.metadata.laser.wavelength_nm == (None if nm is None else pytest.approx(nm))
    assert any("taken as nm" in w for w in data.metadata.warnings) == (laser == 488.0)


def test_winspec_region_shifts_the_calibration(load: Load) -> None:
    data = load(Spe2(numbered(), region=(101, 112, 2)))
    np.testing.assert_allclose(data.shift, 500 + 0.5 * (101.5 + 2 * np.arange(6)))
    wrong = load(Spe2(numbered(), region=(101, 150, 2)))
    np.testing.assert_allclose(wrong.shift, 500 + 0.5 * np.arange(1, 7))
    assert any("does not give 6 channels" in w for w in wrong.metadata.warnings)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"valid": 0}, "no wavelength calibration"),
        ({"frames": 2**30}, "announces 1073741824 frames"),
        ({"frames": -1}, "announces -1 frames"),
        ({"polynomial": (500.0, float("nan"))}, "not made of numbers"),
        ({"polynomial": (500.0, 0.0)}, "neither rising nor falling"),
    ],
)
def test_winspec_that_cannot_be_read(load: Load, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        load(Spe2(numbered(), **changes))


# -- damage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", princeton_spe.examples())
def test_damaged_files_are_refused_or_read(tmp_path: Path, name: str) -> None:
    path, content = tmp_path / name, princeton_spe.examples()[name]
    assert damaged.survives(READER, path, content)
    assert not any(damaged.survives(READER, path, cut) for cut in damaged.cuts(content))
    for changed in damaged.flips(content, 120, within=len(content)):
        damaged.survives(READER, path, changed)


def test_sniffs_content_not_name(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_bytes(bytes(Spe2(numbered())))
    assert reader_for(path) is READER
    assert not READER.sniff(path, b"\0" * 5000)


# -- measured ----------------------------------------------------------------------------------------------------------

SharedData = Callable[[str], Path]


def test_measured_silicon(shared_data: SharedData) -> None:
    data = read(shared_data("princeton_spe/S0N_50x.spe"))
    assert (data.n_spectra, data.n_channels) == (1, 1340)
    assert data.intensity.dtype == np.uint32
    assert data.shift[0] == 534.00047611653622
    assert data.metadata.laser.wavelength_nm == 531.988
    # 6 × 30 s and the readout fill the 183.9 s from the start to the file.
    np.testing.assert_allclose(data.columns["exposure_s"], 180.0)
    assert data.metadata.stamp_refers_to == "start"
    assert data.metadata.instrument.grating == "1800 g/mm, blaze 500nm"
    zone = timezone(timedelta(hours=2))
    assert data.metadata.started_at == datetime(2024, 10, 1, 11, 32, 24, 657962, tzinfo=zone)
    raman = to_raman_shift(data)
    counts = raman.intensity[0] - np.median(raman.intensity[0])
    near = np.abs(raman.shift - raman.shift[counts.argmax()]) < 3
    centre = (raman.shift[near] * counts[near]).sum() / counts[near].sum()
    assert centre == pytest.approx(520.5, abs=0.3)


def test_measured_spectrum_in_floats(shared_data: SharedData) -> None:
    path = shared_data("princeton_spe/spe_format_3.0.SPE")
    data = read(path)
    assert data.intensity.dtype == np.float32
    np.testing.assert_array_equal(data.intensity[0], np.fromfile(path, "<f4", 1340, offset=4100))
    assert data.metadata.laser.wavelength_nm == 785
    np.testing.assert_allclose(data.columns["exposure_s"], 4.0)


def test_measured_file_damaged(shared_data: SharedData, tmp_path: Path) -> None:
    content = shared_data("princeton_spe/S0N_50x.spe").read_bytes()
    path = tmp_path / "damaged.spe"
    assert not any(damaged.survives(READER, path, cut) for cut in damaged.cuts(content, 40))
    for changed in damaged.flips(content, 60, within=len(content)):
        damaged.survives(READER, path, changed)
