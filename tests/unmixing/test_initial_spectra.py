from __future__ import annotations

import numpy as np
import pytest
from mixtures import cosines, raman_mixture

from spectrode.errors import StepError
from spectrode.unmixing.blocks import SpectraBlocks, principal_subspace
from spectrode.unmixing.initial import (
    best_of_library,
    evolving_concentrations,
    initial_spectra,
    largest_simplex,
    mean_spectra,
)


def subspace_of(data, k):
    return principal_subspace(SpectraBlocks(data, np.ones(len(data), dtype=bool)), k)


def with_pure_pixels(seed=0):
    mixture = raman_mixture(k=4, noise="none", shape=5.0, seed=seed)
    amounts = mixture.concentrations
    amounts[[7, 40, 90, 200]] = 4000.0 * np.eye(4)
    return mixture.spectra, amounts @ mixture.spectra


@pytest.mark.parametrize("start", ["purest_spectra", "spa", "vca", "nfindr"])
def test_pure_pixels_are_found(start):
    spectra, data = with_pure_pixels()
    found = initial_spectra(subspace_of(data, 4), 4, start=start)
    _, cosine = cosines(found, spectra)
    assert cosine.min() > 1 - 1e-9


def test_purest_finds_bands_of_their_own_without_any_pure_pixel():
    mixture = raman_mixture(k=4, noise="none", shape=8.0)
    _, cosine = cosines(initial_spectra(subspace_of(mixture.intensity, 4), 4), mixture.spectra)
    assert cosine.min() > 0.99


@pytest.mark.parametrize("start", ["purest", "purest_spectra", "spa", "vca", "nfindr"])
def test_known_spectra_are_not_chosen_again(start):
    spectra, data = with_pure_pixels()
    found = initial_spectra(subspace_of(data, 4), 2, start=start, known=spectra[[1, 3]])
    _, cosine = cosines(found, spectra[[0, 2]])
    assert cosine.min() > 0.97


@pytest.mark.parametrize("start", ["purest", "purest_spectra", "spa", "vca", "nfindr", "efa", "random"])
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
        StepError, match="start 'best' is not known; possible: purest, purest_spectra, spa, vca, nfindr, efa, random"
    ):
        initial_spectra(subspace_of(np.eye(3), 2), 2, start="best")
    assert initial_spectra(subspace_of(np.eye(3), 2), 0).shape == (0, 3)


def test_evolving_factors_of_peaks_that_elute_one_after_the_other():
    t = np.arange(120.0)
    amounts = np.exp(-0.5 * ((t[:, None] - [35.0, 60.0, 85.0]) / 9.0) ** 2)
    spectra = raman_mixture(k=3, noise="none", seed=1000).spectra
    rng = np.random.default_rng(1000)
    data = amounts @ spectra + 1e-4 * rng.normal(size=(120, 600))
    space = subspace_of(data, 3)
    windows = evolving_concentrations(space.scores, 3)
    # First in, first out: each window is where its compound is.
    assert np.all(np.abs(windows.T @ t / windows.sum(axis=0) - [35, 60, 85]) < 8)
    places, cosine = cosines(initial_spectra(space, 3, start="efa"), spectra)
    assert cosine.min() > 0.9
    assert list(places) == [0, 1, 2]


def test_evolving_singular_values_are_those_of_the_growing_matrix():
    scores = np.random.default_rng(1001).normal(size=(25, 3))
    expected = np.array([np.linalg.svd(scores[:i], compute_uv=False)[0] for i in range(1, 26)])
    backward = np.array([np.pad(np.linalg.svd(scores[i:], compute_uv=False), (0, 3))[2] for i in range(25)])
    np.testing.assert_allclose(
        evolving_concentrations(scores, 3)[:, 0], np.minimum(expected, backward), rtol=1e-6, atol=1e-7
    )


def test_largest_simplex_beats_every_other_choice():
    from itertools import combinations

    rng = np.random.default_rng(1002)
    points = np.column_stack([rng.dirichlet([1.0, 1.0, 1.0], 40)])
    chosen = largest_simplex(points, np.ones(3) / 3, 3)

    def area(places):
        return abs(np.linalg.det(points[list(places)]))

    assert area(chosen) == pytest.approx(max(area(c) for c in combinations(range(40), 3)), rel=1e-9)


def test_picks_of_the_user():
    data = np.array([[1.0, 2.0, -1.0], [3.0, 2.0, -3.0], [0.0, 0.0, 5.0]])
    np.testing.assert_allclose(mean_spectra(data, [[0, 1], [2]]), [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    for picked, words in (([[0, 3]], "numbers from 0 to 2"), ([[]], "numbers from 0 to 2")):
        with pytest.raises(StepError, match=words):
            mean_spectra(data, picked)
    with pytest.raises(StepError, match="nowhere above zero"):
        mean_spectra(-np.ones((2, 3)), [[0]])


def test_the_library_gives_the_spectra_that_are_there():
    mixture = raman_mixture(k=6, seed=1003)
    data = mixture.concentrations[:, [1, 4]] @ mixture.spectra[[1, 4]]
    data = data + np.random.default_rng(3).normal(0, 5.0, data.shape)
    which, spectra = best_of_library(subspace_of(data, 3), mixture.spectra, 2)
    assert sorted(which) == [1, 4]
    np.testing.assert_allclose(spectra.max(axis=1), 1.0)
    which, _ = best_of_library(subspace_of(data, 3), mixture.spectra, 1, known=mixture.spectra[[1]])
    assert list(which) == [4]
    with pytest.raises(StepError, match="there are only 6"):
        best_of_library(subspace_of(data, 3), mixture.spectra, 7)
