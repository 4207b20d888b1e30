"""Tables of time, potential and current as text: CSV and its relatives, from any program.

The columns may be named or numbered; obvious names (``time/s``, ``Voltage(V)``, ``I/mA``, ``E vs. Li/Li+ (V)``) are
understood, with the unit and the reference electrode that they state. Nothing is taken for granted that changes the
result a thousandfold: a current without a unit is refused.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidDataset, UnreadableFile
from ..trace import CurrentKind, Trace
from ._instrument import whole
from .registry import TraceReader

__all__ = ["READER", "load"]

_DELIMITERS = ("\t", ";", ",", " ")
_SCANNED_LINES = 200

_SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "min": 60.0, "minutes": 60.0}
_SECONDS |= {"h": 3600.0, "hr": 3600.0, "hour": 3600.0, "hours": 3600.0}
_VOLTS = {"V": 1.0, "mV": 1e-3}
_MILLIAMPERES = {"mA": 1.0, "A": 1e3, "uA": 1e-3, "µA": 1e-3, "μA": 1e-3, "nA": 1e-6}
_MILLIAMPERE_HOURS = {"mAh": 1.0, "mA.h": 1.0, "Ah": 1e3, "A.h": 1e3, "C": 1 / 3.6, "mC": 1e-3 / 3.6}

_NAMES = {
    "time": {"t", "time", "elapsed", "elapsedtime", "testtime", "totaltime", "zeit"},
    "stamp": {"timestamp", "datetime", "absolutetime", "systemtime", "date"},
    "potential": {"e", "ewe", "ecell", "potential", "voltage", "cellvoltage", "u", "vf", "we(1).potential", "spannung"},
    "current": {"i", "current", "im", "iwe", "we(1).current", "strom"},
    "charge": {"q", "charge", "(qqo)", "qqo", "ladung"},
    "cycle": {"cycle", "cyclenumber", "cycleindex", "cycleno"},
    "half_cycle": {"halfcycle"},
    "step": {"ns", "step", "stepindex", "stepnumber"},
}
_UNITS = {"time": _SECONDS, "potential": _VOLTS, "current": _MILLIAMPERES, "charge": _MILLIAMPERE_HOURS}
_WHOLE = ("cycle", "half_cycle", "step")


def sniff(path: Path, head: bytes) -> bool:
    """Return True for text with at least two rows of at least two numbers."""
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    try:
        lines = _decoded(head).splitlines()
    except UnicodeDecodeError:
        return False
    # The last line of the head may be cut off.
    return _layout(lines[:-1] if len(lines) > 3 else lines, None) is not None


def load(
    path: Path,
    *,
    time: str | None = None,
    potential: str | None = None,
    current: str | None = None,
    charge: str | None = None,
    time_unit: Literal["s", "min", "h", "ms"] | None = None,
    potential_unit: Literal["V", "mV"] | None = None,
    current_unit: Literal["A", "mA", "uA"] | None = None,
    charge_unit: Literal["mAh", "Ah", "C"] | None = None,
    current_kind: Literal["instantaneous", "interval_mean"] | None = None,
    delimiter: str | None = None,
    decimal: Literal[".", ","] | None = None,
    start: str | None = None,
) -> Trace:
    """Read a table of time, potential, current and charge.

    Parameters
    ----------
    time, potential, current, charge
        Column, by its name in the header or by its number from 0; found from the header if not given. The time may be
        a number or an ISO date and time.
    time_unit, potential_unit, current_unit, charge_unit
        Unit of that column; read from the header if not given.
    current_kind
        What the current of a row is; ``interval_mean`` if the header writes it in angle brackets (``<I>/mA``), else
        ``instantaneous``.
    delimiter
        What separates the fields; found from the rows if not given.
    decimal
        Decimal mark; found from the rows if not given.
    start
        Date and time (ISO) of the zero of the time column, with or without an offset from UTC.

    Raises
    ------
    UnreadableFile
        If it is not obvious what the columns are or what unit the current has, a row is damaged, or times decrease.
    """
    lines = _decoded(path.read_bytes()).splitlines()
    layout = _layout(lines, delimiter)
    if layout is None:
        raise UnreadableFile(path, "it is not a table: no two rows with at least two numbers each were found")
    headings = [_Heading.parsed(name) for name in layout.names]
    warnings: list[str] = []
    cells = _Cells(path, lines, layout, decimal, warnings)
    chosen = {
        "time": time,
        "potential": potential,
        "current": current,
        "charge": charge,
    }
    where = {role: _column(path, role, wanted, headings) for role, wanted in chosen.items()}
    stamp = _column(path, "stamp", None, headings)
    if where["time"] is None and stamp is None:
        raise UnreadableFile(path, _unclear("time", headings))
    if where["potential"] is None:
        raise UnreadableFile(path, _unclear("potential", headings))

    def scale(role: str, given: str | None, default: float | None) -> float:
        column = where[role]
        assert column is not None
        return _scale(path, role, headings[column], given, default, warnings)

    time_s, zero = _times(path, cells, where["time"], stamp, lambda: scale("time", time_unit, 1.0), start)
    volts = cells.numbers(where["potential"]) * scale("potential", potential_unit, 1.0)
    milliamperes = milliampere_hours = None
    kind: CurrentKind = current_kind or "instantaneous"
    if where["current"] is not None:
        milliamperes = cells.numbers(where["current"]) * scale("current", current_unit, None)
        if current_kind is None and headings[where["current"]].averaged:
            kind = "interval_mean"
    if where["charge"] is not None:
        milliampere_hours = cells.numbers(where["charge"]) * scale("charge", charge_unit, None)
    columns = _further_columns(cells, headings, {stamp, *where.values()})
    aware = zero is not None and zero.tzinfo is not None
    try:
        return Trace(
            time_s=time_s,
            potential_v=volts,
            current_ma=milliamperes,
            current_kind=kind,
            charge_mah=milliampere_hours,
            columns=columns,
            reference=headings[where["potential"]].reference,
            started_at=zero if aware else None,
            local_start=None if aware else zero,
            warnings=tuple(warnings),
            vendor={
                "columns": [h.text for h in headings],
                "used": {role: headings[k].text for role, k in where.items() if k is not None},
                "preamble": [line.rstrip() for line in lines[: layout.first_row]],
            },
        )
    except InvalidDataset as error:
        raise UnreadableFile(path, str(error)) from error


READER = TraceReader(
    name="delimited-trace",
    description="table of time, potential and current as text (CSV, TSV)",
    extensions=(".csv", ".tsv", ".txt", ".dat"),
    sniff=sniff,
    load=load,
    gives=("local start", "current", "cycle", "reference"),
)


# -- layout -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    delimiter: str
    names: Sequence[str]
    first_row: int


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw[: len(raw) // 2 * 2].decode("utf-16")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _fields(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    if '"' in line:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    return [cell.strip() for cell in line.split(delimiter)]


def _layout(lines: Sequence[str], delimiter: str | None) -> _Layout | None:
    """Find delimiter, column names and the first row of numbers."""
    for mark in _DELIMITERS if delimiter is None else (delimiter,):
        previous: list[tuple[int, list[str]]] = []
        for i, line in enumerate(lines[:_SCANNED_LINES]):
            if not line.strip():
                continue
            cells = _fields(line.lstrip("#"), mark)
            if not _is_row(cells) or line.startswith("#"):
                previous.append((i, cells))
                continue
            following = next((text for text in lines[i + 1 :] if text.strip()), None)
            if following is not None and len(_fields(following, mark)) != len(cells):
                previous.append((i, cells))
                continue
            return _Layout(mark, _names(previous, len(cells)), i)
    return None


def _is_row(cells: Sequence[str]) -> bool:
    return sum(_value_like(cell) for cell in cells) >= 2


def _value_like(cell: str) -> bool:
    return _NUMBER.match(cell) is not None or _ISO.match(cell) is not None


_NUMBER = re.compile(r"^[+-]?(\d[\d.,]*|[.,]\d+)([eE][+-]?\d+)?$")
_ISO = re.compile(r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")


def _names(previous: Sequence[tuple[int, list[str]]], count: int) -> list[str]:
    """Return the header before the rows (a line of units under it is joined with it), or numbers as names."""
    headers = [cells for _, cells in previous if _trimmed(cells, count) is not None]
    if not headers:
        return [f"column {k}" for k in range(count)]
    last = _trimmed(headers[-1], count)
    assert last is not None
    known = {unit for units in _UNITS.values() for unit in units} | {"", "-", "#"}
    if len(headers) > 1 and all(cell.strip("()[]") in known for cell in last) and any(last):
        above = _trimmed(headers[-2], count)
        assert above is not None
        return [f"{a} ({u.strip('()[]')})" if u.strip("()[]-#") else a for a, u in zip(above, last, strict=True)]
    return last


def _trimmed(cells: Sequence[str], count: int) -> list[str] | None:
    """Return a header's cells if there are as many as a row has (it may lack or add one empty cell at the end)."""
    row = list(cells)
    while len(row) > count and not row[-1]:
        row.pop()
    if len(row) == count - 1:
        row.append("")
    return row if len(row) == count and any(row) else None


