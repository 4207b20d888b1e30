"""How far rotation can move a factorisation: the feasible bands of MCR-BANDS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import Cancelled, StepError
from ._rotation import Problem, Side, extreme, unfold

__all__ = ["Ambiguity", "feasible_bands"]

_ONE_SHAPE = 1e-6
"""Share of a component's squares that may lie outside one shape for all blocks, even if the component has none."""
_ZERO = 1e-9
_START_SIZE = 0.3
_ISOLATED = 1e-3
_DEPENDENT = 1e12

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Progress = Callable[[int, int], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Ambiguity:
    """Extremes of each component over all rotations that the constraints allow; n spectra, m channels, k components.

    Parameters
    ----------
    contribution
        (k,) ‖c sᵀ‖ / ‖C Sᵀ‖ of the given solution.
    lowest, highest
        (k,) the smallest and largest that were found; equal where the component is unique. The true extremes lie at
        or outside them, since the search may miss the last corner.
    rotation_lowest, rotation_highest
        (k, k, k) the matrices T of those solutions, one a component: concentrations C T⁻¹, spectra T S, in the units
        of the profiles given.
    spectra_lowest, spectra_highest
        (k, m) each component's spectrum in its two solutions, maximum 1.
    concentrations_lowest, concentrations_highest
        (n, k) each component's concentrations in its two solutions, on the scale of those spectra.
    spectra_lower, spectra_upper
        (k, m) envelope over all solutions found.
    concentrations_lower, concentrations_upper
        (n, k) the same.
    settled
        (k, 2) True where the search for (lowest, highest) ended by itself.
    notes
        Sentences for the reader.
    """

    contribution: Array
    lowest: Array
    highest: Array
    rotation_lowest: Array
    rotation_highest: Array
    spectra_lowest: Array
    spectra_highest: Array
    concentrations_lowest: Array
    concentrations_highest: Array
    spectra_lower: Array
    spectra_upper: Array
    concentrations_lower: Array
    concentrations_upper: Array
    settled: Bools
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> Array:
        """(k,) highest − lowest contribution; 0 is unique."""
        return np.asarray(self.highest - self.lowest)


def feasible_bands(
    concentrations: ArrayLike,
    spectra: ArrayLike,
    *,
    known: ArrayLike | None = None,
    non_negative_spectra: ArrayLike | None = None,
    non_negative_concentrations: ArrayLike | None = None,
    tolerance_spectra: ArrayLike | float = 0.0,
    tolerance_concentrations: ArrayLike | float = 0.0,
    zero_spectra: ArrayLike | None = None,
    zero_concentrations: ArrayLike | None = None,
    closure: ArrayLike | None = None,
    blocks: ArrayLike | None = None,
    trilinear: ArrayLike | None = None,
    starts: int = 4,
    max_iterations: int = 200,
    seed: int = 0,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> Ambiguity:
    """Find the smallest and largest relative contribution of each component that the constraints allow.

    Every solution C T⁻¹, T S of a factorisation C S fits the data equally well. For each component the share
    ‖c sᵀ‖ / ‖C Sᵀ‖ is made as small and as large as the constraints permit; where both agree, the component is
    unique. The work is in the k × k numbers of T and does not grow with the data but through the rows that bind.

    Parameters
    ----------
    concentrations, spectra
        (n, k) and (k, m), a solution that meets the constraints. Spectra (rows) with missing values take no part.
    known
        (k,) True for a spectrum that was given and may not change. None: none.
    non_negative_spectra, non_negative_concentrations
        (k,) which components have to be non-negative; all, if not given (known spectra are exempt).
    tolerance_spectra, tolerance_concentrations
        One number or (k,), in the units of the profiles: how far below zero noise may take them. Larger widens the
        bands. Values that the given solution itself has below zero are tolerated in any case.
    zero_spectra, zero_concentrations
        (k, m) and (n, k) bool, True where a component is known to be absent (selective channels, local rank).
    closure
        (k,) True for components whose concentrations add up to a constant. Closing all k components fixes only their
        scales and does not narrow the bands; closing some of them does.
    blocks
        (n,) number of the run or cycle of each spectrum, in the same order in each and equally many in each.
    trilinear
        (k,) True for components whose concentration profile has the same shape in all blocks; all, if ``blocks`` is
        given alone.
    starts
        Different points from which each extreme is searched. More is slower and misses less.
    max_iterations
        Of each search.
    seed
        Of the starts. The same input and seed give the same result.
    progress
        Called with (extremes found, 2 k).
    should_stop
        Asked between searches.

    Raises
    ------
    StepError
        If the input does not fit together, or the profiles are linearly dependent.
    Cancelled
        If ``should_stop`` says so.

    References
    ----------
    W. H. Lawton, E. A. Sylvestre, Technometrics 13 (1971) 617.
    R. Tauler, J. Chemometrics 15 (2001) 627 (extremes of the relative contribution); J. Jaumot, R. Tauler, Chemometr.
    Intell. Lab. Syst. 103 (2010) 96 (MCR-BANDS).
    """
    whole, S = np.asarray(concentrations, dtype=np.float64), np.asarray(spectra, dtype=np.float64)
    _check_shapes(whole, S, starts)
    used: Bools = np.asarray(np.isfinite(whole).all(axis=1))
    C, k = whole[used], len(S)
    size = np.linalg.norm(S, axis=1)
    if not C.any(axis=0).all() or not (size > 0).all():
        raise StepError("feasible_bands: every component needs a spectrum and concentrations that are not zero")
    problem = _problem(
        C * size,
        S / size[:, None],
        known=_mask("known", known, (k,), False),
        positive_s=_mask("non_negative_spectra", non_negative_spectra, (k,), True),
        positive_c=_mask("non_negative_concentrations", non_negative_concentrations, (k,), True),
        # T = I has to be allowed, whatever small negatives the solution came with.
        slack_s=np.maximum(_numbers("tolerance_spectra", tolerance_spectra, k), -S.min(axis=1)) / size,
        slack_c=np.maximum(_numbers("tolerance_concentrations", tolerance_concentrations, k), -C.min(axis=0)) * size,
        zero_s=_mask("zero_spectra", zero_spectra, S.shape, False),
        zero_c=_mask("zero_concentrations", zero_concentrations, whole.shape, False)[used],
        closed=_mask("closure", closure, (k,), False),
        blocks=None if blocks is None else _checked_blocks(blocks, used),
        trilinear=_mask("trilinear", trilinear, (k,), blocks is not None),
    )
    if max(_condition(problem.gram_c), _condition(problem.gram_s)) > _DEPENDENT:
        raise StepError("feasible_bands: the profiles are linearly dependent, so that anything would fit; use fewer")

    def stop() -> None:
        if should_stop is not None and should_stop():
            raise Cancelled("feasible_bands: cancelled")

    low, high, settled = _extremes(problem, starts, max_iterations, seed, progress, stop)
    result = _result(problem, whole, S, size, low, high, settled)
    return replace(result, notes=_notes(result))


def _condition(gram: Array) -> float:
    size = np.sqrt(np.diag(gram))
    return float(np.linalg.cond(gram / np.outer(size, size)))


def _check_shapes(C: Array, S: Array, starts: int) -> None:
    if C.ndim != 2 or S.ndim != 2 or C.shape[1] != S.shape[0] or not len(S):
        raise StepError(
            f"feasible_bands: needs concentrations (spectra, k) and spectra (k, channels), but has {C.shape}, {S.shape}"
        )
    if not np.isfinite(S).all():
        raise StepError("feasible_bands: the component spectra must be finite, but hold a missing or infinite value")
    if starts < 1:
        raise StepError(f"feasible_bands: starts needs a number from 1, but {starts} was given")


def _mask(name: str, values: ArrayLike | None, shape: tuple[int, ...], default: bool) -> Bools:
    if values is None:
        return np.full(shape, default)
    mask = np.asarray(values, dtype=bool)
    if mask.shape != shape:
        raise StepError(f"feasible_bands: {name} must have shape {shape}, but has {mask.shape}")
    return mask


def _numbers(name: str, values: ArrayLike | float, k: int) -> Array:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape not in ((), (k,)) or not (np.isfinite(numbers) & (numbers >= 0)).all():
        raise StepError(f"feasible_bands: {name} needs one number from 0, or {k} of them")
    return np.broadcast_to(numbers, (k,)).copy()


def _checked_blocks(blocks: ArrayLike, used: Bools) -> NDArray[np.integer]:
    labels = np.asarray(blocks)
    if labels.shape != used.shape:
        raise StepError(f"feasible_bands: blocks must have one number for each of {len(used)} spectra")
    return labels[used]


def _problem(
    C: Array,
    S: Array,
    *,
    known: Bools,
    positive_s: Bools,
    positive_c: Bools,
    slack_s: Array,
    slack_c: Array,
    zero_s: Bools,
    zero_c: Bools,
    closed: Bools,
    blocks: NDArray[np.integer] | None,
    trilinear: Bools,
) -> Problem:
    k = len(S)
    folded, one_shape = None, np.zeros(k)
    if blocks is not None and trilinear.any():
        try:
            folded = unfold(C, blocks)
        except ValueError as error:
            raise StepError(
                f"feasible_bands: trilinear components need equally many spectra in each block, but {error}"
            ) from None
    elif trilinear.any():
        raise StepError("feasible_bands: trilinear components need blocks to compare")
    equal = [_zero_rows(S.T, zero_s[i], i, k) for i in range(k)] + [_closure_rows(C, closed)]
    zeros = [_span(C[zero_c[:, i]], i) for i in range(k)]
    problem = Problem(
        gram_c=C.T @ C,
        gram_s=S @ S.T,
        spectra=Side.of(S.T, slack_s),
        concentrations=Side.of(C, slack_c),
        positive_s=positive_s & ~known,
        positive_c=positive_c,
        free=~np.eye(k, dtype=bool) & ~known[:, None],
        equal_s=np.vstack(equal),
        zero_c=tuple(zeros),
        folded=folded,
        trilinear=trilinear if folded is not None else np.zeros(k, dtype=bool),
        one_shape=one_shape,
    )
    alone = np.array([len(vectors) == k - 1 for vectors in zeros])
    if folded is not None:
        own = np.array([problem.outside(unit)[0] for unit in np.eye(k)])
        problem = replace(problem, one_shape=np.maximum(own * (1 + 1e-6), _ONE_SHAPE))
        alone |= np.array([trilinear[i] and _is_isolated(folded, i, float(own[i])) for i in range(k)])
    return _with_unique(problem, alone)


def _is_isolated(folded: Array, component: int, own: float) -> bool:
    """Return True if adding a little of any other profile destroys the component's one shape over the blocks.

    To first order it is destroyed by what lies outside the component's row space and its column space both. If that
    part of the others is linearly independent, none of them can be added.
    """
    left, _, right = np.linalg.svd(folded[component], full_matrices=False)
    a, b = left[:, 0], right[0]
    others = np.delete(folded, component, axis=0)
    others = others / np.linalg.norm(others, axis=(1, 2), keepdims=True)
    others = others - a[:, None] * np.einsum("a,kab->kb", a, others)[:, None, :]
    others = others - np.einsum("kab,b->ka", others, b)[:, :, None] * b
    flat = others.reshape(len(others), -1)
    if flat.shape[1] < len(flat):
        return False
    values = np.linalg.svd(flat, compute_uv=False)
    return bool(values.size == 0 or values[-1] > _ISOLATED + 10.0 * np.sqrt(own))


def _with_unique(problem: Problem, alone: Bools) -> Problem:
    """Hold the concentrations of components that nothing can be added to; what they must be needs no search."""
    if not alone.any():
        return problem
    nothing = np.empty((0, problem.k))
    return replace(
        problem,
        # T⁻¹ has nothing beside the diagonal in such a column, and so T has not.
        free=problem.free & ~alone[None, :],
        zero_c=tuple(nothing if alone[i] else vectors for i, vectors in enumerate(problem.zero_c)),
        trilinear=problem.trilinear & ~alone,
    )


def _span(rows: Array, component: int) -> Array:
    """Return (j, k) orthonormal vectors that span the rows; the component's own place is zero already."""
    if not len(rows):
        return np.empty((0, rows.shape[1]))
    others = rows.copy()
    # What noise left at the zeros of the given solution is no constraint on the others.
    others[:, component] = 0.0
    _, values, right = np.linalg.svd(others.T @ others)
    return np.asarray(right[values > _ZERO * max(float(values[0]), np.finfo(float).tiny)])


def _zero_rows(columns: Array, where: Bools, component: int, k: int) -> Array:
    """Return (j, k·k) equalities on T that keep a spectrum zero where it is known to be."""
    vectors = _span(columns[where], component)
    rows = np.zeros((len(vectors), k, k))
    rows[:, component] = vectors
    return rows.reshape(len(vectors), k * k)


def _closure_rows(C: Array, closed: Bools) -> Array:
    """Return equalities on T that keep Σ c over the closed components constant, with some choice of their scales.

    C w = 1 with w zero outside the closed components. The rotated C T⁻¹ closes with weights T w, so these have to be
    zero outside them too; inside, they only set scales.
    """
    k = len(closed)
    outside = np.flatnonzero(~closed)
    if not closed.any() or not outside.size:
        return np.empty((0, k * k))
    weights = np.zeros(k)
    weights[closed] = np.linalg.lstsq(C[:, closed], np.ones(len(C)), rcond=None)[0]
    rows = np.zeros((len(outside), k, k))
    rows[np.arange(len(outside)), outside] = weights / np.linalg.norm(weights)
    return rows.reshape(len(outside), k * k)


def _extremes(
    problem: Problem, starts: int, max_iterations: int, seed: int, progress: Progress | None, stop: Callable[[], None]
) -> tuple[Array, Array, Bools]:
    k = problem.k
    found = np.tile(np.eye(k), (2, k, 1, 1))
    settled = np.zeros((k, 2), dtype=bool)
    for component in range(k):
        for side, sign in enumerate((-1, 1)):
            first = _starts(problem, starts, seed + 2 * component + side)
            found[side, component], _, settled[component, side] = extreme(
                problem, component, sign, first, max_iterations=max_iterations, seed=seed, stop=stop
            )
            if progress is not None:
                progress(2 * component + side + 1, 2 * k)
    # A solution found for one component may be a better one for another.
    pool = found.reshape(2 * k, k, k)
    shares = np.array([[problem.share(T, i)[0] for i in range(k)] for T in pool])
    return pool[np.argmin(shares, axis=0)], pool[np.argmax(shares, axis=0)], settled


def _starts(problem: Problem, count: int, seed: int) -> list[Array]:
    """Return the identity and random rotations that are small enough to be near the allowed ones."""
    rng = np.random.default_rng(seed)
    k = problem.k
    size = _START_SIZE / np.sqrt(k)
    random = [np.where(problem.free, rng.uniform(-size, size, (k, k)), np.eye(k)) for _ in range(count - 1)]
    return [np.eye(k), *random]


def _result(problem: Problem, C: Array, S: Array, size: Array, low: Array, high: Array, settled: Bools) -> Ambiguity:
    """Turn rotations of unit-norm spectra into profiles; only two copies of the concentrations are alive at a time."""
    k = problem.k
    index = range(k)
    unit_c, unit_s = C * size, S / size[:, None]
    top = S.max(axis=1)
    envelope_s = [S / top[:, None], S / top[:, None]]
    envelope_c = [C * top, C * top]
    extremes: list[tuple[Array, Array]] = []
    for rotations in (low, high):
        spectra, amounts = np.empty_like(S), np.empty_like(C)
        for i, T in enumerate(rotations):
            rotated = T @ unit_s
            scale = rotated.max(axis=1)
            rotated /= scale[:, None]
            mixed = unit_c @ (np.linalg.inv(T) * scale)
            spectra[i], amounts[:, i] = rotated[i], mixed[:, i]
            envelope_s = [np.minimum(envelope_s[0], rotated), np.maximum(envelope_s[1], rotated)]
            envelope_c = [np.minimum(envelope_c[0], mixed), np.maximum(envelope_c[1], mixed)]
        extremes.append((spectra, amounts))
    return Ambiguity(
        contribution=np.array([problem.share(np.eye(k), i)[0] for i in index]),
        lowest=np.array([problem.share(low[i], i)[0] for i in index]),
        highest=np.array([problem.share(high[i], i)[0] for i in index]),
        rotation_lowest=size[:, None] * low / size,
        rotation_highest=size[:, None] * high / size,
        spectra_lowest=extremes[0][0],
        spectra_highest=extremes[1][0],
        concentrations_lowest=extremes[0][1],
        concentrations_highest=extremes[1][1],
        spectra_lower=envelope_s[0],
        spectra_upper=envelope_s[1],
        concentrations_lower=envelope_c[0],
        concentrations_upper=envelope_c[1],
        settled=settled,
    )


def _notes(result: Ambiguity) -> tuple[str, ...]:
    notes = []
    unsettled = np.flatnonzero(~result.settled.all(axis=1))
    if unsettled.size:
        which = ", ".join(str(i + 1) for i in unsettled)
        notes.append(f"The search for the extremes of component {which} did not settle: its band may be wider.")
    return tuple(notes)
