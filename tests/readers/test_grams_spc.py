"""GRAMS SPC: files written from known numbers, damaged ones, and measured files beside their twins."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from builders import damaged, grams_spc
from builders.grams_spc import FLOAT, OldSpc, Spc, packed_date, spectra
from spectrode.errors import UnreadableFile
from spectrode.readers import read, reader_for
from spectrode.readers.grams_spc import READER

Write = Callable[[object], Path]
UNEVEN = np.array([100.0, 150.0, 210.0, 300.0, 500.0])


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: object) -> Path:
        path = tmp_path / "made.spc"
        path.write_bytes(bytes(content))  # type: ignore[call-overload]
        return path

    return to_file


def has(data: object, words: str) -> bool:
    return any(words in w for w in data.metadata.warnings)  # type: ignore[attr-defined]


# -- numbers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("exponent", "sixteen"), [(FLOAT, False), (10, False), (8, True), (31, False), (5, False)])
@pytest.mark.parametrize("n", [1, 3])
def test_numbers_are_exact_in_every_representation(
    write: Write, order: str, exponent: int, sixteen: bool, n: int
) -> None:
    made = [s * (0.5 if exponent == 5 else 1.0) for s in spectra(n)]
    data = read(write(Spc(made, order=order, exponent=exponent, sixteen_bit=sixteen)))
    np.testing.assert_array_equal(data.intensity, made)
    np.testing.assert_array_equal(data.shift, np.linspace(100, 500, 5))
    assert data.intensity.dtype == (np.float32 if exponent == FLOAT else np.float64)
    assert data.intensity.dtype.isnative


def test_negative_fractions(write: Write) -> None:
    """The maker's own example: 0xC0000000 with exponent 2 is -1, 0x40000000 is 1."""
    made = bytearray(bytes(Spc([np.zeros(2)], exponent=2)))
    struct.pack_into("<II", made, 544, 0x40000000, 0xC0000000)
    np.testing.assert_array_equal(read(write(bytes(made))).intensity, [[1.0, -1.0]])


def test_each_subfile_has_its_own_exponent(write: Write) -> None:
    made = [np.array([1.0, 2.0, 3.0]), np.array([1000.0, 2000.0, 3000.0]), np.array([1.25, 0.5, 7.0])]
    data = read(write(Spc(made, exponent=0, sub_exponents=[4, 14, FLOAT])))
    np.testing.assert_array_equal(data.intensity, made)


def test_single_file_follows_the_main_exponent_and_a_multifile_the_subheaders(write: Write) -> None:
    single = read(write(Spc(spectra(1), exponent=9, sub_exponents=None, main_exponent=None)))
    np.testing.assert_array_equal(single.intensity, spectra(1))
    raw = bytearray(bytes(Spc(spectra(1), exponent=9)))
    raw[513] = 3  # what the subheader of a single file says does not count
    np.testing.assert_array_equal(read(write(bytes(raw))).intensity, spectra(1))


def test_floats_that_the_subheaders_do_not_announce(write: Write) -> None:
    data = read(write(Spc(spectra(2), main_exponent=FLOAT, sub_exponents=[0, 0], exponent=FLOAT)))
    np.testing.assert_array_equal(data.intensity, spectra(2))
    assert has(data, "floating-point")


def test_falling_and_uneven_axes(write: Write) -> None:
    falling = read(write(Spc(spectra(2), first=500.0, last=100.0)))
    np.testing.assert_array_equal(falling.shift, np.linspace(100, 500, 5))
    np.testing.assert_array_equal(falling.intensity, [s[::-1] for s in spectra(2)])
    uneven = read(write(Spc(spectra(3), x=UNEVEN[::-1])))
    np.testing.assert_array_equal(uneven.shift, UNEVEN)
    np.testing.assert_array_equal(uneven.intensity, [s[::-1] for s in spectra(3)])


