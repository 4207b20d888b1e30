from __future__ import annotations

import numpy as np
import pytest
from mixtures import cosines, raman_mixture

from spectrode.errors import Cancelled
from spectrode.unmixing.blocks import SpectraBlocks
from spectrode.unmixing.hals import hals
from spectrode.unmixing.mcr_als import fit_concentrations, mcr_als


def blocks_of(data):
    return SpectraBlocks(data, np.ones(len(data), dtype=bool))


def test_reaches_the_optimum_of_exact_least_squares():
    mixture = raman_mixture(n=150, channels=200, k=3, seed=1000)
    blocks = blocks_of(mixture.intensity)
    start = mixture.intensity[[3, 50, 100]].clip(min=0)
    exact = fit_concentrations(blocks, mcr_als(blocks, start, max_iterations=2000, tolerance=1e-9).spectra)
    found = hals(blocks, start, max_iterations=2000, tolerance=1e-9)
    assert found.converged
    assert found.spectra.min() >= 0
    lack = fit_concentrations(blocks, found.spectra).lack_of_fit_percent
    assert lack == pytest.approx(exact.lack_of_fit_percent, rel=1e-4)
    assert cosines(found.spectra, mixture.spectra)[1].min() > 0.99


def test_equals_scikit_learn_where_nothing_is_negative():
    from sklearn.decomposition import non_negative_factorization

    mixture = raman_mixture(n=80, channels=120, k=3, noise="none", seed=1001)
    data = mixture.clean + np.abs(np.random.default_rng(0).normal(0, 20.0, mixture.clean.shape))
    start = data[[3, 30, 60]]
    W, H, _ = non_negative_factorization(
        data, W=np.ones((80, 3)), H=start.copy(), n_components=3, init="custom", max_iter=300, tol=0.0
    )
    ours = hals(blocks_of(data), start, max_iterations=300, tolerance=0.0)
    fit = fit_concentrations(blocks_of(data), ours.spectra)
    assert np.sqrt(fit.residual_squares.sum()) <= np.linalg.norm(data - W @ H) * (1 + 1e-4)


def test_held_spectra_stay_and_the_residual_never_rises():
    mixture = raman_mixture(n=150, channels=200, k=3, seed=1002)
    start = np.vstack([mixture.spectra[:1], mixture.intensity[[3, 50]].clip(min=0)])
    blocks = blocks_of(mixture.intensity)
    fixed = np.array([True, False, False])
    lacks = []
    for count in (1, 3, 10, 30):
        found = hals(blocks, start, fixed=fixed, max_iterations=count, tolerance=0.0)
        lacks.append(fit_concentrations(blocks, found.spectra).lack_of_fit_percent)
        np.testing.assert_allclose(found.spectra[0] / found.spectra[0].max(), mixture.spectra[0], rtol=1e-12)
    assert np.all(np.diff(lacks) <= 1e-9)
    assert any("Not converged after 30" in note for note in found.notes)


def test_progress_and_cancelling():
    data = raman_mixture(n=30, channels=60, k=2).intensity
    seen = []
    hals(blocks_of(data), data[:2].clip(min=0), max_iterations=4, tolerance=0.0, progress=lambda *a: seen.append(a))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    with pytest.raises(Cancelled, match="after 0 iterations"):
        hals(blocks_of(data), data[:2].clip(min=0), should_stop=lambda: True)
