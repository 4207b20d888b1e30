"""Writes small Nova text exports."""

from __future__ import annotations

from collections.abc import Sequence

TITLES = ("Potential applied (V)", "Time (s)", "WE(1).Current (A)", "WE(1).Potential (V)", "Scan", "Index")
ROWS = ((0.1, 10.5, 1e-3, 0.125, 1, 1), (0.2, 11.5, -2e-3, 0.25, 1, 2), (0.1, 12.5, 0.0, 0.125, 2, 3))
Z60W = (
    '"Z60W Data File: Version 1.1"\r\n""\r\n0,2,0,1,0.1,10000\r\n2\r\n'
    '"  Freq (Hz)    Ampl     Bias   Time(Sec)"\r\n1,0,0,0\r\n'
)


def file(
    titles: Sequence[str] = TITLES,
    rows: Sequence[Sequence[float]] = ROWS,
    *,
    mark: str = ";",
    decimal: str = ".",
    encoding: str = "utf-8-sig",
) -> bytes:
    lines = [mark.join(titles), *(mark.join(repr(v).replace(".", decimal) for v in row) for row in rows), ""]
    return "\r\n".join(lines).encode(encoding)


def examples() -> dict[str, bytes]:
    return {
        "semicolons": file(),
        "tabs, decimal commas": file(mark="\t", decimal=",", encoding="latin-1"),
        "z60w": Z60W.encode("utf-8-sig"),
    }


REFUSED = ("z60w.txt",)
"""Refused on principle: an impedance spectrum is no trace."""
