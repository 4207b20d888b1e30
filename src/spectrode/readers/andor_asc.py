"""Andor Solis text export (``.asc``, ``.csv``): spectra with the acquisition settings before or after them.

What is read. A table with the axis in the first column and one spectrum in each further one (pictures of a kinetic
series, tracks), tab, comma, semicolon or space between; and lines ``Key: value`` such as ``Date and Time``,
``Exposure Time (secs)``, ``Number of Accumulations``. A table without those lines carries nothing of Solis and is left
to ``delimited-text``.

Axis. The file does not state its unit. If the centre wavelength of the spectrograph (``Wavelength (nm)``) lies within
it, or a heading says so, it is nm; else a Raman shift is taken, with a warning.

Time. ``Date and Time`` is local, without a zone (the binary file of the same measurement holds it in UTC). Times of a
series are computed from ``Kinetic Cycle Time (secs)`` (``metadata.times_derived``). ``exposure_s`` is exposure ×
accumulations.

Test files: ``raman1.asc`` and ``cli-0.csv`` of sif_parser (BSD-3-Clause), twins of binary files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Laser, Metadata
from ..pipeline.parameters import Between, Unit
from ._text import ascending, first_number, head_text, parse_numbers, read_text, split_lines
from .registry import HEAD_BYTES, Reader

__all__ = ["READER", "load", "sniff"]

_MARKS = ("Date and Time:", "Exposure Time (secs):")
_TAIL_BYTES = 1 << 13
_ENTRY = re.compile(r"^([A-Za-z][^:]{0,80}):[ \t]*(.*?)\s*$")
_NUMBERS = re.compile(r"^\s*[-+]?(?:\d|\.\d)[-+\d.eE,;\t ]*$")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(r"(?:[A-Z][a-z]{2} +)?([A-Z][a-z]{2}) +(\d{1,2}) +(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d+))? +(\d{4})")


def sniff(path: Path, head: bytes) -> bool:
    """Recognise the two settings that Solis always writes, before or after the table."""
    text = head_text(head)
    if text is None:
        return False
    if len(head) >= HEAD_BYTES and not all(mark in text for mark in _MARKS):
        try:
            with open(path, "rb") as stream:
                stream.seek(-_TAIL_BYTES, 2)
                text = stream.read().decode("latin-1")
        except OSError:
            return False
    return all(mark in text for mark in _MARKS)


def load(
    path: Path,
    *,
    laser_nm: Annotated[float | None, Between(100, 20000), Unit("nm")] = None,
) -> OperandoDataset:
    """Read an Andor Solis text export.

    Parameters
    ----------
    path
        The file.
    laser_nm
        Excitation wavelength in nm, which the file does not hold.

    Returns
    -------
    OperandoDataset
        Columns ``time_s`` and ``exposure_s`` as far as the settings give them.

    Raises
    ------
    UnreadableFile
        If there is no table, or it is cut short or damaged.
    """
    lines = split_lines(read_text(path))
    numbers = [k for k, line in enumerate(lines) if _NUMBERS.match(line)]
    if not numbers:
        raise UnreadableFile(path, "holds the settings of a measurement, but no line of numbers")
    first, last = numbers[0], numbers[-1]
    if last - first + 1 != len(numbers):
        at = next(k for k, n in enumerate(numbers) if n != first + k) + first
        raise UnreadableFile(path, f"has {lines[at].strip()[:40]!r} in line {at + 1}, within its table; it is damaged")
    settings = _settings([*lines[:first], *lines[last + 1 :]])
    table = _table(path, lines[first : last + 1], first)
    heading = lines[first - 1] if first and ":" not in lines[first - 1] else ""
    with np.errstate(all="ignore"):
        shift, intensity = ascending(path, table[:, 0], table[:, 1:].T)
    kind, notes = _axis_kind(shift, settings, heading)
    columns, scan_shape, derived, time_notes = _columns(settings, len(intensity))
    when = _date(settings.get("Date and Time", ""))
    if when is None:
        time_notes.append(f"the date {settings.get('Date and Time', '')!r} could not be understood")
    metadata = Metadata(
        local_start=when,
        times_derived=derived,
        laser=Laser(wavelength_nm=laser_nm),
        instrument=_instrument(settings),
        vendor={"settings": dict(settings)},
    ).warn(*notes, *time_notes)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns=columns,
        scan_shape=scan_shape,
        metadata=metadata,
        axis_kind=kind,
    )


def _settings(lines: Sequence[str]) -> dict[str, str]:
    """Return {key: value}; the name of the spectrograph stands as a key without value."""
    found: dict[str, str] = {}
    for line in lines:
        match = _ENTRY.match(line.strip())
        if match is not None:
            found.setdefault(match[1].strip(), match[2])
    return found


def _table(path: Path, lines: Sequence[str], first: int) -> NDArray[np.float64]:
    sample = lines[0]
    delimiter = next((d for d in ("\t", ";", ",") if d in sample), None)
    decimal = "," if delimiter in ("\t", ";") and "," in sample and "." not in sample else "."
    kept = [line.rstrip(f"{delimiter or ''} \t") for line in lines]  # Solis ends its lines with a delimiter
    table = parse_numbers(path, kept, range(first + 1, first + 1 + len(kept)), delimiter, decimal)
    if table.shape[1] < 2:
        raise UnreadableFile(path, "has one column of numbers, so an axis without a spectrum")
    return table


def _axis_kind(shift: NDArray[np.float64], settings: Mapping[str, str], heading: str) -> tuple[AxisKind, list[str]]:
    if "wavelength" in heading.lower():
        return "wavelength", []
    if "raman" in heading.lower():
        return "raman_shift", []
    centre = first_number(settings.get("Wavelength (nm)", ""), 100.0, 20000.0)
    if centre is not None and shift[0] <= centre <= shift[-1]:
        return "wavelength", []
    return "raman_shift", ["the file does not state the unit of its axis; Raman shift in cm-1 was taken"]


def _columns(
    settings: Mapping[str, str], n: int
) -> tuple[dict[str, NDArray[Any]], tuple[tuple[str, int], ...], bool, list[str]]:
    """Return columns, scan shape, whether times are computed, and warnings."""
    columns: dict[str, NDArray[Any]] = {}
    notes: list[str] = []
    exposure = first_number(settings.get("Exposure Time (secs)", ""), 0.0, 1e9)
    if exposure is not None:
        total = exposure * (_count(settings, "Number of Accumulations") or 1)
        columns["exposure_s"] = np.full(n, total)
        if total > 1:
            notes.append(
                f"the file does not say whether its time is the begin or the end of an exposure of {total:g} s; "
                "the begin was taken"
            )
    if n == 1:
        known = _date(settings.get("Date and Time", "")) is not None
        return columns | ({"time_s": np.zeros(1)} if known else {}), (), False, notes
    pictures, tracks = _count(settings, "Number in Kinetics Series"), _count(settings, "Number of Tracks")
    if tracks == n and pictures in (None, 1):
        return columns | {"time_s": np.zeros(n)}, (("track", n),), False, notes
    cycle = first_number(settings.get("Kinetic Cycle Time (secs)", ""), 0.0, 1e9)
    if pictures not in (None, n) or cycle is None:
        notes.append(f"the settings do not say what the {n} columns are (series, tracks or rows); no times are known")
        return columns, (), False, notes
    notes.append(f"columns have no time stamps; times are computed from the kinetic cycle of {cycle:g} s")
    return columns | {"time_s": np.arange(n) * cycle}, (("time", n),), True, notes


def _count(settings: Mapping[str, str], key: str) -> int | None:
    value = first_number(settings.get(key, ""), 1.0, 1e9)
    return None if value is None else int(value)


def _date(text: str) -> datetime | None:
    match = _DATE.search(text)
    if match is None or match[1] not in _MONTHS:
        return None
    day, hour, minute, second, year = (int(match[k]) for k in (2, 3, 4, 5, 7))
    microsecond = int((match[6] or "0")[:6].ljust(6, "0"))
    try:
        return datetime(year, _MONTHS.index(match[1]) + 1, day, hour, minute, second, microsecond)
    except ValueError:
        return None


def _instrument(settings: Mapping[str, str]) -> Instrument:
    grooves = settings.get("Grating Groove Density (l/mm)")
    blaze = settings.get("Grating Blaze")
    spectrograph = next((key for key, value in settings.items() if not value and re.match(r"[A-Z]+\d", key)), None)
    return Instrument(
        vendor="Andor",
        model=spectrograph,
        software=settings.get("Software Version") or None,
        grating=f"{grooves} g/mm" + (f", blaze {blaze}" if blaze else "") if grooves else None,
        detector=settings.get("Model") or None,
        accumulations=_count(settings, "Number of Accumulations"),
    )


READER = Reader(
    name="andor-asc",
    description="Andor Solis text export with acquisition settings (.asc, .csv)",
    extensions=(".asc", ".csv", ".txt"),
    sniff=sniff,
    load=load,
    gives=("times", "local start", "scan", "exposure"),
)
