"""Neware battery cyclers: ``.nda`` (29, 130) and ``.ndax`` (ndc 2, 5, 11, 14, 16, 17).

Layout
------
``.nda``: ``NEWARE`` and a date; byte 14 is the version. 29 (BTS 7): records of 86 bytes from the first valid one on.
130 (BTS 9): records from byte 1024 on, of 88 bytes (9.0) or of the length to the second record (9.1: 52, or 56 with a
temperature), until a footer.

``.ndax``: a zip archive. ``data.ndc`` holds everything (ndc 2, 5), or potential and current of every row only (11, 14,
16, 17); then ``data_runInfo.ndc`` holds time, stamp, capacities of *some* rows (each change of the interval, and one
in 61 or so), and ``data_step.ndc`` the steps. ``.ndc``: a block of 4096 bytes, then blocks of 4096 with a head of 132
bytes (125 in 5) whose second 16-bit number counts the records in it.

Units are by version: 0.1 mV and a current factor by range (29, 2, 5); 0.1 mV and mA, mAs (11, 16); V and A, Ah (14,
17); V, mA, mAs (130).

Time
----
The clock's stamps in ms, in UTC (130, 11, 14, 16, 17: seconds after 1970; that they are UTC is proven for 17 by the
local ``StartTime`` of files from British summer, and a warning says where a file leaves it open); or stamps of whole
seconds without a zone, refined by the step time in ms (29, 2, 5). Rows between those of ``data_runInfo.ndc`` get the
interval of the row before them; their charge is integrated from there. Where the clock was set back, time goes on by
the step time; where it ran on, a new part begins (``TestFile.nda`` has both).

Sign: positive on charge, as in the file (a warning says so). Charge is charge minus discharge capacity over all steps.
Columns: ``cycle`` (the file's own, from 1), ``step`` (counted along the test, from 1), ``step_index`` (its number in
the procedure), ``status`` (code; names in ``vendor["status"]``), capacities and energies of the step, auxiliary
temperatures and voltages (``T1/degC``, ``V1/V``).

Not read: logs, ``data_es.ndc``, the procedure itself. Auxiliary channels of unknown kind keep a name without unit.

The facts of the layouts were learnt from NewareNDA (BSD-3-Clause, D. Cogswell) and from test files of its repository;
29, 130 (BTS 9.1), ndc 14, 16 and 17 are tested on such files, the others only on files of our own against NewareNDA,
and a warning says so. NewareNDA itself is not used: it does not return from some files, drops rows of exactly 0 V,
gives times in the zone of the reading computer and single precision, unpacks without a bound, and needs pandas.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidDataset, UnreadableFile
from ..trace import Trace
from ._cycler import (
    CELL_VOLTAGE,
    TimeAxis,
    charge_positive,
    clock_axis,
    moment,
    opposes,
    parse_stamps,
    restarted_counter,
    running_total,
    time_axis,
    utc_moment,
)
from ._zipped import ZIP_MAGIC, Archive
from .registry import TraceReader

__all__ = ["READER", "STATUS", "load"]

_NDA_MAGIC = b"NEWARE"
_BLOCK = 4096

STATUS = {
    1: "CC_Chg", 2: "CC_DChg", 3: "CV_Chg", 4: "Rest", 5: "Cycle", 7: "CCCV_Chg", 8: "CP_DChg", 9: "CP_Chg",
    10: "CR_DChg", 13: "Pause", 16: "Pulse", 17: "SIM", 19: "CV_DChg", 20: "CCCV_DChg", 21: "Control", 22: "OCV",
    26: "CPCV_DChg", 27: "CPCV_Chg",
}  # fmt: skip
"""Kinds of step by their code."""

_FACTOR_OF_RANGES = {
    10.0: (-100000000,),
    1e-1: (1000, 6000, 10000, 12000, 20000, 30000, 40000, 50000, 60000, 100000, 200000),
    1e-2: (100, 200, 250, 500, -1000, -2000, -3000, -5000, -6000, -10000, -12000, -20000, -30000, -40000, -50000,
           -60000, -100000, -200000),
    1e-3: (10, 20, 25, 50, -100, -500),
    1e-4: (1, 2, 5, -10, -20, -25, -50),
    1e-5: (-1, -2, -5),
}  # fmt: skip
_FACTOR = {r: factor for factor, ranges in _FACTOR_OF_RANGES.items() for r in ranges}
"""mA of one count of the current, by range."""

_UTC_ASSUMED = (
    "the stamps count seconds after 1970 and were taken as UTC, as those of newer versions are; nothing in the file "
    "can confirm it"
)
_UNPROVEN = "tested only on files of our own, whose layout was learnt from another program, not on a measured file"


def sniff(path: Path, head: bytes) -> bool:
    """Return True for ``NEWARE``, or a zip archive with a part ``data.ndc``."""
    if head.startswith(_NDA_MAGIC):
        return len(head) > 14
    if not head.startswith(ZIP_MAGIC):
        return False
    try:
        with Archive(path) as archive:
            return "data.ndc" in archive.names
    except UnreadableFile:
        # Cut off: the list of parts at the end is gone, but the first part tells.
        return head[30:60].startswith((b"EditStep.xml", b"data.ndc", b"data_"))


def load(path: Path) -> Trace:
    """Read a Neware file.

    Returns
    -------
    Trace
        ``reference`` is None: the potential is the cell voltage. ``started_at`` (UTC) or ``local_start``, by version.

    Raises
    ------
    UnreadableFile
        If the file is cut off or damaged, of another version, or has a current range of unknown factor.
    """
    with open(path, "rb") as stream:
        is_zip = stream.read(4) == ZIP_MAGIC
    with np.errstate(all="ignore"):  # damaged numbers may be anything
        rows = _ndax(path) if is_zip else _nda(path, path.read_bytes())
        return _trace(path, rows)


READER = TraceReader(
    name="neware",
    description="Neware battery cycler, binary (nda 29 and 130, ndax)",
    extensions=(".nda", ".ndax"),
    sniff=sniff,
    load=load,
    gives=("start with zone", "local start", "current", "charge", "cycle", "step"),
)


@dataclass
class _Rows:
    """What all versions come to; capacities in mAh, energies in mWh, since the step began."""

    step_time_s: NDArray[np.float64]
    clock_s: NDArray[np.float64]
    potential_v: NDArray[np.float64]
    current_ma: NDArray[np.float64]
    charged: NDArray[np.float64]
    discharged: NDArray[np.float64]
    charge_energy: NDArray[np.float64]
    discharge_energy: NDArray[np.float64]
    step_key: NDArray[Any]
    step_index: NDArray[np.int64]
    status: NDArray[np.int64]
    cycle: NDArray[np.int64] | None
    in_utc: bool
    fine_clock: bool
    index: NDArray[np.int64]
    auxiliary: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    vendor: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def ordered(self) -> _Rows:
        """Return the rows by their number, each once."""
        _, keep = np.unique(self.index, return_index=True)
        if keep.size == self.index.size and np.all(np.diff(keep) == 1):
            return self
        lost = self.index.size - keep.size
        if lost:
            self.warnings.append(f"{lost} rows occur twice in the file; the first of each was kept")
        changed = {k: v[keep] for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        auxiliary = {k: v[keep] for k, v in self.auxiliary.items()}
        return _Rows(**{**vars(self), **changed, "auxiliary": auxiliary})


def _trace(path: Path, rows: _Rows) -> Trace:
    if not rows.index.size:
        raise UnreadableFile(path, "has a header but no records")
    rows = rows.ordered()
    warnings = rows.warnings
    begins = np.concatenate([[True], rows.step_key[1:] != rows.step_key[:-1]])
    axis = _axis(rows, begins)
    warnings += axis.notes
    charge = running_total(rows.charged, begins) - running_total(rows.discharged, begins)
    if opposes(rows.current_ma, charge):
        warnings.append("the sign of the current contradicts the capacities; neither was changed")
    warnings += [charge_positive("Neware"), CELL_VOLTAGE]
    unknown = sorted(set(np.unique(rows.status).tolist()) - set(STATUS))
    if unknown:
        warnings.append(f"the kinds of step {unknown} are not known")
    columns: dict[str, NDArray[Any]] = {
        "step": np.cumsum(begins),
        "step_index": rows.step_index,
        "status": rows.status,
        "charge capacity/mAh": rows.charged,
        "discharge capacity/mAh": rows.discharged,
        "charge energy/mWh": rows.charge_energy,
        "discharge energy/mWh": rows.discharge_energy,
        **rows.auxiliary,
    }
    if rows.cycle is not None:
        columns["cycle"] = rows.cycle
    if axis.part is not None:
        columns["part"] = axis.part
    found = [STATUS.get(s, f"status {s}") for s in dict.fromkeys(rows.status[begins].tolist())]
    assert axis.start_s is not None
    rows.vendor["status"] = {str(s): STATUS[s] for s in sorted(set(rows.status.tolist())) if s in STATUS}
    try:
        return Trace(
            time_s=axis.time_s,
            potential_v=rows.potential_v,
            current_ma=rows.current_ma,
            charge_mah=charge,
            columns=columns,
            started_at=utc_moment(axis.start_s) if rows.in_utc else None,
            local_start=None if rows.in_utc else moment(axis.start_s),
            technique="battery cycling (" + ", ".join(found) + ")",
            instrument="Neware",
            warnings=tuple(warnings),
            vendor=rows.vendor,
        )
    except InvalidDataset as error:
        raise UnreadableFile(path, str(error)) from error


def _axis(rows: _Rows, begins: NDArray[np.bool_]) -> TimeAxis:
    own = rows.step_time_s
    # BTS 9 counts the time of the test, the others that of the step.
    counter = restarted_counter(own, begins) if np.any(np.diff(own) < 0) else own
    if np.any(np.diff(counter) < 0):
        at = int(np.argmax(np.diff(counter) < 0)) + 1
        raise ValueError(f"the time of row {at} is before that of the row above it")
    if rows.fine_clock:
        return clock_axis(counter, rows.clock_s)
    return time_axis(counter, rows.clock_s, segments=begins)


# -- nda --------------------------------------------------------------------------------------------------------------


def _struct(size: int, **fields: tuple[str, int]) -> np.dtype[Any]:
    return np.dtype(
        {
            "names": list(fields),
            "formats": [f for f, _ in fields.values()],
            "offsets": [o for _, o in fields.values()],
            "itemsize": size,
        }
    )


def _timed(start: int, charges: int) -> dict[str, tuple[str, int]]:
    """Fields that records of BTS 7 and 8 share: three from the step time on, the others from the charges on."""
    names = ("charged", "discharged", "charge_energy", "discharge_energy")
    return {
        "time": ("<u8", start),
        "volts": ("<i4", start + 8),
        "amps": ("<i4", start + 12),
        **{name: ("<i8", charges + 8 * k) for k, name in enumerate(names)},
        "year": ("<u2", charges + 32),
        **{name: ("u1", charges + 34 + k) for k, name in enumerate(("month", "day", "hour", "minute", "second"))},
    }


def _auxiliary_fields(start: int) -> dict[str, tuple[str, int]]:
    return {"volts": ("<i4", start), "celsius": ("<i2", start + 10), "celsius2": ("<i2", start + 12)}


_R29 = _struct(
    86, mark=("<u2", 0), index=("<u4", 2), cycle=("<u4", 6), step_index=("<u2", 10), status=("u1", 12),
    step=("<u4", 10), **_timed(14, 38), range=("<i4", 78), zero=("<u4", 82),
)  # fmt: skip
_A29 = _struct(86, mark=("u1", 0), channel=("u1", 1), index=("<u4", 2), volts=("<i4", 22), celsius=("<i2", 34))
_R90 = _struct(
    88, step_index=("u1", 9), status=("u1", 10), index=("<u4", 16), time=("<u8", 28), volts=("<f4", 36),
    amps=("<f4", 40), charged=("<f4", 52), charge_energy=("<f4", 56), discharged=("<f4", 60),
    discharge_energy=("<f4", 64), stamp=("<u8", 68),
)  # fmt: skip
_A90 = _struct(88, channel=("u1", 5), index=("<u4", 6), volts=("<i4", 26), celsius=("<i2", 38))


def _record_91(size: int) -> np.dtype[Any]:
    fields = {
        "step_index": ("u1", 2), "status": ("u1", 3), "index": ("<u4", 8), "time": ("<u4", 12), "ns": ("<u4", 16),
        "amps": ("<f4", 20), "volts": ("<f4", 24), "capacity": ("<f4", 28), "energy": ("<f4", 32),
        "cycle": ("<u4", 36), "stamp": ("<u4", 44), "stamp_ns": ("<u4", 48),
    }  # fmt: skip
    return _struct(size, **fields, **({"celsius": ("<f4", 52)} if size >= 56 else {}))


def _nda(path: Path, raw: bytes) -> _Rows:
    if len(raw) < 1100:
        raise UnreadableFile(path, f"has only {len(raw)} bytes, less than the header of a Neware file; it is cut off")
    version = raw[14]
    if version == 29:
        return _nda29(path, raw)
    if version == 130:
        return _nda130(path, raw)
    raise UnreadableFile(path, f"is of nda version {version}; versions 29 and 130 can be read")


def _nda29(path: Path, raw: bytes) -> _Rows:
    start = _first_record(raw)
    if start is None:
        raise UnreadableFile(path, "has no records; it was cut off, or nothing was recorded")
    count, rest = divmod(len(raw) - start, _R29.itemsize)
    table = np.frombuffer(raw, _R29, count, start)
    data = table[(table["mark"] == 0x55) & (table["zero"] == 0) & (table["index"] > 0) & (table["status"] > 0)]
    rows = _timed_rows(path, data, data["step"])
    if rest:
        rows.warnings.append(f"{rest} bytes after the last whole record; the file may be cut off")
    aux = np.frombuffer(raw, _A29, count, start)
    aux = aux[(aux["mark"] == 0x65) & (table["zero"] == 0)]
    rows.auxiliary = _auxiliary(rows.index, aux["index"], aux["channel"], aux["volts"] / 1e4, aux["celsius"] / 10.0)
    rows.vendor = {
        "nda_version": 29,
        **_programs(raw),
        "active_mass_mg": int.from_bytes(raw[152:156], "little") / 1000,
        "remarks": _words(raw[2317:2417]),
    }
    return rows


def _first_record(raw: bytes) -> int | None:
    """Return where the records begin: at the first that another one (or the end of the file) follows."""
    size = _R29.itemsize
    at = raw.find(b"\0\0\0\0\x55\0")
    while at != -1:
        begin = at + 4
        follows = begin + size >= len(raw) or raw[begin + size] in (0x55, 0x65)
        if follows and begin + size <= len(raw) and raw[begin + 12] != 0:
            return begin
        at = raw.find(b"\0\0\0\0\x55\0", at + 4)
    return None


def _timed_rows(path: Path, data: NDArray[Any], step_key: NDArray[Any], warnings: Sequence[str] = ()) -> _Rows:
    factor = _factors(path, data)
    return _Rows(
        step_time_s=data["time"] / 1e3,
        clock_s=_calendar(path, data),
        potential_v=data["volts"] / 1e4,
        current_ma=data["amps"] * factor,
        charged=data["charged"] * factor / 3600,
        discharged=data["discharged"] * factor / 3600,
        charge_energy=data["charge_energy"] * factor / 3600,
        discharge_energy=data["discharge_energy"] * factor / 3600,
        step_key=step_key,
        step_index=data["step_index"].astype(np.int64),
        status=data["status"].astype(np.int64),
        cycle=data["cycle"].astype(np.int64) + 1,
        in_utc=False,
        fine_clock=False,
        index=data["index"].astype(np.int64),
        warnings=list(warnings),
    )


def _factors(path: Path, data: NDArray[Any]) -> NDArray[np.float64]:
    ranges, which = np.unique(data["range"], return_inverse=True)
    unknown = [int(r) for r in ranges if int(r) not in _FACTOR]
    # Range 0 stands in records that measured no current.
    used = {r for r in unknown if r != 0 or np.any(data["amps"][data["range"] == 0])}
    if used:
        raise UnreadableFile(path, f"has records in current ranges {sorted(used)}, whose factor is not known")
    return np.array([_FACTOR.get(int(r), 0.0) for r in ranges])[which]


def _calendar(path: Path, data: NDArray[Any]) -> NDArray[np.float64]:
    year, month, day = (data[n].astype(np.int64) for n in ("year", "month", "day"))
    good = (year >= 1990) & (year < 2200) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    good &= (data["hour"] < 24) & (data["minute"] < 60) & (data["second"] < 61)
    if not good.all():
        at = int(np.argmin(good))
        raise UnreadableFile(path, f"record {at + 1} has no possible date ({year[at]}-{month[at]}-{day[at]})")
    days = ((year - 1970) * 12 + month - 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day - 1
    of_day = data["hour"] * 3600.0 + data["minute"] * 60.0 + data["second"]
    seconds: NDArray[np.float64] = days * 86400.0 + of_day
    return seconds


def _nda130(path: Path, raw: bytes) -> _Rows:
    if raw[1024] == 0x55:
        size = raw.find(raw[1024:1026], 1026) - 1024
        if not 52 <= size <= 256:
            raise UnreadableFile(path, "its records are of an unknown length, or there is only one")
        return _bts91(path, raw, size)
    return _bts90(path, raw)


def _until_footer(raw: bytes, size: int) -> tuple[int, bool]:
    """Return how many whole records lie before the footer, and whether there is one."""
    count = (len(raw) - 1024) // size
    firsts = np.frombuffer(raw, np.uint8)[1024 : 1024 + count * size : size]
    footer = np.flatnonzero(firsts == 0x81)
    tail = raw[1024 + count * size :]
    if footer.size:
        return int(footer[0]), True
    return count, tail.startswith(b"\x81") or b"\x81\x00\x03\x00\x61\x90\x71\x90" in raw[-1024:]


def _bts91(path: Path, raw: bytes, size: int) -> _Rows:
    record = _record_91(size)
    count, footer = _until_footer(raw, size)
    table = np.frombuffer(raw, record, count, 1024)
    marks = np.frombuffer(raw, np.uint8)[1024 : 1024 + count * size : size]
    data = table[marks == 0x55]
    zero = np.zeros(data.size)
    capacity, energy = data["capacity"].astype(np.float64) / 3600, data["energy"].astype(np.float64) / 3600
    rows = _Rows(
        step_time_s=data["time"] + data["ns"] * 1e-9,
        clock_s=data["stamp"] + data["stamp_ns"] * 1e-9,
        potential_v=data["volts"].astype(np.float64),
        current_ma=data["amps"].astype(np.float64),
        charged=np.maximum(capacity, zero),
        discharged=np.maximum(-capacity, zero),
        charge_energy=np.maximum(energy, zero),
        discharge_energy=np.maximum(-energy, zero),
        step_key=data["step_index"].astype(np.int64),
        step_index=data["step_index"].astype(np.int64),
        status=data["status"].astype(np.int64),
        cycle=data["cycle"].astype(np.int64) + 1,
        in_utc=True,
        fine_clock=True,
        index=data["index"].astype(np.int64),
        vendor={"nda_version": 130, "bts_version": _version_9(raw), "record_bytes": size},
    )
    if size >= 56:
        rows.auxiliary["T1/degC"] = data["celsius"].astype(np.float64)
    rows.warnings += [_UTC_ASSUMED, *_no_footer(footer)]
    return rows


def _bts90(path: Path, raw: bytes) -> _Rows:
    size = _R90.itemsize
    count, footer = _until_footer(raw, size)
    table = np.frombuffer(raw, _R90, count, 1024)
    heads = np.frombuffer(raw, np.uint8)[1024 : 1024 + count * size].reshape(count, size)
    data = table[np.all(heads[:, :6] == np.frombuffer(raw, np.uint8)[1024:1030], axis=1)]
    is_aux = np.all(heads[:, :5] == np.array([0, 0, 0, 0, 0x65], dtype=np.uint8), axis=1)
    rows = _Rows(
        step_time_s=data["time"] / 1e6,
        clock_s=data["stamp"] / 1e6,
        potential_v=data["volts"].astype(np.float64),
        current_ma=data["amps"].astype(np.float64),
        charged=data["charged"].astype(np.float64) / 3600,
        discharged=data["discharged"].astype(np.float64) / 3600,
        charge_energy=data["charge_energy"].astype(np.float64) / 3600,
        discharge_energy=data["discharge_energy"].astype(np.float64) / 3600,
        step_key=data["step_index"].astype(np.int64),
        step_index=data["step_index"].astype(np.int64),
        status=data["status"].astype(np.int64),
        cycle=None,
        in_utc=True,
        fine_clock=True,
        index=data["index"].astype(np.int64),
        vendor={"nda_version": 130, "bts_version": _version_9(raw)},
        warnings=[f"records of BTS 9.0: {_UNPROVEN}", _UTC_ASSUMED, *_no_footer(footer)],
    )
    aux = np.frombuffer(raw, _A90, count, 1024)[is_aux]
    rows.auxiliary = _auxiliary(rows.index, aux["index"], aux["channel"], aux["volts"] / 1e4, aux["celsius"] / 10.0)
    return rows


def _no_footer(found: bool) -> list[str]:
    return [] if found else ["the file has no footer: it was copied while the test ran, or is cut off"]


def _version_9(raw: bytes) -> str | None:
    match = re.search(rb"9\.[01]\.[\w.]{1,30}", raw[:1024])
    return match[0].decode("ascii") if match else None


def _programs(raw: bytes) -> dict[str, str]:
    at = raw.find(b"BTSServer")
    if at == -1:
        return {}
    return {"server": _words(raw[at : at + 50]), "client": _words(raw[at + 100 : at + 150])}


def _words(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("gb18030", errors="replace").strip()


def _auxiliary(
    rows: NDArray[np.int64],
    index: NDArray[Any],
    channel: NDArray[Any],
    volts: NDArray[np.float64],
    celsius: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    """Return auxiliary columns beside the rows of the same number; a quantity that is always zero is left out."""
    columns = {}
    for number in np.unique(channel):
        of_channel = channel == number
        for name, values in ((f"T{number}/degC", celsius), (f"V{number}/V", volts)):
            if np.any(values[of_channel]):
                columns[name] = _beside(rows, index[of_channel], values[of_channel])
    return columns


def _beside(rows: NDArray[np.int64], index: NDArray[Any], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the value of each row's number; NaN where there is none. Of several the first counts."""
    known, first = np.unique(index.astype(np.int64), return_index=True)
    if not known.size:
        return np.full(rows.size, np.nan)
    at = np.minimum(np.searchsorted(known, rows), known.size - 1)
    return np.where(known[at] == rows, values[first][at].astype(np.float64), np.nan)


