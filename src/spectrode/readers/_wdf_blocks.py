"""The blocks of a Renishaw WDF file as plain records: what is stored where, without any interpretation of the scan.

A WDF file is a chain of blocks, little-endian throughout. Each begins with 16 bytes: four letters, a ``uint32`` number
and a ``uint64`` size that counts these 16 bytes. ``WDF1`` (512 bytes) is the header and comes first. ``DATA`` holds
float32 counts, spectrum after spectrum, with room for all *planned* spectra; ``XLST`` the spectral axis; ``ORGN`` one
list per origin (x, y, z, time, …) with a value for each planned spectrum; ``WMAP`` the planned map; ``WHTL`` a JPEG;
``WXDA``, ``WXDM``, ``WXIS``, ``WXCS``, ``ZLDC``, ``WARP`` and ``MAP`` hold property sets (``PSET``).

Files with several tracks keep one axis for each in the one ``XLST`` (header bit 3).

Known from the public descriptions in Renishaw's own packages for Python and Matlab (``wdf``, ``WdfReader``), Gwyddion
(``modules/file/renishaw.c``), renishawWiRE and RosettaSciIO, and from measured files. Not understood: the ids of some
properties, which keep their number (``#301``), and what is beyond the property set of most blocks.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableFile

__all__ = [
    "Block",
    "Header",
    "MapArea",
    "OriginList",
    "filetime",
    "plausible_ticks",
    "property_tree",
    "read_header",
    "read_map_area",
    "read_origins",
    "read_property_set",
    "walk_blocks",
]

BLOCK_HEAD = struct.Struct("<4sIQ")
HEADER = struct.Struct("<4sIQQ16s12xIIIQQIIII24s4HIIQQIf48x32s160s")
HEADER_SIZE = 512
MAP_AREA = struct.Struct("<I4x3f3f3II")
ORIGIN_HEAD = struct.Struct("<II16s")

SCAN_TYPES = (
    "unspecified",
    "static",
    "continuous",
    "step and repeat",
    "filter scan",
    "filter image",
    "StreamLine",
    "StreamLine HR",
    "point detector",
)
SCAN_TYPE_FLAGS = {0x100: "multitrack stitched", 0x200: "multitrack discrete", 0x400: "line focus mapping"}
MEASUREMENT_TYPES = ("unspecified", "single", "series", "mapping")
FILE_FLAGS = (
    "several x-lists and data blocks",
    "checksum",
    "hardware cosmic-ray removal",
    "separate x-list for each spectrum",
    "saturated spectra exist",
    "backup file exists",
    "temporary file",
    "slice of a volume",
    "measured with a PQ",
)
XYXY, MULTITRACK = 1, 8
# What the bits of the origin list "Flags" say of a spectrum; from bit 48 on they are masks that a user set.
SPECTRUM_FLAGS = {
    0: "saturated",
    1: "an error occurred",
    2: "cosmic ray found by software",
    3: "LiveTrack succeeded",
    4: "too little signal to track the focus",
    5: "too poor a signal to track the focus",
    6: "focus moves disagreed in direction",
    7: "focus move beyond the safe limits",
    8: "too many saturated pixels",
    9: "LiveTrack at its limit",
    10: "height interpolated",
    48: "masked",
}
UNITS = (
    "arbitrary",
    "Raman shift",
    "wavenumber",
    "nm",
    "eV",
    "µm",
    "counts",
    "electrons",
    "mm",
    "m",
    "K",
    "Pa",
    "s",
    "ms",
    "h",
    "d",
    "pixels",
    "intensity",
    "relative intensity",
    "degrees",
    "radians",
    "°C",
    "°F",
    "K/min",
    "FILETIME",
    "µs",
)

# Windows FILETIME: 100 ns ticks since 1601-01-01 UTC.
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
TICKS_PER_SECOND = 10_000_000
# WiRE did not exist before 1990; a stamp outside these years is a damaged or unset field, not a time.
_FIRST_TICK = int((datetime(1990, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()) * TICKS_PER_SECOND
# A measured file has some twenty blocks, and one for each analysis; more than this are a damaged chain.
_MOST_BLOCKS = 10_000
_LAST_TICK = int((datetime(2200, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()) * TICKS_PER_SECOND


def plausible_ticks(ticks: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where FILETIME ticks lie between 1990 and 2200; zero (1601) is "not set"."""
    return (ticks >= _FIRST_TICK) & (ticks < _LAST_TICK)


