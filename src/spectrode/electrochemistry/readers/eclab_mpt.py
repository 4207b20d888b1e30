"""BioLogic EC-Lab and BT-Lab text export (``.mpt``).

Layout: ``EC-Lab ASCII FILE``; ``Nb header lines : N``; header lines ``key : value``; a table of the technique's
settings in fields of 20 characters; line N holds the column names; rows follow. All tab-separated, Latin-1 mostly.

Vendor quirks, with the files of the yadg and ixdat collections that show them:

- Every technique of a chain writes the stamp of the *chain* (``Acquisition started on``), and ``time/s`` counts from it
  (``*.issue_149.mpt``). ``Technique started on`` is there for information; only some versions write it.
- A technique inside a loop appends all its passes to one file; ``Loop k from point number a to b`` lists them, and
  ``(Q-Qo)`` starts again from zero in each (``cp.issue_149.mpt``). They become the column ``part``.
- Dates are month first whatever the computer's language (``mb.issue_95.de.mpt``); decimals follow the language.
- The header may be cut to three lines, and with it the start goes (``gcpl.pr_182.1.mpt``, ``vsp_ocv_with.mpt``).
- A technique that records nothing writes no rows (``wait.mpt``).
- A column name may occur twice (``<I>/mA`` in ``multiple_techniques_dataset_01_01_PEIS_C01.mpt``); the first is the
  one that belongs to the row from the start, the second is 0 in the first row.
- ``dq`` is the charge of one row; ``dQ`` counts since the sequence ``Ns`` began; ``(Q-Qo)`` since the technique began.
- The last line has no line feed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidDataset, UnreadableFile
from ..trace import CurrentKind, Trace
from ._instrument import whole
from .registry import TraceReader

__all__ = ["READER", "load"]

_MAGIC = re.compile(rb"^(?:\xef\xbb\xbf)?(?:EC|BT)-Lab ASCII FILE")
_HEADER_COUNT = re.compile(r"Nb header lines\s*:\s*(\d+)")
_LOOP = re.compile(r"^Loop\s+\d+\s+from point number\s+(\d+)\s+to\s+(\d+)")
_DATE = re.compile(r"^(\d{1,4})[/.\-](\d{1,2})[/.\-](\d{1,4})[ T]+(\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d+))?$")
_CURRENT = re.compile(r"^(?:<I>|I)/(A|mA|µA|uA|nA)$")
_CHARGE = re.compile(r"^(\(Q-Qo\)|dq|dQ)/(mA\.h|A\.h|C)$")
_SETTING_WIDTH = 20

# The first that the file has is the potential. Ewe is versus the reference, Ecell versus the counter electrode.
_POTENTIALS = ("Ewe/V", "<Ewe>/V", "<Ewe/V>")
_CELL_VOLTAGES = ("Ecell/V", "<Ecell>/V", "<Ecell/V>", "Ewe-Ece/V", "<Ewe-Ece>/V")
_MILLIAMPERE = {"A": 1e3, "mA": 1.0, "µA": 1e-3, "uA": 1e-3, "nA": 1e-6}
_MILLIAMPERE_HOUR = {"mA.h": 1.0, "A.h": 1e3, "C": 1.0 / 3.6}
_WHOLE_NUMBERS = {"cycle number": "cycle", "half cycle": "half_cycle", "Ns": "step"}


def sniff(path: Path, head: bytes) -> bool:
    """Return True if the file begins as EC-Lab and BT-Lab text files do."""
    return _MAGIC.match(head) is not None


def load(path: Path) -> Trace:
    """Read an EC-Lab text file.

    Returns
    -------
    Trace
        ``local_start`` is the stamp of the acquisition (of the whole chain), None if the header was left out;
        ``<I>`` is taken as the mean over the interval that ends at the row, ``I`` as instantaneous.

    Raises
    ------
    UnreadableFile
        If the header is damaged, there is no ``time/s``, rows have the wrong number of fields, or times decrease.
    """
    text = _decoded(path.read_bytes())
    lines = text.splitlines()
    header, names, first_row = _split(path, lines)
    info = _Header.parsed(header)
    warnings = list(info.warnings)
    table = _table(path, lines[first_row:], names, first_row, warnings)
    time, start = _time_axis(path, table, info, warnings)
    parts = _parts(info.loops, time.size, warnings)
    numbers = {k: v for k, v in table.items() if isinstance(v, np.ndarray)}
    potential, potential_column, is_cell_voltage = _potential(numbers, time.size, warnings)
    current, kind, current_column = _current(numbers)
    charge, charge_column = _charge(numbers, parts)
    columns = _further_columns(numbers, (potential_column, current_column), parts)
    if not time.size:
        warnings.append("the file has a header but no rows")
    try:
        return Trace(
            time_s=time,
            potential_v=potential,
            current_ma=current,
            current_kind=kind,
            charge_mah=charge,
            columns=columns,
            reference=None if is_cell_voltage else info.reference,
            local_start=start,
            technique=info.technique,
            instrument=info.keys.get("Device"),
            warnings=tuple(warnings),
            vendor={
                "header": dict(info.keys),
                "settings": {k: list(v) for k, v in info.settings.items()},
                "columns": names,
                "potential_column": potential_column,
                "current_column": current_column,
                "charge_column": charge_column,
                "lines": [line.rstrip() for line in header],
            },
        )
    except InvalidDataset as error:
        raise UnreadableFile(path, str(error)) from error


READER = TraceReader(
    name="eclab-mpt",
    description="BioLogic EC-Lab and BT-Lab text export",
    extensions=(".mpt", ".txt"),
    sniff=sniff,
    load=load,
    gives=("local start", "current", "charge", "cycle", "step", "reference"),
)


# -- header -----------------------------------------------------------------------------------------------------------


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _split(path: Path, lines: Sequence[str]) -> tuple[list[str], list[str], int]:
    """Return header lines, column names and the index of the first row."""
    found = next((m for line in lines[:5] if (m := _HEADER_COUNT.search(line))), None)
    if found is None:
        raise UnreadableFile(path, "its second line does not say how many header lines there are")
    count = int(found[1])
    if count < 3 or count > len(lines):
        raise UnreadableFile(
            path, f"its header should have {count} lines, but the file has {len(lines)}; it seems cut off"
        )
    names = [name.strip() for name in lines[count - 1].rstrip("\t\r\n").split("\t")]
    if "time/s" not in names:
        raise UnreadableFile(
            path, f"line {count} should name the columns, time/s among them, but it is {lines[count - 1][:80]!r}"
        )
    return list(lines[: count - 1]), _unique(names), count


def _unique(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


@dataclass(frozen=True)
class _Header:
    keys: Mapping[str, str]
    settings: Mapping[str, Sequence[str]]
    technique: str | None
    loops: Sequence[tuple[int, int]]
    start: datetime | None
    technique_start: datetime | None
    reference: str | None
    warnings: tuple[str, ...]

    @classmethod
    def parsed(cls, lines: Sequence[str]) -> _Header:
        keys: dict[str, str] = {}
        settings: dict[str, Sequence[str]] = {}
        loops = []
        in_settings = False
        for line in lines[2:]:
            loop = _LOOP.match(line)
            if loop:
                loops.append((int(loop[1]), int(loop[2])))
            elif in_settings:
                name, values = line[:_SETTING_WIDTH].strip(), line[_SETTING_WIDTH:].rstrip()
                if name:
                    fields = range(0, max(len(values), 1), _SETTING_WIDTH)
                    settings.setdefault(name, [values[i : i + _SETTING_WIDTH].strip() for i in fields])
            elif " : " in line or line.rstrip().endswith(" :"):
                key, _, value = line.partition(" :")
                keys.setdefault(key.strip(), value.strip())
                # The settings are what follows the cycle definition (or the line before the table, in old versions).
                in_settings = key.strip() == "Cycle Definition"
        warnings: list[str] = []
        start = _stamp(keys.get("Acquisition started on"), warnings)
        reference = keys.get("Reference electrode", "").strip()
        named = bool(reference) and reference.strip("()").lower() not in {"unspecified", "none", "<none>"}
        return cls(
            keys=keys,
            settings=settings,
            technique=next((text for line in lines[2:6] if (text := line.strip()) and " : " not in line), None),
            loops=loops,
            start=start,
            technique_start=_stamp(keys.get("Technique started on"), []),
            reference=reference if named else None,
            warnings=tuple(warnings),
        )


def _stamp(text: str | None, warnings: list[str]) -> datetime | None:
    """Return a date and time written month first, as EC-Lab does; note it where day and month could be exchanged."""
    if not text:
        return None
    match = _DATE.match(text.strip())
    if match is None:
        warnings.append(f"the start {text!r} is not a date that EC-Lab writes; the trace has no absolute start")
        return None
    a, b, c = int(match[1]), int(match[2]), int(match[3])
    if len(match[1]) == 4:
        year, month, day = a, b, c
    else:
        month, day, year = (a, b, c) if a <= 12 else (b, a, c)
    fraction = int((match[7] or "0")[:6].ljust(6, "0"))
    try:
        moment = datetime(year, month, day, int(match[4]), int(match[5]), int(match[6]), fraction)
    except ValueError:
        warnings.append(f"the start {text!r} is not a possible date; the trace has no absolute start")
        return None
    if len(match[1]) != 4 and a > 12:
        warnings.append(f"the start {text!r} can only be read day first, unlike EC-Lab's own order")
    elif len(match[1]) != 4 and day <= 12 and month != day:
        warnings.append(f"the start {text!r} was read month first, EC-Lab's order: {moment.isoformat(sep=' ')}")
    return moment


# -- rows -------------------------------------------------------------------------------------------------------------


def _table(
    path: Path, rows: Sequence[str], names: Sequence[str], first_row: int, warnings: list[str]
) -> dict[str, NDArray[np.float64] | list[str]]:
    """Return {column: numbers}, or the texts of a column that holds no numbers at all."""
    lines = [row for row in rows if row.strip()]
    if lines and len(lines[-1].split("\t")) < len(names):
        warnings.append(f"the last row is cut off; {len(lines) - 1} whole rows were read")
        lines = lines[:-1]
    if not lines:
        return {name: np.zeros(0) for name in names}
    text = _with_decimal_points(path, "\n".join(lines))
    wanted = range(len(names))
    try:
        block = np.loadtxt(io.StringIO(text), delimiter="\t", usecols=wanted, ndmin=2, comments=None)
        return {name: block[:, i].copy() for i, name in enumerate(names)}
    except ValueError:
        return _table_with_texts(path, text.split("\n"), names, first_row)


def _table_with_texts(
    path: Path, lines: Sequence[str], names: Sequence[str], first_row: int
) -> dict[str, NDArray[np.float64] | list[str]]:
    cells = [line.split("\t") for line in lines]
    for i, row in enumerate(cells):
        if len(row) < len(names):
            raise UnreadableFile(
                path, f"row {i + 1} (line {first_row + i + 1}) has {len(row)} fields where {len(names)} were expected"
            )
    table: dict[str, NDArray[np.float64] | list[str]] = {}
    for k, name in enumerate(names):
        texts = [row[k].strip() for row in cells]
        values = np.array([_number(text) for text in texts])
        table[name] = texts if np.all(np.isnan(values)) and any(texts) else values
    return table


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan  # EC-Lab writes XXX where it has no value


def _with_decimal_points(path: Path, text: str) -> str:
    """Return the rows with decimal points and without thousands separators, whatever the file's own habit."""
    if "," not in text:
        return text
    if "." not in text:
        return text.replace(",", ".")
    both = re.search(r"\d([.,])\d{3}(?:[.,]\d{3})*([.,])\d", text)
    if both is None or both[1] == both[2]:
        raise UnreadableFile(path, "its numbers mix decimal points and decimal commas")
    return text.replace(both[1], "").replace(both[2], ".")


