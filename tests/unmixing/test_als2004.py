"""The tutorial set of four HPLC-DAD runs (Jaumot et al. 2005): what constraints do where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from mixtures import cosines
from scipy.optimize import nnls

from spectrode.unmixing.als import als
from spectrode.unmixing.blocks import SpectraBlocks, principal_subspace
from spectrode.unmixing.constraints.curves import Unimodal
from spectrode.unmixing.constraints.known import EqualSpectrum
from spectrode.unmixing.constraints.trilinear import Trilinear
from spectrode.unmixing.initial import initial_spectra

RUNS = np.repeat(np.arange(4), 51)


def judged(found, als2004):
    """Return (least cosine of spectra, of concentrations, worst error of an area relative to run 1 in per cent)."""
    places, spectral = cosines(found.spectra, als2004.spectra)
    C, truth = found.concentrations[:, places], als2004.concentrations
    along = np.sum(C * truth, axis=0) / np.linalg.norm(C, axis=0) / np.linalg.norm(truth, axis=0)

    def areas(values):
        sums = np.array([values[run == RUNS].sum(axis=0) for run in range(4)])
        return sums[1:] / sums[0]

    return spectral.min(), along.min(), 100 * np.abs(areas(C) / areas(truth) - 1).max()


def test_a_single_run_reaches_the_lack_of_fit_of_good_programs(als2004):
    found = als(als2004.m1, als2004.spectra, max_iterations=1000, tolerance=1e-8)
    assert found.floor_percent == pytest.approx(1.6650, abs=1e-4)
    assert found.floor_percent < found.lack_of_fit_percent <= 1.668


def test_known_spectra_give_the_published_fit(als2004):
    known = {f"compound {i}": s for i, s in enumerate(als2004.spectra)}
    constraints = [EqualSpectrum((i,), name) for i, name in enumerate(known)]
    found = als(als2004.matrix, als2004.spectra, constraints=constraints, known=known, blocks=RUNS)
    assert found.lack_of_fit_percent == pytest.approx(1.9698, abs=1e-4)
    _, along, area = judged(found, als2004)
    assert along > 0.9997
    assert area == pytest.approx(1.9, abs=0.05)


def plain_trilinear(D, S, iterations):
    """Textbook alternation: least squares, then each component replaced by the first singular triplet of its runs."""
    for _ in range(iterations):
        C = np.array([nnls(S.T, d)[0] for d in D])
        for j in range(len(S)):
            U, s, Vt = np.linalg.svd(C[:, j].reshape(4, 51), full_matrices=False)
            C[:, j] = np.maximum(s[0] * np.outer(U[:, 0], Vt[0]), 0).ravel()
        S = np.array([nnls(C, d)[0] for d in D.T]).T
        S /= np.linalg.norm(S, axis=1, keepdims=True)
    return 100 * np.linalg.norm(D - C @ (np.linalg.lstsq(C, D, rcond=None)[0])) / np.linalg.norm(D)


@pytest.mark.parametrize("start", ["references", "purest"])
def test_trilinearity_finds_the_components_and_the_areas_at_a_higher_lack_of_fit(als2004, start):
    """The projection of the textbook alternation ends at 1.992 %; least squares under trilinearity fits 1.975 %."""
    S = als2004.spectra
    if start == "purest":
        everything = SpectraBlocks(als2004.matrix, np.ones(204, dtype=bool))
        S = initial_spectra(principal_subspace(everything, 4), 4, start="purest")
    found = als(als2004.matrix, S, constraints=[Trilinear()], blocks=RUNS, max_iterations=1000, tolerance=1e-8)
    assert found.converged
    assert found.lack_of_fit_percent == pytest.approx(1.9747, abs=0.001)
    spectral, along, area = judged(found, als2004)
    assert spectral >= 0.9999
    assert along >= 0.9999
    assert area < 1.5


def test_the_textbook_alternation_ends_where_published(als2004):
    found = plain_trilinear(als2004.matrix, als2004.spectra, 160)
    assert found == pytest.approx(1.99, abs=0.01)


def test_a_lower_lack_of_fit_is_not_a_better_answer(als2004):
    """Non-negativity alone fits better than trilinearity, and its areas are wrong by up to a fifth."""
    free = als(als2004.matrix, als2004.spectra, blocks=RUNS, max_iterations=3000, tolerance=1e-9)
    true = als(
        als2004.matrix, als2004.spectra, constraints=[Trilinear()], blocks=RUNS, max_iterations=300, tolerance=1e-8
    )
    assert free.lack_of_fit_percent == pytest.approx(1.946, abs=0.001)
    assert free.lack_of_fit_percent < true.lack_of_fit_percent
    (spectral, _, area), (true_spectral, _, true_area) = judged(free, als2004), judged(true, als2004)
    assert area > 10 > 1.5 > true_area
    assert spectral < 0.995 < 0.9999 < true_spectral


def test_what_unimodality_forces_is_small_where_runs_have_one_peak(als2004):
    one = als(als2004.matrix, als2004.spectra, constraints=[Unimodal()], blocks=RUNS, max_iterations=100)
    whole = als(als2004.matrix, als2004.spectra, constraints=[Unimodal()], max_iterations=100)
    assert one.lack_of_fit_percent < 1.97
    assert one.forced[0].displacement_percent < 1
    # Over the stacked column, which has four peaks, unimodality is false; the result says what it moved.
    assert whole.lack_of_fit_percent > 5 * whole.floor_percent
    assert whole.forced[0].displacement_percent > 10 * one.forced[0].displacement_percent