@pytest.mark.parametrize(("exponent", "sixteen"), [(10, False), (6, True)])
def test_old_format(write: Write, exponent: int, sixteen: bool) -> None:
    data = read(write(OldSpc(spectra(3), exponent=exponent, sixteen_bit=sixteen, z=[18.0, 19.0, 21.0])))
    np.testing.assert_array_equal(data.intensity, spectra(3))
    np.testing.assert_array_equal(data.columns["time_s"], [1080.0, 1140.0, 1260.0])
    assert data.metadata.local_start == datetime(1992, 5, 14, 20, 19)
    assert data.metadata.instrument.accumulations == 3
    assert data.scan_shape == (("time", 3),)


# -- axis --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "kind", "factor"),
    [
        (grams_spc.RAMAN, "raman_shift", 1.0),
        (grams_spc.WAVENUMBER, "wavenumber", 1.0),
        (grams_spc.NM, "wavelength", 1.0),
        (grams_spc.UM, "wavelength", 1000.0),
    ],
)
def test_unit_codes(write: Write, unit: int, kind: str, factor: float) -> None:
    data = read(write(Spc(spectra(1), x_unit=unit)))
    assert data.axis_kind == kind
    np.testing.assert_allclose(data.shift, np.linspace(100, 500, 5) * factor, rtol=1e-12)
    assert not data.metadata.warnings


def test_photon_energy_becomes_wavelength(write: Write) -> None:
    data = read(write(Spc(spectra(1), x_unit=grams_spc.EV, first=1.0, last=2.0)))
    assert data.axis_kind == "wavelength"
    np.testing.assert_allclose(data.shift[[0, -1]], [619.92099, 1239.84198], atol=1e-4)  # 2 eV and 1 eV
    np.testing.assert_array_equal(data.intensity, [spectra(1)[0][::-1]])


