"""EC-Lab text files: the quirks on small files of our own, the facts on measured ones."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from spectrode.electrochemistry.readers import read_trace, read_traces
from spectrode.electrochemistry.readers.registry import trace_reader_for
from spectrode.electrochemistry.segments import charge_of_each
from spectrode.electrochemistry.trace import charge_from_current
from spectrode.errors import UnreadableFile

COLUMNS = ["mode", "time/s", "Ewe/V", "<I>/mA", "(Q-Qo)/mA.h", "half cycle", "cycle number", "Ns", "Analog IN 1/V"]
ROWS = [
    [1, 10.0, 3.0, 0.0, 0.0, 0, 0, 0, 1.25],
    [1, 20.0, 3.1, 3.6, 0.01, 0, 0, 0, 1.5],
    [1, 30.0, 3.0, -3.6, 0.0, 2, 1, 1, 1.75],
]


def mpt(
    path: Path,
    rows: list[list[float]] | None = None,
    *,
    columns: list[str] | None = None,
    stamp: str | None = "07/29/2020 10:31:01.250",
    extra: tuple[str, ...] = (),
    decimal: str = ".",
    encoding: str = "latin-1",
) -> Path:
    """Write a file as EC-Lab does: tabs at the end of the column line, none at the end of the file."""
    columns = COLUMNS if columns is None else columns
    rows = ROWS if rows is None else rows
    head = ["", "Galvanostatic Cycling with Potential Limitation", "", "Run on channel : 1 (SN 1)"]
    head += [f"Acquisition started on : {stamp}"] if stamp else []
    head += ["Device : SP-200 (SN 2)", "Electrode surface area : 0,001 cm²", *extra]
    head += ["Cycle Definition : Charge/Discharge alternance", f"{'Ns':<20}{'0':<20}{'1':<20}", ""]
    lines = ["EC-Lab ASCII FILE", f"Nb header lines : {len(head) + 3}          ", *head, "\t".join(columns) + "\t"]
    lines += ["\t".join(f"{v:.6E}" if isinstance(v, float) else str(v) for v in row) for row in rows]
    body = "\n".join(lines[len(head) + 3 :]).replace(".", decimal)
    text = "\n".join([*lines[: len(head) + 3], body]) if rows else "\n".join(lines) + "\n"
    path.write_bytes(text.encode(encoding))
    return path


# -- files of our own ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig"])
def test_all_parts_of_a_file_are_read(tmp_path: Path, decimal: str, encoding: str) -> None:
    path = mpt(tmp_path / "a.mpt", decimal=decimal, encoding=encoding)
    assert trace_reader_for(path).name == "eclab-mpt"
    trace = read_trace(path)
    np.testing.assert_array_equal(trace.time_s, [10, 20, 30])
    np.testing.assert_array_equal(trace.potential_v, [3.0, 3.1, 3.0])
    assert trace.current_ma is not None
    np.testing.assert_array_equal(trace.current_ma, [0, 3.6, -3.6])
    assert trace.current_kind == "interval_mean"
    assert trace.charge_mah is not None
    np.testing.assert_array_equal(trace.charge_mah, [0, 0.01, 0])
    for name, values in (("half_cycle", [0, 0, 2]), ("cycle", [0, 0, 1]), ("step", [0, 0, 1])):
        np.testing.assert_array_equal(trace.columns[name], values)
        assert trace.columns[name].dtype == np.int64
    np.testing.assert_array_equal(trace.columns["Analog IN 1/V"], [1.25, 1.5, 1.75])
    assert trace.local_start == datetime(2020, 7, 29, 10, 31, 1, 250000)
    assert trace.started_at is None
    assert trace.technique == "Galvanostatic Cycling with Potential Limitation"
    assert trace.instrument == "SP-200 (SN 2)"
    assert trace.vendor["settings"]["Ns"] == ["0", "1"]
    assert trace.vendor["header"]["Electrode surface area"] == "0,001 cm²"
    assert trace.warnings == ()
    json.dumps(trace.vendor)


def test_thousands_separators_are_not_decimals(tmp_path: Path) -> None:
    path = mpt(tmp_path / "a.mpt")
    raw = path.read_text("latin-1").replace("1.000000E+01", "1,234.5").replace("2.000000E+01", "1,235.5")
    path.write_text(raw.replace("3.000000E+01", "1,236.5"), encoding="latin-1")
    np.testing.assert_array_equal(read_trace(path).time_s, [1234.5, 1235.5, 1236.5])


def test_mixed_decimals_are_refused(tmp_path: Path) -> None:
    path = mpt(tmp_path / "a.mpt")
    path.write_text(path.read_text("latin-1").replace("1.000000E+01", "1,000000E+01"), encoding="latin-1")
    with pytest.raises(UnreadableFile, match="mix decimal points and decimal commas"):
        read_trace(path)


@pytest.mark.parametrize(
    ("stamp", "expected", "says"),
    [
        ("01/10/2024 11:02:29.886", datetime(2024, 1, 10, 11, 2, 29, 886000), "month first"),
        ("07/29/2020 10:31:01", datetime(2020, 7, 29, 10, 31, 1), None),
        ("05/05/2022 15:55:02", datetime(2022, 5, 5, 15, 55, 2), None),
        ("29.07.2020 10:31:01", datetime(2020, 7, 29, 10, 31, 1), "only be read day first"),
        ("2020-07-29 10:31:01,5", datetime(2020, 7, 29, 10, 31, 1, 500000), None),
        ("13/13/2020 10:31:01", None, "not a possible date"),
        ("yesterday", None, "not a date"),
        (None, None, None),
    ],
)
def test_the_start_is_month_first_and_never_invented(
    tmp_path: Path, stamp: str | None, expected: datetime | None, says: str | None
) -> None:
    trace = read_trace(mpt(tmp_path / "a.mpt", stamp=stamp))
    assert trace.local_start == expected
    assert trace.started_at is None
    if says is None:
        assert trace.warnings == ()
    else:
        assert len(trace.warnings) == 1
        assert says in trace.warnings[0]


def test_a_header_of_three_lines_gives_no_start(tmp_path: Path) -> None:
    path = tmp_path / "short.mpt"
    path.write_text("EC-Lab ASCII FILE\nNb header lines : 3\ntime/s\tEwe/V\tI/mA\n0\t0\t1\n1\t0,5\t1\n", "latin-1")
    trace = read_trace(path)
    assert (trace.local_start, trace.started_at, trace.reference, trace.technique) == (None, None, None, None)
    np.testing.assert_array_equal(trace.potential_v, [0, 0.5])
    assert trace.current_kind == "instantaneous"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ag/AgCl / KCl (3M) (0.210 V)", "Ag/AgCl / KCl (3M) (0.210 V)"),
        ("(unspecified)", None),
        ("", None),
    ],
)
def test_the_reference_electrode_is_the_one_named(tmp_path: Path, text: str, expected: str | None) -> None:
    assert read_trace(mpt(tmp_path / "a.mpt", extra=(f"Reference electrode : {text}",))).reference == expected


def test_a_cell_voltage_has_no_reference_and_says_so(tmp_path: Path) -> None:
    columns = ["time/s", "Ecell/V", "I/mA"]
    path = mpt(tmp_path / "a.mpt", [[0.0, 3.5, 1.0]], columns=columns, extra=("Reference electrode : SCE",))
    trace = read_trace(path)
    assert trace.reference is None
    assert "Ecell/V: working versus counter" in trace.warnings[0]
    assert trace.vendor["potential_column"] == "Ecell/V"
    assert read_trace(path, reference="Li/Li+").reference == "Li/Li+"


@pytest.mark.parametrize(("name", "factor"), [("I/A", 1e3), ("<I>/µA", 1e-3), ("I/nA", 1e-6)])
def test_units_of_the_current(tmp_path: Path, name: str, factor: float) -> None:
    trace = read_trace(mpt(tmp_path / "a.mpt", [[0.0, 1.0, 2.0]], columns=["time/s", "Ewe/V", name]))
    assert trace.current_ma is not None
    assert trace.current_ma[0] == pytest.approx(2 * factor, rel=1e-12)


def test_charge_without_a_current(tmp_path: Path) -> None:
    columns = ["time/s", "Ewe/V", "dq/mA.h"]
    trace = read_trace(mpt(tmp_path / "a.mpt", [[0.0, 1.0, 0.0], [1.0, 1.0, 0.5], [2.0, 1.0, 0.25]], columns=columns))
    assert trace.current_ma is None
    assert trace.charge is not None
    np.testing.assert_array_equal(trace.charge, [0, 0.5, 0.75])
    columns[2] = "(Q-Qo)/C"
    trace = read_trace(mpt(tmp_path / "b.mpt", [[0.0, 1.0, 0.0], [1.0, 1.0, 3.6]], columns=columns))
    assert trace.charge is not None
    np.testing.assert_allclose(trace.charge, [0, 1.0], rtol=1e-15)


def test_passes_of_a_loop_become_parts_and_their_charge_runs_on(tmp_path: Path) -> None:
    columns = ["time/s", "Ewe/V", "<I>/mA", "(Q-Qo)/mA.h"]
    rows = [[0.0, 1.0, 3.6, 0.0], [10.0, 1.0, 3.6, 0.01], [200.0, 1.0, 3.6, 0.002], [210.0, 1.0, 3.6, 0.012]]
    loops = ("Number of loops : 2", "Loop 0 from point number 0 to 1", "Loop 1 from point number 2 to 3")
    trace = read_trace(mpt(tmp_path / "a.mpt", rows, columns=columns, extra=loops))
    np.testing.assert_array_equal(trace.columns["part"], [0, 0, 1, 1])
    np.testing.assert_array_equal(trace.gaps, [False, True, False])
    assert trace.charge is not None
    np.testing.assert_allclose(trace.charge, [0, 0.01, 0.012, 0.022], rtol=1e-12)
    wrong = ("Loop 0 from point number 0 to 1", "Loop 1 from point number 2 to 9")
    trace = read_trace(mpt(tmp_path / "b.mpt", rows, columns=columns, extra=wrong))
    assert "part" not in trace.columns
    assert "does not fit the 4 rows" in trace.warnings[0]


def test_no_rows_are_an_empty_trace_with_a_warning(tmp_path: Path) -> None:
    trace = read_trace(mpt(tmp_path / "a.mpt", []))
    assert len(trace) == 0
    assert trace.warnings == ("the file has a header but no rows",)


def test_a_value_that_is_not_there_is_nan(tmp_path: Path) -> None:
    path = mpt(tmp_path / "a.mpt")
    path.write_text(path.read_text("latin-1").replace("3.100000E+00", "XXX"), encoding="latin-1")
    np.testing.assert_array_equal(read_trace(path).potential_v, [3.0, np.nan, 3.0])


def test_absolute_times_in_the_rows(tmp_path: Path) -> None:
    rows = [["07/29/2020 10:31:02.2500", 1.0], ["07/29/2020 10:31:04.7500", 2.0]]
    trace = read_trace(mpt(tmp_path / "a.mpt", rows, columns=["time/s", "Ewe/V"]))
    assert trace.local_start == datetime(2020, 7, 29, 10, 31, 1, 250000)
    np.testing.assert_allclose(trace.time_s, [1.0, 3.5])


def test_times_relative_to_the_technique_are_noticed(tmp_path: Path) -> None:
    trace = read_trace(mpt(tmp_path / "a.mpt", extra=("Technique started on : 07/29/2020 11:31:01.250",)))
    assert "may have been exported relative to the technique" in trace.warnings[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t[:60], "header should have"),
        (lambda t: t.replace("Nb header lines", "Nb lines"), "how many header lines"),
        (lambda t: t.replace("time/s", "tempo/s"), "time/s among them"),
        (lambda t: t.replace("2.000000E+01\t", ""), "row 2 .* has 8 fields where 9"),
        (lambda t: t.replace("2.000000E+01", "2.000000E+00"), "must not decrease"),
        (lambda t: t.replace("2.000000E+01", "XXX"), "row 2 has no time"),
    ],
)
def test_damage_is_one_sentence(tmp_path: Path, change, reason: str) -> None:  # type: ignore[no-untyped-def]
    path = mpt(tmp_path / "a.mpt")
    path.write_text(change(path.read_text("latin-1")), encoding="latin-1")
    with pytest.raises(UnreadableFile, match=reason) as caught:
        read_trace(path)
    assert "\n" not in str(caught.value)


def test_a_last_row_that_is_cut_off_is_left_out(tmp_path: Path) -> None:
    path = mpt(tmp_path / "a.mpt")
    path.write_text(path.read_text("latin-1")[:-40], encoding="latin-1")
    trace = read_trace(path)
    assert len(trace) == 2
    assert "2 whole rows" in trace.warnings[0]


# -- measured files -----------------------------------------------------------------------------------------------


def _ranges(trace, quadrature: str) -> float:  # type: ignore[no-untyped-def]
    """Largest deviation of an integrated current from the instrument's own charge, as a share of its span."""
    own = trace.charge_mah - trace.charge_mah[0]
    mine = charge_from_current(trace.time_s, trace.current_ma, quadrature)
    return float(np.abs(mine - own).max() / np.ptp(own))


