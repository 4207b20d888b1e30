"""Where each spectrum lies: the scan grid in stage micrometres, and the way back from a place to its spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spectrode.dataset import OperandoDataset

__all__ = ["MapGeometry", "geometry_of"]

SERIES_AXES = ("frame", "time", "cycle", "repeat")
"""Scan dimensions that are no place: they become sliders."""
REGULAR_WITHIN = 0.5
"""Positions may be this far (in steps) off a regular grid before points are drawn instead of pixels."""

STILL_WITHIN_UM = 0.1
"""A stage that wanders less than this has stayed at one point."""


@dataclass(frozen=True, eq=False)
class MapGeometry:
    """The layout of a dataset in a viewer.

    Parameters
    ----------
    kind
        ``image`` for a regular grid, ``points`` for irregular positions.
    sizes
        Lengths of the layer's dimensions (for points: lengths of the series dimensions only).
    axis_labels, units
        One for each dimension of the layer; units as napari understands them.
    matrix, translate
        World position = ``matrix @ place + translate``; the matrix is diagonal unless the grid is rotated.
    places
        Image: (\\*sizes) index of the spectrum at each place, -1 where there is none.
    coordinates
        Points: (spectra, dimensions) series indices followed by stage positions.
    """

    kind: Literal["image", "points"]
    sizes: tuple[int, ...]
    axis_labels: tuple[str, ...]
    units: tuple[str, ...]
    matrix: NDArray[np.float64]
    translate: NDArray[np.float64]
    places: NDArray[np.int64]
    coordinates: NDArray[np.float64] | None = None

    @property
    def ndim(self) -> int:
        """Number of dimensions of the layer."""
        return len(self.axis_labels)

    @property
    def is_rotated(self) -> bool:
        """True if rows and columns do not run along the stage axes."""
        return not np.array_equal(self.matrix, np.diag(np.diag(self.matrix)))

    @property
    def scale(self) -> NDArray[np.float64]:
        """(dimensions,) step along each axis; negative where the stage ran backwards."""
        return np.diag(self.matrix).copy()

    @property
    def frame_axis(self) -> int | None:
        """The dimension that counts frames, or None if there is one map only."""
        found = [k for k, name in enumerate(self.axis_labels) if name in SERIES_AXES and k < self.ndim - 1]
        return found[0] if found else None

    @property
    def point_size(self) -> float:
        """Diameter in µm that makes neighbouring points nearly touch."""
        if self.coordinates is None or len(self.coordinates) < 2:
            return 1.0
        from scipy.spatial import cKDTree

        stage = np.unique(self.coordinates[:, -2:], axis=0)
        if len(stage) < 2:
            return 1.0
        distance, _ = cKDTree(stage).query(stage, k=2)
        return float(np.median(distance[:, 1])) * 0.9 or 1.0

    def spectrum_at(self, data_position: Any) -> int | None:
        """Return the spectrum under a position in the layer's own (data) coordinates, or None.

        For points that is the nearest one of the same frame, if the position lies inside its disc.
        """
        position = np.asarray(data_position, dtype=float)[-self.ndim :]
        if position.size != self.ndim or not np.all(np.isfinite(position)):
            return None
        if self.coordinates is not None:
            return self._nearest_point(position)
        place = np.floor(position + 0.5).astype(np.int64)
        if np.any(place < 0) or np.any(place >= self.sizes):
            return None
        index = int(self.places[tuple(place)])
        return None if index < 0 else index

    def _nearest_point(self, position: NDArray[np.float64]) -> int | None:
        assert self.coordinates is not None
        series = self.ndim - 2
        here = np.all(np.abs(self.coordinates[:, :series] - position[:series]) < 0.5, axis=1)
        distance = np.hypot(*(self.coordinates[:, -2:] - position[-2:]).T)
        distance = np.where(here, distance, np.inf)
        if not distance.size or not np.isfinite(distance.min()):
            return None
        nearest = int(np.argmin(distance))
        return nearest if distance[nearest] <= self.point_size / 2 else None

    def same_place_in_frame(self, spectrum: int, frame: int) -> int | None:
        """Return the spectrum at the same place of another frame, or None if that place was not measured."""
        axis = self.frame_axis
        if axis is None:
            return spectrum
        if self.coordinates is not None:
            place = self.coordinates[spectrum].copy()
            place[axis] = frame
            return self._nearest_point(place)
        found = np.argwhere(self.places == spectrum)
        if not found.size:
            return None
        place_index = found[0].copy()
        place_index[axis] = frame
        return self.spectrum_at(place_index)


def geometry_of(dataset: OperandoDataset) -> MapGeometry:
    """Find how a dataset is laid out.

    Grids become images (a line becomes an image of one row), with the scale and origin fitted to the stage positions;
    a grid without positions is counted in pixels. Positions on no regular grid become points. Repeated maps
    (``frame``) come first, which gives a viewer its slider.
    """
    scan = dataset.scan_shape or (("spectrum", dataset.n_spectra),)
    series = [k for k, (name, _) in enumerate(scan) if name in SERIES_AXES]
    spatial = [k for k in range(len(scan)) if k not in series]
    if not spatial:  # one point in time: a row of its own
        spatial, series = series[-1:], series[:-1]
    order = series + spatial
    names = [scan[k][0] for k in order]
    sizes = tuple(scan[k][1] for k in order)
    places = np.full(int(np.prod([size for _, size in scan], dtype=int)), -1, dtype=np.int64)
    places[dataset.scan_index] = np.arange(dataset.n_spectra)
    places = places.reshape([size for _, size in scan]).transpose(order)
    if len(spatial) == 1:
        return _line_geometry(dataset, names, sizes, places, len(series))
    return _grid_geometry(dataset, names, sizes, places, len(series))


# -- one spatial dimension -----


def _line_geometry(
    dataset: OperandoDataset, names: list[str], sizes: tuple[int, ...], places: NDArray[np.int64], n_series: int
) -> MapGeometry:
    index = _indices(places)[-1]
    found = [_stage(dataset, c) for c in ("y_um", "x_um")]
    if all(f is None for f in found):
        distance = _stage(dataset, "distance_um")
        step = None if distance is None else _regular_step(index, distance[:, None])
    else:
        position = np.stack([np.zeros(dataset.n_spectra) if f is None else f for f in found], axis=1)
        step = _regular_step(index, position)
        if step is None and names[-1] not in SERIES_AXES and _moves(position):
            return _points_geometry(names[:n_series], sizes[:n_series], places, position)
    unit = "pixel" if not step else "um"
    side = step or 1.0
    return MapGeometry(
        kind="image",
        sizes=(*sizes[:n_series], 1, sizes[-1]),
        axis_labels=(*names[:n_series], "across", names[-1]),
        units=("pixel",) * n_series + (unit, unit),
        matrix=np.diag([1.0] * n_series + [side, side]),
        translate=np.zeros(n_series + 2),
        places=places.reshape(*sizes[:n_series], 1, sizes[-1]),
    )


def _regular_step(index: NDArray[np.int64], position: NDArray[np.float64]) -> float | None:
    """Return the length of the step if positions lie evenly on a straight line, else None (0.0: they do not move)."""
    fit = _fitted(index[None, :], position)
    if fit is None:
        return None
    steps, _, residual = fit
    length = float(np.linalg.norm(steps))
    return length if residual <= REGULAR_WITHIN * length or length == residual == 0 else None


def _moves(position: NDArray[np.float64]) -> bool:
    good = position[np.all(np.isfinite(position), axis=1)]
    return bool(good.size) and bool(np.any(np.ptp(good, axis=0) > STILL_WITHIN_UM))


def _points_geometry(
    names: list[str], sizes: tuple[int, ...], places: NDArray[np.int64], position: NDArray[np.float64]
) -> MapGeometry:
    series = _indices(places)[: len(names)].T.astype(float)
    return MapGeometry(
        kind="points",
        sizes=sizes,
        axis_labels=(*names, "y", "x"),
        units=("pixel",) * len(names) + ("um", "um"),
        matrix=np.eye(len(names) + 2),
        translate=np.zeros(len(names) + 2),
        places=places,
        coordinates=np.concatenate([series, position], axis=1),
    )


# -- two or three spatial dimensions -----


def _grid_geometry(
    dataset: OperandoDataset, names: list[str], sizes: tuple[int, ...], places: NDArray[np.int64], n_series: int
) -> MapGeometry:
    axes = names[n_series:]
    stage = [_stage(dataset, f"{name}_um") for name in axes]
    ndim = len(names)
    matrix, translate, unit = np.eye(ndim), np.zeros(ndim), "pixel"
    if all(s is not None for s in stage):
        position = np.stack([s for s in stage if s is not None], axis=1)
        fit = _fitted(_indices(places)[n_series:], position)
        if fit is not None and fit[0].any():
            steps, origin, residual = fit
            lengths = np.linalg.norm(steps, axis=0)
            if residual > REGULAR_WITHIN * lengths[lengths > 0].min() and len(axes) == 2:
                return _points_geometry(names[:n_series], sizes[:n_series], places, position)
            matrix[n_series:, n_series:] = _straightened(_with_sides(steps), sizes[n_series:])
            translate[n_series:] = origin
            unit = "um"
    return MapGeometry(
        kind="image",
        sizes=sizes,
        axis_labels=tuple(names),
        units=("pixel",) * n_series + (unit,) * len(axes),
        matrix=matrix,
        translate=translate,
        places=places,
    )


def _with_sides(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give dimensions of length 1, whose step nobody can know, the smallest known step: square pixels."""
    lengths = np.linalg.norm(steps, axis=0)
    still = lengths == 0
    filled = steps.copy()
    for k in np.flatnonzero(still):
        filled[k, k] = lengths[~still].min()
    return filled


