from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from mixtures import raman_mixture
from scipy.optimize import nnls

from spectrode.errors import Cancelled
from spectrode.unmixing import blocks as blocks_module
from spectrode.unmixing.blocks import SpectraBlocks, gram, principal_subspace
from spectrode.unmixing.mcr_als import _concentration_pass, fit_concentrations, mcr_als


def all_of(data):
    return SpectraBlocks(data, np.ones(len(data), dtype=bool))


def plain_iteration(D, S):
    """One alternating step spelled out with scipy."""
    C = np.array([nnls(S.T, d)[0] for d in D])
    residual = np.linalg.norm(D - C @ S)
    new = np.array([nnls(C, column)[0] for column in D.T]).T
    return residual, new / np.linalg.norm(new, axis=1, keepdims=True)


def test_equals_a_plain_version_step_by_step():
    mixture = raman_mixture(n=60, channels=80, k=3)
    start = np.random.default_rng(0).random((3, 80))
    S = start / np.linalg.norm(start, axis=1, keepdims=True)
    for _ in range(5):
        _, S = plain_iteration(mixture.intensity, S)
    found = mcr_als(all_of(mixture.intensity), start, max_iterations=5, tolerance=0.0)
    np.testing.assert_allclose(found.spectra, S, atol=1e-9)
    assert (found.iterations, found.converged) == (5, False)
    assert "Not converged after 5 iterations" in found.notes[0]


def test_residual_from_the_trace_identity_is_the_residual_and_never_rises():
    D = raman_mixture(n=60, channels=80, k=3).intensity
    S = np.random.default_rng(0).random((3, 80))
    last = np.inf
    for _ in range(20):
        S /= np.linalg.norm(S, axis=1, keepdims=True)
        guess = np.ones((60, 3), dtype=bool)
        squares, CtC, CtD = _concentration_pass(all_of(D), S, guess, float(np.sum(D**2)))
        C = fit_concentrations(all_of(D), S).concentrations
        assert squares == pytest.approx(np.sum((D - C @ S) ** 2), rel=1e-10)
        np.testing.assert_allclose(CtC, C.T @ C, rtol=1e-10)
        np.testing.assert_allclose(CtD, C.T @ D, rtol=1e-9, atol=1e-6)
        assert squares <= last * (1 + 1e-12)
        last = squares
        S = np.array([nnls(CtC, column)[0] for column in CtD.T]).T


@pytest.mark.parametrize("values", [1, 700, 4000])
def test_the_size_of_the_blocks_does_not_matter(monkeypatch, values):
    D = raman_mixture(n=90, channels=70, k=3).intensity
    used = np.arange(90) % 7 != 0
    start = np.random.default_rng(0).random((3, 70))
    whole = mcr_als(SpectraBlocks(D, used), start, max_iterations=10)
    monkeypatch.setattr(blocks_module, "_BLOCK_VALUES", values)
    np.testing.assert_allclose(mcr_als(SpectraBlocks(D, used), start, max_iterations=10).spectra, whole.spectra)
    np.testing.assert_allclose(gram(SpectraBlocks(D, used)), D[used].T @ D[used])
    np.testing.assert_allclose(gram(SpectraBlocks(D.T[:, :80], np.ones(70, dtype=bool))), D.T[:, :80] @ D[:80])


@pytest.mark.parametrize("shape", [(50, 20), (20, 50)])
def test_subspace_equals_numpy(shape):
    D = np.random.default_rng(0).normal(size=shape)
    rows, columns = np.linspace(1, 2, shape[0]), np.linspace(3, 1, shape[1])
    found = principal_subspace(all_of(D).weighted(rows, columns), 5)
    U, s, Vt = np.linalg.svd(rows[:, None] * D * columns, full_matrices=False)
    np.testing.assert_allclose(found.singular_values, s[:5])
    np.testing.assert_allclose(found.scores @ found.loadings.T, (U[:, :5] * s[:5]) @ Vt[:5], atol=1e-10)
    np.testing.assert_allclose(found.loadings.T @ found.loadings, np.eye(5), atol=1e-10)


def test_held_spectra_stay_and_the_others_fit_beside_them():
    mixture = raman_mixture(k=4)
    start = np.random.default_rng(0).random((4, 600))
    start[1] = mixture.spectra[2]
    held = np.array([False, True, False, False])
    found = mcr_als(all_of(mixture.intensity), start, fixed=held, max_iterations=20)
    np.testing.assert_allclose(found.spectra[1] / found.spectra[1].max(), mixture.spectra[2], rtol=1e-12)
    free = mcr_als(all_of(mixture.intensity), start, max_iterations=20)
    assert np.abs(free.spectra[1] / free.spectra[1].max() - mixture.spectra[2]).max() > 1e-4


def test_the_free_spectra_fit_what_the_held_ones_leave():
    D = raman_mixture(n=60, channels=80, k=3).intensity
    start = np.random.default_rng(0).random((3, 80))
    C = np.array([nnls(start.T, d)[0] for d in D])
    left = D - np.outer(C[:, 1], start[1])
    expected = np.array([nnls(C[:, [0, 2]], column)[0] for column in left.T]).T
    found = mcr_als(all_of(D), start, fixed=np.array([False, True, False]), max_iterations=1, tolerance=0.0).spectra
    np.testing.assert_allclose(found[[0, 2]], expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-9)


def test_all_spectra_held_is_one_fit():
    mixture = raman_mixture(k=3)
    found = mcr_als(all_of(mixture.intensity), mixture.spectra, fixed=np.ones(3, dtype=bool))
    assert (found.iterations, found.converged) == (1, True)


def test_progress_and_cancel():
    mixture = raman_mixture(k=3, n=50, channels=80)
    start = np.random.default_rng(0).random((3, 80))
    seen = []
    mcr_als(all_of(mixture.intensity), start, max_iterations=7, tolerance=0.0, progress=lambda *a: seen.append(a))
    assert seen == [(i, 7) for i in range(1, 8)]
    with pytest.raises(Cancelled, match="cancelled after 3 iterations"):
        mcr_als(all_of(mixture.intensity), start, tolerance=0.0, should_stop=iter([False] * 3 + [True]).__next__)


def test_memory_stays_far_below_a_copy():
    D = np.random.default_rng(0).random((40000, 300), dtype=np.float32)
    start = np.random.default_rng(1).random((4, 300))
    tracemalloc.start()
    try:
        blocks = all_of(D)
        found = mcr_als(blocks, start, max_iterations=2)
        fit_concentrations(blocks, found.spectra)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < D.size * 8 / 4
