"""CH Instruments text: derived times, sign of the current, dates; a measured impedance file is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from vendor_damage import check_all, check_recognised

from builders import ch_instruments as chi
from spectrode.electrochemistry.readers import read_trace
from spectrode.electrochemistry.readers._instrument import english_date
from spectrode.electrochemistry.trace import Trace
from spectrode.errors import UnreadableFile


def read(tmp_path: Path, raw: bytes, **options: object) -> Trace:
    path = tmp_path / "a.txt"
    path.write_bytes(raw)
    return read_trace(path, **options)  # type: ignore[arg-type]


def test_a_voltammogram_gets_its_times_from_the_scan_rate(tmp_path: Path) -> None:
    trace = read(tmp_path, chi.file(), current_sign="anodic_positive")
    np.testing.assert_allclose(trace.time_s, [0, 0.1, 0.2, 0.4], rtol=1e-12)
    np.testing.assert_array_equal(trace.potential_v, [0.2, 0.199, 0.198, 0.2])
    np.testing.assert_allclose(trace.current_ma, [0.1, -0.2, 0, 0.4], rtol=1e-15)
    assert trace.local_start == datetime(2019, 3, 10, 12, 9, 40)
    assert (trace.technique, trace.instrument, trace.reference) == ("Cyclic Voltammetry", "CHI760E", None)
    assert trace.vendor["parameters"]["Init E (V)"] == "0.2"
    assert trace.warnings[0] == "the file has no times; they were derived from the scan rate of 0.01 V/s"
    assert "quiet time of 2 s before the first row" in trace.warnings[1]
    json.dumps(trace.vendor)


def test_the_sign_is_not_guessed(tmp_path: Path) -> None:
    trace = read(tmp_path, chi.file())
    np.testing.assert_allclose(trace.current_ma, [0.1, -0.2, 0, 0.4])
    assert "does not state whether its cathodic current" in trace.warnings[0]
    reversed_ = read(tmp_path, chi.file(), current_sign="cathodic_positive")
    np.testing.assert_allclose(reversed_.current_ma, [-0.1, 0.2, 0, -0.4])
    assert "was reversed to the IUPAC convention" in reversed_.warnings[0]


def test_a_bare_table_of_the_program(tmp_path: Path) -> None:
    raw = chi.file("Potential/V\tCurrent/A", ("0.1\t1e-3", "0.2\t2e-3"), date=None, header=False)
    trace = read(tmp_path, raw)
    np.testing.assert_allclose(trace.time_s, [0, 10])
    assert trace.local_start is None
    assert trace.warnings[-1] == "the file has no date, so the trace has no absolute start"


def test_two_working_electrodes(tmp_path: Path) -> None:
    trace = read(tmp_path, chi.file("Potential/V, i1/A, i2/A", ("0.2, 1e-3, 5e-6", "0.1, 2e-3, 6e-6")))
    np.testing.assert_allclose(trace.current_ma, [1, 2])
    np.testing.assert_array_equal(trace.columns["i2"], [5e-6, 6e-6])


def test_amperometry_has_the_potential_that_was_set(tmp_path: Path) -> None:
    trace = read(tmp_path, chi.examples()["it"], current_sign="anodic_positive")
    np.testing.assert_array_equal(trace.time_s, [0.1, 0.2])
    np.testing.assert_array_equal(trace.potential_v, [-0.75, -0.75])
    assert trace.warnings[0] == "the file has no potential; it is the one that was set, -0.75 V"
    other = chi.file("Time/s, Charge/C, Current/A", ("0, 0, 1e-3", "1, 3.6e-3, 1e-3"), technique="Bulk Electrolysis")
    trace = read(tmp_path, other, current_sign="cathodic_positive")
    assert np.isnan(trace.potential_v).all()
    assert "the file has no potential" in trace.warnings
    np.testing.assert_allclose(trace.charge_mah, [0, -1e-3])


def test_open_circuit(tmp_path: Path) -> None:
    raw = chi.file("Time/sec, Potential/V", ("0.1, 0.5", "0.2, 0.25"), technique="Open Circuit Potential - Time")
    trace = read(tmp_path, raw)
    np.testing.assert_array_equal(trace.potential_v, [0.5, 0.25])
    assert trace.current_ma is None
    assert not any("cathodic" in w for w in trace.warnings)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Feb. 20, 2020   15:55:08", datetime(2020, 2, 20, 15, 55, 8)),
        ("May 3, 2021   05:05:08", datetime(2021, 5, 3, 5, 5, 8)),
        ("Sept. 30, 2021   00:00:00", datetime(2021, 9, 30)),
        ("Thursday, July 19, 2018 12:40:30 AM", datetime(2018, 7, 19, 0, 40, 30)),
        ("Feb. 30, 2020   15:55:08", None),
        ("Xyz. 3, 2020   15:55:08", None),
        ("Feb. 3, 2020", None),
    ],
)
def test_dates(text: str, expected: datetime | None) -> None:
    assert english_date(text, text) == expected


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (chi.file("Freq/Hz, Z'/ohm", ("1, 2",)), "is an impedance file: it holds the columns Freq, Z'"),
        (chi.file(parameters={"Init E (V)": "0"}), "neither times nor a scan rate"),
        (chi.file(parameters={"Scan Rate (V/s)": "0"}), "scan rate must be above 0 V/s"),
        (chi.file(rows=("0.2, 1", "0.1", "0.2, 1")), "is no row of 2 numbers: '0.1'"),
        (chi.file(rows=("0.2, 1", "x, 1", "0.2, 1")), "is no row of 2 numbers: 'x, 1'"),
        (chi.file("Potential/V, Current/X"), "unit 'X' of the column 'Current'"),
        (chi.file("Something/V, Current/A"), "no line of column names"),
        (chi.file("Time/sec, Potential/V", ("2, 1", "1, 1")), "must not decrease"),
    ],
)
def test_what_is_wrong_is_said(raw: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=says):
        read(tmp_path, raw)


def test_a_scan_rate_can_be_given(tmp_path: Path) -> None:
    trace = read(tmp_path, chi.file(parameters={"Init E (V)": "0"}), scan_rate_v_s=0.1)
    np.testing.assert_allclose(trace.time_s, [0, 0.01, 0.02, 0.04])


def test_a_cut_row_is_left_out(tmp_path: Path) -> None:
    trace = read(tmp_path, chi.file().rstrip()[:-10])
    assert len(trace) == 3
    assert "the last row is cut off; 3 whole rows were read" in trace.warnings


def test_damage_is_refused_or_read(tmp_path: Path) -> None:
    seen = check_all(chi.examples(), "ch-instruments", tmp_path)
    assert min(seen.values()) > 20


def test_recognition(tmp_path: Path) -> None:
    check_recognised(chi.examples(), "ch-instruments", tmp_path)


def test_measured_impedance_is_refused_with_a_sentence(shared_data: Callable[[str], Path]) -> None:
    path = shared_data("echem/other/exampleDataCHInstruments.txt")
    with pytest.raises(UnreadableFile, match="is an impedance file: it holds the columns Freq, Z', Z"):
        read_trace(path)
    # Its date is the one of the format's description.
    assert english_date(first := path.read_text().splitlines()[0], first) == datetime(2020, 2, 20, 15, 55, 8)
