"""Writes small Bruker OPUS files from known numbers."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

AMPLITUDE, SAMPLE, REFERENCE, RATIO = 3, 1, 2, 3
SINGLE, INTERFEROGRAM, PHASE, ABSORBANCE, RAMAN, REFLECTANCE = 1, 2, 3, 4, 10, 12
MARK = 1 << 30


def code(side: int = 0, parameters: int = 0, data: int = 0, form: int = 0, part: int = AMPLITUDE) -> int:
    return part | side << 2 | parameters << 4 | data << 10 | form << 19


INSTRUMENT, REFERENCE_INSTRUMENT = 2 << 4, 2 << 4 | REFERENCE << 2
ACQUISITION, OPTICS, ORIGIN, HISTORY = 3 << 4, 6 << 4, 10 << 4, 0x680000


def parameter_block(values: Mapping[str, Any]) -> bytes:
    out = b""
    for name, value in values.items():
        if isinstance(value, int):
            out += name.encode() + b"\0" + struct.pack("<HHi", 0, 2, value)
        elif isinstance(value, float):
            out += name.encode() + b"\0" + struct.pack("<HHd", 1, 4, value)
        else:
            raw = str(value).encode("latin-1") + b"\0"
            raw += b"\0" * (len(raw) % 2)
            out += name.encode() + b"\0" + struct.pack("<HH", 2, len(raw) // 2) + raw
    out += b"END\0" + b"\0" * 4
    return out + b"\0" * (-len(out) % 4)


def status(y: np.ndarray, first: float, last: float, **changes: Any) -> dict[str, Any]:
    """Data status of a spectrum as stored, unless changed."""
    values = np.asarray(y, dtype="<f4")
    found = {
        "DPF": 1,
        "NPT": values.shape[-1],
        "FXV": float(first),
        "LXV": float(last),
        "CSF": 1.0,
        "MXY": float(values.max()),
        "MNY": float(values.min()),
        "DAT": "04/07/2023",
        "TIM": "16:59:10.608 (GMT+1)",
        "DXU": "WN",
    }
    found.update(changes)
    return {name: value for name, value in found.items() if value is not None}


@dataclass
class Opus:
    """One file: blocks in the order in which they were added."""

    blocks: list[tuple[int, bytes]] = field(default_factory=list)
    room: int = 40

    def add(self, kind: int, content: bytes | Mapping[str, Any]) -> Opus:
        raw = content if isinstance(content, bytes) else parameter_block(content)
        self.blocks.append((kind, raw + b"\0" * (-len(raw) % 4)))
        return self

    def spectrum(
        self,
        y: Sequence[float] | np.ndarray,
        first: float = 500.0,
        last: float = 100.0,
        *,
        side: int = RATIO,
        data: int = RAMAN,
        mark: int = 0,
        dtype: str = "<f4",
        pad: int = 0,
        part: int = AMPLITUDE,
        **changes: Any,
    ) -> Opus:
        values = np.asarray(y)
        self.add(code(side, 0, data, part=part) | mark, values.astype(dtype).tobytes() + b"\0" * 4 * pad)
        return self.add(code(side, 1, data, part=part) | mark, status(values, first, last, **changes))

    def series(
        self,
        spectra: np.ndarray,
        start: Sequence[float],
        end: Sequence[float],
        *,
        first: float = 500.0,
        last: float = 100.0,
        announced: int | None = None,
        data: int = ABSORBANCE,
        **changes: Any,
    ) -> Opus:
        n, points = spectra.shape
        body = struct.pack("<6i2i", 0, n if announced is None else announced, 32, 4 * points, 160, 1, 0, n - 1)
        for y, begin, finish in zip(spectra, start, end, strict=True):
            info = struct.pack("<8i4d2i7d2i2d", *[1] * 8, *[0.0] * 4, 0, 0, *[0.0] * 7, 0, 0, begin, finish)
            body += np.asarray(y, dtype="<f4").tobytes() + info + b"\0" * (160 - len(info))
        self.add(code(RATIO, 0, data, form=2), body)
        return self.add(code(RATIO, 1, data, form=2), status(spectra, first, last, **changes))

    def __bytes__(self) -> bytes:
        at = 24 + 12 * self.room
        entries = [(13 << 10, 12 * self.room // 4, 24)]
        body = b""
        for kind, raw in self.blocks:
            entries.append((kind, len(raw) // 4, at + len(body)))
            body += raw
        head = b"\x0a\x0a\xfe\xfe" + struct.pack("<dIII", 920622.0, 24, self.room, len(entries))
        directory = b"".join(struct.pack("<III", *e) for e in entries)
        return head + directory.ljust(12 * self.room, b"\0") + body


def raman() -> Opus:
    """An FT-Raman spectrum as a VERTEX 70 writes it."""
    made = Opus().add(OPTICS, {"DTC": "LN-Ge Diode", "SRC": "Laser; 9394.9cm-1; 1000mW"})
    made.add(ACQUISITION, {"PLF": "RAM", "NSS": 50}).add(ORIGIN, {"SNM": "sulfur", "SFM": "FT-Raman"})
    made.spectrum([5.0, 4.0, 3.0, 2.0, 1.0])
    values = {"RLW": 9394.9, "RLP": 1000.0, "ASS": 7, "SRT": 1688486350.609, "DUR": 2.973, "INS": "VERTEX 70"}
    return made.add(INSTRUMENT, values).add(HISTORY, b"\0\0\0first line\0second line\0")


def infrared() -> Opus:
    """A reflectance with the spectra that it comes from, twice stored, and their interferogram."""
    made = Opus(room=20)
    made.spectrum([0.0, 1.0, 4.0], 0.0, 2.0, side=SAMPLE, data=INTERFEROGRAM, DXU="PNT")
    made.spectrum([2.0, 4.0, 6.0], side=SAMPLE, data=SINGLE)
    made.spectrum([4.0, 4.0, 5.0], side=REFERENCE, data=SINGLE, DAT="2012/11/09", TIM="11:09:33 (GMT-6)")
    made.spectrum([0.1, 0.2, 0.3], side=SAMPLE, data=PHASE)
    made.spectrum([0.5, 1.0, 1.5], data=REFLECTANCE, mark=MARK)
    made.spectrum([0.5, 1.0, 1.2], data=REFLECTANCE)
    made.add(INSTRUMENT, {"DUR": 28.5, "ASS": 128, "INS": "IFS66V/S"})
    made.add(REFERENCE_INSTRUMENT, {"DUR": 57.0, "ASS": 256, "INS": "IFS66V/S"})
    return made.add(ORIGIN, {"SNM": "juice", "MAX": 16930.5, "MAY": -27656.75})


def series() -> Opus:
    """Four absorbance spectra at uneven times."""
    spectra = np.arange(12.0).reshape(4, 3)
    return Opus(room=8).series(spectra, [0.0, 10.0, 21.0, 30.0], [9.0, 19.0, 30.0, 39.0]).add(INSTRUMENT, {"ASS": 4})


def examples() -> dict[str, bytes]:
    """A few small valid files by name."""
    return {"raman.0": bytes(raman()), "infrared.0": bytes(infrared()), "series.0": bytes(series())}
