"""Arbin battery cyclers: tables that MITS Pro exports, as CSV or workbook (``.xlsx``).

Columns by their names, whatever their order: ``Test_Time(s)``, ``Current(A)``, ``Voltage(V)`` and one of
``Step_Time(s)``, ``Step_Index`` are required; ``Date_Time``, ``Cycle_Index``, ``Charge_Capacity(Ah)``,
``Discharge_Capacity(Ah)`` are understood; all others that hold numbers are kept. Newer versions write blanks instead of
underscores (``Test Time (s)``) and a tab before the date. Units are those that the names state.

Workbooks: the first sheet of rows is read, with those that continue it (``Channel_1-008_1``, ``…_2``); sheets of
statistics have no steps and are passed over. The cells are read by a small parser of our own.

Time: ``Test_Time`` counts, ``Date_Time`` (local, no zone) gives the start and shows the pauses. Dates with a slash are
month first, as Arbin writes them, unless the rows prove otherwise; a warning says so where both are possible.
Sign: positive on charge. Capacities may begin again with each cycle or step.

Not read: ``.res`` (an Access database), exports without units.

Names of columns: CALCE's CS2 series and the sample headers in battery-data-alliance/battery-data-format; tests on files
of our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UnreadableFile
from ..trace import Trace
from ._cycler import parse_stamps
from ._cycler_trace import Parts, scaled, trace_of
from ._table import Table, decoded, text_table
from ._xlsx import Cell, sheet_names, sheet_rows
from ._zipped import ZIP_MAGIC, Archive
from .registry import TraceReader

__all__ = ["READER", "load"]

_NAMES = {
    "time": r"testtime\((s|min|h)\)",
    "step_time": r"steptime\((s|min|h)\)",
    "stamp": r"datetime|dpttime",
    "current": r"current\((a|ma|ua|µa)\)",
    "potential": r"voltage\((v|mv)\)",
    "charged": r"chargecapacity\((ah|mah)\)",
    "discharged": r"dischargecapacity\((ah|mah)\)",
    "cycle": r"cycleindex",
    "step_index": r"stepindex",
}


def _quantities(cells: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return {quantity: (column, unit)}; the first of several counts."""
    found: dict[str, tuple[str, str]] = {}
    for cell in cells:
        bare = re.sub(r"[\s_]", "", cell).lower()
        for quantity, pattern in _NAMES.items():
            match = re.fullmatch(pattern, bare)
            if match:
                found.setdefault(quantity, (cell, match[1] if match.groups() else ""))
    return found


def _is_header(cells: Sequence[str]) -> bool:
    found = _quantities(cells)
    return {"time", "current", "potential"} <= found.keys() and bool({"step_time", "step_index"} & found.keys())


def sniff(path: Path, head: bytes) -> bool:
    """Return True for text whose header has Arbin's columns, or a workbook with a sheet of such rows."""
    if head.startswith(ZIP_MAGIC):
        return _is_workbook(path)
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    lines = decoded(head).splitlines()[:100]
    return any(
        _is_header([c.strip(' "') for c in line.split(mark)])
        for line in lines
        if "ime" in line
        for mark in (",", "\t", ";")
    )


def _is_workbook(path: Path) -> bool:
    if path.suffix.lower() not in (".xlsx", ".xlsm"):
        return False
    try:
        with Archive(path) as archive:
            if "xl/workbook.xml" not in archive.names:
                return False
            return any(True for _ in _sheets(path, archive))
    except UnreadableFile:
        return False


