"""Neware files: all versions on small files of our own, against NewareNDA and on measured files."""

from __future__ import annotations

import json
import random
import warnings as python_warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from builders import neware
from builders.damaged import cuts, flips
from builders.damaged_traces import survives
from spectrode.electrochemistry.readers import read_trace
from spectrode.electrochemistry.readers.registry import trace_reader_for
from spectrode.electrochemistry.trace import Trace, charge_from_current
from spectrode.errors import UnreadableFile

ELAPSED = np.array([0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12], dtype=float)
CURRENT = np.array([0.0] * 5 + [18] + [36] * 4 + [-36] + [-72] * 4)
CHARGE = np.array([0.0] * 5 + [0, 0.01, 0.02, 0.03, 0.04, 0.04, 0.02, 0, -0.02, -0.04])

Shared = Callable[[str], Path]


def written(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def close(trace: Trace, name: str, expected: object, within: float = 1e-6) -> None:
    np.testing.assert_allclose(trace.columns[name], expected, atol=within)


# -- files of our own -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", neware.every_version())
def test_every_version_gives_the_same_measurement(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, neware.every_version()[name])
    assert trace_reader_for(path).name == "neware"
    trace = read_trace(path)
    np.testing.assert_allclose(trace.time_s, ELAPSED, atol=1e-6)
    np.testing.assert_allclose(trace.potential_v, [row.volts for row in neware.rows()], atol=1e-6)
    assert trace.current_ma is not None
    np.testing.assert_allclose(trace.current_ma, CURRENT, atol=1e-5)
    assert trace.charge_mah is not None
    np.testing.assert_allclose(trace.charge_mah, CHARGE, atol=1e-6)
    close(trace, "T1/degC", np.full(15, 25.5))
    close(trace, "step", np.repeat([1, 2, 3], 5))
    close(trace, "step_index", np.repeat([1, 2, 3], 5))
    close(trace, "status", np.repeat([4, 1, 2], 5))
    close(trace, "charge energy/mWh", trace.columns["charge capacity/mAh"] * trace.potential_v, 1e-4)
    assert trace.vendor["status"] == {"1": "CC_Chg", "2": "CC_DChg", "4": "Rest"}
    if name == "90.nda":
        assert "cycle" not in trace.columns  # BTS 9.0 does not store it
    else:
        close(trace, "cycle", np.repeat([1, 1, 2], 5))
    start = datetime(2024, 7, 1, 10, 0, 0, 400000)
    if name in ("29.nda", "2.ndax", "5.ndax"):
        # The stamp is cut off to whole seconds and has no zone.
        assert trace.local_start == start.replace(microsecond=0)
        assert trace.started_at is None
    else:
        assert trace.started_at == start.replace(tzinfo=UTC)
        assert trace.local_start is None
    assert trace.reference is None
    assert trace.current_kind == "instantaneous"
    json.dumps(trace.vendor)


@pytest.mark.parametrize("name", neware.every_version())
def test_signs_the_missing_reference_and_untested_versions_are_told(tmp_path: Path, name: str) -> None:
    warnings = read_trace(written(tmp_path, name, neware.every_version()[name])).warnings
    assert sum("positive on charge" in w and "IUPAC" in w for w in warnings) == 1
    assert sum("cell voltage" in w and "reference=" in w for w in warnings) == 1
    assert sum("not on a measured file" in w for w in warnings) == (name in ("2.ndax", "5.ndax", "11.ndax", "90.nda"))
    assert sum("were taken as UTC" in w for w in warnings) == (name in ("90.nda", "91.nda"))
    assert not [w for w in warnings if "contradicts" in w or "clock" in w]


@pytest.mark.parametrize("name", neware.every_version())
def test_every_version_equals_what_newarenda_reads(tmp_path: Path, name: str) -> None:
    library = pytest.importorskip("NewareNDA")
    path = written(tmp_path, name, neware.every_version()[name])
    compared(read_trace(path), library, path)


def compared(trace: Trace, library: object, path: Path, *, index: bool = True) -> None:
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore")
        table = library.read(str(path), software_cycle_number=False, log_level="ERROR")  # type: ignore[attr-defined]
    assert len(table) == len(trace)
    # It keeps single precision.
    np.testing.assert_allclose(trace.potential_v, table["Voltage"], rtol=2e-7, atol=1e-7)
    np.testing.assert_allclose(trace.current_ma, table["Current(mA)"], rtol=2e-7, atol=1e-6)
    names = {"Charge_Capacity(mAh)": "charge capacity/mAh", "Discharge_Capacity(mAh)": "discharge capacity/mAh",
             "Charge_Energy(mWh)": "charge energy/mWh", "Discharge_Energy(mWh)": "discharge energy/mWh"}  # fmt: skip
    for theirs, ours in names.items():
        np.testing.assert_allclose(trace.columns[ours], table[theirs], rtol=3e-7, atol=1e-6)
    np.testing.assert_array_equal(trace.columns["step"], table["Step"])
    np.testing.assert_array_equal(trace.columns["step_index"], table["Step_Index"])
    known = trace.vendor["status"]
    assert [known[str(s)] for s in trace.columns["status"]] == list(table["Status"])
    if "cycle" in trace.columns:
        np.testing.assert_array_equal(trace.columns["cycle"], table["Cycle"])
    for name in ("T1", "T2"):
        if name in table and not table[name].isna().any():
            ours = trace.columns[f"{name}/degC"]
            np.testing.assert_allclose(ours, table[name], rtol=2e-7)


@pytest.mark.parametrize("version", [11, 14, 16, 17])
def test_rows_without_a_time_are_filled_by_the_stored_interval(tmp_path: Path, version: int) -> None:
    stored = [0, 1, 4, 5, 6, 9, 10, 11, 14]
    path = written(tmp_path, "a.ndax", neware.ndax(neware.rows(), version, stored=stored))
    trace = read_trace(path)
    np.testing.assert_allclose(trace.time_s, ELAPSED, atol=1e-6)
    assert trace.charge_mah is not None
    np.testing.assert_allclose(trace.charge_mah, CHARGE, atol=1e-6)
    assert [w for w in trace.warnings if w.startswith("6 rows have no time of their own")]
    assert not [w for w in trace.warnings if "are off by" in w]
    library = pytest.importorskip("NewareNDA")
    compared(trace, library, path)


def test_times_that_do_not_meet_the_next_stored_one_are_told(tmp_path: Path) -> None:
    recorded = neware.rows()
    recorded[1] = replace(recorded[1], interval_s=0.5)
    trace = read_trace(written(tmp_path, "a.ndax", neware.ndax(recorded, 17, stored=[0, 1, 4, 5, 6, 9, 10, 11, 14])))
    assert [w for w in trace.warnings if "off by up to 1 s" in w]


def test_a_row_of_exactly_zero_volts_stays(tmp_path: Path) -> None:
    recorded = neware.rows()
    recorded[7] = replace(recorded[7], volts=0.0)
    trace = read_trace(written(tmp_path, "a.ndax", neware.ndax(recorded, 17)))
    assert len(trace) == 15
    assert trace.potential_v[7] == 0
    library = pytest.importorskip("NewareNDA")
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore")
        assert len(library.read(str(tmp_path / "a.ndax"), log_level="ERROR")) == 14  # if it becomes 15, it was mended


def test_many_blocks_are_joined(tmp_path: Path) -> None:
    first = neware.rows()[0]
    recorded = [
        replace(first, step_time_s=k, clock=first.clock + timedelta(seconds=k), volts=3 + 1e-4 * k, interval_s=1.0)
        for k in range(1200)
    ]
    for version in (14, 17):
        stored = range(0, 1200, 10)
        trace = read_trace(written(tmp_path, "a.ndax", neware.ndax(recorded, version, stored=stored, celsius=30.0)))
        np.testing.assert_allclose(trace.time_s, np.arange(1200), atol=1e-6)
        np.testing.assert_allclose(trace.potential_v, 3 + 1e-4 * np.arange(1200), rtol=1e-7)
        close(trace, "T1/degC", np.full(1200, 30.0))


def test_pauses_begin_a_part_and_a_clock_set_back_does_not_turn_time_back(tmp_path: Path) -> None:
    recorded = [
        replace(row, clock=row.clock + timedelta(seconds=500 * (k >= 7) - 175 * (k >= 12)))
        for k, row in enumerate(neware.rows())
    ]
    begin = recorded[0].clock
    test_time = [replace(row, step_time_s=float(t)) for row, t in zip(recorded, ELAPSED, strict=True)]
    for name, content in (
        ("a.ndax", neware.ndax(recorded, 17)),
        ("b.nda", neware.nda90(test_time)),
        ("c.nda", neware.nda29([replace(r, clock=r.clock.replace(tzinfo=None)) for r in recorded])),
    ):
        trace = read_trace(written(tmp_path, name, content))
        np.testing.assert_allclose(trace.time_s, ELAPSED + 500 * (np.arange(15) >= 7), atol=1e-3)
        np.testing.assert_array_equal(trace.columns["part"], np.arange(15) >= 7)
        assert sum("paused" in w for w in trace.warnings) == 1
        assert sum("went back once (first by 175.0 s before row 12)" in w for w in trace.warnings) == 1
        assert (trace.started_at or trace.local_start).replace(tzinfo=None) == begin.replace(  # type: ignore[union-attr]
            tzinfo=None, microsecond=0 if name == "c.nda" else begin.microsecond
        )


def test_rows_that_occur_twice_are_kept_once(tmp_path: Path) -> None:
    recorded = [replace(row, clock=row.clock.replace(tzinfo=None)) for row in neware.rows()]
    trace = read_trace(written(tmp_path, "a.nda", neware.nda29(recorded, twice=True)))
    np.testing.assert_allclose(trace.time_s, ELAPSED)
    assert [w for w in trace.warnings if "15 rows occur twice" in w]


@pytest.mark.parametrize(("start", "hours"), [("2024-07-01 12:00:00", 2.0), ("2024-07-01 15:30:10", 5.5)])
def test_the_computers_offset_is_kept(tmp_path: Path, start: str, hours: float) -> None:
    trace = read_trace(written(tmp_path, "a.ndax", neware.ndax(neware.rows(), 17, start=start)))
    assert trace.vendor["computer_utc_offset_h"] == hours
    assert not [w for w in trace.warnings if "UTC" in w or "zone" in w]


def test_a_start_that_leaves_the_zone_open_is_told(tmp_path: Path) -> None:
    same = read_trace(written(tmp_path, "a.ndax", neware.ndax(neware.rows(), 17, start="2024-07-01 10:00:00")))
    assert [w for w in same.warnings if "were taken as UTC" in w]
    odd = read_trace(written(tmp_path, "b.ndax", neware.ndax(neware.rows(), 17, start="2024-07-01 12:07:30")))
    assert [w for w in odd.warnings if "does not fit" in w]


def test_test_information_is_kept_and_entities_are_not_expanded(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, "a.ndax", neware.ndax(neware.rows(), 17)))
    assert trace.vendor["test"]["Barcode"] == "电池"
    assert trace.vendor["ndc_version"] == 17
    hostile = read_trace(written(tmp_path, "b.ndax", neware.ndax(neware.rows(), 17, entities=True)))
    assert "test" not in hostile.vendor
    assert [w for w in hostile.warnings if "TestInfo.xml cannot be understood" in w]


