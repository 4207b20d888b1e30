"""From component spectra to named species, with evidence, alternatives, and "unassigned" as a proper answer."""

from .match import UNASSIGNED, Assignment, BandMatch, assign_components, assign_peaks
from .peaks import Peak, find_peaks, noise_level
from .report_table import ASSIGNMENT_COLUMNS, assignment_rows
from .settings import AssignmentSettings

__all__ = [
    "ASSIGNMENT_COLUMNS",
    "UNASSIGNED",
    "Assignment",
    "AssignmentSettings",
    "BandMatch",
    "Peak",
    "assign_components",
    "assign_peaks",
    "assignment_rows",
    "find_peaks",
    "noise_level",
]
