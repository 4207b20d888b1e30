"""B&W Tek BWSpec and BWRam, text export (``.txt``, ``.csv``): one or several spectra with the settings above them.

Structure. ``File Version;BWSpec…`` (or ``BWRam…``), lines ``key;value`` (or ``key,value``), then a heading
``Pixel;Wavelength;Wavenumber;Raman Shift;Dark;Reference;Raw data #1;Dark Subtracted #1;…`` and a line a pixel, with
decimal commas or points. Pixels outside the chosen range have an empty axis and are left out.

Units. Shift in cm-1 (as the program computed it from wavelength and ``laser_wavelength``, rounded to 0.01), wavelength
in nm, ``intigration times(ms)`` (so written; newer versions ``(us)``) of one exposure, ``laser_powerlevel`` in percent.
The axis columns are checked against the laser, and the dark-subtracted column against its parts: with the program's
intensity correction it holds something else, which a warning says.

Time. ``Date`` is a local time without a zone; whether it is the start or the end is not documented.

Not read: transmission, absorbance and irradiance columns.

Measured test files: h2020charisma/ramanchada2 (MIT), polystyrene at 532 and 785 nm and neon.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Laser, Metadata
from ._text import ascending, first_number, head_text, local_date, parse_numbers, read_text, split_lines
from .registry import Reader

__all__ = ["READER", "load"]

Signal = Literal["dark_subtracted", "raw"]

_START = re.compile(r"^\s*File Version[;,\t] ?BW", re.I)
_HEADING = re.compile(r"^Pixel\s*([;,\t])\s*\w", re.I)
_SIGNALS = {"dark_subtracted": "Dark Subtracted", "raw": "Raw data"}
_EXPOSURE_KEYS = {"intigration times(ms)": 1e-3, "intigration times(us)": 1e-6, "integration times(ms)": 1e-3}
# The columns are rounded to 0.01; the shift computed from wavenumber and laser may differ by little more.
_SHIFT_TOLERANCE = 0.5
_DARK_TOLERANCE = 0.01


def sniff(path: Path, head: bytes) -> bool:
    """Recognise the first line."""
    text = head_text(head[:1024])
    return text is not None and _START.match(text) is not None


def load(
    path: Path,
    *,
    signal: Signal = "dark_subtracted",
    axis: Literal["auto", "raman_shift", "wavelength"] = "auto",
) -> OperandoDataset:
    """Read a B&W Tek text export.

    Parameters
    ----------
    signal
        Which columns are the intensities: the dark-subtracted or the raw ones.
    axis
        Raman shift (cm-1) or wavelength (nm); auto takes the Raman shift where the file has it.

    Raises
    ------
    UnreadableFile
        If there is no table, a line is faulty, or the wanted columns are missing or empty.
    """
    lines = split_lines(read_text(path))
    entries, names, table = _parts(path, lines)
    rows, kind, values, notes = _axis(path, names, table, axis)
    intensity, signal_notes = _signals(path, names, table[rows], signal)
    with np.errstate(all="ignore"):  # damaged numbers may be of any size
        shift, intensity = ascending(path, values[rows], intensity)
    level = first_number(entries.get("laser_powerlevel", ""), 0.0, 100.0)
    laser_nm = first_number(entries.get("laser_wavelength", ""), 150.0, 20000.0)
    exposure, accumulations = _exposure(entries)
    when, date_notes = _start(entries, exposure)
    if laser_nm is not None and kind == "raman_shift":
        notes += _check_laser(names, table[rows], values[rows], laser_nm)
    metadata = Metadata(
        local_start=when,
        laser=Laser(wavelength_nm=laser_nm, power_fraction=None if level is None else level / 100.0),
        instrument=Instrument(
            vendor="B&W Tek",
            model=entries.get("model") or None,
            software=entries.get("File Version") or None,
            accumulations=accumulations,
        ),
        vendor={**entries, "columns": list(names)},
    ).warn(*notes, *signal_notes, *date_notes)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns={} if exposure is None else {"exposure_s": np.full(intensity.shape[0], exposure)},
        metadata=metadata,
        axis_kind=kind,
    )


def _parts(path: Path, lines: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...], NDArray[np.float64]]:
    """Return the settings, the headings of the columns, and the (pixels, columns) table."""
    at = next((k for k, line in enumerate(lines) if _HEADING.match(line)), None)
    if at is None:
        raise UnreadableFile(path, "has no heading 'Pixel …' above its numbers; it is cut short or no B&W Tek export")
    heading = _HEADING.match(lines[at])
    delimiter = heading[1] if heading is not None else ";"
    entries: dict[str, str] = {}
    for line in lines[:at]:
        key, found, value = line.partition(delimiter)
        if not found:
            key, found, value = line.partition(";")  # the first line of comma-separated files
        if key.strip() and found:
            entries.setdefault(key.strip(), value.strip())
    kept = [(k, line) for k, line in enumerate(lines[at + 1 :], at + 2) if line.strip(" \t;,")]
    if not kept:
        raise UnreadableFile(path, "has headings but no line of numbers")
    line_numbers, rows = (list(part) for part in zip(*kept, strict=True))
    names = [cell.strip() for cell in lines[at].split(delimiter)]
    while names and not names[-1] and all(row.rstrip(" ").endswith(delimiter) for row in rows):
        names.pop()
        rows = [row.rstrip(" ")[:-1] for row in rows]
    sample = "\n".join(rows[:200])
    comma = delimiter != "," and re.search(r"\d,\d", sample) and not re.search(r"\d\.\d", sample)
    table = parse_numbers(path, rows, line_numbers, delimiter, "," if comma else ".")
    if table.shape[1] != len(names):
        raise UnreadableFile(path, f"has {len(names)} headings above {table.shape[1]} columns of numbers")
    return entries, tuple(names), table


def _axis(
    path: Path, names: Sequence[str], table: NDArray[np.float64], wanted: str
) -> tuple[NDArray[np.bool_], AxisKind, NDArray[np.float64], list[str]]:
    """Return which pixels have an axis, its kind, its values, and a warning if pixels have none."""
    choices: dict[str, tuple[str, AxisKind]] = {
        "raman_shift": ("Raman Shift", "raman_shift"),
        "wavelength": ("Wavelength", "wavelength"),
    }
    for choice in choices if wanted == "auto" else (wanted,):
        name, kind = choices[choice]
        if name not in names:
            continue
        values = table[:, names.index(name)]
        rows = np.isfinite(values)
        if rows.sum() < 2:
            continue
        missing = int((~rows).sum())
        notes = [f"{missing} pixels lie outside the range of the axis and were left out"] if missing else []
        return rows, kind, values, notes
    raise UnreadableFile(path, f"has no axis ({wanted}) with values; its columns are {', '.join(names)}")


def _signals(
    path: Path, names: Sequence[str], table: NDArray[np.float64], signal: Signal
) -> tuple[NDArray[np.float64], list[str]]:
    """Return (spectra, pixels) intensities and warnings."""
    wanted = [k for k, name in enumerate(names) if re.fullmatch(rf"{_SIGNALS[signal]} #\d+", name, re.I)]
    if not wanted:
        raise UnreadableFile(path, f"has no column {_SIGNALS[signal]!r}; its columns are {', '.join(names)}")
    taken = ", ".join(repr(names[k]) for k in wanted)
    other = "raw" if signal == "dark_subtracted" else "dark_subtracted"
    notes = [f"of {len(names)} columns, {taken} was taken as intensity; give signal='{other}' for the other"]
    if signal == "dark_subtracted":
        notes += [note for k in wanted if (note := _check_dark(names, table, k)) is not None]
    if len(wanted) > 1:
        notes.append("the file holds neither time nor position of its spectra, so both are unknown")
    return table[:, wanted].T, notes


def _check_dark(names: Sequence[str], table: NDArray[np.float64], at: int) -> str | None:
    raw = next((k for k, n in enumerate(names) if n.lower() == f"raw data {names[at].split()[-1]}".lower()), None)
    if raw is None or "Dark" not in names:
        return None
    with np.errstate(all="ignore"):  # damaged numbers may be infinite
        difference = np.abs(table[:, raw] - table[:, names.index("Dark")] - table[:, at])
    worst = float(np.max(difference, initial=0.0))
    if not worst > _DARK_TOLERANCE:
        return None
    return (
        f"{names[at]!r} is not the raw data minus the dark (it differs by up to {worst:.6g}), so the program changed "
        "it further; give signal='raw' for the data as measured"
    )


def _check_laser(
    names: Sequence[str], table: NDArray[np.float64], shift: NDArray[np.float64], laser_nm: float
) -> list[str]:
    if "Wavenumber" not in names:
        return []
    with np.errstate(all="ignore"):
        difference = np.abs(1e7 / laser_nm - table[:, names.index("Wavenumber")] - shift)
    worst = float(np.max(difference, initial=0.0))
    if not worst > _SHIFT_TOLERANCE:
        return []
    return [
        f"the Raman shift does not follow from the wavenumbers and the laser of {laser_nm:g} nm: it differs by up to "
        f"{worst:.4g} cm-1"
    ]


def _exposure(entries: Mapping[str, str]) -> tuple[float | None, int | None]:
    """Return the exposure of all accumulations together, and their number."""
    average = first_number(entries.get("average number", ""), 1.0, 1e9)
    accumulations = None if average is None else int(average)
    for key, factor in _EXPOSURE_KEYS.items():
        value = first_number(entries.get(key, ""), 0.0)
        if value is not None:
            return value * factor * (accumulations or 1), accumulations
    return None, accumulations


def _start(entries: Mapping[str, str], exposure: float | None) -> tuple[Any, list[str]]:
    written = entries.get("Date", "")
    if not written:
        return None, []
    when, note = local_date(written)
    if when is None:
        return None, [f"the date {written!r} could not be understood"]
    length = "" if exposure is None else f" of {exposure:g} s"
    notes = [] if note is None else [note]
    notes.append(f"B&W Tek does not say whether {written!r} is the start or the end of the measurement{length}")
    return when, notes


READER = Reader(
    name="bwtek-text",
    description="B&W Tek BWSpec/BWRam (i-Raman), text export with settings",
    extensions=(".txt", ".csv"),
    sniff=sniff,
    load=load,
    gives=("local start", "exposure", "laser", "power"),
)
