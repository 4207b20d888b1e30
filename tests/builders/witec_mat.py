"""Writes small MATLAB 5 files with a DataSet Object as WITec exports them, element by element."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

_TYPES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 9}
_CLASSES = {"f8": 6, "f4": 7, "i1": 8, "u1": 9, "i2": 10, "u2": 11, "i4": 12, "u4": 13}


def element(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content + b"\0" * (-len(content) % 8)


def small(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content.ljust(4, b"\0")


def _start(kind: int, dims: tuple[int, ...], name: str) -> bytes:
    label = small(1, name.encode()) if 0 < len(name) <= 4 else element(1, name.encode())
    return element(6, struct.pack("<II", kind, 0)) + element(5, np.array(dims, dtype="<i4").tobytes()) + label


def matrix(name: str, value: Any, dims: tuple[int, ...] | None = None, stored: str | None = None) -> bytes:
    """A matrix element: array, text, list of lists of cells, or dict (an object of class dataset).

    ``(array, "u1")`` is stored in a smaller type than its own.
    """
    if isinstance(value, str):
        raw = np.frombuffer(value.encode("latin-1"), dtype="u1").astype("<u2").tobytes()
        return element(14, _start(4, dims or (int(bool(value)), len(value)), name) + element(4, raw))
    if isinstance(value, list):
        rows, columns = len(value), len(value[0])
        inner = b"".join(matrix("", value[r][c]) for c in range(columns) for r in range(rows))
        return element(14, _start(1, dims or (rows, columns), name) + inner)
    if isinstance(value, dict):
        names = b"".join(k.encode().ljust(32, b"\0") for k in value)
        head = _start(3, dims or (1, 1), name) + element(1, b"dataset")
        head += small(5, struct.pack("<i", 32)) + element(1, names)
        return element(14, head + b"".join(matrix("", v) for v in value.values()))
    if isinstance(value, tuple):
        value, stored = value
    array = np.asarray(value)
    code = array.dtype.str[1:]
    raw = array.astype(stored or code).ravel(order="F").tobytes()
    return element(14, _start(_CLASSES[code], dims or array.shape, name) + element(_TYPES[stored or code], raw))


def header() -> bytes:
    return b"MATLAB 5.0 MAT-file, Platform: PCWIN, made for a test".ljust(124) + struct.pack("<H2s", 0x0100, b"IM")


def fields(**changes: Any) -> dict[str, Any]:
    """An image of 3 rows (y) × 2 columns (x), four channels; at (row, column) lies 100 c + 10 r + channel."""
    rows, columns = 3, 2
    column, row = np.divmod(np.arange(rows * columns), rows)
    data = (100 * column + 10 * row)[:, None] + np.arange(4)[None, :] + 1.0
    none = np.zeros((0, 0))
    found = {
        "name": "Map A",
        "type": "image",
        "date": np.array([[2023, 2, 9, 14, 32, 40.5]]),
        "imagesize": np.array([[rows, columns]], dtype="f8"),
        "data": data.astype("f4"),
        "label": [["", ""], ["", ""]],
        "axisscale": [[none, ""], [np.array([[500.0, 501.0, 502.5, 504.0]]), "rel. 1/cm"]],
        "imageaxisscale": [[np.array([[0.0, 0.5, 1.0]]), "µm"], [np.array([[0.0, 2.0]]), "µm"]],
        "history": [["Created by Project FIVE (Version 5.2)"]],
    }
    return found | changes


def a_file(*variables: bytes, packed: bool = False) -> bytes:
    parts = variables or (matrix("Struct_A", fields()),)
    if packed:
        parts = tuple(struct.pack("<II", 15, len(z)) + z for z in map(zlib.compress, parts))
    return header() + b"".join(parts)


def examples() -> dict[str, bytes]:
    return {"map.mat": a_file(), "packed.mat": a_file(packed=True)}
