"""Bruker OPUS: files written from known numbers, damaged ones, and two measured files."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from builders import bruker_opus, damaged
from builders.bruker_opus import ABSORBANCE, INSTRUMENT, ORIGIN, PHASE, RAMAN, REFLECTANCE, SAMPLE, SINGLE, Opus
from spectrode.dataset import OperandoDataset
from spectrode.errors import UnreadableFile
from spectrode.readers import read, reader_for
from spectrode.readers.bruker_opus import READER

Write = Callable[[object], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: object) -> Path:
        path = tmp_path / "made.0"
        path.write_bytes(bytes(content))  # type: ignore[call-overload]
        return path

    return to_file


def has(data: OperandoDataset, words: str) -> bool:
    return any(words in w for w in data.metadata.warnings)


# -- one spectrum ------------------------------------------------------------------------------------------------------


def test_raman(write: Write) -> None:
    data = read(write(bruker_opus.raman()))
    np.testing.assert_array_equal(data.intensity, [[1, 2, 3, 4, 5]])
    np.testing.assert_array_equal(data.shift, [100, 200, 300, 400, 500])
    assert data.axis_kind == "raman_shift"
    assert data.metadata.laser.wavelength_nm == pytest.approx(1e7 / 9394.9)
    assert data.metadata.laser.power_mw is None  # RLP is that of the source
    assert data.metadata.started_at == datetime(2023, 7, 4, 15, 59, 10, 608000, tzinfo=UTC)
    assert data.metadata.started_at.utcoffset() == timedelta(hours=1)
    assert data.metadata.stamp_refers_to == "start"  # SRT, the start, is the same
    assert data.metadata.instrument.accumulations == 7
    assert data.metadata.instrument.detector == "LN-Ge Diode"
    assert data.metadata.sample.name == "sulfur"
    np.testing.assert_allclose(data.columns["exposure_s"], 2.973)
    np.testing.assert_array_equal(data.columns["time_s"], [0.0])
    assert data.metadata.vendor["history"] == "first line\nsecond line"
    assert data.metadata.vendor["instrument"]["RLP"] == 1000.0
    assert data.metadata.vendor["data status (Raman)"]["DXU"] == "WN"
    assert not data.metadata.warnings


@pytest.mark.parametrize(
    ("scale", "dtype", "form"), [(1.0, "<f4", 1), (2.5, "<f4", 1), (0.25, "<i4", 2), (1.0, "<i4", 2)]
)
def test_scale_and_number_format(write: Write, scale: float, dtype: str, form: int) -> None:
    made = Opus().spectrum([8.0, -4.0, 2.0], dtype=dtype, CSF=scale, DPF=form, pad=3)
    np.testing.assert_array_equal(read(write(made)).intensity, [[2.0 * scale, -4.0 * scale, 8.0 * scale]])


def test_other_axes(write: Write) -> None:
    micrometres = read(write(Opus().spectrum([3.0, 2.0, 1.0], 2.5, 25.0, data=ABSORBANCE, DXU="MI")))
    assert micrometres.axis_kind == "wavelength"
    np.testing.assert_allclose(micrometres.shift, [2500, 13750, 25000])
    np.testing.assert_array_equal(micrometres.intensity, [[3, 2, 1]])
    logarithm = read(write(Opus().spectrum([1.0, 2.0, 3.0], 7.0, 6.0, data=ABSORBANCE, DXU="LGW")))
    np.testing.assert_allclose(logarithm.shift, np.exp([6.0, 6.5, 7.0]))
    assert logarithm.axis_kind == "wavenumber"


def test_sample_of_a_raman_measurement_is_absolute(write: Write) -> None:
    made = Opus().spectrum([1.0, 2.0], side=SAMPLE, data=SINGLE).add(bruker_opus.ACQUISITION, {"PLF": "RAM"})
    data = read(write(made))
    assert data.axis_kind == "wavenumber"
    assert has(data, "no Raman shift")


# -- several spectra ---------------------------------------------------------------------------------------------------


def test_the_result_is_read_and_the_others_are_named(write: Write) -> None:
    path = write(bruker_opus.infrared())
    data = read(path)
    np.testing.assert_allclose(data.intensity, [[1.2, 1.0, 0.5]])
    assert has(data, "'reflectance' (3 channels), 'reflectance #2' (3 channels), 'sample' (3 channels), 'reference'")
    np.testing.assert_allclose(read(path, dataset="Reflectance #2").intensity, [[1.5, 1.0, 0.5]])
    np.testing.assert_array_equal(read(path, dataset="sample").intensity, [[6, 4, 2]])
    assert data.axis_kind == "wavenumber"
    assert data.metadata.laser.wavelength_nm is None
    assert data.metadata.instrument.accumulations == 128


def test_reference_has_its_own_date_and_settings(write: Write) -> None:
    data = read(write(bruker_opus.infrared()), dataset="reference")
    np.testing.assert_array_equal(data.intensity, [[5, 4, 4]])
    assert data.metadata.started_at == datetime(2012, 11, 9, 11, 9, 33, tzinfo=timezone(timedelta(hours=-6)))
    assert data.metadata.instrument.accumulations == 256
    np.testing.assert_allclose(data.columns["exposure_s"], 57.0)


def test_what_is_no_spectrum_is_not_offered(write: Write) -> None:
    path = write(bruker_opus.infrared())
    for name in ("sample interferogram", "sample phase", "nonsense"):
        with pytest.raises(UnreadableFile, match=f"no dataset '{name}'; it has 'reflectance'"):
            read(path, dataset=name)
    only = Opus().spectrum([0.0, 1.0], side=SAMPLE, data=2, DXU="PNT")
    with pytest.raises(UnreadableFile, match="no spectrum with an axis; it has sample interferogram"):
        read(write(only))


def test_equal_codes_are_paired_by_their_extremes(write: Write) -> None:
    """Two data blocks, then their states in the other order: the extremes tell which belongs to which."""
    one, two = np.array([1.0, 2.0, 3.0]), np.array([10.0, 40.0, 20.0])
    kind = bruker_opus.code(bruker_opus.RATIO, 0, REFLECTANCE)
    state = bruker_opus.code(bruker_opus.RATIO, 1, REFLECTANCE)
    made = Opus().add(kind, one.astype("<f4").tobytes()).add(kind, two.astype("<f4").tobytes())
    made.add(state, bruker_opus.status(two, 900, 700)).add(state, bruker_opus.status(one, 300, 100))
    path = write(made)
    for name in ("reflectance", "reflectance #2"):
        data = read(path, dataset=name)
        expected = (100.0, [[3, 2, 1]]) if data.intensity.max() == 3 else (700.0, [[20, 40, 10]])
        assert data.shift[0] == expected[0]
        np.testing.assert_array_equal(data.intensity, expected[1])


def test_phase_alone_is_better_than_nothing(write: Write) -> None:
    np.testing.assert_array_equal(read(write(Opus().spectrum([1.0, 2.0], data=PHASE))).intensity, [[2, 1]])


# -- series ------------------------------------------------------------------------------------------------------------


def test_series(write: Write) -> None:
    data = read(write(bruker_opus.series()))
    np.testing.assert_array_equal(data.intensity, np.arange(12.0).reshape(4, 3)[:, ::-1])
    np.testing.assert_array_equal(data.columns["time_s"], [0.0, 10.0, 21.0, 30.0])
    assert data.scan_shape == (("time", 4),)
    assert data.metadata.stamp_refers_to == "start"
    assert has(data, "no real file")


def test_series_without_starts_has_ends(write: Write) -> None:
    made = Opus(room=8).series(np.ones((3, 4)), [0.0] * 3, [5.0, 11.0, 30.0], announced=10)
    data = read(write(made))
    assert data.n_spectra == 3  # skipped spectra are counted, not stored
    np.testing.assert_array_equal(data.columns["time_s"], [5.0, 11.0, 30.0])
    assert data.metadata.stamp_refers_to == "end"


def test_series_without_times(write: Write) -> None:
    data = read(write(Opus(room=8).series(np.ones((3, 4)), [0.0] * 3, [0.0] * 3)))
    assert "time_s" not in data.columns
    assert data.scan_shape == ()
    assert has(data, "unknown")


def test_series_on_the_clock_of_1970(write: Write) -> None:
    data = read(write(Opus(room=8).series(np.ones((2, 4)), [1.7e9, 1.7e9 + 12.5], [0.0, 0.0])))
    np.testing.assert_array_equal(data.columns["time_s"], [0.0, 12.5])


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        ("2012/11/09", "11:09:33 (GMT-6)", datetime(2012, 11, 9, 17, 9, 33, tzinfo=UTC)),
        ("31/12/2023", "23:59:59.5 (GMT+5:30)", datetime(2023, 12, 31, 18, 29, 59, 500000, tzinfo=UTC)),
        ("31.12.2023", "10:00:00 (UTC+2)", datetime(2023, 12, 31, 8, 0, 0, tzinfo=UTC)),
        ("31/12/2023", "10:00:00 (GMT)", datetime(2023, 12, 31, 10, 0, 0, tzinfo=UTC)),
    ],
)
def test_zones(write: Write, day: str, clock: str, expected: datetime) -> None:
    data = read(write(Opus().spectrum([1.0, 2.0], DAT=day, TIM=clock)))
    assert data.metadata.started_at == expected
    assert data.metadata.stamp_refers_to == "unknown"


def test_time_without_a_zone_is_local(write: Write) -> None:
    path = write(Opus().spectrum([1.0, 2.0], DAT="31/12/2023", TIM="10:00:00"))
    data = read(path)
    assert data.metadata.started_at is None
    assert data.metadata.local_start == datetime(2023, 12, 31, 10)
    assert has(data, "no time zone")
    assert read(path, timezone="UTC").metadata.started_at == datetime(2023, 12, 31, 10, tzinfo=UTC)


def test_order_of_day_and_month_is_settled_by_the_start(write: Write) -> None:
    seconds = (datetime(2023, 4, 7, 9, 0, 0, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    settled = Opus().spectrum([1.0, 2.0], DAT="04/07/2023", TIM="09:00:00 (GMT+0)").add(INSTRUMENT, {"SRT": seconds})
    data = read(write(settled))
    assert data.metadata.started_at == datetime(2023, 4, 7, 9, tzinfo=UTC)
    assert not data.metadata.warnings
    open_question = read(write(Opus().spectrum([1.0, 2.0], DAT="04/07/2023", TIM="09:00:00 (GMT+0)")))
    assert open_question.metadata.started_at == datetime(2023, 7, 4, 9, tzinfo=UTC)
    assert has(open_question, "day first")


def test_contradicting_zones_are_said(write: Write) -> None:
    made = Opus().spectrum([1.0, 2.0], DAT="04/07/2023", TIM="16:59:10.608 (GMT+1)")
    data = read(write(made.add(INSTRUMENT, {"SRT": 1688489950.609})))
    assert data.metadata.started_at == datetime(2023, 7, 4, 15, 59, 10, 608000, tzinfo=UTC)
    assert has(data, "+1 h from 16:59:10.608")


@pytest.mark.parametrize(
    ("day", "clock"), [("yesterday", "noon"), ("31/31/2023", "10:00:00"), ("01/02/2023", "25:00:00")]
)
def test_dates_that_are_none(write: Write, day: str, clock: str) -> None:
    data = read(write(Opus().spectrum([1.0, 2.0], DAT=day, TIM=clock)))
    assert data.metadata.started_at is None
    assert data.metadata.local_start is None
    assert has(data, "could not be understood")


def test_position(write: Write) -> None:
    data = read(write(Opus().spectrum([1.0, 2.0]).add(ORIGIN, {"MAX": 0.0, "MAY": -7.5})))
    np.testing.assert_array_equal([data.columns["x_um"][0], data.columns["y_um"][0]], [0.0, -7.5])
    assert has(data, "µm was taken")


# -- damage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", bruker_opus.examples())
def test_cut_files_are_refused(tmp_path: Path, name: str) -> None:
    raw = bruker_opus.examples()[name]
    assert not any(damaged.survives(READER, tmp_path / name, cut) for cut in damaged.cuts(raw))


@pytest.mark.parametrize("name", bruker_opus.examples())
def test_flipped_bytes(tmp_path: Path, name: str) -> None:
    outcomes = [damaged.survives(READER, tmp_path / name, m) for m in damaged.flips(bruker_opus.examples()[name], 300)]
    assert any(outcomes)


def test_blocks_over_one_another(write: Write) -> None:
    """A directory of many entries that each claim most of the file must not multiply its size in memory."""
    raw = bytearray(bytes(bruker_opus.raman()))
    struct.pack_into("<I", raw, 20, 30)
    for i in range(30):
        struct.pack_into("<III", raw, 24 + 12 * i, 0x280F, len(raw) // 4 - 8, 24)
    with pytest.raises(UnreadableFile, match="over one another"):
        read(write(bytes(raw)))


@pytest.mark.parametrize("field", [12, 20])
def test_huge_directory(write: Write, field: int) -> None:
    raw = bytearray(bytes(bruker_opus.raman()))
    struct.pack_into("<I", raw, field, 0xFFFFFFF0)
    with pytest.raises(UnreadableFile, match="directory"):
        read(write(bytes(raw)))


@pytest.mark.parametrize("changes", [{"NPT": 2**31 - 1}, {"NPT": -1}, {"NPT": None}, {"FXV": None}, {"DPF": 7}])
def test_impossible_status(write: Write, changes: dict[str, object]) -> None:
    with pytest.raises(UnreadableFile):
        read(write(Opus().spectrum([1.0, 2.0], **changes)))


def test_data_without_status(write: Write) -> None:
    with pytest.raises(UnreadableFile, match="no spectrum with an axis; it has Raman"):
        read(write(Opus().add(bruker_opus.code(bruker_opus.RATIO, 0, RAMAN), b"\0" * 16)))


def test_vendor_tree_is_plain(write: Write) -> None:
    data = read(write(Opus().spectrum([1.0, 2.0]).add(INSTRUMENT, {"DUR": float("nan"), "HFL": float("inf")})))
    json.dumps(dict(data.metadata.vendor), allow_nan=False)
    assert "exposure_s" not in data.columns


def test_sniffing_goes_by_content(tmp_path: Path) -> None:
    path = tmp_path / "renamed.txt"
    path.write_bytes(bytes(bruker_opus.raman()))
    assert reader_for(path).name == "bruker-opus"


# -- measured files ----------------------------------------------------------------------------------------------------


def test_ft_raman(shared_data: Callable[[str], Path]) -> None:
    path = shared_data("bruker_opus/test_opus.0")
    data = read(path)
    assert (data.n_spectra, data.n_channels, data.axis_kind) == (1, 4096, "raman_shift")
    np.testing.assert_allclose(data.shift[[0, -1]], [51.892564645935636, 4000.6609666878658], rtol=1e-12)
    # What the file itself says of the numbers.
    status = data.metadata.vendor["data status (Raman)"]
    assert data.intensity.max() == np.float32(status["MXY"])
    assert data.intensity.min() == np.float32(status["MNY"])
    # The transform's limits, in absolute wavenumbers, are the laser's minus the shift: so the axis is a shift.
    limits, laser = data.metadata.vendor["Fourier transform"], data.metadata.vendor["instrument"]["RLW"]
    assert laser - limits["LFQ"] == pytest.approx(4000, abs=1)
    assert data.metadata.laser.wavelength_nm == pytest.approx(1064.41, abs=0.01)
    assert data.metadata.started_at == datetime(2023, 7, 4, 15, 59, 10, 608000, tzinfo=UTC)
    assert has(data, "wrong time zone")
    # Sulfur-like strong lines are not claimed; the spectrum is that of the first float of the block.
    assert data.intensity[0, -1] == np.frombuffer(path.read_bytes(), "<f4", 1, 1400)[0]


def test_reflectance_of_a_microscope(shared_data: Callable[[str], Path]) -> None:
    path = shared_data("bruker_opus/peach_juice.0")
    data = read(path)
    assert (data.n_channels, data.axis_kind) == (1816, "wavenumber")
    np.testing.assert_allclose(data.shift[[0, -1]], [499.5323388671875, 4000.1161035156247], rtol=1e-12)
    assert data.intensity.max() == np.float32(0.9236725568771362)
    assert data.metadata.started_at == datetime(2012, 11, 9, 17, 45, 34, tzinfo=UTC)
    assert data.metadata.instrument.accumulations == 128
    np.testing.assert_allclose(data.columns["exposure_s"], 28.579343)
    first = read(path, dataset="reflectance #2")
    assert first.intensity.max() == np.float32(0.9232791066169739)
    # The stored result is the ratio of the stored single-channel spectra.
    sample, reference = read(path, dataset="sample"), read(path, dataset="reference")
    np.testing.assert_allclose(sample.intensity / reference.intensity, first.intensity, rtol=2e-2)
    assert np.median(np.abs(sample.intensity / reference.intensity - first.intensity)) < 1e-3
    assert reference.metadata.started_at == datetime(2012, 11, 9, 17, 9, 33, tzinfo=UTC)


def test_only_opus_files_are_claimed(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("bruker_opus").parent
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with open(path, "rb") as stream:
            assert READER.sniff(path, stream.read(4096)) == (path.parent.name == "bruker_opus"), path