def _straightened(steps: NDArray[np.float64], sizes: tuple[int, ...]) -> NDArray[np.float64]:
    """Drop rotations that amount to less than half a pixel over the whole map."""
    diagonal = np.diag(np.diag(steps))
    stray = np.abs(steps - diagonal) * np.asarray(sizes)
    lengths = np.linalg.norm(steps, axis=0)
    return diagonal if stray.max() < 0.5 * lengths.min() and np.all(np.diag(steps)) else steps


# -- shared -----


def _stage(dataset: OperandoDataset, name: str) -> NDArray[np.float64] | None:
    column = dataset.columns.get(name)
    return None if column is None or not np.isfinite(column).any() else np.asarray(column, dtype=float)


def _indices(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """(dimensions, spectra) grid indices of each spectrum, in the order of the dataset."""
    taken = np.argwhere(places >= 0)
    indices = np.empty_like(taken)
    indices[places[places >= 0]] = taken
    return indices.T


def _fitted(
    index: NDArray[np.int64], position: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float] | None:
    """Least squares ``position = steps @ index + origin``.

    Returns
    -------
    steps : (positions, indices)
    origin : (positions,)
    residual : float
        Largest distance of a spectrum from its place on the fitted grid, in µm.
    """
    good = np.all(np.isfinite(position), axis=1)
    if not good.any():
        return None
    centre = index[:, good].mean(axis=1)
    # Centred first: a length-1 dimension is then a column of zeros and gets a step of exactly zero.
    design = (index[:, good] - centre[:, None]).T
    middle = position[good].mean(axis=0)
    steps, *_ = np.linalg.lstsq(design, position[good] - middle, rcond=None)
    off = position[good] - middle - design @ steps
    tiny = 1e-9 * max(1.0, float(np.abs(position[good]).max()))
    steps = np.where(np.abs(steps) < tiny, 0.0, steps).T
    residual = float(np.linalg.norm(off, axis=1).max())
    return steps, middle - steps @ centre, 0.0 if residual < tiny else residual
