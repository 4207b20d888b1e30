"""Ivium data files (``.idf``) and data sets (``.ids``).

Structure (after public readers, among them Galv's, BSD-2): some bytes with ``Version=11``, lines ``key=value`` with the
method (``Method=``, ``Technique=``, ``starttime=13/10/2023 09:15:02`` with the day first), then ``primary_data``, the
number of columns, the number of rows, and the rows as text. Bytes that are no text may follow. A data set holds several
such blocks, separated by ``QR=QR``.

Columns: transient methods (chronoamperometry, chronopotentiometry, battery tests) hold time in s, current in A,
potential in V; voltammetry holds potential in V and current in A and no time, which is derived from ``Scanrate``, with
a warning. Impedance is refused. Current: anodic positive, as Ivium records it; a time in the first column that does not
rise is refused rather than taken for something else.

What is not read: further channels, analogue inputs, and IviumSoft's text export, which names no method (the reader
delimited-trace takes it, given columns and units).

No measured file was at hand; test files are small ones from ``tests/builders/ivium.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UnreadableFile
from ..trace import Trace
from ._instrument import impedance_only, number, numbers, scaled, swept_time, trace_or_refusal
from .registry import TraceReader

__all__ = ["READER", "load"]

_VERSION = re.compile(rb"Version=\d+")
_SEPARATOR = "QR=QR"
_START = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d{2}):(\d{2})")
_SWEEPS = ("voltammetry", "linearsweep")


def sniff(path: Path, head: bytes) -> bool:
    """Return True for Ivium's version near the begin and its method or data."""
    return _VERSION.search(head[:128]) is not None and (b"Method=" in head or b"primary_data" in head)


def load(path: Path, *, dataset: int | None = None) -> Trace:
    """Read an Ivium file.

    Parameters
    ----------
    dataset
        Which block of a data set (``.ids``), counted from 1.

    Raises
    ------
    UnreadableFile
        If rows are missing, it is an impedance file, or the first column is neither a time nor a potential.
    """
    blocks = _blocks(path)
    if not blocks:
        raise UnreadableFile(path, "holds no primary_data")
    warnings: list[str] = []
    if dataset is not None and not 1 <= dataset <= len(blocks):
        raise UnreadableFile(path, f"has no data set {dataset}; possible: 1 to {len(blocks)}")
    if dataset is None and len(blocks) > 1:
        names = ", ".join(b.title for b in blocks[:20])
        warnings.append(f"the file holds {len(blocks)} data sets ({names}); the first was read (option dataset)")
    block = blocks[(dataset or 1) - 1]
    kind = f"{block.keys.get('Method', '')} {block.keys.get('Technique', '')}".strip()
    if "impedance" in kind.lower() or "freq" in kind.lower():
        raise impedance_only(path, f"data of the method {kind!r}")
    if block.rows and len(block.rows[0]) < 2:
        raise UnreadableFile(path, "its rows have fewer than two columns")
    table = _columns(path, block)
    if any(word in kind.lower().replace(" ", "") for word in _SWEEPS):
        potential, current = table[0], table[1]
        rate = number(block.keys.get("Scanrate", ""))
        if np.isnan(rate):
            raise UnreadableFile(path, f"its method {kind!r} records no time, and the file has no scan rate")
        time = swept_time(path, potential, rate)
        warnings.append(f"the file has no times; they were derived from the scan rate of {rate:g} V/s")
    else:
        if len(table) < 3:
            raise UnreadableFile(path, f"its data of the method {kind!r} have {len(table)} columns where 3 are needed")
        time, current, potential = table[0], table[1], table[2]
    if not time.size:
        warnings.append("the file has a header but no rows")
    return trace_or_refusal(
        path,
        time,
        potential_v=potential,
        current_ma=scaled(current, 1e3),
        local_start=_start(block.keys, warnings),
        technique=kind or None,
        warnings=tuple(warnings),
        vendor={"keys": dict(block.keys), "data_sets": [b.title for b in blocks]},
    )


READER = TraceReader(
    name="ivium",
    description="Ivium data file or data set",
    extensions=(".idf", ".ids"),
    sniff=sniff,
    load=load,
    gives=("local start", "current", "several"),
)


@dataclass(frozen=True)
class _Block:
    keys: Mapping[str, str]
    rows: Sequence[Sequence[str]]

    @property
    def title(self) -> str:
        return self.keys.get("Title") or self.keys.get("Technique") or self.keys.get("Method") or "untitled"


def _blocks(path: Path) -> list[_Block]:
    """Return the blocks that hold data; the keys before a block are its own and those of the file's begin."""
    text = path.read_bytes().decode("latin-1").replace("\x00", "")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    blocks = []
    keys: dict[str, str] = {}
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if _SEPARATOR in line:
            keys = {}
        elif "primary_data" in line:
            rows, at = _rows(path, lines, at)
            blocks.append(_Block(keys, rows))
            keys = dict(keys)
        elif "=" in line:
            key, _, value = line.partition("=")
            keys.setdefault(re.sub(r"[^\x20-\x7e\xb0-\xff]", "", key).strip(), value.strip())
    return blocks


def _rows(path: Path, lines: Sequence[str], at: int) -> tuple[list[list[str]], int]:
    if at + 1 >= len(lines):
        raise UnreadableFile(path, "is cut off behind primary_data")
    columns, count = (re.sub(r"[^\d]", "", lines[at + k]) for k in (0, 1))
    if not columns or not count or len(columns) > 3 or len(count) > 12:
        raise UnreadableFile(path, f"should state columns and rows after primary_data, but has {lines[at][:40]!r}")
    begin = at + 2
    if int(count) > len(lines) - begin:
        raise UnreadableFile(
            path, f"is cut off: it should have {int(count)} rows, but only {len(lines) - begin} lines follow"
        )
    rows = [line.split() for line in lines[begin : begin + int(count)]]
    for k, row in enumerate(rows):
        if len(row) < int(columns):
            raise UnreadableFile(path, f"row {k + 1} has {len(row)} fields where {int(columns)} were expected")
    return [row[: int(columns)] for row in rows], begin + int(count)


def _columns(path: Path, block: _Block) -> list[NDArray[np.float64]]:
    if not block.rows:
        return [np.zeros(0)] * 3
    return [numbers([row[k] for row in block.rows]) for k in range(len(block.rows[0]))]


def _start(keys: Mapping[str, Any], warnings: list[str]) -> datetime | None:
    match = _START.search(str(keys.get("starttime", "")))
    if match is not None:
        day, month, year, hour, minute, second = (int(x) for x in match.groups())
        try:
            return datetime(year, month, day, hour, minute, second)
        except ValueError:
            pass
    warnings.append("the file has no possible start (starttime), so the trace has no absolute start")
    return None
