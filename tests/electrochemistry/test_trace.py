"""The trace type, its charge and gaps, and joining traces into one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from spectrode.electrochemistry.readers.registry import join_traces, read_trace
from spectrode.electrochemistry.trace import Trace, charge_from_current, gaps_between_parts
from spectrode.errors import ClockError, InvalidDataset, SpectrodeError, UnknownFormat, UnreadableFile

START = datetime(2024, 1, 10, 11, 0, 0)


def trace(time: Any, **fields: Any) -> Trace:
    time = np.asarray(time, dtype=float)
    fields = {"potential_v": np.zeros(time.size), "reference": "Li/Li+", "local_start": START} | fields
    return Trace(time_s=time, **fields)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"time_s": [0, 2, 1]}, "row 2 .* is before row 1"),
        ({"time_s": [0, np.nan, 1]}, "finite time"),
        ({"potential_v": [1.0, 2.0]}, r"potential_v must have one value a row \(3\)"),
        ({"current_ma": [1.0]}, "current_ma must have"),
        ({"columns": {"cycle": [1]}}, "column 'cycle' must have"),
        ({"started_at": START}, "must carry a time zone"),
        ({"local_start": START.replace(tzinfo=UTC)}, "must have no time zone"),
        ({"current_kind": "mean"}, "'mean' is not known"),
    ],
)
def test_a_trace_that_does_not_fit_together_is_refused(fields: dict[str, Any], says: str) -> None:
    whole = {"time_s": [0, 1, 2], "potential_v": [0.0, 0, 0]} | fields
    with pytest.raises(InvalidDataset, match=says):
        Trace(**whole)


def test_charge_rules_are_exact_for_their_kind() -> None:
    time = np.array([0, 1, 3, 7.0])
    ramp = time.copy()  # I = t mA, so that Q = t^2 / 2 mC
    np.testing.assert_allclose(charge_from_current(time, ramp, "instantaneous") * 3600, time**2 / 2)
    means = np.array([0, 0.5, 2.0, 5.0])  # means of the ramp over the interval that ends at the row
    np.testing.assert_allclose(charge_from_current(time, means, "interval_mean") * 3600, time**2 / 2)
    assert charge_from_current(np.zeros(0), np.zeros(0), "instantaneous").size == 0


def test_no_charge_is_counted_in_a_pause() -> None:
    paused = trace([0, 10, 1000, 1010], current_ma=np.full(4, 3.6), columns={"part": np.array([0, 0, 1, 1])})
    np.testing.assert_array_equal(paused.gaps, [False, True, False])
    assert paused.charge is not None
    np.testing.assert_allclose(paused.charge, [0, 0.01, 0.01, 0.02])


@pytest.mark.parametrize(("pause", "gap"), [(29.0, False), (31.0, True)])
def test_a_gap_is_three_sampling_intervals(pause: float, gap: bool) -> None:
    time = np.array([0, 1, 2, 2 + pause, 12 + pause, 22 + pause])
    np.testing.assert_array_equal(gaps_between_parts(time, np.array([0, 0, 0, 1, 1, 1])), [False, False, gap, 0, 0])
    assert not gaps_between_parts(time, np.zeros(6)).any()


def test_time_zones_and_the_hour_that_occurs_twice() -> None:
    plain = trace([0.0])
    assert plain.in_zone("Europe/Berlin").started_at == datetime(2024, 1, 10, 10, tzinfo=UTC)
    assert plain.in_zone("Europe/Berlin").in_zone("UTC").started_at == datetime(2024, 1, 10, 10, tzinfo=UTC)
    twice = trace([0.0], local_start=datetime(2024, 10, 27, 2, 30)).in_zone("Europe/Berlin")
    assert "occurs twice" in twice.warnings[0]


# -- joining --------------------------------------------------------------------------------------------------------


def test_joined_traces_are_in_time_order_and_carry_the_charge_on() -> None:
    a = trace([0, 10, 20], potential_v=[1, 2, 3], current_ma=[3.6] * 3, columns={"cycle": np.array([1, 1, 2])})
    b = trace(
        [5, 15],
        potential_v=[4, 5],
        current_ma=[-3.6] * 2,
        charge_mah=[7.0, 6.99],
        local_start=START + timedelta(seconds=20),
        columns={"extra": np.array([0.5, 0.25])},
    )
    joined = join_traces([b, a])
    np.testing.assert_array_equal(joined.time_s, [0, 10, 20, 25, 35])
    np.testing.assert_array_equal(joined.potential_v, [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(joined.columns["part"], [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(joined.columns["cycle"], [1, 1, 2, -1, -1])
    np.testing.assert_array_equal(joined.columns["extra"], [np.nan] * 3 + [0.5, 0.25])
    assert joined.charge is not None
    np.testing.assert_allclose(joined.charge, [0, 0.01, 0.02, 0.02, 0.01])
    assert joined.local_start == START


def test_passes_of_looped_techniques_interleave() -> None:
    a = trace([0, 1, 100, 101], potential_v=[1, 1, 1, 1], columns={"part": np.array([0, 0, 1, 1])})
    b = trace([2, 3, 102, 103], potential_v=[2, 2, 2, 2], columns={"part": np.array([0, 0, 1, 1])})
    joined = join_traces([a, b])
    np.testing.assert_array_equal(joined.time_s, [0, 1, 2, 3, 100, 101, 102, 103])
    np.testing.assert_array_equal(joined.potential_v, [1, 1, 2, 2, 1, 1, 2, 2])
    np.testing.assert_array_equal(joined.columns["part"], [0, 0, 1, 1, 2, 2, 3, 3])
    np.testing.assert_array_equal(np.flatnonzero(joined.gaps), [3])


def test_a_first_row_that_closes_an_interval_keeps_its_charge() -> None:
    a = trace([0, 10], current_ma=[3.6, 3.6], current_kind="interval_mean", charge_mah=[0, 0.01])
    b = trace([20, 30], current_ma=[3.6, 3.6], current_kind="interval_mean", charge_mah=[0.01, 0.02])
    assert join_traces([a, b]).charge is not None
    np.testing.assert_allclose(join_traces([a, b]).charge, [0, 0.01, 0.02, 0.03])  # type: ignore[arg-type]
    far = b.replace(charge_mah=[5.0, 5.01])  # ten seconds of 3.6 mA cannot have passed 5 mAh
    np.testing.assert_allclose(join_traces([a, far]).charge, [0, 0.01, 0.01, 0.02])  # type: ignore[arg-type]


def test_kinds_of_current_become_one_without_loss_of_charge() -> None:
    rng = np.random.default_rng(1)
    mean = trace(np.arange(5), current_ma=rng.normal(size=5), current_kind="interval_mean")
    point = trace(np.arange(5) + 5, current_ma=rng.normal(size=5), current_kind="instantaneous")
    joined = join_traces([mean, point])
    assert joined.current_kind == "interval_mean"
    assert any("were made means" in w for w in joined.warnings)
    again = charge_from_current(joined.time_s[5:], joined.current_ma[5:], "interval_mean")  # type: ignore[index]
    np.testing.assert_allclose(again, point.charge, rtol=1e-12)  # type: ignore[arg-type]


def test_open_circuit_keeps_the_charge() -> None:
    a = trace([0, 10], current_ma=[3.6, 3.6])
    joined = join_traces([a, trace([11, 12]), trace([13, 23], current_ma=[3.6, 3.6])])
    np.testing.assert_allclose(joined.charge, [0, 0.01, 0.01, 0.01, 0.01, 0.02])  # type: ignore[arg-type]
    assert joined.current_ma is not None
    assert np.isnan(joined.current_ma[2:4]).all()


def test_empty_traces_join_without_harm() -> None:
    empty = trace([], reference=None, local_start=START - timedelta(days=1))
    joined = join_traces([empty, trace([1, 2]), trace([3, 4])])
    assert joined.local_start == START
    assert len(joined) == 4
    assert len(join_traces([empty, empty])) == 0


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (trace([5, 15]), "overlap in time: trace 2 records from 5.0 s on, but trace 1 until 10.0 s"),
        (trace([11, 12], local_start=None), "1 of 2 potentiostat files have no absolute start .first: trace 2"),
        (trace([11, 12], reference="SHE"), r"do not agree on the reference electrode \(Li/Li\+, SHE\)"),
        (trace([11, 12], local_start=None, started_at=START.replace(tzinfo=UTC)), "trace 2 gives its start with a"),
    ],
)
def test_what_cannot_be_joined_says_why(other: Trace, says: str) -> None:
    with pytest.raises(ClockError, match=says):
        join_traces([trace([0, 10]), other])


def test_nothing_to_join() -> None:
    with pytest.raises(SpectrodeError, match="the list is empty"):
        join_traces([])
    one = trace([0, 1])
    assert join_traces([one]) is one


def test_the_registry_names_what_it_knows(tmp_path: Any) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"\0\1\2\3")
    with pytest.raises(UnknownFormat, match="eclab-mpt"):
        read_trace(path)
    with pytest.raises(UnknownFormat, match="no potentiostat reader 'x'"):
        read_trace(path, reader="x")
    with pytest.raises(UnreadableFile, match="does not exist"):
        read_trace(tmp_path / "none.mpt")


def test_a_reference_that_is_given_wins_with_a_warning(tmp_path: Any) -> None:
    path = tmp_path / "x.csv"
    path.write_text("time/s,E/V vs SCE\n0,1\n1,1\n")
    assert read_trace(path).reference == "SCE"
    given = read_trace(path, reference="RHE", timezone="UTC")
    assert given.reference == "RHE"
    assert "'RHE' was given and is used" in given.warnings[0]
    assert len(given.sources[0].sha256) == 64
    assert given.sources[0].role == "trace"