# -- headings ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Heading:
    text: str
    role: str | None
    unit: str | None
    averaged: bool
    reference: str | None

    @classmethod
    def parsed(cls, text: str) -> _Heading:
        rest, reference = _without_reference(text.strip())
        name, unit = _without_unit(rest)
        bare = re.sub(r"[\s_\-<>|]", "", name).lower()
        role = next((role for role, names in _NAMES.items() if bare in names), None)
        if not bare and unit is not None:
            role = next((r for r, units in _UNITS.items() if unit in units), None)
        if unit is not None and role in _UNITS and unit not in _UNITS[role]:
            role = None
        return cls(text, role, unit, name.strip().startswith("<"), reference)


def _without_reference(text: str) -> tuple[str, str | None]:
    """Take ``vs. Ag/AgCl`` out of a heading."""
    match = re.search(r"[\s,]*\bvs\.?\s+(.+)$", text)
    if match is None:
        return text, None
    before, tail = text[: match.start()], match[1].strip()
    if before.count("(") + before.count("[") > before.count(")") + before.count("]"):
        return before + ")", tail.rstrip(")]") + (")" if "(" in tail else "")
    unit = re.search(r"\s*[\[(/,]\s*m?V\s*[\])]?$", tail)
    return (before + tail[unit.start() :], tail[: unit.start()]) if unit else (before, tail)


