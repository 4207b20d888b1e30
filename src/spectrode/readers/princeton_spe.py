"""Princeton Instruments (Teledyne) files: WinSpec/WinView 2.x and LightField 3.0 (``.spe``).

Structure. A binary header of 4100 bytes, then the frames; in 3.0 an XML text follows, which then holds everything but
the numbers. A frame holds one or more regions of the sensor, and in 3.0 perhaps time stamps after its numbers.

What is read. All frames of one region: the one named with ``dataset`` (``region 1``, ``region 2`` …), else the first,
with a warning that lists them. Frames become ``time``, rows of a region ``track``. Counts keep their stored type. Only
regions with wavelengths: without a calibration the file holds channel numbers, which are no spectral axis, and is
refused.

Axis. 3.0: the list of wavelengths in nm, one a sensor column or one a channel. 2.x: the calibration polynomial at
sensor columns counted from 1 (a binned channel lies in the middle of its columns), in nm, cm-1 or Raman shift as the
header says. Wavelengths stay in nm; the steps of calibration convert them. The laser line of the header is kept if the
recorded range makes it possible; else a warning says why not.

Time. 3.0: start with its zone, as LightField wrote it; stamps of each exposure where they were recorded, else times
from the frame rate of the camera (``metadata.times_derived``). 2.x: local and UTC clock of the start, whose difference
gives the zone; frames have no time. ``exposure_s`` counts all frames or accumulations that were combined into one;
if they were averaged instead of added, a warning says so.

Not read: step-and-glue, intensity calibrations, gate tracking, spectra that were flipped (a warning). The power that
LightField sets a laser to has no unit in the file and stays in ``metadata.vendor``.

Sources: *SPE 3.0 File Format Specification* and the WinX header table of Princeton Instruments. Test files: LightField
4.9 and 6.5 (ramanchada2, MIT; hyperSpec); 2.x only with files built in the tests.
"""

from __future__ import annotations

import math
import mmap
import re
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Laser, Metadata
from ._excitation import excitation_doubt
from ._text import ascending
from .registry import Reader

__all__ = ["READER", "load", "sniff"]

StampKind = Literal["start", "middle", "end", "unknown"]

_HEADER = 4100
_IDENTITY = (2996, struct.pack("<I", 0x01234567))
_DTYPES = {0: "<f4", 1: "<i4", 2: "<i2", 3: "<u2", 5: "<f8", 6: "<u1", 8: "<u4"}
_FORMATS = {
    "MonochromeUnsigned16": "<u2",
    "MonochromeUnsigned32": "<u4",
    "MonochromeFloating32": "<f4",
    "MonochromeFloating64": "<f8",
}
_MAX_FRAMES = 100_000_000
_LARGEST_XML = 64 << 20
_MAX_REGIONS = 1000
_LONGEST_VALUE = 200
_DEEPEST = 40
_EVENTS: dict[str, StampKind] = {"ExposureStarted": "start", "ExposureEnded": "end"}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Units of the polynomial of 2.x.
_UNITS: dict[int, AxisKind] = {3: "wavelength", 4: "wavenumber", 5: "raman_shift"}


def sniff(path: Path, head: bytes) -> bool:
    """Return True if the header carries the number that marks all of these files."""
    at, mark = _IDENTITY
    return head[at : at + 4] == mark


def load(path: Path, *, dataset: str | None = None) -> OperandoDataset:
    """Read a Princeton Instruments file.

    Parameters
    ----------
    path
        The file.
    dataset
        Region of the sensor, ``region 1`` … in the order of the file; the first if not given.

    Returns
    -------
    OperandoDataset
        Columns ``time_s`` and ``exposure_s`` as far as the file has them.

    Raises
    ------
    UnreadableFile
        If the file is cut or damaged, has no calibrated axis, or no such region.
    """
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as source:
        if len(source) < _HEADER:
            raise UnreadableFile(path, f"ends after {len(source)} bytes, within its header of {_HEADER}")
        header = bytes(source[:_HEADER])
        (version,) = struct.unpack_from("<f", header, 1992)
        content = _version_3(path, source, header) if version >= 3 else _version_2(path, source, header, version)
        return _dataset(path, source, content, dataset)


# -- what both versions hold -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Region:
    """One rectangle of the sensor; ``column`` counts sensor columns from 0."""

    width: int
    height: int
    offset: int
    """Bytes from the begin of a frame."""
    column: int = 0
    column_bin: int = 1


