"""ENVI: a text header (``.hdr``) beside a file of plain binary numbers, as hyperspectral and infrared imagers write.

Structure. The header begins with ``ENVI`` and holds ``key = value``, lists in braces. The numbers lie band by band
(bsq), line by line (bil) or pixel by pixel (bip), in one of nine real types, in either byte order, behind ``header
offset`` bytes. Either file may be given; the other is found by its name (only the given one is recorded as source). A
spectral library (``file type``) holds spectra in its lines. Sizes in the header are compared with the size of the
binary file before anything is read.

Units. The axis by ``wavelength units``: nm, micrometres and ångström give a wavelength in nm, wavenumbers a Raman shift
if the header says Raman anywhere, else a wavenumber. Without a unit the option ``axis`` must say what it is. Positions
are ``pixel size`` times the place in the image, if its unit is given. Channels with 0 in ``bbl`` and values equal to
``data ignore value`` are masked. Intensities are as stored; gains and offsets of the header are named in a warning.

Time. ``acquisition time`` is the start, with its zone if it has one; there are no times of single spectra.

Not read: compressed and complex images, map projections, classifications (they stay in ``vendor``).

Tests use files of their own (tests/builders/envi.py); no measured file of free licence was at hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Metadata
from ._lazy import FileStamp, HDF5Rows, as_dask
from ._text import ascending, first_number, read_text, split_lines
from .registry import Reader

__all__ = ["READER", "load"]

_TYPES = {1: "u1", 2: "i2", 3: "i4", 4: "f4", 5: "f8", 12: "u2", 13: "u4", 14: "i8", 15: "u8"}
_BINARY_ENDINGS = ("", ".img", ".dat", ".raw", ".bin", ".cube", ".sli", ".bsq", ".bil", ".bip")
_START = re.compile(rb"^ENVI\s*[\r\n]")
_FIELD = re.compile(r"^[ \t]*([^=\n{}]+?)[ \t]*=[ \t]*", re.M)
_MAX_HEADER = 1 << 26
_TO_NM = {"nanometers": 1.0, "nm": 1.0, "micrometers": 1e3, "um": 1e3, "µm": 1e3, "microns": 1e3, "angstroms": 0.1}
_TO_UM = {"micrometers": 1.0, "um": 1.0, "µm": 1.0, "microns": 1.0, "millimeters": 1e3, "mm": 1e3, "nanometers": 1e-3}
_GAINS = ("data gain values", "data offset values", "data reflectance gain values", "reflectance scale factor")

Axis = Literal["auto", "raman_shift", "wavenumber", "wavelength"]


def sniff(path: Path, head: bytes) -> bool:
    """Recognise a header, or a binary file that has one beside it."""
    if _START.match(head):
        return True
    if path.suffix.lower() not in _BINARY_ENDINGS:
        return False
    return _header_beside(path) is not None


def _header_beside(path: Path) -> Path | None:
    for candidate in (Path(f"{path}.hdr"), path.with_suffix(".hdr"), path.with_suffix(".HDR")):
        try:
            with open(candidate, "rb") as stream:
                if _START.match(stream.read(64)):
                    return candidate
        except OSError:
            continue
    return None


def load(path: Path, *, axis: Axis = "auto", lazy: bool = False) -> OperandoDataset:
    """Read an image or a spectral library.

    Parameters
    ----------
    axis
        What the list of wavelengths holds where the header does not say it: raman_shift or wavenumber (cm-1), or
        wavelength (nm).
    lazy
        Leave the intensities in the file, as a dask array. Values equal to ``data ignore value`` are not masked then.

    Returns
    -------
    OperandoDataset
        Spectra line by line, scan shape (y, x); the axis rising.

    Raises
    ------
    UnreadableFile
        If one of the two files is missing, too short, of a type that cannot be read, or states no spectral axis.
    """
    binary, fields = _opened(path)
    layout = _layout(path, binary, fields)
    kind, wavelengths = _axis(path, fields, layout.channels, axis)
    shift, _ = ascending(path, wavelengths, np.empty((0, layout.channels)))
    rows = _ImageRows(FileStamp.of(binary), layout, descending=bool(shift[0] != wavelengths[0]))
    mask = _bad_channels(fields, layout, rows.descending)
    intensity: Any = as_dask(cast(HDF5Rows, rows)) if lazy else rows[:]
    if not lazy:
        mask = _with_ignored(mask, intensity, fields)
    metadata = _metadata(fields, layout, binary)
    return OperandoDataset(
        intensity, shift, _positions(fields, layout), layout.scan, metadata, mask=mask, axis_kind=kind
    )


# -- the header -------------------------------------------------------------------------------------------------------


def _opened(path: Path) -> tuple[Path, dict[str, str]]:
    """Return the binary file and the fields of the header, whichever of the two is given."""
    with open(path, "rb") as stream:
        is_header = _START.match(stream.read(64)) is not None
    header = path if is_header else _header_beside(path)
    if header is None:
        raise UnreadableFile(path, "is not an ENVI header, and has none beside it (a file of the same name with .hdr)")
    if header.stat().st_size > _MAX_HEADER:
        raise UnreadableFile(path, f"has a header that is too large for ENVI ({header.stat().st_size} bytes)")
    fields = _fields(path, header)
    return (path if not is_header else _binary_beside(path, fields)), fields


def _fields(path: Path, header: Path) -> dict[str, str]:
    """Return the fields by lower-case key, lists still in text without their braces."""
    lines = split_lines(read_text(header) if header == path else _header_text(path, header))
    text = "\n".join(line for line in lines[1:] if not line.lstrip().startswith(";"))
    found: dict[str, str] = {}
    at = 0
    while (match := _FIELD.search(text, at)) is not None:
        key = " ".join(match[1].lower().split())
        mark, end = ("}", match.end() + 1) if text[match.end() : match.end() + 1] == "{" else ("\n", match.end())
        close = text.find(mark, end)
        if close < 0 and mark == "}":
            raise UnreadableFile(path, f"has a list {key!r} in its header that does not end; it is cut short")
        close = len(text) if close < 0 else close
        found[key] = text[end:close].strip()
        at = close + (mark == "}")
    return found


def _header_text(path: Path, header: Path) -> str:
    try:
        return read_text(header)
    except UnreadableFile as error:
        raise UnreadableFile(path, f"has a header {header.name} that {error.reason}") from None


def _binary_beside(header: Path, fields: Mapping[str, str]) -> Path:
    stem = header.with_suffix("")
    interleave = fields.get("interleave", "").lower()
    endings = dict.fromkeys((f".{interleave}", *_BINARY_ENDINGS))
    names = [Path(f"{stem}{e}") for ending in endings for e in (ending, ending.upper())]
    found = list(dict.fromkeys(n for n in names if n.is_file() and n != header))
    if not found:
        raise UnreadableFile(
            header, f"is an ENVI header, but its binary file is missing (looked for {stem.name} with "
            f"{', '.join(e or 'no ending' for e in endings if e != '.')})"
        )  # fmt: skip
    return found[0]


@dataclass(frozen=True)
class _Layout:
    samples: int
    lines: int
    bands: int
    interleave: str
    stored: np.dtype[Any]
    offset: int
    library: bool
    surplus: int
    """Bytes of the file behind the numbers."""

    @property
    def spectra(self) -> int:
        return self.lines * (self.bands if self.library else self.samples)

    @property
    def channels(self) -> int:
        return self.samples if self.library else self.bands

    @property
    def scan(self) -> tuple[tuple[str, int], ...]:
        return () if self.library else (("y", self.lines), ("x", self.samples))


@dataclass(frozen=True)
class _ImageRows:
    """(spectra, channels) numbers of the binary file, in this machine's byte order and with the axis rising."""

    file: FileStamp
    layout: _Layout
    descending: bool

    @property
    def shape(self) -> tuple[int, int]:
        return self.layout.spectra, self.layout.channels

    @property
    def ndim(self) -> int:
        return 2

    @property
    def stored(self) -> np.dtype[Any]:
        return self.layout.stored

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.layout.stored.newbyteorder("=")

    @property
    def name(self) -> str:
        """What tells these rows from others of the same file."""
        return f"{self.layout} {self.descending}"

    def __getitem__(self, index: Any) -> NDArray[Any]:
        self.file.check()
        one = self.layout
        try:
            mapped = np.memmap(self.file.path, one.stored, "r", one.offset, (one.lines * one.samples * one.bands,))
        except (OSError, ValueError) as error:
            raise UnreadableFile(self.file.path, f"cannot be read any more ({error})") from None
        # A copy of the part that is asked for, so that nothing keeps the file mapped.
        return np.array(self._part(np.asarray(mapped), index), dtype=self.dtype, order="C")

    def _part(self, flat: NDArray[Any], index: Any) -> NDArray[Any]:
        one = self.layout
        rows, channels = index if isinstance(index, tuple) else (index, slice(None))
        if one.library or one.interleave == "bip":
            whole = flat.reshape(one.spectra, one.channels)
        elif one.interleave == "bsq":
            whole = flat.reshape(one.bands, one.spectra).T
        else:
            # Spectra of one line lie side by side; a range of them takes the lines that it touches.
            first, last, step = rows.indices(one.spectra) if isinstance(rows, slice) else (0, one.spectra, 1)
            begin, end = first // one.samples, -(-last // one.samples)
            lines = flat.reshape(one.lines, one.bands, one.samples)[begin:end]
            whole = lines.transpose(0, 2, 1).reshape(-1, one.bands)
            if isinstance(rows, slice):
                rows = slice(first - begin * one.samples, last - begin * one.samples, step)
        return (whole[:, ::-1] if self.descending else whole)[rows][:, channels]


