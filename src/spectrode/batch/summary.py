"""The few numbers of an experiment that the index shows, and its small picture."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from ..report.style import COLOURS, RC
from ..results import AnalysisResult

__all__ = ["summarise", "thumbnail"]

_DASHES = ("-", "--", "-.", ":")
_MARKS = ("o", "s", "^", "D")


def summarise(result: AnalysisResult) -> dict[str, Any]:
    """Return the numbers of the index; what is unknown is None."""
    dataset = result.dataset
    begin, end = _exposures(result)
    known = np.isfinite(begin) & np.isfinite(end)
    potential = np.asarray(dataset.columns.get("potential_v", np.zeros(0)), dtype=float)
    potential = potential[np.isfinite(potential)]
    start = dataset.metadata.started_at or dataset.metadata.local_start
    found = result.decomposition
    return {
        "title": result.title,
        "recipe": result.recipe.name,
        "started_at": None if start is None else start.isoformat(),
        "spectra": dataset.n_spectra,
        "frames": int(dataset.frame_of().max()) + 1 if dataset.n_spectra else 0,
        "duration_s": float(end[known].max() - begin[known].min()) if known.any() else None,
        "potential_min_v": float(potential.min()) if potential.size else None,
        "potential_max_v": float(potential.max()) if potential.size else None,
        "reference": dataset.metadata.cell.reference_electrode if potential.size else None,
        "components": 0 if found is None else found.n_components,
        "lack_of_fit_percent": None if found is None else float(found.lack_of_fit_percent),
        "assignments": [
            {"component": a.component + 1, "compound": a.compound, "status": a.status}
            for a in result.assignments
            if a.compound_id is not None
        ],
        "warnings": len(result.warnings),
    }


def _exposures(result: AnalysisResult) -> tuple[Any, Any]:
    if "time_s" not in result.dataset.columns:
        return np.zeros(0), np.zeros(0)
    return result.dataset.exposure_bounds_s


def thumbnail(result: AnalysisResult) -> str:
    """Draw the concentrations against potential (or time) so small that twenty fit on a page; SVG text.

    Lines join the medians of frames in time order; each component is scaled to its own maximum. Without an unmixing it
    is the mean spectrum.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({**RC, "font.size": 7, "axes.labelsize": 7, "svg.hashsalt": "spectrode"}):
        figure = Figure(figsize=(2.3, 1.25), layout="constrained")
        ax = figure.subplots()
        ax.tick_params(labelsize=6.5, length=2, pad=1.5)
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        if not _concentrations(ax, result):
            mean = np.nanmean(np.asarray(result.dataset.intensity, dtype=float), axis=0)
            ax.plot(result.dataset.shift, mean, color="black", lw=0.8)
            ax.set_xlabel(result.dataset.axis_label, labelpad=1)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]


def _concentrations(ax: Any, result: AnalysisResult) -> bool:
    found, dataset = result.decomposition, result.dataset
    if found is None:
        return False
    potential = dataset.columns.get("potential_v")
    if potential is not None and np.isfinite(potential).any():
        x, label = np.asarray(potential, dtype=float), f"E / V vs {dataset.metadata.cell.reference_electrode}"
    elif "time_s" in dataset.columns and np.isfinite(dataset.columns["time_s"]).any():
        x, label = dataset.mid_time_s / 60.0, "time / min"
    else:
        x, label = np.arange(dataset.n_spectra, dtype=float), "spectrum"
    frame = dataset.frame_of()
    groups = [frame == k for k in range(int(frame.max()) + 1)]
    if len(groups) < 2:
        groups = np.array_split(np.arange(dataset.n_spectra), min(24, dataset.n_spectra))
    centres = np.array([_median(x[g]) for g in groups])
    for k, values in enumerate(found.concentrations.T):
        medians = np.array([_median(values[g]) for g in groups])
        top = np.nanmax(medians) if np.isfinite(medians).any() else 0.0
        # A line style and a mark of its own, so that colour is not all that tells components apart.
        style = {"ls": _DASHES[k % len(_DASHES)], "marker": _MARKS[k % len(_MARKS)], "color": COLOURS[k % len(COLOURS)]}
        ax.plot(centres, medians / (top if top > 0 else 1.0), lw=0.9, ms=1.8, **style)
    ax.set_ylim(-0.06, 1.1)
    ax.set_xlabel(label, labelpad=1)
    return True


def _median(values: Any) -> float:
    good = values[np.isfinite(values)]
    return float(np.median(good)) if good.size else float("nan")
