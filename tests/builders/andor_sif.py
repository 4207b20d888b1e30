"""Writes small Andor multi-channel files (``.sif``) from known numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

T0 = 1615747824  # 2021-03-14 18:50:24 UTC


@dataclass
class Part:
    """One set of pictures (pictures, rows, channels)."""

    counts: np.ndarray
    version: int = 65567
    seconds: int = T0
    exposure: float = 0.5
    accumulations: int = 4
    kinetic: float = 2.5
    calibration: tuple[float, ...] = (540.0, 0.5, 1e-4, 0.0)
    code: int = 2
    excitation: str = "532"
    labels: tuple[str, str, str] = ("Wavelength", "Counts", "Pixel number")
    user_text: bytes = b""
    areas: list[tuple[int, ...]] | None = None
    """left, top, right, bottom, rows binned, columns binned"""
    stamps: list[int] | None = None
    after_stamps: str | None = "0"
    total: int | None = None
    centre: str = "1 1 545.5 1 0 1200.5 500nm"
    extra_lines: list[str] = field(default_factory=lambda: ["0 10", "0 999 999"])

    def __bytes__(self) -> bytes:
        pictures, rows, channels = self.counts.shape
        head = (
            f"{self.version} 0 0 1 {self.seconds} -60 ".encode() + b"\0 \0 \n \1 \0 "
        )  # a mode byte can be a line end
        head += f"0 {self.exposure:g} 0.6 0.6 {self.accumulations} ".encode() + b"\0 "
        head += f"{self.kinetic:g} 2e-05 0 1 2 0 0 0 0 0 -1 4 31 30047 0 0\n".encode()
        name = b"C:\\data\\made.sif"
        head += b"DU420_OE \n 1024 255 %d\n" % len(name) + name + b" \n"
        text = self.user_text.ljust(16, b"\0")
        head += b"65538 %d\n" % len(text) + text + b"\n65538 \1 \2 \3 \0 0.027 0\n"
        head += f"65540 {self.centre}\n".encode() + "".join(line + "\n" for line in self.extra_lines).encode()
        head += b"0 SR193i\n0 10\n-1\n"
        flags = b" ".join(bytes([v]) for v in (self.code, 0, 10, 0, 1, 0))
        numbers = " ".join(f"{c!r}" for c in self.calibration)
        head += b"65540 " + flags + f"\n{numbers}\n0 1 0 0\n0 1 0 0\n{self.excitation}\n26\n26\n1\n".encode()
        for label in self.labels:
            head += f"{len(label)}\n{label}".encode("latin-1")
        areas = self.areas or [(1, rows, channels, 1, 1, 1)]
        total = pictures * rows * channels if self.total is None else self.total
        head += f"65541 1 {rows} {channels} 1 {pictures} {len(areas)} {total} {rows * channels}\n".encode()
        for area in areas:
            head += ("65538 " + " ".join(map(str, area)) + " 0\n").encode()
        head += "".join(f"{s:10d}\n" for s in self.stamps or [0] * pictures).encode()
        if self.after_stamps is not None:
            head += self.after_stamps.encode() + b"\n"
            if self.after_stamps == "1":
                head += b"".join(b"%20d\n" % (1122186 + k) for k in range(pictures))
        return head + self.counts.astype("<f4").tobytes()


def a_file(signal: Part, background: Part | None = None, milliseconds: int | None = None) -> bytes:
    """Signal and perhaps background, as announced by lines 0 and 1."""
    whole = b"Andor Technology Multi-Channel File\n65538 1\n" + bytes(signal) + b"0\n"
    whole += b"0\n" if background is None else b"1\n" + bytes(background)
    whole += b"0\n0\n"
    if milliseconds is not None:
        whole += f'<?xml version="1.0" ?>\n<Signals><mSec>{milliseconds}</mSec></Signals>\nSIFX'.encode()
    return whole


def numbered(pictures: int = 1, rows: int = 1, channels: int = 6) -> np.ndarray:
    """Numbers that say their own place: 1000 × picture + 100 × row + channel."""
    p, r, c = np.indices((pictures, rows, channels))
    return 1000.0 * p + 100.0 * r + c + 1


def examples() -> dict[str, bytes]:
    return {
        "spectrum.sif": a_file(Part(numbered())),
        "series.sif": a_file(Part(numbered(3), stamps=[0, 2500000, 5000000], after_stamps="1"), milliseconds=147),
        "tracks.sif": a_file(
            Part(numbered(2, 3), areas=[(1, 2, 6, 1, 1, 1), (1, 20, 6, 11, 10, 1)]), Part(numbered(1, 3) + 7)
        ),
    }
