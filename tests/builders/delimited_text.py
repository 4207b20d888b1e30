"""Small tables of spectra: columns, rows behind positions, one point a line, decimal commas, a B&W Tek header."""

from __future__ import annotations

import gzip

import numpy as np

AXIS = np.linspace(100.5, 900.25, 10)


def as_columns(axis: np.ndarray, counts: np.ndarray, delimiter: str, decimal: str = ".", head: str = "") -> str:
    """Return the axis in the first column, one spectrum in each further one."""
    rows = [(a, *c) for a, c in zip(axis, counts.T, strict=True)]
    return head + "".join(delimiter.join(repr(float(v)).replace(".", decimal) for v in row) + "\n" for row in rows)


def examples() -> dict[str, bytes]:
    """Return small legal files by name."""
    counts = 10.0 + np.arange(30.0).reshape(3, 10) * 1.5
    rows = ["time_s;" + ";".join(repr(float(a)) for a in AXIS)]
    rows += [";".join(repr(float(v)) for v in (2.0 * k, *c)) for k, c in enumerate(counts)]
    points = ["#X,#Y,#Wave,#Intensity".replace("#", "")]
    for k, spectrum in enumerate(counts):
        points += [f"{k}.5,1.0,{a!r},{c!r}" for a, c in zip(AXIS.tolist(), spectrum.tolist(), strict=True)]
    bwtek = ["File Version;BWRam4.11", "Date;2019-09-27 18:38:05", "model;BTC675N", "laser_wavelength;785"]
    bwtek += [
        "intigration times(ms);500",
        "average number;3",
        "laser_powerlevel;50",
        "Pixel;Raman Shift;Dark Subtracted",
    ]
    bwtek += [f"{k};{a!r};{c!r}" for k, (a, c) in enumerate(zip(AXIS.tolist(), counts[0].tolist(), strict=True))]
    texts = {
        "tabs.txt": as_columns(AXIS, counts, "\t"),
        "commas.csv": as_columns(AXIS, counts[:1], ",", head="Raman shift (cm-1),Intensity (counts)\n"),
        "decimal_commas.csv": as_columns(AXIS, counts, ";", ",", head="# made up\n"),
        "rows.csv": "\n".join(rows) + "\n",
        "points.txt": "\n".join(points) + "\n",
        "bwtek.txt": "\n".join(bwtek).replace(".", ",") + "\n",
    }
    files = {name: text.encode() for name, text in texts.items()}
    return {**files, "packed.txt.gz": gzip.compress(files["tabs.txt"], mtime=0)}
