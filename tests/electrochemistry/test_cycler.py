"""What readers of battery cyclers share: time axes, counters that begin again, dates, tables, bounded archives."""

from __future__ import annotations

import zipfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from builders import arbin
from spectrode.electrochemistry.readers._cycler import (
    clock_axis,
    moment,
    opposes,
    parse_stamps,
    restarted_counter,
    running_total,
    time_axis,
)
from spectrode.electrochemistry.readers._table import text_table
from spectrode.electrochemistry.readers._xlsx import sheet_names, sheet_rows
from spectrode.electrochemistry.readers._zipped import Archive
from spectrode.errors import UnreadableFile

EPOCH = 1.7e9


# -- time -------------------------------------------------------------------------------------------------------------


def test_step_times_become_one_counter() -> None:
    steps = np.array([0.0, 1, 2, 0, 1, 0.5, 1])
    starts = np.array([True, False, False, True, False, True, False])
    np.testing.assert_allclose(restarted_counter(steps, starts), [0, 1, 2, 2, 3, 3.5, 4])


def test_stamps_of_whole_seconds_tell_the_fraction_that_fits_all_of_them() -> None:
    true_start, counter = EPOCH + 0.7, np.arange(0, 5, 0.1)
    axis = time_axis(counter, np.floor(true_start + counter))
    np.testing.assert_array_equal(axis.time_s, counter)  # the intervals are the counter's
    assert axis.start_s == pytest.approx(true_start, abs=0.1)
    assert axis.part is None
    assert axis.notes == ()


def test_steps_that_begin_late_do_not_add_up_to_a_drift() -> None:
    # Each of 200 steps of 10 s loses 0.08 s that the counter does not see.
    counter = np.concatenate([np.arange(0, 10.5, 0.5) + 10 * k for k in range(200)])
    begins = np.tile(np.arange(21) == 0, 200)
    truth = counter + 0.08 * np.repeat(np.arange(200), 21)
    axis = time_axis(counter, np.floor(EPOCH + truth), segments=begins)
    assert axis.notes == ()
    assert np.all(np.diff(axis.time_s) >= 0)
    assert np.max(np.abs(axis.time_s + axis.start_s - EPOCH - truth)) < 1.0


def test_a_pause_begins_a_part_and_the_clock_counts_on() -> None:
    counter = np.arange(20.0)
    clock = EPOCH + counter + np.where(counter >= 12, 600.0, 0.0)
    for axis in (time_axis(counter, clock), clock_axis(counter, clock)):
        np.testing.assert_allclose(axis.time_s, clock - EPOCH, atol=1e-6)
        assert axis.part is not None
        np.testing.assert_array_equal(axis.part, counter >= 12)
        assert len(axis.notes) == 1
        assert "once (first by 600.0 s before row 12)" in axis.notes[0]


def test_a_clock_that_is_set_back_does_not_turn_time_back() -> None:
    counter = np.arange(0.0, 100, 10)
    clock = EPOCH + counter - np.where(counter >= 50, 175.0, 0.0)
    for axis in (time_axis(counter, clock), clock_axis(counter, clock)):
        np.testing.assert_allclose(axis.time_s, counter, atol=1e-6)
        assert axis.part is None
        assert len(axis.notes) == 1
        assert "went back once (first by 175.0 s before row 5)" in axis.notes[0]


def test_a_clock_that_runs_fast_is_told() -> None:
    counter = np.arange(0.0, 86400, 60)
    axis = time_axis(counter, np.floor(EPOCH + counter * 1.0001))
    assert len(axis.notes) == 1
    assert "drift apart by up to 7" in axis.notes[0]


def test_rows_without_a_stamp_are_placed_by_the_counter() -> None:
    counter = np.arange(6.0)
    clock = np.array([np.nan, np.nan, EPOCH + 2, np.nan, EPOCH + 4, np.nan])
    axis = time_axis(counter, clock)
    np.testing.assert_array_equal(axis.time_s, counter)
    assert axis.start_s == EPOCH
    assert time_axis(counter, np.full(6, np.nan)).start_s is None
    assert time_axis(counter, None).start_s is None


# -- charge -----------------------------------------------------------------------------------------------------------


