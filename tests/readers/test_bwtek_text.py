"""B&W Tek text: made files of known numbers, damaged ones, and measured files."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from builders import bwtek_text
from builders.bwtek_text import BwTek
from spectrode.dataset import OperandoDataset
from spectrode.errors import UnreadableFile
from spectrode.readers import delimited_text, read
from spectrode.readers.bwtek_text import sniff
from spectrode.readers.registry import reader_for

Load = Callable[..., OperandoDataset]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def made(content: BwTek | bytes, **options: object) -> OperandoDataset:
        path = tmp_path / "made.txt"
        path.write_bytes(bytes(content))
        return read(path, reader="bwtek-text", **options)

    return made


def warned(data: OperandoDataset, word: str) -> bool:
    return any(word in w for w in data.metadata.warnings)


@pytest.mark.parametrize(("delimiter", "comma"), [(";", True), (";", False), (",", False), ("\t", True)])
def test_one_spectrum(load: Load, delimiter: str, comma: bool) -> None:
    data = load(BwTek(delimiter=delimiter, comma=comma))
    assert (data.n_spectra, data.axis_kind, data.scan_shape) == (1, "raman_shift", ())
    np.testing.assert_array_equal(data.shift, [500.0, 502.5, 505.0])
    np.testing.assert_array_equal(data.intensity, [[1000.5, 1100.0, 1200.0]])
    assert data.columns["exposure_s"].tolist() == [6.4]  # two accumulations of 3.2 s
    metadata = data.metadata
    assert metadata.local_start == datetime(2021, 10, 27, 15, 57, 47)
    assert (metadata.laser.wavelength_nm, metadata.laser.power_fraction) == (784.82, 0.75)
    assert (metadata.instrument.model, metadata.instrument.accumulations) == ("BTC162E-785S-SYS", 2)
    assert metadata.instrument.software == "BWSpec4.11_1"
    assert metadata.vendor["operator"] == ""
    assert warned(data, "2 pixels lie outside")
    assert not warned(data, "not the raw data")
    assert not warned(data, "does not follow")


def test_raw_and_wavelength(load: Load) -> None:
    raw = load(BwTek(), signal="raw")
    assert raw.intensity.tolist() == [[1101.5, 1202.0, 1303.0]]
    nm = load(BwTek(), axis="wavelength")
    assert nm.axis_kind == "wavelength"
    np.testing.assert_allclose(nm.shift, 1e7 / (1e7 / 784.82 - np.array([500.0, 502.5, 505.0])), atol=0.006)


def test_several_spectra(load: Load) -> None:
    data = load(BwTek(raw=[[110.0, 1101.5, 1202.0, 1303.0, 114.0], [111.0, 2101.5, 2202.0, 2303.0, 115.0]]))
    assert data.intensity.tolist() == [[1000.5, 1100.0, 1200.0], [2000.5, 2100.0, 2200.0]]
    assert warned(data, "neither time nor position")


def test_microseconds_and_zero_power(load: Load) -> None:
    data = load(BwTek(exposure="intigration times(us);500000", header={"laser_powerlevel": "0"}))
    assert data.columns["exposure_s"].tolist() == [1.0]
    assert data.metadata.laser.power_fraction == 0.0


def test_corrections_and_a_wrong_laser_are_noticed(load: Load) -> None:
    assert warned(load(BwTek(corrected=500.0)), "differs by up to 500")
    wrong = bytes(BwTek()).replace(b"laser_wavelength;784,82", b"laser_wavelength;632,80")
    assert warned(load(wrong), "does not follow from the wavenumbers and the laser of 632.8 nm")


def test_no_axis_is_refused(load: Load) -> None:
    with pytest.raises(UnreadableFile, match="no axis"):
        load(BwTek(shift=[None] * 5))
    with pytest.raises(UnreadableFile, match="no column 'Dark Subtracted'"):
        load(bytes(BwTek()).replace(b"Dark Subtracted", b"Something"))
    with pytest.raises(UnreadableFile, match=r"line 11 holds '1O1\.5'"):
        load(bytes(BwTek()).replace(b"1101,5000", b"1O1,5", 1))


def test_cut_files_are_refused_or_lose_whole_pixels(load: Load) -> None:
    content = bytes(BwTek()).rstrip()
    heading = content.index(b"Pixel")
    for stop in range(0, heading + 20, 5):
        with pytest.raises(UnreadableFile):
            load(content[:stop])
    for stop in range(heading + 20, len(content)):
        try:
            data = load(content[:stop])
        except UnreadableFile:
            continue
        assert data.intensity.tolist() in ([[1000.5, 1100.0]], [[1000.5, 1100.0, 1200.0]])


def test_flipped_bytes_are_read_or_refused(load: Load) -> None:
    random_ = random.Random(5)
    for content in bwtek_text.examples().values():
        for _ in range(100):
            damaged = bytearray(content)
            for _ in range(random_.randint(1, 4)):
                damaged[random_.randrange(len(damaged))] = random_.randrange(256)
            try:
                assert load(bytes(damaged)).n_spectra >= 1
            except UnreadableFile:
                continue


def test_content_decides_and_the_general_reader_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "made.csv"
    path.write_bytes(bytes(BwTek(delimiter=",", comma=False)))
    assert reader_for(path).name == "bwtek-text"
    assert not delimited_text.sniff(path, path.read_bytes())
    assert not sniff(path, b"File;BW\n1;2\n")


# -- measured files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "channels", "laser", "power", "exposure"),
    [
        ("iRaman/PST02_iRPlus785_Z050_075_3200ms.txt", 1743, 784.82, 0.75, 3.2),
        ("BWTEK/PST10_iR532_Probe_100_3000msx7.txt", 1801, 532.02, 1.0, 21.0),
    ],
)
def test_measured_polystyrene(
    shared_data: Callable[[str], Path], name: str, channels: int, laser: float, power: float, exposure: float
) -> None:
    # wavelength, power level, exposure and accumulations stand in the files' names as well
    data = read(shared_data("vendor_zoo/" + name))
    assert (data.n_spectra, data.n_channels) == (1, channels)
    assert (data.metadata.laser.wavelength_nm, data.metadata.laser.power_fraction) == (laser, power)
    assert data.columns["exposure_s"][0] == pytest.approx(exposure)
    near = (data.shift > 985) & (data.shift < 1020)
    assert 999 < data.shift[near][np.argmax(data.intensity[0, near])] < 1007  # polystyrene, 1001.4
    assert not warned(data, "not the raw data")
    assert not warned(data, "does not follow")


def test_measured_neon_was_corrected(shared_data: Callable[[str], Path]) -> None:
    data = read(shared_data("vendor_zoo/BWTEK/lamp Ne 10ms 0%.txt"))
    assert warned(data, "is not the raw data minus the dark")
    raw = read(shared_data("vendor_zoo/BWTEK/lamp Ne 10ms 0%.txt"), signal="raw", axis="wavelength")
    assert raw.metadata.laser.power_fraction == 0.0
    near = (raw.shift > 834) & (raw.shift < 842)
    assert raw.shift[near][np.argmax(raw.intensity[0, near])] == pytest.approx(837.76, abs=0.3)  # neon, air
