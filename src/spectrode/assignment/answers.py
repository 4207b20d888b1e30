"""What the assignment states: the records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["UNASSIGNED", "Assignment", "BandMatch", "PeakRow", "Status"]

Status = Literal["assigned", "candidate", "ambiguous", "unassigned"]
UNASSIGNED = "unassigned"


@dataclass(frozen=True)
class BandMatch:
    """One peak explained by one reference band."""

    observed_cm1: float
    reference_cm1: float
    uncertainty_cm1: float
    """Combined standard uncertainty of the comparison: band, axis and fit."""
    assignment: str


@dataclass(frozen=True)
class Assignment:
    """One statement about one component spectrum."""

    component: int
    """0-based."""
    compound_id: str | None
    compound: str
    """Name of the species, or "unassigned"."""
    score: float
    """0–1, larger is better: the share of the bands to be expected that is there, each by how well it agrees."""
    q_value: float | None
    """Least rate of false discoveries at which this assignment is still accepted; None where nothing can be said."""
    evidence: str
    """Weakest standing among the bands matched, and how many of their positions were seen and how many are recalled."""
    kind: str
    """What the reference is: band_list, measured, digitised or computed; with its folder if it is not a bundled one."""
    matched: tuple[BandMatch, ...]
    missing_cm1: tuple[float, ...]
    """Reference bands in range that should stand above the noise and do not."""
    unexplained_cm1: tuple[float, ...]
    """Peaks of the component that none of its assigned species explains."""
    status: Status
    alternatives: tuple[str, ...] = ()
    """Ids of entries that explain the same peaks about as well."""
    note: str = ""
    onset_potential_v: float | None = None
    indistinguishable: tuple[str, ...] = ()
    """Ids of all entries, this one included, that nothing in a spectrum of this resolution, range and noise could tell
    from it, the library's own uncertainty taken into account; empty if it stands alone."""
    posterior: float | None = None
    """Probability beside "something else" and the alternatives, by the model and its prior. Not calibrated: see
    ``q_value``."""
    log_evidence: float | None = None
    """Natural logarithm of the odds for the species against its absence, prior included, less what high peaks that
    nobody explains cost: what the q-value is read from."""
    amount: float | None = None
    """Height of the species' strongest band in range, in the units of the component spectrum."""


@dataclass(frozen=True)
class PeakRow:
    """One line of the table of peaks: matched, missing though expected, or present though unexplained."""

    component: int
    kind: Literal["matched", "missing", "unexplained"]
    compound_id: str | None
    position_cm1: float
    """Where the peak is, or should be."""
    reference_cm1: float | None
    uncertainty_cm1: float
    """Of the comparison; of the peak alone if nothing explains it."""
    height: float
    """Of the peak; of a missing band the height that the other bands of its species lead to expect."""
    fwhm_cm1: float | None
    snr: float
    """Of the peak as it was found; of a missing band the expected height over the noise of a channel."""
    detection_limit: float
    """Height from which a peak of this width is found."""
    assignment: str