def _whole(path: Path, fields: Mapping[str, str], key: str, default: int | None = None) -> int:
    text = fields.get(key, "")
    if not text and default is not None:
        return default
    if not re.fullmatch(r"\d{1,15}", text):
        raise UnreadableFile(path, f"needs a whole number for {key!r}, but has {text[:40]!r}")
    return int(text)


def _layout(path: Path, binary: Path, fields: Mapping[str, str]) -> _Layout:
    samples, lines, bands = (_whole(path, fields, key) for key in ("samples", "lines", "bands"))
    number = _whole(path, fields, "data type")
    if number not in _TYPES:
        raise UnreadableFile(
            path, f"states data type {number}; the real types {', '.join(map(str, _TYPES))} can be read"
        )
    order = _whole(path, fields, "byte order", 0)
    interleave = fields.get("interleave", "bsq").lower()
    if order not in (0, 1) or interleave not in ("bsq", "bil", "bip"):
        raise UnreadableFile(path, f"states byte order {order} and interleave {interleave[:20]!r}, which are not known")
    if fields.get("file compression", "0") not in ("", "0"):
        raise UnreadableFile(path, "is a compressed image, which is not read; save it without compression")
    if 0 in (samples, lines, bands):
        raise UnreadableFile(path, f"states an image of {lines} lines, {samples} samples and {bands} bands: nothing")
    stored = np.dtype("<>"[order] + _TYPES[number])
    offset = _whole(path, fields, "header offset", 0)
    size, needed = binary.stat().st_size, offset + samples * lines * bands * stored.itemsize
    if needed > size:
        raise UnreadableFile(
            path,
            f"states {lines} × {samples} × {bands} numbers of {stored.itemsize} bytes behind {offset} ({needed} bytes)"
            f", but {binary.name} has {size} bytes; it is cut short or another file",
        )
    library = "spectral library" in fields.get("file type", "").lower()
    if library and bands != 1:
        raise UnreadableFile(path, f"is a spectral library of {bands} bands, where such a file has one")
    return _Layout(samples, lines, bands, interleave, stored, offset, library, size - needed)


