"""Small HORIBA LabSpec text exports: a spectrum, a time series and a map, with and without header."""

from __future__ import annotations

import numpy as np

HEADER = """#Acq. time (s)=\t2.5
#Accumulations=\t4
#Instrument=\tLabRAM HR Evol
#Detector=\tSynapse BIDD
#Objective=\tx50
#Grating=\t1800 gr/mm
#ND Filter=\t25%
#Laser (nm)=\t532
#Spectro (cm¹)=\t350.01
#X (µm)=\t1.5
#Y (µm)=\t-2
#Z (µm)=\t0
#Title=\tcell 7
#Acquired=\t27.09.2019 18:38:05
"""
AXIS = np.linspace(900.0, 100.0, 9)  # falls, as LabSpec writes it


def axes(*names: tuple[str, str], unit: str = "1/cm") -> str:
    """Return the header lines that name intensity, spectral axis and coordinates."""
    every = (("Intens", "Cnt"), ("Spectr", unit), *names)
    return "".join(f"#AxisType[{k}]={kind}\n#AxisUnit[{k}]={u}\n" for k, (kind, u) in enumerate(every))


def matrix(coordinates: np.ndarray, intensity: np.ndarray, axis: np.ndarray = AXIS) -> str:
    """Return empty cells and the axis, then coordinates and counts of each spectrum."""
    head = "\t" * coordinates.shape[1] + "\t".join(f"{v:g}" for v in axis)
    rows = ["\t".join(f"{v:.8g}" for v in (*c, *i)) for c, i in zip(coordinates, intensity, strict=True)]
    return "\n".join([head, *rows]) + "\n"


def examples() -> dict[str, bytes]:
    """Return small legal files by name."""
    counts = 100.0 + np.arange(6)[:, None] * 10.0 + np.arange(AXIS.size)
    x, y = (a.ravel() for a in np.meshgrid([-10.0, 0.0, 10.0], [5.0, 7.5]))
    spectrum = "".join(f"{a:.6g}\t{c:g}\n" for a, c in zip(AXIS, counts[0], strict=True))
    seconds = np.array([0.0, 2.75, 5.5, 8.25, 11.0, 13.75])[:, None]
    texts = {
        "spectrum.txt": HEADER + spectrum,
        "series.txt": HEADER + axes(("Time", "s")) + matrix(seconds, counts),
        "map.txt": HEADER + axes(("X", "µm"), ("Y", "µm")) + matrix(np.column_stack([x, y]), counts),
        "bare_map.txt": matrix(np.column_stack([x, y]), counts),
    }
    return {name: text.replace("\n", "\r\n").encode("latin-1") for name, text in texts.items()}
