"""Thermo Scientific OMNIC files: single spectra (``.spa``), groups of them (``.spg``), time series (``.srs``).

**No real file of these formats was at hand.** Everything below follows what others found out and published (the OMNIC
format reference in the developer's guide of SpectroChemPy, 2026, which says for each field how sure it is); only facts
were taken. The tests are made from the same description, so they cannot show that it is right. Where a fact is reported
as observed in few files, the dataset carries a warning.

Structure. A file begins with ``Spectral Data File`` (spa, spg) or ``Spectral Exte File`` (srs). At byte 294 stands the
number of records of a table that begins at byte 304; a record of 16 bytes is a key, a place and a length. Key 02 leads
to the header of a spectrum (points, units, ends of the axis, scans), 03 to its values (float32), 04 to comments, 1B to
the history, 6B (spg) to title and time. In a series, the first record leads to a header that holds all this and the
times too, and the spectra follow each other in records of their own.

Axis. Evenly spaced between the two ends in the header. In spa and spg the first value belongs to the first end; in a
series, values rise with the wavenumber although the ends are listed falling. Units: wavenumber (absolute), Raman shift,
nm, µm (converted to nm). Interferograms are refused.

Time. Seconds since 1899-12-31 00:00 UTC, so ``metadata.started_at`` is aware. What the stamp refers to is not known.
Spectra of a group have a stamp each. Those of a series lie at the first time plus multiples of the step
(``metadata.times_derived``), unless the counter that is kept with each spectrum differs from that. The start of a
series counts only where a copy of it in the header agrees, as the sources advise.

Exposure is the collection length of the header, all scans together. A Raman laser's wavenumber gives its wavelength.

Not read: interferograms that accompany a spectrum, backgrounds, chemigrams and other profiles of a series, experiment
information (key 82).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Laser, Metadata
from ._floats import native_float32
from ._several import Offered, choose
from ._text import ascending
from .registry import Reader

__all__ = ["READER", "load", "sniff"]

_SPECTRA, _SERIES = b"Spectral Data File", b"Spectral Exte File"
_TITLE_AT, _COUNT_AT, _TIME_AT, _TABLE_AT, _RECORD_BYTES = 30, 294, 296, 304, 16
_TITLE_BYTES = 256
_HEADER, _VALUES, _COMMENT, _HISTORY, _SPECTRUM_TITLE = 0x02, 0x03, 0x04, 0x1B, 0x6B
_HEADER_BYTES = 100
_X_UNITS = {1: "wavenumber (cm-1)", 2: "data points", 3: "nm", 4: "µm", 32: "Raman shift (cm-1)"}
_Y_UNITS = {
    0x0B: "reflectance (%)",
    0x0C: "log(1/R)",
    0x0F: "single beam",
    0x10: "transmittance (%)",
    0x11: "absorbance",
    0x14: "Kubelka-Munk",
    0x15: "reflectance",
    0x16: "detector signal (V)",
    0x17: "transmittance",
    0x1A: "photoacoustic",
    0x1F: "Raman intensity",
}
_DATA_POINTS, _NM, _UM, _RAMAN_SHIFT = 2, 3, 4, 32
_EPOCH = datetime(1899, 12, 31, tzinfo=UTC)
# Seconds after the epoch: 1985 (before OMNIC) to the end of the 32-bit counter (2036).
_PLAUSIBLE = (2_682_460_800, 0xFFFFFFFF)
_SIGNATURE = b"\x02\x00\x00\x00\x18\x00\x00\x00\x00\x00"
_SIGNATURES = 64
_TO_DATA, _PREFIX_BYTES, _TRAILER_BYTES, _TRAILER_MARK = 60, 84, 16, 0x20
_SERIES_NAME, _SERIES_TIMES, _SERIES_COUNT, _SERIES_HEADER_BYTES = 938, 1002, 1026, 1050
_START_COPIES = ((836,), (368, 828))


def sniff(path: Path, head: bytes) -> bool:
    """Return True if the content begins like an OMNIC file."""
    return head.startswith((_SPECTRA, _SERIES))


def load(path: Path, *, dataset: str | None = None) -> OperandoDataset:
    """Read an OMNIC file.

    Parameters
    ----------
    dataset
        Number (from 1) of the first spectrum of the dataset to read, where spectra of a group lie on different axes.

    Returns
    -------
    OperandoDataset
        float32 in the file's order, on a rising axis. Titles of the spectra, comments and history are in
        ``metadata.vendor``.

    Raises
    ------
    UnreadableFile
        If the file is cut or damaged (the part is named), or holds no spectrum.
    """
    data = path.read_bytes()
    if data.startswith(_SERIES):
        return _series(path, data, dataset)
    if not data.startswith(_SPECTRA):
        raise UnreadableFile(path, "does not begin like an OMNIC file")
    return _spectra(path, data, dataset)


# -- what all kinds share ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Record:
    """A line of the key table."""

    key: int
    at: int
    size: int


def _records(path: Path, data: bytes) -> list[_Record]:
    if len(data) < _TABLE_AT:
        raise UnreadableFile(path, f"ends inside its header: {len(data)} of {_TABLE_AT} bytes")
    count = struct.unpack_from("<H", data, _COUNT_AT)[0]
    if count == 0 or _TABLE_AT + _RECORD_BYTES * count > len(data):
        raise UnreadableFile(path, f"its table of {count} records does not fit into {len(data)} bytes")
    found = []
    for number in range(count):
        key, _, at, size = struct.unpack_from("<BBII", data, _TABLE_AT + _RECORD_BYTES * number)
        found.append(_Record(key, at, size))
    return found


@dataclass(frozen=True)
class _Header:
    """The header of a spectrum or a series."""

    n_points: int
    x_unit: int
    y_unit: int
    first: float
    last: float
    scans: int
    background_scans: int
    duration_s: float
    laser_wavenumber: float

    @property
    def key(self) -> tuple[int, int, float, float]:
        """What spectra of one dataset have in common."""
        return self.n_points, self.x_unit, self.first, self.last

    def tree(self) -> dict[str, Any]:
        return {
            "points": self.n_points,
            "x_unit": _X_UNITS.get(self.x_unit, self.x_unit),
            "y_unit": _Y_UNITS.get(self.y_unit, self.y_unit),
            "first": _plain(self.first),
            "last": _plain(self.last),
            "sample_scans": self.scans,
            "background_scans": self.background_scans,
            "collection_length_s": self.duration_s,
        }


def _plain(value: float) -> float | str:
    return value if abs(value) < 1e300 else str(value)


def _header(path: Path, data: bytes, at: int) -> _Header:
    if at + _HEADER_BYTES > len(data):
        raise UnreadableFile(path, f"ends inside the header of a spectrum, which begins at byte {at}")
    n, x_unit, y_unit, first, last = struct.unpack_from("<IB3xB3xff", data, at + 4)
    scans = struct.unpack_from("<I", data, at + 36)[0]
    background = struct.unpack_from("<I", data, at + 52)[0]
    duration = struct.unpack_from("<I", data, at + 68)[0] / 100
    laser = struct.unpack_from("<f", data, at + 96)[0]
    return _Header(n, x_unit, y_unit, first, last, scans, background, duration, laser)


def _axis(path: Path, header: _Header, first: float, last: float) -> tuple[NDArray[np.float64], AxisKind]:
    if header.x_unit == _DATA_POINTS:
        raise UnreadableFile(
            path, "holds interferograms (its axis counts data points), not spectra; possible are spectra"
        )
    if header.x_unit not in _X_UNITS:
        raise UnreadableFile(
            path, f"its axis has the unknown unit {header.x_unit}; possible are {', '.join(_X_UNITS.values())}"
        )
    with np.errstate(all="ignore"):
        axis = np.linspace(first, last, header.n_points)
        if header.x_unit == _UM:
            axis = axis * 1e3
    if header.x_unit in (_NM, _UM):
        return axis, "wavelength"
    return axis, "raman_shift" if header.x_unit == _RAMAN_SHIFT else "wavenumber"


def _text(data: bytes, at: int, size: int) -> str:
    raw = data[at : at + size].split(b"\0", 1)[0]
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        return raw.decode("latin-1").strip()


def _stamp(data: bytes, at: int) -> int | None:
    """Return seconds after the epoch, or None where they are no date of a measurement."""
    if at + 4 > len(data):
        return None
    value = int(struct.unpack_from("<I", data, at)[0])
    return value if _PLAUSIBLE[0] <= value <= _PLAUSIBLE[1] else None


def _laser(header: _Header) -> Laser:
    wavenumber = header.laser_wavenumber
    known = header.x_unit == _RAMAN_SHIFT and 1000.0 <= wavenumber <= 60000.0
    return Laser(wavelength_nm=1e7 / wavenumber if known else None)


def _instrument(header: _Header) -> Instrument:
    scans = header.scans if 1 <= header.scans <= 1_000_000 else None
    return Instrument(vendor="Thermo Scientific", software="OMNIC", accumulations=scans)


def _exposure(header: _Header, n: int) -> dict[str, NDArray[Any]]:
    return {"exposure_s": np.full(n, header.duration_s)} if 0 < header.duration_s < 1e7 else {}


# -- spa and spg -------------------------------------------------------------------------------------------------------


def _spectra(path: Path, data: bytes, dataset: str | None) -> OperandoDataset:
    records = _records(path, data)
    headers = [_header(path, data, r.at) for r in records if r.key == _HEADER]
    places = [r for r in records if r.key == _VALUES]
    if not headers or not places:
        raise UnreadableFile(path, "its table leads to no spectrum (keys 02 and 03)")
    if len(headers) != len(places):
        raise UnreadableFile(
            path, f"its table leads to {len(headers)} headers, but to {len(places)} spectra; the two cannot be paired"
        )
    groups: dict[Any, list[int]] = {}
    for number, header in enumerate(headers):
        groups.setdefault(header.key, []).append(number)
    offered = [Offered(str(g[0] + 1), f"{len(g)} × {headers[g[0]].n_points}") for g in groups.values()]
    sizes = [len(g) * headers[g[0]].n_points for g in groups.values()]
    index, warning = choose(path, offered, dataset, int(np.argmax(sizes)))
    chosen = list(groups.values())[index]
    notes = [f"the spectra lie on different axes; {w}" for w in warning]
    header = headers[chosen[0]]
    axis, kind = _axis_of_values(path, data, header, [places[i] for i in chosen])
    values = np.stack([_values(path, data, header, places[i], i) for i in chosen])
    shift, intensity = ascending(path, axis, values)
    times, titles = _times(data, records, len(headers), notes)
    started_at, columns = _relative([times[i] for i in chosen], notes)
    n = len(chosen)
    metadata = Metadata(
        title=_text(data, _TITLE_AT, _TITLE_BYTES) or None,
        started_at=started_at,
        laser=_laser(header),
        instrument=_instrument(header),
        vendor=_vendor(data, records, header, [titles[i] for i in chosen] if len(headers) > 1 else []),
    ).warn(*notes)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns={**columns, **_exposure(header, n)},
        metadata=metadata,
        axis_kind=kind,
    )


def _axis_of_values(
    path: Path, data: bytes, header: _Header, places: Sequence[_Record]
) -> tuple[NDArray[np.float64], AxisKind]:
    """Return the axis, once it is sure that the file has room for as many values."""
    if header.n_points < 1 or 4 * header.n_points * len(places) > len(data):
        raise UnreadableFile(
            path,
            f"announces {len(places)} spectra of {header.n_points} points, more than its {len(data)} bytes can hold",
        )
    return _axis(path, header, header.first, header.last)


def _values(path: Path, data: bytes, header: _Header, place: _Record, number: int) -> NDArray[np.float32]:
    needed = 4 * header.n_points
    if place.size < needed or place.at + needed > len(data):
        raise UnreadableFile(
            path, f"spectrum {number + 1} is cut short: {header.n_points} points need {needed} bytes, there are "
            f"{max(0, min(place.size, len(data) - place.at))}"
        )  # fmt: skip
    return native_float32(np.frombuffer(data, "<f4", header.n_points, place.at))


def _times(data: bytes, records: Sequence[_Record], n: int, notes: list[str]) -> tuple[list[int | None], list[str]]:
    """Return stamp and title of every spectrum of the file."""
    named = [r for r in records if r.key == _SPECTRUM_TITLE]
    if len(named) == n:
        stamps = [_stamp(data, r.at + _TITLE_BYTES) for r in named]
        return stamps, [_text(data, r.at, _TITLE_BYTES) for r in named]
    if n == 1:
        return [_stamp(data, _TIME_AT)], [""]
    notes.append(f"the file names {len(named)} of its {n} spectra, so their titles and times are not known")
    return [None] * n, [""] * n


def _relative(stamps: Sequence[int | None], notes: list[str]) -> tuple[datetime | None, dict[str, NDArray[Any]]]:
    known = [s for s in stamps if s is not None]
    if not known:
        notes.append("the file states no time of measurement (as spectra from a library do)")
        return None, {}
    zero = min(known)
    seconds = np.array([np.nan if s is None else float(s - zero) for s in stamps])
    return _EPOCH + timedelta(seconds=zero), {"time_s": seconds}


def _vendor(data: bytes, records: Sequence[_Record], header: _Header, titles: Sequence[str]) -> dict[str, Any]:
    tree: dict[str, Any] = {"header": header.tree()}
    for name, key in (("comments", _COMMENT), ("history", _HISTORY)):
        texts = [_text(data, r.at, r.size) for r in records if r.key == key]
        texts = [text for text in texts if text]
        if texts:
            tree[name] = texts[0] if len(texts) == 1 else texts
    if titles:
        tree["titles"] = list(titles)
    return tree


# -- srs ---------------------------------------------------------------------------------------------------------------


def _series(path: Path, data: bytes, dataset: str | None) -> OperandoDataset:
    records = _records(path, data)
    base = records[0].at
    if records[0].key != _HEADER or base + _SERIES_HEADER_BYTES > len(data):
        raise UnreadableFile(path, "its table does not lead to the header of a series")
    header = _header(path, data, base)
    count = struct.unpack_from("<I", data, base + _SERIES_COUNT)[0]
    stride = _PREFIX_BYTES + 4 * header.n_points + _TRAILER_BYTES
    if header.n_points < 1 or count < 1 or count * stride - _TRAILER_BYTES > len(data):
        raise UnreadableFile(
            path, f"announces {count} spectra of {header.n_points} points, more than its {len(data)} bytes can hold"
        )
    if dataset is not None:
        choose(path, [Offered("1", f"{count} × {header.n_points}")], dataset)
    # The ends are listed falling, the values rise with the wavenumber.
    axis, kind = _axis(path, header, min(header.first, header.last), max(header.first, header.last))
    start = _series_start(path, data, base, header, count, stride)
    names, values, counters = _series_values(data, header, start, count, stride)
    times, derived, notes = _series_times(data, base, counters, count)
    started_at = _series_began(data, base)
    if started_at is None:
        notes.append("the series states no date that its header confirms, so its start is not known")
    notes.append("series of OMNIC are read as their format is described; no real file was at hand to check it with")
    columns: dict[str, NDArray[Any]] = {} if times is None else {"time_s": times}
    shift, intensity = ascending(path, axis, values)
    metadata = Metadata(
        title=_text(data, base + _SERIES_NAME, _SERIES_TIMES - _SERIES_NAME).split("\n")[0].strip() or None,
        started_at=started_at,
        times_derived=derived and times is not None,
        laser=_laser(header),
        instrument=_instrument(header),
        vendor={"header": header.tree(), "titles": names},
    ).warn(*notes)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns=columns,
        scan_shape=(("time", count),) if count > 1 and times is not None else (),
        metadata=metadata,
        axis_kind=kind,
    )


def _series_start(path: Path, data: bytes, base: int, header: _Header, count: int, stride: int) -> int:
    """Return where the first spectrum's record begins.

    It lies 60 bytes after one of a few signatures. Which one differs between kinds of series, so each is tried: the
    records must begin with a printable name, and all but the last must end with the mark of a trailer.
    """
    at = base
    for _ in range(_SIGNATURES):
        at = data.find(_SIGNATURE, at)
        if at < 0:
            break
        start = at + _TO_DATA
        if start + count * stride - _TRAILER_BYTES <= len(data) and _are_records(data, start, count, stride):
            return start
        at += 1
    raise UnreadableFile(path, f"its {count} spectra of {header.n_points} points were not found; it is cut or damaged")


def _are_records(data: bytes, start: int, count: int, stride: int) -> bool:
    for number in {0, count // 2, count - 1}:
        at = start + number * stride
        name = data[at : at + _PREFIX_BYTES].split(b"\0", 1)[0]
        if not name or len(name) == _PREFIX_BYTES or min(name) < 0x20:
            return False
        if number < count - 1 and struct.unpack_from("<I", data, at + stride - _TRAILER_BYTES)[0] != _TRAILER_MARK:
            return False
    return True


def _series_values(
    data: bytes, header: _Header, start: int, count: int, stride: int
) -> tuple[list[str], NDArray[np.float32], NDArray[np.float64]]:
    """Return names, values (spectra, points), and the counter after each spectrum but the last, in s."""
    names = [_text(data, start + i * stride, _PREFIX_BYTES) for i in range(count)]
    record = np.dtype(
        {"names": ["y"], "formats": [("<f4", (header.n_points,))], "offsets": [_PREFIX_BYTES], "itemsize": stride}
    )
    # The last record's trailer may be missing.
    raw = data[start : start + count * stride].ljust(count * stride, b"\0")
    values = native_float32(np.frombuffer(raw, record, count)["y"])
    ends = [start + (i + 1) * stride - _TRAILER_BYTES for i in range(count - 1)]
    counters = np.array([struct.unpack_from("<I", data, at + 4)[0] for at in ends], dtype=np.float64) / 100
    return names, values, counters


def _series_times(
    data: bytes, base: int, counters: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64] | None, bool, list[str]]:
    """Return the times in s, whether they are derived from the step, and warnings."""
    first, _, step = struct.unpack_from("<fff", data, base + _SERIES_TIMES)
    regular = 0.0 <= first < 1e7 and (0.0 < step < 1e7 or count == 1)
    times = (first + step * np.arange(count)) * 60.0 if regular else None
    rising = counters.size > 0 and bool(np.all(np.diff(counters) > 0))
    if times is None:
        return None, False, ["the series states no regular step in time, so the times of its spectra are not known"]
    # Counters are whole hundredths of a second.
    if not rising or float(np.abs(counters - times[1:]).max()) <= 0.02:
        return times, True, []
    if counters[0] <= times[0]:
        return times, True, ["the times kept with the spectra contradict the series' own; the regular step was taken"]
    kept = np.concatenate([times[:1], counters])
    return kept, False, ["the spectra do not lie at equal steps in time; the times kept with them were taken"]


def _series_began(data: bytes, base: int) -> datetime | None:
    """Return the start if a set of its copies in the header confirms it: some files hold other things there."""
    stamp = _stamp(data, _TIME_AT)
    if stamp is None:
        return None
    raw = data[_TIME_AT : _TIME_AT + 4]
    for places in _START_COPIES:
        if all(data[base + at : base + at + 4] == raw for at in places):
            return _EPOCH + timedelta(seconds=stamp)
    return None


READER = Reader(
    name="thermo-omnic",
    description="Thermo OMNIC: single spectra, groups, time series (from published descriptions)",
    extensions=(".spa", ".spg", ".srs"),
    sniff=sniff,
    load=load,
    gives=("times", "start with zone", "scan", "exposure", "several"),
)
