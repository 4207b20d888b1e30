"""Writes the trees of ``builders.horiba_xml`` as LabSpec 6 does in its binary files."""

from __future__ import annotations

import struct
from typing import Any

from .horiba_xml import LabSpec, Tree, a_map

OUTSIDE, TEMPORARY = 0x1000, 0x786D6574
RECORD = struct.Struct("<IIII8s")


class _Writer:
    def __init__(self) -> None:
        self.pointers: dict[Any, int] = {}
        self.written: set[int] = set()

    def pointer(self, value: Any) -> int:
        """A new 'address', or for a text that came before the one it had: then it is not written again."""
        key = value if isinstance(value, (str, bytes)) else object()
        return self.pointers.setdefault(key, 0x02000000 + 16 * len(self.pointers))

    def group(self, tree: Tree) -> bytes:
        records, contents = b"", b""
        for number, value in tree:
            form, last, content = self.parts(number, value)
            records += RECORD.pack(form, 0x3A00, number, 0, last)
            contents += content
        return records + contents

    def parts(self, number: int, value: Any) -> tuple[int, bytes, bytes]:
        if value is None:
            return (OUTSIDE | 9, struct.pack("<II", 7, 2), b"") if number == TEMPORARY else (0, bytes(8), b"")
        if isinstance(value, int):
            return 4, struct.pack("<ii", value, 0), b""
        if isinstance(value, float):
            return 5, struct.pack("<d", value), b""
        if isinstance(value, str):
            try:
                return self.text(7, value, value.encode("cp1252") + b"\0", 1)
            except UnicodeEncodeError:
                return self.text(8, value, value.encode("utf-16-le") + b"\0\0", 2)
        pointer = self.pointer(None)
        if value and isinstance(value[0], tuple):
            return OUTSIDE | 9, struct.pack("<II", pointer, len(value)), self.group(value)
        return OUTSIDE | 6, struct.pack("<II", pointer, len(value)), struct.pack(f"<{len(value)}f", *value)

    def text(self, form: int, value: str, raw: bytes, unit: int) -> tuple[int, bytes, bytes]:
        if len(raw) <= 8:
            return form, raw.ljust(8, b"\0"), b""
        pointer = self.pointer(value)
        content = b"" if pointer in self.written else raw
        self.written.add(pointer)
        return OUTSIDE | form, struct.pack("<II", pointer, len(raw) // unit), content


def binary(tree: Tree, version: int = 2, tail: bytes = bytes(56)) -> bytes:
    header = b"LabSpec6".ljust(68, b"\0") + struct.pack("<II", version, 0x012C3E08)
    root = RECORD.pack(OUTSIDE | 9, 0x480C, 0x3A14, 0, struct.pack("<II", 0x01000000, len(tree)))
    return header + root + _Writer().group(tree) + tail


def spectrum(**changes: Any) -> bytes:
    tree = LabSpec(**changes).tree(with_spectra=True)
    return binary([*tree[:3], (TEMPORARY, None), *tree[3:], (0x77, None)])


def examples() -> dict[str, bytes]:
    """Small valid files by name (the map is valid, but refused)."""
    return {
        "spectrum.l6s": spectrum(),
        "greek.l6s": spectrum(title="Ω at a place whose name is long"),
        "nm.l6s": spectrum(unit="nm", intensity_unit="Cnt/sec"),
        "map.l6m": binary(a_map().tree(with_spectra=True)),
    }


REFUSED = ("map.l6m",)
"""Refused on principle: no twin proves the layout of maps."""
