"""The GRAMS SPC file format: headers, subfiles, audit log.

The format is described by its maker in the header file ``SPC.H`` (Galactic Industries, 1986–1997) and in "A Brief Guide
to SPC File Format" (Thermo Galactic, 2001). A file is a main header (512 bytes, in the old format 224 followed by the
first subheader), one array of x values for all or none, then subfiles of a 32-byte subheader and y values. In an *xyxy*
file each subfile has x values of its own, and a directory says where the subfiles lie.

Damaged numbers may be endless or no numbers; the caller keeps numpy from warning of them.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableFile
from ._floats import native_float32

__all__ = [
    "ARBITRARY",
    "TECHNIQUES",
    "UNITS",
    "Y_UNITS",
    "Flags",
    "Header",
    "Subfiles",
    "looks_like_spc",
    "read_header",
    "read_log",
    "read_subfiles",
    "read_x",
]

NEW_LITTLE, NEW_BIG, OLD = 0x4B, 0x4C, 0x4D
ARBITRARY = 0
UNITS = {
    0: "arbitrary",
    1: "wavenumber (cm-1)",
    2: "µm",
    3: "nm",
    4: "s",
    5: "min",
    6: "Hz",
    7: "kHz",
    8: "MHz",
    9: "mass (m/z)",
    10: "ppm",
    11: "days",
    12: "years",
    13: "Raman shift (cm-1)",
    14: "eV",
    15: "text label",
    16: "diode number",
    17: "channel",
    18: "degrees",
    19: "°F",
    20: "°C",
    21: "K",
    22: "data points",
    23: "ms",
    24: "µs",
    25: "ns",
    26: "GHz",
    27: "cm",
    28: "m",
    29: "mm",
    30: "h",
    255: "double interferogram",
}
Y_UNITS = {
    0: "arbitrary intensity",
    1: "interferogram",
    2: "absorbance",
    3: "Kubelka-Munk",
    4: "counts",
    5: "V",
    6: "degrees",
    7: "mA",
    8: "mm",
    9: "mV",
    10: "log(1/R)",
    11: "percent",
    12: "intensity",
    13: "relative intensity",
    14: "energy",
    16: "dB",
    19: "°F",
    20: "°C",
    21: "K",
    22: "index of refraction",
    23: "extinction coefficient",
    24: "real",
    25: "imaginary",
    26: "complex",
    128: "transmission",
    129: "reflectance",
    130: "single beam",
    131: "emission",
}
TECHNIQUES = {
    0: "general",
    1: "gas chromatogram",
    2: "chromatogram",
    3: "HPLC chromatogram",
    4: "FT-IR, FT-NIR or FT-Raman",
    5: "NIR",
    7: "UV-VIS",
    8: "X-ray diffraction",
    9: "mass spectrum",
    10: "NMR",
    11: "Raman",
    12: "fluorescence",
    13: "atomic",
    14: "diode array chromatography",
}
_NEW_HEADER = "BBBbIddIBBBBI9s9sH8f130s30sIIBBHf48sfIfB"
_NEW_SIZE, _OLD_SIZE, _SUB_SIZE, _DIRECTORY_ENTRY = 512, 224, 32, 12
_OLD_HEADER = "<BBhfffBBHBBBB8sHH7f130s30s"
_SUBHEADER = "BbHfffIIf4s"
_LOG_HEADER = "IIIII"
_FLOAT = -128


@dataclass(frozen=True)
class Flags:
    """The first byte of a file, taken apart."""

    raw: int

    @property
    def sixteen_bit(self) -> bool:
        """Integers of y have 16 bits, not 32."""
        return bool(self.raw & 1)

    @property
    def multi(self) -> bool:
        """There may be more than one subfile."""
        return bool(self.raw & 4)

    @property
    def own_z(self) -> bool:
        """Each subfile states its z: in any order (8) or rising unevenly (16)."""
        return bool(self.raw & 24)

    @property
    def labels(self) -> bool:
        """Axis labels in words replace the unit codes."""
        return bool(self.raw & 32)

    @property
    def own_x(self) -> bool:
        """Each subfile has x values of its own (only where there are x values and several subfiles)."""
        return self.raw & 0xC4 == 0xC4

    @property
    def x_values(self) -> bool:
        """There are x values in the file."""
        return bool(self.raw & 128)


@dataclass(frozen=True)
class Header:
    """The main header, with numbers as the file has them."""

    order: str
    """``<`` or ``>``, as for :mod:`struct`."""
    old: bool
    flags: Flags
    technique: int
    exponent: int
    n_points: int
    """Points of each subfile; of an xyxy file the place of its directory, or 0."""
    first: float
    last: float
    n_subfiles: int
    """As the header says; the old format does not (0)."""
    x_unit: int
    y_unit: int
    z_unit: int
    date: tuple[int, int, int, int, int]
    """Year, month, day, hour, minute; zeros where there is none."""
    resolution: str
    source: str
    comment: str
    labels: tuple[str, str, str]
    """In words for x, y, z; empty where the unit code counts."""
    log_at: int
    z_step: float
    n_planes: int
    w_step: float
    w_unit: int
    scans: int
    tree: dict[str, Any]

    @property
    def size(self) -> int:
        """Bytes before the x values or the first subfile."""
        return _OLD_SIZE if self.old else _NEW_SIZE

    @property
    def y_bytes(self) -> int:
        """Bytes of one y value."""
        return 2 if self.flags.sixteen_bit and not self.floating else 4

    @property
    def floating(self) -> bool:
        """The main header says that y are floating-point numbers."""
        return self.exponent == _FLOAT


@dataclass
class Subfiles:
    """What the subfiles hold, one entry a subfile."""

    y: list[NDArray[Any]] | NDArray[Any]
    """(spectra, points), or for xyxy files one array each."""
    x: list[NDArray[np.float64]] | None
    time: NDArray[np.float64]
    following: NDArray[np.float64]
    w: NDArray[np.float64]
    scans: NDArray[np.int64]
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.time)


# -- headers -----------------------------------------------------------------------------------------------------------


def looks_like_spc(head: bytes) -> bool:
    """Return True if the first bytes can be an SPC header: a version byte, and codes and sizes that exist."""
    if len(head) < 256 or head[1] not in (NEW_LITTLE, NEW_BIG, OLD) or head.startswith(b"PK"):
        return False
    if head[1] == OLD:
        n, first, last = struct.unpack_from("<fff", head, 4)
        known = head[16] in UNITS and head[17] in Y_UNITS
        return bool(known and 1 <= n < 2**31 and n == int(n) and _finite(first, last) and head[20] <= 12)
    if len(head) < _NEW_SIZE:
        return False
    order = "<" if head[1] == NEW_LITTLE else ">"
    first, last = struct.unpack_from(order + "dd", head, 8)
    codes = head[28] in UNITS and head[29] in Y_UNITS and head[30] in UNITS and head[2] <= 14
    return bool(codes and _finite(first, last))


def _finite(*values: float) -> bool:
    return all(abs(v) < 1e30 for v in values)


def read_header(path: Path, data: bytes) -> Header:
    """Return the main header.

    Raises
    ------
    UnreadableFile
        If it is cut short, or of no known version.
    """
    if len(data) < 2 or data[1] not in (NEW_LITTLE, NEW_BIG, OLD):
        raise UnreadableFile(path, "does not begin like an SPC file (second byte 4B, 4C or 4D)")
    needed = _OLD_SIZE if data[1] == OLD else _NEW_SIZE
    if len(data) < needed:
        raise UnreadableFile(path, f"ends inside the main header: {len(data)} of {needed} bytes")
    return _old_header(path, data) if data[1] == OLD else _new_header(data)


def _new_header(data: bytes) -> Header:
    order = "<" if data[1] == NEW_LITTLE else ">"
    (raw_flags, version, technique, exponent, n_points, first, last, n_subfiles, x_unit, y_unit, z_unit, posting,
     packed, resolution, source, peak, *rest) = struct.unpack_from(order + _NEW_HEADER, data)  # fmt: skip
    spare, (comment, labels, log_at, modified, processing, level, injection, factor, method, z_step, planes, w_step,
            w_unit) = rest[:8], rest[8:]  # fmt: skip
    flags = Flags(raw_flags)
    date = (packed >> 20, packed >> 16 & 15, packed >> 11 & 31, packed >> 6 & 31, packed & 63)
    tree = {
        "ftflgs": raw_flags,
        "fversn": version,
        "fexper": TECHNIQUES.get(technique, technique),
        "fexp": exponent,
        "fnpts": n_points,
        "ffirst": _number(first),
        "flast": _number(last),
        "fnsub": n_subfiles,
        "fxtype": UNITS.get(x_unit, x_unit),
        "fytype": Y_UNITS.get(y_unit, y_unit),
        "fztype": UNITS.get(z_unit, z_unit),
        "fpost": posting,
        "fdate": packed,
        "fres": _text(resolution),
        "fsource": _text(source),
        "fpeakpt": peak,
        "fspare": [_number(v) for v in spare],
        "fcmnt": _text(comment),
        "fcatxt": [_text(part) for part in labels.split(b"\0")[:3]],
        "fmods": modified,
        "fprocs": processing,
        "flevel": level,
        "fsampin": injection,
        "ffactor": _number(factor),
        "fmethod": _text(method),
        "fzinc": _number(z_step),
        "fwplanes": planes,
        "fwinc": _number(w_step),
        "fwtype": UNITS.get(w_unit, w_unit),
    }
    return Header(
        order=order,
        old=False,
        flags=flags,
        technique=technique,
        exponent=exponent,
        n_points=n_points,
        first=first,
        last=last,
        n_subfiles=n_subfiles,
        x_unit=x_unit,
        y_unit=y_unit,
        z_unit=z_unit,
        date=date,
        resolution=_text(resolution),
        source=_text(source),
        comment=_text(comment),
        labels=_labels(labels) if flags.labels else ("", "", ""),
        log_at=log_at,
        z_step=z_step,
        n_planes=planes,
        w_step=w_step,
        w_unit=w_unit,
        scans=0,
        tree=tree,
    )


def _old_header(path: Path, data: bytes) -> Header:
    (raw_flags, version, exponent, n_points, first, last, x_unit, y_unit, year_z, month, day, hour, minute, resolution,
     peak, scans, *rest) = struct.unpack_from(_OLD_HEADER, data)  # fmt: skip
    spare, (comment, labels) = rest[:7], rest[7:]
    if not 1 <= n_points < 2**31 or n_points != int(n_points):
        raise UnreadableFile(path, f"its main header announces {n_points:g} points a spectrum, which cannot be")
    year, z_unit = year_z & 0xFFF, year_z >> 12
    tree = {
        "oftflgs": raw_flags,
        "oversn": version,
        "oexp": exponent,
        "onpts": int(n_points),
        "ofirst": _number(first),
        "olast": _number(last),
        "oxtype": UNITS.get(x_unit, x_unit),
        "oytype": Y_UNITS.get(y_unit, y_unit),
        "oztype": UNITS.get(z_unit, z_unit),
        "oyear": year,
        "omonth": month,
        "oday": day,
        "ohour": hour,
        "ominute": minute,
        "ores": _text(resolution),
        "opeakpt": peak,
        "onscans": scans,
        "ospare": [_number(v) for v in spare],
        "ocmnt": _text(comment),
        "ocatxt": [_text(part) for part in labels.split(b"\0")[:3]],
    }
    flags = Flags(raw_flags & ~0xC0)  # x values came with the new format
    return Header(
        order="<",
        old=True,
        flags=flags,
        technique=0,
        exponent=(exponent & 0xFF) - 256 if exponent & 0x80 else exponent & 0xFF,
        n_points=int(n_points),
        first=first,
        last=last,
        n_subfiles=0,
        x_unit=x_unit,
        y_unit=y_unit,
        z_unit=ARBITRARY if z_unit == 15 else z_unit,
        # Two digits were enough then.
        date=(year + 1900 if 0 < year < 100 else year, month, day, hour, minute),
        resolution=_text(resolution),
        source="",
        comment=_text(comment),
        labels=_labels(labels) if flags.labels or z_unit == 15 else ("", "", ""),
        log_at=0,
        z_step=0.0,
        n_planes=0,
        w_step=0.0,
        w_unit=0,
        scans=scans,
        tree=tree,
    )


def _labels(raw: bytes) -> tuple[str, str, str]:
    parts = [*(_text(part) for part in raw.split(b"\0")[:3]), "", "", ""]
    return parts[0], parts[1], parts[2]


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("latin-1").strip()


def _number(value: float) -> float | str:
    """Return a number that JSON can hold, else its name."""
    return value if abs(value) <= 1.7976931348623157e308 else str(value)


# -- values ------------------------------------------------------------------------------------------------------------


def read_x(path: Path, data: bytes, header: Header) -> NDArray[np.float64]:
    """Return the x values that all subfiles share: from the file, or evenly spaced between first and last."""
    n = header.n_points
    if not header.flags.x_values:
        return np.linspace(header.first, header.last, n)
    if len(data) < header.size + 4 * n:
        raise UnreadableFile(path, f"ends inside the x values: {len(data) - header.size} of {4 * n} bytes")
    return np.frombuffer(data, header.order + "f4", n, header.size).astype(np.float64)


def read_subfiles(path: Path, data: bytes, header: Header) -> Subfiles:
    """Return all subfiles.

    Raises
    ------
    UnreadableFile
        If one is cut short or lies outside the file; its number is named.
    """
    return _own_axes(path, data, header) if header.flags.own_x else _common_axis(path, data, header)


def _common_axis(path: Path, data: bytes, header: Header) -> Subfiles:
    n = header.n_points
    if n == 0:
        raise UnreadableFile(path, "its main header announces spectra of 0 points")
    start = header.size + (4 * n if header.flags.x_values else 0)
    stride = _SUB_SIZE + header.y_bytes * n
    room = max(0, len(data) - start) // stride
    notes: list[str] = []
    count = _count(path, data, header, start, stride, room, notes)
    if room < count:
        raise UnreadableFile(
            path,
            f"ends inside subfile {room + 1} of {count}: {count} spectra of {n} points need {count * stride} bytes "
            f"after the header, there are {max(0, len(data) - start)}",
        )
    block = np.frombuffer(data, _record(header, n), count, start)
    exponents = block["exponent"].astype(np.int64) if header.flags.multi else np.full(count, header.exponent)
    if header.floating and np.all(exponents == 0):
        notes.append(
            "the main header says that intensities are floating-point, the subheaders do not; the former holds"
        )
        exponents = np.full(count, _FLOAT)
    if np.any(exponents == _FLOAT) and header.y_bytes == 2:
        raise UnreadableFile(path, "its subheaders announce floating-point intensities, its main header 16-bit ones")
    return Subfiles(
        y=_scaled(block["y"], exponents, header),
        x=None,
        time=_as_float(block["time"]),
        following=_as_float(block["next"]),
        w=_as_float(block["w"]),
        scans=block["scans"].astype(np.int64),
        notes=notes,
    )


def _record(header: Header, n: int) -> np.dtype[Any]:
    o = header.order
    return np.dtype(
        [
            ("flags", "u1"),
            ("exponent", "i1"),
            ("index", o + "u2"),
            ("time", o + "f4"),
            ("next", o + "f4"),
            ("noise", o + "f4"),
            ("points", o + "u4"),
            ("scans", o + "u4"),
            ("w", o + "f4"),
            ("reserved", "V4"),
            ("y", f"{o}i{header.y_bytes}", (n,)),
        ]
    )


def _count(path: Path, data: bytes, header: Header, start: int, stride: int, room: int, notes: list[str]) -> int:
    if header.old:
        if not header.flags.multi:
            return 1
        if room == 0:
            return 1  # which the caller finds missing
        rest = data[start + room * stride :]
        if len(rest) >= 4 and struct.unpack_from("<H", rest, 2)[0] == room and any(rest[:_SUB_SIZE]):
            raise UnreadableFile(path, f"ends inside subfile {room + 1}: {len(rest)} of {stride} bytes")
        return room
    if header.flags.multi:
        if header.n_subfiles == 0:
            raise UnreadableFile(path, "its main header announces 0 spectra")
        return header.n_subfiles
    if header.n_subfiles > 1:
        fits = room >= header.n_subfiles
        notes.append(
            f"the header counts {header.n_subfiles} spectra, but calls the file a single one; "
            + ("all were read" if fits else "there is room for one only")
        )
        return header.n_subfiles if fits else 1
    return 1


def _scaled(raw: NDArray[Any], exponents: NDArray[np.int64], header: Header) -> NDArray[Any]:
    """Return intensities: floating-point as stored (float32), or integers as fractions of 2**exponent (float64)."""
    floats = exponents == _FLOAT
    if floats.all():
        return native_float32(raw.view(header.order + "f4"))
    values = _words_in_order(raw, header).astype(np.float64)
    values *= np.exp2(np.where(floats, 0, exponents) - 8.0 * header.y_bytes)[:, None]
    if floats.any():
        values[floats] = native_float32(raw[floats].view(header.order + "f4"))
    return values


def _words_in_order(raw: NDArray[Any], header: Header) -> NDArray[Any]:
    """Turn the two words of the old format's 32-bit integers round: there the more significant word comes first."""
    if not header.old or header.y_bytes == 2:
        return raw
    words = np.ascontiguousarray(raw).view("<u2").reshape(*raw.shape, 2)
    return np.ascontiguousarray(words[..., ::-1]).view("<i4").reshape(raw.shape)