@dataclass
class _Content:
    """What a file says, before it is understood."""

    dtype: np.dtype[Any]
    frames: int
    stride: int
    """Bytes from one frame to the next."""
    regions: list[_Region]
    metadata: Metadata
    wavelengths: NDArray[np.float64] | None = None
    """(columns or channels,) of 3.0, nm."""
    polynomial: NDArray[np.float64] | None = None
    kind: AxisKind = "wavelength"
    laser_nm: float | None = None
    time_s: NDArray[np.float64] | None = None
    exposure_s: float | None = None
    notes: list[str] = field(default_factory=list)


def _check_frames(path: Path, size: int, content: _Content) -> None:
    per_frame = max(r.offset + r.width * r.height * content.dtype.itemsize for r in content.regions)
    if not 1 <= content.frames <= _MAX_FRAMES or content.stride < per_frame:
        raise UnreadableFile(
            path, f"announces {content.frames} frames of {per_frame} bytes every {content.stride} bytes; it is damaged"
        )
    needed = (content.frames - 1) * content.stride + per_frame
    if needed > size - _HEADER:
        raise UnreadableFile(
            path,
            f"announces {content.frames} frames ({needed} bytes), but holds {max(size - _HEADER, 0)} bytes; it is cut "
            "short or damaged",
        )


def _dataset(path: Path, source: Any, content: _Content, wanted: str | None) -> OperandoDataset:
    names = [f"region {k}" for k in range(1, len(content.regions) + 1)]
    if wanted is not None and wanted not in names:
        raise UnreadableFile(path, f"has no dataset {wanted!r}; it has {', '.join(names)}")
    name = wanted or names[0]
    region = content.regions[names.index(name)]
    notes = list(content.notes)
    if len(names) > 1 and wanted is None:
        notes.append(f"the file holds {len(names)} datasets: {', '.join(names)}; {name!r} was read")
    axis = _axis(path, content, region)
    spectra = _spectra(source, content, region)
    with np.errstate(all="ignore"):
        shift, intensity = ascending(path, axis, spectra)
    laser = content.laser_nm
    if laser is not None and content.kind == "wavelength":
        doubt = excitation_doubt(laser, shift) if shift[0] > 0 else "the axis has wavelengths that are not positive"
        if doubt is not None:
            notes.append(f"the header's laser line {laser:g} nm is not used, because {doubt}")
            laser = None
    columns: dict[str, NDArray[Any]] = {}
    if content.time_s is not None:
        columns["time_s"] = np.repeat(content.time_s, region.height)
    if content.exposure_s is not None:
        columns["exposure_s"] = np.full(len(intensity), content.exposure_s)
    sizes = (("time", content.frames), ("track", region.height))
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns=columns,
        scan_shape=tuple(d for d in sizes if d[1] > 1),
        metadata=content.metadata.replace(laser=Laser(wavelength_nm=laser)).warn(*notes),
        axis_kind=content.kind,
    )


def _spectra(source: Any, content: _Content, region: _Region) -> NDArray[Any]:
    """Return (frames x rows, channels) of a region."""
    # A view on the map would keep it open; one copy of the chosen region ends that.
    frames = np.ndarray(
        (content.frames, region.height, region.width),
        dtype=content.dtype,
        buffer=source,
        offset=_HEADER + region.offset,
        strides=(content.stride, region.width * content.dtype.itemsize, content.dtype.itemsize),
    )
    copied = np.array(frames, order="C")
    del frames
    return copied.reshape(-1, region.width)


def _axis(path: Path, content: _Content, region: _Region) -> NDArray[np.float64]:
    columns = region.column + region.column_bin * np.arange(region.width, dtype=np.float64)
    middle = columns + (region.column_bin - 1) / 2
    if content.polynomial is not None:
        with np.errstate(all="ignore"):
            values = np.polynomial.polynomial.polyval(middle + 1, content.polynomial)
        return np.asarray(values, dtype=np.float64)
    listed = content.wavelengths
    if listed is None:
        raise UnreadableFile(
            path,
            "has no wavelength calibration, so its channels are only numbered; spectra with wavelengths can be read",
        )
    if listed.size == region.width:
        return listed
    if middle[-1] <= listed.size - 1:
        return np.asarray(np.interp(middle, np.arange(listed.size), listed))
    raise UnreadableFile(
        path, f"has {listed.size} wavelengths for a region of {region.width} channels from column {region.column}"
    )


