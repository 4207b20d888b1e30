"""Tables of named columns as cyclers export them: delimited text of any habit, or cells of a workbook."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UnreadableFile

__all__ = ["Table", "decoded", "split_line", "text_table"]

_MISSING = {"", "n/a", "na", "nan", "none", "null", "-", "--", "#n/a"}
_NUMBER = re.compile(r"^\s*[+-]?(\d[\d.,]*|[.,]\d+)([eE][+-]?\d+)?\s*$")
_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$")


@dataclass
class Table:
    """Columns by name (a name that occurs again gets ``(2)``); numbers where all that is filled in is one."""

    path: Path
    names: Sequence[str]
    numeric: Mapping[str, NDArray[np.float64]]
    texts: Mapping[str, Sequence[Any]]
    rows: int
    preamble: Sequence[str] = ()
    warnings: list[str] = field(default_factory=list)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers, NaN where a cell is empty.

        Raises
        ------
        UnreadableFile
            If it holds something else.
        """
        if name in self.numeric:
            return self.numeric[name]
        cells = ["" if v is None else str(v).strip() for v in self.texts[name]]
        for k, cell in enumerate(cells):
            if cell.lower() not in _MISSING and not _NUMBER.match(cell):
                raise UnreadableFile(
                    self.path, f"row {k + 1} of its column {name!r} holds {cell[:40]!r}, which is not a number"
                )
        if any(cell.lower() not in _MISSING for cell in cells):
            raise UnreadableFile(self.path, f"its column {name!r} mixes decimal points and decimal commas")
        return np.full(self.rows, np.nan)

    def values(self, name: str) -> Sequence[Any]:
        """Return the cells of a column: numbers or texts."""
        return self.texts[name] if name in self.texts else self.numeric[name].tolist()


def decoded(raw: bytes) -> str:
    """Return a text of UTF-8, UTF-16 with a byte-order mark, or Latin-1."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw[: len(raw) // 2 * 2].decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def split_line(line: str, delimiter: str) -> list[str]:
    """Return the stripped cells of a line; quotation marks are understood."""
    if '"' in line:
        try:
            return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
        except (csv.Error, StopIteration):
            return [cell.strip(' "') for cell in line.split(delimiter)]
    return [cell.strip() for cell in line.split(delimiter)]


def text_table(path: Path, text: str, is_header: Callable[[Sequence[str]], bool], *, scanned: int = 100) -> Table:
    """Read delimited text whose header is the first line that ``is_header`` accepts.

    Raises
    ------
    UnreadableFile
        If no such line is among the first, or there are no rows, or rows differ in length.
    """
    lines = text.splitlines()
    found = next(
        (
            (k, mark, cells)
            for k, line in enumerate(lines[:scanned])
            for mark in ("\t", ",", ";")
            if is_header(cells := split_line(line, mark))
        ),
        None,
    )
    if found is None:
        raise UnreadableFile(path, f"none of its first {scanned} lines names the columns that are expected")
    at, delimiter, cells = found
    while cells and not cells[-1]:
        cells.pop()
    names = _unique(cells)
    warnings: list[str] = []
    rows = [(k + 1, line) for k, line in enumerate(lines) if k > at and line.strip()]
    if not rows:
        raise UnreadableFile(path, "names its columns but has no rows")
    if not text.endswith(("\n", "\r")) and len(split_line(rows[-1][1], delimiter)) < len(names):
        warnings.append(f"the last row is cut off; {len(rows) - 1} whole rows were read")
        rows.pop()
    short = next(((k, line) for k, line in rows if line.count(delimiter) < len(names) - 1), None)
    if short is not None:
        raise UnreadableFile(
            path, f"line {short[0]} has {short[1].count(delimiter) + 1} fields where {len(names)} are expected"
        )
    if not rows:
        raise UnreadableFile(path, "names its columns but has no whole row")
    numeric, texts = _columns([line for _, line in rows], delimiter, names)
    return Table(path, names, numeric, texts, len(rows), lines[:at], warnings)


def _unique(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


def _columns(
    lines: Sequence[str], delimiter: str, names: Sequence[str]
) -> tuple[dict[str, NDArray[np.float64]], dict[str, list[str]]]:
    head = [split_line(line, delimiter) for line in lines[:20]]
    candidates = [k for k in range(len(names)) if all(_NUMBER.match(row[k]) or not row[k] for row in head)]
    others = [k for k in range(len(names)) if k not in candidates]
    quoted = any('"' in line for line in lines)
    try:
        block = np.loadtxt(
            io.StringIO("\n".join(lines)), delimiter=delimiter, usecols=candidates, ndmin=2, comments=None,
            quotechar='"' if quoted else None,
        )  # fmt: skip
        numeric = {names[k]: block[:, i].copy() for i, k in enumerate(candidates)}
    except ValueError:
        numeric, others = {}, list(range(len(names)))
    texts: dict[str, list[str]] = {}
    if others:
        split = [split_line(line, delimiter) for line in lines]
        decimal_comma = delimiter != "," and _has_decimal_commas(split)
        for k in others:
            cells = [row[k] for row in split]
            values = _as_numbers(cells, decimal_comma)
            if values is None:
                texts[names[k]] = cells
            else:
                numeric[names[k]] = values
    return numeric, texts


def _has_decimal_commas(rows: Sequence[Sequence[str]]) -> bool:
    numbers = [cell for row in rows[:200] for cell in row if _NUMBER.match(cell)]
    return any("," in cell for cell in numbers) and not any("." in cell for cell in numbers)


def _as_numbers(cells: Sequence[str], decimal_comma: bool) -> NDArray[np.float64] | None:
    """Return a column's numbers, NaN for words that say there is none; None if it holds anything else."""
    values = np.full(len(cells), np.nan)
    filled = False
    for k, cell in enumerate(cells):
        if cell.lower() in _MISSING:
            continue
        text = cell.replace(",", ".") if decimal_comma else cell
        if _THOUSANDS.match(text):
            text = text.replace(",", "")
        try:
            values[k] = float(text)
        except ValueError:
            return None
        filled = True
    return values if filled else None
