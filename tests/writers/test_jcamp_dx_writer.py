"""What JCAMP-DX can hold comes back equal; what it cannot is named; other programs can read the files."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.datasets import as_float64, datasets, small, without
from spectrode import read, write
from spectrode.errors import InvalidDataset
from spectrode.history import StepRecord
from spectrode.metadata import Metadata
from spectrode.writers import writers

FILE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(datasets(min_spectra=1, finite=True))
@FILE
def test_round_trip(tmp_path, dataset):
    lost = write(dataset, tmp_path / "x.jdx")
    assert {"mask", "variance", "white-light images"} <= set(lost)
    again = read(tmp_path / "x.jdx")
    expected = as_float64(without(dataset, "mask", "variance", "images"))
    again = without(again, "flags of the reader", original=expected)
    assert again.identical(expected)


@given(st.floats(allow_nan=False, allow_infinity=False))
@FILE
def test_every_finite_number_comes_back(tmp_path, value):
    dataset = small().replace(intensity=np.array([[value, 1.0, -value]] * 2), shift=[1, 2, 4])
    write(dataset, tmp_path / "x.jdx")
    np.testing.assert_array_equal(read(tmp_path / "x.jdx").intensity, dataset.intensity)


def test_values_that_are_not_finite_become_missing(tmp_path):
    values = np.array([[1.0, np.nan, np.inf]])
    write(small().select([0]).replace(intensity=values, shift=[1, 2, 3], columns={}), tmp_path / "x.jdx")
    np.testing.assert_array_equal(read(tmp_path / "x.jdx").intensity, [[1.0, np.nan, np.nan]])


def test_lines_are_short_and_the_block_stands_alone(tmp_path):
    metadata = Metadata(
        title="a ## b $$ c\nd" * 20, started_at=datetime(2024, 3, 31, 1, 2, 3, 456, tzinfo=UTC), vendor={"µ": "$$ ##"}
    )
    dataset = small().replace(metadata=metadata, history=(StepRecord("smooth.savgol", {"window": 7}),))
    write(dataset, tmp_path / "x.jdx")
    text = (tmp_path / "x.jdx").read_bytes().decode()
    assert max(map(len, text.split("\r\n"))) <= 80
    assert text.count("##TITLE=") == 3
    assert text.count("##END=") == 3
    assert "LONGDATE= 2024/03/31 01:02:05.000456 +0000" in text  # the second spectrum begins two seconds later
    again = read(tmp_path / "x.jdx")
    assert again.replace(metadata=again.metadata.replace(sources=())).identical(dataset)
    one = read(tmp_path / "x.jdx", dataset="2")
    assert one.n_spectra == 1
    np.testing.assert_array_equal(one.columns["time_s"], dataset.columns["time_s"][1:2])


@pytest.mark.parametrize("form", ["XYDATA", "XYPOINTS"])
def test_another_program_reads_it(tmp_path, form):
    jcamp = pytest.importorskip("jcamp", reason="the jcamp package is not installed (pip install jcamp)")
    shift = np.linspace(100.5, 200.5, 41) if form == "XYDATA" else np.linspace(100, 300, 41) ** 1.1
    y = np.random.default_rng(0).normal(100, 5, (1, 41))
    write(small().select([0]).replace(intensity=y, shift=shift), tmp_path / "x.jdx")
    assert f"##{form}=" in (tmp_path / "x.jdx").read_text()
    theirs = jcamp.readfile(str(tmp_path / "x.jdx"))
    np.testing.assert_allclose(theirs["x"], shift, rtol=1e-14)
    np.testing.assert_allclose(theirs["y"], y[0], rtol=1e-14)


def test_damaged_records_of_our_own_leave_the_spectra(tmp_path):
    write(small(), tmp_path / "x.jdx")
    text = (tmp_path / "x.jdx").read_text().replace('{"time_s"', '{"time_s')
    (tmp_path / "y.jdx").write_text(text)
    again = read(tmp_path / "y.jdx")
    np.testing.assert_array_equal(again.intensity, small().intensity)
    assert any("damaged and left out" in w for w in again.metadata.warnings)


def test_an_empty_dataset_is_refused(tmp_path):
    with pytest.raises(InvalidDataset, match="at least one spectrum"):
        write(small().select(slice(0, 0)), tmp_path / "x.jdx")
    assert not list(tmp_path.iterdir())


def test_the_unit_of_an_original_is_kept_until_something_is_done(tmp_path):
    dataset = small().replace(metadata=Metadata(vendor={"YUNITS": "ABSORBANCE"}), axis_kind="wavenumber")
    write(dataset, tmp_path / "x.jdx")
    assert "##YUNITS= ABSORBANCE" in (tmp_path / "x.jdx").read_text()
    write(dataset.replace(history=(StepRecord("normalise.area"),)), tmp_path / "y.jdx")
    assert "##YUNITS= ARBITRARY UNITS" in (tmp_path / "y.jdx").read_text()


def test_it_is_found_by_its_ending():
    assert writers()["jcamp-dx"].extensions == (".jdx", ".dx")
