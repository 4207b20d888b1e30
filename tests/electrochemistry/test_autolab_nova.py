"""Nova exports in all separators and decimals; impedance is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from vendor_damage import check_all, check_recognised

from builders import autolab_nova as nova
from spectrode.electrochemistry.readers import read_trace
from spectrode.electrochemistry.trace import Trace
from spectrode.errors import UnreadableFile


def read(tmp_path: Path, raw: bytes) -> Trace:
    path = tmp_path / "a.txt"
    path.write_bytes(raw)
    return read_trace(path)


@pytest.mark.parametrize(("mark", "decimal"), [(";", "."), (";", ","), ("\t", "."), ("\t", ","), (",", ".")])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16"])
def test_an_export(mark: str, decimal: str, encoding: str, tmp_path: Path) -> None:
    trace = read(tmp_path, nova.file(mark=mark, decimal=decimal, encoding=encoding))
    np.testing.assert_array_equal(trace.time_s, [10.5, 11.5, 12.5])
    np.testing.assert_array_equal(trace.potential_v, [0.125, 0.25, 0.125])
    np.testing.assert_array_equal(trace.current_ma, [1, -2, 0])
    np.testing.assert_array_equal(trace.columns["cycle"], [1, 1, 2])
    np.testing.assert_array_equal(trace.columns["Potential applied"], [0.1, 0.2, 0.1])
    assert (trace.local_start, trace.started_at, trace.reference) == (None, None, None)
    assert trace.warnings == ()


def test_units_and_what_is_missing(tmp_path: Path) -> None:
    titles = ("Corrected time (s)", "WE(1).Current (µA)", "Potential applied (V)", "Charge (C)")
    trace = read(tmp_path, nova.file(titles, ((0.0, 1.5, 1.0, 0.0), (1.0, 2.0, 1.0, 3.6))))
    assert trace.current_ma is not None
    np.testing.assert_allclose(trace.current_ma, [1.5e-3, 2e-3])
    np.testing.assert_allclose(trace.charge_mah, [0, 1])
    assert trace.warnings == ("the potential is the one that was applied; the measured one is not in the file",)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (nova.examples()["z60w"], "is an impedance file"),
        (nova.file(("Index", "Frequency (Hz)", "Z' (Ω)", "-Z'' (Ω)"), ((1, 2, 3, 4),)), "is an impedance file"),
        (nova.file(("WE(1).Potential (V)", "WE(1).Current (A)"), ((1, 2),)), "has no time or no potential"),
        (nova.file(("Time (s)", "WE(1).Potential (kV)"), ((1, 2),)), "unit 'kV'"),
        (nova.file(rows=(nova.ROWS[1], nova.ROWS[0])), "must not decrease"),
        (nova.file(rows=(nova.ROWS[0], (1,), nova.ROWS[1])), "line 3 has 1 fields where 6 were expected"),
    ],
)
def test_what_is_wrong_is_said(raw: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=says):
        read(tmp_path, raw)


def test_a_cut_row_is_left_out(tmp_path: Path) -> None:
    trace = read(tmp_path, nova.file().rstrip()[:-10])
    assert len(trace) == 2
    assert trace.warnings == ("the last row is cut off; 2 whole rows were read",)


def test_damage_is_refused_or_read(tmp_path: Path) -> None:
    seen = check_all(nova.examples(), "autolab-nova", tmp_path)
    assert min(seen.values()) > 20


def test_recognition(tmp_path: Path) -> None:
    check_recognised(nova.examples(), "autolab-nova", tmp_path)


def test_the_measured_table_is_refused_with_a_sentence(shared_data: Callable[[str], Path]) -> None:
    path = shared_data("echem/other/exampleDataAutolab.txt")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with pytest.raises(UnreadableFile, match="is an impedance file: it holds frequencies and impedances"):
        read_trace(path)
