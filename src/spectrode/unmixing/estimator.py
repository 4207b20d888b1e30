"""Unmixing as scikit-learn estimators: fit, transform, inverse_transform."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from .als import AlsResult, als
from .blocks import SpectraBlocks, principal_subspace
from .constraints.base import Constraint
from .constraints.noise import Scaling
from .constraints.tables import from_table
from .initial import initial_spectra
from .nnls import solve_nnls

__all__ = ["MCRALS", "NonNegativeFactorisation"]

Array = NDArray[np.float64]


class _Unmixer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What both estimators share: exact non-negative concentrations for spectra found before."""

    components_: Array
    concentrations_: Array
    n_iter_: int
    lack_of_fit_: float

    def transform(self, X: ArrayLike) -> Array:
        """Return exact non-negative least-squares concentrations (n, components) of spectra (n, channels)."""
        check_is_fitted(self)
        D = validate_data(self, X, reset=False, dtype=[np.float64, np.float32], **self._reading())
        return self._amounts(np.asarray(D, dtype=np.float64))

    def inverse_transform(self, X: ArrayLike) -> Array:
        """Return the spectra (n, channels) that concentrations (n, components) make."""
        check_is_fitted(self)
        C = np.asarray(X, dtype=np.float64)
        if C.ndim != 2 or C.shape[1] != len(self.components_):
            raise ValueError(f"inverse_transform needs {len(self.components_)} columns, but has the shape {C.shape}")
        return np.asarray(C @ self.components_)

    def _amounts(self, D: Array) -> Array:
        S = self.components_
        missing = np.isnan(D)
        C = solve_nnls(S @ S.T, np.where(missing, 0.0, D) @ S.T)
        for row in np.flatnonzero(missing.any(axis=1)):
            here = S[:, ~missing[row]]
            C[row] = solve_nnls(here @ here.T, (here @ D[row, ~missing[row]])[None])[0]
        return C

    def _reading(self) -> dict[str, Any]:
        return {}

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)


def _check_settings(model: Any) -> None:
    for name, kind, low in (("n_components", Integral, 1), ("max_iter", Integral, 1), ("tol", Real, 0)):
        value = getattr(model, name)
        if isinstance(value, bool) or not isinstance(value, kind) or not float(value) >= low:
            word = "whole number" if kind is Integral else "number"
            raise ValueError(f"{name} needs a {word} from {low}, but is {value!r}")


def _lack_of_fit(D: Array, model: Array) -> float:
    present = ~np.isnan(D)
    total = float(np.sum(D[present] ** 2))
    return 100.0 * float(np.sqrt(np.sum((D - model)[present] ** 2) / total)) if total > 0 else 0.0


def _capped(n_components: int, D: Array) -> int:
    if n_components > min(D.shape):
        raise ValueError(
            f"n_components={n_components} must be at most min(n_samples={len(D)}, n_features={D.shape[1]})"
        )
    return int(n_components)


