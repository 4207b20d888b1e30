"""Writes small OPUS data point tables."""

from __future__ import annotations


def table(delimiter: str = "\t", decimal: str = ".", end: str = "\r\n", columns: int = 1) -> bytes:
    """A falling axis from 4000.5 in steps of 0.5, and columns that count channels."""
    lines = []
    for i in range(6):
        cells = [f"{4000.5 - 0.5 * i:.5f}", *(f"{(c + 1) * 10 + i + 0.25:.5f}" for c in range(columns))]
        lines.append(delimiter.join(cell.replace(".", decimal) for cell in cells))
    return (end.join(lines) + end).encode()


def examples() -> dict[str, bytes]:
    """A few small valid files by name."""
    return {
        "tab.dpt": table(),
        "comma.dpt": table(","),
        "german.dpt": table(";", ",", "\n"),
        "two.dpt": table(columns=2),
    }
