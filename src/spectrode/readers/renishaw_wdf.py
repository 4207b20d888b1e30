"""Renishaw WiRE data files (``.wdf``): single spectra, maps of every kind, line scans, depth and time series.

The order of a map is never assumed: each spectrum lies where the stage was (block ``ORGN``), and the map's own flags
(``WMAP``) are checked against that. The time of each spectrum is the FILETIME that the file keeps for it (UTC). Units
become cm-1 (or nm), µm and s. See :mod:`spectrode.readers._wdf_blocks` for the structure and where it is described.

Files with several tracks (a fibre probe, say) hold an axis for each spectrum, as Renishaw's own Python package reads
them; spectra on one axis are one dataset, chosen by name. No measured file of this kind was at hand.

Not read, but listed with their sizes in ``metadata.vendor["blocks"]``: the values of analyses (``MAP``, ``CFAR``,
``DCLS``, ``PCAR``, ``MCRE``, …; their property sets are read), the axis before calibration (``BKXL``), properties of
single spectra (``WXDB``), the thumbnail (``NAIL``). Refused: images without spectra, and several ``DATA`` blocks
(bit 0 of the header), because no description says which axis each has. Several regions or accumulations are one
spectrum in the file: WiRE stitches the former and adds up the latter.

Tested with files built block by block (``tests/builders/wdf.py``) and with measured ones of the collections of
RosettaSciIO, orange-spectroscopy, DataLab and ramanchada2.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from ..columns import SpectrumFlag
from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import FieldImage, Instrument, Laser, Metadata
from ._lazy import FileRows, FileStamp, as_dask
from ._wdf_blocks import (
    MULTITRACK,
    SPECTRUM_FLAGS,
    TICKS_PER_SECOND,
    UNITS,
    XYXY,
    Block,
    Header,
    MapArea,
    OriginList,
    filetime,
    named,
    plausible_ticks,
    property_tree,
    read_header,
    read_map_area,
    read_origins,
    read_property_set,
    text_of,
    walk_blocks,
)
from ._wdf_layout import Layout, map_layout
from .registry import Reader

__all__ = ["READER", "load", "sniff"]

# Units of origin lists, as factors to µm and to s (numbers as in _wdf_blocks.UNITS).
_TO_UM = {3: 1e-3, 5: 1.0, 8: 1e3, 9: 1e6}
_TO_SECONDS = {12: 1.0, 13: 1e-3, 14: 3600.0, 15: 86400.0, 25: 1e-6}
_FILETIME_UNIT = 24
_X, _Y, _Z, _TEMPERATURE, _TIME, _FOCUS_TRACK, _FLAGS, _EXPOSURE = 3, 4, 5, 9, 11, 14, 17, 27
_SERIES_NAMES = {_X: "x", _Y: "y", _Z: "z", _TEMPERATURE: "temperature", _TIME: "time"}
# Blocks that cannot begin with a property set, or are read in another way.
_NO_PROPERTIES = frozenset({"WDF1", "DATA", "YLST", "XLST", "ORGN", "TEXT", "WMAP", "WHTL", "BKXL", "NAIL", "WXDB"})
_EV_NM = 1239.8419843320026  # h c / e (exact in the SI of 2019), in eV nm
# Laser lines from the deep ultraviolet to the near infrared.
_LASER_NM = (180.0, 2500.0)
_IMAGE_PIXELS = 100_000_000
# So much of an undated tail is searched for light when a file is opened lazily (some 5 ms).
_LAZY_TAIL_BYTES = 1 << 23
_TEXT_BYTES = 1 << 20
_LISTED_BLOCKS = 1000
_FIELD_OF_VIEW_X, _FIELD_OF_VIEW_Y, _RESOLUTION_UNIT = 0xA20E, 0xA20F, 0xA210
_IMAGE_ORIGIN, _IMAGE_SENSOR, _IMAGE_MAGNIFICATION, _EXIF = 0xFEA0, 0xFEA1, 0xFEA2, 0x8769


@dataclass
class _File:
    """What the blocks of one file hold, before it is interpreted."""

    path: Path
    header: Header
    rows: FileRows
    """The spectra in the file, in the file's direction."""
    axis: NDArray[np.float64]
    """The axis in the file's direction."""
    axis_unit: int
    origins: list[OriginList]
    area: MapArea | None
    properties: dict[str, Any]
    image: bytes | None
    blocks: list[Block]
    chosen: NDArray[np.int64] | None = None
    """The spectra that lie on ``axis``, if the file has others."""
    notes: list[str] = field(default_factory=list)

    @property
    def n_spectra(self) -> int:
        return self.rows.shape[0]

    def origin(self, kind: int) -> OriginList | None:
        return next((o for o in self.origins if o.kind == kind), None)


