"""CH Instruments text export (``.txt``, ``.csv``).

Structure: the date (``Feb. 20, 2020   15:55:08``), the technique, ``Instrument Model:  CHI660E``, header and note, the
parameters ``Init E (V) = 0``, results of the peak search, the column names ``Potential/V, Current/A``, rows. Each of
the parts before the column names can be switched off in the program; separators are commas or tabs.

Time: a sweep is exported without times. They are derived from the scan rate, from the first row on, and a warning says
so. The date has no zone, and the program does not say whether it is that of the begin; the quiet time comes before the
first row.

Current: the program's setting "polarity" decides whether the cathodic current is positive (the program's default, the
American or polarographic convention) or negative (IUPAC); the text does not state it. The option ``current_sign`` does;
without it the current stays as it is and a warning says so.

Amperometry (``Amperometric i-t Curve``) is exported without its potential, which is the constant ``Init E``: it is
filled in, with a warning. An impedance export holds no time and is refused.

Test files: an impedance export of impedance.py (MIT); of the other techniques small files from
``tests/builders/ch_instruments.py``, made after exports in public repositories.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from ...errors import UnreadableFile
from ...readers._text import head_text, read_text, split_lines
from ..trace import Trace
from ._instrument import (
    MILLIAMPERE,
    MILLIAMPERE_HOUR,
    SECOND,
    VOLT,
    Block,
    CurrentSign,
    english_date,
    impedance_only,
    iupac,
    number,
    scaled,
    swept_time,
    trace_or_refusal,
    unique,
    unit_factor,
)
from .registry import TraceReader

__all__ = ["READER", "load"]

_DATE_LINE = re.compile(r"^[A-Z][a-z]{2,8}\.? \d{1,2}, \d{4} +\d{1,2}:\d{2}:\d{2}\s*$")
_MODEL = re.compile(r"^Instrument Model:\s*(CHI\S*)", re.MULTILINE)
_PARAMETER = re.compile(r"^(.+?) = (.*)$")
_COLUMN_LINE = re.compile(r"^(?:Potential/m?V|Time/(?:sec|s|min|h)|Freq(?:uency)?/Hz)\s*[,\t]")
_INIT = re.compile(r"^Init E \(V\) = ", re.MULTILINE)


def sniff(path: Path, head: bytes) -> bool:
    """Return True for the program's model line, or for its parameters above its column names."""
    text = head_text(head)
    if text is None:
        return False
    if _MODEL.search(text[:2000]) is not None:
        return True
    return _INIT.search(text[:2000]) is not None and any(_COLUMN_LINE.match(line) for line in split_lines(text))


