"""Which spectra are neighbours of which, in space and in time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import StepError

__all__ = ["FRAMES", "neighbour_table", "neighbourhood"]

Rows = NDArray[np.int64]
ScanShape = tuple[tuple[str, int], ...]

FRAMES = 2  # looked at before and after
_IN_TIME = ("frame", "time", "repeat", "spectrum")


def neighbourhood(
    rows: Rows, total: int, scan_shape: ScanShape | None, scan_index: Rows | None, parameters: Mapping[str, Any]
) -> Rows:
    """Return (rows, k) the neighbours of some spectra, as the step protocol asks for them.

    The columns are first those in space, then the frames before and after. Without a scan shape the spectra count as a
    series in time, because that is how files of many spectra are mostly recorded.
    """
    return _table(rows, total, scan_shape, scan_index, int(parameters.get("frames", FRAMES)))


def neighbour_table(
    n_spectra: int, scan_shape: ScanShape | None, scan_index: Rows | None, *, frames: int
) -> NDArray[np.int64]:
    """Return which spectra are neighbours of which.

    Parameters
    ----------
    n_spectra
        Number of spectra.
    scan_shape
        Named lengths, slowest first. ``frame``, ``time``, ``repeat`` and ``spectrum`` are ordered in time; all others
        are space.
    scan_index
        (spectra,) place of each spectrum in the flattened scan; file order if None.
    frames
        Reach in time. At both ends the window is moved inwards, so that its length stays.

    Returns
    -------
    ndarray
        (spectra, neighbours) indices of spectra; -1 where there is none.

    Raises
    ------
    StepError
        If the scan shape has fewer places than there are spectra.
    """
    return _table(np.arange(n_spectra), n_spectra, scan_shape, scan_index, frames)


def _table(rows: Rows, total: int, scan_shape: ScanShape | None, scan_index: Rows | None, frames: int) -> Rows:
    scan = tuple(scan_shape or (("time", total),))
    sizes = tuple(size for _, size in scan)
    places = int(np.prod(sizes))
    if places < total:
        raise StepError(f"despike: scan_shape {scan} has {places} places, but there are {total} spectra")
    index = None if scan_index is None else np.asarray(scan_index, dtype=np.int64)
    who = _who(index, total, places)
    here = np.array(np.unravel_index(rows if index is None else index[rows], sizes), dtype=np.int64)
    in_time = [name in _IN_TIME for name, _ in scan]
    columns = []
    for there, valid in (*_around(here, sizes, in_time), *_before_and_after(here, sizes, in_time, frames)):
        flat = np.ravel_multi_index(tuple(np.where(valid, there, 0)), sizes)
        columns.append(np.where(valid, who(flat), -1))
    return np.stack(columns, axis=1) if columns else np.full((rows.size, 1), -1, dtype=np.int64)


def _who(index: Rows | None, total: int, places: int) -> Callable[[Rows], Rows]:
    """Return a function that says which spectra were taken at places of the flattened scan; -1 for none.

    In file order, nothing as long as the dataset is made, because this is asked for every block of a stream.
    """
    if index is None:
        return lambda flat: np.where(flat < total, flat, -1)
    who = np.full(places, -1, dtype=np.int64)
    who[index] = np.arange(total)
    return lambda flat: who[flat]


def _around(here: Rows, sizes: tuple[int, ...], in_time: list[bool]) -> Iterator[tuple[Any, Any]]:
    """Yield the positions one place away in space (diagonals too)."""
    limits = np.array(sizes)[:, None]
    reach: list[tuple[int, ...]] = [
        (0,) if time or size == 1 else (-1, 0, 1) for time, size in zip(in_time, sizes, strict=True)
    ]
    # In one dimension two places on either side, so that there is a median.
    if sum(len(r) > 1 for r in reach) == 1:
        reach = [(-2, -1, 0, 1, 2) if len(r) > 1 else r for r in reach]
    for offset in itertools.product(*reach):
        if any(offset):
            there = here + np.array(offset)[:, None]
            yield there, np.all((there >= 0) & (there < limits), axis=0)


def _before_and_after(
    here: Rows, sizes: tuple[int, ...], in_time: list[bool], frames: int
) -> Iterator[tuple[Any, Any]]:
    """Yield the same position in the frames before and after."""
    for axis in (k for k, time in enumerate(in_time) if time):
        first = np.clip(here[axis] - frames, 0, max(sizes[axis] - 2 * frames - 1, 0))
        for offset in range(min(2 * frames + 1, sizes[axis])):
            there = here.copy()
            there[axis] = first + offset
            yield there, there[axis] != here[axis]
