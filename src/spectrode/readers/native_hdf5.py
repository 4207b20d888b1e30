"""Reads the native file (see :mod:`spectrode.writers.native_hdf5` for its layout).

Structure: HDF5, ``/entry/spectrode`` marks the file as ours. Times, positions and all columns come back as written.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..dataset import OperandoDataset
from ..errors import UnreadableFile
from ..metadata import FieldImage
from ..serialise import metadata_from_dict, record_from_dict
from .registry import Reader

__all__ = ["READER", "load", "load_from"]

_MAGIC = b"\x89HDF\r\n\x1a\n"


def _sniff(path: Path, head: bytes) -> bool:
    if not head.startswith(_MAGIC):
        return False
    try:
        with h5py.File(path, "r") as file:
            return "entry/spectrode" in file
    except OSError:
        # A damaged HDF5 file: claim it only by its usual ending, so that reading says what is wrong.
        return path.suffix.lower() in (".h5", ".hdf5", ".nxs")


def load(path: Path) -> OperandoDataset:
    """Read a native file whole."""
    try:
        with h5py.File(path, "r") as file:
            return load_from(file, path)
    except OSError as error:
        raise UnreadableFile(path, f"is a damaged HDF5 file ({error})") from None


def load_from(file: Any, path: Path) -> OperandoDataset:
    """Read a dataset from an open HDF5 file."""
    from ..writers.native_hdf5 import FILE_VERSION

    if "entry/spectrode" not in file:
        raise UnreadableFile(path, "is an HDF5 file, but not one that Spectrode wrote (no /entry/spectrode)")
    entry = file["entry"]
    own = entry["spectrode"]
    version = int(own.attrs.get("file_version", 0))
    if version > FILE_VERSION:
        raise UnreadableFile(path, f"has file version {version}; this Spectrode reads up to {FILE_VERSION}: update it")
    data = entry["data"]
    metadata = metadata_from_dict(json.loads(own["metadata"][()]))
    scan_shape = tuple((str(name), int(size)) for name, size in json.loads(own["scan_shape"][()]))
    return OperandoDataset(
        intensity=data["intensity"][()],
        shift=data["shift"][()],
        columns={name: entry["columns"][name][()] for name in entry["columns"]},
        scan_shape=scan_shape,
        metadata=metadata.replace(images=_images(entry)),
        mask=data["mask"][()] if "mask" in data else None,
        variance=data["intensity_variance"][()] if "intensity_variance" in data else None,
        history=tuple(record_from_dict(r) for r in json.loads(own["history"][()])),
        axis_kind=own["axis_kind"][()].decode(),
    )


def _images(entry: Any) -> tuple[FieldImage, ...]:
    if "images" not in entry:
        return ()
    found = []
    for number in sorted(entry["images"], key=int):
        stored = entry["images"][number]
        name = str(stored.attrs["name"])
        found.append(FieldImage(name, stored[()], _edges(stored, "x_um"), _edges(stored, "y_um")))
    return tuple(found)


def _edges(stored: Any, name: str) -> tuple[float, float] | None:
    if name not in stored.attrs:
        return None
    low, high = np.asarray(stored.attrs[name], dtype=float)
    return float(low), float(high)


READER = Reader(
    name="native",
    description="Spectrode's own file (HDF5, NeXus NXraman)",
    extensions=(".h5", ".hdf5", ".nxs"),
    sniff=_sniff,
    load=load,
)
