"""Galactic GRAMS files (``.spc``): what nearly every spectrometer program can export.

What is read: the new format (version byte 4B little-endian, 4C big-endian) and the old one (4D); one or many spectra;
x evenly spaced, given once, or given by each spectrum (*xyxy*); y as 16- or 32-bit fractions with an exponent, or as
IEEE floats; the z axis and, in volume data, the w axis; the audit log. :mod:`spectrode.readers._spc_layout` names the
published description.

Axis. Unit codes decide: Raman shift, wavenumber (absolute: infrared, or Raman before the laser is subtracted), nm, µm
and eV (both converted to nm). A label in words counts before the code where the file says so. An arbitrary unit is
taken as Raman shift with a warning. Masses, times, pixel numbers and interferograms are refused: they are no spectra.

z axis. Times become ``time_s``; lengths ``z_um``, ``x_um`` or ``y_um`` where the log tells which, ``distance_um``
where it does not; temperatures ``temperature_c``; anything else stays a column ``spc_z``. Of volume data with two
lengths, z is taken as x (fast) and w as y (slow). Where z is only stated as a step, ``metadata.times_derived`` is true.

xyxy files. Spectra on the same axis are one dataset. If the axes differ there are several, named by the number (from 1)
of the first spectrum of each: the largest is read, with a warning that lists them, and ``dataset=`` chooses another.
They are never averaged or resampled.

Time. The header has a date to the minute, without a zone: ``metadata.local_start``. It does not say whether the
measurement began or ended there. Where the audit log holds the same date with seconds, that is taken. Two programs
write a wrong header date, which is mended with a warning: LabSpec 5 counts years from 1900 and months from 0, and
WiRE 5 writes a date that does not exist.

Not read: peak tables, the binary part of the log, the processing codes (they stay numbers in ``metadata.vendor``).

Test files: the rohanisaac/spc and hyperSpec collections (old and new format, volume, xyxy, LabSpec, WITec), Renishaw,
B&W Tek and WITec exports beside their twins of ramanchada2, a Thermo Almega export beside its JCAMP-DX and CSV twins.
No real big-endian, 16-bit or 4D file with an uneven w axis was at hand; these follow the description.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Laser, Metadata
from ._several import Offered, choose
from ._spc_layout import (
    ARBITRARY,
    UNITS,
    Y_UNITS,
    Header,
    Subfiles,
    looks_like_spc,
    read_header,
    read_log,
    read_subfiles,
    read_x,
)
from ._text import ascending, first_number
from .registry import Reader

__all__ = ["READER", "load", "sniff"]

_WAVENUMBER, _UM, _NM, _RAMAN_SHIFT, _EV = 1, 2, 3, 13, 14
_EV_NM = 1239.8419843320026  # h c / e (exact in the SI of 2019), in eV nm
_INTERFEROGRAM, _RAMAN, _CELSIUS = 1, 11, 20
_SECONDS = {4: 1.0, 5: 60.0, 11: 86400.0, 12: 31557600.0, 23: 1e-3, 24: 1e-6, 25: 1e-9, 30: 3600.0}
_MICROMETRES = {2: 1.0, 3: 1e-3, 27: 1e4, 28: 1e6, 29: 1e3}
_AXIS_WORDS = (
    (_RAMAN_SHIFT, re.compile(r"raman|shift|stokes", re.I)),
    (_NM, re.compile(r"\bnm\b|nanomet", re.I)),
    (_UM, re.compile(r"[µμu]m\b|micromet|micron", re.I)),
    (_WAVENUMBER, re.compile(r"cm\s*\^?\s*-|1/cm|wavenumber", re.I)),
    (_EV, re.compile(r"\bev\b", re.I)),
)
_Z_WORDS = (
    (5, re.compile(r"\bmin(ute)?s?\b", re.I)),
    (30, re.compile(r"\bh(ours?|rs?)?\b", re.I)),
    (23, re.compile(r"\bms(ec)?\b|millisec", re.I)),
    (4, re.compile(r"\bs(ec(ond)?s?)?\b", re.I)),
    (2, re.compile(r"[µμu]m\b|micromet|micron", re.I)),
    (29, re.compile(r"\bmm\b|millimet", re.I)),
    (20, re.compile(r"°\s*c\b|celsius", re.I)),
)
_LOG_DATE = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})\s+(\d{1,2}):(\d{2}):(\d{2})")
_YEARS = (1950, 2100)


def sniff(path: Path, head: bytes) -> bool:
    """Return True if the content begins with an SPC header."""
    return looks_like_spc(head)


def load(path: Path, *, dataset: str | None = None) -> OperandoDataset:
    """Read a GRAMS SPC file.

    Parameters
    ----------
    dataset
        Number (from 1) of the first spectrum of the dataset to read, where the spectra of a file lie on different axes.

    Returns
    -------
    OperandoDataset
        In the file's order; the axis rises, a falling one is turned round. Intensities are float32 where the file holds
        IEEE floats, else float64. ``metadata.vendor`` holds the header, the log's text and its ``key=value`` lines.

    Raises
    ------
    UnreadableFile
        If the file is cut or damaged (the part is named), or its axis is none of a spectrum.
    """
    data = path.read_bytes()
    header = read_header(path, data)
    unit, notes = _axis_unit(path, header)
    with np.errstate(all="ignore"):  # damaged numbers are found by value, below
        subfiles = read_subfiles(path, data, header)
        parts = _parts(path, data, header, subfiles, dataset)
        log_text, log, log_note = read_log(data, header)
        parts.log, parts.log_text = log, log_text
        parts.notes += [*notes, *subfiles.notes, *([log_note] if log_note else [])]
        return _dataset(parts, unit)


@dataclass
class _Parts:
    """One dataset of a file, before it is interpreted."""

    path: Path
    header: Header
    axis: NDArray[np.float64]
    intensity: NDArray[Any]
    z: NDArray[np.float64]
    z_is_stated: bool
    """False if z was only counted up from a step."""
    w: NDArray[np.float64]
    scans: NDArray[np.int64]
    whole: bool
    """True if no spectrum of the file is left out."""
    log: dict[str, str] = field(default_factory=dict)
    log_text: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def n(self) -> int:
        return len(self.intensity)


def _parts(path: Path, data: bytes, header: Header, subfiles: Subfiles, dataset: str | None) -> _Parts:
    z, stated, notes = _z_values(header, subfiles)
    if subfiles.x is None:
        chosen = np.arange(len(subfiles))
        if dataset is not None:
            choose(path, [_offered(chosen, header.n_points)], dataset)
        axis, intensity = read_x(path, data, header), np.asarray(subfiles.y)
    else:
        groups = _same_axes(subfiles.x)
        sizes = [len(g) * subfiles.x[g[0]].size for g in groups]
        offered = [_offered(g, subfiles.x[g[0]].size) for g in groups]
        index, warning = choose(path, offered, dataset, int(np.argmax(sizes)))
        chosen = groups[index]
        notes += [f"the spectra lie on different axes; {w}" for w in warning]
        axis = subfiles.x[chosen[0]]
        intensity = np.stack([subfiles.y[i] for i in chosen])
    w = _w_values(header, subfiles, notes)
    whole = len(chosen) == len(subfiles)
    return _Parts(
        path, header, axis, intensity, z[chosen], stated, w[chosen], subfiles.scans[chosen], whole, notes=notes
    )


def _offered(numbers: NDArray[np.int64], points: int) -> Offered:
    return Offered(str(int(numbers[0]) + 1), f"{len(numbers)} × {points}")


def _same_axes(axes: list[NDArray[np.float64]]) -> list[NDArray[np.int64]]:
    groups: dict[bytes, list[int]] = {}
    for number, axis in enumerate(axes):
        groups.setdefault(axis.tobytes(), []).append(number)
    return [np.array(numbers, dtype=np.int64) for numbers in groups.values()]


# -- z and w -----------------------------------------------------------------------------------------------------------


def _z_values(header: Header, subfiles: Subfiles) -> tuple[NDArray[np.float64], bool, list[str]]:
    """Return z of each subfile, whether each states its own, and warnings."""
    own, n = subfiles.time, len(subfiles)
    if header.flags.own_z or n == 1 or header.flags.own_x:
        return own, True, []
    step = header.z_step or float(subfiles.following[0] - own[0])
    per_plane = n // header.n_planes if 0 < header.n_planes <= n and n % header.n_planes == 0 else n
    nominal = own[0] + step * (np.arange(n) % per_plane)
    rises = np.diff(own)
    differs = np.abs(own - nominal).max() > 1e-3 * abs(step)
    if per_plane == n and differs and (np.all(rises > 0) or np.all(rises < 0)):
        return (
            own,
            True,
            ["the header calls the spectra evenly spaced, but each states a z of its own, which was taken"],
        )
    return nominal, False, []


def _w_values(header: Header, subfiles: Subfiles, notes: list[str]) -> NDArray[np.float64]:
    """Return w of each subfile (zeros where there is no w axis)."""
    n, planes = len(subfiles), header.n_planes
    if planes == 0 or subfiles.x is not None:
        return np.zeros(n)
    if planes > n or n % planes:
        notes.append(f"{n} spectra cannot be {planes} planes of equal size; the w axis is left out")
        return np.zeros(n)
    plane = np.arange(n) // (n // planes)
    nominal = subfiles.w[0] + header.w_step * plane
    own = subfiles.w[:: n // planes][plane]
    stated = bool(np.ptp(own) > 0) if np.isfinite(own).all() else False
    if planes * planes != n and not stated:
        # SPC.H calls fwplanes the number of planes, and in the next sentence the number of subfiles in each.
        notes.append(
            f"the description of the format leaves open whether {planes} is the number of planes or of spectra in "
            "each; the number of planes was taken"
        )
    return own if header.w_step == 0 or stated else nominal


@dataclass(frozen=True)
class _Coordinate:
    """What an axis across the spectra is."""

    scan: str
    column: str
    values: NDArray[np.float64]


def _coordinates(parts: _Parts) -> list[_Coordinate]:
    """Return the axes across the spectra, slow first."""
    header = parts.header
    unit = header.z_unit
    if header.labels[2]:
        unit = next((code for code, word in _Z_WORDS if word.search(header.labels[2])), ARBITRARY)
    z = _coordinate(parts, "z", unit, parts.z)
    w = _coordinate(parts, "w", header.w_unit, parts.w) if header.n_planes and np.ptp(parts.w) > 0 else None
    if w is None:
        return [z] if z is not None else []
    if z is not None and z.column == w.column == "distance_um":
        parts.notes.append("the axes z and w of the volume are lengths; z was taken for x and w for y")
        return [_Coordinate("y", "y_um", w.values), _Coordinate("x", "x_um", z.values)]
    return [w, z] if z is not None else [w]


def _coordinate(parts: _Parts, name: str, unit: int, values: NDArray[np.float64]) -> _Coordinate | None:
    if parts.n < 2:
        return None
    if not np.isfinite(values).all() or np.ptp(values) == 0:
        parts.notes.append("the file holds neither time nor place of its spectra, so both are unknown")
        return None
    if parts.header.source == "WITec" and unit == _CELSIUS and np.array_equal(values, np.arange(parts.n)):
        parts.notes.append(
            "WITec's export only numbers the spectra (and calls that a temperature), so neither their time nor their "
            "place is known"
        )
        return None
    if unit in _SECONDS:
        return _time(parts, values * _SECONDS[unit])
    if unit in _MICROMETRES:
        return _length(parts, name, values * _MICROMETRES[unit])
    if unit in (19, _CELSIUS, 21):
        celsius = {19: (values - 32.0) / 1.8, _CELSIUS: values, 21: values - 273.15}[unit]
        return _Coordinate("temperature", "temperature_c", celsius)
    parts.notes.append(
        f"the {name} axis across the spectra is in {UNITS.get(unit, unit)} ({values[0]:g} … {values[-1]:g}), neither a "
        f"time nor a length; it is kept as the column 'spc_{name}'"
    )
    return _Coordinate("series", f"spc_{name}", values)


def _time(parts: _Parts, seconds: NDArray[np.float64]) -> _Coordinate:
    if seconds[0] != 0:
        parts.notes.append(
            f"the first spectrum is at {seconds[0]:g} s; the file does not say that the date in its header is the zero "
            "of these times"
        )
    if not parts.z_is_stated:
        parts.notes.append("times were counted up from the step that the file states, not read for each spectrum")
    return _Coordinate("time", "time_s", seconds)


def _length(parts: _Parts, name: str, values: NDArray[np.float64]) -> _Coordinate:
    """Name a length after the stage position in the log that its first value (nearly) equals."""
    step = float(np.median(np.abs(np.diff(values))))
    stage = {axis: first_number(parts.log.get(axis.upper(), "")) for axis in "xyz"}
    near = [axis for axis, at in stage.items() if at is not None and abs(at - values[0]) <= 0.5 * step]
    if len(near) == 1:
        return _Coordinate(near[0], f"{near[0]}_um", values)
    if not parts.header.n_planes:
        parts.notes.append(
            f"the file does not say along which direction the spectra lie ({values[0]:g} … {values[-1]:g} µm); they "
            "are kept as a line (distance_um)"
        )
    return _Coordinate("line" if name == "z" else "plane", "distance_um", values)


# -- axis --------------------------------------------------------------------------------------------------------------


def _axis_unit(path: Path, header: Header) -> tuple[int, list[str]]:
    """Return the unit code of the axis, as label or code say, or refuse what is no spectrum."""
    if header.y_unit == _INTERFEROGRAM or header.x_unit == 255:
        raise UnreadableFile(path, "holds an interferogram, not a spectrum; possible are spectra")
    label, unit = header.labels[0], header.x_unit
    if label:
        named = next((code for code, word in _AXIS_WORDS if word.search(label)), None)
        if named is not None:
            unit = named
    possible = (_WAVENUMBER, _UM, _NM, _RAMAN_SHIFT, _EV)
    if unit in possible:
        if unit == _WAVENUMBER and header.technique == _RAMAN:
            return unit, ["the header speaks of a Raman spectrum on an absolute wavenumber axis; absolute was taken"]
        return unit, []
    if unit == ARBITRARY:
        called = f" (it calls it {label!r})" if label else ""
        return _RAMAN_SHIFT, [f"the file does not state the unit of its axis{called}; Raman shift in cm-1 was taken"]
    raise UnreadableFile(
        path, f"its axis is {label or UNITS.get(unit, f'of the unknown unit {unit}')}, which is none of a spectrum; "
        f"possible are {', '.join(UNITS[code] for code in possible)}"
    )  # fmt: skip


def _axis(parts: _Parts, unit: int) -> tuple[NDArray[np.float64], AxisKind]:
    if unit == _RAMAN_SHIFT:
        return parts.axis, "raman_shift"
    if unit == _WAVENUMBER:
        return parts.axis, "wavenumber"
    if unit == _EV:
        if not np.all(parts.axis > 0):
            raise UnreadableFile(parts.path, "has an axis in eV that is not positive throughout")
        parts.notes.append("the axis was photon energy in eV; it is converted to wavelength in nm (vacuum)")
        return _EV_NM / parts.axis, "wavelength"
    return parts.axis * (1e3 if unit == _UM else 1.0), "wavelength"


# -- the dataset -------------------------------------------------------------------------------------------------------


def _dataset(parts: _Parts, unit: int) -> OperandoDataset:
    axis, kind = _axis(parts, unit)
    shift, intensity = ascending(parts.path, axis, parts.intensity)
    coordinates = _coordinates(parts)
    columns: dict[str, NDArray[Any]] = _fixed_positions(parts)
    columns |= {c.column: c.values for c in coordinates}
    start = _start(parts)
    if parts.n == 1 and start is not None:
        columns["time_s"] = np.zeros(1)
    accumulations = _accumulations(parts)
    exposure = _exposure(parts, accumulations)
    if exposure is not None:
        columns["exposure_s"] = np.full(parts.n, exposure)
    if _of_wire(parts) and not parts.header.flags.x_values and parts.axis.size > 2:
        parts.notes.append(
            "WiRE interpolates a spectrum to equal steps when it writes .spc; the .wdf holds the points as measured"
        )
    metadata = Metadata(
        title=parts.header.comment or None,
        local_start=start,
        times_derived="time_s" in columns and parts.n > 1 and not parts.z_is_stated,
        laser=_laser(parts.log),
        instrument=_instrument(parts, accumulations),
        vendor=_vendor(parts),
    ).warn(*parts.notes)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns=columns,
        scan_shape=_scan_shape(parts, coordinates),
        metadata=metadata,
        axis_kind=kind,
    )


def _scan_shape(parts: _Parts, coordinates: list[_Coordinate]) -> tuple[tuple[str, int], ...]:
    if not coordinates:
        return ()
    if len(coordinates) == 1:
        return ((coordinates[0].scan, parts.n),)
    planes = parts.header.n_planes
    return (coordinates[0].scan, planes), (coordinates[1].scan, parts.n // planes)


def _fixed_positions(parts: _Parts) -> dict[str, NDArray[Any]]:
    """Return the stage position that LabSpec's log gives once for all spectra."""
    if "EXCIT_LINE" not in parts.log:
        return {}
    found = {f"{axis}_um": first_number(parts.log.get(axis.upper(), "")) for axis in "xyz"}
    return {name: np.full(parts.n, value) for name, value in found.items() if value is not None}


