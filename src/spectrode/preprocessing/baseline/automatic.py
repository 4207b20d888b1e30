"""A background whose smoothness is chosen for each spectrum.

Sixteen smoothnesses are fitted side by side, each with weights that are the probability of a channel being background
given the noise. Going from the flexible to the stiff, the logarithms of misfit and roughness trace a curve; where it
moves least (the V-curve of Frasso and Eilers), the data do not care about the smoothness, and there the fits are
averaged. The bands found above that background are taken apart into Lorentzian lines; how much of those lines' tails
lies between the bands is estimated together with the smooth background, and the background is fitted again without
them. Without that, tails count as fluorescence, which is most of the error of other methods.

Smoothness is told as a wavelength: structure of the background that repeats within the cut-off is halved, longer
structure is kept. So it means the same for any number of channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import StepError
from ...pipeline.parameters import Between, Unit
from ...pipeline.step import StepOutput, step
from .uncertainty import THRESHOLD, background_variance, noise_variance, offset_of_weights

__all__ = ["AutomaticFit", "Settings", "auto", "fit_automatically", "lam_of_cutoff"]

Floats = NDArray[np.float64]
Averages = tuple[Floats, Floats, Floats, Floats]
Shortest = Annotated[float, Between(1, 1e5), Unit("cm-1")]
Longest = Annotated[float, Between(1, 1e6), Unit("cm-1")]
Broadest = Annotated[float, Between(0.1, 1e4), Unit("cm-1")]

_POWER = 8.0  # of the V-curve's steps in the average: neighbours of the best share it, distant ones do not
_LOOSE_POWER = 4.0  # the same for the uncertainty, found by the coverage on simulated spectra
_ROUNDS = 10  # the averages of 10, 20 and 40 rounds are equally far from the truth
_ELSEWHERE = 2.0  # times the change that tails and uncertainty explain
_WIDTHS = 8
_NARROWEST_CM1 = 3.0
_FEWEST_CHANNELS = 8


@dataclass(frozen=True)
class Settings:
    """What the methods built on this one share; see :func:`auto`."""

    shortest_cm1: float = 80.0
    longest_cm1: float | None = None
    tails: bool = True
    broadest_cm1: float = 60.0


@dataclass(frozen=True)
class AutomaticFit:
    """Backgrounds (n, m) with their standard deviation, the variance of the noise, and (n,) cut-off wavelengths and
    shares of Lorentzian tails."""

    background: Floats
    sigma: Floats
    noise: Floats
    cutoff_cm1: Floats
    tail_share: Floats


@step("baseline.auto", cite=("Frasso2015", "Hogbom1974", "Wahba1983"), context=("variance",), threaded=True)
def auto(
    intensity: NDArray[Any],
    shift: Floats,
    *,
    variance: NDArray[Any] | None = None,
    shortest_cm1: Shortest = 80.0,
    longest_cm1: Longest | None = None,
    tails: bool = True,
    broadest_cm1: Broadest = 60.0,
) -> StepOutput:
    """Subtract a background whose smoothness is chosen for each spectrum, and say how well it is known.

    Products: ``background`` and ``background_sigma`` (n, m), ``variance`` of the result (noise and background),
    ``cutoff_cm1`` (n,) the smoothness taken, ``tail_share`` (n,) how Lorentzian the bands' tails are. The channels are
    taken as evenly spaced.

    Parameters
    ----------
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
        If there are fewer than eight channels, or the longest cut-off is not above the shortest.

    References
    ----------
    Frasso and Eilers 2015 (V-curve), Wahba 1983 (what the standard deviation covers).
    """
    settings = Settings(shortest_cm1, longest_cm1, tails, broadest_cm1)
    return as_output(intensity, shift, fit_automatically("baseline.auto", intensity, shift, variance, settings))


def as_output(intensity: NDArray[Any], shift: Floats, fit: AutomaticFit) -> StepOutput:
    """Return what a step gives back for a fit."""
    kind = intensity.dtype
    products = {
        "background": fit.background.astype(kind),
        "background_sigma": fit.sigma.astype(kind),
        "variance": (fit.noise + fit.sigma**2).astype(kind),
        "cutoff_cm1": fit.cutoff_cm1,
        "tail_share": fit.tail_share,
    }
    return StepOutput((intensity - fit.background).astype(kind), shift, products)


def lam_of_cutoff(cutoff_cm1: Any, spacing_cm1: float) -> Floats:
    """Return the weight of squared second differences that halves a wave of the given wavelength.

    From 1 / (1 + lam (2 pi spacing / wavelength)^4) = 1/2, spacing being the distance between channels.
    """
    return np.asarray((np.asarray(cutoff_cm1, dtype=np.float64) / (2 * np.pi * spacing_cm1)) ** 4)


def fit_automatically(
    name: str, intensity: NDArray[Any], shift: Floats, variance: NDArray[Any] | None, settings: Settings
) -> AutomaticFit:
    """Fit the background of each spectrum by itself.

    Parameters
    ----------
    name
        Of the step, for messages.
    intensity, shift
        (n, m) finite, (m,) increasing.
    variance
        (n, m) of the noise, or None to estimate it.

    Raises
    ------
    StepError
        As :func:`auto`.
    """
    if shift.size < _FEWEST_CHANNELS:
        raise StepError(f"{name} needs at least {_FEWEST_CHANNELS} channels, but the spectra have {shift.size}")
    values = np.ascontiguousarray(intensity, dtype=np.float64)
    noise = noise_variance(values, variance)
    spacing = float(shift[-1] - shift[0]) / (shift.size - 1)
    cutoffs = _cutoffs(name, shift, settings)
    n = values.shape[0]
    share, error, reach = np.zeros(n), np.zeros(n), np.zeros_like(values)
    # What is constant has no noise, no bands and nothing to choose: it is its own background.
    alive = np.flatnonzero(np.ptp(values, axis=1) > 0)
    background, sigma = values.copy(), np.zeros_like(values)
    cutoff = np.full(n, cutoffs[-1])
    if alive.size:
        y, noise_alive = values[alive], noise[alive]
        first = _averaged(y, noise_alive, cutoffs, spacing)
        level, factor, spread, chosen = first
        if settings.tails:
            lines = _lines(y - level, noise_alive, spacing, settings.broadest_cm1)
            share[alive], error[alive], reach[alive] = _tails(y, level, noise_alive, chosen, spacing, lines)
            again = _averaged(y - share[alive, None] * lines, noise_alive, cutoffs, spacing)
            level, factor, spread, chosen = _steadied(first, again, share[alive, None] * reach[alive])
        background[alive], cutoff[alive] = level, chosen
        sigma[alive] = np.sqrt(background_variance(factor, spread, error[alive], share[alive], reach[alive]))
    return AutomaticFit(background, sigma, noise, cutoff, share)


def _cutoffs(name: str, shift: Floats, settings: Settings) -> Floats:
    from ...kernels.smoothness import CUTOFFS

    span = float(shift[-1] - shift[0])
    longest = max(span, 2 * settings.shortest_cm1) if settings.longest_cm1 is None else settings.longest_cm1
    if longest <= settings.shortest_cm1:
        raise StepError(
            f"{name}: longest_cm1 must be above shortest_cm1, but {longest:g} and {settings.shortest_cm1:g} were given"
        )
    return np.geomspace(settings.shortest_cm1, longest, CUTOFFS)


def _averaged(y: Floats, noise: Floats, cutoffs: Floats, spacing: float) -> Averages:
    """Return the averages, their variance from noise, that from the smoothness, and the mean cut-offs."""
    from ...kernels.smoothness import average_rows
    from ...kernels.threads import over_rows

    lams = np.ascontiguousarray(lam_of_cutoff(cutoffs, spacing)[None])
    background, factor, spread = np.empty_like(y), np.empty_like(y), np.empty_like(y)
    shares = np.empty((y.shape[0], cutoffs.size))
    precision = 1 / noise
    far = float(np.exp(-0.5 * THRESHOLD**2))

    def work(a: int, b: int) -> None:
        outputs = background[a:b], factor[a:b], spread[a:b], shares[a:b]
        average_rows(y[a:b], precision[a:b], lams, far, _POWER, _LOOSE_POWER, _ROUNDS, *outputs)

    over_rows(work, y.shape[0], block=16)
    background -= offset_of_weights(THRESHOLD) * np.sqrt(1 / precision.mean(axis=1, keepdims=True))
    return background, factor, spread, np.exp(np.sum(shares * np.log(cutoffs), axis=1))


def _steadied(first: Averages, again: Averages, by_tails: Floats) -> Averages:
    """Return the second averages, but the first less the tails' effect where the second went somewhere else.

    Rarely the curve has two places where it hardly moves, and taking the tails away tips the choice over to a
    smoothness that leaves fluorescence behind as a band.
    """
    level, factor, spread, _ = first
    linear = level - by_tails
    moved = _rms(again[0] - linear)
    elsewhere = moved > _ELSEWHERE * (_rms(by_tails) + _rms(np.sqrt(factor + spread)))
    rows = elsewhere[:, None]
    return (
        np.where(rows, linear, again[0]),
        np.where(rows, factor, again[1]),
        np.where(rows, spread, again[2]),
        np.where(elsewhere, first[3], again[3]),
    )


def _rms(values: Floats) -> Floats:
    return np.asarray(np.sqrt(np.mean(values**2, axis=1)))


def _lines(residual: Floats, noise: Floats, spacing: float, broadest_cm1: float) -> Floats:
    from ...kernels.tails import lines_of_rows
    from ...kernels.threads import over_rows

    narrowest = max(_NARROWEST_CM1 / spacing, 1.5)
    widths = np.geomspace(narrowest, max(broadest_cm1 / spacing, narrowest * 1.01), _WIDTHS)
    lines = np.empty_like(residual)
    sigma = np.sqrt(noise.mean(axis=1))
    over_rows(lambda a, b: lines_of_rows(residual[a:b], sigma[a:b], widths, lines[a:b]), len(residual), block=16)
    return lines


def _tails(
    y: Floats, level: Floats, noise: Floats, cutoff: Floats, spacing: float, lines: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the share of the lines' tails within 0 and 1, its error, and how the background depends on it."""
    from ...kernels.tails import tail_shares_of_rows
    from ...kernels.threads import over_rows

    n = y.shape[0]
    share, error, reach = np.empty(n), np.empty(n), np.empty_like(y)
    lam, precision = lam_of_cutoff(cutoff, spacing), 1 / noise
    far = float(np.exp(-0.5 * THRESHOLD**2))

    def work(a: int, b: int) -> None:
        inputs = y[a:b], level[a:b], precision[a:b], lam[a:b], far, lines[a:b]
        tail_shares_of_rows(*inputs, share[a:b], error[a:b], reach[a:b])

    over_rows(work, n, block=16)
    return np.clip(share, 0, 1), error, reach
