"""The table of assignments as it is written to ``assignments.csv``."""

from __future__ import annotations

from collections.abc import Iterable

from .match import Assignment

__all__ = ["ASSIGNMENT_COLUMNS", "assignment_rows"]

ASSIGNMENT_COLUMNS = (
    "component",
    "compound_id",
    "compound",
    "score",
    "q_value",
    "evidence",
    "kind",
    "matched_bands_cm1",
    "missing_bands_cm1",
    "unexplained_bands_cm1",
    "onset_potential_v",
    "verdict",
    "status",
    "alternatives",
)


def assignment_rows(assignments: Iterable[Assignment]) -> list[dict[str, str]]:
    """Return one row of text per assignment, in the order of :data:`ASSIGNMENT_COLUMNS`.

    Components are counted from 1, as in the report and in ``components.csv``. Lists are joined by ``;``. What is not
    known is empty, so that 0 always means nought. ``verdict`` stays empty until the dose analysis fills it.
    """
    return [
        {
            "component": str(a.component + 1),
            "compound_id": a.compound_id or "",
            "compound": a.compound,
            "score": f"{a.score:.3f}",
            "q_value": "" if a.q_value is None else f"{a.q_value:.4g}",
            "evidence": a.evidence,
            "kind": a.kind,
            "matched_bands_cm1": _joined(m.observed_cm1 for m in a.matched),
            "missing_bands_cm1": _joined(a.missing_cm1),
            "unexplained_bands_cm1": _joined(a.unexplained_cm1),
            "onset_potential_v": "" if a.onset_potential_v is None else f"{a.onset_potential_v:.3f}",
            "verdict": "",
            "status": a.status,
            "alternatives": ";".join(a.alternatives),
        }
        for a in assignments
    ]


def _joined(positions: Iterable[float]) -> str:
    return ";".join(f"{p:.1f}" for p in positions)
