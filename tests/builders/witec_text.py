"""Small WITec text exports: tables with label and unit rows, a headed graph, a TrueMatch list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

AXIS = np.linspace(87.74, 2821.31, 8)


def table(
    counts: np.ndarray, labels: Sequence[str] | None, units: str | None = "rel. 1/cm", axis: np.ndarray = AXIS
) -> str:
    """Return axis and counts in columns, in scientific notation behind a space, below labels and units."""
    rows = ["\t".join(f" {v:.5E}" for v in (a, *c)) for a, c in zip(axis, counts.T, strict=True)]
    if units is not None:
        rows.insert(0, "\t".join([units, *["CCD cts"] * counts.shape[0]]))
    if labels is not None:
        rows.insert(0, "\t".join(["X-Axis", *labels]))
    return "\n".join(rows) + "\n"


def graph(counts: np.ndarray) -> str:
    """Return one spectrum behind a header."""
    head = [
        "//Exported ASCII-File",
        "[Header]",
        "FileName = C:\\data\\a.wip",
        "GraphName = Spectrum--000--Spec.Data 1",
        "SizeX = 1",
        "SizeY = 1",
        f"SizeGraph = {counts.size}",
        "PositionUnit = µm",
        "PositionX = 2.5",
        "PositionY = -1",
        "PositionZ = 0",
        "XAxisUnit = nm",
        "DataUnit = CCD cts",
        "",
        "[Data]",
        "X-Axis,Spectrum--000--Spec.Data 1",
        "nm,CCD cts",
    ]
    return "\n".join([*head, *(f" {500 + k:.9E}, {c:.9E}" for k, c in enumerate(counts))]) + "\n"


def true_match(counts: np.ndarray) -> str:
    """Return one block for each particle."""
    lines = ["[WITEC_TRUEMATCH_ASCII_HEADER]", "Version = 1.0"]
    for k, row in enumerate(counts):
        lines += ["[SpectrumHeader]", f"Title = particle {k}", "ExcitationWavelength = 532.1"]
        lines += [f"SpectrumSize = {row.size}", "XDataKind = rel. 1/cm", "[SampleMetaData]", "int Flag = 1"]
        lines += ["[SpectrumData]", *(f"{a:.4f}\t{c:.4f}" for a, c in zip(AXIS, row, strict=True))]
    return "\n".join(lines) + "\n"


def examples() -> dict[str, bytes]:
    """Return small legal files by name."""
    counts = 500.0 + np.arange(48.0).reshape(6, 8)
    pixels = [f"Map_000_Spec.Data 1_F({x}/{y})" for y in range(2) for x in range(3)]
    texts = {
        "map.txt": table(counts, pixels),
        "series.txt": table(counts, [f"Time Series_000_Spec.Data 1({k})" for k in range(6)]),
        "units_only.txt": table(counts, None),
        "graph.txt": graph(counts[0]),
        "particles.txt": true_match(counts[:3]),
    }
    return {name: text.replace("\n", "\r\n").encode() for name, text in texts.items()}
