"""Reads the native file (see :mod:`spectrode.writers.native_hdf5` for its layout).

Structure: HDF5, ``/entry/spectrode`` marks the file as ours. Times, positions and all columns come back as written, in
the units of :mod:`spectrode.columns`. Intensities can stay in the file (``lazy``).

Not read: what is there for NeXus viewers only (instrument, sensors), and the results of an analysis, which
:func:`spectrode.results.load_result` reads. NeXus files of others belong to :mod:`spectrode.readers.nexus_raman`.

Tests use files that the writer makes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset import OperandoDataset
from ..errors import UnreadableFile
from ..metadata import FieldImage
from ..serialise import metadata_from_dict, record_from_dict
from ._hdf5 import MAGIC, attribute, checked_array, opened, sniffed, text_of
from ._lazy import FileStamp, HDF5Rows, as_dask
from .registry import Reader

__all__ = ["READER", "lazy_arrays", "load", "load_from"]


def _sniff(path: Path, head: bytes) -> bool:
    if not head.startswith(MAGIC):
        return False
    file = sniffed(path, head)
    if file is None:
        # A damaged HDF5 file: claim it only by its usual ending, so that reading says what is wrong.
        return path.suffix.lower() in (".h5", ".hdf5", ".nxs")
    with file:
        try:
            return "entry/spectrode" in file
        except (RuntimeError, KeyError, ValueError):
            return False


def load(path: Path, *, lazy: bool = False) -> OperandoDataset:
    """Read a native file.

    Parameters
    ----------
    lazy
        Leave the intensities in the file, as a dask array.
    """
    with opened(path) as file:
        return load_from(file, path, lazy=lazy)


def load_from(file: Any, path: Path, *, lazy: bool = False, arrays: bool = True) -> OperandoDataset:
    """Read a dataset from an open HDF5 file.

    Parameters
    ----------
    lazy
        Leave the intensities in the file, as a dask array.
    arrays
        False leaves mask and variance out, for those who read them by :func:`lazy_arrays`.
    """
    from ..writers.native_hdf5 import FILE_VERSION

    if "entry/spectrode" not in file:
        raise UnreadableFile(path, "is an HDF5 file, but not one that Spectrode wrote (no /entry/spectrode)")
    entry = file["entry"]
    own = entry["spectrode"]
    version = int(attribute(own, "file_version", 0))
    if version > FILE_VERSION:
        raise UnreadableFile(path, f"has file version {version}; this Spectrode reads up to {FILE_VERSION}: update it")
    data = entry["data"]
    words = {name: text_of(checked_array(own[name], path)) for name in ("metadata", "scan_shape", "history")}
    metadata = metadata_from_dict(json.loads(words["metadata"]))
    scan_shape = tuple((str(name), int(size)) for name, size in json.loads(words["scan_shape"]))
    return OperandoDataset(
        intensity=_lazy_rows(data["intensity"], path) if lazy else checked_array(data["intensity"], path),
        shift=checked_array(data["shift"], path),
        columns={name: checked_array(entry["columns"][name], path) for name in entry["columns"]},
        scan_shape=scan_shape,
        metadata=metadata.replace(images=_images(entry, path)),
        mask=checked_array(data["mask"], path).astype(bool) if arrays and "mask" in data else None,
        variance=checked_array(data["intensity_variance"], path) if arrays and "intensity_variance" in data else None,
        history=tuple(record_from_dict(r) for r in json.loads(words["history"])),
        axis_kind=text_of(checked_array(own["axis_kind"], path)),  # type: ignore[arg-type]  # checked by the dataset
    )


def lazy_arrays(file: Any, path: Path) -> dict[str, HDF5Rows]:
    """Return ``intensity``, and ``mask`` (as numbers) and ``variance`` if there are any, without reading them."""
    names = {"intensity": "intensity", "mask": "mask", "variance": "intensity_variance"}
    data = file["entry/data"]
    found = {name: _rows_of(data[stored], path) for name, stored in names.items() if stored in data}
    shapes = {rows.shape for rows in found.values()}
    if len(shapes) > 1:
        raise UnreadableFile(path, f"holds intensities, mask and variance of different shapes {sorted(shapes)}")
    return found


def _rows_of(stored: Any, path: Path) -> HDF5Rows:
    if stored.ndim != 2 or stored.dtype.kind not in "fiu":
        raise UnreadableFile(path, f"holds intensities of shape {stored.shape} and type {stored.dtype}")
    return HDF5Rows(FileStamp.of(path), stored.name, stored.shape, stored.dtype)


def _lazy_rows(stored: Any, path: Path) -> Any:
    return as_dask(_rows_of(stored, path), multiple_of=stored.chunks[0] if stored.chunks else 1)


def _images(entry: Any, path: Path) -> tuple[FieldImage, ...]:
    if "images" not in entry:
        return ()
    found = []
    for number in sorted(entry["images"], key=int):
        stored = entry["images"][number]
        name = text_of(attribute(stored, "name", number))
        found.append(FieldImage(name, checked_array(stored, path), _edges(stored, "x_um"), _edges(stored, "y_um")))
    return tuple(found)


def _edges(stored: Any, name: str) -> tuple[float, float] | None:
    value = attribute(stored, name)
    if value is None:
        return None
    low, high = np.asarray(value, dtype=float)
    return float(low), float(high)


READER = Reader(
    name="native",
    description="Spectrode's own file (HDF5, NeXus NXraman)",
    extensions=(".h5", ".hdf5", ".nxs"),
    sniff=_sniff,
    load=load,
    lazy=True,
    gives=("times", "start with zone", "positions", "scan", "laser", "power", "image"),
)
