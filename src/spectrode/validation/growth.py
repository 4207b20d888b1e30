"""How much of each compound there is: laws of growth in time and potential, patchy films, hot spots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["course", "film", "hot_spots", "potentials"]

Array = NDArray[np.float64]


def potentials(rng: np.random.Generator, frames: int, *, cathodic: bool) -> Array:
    """Return (frames,) volts: a sweep down or up, with or without a way back."""
    first, last = (
        (rng.uniform(2.0, 3.0), rng.uniform(0.02, 0.3)) if cathodic else (rng.uniform(2.9, 3.4), rng.uniform(4.3, 4.9))
    )
    way = np.linspace(0.0, 1.0, frames)
    if rng.random() < 0.35:
        way = 1.0 - np.abs(2.0 * way - 1.0)
    return np.asarray(first + (last - first) * way)


def course(rng: np.random.Generator, frames: int) -> Array:
    """Return (frames,) amount with time, between 0 and 1: one of several laws, with an onset of its own."""
    t = np.linspace(0.0, 1.0, frames)
    onset = rng.uniform(-0.1, 0.6)
    since = np.clip(t - onset, 0.0, None)
    law = str(rng.choice(["parabolic", "linear", "sigmoid", "saturating", "intermediate", "exponential"]))
    if law == "parabolic":
        amount = np.sqrt(since)
    elif law == "linear":
        amount = since
    elif law == "sigmoid":
        amount = 1.0 / (1.0 + np.exp(-(t - onset - 0.15) / rng.uniform(0.03, 0.15)))
    elif law == "saturating":
        amount = 1.0 - np.exp(-since / rng.uniform(0.05, 0.4))
    elif law == "intermediate":
        amount = since * np.exp(-since / rng.uniform(0.1, 0.3))
    else:
        amount = np.expm1(since * rng.uniform(1.0, 4.0))
    return np.asarray(amount / max(float(amount.max()), 1e-12))


def film(rng: np.random.Generator, side: int) -> Array:
    """Return (pixels,) coverage of a square map, between 0 and 1: bumps of one size, some of it bare."""
    y, x = np.mgrid[0:side, 0:side] / side
    field = np.zeros((side, side))
    size = rng.uniform(0.12, 0.5)
    for _ in range(12):
        cy, cx = rng.uniform(-0.1, 1.1, 2)
        field += rng.normal(0.6, 1.0) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2.0 * size**2))
    field = (field - field.min()) / max(float(np.ptp(field)), 1e-12)
    bare = rng.uniform(0.0, 0.3)
    return np.asarray((np.clip(field - bare, 0.0, None) / (1.0 - bare)).ravel())


def hot_spots(rng: np.random.Generator, frames: int, pixels: int) -> Array:
    """Return (frames · pixels,) enhancement, median 1: heavy-tailed from pixel to pixel, flickering with time."""
    place = np.exp(rng.normal(0.0, rng.uniform(0.3, 0.8), pixels))
    hot = rng.random(pixels) < 0.05
    place[hot] *= 1.0 + rng.pareto(2.0, int(hot.sum()))
    flicker = np.exp(rng.normal(0.0, rng.uniform(0.05, 0.3), (frames, pixels)))
    return np.asarray(np.clip(place[None, :] * flicker, 0.0, 20.0).ravel())
