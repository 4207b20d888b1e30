"""Writes small VersaStudio files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

COLUMNS = "Segment #, Point #, E(V), I(A), Elapsed Time(s), Current Range, Status, ActionId, 0"
FIRST = ((0, 0, 0.125, 1e-3, 0.5, 5, 53, 21), (0, 1, 0.25, -2e-3, 1.5, 5, 53, 21))
SECOND = ((1, 0, 0.5, 4e-3, 2.5, 5, 53, 22),)


def section(name: str, values: Mapping[str, str], rows: Sequence[Sequence[float]] = ()) -> str:
    lines = [f"<{name}>", *(f"{k}={v}" for k, v in values.items()), *(",".join(map(str, row)) for row in rows)]
    return "\r\n".join([*lines, f"</{name}>", "", ""])


def file(
    *segments: Sequence[Sequence[float]],
    reference: str = "Ag, AgCl / KCl (sat'd) (0.197 Volts)",
    date: str = "Thursday, July 19, 2018",
    time: str = "9:40:30 PM",
    columns: str = COLUMNS,
) -> bytes:
    parts = [
        section("Application", {"Name": "VersaStudio", "Version": "2.52.3.0"}),
        section("Action0", {"Reference Electrode": reference, "Name": "Common"}),
        section("Instrument", {"Type": "VersaSTAT4", "Model": "-400"}),
        section("Experiment", {"TimeAcquired": time, "DateAcquired": date}),
        section("Action1", {"Scan Rate (V/s)": ".005", "Name": "Cyclic Voltammetry"}),
    ]
    parts += [
        section(f"Segment{k + 1}", {"Type": "2", "Version": "3", "Definition": columns}, rows)
        for k, rows in enumerate(segments)
    ]
    return "".join(parts).encode("utf-8")


def examples() -> dict[str, bytes]:
    return {"two segments": file(FIRST, SECOND), "one segment": file(FIRST)}
