"""At which potential a component begins to appear, and has vanished, in one sweep.

Up to most of its rise the course is a level that turns, at the onset, into a power law of the potential: a step, a
square root, a line, a parabola. Onset and power are searched together on a grid (segmented regression; Muggeo,
Statistics in Medicine 22, 2003, 3055), so that the interval allows for not knowing the law. Intervals come from
resampled pixels (Efron and Tibshirani 1993) and from resampled residuals that follow each other as the measured ones do
(sieve bootstrap; Bühlmann, Bernoulli 3, 1997, 123); the wider one is reported, for the first misses what a frame's
pixels have in common and the second what they have not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .course import Course, Leg

__all__ = ["FEWEST_POINTS", "SweepPoint", "sweep_points"]

Floats = NDArray[np.float64]

FEWEST_POINTS = 8
"""Points that a sweep, or the part of it that is fitted, must have."""

_POWERS = (0.5, 0.75, 1.0, 1.5, 2.0)
_GRID = 61
_MARKS = 9
_CUT = 0.6  # of the rise: what follows is saturation, which says nothing about the onset
_FEWEST_BEFORE = 3
_FEWEST_PIXELS = 8
_SIGNIFICANT = 0.003
_PLAIN = 0.75  # of the variance: what is left over is then the shape's fault, and resampling it would hide the change
_MOST_FOLLOWING = 0.95
_WARM_UP = 60
_UNIFORM_95 = 0.566  # 1.96 / sqrt(12): of the width of an even distribution


@dataclass(frozen=True)
class SweepPoint:
    """An onset or an offset of one component in one sweep."""

    kind: Literal["onset", "offset"]
    """``onset``: it begins to appear; ``offset``: it has vanished, or fallen to the level at which it stays."""
    cycle: int
    direction: int
    """+1 rising potential (oxidation), -1 falling (reduction)."""
    potential_v: float
    """NaN where not identifiable."""
    interval_v: tuple[float, float]
    """95 %, with the potential's own spread within a point and the distance between points."""
    change: float
    """Height of the rise (or fall) in units of the concentration; NaN where not identifiable."""
    reason: str = ""
    """Why it is not identifiable; empty if it is."""

    @property
    def identifiable(self) -> bool:
        """Whether there is a potential to speak of."""
        return not self.reason


def sweep_points(
    course: Course, leg: Leg, component: int, *, draws: int = 200, seed: int = 0
) -> tuple[SweepPoint, SweepPoint]:
    """Return onset and offset of one component in one sweep.

    Parameters
    ----------
    component
        Column of ``course.values``.
    draws
        Bootstrap samples; more are smoother and slower.
    seed
        Of the bootstrap; the same seed gives the same intervals.
    """
    rows = slice(leg.start, leg.stop)
    assert course.potential_v is not None
    x = leg.direction * course.potential_v[rows]
    y = course.values[rows, component]
    pixels = None if course.pixels is None else course.pixels[rows, :, component]
    rng = np.random.default_rng([seed, component, leg.start])
    if y.size < FEWEST_POINTS or np.unique(x).size < FEWEST_POINTS:
        return _neither(leg, f"the sweep has {y.size} points, and at least {FEWEST_POINTS} are needed")
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    pixels = None if pixels is None else _filled(pixels[order], y)
    spread = course.spread_v[rows][order]
    shapes = _whole_shapes(x)
    if not _changes(np.concatenate([shapes, -shapes]), y, draws, rng):
        return _neither(leg, "no single rise or fall stands out of the noise in this sweep")
    top = int(np.argmax(_smooth(y)))
    rise = _point("onset", leg, x, y, pixels, spread, slice(0, top + 1), draws, rng)
    fall = _point(
        "offset",
        leg,
        -x[::-1],
        y[::-1],
        None if pixels is None else pixels[::-1],
        spread[::-1],
        slice(0, y.size - top),
        draws,
        rng,
    )
    return rise, fall


# ---- one side of a sweep --------------------------------------------------------------------------------------------


