"""The estimators keep scikit-learn's contract and give what the functions give."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from mixtures import cosines, raman_mixture
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

from spectrode.unmixing.als import als
from spectrode.unmixing.constraints.curves import Unimodal
from spectrode.unmixing.estimator import MCRALS, NonNegativeFactorisation


@pytest.fixture(scope="module")
def mixture():
    return raman_mixture(n=120, channels=150, k=3, seed=1000)


ESTIMATORS = [
    MCRALS(max_iter=50),
    NonNegativeFactorisation(max_iter=50),
    NonNegativeFactorisation(method="hals", max_iter=50),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_scikit_learns_own_checks_hold(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks fit noise, which does not converge, and skip optional parts
        results = check_estimator(estimator, on_skip=None, on_fail=None)
    failed = [(r["check_name"], r["exception"]) for r in results if r["status"] not in ("passed", "skipped")]
    assert not failed
    assert len([r for r in results if r["status"] == "passed"]) > 40


def by_hals(*args, **settings):
    return NonNegativeFactorisation(*args, method="hals", **settings)


@pytest.mark.parametrize("make", [MCRALS, NonNegativeFactorisation, by_hals])
def test_fit_transform_and_back(make, mixture):
    D = np.maximum(mixture.intensity, 0)
    model = make(3, max_iter=1000, tol=1e-5)
    C = model.fit_transform(D)
    assert cosines(model.components_, mixture.spectra)[1].min() > 0.99
    np.testing.assert_allclose(C, model.concentrations_, rtol=1e-2, atol=1e-2 * C.max())
    back = model.inverse_transform(C)
    assert 100 * np.linalg.norm(D - back) / np.linalg.norm(D) == pytest.approx(model.lack_of_fit_, rel=1e-3)
    np.testing.assert_allclose(np.linalg.norm(model.components_, axis=1), 1.0)
    assert model.get_feature_names_out().tolist() == [f"{type(model).__name__.lower()}{i}" for i in range(3)]
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(ValueError, match="needs 3 columns"):
        model.inverse_transform(C[:, :2])
    with pytest.raises(NotFittedError):
        make(3).transform(D)


def test_it_is_the_engine_with_constraints_as_objects_or_tables(mixture):
    D, start = mixture.intensity, mixture.spectra + 0.05
    blocks = np.repeat([0, 1], 60)
    table = {"kind": "unimodal", "components": [0]}
    direct = als(D, start, constraints=[Unimodal((0,))], blocks=blocks, max_iterations=20, tolerance=1e-3)
    for constraint in (Unimodal((0,)), table):
        model = MCRALS(3, constraints=[constraint], start=start, max_iter=20, tol=1e-3).fit(D, blocks=blocks)
        np.testing.assert_array_equal(model.components_, direct.spectra)
        np.testing.assert_array_equal(model.concentrations_, direct.concentrations)
    assert model.result_.forced[0].constraint == "unimodal"
    with pytest.warns(ConvergenceWarning, match="Not converged after 2 iterations"):
        MCRALS(3, start=start, max_iter=2, tol=0.0).fit(D)


def test_missing_values_pass_through_the_estimator(mixture):
    D = mixture.intensity.copy()
    D[np.random.default_rng(1001).random(D.shape) < 0.1] = np.nan
    model = MCRALS(3, max_iter=1000, tol=1e-5).fit(D)
    assert cosines(model.components_, mixture.spectra)[1].min() > 0.99
    C = model.transform(D[:10])
    np.testing.assert_allclose(C, model.concentrations_[:10], rtol=0.02, atol=0.02 * C.max())


def test_it_stands_in_a_pipeline(mixture):
    pipeline = make_pipeline(FunctionTransformer(lambda X: X / 100), MCRALS(3, max_iter=1000, tol=1e-5))
    assert pipeline.fit(mixture.intensity).transform(mixture.intensity).shape == (120, 3)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (MCRALS(0), "n_components"),
        (MCRALS(2, tol=-1.0), "tol"),
        (MCRALS(500), "at most min"),
        (NonNegativeFactorisation(2, method="other"), "method"),
    ],
)
def test_wrong_parameters_are_refused(model, words, mixture):
    with pytest.raises(ValueError, match=words):
        model.fit(np.maximum(mixture.intensity, 0))