A13 = {0: -3.25196, 2: 2.616072, 3: -2.252434, 4: 2.092633, 5: -2.119512, 6: 1.988163, 7: -2.088278, 8: 1.978895}
A14 = {0: 0.057506, 1: -0.053389, 2: 0.053827, 3: -0.053862, 4: 0.05397, 5: -0.05396, 6: 0.054046, 7: -0.054041}
A15 = {0: -5.464609, 2: 5.452106}


def test_a13_right_rule_is_exact_for_a_mean_current(shared_data) -> None:  # type: ignore[no-untyped-def]
    trace = read_trace(shared_data("echem/biologic/gcpl.pr_182.1.mpt"))
    assert (len(trace), round(trace.time_s[-1])) == (2533, 302519)
    assert trace.current_kind == "interval_mean"
    assert _ranges(trace, "interval_mean") < 1e-9
    assert _ranges(trace, "instantaneous") == pytest.approx(0.006005, abs=1e-6)
    integrated = trace.replace(charge_mah=None).charge
    assert integrated[-1] == pytest.approx(-1.036422, abs=5e-7)
    for charge in (trace.charge, integrated):
        found = charge_of_each(charge, trace.columns["half_cycle"])
        assert list(found) == list(A13)
        np.testing.assert_allclose(list(found.values()), list(A13.values()), atol=6e-7)


