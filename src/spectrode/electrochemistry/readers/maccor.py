"""Maccor battery cyclers: text exports.

One or more lines (``Today's Date … Date of Test: …``), a line of column names, rows; tabs, sometimes commas. Columns by
name: ``Rec#``, ``Cyc#``, ``Step``, ``TestTime`` (or ``Test (Sec)``, ``Test (Min)``, ``Test (Hr)``), ``StepTime``,
``Amp-hr``, ``Watt-hr``, ``Amps``, ``Volts``, ``State``, ``ES``, ``DPt Time``; ``mAmps`` and ``mAmp-hr`` likewise. All
others that hold numbers are kept.

Times without a unit are written as days and a clock (``0d 01:02:03.45``, ``1,02:03:04``, ``26:03:04``) and read as
that; where they are plain numbers, they are compared with ``DPt Time``, and refused if that cannot tell the unit.

Signs: ``Amps`` and ``Amp-hr`` are magnitudes; the state gives the sign: C charge (positive), D discharge (negative). At
rest (R, P, S, O) no current flows, so that what little the file may write there is set to zero; in any other state a
current has no sign and becomes NaN. Warnings count both. Files that sign the current themselves are left as they are.
The charge counts ``Amp-hr`` on, by the state; the file's begins again with each half cycle or step.

Time: ``TestTime`` counts, ``DPt Time`` (local, whole seconds) gives the start and shows the pauses; where it has no
date, the date of the test begins it. Dates are month first, as Maccor writes them, unless the rows prove otherwise.

Not read: binary files, impedance tables, exports without a state.

Layout: the public sample files of beep (TRI-AMDD/beep) and galv; tests on files of our own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import UnreadableFile
from ..trace import Trace
from ._cycler import Stamps, moment, parse_stamps, running_total
from ._cycler_trace import Parts, trace_of
from ._table import Table, decoded, text_table
from .registry import TraceReader

__all__ = ["READER", "load"]

_NAMES = {
    "record": r"rec#?",
    "time": r"test(?:time)?(?:\((s|sec|min|h|hr)\))?",
    "current": r"(m?)amps",
    "potential": r"volts",
    "state": r"state|md",
    "capacity": r"(m?)amp-?hr",
    "cycle": r"cyc(?:le)?#?",
    "step": r"step",
    "stamp": r"dpt-?time",
}
_SECONDS = {"s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0, "hr": 3600.0}
_DURATION = re.compile(r"^(?:(\d+)\s*(?:d|,)\s*)?(\d+):(\d{2}):(\d{2}(?:[.,]\d+)?)$")
_SIGNS = {"C": 1.0, "D": -1.0}
_STATES = {
    "R": "rest", "C": "charge", "D": "discharge", "P": "pause", "S": "suspended", "A": "AC impedance", "O": "off",
    "W": "waveform",
}  # fmt: skip
_CURRENTLESS = {"R", "P", "S", "O"}


def _quantities(cells: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return {quantity: (column, unit or prefix)}; the first of several counts."""
    found: dict[str, tuple[str, str]] = {}
    for cell in cells:
        bare = re.sub(r"[\s_]", "", cell).lower()
        for quantity, pattern in _NAMES.items():
            match = re.fullmatch(pattern, bare)
            if match:
                found.setdefault(quantity, (cell, (match[1] or "") if match.groups() else ""))
    return found


def _is_header(cells: Sequence[str]) -> bool:
    found = _quantities(cells)
    return {"time", "current", "potential", "state"} <= found.keys() and bool({"record", "cycle"} & found.keys())


def sniff(path: Path, head: bytes) -> bool:
    """Return True for text with Maccor's column names in one of its first lines."""
    if b"\0" in head:
        return False
    return any(
        _is_header([c.strip(' "') for c in line.split(mark)])
        for line in decoded(head).splitlines()[:100]
        if "olts" in line
        for mark in ("\t", ",", ";")
    )


def load(path: Path, *, time_unit: Literal["s", "min", "h"] | None = None) -> Trace:
    """Read a Maccor text export.

    Parameters
    ----------
    time_unit
        Unit of a test time that is a plain number and does not state it.

    Raises
    ------
    UnreadableFile
        If a row is damaged, the test time decreases, or its unit is neither stated nor to be found out.
    """
    with np.errstate(all="ignore"):  # damaged numbers may be anything
        table = text_table(path, decoded(path.read_bytes()), _is_header)
        used = _quantities(table.names)
        day = _test_day(table.preamble)
        time_s = _test_time(table, used, time_unit, day)
        stamps = _stamps(table, used, time_s, day)
        states = [str(s).strip().upper()[:1] for s in table.values(used["state"][0])]
        sign = np.array([_SIGNS.get(s, 0.0) for s in states])
        current, note = _signed_current(table, used, states, sign)
        charge = _signed_charge(table, used, sign)
        letters = sorted(set(states))
        columns: dict[str, NDArray[Any]] = {q: table.numbers(used[q][0]) for q in ("cycle", "step") if q in used}
        columns["state"] = np.array([letters.index(s) for s in states])
        taken: dict[str, str] = {
            q: used[q][0] for q in ("time", "potential", "current", "cycle", "step", "stamp", "state") if q in used
        }
        return trace_of(
            table,
            Parts(
                program="Maccor",
                time_s=time_s,
                potential_v=table.numbers(used["potential"][0]),
                current_ma=current,
                charge_mah=charge,
                stamps=stamps,
                columns=columns,
                used=taken,
                vendor={
                    "preamble": [line.rstrip() for line in table.preamble],
                    "states": {str(k): f"{s} ({_STATES.get(s, 'unknown')})" for k, s in enumerate(letters)},
                },
                instrument="Maccor",
                sign_note=note,
            ),
        )


