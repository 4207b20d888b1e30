"""Bands around component spectra and concentrations: what noise moves, what rotation moves, and both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import StepError
from .ambiguity import Ambiguity, feasible_bands
from .bootstrap import Refit, Resampled, bootstrap
from .result import Decomposition

__all__ = ["ProfileBands", "noise_tolerances", "profile_bands"]

_NOT_IDENTIFIABLE = 0.5
"""A component whose share may lie anywhere over half of the whole says nothing about the amount."""
_OTHER_SPECTRUM = 0.8
"""Cosine below which the two extreme spectra would be read as two compounds."""
_AMBIGUOUS = 0.05

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class ProfileBands:
    """Lower and upper limits of every profile; n spectra, m channels, k components.

    Spectra have a maximum of 1 and concentrations the decomposition's scale, counts at the strongest channel. The
    statistical band says where noise and the choice of spectra move the solution, its rotation being held; the
    rotational band says which other solutions fit equally well; the combined band adds the statistical half widths to
    the rotational limits. A spectrum that took no part has NaN.

    Parameters
    ----------
    spectra_statistical_lower, spectra_statistical_upper
        (k, m).
    spectra_rotational_lower, spectra_rotational_upper
        (k, m), envelope of the extreme solutions found.
    spectra_lower, spectra_upper
        (k, m) combined.
    concentrations_statistical_lower, concentrations_statistical_upper
        (n, k).
    concentrations_rotational_lower, concentrations_rotational_upper
        (n, k).
    concentrations_lower, concentrations_upper
        (n, k) combined, never below 0.
    contribution_lowest, contribution, contribution_highest
        (k,) ‖c s‖ / ‖C S‖: smallest, as found, largest.
    spectra_lowest, spectra_highest
        (k, m) each component's spectrum where its contribution is smallest and largest.
    spectra_cosine
        (r, k) resampled spectra with the decomposition's.
    identifiable
        (k,) False if the rotational band spans everything.
    level
        Of the statistical bands.
    notes
        Sentences for the reader.
    """

    spectra_statistical_lower: Array
    spectra_statistical_upper: Array
    spectra_rotational_lower: Array
    spectra_rotational_upper: Array
    spectra_lower: Array
    spectra_upper: Array
    concentrations_statistical_lower: Array
    concentrations_statistical_upper: Array
    concentrations_rotational_lower: Array
    concentrations_rotational_upper: Array
    concentrations_lower: Array
    concentrations_upper: Array
    contribution_lowest: Array
    contribution: Array
    contribution_highest: Array
    spectra_lowest: Array
    spectra_highest: Array
    spectra_cosine: Array
    identifiable: NDArray[np.bool_]
    level: float
    notes: tuple[str, ...] = ()


def noise_tolerances(decomposition: Decomposition) -> tuple[Array, Array]:
    """Return one standard error of (spectra (k,), concentrations (k,)) from the residual.

    A fitted profile that is really zero scatters around zero by that much, so a rotation that takes it this far below
    is not refuted by the data.
    """
    took = np.isfinite(decomposition.residual_rms)
    m = decomposition.spectra.shape[1]
    freedom = np.sqrt(max(1.0 - decomposition.n_components / m, 0.1))
    rms = float(np.sqrt(np.mean(decomposition.residual_rms[took] ** 2))) / freedom if took.any() else 0.0
    C = decomposition.concentrations[np.isfinite(decomposition.concentrations).all(axis=1)]
    S = decomposition.spectra
    return rms * _inverse_diagonal(C.T @ C), rms * _inverse_diagonal(S @ S.T)


def _inverse_diagonal(gram: Array) -> Array:
    size = np.sqrt(np.maximum(np.diag(gram), np.finfo(float).tiny))
    return np.asarray(np.sqrt(np.maximum(np.diag(np.linalg.pinv(gram / np.outer(size, size))), 0.0)) / size)


def profile_bands(
    intensity: Any,
    decomposition: Decomposition,
    *,
    level: float = 0.95,
    resamples: int = 100,
    noise_margin: float = 1.0,
    starts: int = 4,
    block: int | None = None,
    groups: ArrayLike | None = None,
    refit: Refit | None = None,
    zero_spectra: ArrayLike | None = None,
    zero_concentrations: ArrayLike | None = None,
    closure: ArrayLike | None = None,
    blocks: ArrayLike | None = None,
    trilinear: ArrayLike | None = None,
    non_negative_spectra: ArrayLike | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> ProfileBands:
    """Return bands around all profiles of a decomposition, statistical and rotational, separately and together.

    Parameters
    ----------
    intensity
        (n, m) the data that were unmixed.
    decomposition
        Their decomposition; its known spectra are held.
    level, resamples, block, groups, refit
        As for :func:`~spectrode.unmixing.bootstrap.bootstrap`.
    noise_margin
        Standard errors of a profile (see :func:`noise_tolerances`) that a rotation may take it below zero. Larger
        widens the rotational bands; with 0 every zero that noise left in the solution forbids a rotation, and the
        bands come out too narrow.
    starts, zero_spectra, zero_concentrations, closure, blocks, trilinear, non_negative_spectra
        As for :func:`~spectrode.unmixing.ambiguity.feasible_bands`; give what the decomposition was made with.
    seed
        Of all that is drawn. The same input and seed give the same result.
    progress
        Called with (done, in all).
    should_stop
        Asked often.

    Raises
    ------
    StepError
        If the input does not fit together, or a component contributes nothing.
    Cancelled
        If ``should_stop`` says so.
    """
    if not (np.isfinite(noise_margin) and noise_margin >= 0):
        raise StepError(f"profile_bands: noise_margin needs a number from 0, but {noise_margin} was given")
    k = decomposition.n_components
    steps = 2 * k + 2 * resamples
    tolerance_s, tolerance_c = noise_tolerances(decomposition)
    rotation = feasible_bands(
        decomposition.concentrations,
        decomposition.spectra,
        known=decomposition.known,
        non_negative_spectra=non_negative_spectra,
        tolerance_spectra=noise_margin * tolerance_s,
        tolerance_concentrations=noise_margin * tolerance_c,
        zero_spectra=zero_spectra,
        zero_concentrations=zero_concentrations,
        closure=closure,
        blocks=blocks,
        trilinear=trilinear,
        starts=starts,
        seed=seed,
        progress=None if progress is None else lambda done, _: progress(done, steps),
        should_stop=should_stop,
    )
    noise = bootstrap(
        intensity,
        decomposition,
        level=level,
        resamples=resamples,
        block=block,
        groups=groups,
        refit=refit,
        seed=seed,
        progress=None if progress is None else lambda done, _: progress(2 * k + done, steps),
        should_stop=should_stop,
    )
    return _together(decomposition, rotation, noise)


def _together(decomposition: Decomposition, rotation: Ambiguity, noise: Resampled) -> ProfileBands:
    S, C = decomposition.spectra, decomposition.concentrations
    s_lower = rotation.spectra_lower - np.maximum(S - noise.spectra_lower, 0.0)
    s_upper = rotation.spectra_upper + np.maximum(noise.spectra_upper - S, 0.0)
    c_lower = rotation.concentrations_lower - np.maximum(C - noise.concentrations_lower, 0.0)
    c_upper = rotation.concentrations_upper + np.maximum(noise.concentrations_upper - C, 0.0)
    identifiable, notes = _judged(decomposition, rotation)
    return ProfileBands(
        spectra_statistical_lower=noise.spectra_lower,
        spectra_statistical_upper=noise.spectra_upper,
        spectra_rotational_lower=rotation.spectra_lower,
        spectra_rotational_upper=rotation.spectra_upper,
        spectra_lower=s_lower,
        spectra_upper=s_upper,
        concentrations_statistical_lower=noise.concentrations_lower,
        concentrations_statistical_upper=noise.concentrations_upper,
        concentrations_rotational_lower=rotation.concentrations_lower,
        concentrations_rotational_upper=rotation.concentrations_upper,
        concentrations_lower=np.maximum(c_lower, 0.0),
        concentrations_upper=np.maximum(c_upper, 0.0),
        contribution_lowest=rotation.lowest,
        contribution=rotation.contribution,
        contribution_highest=_at_most_all(rotation.highest),
        spectra_lowest=rotation.spectra_lowest,
        spectra_highest=rotation.spectra_highest,
        spectra_cosine=noise.cosines,
        identifiable=identifiable,
        level=noise.level,
        notes=notes,
    )


def _judged(decomposition: Decomposition, rotation: Ambiguity) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Say of the components how far rotation moves them, in one sentence for all that are alike."""
    low, high = rotation.lowest, _at_most_all(rotation.highest)
    cosine = np.sum(rotation.spectra_lowest * rotation.spectra_highest, axis=1) / (
        np.linalg.norm(rotation.spectra_lowest, axis=1) * np.linalg.norm(rotation.spectra_highest, axis=1)
    )
    identifiable = np.asarray((high - low <= _NOT_IDENTIFIABLE) & (cosine >= _OTHER_SPECTRUM))
    ambiguous = identifiable & (high - low > _AMBIGUOUS)

    def listed(which: NDArray[np.bool_]) -> str:
        return "; ".join(
            f"{decomposition.names[i]}, {100 * low[i]:.0f}–{100 * high[i]:.0f} % of the signal"
            for i in np.flatnonzero(which)
        )

    notes = list(rotation.notes)
    if not identifiable.all():
        notes.append(
            f"Not identifiable within noise, because other spectra and shares fit as well: {listed(~identifiable)}. A "
            "known spectrum, a spectrum or band of its own, or runs of equal shape would settle it."
        )
    if ambiguous.any():
        notes.append(f"Ambiguous, because other shares fit as well: {listed(ambiguous)}.")
    return identifiable, tuple(notes)


def _at_most_all(share: Array) -> Array:
    """Return shares with an upper limit of 1: more comes from components that noise lets go below zero."""
    return np.minimum(share, 1.0)