@pytest.mark.parametrize(
    ("unit", "words"), [(grams_spc.MASS, "m/z"), (4, "is s"), (17, "channel"), (255, "interferogram")]
)
def test_what_is_no_spectrum_is_refused(write: Write, unit: int, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read(write(Spc(spectra(1), x_unit=unit)))


def test_interferogram_is_refused(write: Write) -> None:
    with pytest.raises(UnreadableFile, match="interferogram"):
        read(write(Spc(spectra(1), y_unit=1)))


def test_labels_in_words_count_before_codes(write: Write) -> None:
    assert read(write(Spc(spectra(1), x_unit=0, labels=b"Wavelength (nm)\0Counts\0"))).axis_kind == "wavelength"
    shift = read(write(Spc(spectra(1), x_unit=1, labels=b"Raman shift/cm-1\0\0")))
    assert shift.axis_kind == "raman_shift"
    absolute = read(write(Spc(spectra(1), x_unit=13, labels=b"\0Rmn Intensity\0")))
    assert absolute.axis_kind == "raman_shift"
    assert absolute.metadata.vendor["intensity_unit"] == "Rmn Intensity"
    unknown = read(write(Spc(spectra(1), x_unit=0)))
    assert unknown.axis_kind == "raman_shift"
    assert has(unknown, "does not state the unit")


def test_raman_on_an_absolute_axis_is_said(write: Write) -> None:
    data = read(write(Spc(spectra(1), x_unit=1, technique=11)))
    assert data.axis_kind == "wavenumber"
    assert has(data, "absolute")


# -- z and w -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "factor"), [(4, 1.0), (5, 60.0), (30, 3600.0), (23, 1e-3), (11, 86400.0)])
def test_times_by_unit(write: Write, unit: int, factor: float) -> None:
    data = read(write(Spc(spectra(4), z=[0.0, 1.5, 2.0, 9.0], z_unit=unit)))
    np.testing.assert_allclose(data.columns["time_s"], np.array([0.0, 1.5, 2.0, 9.0]) * factor)
    assert data.scan_shape == (("time", 4),)
    assert not data.metadata.times_derived


def test_stated_step_is_derived_time(write: Write) -> None:
    made = Spc(spectra(4), z=[3.0, 0.0, 0.0, 0.0], z_flag=0, z_step=2.5, z_unit=grams_spc.SECONDS)
    data = read(write(made))
    np.testing.assert_allclose(data.columns["time_s"], [3.0, 5.5, 8.0, 10.5])
    assert data.metadata.times_derived
    assert has(data, "counted up")


def test_step_from_the_first_two_when_the_header_has_none(write: Write) -> None:
    raw = bytearray(bytes(Spc(spectra(3), z_unit=grams_spc.MINUTES)))
    struct.pack_into("<ff", raw, 512 + 4, 0.0, 2.0)  # subtime and subnext of the first subfile
    data = read(write(bytes(raw)))
    np.testing.assert_allclose(data.columns["time_s"], [0.0, 120.0, 240.0])
    assert data.metadata.times_derived


def test_own_z_in_a_file_that_claims_even_steps(write: Write) -> None:
    data = read(write(Spc(spectra(4), z=[0.0, 1.5, 2.0, 9.0], z_flag=0, z_step=1.0, z_unit=4)))
    np.testing.assert_allclose(data.columns["time_s"], [0.0, 1.5, 2.0, 9.0])
    assert not data.metadata.times_derived
    assert has(data, "z of its own")


def test_lengths_take_their_name_from_the_log(write: Write) -> None:
    log = b"EXCIT_LINE = 532\n\rX = 1.5\n\rY = -2\n\rZ = -9.99\n\r"
    made = Spc(spectra(3), z=[-10.0, -9.0, -8.0], z_unit=grams_spc.UM, log=log)
    data = read(write(made))
    np.testing.assert_allclose(data.columns["z_um"], [-10, -9, -8])
    np.testing.assert_allclose(data.columns["x_um"], 1.5)
    assert data.scan_shape == (("z", 3),)
    made.log = None
    nameless = read(write(made))
    np.testing.assert_allclose(nameless.columns["distance_um"], [-10, -9, -8])
    assert has(nameless, "direction")


def test_temperature_and_unknown_axes(write: Write) -> None:
    data = read(write(Spc(spectra(2), z=[300.0, 310.0], z_unit=21)))
    np.testing.assert_allclose(data.columns["temperature_c"], [26.85, 36.85])
    other = read(write(Spc(spectra(2), z=[7.0, 9.0], z_unit=0)))
    np.testing.assert_allclose(other.columns["spc_z"], [7.0, 9.0])
    assert has(other, "kept as the column 'spc_z'")


def test_numbering_by_witec_is_no_temperature(write: Write) -> None:
    data = read(write(Spc(spectra(3), z=[0.0, 1.0, 2.0], z_unit=grams_spc.CELSIUS, source=b"WITec")))
    assert "temperature_c" not in data.columns
    assert has(data, "only numbers")
    heated = read(write(Spc(spectra(3), z=[0.0, 1.0, 2.0], z_unit=grams_spc.CELSIUS)))
    np.testing.assert_array_equal(heated.columns["temperature_c"], [0, 1, 2])


def test_neither_time_nor_place(write: Write) -> None:
    data = read(write(Spc(spectra(3))))
    assert not data.columns
    assert data.scan_shape == ()
    assert has(data, "neither time nor place")


def test_volume(write: Write) -> None:
    made = Spc(
        spectra(6), z=[0.0] * 6, z_flag=0, z_step=5.0, z_unit=grams_spc.UM, planes=3, w_step=2.0, w_unit=grams_spc.UM
    )
    data = read(write(made))
    assert data.scan_shape == (("y", 3), ("x", 2))
    np.testing.assert_allclose(data.columns["x_um"], [0, 5, 0, 5, 0, 5])
    np.testing.assert_allclose(data.columns["y_um"], [0, 0, 2, 2, 4, 4])
    assert data.as_cube(data.intensity[:, 0])[2, 1] == 48.0


def test_volume_of_times_and_stated_planes(write: Write) -> None:
    w = [0.0, 0.0, 1.0, 1.0, 7.0, 7.0]
    made = Spc(spectra(6), z=[0.0] * 6, z_flag=0, z_step=5.0, z_unit=4, planes=3, w=w, w_unit=grams_spc.UM)
    data = read(write(made))
    assert data.scan_shape == (("plane", 3), ("time", 2))
    np.testing.assert_allclose(data.columns["distance_um"], w)
    np.testing.assert_allclose(data.columns["time_s"], [0, 5] * 3)


# -- xyxy --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("directory", [True, False])
@pytest.mark.parametrize("exponent", [FLOAT, 10])
def test_xyxy_on_one_axis_is_one_dataset(write: Write, directory: bool, exponent: int) -> None:
    made = Spc(spectra(3), x=[UNEVEN] * 3, z=[1.0, 2.0, 4.0], z_unit=4, directory=directory, exponent=exponent)
    data = read(write(made))
    np.testing.assert_array_equal(data.intensity, spectra(3))
    np.testing.assert_array_equal(data.shift, UNEVEN)
    np.testing.assert_array_equal(data.columns["time_s"], [1, 2, 4])


def test_xyxy_on_different_axes_is_a_choice_and_never_a_mixture(write: Write) -> None:
    short = np.array([7.0, 8.0, 9.0])
    made = Spc([*spectra(2), short], x=[UNEVEN, UNEVEN, UNEVEN[2:]], z=[1.0, 2.0, 4.0], z_unit=4)
    path = write(made)
    first = read(path)
    np.testing.assert_array_equal(first.intensity, spectra(2))
    assert has(first, "different axes")
    assert has(first, "'3' (1 × 3)")
    other = read(path, dataset="3")
    np.testing.assert_array_equal(other.intensity, [short])
    np.testing.assert_array_equal(other.shift, UNEVEN[2:])
    assert not has(other, "different axes")
    with pytest.raises(UnreadableFile, match=r"no dataset '2'; it has '1' \(2 × 5\), '3' \(1 × 3\)"):
        read(path, dataset="2")


def test_subfiles_need_not_follow_each_other(write: Write) -> None:
    raw = bytearray(bytes(Spc(spectra(2), x=[UNEVEN] * 2, z=[1.0, 2.0], z_unit=4)))
    directory = struct.unpack_from("<I", raw, 4)[0]
    raw[directory : directory + 24] = raw[directory + 12 : directory + 24] + raw[directory : directory + 12]
    np.testing.assert_array_equal(read(write(bytes(raw))).intensity, spectra(2)[::-1])


def test_wrong_dataset_of_a_plain_file(write: Write) -> None:
    with pytest.raises(UnreadableFile, match="no dataset 'x'"):
        read(write(Spc(spectra(1))), dataset="x")


# -- date and log ------------------------------------------------------------------------------------------------------


def test_date_to_the_minute(write: Write) -> None:
    data = read(write(Spc(spectra(1), date=packed_date(2022, 1, 5, 12, 2))))
    assert data.metadata.local_start == datetime(2022, 1, 5, 12, 2)
    assert data.metadata.started_at is None
    assert data.metadata.stamp_refers_to == "unknown"
    assert has(data, "to the minute")
    np.testing.assert_array_equal(data.columns["time_s"], [0.0])


def test_seconds_come_from_a_log_that_agrees(write: Write) -> None:
    """05/01 can be read two ways; the header decides."""
    made = Spc(spectra(1), date=packed_date(2022, 1, 5, 12, 2), log=b"05/01/2022 12:02:33\r\n")
    assert read(write(made)).metadata.local_start == datetime(2022, 1, 5, 12, 2, 33)
    made.log = b"01/05/2022 12:02:33\r\n"
    assert read(write(made)).metadata.local_start == datetime(2022, 1, 5, 12, 2, 33)
    made.log = b"01/05/2022 13:02:33\r\n"
    assert read(write(made)).metadata.local_start == datetime(2022, 1, 5, 12, 2)


def test_years_from_1900_and_months_from_0(write: Write) -> None:
    made = Spc(spectra(1), date=packed_date(116, 1, 9, 16, 43), log=b"DATE = 02/09/16 16:43:05\n\r")
    data = read(write(made))
    assert data.metadata.local_start == datetime(2016, 2, 9, 16, 43, 5)
    assert has(data, "months from 0")
    made.log = None
    assert read(write(made)).metadata.local_start == datetime(2016, 2, 9, 16, 43)


def test_impossible_date(write: Write) -> None:
    made = Spc(spectra(1), date=packed_date(1359, 6, 11, 25, 8))
    data = read(write(made))
    assert data.metadata.local_start is None
    assert "time_s" not in data.columns
    assert has(data, "cannot be")
    made.log = b"22/08/2022 13:50:20\r\n"
    assert read(write(made)).metadata.local_start == datetime(2022, 8, 22, 13, 50, 20)
    made.log = b"02/08/2022 13:50:20\r\n"  # two readings, and nothing that decides
    assert read(write(made)).metadata.local_start is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("Time: 10s", 20.0), ("Time: 3000", 6.0), ("Time: 0", 0.0), ("Time: 500ms", 1.0)]
)
def test_exposure_of_wire(write: Write, text: str, seconds: float) -> None:
    log = (
        f"Laser=Laser: 532 nm edge\r\nLaser_power=Laser power: 10%\r\nExposure_time={text}\r\n"
        "Accumulations=Accumulations: 2\r\n"
    )
    data = read(write(Spc(spectra(2), log=log.encode(), source=b"WiRE2")))
    np.testing.assert_allclose(data.columns["exposure_s"], seconds)
    assert data.metadata.instrument.accumulations == 2
    assert data.metadata.laser.wavelength_nm == 532.0
    assert data.metadata.laser.power_fraction == pytest.approx(0.1)
    assert data.metadata.laser.power_mw is None
    assert has(data, "interpolates")