def _time_axis(
    path: Path, table: Mapping[str, Any], info: _Header, warnings: list[str]
) -> tuple[NDArray[np.float64], datetime | None]:
    """Return seconds after the start, and the start; exports with absolute times have their stamps turned into both."""
    values = table["time/s"]
    start = info.start
    if isinstance(values, list):
        # An exact time of each row: month first like the header, with a comma or point before the fraction.
        stamps = [_stamp(text, []) for text in values]
        if any(stamp is None for stamp in stamps):
            raise UnreadableFile(path, f"time/s is neither a number nor a date: {values[0]!r}")
        moments = [stamp for stamp in stamps if stamp is not None]
        start = moments[0] if start is None else start
        return np.array([(moment - start).total_seconds() for moment in moments]), start
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise UnreadableFile(path, f"row {int(bad[0]) + 1} has no time")
    if info.technique_start is not None and start is not None and values.size:
        lag = (info.technique_start - start).total_seconds()
        if values[0] < lag - 1.5:
            warnings.append(
                f"time/s begins at {values[0]:.3f} s, but the technique began {lag:.3f} s after the acquisition: the "
                "times may have been exported relative to the technique"
            )
    return np.asarray(values, dtype=np.float64), start


def _parts(loops: Sequence[tuple[int, int]], rows: int, warnings: list[str]) -> NDArray[np.int64] | None:
    """Return the pass that each row belongs to, or None if the technique ran once."""
    if len(loops) < 2 or not rows:
        return None
    begins = np.array([a for a, _ in loops])
    ends = np.array([b for _, b in loops])
    if begins[0] != 0 or ends[-1] != rows - 1 or np.any(begins[1:] != ends[:-1] + 1):
        warnings.append(f"the header's list of {len(loops)} loops does not fit the {rows} rows; it is not used")
        return None
    return np.repeat(np.arange(len(loops)), ends - begins + 1)