def test_a14(shared_data) -> None:  # type: ignore[no-untyped-def]
    trace = read_trace(shared_data("echem/biologic/gcpl.issue_211.mpt"))
    assert (len(trace), round(np.ptp(trace.time_s))) == (2767, 28740)
    assert _ranges(trace, "interval_mean") < 1e-9
    assert _ranges(trace, "instantaneous") == pytest.approx(1.9e-5, abs=5e-7)
    found = charge_of_each(trace.replace(charge_mah=None).charge, trace.columns["half_cycle"])
    assert list(found) == list(range(10))
    np.testing.assert_allclose([found[k] for k in A14], list(A14.values()), atol=6e-7)


def test_a15_trapezoid_for_an_instantaneous_current(shared_data) -> None:  # type: ignore[no-untyped-def]
    trace = read_trace(shared_data("echem/biologic/bcd.issue_241.mpt"))
    assert trace.current_kind == "instantaneous"
    assert _ranges(trace, "instantaneous") == pytest.approx(0.000445, abs=1e-6)  # the gate is 0.001
    assert _ranges(trace, "interval_mean") == pytest.approx(0.00123, abs=5e-6)
    found = charge_of_each(trace.charge, trace.columns["half_cycle"])
    assert list(found) == list(A15)
    np.testing.assert_allclose(list(found.values()), list(A15.values()), atol=6e-7)


