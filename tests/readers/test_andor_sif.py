"""Andor files: built from known numbers, damaged, and measured ones with their text twins."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import andor_sif, damaged
from builders.andor_sif import Part, a_file, numbered
from spectrode.dataset import OperandoDataset
from spectrode.errors import UnreadableFile
from spectrode.readers import read, reader_for
from spectrode.readers._excitation import excitation_doubt
from spectrode.readers.andor_sif import READER

Load = Callable[..., OperandoDataset]
START = datetime(2021, 3, 14, 18, 50, 24, tzinfo=UTC)


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def from_parts(signal: Part | bytes, *more: Any, **options: Any) -> OperandoDataset:
        path = tmp_path / "made.sif"
        path.write_bytes(signal if isinstance(signal, bytes) else a_file(signal, *more))
        return read(path, **options)

    return from_parts


def nm(channels: int = 6) -> np.ndarray:
    """The builder's polynomial at channels counted from 1."""
    k = np.arange(1, channels + 1)
    return 540 + 0.5 * k + 1e-4 * k**2


# -- axis and excitation -----------------------------------------------------------------------------------------------


def test_wavelength_axis_counts_channels_from_one(load: Load) -> None:
    data = load(Part(numbered()))
    assert data.axis_kind == "wavelength"
    np.testing.assert_allclose(data.shift, nm(), rtol=1e-14)
    np.testing.assert_array_equal(data.intensity, [[1, 2, 3, 4, 5, 6]])
    assert data.metadata.laser.wavelength_nm == 532
    assert any("but the file shows wavelengths" in w for w in data.metadata.warnings)


def test_raman_axis_is_computed_with_the_excitation(load: Load) -> None:
    raman = ("Raman shift", "Counts", "Pixel number")
    data = load(Part(numbered(), labels=raman, code=3))
    assert data.axis_kind == "raman_shift"
    np.testing.assert_allclose(data.shift, 1e7 / 532 - 1e7 / nm())
    assert not [w for w in data.metadata.warnings if "excitation" in w]


@pytest.mark.parametrize(
    ("excitation", "words"),
    [("433", "would lie beyond"), ("560", "would begin at"), ("9000", "is no laser line"), ("0", None), ("none", None)],
)
@pytest.mark.parametrize("label", ["Wavelength", "Raman shift"])
def test_excitation_that_contradicts_the_data_is_not_used(
    load: Load, excitation: str, words: str | None, label: str
) -> None:
    data = load(Part(numbered(), labels=(label, "Counts", "Pixel number"), excitation=excitation))
    assert data.axis_kind == "wavelength"
    assert data.metadata.laser.wavelength_nm is None
    np.testing.assert_allclose(data.shift, nm())
    assert words is None or any(words in w and "is not used" in w for w in data.metadata.warnings)
    if words is None and label == "Raman shift":
        assert any("states no excitation wavelength" in w for w in data.metadata.warnings)


def test_given_laser_replaces_the_header(load: Load) -> None:
    data = load(Part(numbered(), excitation="422"), laser_nm=531.9)
    assert data.axis_kind == "raman_shift"
    assert data.metadata.laser.wavelength_nm == 531.9
    np.testing.assert_allclose(data.shift, 1e7 / 531.9 - 1e7 / nm())


@pytest.mark.parametrize(
    ("laser", "low", "high", "doubtful"),
    [
        (785.0, 789.8, 897.0, False),  # measured: Fe2O3
        (785.0, 782.2, 1073.0, False),  # the notch lies within the range
        (354.67, 357.9, 379.3, False),
        (422.0, 405.2, 454.5, True),  # measured with 405 nm
        (433.0, 586.6, 1008.6, True),
        (532.0, 533.0, 700.0, False),
        (100.0, 101.0, 102.0, True),
    ],
)
def test_excitation_doubt(laser: float, low: float, high: float, doubtful: bool) -> None:
    assert (excitation_doubt(laser, np.linspace(low, high, 5)) is not None) == doubtful


def test_binned_channels_lie_in_the_middle_of_their_columns(load: Load) -> None:
    part = Part(numbered(channels=3), areas=[(11, 1, 16, 1, 1, 2)], calibration=(500.0, 1.0, 0.0, 0.0))
    np.testing.assert_allclose(load(part).shift, [511.5, 513.5, 515.5])


def test_descending_axis_is_turned_with_the_counts(load: Load) -> None:
    data = load(Part(numbered(), calibration=(560.0, -1.0, 0.0, 0.0)))
    np.testing.assert_array_equal(data.shift, 560 - np.arange(6.0, 0, -1))
    np.testing.assert_array_equal(data.intensity, [[6, 5, 4, 3, 2, 1]])


