"""The blocks of a Bruker OPUS file.

A file begins with ``0A 0A FE FE``, a version, and where its directory lies. An entry of the directory is a type code,
a length in 32-bit words and a place. The type code is a set of bit fields: part of a complex number, sample or
reference or ratio, kind of parameters, kind of data, derivative, and form (plain, series, history). A parameter is a
name of three letters, a type, a length in 16-bit words and a value. A block of data has beside it a block of *data
status* with the same code, which holds axis, scale and date.

Bruker publishes no description. These facts are those that the documentation of the free package brukeropus (MIT)
gives, checked on real files. Bit 30 of the code, which no source explains, marks blocks of a first measurement in files
that a map or a correction was added to; such blocks are read, after those without the mark.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableFile

__all__ = ["Block", "Series", "parameters", "read_directory", "series_of", "text_of", "values_of"]

MAGIC = b"\x0a\x0a\xfe\xfe"
DATA_STATUS, INSTRUMENT, ACQUISITION, OPTICS, ORIGIN = 1, 2, 3, 6, 10
SAMPLE, REFERENCE, RATIO = 1, 2, 3
SERIES, HISTORY = 2, 5
_HEADER_BYTES, _ENTRY_BYTES = 24, 12
_DIRECTORY = 13
_PARAMETER_KINDS = {
    1: "data status",
    2: "instrument",
    3: "acquisition",
    4: "Fourier transform",
    5: "plot",
    6: "optics",
    7: "GC",
    8: "library search",
    9: "communication",
    10: "sample origin",
    11: "laboratory and process",
}
_DATA_KINDS = {
    1: "spectrum",
    2: "interferogram",
    3: "phase",
    4: "absorbance",
    5: "transmittance",
    6: "Kubelka-Munk",
    7: "trace",
    8: "interferograms",
    9: "spectra",
    10: "Raman",
    11: "emission",
    12: "reflectance",
    14: "power",
    15: "log reflectance",
    16: "ATR",
    17: "photoacoustic",
    18: "arithmetic transmittance",
    19: "arithmetic absorbance",
    22: "match",
}
RAMAN_KIND = 10
# Of each spectrum of a series: eight integers (scans, points, faults), limits and filters, axis, extremes and scale,
# peaks, start and end time.
_SERIES_INFO = "<8i4d2i7d2i2d"
_SERIES_HEADER = "<6i"


@dataclass(frozen=True)
class Block:
    """One entry of the directory."""

    code: int
    size: int
    at: int
    content: bytes

    @property
    def part(self) -> int:
        """1 real, 2 imaginary, 3 amplitude."""
        return self.code & 3

    @property
    def side(self) -> int:
        """1 sample, 2 reference, 3 ratio of the two."""
        return self.code >> 2 & 3

    @property
    def parameter_kind(self) -> int:
        """Kind of parameters, 0 for none."""
        return self.code >> 4 & 63

    @property
    def data_kind(self) -> int:
        """Kind of data without the number of the channel, 0 for none."""
        return self.code >> 10 & 31

    @property
    def channel(self) -> int:
        """Detector channel, from 1."""
        return (self.code >> 15 & 3) + 1

    @property
    def derivative(self) -> int:
        """Order of the derivative, 0 for none."""
        return self.code >> 17 & 3

    @property
    def form(self) -> int:
        """2 series, 5 history; other values are reports, structures and pictures beside parameter-less entries."""
        return self.code >> 19 & 7

    @property
    def marked(self) -> bool:
        """Bit 30, see the module's text."""
        return bool(self.code >> 30 & 1)

    @property
    def is_data(self) -> bool:
        """True for a spectrum, an interferogram or the like, or a series of them."""
        kind = self.data_kind
        return self.parameter_kind == 0 and kind not in (0, _DIRECTORY) and self.form in (0, SERIES, 4)

    @property
    def is_series(self) -> bool:
        """True for a series of spectra."""
        return self.form == SERIES

    @property
    def status_code(self) -> int:
        """The code that the block of data status has for this block of data."""
        return self.code | DATA_STATUS << 4

    @property
    def name(self) -> str:
        """In words; for data, what a person chooses it by."""
        side = {SAMPLE: "sample", REFERENCE: "reference"}.get(self.side, "")
        if self.parameter_kind:
            words = [_PARAMETER_KINDS.get(self.parameter_kind, f"parameters {self.parameter_kind}")]
            described = " ".join(self._data_words(side)) if self.parameter_kind == DATA_STATUS else side
            return f"{words[0]} ({described})" if described else words[0]
        return " ".join(self._data_words(side))

    def _data_words(self, side: str) -> list[str]:
        kind = _DATA_KINDS.get(self.data_kind, f"data {self.data_kind}")
        words = [side] if side and self.data_kind == 1 else [w for w in (side, kind) if w]
        words += [f"channel {self.channel}"] if self.channel > 1 else []
        words += [{1: "real part", 2: "imaginary part"}[self.part]] if self.part in (1, 2) else []
        words += [f"derivative {self.derivative}"] if self.derivative else []
        return words + (["series"] if self.is_series else [])


