"""Gamry Framework data (``.DTA``).

Structure (Gamry's help, "Data File Overview"): tab-separated text that begins with ``EXPLAIN``. A line holds
``TAG, TYPE, value, …, description``; a line of type ``TABLE`` begins a table: column names, units, and rows follow,
each with a tab in front. ``NOTES`` continue in the same way. Decimals and dates follow the language of the computer.

What is read: the curves of the experiment (``CURVE``, ``CURVE1`` …, joined while their times run on; they become the
column ``cycle``), else the impedance curve (``ZCURVE``: potential and current are the means ``Vdc`` and ``Idc``, and
frequency and impedance become further columns), else the open-circuit curve. A file with several holds a warning that
names them; the option ``table`` takes another one.

Time: ``T`` counts from the begin of its own table. ``DATE`` and ``TIME`` (local, without a zone) are written when the
experiment begins, before the open-circuit measurement; the time that lies between is not in the file, and a warning
says so.

Current: ``CONVENTION`` 1 counts the anodic current as positive, 0 the cathodic one (in ``exampleDataGamry.DTA``, of
convention 1, a potential 50 mV below open circuit gives a negative current). Charge is not in the file.

The package gamry-parser (MIT) was not used: it needs pandas, and drops the units and the convention of the current.
Test files: two impedance files of impedance.py (MIT), one of them aborted; small files of all kinds from
``tests/builders/gamry_dta.py``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UnreadableFile
from ...readers._text import head_text, local_date, read_text, split_lines
from ..trace import Trace
from ._instrument import (
    MILLIAMPERE,
    SECOND,
    VOLT,
    Block,
    CurrentSign,
    continued,
    impedance_only,
    iupac,
    scaled,
    trace_or_refusal,
    unique,
    unit_factor,
)
from .registry import TraceReader

__all__ = ["READER", "load"]

_TIMES = ("T", "Time")
_POTENTIALS = ("Vf", "Vdc", "Vm", "V", "Vu")
_CURRENTS = ("Im", "Idc", "I")
_CYCLE = re.compile(r"^CURVE(\d*)$")
_SIGNS: dict[str, CurrentSign] = {"1": "anodic_positive", "0": "cathodic_positive"}


def sniff(path: Path, head: bytes) -> bool:
    """Return True if the first line is the one of Gamry's files."""
    text = head_text(head[:64])
    return text is not None and re.match(r"EXPLAIN\s*[\r\n]+TAG\t", text) is not None


def load(path: Path, *, table: str | None = None, current_sign: CurrentSign | None = None) -> Trace:
    """Read a Gamry file.

    Parameters
    ----------
    table
        Name of the table to read (``CURVE``, ``ZCURVE``, ``OCVCURVE`` …).
    current_sign
        Which current the file counts as positive, if it does not say so itself.

    Raises
    ------
    UnreadableFile
        If there is no table with time and potential, or it is damaged.
    """
    lines = split_lines(read_text(path))
    if not lines or not lines[0].startswith("EXPLAIN"):
        raise UnreadableFile(path, "does not begin with EXPLAIN as Gamry's files do")
    header, tables, cut = _parsed(lines)
    warnings: list[str] = []
    if cut:
        warnings.append(cut)
    if _value(header, "EXPERIMENTABORTED") == "T":
        warnings.append("the experiment was aborted")
    chosen = _chosen(path, tables, table, warnings)
    time_name, potential_name = chosen.first_of(*_TIMES), chosen.first_of(*_POTENTIALS)
    if time_name is None or potential_name is None:
        raise impedance_only(path, f"the table {chosen.name} with {', '.join(n for n in chosen.columns if n)}")
    current_name = chosen.first_of(*_CURRENTS)
    current = None if current_name is None else _in_unit(path, chosen, current_name, MILLIAMPERE)
    stated = _SIGNS.get(_value(header, "CONVENTION") or "")
    sign = current_sign if current_sign is not None else stated
    if current_sign is not None and stated is not None and current_sign != stated:
        warnings.append(f"the file states that its current is {stated}; the option current_sign={current_sign} is used")
    current, _, notes = iupac(current, None, sign, "the file" if current_sign is None else "the option current_sign")
    warnings += notes
    columns: dict[str, NDArray[Any]] = dict(chosen.further("Pt", time_name, potential_name, current_name))
    if "_cycle" in columns:
        columns["cycle"] = columns.pop("_cycle").astype(np.int64)
    if not len(chosen):
        warnings.append("the file has a header but no rows")
    return trace_or_refusal(
        path,
        _in_unit(path, chosen, time_name, SECOND),
        potential_v=_in_unit(path, chosen, potential_name, VOLT),
        current_ma=current,
        columns=columns,
        local_start=_start(header, tables, chosen, warnings),
        technique=_value(header, "TITLE") or _value(header, "TAG"),
        instrument=_value(header, "PSTAT"),
        warnings=tuple(warnings),
        vendor={
            "header": header,
            "tables": {t.name: len(t) for t in tables},
            "table": chosen.name,
            "columns": [name for name in chosen.columns if name],
            "units": list(chosen.units),
        },
    )


READER = TraceReader(
    name="gamry-dta",
    description="Gamry Framework data",
    extensions=(".dta",),
    sniff=sniff,
    load=load,
    gives=("local start", "current", "cycle", "several"),
)


