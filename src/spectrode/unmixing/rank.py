"""How many components stand above the noise: several criteria, a suggestion, and the reasons in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import StepError
from .blocks import SpectraBlocks, Subspace, principal_subspace, usable_spectra

__all__ = ["NoiseModel", "RankEstimate", "estimate_rank"]

NoiseModel = Literal["estimated", "counts", "uniform"]

_SHOWN = 20
"""Singular values reported, if the data have as many."""
_ROUNDING = 1e-7
"""Singular values below this fraction of the first are rounding of the Gram matrix."""
_MARGIN = 1.02
"""The largest of a few random trials underestimates the upper limit by about this factor."""
_MARGIN_BINNED = 1.1
"""The same where the noise was correlated: between bins a little of it is left."""
_NULL_ROWS = 8192
"""Spectra from which the noise threshold is found; for more it is scaled up."""
_NULL_WORK = 2e10
_CORRELATED = 0.2
_CLEAR = 1.5
"""Ratio to the noise threshold from which a singular vector has a cosine of 0.9 with the truth (spiked model)."""
_LOOKED_AT = 256
_FEWEST_BINS = 40

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RankEstimate:
    """Criteria for the number of components.

    Parameters
    ----------
    singular_values
        (m,) leading singular values of the data as given, falling.
    ind
        (j,) Malinowski's indicator function for 1, 2, … components; its minimum marks the rank where the noise is
        independent and everywhere equal.
    parallel
        Number of components above the parallel-analysis threshold.
    suggested
        What to start with: the components that exceed the threshold by half or more, so that their spectra are worth
        naming; at least 1 if there is any signal, 0 only if no spectrum is usable.
    reasons
        Sentences, one a criterion, that say how they agree.
    ind_minimum
        Number of components at the minimum of ``ind``; 0 where it is not defined.
    significance_percent
        (j,) Malinowski's F-test: probability in per cent that the j-th component is noise.
    weighted_singular_values
        (m,) singular values of the noise-weighted (and, if need be, binned) data, which the parallel analysis judges.
    threshold
        Largest singular value that is still noise, on the scale of ``weighted_singular_values``.
    noise_rms
        Root mean square of what the suggested components leave, in counts, corrected for the freedom they used.
    """

    singular_values: Array
    ind: Array
    parallel: int
    suggested: int
    reasons: tuple[str, ...]
    ind_minimum: int = 0
    significance_percent: Array | None = None
    weighted_singular_values: Array | None = None
    threshold: float = 0.0
    noise_rms: float = 0.0


def estimate_rank(
    intensity: Any,
    *,
    max_components: int = 12,
    variance: ArrayLike | None = None,
    noise: NoiseModel = "estimated",
    use: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> RankEstimate:
    """Estimate how many components the spectra hold.

    Malinowski's IND and F-test judge the data as they are and assume noise that is independent and equal everywhere.
    Raman counts are not like that: shot noise grows with the signal, and smoothing ties channels together. The
    suggestion therefore rests on parallel analysis of noise-weighted data, with random sign flips of the residual as
    the noise to compare with, which keep the size of the noise where it is. Where the noise of neighbouring channels
    is correlated, as after smoothing, channels are first added up until it is nearly not; unsmoothed data are judged
    more sharply. A component that stands above the noise need not be a compound: a leftover background or a band that
    shifts makes one too. A component of one single spectrum or one single channel is not told from noise.

    Parameters
    ----------
    intensity
        (spectra, channels), any real type; small negative values are legal. Never changed, never copied whole.
    max_components
        Largest number looked at. Larger takes longer and estimates the noise from less.
    variance
        (spectra, channels) variance of ``intensity``; its row and column means then give the weights.
    noise
        How the data are weighted for the parallel analysis, if no variance is given. ``estimated``: by what
        ``max_components`` components leave in each spectrum and each channel; good for background-subtracted data.
        ``counts``: by 1/√(row mean) and 1/√(column mean), the optimal scaling for Poisson counts that still hold their
        background (Keenan & Kotula). ``uniform``: not at all.
    use
        (spectra,) bool, False = leave out. Spectra with missing values and all-zero ones are always left out.
    seed
        Of the sign flips.

    Returns
    -------
    RankEstimate

    Raises
    ------
    StepError
        If the array is not (spectra, channels), ``variance`` or ``use`` does not fit, or a parameter is out of range.

    References
    ----------
    E. R. Malinowski, Anal. Chem. 49 (1977) 612 (IND); J. Chemometrics 3 (1989) 49 (F-test).
    J. L. Horn, Psychometrika 30 (1965) 179; A. Buja, N. Eyuboglu, Multivar. Behav. Res. 27 (1992) 509.
    D. Hong, Y. Sheng, E. Dobriban, arXiv:2012.02985 (sign flips).
    M. R. Keenan, P. G. Kotula, Surf. Interface Anal. 36 (2004) 203.
    """
    used, _ = usable_spectra("estimate_rank", intensity, use)
    if max_components < 1:
        raise StepError(f"estimate_rank: max_components needs a number from 1, but {max_components} was given")
    if noise not in ("estimated", "counts", "uniform"):
        raise StepError(f"estimate_rank: noise needs one of estimated, counts, uniform, but {noise!r} was given")
    blocks = SpectraBlocks(intensity, used)
    spread = _checked_variance(variance, blocks)
    small = min(blocks.n, blocks.channels)
    if small == 0:
        return RankEstimate(np.empty(0), np.empty(0), 0, 0, ("No usable spectrum: nothing to count.",))
    data = principal_subspace(blocks, max(_SHOWN, max_components))
    if small == 1:
        what = "spectrum" if blocks.n == 1 else "channel"
        return RankEstimate(data.singular_values, np.empty(0), 1, 1, (f"One usable {what} can hold one component.",))
    exact = int(np.count_nonzero(data.singular_values > _ROUNDING * data.singular_values[0]))
    limit = min(max_components, small - 1)
    if exact <= limit:
        return _exact_rank(data, exact, limit)
    return _noisy_rank(blocks, data, limit, spread, noise, seed)


def _checked_variance(variance: ArrayLike | None, blocks: SpectraBlocks) -> SpectraBlocks | None:
    if variance is None:
        return None
    values = np.asarray(variance)
    if values.shape != tuple(blocks.intensity.shape):
        raise StepError(
            f"estimate_rank: variance must have the shape of intensity {tuple(blocks.intensity.shape)}, "
            f"but has {values.shape}"
        )
    return SpectraBlocks(values, blocks.used)


def _exact_rank(data: Subspace, exact: int, limit: int) -> RankEstimate:
    reason = f"The data are an exact sum of {exact} component{'s' * (exact > 1)}: what is left is rounding."
    return RankEstimate(
        data.singular_values, np.full(limit, np.nan), exact, exact, (reason,), 0, None, data.singular_values
    )


def _noisy_rank(
    blocks: SpectraBlocks, data: Subspace, limit: int, spread: SpectraBlocks | None, noise: NoiseModel, seed: int
) -> RankEstimate:
    rows, columns = blocks.n, blocks.channels
    ind = _indicator(data, rows, columns, limit)
    ind_minimum = int(np.argmin(ind)) + 1
    significance = _significance_percent(data, rows, columns, limit)
    weighted, weighting = _weighted(blocks, data, limit, spread, noise)
    even, subspace, binned = _evened(weighted, limit)
    margin = _MARGIN if binned == 1 else _MARGIN_BINNED
    parallel, threshold = _parallel_analysis(even, subspace, min(limit, even.n - 1, even.channels - 1), margin, seed)
    clear = int(np.count_nonzero(subspace.singular_values[:parallel] > _CLEAR * threshold))
    suggested = max(clear, 1)
    left = data.total - float(np.sum(data.singular_values[:suggested] ** 2))
    noise_rms = float(np.sqrt(max(left, 0.0) / ((rows - suggested) * (columns - suggested))))
    reasons = _reasons(
        limit, parallel, suggested, threshold, subspace, ind_minimum, significance, weighting, binned, noise_rms
    )
    return RankEstimate(
        data.singular_values[:_SHOWN],
        ind,
        parallel,
        suggested,
        reasons,
        ind_minimum,
        significance,
        subspace.singular_values[:_SHOWN],
        threshold,
        noise_rms,
    )


def _remainders(data: Subspace, limit: int) -> Array:
    """Return the sum of squares that 1 … limit components leave."""
    return np.maximum(data.total - np.cumsum(data.singular_values[:limit] ** 2), 0.0)


def _indicator(data: Subspace, rows: int, columns: int, limit: int) -> Array:
    """Malinowski's IND = RE/(c−n)², RE = √(Σ_{j>n} λ_j / (r(c−n))), with r the larger side and c the smaller."""
    r, c = max(rows, columns), min(rows, columns)
    n = np.arange(1, limit + 1)
    real_error = np.sqrt(_remainders(data, limit) / (r * (c - n)))
    return np.asarray(real_error / (c - n) ** 2)


