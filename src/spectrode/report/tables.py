"""Tidy CSV tables: assignments, components, and one row a spectrum."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ..columns import SpectrumFlag
from ..results import AnalysisResult
from .fluorescence import BLEACHING_COLUMNS, bleaching_rows

__all__ = ["timeline_rows", "write_tables"]

# In the order in which the table shows them; further columns of the dataset follow.
_TIMELINE = (
    "frame", "x_um", "y_um", "z_um", "time_s", "exposure_s", "potential_v", "potential_spread_v", "current_ma",
    "charge_mah", "cycle", "half_cycle", "step", "sweep", "background_mean", "background_centroid_cm1",
)  # fmt: skip
_HIDDEN = ("source", "scan_index", "flags")


def write_tables(result: AnalysisResult, folder: Path) -> None:
    """Write ``assignments.csv``, ``components.csv``, ``timeline.csv`` and, with a background, ``bleaching.csv``."""
    from ..assignment.report_table import ASSIGNMENT_COLUMNS, assignment_rows

    _write(folder / "assignments.csv", ASSIGNMENT_COLUMNS, assignment_rows(result.assignments))
    names, rows = _components(result)
    _write(folder / "components.csv", names, rows)
    if result.fluorescence is not None:
        _write(folder / "bleaching.csv", BLEACHING_COLUMNS, bleaching_rows(result.fluorescence))
    names, rows = timeline_rows(result)
    _write(folder / "timeline.csv", names, rows)


def _write(path: Path, names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, fieldnames=list(names), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def _number(value: Any, digits: int = 9) -> str:
    """Return a number as text; empty for what is not known."""
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    return f"{float(value):.{digits}g}" if np.isfinite(value) else ""


def _components(result: AnalysisResult) -> tuple[list[str], list[dict[str, str]]]:
    axis = "shift_cm1" if result.dataset.axis_unit == "cm-1" else "wavelength_nm"
    found = result.decomposition
    names = [axis] if found is None else [axis, *component_labels(result)]
    spectra = np.zeros((0, result.dataset.n_channels)) if found is None else found.spectra
    rows = [
        {names[0]: _number(x), **{n: _number(s) for n, s in zip(names[1:], spectra[:, k], strict=True)}}
        for k, x in enumerate(result.dataset.shift)
    ]
    return names, rows


def component_labels(result: AnalysisResult) -> list[str]:
    """Return one short label a component, counted from 1 as in the report: ``component_1`` …"""
    return (
        [] if result.decomposition is None else [f"component_{k + 1}" for k in range(len(result.decomposition.names))]
    )


def timeline_rows(result: AnalysisResult) -> tuple[list[str], list[dict[str, str]]]:
    """Return column names and rows of ``timeline.csv``; what is unknown stays empty."""
    dataset = result.dataset
    columns: dict[str, Any] = dict(dataset.columns)
    columns.setdefault("frame", dataset.frame_of())
    order = [n for n in _TIMELINE if n in columns]
    order += [n for n in columns if n not in order and n not in _HIDDEN]
    labels = component_labels(result)
    start = dataset.metadata.started_at
    sources = [s.path for s in dataset.metadata.sources]
    source = columns.get("source")
    unknown_if_minus = {"cycle", "half_cycle", "step"}
    rows = []
    for i in range(dataset.n_spectra):
        row = {"spectrum": str(i), "file": _file_of(i, sources, source), "time_utc": ""}
        seconds = columns.get("time_s")
        if start is not None and seconds is not None and np.isfinite(seconds[i]):
            row["time_utc"] = (start + timedelta(seconds=float(seconds[i]))).isoformat()
        for name in order:
            value = columns[name][i]
            row[name] = "" if name in unknown_if_minus and value < 0 else _number(value)
        for k, label in enumerate(labels):
            assert result.decomposition is not None
            row[label] = _number(result.decomposition.concentrations[i, k], 7)
        row["flags"] = SpectrumFlag.words(int(columns["flags"][i])) if "flags" in columns else ""
        rows.append(row)
    return ["spectrum", "file", "time_utc", *order, *labels, "flags"], rows


def _file_of(i: int, sources: Sequence[str], source: Any) -> str:
    if not sources:
        return ""
    return Path(sources[int(source[i]) if source is not None else 0]).name
