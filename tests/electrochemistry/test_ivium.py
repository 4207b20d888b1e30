"""Ivium files (made after public readers; no measured file was at hand)."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from vendor_damage import check_all, check_recognised

from builders import ivium
from spectrode.electrochemistry.readers import read_trace
from spectrode.electrochemistry.trace import Trace
from spectrode.errors import UnreadableFile


def read(tmp_path: Path, raw: bytes, **options: object) -> Trace:
    path = tmp_path / "a.idf"
    path.write_bytes(raw)
    return read_trace(path, **options)  # type: ignore[arg-type]


def test_a_transient(tmp_path: Path) -> None:
    trace = read(tmp_path, ivium.file())
    np.testing.assert_array_equal(trace.time_s, [0, 1, 2.5])
    np.testing.assert_array_equal(trace.potential_v, [3, 3.25, 3.5])
    np.testing.assert_allclose(trace.current_ma, [1, -2, 0])
    assert trace.local_start == datetime(2023, 10, 3, 9, 15, 2)  # day first
    assert trace.technique == "Transients ChronoPotentiometry"
    assert trace.warnings == ()
    json.dumps(trace.vendor)


def test_a_sweep_gets_its_times_from_the_scan_rate(tmp_path: Path) -> None:
    trace = read(tmp_path, ivium.examples()["sweep"])
    np.testing.assert_allclose(trace.time_s, [0, 1])
    np.testing.assert_allclose(trace.potential_v, [0, 0.1])
    np.testing.assert_allclose(trace.current_ma, [1, 2])
    assert "derived from the scan rate of 0.1 V/s" in trace.warnings[0]
    assert "no absolute start" in trace.warnings[1]
    with pytest.raises(UnreadableFile, match="records no time, and the file has no scan rate"):
        read(tmp_path, ivium.file({"Method": "LinearSweep"}))


def test_a_data_set(tmp_path: Path) -> None:
    raw = ivium.examples()["set"]
    trace = read(tmp_path, raw)
    assert len(trace) == 3
    assert "2 data sets (ChronoPotentiometry, second); the first was read" in trace.warnings[0]
    assert len(read(tmp_path, raw, dataset=2)) == 2
    with pytest.raises(UnreadableFile, match="no data set 3; possible: 1 to 2"):
        read(tmp_path, raw, dataset=3)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (ivium.file({"Method": "Impedance"}), "is an impedance file"),
        (ivium.file(rows=((1.0, 0, 0), (0.5, 0, 0))), "must not decrease"),
        (ivium.file(rows=((1.0, 0), (1.5, 0))), "have 2 columns where 3 are needed"),
        (
            ivium.HEAD + ivium.block(ivium.TRANSIENT, ivium.ROWS, count=10**9).encode(),
            "is cut off: it should have 1000",
        ),
        (ivium.HEAD + b"Version=11\r\nMethod=x\r\n", "holds no primary_data"),
        (ivium.HEAD + b"Version=11\r\nMethod=x\r\nprimary_data\r\n", "cut off|should state"),
        (ivium.HEAD + b"Version=11\r\nMethod=x\r\nprimary_data\r\nthree\r\n2\r\n", "should state columns and rows"),
    ],
)
def test_what_is_wrong_is_said(raw: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=says):
        read(tmp_path, raw)


def test_damage_is_refused_or_read(tmp_path: Path) -> None:
    seen = check_all(ivium.examples(), "ivium", tmp_path)
    assert min(seen.values()) > 20


def test_recognition(tmp_path: Path) -> None:
    check_recognised(ivium.examples(), "ivium", tmp_path)