# -- version 2 ---------------------------------------------------------------------------------------------------------


def _version_2(path: Path, source: Any, header: bytes, version: float) -> _Content:
    def value(form: str, at: int) -> Any:
        return struct.unpack_from("<" + form, header, at)[0]

    code = value("h", 108)
    if code not in _DTYPES:
        raise UnreadableFile(path, f"has numbers of type {code}; known are {', '.join(map(str, _DTYPES))}")
    dtype = np.dtype(_DTYPES[code])
    width, height, frames = value("H", 42), value("H", 656), value("i", 1446)
    if width < 1 or height < 1:
        raise UnreadableFile(path, f"announces frames of {width} × {height} numbers; it is damaged")
    notes: list[str] = []
    first_column, column_bin = _first_region(header, width, notes)
    content = _Content(
        dtype=dtype,
        frames=frames,
        stride=width * height * dtype.itemsize,
        regions=[_Region(width, height, 0, first_column, column_bin)],
        metadata=Metadata(),
        notes=notes,
    )
    _check_frames(path, len(source), content)
    _calibrate_2(path, header, content)
    accumulations = max(value("i", 668), 1)
    exposure = value("f", 10)
    if math.isfinite(exposure) and 0 < exposure < 1e9:
        content.exposure_s = exposure * accumulations
    started, local = _start_2(header)
    if frames == 1:
        content.time_s = None if local is None else np.zeros(1)
    else:
        notes.append(f"the file holds no times of its {frames} frames")
    grooves = value("f", 650)
    comments = [_text(header[200 + 80 * k : 280 + 80 * k]) for k in range(5)]
    content.metadata = Metadata(
        title=comments[0] or None,
        started_at=started,
        local_start=None if started else local,
        instrument=Instrument(
            vendor="Princeton Instruments",
            software=_text(header[688:704]) or None,
            grating=f"{grooves:g} g/mm" if math.isfinite(grooves) and 0 < grooves < 1e5 else None,
            accumulations=accumulations,
        ),
        vendor={
            "version": version,
            "date": _text(header[20:30]),
            "time_local": _text(header[172:179]),
            "time_utc": _text(header[179:186]),
            "detector_temperature_c": value("f", 36),
            "centre_nm": value("f", 72),
            "grooves_per_mm": grooves,
            "readout_time_ms": value("f", 672),
            "comments": comments,
            "polynomial": None if content.polynomial is None else content.polynomial.tolist(),
        },
    )
    return content


def _first_region(header: bytes, width: int, notes: list[str]) -> tuple[int, int]:
    """Return first column (from 0) and binning of the first region of interest."""
    count = struct.unpack_from("<h", header, 1510)[0]
    start, end, group = struct.unpack_from("<3H", header, 1512)
    if count < 1 or start < 1 or group < 1:
        return 0, 1
    if (end - start + 1) // group != width:
        notes.append(
            f"the header's region (columns {start} to {end}, {group} binned) does not give {width} channels; the "
            "calibration was applied from the first column"
        )
        return 0, 1
    if count > 1:
        notes.append(f"the file has {count} regions of interest; the calibration is that of the first")
    return start - 1, group


def _calibrate_2(path: Path, header: bytes, content: _Content) -> None:
    """Set polynomial, kind of axis and laser from the x calibration block, if it is valid."""
    valid, _, unit, order = struct.unpack_from("<4b", header, 3098)
    if valid != 1:
        return
    if not 0 <= order <= 5:
        raise UnreadableFile(path, f"has a calibration polynomial of order {order}; possible are 0 to 5")
    coefficients = np.frombuffer(header, dtype="<f8", count=6, offset=3263)[: order + 1].copy()
    if not np.isfinite(coefficients).all() or np.abs(coefficients).max() > 1e9:
        raise UnreadableFile(path, "has a calibration polynomial that is not made of numbers; it is damaged")
    content.polynomial = coefficients
    if unit in _UNITS:
        content.kind = _UNITS[unit]
    else:
        content.notes.append(f"the unit of the calibration ({unit}) is none of nm, cm-1, Raman shift; nm was taken")
    laser = float(struct.unpack_from("<d", header, 3311)[0])
    # The header's laser position is a wavenumber by its description; some programs write nm.
    if math.isfinite(laser) and 4000 <= laser <= 66667:
        content.laser_nm = 1e7 / laser
    elif math.isfinite(laser) and 150 <= laser <= 2500:
        content.laser_nm = laser
        content.notes.append(f"the header's laser position {laser:g} was taken as nm, because as cm-1 it is impossible")


