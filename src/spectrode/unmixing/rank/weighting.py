"""Data with noise that is even and independent: weights, and bins where neighbouring channels share their noise."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..blocks import SpectraBlocks, Subspace, principal_subspace

__all__ = ["SHOWN", "NoiseModel", "deflated", "evened", "noise_law", "residual_of", "weighted"]

NoiseModel = Literal["estimated", "poisson", "counts", "uniform"]

SHOWN = 20
"""Singular values reported, if the data have as many."""
_CORRELATED = 0.2
_LOOKED_AT = 256
_FEWEST_BINS = 40
_CLASSES = 40
_LEAST_FREEDOM = 0.5

Array = NDArray[np.float64]


def weighted(
    blocks: SpectraBlocks, data: Subspace, limit: int, spread: SpectraBlocks | None, noise: NoiseModel
) -> tuple[SpectraBlocks, str]:
    """Return the data with even noise, and in words how that was done."""
    if spread is not None:
        row, column = _mean_sides(spread)
        words = "weighted by the variance given"
    elif noise == "poisson":
        model = data.truncated(deflated(blocks, limit))
        row, column = _law_sides(blocks, model, *noise_law(blocks, model))
        words = "weighted by the read and shot noise fitted to the residual"
    elif noise == "counts":
        row, column = _mean_sides(blocks)
        words = "weighted as Poisson counts"
    elif noise == "estimated":
        row, column = _residual_sides(blocks, data.truncated(deflated(blocks, limit)))
        words = "weighted by the noise found in each spectrum and channel"
    else:
        return blocks, "unweighted"
    return blocks.weighted(_inverse_root(row), _inverse_root(column)), words


def noise_law(blocks: SpectraBlocks, model: Subspace) -> tuple[float, float]:
    """Return (a, b) of variance = a + b · signal, fitted to what ``model`` leaves; both at least 0.

    ``a`` (counts²) holds the read noise and the shot noise of a background that was subtracted, ``b`` (counts) is the
    shot noise of one count. Medians of the squared residual in classes of equal signal, so that events do not count.
    """
    from scipy.optimize import nnls

    picked = np.arange(0, blocks.n, max(1, blocks.n // _LOOKED_AT))
    free_row, free_column = _freedom(model)
    left = residual_of(blocks.subset(picked), model, picked) ** 2
    left /= np.maximum(np.outer(free_row[picked], free_column), 0.1)
    signal = model.scores[picked] @ model.loadings.T
    order = np.argsort(signal, axis=None)
    classes = [part for part in np.array_split(order, _CLASSES) if part.size]
    # A squared normal deviate has its median at 0.4549 of its mean.
    variance = np.array([np.median(left.ravel()[part]) for part in classes]) / 0.4549
    level = np.array([max(float(np.mean(signal.ravel()[part])), 0.0) for part in classes])
    if not variance.any():
        return 0.0, 0.0
    scale = np.maximum(variance, 1e-6 * float(variance.max()))
    design = np.column_stack([np.ones_like(level), level]) / scale[:, None]
    size = np.linalg.norm(design, axis=0)
    size[size == 0] = 1.0
    found, _ = nnls(design / size, variance / scale)
    return float(found[0] / size[0]), float(found[1] / size[1])


def _law_sides(blocks: SpectraBlocks, model: Subspace, floor: float, slope: float) -> tuple[Array, Array]:
    """Return the mean variance of each spectrum and each channel after the noise law."""
    row = floor + slope * np.maximum(model.scores @ model.loadings.mean(axis=0), 0.0)
    column = floor + slope * np.maximum(model.loadings @ model.scores.mean(axis=0), 0.0)
    return row, column


def deflated(blocks: SpectraBlocks, limit: int) -> int:
    """Return how many components to take out when the noise is looked at: not more than half of a small matrix."""
    return max(1, min(limit, min(blocks.n, blocks.channels) // 2))


def _mean_sides(blocks: SpectraBlocks) -> tuple[Array, Array]:
    row, column = np.empty(blocks.n), np.zeros(blocks.channels)
    for rows, block in blocks:
        row[rows] = block.mean(axis=1)
        column += block.sum(axis=0)
    return row, column / blocks.n


def _residual_sides(blocks: SpectraBlocks, model: Subspace) -> tuple[Array, Array]:
    """Return the residual variance of each spectrum and each channel, corrected for leverage."""
    row, column = np.empty(blocks.n), np.zeros(blocks.channels)
    for rows, block in blocks:
        square = (block - model.scores[rows] @ model.loadings.T) ** 2
        row[rows] = square.mean(axis=1)
        column += square.sum(axis=0)
    free_row, free_column = _freedom(model)
    return _per_freedom(row, free_row), _per_freedom(column / blocks.n, free_column)


def _freedom(model: Subspace) -> tuple[Array, Array]:
    """Return the share of each spectrum's and each channel's noise that the model left."""
    row = np.sum((model.scores / model.singular_values) ** 2, axis=1)
    return np.asarray(1.0 - row), np.asarray(1.0 - np.sum(model.loadings**2, axis=1))


def _per_freedom(square: Array, freedom: Array) -> Array:
    """Return variances corrected for leverage; a line that the model takes nearly whole gets at least the median.

    A cosmic ray makes its spectrum and its channels such lines: what little is left of them says nothing about their
    noise, and taken at its word would blow up the noise of that channel in all the other spectra.
    """
    safe = freedom > _LEAST_FREEDOM
    if not safe.any():
        return np.asarray(square / np.maximum(freedom, 0.1))
    variance = square / np.maximum(freedom, 0.1)
    # Not less than the others', that is; a bright spectrum may well have more.
    return np.where(safe, variance, np.maximum(variance, np.median(variance[safe])))


def _inverse_root(variance: Array) -> Array:
    """Return 1/√variance with a median of 1; floored, or one spectrum that a component takes whole would rule all."""
    middle = float(np.median(variance))
    if middle <= 0:
        middle = float(variance.max(initial=0.0))
    if middle <= 0:
        return np.ones_like(variance)
    return np.asarray(1.0 / np.sqrt(np.maximum(variance / middle, 0.1)))


def evened(blocks: SpectraBlocks, limit: int) -> tuple[SpectraBlocks, Subspace, int]:
    """Return data whose neighbouring channels have independent noise, their subspace, and the channels binned for it.

    Smoothing ties channels together; sign flips would break those ties and make the noise look smaller than it is.
    """
    data = principal_subspace(blocks, max(SHOWN, limit))
    lag = _correlation_length(blocks, data.truncated(deflated(blocks, limit)))
    if lag == 1:
        return blocks, data, 1
    width = min(2 * lag, max(2, blocks.channels // _FEWEST_BINS))
    bins = blocks.channels // width
    binned = np.empty((blocks.n, bins))
    for rows, block in blocks:
        binned[rows] = block[:, : bins * width].reshape(len(block), bins, width).sum(axis=2)
    blocks = SpectraBlocks(binned, np.ones(blocks.n, dtype=bool))
    return blocks, principal_subspace(blocks, max(SHOWN, limit)), width


def _correlation_length(blocks: SpectraBlocks, model: Subspace) -> int:
    """Return the lag in channels at which the residual's autocorrelation has fallen off; 1 for white noise."""
    picked = np.arange(0, blocks.n, max(1, blocks.n // _LOOKED_AT))
    residual = residual_of(blocks.subset(picked), model, picked)
    power = float(np.vdot(residual, residual))
    longest = max(1, blocks.channels // _FEWEST_BINS)
    for lag in range(1, longest):
        if float(np.vdot(residual[:, :-lag], residual[:, lag:])) <= _CORRELATED * power:
            return lag
    return longest


def residual_of(blocks: SpectraBlocks, model: Subspace, picked: NDArray[np.intp]) -> Array:
    """Return what the model leaves of these spectra; ``picked`` says which rows of the model's scores they are."""
    residual = np.empty((blocks.n, blocks.channels))
    for rows, block in blocks:
        residual[rows] = block - model.scores[picked[rows]] @ model.loadings.T
    return residual
