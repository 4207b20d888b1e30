"""Gamry files: tables, convention of the current, dates; two measured ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from vendor_damage import check_all, check_recognised

from builders import gamry_dta as dta
from spectrode.electrochemistry.readers import read_trace
from spectrode.electrochemistry.trace import Trace
from spectrode.errors import UnreadableFile


def read(tmp_path: Path, raw: bytes, **options: object) -> Trace:
    path = tmp_path / "a.DTA"
    path.write_bytes(raw)
    return read_trace(path, **options)  # type: ignore[arg-type]


CURVE = dta.table("CURVE", dta.CURVE, dta.ROWS)


def test_a_curve(tmp_path: Path) -> None:
    trace = read(tmp_path, dta.file(CURVE))
    np.testing.assert_array_equal(trace.time_s, [0.5, 1, 1.5])
    np.testing.assert_array_equal(trace.potential_v, [-0.25, 0, 0.25])
    np.testing.assert_array_equal(trace.current_ma, [1, -2, 0])
    assert trace.current_kind == "instantaneous"
    assert list(trace.columns) == ["Vu"]
    assert trace.local_start == datetime(2018, 4, 23, 16, 43, 15)
    assert (trace.technique, trace.instrument, trace.reference) == ("Cyclic Voltammetry", "REF600-1", None)
    assert trace.vendor["header"]["NOTES"][-1] == "first note"
    assert trace.warnings == ()
    json.dumps(trace.vendor)


def test_a_cathodic_convention_is_reversed_and_said(tmp_path: Path) -> None:
    trace = read(tmp_path, dta.file(CURVE, convention="0"))
    np.testing.assert_array_equal(trace.current_ma, [-1, 2, 0])
    assert trace.current_ma is not None
    assert not np.signbit(trace.current_ma[2])
    assert trace.warnings == (
        "the file counts the cathodic current as positive; the sign was reversed to the IUPAC convention",
    )


def test_an_unknown_convention_is_said_and_can_be_given(tmp_path: Path) -> None:
    raw = dta.file(CURVE, convention=None)
    trace = read(tmp_path, raw)
    np.testing.assert_array_equal(trace.current_ma, [1, -2, 0])
    assert "does not state whether its cathodic current is negative" in trace.warnings[0]
    trace = read(tmp_path, raw, current_sign="cathodic_positive")
    np.testing.assert_array_equal(trace.current_ma, [-1, 2, 0])
    assert "the option current_sign" in trace.warnings[0]
    trace = read(tmp_path, dta.file(CURVE), current_sign="cathodic_positive")
    np.testing.assert_array_equal(trace.current_ma, [-1, 2, 0])
    assert "the file states that its current is anodic_positive" in trace.warnings[0]


def test_cycles_are_joined_while_their_times_run_on(tmp_path: Path) -> None:
    one, two = dta.table("CURVE1", dta.CURVE, dta.ROWS), dta.table("CURVE2", dta.CURVE, dta.LATER)
    trace = read(tmp_path, dta.file(one, two))
    np.testing.assert_array_equal(trace.time_s, [0.5, 1, 1.5, 2, 2.5])
    np.testing.assert_array_equal(trace.columns["cycle"], [1, 1, 1, 2, 2])
    again = dta.table("CURVE2", dta.CURVE, dta.ROWS[:2])
    trace = read(tmp_path, dta.file(one, again))
    assert len(trace) == 3
    assert "CURVE1 was read; the others, which count time from their own begin, are CURVE2" in trace.warnings[0]


def test_impedance_beside_open_circuit(tmp_path: Path) -> None:
    raw = dta.examples()["eis"]
    trace = read(tmp_path, raw)
    np.testing.assert_array_equal(trace.potential_v, [0.125, 0.25])
    np.testing.assert_array_equal(trace.current_ma, [-1e-3, -2e-3])
    np.testing.assert_array_equal(trace.columns["Freq"], [1e5, 1e4])
    assert "OCVCURVE" in trace.warnings[0]
    assert "at least 4.0 s later (open circuit)" in trace.warnings[1]
    rest = read(tmp_path, raw, table="OCVCURVE")
    np.testing.assert_array_equal(rest.potential_v, [-0.5, -0.25])
    assert rest.current_ma is None
    assert rest.warnings == ()
    with pytest.raises(UnreadableFile, match="no table 'CURVE9'; possible: OCVCURVE, ZCURVE"):
        read(tmp_path, raw, table="CURVE9")


def test_impedance_without_any_potential_is_refused(tmp_path: Path) -> None:
    titles = ("Pt\tTime\tFreq\tZreal\tZimag", "#\ts\tHz\tohm\tohm")
    with pytest.raises(UnreadableFile, match="is an impedance file: it holds the tables ZCURVE"):
        read(tmp_path, dta.file(dta.table("ZCURVE", titles, ((0, 1, 10, 1, 1),))))


@pytest.mark.parametrize(
    ("date", "time", "expected", "says"),
    [
        ("4/23/2018", "16:43:15", datetime(2018, 4, 23, 16, 43, 15), None),
        ("3/4/2020", "4:05:06 PM", datetime(2020, 3, 4, 16, 5, 6), "month first"),
        ("23/04/2018", "12:00:01 AM", datetime(2018, 4, 23, 0, 0, 1), None),
        ("03.04.2020", "16:05:06", datetime(2020, 4, 3, 16, 5, 6), None),
        ("2020-03-04", "16:05:06", datetime(2020, 3, 4, 16, 5, 6), None),
        ("31/31/2020", "16:05:06", None, "not a possible date"),
        ("yesterday", "16:05:06", None, "not a possible date"),
        (None, "", None, "no date"),
    ],
)
def test_dates(tmp_path: Path, date: str | None, time: str, expected: datetime | None, says: str | None) -> None:
    trace = read(tmp_path, dta.file(CURVE, date=date, time=time))
    assert trace.local_start == expected
    assert len(trace.warnings) == (says is not None)
    if says:
        assert says in trace.warnings[0]


def test_decimal_commas(tmp_path: Path) -> None:
    rows = (("0", "0,5", "-2,5E-001", "1,0E-003", "0", "..."), ("1", "1,5", "2,5E-001", "0", "0", "..."))
    trace = read(tmp_path, dta.file(dta.table("CURVE", dta.CURVE, rows), date="23.04.2018"))
    np.testing.assert_array_equal(trace.time_s, [0.5, 1.5])
    np.testing.assert_array_equal(trace.potential_v, [-0.25, 0.25])


def test_an_aborted_experiment_and_a_cut_row(tmp_path: Path) -> None:
    raw = dta.file(CURVE, extra=("EXPERIMENTABORTED\tTOGGLE\tT\tExperiment Aborted",))
    assert read(tmp_path, raw).warnings == ("the experiment was aborted",)
    cut = dta.file(CURVE).rstrip()
    trace = read(tmp_path, cut[: cut.rindex(b"0.25")])
    assert len(trace) == 2
    assert "the last row of the table CURVE is cut off; 2 whole rows" in trace.warnings[0]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (dta.file(), "no table with time and potential; its tables are none"),
        (dta.file(dta.table("CURVE", ("Pt\tT\tVf\tIm", "#\ts\tV\tW"), ((0, 1, 1, 1),))), "unit 'W' of the column 'Im'"),
        (dta.file(dta.table("CURVE", dta.CURVE, (dta.ROWS[1], dta.ROWS[0]))), "must not decrease"),
        (dta.file(dta.table("CURVE", dta.CURVE, (("0", "x", *dta.ROWS[0][2:]),))), "row 1 has no possible time"),
        (b"EXPLAIN?\nTAG\tCV\n", "no table|does not begin"),
    ],
)
def test_what_is_wrong_is_said(raw: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=says):
        read(tmp_path, raw, reader="gamry-dta")


def test_damage_is_refused_or_read(tmp_path: Path) -> None:
    seen = check_all(dta.examples(), "gamry-dta", tmp_path)
    assert min(seen.values()) > 20


def test_recognition(tmp_path: Path) -> None:
    check_recognised(dta.examples(), "gamry-dta", tmp_path)


def test_measured_impedance(shared_data: Callable[[str], Path]) -> None:
    path = shared_data("echem/other/exampleDataGamry.DTA")
    trace = read_trace(path)
    assert len(trace) == 72
    assert (trace.time_s[0], trace.time_s[-1]) == (1, 861)
    np.testing.assert_array_equal(trace.potential_v[:2], [-0.3413299, -0.3415995])
    assert trace.current_ma is not None
    np.testing.assert_allclose(trace.current_ma[:2], [-5.89286e-3, -3.687873e-3], rtol=1e-12)
    # Polarised below open circuit (-0.292 V), convention 1: the cathodic current is negative.
    assert (trace.current_ma < 0).all()
    assert trace.columns["Freq"][0] == 200015.6
    assert trace.local_start == datetime(2018, 4, 23, 16, 43, 15)
    rest = read_trace(path, table="OCVCURVE")
    assert len(rest) == 387
    assert (rest.time_s[-1], rest.potential_v[-1]) == (99.975, -0.29198)


def test_a_measured_aborted_file(shared_data: Callable[[str], Path]) -> None:
    trace = read_trace(shared_data("echem/other/exampleDataGamryABORT.DTA"))
    assert trace.warnings[0] == "the experiment was aborted"
    assert "OCVCURVE, FRACURVE" in trace.warnings[1]
    assert trace.local_start == datetime(2020, 3, 18, 16, 54, 44)