def _without_unit(text: str) -> tuple[str, str | None]:
    known = {unit for units in _UNITS.values() for unit in units}
    if text in known - {"s", "h", "C"}:
        return "", text
    for pattern in (r"^(.*?)[\s_]*[\[(/,]\s*([^\[\]()/,]+?)\s*[\])]?$", r"^(.*\S)[\s_]+(\S+)$"):
        match = re.match(pattern, text)
        if match:
            unit = next((u for u in (match[2], match[2].lower()) if u in known), None)
            if unit is not None:
                return match[1], unit
    return text, None


def _column(path: Path, role: str, wanted: str | None, headings: Sequence[_Heading]) -> int | None:
    """Return the number of a column: the one asked for, or the only one whose heading says so."""
    if wanted is not None:
        texts = [h.text for h in headings]
        if wanted in texts:
            return texts.index(wanted)
        if re.fullmatch(r"\d+", wanted) and int(wanted) < len(headings):
            return int(wanted)
        raise UnreadableFile(path, f"{role}={wanted!r} is not one of its columns: {_listed(headings)}")
    fitting = [k for k, h in enumerate(headings) if h.role == role]
    if len(fitting) > 1:
        raise UnreadableFile(path, _unclear(role, headings))
    return fitting[0] if fitting else None


def _unclear(role: str, headings: Sequence[_Heading]) -> str:
    hint = "time= and potential= (and current=, charge=)" if role in ("time", "potential") else f"{role}="
    return f"it is not obvious which column is the {role}; give {hint} with one of: {_listed(headings)}"


def _listed(headings: Sequence[_Heading]) -> str:
    texts = [h.text or f"({k})" for k, h in enumerate(headings)]
    return ", ".join(texts if len(texts) <= 40 else [*texts[:40], f"… ({len(texts)} columns)"])


def _scale(
    path: Path, role: str, heading: _Heading, given: str | None, default: float | None, warnings: list[str]
) -> float:
    """Return the factor to s, V, mA or mAh."""
    units = _UNITS[role]
    unit = given if given is not None else heading.unit
    if unit in units:
        return units[unit]
    if default is None:
        possible = "A, mA or uA" if role == "current" else "mAh, Ah or C"
        raise UnreadableFile(
            path, f"the column {heading.text!r} does not state its unit; give {role}_unit ({possible})"
        )
    warnings.append(f"the column {heading.text!r} does not state its unit; taken as {'s' if role == 'time' else 'V'}")
    return default


# -- cells ------------------------------------------------------------------------------------------------------------