def _start_2(header: bytes) -> tuple[datetime | None, datetime | None]:
    """Return the aware and the local start, from date (``12Feb2009``) and the clocks ``hhmmss``, local and UTC."""
    date = re.match(r"(\d{1,2})([A-Za-z]{3})(\d{4})", _text(header[20:30]))
    local, utc = (_clock(_text(header[at : at + 7])) for at in (172, 179))
    if date is None or date[2].lower() not in _MONTHS or local is None:
        return None, None
    try:
        start = datetime(int(date[3]), _MONTHS.index(date[2].lower()) + 1, int(date[1])) + local
    except (ValueError, OverflowError):
        return None, None
    if utc is None:
        return None, start
    # Zones reach from -12 to +14 hours, in quarters; the day of the UTC clock follows from that.
    minutes = (local - utc).total_seconds() / 60
    offset = (round(minutes / 15) * 15 + 720) % 1440 - 720
    if abs(minutes - offset) % 1440 not in (0, 1440):
        return None, start
    return start.replace(tzinfo=timezone(timedelta(minutes=offset))), start


def _clock(text: str) -> timedelta | None:
    match = re.match(r"(\d{2})(\d{2})(\d{2})", text)
    if match is None:
        return None
    return timedelta(hours=int(match[1]), minutes=int(match[2]), seconds=int(match[3]))


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("latin-1").strip()


# -- version 3 ---------------------------------------------------------------------------------------------------------


def _version_3(path: Path, source: Any, header: bytes) -> _Content:
    (at,) = struct.unpack_from("<Q", header, 678)
    size = len(source)
    if not _HEADER <= at < size:
        raise UnreadableFile(path, f"its XML text should begin at byte {at}, but the file has {size}; it is cut short")
    if size - at > _LARGEST_XML:
        raise UnreadableFile(path, f"has an XML text of {size - at} bytes; at most {_LARGEST_XML} can be read")
    root = _parsed(path, bytes(source[at:]))
    frame = next((b for b in _all(root, "DataBlock") if b.get("type") == "Frame"), None)
    if frame is None:
        raise UnreadableFile(path, "its XML text names no frames; it is damaged")
    pixel = frame.get("pixelFormat", "")
    if pixel not in _FORMATS:
        raise UnreadableFile(path, f"has numbers of type {pixel!r}; known are {', '.join(_FORMATS)}")
    dtype = np.dtype(_FORMATS[pixel])
    frames, stride = _whole(frame, "count", 1), _whole(frame, "stride", 0)
    notes: list[str] = []
    content = _Content(dtype, frames, stride, _regions(path, root, frame, dtype), Metadata(), notes=notes)
    _check_frames(path, at, content)
    mapping = next(iter(_all(root, "WavelengthMapping")), None)
    if mapping is not None:
        content.wavelengths = _wavelengths(path, mapping)
        content.laser_nm = _float(mapping.get("laserLine"))
        orientation = mapping.get("orientation", "Normal")
        if orientation != "Normal":
            notes.append(f"the sensor's image is oriented {orientation!r}, which was not considered; check the axis")
    combined = _exposure_3(root, content)
    started, after = _start_3(root)
    stamp_kind = _times_3(source, root, frame, content, started, combined)
    # A file that was made at least an exposure after the start proves that the start is no end.
    proven = after is not None and content.exposure_s is not None and after >= 0.99 * content.exposure_s
    content.metadata = content.metadata.replace(
        started_at=content.metadata.started_at or started,
        stamp_refers_to=stamp_kind or ("start" if proven else "unknown"),
        instrument=_instrument_3(root, combined),
        vendor=_tree(root),
    )
    return content


