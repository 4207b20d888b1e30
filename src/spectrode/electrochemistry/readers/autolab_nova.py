"""Metrohm Autolab text: exports of Nova (``.txt``, ``.csv``) and impedance tables in Z60W form.

Structure: one line of column names (``Potential applied (V)``, ``Time (s)``, ``WE(1).Current (A)``,
``WE(1).Potential (V)``, ``Scan``, ``Index``, ``Q+``, ``Q-``), then rows; separated by tabs, semicolons or commas, with
a byte-order mark in some versions; the decimal mark follows the computer's language.

Time: ``Time (s)`` counts from the start of the procedure, ``Corrected time (s)`` from that of the command; the first is
preferred. The export holds no date: the trace has no absolute start. Current: anodic positive, as Nova records it.
``Scan`` is the cycle.

An impedance table (``Z60W Data File``, or frequency without potential) is refused. Nova's own ``.nox`` is not read.

Test files: an impedance table of impedance.py (MIT); of the exports with time, of which none was at hand, small ones
from ``tests/builders/autolab_nova.py`` made after the column names in public descriptions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UnreadableFile
from ...readers._text import head_text, read_text, split_lines
from ..trace import Trace
from ._instrument import (
    MILLIAMPERE,
    MILLIAMPERE_HOUR,
    SECOND,
    VOLT,
    Block,
    impedance_only,
    scaled,
    trace_or_refusal,
    unique,
    unit_factor,
    whole,
)
from .registry import TraceReader

__all__ = ["READER", "load"]

_TITLE = re.compile(r"^(.*?)\s*\(([^()]+)\)$")
_Z60W = '"Z60W Data File'
_TIMES = ("Time", "Corrected time")
_POTENTIALS = ("WE(1).Potential", "Potential applied")
_CHARGES = ("Charge", "WE(1).Charge")


def sniff(path: Path, head: bytes) -> bool:
    """Return True if the first line names Nova's signals or a Z60W table."""
    text = head_text(head)
    if text is None:
        return False
    first = text.lstrip("\ufeff\r\n").split("\n", 1)[0]
    return first.startswith(_Z60W) or "WE(1)." in first or "Potential applied (V)" in first or _is_impedance(first)


def load(path: Path) -> Trace:
    """Read a Nova export.

    Raises
    ------
    UnreadableFile
        If it is an impedance table, or has no time or potential.
    """
    lines = split_lines(read_text(path).lstrip("\ufeff"))
    at = next((k for k, line in enumerate(lines) if line.strip()), None)
    if at is None:
        raise UnreadableFile(path, "has no line of text")
    if lines[at].startswith(_Z60W):
        raise impedance_only(path, "frequencies and impedances (Z60W), whose times are not filled in")
    warnings: list[str] = []
    table = _table(path, lines, at, warnings)
    time_name, potential_name = table.first_of(*_TIMES), table.first_of(*_POTENTIALS)
    if time_name is None or potential_name is None:
        if _is_impedance(lines[at]):
            raise impedance_only(path, f"the columns {', '.join(table.columns)}")
        raise UnreadableFile(path, f"has no time or no potential; its columns are {', '.join(table.columns)}")
    if potential_name == "Potential applied":
        warnings.append("the potential is the one that was applied; the measured one is not in the file")
    current_name, charge_name = table.first_of("WE(1).Current"), table.first_of(*_CHARGES)
    columns: dict[str, NDArray[Any]] = dict(
        table.further(time_name, potential_name, current_name, charge_name, "Scan", "Index")
    )
    if "Scan" in table.columns:
        columns["cycle"] = whole(table.values("Scan"))
    if not len(table):
        warnings.append("the file has a header but no rows")

    def in_unit(name: str, factors: dict[str, float]) -> NDArray[np.float64]:
        return scaled(table.values(name), unit_factor(path, table.unit(name), factors, name))

    return trace_or_refusal(
        path,
        in_unit(time_name, SECOND),
        potential_v=in_unit(potential_name, VOLT),
        current_ma=None if current_name is None else in_unit(current_name, MILLIAMPERE),
        charge_mah=None if charge_name is None else in_unit(charge_name, MILLIAMPERE_HOUR),
        columns=columns,
        warnings=tuple(warnings),
        vendor={"columns": lines[at].rstrip(), "time_column": time_name, "potential_column": potential_name},
    )


READER = TraceReader(
    name="autolab-nova",
    description="Metrohm Autolab Nova text export",
    extensions=(".txt", ".csv"),
    sniff=sniff,
    load=load,
    gives=("current", "cycle"),
)


def _is_impedance(title_line: str) -> bool:
    return "Frequency (Hz)" in title_line and ("Z' (" in title_line or "Z'(" in title_line)


def _table(path: Path, lines: Sequence[str], at: int, warnings: list[str]) -> Block:
    mark = next((m for m in ("\t", ";", ",") if m in lines[at]), "\t")
    titles = [cell.strip().strip('"') for cell in lines[at].split(mark)]
    while titles and not titles[-1]:
        titles.pop()
    parts = [m.groups() if (m := _TITLE.match(title)) else (title, "") for title in titles]
    rows: list[list[str]] = []
    for k in range(at + 1, len(lines)):
        if not lines[k].strip():
            continue
        cells = [cell.strip().strip('"') for cell in lines[k].split(mark)]
        if len(cells) < len(titles):
            if any(line.strip() for line in lines[k + 1 :]):
                raise UnreadableFile(path, f"line {k + 1} has {len(cells)} fields where {len(titles)} were expected")
            warnings.append(f"the last row is cut off; {len(rows)} whole rows were read")
            break
        rows.append(cells[: len(titles)])
    return Block("data", unique([name for name, _ in parts]), [unit for _, unit in parts], rows)
