"""Small Battery Data Format tables."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

LABELS = {
    "Test Time / s": "test_time_second",
    "Unix Time / s": "unix_time_second",
    "Cycle Count / 1": "cycle_count",
    "Step Count / 1": "step_count",
    "Voltage / V": "voltage_volt",
    "Current / A": "current_ampere",
    "Charging Capacity / Ah": "charging_capacity_ah",
    "Discharging Capacity / Ah": "discharging_capacity_ah",
    "Ambient Temperature / degC": "ambient_temperature_celsius",
}
# An hour at 1 A up, an hour at 2 A down.
ROWS = (
    (0, 1700000000.25, 1, 1, 3.0, 1.0, 0.0, 0.0, 25.0),
    (1800, 1700001800.25, 1, 1, 3.5, 1.0, 0.5, 0.0, 25.5),
    (3600, 1700003600.25, 1, 1, 4.0, 1.0, 1.0, 0.0, 26.0),
    (5400, 1700005400.25, 2, 2, 3.5, -2.0, 1.0, 1.0, 26.5),
    (7200, 1700007200.25, 2, 2, 3.0, -2.0, 1.0, 2.0, 27.0),
)


def bdf(
    columns: Sequence[str] = tuple(LABELS), rows: Sequence[Sequence[float]] = ROWS, *, machine: bool = False
) -> bytes:
    """Return one table of the columns asked for."""
    places = [list(LABELS).index(name) for name in columns]
    lines = [",".join(LABELS[name] if machine else name for name in columns)]
    lines += [",".join(str(row[k]) for k in places) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def examples() -> dict[str, bytes]:
    """Small valid files by name."""
    return {
        "all.bdf": bdf(),
        "machine.bdf": bdf(machine=True),
        "least.csv": bdf(("Test Time / s", "Voltage / V", "Current / A")),
        "packed.bdf.gz": gzip.compress(bdf(), mtime=0),
    }
