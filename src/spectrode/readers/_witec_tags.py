"""The tag tree inside WITec project and data files (``.wip``, ``.wid``).

After eight magic bytes the file is one tag. A tag is: length of its name (u32), name, type (u32), begin and end of its
content as absolute file offsets (i64 each), content. Type 0 holds further tags one after another; 2 float64, 3 float32,
4 int64, 5 int32, 6 uint16, 7 bytes, 8 bool, 9 text with a length (u32) before it. All little-endian.

Facts: J. T. Holmi, *wit_io*, format notes (BSD-3-Clause), checked against the measured project of the tests.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableFile

__all__ = ["MAGICS", "Tag", "decoded", "read_root"]

MAGICS = (b"WIT_PRCT", b"WIT_PR06", b"WIT_DATA", b"WIT_DA06")
_TREE, _TEXT, _BYTES = 0, 9, 7
_TYPES = {2: "<f8", 3: "<f4", 4: "<i8", 5: "<i4", 6: "<u2", 7: "<u1", 8: "?"}
_MAX_DEPTH = 40
_MAX_TAGS = 100_000
_MAX_NAME = 4096
_LONGEST_LISTED = 64


def decoded(raw: bytes) -> str:
    """Return text of a Western Windows program, or of a newer one that writes UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


@dataclass
class Tag:
    """One tag; ``children`` is empty unless its type is a tree."""

    path: Path
    source: Any
    name: str
    kind: int
    begin: int
    end: int
    children: dict[str, Tag]

    @property
    def n_bytes(self) -> int:
        """Size of the content."""
        return self.end - self.begin

    def raw(self) -> bytes:
        """Return the content as it is."""
        return bytes(self.source[self.begin : self.end])

    def has(self, *names: str) -> bool:
        """Return True if there is a tag at this place further down."""
        here = self
        for name in names:
            if name not in here.children:
                return False
            here = here.children[name]
        return True

    def at(self, *names: str) -> Tag:
        """Return the tag at a place further down.

        Raises
        ------
        UnreadableFile
            Naming the missing tag.
        """
        here = self
        for name in names:
            if name not in here.children:
                raise UnreadableFile(self.path, f"has no tag {name!r} in {here.name!r}; it is cut short or damaged")
            here = here.children[name]
        return here

    def numbers(self, *names: str) -> NDArray[Any]:
        """Return the numbers of a tag further down, in the type in which they are stored."""
        tag = self.at(*names)
        if tag.kind not in _TYPES:
            raise UnreadableFile(self.path, f"has no numbers in its tag {tag.name!r} (type {tag.kind})")
        dtype = np.dtype(_TYPES[tag.kind])
        raw = tag.raw()
        return np.frombuffer(raw[: len(raw) - len(raw) % dtype.itemsize], dtype=dtype)

    def number(self, *names: str) -> Any:
        """Return the one number of a tag further down, as a Python number."""
        values = self.numbers(*names)
        if values.size == 0:
            raise UnreadableFile(self.path, f"has no number in its tag {names[-1]!r}; it is damaged")
        return values[0].item()

    def optional(self, *names: str, default: Any = None) -> Any:
        """Return the one number of a tag further down, or the default where there is none."""
        if not self.has(*names):
            return default
        values = self.numbers(*names)
        return values[0].item() if values.size else default

    def text(self, *names: str, default: str = "") -> str:
        """Return the text of a tag further down, or the default where there is none."""
        if not self.has(*names) or self.at(*names).kind != _TEXT:
            return default
        parts = list(_texts(self.at(*names).raw()))
        return parts[0] if parts else default

    def plain(self) -> Any:
        """Return the content as JSON-able values; long arrays as a note of their size."""
        if self.kind == _TREE:
            return {name: child.plain() for name, child in self.children.items()}
        if self.kind == _TEXT:
            parts = list(_texts(self.raw()))
            return parts[0] if len(parts) == 1 else parts
        if self.kind not in _TYPES or self.n_bytes > 8 * _LONGEST_LISTED:
            return f"{self.n_bytes} bytes of type {self.kind}"
        values = self.numbers().tolist()
        return values[0] if len(values) == 1 else values


def _texts(raw: bytes) -> Iterator[str]:
    at = 0
    while at + 4 <= len(raw):
        length = int.from_bytes(raw[at : at + 4], "little")
        if length > len(raw) - at - 4:
            yield decoded(raw[at + 4 :]).rstrip("\0")
            return
        yield decoded(raw[at + 4 : at + 4 + length]).rstrip("\0")
        at += 4 + length


def read_root(path: Path, source: Any) -> Tag:
    """Return the outermost tag of a file.

    Parameters
    ----------
    path
        For error texts.
    source
        The whole file as bytes or memory map. Tags refer to it, so it must stay open while they are used.

    Raises
    ------
    UnreadableFile
        If the tags do not lie in one another, or reach beyond the end of the file.
    """
    if bytes(source[:8]) not in MAGICS:
        raise UnreadableFile(path, "does not begin as a WITec project or data file")
    walker = _Walker(path, source)
    root = next(walker.tags(8, len(source), 0), None)
    if root is None or root.kind != _TREE:
        raise UnreadableFile(path, "has no tag tree after its first bytes; it is cut short or damaged")
    return root


class _Walker:
    def __init__(self, path: Path, source: Any) -> None:
        self.path, self.source, self.count = path, source, 0

    def tags(self, at: int, end: int, depth: int) -> Iterator[Tag]:
        if depth > _MAX_DEPTH:
            raise UnreadableFile(self.path, f"has tags nested more than {_MAX_DEPTH} deep; it is damaged")
        while at < end:
            tag = self.one(at, end)
            if tag.kind == _TREE:
                for child in self.tags(tag.begin, tag.end, depth + 1):
                    tag.children[child.name] = child
            yield tag
            at = tag.end

    def one(self, at: int, end: int) -> Tag:
        self.count += 1
        if self.count > _MAX_TAGS:
            raise UnreadableFile(self.path, f"has more than {_MAX_TAGS} tags; it is damaged")
        if at + 4 > end:
            raise UnreadableFile(self.path, f"ends inside a tag at byte {at}; it is cut short or damaged")
        length = int.from_bytes(self.source[at : at + 4], "little")
        if length > min(_MAX_NAME, end - at - 24):
            raise UnreadableFile(self.path, f"has a tag at byte {at} that reaches beyond its parent; it is damaged")
        name = decoded(bytes(self.source[at + 4 : at + 4 + length]))
        head_end = at + 24 + length
        kind, begin, stop = struct.unpack("<Iqq", self.source[at + 4 + length : head_end])
        if not head_end <= begin <= stop <= end:
            raise UnreadableFile(
                self.path,
                f"its tag {name[:60]!r} claims bytes {begin} to {stop}, but must lie between {head_end} and {end}; "
                "the file is cut short or damaged",
            )
        return Tag(self.path, self.source, name, kind, begin, stop, {})