def test_a_cyclic_voltammogram(shared_data) -> None:  # type: ignore[no-untyped-def]
    trace = read_trace(shared_data("echem/biologic/Pt_poly_cv.mpt"))
    assert len(trace) == 4473
    assert trace.potential_v.min() == pytest.approx(-0.05, abs=0.005)
    assert trace.potential_v.max() == pytest.approx(1.70, abs=0.005)
    assert trace.local_start == datetime(2020, 7, 29, 10, 31, 1)
    assert trace.technique == "Cyclic Voltammetry Advanced"


def test_decimal_commas(shared_data) -> None:  # type: ignore[no-untyped-def]
    trace = read_trace(shared_data("echem/biologic/mb.issue_95.de.mpt"))
    assert len(trace) == 33
    assert (trace.time_s[0], trace.time_s[-1]) == (0, pytest.approx(30, abs=0.01))
    assert trace.potential_v[0] == pytest.approx(2.3278546, abs=1e-7)
    assert trace.local_start == datetime(2022, 12, 8, 14, 36, 53, 355000)
    assert any("month first" in w for w in trace.warnings)


FIRST_TIMES = {"ocv": 1.0, "cp": 11.0, "ca": 20.65, "gcpl": 30.15, "geis": 61.5, "peis": 80.3, "mb": 95.8}


