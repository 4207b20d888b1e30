"""HORIBA LabSpec 5 and 6, text export: single spectra, time series, line scans, maps.

Layout. LabSpec 6 writes lines ``#Key=<tab>value`` (Latin-1), then the numbers; LabSpec 5 often the numbers alone. A
single spectrum has two columns. Everything else has the spectral axis in the first row, behind one empty cell for each
coordinate column, and one row a spectrum that starts with its coordinates. ``#AxisType[2]=``, ``[3]`` … name the
coordinates in the order of their columns; without a header, two are X and Y, and one is a time or a position.
The axis often falls; it is turned around with the intensities.

A two-column table without a header carries nothing of LabSpec and is left to ``delimited-text``.

``#Acquired=`` is a local time without a zone, and no document says whether measurements start or end there. (In one
file a baseline was fitted 56 minutes after the stamp of a 60-minute exposure, which speaks for the end.) It is kept as
the start, with ``stamp_refers_to="unknown"`` and a warning that gives the length in question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Laser, Metadata, Sample
from ._text import ascending, first_number, head_text, local_date, parse_numbers, read_text, scan_grid, split_lines
from .registry import Reader

__all__ = ["READER", "load"]

Coordinate = Literal["auto", "time", "x", "y", "z", "line", "index"]

_HEADER_LINE = re.compile(r"^#([^=\t]+)=[ \t]*(.*?)[ \t]*$")
_TELLING = (
    "#Acq. time (s)=",
    "#AxisType[",
    "#AxisUnit[",
    "#Exposition=",
    "#Accumulation",
    "#Acquired=",
    "#Spike filter=",
    "#ICS correction=",
    "#Readout mode=",
    "#Spectro (",
    "#ND Filter=",
)
_SECONDS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "min": 60.0, "mn": 60.0, "h": 3600.0}
_MICROMETRES = {"µm": 1.0, "μm": 1.0, "um": 1.0, "mm": 1e3, "nm": 1e-3}
_POSITION_COLUMNS = {"x": "x_um", "y": "y_um", "z": "z_um", "line": "distance_um"}


def sniff(path: Path, head: bytes) -> bool:
    """Recognise LabSpec's header keys, or the first row of a series or map: empty cells, then a spectral axis."""
    text = head_text(head)
    if text is None:
        return False
    if text.lstrip("\r\n").startswith("#"):
        return sum(key in text for key in _TELLING) >= 2
    first = text.split("\n", 1)[0]
    match = re.match(r"^(\t{1,3})(?=[-\d.])", first)
    if match is None:
        return False
    cells = first.rstrip("\r").split("\t")[len(match[1]) : -1]  # the last cell may be cut off by the block size
    try:
        row = np.array(cells, dtype=np.float64)
    except ValueError:
        return False
    # One empty corner also begins a table of columns headed by numbers (times, say); only a spectral axis is ours.
    return row.size > 2 and (len(match[1]) > 1 or _is_spectral(row))


def _is_spectral(values: NDArray[np.float64]) -> bool:
    """Return True for a strictly rising or falling axis that is neither a count nor a clock starting at zero."""
    steps = np.diff(values)
    if values.size < 3 or not (np.all(steps > 0) or np.all(steps < 0)):
        return False
    counts = abs(values[0]) <= 1 and np.allclose(steps, 1)
    return bool(not counts and values[0] != 0 and np.ptp(values) > 0 and np.max(np.abs(values)) > 50)


def load(path: Path, *, coordinate: Coordinate = "auto") -> OperandoDataset:
    """Read a LabSpec text export.

    Parameters
    ----------
    coordinate
        What the one coordinate column of a series or line scan holds where the file does not say it: time (seconds),
        x, y, z or line (position, µm), or index (a running number). ``auto`` takes it for a time if it starts at zero
        and its steps vary, as clocks do, and says so.

    Returns
    -------
    OperandoDataset
        Shift in cm-1 or, where the header says nm, wavelength (``axis_kind``); rising.

    Raises
    ------
    UnreadableFile
        If the numbers are missing, cut short, or not laid out as LabSpec does.
    """
    lines = split_lines(read_text(path))
    header, start = _header(lines)
    table = _table(path, lines, start)
    leading = _leading_empty_cells(table)
    if leading == 0:
        return _single(path, table, header)
    axis, body = table[0, leading:], table[1:]
    if body.shape[0] == 0:
        raise UnreadableFile(path, "has a spectral axis but no spectrum")
    if not np.isfinite(body[:, :leading]).all():
        row = int(np.argmin(np.isfinite(body[:, :leading]).all(axis=1)))
        raise UnreadableFile(path, f"lacks a coordinate of spectrum {row}")
    columns, notes = _coordinates(path, header, body[:, :leading], axis, coordinate)
    shift, intensity = ascending(path, axis, body[:, leading:])
    return _dataset(path, header, shift, intensity, columns, notes)


