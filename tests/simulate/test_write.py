"""The files of a simulated experiment, read back by the readers for real files."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta

import h5py
import numpy as np
import pytest

from spectrode.electrochemistry.readers import read_trace
from spectrode.errors import InvalidDataset, UnreadableFile
from spectrode.history import file_sha256
from spectrode.readers import read
from spectrode.simulate import preset, read_truth, simulate_experiment, write_experiment
from spectrode.simulate import write as write_module


@pytest.fixture(scope="module")
def experiment():
    return simulate_experiment(preset("sei-shiners", seed=2, frames=5, rows=3, columns=4))


@pytest.fixture(scope="module")
def files(experiment, tmp_path_factory):
    return write_experiment(experiment, tmp_path_factory.mktemp("simulated") / "run")


def test_the_map_comes_back_equal(experiment, files):
    back = read(files.map)
    assert back.intensity.dtype == np.uint16
    assert back.content_hash() == experiment.dataset.content_hash()
    assert back.metadata.started_at == experiment.dataset.metadata.started_at
    assert back.metadata.laser == experiment.dataset.metadata.laser
    assert back.metadata.warnings == ()


def test_the_trace_comes_back_equal(experiment, files):
    trace, back = experiment.trace, read_trace(files.trace)
    assert back.reference == "Li/Li+"
    assert back.current_kind == "interval_mean"
    np.testing.assert_allclose(back.time_s, trace.time_s, rtol=1e-14)
    np.testing.assert_allclose(back.potential_v, trace.potential_v, atol=1e-7)
    np.testing.assert_allclose(back.current_ma, trace.current_ma, rtol=1e-13)
    np.testing.assert_allclose(back.charge, trace.charge_mah, rtol=1e-12, atol=1e-15)
    assert np.array_equal(back.columns["half_cycle"], trace.columns["half_cycle"])
    assert back.warnings == ()


def test_the_stamp_of_the_trace_is_local_time_without_a_zone(experiment, files):
    naive = read_trace(files.trace)
    assert naive.started_at is None
    assert naive.local_start == datetime(2024, 6, 18, 10, 30)
    zoned = read_trace(files.trace, timezone=files.potentiostat_zone)
    assert zoned.started_at == datetime(2024, 6, 18, 8, 30, tzinfo=UTC)
    delay = experiment.dataset.metadata.started_at - zoned.started_at
    assert delay == timedelta(seconds=experiment.settings.map_delay_s)


def test_the_text_has_the_layout_of_the_vendor(files):
    raw = files.trace.read_bytes()
    assert raw.startswith(b"EC-Lab ASCII FILE\r\n")
    assert raw.count(b"\n") == raw.count(b"\r\n")
    lines = raw.decode("latin-1").split("\r\n")
    count = int(lines[1].split(":")[1])
    assert lines[count - 1].startswith("mode\tox/red\t")
    assert lines[count].split("\t")[0] == "2"
    assert "Acquisition started on : 06/18/2024 10:30:00.000" in lines
    assert len(lines[count].split("\t")) == len(lines[count - 1].rstrip("\t").split("\t")) == 12


def test_the_charge_is_the_right_rectangle_sum_of_the_mean_current(files):
    trace = read_trace(files.trace)
    summed = np.concatenate([[0.0], np.cumsum(trace.current_ma[1:] * np.diff(trace.time_s))]) / 3600
    np.testing.assert_allclose(trace.charge_mah, summed, atol=1e-12)


def test_the_truth_comes_back_to_single_precision(experiment, files):
    truth, back = experiment.truth, read_truth(files.truth)
    assert back.components == truth.components
    assert back.library_ids == truth.library_ids
    assert np.array_equal(back.near_field, truth.near_field)
    assert np.array_equal(back.cosmic_mask, truth.cosmic_mask)
    assert np.array_equal(back.start_s, truth.start_s)
    np.testing.assert_allclose(back.expected_counts(), truth.expected_counts(), rtol=1e-5)
    assert dict(back.scalars) == dict(truth.scalars)


def test_the_manifest_says_what_how_and_with_which_hashes(experiment, files):
    with open(files.manifest, "rb") as stream:
        facts = tomllib.load(stream)
    assert facts["licence"] == "CC0-1.0"
    assert facts["simulated"] is True
    assert facts["made_by"] == "spectrode simulate run --preset sei-shiners --seed 2 --frames 5 --rows 3 --columns 4"
    assert {f["name"]: f["sha256"] for f in facts["files"]} == {
        p.name: file_sha256(p) for p in (files.map, files.trace, files.truth)
    }
    assert {c["library_id"]: c.get("onset_potential_v") for c in facts["components"]}["ec"] is None
    assert files.settings() == experiment.settings
    assert files.changed() == []


def test_a_changed_file_is_noticed(experiment, tmp_path):
    files = write_experiment(experiment, tmp_path / "run")
    files.trace.write_bytes(files.trace.read_bytes() + b"\r\n")
    files.truth.unlink()
    assert files.changed() == ["cv.mpt", "truth.h5"]


def test_writing_twice_gives_the_same_bytes(experiment, files, tmp_path):
    again = write_experiment(experiment, tmp_path / "run")
    for role in ("map", "trace", "truth", "manifest"):
        assert getattr(again, role).read_bytes() == getattr(files, role).read_bytes(), role


def test_nothing_is_left_where_writing_fails(experiment, tmp_path, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(write_module, "write_truth", broken)
    with pytest.raises(RuntimeError, match="disk full"):
        write_experiment(experiment, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_files_that_hold_no_truth_are_refused(files, tmp_path):
    with pytest.raises(UnreadableFile, match="no such file"):
        read_truth(tmp_path / "none.h5")
    with pytest.raises(UnreadableFile, match="not 'spectrode-simulation-truth'"):
        read_truth(files.map)
    (tmp_path / "bad.h5").write_bytes(files.truth.read_bytes()[:2000])
    with pytest.raises(UnreadableFile, match="damaged"):
        read_truth(tmp_path / "bad.h5")
    with h5py.File(tmp_path / "hollow.h5", "w") as file:
        file.attrs["format"], file.attrs["format_version"] = "spectrode-simulation-truth", 1
    with pytest.raises(UnreadableFile, match="damaged or no truth"):
        read_truth(tmp_path / "hollow.h5")


def test_a_trace_without_a_start_has_no_stamp_to_write(experiment, tmp_path):
    with pytest.raises(InvalidDataset, match="absolute start"):
        write_module.write_mpt(experiment.trace.replace(started_at=None), tmp_path / "cv.mpt", experiment.settings)
