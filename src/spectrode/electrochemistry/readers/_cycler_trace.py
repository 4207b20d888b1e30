"""Makes a trace of a cycler's table: one way for all that export named columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidDataset, UnreadableFile
from ..trace import Trace
from ._cycler import CELL_VOLTAGE, Stamps, charge_positive, moment, opposes, running_total, time_axis, utc_moment
from ._instrument import whole
from ._table import Table

__all__ = ["Parts", "scaled", "trace_of"]

_SCALES = {
    "s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0, "hr": 3600.0, "ms": 1e-3,
    "v": 1.0, "mv": 1e-3,
    "a": 1e3, "ma": 1.0, "ua": 1e-3, "µa": 1e-3,
    "ah": 1e3, "mah": 1.0,
}  # fmt: skip
_WHOLE = {"cycle", "step", "step_index"}


def scaled(table: Table, name: str, unit: str) -> NDArray[np.float64]:
    """Return a column in s, V, mA or mAh."""
    return table.numbers(name) * _SCALES[unit.lower()]


@dataclass
class Parts:
    """What a reader found in a table; charges are counters that may begin again."""

    program: str
    time_s: NDArray[np.float64]
    potential_v: NDArray[np.float64]
    current_ma: NDArray[np.float64]
    charged_mah: NDArray[np.float64] | None = None
    discharged_mah: NDArray[np.float64] | None = None
    charge_mah: NDArray[np.float64] | None = None
    stamps: Stamps | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    used: Mapping[str, str] = field(default_factory=dict)
    vendor: Mapping[str, Any] = field(default_factory=dict)
    instrument: str | None = None
    sign_note: str | None = None


def trace_of(table: Table, parts: Parts) -> Trace:
    """Put time, signs and columns together.

    Raises
    ------
    UnreadableFile
        If a row has no time or the time decreases.
    """
    time = parts.time_s
    bad = np.flatnonzero(~np.isfinite(time))
    if bad.size:
        raise UnreadableFile(table.path, f"row {int(bad[0]) + 1} has no time")
    if np.any(np.diff(time) < 0):
        at = int(np.argmax(np.diff(time) < 0))
        raise UnreadableFile(
            table.path,
            f"the time of row {at + 2} ({time[at + 1]:g} s) is before that of the row above it ({time[at]:g} s)",
        )
    warnings = list(table.warnings)
    stamps = parts.stamps
    axis = time_axis(
        time, None if stamps is None else stamps.seconds, resolution_s=stamps.resolution_s if stamps else 1
    )
    if stamps is not None:
        warnings += [stamps.note] if stamps.note else []
        if axis.start_s is None:
            warnings.append("the date and time of its rows cannot be understood; the trace has no absolute start")
    warnings += axis.notes
    charge = parts.charge_mah
    if charge is None and parts.charged_mah is not None and parts.discharged_mah is not None:
        charge = running_total(parts.charged_mah) - running_total(parts.discharged_mah)
    current = parts.current_ma
    if charge is not None and opposes(current, charge):
        warnings.append(
            "the current of the file has the opposite sign of its charge and discharge capacities; its sign was "
            "changed, so that it is positive on charge"
        )
        current = -current
    warnings += [parts.sign_note or charge_positive(parts.program), CELL_VOLTAGE]
    columns: dict[str, NDArray[Any]] = {}
    for name, values in parts.columns.items():
        columns[name] = whole(values) if name in _WHOLE else values
    taken = set(parts.used.values())
    for name, values in table.numeric.items():
        if name not in taken and name not in columns:
            columns[name] = values
    if axis.part is not None:
        columns["part"] = axis.part
    aware = stamps is not None and stamps.aware
    start = None if axis.start_s is None else (utc_moment if aware else moment)(axis.start_s)
    try:
        return Trace(
            time_s=axis.time_s,
            potential_v=parts.potential_v,
            current_ma=current,
            charge_mah=charge,
            columns=columns,
            started_at=start if aware else None,
            local_start=None if aware else start,
            technique="battery cycling",
            instrument=parts.instrument,
            warnings=tuple(dict.fromkeys(warnings)),
            vendor={"columns": list(table.names), "used": dict(parts.used), **parts.vendor},
        )
    except InvalidDataset as error:
        raise UnreadableFile(table.path, str(error)) from error