def _significance_percent(data: Subspace, rows: int, columns: int, limit: int) -> Array:
    """Malinowski's F-test of the reduced eigenvalue of component n against the mean of those after it."""
    from scipy.stats import f as f_distribution

    c = min(rows, columns)
    places = np.arange(1, c + 1)
    freedom = (rows - places + 1.0) * (columns - places + 1.0)
    n = np.arange(1, limit + 1)
    after = freedom[::-1].cumsum()[::-1][n]
    ratio = data.singular_values[:limit] ** 2 / freedom[n - 1] * after / _remainders(data, limit)
    return np.asarray(100.0 * f_distribution.sf(ratio, 1, c - n))


def _weighted(
    blocks: SpectraBlocks, data: Subspace, limit: int, spread: SpectraBlocks | None, noise: NoiseModel
) -> tuple[SpectraBlocks, str]:
    """Return the data with even noise, and in words how that was done."""
    if spread is not None:
        row, column = _mean_sides(spread)
        words = "weighted by the variance given"
    elif noise == "counts":
        row, column = _mean_sides(blocks)
        words = "weighted as Poisson counts"
    elif noise == "estimated":
        row, column = _residual_sides(blocks, data.truncated(_deflated(blocks, limit)))
        words = "weighted by the noise found in each spectrum and channel"
    else:
        return blocks, "unweighted"
    return blocks.weighted(_inverse_root(row), _inverse_root(column)), words


