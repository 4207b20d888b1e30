"""The native file: HDF5 laid out as NeXus ``NXraman``, so that any NeXus viewer shows the spectra.

Layout (``/entry`` is the default ``NXentry``)::

    /entry/definition                 "NXraman"; "NXoptical_spectroscopy" for an axis that is no Raman shift
    /entry/data                       NXdata: intensity (spectrum, shift), shift, mask, variance; time, potential,
                                      current and charge as further axes of the spectra
    /entry/products                   NXcollection: what steps found in each channel, if asked for (background, spikes)
    /entry/columns                    NXcollection: one (spectra,) array a column, with units
    /entry/instrument                 beam_incident, detector_main, as far as known
    /entry/sample/electrochemistry    NXenvironment: sensors whose value_log links to the columns
    /entry/images/<n>                 white-light images with their edges in micrometres
    /entry/spectrode                  scan shape, kind of axis, metadata and history as JSON, file version

Numbers are stored in the type they have. Intensities lie in chunks of about (512, 128), so that one spectrum and one
band image are both quick to read. They are not compressed: of 20,000 spectra of 1024 float32 channels, a pixel takes
0.4 ms and a band of 38 channels 3 ms, but 7 ms and 36 ms through gzip (level 1 or 4), and 5 ms and 28 ms through LZF;
gzip made raw counts 3.4 times smaller and processed intensities 1.3 times (``benchmarks/layout_hdf5.py``). Filters that
plain h5py cannot read were not considered. Masks, which are nearly all zero, are compressed with gzip.

What the definition requires but the dataset does not know is written so that nobody takes it for knowledge: a laser
wavelength as NaN, with an ``experiment_description`` that says so, a kind of Raman experiment as "not stated". Nothing
of that is read back; the reader takes metadata from ``/entry/spectrode`` alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .._version import __version__
from ..columns import unit_of
from ..dataset import OperandoDataset
from ..errors import InvalidDataset
from ..serialise import metadata_to_dict, plain, record_to_dict
from .registry import Writer

__all__ = ["CHUNK", "FILE_VERSION", "WRITER", "Reserved", "chunk_shape", "save", "save_into"]

FILE_VERSION = 1
CHUNK = (512, 128)
"""Rows and channels of a chunk, at most."""
_MANY_CHUNKS = 16
_DEFINITION_URL = "https://github.com/FAIRmat-NFDI/nexus_definitions"
_DEFINITION_VERSION = "v2026.01"
_NOT_STATED = "not stated"


@dataclass(frozen=True)
class _Sensor:
    """How a column of the cell is called in NeXus; ``custom`` words are not in the definition's list."""

    column: str
    measurement: str
    description: str
    custom: bool = False


_SENSORS = (
    _Sensor("potential_v", "voltage", "potential of the working electrode, mean over each exposure"),
    _Sensor("current_ma", "current", "current through the working electrode, mean over each exposure; cathodic < 0"),
    _Sensor("charge_mah", "charge", "charge passed since the start of the trace", custom=True),
)
_AXES_OF_SPECTRA = ("time_s", *(s.column for s in _SENSORS), "temperature_c")
# The more special first: SHINERS is a kind of SERS, and both are mostly done in situ.
_SPECIAL_TECHNIQUES = (
    (r"SHINERS", "shell-isolated nanoparticle-enhanced Raman spectroscopy (SHINERS)", True),
    (r"TERS", "tip-enhanced Raman spectroscopy (TERS)", False),
    (r"SERS", "surface-enhanced Raman spectroscopy (SERS)", False),
)


