"""Writes small BioLogic binary files from known numbers, module by module, so that the reader is tested anywhere."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

MAGIC = b"BIO-LOGIC MODULAR FILE\x1a" + b" " * 25 + b"\0" * 4
START = 45301.460068125  # 2024-01-10 11:02:29.886
WIDTHS = {4: "d", 5: "f", 6: "f", 7: "d", 8: "f", 11: "d", 13: "d", 19: "f", 24: "d", 39: "H", 70: "f", 131: "H"}
WIDTHS |= {174: "f", 434: "f", 435: "f", 467: "d", 468: "I"}
FLAGS = (1, 2, 3, 21, 31, 65)


def module(name: str, content: bytes, *, version: int = 0, new: bool = True, length: int | None = None) -> bytes:
    size = len(content) if length is None else length
    head = b"MODULE" + name.encode().ljust(10) + name.encode().ljust(25)
    if new:
        head += struct.pack("<IIII", 0xFFFFFFFF, size, version, 10)
    else:
        head += struct.pack("<II", size, version)
    return head + b"01/10/24" + content


def settings(technique: int = 4, *, reference: str = "(unspecified)", potential: float = 0.0) -> bytes:
    content = bytearray(0x1845 + 16)
    content[0] = technique

    def text(place: int, words: str) -> None:
        raw = words.encode("cp1252")
        content[place : place + 1 + len(raw)] = bytes([len(raw)]) + raw

    text(0x007, "cell 7, 25 °C")
    struct.pack_into("<f", content, 0x107, 1.39)
    text(0x11E, "LFP")
    text(0x1C0, "1 M LiPF6")
    text(0x215, reference)
    struct.pack_into("<f", content, 0x248, potential)
    return bytes(content)


def log(start: float = START) -> bytes:
    content = bytearray(0x930)
    content[9] = 4
    struct.pack_into("<H", content, 0x0AB, 15265)
    struct.pack_into("<d", content, 0x249, start)
    for place, words in ((0x251, b"C:\\Data\\a.mpr"), (0x351, b"10.0.0.1"), (0x3B7, b"11.50"), (0x3CF, b"1854")):
        content[place : place + 1 + len(words)] = bytes([len(words)]) + words
    return bytes(content)


def loop(starts: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(starts) + 1}I", len(starts), *starts) + b"\0" * 64


def rows(
    ids: Sequence[int],
    values: Sequence[Sequence[float]],
    *,
    layout: str = "new",
    widths: Mapping[int, str] = WIDTHS,
    count: int | None = None,
) -> bytes:
    """The data module's content; the values of a row: the flag byte (if there are flags), then the other columns."""
    kinds = []
    for column in ids:
        if column in FLAGS:
            kinds += ["B"] if "flags" not in kinds and not any(k == "B" for k in kinds) else []
        else:
            kinds.append(widths[column])
    n = len(values) if count is None else count
    if layout == "new":
        head = struct.pack(f"<IH{len(ids)}H", n, len(ids), *ids).ljust(1007, b"\0")
    elif layout == "0":
        head = struct.pack(f"<IB{len(ids)}B", n, len(ids), *ids).ljust(100, b"\0")
    else:
        head = struct.pack(f"<IB{len(ids)}H", n, len(ids), *ids).ljust({"2": 405, "3": 406}[layout], b"\0")
    return head + b"".join(struct.pack("<" + "".join(kinds), *row) for row in values)


GCPL_IDS = (1, 2, 3, 21, 31, 65, 131, 4, 7, 13, 6, 39, 467, 468)
GCPL = (  # flags, Ns, time, dq, Q-Qo, Ewe, I Range, Q charge/discharge, half cycle
    (0x13, 0, 10.0, 0.0, 0.0, 3.0, 41, 0.0, 0),
    (0x17, 1, 20.0, 0.01, 0.01, 3.25, 41, 0.01, 0),
    (0x13, 1, 30.0, -0.005, 0.005, 3.125, 41, -0.005, 1),
    (0x93, 2, 50.0, 0.02, 0.025, 3.5, 41, 0.02, 2),
)


def file(
    data: bytes | None = None,
    *,
    layout: str = "new",
    technique: int = 4,
    with_log: bool = True,
    start: float = START,
    loops: Sequence[int] | None = None,
    reference: str = "(unspecified)",
    potential: float = 0.0,
) -> bytes:
    new = layout == "new"
    data = rows(GCPL_IDS, GCPL, layout=layout) if data is None else data
    parts = [
        MAGIC,
        module("VMP Set", settings(technique, reference=reference, potential=potential), new=new),
        module("VMP data", data, version=0 if new else int(layout), new=new),
    ]
    if with_log:
        parts.append(module("VMP LOG", log(start), new=new))
    if loops is not None:
        parts.append(module("VMP loop", loop(loops), new=new))
    return b"".join(parts)


def examples() -> dict[str, bytes]:
    ocv = rows((1, 3, 4, 174), [(3, 0.5 * k, 3.25) for k in range(5)], layout="3")
    return {
        "gcpl": file(),
        "gcpl-loops": file(loops=(0, 2, 4)),
        "ocv-11.30": file(ocv, layout="3", technique=11),
        "cv-11.12": file(rows((1, 2, 3, 21, 65, 4, 19, 6, 11, 24, 434), [], layout="2"), layout="2", technique=6),
    }