def _parsed(lines: Sequence[str]) -> tuple[dict[str, list[str]], list[Block], str | None]:
    """Return {tag: [type, values …]}, the tables, and a note if the last row is cut off."""
    header: dict[str, list[str]] = {}
    tables: list[Block] = []
    cut = None
    at = 1
    while at < len(lines):
        fields = lines[at].rstrip().split("\t")
        at += 1
        if not fields[0]:
            continue
        begin = at
        while at < len(lines) and lines[at].startswith("\t"):
            at += 1
        if len(fields) > 1 and fields[1] == "TABLE":
            made, note = _as_table(fields[0], lines[begin:at])
            if made is not None:
                tables.append(made)
            cut = note or cut
        else:
            values = fields[1:] + [line.strip() for line in lines[begin:at] if line.strip()]
            header.setdefault(fields[0], values)
    return header, tables, cut


def _as_table(name: str, lines: Sequence[str]) -> tuple[Block | None, str | None]:
    block = [line.lstrip("\t").split("\t") if k < 2 else line[1:].split("\t") for k, line in enumerate(lines)]
    block = [[cell.strip() for cell in row] for row in block if any(cell.strip() for cell in row)]
    if len(block) < 2:
        return None, None
    columns = block[0]
    units = (block[1] + [""] * len(columns))[: len(columns)]
    rows = block[2:]
    note = None
    if rows and len(rows[-1]) < len(columns) - 1:
        rows = rows[:-1]
        note = f"the last row of the table {name} is cut off; {len(rows)} whole rows were read"
    rows = [(row + [""] * len(columns))[: len(columns)] for row in rows]
    return Block(name, unique(columns), units, rows), note


def _usable(table: Block) -> bool:
    return table.first_of(*_TIMES) is not None and table.first_of(*_POTENTIALS) is not None


def _chosen(path: Path, tables: Sequence[Block], wanted: str | None, warnings: list[str]) -> Block:
    names = [t.name for t in tables]
    if wanted is not None:
        if wanted not in names:
            raise UnreadableFile(path, f"has no table {wanted!r}; possible: {', '.join(names)}")
        return tables[names.index(wanted)]
    usable = [t for t in tables if _usable(t)]
    if not usable:
        if any("Zreal" in t.columns for t in tables):
            raise impedance_only(path, f"the tables {', '.join(names)}")
        raise UnreadableFile(path, f"has no table with time and potential; its tables are {', '.join(names) or 'none'}")
    curves = [t for t in usable if _CYCLE.match(t.name)]
    if len(curves) > 1:
        joined = continued([_with_cycle(t) for t in curves], str(curves[0].first_of(*_TIMES)))
        if joined is not None:
            others = [n for n in names if not _CYCLE.match(n)]
            if others:
                warnings.append(f"the file also holds {', '.join(others)}; choose one with the option table")
            return joined
    ordered = (
        curves or [t for t in usable if t.name == "ZCURVE"] or [t for t in usable if t.name == "OCVCURVE"] or usable
    )
    best = max(ordered, key=len)
    others = [n for n in names if n != best.name]
    if others:
        warnings.append(
            f"the file holds {len(names)} tables; {best.name} was read; the others, which count time from their own "
            f"begin, are {', '.join(others)} (option table)"
        )
    return best


def _with_cycle(table: Block) -> Block:
    match = _CYCLE.match(table.name)
    cycle = match[1] if match and match[1] else "0"
    return Block(table.name, [*table.columns, "_cycle"], [*table.units, ""], [[*row, cycle] for row in table.rows])


def _in_unit(path: Path, table: Block, column: str, factors: dict[str, float]) -> NDArray[np.float64]:
    unit = table.unit(column).split(" vs")[0] or next(iter(factors))
    return scaled(table.values(column), unit_factor(path, unit, factors, column))


def _value(header: dict[str, list[str]], tag: str) -> str | None:
    values = header.get(tag, [])
    if tag == "TAG":
        return values[0] if values else None
    return values[1] if len(values) > 1 and values[1] else None


def _start(
    header: dict[str, list[str]], tables: Sequence[Block], chosen: Block, warnings: list[str]
) -> datetime | None:
    date, clock = _value(header, "DATE"), _value(header, "TIME")
    if not date or not clock:
        warnings.append("the file has no date and time, so the trace has no absolute start")
        return None
    start = _date(date, clock, warnings)
    if start is None:
        warnings.append(f"the start {date} {clock} is not a possible date; the trace has no absolute start")
        return None
    rest = next((t for t in tables if t.name == "OCVCURVE"), None)
    name = rest.first_of(*_TIMES) if rest is not None else None
    if rest is not None and name and len(rest) and chosen.name != rest.name:
        lasted = float(rest.values(name)[-1])
        warnings.append(
            f"the start is that of the experiment; the table {chosen.name} counts from its own begin, at least "
            f"{lasted:.1f} s later (open circuit); give offset_s to place it exactly"
        )
    return start


def _date(date: str, clock: str, warnings: list[str]) -> datetime | None:
    """Return the start; with slashes the month comes first (Gamry's home), unless that is impossible."""
    half = re.search(r"([AaPp])\.?[Mm]", clock)
    time = re.search(r"(\d{1,2}):(\d{2}):(\d{2})", clock)
    if time is None:
        return None
    hour = int(time[1]) % 12 + (12 if half[1] in "Pp" else 0) if half else int(time[1])
    hms = f"{hour:02d}:{time[2]}:{time[3]}"
    slashed = re.fullmatch(r"\s*(\d{1,2})/(\d{1,2})/(\d{4})\s*", date)
    if slashed is None:
        when, note = local_date(f"{date.strip()} {hms}")
        if note:
            warnings.append(note)
        return when
    one, two, year = int(slashed[1]), int(slashed[2]), int(slashed[3])
    month, day = (one, two) if one <= 12 else (two, one)
    try:
        when = datetime(year, month, day, hour, int(time[2]), int(time[3]))
    except ValueError:
        return None
    if one <= 12 and two <= 12 and one != two:
        warnings.append(f"the date {date} was read month first: {when:%Y-%m-%d}")
    return when
