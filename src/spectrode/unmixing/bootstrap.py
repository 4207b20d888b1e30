"""How far noise and the choice of pixels move a factorisation: resampled pixels, resampled noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import Cancelled, StepError
from .blocks import SpectraBlocks
from .mcr_als import mcr_als
from .nnls import solve_nnls
from .result import Decomposition

__all__ = ["Refit", "Resampled", "bootstrap", "matched"]

Refit = Callable[["Array", "Array"], "Array"]
"""(data (r, m), starting spectra (k, m)) → spectra (k, m)."""

_MOST_ROWS = 2000
"""Spectra in a resample; from fewer than all the spread of the spectra is scaled down."""
_ITERATIONS = 30
_CHUNK = 256
_CORRELATED = 0.2
_LOOKED_AT = 256
_PIECE = 3
_MOST_LEVERAGE = 0.9

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Resampled:
    """Percentile bands from resampling; n spectra, m channels, k components, r resamples.

    Parameters
    ----------
    spectra_lower, spectra_upper
        (k, m), spectra with a maximum of 1. A known spectrum has no width.
    concentrations_lower, concentrations_upper
        (n, k), on the scale of the decomposition; NaN where no part was taken.
    cosines
        (r, k) each resampled spectrum with the decomposition's.
    level
        Share of resamples between lower and upper.
    block
        Spectra that were drawn together.
    channel_block
        Neighbouring channels whose noise was taken to be one.
    """

    spectra_lower: Array
    spectra_upper: Array
    concentrations_lower: Array
    concentrations_upper: Array
    cosines: Array
    level: float
    block: int
    channel_block: int


def bootstrap(
    intensity: Any,
    decomposition: Decomposition,
    *,
    level: float = 0.95,
    resamples: int = 100,
    block: int | None = None,
    groups: ArrayLike | None = None,
    refit: Refit | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> Resampled:
    """Refit the components to resampled data, many times.

    A resample draws blocks of neighbouring spectra (or whole groups) with replacement and gives each spectrum new
    noise: its own residual with random signs (wild bootstrap), which keeps the size of the noise in each spectrum and
    channel; signs are shared by as many neighbouring channels as the residual is correlated over (where that is nearly
    as far as a band is wide, the bands of the concentrations still fall short, by up to a third). The refit starts at
    the solution, so that components keep their places and rotation hardly enters; what rotation can do is asked of
    :func:`~spectrode.unmixing.ambiguity.feasible_bands`. Components are matched one to one by their cosines. The
    concentrations of every spectrum are then fitted, with new noise, to each resample's spectra. Work is by blocks of
    spectra; the memory is that of the bands and of ``resamples`` times the component spectra.

    Parameters
    ----------
    intensity
        (n, m) the data that were unmixed.
    decomposition
        Their decomposition; spectra with missing concentrations take no part.
    level
        Share of the resamples inside the bands, 0.5 to 0.999.
    resamples
        Larger makes the ends of the bands less ragged and takes longer.
    block
        Spectra drawn together; larger keeps longer correlations along the scan. None: the cube root of their number.
    groups
        (n,) labels of spectra that are drawn together instead, such as frames or pixels.
    refit
        Replaces the refit by non-negative alternating least squares (known spectra held), for solutions that were
        made with other constraints.
    seed
        Of all that is drawn. The same input and seed give the same result.
    progress
        Called with (done, in all), where a resample counts one and the fit of all concentrations as many again.
    should_stop
        Asked in each resample and each block of spectra.

    Raises
    ------
    StepError
        If the input does not fit together.
    Cancelled
        If ``should_stop`` says so.

    References
    ----------
    H. R. Künsch, Ann. Stat. 17 (1989) 1217 (blocks). C. F. J. Wu, Ann. Stat. 14 (1986) 1261 (random signs).
    J. Jaumot, R. Gargallo, R. Tauler, J. Chemometrics 18 (2004) 327 (resampling in MCR).
    """
    rows, labels = _checked(intensity, decomposition, level, resamples, block, groups)
    length = block or max(1, round(len(rows) ** (1 / 3)))
    pieces = _channel_block(intensity, decomposition, rows)
    leverage = _leverage(decomposition.spectra, pieces)
    work = _Work(intensity, decomposition, rows, pieces, leverage, seed, should_stop)
    k, m = decomposition.spectra.shape
    spectra, cosines = np.empty((resamples, k, m)), np.empty((resamples, k))
    steps = 2 * resamples
    fit = refit or _non_negative(np.array(decomposition.known, dtype=bool))
    share = np.sqrt(min(1.0, _MOST_ROWS / len(rows)))
    for place in range(resamples):
        work.stop(place, resamples)
        rng = np.random.default_rng([seed, 1, place])
        drawn = _drawn(len(rows), length, labels, min(len(rows), _MOST_ROWS), rng)
        found = matched(fit(work.noisy(rows[drawn], rng), decomposition.spectra), decomposition.spectra)
        cosines[place] = _cosines(found, decomposition.spectra)
        # A resample of fewer spectra than there are spreads more than all of them would.
        found = decomposition.spectra + share * (found - decomposition.spectra)
        spectra[place] = found / found.max(axis=1, keepdims=True)
        if progress is not None:
            progress(place + 1, steps)
    low, high = 0.5 * (1 - level), 0.5 * (1 + level)
    c_low, c_high = work.concentrations(spectra, (low, high), lambda done: _tell(progress, resamples, done, steps))
    s_low, s_high = np.quantile(spectra, (low, high), axis=0)
    return Resampled(s_low, s_high, c_low, c_high, cosines, level, length, work.channel_block)


def _tell(progress: Progress | None, resamples: int, done: float, steps: int) -> None:
    if progress is not None:
        progress(resamples + int(done * resamples), steps)


def matched(found: Array, wanted: Array) -> Array:
    """Return ``found`` (k, m) in the order of ``wanted``: the one-to-one assignment with the largest cosines."""
    from scipy.optimize import linear_sum_assignment

    table = _unit(wanted) @ _unit(found).T
    return np.asarray(found[linear_sum_assignment(-table)[1]])


def _unit(spectra: Array) -> Array:
    norm = np.linalg.norm(spectra, axis=1, keepdims=True)
    return np.asarray(spectra / np.where(norm > 0, norm, 1.0))


def _cosines(one: Array, two: Array) -> Array:
    return np.asarray(np.sum(_unit(one) * _unit(two), axis=1))


def _non_negative(known: NDArray[np.bool_]) -> Refit:
    def fit(data: Array, start: Array) -> Array:
        blocks = SpectraBlocks(data, np.ones(len(data), dtype=bool))
        found = mcr_als(blocks, start, fixed=known, max_iterations=_ITERATIONS, tolerance=1e-6).spectra
        return np.asarray(found / found.max(axis=1, keepdims=True))

    return fit


def _checked(
    intensity: Any,
    decomposition: Decomposition,
    level: float,
    resamples: int,
    block: int | None,
    groups: ArrayLike | None,
) -> tuple[NDArray[np.intp], NDArray[np.intp] | None]:
    """Return the rows that took part, and the number of the group of each."""
    shape = (decomposition.n_spectra, decomposition.spectra.shape[1])
    if tuple(intensity.shape) != shape:
        raise StepError(f"bootstrap: intensity must have shape {shape}, but has {tuple(intensity.shape)}")
    if not 0.5 <= level <= 0.999:
        raise StepError(f"bootstrap: level needs a number from 0.5 to 0.999, but {level} was given")
    for name, value, least in (("resamples", resamples, 2), ("block", 1 if block is None else block, 1)):
        if value < least:
            raise StepError(f"bootstrap: {name} needs a whole number from {least}, but {value} was given")
    took: NDArray[np.bool_] = np.asarray(np.isfinite(decomposition.concentrations).all(axis=1))
    rows = np.flatnonzero(took)
    if len(rows) <= decomposition.n_components:
        raise StepError(f"bootstrap: {len(rows)} spectra are too few to resample")
    if groups is None:
        return rows, None
    labels = np.asarray(groups)
    if labels.shape != took.shape:
        raise StepError(f"bootstrap: groups must have one value for each of {len(took)} spectra")
    return rows, np.unique(labels[rows], return_inverse=True)[1]


def _drawn(
    n: int, length: int, labels: NDArray[np.intp] | None, wanted: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return the places of ``wanted`` spectra, drawn in blocks or groups with replacement."""
    if labels is None:
        starts = rng.integers(0, n, -(-wanted // length))
        # Blocks run on from the end to the beginning, so that every spectrum is equally likely.
        return np.asarray(((starts[:, None] + np.arange(length)) % n).ravel()[:wanted])
    members = np.split(np.argsort(labels, kind="stable"), np.cumsum(np.bincount(labels))[:-1])
    parts: list[NDArray[np.intp]] = []
    while sum(len(part) for part in parts) < wanted:
        parts.append(members[rng.integers(len(members))])
    return np.concatenate(parts)[:wanted]


def _channel_block(intensity: Any, decomposition: Decomposition, rows: NDArray[np.intp]) -> int:
    """Return over how many channels the residual is correlated; 1 for white noise."""
    some = rows[:: max(1, len(rows) // _LOOKED_AT)]
    residual = _rows(intensity, some) - decomposition.concentrations[some] @ decomposition.spectra
    power = float(np.vdot(residual, residual))
    longest = max(1, int(residual.shape[1]) // 8)
    for lag in range(1, longest):
        if float(np.vdot(residual[:, lag:], residual[:, :-lag])) <= _CORRELATED * power:
            # Signs cut the correlation at the ends of each piece; pieces of three lags keep most of it.
            return 1 if lag == 1 else min(_PIECE * lag, longest)
    return longest


def _leverage(spectra: Array, width: int) -> Array:
    """Return (m,) the share of the noise around a channel that the fit of the concentrations has taken."""
    basis = np.linalg.qr(spectra.T)[0]
    own = np.convolve(np.sum(basis**2, axis=1), np.ones(width), mode="same")
    return np.asarray(np.minimum(own, _MOST_LEVERAGE))


def _rows(intensity: Any, rows: NDArray[np.intp]) -> Array:
    """Return some rows in float64; a lazy array is asked for each row once, in order."""
    unique, which = np.unique(rows, return_inverse=True)
    return np.asarray(np.asarray(intensity[unique], dtype=np.float64)[which])


@dataclass(frozen=True, eq=False)
class _Work:
    """The data, their model, and how noise is drawn."""

    intensity: Any
    decomposition: Decomposition
    rows: NDArray[np.intp]
    channel_block: int
    leverage: Array
    seed: int
    should_stop: ShouldStop | None

    def stop(self, done: int, total: int) -> None:
        if self.should_stop is not None and self.should_stop():
            raise Cancelled(f"bootstrap: cancelled after {done} of {total}")

    def model(self, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        """Return the model and its residual, widened for the freedom that the fit took."""
        model = self.decomposition.concentrations[rows] @ self.decomposition.spectra
        return model, (_rows(self.intensity, rows) - model) / np.sqrt(1.0 - self.leverage)

    def signs(self, n: int, rng: np.random.Generator) -> NDArray[np.int8]:
        """Return (n, m) random signs, the same over pieces of ``channel_block`` channels that begin anywhere."""
        m, width = self.decomposition.spectra.shape[1], self.channel_block
        signs = rng.integers(0, 2, size=(n, m // width + 2), dtype=np.int8) * np.int8(2) - np.int8(1)
        if width == 1:
            return signs[:, :m]
        first = int(rng.integers(width))
        return np.repeat(signs, width, axis=1)[:, first : first + m]

    def noisy(self, rows: NDArray[np.intp], rng: np.random.Generator) -> Array:
        """Return the model of these rows with new noise."""
        model, residual = self.model(rows)
        residual *= self.signs(len(rows), rng)
        return np.asarray(model + residual)

    def concentrations(
        self, spectra: Array, quantiles: tuple[float, float], tell: Callable[[float], None]
    ) -> tuple[Array, Array]:
        """Return the quantiles (n, k) of concentrations fitted to new noise with each resample's spectra."""
        k = self.decomposition.n_components
        bands = np.full((2, self.decomposition.n_spectra, k), np.nan)
        grams = np.einsum("rkm,rjm->rkj", spectra, spectra)
        for first in range(0, len(self.rows), _CHUNK):
            self.stop(first, len(self.rows))
            rows = self.rows[first : first + _CHUNK]
            rng = np.random.default_rng([self.seed, 2, first])
            model, residual = self.model(rows)
            found = np.empty((len(spectra), len(rows), k))
            for place, S in enumerate(spectra):
                found[place] = solve_nnls(grams[place], (model + residual * self.signs(len(rows), rng)) @ S.T)
            bands[:, rows] = np.quantile(found, quantiles, axis=0)
            tell(min(1.0, (first + _CHUNK) / len(self.rows)))
        return bands[0], bands[1]