def _of_wire(parts: _Parts) -> bool:
    return parts.header.source.startswith("WiRE") or "[WiRE" in parts.log_text


def _setting(log: Mapping[str, str], *keys: str) -> str | None:
    """Return the first value that is there, without the name that WiRE repeats before it (``Time: 10s``)."""
    for key in keys:
        value = re.sub(r"^[A-Za-z_ ]+:\s*", "", log.get(key, "") + " ").strip()
        if value:
            return value
    return None


def _laser(log: Mapping[str, str]) -> Laser:
    wavelength = first_number(_setting(log, "EXCIT_LINE", "Laser") or "", 150.0, 20000.0)
    wavenumber = first_number(_setting(log, "RAMANFREQ") or "", 1000.0, 60000.0)
    if wavelength is None and wavenumber is not None:
        wavelength = 1e7 / wavenumber
    power = _setting(log, "Laser_power") or ""
    filtered = _setting(log, "FILTR") or ""
    fraction = first_number(power, 0.0, 100.0) if "%" in power else None
    density = re.match(r"(?:OD|D)\s*(\d+(?:\.\d+)?)$", filtered, re.I)
    if fraction is not None:
        return Laser(wavelength_nm=wavelength, power_fraction=fraction / 100)
    return Laser(wavelength_nm=wavelength, power_fraction=float(10.0 ** -float(density[1])) if density else None)


