"""Calibration of instruments: wavelength axis, laser, relative intensity, drift.

All wavelengths are vacuum wavelengths unless a name says ``air`` or ``nominal``; a nominal wavelength is what the
instrument itself says, in whatever medium, and is only ever a label for a channel.
"""

from .apply import applied, check_path
from .axis import Spectrum, calibrate_axis, check_lines, laser_line, verified
from .create import make_axis_calibration, make_intensity_calibration, spectrum_of
from .drift import Drift, follow_line, shifted
from .figure import calibration_figure
from .files import calibration_from_text, calibration_to_text, load_calibration, save_calibration
from .matching import match_lines
from .model import AxisPart, Calibration, CheckLine, IntensityPart, LineUsed, Source, Verification
from .peaks import Peak, find_peaks
from .response import lamp_response, planck_photons, srm_response
from .standards import lamp_lines, luminescence_standard, shift_standard

__all__ = [
    "AxisPart",
    "Calibration",
    "CheckLine",
    "Drift",
    "IntensityPart",
    "LineUsed",
    "Peak",
    "Source",
    "Spectrum",
    "Verification",
    "applied",
    "calibrate_axis",
    "calibration_figure",
    "calibration_from_text",
    "calibration_to_text",
    "check_lines",
    "check_path",
    "find_peaks",
    "follow_line",
    "lamp_lines",
    "lamp_response",
    "laser_line",
    "load_calibration",
    "luminescence_standard",
    "make_axis_calibration",
    "make_intensity_calibration",
    "match_lines",
    "planck_photons",
    "save_calibration",
    "shift_standard",
    "shifted",
    "spectrum_of",
    "srm_response",
    "verified",
]
