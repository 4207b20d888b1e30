"""Tables of time, potential and current: what is obvious is understood, what is not is asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectrode.electrochemistry.readers import read_trace
from spectrode.electrochemistry.readers.registry import trace_reader_for
from spectrode.errors import SpectrodeError, UnreadableFile


@pytest.fixture
def table(tmp_path: Path):  # type: ignore[no-untyped-def]
    def write(text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "trace.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


@pytest.mark.parametrize(
    ("header", "row", "volt", "milliampere", "second"),
    [
        ("time/s,Ewe/V,I/mA", "2,3.5,0.25", 3.5, 0.25, 2),
        ("Time(s),Voltage(V),Current(A)", "2,3.5,0.25", 3.5, 250, 2),
        ("Time / min\tE [mV]\tI (uA)", "2\t3500\t250", 3.5, 0.25, 120),
        ("Test_Time(h);Potential/V;<I>/mA", "2;3,5;0,25", 3.5, 0.25, 7200),
        ("time_s potential_V current_mA", "2 3.5 0.25", 3.5, 0.25, 2),
        ('"Time (s)","Ewe (V)","I (mA)"', '"2","3.5","0.25"', 3.5, 0.25, 2),
        ("t,E,I\ns,V,mA", "2,3.5,0.25", 3.5, 0.25, 2),
        ("# exported\n# time/ms,U/V,I/nA", "2000,3.5,250000", 3.5, 0.25, 2),
        ("time/s;E/V;I/mA", "1.002,0;3,5;0,25", 3.5, 0.25, 1002),
    ],
)
def test_obvious_columns(table, header, row, volt, milliampere, second) -> None:  # type: ignore[no-untyped-def]
    path = table(f"{header}\n{row}\n{row}\n")
    assert trace_reader_for(path).name == "delimited-trace"
    trace = read_trace(path)
    assert trace.time_s.tolist() == pytest.approx([second, second])
    assert trace.potential_v[1] == pytest.approx(volt)
    assert trace.current_ma is not None
    assert trace.current_ma[1] == pytest.approx(milliampere)
    assert trace.current_kind == ("interval_mean" if "<I>" in header else "instantaneous")
    assert (trace.local_start, trace.started_at, trace.warnings) == (None, None, ())


@pytest.mark.parametrize(
    ("header", "reference"),
    [
        ("E/V vs Li/Li+", "Li/Li+"),
        ("Ewe (V vs. Ag/AgCl)", "Ag/AgCl"),
        ("Potential [V vs Ag/AgCl (3 M KCl)]", "Ag/AgCl (3 M KCl)"),
        ("E vs. RHE (V)", "RHE"),
        ("E/V", None),
    ],
)
def test_the_reference_electrode_in_a_heading(table, header: str, reference: str | None) -> None:  # type: ignore[no-untyped-def]
    assert read_trace(table(f"time/s,{header}\n0,1\n1,1\n")).reference == reference


def test_named_and_numbered_columns(table) -> None:  # type: ignore[no-untyped-def]
    path = table("a,b,c,d\n0,10,100,1000\n1,20,200,2000\n")
    with pytest.raises(UnreadableFile, match=r"not obvious which column is the time; .* one of: a, b, c, d"):
        read_trace(path)
    options: dict[str, Any] = {"time": "a", "potential": "1", "current": "c", "charge": "3"}
    units: dict[str, Any] = {"time_unit": "min", "potential_unit": "mV", "current_unit": "uA", "charge_unit": "C"}
    trace = read_trace(path, **options, **units)
    np.testing.assert_allclose(trace.time_s, [0, 60])
    np.testing.assert_allclose(trace.potential_v, [0.010, 0.020])
    np.testing.assert_allclose(trace.current_ma, [0.1, 0.2])  # type: ignore[arg-type]
    np.testing.assert_allclose(trace.charge_mah, [1000 / 3.6, 2000 / 3.6])  # type: ignore[arg-type]
    with pytest.raises(UnreadableFile, match="time='z' is not one of its columns: a, b, c, d"):
        read_trace(path, **options | {"time": "z"})
    with pytest.raises(SpectrodeError, match="time_unit needs one of s, min, h, ms, but 'days'"):
        read_trace(path, **options, time_unit="days")


def test_a_table_without_a_header(table) -> None:  # type: ignore[no-untyped-def]
    path = table("0 3.5 1\n1 3.6 1\n")
    with pytest.raises(UnreadableFile, match="column 0, column 1, column 2"):
        read_trace(path)
    trace = read_trace(path, time="0", potential="1")
    np.testing.assert_array_equal(trace.potential_v, [3.5, 3.6])
    assert len(trace.warnings) == 2


def test_a_current_without_a_unit_is_refused_and_a_potential_is_taken_as_volt(table) -> None:  # type: ignore[no-untyped-def]
    path = table("t,E,I\n0,1,1\n1,1,1\n")
    with pytest.raises(UnreadableFile, match="'I' does not state its unit; give current_unit"):
        read_trace(path)
    trace = read_trace(path, current_unit="A")
    assert trace.current_ma is not None
    assert trace.current_ma[0] == 1000
    assert len(trace.warnings) == 2


def test_two_candidates_are_not_chosen_from(table) -> None:  # type: ignore[no-untyped-def]
    path = table("time/s,Ewe/V,Ecell/V\n0,1,2\n1,1,2\n")
    with pytest.raises(UnreadableFile, match="not obvious which column is the potential"):
        read_trace(path)
    assert read_trace(path, potential="Ecell/V").potential_v[0] == 2


def test_a_current_density_is_not_a_current(table) -> None:  # type: ignore[no-untyped-def]
    trace = read_trace(table("time/s,E/V,I/mA cm-2\n0,1,2\n1,1,2\n"))
    assert trace.current_ma is None
    np.testing.assert_array_equal(trace.columns["I/mA cm-2"], [2, 2])


def test_numbered_labels_and_other_columns_are_kept(table) -> None:  # type: ignore[no-untyped-def]
    trace = read_trace(table("time/s,E/V,Cycle_Index,Step,note,T/K\n0,1,1,5,x,300\n1,1,2,6,y,\n"))
    np.testing.assert_array_equal(trace.columns["cycle"], [1, 2])
    np.testing.assert_array_equal(trace.columns["step"], [5, 6])
    assert trace.columns["cycle"].dtype == np.int64
    np.testing.assert_array_equal(trace.columns["T/K"], [300, np.nan])
    assert "note" not in trace.columns


@pytest.mark.parametrize(
    ("first", "second", "aware"),
    [
        ("2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00+01:00", True),
        ("2024-10-27 02:30:00.5", "2024-10-27 03:30:00.5", False),
    ],
)
def test_absolute_times(table, first: str, second: str, aware: bool) -> None:  # type: ignore[no-untyped-def]
    trace = read_trace(table(f"Date_Time,E/V,I/mA\n{first},1,2\n{second},1,2\n"))
    np.testing.assert_array_equal(trace.time_s, [0, 3600])
    if aware:
        assert trace.started_at == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
        assert trace.local_start is None
    else:
        assert trace.local_start == datetime(2024, 10, 27, 2, 30, 0, 500000)
        assert trace.started_at is None


def test_a_stamp_beside_the_time_gives_the_start(table) -> None:  # type: ignore[no-untyped-def]
    trace = read_trace(table("Date_Time,time/s,E/V\n2024-01-10 11:00:05,5,1\n2024-01-10 11:00:06,6,1\n"))
    np.testing.assert_array_equal(trace.time_s, [5, 6])
    assert trace.local_start == datetime(2024, 1, 10, 11, 0, 0)


def test_the_start_can_be_given(table) -> None:  # type: ignore[no-untyped-def]
    path = table("time/s,E/V\n0,1\n1,1\n")
    assert read_trace(path, start="2024-01-10T11:00:00").local_start == datetime(2024, 1, 10, 11)
    aware = read_trace(path, start="2024-01-10T11:00:00+01:00")
    assert aware.started_at == datetime(2024, 1, 10, 10, tzinfo=UTC)
    with pytest.raises(UnreadableFile, match=r"start: '10/01/2024' is not an ISO date"):
        read_trace(path, start="10/01/2024")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_encodings(table, encoding: str) -> None:  # type: ignore[no-untyped-def]
    trace = read_trace(table("time/s,E/V,I/µA,é\n0,1,1000,0\n1,1,1000,0\n", encoding))
    assert trace.current_ma is not None
    assert trace.current_ma[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time/s,E/V,I/mA\n0,1,1\n1,1,1\n2\n3,1,1\n", "line 4 has 1 fields where 3"),
        ("time/s,E/V\n0,1\n1,1\n0.5,1\n", "must not decrease"),
        ("time/s,E/V\n0,1\nx,1\n2,1\n", "row 2 has no time .'x'"),
        ("time/s,E/V\n10/01/2024 11:00,1,2\n", "neither numbers nor ISO dates"),
        ("Date_Time,E/V,I/mA\n2024-01-10T11:00,1,1\n2024-01-10T11:01+01:00,1,1\n", "have a time zone and some"),
        ("words\nand words\n", "not a table"),
    ],
)
def test_damage_is_one_sentence(table, text: str, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UnreadableFile, match=says) as caught:
        read_trace(table(text), reader="delimited-trace")
    assert "\n" not in str(caught.value)


def test_a_last_row_that_is_cut_off_is_left_out(table) -> None:  # type: ignore[no-untyped-def]
    trace = read_trace(table("time/s,E/V,I/mA\n0,1,1\n1,1,1\n2,1"))
    assert len(trace) == 2
    assert "2 whole rows" in trace.warnings[0]


def test_binaries_are_not_claimed(tmp_path: Path) -> None:
    path = tmp_path / "spectra.wdf"
    path.write_bytes(b"WDF1" + bytes(range(256)) * 4)
    with pytest.raises(UnreadableFile, match="not one of the known potentiostat formats"):
        trace_reader_for(path)


def test_an_ec_lab_file_goes_to_its_own_reader(table) -> None:  # type: ignore[no-untyped-def]
    path = table("EC-Lab ASCII FILE\nNb header lines : 3\ntime/s\tEwe/V\tI/mA\n0\t0\t1\n1\t0\t1\n")
    assert trace_reader_for(path).name == "eclab-mpt"