def _potential(
    numbers: Mapping[str, NDArray[np.float64]], rows: int, warnings: list[str]
) -> tuple[NDArray[np.float64], str | None, bool]:
    """Return the potential, the column it came from, and whether that is a cell voltage."""
    for name in _POTENTIALS:
        if name in numbers:
            return numbers[name], name, False
    for name in _CELL_VOLTAGES:
        if name in numbers:
            warnings.append(f"the potential is the column {name}: working versus counter electrode")
            return numbers[name], name, True
    if rows:
        warnings.append("the file has no potential (Ewe, <Ewe> or Ecell)")
    return np.full(rows, np.nan), None, False


def _current(
    numbers: Mapping[str, NDArray[np.float64]],
) -> tuple[NDArray[np.float64] | None, CurrentKind, str | None]:
    """Return the current in mA, its kind, and the column it came from; an averaged one is preferred (it is exact)."""
    found = [name for name in numbers if _CURRENT.match(name)]
    found.sort(key=lambda name: not name.startswith("<"))
    if not found:
        return None, "instantaneous", None
    name = found[0]
    match = _CURRENT.match(name)
    assert match is not None
    kind: CurrentKind = "interval_mean" if name.startswith("<") else "instantaneous"
    return numbers[name] * _MILLIAMPERE[match[1]], kind, name


