"""What the course of a component follows: the potential, the charge, or only time and dose.

Each candidate predicts stretches of the experiment that it was not fitted to (cross-validation in blocks; Roberts et
al., Ecography 40, 2017, 913). The potential acts as a state (a smooth function of it), or by accumulation (a rate that
depends on it and only ever adds, or only ever removes). Time and dose act by steady laws (line, square root, approach
to an end value). One step in time stands for any single episode: what happens once can always be blamed on time.
Candidates that go together in the design itself (variance inflation above 10) are not told apart, whatever fits better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .course import Course

__all__ = ["FEWEST_POINTS", "MOST_VIF", "Follows", "Verdict", "variance_inflation", "what_it_follows"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Verdict = Literal["potential", "charge", "time or dose only", "confounded", "constant"]
Group = Literal["potential", "charge", "time or dose"]
_Fit = Callable[[Rows, Floats], Floats]
"""Rows to learn from and all values -> prediction for every point."""

MOST_VIF = 10.0
"""Variance inflation above which two candidates are called inseparable."""
FEWEST_POINTS = 16

_BLOCKS = 24
_FOLDS = 8
_HATS = 8
_T = 2.5  # paired over blocks: about 1 % one-sided
_LEAST_GAIN = 0.05
_CLEARLY = 0.3  # of the variance predicted: no constant course reaches it, though one block may hold all of the gain
_ROUNDS = 3


@dataclass(frozen=True)
class Follows:
    """What a component follows."""

    verdict: Verdict
    law: str
    """Which law of the winner fits best, in words; empty without a winner."""
    explained: Mapping[str, float]
    """Candidate -> share of the variance that it predicts in stretches it has not seen; negative is worse than a mean.
    ``potential``, ``charge``, ``time or dose``, and ``one step in time``."""
    vif: Mapping[tuple[str, str], float]
    """Variance inflation of each pair of candidates, by value or by rank, whichever is larger."""
    confounded: tuple[tuple[str, str], ...] = ()
    """Pairs of candidates that cannot be told apart here."""
    also: tuple[str, ...] = ()
    """Candidates needed beside the winner."""
    excluded: tuple[str, ...] = ()
    """Candidates that predict significantly worse."""
    reason: str = ""


@dataclass(frozen=True)
class _Candidate:
    group: Group
    law: str
    fit: _Fit
    episode: bool = False
    steady: bool = False
    accumulates: bool = False
    drift: bool = False
    """Whether a steady change in time stands beside it."""
    loss: Floats = field(default_factory=lambda: np.zeros(0))
    """(blocks,) sum of squares of the prediction's errors."""


def variance_inflation(a: Floats, b: Floats) -> float:
    """Return 1 / (1 - r²) of two columns, r by value or by rank; infinite if one gives the other, NaN if constant."""
    from scipy.stats import rankdata

    if a.size < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    pairs = ((a, b), (rankdata(a), rankdata(b)))
    rest = min(1 - float(np.corrcoef(p, q)[0, 1]) ** 2 for p, q in pairs)
    return 1 / rest if rest > 1e-9 else float("inf")


