"""PalmSens PSTrace: sessions (``.pssession``) and exported tables (``.csv``).

Session (structure after public readers of such files): JSON in UTF-16 with a byte-order mark, and a character after its
end. ``Measurements`` hold ``Title``, ``TimeStamp`` and ``UtcTimeStamp`` (ticks of 100 ns since the year 1), ``Method``
(text of lines ``key=value``) and ``DataSet`` → ``Values``: arrays with ``ArrayType`` (0 time, 1 potential, 2 current,
3 charge, 5 frequency), ``Unit`` and ``DataValues`` (``{"V": number}``). Older and newer programs write the keys in
different case; it does not matter here. The scans of a cyclic voltammogram are arrays of their own and are joined while
their times run on (column ``cycle``).

Time: ``UtcTimeStamp`` gives a start with a zone; a local stamp alone one without. Units are those that the file states;
a current without one is in µA, as in PSTrace. Current: anodic positive.

Block: UTF-16 (or UTF-8) lines ``Date and time:,…``, ``Notes:``, curve titles, ``Date and time measurement:,…``, units
(``V,µA,V,µA`` or ``s,µA``), rows; each curve has two columns. Such a table has the time *or* the potential: a
voltammogram needs the option ``scan_rate_v_s`` (its session holds the times), a table of current against time becomes a
trace without potential.

A session or table with impedances only is refused. Several measurements: the first with time and potential is read and
a warning names the others (option ``measurement``).

No measured file was at hand; test files are small ones from ``tests/builders/palmsens.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UnreadableFile
from ...readers._text import head_text, local_date, read_text, split_lines
from ..trace import Trace
from ._instrument import (
    MILLIAMPERE,
    MILLIAMPERE_HOUR,
    SECOND,
    VOLT,
    impedance_only,
    numbers,
    scaled,
    swept_time,
    trace_or_refusal,
    unit_factor,
)
from .registry import TraceReader

__all__ = ["READER", "load"]

_TIME, _POTENTIAL, _CURRENT, _CHARGE, _FREQUENCY = 0, 1, 2, 3, 5
_DEFAULT_UNIT = {_TIME: "s", _POTENTIAL: "V", _CURRENT: "µA", _CHARGE: "µC"}
_FACTORS = {_TIME: SECOND, _POTENTIAL: VOLT, _CURRENT: MILLIAMPERE, _CHARGE: MILLIAMPERE_HOUR}
_YEAR_ONE = datetime(1, 1, 1)
_CURVE_STAMP = "Date and time measurement:"


def sniff(path: Path, head: bytes) -> bool:
    """Return True for a session's JSON or the program's table."""
    text = head_text(head)
    if text is None:
        return False
    text = text.lstrip("\ufeff \r\n")
    if text.startswith("{"):
        return re.search(r'"(?:type|methodformeasurement|coreversion)"\s*:', text[:4000], re.I) is not None and (
            "palmsens" in text[:4000].lower() or re.search(r'"methodformeasurement"', text[:20000], re.I) is not None
        )
    return _CURVE_STAMP in text[:20000] and re.search(r"^Date and time:", text[:2000], re.MULTILINE) is not None


def load(path: Path, *, measurement: str | None = None, scan_rate_v_s: float | None = None) -> Trace:
    """Read a PSTrace session or table.

    Parameters
    ----------
    measurement
        Title or number (from 1) of a measurement of a session, or of a curve of a table.
    scan_rate_v_s
        Scan rate in V/s, for a table of a voltammogram, which holds no times.

    Raises
    ------
    UnreadableFile
        If it is damaged, holds impedances only, or there is no such measurement.
    """
    text = read_text(path).lstrip("\ufeff \r\n")
    if text.startswith("{"):
        return _session(path, text, measurement)
    return _exported(path, text, measurement, scan_rate_v_s)


READER = TraceReader(
    name="palmsens",
    description="PalmSens PSTrace session or table",
    extensions=(".pssession", ".csv"),
    sniff=sniff,
    load=load,
    gives=("start with zone", "local start", "current", "several"),
)


# -- session ----------------------------------------------------------------------------------------------------------


def _session(path: Path, text: str, wanted: str | None) -> Trace:
    try:
        tree, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(path, f"is no whole JSON text ({error}); it is cut or damaged") from None
    found = _get(tree, "measurements")
    measurements = [m for m in found if isinstance(m, dict)] if isinstance(found, list) else []
    if not measurements:
        raise UnreadableFile(path, "holds no measurement")
    titles = [str(_get(m, "title") or f"measurement {k + 1}") for k, m in enumerate(measurements)]
    arrays = [_arrays(path, m) for m in measurements]
    usable = [k for k, a in enumerate(arrays) if a.get(_TIME) and a.get(_POTENTIAL)]
    warnings: list[str] = []
    if wanted is not None:
        chosen = _position(path, wanted, titles)
    elif usable:
        chosen = usable[0]
    else:
        chosen = 0
    if wanted is None and len(measurements) > 1:
        warnings.append(
            f"the session holds {len(measurements)} measurements ({', '.join(titles[:20])}); number {chosen + 1}, "
            f"{titles[chosen]!r}, was read; choose one with the option measurement"
        )
    series = arrays[chosen]
    if not series.get(_TIME):
        if _FREQUENCY in series or _get(measurements[chosen], "eisdatalist"):
            raise impedance_only(path, f"the measurement {titles[chosen]!r}")
        raise UnreadableFile(path, f"its measurement {titles[chosen]!r} has no times")
    if not series.get(_POTENTIAL):
        if _FREQUENCY in series:
            raise impedance_only(path, f"the measurement {titles[chosen]!r}")
        warnings.append("the measurement has no potential")
    time, values, cycle = _joined(path, series, warnings)
    if not time.size:
        warnings.append("the measurement has no rows")
    aware, local = _stamps(measurements[chosen], warnings)
    method = _method(str(_get(measurements[chosen], "method") or ""))
    return trace_or_refusal(
        path,
        time,
        potential_v=values.get(_POTENTIAL, np.full(time.size, np.nan)),
        current_ma=values.get(_CURRENT),
        charge_mah=values.get(_CHARGE),
        columns={} if cycle is None else {"cycle": cycle},
        started_at=aware,
        local_start=local,
        technique=titles[chosen],
        instrument=str(_get(measurements[chosen], "deviceserial") or "") or None,
        warnings=tuple(warnings),
        vendor={"measurements": titles, "measurement": chosen + 1, "method": method},
    )


def _get(tree: Any, key: str) -> Any:
    """Return a value of a JSON object by a key whose case does not matter."""
    if not isinstance(tree, dict):
        return None
    return next((value for name, value in tree.items() if name.lower() == key), None)


def _arrays(path: Path, measurement: Mapping[str, Any]) -> dict[int, list[NDArray[np.float64]]]:
    """Return the arrays of each type, in the units of a trace."""
    found: dict[int, list[NDArray[np.float64]]] = {}
    values = _get(_get(measurement, "dataset"), "values")
    for entry in values if isinstance(values, list) else []:
        kind = _get(entry, "arraytype")
        points = _get(entry, "datavalues")
        if not isinstance(kind, int) or not isinstance(points, list):
            continue
        raw = np.array([_value(p) for p in points], dtype=np.float64)
        if kind in _FACTORS:
            unit = _get(_get(entry, "unit"), "s")
            unit = unit if isinstance(unit, str) and unit else _DEFAULT_UNIT[kind]
            raw = scaled(raw, unit_factor(path, unit, _FACTORS[kind], str(_get(entry, "description") or kind)))
        found.setdefault(kind, []).append(raw)
    return found


def _value(point: Any) -> float:
    value = _get(point, "v")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.nan


def _joined(
    path: Path, series: Mapping[int, Sequence[NDArray[np.float64]]], warnings: list[str]
) -> tuple[NDArray[np.float64], dict[int, NDArray[np.float64]], NDArray[np.int64] | None]:
    """Return the time, the other quantities, and the scan of each row if there are several."""
    times = list(series[_TIME])
    scans = len(times)
    wanted = {kind: list(series[kind]) for kind in (_POTENTIAL, _CURRENT, _CHARGE) if series.get(kind)}
    fits = all(
        len(a) >= scans and all(x.size == t.size for x, t in zip(a, times, strict=False)) for a in wanted.values()
    )
    if not fits:
        raise UnreadableFile(path, "its times and its other quantities differ in number; it is damaged")
    runs_on = all(not a.size or not b.size or b[0] >= a[-1] for a, b in pairwise(times))
    if not runs_on:
        warnings.append(f"the times of its {scans} scans start again with each; only the first was read")
        scans = 1
    time = np.concatenate(times[:scans])
    values = {kind: np.concatenate(arrays[:scans]) for kind, arrays in wanted.items()}
    if any(len(arrays) > len(times) for arrays in wanted.values()):
        warnings.append("arrays without times of their own were left out")
    cycle = np.repeat(np.arange(1, scans + 1), [t.size for t in times[:scans]]) if scans > 1 else None
    return time, values, cycle


def _stamps(measurement: Mapping[str, Any], warnings: list[str]) -> tuple[datetime | None, datetime | None]:
    """Return the start with a zone, or the local one."""
    utc = _from_ticks(_get(measurement, "utctimestamp"))
    if utc is not None:
        return utc.replace(tzinfo=UTC), None
    local = _from_ticks(_get(measurement, "timestamp"))
    if local is None:
        warnings.append("the measurement has no possible date; the trace has no absolute start")
    return None, local


def _from_ticks(ticks: Any) -> datetime | None:
    if isinstance(ticks, bool) or not isinstance(ticks, int):
        return None
    # 1990 to 2100: outside, the number means something else (0: no stamp)
    if not 627_000_000_000_000_000 < ticks < 663_000_000_000_000_000:
        return None
    return _YEAR_ONE + timedelta(microseconds=ticks // 10)


def _method(text: str) -> dict[str, str]:
    pairs = [line.partition("=") for line in split_lines(text) if "=" in line and not line.startswith("#")]
    return {key.strip(): value.strip() for key, _, value in pairs}


def _position(path: Path, wanted: str, titles: Sequence[str]) -> int:
    if wanted in titles:
        return titles.index(wanted)
    if re.fullmatch(r"\d{1,6}", wanted) and 1 <= int(wanted) <= len(titles):
        return int(wanted) - 1
    raise UnreadableFile(
        path, f"has no measurement {wanted!r}; possible: 1 to {len(titles)}, or {', '.join(titles[:20])}"
    )


# -- table ------------------------------------------------------------------------------------------------------------


def _exported(path: Path, text: str, wanted: str | None, scan_rate_v_s: float | None) -> Trace:
    lines = [[cell.strip() for cell in line.split(",")] for line in split_lines(text)]
    at = next((k for k, cells in enumerate(lines) if cells[0] == _CURVE_STAMP), None)
    if at is None or at == 0 or at + 1 >= len(lines):
        raise UnreadableFile(path, f"has no line {_CURVE_STAMP!r} between titles and units of its curves")
    titles = [t for t in lines[at - 1][::2] if t] or ["curve"]
    units = lines[at + 1]
    warnings: list[str] = []
    k = 0 if wanted is None else _position(path, wanted, titles)
    if wanted is None and len(titles) > 1:
        warnings.append(
            f"the table holds {len(titles)} curves ({', '.join(titles[:20])}); the first was read; choose one with the "
            "option measurement"
        )
    if len(units) < 2 * k + 2:
        raise UnreadableFile(path, f"has no units for its curve {k + 1}: {','.join(units)[:60]!r}")
    x_unit, y_unit = units[2 * k], units[2 * k + 1]
    body = [cells for cells in lines[at + 2 :] if len(cells) > 2 * k + 1 and cells[2 * k]]
    x, y = (numbers([cells[2 * k + i] for cells in body]) for i in (0, 1))
    # A table of impedances may follow under the curves.
    good = np.isfinite(x)
    end = int(np.argmin(good)) if not good.all() else x.size
    x, y = x[:end], y[:end]
    fields: dict[str, Any] = {}
    if x_unit in SECOND:
        time = scaled(x, SECOND[x_unit])
        fields["potential_v"] = np.full(time.size, np.nan)
        if y_unit in VOLT:
            fields["potential_v"] = scaled(y, VOLT[y_unit])
        else:
            fields["current_ma"] = scaled(y, unit_factor(path, y_unit, MILLIAMPERE, titles[k]))
            warnings.append("the table has no potential")
    elif x_unit in VOLT:
        if scan_rate_v_s is None:
            raise UnreadableFile(
                path,
                "holds current against potential without times; give scan_rate_v_s, or read its session (.pssession)",
            )
        fields["potential_v"] = scaled(x, VOLT[x_unit])
        fields["current_ma"] = scaled(y, unit_factor(path, y_unit, MILLIAMPERE, titles[k]))
        time = swept_time(path, fields["potential_v"], scan_rate_v_s)
        warnings.append(f"the file has no times; they were derived from the scan rate of {scan_rate_v_s:g} V/s")
    else:
        raise impedance_only(path, f"the units {x_unit}, {y_unit}")
    stamp = lines[at][2 * k + 1] if len(lines[at]) > 2 * k + 1 else ""
    start, note = local_date(stamp) if re.search(r"\d:\d\d", stamp) else (None, None)
    if note:
        warnings.append(note)
    if start is None:
        warnings.append(f"the curve has no date with a time of day ({stamp!r}); the trace has no absolute start")
    return trace_or_refusal(
        path,
        time,
        local_start=start,
        technique=titles[k],
        warnings=tuple(warnings),
        vendor={"curves": titles, "curve": k + 1, "lines": [",".join(cells) for cells in lines[: at + 2]]},
        **fields,
    )
