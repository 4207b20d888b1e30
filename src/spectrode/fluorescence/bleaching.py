"""Bleaching kinetics: which decay the data support, its constants with intervals, or why they do not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import SpectrodeError
from ._decays import DECAYS, Fitted, fit_decay

__all__ = ["Bleaching", "Model", "fit_bleaching", "fit_pooled"]

Floats = NDArray[np.float64]
Model = Literal["single", "double", "stretched"]

_LONGEST = 3.0  # spans; of a slower decay only the first bend is seen, and amplitude and time are one number
_MOST_ERROR = 0.7  # of the logarithm of the time constant: a factor of two either way
_APART = 2.0  # ratio of two time constants below which they are one
_NOT_DECAYS = ("constant", "line")  # what must be worse than a decay for its constants to mean something
_TOO_SHORT = "the span is too short: a straight line, or a decay slower than the span, explains the values as well"
_RISING = "the values rise instead of decaying"
_SURE = 2.0  # standard deviations that each amplitude of a double decay must have


@dataclass(frozen=True)
class Bleaching:
    """Fits of n curves. Where ``reason`` is not empty, the constants are NaN and it says why.

    The unit of ``tau`` is that of the times (or doses) given; that of amplitudes and offset is that of the values.
    """

    model: NDArray[np.str_]
    """(n,) ``single``, ``double``, ``stretched``, or ``none``."""
    tau: Floats
    """(n, 2) time constants, shorter first; the second is NaN but for ``double``."""
    tau_low: Floats
    tau_high: Floats
    """(n, 2) 95 % interval, from the error of the logarithm."""
    amplitude: Floats
    amplitude_error: Floats
    """(n, 2) with standard deviation."""
    beta: Floats
    beta_error: Floats
    """(n,) stretching exponent; NaN but for ``stretched``."""
    offset: Floats
    offset_error: Floats
    """(n,) what does not bleach."""
    reason: NDArray[np.str_]
    """(n,) why there is no answer; empty where there is."""
    criterion: Mapping[str, Floats]
    """(n,) value of the criterion for each model tried, ``constant`` and ``line`` included; smaller is better."""

    @property
    def identifiable(self) -> NDArray[np.bool_]:
        """(n,) where there is an answer."""
        return np.asarray(self.reason == "")


def fit_bleaching(
    time: ArrayLike,
    values: ArrayLike,
    sigma: ArrayLike | None = None,
    *,
    models: Sequence[Model] = ("single", "double", "stretched"),
    criterion: Literal["bic", "aic"] = "bic",
) -> Bleaching:
    """Fit decays to each curve by itself, all curves at once.

    Parameters
    ----------
    time
        (k,) or (n, k) time or dose since the light was switched on; only differences matter for the time constants, but
        amplitudes belong to the first point.
    values
        (n, k) or (k,); NaN is missing.
    sigma
        Standard deviation of the values, any shape that fits; None to take it from the scatter about the fit.
    models
        Which decays to consider. One that the data cannot determine is not chosen.
    criterion
        ``bic`` or ``aic`` (the latter corrected for few points); bic asks more of a further parameter.

    Raises
    ------
    SpectrodeError
        If the shapes do not fit together, or a model or criterion is not known.
    """
    y = np.atleast_2d(np.asarray(values, dtype=np.float64))
    t = np.asarray(time, dtype=np.float64)
    unknown = set(models) - {"single", "double", "stretched"}
    if unknown or not models:
        raise SpectrodeError(f"bleaching models are single, double and stretched, but {list(models)} were asked for")
    if criterion not in ("bic", "aic"):
        raise SpectrodeError(f"the criterion is bic or aic, but {criterion!r} was asked for")
    if t.shape not in ((y.shape[1],), y.shape):
        raise SpectrodeError(f"times of shape {t.shape} do not belong to values of shape {y.shape}")
    return _chosen(*_prepared(np.broadcast_to(t, y.shape), y, sigma), sigma is not None, tuple(models), criterion)


def fit_pooled(
    time: ArrayLike,
    values: ArrayLike,
    *,
    models: Sequence[Model] = ("single", "double", "stretched"),
    criterion: Literal["bic", "aic"] = "bic",
) -> Bleaching:
    """Fit the mean of all curves; one curve comes back.

    The mean of decays of different speed is stretched or double even where each is single: compare with
    :func:`fit_bleaching`.

    Parameters
    ----------
    time
        (k,) or (n, k), of which the mean over curves is taken.
    values
        (n, k); curves with a missing value are left out.
    """
    y = np.atleast_2d(np.asarray(values, dtype=np.float64))
    t = np.asarray(time, dtype=np.float64)
    whole = np.all(np.isfinite(y), axis=1)
    if t.ndim == 2:
        whole &= np.all(np.isfinite(t), axis=1)
        t = t[whole].mean(axis=0) if whole.any() else np.arange(y.shape[1], dtype=np.float64)
    mean = y[whole].mean(axis=0) if whole.any() else np.full(y.shape[1], np.nan)
    return fit_bleaching(t, mean, models=models, criterion=criterion)


def _prepared(t: Floats, y: Floats, sigma: ArrayLike | None) -> tuple[Floats, Floats, Floats, Floats]:
    """Return times from 0 in units of the span, values, weights, and the spans (n,)."""
    good = np.isfinite(t) & np.isfinite(y)
    weight = good.astype(np.float64)
    if sigma is not None:
        s = np.broadcast_to(np.asarray(sigma, dtype=np.float64), y.shape)
        good = good & np.isfinite(s) & (s > 0)
        weight = np.where(good, 1 / np.where(good, s, 1.0) ** 2, 0.0)
    first = np.min(np.where(good, t, np.inf), axis=1, initial=np.inf)
    last = np.max(np.where(good, t, -np.inf), axis=1, initial=-np.inf)
    span = np.where(last > first, last - first, 1.0)
    scaled = np.where(good, (t - np.where(np.isfinite(first), first, 0.0)[:, None]) / span[:, None], 0.0)
    return scaled, np.where(good, y, 0.0), weight, np.where(last > first, span, 0.0)


def _chosen(
    t: Floats, y: Floats, weight: Floats, span: Floats, sigma_known: bool, models: tuple[str, ...], criterion: str
) -> Bleaching:
    n = y.shape[0]
    points = np.sum(weight > 0, axis=1)
    moments = _distinct(t, weight)
    reason = np.full(n, "", dtype=object)
    reason[moments < 4] = "fewer than four different times"
    reason[(points > 0) & (span == 0)] = "all points are at one time"
    reason[points == 1] = "one point only"
    reason[points == 0] = "no finite point"
    result: dict[str, Any] = {k: np.full((n, 2), np.nan) for k in ("tau", "tau_low", "tau_high", "amplitude", "amp_e")}
    result |= {k: np.full(n, np.nan) for k in ("beta", "beta_e", "offset", "offset_e")}
    model = np.full(n, "none", dtype=object)
    scores: dict[str, Floats] = {}
    why = np.full(n, "", dtype=object)
    best = np.full(n, np.inf)
    for name in (*_NOT_DECAYS, *models):
        decay = DECAYS[name]
        scores[name] = np.full(n, np.inf)
        rows = np.flatnonzero((reason == "") & (moments > decay.parameters))
        if not rows.size:
            continue
        fit = fit_decay(decay, t[rows], y[rows], weight[rows])
        scale, score = _scored(fit, points[rows], decay.parameters, sigma_known, criterion)
        scores[name][rows] = score
        if name in _NOT_DECAYS:
            better = score < best[rows]
            best[rows[better]] = score[better]
            if name == "line":
                falling = fit.linear[:, 0] > 0
                why[rows[better]] = np.where(falling, _TOO_SHORT, _RISING)[better]
            continue
        error = np.sqrt(np.maximum(np.einsum("nii->ni", fit.covariance), 0) * scale[:, None])
        fault = _faults(name, fit, error)
        better = score < best[rows]
        why[rows[better & (fault != "")]] = fault[better & (fault != "")]
        take = better & (fault == "")
        best[rows[take]] = score[take]
        model[rows[take]] = name
        _store(result, name, fit, error, span[rows], rows, take)
    nothing = (reason == "") & (model == "none")
    reason[nothing] = np.where(why[nothing] != "", why[nothing], "no decay: a constant explains the values as well")
    return Bleaching(
        np.array(model, dtype=str), result["tau"], result["tau_low"], result["tau_high"], result["amplitude"],
        result["amp_e"], result["beta"], result["beta_e"], result["offset"], result["offset_e"],
        np.array(reason, dtype=str), scores,
    )  # fmt: skip


def _distinct(t: Floats, weight: Floats) -> NDArray[np.int64]:
    ordered = np.sort(np.where(weight > 0, t, np.inf), axis=1)
    new = np.isfinite(ordered[:, 1:]) & (np.diff(np.where(np.isfinite(ordered), ordered, 9.0), axis=1) > 1e-12)
    return np.asarray(new.sum(axis=1) + np.isfinite(ordered[:, 0]), dtype=np.int64)


def _scored(
    fit: Fitted, points: NDArray[np.int64], parameters: int, sigma_known: bool, criterion: str
) -> tuple[Floats, Floats]:
    """Return the variance that weights are to be multiplied with, and the criterion."""
    freedom = np.maximum(points - parameters, 1)
    scale = np.ones(points.size) if sigma_known else np.asarray(fit.chi2 / freedom)
    misfit, count = fit.chi2, parameters
    if not sigma_known:
        misfit, count = np.asarray(points * np.log(np.maximum(fit.chi2, 1e-300) / points)), parameters + 1
    if criterion == "bic":
        return scale, misfit + count * np.log(points)
    return scale, misfit + 2 * count + 2 * count * (count + 1) / np.maximum(points - count - 1, 0.5)


def _faults(name: str, fit: Fitted, error: Floats) -> NDArray[Any]:
    """Return why the constants of a fit say nothing, or an empty text."""
    q = fit.shape.shape[1]
    fault = np.full(fit.chi2.size, "", dtype=object)
    amplitudes = fit.linear[:, :-1]
    taus = fit.shape if name == "double" else fit.shape[:, :1]
    tau_error = error[:, -q:][:, : taus.shape[1]]
    fault[~np.all(np.isfinite(error), axis=1) | np.any(tau_error > _MOST_ERROR, axis=1)] = (
        "the time constant cannot be told within a factor of four"
    )
    if name == "double":
        fault[np.abs(taus[:, 1] - taus[:, 0]) < np.log(_APART)] = "two time constants cannot be told apart"
        sure = np.all(np.abs(amplitudes) > _SURE * error[:, :2], axis=1)
        fault[~sure] = "one of two decays is not above its error"
    if name == "stretched":
        fault[(error[:, -1] > _MOST_ERROR) | (np.abs(fit.shape[:, 1]) > 2)] = "the stretching cannot be told"
    fault[np.any(np.exp(taus) > _LONGEST, axis=1)] = _TOO_SHORT
    fault[np.any(amplitudes < 0, axis=1)] = _RISING
    return fault


def _store(
    result: dict[str, Any],
    name: str,
    fit: Fitted,
    error: Floats,
    span: Floats,
    rows: NDArray[np.int64],
    take: NDArray[np.bool_],
) -> None:
    a, q = fit.linear.shape[1] - 1, fit.shape.shape[1]
    into = rows[take]
    taus = fit.shape if name == "double" else fit.shape[:, :1]
    order = np.argsort(taus, axis=1)
    log_tau = np.take_along_axis(taus, order, axis=1)[take]
    log_error = np.take_along_axis(error[:, -q:][:, : taus.shape[1]], order, axis=1)[take]
    wide = slice(0, a)
    for key in ("tau", "tau_low", "tau_high", "amplitude", "amp_e"):
        result[key][into] = np.nan
    result["tau"][into, wide] = np.exp(log_tau) * span[take, None]
    result["tau_low"][into, wide] = np.exp(log_tau - 1.96 * log_error) * span[take, None]
    result["tau_high"][into, wide] = np.exp(log_tau + 1.96 * log_error) * span[take, None]
    result["amplitude"][into, wide] = np.take_along_axis(fit.linear[:, :a], order, axis=1)[take]
    result["amp_e"][into, wide] = np.take_along_axis(error[:, :a], order, axis=1)[take]
    result["offset"][into], result["offset_e"][into] = fit.linear[take, a], error[take, a]
    stretched = name == "stretched"
    beta = np.exp(fit.shape[take, 1]) if stretched else np.nan
    result["beta"][into] = beta
    result["beta_e"][into] = beta * error[take, -1] if stretched else np.nan