class _Cells:
    """The rows of the table; columns are turned into numbers when they are asked for."""

    def __init__(
        self, path: Path, lines: Sequence[str], layout: _Layout, decimal: str | None, warnings: list[str]
    ) -> None:
        self._path = path
        self._layout = layout
        rows = [(i + 1, line) for i, line in enumerate(lines) if i >= layout.first_row and line.strip()]
        count = len(layout.names)
        if len(rows) > 1 and len(_fields(rows[-1][1], layout.delimiter)) < count:
            warnings.append(f"the last row is cut off; {len(rows) - 1} whole rows were read")
            rows.pop()
        self._rows = [line for _, line in rows]
        self._line_numbers = [number for number, _ in rows]
        self._decimal = decimal
        self._texts: list[list[str]] | None = None
        self._plain: dict[int, NDArray[np.float64]] | None = None

    @property
    def first(self) -> list[str]:
        return _fields(self._rows[0], self._layout.delimiter)

    def texts(self, column: int) -> list[str]:
        if self._texts is None:
            count = len(self._layout.names)
            self._texts = [_fields(line, self._layout.delimiter) for line in self._rows]
            for number, cells in zip(self._line_numbers, self._texts, strict=True):
                if len(cells) < count:
                    raise UnreadableFile(
                        self._path, f"line {number} has {len(cells)} fields where {count} were expected"
                    )
        return [cells[column] for cells in self._texts]

    def numbers(self, column: int | None) -> NDArray[np.float64]:
        """Return one column as numbers; cells without a number are NaN."""
        assert column is not None
        if self._plain is None:
            self._plain = self._parsed_at_once()
        if column in self._plain:
            return self._plain[column]
        texts = self.texts(column)
        mark = self._mark(texts)
        return np.array([_float(text, mark) for text in texts])

    def _parsed_at_once(self) -> dict[int, NDArray[np.float64]]:
        """Return all columns of numbers if nothing needs interpreting: decimal points, no quotes, no empty cells."""
        wanted = [k for k, cell in enumerate(self.first) if _NUMBER.match(cell)]
        if self._decimal == "," or any('"' in line for line in self._rows):
            return {}
        delimiter = None if self._layout.delimiter == " " else self._layout.delimiter
        try:
            block = np.loadtxt(
                io.StringIO("\n".join(self._rows)), delimiter=delimiter, usecols=wanted, ndmin=2, comments=None
            )
        except ValueError:
            return {}
        return {k: block[:, i].copy() for i, k in enumerate(wanted)}

    def _mark(self, texts: Sequence[str]) -> str:
        if self._decimal is not None:
            return self._decimal
        commas = [text for text in texts if "," in text]
        if not commas:
            return "."
        both = next((text for text in commas if "." in text), None)
        if both is not None:
            return "," if both.rfind(",") > both.rfind(".") else "."
        if any("." in text for text in texts):
            raise UnreadableFile(self._path, "its numbers mix decimal points and decimal commas; give decimal=")
        return ","


def _float(text: str, mark: str) -> float:
    plain = text.replace("." if mark == "," else ",", "").replace(",", ".")
    try:
        return float(plain)
    except ValueError:
        return np.nan


def _times(
    path: Path,
    cells: _Cells,
    time: int | None,
    stamp: int | None,
    scale: Callable[[], float],
    start: str | None,
) -> tuple[NDArray[np.float64], datetime | None]:
    """Return seconds and the moment of their zero."""
    zero = None if start is None else _moment(path, "start", start)
    column = time if time is not None else stamp
    assert column is not None
    if not _value_like(cells.first[column]):
        raise UnreadableFile(
            path, f"its times are neither numbers nor ISO dates (2024-01-10T11:02:29): {cells.first[column]!r}"
        )
    if time is not None and not _ISO.match(cells.first[time]):
        seconds = cells.numbers(time) * scale()
        bad = np.flatnonzero(~np.isfinite(seconds))
        if bad.size:
            raise UnreadableFile(path, f"row {int(bad[0]) + 1} has no time ({cells.texts(time)[int(bad[0])]!r})")
        if zero is None and stamp is not None and _ISO.match(cells.first[stamp]):
            zero = _moment(path, "row 1", cells.first[stamp]) - timedelta(seconds=float(seconds[0]))
        return seconds, zero
    if not _ISO.match(cells.first[column]):
        raise UnreadableFile(path, "it has stamps that are not ISO dates and no other time; name the column with time=")
    moments = [_moment(path, f"row {i + 1}", text) for i, text in enumerate(cells.texts(column))]
    zero = moments[0] if zero is None else zero
    if any((m.tzinfo is None) != (zero.tzinfo is None) for m in moments):
        raise UnreadableFile(path, "some of its times (or start=) have a time zone and some have not")
    return np.array([(moment - zero).total_seconds() for moment in moments]), zero


def _moment(path: Path, what: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip().replace(",", "."))
    except ValueError:
        raise UnreadableFile(path, f"{what}: {text!r} is not an ISO date and time (2024-01-10T11:02:29)") from None


def _further_columns(cells: _Cells, headings: Sequence[_Heading], used: set[int | None]) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    for k, heading in enumerate(headings):
        if k in used or not heading.text or not _NUMBER.match(cells.first[k] if k < len(cells.first) else ""):
            continue
        values = cells.numbers(k)
        if heading.role in _WHOLE and heading.role not in columns:
            columns[heading.role] = whole(values)
        else:
            columns.setdefault(heading.text, values)
    return columns
