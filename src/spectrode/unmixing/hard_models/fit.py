"""Fit of a law to spectra by variable projection: the spectra are eliminated, only the few rates are searched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from ...errors import StepError
from ..nnls import solve_nnls
from .laws import Law, axis_for, law_named
from .search import Space, minimise

__all__ = ["Estimate", "HardFit", "estimates_from", "fit_hard_model", "projected_information", "residual_widening"]

Array = NDArray[np.float64]

_MOST_VALUES = 4_000_000
_KEPT = 40
_NOISE_SHARE = 2.0
_ROUNDING = 1e-12
_CORRELATED = 0.2


@dataclass(frozen=True)
class Estimate:
    """One parameter: value, standard error, confidence interval; a fixed one has no error."""

    name: str
    value: float
    standard_error: float
    low: float
    high: float
    fixed: bool = False


@dataclass(frozen=True, eq=False)
class HardFit:
    """A law fitted to spectra.

    Parameters
    ----------
    law
        Name of the law.
    estimates
        Its parameters in order.
    correlation
        (p, p) between the free parameters (logarithms of positive ones).
    concentrations
        (n, species).
    spectra
        (species, channels) at the scale of these concentrations.
    lack_of_fit_percent
        With the spectra returned (non-negative if that was asked).
    free_lack_of_fit_percent
        With spectra of any sign: what the law alone costs.
    negative_share
        Sum of squares of the negative part over that of all, of the spectra of any sign.
    rejected
        Parameters that fit equally without a sign constraint, each with its lack of fit with non-negative spectra; a
        note says whether that tells them apart.
    autocorrelation
        Of the residual from one spectrum to the next. Above 0.2 the standard errors were widened for it.
    notes
        Sentences for the reader.
    """

    law: str
    estimates: tuple[Estimate, ...]
    correlation: Array
    concentrations: Array
    spectra: Array
    lack_of_fit_percent: float
    free_lack_of_fit_percent: float
    negative_share: float
    rejected: tuple[tuple[tuple[float, ...], float], ...]
    autocorrelation: float
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Estimate:
        for estimate in self.estimates:
            if estimate.name == name:
                return estimate
        raise KeyError(name)


def fit_hard_model(
    intensity: ArrayLike,
    x: ArrayLike,
    law: str | Law,
    *,
    fixed: Mapping[str, float] | None = None,
    blocks: ArrayLike | None = None,
    nonnegative: bool = True,
    confidence: float = 0.95,
) -> HardFit:
    r"""Fit a law to spectra: :math:`\min_\theta \|(I - C(\theta)\,C(\theta)^+)\,D\|`.

    The spectra are eliminated, so only the parameters of the law are searched, from several starts. Standard errors
    come from the Jacobian of the projected residual in Kaufman's form, hence with the spectra free.

    Parameters
    ----------
    intensity
        (n, channels), finite.
    x
        (n,) time, charge or potential. Kinetic and growth laws count it from the first value (of each block).
    law
        A law or its name (see :data:`~spectrode.unmixing.hard_models.laws.LAWS`).
    fixed
        Parameter name → value that is not fitted.
    blocks
        (n,) block numbers where several experiments are stacked; they share parameters and spectra.
    nonnegative
        Also solve the spectra without negative values, and let that choose between parameters that fit equally.
    confidence
        Of the intervals, between 0 and 1.

    Returns
    -------
    HardFit

    Raises
    ------
    StepError
        If the input does not fit together, or there are too few spectra.

    References
    ----------
    G. H. Golub, V. Pereyra, Inverse Problems 19 (2003) R1; L. Kaufman, BIT 15 (1975) 49.
    M. Maeder, A. D. Zuberbühler, Anal. Chem. 62 (1990) 2220.
    """
    D = np.asarray(intensity, dtype=np.float64)
    model = law_named(law) if isinstance(law, str) else law
    if D.ndim != 2 or not np.isfinite(D).all() or np.shape(x) != (len(D),):
        raise StepError(
            f"hard model {model.name!r}: needs finite spectra (n, channels) and x (n,), "
            f"but their shapes are {D.shape} and {np.shape(x)}"
        )
    if not 0 < confidence < 1:
        raise StepError(f"hard model: confidence needs a number between 0 and 1, but {confidence!r} was given")
    least = len(model.species) + len(model.parameters) + 1
    if len(D) < least:
        raise StepError(f"hard model {model.name!r}: needs at least {least} spectra, but there are {len(D)}")
    axis = axis_for(model, x, None if blocks is None else np.asarray(blocks, dtype=np.int64))
    space = Space.of(model, axis, fixed)
    Y = _compressed(D)
    z, _ = minimise(space, lambda z: _projected(space, z, Y).ravel(), model.starts(axis))
    z, rejected, notes = _choose(space, z, D, nonnegative)
    return _result(space, z, D, rejected, notes, nonnegative, confidence)


def _compressed(D: Array) -> Array:
    """Return an (n, r) matrix with the same products Y Yᵀ = D Dᵀ; of large data only the leading directions."""
    n, m = D.shape
    if n * min(n, m) <= _MOST_VALUES:
        return np.asarray(np.linalg.qr(D.T, mode="r")).T if m > n else D
    values, vectors = np.linalg.eigh(D.T @ D)
    return np.asarray(D @ vectors[:, np.argsort(values)[::-1][:_KEPT]])


def _projected(space: Space, z: Array, Y: Array) -> Array:
    Q, _ = np.linalg.qr(space.law.profiles(space.theta(z), space.x))
    return np.asarray(Y - Q @ (Q.T @ Y))


def _squares_with_signs(space: Space, z: Array, D: Array) -> float:
    C = space.law.profiles(space.theta(z), space.x)
    S = solve_nnls(C.T @ C, D.T @ C).T
    return float(np.sum((D - C @ S) ** 2))


def _choose(
    space: Space, z: Array, D: Array, nonnegative: bool
) -> tuple[Array, tuple[tuple[tuple[float, ...], float], ...], list[str]]:
    """Return the parameters, among those with equal residual, whose spectra need no negative values."""
    others = space.law.equivalents(space.theta(z))
    candidates = [z] + [space.inside(theta) for theta in others if space.free.size == len(theta)]
    if len(candidates) == 1 or not nonnegative:
        words = [_pair(space, other) for other in candidates[1:]]
        notes = [f"The parameters {word} fit equally well; the sign of the spectra was not used." for word in words]
        return z, (), notes
    total = float(np.vdot(D, D))
    C = space.law.profiles(space.theta(z), space.x)
    residual = D - C @ np.linalg.lstsq(C, D, rcond=None)[0]
    free = float(np.vdot(residual, residual))
    # Noise alone makes spectra that touch zero negative: at most about its variance for each of their values.
    noise = free / max(residual.size - C.shape[1] * D.shape[1], 1) * residual_widening(residual) ** 2
    allowance = _NOISE_SHARE * C.shape[1] * D.shape[1] * noise + _ROUNDING * total
    squares = np.array([_squares_with_signs(space, one, D) for one in candidates])
    best, *others_ = (int(i) for i in np.argsort(squares))
    rejected = tuple((tuple(map(float, space.theta(candidates[i]))), _percent(squares[i], total)) for i in others_)
    notes = []
    for i in others_:
        word = _pair(space, candidates[i])
        if squares[i] - free <= allowance:
            notes.append(
                f"The parameters {word} fit equally well, with spectra no more negative than noise makes them: "
                "not told apart."
            )
        else:
            notes.append(
                f"The parameters {word} span the same profiles, but need negative spectra: lack of fit "
                f"{_percent(squares[i], total):.4g} % without them, against {_percent(squares[best], total):.4g} %."
            )
    if squares[best] - free > allowance:
        notes.append("The spectra of this law would be negative by more than noise: the law or its axis may not hold.")
    return candidates[best], rejected, notes


def _percent(squares: float, total: float) -> float:
    return float(100.0 * np.sqrt(squares / total)) if total > 0 else 0.0


def _pair(space: Space, z: Array) -> str:
    theta = space.theta(z)
    return ", ".join(f"{p.name} = {v:.4g}" for p, v in zip(space.law.parameters, theta, strict=True))


def _result(
    space: Space,
    z: Array,
    D: Array,
    rejected: tuple[tuple[tuple[float, ...], float], ...],
    notes: list[str],
    nonnegative: bool,
    confidence: float,
) -> HardFit:
    n, m = D.shape
    C = space.law.profiles(space.theta(z), space.x)
    free: Array = np.asarray(np.linalg.lstsq(C, D, rcond=None)[0], dtype=np.float64)
    residual = D - C @ free
    squares, total = float(np.vdot(residual, residual)), float(np.vdot(D, D))
    S = solve_nnls(C.T @ C, D.T @ C).T if nonnegative else free
    lag = residual_correlation(residual)
    widening = residual_widening(residual)
    if widening > 1:
        notes.append(
            f"The residual of one spectrum resembles that of the next (correlation {lag:.2f}), so it is not noise "
            f"alone; standard errors were widened {widening:.2g} times."
        )
    degrees = max(n * m - C.shape[1] * m - len(z), 1)
    inverse = np.asarray(np.linalg.pinv(projected_information(space, z, C, free)), dtype=np.float64)
    covariance = widening**2 * squares / degrees * inverse
    estimates = estimates_from(space, z, covariance, degrees, confidence)
    deviation = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    lof = 100.0 * np.sqrt(np.sum((D - C @ S) ** 2) / total) if total > 0 else 0.0
    return HardFit(
        law=space.law.name,
        estimates=estimates,
        correlation=covariance / np.outer(deviation, deviation),
        concentrations=C,
        spectra=S,
        lack_of_fit_percent=float(lof),
        free_lack_of_fit_percent=float(100.0 * np.sqrt(squares / total)) if total > 0 else 0.0,
        negative_share=float(np.sum(np.minimum(free, 0) ** 2) / max(np.sum(free**2), 1e-300)),
        rejected=rejected,
        autocorrelation=lag,
        notes=tuple(notes),
    )


def residual_correlation(residual: Array) -> float:
    """Return the correlation of each spectrum's residual with the next one's; 0 for noise."""
    squares = float(np.vdot(residual, residual))
    return float(np.vdot(residual[1:], residual[:-1])) / squares if squares > 0 else 0.0


def residual_widening(residual: Array) -> float:
    """Return √((1 + r)/(1 − r)), by which a correlation r from spectrum to spectrum widens errors; 1 below 0.2."""
    lag = min(residual_correlation(residual), 0.999)
    return float(np.sqrt((1 + lag) / (1 - lag))) if lag > _CORRELATED else 1.0


def projected_information(space: Space, z: Array, C: Array, S: Array, scale: Array | None = None) -> Array:
    """Return JᵀJ of the residual by the scaled parameters, with all spectra free (Kaufman's Jacobian).

    ``C`` (n, k) are all profiles, ``S`` (species, channels) the spectra of the species, ``scale`` (n, species) the
    amplitudes of the law's profiles in C.
    """
    slopes = space.slopes(z)[:, :, : len(S)]
    if scale is not None:
        slopes = slopes * scale
    Q, _ = np.linalg.qr(C)
    slopes = slopes - np.einsum("ij,qjg->qig", Q, np.einsum("ij,qig->qjg", Q, slopes))
    return np.asarray(np.einsum("qig,rih,gh->qr", slopes, slopes, S @ S.T, optimize=True))


def estimates_from(
    space: Space, z: Array, covariance: Array, degrees: int, confidence: float = 0.95
) -> tuple[Estimate, ...]:
    """Return the parameters with errors; intervals of positive ones are symmetric in the logarithm."""
    theta = space.theta(z)
    quantile = float(stdtrit(degrees, 0.5 + confidence / 2))
    found = []
    for place, parameter in enumerate(space.law.parameters):
        value = float(theta[place])
        where = np.flatnonzero(space.free == place)
        if not where.size:
            found.append(Estimate(parameter.name, value, 0.0, value, value, fixed=True))
            continue
        deviation = float(np.sqrt(max(covariance[where[0], where[0]], 0.0)))
        if parameter.logarithmic:
            with np.errstate(over="ignore"):
                low, high = value * np.exp(np.array([-1.0, 1.0]) * quantile * deviation)
            found.append(Estimate(parameter.name, value, value * deviation, float(low), float(high)))
        else:
            found.append(
                Estimate(parameter.name, value, deviation, value - quantile * deviation, value + quantile * deviation)
            )
    return tuple(found)
