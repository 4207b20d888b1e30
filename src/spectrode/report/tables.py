"""Tidy CSV tables: assignments, components, and one row a spectrum."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ..columns import SpectrumFlag
from ..errors import SpectrodeError
from ..results import AnalysisResult
from .fluorescence import BLEACHING_COLUMNS, bleaching_rows

__all__ = ["timeline_rows", "write_limits", "write_tables"]

# In the order in which the table shows them; further columns of the dataset follow.
_TIMELINE = (
    "frame", "x_um", "y_um", "z_um", "time_s", "exposure_s", "potential_v", "potential_spread_v", "current_ma",
    "charge_mah", "cycle", "half_cycle", "step", "sweep", "background_mean", "background_centroid_cm1",
)  # fmt: skip
_HIDDEN = ("source", "scan_index", "flags")


def write_tables(result: AnalysisResult, folder: Path) -> None:
    """Write ``assignments.csv``, ``components.csv``, ``timeline.csv``, and what else the analysis found."""
    from ..assignment.report_table import ASSIGNMENT_COLUMNS, PEAK_COLUMNS, assignment_rows, peak_table_rows

    _write(folder / "assignments.csv", ASSIGNMENT_COLUMNS, assignment_rows(result.assignments))
    if result.peaks:
        _write(folder / "peaks.csv", PEAK_COLUMNS, peak_table_rows(list(result.peaks)))
    names, rows = _components(result)
    _write(folder / "components.csv", names, rows)
    if result.fluorescence is not None:
        _write(folder / "bleaching.csv", BLEACHING_COLUMNS, bleaching_rows(result.fluorescence))
    names, rows = timeline_rows(result)
    _write(folder / "timeline.csv", names, rows)


def write_limits(result: AnalysisResult, path: Path, ids: Sequence[str] = ()) -> int:
    """Write for every species, or for some, the least amount that would have been assigned; return the rows written.

    The height is that of its strongest band in the component's unit: times the concentration it is in counts.
    """
    from .._atomic import atomic_file
    from ..assignment.limits import LIMIT_COLUMNS, detection_limits, limit_rows
    from ..library import load_library

    if result.decomposition is None:
        raise SpectrodeError("there are no components, so nothing can be said about detection limits")
    limits = detection_limits(
        result.dataset.shift, result.decomposition.spectra, load_library(), settings=result.recipe.assignment
    )
    rows = limit_rows([d for d in limits if not ids or d.compound_id in ids])
    with atomic_file(path) as temporary:
        _write(temporary, LIMIT_COLUMNS, rows)
    return len(rows)


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
    found, bands = result.decomposition, result.bands
    columns: dict[str, Any] = {}
    for k, label in enumerate(component_labels(result)):
        assert found is not None
        columns[label] = found.spectra[k]
        if bands is not None:
            columns[f"{label}_low"], columns[f"{label}_high"] = bands.spectra_lower[k], bands.spectra_upper[k]
    names = [axis, *columns]
    rows = [
        {axis: _number(x), **{name: _number(values[i]) for name, values in columns.items()}}
        for i, x in enumerate(result.dataset.shift)
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
            if result.bands is not None:
                row[f"{label}_low"] = _number(result.bands.concentrations_lower[i, k], 7)
                row[f"{label}_high"] = _number(result.bands.concentrations_upper[i, k], 7)
        row["flags"] = SpectrumFlag.words(int(columns["flags"][i])) if "flags" in columns else ""
        rows.append(row)
    ends = ("", "_low", "_high") if result.bands is not None else ("",)
    return ["spectrum", "file", "time_utc", *order, *(f"{n}{end}" for n in labels for end in ends), "flags"], rows


def _file_of(i: int, sources: Sequence[str], source: Any) -> str:
    if not sources:
        return ""
    return Path(sources[int(source[i]) if source is not None else 0]).name