def test_images_without_wavelengths_are_refused(load: Load) -> None:
    pixels = Part(numbered(1, 4), calibration=(0.0, 1.0, 0.0, 0.0), labels=("Pixel number", "Counts", "Pixel number"))
    with pytest.raises(UnreadableFile, match=r"no calibrated axis: its 6 channels are numbered \('Pixel number'\)"):
        load(pixels)


def test_calibration_for_each_picture_is_refused_if_they_differ(load: Load) -> None:
    text = b"Calibration data for frame 1: 1,2\nCalibration data for frame 2: %s\n"
    with pytest.raises(UnreadableFile, match="a calibration for each picture"):
        load(Part(numbered(2), user_text=text % b"1,3"))
    assert load(Part(numbered(2), user_text=text % b"1,2")).n_spectra == 2


# -- pictures, tracks, times -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", ["0", "1", None])
def test_series_with_recorded_stamps(load: Load, after: str | None) -> None:
    data = load(Part(numbered(3), stamps=[0, 2_400_000, 5_100_000], after_stamps=after))
    assert data.scan_shape == (("time", 3),)
    np.testing.assert_array_equal(data.intensity, numbered(3)[:, 0])
    np.testing.assert_allclose(data.columns["time_s"], [0, 2.4, 5.1])
    assert not data.metadata.times_derived
    assert data.metadata.started_at == START


def test_series_without_stamps_uses_the_cycle(load: Load) -> None:
    data = load(Part(numbered(3)))
    np.testing.assert_allclose(data.columns["time_s"], [0, 2.5, 5])
    assert data.metadata.times_derived
    assert any("kinetic cycle of 2.5 s" in w for w in data.metadata.warnings)
    data = load(Part(numbered(3), kinetic=0.0))
    assert "time_s" not in data.columns
    assert any("neither time stamps nor a cycle time" in w for w in data.metadata.warnings)


def test_tracks_and_rows(load: Load) -> None:
    areas = [(1, 2, 6, 1, 1, 1), (1, 20, 6, 11, 10, 1)]  # two rows, and ten rows binned to one
    data = load(Part(numbered(2, 3), areas=areas))
    assert data.scan_shape == (("time", 2), ("track", 3))
    np.testing.assert_array_equal(data.as_cube(), numbered(2, 3))
    np.testing.assert_allclose(data.columns["time_s"], np.repeat([0, 2.5], 3))


def test_exposure_instrument_and_vendor(load: Load) -> None:
    data = load(a_file(Part(numbered()), milliseconds=147))
    np.testing.assert_array_equal(data.columns["exposure_s"], [2.0])  # 4 × 0.5 s
    instrument = data.metadata.instrument
    assert instrument.accumulations == 4
    assert (instrument.model, instrument.detector, instrument.software) == ("SR193i", "DU420_OE", "4.31.30047.0")
    assert instrument.grating == "1200.5 g/mm, blaze 500nm"
    assert data.metadata.started_at == START.replace(microsecond=147000)
    assert data.metadata.title == "made.sif"
    vendor = json.loads(json.dumps(data.metadata.vendor))
    assert vendor["detector_temperature_c"] == -60
    assert vendor["excitation_nm"] == 532
    assert load(Part(numbered(), centre="0 0 500 0 0 1200 1200")).metadata.instrument.grating is None


@pytest.mark.parametrize("seconds", [0, -5, 10**11])
def test_impossible_start_is_none(load: Load, seconds: int) -> None:
    data = load(Part(numbered(), seconds=seconds))
    assert data.metadata.started_at is None
    assert "time_s" not in data.columns


def test_unit_other_than_counts_is_said(load: Load) -> None:
    data = load(Part(numbered(), labels=("Wavelength", "Counts (Bg corrected)", "Pixel number")))
    assert any("'Counts (Bg corrected)'" in w for w in data.metadata.warnings)


# -- several datasets, damage ------------------------------------------------------------------------------------------


def test_signal_and_background(load: Load) -> None:
    both = (Part(numbered()), Part(numbered() + 7, exposure=0.1))
    data = load(*both)
    assert any("2 datasets: signal, background; 'signal' was read" in w for w in data.metadata.warnings)
    background = load(*both, dataset="background")
    np.testing.assert_array_equal(background.intensity, numbered()[0] + 7)
    np.testing.assert_allclose(background.columns["exposure_s"], [0.4])
    with pytest.raises(UnreadableFile, match="no dataset 'live'; it has signal, background"):
        load(*both, dataset="live")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"total": 2**31}, "announces 1 pictures of 1 tracks with 6 numbers, 2147483648 in all"),
        ({"areas": [(1, 1, 7, 1, 1, 1)]}, "1 rows of 7 channels, but 6 numbers"),
        ({"areas": [(1, 1, 6, 1, 0, 1)]}, "edges and binning"),
        ({"calibration": (1.0, 2.0)}, "a calibration of 2 numbers"),
        ({"calibration": (-999.0, 2.0, 0.0, 0.0)}, "gives no wavelengths"),
        ({"labels": ("Wave\nlength", "Co", "")}, None),
    ],
)
def test_contradictions(load: Load, changes: dict[str, Any], words: str | None) -> None:
    if words is None:
        assert load(Part(numbered(), **changes)).n_spectra == 1
        return
    with pytest.raises(UnreadableFile, match=words):
        load(Part(numbered(), **changes))


