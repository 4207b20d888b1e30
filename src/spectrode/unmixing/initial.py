"""Where an unmixing starts: the purest spectra or channels of the noise-reduced data.

All selections work on the leading singular vectors, which removes most of the noise from the choice and makes its cost
independent of the number of channels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import StepError
from .blocks import Subspace
from .nnls import solve_nnls

__all__ = ["Start", "initial_spectra", "purest", "successive_projections", "vertex_components"]

Start = Literal["purest", "purest_spectra", "spa", "vca", "random"]

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
        ``random``: spectra drawn at random.
    known
        (j, channels) spectra already known; the choice then goes to what differs from them. None if there are none.
    offset
        SIMPLISMA's alpha as a fraction of the largest mean. Larger avoids faint, noisy spectra; usual 0.01 to 0.15.
    seed
        For ``vca`` and ``random``; the others do not draw.

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
    """
    channels = subspace.loadings.shape[0]
    if count == 0:
        return np.empty((0, channels))
    given = np.empty((0, channels)) if known is None else known
    if start == "purest":
        return _unlike(_scaled(_spectra_from_channels(subspace, count + len(given), offset)), given)
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
    if start == "random":
        return np.random.default_rng(seed).choice(len(scores), count, replace=False)
    raise StepError(f"unmix: start {start!r} is not known; possible: {', '.join(get_args(Start))}")


def _spectra_from_channels(subspace: Subspace, count: int, offset: float) -> Array:
    """Take the purest channels as concentrations and fit the spectra that belong to them."""
    scores, loadings = subspace.scores, subspace.loadings
    singular = subspace.singular_values
    unit = scores / np.where(singular > 0, singular, 1.0)
    chosen = purest(loadings * singular, unit.mean(axis=0), count, size=len(scores), offset=offset)
    C = np.maximum(scores @ loadings[chosen].T, 0.0)
    return solve_nnls(C.T @ C, loadings @ (scores.T @ C)).T


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
