"""Writes small PSTrace sessions and tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

TYPES = {"time": (0, "s"), "potential": (1, "V"), "current": (2, "µA"), "charge": (3, "µC"), "frequency": (5, "Hz")}
CV = {"time": (0.0, 0.5, 1.0), "potential": (-0.5, 0.0, 0.5), "current": (1000.0, -2000.0, 0.0)}


def ticks(when: datetime) -> int:
    delta = when - datetime(1, 1, 1)
    return ((delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds) * 10


LOCAL, UTC = datetime(2024, 7, 1, 14, 30, 0, 250000), datetime(2024, 7, 1, 12, 30, 0, 250000)


def measurement(
    *scans: Mapping[str, Sequence[float]],
    title: str = "Cyclic Voltammetry",
    local: datetime | None = LOCAL,
    utc: datetime | None = UTC,
    units: Mapping[str, str | None] | None = None,
) -> dict[str, Any]:
    values = [
        {
            "Type": "PalmSens.Data.DataArray",
            "ArrayType": TYPES[name][0],
            "Description": name,
            "Unit": {"Type": "PalmSens.Units", "S": (units or {}).get(name, TYPES[name][1])},
            "DataValues": [{"V": v} for v in numbers],
        }
        for scan in scans
        for name, numbers in scan.items()
    ]
    made: dict[str, Any] = {"Title": title, "DeviceSerial": "ES4-7", "DataSet": {"Values": values}, "Curves": []}
    made["Method"] = "#Comment=1\r\nMETHOD_ID=cv\r\nE_BEGIN=-5.000E-001"
    if local is not None:
        made["TimeStamp"] = ticks(local)
    if utc is not None:
        made["UtcTimeStamp"] = ticks(utc)
    return made


def session(*measurements: dict[str, Any], lower: bool = False, tail: str = "\ufeff") -> bytes:
    tree: Any = {"Type": "PalmSens.SessionManager", "MethodForMeasurement": "", "Measurements": list(measurements)}
    return (json.dumps(_lowered(tree) if lower else tree, ensure_ascii=False) + tail).encode("utf-16")


def _lowered(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {k.lower(): _lowered(v) for k, v in tree.items()}
    return [_lowered(v) for v in tree] if isinstance(tree, list) else tree


def table(units: str, rows: Sequence[str], *, titles: str = "CV i vs E", encoding: str = "utf-16") -> bytes:
    lines = ["Date and time:,2024-11-05 14:22:13", "Notes:", "", titles]
    count = units.count(",") // 2 + 1
    lines.append(",".join(["Date and time measurement:,2024-11-05 14:20:01"] * count))
    return "\r\n".join([*lines, units, *rows, ""]).encode(encoding)


def examples() -> dict[str, bytes]:
    return {
        "session": session(measurement(CV)),
        "lower case": session(measurement(CV), measurement(CV, title="second"), lower=True),
        "table": table("s,V", ("0.1,0.5", "0.2,0.25")),
    }
