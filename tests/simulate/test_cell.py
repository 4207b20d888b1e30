"""Potential programme, coverage and current, against closed forms and conservation of charge."""

from __future__ import annotations

import numpy as np
import pytest

from spectrode.simulate.cell import coverage, current_ma, programme
from spectrode.simulate.settings import SimulationSettings, preset
from spectrode.simulate.species import Process


def test_the_programme_rests_then_sweeps_to_the_vertex_and_back():
    path = programme(SimulationSettings())
    np.testing.assert_allclose(path.time_s, [0, 300, 3050, 5000])
    np.testing.assert_allclose(path.potential_v, [2.8, 2.8, 0.05, 2.0])
    np.testing.assert_allclose(path.at([150, 1300, 3050, 4050]), [2.8, 1.8, 0.05, 1.05])
    np.testing.assert_allclose(path.slope([10, 1000, 4000]), [0, -1e-3, 1e-3], atol=1e-12)


def test_without_a_rest_the_sweep_starts_at_once():
    path = programme(SimulationSettings(rest_s=0.0, scan_rate_mv_per_s=0.9))
    assert path.potential_v.tolist() == [2.8, 0.05, 2.0]
    assert path.time_s[1] == pytest.approx(2.75 / 0.9e-3)


def test_the_mean_over_an_exposure_is_exact_at_the_vertex():
    path = programme(SimulationSettings())
    # Two seconds before and two after the vertex: a triangle of 2 mV height, mean 1 mV above the vertex.
    assert path.mean(3048.0, 3052.0) == pytest.approx(0.051, abs=1e-12)
    starts = np.array([0.0, 299.0, 1234.5, 3049.1, 4990.0])
    fine = np.linspace(starts, starts + 3.2, 200_001)
    brute = path.at(fine).mean(axis=0)
    np.testing.assert_allclose(path.mean(starts, starts + 3.2), brute, atol=1e-7)


def test_growth_far_beyond_the_onset_is_first_order():
    time = np.arange(0.0, 500.0, 0.5)
    theta = coverage(time, np.full(time.size, 0.1), [Process(1.0, 1 / 100, 0.01, 10.0)], -1)[:, 0]
    np.testing.assert_allclose(theta, 1 - np.exp(-time / 100), atol=1e-9)


def test_nothing_grows_on_the_other_side_of_the_onset():
    time = np.arange(0.0, 500.0, 0.5)
    process = [Process(1.0, 1 / 100, 0.01, 10.0)]
    assert coverage(time, np.full(time.size, 2.0), process, -1).max() < 1e-12
    assert coverage(time, np.full(time.size, 0.1), process, +1).max() < 1e-12


def test_loss_decays_to_what_is_kept():
    time = np.arange(0.0, 4000.0, 0.5)
    potential = np.where(time < 1500, 0.1, 2.0)
    process = Process(1.0, 1 / 100, 0.01, 10.0, loss_v=1.5, loss_per_s=1 / 200, kept=0.3)
    theta = coverage(time, potential, [process], -1)[:, 0]
    begin = int(np.searchsorted(time, 1500))
    expected = 0.3 + (theta[begin] - 0.3) * np.exp(-(time[begin:] - time[begin]) / 200)
    np.testing.assert_allclose(theta[begin:], expected, atol=2e-3)
    assert theta[-1] == pytest.approx(0.3, abs=1e-3)


@pytest.mark.parametrize(("name", "direction"), [("sei-shiners", -1), ("cei-shiners", 1)])
def test_the_charge_of_a_process_is_in_the_current_with_the_sign_of_iupac(name, direction):
    s = preset(name, capacitance_mf=0.0)
    path = programme(s)
    time = np.linspace(0, s.duration_s, 10_001)
    onset = (s.start_v + s.vertex_v) / 2
    process = [Process(onset, 1 / 100, 0.02, 50.0)]
    theta = coverage(time, path.at(time), process, direction)
    empty = current_ma(s, path, time, [], direction)
    current = current_ma(s, path, time, [(theta, process)], direction) - empty
    charge_mc = np.sum(current * np.diff(time))
    assert charge_mc == pytest.approx(direction * 50.0 * theta[-1, 0], rel=1e-6)
    assert np.all(direction * current >= -1e-12)


def test_the_double_layer_follows_the_scan_rate():
    s = SimulationSettings(capacitance_mf=20.0)
    path = programme(s)
    time = np.array([0.0, 100.0, 1000.0, 1100.0, 4800.0, 4900.0])
    current = current_ma(s, path, time, [], -1)
    assert current[2] == pytest.approx(-0.020, abs=1e-4)  # falling: 20 mF x 1 mV/s, cathodic
    assert current[4] == pytest.approx(+0.020, abs=1e-4)
