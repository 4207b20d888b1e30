"""Raman spectra in NeXus files of other programs (NXraman, NXoptical_spectroscopy, CHARISMA), and CHARISMA's ``.cha``.

Structure. HDF5. A spectrum or map is a group of class ``NXdata`` that names its ``signal`` and ``axes``; it lies in an
``NXentry`` beside the instrument and the sample. CHARISMA (ramanchada2, pyambit) writes one entry a sample, and several
``NXdata`` in groups of their own. A ``.cha`` file holds arrays of (2, channels), axis and intensity, with attributes.
Only groups with a spectral axis count. If there are several, the default one is read, else the largest, and a warning
names all; ``dataset`` chooses another by its name or its path. Further axes become the dimensions of the scan.

Units. The axis by its unit: 1/cm is a Raman shift where definition or name say Raman, else a wavenumber; nm is a
wavelength. Power of ``beam_incident`` is that of the beam on the sample, in mW. Exposure is ``count_time``, times
``number_of_cycles`` where pynxtools-raman writes it. Temperatures are in degrees Celsius.

Time. ``start_time`` of the entry, with its zone if it has one; an axis of times in s, ms or min gives each spectrum its
own.

Not read: calibrations, transformations, raw detector images. Everything small stays in ``vendor``. Files that Spectrode
wrote belong to :mod:`spectrode.readers.native_hdf5`.

Tests use examples of pynxtools-raman (Apache-2.0) and of ramanchada2 (MIT).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Laser, Metadata, Sample
from ._hdf5 import attribute, attributes, checked_array, opened, sniffed, text_of
from ._several import Offered, choose
from ._text import ascending
from .registry import Reader

__all__ = ["READER", "load"]

_DEFINITIONS = ("NXraman", "NXoptical_spectroscopy")
# Damage can make a group its own descendant, and a file of a few kilobytes look like an endless tree.
_MAX_DEPTH = 10
_MAX_GROUPS = 5_000
_MAX_CHILDREN = 50_000
_VENDOR_SIZE = 16
_CM = re.compile(r"^(?:1/cm|cm\^?[-−¯⁻]?[1¹]|cm\^\(-1\)|inverse cm)$", re.I)
_LENGTHS = {"µm": 1.0, "μm": 1.0, "um": 1.0, "micrometer": 1.0, "mm": 1e3, "nm": 1e-3, "m": 1e6, "cm": 1e4}
_SECONDS = {"s": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0}
_MILLIWATTS = {"mw": 1.0, "w": 1e3, "µw": 1e-3, "uw": 1e-3}


# -- finding the spectra ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A signal with a spectral axis."""

    path: str
    name: str
    signal: Any
    axis: Any | None
    """None for a .cha array, whose first row is the axis."""
    spectral_dimension: int
    entry: Any
    group: Any

    @property
    def size(self) -> int:
        return int(self.signal.size or 0)


def _class_of(node: Any) -> str:
    return text_of(attribute(node, "NX_class", ""))


