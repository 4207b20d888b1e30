"""What the readers of potentiostats' own files share: units, derived times, the sign of the current, refusals."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidDataset, UnreadableFile
from ..trace import Trace

__all__ = [
    "MILLIAMPERE",
    "MILLIAMPERE_HOUR",
    "SECOND",
    "VOLT",
    "Block",
    "CurrentSign",
    "continued",
    "english_date",
    "impedance_only",
    "iupac",
    "number",
    "numbers",
    "scaled",
    "swept_time",
    "trace_or_refusal",
    "unique",
    "unit_factor",
    "whole",
]

CurrentSign = Literal["anodic_positive", "cathodic_positive"]
"""Which current a file counts as positive; IUPAC (and Spectrode) count the anodic one."""

SECOND = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0, "hr": 3600.0}
VOLT = {"V": 1.0, "mV": 1e-3, "µV": 1e-6, "uV": 1e-6}
MILLIAMPERE = {"A": 1e3, "mA": 1.0, "µA": 1e-3, "uA": 1e-3, "nA": 1e-6, "pA": 1e-9}
MILLIAMPERE_HOUR = {"C": 1 / 3.6, "mC": 1e-3 / 3.6, "µC": 1e-6 / 3.6, "uC": 1e-6 / 3.6, "Ah": 1e3, "mAh": 1.0}

# Three thousand years: a time beyond it is damage, and differences of such numbers would overflow.
_LONGEST_S = 1e11


# -- names and units --------------------------------------------------------------------------------------------------


def unique(names: Sequence[str]) -> list[str]:
    """Number the repetitions of a column name: ``I``, ``I (2)``."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result


def unit_factor(path: Path, unit: str, factors: Mapping[str, float], column: str) -> float:
    """Return the factor of a unit.

    Raises
    ------
    UnreadableFile
        If the unit is not known; a current is not guessed to a factor of a thousand.
    """
    key = unit.strip().replace("\u03bc", "µ")  # the Greek mu looks like the micro sign
    if key not in factors:
        raise UnreadableFile(path, f"the unit {unit!r} of the column {column!r} is not one of {', '.join(factors)}")
    return factors[key]


def scaled(values: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """Return values in another unit; damaged numbers may overflow to infinity."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values * factor


# -- cells to numbers -------------------------------------------------------------------------------------------------


def number(text: str, decimal: str = ".") -> float:
    """Return a cell as a number, NaN if it is none."""
    try:
        return float(text.replace(",", ".") if decimal == "," else text)
    except ValueError:
        return math.nan


def numbers(cells: Sequence[str], decimal: str = ".") -> NDArray[np.float64]:
    """Return cells as numbers, NaN where a cell is none."""
    try:
        return np.array([c.replace(",", ".") for c in cells] if decimal == "," else cells, dtype=np.float64)
    except ValueError:
        return np.array([number(cell, decimal) for cell in cells], dtype=np.float64)


def whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return counters as whole numbers; -1 where there is none."""
    with np.errstate(invalid="ignore"):  # damaged numbers may be signalling NaN
        good = np.isfinite(values) & (np.abs(values) < 2**52)
    return np.where(good, np.rint(np.where(good, values, 0.0)), -1.0).astype(np.int64)


@dataclass(frozen=True)
class Block:
    """A named table of equally long columns of text.

    Parameters
    ----------
    units
        One for each column, empty where the file states none.
    """

    name: str
    columns: Sequence[str]
    units: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def decimal(self) -> str:
        """The decimal mark of the first cell that has one."""
        for row in self.rows[:100]:
            for cell in row:
                if re.fullmatch(r"[-+]?\d*[.,]\d+(?:[eE][-+]?\d+)?", cell):
                    return "," if "," in cell else "."
        return "."

    def unit(self, column: str) -> str:
        """Return the unit of a column."""
        return self.units[list(self.columns).index(column)]

    def values(self, column: str) -> NDArray[np.float64]:
        """Return one column as numbers; NaN where a cell holds none."""
        k = list(self.columns).index(column)
        return numbers([row[k] for row in self.rows], self.decimal)

    def in_unit(self, path: Path, column: str, factors: Mapping[str, float]) -> NDArray[np.float64]:
        """Return one column in the unit of a trace."""
        return scaled(self.values(column), unit_factor(path, self.unit(column), factors, column))

    def first_of(self, *columns: str) -> str | None:
        """Return the first of some names that is a column."""
        return next((name for name in columns if name in self.columns), None)

    def further(self, *used: str | None) -> dict[str, NDArray[np.float64]]:
        """Return the columns that hold any number, except those already used."""
        found = {name: self.values(name) for name in self.columns if name and name not in used}
        return {name: values for name, values in found.items() if np.isfinite(values).any()}


def continued(blocks: Sequence[Block], time: str) -> Block | None:
    """Return blocks of one layout joined, if their times run on from one to the next; else None."""
    first = blocks[0]
    ended = -math.inf
    for block in blocks:
        if list(block.columns) != list(first.columns):
            return None
        values = block.values(time)
        if values.size and not values[0] >= ended:
            return None
        ended = float(values[-1]) if values.size else ended
    return Block(first.name, first.columns, first.units, [row for block in blocks for row in block.rows])


# -- time -------------------------------------------------------------------------------------------------------------


def swept_time(path: Path, potential_v: NDArray[np.float64], scan_rate_v_s: float) -> NDArray[np.float64]:
    """Return seconds since the first row of a potential swept at a constant rate.

    Raises
    ------
    UnreadableFile
        If the rate is not positive or a potential is missing.
    """
    if not (math.isfinite(scan_rate_v_s) and scan_rate_v_s > 0):
        raise UnreadableFile(path, f"the scan rate must be above 0 V/s, but it is {scan_rate_v_s:g} V/s")
    if not np.isfinite(potential_v).all():
        raise UnreadableFile(path, "has no time, and its potential has gaps, so that no time can be derived from it")
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.abs(np.diff(potential_v)) / scan_rate_v_s
        return np.concatenate([[0.0], np.cumsum(steps)])[: potential_v.size]


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_DATE = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2}), (\d{4})")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})(?:\s*([AaPp])\.?[Mm])?")


