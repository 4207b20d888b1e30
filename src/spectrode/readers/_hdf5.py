"""What the readers of HDF5 files share: opening damaged files safely, and reading only what can be there.

HDF5 declares sizes that a flipped byte can make astronomical. The only compression that every HDF5 library has is
deflate, which cannot shrink data more than 1032 times (a run of 258 bytes takes two bits at best, RFC 1951). An array
that claims more than that of what is stored for it is refused before memory is taken for it.

The HDF5 library (2.0.0 and before) trusts its heaps of strings. It never returns from one in which a damaged entry has
no length, takes gigabytes for a string whose reference claims them, and crashes when it converts a variable-length type
that a flipped byte made unknown. Such heaps and references are looked for before the library sees the file, and only
numbers and strings are ever read.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import InvalidDataset, UnreadableFile

__all__ = ["MAGIC", "attribute", "attributes", "checked_array", "opened", "sniffed", "text_of"]

MAGIC = b"\x89HDF\r\n\x1a\n"
_HEAP = b"GCOL\x01\0\0\0"
_SMALL = 1 << 26
_WINDOW = 1 << 22
_MAX_ATTRIBUTE = 1 << 20
# Class 9 (variable length) of any version, kind "string", any padding and character set, 16 bytes a reference.
_STRING_TYPE = re.compile(rb"[\x19\x29\x39\x49\x59][\x01\x11\x21][\x00\x01]\x00\x10\x00\x00\x00")
_MAX_DEFLATE = 1032
_ALWAYS_ALLOWED = 1 << 20
# What h5py raises where a flipped byte makes the library fail, or a group stands where an array should.
_DAMAGE = (OSError, RuntimeError, TypeError, AttributeError, KeyError, ValueError, OverflowError, MemoryError,
           InvalidDataset)  # fmt: skip


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open an HDF5 file for reading; whatever damage makes h5py raise becomes one :class:`UnreadableFile`."""
    try:
        _check_heaps(path)
        with h5py.File(path, "r") as file:
            yield file
    except UnreadableFile:
        raise
    except _DAMAGE as error:
        raise UnreadableFile(path, f"is a damaged HDF5 file, or lacks what its reader needs ({error})") from None


def sniffed(path: Path, head: bytes) -> Any:
    """Return the open file if it is HDF5 that opens, else None; the caller closes it and expects any access to fail."""
    if not head.startswith(MAGIC):
        return None
    try:
        _check_heaps(path)
        return h5py.File(path, "r")
    except (UnreadableFile, *_DAMAGE):
        return None


def _check_heaps(path: Path) -> None:
    stat = path.stat()
    # Three readers ask in turn, which takes time for a large file. A small one may have been rewritten within one tick.
    search = _heap_fault if stat.st_size < _SMALL else _cached_heap_fault
    fault = search(path, stat.st_size, stat.st_mtime_ns)
    if fault:
        raise UnreadableFile(path, f"is a damaged HDF5 file: {fault}")


def _heap_fault(path: Path, size: int, modified_ns: int) -> str | None:
    """Say what in the global heaps would make the library stand still or take all memory; None if nothing would."""
    if size == 0:
        return None
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        heaps = set()
        for at in _heap_starts(path):
            heaps.add(at)
            if _stands_still(content, at):
                return "a heap of its strings holds an entry without a length"
        # In larger files, what a string can claim (four bytes of length) is no more than a small multiple of the file.
        if size < _SMALL and _longest_string(content, heaps) > size:
            return "a string claims to be longer than the file"
    return None


def _heap_starts(path: Path) -> Iterator[int]:
    """Yield where heaps begin. The file is read, because mapped pages of a large one would count as memory taken."""
    start, tail = 0, b""
    with open(path, "rb") as stream:
        while block := stream.read(_WINDOW):
            text = tail + block
            at = text.find(_HEAP)
            while at >= 0:
                yield start - len(tail) + at
                at = text.find(_HEAP, at + len(_HEAP))
            start += len(block)
            tail = text[1 - len(_HEAP) :]


