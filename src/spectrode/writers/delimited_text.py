"""A table for a spreadsheet: the columns and then one column a channel; a spectrum a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..dataset import OperandoDataset
from .registry import Writer

__all__ = ["WRITER", "save"]


def save(dataset: OperandoDataset, path: Path) -> None:
    """Write a comma-separated table; the header names columns, and the axis value of each channel."""
    names = list(dataset.columns)
    header = [*names, *(f"{value:.17g}" for value in dataset.shift)]
    formats = ["%d" if dataset.columns[name].dtype.kind in "iub" else "%.17g" for name in names]
    digits = "%.9g" if dataset.intensity.dtype == np.float32 else "%.17g"
    with open(path, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(f"# axis: {dataset.axis_label}\n")
        stream.write(",".join(header) + "\n")
        for start in range(0, dataset.n_spectra, 1024):
            rows = slice(start, start + 1024)
            parts = [np.asarray(dataset.columns[n][rows], dtype=float)[:, None] for n in names]
            table = np.hstack([*parts, np.asarray(dataset.intensity[rows], dtype=float)])
            np.savetxt(stream, table, fmt=[*formats, *[digits] * dataset.n_channels], delimiter=",")


WRITER = Writer(
    name="csv",
    description="comma-separated table, one spectrum a row",
    extensions=(".csv",),
    save=save,
    loses=("metadata", "history", "scan shape", "mask", "variance", "images"),
)