def _groups(file: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, group, entry) of all groups; the entry is the NXentry that a group is in, or None."""
    pending: list[tuple[str, Any, Any, int]] = [("", file, None, 0)]
    seen: set[int] = set()
    while pending and len(seen) < _MAX_GROUPS:
        path, group, entry, depth = pending.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            continue
        seen.add(address)
        if _class_of(group) == "NXentry":
            entry = group
        yield path, group, entry
        if depth >= _MAX_DEPTH or len(group) > _MAX_CHILDREN:
            continue
        for name in reversed(list(group)):
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.HardLink) and group.get(name, getclass=True) is h5py.Group:
                pending.append((f"{path}/{name}", group[name], entry, depth + 1))


def _candidates(file: Any, cha: bool) -> list[_Candidate]:
    found = []
    for path, group, entry in _groups(file):
        if _class_of(group) == "NXdata" and "signal" in group.attrs:
            one = _nxdata(path, group, entry)
            if one is not None:
                found.append(one)
        elif cha:
            found += [
                _Candidate(f"{path}/{name}", name, group[name], None, 1, None, group)
                for name in group
                if _is_cha(group, name)
            ]
    return found


def _is_cha(group: Any, name: str) -> bool:
    if group.get(name, getclass=True) is not h5py.Dataset:
        return False
    shape = group[name].shape
    return shape is not None and len(shape) == 2 and shape[0] == 2 and shape[1] > 1 and group[name].dtype.kind == "f"


def _axis_names(group: Any, dimensions: int) -> list[str]:
    raw = attribute(group, "axes", ())
    if isinstance(raw, (str, bytes)):
        names = re.split(r"[:,\s]+", text_of(raw).strip("[] ")) if dimensions > 1 else [text_of(raw)]
    else:
        names = [text_of(name) for name in np.atleast_1d(raw)]
    return names


def _nxdata(path: str, group: Any, entry: Any) -> _Candidate | None:
    name = text_of(attribute(group, "signal", ""))
    if group.get(name, getclass=True) is not h5py.Dataset:
        return None
    signal = group[name]
    if signal.shape is None or signal.dtype.kind not in "fiu" or not signal.shape:
        return None
    for dimension, axis_name in enumerate(_axis_names(group, len(signal.shape))[: len(signal.shape)]):
        if group.get(axis_name, getclass=True) is not h5py.Dataset:
            continue
        axis = group[axis_name]
        if axis.shape == (signal.shape[dimension],) and _axis_kind(axis, axis_name, entry) is not None:
            return _Candidate(path, path.rpartition("/")[2], signal, axis, dimension, entry, group)
    return None


def _unit(stored: Any) -> str:
    for name in ("units", "unit"):  # pyambit writes the singular
        if name in stored.attrs:
            return text_of(attribute(stored, name, "")).strip()
    return ""


def _axis_kind(axis: Any, name: str, entry: Any) -> AxisKind | None:
    unit = _unit(axis)
    words = f"{name} {text_of(attribute(axis, 'long_name', ''))}".lower()
    definition = _definition(entry)
    if _CM.match(unit):
        return "raman_shift" if "raman" in words or definition == "NXraman" else "wavenumber"
    if unit.lower() in ("nm", "nanometer", "nanometers"):
        spectral = re.search(r"wave|lambda|spectr|shift|^x_values", words) is not None
        return "wavelength" if spectral or definition in _DEFINITIONS else None
    return None


def _definition(entry: Any) -> str:
    if entry is None or entry.get("definition", getclass=True) is not h5py.Dataset:
        return ""
    return text_of(_small(entry["definition"]))


def _sniff(path: Path, head: bytes) -> bool:
    file = sniffed(path, head)
    if file is None:
        return False
    with file:
        try:
            if "entry/spectrode" in file:
                return False
            return bool(_candidates(file, path.suffix.lower() == ".cha"))
        except (OSError, RuntimeError, TypeError, AttributeError, KeyError, ValueError):
            return path.suffix.lower() in (".nxs", ".cha")


def load(path: Path, *, dataset: str | None = None) -> OperandoDataset:
    """Read a spectrum, series or map.

    Parameters
    ----------
    dataset
        Name or path of one of several groups of spectra. Without it, the file's default is read, else the largest.

    Returns
    -------
    OperandoDataset
        Whole in memory, in the order of the file; the axis rising.

    Raises
    ------
    UnreadableFile
        If the file is damaged, holds no spectrum with a spectral axis, or none of that name.
    """
    with opened(path) as file:
        candidates = _uniquely_named(_candidates(file, path.suffix.lower() == ".cha"))
        if not candidates:
            raise UnreadableFile(path, "holds no NXdata with a signal over an axis in 1/cm or nm")
        by_path = [c for c in candidates if dataset is not None and c.path.strip("/") == dataset.strip("/")]
        if by_path:
            return _dataset(path, by_path[0])
        default = _default(file, candidates) or max(candidates, key=lambda c: c.size)
        offered = [Offered(c.name, " × ".join(map(str, c.signal.shape))) for c in candidates]
        index, notes = choose(path, offered, dataset, candidates.index(default))
        data = _dataset(path, candidates[index])
        return data.replace(metadata=data.metadata.warn(*notes))


def _uniquely_named(candidates: list[_Candidate]) -> list[_Candidate]:
    names = [c.name for c in candidates]
    return [
        _Candidate(**{**c.__dict__, "name": c.path.strip("/")}) if names.count(c.name) > 1 else c for c in candidates
    ]


def _default(file: Any, candidates: list[_Candidate]) -> _Candidate | None:
    """Follow the ``default`` attributes from the root; None if they lead to no spectrum."""
    node, path = file, ""
    for _ in range(_MAX_DEPTH):
        name = text_of(attribute(node, "default", "")).strip("/")
        if not name or node.get(name, getclass=True) is not h5py.Group:
            break
        node, path = node[name], f"{path}/{name}"
    return next((c for c in candidates if c.path == path), None)


# -- numbers ----------------------------------------------------------------------------------------------------------


def _native(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _dataset(path: Path, chosen: _Candidate) -> OperandoDataset:
    values = _native(np.asarray(checked_array(chosen.signal, path)))
    if chosen.axis is None:
        return _cha(path, chosen, values)
    axis = np.asarray(checked_array(chosen.axis, path), dtype=np.float64)
    kind = _axis_kind(chosen.axis, chosen.axis.name.rpartition("/")[2], chosen.entry)
    assert kind is not None  # only such axes make a candidate
    spectra = np.moveaxis(values, chosen.spectral_dimension, -1)
    outer = spectra.shape[:-1]
    flat = spectra.reshape(int(np.prod(outer)), axis.size)
    shift, intensity = ascending(path, axis, flat)
    scan, columns = _scan(path, chosen, outer)
    metadata, exposure = _metadata(chosen)
    n = flat.shape[0]
    for name, value in (("exposure_s", exposure), ("temperature_c", _temperature(chosen.entry))):
        if value is not None:
            columns[name] = np.full(n, value)
    start = metadata.started_at or metadata.local_start
    if start is not None and n == 1:
        columns.setdefault("time_s", np.zeros(1))
    return OperandoDataset(intensity, shift, columns, scan, metadata, axis_kind=kind)


def _cha(path: Path, chosen: _Candidate, values: NDArray[Any]) -> OperandoDataset:
    shift, intensity = ascending(path, values[0].astype(np.float64), values[1:])
    stated = {k: _plain(v) for k, v in attributes(chosen.signal).items()}
    label = " ".join(map(str, stated.values())).lower()
    note = "a .cha file does not state the unit of its axis; Raman shift in cm-1 was taken"
    notes = () if "raman shift" in label else (note,)
    title = stated.get("sample")
    metadata = Metadata(title=title if isinstance(title, str) else chosen.name, vendor=stated, warnings=notes)
    return OperandoDataset(intensity, shift, metadata=metadata)


def _scan(
    path: Path, chosen: _Candidate, outer: tuple[int, ...]
) -> tuple[tuple[tuple[str, int], ...], dict[str, NDArray[Any]]]:
    """Return the scan shape from the other axes, and columns of positions and times that they state."""
    dimensions = len(outer) + 1
    names = _axis_names(chosen.group, dimensions)
    names += ["."] * (dimensions - len(names))
    del names[chosen.spectral_dimension]
    scan: list[tuple[str, int]] = []
    columns: dict[str, NDArray[Any]] = {}
    for position, (name, size) in enumerate(zip(names, outer, strict=False)):
        word, column, factor = _meaning(chosen.group, name, size)
        taken = [n for n, _ in scan]
        word = word if word not in taken else f"{word}{position}"
        scan.append((word, size))
        if column is not None and column not in columns:
            stored = np.asarray(checked_array(chosen.group[name], path), dtype=np.float64) * factor
            shape = [1] * len(outer)
            shape[position] = size
            columns[column] = np.broadcast_to(stored.reshape(shape), outer).ravel().copy()
    return tuple(scan), columns


def _meaning(group: Any, name: str, size: int) -> tuple[str, str | None, float]:
    """Return the name of a scan dimension, and the column that its axis gives with the factor to its unit."""
    word = name.strip(".") or "index"
    if group.get(name, getclass=True) is not h5py.Dataset:
        return word, None, 1.0
    stored, unit = group[name], _unit(group[name])
    if stored.shape != (size,) or stored.dtype.kind not in "fiu":
        return word, None, 1.0
    match = re.match(r"^(?:sample_|stage_|pos(?:ition)?_)?([xyz])(?:_|$|pos)", name, re.I)
    if match and unit in _LENGTHS:
        return match[1].lower(), f"{match[1].lower()}_um", _LENGTHS[unit]
    if name.lower().startswith("time") and unit in _SECONDS:
        return "time", "time_s", _SECONDS[unit]
    return word, None, 1.0


# -- what is known about them -----------------------------------------------------------------------------------------


def _child(node: Any, *names: str) -> Any:
    """Return the first child that is there, or None."""
    if not isinstance(node, h5py.Group):
        return None
    return next((node[name] for name in names if node.get(name, getclass=True) is not None and name in node), None)


def _of_class(node: Any, nx_class: str, name: str = "") -> Any:
    """Return the first child group of a class whose name begins so, or None; pyambit leaves classes out."""
    if not isinstance(node, h5py.Group):
        return None
    groups = [n for n in node if node.get(n, getclass=True) is h5py.Group]
    classed = [n for n in groups if _class_of(node[n]) == nx_class and n.startswith(name)]
    found = classed or [n for n in groups if name and n.startswith(name)]
    return node[found[0]] if found else None


def _small(stored: Any) -> Any:
    return checked_array(stored, Path(stored.file.filename))


def _number(node: Any) -> float | None:
    if not isinstance(node, h5py.Dataset) or node.size != 1 or node.dtype.kind not in "fiu":
        return None
    value = float(np.asarray(_small(node)).ravel()[0])
    return value if np.isfinite(value) else None


def _text(node: Any) -> str | None:
    if not isinstance(node, h5py.Dataset) or node.size != 1 or h5py.check_string_dtype(node.dtype) is None:
        return None
    return text_of(_small(node)).strip() or None


def _metadata(chosen: _Candidate) -> tuple[Metadata, float | None]:
    """Return the metadata, and the exposure of each spectrum if it is stated."""
    entry = chosen.entry
    title = _text(_child(chosen.group, "title")) or _text(_child(entry, "title"))
    if entry is None:
        return Metadata(title=title, vendor=_tree(chosen.group)), None
    instrument = _of_class(entry, "NXinstrument") or _child(entry, "instrument")
    sample = _of_class(entry, "NXsample") or _child(entry, "sample")
    detector = _of_class(instrument, "NXdetector", "detector")
    device = _child(instrument, "device_information")
    lens = _of_class(instrument, "NXoptical_lens", "objective")
    cycles = _number(_child(detector, "number_of_cycles"))
    exposure = _number(_child(detector, "count_time"))
    seconds = _SECONDS.get(_unit(_child(detector, "count_time")) or "s") if exposure is not None else None
    if exposure is not None and seconds is not None and exposure >= 0:
        exposure *= seconds * (cycles or 1)
    else:
        exposure = None
    start, note = _start(_text(_child(entry, "start_time")))
    metadata = Metadata(
        title=title,
        started_at=start if start is not None and start.tzinfo else None,
        local_start=start if start is not None and start.tzinfo is None else None,
        stamp_refers_to="start" if start is not None else "unknown",
        laser=_laser(_of_class(instrument, "NXbeam", "beam_incident") or _of_class(instrument, "NXbeam", "beam")),
        instrument=Instrument(
            vendor=_text(_child(device, "vendor")),
            model=_text(_child(device, "model")),
            objective=_text(_child(_child(lens, "device_information"), "model")) or _magnification(lens),
            grating=_grating(instrument),
            detector=_text(_child(_child(detector, "device_information"), "model"))
            or _text(_child(detector, "detector_type")),
            accumulations=int(cycles) if cycles is not None and 1 <= cycles < 1e9 else None,
        ),
        sample=Sample(
            _text(_child(sample, "name")) or _text(_child(_child(sample, "substance"), "name")),
            _text(_child(sample, "description")) or _text(_child(sample, "chemical_formula")),
        ),
        vendor=_tree(entry),
        warnings=(note,) if note else (),
    )
    return metadata, exposure


def _start(text: str | None) -> tuple[datetime | None, str | None]:
    if text is None:
        return None, None
    try:
        return datetime.fromisoformat(text), None
    except ValueError:
        return None, f"the start time {text[:40]!r} is not a date that can be read"


def _laser(beam: Any) -> Laser:
    stored = _child(beam, "wavelength", "incident_wavelength")
    wavelength = _number(stored)
    if wavelength is not None:
        wavelength *= {"nm": 1.0, "µm": 1e3, "um": 1e3, "m": 1e9, "angstrom": 0.1}.get(_unit(stored) or "nm", np.nan)
    power = _number(_child(beam, "average_power"))
    if power is not None:
        power *= _MILLIWATTS.get(_unit(_child(beam, "average_power")).lower(), np.nan)
    good = [value if value is not None and value > 0 else None for value in (wavelength, power)]
    return Laser(wavelength_nm=good[0], power_mw=good[1])


def _magnification(lens: Any) -> str | None:
    value = _number(_child(lens, "magnification"))
    return None if value is None else f"{value:g}x"


def _grating(instrument: Any) -> str | None:
    stored = _child(_child(_child(instrument, "monochromator"), "grating"), "period")
    period = _number(stored)
    if period is None or period <= 0 or _unit(stored) not in _LENGTHS:
        return None
    return f"{1e3 / (period * _LENGTHS[_unit(stored)]):.4g} lines/mm"


def _temperature(entry: Any) -> float | None:
    sensor = _child(_child(_of_class(entry, "NXsample"), "temperature_env"), "temperature_sensor")
    stored = _child(sensor, "value")
    value, unit = _number(stored), (_unit(stored) if stored is not None else "").lower()
    if value is None or unit not in ("k", "kelvin", "celsius", "°c", "degc"):
        return None
    return value - 273.15 if unit in ("k", "kelvin") else value


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return text_of(value)
    if isinstance(value, np.ndarray):
        return [_plain(v) for v in value.ravel()[:_VENDOR_SIZE]]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _tree(group: Any) -> dict[str, Any]:
    """Return everything small below a group: fields by name, attributes as ``name@attribute``."""
    return _branch(group, 0, set())


def _branch(node: Any, depth: int, seen: set[int]) -> dict[str, Any]:
    found: dict[str, Any] = {f"@{k}": _plain(v) for k, v in attributes(node).items()}
    address = h5py.h5o.get_info(node.id).addr
    if address in seen or depth > _MAX_DEPTH or len(seen) > _MAX_GROUPS or len(node) > _MAX_CHILDREN:
        return found
    seen.add(address)
    for name in node:
        if not isinstance(node.get(name, getlink=True), h5py.HardLink):
            continue
        kind = node.get(name, getclass=True)
        if kind is h5py.Group:
            found[name] = _branch(node[name], depth + 1, seen)
        elif kind is h5py.Dataset:
            stored = node[name]
            if stored.size is not None and stored.size <= _VENDOR_SIZE and stored.dtype.kind in "fiubSO":
                found[name] = _plain(_small(stored))
                found.update({f"{name}@{k}": _plain(v) for k, v in attributes(stored).items()})
    return found


READER = Reader(
    name="nexus-raman",
    description="NeXus files of other programs (NXraman, NXoptical_spectroscopy, CHARISMA), CHARISMA .cha",
    extensions=(".nxs", ".cha", ".h5", ".hdf5"),
    sniff=_sniff,
    load=load,
    gives=("times", "start with zone", "exposure", "laser", "power", "several"),
)