def sniff(path: Path, head: bytes) -> bool:
    """Return True if the content begins like a WDF file."""
    return head[:4] == b"WDF1"


def load(path: Path, *, dataset: str | None = None, lazy: bool = False) -> OperandoDataset:
    """Read a Renishaw WDF file.

    Spectra keep the file's order; ``scan_index`` says where each lies in the scan. Planned spectra that were never
    measured (interrupted maps) are left out, and the scan shape stays that of the plan. Intensities are float32 as
    stored; those of a descending axis are a view that runs backwards, so that nothing is copied.

    ``time_s`` is the file's own time stamp of each spectrum. Where the header's times prove that stamps are taken at
    the end of the exposure, ``metadata.stamp_refers_to`` says so.

    Parameters
    ----------
    dataset
        Which spectra to take from a file with several axes (``track 2``); the first is taken, with a warning that
        names them all, if none is given.
    lazy
        Leave the intensities in the file, as a dask array.

    Returns
    -------
    OperandoDataset
        Columns, as far as the file has them: ``time_s``, ``exposure_s``, ``irradiation_s`` (light on the sample for
        this spectrum, where the cosmic-ray filter makes it longer than ``exposure_s``), ``x_um``, ``y_um``, ``z_um``,
        ``focus_track_um``, ``distance_um``, ``temperature_c``, ``wdf_flags``, ``flags`` (spectra that WiRE marked as
        saturated), ``scan_index``. The header, the map block, all property sets and a list of the blocks are in
        ``metadata.vendor``, the white-light image in ``metadata.images``.

    Raises
    ------
    UnreadableFile
        If the file is cut or damaged in the header, the spectra, the axis or the origins; the block is named. Damage
        elsewhere becomes a warning.
    """
    try:
        with open(path, "rb") as stream:
            parts = _read_parts(Path(path), stream, dataset, lazy)
        return _dataset(parts, lazy)
    except OSError as error:
        raise UnreadableFile(path, f"cannot be read ({error.strerror or error})") from None


# -- reading -----------------------------------------------------------------------------------------------------------


def _read_parts(path: Path, stream: BinaryIO, dataset: str | None, lazy: bool) -> _File:
    size = stream.seek(0, 2)
    header = read_header(path, stream)
    blocks, notes = walk_blocks(stream, size)
    # Where the chain of blocks breaks is the reason why a block that should follow is not there.
    why = f" ({notes[0]})" if notes else ""
    data_block = _only(path, blocks, "DATA", why)
    _check_data(path, data_block, header)
    axes, unit = _read_axes(path, _only(path, blocks, "XLST", why), stream, header)
    axis, chosen = _chosen_axis(path, axes, header, dataset, notes)
    origin_block = next((b for b in blocks if b.name == "ORGN"), None)
    if origin_block is None and header.n_origins:
        raise UnreadableFile(path, f"has no block ORGN, but its header announces {header.n_origins} origin lists{why}")
    measured = _measured_by_count(header, notes)
    origins = [] if origin_block is None else read_origins(path, origin_block, stream, header, measured)
    rows = FileRows(FileStamp.of(path), data_block.offset, (measured, header.n_points), np.dtype("<f4"))
    rows, origins = _without_unmeasured(path, header, rows, origins, lazy, notes)
    area_block = next((b for b in blocks if b.name == "WMAP"), None)
    image_block = next((b for b in blocks if b.name == "WHTL"), None)
    return _File(
        path=path,
        header=header,
        rows=rows,
        axis=axis,
        axis_unit=unit,
        origins=origins,
        area=None if area_block is None else read_map_area(area_block, stream),
        properties=_read_properties(blocks, stream, notes),
        image=None if image_block is None or image_block.short else image_block.read(stream),
        blocks=blocks,
        chosen=chosen,
        notes=notes,
    )


