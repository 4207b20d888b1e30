"""Half-cycles and sweep direction of a trace, robust to noise, and the charge of each half-cycle.

The potentiostat's own numbering (half cycle, sequence) is preferred. Where there is none, a potential that is swept is
cut at its turning points, and any other technique at the changes of sign of its current.

A label belongs to the interval that *ends* at its row, like EC-Lab's ``<I>``: the charge of half-cycle *k* is the sum
of what was passed in the intervals that end at its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InvalidDataset
from .trace import Trace

__all__ = ["Segments", "charge_of_each", "find_segments", "turning_points"]

# Below this the potential is at rest; drift at open circuit stays under it, every sweep exceeds it.
_REST_RANGE_V = 0.005
_SHARE_OF_RANGE = 0.01
_SHARE_OF_CURRENT = 1e-3
_FEWEST_ROWS = 5


@dataclass(frozen=True, eq=False)
class Segments:
    """Where a trace turns.

    Parameters
    ----------
    sweep
        (rows,) +1 potential rising (or charging), -1 falling (or discharging), 0 at rest.
    segment
        (rows,) number of the segment, from 0 in steps of 1.
    half_cycle
        (rows,) the instrument's, else counted from 0 at each reversal; rests belong to the half-cycle before them.
    cycle
        (rows,) the instrument's, else two half-cycles each, counted from 1.
    step
        (rows,) the instrument's sequence number; -1 is unknown.
    source
        What the cuts come from: ``instrument``, ``potential``, ``current``, ``none``, or several joined by ``+``.
    """

    sweep: NDArray[np.int64]
    segment: NDArray[np.int64]
    half_cycle: NDArray[np.int64]
    cycle: NDArray[np.int64]
    step: NDArray[np.int64]
    source: str


def find_segments(trace: Trace, *, dead_band_sigma: float = 3.0, minimum_s: float | None = None) -> Segments:
    """Cut a trace into rising, falling and resting segments.

    Parameters
    ----------
    dead_band_sigma
        Half-width of the band around zero current that counts as rest, in standard deviations of the noise (and at
        least 0.1 % of the largest current); a turn of the potential must retreat by four times as many. Larger is more
        tolerant of noise and blinder to small reversals.
    minimum_s
        Shortest stretch of one current sign in s; shorter ones join the stretch before. Larger is more tolerant of
        noise. Five sampling intervals if None.

    Returns
    -------
    Segments
    """
    n = len(trace)
    columns = trace.columns
    half_cycle = _labels(columns.get("half_cycle"), n)
    sweep = np.zeros(n, dtype=np.int64)
    cut = np.zeros(n, dtype=bool)
    noise, least = _dead_band(trace, dead_band_sigma)
    if minimum_s is None:
        minimum_s = _FEWEST_ROWS * float(np.median(np.diff(trace.time_s))) if n > 1 else 0.0
    sources: dict[str, None] = {}
    for begin, end in _blocks(trace, half_cycle):
        rows = slice(begin, end)
        if half_cycle[begin] >= 0:
            sweep[rows], source = _one_direction(trace, rows, noise, least), "instrument"
            cut[begin] = True
        else:
            sweep[rows], cuts, source = _directions(trace, rows, max(noise, least), dead_band_sigma, minimum_s)
            cut[begin + cuts] = True
            cut[begin] = True
        sources[source] = None
    segment = np.cumsum(cut) - 1
    counted = _half_cycles(sweep)
    return Segments(
        sweep=sweep,
        segment=segment,
        half_cycle=half_cycle if "half_cycle" in columns else counted,
        cycle=_labels(columns.get("cycle"), n) if "cycle" in columns else counted // 2 + 1,
        step=_labels(columns.get("step"), n),
        source="+".join(sources) or "none",
    )


def turning_points(values: ArrayLike, threshold: float) -> NDArray[np.int64]:
    """Find the rows at which a course reverses by more than a threshold.

    Parameters
    ----------
    values
        (rows,) finite numbers.
    threshold
        Smallest retreat from an extreme that makes it a turning point, in the unit of ``values``. Larger is more
        tolerant of noise.

    Returns
    -------
    ndarray
        Rising row numbers of the extremes; neither the first nor the last row is one.
    """
    y = np.asarray(values, dtype=np.float64)
    moves = np.flatnonzero(np.diff(y))
    if moves.size < 2:
        return np.zeros(0, dtype=np.int64)
    signs = np.sign(y[moves + 1] - y[moves])
    # Only local extremes can be turning points; on a flat top the first row of it is taken.
    extremes = [0, *(moves[:-1][signs[1:] != signs[:-1]] + 1).tolist(), y.size - 1]
    heights = y[extremes].tolist()
    found: list[int] = []
    low = high = 0
    direction = 0
    for k in range(1, len(extremes)):
        height = heights[k]
        if height > heights[high]:
            high = k
        if height < heights[low]:
            low = k
        # The first move by more than the threshold only gives the direction: there was none to reverse before it.
        if direction >= 0 and heights[high] - height > threshold:
            if direction > 0:
                found.append(extremes[high])
            direction, low, high = -1, k, k
        elif direction <= 0 and height - heights[low] > threshold:
            if direction < 0:
                found.append(extremes[low])
            direction, low, high = 1, k, k
    return np.array(found, dtype=np.int64)


def charge_of_each(charge_mah: ArrayLike, labels: ArrayLike) -> dict[int, float]:
    """Sum the charge of each label (half-cycle, cycle, step), in mAh.

    Parameters
    ----------
    charge_mah
        (rows,) running charge, for example ``trace.charge``.
    labels
        (rows,) whole numbers; they need not be consecutive. Each names the interval that ends at its row.

    Returns
    -------
    dict
        {label: charge}, in order of the label. The first row ends no interval and adds nothing.
    """
    charge, names = np.asarray(charge_mah, dtype=np.float64), np.asarray(labels)
    if charge.shape != names.shape or charge.ndim != 1:
        raise InvalidDataset(
            f"charge and labels must have one value a row each, but their shapes are {charge.shape} and {names.shape}"
        )
    if not charge.size:
        return {}
    known, index = np.unique(names, return_inverse=True)
    sums = np.bincount(index, weights=np.diff(charge, prepend=charge[0]), minlength=known.size)
    return {int(k): float(v) for k, v in zip(known, sums, strict=True)}


# -- parts ------------------------------------------------------------------------------------------------------------


def _labels(values: NDArray[Any] | None, n: int) -> NDArray[np.int64]:
    if values is None:
        return np.full(n, -1, dtype=np.int64)
    return np.where(np.isfinite(values), values, -1).astype(np.int64)


def _blocks(trace: Trace, half_cycle: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return runs of rows that the instrument numbers alike."""
    n = len(trace)
    if not n:
        return []
    changes = np.zeros(n - 1, dtype=bool)
    for labels in (half_cycle, trace.columns.get("step"), trace.columns.get("part")):
        if labels is not None:
            changes |= labels[1:] != labels[:-1]
    return [(int(a), int(b)) for a, b in pairwise([0, *(np.flatnonzero(changes) + 1), n])]


