"""Battery Data Format (``.bdf``, ``.bdf.csv``, ``.bdf.gz``) of the Battery Data Alliance.

A table with a header of fixed labels that end with their unit (``Test Time / s``), or of the same quantities' names for
machines (``test_time_second``). Required: test time, voltage, current. Everything else is optional.

Units are fixed by the label: s, V, A, Ah. ``Unix Time / s`` is UTC by definition, so that the start is absolute;
without it the trace has no start. Current is positive on charge (``Net Capacity`` is charging minus discharging
capacity); where a file's current contradicts its own capacities, its sign is changed and a warning says so. The charge
is ``Net Capacity / Ah``, or the difference of the charging and discharging capacities, which may begin again.

Not read: metadata beside the file, Parquet.

Source: the specification in the repository battery-data-alliance/battery-data-format (its README); tests on files of
our own.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import UnreadableFile
from ..trace import Trace
from ._cycler import Stamps
from ._cycler_trace import Parts, scaled, trace_of
from ._table import decoded, text_table
from .registry import TraceReader

__all__ = ["READER", "load"]

_GZIP = b"\x1f\x8b\x08"
_LARGEST_RATIO = 100

# {label without blanks, in small letters: quantity}; the name for machines beside it.
_LABELS = {
    "testtime/s": "time", "test_time_second": "time",
    "voltage/v": "potential", "voltage_volt": "potential",
    "current/a": "current", "current_ampere": "current",
    "unixtime/s": "stamp", "unix_time_second": "stamp",
    "cyclecount/1": "cycle", "cycle_count": "cycle", "cycle_dimensionless": "cycle",
    "stepcount/1": "step", "step_count": "step", "step_dimensionless": "step",
    "stepindex/1": "step_index", "step_index": "step_index",
    "netcapacity/ah": "net", "net_capacity_ah": "net",
    "chargingcapacity/ah": "charged", "charging_capacity_ah": "charged",
    "dischargingcapacity/ah": "discharged", "discharging_capacity_ah": "discharged",
}  # fmt: skip


def _quantities(cells: Sequence[str]) -> dict[str, str]:
    """Return {quantity: column}; the first of several counts."""
    found: dict[str, str] = {}
    for cell in cells:
        quantity = _LABELS.get(re.sub(r"\s", "", cell).lower())
        if quantity is not None:
            found.setdefault(quantity, cell)
    return found


def _is_header(cells: Sequence[str]) -> bool:
    return {"time", "potential", "current"} <= _quantities(cells).keys()


def sniff(path: Path, head: bytes) -> bool:
    """Return True for text whose first line has the three required labels; gzip is looked into."""
    if head.startswith(_GZIP):
        try:
            head = zlib.decompressobj(31).decompress(head, 65536)
        except zlib.error:
            return False
    text = decoded(head).lstrip()
    line = text.splitlines()[0] if text else ""
    return any(_is_header([c.strip(' "') for c in line.split(mark)]) for mark in (",", ";", "\t"))


def load(path: Path) -> Trace:
    """Read a Battery Data Format table.

    Raises
    ------
    UnreadableFile
        If a required column is missing, a row is damaged, or the test time decreases.
    """
    with np.errstate(all="ignore"):  # damaged numbers may be anything
        table = text_table(path, decoded(_unpacked(path)), _is_header, scanned=1)
        used = _quantities(table.names)
        numbers = {q: table.numbers(name) for q, name in used.items()}
        stamps = None
        if "stamp" in numbers:
            seconds = numbers["stamp"]
            possible = np.where(np.abs(seconds) < 1e10, seconds, np.nan)
            known = possible[np.isfinite(possible)]
            stamps = Stamps(possible, aware=True, resolution_s=1e-3 if np.any(known % 1 > 0) else 1.0)
        kept = ("time", "potential", "current", "net", "stamp", "cycle", "step", "step_index")
        taken: dict[str, str] = {q: used[q] for q in kept if q in used}
        return trace_of(
            table,
            Parts(
                program="the Battery Data Format",
                time_s=numbers["time"],
                potential_v=numbers["potential"],
                current_ma=scaled(table, used["current"], "A"),
                charge_mah=numbers["net"] * 1e3 if "net" in numbers else None,
                charged_mah=numbers["charged"] * 1e3 if "charged" in numbers else None,
                discharged_mah=numbers["discharged"] * 1e3 if "discharged" in numbers else None,
                stamps=stamps,
                columns={q: numbers[q] for q in ("cycle", "step", "step_index") if q in numbers},
                used=taken,
            ),
        )


def _unpacked(path: Path) -> bytes:
    raw = path.read_bytes()
    if not raw.startswith(_GZIP):
        return raw
    unpacker = zlib.decompressobj(31)
    most = _LARGEST_RATIO * len(raw) + 2**20
    try:
        content = unpacker.decompress(raw, most)
    except zlib.error as error:
        raise UnreadableFile(path, f"cannot be unpacked ({error}); it is damaged") from error
    if unpacker.unconsumed_tail:
        raise UnreadableFile(path, f"unpacks to more than {most} bytes, which no table of its size does")
    if not unpacker.eof:
        raise UnreadableFile(path, "ends before its compressed content does; it is cut off")
    return content


READER = TraceReader(
    name="bdf",
    description="Battery Data Format table (CSV)",
    extensions=(".bdf", ".csv", ".gz"),
    sniff=sniff,
    load=load,
    gives=("start with zone", "current", "charge", "cycle", "step"),
)