def _header(lines: Sequence[str]) -> tuple[dict[str, Any], int]:
    """Return the header (repeated keys become lists) and the index of the first line of numbers."""
    header: dict[str, Any] = {}
    index = 0
    for index, line in enumerate(lines):  # noqa: B007  (the index of the line that ends the header is the result)
        match = _HEADER_LINE.match(line)
        if match is None:
            if line.strip() and not line.startswith("#"):
                break
            continue
        key, value = match[1].strip(), match[2]
        if key in header:
            earlier = header[key] if isinstance(header[key], list) else [header[key]]
            header[key] = [*earlier, value]
        else:
            header[key] = value
    return header, index


def _table(path: Path, lines: Sequence[str], start: int) -> NDArray[np.float64]:
    kept = [(number, line) for number, line in enumerate(lines[start:], start + 1) if line.strip()]
    if not kept or kept[0][1].startswith("#"):
        raise UnreadableFile(path, "has a LabSpec header but no numbers after it")
    numbers, rows = zip(*kept, strict=True)
    if all(row.endswith("\t") for row in rows):
        rows = tuple(row[:-1] for row in rows)
    comma = "," in rows[0] and "." not in rows[0]
    return parse_numbers(path, rows, numbers, "\t", "," if comma else ".")


def _leading_empty_cells(table: NDArray[np.float64]) -> int:
    filled = np.isfinite(table[0])
    return int(np.argmax(filled)) if filled.any() else 0


def _single(path: Path, table: NDArray[np.float64], header: Mapping[str, Any]) -> OperandoDataset:
    if table.shape[1] != 2:
        raise UnreadableFile(
            path,
            f"has {table.shape[1]} columns without empty cells before the axis, which is no layout of LabSpec; "
            "reader='delimited-text' with its option orientation may read it",
        )
    shift, intensity = ascending(path, table[:, 0], table[:, 1][None, :])
    columns = _header_positions(header, 1, ("x", "y", "z"))
    return _dataset(path, header, shift, intensity, columns, [])


# -- coordinates ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Named:
    """A coordinate column: what it is, and the factor to seconds or micrometres."""

    kind: str
    factor: float = 1.0


