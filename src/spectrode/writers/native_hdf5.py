"""The native file: HDF5 laid out as NeXus ``NXraman``, so that any NeXus viewer shows the spectra.

Layout (``/entry`` is the default ``NXentry``)::

    /entry/definition                 "NXraman"
    /entry/data                       NXdata: intensity (spectrum, shift), shift, mask, variance
    /entry/columns                    NXcollection: one (spectra,) array a column, with units
    /entry/instrument                 beam_incident, detector, as far as known
    /entry/sample/electrochemistry    NXenvironment: sensors whose value_log links to the columns
    /entry/images/<n>                 white-light images with their edges in micrometres
    /entry/spectrode                  scan shape, kind of axis, metadata and history as JSON, file version

Numbers are stored in the type they have. Intensities are chunked by (512, 128), so that one spectrum and one band image
are both quick to read, and compressed with gzip, which every HDF5 library can read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .._version import __version__
from ..columns import unit_of
from ..dataset import OperandoDataset
from ..serialise import metadata_to_dict, plain, record_to_dict
from .registry import Writer

__all__ = ["FILE_VERSION", "WRITER", "save", "save_into"]

FILE_VERSION = 1
_DEFINITION_URL = "https://github.com/FAIRmat-NFDI/nexus_definitions"
_DEFINITION_VERSION = "v2026.01"
_SENSORS = ("potential_v", "current_ma", "charge_mah", "temperature_c")


def save(dataset: OperandoDataset, path: Path) -> None:
    """Write a dataset to a new file."""
    with h5py.File(path, "w") as file:
        save_into(dataset, file)


def save_into(dataset: OperandoDataset, file: Any) -> None:
    """Write a dataset into an open, empty HDF5 file."""
    file.attrs["default"] = "entry"
    file.attrs["creator"] = f"spectrode {__version__}"
    entry = _group(file, "entry", "NXentry")
    entry.attrs["default"] = "data"
    _header(entry, dataset)
    _data(entry, dataset)
    _columns(entry, dataset)
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
    entry["definition"] = "NXraman"
    entry["definition"].attrs["version"] = _DEFINITION_VERSION
    entry["definition"].attrs["URL"] = _DEFINITION_URL
    entry["title"] = metadata.title or "untitled"
    entry["experiment_type"] = "Raman spectroscopy"
    entry["raman_experiment_type"] = "in situ Raman spectroscopy"
    if metadata.started_at is not None:
        entry["start_time"] = metadata.started_at.isoformat()


def _data(entry: Any, dataset: OperandoDataset) -> None:
    group = _group(entry, "data", "NXdata")
    group.attrs["signal"] = "intensity"
    group.attrs["axes"] = ["spectrum", "shift"]
    group["spectrum"] = np.arange(dataset.n_spectra)
    shift = group.create_dataset("shift", data=dataset.shift)
    shift.attrs["units"] = "1/cm" if dataset.axis_unit == "cm-1" else "nm"
    shift.attrs["long_name"] = dataset.axis_label
    stored = _array(group, "intensity", dataset.intensity)
    stored.attrs["units"] = "counts"
    if dataset.mask is not None:
        _array(group, "mask", dataset.mask)
    if dataset.variance is not None:
        _array(group, "intensity_variance", dataset.variance)


def _array(group: Any, name: str, values: Any) -> Any:
    shape = tuple(values.shape)
    if 0 in shape:
        return group.create_dataset(name, shape=shape, dtype=values.dtype)
    chunks = tuple(min(size, limit) for size, limit in zip(shape, (512, 128), strict=False))
    stored = group.create_dataset(
        name, shape=shape, dtype=values.dtype, chunks=chunks, compression="gzip", compression_opts=4, shuffle=True
    )
    # Block by block, so that a map larger than memory can be written.
    for start in range(0, shape[0], 4096):
        stored[start : start + 4096] = np.asarray(values[start : start + 4096])
    return stored


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
    instrument["scattering_configuration"] = "z(..)z"
    beam = _group(instrument, "beam_incident", "NXbeam")
    beam["parameter_reliability"] = "nominal"
    wavelength = metadata.laser.wavelength_nm
    beam["wavelength"] = np.nan if wavelength is None else float(wavelength)
    beam["wavelength"].attrs["units"] = "nm"
    if metadata.laser.power_mw is not None:
        beam["average_power"] = float(metadata.laser.power_mw)
        beam["average_power"].attrs["units"] = "mW"
    detector = _group(instrument, "detector", "NXdetector")
    detector["detector_channel_type"] = "multichannel"
    if metadata.instrument.model or metadata.instrument.vendor:
        device = _group(instrument, "device_information", "NXfabrication")
        for name in ("vendor", "model"):
            value = getattr(metadata.instrument, name)
            if value:
                device[name] = value


def _sample(entry: Any, dataset: OperandoDataset) -> None:
    sample = _group(entry, "sample", "NXsample")
    sample["name"] = dataset.metadata.sample.name or "unnamed"
    present = [name for name in _SENSORS if name in dataset.columns]
    if not present:
        return
    cell = _group(sample, "electrochemistry", "NXenvironment")
    if dataset.metadata.cell.reference_electrode:
        cell["reference_electrode"] = dataset.metadata.cell.reference_electrode
    for name in present:
        sensor = _group(cell, name, "NXsensor")
        sensor["measurement"] = {"potential_v": "voltage", "current_ma": "current"}.get(name, name)
        log = _group(sensor, "value_log", "NXlog")
        log["value"] = entry["columns"][name]  # a hard link: stored once
        if "time_s" in dataset.columns:
            log["time"] = entry["columns"]["time_s"]


def _images(entry: Any, dataset: OperandoDataset) -> None:
    images = dataset.metadata.images
    if not images:
        return
    group = _group(entry, "images", "NXcollection")
    for number, image in enumerate(images):
        stored = group.create_dataset(str(number), data=np.asarray(image.pixels), compression="gzip")
        stored.attrs["name"] = image.name
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