@pytest.mark.parametrize("technique", FIRST_TIMES)
def test_a_chain_has_one_stamp_and_its_own_clock(shared_data, technique: str) -> None:  # type: ignore[no-untyped-def]
    trace = read_trace(shared_data(f"echem/biologic/{technique}.issue_149.mpt"))
    assert trace.local_start == datetime(2024, 1, 10, 11, 2, 29, 886000)
    assert trace.time_s[0] == pytest.approx(FIRST_TIMES[technique], abs=0.05)


def test_a_looped_chain_joins_in_the_order_in_which_it_ran(shared_data) -> None:  # type: ignore[no-untyped-def]
    paths = [shared_data(f"echem/biologic/{name}.issue_149.mpt") for name in FIRST_TIMES]
    trace = read_traces(paths[::-1])
    assert len(trace) == sum(len(read_trace(p)) for p in paths)
    assert trace.local_start == datetime(2024, 1, 10, 11, 2, 29, 886000)
    assert np.all(np.diff(trace.time_s) >= 0)
    # Six techniques in four passes, and Modulo Bat with five inner loops in each.
    assert trace.columns["part"].max() + 1 == 6 * 4 + 20
    assert trace.charge is not None
    # The charge of cp is 0.2 mC a pass: 20 µA for 10 s. Nothing is counted in the pauses.
    cp = read_trace(paths[1])
    assert cp.charge[-1] * 3.6 == pytest.approx(4 * 2.0008e-4, rel=1e-3)


def test_chains_of_techniques_join(shared_data) -> None:  # type: ignore[no-untyped-def]
    names = ["01_PEIS", "02_CVA", "03_CP", "04_CP", "05_CA", "06_CA", "07_ZIR", "08_CVA"]
    paths = [shared_data(f"echem/biologic_chain/multiple_techniques_dataset_01_{n}_C01.mpt") for n in names]
    trace = read_traces(paths)
    assert trace.local_start == datetime(2022, 5, 5, 15, 55, 2)
    assert len(trace) == 31 + 2572 + 31 + 21 + 204 + 234 + 0 + 2295
    assert (trace.time_s[0], trace.time_s[-1]) == (pytest.approx(1.311, abs=1e-3), pytest.approx(1426.767, abs=1e-3))
    assert len(trace.sources) == 8
    assert trace.current_kind == "interval_mean"
    assert any("instantaneous" in w for w in trace.warnings)
    names = ["01_OCV", "02_CVA", "03_CP", "05_PEIS"]
    paths = [shared_data(f"echem/biologic_chain/dataset_with_loop_01_{n}_DUSB0_C01.mpt") for n in names]
    trace = read_traces(paths)
    # Seconds at which the chain changes its technique: CVA, CP, CVA, CP, PEIS.
    changes = trace.time_s[1:][np.diff(trace.columns["part"]) > 0]
    np.testing.assert_allclose(changes, [11.0, 51.1, 62.1, 102.2, 115.0], atol=0.06)


def test_no_rows(shared_data) -> None:  # type: ignore[no-untyped-def]
    trace = read_trace(shared_data("echem/biologic/wait.mpt"))
    assert len(trace) == 0
    assert trace.reference == "SCE Saturated Calomel Electrode (0.241 V)"
    assert trace.local_start == datetime(2021, 3, 2, 16, 17, 59)


def test_every_measured_file_reads_and_none_is_from_1970(shared_data) -> None:  # type: ignore[no-untyped-def]
    folders = [shared_data("echem/biologic"), shared_data("echem/biologic_chain")]
    paths = sorted(p for folder in folders for p in folder.glob("*.mpt"))
    assert len(paths) >= 30
    without = set()
    for path in paths:
        trace = read_trace(path, reference="Li/Li+", timezone="Europe/Berlin")
        if trace.started_at is None:
            without.add(path.name)
        else:
            assert trace.started_at.year >= 2018, path
        assert np.isfinite(trace.potential_v).all(), path
    assert without == {"gcpl.pr_182.1.mpt", "vsp_ocv_with.mpt"}
