"""Component spectra made from band lists, independently of the package's own rendering.

Other widths and line shapes than the library's, heights 30 % off, an axis error of up to 1 cm-1, and noise.
"""

from __future__ import annotations

import numpy as np

SHIFT = np.arange(100.0, 2000.0, 1.0)
_PHASE = {"liquid": "fluid", "solution": "fluid", "crystalline": "solid"}


def bands_of_one_state(entry):
    """Return the bands that one real sample of the species would show: one phase, uncoordinated, one laser line."""
    bands = [
        b
        for b in entry.bands("raman")
        if b.coordination in ("na", "free")
        and (b.condition is None or b.condition.endswith("nm"))
        and b.evidence != "contested"
    ] or list(entry.bands("raman"))
    total = {}
    for b in bands:
        phase = _PHASE.get(b.state, b.state)
        total[phase] = total.get(phase, 0.0) + b.rel_intensity
    main = max(total, key=total.get)
    return [b for b in bands if _PHASE.get(b.state, b.state) == main]


def component(entry, rng, *, shift=SHIFT, snr=100.0, axis_error_cm1=1.0):
    """Return one simulated spectrum, its maximum near 1; ``snr`` is that of the maximum."""
    offset = rng.uniform(-axis_error_cm1, axis_error_cm1)
    spectrum = np.zeros_like(shift)
    for band in bands_of_one_state(entry):
        fwhm = (band.fwhm_cm1 or 10.0) * rng.uniform(0.7, 1.5) + rng.uniform(0.0, 4.0)
        eta = rng.uniform(0.2, 1.0)
        reduced = (shift - band.position_cm1 - offset) / (fwhm / 2)
        shape = eta / (1 + reduced**2) + (1 - eta) * np.exp(-np.log(2) * reduced**2)
        spectrum += band.rel_intensity * rng.uniform(0.7, 1.3) * shape
    spectrum /= max(spectrum.max(), 1e-12)
    return spectrum + rng.normal(size=shift.size) / snr


def fluorescence(rng, *, shift=SHIFT, snr=100.0):
    """Return a smooth background of wide humps with noise, and no band."""
    t = (shift - shift[0]) / np.ptp(shift)
    humps = [
        rng.uniform(0.2, 2.0) * np.exp(-(((t - rng.uniform(-0.5, 1.5)) / rng.uniform(0.4, 1.5)) ** 2)) for _ in range(3)
    ]
    background = np.sum(humps, axis=0)
    return background / background.max() + rng.normal(size=shift.size) / snr


def gaussian(shift, position, fwhm, height=1.0):
    return height * np.exp(-4 * np.log(2) * ((shift - position) / fwhm) ** 2)


def lorentzian(shift, position, fwhm, height=1.0):
    return height / (1 + ((shift - position) / (fwhm / 2)) ** 2)
