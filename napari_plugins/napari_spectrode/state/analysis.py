"""What `Analyse` asks of the core, and how its answer reads in a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrode.dataset import OperandoDataset
from spectrode.electrochemistry.trace import Trace

from .join import AS_THE_FILES_SAY, JoinSettings

__all__ = [
    "ASSIGNMENT_HEADER",
    "AnalysisRequest",
    "AssignmentRow",
    "ComponentView",
    "assignment_rows",
    "component_name",
    "component_title",
    "component_view",
    "progress_percent",
    "recipe_names",
]

ASSIGNMENT_HEADER = (
    "Component",
    "Compound",
    "Status",
    "Score",
    "Evidence",
    "Matched (cm⁻¹)",
    "Missing (cm⁻¹)",
    "Unexplained (cm⁻¹)",
)


def recipe_names() -> tuple[str, ...]:
    """Return the bundled recipes, the one for a forming SEI first."""
    from spectrode.pipeline.recipe import bundled_recipes

    names = list(bundled_recipes())
    return tuple(sorted(names, key=lambda name: (name != "sei-shiners", name)))


@dataclass(frozen=True, eq=False)
class AnalysisRequest:
    """Everything the core needs for one run; frozen, so that a run is not changed by what is clicked meanwhile."""

    dataset: OperandoDataset
    trace: Trace | None
    recipe: Any
    settings: JoinSettings = AS_THE_FILES_SAY

    def run(
        self,
        progress: Callable[[str, int, int], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        analyse: Callable[..., Any] | None = None,
    ) -> Any:
        """Run the analysis and return its ``AnalysisResult``; ``analyse`` replaces the core's own in tests."""
        from spectrode.analysis import analyse as the_cores_own

        return (analyse or the_cores_own)(
            self.dataset,
            trace=self.trace,
            recipe=self.recipe,
            offset_s=self.settings.offset_s,
            offset_from=self.settings.offset_from,
            timezone=self.settings.timezone,
            reference=self.settings.reference,
            progress=progress,
            should_stop=should_stop,
        )


@dataclass(frozen=True)
class AssignmentRow:
    """One line of the table, as text, with a longer explanation for the tooltip."""

    component: int
    cells: tuple[str, ...]
    explanation: str
    matched_cm1: tuple[float, ...] = ()


def assignment_rows(result: Any) -> tuple[AssignmentRow, ...]:
    """One row an assignment; a component without any is a row "unassigned", not left out."""
    if result is None:
        return ()
    by_component: dict[int, list[Any]] = {}
    for assignment in result.assignments:
        by_component.setdefault(assignment.component, []).append(assignment)
    for k in range(0 if result.decomposition is None else len(result.decomposition.names)):
        by_component.setdefault(k, [])
    return tuple(
        _row(k, component_name(result, k), assignment)
        for k in sorted(by_component)
        for assignment in by_component[k] or [None]
    )


def component_name(result: Any, component: int) -> str:
    """Return the component's own name, and whether it was given instead of found."""
    decomposition = result.decomposition
    if decomposition is None or component >= len(decomposition.names):
        return f"component {component + 1}"
    known = getattr(decomposition, "known", ())
    given = " (given)" if component < len(known) and known[component] else ""
    return f"{decomposition.names[component]}{given}"


def component_title(result: Any, component: int) -> str:
    """Return what a component is, in words: all compounds it is assigned to, or the best candidate, or its name."""
    found = [a for a in result.assignments if a.component == component and a.compound_id is not None]
    assigned = [a.compound for a in found if a.status == "assigned"]
    if assigned:
        return " + ".join(dict.fromkeys(assigned))
    if found:
        return f"{found[0].compound} ({found[0].status})"
    return f"unassigned: {component_name(result, component)}"


def _row(component: int, name: str, assignment: Any) -> AssignmentRow:
    if assignment is None:
        return AssignmentRow(component, (name, "unassigned", "unassigned", *[""] * 5), "no assignment was attempted")
    evidence = " · ".join(part.replace("_", " ") for part in (assignment.evidence, assignment.kind) if part)
    cells = (
        name,
        assignment.compound,
        assignment.status,
        _score_text(assignment),
        evidence,
        ", ".join(f"{band.observed_cm1:.0f}" for band in assignment.matched),
        ", ".join(f"{x:.0f}" for x in assignment.missing_cm1),
        ", ".join(f"{x:.0f}" for x in assignment.unexplained_cm1),
    )
    matched = tuple(float(band.observed_cm1) for band in assignment.matched)
    return AssignmentRow(component, cells, _explanation(assignment), matched)


def _score_text(assignment: Any) -> str:
    # An unassigned component has no candidate to score: a number would read as one.
    score = "" if assignment.compound_id is None or not np.isfinite(assignment.score) else f"{assignment.score:.2f}"
    return score if assignment.q_value is None else f"{score} (q = {assignment.q_value:.2g})"


def _explanation(assignment: Any) -> str:
    lines = [
        f"{b.observed_cm1:.1f} cm⁻¹ matches {b.reference_cm1:.1f} ± {b.uncertainty_cm1:.1f} cm⁻¹: {b.assignment}"
        for b in assignment.matched
    ]
    if assignment.alternatives:
        lines.append("Alternatives: " + ", ".join(assignment.alternatives))
    if assignment.onset_potential_v is not None:
        lines.append(f"First seen at {assignment.onset_potential_v:.2f} V")
    if assignment.note:
        lines.append(assignment.note)
    return "\n".join(lines)


def progress_percent(done: int, total: int) -> int | None:
    """Return whole percent, or None where the end is not known (the bar then runs without one)."""
    return None if total <= 0 else int(np.clip(100 * done // total, 0, 100))


@dataclass(frozen=True, eq=False)
class ComponentView:
    """A component's spectrum, scaled to be compared with the one in the plot, and the bands that were matched."""

    shift: NDArray[np.float64]
    intensity: NDArray[np.float64]
    label: str
    marks: tuple[float, ...]


def component_view(result: Any, row: AssignmentRow, beside: NDArray[Any] | None) -> ComponentView:
    """Return one component for the plot.

    A component is some hundred counts on zero, a raw spectrum some thousand on a background: to be compared by eye it
    is stretched to the height of the spectrum ``beside`` it, and its label says so.
    """
    spectrum = np.asarray(result.decomposition.spectra[row.component], dtype=float)
    finite = np.zeros(0) if beside is None else np.asarray(beside, dtype=float)[np.isfinite(beside)]
    if finite.size:
        floor, height = float(finite.min()), float(np.ptp(finite)) or 1.0
        spectrum = floor + height * spectrum / (float(np.nanmax(spectrum)) or 1.0)
    label = f"{row.cells[0]} (scaled)"
    return ComponentView(result.dataset.shift, spectrum, label, row.matched_cm1)
