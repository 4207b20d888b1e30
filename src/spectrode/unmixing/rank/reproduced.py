"""Components with bands of their own that both halves of the spectra show.

What a baseline leaves behind is neither independent nor small: it is a smooth curve that comes and goes with the
fluorescence, stands far above the noise and repeats in every part of the data, so that no test against noise can call
it a residue. It differs from compounds in one respect only, it is broad. What an event leaves (a missed cosmic ray, a
flash) is narrow and strong but lives in one spectrum, so that the other half of the spectra does not know it. Both are
therefore judged together: without the broad part, and by what two halves of the spectra have in common.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...errors import Cancelled
from ..blocks import SpectraBlocks, Subspace

__all__ = ["band_width", "common_directions", "keeps_background", "without_broad"]

_BROAD = 14.0
"""Structure of a wavelength above this many band widths is a background's: a band has its power below about 4."""
_HALVED_ROWS = 4096
_FEWEST_HALVED = 12
_FEWEST_GROUPS = 8
_FLOOR = 0.15
"""A mean spectrum that nowhere falls below this share of its highest value still holds its background."""

Array = NDArray[np.float64]
ShouldStop = Callable[[], bool]


def band_width(data: Subspace, count: int) -> float:
    """Return the typical full width of a band in channels, from the ``count`` leading components.

    The autocorrelation of a spectrum's slope crosses zero at 0.58 (Lorentzian) to 0.60 (Gaussian) of the full width at
    half maximum of its bands, whatever their number and places.
    """
    slope = np.diff(data.loadings[:, :count], axis=0) * data.singular_values[:count]
    for lag in range(1, len(slope)):
        if float(np.vdot(slope[lag:], slope[:-lag])) <= 0.0:
            return 1.7 * lag
    return float(len(slope) + 1)


def keeps_background(blocks: SpectraBlocks) -> bool:
    """Return True if the spectra still stand on a background, which is then a component and not a residue."""
    mean = np.zeros(blocks.channels)
    for _, block in blocks:
        mean += block.sum(axis=0)
    return bool(np.percentile(mean, 5.0) > _FLOOR * mean.max())


def without_broad(blocks: SpectraBlocks, width: float) -> tuple[SpectraBlocks, int]:
    """Return the spectra without structure much broader than ``width`` channels, and how many smooth curves that took.

    0 curves, and the spectra as they are, if the bands are about as broad as the whole axis.
    """
    from scipy.interpolate import BSpline

    channels = blocks.channels
    pieces = int(2.0 * channels / (_BROAD * width))
    if pieces < 3:
        return blocks, 0
    # Splines, not cosines: a residue ends with any slope at the edges, and cosines would leave that there.
    inner = np.linspace(0.0, channels - 1.0, pieces + 1)
    knots = np.concatenate([np.zeros(3), inner, np.full(3, channels - 1.0)])
    splines = BSpline.design_matrix(np.arange(channels, dtype=np.float64), knots, 3).toarray()
    smooth = np.linalg.qr(splines)[0].T
    kept = np.empty((blocks.n, channels))
    for rows, block in blocks:
        kept[rows] = block - (block @ smooth.T) @ smooth
    return SpectraBlocks(kept, np.ones(blocks.n, dtype=bool)), len(smooth)


def common_directions(
    blocks: SpectraBlocks,
    count: int,
    *,
    resamples: int,
    seed: int,
    groups: NDArray[np.integer] | None = None,
    should_stop: ShouldStop | None = None,
) -> Array:
    """Return (resamples, count) cosines between what two random halves of the spectra hold, falling along a row.

    Each half gives its ``count`` leading spectral directions; the cosines of the angles between the two spans say how
    many directions the halves share. For noise they are near 0 (about 2·√(count/channels)).

    Parameters
    ----------
    groups
        (spectra,) labels of what stays together (a pixel's spectra in all frames), if there are at least eight.

    Raises
    ------
    Cancelled
        If ``should_stop`` says so.
    """
    rng = np.random.default_rng(seed)
    count = min(count, blocks.channels, blocks.n // 2)
    if blocks.n < _FEWEST_HALVED or count < 1:
        return np.empty((0, max(count, 0)))
    cosines = np.empty((resamples, count))
    for place in range(resamples):
        if should_stop is not None and should_stop():
            raise Cancelled(f"estimate_rank: cancelled after {place} of {resamples} resamples")
        one, two = (_directions(blocks.subset(half), count) for half in _halves(blocks.n, groups, rng))
        cosines[place] = np.linalg.svd(one.T @ two, compute_uv=False)
    return np.minimum(cosines, 1.0)


def _halves(n: int, groups: NDArray[np.integer] | None, rng: np.random.Generator) -> tuple[NDArray[np.intp], ...]:
    """Return two disjoint random sets of rows, each in order; of very many spectra only some take part."""
    if groups is not None:
        labels, label = np.unique(groups, return_inverse=True)
        if len(labels) >= _FEWEST_GROUPS:
            side = np.isin(label, rng.permutation(len(labels))[: len(labels) // 2])
            both = (np.flatnonzero(side), np.flatnonzero(~side))
            return tuple(np.sort(rng.permutation(half)[: _HALVED_ROWS // 2]) for half in both)
    order = rng.permutation(n)[:_HALVED_ROWS]
    middle = len(order) // 2
    return np.sort(order[:middle]), np.sort(order[middle:])


def _directions(blocks: SpectraBlocks, count: int) -> Array:
    """Return (channels, count) orthonormal leading spectral directions."""
    from scipy.linalg import eigh
    from scipy.sparse.linalg import eigsh

    n, channels = blocks.n, blocks.channels
    rows = np.vstack([block for _, block in blocks])
    tall = n > channels
    matrix = rows.T @ rows if tall else rows @ rows.T
    size = len(matrix)
    if size > 4 * count + 40:
        values, vectors = eigsh(matrix, k=count, v0=np.ones(size))
    else:
        values, vectors = eigh(matrix, subset_by_index=[size - count, size - 1])
    if tall:
        return np.asarray(vectors)
    return np.asarray(np.linalg.qr(rows.T @ (vectors / np.sqrt(np.maximum(values, 1e-300))))[0])
