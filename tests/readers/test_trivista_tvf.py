"""TriVista: made files of known numbers, damaged ones, and measured files."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from builders import trivista_tvf
from builders.trivista_tvf import SECOND, T0, TICKS0, Document, a_line, a_map, settings, tvf
from spectrode.dataset import OperandoDataset
from spectrode.errors import UnreadableFile
from spectrode.readers import read
from spectrode.readers.registry import reader_for
from spectrode.readers.trivista_tvf import sniff

Load = Callable[..., OperandoDataset]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def made(content: Document | bytes, **options: object) -> OperandoDataset:
        path = tmp_path / "made.tvf"
        path.write_bytes(content if isinstance(content, bytes) else tvf(content))
        return read(path, reader="trivista-tvf", **options)

    return made


def warned(data: OperandoDataset, word: str) -> bool:
    return any(word in w for w in data.metadata.warnings)


# -- made files --------------------------------------------------------------------------------------------------------


def test_series(load: Load) -> None:
    data = load(Document())
    assert (data.scan_shape, data.axis_kind) == ((("time", 2),), "wavelength")
    np.testing.assert_array_equal(data.shift, [900.5, 901.25, 902.0])
    np.testing.assert_array_equal(data.intensity, [[1.0, 2.5, -3.0], [4.0, 5.0, 6.0]])
    assert data.columns["time_s"].tolist() == [0.0, 3.0]
    metadata = data.metadata
    assert metadata.local_start == T0
    assert (metadata.started_at, metadata.stamp_refers_to) == (None, "unknown")
    assert data.columns["exposure_s"].tolist() == [2.0, 2.0]
    assert warned(data, "mean of 2 accumulations")
    assert metadata.laser.wavelength_nm == 790.0
    instrument = metadata.instrument
    assert (instrument.model, instrument.grating) == ("SP-2-500i + SP-2-750i", "900 g/mm + 750 g/mm")
    assert (instrument.objective, instrument.detector, instrument.accumulations) == ("100x", "Camera1", 2)
    assert metadata.vendor["info"]["Spectrometers"]["Spectrometer 2"]["Model"] == "SP-2-750i"
    json.dumps(metadata.vendor, allow_nan=False)


def test_times_keep_ticks_and_gaps(load: Load) -> None:
    ticks = [TICKS0 + 5 * SECOND + 1, TICKS0]
    data = load(Document(ticks=ticks))
    assert data.columns["time_s"].tolist() == [5.0000001, 0.0]
    assert data.metadata.local_start == T0
    data = load(Document(ticks=[TICKS0, 0]))
    assert np.isnan(data.columns["time_s"][1])
    data = load(Document(ticks=[TICKS0, 12]))
    assert np.isnan(data.columns["time_s"][1])
    assert warned(data, "time stamps of 1 frames are impossible")


def test_sum_of_accumulations_is_one_spectrum(load: Load) -> None:
    data = load(Document(frames=[[1.0, 2.0, 3.0]], info=settings(ms=3000, averaged=False)))
    assert data.n_spectra == 1
    assert data.columns["exposure_s"].tolist() == [6.0]
    assert data.metadata.instrument.accumulations == 2
    assert warned(data, "sum of 2 accumulations")


def test_map_lies_where_its_frames_say(load: Load) -> None:
    made = a_map()
    made.positions = made.positions[:3] + made.positions[:2:-1]  # the second row backwards
    data = load(made)
    assert data.scan_shape == (("y", 2), ("x", 3))
    np.testing.assert_array_equal(data.as_cube(data.intensity[:, 0]), [[0, 100, 200], [500, 400, 300]])
    assert data.columns["x_um"].tolist() == [-50, -25, 0, 0, -25, -50]
    np.testing.assert_allclose(data.columns["time_s"], np.arange(6))


def test_line_takes_its_range_in_millimetres(load: Load) -> None:
    data = load(a_line())
    assert data.scan_shape == (("line", 5),)
    np.testing.assert_allclose(data.columns["x_um"], [-2, -1, 0, 1, 2])
    assert "time_s" not in data.columns
    assert data.metadata.local_start is None
    assert data.metadata.laser.wavelength_nm is None  # 0 means that none was entered
    assert warned(data, "03/31/2024 01:30:09.000")
    made = a_line()
    made.frames = made.frames[:4]
    data = load(made)
    assert "x_um" not in data.columns
    assert warned(data, "does not fit its 4 frames")


def test_several_documents(load: Load) -> None:
    content = tvf(Document(), Document(frames=[[7.0, 8.0, 9.0]], label="Background"))
    first = load(content)
    assert first.n_spectra == 2
    assert warned(first, "2 documents (Intensity, Background); 'Intensity' was read")
    second = load(content, dataset="Background")
    assert second.intensity.tolist() == [[7.0, 8.0, 9.0]]
    assert not warned(second, "documents")
    with pytest.raises(UnreadableFile, match="no document 'Dark'; it has 'Intensity', 'Background'"):
        load(content, dataset="Dark")
    assert load(tvf(Document(), Document(frames=[[7.0, 8.0, 9.0]])), dataset="Intensity 2").n_spectra == 1


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (Document(frames=[[1.0, 2.0]]), "frame 0 has 2 of 3 values"),
        (Document(frames=[]), "no frame"),
        (Document(unit="RelativeWavenumber"), "in 'RelativeWavenumber'"),
        (Document(encoding="Base64"), "encoded as 'Base64'"),
        (Document(rows=2), "images of 3 × 2"),
        (Document(axis=[1.0, 3.0, 2.0]), "neither rising nor falling"),
    ],
)
def test_refused(load: Load, document: Document, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        load(document)


# -- hostile and damaged files -----------------------------------------------------------------------------------------


def test_document_types_are_refused_outside_and_inside(load: Load) -> None:
    bomb = '<!DOCTYPE Info [<!ENTITY a "aaaa">]>'
    with pytest.raises(UnreadableFile, match="document type"):
        load(bomb.encode() + b"<XmlMain/>")
    inside = tvf(Document()).replace(b"&lt;Info&gt;", b'&lt;!DOCTYPE Info [&lt;!ENTITY a "b"&gt;]&gt;&lt;Info&gt;')
    assert inside != tvf(Document())
    with pytest.raises(UnreadableFile, match="document type"):
        load(inside)


@pytest.mark.parametrize("name", trivista_tvf.examples())
def test_every_truncation_is_refused(load: Load, name: str) -> None:
    content = trivista_tvf.examples()[name].rstrip()
    for stop in [*range(0, len(content), len(content) // 60), len(content) - 1]:
        with pytest.raises(UnreadableFile):
            load(content[:stop])


def test_flipped_bytes_are_read_or_refused(load: Load) -> None:
    random_ = random.Random(3)
    for content in trivista_tvf.examples().values():
        for _ in range(100):
            damaged = bytearray(content)
            for _ in range(random_.randint(1, 4)):
                damaged[random_.randrange(len(damaged))] = random_.randrange(256)
            try:
                assert load(bytes(damaged)).n_spectra >= 1
            except UnreadableFile:
                continue


def test_content_decides(tmp_path: Path) -> None:
    path = tmp_path / "made.xml"
    path.write_bytes(tvf(Document()))
    assert reader_for(path).name == "trivista-tvf"
    assert not sniff(path, b"<?xml version='1.0'?><LSX_Data>")
    assert not sniff(path, b"TriVista-File")


# -- measured files ----------------------------------------------------------------------------------------------------


def test_measured_series(shared_data: Callable[[str], Path]) -> None:
    data = read(shared_data("trivista_tvf/spec_timeseries_2x1s_delta3s.tvf"))
    assert (data.scan_shape, data.n_channels) == ((("time", 2),), 1024)
    # A delay of 3 s after frames of 1 s; the stamps are 638019455397392397 and …437834711.
    np.testing.assert_allclose(data.columns["time_s"], [0.0, 4.0442314])
    assert data.metadata.local_start == datetime(2022, 10, 21, 10, 38, 59, 739239)
    assert data.metadata.laser.wavelength_nm == 790.0
    assert data.intensity[:, 0].tolist() == [27381.0, 27449.5]


def test_measured_map(shared_data: Callable[[str], Path]) -> None:
    data = read(shared_data("trivista_tvf/map.tvf"))
    assert data.as_cube().shape == (9, 9, 1024)
    x, y = data.as_cube(data.columns["x_um"]), data.as_cube(data.columns["y_um"])
    np.testing.assert_allclose(x, np.broadcast_to(np.arange(-100, 101, 25), (9, 9)), atol=1e-9)
    np.testing.assert_allclose(x, y.T, atol=1e-9)
    # The settings count 1:27 in all; the recording's own time (12:57:45.518) is the last stamp.
    assert 86 < data.columns["time_s"][-1] < 87
    end = data.metadata.local_start + timedelta(seconds=data.columns["time_s"][-1])
    assert abs((end - datetime(2016, 9, 29, 12, 57, 45, 518000)).total_seconds()) < 0.001


def test_measured_line_and_accumulations(shared_data: Callable[[str], Path]) -> None:
    line = read(shared_data("trivista_tvf/linescan.tvf"))
    assert (line.scan_shape, line.n_channels) == ((("line", 21),), 97)
    np.testing.assert_allclose(line.columns["x_um"], np.arange(-10, 11), atol=1e-9)
    two = read(shared_data("trivista_tvf/spec_3s_2acc_1frame_no_average.tvf"))
    assert (two.n_spectra, two.metadata.instrument.accumulations, two.columns["exposure_s"][0]) == (1, 2, 6.0)
    assert two.intensity.max() > 65535  # two 16-bit exposures added
    triple = read(shared_data("trivista_tvf/spec_multiple_spectrometers.tvf"))
    assert triple.metadata.instrument.model == "SP-2-500i + SP-2-500i + SP-2-750i"
