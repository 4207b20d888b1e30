"""NeXus files of other programs: made in their layouts, damaged, and measured."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta, timezone

import h5py
import numpy as np
import pytest

from builders import nexus_raman as nexus
from builders.datasets import small
from builders.nexus_raman import COUNTS, SHIFT
from spectrode import write
from spectrode.errors import UnreadableFile
from spectrode.readers import read, reader_for
from spectrode.readers.nexus_raman import READER


def test_pynxtools(tmp_path):
    data = read(nexus.write(tmp_path / "x.nxs", nexus.pynxtools))
    np.testing.assert_array_equal(data.shift, SHIFT)
    np.testing.assert_array_equal(data.intensity, [COUNTS])
    metadata = data.metadata
    assert metadata.sources[0].reader == "nexus-raman"
    assert data.axis_kind == "raman_shift"
    assert metadata.started_at == datetime(2024, 6, 21, 12, 4, 54, tzinfo=UTC)
    assert metadata.stamp_refers_to == "start"
    assert (metadata.laser.wavelength_nm, metadata.laser.power_mw) == (532.1, 60.0)
    np.testing.assert_array_equal(data.columns["exposure_s"], [10.0])  # 20 accumulations of 0.5 s
    np.testing.assert_allclose(data.columns["temperature_c"], [26.85])
    instrument = metadata.instrument
    assert (instrument.vendor, instrument.model, instrument.detector) == ("Maker", "One", "CCD")
    assert (instrument.objective, instrument.grating, instrument.accumulations) == ("50x long", "800 lines/mm", 20)
    assert (metadata.title, metadata.sample.name, metadata.warnings) == ("a wafer", "Si", ())
    assert metadata.vendor["instrument"]["beam_incident"]["wavelength@units"] == "nm"
    json.dumps(dict(metadata.vendor), allow_nan=False)


@pytest.mark.parametrize("spectral", [0, 1, 2])
def test_a_map_with_the_spectral_axis_anywhere(tmp_path, spectral):
    values = np.arange(2 * 3 * 4.0).reshape(2, 3, 4)
    axes = {"y_pos": (np.array([0.0, 1.0]), "mm"), "x": (np.array([1.0, 2.0, 4.0]), "µm")}
    items = list(axes.items())
    items.insert(spectral, ("shift", (SHIFT[::-1], "1/cm")))
    stored = np.moveaxis(values[:, :, ::-1], -1, spectral)
    data = read(nexus.write(tmp_path / "x.nxs", lambda f: nexus.pynxtools(f, stored, dict(items))))
    assert data.scan_shape == (("y", 2), ("x", 3))
    np.testing.assert_array_equal(data.as_cube(), values)
    np.testing.assert_array_equal(data.shift, SHIFT)
    np.testing.assert_array_equal(data.columns["y_um"], [0, 0, 0, 1000, 1000, 1000])
    np.testing.assert_array_equal(data.columns["x_um"], [1, 2, 4, 1, 2, 4])


def test_a_series_has_its_own_times(tmp_path):
    axes = {"time": (np.array([0.0, 2.0]), "min"), "shift": (SHIFT, "1/cm")}
    data = read(nexus.write(tmp_path / "x.nxs", lambda f: nexus.pynxtools(f, np.ones((2, 4), "u2"), axes)))
    np.testing.assert_array_equal(data.columns["time_s"], [0, 120])
    assert data.scan_shape == (("time", 2),)
    assert data.intensity.dtype == np.uint16


def test_kind_of_axis(tmp_path):
    assert read(nexus.write(tmp_path / "a.nxs", lambda f: nexus.pynxtools(f, units="nm"))).axis_kind == "wavelength"

    def infrared(file):
        nexus.pynxtools(file, axes={"wavenumber": (SHIFT + 500, "1/cm")})
        file["entry/definition"][()] = "NXoptical_spectroscopy"

    assert read(nexus.write(tmp_path / "b.nxs", infrared)).axis_kind == "wavenumber"


def test_several_are_named_and_chosen(tmp_path):
    path = nexus.write(tmp_path / "x.nxs", nexus.charisma)
    data = read(path)
    np.testing.assert_array_equal(data.intensity, [COUNTS])
    assert any("'S0B_1' (4), 'PST_1' (4)" in w for w in data.metadata.warnings)
    for name in ("PST_1", "TEST-1/RAW_DATA/PST_1", "/TEST-1/RAW_DATA/PST_1"):
        one = read(path, dataset=name)
        np.testing.assert_array_equal(one.intensity, [COUNTS + 1])
        assert one.metadata.title == "PST"
        assert one.metadata.laser.wavelength_nm == 785
        assert not one.metadata.warnings
    with pytest.raises(UnreadableFile, match="has no dataset 'x'; it has 'S0B_1'"):
        read(path, dataset="x")


def test_the_default_is_read_though_another_is_larger(tmp_path):
    def fill(file):
        nexus.pynxtools(file)
        nexus.nxdata(file["entry"], "larger", np.ones((9, 4)), {"n": None, "shift": (SHIFT, "1/cm")})

    path = nexus.write(tmp_path / "x.nxs", fill)
    assert read(path).n_spectra == 1
    assert read(path, dataset="larger").n_spectra == 9
    with h5py.File(path, "a") as file:
        del file.attrs["default"]
    assert read(path).n_spectra == 9


def test_chada(tmp_path):
    path = nexus.write(tmp_path / "x.cha", nexus.cha)
    data = read(path, dataset="raw")
    np.testing.assert_array_equal(data.shift, SHIFT)
    np.testing.assert_array_equal(data.intensity, [COUNTS])
    assert data.metadata.vendor == {"sample": "PST", "laser_wl": "785"}
    assert any("does not state the unit" in w for w in data.metadata.warnings)
    # Without the ending, an array of two rows says nothing.
    assert not READER.sniff(path.rename(tmp_path / "x.h5"), path.with_suffix(".h5").read_bytes())


def test_our_own_files_stay_with_their_reader(tmp_path):
    for ending in (".h5", ".nxs"):
        path = tmp_path / f"x{ending}"
        write(small(), path)
        assert reader_for(path).name == "native"
        assert not READER.sniff(path, path.read_bytes())
    # What Spectrode writes is NeXus all the same: a program that knows only that finds the same numbers.
    other = read(path, reader="nexus-raman")
    np.testing.assert_array_equal(other.intensity, small().intensity)
    np.testing.assert_array_equal(other.shift, small().shift)


# -- damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", nexus.examples())
def test_truncated_and_flipped(tmp_path, name):
    content = nexus.examples()[name]
    rng = random.Random(name)
    path = tmp_path / name
    for step in range(150):
        mutated = bytearray(content)
        if step % 5 == 0:
            mutated = mutated[: rng.randrange(len(mutated))]
        for _ in range(rng.choice((1, 4, 16)) if mutated else 0):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        path.write_bytes(mutated)
        try:
            read(path, reader="nexus-raman")
        except UnreadableFile:
            continue


def test_a_heap_that_would_make_the_library_stand_still_is_refused(tmp_path):
    content = nexus.examples()["pynxtools.nxs"]
    heap = content.index(b"GCOL")
    # Object 1 becomes the free rest of the heap (index 0) with no length: the library would wait for it for ever.
    damaged = content[: heap + 16] + b"\0" * 16 + content[heap + 32 :]
    (tmp_path / "x.nxs").write_bytes(damaged)
    with pytest.raises(UnreadableFile, match="entry without a length"):
        read(tmp_path / "x.nxs", reader="nexus-raman")


def test_an_array_that_claims_more_than_is_stored_is_refused(tmp_path):
    def fill(file):
        nexus.pynxtools(file)
        group = nexus.nxdata(file["entry"], "huge", np.ones(1), {"n": None, "shift": (SHIFT, "1/cm")})
        del group["y_values"]
        group.create_dataset("y_values", (10**9, 4), chunks=(1000, 4), dtype="f8")

    with pytest.raises(UnreadableFile, match="32000000000 bytes, but stores only 0"):
        read(nexus.write(tmp_path / "x.nxs", fill), dataset="huge")


def test_groups_in_a_circle_end(tmp_path):
    def fill(file):
        nexus.pynxtools(file)
        file["entry/sample/again"] = file["entry"]

    assert read(nexus.write(tmp_path / "x.nxs", fill)).n_spectra == 1


def test_other_hdf5_is_not_claimed(tmp_path):
    path = nexus.write(tmp_path / "x.h5", lambda f: f.create_dataset("numbers", data=np.ones((2, 9))))
    assert not READER.sniff(path, path.read_bytes())
    with pytest.raises(UnreadableFile, match="holds no NXdata"):
        read(path, reader="nexus-raman")


# -- measured files ---------------------------------------------------------------------------------------------------


def test_measured_witec(shared_data):
    data = read(shared_data("nexus_nxraman/witec_ref.nxs"))
    assert (data.n_channels, data.axis_kind) == (1600, "raman_shift")
    assert data.shift[[0, -1]] == pytest.approx([-46.678, 3684.807], abs=1e-3)
    # The file gives the wavelengths too: with its own laser line they are the same shifts.
    with h5py.File(shared_data("nexus_nxraman/witec_ref.nxs")) as file:
        nm = file["entry/data/x_values"][()]
    laser = 1 / (data.shift[0] * 1e-7 + 1 / nm[0])
    np.testing.assert_allclose(1e7 / laser - 1e7 / nm, data.shift, atol=2e-3)
    assert data.metadata.laser.wavelength_nm == 532.1
    assert data.metadata.laser.power_mw == 60
    assert data.columns["exposure_s"][0] == 20
    zone = timezone(timedelta(hours=2))
    assert data.metadata.started_at == datetime(2024, 6, 21, 14, 4, 54, tzinfo=zone)
    # Silicon: the strongest band between 400 and 600, some 6 cm-1 high in the maker's own export.
    window = (data.shift > 400) & (data.shift < 600)
    assert data.shift[window][np.argmax(data.intensity[0, window])] == pytest.approx(526.3, abs=0.1)


def test_measured_open_database(shared_data):
    data = read(shared_data("nexus_nxraman/rod_ref.nxs"))
    assert (data.n_channels, data.shift[0], data.shift[-1]) == (1159, 50.0, 1400.643)
    assert data.metadata.sample.name == "K-cymrite"
    assert data.metadata.instrument.grating == "1200 lines/mm"
    assert data.columns["exposure_s"][0] == 300


def test_measured_charisma(shared_data):
    path = shared_data("nexus_nxraman/spectra_demo.nxs")
    data = read(path)
    assert any("'S0B_1' (762), 'PST_1' (762)" in w for w in data.metadata.warnings)
    assert data.axis_kind == "raman_shift"
    assert data.metadata.laser.wavelength_nm == 532
    polystyrene = read(path, dataset="PST_1")
    window = (polystyrene.shift > 950) & (polystyrene.shift < 1050)
    strongest = polystyrene.shift[window][np.argmax(polystyrene.intensity[0, window])]
    assert strongest == pytest.approx(1001.4, abs=6)


def test_only_these_files_are_claimed(shared_data):
    root = shared_data("README.md").parent
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        with open(path, "rb") as stream:
            assert READER.sniff(path, stream.read(1 << 16)) == (path.suffix.lower() == ".nxs"), path
