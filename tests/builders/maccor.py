"""Small Maccor text exports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

START = datetime(2019, 12, 16, 23, 59, 50)
# (seconds, cycle, step, Ah of the half cycle, A, V, state): magnitudes, as Maccor writes them.
ROWS = (
    (0.0, 0, 1, 0.0, 0.0, 3.0, "R"),
    (10.0, 0, 1, 0.0, 0.0, 3.0, "R"),
    (10.5, 0, 2, 0.0, 1.8, 3.1, "C"),
    (30.5, 0, 2, 0.01, 1.8, 3.2, "C"),
    (50.5, 0, 2, 0.02, 1.8, 3.3, "C"),
    (51.0, 0, 3, 0.0, 3.6, 3.2, "D"),
    (61.0, 1, 3, 0.01, 3.6, 3.1, "D"),
    (91.0, 1, 3, 0.04, 3.6, 3.0, "D"),
)


def duration(seconds: float, form: str) -> str:
    """A time as Maccor's versions write it."""
    whole, rest = divmod(seconds, 60)
    days, minutes = divmod(int(whole), 1440)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours:02d}:{minutes:02d}:{rest:05.2f}"
    return {
        "d": f"{days}d {clock}",
        "comma": f"{days},{clock}",
        "hours": f"{days * 24 + hours:02d}:{minutes:02d}:{rest:05.2f}",
        "s": f"{seconds:.4f}",
        "min": f"{seconds / 60:.6f}",
    }[form]


def maccor(
    rows: Sequence[tuple[float, int, int, float, float, float, str]] = ROWS,
    *,
    form: str = "d",
    time_names: tuple[str, str] = ("TestTime", "StepTime"),
    start: datetime = START,
    stamp: str = "%m/%d/%Y %H:%M:%S",
    milli: bool = False,
    signed: bool = False,
    delimiter: str = "\t",
) -> bytes:
    """Return one export."""
    head = f"Today's Date {start:%m/%d/%Y}  Date of Test:\t{start:%m/%d/%Y}\t Filename:\tC:\\Daten\\Zelle Ä.034"
    unit = "m" if milli else ""
    names = ["Rec#", "Cyc#", "Step", *time_names, f"{unit}Amp-hr", f"{unit}Watt-hr", f"{unit}Amps", "Volts", "State",
             "ES", "DPt Time", "ACImp/Ohms", "Temp 1"]  # fmt: skip
    lines = [head, delimiter.join(names)]
    first = {step: min(r[0] for r in rows if r[2] == step) for step in {r[2] for r in rows}}
    for k, (time, cycle, step, capacity, current, volts, state) in enumerate(rows, start=1):
        factor = 1000 if milli else 1
        current = -current if signed and state == "D" else current
        cells = [k, cycle, step, duration(time, form), duration(time - first[step], form), f"{capacity * factor:.8f}",
                 f"{capacity * factor * volts:.8f}", f"{current * factor:.8f}", f"{volts:.6f}", state, 1,
                 (start + timedelta(seconds=time)).strftime(stamp), "N/A", f"{20 + k:.2f}"]  # fmt: skip
        lines.append(delimiter.join(str(c) for c in cells))
    return ("\r\n".join(lines) + "\r\n").encode("latin-1")


def examples() -> dict[str, bytes]:
    """Small valid files by name."""
    return {
        "days.txt": maccor(),
        "seconds.034": maccor(form="s", time_names=("Test (Sec)", "Step (Sec)")),
        "commas.csv": maccor(form="hours", delimiter=",", milli=True),
        "time_of_day.txt": maccor(stamp="%H:%M:%S"),
    }