def test_vendor_tree_is_plain(write: Write) -> None:
    raw = bytearray(bytes(Spc(spectra(1), comment=b"a b", log=b"KEY=1\r\n[Section]\r\nkey two = x=y\r\n")))
    struct.pack_into("<f", raw, 260, float("nan"))
    data = read(write(bytes(raw)))
    json.dumps(dict(data.metadata.vendor), allow_nan=False)
    assert data.metadata.title == "a b"
    assert data.metadata.vendor["log"] == {"KEY": "1", "key two": "x=y"}
    assert "[Section]" in data.metadata.vendor["log_text"]
    assert data.metadata.vendor["header"]["fxtype"] == "Raman shift (cm-1)"


# -- damage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", grams_spc.examples())
def test_cut_files_are_refused_or_whole(tmp_path: Path, name: str) -> None:
    raw = grams_spc.examples()[name]
    for cut in damaged.cuts(raw):
        read_it = damaged.survives(READER, tmp_path / name, cut)
        # What lies behind the spectra (log, directory) may be missing; nothing else.
        assert not read_it or len(cut) > len(raw) - 200


@pytest.mark.parametrize("name", grams_spc.examples())
def test_flipped_bytes(tmp_path: Path, name: str) -> None:
    outcomes = [damaged.survives(READER, tmp_path / name, m) for m in damaged.flips(grams_spc.examples()[name], 300)]
    assert any(outcomes)


