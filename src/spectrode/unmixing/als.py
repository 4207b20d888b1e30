"""Alternating least squares under constraints, with weights and missing values, which says what the constraints did."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import Cancelled, StepError
from .constraints.base import Constraint, Context
from .constraints.closure import Closed
from .constraints.data import Weighted
from .constraints.hard import HardModel, HardShape
from .constraints.known import KnownShape
from .constraints.least_squares import solve_rows
from .constraints.noise import Scaling
from .constraints.plan import Forced, Plan
from .hard_models.fit import Estimate, residual_widening

__all__ = ["AlsResult", "Reason", "als"]

Reason = Literal["converged", "exact", "iteration_limit", "diverged"]
Progress = Callable[[int, int], None]
ShouldStop = Callable[[], bool]

_ROUNDING = 1e-14
_RISE = 1e-6
_OPENING, _ROUGH = 100, 1e-5
"""Most iterations, and the change of the residual, with which a fit with sums begins without them."""
_PATIENCE = 50
"""Iterations in a row above the best residual after which the fit has diverged."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AlsResult:
    """Where an alternating fit ended.

    Parameters
    ----------
    names
        (k,) names of the components.
    spectra
        (k, m), each with unit norm; with closure at the scale that the sums ask for.
    concentrations
        (n, k). A spectrum without any value has NaN, except where a shape says what it is.
    iterations
        Iterations done.
    reason
        ``converged``: the residual settled. ``exact``: nothing is left to fit. ``iteration_limit``. ``diverged``: the
        residual kept rising; the best state was kept.
    lack_of_fit_percent
        100·√(Σe² / Σd²) over the values present, unweighted.
    weighted_lack_of_fit_percent
        The same with the weights of the fit: this is what was minimised.
    floor_percent
        Lack of fit of as many principal components: no constraint can go below. NaN with weights or missing values.
    history
        (iterations,) residual norm (weighted) after each iteration.
    forced
        What each constraint forced, in the order given.
    models
        (law, component names, its parameters with errors) of each hard model. The errors hold with spectra free and the
        profiles of other components as they are, so that they are lower limits where those are free too.
    notes
        Sentences for the reader.
    """

    names: tuple[str, ...]
    spectra: Array
    concentrations: Array
    iterations: int
    reason: Reason
    lack_of_fit_percent: float
    weighted_lack_of_fit_percent: float
    floor_percent: float
    history: Array
    forced: tuple[Forced, ...] = ()
    models: tuple[tuple[str, tuple[str, ...], tuple[Estimate, ...]], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def converged(self) -> bool:
        """True if the residual settled, or nothing was left."""
        return self.reason in ("converged", "exact")


def als(
    intensity: ArrayLike,
    start: ArrayLike,
    *,
    constraints: Sequence[Constraint] = (),
    shift: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    columns: Mapping[str, ArrayLike] | None = None,
    blocks: ArrayLike | None = None,
    known: Mapping[str, ArrayLike] | None = None,
    weights: ArrayLike | Scaling | None = None,
    nonnegative: Collection[str] = ("concentrations", "spectra"),
    max_iterations: int = 500,
    tolerance: float = 1e-6,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> AlsResult:
    r"""Unmix spectra under constraints, :math:`\min \sum w_{ij} (d_{ij} - \sum_k c_{ik} s_{kj})^2`.

    Each half step solves its unknowns exactly: non-negativity, windows, presence and sums in the least squares
    itself, shapes by block coordinate descent with the nearest profile of that shape in the metric of the data (see
    :mod:`~spectrode.unmixing.constraints`). A lower lack of fit does not mean better components.

    Parameters
    ----------
    intensity
        (n, m), NaN where a value is missing: it takes no part, exactly (it is not filled in).
    start
        (k, m) spectra to begin with, finite. A component with a known spectrum begins there instead.
    constraints
        See :data:`~spectrode.unmixing.constraints.tables.KINDS`.
    shift
        (m,) axis; None: channel numbers.
    names
        (k,) all different; None: ``component 1``, ….
    columns
        Name → (n,) numbers that constraints ask for: ``time_s``, ``potential_v``, ``pixel``.
    blocks
        (n,) whole numbers: which experiment or cycle a spectrum belongs to, in a stacked set.
    known
        Name → (m,) reference spectra that constraints ask for.
    weights
        (n, m) weights of the points, 1/variance (:func:`~spectrode.unmixing.constraints.noise.noise_weights`), or a
        :class:`~spectrode.unmixing.constraints.noise.Scaling`. None: all equal.
    nonnegative
        The sides that may not be negative.
    max_iterations, tolerance
        Stop after so many iterations, or when the residual norm changes by less than this fraction twice in a row.
    progress
        Called with (iterations done, limit).
    should_stop
        Asked before each iteration.

    Returns
    -------
    AlsResult

    Raises
    ------
    StepError
        If the input does not fit together, or a constraint lacks what it needs.
    Cancelled
        If ``should_stop`` says so.

    References
    ----------
    R. Bro, N. D. Sidiropoulos, J. Chemometrics 12 (1998) 223.
    A. de Juan, R. Tauler, Crit. Rev. Anal. Chem. 36 (2006) 163.
    J. Jaumot, A. de Juan, R. Tauler, Chemometr. Intell. Lab. Syst. 140 (2015) 1.
    """
    _check_settings(nonnegative, max_iterations, tolerance)
    data = Weighted.of(intensity, weights)
    S = _checked_start(start, data.D.shape)
    context = _context(data.D.shape, len(S), shift, names, columns, blocks, known)
    for one in constraints:
        if not isinstance(one, Constraint):
            raise StepError(f"als: constraints needs constraints, but holds {one!r}; from_table makes one of a table")
    spectra = Plan.of("spectra", constraints, context, "spectra" not in nonnegative)
    amounts = Plan.of("concentrations", constraints, context, "concentrations" not in nonnegative)
    S = _with_known(S, spectra)
    fit = _Iteration(data, spectra, amounts, tolerance)
    fit.begin(S)
    for iteration in range(1, max_iterations + 1):
        if should_stop is not None and should_stop():
            raise Cancelled(f"unmixing was cancelled after {iteration - 1} iterations")
        fit.step()
        if progress is not None:
            progress(iteration, max_iterations)
        if fit.reason is not None:
            break
    return _result(fit, context, constraints, tolerance)


class _Iteration:
    """The state of the fit and its best so far."""

    def __init__(self, data: Weighted, spectra: Plan, amounts: Plan, tolerance: float) -> None:
        self.data = data
        self.spectra = spectra
        self.amounts = amounts
        self.tolerance = tolerance
        self.closed = bool(amounts.totals)
        self.history: list[float] = []
        self.reason: Reason | None = None
        self.best = np.inf
        self._settled = 0
        self._above = 0

    def begin(self, S: Array) -> None:
        self.S = _unit_norm(S)
        self.C = np.zeros((self.data.D.shape[0], len(S)))
        if self.closed:
            self._begin_closed()
        self.best_S, self.best_C = self.S, self.C

    def _begin_closed(self) -> None:
        """Begin without the sums: held to them from spectra of wrong scale the fit creeps for thousands of steps."""
        free = _Iteration(self.data, self.spectra, self.amounts.without_totals(), _ROUGH)
        free.begin(self.S)
        while free.reason is None and len(free.history) < _OPENING:
            free.step()
        self.S = free.S
        self.S = self.S * self._closed_scale()[:, None]

    def _closed_scale(self) -> Array:
        """Return the scale of the spectra with which free concentrations come nearest to their sums."""
        normal = self.data.for_concentrations(self.S)
        free = solve_rows(normal.gram, normal.products, allowed=self.amounts.allowed)
        scale = np.ones(len(self.S))
        for _, bound in self.amounts.bound:
            if isinstance(bound, Closed):
                own = list(bound.components)
                A, b = free[:, own], bound.totals
                factor = solve_rows(A.T @ A, (A.T @ b)[None])[0]
                common = float(A.sum() / max(b.sum(), 1e-300))
                scale[own] = np.where(factor > 0, 1.0 / np.where(factor > 0, factor, 1.0), max(common, 1e-300))
        return scale

    def step(self) -> None:
        """Do one iteration and say in ``reason`` whether it was the last."""
        self.C = self.amounts.update(self.C, self.data.for_concentrations(self.S), fresh=not self.history)
        normal = self.data.for_spectra(self.C)
        found = self.spectra.update(self.S.T, normal).T
        dead = ~found.any(axis=1)
        found[dead] = self.S[dead]
        squares = max(self.data.total + normal.squares(found.T), 0.0)
        if not self.closed:
            norm = np.linalg.norm(found, axis=1)
            found, self.C = found / norm[:, None], self.C * norm
        self.S = found
        self._judge(float(np.sqrt(squares)))

    def _judge(self, residual: float) -> None:
        previous = self.history[-1] if self.history else np.inf
        self.history.append(residual)
        self._above = self._above + 1 if residual > self.best * (1 + _RISE) else 0
        if residual <= self.best:
            self.best, self.best_S, self.best_C = residual, self.S, self.C
        self._settled = self._settled + 1 if abs(previous - residual) <= self.tolerance * previous else 0
        if residual**2 <= _ROUNDING * self.data.total:
            self.reason = "exact"
        elif self._settled >= 2:
            self.reason = "converged"
        elif self._above >= _PATIENCE:
            self.reason = "diverged"


def _result(fit: _Iteration, context: Context, constraints: Sequence[Constraint], tolerance: float) -> AlsResult:
    reason = fit.reason or "iteration_limit"
    S, C = (fit.best_S, fit.best_C) if reason == "diverged" else (fit.S, fit.C)
    data = fit.data
    error = np.where(data.present, data.D - C @ S, 0.0)
    plain = float(np.vdot(data.D, data.D))
    for_C, for_S = data.for_concentrations(S), data.for_spectra(C)
    squares = max(data.total + for_S.squares(S.T), 0.0)
    found = {}
    for plan, X, normal in ((fit.amounts, C, for_C), (fit.spectra, S.T, for_S)):
        forced = plan.forced(X, normal, squares)
        found.update({id(c): one for (c, _), one in zip(plan.bound, forced, strict=True)})
    empty = np.asarray(~data.present.any(axis=1))
    concentrations = C.copy()
    if empty.any():
        free = [j for j in range(C.shape[1]) if j not in fit.amounts.shaped]
        concentrations[:, free] = np.where(empty[:, None], np.nan, C[:, free])
    notes = _notes(fit, reason, context, C, tolerance)
    models = _models(fit, context, C, S, squares, error, notes)
    return AlsResult(
        names=context.names,
        spectra=S,
        concentrations=concentrations,
        iterations=len(fit.history),
        reason=reason,
        lack_of_fit_percent=100.0 * math.sqrt(float(np.vdot(error, error)) / plain) if plain > 0 else 0.0,
        weighted_lack_of_fit_percent=100.0 * math.sqrt(squares / data.total) if data.total > 0 else 0.0,
        floor_percent=_floor(data, len(S)),
        history=np.array(fit.history),
        forced=tuple(found[id(c)] for c in constraints),
        models=models,
        notes=tuple(notes),
    )


def _floor(data: Weighted, k: int) -> float:
    if data.W is not None or data.rows is not None or not data.total > 0:
        return math.nan
    D = data.D if data.D.shape[0] >= data.D.shape[1] else data.D.T
    values = np.linalg.eigvalsh(D.T @ D)
    return 100.0 * math.sqrt(max(float(values[:-k].sum()), 0.0) / data.total)


def _models(
    fit: _Iteration, context: Context, C: Array, S: Array, squares: float, error: Array, notes: list[str]
) -> tuple[tuple[str, tuple[str, ...], tuple[Estimate, ...]], ...]:
    found = []
    degrees = max(int(fit.data.present.sum()) - S.size, 1)
    widening = residual_widening(error)
    if widening > 1 and any(isinstance(bound, HardShape) for _, bound in fit.amounts.bound):
        notes.append(
            "The residual of one spectrum resembles that of the next, so it is not noise alone; the standard errors of "
            f"hard models were widened {widening:.2g} times."
        )
    # Weights known up to a factor will do: the residual is measured in the same unit, so that it cancels.
    for constraint, bound in fit.amounts.bound:
        if isinstance(bound, HardShape) and isinstance(constraint, HardModel):
            estimates = bound.estimates(C, S, widening**2 * squares / degrees, degrees, *fit.data.roots())
            found.append((constraint.law, tuple(context.names[j] for j in bound.components), estimates))
    return tuple(found)


def _notes(fit: _Iteration, reason: Reason, context: Context, C: Array, tolerance: float) -> list[str]:
    notes = []
    count = len(fit.history)
    if reason == "iteration_limit":
        notes.append(f"Not converged after {count} iterations: the residual still changes by more than {tolerance:g}.")
    if reason == "diverged":
        where = int(np.argmin(fit.history)) + 1
        notes.append(
            f"Diverged: the residual stayed above its best for {_PATIENCE} iterations, so that of iteration {where} "
            "was kept; constraints that contradict each other or the data do that."
        )
    notes += [
        f"{context.names[j]} is zero everywhere; fewer components would do." for j in np.flatnonzero(~C.any(axis=0))
    ]
    missing = int(np.count_nonzero(~fit.data.present))
    if missing:
        share = 100.0 * missing / fit.data.present.size
        notes.append(f"{missing} missing values ({share:.3g} %) took no part.")
    for j in range(len(context.names)):
        owners = [c.kind for c, b in (*fit.amounts.bound, *fit.spectra.bound) if b.components and j in b.components]
        if len(owners) > 2:
            notes.append(f"{context.names[j]} has {len(owners)} constraints; what one forced includes the others.")
    return notes


def _check_settings(nonnegative: Collection[str], max_iterations: int, tolerance: float) -> None:
    bad = [side for side in nonnegative if side not in ("concentrations", "spectra")]
    if isinstance(nonnegative, str) or bad:
        raise StepError(f"als: nonnegative may list concentrations and spectra, but {nonnegative!r} was given")
    if isinstance(max_iterations, bool) or not isinstance(max_iterations, (int, np.integer)) or max_iterations < 1:
        raise StepError(f"als: max_iterations needs a whole number from 1, but {max_iterations!r} was given")
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise StepError(f"als: tolerance needs a number from 0, but {tolerance!r} was given")


def _checked_start(start: ArrayLike, shape: tuple[int, ...]) -> Array:
    S = np.array(start, dtype=np.float64)
    if S.ndim != 2 or S.shape[1] != shape[1] or not 1 <= len(S) <= min(shape):
        raise StepError(
            f"als: start needs spectra (components, {shape[1]}), at most {min(shape)} of them, but has {S.shape}"
        )
    if not np.isfinite(S).all() or not S.any(axis=1).all():
        raise StepError("als: the spectra of the start must be finite and not zero everywhere, but are not")
    return S


def _context(
    shape: tuple[int, ...],
    k: int,
    shift: ArrayLike | None,
    names: Sequence[str] | None,
    columns: Mapping[str, ArrayLike] | None,
    blocks: ArrayLike | None,
    known: Mapping[str, ArrayLike] | None,
) -> Context:
    n, m = shape
    axis = np.arange(m, dtype=np.float64) if shift is None else np.asarray(shift, dtype=np.float64)
    if axis.shape != (m,) or not np.isfinite(axis).all():
        raise StepError(f"als: shift needs {m} finite values, but has shape {axis.shape}")
    chosen = tuple(names) if names is not None else tuple(f"component {i + 1}" for i in range(k))
    if len(chosen) != k or len(set(chosen)) != k:
        raise StepError(f"als: {k} components need as many different names, but there are: {', '.join(chosen)}")
    numbers = None if blocks is None else np.asarray(blocks)
    if numbers is not None and (numbers.shape != (n,) or numbers.dtype.kind not in "iu"):
        raise StepError(f"als: blocks needs {n} whole numbers, but has shape {numbers.shape}, type {numbers.dtype}")
    return Context(
        chosen,
        axis,
        n,
        {name: np.asarray(values, dtype=np.float64) for name, values in (columns or {}).items()},
        None if numbers is None else numbers.astype(np.int64),
        {name: np.asarray(values, dtype=np.float64) for name, values in (known or {}).items()},
    )


def _with_known(S: Array, plan: Plan) -> Array:
    """Begin components with a known spectrum there; the others may not be negative where that is asked."""
    S = S if plan.signed else np.maximum(S, 0.0)
    if plan.allowed is not None:
        S = np.where(plan.allowed.T, S, 0.0)
    for _, bound in plan.bound:
        if isinstance(bound, KnownShape):
            S[bound.components[0]] = bound.reference
    return np.where(S.any(axis=1, keepdims=True), S, 1.0)


def _unit_norm(spectra: Array) -> Array:
    return np.asarray(spectra / np.linalg.norm(spectra, axis=1, keepdims=True))