# -- ndax -------------------------------------------------------------------------------------------------------------

_VOLT_AMPERE = _struct(8, volts=("<f4", 0), amps=("<f4", 4))
_RUN_FIELDS: dict[str, tuple[str, int]] = {
    "time": ("<i4", 0), "charged": ("<f4", 5), "discharged": ("<f4", 9), "charge_energy": ("<f4", 13),
    "discharge_energy": ("<f4", 17), "interval": ("<i4", 29), "stamp": ("<i4", 33), "step": ("<i4", 37),
    "index": ("<i4", 41), "ms": ("<i2", 45),
}  # fmt: skip
_STEP_FIELDS: dict[str, tuple[str, int]] = {"cycle": ("<i4", 0), "step_index": ("<i4", 4), "status": ("u1", 24)}
_R87 = _struct(
    87, mark=("u1", 7), index=("<u4", 8), cycle=("<u4", 12), step_index=("u1", 16), status=("u1", 17), **_timed(23, 43),
    range=("<i4", 82),
)  # fmt: skip
_A87 = _struct(87, mark=("u1", 7), channel=("u1", 3), index=("<u4", 8), **_auxiliary_fields(31))


@dataclass(frozen=True)
class _Split:
    """Units and record lengths of a version whose rows are spread over three parts."""

    volt: float
    milliampere: float
    milliampere_hour: float
    run_bytes: int
    run_tail: int
    step_bytes: int
    step_tail: int
    proven: bool


