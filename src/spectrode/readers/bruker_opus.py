"""Bruker OPUS files (``.0``, ``.1`` …): single spectra and series.

What is read: every spectrum of a file (absorbance, transmittance, reflectance, Raman, …, the single-channel spectra of
sample and reference), with its axis, scale and date; all parameter blocks and the history. The blocks are described in
:mod:`spectrode.readers._opus_blocks`. The reader is our own: brukeropus (MIT), from whose documentation the facts come,
is made for whole files and neither bounds memory nor time on damaged ones, nor does it use the time zone.

Several spectra. OPUS keeps the spectra that a result was computed from beside it. The result is read, with a warning
that names the others; ``dataset=`` chooses. Interferograms, phases and traces are no spectra and are not offered.

Axis. Wavenumber in cm-1 (``WN``), its logarithm (``LGW``) and µm (``MI``, converted to nm). A Raman block is a Raman
shift. (In the test file the limits of the transform, in absolute wavenumbers, are the laser's minus the ends of the
axis.) Every other block is absolute wavenumber.

Time. ``DAT`` and ``TIM`` with the zone that OPUS writes behind it, as in ``16:59:10.608 (GMT+1)``. Where the instrument
block has ``SRT`` (start, seconds since 1970) it settles the order of day and month and that the stamp is the start, and
a disagreement of whole hours is a warning. The zone is that of the computer, and at least one computer wrote its winter
offset in summer. Of a series, each spectrum has a start and an end on the series' own clock.

Exposure is ``DUR``, the duration of all scans together. The powers of a Raman laser (``RLP``, ``SRL``) are those of the
source, not at the sample, so they stay in ``metadata.vendor``.

Not read: reports, pictures, maps of several spectra in one file (``MAX``/``MAY``, taken as µm, place a single one).

Test files: an FT-Raman spectrum of ramanchada2 (VERTEX 70) and a microscope's infrared reflectance of
orange-spectroscopy. No real series was at hand: it follows the description, and says so in a warning.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Laser, Metadata, Sample, StampKind
from ._floats import native_float32
from ._opus_blocks import (
    ACQUISITION,
    DATA_STATUS,
    HISTORY,
    INSTRUMENT,
    MAGIC,
    OPTICS,
    ORIGIN,
    RAMAN_KIND,
    RATIO,
    REFERENCE,
    SAMPLE,
    Block,
    parameters,
    read_directory,
    series_of,
    text_of,
    values_of,
)
from ._several import Offered, choose
from ._text import ascending
from .registry import Reader

__all__ = ["READER", "load", "sniff"]

_SPECTRAL_UNITS = ("WN", "MI", "LGW")
_TIME = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?\s*(?:\((?:GMT|UTC)\s*([+-]\d+(?::\d{2}|\.\d+)?)?\))?")
_DAY = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})")
# Seconds since 1970 between 1990 and 2100.
_EPOCH = (631152000.0, 4102444800.0)


def sniff(path: Path, head: bytes) -> bool:
    """Return True if the content begins like an OPUS file."""
    return head[:4] == MAGIC


def load(path: Path, *, dataset: str | None = None) -> OperandoDataset:
    """Read a Bruker OPUS file.

    Parameters
    ----------
    dataset
        Name of the spectrum to read where there are several: Raman, absorbance, reflectance, sample, reference, … (a
        warning lists those that a file has). The result of a measurement is the default.

    Returns
    -------
    OperandoDataset
        The axis rises (OPUS stores it falling). Columns: ``time_s``, ``exposure_s``, ``x_um`` and ``y_um`` as far as
        the file has them. ``metadata.vendor`` holds all parameter blocks by name, and the history.

    Raises
    ------
    UnreadableFile
        If the file is cut or damaged (the block is named), or holds no spectrum.
    """
    data = path.read_bytes()
    blocks = read_directory(path, data)
    spectra = _spectra(path, blocks)
    offered = [Offered(s.name, f"{s.n} channels") for s in spectra]
    index, notes = choose(path, offered, dataset)
    return _dataset(path, spectra[index], _Settings(blocks), list(notes))


# -- what the file offers ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Spectrum:
    """A block of data and its status."""

    name: str
    block: Block
    status: Mapping[str, Any]

    @property
    def n(self) -> int:
        return _integer(self.status.get("NPT")) or 0


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _spectra(path: Path, blocks: Sequence[Block]) -> list[_Spectrum]:
    """Return the spectra of a file, the most likely one to be wanted first."""
    states = [(b, parameters(b)) for b in blocks if b.parameter_kind == DATA_STATUS]
    pairs, unpaired = [], []
    for block in (b for b in blocks if b.is_data):
        fitting = [s for s in states if s[0].code == block.status_code]
        best = next((s for s in fitting if _extremes_agree(block, s[1])), fitting[0] if fitting else None)
        if best is None:
            unpaired.append(block.name)
            continue
        states.remove(best)
        pairs.append((block, best[1]))
    spectral = [(b, s) for b, s in pairs if str(s.get("DXU", "")).strip().upper() in _SPECTRAL_UNITS]
    if not spectral:
        other = sorted({b.name for b, _ in pairs} | set(unpaired))
        raise UnreadableFile(path, f"holds no spectrum with an axis; it has {', '.join(other) or 'no data at all'}")
    # Phases have an axis in cm-1, but are angles.
    spectral = [p for p in spectral if p[0].data_kind != 3] or spectral
    preferred = {RATIO: 0, 0: 1, SAMPLE: 2, REFERENCE: 3}
    spectral.sort(key=lambda p: (preferred[p[0].side], not p[0].is_series, p[0].marked, -p[0].at))
    return [
        _Spectrum(name, b, s) for name, (b, s) in zip(_unique([b.name for b, _ in spectral]), spectral, strict=True)
    ]


def _extremes_agree(block: Block, status: Mapping[str, Any]) -> bool:
    """Return True if the values reach exactly from MNY to MXY, which tells equal codes apart."""
    n, low, high = _integer(status.get("NPT")), _number(status.get("MNY")), _number(status.get("MXY"))
    scale = _number(status.get("CSF"))
    if block.is_series or n is None or low is None or high is None or scale is None or not 0 < 4 * n <= block.size:
        return False
    values = np.frombuffer(block.content, "<i4" if status.get("DPF") == 2 else "<f4", n)
    with np.errstate(all="ignore"):
        return bool(values.min() * scale == low and values.max() * scale == high)


def _unique(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return found


class _Settings:
    """The parameter blocks of a file, and what they say of a spectrum."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        # Unmarked blocks are the later ones, and go first.
        ordered = sorted((b for b in blocks if b.parameter_kind), key=lambda b: b.marked)
        self._blocks = [(b, parameters(b)) for b in ordered]
        history = [text_of(b) for b in blocks if b.code & 0x3FFFF == 0 and b.form == HISTORY]
        self.history = "\n\n".join(text for text in history if text)

    def of(self, kind: int, reference: bool) -> Mapping[str, Any]:
        """Return the parameters of one kind for the sample or the reference, later blocks before earlier ones."""
        found: dict[str, Any] = {}
        for block, values in self._blocks:
            if block.parameter_kind == kind and (block.side == REFERENCE) == reference:
                found = {**values, **found}
        return found

    def tree(self) -> dict[str, Any]:
        names = _unique([b.name for b, _ in self._blocks])
        tree: dict[str, Any] = {name: values for name, (_, values) in zip(names, self._blocks, strict=True)}
        if self.history:
            tree["history"] = self.history
        return tree