# -- axis and numbers -------------------------------------------------------------------------------------------------


def _numbers(path: Path, text: str, key: str) -> NDArray[np.float64]:
    words = [word for word in re.split(r"[\s,]+", text) if word]
    try:
        return np.array(words, dtype=np.float64)
    except ValueError:
        raise UnreadableFile(path, f"holds something that is not a number in its list {key!r}") from None


def _axis(path: Path, fields: Mapping[str, str], channels: int, axis: Axis) -> tuple[AxisKind, NDArray[np.float64]]:
    if not fields.get("wavelength"):
        raise UnreadableFile(path, "lists no wavelengths, so it has no spectral axis")
    values = _numbers(path, fields["wavelength"], "wavelength")
    if values.size != channels:
        raise UnreadableFile(path, f"lists {values.size} wavelengths for {channels} channels")
    unit = fields.get("wavelength units", "").lower()
    if axis != "auto":
        return axis, values * (_TO_NM.get(unit, 1.0) if axis == "wavelength" else 1.0)
    if unit in _TO_NM:
        return "wavelength", values * _TO_NM[unit]
    if unit.startswith(("wavenumber", "raman")) or re.fullmatch(r"1/cm|cm\^?-1|cm⁻¹", unit):
        said = any("raman" in f"{key} {value}".lower() for key, value in fields.items())
        return ("raman_shift" if said else "wavenumber"), values
    raise UnreadableFile(
        path,
        f"states the unit {unit or 'of its wavelengths not at all'!r}; say what they are with the option axis "
        "(raman_shift, wavenumber or wavelength)",
    )


