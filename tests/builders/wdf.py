"""Writes small Renishaw WDF files from known numbers, block by block, so that the reader is tested on any machine."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

RAMAN_SHIFT, WAVENUMBER, NM, EV, UM, MM, KELVIN, SECONDS, PIXELS, FILETIME = 1, 2, 3, 4, 5, 8, 10, 12, 16, 24
X, Y, Z, TEMPERATURE, TIME, FOCUS_TRACK, FLAGS, EXPOSURE = 3, 4, 5, 9, 11, 14, 17, 27
SINGLE, SERIES, MAPPING = 1, 2, 3
COLUMN_MAJOR, ALTERNATING, LINE_FOCUS, XY_LINE = 2, 4, 8, 128


def ticks(when: datetime) -> int:
    """FILETIME ticks of a time, by whole microseconds."""
    delta = when - datetime(1601, 1, 1, tzinfo=UTC)
    return ((delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds) * 10


T0 = ticks(datetime(2024, 3, 31, 1, 30, 0, 250001, tzinfo=UTC)) + 7  # a tick count that microseconds cannot hold


def block(name: str, content: bytes, uid: int = 0, size: int | None = None) -> bytes:
    return struct.pack("<4sIQ", name.ljust(4).encode(), uid, 16 + len(content) if size is None else size) + content


@dataclass
class Origin:
    kind: int
    unit: int
    values: Sequence[Any]
    label: str = ""
    primary: bool = False

    def packed(self) -> bytes:
        whole = self.unit == FILETIME or self.kind == FLAGS
        head = struct.pack("<II16s", self.kind | (0x80000000 if self.primary else 0), self.unit, self.label.encode())
        return head + np.asarray(self.values, dtype="<i8" if whole else "<f8").tobytes()


def property_set(tree: dict[str, Any], ids: dict[str, int] | None = None) -> bytes:
    """A property set with every name declared beside its value, or with a fixed id where ``ids`` has one."""
    out = b""
    for k, (name, value) in enumerate(tree.items()):
        number = (ids or {}).get(name)
        if number is None:
            number = 0x8000 + k
            out += b"k\0" + struct.pack("<HI", number, len(name.encode())) + name.encode()
        if isinstance(value, dict):
            inner = property_set(value, ids)
            out += b"p\0" + struct.pack("<HI", number, len(inner)) + inner
        elif isinstance(value, bool):
            out += b"?\0" + struct.pack("<HB", number, value)
        elif isinstance(value, int):
            out += b"i\0" + struct.pack("<Hi", number, value)
        elif isinstance(value, float):
            out += b"q\0" + struct.pack("<Hd", number, value)
        elif isinstance(value, list):
            out += b"q\x80" + struct.pack("<HI", number, len(value)) + np.asarray(value, dtype="<f8").tobytes()
        else:
            raw = str(value).encode()
            out += b"u\0" + struct.pack("<HI", number, len(raw)) + raw
    return out


def pset_block(name: str, tree: dict[str, Any], ids: dict[str, int] | None = None) -> bytes:
    body = property_set(tree, ids)
    return block(name, b"PSET" + struct.pack("<I", len(body)) + body)


def measurement(accumulations: int, exposure_ms: int, cosmic: int = 0, nd_percent: float = 50.0) -> bytes:
    """Block WXDM: the settings, with WiRE's own ids for the two outer sets."""
    tree = {
        "Items": {
            "InstrumentState": {"NDPercent": nd_percent},
            "Scan": {
                "Accumulations": accumulations,
                "Exposure Time": exposure_ms,
                "Use Cosmic Ray Remove": cosmic,
            },
        }
    }
    return pset_block("WXDM", tree, {"Items": 1011, "InstrumentState": 1014})


