"""Fluorescence against potential: binned means, slopes with intervals, and whether time could explain the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import SpectrodeError

__all__ = ["MOST_VIF", "AgainstPotential", "SweepTrend", "against_potential"]

Floats = NDArray[np.float64]

MOST_VIF = 10.0
"""Variance inflation above which time and potential are called inseparable."""

_FEWEST = 4


@dataclass(frozen=True)
class SweepTrend:
    """One direction of the sweep. Slopes are NaN with fewer than four points or a single potential."""

    direction: int
    """+1 rising, -1 falling, 0 at rest."""
    potential_v: Floats
    """(bins,) mean potential of the points in each bin that has any."""
    mean: Floats
    standard_error: Floats
    """(bins,) of ``mean``; NaN for a single point."""
    count: NDArray[np.int64]
    slope_per_v: float
    slope_interval: tuple[float, float]
    """95 %, also right where the deviations from the line follow each other."""
    vif: float
    """How much time inflates the variance of the slope within this direction; NaN without times."""


@dataclass(frozen=True)
class AgainstPotential:
    """All directions, and the slope with a linear drift in time taken out."""

    sweeps: tuple[SweepTrend, ...]
    slope_per_v: float
    slope_interval: tuple[float, float]
    """Of all points together, adjusted for time where times were given; NaN if not separable."""
    vif: float
    statement: str
    """One sentence on whether potential can be told from time."""


def against_potential(
    values: ArrayLike,
    potential_v: ArrayLike,
    direction: ArrayLike | None = None,
    time_s: ArrayLike | None = None,
    *,
    bins: int = 12,
) -> AgainstPotential:
    """Describe how values (a background's mean, its centroid …) depend on the potential.

    Parameters
    ----------
    values, potential_v
        (n,); points that are not finite are left out.
    direction
        (n,) +1 rising, -1 falling, 0 at rest; all taken as one if None.
    time_s
        (n,) time or dose, to ask whether it explains the same.
    bins
        Bins of equal width over the range of potentials; more are finer and noisier.

    Raises
    ------
    SpectrodeError
        If the lengths differ or ``bins`` is below 1.
    """
    y, v = np.asarray(values, dtype=np.float64), np.asarray(potential_v, dtype=np.float64)
    side = np.zeros(y.shape, dtype=np.int64) if direction is None else np.asarray(direction, dtype=np.int64)
    t = None if time_s is None else np.asarray(time_s, dtype=np.float64)
    if y.ndim != 1 or any(a.shape != y.shape for a in (v, side) + (() if t is None else (t,))):
        raise SpectrodeError(f"values, potentials, directions and times must be lists of equal length, not {y.shape}")
    if bins < 1:
        raise SpectrodeError(f"at least one bin is needed, but {bins} were asked for")
    good = np.isfinite(y) & np.isfinite(v) & (True if t is None else np.isfinite(t))
    y, v, side = y[good], v[good], side[good]
    t = None if t is None else t[good]
    if t is not None:
        order = np.argsort(t, kind="stable")
        y, v, side, t = y[order], v[order], side[order], t[order]
    edges = np.linspace(v.min(), v.max(), bins + 1) if v.size else np.zeros(2)
    sweeps = tuple(
        _trend(int(d), y[side == d], v[side == d], None if t is None else t[side == d], edges) for d in np.unique(side)
    )
    vif = _vif(v, t)
    slope, interval = _slope(y, v, t) if not vif > MOST_VIF else (np.nan, (np.nan, np.nan))
    return AgainstPotential(sweeps, slope, interval, vif, _statement(vif, t is not None, v, sweeps))


def _trend(direction: int, y: Floats, v: Floats, t: Floats | None, edges: Floats) -> SweepTrend:
    place = np.clip(np.searchsorted(edges, v, side="right") - 1, 0, edges.size - 2)
    count = np.bincount(place, minlength=edges.size - 1)
    used = np.flatnonzero(count)
    means = np.array([y[place == k].mean() for k in used])
    errors = np.array([y[place == k].std(ddof=1) / np.sqrt(count[k]) if count[k] > 1 else np.nan for k in used])
    centres = np.array([v[place == k].mean() for k in used])
    slope, interval = _slope(y, v, None)
    return SweepTrend(direction, centres, means, errors, count[used], slope, interval, _vif(v, t))


def _vif(v: Floats, t: Floats | None) -> float:
    """Return 1 / (1 - r²) between potential and time; infinite where one is a line in the other."""
    if t is None or v.size < 3 or np.ptp(v) == 0 or np.ptp(t) == 0:
        return float("nan")
    rest = 1 - float(np.corrcoef(v, t)[0, 1]) ** 2
    return 1 / rest if rest > 1e-12 else float("inf")


def _slope(y: Floats, v: Floats, t: Floats | None) -> tuple[float, tuple[float, float]]:
    """Return the slope against potential and its 95 % interval.

    The error is the larger of the ordinary one and that of Newey and West, which allows for deviations that follow
    each other in time.
    """
    from scipy.stats import t as student

    nothing = (float("nan"), (float("nan"), float("nan")))
    columns = [np.ones_like(v), v - v.mean() if v.size else v]
    if t is not None and np.ptp(t) > 0:
        columns.append((t - t.mean()) / np.ptp(t))
    x = np.stack(columns, axis=1)
    n, p = x.shape
    if n < max(_FEWEST, p + 2) or np.ptp(v) == 0:
        return nothing
    inverse = np.linalg.pinv(x.T @ x)
    coefficients = inverse @ x.T @ y
    residual = y - x @ coefficients
    ordinary = inverse[1, 1] * float(residual @ residual) / (n - p)
    scores = x * residual[:, None]
    middle = scores.T @ scores
    lags = int(4 * (n / 100) ** (2 / 9))
    for lag in range(1, min(lags, n - 1) + 1):
        cross = scores[lag:].T @ scores[:-lag]
        middle += (1 - lag / (lags + 1)) * (cross + cross.T)
    robust = float((inverse @ middle @ inverse)[1, 1]) * n / (n - p)
    half = float(student.ppf(0.975, n - p)) * np.sqrt(max(ordinary, robust))
    slope = float(coefficients[1])
    return slope, (slope - half, slope + half)


def _statement(vif: float, timed: bool, v: Floats, sweeps: tuple[SweepTrend, ...]) -> str:
    if v.size < _FEWEST or np.ptp(v) == 0:
        return "the potential does not vary over enough points to say anything"
    if not timed:
        return "without times it cannot be told whether potential or time (bleaching, growth) is the cause"
    if vif > MOST_VIF:
        return (
            f"potential and time are not separable here (variance inflation {vif:.3g}): a drift in time would look the "
            "same; a return sweep, a rest or fresh spots would separate them"
        )
    tied = [s.direction for s in sweeps if s.vif > MOST_VIF]
    if tied:
        return (
            f"potential and a linear drift in time are separable over all sweeps (variance inflation {vif:.3g}), but "
            "not within a single direction; compare the directions"
        )
    return f"potential and a linear drift in time are separable (variance inflation {vif:.3g})"
