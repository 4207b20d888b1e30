"""The native file gives back what was written: numbers to the bit, words to the letter."""

from datetime import UTC, datetime

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spectrode import read, write
from spectrode.dataset import OperandoDataset
from spectrode.errors import SpectrodeError, UnreadableFile
from spectrode.history import StepRecord
from spectrode.metadata import Cell, FieldImage, Laser, Metadata, SourceFile


@st.composite
def datasets(draw):
    n, c = draw(st.integers(0, 7)), draw(st.integers(1, 9))
    dtype = draw(st.sampled_from([np.float32, np.float64, np.uint16]))
    intensity = draw(hnp.arrays(dtype, (n, c)))
    steps = draw(hnp.arrays(np.float64, c, elements=st.floats(0.1, 10)))
    columns = {}
    if draw(st.booleans()):
        columns["time_s"] = draw(hnp.arrays(np.float64, n, elements=st.floats(allow_nan=True, allow_infinity=False)))
    if draw(st.booleans()):
        columns["potential_v"] = draw(hnp.arrays(np.float64, n, elements=st.floats(-5, 5)))
    if draw(st.booleans()):
        columns["cycle"] = draw(hnp.arrays(np.int64, n))
    if draw(st.booleans()):
        columns["my_own"] = draw(hnp.arrays(np.float32, n))
    source = SourceFile("map.wdf", "renishaw-wdf", "0" * 64, 12, "spectra", {"a": 1})
    return OperandoDataset(
        intensity=intensity,
        shift=np.cumsum(steps),
        columns=columns,
        scan_shape=draw(st.sampled_from([(), (("frame", 1), ("x", 8))])),
        mask=draw(st.none() | hnp.arrays(bool, (n, c))),
        variance=draw(st.none() | hnp.arrays(np.float64, (n, c))),
        metadata=Metadata(
            title=draw(st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
            started_at=draw(st.none() | st.datetimes(timezones=st.just(UTC))),
            laser=Laser(wavelength_nm=draw(st.none() | st.floats(200, 2000))),
            cell=Cell(reference_electrode="Li/Li+"),
            sources=(source,),
            vendor={"tree": {"µ": [1, 2.5, "text"], "nothing": None}},
            images=draw(st.sampled_from([(), (FieldImage("light", np.ones((2, 3, 3), np.uint8), (0.0, 1.0), None),)])),
        ),
        history=(StepRecord("baseline.asls", {"lam": 1e5}, "0.1", ("Eilers2005",), 3, 0.5, ("note",)),),
        axis_kind=draw(st.sampled_from(["raman_shift", "wavelength"])),
    )


@given(datasets())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_round_trip(tmp_path, dataset):
    path = tmp_path / "x.h5"
    assert write(dataset, path) == ()
    again = read(path)
    if again.metadata.warnings:  # the reader flags empty and undated spectra; compare what was there before
        again = again.replace(
            columns={k: v for k, v in again.columns.items() if k in dataset.columns},
            mask=dataset.mask,
            metadata=again.metadata.replace(warnings=()),
        )
    assert dataset.identical(again)


def small():
    return OperandoDataset(np.ones((3, 4)), np.arange(4.0), {"time_s": np.arange(3.0)})


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "x.h5"
    write(small(), path)
    before = path.read_bytes()

    def fail(*_):
        raise RuntimeError("disk on fire")

    monkeypatch.setattr("spectrode.writers.native_hdf5._own", fail)
    with pytest.raises(RuntimeError):
        write(small(), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.h5"]


def test_the_original_is_never_written_to(tmp_path):
    path = tmp_path / "x.h5"
    write(small(), path)
    dataset = read(path)
    with pytest.raises(SpectrodeError, match="never written to"):
        write(dataset, path)


@pytest.mark.parametrize("keep", [0, 7, 100, 2000])
def test_truncated_files_are_refused_in_one_sentence(tmp_path, keep):
    path = tmp_path / "x.h5"
    write(small(), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UnreadableFile, match=r"x\.h5"):
        read(path)


def test_a_file_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "x.h5"
    write(small(), path)
    with h5py.File(path, "a") as file:
        file["entry/spectrode"].attrs["file_version"] = 99
    with pytest.raises(UnreadableFile, match="99"):
        read(path)


def test_nexus_fields_that_the_definition_requires_are_there(tmp_path):
    path = tmp_path / "x.h5"
    dataset = small().replace(
        columns={"time_s": np.arange(3.0), "potential_v": np.arange(3.0)},
        metadata=Metadata(started_at=datetime(2024, 1, 1, tzinfo=UTC), cell=Cell(reference_electrode="Li/Li+")),
    )
    write(dataset, path)
    with h5py.File(path) as file:
        entry = file["entry"]
        assert entry["definition"][()] == b"NXraman"
        assert {"version", "URL"} <= set(entry["definition"].attrs)
        for name in ("experiment_type", "raman_experiment_type", "instrument/scattering_configuration", "sample/name",
                     "instrument/beam_incident/wavelength", "instrument/beam_incident/parameter_reliability",
                     "instrument/detector/detector_channel_type"):  # fmt: skip
            assert name in entry
        assert {"signal", "axes"} <= set(entry["data"].attrs)
        sensor = entry["sample/electrochemistry/potential_v/value_log/value"]
        np.testing.assert_array_equal(sensor[()], np.arange(3.0))


def test_csv_says_what_it_cannot_hold_and_keeps_the_rest(tmp_path):
    dataset = OperandoDataset(
        np.arange(120.0).reshape(3, 40) + 0.125, np.linspace(300.5, 1800, 40), {"time_s": np.arange(3.0)}
    )
    lost = write(dataset, tmp_path / "x.csv")
    assert "metadata" in lost
    again = read(tmp_path / "x.csv")
    np.testing.assert_array_equal(again.intensity, dataset.intensity)
    np.testing.assert_array_equal(again.shift, dataset.shift)
    np.testing.assert_array_equal(again.columns["time_s"], dataset.columns["time_s"])


def test_unknown_endings_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(SpectrodeError, match=r"possible: .*\.h5"):
        write(small(), tmp_path / "x.xyz")
    assert not list(tmp_path.iterdir())
