"""From component spectra to named species, with evidence, alternatives, and "unassigned" as a proper answer."""

from .answers import UNASSIGNED, Assignment, BandMatch, PeakRow
from .match import assign_components, assign_peaks, peak_table
from .peaks import Peak, find_peaks, noise_level
from .report_table import ASSIGNMENT_COLUMNS, PEAK_COLUMNS, assignment_rows, peak_table_rows
from .settings import AssignmentSettings

__all__ = [
    "ASSIGNMENT_COLUMNS",
    "PEAK_COLUMNS",
    "UNASSIGNED",
    "Assignment",
    "AssignmentSettings",
    "BandMatch",
    "Peak",
    "PeakRow",
    "assign_components",
    "assign_peaks",
    "assignment_rows",
    "find_peaks",
    "noise_level",
    "peak_table",
    "peak_table_rows",
]
