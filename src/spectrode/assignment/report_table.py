"""The table of assignments as it is written to ``assignments.csv``."""

from __future__ import annotations

from collections.abc import Iterable

from .answers import Assignment, PeakRow

__all__ = ["ASSIGNMENT_COLUMNS", "PEAK_COLUMNS", "assignment_rows", "peak_table_rows"]

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
    "indistinguishable",
    "posterior",
    "log_evidence",
    "amount",
    "note",
)

PEAK_COLUMNS = (
    "component",
    "kind",
    "compound_id",
    "position_cm1",
    "reference_cm1",
    "uncertainty_cm1",
    "height",
    "fwhm_cm1",
    "snr",
    "detection_limit",
    "assignment",
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
            "indistinguishable": ";".join(a.indistinguishable),
            "posterior": "" if a.posterior is None else f"{a.posterior:.4f}",
            "log_evidence": "" if a.log_evidence is None else f"{a.log_evidence:.2f}",
            "amount": "" if a.amount is None else f"{a.amount:.4g}",
            "note": a.note,
        }
        for a in assignments
    ]


def peak_table_rows(rows: Iterable[PeakRow]) -> list[dict[str, str]]:
    """Return one row of text per peak or missing band, in the order of :data:`PEAK_COLUMNS`; components from 1."""
    return [
        {
            "component": str(r.component + 1),
            "kind": r.kind,
            "compound_id": r.compound_id or "",
            "position_cm1": f"{r.position_cm1:.1f}",
            "reference_cm1": "" if r.reference_cm1 is None else f"{r.reference_cm1:.1f}",
            "uncertainty_cm1": f"{r.uncertainty_cm1:.2f}",
            "height": f"{r.height:.4g}",
            "fwhm_cm1": "" if r.fwhm_cm1 is None else f"{r.fwhm_cm1:.1f}",
            "snr": f"{r.snr:.1f}",
            "detection_limit": f"{r.detection_limit:.4g}",
            "assignment": r.assignment,
        }
        for r in rows
    ]


def _joined(positions: Iterable[float]) -> str:
    return ";".join(f"{p:.1f}" for p in positions)