def _point(
    kind: Literal["onset", "offset"],
    leg: Leg,
    x: Floats,
    y: Floats,
    pixels: Floats | None,
    spread: Floats,
    part: slice,
    draws: int,
    rng: np.random.Generator,
) -> SweepPoint:
    """Return the point at which a level turns into a rise along ``x`` (for an offset everything is reversed)."""
    word = "rise" if kind == "onset" else "fall"
    x, y, spread = x[part], y[part], spread[part]
    pixels = None if pixels is None else pixels[part]
    if y.size < FEWEST_POINTS or not _changes(_shapes(x)[0], y, draws, rng):
        return _unknown(kind, leg, f"it does not {word} in this sweep")
    stop = _cut(y)
    x, y, spread = x[:stop], y[:stop], spread[:stop]
    shapes, places = _shapes(x)
    best = _search(shapes, y[:, None])[0]
    place = float(places[best])
    fit, height = _fitted(shapes[best], y)
    samples = [places[_search(shapes, _residual_draws(fit, y - fit, draws, rng))]]
    if pixels is not None and pixels.shape[1] >= _FEWEST_PIXELS:
        samples.append(places[_search(shapes, _pixel_draws(pixels[:stop], draws, rng))])
    edges = np.array([np.quantile(s, (0.025, 0.975)) for s in samples])
    low, high = max(edges, key=lambda e: float(e[1] - e[0]))
    before = int(np.count_nonzero(x < place))
    if before < _FEWEST_BEFORE or low <= x[1]:
        start = "from the first points of this sweep on" if kind == "onset" else "to the last points of this sweep"
        return _unknown(kind, leg, f"it {word}s {start}, so that the level before is not seen")
    near = min(max(before, 1), x.size - 1)
    extra = _UNIFORM_95 * float(np.hypot(spread[near], x[near] - x[near - 1]))
    low = place - float(np.hypot(max(place - low, 0.0), extra))
    high = place + float(np.hypot(max(high - place, 0.0), extra))
    sign = leg.direction if kind == "onset" else -leg.direction
    interval = (sign * low, sign * high) if sign > 0 else (sign * high, sign * low)
    return SweepPoint(kind, leg.cycle, leg.direction, sign * place, interval, height)


def _neither(leg: Leg, reason: str) -> tuple[SweepPoint, SweepPoint]:
    return _unknown("onset", leg, reason), _unknown("offset", leg, reason)


def _unknown(kind: Literal["onset", "offset"], leg: Leg, reason: str) -> SweepPoint:
    return SweepPoint(kind, leg.cycle, leg.direction, np.nan, (np.nan, np.nan), np.nan, reason)


def _cut(y: Floats) -> int:
    """Return how many points take part: up to most of the rise, and a few more."""
    smooth = _smooth(y)
    low, high = float(np.quantile(smooth, 0.1)), float(smooth.max())
    reached = int(np.argmax(smooth >= low + _CUT * (high - low)))
    return min(max(reached + 1, FEWEST_POINTS), y.size)


