"""Runs steps on a dataset: finds the columns that they need, keeps masks, by-products and the history."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..columns import SpectrumFlag
from ..dataset import OperandoDataset
from ..errors import StepError
from ..history import StepRecord
from .execute import BLOCK, run_step
from .parameters import checked_parameters
from .recipe import RecipeStep
from .step import StepOutput, StepSpec, step_spec

__all__ = ["StepReport", "apply_step", "apply_steps"]

Progress = Callable[[str, int, int], None]
_FOR_THE_DATASET = ("mask", "spikes", "variance")  # products that become part of the dataset


@dataclass(frozen=True)
class StepReport:
    """What one step did to the dataset."""

    record: StepRecord
    products: Mapping[str, NDArray[Any]]
    shift: NDArray[np.float64]
    """The axis after the step, to which channel-wise products belong."""
    spectra: int


def apply_step(
    dataset: OperandoDataset,
    name: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    keep: Collection[str] | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[OperandoDataset, StepReport]:
    """Run one step.

    Parameters
    ----------
    keep
        Names of the (spectra, channels) products wanted in the report, such as ``background``; all if None. Fewer take
        less memory.
    progress
        Called with (name of the step, spectra done, spectra in all).
    should_stop
        Asked between blocks; True ends the run with :class:`~spectrode.errors.Cancelled`.

    Returns
    -------
    dataset : OperandoDataset
        With the step in its history. A variance survives only steps that declare it unchanged.
    report : StepReport

    Raises
    ------
    StepError
        If the step is not known, a column that it needs is missing, a parameter is wrong, or the axis is in nm.
    """
    spec = step_spec(name)
    if dataset.axis_kind == "wavelength" and not spec.any_axis:
        raise StepError(
            f"{name} needs an axis in cm-1, but the spectra are in nm; convert them first (give the laser wavelength)"
        )
    effective = checked_parameters(name, spec.parameters, parameters or {}, StepError)
    scan = ("scan_shape", "scan_index") if spec.neighbourhood is not None else ()
    outside = {key: _context(dataset, spec, key) for key in (*spec.needs, *spec.context, *scan)}
    started = time.perf_counter()
    output = run_step(
        spec,
        dataset.computed().intensity,
        dataset.shift,
        mask=dataset.mask,
        keep=None if keep is None else {*keep, *_FOR_THE_DATASET},
        progress=None if progress is None else lambda done, total: progress(name, done, total),
        should_stop=should_stop,
        **{k: v for k, v in outside.items() if v is not None},
        **effective,
    )
    record = StepRecord(
        name=name,
        parameters=effective,
        version=__version__,
        cite=spec.cite,
        changed_spectra=_changed(dataset, output),
        seconds=round(time.perf_counter() - started, 3),
        notes=output.notes,
    )
    return _taken_over(dataset, spec, output).with_step(record), StepReport(
        record, output.products, output.shift, dataset.n_spectra
    )


def apply_steps(
    dataset: OperandoDataset,
    steps: Iterable[RecipeStep],
    *,
    keep: Collection[str] | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[OperandoDataset, tuple[StepReport, ...]]:
    """Run steps in order; see :func:`apply_step`."""
    reports = []
    for item in steps:
        dataset, report = apply_step(
            dataset, item.name, item.parameters, keep=keep, progress=progress, should_stop=should_stop
        )
        reports.append(report)
    return dataset, tuple(reports)


def _context(dataset: OperandoDataset, spec: StepSpec, key: str) -> Any:
    if key in ("mask", "variance"):
        return dataset.variance if key == "variance" else None  # the mask goes to every step by itself
    if key == "scan_shape":
        return dataset.scan_shape or None
    if key == "scan_index":
        return dataset.scan_index if dataset.scan_shape else None
    if key in dataset.columns:
        return np.array(dataset.columns[key])
    if key == "laser_nm":
        return dataset.metadata.laser.wavelength_nm
    if key in spec.needs:
        constant = dataset.metadata.laser.power_mw if key == "power_mw" else None
        if constant is not None:
            return np.full(dataset.n_spectra, constant)
        raise StepError(
            f"{spec.name} needs the column {key}, but the dataset has {', '.join(dataset.columns) or 'no columns'}"
        )
    return None


def _changed(dataset: OperandoDataset, output: StepOutput) -> int:
    before = dataset.intensity
    if output.intensity.shape != before.shape or not np.array_equal(output.shift, dataset.shift):
        return dataset.n_spectra
    count = 0
    for start in range(0, dataset.n_spectra, BLOCK):
        old, new = before[start : start + BLOCK], output.intensity[start : start + BLOCK]
        count += int(np.count_nonzero(~((old == new) | (np.isnan(new) & ~np.isfinite(old))).all(axis=1)))
    return count


def _taken_over(dataset: OperandoDataset, spec: StepSpec, output: StepOutput) -> OperandoDataset:
    mask = dataset.mask
    if mask is not None and output.shift.size != dataset.n_channels:
        mask = _moved_mask(mask, dataset.shift, output.shift)
    found = output.products.get("mask")
    if found is not None:
        mask = found if mask is None else mask | found
    keeps = spec.keeps_variance and output.shift.size == dataset.n_channels
    variance = output.products.get("variance", dataset.variance if keeps else None)
    changed = dataset.replace(intensity=output.intensity, shift=output.shift, mask=mask, variance=variance)
    spikes = output.products.get("spikes")
    if spikes is not None:
        changed = changed.with_flags(SpectrumFlag.DESPIKED, np.asarray(spikes.any(axis=1)))
    return changed


def _moved_mask(mask: NDArray[np.bool_], old: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Carry a mask to another axis: a new channel is masked if the nearest old one on either side is."""
    right = np.clip(np.searchsorted(old, new), 0, old.size - 1)
    left = np.clip(right - (old[right] > new), 0, old.size - 1)
    return np.asarray(mask[:, left] | mask[:, right])
