"""netCDF-4 files that :mod:`spectrode.writers.xarray_netcdf` wrote, by h5py alone (xarray is not needed to read).

Structure. HDF5 with a root attribute ``spectrode`` (JSON: axis, scan, metadata, history, names of columns); variables
``intensity`` (spectrum, shift), ``shift``, ``mask``, ``variance``, one (spectrum,) variable a column, ``image_<n>``.
Units and times are those of the columns (:mod:`spectrode.columns`); all comes back as it was written.

Not read: netCDF files of other programs; open them with xarray and hand the dataset to
:func:`spectrode.interop.xarray.from_xarray`.

Tests use files that the writer makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset import OperandoDataset
from ..errors import UnreadableFile
from ..interop._attributes import ATTRIBUTE, fields_of, pair, parse
from ..metadata import FieldImage
from ._hdf5 import attribute, checked_array, opened, sniffed, text_of
from .registry import Reader

__all__ = ["READER", "load"]


def sniff(path: Path, head: bytes) -> bool:
    """Recognise HDF5 with our attribute at the root."""
    file = sniffed(path, head)
    if file is None:
        return False
    with file:
        try:
            return attribute(file, ATTRIBUTE) is not None and "intensity" in file
        except (OSError, RuntimeError, KeyError, ValueError):
            return False


def load(path: Path) -> OperandoDataset:
    """Read a file whole.

    Raises
    ------
    UnreadableFile
        If it is damaged, or not written by Spectrode.
    """
    with opened(path) as file:
        text = attribute(file, ATTRIBUTE)
        if text is None or "intensity" not in file:
            raise UnreadableFile(path, "is not a netCDF file that Spectrode wrote (no attribute spectrode)")
        own = parse(text_of(text))
        fields = fields_of(own)
        return OperandoDataset(
            intensity=checked_array(file["intensity"], path),
            shift=checked_array(file["shift"], path),
            columns={name: checked_array(file[variable], path) for name, variable in own["columns"].items()},
            mask=np.asarray(checked_array(file["mask"], path)).astype(bool) if "mask" in file else None,
            variance=checked_array(file["variance"], path) if "variance" in file else None,
            axis_kind=own["axis_kind"],
            **{**fields, "metadata": fields["metadata"].replace(images=_images(file, path, own))},
        )


def _images(file: Any, path: Path, own: Mapping[str, Any]) -> tuple[FieldImage, ...]:
    return tuple(
        FieldImage(str(name), checked_array(file[f"image_{number}"], path), pair(x_um), pair(y_um))
        for number, (name, x_um, y_um) in enumerate(own["images"])
    )


READER = Reader(
    name="netcdf",
    description="netCDF-4 file that Spectrode wrote",
    extensions=(".nc", ".netcdf"),
    sniff=sniff,
    load=load,
    gives=("times", "start with zone", "positions", "scan", "laser", "power", "image"),
)
