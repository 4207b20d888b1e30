"""Relative intensity response: what a spectrometer makes of light whose spectrum is known.

Only ratios within one spectrum are corrected; absolute sensitivity is another matter. The standard must fill the same
aperture and be measured in the same geometry (backscattering) as the samples: with a confocal pinhole a thick
luminescent glass is collected differently from a thin film.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import SpectrodeError
from .model import IntensityPart
from .peaks import noise_level
from .standards import LuminescenceStandard

__all__ = ["lamp_response", "planck_photons", "srm_response"]

Floats = NDArray[np.float64]
_HC_OVER_K_CM = 1.438776877
_FEWEST_CHANNELS = 20
_WEAKEST = 0.02  # of the largest signal; below it the correction would be noise and stray light


def planck_photons(wavenumber_cm1: ArrayLike, temperature_k: float) -> Floats:
    """Return the relative spectral photon radiance of a black body per unit wavenumber.

    Photons and wavenumbers, because detectors count photons and channels of a Raman spectrum are wavenumbers:
    ``v² / (exp(hc v / kT) - 1)``, scaled to a largest value of 1.
    """
    if not (np.isfinite(temperature_k) and 300 <= temperature_k <= 10_000):
        raise SpectrodeError(
            f"the temperature of a lamp must lie between 300 and 10 000 K, but {temperature_k!r} was given"
        )
    v = np.asarray(wavenumber_cm1, dtype=np.float64)
    y = v**2 / np.expm1(_HC_OVER_K_CM * v / temperature_k)
    return np.asarray(y / np.max(y))


def srm_response(
    shift_cm1: ArrayLike,
    intensity: ArrayLike,
    standard: LuminescenceStandard,
    *,
    laser_nm: float,
    bandwidth_cm1: float = 50.0,
) -> IntensityPart:
    """Return the correction ``Y_certified / S_measured``, with S smoothed.

    Parameters
    ----------
    shift_cm1, intensity
        (channels,) the measured luminescence, dark subtracted, on a calibrated axis.
    standard
        The certificate.
    laser_nm
        Laser of the measurement; must be within 2 nm of the certificate's.
    bandwidth_cm1
        Full width of the local quadratic by which the noise of the measured standard is reduced; larger is smoother
        and blurs ripples of the instrument (etaloning) that are narrower than this.

    Raises
    ------
    SpectrodeError
        If the laser is another one, the ranges overlap too little, or the luminescence is not positive.
    """
    if abs(laser_nm - standard.laser_nm) > 2.0:
        raise SpectrodeError(
            f"{standard.name} is certified for a laser of {standard.laser_nm:g} nm, but the spectrum was measured "
            f"with {laser_nm:g} nm"
        )
    return _response(shift_cm1, intensity, standard, standard.name, laser_nm, bandwidth_cm1)


def lamp_response(
    shift_cm1: ArrayLike,
    intensity: ArrayLike,
    *,
    laser_nm: float,
    temperature_k: float | None = None,
    table: tuple[ArrayLike, ArrayLike] | None = None,
    bandwidth_cm1: float = 50.0,
) -> IntensityPart:
    """Return the correction from a white lamp of known spectrum.

    Parameters
    ----------
    shift_cm1, intensity
        (channels,) the measured lamp, dark subtracted, on a calibrated axis.
    laser_nm
        Vacuum wavelength of the laser that the shifts are counted from.
    temperature_k
        Of a lamp that radiates as a black body. The emissivity of tungsten falls by about 5 % from 500 to 1000 nm,
        which this leaves out.
    table
        Instead: (vacuum wavelength in nm, photons per unit wavenumber, relative), as certified.
    bandwidth_cm1
        As in :func:`srm_response`.
    """
    if (temperature_k is None) == (table is None):
        raise SpectrodeError("give either the temperature of the lamp or a table of its radiance")

    def known(shift: Floats) -> Floats:
        wavenumber = 1e7 / laser_nm - shift
        if temperature_k is not None:
            return planck_photons(wavenumber, temperature_k)
        assert table is not None
        at, value = (np.asarray(v, dtype=np.float64) for v in table)
        return np.asarray(np.interp(1e7 / wavenumber, at, value, left=np.nan, right=np.nan))

    name = "table of a lamp" if temperature_k is None else f"black body at {temperature_k:g} K"
    return _response(shift_cm1, intensity, known, name, laser_nm, bandwidth_cm1)


def _response(
    shift_cm1: ArrayLike, intensity: ArrayLike, known: object, name: str, laser_nm: float, bandwidth: float
) -> IntensityPart:
    x, s = np.asarray(shift_cm1, dtype=np.float64), np.asarray(intensity, dtype=np.float64)
    if not 5 <= bandwidth <= 1000:
        raise SpectrodeError(f"bandwidth_cm1 must lie between 5 and 1000, but {bandwidth!r} was given")
    assert callable(known)
    y = np.asarray(known(x), dtype=np.float64)
    usable = np.isfinite(y) & np.isfinite(s) & (y > 0)
    if np.count_nonzero(usable) < _FEWEST_CHANNELS:
        raise SpectrodeError(
            f"only {np.count_nonzero(usable)} channels lie where {name} is known; at least 20 are needed"
        )
    x, s, y = x[usable], s[usable], y[usable]
    knots = np.linspace(x[0], x[-1], max(8, int(np.ceil(4 * (x[-1] - x[0]) / bandwidth)) + 1))
    smooth, sigma = _local_quadratic(x, s, knots, bandwidth / 2)
    if not smooth.max() > 0:
        raise SpectrodeError(f"the measured luminescence of {name} is not positive anywhere; check the dark signal")
    # The longest run of knots where there is light enough: notch filters and detector edges cut the ends.
    light = smooth >= _WEAKEST * smooth.max()
    first, last = _longest_run(light)
    knots, smooth, sigma = knots[first:last], smooth[first:last], sigma[first:last]
    if knots.size < 8:
        raise SpectrodeError(f"the measured luminescence of {name} is too weak in most of its range")
    factor = np.asarray(known(knots), dtype=np.float64) / smooth
    factor /= np.median(factor)
    return IntensityPart(
        standard=name,
        laser_nm=float(laser_nm),
        bandwidth_cm1=float(bandwidth),
        shift_cm1=tuple(float(v) for v in knots),
        factor=tuple(float(v) for v in factor),
        sigma=tuple(float(v) for v in sigma / smooth),
    )


def _local_quadratic(x: Floats, s: Floats, knots: Floats, half: float) -> tuple[Floats, Floats]:
    """Fit a quadratic with tricube weights around each knot; return value and standard uncertainty."""
    noise = noise_level(s)
    value, sigma = np.empty(knots.size), np.empty(knots.size)
    for k, knot in enumerate(knots):
        u = (x - knot) / half
        near = np.abs(u) < 1
        if np.count_nonzero(near) < 5:
            near = np.zeros(x.size, dtype=bool)
            near[np.argsort(np.abs(u))[:5]] = True
        u = u[near] / max(1.0, float(np.abs(u[near]).max()) * 1.01)
        weight = (1 - np.abs(u) ** 3) ** 3
        basis = np.vander(u, 3, increasing=True)
        # The row of the smoother that gives the value at the knot: its norm carries the noise over.
        row = np.linalg.pinv(basis * np.sqrt(weight)[:, None])[0] * np.sqrt(weight)
        value[k], sigma[k] = float(row @ s[near]), noise * float(np.sqrt(row @ row))
    return value, sigma


def _longest_run(good: NDArray[np.bool_]) -> tuple[int, int]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(int)))
    runs = edges.reshape(-1, 2)
    first, last = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    return int(first), int(last)