def _only(path: Path, blocks: list[Block], name: str, why: str) -> Block:
    found = [b for b in blocks if b.name == name]
    if not found:
        raise UnreadableFile(path, f"has no block {name}{why}")
    if len(found) > 1:
        raise UnreadableFile(
            path,
            f"has {len(found)} blocks {name}; which spectra belong to which axis is described nowhere, so only files "
            "with one can be read",
        )
    return found[0]


def _read_axes(path: Path, block: Block, stream: BinaryIO, header: Header) -> tuple[NDArray[np.float64], int]:
    """Return the (tracks, channels) axes and their unit; a file without tracks has one."""
    if header.n_y > 1:
        raise UnreadableFile(
            path, f"holds images of {header.n_x} × {header.n_y} points, not spectra; only spectra can be read"
        )
    if header.n_x != header.n_points:
        raise UnreadableFile(
            path, f"its header announces spectra of {header.n_points} points, but an axis of {header.n_x}"
        )
    tracks = max(1, header.n_tracks) if header.flags & (XYXY | MULTITRACK) else 1
    needed = 8 + 4 * tracks * header.n_points
    if block.available < needed:
        what = "the axis" if tracks == 1 else f"the axes of {tracks} tracks"
        raise UnreadableFile(path, f"block XLST ({what}) is short: {block.available} of {needed} bytes")
    raw = block.read(stream, needed)
    with np.errstate(all="ignore"):  # damaged bytes may be NaN
        axes = np.frombuffer(raw, dtype="<f4", offset=8).astype(np.float64).reshape(tracks, header.n_points)
        steps = np.diff(axes, axis=1)
        regular = np.all(steps > 0, axis=1) | np.all(steps < 0, axis=1)
    if not (np.all(np.isfinite(axes)) and regular.all()):
        raise UnreadableFile(path, "block XLST is damaged: the axis neither rises nor falls throughout")
    return axes, int.from_bytes(raw[4:8], "little")


