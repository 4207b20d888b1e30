"""Small netCDF files, as the writer makes them: the reader's only source. None where xarray is not installed."""

from __future__ import annotations

import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from builders import native_hdf5
from spectrode.writers import write


@cache
def examples() -> dict[str, bytes]:
    """Return small legal files by name."""
    if find_spec("xarray") is None or find_spec("h5netcdf") is None:
        return {}
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, dataset in native_hdf5.datasets().items():
            path = Path(folder) / f"{Path(name).stem}.nc"
            write(dataset, path)
            made[path.name] = path.read_bytes()
    return made