_SPLIT = {
    11: _Split(1e-4, 1.0, 1 / 3600, 47, 16, 37, 5, False),
    14: _Split(1.0, 1e3, 1e3, 55, 4, 37, 5, True),
    16: _Split(1e-4, 1.0, 1 / 3600, 100, 64, 100, 64, True),
    17: _Split(1.0, 1e3, 1e3, 100, 64, 100, 64, True),
}


def _ndax(path: Path) -> _Rows:
    with Archive(path) as archive:
        if "data.ndc" not in archive.names:
            raise UnreadableFile(path, f"has no part data.ndc, only {', '.join(archive.names[:10])}")
        data = archive.read("data.ndc")
        version = _ndc_version(path, data, "data.ndc", 1)
        if version in (2, 5):
            rows = _single(path, data, version)
        elif version in _SPLIT:
            parts = {}
            for name, kind in (("data_runInfo.ndc", 18), ("data_step.ndc", 7)):
                if name not in archive.names:
                    raise UnreadableFile(path, f"has no part {name}, which holds the times of its rows")
                parts[name] = archive.read(name)
                if _ndc_version(path, parts[name], name, kind) != version:
                    raise UnreadableFile(path, f"its parts data.ndc and {name} are of different versions")
            rows = _joined(path, data, parts["data_runInfo.ndc"], parts["data_step.ndc"], version)
        else:
            raise UnreadableFile(path, f"is of ndc version {version}; versions 2, 5, 11, 14, 16 and 17 can be read")
        info = _test_info(path, archive, rows.warnings)
        _add_auxiliary(path, archive, rows, info, version)
    rows.vendor = {"ndc_version": version, **info}
    _compare_with_start(rows, info)
    return rows


