"""Steps that use a saved calibration, and that undo drift along a run."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import SpectrodeError, StepError
from ...pipeline.parameters import Between, Unit
from ...pipeline.step import StepOutput, step

if TYPE_CHECKING:
    from ...calibration.model import Calibration

__all__ = ["apply", "drift"]

Floats = NDArray[Any]
_NOT_WORTH_RESAMPLING = 0.05  # of a channel: below it, interpolation costs more than it mends
_BLOCK = 256


@step("calibrate.apply", cite=("ASTM_E1840", "Ciddor1996"), context=("laser_nm", "variance"), changes_axis=True)
def apply(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    laser_nm: float | None = None,
    variance: Floats | None = None,
    file: str,
    optical_path: str = "",
    outside: Literal["refuse", "crop"] = "refuse",
) -> StepOutput:
    """Calibrate axis and intensities with a saved calibration of the instrument.

    Parameters
    ----------
    file
        The calibration, a .toml or .json file as ``spectrode calibrate`` writes it.
    optical_path
        Name of the path of these spectra; a calibration of another name is refused. Empty: not compared.
    outside
        What becomes of channels where the calibration does not hold: ``refuse`` the spectra, or ``crop`` them off.

    Raises
    ------
    StepError
        If the calibration cannot be read, was made with another laser or path, or does not reach the axis.
    """
    from ...calibration.apply import applied, check_path

    owner = "calibrate.apply"
    path = Path(file)
    try:
        state = path.stat()
        calibration, digest = _loaded(str(path), state.st_mtime_ns, state.st_size)
        check_path(calibration, optical_path)
        values, axis, spread, notes = applied(
            calibration, intensity, shift, laser_nm=laser_nm, variance=variance, outside=outside
        )
    except OSError as error:
        raise StepError(f"{owner}: the calibration {file} cannot be read: {error.strerror or error}") from None
    except SpectrodeError as error:
        raise StepError(f"{owner}: {error}") from None
    products = {} if spread is None else {"variance": spread}
    return StepOutput(values, axis, products, notes=(f"calibration {path.name}, SHA-256 {digest[:16]}", *notes))


@lru_cache(maxsize=8)
def _loaded(path: str, changed_ns: int, size: int) -> tuple[Calibration, str]:
    """Read once for all blocks; the time of change and the size notice another content under the same name."""
    from ...calibration.files import load_calibration

    return load_calibration(path), hashlib.sha256(Path(path).read_bytes()).hexdigest()


@step("calibrate.drift", context=("time_s", "mask", "variance"), uses_neighbours=True)
def drift(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    time_s: NDArray[Any] | None = None,
    mask: NDArray[np.bool_] | None = None,
    variance: Floats | None = None,
    position_cm1: Annotated[float, Between(-20_000, 20_000), Unit("cm-1")] = 520.45,
    window_cm1: Annotated[float, Between(1, 500), Unit("cm-1")] = 15.0,
    max_shift_cm1: Annotated[float, Between(0.01, 100), Unit("cm-1")] = 5.0,
    to: Literal["mean", "known"] = "mean",
    correct: Literal["auto", "resample", "report"] = "auto",
) -> StepOutput:
    """Follow a line through the run and undo its drift.

    The correction of every spectrum and its uncertainty are the products ``shift_correction_cm1`` and
    ``shift_correction_sigma_cm1``. Resampling averages noise by up to a third and correlates neighbouring channels;
    remove cosmic rays before. A line too weak to follow leaves the spectra as they are, with a note.

    Parameters
    ----------
    position_cm1
        A line that stands in every spectrum and whose place does not depend on the cell: silicon 520.45, a solvent
        band (EC 893, EMC 901, DMC 915) or PF6 741 as long as its surroundings stay the same.
    window_cm1
        Half width of the range fitted; larger takes in more neighbours.
    max_shift_cm1
        Larger displacements count as outliers.
    to
        ``mean``: onto the mean position of the run. ``known``: onto ``position_cm1``.
    correct
        ``auto``: resample where the drift exceeds a twentieth of a channel. ``resample``: always. ``report``: never.
    """
    from ...calibration.drift import follow_line

    values = intensity
    if mask is not None and mask.any():
        values = np.where(mask, np.nan, intensity)
    try:
        found = follow_line(
            values, shift, time_s, position_cm1=position_cm1, window_cm1=window_cm1, max_shift_cm1=max_shift_cm1
        )
    except SpectrodeError as error:
        raise StepError(f"calibrate.drift: {error}") from None
    target = position_cm1 if to == "known" else float(np.mean(found.position_cm1))
    correction = target - found.position_cm1
    products: dict[str, Floats] = {"shift_correction_cm1": correction, "shift_correction_sigma_cm1": found.sigma_cm1}
    notes = [found.sentence]
    small = not found.identifiable or np.max(np.abs(correction)) < _NOT_WORTH_RESAMPLING * float(
        np.mean(np.diff(shift))
    )
    if not found.identifiable or correct == "report" or (correct == "auto" and small):
        if variance is not None:
            products["variance"] = variance
        if found.identifiable:
            notes.append("the spectra were not resampled; the corrections stand in shift_correction_cm1")
        return StepOutput(intensity, shift, products, notes=tuple(notes))
    moved, spread = _resampled(intensity, shift, correction, variance)
    if spread is not None:
        products["variance"] = spread
    return StepOutput(moved, shift, products, notes=tuple(notes))


def _resampled(
    intensity: Floats, shift: NDArray[np.float64], correction: Floats, variance: Floats | None
) -> tuple[Floats, Floats | None]:
    from ...calibration.drift import shifted

    moved = np.empty_like(intensity)
    spread = None if variance is None else np.empty_like(variance)
    for start in range(0, len(intensity), _BLOCK):
        rows = slice(start, start + _BLOCK)
        moved[rows], weights, first = shifted(intensity[rows], shift, correction[rows])
        if variance is not None and spread is not None:
            at = np.arange(len(first))[:, None, None]
            spread[rows] = np.sum(weights**2 * variance[rows][at, first[..., None] + np.arange(4)], axis=-1)
    return moved, spread
