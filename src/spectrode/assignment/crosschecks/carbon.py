"""Carbon by its D and G bands: position, width, and the ratio of intensities, or no carbon at all.

Four bands at most, named as by Sadezky et al. (Carbon 43, 2005, 1731): D1 (defects), G, D3 (amorphous, near 1500) and
D4 (near 1200). With them D1, G and D4 are Lorentzian and D3 is Gaussian, as there; without them D1 and G have the shape
that fits. Which model it is, and whether G is symmetric, is decided by the Bayesian information criterion. The ratio by
height and the ratio by area differ by the ratio of the widths; a comparison with the literature must use the same one
(Ferrari and Robertson, Phys. Rev. B 61, 2000, 14095, take heights).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import SpectrodeError
from .lines import Line, LineFit, fit_lines

__all__ = ["CarbonBand", "CarbonFit", "fit_carbon"]

Floats = NDArray[np.float64]

_D1 = Line("D1", 1345.0, 40.0, 90.0, 15.0, 260.0)
_G = Line("G", 1588.0, 32.0, 60.0, 8.0, 160.0)
_G_FANO = Line("G", 1588.0, 40.0, 60.0, 8.0, 160.0, fano=True, mixing=1.0)
_D3 = Line("D3", 1510.0, 35.0, 110.0, 40.0, 220.0, mixing=0.0)
_D4 = Line("D4", 1190.0, 45.0, 120.0, 40.0, 240.0, mixing=1.0)
_WINDOW = (950.0, 1850.0)
_LEAST = (1280.0, 1650.0)  # the spectrum must reach this far on both sides
_LEAST_SNR = 5.0
_D_SNR = 3.0
_LEAST_BIC = 10.0


@dataclass(frozen=True)
class CarbonBand:
    """One band, with standard uncertainties."""

    position_cm1: float
    position_u: float
    fwhm_cm1: float
    fwhm_u: float
    height: float
    height_u: float
    area: float
    area_u: float


@dataclass(frozen=True, eq=False)
class CarbonFit:
    """What is known of the carbon in one spectrum."""

    found: bool
    reason: str
    """Why there is no carbon, or no D band; empty if both are found."""
    model: str
    """The bands that were fitted, such as ``D1 + G + D3``; empty without carbon."""
    bands: Mapping[str, CarbonBand]
    ratio_height: float
    """I(D1)/I(G) by height; NaN without carbon, an upper limit (95 %) where there is no D band."""
    ratio_height_u: float
    ratio_area: float
    ratio_area_u: float
    bic: Mapping[str, float]
    """Of every model that was tried; smaller is better."""
    fit: LineFit | None
    words: str


def fit_carbon(
    shift: ArrayLike, spectrum: ArrayLike, *, fano: bool = False, extra_bands: bool = True, background_order: int = 1
) -> CarbonFit:
    """Fit the carbon bands of a spectrum (or of a component).

    Parameters
    ----------
    shift, spectrum
        (channels,) Raman shift in cm-1; from 1280 to 1650 cm-1 at least.
    fano
        Try an asymmetric G as well (metallic or lithiated carbons).
    extra_bands
        Try D3 and D4 as well.
    background_order
        Of the polynomial beneath; a higher one bends more and competes with the wide bands.

    Raises
    ------
    SpectrodeError
        If the spectrum does not reach from 1280 to 1650 cm-1.
    """
    x = np.asarray(shift, dtype=np.float64)
    if x.size == 0 or x.min() > _LEAST[0] or x.max() < _LEAST[1]:
        reach = "nothing" if x.size == 0 else f"{x.min():.0f} to {x.max():.0f} cm-1"
        raise SpectrodeError(f"the carbon bands need {_LEAST[0]:.0f} to {_LEAST[1]:.0f} cm-1, but there is {reach}")
    window = (max(_WINDOW[0], float(x.min())), min(_WINDOW[1], float(x.max())))
    optional = [(), (_D3,), (_D4,), (_D3, _D4)] if extra_bands else [()]
    lorentz = (replace(_G, mixing=1.0), _G_FANO) if fano else (replace(_G, mixing=1.0),)
    models = [(_D1, _G), *((replace(_D1, mixing=1.0), g, *more) for g in lorentz for more in optional)]
    flat = fit_lines(x, spectrum, (), window_cm1=window, background_order=background_order)
    fits = {_named(m): fit_lines(x, spectrum, m, window_cm1=window, background_order=background_order) for m in models}
    bic = {"background": flat.bic, **{name: fit.bic for name, fit in fits.items()}}
    name = min(fits, key=lambda k: fits[k].bic)
    fit = fits[name]
    # Whether there is a G band is asked without the optional bands, which share its intensity with it.
    plain = min((fits[_named(m)] for m in models if len(m) == 2 and not m[1].fano), key=lambda f: f.bic)
    why = _why_none(plain, flat)
    if why:
        nothing = (np.nan,) * 4
        return CarbonFit(
            False, why, "", MappingProxyType({}), *nothing, MappingProxyType(bic), fit, f"No carbon: {why}."
        )
    return _described(name, fit, bic)


def _named(lines: tuple[Line, ...]) -> str:
    told = " + ".join(f"{line.name} (asymmetric)" if line.fano else line.name for line in lines)
    return told if len(lines) > 2 or lines[0].mixing is None or lines[1].fano else f"{told} (Lorentzian)"


def _why_none(fit: LineFit, flat: LineFit) -> str:
    g = fit.index("G")
    if fit.bic > flat.bic - _LEAST_BIC or not fit.height[g] > _LEAST_SNR * fit.height_u[g]:
        return "no band stands out of the noise where G should be"
    if fit.at_bound[g]:
        return (
            f"what there is near G has its maximum at {fit.position_cm1[g]:.0f} cm-1 and a width of "
            f"{fit.fwhm_cm1[g]:.0f} cm-1, at the limit of what a G band can have"
        )
    return ""


def _described(name: str, fit: LineFit, bic: dict[str, float]) -> CarbonFit:
    bands = {n: _band(fit, k) for k, n in enumerate(fit.names)}
    d, g = fit.index("D1"), fit.index("G")
    by_height = _ratio(fit.height[d], fit.height[g], fit.height_covariance[np.ix_([d, g], [d, g])])
    by_area = _ratio(fit.area[d], fit.area[g], fit.area_covariance[np.ix_([d, g], [d, g])])
    reason = ""
    place = f"G at {bands['G'].position_cm1:.1f} ± {bands['G'].position_u:.1f} cm⁻¹"
    if fit.height[d] <= _D_SNR * fit.height_u[d] or fit.at_bound[d]:
        reason = "no D band stands out of the noise; the ratios are upper limits"
        by_height = (by_height[0] + 1.645 * by_height[1], np.nan)
        by_area = (by_area[0] + 1.645 * by_area[1], np.nan)
        words = f"Carbon with {place} and no D band (I(D)/I(G) below {by_height[0]:.2g} by height)."
    else:
        words = (
            f"Carbon with D at {bands['D1'].position_cm1:.1f} ± {bands['D1'].position_u:.1f} cm⁻¹ and {place}; "
            f"I(D)/I(G) is {by_height[0]:.2f} ± {by_height[1]:.2f} by height and {by_area[0]:.2f} ± {by_area[1]:.2f} "
            f"by area (model {name})."
        )
    return CarbonFit(
        True, reason, name, MappingProxyType(bands), *by_height, *by_area, MappingProxyType(bic), fit, words
    )


def _band(fit: LineFit, k: int) -> CarbonBand:
    columns = (
        fit.position_cm1,
        fit.position_u,
        fit.fwhm_cm1,
        fit.fwhm_u,
        fit.height,
        fit.height_u,
        fit.area,
        fit.area_u,
    )
    return CarbonBand(*(float(c[k]) for c in columns))


def _ratio(above: float, below: float, covariance: Floats) -> tuple[float, float]:
    slopes = np.array([1 / below, -above / below**2])
    return float(above / below), float(np.sqrt(max(slopes @ covariance @ slopes, 0.0)))
