"""RRUFF text: made files of known numbers, X-ray patterns, damaged ones, and a measured file."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from builders import rruff_text
from builders.rruff_text import POINTS, rruff
from spectrode.dataset import OperandoDataset
from spectrode.errors import UnreadableFile
from spectrode.readers import read
from spectrode.readers.registry import reader_for
from spectrode.readers.rruff_text import sniff

Load = Callable[..., OperandoDataset]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def made(content: bytes, name: str = "made.txt", **options: object) -> OperandoDataset:
        path = tmp_path / name
        path.write_bytes(content)
        return read(path, reader="rruff-text", **options)

    return made


def warned(data: OperandoDataset, word: str) -> bool:
    return any(word in w for w in data.metadata.warnings)


def test_raman(load: Load) -> None:
    data = load(rruff({"FILETYPE": "Raman RAW", "RAMAN WAVELENGTH": "532"}))
    assert (data.axis_kind, data.n_spectra) == ("raman_shift", 1)
    np.testing.assert_allclose(data.shift, [x for x, _ in POINTS])
    np.testing.assert_allclose(data.intensity[0], [y for _, y in POINTS])
    metadata = data.metadata
    assert metadata.laser.wavelength_nm == 532.0
    assert (metadata.title, metadata.sample.name) == ("Anatase R060277", "Anatase")
    assert metadata.sample.description == "Dark brown = tetragonal"
    assert metadata.vendor["IDEAL CHEMISTRY"] == "Ti^4+^O_2_"
    assert metadata.warnings == ()


def test_what_only_the_name_says(load: Load) -> None:
    data = load(rruff(), "Quartz__R040031__Raman__785__0__oriented__Raman_Data_RAW__1.txt")
    assert data.metadata.laser.wavelength_nm == 785.0
    assert warned(data, "785 nm was taken from the file's name")
    infrared = load(rruff(), "Quartz__R040031__Infrared__Infrared_Data_Processed__1.txt")
    assert (infrared.axis_kind, infrared.metadata.laser.wavelength_nm) == ("wavenumber", None)
    assert warned(infrared, "taken from its name")
    unnamed = load(rruff())
    assert unnamed.axis_kind == "raman_shift"
    assert warned(unnamed, "Raman shift was taken")
    assert warned(unnamed, "give laser_nm")
    assert load(rruff(), laser_nm=514.5).metadata.laser.wavelength_nm == 514.5


def test_infrared_by_its_header(load: Load) -> None:
    assert load(rruff({"FILETYPE": "Infrared Processed"})).axis_kind == "wavenumber"


def test_x_ray_patterns_are_refused(load: Load) -> None:
    with pytest.raises(UnreadableFile, match="axis is an angle"):
        load(rruff({"X-RAY WAVELENGTH": "1.541838"}))
    with pytest.raises(UnreadableFile, match="axis is an angle"):
        load(rruff(), "Quartz__R040031-1__Powder__Xray_Data_XY_Processed__1.txt")


def test_faulty_files_are_refused(load: Load) -> None:
    with pytest.raises(UnreadableFile, match="no numbers"):
        load(rruff(points=[]))
    with pytest.raises(UnreadableFile, match="line 6 holds"):
        load(rruff().replace(b"142.50000, 2.5", b"142.50000; 2.5"))
    assert warned(load(rruff(end=False)), "no line ##END=")


def test_every_cut_is_refused_or_noted(load: Load) -> None:
    content = rruff().rstrip()
    for stop in range(len(content)):
        try:
            data = load(content[:stop])
        except UnreadableFile:
            continue
        assert warned(data, "no line ##END=")


def test_flipped_bytes_are_read_or_refused(load: Load) -> None:
    random_ = random.Random(9)
    for content in rruff_text.examples().values():
        for _ in range(150):
            damaged = bytearray(content)
            for _ in range(random_.randint(1, 4)):
                damaged[random_.randrange(len(damaged))] = random_.randrange(256)
            try:
                assert load(bytes(damaged)).n_spectra == 1
            except UnreadableFile:
                continue


def test_content_decides(tmp_path: Path) -> None:
    path = tmp_path / "made.rruff"
    path.write_bytes(rruff())
    assert reader_for(path).name == "rruff-text"
    assert not sniff(path, b"##TITLE=Quartz\n##NAMES=Quartz\n##JCAMP-DX=4.24\n")
    assert not sniff(path, b"# NAMES=Quartz\n")


def test_measured_anatase(shared_data: Callable[[str], Path]) -> None:
    name = "vendor_zoo/rruf/Anatase__R060277__Broad_Scan____0__unoriented__Raman_Data_RAW__21346.txt"
    data = read(shared_data(name))
    assert (data.n_channels, data.shift[0], data.intensity[0, 1]) == (1753, 79.84985, 24506.01)
    near = (data.shift > 130) & (data.shift < 160)
    assert data.shift[near][np.argmax(data.intensity[0, near])] == pytest.approx(144, abs=4)  # anatase, Eg
    assert data.metadata.sample.name == "Anatase"