@dataclass(frozen=True)
class Reserved:
    """(spectra, channels) numbers that are not there yet: the file gets room for them, whose content is undefined.

    It stands for ``intensity`` in a dataset whose numbers are written into the file's chunks by other means.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """Number of dimensions: two."""
        return 2

    def compute(self) -> Any:
        """Raise: there is nothing to compute yet."""
        raise InvalidDataset("these intensities have only been given room in a file; read them from there")


def save(dataset: OperandoDataset, path: Path) -> None:
    """Write a dataset to a new file."""
    with h5py.File(path, "w") as file:
        save_into(dataset, file)


def save_into(
    dataset: OperandoDataset,
    file: Any,
    *,
    arrays: Mapping[str, Any] | None = None,
    products: Mapping[str, Any] | None = None,
) -> None:
    """Write a dataset into an open, empty HDF5 file.

    Parameters
    ----------
    arrays
        ``mask`` and ``variance`` in place of the dataset's own, for those that do not fit in memory
        (:class:`Reserved`).
    products
        (spectra, channels) by-products of the steps by name, kept under ``/entry/products`` beside the axis.
    """
    file.attrs["default"] = "entry"
    file.attrs["creator"] = f"spectrode {__version__}"
    entry = _group(file, "entry", "NXentry")
    entry.attrs["default"] = "data"
    _header(entry, dataset)
    _columns(entry, dataset)  # before the groups that link to them
    _data(entry, dataset, arrays or {})
    _products(entry, products or {})
    _instrument(entry, dataset)
    _sample(entry, dataset)
    _images(entry, dataset)
    _own(entry, dataset)


def _group(parent: Any, name: str, nx_class: str) -> Any:
    group = parent.create_group(name)
    group.attrs["NX_class"] = nx_class
    return group


def _header(entry: Any, dataset: OperandoDataset) -> None:
    metadata = dataset.metadata
    raman = dataset.axis_kind == "raman_shift"
    entry["definition"] = "NXraman" if raman else "NXoptical_spectroscopy"
    entry["definition"].attrs["version"] = _DEFINITION_VERSION
    entry["definition"].attrs["URL"] = _DEFINITION_URL
    entry["title"] = _words(metadata.title or "untitled")
    if raman:
        entry["experiment_type"] = "Raman spectroscopy"
        _term(entry, "raman_experiment_type", *_raman_experiment_type(dataset))
        if metadata.laser.wavelength_nm is None:
            entry["experiment_description"] = "The source does not state the wavelength of the laser: it is NaN here."
    else:
        # Light over wavelength or wavenumber can be emission, transmission or Raman; the axis does not tell which.
        _term(entry, "experiment_type", _NOT_STATED, custom=True)
    if metadata.started_at is not None:  # the definition refuses a time without a zone
        entry["start_time"] = metadata.started_at.isoformat()


def _words(text: str) -> str:
    """Return a text without the zeros that some vendors pad theirs with and HDF5 cannot hold."""
    return text.replace("\0", "")


def _term(group: Any, name: str, value: str, custom: bool) -> None:
    """Write a word of an open list; words of our own carry the attribute that the definition asks for."""
    group[name] = value
    if custom:
        group[name].attrs["custom"] = True


def _raman_experiment_type(dataset: OperandoDataset) -> tuple[str, bool]:
    """Return the term for what the dataset says of itself, and whether it is none of the definition's own."""
    metadata = dataset.metadata
    given = metadata.vendor.get("raman_experiment_type")
    said = " ".join(
        text
        for text in (given, metadata.title, metadata.sample.name, metadata.sample.description)
        if isinstance(text, str)
    )
    for word, term, custom in _SPECIAL_TECHNIQUES:
        if re.search(rf"(?<![A-Za-z]){word}(?![A-Za-z])", said):
            return term, custom
    if any(sensor.column in dataset.columns for sensor in _SENSORS):
        return "in situ Raman spectroscopy", False
    if {"x", "y"} <= {name for name, _ in dataset.scan_shape}:
        return "Raman imaging", False
    return _NOT_STATED, True


