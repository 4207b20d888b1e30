"""443 Raman spectra of a reaction, one a minute: a kinetic law beside the free factorisation."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from spectrode.unmixing.als import als
from spectrode.unmixing.blocks import SpectraBlocks, principal_subspace
from spectrode.unmixing.constraints.hard import HardModel
from spectrode.unmixing.hard_models.fit import fit_hard_model
from spectrode.unmixing.initial import initial_spectra


@pytest.fixture(scope="module")
def series(shared_data):
    path = shared_data("reaction_series/raman.csv")
    with open(path) as file:
        hours = np.array([float(v) for v in file.readline().split(",")[1:]])
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    return SimpleNamespace(hours=hours, shift=table[:, 0], intensity=table[:, 1:].T.copy())


def started(D, k):
    subspace = principal_subspace(SpectraBlocks(D, np.ones(len(D), dtype=bool)), k)
    return initial_spectra(subspace, k, start="purest")


def after(series, hours):
    late = series.hours >= hours
    return series.intensity[late], series.hours[late]


def test_the_free_factorisation_shows_four_species_one_after_the_other(series):
    assert series.intensity.shape == (443, 1551)
    found = als(series.intensity, started(series.intensity, 4), max_iterations=500)
    assert found.lack_of_fit_percent < 3.4
    summits = series.hours[np.argmax(found.concentrations, axis=0)]
    assert np.ptp(summits) > 6
    assert len(np.unique(summits.round())) == 4


def test_the_last_step_needs_two_rates_and_the_slow_one_does_not_depend_on_the_cut(series):
    slow, settled = [], []
    for cut in (4.2, 4.3, 4.4):
        D, hours = after(series, cut)
        found = fit_hard_model(D, hours, "consecutive")
        single = fit_hard_model(D, hours, "first_order")
        for estimate in found.estimates:
            assert estimate.low < estimate.value < estimate.high < 1.1 * estimate.value
        assert found.free_lack_of_fit_percent < single.free_lack_of_fit_percent
        assert found.lack_of_fit_percent < single.lack_of_fit_percent
        assert found.autocorrelation > 0.4  # so the law is an approximation, and the intervals were widened
        slow.append(min(e.value for e in found.estimates))
        settled.append(not any("not told apart" in note for note in found.notes))
    np.testing.assert_allclose(slow, 1.0, rtol=0.03)
    # Signs of the spectra do not settle in every cut which of the two steps comes first; the result says so.
    assert not all(settled)


def test_a_law_costs_fit_and_the_result_says_how_much(series):
    D, hours = after(series, 4.3)
    start = started(D, 2)
    soft = als(D, start, max_iterations=500, tolerance=1e-7)
    falling = int(np.argmax(soft.concentrations[0] / soft.concentrations.max(axis=0)))
    law = HardModel("first_order", (falling, 1 - falling), column="time_h")
    hard = als(D, start, constraints=[law], columns={"time_h": hours}, max_iterations=300)
    floor = np.linalg.svd(D, compute_uv=False)
    floor = 100 * np.sqrt(np.sum(floor[2:] ** 2) / np.sum(floor**2))
    assert floor < soft.lack_of_fit_percent < hard.lack_of_fit_percent < 4.5
    k = hard.models[0][2][0]
    assert k.low < k.value < k.high
    assert k.value == pytest.approx(0.73, abs=0.02)
    assert hard.forced[0].residual_percent > 20  # one first-order step does not describe it
    assert any("widened" in note for note in hard.notes)
    projected = fit_hard_model(D, hours, "first_order")
    assert projected.free_lack_of_fit_percent <= hard.lack_of_fit_percent <= projected.lack_of_fit_percent * 1.05
