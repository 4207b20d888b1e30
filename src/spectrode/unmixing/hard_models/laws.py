"""Laws of concentration against time, charge or potential: kinetics, growth, sigmoids in potential, bleaching."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import StepError

__all__ = ["LAWS", "Law", "Parameter", "axis_for", "law_named"]

Array = NDArray[np.float64]

FARADAY_OVER_R = 11604.518
"""e/k_B = F/R in K/V (CODATA 2018)."""


@dataclass(frozen=True)
class Parameter:
    """One fitted number of a law.

    ``logarithmic``: positive, fitted as its logarithm. ``low`` and ``high`` bound it; None leaves that to the
    range of the axis.
    """

    name: str
    unit: str
    logarithmic: bool = False
    low: float | None = None
    high: float | None = None


class Law:
    """A family of profiles f(x; θ), each with a free scale.

    ``species`` names the profiles in order; ``from_start`` says that x counts from the first spectrum (time since the
    reaction began) and is not taken as it is (potential).
    """

    name: ClassVar[str]
    species: ClassVar[tuple[str, ...]]
    parameters: ClassVar[tuple[Parameter, ...]]
    from_start: ClassVar[bool] = True
    words: ClassVar[str]

    def profiles(self, theta: Array, x: Array) -> Array:
        """Return (n, species) profiles, finite."""
        raise NotImplementedError

    def starts(self, x: Array) -> list[Array]:
        """Return parameter vectors from which a fit may begin."""
        raise NotImplementedError

    def equivalents(self, theta: Array) -> list[Array]:
        """Return other parameters whose profiles span the same space, so that the residual cannot tell them apart."""
        return []

    def bounds(self, x: Array) -> tuple[Array, Array]:
        """Return the lowest and highest parameters for this axis."""
        low = np.array([self._limit(p, x, p.low, False) for p in self.parameters])
        high = np.array([self._limit(p, x, p.high, True) for p in self.parameters])
        return low, high

    def _limit(self, parameter: Parameter, x: Array, given: float | None, upper: bool) -> float:
        if given is not None:
            return given
        span = _span(x)
        if parameter.unit == "1/x":  # a rate
            return 1e3 * max(x.size, 10) / span if upper else 1e-4 / span
        if parameter.unit == "x, scale":  # a time constant
            return 1e4 * span if upper else 1e-3 * span / max(x.size, 10)
        return float(x.max() + span) if upper else float(x.min() - span)


def _span(x: Array) -> float:
    return float(np.ptp(x)) or 1.0


def _rates(x: Array) -> Array:
    return np.array([0.3, 1.0, 3.0, 10.0, 40.0]) / _span(x)


@dataclass(frozen=True)
class FirstOrder(Law):
    """A → B with rate k: A = exp(−kt), B = 1 − A."""

    name: ClassVar[str] = "first_order"
    species: ClassVar[tuple[str, ...]] = ("A", "B")
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("k", "1/x", logarithmic=True),)
    words: ClassVar[str] = "a first-order reaction A → B"

    def profiles(self, theta: Array, x: Array) -> Array:
        """Return (n, species) profiles."""
        decay = np.exp(-theta[0] * x)
        return np.column_stack([decay, -np.expm1(-theta[0] * x)])

    def starts(self, x: Array) -> list[Array]:
        """Return parameter vectors from which a fit may begin."""
        return [np.array([k]) for k in _rates(x)]


@dataclass(frozen=True)
class Consecutive(Law):
    """A → B → C, both first order.

    Swapping the two rates leaves the space of the profiles as it is (the slow-fast ambiguity). Where the first step is
    the fast one, the swapped pair needs negative spectra; where it is the slow one, the swapped intermediate is a mean
    of the true A and B, so that signs do not tell.
    """

    name: ClassVar[str] = "consecutive"
    species: ClassVar[tuple[str, ...]] = ("A", "B", "C")
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("k1", "1/x", logarithmic=True),
        Parameter("k2", "1/x", logarithmic=True),
    )
    words: ClassVar[str] = "consecutive first-order reactions A → B → C"

    def profiles(self, theta: Array, x: Array) -> Array:
        """Return (n, species) profiles."""
        k1, k2 = theta
        first = np.exp(-k1 * x)
        slow = min(k1, k2)
        z = abs(k2 - k1) * x
        # (1 − e⁻ᶻ)/z stays exact where the two rates meet.
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(np.abs(z) > 1e-12, -np.expm1(-z) / z, 1.0)
        second = k1 * x * np.exp(-slow * x) * ratio
        return np.column_stack([first, second, 1.0 - first - second])

    def starts(self, x: Array) -> list[Array]:
        """Return parameter vectors from which a fit may begin."""
        rates = _rates(x)
        return [np.array([a, b]) for a in rates for b in rates if a > b]

    def equivalents(self, theta: Array) -> list[Array]:
        """Return the swapped rates."""
        return [theta[::-1].copy()]


@dataclass(frozen=True)
class SecondOrder(Law):
    """2 A → B: A = 1/(1 + κt), κ the rate constant times the amount at the start; B = 1 − A."""

    name: ClassVar[str] = "second_order"
    species: ClassVar[tuple[str, ...]] = ("A", "B")
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("k", "1/x", logarithmic=True),)
    words: ClassVar[str] = "a second-order reaction 2 A → B"

    def profiles(self, theta: Array, x: Array) -> Array:
        """Return (n, species) profiles."""
        left = 1.0 / (1.0 + theta[0] * x)
        return np.column_stack([left, 1.0 - left])

    def starts(self, x: Array) -> list[Array]:
        """Return parameter vectors from which a fit may begin."""
        return [np.array([k]) for k in _rates(x)]


@dataclass(frozen=True)
class LinearGrowth(Law):
    """Growth in proportion to x: reaction-controlled film."""

    name: ClassVar[str] = "linear"
    species: ClassVar[tuple[str, ...]] = ("film",)
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    words: ClassVar[str] = "a linear growth"

    def profiles(self, theta: Array, x: Array) -> Array:
        """Return (n, species) profiles."""
        return np.asarray(x[:, None] / _span(x))

    def starts(self, x: Array) -> list[Array]:
        """Return parameter vectors from which a fit may begin."""
        return [np.empty(0)]


@dataclass(frozen=True)
class ParabolicGrowth(Law):
    """Growth with √x: diffusion-limited film."""

    name: ClassVar[str] = "parabolic"
    species: ClassVar[tuple[str, ...]] = ("film",)
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    words: ClassVar[str] = "a parabolic growth, √x"

    def profiles(self, theta: Array, x: Array) -> Array:
        """Return (n, species) profiles."""
        return np.asarray(np.sqrt(np.maximum(x, 0.0) / _span(x))[:, None])

    def starts(self, x: Array) -> list[Array]:
        """Return parameter vectors from which a fit may begin."""
        return [np.empty(0)]


class _TimeConstant(Law):
    species: ClassVar[tuple[str, ...]] = ("film",)
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("tau", "x, scale", logarithmic=True),)

    def starts(self, x: Array) -> list[Array]:
        """Return parameter vectors from which a fit may begin."""
        return [np.array([f * _span(x)]) for f in (0.03, 0.1, 0.3, 1.0, 3.0)]


@dataclass(frozen=True)
class LogarithmicGrowth(_TimeConstant):
    """Growth with ln(1 + x/τ): each layer slows the next."""

    name: ClassVar[str] = "logarithmic"
    words: ClassVar[str] = "a logarithmic growth, ln(1 + x/τ)"

    def profiles(self, theta: Array, x: Array) -> Array:
        """Return (n, species) profiles."""
        return np.asarray(np.log1p(np.maximum(x, 0.0) / theta[0])[:, None])


@dataclass(frozen=True)
class SaturatingGrowth(_TimeConstant):
    """Growth with 1 − exp(−x/τ)."""

    name: ClassVar[str] = "saturating"
    words: ClassVar[str] = "a saturating growth, 1 − exp(−x/τ)"

    def profiles(self, theta: Array, x: Array) -> Array:
        """Return (n, species) profiles."""
        return np.asarray(-np.expm1(-x / theta[0])[:, None])


@dataclass(frozen=True)
class Bleaching(_TimeConstant):
    """Decay with exp(−x/τ), of a fluorescence or of a species that light destroys."""

    name: ClassVar[str] = "bleaching"
    words: ClassVar[str] = "an exponential bleaching, exp(−x/τ)"

    def profiles(self, theta: Array, x: Array) -> Array:
        """Return (n, species) profiles."""
        return np.asarray(np.exp(-x / theta[0])[:, None])


@dataclass(frozen=True)
class Nernst(Law):
    """A reversible couple at potential x: oxidised share 1/(1 + exp(−nF(E − E⁰)/RT)), reduced the rest.

    ``electrons`` n is apparent: below the true number the wave is broader than one potential allows.
    """

    temperature_k: float = 298.15
    name: ClassVar[str] = "nernst"
    species: ClassVar[tuple[str, ...]] = ("oxidised", "reduced")
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("e0", "V"),
        Parameter("electrons", "", logarithmic=True, low=0.05, high=20.0),
    )
    from_start: ClassVar[bool] = False
    words: ClassVar[str] = "a Nernst sigmoid"

    def profiles(self, theta: Array, x: Array) -> Array:
        """Return (n, species) profiles."""
        z = theta[1] * FARADAY_OVER_R / self.temperature_k * (x - theta[0])
        return np.column_stack([_logistic(z), _logistic(-z)])

    def starts(self, x: Array) -> list[Array]:
        """Return parameter vectors from which a fit may begin."""
        return [np.array([e, n]) for e in np.quantile(x, [0.2, 0.4, 0.6, 0.8]) for n in (0.3, 1.0)]


@dataclass(frozen=True)
class Frumkin(Law):
    """Adsorbed couple with interaction: F(E − E⁰)/RT = ln(θ/(1 − θ)) + g(θ − ½); g > 0 repels and broadens.

    g = 0 is the Nernst sigmoid with one electron; at g = −4 the wave becomes a step.
    """

    temperature_k: float = 298.15
    name: ClassVar[str] = "frumkin"
    species: ClassVar[tuple[str, ...]] = ("oxidised", "reduced")
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("e0", "V"),
        Parameter("interaction", "", low=-3.9, high=60.0),
    )
    from_start: ClassVar[bool] = False
    words: ClassVar[str] = "a Frumkin sigmoid"

    def profiles(self, theta: Array, x: Array) -> Array:
        """Return (n, species) profiles."""
        z = FARADAY_OVER_R / self.temperature_k * (x - theta[0])
        half = abs(theta[1]) / 2
        low, high = z - half, z + half
        for _ in range(60):  # u + g(σ(u) − ½) = z rises in u, so halving finds it without fail
            middle = (low + high) / 2
            over = middle + theta[1] * (_logistic(middle) - 0.5) > z
            low, high = np.where(over, low, middle), np.where(over, middle, high)
        u = (low + high) / 2
        return np.column_stack([_logistic(u), _logistic(-u)])

    def starts(self, x: Array) -> list[Array]:
        """Return parameter vectors from which a fit may begin."""
        return [np.array([e, g]) for e in np.quantile(x, [0.2, 0.4, 0.6, 0.8]) for g in (0.0, 8.0)]


def _logistic(z: Array) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))


LAWS: Mapping[str, type[Law]] = {
    law.name: law
    for law in (
        FirstOrder,
        Consecutive,
        SecondOrder,
        LinearGrowth,
        ParabolicGrowth,
        LogarithmicGrowth,
        SaturatingGrowth,
        Bleaching,
        Nernst,
        Frumkin,
    )
}
"""Every law by its name."""


def law_named(name: str, temperature_k: float = 298.15) -> Law:
    """Return the law of this name.

    Raises
    ------
    StepError
        If there is none, or the temperature is not a positive number.
    """
    if name not in LAWS:
        raise StepError(f"hard model: {name!r} is not known; possible: {', '.join(LAWS)}")
    if not (math.isfinite(temperature_k) and temperature_k > 0):
        raise StepError(f"hard model: temperature_k needs a number above 0, but {temperature_k!r} was given")
    law = LAWS[name]
    return law(temperature_k) if law in (Nernst, Frumkin) else law()


def axis_for(law: Law, x: ArrayLike, blocks: NDArray[np.int64] | None = None) -> Array:
    """Return x as the law takes it: from the first value of each block on, or as it is.

    Raises
    ------
    StepError
        If a value is missing or infinite.
    """
    values = np.array(x, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise StepError(f"hard model {law.name!r}: its axis needs one finite number a spectrum, but some are missing")
    if not law.from_start:
        return values
    for block in np.unique(blocks) if blocks is not None else (None,):
        rows = slice(None) if block is None else blocks == block
        values[rows] -= values[rows].min()
    return values
