"""The vocabulary of per-spectrum columns: name, unit, meaning, and what must accompany each.

A column not listed here is legal (it is carried along untouched); one that is must
have the listed kind of values.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

__all__ = ["COLUMNS", "Column", "SpectrumFlag", "unit_of"]


class SpectrumFlag(IntFlag):
    """What is wrong with, or was done to, one spectrum; kept bitwise in the column ``flags``."""

    ALL_ZERO = 1
    NO_TIME = 2
    OUTSIDE_TRACE = 4
    SATURATED = 8
    DESPIKED = 16
    NOT_FINITE = 32
    EVENT = 64
    """Holds an event of its own (a missed cosmic ray, a single flash) and took no part in finding components."""

    @classmethod
    def words(cls, value: int) -> str:
        """Return the names of the set flags, joined by ``+`` (empty text for none)."""
        return "+".join(str(flag.name).lower() for flag in cls if value & flag)


@dataclass(frozen=True)
class Column:
    """One word of the vocabulary."""

    name: str
    unit: str
    meaning: str
    kind: str = "float"
    """``float`` or ``int``: what the values are stored as."""


_VOCABULARY = (
    Column(
        "time_s",
        "s",
        "time stamp after metadata.started_at; the begin of the exposure unless stamp_refers_to differs",
    ),
    Column("exposure_s", "s", "light collected for this spectrum, all accumulations together"),
    Column("irradiation_s", "s", "light on the sample for this spectrum, with exposures that a cosmic-ray filter adds"),
    Column("x_um", "µm", "stage position, x"),
    Column("y_um", "µm", "stage position, y"),
    Column("z_um", "µm", "stage position, z (focus)"),
    Column("distance_um", "µm", "distance along a line scan"),
    Column("power_mw", "mW", "laser power at the sample"),
    Column("temperature_c", "°C", "temperature of the sample stage or cell"),
    Column("potential_v", "V", "mean potential during the exposure, versus metadata.cell.reference_electrode"),
    Column("potential_spread_v", "V", "maximum minus minimum potential during the exposure"),
    Column("current_ma", "mA", "mean current during the exposure; cathodic is negative (IUPAC)"),
    Column("charge_mah", "mAh", "charge passed since the start of the trace, at mid-exposure"),
    Column("cycle", "1", "cycle number; -1 is unknown", "int"),
    Column("half_cycle", "1", "half-cycle number; -1 is unknown", "int"),
    Column("step", "1", "sequence number of the technique (Ns); -1 is unknown", "int"),
    Column("sweep", "1", "+1 potential rising (or charging), -1 falling, 0 at rest", "int"),
    Column("frame", "1", "index of the map in a series of maps", "int"),
    Column("source", "1", "index into metadata.sources", "int"),
    Column("scan_index", "1", "place in the flattened scan_shape (C order)", "int"),
    Column("dose_j_per_um2", "J/µm²", "laser energy per area received up to the end of this exposure"),
    Column("flags", "1", "SpectrumFlag bits", "int"),
    Column("background_mean", "counts", "mean of the removed background (fluorescence)"),
    Column("background_centroid_cm1", "cm⁻¹", "intensity-weighted mean position of the removed background"),
)

COLUMNS: dict[str, Column] = {column.name: column for column in _VOCABULARY}


def unit_of(name: str) -> str:
    """Return the unit of a column, or an empty text if the vocabulary does not know it."""
    column = COLUMNS.get(name)
    return column.unit if column else ""
