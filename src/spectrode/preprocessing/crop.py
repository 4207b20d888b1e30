"""Choice of the channels: a part of the axis, or another grid."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import StepError
from ..pipeline.parameters import Between, Unit
from ..pipeline.step import StepOutput, step

__all__ = ["crop_range", "resample"]

Floats = NDArray[Any]
Wavenumber = Annotated[float, Between(-20_000, 20_000), Unit("cm-1")]


@step("crop.range", context=("variance",), changes_axis=True)
def crop_range(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    variance: Floats | None = None,
    low_cm1: Wavenumber | None = None,
    high_cm1: Wavenumber | None = None,
) -> StepOutput:
    """Keep the channels between two limits, both included.

    Parameters
    ----------
    low_cm1, high_cm1
        Limits of what is kept; no limit on that side if not given.

    Raises
    ------
    StepError
        If the limits are reversed or no channel lies between them.
    """
    low = -np.inf if low_cm1 is None else low_cm1
    high = np.inf if high_cm1 is None else high_cm1
    if low > high:
        raise StepError(f"crop.range: low_cm1 must not exceed high_cm1, but {low:g} and {high:g} were given")
    kept = (shift >= low) & (shift <= high)
    if not kept.any():
        raise StepError(
            f"crop.range: no channel lies between {low:g} and {high:g} cm-1; the axis runs from {shift[0]:g} to "
            f"{shift[-1]:g}"
        )
    products = {} if variance is None else {"variance": variance[:, kept]}
    return StepOutput(intensity[:, kept], shift[kept], products)


@step("crop.resample", context=("variance",), changes_axis=True)
def resample(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    variance: Floats | None = None,
    start_cm1: Wavenumber | None = None,
    stop_cm1: Wavenumber | None = None,
    step_cm1: Annotated[float, Between(1e-3, 1000), Unit("cm-1")] | None = None,
    grid_cm1: Annotated[tuple[float, ...], Unit("cm-1")] | None = None,
    method: Literal["linear", "pchip"] = "linear",
) -> StepOutput:
    """Interpolate onto an even or a given grid, which must lie inside the axis: nothing is extrapolated.

    A grid coarser than the channels skips counts instead of adding them up; smooth or bin first. Next to a missing
    channel the result is missing. Remove cosmic rays before: interpolation gives them the width of a line.

    Parameters
    ----------
    start_cm1, stop_cm1
        Ends of the even grid; the first and last multiple of the step inside the axis if not given.
    step_cm1
        Distance on the even grid; larger gives fewer channels. The mean distance of the channels if not given.
    grid_cm1
        The grid itself, increasing, instead of the three above.
    method
        ``linear`` passes the variance on; ``pchip`` (monotone cubic) keeps narrow maxima better.

    Raises
    ------
    StepError
        If the grid leaves the axis, does not increase, or is given twice.
    """
    grid = _grid(shift, start_cm1, stop_cm1, step_cm1, grid_cm1)
    if shift.size == 1:
        return StepOutput(intensity[:, np.zeros(grid.size, dtype=int)], grid)
    left = np.clip(np.searchsorted(shift, grid, side="right") - 1, 0, shift.size - 2)
    part = np.clip((grid - shift[left]) / (shift[left + 1] - shift[left]), 0.0, 1.0)
    linear = _between(intensity, left, part, 1)
    products: dict[str, Floats] = {}
    if method == "linear":
        values = linear
        if variance is not None:
            products["variance"] = _between(variance, left, part, 2)
    else:
        values = np.where(np.isfinite(linear), _pchip(intensity, shift, grid), np.nan)
    return StepOutput(values.astype(intensity.dtype, copy=False), grid, products)


def _between(values: Floats, left: NDArray[np.int64], part: NDArray[np.float64], power: int) -> Floats:
    """Interpolate; a weight of zero takes no notice of a missing value. ``power`` 2 is for variances."""
    low = np.where(part == 1, 0.0, values[:, left] * (1 - part) ** power)
    high = np.where(part == 0, 0.0, values[:, left + 1] * part**power)
    return np.asarray(low + high)


def _pchip(intensity: Floats, shift: NDArray[np.float64], grid: NDArray[np.float64]) -> Floats:
    from scipy.interpolate import PchipInterpolator

    values = intensity.astype(np.float64)
    finite = np.isfinite(values)
    whole = finite.all(axis=1)
    result = np.full((values.shape[0], grid.size), np.nan)
    with np.errstate(all="ignore"):  # the harmonic mean of two slopes of nearly zero overflows on its way to zero
        if whole.any():
            result[whole] = PchipInterpolator(shift, values[whole], axis=1)(grid)
        for row in np.flatnonzero(~whole & (finite.sum(axis=1) >= 2)):
            good = finite[row]
            result[row] = PchipInterpolator(shift[good], values[row, good], extrapolate=False)(grid)
    return result


def _grid(
    shift: NDArray[np.float64],
    start: float | None,
    stop: float | None,
    distance: float | None,
    given: tuple[float, ...] | None,
) -> NDArray[np.float64]:
    if given is not None:
        if not (start is None and stop is None and distance is None):
            raise StepError("crop.resample: give either grid_cm1 or start_cm1, stop_cm1 and step_cm1, not both")
        grid = np.asarray(given, dtype=np.float64)
        if grid.size == 0 or np.any(np.diff(grid) <= 0):
            raise StepError("crop.resample: grid_cm1 must hold at least one value and increase strictly")
    else:
        if distance is None:
            distance = float(np.ptp(shift) / max(shift.size - 1, 1)) or 1.0
        slack = 1e-9 * max(1.0, float(np.abs(shift).max()))  # a multiple of 0.1 is not exactly one
        first = np.ceil((shift[0] - slack) / distance) * distance if start is None else start
        last = np.floor((shift[-1] + slack) / distance) * distance if stop is None else stop
        if last < first:
            raise StepError(f"crop.resample: the grid would be empty (from {first:g} to {last:g} by {distance:g} cm-1)")
        grid = np.float64(first) + distance * np.arange(int(np.floor((last - first) / distance + 1e-9)) + 1)
    slack = 1e-9 * max(1.0, float(np.abs(shift).max()))
    low, high = min(grid[0], np.inf if start is None else start), max(grid[-1], -np.inf if stop is None else stop)
    if low < shift[0] - slack or high > shift[-1] + slack:
        raise StepError(
            f"crop.resample: the grid runs from {low:g} to {high:g} cm-1 and leaves the axis, which runs from "
            f"{shift[0]:g} to {shift[-1]:g}; nothing is extrapolated"
        )
    return grid
