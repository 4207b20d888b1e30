"""PalmSens sessions and tables (made after public descriptions; no measured file was at hand)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from vendor_damage import check_all, check_recognised

from builders import palmsens as ps
from spectrode.electrochemistry.readers import read_trace
from spectrode.electrochemistry.trace import Trace
from spectrode.errors import UnreadableFile


def read(tmp_path: Path, raw: bytes, **options: object) -> Trace:
    path = tmp_path / "a.pssession"
    path.write_bytes(raw)
    return read_trace(path, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("tail", ["", "\ufeff", "\x00\x00"])
def test_a_session(lower: bool, tail: str, tmp_path: Path) -> None:
    trace = read(tmp_path, ps.session(ps.measurement(ps.CV), lower=lower, tail=tail))
    np.testing.assert_array_equal(trace.time_s, [0, 0.5, 1])
    np.testing.assert_array_equal(trace.potential_v, [-0.5, 0, 0.5])
    np.testing.assert_array_equal(trace.current_ma, [1, -2, 0])
    assert trace.started_at == datetime(2024, 7, 1, 12, 30, 0, 250000, tzinfo=UTC)
    assert trace.local_start is None
    assert (trace.technique, trace.instrument) == ("Cyclic Voltammetry", "ES4-7")
    assert trace.vendor["method"]["METHOD_ID"] == "cv"
    assert trace.warnings == ()
    json.dumps(trace.vendor)


def test_stamps(tmp_path: Path) -> None:
    trace = read(tmp_path, ps.session(ps.measurement(ps.CV, utc=None)))
    assert (trace.started_at, trace.local_start) == (None, ps.LOCAL)
    trace = read(tmp_path, ps.session(ps.measurement(ps.CV, utc=None, local=datetime(1, 1, 1))))
    assert (trace.started_at, trace.local_start) == (None, None)
    assert "no possible date" in trace.warnings[0]


def test_units(tmp_path: Path) -> None:
    made = {**ps.CV, "charge": (0.0, 3600.0, 0.0)}
    for unit, factor in (("nA", 1e-6), ("mA", 1.0), (None, 1e-3), ("\u03bcA", 1e-3)):
        trace = read(tmp_path, ps.session(ps.measurement(made, units={"current": unit})))
        np.testing.assert_allclose(trace.current_ma, np.array([1000, -2000, 0]) * factor)
        np.testing.assert_allclose(trace.charge_mah, [0, 1e-3, 0])
    with pytest.raises(UnreadableFile, match="unit 'furlong' of the column 'current'"):
        read(tmp_path, ps.session(ps.measurement(ps.CV, units={"current": "furlong"})))


def test_scans_are_joined_while_their_times_run_on(tmp_path: Path) -> None:
    later = {**ps.CV, "time": (1.5, 2.0, 2.5)}
    trace = read(tmp_path, ps.session(ps.measurement(ps.CV, later)))
    np.testing.assert_array_equal(trace.time_s, [0, 0.5, 1, 1.5, 2, 2.5])
    np.testing.assert_array_equal(trace.columns["cycle"], [1, 1, 1, 2, 2, 2])
    trace = read(tmp_path, ps.session(ps.measurement(ps.CV, ps.CV)))
    assert len(trace) == 3
    assert "only the first was read" in trace.warnings[0]


def test_the_measurement_is_chosen_by_title_or_number(tmp_path: Path) -> None:
    eis = ps.measurement({"frequency": (1.0, 2.0)}, title="Impedance Spectroscopy")
    other = {name: tuple(v + 1 for v in values) for name, values in ps.CV.items()}
    raw = ps.session(eis, ps.measurement(ps.CV), ps.measurement(other, title="second"))
    trace = read(tmp_path, raw)
    np.testing.assert_array_equal(trace.potential_v, [-0.5, 0, 0.5])
    assert "3 measurements (Impedance Spectroscopy, Cyclic Voltammetry, second); number 2" in trace.warnings[0]
    for name in ("second", "3"):
        np.testing.assert_array_equal(read(tmp_path, raw, measurement=name).potential_v, [0.5, 1, 1.5])
    with pytest.raises(UnreadableFile, match="no measurement 'third'; possible: 1 to 3"):
        read(tmp_path, raw, measurement="third")
    with pytest.raises(UnreadableFile, match="is an impedance file"):
        read(tmp_path, raw, measurement="1")


def test_a_measurement_without_potential(tmp_path: Path) -> None:
    trace = read(tmp_path, ps.session(ps.measurement({"time": (0.0, 1.0), "current": (1.0, 2.0)})))
    assert np.isnan(trace.potential_v).all()
    assert trace.warnings == ("the measurement has no potential",)


def test_a_table_of_potential_against_time(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-8-sig", "utf-8"):
        trace = read(tmp_path, ps.table("s,V", ("0.1,0.5", "0.2,0.25"), encoding=encoding))
        np.testing.assert_array_equal(trace.time_s, [0.1, 0.2])
        np.testing.assert_array_equal(trace.potential_v, [0.5, 0.25])
        assert trace.local_start == datetime(2024, 11, 5, 14, 20, 1)
        assert trace.warnings == ()


def test_a_table_of_a_voltammogram_needs_a_scan_rate(tmp_path: Path) -> None:
    raw = ps.table("V,µA,V,µA", ("0.1,1,0.5,3", "0.2,2,0.6,4"), titles="CV Scan 1,,CV Scan 2,")
    with pytest.raises(UnreadableFile, match="without times; give scan_rate_v_s"):
        read(tmp_path, raw)
    trace = read(tmp_path, raw, scan_rate_v_s=0.1, measurement="CV Scan 2")
    np.testing.assert_allclose(trace.time_s, [0, 1])
    np.testing.assert_array_equal(trace.potential_v, [0.5, 0.6])
    np.testing.assert_allclose(trace.current_ma, [3e-3, 4e-3])
    assert "derived from the scan rate of 0.1 V/s" in trace.warnings[0]
    assert "holds 2 curves (CV Scan 1, CV Scan 2)" in read(tmp_path, raw, scan_rate_v_s=0.1).warnings[0]


def test_a_table_of_current_against_time(tmp_path: Path) -> None:
    trace = read(tmp_path, ps.table("s,µA", ("0.1,5", "0.2,-5", "Measurement:,EIS", "1,2")))
    np.testing.assert_allclose(trace.current_ma, [5e-3, -5e-3])
    assert np.isnan(trace.potential_v).all()
    assert trace.warnings == ("the table has no potential",)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (ps.session(), "holds no measurement"),
        (ps.session(ps.measurement(ps.CV))[:-200], "is no whole JSON text"),
        (ps.session(ps.measurement({**ps.CV, "time": (0.0, 1.0)})), "differ in number"),
        (ps.session(ps.measurement({"potential": (1.0,)})), "has no times"),
        (ps.session(ps.measurement({**ps.CV, "time": (1.0, 0.5, 0.0)})), "must not decrease"),
        (ps.table("Hz,Ohm", ("1,2",)), "is an impedance file: it holds the units Hz, Ohm"),
        (('{"type":"PalmSens","measurements":' + "[" * 100_000).encode("utf-16"), "is no whole JSON text"),
        (b'{"type":"PalmSens","measurements":7}', "holds no measurement"),
    ],
)
def test_what_is_wrong_is_said(raw: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=says):
        read(tmp_path, raw)


def test_damage_is_refused_or_read(tmp_path: Path) -> None:
    seen = check_all(ps.examples(), "palmsens", tmp_path)
    assert min(seen.values()) > 20


def test_recognition(tmp_path: Path) -> None:
    check_recognised(ps.examples(), "palmsens", tmp_path)
