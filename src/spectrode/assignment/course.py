"""The course of an operando experiment: one point a frame (or spectrum) in time, and the sweeps that it consists of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..dataset import OperandoDataset
from ..electrochemistry.segments import turning_points
from ..errors import SpectrodeError

__all__ = ["Course", "Leg", "course_of", "legs_of"]

Floats = NDArray[np.float64]

_FEWEST_FRAMES = 8
_MOST_POINTS = 400
_REST_V = 0.005
_TURN_SHARE = 0.1  # of the range of potentials: a smaller retreat is noise


@dataclass(frozen=True, eq=False)
class Course:
    """Points in time order. A map series has one a frame, any other dataset one a spectrum (runs of them, if many)."""

    time_s: Floats
    """(points,) seconds; numbers of the points where the dataset knows no times."""
    potential_v: Floats | None
    spread_v: Floats
    """(points,) maximum minus minimum potential within a point; 0 where unknown."""
    charge_mah: Floats | None
    dose: Floats | None
    cycle: NDArray[np.int64] | None
    values: Floats
    """(points, components) mean concentration."""
    pixels: Floats | None
    """(points, pixels, components) where frames repeat the same pixels; NaN for missing ones."""


@dataclass(frozen=True)
class Leg:
    """Points ``start`` to ``stop`` (exclusive) between two turns of the potential."""

    start: int
    stop: int
    direction: int
    """+1 rising (oxidation), -1 falling (reduction)."""
    cycle: int


def course_of(dataset: OperandoDataset, concentrations: ArrayLike) -> Course:
    """Reduce concentrations to a course.

    Parameters
    ----------
    concentrations
        (spectra, components); spectra with a value that is not finite are left out.

    Raises
    ------
    SpectrodeError
        If there is not one row a spectrum.
    """
    values = np.asarray(concentrations, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] != dataset.n_spectra:
        raise SpectrodeError(
            f"concentrations must be (spectra, components) with {dataset.n_spectra} rows, not of shape {values.shape}"
        )
    n = dataset.n_spectra
    known_time = _column(dataset, "time_s")
    time: Floats = np.arange(n, dtype=np.float64)
    if known_time is not None and np.isfinite(known_time).all():
        time = known_time
    potential = _column(dataset, "potential_v")
    if potential is not None and not np.isfinite(potential).any():
        potential = None
    good = np.isfinite(values).all(axis=1)
    if potential is not None:
        good &= np.isfinite(potential)
    rows = np.flatnonzero(good)
    if rows.size == 0:
        raise SpectrodeError("no spectrum has a concentration that is a finite number, so that there is no course")
    rows = rows[np.argsort(time[rows], kind="stable")]
    frame = dataset.frame_of()[rows]
    framed = np.unique(frame).size >= _FEWEST_FRAMES and np.unique(frame).size <= rows.size // 2
    group = frame if framed else _runs(rows.size)
    names, place = np.unique(group, return_inverse=True)
    order = np.argsort(_mean(time[rows], place, names.size), kind="stable")
    place = np.argsort(order)[place]
    count = names.size

    def mean(column: Floats | None) -> Floats | None:
        return None if column is None else _mean(column[rows], place, count)

    cycle = _column(dataset, "cycle")
    known = None if cycle is None or (cycle < 0).any() else cycle
    averaged = np.stack([_mean(c[rows], place, count) for c in values.T], axis=1) if values.shape[1] else values[:count]
    mean_cycle = mean(known)
    return Course(
        time_s=_mean(time[rows], place, count),
        potential_v=mean(potential),
        spread_v=_spread(dataset, potential, rows, place, count),
        charge_mah=mean(_complete(_column(dataset, "charge_mah"), rows)),
        dose=mean(_complete(_column(dataset, "dose_j_per_um2"), rows)),
        cycle=None if mean_cycle is None else np.rint(mean_cycle).astype(np.int64),
        values=averaged,
        pixels=_pixels(dataset, values, rows, place, count) if framed else None,
    )


def legs_of(course: Course) -> tuple[Leg, ...]:
    """Return the sweeps of a course; none if its potential is unknown or rests."""
    v = course.potential_v
    if v is None or v.size < 2 or np.ptp(v) < _REST_V:
        return ()
    turns = turning_points(v, max(_REST_V, _TURN_SHARE * float(np.ptp(v))))
    edges = [0, *(int(t) for t in turns), v.size - 1]
    legs = []
    for number in range(len(edges) - 1):
        start, stop = edges[number], edges[number + 1] + 1
        middle = (start + stop) // 2
        cycle = number // 2 + 1 if course.cycle is None else int(course.cycle[middle])
        legs.append(Leg(start, stop, 1 if v[stop - 1] >= v[start] else -1, cycle))
    return tuple(legs)


def _column(dataset: OperandoDataset, name: str) -> Floats | None:
    return np.asarray(dataset.columns[name], dtype=np.float64) if name in dataset.columns else None


def _complete(column: Floats | None, rows: NDArray[np.intp]) -> Floats | None:
    return None if column is None or not np.isfinite(column[rows]).all() else column


def _runs(n: int) -> NDArray[np.intp]:
    """Return the run that each of n spectra in time order belongs to: one spectrum each, unless they are many."""
    return np.arange(n) * min(n, _MOST_POINTS) // max(n, 1)


def _mean(column: Floats, place: NDArray[np.intp], count: int) -> Floats:
    sums = np.bincount(place, weights=column, minlength=count)
    return np.asarray(sums / np.maximum(np.bincount(place, minlength=count), 1))


def _spread(
    dataset: OperandoDataset, potential: Floats | None, rows: NDArray[np.intp], place: NDArray[np.intp], count: int
) -> Floats:
    if potential is None:
        return np.zeros(count)
    own = _column(dataset, "potential_spread_v")
    half = np.zeros(rows.size) if own is None else 0.5 * np.nan_to_num(own[rows])
    high, low = np.full(count, -np.inf), np.full(count, np.inf)
    np.maximum.at(high, place, potential[rows] + half)
    np.minimum.at(low, place, potential[rows] - half)
    return np.asarray(high - low)


def _pixels(
    dataset: OperandoDataset, values: Floats, rows: NDArray[np.intp], place: NDArray[np.intp], count: int
) -> Floats | None:
    """Return (points, pixels, components) where the scan says which pixel a spectrum belongs to."""
    names = [name for name, _ in dataset.scan_shape]
    if "frame" not in names or names[0] != "frame":
        return None
    per_frame = int(np.prod(dataset.scan_sizes[1:]))
    cube = np.full((count, per_frame, values.shape[1]), np.nan)
    cube[place, dataset.scan_index[rows] % per_frame] = values[rows]
    return cube
