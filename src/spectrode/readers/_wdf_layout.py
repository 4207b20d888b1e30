"""Where each spectrum of a WDF file lies in its scan: from the stage positions, checked against the map's flags."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._wdf_blocks import MapArea

__all__ = ["Layout", "flag_order", "map_layout"]

# A motor reports positions near, not on, the planned ones.
_TOLERANCE_STEPS = 0.25
_NAMES = ("z", "y", "x")


@dataclass(frozen=True)
class Layout:
    """The scan: named lengths (slowest first), the place of each spectrum (None: in order), remarks for the user."""

    scan_shape: tuple[tuple[str, int], ...] = ()
    scan_index: NDArray[np.int64] | None = None
    distance: NDArray[np.float64] | None = None
    """(spectra,) way along a line scan from its first planned point, unit of the positions."""
    notes: tuple[str, ...] = ()


def flag_order(area: MapArea, n_spectra: int) -> NDArray[np.int64]:
    """Return the (spectra, 3) indices (x, y, z) that the map's flags announce, counted in steps from its location.

    Bit 1 (column-major) makes y the fast direction, bit 2 (alternating) turns every second line round.
    """
    nx, ny, _ = area.length
    column_major = bool(area.flags & MapArea.COLUMN_MAJOR)
    n_fast = ny if column_major else nx
    i = np.arange(n_spectra, dtype=np.int64)
    layer, place = np.divmod(i, nx * ny)
    slow, fast = np.divmod(place, n_fast)
    if area.flags & MapArea.ALTERNATING:
        fast = np.where(slow % 2 == 1, n_fast - 1 - fast, fast)
    return np.stack((slow, fast, layer) if column_major else (fast, slow, layer), axis=1)


def map_layout(
    area: MapArea | None,
    positions: dict[str, NDArray[np.float64]],
    n_spectra: int,
    capacity: int,
) -> Layout:
    """Lay out a map.

    Positions decide, because they say where the stage was; flags say what was planned. Rows and columns of the result
    run towards larger coordinates, whichever way the stage went.

    Parameters
    ----------
    area
        The planned map, if the file has one.
    positions
        Stage positions ``x``, ``y``, ``z``, each (spectra,), as far as the file has them.
    n_spectra, capacity
        Measured and planned spectra.
    """
    if capacity == 1:
        return Layout()
    if area is None:
        return _from_distinct_positions(positions, capacity, "the file calls itself a map but has no map block (WMAP)")
    if area.places != capacity:
        sizes = " × ".join(map(str, area.length))
        return _from_distinct_positions(
            positions, capacity, f"the map block plans {sizes} points, but the header {capacity} spectra"
        )
    planned = flag_order(area, n_spectra)
    line = bool(area.flags & MapArea.XY_LINE)
    known = "x" in positions and "y" in positions
    if not known:
        return _without_positions(area, planned, line)
    found = _line_indices(area, positions, planned) if line else _grid_indices(area, positions, planned)
    if found is None:
        if area.flags & MapArea.RANDOM_POINTS:
            return Layout()
        if _distinct(positions):
            return _from_distinct_positions(
                positions, capacity, "the positions (ORGN) do not lie on the map that the file plans (WMAP)"
            )
        note = "several spectra share one position (ORGN), so the order of the map is taken from its flags (WMAP)"
        return _placed(area, planned, line, None, (note,))
    order_is_announced = not area.flags & (MapArea.RANDOM_POINTS | MapArea.LINE_FOCUS)
    notes: tuple[str, ...] = ()
    if order_is_announced and not np.array_equal(found, planned):
        wrong = int(np.any(found != planned, axis=1).sum())
        notes = (
            f"the positions (ORGN) of {wrong} of {n_spectra} spectra contradict the order that the map's flags "
            f"({area.flags}) announce; the positions are trusted",
        )
    distance = _distance(area, positions) if line else None
    return _placed(area, found, line, distance, notes)


def _without_positions(area: MapArea, planned: NDArray[np.int64], line: bool) -> Layout:
    if area.flags & (MapArea.RANDOM_POINTS | MapArea.LINE_FOCUS):
        return Layout(
            notes=(
                "the map has no positions (ORGN), and its flags do not fix an order; it is read as a list of points",
            )
        )
    return _placed(
        area, planned, line, None, ("the map has no positions (ORGN); its order is taken from its flags (WMAP)",)
    )


def _on_grid(steps: NDArray[np.float64], length: int) -> NDArray[np.int64] | None:
    """Return the whole numbers that positions in steps stand for, or None if they are off the grid."""
    with np.errstate(all="ignore"):
        inside = np.all((steps > -0.5) & (steps < length - 0.5))  # False for NaN
    if not inside:
        return None
    index = np.rint(steps).astype(np.int64)
    return index if np.all(np.abs(steps - index) <= _TOLERANCE_STEPS) else None


def _axis_indices(area: MapArea, axis: int, values: NDArray[np.float64]) -> NDArray[np.int64] | None:
    length, step, origin = area.length[axis], area.step[axis], area.location[axis]
    if length == 1:
        return np.zeros(len(values), dtype=np.int64)
    if not (math.isfinite(step) and math.isfinite(origin)) or step == 0:
        return None
    with np.errstate(all="ignore"):
        return _on_grid((values - origin) / step, length)


def _with_layers(
    area: MapArea, positions: dict[str, NDArray[np.float64]], planned: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Return the index along z; layers follow one another where the file has no z list."""
    if area.length[2] == 1:
        return np.zeros(len(planned), dtype=np.int64)
    return _axis_indices(area, 2, positions["z"]) if "z" in positions else planned[:, 2]