@pytest.mark.parametrize(
    "made",
    [
        Spc(spectra(1), n_points=2**32 - 1),
        Spc(spectra(3), n_subfiles=2**32 - 1),
        Spc(spectra(1), n_points=2**31, x=UNEVEN),
        Spc(spectra(2), x=[UNEVEN] * 2, n_subfiles=2**31),
        Spc(spectra(2), x=[UNEVEN] * 2, directory=False, n_subfiles=2**32 - 1),
        Spc(spectra(1), n_points=0),
        Spc(spectra(2), n_subfiles=0),
        OldSpc(spectra(1), n_points=2e9),
        OldSpc(spectra(1), n_points=0.5),
    ],
)
def test_huge_and_empty_declarations(write: Write, made: object) -> None:
    with pytest.raises(UnreadableFile):
        read(write(made), reader="grams-spc")


def test_a_directory_that_names_one_subfile_many_times(write: Write) -> None:
    n = 400
    raw = bytearray(bytes(Spc(spectra(1, 2000) + spectra(n - 1, 1), x=[np.arange(2000.0)] + [np.ones(1)] * (n - 1))))
    directory = struct.unpack_from("<I", raw, 4)[0]
    for i in range(n):
        struct.pack_into("<I", raw, directory + 12 * i, 512)
    with pytest.raises(UnreadableFile, match="subfile"):
        read(write(bytes(raw)))


