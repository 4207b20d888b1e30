"""Writes small Princeton Instruments files, WinSpec 2.x and LightField 3.0, from known numbers."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

_CODES = {"<f4": 0, "<i4": 1, "<i2": 2, "<u2": 3, "<f8": 5, "<u4": 8}
_FORMATS = {"<u2": "MonochromeUnsigned16", "<u4": "MonochromeUnsigned32", "<f4": "MonochromeFloating32"}


def numbered(frames: int = 1, rows: int = 1, channels: int = 6) -> np.ndarray:
    f, r, c = np.indices((frames, rows, channels))
    return 1000 * f + 100 * r + c + 1


def header(version: float) -> bytearray:
    raw = bytearray(4100)
    struct.pack_into("<f", raw, 1992, version)
    struct.pack_into("<I", raw, 2996, 0x01234567)
    struct.pack_into("<H", raw, 4098, 0x5555)
    return raw


@dataclass
class Spe2:
    counts: np.ndarray
    dtype: str = "<u2"
    polynomial: tuple[float, ...] = (500.0, 0.5)
    unit: int = 3
    valid: int = 1
    laser: float = 0.0
    date: bytes = b"12Feb2009"
    local: bytes = b"013000"
    utc: bytes = b"003000"
    exposure: float = 0.25
    accumulations: int = 4
    region: tuple[int, int, int] = (0, 0, 0)
    frames: int | None = None

    def __bytes__(self) -> bytes:
        frames, rows, channels = self.counts.shape
        raw = header(2.5)
        struct.pack_into("<f", raw, 10, self.exposure)
        raw[20 : 20 + len(self.date)] = self.date
        struct.pack_into("<f", raw, 36, -70.0)
        struct.pack_into("<H", raw, 42, channels)
        struct.pack_into("<h", raw, 108, _CODES[self.dtype])
        raw[172 : 172 + len(self.local)] = self.local
        raw[179 : 179 + len(self.utc)] = self.utc
        raw[200:209] = b"Si on Cu\0"
        struct.pack_into("<f", raw, 650, 600.0)
        struct.pack_into("<H", raw, 656, rows)
        struct.pack_into("<i", raw, 668, self.accumulations)
        struct.pack_into("<i", raw, 1446, frames if self.frames is None else self.frames)
        struct.pack_into("<h3H", raw, 1510, 1 if self.region[0] else 0, *self.region)
        struct.pack_into("<4b", raw, 3098, self.valid, 0, self.unit, len(self.polynomial) - 1)
        struct.pack_into(f"<{len(self.polynomial)}d", raw, 3263, *self.polynomial)
        struct.pack_into("<d", raw, 3311, self.laser)
        return bytes(raw) + self.counts.astype(self.dtype).tobytes()


STAMPS = (
    '<MetaFormat><MetaBlock id="1">'
    '<TimeStamp event="ExposureStarted" type="Int64" bitDepth="64" resolution="1000000" absoluteTime="{zero}"/>'
    '<TimeStamp event="ExposureEnded" type="Int64" bitDepth="64" resolution="1000000" absoluteTime="{zero}"/>'
    "</MetaBlock></MetaFormat>"
)
ZERO = "2024-10-01T11:32:24.6579626+02:00"


@dataclass
class Spe3:
    """Regions one after another in a frame; ``stamps_us`` of begin and end follow the numbers."""

    regions: list[np.ndarray]
    dtype: str = "<u2"
    wavelengths: np.ndarray = field(default_factory=lambda: 540.0 + 0.5 * np.arange(6))
    columns: list[tuple[int, int]] | None = None
    """First sensor column and binning of each region."""
    laser: str = "532"
    stamps_us: list[tuple[int, int]] | None = None
    combined: tuple[int, str] | None = None
    frame_rate: float | None = 0.5
    exposure_ms: float = 1500.0
    file_made: str = "2024-10-01T11:35:28.5954832+02:00"
    calibrated: bool = True
    errors: bool = False
    orientation: str = "Normal"
    offset: int | None = None
    frames: int | None = None
    extra: str = ""

    def xml(self) -> str:
        n = len(self.regions[0])
        size = sum(r[0].size for r in self.regions) * np.dtype(self.dtype).itemsize
        stride = size + (16 if self.stamps_us else 0)
        columns = self.columns or [(0, 1)] * len(self.regions)
        blocks, mappings = "", ""
        for k, (region, (column, binning)) in enumerate(zip(self.regions, columns, strict=True)):
            rows, width = region.shape[1:]
            n_bytes = rows * width * np.dtype(self.dtype).itemsize
            blocks += (
                f'<DataBlock type="Region" calibrations="2,{k + 3}" count="1" width="{width}" height="{rows}" '
                f'size="{n_bytes}" stride="{n_bytes}" />'
            )
            mappings += (
                f'<SensorMapping id="{k + 3}" x="{column}" y="0" height="{rows}" width="{width * binning}" '
                f'xBinning="{binning}" yBinning="1" />'
            )
        listed = ",".join(repr(float(w)) for w in self.wavelengths)
        wavelengths = f"<Wavelength>{listed}</Wavelength>"
        if self.errors:
            pairs = " ".join(f"{float(w)!r},0.01" for w in self.wavelengths)
            wavelengths = f"<WavelengthError>{pairs}</WavelengthError>"
        mapping = (
            f'<WavelengthMapping id="1" orientation="{self.orientation}" laserLine="{self.laser}">{wavelengths}'
            "</WavelengthMapping>"
        )
        combination = ""
        if self.combined:
            combination = (
                f"<FrameCombination><FramesCombined>{self.combined[0]}</FramesCombined>"
                f"<Method>{self.combined[1]}</Method></FrameCombination>"
            )
        rate = "" if self.frame_rate is None else f"<FrameRate>{self.frame_rate}</FrameRate>"
        return (
            '<SpeFormat version="3.0" xmlns="http://www.princetoninstruments.com/spe/2009">'
            f'<DataFormat><DataBlock type="Frame" count="{n if self.frames is None else self.frames}" '
            f'pixelFormat="{_FORMATS.get(self.dtype, self.dtype)}" size="{size}" stride="{stride}" calibrations="1">'
            f"{blocks}</DataBlock></DataFormat>"
            + (STAMPS.format(zero=ZERO) if self.stamps_us else "")
            + f'<Calibrations>{mapping if self.calibrated else ""}<SensorInformation id="2" />{mappings}</Calibrations>'
            f'<DataHistories><DataHistory><Origin created="{ZERO}" software="LightField" softwareVersion="6.5">'
            '<Experiment xmlns="http://www.princetoninstruments.com/experiment/2009">'
            '<System><Spectrometer model="SP-2-500i" /><Camera model="PyLoN" /></System>'
            f"<Camera><ShutterTiming><ExposureTime>{self.exposure_ms}</ExposureTime></ShutterTiming>"
            f"<Acquisition>{rate}</Acquisition>{combination}</Camera>"
            "<Grating><Selected>[500nm,1800][0][0]</Selected></Grating></Experiment></Origin></DataHistory>"
            f'</DataHistories><FileInformation created="{self.file_made}" />{self.extra}</SpeFormat>'
        )

    def __bytes__(self) -> bytes:
        frames = b""
        for k in range(len(self.regions[0])):
            frames += b"".join(region[k].astype(self.dtype).tobytes() for region in self.regions)
            if self.stamps_us:
                frames += struct.pack("<2q", *self.stamps_us[k])
        raw = header(3.0)
        struct.pack_into("<Q", raw, 678, 4100 + len(frames) if self.offset is None else self.offset)
        return bytes(raw) + frames + self.xml().encode()


def examples() -> dict[str, bytes]:
    stamps = [(0, 1500000), (2000000, 3500000), (4100000, 5600000)]
    return {
        "winspec.spe": bytes(Spe2(numbered(2))),
        "lightfield.spe": bytes(Spe3([numbered()])),
        "series.spe": bytes(Spe3([numbered(3), numbered(3, 2) + 50], stamps_us=stamps)),
    }
