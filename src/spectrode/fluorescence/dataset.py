"""Fluorescence of a whole dataset: summary, bleaching of each pixel and of all, dependence on potential."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..dataset import OperandoDataset
from ..errors import SpectrodeError
from .bleaching import Bleaching, fit_bleaching, fit_pooled
from .potential import AgainstPotential, against_potential
from .summary import BackgroundSummary, summarise

__all__ = ["FluorescenceReport", "from_background"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FluorescenceReport:
    """What the background of a dataset says."""

    summary: BackgroundSummary
    unit_of_exposure: str
    """Of the time constants: ``s``, ``J/µm²``, or ``frame`` where neither time nor dose is known."""
    pixel: Bleaching
    """Of each place in the scan, in C order; one for a plain list of spectra."""
    pixel_shape: tuple[int, ...]
    pooled: Bleaching
    potential: AgainstPotential | None
    notes: tuple[str, ...]


def from_background(
    dataset: OperandoDataset, background: ArrayLike, *, sigma: ArrayLike | None = None, against: str = "time"
) -> FluorescenceReport:
    """Describe the background that a baseline step removed.

    Parameters
    ----------
    dataset
        The spectra, for their times, doses, potentials and places.
    background
        (spectra, channels) on the dataset's axis.
    sigma
        (spectra, channels) its standard deviation, as the steps of this package give it.
    against
        ``time`` or ``dose`` for the bleaching.

    Raises
    ------
    SpectrodeError
        If the background does not belong to the dataset, or the dose is asked for and not known.
    """
    values = np.asarray(background, dtype=np.float64)
    expected = (dataset.n_spectra, dataset.n_channels)
    if values.shape != expected:
        raise SpectrodeError(f"the background has shape {values.shape}, but the dataset has {expected}")
    summary = summarise(values, dataset.shift, sigma)
    exposure, unit = _exposure(dataset, against)
    times, means, shape = _curves(dataset, exposure, summary.mean)
    pixel = fit_bleaching(times, means)
    pooled = fit_pooled(times, means)
    notes: list[str] = []
    trend = None
    if "potential_v" in dataset.columns:
        # One value a frame: the pixels of a map differ more from each other than a potential changes them.
        trend = _trend(dataset, exposure, summary.mean)
        notes.append(f"fluorescence against potential: {trend.statement}")
        if np.any(pixel.identifiable) and trend.vif > 2:
            notes.append("bleaching and potential run together in part; part of either may be the other")
    if not np.any(pixel.identifiable):
        reasons, counts = np.unique(pixel.reason, return_counts=True)
        notes.append(f"bleaching is not identifiable in any pixel, mostly: {reasons[np.argmax(counts)]}")
    return FluorescenceReport(summary, unit, pixel, shape, pooled, trend, tuple(notes))


def _exposure(dataset: OperandoDataset, against: str) -> tuple[Floats, str]:
    if against not in ("time", "dose"):
        raise SpectrodeError(f"bleaching goes against time or dose, but {against!r} was asked for")
    if against == "dose":
        if "dose_j_per_um2" not in dataset.columns:
            raise SpectrodeError("bleaching against dose needs the column dose_j_per_um2, which the dataset lacks")
        return np.asarray(dataset.columns["dose_j_per_um2"], dtype=np.float64), "J/µm²"
    if "time_s" in dataset.columns:
        return dataset.mid_time_s, "s"
    return (dataset.frame_of() if dataset.scan_shape else np.arange(dataset.n_spectra)).astype(np.float64), "frame"


def _curves(dataset: OperandoDataset, exposure: Floats, mean: Floats) -> tuple[Floats, Floats, tuple[int, ...]]:
    """Return (places, frames) exposures and means, and the shape of the places."""
    names = [name for name, _ in dataset.scan_shape]
    if not names:
        return exposure[None], mean[None], (1,)
    cube = dataset.as_cube(np.stack([exposure, mean], axis=1))
    if "frame" not in names:
        # A map recorded once: each place has one point. A line or depth scan likewise.
        flat = cube.reshape(-1, 1, 2)
        return flat[..., 0], flat[..., 1], cube.shape[:-1]
    moved = np.moveaxis(cube, names.index("frame"), -2)
    flat = moved.reshape(-1, *moved.shape[-2:])
    return flat[..., 0], flat[..., 1], moved.shape[:-2]


def _trend(dataset: OperandoDataset, exposure: Floats, mean: Floats) -> AgainstPotential:
    potential = np.asarray(dataset.columns["potential_v"], dtype=np.float64)
    sweep = np.asarray(dataset.columns.get("sweep", np.zeros(dataset.n_spectra)), dtype=np.int64)
    frame = dataset.frame_of()
    if np.unique(frame).size < 2:
        return against_potential(mean, potential, sweep, exposure)
    rows = []
    for k in np.unique(frame):
        inside = (frame == k) & np.isfinite(potential) & np.isfinite(mean) & np.isfinite(exposure)
        if inside.any():
            turn = np.sign(np.sum(sweep[inside]))
            rows.append((mean[inside].mean(), potential[inside].mean(), turn, exposure[inside].mean()))
    table = np.array(rows).reshape(-1, 4)
    return against_potential(table[:, 0], table[:, 1], table[:, 2], table[:, 3])