def _as_float(values: NDArray[Any]) -> NDArray[np.float64]:
    converted: NDArray[np.float64] = values.astype(np.float64)
    return converted


def _own_axes(path: Path, data: bytes, header: Header) -> Subfiles:
    places = _places(path, data, header)
    axes, values, rows = [], [], []
    at, used, sequential = header.size, 0, places is None
    for number in range(header.n_subfiles):
        if places is not None:
            at = places[number]
        if at + _SUB_SIZE > len(data):
            raise UnreadableFile(path, f"ends before subfile {number + 1} of {header.n_subfiles}")
        found = struct.unpack_from(header.order + _SUBHEADER, data, at)
        exponent, n = found[1], found[6]
        width = 4 if exponent == _FLOAT else header.y_bytes
        used += _SUB_SIZE + n * (4 + width)
        if at + _SUB_SIZE + n * (4 + width) > len(data) or used > len(data):
            raise UnreadableFile(path, f"ends inside subfile {number + 1} of {header.n_subfiles} ({n} points)")
        x = np.frombuffer(data, header.order + "f4", n, at + _SUB_SIZE)
        y = np.frombuffer(data, f"{header.order}i{width}", n, at + _SUB_SIZE + 4 * n)
        axes.append(_as_float(x))
        values.append(_scaled(y[None, :], np.array([exponent]), header)[0])
        rows.append((found[3], found[4], found[8], found[7]))
        if sequential:
            at += _SUB_SIZE + n * (4 + width)
    table = np.array([row[:3] for row in rows], dtype=np.float64)
    return Subfiles(
        y=values,
        x=axes,
        time=table[:, 0],
        following=table[:, 1],
        w=table[:, 2],
        scans=np.array([row[3] for row in rows], dtype=np.int64),
    )