def load(path: Path, *, current_sign: CurrentSign | None = None, scan_rate_v_s: float | None = None) -> Trace:
    """Read a CH Instruments text file.

    Parameters
    ----------
    current_sign
        Which current the file counts as positive; the file itself does not say.
    scan_rate_v_s
        Scan rate of a sweep whose export lacks the parameters, in V/s.

    Raises
    ------
    UnreadableFile
        If it is an impedance file, has neither times nor a scan rate, or is damaged.
    """
    lines = split_lines(read_text(path))
    at = next((k for k, line in enumerate(lines) if _COLUMN_LINE.match(line)), None)
    if at is None:
        raise UnreadableFile(path, "has no line of column names (Potential/V …, Time/sec …)")
    head = lines[:at]
    parameters = {m[1].strip(): m[2].strip() for line in head if (m := _PARAMETER.match(line))}
    model = _MODEL.search("\n".join(head))
    dated = next((k for k, line in enumerate(head[:3]) if _DATE_LINE.match(line)), None)
    technique = head[dated + 1].strip() or None if dated is not None and dated + 1 < len(head) else None
    warnings: list[str] = []
    table = _table(path, lines, at, warnings)
    if any(c.startswith("Freq") for c in table.columns):
        raise impedance_only(path, f"the columns {', '.join(table.columns)}")
    time_name = next((c for c in table.columns if c.startswith("Time")), None)
    potential_name = next((c for c in table.columns if c.startswith("Potential")), None)
    current_name = table.first_of("Current", "i", "i1")
    charge_name = table.first_of("Charge", "Q")

    def in_unit(name: str, factors: Mapping[str, float]) -> np.typing.NDArray[np.float64]:
        return scaled(table.values(name), unit_factor(path, table.unit(name), factors, name))

    current = None if current_name is None else in_unit(current_name, MILLIAMPERE)
    charge = None if charge_name is None else in_unit(charge_name, MILLIAMPERE_HOUR)
    source = "the option current_sign"
    current, charge, notes = iupac(current, charge, current_sign, source)
    warnings += notes
    potential = np.full(len(table), np.nan) if potential_name is None else in_unit(potential_name, VOLT)
    if potential_name is None:
        potential = _held(potential, technique, parameters, warnings)
    if time_name is not None:
        time = in_unit(time_name, SECOND)
    else:
        rate = scan_rate_v_s if scan_rate_v_s is not None else number(parameters.get("Scan Rate (V/s)", ""))
        if np.isnan(rate):
            raise UnreadableFile(
                path, f"has neither times nor a scan rate (technique: {technique or 'not stated'}); give scan_rate_v_s"
            )
        time = swept_time(path, potential, rate)
        warnings.append(f"the file has no times; they were derived from the scan rate of {rate:g} V/s")
    return trace_or_refusal(
        path,
        time,
        potential_v=potential,
        current_ma=current,
        charge_mah=charge,
        columns=table.further(time_name, potential_name, current_name, charge_name),
        local_start=_start(head, dated, parameters, warnings),
        technique=technique,
        instrument=model[1] if model else None,
        warnings=tuple(warnings),
        vendor={
            "parameters": parameters,
            "columns": [f"{c}/{u}" for c, u in zip(table.columns, table.units, strict=True)],
            "lines": [line.rstrip() for line in head],
        },
    )


READER = TraceReader(
    name="ch-instruments",
    description="CH Instruments (CHI) text export",
    extensions=(".txt", ".csv"),
    sniff=sniff,
    load=load,
    gives=("local start", "current"),
)


def _table(path: Path, lines: Sequence[str], at: int, warnings: list[str]) -> Block:
    mark = "\t" if "\t" in lines[at] else ","
    titles = [cell.strip() for cell in lines[at].split(mark) if cell.strip()]
    names = [title.rpartition("/")[0] or title for title in titles]
    units = [title.rpartition("/")[2] for title in titles]
    rows: list[list[str]] = []
    for k in range(at + 1, len(lines)):
        if not lines[k].strip():
            continue
        cells = [cell.strip() for cell in lines[k].split(mark)]
        if len(cells) < len(titles) or np.isnan(number(cells[0])):
            if any(line.strip() for line in lines[k + 1 :]):
                raise UnreadableFile(path, f"line {k + 1} is no row of {len(titles)} numbers: {lines[k][:60]!r}")
            warnings.append(f"the last row is cut off; {len(rows)} whole rows were read")
            break
        rows.append(cells[: len(titles)])
    if not rows:
        warnings.append("the file has a header but no rows")
    return Block("data", unique(names), units, rows)


def _held(
    potential: np.typing.NDArray[np.float64], technique: str | None, parameters: Mapping[str, str], warnings: list[str]
) -> np.typing.NDArray[np.float64]:
    """Return the potential of a technique that holds it: the one that was set."""
    held = number(parameters.get("Init E (V)", ""))
    if technique is not None and "i-t Curve" in technique and np.isfinite(held):
        warnings.append(f"the file has no potential; it is the one that was set, {held:g} V")
        return np.full(potential.size, held)
    warnings.append("the file has no potential")
    return potential


def _start(
    head: Sequence[str], dated: int | None, parameters: Mapping[str, str], warnings: list[str]
) -> datetime | None:
    if dated is None:
        warnings.append("the file has no date, so the trace has no absolute start")
        return None
    start = english_date(head[dated], head[dated])
    if start is None:
        warnings.append(f"the date {head[dated].strip()!r} is not a possible one; the trace has no absolute start")
        return None
    quiet = number(parameters.get("Quiet Time (sec)", ""))
    rest = f", and whether the quiet time of {quiet:g} s before the first row is included" if quiet > 0 else ""
    warnings.append(f"the file does not say whether its date is that of the begin (taken so){rest}")
    return start