def _accumulations(parts: _Parts) -> int | None:
    """Return the co-added scans, from the log or else from the subheaders."""
    logged = first_number(_setting(parts.log, "Accumulations", "ACCUM", "SCANS") or "", 1.0, 1e6)
    if logged is not None:
        return int(logged)
    if parts.header.scans:
        return parts.header.scans
    counted = np.unique(parts.scans)
    # Some programs leave uninitialised memory here.
    return int(counted[0]) if counted.size == 1 and 1 <= counted[0] <= 10_000 else None


def _exposure(parts: _Parts, accumulations: int | None) -> float | None:
    """Return the light collected for a spectrum, in s.

    WiRE 3 writes ``Time: 10s``; WiRE 5 writes ``Time: 3000``, which is in ms (as the .wdf of the same spectrum shows).
    """
    wire = _setting(parts.log, "Exposure_time")
    if wire is not None:
        value = first_number(wire, 0.0)
        seconds = None if value is None else value if re.search(r"\ds$", wire) else value / 1000
    else:
        seconds = first_number(parts.log.get("TIME", ""), 0.0) if "EXCIT_LINE" in parts.log else None
    return None if seconds is None else seconds * (accumulations or 1)


def _instrument(parts: _Parts, accumulations: int | None) -> Instrument:
    log, source = parts.log, parts.header.source
    vendor = (
        "Renishaw" if _of_wire(parts) else "HORIBA" if "EXCIT_LINE" in log else "WITec" if source == "WITec" else None
    )
    return Instrument(
        vendor=vendor,
        model=_setting(log, "INSTRUMENT", "MODEL"),
        software=source or None,
        objective=_setting(log, "OBJECTIV", "Microscope_objective"),
        grating=_setting(log, "GRATING", "Grating_grooves"),
        detector=_setting(log, "DETECTOR", "DET"),
        accumulations=accumulations,
    )


