"""Where an unmixing starts: the purest spectra or channels of the noise-reduced data.

All selections work on the leading singular vectors, which removes most of the noise from the choice and makes its cost
independent of the number of channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import StepError
from .blocks import Subspace
from .nnls import solve_nnls

__all__ = [
    "Start",
    "best_of_library",
    "evolving_concentrations",
    "initial_spectra",
    "largest_simplex",
    "mean_spectra",
    "purest",
    "successive_projections",
    "vertex_components",
]

Start = Literal["purest", "purest_spectra", "spa", "vca", "nfindr", "efa", "random"]

_WINDOWS = 400
"""Ends of the growing windows of evolving factor analysis; between them it is interpolated."""
_FAINT = 0.1
"""SPA and VCA pass over spectra fainter than this fraction of a bright one: scaled up, their noise would be chosen."""

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


def initial_spectra(
    subspace: Subspace,
    count: int,
    *,
    start: Start = "purest",
    known: Array | None = None,
    offset: float = 0.1,
    seed: int = 0,
) -> Array:
    """Return starting spectra for the components that are not known.

    Parameters
    ----------
    subspace
        Truncated decomposition of the data, with as many components as will be unmixed.
    count
        Spectra wanted, without the known ones.
    start
        ``purest``: SIMPLISMA; the channels of highest purity give concentrations, and these the spectra. Right for
        Raman, where compounds have bands of their own even if they are mixed everywhere.
        ``purest_spectra``: the spectra of highest purity. Right for broad, overlapping bands where some spectra are
        nearly pure.
        ``spa``: successive projections. ``vca``: vertex component analysis, with random directions.
        ``nfindr``: the spectra that span the largest simplex (N-FINDR), from where ``vca`` ends. ``efa``: evolving
        factor analysis, where components come and go one after the other in the order of the spectra; it knows no
        other.
        ``random``: spectra drawn at random.
    known
        (j, channels) spectra already known; the choice then goes to what differs from them. None if there are none.
    offset
        SIMPLISMA's alpha as a fraction of the largest mean. Larger avoids faint, noisy spectra; usual 0.01 to 0.15.
    seed
        For ``vca``, ``nfindr`` and ``random``; the others do not draw.

    Returns
    -------
    (count, channels) non-negative, each with a maximum of 1.

    Raises
    ------
    StepError
        If ``start`` is not known.

    References
    ----------
    W. Windig, J. Guilment, Anal. Chem. 63 (1991) 1425 (SIMPLISMA).
    M. C. U. Araújo et al., Chemometr. Intell. Lab. Syst. 57 (2001) 65 (SPA).
    J. M. P. Nascimento, J. M. B. Dias, IEEE Trans. Geosci. Remote Sens. 43 (2005) 898 (VCA).
    M. E. Winter, Proc. SPIE 3753 (1999) 266 (N-FINDR).
    M. Maeder, Anal. Chem. 59 (1987) 527; H. Gampp et al., Talanta 32 (1985) 1133 (EFA).
    """
    channels = subspace.loadings.shape[0]
    if count == 0:
        return np.empty((0, channels))
    given = np.empty((0, channels)) if known is None else known
    if start == "purest":
        return _unlike(_scaled(_spectra_from_channels(subspace, count + len(given), offset)), given)
    if start == "efa":
        C = evolving_concentrations(subspace.scores, count + len(given))
        return _unlike(_scaled(_spectra_from(subspace, C)), given)
    return _scaled(subspace.scores[_chosen(subspace, count, start, given, offset, seed)] @ subspace.loadings.T)


def _chosen(subspace: Subspace, count: int, start: Start, known: Array, offset: float, seed: int) -> Indices:
    """Return which spectra to start from."""
    scores = subspace.scores
    # The mean over channels of spectrum i is scores[i] @ mean.
    mean = subspace.loadings.mean(axis=0)
    given = known @ subspace.loadings
    if start == "purest_spectra":
        return purest(scores, mean, count, size=len(subspace.loadings), offset=offset, given=given)
    if start == "spa":
        return successive_projections(scores, mean, count, given=given)
    if start == "vca":
        return vertex_components(scores, mean, count, seed=seed, given=given)
    if start == "nfindr":
        return largest_simplex(scores, mean, count, seed=seed, given=given)
    if start == "random":
        return np.random.default_rng(seed).choice(len(scores), count, replace=False)
    raise StepError(f"unmix: start {start!r} is not known; possible: {', '.join(get_args(Start))}")


def _spectra_from_channels(subspace: Subspace, count: int, offset: float) -> Array:
    """Take the purest channels as concentrations and fit the spectra that belong to them."""
    scores, loadings = subspace.scores, subspace.loadings
    singular = subspace.singular_values
    unit = scores / np.where(singular > 0, singular, 1.0)
    chosen = purest(loadings * singular, unit.mean(axis=0), count, size=len(scores), offset=offset)
    return _spectra_from(subspace, np.maximum(scores @ loadings[chosen].T, 0.0))


def _spectra_from(subspace: Subspace, C: Array) -> Array:
    """Return the non-negative spectra (k, channels) that belong to these concentrations."""
    return solve_nnls(C.T @ C, subspace.loadings @ (subspace.scores.T @ C)).T


def _unlike(spectra: Array, known: Array) -> Array:
    """Leave out, for each known spectrum, the one that resembles it most, all pairs considered together."""
    if not len(known):
        return spectra
    from scipy.optimize import linear_sum_assignment

    cosine = (known / np.linalg.norm(known, axis=1, keepdims=True)) @ (
        spectra / np.linalg.norm(spectra, axis=1, keepdims=True)
    ).T
    _, resembling = linear_sum_assignment(-cosine)
    return np.delete(spectra, resembling, axis=0)


def _scaled(spectra: Array) -> Array:
    positive = np.maximum(spectra, 0.0)
    top = positive.max(axis=1, keepdims=True)
    # A spectrum without a positive value starts flat: any start is better than none.
    return np.asarray(np.where(top > 0, positive / np.where(top > 0, top, 1.0), 1.0))


def purest(
    vectors: Array, mean: Array, count: int, *, size: int, offset: float = 0.1, given: Array | None = None
) -> Indices:
    """Select by SIMPLISMA's purity: standard deviation over mean plus alpha, times independence of those selected.

    Parameters
    ----------
    vectors
        (candidates, m) coordinates in an orthonormal basis.
    mean
        (m,) such that ``vectors @ mean`` is each candidate's mean.
    size
        Values in a candidate, which the mean was taken over.
    given
        (j, m) vectors selected already.
    """
    means = np.maximum(vectors @ mean, 0.0)
    square = np.sum(vectors**2, axis=1) / size
    deviation = np.sqrt(np.maximum(square - means**2, 0.0))
    alpha = offset * (float(means.max()) or float(np.sqrt(square.max())))
    length = means**2 + (deviation + alpha) ** 2
    purity = deviation / (means + alpha)
    normalised = vectors / np.sqrt(size * length)[:, None]
    return _select(normalised, count, lambda left: purity * np.sum(left**2, axis=1), given)


def successive_projections(vectors: Array, mean: Array, count: int, *, given: Array | None = None) -> Indices:
    """Select, again and again, the candidate of equal mean that is farthest from the span of those selected."""
    return _select(_equal_means(vectors, mean), count, lambda left: np.sum(left**2, axis=1), given)


def vertex_components(vectors: Array, mean: Array, count: int, *, seed: int = 0, given: Array | None = None) -> Indices:
    """Select the extreme candidate along random directions orthogonal to those selected (VCA)."""
    rng = np.random.default_rng(seed)

    def extent(left: Array) -> Array:
        return np.abs(left @ rng.normal(size=left.shape[1]))

    return _select(_equal_means(vectors, mean), count, extent, given)


def largest_simplex(vectors: Array, mean: Array, count: int, *, seed: int = 0, given: Array | None = None) -> Indices:
    """Select the candidates of equal mean that, with the given, span the largest volume (N-FINDR).

    Starts from :func:`vertex_components` and exchanges one vertex at a time while that makes the volume larger.
    """
    equal = _equal_means(vectors, mean)
    chosen = vertex_components(vectors, mean, count, seed=seed, given=given)
    fixed = np.empty((0, vectors.shape[1])) if given is None or not len(given) else _equal_means(given, mean)
    for _ in range(10):
        changed = False
        for place in range(count):
            others = np.vstack([fixed, equal[np.delete(chosen, place)]])
            # The volume over a fixed base grows with the distance from it.
            basis = np.linalg.qr(others.T)[0]
            distance = np.sum(equal**2, axis=1) - np.sum((equal @ basis) ** 2, axis=1)
            best = int(np.argmax(distance))
            if distance[best] > distance[chosen[place]] * (1 + 1e-9):
                chosen[place] = best
                changed = True
        if not changed:
            break
    return chosen


def evolving_concentrations(scores: Array, count: int) -> Array:
    """Return (spectra, count) concentration windows by evolving factor analysis.

    Singular values of the spectra up to each one rise where a component appears, those from each one to the end fall
    where one disappears; the first to appear is taken to be the first to disappear, and the smaller of its two curves
    is its window.

    Parameters
    ----------
    scores
        (spectra, m ≥ count) in the order in which they were measured.
    """
    n = len(scores)
    ends = np.unique(np.linspace(1, n, min(n, _WINDOWS)).round().astype(int))
    forward, backward = _growing(scores, ends)[:, :count], _growing(scores[::-1], ends)[:, :count]
    place = np.arange(1, n + 1)
    windows = np.empty((n, count))
    for j in range(count):
        rise = np.interp(place, ends, forward[:, j])
        fall = np.interp(place, ends, backward[:, count - 1 - j])[::-1]
        windows[:, j] = np.minimum(rise, fall)
    return windows


def _growing(scores: Array, ends: NDArray[np.integer]) -> Array:
    """Return (ends, m) singular values of the first spectra up to each end, falling."""
    gram = np.zeros((scores.shape[1], scores.shape[1]))
    found, first = np.empty((len(ends), scores.shape[1])), 0
    for place, end in enumerate(ends):
        gram += scores[first:end].T @ scores[first:end]
        first = int(end)
        found[place] = np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[::-1], 0.0))
    return found


def mean_spectra(intensity: Any, picked: Sequence[Sequence[int]]) -> Array:
    """Return starting spectra (len(picked), channels) from spectra that the user picked by number.

    Each is the mean of its spectra without negative values, scaled to a maximum of 1.

    Raises
    ------
    StepError
        If a number is out of range, a pick is empty, or its mean is nowhere above zero.
    """
    found = np.empty((len(picked), int(intensity.shape[1])))
    for place, rows in enumerate(picked):
        numbers = np.unique(np.asarray(rows, dtype=np.intp))
        if not numbers.size or numbers[0] < 0 or numbers[-1] >= intensity.shape[0]:
            raise StepError(f"unmix: pick {place + 1} needs numbers from 0 to {intensity.shape[0] - 1}, but is {rows}")
        mean = np.asarray(intensity[numbers], dtype=np.float64).mean(axis=0)
        if not mean.max() > 0:
            raise StepError(f"unmix: the mean of pick {place + 1} is nowhere above zero or has missing values")
        found[place] = mean
    return _scaled(found)


def best_of_library(
    subspace: Subspace, library: Array, count: int, *, known: Array | None = None
) -> tuple[Indices, Array]:
    """Choose library spectra to start from, one after the other, each the one that the data need most.

    Parameters
    ----------
    subspace
        Truncated decomposition of the data.
    library
        (l, channels) candidates on the same axis; negative values are set to zero.
    count
        How many; no more than there are candidates.
    known
        (j, channels) spectra that explain part of the data already.

    Returns
    -------
    which, spectra
        (count,) numbers of the candidates in the order chosen, and (count, channels), each with a maximum of 1.

    Raises
    ------
    StepError
        If there are fewer candidates than wanted.
    """
    if count > len(library):
        raise StepError(f"unmix: {count} spectra of the library were asked for, but there are only {len(library)}")
    candidates = _scaled(np.asarray(library, dtype=np.float64))
    chosen: list[int] = []
    given = np.empty((0, candidates.shape[1])) if known is None else known
    for _ in range(count):
        left = np.array([i for i in range(len(candidates)) if i not in chosen])
        remains = [_left_over(subspace, np.vstack([given, candidates[[*chosen, i]]])) for i in left]
        chosen.append(int(left[int(np.argmin(remains))]))
    which = np.array(chosen, dtype=np.intp)
    return which, candidates[which]


def _left_over(subspace: Subspace, spectra: Array) -> float:
    """Return the sum of squares that non-negative amounts of these spectra leave, up to a constant."""
    gram = spectra @ spectra.T
    products = subspace.scores @ (subspace.loadings.T @ spectra.T)
    C = solve_nnls(gram, products)
    return float(np.vdot(C.T @ C, gram) - 2.0 * np.vdot(C, products))


def _equal_means(vectors: Array, mean: Array) -> Array:
    """Scale candidates to one mean, so that mixtures lie between pure ones; faint ones become zero."""
    means = vectors @ mean
    faint = means <= _FAINT * np.percentile(means, 99)
    if faint.all():
        return vectors
    return np.asarray(np.where(faint[:, None], 0.0, vectors / np.where(faint, 1.0, means)[:, None]))


def _select(vectors: Array, count: int, merit: Callable[[Array], Array], given: Array | None) -> Indices:
    """Take the candidate of highest merit, remove its direction from all, repeat."""
    left = vectors.copy()
    basis: list[Array] = []
    for vector in given if given is not None else ():
        _remove(left, basis, vector)
    chosen: list[int] = []
    for _ in range(count):
        value = merit(left)
        value[chosen] = -1.0
        best = int(np.argmax(value))
        chosen.append(best)
        _remove(left, basis, vectors[best])
    return np.array(chosen, dtype=np.intp)


def _remove(left: Array, basis: list[Array], vector: Array) -> None:
    direction = vector.copy()
    for known in basis:
        direction -= (direction @ known) * known
    norm = float(np.linalg.norm(direction))
    if norm <= 1e-10 * float(np.linalg.norm(vector)):
        return
    direction /= norm
    basis.append(direction)
    left -= np.outer(left @ direction, direction)