def test_a_missing_footer_is_told(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, "a.nda", neware.nda91(neware.rows(), footer=False)))
    assert len(trace) == 15
    assert [w for w in trace.warnings if "no footer" in w]


# -- refused ----------------------------------------------------------------------------------------------------------


def naive() -> list[neware.Row]:
    return [replace(row, clock=row.clock.replace(tzinfo=None)) for row in neware.rows()]


def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path) -> None:
    whole = neware.ndax(neware.rows(), 17)
    bad_date = bytearray(neware.nda29(naive()))
    at = bad_date.index(b"\x55\0\x01\0\0\0")
    bad_date[at + 72] = 13
    version = bytearray(neware.nda29(naive()))
    version[14] = 8
    for content, says in (
        (bytes(version), "nda version 8; versions 29 and 130"),
        (neware.nda29(naive())[:3250], "no records"),
        (neware.nda29([]), "no records"),
        (neware.nda29(naive())[:900], "cut off"),
        (neware.nda29(naive(), current_range=77), r"ranges \[77\]"),
        (neware.nda29(naive(), current_range=0), r"ranges \[0\]"),
        (bytes(bad_date), "no possible date"),
        (whole[: len(whole) // 2], "not a whole zip archive"),
        (neware.zipped({"data.ndc": b""}), "no ndc part of kind 1"),
        (neware.zipped({"data.ndc": neware.part(1, 99, [bytes(8)])}), "ndc version 99"),
        (neware.zipped({"data.ndc": neware.part(1, 17, [bytes(8)])}), "no part data_runInfo.ndc"),
        (neware.zipped({"data.ndc": bytes(50_000_000)}), "declares to unpack"),
    ):
        path = written(tmp_path, "bad.ndax" if content.startswith(b"PK") else "bad.nda", content)
        with pytest.raises(UnreadableFile, match=says) as caught:
            read_trace(path, reader="neware")
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", neware.every_version())
def test_cut_off_files_are_read_or_refused(tmp_path: Path, name: str) -> None:
    content = neware.every_version()[name]
    path = tmp_path / name
    read = 0
    for made in cuts(content, 120):
        read += survives("neware", path, made)
    if name.endswith(".ndax"):
        assert read == 0  # the list of parts is at the end


@pytest.mark.parametrize("name", neware.every_version())
def test_flipped_bytes_are_read_or_refused(tmp_path: Path, name: str) -> None:
    for made in flips(neware.every_version()[name], 150):
        survives("neware", tmp_path / name, made)


@pytest.mark.parametrize("version", [11, 14, 16, 17])
def test_damage_inside_the_archive_is_survived(tmp_path: Path, version: int) -> None:
    """The archive's own check sums would stop most damage at the door: damage the parts and pack them anew."""
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(neware.ndax(neware.rows(), version, celsius=20.0))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    chance = random.Random(version)
    path = tmp_path / "a.ndax"
    outcomes = set()
    for _ in range(150):
        damaged = dict(parts)
        name = chance.choice(list(parts))
        made = bytearray(parts[name])
        low = 4096 if len(made) > 4096 and chance.random() < 0.8 else 0
        for _ in range(chance.randint(1, 3)):
            made[chance.randrange(low, min(len(made), low + 600))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
        damaged[name] = bytes(made) if chance.random() < 0.9 else bytes(made[: chance.randrange(len(made))])
        outcomes.add(survives("neware", path, neware.zipped(damaged)))
    assert outcomes == {True, False}


def test_files_without_an_ending_are_recognised(tmp_path: Path) -> None:
    for name, content in neware.every_version().items():
        path = written(tmp_path, name.replace(".", "_") + ".dat", content)
        assert trace_reader_for(path).name == "neware"


# -- measured files ---------------------------------------------------------------------------------------------------

MEASURED = (
    "123456789012_Unit27_Example_Data_File.ndax",
    "46_1_5_60_ZZZZZZZZTEST_20250924092922.ndax",
    "TESTCELL0001-B2-2025-M50T_NewareNDA_Investigation.ndax",
    "TESTCELL0001-Test_Data_Collection_Ndc17.ndax",
    "TestFile.nda",
    "ZZZZZZZZTEST.ndax",
    "new_nda_file.nda",
)


@pytest.mark.parametrize("name", MEASURED)
def test_measured_files_equal_what_newarenda_reads(shared_data: Shared, name: str) -> None:
    path = shared_data(f"echem/neware/{name}")
    library = pytest.importorskip("NewareNDA")
    compared(read_trace(path), library, path)


@pytest.mark.parametrize("name", MEASURED)
def test_the_charge_of_measured_files_is_the_integral_of_their_current(shared_data: Shared, name: str) -> None:
    trace = read_trace(shared_data(f"echem/neware/{name}"))
    assert trace.charge_mah is not None
    assert trace.current_ma is not None
    # Rows at the end of a step and the start of the next share a time; the current steps between them.
    integral = charge_from_current(trace.time_s, trace.current_ma, "interval_mean", trace.gaps)
    largest = max(float(np.ptp(trace.charge_mah)), 1e-9)
    assert np.max(np.abs(trace.charge_mah - integral)) < 0.01 * largest + 1e-6


def test_a_day_of_cycling_with_sparse_times(shared_data: Shared) -> None:
    trace = read_trace(shared_data("echem/neware/TESTCELL0001-B2-2025-M50T_NewareNDA_Investigation.ndax"))
    assert len(trace) == 77745
    # 13:18:44 British summer time on the computer's clock.
    assert trace.started_at == datetime(2025, 9, 25, 12, 18, 47, 675000, tzinfo=UTC)
    assert trace.vendor["computer_utc_offset_h"] == 1.0
    assert trace.time_s[-1] == pytest.approx(77704.2, abs=0.01)
    assert trace.columns["step"].max() == 32
    assert trace.columns["cycle"].max() == 7
    assert [w for w in trace.warnings if w.startswith("72431 rows have no time of their own")]
    assert not [w for w in trace.warnings if "are off by" in w or "clock" in w]
    discharge = trace.columns["step"] == 6
    assert trace.charge_mah is not None
    assert np.ptp(trace.charge_mah[discharge]) == pytest.approx(4717.545, abs=0.01)


def test_whole_seconds_are_refined_by_the_step_time(shared_data: Shared) -> None:
    trace = read_trace(shared_data("echem/neware/new_nda_file.nda"))
    assert len(trace) == 439
    assert trace.started_at is None
    assert trace.local_start == datetime(2020, 3, 25, 11, 16, 50, 400000)
    np.testing.assert_allclose(np.diff(trace.time_s[:51]), 0.1, atol=1e-9)
    np.testing.assert_allclose(trace.time_s[[50, 51, 52]], [5.0, 5.1, 5.6], atol=0.11)
    assert trace.vendor["active_mass_mg"] == 1.0


def test_a_clock_that_was_set_and_two_pauses(shared_data: Shared) -> None:
    trace = read_trace(shared_data("echem/neware/TestFile.nda"))
    assert len(trace) == 6670
    assert trace.started_at == datetime(2024, 5, 27, 8, 2, 53, 970000, tzinfo=UTC)
    assert np.all(np.diff(trace.time_s) >= 0)
    assert trace.columns["part"].max() == 2
    part = np.flatnonzero(np.diff(trace.columns["part"])) + 1
    assert part.tolist() == [2, 6623]
    assert [w for w in trace.warnings if "first by 175.0 s before row 4915" in w]
    assert trace.vendor["bts_version"] == "9.1.5.7.20240403.R5"


def test_reading_twice_gives_the_same_and_leaves_the_file_alone(shared_data: Shared) -> None:
    path = shared_data("echem/neware/TestFile.nda")
    before = path.read_bytes()
    one, two = read_trace(path), read_trace(path)
    np.testing.assert_array_equal(one.time_s, two.time_s)
    np.testing.assert_array_equal(one.potential_v, two.potential_v)
    assert one.warnings == two.warnings
    assert path.read_bytes() == before