def _vendor(parts: _Parts) -> dict[str, Any]:
    tree: dict[str, Any] = {
        "header": dict(parts.header.tree),
        "intensity_unit": parts.header.labels[1] or Y_UNITS.get(parts.header.y_unit, str(parts.header.y_unit)),
    }
    if parts.log_text:
        tree["log"] = dict(parts.log)
        tree["log_text"] = parts.log_text
    return tree


# -- date --------------------------------------------------------------------------------------------------------------


def _start(parts: _Parts) -> datetime | None:
    """Return the local start: the header's date, with the seconds of the log where both agree."""
    year, month, day, hour, minute = parts.header.date
    if not any(parts.header.date):
        return None
    stated = _date(year, month, day, hour, minute)
    logged = _log_dates(parts.log_text)
    if stated is not None:
        same = [when for when in logged if when.replace(second=0) == stated]
        if same:
            return same[0]
        parts.notes.append("the header states its date to the minute only")
        return stated
    if not parts.header.old and 70 <= year < 200:
        # The fields of C's struct tm, not converted: years since 1900, months since January.
        stated = _date(year + 1900, month + 1, day, hour, minute)
    same = [when for when in logged if stated is not None and when.replace(second=0) == stated]
    words = f"the date in the header ({year}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}) cannot be"
    if same:
        parts.notes.append(f"{words}, as it counts years from 1900 and months from 0; the log confirms {same[0]}")
        return same[0]
    if stated is not None:
        parts.notes.append(f"{words}; as it seems to count years from 1900 and months from 0, {stated} was taken")
        return stated
    if len(logged) == 1:
        parts.notes.append(f"{words}; {logged[0]} was taken from the log")
        return logged[0]
    parts.notes.append(f"{words}; it is left out")
    return None


def _date(year: int, month: int, day: int, hour: int, minute: int, second: int = 0) -> datetime | None:
    if not _YEARS[0] <= year <= _YEARS[1]:
        return None
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None


def _log_dates(text: str) -> list[datetime]:
    """Return every reading of every date with a time of day in the log (day or month first)."""
    found = []
    for one, _, two, three, hour, minute, second in _LOG_DATE.findall(text):
        clock = (int(hour), int(minute), int(second))
        if len(one) == 4:
            readings = [(int(one), int(two), int(three))]
        else:
            year = int(three) if len(three) == 4 else int(three) + (2000 if int(three) < 70 else 1900)
            readings = [(year, int(two), int(one)), (year, int(one), int(two))]
        found += [_date(*reading, *clock) for reading in readings]
    return list(dict.fromkeys(when for when in found if when is not None))


READER = Reader(
    name="grams-spc",
    description="Galactic GRAMS (new and old format): single spectra, series, depth scans, volumes, xyxy",
    extensions=(".spc",),
    sniff=sniff,
    load=load,
    gives=("times", "local start", "positions", "scan", "exposure", "laser", "power", "several"),
)
