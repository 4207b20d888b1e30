"""The criteria in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .estimate import RankEstimate

__all__ = ["reasons"]

_UNSTABLE = 0.7


def reasons(rank: RankEstimate, limit: int, weighting: str, binned: int, filtered: bool) -> tuple[str, ...]:
    """Return one sentence a criterion, the suggestion and its stability first."""
    found = [*_of_halves(rank, filtered), *_of_noise(rank, limit, weighting, binned), *_of_others(rank, limit)]
    found.append(
        f"What the suggested components leave has a root mean square of {rank.noise_rms:.4g} counts; its variance is "
        f"about {rank.noise_floor:.3g} + {rank.noise_per_count:.3g} times the signal."
    )
    return tuple(found)


def _of_halves(rank: RankEstimate, filtered: bool) -> list[str]:
    total = len(rank.resamples)
    if not total:
        return [
            f"{rank.suggested} suggested from parallel analysis alone: there are too few spectra to compare two halves."
        ]
    agree = int(np.count_nonzero(rank.resamples == rank.suggested))
    what = "components with bands of their own" if filtered else "components"
    words = [
        f"{rank.suggested} suggested: {what} that two random halves of the spectra both show; {agree} of {total} "
        "halvings give this number"
        + ("." if agree == total else f", the others {_range(rank.resamples[rank.resamples != rank.suggested])}.")
    ]
    if rank.stability < _UNSTABLE:
        words.append("That is not stable: look at one component fewer and one more.")
    if rank.broad:
        words.append(
            f"{rank.broad} more repeat{'s' * (rank.broad == 1)} in both halves but without bands, as what a baseline "
            "leaves behind or a very broad band does; not counted."
        )
    if rank.background_kept:
        words.append("The spectra stand on a background, which counts as a component.")
    return words


def _range(values: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _of_noise(rank: RankEstimate, limit: int, weighting: str, binned: int) -> list[str]:
    values = rank.weighted_singular_values
    assert values is not None
    ratio = values / rank.threshold if rank.threshold > 0 else np.full_like(values, np.inf)
    words = [
        f"Parallel analysis ({weighting}): {rank.parallel} of at most {limit} components stand above what noise alone "
        "gives"
        + (f"; the last by a factor {ratio[rank.parallel - 1]:.2f}" if rank.parallel else "")
        + (f", the next reaches {ratio[rank.parallel]:.2f}." if rank.parallel < len(ratio) else ".")
    ]
    if rank.parallel == 0:
        words.append("No component stands above the noise; 1 is suggested only because there are spectra.")
    if rank.parallel > rank.suggested:
        weak = ", ".join(f"{value:.2f}" for value in ratio[rank.suggested : rank.parallel])
        words.append(
            f"{rank.parallel - rank.suggested} more exceed the noise (factor {weak}), but are too weak for a spectrum "
            "of their own, or are leftover background, events in single spectra or bands that shift."
        )
    if rank.parallel == limit:
        words.append(f"The limit of {limit} was reached: there may be more, or the noise is correlated or drifts.")
    if binned > 1:
        words.append(f"Noise of neighbouring channels is correlated; {binned} channels were added up before judging.")
    return words


def _of_others(rank: RankEstimate, limit: int) -> list[str]:
    assert rank.significance_percent is not None
    tested = int(np.count_nonzero(np.cumprod(rank.significance_percent < 5.0)))
    at_limit = " (the limit)" if rank.ind_minimum == limit else ""
    words = [
        f"IND has its minimum at {rank.ind_minimum}{at_limit} and the F-test at 5 % accepts {tested}; both assume "
        "independent noise of equal size everywhere."
    ]
    if rank.held_out is not None and len(rank.held_out):
        words.append(f"Held-out entries are predicted best with {rank.held_out_minimum} components.")
    if {rank.ind_minimum, tested, rank.parallel} != {rank.suggested}:
        words.append(
            "The criteria disagree; the suggestion follows the halves, which allow for noise that grows with the "
            "signal and for what baselines and events leave. Look at one component fewer and one more."
        )
    return words