# -- the dataset -------------------------------------------------------------------------------------------------------


@dataclass
class _Reading:
    """What one dataset is made from."""

    path: Path
    spectrum: _Spectrum
    instrument: Mapping[str, Any]
    notes: list[str] = field(default_factory=list)


def _dataset(path: Path, spectrum: _Spectrum, settings: _Settings, notes: list[str]) -> OperandoDataset:
    reference = spectrum.block.side == REFERENCE
    instrument, optics = settings.of(INSTRUMENT, reference), settings.of(OPTICS, reference)
    origin = settings.of(ORIGIN, False)
    reading = _Reading(path, spectrum, instrument, notes)
    intensity, columns, series_refers_to = _values(reading)
    n = len(intensity)
    axis, kind = _axis(reading, settings)
    shift, intensity = ascending(path, axis, intensity)
    started_at, local_start, refers_to = _start(reading)
    if n == 1 and (started_at or local_start):
        columns["time_s"] = np.zeros(1)
    exposure = _number(instrument.get("DUR"))
    if n == 1 and exposure is not None and exposure > 0:
        columns["exposure_s"] = np.full(1, exposure)
    columns |= _positions(reading, origin, n)
    metadata = Metadata(
        title=_text(origin, "SNM"),
        started_at=started_at,
        local_start=local_start,
        stamp_refers_to=refers_to if n == 1 else series_refers_to,
        laser=Laser(wavelength_nm=_laser_nm(instrument) if spectrum.block.data_kind == RAMAN_KIND else None),
        instrument=Instrument(
            vendor="Bruker",
            model=_text(instrument, "INS"),
            software=_text(instrument, "VSN"),
            objective=_text(optics, "OBJ"),
            detector=_text(optics, "DTC"),
            accumulations=_accumulations(instrument, reference),
        ),
        sample=Sample(name=_text(origin, "SNM"), description=_text(origin, "SFM")),
        vendor=settings.tree(),
    ).warn(*reading.notes)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns=columns,
        scan_shape=(("time", n),) if n > 1 and "time_s" in columns else (),
        metadata=metadata,
        axis_kind=kind,
    )


