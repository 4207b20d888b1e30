"""Whether two halves of the spectra give the same components, each fitted on its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import Cancelled, StepError
from .blocks import SpectraBlocks, principal_subspace
from .bootstrap import matched
from .initial import initial_spectra
from .mcr_als import mcr_als
from .result import Decomposition

__all__ = ["SplitHalf", "split_half"]

_MOST_ROWS = 2000
_REPRODUCED = 0.9

Array = NDArray[np.float64]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class SplitHalf:
    """Agreement of components between halves of the spectra; r halvings, k components.

    Parameters
    ----------
    cosines
        (r, k) between the two halves' spectra of each component of the decomposition.
    with_whole
        (r, k) the smaller cosine of the two halves with the decomposition's spectrum.
    reproduced
        (k,) True if the median of ``cosines`` is at least 0.9.
    notes
        A sentence for each component that is not.
    """

    cosines: Array
    with_whole: Array
    reproduced: NDArray[np.bool_]
    notes: tuple[str, ...] = ()


def split_half(
    intensity: Any,
    decomposition: Decomposition,
    *,
    repeats: int = 4,
    groups: ArrayLike | None = None,
    max_iterations: int = 100,
    seed: int = 0,
    should_stop: ShouldStop | None = None,
) -> SplitHalf:
    """Unmix random halves of the spectra independently and compare the components.

    Each half starts from its own purest channels and knows nothing of the other or of the decomposition but the
    spectra that were given as known. A component that only one half shows rests on a few spectra; one that both show
    differently is not determined by the data.

    Parameters
    ----------
    intensity
        (n, m) the data that were unmixed; of more than 4,000 spectra a random choice takes part.
    decomposition
        Their decomposition.
    repeats
        Random halvings.
    groups
        (n,) labels of spectra that stay together.
    max_iterations
        Of each fit.
    seed
        Of the halvings.
    should_stop
        Asked before each iteration.

    Raises
    ------
    StepError
        If the input does not fit together, or a half has fewer spectra than there are components.
    Cancelled
        If ``should_stop`` says so.
    """
    if tuple(intensity.shape) != (decomposition.n_spectra, decomposition.spectra.shape[1]):
        raise StepError("split_half: intensity must be the data that were unmixed, but has another shape")
    if repeats < 1:
        raise StepError(f"split_half: repeats needs a number from 1, but {repeats} was given")
    rows = np.flatnonzero(np.isfinite(decomposition.concentrations).all(axis=1))
    labels = np.arange(decomposition.n_spectra) if groups is None else np.asarray(groups)
    if labels.shape != (decomposition.n_spectra,):
        raise StepError(f"split_half: groups must have one value for each of {decomposition.n_spectra} spectra")
    label = np.unique(labels[rows], return_inverse=True)[1]
    k = decomposition.n_components
    cosines, whole = np.empty((repeats, k)), np.empty((repeats, k))
    for place in range(repeats):
        rng = np.random.default_rng([seed, place])
        side = rng.permutation(int(label.max(initial=-1)) + 1)[label] % 2 == 0
        halves = []
        for half in (rows[side], rows[~side]):
            if len(half) <= k:
                raise StepError(f"split_half: half of the spectra, {len(half)}, are too few for {k} components")
            some = np.sort(rng.permutation(half)[:_MOST_ROWS])
            halves.append(_fitted(intensity, decomposition, some, max_iterations, should_stop))
        cosines[place] = _cosine(halves[0], halves[1])
        whole[place] = np.minimum(*(_cosine(half, decomposition.spectra) for half in halves))
    middle = np.median(cosines, axis=0)
    notes = tuple(
        f"{name} is not reproduced: halves of the spectra give a cosine of {value:.2f}."
        for name, value in zip(decomposition.names, middle, strict=True)
        if value < _REPRODUCED
    )
    return SplitHalf(cosines, whole, middle >= _REPRODUCED, notes)


def _fitted(
    intensity: Any,
    decomposition: Decomposition,
    rows: NDArray[np.intp],
    max_iterations: int,
    should_stop: ShouldStop | None,
) -> Array:
    data = np.asarray(intensity[rows], dtype=np.float64)
    blocks = SpectraBlocks(data, np.asarray(data.any(axis=1)))
    known = np.array(decomposition.known, dtype=bool)
    fixed = decomposition.spectra[known]
    k = decomposition.n_components
    free = initial_spectra(principal_subspace(blocks, k), k - len(fixed), known=fixed if len(fixed) else None)
    start = np.empty_like(decomposition.spectra)
    start[known], start[~known] = fixed, free
    if should_stop is not None and should_stop():
        raise Cancelled("split_half: cancelled")
    found = mcr_als(
        blocks, start, fixed=known, max_iterations=max_iterations, tolerance=1e-5, should_stop=should_stop
    ).spectra
    found = found.copy()
    # Known spectra are in their places; the others are matched among themselves.
    found[~known] = matched(found[~known], decomposition.spectra[~known])
    return found


def _cosine(one: Array, two: Array) -> Array:
    size = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    return np.asarray(np.sum(one * two, axis=1) / np.where(size > 0, size, 1.0))
