"""A background that spectra measured beside each other, or one after another, help to find.

Fluorescence changes slowly over a sample and in time, bands do not have to. Each spectrum first gets a background by
itself. Those of its neighbours that fit it, but for a factor of their own, form with it a mean spectrum of less noise,
whose background shows the shape. How far a spectrum follows that shape is decided by Stein's rule: fully where its own
background deviates from it no more than its uncertainty, not at all where it deviates by much more. So the
neighbourhood of an edge or a particle is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ...pipeline.parameters import Between, Unit
from ...pipeline.step import StepOutput, step
from .automatic import AutomaticFit, Broadest, Longest, Settings, Shortest, as_output, fit_automatically
from .uncertainty import background_probability

__all__ = ["map_aware", "neighbours_in_scan"]

Floats = NDArray[np.float64]
Frames = Annotated[int, Between(0, 100), Unit("frames")]
Reach = Annotated[int, Between(0, 10), Unit("pixels")]

_ALIKE = 3.0  # chi-squared a degree of freedom, above which a neighbour's background is another one
_ROUNDS = 5
_POINTS = 64  # at which backgrounds, which are smooth, are compared


def neighbours_in_scan(
    rows: NDArray[np.int64],
    total: int,
    scan_shape: tuple[tuple[str, int], ...] | None,
    scan_index: NDArray[np.int64] | None,
    parameters: Mapping[str, Any],
) -> NDArray[np.int64]:
    """Return the spectra within ``reach`` pixels in the map and ``frames`` frames before and after, -1 for none.

    Parameters
    ----------
    rows
        (n,) the spectra asked for.
    total
        Spectra in all.
    scan_shape
        Named lengths, slowest first. Without a shape, spectra count as one after another.
    scan_index
        (total,) place of each spectrum in the flattened shape; its own number if None.
    parameters
        ``reach`` and ``frames`` of :func:`map_aware`.

    Returns
    -------
    ndarray
        (n, k): first the offsets within the map in C order, then earlier and later frames.
    """
    reach, frames = int(parameters["reach"]), int(parameters["frames"])
    shape = scan_shape if scan_shape else (("frame", total),)
    names, sizes = [name for name, _ in shape], tuple(size for _, size in shape)
    offsets = _offsets(names, reach, frames)
    places = np.arange(total) if scan_index is None else np.asarray(scan_index, dtype=np.int64)
    table = np.full((rows.size, len(offsets)), -1, dtype=np.int64)
    if not rows.size or not offsets:
        return table
    spectrum_at = np.full(int(np.prod(sizes)), -1, dtype=np.int64)
    here = (places >= 0) & (places < spectrum_at.size)
    spectrum_at[places[here]] = np.arange(total)[here]
    inside = here[rows]
    position = np.stack(np.unravel_index(np.where(inside, places[rows], 0), sizes), axis=1)
    for column, offset in enumerate(offsets):
        moved = position + np.array(offset)
        valid = inside & np.all((moved >= 0) & (moved < np.array(sizes)), axis=1)
        if valid.any():
            table[valid, column] = spectrum_at[np.ravel_multi_index(tuple(moved[valid].T), sizes)]
    return table


def _offsets(names: list[str], reach: int, frames: int) -> list[tuple[int, ...]]:
    """Return the steps to all neighbours: a block within the map, and straight steps between frames."""
    ranges = [(0,) if name == "frame" else range(-reach, reach + 1) for name in names]
    grid = np.array(np.meshgrid(*ranges, indexing="ij")).reshape(len(names), -1).T
    within = [tuple(int(v) for v in row) for row in grid if np.any(row)]
    between: list[tuple[int, ...]] = []
    if "frame" in names:
        axis = names.index("frame")
        between = [
            tuple(moved if k == axis else 0 for k in range(len(names)))
            for moved in [*range(-frames, 0), *range(1, frames + 1)]
        ]
    return within + between


@step(
    "baseline.map_aware",
    cite=("EfronMorris1973", "Frasso2015", "Hogbom1974", "Wahba1983"),
    context=("variance",),
    neighbourhood=neighbours_in_scan,
)
def map_aware(
    intensity: NDArray[Any],
    shift: Floats,
    *,
    neighbours: NDArray[np.int64],
    variance: NDArray[Any] | None = None,
    reach: Reach = 1,
    frames: Frames = 1,
    shortest_cm1: Shortest = 80.0,
    longest_cm1: Longest | None = None,
    tails: bool = True,
    broadest_cm1: Broadest = 60.0,
) -> StepOutput:
    """Subtract a background that neighbouring spectra and frames help to find, where they are alike.

    A spectrum alone gets what ``baseline.auto`` gives it. Products as there, and ``neighbours_used`` (n,): to how many
    neighbours those taken amount.

    Parameters
    ----------
    reach
        Pixels to each side in the map that count as neighbours; larger takes more and trusts smoother maps.
    frames
        Frames (or spectra of a series) before and after that count as neighbours; larger trusts slower changes.
    shortest_cm1
        Shortest cut-off wavelength tried; larger forbids backgrounds that follow broad bands.
    longest_cm1
        Longest cut-off wavelength tried, the length of the spectrum if not given; larger allows stiffer backgrounds.
    tails
        Estimate the Lorentzian tails of the bands and keep them out of the background.
    broadest_cm1
        Half width at half maximum of the broadest line that tails are estimated for; larger counts more as bands.

    Raises
    ------
    StepError
        As ``baseline.auto``.
    """
    name = "baseline.map_aware"
    settings = Settings(shortest_cm1, longest_cm1, tails, broadest_cm1)
    n = neighbours.shape[0]
    # Where only the block's own spectra have a known variance, that of the neighbours beyond it is estimated alike for
    # all, so that the result does not depend on how the spectra were divided into blocks.
    own = fit_automatically(name, intensity, shift, None, settings)
    alone = own if variance is None else fit_automatically(name, intensity[:n], shift, variance, settings)
    first = _head(alone, n)
    factor, weight = _alike(own, neighbours)
    helped = np.flatnonzero(weight.any(axis=1))
    if not helped.size:
        output = as_output(intensity[:n], shift, first)
        return _with_use(output, np.zeros(n))
    y = np.asarray(intensity, dtype=np.float64)
    mean, noise = _mean_spectra(y, own.noise, neighbours, factor, weight, helped)
    shape = fit_automatically(name, mean, shift, noise, settings)
    between_bands = background_probability(mean - shape.background, noise)
    scale = _scales(y[helped], first.noise[helped], shape.background, between_bands)
    used = weight.sum(axis=1)
    fit = _shrunk(first, shape, scale, helped, used[helped] / (1 + used[helped]))
    return _with_use(as_output(intensity[:n], shift, fit), used)


def _with_use(output: StepOutput, used: Floats) -> StepOutput:
    return StepOutput(output.intensity, output.shift, {**output.products, "neighbours_used": used})


def _head(fit: AutomaticFit, n: int) -> AutomaticFit:
    return AutomaticFit(fit.background[:n], fit.sigma[:n], fit.noise[:n], fit.cutoff_cm1[:n], fit.tail_share[:n])


def _alike(fit: AutomaticFit, neighbours: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return the factor that brings each neighbour's background to the spectrum's, and how much it counts (0 to 1)."""
    points = np.unique(np.linspace(0, fit.background.shape[1] - 1, _POINTS).round().astype(np.int64))
    level = np.ascontiguousarray(fit.background[:, points])
    variance = np.ascontiguousarray(fit.sigma[:, points] ** 2)
    n, k = neighbours.shape
    factor, weight = np.zeros((n, k)), np.zeros((n, k))
    for column in range(k):
        there = neighbours[:, column]
        exists = there >= 0
        a, b = level[:n], level[np.maximum(there, 0)]
        square = np.sum(b * b, axis=1)
        product = np.sum(a * b, axis=1)
        usable = exists & (square > 0) & (product > 0) & np.isfinite(product)
        g = np.where(usable, product / np.where(square > 0, square, 1.0), 0.0)
        expected = variance[:n] + g[:, None] ** 2 * variance[np.maximum(there, 0)]
        with np.errstate(invalid="ignore", divide="ignore"):
            chi = np.mean((a - g[:, None] * b) ** 2 / expected, axis=1)
        factor[:, column] = g
        weight[:, column] = np.where(usable & np.isfinite(chi), np.clip(1 - chi / _ALIKE, 0, 1), 0.0)
    return factor, weight