def _coordinates(
    path: Path,
    header: Mapping[str, Any],
    values: NDArray[np.float64],
    axis: NDArray[np.float64],
    wanted: Coordinate,
) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Return the per-spectrum columns of the coordinate cells, and warnings."""
    notes: list[str] = []
    named = _named_axes(path, header)
    count = values.shape[1]
    if wanted != "auto" and count == 1:
        named = [_Named(wanted)]
    elif named and len(named) != count:
        raise UnreadableFile(
            path, f"has {count} coordinate columns, but its header names {len(named)} ({', '.join(_words(named))})"
        )
    elif not named and count == 1:
        named, note = _guessed(path, values[:, 0], axis)
        notes.append(note)
    elif not named:
        if count > 3:
            raise UnreadableFile(path, f"has {count} coordinate columns and no header that names them")
        named = [_Named(kind) for kind in ("x", "y", "z")[:count]]
        notes.append(f"the file does not name its {count} coordinate columns; they were taken as {_words(named)} in µm")
    columns: dict[str, NDArray[Any]] = {}
    for column, name in enumerate(named):
        if name.kind == "time":
            columns["time_s"] = values[:, column] * name.factor
        elif name.kind in _POSITION_COLUMNS:
            columns[_POSITION_COLUMNS[name.kind]] = values[:, column] * name.factor
        elif name.kind != "index":
            columns[name.kind] = values[:, column]
    if not any(name.kind == "index" for name in named):
        # Of a numbered list (several places) the header keeps the position of one only.
        fixed = _header_positions(header, values.shape[0], ("x", "y", "z"))
        columns |= {name: value for name, value in fixed.items() if name not in columns}
    return columns, notes


def _words(named: Sequence[_Named]) -> str:
    return ", ".join(n.kind for n in named)


def _named_axes(path: Path, header: Mapping[str, Any]) -> list[_Named]:
    """Return what ``AxisType[2]``, ``[3]`` … say, in order."""
    found = []
    number = 2
    while f"AxisType[{number}]" in header:
        kind = str(header[f"AxisType[{number}]"]).strip().lower()
        unit = str(header.get(f"AxisUnit[{number}]", "")).strip()
        if kind in ("time", "t"):
            factor = _SECONDS.get(unit.lower() or "s")
            if factor is None:
                raise UnreadableFile(path, f"counts time in {unit!r}; known are {', '.join(_SECONDS)}")
            found.append(_Named("time", factor))
        elif kind in ("x", "y", "z"):
            found.append(_Named(kind, _MICROMETRES.get(unit, 1.0)))
        else:
            found.append(_Named(re.sub(r"\W+", "_", kind) or f"axis_{number}"))
        number += 1
    return found


def _guessed(path: Path, values: NDArray[np.float64], axis: NDArray[np.float64]) -> tuple[list[_Named], str]:
    """Decide what one unnamed coordinate column is; the note says what was decided and how to overrule it."""
    steps = np.diff(values)
    span = f"{values[0]:g} … {values[-1]:g}"
    overrule = "give coordinate='time', 'x', 'y', 'z', 'line' or 'index' if that is wrong"
    if values[0] == 1 and np.all(steps == 1):
        return [_Named("index")], (
            f"the first column only numbers the spectra ({span}), so neither their time nor their place is known; "
            f"{overrule}"
        )
    if not _is_spectral(axis) and _is_spectral(values):
        raise UnreadableFile(
            path,
            "has a first column that looks more like a spectral axis than its first row; read it with "
            "reader='delimited-text', orientation='columns'",
        )
    rising = steps.size > 0 and bool(np.all(steps > 0))
    irregular = steps.size > 1 and np.ptp(steps) > 0.005 * abs(float(np.median(steps)))
    if values[0] == 0 and rising and irregular:
        return [_Named("time")], (
            f"the file does not name its first column ({span}); as it starts at zero and its steps vary, it was taken "
            f"for the time in seconds; {overrule}"
        )
    return [_Named("line")], (
        f"the file does not name its first column ({span}); it was taken for the distance along a line in µm; "
        f"{overrule}"
    )


def _header_positions(header: Mapping[str, Any], n: int, axes: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return the stage positions that the header gives once for all spectra."""
    found: dict[str, NDArray[Any]] = {}
    for axis in axes:
        for unit, factor in _MICROMETRES.items():
            value = first_number(header.get(f"{axis.upper()} ({unit})", ""))
            if value is not None:
                found[f"{axis}_um"] = np.full(n, value * factor)
    return found


# -- metadata ---------------------------------------------------------------------------------------------------------


def _dataset(
    path: Path,
    header: Mapping[str, Any],
    shift: NDArray[np.float64],
    intensity: NDArray[np.float64],
    columns: dict[str, NDArray[Any]],
    notes: list[str],
) -> OperandoDataset:
    n = intensity.shape[0]
    accumulations = _number(header, "Accumulations", "Accumulation")
    acquisition = _number(header, "Acq. time (s)", "Exposition")
    exposure = None if acquisition is None else acquisition * (1 if accumulations is None else accumulations)
    if exposure is not None:
        columns = {**columns, "exposure_s": np.full(n, exposure)}
    scan_shape, scan_index = _scan(columns, n, notes)
    if scan_index is not None:
        columns = {**columns, "scan_index": scan_index}
    started, date_notes = _start(header, exposure)
    metadata = Metadata(
        title=_text(header, "Title"),
        local_start=started,
        laser=Laser(wavelength_nm=_laser_nm(header), power_fraction=_power_fraction(header)),
        instrument=Instrument(
            vendor="HORIBA" if header else None,  # without a header only the layout speaks for LabSpec
            model=_text(header, "Instrument", "Spectrometer"),
            software="LabSpec" if header else None,
            objective=_text(header, "Objective"),
            grating=_text(header, "Grating"),
            detector=_text(header, "Detector"),
            accumulations=None if accumulations is None else int(accumulations),
        ),
        sample=Sample(name=_text(header, "Sample"), description=_text(header, "Remark")),
        vendor=dict(header),
    ).warn(*notes, *date_notes)
    kind, unit_notes = _axis_kind(path, header, shift)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns=columns,
        scan_shape=scan_shape,
        metadata=metadata.warn(*unit_notes),
        axis_kind=kind,
    )