def _text(values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    return value.strip() or None if isinstance(value, str) else None


def _accumulations(instrument: Mapping[str, Any], reference: bool) -> int | None:
    scans = _integer(instrument.get("ASR" if reference else "ASS")) or _integer(instrument.get("ASS"))
    return scans if scans is not None and scans > 0 else None


def _laser_nm(instrument: Mapping[str, Any]) -> float | None:
    wavenumber = _number(instrument.get("RLW"))
    return 1e7 / wavenumber if wavenumber is not None and 1000.0 <= wavenumber <= 60000.0 else None


def _values(reading: _Reading) -> tuple[NDArray[Any], dict[str, NDArray[Any]], StampKind]:
    """Return intensities (spectra, channels), columns of a series, and what its stamps refer to."""
    spectrum, path = reading.spectrum, reading.path
    form = spectrum.status.get("DPF", 1)
    if form not in (1, 2):
        raise UnreadableFile(path, f"stores {spectrum.name!r} in the number format {form!r}; possible are 1 and 2")
    scale = _number(spectrum.status.get("CSF"))
    columns: dict[str, NDArray[Any]] = {}
    refers_to: StampKind = "unknown"
    if spectrum.block.is_series:
        series = series_of(path, spectrum.block, spectrum.n, form == 2)
        raw = series.y
        columns, refers_to = _series_times(reading, series.start_s, series.end_s)
        reading.notes.append(
            "series of OPUS are read as their format is described; no real file was at hand to check the times with"
        )
    else:
        raw = values_of(path, spectrum.block, spectrum.n, form == 2)[None, :]
    if scale is None or scale == 0.0 or (scale == 1.0 and form == 1):
        return raw.astype(np.float64) if form == 2 else native_float32(raw), columns, refers_to
    with np.errstate(all="ignore"):
        return raw.astype(np.float64) * scale, columns, refers_to


def _series_times(
    reading: _Reading, start: NDArray[np.float64], end: NDArray[np.float64]
) -> tuple[dict[str, NDArray[Any]], StampKind]:
    """Return times after the first start (or end) as columns, from the clock of the series that runs."""
    if len(start) < 2:
        return {}, "unknown"
    readings: tuple[tuple[NDArray[np.float64], StampKind], ...] = ((start, "start"), (end, "end"))
    for clock, refers_to in readings:
        if np.isfinite(clock).all() and np.abs(clock).max() < 1e11 and np.all(np.diff(clock) > 0):
            return {"time_s": clock - clock[0] if clock[0] > _EPOCH[0] else clock}, refers_to
    reading.notes.append("the spectra of the series state no times that rise, so their times are unknown")
    return {}, "unknown"


def _positions(reading: _Reading, origin: Mapping[str, Any], n: int) -> dict[str, NDArray[Any]]:
    x, y = _number(origin.get("MAX")), _number(origin.get("MAY"))
    if x is None or y is None:
        return {}
    reading.notes.append("the position (MAX, MAY) states no unit; µm was taken")
    return {"x_um": np.full(n, x), "y_um": np.full(n, y)}


def _axis(reading: _Reading, settings: _Settings) -> tuple[NDArray[np.float64], AxisKind]:
    status, block = reading.spectrum.status, reading.spectrum.block
    first, last = _number(status.get("FXV")), _number(status.get("LXV"))
    if first is None or last is None:
        raise UnreadableFile(
            reading.path, f"its data status does not say where the axis of {reading.spectrum.name!r} lies"
        )
    unit = str(status.get("DXU", "")).strip().upper()
    with np.errstate(all="ignore"):
        axis = np.linspace(first, last, reading.spectrum.n)
        if unit == "MI":
            return axis * 1e3, "wavelength"
        if unit == "LGW":
            return np.exp(axis), "wavenumber"
    if block.data_kind == RAMAN_KIND:
        return axis, "raman_shift"
    if settings.of(ACQUISITION, False).get("PLF") == "RAM":
        reading.notes.append(
            f"{reading.spectrum.name!r} of a Raman measurement has absolute wavenumbers, no Raman shift"
        )
    return axis, "wavenumber"


# -- time --------------------------------------------------------------------------------------------------------------


def _start(reading: _Reading) -> tuple[datetime | None, datetime | None, StampKind]:
    """Return the start with a zone, or else the local one, and what the stamp refers to."""
    status = reading.spectrum.status
    day, clock = str(status.get("DAT", "")), str(status.get("TIM", ""))
    epoch = _number(reading.instrument.get("SRT"))
    started = None
    if epoch is not None and _EPOCH[0] < epoch < _EPOCH[1]:
        started = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=epoch)
    local, zone, note = _local(day, clock, started)
    if local is None:
        if day or clock:
            reading.notes.append(f"the date {day!r} {clock!r} could not be understood")
        return started, None, "start" if started else "unknown"
    if note:
        reading.notes.append(note)
    if zone is None:
        reading.notes.append("the file states no time zone")
        return None, local, "unknown"
    aware = local.replace(tzinfo=zone)
    if started is None:
        return aware, None, "unknown"
    apart = (started - aware).total_seconds()
    hours = round(apart / 3600)
    if abs(apart - 3600 * hours) > 2.0 or abs(hours) > 14:
        return aware, None, "unknown"
    if hours:
        reading.notes.append(
            f"the start in the instrument's parameters (SRT, {started:%Y-%m-%d %H:%M:%S} UTC) is {apart / 3600:+.0f} h "
            f"from {clock} of the spectrum, which was taken; one of the two has the wrong time zone"
        )
    return aware, None, "start"


