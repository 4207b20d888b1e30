"""Writes small Ivium files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

HEAD = b"\0" * 16 + b"\xfb\0\0\0\r\0"
TRANSIENT = {"Method": "Transients", "Technique": "ChronoPotentiometry", "starttime": "03/10/2023 09:15:02"}
ROWS = ((0.0, 1e-3, 3.0), (1.0, -2e-3, 3.25), (2.5, 0.0, 3.5))


def block(keys: Mapping[str, str], rows: Sequence[Sequence[float]], *, count: int | None = None) -> str:
    lines = ["Version=11", *(f"{k}={v}" for k, v in keys.items()), "Mconfig=1", "primary_data"]
    lines += [str(len(rows[0]) if rows else 3), str(len(rows) if count is None else count)]
    lines += ["  ".join(f"{v:12.5E}" for v in row) for row in rows]
    return "\r\n".join(lines) + "\r\n"


def file(keys: Mapping[str, str] = TRANSIENT, rows: Sequence[Sequence[float]] = ROWS) -> bytes:
    return HEAD + block(keys, rows).encode("latin-1") + b"QR=\0\x01\x02\xff"


def data_set(*blocks: str) -> bytes:
    return HEAD + b"Version=11\r\n" + "QR=QR\r\n".join(["", *blocks]).encode("latin-1")


def examples() -> dict[str, bytes]:
    sweep = {"Method": "CyclicVoltammetry", "Scanrate": "0.1", "Title": "sweep"}
    return {
        "transient": file(),
        "sweep": file(sweep, ((0.0, 1e-3, 0), (0.1, 2e-3, 0))),
        "set": data_set(block(TRANSIENT, ROWS), block({**TRANSIENT, "Title": "second"}, ROWS[:2])),
    }