def _parsed(path: Path, raw: bytes) -> ElementTree.Element:
    raw = raw.rstrip(b"\0 \r\n\t")
    # Entities can grow without bound when they are expanded; LightField writes none.
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise UnreadableFile(path, "its XML text declares entities, which no LightField file does")
    try:
        return ElementTree.fromstring(raw)
    except (ElementTree.ParseError, LookupError) as error:
        raise UnreadableFile(path, f"its XML text is cut short or damaged ({error})") from None


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(root: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """Yield all elements of a name, whatever their namespace."""
    return (e for e in root.iter() if isinstance(e.tag, str) and _local(e) == name)


def _value(root: ElementTree.Element, *names: str) -> str:
    """Return the text of the first element at the end of a chain of names (with anything between), or ''."""
    here = [root]
    for name in names:
        here = [found for e in here for found in _all(e, name) if found is not e][:_MAX_REGIONS]
        if not here:
            return ""
    return (here[0].text or "").strip()


def _whole(element: ElementTree.Element, name: str, least: int) -> int:
    value = int(element.get(name, "-1"))
    if value < least:
        raise ValueError(f"{_local(element)} has {name} {element.get(name)}")
    return value


def _float(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _regions(path: Path, root: ElementTree.Element, frame: ElementTree.Element, dtype: np.dtype[Any]) -> list[_Region]:
    """Return the regions of a frame, one after another, with the sensor columns of each."""
    mappings = {e.get("id"): e for e in _all(root, "SensorMapping")}
    regions: list[_Region] = []
    offset = 0
    blocks = [b for b in frame if isinstance(b.tag, str) and b.get("type") == "Region"]
    for block in blocks:
        width, height, count = _whole(block, "width", 1), _whole(block, "height", 1), _whole(block, "count", 1)
        if len(regions) + count > _MAX_REGIONS:
            raise UnreadableFile(path, f"announces more than {_MAX_REGIONS} regions; it is damaged")
        mapping = next((mappings[i] for i in block.get("calibrations", "").split(",") if i in mappings), None)
        column = 0 if mapping is None else _whole(mapping, "x", 0)
        binning = 1 if mapping is None else _whole(mapping, "xBinning", 1)
        n_bytes = width * height * dtype.itemsize
        stride = max(_whole(block, "stride", 0), n_bytes)
        for _ in range(count):
            regions.append(_Region(width, height, offset, column, binning))
            offset += stride
    if not regions:
        raise UnreadableFile(path, "its XML text names no regions of the sensor; it is damaged")
    return regions


def _wavelengths(path: Path, mapping: ElementTree.Element) -> NDArray[np.float64] | None:
    """Return the wavelengths in nm; a list with errors has pairs ``wavelength,error`` between spaces."""
    plain, with_errors = _value(mapping, "Wavelength"), _value(mapping, "WavelengthError")
    cells = plain.split(",") if plain else [pair.split(",")[0] for pair in with_errors.split()]
    if not cells:
        return None
    values = np.array([float(c) for c in cells])
    if not np.isfinite(values).all() or np.abs(values).max() > 1e9:
        raise UnreadableFile(path, "has wavelengths that are not numbers; it is damaged")
    return values


def _exposure_3(root: ElementTree.Element, content: _Content) -> int:
    """Set the exposure of a stored frame, and return how many frames of the camera it is made of."""
    milliseconds = _float(_value(root, "ShutterTiming", "ExposureTime"))
    combination = next(iter(_all(root, "FrameCombination")), None)
    method = "" if combination is None else _value(combination, "Method")
    number = 1 if combination is None else int(_float(_value(combination, "FramesCombined")) or 1)
    number = min(max(number, 1), 10**9)
    accumulated = min(max(int(_float(_value(root, "Acquisition", "ReadoutAccumulations")) or 1), 1), 10**9)
    if milliseconds is not None and 0 <= milliseconds < 1e12:
        content.exposure_s = milliseconds * 1e-3 * number * accumulated
    if number > 1 and method == "Average":
        content.notes.append(f"a stored frame is the average of {number} exposures, so counts are those of one of them")
    return number * accumulated


def _start_3(root: ElementTree.Element) -> tuple[datetime | None, float | None]:
    """Return the start, and how many seconds later the file was made."""
    origin, information = (next(iter(_all(root, name)), None) for name in ("Origin", "FileInformation"))
    started = None if origin is None else _moment(origin.get("created"))
    made = None if information is None else _moment(information.get("created"))
    return started, (made - started).total_seconds() if started and made else None


def _moment(text: str | None) -> datetime | None:
    """Return a time with zone; LightField writes up to seven digits after the second."""
    shortened = re.sub(r"(\.\d{6})\d+", r"\1", (text or "")[:40])
    try:
        found = datetime.fromisoformat(shortened)
        return found if found.utcoffset() is not None and 1980 <= found.year <= 2200 else None
    except ValueError:
        return None


def _times_3(
    source: Any,
    root: ElementTree.Element,
    frame: ElementTree.Element,
    content: _Content,
    started: datetime | None,
    combined: int,
) -> StampKind | None:
    """Set the time of each frame: recorded stamps, else from the frame rate of the camera.

    Returns what recorded stamps refer to, None if there are none.
    """
    stamps = _stamps(source, root, frame, content)
    if stamps is not None:
        content.time_s, zero, kind = stamps
        content.metadata = content.metadata.replace(started_at=zero or started)
        return kind
    if content.frames == 1:
        content.time_s = None if started is None else np.zeros(1)
        return None
    rate = _float(_value(root, "Acquisition", "FrameRate"))
    if rate is None or not 1e-6 < rate < 1e7:
        content.notes.append(f"the file holds no times of its {content.frames} frames")
        return None
    content.time_s = np.arange(content.frames, dtype=np.float64) * (combined / rate)
    content.metadata = content.metadata.replace(times_derived=True)
    content.notes.append(
        f"frames have no time stamps; times are computed from the frame rate of {rate:g} frames a second"
    )
    return None


def _stamps(
    source: Any, root: ElementTree.Element, frame: ElementTree.Element, content: _Content
) -> tuple[NDArray[np.float64], datetime | None, StampKind] | None:
    """Return (frames,) seconds after the zero of the stamps, that zero, and what a stamp refers to."""
    block = next(iter(_all(root, "MetaBlock")), None)
    if block is None:
        return None
    at = _whole(frame, "size", 0)
    chosen: tuple[int, ElementTree.Element] | None = None
    for entry in block:
        bits = int(entry.get("bitDepth", "64"))
        if isinstance(entry.tag, str) and _local(entry) == "TimeStamp" and entry.get("type") == "Int64" and bits == 64:
            event = entry.get("event", "")
            if chosen is None or event == "ExposureStarted":
                chosen = (at, entry)
        at += bits // 8
    if chosen is None or chosen[0] + 8 > content.stride or chosen[0] < 0:
        return None
    offset, entry = chosen
    if _HEADER + (content.frames - 1) * content.stride + offset + 8 > len(source):
        return None
    ticks = np.array(
        np.ndarray((content.frames,), dtype="<i8", buffer=source, offset=_HEADER + offset, strides=(content.stride,))
    )
    resolution = _float(entry.get("resolution"))
    if resolution is None or not 1 <= resolution <= 1e12:
        return None
    kind = _EVENTS.get(entry.get("event", ""), "unknown")
    return ticks / resolution, _moment(entry.get("absoluteTime")), kind


def _instrument_3(root: ElementTree.Element, combined: int) -> Instrument:
    origin = next(iter(_all(root, "Origin")), None)
    spectrometer, camera = (
        next((e for e in _all(root, name) if e.get("model")), None) for name in ("Spectrometer", "Camera")
    )
    software = (
        None
        if origin is None
        else " ".join(text for text in (origin.get("software"), origin.get("softwareVersion")) if text)
    )
    grating = re.match(r"\[([^,\]]*),([^\]]*)\]", _value(root, "Grating", "Selected"))
    return Instrument(
        vendor="Princeton Instruments",
        model=None if spectrometer is None else spectrometer.get("model"),
        software=software or None,
        grating=f"{grating[2]} g/mm, blaze {grating[1]}" if grating else None,
        detector=None if camera is None else camera.get("model"),
        accumulations=combined,
    )


def _tree(root: ElementTree.Element) -> dict[str, Any]:
    """Return the XML text as JSON-able values: attributes by name, text as ``#``, repeated elements as a list."""

    def plain(element: ElementTree.Element, depth: int) -> Any:
        text = (element.text or "").strip()
        if len(text) > _LONGEST_VALUE:
            text = f"{len(text)} characters"
        found: dict[str, Any] = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        if text and not found and not len(element):
            return text
        if text:
            found["#"] = text
        children: dict[str, list[Any]] = {}
        for child in element if depth < _DEEPEST else ():
            if isinstance(child.tag, str):
                children.setdefault(_local(child), []).append(plain(child, depth + 1))
        for name, values in children.items():
            found[name if name not in found else f"{name} (element)"] = values[0] if len(values) == 1 else values
        return found

    return {_local(root): plain(root, 0)}


READER = Reader(
    name="princeton-spe",
    description="Princeton Instruments WinSpec 2.x and LightField 3.0, binary: spectra, frames, regions (.spe)",
    extensions=(".spe",),
    sniff=sniff,
    load=load,
    gives=("times", "start with zone", "scan", "exposure", "laser", "several"),
)