def test_a_counter_that_begins_again_goes_on() -> None:
    np.testing.assert_allclose(running_total(np.array([0, 1, 2, 0, 1, 0.5, np.nan, 1])), [0, 1, 2, 2, 3, 3.5, 3.5, 4])
    # The second step's first value is larger than the first step's last: only its start tells.
    counter, starts = np.array([0.0, 0.1, 0.2, 0.6]), np.array([True, False, True, False])
    np.testing.assert_allclose(running_total(counter, starts), [0, 0.1, 0.3, 0.7])
    np.testing.assert_allclose(running_total(np.array([1.0, 1.0 - 1e-6, 2.0])), [1, 1 - 1e-6, 2])
    assert running_total(np.full(3, np.nan)).tolist() == [0, 0, 0]


def test_opposite_signs_are_noticed_and_noise_is_not() -> None:
    charge = np.array([0.0, 1, 2, 1])
    assert opposes(np.array([0.0, -1, -1, 1]), charge)
    assert not opposes(np.array([0.0, 1, 1, -1]), charge)
    assert not opposes(np.array([0.0, 1, 1, 1]), charge)
    assert not opposes(np.zeros(4), charge)


# -- dates ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2010-09-27 14:12:48", datetime(2010, 9, 27, 14, 12, 48)),
        ("2010-09-27T14:12:48.250", datetime(2010, 9, 27, 14, 12, 48, 250000)),
        ("06/18/2019 03:23:12 PM", datetime(2019, 6, 18, 15, 23, 12)),
        ("6/18/2019 12:05:00 AM", datetime(2019, 6, 18, 0, 5)),
        ("18/06/2019 15:23", datetime(2019, 6, 18, 15, 23)),
        ("18.06.2019 15:23:12", datetime(2019, 6, 18, 15, 23, 12)),
        ("23-Nov-23 3:56:08 PM", datetime(2023, 11, 23, 15, 56, 8)),
        ("2020/02/29 23:59:59,5", datetime(2020, 2, 29, 23, 59, 59, 500000)),
    ],
)
def test_dates_in_the_forms_of_cyclers(text: str, expected: datetime) -> None:
    stamps = parse_stamps([text])
    assert moment(stamps.seconds[0]) == expected
    assert not stamps.aware
    assert stamps.note is None


@pytest.mark.parametrize(
    "text", ["", "never", "31/02/2020 10:00:00", "2020-13-01 10:00", "10:99:00", "2020-02-30 1:00"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert np.isnan(parse_stamps([text]).seconds).all()


def test_offsets_make_stamps_aware() -> None:
    stamps = parse_stamps(["2020-07-01T12:00:00+02:00", "2020-07-01T10:00:30Z"])
    assert stamps.aware
    assert np.diff(stamps.seconds) == 30
    assert moment(stamps.seconds[0]) == datetime(2020, 7, 1, 10)


def test_numbers_are_days_of_a_spreadsheet_or_seconds_after_1970() -> None:
    days = parse_stamps([43999.5, 43999.75])
    assert moment(days.seconds[0]) == datetime(2020, 6, 17, 12)
    assert np.diff(days.seconds) == 21600
    assert not days.aware
    unix = parse_stamps(["1592395200", "1592395201"])
    assert moment(unix.seconds[0]) == datetime(2020, 6, 17, 12)
    assert unix.aware
    assert np.isnan(parse_stamps([1.0, 2.0]).seconds).all()


def test_the_counter_tells_day_and_month_apart() -> None:
    counter = np.array([0.0, 3600.0, 86400.0])
    day_first = ["05/04/2021 10:00:00", "05/04/2021 11:00:00", "06/04/2021 10:00:00"]
    stamps = parse_stamps(day_first, counter)
    assert stamps.note is None
    assert moment(stamps.seconds[0]) == datetime(2021, 4, 5, 10)
    short = parse_stamps(day_first[:2], counter[:2])
    assert short.note is not None
    assert "2021-05-04" in short.note
    assert "2021-04-05" in short.note
    assert moment(short.seconds[0]) == datetime(2021, 5, 4, 10)
    assert parse_stamps(["04/04/2021 10:00:00"]).note is None  # both readings are one


def test_times_of_day_count_midnights_by_the_counter() -> None:
    counter = np.array([0.0, 30.0, 86400.0 * 2])
    stamps = parse_stamps(["23:59:50", "00:00:20", "23:59:50"], counter, day=datetime(2021, 3, 4))
    assert moment(stamps.seconds[0]) == datetime(2021, 3, 4, 23, 59, 50)
    np.testing.assert_array_equal(stamps.seconds - stamps.seconds[0], counter)
    assert np.isnan(parse_stamps(["23:59:50"], counter[:1]).seconds).all()


# -- tables and archives ----------------------------------------------------------------------------------------------


def is_header(cells: list[str]) -> bool:
    return cells[:1] == ["a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2.5\n3,\n", [2.5, np.nan]),
        ("x\na\tb\n1\t1,234.5\n3\tN/A\n", [1234.5, np.nan]),
        ("a;b\n1;2,5\n3;-,5\n", [2.5, -0.5]),
        ('a,b\n1,"1,234.5"\n3,"2"\n', [1234.5, 2]),
        ("a,b,b\n1,2,9\n3,4,9\n", [2, 4]),
    ],
)
def test_numbers_of_every_habit(text: str, expected: list[float]) -> None:
    table = text_table(Path("t.csv"), text, is_header)
    np.testing.assert_array_equal(table.numbers("a"), [1, 3])
    np.testing.assert_array_equal(table.numbers("b"), expected)