def what_it_follows(course: Course, component: int) -> Follows:
    """Return what one component follows.

    Parameters
    ----------
    component
        Column of ``course.values``.
    """
    y = course.values[:, component]
    vif = _inflations(course)
    if y.size < FEWEST_POINTS:
        return _refused(vif, f"{y.size} points in time are too few to compare models ({FEWEST_POINTS} are needed)")
    block = np.arange(y.size) * min(_BLOCKS, y.size // 2) // y.size
    level = _block_loss(lambda rows, v: np.full(v.size, v[rows].mean()), y, block)
    candidates = [_with_loss(c, y, block) for c in _candidates(course)]
    explained = _explained(candidates, level)
    laws = [*candidates, *_with_drift(candidates, y, block)]
    best = min(laws, key=lambda c: c.loss.sum())
    clearly = best.loss.sum() < (1 - _CLEARLY) * level.sum()
    if not np.ptp(y) > 0 or not (clearly or _beats(best.loss, level)):
        return Follows("constant", "", explained, vif, reason="no candidate predicts it better than its mean")
    if all(c.group == "time or dose" for c in candidates):
        return _refused(vif, "neither potential nor charge is known or varies, so that only time is left", explained)
    return _decided(best, laws, explained, vif)


def _refused(
    vif: Mapping[tuple[str, str], float], reason: str, explained: Mapping[str, float] | None = None
) -> Follows:
    return Follows("confounded", "", explained or MappingProxyType({}), vif, reason=reason)


# ---- the decision ---------------------------------------------------------------------------------------------------


def _with_drift(candidates: list[_Candidate], y: Floats, block: Rows) -> list[_Candidate]:
    """Return the laws of potential and charge with a steady change in time added, where both parts are needed."""
    steady = min((c for c in candidates if c.steady), key=lambda c: c.loss.sum())
    out = []
    for c in candidates:
        if c.group == "time or dose" or c.accumulates:  # what accumulates holds a line in time already
            continue
        loss = _joint(c, steady, y, block)
        if _beats(loss, c.loss) and _beats(loss, steady.loss):
            out.append(replace(c, drift=True, loss=loss))
    return out


def _decided(
    best: _Candidate, laws: list[_Candidate], explained: Mapping[str, float], vif: Mapping[tuple[str, str], float]
) -> Follows:
    """Compare the best law with the best of every other group."""
    steady = min((c for c in laws if c.steady), key=lambda c: c.loss.sum())
    winner = best
    if best.accumulates and steady.loss.sum() <= (1 + _LEAST_GAIN) * best.loss.sum():
        winner = steady  # a steady law needs less than a rate that depends on the potential
    ties: list[Group] = []
    excluded: list[str] = []
    for rival in _rivals(winner, laws):
        if _beats(winner.loss, rival.loss):
            excluded.append(rival.group)
        elif not (winner.steady and rival.accumulates):
            ties.append(rival.group)
    by_data = tuple(_pair(winner.group, r) for r in dict.fromkeys(ties))
    by_design = tuple(p for p in _inseparable(vif) if winner.group in p)
    also = ("time or dose",) if winner.drift else ()
    left_out = tuple(g for g in dict.fromkeys(excluded) if g not in ties and g not in also)
    pairs = tuple(dict.fromkeys((*by_design, *by_data)))
    if pairs:
        tied = {g for pair in pairs for g in pair}
        left_out = tuple(g for g in left_out if g not in tied)
        why = _why(by_design, by_data, vif)
        return Follows("confounded", winner.law, explained, vif, pairs, also, left_out, why)
    verdict: Verdict = "time or dose only" if winner.group == "time or dose" else winner.group
    return Follows(verdict, winner.law, explained, vif, (), also, left_out)


def _pair(a: Group, b: Group) -> tuple[str, str]:
    order = ("potential", "charge", "time or dose")
    return (a, b) if order.index(a) < order.index(b) else (b, a)


def _rivals(winner: _Candidate, laws: list[_Candidate]) -> list[_Candidate]:
    """Return the best law of each other group; of time both the steady ones and the single episode."""
    rivals = []
    for group in ("potential", "charge", "time or dose"):
        others = [c for c in laws if c.group == group and group != winner.group]
        for kind in (False, True):
            kin = [c for c in others if c.episode == kind]
            if kin:
                rivals.append(min(kin, key=lambda c: c.loss.sum()))
    return rivals


def _why(
    by_design: tuple[tuple[str, str], ...], by_data: tuple[tuple[str, str], ...], vif: Mapping[tuple[str, str], float]
) -> str:
    parts = []
    for pair in by_design:
        value = max(v for k, v in vif.items() if {_group(n) for n in k} == set(pair) and not np.isnan(v))
        number = "without bound" if np.isinf(value) else f"{value:.3g}"
        parts.append(f"{pair[0]} and {pair[1]} go together in this experiment (variance inflation {number})")
    parts += [f"{a} and {b} predict it equally well" for a, b in by_data if (a, b) not in by_design]
    return "; ".join(parts)


def _group(name: str) -> str:
    return "time or dose" if name in ("time", "dose") else name


def _inseparable(vif: Mapping[tuple[str, str], float]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of groups that go together; with a dose that differs from time, both must."""
    worst: dict[tuple[str, str], list[float]] = {}
    for (a, b), value in vif.items():
        pair = (_group(a), _group(b))
        if pair[0] != pair[1] and not np.isnan(value):
            worst.setdefault(pair, []).append(value)
    return tuple(pair for pair, values in worst.items() if max(values) > MOST_VIF)


def _inflations(course: Course) -> Mapping[tuple[str, str], float]:
    columns = {
        "potential": course.potential_v,
        "charge": course.charge_mah,
        "time": course.time_s,
        "dose": course.dose,
    }
    known = {name: c for name, c in columns.items() if c is not None and np.ptp(c) > 0}
    names = list(known)
    return MappingProxyType(
        {
            (a, b): variance_inflation(known[a], known[b])
            for i, a in enumerate(names)
            for b in names[i + 1 :]
            if {a, b} != {"time", "dose"}
        }
    )


# ---- cross-validation -----------------------------------------------------------------------------------------------


def _block_loss(fit: _Fit, y: Floats, block: Rows) -> Floats:
    """Return (blocks,) the sum of squared errors of predictions for blocks that the fit has not seen."""
    count = int(block[-1]) + 1
    errors = np.empty(y.size)
    for fold in range(min(_FOLDS, count)):
        out = block % min(_FOLDS, count) == fold
        errors[out] = (y - fit(np.flatnonzero(~out), y))[out]
    return np.asarray(np.bincount(block, weights=errors**2, minlength=count), dtype=np.float64)


def _with_loss(candidate: _Candidate, y: Floats, block: Rows) -> _Candidate:
    return replace(candidate, loss=_block_loss(candidate.fit, y, block))


def _beats(loss: Floats, other: Floats) -> bool:
    """Return whether a loss is smaller than another by more than its scatter over blocks, and worth mentioning."""
    gain = other - loss
    if gain.sum() <= _LEAST_GAIN * max(float(other.sum()), 1e-300):
        return False
    error = gain.std(ddof=1) / np.sqrt(gain.size)
    return bool(gain.mean() > _T * error)


def _joint(a: _Candidate, b: _Candidate, y: Floats, block: Rows) -> Floats:
    """Return the loss of two candidates added, fitted in turns."""

    def fit(rows: Rows, values: Floats) -> Floats:
        first, second = np.zeros(values.size), np.zeros(values.size)
        for _ in range(_ROUNDS):
            second = b.fit(rows, values - first)
            first = a.fit(rows, values - second)
        return first + second

    return _block_loss(fit, y, block)


def _explained(candidates: list[_Candidate], level: Floats) -> Mapping[str, float]:
    shares: dict[str, float] = {}
    for c in candidates:
        name = "one step in time" if c.episode else c.group
        share = 1 - float(c.loss.sum()) / max(float(level.sum()), 1e-300)
        shares[name] = max(shares.get(name, -np.inf), share)
    return MappingProxyType(shares)


# ---- the laws -------------------------------------------------------------------------------------------------------


def _candidates(course: Course) -> list[_Candidate]:
    time = course.time_s
    out = [
        _Candidate("time or dose", "a steady change in time", _best_of(_steady(time)), steady=True),
        _Candidate("time or dose", "one step in time", _best_of(_steps(time)), episode=True),
    ]
    if course.dose is not None and np.ptp(course.dose) > 0:
        out.append(_Candidate("time or dose", "a steady change with dose", _best_of(_steady(course.dose)), steady=True))
    v, q = course.potential_v, course.charge_mah
    if v is not None and np.ptp(v) > 0:
        out.append(_Candidate("potential", "a function of the potential, forth and back", _smooth(v)))
        rate = _accumulated(v, time)
        out.append(_Candidate("potential", "growth or loss at certain potentials that stays", rate, accumulates=True))
    if q is not None and np.ptp(q) > 0:
        out.append(_Candidate("charge", "a function of the charge", _smooth(q)))
    return out


def _hats(x: Floats) -> Floats:
    """Return (points, hats) of piecewise linear functions on the quantiles of x."""
    knots = np.unique(np.quantile(x, np.linspace(0, 1, _HATS)))
    return np.stack([np.interp(x, knots, row) for row in np.eye(knots.size)], axis=1)


def _smooth(x: Floats) -> _Fit:
    hats = _hats(x)
    bends = np.diff(np.eye(hats.shape[1]), 2, axis=0)

    def fit(rows: Rows, y: Floats) -> Floats:
        a = hats[rows]
        # The least smoothness that keeps hats without data tied to their neighbours.
        normal = a.T @ a + 1e-2 * rows.size / hats.shape[1] * (bends.T @ bends)
        mean = y[rows].mean()
        return np.asarray(hats @ np.linalg.lstsq(normal, a.T @ (y[rows] - mean), rcond=None)[0] + mean)

    return fit


def _accumulated(v: Floats, time: Floats) -> _Fit:
    """Return the fit of a rate, a function of the potential of one sign, added up over time."""
    from scipy.optimize import nnls

    step = np.diff(time, prepend=time[0])
    grown = np.cumsum(_hats(v) * step[:, None], axis=0)
    grown /= max(float(grown.max()), 1e-300)
    one = np.ones((v.size, 1))

    def fit(rows: Rows, y: Floats) -> Floats:
        best, least = np.zeros(y.size), np.inf
        for sign in (1.0, -1.0):
            a = np.hstack([one, -one, sign * grown])
            weights, error = nnls(a[rows], y[rows], maxiter=50 * a.shape[1])
            if error < least:
                best, least = a @ weights, error
        return np.asarray(best)

    return fit


def _steady(x: Floats) -> Floats:
    """Return (laws, points) of steady changes: line, square root, approaches to an end value."""
    u = (x - x.min()) / max(float(np.ptp(x)), 1e-300)
    return np.stack([u, np.sqrt(u), *(1 - np.exp(-u / tau) for tau in (0.03, 0.06, 0.12, 0.25, 0.5, 1.0)), u**2])


def _steps(x: Floats) -> Floats:
    """Return (laws, points) of one sigmoid step at any time, of any width."""
    u = (x - x.min()) / max(float(np.ptp(x)), 1e-300)
    middles = np.linspace(0.02, 0.98, 33)
    rows = [1 / (1 + np.exp(-np.clip((u - m) / w, -50, 50))) for w in (0.005, 0.015, 0.04, 0.1) for m in middles]
    # Growth that starts at some time and goes on, or ends at some time.
    rows += [np.clip((u - m) / w, 0, 1) for w in (0.1, 0.2, 0.4) for m in middles if m + w <= 1.0]
    return np.stack(rows)


def _best_of(laws: Floats) -> _Fit:
    """Return the fit of level and amount of whichever law fits the learning rows best."""

    def fit(rows: Rows, y: Floats) -> Floats:
        a = laws[:, rows]
        centred = a - a.mean(axis=1, keepdims=True)
        power = np.maximum((centred**2).sum(axis=1), 1e-300)
        product = centred @ (y[rows] - y[rows].mean())
        best = int(np.argmax(product**2 / power))
        return np.asarray(y[rows].mean() + product[best] / power[best] * (laws[best] - a[best].mean()))

    return fit