def _grid_indices(
    area: MapArea, positions: dict[str, NDArray[np.float64]], planned: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    parts = [_axis_indices(area, k, positions[name]) for k, name in enumerate("xy")]
    parts.append(_with_layers(area, positions, planned))
    return _if_distinct(parts)


def _along_line(area: MapArea, positions: dict[str, NDArray[np.float64]]) -> NDArray[np.float64] | None:
    """Return the way along the line in steps, or None if the points do not lie on it."""
    (lx, ly, _), (sx, sy, _) = area.location, area.step
    square = sx * sx + sy * sy
    if not all(map(math.isfinite, (lx, ly, square))) or square == 0:
        return None
    with np.errstate(all="ignore"):
        dx, dy = positions["x"] - lx, positions["y"] - ly
        across = np.abs(dx * sy - dy * sx) / square
        if not np.all(across <= _TOLERANCE_STEPS):
            return None
        along: NDArray[np.float64] = (dx * sx + dy * sy) / square
    return along


def _line_indices(
    area: MapArea, positions: dict[str, NDArray[np.float64]], planned: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    steps = _along_line(area, positions)
    along = None if steps is None else _on_grid(steps, area.length[0])
    return _if_distinct([along, np.zeros(len(planned), dtype=np.int64), _with_layers(area, positions, planned)])


def _if_distinct(parts: list[NDArray[np.int64] | None]) -> NDArray[np.int64] | None:
    known = [p for p in parts if p is not None]
    if len(known) < len(parts):
        return None
    # Counting places is much quicker than comparing rows, so that a large map opens at once.
    place = np.ravel_multi_index(tuple(known), tuple(int(p.max()) + 1 for p in known))
    return np.stack(known, axis=1) if np.bincount(place).max() == 1 else None


def _distance(area: MapArea, positions: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.hypot(positions["x"] - area.location[0], positions["y"] - area.location[1])


def _placed(
    area: MapArea,
    index: NDArray[np.int64],
    line: bool,
    distance: NDArray[np.float64] | None,
    notes: tuple[str, ...],
) -> Layout:
    """Return the layout of (x, y, z) indices in steps, turned towards larger coordinates; lengths of 1 are dropped."""
    sizes = area.length
    columns = []
    for k in (2, 1, 0):
        backwards = area.step[k] < 0 and not line
        columns.append(sizes[k] - 1 - index[:, k] if backwards else index[:, k])
    lengths = sizes[::-1]
    place = np.ravel_multi_index(tuple(columns), lengths).astype(np.int64)
    names = ("z", "y", "line") if line else _NAMES
    shape = tuple((name, n) for name, n in zip(names, lengths, strict=True) if n > 1)
    in_order = np.array_equal(place, np.arange(len(place)))
    return Layout(shape, None if in_order else place, distance, notes)


def _distinct(positions: dict[str, NDArray[np.float64]]) -> bool:
    points = np.stack(list(positions.values()), axis=1)
    points = points[np.lexsort(tuple(points.T))]
    return bool(np.all(np.any(points[1:] != points[:-1], axis=1)))


def _from_distinct_positions(positions: dict[str, NDArray[np.float64]], capacity: int, problem: str) -> Layout:
    """Lay out by the positions alone, if they fill a grid completely; else as a list of points."""
    if "x" in positions and "y" in positions:
        x, ix = np.unique(positions["x"], return_inverse=True)
        y, iy = np.unique(positions["y"], return_inverse=True)
        place = (iy * len(x) + ix).astype(np.int64)
        if len(place) == capacity == len(x) * len(y) and len(np.unique(place)) == capacity:
            shape = tuple((name, n) for name, n in (("y", len(y)), ("x", len(x))) if n > 1)
            in_order = np.array_equal(place, np.arange(capacity))
            note = f"{problem}; the positions form a grid of {len(y)} × {len(x)} (y × x) of their own, which is used"
            return Layout(shape, None if in_order else place, None, (note,))
    return Layout(notes=(f"{problem}; the spectra are read as a list of points",))
