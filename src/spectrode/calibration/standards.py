"""Published numbers that instruments are calibrated with: lamp lines, Raman shifts, luminescent glasses.

The numbers stand in TOML files beside this module, each with its source.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import SpectrodeError
from ..preprocessing.calibrate.wavelengths import air_to_vacuum_nm

__all__ = [
    "LampLines",
    "LuminescenceStandard",
    "ShiftStandard",
    "lamp_lines",
    "luminescence_standard",
    "shift_standard",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LampLines:
    """Emission lines of a lamp."""

    name: str
    vacuum_nm: tuple[float, ...]
    """Increasing."""
    air_nm: tuple[float, ...]
    relative_intensity: tuple[float, ...]
    """Of the source that the table describes; another lamp differs by factors."""
    source: str


@dataclass(frozen=True)
class ShiftStandard:
    """A substance of known Raman shifts."""

    name: str
    lines_cm1: tuple[float, ...]
    check_cm1: tuple[float, ...]
    """Those that stand alone and are sharp enough to judge an axis with."""
    uncertainty_cm1: float
    """Of one line, standard."""
    source: str
    note: str = ""


@dataclass(frozen=True)
class LuminescenceStandard:
    """A glass whose luminescence is certified (NIST SRM 2241 to 2246), relative units."""

    name: str
    laser_nm: float
    valid_cm1: tuple[float, float]
    model: str
    coefficients: tuple[float, ...]
    source: str

    def __call__(self, shift_cm1: ArrayLike) -> Floats:
        """Return the certified relative luminescence at Raman shifts; NaN outside the certified range.

        Parameters
        ----------
        shift_cm1
            Raman shifts in cm-1, any shape, with the laser of the certificate.
        """
        x = np.asarray(shift_cm1, dtype=np.float64)
        inside = (x >= self.valid_cm1[0]) & (x <= self.valid_cm1[1])
        at = np.where(inside, x, self.valid_cm1[0])
        if self.model == "polynomial":
            y = np.polynomial.polynomial.polyval(at, self.coefficients)
        else:
            high, width, rho, centre, slope, level = self.coefficients
            argument = (at - centre) * (rho**2 - 1) / (width * rho) + 1
            y = high * np.exp(-np.log(2) / np.log(rho) ** 2 * np.log(argument) ** 2) + slope * at + level
        return np.asarray(np.where(inside, y, np.nan))


@cache
def _table(name: str) -> dict[str, Any]:
    text = (resources.files(__package__) / "data" / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def lamp_lines(name: str = "neon") -> LampLines:
    """Return the lines of a lamp, in air as tabulated and in vacuum by Ciddor's formula.

    Raises
    ------
    SpectrodeError
        If there is no table of that lamp.
    """
    if name != "neon":
        raise SpectrodeError(f"there is no table of the lamp {name!r}; possible: neon")
    table = _table(name)
    air = np.array([line[0] for line in table["lines"]])
    return LampLines(
        table["name"],
        tuple(float(v) for v in air_to_vacuum_nm(air)),
        tuple(float(v) for v in air),
        tuple(float(line[1]) for line in table["lines"]),
        table["source"],
    )


def shift_standard(name: str = "polystyrene") -> ShiftStandard:
    """Return the Raman shifts of a substance.

    Raises
    ------
    SpectrodeError
        If it is not in the table.
    """
    table = {key: value for key, value in _table("raman_shifts").items() if isinstance(value, dict)}
    if name not in table:
        raise SpectrodeError(f"there is no table of Raman shifts of {name!r}; possible: {', '.join(table)}")
    entry = table[name]
    return ShiftStandard(
        entry["name"],
        tuple(entry["lines_cm1"]),
        tuple(entry["check_cm1"]),
        entry["uncertainty_cm1"],
        entry["source"],
        entry.get("note", ""),
    )


def luminescence_standard(name: str) -> LuminescenceStandard:
    """Return a NIST luminescence standard by its number, such as ``2241`` or ``2242a``.

    Raises
    ------
    SpectrodeError
        If there are no coefficients for it (SRM 2243 is discontinued).
    """
    table = {key: value for key, value in _table("srm").items() if isinstance(value, dict)}
    number = str(name).lower().removeprefix("srm").strip()
    if number not in table:
        raise SpectrodeError(f"there are no coefficients for NIST SRM {number!r}; possible: {', '.join(table)}")
    entry = table[number]
    low, high = entry["valid_cm1"]
    return LuminescenceStandard(
        f"NIST SRM {number}",
        float(entry["laser_nm"]),
        (float(low), float(high)),
        entry["model"],
        tuple(float(c) for c in entry["coefficients"]),
        entry["source"],
    )
