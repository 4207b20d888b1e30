"""Calibration of the axis and of the intensities.

Wavelengths to Raman shifts; a constant shift; a shift measured on a reference line; a saved calibration of the whole
instrument (see :mod:`spectrode.calibration`); drift along a long run.
"""

from .reference import LinePosition, measure_line, reference_line, shift
from .saved import apply, drift
from .wavelengths import air_to_vacuum_nm, raman_shift_cm1, to_raman_shift

__all__ = [
    "LinePosition",
    "air_to_vacuum_nm",
    "apply",
    "drift",
    "measure_line",
    "raman_shift_cm1",
    "reference_line",
    "shift",
    "to_raman_shift",
]