def test_damaged_tables_are_refused_and_a_cut_last_row_is_dropped() -> None:
    path = Path("t.csv")
    table = text_table(path, "a,b\n1,2\n3", is_header)
    assert table.rows == 1
    assert "cut off" in table.warnings[0]
    for text, says in (
        ("b,c\n1,2\n", "none of its first"),
        ("a,b\n", "no rows"),
        ("a,b\n1\n2,3\n", "line 2 has 1 fields where 2"),
        ("a,b\n1", "no whole row"),
    ):
        with pytest.raises(UnreadableFile, match=says):
            text_table(path, text, is_header)
    with pytest.raises(UnreadableFile, match="'b' holds 'x'"):
        text_table(path, "a,b\n1,x\n", is_header).numbers("b")


def test_archives_that_declare_too_much_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.ndc", bytes(50_000_000))
    assert path.stat().st_size < 60_000
    with pytest.raises(UnreadableFile, match="declares to unpack to 50000000"):
        Archive(path)


def test_workbooks_read_as_openpyxl_reads_them(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "own.xlsx"
    path.write_bytes(arbin.arbin_xlsx())
    book = openpyxl.load_workbook(path, read_only=True)
    theirs = {s.title: [list(row) for row in s.iter_rows(values_only=True)] for s in book.worksheets}
    book.close()
    with Archive(path) as archive:
        ours = {name: sheet_rows(path, archive, part) for name, part in sheet_names(path, archive).items()}
    assert ours == theirs


def test_workbooks_written_by_openpyxl_are_read(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "theirs.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "a & b"
    book.active.append(["text", 1, 2.5, None, True, datetime(2020, 6, 17, 12)])
    book.active["AB3"] = "far"
    book.create_sheet("second")
    book.save(path)
    with Archive(path) as archive:
        names = sheet_names(path, archive)
        rows = sheet_rows(path, archive, names["a & b"])
    assert list(names) == ["a & b", "second"]
    assert rows[0] == ["text", 1.0, 2.5, None, 1.0, 43999.5]
    assert rows[1] == [*[None] * 27, "far"]


def test_hostile_sheets_are_refused(tmp_path: Path) -> None:
    for name, cell, says in (
        ("doctype", "<!DOCTYPE a [<!ENTITY b 'c'>]><worksheet/>", "document type"),
        ("far", '<worksheet><row><c r="ZZZZZZ1"><v>1</v></c></row></worksheet>', "outside the sheet"),
        ("text", '<worksheet><row><c r="A1" t="s"><v>9</v></c></row></worksheet>', "shared text 9"),
        ("cut", "<worksheet><row>", "damaged"),
    ):
        path = tmp_path / f"{name}.xlsx"
        parts = {"xl/worksheets/sheet1.xml": cell.encode(), "xl/workbook.xml": b"<workbook/>"}
        path.write_bytes(arbin.zipped(parts))
        with Archive(path) as archive, pytest.raises(UnreadableFile, match=says):
            sheet_rows(path, archive, "xl/worksheets/sheet1.xml")
