"""A small reader of MATLAB 5 files that is safe on damaged ones: every declared size is compared before it is used.

Format: *MAT-File Format*, The MathWorks (R2023a, public). A file is a header of 128 bytes, then elements: type (u32),
size (u32), content padded to 8 bytes; up to four bytes of content can stand in the tag itself. A matrix element holds
flags, dimensions, a name, and numbers, text, cells or fields. Version 4 and 7.3 (HDF5) files are other formats.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UnreadableFile

__all__ = ["MAGIC", "Structure", "head_content", "variables"]

MAGIC = b"MATLAB 5.0 MAT-file"
_HEADER = 128
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXT = {16: "utf-8", 17: "utf-16", 18: "utf-32"}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _OBJECT, _CHAR = 1, 2, 3, 4
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_MAX_DEPTH = 20
# Real spectra compress to a half; a table of zeros at most to a thousandth. What claims more is no measurement.
_MOST_EXPANSION = 100


@dataclass(frozen=True)
class Structure:
    """One struct or object: its class name (empty for a struct) and fields."""

    class_name: str
    fields: dict[str, Any]


class _Content:
    """Elements one after another, from a file or an unpacked variable.

    The size that a nested matrix declares is only used to pass over what is not understood: WITec writes some that are
    too small, and reading part after part gives the right end.
    """

    def __init__(self, path: Path, data: bytes, order: str, at: int) -> None:
        self.path, self.data, self.order, self.at = path, data, order, at

    @property
    def has_more(self) -> bool:
        return self.at + 8 <= len(self.data)

    def element(self) -> tuple[int, int, int]:
        """Return type, begin and end of the next element, and stand at its begin (see :meth:`leave`)."""
        if not self.has_more:
            raise UnreadableFile(self.path, "is cut short or damaged: a variable ends before all of its parts")
        kind, size = struct.unpack_from(self.order + "II", self.data, self.at)
        begin, most = self.at + 8, len(self.data) - self.at - 8
        if kind >> 16:  # content of up to four bytes within the tag
            kind, size = kind & 0xFFFF, kind >> 16
            begin, most = self.at + 4, 4
        if size > most:
            raise UnreadableFile(
                self.path, f"is cut short or damaged: the element at byte {self.at} claims {size} bytes of {most}"
            )
        self.at = begin
        return kind, begin, begin + size

    def leave(self, begin: int, end: int) -> None:
        """Go on after the padding of an element."""
        self.at = end + (begin - end) % 8

    def part(self) -> tuple[int, int, int]:
        """Return the next element and stand behind it."""
        start = self.at
        kind, begin, end = self.element()
        if begin == start + 4:  # within the tag
            self.at = start + 8
        else:
            self.leave(begin, end)
        return kind, begin, end

    def numbers(self) -> np.ndarray[Any, Any]:
        return self.as_numbers(*self.part())

    def as_numbers(self, kind: int, begin: int, end: int) -> np.ndarray[Any, Any]:
        if kind not in _NUMBERS:
            raise UnreadableFile(self.path, f"has an element of type {kind} where numbers should be; it is damaged")
        dtype = np.dtype(self.order + _NUMBERS[kind])
        return np.frombuffer(self.data, dtype=dtype, count=(end - begin) // dtype.itemsize, offset=begin)

    def matrix(self, depth: int = 0) -> tuple[str, Any]:
        """Return name and value of the next element, which is a matrix."""
        if depth > _MAX_DEPTH:
            raise UnreadableFile(self.path, f"has values nested more than {_MAX_DEPTH} deep; it is damaged")
        element, begin, end = self.element()
        if element != _MATRIX:
            raise UnreadableFile(self.path, f"has an element of type {element} where a matrix should be; damaged")
        if begin == end:
            return "", np.zeros((0, 0))
        flags = int(self.numbers()[0])
        dims = [int(d) for d in self.numbers()]
        _, name_begin, name_end = self.part()
        name = self.data[name_begin:name_end].decode("latin-1").rstrip("\0")
        if not dims or min(dims) < 0 or math.prod(dims) > len(self.data) - begin:
            raise UnreadableFile(self.path, f"has a variable of {dims} values in {end - begin} bytes; it is damaged")
        kind = flags & 0xFF
        if kind == _CELL:
            return name, self.cells(dims, depth)
        if kind in (_STRUCT, _OBJECT):
            return name, self.structure(dims, kind, depth)
        if kind == _CHAR:
            return name, self.text(math.prod(dims))
        if kind in _CLASSES and not flags & 0x800:
            return name, self.table(dims, _CLASSES[kind])
        self.leave(begin, end)
        return name, None  # sparse, complex, function handles: nothing that spectra are stored in

    def cells(self, dims: list[int], depth: int) -> np.ndarray[Any, Any]:
        self.check_count(math.prod(dims))
        found = np.empty(math.prod(dims), dtype=object)
        for k in range(found.size):
            found[k] = self.matrix(depth + 1)[1]
        return found.reshape(dims, order="F")

    def check_count(self, n: int) -> None:
        if 8 * n > len(self.data) - self.at:
            raise UnreadableFile(self.path, f"announces {n} values in {len(self.data) - self.at} bytes; it is damaged")

    def structure(self, dims: list[int], kind: int, depth: int) -> Any:
        class_name = ""
        if kind == _OBJECT:
            _, begin, end = self.part()
            class_name = self.data[begin:end].decode("latin-1").rstrip("\0")
        length = int(self.numbers()[0])
        _, begin, end = self.part()
        if not 1 <= length <= 1024:
            raise UnreadableFile(self.path, f"has field names of {length} bytes; it is damaged")
        names = [
            self.data[k : k + length].split(b"\0")[0].decode("latin-1") for k in range(begin, end - length + 1, length)
        ]
        self.check_count(math.prod(dims) * len(names))
        if not names:
            return Structure(class_name, {})
        every = [
            Structure(class_name, {name: self.matrix(depth + 1)[1] for name in names}) for _ in range(math.prod(dims))
        ]
        return every[0] if len(every) == 1 else every

    def text(self, n: int) -> str:
        kind, begin, end = self.part()
        if kind in _TEXT:
            encoding = _TEXT[kind] + ("" if kind == 16 else "-le" if self.order == "<" else "-be")
            return self.data[begin:end].decode(encoding, errors="replace")
        # MATLAB writes code points, WITec bytes of the Western code page: the same for what units are written with.
        codes = self.as_numbers(kind, begin, end)[:n].tolist()
        return "".join(chr(int(c)) if 0 <= c < 0xD800 else "\ufffd" for c in codes)

    def table(self, dims: list[int], dtype: str) -> np.ndarray[Any, Any]:
        stored = self.numbers()
        if stored.size != math.prod(dims):
            raise UnreadableFile(
                self.path, f"is cut short or damaged: a variable of {dims} values holds {stored.size} of them"
            )
        # MATLAB stores a value in the smallest type that holds it.
        with np.errstate(all="ignore"):
            return stored.astype(dtype).reshape(dims, order="F")


def _byte_order(head: bytes) -> str:
    return ">" if head[126:128] == b"MI" else "<"


def head_content(head: bytes) -> bytes:
    """Return the first bytes of the first variable, unpacked; never raises."""
    if not head.startswith(MAGIC) or len(head) < _HEADER + 8:
        return b""
    (kind,) = struct.unpack_from(_byte_order(head) + "I", head, _HEADER)
    body = head[_HEADER + 8 :]
    if kind != _COMPRESSED:
        return body
    try:
        return zlib.decompressobj().decompress(body, 1 << 14)
    except zlib.error:
        return b""


def variables(path: Path) -> dict[str, Any]:
    """Return the variables of a MATLAB 5 file: arrays, texts, object arrays of cells, :class:`Structure`.

    Raises
    ------
    UnreadableFile
        If a declared size does not fit, or a packed variable is damaged or grows beyond 100 times the file.
    """
    data = path.read_bytes()
    if not data.startswith(MAGIC) or len(data) < _HEADER:
        raise UnreadableFile(path, "does not begin as a MATLAB 5 file")
    order = _byte_order(data)
    content = _Content(path, data, order, _HEADER)
    found: dict[str, Any] = {}
    budget = _MOST_EXPANSION * len(data)
    while content.has_more:
        kind, begin, end = content.element()
        if kind == _COMPRESSED:
            unpacked = _unpacked(path, data[begin:end], budget)
            budget -= len(unpacked)
            inner = _Content(path, unpacked, order, 0)
            name, value = inner.matrix()
            found[name] = value
            content.at = end  # packed variables are not padded
        elif kind == _MATRIX:
            name, value = _Content(path, data, order, begin - 8).matrix()
            found[name] = value
            content.leave(begin, end)
        else:
            content.leave(begin, end)
    return found


def _unpacked(path: Path, packed: bytes, most: int) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, max(most, 1))
    except zlib.error as error:
        raise UnreadableFile(path, f"has a packed variable that is damaged ({error})") from None
    if unpacker.unconsumed_tail:
        raise UnreadableFile(path, f"has a packed variable that grows beyond {_MOST_EXPANSION} times the file")
    if not unpacker.eof:
        raise UnreadableFile(path, "has a packed variable that is cut short")
    return content
