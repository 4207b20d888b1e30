"""Writes small CH Instruments text exports."""

from __future__ import annotations

from collections.abc import Sequence

CV = {"Init E (V)": "0.2", "Scan Rate (V/s)": "0.01", "Quiet Time (sec)": "2", "Sensitivity (A/V)": "0.001"}
CV_ROWS = ("0.200, 1.000e-4", "0.199, -2.000e-4", "0.198, 0.000e+0", "0.200, 4.000e-4")


def file(
    columns: str = "Potential/V, Current/A",
    rows: Sequence[str] = CV_ROWS,
    *,
    technique: str = "Cyclic Voltammetry",
    parameters: dict[str, str] | None = None,
    date: str | None = "Mar. 10, 2019   12:09:40",
    header: bool = True,
) -> bytes:
    lines = [date, technique] if date is not None else []
    if header:
        lines += ["File: c:\\a.bin", "Data Source:  Experiment", "Instrument Model:  CHI760E", "Header: ", "Note: ", ""]
    lines += [f"{k} = {v}" for k, v in (CV if parameters is None else parameters).items()]
    lines += ["", "Segment 1:", "Ep = -0.141V", "ip = -1.036e-3A", "", columns, "", *rows, ""]
    return "\r\n".join(lines).encode()


def examples() -> dict[str, bytes]:
    it = {"Init E (V)": "-0.75", "Sample Interval (s)": "0.1"}
    return {
        "cv": file(),
        "it": file(
            "Time/sec, Current/A", ("0.1, 1e-6", "0.2, 2e-6"), technique="Amperometric i-t Curve", parameters=it
        ),
        "tabs": file("Potential/V\tCurrent/A", ("0.1\t1e-3", "0.2\t2e-3"), date=None, header=False),
    }