def _data(entry: Any, dataset: OperandoDataset, arrays: Mapping[str, Any]) -> None:
    group = _group(entry, "data", "NXdata")
    group.attrs["signal"] = "intensity"
    group.attrs["axes"] = ["spectrum", "shift"]
    group["spectrum"] = np.arange(dataset.n_spectra)
    shift = group.create_dataset("shift", data=dataset.shift)
    shift.attrs["units"] = "1/cm" if dataset.axis_unit == "cm-1" else "nm"
    shift.attrs["long_name"] = dataset.axis_label
    stored = _array(group, "intensity", dataset.intensity)
    if dataset.axis_kind != "wavenumber":  # absorbance, transmittance …: a dataset does not say which
        stored.attrs["units"] = "counts"
    mask = arrays.get("mask", None if dataset.mask is None else dataset.mask.view(np.uint8))
    if mask is not None:  # as numbers, because NXdata holds nothing else
        _array(group, "mask", mask, compressed=True)
    variance = arrays.get("variance", dataset.variance)
    if variance is not None:
        _array(group, "intensity_variance", variance)
    for name in _AXES_OF_SPECTRA:
        if name in dataset.columns:
            group[name] = entry["columns"][name]  # a hard link: stored once
            group.attrs[f"{name}_indices"] = 0


