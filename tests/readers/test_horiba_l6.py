"""LabSpec 6 binary: a measured file beside its text export, made files beside their XML twins, damaged ones."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from builders import horiba_l6
from builders.horiba_l6 import OUTSIDE, RECORD, binary, spectrum
from builders.horiba_xml import TYPE, LabSpec
from spectrode.dataset import OperandoDataset
from spectrode.errors import UnreadableFile
from spectrode.readers import read
from spectrode.readers.horiba_l6 import sniff
from spectrode.readers.registry import reader_for

Load = Callable[[bytes], OperandoDataset]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def made(content: bytes) -> OperandoDataset:
        path = tmp_path / "made.l6s"
        path.write_bytes(content)
        return read(path, reader="horiba-l6")

    return made


@pytest.mark.parametrize("changes", [{}, {"unit": "nm"}, {"title": "Ω at a place whose name is long"}])
def test_binary_equals_the_xml_of_the_same_tree(tmp_path: Path, load: Load, changes: dict[str, str]) -> None:
    twin = tmp_path / "twin.xml"
    twin.write_bytes(bytes(LabSpec(**changes)))  # type: ignore[arg-type]
    data, other = load(spectrum(**changes)), read(twin)
    np.testing.assert_array_equal(data.shift, other.shift)
    np.testing.assert_array_equal(data.intensity, other.intensity)
    assert data.axis_kind == other.axis_kind
    assert data.columns["exposure_s"].tolist() == other.columns["exposure_s"].tolist()
    a, b = data.metadata, other.metadata
    assert (a.title, a.local_start, a.laser, a.instrument, a.warnings) == (
        b.title,
        b.local_start,
        b.laser,
        b.instrument,
        b.warnings,
    )
    assert a.vendor["settings"] == b.vendor["settings"]
    json.dumps(a.vendor, allow_nan=False)


def test_a_text_written_once_stands_at_both_places(load: Load) -> None:
    title = "a title that is long"
    content = spectrum(title=title)
    assert content.count(title.encode()) == 1
    data = load(content)
    assert data.metadata.title == title
    assert data.metadata.vendor["settings"]["information"]["Title"] == title


def test_maps_are_refused_with_advice(load: Load) -> None:
    with pytest.raises(UnreadableFile, match=r"'SpIm'; only single spectra .* export it from LabSpec as text"):
        load(horiba_l6.examples()["map.l6m"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"LabSpec6", "cut short"),
        (binary([(TYPE, "Spectrum")], version=3), "version 3"),
        (binary([(TYPE, "Spectrum")]), "lists no axes"),
        (binary(LabSpec().tree(with_spectra=True), tail=b"\0more"), "5 bytes after its tree"),
        (binary(LabSpec().tree()), "0 channels, its axis has 4"),
        (spectrum(axis=[3.0, 1.0, 2.0, 4.0]), "neither rising nor falling"),
    ],
)
def test_refused(load: Load, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        load(content)


def test_declared_sizes_are_checked_before_they_are_used(load: Load) -> None:
    header = spectrum()[:76]
    for form in (6, 7, 8, 9):
        huge = RECORD.pack(OUTSIDE | form, 1, TYPE, 0, struct.pack("<II", 5, 0xFFFFFFFF))
        root = RECORD.pack(OUTSIDE | 9, 1, 2, 0, struct.pack("<II", 5, 1))
        with pytest.raises(UnreadableFile, match=r"cut short or damaged: .* are left"):
            load(header + root + huge)


def test_depth_is_bounded(load: Load) -> None:
    group = RECORD.pack(OUTSIDE | 9, 1, 2, 0, struct.pack("<II", 5, 1))
    with pytest.raises(UnreadableFile, match="nested too deeply"):
        load(spectrum()[:76] + group * 5000)


def test_every_truncation_is_refused(load: Load) -> None:
    content = spectrum().rstrip(b"\0")
    for stop in range(0, len(content), 7):
        with pytest.raises(UnreadableFile):
            load(content[:stop])


def test_flipped_bytes_are_read_or_refused(load: Load) -> None:
    random_ = random.Random(11)
    for _ in range(400):
        damaged = bytearray(spectrum())
        for _ in range(random_.randint(1, 4)):
            damaged[random_.randrange(8, len(damaged))] = random_.randrange(256)
        try:
            assert load(bytes(damaged)).n_spectra == 1
        except UnreadableFile:
            continue


def test_content_decides(tmp_path: Path) -> None:
    path = tmp_path / "made.txt"
    path.write_bytes(spectrum())
    assert reader_for(path).name == "horiba-l6"
    assert not sniff(path, b"LabSpec 6")


def test_measured_file_equals_its_text(shared_data: Callable[[str], Path]) -> None:
    name = "vendor_zoo/Horiba/PST10_iR785_OP01_8000msx8"
    data, text = read(shared_data(name + ".l6s")), read(shared_data(name + ".txt"))
    assert data.n_channels == text.n_channels == 1024
    np.testing.assert_allclose(data.shift, text.shift, rtol=5e-6)  # the text has six digits
    np.testing.assert_allclose(data.intensity, text.intensity, rtol=5e-6)
    metadata = data.metadata
    assert metadata.laser.wavelength_nm == 784.48
    assert metadata.local_start == datetime(2022, 1, 26, 12, 9, 35)
    assert data.columns["exposure_s"].tolist() == [64.0]  # 8 s, eight times: the file's name says so too
    assert (metadata.instrument.accumulations, metadata.instrument.detector) == (8, "Syncerity")
    settings = metadata.vendor["settings"]["acquisition"]
    assert settings["Full time(mm:ss)"] == "1:05"
    near = (data.shift > 985) & (data.shift < 1020)
    assert 999 < data.shift[near][np.argmax(data.intensity[0, near])] < 1007  # polystyrene, 1001.4