@dataclass(frozen=True)
class Series:
    """The spectra of a series, and what is stored of each."""

    y: NDArray[Any]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]


def read_directory(path: Path, data: bytes) -> list[Block]:
    """Return all blocks of a file.

    Raises
    ------
    UnreadableFile
        If the header, the directory or a block lies (partly) outside the file.
    """
    if data[:4] != MAGIC:
        raise UnreadableFile(path, "does not begin like an OPUS file")
    if len(data) < _HEADER_BYTES:
        raise UnreadableFile(path, f"ends inside its header: {len(data)} of {_HEADER_BYTES} bytes")
    start, _, count = struct.unpack_from("<III", data, 12)
    if count == 0 or start < _HEADER_BYTES or start + _ENTRY_BYTES * count > len(data):
        raise UnreadableFile(
            path, f"its directory of {count} blocks at byte {start} does not fit into {len(data)} bytes"
        )
    blocks, total = [], 0
    for number in range(count):
        code, words, at = struct.unpack_from("<III", data, start + _ENTRY_BYTES * number)
        size = 4 * words
        if code == 0 or size == 0 or at == 0:
            continue  # taken out by OPUS
        total += size
        if at + size > len(data):
            raise UnreadableFile(
                path,
                f"ends inside block {number + 1} of {count} (type {code:#x}): it needs {at + size} bytes, the file has "
                f"{len(data)}",
            )
        if total > 2 * len(data):
            raise UnreadableFile(path, "its directory is damaged: the blocks lie over one another")
        blocks.append(Block(code, size, at, data[at : at + size]))
    return blocks


def parameters(block: Block) -> dict[str, Any]:
    """Return the parameters of a block; what follows a damaged one is left out."""
    found: dict[str, Any] = {}
    raw, at = block.content, 0
    while at + 8 <= len(raw):
        name = raw[at : at + 3]
        if name == b"END" or not name.isalnum():
            break
        kind, words = struct.unpack_from("<HH", raw, at + 4)
        value = raw[at + 8 : at + 8 + 2 * words]
        if len(value) < 2 * words:
            break
        found[name.decode("latin-1")] = _value(kind, value)
        at += 8 + 2 * words
    return found


def _value(kind: int, raw: bytes) -> Any:
    if kind == 0 and len(raw) >= 4:
        return int(struct.unpack_from("<i", raw)[0])
    if kind == 1 and len(raw) >= 8:
        value = float(struct.unpack_from("<d", raw)[0])
        return value if abs(value) < float("inf") else str(value)
    return raw.split(b"\0", 1)[0].decode("latin-1")


def text_of(block: Block) -> str:
    """Return the text of a history block."""
    lines = [part for part in block.content.split(b"\0") if part]
    return "\n".join(_decoded(line) for line in lines).strip()


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def values_of(path: Path, block: Block, n: int, integers: bool) -> NDArray[Any]:
    """Return the n values of one spectrum (float32 or int32). OPUS may reserve more room than it fills."""
    if n < 1 or 4 * n > block.size:
        raise UnreadableFile(
            path,
            f"its data status announces {n} points of {block.name!r}, its data block has room for {block.size // 4}",
        )
    # A compact block holds other things before its numbers.
    offset = block.size - 4 * n if block.form == 4 else 0
    return np.frombuffer(block.content, "<i4" if integers else "<f4", n, offset)


def series_of(path: Path, block: Block, n: int, integers: bool) -> Series:
    """Return a series of spectra of n values, as many as are stored."""
    header_bytes = struct.calcsize(_SERIES_HEADER)
    info_bytes = struct.calcsize(_SERIES_INFO)
    if block.size < header_bytes:
        raise UnreadableFile(path, f"ends inside the header of {block.name!r}")
    _, announced, offset, data_bytes, extra_bytes, _ = struct.unpack_from(_SERIES_HEADER, block.content)
    if announced < 1 or offset < header_bytes or n < 1 or data_bytes < 4 * n or extra_bytes < info_bytes:
        raise UnreadableFile(
            path, f"the header of {block.name!r} is damaged ({announced} spectra of {data_bytes} bytes)"
        )
    stride = data_bytes + extra_bytes
    # Skipped spectra are counted but not stored, and only the block's length tells.
    count = min(announced, max(0, block.size - offset) // stride)
    if count == 0:
        raise UnreadableFile(path, f"{block.name!r} holds no whole spectrum")
    record = np.dtype(
        {
            "names": ["y", "start", "end"],
            "formats": [("<i4" if integers else "<f4", (n,)), "<f8", "<f8"],
            "offsets": [0, data_bytes + info_bytes - 16, data_bytes + info_bytes - 8],
            "itemsize": stride,
        }
    )
    table = np.frombuffer(block.content, record, count, offset)
    return Series(table["y"], table["start"].astype(np.float64), table["end"].astype(np.float64))