def test_a_lost_log_is_a_warning(write: Write) -> None:
    raw = bytearray(bytes(Spc(spectra(1), log=b"KEY=1\r\n")))
    struct.pack_into("<I", raw, 248, 10**9)
    data = read(write(bytes(raw)))
    np.testing.assert_array_equal(data.intensity, spectra(1))
    assert has(data, "audit log")


def test_sniffing_goes_by_content(tmp_path: Path) -> None:
    for name, raw in grams_spc.examples().items():
        path = tmp_path / (name + ".bin")
        path.write_bytes(raw)
        assert reader_for(path).name == "grams-spc"
    for raw in (b"PK\x03\x04" + bytes(600), b"EKG data\n" * 200, b"\0M" + b"\xff" * 600, b"", b"\0K"):
        assert not READER.sniff(tmp_path / "x.spc", raw)


# -- measured files ----------------------------------------------------------------------------------------------------


def test_renishaw_twin(shared_data: Callable[[str], Path]) -> None:
    """WiRE interpolated linearly between the points of the .wdf; start, laser and exposure are the same."""
    name = "renishaw_wdf/nCal_Qontor785_z005H12_100_1x3s"
    spc, wdf = read(shared_data(name + ".spc"), timezone="Europe/Berlin"), read(shared_data(name + ".wdf"))
    assert spc.n_channels == wdf.n_channels == 1021
    np.testing.assert_allclose(spc.shift[[0, -1]], wdf.shift[[0, -1]], rtol=1e-6)
    expected = np.interp(spc.shift, wdf.shift, wdf.intensity[0].astype(float))
    np.testing.assert_allclose(spc.intensity[0], expected, atol=2e-5 * expected.max())
    assert np.median(np.abs(spc.intensity[0] - expected)) < 1e-3
    assert spc.metadata.started_at is not None
    assert wdf.metadata.started_at is not None
    assert abs((spc.metadata.started_at - wdf.metadata.started_at).total_seconds()) < 1.0
    np.testing.assert_allclose(spc.columns["exposure_s"], wdf.columns["exposure_s"])
    assert spc.metadata.laser.power_fraction == wdf.metadata.laser.power_fraction


def test_wire_2_twin(shared_data: Callable[[str], Path]) -> None:
    base = "vendor_zoo/InViaReflex/PST_Reflex532_Z050_010_10000msx2"
    spc, text = read(shared_data(base + ".spc")), read(shared_data(base + ".txt"))
    # The text has three decimals at most, so the interpolation agrees less closely.
    expected = np.interp(spc.shift, text.shift, text.intensity[0])
    assert np.abs(spc.intensity[0] - expected).max() < 1e-3 * expected.max()
    assert spc.metadata.local_start == datetime(2021, 11, 18, 11, 30, 33)
    np.testing.assert_allclose(spc.columns["exposure_s"], 20.0)
    assert spc.metadata.instrument.accumulations == 2
    band = (spc.shift > 950) & (spc.shift < 1050)
    assert spc.shift[band][spc.intensity[0][band].argmax()] == pytest.approx(1001.4, abs=3.0)


def test_bwtek_twin(shared_data: Callable[[str], Path]) -> None:
    base = "vendor_zoo/BWTEK/PST10_iR532_Probe_100_3000msx7"
    spc, text = read(shared_data(base + ".spc")), read(shared_data(base + ".txt"))
    assert spc.axis_kind == "raman_shift"
    np.testing.assert_array_equal(spc.shift, np.arange(175.0, 3983.0))
    assert spc.metadata.local_start == datetime(2022, 1, 21, 12, 2)
    expected = np.interp(spc.shift, text.shift, text.intensity[0])
    assert np.corrcoef(spc.intensity[0], expected)[0, 1] > 0.999


def test_thermo_twins(shared_data: Callable[[str], Path]) -> None:
    data = read(shared_data("thermo/dxr_sucrose780.SPC"))
    lines = shared_data("thermo/dxr_sucrose780.CSV").read_text().replace(",", ".").split()
    table = np.array([[float(v) for v in line.split(";")] for line in lines])
    np.testing.assert_allclose(data.shift, table[:, 0], atol=1e-3)
    np.testing.assert_allclose(data.intensity[0], table[:, 1], rtol=1e-6, atol=1e-6 * table[:, 1].max())
    assert data.metadata.local_start == datetime(2005, 12, 14, 17, 54)  # as the JCAMP-DX twin
    assert data.axis_kind == "raman_shift"


