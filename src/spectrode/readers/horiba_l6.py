"""HORIBA LabSpec 6, binary single spectra (``.l6s``).

The format is not documented. What is read here is what a file and its text export prove, and what the XML exports of
the same program (:mod:`spectrode.readers.horiba_xml`) confirm: the binary tree uses the same identifiers.

Structure (little-endian). ``LabSpec6``; 4-byte 2 at 68; at 76 a record of the root group. A record is 24 bytes: type,
handle, identifier, 0 (4 bytes each), then 8 bytes. Types: 0 nothing, 4 whole number, 5 number (double), 6 float32
array, 7 text (single bytes), 8 text (UTF-16), 9 group. With bit 12 set, the 8 bytes are a pointer in LabSpec's memory
and a count, and the content follows later: the content of a group is its ``count`` records, then the contents of those
of them that have one, in their order (depth first). Two texts with the same pointer share one content, written at the
first. Groups with the identifier ``temx`` have no content in the file. After the tree there are only zeros.

Units and time: see :mod:`spectrode.readers._labspec_tree`. The spectral axis and the intensities are float32.

Not read: maps (``.l6m``) and every other kind, as no twin at hand proves the order of their spectra. They are refused
with the advice to export them as text or XML.

Measured test file: h2020charisma/ramanchada2 (MIT), polystyrene at 785 nm with its text twin.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset import OperandoDataset
from ..errors import UnreadableFile
from ._labspec_tree import TYPE, Node, axes_of, dataset_of, text_of
from .registry import Reader

__all__ = ["READER", "load"]

_MAGIC = b"LabSpec6"
_VERSION_AT, _ROOT_AT = 68, 76
_RECORD = struct.Struct("<IIII8s")
_OUTSIDE = 0x1000
_NOTHING, _WHOLE, _NUMBER, _ARRAY, _TEXT, _WIDE_TEXT, _GROUP = 0, 4, 5, 6, 7, 8, 9
_UNIT_BYTES = {_ARRAY: 4, _TEXT: 1, _WIDE_TEXT: 2, _GROUP: _RECORD.size}
_TEMPORARY = 0x786D6574
_MAX_DEPTH = 32
# Texts that share a content are short (a title, the name of a stage); a file that shares a long one is damaged.
_SHARED_LENGTH = 1024
_EXPORT = "export it from LabSpec as text (.txt) or XML (.xml), which can be read"


def sniff(path: Path, head: bytes) -> bool:
    """Recognise the magic word of LabSpec 6 files."""
    return head.startswith(_MAGIC)


def load(path: Path) -> OperandoDataset:
    """Read a LabSpec 6 single spectrum.

    Raises
    ------
    UnreadableFile
        If the file is damaged, or is a map or a kind that is not known; the text says to export it.
    """
    data = path.read_bytes()
    if not data.startswith(_MAGIC):
        raise UnreadableFile(path, "does not begin with LabSpec6, so it is no file of LabSpec 6")
    if len(data) < _ROOT_AT + _RECORD.size:
        raise UnreadableFile(path, f"is cut short: {len(data)} bytes are less than the header of a LabSpec 6 file")
    version = struct.unpack_from("<I", data, _VERSION_AT)[0]
    if version != 2:
        raise UnreadableFile(path, f"is of version {version} of the LabSpec 6 format, only 2 is known; {_EXPORT}")
    tree = _Tree(path, data)
    root = tree.root()
    kind = text_of(root.child(TYPE))
    if kind != "Spectrum":
        raise UnreadableFile(path, f"holds {kind or 'something unnamed'!r}; only single spectra can be read; {_EXPORT}")
    if any(data[tree.at :]):
        raise UnreadableFile(path, f"has {len(data) - tree.at} bytes after its tree, an unknown variant; {_EXPORT}")
    axes = axes_of(path, root)
    if len(axes) != 2:
        raise UnreadableFile(path, f"has {len(axes)} axes; only single spectra can be read; {_EXPORT}")
    with np.errstate(all="ignore"):  # damaged numbers may be of any size
        return dataset_of(path, root, axes, axes[0].values[None, :])


class _Tree:
    """Walks the records; every size is checked against what is left of the file before anything is made."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path = path
        self.data = data
        self.at = _ROOT_AT
        self.texts: dict[tuple[int, bytes], Any] = {}

    def root(self) -> Node:
        form, _, _, _, last = _RECORD.unpack(self.take(_RECORD.size))
        if form != _OUTSIDE | _GROUP:
            raise UnreadableFile(self.path, f"is damaged: its root is of type {form:#x}, not a group")
        return self.group(0, _count(last), 1)

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise UnreadableFile(
                self.path,
                f"is cut short or damaged: {size} bytes are needed at {self.at}, {len(self.data) - self.at} are left",
            )
        self.at += size
        return self.data[self.at - size : self.at]

    def group(self, number: int, count: int, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise UnreadableFile(self.path, "is damaged: its groups are nested too deeply")
        records = list(_RECORD.iter_unpack(self.take(count * _RECORD.size)))
        return Node(number, None, tuple(self.node(record, depth) for record in records))

    def node(self, record: tuple[int, int, int, int, bytes], depth: int) -> Node:
        form, _, number, _, last = record
        kind = form & ~_OUTSIDE
        if form & _OUTSIDE and kind in _UNIT_BYTES:
            return self.outside(number, kind, last, depth)
        if form in (_TEXT, _WIDE_TEXT):
            return Node(number, _value(kind, last))
        if form in (_WHOLE, _NUMBER):
            return Node(number, struct.unpack_from("<i" if form == _WHOLE else "<d", last)[0])
        if form == _NOTHING:
            return Node(number)
        raise UnreadableFile(self.path, f"holds a record of the unknown type {form:#x} before {self.at}; {_EXPORT}")

    def outside(self, number: int, kind: int, last: bytes, depth: int) -> Node:
        """Return a node whose content stands apart from its record, at the place that has been reached."""
        count = _count(last)
        if kind == _GROUP:
            return Node(number) if number == _TEMPORARY else self.group(number, count, depth + 1)
        if (kind, last) in self.texts:
            return Node(number, self.texts[kind, last])
        value = _value(kind, self.take(count * _UNIT_BYTES[kind]))
        if kind != _ARRAY and count <= _SHARED_LENGTH:
            self.texts[kind, last] = value
        return Node(number, value)


def _count(last: bytes) -> int:
    return int(struct.unpack_from("<I", last, 4)[0])


def _value(kind: int, raw: bytes) -> Any:
    if kind == _ARRAY:
        with np.errstate(all="ignore"):  # damaged bytes may be signalling NaN
            return np.frombuffer(raw, dtype="<f4").astype(np.float64)
    text = raw.decode("utf-16-le", "replace") if kind == _WIDE_TEXT else raw.decode("cp1252", "replace")
    return text.split("\x00", 1)[0]


READER = Reader(
    name="horiba-l6",
    description="HORIBA LabSpec 6, binary single spectrum (.l6s); maps (.l6m) are refused",
    extensions=(".l6s", ".l6m"),
    sniff=sniff,
    load=load,
    gives=("local start", "positions", "exposure", "laser", "power"),
)
