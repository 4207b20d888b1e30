"""netCDF-4 by xarray and h5netcdf: for programs of the geosciences, Julia, R and MATLAB.

The layout is that of :func:`spectrode.interop.xarray.to_xarray`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from ..dataset import OperandoDataset
from ..errors import SpectrodeError
from ..interop.xarray import to_xarray
from .registry import Writer

__all__ = ["WRITER", "save"]


def save(dataset: OperandoDataset, path: Path) -> None:
    """Write a netCDF-4 file.

    Raises
    ------
    SpectrodeError
        If xarray or h5netcdf is not installed; the sentence says how to.
    """
    data = to_xarray(dataset)
    try:
        import_module("h5netcdf")
    except ImportError as error:
        raise SpectrodeError(
            f"netCDF files need h5netcdf ({error}); install it with: pip install 'spectrode[xarray]'"
        ) from error
    packed: dict[str, Any] = {"zlib": True, "complevel": 4, "shuffle": True}
    encoding = {}
    for name, variable in data.variables.items():
        # NaN is a value here; a fill value would only make other programs mask it.
        encoding[name] = {"_FillValue": None} if variable.dtype.kind == "f" else {}
        if name in ("intensity", "variance", "mask") and variable.size:
            encoding[name].update(packed)
    data.to_netcdf(path, engine="h5netcdf", encoding=encoding)


WRITER = Writer(
    name="netcdf",
    description="netCDF-4 (xarray); loses nothing",
    extensions=(".nc", ".netcdf"),
    save=save,
)
