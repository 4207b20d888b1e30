"""Writes small GRAMS SPC files from known numbers, as the format's maker describes them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

SPREC, MULTI, RANDOM, ORDERED, LABELS, XYXYS, XVALS = 1, 4, 8, 16, 32, 64, 128
WAVENUMBER, UM, NM, SECONDS, MINUTES, MASS, RAMAN, EV, CELSIUS = 1, 2, 3, 4, 5, 9, 13, 14, 20
FLOAT = -128


def packed_date(year: int, month: int, day: int, hour: int, minute: int) -> int:
    return year << 20 | month << 16 | day << 11 | hour << 6 | minute


@dataclass
class Spc:
    """One file of the new format; every field can be set wrong on purpose."""

    spectra: Sequence[np.ndarray]
    first: float = 100.0
    last: float = 500.0
    x: np.ndarray | Sequence[np.ndarray] | None = None
    order: str = "<"
    exponent: int = FLOAT
    sixteen_bit: bool = False
    x_unit: int = RAMAN
    y_unit: int = 4
    z_unit: int = 0
    z: Sequence[float] | None = None
    z_flag: int = ORDERED
    z_step: float = 0.0
    planes: int = 0
    w_step: float = 0.0
    w_unit: int = 0
    w: Sequence[float] | None = None
    date: int = 0
    source: bytes = b""
    comment: bytes = b""
    labels: bytes = b""
    log: bytes | None = None
    technique: int = 0
    scans: int = 0
    directory: bool = True
    flags: int | None = None
    n_points: int | None = None
    n_subfiles: int | None = None
    main_exponent: int | None = None
    sub_exponents: Sequence[int] | None = None
    extra: bytes = field(default=b"")

    @property
    def own_x(self) -> bool:
        return self.x is not None and not isinstance(self.x, np.ndarray)

    def _flags(self) -> int:
        if self.flags is not None:
            return self.flags
        n = len(self.spectra)
        return (
            (SPREC if self.sixteen_bit else 0)
            | (MULTI | (self.z_flag if self.z is not None else 0) if n > 1 else 0)
            | (LABELS if self.labels else 0)
            | (XVALS if self.x is not None else 0)
            | (XYXYS if self.own_x else 0)
        )

    def _y(self, values: np.ndarray, exponent: int) -> bytes:
        if exponent == FLOAT:
            return np.asarray(values, dtype=self.order + "f4").tobytes()
        bits = 16 if self.sixteen_bit else 32
        whole = np.round(np.asarray(values, dtype=float) * 2.0 ** (bits - exponent))
        return whole.astype(f"{self.order}i{bits // 8}").tobytes()

    def __bytes__(self) -> bytes:
        o, n = self.order, len(self.spectra)
        body = b"" if self.x is None or self.own_x else np.asarray(self.x, dtype=o + "f4").tobytes()
        places = []
        for i, y in enumerate(self.spectra):
            exponent = self.exponent if self.sub_exponents is None else self.sub_exponents[i]
            z = 0.0 if self.z is None else self.z[i]
            following = self.z[1] if self.z is not None and i == 0 and n > 1 else z
            w = 0.0 if self.w is None else self.w[i]
            start = 512 + len(body)
            shown = self.exponent if self.sub_exponents is None else exponent
            body += struct.pack(o + "BbHfffIIf4s", 0, shown, i, z, following, 0.0, len(y), self.scans, w, b"")
            if self.own_x:
                body += np.asarray(self.x[i], dtype=o + "f4").tobytes()
            body += self._y(y, self.exponent if self.main_exponent == FLOAT else exponent)
            places.append((start, 512 + len(body) - start, z))
        points = len(self.spectra[0])
        if self.own_x:
            points = 512 + len(body) if self.directory else 0
            body += b"".join(struct.pack(o + "IIf", *p) for p in places) if self.directory else b""
        log_at = 0
        if self.log is not None:
            log_at = 512 + len(body)
            size = 64 + len(self.log) + 1
            body += struct.pack(o + "IIIII44s", size, 4096, 64, 0, 0, b"") + self.log + b"\0"
        head = struct.pack(
            o + "BBBbIddIBBBBI9s9sH8f130s30sIIBBHf48sfIfB187s",
            self._flags(), 0x4B if o == "<" else 0x4C, self.technique,
            self.exponent if self.main_exponent is None else self.main_exponent,
            points if self.n_points is None else self.n_points, self.first, self.last,
            n if self.n_subfiles is None else self.n_subfiles,
            self.x_unit, self.y_unit, self.z_unit, 0, self.date, b"4", self.source, 0, *[0.0] * 8, self.comment,
            self.labels, log_at, 0, 0, 0, 0, 0.0, b"", self.z_step, self.planes, self.w_step, self.w_unit, b"",
        )  # fmt: skip
        return head + body + self.extra


@dataclass
class OldSpc:
    """One file of the old format (0x4D)."""

    spectra: Sequence[np.ndarray]
    first: float = 100.0
    last: float = 500.0
    exponent: int = 10
    sixteen_bit: bool = False
    x_unit: int = RAMAN
    z_unit: int = MINUTES
    z: Sequence[float] | None = None
    date: tuple[int, int, int, int, int] = (92, 5, 14, 20, 19)
    comment: bytes = b"old"
    labels: bytes = b""
    n_points: float | None = None

    def _y(self, values: np.ndarray) -> bytes:
        bits = 16 if self.sixteen_bit else 32
        whole = np.round(np.asarray(values, dtype=float) * 2.0 ** (bits - self.exponent)).astype(f"<i{bits // 8}")
        if self.sixteen_bit:
            return whole.tobytes()
        # The more significant of the two words comes first.
        return b"".join(struct.pack("<HH", v >> 16 & 0xFFFF, v & 0xFFFF) for v in whole.tolist())

    def __bytes__(self) -> bytes:
        n = len(self.spectra)
        flags = (SPREC if self.sixteen_bit else 0) | (MULTI | ORDERED if n > 1 else 0)
        year, month, day, hour, minute = self.date
        points = float(len(self.spectra[0])) if self.n_points is None else self.n_points
        head = struct.pack(
            "<BBhfffBBHBBBB8sHH7f130s30s",
            flags, 0x4D, self.exponent, points, self.first, self.last, self.x_unit, 4, year | self.z_unit << 12, month,
            day, hour, minute, b"8. cm-1", 0, 3, *[0.0] * 7, self.comment, self.labels,
        )  # fmt: skip
        body = b""
        for i, y in enumerate(self.spectra):
            z = 0.0 if self.z is None else self.z[i]
            body += struct.pack("<BbHfffIIf4s", 0, self.exponent, i, z, z, 0.0, 0, 0, 0.0, b"") + self._y(y)
        return head + body


def spectra(n: int, points: int = 5) -> list[np.ndarray]:
    """Spectra that say their own number and channel, and whose numbers 2**-k can hold."""
    return [np.arange(points) * 0.5 + 8.0 * (i + 1) for i in range(n)]


def examples() -> dict[str, bytes]:
    """A few small valid files by name."""
    uneven = np.array([100.0, 150.0, 210.0, 300.0, 500.0])
    log = b"EXCIT_LINE = 532.2\n\rTIME = 2\n\rACCUM = 3\n\rDATE = 02/19/16 16:43:05\n\r"
    return {
        "single.spc": bytes(Spc(spectra(1), date=packed_date(2022, 1, 21, 12, 2), log=log)),
        "series.spc": bytes(Spc(spectra(4), x=uneven, z=[0.0, 1.5, 2.0, 9.0], z_unit=SECONDS, exponent=10)),
        "words.spc": bytes(Spc(spectra(3), sixteen_bit=True, exponent=8, z=[0, 1, 2], z_unit=UM, z_flag=0, z_step=1.0)),
        "volume.spc": bytes(
            Spc(spectra(6), z_unit=UM, z=[0, 5] * 3, z_flag=0, z_step=5.0, planes=3, w_unit=UM, w_step=2)
        ),
        "xyxy.spc": bytes(Spc([*spectra(2), np.arange(3.0)], x=[uneven, uneven, uneven[:3]], z=[1, 2, 3], order=">")),
        "old.spc": bytes(OldSpc(spectra(3), z=[18.0, 19.0, 21.0])),
        "old_single.spc": bytes(OldSpc(spectra(1), sixteen_bit=True, exponent=6)),
    }
