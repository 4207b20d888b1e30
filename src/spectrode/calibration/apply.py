"""Use a calibration on spectra, and refuse where it does not hold."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import SpectrodeError
from .model import AxisPart, Calibration

__all__ = ["applied", "check_path", "same_channels"]

Floats = NDArray[np.float64]
_SAME_LASER_NM = 1.0
_SAME_SPACING = 0.04
Outside = Literal["refuse", "crop"]


def check_path(calibration: Calibration, optical_path: str = "", **stated: str | None) -> None:
    """Refuse a calibration of another optical path.

    Parameters
    ----------
    optical_path
        Name of the path of the spectra; compared where both are known.
    **stated
        ``objective``, ``grating``, ``detector`` as the metadata of the spectra give them.

    Raises
    ------
    SpectrodeError
        Where something stated differs.
    """
    for name, value in {"optical_path": optical_path, **stated}.items():
        known = getattr(calibration, name)
        if value and known and value != known:
            raise SpectrodeError(
                f"the calibration was made for {name.replace('_', ' ')} {known!r}, but the spectra are of {value!r}; "
                "calibrate that path"
            )


def applied(
    calibration: Calibration,
    intensity: NDArray[Any],
    shift: Floats,
    *,
    laser_nm: float | None = None,
    variance: NDArray[Any] | None = None,
    outside: Outside = "refuse",
) -> tuple[NDArray[Any], Floats, NDArray[Any] | None, tuple[str, ...]]:
    """Return spectra with calibrated axis and intensities.

    Parameters
    ----------
    intensity
        (n, channels).
    shift
        (channels,) increasing Raman shifts as the instrument wrote them.
    laser_nm
        The wavelength by which it made them; that of the calibration if unknown.
    variance
        (n, channels), scaled with the square of the intensity factor.
    outside
        What becomes of channels where the calibration does not hold: refuse the dataset, or crop them off.

    Returns
    -------
    intensity, shift, variance, notes

    Raises
    ------
    SpectrodeError
        If the laser is another one or, with ``refuse``, a channel lies outside.
    """
    axis, response = calibration.axis, calibration.intensity
    if axis is None and response is None:
        raise SpectrodeError("the calibration holds neither an axis nor an intensity response")
    expected = axis.nominal_laser_nm if axis is not None else response.laser_nm  # type: ignore[union-attr]
    if laser_nm is not None and abs(laser_nm - expected) > _SAME_LASER_NM:
        raise SpectrodeError(
            f"the calibration was made with a laser of {expected:g} nm, but the spectra were measured with "
            f"{laser_nm:g} nm"
        )
    notes = [] if laser_nm is not None else [f"the laser wavelength is not stated; {expected:g} nm was taken"]
    kept = slice(None)
    moved = shift
    if axis is not None:
        nominal = axis.nominal_nm(shift, laser_nm)
        same_channels(axis, nominal, "spectra")
        kept = _kept(shift, nominal, axis.valid_nm, "axis", outside)
        moved = axis.shift_cm1(nominal[kept])
        notes += _axis_notes(axis, shift[kept], moved, laser_nm)
    factor = None
    if response is not None:
        low, high = response.shift_cm1[0], response.shift_cm1[-1]
        inner = _kept(moved, moved, (low, high), "intensity response", outside)
        start = kept.start or 0
        kept = slice(start + inner.start, start + inner.stop)
        moved = moved[inner]
        factor, sigma = response.at(moved)
        notes.append(
            f"intensities were multiplied by {factor.min():.3g} to {factor.max():.3g} ({response.standard}, relative "
            f"uncertainty up to {sigma.max():.1%})"
        )
    values = intensity[:, kept]
    spread = None if variance is None else variance[:, kept]
    if factor is not None:
        values = (values * factor).astype(intensity.dtype, copy=False)
        spread = None if spread is None else spread * factor**2
    notes += [f"the calibration warns: {flag}" for flag in calibration.flags]
    return values, moved, spread, tuple(notes)


def same_channels(axis: AxisPart, nominal_nm: Floats, what: str) -> None:
    """Refuse spectra whose channels are of another width: another grating, detector or binning.

    Raises
    ------
    SpectrodeError
        If the distance of the channels differs by more than 4 %.
    """
    ratio = axis.spacing_ratio(nominal_nm)
    if ratio is not None and abs(ratio - 1) > _SAME_SPACING:
        raise SpectrodeError(
            f"the channels of the {what} are {ratio:.2f} times as wide as those of the calibration: another grating, "
            "detector or binning, or a resampled axis; calibrate that setting, and before resampling"
        )


def _axis_notes(axis: AxisPart, old: Floats, new: Floats, laser_nm: float | None) -> list[str]:
    sigma = axis.sigma_cm1(new)
    notes = [
        f"the axis was moved by {np.min(new - old):+.3f} to {np.max(new - old):+.3f} cm-1 (standard uncertainty "
        f"{sigma.min():.3f} to {sigma.max():.3f})"
    ]
    if laser_nm is not None and abs(laser_nm - axis.nominal_laser_nm) > 1e-3:
        notes.append(
            f"the axis was made with a laser of {laser_nm:g} nm, the calibration with {axis.nominal_laser_nm:g} nm; if "
            "the laser itself changed in between, its part of the calibration no longer holds"
        )
    return notes


def _kept(shown: Floats, values: Floats, valid: tuple[float, float], what: str, outside: Outside) -> slice:
    inside = np.flatnonzero((values >= valid[0]) & (values <= valid[1]))
    if inside.size == 0:
        raise SpectrodeError(f"no channel lies within the range of the calibrated {what}")
    kept = slice(int(inside[0]), int(inside[-1]) + 1)
    if inside.size < values.size and outside == "refuse":
        raise SpectrodeError(
            f"the spectra run from {shown[0]:.1f} to {shown[-1]:.1f} cm-1, but the calibrated {what} holds only from "
            f"{shown[kept][0]:.1f} to {shown[kept][-1]:.1f}; crop them first, or ask for outside='crop'"
        )
    return kept
