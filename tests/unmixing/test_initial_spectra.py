from __future__ import annotations

import numpy as np
import pytest
from mixtures import cosines, raman_mixture

from spectrode.errors import StepError
from spectrode.unmixing.blocks import SpectraBlocks, principal_subspace
from spectrode.unmixing.initial import initial_spectra


def subspace_of(data, k):
    return principal_subspace(SpectraBlocks(data, np.ones(len(data), dtype=bool)), k)


def with_pure_pixels(seed=0):
    mixture = raman_mixture(k=4, noise="none", shape=5.0, seed=seed)
    amounts = mixture.concentrations
    amounts[[7, 40, 90, 200]] = 4000.0 * np.eye(4)
    return mixture.spectra, amounts @ mixture.spectra


@pytest.mark.parametrize("start", ["purest_spectra", "spa", "vca"])
def test_pure_pixels_are_found(start):
    spectra, data = with_pure_pixels()
    found = initial_spectra(subspace_of(data, 4), 4, start=start)
    _, cosine = cosines(found, spectra)
    assert cosine.min() > 1 - 1e-9


def test_purest_finds_bands_of_their_own_without_any_pure_pixel():
    mixture = raman_mixture(k=4, noise="none", shape=8.0)
    _, cosine = cosines(initial_spectra(subspace_of(mixture.intensity, 4), 4), mixture.spectra)
    assert cosine.min() > 0.99


@pytest.mark.parametrize("start", ["purest", "purest_spectra", "spa", "vca"])
def test_known_spectra_are_not_chosen_again(start):
    spectra, data = with_pure_pixels()
    found = initial_spectra(subspace_of(data, 4), 2, start=start, known=spectra[[1, 3]])
    _, cosine = cosines(found, spectra[[0, 2]])
    assert cosine.min() > 0.97


@pytest.mark.parametrize("start", ["purest", "purest_spectra", "spa", "vca", "random"])
def test_starts_are_repeatable_positive_and_scaled(start):
    data = raman_mixture().intensity
    first, second = (initial_spectra(subspace_of(data, 4), 4, start=start, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.min() >= 0
    np.testing.assert_allclose(first.max(axis=1), 1.0)


@pytest.mark.parametrize("start", ["purest", "purest_spectra", "spa"])
def test_the_order_of_spectra_does_not_matter(start):
    data = raman_mixture().intensity
    order = np.random.default_rng(0).permutation(len(data))
    np.testing.assert_allclose(
        initial_spectra(subspace_of(data[order], 4), 4, start=start),
        initial_spectra(subspace_of(data, 4), 4, start=start),
        atol=1e-6,
    )


def test_unknown_start():
    with pytest.raises(
        StepError, match="start 'best' is not known; possible: purest, purest_spectra, spa, vca, random"
    ):
        initial_spectra(subspace_of(np.eye(3), 2), 2, start="best")
    assert initial_spectra(subspace_of(np.eye(3), 2), 0).shape == (0, 3)