def _charge(
    numbers: Mapping[str, NDArray[np.float64]], parts: NDArray[np.int64] | None
) -> tuple[NDArray[np.float64] | None, str | None]:
    """Return the charge in mAh from the start of the technique, and its column; restarts at loops are undone."""
    found: dict[str, tuple[str, float]] = {}
    for name in numbers:
        match = _CHARGE.match(name)
        if match:
            found.setdefault(match[1], (name, _MILLIAMPERE_HOUR[match[2]]))
    breaks = np.zeros(0, dtype=np.int64) if parts is None else np.flatnonzero(np.diff(parts)) + 1
    if "(Q-Qo)" in found:
        name, unit = found["(Q-Qo)"]
        return _unrolled(numbers[name], breaks) * unit, name
    if "dq" in found:
        name, unit = found["dq"]
        return np.cumsum(np.nan_to_num(numbers[name])) * unit, name
    if "dQ" in found:
        name, unit = found["dQ"]
        if "Ns" in numbers:
            breaks = np.union1d(breaks, np.flatnonzero(np.diff(numbers["Ns"])) + 1)
        return _unrolled(numbers[name], breaks) * unit, name
    return None, None


def _unrolled(charge: NDArray[np.float64], breaks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a counter without its restarts.

    Not every break is a restart (the inner loop of ``mb.issue_149.mpt`` counts on): it is one where the new value lies
    nearer to zero than to the value before.
    """
    if not breaks.size:
        return charge
    restart = breaks[np.abs(charge[breaks]) < np.abs(charge[breaks] - charge[breaks - 1])]
    step = np.zeros_like(charge)
    step[restart] = charge[restart - 1]
    return charge + np.cumsum(step)


def _further_columns(
    numbers: Mapping[str, NDArray[Any]], used: Sequence[str | None], parts: NDArray[np.int64] | None
) -> dict[str, NDArray[Any]]:
    """Return the columns besides time, potential and current: counters under our names, the rest under EC-Lab's."""
    columns: dict[str, NDArray[Any]] = {}
    for name, values in numbers.items():
        if name in _WHOLE_NUMBERS:
            columns[_WHOLE_NUMBERS[name]] = whole(values)
        elif name != "time/s" and name not in used:
            columns[name] = values
    if parts is not None:
        columns["part"] = parts
    return columns
