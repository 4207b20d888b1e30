"""Writes small Andor Solis text exports from known numbers."""

from __future__ import annotations

from builders.andor_sif import numbered

SETTINGS = """Date and Time:                Fri Sep  8 15:03:52 2017
Software Version:             4.30.30013.0
Model:                        DU888_BV
Acquisition Mode:             Kinetic
Exposure Time (secs):         0.1
Number of Accumulations:      5
{series}
Number of Tracks:             1
SR193i:
Serial Number:
Wavelength (nm):              541
Grating Groove Density (l/mm):1200.75
Grating Blaze:                500NM
"""
SERIES = "Kinetic Cycle Time (secs):    2.5\nNumber in Kinetics Series:    {n}"


def a_text(n: int = 1, delimiter: str = "\t", before: bool = False, ending: str = "\r\n") -> bytes:
    """Solis's text export of ``numbered(n)`` at 540, 541, … nm."""
    settings = SETTINGS.format(series=SERIES.format(n=n)) if n > 1 else SETTINGS.replace("{series}\n", "")
    values = numbered(n)[:, 0]
    rows = [delimiter.join([f"{540 + c}", *(f"{v:g}" for v in values[:, c])]) + delimiter for c in range(6)]
    parts = [settings, "\n".join(rows) + "\n"] if before else ["\n".join(rows) + "\n\n\n", settings]
    return "".join(parts).replace("\n", ending).encode("latin-1")


def examples() -> dict[str, bytes]:
    return {"spectrum.asc": a_text(), "series.asc": a_text(3), "before.csv": a_text(2, ",", before=True)}
