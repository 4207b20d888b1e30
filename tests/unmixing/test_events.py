"""Spectra with an event of their own are set aside; chemistry that several spectra share is not."""

import numpy as np
import pytest
from scipy.optimize import nnls

from spectrode.unmixing.events import event_spectra, with_fitted
from spectrode.unmixing.unmix import unmix

CHANNELS = np.arange(200.0)


def band(centre, width=4.0):
    return np.exp(-0.5 * ((CHANNELS - centre) / width) ** 2)


def experiment(seed, n=300):
    """Two components everywhere, shot-like noise."""
    rng = np.random.default_rng(seed)
    spectra = np.stack([band(50) + 0.5 * band(120), band(90) + 0.3 * band(160)])
    concentrations = rng.uniform(50, 150, (n, 2))
    clean = concentrations @ spectra
    return clean + rng.normal(0, np.sqrt(5 + 0.2 * clean)), spectra, concentrations, rng


@pytest.mark.parametrize("seed", range(5))
def test_single_events_are_found_and_nothing_else(seed):
    data, *_, rng = experiment(seed)
    rows = rng.choice(len(data), 4, replace=False)
    for row in rows:
        at = rng.integers(10, 190)
        data[row, at : at + 2] += 1500
    found = event_spectra(data, max_components=8)
    assert set(np.flatnonzero(found)) == set(rows)


@pytest.mark.parametrize("seed", range(5))
def test_a_quiet_experiment_has_no_events(seed):
    assert not event_spectra(experiment(seed)[0], max_components=8).any()


@pytest.mark.parametrize("count", [6, 12])
def test_a_species_in_a_few_hot_spots_is_chemistry(count):
    data, *_, rng = experiment(7)
    rows = rng.choice(len(data), count, replace=False)
    data[rows] += rng.uniform(150, 250, (count, 1)) * band(30)
    assert not event_spectra(data, max_components=8).any()


def test_at_most_a_small_part_is_set_aside():
    data, *_, rng = experiment(3, n=100)
    rows = rng.choice(100, 20, replace=False)
    data[rows, rng.integers(10, 190, 20)] += 3000
    assert event_spectra(data, max_components=8).sum() <= 2


def test_few_spectra_say_nothing():
    data, *_ = experiment(0, n=19)
    data[3, 40] += 1e5
    assert not event_spectra(data, max_components=4).any()


def test_set_aside_spectra_get_their_concentrations_afterwards():
    data, *_ = experiment(1)
    events = np.zeros(len(data), dtype=bool)
    events[[5, 77]] = True
    found = unmix(data, CHANNELS, components=2, use=~events)
    assert np.isnan(found.concentrations[events]).all()
    filled = with_fitted(found, data, events)
    for row in (5, 77):
        expected, _ = nnls(found.spectra.T, data[row])
        np.testing.assert_allclose(filled.concentrations[row], expected, rtol=1e-8, atol=1e-8)
    np.testing.assert_array_equal(filled.concentrations[~events], found.concentrations[~events])
    assert not any("took no part" in note for note in filled.notes)