class MCRALS(_Unmixer):
    """Multivariate curve resolution by alternating least squares under constraints, ``X ≈ C S``.

    Parameters
    ----------
    n_components : int
        Number of components; ignored if ``start`` is given.
    constraints : sequence of Constraint or of tables, default=()
        See :mod:`spectrode.unmixing.constraints`.
    start : array (components, channels) or {"purest", "purest_spectra", "spa", "vca", "nfindr", "efa", "random"}
        Spectra to begin with, or a way to choose them.
    names, columns, known, shift : see :func:`spectrode.unmixing.als.als`
        Names of components; columns of numbers that go with the spectra; known spectra; axis.
    nonnegative : tuple, default=("concentrations", "spectra")
        Sides that may not be negative.
    max_iter, tol : int, float
        Stop after so many iterations, or when the residual norm changes by less than this fraction.
    random_state : int, default=0
        Seed of a start that draws.

    Attributes
    ----------
    components_ : array (components, channels)
        Spectra, each with unit norm (with closure: at the scale that the sums ask for).
    concentrations_ : array (n, components)
        Of the spectra fitted, under the constraints. ``transform`` of the same spectra gives them without the
        constraints on concentrations, as one spectrum alone has no time and no neighbours.
    n_iter_, lack_of_fit_ : int, float
        Iterations; 100·√(Σe²/Σd²).
    result_ : AlsResult
        With what the constraints forced.

    Notes
    -----
    Missing values (NaN) are allowed and take no part. ``fit`` takes ``weights`` and ``blocks`` as keywords.

    All of scikit-learn's ``check_estimator`` holds for this class. What its checks cannot see: ``fit_transform`` is
    ``fit`` then ``transform``, so the constrained concentrations are in ``concentrations_`` only.
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        constraints: Sequence[Constraint | Mapping[str, Any]] = (),
        start: Any = "purest",
        names: Sequence[str] | None = None,
        columns: Mapping[str, ArrayLike] | None = None,
        known: Mapping[str, ArrayLike] | None = None,
        shift: ArrayLike | None = None,
        nonnegative: tuple[str, ...] = ("concentrations", "spectra"),
        max_iter: int = 500,
        tol: float = 1e-6,
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.constraints = constraints
        self.start = start
        self.names = names
        self.columns = columns
        self.known = known
        self.shift = shift
        self.nonnegative = nonnegative
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        *,
        weights: ArrayLike | Scaling | None = None,
        blocks: ArrayLike | None = None,
    ) -> MCRALS:
        """Find the components of spectra (n, channels)."""
        _check_settings(self)
        D = np.asarray(
            validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2, **self._reading()),
            dtype=np.float64,
        )
        self.result_: AlsResult = als(
            D,
            self._begin(D),
            constraints=[c if isinstance(c, Constraint) else from_table(c) for c in self.constraints],
            shift=self.shift,
            names=self.names,
            columns=self.columns,
            blocks=blocks,
            known=self.known,
            weights=weights,
            nonnegative=self.nonnegative,
            max_iterations=self.max_iter,
            tolerance=self.tol,
        )
        self.components_ = self.result_.spectra
        self.concentrations_ = self.result_.concentrations
        self.n_iter_ = self.result_.iterations
        self.lack_of_fit_ = self.result_.lack_of_fit_percent
        if not self.result_.converged:
            warnings.warn(self.result_.notes[0], ConvergenceWarning, stacklevel=2)
        return self

    def _begin(self, D: Array) -> Array:
        if not isinstance(self.start, str):
            return np.asarray(self.start, dtype=np.float64)
        complete = ~np.isnan(D).any(axis=1)
        k = _capped(self.n_components, D)
        # The choice needs spectra without gaps; where there are too few, gaps are filled for the choice only.
        chosen = D[complete] if np.count_nonzero(complete) >= 2 * k else _filled(D)
        subspace = principal_subspace(SpectraBlocks(chosen, np.ones(len(chosen), dtype=bool)), k)
        return initial_spectra(subspace, k, start=self.start, seed=self.random_state)  # type: ignore[arg-type]

    def _reading(self) -> dict[str, Any]:
        return {"ensure_all_finite": "allow-nan"}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _filled(D: Array) -> Array:
    present = ~np.isnan(D)
    count = present.sum(axis=0)
    means = np.where(present, D, 0.0).sum(axis=0) / np.maximum(count, 1)
    return np.where(present, D, means)


class NonNegativeFactorisation(_Unmixer):
    """Non-negative matrix factorisation with the same interface, by scikit-learn's coordinate descent or by HALS.

    Parameters
    ----------
    n_components : int
        Number of components.
    method : {"coordinate_descent", "hals"}
        The algorithm.
    max_iter, tol : int, float
        Stop after so many iterations, or by the algorithm's own criterion.
    random_state : int, default=0
        Seed.

    Attributes
    ----------
    components_, concentrations_, n_iter_, lack_of_fit_
        As in :class:`MCRALS`; spectra have unit norm, concentrations are exact for them.

    Notes
    -----
    Negative values in X are refused, so that the tag ``positive_only`` is set. All of ``check_estimator`` holds.
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        method: Literal["coordinate_descent", "hals"] = "coordinate_descent",
        max_iter: int = 500,
        tol: float = 1e-6,
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.method = method
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> NonNegativeFactorisation:
        """Find the components of non-negative spectra (n, channels)."""
        _check_settings(self)
        if self.method not in ("coordinate_descent", "hals"):
            raise ValueError(f"method may be 'coordinate_descent' or 'hals', but is {self.method!r}")
        D = np.asarray(validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2), dtype=np.float64)
        if (D < 0).any():
            raise ValueError("Negative values in data passed to NonNegativeFactorisation")
        found, self.n_iter_ = self._factors(D, _capped(self.n_components, D))
        norm = np.linalg.norm(found, axis=1, keepdims=True)
        self.components_ = found / np.where(norm > 0, norm, 1.0)
        self.concentrations_ = self._amounts(D)
        self.lack_of_fit_ = _lack_of_fit(D, self.concentrations_ @ self.components_)
        return self

    def _factors(self, D: Array, k: int) -> tuple[Array, int]:
        if self.method == "hals":
            from .hals import hals

            blocks = SpectraBlocks(D, np.asarray(D.any(axis=1)))
            start = initial_spectra(principal_subspace(blocks, k), k, start="vca", seed=self.random_state)
            found = hals(blocks, start, max_iterations=self.max_iter, tolerance=self.tol)
            if not found.converged:
                warnings.warn(found.notes[0], ConvergenceWarning, stacklevel=3)
            return found.spectra, found.iterations
        model = NMF(k, init="nndsvda", max_iter=self.max_iter, tol=self.tol, random_state=self.random_state)
        model.fit(D)
        return np.asarray(model.components_, dtype=np.float64), int(model.n_iter_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags
