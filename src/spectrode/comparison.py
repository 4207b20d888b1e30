"""Says whether a repeated analysis gave the same result."""

from __future__ import annotations

from typing import Any

import numpy as np

from .results import AnalysisResult

__all__ = ["compare"]


def compare(old: AnalysisResult, new: AnalysisResult) -> list[str]:
    """Return sentences about what differs between two results of one experiment, and one that sums up."""
    lines = [
        _numbers("processed spectra", old.dataset.intensity, new.dataset.intensity),
        _numbers("background", old.background, new.background),
    ]
    one, two = old.decomposition, new.decomposition
    if one is not None or two is not None:
        lines.append(_numbers("component spectra", getattr(one, "spectra", None), getattr(two, "spectra", None)))
        lines.append(
            _numbers("concentrations", getattr(one, "concentrations", None), getattr(two, "concentrations", None))
        )
    names = [[(a.component, a.compound_id, a.status) for a in r.assignments] for r in (old, new)]
    lines.append(
        "assignments: the same" if names[0] == names[1] else f"assignments: differ ({names[0]} and {names[1]})"
    )
    changed = {
        key: (old.versions.get(key), new.versions.get(key))
        for key in (*old.versions, *new.versions)
        if old.versions.get(key) != new.versions.get(key)
    }
    lines += [f"version of {key}: was {was}, is {now}" for key, (was, now) in changed.items()]
    same = all(line.endswith(("the same", "identical")) for line in lines if not line.startswith("version"))
    lines.append("the result is the same" if same else "the result is NOT the same")
    return lines


def _numbers(what: str, old: Any, new: Any) -> str:
    if old is None and new is None:
        return f"{what}: none in either; the same"
    if old is None or new is None or np.shape(old) != np.shape(new):
        return f"{what}: differ in shape ({np.shape(old)} and {np.shape(new)})"
    a, b = np.asarray(old, dtype=float), np.asarray(new, dtype=float)
    if np.array_equal(a, b, equal_nan=True):
        return f"{what}: identical"
    scale = float(np.nanmax(np.abs(a))) or 1.0
    worst = float(np.nanmax(np.abs(a - b))) / scale
    # Different linear-algebra libraries round differently; below this nobody could tell the results apart.
    return f"{what}: equal to {worst:.1e} of the largest value; " + ("the same" if worst < 1e-6 else "they differ")