def _chosen_axis(
    path: Path, axes: NDArray[np.float64], header: Header, dataset: str | None, notes: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
    """Return the axis to read, and the spectra that lie on it (None: all)."""
    _, first, group = np.unique(axes, axis=0, return_index=True, return_inverse=True)
    if len(first) == 1:
        if dataset not in (None, "track 1"):
            raise UnreadableFile(path, f"has no dataset {dataset!r}; it holds one, 'track 1'")
        return axes[0], None
    if len(axes) != header.capacity:
        raise UnreadableFile(
            path,
            f"has {len(axes)} axes for {header.capacity} spectra; which spectrum belongs to which is described only "
            "where there is one for each",
        )
    # Tracks are numbered as they come; one that repeats an earlier axis belongs to it.
    group, first = group.ravel(), np.sort(first)
    names = [f"track {k + 1}" for k in range(len(first))]
    if dataset is not None and dataset not in names:
        raise UnreadableFile(path, f"has no dataset {dataset!r}; it holds {', '.join(names)}")
    wanted = first[0 if dataset is None else names.index(dataset)]
    if dataset is None:
        notes.append(f"the file holds spectra on {len(names)} axes, {', '.join(names)}; the first was read")
    return axes[wanted], np.flatnonzero(group == group[wanted])


def _check_data(path: Path, block: Block, header: Header) -> None:
    needed = 4 * header.capacity * header.n_points
    if block.available < needed:
        raise UnreadableFile(
            path,
            f"block DATA (the spectra) is short: {header.capacity} spectra of {header.n_points} points need {needed} "
            f"bytes, it has {block.available}",
        )


def _measured_by_count(header: Header, notes: list[str]) -> int:
    if header.collected > header.capacity:
        notes.append(
            f"the header counts {header.collected} measured spectra but has room for {header.capacity}; all are read"
        )
        return header.capacity
    return header.collected


def _read_properties(blocks: list[Block], stream: BinaryIO, notes: list[str]) -> dict[str, Any]:
    """Return {block: tree} of all property sets and of the text block."""
    found: dict[str, Any] = {}
    for block in blocks:
        name = block.name if block.name not in found else f"{block.name} {block.uid}"
        if block.name == "TEXT":
            found[name] = text_of(block.read(stream, _TEXT_BYTES))
        elif block.name not in _NO_PROPERTIES:
            tree, problem = property_tree(read_property_set(block, stream))
            if tree:
                found[name] = tree
            if problem is not None:
                notes.append(f"block {name} is damaged, a part of the settings is missing: {problem}")
    return found


def _without_unmeasured(
    path: Path, header: Header, rows: FileRows, origins: list[OriginList], lazy: bool, notes: list[str]
) -> tuple[FileRows, list[OriginList]]:
    """Leave out planned spectra that were never measured, and say so.

    The header counts the measured ones. Where it counts all, an undated and empty tail was not measured either.
    """
    n = rows.shape[0]
    stamps = next((o for o in origins if o.kind == _TIME), None)
    if stamps is not None and stamps.unit == _FILETIME_UNIT and n > 1:
        dated = np.flatnonzero(stamps.raw)
        last = int(dated[-1]) + 1 if dated.size else n
        if lazy and (n - last) * rows.shape[1] * 4 > _LAZY_TAIL_BYTES:
            notes.append(f"the last {n - last} spectra have no time; read lazily, they were not searched for light")
        elif last < n and not rows.any_in(last, n):
            n = last
    if n == 0:
        raise UnreadableFile(path, f"holds no measured spectrum: 0 of {header.capacity} planned spectra were collected")
    if n < header.capacity:
        notes.append(
            f"the measurement was interrupted: {n} of {header.capacity} planned spectra were measured; "
            "the others are left out, the scan shape is that of the plan"
        )
    if n < rows.shape[0]:
        origins = [OriginList(o.kind, o.primary, o.unit, o.label, o.raw[:n].copy()) for o in origins]
    return rows.first(n), origins


# -- interpretation ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Settings:
    """How one spectrum was collected."""

    exposure_s: float | None
    """One exposure."""
    accumulations: int
    """Exposures that count as signal."""
    taken: int
    """Exposures that were taken: the cosmic-ray filter adds some."""

    @property
    def signal_s(self) -> float | None:
        return None if self.exposure_s is None else self.exposure_s * self.accumulations

    @property
    def irradiation_s(self) -> float | None:
        return None if self.exposure_s is None else self.exposure_s * self.taken


def _dataset(parts: _File, lazy: bool) -> OperandoDataset:
    settings = _settings(parts)
    laser = _laser(parts)
    shift, kind = _spectral_axis(parts, laser.wavelength_nm)
    falling = len(shift) > 1 and bool(shift[0] > shift[-1])
    columns = _positions(parts)
    layout = _layout(parts, columns)
    columns.update(_exposures(parts, settings))
    clock = _clock(parts, settings)
    if clock.time_s is not None:
        columns["time_s"] = clock.time_s
    if layout.distance is not None:
        columns["distance_um"] = layout.distance
    if layout.scan_index is not None:
        columns["scan_index"] = layout.scan_index
    image = _image(parts)
    metadata = Metadata(
        title=parts.header.title or None,
        started_at=clock.started_at,
        stamp_refers_to=clock.refers_to,
        laser=laser,
        instrument=_instrument(parts, settings),
        images=() if image is None else (image,),
        vendor=_vendor(parts),
    )
    rows = parts.rows.flip(falling)
    whole = OperandoDataset(
        intensity=as_dask(rows) if lazy else rows.read(),
        shift=shift[::-1] if falling else shift,
        columns=columns,
        scan_shape=layout.scan_shape,
        metadata=metadata.warn(*parts.notes, *layout.notes),
        axis_kind=kind,
    )
    return whole if parts.chosen is None else whole.select(parts.chosen[parts.chosen < parts.n_spectra])


def _spectral_axis(parts: _File, laser_nm: float | None) -> tuple[NDArray[np.float64], AxisKind]:
    """Return the axis in cm-1 or nm, in the file's direction, and its kind."""
    axis, unit = parts.axis, parts.axis_unit
    if unit == 1:
        return axis, "raman_shift"
    if unit in (3, 5):
        return axis * (1.0 if unit == 3 else 1e3), "wavelength"
    if unit == 0:
        parts.notes.append("the file does not state the unit of its axis; it is taken as Raman shift in cm-1")
        return axis, "raman_shift"
    if unit == 2 and laser_nm is None:
        parts.notes.append("the axis is in absolute wavenumbers and the laser is not known, so there is no Raman shift")
        return axis, "wavenumber"
    if unit == 2:
        parts.notes.append(f"the axis was absolute wavenumber; it is converted to Raman shift with {laser_nm:.2f} nm")
        return 1e7 / float(laser_nm or 0.0) - axis, "raman_shift"
    if unit == 4 and axis.min() > 0:
        parts.notes.append("the axis was photon energy in eV; it is converted to wavelength in nm (vacuum)")
        return _EV_NM / axis, "wavelength"
    raise UnreadableFile(
        parts.path,
        f"its axis is in {named(UNITS, unit)}; possible are Raman shift, wavenumber, nm, µm and (positive) eV",
    )


def _lengths_um(parts: _File, kind: int) -> NDArray[np.float64] | None:
    """Return an origin list in µm, or None if there is none or it is no length."""
    found = parts.origin(kind)
    if found is None:
        return None
    factor = _TO_UM.get(found.unit)
    if factor is None:
        parts.notes.append(
            f"the origin list {found.label!r} is in {named(UNITS, found.unit)}, no length; it is ignored"
        )
        return None
    with np.errstate(all="ignore"):
        values = found.values * factor
    if not np.all(np.isfinite(values)):
        parts.notes.append(f"the origin list {found.label!r} holds values that are no numbers")
    return values


def _positions(parts: _File) -> dict[str, NDArray[Any]]:
    """Return the columns of stage positions and temperature."""
    columns: dict[str, NDArray[Any]] = {}
    for name, kind in (("x_um", _X), ("y_um", _Y), ("z_um", _Z), ("focus_track_um", _FOCUS_TRACK)):
        values = _lengths_um(parts, kind)
        if values is not None:
            columns[name] = values
    if "focus_track_um" in columns and "z_um" not in columns:
        # Focus tracking moves z before each spectrum: without a list of its own, z is where the focus was found.
        columns["z_um"] = columns.pop("focus_track_um")
    temperature = parts.origin(_TEMPERATURE)
    if temperature is not None:
        celsius = _celsius(temperature)
        if celsius is None:
            parts.notes.append(f"the temperatures are in {named(UNITS, temperature.unit)}; they are ignored")
        else:
            columns["temperature_c"] = celsius
    flags = parts.origin(_FLAGS)
    if flags is not None and flags.raw.any():
        columns["wdf_flags"] = flags.raw
        parts.notes.append(_flag_words(flags.raw))
        if (flags.raw & 1).any():
            columns["flags"] = (flags.raw & 1) * int(SpectrumFlag.SATURATED)
    return columns


def _flag_words(flags: NDArray[np.int64]) -> str:
    counts = {bit: int(np.count_nonzero(flags >> bit & 1)) for bit in range(64)}
    words = [f"{SPECTRUM_FLAGS.get(bit, f'bit {bit}')}: {n}" for bit, n in counts.items() if n]
    return f"WiRE set flags for {np.count_nonzero(flags)} of {flags.size} spectra ({', '.join(words)}); see wdf_flags"


def _celsius(found: OriginList) -> NDArray[np.float64] | None:
    with np.errstate(all="ignore"):
        if found.unit == 10:
            return found.values - 273.15
        if found.unit == 21:
            return found.values.copy()
        return (found.values - 32.0) / 1.8 if found.unit == 22 else None


def _layout(parts: _File, columns: Mapping[str, NDArray[Any]]) -> Layout:
    header = parts.header
    if header.is_map or parts.area is not None:
        positions = {axis: columns[f"{axis}_um"] for axis in "xyz" if f"{axis}_um" in columns}
        return map_layout(parts.area, positions, parts.n_spectra, header.capacity)
    if header.is_series and header.capacity > 1:
        scanned = [o.kind for o in parts.origins if o.primary]
        name = _SERIES_NAMES.get(scanned[0], "series") if len(scanned) == 1 else "series"
        return Layout(((name, header.capacity),))
    return Layout()


# -- time --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Clock:
    time_s: NDArray[np.float64] | None = None
    started_at: datetime | None = None
    refers_to: Literal["end", "unknown"] = "unknown"


def _clock(parts: _File, settings: _Settings) -> _Clock:
    header, stamps = parts.header, parts.origin(_TIME)
    if stamps is None:
        return _Clock(started_at=filetime(header.start_ticks))
    if stamps.unit != _FILETIME_UNIT:
        return _elapsed(parts, stamps)
    known = plausible_ticks(stamps.raw)
    strange = int(np.count_nonzero(~known & (stamps.raw != 0)))
    if strange:
        parts.notes.append(f"the time stamps of {strange} spectra are impossible dates; they are left out")
    if not known.any():
        return _Clock(np.full(parts.n_spectra, np.nan), filetime(header.start_ticks))
    zero = int(stamps.raw[known].min())
    # Whole ticks are subtracted before they become floating point, so that 100 ns survive.
    time_s = np.where(known, (stamps.raw - np.where(known, zero, stamps.raw)) / TICKS_PER_SECOND, np.nan)
    _check_collection_time(parts, zero, int(stamps.raw[known].max()))
    return _Clock(time_s, filetime(zero), _meaning_of_stamps(header, stamps.raw[known], settings))


def _meaning_of_stamps(header: Header, ticks: NDArray[np.int64], settings: _Settings) -> Literal["end", "unknown"]:
    """Return ``end`` where the header's times prove it: both other readings would place light outside the measurement.

    After the last stamp less than half of a spectrum's collection time was left, so it names neither the start nor the
    middle; and before the first there was time enough to collect one.
    """
    duration = settings.irradiation_s
    if not duration or filetime(header.start_ticks) is None or filetime(header.end_ticks) is None:
        return "unknown"
    before = (int(ticks.min()) - header.start_ticks) / TICKS_PER_SECOND
    after = (header.end_ticks - int(ticks.max())) / TICKS_PER_SECOND
    return "end" if 0 <= after < duration / 2 and before >= 0.9 * duration else "unknown"


def _check_collection_time(parts: _File, first: int, last: int) -> None:
    """Warn if the stamps lie outside the times between which the header says that the file was measured."""
    header = parts.header
    if filetime(header.start_ticks) is None or filetime(header.end_ticks) is None:
        return
    early = (header.start_ticks - first) / TICKS_PER_SECOND
    late = (last - header.end_ticks) / TICKS_PER_SECOND
    if max(early, late) > 1.0:
        amount, word = (early, "before the start") if early >= late else (late, "after the end")
        parts.notes.append(
            f"the time stamps of the spectra lie {amount:.1f} s {word} of the measurement that the header states; "
            "one of the two may be local time"
        )


def _elapsed(parts: _File, stamps: OriginList) -> _Clock:
    """Return the clock of a file that lists elapsed times instead of dates."""
    factor = _TO_SECONDS.get(stamps.unit)
    started_at = filetime(parts.header.start_ticks)
    if factor is None:
        parts.notes.append(f"the times of the spectra are in {named(UNITS, stamps.unit)}, no time; they are ignored")
        return _Clock(started_at=started_at)
    with np.errstate(all="ignore"):
        seconds = stamps.values * factor
    return _Clock(np.where(np.isfinite(seconds), seconds, np.nan), started_at)


# -- instrument --------------------------------------------------------------------------------------------------------


def _found(tree: Any, *path: str) -> Any:
    """Return what lies at a path in nested dicts, or None."""
    for name in path:
        if not isinstance(tree, dict) or name not in tree:
            return None
        tree = tree[name]
    return tree


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _settings(parts: _File) -> _Settings:
    """Return exposure and accumulations as the measurement was set up (WXDM), else the header's accumulations."""
    scan = _found(parts.properties, "WXDM", "Items", "Scan")
    taken = max(1, parts.header.accumulations)
    set_up = _number(_found(scan, "Accumulations"))
    accumulations = int(set_up) if set_up is not None and 1 <= set_up <= 1_000_000 else taken
    milliseconds = _number(_found(scan, "Exposure Time"))
    exposure = milliseconds / 1000 if milliseconds is not None and milliseconds > 0 else None
    if accumulations != taken:
        filtered = _found(scan, "Use Cosmic Ray Remove")
        parts.notes.append(
            f"the header counts {taken} accumulations, but {accumulations} were set"
            + (" (WiRE's cosmic-ray filter takes two more exposures)" if filtered else "")
            + f"; accumulations and exposure_s follow the setting, the sample was lit for {taken} exposures a spectrum"
        )
    if parts.header.is_streamline and exposure is not None:
        parts.notes.append(
            "StreamLine: the exposures of neighbouring spectra overlap, because a pixel collects light while the laser "
            "line crosses it; each stamp is a read-out"
        )
    return _Settings(exposure, accumulations, max(taken, accumulations))


def _exposures(parts: _File, settings: _Settings) -> dict[str, NDArray[np.float64]]:
    n, listed = parts.n_spectra, parts.origin(_EXPOSURE)
    factor = None if listed is None else _TO_SECONDS.get(listed.unit)
    if listed is not None and factor is not None:
        with np.errstate(all="ignore"):
            return {"exposure_s": listed.values * factor}
    columns = {}
    if settings.signal_s is not None and settings.irradiation_s is not None:
        columns["exposure_s"] = np.full(n, settings.signal_s)
        if settings.taken != settings.accumulations:
            columns["irradiation_s"] = np.full(n, settings.irradiation_s)
    return columns


def _laser(parts: _File) -> Laser:
    wavenumber = parts.header.laser_wavenumber
    wavelength = 1e7 / wavenumber if math.isfinite(wavenumber) and wavenumber > 0 else None
    if wavelength is None:
        parts.notes.append("the file does not state the laser's wavelength")
    elif not _LASER_NM[0] <= wavelength <= _LASER_NM[1]:
        parts.notes.append(f"the laser's wavelength of {wavelength:.4g} nm in the header cannot be; it is left out")
        wavelength = None
    percent = _number(_found(parts.properties, "WXDM", "Items", "InstrumentState", "NDPercent"))
    fraction = percent / 100 if percent is not None and 0 <= percent <= 100 else None
    return Laser(wavelength_nm=wavelength, power_fraction=fraction)


def _instrument(parts: _File, settings: _Settings) -> Instrument:
    header, trees = parts.header, parts.properties
    wire = header.application == "WiRE"
    version = ".".join(map(str, header.version))
    return Instrument(
        vendor="Renishaw" if wire else None,
        model=_text(_found(trees, "WXIS", "Instrument type")),
        software=f"{header.application} {version}" if header.application else None,
        objective=_text(_found(trees, "WXIS", "Microscope", "Objective")),
        grating=_text(_found(trees, "WXIS", "System Configuration", "Grating")),
        detector=_text(_found(trees, "WXCS", "CCD", "CCD")),
        accumulations=settings.accumulations,
    )


def _vendor(parts: _File) -> dict[str, Any]:
    tree: dict[str, Any] = {"WDF1": parts.header.as_tree(), "XLST": {"unit": named(UNITS, parts.axis_unit)}}
    if parts.area is not None:
        tree["WMAP"] = parts.area.as_tree()
    if parts.origins:
        tree["ORGN"] = [
            {"label": o.label, "kind": o.kind, "unit": named(UNITS, o.unit), "primary": o.primary}
            for o in parts.origins
        ]
    listed = parts.blocks[:_LISTED_BLOCKS]
    return {**tree, **parts.properties, "blocks": [{"name": b.name, "uid": b.uid, "bytes": b.size} for b in listed]}


# -- white-light image -------------------------------------------------------------------------------------------------


def _image(parts: _File) -> FieldImage | None:
    """Return the white-light image, or None (with a warning if there is one that cannot be shown)."""
    if parts.image is None:
        return None
    try:
        from PIL import Image
    except ImportError:
        parts.notes.append("the white-light image is left out, because Pillow is not installed (pip install pillow)")
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of damaged tags; what they lack is said below
            picture = Image.open(BytesIO(parts.image), formats=("JPEG",))
            if picture.width * picture.height > _IMAGE_PIXELS:
                raise ValueError(f"{picture.width} × {picture.height} pixels are too many")
            pixels = np.asarray(picture if picture.mode in ("L", "RGB") else picture.convert("RGB"))
            extent = _image_extent(picture.getexif())
    # Pillow raises many kinds of exceptions on damaged pictures, SyntaxError among them.
    except Exception as error:
        parts.notes.append(f"the white-light image (block WHTL) cannot be decoded and is left out: {error}")
        return None
    if extent is None:
        parts.notes.append("the white-light image does not state where on the stage it was taken")
        return FieldImage("white-light image", pixels)
    return FieldImage("white-light image", pixels, *extent)


def _image_extent(tags: Any) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return stage x of the left and right edge, and stage y of the top and bottom edge, in µm.

    Renishaw keeps the stage position of the upper left corner in tag 0xFEA0 and the width and height of the field in
    the Exif tags of the focal-plane resolution, whose unit is numbered as everywhere in a WDF file. The stage's y grows
    downwards in the picture (in measured maps the contrast of picture and spectra agrees only so).
    """
    details = tags.get_ifd(_EXIF)
    origin, factor = tags.get(_IMAGE_ORIGIN), _TO_UM.get(details.get(_RESOLUTION_UNIT, 5))
    size = (details.get(_FIELD_OF_VIEW_X), details.get(_FIELD_OF_VIEW_Y))
    if None in size:
        sensor, magnification = tags.get(_IMAGE_SENSOR), tags.get(_IMAGE_MAGNIFICATION)
        if sensor is None or not magnification:
            return None
        size, factor = (sensor[0] / magnification, sensor[1] / magnification), 1.0
    if origin is None or factor is None:
        return None
    x, y = float(origin[0]), float(origin[1])
    width, height = float(size[0]) * factor, float(size[1]) * factor
    if not all(map(math.isfinite, (x, y, width, height))) or width <= 0 or height <= 0:
        return None
    return (x, x + width), (y, y + height)


READER = Reader(
    name="renishaw-wdf",
    description="Renishaw WiRE: spectra, maps, line scans, depth and time series",
    extensions=(".wdf",),
    sniff=sniff,
    load=load,
    lazy=True,
    gives=("times", "start with zone", "positions", "scan", "exposure", "laser", "power", "image", "several"),
)
