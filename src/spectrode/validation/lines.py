"""Band shapes of the validation's own generator: Pearson VII, Voigt, and an asymmetric band, each of height 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHAPES", "Line", "asymmetric", "draw", "pearson7", "random_shape", "voigt"]

Array = NDArray[np.float64]
_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


@dataclass(frozen=True)
class Line:
    """One band as it is drawn: place and full width at half maximum in cm-1, height, and which shape."""

    position_cm1: float
    fwhm_cm1: float
    height: float
    shape: str = "pearson7"
    parameter: float = 2.0
    """Pearson VII: exponent, larger is more Gaussian. Voigt: Lorentzian share of the width, 0–1. Asymmetric: skew,
    positive is wider towards high shifts."""


def pearson7(x: Array, line: Line) -> Array:
    """Pearson VII: a Lorentzian for the exponent 1, nearly a Gaussian from 10."""
    m = line.parameter
    u = 2.0 * (x - line.position_cm1) / line.fwhm_cm1
    return np.asarray((1.0 + u**2 * (2.0 ** (1.0 / m) - 1.0)) ** -m)


def voigt(x: Array, line: Line) -> Array:
    """True Voigt profile; ``parameter`` is the Lorentzian's share of the width."""
    from scipy.special import voigt_profile

    share = line.parameter
    lorentz = share * line.fwhm_cm1
    # Width of a Voigt profile: f = 0.5346 L + sqrt(0.2166 L² + G²) (Olivero & Longbothum 1977), solved for G.
    gauss = np.sqrt(max((line.fwhm_cm1 - 0.5346 * lorentz) ** 2 - 0.2166 * lorentz**2, 1e-6))
    top = voigt_profile(0.0, gauss / _SIGMA, lorentz / 2.0)
    return np.asarray(voigt_profile(x - line.position_cm1, gauss / _SIGMA, lorentz / 2.0) / top)


def asymmetric(x: Array, line: Line) -> Array:
    """Two half-Gaussians with Lorentzian feet and unequal widths, as of a band that hides a weaker neighbour."""
    d = x - line.position_cm1
    half = np.where(d > 0, 1.0 + line.parameter, 1.0 - line.parameter) * line.fwhm_cm1 / 2.0
    u2 = (d / half) ** 2
    return np.asarray(0.7 * np.exp(-np.log(2.0) * u2) + 0.3 / (1.0 + u2))


SHAPES: dict[str, Callable[[Array, Line], Array]] = {"pearson7": pearson7, "voigt": voigt, "asymmetric": asymmetric}


def draw(x: Array, lines: tuple[Line, ...]) -> Array:
    """Return the (channels,) sum of the lines at the places ``x``."""
    total = np.zeros_like(x)
    for line in lines:
        total += line.height * SHAPES[line.shape](x, line)
    return total


def random_shape(rng: np.random.Generator) -> tuple[str, float]:
    """Return a shape with its parameter, as one compound's bands have it."""
    kind = str(rng.choice(["pearson7", "voigt", "asymmetric"], p=[0.45, 0.4, 0.15]))
    if kind == "pearson7":
        return kind, float(np.exp(rng.uniform(np.log(1.2), np.log(8.0))))
    if kind == "voigt":
        return kind, float(rng.uniform(0.1, 0.95))
    return kind, float(rng.uniform(-0.25, 0.25))