def _mean_spectra(
    y: Floats,
    noise: Floats,
    neighbours: NDArray[np.int64],
    factor: Floats,
    weight: Floats,
    rows: NDArray[np.int64],
) -> tuple[Floats, Floats]:
    """Return the mean of each spectrum and its like neighbours, scaled to it, and that mean's noise variance.

    Weights are also by precision: a dark neighbour scaled up brings more noise than it is worth.
    """
    own_level = noise[rows].mean(axis=1)
    total = np.ones(rows.size)
    mean, variance = y[rows].copy(), noise[rows].copy()
    for column in range(neighbours.shape[1]):
        there = np.maximum(neighbours[rows, column], 0)
        g, w = factor[rows, column], weight[rows, column]
        scaled = g**2 * noise[there].mean(axis=1)
        w = w * np.divide(own_level, scaled, out=np.zeros_like(w), where=scaled > 0)
        w = np.minimum(w, 4.0)  # one very bright neighbour is still one other place
        total += w
        mean += (w * g)[:, None] * y[there]
        variance += ((w * g) ** 2)[:, None] * noise[there]
    return mean / total[:, None], variance / total[:, None] ** 2


def _scales(y: Floats, noise: Floats, shape: Floats, weight: Floats) -> Floats:
    """Return the factor (n, 1) of each shape in its spectrum, from channels that are background in both.

    The spectrum's own first background would pass on what it took from bands that its noise hides.
    """
    scale = np.ones((y.shape[0], 1))
    for _ in range(_ROUNDS):
        w = weight * background_probability(y - scale * shape, noise) / noise
        above, below = np.sum(w * shape * y, axis=1), np.sum(w * shape * shape, axis=1)
        scale = np.divide(above, below, out=np.ones_like(below), where=below > 0)[:, None]
    return scale


def _shrunk(
    own: AutomaticFit, shape: AutomaticFit, scale: Floats, rows: NDArray[np.int64], most: Floats
) -> AutomaticFit:
    """Move each own background towards the scaled shape, by Stein's rule (positive part).

    ``most`` (rows,) is how far at the most: a shape that few neighbours made is hardly better than the spectrum's own.
    """
    a, b = own.background[rows], scale * shape.background
    va, vb = own.sigma[rows] ** 2, (scale * shape.sigma) ** 2
    deviation = np.mean((a - b) ** 2, axis=1)
    expected = np.mean(va, axis=1)
    towards = np.divide(expected, deviation, out=np.ones_like(expected), where=deviation > expected)
    towards = (towards * most)[:, None]
    mixed = (1 - towards) * a + towards * b
    variance = (1 - towards) * va + towards * vb + towards * (1 - towards) * (a - b) ** 2
    background, sigma = own.background.copy(), own.sigma.copy()
    background[rows], sigma[rows] = mixed, np.sqrt(variance)
    return AutomaticFit(background, sigma, own.noise, own.cutoff_cm1, own.tail_share)