def test_labspec_depth_scan(shared_data: Callable[[str], Path]) -> None:
    data = read(shared_data("grams_spc/CAthickyellow_try4_17_ZSCAN.spc"))
    assert (data.n_spectra, data.n_channels, data.axis_kind) == (31, 1024, "wavelength")
    assert data.scan_shape == (("z", 31),)
    np.testing.assert_allclose(data.columns["z_um"][[0, -1]], [-95.0085, 94.9973], atol=1e-3)
    assert data.metadata.local_start == datetime(2016, 2, 19, 16, 43, 5)
    assert data.metadata.laser.wavelength_nm == 532.2
    assert data.metadata.laser.power_fraction == pytest.approx(10**-0.3)
    np.testing.assert_array_equal(data.columns["exposure_s"], 1.0)
    assert np.all(np.diff(data.shift) > 0)


def test_collection(shared_data: Callable[[str], Path]) -> None:
    volume = read(shared_data("grams_spc/4d_map.spc"))
    assert (volume.scan_shape, volume.n_channels, volume.axis_kind) == ((("y", 11), ("x", 11)), 313, "wavenumber")
    np.testing.assert_allclose(volume.as_cube(volume.columns["x_um"])[3], np.arange(11) * 10.0)
    np.testing.assert_allclose(volume.as_cube(volume.columns["y_um"])[:, 3], np.arange(11) * 10.0)
    polystyrene = read(shared_data("grams_spc/Ft-ir.spc"))
    np.testing.assert_allclose(polystyrene.shift, np.arange(450.0, 4001.0, 2.0))
    near = (polystyrene.shift > 690) & (polystyrene.shift < 710)
    # The strongest out-of-plane bend of polystyrene; ASTM E1421 has 698.9 cm-1 or so.
    assert polystyrene.shift[near][polystyrene.intensity[0][near].argmin()] == pytest.approx(698, abs=2)
    raman = read(shared_data("grams_spc/RAMAN.SPC"))
    assert raman.axis_kind == "raman_shift"
    assert raman.metadata.laser.wavelength_nm == pytest.approx(1e7 / 9395)
    with pytest.raises(UnreadableFile, match="m/z"):
        read(shared_data("grams_spc/m_xyxy.spc"))


def test_old_multifile(shared_data: Callable[[str], Path]) -> None:
    data = read(shared_data("grams_spc/m_ordz.spc"))
    assert (data.n_spectra, data.n_channels) == (10, 857)
    assert data.columns["time_s"][0] == pytest.approx(18.977195739746094 * 60)
    assert np.all(np.diff(data.columns["time_s"]) > 0)
    # With the words of the integers in the wrong order, neighbouring channels have nothing in common.
    roughness = np.abs(np.diff(data.intensity, axis=1)).mean(axis=1) / data.intensity.std(axis=1)
    assert np.median(roughness) < 0.05
    assert roughness.max() < 0.3  # the wrong way round: 1.1 and more


def test_witec(shared_data: Callable[[str], Path]) -> None:
    data = read(shared_data("grams_spc/Witec_timeseries3x_SPC.Data 1.spc"))
    assert data.intensity.shape == (3, 1024)
    assert has(data, "only numbers")
    single = read(shared_data("vendor_zoo/Witec/PST_WITEcAlpha532_100x_075_10000ms_000_Spec.Data 1.spc"))
    top = [
        single.shift[near][single.intensity[0][near].argmax()]
        for near in ((single.shift > 950) & (single.shift < 1050), (single.shift > 1570) & (single.shift < 1620))
    ]
    # Bands of polystyrene (ASTM E1840: 1001.4, 1602.3); the axis is not calibrated, so only their distance counts.
    assert top[1] - top[0] == pytest.approx(1602.3 - 1001.4, abs=4.0)


def test_only_spc_files_are_claimed(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("grams_spc").parent
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with open(path, "rb") as stream:
            head = stream.read(1 << 16)
        assert READER.sniff(path, head) == (path.suffix.lower() == ".spc"), path