def _ndc_version(path: Path, raw: bytes, name: str, kind: int) -> int:
    if len(raw) < _BLOCK or raw[0] != kind:
        raise UnreadableFile(path, f"its part {name} is no ndc part of kind {kind}, or is cut off")
    return raw[2]


def _blocks(
    path: Path, name: str, raw: bytes, record: np.dtype[Any], tail: int, head: int = 132
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the records of all blocks, and which of them the blocks say to hold."""
    count, rest = divmod(len(raw) - _BLOCK, _BLOCK)
    if rest or count < 0:
        raise UnreadableFile(path, f"its part {name} does not end with a whole block of {_BLOCK} bytes; it is cut off")
    each = (_BLOCK - head - tail) // record.itemsize
    block = np.dtype(
        {"names": ["held", "rows"], "formats": ["<u2", (record, (each,))], "offsets": [2, head], "itemsize": _BLOCK}
    )
    table = np.frombuffer(raw, block, count, _BLOCK)
    if np.any(table["held"] > each):
        raise UnreadableFile(
            path, f"a block of its part {name} says to hold {int(table['held'].max())} records where {each} fit"
        )
    held = np.arange(each)[None, :] < table["held"][:, None]
    return table["rows"].reshape(-1), held.reshape(-1)


def _joined(path: Path, raw: bytes, raw_run: bytes, raw_step: bytes, version: int) -> _Rows:
    unit = _SPLIT[version]
    cells, held = _blocks(path, "data.ndc", raw, _VOLT_AMPERE, 4)
    index = np.flatnonzero(held) + 1
    cells = cells[held]
    table, used = _blocks(path, "data_runInfo.ndc", raw_run, _struct(unit.run_bytes, **_RUN_FIELDS), unit.run_tail)
    run = table[used & (table["index"] > 0)]
    _, first = np.unique(run["index"], return_index=True)
    run = run[first]
    if not run.size or not index.size:
        raise UnreadableFile(path, "has no rows with a time")
    if run["index"][0] > index[0]:
        raise UnreadableFile(path, f"its first {run['index'][0] - index[0]} rows have no time; it is damaged")
    last = np.searchsorted(run["index"], index, side="right") - 1
    behind = index - run["index"][last]
    warnings = [] if unit.proven else [f"ndc version {version}: {_UNPROVEN}"]
    warnings += _filled_note(run, int((behind > 0).sum()))
    ahead_s = behind * (run["interval"][last] / 1e3)
    current = cells["amps"].astype(np.float64) * unit.milliampere
    volts = cells["volts"].astype(np.float64) * unit.volt
    passed = _since_stored(current * (run["interval"][last] / 1e3) / 3600, behind)
    energy = _since_stored(current * volts * (run["interval"][last] / 1e3) / 3600, behind)
    stored = {
        name: run[name][last].astype(np.float64) * unit.milliampere_hour
        for name in ("charged", "discharged", "charge_energy", "discharge_energy")
    }
    steps = _steps(path, raw_step, unit, run["step"])
    return _Rows(
        step_time_s=run["time"][last] / 1e3 + ahead_s,
        clock_s=run["stamp"][last] + run["ms"][last] / 1e3 + ahead_s,
        potential_v=volts,
        current_ma=current,
        charged=stored["charged"] + np.maximum(passed, 0.0),
        discharged=stored["discharged"] + np.maximum(-passed, 0.0),
        charge_energy=stored["charge_energy"] + np.maximum(energy, 0.0),
        discharge_energy=stored["discharge_energy"] + np.maximum(-energy, 0.0),
        step_key=run["step"][last].astype(np.int64),
        step_index=steps["step_index"][last].astype(np.int64),
        status=steps["status"][last].astype(np.int64),
        cycle=steps["cycle"][last].astype(np.int64) + 1,
        in_utc=True,
        fine_clock=True,
        index=index,
        warnings=warnings,
    )


def _since_stored(gain: NDArray[np.float64], behind: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sum of gains since the last row that has stored values (which counts nothing itself)."""
    total = np.cumsum(np.where(behind > 0, gain, 0.0))
    origin = np.arange(gain.size) - np.minimum(behind, np.arange(gain.size))
    since: NDArray[np.float64] = total - total[origin]
    return since


def _filled_note(run: NDArray[Any], filled: int) -> list[str]:
    if not filled:
        return []
    notes = [
        f"{filled} rows have no time of their own in the file: time by the interval stored before them, charge and "
        "energy integrated"
    ]
    gap = np.diff(run["index"].astype(np.int64))
    expected = (gap - 1) * run["interval"][:-1].astype(np.int64) + run["interval"][1:]
    same = (run["step"][1:] == run["step"][:-1]) & (gap > 1)
    off = np.abs(np.diff(run["time"].astype(np.int64)) - expected)[same]
    if off.size and off.max() > 0:
        notes.append(f"times between stored rows are off by up to {off.max() / 1e3:g} s")
    return notes


def _steps(path: Path, raw: bytes, unit: _Split, number: NDArray[Any]) -> NDArray[Any]:
    """Return the step of each row of ``data_runInfo.ndc``, by its number (from 1)."""
    table, used = _blocks(path, "data_step.ndc", raw, _struct(unit.step_bytes, **_STEP_FIELDS), unit.step_tail)
    steps = table[used & (table["step_index"] > 0)]
    low, high = int(number.min()), int(number.max())
    if low < 1 or high > steps.size:
        raise UnreadableFile(path, f"its rows belong to steps {low} to {high}, but it describes {steps.size}")
    of_rows: NDArray[Any] = steps[number - 1]
    return of_rows


def _single(path: Path, raw: bytes, version: int) -> _Rows:
    data = _records_87(path, "data.ndc", raw, version, _R87)
    data = data[(data["mark"] == 0x55) & (data["index"] > 0)]
    return _timed_rows(path, data, data["step_index"], [f"ndc version {version}: {_UNPROVEN}"])


def _records_87(path: Path, name: str, raw: bytes, version: int, record: np.dtype[Any]) -> NDArray[Any]:
    """Return all records of versions 5 (in blocks) and 2 (one behind the other, known by their first eight bytes)."""
    if version == 5:
        return _blocks(path, name, raw, record, 56, 125)[0]
    mark = raw[517:525]
    if len(mark) < 8 or mark[0] not in (0x55, 0x65, 0x74):
        raise UnreadableFile(path, f"its part {name} has no first record where version 2 has it")
    found = []
    at = raw.find(mark)
    while at != -1 and at + 94 <= len(raw):
        # Version 2 has its mark where version 5 has it after seven bytes that say nothing.
        found.append(b"\0\0\0" + raw[at + 3 : at + 4] + b"\0\0\0" + raw[at : at + 1] + raw[at + 8 : at + 87])
        at = raw.find(mark, at + 94)
    return np.frombuffer(b"".join(found), record)


def _add_auxiliary(path: Path, archive: Archive, rows: _Rows, info: Mapping[str, Any], version: int) -> None:
    """Read the auxiliary parts, in the order of their numbers, which is that of the channels in ``TestInfo.xml``."""
    named = []
    for name in archive.names:
        match = re.fullmatch(r"data_AUX_(\d+)_(\d+)_(\d+)\.ndc", name) or re.fullmatch(r"[^/]*_(\d+)\.ndc", name)
        if match:
            named.append(([int(g) for g in match.groups()], name))
    channels = info.get("auxiliary", [])
    if named and len(named) != len(channels):
        rows.warnings.append(f"{len(named)} auxiliary parts, but {len(channels)} auxiliary channels are described")
        channels = []
    for k, (_, name) in enumerate(sorted(named)):
        channel = channels[k] if channels else {}
        number = channel.get("AuxID", f"?{k + 1}")
        raw = archive.read(name)
        if len(raw) < _BLOCK or raw[0] != 5 or raw[2] != version:
            rows.warnings.append(f"the auxiliary part {name} is of another version; it was not read")
            continue
        for quantity, (index, values) in _auxiliary_part(path, name, raw, version, channel).items():
            rows.auxiliary[quantity.replace("#", str(number))] = _beside(rows.index, index, values)


def _auxiliary_part(
    path: Path, name: str, raw: bytes, version: int, channel: Mapping[str, str]
) -> dict[str, tuple[NDArray[Any], NDArray[np.float64]]]:
    if version in (14, 17):
        cells, held = _blocks(path, name, raw, _struct(4, value=("<f4", 0)), 4)
        kind = {"103": "T#/degC", "335": "t#/degC", "345": "H#/%"}.get(channel.get("ChlType", ""), "auxiliary #")
        return {kind: (np.flatnonzero(held) + 1, cells["value"][held].astype(np.float64))}
    if version == 16 or (version == 11 and raw[_BLOCK + 132 : _BLOCK + 133] == b"\x65"):
        cells, held = _blocks(path, name, raw, _struct(7, volts=("<f4", 1), celsius=("<i2", 5)), 2)
        index = np.flatnonzero(held) + 1
        return {"V#/V": (index, cells["volts"][held] * 1e-4), "T#/degC": (index, cells["celsius"][held] / 10.0)}
    if version == 11:
        cells, held = _blocks(path, name, raw, _struct(88, index=("<i4", 1), celsius=("<i2", 35)), 4)
        return {"T#/degC": (cells["index"][held], cells["celsius"][held] / 10.0)}
    cells = _records_87(path, name, raw, version, _A87)
    cells = cells[(cells["mark"] == 0x65) | (cells["mark"] == 0x74)]
    return {"V#/V": (cells["index"], cells["volts"] / 1e4), "T#/degC": (cells["index"], cells["celsius"] / 10.0)}


# -- the XML parts of an ndax -----------------------------------------------------------------------------------------


def _test_info(path: Path, archive: Archive, warnings: list[str]) -> dict[str, Any]:
    """Return versions and test information; what cannot be read becomes a warning, for the rows are whole without."""
    info: dict[str, Any] = {}
    for name, place, key in (
        ("VersionInfo.xml", "config/ZwjVersion", "versions"),
        ("TestInfo.xml", "config/TestInfo", "test"),
    ):
        if name not in archive.names:
            continue
        element = _element(archive.read(name), place)
        if element is None:
            warnings.append(f"the part {name} cannot be understood; it was left out")
            continue
        info[key] = dict(element.attrib)
        if key == "test":
            info["auxiliary"] = [dict(e.attrib) for e in element if re.fullmatch(r"Aux\d+", e.tag)]
    return info


def _element(raw: bytes, place: str) -> ET.Element | None:
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        return None  # no such file has one, and entities could grow without bound
    declared = re.match(rb"<\?xml[^>]*encoding=[\"']([\w-]+)[\"']", raw)
    encoding = "gb18030" if declared and declared[1].lower().startswith(b"gb") else "utf-8"
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", raw.decode(encoding, errors="replace").lstrip("\ufeff"))
    try:
        return ET.fromstring(text).find(place)
    except (ET.ParseError, ValueError):
        return None


def _compare_with_start(rows: _Rows, info: Mapping[str, Any]) -> None:
    """Say what the test's start, which is by the computer's own clock, tells about the stamps."""
    text = info.get("test", {}).get("StartTime")
    if not text or not rows.in_utc:
        return
    start = parse_stamps([text]).seconds[0]
    if not np.isfinite(start):
        return
    offset = start - float(rows.clock_s[0])
    quarters = round(offset / 900)
    if abs(offset - quarters * 900) > 300 or not -48 <= quarters <= 56:
        rows.warnings.append(f"the test's start {text} does not fit the first stamp in any time zone")
    elif quarters == 0:
        rows.warnings.append(
            f"the stamps were taken as UTC, as other files of Neware prove; the test's start by the computer's clock, "
            f"{text}, is the same, so that clock was on UTC, or these stamps are local times"
        )
    else:
        rows.vendor["computer_utc_offset_h"] = quarters / 4
