"""Arbin exports: names of both generations, workbooks, capacities that begin again, dates, damage."""

from __future__ import annotations

import json
import random
import zipfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from builders import arbin
from builders.damaged import cuts, flips
from builders.damaged_traces import survives
from spectrode.electrochemistry.readers import read_trace
from spectrode.electrochemistry.readers.registry import trace_reader_for
from spectrode.errors import UnreadableFile


def written(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", arbin.examples())
def test_all_exports_give_the_same(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, arbin.examples()[name])
    assert trace_reader_for(path).name == "arbin"
    trace = read_trace(path)
    np.testing.assert_array_equal(trace.time_s, [0, 30, 60, 90, 120, 150])
    np.testing.assert_array_equal(trace.potential_v, [3, 3, 3.4, 3.5, 3.3, 3.5])
    np.testing.assert_allclose(trace.current_ma, [0, 0, 1200, 1200, -1200, 1200])
    # Both counters begin again with the second cycle.
    np.testing.assert_allclose(trace.charge_mah, [0, 0, 10, 20, 10, 20], atol=1e-9)
    np.testing.assert_array_equal(trace.columns["cycle"], [1, 1, 1, 1, 1, 2])
    np.testing.assert_array_equal(trace.columns["step_index"], [1, 1, 2, 2, 3, 2])
    np.testing.assert_array_equal(trace.columns["step"], [1, 1, 2, 2, 3, 4])
    assert trace.local_start == datetime(2010, 9, 27, 23, 59)
    assert trace.started_at is None
    assert trace.reference is None
    assert len(trace.warnings) == 2
    assert "Arbin" in trace.warnings[0]
    assert "IUPAC" in trace.warnings[0]
    assert "cell voltage" in trace.warnings[1]
    json.dumps(trace.vendor)


def test_units_are_those_of_the_names(tmp_path: Path) -> None:
    names = [n.replace("Current(A)", "Current(mA)").replace("Voltage(V)", "Voltage(mV)") for n in arbin.OLD]
    names = [n.replace("Test_Time(s)", "Test_Time(h)").replace("Capacity(Ah)", "Capacity(mAh)") for n in names]
    trace = read_trace(written(tmp_path, "a.csv", arbin.arbin_csv(names=names, stamp="")))
    np.testing.assert_allclose(trace.time_s, 3600 * np.array([0, 30, 60, 90, 120, 150]))
    np.testing.assert_allclose(trace.current_ma, [0, 0, 1.2, 1.2, -1.2, 1.2])
    np.testing.assert_allclose(trace.potential_v, 1e-3 * np.array([3, 3, 3.4, 3.5, 3.3, 3.5]))
    np.testing.assert_allclose(trace.charge_mah, [0, 0, 0.01, 0.02, 0.01, 0.02])
    assert trace.local_start is None


def test_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    content = arbin.arbin_csv(delimiter=";", decimal=",", stamp="%d.%m.%Y %H:%M:%S")
    trace = read_trace(written(tmp_path, "a.csv", content))
    np.testing.assert_allclose(trace.charge_mah, [0, 0, 10, 20, 10, 20], atol=1e-9)
    assert trace.local_start == datetime(2010, 9, 27, 23, 59)


def test_a_date_that_can_be_read_both_ways_is_told(tmp_path: Path) -> None:
    start = datetime(2010, 9, 7, 12)
    trace = read_trace(written(tmp_path, "a.csv", arbin.arbin_csv(start=start, stamp="%m/%d/%Y %H:%M:%S")))
    assert trace.local_start == start
    assert "2010-09-07" in trace.warnings[0]
    assert "2010-07-09" in trace.warnings[0]


def test_a_pause_is_a_part(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, "a.csv", arbin.arbin_csv(pause_s=7200)))
    np.testing.assert_array_equal(trace.time_s, [0, 30, 60, 90, 7320, 7350])
    np.testing.assert_array_equal(trace.columns["part"], [0, 0, 0, 0, 1, 1])


def test_a_sheet_can_be_chosen(tmp_path: Path) -> None:
    other = arbin.table([(t, s, c, i, v + 1, a, b) for t, s, c, i, v, a, b in arbin.ROWS])
    path = written(tmp_path, "a.xlsx", arbin.workbook({"Channel_1-008": arbin.table(), "Channel_2-001": other}))
    first = read_trace(path)
    assert first.potential_v[0] == 3
    assert "the sheets Channel_2-001 were not read" in first.warnings[0]
    assert read_trace(path, sheet="Channel_2-001").potential_v[0] == 4
    with pytest.raises(UnreadableFile, match="no sheet 'x' of rows; possible: Channel_1-008, Channel_2-001"):
        read_trace(path, sheet="x")


def test_dates_of_workbooks_that_count_from_1904(tmp_path: Path) -> None:
    rows = arbin.table(epoch=datetime(1904, 1, 1))
    trace = read_trace(written(tmp_path, "a.xlsx", arbin.workbook({"Channel_1": rows}, since_1904=True)))
    assert trace.local_start == datetime(2010, 9, 27, 23, 59)


def test_texts_as_dates_in_a_workbook(tmp_path: Path) -> None:
    rows = [[*r[:2], "2010-09-27 23:59:00" if k else r[2], *r[3:]] for k, r in enumerate(arbin.table()[:2])]
    trace = read_trace(written(tmp_path, "a.xlsx", arbin.workbook({"Channel_1": rows})))
    assert trace.local_start == datetime(2010, 9, 27, 23, 59)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    whole = arbin.arbin_csv().decode()
    book = arbin.arbin_xlsx()
    only_statistics = arbin.workbook({"Statistics_1": arbin.statistics()})
    for name, content, says in (
        ("a.csv", whole.replace("90.0,", "9.0,", 1).encode(), "is before that of the row above"),
        ("a.csv", whole.replace("3.4,", "x,", 1).encode(), "holds 'x'"),
        ("a.csv", whole.replace("Current(A)", "Current").encode(), "none of its first"),
        ("a.xlsx", book[: len(book) // 2], "not a whole zip archive"),
        ("a.xlsx", only_statistics, "no sheet with Arbin's columns; its sheets are Statistics_1"),
    ):
        with pytest.raises(UnreadableFile, match=says):
            read_trace(written(tmp_path, name, content), reader="arbin")


def test_other_archives_are_not_claimed(tmp_path: Path) -> None:
    path = written(tmp_path, "a.xlsx", arbin.workbook({"Statistics_1": arbin.statistics()}))
    assert not trace_reader_for(path, "arbin").sniff(path, path.read_bytes()[:4096])
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "Test_Time(s)")
    assert not trace_reader_for(path, "arbin").sniff(path, path.read_bytes()[:4096])


def test_damage_is_survived(tmp_path: Path) -> None:
    for name, content in arbin.examples().items():
        read = [survives("arbin", tmp_path / name, made) for made in (*cuts(content, 60), *flips(content, 120))]
        assert any(read) or name.endswith((".xlsx", ".gz"))
        assert not all(read)


def test_damage_inside_a_workbook_is_survived(tmp_path: Path) -> None:
    import io

    with zipfile.ZipFile(io.BytesIO(arbin.arbin_xlsx(split=3))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    chance = random.Random(4)
    path = tmp_path / "a.xlsx"
    for _ in range(150):
        damaged = dict(parts)
        name = chance.choice([n for n in parts if n.startswith("xl/")])
        made = bytearray(parts[name])
        made[chance.randrange(len(made))] = chance.choice(b"09.-<>e ZA")
        damaged[name] = bytes(made)
        survives("arbin", path, arbin.zipped(damaged))