@pytest.mark.parametrize("name", andor_sif.examples())
def test_damaged_files_are_refused_or_read(tmp_path: Path, name: str) -> None:
    path, content = tmp_path / name, andor_sif.examples()[name]
    assert damaged.survives(READER, path, content)
    numbers_end = content.index(b"65541 ") + content[content.index(b"65541 ") :].index(
        numbered()[0].astype("<f4").tobytes()
    )
    for cut in damaged.cuts(content):
        whole = damaged.survives(READER, path, cut)
        if len(cut) < numbers_end + numbered()[0].nbytes // 2:
            assert not whole  # what follows the numbers may be missing, the numbers not
    for changed in damaged.flips(content, 120, within=len(content)):
        damaged.survives(READER, path, changed)


def test_sniffs_content_not_name(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_bytes(a_file(Part(numbered())))
    assert reader_for(path) is READER
    assert not READER.sniff(path, b"Andor Technology")


# -- measured ----------------------------------------------------------------------------------------------------------

SharedData = Callable[[str], Path]


def test_measured_spectrum_equals_its_text(shared_data: SharedData) -> None:
    data, text = read(shared_data("andor_sif/raman1.sif")), read(shared_data("andor_sif/raman1.asc"))
    np.testing.assert_allclose(data.intensity, text.intensity, rtol=5e-6)  # six digits
    np.testing.assert_allclose(data.shift, text.shift, rtol=1e-7)
    assert data.axis_kind == text.axis_kind == "wavelength"
    # 500 accumulations of 0.1 s; the notch filter in the settings is for 405 nm, so 422 nm is a left-over.
    np.testing.assert_allclose(data.columns["exposure_s"], 50.0)
    np.testing.assert_allclose(text.columns["exposure_s"], 50.0)
    assert data.metadata.laser.wavelength_nm is None
    assert any("422 nm is not used" in w for w in data.metadata.warnings)
    # The text has the clock of Central Europe in summer, the binary file UTC.
    assert text.metadata.local_start == datetime(2017, 9, 8, 15, 3, 52)
    assert data.metadata.started_at is not None
    assert data.metadata.started_at.replace(microsecond=0) == datetime(2017, 9, 8, 13, 3, 52, tzinfo=UTC)
    with_laser = read(shared_data("andor_sif/raman1.sif"), laser_nm=405.0)
    assert with_laser.axis_kind == "raman_shift"
    assert with_laser.shift[0] == pytest.approx(1e7 / 405 - 1e7 / data.shift[0])


def test_measured_spectrum_equals_its_table(shared_data: SharedData) -> None:
    data, table = read(shared_data("andor_sif/cli-0.sif")), read(shared_data("andor_sif/cli-0.csv"))
    np.testing.assert_array_equal(data.intensity, table.intensity)
    np.testing.assert_allclose(data.shift, table.shift, rtol=2e-7)
    assert any("signal, background" in w for w in data.metadata.warnings)
    assert any("433 nm is not used" in w for w in data.metadata.warnings)
    background = read(shared_data("andor_sif/cli-0.sif"), dataset="background")
    assert background.metadata.started_at == datetime(2021, 3, 14, 18, 46, 27, tzinfo=UTC)


def test_measured_raman_spectra(shared_data: SharedData) -> None:
    data = read(shared_data("andor_sif/DD58_785_1_Fe2O3_5x10s.sif"))
    assert data.axis_kind == "raman_shift"
    assert data.metadata.laser.wavelength_nm == 785
    np.testing.assert_allclose(data.columns["exposure_s"], 50, rtol=1e-5)  # the file is called 5x10s
    assert data.metadata.instrument.accumulations == 5
    data = read(shared_data("andor_sif/rubpy3 in ethanolpulsed.sif"))
    assert data.metadata.laser.wavelength_nm == 354.67
    assert data.shift[0] > 200


@pytest.mark.parametrize(
    ("name", "words"), [("c0rrupt.sif", "announces 4 pictures of 262144 numbers"), ("test.sif", "no calibrated axis")]
)
def test_measured_files_that_must_be_refused(shared_data: SharedData, name: str, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read(shared_data(f"andor_sif/{name}"))


def test_measured_file_damaged(shared_data: SharedData, tmp_path: Path) -> None:
    content = shared_data("andor_sif/cli-0.sif").read_bytes()
    path = tmp_path / "damaged.sif"
    for changed in (*damaged.cuts(content, 60), *damaged.flips(content, 100, within=3000)):
        damaged.survives(READER, path, changed)
