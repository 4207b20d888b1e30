"""Zarr (format 3) as a folder; see :mod:`spectrode.writers.zarr_store` for the layout."""

from __future__ import annotations

from .registry import Writer
from .zarr_store import save_folder

__all__ = ["WRITER"]

WRITER = Writer(
    name="zarr-folder",
    description="Zarr 3 store as a folder, for maps larger than memory; loses nothing",
    extensions=(".zarr",),
    save=save_folder,
    folder=True,
)
