"""pandas: the columns as a table, and back."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings

from builders.datasets import datasets, small
from spectrode.errors import InvalidDataset
from spectrode.interop.pandas import from_pandas, to_pandas
from spectrode.metadata import Metadata

pandas = pytest.importorskip("pandas", reason="pandas is not installed")


@given(datasets())
@settings(max_examples=60, deadline=None)
def test_there_and_back_in_any_order(dataset):
    frame = to_pandas(dataset, intensity=True, absolute_time=dataset.n_spectra < 3)
    assert from_pandas(dataset, frame.iloc[::-1]).identical(dataset)


def test_places_and_intensities():
    dataset = small().replace(columns={"time_s": [0.0, 2.0], "scan_index": [3, 0]}, scan_shape=(("y", 2), ("x", 2)))
    frame = to_pandas(dataset, intensity=True)
    assert list(frame.columns) == ["scan_y", "scan_x", "time_s", "scan_index", 100.0, 101.5, 104.0]
    assert frame[["scan_y", "scan_x"]].to_numpy().tolist() == [[1, 1], [0, 0]]
    np.testing.assert_array_equal(frame[[100.0, 101.5, 104.0]].to_numpy(), dataset.intensity)


def test_absolute_time():
    start = datetime(2024, 3, 31, 1, 2, 3, tzinfo=UTC)
    dataset = small().replace(columns={"time_s": [0.25, np.nan]}, metadata=Metadata(started_at=start))
    times = to_pandas(dataset, absolute_time=True)["time"]
    assert times[0] == pandas.Timestamp("2024-03-31T01:02:03.25Z")
    assert pandas.isna(times[1])
    assert "time" not in to_pandas(small(), absolute_time=True)


def test_new_columns_come_back():
    frame = to_pandas(small())
    frame["band_ratio"] = [0.5, 0.75]
    np.testing.assert_array_equal(from_pandas(small(), frame).columns["band_ratio"], [0.5, 0.75])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.iloc[:1], "one row for each of the 2 spectra"),
        (lambda f: pandas.concat([f, f]), "4 rows"),
        (lambda f: f.assign(word=["a", "b"]), "'word' of the table holds something"),
        (lambda f: [1, 2], "DataFrame is needed"),
    ],
)
def test_what_is_wrong_is_said(change, words):
    with pytest.raises(InvalidDataset, match=words):
        from_pandas(small(), change(to_pandas(small())))
