"""Interchange with xarray: a dataset as ``xarray.Dataset`` with dimensions ``spectrum`` and ``shift``, and back.

Numbers become variables: ``intensity``, ``mask``, ``variance``; columns become coordinates along ``spectrum``. What is
no array (metadata, history, scan shape) is JSON in the attributes, so that a netCDF file made of it loses nothing.
White-light images become variables of their own dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from ..columns import unit_of
from ..dataset import OperandoDataset
from ..errors import InvalidDataset, SpectrodeError
from ..metadata import FieldImage
from ._attributes import ATTRIBUTE, fields_of, pair, parse, variable_name, words_of

__all__ = ["from_xarray", "to_xarray"]


def _xarray() -> Any:
    try:
        return import_module("xarray")
    except ImportError as error:
        raise SpectrodeError(
            f"xarray cannot be imported ({error}); install it with: pip install 'spectrode[xarray]'"
        ) from error


def to_xarray(dataset: OperandoDataset) -> Any:
    """Return a dataset as an ``xarray.Dataset``.

    Returns
    -------
    xarray.Dataset
        Variable ``intensity`` (spectrum, shift), and ``mask`` and ``variance`` if there are any; coordinates ``shift``
        (cm-1, or nm for a wavelength axis) and every column, with units. Lazy intensities stay lazy.
    """
    matrix = ("spectrum", "shift")
    unit = "1/cm" if dataset.axis_unit == "cm-1" else "nm"
    variables: dict[str, Any] = {"intensity": (matrix, dataset.intensity)}
    for name in ("mask", "variance"):
        if getattr(dataset, name) is not None:
            variables[name] = (matrix, getattr(dataset, name))
    for number, image in enumerate(dataset.metadata.images):
        pixels = np.asarray(image.pixels)
        dims = tuple(f"image_{number}_{axis}" for axis in ("row", "column", "colour")[: pixels.ndim])
        variables[f"image_{number}"] = (dims, pixels)
    coordinates: dict[str, Any] = {"shift": ("shift", dataset.shift, {"units": unit, "long_name": dataset.axis_label})}
    for name, values in dataset.columns.items():
        attributes = {"units": unit_of(name)} if unit_of(name) not in ("", "s") else {}
        # A unit "s" would make xarray decode the column as a duration when it reads a netCDF file.
        coordinates[variable_name(name)] = ("spectrum", values, attributes or {"long_name": name})
    attributes = {"title": _words(dataset.metadata.title or "untitled"), ATTRIBUTE: words_of(dataset)}
    return _xarray().Dataset(variables, coordinates, attributes)


def _words(text: str) -> str:
    return text.replace("\0", "")


def from_xarray(data: Any) -> OperandoDataset:
    """Return a dataset from an ``xarray.Dataset``.

    Parameters
    ----------
    data
        With a variable ``intensity`` over (spectrum, shift) and a coordinate ``shift``: one that :func:`to_xarray`
        made, or one of your own. Numeric coordinates along ``spectrum`` become columns; without our attributes the axis
        is taken from the ``units`` of ``shift`` (1/cm: Raman shift; nm: wavelength).

    Raises
    ------
    InvalidDataset
        If it is no such dataset.
    """
    if not hasattr(data, "data_vars") or "intensity" not in data or "shift" not in data.coords:
        raise InvalidDataset("an xarray.Dataset with a variable intensity and a coordinate shift is needed")
    if set(data["intensity"].dims) != {"spectrum", "shift"}:
        raise InvalidDataset(f"intensity must have the dimensions (spectrum, shift), not {data['intensity'].dims}")
    matrix = data["intensity"].transpose("spectrum", "shift")
    own = parse(data.attrs[ATTRIBUTE]) if ATTRIBUTE in data.attrs else {}
    fields = fields_of(own)
    return OperandoDataset(
        intensity=_values(matrix),
        shift=np.array(data["shift"].values, dtype=np.float64),
        columns=_columns(data, own),
        mask=data["mask"].transpose("spectrum", "shift").values.astype(bool) if "mask" in data else None,
        variance=data["variance"].transpose("spectrum", "shift").values if "variance" in data else None,
        axis_kind=own.get("axis_kind") or _axis_kind(data["shift"]),
        **{**fields, "metadata": fields["metadata"].replace(images=_images(data, own))},
    )


def _values(array: Any) -> Any:
    lazy = hasattr(array.data, "compute") and hasattr(array.data, "dask")
    return array.data if lazy else array.values


def _axis_kind(shift: Any) -> Any:
    unit = str(shift.attrs.get("units", "1/cm")).lower()
    if unit in ("nm", "nanometer", "nanometers"):
        return "wavelength"
    if unit in ("1/cm", "cm-1", "cm^-1", "cm⁻¹"):
        return "raman_shift"
    raise InvalidDataset(f"the coordinate shift is in {unit!r}; 1/cm and nm are known")


def _columns(data: Any, own: Mapping[str, Any]) -> dict[str, Any]:
    if "columns" in own:
        return {name: data[variable].values for name, variable in own["columns"].items() if variable in data.variables}
    along = [name for name, c in data.coords.items() if c.dims == ("spectrum",) and name != "spectrum"]
    return {str(name): data[name].values for name in along if data[name].dtype.kind in "fiub"}


def _images(data: Any, own: Mapping[str, Any]) -> tuple[FieldImage, ...]:
    found = []
    for number, (name, x_um, y_um) in enumerate(own.get("images", ())):
        if f"image_{number}" in data:
            found.append(FieldImage(name, data[f"image_{number}"].values, pair(x_um), pair(y_um)))
    return tuple(found)