_cached_heap_fault = lru_cache(maxsize=16)(_heap_fault)


def _longest_string(content: mmap.mmap, heaps: set[int]) -> int:
    """Return the largest length in the references that follow a type "string of variable length" (attributes)."""
    longest = 0
    for match in _STRING_TYPE.finditer(content):
        for at in range(match.end(), min(match.end() + 64, len(content) - 8)):
            if struct.unpack_from("<Q", content, at)[0] in heaps:
                longest = max(longest, struct.unpack_from("<I", content, at - 4)[0])
                break
    return longest


def _stands_still(content: mmap.mmap, start: int) -> bool:
    """Walk one heap (HDF5 format 2.0, III.E): index, references, length of each object; index 0 is the free rest."""
    if start + 16 > len(content):
        return False
    end = min(start + struct.unpack_from("<Q", content, start + 8)[0], len(content))
    at = start + 16
    while at + 16 <= end:
        index, length = struct.unpack_from("<H6xQ", content, at)
        step = length if index == 0 else (16 + (length + 7) // 8 * 8) % 2**64
        if step == 0:
            return True
        at += step
    return False


def checked_array(stored: Any, path: Path) -> Any:
    """Return the whole of an HDF5 array (or scalar).

    Raises
    ------
    UnreadableFile
        If it is not an array, or claims to be larger than what is stored for it can hold.
    """
    if not isinstance(stored, h5py.Dataset):
        raise UnreadableFile(path, "holds a group where an array is expected")
    if not _is_plain(stored.id.get_type()):
        raise UnreadableFile(path, f"holds values in {stored.name} that are neither numbers nor text")
    _check_strings(stored, path)
    claimed = int(stored.size or 0) * stored.dtype.itemsize
    if claimed > _ALWAYS_ALLOWED and claimed > _MAX_DEFLATE * stored.id.get_storage_size():
        raise UnreadableFile(
            path,
            f"declares {stored.name} with {claimed} bytes, but stores only {stored.id.get_storage_size()} for it; "
            "it is damaged",
        )
    return stored[()]


def _check_strings(stored: Any, path: Path) -> None:
    """Refuse strings that claim to be longer than the file, before the library takes memory for them."""
    kind = stored.id.get_type()
    offset = stored.id.get_offset()
    if kind.get_class() != h5py.h5t.STRING or not kind.is_variable_str() or offset is None:
        return
    count, size = int(stored.size or 0), path.stat().st_size
    if 16 * count > size:
        raise UnreadableFile(path, f"declares {count} strings in {stored.name}, more than the file can hold")
    with open(path, "rb") as stream:
        stream.seek(offset)
        references = stream.read(16 * count)
    for at in range(0, len(references) - 15, 16):
        if struct.unpack_from("<I", references, at)[0] > size:
            raise UnreadableFile(path, f"is a damaged HDF5 file: a string in {stored.name} claims more than the file")


def _is_plain(stored_type: Any) -> bool:
    return stored_type.get_class() in (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING, h5py.h5t.ENUM)


def attribute(node: Any, name: str, default: Any = None) -> Any:
    """Return an attribute that holds numbers or text; the default if it is not there or holds anything else."""
    if name not in node.attrs:
        return default
    stored = node.attrs.get_id(name)
    if not _is_plain(stored.get_type()) or stored.get_storage_size() > _MAX_ATTRIBUTE:
        return default
    return node.attrs[name]


def attributes(node: Any) -> dict[str, Any]:
    """Return all attributes that hold numbers or text."""
    found = {str(name): attribute(node, name) for name in node.attrs}
    return {name: value for name, value in found.items() if value is not None}


def text_of(value: Any) -> str:
    """Return an HDF5 string, or the first of an array of strings, as text."""
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)
