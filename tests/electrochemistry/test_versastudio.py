"""VersaStudio files: sections, segments, dates; a measured one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from vendor_damage import check_all, check_recognised

from builders import versastudio as par
from spectrode.electrochemistry.readers import read_trace
from spectrode.electrochemistry.trace import Trace
from spectrode.errors import UnreadableFile


def read(tmp_path: Path, raw: bytes, **options: object) -> Trace:
    path = tmp_path / "a.par"
    path.write_bytes(raw)
    return read_trace(path, **options)  # type: ignore[arg-type]


def test_segments_are_joined(tmp_path: Path) -> None:
    trace = read(tmp_path, par.file(par.FIRST, par.SECOND), current_sign="anodic_positive")
    np.testing.assert_array_equal(trace.time_s, [0.5, 1.5, 2.5])
    np.testing.assert_array_equal(trace.potential_v, [0.125, 0.25, 0.5])
    np.testing.assert_array_equal(trace.current_ma, [1, -2, 4])
    np.testing.assert_array_equal(trace.columns["step"], [0, 0, 1])
    np.testing.assert_array_equal(trace.columns["ActionId"], [21, 21, 22])
    assert trace.reference == "Ag, AgCl / KCl (sat'd) (0.197 Volts)"
    assert trace.local_start == datetime(2018, 7, 19, 21, 40, 30)
    assert (trace.technique, trace.instrument) == ("Cyclic Voltammetry", "VersaSTAT4 -400")
    assert trace.warnings == ("the file does not say whether its date is that of the begin; it is taken so",)
    json.dumps(trace.vendor)


def test_the_sign_is_not_guessed(tmp_path: Path) -> None:
    trace = read(tmp_path, par.file(par.FIRST))
    np.testing.assert_array_equal(trace.current_ma, [1, -2])
    assert "does not state whether its cathodic current" in trace.warnings[0]
    np.testing.assert_array_equal(
        read(tmp_path, par.file(par.FIRST), current_sign="cathodic_positive").current_ma, [-1, 2]
    )


def test_no_reference_and_a_date_in_another_language(tmp_path: Path) -> None:
    trace = read(tmp_path, par.file(par.FIRST, reference="(unspecified) (0 Volts)", date="Donnerstag, 19. Juli 2018"))
    assert trace.reference is None
    assert trace.local_start is None
    assert "is not one in English; the trace has no absolute start" in trace.warnings[-1]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (par.file(), "has no segment"),
        (par.file(par.SECOND, par.FIRST), "do not follow each other in time"),
        (par.file(par.FIRST, columns="Segment #, Point #, E(V), I(A), Time, a, b, c, 0"), "lacks Elapsed Time"),
        (par.file(((0, 1),)), "row 1 of Segment1 has 2 fields where 8 were expected"),
        (par.file(par.FIRST[::-1]), "must not decrease"),
        (
            par.file(((1.0, 2.0),), columns="Frequency(Hz), Z Real"),
            "is an impedance file: it holds the columns Frequency",
        ),
    ],
)
def test_what_is_wrong_is_said(raw: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=says):
        read(tmp_path, raw)


def test_a_file_that_ends_within_a_segment(tmp_path: Path) -> None:
    raw = par.file(par.FIRST)
    trace = read(tmp_path, raw[: raw.rindex(b"-0.002")])
    assert len(trace) == 1
    assert trace.warnings[0] == "the file ends within its section Segment1; it seems cut off"


def test_damage_is_refused_or_read(tmp_path: Path) -> None:
    seen = check_all(par.examples(), "versastudio", tmp_path)
    assert min(seen.values()) > 20


def test_recognition(tmp_path: Path) -> None:
    check_recognised(par.examples(), "versastudio", tmp_path)


def test_a_measured_file(shared_data: Callable[[str], Path]) -> None:
    trace = read_trace(shared_data("echem/other/exampleDataVersaStudio.par"))
    assert len(trace) == 61
    assert (trace.time_s[0], trace.time_s[-1]) == (1.812, 1575.401)
    assert (trace.potential_v == 0).all()
    np.testing.assert_allclose(trace.current_ma, np.full(61, -3.282372e-3), rtol=1e-12)
    assert trace.columns["Frequency(Hz)"][1] == 77426.37
    assert trace.columns["Z Real"][-1] == 1516.313
    assert trace.local_start == datetime(2018, 7, 19, 9, 40, 30)
    assert (trace.technique, trace.instrument, trace.reference) == ("Potentiostatic EIS", "VersaSTAT4 -400", None)
    assert any("impedance" in w for w in trace.warnings)