def filetime(ticks: int) -> datetime | None:
    """Return the UTC time of a FILETIME, cut (not rounded) to microseconds, or None if it is unset or implausible."""
    if not _FIRST_TICK <= ticks < _LAST_TICK:
        return None
    return EPOCH + timedelta(microseconds=ticks // 10)


def text_of(raw: bytes) -> str:
    """Return zero-terminated UTF-8 text; bytes that are no UTF-8 become the replacement letter."""
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()


def named(table: tuple[str, ...], number: int) -> str:
    """Return the word for a number, or the number itself where the table has none."""
    return table[number] if number < len(table) else f"unknown ({number})"


@dataclass(frozen=True)
class Block:
    """One block; ``offset`` and ``size`` are those of its content, without the 16 bytes before it."""

    name: str
    uid: int
    offset: int
    size: int
    available: int
    """Bytes of the content that the file really has; less than ``size`` if the file is cut."""

    @property
    def short(self) -> bool:
        """True if the file ends before the block does."""
        return self.available < self.size

    def read(self, stream: BinaryIO, limit: int | None = None) -> bytes:
        """Return the content (as far as the file has it)."""
        stream.seek(self.offset)
        return stream.read(self.available if limit is None else min(limit, self.available))


def walk_blocks(stream: BinaryIO, file_size: int) -> tuple[list[Block], list[str]]:
    """Return all blocks, and sentences about where the chain of blocks breaks.

    Never reads or allocates by a declared size; a size below 16, which would not advance, ends the walk.
    """
    blocks: list[Block] = []
    position = 0
    while position < file_size:
        stream.seek(position)
        head = stream.read(BLOCK_HEAD.size)
        if len(head) < BLOCK_HEAD.size:
            return blocks, [f"the file ends inside the head of a block at byte {position}"]
        raw, uid, size = BLOCK_HEAD.unpack(head)
        if not all(32 <= letter < 127 for letter in raw):
            return blocks, [f"there is no block at byte {position}, where one should begin"]
        name = raw.decode("ascii").strip()
        if size < BLOCK_HEAD.size:
            return blocks, [f"block {name} at byte {position} declares an impossible size of {size} bytes"]
        start = position + BLOCK_HEAD.size
        block = Block(name, uid, start, size - BLOCK_HEAD.size, min(size, file_size - position) - BLOCK_HEAD.size)
        if len(blocks) == _MOST_BLOCKS:
            return blocks, [f"there are more than {_MOST_BLOCKS} blocks; those from byte {position} on were not read"]
        blocks.append(block)
        if block.short:
            return blocks, [
                f"block {name} is cut short: it declares {block.size} bytes, the file has {block.available}"
            ]
        position += size
    return blocks, []


@dataclass(frozen=True)
class Header:
    """What block ``WDF1`` says, in the file's own terms."""

    flags: int
    uuid: str
    n_tracks: int
    status: int
    n_points: int
    capacity: int
    """Planned spectra."""
    collected: int
    """Spectra that were measured."""
    accumulations: int
    """Exposures per spectrum, *with* those that the cosmic-ray filter added."""
    n_y: int
    n_x: int
    n_origins: int
    application: str
    version: tuple[int, int, int, int]
    scan_type: int
    measurement_type: int
    start_ticks: int
    end_ticks: int
    unit: int
    laser_wavenumber: float
    user: str
    title: str

    @property
    def is_map(self) -> bool:
        """True if the file calls itself a map."""
        return self.measurement_type == 3

    @property
    def is_series(self) -> bool:
        """True if the file calls itself a series."""
        return self.measurement_type == 2

    @property
    def is_streamline(self) -> bool:
        """True for StreamLine: charge is shifted along the detector while the line moves over the sample."""
        return self.scan_type & 0xFF == 6

    def as_tree(self) -> dict[str, Any]:
        """Return plain values for the vendor tree."""
        laser = float(self.laser_wavenumber)
        return {
            "flags": self.flags,
            "flags_set": [name for bit, name in enumerate(FILE_FLAGS) if self.flags >> bit & 1],
            "uuid": self.uuid,
            "tracks": self.n_tracks,
            "status": self.status,
            "points_per_spectrum": self.n_points,
            "capacity": self.capacity,
            "collected": self.collected,
            "accumulations": self.accumulations,
            "ylist_length": self.n_y,
            "xlist_length": self.n_x,
            "origin_lists": self.n_origins,
            "application": self.application,
            "application_version": ".".join(map(str, self.version)),
            "scan_type": named(SCAN_TYPES, self.scan_type & 0xFF),
            "scan_type_number": self.scan_type,
            "scan_type_flags": [name for bit, name in SCAN_TYPE_FLAGS.items() if self.scan_type & bit],
            "measurement_type": named(MEASUREMENT_TYPES, self.measurement_type),
            "measurement_type_number": self.measurement_type,
            "time_start": _time_or_number(self.start_ticks),
            "time_end": _time_or_number(self.end_ticks),
            "intensity_unit": named(UNITS, self.unit),
            "laser_wavenumber_cm1": laser if math.isfinite(laser) else None,
            "user": self.user,
            "title": self.title,
        }


def read_header(path: Path, stream: BinaryIO) -> Header:
    """Return the header.

    Raises
    ------
    UnreadableFile
        If it is cut short, or its numbers of points and spectra cannot be.
    """
    stream.seek(0)
    raw = stream.read(HEADER_SIZE)
    if raw[:4] != b"WDF1":
        raise UnreadableFile(path, "does not begin with the block WDF1, so it is not a Renishaw WDF file")
    if len(raw) < HEADER_SIZE:
        raise UnreadableFile(path, f"block WDF1 (the header) is cut short: {len(raw)} of {HEADER_SIZE} bytes")
    _, _, size, flags, uuid, n_tracks, status, *rest = HEADER.unpack_from(raw)
    n_points, capacity, collected, accumulations, n_y, n_x, n_origins, application, *numbers = rest
    version, (scan, kind, start, end, unit, laser, user, title) = tuple(numbers[:4]), numbers[4:]
    if size != HEADER_SIZE:
        raise UnreadableFile(path, f"block WDF1 (the header) declares {size} bytes instead of {HEADER_SIZE}")
    if n_points == 0 or capacity == 0:
        raise UnreadableFile(path, f"its header announces {capacity} spectra of {n_points} points, so there is nothing")
    return Header(
        flags=flags,
        uuid=uuid.hex(),
        n_tracks=n_tracks,
        status=status,
        n_points=n_points,
        capacity=capacity,
        collected=collected,
        accumulations=accumulations,
        n_y=n_y,
        n_x=n_x,
        n_origins=n_origins,
        application=text_of(application),
        version=(version[0], version[1], version[2], version[3]),
        scan_type=scan,
        measurement_type=kind,
        start_ticks=start,
        end_ticks=end,
        unit=unit,
        laser_wavenumber=laser,
        user=text_of(user),
        title=text_of(title),
    )


@dataclass(frozen=True)
class OriginList:
    """One list of block ``ORGN``: a value for each planned spectrum."""

    kind: int
    """What is listed: 3 X, 4 Y, 5 Z, 9 temperature, 11 time, 14 focus track, 17 flags, 27 exposure, …"""
    primary: bool
    """The file's mark (highest bit of the kind) for the quantity that was scanned."""
    unit: int
    label: str
    raw: NDArray[np.int64]
    """The eight bytes of each value as whole numbers: FILETIME ticks and flags are these."""

    @property
    def values(self) -> NDArray[np.float64]:
        """The same bytes as float64, which all other lists hold."""
        return self.raw.view(np.float64)


def read_origins(path: Path, block: Block, stream: BinaryIO, header: Header, n_spectra: int) -> list[OriginList]:
    """Return all origin lists, each cut to the first ``n_spectra`` values.

    Raises
    ------
    UnreadableFile
        If the block is too short for the lists and planned spectra that it and the header announce.
    """
    head = block.read(stream, 4)
    if len(head) < 4:
        raise UnreadableFile(path, f"block ORGN is short: it has {len(head)} bytes")
    count = int.from_bytes(head, "little")
    stride = ORIGIN_HEAD.size + 8 * header.capacity
    needed = 4 + count * stride
    if needed > block.available:
        raise UnreadableFile(
            path,
            f"block ORGN is short: {count} lists for {header.capacity} spectra need {needed} bytes, "
            f"it has {block.available}",
        )
    found = []
    for k in range(count):
        stream.seek(block.offset + 4 + k * stride)
        kind, unit, label = ORIGIN_HEAD.unpack(stream.read(ORIGIN_HEAD.size))
        raw = np.frombuffer(stream.read(8 * n_spectra), dtype="<i8").astype(np.int64, copy=False)
        found.append(OriginList(kind & 0x7FFFFFFF, bool(kind >> 31), unit, text_of(label), raw))
    return found


@dataclass(frozen=True)
class MapArea:
    """The planned map (block ``WMAP``): where it begins, steps and numbers of points along x, y, z."""

    flags: int
    location: tuple[float, float, float]
    step: tuple[float, float, float]
    length: tuple[int, int, int]
    line_focus: int

    RANDOM_POINTS = 1
    COLUMN_MAJOR = 2
    ALTERNATING = 4
    LINE_FOCUS = 8
    SURFACE = 64
    XY_LINE = 128

    @property
    def places(self) -> int:
        """Number of planned points."""
        return math.prod(self.length)

    def as_tree(self) -> dict[str, Any]:
        """Return plain values for the vendor tree."""
        return {
            "flags": self.flags,
            "location": [_finite(v) for v in self.location],
            "step": [_finite(v) for v in self.step],
            "length": list(self.length),
            "line_focus_length": self.line_focus,
        }


def read_map_area(block: Block, stream: BinaryIO) -> MapArea | None:
    """Return the planned map, or None if the block is cut short."""
    raw = block.read(stream, MAP_AREA.size)
    if len(raw) < MAP_AREA.size:
        return None
    flags, *numbers, line_focus = MAP_AREA.unpack(raw)
    lx, ly, lz, sx, sy, sz, nx, ny, nz = numbers
    return MapArea(flags, (lx, ly, lz), (sx, sy, sz), (nx, ny, nz), line_focus)


def read_property_set(block: Block, stream: BinaryIO) -> bytes:
    """Return the property set that a block begins with (as far as the file has it), without what follows in the block.

    The values of an analysis map (``MAP``) and images of single spectra (``WXDB``) can be larger than the spectra.
    """
    head = block.read(stream, 8)
    if head[:4] != b"PSET" or len(head) < 8:
        return b""
    return block.read(stream, 8 + int.from_bytes(head[4:], "little"))


# -- property sets -----------------------------------------------------------------------------------------------------

_SCALARS = {"c": "<i1", "?": "<u1", "s": "<i2", "i": "<i4", "w": "<i8", "r": "<f4", "q": "<f8", "t": "<i8"}
_ARRAY, _COMPRESSED = 0x80, 0x40
_DEEPEST = 32
_LONGEST = 4096
# Ids below 0x8000 are WiRE's own and have no name in the set; these were read off sets where a "_keyN" entry stands
# beside them, or off their values (1004 is the text of the measurement's script).
_OWN_NAMES = {
    3: "CreationTime",
    6: "ETA",
    7: "wizardclsid",
    8: "ExpectedDatasetCount",
    9: "AcquisitionCount",
    13: "MeasurementType",
    14: "responseCalibration",
    15: "restoreInstrumentState",
    16: "closeLaserShutter",
    17: "FocusTrackEnabled",
    18: "FocusTrackInterval",
    19: "LineFocusMode",
    20: "yStepSize",
    201: "DepthSeriesInterval",
    202: "DepthSeriesStartPos",
    203: "DepthSeriesFinalPos",
    411: "Label",
    412: "MapType",
    430: "Operator",
    431: "Time",
    432: "Version",
    1001: "Title",
    1002: "Description",
    1003: "ScriptLanguage",
    1004: "Script",
    1011: "Items",
    1012: "Image",
    1013: "AreaKey",
    1014: "InstrumentState",
    1015: "LaserKey",
    1018: "GratingKey",
    1019: "LaserName",
    1022: "Magnification",
    1023: "Objective",
}
_SCRIPT = 1004


class _Damaged(Exception):
    """A property set breaks off or names a type that does not exist."""


def property_tree(content: bytes) -> tuple[dict[str, Any], str | None]:
    """Return the property set that a block's content begins with, as plain values.

    Returns
    -------
    tree : dict
        Numbers, texts, lists and nested dicts. Binary entries and the measurement's script are replaced by their
        length, times are ISO 8601 in UTC. Empty if there is no property set.
    problem : str or None
        What is wrong, if the set is damaged; the tree then holds what came before.
    """
    if content[:4] != b"PSET":
        return {}, None
    if len(content) < 8:
        return {}, "the property set has no length"
    length = int.from_bytes(content[4:8], "little")
    tree: dict[str, Any] = {}
    try:
        _fill(tree, content[8 : 8 + length], {}, 0)
    except _Damaged as error:
        return tree, str(error)
    if 8 + length > len(content):
        return tree, f"the property set declares {length} bytes, but has {len(content) - 8}"
    return tree, None


def _fill(tree: dict[str, Any], data: bytes, inherited: dict[int, str], depth: int) -> None:
    """Add the properties in ``data`` to ``tree``; names of an outer set serve where a set has none of its own."""
    if depth > _DEEPEST:
        raise _Damaged(f"the property set is nested more than {_DEEPEST} deep")
    names, entries, problem = dict(inherited), [], None
    try:
        for kind, number, value in _entries(data):
            if kind == "k" and isinstance(value, bytes):
                names[number] = text_of(value)
            elif kind != "k":  # a compressed name, or a list of them, names nothing
                entries.append((number, value))
    except _Damaged as error:  # keep what came before
        problem = error
    for number, value in entries:
        name = _free_name(tree, names.get(number) or _OWN_NAMES.get(number) or f"#{number}")
        if isinstance(value, _Nested):
            tree[name] = {}
            _fill(tree[name], value.data, names, depth + 1)
        else:
            tree[name] = value
    if problem is not None:
        raise problem


def _free_name(tree: dict[str, Any], name: str) -> str:
    if name not in tree:
        return name
    k = 2
    while f"{name} ({k})" in tree:
        k += 1
    return f"{name} ({k})"


@dataclass(frozen=True)
class _Nested:
    data: bytes


def _entries(data: bytes) -> Iterator[tuple[str, int, Any]]:
    """Yield (type letter, id, value) of one property set."""
    position = 0

    def take(n: int) -> bytes:
        nonlocal position
        if n > len(data) - position:
            raise _Damaged(f"a property needs {n} bytes, but {len(data) - position} are left")
        position += n
        return data[position - n : position]

    while position < len(data):
        kind, flag, number = struct.unpack("<cBH", take(4))
        letter = kind.decode("latin-1")
        if flag & _COMPRESSED:
            yield letter, number, f"<{len(take(int.from_bytes(take(4), 'little')))} bytes, compressed>"
            continue
        count = int.from_bytes(take(4), "little") if flag & _ARRAY else None
        if letter in _SCALARS:
            yield letter, number, _numbers(letter, take, count)
        elif letter not in ("u", "k", "b", "p"):
            raise _Damaged(f"a property has the unknown type {letter!r}")
        elif count is None:
            yield letter, number, _prefixed(letter, number, take(int.from_bytes(take(4), "little")))
        else:
            # Each item takes four bytes at least, so a wild count ends in _Damaged.
            items = [take(int.from_bytes(take(4), "little")) for _ in range(count)]
            yield letter, number, [text_of(i) if letter == "u" else f"<{len(i)} bytes>" for i in items]


def _numbers(letter: str, take: Any, count: int | None) -> Any:
    dtype = np.dtype(_SCALARS[letter])
    array = np.frombuffer(take(dtype.itemsize * (1 if count is None else count)), dtype=dtype)
    if array.size > _LONGEST:
        return f"<{array.size} numbers>"
    plain = [_plain(letter, v) for v in array.tolist()]
    return plain[0] if count is None else plain


def _plain(letter: str, value: Any) -> Any:
    if letter == "?":
        return bool(value)
    if letter == "t":
        return _time_or_number(value)
    return _finite(value) if isinstance(value, float) else value


def _prefixed(letter: str, number: int, raw: bytes) -> Any:
    if letter == "p":
        return _Nested(raw)
    if letter == "k":
        return raw
    if letter == "b" or number == _SCRIPT:
        return f"<{len(raw)} bytes>"
    return text_of(raw)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _time_or_number(ticks: int) -> str | int:
    when = filetime(ticks)
    return ticks if when is None else when.isoformat()
