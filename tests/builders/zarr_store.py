"""Small Zarr stores in zip files, as the writer makes them: the reader's only source. None without zarr."""

from __future__ import annotations

import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from builders import native_hdf5
from spectrode.writers.zarr_store import save


@cache
def examples() -> dict[str, bytes]:
    """Return small legal files by name."""
    if find_spec("zarr") is None:
        return {}
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, dataset in native_hdf5.datasets().items():
            path = Path(folder) / f"{Path(name).stem}.zarr.zip"
            save(dataset, path)
            made[path.name] = path.read_bytes()
    return made
