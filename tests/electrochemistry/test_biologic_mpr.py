"""BioLogic binary files: measured ones against their text exports, and the structure on small files of our own."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from vendor_damage import attempt, check_all, check_recognised

from builders import biologic_mpr as mpr
from spectrode.electrochemistry.readers import read_trace, read_traces
from spectrode.errors import UnreadableFile

TWINS = (
    "ca",
    "ca.issue_149",
    "cp",
    "cp.issue_149",
    "cv",
    "cva.issue_202",
    "gcpl.issue_149",
    "gcpl.issue_226.I",
    "gcpl.pr_182.1",
    "geis.issue_149",
    "lsv",
    "mb.issue_149",
    "ocv",
    "ocv.issue_149",
    "peis.issue_149",
    "vsp_ocv_with",
    "vsp_ocv_wo",
    "wait",
    "zir",
)
FLOAT32 = 2.0**-23


# -- measured files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TWINS)
def test_a_binary_file_equals_its_text_export(name: str, shared_data: Callable[[str], Path]) -> None:
    binary = read_trace(shared_data(f"echem/biologic/{name}.mpr"))
    text = read_trace(shared_data(f"echem/biologic/{name}.mpt"))
    assert len(binary) == len(text)
    assert binary.local_start == text.local_start
    assert binary.started_at is None
    assert binary.reference == text.reference
    assert binary.current_kind == text.current_kind
    if name not in ("gcpl.pr_182.1", "vsp_ocv_with"):  # their text has no header
        assert binary.technique == text.technique
    np.testing.assert_allclose(binary.time_s, text.time_s, rtol=1e-15)
    for quantity in ("potential_v", "current_ma", "charge_mah"):
        mine, theirs = getattr(binary, quantity), getattr(text, quantity)
        assert (mine is None) == (theirs is None), quantity
        if theirs is not None and len(text):
            # Single precision written with eight digits; what is derived adds up rounding.
            np.testing.assert_allclose(mine, theirs, rtol=FLOAT32, atol=FLOAT32 * np.max(np.abs(theirs)))
    for column in ("cycle", "half_cycle", "step", "part"):
        assert (column in binary.columns) == (column in text.columns), column
        if column in text.columns:
            np.testing.assert_array_equal(binary.columns[column], text.columns[column])


@pytest.mark.parametrize("name", [n for n in TWINS if n not in ("geis.issue_149", "peis.issue_149", "wait")])
def test_every_other_stored_column_is_in_the_export(name: str, shared_data: Callable[[str], Path]) -> None:
    binary = read_trace(shared_data(f"echem/biologic/{name}.mpr"))
    text = read_trace(shared_data(f"echem/biologic/{name}.mpt"))
    assert set(binary.columns) <= set(text.columns)
    for column, values in binary.columns.items():
        np.testing.assert_allclose(values, text.columns[column], rtol=FLOAT32, err_msg=column)


@pytest.mark.parametrize("name", ["geis.issue_149", "peis.issue_149"])
def test_impedance_columns_except_harmonics_that_the_export_leaves_out(
    name: str, shared_data: Callable[[str], Path]
) -> None:
    binary = read_trace(shared_data(f"echem/biologic/{name}.mpr"))
    text = read_trace(shared_data(f"echem/biologic/{name}.mpt"))
    for column, values in binary.columns.items():
        if column == "P/W":
            np.testing.assert_allclose(values, text.columns["Pwe/W"], rtol=FLOAT32)
            continue
        there = text.columns[column]
        shown = np.ones(len(text), dtype=bool)
        if column.startswith(("THD", "NSD", "NSR")):
            shown = there != -1
        elif " h" in column:
            shown = there != 0
        assert shown.sum() > 50
        np.testing.assert_allclose(values[shown], there[shown], rtol=FLOAT32, err_msg=column)


def test_the_chain_is_joined_like_its_text(shared_data: Callable[[str], Path]) -> None:
    techniques = ("ocv", "cp", "ca", "gcpl", "geis", "peis", "mb")
    joined = {
        kind: read_traces([shared_data(f"echem/biologic/{t}.issue_149.{kind}") for t in techniques])
        for kind in ("mpr", "mpt")
    }
    binary, text = joined["mpr"], joined["mpt"]
    assert binary.local_start == datetime(2024, 1, 10, 11, 2, 29, 886000)
    np.testing.assert_allclose(binary.time_s, text.time_s, rtol=1e-15)
    np.testing.assert_array_equal(binary.columns["part"], text.columns["part"])
    assert binary.charge is not None
    assert text.charge is not None
    np.testing.assert_allclose(binary.charge, text.charge, atol=1e-6 * np.max(np.abs(text.charge)))


def test_settings_and_log_are_kept(shared_data: Callable[[str], Path]) -> None:
    trace = read_trace(shared_data("echem/biologic/gcpl.issue_226.I.mpr"))
    settings, log = trace.vendor["settings"], trace.vendor["log"]
    assert settings["comments"] == "Test comment"
    assert settings["active_material_mass_mg"] == 1.39
    assert (settings["electrode_material"], settings["electrolyte"]) == ("Test material", "Test electrolyte")
    assert settings["initial_state"] == "Test state"
    assert settings["molecular_weight_g_mol"] == 310.15
    assert (log["channel"], log["channel_serial"], log["device_serial"]) == (2, 21643, "0858")
    assert log["ec_lab_version"] == "11.61"
    assert (log["ewe_control_min_v"], log["ewe_control_max_v"]) == (-2.5, 2.5)
    assert read_trace(shared_data("echem/biologic/lsv.mpr")).reference == ("SCE Saturated Calomel Electrode (0.241 V)")


@pytest.mark.parametrize(("name", "rows"), [("00_test_01_OCV_C01", 2), ("00_test_02_MB_C01", 11)])
def test_files_without_a_twin(name: str, rows: int, shared_data: Callable[[str], Path]) -> None:
    trace = read_trace(shared_data(f"echem/biologic/{name}.mpr"))
    assert len(trace) == rows
    assert trace.local_start is not None
    assert trace.local_start.year == 2023


def test_a_long_file(shared_data: Callable[[str], Path]) -> None:
    trace = read_trace(shared_data("echem/biologic/jdb11-1_c3_gcpl_5cycles_2V-3p8V_C-24_data_C09.mpr"))
    assert len(trace) == 46102
    assert trace.current_ma is not None
    assert trace.charge_mah is not None
    # The charge of the derived current is the instrument's own, up to the rounding of 46,000 steps (3e-7 mAh).
    passed = np.concatenate([[0.0], np.cumsum(trace.current_ma[1:] * np.diff(trace.time_s))]) / 3600
    moved = trace.charge_mah - trace.charge_mah[0]
    np.testing.assert_allclose(passed, moved, atol=1e-6 * np.ptp(trace.charge_mah))
    assert 1.9 < trace.potential_v.min() < 2.1
    assert 3.7 < trace.potential_v.max() < 3.9


# -- files of our own ---------------------------------------------------------------------------------------------


def write(path: Path, raw: bytes) -> Path:
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("layout", ["new", "0", "2", "3"])
def test_all_layouts_give_the_same(layout: str, tmp_path: Path) -> None:
    ids = (1, 2, 3, 21, 31, 65, 131, 4, 7, 13, 6, 39) if layout == "0" else mpr.GCPL_IDS
    values = [row[: len(ids) - 5] for row in mpr.GCPL]
    trace = read_trace(write(tmp_path / "a.mpr", mpr.file(mpr.rows(ids, values, layout=layout), layout=layout)))
    np.testing.assert_array_equal(trace.time_s, [10, 20, 30, 50])
    np.testing.assert_array_equal(trace.potential_v, [3.0, 3.25, 3.125, 3.5])
    assert trace.current_ma is not None
    np.testing.assert_allclose(trace.current_ma, [0, 3.6, -1.8, 3.6], rtol=1e-14)
    assert trace.current_kind == "interval_mean"
    np.testing.assert_array_equal(trace.charge_mah, [0, 0.01, 0.005, 0.025])
    np.testing.assert_array_equal(trace.columns["step"], [0, 1, 1, 2])
    np.testing.assert_array_equal(trace.columns["mode"], [3, 3, 3, 3])
    np.testing.assert_array_equal(trace.columns["ox/red"], [0, 1, 0, 0])
    np.testing.assert_array_equal(trace.columns["control changes"], [1, 1, 1, 1])
    np.testing.assert_array_equal(trace.columns["counter inc."], [0, 0, 0, 1])
    if layout != "0":
        np.testing.assert_array_equal(trace.columns["half_cycle"], [0, 0, 1, 2])
        np.testing.assert_array_equal(trace.columns["cycle"], [0, 0, 0, 1])
    assert trace.local_start == datetime(2024, 1, 10, 11, 2, 29, 886000)
    assert trace.technique == "Galvanostatic Cycling with Potential Limitation"
    assert trace.instrument == "SN 1854"
    assert trace.vendor["settings"]["comments"] == "cell 7, 25 °C"
    assert "<I>/mA" in trace.vendor["derived"]
    assert trace.warnings == ()
    json.dumps(trace.vendor, allow_nan=False)


def test_a_stored_current_is_not_derived(tmp_path: Path) -> None:
    data = mpr.rows((4, 6, 8, 7), [(0.0, 1.0, 2.5, 0.0), (1.0, 1.0, -2.5, 0.1)])
    trace = read_trace(write(tmp_path / "a.mpr", mpr.file(data)))
    assert trace.current_ma is not None
    np.testing.assert_array_equal(trace.current_ma, [2.5, -2.5])
    assert trace.current_kind == "instantaneous"
    assert trace.vendor["derived"] == {}


def test_a_charge_in_the_first_row_has_no_current(tmp_path: Path) -> None:
    data = mpr.rows((4, 6, 7), [(5.0, 1.0, 0.25), (6.0, 1.0, 0.001), (6.0, 1.0, 0.5)])
    trace = read_trace(write(tmp_path / "a.mpr", mpr.file(data)))
    assert trace.current_ma is not None
    np.testing.assert_allclose(trace.current_ma, [np.nan, 3.6, np.nan], rtol=1e-12)


def test_loops_become_parts(tmp_path: Path) -> None:
    trace = read_trace(write(tmp_path / "a.mpr", mpr.file(loops=(0, 2, 4))))
    np.testing.assert_array_equal(trace.columns["part"], [0, 0, 1, 1])
    trace = read_trace(write(tmp_path / "b.mpr", mpr.file(loops=(0, 2, 9))))
    assert "part" not in trace.columns
    assert "does not fit the 4 rows" in trace.warnings[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"with_log": False}, "has no log"), ({"start": 0.0}, "not a possible date"), ({"start": np.nan}, "possible")],
)
def test_no_start_is_invented(changes: dict[str, object], says: str, tmp_path: Path) -> None:
    trace = read_trace(write(tmp_path / "a.mpr", mpr.file(**changes)))  # type: ignore[arg-type]
    assert (trace.local_start, trace.started_at) == (None, None)
    assert says in trace.warnings[0]
    json.dumps(trace.vendor, allow_nan=False)


def test_the_reference_electrode_is_written_as_in_the_text_export(tmp_path: Path) -> None:
    raw = mpr.file(reference="Ag/AgCl / KCl (3M)", potential=0.21)
    assert read_trace(write(tmp_path / "a.mpr", raw)).reference == "Ag/AgCl / KCl (3M) (0.210 V)"
    assert read_trace(write(tmp_path / "b.mpr", mpr.file())).reference is None


def unknown(ids: tuple[int, ...], row: tuple[float, ...], kinds: dict[int, str]) -> bytes:
    return mpr.file(mpr.rows(ids, [row, row], widths={**mpr.WIDTHS, **kinds}))


def test_unknown_columns_are_left_out_and_named(tmp_path: Path) -> None:
    raw = unknown((1, 4, 6, 999, 5, 1000, 8), (3, 1.0, 3.25, 7, 0.5, 9.0, 2.5), {999: "H", 1000: "d"})
    trace = read_trace(write(tmp_path / "a.mpr", raw))
    np.testing.assert_array_equal(trace.potential_v, [3.25, 3.25])
    assert trace.current_ma is not None
    np.testing.assert_array_equal(trace.current_ma, [2.5, 2.5])
    assert "control/V/mA" not in trace.columns  # between two columns of unknown width
    assert trace.warnings == ("columns of unknown kind were left out: id 999, control/V/mA, id 1000",)


def test_a_time_between_unknown_columns_is_refused(tmp_path: Path) -> None:
    raw = unknown((999, 4, 6, 1000), (7, 1.0, 3.25, 9.0), {999: "H", 1000: "d"})
    with pytest.raises(UnreadableFile, match="unknown kind before the time or potential: id 999, time/s"):
        read_trace(write(tmp_path / "a.mpr", raw))


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (mpr.MAGIC + mpr.module("VMP Set", b"\4" * 40), "no data module; its modules are VMP Set"),
        (mpr.MAGIC, "no data module"),
        (mpr.MAGIC + b"MOBILE" * 20, "should have a module at byte 52"),
        (mpr.MAGIC + mpr.module("VMP data", b"x", length=0xFFFFFFF0), "is cut off: its module 'VMP data'"),
        (mpr.file(mpr.rows(mpr.GCPL_IDS, mpr.GCPL, count=3_000_000_000)), "rows do not fit"),
        (mpr.file(mpr.rows(mpr.GCPL_IDS, mpr.GCPL, count=3)), "rows do not fit|columns need"),
        (mpr.file(mpr.rows((6, 8), [(1.0, 2.0)])), "no column time/s"),
        (mpr.file(mpr.rows((4, 6), [(2.0, 1.0), (1.0, 1.0)])), "must not decrease"),
        (mpr.file(mpr.rows((4, 6), [(np.nan, 1.0)])), "row 1 has no possible time"),
        (mpr.file(mpr.rows((4, 6), [(-1.7e308, 1.0), (1.7e308, 1.0)])), "row 1 has no possible time"),
        (mpr.file(struct.pack("<IH", 4, 60000) + bytes(2000)), "60000 columns, which is not possible"),
        (mpr.file(mpr.rows(mpr.GCPL_IDS, mpr.GCPL, layout="3")[:300], layout="3"), "not possible"),
    ],
)
def test_what_is_wrong_is_said(raw: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=says):
        read_trace(write(tmp_path / "a.mpr", raw))


def test_a_file_cut_anywhere_but_between_modules_is_refused(tmp_path: Path) -> None:
    raw = mpr.file()
    log = raw.rindex(b"MODULE")
    for end in range(60, len(raw), 97):
        reason = attempt(raw[:end], tmp_path / "a.mpr", "biologic-mpr")
        assert reason is not None, end
    assert attempt(raw[:log], tmp_path / "a.mpr", "biologic-mpr") is None  # whole, but without a log


def test_damage_is_refused_or_read(tmp_path: Path) -> None:
    seen = check_all(mpr.examples(), "biologic-mpr", tmp_path)
    assert seen["refused"] > 100
    assert seen["read"] > 100  # flips in the long settings change no row


def test_recognition(tmp_path: Path) -> None:
    check_recognised(mpr.examples(), "biologic-mpr", tmp_path)