def _smooth(y: Floats) -> Floats:
    width = 5 if y.size >= 20 else 3
    padded = np.pad(y, width // 2, mode="edge")
    return np.convolve(padded, np.full(width, 1 / width), mode="valid")


def _filled(pixels: Floats, mean: Floats) -> Floats:
    return np.where(np.isfinite(pixels), pixels, mean[:, None])


# ---- the grid -------------------------------------------------------------------------------------------------------


def _shapes(x: Floats) -> tuple[Floats, Floats]:
    """Return (shapes, points) unit vectors without mean, and the onset of each."""
    span = float(x[-1] - x[0])
    grid = x[0] + span * np.linspace(0.0, 0.97, _GRID)
    steps = 0.5 * (x[1:] + x[:-1])[np.diff(x) > 0]
    rows = [np.maximum((x[None, :] - grid[:, None]) / span, 0.0) ** p for p in _POWERS]
    rows.append((x[None, :] > steps[:, None]).astype(float))
    shapes = np.concatenate(rows)
    places = np.concatenate([grid] * len(_POWERS) + [steps])
    shapes -= shapes.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(shapes, axis=1)
    kept = norm > 1e-9
    return shapes[kept] / norm[kept, None], places[kept]


def _search(shapes: Floats, courses: Floats) -> NDArray[np.intp]:
    """Return the shape that explains each of (points, courses) best with a rise."""
    return np.asarray(np.argmax(shapes @ courses, axis=0))


def _fitted(shape: Floats, y: Floats) -> tuple[Floats, float]:
    amount = max(float(shape @ y), 0.0)
    fit = y.mean() + amount * shape
    return fit, float(fit.max() - fit.min())


def _whole_shapes(x: Floats) -> Floats:
    """Return (shapes, points) of a whole sweep: rises, falls, and rises with a fall behind."""
    rising, falling = _shapes(x)[0], _shapes(-x[::-1])[0][:, ::-1]
    u = (x - x[0]) / float(x[-1] - x[0])
    marks = np.linspace(0.0, 1.0, _MARKS)
    humps = [
        np.clip((u - a) / (m - a), 0, 1) * np.clip((b - u) / (b - m), 0, 1)
        for i, a in enumerate(marks)
        for j, b in enumerate(marks[i + 2 :], i + 2)
        for m in (marks[i + 1], marks[j - 1])
    ]
    boxes = [((u >= a) & (u <= b)).astype(float) for i, a in enumerate(marks) for b in marks[i + 2 :]]
    more = np.stack([*humps, *boxes])
    more -= more.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(more, axis=1)
    return np.concatenate([rising, falling, more[norm > 1e-9] / norm[norm > 1e-9, None]])


def _changes(shapes: Floats, y: Floats, draws: int, rng: np.random.Generator) -> bool:
    """Return whether a shape explains more of a course than any does of resampled residuals."""
    best = int(_search(shapes, y[:, None])[0])
    fit, _ = _fitted(shapes[best], y)
    if float(_share(shapes, y[:, None])[0]) >= _PLAIN:
        return True
    null = _residual_draws(np.zeros(y.size), y - fit, max(draws, 400), rng)
    found = np.concatenate([_share(shapes, y[:, None]), _share(shapes, null)])
    return bool((1 + np.count_nonzero(found[1:] >= found[0])) / found.size <= _SIGNIFICANT)


def _share(shapes: Floats, courses: Floats) -> Floats:
    total = ((courses - courses.mean(axis=0)) ** 2).sum(axis=0)
    gain = np.maximum(np.max(shapes @ courses, axis=0), 0.0) ** 2
    return np.asarray(gain / np.maximum(total, 1e-300))


# ---- resampling -----------------------------------------------------------------------------------------------------


def _residual_draws(fit: Floats, residual: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Return (points, draws): the fit with new residuals that follow each other as the old ones do."""
    from scipy.signal import lfilter

    n = residual.size
    residual = (residual - residual.mean()) * np.sqrt(n / max(n - 3, 1))
    power = float(residual @ residual)
    follows = float(residual[1:] @ residual[:-1]) / power if power > 0 else 0.0
    # The estimate is low in short series (Marriott and Pope, Biometrika 41, 1954, 390), lower still after a fit.
    follows = min(follows + (1 + 4 * follows) / n + 3 / n, _MOST_FOLLOWING)
    if follows < 2 / np.sqrt(n):
        return np.asarray(fit[:, None] + residual[rng.integers(0, n, (n, draws))])
    shocks = residual[1:] - follows * residual[:-1]
    shocks = (shocks - shocks.mean()) * np.sqrt((1 - follows**2) * power / n / max(float(shocks.var()), 1e-300))
    drawn = shocks[rng.integers(0, n - 1, (n + _WARM_UP, draws))]
    return np.asarray(fit[:, None] + lfilter([1.0], [1.0, -follows], drawn, axis=0)[_WARM_UP:])


def _pixel_draws(pixels: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Return (points, draws) means over pixels drawn with replacement."""
    count = pixels.shape[1]
    weights = rng.multinomial(count, np.full(count, 1 / count), size=draws) / count
    return np.asarray(pixels @ weights.T)