def _noise(time_s: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Return the standard deviation of the noise, from the deviation of each row from the line of its neighbours."""
    good = np.isfinite(values)
    t, y = time_s[good], values[good]
    if t.size < _FEWEST_ROWS:
        return 0.0
    span = t[2:] - t[:-2]
    usable = span > 0
    if not usable.any():
        return 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        before = (t[2:] - t[1:-1]) / span
        after = (t[1:-1] - t[:-2]) / span
        off = (y[1:-1] - before * y[:-2] - after * y[2:]) / np.sqrt(1 + before**2 + after**2)
    return 1.4826 * float(np.median(np.abs(off[usable])))


def _dead_band(trace: Trace, sigma: float) -> tuple[float, float]:
    """Return the half-width of rest around zero current that noise asks for, and the least one."""
    current = trace.current_ma
    if current is None or not np.isfinite(current).any():
        return np.inf, np.inf
    largest = float(np.nanpercentile(np.abs(current), 99))
    return sigma * _noise(trace.time_s, current), _SHARE_OF_CURRENT * largest


def _reversal(time_s: NDArray[np.float64], potential: NDArray[np.float64], sigma: float) -> float:
    """Return the retreat that makes a turning point: beyond the range of any number of noisy rows at one height."""
    return max(4 * sigma * _noise(time_s, potential), _SHARE_OF_RANGE * float(np.ptp(potential)))


def _directions(
    trace: Trace, rows: slice, band: float, sigma: float, minimum_s: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], str]:
    """Return the sweep of each row of a block, the rows (within it) where segments begin, and the source."""
    n = rows.stop - rows.start
    rest = np.zeros(n, dtype=np.int64), np.zeros(0, dtype=np.int64), "none"
    if "open circuit" in (trace.technique or "").lower() and trace.current_ma is None:
        return rest
    potential = trace.potential_v[rows]
    good = np.flatnonzero(np.isfinite(potential))
    time = trace.time_s[rows]
    edges = _sweep_edges(time[good], potential[good], sigma)
    if trace.current_ma is None:
        if edges is None:
            return rest
    else:
        current = trace.current_ma[rows]
        if not np.isfinite(current).any():
            return rest  # no current was recorded where others are: the circuit was open
        if edges is None or not _is_linear(time[good], potential[good], edges):
            return _by_current(time, current, band, minimum_s)
    sweep = np.zeros(n, dtype=np.int64)
    begins = []
    for a, b in pairwise(edges):
        begin = 0 if a == 0 else int(good[a]) + 1
        sweep[begin : int(good[b]) + 1] = np.sign(potential[good[b]] - potential[good[a]])
        begins.append(begin)
    sweep[int(good[-1]) + 1 :] = sweep[good[-1]]
    return sweep, np.array(begins, dtype=np.int64), "potential"


def _sweep_edges(time: NDArray[np.float64], potential: NDArray[np.float64], sigma: float) -> list[int] | None:
    """Return first row, turning points and last row of a swept potential; None if it is at rest."""
    if potential.size < 2:
        return None
    threshold = _reversal(time, potential, sigma)
    if float(np.ptp(potential)) <= max(threshold, _REST_RANGE_V):
        return None
    return [0, *turning_points(potential, threshold).tolist(), potential.size - 1]


def _is_linear(time: NDArray[np.float64], potential: NDArray[np.float64], edges: list[int]) -> bool:
    """Tell whether the potential runs straight between its turns, as only a controlled sweep does."""
    straight = whole = 0.0
    for a, b in pairwise(edges):
        length = float(time[b] - time[a])
        whole += length
        if length <= 0 or potential[b] == potential[a]:
            continue
        at = time[a] + length * np.array([0.25, 0.5, 0.75])
        course = np.interp(at, time[a : b + 1], potential[a : b + 1])
        way = (course - potential[a]) / (potential[b] - potential[a])
        if np.all(np.abs(way - [0.25, 0.5, 0.75]) < 0.1):
            straight += length
    return straight > 0.5 * whole


def _by_current(
    time: NDArray[np.float64], current: NDArray[np.float64], band: float, minimum_s: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], str]:
    """Return direction and cuts by the sign of the current, without stretches that are too short to be meant."""
    state = np.where(np.abs(np.nan_to_num(current)) > band, np.sign(np.nan_to_num(current)), 0).astype(np.int64)
    begins = np.concatenate([[0], np.flatnonzero(np.diff(state)) + 1])
    ends = np.concatenate([begins[1:], [state.size]])
    signs: list[int] = []
    kept: list[int] = []
    for a, b in zip(begins.tolist(), ends.tolist(), strict=True):
        # The interval that ends at row a belongs to the stretch, so that it lasts from row a - 1.
        short = time[b - 1] - time[max(a - 1, 0)] < minimum_s
        if signs and (short or signs[-1] == state[a]):
            continue
        signs.append(int(state[a]))
        kept.append(a)
    lengths = np.diff([*kept, state.size])
    return np.repeat(np.array(signs, dtype=np.int64), lengths), np.array(kept, dtype=np.int64), "current"


def _one_direction(trace: Trace, rows: slice, noise: float, least: float) -> Literal[-1, 0, 1]:
    """Return the direction of a block that the instrument calls one half-cycle: by its current, else its potential."""
    if trace.current_ma is not None and np.isfinite(trace.current_ma[rows]).any():
        # An interval counts by its length: potential-triggered rows crowd where the potential moves.
        inside = slice(max(rows.start - 1, 0), rows.stop)
        current = np.nan_to_num(trace.current_ma[rows])
        width = np.diff(trace.time_s[inside])
        weights = width if width.size == current.size else np.concatenate([[0.0], width])
        mean = float(np.average(current, weights=weights)) if weights.sum() > 0 else float(current.mean())
        # A mean of many rows is that much surer than one row.
        return _sign(mean) if abs(mean) > max(noise / np.sqrt(current.size), least) else 0
    potential = trace.potential_v[rows]
    potential = potential[np.isfinite(potential)]
    if potential.size < 2:
        return 0
    change = float(potential[-1] - potential[0])
    return _sign(change) if abs(change) > _REST_RANGE_V else 0


def _sign(value: float) -> Literal[-1, 0, 1]:
    return 1 if value > 0 else -1 if value < 0 else 0


def _half_cycles(sweep: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count reversals; a rest neither ends nor begins a half-cycle."""
    moving = np.flatnonzero(sweep)
    turns = np.zeros(sweep.size, dtype=np.int64)
    if moving.size:
        reversed_at = moving[1:][sweep[moving[1:]] != sweep[moving[:-1]]]
        turns[reversed_at] = 1
    return np.cumsum(turns)