def _bad_channels(fields: Mapping[str, str], layout: _Layout, descending: bool) -> NDArray[np.bool_] | None:
    words = [word for word in re.split(r"[\s,]+", fields.get("bbl", "")) if word]
    if len(words) != layout.channels:
        return None
    bad = np.array([re.fullmatch(r"0(\.0*)?", word) is not None for word in words])
    bad = bad[::-1] if descending else bad
    return np.broadcast_to(bad, (layout.spectra, layout.channels)) if bad.any() else None


def _with_ignored(
    mask: NDArray[np.bool_] | None, intensity: NDArray[Any], fields: Mapping[str, str]
) -> NDArray[np.bool_] | None:
    value = first_number(fields.get("data ignore value", ""))
    if value is None:
        return mask
    ignored: NDArray[np.bool_] = np.asarray(intensity == value)
    if not ignored.any():
        return mask
    return ignored if mask is None else ignored | mask


# -- what is known about them -----------------------------------------------------------------------------------------


def _positions(fields: Mapping[str, str], layout: _Layout) -> dict[str, NDArray[Any]]:
    unit = re.search(r"units\s*=\s*([^\s,}]+)", fields.get("pixel size", ""), re.I)
    words = re.split(r"\s*,\s*", fields.get("pixel size", ""))[:2]
    factor = _TO_UM.get(unit[1].lower()) if unit else None
    try:
        size = [float(word) for word in words]
    except ValueError:
        return {}
    if layout.library or factor is None or len(size) < 2 or not np.isfinite(size).all():
        return {}
    x, y = np.arange(layout.samples) * size[0] * factor, np.arange(layout.lines) * size[1] * factor
    return {"x_um": np.tile(x, layout.lines), "y_um": np.repeat(y, layout.samples)}


def _metadata(fields: Mapping[str, str], layout: _Layout, binary: Path) -> Metadata:
    notes = []
    gains = [key for key in _GAINS if fields.get(key)]
    if gains:
        notes.append(f"the header gives {' and '.join(gains)}; the intensities are as stored, without them")
    if layout.surplus:
        notes.append(f"{binary.name} has {layout.surplus} bytes more than the header describes; they were left out")
    start = None
    if "acquisition time" in fields:
        try:
            start = datetime.fromisoformat(fields["acquisition time"])
        except ValueError:
            notes.append(f"the acquisition time {fields['acquisition time'][:40]!r} is not a date that can be read")
    return Metadata(
        title=fields.get("description") or None,
        started_at=start if start is not None and start.tzinfo else None,
        local_start=start if start is not None and start.tzinfo is None else None,
        stamp_refers_to="start" if start is not None else "unknown",
        instrument=Instrument(model=fields.get("sensor type") or None),
        vendor=dict(fields),
        warnings=tuple(notes),
    )


READER = Reader(
    name="envi",
    description="ENVI image or spectral library (header and binary file)",
    extensions=(".hdr", ".img", ".bsq", ".bil", ".bip", ".sli"),
    sniff=sniff,
    load=load,
    lazy=True,
    gives=("scan",),
)