def _deflated(blocks: SpectraBlocks, limit: int) -> int:
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
    freedom_row = 1.0 - np.sum((model.scores / model.singular_values) ** 2, axis=1)
    freedom_column = 1.0 - np.sum(model.loadings**2, axis=1)
    return row / np.maximum(freedom_row, 0.1), column / blocks.n / np.maximum(freedom_column, 0.1)


def _inverse_root(variance: Array) -> Array:
    """Return 1/√variance with a median of 1; floored, or one spectrum that a component takes whole would rule all."""
    middle = float(np.median(variance))
    if middle <= 0:
        middle = float(variance.max(initial=0.0))
    if middle <= 0:
        return np.ones_like(variance)
    return np.asarray(1.0 / np.sqrt(np.maximum(variance / middle, 0.1)))


def _evened(blocks: SpectraBlocks, limit: int) -> tuple[SpectraBlocks, Subspace, int]:
    """Return data whose neighbouring channels have independent noise, their subspace, and the channels binned for it.

    Smoothing ties channels together; sign flips would break those ties and make the noise look smaller than it is.
    """
    data = principal_subspace(blocks, max(_SHOWN, limit))
    lag = _correlation_length(blocks, data.truncated(_deflated(blocks, limit)))
    if lag == 1:
        return blocks, data, 1
    width = min(2 * lag, max(2, blocks.channels // _FEWEST_BINS))
    bins = blocks.channels // width
    binned = np.empty((blocks.n, bins))
    for rows, block in blocks:
        binned[rows] = block[:, : bins * width].reshape(len(block), bins, width).sum(axis=2)
    blocks = SpectraBlocks(binned, np.ones(blocks.n, dtype=bool))
    return blocks, principal_subspace(blocks, max(_SHOWN, limit)), width


def _correlation_length(blocks: SpectraBlocks, model: Subspace) -> int:
    """Return the lag in channels at which the residual's autocorrelation has fallen off; 1 for white noise."""
    picked = np.arange(0, blocks.n, max(1, blocks.n // _LOOKED_AT))
    residual = _residual(blocks.subset(picked), model, picked)
    power = float(np.vdot(residual, residual))
    longest = max(1, blocks.channels // _FEWEST_BINS)
    for lag in range(1, longest):
        if float(np.vdot(residual[:, :-lag], residual[:, lag:])) <= _CORRELATED * power:
            return lag
    return longest


def _parallel_analysis(
    blocks: SpectraBlocks, data: Subspace, limit: int, margin: float, seed: int
) -> tuple[int, float]:
    """Return (components above the threshold, threshold).

    Sequential, from above: the n-th component passes if it exceeds what flipped noise gives, the noise being what
    n - 1 components leave. With too many taken out the noise looks small, so n falls until all n pass.
    """
    rng = np.random.default_rng(seed)
    picked = np.arange(blocks.n)
    if blocks.n > _NULL_ROWS:
        picked = np.sort(rng.choice(blocks.n, _NULL_ROWS, replace=False))
    part = blocks.subset(picked)
    free = np.sqrt(blocks.channels)
    growth = (np.sqrt(blocks.n) + free) / (np.sqrt(len(picked)) + free)

    def noise_alone(out: int) -> float:
        """Return what noise reaches, judged by what is left when ``out`` components are taken out."""
        noise = _residual(part, data.truncated(out), picked)
        # Taking out components took this share of the noise with them.
        noise /= np.sqrt((1.0 - out / blocks.n) * (1.0 - out / blocks.channels))
        return float(margin * growth * _largest_of_flipped(noise, rng))

    count = _deflated(blocks, limit)
    passed = limit
    while count > 0:
        threshold = noise_alone(count - 1)
        passed = int(np.count_nonzero(data.singular_values[:limit] > threshold))
        if passed >= count:
            break
        count = passed
    # The last component's own weight has raised the threshold; without it, but not below what was just called noise.
    threshold = noise_alone(min(passed, _deflated(blocks, limit)))
    return passed, max(threshold, float(data.singular_values[passed]) if passed < len(data.singular_values) else 0.0)


def _residual(blocks: SpectraBlocks, model: Subspace, picked: NDArray[np.intp]) -> Array:
    residual = np.empty((blocks.n, blocks.channels))
    for rows, block in blocks:
        residual[rows] = block - model.scores[picked[rows]] @ model.loadings.T
    return residual


def _largest_of_flipped(residual: Array, rng: np.random.Generator) -> float:
    """Return the largest first singular value over several random sign flips of the residual (changed in place)."""
    n, c = residual.shape
    trials = int(np.clip(_NULL_WORK / (2.0 * n * c * min(n, c)), 3, 10))
    largest = 0.0
    for _ in range(trials):
        residual *= rng.integers(0, 2, size=(n, c), dtype=np.int8) * np.int8(2) - np.int8(1)
        largest = max(largest, _largest_eigenvalue(residual.T @ residual if n > c else residual @ residual.T, rng))
    return float(np.sqrt(largest))


def _largest_eigenvalue(matrix: Array, rng: np.random.Generator) -> float:
    if len(matrix) < 20 or not matrix.any():
        return float(np.linalg.eigvalsh(matrix)[-1])
    from scipy.sparse.linalg import eigsh

    return float(eigsh(matrix, k=1, v0=rng.normal(size=len(matrix)), tol=1e-3, return_eigenvectors=False)[0])


def _reasons(
    limit: int,
    parallel: int,
    suggested: int,
    threshold: float,
    data: Subspace,
    ind_minimum: int,
    significance: Array,
    weighting: str,
    binned: int,
    noise_rms: float,
) -> tuple[str, ...]:
    ratio = data.singular_values / threshold if threshold > 0 else np.full_like(data.singular_values, np.inf)
    found = [
        f"Parallel analysis ({weighting}): {parallel} of at most {limit} components stand above what noise alone gives"
        + (f"; the last by a factor {ratio[parallel - 1]:.2f}" if parallel else "")
        + (f", the next reaches {ratio[parallel]:.2f}." if parallel < len(ratio) else ".")
    ]
    if parallel == 0:
        found.append("No component stands above the noise; 1 is suggested only because there are spectra.")
    if parallel > suggested:
        weak = ", ".join(f"{value:.2f}" for value in ratio[suggested:parallel])
        found.append(
            f"{suggested} are suggested: {parallel - suggested} more exceed the noise by too little (factor {weak}) "
            "for a spectrum of their own; they may be weak species, leftover background or bands that shift."
        )
    if parallel == limit:
        found.append(f"The limit of {limit} was reached: there may be more, or the noise is correlated or drifts.")
    if binned > 1:
        found.append(f"Noise of neighbouring channels is correlated; {binned} channels were added up before judging.")
    tested = int(np.count_nonzero(np.cumprod(significance < 5.0)))
    at_limit = ind_minimum == limit
    found.append(
        f"IND has its minimum at {ind_minimum}{' (the limit)' if at_limit else ''} and the F-test at 5 % accepts "
        f"{tested}; both assume independent noise of equal size everywhere."
    )
    if ind_minimum != parallel or tested != parallel:
        found.append(
            "The criteria disagree; the suggestion follows parallel analysis, which allows for noise that grows with "
            "the signal. Look at one component fewer and one more."
        )
    found.append(f"What the suggested components leave has a root mean square of {noise_rms:.4g} counts.")
    return tuple(found)