def _places(path: Path, data: bytes, header: Header) -> list[int] | None:
    """Return where the directory puts each subfile, or None if there is no directory and they follow each other."""
    if header.n_subfiles == 0:
        raise UnreadableFile(path, "its main header announces 0 spectra")
    if header.n_points == 0:
        if header.n_subfiles > len(data) // _SUB_SIZE:
            raise UnreadableFile(path, f"its main header announces {header.n_subfiles} spectra, more than fit into it")
        return None
    if header.n_points + _DIRECTORY_ENTRY * header.n_subfiles > len(data):
        raise UnreadableFile(
            path,
            f"ends inside the directory of its {header.n_subfiles} spectra, which begins at byte {header.n_points}",
        )
    entries = np.frombuffer(
        data, np.dtype([("at", header.order + "u4"), ("rest", "V8")]), header.n_subfiles, header.n_points
    )
    return [int(at) for at in entries["at"]]


# -- log ---------------------------------------------------------------------------------------------------------------


def read_log(data: bytes, header: Header) -> tuple[str, dict[str, str], str | None]:
    """Return the text of the audit log, its lines ``key=value``, and a warning if it is damaged."""
    if header.log_at == 0:
        return "", {}, None
    if header.log_at < header.size or header.log_at + 64 > len(data):
        return "", {}, "the audit log lies outside the file and is left out"
    size, _, text_at, _, _ = struct.unpack_from(header.order + _LOG_HEADER, data, header.log_at)
    if not 64 <= text_at <= size:
        return "", {}, "the audit log is damaged and left out"
    raw = data[header.log_at + text_at : min(len(data), header.log_at + size)]
    text = raw.split(b"\0", 1)[0].decode("latin-1")
    entries: dict[str, str] = {}
    for line in re.split(r"[\r\n]+", text):
        key, equals, value = line.partition("=")
        if equals and key.strip() and key.strip() not in entries:
            entries[key.strip()] = value.strip()
    return text.strip(), entries, None
