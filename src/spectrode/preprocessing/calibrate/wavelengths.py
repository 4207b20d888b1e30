"""Wavelengths: from air to vacuum, and to Raman shifts."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..._version import __version__
from ...dataset import OperandoDataset
from ...errors import StepError
from ...history import StepRecord

__all__ = ["air_to_vacuum_nm", "raman_shift_cm1", "to_raman_shift"]

Medium = Literal["air", "vacuum"]
_LONGEST_STOKES_CM1 = 4500.0  # the H2 vibration, 4161 cm-1, is the largest Raman shift there is


def air_to_vacuum_nm(wavelength_air_nm: ArrayLike) -> NDArray[np.float64]:
    """Return vacuum wavelengths for wavelengths in standard air (15 °C, 101 325 Pa, 450 ppm CO2).

    Ciddor, Appl. Opt. 35 (1996) 1566, eq. 1; good to 1e-8 between 230 and 1690 nm.
    """
    air = np.asarray(wavelength_air_nm, dtype=np.float64)
    vacuum = air.copy()
    for _ in range(3):  # the formula wants the vacuum wavelength; this converges to 1e-12 at once
        s2 = (1000.0 / vacuum) ** 2
        vacuum = air * (1 + 0.05792105 / (238.0185 - s2) + 0.00167917 / (57.362 - s2))
    return np.asarray(vacuum)


def raman_shift_cm1(
    wavelength_nm: ArrayLike, laser_nm: float, *, axis_medium: Medium = "air", laser_medium: Medium = "air"
) -> NDArray[np.float64]:
    """Return Raman shifts for wavelengths.

    Parameters
    ----------
    wavelength_nm
        Wavelengths of the scattered light; longer than the laser gives positive (Stokes) shifts.
    laser_nm
        Wavelength of the laser.
    axis_medium, laser_medium
        Whether each is in air or in vacuum. Taking both in vacuum where both are in air makes shifts 1.00028 times
        too large; mixing them costs over 3 cm-1.
    """
    scattered = air_to_vacuum_nm(wavelength_nm) if axis_medium == "air" else np.asarray(wavelength_nm, dtype=float)
    laser = air_to_vacuum_nm(laser_nm) if laser_medium == "air" else np.asarray(laser_nm, dtype=float)
    return np.asarray(1e7 / laser - 1e7 / scattered)


def to_raman_shift(
    dataset: OperandoDataset,
    laser_nm: float | None = None,
    *,
    axis_medium: Medium = "air",
    laser_medium: Medium = "air",
) -> OperandoDataset:
    """Convert a wavelength axis to Raman shifts.

    Spectrometers are calibrated with lamp lines in air, and vendors quote their lasers on the same scale; so both are
    taken as air wavelengths unless told otherwise. The counts stay counts per channel.

    Parameters
    ----------
    dataset
        With a wavelength axis in nm.
    laser_nm
        Wavelength of the laser; that of the metadata if not given.
    axis_medium, laser_medium
        ``air`` or ``vacuum``.

    Returns
    -------
    OperandoDataset
        On a Raman-shift axis, with the laser and the media in its history.

    Raises
    ------
    StepError
        If the axis is not in nm, or the laser wavelength is unknown or impossible.
    """
    owner = "calibrate.to_raman_shift"
    if dataset.axis_kind != "wavelength":
        raise StepError(f"{owner}: the axis must be a wavelength in nm, but it is {dataset.axis_label}")
    laser = dataset.metadata.laser.wavelength_nm if laser_nm is None else laser_nm
    if laser is None:
        raise StepError(f"{owner}: the laser wavelength is not in the metadata; give laser_nm")
    if not (np.isfinite(laser) and 100 <= laser <= 5000):
        raise StepError(f"{owner}: laser_nm must lie between 100 and 5000 nm, but {laser!r} was given")
    for name, medium in (("axis_medium", axis_medium), ("laser_medium", laser_medium)):
        if medium not in ("air", "vacuum"):
            raise StepError(f"{owner}: {name} must be air or vacuum, but {medium!r} was given")
    if dataset.shift[0] <= 0:
        raise StepError(f"{owner}: wavelengths must be positive, but the axis begins at {dataset.shift[0]:g} nm")
    axis = raman_shift_cm1(dataset.shift, laser, axis_medium=axis_medium, laser_medium=laser_medium)
    metadata = dataset.metadata
    if axis.size and axis[0] > _LONGEST_STOKES_CM1:
        metadata = metadata.warn(
            f"all shifts from {laser:g} nm exceed {_LONGEST_STOKES_CM1:g} cm-1: this is luminescence, or another laser"
        )
    record = StepRecord(
        "calibrate.to_raman_shift",
        {"laser_nm": float(laser), "axis_medium": axis_medium, "laser_medium": laser_medium},
        version=__version__,
        cite=("Ciddor1996",),
    )
    return dataset.replace(shift=axis, axis_kind="raman_shift", metadata=metadata).with_step(record)
