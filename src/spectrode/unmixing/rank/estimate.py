"""How many components stand above the noise: several criteria, a suggestion, its stability, and the reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import StepError
from ..blocks import SpectraBlocks, Subspace, principal_subspace, usable_spectra
from .classic import indicator, real_error, significance_percent
from .crossvalidation import held_out_error
from .parallel import MARGIN, MARGIN_BINNED, parallel_analysis
from .reproduced import band_width, common_directions, keeps_background, without_broad
from .weighting import SHOWN, NoiseModel, deflated, evened, noise_law, weighted
from .words import reasons

__all__ = ["NoiseModel", "RankEstimate", "estimate_rank"]

_ROUNDING = 1e-7
"""Singular values below this fraction of the first are rounding of the Gram matrix."""
_CLEAR = 1.5
"""Ratio to the noise threshold from which a singular vector has a cosine of 0.9 with the truth (spiked model)."""
_SHARED = 0.45
"""Cosine between the halves from which a direction is called common: each half then has 0.67 with the truth, all
spectra together more."""
_BROAD_RESAMPLES = 3
_ROOM = 0.02

Array = NDArray[np.float64]
ShouldStop = Callable[[], bool]


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
        Number of components above the parallel-analysis threshold, whatever they look like.
    suggested
        What to start with: the components with bands of their own that both of two random halves of the spectra show
        (median over ``resamples``); at least 1 if there is any signal, 0 only if no spectrum is usable. Where there
        are too few spectra to halve, those that exceed the threshold by half or more.
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
    real_error
        (j,) Malinowski's RE for 1, 2, … components, in counts.
    held_out
        (j,) relative mean squared error of held-out entries for 0, 1, … components (bi-cross-validation).
    held_out_minimum
        Number of components at the minimum of ``held_out``; 0 where it could not be done.
    shared_cosines
        (j,) median cosine between what two halves of the spectra hold, without broad structure: 1 is the same
        direction, 0 nothing in common.
    resamples
        (r,) number of common directions in each random halving.
    stability
        Share of ``resamples`` that agree with ``suggested``, 0 to 1; NaN where there are none. Each has but half of
        the spectra, so a weak component lowers it.
    broad
        Components that repeat but have no bands of their own: a baseline's residue, or very broad bands. Not suggested.
    background_kept
        True if the spectra still stand on a background; broad components are then counted, because it is one.
    noise_floor, noise_per_count
        Variance = ``noise_floor`` + ``noise_per_count`` · signal, in counts² and counts, fitted to what
        ``max_components`` leave: read noise (and shot noise of a subtracted background), and shot noise.
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
    real_error: Array | None = None
    held_out: Array | None = None
    held_out_minimum: int = 0
    shared_cosines: Array | None = None
    resamples: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    stability: float = float("nan")
    broad: int = 0
    background_kept: bool = False
    noise_floor: float = 0.0
    noise_per_count: float = 0.0


def estimate_rank(
    intensity: Any,
    *,
    max_components: int = 12,
    variance: ArrayLike | None = None,
    noise: NoiseModel = "estimated",
    use: NDArray[np.bool_] | None = None,
    groups: ArrayLike | None = None,
    resamples: int = 10,
    seed: int = 0,
    should_stop: ShouldStop | None = None,
) -> RankEstimate:
    """Estimate how many components the spectra hold.

    Malinowski's IND and F-test judge the data as they are and assume noise that is independent and equal everywhere.
    Raman counts are not like that: shot noise grows with the signal, and smoothing ties channels together. Parallel
    analysis of noise-weighted data, with random sign flips of the residual as the noise to compare with, allows for
    that; where the noise of neighbouring channels is correlated, as after smoothing, channels are first added up
    until it is nearly not. What a baseline leaves behind still passes it, because it is no noise but a smooth curve
    that varies with the fluorescence. So the suggestion asks two more things: the component must have bands of its
    own (structure some fifteen times broader than a typical band is taken out first), and two random halves of the
    spectra must both show it, which an event in one spectrum does not. A component that passes need not be a
    compound: a band that shifts makes one too. A component of one single spectrum is not told from an event.

    Parameters
    ----------
    intensity
        (spectra, channels), any real type; small negative values are legal. Never changed; one copy in float64 is made
        where broad structure is taken out.
    max_components
        Largest number looked at. Larger takes longer and estimates the noise from less.
    variance
        (spectra, channels) variance of ``intensity``; its row and column means then give the weights.
    noise
        How the data are weighted, if no variance is given. ``estimated``: by what ``max_components`` components leave
        in each spectrum and each channel; good for background-subtracted data. ``poisson``: by a read noise and a shot
        noise fitted to the same; less free, so better for few spectra. ``counts``: by 1/√(row mean) and
        1/√(column mean), the optimal scaling for Poisson counts that still hold their background (Keenan & Kotula).
        ``uniform``: not at all.
    use
        (spectra,) bool, False = leave out. Spectra with missing values and all-zero ones are always left out.
    groups
        (spectra,) labels of spectra that stay together when the data are halved, such as the pixel number of repeated
        maps. None: each spectrum by itself.
    resamples
        Random halvings; more give a finer ``stability`` and take longer.
    seed
        Of the sign flips and the halvings.
    should_stop
        Asked before each halving.

    Returns
    -------
    RankEstimate

    Raises
    ------
    StepError
        If the array is not (spectra, channels), ``variance``, ``use`` or ``groups`` does not fit, or a parameter is
        out of range.
    Cancelled
        If ``should_stop`` says so.

    References
    ----------
    E. R. Malinowski, Anal. Chem. 49 (1977) 612 (IND); J. Chemometrics 3 (1989) 49 (F-test).
    J. L. Horn, Psychometrika 30 (1965) 179; A. Buja, N. Eyuboglu, Multivar. Behav. Res. 27 (1992) 509.
    D. Hong, Y. Sheng, E. Dobriban, arXiv:2012.02985 (sign flips).
    M. R. Keenan, P. G. Kotula, Surf. Interface Anal. 36 (2004) 203.
    A. B. Owen, P. O. Perry, Ann. Appl. Stat. 3 (2009) 564 (held-out entries).
    """
    used, _ = usable_spectra("estimate_rank", intensity, use)
    if max_components < 1:
        raise StepError(f"estimate_rank: max_components needs a number from 1, but {max_components} was given")
    if resamples < 1:
        raise StepError(f"estimate_rank: resamples needs a number from 1, but {resamples} was given")
    if noise not in get_args(NoiseModel):
        raise StepError(f"estimate_rank: noise needs one of {', '.join(get_args(NoiseModel))}, but {noise!r} was given")
    blocks = SpectraBlocks(intensity, used)
    spread = _checked_variance(variance, blocks)
    together = _checked_groups(groups, blocks)
    small = min(blocks.n, blocks.channels)
    if small == 0:
        return RankEstimate(np.empty(0), np.empty(0), 0, 0, ("No usable spectrum: nothing to count.",))
    data = principal_subspace(blocks, max(SHOWN, max_components))
    if small == 1:
        what = "spectrum" if blocks.n == 1 else "channel"
        return RankEstimate(data.singular_values, np.empty(0), 1, 1, (f"One usable {what} can hold one component.",))
    exact = int(np.count_nonzero(data.singular_values > _ROUNDING * data.singular_values[0]))
    limit = min(max_components, small - 1)
    if exact <= limit:
        return _exact_rank(data, exact, limit)
    looking = _Looking(limit, spread, noise, seed, resamples, together, should_stop)
    return _noisy_rank(blocks, data, looking)


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


def _checked_groups(groups: ArrayLike | None, blocks: SpectraBlocks) -> NDArray[np.integer] | None:
    if groups is None:
        return None
    labels = np.asarray(groups)
    if labels.shape != blocks.used.shape:
        raise StepError(
            f"estimate_rank: groups must have one value for each of {len(blocks.used)} spectra, but has {labels.shape}"
        )
    return labels[blocks.used]


def _exact_rank(data: Subspace, exact: int, limit: int) -> RankEstimate:
    reason = f"The data are an exact sum of {exact} component{'s' * (exact > 1)}: what is left is rounding."
    return RankEstimate(
        data.singular_values, np.full(limit, np.nan), exact, exact, (reason,), 0, None, data.singular_values
    )


@dataclass(frozen=True, eq=False)
class _Looking:
    """How the number is looked for."""

    limit: int
    spread: SpectraBlocks | None
    noise: NoiseModel
    seed: int
    resamples: int
    groups: NDArray[np.integer] | None
    should_stop: ShouldStop | None

    def judged(self, blocks: SpectraBlocks, data: Subspace) -> _Judged:
        """Return the data with even noise, and how many components stand above it."""
        even, words = weighted(blocks, data, self.limit, self.spread, self.noise)
        even, subspace, binned = evened(even, self.limit)
        margin = MARGIN if binned == 1 else MARGIN_BINNED
        most = min(self.limit, even.n - 1, even.channels - 1)
        above, threshold = parallel_analysis(even, subspace, most, margin, self.seed)
        return _Judged(even, subspace, above, threshold, binned, words)

    def shared(self, judged: _Judged, resamples: int) -> Array:
        """Return (resamples, components looked at) cosines between halves."""
        # Events may rank before a component, or hide it from parallel analysis; so look at more directions, as long as
        # those of noise alone, 2·√(count/channels), stay well below what is asked of a shared one.
        roomy = min(int(_ROOM * judged.blocks.channels), self.limit)
        count = max(judged.above, roomy) if judged.binned == 1 else judged.clear
        return common_directions(
            judged.blocks,
            max(count, 1),
            resamples=resamples,
            seed=self.seed,
            groups=self.groups,
            should_stop=self.should_stop,
        )


@dataclass(frozen=True, eq=False)
class _Judged:
    blocks: SpectraBlocks
    subspace: Subspace
    above: int
    threshold: float
    binned: int
    words: str

    @property
    def clear(self) -> int:
        """Components that exceed the noise by half; what is left of correlated noise repeats, but is not so strong."""
        return int(np.count_nonzero(self.subspace.singular_values[: self.above] > _CLEAR * self.threshold))


def _noisy_rank(blocks: SpectraBlocks, data: Subspace, looking: _Looking) -> RankEstimate:
    limit, (rows, columns) = looking.limit, (blocks.n, blocks.channels)
    ind = indicator(data, rows, columns, limit)
    whole = looking.judged(blocks, data)
    background = keeps_background(blocks)
    narrow = whole if background else _narrow(blocks, data, whole, looking)
    cosines = looking.shared(narrow, looking.resamples)
    counts = np.count_nonzero(cosines > _SHARED, axis=1)
    found = int(np.floor(np.median(counts) + 0.5)) if len(counts) else whole.clear
    suggested = max(found, 1)
    broad = 0
    if narrow is not whole and len(counts):
        everything = np.count_nonzero(looking.shared(whole, _BROAD_RESAMPLES) > _SHARED, axis=1)
        broad = max(int(np.median(everything)) - found, 0)
    held_out = held_out_error(narrow.blocks, limit, seed=looking.seed)
    floor, slope = noise_law(blocks, data.truncated(deflated(blocks, limit)))
    left = data.total - float(np.sum(data.singular_values[:suggested] ** 2))
    result = RankEstimate(
        singular_values=data.singular_values[:SHOWN],
        ind=ind,
        parallel=whole.above,
        suggested=suggested,
        reasons=(),
        ind_minimum=int(np.argmin(ind)) + 1,
        significance_percent=significance_percent(data, rows, columns, limit),
        weighted_singular_values=whole.subspace.singular_values[:SHOWN],
        threshold=whole.threshold,
        noise_rms=float(np.sqrt(max(left, 0.0) / ((rows - suggested) * (columns - suggested)))),
        real_error=real_error(data, rows, columns, limit),
        held_out=held_out,
        held_out_minimum=int(np.argmin(held_out)) if len(held_out) else 0,
        shared_cosines=np.median(cosines, axis=0) if len(cosines) else np.empty(0),
        resamples=counts.astype(np.int64),
        stability=float(np.mean(counts == suggested)) if len(counts) else float("nan"),
        broad=broad,
        background_kept=background,
        noise_floor=floor,
        noise_per_count=slope,
    )
    return replace(result, reasons=reasons(result, limit, whole.words, whole.binned, narrow is not whole))


def _narrow(blocks: SpectraBlocks, data: Subspace, whole: _Judged, looking: _Looking) -> _Judged:
    """Return the same without what is much broader than a band; ``whole`` where bands are as broad as the axis."""
    kept, curves = without_broad(blocks, band_width(data, int(np.clip(whole.clear, 1, 3))))
    if curves == 0:
        return whole
    return looking.judged(kept, principal_subspace(kept, max(SHOWN, looking.limit)))