READER = TraceReader(
    name="maccor",
    description="Maccor text export",
    extensions=(".txt", ".csv", *(f".{k:03d}" for k in range(1, 200))),
    sniff=sniff,
    load=load,
    gives=("local start", "current", "charge", "cycle", "step"),
)


# -- time -------------------------------------------------------------------------------------------------------------


def _test_day(preamble: Sequence[str]) -> datetime | None:
    match = re.search(r"Date of Test:[\s,]*([^\t,]+)", "\n".join(preamble))
    if match is None:
        return None
    words = match[1].strip()
    for text in (words, words.split(" ")[0]):
        seconds = parse_stamps([text]).seconds[0]
        if np.isfinite(seconds):
            return moment(float(seconds))
    return None


def _test_time(
    table: Table, used: dict[str, tuple[str, str]], given: str | None, day: datetime | None
) -> NDArray[np.float64]:
    name, unit = used["time"]
    if name in table.texts:
        return _durations(table, name)
    numbers = table.numbers(name)
    unit = given or unit or _unit_by_clock(table, used, numbers, day)
    return numbers * _SECONDS[unit]


def _durations(table: Table, name: str) -> NDArray[np.float64]:
    seconds = np.empty(table.rows)
    for k, cell in enumerate(table.texts[name]):
        match = _DURATION.match(str(cell).strip())
        if match is None:
            raise UnreadableFile(table.path, f"row {k + 1} has the time {str(cell)[:40]!r}, which is not a duration")
        whole = int(match[1] or 0) * 86400 + int(match[2]) * 3600 + int(match[3]) * 60
        seconds[k] = whole + float(match[4].replace(",", "."))
    return seconds


def _unit_by_clock(
    table: Table, used: dict[str, tuple[str, str]], numbers: NDArray[np.float64], day: datetime | None
) -> str:
    """Return the unit with which the test time keeps step with the clock: the median interval decides."""
    if "stamp" in used and numbers.size > 1:
        stamps = parse_stamps(table.values(used["stamp"][0]), None, day=day).seconds
        ran, passed = np.diff(numbers), np.diff(stamps)
        good = (ran > 0) & (passed > 1)
        if good.any():
            ratio = float(np.median(passed[good] / ran[good]))
            for unit in ("s", "min", "h"):
                if 0.6 < ratio / _SECONDS[unit] < 1.6:
                    return unit
    raise UnreadableFile(
        table.path, f"the column {used['time'][0]!r} does not state its unit and no clock tells it; give time_unit"
    )


def _stamps(
    table: Table, used: dict[str, tuple[str, str]], time_s: NDArray[np.float64], day: datetime | None
) -> Stamps | None:
    if "stamp" not in used:
        return None
    return parse_stamps(table.values(used["stamp"][0]), time_s, day=day)


# -- signs ------------------------------------------------------------------------------------------------------------


def _signed_current(
    table: Table, used: dict[str, tuple[str, str]], states: Sequence[str], sign: NDArray[np.float64]
) -> tuple[NDArray[np.float64], str]:
    """Return the current in mA, positive on charge, and the sentence that says how it got its sign."""
    name, prefix = used["current"]
    amount = table.numbers(name) * (1.0 if prefix else 1e3)
    with np.errstate(invalid="ignore"):
        signed_already = bool(np.any(amount[sign < 0] < 0))
    end = (
        "positive on charge: anodic (IUPAC) at the positive electrode, which is taken as the working electrode; if it "
        "is the negative one, their sign must be changed"
    )
    if signed_already:
        return amount, f"the file signs the current itself; it was left as it is, {end}"
    resting = np.array([s in _CURRENTLESS for s in states])
    unknown = (sign == 0) & ~resting & (np.nan_to_num(amount) != 0)
    if unknown.any():
        letters = sorted({s for s, u in zip(states, unknown, strict=True) if u})
        table.warnings.append(
            f"{int(unknown.sum())} rows have a current in the states {', '.join(letters)}, which do not tell its sign; "
            "it was left out there"
        )
    stray = resting & (np.nan_to_num(amount) != 0)
    if stray.any():
        table.warnings.append(f"{int(stray.sum())} rows at rest have a current; it was set to zero")
    signed = np.where(unknown, np.nan, np.where(resting, 0.0, amount * sign))
    return signed, f"Maccor writes magnitudes; current and charge got their sign by the state (C +, D −), so {end}"


def _signed_charge(
    table: Table, used: dict[str, tuple[str, str]], sign: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Return the running charge in mAh: each gain of the counter with the sign of its row's state."""
    if "capacity" not in used:
        return None
    name, prefix = used["capacity"]
    counter = np.abs(table.numbers(name)) * (1.0 if prefix else 1e3)
    turned = np.concatenate([[False], (sign[1:] != sign[:-1]) & (np.diff(np.nan_to_num(counter)) < 0)])
    gain = np.diff(running_total(counter, turned), prepend=0.0)
    charge: NDArray[np.float64] = np.cumsum(gain * sign)
    return charge