def jpeg(origin: tuple[float, float], size: tuple[float, float], shape: tuple[int, int] = (6, 8)) -> bytes:
    """A grey picture, white in its upper left quarter, with Renishaw's tags."""
    from PIL import Image

    pixels = np.zeros(shape, dtype=np.uint8)
    pixels[: shape[0] // 2, : shape[1] // 2] = 255
    picture, stream = Image.fromarray(pixels), io.BytesIO()
    tags = picture.getexif()
    tags[0xFEA0] = origin
    details = tags.get_ifd(0x8769)
    details[0xA20E], details[0xA20F], details[0xA210] = size[0], size[1], UM
    picture.save(stream, format="JPEG", exif=tags, quality=95)
    return stream.getvalue()


@dataclass
class Wdf:
    """One file; every field can be set wrong on purpose."""

    spectra: np.ndarray
    axis: np.ndarray
    axis_unit: int = RAMAN_SHIFT
    capacity: int | None = None
    collected: int | None = None
    accumulations: int = 1
    measurement: int = SINGLE
    scan_type: int = 1
    origins: list[Origin] = field(default_factory=list)
    n_origins: int | None = None
    map_flags: int | None = None
    location: tuple[float, float, float] = (0.0, 0.0, 0.0)
    step: tuple[float, float, float] = (1.0, 1.0, 1.0)
    length: tuple[int, int, int] = (1, 1, 1)
    laser_wavenumber: float = 1e7 / 532.0
    start: int = 0
    end: int = 0
    n_points: int | None = None
    n_x: int | None = None
    n_y: int = 1
    application: str = "WiRE"
    flags: int = 0
    tracks: int = 0
    extra: list[bytes] = field(default_factory=list)

    def header(self) -> bytes:
        n, channels = self.spectra.shape
        raw = bytearray(512)
        struct.pack_into("<4sIQQ16s", raw, 0, b"WDF1", 1, 512, self.flags, b"u" * 16)
        struct.pack_into("<I", raw, 52, self.tracks)
        struct.pack_into("<I", raw, 60, channels if self.n_points is None else self.n_points)
        struct.pack_into("<Q", raw, 64, n if self.capacity is None else self.capacity)
        struct.pack_into("<Q", raw, 72, n if self.collected is None else self.collected)
        n_origins = len(self.origins) if self.n_origins is None else self.n_origins
        n_x = channels if self.n_x is None else self.n_x
        struct.pack_into("<4I", raw, 80, self.accumulations, self.n_y, n_x, n_origins)
        struct.pack_into("<24s4H", raw, 96, self.application.encode(), 5, 6, 7, 8)
        struct.pack_into("<II", raw, 128, self.scan_type, self.measurement)
        struct.pack_into("<QQIf", raw, 136, self.start, self.end, 6, self.laser_wavenumber)
        struct.pack_into("<32s160s", raw, 208, "Käthe".encode(), "Si on Cu, 20 µm".encode())
        return bytes(raw)

    def blocks(self) -> list[bytes]:
        axis = struct.pack("<II", 1, self.axis_unit) + self.axis.astype("<f4").tobytes()
        out = [self.header(), block("DATA", self.spectra.astype("<f4").tobytes()), block("XLST", axis)]
        if self.origins:
            lists = b"".join(o.packed() for o in self.origins)
            out.append(block("ORGN", struct.pack("<I", len(self.origins)) + lists))
        if self.map_flags is not None:
            area = struct.pack("<II3f3f3II", self.map_flags, 0, *self.location, *self.step, *self.length, 0)
            out.append(block("WMAP", area))
        return out + self.extra

    def __bytes__(self) -> bytes:
        return b"".join(self.blocks())


def _spectra(n: int, channels: int) -> np.ndarray:
    """Return spectra of which no two are equal."""
    return 100.0 + np.arange(n)[:, None] * 7.0 + 50.0 * np.sin(np.arange(channels) / 3.0)


def _map(nx: int, ny: int, channels: int, **more: Any) -> Wdf:
    y, x = (a.ravel().astype(float) for a in np.mgrid[:ny, :nx])
    return Wdf(
        _spectra(nx * ny, channels),
        np.linspace(1800.0, 400.0, channels),
        measurement=MAPPING,
        origins=[
            Origin(X, UM, 2.0 * x - 5.0, "X", True),
            Origin(Y, UM, 3.0 * y, "Y", True),
            Origin(TIME, FILETIME, T0 + np.arange(nx * ny) * 20_000_000, "Time"),
        ],
        map_flags=0,
        location=(-5.0, 0.0, 0.0),
        step=(2.0, 3.0, 1.0),
        length=(nx, ny, 1),
        **more,
    )


def examples() -> dict[str, bytes]:
    """Return small legal files by name: one of each kind that the reader tells apart."""
    settings = [measurement(2, 1500, cosmic=1), block("TEXT", b"a comment\0")]
    single = Wdf(_spectra(1, 40), np.linspace(100.0, 900.0, 40), origins=[Origin(TIME, FILETIME, [T0], "Time")])
    interrupted = _map(4, 3, 12, collected=12)
    interrupted.spectra[9:] = 0
    interrupted.origins[2].values = np.where(np.arange(12) < 9, interrupted.origins[2].values, 0)
    series = Wdf(
        _spectra(6, 20),
        np.linspace(300.0, 420.0, 20),
        axis_unit=NM,
        measurement=SERIES,
        origins=[
            Origin(TIME, FILETIME, T0 + np.arange(6) * 31_000_000, "Time", True),
            Origin(TEMPERATURE, KELVIN, 290.0 + np.arange(6.0), "Temperature"),
            Origin(FLAGS, 0, [0, 1, 0, 4, 0, 0], "Flags"),
        ],
    )
    tracks = Wdf(
        _spectra(3, 16),
        np.linspace(200.0, 500.0, 16) + np.arange(3.0)[:, None],
        measurement=SERIES,
        flags=8,
        tracks=3,
    )
    picture = block("WHTL", jpeg((-6.0, -1.0), (12.0, 9.0)))
    made = {
        "single": single,
        "map": _map(4, 3, 24, accumulations=4, extra=[*settings, picture]),
        "interrupted": interrupted,
        "series": series,
        "tracks": tracks,
        "bare": Wdf(_spectra(2, 10), np.linspace(1.0, 10.0, 10), axis_unit=0, measurement=0, application=""),
    }
    return {f"{name}.wdf": bytes(content) for name, content in made.items()}
