"""What stands beside the names: where a component appears, what it follows, and physical cross-checks of its spectrum.

None of it enters the score of an assignment. Whoever reads a name sees it together with what speaks for and against it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .dataset import OperandoDataset
from .errors import Cancelled

if TYPE_CHECKING:
    from .assignment import Assignment
    from .assignment.electrochemical import ElectrochemicalEvidence
    from .library.collection import Library
    from .unmixing.result import Decomposition

__all__ = ["ComponentEvidence", "component_evidence"]

_COORDINATING = ("ec", "dmc", "pc", "emc", "dec", "fec")
"""Solvents with a band of their own when bound to lithium, where the library has both."""
_CARBON_CM1 = (1200.0, 1700.0)


@dataclass(frozen=True)
class ComponentEvidence:
    """What is known of one component beside its bands."""

    component: int
    """0-based."""
    follows: str
    """potential, charge, time or dose only, confounded or constant; unknown without a potential."""
    appears_v: float | None
    """First potential at which it appears, of the first sweep that shows one."""
    appears_low_v: float | None
    appears_high_v: float | None
    """95 % interval."""
    sentences: tuple[str, ...]
    """Electrochemical: where it appears, what it follows, and whether the window of each candidate allows that."""
    checks: tuple[str, ...]
    """Physical: coordination of solvents, order of carbon."""


def component_evidence(
    dataset: OperandoDataset,
    decomposition: Decomposition,
    assignments: Sequence[Assignment],
    library: Library,
    *,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[ComponentEvidence, ...]:
    """Gather the evidence for each component.

    Parameters
    ----------
    dataset
        With the columns that are known: potential, charge, time, dose, cycle.
    decomposition, assignments
        Components, and the names they may have.
    library
        For the windows of potential and the positions of bound and free solvent.

    Raises
    ------
    Cancelled
        If ``should_stop`` says so.
    """
    ids = [
        tuple(a.compound_id for a in assignments if a.component == k and a.compound_id is not None)
        for k in range(decomposition.n_components)
    ]
    found = _electrochemical(dataset, decomposition, ids, library)
    rows = []
    for k in range(decomposition.n_components):
        if should_stop is not None and should_stop():
            raise Cancelled("the analysis was cancelled")
        evidence = found[k] if found else None
        onset = None if evidence is None else _first_onset(evidence)
        rows.append(
            ComponentEvidence(
                component=k,
                follows="unknown" if evidence is None else evidence.follows.verdict,
                appears_v=None if onset is None else onset[0],
                appears_low_v=None if onset is None else onset[1],
                appears_high_v=None if onset is None else onset[2],
                sentences=() if evidence is None else tuple(evidence.words),
                checks=_checks(dataset, decomposition.spectra[k], ids[k], library),
            )
        )
    return tuple(rows)


def _electrochemical(
    dataset: OperandoDataset, decomposition: Decomposition, ids: Sequence[tuple[str, ...]], library: Library
) -> tuple[ElectrochemicalEvidence, ...]:
    potential = dataset.columns.get("potential_v")
    if potential is None or not np.isfinite(potential).any():
        return ()
    from .assignment.electrochemical import electrochemical_evidence

    names = [f"component {k + 1}" for k in range(decomposition.n_components)]
    return electrochemical_evidence(dataset, decomposition.concentrations, names, library, candidates=ids)


def _first_onset(evidence: ElectrochemicalEvidence) -> tuple[float, float, float] | None:
    for point in evidence.points:
        if point.kind == "onset" and not point.reason and math.isfinite(point.potential_v):
            return (float(point.potential_v), float(point.interval_v[0]), float(point.interval_v[1]))
    return None


def _checks(dataset: OperandoDataset, spectrum: np.ndarray, ids: Sequence[str], library: Library) -> tuple[str, ...]:
    if dataset.axis_kind != "raman_shift":
        return ()
    from .assignment.crosschecks import coordination, fit_carbon

    words: list[str] = []
    solvents = [i for i in ids if i in _COORDINATING]
    if solvents:
        others = [i for i in ids if i not in solvents]
        pairs = coordination(dataset.shift, spectrum, library, solvents, present=others)
        words += [pair.words for pair in pairs if pair.status != "absent"]
    low, high = _CARBON_CM1
    if dataset.shift[0] <= low and dataset.shift[-1] >= high:
        carbon = fit_carbon(dataset.shift, spectrum)
        if carbon.found:
            words.append(carbon.words)
    return tuple(words)
