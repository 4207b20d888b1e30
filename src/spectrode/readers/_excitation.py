"""Is an excitation wavelength from a header possible for the wavelengths that were recorded?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["excitation_doubt"]

# From the deep ultraviolet (excimer lines) to the near infrared (Fourier-transform Raman at 1064 nm and beyond).
_POSSIBLE_NM = (150.0, 2500.0)
# Anti-Stokes light further off than this is too faint to be recorded, so data do not begin there.
_FURTHEST_ANTI_STOKES_CM1 = 600.0
# No fundamental vibration lies higher than that of H2 (4155 cm-1).
_HIGHEST_SHIFT_CM1 = 4500.0


def excitation_doubt(laser_nm: float, wavelengths_nm: NDArray[np.float64]) -> str | None:
    """Return why an excitation wavelength contradicts an axis, or None if it may be right.

    Parameters
    ----------
    laser_nm
        Excitation wavelength that a header states, nm.
    wavelengths_nm
        (channels,) recorded wavelengths, nm, positive.
    """
    if not _POSSIBLE_NM[0] <= laser_nm <= _POSSIBLE_NM[1]:
        return f"{laser_nm:g} nm is no laser line"
    first, last = float(np.min(wavelengths_nm)), float(np.max(wavelengths_nm))
    low = 1e7 / laser_nm - 1e7 / first
    if low > _HIGHEST_SHIFT_CM1:
        return f"all data ({first:.1f} to {last:.1f} nm) would lie beyond {low:.0f} cm-1"
    if low < -_FURTHEST_ANTI_STOKES_CM1:
        return f"the data ({first:.1f} to {last:.1f} nm) would begin at {low:.0f} cm-1"
    return None
