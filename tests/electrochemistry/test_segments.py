"""Half-cycles and sweep direction, against courses whose turns are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrode.electrochemistry.readers import read_trace
from spectrode.electrochemistry.segments import charge_of_each, find_segments, turning_points
from spectrode.electrochemistry.trace import Trace
from spectrode.errors import InvalidDataset


def trace(time: Any, potential: Any, **fields: Any) -> Trace:
    return Trace(time_s=np.asarray(time, dtype=float), potential_v=np.asarray(potential, dtype=float), **fields)


def triangle(time: np.ndarray, period: float) -> np.ndarray:
    """0 to 1 V and back, rising first."""
    return 1 - np.abs(2 * (time / period % 1) - 1)


# -- turning points -------------------------------------------------------------------------------------------------


def test_turning_points_of_a_zigzag() -> None:
    np.testing.assert_array_equal(turning_points([0, 1, 2, 3, 2, 1, 0, 1, 2], 0.5), [3, 6])
    np.testing.assert_array_equal(turning_points([0, 1, 2, 3, 2, 1, 0, 1, 2], 2.5), [3])
    np.testing.assert_array_equal(turning_points([0, 2, 2, 2, 0], 1), [1])
    np.testing.assert_array_equal(turning_points([3, 2, 1, 2, 1, 0], 1.5), [])
    for flat in ([], [1.0], [1.0, 1.0, 1.0], [0, 1.0]):
        assert turning_points(flat, 0.1).size == 0


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-5, 5, allow_nan=False, width=32), min_size=3, max_size=60), st.floats(0.01, 3))
def test_turning_points_alternate_and_do_not_depend_on_the_sign(values: list[float], threshold: float) -> None:
    y = np.array(values, dtype=float)
    turns = turning_points(y, threshold)
    np.testing.assert_array_equal(turning_points(-y, threshold), turns)
    corners = y[[0, *turns, y.size - 1]]
    steps = np.diff(corners[:-1])
    if steps.size > 1:
        assert np.all(np.abs(steps[1:]) > threshold)
        assert np.all(steps[1:] * steps[:-1] < 0)


# -- segments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.0, 0.002, 0.01])
def test_a_noisy_sweep_turns_only_where_it_turns(noise: float) -> None:
    time = np.arange(0, 400, 0.1)
    rng = np.random.default_rng(3)
    potential = triangle(time, 100) + rng.normal(0, noise, time.size)
    # The current of a sweep changes its sign where it likes; it must not cut.
    found = find_segments(trace(time, potential, current_ma=np.sin(time / 3)))
    assert found.source == "potential"
    assert found.segment.max() == 7
    begins = time[np.flatnonzero(np.diff(found.segment)) + 1]
    np.testing.assert_allclose(begins, np.arange(50, 400, 50), atol=0.11 + 100 * noise)
    expected = np.where(time % 100 <= 50, 1, -1)
    away = np.abs((time + 25) % 50 - 25) > 0.2 + 100 * noise
    np.testing.assert_array_equal(found.sweep[away], expected[away])
    assert found.half_cycle[-1] == 7
    assert (found.cycle[0], found.cycle[-1]) == (1, 4)


def test_a_row_at_the_vertex_belongs_to_the_sweep_that_reaches_it() -> None:
    found = find_segments(trace(np.arange(9), [0, 1, 2, 3, 4, 3, 2, 1, 0]))
    np.testing.assert_array_equal(found.sweep, [1, 1, 1, 1, 1, -1, -1, -1, -1])
    np.testing.assert_array_equal(found.segment, [0, 0, 0, 0, 0, 1, 1, 1, 1])


def test_galvanostatic_cycles_are_cut_by_the_sign_of_the_current() -> None:
    time = np.arange(0, 4000, 1.0)
    block = (time // 500).astype(int)
    sign = np.array([0, 1, 0, -1, 0, 1, 0, -1])[block]
    rng = np.random.default_rng(5)
    current = sign * 1.0 + rng.normal(0, 0.01, time.size)
    current[[700, 1700, 2100]] = [-1, 1, 1]  # single outliers are no half-cycles
    within = (time % 500) / 500
    charging = 3.4 + 0.3 * np.tanh(6 * (within - 0.9)) - 0.3 * np.exp(-20 * within)
    potential = np.where(sign == 1, charging, np.where(sign == -1, 6.8 - charging, 3.4))
    found = find_segments(trace(time, potential, current_ma=current))
    assert found.source == "current"
    np.testing.assert_array_equal(found.sweep, sign)
    np.testing.assert_array_equal(found.segment, block)
    # Rests stay with the half-cycle before them.
    np.testing.assert_array_equal(found.half_cycle[[0, 700, 1200, 1700, 2200, 2700, 3700]], [0, 0, 0, 1, 1, 2, 3])
    np.testing.assert_array_equal(found.cycle[[0, 700, 1700, 2700, 3999]], [1, 1, 1, 2, 2])


def test_the_instruments_numbers_are_preferred() -> None:
    given_half = np.repeat([0, 2, 3], [30, 50, 40])  # EC-Lab leaves numbers out
    current = np.repeat([0.0, 1.0, -1.0], [30, 50, 40])
    current[60] = -0.1
    columns = {"half_cycle": given_half, "cycle": np.repeat([0, 1], [30, 90]), "step": given_half + 5}
    time = np.arange(120.0)
    found = find_segments(trace(time, triangle(time, 40.0), current_ma=current, columns=columns))
    assert found.source == "instrument"
    np.testing.assert_array_equal(found.half_cycle, given_half)
    np.testing.assert_array_equal(found.segment, np.repeat([0, 1, 2], [30, 50, 40]))
    np.testing.assert_array_equal(found.sweep, np.repeat([0, 1, -1], [30, 50, 40]))
    np.testing.assert_array_equal(found.cycle, columns["cycle"])
    np.testing.assert_array_equal(found.step, given_half + 5)


def test_rest_is_rest() -> None:
    time = np.arange(100.0)
    drift = 3.2 + 1e-5 * time
    assert not find_segments(trace(time, drift)).sweep.any()
    assert not find_segments(trace(time, drift, current_ma=np.zeros(100))).sweep.any()
    assert not find_segments(trace(time, 0.02 * time, technique="Open Circuit Voltage")).sweep.any()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tiny_traces(n: int) -> None:
    found = find_segments(trace(np.arange(n), np.arange(n), current_ma=np.ones(n)))
    assert found.sweep.size == found.segment.size == found.cycle.size == n
    assert find_segments(trace(np.arange(n), np.full(n, np.nan))).sweep.tolist() == [0] * n


def test_rows_without_potential_do_not_matter() -> None:
    time = np.arange(0, 200, 1.0)
    potential = triangle(time, 100)
    potential[::7] = np.nan
    found = find_segments(trace(time, potential))
    assert found.segment.max() == 3
    np.testing.assert_array_equal(found.sweep[[20, 70, 120, 170, 199]], [1, -1, 1, -1, -1])


def test_charge_of_each_label() -> None:
    assert charge_of_each([5, 6, 8, 7, 7], [0, 0, 2, 3, 3]) == {0: 1, 2: 2, 3: -1}
    assert charge_of_each([], []) == {}
    with pytest.raises(InvalidDataset, match="one value a row each"):
        charge_of_each([1, 2], [1])


# -- measured files -------------------------------------------------------------------------------------------------


def test_turns_of_a_measured_cyclic_voltammogram(shared_data) -> None:  # type: ignore[no-untyped-def]
    cv = read_trace(shared_data("echem/biologic/Pt_poly_cv.mpt"))
    found = find_segments(cv)
    assert found.source == "potential"
    turns = cv.potential_v[np.flatnonzero(np.diff(found.segment))]
    # The file's settings turn at -0.030 and 1.600 V; the operator widened them to -0.050 and 1.700 V on the way.
    expected = [-0.03, 1.6, -0.03, 1.7, -0.05, 1.7, -0.05, 1.7, -0.05]
    np.testing.assert_allclose(turns, expected, atol=5e-4)
    # EC-Lab begins a new cycle at every second vertex.
    assert abs((turns.size + 1) // 2 - np.unique(cv.columns["cycle"]).size) <= 1


def test_half_cycles_that_were_not_stored_are_found_again(shared_data) -> None:  # type: ignore[no-untyped-def]
    cycled = read_trace(shared_data("echem/biologic/gcpl.issue_211.mpt"))
    blind = cycled.replace(columns={})
    found = find_segments(blind)
    mine = charge_of_each(cycled.charge, found.half_cycle)
    theirs = charge_of_each(cycled.charge, cycled.columns["half_cycle"])
    assert len(mine) == len(theirs) == 10
    np.testing.assert_allclose(list(mine.values()), list(theirs.values()), rtol=5e-3)
    agree = np.mean(find_segments(cycled).sweep == found.sweep)
    assert agree > 0.99