def chunk_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the chunks of an array: of even size, so that the last ones are not mostly empty.

    Long arrays get whole chunks of :data:`CHUNK` rows, which streams rely on; little is lost at their end.
    """
    sizes = []
    for size, limit in zip(shape, CHUNK, strict=True):
        pieces = max(1, -(-size // limit))
        sizes.append(limit if limit == CHUNK[0] and pieces >= _MANY_CHUNKS else max(1, -(-size // pieces)))
    return tuple(sizes)


def _array(group: Any, name: str, values: Any, *, compressed: bool = False) -> Any:
    shape = tuple(values.shape)
    if 0 in shape:
        return group.create_dataset(name, shape=shape, dtype=values.dtype)
    if isinstance(values, Reserved):
        return _room(group, name, values)
    packing = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if compressed else {}
    chunks = chunk_shape(shape)
    stored = group.create_dataset(name, shape=shape, dtype=values.dtype, chunks=chunks, **packing)
    # Block by block, so that a map larger than memory can be written, and each chunk once.
    height = max(1, 4096 // chunks[0]) * chunks[0]
    for start in range(0, shape[0], height):
        stored[start : start + height] = np.asarray(values[start : start + height])
    return stored


def _room(group: Any, name: str, values: Reserved) -> Any:
    """Give every chunk its place in the file now, and write nothing there, now or later."""
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    settings.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    chunks = (min(CHUNK[0], values.shape[0]), chunk_shape(values.shape)[1])
    return group.create_dataset(name, shape=values.shape, dtype=values.dtype, chunks=chunks, dcpl=settings)


def _products(entry: Any, products: Mapping[str, Any]) -> None:
    if not products:
        return
    group = _group(entry, "products", "NXcollection")
    for name, values in products.items():
        _array(group, name, values)


def _columns(entry: Any, dataset: OperandoDataset) -> None:
    group = _group(entry, "columns", "NXcollection")
    for name, values in dataset.columns.items():
        stored = group.create_dataset(name, data=values)
        unit = unit_of(name)
        if unit:
            stored.attrs["units"] = unit


def _instrument(entry: Any, dataset: OperandoDataset) -> None:
    metadata = dataset.metadata
    instrument = _group(entry, "instrument", "NXinstrument")
    if dataset.axis_kind == "raman_shift":
        instrument["scattering_configuration"] = "z(..)z"  # Porto's notation of backscattering, nothing polarised
    _beam(instrument, dataset)
    detector = _group(instrument, "detector_main", "NXdetector")  # the definition matches detector_<anything>
    detector.attrs["target"] = detector.name  # NeXus wants the target of a link to name itself
    detector["detector_channel_type"] = "multichannel" if dataset.n_channels != 1 else "single-channel"
    if metadata.instrument.detector:
        detector["description"] = _words(metadata.instrument.detector)
    if "exposure_s" in dataset.columns:
        detector["count_time"] = entry["columns"]["exposure_s"]
    instrument["detector"] = h5py.SoftLink(detector.name)  # its path in files of Spectrode 0.1
    if metadata.instrument.model or metadata.instrument.vendor:
        device = _group(instrument, "device_information", "NXfabrication")
        for name in ("vendor", "model"):
            value = getattr(metadata.instrument, name)
            if value:
                device[name] = _words(value)


def _beam(instrument: Any, dataset: OperandoDataset) -> None:
    laser = dataset.metadata.laser
    beam = _group(instrument, "beam_incident", "NXbeam")
    beam["parameter_reliability"] = "nominal"
    raman, wavelength = dataset.axis_kind == "raman_shift", laser.wavelength_nm
    if raman or wavelength is not None:
        name = "wavelength" if raman else "incident_wavelength"
        beam[name] = np.nan if wavelength is None else float(wavelength)
        beam[name].attrs["units"] = "nm"
    if laser.power_mw is not None:
        beam["average_power"] = float(laser.power_mw)
        beam["average_power"].attrs["units"] = "mW"
    if laser.spot_um is not None:
        beam["extent"] = 2 * float(laser.spot_um)  # a width there, a radius here
        beam["extent"].attrs["units"] = "µm"


def _sample(entry: Any, dataset: OperandoDataset) -> None:
    metadata = dataset.metadata
    sample = _group(entry, "sample", "NXsample")
    sample["name"] = _words(metadata.sample.name or "unnamed")
    if metadata.sample.description:
        sample["description"] = _words(metadata.sample.description)
    reference = metadata.cell.reference_electrode
    present = [sensor for sensor in _SENSORS if sensor.column in dataset.columns]
    if present:
        cell = _group(sample, "electrochemistry", "NXenvironment")
        cell["type"] = "electrochemical cell"
        cell["description"] = _words(_cell_words(dataset))
        for sensor in present:
            words = sensor.description
            if sensor.column == "potential_v":
                words += f", versus {reference}"
            _log(entry, cell, sensor.column, sensor, words, metadata.started_at)
    if "temperature_c" in dataset.columns:
        environment = _group(sample, "temperature_env", "NXenvironment")
        sensor = _Sensor("temperature_c", "temperature", "temperature of the sample stage or cell")
        _log(entry, environment, "temperature_sensor", sensor, sensor.description, metadata.started_at)


def _cell_words(dataset: OperandoDataset) -> str:
    cell = dataset.metadata.cell
    parts = {
        "reference electrode": cell.reference_electrode,
        "electrolyte": cell.electrolyte,
        "window": cell.window,
    }
    return "; ".join(f"{name}: {value or _NOT_STATED}" for name, value in parts.items())


def _log(entry: Any, environment: Any, name: str, sensor: _Sensor, words: str, start: datetime | None) -> None:
    """Write a sensor whose values link to a column; its times are relative to ``start``."""
    group = _group(environment, name, "NXsensor")
    _term(group, "measurement", sensor.measurement, sensor.custom)
    group["name"] = _words(words)
    log = _group(group, "value_log", "NXlog")
    log["value"] = entry["columns"][sensor.column]
    if "time_s" in entry["columns"]:
        time = log.create_dataset("time", data=entry["columns"]["time_s"][()])
        time.attrs["units"] = "s"
        if start is not None:
            time.attrs["start"] = start.isoformat()


def _images(entry: Any, dataset: OperandoDataset) -> None:
    images = dataset.metadata.images
    if not images:
        return
    group = _group(entry, "images", "NXcollection")
    for number, image in enumerate(images):
        stored = group.create_dataset(str(number), data=np.asarray(image.pixels), compression="gzip")
        stored.attrs["name"] = _words(image.name)
        for edge in ("x_um", "y_um"):
            value = getattr(image, edge)
            if value is not None:
                stored.attrs[edge] = value


def _own(entry: Any, dataset: OperandoDataset) -> None:
    own = _group(entry, "spectrode", "NXcollection")
    own.attrs["file_version"] = FILE_VERSION
    own["axis_kind"] = dataset.axis_kind
    own["scan_shape"] = json.dumps(plain(dataset.scan_shape))
    own["metadata"] = json.dumps(metadata_to_dict(dataset.metadata), ensure_ascii=False)
    own["history"] = json.dumps([record_to_dict(r) for r in dataset.history], ensure_ascii=False)


WRITER = Writer(
    name="native",
    description="Spectrode's own file (HDF5, NeXus NXraman); loses nothing",
    extensions=(".h5", ".hdf5", ".nxs"),
    save=save,
)
