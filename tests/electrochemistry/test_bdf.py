"""Battery Data Format: labels, machine names, signs, starts, damage."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from builders import bdf
from builders.damaged import cuts, flips
from builders.damaged_traces import survives
from spectrode.electrochemistry.readers import read_trace
from spectrode.electrochemistry.readers.registry import trace_reader_for
from spectrode.errors import UnreadableFile


def written(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["all.bdf", "machine.bdf", "packed.bdf.gz"])
def test_all_spellings_give_the_same(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, bdf.examples()[name])
    assert trace_reader_for(path).name == "bdf"
    trace = read_trace(path)
    np.testing.assert_array_equal(trace.time_s, [0, 1800, 3600, 5400, 7200])
    np.testing.assert_array_equal(trace.potential_v, [3, 3.5, 4, 3.5, 3])
    np.testing.assert_array_equal(trace.current_ma, [1000, 1000, 1000, -2000, -2000])
    np.testing.assert_allclose(trace.charge_mah, [0, 500, 1000, 0, -1000])
    np.testing.assert_array_equal(trace.columns["cycle"], [1, 1, 1, 2, 2])
    np.testing.assert_array_equal(trace.columns["step"], [1, 1, 1, 2, 2])
    assert trace.columns["step"].dtype == np.int64
    assert trace.started_at == datetime.fromtimestamp(1700000000.25, UTC)
    assert trace.local_start is None
    assert trace.reference is None
    assert len(trace.warnings) == 2
    assert "positive on charge" in trace.warnings[0]
    assert "cell voltage" in trace.warnings[1]
    json.dumps(trace.vendor)


def test_the_least_that_is_allowed_has_no_start(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, "a.csv", bdf.examples()["least.csv"]))
    assert trace.started_at is None
    assert trace.local_start is None
    assert trace.charge_mah is None
    assert trace.charge is not None
    assert trace.charge[-1] == pytest.approx(500 + 500 - 250 - 1000)  # trapezoids


def test_a_current_against_its_own_capacities_is_turned_and_told(tmp_path: Path) -> None:
    rows = [(*r[:5], -r[5], *r[6:]) for r in bdf.ROWS]
    trace = read_trace(written(tmp_path, "a.bdf", bdf.bdf(rows=rows)))
    np.testing.assert_array_equal(trace.current_ma, [1000, 1000, 1000, -2000, -2000])
    assert "its sign was changed" in trace.warnings[0]


def test_net_capacity_is_the_charge(tmp_path: Path) -> None:
    text = "Test Time / s,Voltage / V,Current / A,Net Capacity / Ah\n0,3,1,0.1\n10,3,1,0.2\n"
    trace = read_trace(written(tmp_path, "a.bdf.csv", text.encode()))
    np.testing.assert_allclose(trace.charge_mah, [100, 200])


def test_a_pause_is_a_part(tmp_path: Path) -> None:
    rows = [(r[0], r[1] + 900 * (k >= 3), *r[2:]) for k, r in enumerate(bdf.ROWS)]
    trace = read_trace(written(tmp_path, "a.bdf", bdf.bdf(rows=rows)))
    np.testing.assert_allclose(trace.time_s, [0, 1800, 3600, 6300, 8100])
    np.testing.assert_array_equal(trace.columns["part"], [0, 0, 0, 1, 1])
    assert [w for w in trace.warnings if "paused" in w]


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    whole = bdf.bdf().decode()
    packed = bdf.examples()["packed.bdf.gz"]
    for content, says in (
        (whole.replace("3.5", "x", 1).encode(), "holds 'x', which is not a number"),
        (whole.replace("\n3600,", "\n36,", 1).encode(), r"row 3 \(36 s\) is before"),
        (whole.replace("\n3600,", "\n,", 1).encode(), "row 3 has no time"),
        (whole.split("\n")[0].encode(), "no rows"),
        (whole.replace("Current / A", "Current / mA").encode(), "none of its first"),
        (packed[:-12], "cut off"),
        (gzip.compress(whole.encode() + b" " * 30_000_000), "unpacks to more"),
    ):
        with pytest.raises(UnreadableFile, match=says):
            read_trace(written(tmp_path, "bad.bdf", content), reader="bdf")


def test_neighbours_are_not_claimed(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", b"time/s,Voltage(V),Current(A)\n0,1,2\n1,1,2\n")
    assert trace_reader_for(path).name == "delimited-trace"


def test_damage_is_survived(tmp_path: Path) -> None:
    for name, content in bdf.examples().items():
        read = [survives("bdf", tmp_path / name, made) for made in (*cuts(content, 60), *flips(content, 120))]
        assert any(read) or name.endswith((".xlsx", ".gz"))
        assert not all(read)
