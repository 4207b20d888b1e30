"""Small frozen records that say where spectra come from. Everything unknown is ``None``, never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from ._time import resolve_local, with_fixed_offset
from .errors import InvalidDataset

__all__ = ["Cell", "FieldImage", "Instrument", "Laser", "Metadata", "Sample", "SourceFile"]

StampKind = Literal["start", "middle", "end", "unknown"]


@dataclass(frozen=True)
class Laser:
    """The excitation. ``power_mw`` is at the sample; a vendor's percentage is kept as ``power_fraction``."""

    wavelength_nm: float | None = None
    power_mw: float | None = None
    power_fraction: float | None = None
    spot_um: float | None = None
    """1/e² intensity radius at the sample."""

    def __post_init__(self) -> None:
        for name in ("wavelength_nm", "power_mw", "spot_um"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise InvalidDataset(f"laser {name} must not be negative, but {value!r} was given")


@dataclass(frozen=True)
class Instrument:
    """The spectrometer and how it was set."""

    vendor: str | None = None
    model: str | None = None
    software: str | None = None
    objective: str | None = None
    grating: str | None = None
    detector: str | None = None
    accumulations: int | None = None


@dataclass(frozen=True)
class Sample:
    """What was looked at."""

    name: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class Cell:
    """The electrochemical cell. Potentials cannot be held without ``reference_electrode``."""

    reference_electrode: str | None = None
    electrolyte: str | None = None
    window: str | None = None


@dataclass(frozen=True)
class SourceFile:
    """A file that went into the dataset; ``sha256`` lets a rerun notice that it changed."""

    path: str
    reader: str
    sha256: str
    """Empty if the file was opened lazily, so that its content was never read as a whole."""
    size_bytes: int
    role: Literal["spectra", "trace"] = "spectra"
    options: Mapping[str, Any] = field(default_factory=dict)
    """Reader options that were given, so that the file can be read the same way again."""


@dataclass(frozen=True, eq=False)
class FieldImage:
    """A white-light image in register with the stage."""

    name: str
    pixels: Any
    """(rows, columns) or (rows, columns, 3) array; row 0 is the top of the picture."""
    x_um: tuple[float, float] | None = None
    """Stage x of the left and right edge."""
    y_um: tuple[float, float] | None = None
    """Stage y of the top and bottom edge."""


@dataclass(frozen=True)
class Metadata:
    """All that is known about a dataset besides its numbers."""

    title: str | None = None
    started_at: datetime | None = None
    """Absolute start (timezone-aware): the zero of ``time_s``."""
    local_start: datetime | None = None
    """The start as the file writes it, when the file gives no time zone (naive); see :meth:`in_zone`."""
    stamp_refers_to: StampKind = "unknown"
    """Which moment of an exposure ``time_s`` names; ``unknown`` is treated as the begin."""
    times_derived: bool = False
    """True if ``time_s`` was computed from a nominal step instead of read for each spectrum."""
    laser: Laser = Laser()
    instrument: Instrument = Instrument()
    sample: Sample = Sample()
    cell: Cell = Cell()
    sources: tuple[SourceFile, ...] = ()
    warnings: tuple[str, ...] = ()
    images: tuple[FieldImage, ...] = ()
    vendor: Mapping[str, Any] = field(default_factory=dict)
    """The vendor's own header tree, untouched."""

    def __post_init__(self) -> None:
        if self.started_at is not None and self.started_at.utcoffset() is None:
            raise InvalidDataset(
                f"started_at must carry a time zone, but {self.started_at.isoformat()} has none; "
                "put a time without a zone into local_start"
            )
        if self.started_at is not None:
            object.__setattr__(self, "started_at", with_fixed_offset(self.started_at))
        if self.local_start is not None and self.local_start.tzinfo is not None:
            raise InvalidDataset(f"local_start must have no time zone, but {self.local_start.isoformat()} has one")

    def replace(self, **changes: Any) -> Metadata:
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    def warn(self, *texts: str) -> Metadata:
        """Return a copy with warnings added, each once."""
        new = tuple(dict.fromkeys((*self.warnings, *texts)))
        return replace(self, warnings=new)

    def in_zone(self, zone: str) -> Metadata:
        """Return a copy whose naive ``local_start`` is understood in a named time zone.

        Parameters
        ----------
        zone
            An IANA name (``Europe/Berlin``), ``UTC``, or a fixed offset (``+02:00``).
        """
        if self.started_at is not None or self.local_start is None:
            return self
        aware, note = resolve_local(self.local_start, zone)
        changed = replace(self, started_at=aware)
        return changed.warn(note) if note else changed