def _local(day: str, clock: str, started: datetime | None) -> tuple[datetime | None, timezone | None, str | None]:
    """Return date and time as written, the zone if there is one, and a warning if day and month could be exchanged."""
    date, time = _DAY.search(day), _TIME.search(clock)
    if date is None or time is None:
        return None, None, None
    one, two, three = int(date[1]), int(date[2]), int(date[3])
    readings = [(one, two, three)] if len(date[1]) == 4 else [(three, two, one), (three, one, two)]
    fraction = int((time[4] or "").ljust(6, "0") or 0)
    found = []
    for year, month, number in readings:
        try:
            found.append(datetime(year, month, number, int(time[1]), int(time[2]), int(time[3]), fraction))
        except ValueError:
            continue
    if not found:
        return None, None, None
    zone = _zone(time[5]) if "(" in time[0] else None
    if len(found) == 1 or found[0] == found[1]:
        return found[0], zone, None
    if started is not None:
        naive = started.replace(tzinfo=None)
        found.sort(key=lambda when: abs((when - naive).total_seconds()))
        return found[0], zone, None
    return found[0], zone, f"the date {day} was read with the day first, as OPUS writes it ({found[0]:%Y-%m-%d})"


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return timezone(timedelta(0))
    sign = -1 if text.startswith("-") else 1
    if ":" in text:
        hours, minutes = text[1:].split(":")
        offset = timedelta(hours=int(hours), minutes=int(minutes))
    else:
        offset = timedelta(hours=min(float(text[1:]), 99.0))
    return timezone(sign * offset) if offset < timedelta(hours=15) else None


READER = Reader(
    name="bruker-opus",
    description="Bruker OPUS: single spectra (Raman, infrared) and series",
    extensions=(".0", ".1", ".2", ".3"),
    sniff=sniff,
    load=load,
    gives=("times", "start with zone", "positions", "scan", "exposure", "laser", "several"),
)