def english_date(date: str, clock: str) -> datetime | None:
    """Return a date as ``Feb. 20, 2020`` or ``Thursday, July 19, 2018`` with a time of day, or None."""
    day = _MONTH_DATE.search(date)
    hour = _CLOCK.search(clock)
    if day is None or hour is None or day[1][:3].lower() not in _MONTHS:
        return None
    h = int(hour[1])
    if hour[4]:
        h = h % 12 + (12 if hour[4] in "Pp" else 0)
    try:
        month = _MONTHS.index(day[1][:3].lower()) + 1
        return datetime(int(day[3]), month, int(day[2]), h, int(hour[2]), int(hour[3]))
    except ValueError:
        return None


# -- current ----------------------------------------------------------------------------------------------------------


def iupac(
    current: NDArray[np.float64] | None,
    charge: NDArray[np.float64] | None,
    sign: CurrentSign | None,
    source: str,
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None, list[str]]:
    """Return current and charge with the anodic direction positive, and a sentence about what was done.

    Parameters
    ----------
    sign
        The file's own; None if it is not known, in which case nothing is changed, and the sentence says so.
    source
        Who says so: ``the file``, ``the option current_sign``.
    """
    if (current is None and charge is None) or sign == "anodic_positive":
        return current, charge, []
    if sign is None:
        note = (
            "the file does not state whether its cathodic current is negative (IUPAC) or positive; it is taken as it "
            "stands; if it is positive, give current_sign=cathodic_positive"
        )
        return current, charge, [note]
    note = f"{source} counts the cathodic current as positive; the sign was reversed to the IUPAC convention"
    # Subtracting from zero makes no -0.0.
    return (None if current is None else 0.0 - current), (None if charge is None else 0.0 - charge), [note]


# -- result -----------------------------------------------------------------------------------------------------------


def impedance_only(path: Path, has: str) -> UnreadableFile:
    """Return the refusal of a file without a course of the potential."""
    return UnreadableFile(
        path, f"is an impedance file: it holds {has}, but no potential against time, so it is no trace"
    )


def trace_or_refusal(path: Path, time_s: NDArray[np.float64], **fields: Any) -> Trace:
    """Make a trace, and turn what is wrong with it into an `UnreadableFile`.

    Raises
    ------
    UnreadableFile
        If a time is missing, impossible or before the one above it.
    """
    bad = np.flatnonzero(~(np.abs(time_s) <= _LONGEST_S))
    if bad.size:
        raise UnreadableFile(path, f"row {int(bad[0]) + 1} has no possible time ({time_s[bad[0]]:g} s)")
    try:
        return Trace(time_s=time_s, **fields)
    except InvalidDataset as error:
        raise UnreadableFile(path, str(error)) from error