def load(path: Path, *, sheet: str | None = None) -> Trace:
    """Read an Arbin export.

    Parameters
    ----------
    sheet
        Name of the sheet of a workbook; the first sheet of rows, with its continuations, if not given.

    Raises
    ------
    UnreadableFile
        If a needed column is missing, a row is damaged, or the test time decreases.
    """
    with np.errstate(all="ignore"):  # damaged numbers may be anything
        with open(path, "rb") as stream:
            is_zip = stream.read(4) == ZIP_MAGIC
        if is_zip:
            table, vendor = _workbook(path, sheet)
        else:
            table, vendor = text_table(path, decoded(path.read_bytes()), _is_header), {}
        used = _quantities(table.names)
        time_s = scaled(table, *used["time"])
        stamps = parse_stamps(table.values(used["stamp"][0]), time_s) if "stamp" in used else None
        capacities = {q: scaled(table, *used[q]) for q in ("charged", "discharged") if q in used}
        columns: dict[str, NDArray[Any]] = {q: table.numbers(used[q][0]) for q in ("cycle", "step_index") if q in used}
        if "step_index" in columns:
            columns["step"] = np.cumsum(np.diff(columns["step_index"], prepend=columns["step_index"][0] - 1) != 0)
        taken: dict[str, str] = {
            q: used[q][0] for q in ("time", "potential", "current", "cycle", "step_index", "stamp") if q in used
        }
        return trace_of(
            table,
            Parts(
                program="Arbin",
                time_s=time_s,
                potential_v=scaled(table, *used["potential"]),
                current_ma=scaled(table, *used["current"]),
                charged_mah=capacities.get("charged"),
                discharged_mah=capacities.get("discharged"),
                stamps=stamps,
                columns=columns,
                used=taken,
                vendor={**vendor, "preamble": [line.rstrip() for line in table.preamble]},
                instrument="Arbin",
            ),
        )


READER = TraceReader(
    name="arbin",
    description="Arbin MITS Pro export (CSV, xlsx)",
    extensions=(".csv", ".xlsx", ".txt"),
    sniff=sniff,
    load=load,
    gives=("local start", "current", "charge", "cycle", "step"),
)


# -- workbooks --------------------------------------------------------------------------------------------------------


def _sheets(path: Path, archive: Archive) -> Iterator[tuple[str, int, list[list[Cell]]]]:
    """Yield (name, line of the header, rows) of every sheet that has Arbin's columns."""
    for name, part in sheet_names(path, archive).items():
        rows = sheet_rows(path, archive, part)
        for k, row in enumerate(rows[:100]):
            if _is_header([c if isinstance(c, str) else "" for c in row]):
                yield name, k, rows
                break


def _workbook(path: Path, wanted: str | None) -> tuple[Table, dict[str, Any]]:
    with Archive(path) as archive:
        names = list(sheet_names(path, archive))
        fitting = list(_sheets(path, archive))
    if not fitting:
        raise UnreadableFile(path, f"has no sheet with Arbin's columns; its sheets are {', '.join(names)}")
    known = [name for name, _, _ in fitting]
    if wanted is not None and wanted not in known:
        raise UnreadableFile(path, f"has no sheet {wanted!r} of rows; possible: {', '.join(known)}")
    stem = re.sub(r"_\d+$", "", known[0])
    taken = [f for f in fitting if (f[0] == wanted if wanted else re.sub(r"_\d+$", "", f[0]) == stem)]
    header = [_text(c) for c in taken[0][2][taken[0][1]]]
    rows = []
    for _, line, sheet in taken:
        if [_text(c) for c in sheet[line]] == header:
            rows += sheet[line + 1 :]
    warnings = []
    left = [name for name in known if name not in [t[0] for t in taken]]
    if left and wanted is None:
        warnings.append(f"the sheets {', '.join(left)} were not read; give sheet= to read one of them")
    table = _table(path, header, rows, warnings)
    return table, {"sheets": names, "read": [t[0] for t in taken]}


def _text(cell: Cell) -> str:
    return "" if cell is None else str(cell).strip()


def _table(path: Path, header: Sequence[str], rows: Sequence[Sequence[Cell]], warnings: list[str]) -> Table:
    if not rows:
        raise UnreadableFile(path, "names its columns but has no rows")
    names = [name if name and header.index(name) == k else f"{name} ({k})" for k, name in enumerate(header)]
    numeric, texts = {}, {}
    for k, name in enumerate(names):
        cells = [row[k] if k < len(row) else None for row in rows]
        try:
            numeric[name] = np.array([np.nan if c is None or c == "" else float(c) for c in cells])
        except ValueError:
            texts[name] = cells
    return Table(path, names, numeric, texts, len(rows), (), warnings)
