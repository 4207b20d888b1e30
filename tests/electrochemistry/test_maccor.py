"""Maccor text exports: forms of time, signs by state, units, damage."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from builders import maccor
from builders.damaged import cuts, flips
from builders.damaged_traces import survives
from builders.maccor import ROWS
from spectrode.electrochemistry.readers import read_trace
from spectrode.electrochemistry.readers.registry import trace_reader_for
from spectrode.errors import UnreadableFile

TIME = [0, 10, 10.5, 30.5, 50.5, 51, 61, 91]


def written(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", maccor.examples())
def test_all_forms_give_the_same(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, maccor.examples()[name])
    assert trace_reader_for(path).name == "maccor"
    trace = read_trace(path)
    np.testing.assert_allclose(trace.time_s, TIME, atol=1e-6)
    np.testing.assert_array_equal(trace.potential_v, [3, 3, 3.1, 3.2, 3.3, 3.2, 3.1, 3.0])
    np.testing.assert_allclose(trace.current_ma, [0, 0, 1800, 1800, 1800, -3600, -3600, -3600])
    np.testing.assert_allclose(trace.charge_mah, [0, 0, 0, 10, 20, 20, 10, -20], atol=1e-6)
    np.testing.assert_array_equal(trace.columns["cycle"], [0, 0, 0, 0, 0, 0, 1, 1])
    np.testing.assert_array_equal(trace.columns["step"], [1, 1, 2, 2, 2, 3, 3, 3])
    np.testing.assert_allclose(trace.columns["Temp 1"], 21 + np.arange(8))
    assert "ACImp/Ohms" not in trace.columns  # N/A in every row
    assert trace.local_start == datetime(2019, 12, 16, 23, 59, 50)
    assert trace.reference is None
    assert len(trace.warnings) == 2
    assert "Maccor writes magnitudes" in trace.warnings[0]
    assert "IUPAC" in trace.warnings[0]
    assert "cell voltage" in trace.warnings[1]
    assert trace.vendor["states"] == {"0": "C (charge)", "1": "D (discharge)", "2": "R (rest)"}
    json.dumps(trace.vendor)


def test_hours_beyond_a_day_and_days_are_the_same(tmp_path: Path) -> None:
    rows = [(t + 90000, *rest) for t, *rest in ROWS]
    for form in ("d", "comma", "hours"):
        trace = read_trace(written(tmp_path, "a.txt", maccor.maccor(rows, form=form)))
        np.testing.assert_allclose(trace.time_s, np.add(TIME, 90000), atol=1e-6)
        assert trace.local_start == datetime(2019, 12, 16, 23, 59, 50)


@pytest.mark.parametrize("form", ["s", "min"])
def test_the_clock_tells_a_unit_that_is_not_stated(tmp_path: Path, form: str) -> None:
    content = maccor.maccor(form=form)
    trace = read_trace(written(tmp_path, "a.txt", content))
    np.testing.assert_allclose(trace.time_s, TIME, atol=1e-3)
    dated = content.replace(b"DPt Time", b"Remark  ")
    path = written(tmp_path, "b.txt", dated)
    with pytest.raises(UnreadableFile, match="give time_unit"):
        read_trace(path)
    given = read_trace(path, time_unit=form)
    np.testing.assert_allclose(given.time_s, TIME, atol=1e-3)
    assert given.local_start is None


def test_a_file_that_signs_its_current_is_left_as_it_is(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, "a.txt", maccor.maccor(signed=True)))
    np.testing.assert_allclose(trace.current_ma, [0, 0, 1800, 1800, 1800, -3600, -3600, -3600])
    assert "signs the current itself" in trace.warnings[0]


def test_states_that_tell_no_sign(tmp_path: Path) -> None:
    rows = list(ROWS)
    rows[1] = (*rows[1][:4], 0.001, 3.0, "R")
    rows[3] = (*rows[3][:6], "W")
    trace = read_trace(written(tmp_path, "a.txt", maccor.maccor(rows)))
    assert trace.current_ma is not None
    assert trace.current_ma[1] == 0
    assert np.isnan(trace.current_ma[3])
    assert "1 rows have a current in the states W" in trace.warnings[0]
    assert "1 rows at rest have a current" in trace.warnings[1]


def test_day_first_dates_are_seen_by_midnight(tmp_path: Path) -> None:
    content = maccor.maccor(start=datetime(2021, 4, 5, 23, 59, 50), stamp="%d/%m/%Y %H:%M:%S")
    trace = read_trace(written(tmp_path, "a.txt", content))
    assert trace.local_start == datetime(2021, 4, 5, 23, 59, 50)
    assert len(trace.warnings) == 2
    noon = maccor.maccor(start=datetime(2021, 4, 5, 12), stamp="%d/%m/%Y %H:%M:%S")
    both = read_trace(written(tmp_path, "b.txt", noon))
    assert both.local_start == datetime(2021, 5, 4, 12)
    assert "month first was taken" in both.warnings[0]


def test_a_suspension_is_a_part(tmp_path: Path) -> None:
    text = maccor.maccor(start=datetime(2019, 12, 16, 12)).decode("latin-1")
    for second in (51, 61, 91):
        old = f"12/16/2019 12:{second // 60:02d}:{second % 60:02d}"
        text = text.replace(old, old.replace(" 12:", " 13:"))
    trace = read_trace(written(tmp_path, "a.txt", text.encode("latin-1")))
    np.testing.assert_array_equal(trace.columns["part"], [0, 0, 0, 0, 0, 1, 1, 1])
    assert trace.time_s[5] - trace.time_s[4] == pytest.approx(3600.5, abs=1)
    assert trace.gaps[4]


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    whole = maccor.maccor().decode("latin-1")
    for text, says in (
        (whole.replace("0d 00:00:30.50", "0d 00-00", 1), "which is not a duration"),
        (whole.replace("0d 00:00:30.50", "0d 00:00:01.00", 1), "is before that of the row above"),
        (whole.replace("1.80000000", "?", 1), "holds '\\?'"),
        (whole.replace("Amps", "Apms"), "none of its first"),
        ("\n".join(whole.split("\r\n")[:2]), "no rows"),
    ):
        with pytest.raises(UnreadableFile, match=says):
            read_trace(written(tmp_path, "bad.txt", text.encode("latin-1")), reader="maccor")
    cut = read_trace(written(tmp_path, "cut.txt", maccor.maccor()[:-20]))
    assert len(cut) in (7, 8)


def test_damage_is_survived(tmp_path: Path) -> None:
    for name, content in maccor.examples().items():
        read = [survives("maccor", tmp_path / name, made) for made in (*cuts(content, 60), *flips(content, 120))]
        assert any(read) or name.endswith((".xlsx", ".gz"))
        assert not all(read)