def _scan(
    columns: Mapping[str, NDArray[Any]], n: int, notes: list[str]
) -> tuple[tuple[tuple[str, int], ...], NDArray[np.int64] | None]:
    """Return scan shape and index from what varies: a grid, a line, a series, or nothing."""
    varying = {
        axis: columns[f"{axis}_um"]
        for axis in ("z", "y", "x")
        if f"{axis}_um" in columns and np.ptp(columns[f"{axis}_um"]) > 0
    }
    if len(varying) >= 2:
        if "z" in varying and {"x", "y"} <= set(varying) and scan_grid(varying) is None:
            varying.pop("z")  # an autofocused map: z follows the surface
        found = scan_grid(varying)
        if found is None:
            notes.append(f"the {n} positions lie on no rectangular grid; they are kept as a list of points")
            return (), None
        return found
    if n > 1 and (varying or "distance_um" in columns):
        return (("line", n),), None
    if n > 1 and "time_s" in columns:
        return (("time", n),), None
    return (), None


def _axis_kind(path: Path, header: Mapping[str, Any], shift: NDArray[np.float64]) -> tuple[AxisKind, list[str]]:
    unit = str(header.get("AxisUnit[1]", "")).strip()
    if not unit:
        keys = " ".join(key for key in header if re.match(r"(Spectro|Range|Units)\b", key))
        unit = "nm" if "(nm)" in keys else "1/cm" if "(cm" in keys else str(header.get("Units", "")).strip()
    lowered = unit.lower()
    if lowered == "nm":
        return "wavelength", []
    if "ev" in lowered:
        raise UnreadableFile(path, f"has its axis in {unit}; export it from LabSpec in cm-1 or nm")
    if "abs" in lowered:
        return "wavenumber", []
    if not lowered:
        return "raman_shift", ["the file does not state the unit of its axis; Raman shift in cm-1 was taken"]
    if "cm" not in lowered:
        raise UnreadableFile(path, f"has its axis in {unit!r}; known are 1/cm and nm")
    return "raman_shift", []


def _start(header: Mapping[str, Any], exposure: float | None) -> tuple[Any, list[str]]:
    text = _text(header, "Acquired", "Date")
    if text is None:
        return None, []
    when, note = local_date(text)
    if when is None:
        return None, [f"the date {text!r} could not be understood"]
    notes = [] if note is None else [note]
    length = "" if exposure is None else f" of {exposure:g} s a spectrum"
    notes.append(
        f"LabSpec does not say whether {text!r} is the start or the end of the measurement{length}; start taken"
    )
    return when, notes


def _text(header: Mapping[str, Any], *keys: str) -> str | None:
    for key in keys:
        value = header.get(key)
        if isinstance(value, list):
            value = value[0]
        if value is not None and value.strip():
            return str(value).strip()
    return None


def _number(header: Mapping[str, Any], *keys: str) -> float | None:
    value = _text(header, *keys)
    return None if value is None else first_number(value, low=0.0)


def _laser_nm(header: Mapping[str, Any]) -> float | None:
    value = _text(header, "Laser (nm)", "Laser")
    return None if value is None else first_number(value, low=150.0, high=20000.0)


def _power_fraction(header: Mapping[str, Any]) -> float | None:
    """Return the transmission of the filter: ``50%``, or an optical density written ``D0.6``."""
    value = _text(header, "ND Filter", "Filter")
    if value is None:
        return None
    number = first_number(value, low=0.0)
    if number is None:
        return None
    if "%" in value:
        return number / 100.0
    return float(10.0**-number) if re.match(r"^(OD|D)\s*\d", value, re.I) else None


READER = Reader(
    name="labspec-text",
    description="HORIBA LabSpec 5/6 text export: spectrum, series, line scan, map (.txt, .txt.gz)",
    extensions=(".txt", ".gz"),
    sniff=sniff,
    load=load,
    gives=("times", "local start", "positions", "scan", "exposure", "laser", "power"),
)
