from __future__ import annotations

import numpy as np
import pytest

from spectrode.errors import SpectrodeError
from spectrode.fluorescence import against_potential

N = 200
TIME = np.linspace(0, 1, N)
CYCLE = 3 + np.abs(2 * TIME - 1)  # 4 → 3 → 4 V
SIDE = np.where(TIME < 0.5, -1, 1)


def test_a_cycle_gives_back_the_slope_with_an_interval_that_holds() -> None:
    rng = np.random.default_rng(1040)
    held, held_adjusted = [], []
    for _ in range(200):
        y = 7 - 0.3 * CYCLE + 0.05 * rng.standard_normal(N)
        found = against_potential(y, CYCLE, SIDE, TIME)
        held += [s.slope_interval[0] < -0.3 < s.slope_interval[1] for s in found.sweeps]
        held_adjusted.append(found.slope_interval[0] < -0.3 < found.slope_interval[1])
    assert 0.90 <= np.mean(held) <= 0.99
    assert 0.90 <= np.mean(held_adjusted) <= 0.99


def test_drift_in_time_is_taken_out_where_a_return_sweep_allows_it() -> None:
    rng = np.random.default_rng(1041)
    y = 7 - 0.3 * CYCLE - 2 * TIME + 0.02 * rng.standard_normal(N)
    found = against_potential(y, CYCLE, SIDE, TIME)
    assert found.slope_interval[0] < -0.3 < found.slope_interval[1]
    assert found.vif == pytest.approx(1, abs=0.05)
    assert "not within a single direction" in found.statement
    # Within one direction the drift counts as potential: the directions contradict each other.
    assert found.sweeps[0].slope_per_v > 0.5
    assert found.sweeps[1].slope_per_v < -1


def test_a_single_sweep_is_not_separable() -> None:
    found = against_potential(2 - TIME, 3 + TIME, np.ones(N, dtype=int), TIME)
    assert found.vif > 1e6
    assert np.isnan(found.slope_per_v)
    assert "not separable" in found.statement


def test_deviations_that_follow_each_other_widen_the_interval() -> None:
    rng = np.random.default_rng(1042)
    white, red = [], []
    for _ in range(60):
        noise = rng.standard_normal(N)
        slow = np.convolve(rng.standard_normal(N + 20), np.ones(21) / np.sqrt(21), "valid")
        for y, widths in ((noise, white), (slow, red)):
            low, high = against_potential(y, CYCLE, SIDE, TIME).slope_interval
            widths.append(high - low)
    assert np.median(red) > 1.5 * np.median(white)


def test_bins_hold_means_and_standard_errors() -> None:
    v = np.repeat([3.0, 3.5, 4.0], 50)
    y = np.random.default_rng(1043).normal(2 * v, 0.1)
    (sweep,) = against_potential(y, v, bins=3).sweeps
    np.testing.assert_allclose(sweep.potential_v, [3, 3.5, 4])
    np.testing.assert_allclose(sweep.mean, [y[v == k].mean() for k in (3, 3.5, 4)])
    np.testing.assert_allclose(sweep.standard_error, [y[v == k].std(ddof=1) / np.sqrt(50) for k in (3, 3.5, 4)])
    np.testing.assert_array_equal(sweep.count, 50)


def test_nothing_to_go_by() -> None:
    assert "does not vary" in against_potential(np.ones(20), np.full(20, 3.0)).statement
    assert "without times" in against_potential(np.ones(20), np.linspace(3, 4, 20)).statement
    assert against_potential([], []).sweeps == ()
    with pytest.raises(SpectrodeError, match="equal length"):
        against_potential(np.ones(3), np.ones(4))
    with pytest.raises(SpectrodeError, match="at least one bin"):
        against_potential(np.ones(3), np.ones(3), bins=0)
