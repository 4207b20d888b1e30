"""Writes small OMNIC files as their format is described. They show that the reader follows the description, no more."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

WAVENUMBER, DATA_POINTS, NM, UM, RAMAN = 1, 2, 3, 4, 32
# 2024-03-31 01:30:00 UTC, in seconds after 1899-12-31.
T0 = 3920923800
SIGNATURE = b"\x02\x00\x00\x00\x18\x00\x00\x00\x00\x00\x48\x43\x00\x50\x43\x47"


def header_block(
    n: int, first: float, last: float, x_unit: int = WAVENUMBER, y_unit: int = 0x11, scans: int = 32, laser: float = 0.0
) -> bytes:
    raw = bytearray(152)
    struct.pack_into("<IB3xB3xff", raw, 4, n, x_unit, y_unit, first, last)
    struct.pack_into("<I", raw, 36, scans)
    struct.pack_into("<I", raw, 52, 16)
    struct.pack_into("<I", raw, 68, 2200)
    struct.pack_into("<f", raw, 80, 15798.3)
    struct.pack_into("<f", raw, 96, laser)
    return bytes(raw)


def text_block(title: str, stamp: int) -> bytes:
    return title.encode().ljust(256, b"\0") + struct.pack("<I", stamp)


@dataclass
class Omnic:
    """One .spa or .spg file: header, table, blocks."""

    title: str = "title"
    stamp: int = T0
    blocks: list[tuple[int, bytes]] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)

    def add(self, key: int, content: bytes, size: int | None = None) -> Omnic:
        if size is not None:
            self.sizes[len(self.blocks)] = size
        self.blocks.append((key, content))
        return self

    def spectrum(
        self,
        y: Sequence[float],
        first: float = 4000.0,
        last: float = 400.0,
        *,
        title: str | None = None,
        stamp: int = T0,
        **header: float,
    ) -> Omnic:
        self.add(0x02, header_block(len(y), first, last, **header)).add(0x03, np.asarray(y, dtype="<f4").tobytes())
        return self if title is None else self.add(0x6B, text_block(title, stamp))

    def __bytes__(self) -> bytes:
        head = bytearray(304)
        head[:20] = b"Spectral Data File\r\n"
        head[30 : 30 + len(self.title)] = self.title.encode()
        struct.pack_into("<HI", head, 294, len(self.blocks), self.stamp)
        at = 304 + 16 * (len(self.blocks) + 1)
        table, body = b"", b""
        for number, (key, content) in enumerate(self.blocks):
            table += struct.pack("<BBII6s", key, 0, at + len(body), self.sizes.get(number, len(content)), b"")
            body += content
        return bytes(head) + table + b"\0" * 16 + body


@dataclass
class Srs:
    """One .srs file. ``spectra`` rise with the wavenumber, as stored; times are in minutes."""

    spectra: np.ndarray
    first_x: float = 4000.0
    last_x: float = 400.0
    first_min: float = 0.05
    step_min: float = 0.5
    counters: Sequence[int] | None = None
    stamp: int = T0
    copies: tuple[int, ...] = (836,)
    x_unit: int = WAVENUMBER
    n_spectra: int | None = None
    signatures: int = 3

    def __bytes__(self) -> bytes:
        n, points = self.spectra.shape
        times = self.first_min + self.step_min * np.arange(n)
        counters = [round(t * 6000) for t in times[1:]] if self.counters is None else self.counters
        base = bytearray(1400)
        base[:152] = header_block(points, self.first_x, self.last_x, self.x_unit)
        # The first signature lies 152 bytes behind the header, a further one behind the header of a background.
        base[152 : 152 + len(SIGNATURE)] = SIGNATURE
        base[1300 : 1300 + len(SIGNATURE)] = SIGNATURE
        base[938 : 938 + 6] = b"series"
        struct.pack_into("<fff", base, 1002, times[0], times[-1], self.step_min)
        struct.pack_into("<I", base, 1026, n if self.n_spectra is None else self.n_spectra)
        for at in self.copies:
            struct.pack_into("<I", base, at, self.stamp)
        body = SIGNATURE.ljust(60, b"\x07")
        for i, y in enumerate(self.spectra):
            name = f"Linked spectrum at {times[i]:.3f} min.".encode().ljust(84, b"\0")
            values = np.asarray(y, dtype="<f4").tobytes()
            trailer = struct.pack("<IIQ", 0x20, counters[i], 0) if i < n - 1 else b"\x11" * 16
            body += name + values + trailer
        head = bytearray(304)
        head[:20] = b"Spectral Exte File\r\n"
        struct.pack_into("<BxHI", head, 292, 0x27, 2, self.stamp)
        table = struct.pack("<BBII6s", 0x02, 0, 352, 0, b"\x8c\0\0\0\1\0") + struct.pack("<BBII6s", 0x69, 0, 0, 0, b"")
        return (bytes(head) + table).ljust(352, b"\0") + bytes(base) + body


def single() -> Omnic:
    made = Omnic("sucrose").spectrum([5.0, 4.0, 3.0, 2.0, 1.0])
    return made.add(0x1B, b"Collect Sample\0").add(0x04, b"a comment\0")


def group() -> Omnic:
    made = Omnic("group")
    for i, seconds in enumerate((0, 30, 61)):
        made.spectrum(np.arange(4.0) + 10 * i, title=f"spectrum {i}", stamp=T0 + seconds)
    return made


def examples() -> dict[str, bytes]:
    """A few small valid files by name."""
    spectra = np.arange(15.0).reshape(3, 5) + 0.5
    return {"one.spa": bytes(single()), "some.spg": bytes(group()), "series.srs": bytes(Srs(spectra))}
